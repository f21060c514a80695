/* ============================================================================================
 * >>grpc_client  gRPC of a user
 *
 * Purpose     calls over streams of HTTP/2: messages with their prefix, deadlines, metadata, the
 *             status at the end, or at the beginning where there is nothing else.
 * Invariants  a call ends with a status, its server's or one that says what happened instead. A
 *             call that the server did nothing for goes again, unless its messages come from a
 *             function.
 * Cost        a user that has called: its last answer.
 * Names       locust__grpc locust__grpc_
 * Uses        >>co >>misuse >>switch >>context >>stats >>tls >>url >>head >>response_head
 *             >>write >>route >>services >>base_url >>client >>head_out >>h2_frame >>h2_conn
 *             >>h2_talk >>user >>retry >>life >>control >>protocol
 * Sources     grpc.github.io: "gRPC over HTTP2", "Status codes", "HTTP to gRPC status code
 *             mapping".
 * Limits      messages of an answer LOCUST_MAX_BODY bytes, or .max_message. While a message waits
 *             for the server's window, answers wait in this client's.
 * ============================================================================================ */

enum { // statuses that the kit itself gives
    LOCUST__GRPC_OK,
    LOCUST__GRPC_CANCELLED,
    LOCUST__GRPC_UNKNOWN,
    LOCUST__GRPC_DEADLINE = 4,
    LOCUST__GRPC_PERMISSION = 7,
    LOCUST__GRPC_EXHAUSTED,
    LOCUST__GRPC_UNIMPLEMENTED = 12,
    LOCUST__GRPC_INTERNAL,
    LOCUST__GRPC_UNAVAILABLE,
    LOCUST__GRPC_UNAUTHENTICATED = 16
};

enum { LOCUST__GRPC_PREFIX = 5, LOCUST__GRPC_TRIES = 4 };

typedef struct locust__grpc { // of a user
    locust__user_protocol as; // first
    locust_grpc_reply reply;
    locust__buf fields, trailers; // of the last answer
    locust__buf body;             // messages that came
    locust__buf out;              // one that is sent
    locust__buf plain;            // one that was compressed
    char message[256];
} locust__grpc;

typedef struct locust__grpc_one { // on its coroutine's stack
    locust__h2_stream s;          // first
    locust__grpc *g;
    locust__user *user;
    const locust_grpc_request *req;
    locust__response_head head;
    locust__exchange x;
    size_t body_at; // in g->body: what was not looked at
    uint64_t length;
    const char *(*judge)(struct locust__grpc_one *call); // finds fault with a good answer; or NULL
    bool more;         // another call follows in the same operation
    bool stopped;      // by .on_message, as it may
    const char *wrong; // what is wrong with the answer; NULL: nothing
    int status;        // of what is wrong
} locust__grpc_one;

static const char locust__grpc_kind = 0; // its address tells clients of this kind

