/* ============================================================================================
 * >>ws  a WebSocket connection
 *
 * Purpose     messages over a stream: read as they come, in any pieces, with what else comes
 *             between them; written in frames; ended by Close from either side.
 * Invariants  reading consumes what the stream holds and never parks, so that the user's call and
 *             the keeper share it. `dead` says why there is no connection; it is set before the
 *             stream is closed. A control frame that the socket does not take at once waits in
 *             `out`, which goes before anything else; while it waits, of pings the last one alone
 *             is answered.
 * Cost        a small message: copied once each way, no allocation. An idle connection keeps at
 *             most 512 bytes of its last message.
 * Names       locust__ws locust__ws_
 * Uses        >>stats >>stream >>protocol >>ws_frame >>ws_deflate
 * Sources     RFC 6455 5 to 7; RFC 7692 6.
 * Limits      a message up to .max_message bytes, and as many of messages that nobody has asked
 *             for.
 * ============================================================================================ */

typedef struct locust__ws_item { // a message that waits for its receiver
    struct locust__ws_item *next;
    char *data;
    size_t len;
    bool binary;
} locust__ws_item;

typedef struct locust__ws { // one connection; all of it belongs to a client
    locust__protocol_client *client;
    const char *dead; // why there is no connection; NULL: it is open
    char *subprotocol;
    size_t max_message;
    // Reading.
    locust__ws_frame frame; // whose payload is being read; len: what is left of it
    bool in_frame;
    unsigned char opcode; // of the message that is being read; 0: none
    bool deflated;
    bool given;  // `in` is the message that the test has
    bool binary; // so is the message that was read last
    locust__ws_utf8 utf8;
    locust__buf in; // the message that is being read, decompressed
    locust__ws_item *first, *last, *received;
    size_t queued; // bytes that they take
    // Writing.
    bool sending;        // the user is in the middle of a frame
    unsigned char parts; // opcode of the message whose fragments the test sends; 0: none
    bool pong_due;       // `pong` has the payload of a ping that is not answered
    locust__buf pong;
    locust__buf out; // what the socket has not taken
    // Pings of ours.
    int64_t ping_ns, heard_ns, pinged_ns; // .ping_s; when something came last; 0: no ping is out
    uint32_t pings, pongs;                // of locust_ws_ping: sent, answered
    // The end.
    bool close_sent, close_got;
    int code; // of the peer's Close
    char reason[LOCUST__WS_FRAME_CONTROL - 1];
    int64_t closing_ns; // since when the peer may close
    locust__ws_deflate deflate;
} locust__ws;

enum locust__ws_step {
    LOCUST__WS_STEP_MORE,    // all that is there was read
    LOCUST__WS_STEP_MESSAGE, // a message is in `in`
    LOCUST__WS_STEP_DEAD     // see `dead`
};

static const char locust__ws_no_utf8[] = "text that is not UTF-8";
static const char locust__ws_by_test[] =
    "closed by the test: a call of connect opens another connection";
static const char locust__ws_no_close[] = "connection closed by peer without a Close";

static locust_stream *locust__ws_stream(const locust__ws *ws)
{
    return &ws->client->conn.stream;
}

/* Forgets a message, and memory that is too much to keep. */
static void locust__ws_clear(locust__ws *ws)
{
    if (ws->in.cap > 512)
        locust__buf_free(&ws->in);
    ws->in.len = 0;
    ws->in.failed = false;
    ws->given = false;
}

/* Forgets the message that the test had. */
static void locust__ws_done(locust__ws *ws)
{
    if (ws->given)
        locust__ws_clear(ws);
    if (ws->received) {
        LOCUST_FREE(ws->received->data);
        LOCUST_FREE(ws->received);
        ws->received = NULL;
    }
}

/* There are no more messages, for that reason unless there was one before. The stream may be open
 * still. */
static void locust__ws_over(locust__ws *ws, const char *why)
{
    if (!ws->dead)
        ws->dead = why;
    ws->in_frame = false;
    ws->opcode = ws->parts = 0;
    if (!ws->given)
        locust__ws_clear(ws);
    ws->pong_due = false;
    locust__buf_free(&ws->pong);
    locust__ws_deflate_free(&ws->deflate);
}

