/* ============================================================================================
 * >>exchange  one exchange on a connection
 *
 * Purpose     takes a connection, sends the request, reads the response; once more on a new
 *             connection if the server had closed the kept one.
 * Invariants  a connection is given back open only if the response is complete, nothing came behind
 *             it, and neither side wants to close.
 * Names       locust__exchange_
 * Uses        >>co >>loop >>stream >>allowance >>head >>response_head >>receive >>cookie
 *             >>auth >>upload >>body_out >>route >>manners >>services >>pool >>dial >>client
 *             >>head_out
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries), RFC 9110 10.1.1 (Expect).
 * ============================================================================================ */

static locust__manners *locust__exchange_manners(const locust__client *c, const locust__exchange *x)
{
    return locust__manners_of(&c->services->manners, &c->services->arena, x->origin);
}

/* Reads the clock right before the first byte is sent, or before the first connect. The deadline of
 * the request was set by the loop's last reading, which spared one (see locust__request_send); the
 * first reading moves it by the time between. */
static int64_t locust__exchange_begin(locust__loop *loop, locust__exchange *x)
{
    int64_t before_ns = loop->clock_ns, now = locust__loop_clock(loop);
    if (!x->started) {
        x->deadline_ns = locust__time_after(x->deadline_ns, now - before_ns);
    } else { // the last hop's answer was read that late, so this hop is
        x->late_ns += x->tail_ns;
        x->tail_ns = 0;
    }
    return now;
}

/* Counts a connection that was opened. One through a proxy was opened to something else. */
LOCUST__APART static void locust__exchange_opened(
    const locust__client *c, const locust__exchange *x, const locust__route *route, int64_t took_ns)
{
    locust__manners *m = locust__exchange_manners(c, x);
    if (m)
        locust__manners_opened(
            m, locust__route_proxy(route, &c->services->proxies, x->origin) ? 0 : took_ns);
}

/* Connects anew, and counts what that took. */
LOCUST__COLD static locust_error locust__exchange_connect(
    locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    int64_t began_ns = locust__exchange_begin(c->services->loop, x);
    locust__route route = *c->route;
    locust_phases *phases = &c->response.phases;
    locust__allowance allowance = {x->deadline_ns, 0};
    locust__dial took;
    locust_error error;
    if (c->session->cert_file || c->session->key_file) {
        route.tls.cert_file = c->session->cert_file;
        route.tls.key_file = c->session->key_file;
    }
    error = locust__dial_open(x->conn, c->services, &route, &allowance, &took);
    x->late_ns += x->conn->stream.late_ns; // each of its round trips waits for the one before
    x->deadline_ns = allowance.deadline_ns;
    x->start_ns = (x->started ? x->start_ns : began_ns) + allowance.generator_ns;
    x->started = true;
    c->services->counts.waited_ns += allowance.generator_ns;
    phases->name_ms = (double)took.name_ns / 1e6;
    phases->connect_ms = (double)took.connect_ns / 1e6;
    phases->tls_ms = (double)took.tls_ns / 1e6;
    if (c->services->tls.broken)
        c->broken = c->services->tls.broken;
    if (!error)
        locust__exchange_opened(c, x, &route, took.connect_ns);
    return error;
}

/* Sends a body in pieces, until its end or until the server takes no more. */
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

/* Sends the body all the same, after a "100 Continue" did not come. That wait is the client's. */
static void locust__exchange_continue(locust__client *c, locust__exchange *x)
{
    locust__services_counts *counts = &c->services->counts;
    x->waited_ns = locust__os_now_ns() - x->sent_ns;
    x->start_ns += x->waited_ns;
    x->deadline_ns = locust__time_after(x->deadline_ns, x->waited_ns);
    counts->continues++;
    counts->waited_ns += x->waited_ns;
}

/* Waits up to a second for "100 Continue", RFC 9110 10.1.1; other interim responses do not count.
 * *refused: the server does not want the body, for the final response is there already. */
