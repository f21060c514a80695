// target.c - a small HTTP server to aim load tests at, for demos, tests and benches.
//   cc -O2 -I. tests/whole/programs/target.c -o build/target
//   build/target [--port 8080]  port 0: a free one; says which on standard output
//
//   /              200, "hello\n"
//   /size/N        200, N bytes
//   /delay/MS      200 after MS milliseconds (decimals are fine)
//   /status/N      status N
//   /chunked/N     200, N bytes in chunks, with an extension and a trailer
//   /echo          200, the request's body
//   /count         200, how many requests were answered before this one
//   /login, /loginReq, /favicon.ico   200, for the examples
//
// Written with the header's own coroutines and streams: one coroutine for each connection.
// SIGINT or SIGTERM ends it; it then prints on standard output what it served.
#include "locust.h"

struct server {
    locust__loop loop;
    locust__log log;
    locust__net net;
    locust__fd listener;
    locust__co *acceptor;
    int signals;
    bool stopping;
    unsigned long long requests, connections, bytes;
};

struct connection {
    struct server *server;
    locust_stream stream;
    locust__buf body; // of the request
};

struct request {
    char method[16], path[256];
    bool keep, old; // old: HTTP/1.0, which keeps a connection where both say so
    size_t length;
};

// Takes a line off the front of a complete head, without its line end.
static locust__view take_line(locust__view *head)
{
    const char *lf = memchr(head->ptr, '\n', head->len);
    locust__view line = {head->ptr, (size_t)(lf - head->ptr)};
    head->len -= line.len + 1;
    head->ptr = lf + 1;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

// A head that is complete at the front of the unread bytes: request line and the fields that count.
static bool parse(const char *head, size_t n, struct request *r)
{
    locust__view rest = {head, n}, line = take_line(&rest);
    char version = 0, text[512];
    if (line.len >= sizeof text)
        return false;
    memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    r->length = 0;
    if (sscanf(text, "%15s %255s HTTP/1.%c", r->method, r->path, &version) != 3)
        return false;
    r->old = version == '0';
    r->keep = !r->old;
    for (line = take_line(&rest); line.len; line = take_line(&rest)) {
        const char *colon = memchr(line.ptr, ':', line.len);
        locust__view name, value;
        if (!colon)
            return false;
        name = (locust__view){line.ptr, (size_t)(colon - line.ptr)};
        value = locust__http_trim((locust__view){colon + 1, line.len - name.len - 1});
        if (locust__view_is_nocase(name, "content-length"))
            r->length = strtoul(value.ptr, NULL, 10);
        else if (locust__view_is_nocase(name, "connection"))
            r->keep = locust__view_is_nocase(value, r->old ? "keep-alive" : "close") == r->old;
    }
    return r->length <= LOCUST_MAX_BODY;
}

static const char *reason(int status)
{
    return status < 400    ? "OK"
           : status == 404 ? "Not Found"
           : status < 500  ? "Bad Request"
                           : "Server Error";
}

// Sends a head for a body of n bytes, and as much of the body as there is.
static bool send_reply(struct connection *c, const struct request *r, int status,
    const char *fields, const char *body, size_t n)
{
    char head[512];
    int len = snprintf(head, sizeof head,
        "HTTP/1.1 %d %s\r\nServer: target\r\nContent-Type: text/plain\r\n%s%s\r\n", status,
        reason(status), fields,
        !r->keep ? "Connection: close\r\n"
        : r->old ? "Connection: keep-alive\r\n"
                 : "");
    bool bodiless = strcmp(r->method, "HEAD") == 0 || status == 204 || status == 304;
    c->server->bytes += bodiless ? 0 : n;
    return !locust__stream_write(&c->stream, (locust__view){head, (size_t)len},
        (locust__view){body, bodiless ? 0 : n}, LOCUST__NEVER);
}

static bool reply(
    struct connection *c, const struct request *r, int status, const char *body, size_t n)
{
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
    return send_reply(c, r, status, status == 204 ? "" : length, body, n);
}

// n bytes of filler, sent from one static block.
static bool reply_size(struct connection *c, const struct request *r, size_t n)
{
    static char block[65536];
    char length[64];
    size_t first = n < sizeof block ? n : sizeof block;
    if (!block[0])
        memset(block, 'x', sizeof block);
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", n);
    if (!send_reply(c, r, 200, length, block, first))
        return false;
    for (n -= first; n && strcmp(r->method, "HEAD") != 0; n -= first) {
        first = n < sizeof block ? n : sizeof block;
        c->server->bytes += first;
        if (locust__stream_write(
                &c->stream, (locust__view){block, first}, (locust__view){NULL, 0}, LOCUST__NEVER))
            return false;
    }
    return true;
}

static bool reply_chunked(struct connection *c, const struct request *r, size_t n)
{
    bool ok = send_reply(c, r, 200, "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n", NULL, 0);
    while (ok && strcmp(r->method, "HEAD") != 0) {
        char chunk[1100];
        size_t now = n < 1000 ? n : 1000;
        int head = now ? snprintf(chunk, sizeof chunk, "%zx;part=1\r\n", now)
                       : snprintf(chunk, sizeof chunk, "0\r\nX-Sum: 1\r\n\r\n");
        size_t len = (size_t)head;
        if (now) {
            memset(chunk + len, 'x', now);
            memcpy(chunk + len + now, "\r\n", 2);
            len += now + 2;
        }
        c->server->bytes += now;
        ok = !locust__stream_write(
            &c->stream, (locust__view){chunk, len}, (locust__view){NULL, 0}, LOCUST__NEVER);
        if (!now)
            break;
        n -= now;
    }
    return ok;
}

static bool answer(struct connection *c, const struct request *r)
{
    char count[32];
    if (strncmp(r->path, "/size/", 6) == 0)
        return reply_size(c, r, strtoul(r->path + 6, NULL, 10));
    if (strncmp(r->path, "/chunked/", 9) == 0)
        return reply_chunked(c, r, strtoul(r->path + 9, NULL, 10));
    if (strncmp(r->path, "/status/", 8) == 0) {
        int status = atoi(r->path + 8);
        return reply(c, r, status >= 200 && status <= 999 ? status : 500, "status\n", 7);
    }
    if (strncmp(r->path, "/delay/", 7) == 0) {
        int64_t until = locust__os_now_ns() + locust__time_ns(strtod(r->path + 7, NULL) / 1000);
        if (locust__co_sleep(&c->server->loop, until) == LOCUST__WAKE_CANCELLED)
            return false;
        return reply(c, r, 200, "late\n", 5);
    }
    if (strcmp(r->path, "/echo") == 0)
        return reply(c, r, 200, c->body.ptr, c->body.len);
    if (strcmp(r->path, "/count") == 0)
        return reply(
            c, r, 200, count, (size_t)snprintf(count, sizeof count, "%llu\n", c->server->requests));
    if (strcmp(r->path, "/") == 0 || strcmp(r->path, "/login") == 0 ||
        strcmp(r->path, "/loginReq") == 0 || strcmp(r->path, "/favicon.ico") == 0)
        return reply(c, r, 200, "hello\n", 6);
    return reply(c, r, 404, "not found\n", 10);
}

// Reads one request with its body. False: the client has gone, or talks nonsense.
static bool read_request(struct connection *c, struct request *r)
{
    size_t scanned = 0, n;
    while ((n = locust__http_head_end(c->stream.in, c->stream.in_len, &scanned)) == 0)
        if (c->stream.in_len > 16384 || locust__stream_fill(&c->stream, LOCUST__NEVER))
            return false;
    if (!parse(c->stream.in, n, r))
        return false;
    locust__stream_take(&c->stream, n);
    c->body.len = 0;
    return !r->length ||
           !locust__receive_bytes(&c->stream, &c->body, NULL, r->length, LOCUST__NEVER);
}

static void serve(void *arg)
{
    struct connection *c = arg;
    struct request r;
    do {
        if (!read_request(c, &r) || locust__stream_settle(&c->stream) || !answer(c, &r))
            break;
        c->server->requests++;
    } while (r.keep && !c->server->stopping);
    locust__stream_close(&c->stream);
    locust__buf_free(&c->body);
    free(c);
}

static void accept_connections(void *arg)
{
    struct server *s = arg;
    for (;;) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c)
            break;
        c->server = s;
        if (locust__listen_accept(&s->net, &s->listener, &c->stream)) {
            free(c);
            break;
        }
        s->connections++;
        if (!locust__co_start(&s->loop, "connection", 0, serve, c, NULL)) {
            locust__stream_close(&c->stream);
            free(c);
        }
    }
    locust__fd_close(&s->loop, &s->listener);
}

