// A worker's report: Locust's buckets and keys of failures, by what Locust 2.46 makes of the same values; reports that
// come late.
#define LOCUST__LAYERS 8
#include "../../tools/header/all.h"
#include "../check.h"

/* Reference run: the key of response_times for a time in ms. */
static void buckets(void)
{
    static const struct {
        double ms;
        uint64_t key;
    } rows[] = {{0.4, 0}, {0.5, 0}, {0.6, 1}, {1.5, 2}, {2.5, 2}, {99.4, 99}, {99.5, 100},
        {104.9, 100}, {105, 100}, {105.1, 110}, {115, 120}, {145, 140}, {147, 150}, {149.99, 150},
        {155, 160}, {994.9, 990}, {995, 1000}, {999.9, 1000}, {1049, 1000}, {1050, 1000},
        {1150, 1200}, {1250, 1200}, {3432, 3400}, {9949, 9900}, {9950, 10000}, {10499, 10000},
        {10500, 10000}, {10501, 11000}, {11500, 12000}, {58760, 59000}, {123456, 123000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_INT(locust__entry_coarse_ms(locust__number_round(rows[i].ms * 1e6)), rows[i].key);
}

/* Reference run, and hashlib.sha256(("%s.%s.%r" % (method, name, error)).encode()). */
static void keys_of_failures(void)
{
    static const struct {
        const char *method, *name, *error, *key;
    } rows[] = {
        {"GET", "/x", "boom", "d2871aa744fc7ffb8e6c5e822f34fb531e6a62829c8760c4f747bf294793628f"},
        {"GET", "/x", "it's", "2039e33d1d5db16b14565e91d1d3436e0c272e137344fa52a6130562acdaca8c"},
        {"GET", "/x", "it's \"so\"",
            "fae5592a4e72c45487c937137bb1bf31c64fcbaa87e4e17f2e0a13b0770f6c18"},
        {"GET", "/x", "a\\b\n\t\x01\x7f\xc3\xb6",
            "1e819363eb3313e154ea61101b9469292db0853fc721ee8b9fd345ea0379c1e6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[LOCUST__HASH_HEX];
        locust__report_error_key(rows[i].method, rows[i].name, rows[i].error, key);
        CHECK_STR(key, rows[i].key);
    }
}

static locust_env *env_of(void)
{
    locust_env *env = locust__memory_zalloc(sizeof *env);
    locust__stats_init(&env->stats);
    env->stats.start_ns = env->stats.last_ns = 1000 * LOCUST__S;
    env->loop.epoch_ns = 500 * LOCUST__S;
    return env;
}

static void free_env(locust_env *env)
{
    locust__stats_free(&env->stats);
    LOCUST_FREE(env);
}

/* Sums the values of a map of numbers that is the value of a key of stats_total; *n: its pairs. */
static uint64_t sum_of(const locust__buf *report, const char *key, uint32_t *n, int64_t *least)
{
    locust__msgpack_item item, count;
    locust__view total, map;
    uint64_t sum = 0;
    CHECK(locust__msgpack_find(
        (locust__view){report->ptr, report->len}, "stats_total", &item, &total));
    CHECK(locust__msgpack_find(total, key, &item, &map));
    *n = item.n;
    *least = INT64_MAX;
    locust__msgpack_next(&map, &item);
    for (uint32_t i = 0; i < *n; i++) {
        locust__msgpack_next(&map, &item);
        locust__msgpack_next(&map, &count);
        CHECK(item.kind == LOCUST__MSGPACK_INT && count.whole > 0);
        sum += (uint64_t)count.whole;
        *least = item.whole < *least ? item.whole : *least;
    }
    return sum;
}

/* A master that was away for so many seconds gets all requests, each in a second of that time. */
static void reports_that_come_late(void)
{
    static const int seconds[] = {1, 3, 15, 16, 17, 40, 5000};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        locust_env *env = env_of();
        locust__buf out = {NULL, 0, 0, false};
        uint32_t n;
        int64_t least;
        size_t whole = 0;
        for (int s = 0; s < seconds[i]; s++)
            for (int k = 0; k < 3; k++)
                locust__stats_record(&env->stats, "GET", "/", 7 * LOCUST__MS, 10,
                    k ? NULL : "broken", (1000 + s) * LOCUST__S + k);
        locust__report_write(&out, env, false);
        CHECK_INT(
            locust__msgpack_measure((locust__view){out.ptr, out.len}, &whole), LOCUST__MSGPACK_OK);
        CHECK_INT(whole, out.len);
        CHECK_INT(sum_of(&out, "num_reqs_per_sec", &n, &least), 3 * seconds[i]);
        CHECK(
            least >= 1500 && n <= (uint32_t)seconds[i] && (n == (uint32_t)seconds[i] || n >= 3600));
        CHECK_INT(sum_of(&out, "num_fail_per_sec", &n, &least), seconds[i]);
        CHECK_INT(sum_of(&out, "response_times", &n, &least), 3 * seconds[i]);
        CHECK(n == 1 && least == 7);
        locust__buf_free(&out);
        free_env(env);
    }
}

static void nothing_to_report(void)
{
    locust_env *env = env_of();
    locust__buf out = {NULL, 0, 0, false};
    locust__msgpack_item item;
    locust__view report, value;
    locust__report_write(&out, env, false);
    report = (locust__view){out.ptr, out.len};
    CHECK(locust__msgpack_find(report, "stats", &item, &value) && item.n == 0);
    CHECK(locust__msgpack_find(report, "errors", &item, &value) && item.n == 0);
    CHECK(locust__msgpack_find(report, "stats_total", &item, &value) && item.n == 14);
    report = value;
    CHECK(locust__msgpack_find(report, "min_response_time", &item, &value));
    CHECK_INT(item.kind, LOCUST__MSGPACK_NIL);
    CHECK(locust__msgpack_find(report, "last_request_timestamp", &item, &value));
    CHECK_INT(item.kind, LOCUST__MSGPACK_NIL);
    locust__buf_free(&out);
    free_env(env);
}

TESTS({"buckets", buckets}, {"keys of failures", keys_of_failures},
    {"reports that come late", reports_that_come_late}, {"nothing to report", nothing_to_report})