static locust_error locust__exchange_await_continue(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    int64_t until_ns = locust__os_now_ns() + LOCUST__S;
    locust_stream *s = &x->conn->stream;
    int64_t wait_ns = until_ns < x->deadline_ns ? until_ns : x->deadline_ns;
    while (h->status != 100) {
        // For bytes: what wakes the user may be a TLS session ticket, which is no answer.
        locust_error error = s->in_len ? LOCUST_OK : locust__stream_fill(s, wait_ns);
        if (error == LOCUST_ERR_TIMEOUT && wait_ns == until_ns) {
            locust__exchange_continue(c, x);
            return LOCUST_OK;
        }
        if (error)
            return locust__receive_cut(error, LOCUST_ERR_HTTP_NO_RESPONSE);
        c->block.len = x->response_at;
        error = locust__receive_head(s, h, &c->block, budget, &x->first_ns, x->deadline_ns);
        *refused = !error && h->status >= 200;
        if (error || *refused)
            return error;
    }
    return LOCUST_OK;
}

/* Sends head and body. *refused: the head of the response came before the body, and is in the
 * block. */
static locust_error locust__exchange_put(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    locust__view head;
    locust_error error = locust__head_out_build(c, x, &head);
    if (error)
        return error;
    x->sent_ns = locust__exchange_begin(s->net->loop, x);
    if (!x->started)
        x->start_ns = x->sent_ns;
    x->started = true;
    c->services->counts.sent++;
    c->services->counts.reused += c->response.reused;
    error =
        locust__stream_write(s, head, x->waits ? (locust__view){NULL, 0} : x->body, x->deadline_ns);
    if (!error && x->waits) {
        error = locust__exchange_await_continue(c, x, h, budget, refused);
        x->late_ns += locust__loop_waited_ns(s->net->loop);
        if (!error && !*refused && x->body.len)
            error = locust__stream_write(s, (locust__view){NULL, 0}, x->body, x->deadline_ns);
    }
    if (!error && x->upload.open && !*refused)
        error = locust__exchange_upload(s, x);
    return error;
}

/* Takes the cookies of the response. */
LOCUST__APART static void locust__exchange_take_cookies(
    locust__client *c, const locust__exchange *x)
{
    locust__cookie_site site = locust__head_out_site(c, x);
    const char *at = locust__client_fields(c), *name, *value;
    while (locust__http_next_copied(&at, &name, &value))
        if (strcasecmp(name, "set-cookie") == 0)
            locust__jar_take(
                &c->session->jar, &site, locust__view_of(value), locust__os_wall_ns() / LOCUST__S);
}

/* Does the response send the client to another place? RFC 9110 15.4. */
static bool locust__exchange_redirects(
    const locust__client *c, const locust__exchange *x, int status)
{
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return moved && !x->req->no_redirect && strcmp(x->method, "HEAD") != 0 &&
           locust__client_field(c, "location");
}

/* Takes the Digest challenge of a 401, for the next try. False: there is none that we can answer,
 * or the server has refused our answer to it. */
