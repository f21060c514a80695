// The head of a request, as a server sees it. RFC 9110, RFC 9112.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

static void task_methods(locust_user *u)
{
    locust_response *r = locust_get(u, "/a?b=c");
    CHECK(strncmp(r->body, "GET /a?b=c HTTP/1.1\r\n", 21) == 0);
    CHECK(count_of(r->body, "\r\nContent-Length") == 0);
    CHECK(count_of(r->body, "\r\nTransfer-Encoding") == 0);
    CHECK_INT(count_of(r->body, "\r\nHost: "), 1);
    r = locust_head(u, "/h");
    CHECK_STR(locust_header(r, "x-line"), "HEAD /h HTTP/1.1");
    CHECK_INT(r->body_len, 0);
    r = locust_options_request(u, "/o");
    CHECK(strncmp(r->body, "OPTIONS /o HTTP/1.1\r\n", 21) == 0);
    r = locust_delete(u, "/d");
    CHECK(strncmp(r->body, "DELETE /d HTTP/1.1\r\n", 20) == 0);
    r = locust_put(u, "/p", .body = "abc", .body_len = 3);
    CHECK(strncmp(r->body, "PUT /p HTTP/1.1\r\n", 17) == 0);
    CHECK(has_line(r, "Content-Length: 3"));
    CHECK(strstr(r->body, "\r\n\r\nabc") != NULL);
    r = locust_patch(u, "/p", .body = "abc", .body_len = 2);
    CHECK(strncmp(r->body, "PATCH /p HTTP/1.1\r\n", 19) == 0);
    CHECK(has_line(r, "Content-Length: 2"));
    r = locust_send(u, &(locust_request){.method = "X-any!", .url = "/x"});
    CHECK(strncmp(r->body, "X-any! /x HTTP/1.1\r\n", 20) == 0);
    r = locust_send(u, &(locust_request){.url = "/x"});
    CHECK(strncmp(r->body, "GET /x HTTP/1.1\r\n", 17) == 0);
}

static void methods(void)
{
    run_on(reflecting, reflecting, task_methods);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.requests, 8);
    CHECK_STR(samples[6].method, "X-any!");
    CHECK_STR(samples[7].method, "GET");
}

static void task_bodies(locust_user *u)
{
    static const char binary[] = {'a', '\0', '\r', '\n', '\xff'};
    locust_response *r = locust_post(u, "/");
    CHECK(has_line(r, "Content-Length: 0")); // RFC 9110 8.6
    CHECK(count_of(r->body, "\r\nContent-Type") == 0);
    r = locust_put(u, "/");
    CHECK(has_line(r, "Content-Length: 0"));
    r = locust_post(u, "/", .form = "a=b&c=d%20e");
    CHECK(has_line(r, "Content-Type: application/x-www-form-urlencoded"));
    CHECK(has_line(r, "Content-Length: 11"));
    CHECK(strstr(r->body, "\r\n\r\na=b&c=d%20e") != NULL);
    r = locust_post(u, "/", .json = "{\"a\": 1}");
    CHECK(has_line(r, "Content-Type: application/json"));
    CHECK(has_line(r, "Content-Length: 8"));
    CHECK(strstr(r->body, "\r\n\r\n{\"a\": 1}") != NULL);
    r = locust_post(u, "/", .body = binary, .body_len = sizeof binary);
    CHECK(has_line(r, "Content-Length: 5"));
    CHECK(count_of(r->body, "\r\nContent-Type") == 0);
    CHECK(memcmp(r->body + r->body_len - 5, binary, 5) == 0);
    r = locust_post(u, "/", .json = "{}", .headers = LOCUST_HEADERS({"content-type", "text/x"}));
    CHECK_INT(count_of(r->body, "\r\nContent-Type:"), 1);
    CHECK(has_line(r, "content-type: text/x"));
    r = locust_get(u, "/", .body = "x", .body_len = 1); // a body with any method
    CHECK(has_line(r, "Content-Length: 1"));
    r = locust_post(u, "/", .form = "");
    CHECK(has_line(r, "Content-Length: 0"));
    CHECK(has_line(r, "Content-Type: application/x-www-form-urlencoded"));
}

static void bodies(void)
{
    run_on(reflecting, reflecting, task_bodies);
    CHECK_INT(result.failures, 0);
}