static const char *locust__grpc_status_name(int status)
{
    static const char *const names[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
    return status >= 0 && status < (int)(sizeof names / sizeof *names) ? names[status] : "UNKNOWN";
}

LOCUST_API const char *locust_grpc_status_name(int status)
{
    return locust__grpc_status_name(status);
}

static void locust__grpc_close(locust__user_protocol *as)
{
    locust__grpc *g = (locust__grpc *)(void *)as;
    locust__buf_free(&g->fields);
    locust__buf_free(&g->trailers);
    locust__buf_free(&g->body);
    locust__buf_free(&g->out);
    locust__buf_free(&g->plain);
    LOCUST_FREE(g);
}

static locust__grpc *locust__grpc_find(const locust__user *user)
{
    locust__user_protocol *c = user->clients;
    while (c && c->kind != &locust__grpc_kind)
        c = c->next;
    return (locust__grpc *)(void *)c;
}

/* The user's, made if there is none. NULL: no memory. */
static locust__grpc *locust__grpc_of(locust__user *user)
{
    locust__grpc *g = locust__grpc_find(user);
    if (g)
        return g;
    g = locust__memory_zalloc(sizeof *g);
    if (!g)
        return NULL;
    g->as = (locust__user_protocol){user->clients, &locust__grpc_kind, locust__grpc_close};
    user->clients = &g->as;
    return g;
}

/* The value of a field of the last answer; NULL: there is none. The trailers go first. */
static const char *locust__grpc_field(const locust__grpc *g, const char *name)
{
    const char *key, *value, *at = g->trailers.len ? g->trailers.ptr : "";
    while (locust__http_next_copied(&at, &key, &value))
        if (strcasecmp(key, name) == 0)
            return value;
    at = g->fields.len ? g->fields.ptr + strlen(g->fields.ptr) + 1 : ""; // behind the reason
    while (locust__http_next_copied(&at, &key, &value))
        if (strcasecmp(key, name) == 0)
            return value;
    return NULL;
}

/* -- what is sent -- */

#if LOCUST__WITH_ZLIB
/* Compresses a message behind the prefix, on the loop's stack, as zlib needs some of it. */
static void locust__grpc_deflate(void *arg)
{
    locust__grpc_one *call = arg;
    const locust_pb_writer *w =
        call->req->next && call->g->plain.failed ? call->req->room : call->req->message;
    locust__buf *out = &call->g->out;
    z_stream z;
    memset(&z, 0, sizeof z);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK ||
        !locust__buf_reserve(out, deflateBound(&z, w->len) + LOCUST__GRPC_PREFIX)) {
        out->failed = true;
        return;
    }
    z.next_in = (Bytef *)(uintptr_t)w->bytes;
    z.avail_in = (uInt)w->len;
    z.next_out = (Bytef *)out->ptr + LOCUST__GRPC_PREFIX;
    z.avail_out = (uInt)(out->cap - LOCUST__GRPC_PREFIX);
    out->failed = deflate(&z, Z_FINISH) != Z_STREAM_END;
    out->len = LOCUST__GRPC_PREFIX + (size_t)z.total_out;
    deflateEnd(&z);
}
#endif

/* Sends one message. */
static locust_error locust__grpc_put(
    locust__grpc_one *call, const locust_pb_writer *w, bool end) LOCUST__PARKS
{
    locust__buf *out = &call->g->out;
    bool gzip = LOCUST__WITH_ZLIB && call->req->gzip;
    out->len = 0;
    out->failed = false;
    if (gzip) {
#if LOCUST__WITH_ZLIB
        call->g->plain.failed = w != call->req->message; // says which of the two it is
        locust__co_call(call->user->all->services->loop, locust__grpc_deflate, call);
        call->g->plain.failed = false;
#endif
    } else {
        locust__buf_add(out, "\0\0\0\0\0", LOCUST__GRPC_PREFIX);
        locust__buf_add(out, w->bytes, w->len);
    }
    if (out->failed)
        return LOCUST_ERR_MEMORY;
    out->ptr[0] = gzip;
    for (size_t i = 0, len = out->len - LOCUST__GRPC_PREFIX; i < 4; i++)
        out->ptr[4 - i] = (char)(len >> 8 * i);
    return locust__h2_put_body(
        &call->s, (locust__view){out->ptr, out->len}, end, call->x.deadline_ns);
}

