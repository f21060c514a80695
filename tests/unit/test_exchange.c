// One exchange on a connection, against a scripted server: kept and stale connections, faults.
// timeout: 400
// variants: valgrind arm64 armhf s390x asan musl poll clang gcc
// Not mips: resets that qemu-user tells by SO_ERROR have the host's number there.
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

/* -- connections -- */

static void task_reuse(locust_user *u)
{
    for (int i = 0; i < 20; i++) {
        locust_response *r = locust_get(u, "/");
        CHECK_STR(r->error, NULL);
        CHECK_INT(r->status, 200);
        CHECK_STR(r->body, "ok");
        CHECK_INT(r->reused, i > 0);
    }
    CHECK_INT(now.s->seen->accepted, 1);
    CHECK_INT(now.s->seen->requests, 20);
}

static void reuse(void)
{
    run_on(answering, answering, task_reuse);
    CHECK_INT(result.requests, 20);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.bytes, 40);
    CHECK_INT(result.n_rows, 1);
    CHECK_INT(result.counts.opened, 1);
    CHECK_INT(result.counts.reused, 19);
    CHECK_INT(result.counts.sent, 20);
}

static void task_bytes(locust_user *u)
{
    for (int i = 0; i < 3; i++) {
        locust_response *r = locust_get(u, "/");
        CHECK_INT(r->status, 200);
        CHECK_STR(r->body, "abc");
        CHECK_INT(r->reused, i > 0);
    }
}

static void bytes_one_by_one(void)
{
    static const step slowly[] = {READ,
        BYTES("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
              "chunked\r\n\r\n"
              "2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n"),
        LOOP};
    run_on(slowly, slowly, task_bytes);
    CHECK_INT(result.failures, 0);
}

/* A method for each row: what is sent after the server did something to the kept connection. */
static struct {
    const char *method;
    bool idle; // wait until the server has closed, before the second request
} second;

static void task_second(locust_user *u)
{
    locust_response *r = locust_get(u, "/first");
    CHECK_INT(r->status, 200);
    if (second.idle) {
        int64_t until = server_now_ms() + 20000;
        while (now.s->seen->closed == 0 && server_now_ms() < until)
            locust_sleep(u, 0.001);
        locust_sleep(u, 0.001);
    }
    locust_send(u, &(locust_request){.method = second.method, .url = "/second"});
}

static void stale(void)
{
    static const step idle[] = {READ, SEND(OK_REPLY), CLOSE};
    static const step idle_reset[] = {READ, SEND(OK_REPLY), RESET};
    static const step at_request[] = {READ, SEND(OK_REPLY), READ, CLOSE};
    static const step reset[] = {READ, SEND(OK_REPLY), READ, RESET};
    static const step in_head[] = {READ, SEND(OK_REPLY), READ, SEND("HTTP/1.1 2"), CLOSE};
    static const step at_100[] = {
        READ, SEND(OK_REPLY), READ, SEND("HTTP/1.1 100 Continue\r\n\r\n"), CLOSE};
    static const step timeout_408[] = {
        READ, SEND(OK_REPLY "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"), CLOSE};
    static const step closes[] = {READ, CLOSE};
    static const struct {
        const char *name;
        const step *first, *later;
        const char *method;
        bool idle;
        int failures, accepted, requests;
        locust_error error; // of the second request
    } rows[] = {
        {"closed while idle", idle, answering, "GET", true, 0, 2, 2, LOCUST_OK},
        {"closed while idle, POST", idle, answering, "POST", true, 0, 2, 2, LOCUST_OK},
        {"reset while idle", idle_reset, answering, "GET", true, 0, 2, 2, LOCUST_OK},
        {"reset while idle, POST", idle_reset, answering, "POST", true, 0, 2, 2, LOCUST_OK},
        {"an answer nobody asked for", timeout_408, answering, "POST", true, 0, 2, 2, LOCUST_OK},
        {"closed at the request", at_request, answering, "GET", false, 0, 2, 3, LOCUST_OK},
        {"closed at the request, HEAD", at_request, reflecting, "HEAD", false, 0, 2, 3, LOCUST_OK},
        {"closed at the request, PUT", at_request, answering, "PUT", false, 0, 2, 3, LOCUST_OK},
        {"closed at the request, DELETE", at_request, answering, "DELETE", false, 0, 2, 3,
            LOCUST_OK},
        {"closed at the request, OPTIONS", at_request, answering, "OPTIONS", false, 0, 2, 3,
            LOCUST_OK},
        {"closed at the request, POST", at_request, answering, "POST", false, 1, 1, 2,
            LOCUST_ERR_HTTP_NO_RESPONSE},
        {"closed at the request, PATCH", at_request, answering, "PATCH", false, 1, 1, 2,
            LOCUST_ERR_HTTP_NO_RESPONSE},
        {"closed at the request, unknown", at_request, answering, "FETCH", false, 1, 1, 2,
            LOCUST_ERR_HTTP_NO_RESPONSE},
        {"reset at the request", reset, answering, "GET", false, 0, 2, 3, LOCUST_OK},
        {"reset at the request, POST", reset, answering, "POST", false, 1, 1, 2, LOCUST_ERR_RESET},
        {"closed behind the first bytes", in_head, answering, "GET", false, 1, 1, 2,
            LOCUST_ERR_HTTP_HEAD_CUT},
        {"closed behind a 100", at_100, answering, "GET", false, 1, 1, 2,
            LOCUST_ERR_HTTP_NO_RESPONSE},
        {"stale twice", at_request, closes, "GET", false, 1, 2, 3, LOCUST_ERR_HTTP_NO_RESPONSE},
        {"stale, then reset", at_request, reset + 3, "GET", false, 1, 2, 2, LOCUST_ERR_RESET},
    };
    bool foreign = server_foreign_errors();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server s;
        if (rows[i].error == LOCUST_ERR_RESET && foreign)
            continue; // "refused" says that
        s = server_start(2, rows[i].first, rows[i].later);
        CHECK_ROW(rows[i].name);
        now.s = &s;
        second.method = rows[i].method;
        second.idle = rows[i].idle;
        run_with(task_second, (setting){.host = s.url});
        CHECK_INT(result.requests, 2);
        CHECK_INT(result.failures, rows[i].failures);
        CHECK_STR(samples[1].error, rows[i].error ? locust_error_text(rows[i].error) : "");
        CHECK_INT(s.seen->accepted, rows[i].accepted);
        if (rows[i].later != reset + 3) {
            CHECK_INT(result.counts.opened, rows[i].accepted); // what the client counts, too
            CHECK_INT(s.seen->requests, rows[i].requests);
            CHECK_INT(result.counts.sent, rows[i].requests);
            CHECK_INT(result.counts.again, rows[i].requests - 2);
        }
        server_stop(&s);
    }
}

