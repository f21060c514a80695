// Heads of responses, against a page that cannot be read. RFC 9112.
// boards
#define LOCUST_MAX_HEADER 2048
#define LOCUST_MAX_BODY   5000
#define LOCUST__LAYERS    5
#include "../../tools/header/all.h"
#include "responses.h"

/* Each head by itself: its last byte is the last one that can be read, and room for as many bytes is
 * enough. */
static void parse_head(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t n = simple_head_end(rows[i].in, rows[i].n), used = 0;
        locust__buf kept;
        locust__response_head h;
        locust_error error;
        char *p;
        if (!n)
            continue;
        CHECK_ROW(rows[i].name);
        p = check_guarded(rows[i].in, n);
        kept = (locust__buf){check_guarded(p, n), 0, n, false};
        error = locust__response_head_parse(p, n, &h, &kept, &used);
        if (!rows[i].error)
            CHECK_INT(error, LOCUST_OK);
        CHECK(error || h.status < 200 || rows[i].error || h.status == rows[i].status);
        CHECK(error || (kept.len <= n && used == n));
        check_guarded_free(kept.ptr, n);
        check_guarded_free(p, n);
    }
}

/* A head that lacks its end is never taken for a whole one; what comes behind one changes nothing. */
static void parse_parts_of_a_head(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t n = simple_head_end(rows[i].in, rows[i].n), used = 0;
        locust__buf whole = {NULL, 0, 0, false}, kept = {NULL, 0, 0, false};
        locust__response_head h;
        CHECK_ROW(rows[i].name);
        CHECK(locust__buf_reserve(&whole, n + 1) && locust__buf_reserve(&kept, rows[i].n + 1));
        if (n && locust__response_head_parse(rows[i].in, n, &h, &whole, &used) == LOCUST_OK) {
            for (size_t k = 0; k < n; k++) {
                char *p = check_guarded(rows[i].in, k);
                CHECK(locust__response_head_parse(p, k, &h, &kept, &used) != LOCUST_OK);
                CHECK_INT(kept.len, 0);
                check_guarded_free(p, k);
            }
            CHECK_INT(
                locust__response_head_parse(rows[i].in, rows[i].n, &h, &kept, &used), LOCUST_OK);
            CHECK_INT(used, n);
            CHECK_INT(kept.len, whole.len);
            CHECK(memcmp(kept.ptr, whole.ptr, whole.len) == 0);
        }
        locust__buf_free(&whole);
        locust__buf_free(&kept);
    }
}

/* A head that is known gives what parsing gives: of all rows one after the other, twice, and again with
 * other bytes behind it. `kept` begins with other text. */
static void recall_heads(void)
{
    locust__response_heads *heads = calloc(1, sizeof *heads);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < ROWS; i++) {
            size_t n = round < 2 ? simple_head_end(rows[i].in, rows[i].n) : rows[i].n;
            size_t used = 0, used_again = 0;
            locust__buf plain = {NULL, 0, 0, false}, kept = {NULL, 0, 0, false};
            locust__response_head h, again;
            locust_error error;
            CHECK_ROW(rows[i].name);
            if (!n)
                continue;
            CHECK(locust__buf_reserve(&plain, n + 8) && locust__buf_reserve(&kept, n + 8));
            locust__buf_add(&plain, "before", 7);
            locust__buf_add(&kept, "before", 7);
            error = locust__response_head_parse(rows[i].in, n, &h, &plain, &used);
            for (int k = 0; k < 2; k++) {
                kept.len = 7;
                CHECK_INT(
                    locust__response_head_recall(heads, rows[i].in, n, &again, &kept, &used_again),
                    error);
                CHECK_INT(kept.len, plain.len);
                CHECK(memcmp(kept.ptr, plain.ptr, plain.len) == 0);
                if (!error) {
                    CHECK_INT(used_again, used);
                    CHECK_INT(again.status, h.status);
                    CHECK_INT(again.reason_len, h.reason_len);
                    CHECK_INT(again.cookies, h.cookies);
                    CHECK_INT(again.coded, h.coded);
                    CHECK_INT(again.framing.length, h.framing.length);
                    CHECK_INT(again.framing.chunked, h.framing.chunked);
                    CHECK_INT(again.framing.close, h.framing.close);
                }
            }
            locust__buf_free(&plain);
            locust__buf_free(&kept);
        }
    free(heads);
}

static void reasons(void)
{
    static const struct {
        const char *head, *reason;
    } lines[] = {
        {"HTTP/1.1 404 Not Found\r\n\r\n", "Not Found"},
        {"HTTP/1.1 404 Not Found\n\n", "Not Found"},
        {"HTTP/1.1 404 \r\n\r\n", ""},
        {"HTTP/1.1 404\r\n\r\n", ""},
        {"HTTP/1.0 404 \xc3\xa4\tb\r\nA: b\r\n\r\n", "\xc3\xa4\tb"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].head), used;
        char *p = check_guarded(lines[i].head, n);
        locust__buf kept = {NULL, 0, 0, false};
        locust__response_head h;
        CHECK_ROW(lines[i].head);
        CHECK(locust__buf_reserve(&kept, n));
        if (CHECK_INT(locust__response_head_parse(p, n, &h, &kept, &used), LOCUST_OK)) {
            CHECK_INT(h.status, 404);
            CHECK_STR(kept.ptr, lines[i].reason);
        }
        check_guarded_free(p, n);
        locust__buf_free(&kept);
    }
}

static void kinds(void)
{
    static const struct {
        const char *name;
        locust__response_head head;
        bool to_head;
        enum locust__body kind;
    } heads[] = {
        {"nothing", {.status = 200}, false, LOCUST__BODY_CLOSE},
        {"length", {.status = 200, .framing = {.sized = true, .length = 1}}, false,
            LOCUST__BODY_SIZED},
        {"chunked", {.status = 200, .framing = {.chunked = true}}, false, LOCUST__BODY_CHUNKED},
        {"404", {.status = 404}, false, LOCUST__BODY_CLOSE},
        {"205", {.status = 205, .framing = {.sized = true}}, false, LOCUST__BODY_SIZED},
        {"HEAD", {.status = 200, .framing = {.sized = true, .length = 1}}, true, LOCUST__BODY_NONE},
        {"100", {.status = 100, .framing = {.sized = true, .length = 1}}, false, LOCUST__BODY_NONE},
        {"204", {.status = 204, .framing = {.chunked = true}}, false, LOCUST__BODY_NONE},
        {"304", {.status = 304, .framing = {.sized = true, .length = 1}}, false, LOCUST__BODY_NONE},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        CHECK_ROW(heads[i].name);
        CHECK_INT(locust__response_head_body(&heads[i].head, heads[i].to_head), heads[i].kind);
    }
}

TESTS({"parse head", parse_head}, {"parts of a head", parse_parts_of_a_head},
    {"heads that are known", recall_heads}, {"reasons", reasons}, {"kinds", kinds})
