// Settings made uniform: each way to write one becomes 0 or 1, the others have their defaults. What
// is refused, and what a setting does to a whole program, is in tests/whole/test_settings.py and
// test_build.py.
// variants: gcc clang asan musl
#include "blocks.h"
#define LOCUST_NO_REPORTS
#define LOCUST_NO_COOKIES 0
#define LOCUST_NO_DIGEST  1
#define LOCUST_POLL       2
#define LOCUST_VALGRIND   -0
#define LOCUST_ZLIB       (3 - 3)
#define LOCUST_MAX_ROWS   7
#define LOCUST_HIST_BITS  10
#define LOCUST__LAYERS    1
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name;
    int got, want;
} rows[] = {
    {"defined empty: a NO_ takes away", LOCUST__WITH_REPORTS, 0},
    {"0: a NO_ takes nothing away", LOCUST__WITH_COOKIES, 1},
    {"1: a NO_ takes away", LOCUST__WITH_DIGEST, 0},
    {"not 0 is 1", LOCUST__WITH_POLL, 1},
    {"0 with a sign", LOCUST__WITH_VALGRIND, 0},
    {"an expression of 0", LOCUST__WITH_ZLIB, 0},
    {"a NO_ that is not defined takes nothing away", LOCUST__WITH_SHORT, 1},
    {"not defined", LOCUST__WITH_TLS, 0},
    {"poll() in place of epoll", LOCUST__WITH_EPOLL, 0},
    {"poll() in place of kqueue", LOCUST__WITH_KQUEUE, 0},
    {"one system", LOCUST__OS_LINUX + LOCUST__OS_APPLE + LOCUST__OS_BSD <= 1, 1},
    // the table of all.h
    {"LOCUST_STACK_SIZE", LOCUST_STACK_SIZE, 65536},
    {"LOCUST_MAX_HEADER", LOCUST_MAX_HEADER, 65536},
    {"LOCUST_MAX_BODY", LOCUST_MAX_BODY, 67108864},
    {"LOCUST_BUFFER_SIZE", LOCUST_BUFFER_SIZE, 65536},
    {"LOCUST_MAX_ROWS, given", LOCUST_MAX_ROWS, 7},
    {"LOCUST_HIST_BITS, given", LOCUST_HIST_BITS, 10},
};

static void values(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(rows[i].got, rows[i].want);
    }
}

/* LOCUST_MALLOC and the two others: all memory comes from there. */
static void memory_comes_from_the_setting(void)
{
    long made = blocks_made;
    char *copy = locust__text_copy("x", 1);
    CHECK_INT(blocks_made, made + 1);
    CHECK_INT(blocks_live, 1);
    LOCUST_FREE(copy);
    CHECK_INT(blocks_live, 0);
}

/* 2^(bits+3) bytes for each doubling of a row's times, says the table. */
static void a_histogram_is_as_fine_as_was_asked_for(void)
{
    locust__hist h = {.total = 0};
    CHECK(locust__hist_record(&h, 1000000000));
    blocks_largest = 0;
    CHECK(locust__hist_record(&h, INT64_C(2000000000)));
    CHECK_INT(blocks_largest, 1 << (10 + 3));
    locust__hist_free(&h);
}

TESTS({"values", values}, {"memory comes from the setting", memory_comes_from_the_setting},
    {"a histogram is as fine as was asked for", a_histogram_is_as_fine_as_was_asked_for}, )