/* A first request is never sent twice: its connection is not a kept one. */
static void task_fresh(locust_user *u)
{
    CHECK_INT(locust_get(u, "/")->code, LOCUST_ERR_HTTP_NO_RESPONSE);
}

static void fresh_is_not_retried(void)
{
    static const step closes[] = {READ, CLOSE};
    server s = server_start(2, closes, answering);
    run_with(task_fresh, (setting){.host = s.url});
    CHECK_INT(result.requests, 1);
    CHECK_INT(result.failures, 1);
    CHECK_INT(s.seen->accepted, 1);
    server_stop(&s);
}

/* Connections that must not be kept: the next request comes over a new one. */
static void task_not_kept(locust_user *u)
{
    locust_response *r = locust_get(u, "/first");
    CHECK_STR(r->error, NULL);
    CHECK_STR(r->body, "ok");
    r = locust_get(u, "/second");
    CHECK_INT(r->reused, false);
    CHECK_STR(r->body, "ok");
    CHECK_INT(now.s->seen->accepted, 2);
}

static void not_kept(void)
{
    // The server keeps its side open, so that only the client's own decision counts.
    static const step surplus[] = {READ, SEND(OK_REPLY "x"), HOLD};
    static const step second_answer[] = {
        READ, SEND(OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), HOLD};
    static const step says_close[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nconnection: a, Close\r\nContent-Length: 2\r\n\r\nok"), HOLD};
    static const step old[] = {READ, SEND("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), HOLD};
    static const step to_close[] = {READ, SEND("HTTP/1.1 200 OK\r\n\r\nok"), CLOSE};
    static const struct {
        const char *name;
        const step *steps;
    } rows[] = {{"a byte behind the answer", surplus}, {"a second answer", second_answer},
        {"Connection: close", says_close}, {"HTTP/1.0", old}, {"body to the close", to_close}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        run_on(rows[i].steps, answering, task_not_kept);
        CHECK_INT(result.failures, 0);
    }
}

/* A 2xx late byte on an idle connection belongs to no request. */
static void task_late_bytes(locust_user *u)
{
    int64_t until = server_now_ms() + 20000;
    locust_response *r = locust_get(u, "/first");
    CHECK_STR(r->body, "ok");
    now.s->seen->go = 1;
    while (now.s->seen->sent < 99 && server_now_ms() < until)
        locust_sleep(u, 0.001);
    locust_sleep(u, 0.001);
    r = locust_get(u, "/second");
    CHECK_STR(r->body, "ok");
    CHECK_INT(r->reused, false);
}

static void late_bytes(void)
{
    static const step late[] = {READ, SEND(OK_REPLY), AWAIT(1),
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\nfor nobody in the world"), HOLD};
    run_on(late, answering, task_late_bytes);
    CHECK_INT(result.failures, 0);
}

/* -- bytes on a kept connection that answer no request -- */

/* A server that sends a body behind its answer to a HEAD must not fail what comes next. */
static const struct head_body {
    const char *name;
    step steps[8];
    const char *method; // of the request behind the HEAD
    bool late;          // it waits until the body is there
    locust_error code;
    int accepted, again, bodies;
} head_bodies[] = {
    {"with the head", {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), HOLD}, "GET",
        false, LOCUST_OK, 2, 0, 1},
    {"with the head, then POST",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), HOLD}, "POST", false,
        LOCUST_OK, 2, 0, 1},
    {"while idle",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), AWAIT(1), SEND("body"), HOLD},
        "POST", true, LOCUST_OK, 2, 0, 1},
    {"while idle, then closed",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), AWAIT(1), SEND("body"), CLOSE},
        "POST", true, LOCUST_OK, 2, 0, 1},
    {"behind the next request",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), READ, SEND("body" OK_REPLY),
            HOLD},
        "GET", false, LOCUST_OK, 2, 1, 1},
    {"behind the next request, which is not idempotent",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), READ, SEND("body" OK_REPLY),
            HOLD},
        "POST", false, LOCUST_OK, 1, 0, 1},
    {"in chunks, behind a POST",
        {READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), READ,
            SEND("4\r\nbody\r\n0\r\n\r\n" OK_REPLY), HOLD},
        "POST", false, LOCUST_OK, 1, 0, 1},
    {"of unknown length, behind a POST",
        {READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), READ, SEND("body" OK_REPLY), HOLD}, "POST", false,
        LOCUST_ERR_HTTP_STRAY, 1, 0, 1},
    {"of unknown length, behind a GET",
        {READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), READ, SEND("body" OK_REPLY), HOLD}, "GET", false,
        LOCUST_OK, 2, 1, 1},
    {"shorter than it said, behind a POST",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), READ, SEND("body"), CLOSE},
        "POST", false, LOCUST_ERR_HTTP_STRAY, 1, 0, 1},
    {"none: the connection is kept",
        {READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), READ, SEND(OK_REPLY), HOLD},
        "POST", false, LOCUST_OK, 1, 0, 0},
};
static const struct head_body *head_body;

