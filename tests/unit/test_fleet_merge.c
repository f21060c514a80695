// What workers counted, added up: the same samples counted by one process and by eight give the same reports, byte for
// byte; reports of stock workers; what is refused whole. And the order in which workers get users.
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "../check.h"

static locust_env *env_of(void)
{
    locust_env *env = locust__memory_zalloc(sizeof *env);
    locust__stats_init(&env->stats);
    env->stats.start_ns = env->stats.last_ns = locust__os_now_ns();
    env->loop.epoch_ns = locust__os_wall_ns() - locust__os_now_ns();
    return env;
}

static void free_env(locust_env *env)
{
    locust__stats_free(&env->stats);
    LOCUST_FREE(env);
}

/* Counts a sample of many: the same for the same i. */
static void count(locust_env *env, uint64_t i)
{
    static const char *const names[] = {"/", "/item", "/cart", "/b\xc3\xb6"};
    static const char *const errors[] = {
        NULL, NULL, NULL, "timed out", "404 Client Error: Not Found"};
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
    int64_t ns = (int64_t)(1000 + (x >> 20) % 1000000) * (1 + (int64_t)((x >> 50) % 4000));
    const char *name = names[x % 4], *error = errors[(x >> 8) % 5];
    locust__request_stats *st = &env->stats;
    locust__entry *e =
        locust__stats_record(st, "GET", name, ns, (x >> 30) % 5000, error, st->start_ns);
    locust_phases phases = {0};
    phases.connect_ms = (double)(x % 70);
    phases.wait_ms = (double)(x % 900) / 7;
    locust__recorder_phases(e, &phases);
    locust__recorder_phases(&st->total, &phases);
    locust__phase_record_at(&e->intended, ns + 5000);
    locust__phase_record_at(&st->total.intended, ns + 5000);
    if (i % 17 == 0) {
        locust__entry_cut(e, ns / 2);
        locust__entry_cut(&st->total, ns / 2);
    }
    if (i % 3 == 0)
        locust__stats_late(st, ns, 700);
}

/* Takes over what a worker reports, as it lies on the wire. */
static void report(locust_env *into, locust_env *from)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__merge m;
    size_t n;
    locust__report_write(&out, from, true);
    CHECK_INT(locust__msgpack_measure((locust__view){out.ptr, out.len}, &n), LOCUST__MSGPACK_OK);
    CHECK_INT(n, out.len);
    CHECK(locust__merge_report(&m, into, (locust__view){out.ptr, out.len}, true));
    CHECK(!m.wrong && m.plus && m.requests == from->stats.total.requests);
    locust__stats_reset_requests(&from->stats, from->stats.start_ns);
    locust__buf_free(&out);
}

/* All figures that reports are made of, as --summary writes them. */
static locust__buf figures(locust_env *env)
{
    locust__buf out = {NULL, 0, 0, false};
    size_t n;
    locust__entry **rows;
    env->stats.start_ns = 0; // the rates do not depend on when this test ran
    env->stats.last_ns = env->until.at_ns = 10 * LOCUST__S;
    for (size_t i = 0; i < env->stats.n_failures; i++)
        env->stats.failures[i]->first_wall_ns = env->stats.failures[i]->last_wall_ns = 0;
    rows = locust__figures_rows(&env->stats, &n);
    for (size_t i = 0; rows && i < n; i++)
        locust__summary_row(&out, env, rows[i]);
    LOCUST_FREE(rows);
    locust__buf_printf(&out, "high %lld %lld", (long long)locust__stats_high_ns(&env->stats, 0.5),
        (long long)locust__stats_high_ns(&env->stats, 0.99));
    for (size_t i = 0; i < env->stats.n_failures; i++)
        locust__buf_printf(&out, " %s %s %llu", env->stats.failures[i]->row->name,
            env->stats.failures[i]->text, (unsigned long long)env->stats.failures[i]->occurrences);
    return out;
}

static int compare_failures(const void *x, const void *y)
{
    const locust__stats_failure *const *a = x, *const *b = y;
    int by_name = strcmp((*a)->row->name, (*b)->row->name);
    return by_name ? by_name : strcmp((*a)->text, (*b)->text);
}

