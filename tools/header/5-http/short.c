/* ============================================================================================
 * >>short  the short way of a request
 *
 * Purpose     the common exchange: a kept connection that is quiet, a request that goes out in one
 *             send, an answer that comes in one read. It runs on the loop's own stack, which is
 *             warm, up to the recorded answer; only then the user's stack is touched again. The
 *             straight-line client (>>request) does whatever is otherwise, from where the short
 *             way stops, and both give the same results.
 * Invariants  it sends nothing unless it can end without the user's stack, or leave an exchange
 *             that the straight-line client can go on with. It takes no byte off the stream unless
 *             it takes the whole answer. No function of the test runs on the loop's stack.
 * Cost        one switch to the loop and one back, as any park.
 * Names       locust__short locust__short_
 * Uses        >>co >>switch >>entry >>stream >>head >>response_head >>receive >>services
 *             >>pool >>base_url >>client >>head_out >>head_known >>exchange >>request
 *
 *     user's stack              loop's stack
 *     locust__short_send ---->  locust__short_begin: sends, parks the user
 *                                    ...
 *                               locust__short_early: the socket is readable; reads, records
 *     <-----------------------  the loop resumes the user
 *     NONE: locust__request_send; SENT: locust__short_rest; ANSWERED: done
 * ============================================================================================ */

enum locust__short_state {
    LOCUST__SHORT_NONE,    // nothing has happened
    LOCUST__SHORT_CUT,     // not all of it was sent, or the send failed
    LOCUST__SHORT_SENT,    // the answer is awaited, or is another than the short way takes
    LOCUST__SHORT_ANSWERED // the response is complete
};

typedef struct locust__short { // a request that is on its short way; on the user's stack
    locust__early early;       // first: the loop knows this
    enum locust__short_state state;
    locust_error error; // of the send, or of the wait for the answer
    locust__co *co;
    locust__client *c;
    const locust_request *req;
    bool plain; // the head is made of method and URL alone, as far as the request goes
    locust__base_url *base;
    locust__conn *conn;
    int64_t sent_ns, deadline_ns;
    size_t target_at, target_len, fields_at, response_at; // in the block
    locust__view head, body;                              // that are, or that are left, to send
    locust__head_known *known; // the place of its head; NULL: it has none
    uint32_t turn;             // of that place
} locust__short;

/* The state of the straight-line client behind the send. */
static void locust__short_exchange(const locust__short *s, locust__exchange *x)
{
    memset(x, 0, offsetof(locust__exchange, upload));
    x->upload.open = false;
    x->body_out.total = 0;
    x->req = s->req;
    x->method = s->req->method ? s->req->method : "GET";
    x->conn = s->conn;
    x->origin = s->conn->origin;
    x->target_at = s->target_at;
    x->target_len = s->target_len;
    x->fields_at = s->fields_at;
    x->response_at = s->response_at;
    x->deadline_ns = s->deadline_ns;
    x->start_ns = x->sent_ns = s->sent_ns;
    x->started = x->begun = true;
}

/* Do the fields of the request let it go the short way? Bodies in pieces, functions of the test and
 * credentials that a server may refuse are for the straight-line client, and so is a request that
 * points into the last response. */
static bool locust__short_suits(locust__short *s)
{
    const locust__client *c = s->c;
    const locust_request *req = s->req;
    s->plain = locust__head_known_is_plain(req);
    if (s->plain)
        return !locust__request_in_block(c, req->url) && !locust__request_in_block(c, req->name) &&
               !locust__request_in_block(c, req->method) &&
               !locust__request_in_block(c, req->expect_body);
    return !req->parts && !req->body_path && !req->body_fn && !req->on_body && !req->on_event &&
           !req->stream && !req->auth && !req->expect_continue &&
           !locust__request_uses_last(c, req);
}

/* Is there a connection that can take the request at once? */
static bool locust__short_is_ready(const locust__client *c)
{
    const locust__conns *conns = c->session->conns;
    locust__conn *conn = conns->first;
    return conn && !conns->limit && !conn->busy && c->cls->max_requests <= 0 &&
           c->services->heads && locust__stream_is_open(&conn->stream) &&
           locust__stream_is_quiet(&conn->stream);
}

/* Builds the head. False: the short way ends here, and has changed nothing that the straight-line
 * client does not set anew. */