static const locust_pair class_headers[] = {
    {"X-Class", "class"}, {"X-Both", "class"}, {"User-Agent", "tester"}, {NULL, NULL}};

static void task_headers(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    CHECK(has_line(r, "X-Class: class"));
    CHECK(has_line(r, "X-Both: class"));
    CHECK(has_line(r, "User-Agent: tester"));
    CHECK_INT(count_of(r->body, "\r\nUser-Agent:"), 1);
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"x-both", "own"}, {"Accept", "text/html"}));
    CHECK(has_line(r, "X-Class: class"));
    CHECK(has_line(r, "x-both: own"));
    CHECK_INT(count_of(r->body, "\r\nX-Both:"), 1);
    CHECK_INT(count_of(r->body, "\r\nAccept:"), 1);
    CHECK(has_line(r, "Accept: text/html"));
    r = locust_get(u, "/", .headers = LOCUST_HEADERS({"Host", "other.test"}));
    CHECK(has_line(r, "Host: other.test"));
    CHECK_INT(count_of(r->body, "\r\nHost:"), 1);
    r = locust_get(
        u, "/", .headers = LOCUST_HEADERS({"Empty", ""}, {"Tab", "a\tb"}, {"U", "\xc3\xa4"}));
    CHECK_STR(r->error, NULL);
    CHECK(has_line(r, "Empty: ") || has_line(r, "Empty:"));
    CHECK(has_line(r, "Tab: a\tb"));
    CHECK(has_line(r, "U: \xc3\xa4"));
    r = locust_get(u, "/"); // the class's are back
    CHECK(has_line(r, "X-Both: class"));
}

