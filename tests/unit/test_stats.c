/* test_stats.c - rows, failures, limits, rates, memory: with a clock made by hand. */
// boards
#include "../check.h"

static long made_blocks, live_blocks;
static int fail_all; // memory has run out

static void *counted_malloc(size_t n)
{
    made_blocks++;
    if (fail_all)
        return NULL;
    live_blocks++;
    return malloc(n);
}

static void *counted_realloc(void *p, size_t n)
{
    made_blocks++;
    if (fail_all)
        return NULL;
    live_blocks += !p;
    return realloc(p, n);
}

static void counted_free(void *p)
{
    live_blocks -= p != NULL;
    free(p);
}

#define LOCUST_MALLOC(n)     counted_malloc(n)
#define LOCUST_REALLOC(p, n) counted_realloc(p, n)
#define LOCUST_FREE(p)       counted_free(p)
#define LOCUST_MAX_ROWS      50
#include "../../locust.h"

static locust__request_stats st;
static const int64_t MS = 1000000, S = 1000000000, T0 = 1000000000000; // T0: a whole second

static void begin(void)
{
    locust__stats_init(&st);
    locust__stats_reset(&st, T0);
}

static void end(void)
{
    fail_all = 0;
    locust__stats_free(&st);
    CHECK_INT(live_blocks, 0);
}

static void request(const char *method, const char *name, int64_t ns, const char *error)
{
    locust__stats_record(&st, method, name, ns, 10, error, T0 + S);
}

static locust__entry *row(const char *method, const char *name)
{
    locust__entry *r;
    for (size_t i = 0; (r = locust__stats_entry_at(&st, i)) != NULL; i++)
        if (strcmp(r->method, method) == 0 && strcmp(r->name, name) == 0)
            return r;
    return NULL;
}

static size_t n_rows(void)
{
    size_t n = 0;
    while (locust__stats_entry_at(&st, n))
        n++;
    return n;
}

static size_t n_failures(void)
{
    size_t n = 0;
    while (locust__stats_failure_at(&st, n))
        n++;
    return n;
}

static uint64_t occurrences(const char *method, const char *name, const char *text)
{
    const locust__stats_failure *f;
    uint64_t n = 0;
    for (size_t i = 0; (f = locust__stats_failure_at(&st, i)) != NULL; i++)
        if (strcmp(f->row->method, method) == 0 && strcmp(f->row->name, name) == 0 &&
            strcmp(f->text, text) == 0)
            n += f->occurrences;
    return n;
}

/* What must hold whatever happened. */
static void check_sums(void)
{
    uint64_t requests = 0, failures = 0, bytes = 0, listed = 0;
    const locust__stats_failure *f;
    const locust__entry *r;
    for (size_t i = 0; (r = locust__stats_entry_at(&st, i)) != NULL; i++) {
        requests += r->requests;
        failures += r->failures;
        bytes += r->bytes;
        for (size_t j = 0; j < i; j++)
            CHECK(locust__stats_entry_at(&st, j) != r);
    }
    for (size_t i = 0; (f = locust__stats_failure_at(&st, i)) != NULL; i++)
        listed += f->occurrences;
    CHECK_INT(requests, st.total.requests);
    CHECK_INT(failures, st.total.failures);
    CHECK_INT(bytes, st.total.bytes);
    CHECK_INT(listed, st.total.failures);
}

static void rows_by_method_and_name(void)
{
    static const char *const names[][2] = {{"GET", "/"}, {"POST", "/"}, {"GET", "/a"}, {"", "GET/"},
        {"GE", "T/"}, {"GET", ""}, {"", ""}};
    enum { KINDS = sizeof names / sizeof *names };
    begin();
    for (int i = 0; i < 10 * KINDS; i++) {
        char method[8], name[8]; // never the same pointers
        strcpy(method, names[i % KINDS][0]);
        strcpy(name, names[i % KINDS][1]);
        request(method, name, MS * (i % KINDS + 1), NULL);
        memset(method, 'x', sizeof method);
        memset(name, 'x', sizeof name);
    }
    CHECK_INT(n_rows(), KINDS);
    for (size_t i = 0; i < KINDS; i++) { // in order of appearance
        const locust__entry *r = locust__stats_entry_at(&st, i);
        CHECK_STR(r->method, names[i][0]);
        CHECK_STR(r->name, names[i][1]);
        CHECK_INT(r->requests, 10);
        CHECK_INT(r->max_ns, MS * ((int64_t)i + 1));
        CHECK_INT(r->bytes, 100);
    }
    CHECK_STR(st.total.name, "Aggregated");
    CHECK_INT(st.total.requests, 10 * KINDS);
    check_sums();
    end();
}

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