LOCUST__APART static bool locust__short_build(locust__short *s, const locust__conn *conn)
{
    locust__client *c = s->c;
    locust__exchange x;
    uint64_t reframed = c->services->counts.reframed;
    bool ready;
    locust__request_open(c, &x, s->req);
    ready = locust__head_out_target(c, &x, s->base) == LOCUST_OK && !x.credentials &&
            !x.url_auth.ptr && x.origin == conn->origin &&
            locust__request_check(s->req) == LOCUST_OK &&
            locust__head_out_build(c, &x, &s->head) == LOCUST_OK && !x.waits &&
            !locust__head_out_closes(c, &x) && strcmp(x.method, "HEAD") != 0;
    locust__buf_free(&x.url_auth);
    if (!ready) {
        c->services->counts.reframed = reframed;
        return false;
    }
    s->body = x.body;
    s->target_at = x.target_at;
    s->target_len = x.target_len;
    s->fields_at = x.fields_at;
    s->response_at = x.response_at;
    if (s->known)
        locust__head_known_keep(s->known, c, &x, s->head);
    return true;
}

/* Gets the head: a known one, or one that is built. */
static bool locust__short_head(locust__short *s, const locust__conn *conn)
{
    locust__client *c = s->c;
    const locust__head_known *k;
    locust__buf *block = &c->block;
    if (s->plain && locust__head_known_suits(c, s->req, s->base))
        s->known = locust__head_known_of(c, s->req, s->base);
    s->turn = s->known ? s->known->turn : 0;
    k = s->known;
    if (!k || k->origin != conn->origin)
        return locust__short_build(s, conn);
    locust__request_clear(c);
    locust__head_out_clear_block(block);
    locust__buf_add_tight(block, k->bytes, k->url_len);
    s->head = (locust__view){k->bytes + k->url_len, k->head_len};
    s->target_at = k->target_at;
    s->target_len = k->target_len;
    s->fields_at = s->response_at = k->url_len;
    return !block->failed;
}

/* Sends the request and parks the user, on the loop's stack. */
static void locust__short_begin(void *arg)
{
    locust__short *s = arg;
    locust__client *c = s->c;
    locust__loop *loop = c->services->loop;
    locust__conn *conn = c->session->conns->first;
    struct iovec iov[2];
    size_t sent = 0, of_head;
    if (!locust__short_head(s, conn))
        return;
    s->conn = conn;
    conn->busy = LOCUST__CONN_BUSY;
    c->response.reused = true;
    c->services->counts.sent++;
    c->services->counts.reused++;
    iov[0] = (struct iovec){(void *)(uintptr_t)s->head.ptr, s->head.len};
    iov[1] = (struct iovec){(void *)(uintptr_t)s->body.ptr, s->body.len};
    s->sent_ns = locust__loop_clock(loop);
    s->deadline_ns = locust__request_deadline(s->req, s->sent_ns);
    s->error = locust__stream_send(&conn->stream, iov, s->body.len ? 2 : 1, &sent);
    if (s->error || sent < s->head.len + s->body.len) {
        of_head = sent < s->head.len ? sent : s->head.len;
        s->head = locust__view_skip(s->head, of_head);
        if (sent > of_head)
            s->body = locust__view_skip(s->body, sent - of_head);
        s->state = LOCUST__SHORT_CUT;
        return;
    }
    s->state = LOCUST__SHORT_SENT;
    conn->stream.burst = 0;
    conn->stream.fd.reader = s->co;
    s->co->early = &s->early;
    locust__co_park_called(loop, s->co, s->deadline_ns);
}

/* Is that head, at the front of the bytes that came, one of an answer that is all here, with
 * nothing behind it, and that needs nothing further? *n: the length of its body. */
static bool locust__short_is_whole(const locust__client *c, const locust__exchange *x,
    const locust__response_head *h, size_t head_len, size_t *n)
{
    const locust_stream *s = &x->conn->stream;
    enum locust__body kind = locust__response_head_body(h, false);
    *n = s->in_len - head_len;
    return h->status >= 200 && x->first_ns >= x->sent_ns && head_len <= LOCUST_MAX_HEADER &&
           (kind == LOCUST__BODY_NONE ? !*n
                                      : kind == LOCUST__BODY_SIZED && *n <= LOCUST_MAX_BODY &&
                                            h->framing.length == (int64_t)*n) &&
           locust__http_persists(&h->framing, kind) &&
           !locust__exchange_redirects(c, x, h->status) && !(LOCUST__WITH_ZLIB && h->coded);
}

/* Takes the answer off the stream if it is all here. False: it stays there. */
static bool locust__short_take(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at)
{
    locust_stream *s = &x->conn->stream;
    size_t n, head_len;
    c->block.len = x->response_at;
    x->first_ns = s->arrived_ns ? s->arrived_ns : locust__os_now_ns();
    if (!locust__buf_reserve_tight(&c->block, s->in_len + 1) ||
        locust__response_head_recall(
            c->services->heads, s->in, s->in_len, h, &c->block, &head_len) != LOCUST_OK)
        return false;
    locust__exchange_find(c, x, h, body_at);
    if (!locust__short_is_whole(c, x, h, head_len, &n))
        return false;
    locust__buf_add_tight(&c->block, s->in + head_len, n);
    locust__stream_take(s, s->in_len);
    x->body_out.total = n;
    return locust__exchange_keep(c, x) == LOCUST_OK;
}

