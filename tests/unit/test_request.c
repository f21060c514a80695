// A whole request: rows, absolute URLs, redirects, fields that contradict each other.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

static void task_rows(locust_user *u)
{
    locust_get(u, "/item?id=1", .name = "/item?id=[id]");
    locust_get(u, "/item?id=2", .name = "/item?id=[id]");
    locust_post(u, "/item?id=2", .name = "/item?id=[id]");
    locust_get(u, "/item?id=2");
    locust_get(u, "/item?id=3");
    locust_get(u, "/item?id=3");
}

static void rows_by_name(void)
{
    run_on(answering, answering, task_rows);
    CHECK_INT(result.requests, 6);
    CHECK_INT(result.n_rows, 4);
}

static server other;

static void task_origins(locust_user *u)
{
    char url[200], line[200];
    locust_response *r;
    snprintf(url, sizeof url, "%s/far?x#frag", other.url);
    r = locust_get(u, "/near");
    snprintf(line, sizeof line, "Host: 127.0.0.1:%d", now.s->port);
    CHECK(has_line(r, line));
    r = locust_get(u, url);
    snprintf(line, sizeof line, "Host: 127.0.0.1:%d", other.port);
    CHECK(has_line(r, line));
    CHECK_STR(locust_header(r, "x-line"), "GET /far?x HTTP/1.1");
    CHECK_INT(r->reused, false);
    CHECK_STR(samples[1].name, "/far?x");
    r = locust_get(u, "/near");
    snprintf(line, sizeof line, "Host: 127.0.0.1:%d", now.s->port);
    CHECK(has_line(r, line));
    CHECK_STR(r->error, NULL);
    snprintf(url, sizeof url, "%s", now.s->url); // the host itself, as an absolute URL
    r = locust_get(u, url);
    CHECK_STR(locust_header(r, "x-line"), "GET / HTTP/1.1");
    CHECK_INT(r->reused, true);
}

