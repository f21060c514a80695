// Writing a request's head: fields that cannot end their line, into a buffer that may be too small.
// RFC 9110 5.1, 5.5.
// boards
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *field, *value;
    const char *want; // NULL: it is refused
} rows[] = {
    {"a field", "Accept", "*/*", "Accept: */*\r\n"},
    {"an empty value", "Accept", "", "Accept: \r\n"},
    {"no value", "Accept", NULL, "Accept: \r\n"},
    {"every mark of a name", "!#$%&'*+-.^_`|~09azAZ", "x", "!#$%&'*+-.^_`|~09azAZ: x\r\n"},
    {"a tab in the value", "A", "b\tc", "A: b\tc\r\n"},
    {"a colon in the value", "A", "b: c", "A: b: c\r\n"},
    {"bytes above 127 in the value", "A", "\xc3\xa4\xff", "A: \xc3\xa4\xff\r\n"},
    {"a value of more than eight bytes", "A", "0123456789abcdef", "A: 0123456789abcdef\r\n"},
    {"no name", "", "x", NULL},
    {"a blank in the name", "A b", "x", NULL},
    {"a colon in the name", "A:", "x", NULL},
    {"a line end in the name", "A\r\nB", "x", NULL},
    {"a byte above 127 in the name", "\xc3\xa4", "x", NULL},
    {"a line end in the value", "A", "b\r\nX: y", NULL},
    {"CR in the value", "A", "b\rc", NULL},
    {"LF in the value", "A", "\nb", NULL},
    {"LF behind many", "A", "0123456789abcdef\n", NULL},
    {"LF as the eighth", "A", "0123456\n89abcdef", NULL},
    {"a control character", "A", "b\x01", NULL},
    {"DEL", "A", "\x7f", NULL},
};

/* Each in a buffer that is exact, and in every smaller one. */
static void fields(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = rows[i].want ? strlen(rows[i].want) : 40;
        CHECK_ROW(rows[i].name);
        for (size_t room = rows[i].want ? 0 : n; room <= n; room++) {
            char *buffer = check_guarded("", 0) - room;
            locust__writer w = {buffer, buffer + room, LOCUST_OK};
            locust__writer_field(&w, rows[i].field, rows[i].value);
            if (!rows[i].want) {
                CHECK_INT(w.error, LOCUST_ERR_HTTP_REQUEST);
            } else if (room < n) {
                CHECK_INT(w.error, LOCUST_ERR_HTTP_REQUEST_SIZE);
            } else {
                CHECK_INT(w.error, LOCUST_OK);
                CHECK(w.ptr == w.end && memcmp(buffer, rows[i].want, n) == 0);
            }
            check_guarded_free(buffer + room, 0);
        }
    }
    CHECK_ROW(NULL);
}

/* The first of its errors may be followed by what fits: the head is not sent all the same. */
static void an_error_stays(void)
{
    char buffer[8];
    locust__writer w = {buffer, buffer + sizeof buffer, LOCUST_OK};
    locust__writer_puts(&w, "123456789");
    locust__writer_puts(&w, "1");
    locust__writer_puts(&w, "23");
    CHECK_INT(w.error, LOCUST_ERR_HTTP_REQUEST_SIZE);
    w.error = LOCUST_OK;
    locust__writer_field(&w, "", "");
    locust__writer_puts(&w, "4");
    CHECK_INT(w.error, LOCUST_ERR_HTTP_REQUEST);
    CHECK(w.ptr - buffer == 4 && memcmp(buffer, "1234", 4) == 0);
}

static void numbers(void)
{
    static const struct {
        uint64_t n;
        const char *want;
    } lengths[] = {
        {0, "N: 0\r\n"},
        {9, "N: 9\r\n"},
        {10, "N: 10\r\n"},
        {4096, "N: 4096\r\n"},
        {UINT64_MAX, "N: 18446744073709551615\r\n"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char buffer[40] = "";
        locust__writer w = {buffer, buffer + sizeof buffer - 1, LOCUST_OK};
        locust__writer_number(&w, "N: ", lengths[i].n);
        CHECK_INT(w.error, LOCUST_OK);
        CHECK_STR(buffer, lengths[i].want);
        CHECK_INT(w.ptr - buffer, strlen(lengths[i].want));
    }
}

static void finds_pairs(void)
{
    static const locust_pair pairs[] = {{"Accept", "a"}, {"X-Empty", NULL}, {"accept", "b"},
        {"Accept-Encoding", "c"}, {NULL, NULL}};
    CHECK_STR(locust__pair_find(pairs, "ACCEPT"), "a"); // in any case, the first
    CHECK_STR(locust__pair_find(pairs, "x-empty"), "");
    CHECK_STR(locust__pair_find(pairs, "Accept-Encoding"), "c");
    CHECK_STR(locust__pair_find(pairs, "Accept-"), NULL);
    CHECK_STR(locust__pair_find(pairs, ""), NULL);
    CHECK_STR(locust__pair_find(NULL, "Accept"), NULL);
}

TESTS({"fields", fields}, {"an error stays", an_error_stays}, {"numbers", numbers},
    {"finds pairs", finds_pairs}, )
