/* ============================================================================================
 * >>exchange  one exchange on a connection
 *
 * Purpose     send, read, retry once on a new connection where a kept one had been closed.
 * Names       locust__exchange_
 * Uses        >>co >>stream >>head >>response_head >>receive >>cookie >>auth >>upload
 *             >>body_out >>route >>pool >>dial >>client >>head_out
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries), RFC 9110 10.1.1 (Expect).
 * ============================================================================================ */

/* Reads the clock. A timeout was set by the reading before, so as to spare one: at first it moves along. */
static int64_t locust__exchange_begin(locust__loop *loop, locust__exchange *x)
{
    int64_t before_ns = loop->clock_ns, now = locust__loop_clock(loop);
    if (!x->started)
        x->deadline_ns = locust__time_after(x->deadline_ns, now - before_ns);
    return now;
}

static locust_error locust__exchange_connect(locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    int64_t began_ns = locust__exchange_begin(c->services->loop, x);
    locust__route route = *c->route;
    locust_phases *phases = &c->response.phases;
    locust__dial took;
    locust_error error;
    if (c->session->cert_file) {
        route.tls.cert_file = c->session->cert_file;
        route.tls.key_file = c->session->key_file;
    }
    error = locust__dial_open(x->conn, &c->services->network, &route, &x->deadline_ns, &took);
    x->start_ns = (x->started ? x->start_ns : began_ns) + took.own;
    x->started = true;
    phases->name_ms = (double)took.name / 1e6;
    phases->connect_ms = (double)took.connect / 1e6;
    phases->tls_ms = (double)took.tls / 1e6;
    if (c->services->tls.broken)
        c->broken = c->services->tls.broken;
    return error;
}

/* Sends a body in pieces, as far as the server takes it. */
static locust_error locust__exchange_upload(locust_stream *s, locust__exchange *x) LOCUST__PARKS
{
    bool more = true;
    locust_error error = LOCUST_OK;
    while (!error && more) {
        locust__view piece;
        error = locust__upload_piece(&x->upload, &piece, &more);
        if (!error)
            error = locust__stream_write(s, (locust__view){NULL, 0}, piece, x->deadline_ns);
    }
    return error;
}

/* Waits a moment for "100 Continue", RFC 9110 10.1.1; other interim answers do not count. *refused:
 * the body is not wanted, for the answer is there already. */
static locust_error locust__exchange_await_continue(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    int64_t until_ns = locust__os_now_ns() + LOCUST__S;
    locust_stream *s = &x->conn->stream;
    int64_t wait_ns = until_ns < x->deadline_ns ? until_ns : x->deadline_ns;
    while (h->status != 100) {
        locust_error error = s->in_len ? LOCUST_OK : locust__stream_await(s, wait_ns);
        if (error)
            return error == LOCUST_ERR_TIMEOUT && wait_ns == until_ns ? LOCUST_OK : error;
        c->block.len = x->response_at;
        error = locust__receive_head(s, h, &c->block, budget, &x->first_ns, x->deadline_ns);
        *refused = !error && h->status >= 200;
        if (error || *refused)
            return error;
    }
    return LOCUST_OK;
}

/* Sends head and body. *refused: the answer's head came first, and is in the block. */
static locust_error locust__exchange_put(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    locust__view head;
    locust_error error = locust__head_out_build(c, x, &head);
    bool waits;
    if (error)
        return error;
    waits = x->req->expect_continue && (x->body.len || x->upload.open);
    x->sent_ns = locust__exchange_begin(s->net->loop, x);
    if (!x->started)
        x->start_ns = x->sent_ns;
    x->started = true;
    error =
        locust__stream_write(s, head, waits ? (locust__view){NULL, 0} : x->body, x->deadline_ns);
    if (!error && waits) {
        error = locust__exchange_await_continue(c, x, h, budget, refused);
        if (!error && !*refused && x->body.len)
            error = locust__stream_write(s, (locust__view){NULL, 0}, x->body, x->deadline_ns);
    }
    if (!error && x->upload.open && !*refused)
        error = locust__exchange_upload(s, x);
    return error;
}

/* The fields of the answer, name and value in turn, each with its end; an empty name behind them. */
static const char *locust__exchange_fields(const locust__client *c)
{
    return c->fields_at ? c->block.ptr + c->fields_at : "";
}