LOCUST__APART LOCUST__COLD static bool locust__exchange_challenged(
    locust__client *c, locust__exchange *x)
{
    const char *at = locust__client_fields(c), *name, *value;
    locust__digest fresh, *d = x->digest;
    bool stale = false, found = false;
    if (!x->credentials || x->req->bearer || (x->req->body_fn && !x->dropped) ||
        (locust__head_out_given(c, x, "authorization") && !x->foreign))
        return false;
    while (!found && locust__http_next_copied(&at, &name, &value))
        found = strcasecmp(name, "www-authenticate") == 0 &&
                locust__auth_find_digest(locust__view_of(value), &fresh, &stale);
    if (!found || (d && !stale && d->uses <= 1) || x->challenges++ == 2)
        return false; // the server wants other credentials
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

/* A body that ends with the connection is cut if that was reset, even where the send was told so
 * and the read then found a plain end. */
static locust_error locust__exchange_cut(
    const locust__exchange *x, enum locust__body kind, locust_error error)
{
    return !error && kind == LOCUST__BODY_CLOSE && x->put_error == LOCUST_ERR_RESET
               ? LOCUST_ERR_HTTP_BODY_RESET
               : error;
}

/* Says where in the block, which ends with a head, its fields begin, and the body. */
static void locust__exchange_find(
    locust__client *c, const locust__exchange *x, const locust__response_head *h, size_t *body_at)
{
    c->fields_at = x->response_at + h->reason_len;
    *body_at = c->block.len;
}

/* Ends what came of an answer, which from here on the test may see. */
static locust_error locust__exchange_keep(locust__client *c, locust__exchange *x)
{
    if (!locust__buf_reserve_tight(&c->block, 1))
        return LOCUST_ERR_MEMORY;
    c->block.ptr[c->block.len] = '\0';
    x->answered = true;
    return LOCUST_OK;
}

/* Counts a connection that cannot go on, for bytes that no request had asked for. A server that
 * answers a HEAD with a body does so every time: its connections carry no request after a HEAD. */
static void locust__exchange_count_stray(locust__client *c, locust__exchange *x, bool after_head)
{
    c->services->counts.strays++;
    c->services->counts.head_bodies += after_head;
    x->origin->heads_have_bodies |= after_head;
}

/* Reads the body of the response: into the block, or to the test's functions. What came of it stays
 * if it is cut. */
static locust_error locust__exchange_get(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t budget, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    enum locust__body kind;
    const char *coding = NULL;
    locust_error error, kept;
    bool passes, whole;
    x->to_head = strcmp(x->method, "HEAD") == 0;
    kind = locust__response_head_body(h, x->to_head);
    locust__exchange_find(c, x, h, body_at);
    passes = locust__exchange_redirects(c, x, h->status) || (h->status == 401 && x->credentials);
    if (LOCUST__WITH_ZLIB && h->coded)
        coding = locust__client_field(c, "content-encoding");
    // The test's functions get the body of the last response alone.
    if (passes || !(x->req->on_body || x->req->on_event || x->flow || coding)) {
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, NULL, budget, x->deadline_ns);
        x->body_out.total = c->block.len - *body_at;
        error = locust__exchange_cut(x, kind, error);
        whole = !error;
    } else {
        locust__body_out_open(&x->body_out, x->req, NULL, &c->block);
        if (x->flow)
            x->flow->kind->open(x->flow, h);
        for (const char *at = locust__client_fields(c), *name, *value;
             coding && locust__http_next_copied(&at, &name, &value);)
            if (strcasecmp(name, "content-encoding") == 0) // a list may have several fields
                locust__body_out_add(&x->body_out, value);
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, &x->body_out.sink, budget, x->deadline_ns);
        error = locust__exchange_cut(x, kind, error);
        whole = !error; // a test that has enough leaves the rest unread, which is no error below
        error = locust__body_out_close(&x->body_out, error);
    }
    if (whole && s->in_len)
        locust__exchange_count_stray(c, x, x->to_head);
    *reusable = whole && !error && !s->in_len && locust__http_persists(&h->framing, kind);
    kept = locust__exchange_keep(c, x);
    return error ? error : kept;
}

/* Counts an answer that came with a pause in it. */
LOCUST__APART static void locust__exchange_paused(
    const locust__client *c, const locust__exchange *x)
{
    locust_stream *s = &x->conn->stream;
    locust__manners *m = s->pause_ns && !x->flow ? locust__exchange_manners(c, x) : NULL;
    if (m)
        locust__manners_paused(m, s->pause_ns, c->ended_ns - x->first_ns);
    s->pause_ns = 0;
}

/* Ends the time of the request: when the last byte arrived at this machine. What came after that is
 * the generator's lateness. */
static void locust__exchange_clock(locust__client *c, locust__exchange *x, locust_error error)
{
    const locust_stream *s = &x->conn->stream;
    locust_phases *phases = &c->response.phases;
    int64_t sent_ns = x->sent_ns + x->waited_ns;
    c->ended_ns = locust__loop_clock(s->net->loop);
    // The kernel's time of arrival is by the wall clock: out of bounds if that was set meanwhile.
    if (!error && s->arrived_ns > x->start_ns && s->arrived_ns < c->ended_ns) {
        x->tail_ns = c->ended_ns - s->arrived_ns;
        locust__loop_count_late(s->net->loop, x->tail_ns);
        c->ended_ns = s->arrived_ns;
    } else if (!error) {
        // The kernel did not say when: no sooner than that.
        int64_t late_ns = locust__loop_waited_ns(s->net->loop);
        locust__loop_count_late(s->net->loop, late_ns);
        x->late_ns += late_ns;
    }
    if (x->first_ns < sent_ns || x->first_ns > c->ended_ns)
        x->first_ns = c->ended_ns;
    phases->wait_ms = (double)(x->first_ns - sent_ns) / 1e6;
    phases->receive_ms = (double)(c->ended_ns - x->first_ns) / 1e6;
    if (c->ended_ns - x->first_ns >= 10 * LOCUST__MS)
        locust__exchange_paused(c, x);
}

