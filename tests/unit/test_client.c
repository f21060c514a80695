// Requests of users through the public API, against a scripted server on loopback.
// timeout: 400
// variants: valgrind arm64 armhf s390x asan musl poll clang gcc
// Not mips: resets that qemu-user tells by SO_ERROR have the host's number there.
#include <stddef.h>
static void *watched_malloc(size_t n);
static void *watched_realloc(void *p, size_t n);
#define LOCUST_MALLOC(n)     watched_malloc(n)
#define LOCUST_REALLOC(p, n) watched_realloc((p), (n))
#define LOCUST_FREE(p)       free(p)
#include "../../locust.h"
#include "../server.h"

static size_t largest_block; // that was asked for since a test set it to 0

static void *watched_malloc(size_t n)
{
    largest_block = n > largest_block ? n : largest_block;
    return malloc(n);
}

static void *watched_realloc(void *p, size_t n)
{
    largest_block = n > largest_block ? n : largest_block;
    return realloc(p, n);
}

/* -- one user runs one function -- */

typedef struct sample { // what the listener heard of one request
    char method[24], name[300], error[300];
    int status;
    size_t length;
    double elapsed_ms;
} sample;

static struct {
    void (*task)(locust_user *u);
    server *s;
    int n; // samples, more of them than the table holds too
    sample samples[64];
    int ended; // how often the task came to its end
} now;

static struct {
    int rc;
    unsigned long long requests, failures, bytes;
    size_t n_rows, n_texts;
    struct {
        char text[300];
        unsigned long long times;
    } texts[8]; // the table of failures
} result;

static void run_task(locust_user *u)
{
    if (now.ended++) // only the test "stops at the end of the task" minds
        locust_sleep(u, 60);
    now.task(u);
    locust_stop_test(u);
}

static void hear(locust_env *env, const locust_sample *s)
{
    sample *to = &now.samples[now.n < 64 ? now.n : 63];
    (void)env;
    snprintf(to->method, sizeof to->method, "%s", s->method);
    snprintf(to->name, sizeof to->name, "%s", s->name);
    snprintf(to->error, sizeof to->error, "%s", s->error ? s->error : "");
    to->status = s->status;
    to->length = s->length;
    to->elapsed_ms = s->elapsed_ms;
    now.n++;
}

/* The user class and options of a run; zero: the usual ones. */
typedef struct setting {
    const char *host;
    const locust_pair *headers;
    locust_task_fn on_stop;
    void (*on_test_start)(locust_env *env);
} setting;

static void run_with(void (*task)(locust_user *u), setting how)
{
    static const locust_task tasks[] = {{.name = "run_task", .fn = run_task}, {.name = NULL}};
    locust_user_class cls = {
        .name = "Client", .tasks = tasks, .headers = how.headers, .on_stop = how.on_stop};
    locust_test test = {.users = {&cls}, .on_request = hear, .on_test_start = how.on_test_start};
    locust_options options = {.quiet = true, .host = how.host, .stop_timeout_s = 0.001};
    locust_env *env;
    now.task = task;
    now.n = 0;
    now.ended = 0;
    memset(&result, 0, sizeof result);
    env = locust_env_new(&test, &options);
    if (!CHECK(env != NULL))
        return;
    result.rc = locust_run(env);
    result.requests = locust_stats_total(env)->requests;
    result.failures = locust_stats_total(env)->failures;
    result.bytes = locust_stats_total(env)->bytes;
    while (locust_stats_row(env, result.n_rows))
        result.n_rows++;
    for (result.n_texts = 0; result.n_texts < env->stats.n_failures && result.n_texts < 8;
         result.n_texts++) {
        const locust__stats_failure *f = env->stats.failures[result.n_texts];
        snprintf(result.texts[result.n_texts].text, 300, "%s", f->text);
        result.texts[result.n_texts].times = f->occurrences;
    }
    locust_env_free(env);
    CHECK(now.ended > 0);
}

/* Runs the task against a server whose first connection follows `first`, the others `later`. */
static void run_on(const step *first, const step *later, void (*task)(locust_user *u))
{
    server s = server_start(2, first, later);
    now.s = &s;
    run_with(task, (setting){.host = s.url});
    server_stop(&s);
}

static const step reflecting[] = {READ, REFLECT, LOOP};
static const step answering[] = {READ, SEND(OK_REPLY), LOOP};

/* Has the request, as the server saw it, that line? */
static bool has_line(const locust_response *r, const char *line)
{
    char text[512];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return strstr(r->body, text) != NULL;
}

