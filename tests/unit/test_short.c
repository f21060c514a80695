// The short way of a request, and the straight-line client on the same exchange: the same results.
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

enum { REQUESTS = 4 };

/* What a test, a server and the statistics see of a run. */
typedef struct outcome {
    struct {
        locust_error code;
        int status;
        bool reused;
        char reason[32], body[300], field[64], url[64];
    } answers[REQUESTS];
    sample samples[2 * REQUESTS];
    int n_samples, accepted, requests;
    unsigned long long counted, failures, bytes, sent, again, opened, reused, strays, head_bodies;
    size_t rows;
    bool short_way; // an answer was taken on it
} outcome;

static outcome seen[2]; // straight, short

static const locust_request *asked; // REQUESTS of them

static void note(outcome *o, int i, const locust_response *r)
{
    const char *field = locust_header(r, "X-Is"), *path = strstr(r->url, "//");
    const char *host = strstr(r->body, "Host: "), *rest = host ? strchr(host, '\r') : NULL;
    o->answers[i].code = r->code;
    o->answers[i].status = r->status;
    o->answers[i].reused = r->reused;
    path = path ? strchr(path + 2, '/') : r->url; // the port differs
    snprintf(o->answers[i].reason, 32, "%s", r->reason);
    snprintf(o->answers[i].body, 300, "%.*s%s", rest ? (int)(host - r->body) : 300, r->body,
        rest ? rest : "");
    snprintf(o->answers[i].field, 64, "%s", field ? field : "none");
    snprintf(o->answers[i].url, 64, "%s", path ? path : "");
    CHECK_INT(strlen(r->body), r->body_len);
    CHECK(r->elapsed_ms >= 0);
    CHECK(r->code || r->phases.wait_ms + r->phases.receive_ms <= r->elapsed_ms + 0.001);
}

static void task_ask(locust_user *u)
{
    outcome *o = &seen[!now.straight];
    for (int i = 0; i < REQUESTS; i++) {
        locust_response *r = (locust_send)(u, &asked[i]);
        note(o, i, r);
        if (asked[i].catch_response)
            locust_failure(r, "caught %d", r->status);
    }
    for (int i = 0; u->env->services.heads && i < LOCUST__RESPONSE_HEADS; i++)
        o->short_way |= u->env->services.heads->known[i].len > 0;
}

static void run_both(const step *first, const step *later, const locust_request *requests)
{
    asked = requests;
    memset(seen, 0, sizeof seen);
    for (int k = 0; k < 2; k++) {
        outcome *o = &seen[k];
        server s = server_start(2, first, later);
        now.s = &s;
        now.straight = k == 0;
        run_with(task_ask, (setting){.host = s.url});
        o->accepted = s.seen->accepted;
        o->requests = s.seen->requests;
        server_stop(&s);
        for (o->n_samples = 0; o->n_samples < n_samples && o->n_samples < 2 * REQUESTS;) {
            o->samples[o->n_samples] = samples[o->n_samples];
            o->samples[o->n_samples++].elapsed_ms = 0;
        }
        o->counted = result.requests;
        o->failures = result.failures;
        o->bytes = result.bytes;
        o->rows = result.n_rows;
        o->sent = result.counts.sent;
        o->again = result.counts.again;
        o->opened = result.counts.opened;
        o->reused = result.counts.reused;
        o->strays = result.counts.strays;
        o->head_bodies = result.counts.head_bodies;
    }
    now.straight = false;
}

static void check_same(void)
{
    const outcome *a = &seen[0], *b = &seen[1];
    for (int i = 0; i < REQUESTS; i++) {
        CHECK_INT(b->answers[i].code, a->answers[i].code);
        CHECK_INT(b->answers[i].status, a->answers[i].status);
        CHECK_INT(b->answers[i].reused, a->answers[i].reused);
        CHECK_STR(b->answers[i].reason, a->answers[i].reason);
        CHECK_STR(b->answers[i].body, a->answers[i].body);
        CHECK_STR(b->answers[i].field, a->answers[i].field);
        CHECK_STR(b->answers[i].url, a->answers[i].url);
    }
    CHECK_INT(b->n_samples, a->n_samples);
    for (int i = 0; i < a->n_samples; i++) {
        CHECK_STR(b->samples[i].method, a->samples[i].method);
        CHECK_STR(b->samples[i].name, a->samples[i].name);
        CHECK_STR(b->samples[i].error, a->samples[i].error);
        CHECK_INT(b->samples[i].status, a->samples[i].status);
        CHECK_INT(b->samples[i].length, a->samples[i].length);
    }
    CHECK_INT(b->accepted, a->accepted);
    CHECK_INT(b->requests, a->requests);
    CHECK_INT(b->counted, a->counted);
    CHECK_INT(b->failures, a->failures);
    CHECK_INT(b->bytes, a->bytes);
    CHECK_INT(b->rows, a->rows);
    CHECK_INT(b->sent, a->sent);
    CHECK_INT(b->again, a->again);
    CHECK_INT(b->opened, a->opened);
    CHECK_INT(b->reused, a->reused);
    CHECK_INT(b->strays, a->strays);
    CHECK_INT(b->head_bodies, a->head_bodies);
    CHECK(!a->short_way);
}