static void task_head_body(locust_user *u)
{
    locust_response *r = locust_head(u, "/head");
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->status, 200);
    CHECK_STR(r->body, "");
    if (head_body->late) {
        long before = now.s->seen->sent;
        now.s->seen->go = 1;
        while (now.s->seen->sent == before)
            locust_sleep(u, 0.001);
        locust_sleep(u, 0.001);
    }
    r = locust_send(u, &(locust_request){.method = head_body->method, .url = "/next"});
    CHECK_INT(r->code, head_body->code);
    CHECK_INT(r->status, head_body->code ? 0 : 200);
    CHECK_STR(r->body, head_body->code ? "" : "ok");
}

static void bodies_of_heads(void)
{
    for (size_t i = 0; i < sizeof head_bodies / sizeof *head_bodies; i++) {
        server s = server_start(2, head_bodies[i].steps, answering);
        head_body = &head_bodies[i];
        CHECK_ROW(head_body->name);
        now.s = &s;
        run_with(task_head_body, (setting){.host = s.url});
        CHECK_INT(result.requests, 2);
        CHECK_INT(result.failures, head_body->code ? 1 : 0);
        CHECK_INT(s.seen->accepted, head_body->accepted);
        CHECK_INT(result.counts.opened, head_body->accepted);
        CHECK_INT(result.counts.sent, s.seen->requests);
        CHECK_INT(result.counts.again, head_body->again);
        CHECK_INT(result.counts.head_bodies, head_body->bodies);
        CHECK_INT(result.counts.strays, head_body->bodies);
        server_stop(&s);
    }
}

/* Once that is known of a server, no connection carries a request behind a HEAD. */
static void task_heads_again(locust_user *u)
{
    for (int i = 0; i < 3; i++) {
        CHECK_INT(locust_head(u, "/head")->status, 200);
        CHECK_STR(locust_post(u, "/next")->body, "ok");
    }
}

static void bodies_of_more_heads(void)
{
    static const step first[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), HOLD};
    static const step later[] = {READ, SEND(OK_REPLY), READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), READ, SEND("body"), HOLD};
    server s = server_start(2, first, later);
    now.s = &s;
    run_with(task_heads_again, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    CHECK_INT(s.seen->accepted, 4);
    CHECK_INT(result.counts.head_bodies, 1);
    CHECK_INT(result.counts.again, 0);
    server_stop(&s);
}

/* What came before the request was sent cannot be its answer. The user does not park between, so
 * that the loop has not heard of those bytes when the request goes out. */
static bool stamped;

static void task_before(locust_user *u)
{
    locust_response *r = locust_get(u, "/first");
    long before = now.s->seen->sent;
    stamped = ((locust__client *)(void *)r)->session->own.first->stream.arrived_ns != 0;
    CHECK_STR(r->body, "ok");
    now.s->seen->go = 1;
    CHECK(server_wait(now.s->seen->sent > before));
    r = locust_send(u, &(locust_request){.method = second.method, .url = "/second"});
    if (!stamped)
        return;
    if (second.idle) { // may be sent twice
        CHECK_STR(r->error, NULL);
        CHECK_STR(r->body, "ok");
        CHECK_INT(r->reused, false);
    } else {
        CHECK_INT(r->code, LOCUST_ERR_HTTP_STRAY);
        CHECK_INT(r->status, 0);
        CHECK_STR(r->body, "");
    }
    CHECK_STR(locust_get(u, "/third")->body, "ok");
}