/* How often the text holds the word, in any case. */
static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; *p; p++)
        n += strncasecmp(p, word, strlen(word)) == 0;
    return n;
}

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
    CHECK_INT(result.rc, 0);
    CHECK_INT(result.requests, 20);
    CHECK_INT(result.failures, 0);
    CHECK_INT(result.bytes, 40);
    CHECK_INT(result.n_rows, 1);
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

/* qemu-user hands out its host's number of an error where a socket tells it by SO_ERROR; on MIPS they
 * differ. */
static bool has_foreign_errors(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
    socklen_t len = sizeof to;
    struct pollfd wait = {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLOUT};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, (struct sockaddr *)&to, sizeof to); // nobody listens there
    getsockname(fd, (struct sockaddr *)&to, &len);
    fcntl(wait.fd, F_SETFL, O_NONBLOCK);
    if (connect(wait.fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == EINPROGRESS)
        poll(&wait, 1, 1000);
    len = sizeof error;
    getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    close(wait.fd);
    close(fd);
    return error && error != ECONNREFUSED;
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
    bool foreign = has_foreign_errors();
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
        CHECK_INT(result.rc, rows[i].failures ? 1 : 0);
        CHECK_STR(now.samples[1].error, rows[i].error ? locust_error_text(rows[i].error) : "");
        CHECK_INT(s.seen->accepted, rows[i].accepted);
        if (rows[i].later != reset + 3)
            CHECK_INT(s.seen->requests, rows[i].requests);
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

/* -- what is sent -- */

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
    CHECK_STR(now.samples[6].method, "X-any!");
    CHECK_STR(now.samples[7].method, "GET");
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
    CHECK_STR(now.samples[0].error, "413 Client Error: Too Large");
    free(large);
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
        CHECK_STR(now.samples[now.n - 1].name, name); // the row: path and query as sent
        CHECK(strncmp(r->url, now.s->url, strlen(now.s->url)) == 0);
        CHECK_STR(r->url + strlen(now.s->url), name);
        CHECK(count_of(r->body, "\r\nEvil") == 0);
    }
    CHECK_ROW(NULL);
    locust_get(u, "/x?id=7", .name = "/x?id=[id]");
    CHECK_STR(now.samples[now.n - 1].name, "/x?id=[id]");
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
    CHECK_STR(now.samples[1].name, "/far?x");
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

/* -- verdicts -- */

#define STATUS(line)                                                       \
    {                                                                      \
        READ, SEND("HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"), LOOP \
    }

static void task_status(locust_user *u)
{
    locust_response *r = locust_get(u, "/", .no_redirect = true);
    CHECK_STR(r->error, NULL); // there is an answer, whatever it says
    CHECK_INT(now.n, 1);
    now.samples[1].status = r->status;
    snprintf(now.samples[1].name, sizeof now.samples[1].name, "%s", r->reason);
}

