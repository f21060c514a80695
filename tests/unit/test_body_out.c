// Where an answer's body goes: into the user's block, to a function of the test, or to one that
// takes events. What needs zlib is not here, as unit tests link libc alone: tests/fuzz/body.c
// decodes gzip and deflate, and tests/whole/test_servers.py does over HTTP.
// boards
#include "blocks.h"
#define LOCUST_MAX_BODY 1000
#define LOCUST__LAYERS  5
#include "../../tools/header/all.h"
#include "../check.h"

static char text[1001]; // a body
static char taken[2000];
static size_t n_taken, take_at_most;

static bool take_piece(void *arg, const char *bytes, size_t n)
{
    CHECK(arg == taken && n > 0);
    memcpy(taken + n_taken, bytes, n);
    n_taken += n;
    return n_taken < take_at_most;
}

static bool take_event(void *arg, const locust_sse_event *e)
{
    CHECK(arg == taken);
    n_taken += (size_t)snprintf(taken + n_taken, sizeof taken - n_taken, "[%s]", e->data);
    return n_taken < take_at_most;
}

/* Gives n bytes in pieces of `piece` bytes to what the request wants, and ends the body by `error`.
 * */
static locust_error give(const locust_request *req, const char *coding, locust__buf *kept,
    const char *bytes, size_t n, size_t piece, locust_error end, uint64_t *total)
{
    locust__body_out out;
    locust_error error = LOCUST_OK;
    locust__body_out_open(&out, req, coding, kept);
    for (size_t at = 0; at < n && !error; at += piece) {
        size_t k = n - at < piece ? n - at : piece;
        char *exact = check_guarded(bytes + at, k);
        error = out.sink.take(&out.sink, exact, k);
        check_guarded_free(exact, k);
    }
    *total = out.total;
    return locust__body_out_close(&out, error ? error : end);
}

static void fresh(void)
{
    memset(text, 'x', sizeof text);
    n_taken = 0;
    take_at_most = sizeof taken;
    memset(taken, 0, sizeof taken);
}

static void into_the_block(void)
{
    static const size_t pieces[] = {1, 7, 1000};
    fresh();
    for (size_t i = 0; i < 3; i++) {
        locust__buf kept = {NULL, 0, 0, false};
        uint64_t total;
        CHECK_INT(give(&(locust_request){.url = "/"}, NULL, &kept, text, 1000, pieces[i], LOCUST_OK,
                      &total),
            LOCUST_OK);
        CHECK_INT(total, 1000);
        CHECK(kept.len == 1000 && kept.cap > 1000); // there is room for the NUL behind
        CHECK(memcmp(kept.ptr, text, 1000) == 0);
        locust__buf_free(&kept);
    }
    CHECK_INT(blocks_live, 0);
}

/* A byte above the limit is one too many, unless the test takes the body itself. */
static void a_body_that_is_too_long(void)
{
    locust__buf kept = {NULL, 0, 0, false};
    uint64_t total;
    fresh();
    CHECK_INT(give(&(locust_request){.url = "/"}, NULL, &kept, text, 1001, 100, LOCUST_OK, &total),
        LOCUST_ERR_HTTP_BODY_SIZE);
    locust__buf_free(&kept);
    CHECK_INT(give(&(locust_request){.on_body = take_piece, .arg = taken}, NULL, &kept, text, 1001,
                  100, LOCUST_OK, &total),
        LOCUST_OK);
    CHECK_INT(total, 1001);
    CHECK(n_taken == 1001 && memcmp(taken, text, 1001) == 0);
    CHECK(!kept.ptr);
    CHECK_INT(blocks_live, 0);
}

