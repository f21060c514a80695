/* ============================================================================================
 * >>h2  exchanges over HTTP/2
 *
 * Purpose     one request and its answer on a stream: the same request, the same response, the same
 *             times and failures as over HTTP/1.1. What .http_version = LOCUST_HTTP_2 brings in.
 * Invariants  a request that the server did nothing for (GOAWAY, REFUSED_STREAM) goes again,
 *             whatever its method, if its body can; one on a kept connection that ended without a
 *             word of its answer by the rules of HTTP/1.1.
 * Names       locust__h2_exchange locust__h2_exchange_ locust__h2_engine
 * Uses        >>co >>head >>response_head >>upload >>body_out >>route >>pool >>client
 *             >>head_out >>exchange >>h2_conn >>h2_talk
 * Sources     RFC 9113 8; RFC 9110 9.2.2 (retries), 10.1.1 (Expect).
 * ============================================================================================ */

typedef struct locust__h2_exchange { // on its coroutine's stack
    locust__h2_stream s;             // first
    locust__client *c;
    locust__exchange *x;
    size_t body_at;
    bool passing; // body_out is open
} locust__h2_exchange;

enum { LOCUST__H2_EXCHANGE_TRIES = 4 }; // of a request that the server did nothing for

/* The head of the answer is there: where does the body go? */
static void locust__h2_exchange_headed(locust__h2_stream *s)
{
    locust__h2_exchange *e = (locust__h2_exchange *)(void *)s;
    locust__client *c = e->c;
    locust__exchange *x = e->x;
    locust__response_head *h = s->head;
    bool passes;
    locust__exchange_find(c, x, h, &e->body_at);
    passes = locust__exchange_redirects(c, x, h->status) || (h->status == 401 && x->credentials);
    if (x->to_head || h->status == 204 || h->status == 304)
        s->body = LOCUST__H2_BODY_DROP;
    else if (passes || !(x->req->on_body || x->req->on_event || (LOCUST__WITH_ZLIB && h->coded)))
        s->body = LOCUST__H2_BODY_KEEP;
    else
        s->body = LOCUST__H2_BODY_PASS;
}

/* Hands what came of the body to the test's functions, or decodes it. */
static locust_error locust__h2_exchange_pass(locust__h2_exchange *e)
{
    locust__h2_stream *s = &e->s;
    locust__body_out *out = &e->x->body_out;
    locust__buf some = s->passed;
    locust_error error;
    if (!e->passing) {
        locust__body_out_open(out, e->x->req, NULL, &e->c->block);
        for (const char *at = locust__client_fields(e->c), *name, *value;
             LOCUST__WITH_ZLIB && s->head->coded && locust__http_next_copied(&at, &name, &value);)
            if (strcasecmp(name, "content-encoding") == 0)
                locust__body_out_add(out, value);
        e->passing = true;
    }
    s->passed = (locust__buf){NULL, 0, 0, false};
    error = some.len ? out->sink.take(&out->sink, some.ptr, some.len) : LOCUST_OK;
    if (s->h2 && !s->h2->dead && !s->ended) {
        locust__h2_window_eat_of(s, some.len);
        locust__h2_push(s->h2);
    }
    locust__buf_free(&some);
    return error;
}

/* Waits up to a second for "100 Continue" or the answer. */
static locust_error locust__h2_exchange_continue(locust__h2_exchange *e) LOCUST__PARKS
{
    locust__exchange *x = e->x;
    int64_t until_ns = locust__os_now_ns() + LOCUST__S;
    int64_t wait_ns = until_ns < x->deadline_ns ? until_ns : x->deadline_ns;
    while (!e->s.interim && !e->s.answered && !locust__h2_put_is_over(&e->s)) {
        locust_error error = locust__h2_wait(&e->s, wait_ns);
        if (error == LOCUST_ERR_TIMEOUT && wait_ns == until_ns) {
            x->sent_ns = e->s.sent_ns;
            locust__exchange_continue(e->c, x);
            return LOCUST_OK;
        }
        if (error)
            return error;
    }
    return LOCUST_OK;
}