/* The connection has ended. */
static void locust__ws_lost(locust__ws *ws, const char *why)
{
    locust__ws_over(ws, why);
    locust__protocol_close(ws->client);
    locust__buf_free(&ws->out);
}

/* Frees what a connection has; the messages too. */
static void locust__ws_free(locust__ws *ws)
{
    locust__ws_done(ws);
    locust__ws_lost(ws, "closed");
    locust__buf_free(&ws->in);
    while (ws->first) {
        ws->received = ws->first;
        ws->first = ws->received->next;
        locust__ws_done(ws);
    }
    LOCUST_FREE(ws->subprotocol);
    ws->subprotocol = NULL;
}

/* Begins anew, for a client whose stream may be open: what was there is freed. */
static void locust__ws_init(locust__ws *ws, locust__protocol_client *client)
{
    if (ws->client)
        locust__ws_free(ws);
    memset(ws, 0, sizeof *ws);
    ws->client = client;
    ws->max_message = LOCUST_MAX_BODY;
}

/* The sentence of an error of the stream. */
static const char *locust__ws_failed(const locust__ws *ws, locust_error error)
{
    bool ended = error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT;
    if (!ended)
        return locust__error_text(error);
    return ws->in_frame || locust__ws_stream(ws)->in_len ? "connection closed inside a frame"
           : ws->opcode                                  ? "connection closed inside a message"
                                                         : locust__ws_no_close;
}

/* Sends bytes as far as the socket takes them now. */
static void locust__ws_flush(locust__ws *ws)
{
    locust_stream *s = locust__ws_stream(ws);
    size_t at = 0;
    while (at < ws->out.len && locust__stream_is_open(s) && s->fd.watch.writable) {
        struct iovec iov = {ws->out.ptr + at, ws->out.len - at};
        size_t sent = 0;
        locust_error error = locust__stream_send(s, &iov, 1, &sent);
        if (error) { // what came before that is read first: it may say why
            ws->out.len = 0;
            return;
        }
        if (!sent)
            break;
        at += sent;
    }
    if (at && at < ws->out.len)
        memmove(ws->out.ptr, ws->out.ptr + at, ws->out.len - at);
    ws->out.len -= at;
    if (!ws->out.len)
        locust__buf_free(&ws->out);
}

/* Writes a frame behind `out`. False: no memory. */
static bool locust__ws_add_frame(locust__ws *ws, unsigned first, const char *bytes, size_t n)
{
    char head[LOCUST__WS_HEAD_MAX];
    uint32_t random = (uint32_t)locust__random(&locust__ws_stream(ws)->net->loop->random);
    unsigned char mask[4];
    size_t head_len;
    memcpy(mask, &random, 4);
    head_len = locust__ws_head_write(head, first, n, mask);
    if (!locust__buf_reserve_tight(&ws->out, head_len + n))
        return false;
    locust__buf_add_tight(&ws->out, head, head_len);
    if (n)
        locust__ws_mask(ws->out.ptr + ws->out.len, bytes, n, mask, 0);
    ws->out.len += n;
    return true;
}

/* Answers the last ping, unless something else has to go before. */
static void locust__ws_pong(locust__ws *ws)
{
    if (!ws->pong_due || ws->sending || ws->out.len || ws->close_sent)
        return;
    ws->pong_due = false;
    locust__ws_add_frame(ws, 0x80 | LOCUST__WS_OP_PONG, ws->pong.ptr, ws->pong.len);
    locust__buf_free(&ws->pong);
    locust__ws_flush(ws);
}

/* Sends a control frame as far as the socket takes it. False: one before it still waits, or a
 * message is being sent. */
static bool locust__ws_control(locust__ws *ws, unsigned opcode, const char *bytes, size_t n)
{
    locust__ws_flush(ws);
    if (ws->sending || ws->out.len || !locust__stream_is_open(locust__ws_stream(ws)))
        return false;
    if (locust__ws_add_frame(ws, 0x80 | opcode, bytes, n))
        locust__ws_flush(ws);
    return true;
}

/* Sends Close, once; code 0: without one. */
static void locust__ws_say_close(locust__ws *ws, int code, const char *reason)
{
    char text[LOCUST__WS_FRAME_CONTROL];
    size_t n = strlen(reason);
    n = n < sizeof text - 2 ? n : sizeof text - 2;
    text[0] = (char)(code >> 8);
    text[1] = (char)code;
    memcpy(text + 2, reason, n); // NOLINT(bugprone-not-null-terminated-result): no string
    if (!ws->close_sent)
        locust__ws_control(ws, LOCUST__WS_OP_CLOSE, text, code ? n + 2 : 0);
    ws->close_sent = true;
}