/* May the request be sent twice? RFC 9110 9.2.2; a body from a function cannot. */
static bool locust__exchange_is_idempotent(const locust__exchange *x)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(x->method, methods[i]) == 0)
            return !x->req->body_fn || x->dropped;
    return false;
}

/* Was that no answer to this request? It began before the request was sent, or it is not even HTTP:
 * on a kept connection that is what the server had to say to another one, or to none. */
static bool locust__exchange_is_stray(const locust__client *c, const locust__exchange *x,
    const locust__response_head *h, locust_error error)
{
    locust__loop *loop = c->services->loop;
    int64_t epoch_ns = loop->epoch_ns;
    if (error == LOCUST_ERR_HTTP_VERSION && !h->status)
        return true;
    if (!x->first_ns || x->first_ns >= x->sent_ns)
        return false;
    // The kernel's time is by the wall clock: was that set meanwhile?
    locust__loop_compare_clocks(loop);
    return x->first_ns + epoch_ns - loop->epoch_ns < x->sent_ns;
}

static locust_error locust__exchange_drop(locust__receive_sink *sink, const char *bytes, size_t n)
{
    (void)sink;
    (void)bytes;
    (void)n;
    return LOCUST_OK;
}

/* After what is no answer to this request. One that may be sent twice is, on a new connection. For
 * another one the body that a server sent behind its answer to a HEAD is skipped, if that said how
 * long it is. */
LOCUST__APART LOCUST__COLD static locust_error locust__exchange_pass_stray(locust__client *c,
    locust__exchange *x, locust__response_head *h, size_t *budget, locust_error error) LOCUST__PARKS
{
    locust__receive_sink sink = {locust__exchange_drop};
    locust__conn *conn = x->conn;
    bool of_head = conn->after_head && error == LOCUST_ERR_HTTP_VERSION;
    locust__exchange_count_stray(c, x, of_head);
    if (!of_head || conn->unsent == LOCUST__BODY_CLOSE || locust__exchange_is_idempotent(x))
        return LOCUST_ERR_HTTP_STRAY;
    error = locust__receive_body(&conn->stream, conn->unsent, conn->unsent_len, &c->block, &sink,
        LOCUST_MAX_HEADER, x->deadline_ns);
    x->first_ns = 0;
    if (error)
        return error == LOCUST_ERR_CANCELLED || error == LOCUST_ERR_TIMEOUT ? error
                                                                            : LOCUST_ERR_HTTP_STRAY;
    error = locust__receive_final(
        &conn->stream, h, &c->block, x->response_at, budget, &x->first_ns, x->deadline_ns);
    return error == LOCUST_ERR_HTTP_VERSION ? LOCUST_ERR_HTTP_STRAY : error;
}

/* Did the read find an end and nothing else? Then why the send failed says more. */
static bool locust__exchange_says_nothing(locust_error error)
{
    return error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
           error == LOCUST_ERR_PIPE || error == LOCUST_ERR_TIMEOUT;
}