static const char *locust__exchange_field(const locust__client *c, const char *name)
{
    const char *p = locust__exchange_fields(c);
    while (*p) {
        const char *value = p + strlen(p) + 1;
        if (locust__view_is_nocase(locust__view_of(p), name))
            return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

LOCUST__APART static void locust__exchange_take_cookies(
    locust__client *c, const locust__exchange *x)
{
    locust__cookie_site site = locust__head_out_site(c, x);
    const char *p = c->block.ptr + c->fields_at;
    while (*p) {
        const char *value = p + strlen(p) + 1;
        if (strcasecmp(p, "set-cookie") == 0)
            locust__jar_take(
                &c->session->jar, &site, locust__view_of(value), locust__os_wall_ns() / LOCUST__S);
        p = value + strlen(value) + 1;
    }
}

/* RFC 9110 15.4: an answer that a client follows to another place. */
static bool locust__exchange_redirects(
    const locust__client *c, const locust__exchange *x, int status)
{
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return moved && !x->req->no_redirect && strcmp(x->method, "HEAD") != 0 &&
           locust__exchange_field(c, "location");
}

/* Reads a Digest challenge to answer; false: there is none, or it was answered in vain. */
LOCUST__APART static bool locust__exchange_challenged(
    locust__client *c, locust__exchange *x, int status)
{
    const char *p = c->block.ptr + c->fields_at;
    locust__digest fresh, *d = x->digest;
    bool stale = false, found = false;
    if (status != 401 || !x->credentials || x->req->bearer || (x->req->body_fn && !x->dropped) ||
        (locust__head_out_given(c, x, "authorization") && !x->foreign))
        return false;
    while (*p && !found) {
        const char *value = p + strlen(p) + 1;
        found = strcasecmp(p, "www-authenticate") == 0 &&
                locust__auth_find_digest(locust__view_of(value), &fresh, &stale);
        p = value + strlen(value) + 1;
    }
    if (!found || (d && !stale && d->uses <= 1) || x->challenges++ == 2)
        return false; // these credentials were refused
    if (!d) {
        d = locust__memory_zalloc(sizeof *d);
        if (!d)
            return false;
        d->next = c->session->digests;
        c->session->digests = d;
    }
    fresh.next = d->next;
    fresh.origin = x->origin;
    *d = fresh;
    return true;
}

/* Reads the answer's body to where it belongs. */
static locust_error locust__exchange_get(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t budget, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    enum locust__body kind = locust__response_head_body(h, strcmp(x->method, "HEAD") == 0);
    const char *coding = NULL;
    locust_error error;
    bool passes, whole;
    c->fields_at = x->response_at + strlen(c->block.ptr + x->response_at) + 1;
    *body_at = c->block.len;
    passes = locust__exchange_redirects(c, x, h->status) || (h->status == 401 && x->credentials);
    if (LOCUST__WITH_ZLIB)
        coding = locust__exchange_field(c, "content-encoding");
    // Only the last answer goes to the test's functions.
    if (passes || !(x->req->on_body || x->req->on_event || coding)) {
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, NULL, budget, x->deadline_ns);
        x->body_out.total = c->block.len - *body_at;
        whole = !error;
    } else {
        locust__body_out_open(&x->body_out, x->req, coding, &c->block);
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, &x->body_out.sink, budget, x->deadline_ns);
        whole = !error; // a test that has enough leaves the rest unread, which is no error below
        error = locust__body_out_close(&x->body_out, error);
    }
    *reusable = whole && !error && !s->in_len && locust__http_persists(&h->framing, kind);
    if (!error && !locust__buf_reserve_tight(&c->block, 1))
        error = LOCUST_ERR_MEMORY;
    if (!error)
        c->block.ptr[c->block.len] = '\0';
    return error;
}

