// The heads of requests, whole, cut, and against a page that cannot be read. RFC 9112 2.2, 3, 6.3; RFC 9110 7.2.
// boards
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *in;
    int status;
    const char *method, *host, *path, *query;
} rows[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "GET", "a", "/", ""},
    {"GET /a?b=c HTTP/1.1\nHost: a:80\n\n", 0, "GET", "a:80", "/a", "b=c"},
    {"\r\n\r\nPOST /%41%2f%20b?%41 HTTP/1.1\r\nHost: [::1]:8089\r\n\r\n", 0, "POST", "[::1]:8089",
        "/A/ b", "%41"},
    {"GET http://a.b:1/c?d HTTP/1.1\r\nHost: other\r\n\r\n", 0, "GET", "a.b:1", "/c", "d"},
    {"GET http://a.b HTTP/1.1\r\nHost: x\r\n\r\n", 0, "GET", "a.b", "/", ""},
    {"GET HTTP://a?q HTTP/1.1\r\nHost: x\r\n\r\n", 0, "GET", "a", "", "q"},
    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0, "OPTIONS", "x", "*", ""},
    {"GET / HTTP/1.0\r\n\r\n", 0, "GET", "", "/", ""},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, "GET", "", "/", ""},
    {"M!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "M!#$%&'*+-.^_`|~9", "a", "/", ""},
    {"GET / HTTP/1.1\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET /\xC3\xA4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
        NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, NULL, NULL, NULL, NULL},
    {"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417, NULL, NULL, NULL, NULL},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, NULL, NULL, NULL, NULL},
    {"\r\n\r\n", 400, NULL, NULL, NULL, NULL},
};

static void every_row(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].in);
        char *p = check_guarded(rows[i].in, n);
        locust__request_head h;
        locust__buf kept = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].in);
        if (CHECK_INT(locust__request_head_parse(p, n, &h, &kept), rows[i].status) &&
            !rows[i].status) {
            CHECK_STR(h.method, rows[i].method);
            CHECK_STR(h.host, rows[i].host);
            CHECK_STR(h.path, rows[i].path);
            CHECK_STR(h.query, rows[i].query);
        }
        check_guarded_free(p, n);
        for (size_t cut = 0; cut < n; cut++) { // a cut head is never a good one
            p = check_guarded(rows[i].in, cut);
            CHECK(locust__request_head_parse(p, cut, &h, &kept) != 0);
            check_guarded_free(p, cut);
        }
        locust__buf_free(&kept);
    }
}

static void fields(void)
{
    static const char in[] =
        "POST / HTTP/1.1\r\nhost: a\r\nX-Y:  b c \r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n";
    locust__request_head h;
    locust__buf kept = {NULL, 0, 0, false};
    CHECK_INT(locust__request_head_parse(in, sizeof in - 1, &h, &kept), 0);
    CHECK_STR(locust__request_head_field(&h, "x-y"), "b c");
    CHECK_STR(locust__request_head_field(&h, "HOST"), "a");
    CHECK(!locust__request_head_field(&h, "x"));
    CHECK(h.expects && h.framing.sized && h.framing.length == 5);
    locust__buf_free(&kept);
}

TESTS({"every row, whole and cut", every_row}, {"fields", fields})
