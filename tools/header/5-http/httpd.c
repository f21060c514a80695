/* ============================================================================================
 * >>httpd  the server's half of HTTP/1.1
 *
 * Purpose     serves what a program has to show of itself: takes connections, reads requests, has
 *             them answered, and keeps connections for the next request.
 * Invariants  whoever connects takes no more than these limits allow: LOCUST__HTTPD_CALLERS
 *             connections; a head of 16 KB in ten seconds, a body of a megabyte in thirty; an
 *             answer that is taken at all, in two minutes. One more than the limit takes the place
 *             of the one that has kept the server waiting longest, whatever for; so 10,000 that say
 *             nothing keep out nobody who says something.
 *             What cannot be read as a request is answered once, and the connection closed.
 * Cost        a coroutine and its stack for each connection; buffers while a request is in work.
 * Names       locust__httpd locust__httpd_ locust__served
 * Uses        >>co >>switch >>fd >>sync >>address >>net >>stream >>listen >>head
 *             >>request_head >>receive
 * Sources     RFC 9112 (messages, persistence, pipelining); RFC 9110 10.1.1 (Expect), 15.
 * Limits      pipelined requests are answered in order, one after the other.
 * ============================================================================================ */

enum {
    LOCUST__HTTPD_CALLERS = 256,
    LOCUST__HTTPD_HEAD = 16384,
    LOCUST__HTTPD_BODY = 1 << 20,
    LOCUST__HTTPD_HEAD_S = 10,
    LOCUST__HTTPD_BODY_S = 30,
    LOCUST__HTTPD_IDLE_S = 75,
    LOCUST__HTTPD_ANSWER_S = 120,
    LOCUST__HTTPD_PIECE = 65536, // of an answer, that is to be taken
    LOCUST__HTTPD_PIECE_S = 20,  // in so many seconds
};

typedef struct locust__served { // a request and its answer, while it is in work
    locust__request_head head;
    locust__buf kept, body; // the head's texts; the request's body, with a '\0' behind
    int status;
    const char *type;   // of the answer's body; NULL: there is none
    locust__buf fields; // more lines for the head, each with its CRLF
    locust__buf text;   // the answer's body
    locust__view fixed; // ... or one that lasts; `text` is empty then
    bool close;         // the connection ends with it
} locust__served;

typedef struct locust__httpd_caller { // one connection
    struct locust__httpd_caller *next;
    struct locust__httpd *serve;
    locust_stream stream;
    locust__co *co;
    int64_t since_ns; // since when it keeps us waiting; 0: we keep it waiting
} locust__httpd_caller;

typedef struct locust__httpd {
    locust__net *net;
    locust__fd listener;
    locust__wait_group group;
    locust__httpd_caller *callers;
    int n_callers;
    /* Puts a layer on a new connection; NULL: none. False: it is to be closed. */
    bool (*secure)(void *arg, locust_stream *s, int64_t deadline_ns);
    /* Answers a request. May park. */
    void (*answer)(void *arg, locust__served *x);
    void *arg;
    uint64_t dropped; // connections that had to make room
} locust__httpd;

/* The reason for a status, in the form in which Locust's server writes it. */
LOCUST__COLD static const char *locust__httpd_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"}, {201, "CREATED"}, {204, "NO CONTENT"}, {206, "PARTIAL CONTENT"},
        {302, "FOUND"}, {304, "NOT MODIFIED"}, {308, "PERMANENT REDIRECT"}, {400, "BAD REQUEST"},
        {401, "UNAUTHORIZED"}, {403, "FORBIDDEN"}, {404, "NOT FOUND"}, {405, "METHOD NOT ALLOWED"},
        {408, "REQUEST TIMEOUT"}, {413, "CONTENT TOO LARGE"}, {416, "RANGE NOT SATISFIABLE"},
        {417, "EXPECTATION FAILED"}, {421, "MISDIRECTED REQUEST"},
        {431, "REQUEST HEADER FIELDS TOO LARGE"}, {500, "INTERNAL SERVER ERROR"},
        {501, "NOT IMPLEMENTED"}, {503, "SERVICE UNAVAILABLE"}, {505, "VERSION NOT SUPPORTED"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "OTHER";
}