static void one_process_and_eight(void)
{
    enum { SAMPLES = 3000, PROCESSES = 8 };
    locust_env *one = env_of(), *all = env_of(), *workers[PROCESSES];
    locust__buf want, got;
    for (int i = 0; i < PROCESSES; i++)
        workers[i] = env_of();
    for (uint64_t i = 0; i < SAMPLES; i++) {
        count(one, i);
        count(workers[i % PROCESSES], i);
        if (i % 599 == 0) // reports come whenever they come
            report(all, workers[i % 7]);
    }
    for (int i = PROCESSES - 1; i >= 0; i--)
        report(all, workers[i]);
    qsort(
        one->stats.failures, one->stats.n_failures, sizeof *one->stats.failures, compare_failures);
    qsort(
        all->stats.failures, all->stats.n_failures, sizeof *all->stats.failures, compare_failures);
    want = figures(one);
    got = figures(all);
    CHECK_INT(one->stats.total.requests, SAMPLES);
    CHECK(want.len > 20000);
    CHECK_INT(got.len, want.len);
    CHECK(got.len == want.len && memcmp(got.ptr, want.ptr, want.len) == 0);
    locust__buf_free(&want);
    locust__buf_free(&got);
    for (int i = 0; i < PROCESSES; i++)
        free_env(workers[i]);
    free_env(one);
    free_env(all);
}

/* A worker whose clock is two hours off: its seconds are ours. */
static void another_clock(void)
{
    locust_env *there = env_of(), *here = env_of();
    int64_t now_ns = locust__os_now_ns();
    double requests, failures;
    there->loop.epoch_ns += 7200 * LOCUST__S;
    here->stats.start_ns = there->stats.start_ns = now_ns - 30 * LOCUST__S;
    for (int s = 1; s <= 12; s++)
        for (int i = 0; i < 5; i++)
            locust__stats_record(
                &there->stats, "GET", "/", LOCUST__MS, 1, NULL, now_ns - s * LOCUST__S);
    report(here, there);
    locust__stats_current_rates(&here->stats, &here->stats.total, now_ns, &requests, &failures);
    CHECK(requests > 4.4 && requests < 5.1);
    CHECK(
        here->stats.last_ns <= locust__os_now_ns() && here->stats.last_ns > now_ns - 3 * LOCUST__S);
    free_env(there);
    free_env(here);
}

/* A report of a stock worker, with the row that the test writes. */
static locust__buf stock(
    uint64_t requests, uint64_t failures, double key, uint64_t times, double max_ms)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__msgpack_put_map(&out, 2);
    locust__msgpack_put_str(&out, "errors");
    locust__msgpack_put_map(&out, 0);
    locust__msgpack_put_str(&out, "stats");
    locust__msgpack_put_array(&out, 1);
    locust__msgpack_put_map(&out, 9);
    locust__report_key_str(&out, "name", "/x");
    locust__msgpack_put_str(&out, "method");
    locust__msgpack_put_nil(&out);
    locust__report_key_uint(&out, "num_requests", requests);
    locust__report_key_uint(&out, "num_failures", failures);
    locust__report_key_uint(&out, "total_content_length", 70);
    locust__report_key_real(&out, "total_response_time", 2500.5);
    locust__report_key_real(&out, "max_response_time", max_ms);
    locust__report_key_real(&out, "min_response_time", 0.25);
    locust__msgpack_put_str(&out, "response_times");
    locust__msgpack_put_map(&out, 1);
    locust__msgpack_put_real(&out, key);
    locust__msgpack_put_uint(&out, times);
    return out;
}

