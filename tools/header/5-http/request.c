/* ============================================================================================
 * >>request  a whole request
 *
 * Purpose     one request with its redirects and second tries with credentials, up to the response
 *             that the test sees.
 * Invariants  a request that the end of its user cuts short is no sample: it counts as unanswered.
 * Names       locust__request_
 * Uses        >>co >>stats >>record >>url >>response_head >>base_url >>session >>client
 *             >>head_out >>exchange
 * Sources     RFC 9110 15.4 (redirects); Locust 2.46 for names and redirects.
 * Limits      a body that comes from body_fn is sent once: no retry, no redirect, no second try
 *             with other credentials.
 * ============================================================================================ */

enum { LOCUST__REQUEST_HOPS = 30 }; // redirects followed, as in Locust

/* The row of a request, by its first URL: in the test's texts, the block or the statistics. */
static const char *locust__request_row(
    const locust__client *c, const locust__exchange *x, const char *given)
{
    return x->req->name     ? x->req->name
           : x->name        ? x->name
           : x->response_at ? c->block.ptr + x->target_at
                            : given;
}

/* The method in the row of a request. */
static const char *locust__request_kind(const locust__client *c, const locust_request *req)
{
    return c->kind ? c->kind : req->method ? req->method : "GET";
}

/* Counts a request that was cut short by the end of its user. One whose answer the test takes in
 * pieces has had it once the first can come: a stream of events lasts as long as its user does. One
 * that still waited for a turn to connect has not begun. */
LOCUST__APART LOCUST__COLD static void locust__request_cut(
    locust__client *c, const locust__exchange *x, const locust__response_head *h)
{
    int64_t now_ns = locust__loop_clock(c->services->loop);
    bool in_pieces = h->status >= 200 && (x->req->on_body || x->req->on_event || x->flow);
    c->session->answered |= in_pieces;
    if ((in_pieces && !x->flow) || !x->started)
        return;
    locust__recorder_cut(&c->services->recorder, locust__request_kind(c, x->req),
        locust__request_row(c, x, ""), now_ns > x->start_ns ? now_ns - x->start_ns : 0,
        locust__session_take_late(c->session), now_ns);
}

/* Fills in the response from what the block holds. */
LOCUST__APART static void locust__request_answer(locust__client *c, const locust__exchange *x,
    const locust__response_head *h, size_t body_at, locust_error error)
{
    locust_response *r = &c->response;
    const char *block, *given = x->req->url ? x->req->url : "";
    if (!x->response_at) { // no URL was written: keeps the test's text, which will not last
        c->block.len = 0;
        locust__buf_add_tight(&c->block, given, strlen(given) + 1);
    }
    block = c->block.len ? c->block.ptr : "";
    r->code = error;
    r->error = error ? locust__error_text(error) : NULL;
    if (error == LOCUST_ERR_HTTP_STREAM)
        r->error = x->flow->why;
    r->url = block;
    r->status = x->answered ? h->status : 0; // what was received stands, even if the rest was cut
    r->reason = x->answered ? block + x->response_at : "";
    if (!x->answered)
        c->fields_at = 0;
    r->body = x->answered ? block + body_at : "";
    r->body_len = x->answered ? c->block.len - body_at : 0;
    r->length = x->answered ? x->body_out.total : 0;
    r->elapsed_ms = (double)c->elapsed_ns / 1e6;
    c->context = x->req->context;
    c->method = locust__request_kind(c, x->req);
    c->name = locust__request_row(c, x, given);
    c->failure = locust__client_judge(c, x->req);
}

/* The statistics' copy of a name, which outlives the block. A request that is not counted makes no
 * row. */
static const char *locust__request_keep_name(
    const locust__client *c, const char *method, const char *name)
{
    locust__request_stats *stats = c->services->recorder.stats;
    return c->session->failure ? locust__stats_text(stats, name)
                               : locust__stats_find(stats, method, name)->name;
}

/* Waits for the test's verdict. The test's strings may be gone by then: keeps the statistics'
 * copies. */
static void locust__request_await_verdict(locust__client *c)
{
    const char *method = locust__stats_text(c->services->recorder.stats, c->method);
    c->name = locust__request_keep_name(c, c->method, c->name);
    c->method = method;
    c->pending = true;
}