static void headers(void)
{
    server s = server_start(1, reflecting);
    now.s = &s;
    run_with(task_headers, (setting){.host = s.url, .headers = class_headers});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_injection(locust_user *u)
{
    static const struct {
        const char *row, *method;
        locust_pair field;
    } rows[] = {
        {"CR LF in a value", "GET", {"X", "a\r\nEvil: 1"}},
        {"LF in a value", "GET", {"X", "a\nEvil: 1"}},
        {"CR in a value", "GET", {"X", "a\rEvil: 1"}},
        {"line end at the end of a value", "GET", {"X", "a\r\n"}},
        {"control character in a value", "GET", {"X", "a\x01"}},
        {"CR LF in a name", "GET", {"X: a\r\nEvil", "1"}},
        {"colon in a name", "GET", {"X:", "1"}},
        {"space in a name", "GET", {"X ", "1"}},
        {"empty name", "GET", {"", "1"}},
        {"CR LF in the method", "GET / HTTP/1.1\r\nEvil: 1\r\nX:", {"A", "b"}},
        {"space in the method", "GET /evil", {"A", "b"}},
        {"empty method", "", {"A", "b"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_response *r;
        CHECK_ROW(rows[i].row);
        r = locust_send(
            u, &(locust_request){.method = rows[i].method,
                   .url = "/",
                   .headers = LOCUST_HEADERS({rows[i].field.name, rows[i].field.value})});
        CHECK_INT(r->code, LOCUST_ERR_HTTP_REQUEST);
        CHECK_STR(r->error, locust_error_text(LOCUST_ERR_HTTP_REQUEST));
        CHECK_INT(r->status, 0);
    }
    CHECK_ROW("nothing of it was sent");
    CHECK_INT(now.s->seen->requests, 0);
    CHECK_ROW("the user goes on");
    CHECK_INT(locust_get(u, "/")->status, 200);
    CHECK_ROW(NULL);
}

static void injection(void)
{
    run_on(reflecting, reflecting, task_injection);
    CHECK_INT(result.requests, 13);
    CHECK_INT(result.failures, 12);
}

/* Request targets and rows, on a host with a path of its own. */
static void task_targets(locust_user *u)
{
    static const struct {
        const char *url, *line;
    } rows[] = {
        {"/", "GET /base/ HTTP/1.1"},
        {"/a b", "GET /base/a%20b HTTP/1.1"},
        {"/a#frag", "GET /base/a HTTP/1.1"},
        {"/a?b#c", "GET /base/a?b HTTP/1.1"},
        {"?q=1", "GET /base?q=1 HTTP/1.1"},
        {"/a\r\nEvil: 1", "GET /base/a%0D%0AEvil:%201 HTTP/1.1"},
        {"/\xc3\xa4?x=\"<>", "GET /base/%C3%A4?x=%22%3C%3E HTTP/1.1"},
        {"/%41%2f", "GET /base/%41%2f HTTP/1.1"},
        {"/?u=http://x.test/", "GET /base/?u=http://x.test/ HTTP/1.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_response *r = locust_get(u, rows[i].url);
        char name[200];
        CHECK_ROW(rows[i].url);
        CHECK_STR(locust_header(r, "X-Line"), rows[i].line);
        snprintf(name, sizeof name, "%.*s", (int)(strlen(rows[i].line) - strlen("GET  HTTP/1.1")),
            rows[i].line + 4);
        CHECK_STR(samples[n_samples - 1].name, name); // the row: path and query as sent
        CHECK(strncmp(r->url, now.s->url, strlen(now.s->url)) == 0);
        CHECK_STR(r->url + strlen(now.s->url), name);
        CHECK(count_of(r->body, "\r\nEvil") == 0);
    }
    CHECK_ROW(NULL);
    locust_get(u, "/x?id=7", .name = "/x?id=[id]");
    CHECK_STR(samples[n_samples - 1].name, "/x?id=[id]");
}

static void targets(void)
{
    server s = server_start(1, reflecting);
    char host[200];
    snprintf(host, sizeof host, "%s/base", s.url);
    now.s = &s;
    run_with(task_targets, (setting){.host = host});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_root(locust_user *u)
{
    CHECK_STR(locust_header(locust_get(u, "/x"), "X-Line"), "GET /x HTTP/1.1");
    CHECK_STR(locust_header(locust_get(u, ""), "X-Line"), "GET / HTTP/1.1");
    CHECK_STR(locust_header(locust_get(u, "?q"), "X-Line"), "GET /?q HTTP/1.1");
}

/* A slash at the end of the host is not doubled. */
static void host_with_a_slash(void)
{
    server s = server_start(1, reflecting);
    char host[200];
    snprintf(host, sizeof host, "%s/", s.url);
    now.s = &s;
    run_with(task_root, (setting){.host = host});
    CHECK_INT(result.failures, 0);
    run_with(task_root, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

static void task_header_size(locust_user *u)
{
    static char value[70001];
    memset(value, 'v', 70000);
    CHECK_INT(locust_get(u, "/", .headers = LOCUST_HEADERS({"X", value}))->code,
        LOCUST_ERR_HTTP_REQUEST_SIZE);
    value[LOCUST_BUFFER_SIZE / 3] = '\0';
    CHECK_INT(locust_get(u, "/", .headers = LOCUST_HEADERS({"X", value}))->status, 200);
}

static void large_request_headers(void)
{
    run_on(answering, answering, task_header_size);
    CHECK_INT(result.failures, 1);
}

/* A request made of the answer before it: both promise to live that long. */
static void task_from_last_answer(locust_user *u)
{
    static const char path[] =
        "/a/much/longer/path/than/the/first/one/so/that/it/would/overwrite/it";
    locust_response *r = locust_get(u, "/");
    CHECK_STR(locust_header(r, "etag"), "\"the-tag-of-the-answer\"");
    r = locust_post(u, path, .body = r->body, .body_len = r->body_len,
        .headers = LOCUST_HEADERS({"If-None-Match", locust_header(r, "etag")}));
    CHECK_STR(r->error, NULL);
    CHECK(strstr(r->body, "If-None-Match: \"the-tag-of-the-answer\"\r\n") != NULL);
    CHECK(strstr(r->body, "\r\n\r\nthe body of the answer") != NULL);
    CHECK(strstr(r->body, path) != NULL);
}

static void from_last_answer(void)
{
    static const step steps[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nETag: \"the-tag-of-the-answer\"\r\nContent-Length: 22\r\n\r\n"
             "the body of the answer"),
        READ, REFLECT, LOOP};
    run_on(steps, steps, task_from_last_answer);
    CHECK_INT(result.failures, 0);
}

TESTS({"methods", methods}, {"bodies", bodies}, {"headers", headers}, {"injection", injection},
    {"targets", targets}, {"host with a slash", host_with_a_slash},
    {"large request headers", large_request_headers}, {"from the last answer", from_last_answer}, )