/* After Close: the peer ends the connection, or locust__ws_tick does (7.1.1). */
static void locust__ws_closing(locust__ws *ws, const char *why)
{
    locust__ws_over(ws, why);
    ws->closing_ns = locust__ws_stream(ws)->net->loop->now_ns;
    locust__ws_stream(ws)->in_len = 0;
}

/* The server broke a rule: says which, by Close and to the test. */
static void locust__ws_break(locust__ws *ws, int code, const char *why)
{
    locust__ws_say_close(ws, code, "");
    locust__ws_closing(ws, why);
}

/* The sentence of a Close. Two codes are told apart that the client may have brought about. */
static const char *locust__ws_say_code(const locust__ws *ws)
{
    locust__request_stats *stats = ws->client->user->all->services->recorder.stats;
    char text[96];
    if (ws->code == LOCUST__WS_CODE_NONE)
        return "closed by peer without a code";
    snprintf(text, sizeof text, "closed by peer: %d%s", ws->code,
        ws->code == 1011 && strstr(ws->reason, "keepalive") ? ", as our pong did not come in time"
        : ws->code == 1001 && (strstr(ws->reason, "dle"))   ? ", as nothing was sent for long"
                                                            : "");
    return locust__stats_text(stats, text);
}

/* Takes the peer's Close, and answers it with the same code (5.5.1). */
static void locust__ws_got_close(locust__ws *ws, const char *bytes, size_t n)
{
    int code = n > 1 ? (unsigned char)bytes[0] << 8 | (unsigned char)bytes[1] : 0;
    if (n == 1 || (n && !locust__ws_code_is_valid(code))) {
        locust__ws_break(ws, LOCUST__WS_CODE_PROTOCOL, "Close with a code that is none");
        return;
    }
    if (n > 2 && !locust__ws_utf8_is(bytes + 2, n - 2)) {
        locust__ws_break(ws, LOCUST__WS_CODE_UTF8, "Close with a reason that is not UTF-8");
        return;
    }
    ws->close_got = true;
    ws->code = n ? code : LOCUST__WS_CODE_NONE;
    if (n > 2)
        memcpy(ws->reason, bytes + 2, n - 2);
    ws->reason[n > 2 ? n - 2 : 0] = '\0';
    locust__ws_say_close(ws, code, "");
    locust__ws_closing(ws, locust__ws_say_code(ws));
}

static void locust__ws_got_control(locust__ws *ws, const char *bytes, size_t n)
{
    if (ws->frame.opcode == LOCUST__WS_OP_CLOSE) {
        locust__ws_got_close(ws, bytes, n);
    } else if (ws->frame.opcode == LOCUST__WS_OP_PING) {
        ws->pong.len = 0;
        locust__buf_add_tight(&ws->pong, bytes, n);
        ws->pong_due = true;
        locust__ws_pong(ws);
    } else {
        ws->pinged_ns = 0;
        // A pong answers the last ping, and those before (5.5.3). gws (Go) leaves its payload out.
        if (!n || (n == sizeof ws->pings && memcmp(bytes, &ws->pings, n) == 0))
            ws->pongs = ws->pings;
    }
}

/* Begins a data frame, whose head has been read. NULL, or the rule that it breaks. */
static const char *locust__ws_begin_frame(locust__ws *ws)
{
    const locust__ws_frame *f = &ws->frame;
    if (f->rsv1 && (!ws->deflate.on || f->opcode == LOCUST__WS_OP_MORE))
        return "frame with a reserved bit";
    if (f->opcode == LOCUST__WS_OP_MORE && !ws->opcode)
        return "fragment of no message";
    if (f->opcode != LOCUST__WS_OP_MORE && ws->opcode)
        return "message inside a fragmented one";
    if (f->opcode != LOCUST__WS_OP_MORE) {
        ws->opcode = f->opcode;
        ws->deflated = f->rsv1;
        ws->utf8.left = 0;
    }
    return NULL;
}