static void before_it_was_asked(void)
{
    static const step idle_408[] = {READ, SEND(OK_REPLY), AWAIT(1),
        SEND("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"),
        HOLD};
    static const step no_http[] = {READ, SEND(OK_REPLY), AWAIT(1), SEND("more of the body"), HOLD};
    static const step half[] = {READ, SEND(OK_REPLY), AWAIT(1), SEND("HTTP/1.1 200 O"), CLOSE};
    static const struct {
        const char *name;
        const step *steps;
        const char *method;
        bool twice;
    } rows[] = {{"408, GET", idle_408, "GET", true}, {"408, PUT", idle_408, "PUT", true},
        {"408, POST", idle_408, "POST", false}, {"no HTTP, GET", no_http, "GET", true},
        {"no HTTP, POST", no_http, "POST", false}, {"half a head, GET", half, "GET", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        second.method = rows[i].method;
        second.idle = rows[i].twice;
        // A kernel that has not stamped for a while begins a little later.
        for (int tries = 0; tries < 50 && (!stamped || !tries); tries++)
            run_on(rows[i].steps, answering, task_before);
        if (!stamped)
            SKIP("no receive timestamps here");
        CHECK_INT(result.failures, rows[i].twice ? 0 : 1);
        CHECK_INT(result.counts.strays, 1);
        CHECK_INT(result.counts.head_bodies, 0);
        CHECK_INT(result.counts.again, rows[i].twice);
        CHECK_INT(result.counts.opened, 2);
    }
}

/* An answer that seems to have come too early, as somebody has set the clock, is one. */
static void clock_was_set(void)
{
    static locust__client c;
    static locust__services sv;
    static locust__loop loop;
    static const locust__response_head h = {.status = 200};
    static locust__exchange x;
    int64_t epoch_ns;
    sv.loop = &loop;
    c.services = &sv;
    locust__loop_compare_clocks(&loop);
    epoch_ns = loop.epoch_ns;
    x.sent_ns = locust__os_now_ns();
    x.first_ns = x.sent_ns + LOCUST__MS;
    CHECK(!locust__exchange_is_stray(&c, &x, &h, LOCUST_OK));
    x.first_ns = x.sent_ns - LOCUST__MS;
    CHECK(locust__exchange_is_stray(&c, &x, &h, LOCUST_OK));
    loop.epoch_ns = epoch_ns + LOCUST__S; // as measured before the clock was set back
    x.first_ns = x.sent_ns + LOCUST__MS - LOCUST__S;
    CHECK(!locust__exchange_is_stray(&c, &x, &h, LOCUST_OK));
    CHECK_NEAR((double)loop.epoch_ns, (double)epoch_ns, 1e8);
}

/* -- the second that the client gives a server to say "100 Continue" is the client's -- */

static void task_no_continue(locust_user *u)
{
    int64_t began_ns = locust__os_now_ns();
    // Its timeout does not run meanwhile: the server has half a second from the body on.
    locust_response *r = locust_post(
        u, "/", .body = "abc", .body_len = 3, .expect_continue = true, .timeout_s = 1.5);
    CHECK_STR(r->error, NULL);
    CHECK(strstr(r->body, "\r\n\r\nabc") != NULL);
    CHECK(locust__os_now_ns() - began_ns >= LOCUST__S);
    CHECK(r->elapsed_ms > 0);
    CHECK((int64_t)(r->elapsed_ms * 1e6) <= locust__os_now_ns() - began_ns - LOCUST__S);
    CHECK(r->phases.wait_ms >= 0 && r->phases.wait_ms <= r->elapsed_ms);
}

static ptrdiff_t give_one(void *arg, void *out, size_t n)
{
    int *left = arg;
    memset(out, 'a', n < 1 ? n : 1);
    return (*left)-- > 0;
}

static void task_continue(locust_user *u)
{
    int left = 1;
    int64_t began_ns = locust__os_now_ns();
    locust_response *r =
        locust_put(u, "/", .body_fn = give_one, .arg = &left, .expect_continue = true);
    CHECK_STR(r->error, NULL);
    CHECK_STR(r->body, "ok");
    CHECK_INT(left, -1);
    CHECK(r->elapsed_ms > 0 && (int64_t)(r->elapsed_ms * 1e6) <= locust__os_now_ns() - began_ns);
}

static void continues(void)
{
    static const step says[] = {READ, SEND("HTTP/1.1 100 Continue\r\n\r\n" OK_REPLY), HOLD};
    run_on(reflecting, reflecting, task_no_continue);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.counts.continues, 1);
    CHECK(result.counts.waited_ns >= LOCUST__S);
    run_on(says, says, task_continue);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.counts.continues, 0);
}

/* -- large bodies, early answers -- */

static char *large;
enum { LARGE = 10 << 20 };

static void task_large(locust_user *u)
{
    for (int i = 0; i < 2; i++) {
        locust_response *r = locust_post(u, "/large", .body = large, .body_len = LARGE);
        unsigned long n = strtoul(r->body, NULL, 10);
        CHECK_STR(r->error, NULL);
        CHECK(n > LARGE && n < LARGE + 1000);
        if (CHECK(strchr(r->body, ' ') != NULL) && i == 0)
            CHECK_INT(r->reused, false);
        CHECK_INT(r->reused, i > 0);
    }
}

/* 10 MB to a server with a small receive buffer: the user parks in the middle of sending. */
static void large_body(void)
{
    server_how how = {.rcvbuf = 4096, .scripts = {reflecting}};
    server s = server_open(&how);
    large = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 1000);
    now.s = &s;
    run_with(task_large, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    free(large);
    server_stop(&s);
}

