// A whole request: rows, absolute URLs, redirects.
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

TESTS({"rows by name", rows_by_name}, {"absolute URLs", absolute_urls}, {"bad URLs", bad_urls},
    {"redirects", redirects}, )