/* Looks at what a message has grown by. False: the connection is dead, `wrong` or for that. */
static bool locust__ws_check(locust__ws *ws, size_t before, const char *wrong)
{
    bool large = ws->in.len > ws->max_message;
    if (ws->in.failed)
        wrong = locust__error_text(LOCUST_ERR_MEMORY);
    if (wrong) {
        locust__ws_break(ws, large ? LOCUST__WS_CODE_SIZE : LOCUST__WS_CODE_UTF8, wrong);
        return false;
    }
    if (ws->opcode == LOCUST__WS_OP_TEXT && ws->in.len > before &&
        !locust__ws_utf8_take(&ws->utf8, ws->in.ptr + before, ws->in.len - before)) {
        locust__ws_break(ws, LOCUST__WS_CODE_UTF8, locust__ws_no_utf8);
        return false;
    }
    return true;
}

/* Takes bytes of a message. False: the connection is dead. */
static bool locust__ws_data(locust__ws *ws, const char *bytes, size_t n)
{
    size_t before = ws->in.len;
    const char *wrong = NULL;
#if LOCUST__WITH_ZLIB
    if (ws->deflated)
        wrong = locust__ws_deflate_take(&ws->deflate, bytes, n, &ws->in, ws->max_message);
    else
#endif
        locust__buf_add(&ws->in, bytes, n);
    return locust__ws_check(ws, before, wrong);
}

/* Ends a message. False: the connection is dead. */
static bool locust__ws_finish(locust__ws *ws)
{
    size_t before = ws->in.len;
    const char *wrong = NULL;
#if LOCUST__WITH_ZLIB
    if (ws->deflated)
        wrong = locust__ws_deflate_finish(&ws->deflate, &ws->in, ws->max_message);
#endif
    if (!locust__ws_check(ws, before, wrong))
        return false;
    if (ws->opcode == LOCUST__WS_OP_TEXT && ws->utf8.left) {
        locust__ws_break(ws, LOCUST__WS_CODE_UTF8, locust__ws_no_utf8);
        return false;
    }
    locust__buf_add(&ws->in, "", 1);
    if (ws->in.failed) {
        locust__ws_lost(ws, locust__error_text(LOCUST_ERR_MEMORY));
        return false;
    }
    ws->in.len--;
    ws->binary = ws->opcode == LOCUST__WS_OP_BINARY;
    ws->opcode = 0;
    return true;
}

/* Reads the head of the next frame, and of a control frame all. Returns whether to go on; *dead. */
static bool locust__ws_next(locust__ws *ws)
{
    locust_stream *s = locust__ws_stream(ws);
    const char *wrong;
    size_t n = locust__ws_head_read(s->in, s->in_len, &ws->frame, &wrong);
    bool control = ws->frame.opcode >= 8;
    if (!wrong && !n)
        return false;
    if (!wrong && !control)
        wrong = locust__ws_begin_frame(ws);
    if (wrong) {
        locust__ws_break(ws, LOCUST__WS_CODE_PROTOCOL, wrong);
        return false;
    }
    if (control) {
        char bytes[LOCUST__WS_FRAME_CONTROL];
        size_t len = (size_t)ws->frame.len;
        if (s->in_len < n + len)
            return false;
        memcpy(bytes, s->in + n, len);
        locust__stream_take(s, n + len);
        locust__ws_got_control(ws, bytes, len);
        return !ws->dead;
    }
    if (ws->frame.len > ws->max_message - (ws->deflated ? 0 : ws->in.len)) {
        locust__ws_break(ws, LOCUST__WS_CODE_SIZE, "message larger than .max_message");
        return false;
    }
    locust__stream_take(s, n);
    ws->in_frame = true;
    return true;
}

/* Reads what the stream holds, up to the end of a message. */
static enum locust__ws_step locust__ws_step(locust__ws *ws)
{
    locust_stream *s = locust__ws_stream(ws);
    while (!ws->dead) {
        size_t n;
        if (!ws->in_frame) {
            if (!locust__ws_next(ws))
                break;
            continue;
        }
        n = s->in_len < ws->frame.len ? s->in_len : (size_t)ws->frame.len;
        if (!n && ws->frame.len)
            break;
        if (n && !locust__ws_data(ws, s->in, n))
            break;
        locust__stream_take(s, n);
        ws->frame.len -= n;
        ws->in_frame = ws->frame.len > 0;
        if (ws->in_frame || !ws->frame.fin)
            continue;
        return locust__ws_finish(ws) ? LOCUST__WS_STEP_MESSAGE : LOCUST__WS_STEP_DEAD;
    }
    return ws->dead ? LOCUST__WS_STEP_DEAD : LOCUST__WS_STEP_MORE;
}