static void wait_for_signal(void *arg)
{
    struct server *s = arg;
    locust__fd f;
    if (locust__fd_open(&s->loop, &f, s->signals) == 0)
        locust__fd_wait_read(&s->loop, &f, LOCUST__NEVER);
    printf("served %llu requests on %llu connections, %llu bytes of body\n", s->requests,
        s->connections, s->bytes);
    fflush(stdout);
    _exit(0); // connections that are still open end with the process
}

int main(int argc, char **argv)
{
    static struct server s;
    locust__addr at;
    int port = 8080;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = atoi(argv[++i]);
        else
            locust__die(2, "target: unknown argument %s: it takes --port N", argv[i]);
    }
    locust__addr_parse(&at, "127.0.0.1", port);
    if (locust__loop_open(&s.loop) < 0)
        locust__die(1, "target: cannot open the event loop");
    locust__log_open(&s.log, LOCUST__LOG_INFO, NULL);
    locust__net_init(&s.net, &s.loop, &s.log);
    locust_error error = locust__listen_open(&s.net, &s.listener, &at, 65535);
    if (error)
        locust__die(
            1, "target: cannot listen on 127.0.0.1:%d: %s", port, locust__error_text(error));
    s.signals = locust__os_signals_open();
    printf("listening on 127.0.0.1:%d\n", ntohs(at.as.in.sin_port));
    fflush(stdout);
    s.acceptor = locust__co_start(&s.loop, "acceptor", 0, accept_connections, &s, NULL);
    locust__co_start(&s.loop, "signals", 0, wait_for_signal, &s, NULL);
    locust__loop_run(&s.loop);
    return 0;
}