/* Sends the body of a request, as far as the server wants it. */
static locust_error locust__h2_exchange_body(locust__h2_exchange *e) LOCUST__PARKS
{
    locust__exchange *x = e->x;
    locust__upload *up = &x->upload;
    locust_error error = x->waits ? locust__h2_exchange_continue(e) : LOCUST_OK;
    size_t got = 1;
    if (error || (x->waits && e->s.answered))
        return error;
    if (!up->open)
        return locust__h2_put_body(&e->s, x->body, true, x->deadline_ns);
    while (!error && got && !locust__h2_put_is_over(&e->s)) {
        error = locust__upload_read(up, up->piece, LOCUST__UPLOAD_BUFFER, &got);
        if (!error && up->len >= 0 && (x->req->parts || x->req->body_path)) {
            up->left -= (int64_t)got;
            if (up->left < 0 || (!got && up->left)) // a file has changed since it was measured
                error = LOCUST_ERR_HTTP_BODY_FILE;
        }
        if (!error)
            error =
                locust__h2_put_body(&e->s, (locust__view){up->piece, got}, !got, x->deadline_ns);
    }
    return error;
}

/* Builds the head, opens the stream and sends what is to be sent. */
static locust_error locust__h2_exchange_put(locust__h2_exchange *e, locust__h2 *h2) LOCUST__PARKS
{
    locust__client *c = e->c;
    locust__exchange *x = e->x;
    const locust__route *route = c->route;
    locust__route direct;
    locust__view head, target;
    locust_error error;
    if (!x->origin->secure && locust__route_proxy(route, &c->services->proxies, x->origin)) {
        direct = *route; // a proxy was asked to connect: the target is a path
        direct.direct = true;
        c->route = &direct;
    }
    error = locust__head_out_build(c, x, &head);
    c->route = route;
    if (error)
        return error;
    x->sent_ns = locust__exchange_begin(c->services->loop, x);
    target = (locust__view){c->block.ptr + x->target_at, x->target_len};
    error = locust__h2_put_head(h2, &e->s, locust__view_of(x->method), target, x->origin->secure,
        head, !(x->body.len || x->upload.open));
    if (error)
        return error;
    c->services->counts.sent++;
    c->services->counts.reused += c->response.reused;
    if (!e->s.said_all && x->waits)
        locust__h2_push(h2);
    if (!e->s.said_all)
        error = locust__h2_exchange_body(e);
    if (e->s.h2)
        locust__h2_push(e->s.h2);
    return error;
}

/* Ends the time of the request, as >>exchange does. */
static void locust__h2_exchange_clock(locust__h2_exchange *e, locust_error error)
{
    locust__client *c = e->c;
    locust__exchange *x = e->x;
    locust__loop *loop = c->services->loop;
    locust_phases *phases = &c->response.phases;
    int64_t sent_ns = x->sent_ns + x->waited_ns;
    c->ended_ns = locust__loop_clock(loop);
    if (!error && e->s.ended && e->s.ended_ns > x->start_ns && e->s.ended_ns < c->ended_ns) {
        x->tail_ns = c->ended_ns - e->s.ended_ns;
        locust__loop_count_late(loop, x->tail_ns);
        c->ended_ns = e->s.ended_ns;
    }
    if (x->first_ns < sent_ns || x->first_ns > c->ended_ns)
        x->first_ns = c->ended_ns;
    phases->wait_ms = (double)(x->first_ns - sent_ns) / 1e6;
    phases->receive_ms = (double)(c->ended_ns - x->first_ns) / 1e6;
}

/* Waits for the rest of the answer, and passes on what is to be passed. */
static locust_error locust__h2_exchange_get(locust__h2_exchange *e) LOCUST__PARKS
{
    locust__h2_stream *s = &e->s;
    for (;;) {
        locust_error error = LOCUST_OK;
        if (s->body == LOCUST__H2_BODY_PASS && (s->passed.len || s->ended))
            error = locust__h2_exchange_pass(e);
        if (error || s->ended || s->error)
            return error ? error : s->ended ? LOCUST_OK : s->error;
        error = locust__h2_wait(s, e->x->deadline_ns);
        if (error && !s->ended && !s->passed.len)
            return s->error ? s->error : error;
    }
}