/* Sends the request and reads the response on the open connection. */
static locust_error locust__exchange_run(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    size_t budget = LOCUST_MAX_HEADER;
    bool refused = false;
    locust_error error = LOCUST_OK;
    x->first_ns = x->waited_ns = 0;
    x->answered = false;
    if (!x->begun) {
        if (locust__upload_wanted(x->req) && !x->dropped)
            error =
                locust__upload_open(&x->upload, x->req, locust__random(&c->services->loop->random));
        x->put_error = error ? error : locust__exchange_put(c, x, h, &budget, &refused);
        if (x->upload.open)
            locust__upload_close(&x->upload);
        x->awaited = LOCUST_OK;
    }
    x->begun = false;
    error = x->put_error;
    // A server may refuse a body half-way, with a response that says why.
    if (x->sent_ns && (!error || error == LOCUST_ERR_PIPE || error == LOCUST_ERR_RESET)) {
        error = refused || x->awaited ? x->awaited
                                      : locust__receive_final(&x->conn->stream, h, &c->block,
                                            x->response_at, &budget, &x->first_ns, x->deadline_ns);
        if (c->response.reused && locust__exchange_is_stray(c, x, h, error))
            error = locust__exchange_pass_stray(c, x, h, &budget, error);
        if (!error)
            error = locust__exchange_get(c, x, h, budget, body_at, reusable);
        if (error == LOCUST_ERR_HTTP_UPGRADE) { // has a status and no body
            x->body_out.total = 0;
            locust__exchange_find(c, x, h, body_at);
            locust__exchange_keep(c, x);
        }
        if (x->put_error || refused)
            *reusable = false;
        if (x->put_error && !x->answered && locust__exchange_says_nothing(error))
            error = x->put_error;
    }
    if (x->sent_ns)
        locust__exchange_clock(c, x, error);
    return error;
}

/* Did the server close a kept connection before the first byte of a response, interim ones
 * included? Or was what came no answer to this request? */
static bool locust__exchange_was_stale(
    const locust_stream *s, locust_error error, const locust__response_head *h)
{
    return error == LOCUST_ERR_HTTP_STRAY ||
           (h->status == 0 && !s->in_len &&
               (error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
                   error == LOCUST_ERR_PIPE));
}

/* Is what lies on an idle connection a 408, RFC 9110 15.5.9? Of a layered stream the first byte is
 * gone. */
static bool locust__exchange_timed_out(locust_stream *s)
{
    char text[32] = "", *status;
    size_t got = 0;
    if (s->layer) {
        s->layer->recv(s->layer, text, sizeof text - 1, &got);
    } else {
        ssize_t n = recv(s->fd.watch.fd, text, sizeof text - 1, MSG_PEEK);
        got = n > 0 ? (size_t)n : 0;
    }
    text[got] = '\0';
    status = strchr(text, ' ');
    return status && strncmp(status, " 408", 4) == 0;
}

/* Counts a kept connection that is of no use any more: the server closed it, or said something
 * unasked. `sent`: a request found that out. Returns whether a 408 explains it. */
LOCUST__APART LOCUST__COLD static bool locust__exchange_lost(
    const locust__client *c, const locust__exchange *x, bool sent)
{
    locust_stream *s = &x->conn->stream;
    locust__manners *m = locust__exchange_manners(c, x);
    int64_t at_ns = s->fd.hup_ns ? s->fd.hup_ns : locust__os_now_ns();
    if (m && locust__exchange_timed_out(s)) {
        m->n[LOCUST__MANNER_408]++;
        return true;
    }
    if (m && (s->fd.watch.hup || sent))
        locust__manners_closed(m, x->conn->served, at_ns - x->conn->idle_ns);
    return false;
}

/* How long a request waits before it counts as left alone: it may be slow, but not as slow as that.
 */
static int64_t locust__exchange_patience(const locust__client *c)
{
    int64_t longest_ns = c->services->recorder.stats->total.max_ns;
    return 2 * longest_ns > LOCUST__S ? 2 * longest_ns : LOCUST__S;
}

/* Counts what the server, and not the test, did to a connection that is not kept. */
LOCUST__APART static void locust__exchange_ended(const locust__client *c, const locust__exchange *x,
    const locust__response_head *h, locust_error error)
{
    locust_stream *s = &x->conn->stream;
    bool silent = h->status == 0 && !s->in_len, sent = locust__stream_is_open(s) && x->sent_ns;
    bool first = x->conn->served == 1;
    locust__manners *m = locust__exchange_manners(c, x);
    if (!m)
        return;
    if (error == LOCUST_ERR_RESET && !locust__stream_is_open(s)) // before the connect was noticed
        m->n[LOCUST__MANNER_OPENED]++;
    if (!error && h->status == 503 && first && h->framing.close)
        locust__manners_shut(m, s->net->open);
    else if (!error && h->status < 400 && !locust__head_out_closes(c, x) &&
             !locust__http_persists(&h->framing, locust__response_head_body(h, x->to_head)))
        locust__manners_closed(m, x->conn->served, 0);
    else if (silent && first &&
             (error == LOCUST_ERR_RESET ||
                 (sent && (error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_PIPE))))
        locust__manners_shut(m, s->net->open + !locust__stream_is_open(s));
    else if (silent && sent && (error == LOCUST_ERR_TIMEOUT || error == LOCUST_ERR_CANCELLED) &&
             c->ended_ns - x->sent_ns >=
                 (error == LOCUST_ERR_TIMEOUT ? LOCUST__S : locust__exchange_patience(c)))
        locust__manners_silent(m, c->ended_ns - x->sent_ns);
}