static void statuses(void)
{
    static const step s200[] = STATUS("200 OK"), s204[] = STATUS("204 "),
                      s299[] = STATUS("299 Odd"), s301[] = STATUS("301 Moved Permanently"),
                      s304[] = STATUS("304 Not Modified"), s399[] = STATUS("399 Odd"),
                      s400[] = STATUS("400 Bad Request"), s404[] = STATUS("404 Not Found"),
                      s499[] = STATUS("499 Odd"), s500[] = STATUS("500 Internal Server Error"),
                      s503[] = STATUS("503 Service Unavailable");
    static const struct {
        const step *steps;
        int status;
        const char *reason, *error;
    } rows[] = {
        {s200, 200, "OK", ""},
        {s204, 204, "", ""},
        {s299, 299, "Odd", ""},
        {s301, 301, "Moved Permanently", ""},
        {s304, 304, "Not Modified", ""},
        {s399, 399, "Odd", ""},
        {s400, 400, "Bad Request", "400 Client Error: Bad Request"},
        {s404, 404, "Not Found", "404 Client Error: Not Found"},
        {s499, 499, "Odd", "499 Client Error: Odd"},
        {s500, 500, "Internal Server Error", "500 Server Error: Internal Server Error"},
        {s503, 503, "Service Unavailable", "503 Server Error: Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].reason);
        run_on(rows[i].steps, rows[i].steps, task_status);
        CHECK_INT(now.samples[1].status, rows[i].status);
        CHECK_STR(now.samples[1].name, rows[i].reason);
        CHECK_INT(now.samples[0].status, rows[i].status);
        CHECK_STR(now.samples[0].error, rows[i].error);
        CHECK_INT(result.requests, 1);
        CHECK_INT(result.failures, *rows[i].error != 0);
        CHECK_INT(result.rc, *rows[i].error != 0);
    }
}

static void task_verdicts(locust_user *u)
{
    locust_response *r = locust_get(u, "/1", .catch_response = true); // 404: success by verdict
    CHECK_INT(r->status, 404);
    CHECK_INT(now.n, 0);
    locust_success(r);
    CHECK_INT(now.n, 0);                             // recorded once, at the next request
    r = locust_get(u, "/2", .catch_response = true); // the usual rule
    CHECK_INT(now.n, 1);
    r = locust_get(u, "/3", .catch_response = true);
    locust_failure(r, "login refused with code %d", 7);
    r = locust_get(u, "/4", .catch_response = true); // the last verdict counts
    locust_failure(r, "no");
    locust_success(r);
    r = locust_get(u, "/5", .catch_response = true);
    locust_success(r);
    locust_failure(r, "yes");
    r = locust_get(u, "/6", .name = "six");
    CHECK_INT(now.n, 6);
    r = locust_get(u, "/7", .catch_response = true); // recorded at the end of the task
    locust_failure(r, "at the end");
    CHECK_INT(now.n, 6);
}

static void verdicts(void)
{
    static const char *const errors[] = {"", "404 Client Error: Not Found",
        "login refused with code 7", "", "yes", "404 Client Error: Not Found", "at the end"};
    static const step s404[] = STATUS("404 Not Found");
    run_on(s404, s404, task_verdicts);
    CHECK_INT(now.n, 7);
    for (int i = 0; i < 7; i++) {
        char name[8] = {'/', (char)('1' + i), '\0'};
        CHECK_ROW(name);
        CHECK_STR(now.samples[i].error, errors[i]);
        CHECK_STR(now.samples[i].name, i == 5 ? "six" : name);
        CHECK_INT(now.samples[i].status, 404);
    }
    CHECK_INT(result.requests, 7);
    CHECK_INT(result.failures, 5);
    CHECK_INT(result.n_texts, 5); // by row and text
    CHECK_STR(result.texts[1].text, "login refused with code 7");
}

static void task_verdict_names(locust_user *u)
{
    char name[32], text[400];
    locust_response *r;
    snprintf(name, sizeof name, "borrowed");
    r = locust_get(u, "/1", .catch_response = true, .name = name);
    memset(name, 'x', sizeof name - 1); // "borrowed until the call returns"
    name[sizeof name - 1] = '\0';
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    locust_failure(r, "%s", text); // 255 bytes at most
    memset(text, 'z', sizeof text - 1);
    r = locust_get(u, "/2", .catch_response = true);
    locust_failure(r, "100%% of %s", "it");
    r = locust_get(u, "http://127.0.0.1:1/", .catch_response = true); // no answer at all
    CHECK_INT(r->status, 0);
    locust_success(r);
}

static void verdict_texts(void)
{
    run_on(answering, answering, task_verdict_names);
    CHECK_INT(now.n, 3);
    CHECK_STR(now.samples[0].name, "borrowed");
    CHECK_INT(strlen(now.samples[0].error), 255);
    CHECK_INT(strspn(now.samples[0].error, "y"), 255);
    CHECK_STR(now.samples[1].error, "100% of it");
    CHECK_STR(now.samples[2].error, "");
    CHECK_INT(result.failures, 2);
}

/* -- failures: each counted once, with its sentence, and the user goes on -- */

static struct {
    double timeout_s, at_least_ms, at_most_ms;
    locust_error error, error2, error3; // any of them; 0: none
    const char *host;
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
    CHECK_INT(r->status, 0);
    CHECK_INT(r->body_len, 0);
    CHECK_STR(r->body, "");
    CHECK_STR(r->reason, "");
    CHECK_STR(locust_header(r, "a"), NULL);
    CHECK(r->elapsed_ms >= fault.at_least_ms);
    CHECK(r->elapsed_ms <= own_ms);
    if (fault.at_most_ms > 0)
        CHECK(own_ms < fault.at_most_ms);
    CHECK_INT(now.n, 1);
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
    static const step never_closes[] = {READ, SEND("HTTP/1.1 200 OK\r\n\r\nab"), HOLD};
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
    } rows[] = {
        {"never answers", never, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"never reads", never_reads, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"stalls in the head", stalls_in_head, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"stalls in the body", stalls_in_body, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"stalls in a chunk", stalls_in_chunk, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"never closes", never_closes, 0.1, 90, LOCUST_ERR_TIMEOUT, 0, 0},
        {"stalls for longer than a second", drips, 1.25, 1150, LOCUST_ERR_TIMEOUT, 0, 0},
        {"closes without an answer", closes, 0, 0, LOCUST_ERR_HTTP_NO_RESPONSE, 0, 0},
        {"resets without an answer", resets, 0, 0, LOCUST_ERR_RESET, 0, 0},
        {"closes at once", at_once, 0, 0, LOCUST_ERR_HTTP_NO_RESPONSE, LOCUST_ERR_RESET,
            LOCUST_ERR_PIPE},
        {"resets at once", at_once_rst, 0, 0, LOCUST_ERR_RESET, LOCUST_ERR_PIPE, LOCUST_ERR_RESET},
        {"resets in the head", reset_in_head, 0, 0, LOCUST_ERR_RESET, 0, 0},
        {"closes in the head", close_in_head, 0, 0, LOCUST_ERR_HTTP_HEAD_CUT, 0, 0},
        {"closes in the body", close_in_body, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0},
        {"closes in a chunk", close_in_chunk, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0},
        {"closes between chunks", close_in_chunks, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0},
        {"garbage", garbage, 0, 0, LOCUST_ERR_HTTP_VERSION, 0, 0},
        {"1 GB of headers", gigabyte, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0},
        {"1 GB of one header", one_line, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0},
        {"1 GB of interim answers", interim, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0},
        {"1 GB of chunk extension", extensions, 0, 0, LOCUST_ERR_HTTP_CHUNK, 0, 0},
        {"1 GB of trailers", trailers, 0, 0, LOCUST_ERR_HTTP_HEAD_SIZE, 0, 0},
        {"claims 60 MB", claims, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0},
        {"claims a chunk of 50 MB", claims_chunk, 0, 0, LOCUST_ERR_HTTP_BODY_CUT, 0, 0},
        {"length and chunks", both, 0, 0, LOCUST_ERR_HTTP_LENGTH_TWICE, 0, 0},
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
        largest_block = 0;
        run_with(task_fault, (setting){.host = s.url});
        CHECK_INT(result.requests, 2);
        CHECK_INT(result.failures, 1);
        CHECK_INT(s.seen->accepted, 2);
        if (CHECK_INT(result.n_texts, 1)) {
            CHECK_STR(result.texts[0].text, now.samples[0].error);
            CHECK_INT(result.texts[0].times, 1);
        }
        CHECK(largest_block < 1 << 20);
        CHECK(s.seen->sent < 100 << 20);
        server_stop(&s);
    }
}