/* One try on a connection that has a place. */
static locust_error locust__h2_exchange_run(locust__h2_exchange *e, locust__h2 *h2) LOCUST__PARKS
{
    locust__client *c = e->c;
    locust__exchange *x = e->x;
    locust_error error = LOCUST_OK, kept;
    c->response.reused = h2->conn->served > 0;
    if (c->response.reused)
        memset(&c->response.phases, 0, sizeof c->response.phases);
    x->sent_ns = x->first_ns = x->waited_ns = 0;
    x->answered = false;
    x->to_head = strcmp(x->method, "HEAD") == 0;
    e->s.kept = &c->block;
    e->s.kept_at = c->block.len = x->response_at;
    e->s.budget = LOCUST_MAX_HEADER;
    e->s.headed = locust__h2_exchange_headed;
    h2->conn->served++;
    if (locust__upload_wanted(x->req) && !x->dropped)
        error = locust__upload_open(&x->upload, x->req, locust__random(&c->services->loop->random));
    if (!error)
        error = locust__h2_exchange_put(e, h2);
    if (x->upload.open)
        locust__upload_close(&x->upload);
    if (!error)
        error = locust__h2_exchange_get(e);
    if (e->s.sent) {
        x->sent_ns = e->s.sent_ns;
        x->first_ns = e->s.first_ns;
        x->start_ns = x->started ? x->start_ns : x->sent_ns;
        x->started = true;
    } else {
        x->sent_ns = 0;
    }
    if (e->passing)
        error = locust__body_out_close(&x->body_out, error);
    else if (e->s.answered)
        x->body_out.total = c->block.len - e->body_at;
    if (x->sent_ns)
        locust__h2_exchange_clock(e, error);
    kept = e->s.answered ? locust__exchange_keep(c, x) : LOCUST_OK;
    return error ? error : kept;
}

/* May the request go again after this error? */
static bool locust__h2_exchange_repeats(
    const locust__h2_exchange *e, locust_error error, int tries, bool *stale)
{
    const locust__exchange *x = e->x;
    if (!error || e->s.answered || tries >= LOCUST__H2_EXCHANGE_TRIES)
        return false;
    if (e->s.again)
        return !x->req->body_fn || x->dropped;
    if (!e->c->response.reused || *stale || !locust__exchange_is_idempotent(x))
        return false;
    *stale = true;
    return error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
           error == LOCUST_ERR_PIPE || error == LOCUST_ERR_CLOSED;
}

/* One exchange: on a stream, or by HTTP/1.1 where that was chosen. */
static locust_error locust__h2_exchange_try(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    int limit = c->cls->max_requests;
    bool stale = false;
    if (x->begun || (c->route->http_auto && !x->origin->secure))
        return locust__exchange_once(c, x, h, body_at);
    for (int tries = 1;; tries++) {
        locust__h2_exchange e = {.s = {.head = h}, .c = c, .x = x};
        locust__h2 *h2;
        locust_error error = locust__h2_take(c, x, &h2);
        if (error)
            return error;
        if (!h2)
            return locust__exchange_once(c, x, h, body_at);
        error = locust__h2_exchange_run(&e, h2);
        if (e.s.h2 && ((limit > 0 && h2->conn->served >= limit) || locust__head_out_closes(c, x)))
            h2->conn->busy = LOCUST__CONN_RETIRED;
        locust__h2_stream_close(&e.s);
        *body_at = e.body_at;
        if (!locust__h2_exchange_repeats(&e, error, tries, &stale)) {
            if (LOCUST__WITH_COOKIES && x->answered && h->cookies && !c->cls->no_cookies)
                locust__exchange_take_cookies(c, x);
            return error;
        }
        c->services->counts.again++;
        c->ended_ns = 0;
        memset(h, 0, sizeof *h);
        c->block.len = x->response_at;
    }
}

static const struct locust_http2_engine locust__h2_engine = {locust__h2_exchange_try};

LOCUST__API_DATA const locust_http_version locust_http_2_ = {&locust__h2_engine, false};
LOCUST__API_DATA const locust_http_version locust_http_auto_ = {&locust__h2_engine, true};