/* One exchange on x->conn, connecting where needed. */
static locust_error locust__exchange_on(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    int limit = c->cls->max_requests;
    bool reusable = false;
    locust_error error = LOCUST_OK;
    // Bytes or a close that came while the connection was idle do not answer the next request.
    bool open = locust__stream_is_open(s), fresh = open && !x->conn->served;
    bool reuse = x->begun || (open && locust__stream_is_quiet(s));
    c->response.reused = reuse && !fresh;
    if (open && !reuse && !locust__exchange_lost(c, x, false) && s->stray)
        locust__exchange_count_stray(c, x, x->conn->after_head);
    if (!fresh) // else >>h2_talk opened it for this request, and HTTP/1.1 was chosen
        memset(&c->response.phases, 0, sizeof c->response.phases);
    if (!reuse)
        error = locust__exchange_connect(c, x);
    if (!error)
        error = locust__exchange_run(c, x, h, body_at, &reusable);
    if (reuse && error && locust__exchange_was_stale(s, error, h)) {
        if (error != LOCUST_ERR_HTTP_STRAY)
            locust__exchange_lost(c, x, true);
        if (locust__exchange_is_idempotent(x)) {
            c->response.reused = false;
            c->ended_ns = 0;
            memset(h, 0, sizeof *h);
            error = locust__exchange_connect(c, x);
            c->services->counts.again += !error;
            if (!error)
                error = locust__exchange_run(c, x, h, body_at, &reusable);
        }
    }
    x->conn->served++;
    if (!reusable)
        locust__exchange_ended(c, x, h, error);
    x->conn->after_head = x->to_head;
    if (x->to_head) {
        x->conn->unsent = locust__response_head_body(h, false);
        x->conn->unsent_len = h->framing.length;
        reusable = reusable && !x->origin->heads_have_bodies;
    }
    if (!reusable || (limit > 0 && x->conn->served >= limit) || locust__head_out_closes(c, x)) {
        locust__stream_close(s);
    } else {
        x->conn->idle_ns = c->ended_ns;
        locust__stream_settle(s); // frees the memory that a head in pieces took
    }
    return error;
}

/* Waits for a connection of the pool that the users of the class share. */
static locust_error locust__exchange_wait(locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    locust__allowance allowance = {x->deadline_ns, 0};
    locust_error error = locust__conns_wait(c->session->conns, c->services, x->origin, &allowance);
    x->deadline_ns = allowance.deadline_ns;
    if (x->started)
        x->start_ns += allowance.generator_ns;
    c->services->counts.waited_ns += allowance.generator_ns;
    return error;
}

/* One exchange: takes a connection to the origin and gives it back. */
static locust_error locust__exchange_once(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    locust__conns *conns = c->session->conns;
    locust_error error = conns->limit ? locust__exchange_wait(c, x) : LOCUST_OK;
    if (!error && !x->begun)
        error = locust__conns_take(conns, c->services, x->origin, &x->conn);
    if (error)
        return error;
    error = locust__exchange_on(c, x, h, body_at);
    locust__conns_give(conns, c->services, x->conn);
    if (LOCUST__WITH_COOKIES && x->answered && h->cookies && !c->cls->no_cookies)
        locust__exchange_take_cookies(c, x);
    return error;
}

/* What another version of HTTP brings: see >>h2. */
struct locust_http2_engine {
    locust_error (*exchange)(
        locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at);
};

/* One exchange, by the version of the class. */
static locust_error locust__exchange_try(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    const struct locust_http2_engine *http2 = c->route->http2;
    return http2 ? http2->exchange(c, x, h, body_at) : locust__exchange_once(c, x, h, body_at);
}