/* Until when the answer took; the rest of the time is the generator's own. */
static void locust__exchange_clock(locust__client *c, locust__exchange *x, locust_error error)
{
    const locust_stream *s = &x->conn->stream;
    locust_phases *phases = &c->response.phases;
    c->ended_ns = locust__loop_clock(s->net->loop);
    // (A clock that was set meanwhile tells nothing.)
    if (!error && s->arrived_ns > x->start_ns && s->arrived_ns < c->ended_ns) {
        locust__loop_count_late(s->net->loop, c->ended_ns - s->arrived_ns);
        c->ended_ns = s->arrived_ns;
    } else if (!error) { // it came since the poll before the last: at most a turn ago
        locust__loop_count_late(s->net->loop, s->net->loop->turn_ns);
    }
    if (x->first_ns < x->sent_ns || x->first_ns > c->ended_ns)
        x->first_ns = c->ended_ns;
    phases->wait_ms = (double)(x->first_ns - x->sent_ns) / 1e6;
    phases->receive_ms = (double)(c->ended_ns - x->first_ns) / 1e6;
}

/* Sends the request and reads the answer on the connection as it is. */
static locust_error locust__exchange_run(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    size_t budget = LOCUST_MAX_HEADER;
    bool refused = false;
    locust_error sent, error = LOCUST_OK;
    x->first_ns = 0;
    if (locust__upload_wanted(x->req) && !x->dropped)
        error = locust__upload_open(&x->upload, x->req, locust__random(&c->services->loop->random));
    sent = error ? error : locust__exchange_put(c, x, h, &budget, &refused);
    if (x->upload.open)
        locust__upload_close(&x->upload);
    error = sent;
    // A server may refuse a body half-way, with an answer that says why: look for it.
    if (x->sent_ns && (sent == LOCUST_OK || sent == LOCUST_ERR_PIPE || sent == LOCUST_ERR_RESET)) {
        error = refused ? LOCUST_OK
                        : locust__receive_final(&x->conn->stream, h, &c->block, x->response_at,
                              &budget, &x->first_ns, x->deadline_ns);
        if (!error)
            error = locust__exchange_get(c, x, h, budget, body_at, reusable);
        if (sent || refused)
            *reusable = false;
        if (sent && error)
            error = sent;
    }
    if (x->sent_ns)
        locust__exchange_clock(c, x, error);
    return error;
}

/* RFC 9110 9.2.2 */
static bool locust__exchange_is_idempotent(const locust__exchange *x)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(x->method, methods[i]) == 0)
            return !x->req->body_fn || x->dropped;
    return false;
}

/* The server closed a kept connection before the first byte of an answer, interim ones included. */
static bool locust__exchange_was_stale(
    const locust_stream *s, locust_error error, const locust__response_head *h)
{
    return h->status == 0 && !s->in_len &&
           (error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
               error == LOCUST_ERR_PIPE);
}

static locust_error locust__exchange_on(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    int limit = c->cls->max_requests;
    bool reusable = false;
    locust_error error = LOCUST_OK;
    // Bytes or a close that came while the connection was idle are not the answer to the next
    // request.
    bool reuse = locust__stream_is_open(s) && locust__stream_is_quiet(s);
    c->response.reused = reuse;
    memset(&c->response.phases, 0, sizeof c->response.phases);
    if (!reuse)
        error = locust__exchange_connect(c, x);
    if (!error)
        error = locust__exchange_run(c, x, h, body_at, &reusable);
    if (reuse && locust__exchange_was_stale(s, error, h) && locust__exchange_is_idempotent(x)) {
        c->response.reused = false;
        c->ended_ns = 0;
        error = locust__exchange_connect(c, x);
        if (!error)
            error = locust__exchange_run(c, x, h, body_at, &reusable);
    }
    x->conn->served++;
    if (!reusable || (limit > 0 && x->conn->served >= limit) || locust__head_out_closes(c, x))
        locust__stream_close(s);
    else
        locust__stream_settle(s); // gives back what a head in pieces had taken
    return error;
}

static locust_error locust__exchange_try(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    int64_t own_ns = 0;
    locust_error error = locust__conns_take(
        c->session->conns, &c->services->network, x->origin, &x->conn, &x->deadline_ns, &own_ns);
    if (error)
        return error;
    if (x->started)
        x->start_ns += own_ns;
    error = locust__exchange_on(c, x, h, body_at);
    locust__conns_give(c->session->conns, &c->services->network, x->conn);
    if (LOCUST__WITH_COOKIES && !error && h->cookies && !c->cls->no_cookies)
        locust__exchange_take_cookies(c, x);
    return error;
}