static void task_large_sum(locust_user *u)
{
    locust_response *r = locust_post(
        u, "/", .body = large, .body_len = LARGE, .headers = LOCUST_HEADERS({"X", "y"}));
    const char *space = strchr(r->body, ' ');
    unsigned long head, sum = 0, n = strtoul(r->body, NULL, 10);
    char text[1024];
    locust_response *small;
    if (!CHECK(space != NULL) || !CHECK(n > LARGE && n - LARGE < sizeof text))
        return;
    sum = strtoul(space, NULL, 10);
    head = n - LARGE;
    // The same head around a small body, so that the large request's sum can be computed.
    small =
        locust_post(u, "/", .body = large, .body_len = 1, .headers = LOCUST_HEADERS({"X", "y"}));
    const char *at = strstr(small->body, "Content-Length: 1\r\n");
    if (!CHECK(at != NULL))
        return;
    size_t before = (size_t)(at - small->body);
    snprintf(text, sizeof text, "%.*sContent-Length: %d\r\n%s", (int)before, small->body, LARGE,
        at + strlen("Content-Length: 1\r\n"));
    if (!CHECK(strstr(text, "\r\n\r\n") != NULL))
        return;
    CHECK_INT(strstr(text, "\r\n\r\n") + 4 - text, head);
    unsigned long want = 0;
    for (size_t i = 0; i < head; i++)
        want = (want * 31 + (unsigned char)text[i]) & 0xFFFFFFFF;
    for (size_t i = 0; i < LARGE; i++)
        want = (want * 31 + (unsigned char)large[i]) & 0xFFFFFFFF;
    CHECK_INT(sum, want);
}

/* Every byte of it arrived, in its place. */
static void large_body_is_whole(void)
{
    server_how how = {.rcvbuf = 16384, .scripts = {reflecting}};
    server s = server_open(&how);
    large = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 1000 + 1);
    now.s = &s;
    run_with(task_large_sum, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    free(large);
    server_stop(&s);
}

static void task_early(locust_user *u)
{
    locust_response *r = locust_post(u, "/", .body = large, .body_len = LARGE);
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->status, 413);
}

/* A refusal that comes while the body is being sent is the answer. The server reads on, as 9112 9.6
 * advises, so that the answer is not lost to a reset. */