static void failures_group_by_text(void)
{
    begin();
    for (int i = 0; i < 5; i++) {
        char text[16];
        snprintf(text, sizeof text, "bad %d", i % 2);
        request("GET", "/", MS, text);
        request("POST", "/", MS, text);
        request("GET", "/", MS, NULL);
    }
    CHECK_INT(n_failures(), 4);
    CHECK_INT(occurrences("GET", "/", "bad 0"), 3);
    CHECK_INT(occurrences("GET", "/", "bad 1"), 2);
    CHECK_INT(occurrences("POST", "/", "bad 0"), 3);
    CHECK_INT(occurrences("POST", "/", "bad 1"), 2);
    CHECK_INT(row("GET", "/")->failures, 5);
    CHECK_INT(row("GET", "/")->requests, 10);
    CHECK_INT(st.total.failures, 10);
    for (size_t i = 0; i < n_failures(); i++) {
        const locust__stats_failure *f = locust__stats_failure_at(&st, i);
        CHECK(f->first_wall_ns > 0 && f->last_wall_ns >= f->first_wall_ns);
    }
    check_sums();
    end();
}

/* A few texts on many rows, many texts on a few rows, and all beyond the limit. */
static void limits_send_the_rest_to_other(void)
{
    char name[32], text[32];
    begin();
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "/%d", i);
            request("GET", name, MS, NULL);
        }
    CHECK(n_rows() <= LOCUST_MAX_ROWS + 1);
    CHECK_INT(row("GET", "/0")->requests, 3);
    CHECK_INT(row("GET", "/49")->requests, 3);
    CHECK(!row("GET", "/50"));
    if (CHECK(row("", "(other)") != NULL))
        CHECK_INT(row("", "(other)")->requests, 3 * 150);
    check_sums();
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 200; i++) {
            snprintf(name, sizeof name, "/%d", i % 60);
            snprintf(text, sizeof text, "failure %d", i);
            request("GET", name, MS, text);
        }
    CHECK(n_failures() <= LOCUST_MAX_ROWS + 1);
    CHECK(st.n_texts <= LOCUST_MAX_ROWS);
    CHECK_INT(occurrences("GET", "/0", "failure 0"), 3);
    check_sums();
    made_blocks = 0;
    for (int i = 0; i < 1000; i++) { // past the limit memory does not grow
        snprintf(name, sizeof name, "/more/%d", i);
        snprintf(text, sizeof text, "another %d", i);
        request("GET", name, MS, text);
    }
    CHECK_INT(made_blocks, 0);
    check_sums();
    end();
}

static void a_steady_state_allocates_nothing(void)
{
    static const char *const errors[] = {NULL, "timed out", NULL, "HTTP 500"};
    uint64_t seed = 1;
    begin();
    for (int round = 0; round < 2; round++) {
        made_blocks = 0;
        for (int i = 0; i < 100000; i++) {
            char name[16];
            snprintf(name, sizeof name, "/%d", i % 20);
            locust__stats_record(&st, i & 1 ? "GET" : "POST", name,
                (int64_t)(locust__random_unit(&seed) * 1e8), 10, errors[i % 4],
                T0 + i * MS + round * 100 * S);
        }
    }
    CHECK_INT(made_blocks, 0);
    check_sums();
    end();
}