/* Sends bytes, piece by piece. */
LOCUST__COLD static locust_error locust__httpd_send(
    locust__httpd_caller *l, locust__view head, locust__view body) LOCUST__PARKS
{
    int64_t end_ns = locust__os_now_ns() + LOCUST__HTTPD_ANSWER_S * LOCUST__S;
    locust_error error = LOCUST_OK;
    while (!error && (head.len || body.len)) {
        size_t n = body.len < LOCUST__HTTPD_PIECE ? body.len : LOCUST__HTTPD_PIECE;
        int64_t now_ns = locust__os_now_ns();
        int64_t piece_ns = now_ns + LOCUST__HTTPD_PIECE_S * LOCUST__S;
        l->since_ns = now_ns;
        error = locust__stream_write(
            &l->stream, head, (locust__view){body.ptr, n}, piece_ns < end_ns ? piece_ns : end_ns);
        head.len = 0;
        if (n)
            body = locust__view_skip(body, n);
    }
    l->since_ns = 0;
    return error;
}

/* Writes the date of now, RFC 9110 5.6.7. */
LOCUST__COLD static void locust__httpd_date(char *out, size_t size)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(locust__os_wall_ns() / LOCUST__S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, size, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
        tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

typedef struct locust__httpd_head { // arguments of a call on the loop's stack
    locust__served *x;
    locust__buf out;
} locust__httpd_head;

LOCUST__COLD static void locust__httpd_head_call(void *arg)
{
    locust__httpd_head *a = arg;
    const locust__served *x = a->x;
    size_t n = x->fixed.len ? x->fixed.len : x->text.len;
    char date[64];
    locust__httpd_date(date, sizeof date);
    locust__buf_printf(&a->out, "HTTP/1.1 %d %s\r\n", x->status, locust__httpd_reason(x->status));
    if (x->type)
        locust__buf_printf(&a->out, "Content-Type: %s\r\n", x->type);
    if (x->status != 304 && x->status != 204)
        locust__buf_printf(&a->out, "Content-Length: %zu\r\n", n);
    locust__buf_add(&a->out, x->fields.ptr, x->fields.len);
    if (x->close)
        locust__buf_puts(&a->out, "Connection: close\r\n");
    else if (x->head.framing.minor == 0)
        locust__buf_puts(&a->out, "Connection: keep-alive\r\n");
    locust__buf_printf(&a->out, "Date: %s\r\n\r\n", date);
}

/* Sends the answer. */
LOCUST__COLD static locust_error locust__httpd_reply(
    locust__httpd_caller *l, locust__served *x) LOCUST__PARKS
{
    locust__httpd_head a = {x, {NULL, 0, 0, false}};
    locust__view body = x->fixed.len ? x->fixed : (locust__view){x->text.ptr, x->text.len};
    locust_error error;
    if (x->text.failed || x->fields.failed) { // half an answer is none
        locust__buf_free(&x->text);
        locust__buf_free(&x->fields);
        x->fixed = body = (locust__view){"out of memory\n", 14};
        x->status = 500;
        x->type = "text/plain; charset=utf-8";
    }
    if ((x->head.method && strcmp(x->head.method, "HEAD") == 0) || x->status == 304)
        body.len = 0;
    locust__co_call(l->stream.net->loop, locust__httpd_head_call, &a);
    error = a.out.failed ? LOCUST_ERR_MEMORY
                         : locust__httpd_send(l, (locust__view){a.out.ptr, a.out.len}, body);
    locust__buf_free(&a.out);
    return error;
}

/* Answers what is no request, and has the connection closed. */
LOCUST__COLD static void locust__httpd_refuse(
    locust__httpd_caller *l, locust__served *x, int status, const char *why) LOCUST__PARKS
{
    x->status = status;
    x->type = "text/plain; charset=utf-8";
    x->fixed = locust__view_of(why);
    x->close = true;
    locust__httpd_reply(l, x);
}

/* Reads a head. False: there is none, and what was to be said was said. */
LOCUST__COLD static bool locust__httpd_read_head(
    locust__httpd_caller *l, locust__served *x) LOCUST__PARKS
{
    locust_stream *s = &l->stream;
    size_t scanned = 0, n = 0;
    int64_t deadline_ns = locust__os_now_ns() + LOCUST__HTTPD_IDLE_S * LOCUST__S;
    enum locust__request_head_status status;
    for (l->since_ns = locust__os_now_ns();;) {
        bool begun = s->in_len > 0;
        locust_error error;
        while (s->in_len && !scanned && (*s->in == '\r' || *s->in == '\n'))
            locust__stream_take(s, 1); // RFC 9112 2.2: empty lines before a request
        n = locust__http_head_end(s->in, s->in_len, &scanned);
        if (n || s->in_len > LOCUST__HTTPD_HEAD)
            break;
        error = locust__stream_fill(s, deadline_ns);
        if (error == LOCUST_ERR_TIMEOUT && begun)
            locust__httpd_refuse(l, x, 408, "the head of a request has to come in 10 seconds\n");
        if (error)
            return false;
        if (!begun)
            deadline_ns = locust__os_now_ns() + LOCUST__HTTPD_HEAD_S * LOCUST__S;
    }
    l->since_ns = 0;
    if (!n || n > LOCUST__HTTPD_HEAD) {
        locust__httpd_refuse(l, x, 431, "the head of a request may have 16 KB\n");
        return false;
    }
    status = locust__request_head_parse(s->in, n, &x->head, &x->kept);
    locust__stream_take(s, n);
    if (!status)
        return true;
    x->head.method = NULL;
    locust__httpd_refuse(l, x, (int)status,
        status == LOCUST__REQUEST_HEAD_VERSION ? "this server speaks HTTP/1.1\n"
                                               : "this is no request of HTTP/1.1\n");
    return false;
}

typedef struct locust__httpd_sink { // takes a body up to the limit
    locust__receive_sink sink;      // first
    locust__buf *body;
} locust__httpd_sink;

LOCUST__COLD static locust_error locust__httpd_take(
    locust__receive_sink *sink, const char *bytes, size_t n)
{
    locust__buf *body = ((locust__httpd_sink *)(void *)sink)->body;
    if (n > LOCUST__HTTPD_BODY - body->len)
        return LOCUST_ERR_HTTP_BODY_SIZE;
    locust__buf_add(body, bytes, n);
    return body->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* Reads the body of a request, with a '\0' behind. False: it is not whole, and what was to be said
 * was said. */
LOCUST__COLD static bool locust__httpd_read_body(
    locust__httpd_caller *l, locust__served *x) LOCUST__PARKS
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const locust__http_framing *f = &x->head.framing;
    locust__httpd_sink sink = {{locust__httpd_take}, &x->body};
    enum locust__body kind = f->chunked ? LOCUST__BODY_CHUNKED
                             : f->sized ? LOCUST__BODY_SIZED
                                        : LOCUST__BODY_NONE;
    locust_error error = LOCUST_OK;
    if (f->sized && f->length > LOCUST__HTTPD_BODY)
        error = LOCUST_ERR_HTTP_BODY_SIZE;
    else if (x->head.expects && !l->stream.in_len)
        error = locust__httpd_send(l, locust__view_of(go_on), (locust__view){"", 0});
    l->since_ns = locust__os_now_ns();
    if (!error)
        error = locust__receive_body(&l->stream, kind, f->length, &x->body, &sink.sink,
            LOCUST__HTTPD_HEAD, l->since_ns + LOCUST__HTTPD_BODY_S * LOCUST__S);
    l->since_ns = 0;
    if (!error && (locust__buf_add(&x->body, "", 1), x->body.failed))
        error = LOCUST_ERR_MEMORY;
    if (!error) {
        x->body.len--;
        return true;
    }
    if (error == LOCUST_ERR_HTTP_BODY_SIZE)
        locust__httpd_refuse(l, x, 413, "the body of a request may have 1 MB\n");
    else if (error == LOCUST_ERR_TIMEOUT)
        locust__httpd_refuse(l, x, 408, "the body of a request has to come in 30 seconds\n");
    else if (error != LOCUST_ERR_CANCELLED && locust__stream_is_open(&l->stream))
        locust__httpd_refuse(l, x, 400, "the body of the request is not whole\n");
    return false;
}

/* One request and its answer. True: the connection may carry another. */
LOCUST__COLD static bool locust__httpd_one(locust__httpd_caller *l) LOCUST__PARKS
{
    locust__served x;
    bool more = false;
    memset(&x, 0, sizeof x);
    x.status = 200;
    if (locust__httpd_read_head(l, &x)) {
        x.close = !locust__http_persists(&x.head.framing, LOCUST__BODY_SIZED);
        if (locust__httpd_read_body(l, &x)) {
            l->serve->answer(l->serve->arg, &x);
            more = locust__httpd_reply(l, &x) == LOCUST_OK && !x.close;
        }
    }
    locust__buf_free(&x.kept);
    locust__buf_free(&x.body);
    locust__buf_free(&x.fields);
    locust__buf_free(&x.text);
    return more;
}

/* Lets the peer read what was said before the connection goes: bytes that nobody reads would have
 * it reset, RFC 9112 9.6. Not for long. */
LOCUST__COLD static void locust__httpd_linger(locust__httpd_caller *l) LOCUST__PARKS
{
    locust_stream *s = &l->stream;
    int64_t deadline_ns = locust__os_now_ns() + LOCUST__S;
    if (!locust__stream_is_open(s) || s->layer || shutdown(s->fd.watch.fd, SHUT_WR) != 0)
        return;
    l->since_ns = locust__os_now_ns();
    for (size_t seen = 0; seen < LOCUST__HTTPD_BODY; seen += s->in_len) {
        locust__stream_take(s, s->in_len);
        if (locust__stream_fill(s, deadline_ns))
            return;
    }
}

LOCUST__COLD static void locust__httpd_main(void *arg)
{
    locust__httpd_caller *l = arg, **at = &l->serve->callers;
    bool good = !l->serve->secure || l->serve->secure(l->serve->arg, &l->stream,
                                         locust__os_now_ns() + LOCUST__HTTPD_HEAD_S * LOCUST__S);
    while (good && !l->co->cancelled && locust__httpd_one(l))
        ;
    if (good && !l->co->cancelled)
        locust__httpd_linger(l);
    locust__stream_close(&l->stream);
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->serve->n_callers--;
    LOCUST_FREE(l);
}

/* Ends the connection that has kept us waiting longest. False: none does. */
LOCUST__COLD static bool locust__httpd_make_room(locust__httpd *v)
{
    locust__httpd_caller *oldest = NULL;
    for (locust__httpd_caller *l = v->callers; l; l = l->next)
        if (l->since_ns && !l->co->cancelled && (!oldest || l->since_ns < oldest->since_ns))
            oldest = l;
    if (!oldest)
        return false;
    v->dropped++;
    locust__co_cancel(v->net->loop, oldest->co);
    return true;
}

/* Starts the coroutine of a connection. False: no memory. */
LOCUST__COLD static bool locust__httpd_begin(locust__httpd_caller *l)
{
    locust__httpd *v = l->serve;
    l->since_ns = locust__os_now_ns();
    l->next = v->callers;
    v->callers = l;
    v->n_callers++;
    l->co = locust__co_start(v->net->loop, "the kit itself", 0, locust__httpd_main, l, &v->group);
    if (l->co)
        return true;
    v->callers = l->next;
    v->n_callers--;
    return false;
}

/* The coroutine that takes connections. Above the limit it takes a thousand a second at most, so
 * that a flood of them costs the test little. */
LOCUST__COLD static void locust__httpd_accept(void *arg)
{
    locust__httpd *v = arg;
    locust__loop *loop = v->net->loop;
    bool full = false;
    locust_error error = LOCUST_OK;
    while (error != LOCUST_ERR_CANCELLED) {
        locust__httpd_caller *l = locust__memory_zalloc(sizeof *l);
        if (l) {
            l->serve = v;
            error = locust__listen_accept(v->net, &v->listener, &l->stream);
            full = v->n_callers >= LOCUST__HTTPD_CALLERS && !locust__httpd_make_room(v);
            if (!error && !full && locust__httpd_begin(l))
                l = NULL;
            else if (!error)
                locust__stream_close(&l->stream);
        }
        LOCUST_FREE(l);
        full |= !l && v->n_callers >= LOCUST__HTTPD_CALLERS;
        if (!error && full &&
            locust__co_sleep(loop, locust__os_now_ns() + LOCUST__MS) == LOCUST__WAKE_CANCELLED)
            error = LOCUST_ERR_CANCELLED;
    }
    locust__fd_close(loop, &v->listener);
}

/* Starts to serve on an address; port 0 becomes the one that the system chose. */
LOCUST__COLD static locust_error locust__httpd_open(
    locust__httpd *v, locust__net *net, locust__addr *to, void *arg)
{
    locust_error error = locust__listen_open(net, &v->listener, to, LOCUST__HTTPD_CALLERS);
    v->net = net;
    v->arg = arg;
    return error;
}

/* Serves from now on, in coroutines. False: no memory. */
LOCUST__COLD static bool locust__httpd_start(locust__httpd *v)
{
    return locust__co_start(
               v->net->loop, "the kit itself", 0, locust__httpd_accept, v, &v->group) != NULL;
}

/* Ends all connections, and waits for that. */
LOCUST__COLD static void locust__httpd_stop(locust__httpd *v) LOCUST__PARKS
{
    locust__wait_group_cancel(v->net->loop, &v->group);
    locust__wait_group_join(v->net->loop, &v->group, LOCUST__NEVER);
}