/* Records the answer, in the row that this request had before. By now its place may be that of
 * another one's head. */
static void locust__short_record(const locust__short *s)
{
    locust__client *c = s->c;
    locust__head_known *k =
        s->known && s->known->turn == s->turn && !s->req->name ? s->known : NULL;
    locust__entry *entry = k ? k->entry : NULL;
    locust__client_record_in(c, &entry);
    if (k && entry != &c->services->recorder.stats->other)
        k->entry = entry;
}

/* Reads the answer and records it, on the loop's stack, before the user is resumed. What is not
 * the common case it leaves to the straight-line client. */
static void locust__short_early(locust__early *early)
{
    locust__short *s = (locust__short *)(void *)early;
    locust__client *c = s->c;
    locust__conn *conn = s->conn;
    locust_stream *stream = &conn->stream;
    locust__exchange x;
    locust__response_head h;
    size_t room, got, body_at;
    char *at;
    if (s->co->wake != LOCUST__WAKE_EVENT || !locust__stream_is_open(stream) ||
        !locust__stream_is_readable(stream))
        return;
    at = locust__stream_room(stream, &room);
    if (!at)
        return;
    s->error = locust__stream_recv(stream, at, room, &got);
    stream->in_len += got;
    if (s->error || !got)
        return;
    locust__short_exchange(s, &x);
    if (!locust__short_take(c, &x, &h, &body_at))
        return;
    locust__exchange_clock(c, &x, LOCUST_OK);
    conn->served++;
    conn->after_head = false;
    conn->idle_ns = c->ended_ns;
    conn->busy = LOCUST__CONN_FREE;
    if (LOCUST__WITH_COOKIES && h.cookies && !c->cls->no_cookies)
        locust__exchange_take_cookies(c, &x);
    locust__request_close(c, &x, &h, body_at, LOCUST_OK);
    s->state = LOCUST__SHORT_ANSWERED;
    if (s->req->catch_response)
        locust__request_await_verdict(c);
    else if (c->services->recorder.listener)
        c->pending = true;
    else
        locust__short_record(s);
}

/* Goes on straight-line, where the short way has stopped behind the send. */
LOCUST__APART static locust_error locust__short_rest(locust__short *s) LOCUST__PARKS
{
    locust__exchange x;
    locust__short_exchange(s, &x);
    if (s->state == LOCUST__SHORT_CUT) {
        x.put_error =
            s->error ? s->error
                     : locust__stream_write(&s->conn->stream, s->head, s->body, s->deadline_ns);
    } else if (s->error) {
        x.awaited = locust__receive_cut(s->error,
            s->conn->stream.in_len ? LOCUST_ERR_HTTP_HEAD_CUT : LOCUST_ERR_HTTP_NO_RESPONSE);
    } else if (s->co->wake == LOCUST__WAKE_TIMEOUT) {
        x.awaited = LOCUST_ERR_TIMEOUT;
    } else if (s->co->wake == LOCUST__WAKE_CANCELLED) {
        x.awaited = LOCUST_ERR_CANCELLED;
    }
    return locust__request_go(s->c, &x, LOCUST_OK);
}

/* Makes the memory for what is known. Without it all goes straight-line, or is built anew. */
LOCUST__APART static void locust__short_open(locust__services *sv)
{
    sv->heads = locust__arena_zalloc(&sv->arena, sizeof *sv->heads);
    if (!sv->tracer) // it makes each head another
        sv->heads_known =
            locust__arena_zalloc(&sv->arena, LOCUST__HEAD_KNOWN_HEADS * sizeof *sv->heads_known);
}

/* One request from end to end, as locust__request_send. */
static locust_error locust__short_send(
    locust__client *c, const locust_request *req, locust__base_url *base) LOCUST__PARKS
{
    locust__loop *loop = c->services->loop;
    locust__short s = {.early = {locust__short_early}, .c = c, .req = req, .base = base};
    s.co = loop->current;
    locust__client_settle(c);
    if (LOCUST__WITH_SHORT && !s.co->cancelled && locust__short_is_ready(c) &&
        locust__short_suits(&s)) {
        locust__co_call(loop, locust__short_begin, &s);
        s.co->early = NULL;
        if (s.conn)
            s.conn->stream.fd.reader = NULL;
    }
    if (LOCUST__WITH_SHORT && !c->services->heads)
        locust__short_open(c->services);
    if (s.state == LOCUST__SHORT_NONE)
        return locust__request_send(c, req, base);
    if (s.state != LOCUST__SHORT_ANSWERED)
        return locust__short_rest(&s);
    if (c->pending && !req->catch_response) // listeners run here, not on the loop's stack
        locust__client_settle(c);
    return LOCUST_OK;
}
