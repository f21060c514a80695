// From a finished request to whoever counts it: statistics, log, listener; phases; the intended
// start.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 3
#include "../../tools/header/all.h"
#include "rows.h"

static struct {
    int heard, logged;
    const locust_sample *sample;
    const locust__entry *entry;
    int64_t elapsed_ns, now_ns;
    void *env, *arg;
} seen;

static void listen_to(locust_env *env, const locust_sample *s)
{
    seen.heard++;
    seen.env = env;
    seen.sample = s;
}

static void log_it(void *arg, const locust_sample *s, const locust__entry *entry,
    int64_t elapsed_ns, int64_t now_ns)
{
    seen.logged++;
    seen.arg = arg;
    seen.sample = s;
    seen.entry = entry;
    seen.elapsed_ns = elapsed_ns;
    seen.now_ns = now_ns;
}

static const locust_sample page = {.method = "GET", .name = "/", .status = 200, .length = 10};

static void each_is_told(void)
{
    int mark;
    locust__recorder rec = {.stats = &st,
        .env = (locust_env *)(void *)&mark,
        .listener = listen_to,
        .log = log_it,
        .log_arg = &seen};
    begin();
    memset(&seen, 0, sizeof seen);
    locust__recorder_record(&rec, &page, 3 * MS, T0 + S);
    CHECK_INT(seen.heard, 1);
    CHECK_INT(seen.logged, 1);
    CHECK(seen.env == &mark && seen.arg == &seen && seen.sample == &page);
    CHECK(seen.entry == row("GET", "/"));
    CHECK_INT(seen.elapsed_ns, 3 * MS);
    CHECK_INT(seen.now_ns, T0 + S);
    CHECK_INT(row("GET", "/")->requests, 1);
    CHECK_INT(row("GET", "/")->bytes, 10);
    CHECK_INT(row("GET", "/")->max_ns, 3 * MS);
    CHECK_INT(st.total.requests, 1);
    CHECK(!row("GET", "/")->phases && !row("GET", "/")->intended); // nobody wants them
    end();
}

static void nobody_has_to_listen(void)
{
    locust__recorder rec = {.stats = &st};
    locust_sample failed = page;
    begin();
    failed.error = "connection refused";
    failed.status = 0;
    locust__recorder_record(&rec, &failed, MS, T0 + S);
    CHECK_INT(row("GET", "/")->failures, 1);
    CHECK_INT(st.n_failures, 1);
    CHECK_STR(st.failures[0]->text, "connection refused");
    end();
}

/* What began before the figures were reset is not in them, but listeners hear of it. */
static void what_began_before(void)
{
    static const struct {
        const char *name;
        int64_t elapsed_ns, now_ns;
        int counted;
    } rows[] = {
        {"began before, ended before", 1000000, -1, 0},
        {"began before, ended after", 1000000, 500000, 0},
        {"began a nanosecond before", 1000001, 1000000, 0},
        {"began then", 1000000, 1000000, 1},
        {"began after", 1000000, 2000000, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__recorder rec = {.stats = &st, .listener = listen_to, .log = log_it, .since_ns = T0};
        CHECK_ROW(rows[i].name);
        begin();
        memset(&seen, 0, sizeof seen);
        locust__recorder_record(&rec, &page, rows[i].elapsed_ns, T0 + rows[i].now_ns);
        CHECK_INT(st.total.requests, rows[i].counted);
        CHECK_INT(seen.logged, rows[i].counted);
        CHECK_INT(seen.heard, 1);
        end();
    }
    CHECK_ROW(NULL);
}

/* A phase that did not happen is not counted as one of 0 ms; wait and body happen always. */
static void phases(void)
{
    static const locust_phases first = {1.5, 2.25, 4, 8, 0.5}, later = {0, 0, 0, 16, 0};
    static const uint64_t totals[LOCUST__PHASES] = {1, 1, 1, 2, 2};
    static const int64_t max[LOCUST__PHASES] = {1500000, 2250000, 4000000, 16000000, 500000};
    locust__recorder rec = {.stats = &st, .phases = true};
    locust_sample s = page;
    const locust__entry *both[2];
    begin();
    s.phases = &first;
    locust__recorder_record(&rec, &s, 17 * MS, T0 + S);
    s.phases = &later;
    locust__recorder_record(&rec, &s, 17 * MS, T0 + S);
    s.status = 0; // no answer: its phases say nothing
    locust__recorder_record(&rec, &s, 17 * MS, T0 + S);
    s = page; // measured by the test itself
    locust__recorder_record(&rec, &s, 17 * MS, T0 + S);
    both[0] = row("GET", "/");
    both[1] = &st.total;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < LOCUST__PHASES && CHECK(both[k]->phases != NULL); i++) {
            CHECK_INT(both[k]->phases[i].hist.total, totals[i]);
            CHECK_INT(both[k]->phases[i].max_ns, max[i]);
        }
    rec.phases = false;
    s.name = "/other";
    s.phases = &first;
    locust__recorder_record(&rec, &s, 17 * MS, T0 + S);
    CHECK(!row("GET", "/other")->phases);
    end();
}