static void reports_of_stock_workers(void)
{
    static const struct {
        const char *name;
        uint64_t requests, failures;
        double key;
        uint64_t times;
        double max_ms;
        bool good;
    } rows[] = {
        {"as it should be", 7, 2, 170, 7, 1234.5, true}, // Python has 170.0 and 170 as one key
        {"untimed requests", 7, 2, 170, 5, 1234.5, true},
        {"failures beyond requests", 1, 2, 1, 1, 5, false},
        {"times beyond requests", 1, 0, 1, 2, 5, false},
        {"longest below shortest", 1, 0, 1, 1, 0.1, false},
        {"a negative time", 1, 0, -1, 1, 5, false},
        {"an infinite one", 1, 0, 1, 1, __builtin_inf(), false},
        {"more than counts", UINT64_MAX, 0, 1, 1, 5, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_env *env = env_of();
        locust__merge m;
        locust__buf out =
            stock(rows[i].requests, rows[i].failures, rows[i].key, rows[i].times, rows[i].max_ms);
        bool good = locust__merge_report(&m, env, (locust__view){out.ptr, out.len}, true);
        if (good != rows[i].good)
            fprintf(stderr, "%s\n", rows[i].name);
        CHECK_INT(good, rows[i].good);
        CHECK_INT(env->stats.total.requests, rows[i].good ? rows[i].requests : 0);
        CHECK_INT(env->stats.n_entries, rows[i].good);
        if (good) {
            locust__entry *e = env->stats.entries[0];
            CHECK_INT(e->hist.total, rows[i].times);
            CHECK_INT(e->min_ns, 250000);
            CHECK_INT(e->max_ns, 1234500000);
            CHECK_INT(e->total_s * LOCUST__S + e->total_ns, 2500500000);
            CHECK_INT(e->bytes, 70);
            CHECK(locust__entry_percentile_ns(e, 0.5) / LOCUST__MS == 170 ||
                  locust__entry_percentile_ns(e, 0.5) / LOCUST__MS == 169);
        }
        locust__buf_free(&out);
        free_env(env);
    }
}

/* A report that ends anywhere, or has a byte changed anywhere, is taken whole or not at all. */
static void broken_reports(void)
{
    locust_env *from = env_of(), *into = env_of();
    locust__buf out = {NULL, 0, 0, false};
    uint64_t before;
    locust__merge m;
    for (uint64_t i = 0; i < 8; i++)
        count(from, i);
    locust__report_write(&out, from, true);
    for (size_t i = 0; i < out.len; i += 5) {
        char was = out.ptr[i];
        size_t n;
        out.ptr[i] = (char)(was ^ (1 << i % 8));
        before = into->stats.total.requests;
        if (locust__msgpack_measure((locust__view){out.ptr, out.len}, &n) == LOCUST__MSGPACK_OK &&
            n == out.len && !locust__merge_report(&m, into, (locust__view){out.ptr, out.len}, true))
            CHECK(m.wrong && into->stats.total.requests == before);
        out.ptr[i] = was;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < into->stats.n_entries; i++)
        sum += into->stats.entries[i]->requests;
    CHECK_INT(sum, into->stats.total.requests);
    locust__buf_free(&out);
    free_env(from);
    free_env(into);
}

/* Histograms of other LOCUST_HIST_BITS: by the middle of their buckets. */
static void other_bits(void)
{
    for (int64_t us = 1; us < 3000000000; us = us * 5 / 3 + 1)
        for (unsigned bits = 4; bits <= 10; bits++) {
            int top = 63 - __builtin_clzll((unsigned long long)us);
            uint64_t octave = us < 1 << bits ? 0 : (uint64_t)(top - (int)bits + 1);
            uint64_t sub =
                octave ? (uint64_t)us >> (top - (int)bits) & ((1u << bits) - 1) : (uint64_t)us;
            int64_t ns = locust__plus_value_ns(octave << bits | sub, bits);
            int64_t off = ns - us * 1000;
            CHECK((off < 0 ? -off : off) <= us * 1000 >> bits);
        }
}

static void order_of_workers(void)
{
    // Reference run: the first worker of every host, then the second; by id within those.
    static const char *const ids[] = {"h1_b", "h2_c", "h1_a", "alone", "h2_a", "h1_c"};
    static const char *const want[] = {"alone", "h1_a", "h2_a", "h1_b", "h2_c", "h1_c"};
    locust_env *env = env_of();
    locust__crew *c = locust__memory_zalloc(sizeof *c);
    c->env = env;
    for (int i = 0; i < 6; i++)
        locust__crew_add(c, locust__view_of(ids[i]));
    CHECK(locust__crew_take_turns(c) && c->n_turns == 6);
    for (int i = 0; i < 6; i++)
        CHECK_STR(c->turns[i]->id, want[i]);
    c->members[0]->state = LOCUST__MEMBER_MISSING;
    c->members[3]->weight = 2;
    CHECK(locust__crew_take_turns(c));
    int alone = 0;
    for (int i = 0; i < c->n_turns; i++)
        alone += c->turns[i] == c->members[3];
    CHECK(alone >= c->n_turns / 3 - 1 && alone <= c->n_turns / 3 + 1); // 2 of 2 + 4
    locust__crew_free(c);
    free_env(env);
}

TESTS({"one process and eight", one_process_and_eight}, {"another clock", another_clock},
    {"reports of stock workers", reports_of_stock_workers}, {"broken reports", broken_reports},
    {"other bits", other_bits}, {"order of workers", order_of_workers})
