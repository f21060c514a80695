// One row of statistics: times, sizes, rates; with a clock made by hand.
// boards
#include "blocks.h"
#define LOCUST_MAX_ROWS 50
#define LOCUST__LAYERS  3
#include "../../tools/header/all.h"
#include "rows.h"

static void minimum_maximum_and_mean_are_exact(void)
{
    static const int64_t times[] = {1234567, 999, 3700000000001, 5000001, 777};
    int64_t sum = 0;
    const locust_stats *shown;
    begin();
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        request("GET", "/", times[i], NULL);
        sum += times[i];
    }
    request("GET", "/other", 42, NULL);
    CHECK_INT(row("GET", "/")->min_ns, 777);
    CHECK_INT(row("GET", "/")->max_ns, 3700000000001);
    CHECK_INT(row("GET", "/")->total_s * S + row("GET", "/")->total_ns, sum);
    CHECK_INT(st.total.min_ns, 42);
    CHECK_INT(st.total.total_s * S + st.total.total_ns, sum + 42);
    shown = locust__stats_show(&st, row("GET", "/"));
    CHECK_NEAR(shown->min_ms, 0.000777, 1e-12);
    CHECK_NEAR(shown->max_ms, 3700000.000001, 1e-6);
    CHECK_NEAR(shown->mean_ms, (double)sum / 5e6, 1e-6);
    CHECK_INT(shown->requests, 5);
    CHECK_INT(shown->bytes, 50);
    end();
}

static void percentiles_stay_inside_of_what_was_measured(void)
{
    begin();
    request("GET", "/", 1000700, NULL);
    for (int p = 0; p <= 100; p++)
        CHECK_INT(locust__entry_percentile_ns(row("GET", "/"), p / 100.0), 1000700);
    request("GET", "/", 2000300, NULL);
    CHECK_NEAR((double)locust__entry_percentile_ns(row("GET", "/"), 0), 1000700, 10000);
    CHECK_INT(locust__entry_percentile_ns(row("GET", "/"), 1), 2000300);
    CHECK_NEAR(locust_percentile_ms(locust__stats_show(&st, row("GET", "/")), 1), 2.0003, 1e-9);
    CHECK_INT(locust__entry_percentile_ns(&st.other, 0.5), 0); // nothing recorded
    CHECK_INT(locust__entry_percentile_ns(&st.other, 1), 0);
    end();
}

/* 90 answered after 1 to 90 ms; 10 cut after 200 to 290: at least as long as that. Neither minimum,
 * mean and maximum nor the counts know of those. */
static void what_was_cut_is_no_answer(void)
{
    const locust_stats *shown;
    locust__entry *r;
    begin();
    for (int i = 1; i <= 90; i++)
        request("GET", "/", i * MS, NULL);
    r = row("GET", "/");
    for (int i = 0; i < 10; i++)
        locust__entry_cut(r, (200 + 10 * i) * MS);
    shown = locust__stats_show(&st, r);
    CHECK_INT(shown->requests, 90);
    CHECK_INT(shown->unanswered, 10);
    CHECK_NEAR(shown->min_ms, 1, 1e-9);
    CHECK_NEAR(shown->mean_ms, 45.5, 1e-9);
    CHECK_NEAR(shown->max_ms, 90, 1e-9);
    CHECK_NEAR(locust_percentile_ms(shown, 0.5), 51, 0.51); // element 50 of 100
    CHECK_NEAR(locust_percentile_ms(shown, 0.89), 90, 0.9);
    CHECK_NEAR(locust_percentile_ms(shown, 0.9), 200, 2);
    CHECK_NEAR(locust_percentile_ms(shown, 0.95), 250, 2.5);
    CHECK_NEAR(locust_percentile_ms(shown, 1), 290, 1e-9);
    CHECK_INT(locust__entry_longest_ns(r), 290 * MS);
    locust__stats_reset(&st, T0);
    CHECK_INT(r->unanswered, 0);
    request("GET", "/", 5 * MS, NULL);
    CHECK_NEAR(locust_percentile_ms(locust__stats_show(&st, r), 1), 5, 1e-9);
    end();
}

/* Those of an ordinary end, cut sooner than any was answered, move nothing below the minimum. */
static void cut_early_moves_nothing(void)
{
    begin();
    for (int i = 0; i < 50; i++)
        request("GET", "/", 20 * MS, NULL);
    for (int i = 0; i < 50; i++)
        locust__entry_cut(row("GET", "/"), (i % 20) * MS);
    for (int p = 0; p <= 100; p++)
        CHECK_INT(locust__entry_percentile_ns(row("GET", "/"), p / 100.0), 20 * MS);
    locust__entry_cut(&st.other, 7 * S); // no answer at all: nothing is known
    CHECK_INT(locust__entry_percentile_ns(&st.other, 0.5), 0);
    CHECK(locust__stats_entry_at(&st, 1) == &st.other); // but it is a row
    end();
}

/* -- rates -- */

static double rps(const locust__entry *r, int64_t now_ns)
{
    double requests, failures;
    locust__stats_current_rates(&st, r, now_ns, &requests, &failures);
    return requests;
}

static double fps(const locust__entry *r, int64_t now_ns)
{
    double requests, failures;
    locust__stats_current_rates(&st, r, now_ns, &requests, &failures);
    return failures;
}