/* Writes the head, as >>h2_talk takes it. */
static locust_error locust__grpc_head(const locust__grpc_one *call, locust__view *head)
{
    const locust_grpc_request *req = call->req;
    const locust_user_class *cls = call->user->cls->as;
    char *scratch = call->user->all->services->loop->scratch;
    locust__writer w = {scratch, scratch + LOCUST__LOOP_SCRATCH, LOCUST_OK};
    double timeout_s = req->timeout_s > 0 ? req->timeout_s : 60;
    char number[32];
    locust__writer_puts(&w, "POST\nHost: ");
    locust__writer_puts(&w, call->x.origin->authority);
    locust__writer_puts(&w, "\r\nTE: trailers\r\nContent-Type: application/grpc\r\n"
                            "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (req->timeout_s >= 0) { // no more than eight digits
        bool many = timeout_s >= 99999;
        snprintf(number, sizeof number, "%.0f%c",
            many ? (timeout_s < 99999999 ? timeout_s : 99999999) : timeout_s * 1000 + 0.499,
            many ? 'S' : 'm');
        locust__writer_field(&w, "grpc-timeout", number);
    }
    if (LOCUST__WITH_ZLIB)
        locust__writer_puts(&w, "grpc-accept-encoding: identity,gzip\r\n");
    if (LOCUST__WITH_ZLIB && req->gzip)
        locust__writer_puts(&w, "grpc-encoding: gzip\r\n");
    for (const locust_pair *p = cls->headers; p && p->name; p++)
        if (strcasecmp(p->name, "host") != 0 && !locust__pair_find(req->metadata, p->name))
            locust__writer_field(&w, p->name, p->value);
    for (const locust_pair *p = req->metadata; p && p->name; p++)
        locust__writer_field(&w, p->name, p->value);
    locust__writer_puts(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}

/* -- what comes -- */

/* The head of the answer is there: what is no answer of gRPC has no messages. */
static void locust__grpc_headed(locust__h2_stream *s)
{
    locust__grpc_one *call = (locust__grpc_one *)(void *)s;
    int http = call->head.status;
    const char *type = locust__grpc_field(call->g, "content-type");
    s->body = LOCUST__H2_BODY_PASS;
    if (http == 200 && type && strncasecmp(type, "application/grpc", 16) == 0)
        return;
    s->body = LOCUST__H2_BODY_DROP;
    call->status = http == 400   ? LOCUST__GRPC_INTERNAL
                   : http == 401 ? LOCUST__GRPC_UNAUTHENTICATED
                   : http == 403 ? LOCUST__GRPC_PERMISSION
                   : http == 404 ? LOCUST__GRPC_UNIMPLEMENTED
                   : http == 429 || http == 502 || http == 503 || http == 504
                       ? LOCUST__GRPC_UNAVAILABLE
                       : LOCUST__GRPC_UNKNOWN;
    call->wrong = http == 200 ? "the answer is not application/grpc" : "the answer is not gRPC's";
}

/* Hands a message to the test's own function. */
static bool locust__grpc_hand(const locust__grpc_one *call, const char *bytes, size_t n)
{
    locust__callback c;
    volatile bool goes_on = false;
    locust__callback_begin(&c, locust__loop_now, ".on_message");
    if (setjmp(c.back) == 0)
        goes_on = call->req->on_message(call->req->arg, bytes, n);
    else
        locust__callback_left(&c);
    locust__callback_end(&c);
    return goes_on;
}

/* Asks the test's own function for a message. */
static bool locust__grpc_ask(const locust__grpc_one *call)
{
    locust__callback c;
    volatile bool given = false;
    call->req->room->len = 0;
    call->req->room->failed = false;
    locust__callback_begin(&c, locust__loop_now, ".next");
    if (setjmp(c.back) == 0)
        given = call->req->next(call->req->arg, call->req->room);
    else
        locust__callback_left(&c);
    locust__callback_end(&c);
    return given;
}

static void locust__grpc_blame(locust__grpc_one *call, int status, const char *wrong)
{
    if (!call->wrong) {
        call->status = status;
        call->wrong = wrong;
    }
}

#if LOCUST__WITH_ZLIB
/* Decompresses a message into g->plain: `plain.len` bytes of g->body from body_at on. */
static void locust__grpc_inflate(void *arg)
{
    locust__grpc_one *call = arg;
    locust__buf *plain = &call->g->plain;
    size_t n = plain->len, most = call->req->max_message ? call->req->max_message : LOCUST_MAX_BODY;
    z_stream z;
    int rc;
    memset(&z, 0, sizeof z);
    plain->len = 0;
    plain->failed = inflateInit2(&z, 15 + 32) != Z_OK;
    if (plain->failed)
        return;
    z.next_in = (Bytef *)call->g->body.ptr + call->body_at;
    z.avail_in = (uInt)n;
    do {
        if (plain->len > most || !locust__buf_reserve(plain, 4096))
            break;
        z.next_out = (Bytef *)plain->ptr + plain->len;
        z.avail_out = (uInt)(plain->cap - plain->len);
        rc = inflate(&z, Z_NO_FLUSH);
        plain->len = plain->cap - z.avail_out;
    } while (rc == Z_OK);
    plain->failed = plain->failed || rc != Z_STREAM_END || plain->len > most;
    inflateEnd(&z);
}
#endif

/* Takes one message: where it lies now. False: it cannot be read. */
static bool locust__grpc_message(locust__grpc_one *call, bool coded, locust__view *message)
{
    (void)message;
    if (!coded)
        return true;
#if LOCUST__WITH_ZLIB
    call->g->plain.len = message->len;
    locust__co_call(call->user->all->services->loop, locust__grpc_inflate, call);
    if (!call->g->plain.failed) {
        *message = (locust__view){call->g->plain.ptr ? call->g->plain.ptr : "", call->g->plain.len};
        return true;
    }
    call->g->plain.failed = false;
#endif
    locust__grpc_blame(call, LOCUST__GRPC_INTERNAL, "a compressed message that cannot be read");
    return false;
}

/* Looks at what came: whole messages are taken. */
static void locust__grpc_take(locust__grpc_one *call)
{
    locust__grpc *g = call->g;
    locust__h2_stream *s = &call->s;
    size_t most = call->req->max_message ? call->req->max_message : LOCUST_MAX_BODY;
    if (call->body_at == g->body.len) // what was taken makes room
        g->body.len = call->body_at = 0;
    locust__buf_add(&g->body, s->passed.ptr, s->passed.len);
    if (s->h2 && !s->h2->dead && !s->ended) {
        locust__h2_window_eat_of(s, s->passed.len);
        locust__h2_push(s->h2);
    }
    s->passed.len = 0;
    if (g->body.failed)
        locust__grpc_blame(call, LOCUST__GRPC_EXHAUSTED, "out of memory");
    while (!call->wrong && !call->stopped && g->body.len - call->body_at >= LOCUST__GRPC_PREFIX) {
        const unsigned char *p = (const unsigned char *)g->body.ptr + call->body_at;
        size_t len = locust__h2_frame_u32(p + 1);
        locust__view message = {(const char *)p + LOCUST__GRPC_PREFIX, len};
        if (len > most)
            locust__grpc_blame(
                call, LOCUST__GRPC_EXHAUSTED, "a message is larger than .max_message");
        else if (*p > 1)
            locust__grpc_blame(call, LOCUST__GRPC_INTERNAL, "a message with unknown flags");
        if (call->wrong || g->body.len - call->body_at - LOCUST__GRPC_PREFIX < len)
            break;
        call->body_at += LOCUST__GRPC_PREFIX;
        if (!locust__grpc_message(call, *p, &message))
            break;
        call->body_at += len;
        call->length += message.len;
        g->reply.messages++;
        if (call->req->on_message) {
            call->stopped = !locust__grpc_hand(call, message.ptr, message.len);
        } else {
            g->reply.body = message.ptr;
            g->reply.body_len = message.len;
        }
    }
    if (call->body_at && g->body.len > call->body_at) { // the next one goes in front of its rest
        g->body.len -= call->body_at;
        memmove(g->body.ptr, g->body.ptr + call->body_at, g->body.len);
        call->body_at = 0;
        g->reply.body = "";
        g->reply.body_len = 0;
    }
}

/* -- a call -- */

static bool locust__grpc_is_over(const locust__grpc_one *call)
{
    return call->stopped || call->wrong || locust__h2_put_is_over(&call->s);
}

/* Waits for something, and looks at it. */
static locust_error locust__grpc_wait(locust__grpc_one *call) LOCUST__PARKS
{
    locust__h2_stream *s = &call->s;
    locust_error error;
    if (s->h2)
        locust__h2_push(s->h2);
    error =
        s->ended || s->error || s->passed.len ? LOCUST_OK : locust__h2_wait(s, call->x.deadline_ns);
    if (s->passed.len)
        locust__grpc_take(call);
    return s->ended || s->error ? LOCUST_OK : error;
}

/* Sends the messages of the request, and takes those of the answer meanwhile. */
static locust_error locust__grpc_talk(locust__grpc_one *call) LOCUST__PARKS
{
    const locust_grpc_request *req = call->req;
    size_t sent = 0;
    locust_error error = LOCUST_OK;
    if (req->message) {
        error = locust__grpc_put(call, req->message, !req->next);
        sent++;
    }
    while (!error && req->next && !locust__grpc_is_over(call)) {
        while (
            !error && req->in_turn && call->g->reply.messages < sent && !locust__grpc_is_over(call))
            error = locust__grpc_wait(call);
        if (error || locust__grpc_is_over(call) || !locust__grpc_ask(call))
            break;
        error = req->room->failed ? LOCUST_ERR_HTTP_REQUEST_SIZE
                                  : locust__grpc_put(call, req->room, false);
        sent++;
        if (call->s.passed.len)
            locust__grpc_take(call);
    }
    if (!error && !call->s.said_all && !call->stopped && !call->wrong)
        error = locust__h2_put_body(&call->s, (locust__view){NULL, 0}, true, call->x.deadline_ns);
    while (!error && !call->stopped && !call->wrong && !call->s.ended && !call->s.error)
        error = locust__grpc_wait(call);
    if (call->s.passed.len && !call->stopped && !call->wrong)
        locust__grpc_take(call);
    return error ? error : call->stopped || call->wrong ? LOCUST_OK : call->s.error;
}

/* One try, on a stream of a connection that is found or opened. */
static locust_error locust__grpc_try(locust__grpc_one *call, locust__view target) LOCUST__PARKS
{
    locust__client *client = call->user->client;
    const locust__route *of_class = client->route;
    locust__route route = *of_class;
    locust__h2 *h2;
    locust__view head;
    locust_error error;
    route.http_auto = false;
    route.tunnels = true;
    route.tls.http = LOCUST__TLS_ALPN_H2;
    client->route = &route;
    error = locust__h2_take(client, &call->x, &h2);
    client->route = of_class;
    if (client->broken)
        locust__control_break(call->user, client->broken);
    if (!error)
        error = locust__grpc_head(call, &head);
    if (error)
        return error;
    client->response.reused = h2->conn->served++ > 0;
    client->services->counts.sent++;
    client->services->counts.reused += client->response.reused;
    error = locust__h2_put_head(
        h2, &call->s, locust__view_of("POST"), target, call->x.origin->secure, head, false);
    return error ? error : locust__grpc_talk(call);
}

/* Prepares a call for a try. */
static void locust__grpc_reset(locust__grpc_one *call)
{
    locust__grpc *g = call->g;
    memset(&call->s, 0, sizeof call->s);
    memset(&call->head, 0, sizeof call->head);
    if (g->body.cap > LOCUST__LOOP_SCRATCH) // one big answer must not cost memory for ever
        locust__buf_free(&g->body);
    g->fields.len = g->trailers.len = g->body.len = 0;
    g->fields.failed = g->trailers.failed = g->body.failed = false;
    call->s.head = &call->head;
    call->s.kept = &g->fields;
    call->s.trailers = &g->trailers;
    call->s.budget = LOCUST_MAX_HEADER;
    call->s.headed = locust__grpc_headed;
    call->body_at = 0;
    g->reply = (locust_grpc_reply){.body = "", .message = ""};
}

/* The status that an error of the connection stands for. */
static int locust__grpc_status_of(locust_error error)
{
    switch (error) {
    case LOCUST_ERR_TIMEOUT:
        return LOCUST__GRPC_DEADLINE;
    case LOCUST_ERR_HTTP2_CANCELLED:
        return LOCUST__GRPC_CANCELLED;
    case LOCUST_ERR_HTTP2_CALM:
    case LOCUST_ERR_MEMORY:
    case LOCUST_ERR_HTTP_REQUEST_SIZE:
        return LOCUST__GRPC_EXHAUSTED;
    case LOCUST_ERR_HTTP2_RESET:
    case LOCUST_ERR_HTTP2_RESET_PROTOCOL:
    case LOCUST_ERR_HTTP2_RESET_INTERNAL:
    case LOCUST_ERR_HTTP_FIELD:
    case LOCUST_ERR_HTTP_REQUEST:
        return LOCUST__GRPC_INTERNAL;
    default:
        return LOCUST__GRPC_UNAVAILABLE;
    }
}

/* Fills in the reply: status, message, and the sentence of a failure. */
static void locust__grpc_judge(locust__grpc_one *call, locust_error error)
{
    locust__grpc *g = call->g;
    locust_grpc_reply *r = &g->reply;
    const char *said = locust__grpc_field(g, "grpc-status");
    const char *message = locust__grpc_field(g, "grpc-message");
    int64_t status = said ? locust__number_of(locust__view_of(said)) : -1;
    char text[sizeof g->message + 32];
    locust__buf decoded = {NULL, 0, 0, false};
    locust__url_decode(&decoded, locust__view_of(message ? message : ""));
    snprintf(
        g->message, sizeof g->message, "%.*s", (int)decoded.len, decoded.len ? decoded.ptr : "");
    locust__buf_free(&decoded);
    locust__text_plain(g->message, strlen(g->message));
    if (call->stopped) {
        r->status = LOCUST__GRPC_OK;
    } else if (call->s.answered && !error && status >= 0 &&
               !(call->wrong && call->head.status == 200)) {
        r->status = status <= 16 ? (int)status : LOCUST__GRPC_UNKNOWN;
    } else {
        if (!call->wrong && !error)
            locust__grpc_blame(call, LOCUST__GRPC_UNKNOWN, "the answer has no grpc-status");
        r->status = call->wrong ? call->status : locust__grpc_status_of(error);
        snprintf(g->message, sizeof g->message, "%s",
            call->wrong ? call->wrong : locust__error_text(error));
    }
    r->message = g->message;
    if (r->status == LOCUST__GRPC_OK && !call->stopped && call->req->on_message == NULL &&
        call->body_at != g->body.len) {
        r->status = LOCUST__GRPC_INTERNAL;
        snprintf(g->message, sizeof g->message, "the answer ends inside a message");
    }
    if (r->status == call->req->expect_status) {
        if (call->judge)
            r->error = call->judge(call);
        return;
    }
    snprintf(text, sizeof text, "%s%s%s", locust__grpc_status_name(r->status),
        *g->message ? ": " : "", g->message);
    r->error = locust__stats_text(call->user->all->services->recorder.stats, text);
}

/* Why a request cannot be sent; NULL: it can. */
static const char *locust__grpc_check(const locust_grpc_request *req)
{
    return !req->path || *req->path != '/' ? "invalid call: the path is not /package.Service/Method"
           : !req->message && !req->next   ? "invalid call: no message"
           : req->next && !req->room       ? "invalid call: .next without .room"
           : req->message && req->message->failed
               ? "invalid call: the message does not fit its array"
               : NULL;
}

/* A call from end to end, without a row. `o` gets its times; returns when it ended. Does not return
 * for a user that is being stopped. */
static int64_t locust__grpc_run(
    locust__grpc_one *call, locust__operation *o, int64_t *late_ns) LOCUST__PARKS
{
    static const locust_request none = {.method = NULL};
    locust__user *user = call->user;
    locust__services *sv = user->all->services;
    const locust__base_url *base = &user->cls->base;
    locust__view target = locust__view_of(call->req->path);
    locust__buf path = {NULL, 0, 0, false};
    int64_t ended_ns, started_ns = 0;
    locust_error error = LOCUST_OK;
    if (!base->origin)
        locust__control_break(user, "no host for gRPC: give --host or .host in the user class, "
                                    "such as http://127.0.0.1:50051");
    memset(&call->x, 0, offsetof(locust__exchange, upload));
    call->x.req = &none;
    call->x.method = "POST";
    call->x.origin = base->origin;
    call->x.deadline_ns =
        call->req->timeout_s < 0
            ? LOCUST__NEVER
            : locust__time_after(o->start_ns,
                  locust__time_ns(call->req->timeout_s > 0 ? call->req->timeout_s : 60));
    user->client->broken = NULL;
    if (*base->prefix) {
        locust__url_add_target(&path, base->prefix, call->req->path, NULL);
        target = (locust__view){path.ptr, path.len};
    }
    for (int tries = 1;; tries++) {
        bool again;
        locust__grpc_reset(call);
        error = path.failed ? LOCUST_ERR_MEMORY : locust__grpc_try(call, target);
        again = call->s.again && tries < LOCUST__GRPC_TRIES && !call->req->next;
        started_ns = call->s.sent ? call->s.sent_ns : started_ns;
        if (!again || error == LOCUST_ERR_CANCELLED)
            break;
        locust__h2_stream_close(&call->s);
    }
    locust__buf_free(&path);
    if (call->x.started)
        o->start_ns = call->x.start_ns;
    else if (started_ns)
        o->start_ns = started_ns;
    ended_ns = locust__loop_clock(sv->loop);
    *late_ns = 0;
    if (call->s.ended && call->s.ended_ns > o->start_ns && call->s.ended_ns < ended_ns) {
        locust__loop_count_late(sv->loop, ended_ns - call->s.ended_ns);
        ended_ns = call->s.ended_ns;
    }
    locust__grpc_judge(call, error);
    locust__h2_stream_close(&call->s);
    call->g->reply.elapsed_ms = ended_ns > o->start_ns ? (double)(ended_ns - o->start_ns) / 1e6 : 0;
    if (error == LOCUST_ERR_CANCELLED || user->co->cancelled) {
        if (error || call->more)
            locust__operation_cut(o);
        else
            locust__operation_record(o, call->g->reply.error, (size_t)call->length, ended_ns, 0);
        locust__life_unwind(user);
    }
    locust__retry_note(user, error);
    return ended_ns;
}

LOCUST_API locust_grpc_reply *locust_grpc_send(locust_user *u, const locust_grpc_request *request)
{
    locust__user *user = locust__control_waiting(u, "locust_grpc_call");
    const char *wrong = locust__grpc_check(request);
    locust__grpc_one call = {.user = user, .req = request};
    locust__operation o = locust__operation_begin(user, "grpc",
        request->name   ? request->name
        : request->path ? request->path
                        : "");
    int64_t ended_ns, late_ns = 0;
    o.context = request->context;
    call.g = locust__grpc_of(user);
    if (!call.g)
        locust__control_fail(user, "out of memory", "locust_grpc_call");
    if (wrong) {
        locust__grpc_reset(&call);
        call.g->reply.error = wrong;
        call.g->reply.status = LOCUST__GRPC_INTERNAL;
        locust__operation_end(&o, NULL, wrong, 0);
        return &call.g->reply;
    }
    ended_ns = locust__grpc_run(&call, &o, &late_ns);
    locust__operation_record(&o, call.g->reply.error, (size_t)call.length, ended_ns, late_ns);
    return &call.g->reply;
}

LOCUST_API const char *locust_grpc_metadata(locust_user *u, const char *name)
{
    locust__grpc *g = locust__grpc_find(locust__control_user(u, "locust_grpc_metadata"));
    return g ? locust__grpc_field(g, name) : NULL;
}