/* A reset in the middle of the body: sent only after the client has read its beginning. */
static void task_reset_in_body(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    CHECK_STR(r->error, locust_error_text(LOCUST_ERR_RESET));
    CHECK_INT(r->status, 0);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void reset_in_body(void)
{
    static const step resets[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), RESET};
    run_on(resets, answering, task_reset_in_body);
    CHECK_INT(result.failures, 1);
}

static void task_refused(locust_user *u)
{
    locust_response *r = locust_get(u, fault.host);
    CHECK_STR(r->error, "connection refused");
    CHECK_INT(r->code, LOCUST_ERR_REFUSED);
    CHECK(r->elapsed_ms > 0);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void refused(void)
{
    if (has_foreign_errors())
        SKIP("the emulator gives another machine's error numbers");
    server s = server_start(1, answering);
    char url[100];
    int port, fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    CHECK(fd >= 0);
    fault.host = url;
    run_with(task_refused, (setting){.host = s.url});
    CHECK_INT(result.requests, 2);
    CHECK_INT(result.failures, 1);
    CHECK_INT(result.rc, 1);
    close(fd);
    server_stop(&s);
}

static void task_connect_timeout(locust_user *u)
{
    int64_t began = server_now_ms();
    locust_response *r = locust_get(u, fault.host, .timeout_s = 0.2);
    CHECK_STR(r->error, locust_error_text(LOCUST_ERR_CONNECT_TIMEOUT));
    CHECK(r->elapsed_ms >= 180 && r->elapsed_ms < 5000);
    CHECK(server_now_ms() - began < 5000);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

/* Fills the queue of a listener that accepts nothing. True: one more connect hangs. */
static bool fill_backlog(int port, int *fds, int n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct pollfd last;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < n; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
            return false;
    }
    last = (struct pollfd){fds[n - 1], POLLOUT, 0};
    return poll(&last, 1, 50) == 0;
}

static void connect_timeout(void)
{
    server s = server_start(1, answering);
    char url[100];
    int port, fds[8], fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    bool full = fd >= 0 && listen(fd, 0) == 0 && fill_backlog(port, fds, 8);
    fault.host = url;
    if (full)
        run_with(task_connect_timeout, (setting){.host = s.url});
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    close(fd);
    server_stop(&s);
    if (!full)
        SKIP("a full backlog does not hang here");
    CHECK_INT(result.failures, 1);
}

/* -- the response -- */

static void task_fields(locust_user *u)
{
    int64_t began = server_now_ms();
    locust_response *r = locust_get(u, "/x");
    double own_ms = (double)(server_now_ms() - began) + 2;
    const char *header, *body;
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->code, LOCUST_OK);
    CHECK_INT(r->status, 201);
    CHECK_STR(r->reason, "Made It");
    CHECK_STR(r->body, "body");
    CHECK_INT(r->body_len, 4);
    CHECK_INT(r->body[r->body_len], 0);
    CHECK(r->user == u);
    CHECK(r->elapsed_ms > 0 && r->elapsed_ms <= own_ms);
    CHECK_STR(locust_header(r, "x-one"), "1");
    CHECK_STR(locust_header(r, "X-ONE"), "1");
    CHECK_STR(locust_header(r, "X-On"), NULL);
    CHECK_STR(locust_header(r, "X-One-"), NULL);
    CHECK_STR(locust_header(r, ""), NULL);
    CHECK_STR(locust_header(r, "empty"), "");
    CHECK_STR(locust_header(r, "1"), NULL); // a value is no name
    header = locust_header(r, "x-one");
    body = r->body;
    locust_sleep(u, 0.02); // lives until this user's next request
    CHECK_STR(header, "1");
    CHECK_STR(body, "body");
    CHECK_STR(r->reason, "Made It");
}

