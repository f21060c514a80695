// What is counted of streamed answers: times, waits that were cut, goals, and statistics that are set back.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

static locust__request_stats stats;
static locust__recorder rec = {.stats = &stats, .has_arrivals = true};

static const locust__tally *total(void)
{
    return locust__tally_find(&rec, &stats.total);
}

/* A stream with a first token after so many ms, and three gaps of `gap_ms`. */
static void stream(locust__tally_end end, double ttft_ms, double gap_ms, double late_ms)
{
    locust__hist gaps = {.total = 0};
    locust__tally_stream s;
    memset(&s, 0, sizeof s);
    s.end = end;
    s.begun = true;
    s.late_ms = late_ms;
    s.took_ns = 5 * LOCUST__S;
    s.gaps = &gaps;
    s.output = ttft_ms > 0 ? 4 : 0;
    s.counted = true;
    s.events = 6;
    s.reads = 3;
    s.most = 2;
    if (ttft_ms > 0) {
        int64_t gap_ns = locust__number_round(gap_ms * 1e6);
        locust__hist_record_many(&gaps, gap_ns, 3);
        s.gap_sum_ns = 3 * gap_ms * 1e6;
        s.gap_min_ns = s.gap_max_ns = gap_ns;
        s.ns[LOCUST__TALLY_TTFT] = ttft_ms * 1e6;
        s.ns[LOCUST__TALLY_INTENDED_TTFT] = (ttft_ms + late_ms) * 1e6;
        s.ns[LOCUST__TALLY_ITL] = s.ns[LOCUST__TALLY_TPOT] = gap_ms * 1e6;
        s.ns[LOCUST__TALLY_E2E] = (ttft_ms + 3 * gap_ms) * 1e6;
        s.ns[LOCUST__TALLY_INTENDED_E2E] = s.ns[LOCUST__TALLY_E2E] + late_ms * 1e6;
    }
    locust__tallies_count(&rec, locust__stats_find(&stats, "POST", "/chat"), &s);
    locust__hist_free(&gaps);
}

static double percentile_ms(locust__tally_what what, double share)
{
    int64_t ns;
    return locust__tally_percentile_ns(total(), what, share, &ns) ? (double)ns / 1e6 : -1;
}

static bool near(double got, double want)
{
    return got > want * 0.995 && got < want * 1.005; // a bucket is 0.4 %
}

static void begin(void)
{
    if (rec.tallies)
        rec.tallies->free(rec.tallies);
    rec.tallies = NULL;
    locust__stats_free(&stats);
    locust__stats_init(&stats);
    stats.start_ns = 1;
}

static void times_of_whole_streams(void)
{
    begin();
    for (int i = 1; i <= 100; i++)
        stream(LOCUST__TALLY_COMPLETE, i, 20, 1000);
    stream(LOCUST__TALLY_FAILED, 9999, 9999, 0);
    stream(LOCUST__TALLY_CUT, 9999, 9999, 0);
    CHECK_INT(total()->complete, 100);
    CHECK_INT(total()->failed, 1);
    CHECK_INT(total()->broken, 1);
    CHECK_INT(total()->cut, 1);
    CHECK_INT(total()->tokens, 400);
    CHECK_INT(total()->broken_tokens, 4);
    CHECK_INT(total()->left_tokens, 4);
    CHECK_INT(total()->events, 612);
    CHECK_INT(total()->most, 2);
    CHECK_INT(total()->times[LOCUST__TALLY_ITL].phase.hist.total, 300);
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 0.5), 51)); // element floor(100 * 0.5), from 0
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 1), 100));
    CHECK(near(percentile_ms(LOCUST__TALLY_INTENDED_TTFT, 0.5), 1051));
    CHECK(near(percentile_ms(LOCUST__TALLY_E2E, 1), 160));
    CHECK(near(percentile_ms(LOCUST__TALLY_ITL, 0.99), 20));
    CHECK(near(locust__tally_mean_ns(&total()->times[LOCUST__TALLY_TTFT]) / 1e6, 50.5));
    CHECK_INT(total()->times[LOCUST__TALLY_TTFT].min_ns, LOCUST__MS);
    CHECK_INT(locust__tally_find(&rec, locust__stats_find(&stats, "POST", "/chat"))->complete, 100);
    CHECK(!locust__tally_find(&rec, locust__stats_find(&stats, "GET", "/other")));
}