static void reset_keeps_the_rows(void)
{
    const char *kept;
    begin();
    for (int i = 0; i < 3; i++) {
        request("GET", "/a", 5 * MS, "bad");
        request("GET", "/b", 7 * MS, NULL);
    }
    kept = locust__stats_entry_at(&st, 0)->name;
    locust__stats_reset(&st, T0 + 9 * S);
    CHECK_INT(n_rows(), 2);
    CHECK(locust__stats_entry_at(&st, 0)->name == kept);
    CHECK_STR(kept, "/a");
    CHECK_INT(n_failures(), 0);
    CHECK_INT(st.total.requests, 0);
    CHECK_INT(locust__stats_entry_at(&st, 0)->requests, 0);
    CHECK_INT(locust__stats_entry_at(&st, 0)->failures, 0);
    CHECK_INT(locust__stats_entry_at(&st, 0)->bytes, 0);
    CHECK_INT(locust__entry_percentile_ns(locust__stats_entry_at(&st, 0), 0.5), 0);
    CHECK_INT(locust__stats_show(&st, locust__stats_entry_at(&st, 0))->min_ms * 1e6, 0);
    made_blocks = 0;
    locust__stats_record(&st, "GET", "/a", 6 * MS, 1, NULL, T0 + 10 * S);
    CHECK_INT(made_blocks, 0);
    CHECK_INT(locust__stats_entry_at(&st, 0)->min_ns, 6 * MS);
    CHECK_INT(locust__stats_entry_at(&st, 0)->max_ns, 6 * MS);
    CHECK_INT(n_rows(), 2);
    locust__stats_record(&st, "GET", "/a", 6 * MS, 1, "bad", T0 + 10 * S);
    CHECK_INT(occurrences("GET", "/a", "bad"), 1);
    check_sums();
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

/* -- without memory: everything is still counted -- */

static void counts_on_without_memory(void)
{
    begin();
    request("GET", "/a", MS, "early");
    fail_all = 1;
    request("GET", "/a", MS, "early"); // known: needs none
    request("GET", "/b", MS, NULL);    // unknown row
    request("GET", "/a", MS, "late");  // unknown text
    request("GET", "/c", MS, "late");  // both
    fail_all = 0;
    CHECK_INT(st.total.requests, 5);
    CHECK_INT(st.total.failures, 4);
    CHECK_INT(row("GET", "/a")->requests, 3);
    CHECK_INT(occurrences("GET", "/a", "early"), 2);
    if (CHECK(row("", "(other)") != NULL))
        CHECK_INT(row("", "(other)")->requests, 2);
    request("GET", "/b", MS, "late"); // memory is back
    CHECK_INT(row("GET", "/b")->requests, 1);
    check_sums();
    end();
}

/* The very first request meets no memory at all, not for the tables either; the report must still
 * show it once there is some. */
static void counts_from_nothing_without_memory(void)
{
    begin();
    fail_all = 1;
    request("GET", "/a", MS, "bad");
    request("GET", "/a", MS, "bad");
    fail_all = 0;
    request("GET", "/a", MS, "bad");
    for (int i = 0; i < 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "failure %d", i);
        request("GET", "/a", MS, text);
    }
    CHECK_INT(st.total.requests, 103);
    check_sums();
    end();
}

/* A name may end up equal to the kit's own. */
static void a_row_may_be_called_other(void)
{
    char name[16];
    begin();
    request("", "(other)", MS, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/%d", i);
        request("GET", name, MS, "(other)");
    }
    CHECK_INT(st.total.requests, 101);
    check_sums();
    end();
}

TESTS({"rows by method and name", rows_by_method_and_name},
    {"minimum, maximum and mean are exact", minimum_maximum_and_mean_are_exact},
    {"percentiles stay inside of what was measured", percentiles_stay_inside_of_what_was_measured},
    {"failures group by text", failures_group_by_text},
    {"limits send the rest to (other)", limits_send_the_rest_to_other},
    {"a steady state allocates nothing", a_steady_state_allocates_nothing},
    {"reset keeps the rows", reset_keeps_the_rows},
    {"current rate covers ten whole seconds", current_rate_covers_ten_whole_seconds},
    {"current rate of a young test", current_rate_of_a_young_test},
    {"current rate from the middle of a second", current_rate_from_the_middle_of_a_second},
    {"current rate forgets old seconds", current_rate_forgets_old_seconds},
    {"whole rate ends with the newest request", whole_rate_ends_with_the_newest_request},
    {"counts on without memory", counts_on_without_memory},
    {"counts from nothing without memory", counts_from_nothing_without_memory},
    {"a row may be called (other)", a_row_may_be_called_other}, )