static const locust_request gets[REQUESTS] = {
    {.url = "/a"}, {.url = "/a"}, {.url = "/a"}, {.url = "/a"}};

/* What a server may answer on a kept connection, and whether the short way takes it. */
static void answers(void)
{
    static const step whole[] = {
        READ, SEND("HTTP/1.1 200 Fine\r\nX-Is: 1\r\nContent-Length: 3\r\n\r\nabc"), LOOP};
    static const step none[] = {READ, SEND("HTTP/1.1 204 None\r\nX-Is: 2\r\n\r\n"), LOOP};
    static const step bad[] = {READ, SEND("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"), LOOP};
    static const step bytes[] = {
        READ, BYTES("HTTP/1.1 200 Slow\r\nX-Is: 3\r\nContent-Length: 3\r\n\r\nabc"), LOOP};
    static const step chunks[] = {READ,
        SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), LOOP};
    static const step early[] = {READ,
        SEND("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), LOOP};
    static const step closes[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"), CLOSE};
    static const step to_end[] = {READ, SEND("HTTP/1.1 200 OK\r\n\r\nto the end"), CLOSE};
    static const step behind[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 999 "), LOOP};
    static const step broken[] = {READ, SEND("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n"), CLOSE};
    static const step cut[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), CLOSE};
    static const step set[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 1\r\n\r\nx"), LOOP};
    static const step moved[] = {READ,
        SEND("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"), READ,
        SEND("HTTP/1.1 200 There\r\nContent-Length: 1\r\n\r\nb"), LOOP};
    static const step stale[] = {READ, SEND(OK_REPLY), READ, CLOSE};
    static const step reset[] = {READ, SEND(OK_REPLY), READ, RESET};
    static const struct {
        const char *name;
        const step *steps;
        bool short_way;
    } rows[] = {
        {"whole", whole, true},
        {"no body", none, true},
        {"500", bad, true},
        {"byte by byte", bytes, false},
        {"chunks", chunks, true}, // whose head alone it has looked at
        {"an interim answer", early, true},
        {"Connection: close", closes, false},
        {"to the end of the connection", to_end, false},
        {"bytes behind it", behind, false},
        {"a broken head", broken, false},
        {"a body that is cut", cut, false},
        {"a cookie", set, true},
        {"a redirect", moved, true},
        {"closed before an answer", stale, false},
        {"reset before an answer", reset, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        run_both(rows[i].steps, rows[i].steps, gets);
        check_same();
        CHECK(!rows[i].short_way || !LOCUST__WITH_SHORT || seen[1].short_way);
    }
}

/* Requests of all kinds, over a server that shows what it got. */
static void requests(void)
{
    static const locust_pair pairs[] = {{"X-Mine", "1"}, {NULL, NULL}};
    static const locust_request lists[][REQUESTS] = {
        {{.url = "/a", .name = "row"}, {.url = "/b", .name = "row"}, {.url = "/a"},
            {.url = "/a", .name = "other"}},
        {{.method = "POST", .url = "/a", .json = "{}"},
            {.method = "POST", .url = "/a", .form = "a"},
            {.method = "PUT", .url = "/a", .body = "x", .body_len = 1},
            {.method = "POST", .url = "/a"}},
        {{.url = "/a"}, {.url = "/a", .headers = pairs}, {.url = "/a"},
            {.url = "/a", .params = pairs}},
        {{.url = "/a"}, {.url = "/a", .expect_json = true}, {.url = "/a", .expect_status = 201},
            {.url = "/a", .expect_body = "nowhere"}},
        {{.url = "/a", .catch_response = true}, {.url = "/a", .catch_response = true},
            {.url = "/a"}, {.url = "/a", .catch_response = true}},
        {{.url = "/a", .auth = "me:secret"}, {.url = "/a"}, {.url = "/a", .bearer = "t"},
            {.url = "/a"}},
        {{.url = "/a"}, {.method = "HEAD", .url = "/a"}, {.url = "/a"}, {.url = "/a"}},
        {{.url = "/a b?c#d"}, {.url = "/a b?c#d"}, {.url = "/a b?c#d"}, {.url = "a"}},
        {{.url = "/a"}, {.url = "/a", .json = "1", .form = "2"}, {.url = "/a", .timeout_s = -1},
            {.method = "BAD METHOD", .url = "/a"}},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        CHECK_ROW(lists[i][1].url);
        run_both(reflecting, reflecting, lists[i]);
        check_same();
    }
}

/* Two URLs in one buffer, and what changes a head though method and URL stay. */
static void task_changes(locust_user *u)
{
    client_user *user = (client_user *)(void *)u;
    char url[16];
    for (int i = 0; i < 12; i++) {
        char line[40];
        const char *body;
        snprintf(url, sizeof url, "/%d", i / 3);
        body = locust_get(u, url)->body;
        snprintf(line, sizeof line, "GET /%d HTTP/1.1\r\n", i / 3);
        CHECK(strncmp(body, line, strlen(line)) == 0);
    }
    for (int i = 0; i < 3; i++)
        CHECK(!has_line(locust_get(u, "/"), "X-User: 7"));
    CHECK(locust__session_set_field(&user->session, "X-User", "7"));
    CHECK(has_line(locust_get(u, "/"), "X-User: 7"));
    CHECK(locust__session_set_field(&user->session, "X-User", NULL));
    CHECK(!has_line(locust_get(u, "/"), "X-User: 7"));
    CHECK(has_line(locust_get(u, "/", .expect_json = true), "Accept: application/json"));
    CHECK(has_line(locust_get(u, "/"), "Accept: */*"));
}

static void heads_change(void)
{
    run_on(reflecting, reflecting, task_changes);
    CHECK_INT(result.n_rows, 5);
    CHECK_INT(result.requests, 19);
}

/* Several users in turn, with their URLs in one buffer, so that all of them have one place for their
 * heads: each request counts in its own row. No listener: it would have them recorded elsewhere. */
static char one_buffer[16];

static void task_rows(locust_user *u)
{
    for (int i = 0; i < 30; i++) {
        locust_response *r;
        char want[16];
        snprintf(want, sizeof want, "/%d", (int)u->id);
        memcpy(one_buffer, want, sizeof want);
        r = locust_get(u, one_buffer);
        CHECK_STR(strrchr(r->url, '/'), want);
        CHECK(strncmp(r->body + 4, want, strlen(want)) == 0);
    }
}

static void without_listener(locust_env *env)
{
    env->services.recorder.listener = NULL;
}

static unsigned long long of_row[8];

static void task_rows_and_count(locust_user *u)
{
    locust__request_stats *st = &u->env->stats;
    task_rows(u);
    if (now.ended == 4) // the last one
        for (size_t i = 0; i < st->n_entries; i++)
            of_row[atoi(st->entries[i]->name + 1) & 7] = st->entries[i]->requests;
}

static void rows_of_users(void)
{
    const step *scripts[] = {reflecting, reflecting};
    server s = server_start(2, scripts[0], scripts[1]);
    memset(of_row, 0, sizeof of_row);
    now.s = &s;
    run_with(task_rows_and_count, (setting){.host = s.url, .users = 5, .begin = without_listener});
    server_stop(&s);
    CHECK_INT(result.n_rows, 5);
    CHECK_INT(result.requests, 150);
    for (int id = 1; id <= 5; id++)
        CHECK_INT(of_row[id], 30);
}

/* A server that says nothing: the deadline, to the same error. */
static void silence(void)
{
    static const step silent[] = {READ, SEND(OK_REPLY), READ, HOLD};
    static const locust_request hasty[REQUESTS] = {
        {.url = "/"}, {.url = "/", .timeout_s = 0.1}, {.url = "/"}, {.url = "/", .timeout_s = 0.1}};
    run_both(silent, silent, hasty);
    check_same();
    CHECK_INT(seen[1].answers[1].code, LOCUST_ERR_TIMEOUT);
    CHECK_INT(seen[1].answers[2].code, LOCUST_OK);
    CHECK_INT(seen[1].failures, 2);
}

TESTS({"answers", answers}, {"requests", requests}, {"heads that change", heads_change},
    {"rows of users", rows_of_users}, {"silence", silence})
