/* ============================================================================================
 * >>ws_layer  a stream of bytes over WebSocket
 *
 * Purpose     another protocol over WebSocket: what it writes goes out in binary frames, what it
 *             reads are the payloads of the frames that come, whatever their borders.
 * Invariants  a layer of a stream: nothing here parks. Pings are answered; Close ends the stream.
 * Cost        some 200 bytes for a connection; a buffer while the socket takes no more.
 * Names       locust__ws_layer locust__ws_layer_
 * Uses        >>co >>stream >>allowance >>protocol >>ws_frame >>ws >>ws_opening
 * Sources     RFC 6455 5; MQTT 5.0, 6 (for one whose packets may cross frames).
 * Limits      no compression. `wrong` says what the server may not send; to the stream that is a
 *             network error.
 * ============================================================================================ */

typedef struct locust__ws_layer {
    locust__layer layer; // first
    const char *wrong;   // the rule that the server broke; NULL: none
    bool ended;          // Close came
    bool in_frame, in_message;
    uint64_t left;                                             // of the frame
    char head[LOCUST__WS_HEAD_MAX + LOCUST__WS_FRAME_CONTROL]; // of a frame; control frames whole
    size_t head_len;
    locust__buf early; // what came right behind the handshake
    locust__buf out;   // frames that the socket has not taken
    size_t taken;      // of the writer's bytes, those that are in `out`
} locust__ws_layer;

static locust__ws_layer *locust__ws_layer_of(locust__layer *layer)
{
    return (locust__ws_layer *)(void *)layer;
}

static locust_error locust__ws_layer_flush(locust__ws_layer *l)
{
    size_t at = 0, sent = 1;
    locust_error error = LOCUST_OK;
    while (at < l->out.len && sent && !error) {
        struct iovec iov = {l->out.ptr + at, l->out.len - at};
        error = locust__layer_send(&l->layer, &iov, 1, &sent);
        at += sent;
    }
    if (at == l->out.len)
        locust__buf_free(&l->out);
    else if (at)
        memmove(l->out.ptr, l->out.ptr + at, l->out.len -= at);
    return error;
}

/* Writes a frame of up to two pieces behind `out`. False: no memory. */
static bool locust__ws_layer_add(
    locust__ws_layer *l, unsigned opcode, const struct iovec *iov, int n, size_t len)
{
    uint32_t random = (uint32_t)locust__random(&l->layer.stream->net->loop->random);
    unsigned char mask[4];
    size_t at = 0;
    if (!locust__buf_reserve(&l->out, LOCUST__WS_HEAD_MAX + len))
        return false;
    memcpy(mask, &random, 4);
    l->out.len += locust__ws_head_write(l->out.ptr + l->out.len, 0x80 | opcode, len, mask);
    for (int i = 0; i < n && at < len; i++) {
        size_t some = iov[i].iov_len < len - at ? iov[i].iov_len : len - at;
        if (some)
            locust__ws_mask(l->out.ptr + l->out.len, iov[i].iov_base, some, mask, at);
        l->out.len += some;
        at += some;
    }
    return true;
}

static locust_error locust__ws_layer_send(
    locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    locust__ws_layer *l = locust__ws_layer_of(layer);
    locust_error error;
    *sent = 0;
    if (!l->taken) {
        size_t len = iov[0].iov_len + (n > 1 ? iov[1].iov_len : 0);
        len = len < LOCUST__LOOP_SCRATCH ? len : LOCUST__LOOP_SCRATCH;
        if (!locust__ws_layer_add(l, LOCUST__WS_OP_BINARY, iov, n, len))
            return LOCUST_ERR_MEMORY;
        l->taken = len;
    }
    error = locust__ws_layer_flush(l);
    if (error || l->out.len)
        return error;
    *sent = l->taken;
    l->taken = 0;
    return LOCUST_OK;
}

/* Takes a control frame, which is in `head` behind the first n bytes. */
static locust_error locust__ws_layer_control(
    locust__ws_layer *l, const locust__ws_frame *f, size_t n)
{
    struct iovec iov = {l->head + n, (size_t)f->len};
    bool close = f->opcode == LOCUST__WS_OP_CLOSE;
    if (f->opcode == LOCUST__WS_OP_PONG)
        return LOCUST_OK;
    // A peer that floods pings and reads nothing gets no answer to those that come meanwhile.
    if (l->out.len < LOCUST__LOOP_SCRATCH &&
        !locust__ws_layer_add(l, close ? LOCUST__WS_OP_CLOSE : LOCUST__WS_OP_PONG, &iov, 1,
            close && iov.iov_len > 2 ? 2 : iov.iov_len))
        return LOCUST_ERR_MEMORY;
    l->ended |= close;
    return locust__ws_layer_flush(l);
}

