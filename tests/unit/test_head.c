// What the heads of all messages have in common, against a page that cannot be read. RFC 9112.
// boards
#define LOCUST_MAX_HEADER 2048
#define LOCUST_MAX_BODY   5000
#define LOCUST__LAYERS    5
#include "../../tools/header/all.h"
#include "responses.h"

static void head_end(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t scanned = 0;
        CHECK_ROW(rows[i].name);
        for (size_t n = 0; n <= rows[i].n; n++) {
            char *p = check_guarded(rows[i].in, n);
            size_t fresh = 0, want = simple_head_end(p, n), got;
            CHECK_INT(locust__http_head_end(p, n, &fresh), want);
            got = locust__http_head_end(p, n, &scanned);
            CHECK_INT(got, want);
            check_guarded_free(p, n);
            if (got)
                break;
        }
    }
}

/* What a reader of requests needs: fields and framing, without a status line in front. */
static void fields_of_a_request(void)
{
    static const struct {
        const char *in, *kept; // '|' for each '\0'
        locust_error error;
        locust__http_framing framing;
    } lines[] = {
        {"\r\n", "|", LOCUST_OK, {.minor = 0}},
        {"Host: a\r\nContent-Length: 3\r\n\r\n", "Host|a|Content-Length|3||", LOCUST_OK,
            {.sized = true, .length = 3}},
        {"HOST:a\nTransfer-Encoding: chunked\n\n", "HOST|a|Transfer-Encoding|chunked||", LOCUST_OK,
            {.chunked = true}},
        {"Connection: Upgrade, close\r\n\r\n", "Connection|Upgrade, close||", LOCUST_OK,
            {.close = true}},
        {"Host: a\r\nConnection: keep-alive\r\n\r\n", "Host|a|Connection|keep-alive||", LOCUST_OK,
            {.keep = true}},
        {"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", NULL,
            LOCUST_ERR_HTTP_LENGTH_TWICE, {.minor = 0}},
        {"Transfer-Encoding: gzip, chunked\r\n\r\n", NULL, LOCUST_ERR_HTTP_ENCODING, {.minor = 0}},
        {"Host : a\r\n\r\n", NULL, LOCUST_ERR_HTTP_FIELD, {.minor = 0}},
        {"Host: a\r\n", NULL, LOCUST_ERR_HTTP_FIELD, {.minor = 0}},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].in);
        char *p = check_guarded(lines[i].in, n), *kept = check_guarded(lines[i].in, n), *to = kept;
        const char *at = p;
        locust__http_framing f = {.minor = 0}, want = lines[i].framing;
        locust_error error = LOCUST_OK;
        CHECK_ROW(lines[i].in);
        while (!error && !locust__http_line_end(&at, p + n)) {
            locust__view name, value;
            error = locust__http_field_line(&at, p + n, &to, &name, &value);
            if (!error)
                error = locust__http_note_field(&f, name, value);
        }
        if (!error)
            error = locust__http_check_framing(&f);
        CHECK_INT(error, lines[i].error);
        if (!error) {
            CHECK(at == p + n);
            *to++ = '\0';
            CHECK_INT(to - kept, strlen(lines[i].kept));
            for (char *c = kept; c < to; c++)
                CHECK_INT(*c ? *c : '|', lines[i].kept[c - kept]);
            CHECK(f.sized == want.sized && f.chunked == want.chunked && f.keep == want.keep &&
                  f.close == want.close && f.length == want.length);
        }
        check_guarded_free(kept, n);
        check_guarded_free(p, n);
    }
}

TESTS({"head end", head_end}, {"fields of a request", fields_of_a_request})