static void response_fields(void)
{
    static const step page[] = {READ,
        SEND("HTTP/1.1 201 Made It\r\nX-One: 1\r\nx-one: 2\r\nEmpty:\r\nContent-Length: "
             "4\r\n\r\nbody"),
        LOOP};
    run_on(page, page, task_fields);
    CHECK_INT(now.samples[0].length, 4);
    CHECK(now.samples[0].elapsed_ms > 0);
    CHECK_INT(result.bytes, 4);
}

/* -- misuse ends the program with the rule, and exit code 2 -- */

LOCUST_LOCAL(int, own_slot);

static void misuse_failure(locust_user *u)
{
    locust_failure(locust_get(u, "/"), "no");
}

static void misuse_success(locust_user *u)
{
    locust_success(locust_get(u, "/"));
}

static void misuse_old_response(locust_user *u)
{
    locust_response *r = locust_get(u, "/", .catch_response = true);
    locust_get(u, "/");
    locust_success(r);
}

static void misuse_https(locust_user *u)
{
    locust_get(u, "https://127.0.0.1:1/");
}

static void misuse_nothing(locust_user *u)
{
    CHECK_INT(*own_slot(), 0); // inside a user it is fine
    *own_slot() = 1;
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void get_before_users(locust_env *env)
{
    (void)env;
    locust_get(NULL, "/");
}

static void slot_before_users(locust_env *env)
{
    (void)env;
    *own_slot() = 1;
}

static const struct misuse {
    const char *name;
    void (*task)(locust_user *u);
    void (*on_test_start)(locust_env *env);
    int code;
    const char *words[3]; // that the one sentence holds
} misuses[] = {
    {"none", misuse_nothing, NULL, 0, {NULL}},
    {"locust_failure without catch_response", misuse_failure, NULL, 2,
        {"locust_failure", "catch_response"}},
    {"locust_success without catch_response", misuse_success, NULL, 2,
        {"locust_success", "catch_response"}},
    {"verdict on an old response", misuse_old_response, NULL, 2, {"locust_success"}},
    {"locust_get outside a user", misuse_nothing, get_before_users, 2, {"locust_get", "user"}},
    {"LOCUST_LOCAL outside a user", misuse_nothing, slot_before_users, 2,
        {"LOCUST_LOCAL", "own_slot", "user"}},
    {"https without TLS", misuse_https, NULL, 1, {"https needs TLS", "-DLOCUST_TLS", "-lmbedtls"}},
};

static void run_misuse(void *arg)
{
    const struct misuse *m = arg;
    run_with(m->task, (setting){.host = now.s->url, .on_test_start = m->on_test_start});
    CHECK_INT(result.failures, 0);
    if (result.rc)
        exit(result.rc); // a run that was ended in order
}

static int lines_in(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void ends_with(const struct misuse *m)
{
    char *text;
    int status = check_fork(run_misuse, (void *)(uintptr_t)m, &text);
    CHECK_ROW(m->name);
    if (!CHECK(WIFEXITED(status)) || !CHECK_INT(WEXITSTATUS(status), m->code) ||
        !CHECK_INT(lines_in(text), m->code != 0))
        fprintf(stderr, "it printed: %s\n", text);
    for (int i = 0; i < 3 && m->words[i]; i++)
        if (!CHECK(strstr(text, m->words[i]) != NULL))
            fprintf(stderr, "it printed: %s\n", text);
    if (m->code == 2)
        CHECK(strncmp(text, "locust: ", 8) == 0);
    free(text);
}

static void misuse(void)
{
    server s = server_start(1, answering);
    now.s = &s;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++)
        ends_with(&misuses[i]);
    server_stop(&s);
    now.s = NULL;
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
    static const struct misuse answers[] = {
        {"304", task_no_location, NULL, 0, {NULL}},
        {"200 with a Location", task_no_location, NULL, 0, {NULL}},
        {"300 without a Location", task_no_location, NULL, 0, {NULL}},
    };
    static const step s304[] = STATUS("304 No"), s200[] = STATUS("200 OK\r\nLocation: /x"),
                      s300[] = STATUS("300 Multiple Choices");
    static const step *const steps[] = {s304, s200, s300};
    for (int i = 0; i < 3; i++) {
        server s = server_start(1, steps[i]);
        now.s = &s;
        ends_with(&answers[i]);
        server_stop(&s);
    }
}

/* -- other networks -- */

static void task_ipv6(locust_user *u)
{
    locust_response *r = locust_get(u, "/six");
    char line[64];
    CHECK_STR(r->error, NULL);
    snprintf(line, sizeof line, "Host: [::1]:%d", now.s->port);
    CHECK(has_line(r, line));
    CHECK_INT(locust_get(u, "/six")->reused, true);
}

static void ipv6(void)
{
    server_how how = {.family = AF_INET6, .scripts = {reflecting}};
    server s = server_open(&how);
    if (!s.pid)
        SKIP("no IPv6 loopback here");
    now.s = &s;
    run_with(task_ipv6, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

/* -- protocols of the test's own -- */

static void task_echo(locust_user *u)
{
    locust_stream *s = locust_connect(u, u->host);
    char line[64], bytes[8];
    ptrdiff_t n;
    if (!CHECK(s != NULL))
        return;
    CHECK_STR(locust_stream_error(s), NULL);
    for (int i = 0; i < 3; i++)
        LOCUST_MEASURE(u, "ECHO", "line", m)
        {
            if (!locust_write(s, "hello\n", 6) ||
                locust_read_until(s, '\n', line, sizeof line) != 6)
                m->error = locust_stream_error(s);
            m->length = 6;
            CHECK_STR(line, "hello\n");
        }
    LOCUST_MEASURE(u, "ECHO", "wrong", m)
    {
        m->error = "not what was asked for";
    }
    LOCUST_MEASURE(u, "ECHO", "left by continue", m)
    {
        m->length = 1;
        if (m->length)
            continue;
        m->length = 2;
    }
    // Two lines in one piece; an exact fit; a line that does not fit.
    CHECK(locust_write(s, "ab\ncd\n1234567\n", 14));
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), 3);
    CHECK_STR(line, "ab\n");
    CHECK_INT(locust_read_until(s, '\n', line, 4), 3); // with its '\0' just so
    CHECK_STR(line, "cd\n");
    CHECK_INT(locust_read_until(s, '\n', line, 8), -1);
    CHECK_STR(locust_stream_error(s), locust_error_text(LOCUST_ERR_LINE_TOO_LONG));
    CHECK_INT(locust_read_until(s, '\n', line, 9), 8); // nothing was lost by that
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_STR(line, "1234567\n");
    CHECK(locust_write(s, "xyz", 3));
    n = locust_read(s, bytes, sizeof bytes);
    CHECK(n >= 1 && n <= 3 && memcmp(bytes, "xyz", (size_t)n) == 0);
    for (ptrdiff_t more = 1; n < 3 && more > 0; n += more)
        more = locust_read(s, bytes + n, (size_t)(3 - n));
    CHECK_INT(n, 3);
    locust_close(s);
    locust_close(NULL);
}

static void tcp_url(server *s)
{
    char url[sizeof s->url];
    snprintf(url, sizeof url, "tcp%.100s", s->url + strlen("http"));
    memcpy(s->url, url, sizeof url);
}

static void check_echo(const char *host)
{
    run_with(task_echo, (setting){.host = host});
    CHECK_INT(result.requests, 5);
    CHECK_INT(result.failures, 1);
    CHECK_STR(now.samples[0].method, "ECHO");
    CHECK_STR(now.samples[0].name, "line");
    CHECK_INT(now.samples[0].length, 6);
    CHECK(now.samples[0].elapsed_ms > 0 && now.samples[0].elapsed_ms < 10000);
    CHECK_STR(now.samples[3].error, "not what was asked for");
    CHECK_STR(now.samples[4].name, "left by continue");
    CHECK_INT(now.samples[4].length, 1);
    CHECK_INT(result.n_rows, 3);
}

static void streams(void)
{
    static const step echo[] = {ECHO_ALL};
    server s = server_start(1, echo);
    tcp_url(&s);
    CHECK_ROW("tcp");
    check_echo(s.url);
    server_stop(&s);
}

static void streams_ipv6(void)
{
    static const step echo[] = {ECHO_ALL};
    server_how how = {.family = AF_INET6, .scripts = {echo}};
    server s = server_open(&how);
    if (!s.pid)
        SKIP("no IPv6 loopback here");
    tcp_url(&s);
    check_echo(s.url);
    server_stop(&s);
}

static void streams_unix(void)
{
    static const step echo[] = {ECHO_ALL};
    char dir[] = "/tmp/locust-XXXXXX", path[64];
    server_how how = {.family = AF_UNIX, .path = path, .scripts = {echo}};
    server s;
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/echo", dir);
    s = server_open(&how);
    CHECK(s.pid != 0);
    check_echo(s.url);
    server_stop(&s);
    unlink(path);
    rmdir(dir);
}

static void task_stream_ends(locust_user *u)
{
    char line[64];
    locust_stream *s = locust_connect(u, u->host);
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), 5);
    CHECK_STR(line, "line\n");
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), -1); // "rest" without an end
    CHECK_STR(locust_stream_error(s), locust_error_text(LOCUST_ERR_CLOSED));
    CHECK_INT(locust_read(s, line, sizeof line), 4);
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_INT(locust_read(s, line, sizeof line), 0);
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_INT(locust_read(s, line, sizeof line), 0);
    locust_close(s);
}