/* Turns the exchange into the request that a redirect to `location` asks for. */
LOCUST__APART LOCUST__COLD static locust_error locust__request_follow(
    locust__client *c, locust__exchange *x, int status, const char *location)
{
    const char *broken;
    locust__base_url base = {.auth = {NULL, 0, 0, false}};
    locust__buf url = {NULL, 0, 0, false};
    bool post = strcmp(x->method, "POST") == 0, head = strcmp(x->method, "HEAD") == 0;
    locust_error error = locust__url_resolve(&url, c->block.ptr, location);
    locust__buf_add(&url, "", 1);
    if (!error && url.failed)
        error = LOCUST_ERR_MEMORY;
    if (!error && locust__base_url_parse(c->services, url.ptr, &base, &broken) != LOCUST_OK)
        error = LOCUST_ERR_HTTP_LOCATION; // even https without TLS: a server must not end the test
    if (!error && !x->req->name && !x->name)
        x->name = locust__request_keep_name(c, x->method, c->block.ptr + x->target_at);
    if (!error) {
        if ((status == 303 && !head) || (post && (status == 301 || status == 302))) {
            x->method = "GET"; // RFC 9110 15.4.2 to 15.4.4
            x->dropped = true;
        }
        if (x->req->body_fn && !x->dropped)
            error = LOCUST_ERR_HTTP_BODY_ONCE;
    }
    if (!error) {
        x->foreign |= base.origin != x->origin;
        x->first = x->first ? x->first : x->origin;
        x->elsewhere = strcmp(base.origin->host, x->first->host) != 0;
        // Credentials in the new URL are the server's words, not the test's: RFC 9110 4.2.4.
        if (x->foreign)
            x->credentials = NULL;
        error = locust__head_out_begin_block(c, x, &base, "", NULL);
    }
    locust__base_url_free(&base);
    locust__buf_free(&url);
    return error;
}

/* The request and all that it is redirected to. A HEAD is not followed, as in Locust. */
static locust_error locust__request_hops(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    for (int hops = 0;;) {
        locust_error error = locust__exchange_try(c, x, h, body_at);
        if (error)
            return error;
        if (LOCUST__WITH_DIGEST && h->status == 401 && locust__exchange_challenged(c, x)) {
            c->block.len = x->response_at;
            x->answered = false;
        } else if (locust__exchange_redirects(c, x, h->status)) {
            x->answered = false; // it is not the test's to see, wherever it leads
            if (hops++ == LOCUST__REQUEST_HOPS)
                return LOCUST_ERR_HTTP_REDIRECTS;
            error = locust__request_follow(c, x, h->status, locust__client_field(c, "location"));
            if (error)
                return error;
        } else {
            return LOCUST_OK;
        }
        memset(h, 0, sizeof *h);
    }
}

/* Does a field of a request point into the block, which holds the last response? The difference of
 * a pointer below the block, NULL too, wraps to more than any block has. */
static bool locust__request_in_block(const locust__client *c, const void *p)
{
    return (uintptr_t)p - (uintptr_t)c->block.ptr < c->block.cap;
}

static bool locust__request_pairs_in_block(const locust__client *c, const locust_pair *pairs)
{
    for (; pairs && pairs->name; pairs++)
        if (locust__request_in_block(c, pairs->name) || locust__request_in_block(c, pairs->value))
            return true;
    return false;
}

/* Does the request point into the last response? Then that response must outlive the request. */
static bool locust__request_uses_last(const locust__client *c, const locust_request *req)
{
    if (locust__request_in_block(c, req->method) || locust__request_in_block(c, req->url) ||
        locust__request_in_block(c, req->name) || locust__request_in_block(c, req->body) ||
        locust__request_in_block(c, req->form) || locust__request_in_block(c, req->json) ||
        locust__request_in_block(c, req->expect_body) || locust__request_in_block(c, req->auth) ||
        locust__request_in_block(c, req->bearer) || locust__request_in_block(c, req->body_path))
        return true;
    for (const locust_part *part = req->parts; part && part->name; part++)
        if (locust__request_in_block(c, part->name) || locust__request_in_block(c, part->text) ||
            locust__request_in_block(c, part->path) || locust__request_in_block(c, part->type))
            return true;
    return locust__request_pairs_in_block(c, req->headers) ||
           locust__request_pairs_in_block(c, req->params) ||
           locust__request_pairs_in_block(c, req->form_fields);
}

/* Do fields of the request contradict each other? To send one of two bodies would test something
 * that the test does not say. */
LOCUST__APART static locust_error locust__request_contradiction(const locust_request *req)
{
    int bodies = !!req->body + !!req->json + !!req->form + !!req->form_fields + !!req->parts +
                 !!req->body_path + !!req->body_fn;
    if (bodies > 1)
        return LOCUST_ERR_HTTP_BODIES;
    if (req->body_len && !req->body && !req->body_fn)
        return LOCUST_ERR_HTTP_BODY_LEN;
    if (req->body && !req->body_len && *(const char *)req->body)
        return LOCUST_ERR_HTTP_BODY_NO_LEN; // "" is an empty body
    if (((req->on_body || req->on_event) && (req->expect_body || req->expect_json)) && !req->stream)
        return LOCUST_ERR_HTTP_EXPECT;
    if (req->auth && req->bearer)
        return LOCUST_ERR_HTTP_AUTHS;
    if (req->stream ? req->on_body || req->expect_json : req->on_mark != NULL)
        return LOCUST_ERR_HTTP_STREAMS;
    return req->on_body && req->on_event ? LOCUST_ERR_HTTP_CALLBACKS : LOCUST_OK;
}

