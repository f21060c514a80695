// Rows, failures, limits, memory: with a clock made by hand.
// boards
#include "blocks.h"
#define LOCUST_MAX_ROWS 50
#define LOCUST__LAYERS  3
#include "../../tools/header/all.h"
#include "rows.h"

#define LOCUST_MAX_ROWS 50

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
    blocks_made = 0;
    for (int i = 0; i < 1000; i++) { // past the limit memory does not grow
        snprintf(name, sizeof name, "/more/%d", i);
        snprintf(text, sizeof text, "another %d", i);
        request("GET", name, MS, text);
    }
    CHECK_INT(blocks_made, 0);
    check_sums();
    end();
}

/* Failed tasks, too: each is counted, and the first one past the limit is said. */
static void exceptions_past_the_limit_are_counted(void)
{
    const locust__stats_exception *e;
    uint64_t times = 0;
    size_t n = 0;
    begin();
    for (int i = 0; i < 200; i++) {
        char place[32];
        snprintf(place, sizeof place, "test.c:%d", i);
        CHECK_INT(locust__stats_except(&st, locust__stats_text(&st, "broken"), place),
            i <= LOCUST_MAX_ROWS);
    }
    for (; (e = locust__stats_exception_at(&st, n)) != NULL; n++)
        times += e->times;
    CHECK_INT(n, LOCUST_MAX_ROWS + 1);
    CHECK_INT(times, 200);
    locust__stats_reset(&st, 0);
    CHECK(locust__stats_exception_at(&st, 0) == NULL);
    end();
}

static void a_steady_state_allocates_nothing(void)
{
    static const char *const errors[] = {NULL, "timed out", NULL, "HTTP 500"};
    uint64_t seed = 1;
    begin();
    for (int round = 0; round < 2; round++) {
        blocks_made = 0;
        for (int i = 0; i < 100000; i++) {
            char name[16];
            snprintf(name, sizeof name, "/%d", i % 20);
            locust__stats_record(&st, i & 1 ? "GET" : "POST", name,
                (int64_t)(locust__random_unit(&seed) * 1e8), 10, errors[i % 4],
                T0 + i * MS + round * 100 * S);
        }
    }
    CHECK_INT(blocks_made, 0);
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
    blocks_made = 0;
    locust__stats_record(&st, "GET", "/a", 6 * MS, 1, NULL, T0 + 10 * S);
    CHECK_INT(blocks_made, 0);
    CHECK_INT(locust__stats_entry_at(&st, 0)->min_ns, 6 * MS);
    CHECK_INT(locust__stats_entry_at(&st, 0)->max_ns, 6 * MS);
    CHECK_INT(n_rows(), 2);
    locust__stats_record(&st, "GET", "/a", 6 * MS, 1, "bad", T0 + 10 * S);
    CHECK_INT(occurrences("GET", "/a", "bad"), 1);
    check_sums();
    end();
}

/* -- without memory: everything is still counted -- */

static void counts_on_without_memory(void)
{
    begin();
    request("GET", "/a", MS, "early");
    blocks_fail_in = 0;
    blocks_fail_on = true;
    request("GET", "/a", MS, "early"); // known: needs none
    request("GET", "/b", MS, NULL);    // unknown row
    request("GET", "/a", MS, "late");  // unknown text
    request("GET", "/c", MS, "late");  // both
    blocks_fail_in = -1;
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
    blocks_fail_in = 0;
    blocks_fail_on = true;
    request("GET", "/a", MS, "bad");
    request("GET", "/a", MS, "bad");
    blocks_fail_in = -1;
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

/* -- lateness -- */

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A percentile is too high by what it falls when each time loses its lateness. */
static void lateness_taken_off(void)
{
    enum { N = 2000 };
    static const double shares[] = {0.1, 0.5, 0.9, 0.99};
    static int64_t as_is[N], less[N];
    static const struct {
        const char *name;
        int64_t late_us; // up to this, at random
        int of;          // of so many requests one is late; 0: none
    } rows[] = {{"none", 0, 0}, {"all a little", 500, 1}, {"all by more than they took", 90000, 1},
        {"half of them", 9000, 2}, {"a few by much", 90000, 50}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        uint64_t seed = 7;
        CHECK_ROW(rows[r].name);
        begin();
        for (int i = 0; i < N; i++) {
            int64_t late = 0;
            as_is[i] = (int64_t)(1e6 + locust__random_unit(&seed) * 20e6);
            if (rows[r].of && i % rows[r].of == 0)
                late = (int64_t)(locust__random_unit(&seed) * (double)rows[r].late_us * 1e3);
            less[i] = late < as_is[i] ? as_is[i] - late : 0;
            locust__stats_record(&st, "GET", "/", as_is[i], 0, NULL, i);
            if (late)
                locust__stats_late(&st, as_is[i], late);
        }
        qsort(as_is, N, sizeof *as_is, ascending);
        qsort(less, N, sizeof *less, ascending);
        for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
            size_t at = (size_t)(shares[k] * N);
            int64_t want = as_is[at] - less[at], off = locust__stats_high_ns(&st, shares[k]) - want;
            CHECK((off < 0 ? -off : off) <= as_is[at] / 100 + 1000);
        }
        locust__stats_reset(&st, 0);
        CHECK_INT(locust__stats_high_ns(&st, 0.5), 0);
        end();
    }
}

TESTS({"lateness taken off", lateness_taken_off},
    {"rows by method and name", rows_by_method_and_name},
    {"failures group by text", failures_group_by_text},
    {"limits send the rest to (other)", limits_send_the_rest_to_other},
    {"exceptions past the limit are counted", exceptions_past_the_limit_are_counted},
    {"a steady state allocates nothing", a_steady_state_allocates_nothing},
    {"reset keeps the rows", reset_keeps_the_rows},
    {"counts on without memory", counts_on_without_memory},
    {"counts from nothing without memory", counts_from_nothing_without_memory},
    {"a row may be called (other)", a_row_may_be_called_other}, )