static void stream_ends(void)
{
    static const step talks[] = {SEND("line\nrest"), CLOSE};
    server s = server_start(1, talks);
    tcp_url(&s);
    run_with(task_stream_ends, (setting){.host = s.url});
    server_stop(&s);
}

static void task_stream_errors(locust_user *u)
{
    static const struct {
        const char *url;
        locust_error error;
    } rows[] = {
        {"unix:/tmp/no/such/socket", LOCUST_ERR_NO_SOCKET},
        {"gopher://127.0.0.1:1", LOCUST_ERR_SCHEME}, {"tcp://127.0.0.1", LOCUST_ERR_URL}, // no port
        {"tcp://127.0.0.1:x", LOCUST_ERR_URL}, {"", LOCUST_ERR_URL},
        {"unix:/tmp/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            LOCUST_ERR_URL},
        {NULL, LOCUST_ERR_REFUSED}, // the host
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows - has_foreign_errors(); i++) {
        char line[8];
        locust_stream *s = locust_connect(u, rows[i].url ? rows[i].url : u->host);
        CHECK_ROW(rows[i].url ? rows[i].url : "refused");
        if (!CHECK(s != NULL))
            continue;
        for (int round = 0; round < 2; round++) { // it keeps saying why
            CHECK_STR(locust_stream_error(s), locust_error_text(rows[i].error));
            CHECK(!locust_write(s, "x", 1));
            CHECK_STR(locust_stream_error(s), locust_error_text(rows[i].error));
            CHECK_INT(locust_read(s, line, sizeof line), -1);
            CHECK_INT(locust_read_until(s, '\n', line, sizeof line), -1);
        }
        locust_close(s);
    }
    CHECK_ROW(NULL);
}

static void stream_errors(void)
{
    char url[100], host[120];
    int port, fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    snprintf(host, sizeof host, "tcp%s", url + strlen("http"));
    run_with(task_stream_errors, (setting){.host = host});
    CHECK_INT(result.requests, 0);
    close(fd);
}

/* -- many users at once: each has its own connection and its own answers -- */

enum { MANY = 30, ROUNDS = 10 };

static int n_done;

static void task_many(locust_user *u)
{
    char id[32], path[64];
    for (int i = 0; i < ROUNDS; i++) {
        locust_response *r;
        snprintf(id, sizeof id, "%d-%d", (int)u->id, i);
        snprintf(path, sizeof path, "/%s", id);
        r = locust_get(u, path, .name = "many", .headers = LOCUST_HEADERS({"X-Id", id}));
        CHECK_STR(r->error, NULL);
        CHECK_INT(r->reused, i > 0);
        locust_sleep(u, 0.001 * (double)(u->id % 3)); // others receive in between
        CHECK(r->user == u);
        CHECK(strncmp(r->body + 5, id, strlen(id)) == 0);
        snprintf(path, sizeof path, "X-Id: %s", id);
        CHECK(has_line(r, path));
    }
    if (++n_done == MANY)
        locust_stop_test(u);
    locust_sleep(u, 60);
}

static void many_users(void)
{
    static const locust_task tasks[] = {{.name = "many", .fn = task_many}, {.name = NULL}};
    locust_user_class cls = {.name = "Many", .tasks = tasks};
    locust_test test = {.users = {&cls}};
    server s = server_start(1, reflecting);
    locust_options options = {.quiet = true, .host = s.url, .users = MANY, .spawn_rate = 10000};
    locust_env *env = locust_env_new(&test, &options);
    n_done = 0;
    if (CHECK(env != NULL)) {
        CHECK_INT(locust_run(env), 0);
        CHECK_INT(locust_stats_total(env)->requests, MANY * ROUNDS);
        CHECK_INT(locust_stats_total(env)->failures, 0);
        locust_env_free(env);
    }
    CHECK_INT(s.seen->accepted, MANY);
    CHECK_INT(s.seen->requests, MANY * ROUNDS);
    server_stop(&s);
}

static void task_one(locust_user *u)
{
    locust_get(u, "/");
}

/* locust_stop_test: "the calling user goes on until it parks or its task ends". */
static void stops_at_the_end_of_the_task(void)
{
    run_on(answering, answering, task_one);
    CHECK_INT(result.requests, 1);
    CHECK_INT(now.ended, 1);
}

/* -- a user that is stopped in the middle of a request: not counted, nothing leaks -- */

static bool stopped, returned;

static void note_stop(locust_user *u)
{
    CHECK_INT(locust_get(u, "/bye")->status, 200); // on_stop may send
    stopped = true;
}

static void never_returns(locust_user *u)
{
    locust_get(u, "/held");
    returned = true;
}

static void start_held(locust_user *u)
{
    locust_get(u, "/first");
    never_returns(u);
}

static void stop_inside_a_request(void)
{
    static const locust_task tasks[] = {{.name = "held", .fn = start_held}, {.name = NULL}};
    static const step holds[] = {READ, SEND(OK_REPLY), READ, HOLD};
    locust_user_class cls = {.name = "Held", .tasks = tasks, .on_stop = note_stop};
    locust_test test = {.users = {&cls}, .on_request = hear};
    server s = server_start(2, holds, answering);
    locust_options options = {.quiet = true, .host = s.url, .run_time_s = 0.3};
    locust_env *env = locust_env_new(&test, &options);
    now.n = 0;
    stopped = returned = false;
    if (CHECK(env != NULL)) {
        CHECK_INT(locust_run(env), 0);
        CHECK_INT(locust_stats_total(env)->requests, 2);
        CHECK_INT(locust_stats_total(env)->failures, 0);
        CHECK_INT(locust_user_count(env), 0);
        locust_env_free(env);
    }
    CHECK(stopped);
    CHECK(!returned); // a call that is cut short does not return
    CHECK_STR(now.samples[1].name, "/bye");
    server_stop(&s);
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

/* -- a request made of the answer before it: both promise to live that long -- */

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

TESTS({"reuse", reuse}, {"filled reads", filled_reads}, {"from the last answer", from_last_answer},
    {"waits for its turn", waits_for_turn}, {"read late", read_late},
    {"bytes one by one", bytes_one_by_one}, {"stale", stale},
    {"fresh is not retried", fresh_is_not_retried}, {"not kept", not_kept},
    {"late bytes", late_bytes}, {"methods", methods}, {"bodies", bodies},
    {"large body", large_body}, {"large body is whole", large_body_is_whole},
    {"early answer", early_answer}, {"headers", headers}, {"injection", injection},
    {"targets", targets}, {"host with a slash", host_with_a_slash}, {"rows by name", rows_by_name},
    {"absolute URLs", absolute_urls}, {"bad URLs", bad_urls},
    {"large request headers", large_request_headers}, {"statuses", statuses},
    {"verdicts", verdicts}, {"verdict texts", verdict_texts}, {"faults", faults},
    {"reset in body", reset_in_body}, {"refused", refused}, {"connect timeout", connect_timeout},
    {"response fields", response_fields}, {"misuse", misuse}, {"redirects", redirects},
    {"IPv6", ipv6}, {"streams", streams}, {"streams over IPv6", streams_ipv6},
    {"streams over unix sockets", streams_unix}, {"stream ends", stream_ends},
    {"stream errors", stream_errors}, {"many users", many_users},
    {"stops at the end of the task", stops_at_the_end_of_the_task},
    {"stop inside a request", stop_inside_a_request})