/* Of 20 users ten give up after 5 s without a token: half of all took longer than the others. */
static void waits_that_were_cut(void)
{
    begin();
    for (int i = 1; i <= 10; i++) {
        stream(LOCUST__TALLY_COMPLETE, i, 20, 0);
        stream(LOCUST__TALLY_GIVEN_UP, 0, 0, 500);
    }
    CHECK_INT(total()->given_up, 10);
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 0.25), 6));
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 0.75), 5000));
    CHECK(near(percentile_ms(LOCUST__TALLY_INTENDED_TTFT, 0.75), 5500));
    CHECK(near(percentile_ms(LOCUST__TALLY_E2E, 0.75), 68)); // of those that came to their end
    begin();
    stream(
        LOCUST__TALLY_GIVEN_UP, 7, 30, 0); // left in mid-stream: what came counts, its end does not
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 0.5), 7));
    CHECK(near(percentile_ms(LOCUST__TALLY_ITL, 0.5), 30));
    CHECK(percentile_ms(LOCUST__TALLY_E2E, 0.5) < 0);
    CHECK(percentile_ms(LOCUST__TALLY_TPOT, 0.5) < 0);
}

static void goals(void)
{
    locust__goal both = {.max_ns = {[LOCUST__TALLY_TTFT] = 200e6, [LOCUST__TALLY_TPOT] = 50e6}};
    locust__goal whole = {.max_ns = {[LOCUST__TALLY_E2E] = 1e9}};
    int first = locust__goals_number(&both), second = locust__goals_number(&whole);
    CHECK_INT(locust__goals_number(&both), first);
    CHECK(first != second);
    begin();
    stream(LOCUST__TALLY_COMPLETE, 100, 20, 0); // good
    stream(
        LOCUST__TALLY_COMPLETE, 200, 20, 0); // first token too late: the limit is not met by itself
    stream(LOCUST__TALLY_COMPLETE, 100, 50, 0); // gaps too long
    stream(LOCUST__TALLY_FAILED, 100, 20, 0);   // broken
    stream(LOCUST__TALLY_GIVEN_UP, 100, 20, 0); // good as far as it came
    stream(LOCUST__TALLY_GIVEN_UP, 0, 0, 0);    // no token
    stream(LOCUST__TALLY_CUT, 100, 20, 0);      // by the end of the test: not judged
    CHECK_INT(total()->judged[first], 6);
    CHECK_INT(total()->good[first], 2);
    CHECK_INT(total()->good[second], 3); // whole ones
    for (int i = 0; i < LOCUST__GOALS; i++) {
        locust__goal more = {.max_ns = {[LOCUST__TALLY_ITL] = 1e6 * (i + 1)}};
        locust__goals_number(&more);
    }
    CHECK_INT(locust__goals.n, LOCUST__GOALS);
    whole.max_ns[0] = 77;
    CHECK_INT(locust__goals_number(&whole), -1);
}

static void set_back(void)
{
    begin();
    stream(LOCUST__TALLY_COMPLETE, 100, 20, 0);
    locust__stats_reset(&stats, 2);
    CHECK_INT(total()->complete, 0);
    CHECK(percentile_ms(LOCUST__TALLY_TTFT, 0.5) < 0);
    stream(LOCUST__TALLY_COMPLETE, 10, 20, 0);
    CHECK_INT(total()->complete, 1);
    CHECK(near(percentile_ms(LOCUST__TALLY_TTFT, 0.5), 10));
    begin();
    locust__stats_free(&stats);
}

TESTS({"times of whole streams", times_of_whole_streams},
    {"waits that were cut", waits_that_were_cut}, {"goals", goals},
    {"statistics that are set back", set_back}, )