/* Counted from the intended start a request took its own time and that of the arrival's delay. */
static void from_the_intended_start(void)
{
    locust__recorder rec = {.stats = &st, .has_arrivals = true};
    locust_sample s = page;
    const locust__entry *r;
    begin();
    s.late_ms = 30.25;
    locust__recorder_record(&rec, &s, 5 * MS, T0 + S);
    s.late_ms = 0;
    locust__recorder_record(&rec, &s, 7 * MS, T0 + S);
    r = row("GET", "/");
    CHECK_INT(r->max_ns, 7 * MS);
    if (CHECK(r->intended && st.total.intended)) {
        CHECK_INT(r->intended->hist.total, 2);
        CHECK_INT(r->intended->max_ns, 35250000);
        CHECK_INT(st.total.intended->max_ns, 35250000);
        CHECK_NEAR(
            (double)locust__phase_percentile_ns(r->intended, NULL, 1), 35250000, 35250000 / 256.0);
    }
    end();
}

/* A request that was cut is no sample. It counts apart, unless it began before since_ns; in the open
 * model also from its intended start, with the arrivals that nobody took. */
static void what_was_cut(void)
{
    locust__recorder rec = {.stats = &st, .has_arrivals = true, .since_ns = T0 + S};
    const locust__entry *r;
    begin();
    rec.listener = listen_to;
    seen.heard = 0;
    locust__recorder_cut(&rec, "GET", "/", 500 * MS, 250, T0 + 2 * S);
    locust__recorder_cut(&rec, "GET", "/", S, 0, T0 + 2 * S);
    locust__recorder_cut(&rec, "GET", "/", S + 1, 0, T0 + 2 * S); // began before
    locust__recorder_cut_arrival(&rec, T0 + S, T0 + 4 * S);
    locust__recorder_cut_arrival(&rec, T0 + 2 * S, T0 + 4 * S);
    locust__recorder_cut_arrival(&rec, T0 + S - 1, T0 + 4 * S); // was due before
    r = row("GET", "/");
    if (CHECK(r && r->waits && r->intended_waits && st.total.intended_waits)) {
        CHECK_INT(r->requests, 0);
        CHECK_INT(r->unanswered, 2);
        CHECK_INT(r->waits->max_ns, S);
        CHECK_INT(r->intended_waits->hist.total, 2);
        CHECK_NEAR((double)locust__hist_percentile_ns(&r->intended_waits->hist, 0), 750e6, 3e6);
        CHECK_INT(st.total.unanswered, 2);
        CHECK_INT(st.total.intended_waits->hist.total, 4);
        CHECK_INT(st.total.intended_waits->max_ns, 3 * S);
    }
    CHECK_INT(st.cut_arrivals, 2);
    CHECK_INT(st.cut_arrival_ns, 3 * S);
    CHECK_INT(st.total.requests, 0);
    CHECK_INT(seen.heard, 0);
    locust__stats_reset(&st, T0);
    CHECK_INT(st.cut_arrivals, 0);
    CHECK_INT(st.total.unanswered, 0);
    end();
}

static void cut_without_memory(void)
{
    for (int fail = 0; fail < 12; fail++)
        for (int on = 0; on < 2; on++) {
            locust__recorder rec = {.stats = &st, .has_arrivals = true};
            begin();
            blocks_fail_in = fail;
            blocks_fail_on = on;
            locust__recorder_cut(&rec, "GET", "/", MS, 0, T0 + S);
            locust__recorder_cut(&rec, "GET", "/", 2 * MS, 0, T0 + S);
            locust__recorder_cut_arrival(&rec, T0, T0 + S);
            CHECK_INT(st.total.unanswered, 2);
            CHECK_INT(st.cut_arrivals, 1);
            end();
        }
}

/* Whatever memory is missing: the request is counted, and nothing leaks. */
static void without_memory(void)
{
    static const locust_phases some = {1, 1, 1, 1, 1};
    for (int fail = 0; fail < 12; fail++)
        for (int on = 0; on < 2; on++) {
            locust__recorder rec = {.stats = &st, .phases = true, .has_arrivals = true};
            locust_sample s = page;
            s.phases = &some;
            begin();
            blocks_fail_in = fail;
            blocks_fail_on = on;
            locust__recorder_record(&rec, &s, MS, T0 + S);
            locust__recorder_record(&rec, &s, 2 * MS, T0 + S);
            CHECK_INT(st.total.requests, 2);
            end();
        }
}

TESTS({"each is told", each_is_told}, {"nobody has to listen", nobody_has_to_listen},
    {"what began before", what_began_before}, {"phases", phases},
    {"from the intended start", from_the_intended_start}, {"what was cut", what_was_cut},
    {"cut without memory", cut_without_memory}, {"without memory", without_memory}, )
