/* ============================================================================================
 * >>h2_talk  requests on an HTTP/2 connection
 *
 * Purpose     finds or opens the connection of a request, waits for a place on it, sends head and
 *             body, waits for the answer. What a request is and what its answer becomes is for
 *             those above to say.
 * Invariants  waits for a place (SETTINGS_MAX_CONCURRENT_STREAMS) are the generator's own: in no
 *             time of a row. One coroutine opens a connection, others wait for it. What a coroutine
 *             waits for it looks at again after each wake.
 * Names       locust__h2_dial locust__h2_dial_ locust__h2_wait locust__h2_take locust__h2_take_
 *             locust__h2_put_ locust__h2_usable
 * Uses        >>co >>switch >>sync >>stream >>url >>head >>manners >>services >>pool >>client
 *             >>head_out >>exchange >>h2_hpack >>h2_frame >>h2_conn >>h2_read
 * Sources     RFC 9113 3.3, 5.1.2, 6.9, 8.2, 8.3.
 * ============================================================================================ */

typedef struct locust__h2_dial { // a connection that is being opened; on the stack of who does
    struct locust__h2_dial *next;
    const locust__conns *conns;
    const locust__origin *origin;
    locust__queue waiters;
} locust__h2_dial;

/* Waits until something has happened to the stream, which the caller looks for. */
static locust_error locust__h2_wait(locust__h2_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__h2 *h2 = s->h2;
    locust__loop *loop;
    locust__conn *conn;
    enum locust__wake why;
    if (!h2 || h2->dead)
        return s->error ? s->error : LOCUST_ERR_CLOSED;
    loop = locust__h2_of_loop(h2);
    conn = h2->conn;
    if (locust__stream_is_readable(&conn->stream)) {
        locust__h2_read(h2);
        if (locust__stream_settle(&conn->stream))
            return LOCUST_ERR_MEMORY;
        why = locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
        return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
    }
    why = locust__co_park(loop, deadline_ns, true);
    if (conn->stream.fd.writer == s->co)
        conn->stream.fd.writer = NULL;
    if (s->h2 && conn->stream.fd.watch.writable && h2->out.len && !h2->unsent)
        locust__h2_flush(h2);
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* -- a connection -- */

/* May a new stream go over this connection, now or when there is a place? */
static bool locust__h2_usable(const locust__h2 *h2)
{
    return !h2->dead && !h2->going && h2->next_id < 0x7FFFFFFF &&
           h2->conn->busy != LOCUST__CONN_RETIRED;
}

/* Closes a connection that is of no use any more and has no stream. */
static void locust__h2_take_away(const locust__client *c, locust__h2 *h2)
{
    locust__conn *conn = h2->conn;
    locust__manners *m =
        locust__manners_of(&c->services->manners, &c->services->arena, conn->origin);
    int64_t at_ns = conn->stream.fd.hup_ns ? conn->stream.fd.hup_ns : locust__os_now_ns();
    if (m && conn->served)
        locust__manners_closed(m, conn->served, at_ns - conn->idle_ns);
    locust__stream_close(&conn->stream);
}

/* The connection to the origin that has the fewest streams; NULL: there is none. *n: how many there
 * are. Closes those that are of no use. */
static locust__h2 *locust__h2_take_best(
    const locust__client *c, const locust__origin *origin, int *n)
{
    locust__h2 *best = NULL;
    *n = 0;
    for (locust__conn *conn = c->session->conns->first; conn; conn = conn->next) {
        locust__h2 *h2;
        if (conn->origin != origin || conn->busy < LOCUST__CONN_STREAMLESS)
            continue;
        h2 = locust__h2_of_conn(conn);
        if (locust__stream_is_readable(&conn->stream) && !h2->dead)
            locust__h2_read(h2);
        if (!locust__h2_usable(h2)) {
            if (!h2->n)
                locust__h2_take_away(c, h2);
            continue;
        }
        ++*n;
        if (!best || h2->n < best->n)
            best = h2;
    }
    return best;
}

/* Does another coroutine open one just now? */
static locust__h2_dial *locust__h2_take_dial(const locust__client *c, const locust__origin *origin)
{
    locust__h2_dial *d = c->services->dials;
    while (d && (d->conns != c->session->conns || d->origin != origin))
        d = d->next;
    return d;
}

/* Opens a connection: x->conn. *h2 NULL: the server has chosen HTTP/1.1, as it may. */
static locust_error locust__h2_take_new(
    locust__client *c, locust__exchange *x, locust__h2 **h2) LOCUST__PARKS
{
    locust__services *sv = c->services;
    locust__h2_dial dial = {sv->dials, c->session->conns, x->origin, {NULL, NULL}};
    locust__h2_dial **at = &sv->dials;
    locust_error error = locust__conns_take(c->session->conns, sv, x->origin, &x->conn);
    *h2 = NULL;
    if (error)
        return error;
    sv->dials = &dial;
    memset(&c->response.phases, 0, sizeof c->response.phases);
    error = locust__exchange_connect(c, x);
    if (error == LOCUST_ERR_TLS_ALPN && !c->route->http_auto)
        error = LOCUST_ERR_HTTP2_ALPN;
    while (*at != &dial)
        at = &(*at)->next;
    *at = dial.next;
    if (!error && (x->conn->stream.h2 || !x->origin->secure)) {
        *h2 = locust__h2_open(sv, x->conn);
        error = *h2 ? LOCUST_OK : LOCUST_ERR_MEMORY;
        x->conn->stream.fd.unread = locust__h2_read_unread;
    } else if (!error && !c->route->http_auto) {
        error = LOCUST_ERR_HTTP2_ALPN;
    }
    if (error) {
        locust__stream_close(&x->conn->stream);
        x->conn->busy = LOCUST__CONN_FREE;
    }
    while (dial.waiters.first)
        locust__co_wake(sv->loop, dial.waiters.first, LOCUST__WAKE_EVENT);
    return error;
}

/* Charges a wait to the generator. */
static void locust__h2_take_charge(locust__client *c, locust__exchange *x, int64_t began_ns)
{
    int64_t took_ns = locust__os_now_ns() - began_ns;
    x->deadline_ns = locust__time_after(x->deadline_ns, took_ns);
    if (x->started)
        x->start_ns += took_ns;
    c->services->counts.waited_ns += took_ns;
}

/* Waits in a queue of those that want a connection, or a place on one. */
static locust_error locust__h2_take_wait(
    locust__client *c, locust__queue *q, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__stream_woken(
        locust__queue_wait(c->services->loop, q, deadline_ns), LOCUST_ERR_TIMEOUT);
}

/* Is there an open connection of HTTP/1.1 to a server that has chosen that? */
static bool locust__h2_take_old(const locust__client *c, const locust__exchange *x)
{
    for (const locust__conn *conn = c->session->conns->first; conn; conn = conn->next)
        if (conn->origin == x->origin && conn->busy == LOCUST__CONN_FREE &&
            locust__stream_is_open(&conn->stream))
            return true;
    return false;
}

/* The connection for a request, with a place on it. *h2 NULL: HTTP/1.1 is spoken; x->conn, if it
 * was opened for this, is. */
static locust_error locust__h2_take(
    locust__client *c, locust__exchange *x, locust__h2 **h2) LOCUST__PARKS
{
    int most = c->session->conns->limit ? c->session->conns->limit : 1, n;
    int64_t until_ns = x->deadline_ns;
    x->conn = NULL;
    for (;;) {
        locust__h2_dial *dial = locust__h2_take_dial(c, x->origin);
        int64_t began_ns;
        locust_error error;
        *h2 = locust__h2_take_best(c, x->origin, &n);
        if (*h2 && (n >= most || !(*h2)->n || dial)) {
            x->conn = (*h2)->conn;
            if (locust__h2_limit(*h2))
                return LOCUST_OK;
            began_ns = locust__os_now_ns();
            error = locust__h2_take_wait(c, &(*h2)->waiters, until_ns);
            locust__h2_take_charge(c, x, began_ns);
            if (error)
                return error;
            continue;
        }
        if (!dial && c->route->http_auto && locust__h2_take_old(c, x)) {
            *h2 = NULL;
            return LOCUST_OK;
        }
        if (!dial)
            return locust__h2_take_new(c, x, h2);
        // As if this request had opened it: the wait is in its time.
        if (!x->started)
            x->start_ns = locust__loop_clock(c->services->loop);
        x->started = true;
        error = locust__h2_take_wait(c, &dial->waiters, x->deadline_ns);
        if (error)
            return error == LOCUST_ERR_TIMEOUT ? LOCUST_ERR_CONNECT_TIMEOUT : error;
    }
}

/* -- the head -- */

/* How a field of a request is sent. */
static enum locust__hpack_how locust__h2_put_how(locust__view name)
{
    static const char *const kept[] = {
        "user-agent", "accept", "accept-encoding", "accept-language", "content-type", "te"};
    if (locust__view_is(name, "authorization") || locust__view_is(name, "cookie"))
        return LOCUST__HPACK_SECRET;
    if (name.len > 5 && memcmp(name.ptr, "grpc-", 5) == 0)
        return LOCUST__HPACK_KEEP;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (locust__view_is(name, kept[i]))
            return LOCUST__HPACK_KEEP;
    return LOCUST__HPACK_PLAIN;
}

/* Is that a field of a connection, which HTTP/2 has not? RFC 9113 8.2.2. */
static bool locust__h2_put_drops(locust__view name, locust__view value)
{
    switch (name.len) {
    case 2:
        return locust__view_is(name, "te") && !locust__view_is_nocase(value, "trailers");
    case 7:
        return locust__view_is(name, "upgrade");
    case 10:
        return locust__view_is(name, "connection") || locust__view_is(name, "keep-alive");
    case 16:
        return locust__view_is(name, "proxy-connection");
    case 17:
        return locust__view_is(name, "transfer-encoding");
    default:
        return false;
    }
}

/* Writes the fields of a head of HTTP/1.1, which begins behind its start line, as a header block:
 * names become lower case where they stand. *list: how large the server finds them. */
static void locust__h2_put_fields(locust__h2 *h2, locust__view method, locust__view target,
    bool secure, char *at, char *end, uint64_t *list)
{
    locust__hpack_encoder *e = &h2->encoder;
    locust__buf *out = &h2->out;
    locust__view host = {at + 6, 0}; // "Host: " comes first
    char *lf = memchr(at, '\n', (size_t)(end - at));
    host.len = (size_t)(lf - 1 - host.ptr);
    locust__hpack_encode_begin(e, out);
    locust__hpack_encode(e, out, locust__view_of(":method"), method, LOCUST__HPACK_PLAIN);
    locust__hpack_encode(e, out, locust__view_of(":scheme"),
        locust__view_of(secure ? "https" : "http"), LOCUST__HPACK_PLAIN);
    locust__hpack_encode(e, out, locust__view_of(":authority"), host, LOCUST__HPACK_KEEP);
    locust__hpack_encode(e, out, locust__view_of(":path"), target, LOCUST__HPACK_PLAIN);
    *list = method.len + host.len + target.len + 200;
    for (at = lf + 1; at < end && *at != '\r'; at = lf + 1) {
        locust__view name = {at, 0}, value;
        for (; *at != ':'; at++)
            *at = locust__text_lower(*at);
        lf = memchr(at, '\n', (size_t)(end - at));
        name.len = (size_t)(at - name.ptr);
        value = (locust__view){at + 2, (size_t)(lf - 1 - (at + 2))};
        *list += name.len + value.len + LOCUST__HPACK_OVERHEAD;
        value = locust__http_trim(value);
        if (!locust__h2_put_drops(name, value))
            locust__hpack_encode(e, out, name, value, locust__h2_put_how(name));
    }
}

/* Opens the stream, with a head as HTTP/1.1 has it: start line, Host, other fields. `end`: there is
 * no body. */
static locust_error locust__h2_put_head(locust__h2 *h2, locust__h2_stream *s, locust__view method,
    locust__view target, bool secure, locust__view head, bool end)
{
    char *at = (char *)(uintptr_t)head.ptr;
    locust__buf *out = &h2->out;
    size_t from = out->len;
    uint64_t list;
    at = (char *)memchr(at, '\n', head.len) + 1;
    if (!locust__buf_reserve(out, head.len + LOCUST__H2_FRAME_HEAD))
        return LOCUST_ERR_MEMORY;
    out->len += LOCUST__H2_FRAME_HEAD;
    locust__h2_put_fields(
        h2, method, target, secure, at, (char *)(uintptr_t)head.ptr + head.len, &list);
    if (list > h2->list || out->failed) {
        // To go over the limit may cost the connection. What was put into the table was not sent.
        out->len = from;
        h2->encoder.resize = true;
        return out->failed ? LOCUST_ERR_MEMORY : LOCUST_ERR_HTTP_REQUEST_SIZE;
    }
    locust__h2_stream_open(h2, s);
    s->said_all = end;
    locust__h2_out_headers(h2, from, s->id, end);
    return out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* -- the body -- */

/* May no more of the body be sent? The answer has ended, or the stream. */
static bool locust__h2_put_is_over(const locust__h2_stream *s)
{
    return !s->h2 || s->ended || s->error || s->h2->dead;
}

/* Sends bytes of a body, as far as the windows allow, waiting for them. `end`: these are the last.
 * Stops without an error where the server wants no more. */
static locust_error locust__h2_put_body(
    locust__h2_stream *s, locust__view bytes, bool end, int64_t deadline_ns) LOCUST__PARKS
{
    while ((bytes.len || (end && !s->said_all)) && !locust__h2_put_is_over(s)) {
        locust__h2 *h2 = s->h2;
        int64_t most = s->window < h2->window ? s->window : h2->window;
        size_t n = bytes.len < LOCUST__H2_FRAME_MAX ? bytes.len : LOCUST__H2_FRAME_MAX;
        char head[LOCUST__H2_FRAME_HEAD];
        bool last;
        if ((int64_t)n > most)
            n = most > 0 ? (size_t)most : 0;
        if (h2->out.len >= LOCUST__H2_OUT_MAX)
            locust__h2_flush(h2);
        if ((bytes.len && !n) || h2->out.len >= LOCUST__H2_OUT_MAX) {
            locust_error error;
            locust__h2_flush(h2);
            error = locust__h2_put_is_over(s) ? LOCUST_OK : locust__h2_wait(s, deadline_ns);
            if (error && !locust__h2_put_is_over(s))
                return error;
            continue;
        }
        last = end && n == bytes.len;
        locust__h2_frame_head(
            head, n, LOCUST__H2_FRAME_DATA, last ? LOCUST__H2_FLAG_END_STREAM : 0, s->id);
        locust__buf_add(&h2->out, head, sizeof head);
        locust__buf_add(&h2->out, bytes.ptr, n);
        if (h2->out.failed)
            return LOCUST_ERR_MEMORY;
        s->window -= (int64_t)n;
        h2->window -= (int64_t)n;
        s->said_all = last;
        if (n)
            bytes = locust__view_skip(bytes, n);
    }
    return LOCUST_OK;
}