/* Keeps the message in `in` for its receiver. */
static void locust__ws_keep(locust__ws *ws)
{
    locust__ws_item *item = LOCUST_MALLOC(sizeof *item);
    char *tight = item ? LOCUST_REALLOC(ws->in.ptr, ws->in.len + 1) : NULL;
    if (!item) {
        locust__ws_lost(ws, locust__error_text(LOCUST_ERR_MEMORY));
        return;
    }
    *item = (locust__ws_item){NULL, tight ? tight : ws->in.ptr, ws->in.len, ws->binary};
    ws->in = (locust__buf){NULL, 0, 0, false};
    *(ws->first ? &ws->last->next : &ws->first) = item;
    ws->last = item;
    ws->queued += item->len + sizeof *item;
}

/* Moves the message that the test has out of the way of the next one. False: no memory. */
static bool locust__ws_set_aside(locust__ws *ws)
{
    locust__ws_item *item = ws->given ? LOCUST_MALLOC(sizeof *item) : NULL;
    if (!ws->given || !item)
        return !ws->given;
    *item = (locust__ws_item){NULL, ws->in.ptr, ws->in.len, ws->binary};
    ws->in = (locust__buf){NULL, 0, 0, false};
    ws->received = item;
    ws->given = false;
    return true;
}

/* Is there room for messages that nobody has asked for? */
static bool locust__ws_reads_on(const locust__ws *ws)
{
    return ws->queued < ws->max_message;
}

/* What came while the user does something else, or is busy sending. Does not park. */
static void locust__ws_tend(locust__ws *ws)
{
    enum { ROUNDS = 8 }; // before others have their turn
    locust_stream *s = locust__ws_stream(ws);
    size_t got = 1;
    int round = 0;
    if (!locust__ws_set_aside(ws))
        return;
    while (locust__stream_is_open(s) && got && round++ < ROUNDS) {
        locust_error error;
        while (locust__ws_reads_on(ws) && locust__ws_step(ws) == LOCUST__WS_STEP_MESSAGE)
            locust__ws_keep(ws);
        if (ws->dead)
            s->in_len = 0; // what comes behind Close is for nobody
        if (!ws->dead && !locust__ws_reads_on(ws))
            break;
        s->burst = 0;
        error = locust__protocol_read_ready(s, &got);
        if (got)
            ws->heard_ns = s->net->loop->now_ns;
        if (error && !got)
            locust__ws_lost(ws, locust__ws_failed(ws, error));
    }
    locust__ws_pong(ws);
    locust__stream_settle(s);
    if (round > ROUNDS && locust__stream_is_open(s))
        locust__keeper_call(ws->client);
}

/* Once a second. Closes a connection that the peer does not end after Close; sends a ping after
 * .ping_s of silence, and gives up after as long again. */
static void locust__ws_tick(locust__ws *ws, int64_t now_ns)
{
    if (ws->closing_ns) {
        if (now_ns - ws->closing_ns >= LOCUST__S)
            locust__protocol_close(ws->client);
        return;
    }
    locust__ws_pong(ws);
    if (ws->dead || !ws->ping_ns)
        return;
    if (ws->heard_ns > ws->pinged_ns)
        ws->pinged_ns = 0;
    if (ws->pinged_ns && now_ns - ws->pinged_ns >= ws->ping_ns) {
        locust__ws_lost(ws, "no pong within .ping_s");
    } else if (!ws->pinged_ns && now_ns - ws->heard_ns >= ws->ping_ns &&
               locust__ws_control(ws, LOCUST__WS_OP_PING, "", 0)) {
        ws->pinged_ns = now_ns;
    }
}

/* Ends a connection whose user ends: says goodbye as far as that goes without a wait. */
static void locust__ws_end(locust__ws *ws)
{
    if (!ws->client)
        return;
    if (!ws->dead && !ws->parts)
        locust__ws_say_close(ws, LOCUST__WS_CODE_NORMAL, "");
    locust__ws_free(ws);
}
