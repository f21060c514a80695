// session_requests.c - one user's requests, each answer on a line of standard output, for test_session.py.
//   session_requests --headless -H URL OTHER=URL-of-another-origin in the environment
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static void show(const char *what, locust_response *r)
{
    printf("%s|%s|%d|%s|%.*s\n", what, r->error ? r->error : "", r->status, r->url,
        (int)strcspn(r->body, "\n"), r->body);
}

static void redirects(locust_user *u)
{
    static const char *const codes[] = {"301", "302", "303", "307", "308"};
    char path[64], name[64];
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "/r%s", codes[i]);
        snprintf(name, sizeof name, "get %s", codes[i]);
        show(name, locust_get(u, path));
        snprintf(name, sizeof name, "post %s", codes[i]);
        show(name, locust_post(u, path, .form = "a=1&b=2", .name = name));
    }
    show("relative", locust_get(u, "/dir/relative?x=1"));
    show("loop", locust_get(u, "/loop"));
    show("none", locust_get(u, "/r301", .no_redirect = true, .name = "none"));
    show("head", locust_head(u, "/r301"));
    show("https", locust_get(u, "/https"));
    show("two", locust_get(u, "/two"));
    show("no location", locust_get(u, "/304"));
}

/* Fields that describe the body, of the class and of the request, by a redirect. */
static void content(locust_user *u)
{
    static const char *const requests[] = {
        "POST 301", "POST 302", "POST 303", "PUT 303", "POST 307", "PUT 302"};
    static const locust_pair fields[] = {{"Content-Type", "text/x"}, {"content-encoding", "gzip"},
        {"Content-Language", "de"}, {"Content-Location", "/a"}, {"Content-MD5", "bWQ1"},
        {"Content-Digest", "sha-256=:AA==:"}, {"Digest", "sha-256=AA=="}, {"Last-Modified", "Fri"},
        {"Trailer", "X-T"}, {"Expect", "100-continue"}, {"X-Own", "1"}, {"Accept-Language", "en"},
        {NULL, NULL}};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char method[8], path[16], name[32];
        snprintf(method, sizeof method, "%.*s", (int)strcspn(requests[i], " "), requests[i]);
        snprintf(path, sizeof path, "/c%s", strchr(requests[i], ' ') + 1);
        snprintf(name, sizeof name, "content of %s", requests[i]);
        show(name, locust_send(u, &(locust_request){.method = method,
                                      .url = path,
                                      .body = "abc",
                                      .body_len = 3,
                                      .headers = fields}));
    }
}

static void credentials(locust_user *u)
{
    show("same origin",
        locust_get(u, "/to-fields",
            .headers = LOCUST_HEADERS({"Authorization", "Bearer t"}, {"X-Own", "1"})));
    show("other origin",
        locust_get(u, "/to-other",
            .headers = LOCUST_HEADERS({"Authorization", "Bearer t"}, {"X-Own", "1"})));
    show("body to other",
        locust_send(
            u, &(locust_request){.method = "PUT", .url = "/to-echo", .json = "{\"a\": 1}"}));
    show("fields to other",
        locust_post(u, "/to-echo", .form_fields = LOCUST_PARAMS({"a", "x y"}, {"b", "&="})));
}

static void encoded(locust_user *u)
{
    char url[512];
    snprintf(url, sizeof url, "%s/echo", getenv("OTHER"));
    show("params",
        locust_get(u, "/fields", .params = LOCUST_PARAMS({"q", "tea & cake"}, {"page", "2"})));
    show("more params",
        locust_get(u, "/fields?a=1", .params = LOCUST_PARAMS({"q", "x"}), .name = "p"));
    show("fields",
        locust_post(u, url, .form_fields = LOCUST_PARAMS({"csrf", "a+b"}, {"name", "Ann B"})));
    show("no fields", locust_post(u, url, .form_fields = (const locust_pair[]){{NULL, NULL}}));
}

static void expected(locust_user *u)
{
    char url[256];
    snprintf(url, sizeof url, "%s/echo", getenv("OTHER"));
    locust_post(u, url, .body = "a\0strict", .body_len = 8, .expect_body = "strict",
        .name = "has it behind a NUL");
    locust_get(u, "/missing", .expect_status = 404, .name = "expected 404");
    locust_get(u, "/fields", .expect_status = 201, .name = "not 201");
    locust_get(u, "/fields", .expect_body = "auth=", .name = "has it");
    locust_get(u, "/fields", .expect_body = "strict", .name = "has it not");
    locust_response *r = locust_get(
        u, "/fields", .expect_body = "strict", .name = "own verdict", .catch_response = true);
    locust_success(r);
    locust_get(u, "/fields", .expect_body = "strict", .name = "no verdict", .catch_response = true);
}

static void extracted(locust_user *u)
{
    char token[32];
    double number = 0;
    bool flag = false;
    int64_t whole = 0;
    size_t length = 0;
    locust_response *r = locust_get(u, "/json");
    bool ok = locust_json_number(r, "user.ids[1]", &number);
    printf("number|%d|%g\n", ok, number);
    ok = locust_json_bool(r, "ok", &flag);
    printf("bool|%d|%d\n", ok, flag);
    ok = locust_json_string(r, "user.name", token, sizeof token);
    printf("string|%d|%s\n", ok, token);
    printf("missing|%d\n", locust_json_number(r, "user.name", &number));
    ok = locust_json_int(r, "/big.id", &whole);
    printf("int|%d|%lld\n", ok, (long long)whole);
    ok = locust_json_string(r, "/big.id", token, sizeof token);
    printf("number as text|%d|%s\n", ok, token);
    ok = locust_json_length(r, "user.ids", &length);
    printf("length|%d|%zu\n", ok, length);
    printf("no length|%d\n", locust_json_length(r, "ok", &length));
    r = locust_get(u, "/html");
    ok = locust_match(r, "name=\"csrf\" value=\"([^\"]+)\"", 1, token, sizeof token);
    printf("match|%d|%s\n", ok, token);
    printf("whole|%d|", locust_match(r, "value=\"[a-z0-9]+\"", 0, token, sizeof token));
    printf("%s\n", token);
    ok = locust_match(r, "<(?:h1|h2)>(.*?)<", 1, token, sizeof token);
    printf("lazy|%d|%s\n", ok, token);
    printf("no match|%d\n", locust_match(r, "nothing", 0, token, sizeof token));
    printf("no group|%d\n", locust_match(r, "csrf", 3, token, sizeof token));
    ok = locust_find_between(r, "<h1>", "</h1>", token, sizeof token);
    printf("between|%d|%s\n", ok, token);
}

static void all(locust_user *u)
{
    redirects(u);
    content(u);
    credentials(u);
    encoded(u);
    expected(u);
    extracted(u);
    locust_stop_test(u);
}

LOCUST_USER(
    Session, .headers = LOCUST_HEADERS({"Cookie", "c=1"}), .tasks = LOCUST_TASKS(LOCUST_TASK(all)));
LOCUST_MAIN(.users = {&Session})