/* 100 a second for 30 s, every tenth failing, then silence. */
static void current_rate_covers_ten_whole_seconds(void)
{
    begin();
    for (int i = 0; i < 3000; i++)
        locust__stats_record(
            &st, "GET", i & 1 ? "/a" : "/b", MS, 0, i % 10 ? NULL : "bad", T0 + i * 10 * MS);
    CHECK_NEAR(rps(&st.total, T0 + 30 * S), 100, 1e-9);
    CHECK_NEAR(fps(&st.total, T0 + 30 * S), 10, 1e-9);
    CHECK_NEAR(rps(row("GET", "/a"), T0 + 30 * S), 50, 1e-9);
    for (int i = 0; i < 30; i++) // the second that runs is left out
        locust__stats_record(&st, "GET", "/c", MS, 0, NULL, T0 + 30 * S + i * MS);
    CHECK_NEAR(rps(&st.total, T0 + 30 * S + 999 * MS), 100, 1e-9);
    CHECK_NEAR(fps(&st.total, T0 + 30 * S + 999 * MS), 10, 1e-9);
    for (int quiet = 1; quiet <= 10; quiet++)
        CHECK_NEAR(rps(&st.total, T0 + (30 + quiet) * S), 10 * (10 - quiet) + 3, 1e-9);
    CHECK_NEAR(rps(row("GET", "/c"), T0 + 40 * S), 3, 1e-9);
    for (int quiet = 11; quiet < 100; quiet++)
        CHECK_NEAR(rps(&st.total, T0 + (30 + quiet) * S), 0, 1e-9);
    end();
}

static void current_rate_of_a_young_test(void)
{
    begin();
    CHECK_NEAR(rps(&st.total, T0), 0, 1e-9);
    for (int i = 0; i < 500; i++)
        locust__stats_record(&st, "GET", "/", MS, 0, NULL, T0 + i * 10 * MS);
    CHECK_NEAR(rps(&st.total, T0 + 5 * S), 100, 1e-9); // not 50
    CHECK_NEAR(rps(&st.total, T0 + 5 * S + 500 * MS), 100, 1e-9);
    end();
}

/* A test that starts within a second: the part of it that the test had is no whole second. */
static void current_rate_from_the_middle_of_a_second(void)
{
    begin();
    locust__stats_reset(&st, T0 + 900 * MS);
    for (int i = 0; i < 110; i++)
        locust__stats_record(&st, "GET", "/", MS, 0, NULL, T0 + 900 * MS + i * 10 * MS);
    CHECK_NEAR(rps(&st.total, T0 + 2 * S), 100, 5);
    end();
}

/* Requests of other tests' seconds, 16 and 160 s back, share a place in a ring. */
static void current_rate_forgets_old_seconds(void)
{
    begin();
    for (int s = 0; s < 400; s++) {
        if (s % 16 < 6)
            for (int i = 0; i < 7; i++)
                locust__stats_record(&st, "GET", "/", MS, 0, NULL, T0 + s * S + i);
        if (s >= 10) {
            int want = 0;
            for (int back = s - 9; back <= s; back++)
                want += back % 16 < 6 ? 7 : 0;
            CHECK_NEAR(rps(&st.total, T0 + (s + 1) * S), want / 10.0, 1e-9);
        }
    }
    end();
}

static void whole_rate_ends_with_the_newest_request(void)
{
    double requests, failures;
    begin();
    locust__stats_rates(&st, &st.total, &requests, &failures);
    CHECK_NEAR(requests, 0, 1e-9);
    for (int i = 1; i <= 400; i++)
        locust__stats_record(&st, "GET", "/", MS, 0, i % 4 ? NULL : "bad", T0 + i * 10 * MS);
    locust__stats_rates(&st, &st.total, &requests, &failures);
    CHECK_NEAR(requests, 100, 1e-9);
    CHECK_NEAR(failures, 25, 1e-9);
    CHECK_NEAR(locust__stats_show(&st, &st.total)->requests_per_s, 100, 1e-9);
    end();
}

/* Once measuring has ended: up to then, and up to what was answered still later. */
static void whole_rate_ends_with_the_run(void)
{
    double requests, failures;
    begin();
    for (int i = 1; i <= 400; i++)
        locust__stats_record(&st, "GET", "/", MS, 0, i % 4 ? NULL : "bad", T0 + i * 10 * MS);
    locust__stats_end(&st, T0 + 10 * S);
    locust__stats_rates(&st, &st.total, &requests, &failures);
    CHECK_NEAR(requests, 40, 1e-9);
    CHECK_NEAR(failures, 10, 1e-9);
    for (int i = 1; i <= 40; i++)
        locust__stats_record(&st, "GET", "/", MS, 0, NULL, T0 + 10 * S + i * 25 * MS);
    locust__stats_rates(&st, &st.total, &requests, &failures);
    CHECK_NEAR(requests, 40, 1e-9); // 440 in 11 s
    end();
}

TESTS({"minimum, maximum and mean are exact", minimum_maximum_and_mean_are_exact},
    {"percentiles stay inside of what was measured", percentiles_stay_inside_of_what_was_measured},
    {"what was cut is no answer", what_was_cut_is_no_answer},
    {"cut early moves nothing", cut_early_moves_nothing},
    {"current rate covers ten whole seconds", current_rate_covers_ten_whole_seconds},
    {"current rate of a young test", current_rate_of_a_young_test},
    {"current rate from the middle of a second", current_rate_from_the_middle_of_a_second},
    {"current rate forgets old seconds", current_rate_forgets_old_seconds},
    {"whole rate ends with the newest request", whole_rate_ends_with_the_newest_request},
    {"whole rate ends with the run", whole_rate_ends_with_the_run}, )