/* Each contradiction involves one of these fields, which most requests lack: one test for all of
 * them. */
static locust_error locust__request_check(const locust_request *req)
{
    uintptr_t any = (uintptr_t)req->body | (uintptr_t)req->json | (uintptr_t)req->form |
                    (uintptr_t)req->form_fields | (uintptr_t)req->parts |
                    (uintptr_t)req->body_path | (uintptr_t)req->body_fn | req->body_len |
                    (uintptr_t)req->bearer | (uintptr_t)req->on_event | (uintptr_t)req->on_body |
                    (uintptr_t)req->stream | (uintptr_t)req->on_mark;
    return any ? locust__request_contradiction(req) : LOCUST_OK;
}

/* Makes the client ready for a request: nothing of it has happened yet. */
static inline void locust__request_clear(locust__client *c)
{
    locust__session_begin(c->session, c->services->loop->clock_ns);
    c->broken = NULL;
    c->verdict = LOCUST__VERDICT_NONE;
    c->response.reused = false;
    memset(&c->response.phases, 0, sizeof c->response.phases);
    memset(&c->response.stream, 0, sizeof c->response.stream);
    c->elapsed_ns = c->ended_ns = 0;
    c->block.failed = false;
}

/* When a request that begins now has to have its whole answer. */
static inline int64_t locust__request_deadline(const locust_request *req, int64_t now_ns)
{
    if (req->timeout_s < 0)
        return LOCUST__NEVER;
    return locust__time_after(
        now_ns, req->timeout_s > 0 ? locust__time_ns(req->timeout_s) : 60 * LOCUST__S);
}

static void locust__request_open(locust__client *c, locust__exchange *x, const locust_request *req)
{
    memset(x, 0, offsetof(locust__exchange, upload));
    x->upload.open = false;
    x->body_out.total = 0;
    x->req = req;
    x->method = req->method ? req->method : "GET";
    locust__request_clear(c);
    // By the loop's last reading of the clock. locust__exchange_begin reads it anew, right before
    // the first byte or connect, and moves the deadline by the time between: the timeout runs from
    // the start of the request, and one reading serves both.
    x->deadline_ns = locust__request_deadline(req, c->services->loop->clock_ns);
}

/* Ends the request, whose times and response the test sees from here on. */
static void locust__request_close(locust__client *c, const locust__exchange *x,
    const locust__response_head *h, size_t body_at, locust_error error)
{
    if (!c->ended_ns) // no response began
        c->ended_ns = locust__os_now_ns();
    if (x->start_ns && c->ended_ns > x->start_ns)
        c->elapsed_ns = c->ended_ns - x->start_ns;
    c->late_ns = x->late_ns < c->elapsed_ns ? x->late_ns : c->elapsed_ns;
    if (x->start_ns < c->services->loop->stalled_until_ns &&
        c->ended_ns >= c->services->loop->stalled_until_ns)
        c->services->loop->over_stall++;
    locust__request_answer(c, x, h, body_at, error);
}

/* Waits for the answer on hop after hop, and tells the statistics or waits for the verdict. */
static locust_error locust__request_go(
    locust__client *c, locust__exchange *x, locust_error error) LOCUST__PARKS
{
    locust__response_head h = {.status = 0};
    size_t body_at = 0;
    if (!error)
        error = locust__request_hops(c, x, &h, &body_at);
    locust__buf_free(&x->url_auth);
    if (x->flow)
        error = x->flow->kind->end(x->flow, &h, error);
    if (error == LOCUST_ERR_CANCELLED && !c->broken)
        locust__request_cut(c, x, &h);
    if (error != LOCUST_ERR_CANCELLED && !c->broken)
        locust__request_close(c, x, &h, body_at, error);
    if (x->flow)
        x->flow->kind->count(x->flow, error);
    if (error == LOCUST_ERR_CANCELLED || c->broken)
        return error;
    if (x->req->catch_response)
        locust__request_await_verdict(c);
    else
        locust__client_record(c);
    return LOCUST_OK;
}

/* One request from end to end. LOCUST_ERR_CANCELLED: the user is being stopped, there is no sample.
 * c->broken: the test has to end. */
LOCUST__APART static locust_error locust__request_send(
    locust__client *c, const locust_request *req, locust__base_url *base) LOCUST__PARKS
{
    locust__exchange x;
    locust__buf last = {NULL, 0, 0, false};
    locust_error error;
    locust__client_settle(c);
    locust__request_open(c, &x, req);
    if (locust__request_uses_last(c, req)) {
        last = c->block;
        c->block = (locust__buf){NULL, 0, 0, false};
    }
    error = locust__head_out_target(c, &x, base);
    if (!error)
        error = locust__request_check(req);
    if (!error && req->stream)
        error = req->stream()->begin(c, &x, req->stream());
    error = locust__request_go(c, &x, error);
    locust__buf_free(&last);
    return error;
}