/* The test has what it wants: the rest is not read, and the request counts as passed. */
static void a_test_that_has_enough(void)
{
    static const char events[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    locust_request pieces = {.on_body = take_piece, .arg = taken},
                   sse = {.on_event = take_event, .arg = taken};
    locust__buf kept = {NULL, 0, 0, false};
    uint64_t total;
    fresh();
    take_at_most = 20;
    CHECK_INT(give(&pieces, NULL, &kept, text, 1000, 10, LOCUST_OK, &total), LOCUST_OK);
    CHECK_INT(n_taken, 20);
    CHECK_INT(total, 20);
    fresh();
    take_at_most = 4;
    CHECK_INT(give(&sse, NULL, &kept, events, sizeof events - 1, 5, LOCUST_OK, &total), LOCUST_OK);
    CHECK_STR(taken, "[a][b]");
    fresh();
    CHECK_INT(give(&sse, NULL, &kept, events, sizeof events - 1, 5, LOCUST_OK, &total), LOCUST_OK);
    CHECK_STR(taken, "[a][b][c]");
    CHECK_INT(total, sizeof events - 1);
    CHECK(!kept.ptr);
    CHECK_INT(blocks_live, 0);
}

/* What went wrong before the end stays wrong: the test has taken it all, but it was cut. */
static void an_error_on_the_way(void)
{
    locust_request pieces = {.on_body = take_piece, .arg = taken};
    locust__buf kept = {NULL, 0, 0, false};
    uint64_t total;
    fresh();
    CHECK_INT(give(&pieces, NULL, &kept, text, 10, 10, LOCUST_ERR_HTTP_BODY_CUT, &total),
        LOCUST_ERR_HTTP_BODY_CUT);
    CHECK_INT(n_taken, 10);
    CHECK_INT(
        give(&pieces, NULL, &kept, text, 0, 10, LOCUST_ERR_TIMEOUT, &total), LOCUST_ERR_TIMEOUT);
}

/* Without zlib nothing is decoded: the body is handed over as it came, and lacks no end. */
static void codings(void)
{
    static const struct {
        const char *coding;
        bool coded;
    } rows[] = {
        {NULL, false},
        {"", false},
        {"identity", false},
        {"br", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"deflate", true},
        {"gzip, gzip", true}, // RFC 9110 8.4: in the order in which they were applied
        {"deflate,x-gzip , gzip", true},
        {"gzip, identity", true},
        {", gzip,", true},
        {"gzip, br", false},
        {"br, gzip", false},
        {"gzip gzip", false},
        {"gzi", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf kept = {NULL, 0, 0, false};
        locust__body_out out;
        uint64_t total;
        CHECK_ROW(rows[i].coding);
        locust__body_out_open(&out, &(locust_request){.url = "/"}, rows[i].coding, &kept);
        CHECK_INT(out.coded, rows[i].coded);
        CHECK_INT(locust__body_out_close(&out, LOCUST_OK), LOCUST_OK);
        CHECK_INT(give(&(locust_request){.url = "/"}, rows[i].coding, &kept, "\x1f\x8b", 2, 1,
                      LOCUST_OK, &total),
            LOCUST_OK);
        CHECK(kept.len == 2 && memcmp(kept.ptr, "\x1f\x8b", 2) == 0);
        locust__buf_free(&kept);
    }
    CHECK_ROW(NULL);
}

static void without_memory(void)
{
    locust_request requests[] = {{.url = "/"}, {.on_event = take_event, .arg = taken}};
    for (int i = 0; i < 2; i++) {
        locust__buf kept = {NULL, 0, 0, false};
        uint64_t total;
        fresh();
        blocks_fail_in = 0;
        CHECK_INT(
            give(&requests[i], NULL, &kept, text, 10, 10, LOCUST_OK, &total), LOCUST_ERR_MEMORY);
        CHECK_INT(blocks_fail_in, -1);
        locust__buf_free(&kept);
        CHECK_INT(blocks_live, 0);
    }
}

TESTS({"into the block", into_the_block}, {"a body that is too long", a_body_that_is_too_long},
    {"a test that has enough", a_test_that_has_enough},
    {"an error on the way", an_error_on_the_way}, {"codings", codings},
    {"without memory", without_memory}, )