static void early_answer(void)
{
    static const step refuses[] = {
        SEND("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), HOLD};
    large = calloc(1, LARGE);
    run_on(refuses, refuses, task_early);
    CHECK_INT(result.failures, 1);
    CHECK_STR(samples[0].error, "413 Client Error: Too Large");
    free(large);
}

/* -- failures: each counted once, with its sentence, and the user goes on -- */

static struct {
    double timeout_s, at_least_ms, at_most_ms;
    locust_error error, error2, error3; // any of them; 0: none
    const char *body;                   // what came of it behind a whole head; NULL: no such head
} fault;

static void task_fault(locust_user *u)
{
    int64_t began = server_now_ms() + 30;
    locust_response *r;
    double own_ms;
    while (server_now_ms() < began) // what keeps the loop before a request is none of its time
        ;
    r = locust_get(u, "/fault", .timeout_s = fault.timeout_s);
    own_ms = (double)(server_now_ms() - began) + 2;
    CHECK(r->code == fault.error || (fault.error2 && r->code == fault.error2) ||
          (fault.error3 && r->code == fault.error3));
    if (r->code != fault.error && !fault.error2)
        CHECK_STR(r->error, locust_error_text(fault.error));
    CHECK_STR(r->error, locust_error_text(r->code));
    CHECK_INT(r->status, fault.body ? 200 : 0);
    CHECK_INT(r->body_len, fault.body ? strlen(fault.body) : 0);
    CHECK_INT(r->length, r->body_len);
    CHECK_STR(r->body, fault.body ? fault.body : "");
    CHECK_STR(r->reason, fault.body ? "OK" : "");
    CHECK_STR(locust_header(r, "a"), NULL);
    CHECK_INT(locust_header(r, "content-length") || locust_header(r, "transfer-encoding"),
        fault.body && strcmp(fault.body, "ab of the close") != 0);
    CHECK(r->elapsed_ms >= fault.at_least_ms);
    CHECK(r->elapsed_ms <= own_ms);
    if (fault.at_most_ms > 0)
        CHECK(own_ms < fault.at_most_ms);
    CHECK_INT(n_samples, 1);
    r = locust_get(u, "/fault");
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->status, 200);
}

static void faults(void)
{
    static const step never[] = {READ, HOLD};
    static const step never_reads[] = {HOLD};
    static const step stalls_in_head[] = {READ, SEND("HTTP/1.1 200 OK\r\nA: "), HOLD};
    static const step stalls_in_body[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), HOLD};
    static const step stalls_in_chunk[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab"), HOLD};
    static const step never_closes[] = {READ, SEND("HTTP/1.1 200 OK\r\n\r\nab of the close"), HOLD};
    static const step drips[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), AWAIT(1), CLOSE};
    static const step closes[] = {READ, CLOSE};
    static const step resets[] = {READ, RESET};
    static const step at_once[] = {CLOSE};
    static const step at_once_rst[] = {RESET};
    static const step reset_in_head[] = {READ, SEND("HTTP/1.1 200 OK\r\nA: b"), RESET};
    static const step close_in_head[] = {READ, SEND("HTTP/1.1 200 OK\r\nA: b"), CLOSE};
    static const step close_in_body[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), CLOSE};
    static const step close_in_chunk[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab"), CLOSE};
    static const step close_in_chunks[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"), CLOSE};
    static const step garbage[] = {READ,
        SEND("\x7f"
             "ELF garbage\n\n\n"),
        HOLD};
    static const step gigabyte[] = {READ, SEND("HTTP/1.1 200 OK\r\n"),
        REPEAT("X-Header: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 17000000), HOLD};
    static const step one_line[] = {READ, SEND("HTTP/1.1 200 OK\r\nX: "),
        REPEAT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 15000000),
        HOLD};
    static const step interim[] = {READ, REPEAT("HTTP/1.1 100 Continue\r\n\r\n", 40000000), HOLD};
    static const step extensions[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"),
        REPEAT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 20000000), HOLD};
    static const step trailers[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
        REPEAT("A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", 20000000), HOLD};
    static const step claims[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\nab"), CLOSE};
    static const step claims_chunk[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3000000\r\nab"), CLOSE};
    static const step both[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        HOLD};
    static const struct {
        const char *name;
        const step *steps;
        double timeout_s, at_least_ms;
        locust_error error, error2, error3;
        const char *body;
    } rows[] = {
        {"never answers", never, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, NULL},
        {"never reads", never_reads, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, NULL},
        {"stalls in the head", stalls_in_head, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, NULL},
        {"stalls in the body", stalls_in_body, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, "ab"},
        {"stalls in a chunk", stalls_in_chunk, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, "ab"},
        {"never closes", never_closes, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0, "ab of the close"},
        {"stalls for longer than a second", drips, 1.25, 1150, LOCUST_ERR_TIMEOUT, 0, 0, ""},
        {"closes without an answer", closes, 0, 0, LOCUST_ERR_HTTP_NO_RESPONSE, 0, 0, NULL},
        {"resets without an answer", resets, 0, 0, LOCUST_ERR_RESET, 0, 0, NULL},
        {"closes at once", at_once, 0, 0, LOCUST_ERR_HTTP_NO_RESPONSE, LOCUST_ERR_RESET,
            LOCUST_ERR_PIPE, NULL},
        {"resets at once", at_once_rst, 0, 0, LOCUST_ERR_RESET, LOCUST_ERR_PIPE, LOCUST_ERR_RESET,
            NULL},
        {"resets in the head", reset_in_head, 0, 0, LOCUST_ERR_RESET, 0, 0, NULL},
        {"closes in the head", close_in_head, 0, 0, LOCUST_ERR_HTTP_HEAD_CUT, 0, 0, NULL},
        {"closes in the body", close_in_body, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0, "ab"},
        {"closes in a chunk", close_in_chunk, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0, "ab"},
        {"closes between chunks", close_in_chunks, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0, "ab"},
        {"garbage", garbage, 0, 0, LOCUST_ERR_HTTP_VERSION, 0, 0, NULL},
        {"1 GB of headers", gigabyte, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0, NULL},
        {"1 GB of one header", one_line, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0, NULL},
        {"1 GB of interim answers", interim, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0, NULL},
        {"1 GB of chunk extension", extensions, 0, 0, LOCUST_ERR_HTTP_CHUNK, 0, 0, ""},
        {"1 GB of trailers", trailers, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0, ""},
        {"claims 60 MB", claims, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0, "ab"},
        {"claims a chunk of 50 MB", claims_chunk, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0, "ab"},
        {"length and chunks", both, 0, 0, LOCUST_ERR_HTTP_LENGTH_TWICE, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        server s = server_start(2, rows[i].steps, answering);
        CHECK_ROW(rows[i].name);
        fault.timeout_s = rows[i].timeout_s;
        fault.at_least_ms = rows[i].at_least_ms;
        fault.at_most_ms = rows[i].timeout_s > 0 ? rows[i].timeout_s * 1000 + 5000 : 0;
        fault.error = rows[i].error;
        fault.error2 = rows[i].error2;
        fault.error3 = rows[i].error3;
        fault.body = rows[i].body;
        blocks_largest = 0;
        run_with(task_fault, (setting){.host = s.url});
        CHECK_INT(result.requests, 2);
        CHECK_INT(result.failures, 1);
        CHECK_INT(s.seen->accepted, 2);
        if (CHECK_INT(result.n_texts, 1)) {
            CHECK_STR(result.texts[0].text, samples[0].error);
            CHECK_INT(result.texts[0].times, 1);
        }
        CHECK(blocks_largest < 1 << 20);
        CHECK(s.seen->sent < 100 << 20);
        server_stop(&s);
    }
}

/* -- a status that was received is a status, whatever ends its body. curl prints it as well, and ends
 * with exit code 18 or 56 -- */

#define STATUS(line, rest) SEND("HTTP/1.1 " line "\r\nX: y\r\nSet-Cookie: a=b\r\n" rest)

static const struct cut {
    const char *name;
    step steps[4];
    const char *method;
    size_t upload;     // bytes of the request's body, in chunks: READ takes its head alone
    int expect_status; // by the test
    int status;
    const char *body;
    locust_error code;
    const char *failure;
} cuts[] = {
    {"501 to a reset", {READ, STATUS("501 No", "\r\nok"), RESET}, "GET", 0, 0, 501, "ok",
        LOCUST_ERR_HTTP_BODY_RESET,
        "501 Server Error: No, connection reset inside the response body"},
    {"200 to a reset", {READ, STATUS("200 OK", "\r\nok"), RESET}, "GET", 0, 0, 200, "ok",
        LOCUST_ERR_HTTP_BODY_RESET, "connection reset inside the response body"},
    {"200 to a reset, no byte of body", {READ, STATUS("200 OK", "\r\n"), RESET}, "GET", 0, 0, 200,
        "", LOCUST_ERR_HTTP_BODY_RESET, "connection reset inside the response body"},
    {"501 to a close", {READ, STATUS("501 No", "\r\nok"), CLOSE}, "GET", 0, 0, 501, "ok", LOCUST_OK,
        "501 Server Error: No"},
    {"a whole body, then a reset",
        {READ, STATUS("404 Not Found", "Content-Length: 2\r\n\r\nok"), RESET}, "GET", 0, 0, 404,
        "ok", LOCUST_OK, "404 Client Error: Not Found"},
    {"whole chunks, then a reset",
        {READ, STATUS("200 OK", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), RESET},
        "GET", 0, 0, 200, "ok", LOCUST_OK, ""},
    {"204, then a reset", {READ, STATUS("204 No Content", "\r\n"), RESET}, "GET", 0, 0, 204, "",
        LOCUST_OK, ""},
    {"304, then a reset", {READ, STATUS("304 Not Modified", "Content-Length: 2\r\n\r\n"), RESET},
        "GET", 0, 0, 304, "", LOCUST_OK, ""},
    {"an answer to HEAD, then a reset",
        {READ, STATUS("200 OK", "Content-Length: 2\r\n\r\n"), RESET}, "HEAD", 0, 0, 200, "",
        LOCUST_OK, ""},
    {"a reset in a sized body", {READ, STATUS("200 OK", "Content-Length: 9\r\n\r\nok"), RESET},
        "GET", 0, 0, 200, "ok", LOCUST_ERR_HTTP_BODY_RESET,
        "connection reset inside the response body"},
    {"a reset in a chunk",
        {READ, STATUS("500 Oh", "Transfer-Encoding: chunked\r\n\r\n9\r\nok"), RESET}, "GET", 0, 0,
        500, "ok", LOCUST_ERR_HTTP_BODY_RESET,
        "500 Server Error: Oh, connection reset inside the response body"},
    {"a close in a sized body", {READ, STATUS("403 No", "Content-Length: 9\r\n\r\nok"), CLOSE},
        "GET", 0, 0, 403, "ok", LOCUST_ERR_HTTP_BODY_CUT,
        "403 Client Error: No, connection closed inside the response body"},
    {"refused early, to a reset", {READ, STATUS("413 Large", "\r\nok"), RESET}, "PUT", LARGE, 0,
        413, "ok", LOCUST_ERR_HTTP_BODY_RESET,
        "413 Client Error: Large, connection reset inside the response body"},
    {"refused early, whole, then a reset",
        {READ, STATUS("413 Large", "Content-Length: 2\r\n\r\nok"), RESET}, "PUT", LARGE, 0, 413,
        "ok", LOCUST_OK, "413 Client Error: Large"},
    {"the status is expected, the cut is not", {READ, STATUS("501 No", "\r\nok"), RESET}, "GET", 0,
        501, 501, "ok", LOCUST_ERR_HTTP_BODY_RESET, "connection reset inside the response body"},
    {"the status is expected, and whole",
        {READ, STATUS("501 No", "Content-Length: 2\r\n\r\nok"), RESET}, "GET", 0, 501, 501, "ok",
        LOCUST_OK, ""},
    {"an upgrade that nobody asked for", {READ, STATUS("101 Other", "\r\n"), HOLD}, "GET", 0, 0,
        101, "", LOCUST_ERR_HTTP_UPGRADE, "unexpected 101 Switching Protocols"},
};
static const struct cut *cut;

static ptrdiff_t give_upload(void *arg, void *out, size_t n)
{
    size_t *given = arg;
    memset(out, 'a', n);
    *given += n;
    return *given < cut->upload ? (ptrdiff_t)n : 0;
}

static void task_cut(locust_user *u)
{
    size_t given = 0;
    locust_response *r = locust_send(u, &(locust_request){.method = cut->method,
                                            .url = "/cut",
                                            .body_fn = cut->upload ? give_upload : NULL,
                                            .arg = &given,
                                            .expect_status = cut->expect_status});
    CHECK_INT(r->code, cut->code);
    CHECK_STR(r->error, cut->code ? locust_error_text(cut->code) : NULL);
    CHECK_INT(r->status, cut->status);
    CHECK_STR(r->body, cut->body);
    CHECK_INT(r->body_len, strlen(cut->body));
    CHECK_INT(r->length, r->body_len);
    CHECK_STR(locust_header(r, "x"), "y");
    CHECK(((locust__client *)(void *)r)->session->jar.n == 1); // its cookies count too
    CHECK(strstr(r->url, "/cut") != NULL);
    CHECK_INT(samples[0].status, cut->status);
    CHECK_INT(samples[0].length, r->body_len);
    CHECK_STR(samples[0].error, cut->failure);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void cut_answers(void)
{
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        cut = &cuts[i];
        CHECK_ROW(cut->name);
        run_on(cut->steps, answering, task_cut);
        CHECK_INT(result.failures, *cut->failure ? 1 : 0);
        CHECK_INT(result.bytes, strlen(cut->body) + 2);
    }
}

/* The test's own verdict counts for what was cut, as for any answer. */
static void task_verdict_on_cut(locust_user *u)
{
    locust_response *r = locust_get(u, "/cut", .catch_response = true);
    CHECK_INT(r->status, 501);
    locust_success(r);
}

static void verdict_on_cut(void)
{
    run_on(cuts[0].steps, answering, task_verdict_on_cut);
    CHECK_INT(result.requests, 1);
    CHECK_INT(result.failures, 0);
}

/* -- a connection is kept whatever the sizes of its reads -- */

/* A head in a packet of its own, and a body that fills the reader's buffer to the last byte: the
 * scratch buffer has 65536 bytes. */
#define HEAD_OF(length) \
    "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nX: 12345678901234567\r\n\r\n"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const struct {
    const char *name;
    step steps[5];
    size_t length;
} filled[] = {
    {"65536 bytes", {READ, SEND(HEAD_OF("65536")), REPEAT(X64, 1024), LOOP}, 65536},
    {"65600 bytes", {READ, SEND(HEAD_OF("65600")), REPEAT(X64, 1025), LOOP}, 65600},
    {"131072 bytes", {READ, SEND(HEAD_OF("131072")), REPEAT(X64, 2048), LOOP}, 131072},
    {"65536 with the head", {READ, SEND(HEAD_OF("65472")), REPEAT(X64, 1023), LOOP}, 65472},
};
static size_t filled_length;

static void task_filled(locust_user *u)
{
    for (int i = 0; i < 8; i++) {
        locust_response *r = locust_get(u, "/");
        CHECK_STR(r->error, NULL);
        CHECK_INT(r->body_len, filled_length);
        CHECK_INT(r->reused, i > 0);
    }
}

static void filled_reads(void)
{
    CHECK_INT(sizeof HEAD_OF("65472") - 1 + 65472, 65536);
    for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
        CHECK_ROW(filled[i].name);
        filled_length = filled[i].length;
        run_on(filled[i].steps, filled[i].steps, task_filled);
        CHECK_INT(result.failures, 0);
    }
}

/* -- the wait for a turn to connect is the generator's own: it is in no response time -- */

static void give_turn_later(void *arg)
{
    locust_env *env = arg;
    locust__co_sleep(&env->loop, locust__os_now_ns() + 300 * LOCUST__MS);
    locust__sem_give(&env->loop, &env->services.net.connects);
}

static void take_all_turns(locust_env *env)
{
    env->services.net.connects.free = 0;
    CHECK(locust__co_start(&env->loop, "giver", 0, give_turn_later, env, NULL) != NULL);
}

static void task_waits_for_turn(locust_user *u)
{
    locust_response *r;
    take_all_turns(u->env);
    r = locust_get(u, "/", .timeout_s = 0.25); // the turn comes later than that
    CHECK_STR(r->error, NULL);
    CHECK(r->elapsed_ms < 200);
    take_all_turns(u->env);
    r = locust_get(u, "/"); // the kept connection dies: once more, on a new one
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->reused, false);
    CHECK(r->elapsed_ms < 200);
}

static void waits_for_turn(void)
{
    static const step dies[] = {READ, SEND(OK_REPLY), READ, CLOSE};
    run_on(dies, answering, task_waits_for_turn);
    CHECK_INT(result.requests, 2);
    CHECK_INT(result.failures, 0);
}

/* -- the generator's own delay is not the server's -- */

static void block_the_loop(void *arg)
{
    locust_env *env = arg;
    server_seen *seen = now.s->seen;
    int64_t until_ns;
    while (!seen->requests)
        locust__co_sleep(&env->loop, locust__os_now_ns() + LOCUST__MS);
    seen->go = 1;
    CHECK(server_wait(seen->sent > 0)); // without a park: nobody reads the answer
    until_ns = locust__os_now_ns() + 300 * LOCUST__MS;
    while (locust__os_now_ns() < until_ns)
        continue;
}

static void task_read_late(locust_user *u)
{
    int64_t began_ns = locust__os_now_ns();
    locust_response *r;
    CHECK(locust__co_start(&u->env->loop, "blocker", 0, block_the_loop, u->env, NULL) != NULL);
    r = locust_get(u, "/");
    CHECK_STR(r->error, NULL);
    CHECK(locust__os_now_ns() - began_ns >= 300 * LOCUST__MS);
    if (((locust__client *)(void *)r)->session->own.first->stream.arrived_ns == 0)
        SKIP("no receive timestamps here");
    CHECK(r->elapsed_ms > 0);
    CHECK(locust__os_now_ns() - began_ns >= (int64_t)(r->elapsed_ms * 1e6) + 300 * LOCUST__MS);
}

static void read_late(void)
{
    static const step steps[] = {READ, AWAIT(1), SEND(OK_REPLY), LOOP};
    run_on(steps, steps, task_read_late);
    CHECK_INT(result.failures, 0);
}

TESTS({"reuse", reuse}, {"filled reads", filled_reads}, {"waits for its turn", waits_for_turn},
    {"read late", read_late}, {"bytes one by one", bytes_one_by_one}, {"stale", stale},
    {"fresh is not retried", fresh_is_not_retried}, {"not kept", not_kept},
    {"late bytes", late_bytes}, {"large body", large_body},
    {"large body is whole", large_body_is_whole}, {"early answer", early_answer},
    {"faults", faults}, {"cut answers", cut_answers}, {"bodies of HEADs", bodies_of_heads},
    {"bodies of more HEADs", bodies_of_more_heads}, {"before it was asked", before_it_was_asked},
    {"clock was set", clock_was_set}, {"continues", continues},
    {"verdict on a cut answer", verdict_on_cut}, )