static void absolute_urls(void)
{
    server s = server_start(1, reflecting);
    other = server_start(1, reflecting);
    now.s = &s;
    run_with(task_origins, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    CHECK_INT(other.seen->requests, 1);
    server_stop(&s);
    server_stop(&other);
}

static void task_bad_urls(locust_user *u)
{
    CHECK_INT(locust_get(u, "http://a b/")->code, LOCUST_ERR_URL);
    CHECK_INT(locust_get(u, "http://:1/")->code, LOCUST_ERR_URL);
    CHECK_INT(locust_get(u, "http://127.0.0.1:99999/x")->code, LOCUST_ERR_URL);
    CHECK_INT(locust_get(u, "gopher://127.0.0.1:7/")->code, LOCUST_ERR_SCHEME);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void bad_urls(void)
{
    run_on(answering, answering, task_bad_urls);
    CHECK_INT(result.requests, 5);
    CHECK_INT(result.failures, 4);
}

#define STATUS(line)                                                       \
    {                                                                      \
        READ, SEND("HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"), LOOP \
    }

static void task_no_location(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    CHECK_STR(r->error, NULL);
    CHECK(r->status >= 200 && r->status < 400);
}

/* Answers that redirect nowhere are answers; test_session.py has those that do. */
static void redirects(void)
{
    static const step s304[] = STATUS("304 No"), s200[] = STATUS("200 OK\r\nLocation: /x"),
                      s300[] = STATUS("300 Multiple Choices");
    static const step *const steps[] = {s304, s200, s300};
    for (int i = 0; i < 3; i++) {
        CHECK_ROW(steps[i][1].bytes);
        run_on(steps[i], steps[i], task_no_location);
        CHECK_INT(result.requests, 1);
        CHECK_INT(result.failures, 0);
    }
}

static ptrdiff_t one_byte(void *arg, void *out, size_t n)
{
    (void)arg;
    (void)n;
    *(char *)out = 'a';
    return 1;
}

static bool no_chunk(void *arg, const char *bytes, size_t n)
{
    (void)arg;
    (void)bytes;
    (void)n;
    return true;
}

static bool no_event(void *arg, const locust_sse_event *event)
{
    (void)arg;
    (void)event;
    return true;
}

/* Fields that contradict each other, and pairs that do not. */
static void task_contradictions(locust_user *u)
{
    static const locust_pair fields[] = {{"a", "b"}, {NULL, NULL}};
    static const locust_part parts[] = {{"a", "b", NULL, NULL}, {NULL, NULL, NULL, NULL}};
    static const struct {
        const char *row;
        locust_error error;
        locust_request request;
    } rows[] = {
        {"body and json", LOCUST_ERR_HTTP_BODIES, {.body = "a", .body_len = 1, .json = "{}"}},
        {"json and form", LOCUST_ERR_HTTP_BODIES, {.json = "{}", .form = "a=b"}},
        {"form and form_fields", LOCUST_ERR_HTTP_BODIES, {.form = "a=b", .form_fields = fields}},
        {"form_fields and parts", LOCUST_ERR_HTTP_BODIES, {.form_fields = fields, .parts = parts}},
        {"parts and body_path", LOCUST_ERR_HTTP_BODIES, {.parts = parts, .body_path = "/dev/null"}},
        {"body_path and body_fn", LOCUST_ERR_HTTP_BODIES,
            {.body_path = "/dev/null", .body_fn = one_byte}},
        {"body_fn and body", LOCUST_ERR_HTTP_BODIES,
            {.body_fn = one_byte, .body = "a", .body_len = 1}},
        {"all bodies", LOCUST_ERR_HTTP_BODIES,
            {.body = "a",
                .json = "{}",
                .form = "a=b",
                .form_fields = fields,
                .parts = parts,
                .body_path = "/dev/null",
                .body_fn = one_byte}},
        {"a length without a body", LOCUST_ERR_HTTP_BODY_LEN, {.body_len = 1}},
        {"a length beside json", LOCUST_ERR_HTTP_BODY_LEN, {.json = "{}", .body_len = 2}},
        {"a text without a length", LOCUST_ERR_HTTP_BODY_NO_LEN, {.body = "text"}},
        {"an expected body that a function takes", LOCUST_ERR_HTTP_EXPECT,
            {.on_body = no_chunk, .expect_body = "x"}},
        {"expected JSON that a function takes", LOCUST_ERR_HTTP_EXPECT,
            {.on_event = no_event, .expect_json = true}},
        {"auth and bearer", LOCUST_ERR_HTTP_AUTHS, {.auth = "a:b", .bearer = "c"}},
        {"on_body and on_event", LOCUST_ERR_HTTP_CALLBACKS,
            {.on_body = no_chunk, .on_event = no_event}},
        {"a length and a function", LOCUST_OK, {.body_fn = one_byte, .body_len = 1}},
        {"a body of no bytes", LOCUST_OK, {.body = ""}},
        {"a body, credentials, a function", LOCUST_OK,
            {.body = "a", .body_len = 1, .bearer = "b", .on_body = no_chunk}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_request request = rows[i].request;
        locust_response *r;
        CHECK_ROW(rows[i].row);
        request.url = "/";
        request.name = "contradictions";
        r = locust_send(u, &request);
        CHECK_INT(r->code, rows[i].error);
        CHECK_INT(r->status, rows[i].error ? 0 : 200);
        if (rows[i].error)
            CHECK_STR(r->error, locust_error_text(rows[i].error));
    }
    CHECK_ROW("the others were sent");
    CHECK_INT(now.s->seen->requests, 3);
    CHECK_ROW(NULL);
}

static void contradictions(void)
{
    run_on(answering, answering, task_contradictions);
    CHECK_INT(result.requests, 18);
    CHECK_INT(result.failures, 15);
    CHECK_INT(result.n_texts, 6);
    CHECK_STR(result.texts[0].text,
        "invalid request: more than one of .body, .json, .form, .form_fields, .parts, .body_path, "
        ".body_fn");
    CHECK_INT(result.texts[0].times, 8);
}

TESTS({"contradictions", contradictions}, {"rows by name", rows_by_name},
    {"absolute URLs", absolute_urls}, {"bad URLs", bad_urls}, {"redirects", redirects}, )