/* Takes one byte of the head of a frame, and of a control frame. */
static locust_error locust__ws_layer_head(locust__ws_layer *l, char byte)
{
    locust__ws_frame f;
    size_t n;
    locust_error error = LOCUST_OK;
    l->head[l->head_len++] = byte;
    n = locust__ws_head_read(l->head, l->head_len, &f, &l->wrong);
    if (!l->wrong && n && f.opcode < 8) {
        l->wrong = f.rsv1                           ? "frame with a reserved bit"
                   : f.opcode == LOCUST__WS_OP_TEXT ? "text in place of bytes"
                   : !f.opcode && !l->in_message    ? "fragment of no message"
                   : f.opcode && l->in_message      ? "message inside a fragmented one"
                                                    : NULL;
        l->in_message = !f.fin;
        l->left = f.len;
        l->in_frame = f.len > 0;
        l->head_len = 0;
    } else if (!l->wrong && n && l->head_len == n + f.len) {
        error = locust__ws_layer_control(l, &f, n);
        l->head_len = 0;
    }
    return l->wrong ? LOCUST_ERR_NETWORK : error;
}

/* Takes n raw bytes at p, and leaves the payloads in their place. *kept: how many. */
static locust_error locust__ws_layer_take(locust__ws_layer *l, char *p, size_t n, size_t *kept)
{
    size_t at = 0;
    while (at < n && !l->ended) {
        size_t some = n - at;
        locust_error error;
        if (l->in_frame) {
            some = some < l->left ? some : (size_t)l->left;
            memmove(p + *kept, p + at, some);
            *kept += some;
            at += some;
            l->left -= some;
            l->in_frame = l->left > 0;
            continue;
        }
        error = locust__ws_layer_head(l, p[at++]);
        if (error)
            return error;
    }
    return LOCUST_OK;
}

static locust_error locust__ws_layer_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    locust__ws_layer *l = locust__ws_layer_of(layer);
    locust_error error = LOCUST_OK;
    size_t raw = 1;
    *got = 0;
    while (!error && !*got && raw && !l->ended && !l->wrong) {
        raw = l->early.len < n ? l->early.len : n;
        if (raw) {
            memcpy(to, l->early.ptr, raw);
            memmove(l->early.ptr, l->early.ptr + raw, l->early.len -= raw);
        } else {
            error = locust__layer_recv(layer, to, n, &raw);
        }
        if (raw && !error)
            error = locust__ws_layer_take(l, to, raw, got);
    }
    if (!l->early.len)
        locust__buf_free(&l->early);
    layer->held = l->early.len > 0;
    if (*got)
        return LOCUST_OK;
    return l->wrong ? LOCUST_ERR_NETWORK : l->ended ? LOCUST_ERR_CLOSED : error;
}

static void locust__ws_layer_close(locust__layer *layer)
{
    locust__ws_layer *l = locust__ws_layer_of(layer);
    if (!l->ended && !l->taken &&
        locust__ws_layer_add(
            l, LOCUST__WS_OP_CLOSE, &(struct iovec){(void *)(uintptr_t) "\x03\xE8", 2}, 1, 2))
        locust__ws_layer_flush(l);
    locust__buf_free(&l->early);
    locust__buf_free(&l->out);
    LOCUST_FREE(l);
}

/* Connects a client to a URL, http:// or https:// (locust__ws_url), by a handshake of WebSocket,
 * and puts the layer on its stream, which frees it. Returns NULL, or why there is no connection;
 * *error: its code, if a stream or a request failed. `layer`, if not NULL, is for its `wrong`. */
LOCUST__UNUSED static const char *locust__ws_layer_open(locust__protocol_client *c,
    const locust_ws_options *options, const char *url, locust__allowance *a, locust_error *error,
    const locust__ws_layer **layer) LOCUST__PARKS
{
    locust__ws *ws = locust__memory_zalloc(sizeof *ws);
    locust__ws_layer *l = locust__memory_zalloc(sizeof *l);
    locust_stream *s = &c->conn.stream;
    const char *wrong = locust__error_text(*error = LOCUST_ERR_MEMORY);
    if (ws && l) {
        locust__ws_init(ws, c);
        wrong = locust__ws_open(ws, options, url, a, error);
        LOCUST_FREE(ws->subprotocol);
        locust__buf_add(&l->early, s->in, s->in_len);
        if (!wrong && l->early.failed) {
            wrong = locust__error_text(*error = LOCUST_ERR_MEMORY);
            locust__protocol_close(c);
        }
        s->in_len = 0;
    }
    LOCUST_FREE(ws);
    if (wrong) {
        if (l)
            locust__buf_free(&l->early);
        LOCUST_FREE(l);
        return wrong;
    }
    l->layer = (locust__layer){.recv = locust__ws_layer_recv,
        .send = locust__ws_layer_send,
        .close = locust__ws_layer_close,
        .held = l->early.len > 0};
    locust__layer_push(&l->layer, s);
    if (layer)
        *layer = l;
    return NULL;
}
