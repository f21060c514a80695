/* ============================================================================================
 * >>ws_talk  waiting on a WebSocket
 *
 * Purpose     what parks: the next message, sending one, the closing handshake.
 * Invariants  while a frame is being sent nothing else is: `sending`.
 * Cost        a message is masked in the loop's scratch buffer, and leaves by one call if the
 *             socket takes it.
 * Names       locust__ws_cannot_send locust__ws_drain locust__ws_goodbye locust__ws_pump
 *             locust__ws_send locust__ws_take locust__ws_wait locust__ws_write
 * Uses        >>co >>stream >>ws_frame >>ws_deflate >>ws
 * Sources     RFC 6455 5.1 (masks), 7.1 (closing).
 * ============================================================================================ */

/* Waits for more bytes. NULL, or why there are none: `timeout` if the time is over, which leaves
 * the connection as it is. */
static const char *locust__ws_pump(
    locust__ws *ws, int64_t deadline_ns, const char *timeout) LOCUST__PARKS
{
    locust_stream *s = locust__ws_stream(ws);
    locust_error error;
    locust__ws_pong(ws);
    error = locust__stream_fill(s, deadline_ns);
    if (error == LOCUST_ERR_CANCELLED || error == LOCUST_ERR_TIMEOUT)
        return error == LOCUST_ERR_TIMEOUT ? timeout : locust__error_text(error);
    if (error)
        locust__ws_lost(ws, locust__ws_failed(ws, error));
    else
        ws->heard_ns = s->net->loop->now_ns;
    return error ? ws->dead : NULL;
}

/* Waits for the next message, which is then in `in`, unless one waits already. NULL, or why there
 * is none. */
static const char *locust__ws_wait(
    locust__ws *ws, int64_t deadline_ns, const char *timeout) LOCUST__PARKS
{
    while (!ws->first) {
        enum locust__ws_step step = locust__ws_step(ws);
        const char *why = step == LOCUST__WS_STEP_MESSAGE ? NULL
                          : step == LOCUST__WS_STEP_DEAD
                              ? ws->dead
                              : locust__ws_pump(ws, deadline_ns, timeout);
        if (why || step == LOCUST__WS_STEP_MESSAGE)
            return why;
    }
    return NULL;
}

/* Takes the message that locust__ws_wait has found. It lives until locust__ws_done. */
static void locust__ws_take(locust__ws *ws, locust_ws_message *out)
{
    locust__ws_item *item = ws->first;
    if (!item) {
        *out = (locust_ws_message){ws->in.ptr, ws->in.len, ws->binary};
        ws->given = true;
        return;
    }
    ws->first = item->next;
    ws->queued -= item->len + sizeof *item;
    ws->received = item;
    *out = (locust_ws_message){item->data, item->len, item->binary};
}

/* Sends what waits. */
static locust_error locust__ws_drain(locust__ws *ws, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf out = ws->out;
    locust_error error;
    if (!out.len)
        return LOCUST_OK;
    ws->out = (locust__buf){NULL, 0, 0, false};
    ws->sending = true;
    error = locust__stream_write(locust__ws_stream(ws), (locust__view){NULL, 0},
        (locust__view){out.ptr, out.len}, deadline_ns);
    ws->sending = false;
    locust__buf_free(&out);
    return error;
}

/* Sends a frame, masked in the scratch buffer piece by piece. */
static locust_error locust__ws_write(
    locust__ws *ws, unsigned first, const char *bytes, size_t n, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = locust__ws_stream(ws);
    char *scratch = s->net->loop->scratch;
    uint32_t random = (uint32_t)locust__random(&s->net->loop->random);
    unsigned char mask[4];
    size_t used, at = 0;
    locust_error error = locust__stream_settle(s); // unread bytes may lie in the scratch buffer
    if (error)
        return error;
    memcpy(mask, &random, 4);
    used = locust__ws_head_write(scratch, first, n, mask);
    do {
        size_t some = LOCUST__LOOP_SCRATCH - used;
        some = some < n - at ? some : n - at;
        if (some)
            locust__ws_mask(scratch + used, bytes + at, some, mask, at);
        at += some;
        error = locust__stream_write(
            s, (locust__view){scratch, used + some}, (locust__view){NULL, 0}, deadline_ns);
        used = 0;
    } while (!error && at < n);
    return error;
}

/* The connection failed while something was sent. The server may have said why. */
static const char *locust__ws_cannot_send(locust__ws *ws, locust_error error)
{
    if (error != LOCUST_ERR_CANCELLED && error != LOCUST_ERR_TIMEOUT && !ws->dead) {
        locust__ws_stream(ws)->fd.watch.readable = true;
        locust__ws_tend(ws);
    }
    locust__ws_lost(
        ws, error == LOCUST_ERR_CLOSED ? locust__ws_failed(ws, error) : locust__error_text(error));
    return ws->dead;
}

/* Sends a message, or the fragment of one. NULL, or why not: the connection is dead then, unless
 * the text is wrong. */
static const char *locust__ws_send(locust__ws *ws, unsigned opcode, bool last, const void *bytes,
    size_t n, int64_t deadline_ns) LOCUST__PARKS
{
    unsigned first = (last ? 0x80u : 0) | (ws->parts ? (unsigned)LOCUST__WS_OP_MORE : opcode);
    locust__buf z = {NULL, 0, 0, false};
    locust_error error = LOCUST_OK;
    if (ws->dead)
        return ws->dead;
#if LOCUST__WITH_ZLIB
    if (ws->deflate.on && locust__ws_deflate_window(&ws->deflate) && n < 1u << 30) {
        if (!locust__ws_deflate_put(&ws->deflate, n ? bytes : "", n, last, &z))
            error = LOCUST_ERR_MEMORY;
        first |= ws->parts ? 0u : 0x40u;
        bytes = z.ptr;
        n = z.len;
    }
#endif
    ws->parts = last ? 0 : (unsigned char)opcode;
    if (!error)
        error = locust__ws_drain(ws, deadline_ns);
    ws->sending = !error;
    if (!error)
        error = locust__ws_write(ws, first, bytes, n, deadline_ns);
    ws->sending = false;
    locust__buf_free(&z);
    if (error)
        return locust__ws_cannot_send(ws, error);
    locust__ws_pong(ws);
    return NULL;
}

/* Sends Close, and waits for the peer's, and for the end of the connection. NULL, or what is
 * missing. */
static const char *locust__ws_goodbye(
    locust__ws *ws, int code, const char *reason, int64_t deadline_ns) LOCUST__PARKS
{
    locust_error error = locust__ws_drain(ws, deadline_ns);
    const char *wrong = NULL;
    if (!error) {
        locust__ws_say_close(ws, code, reason);
        error = locust__ws_drain(ws, deadline_ns);
    }
    if (error)
        return locust__ws_cannot_send(ws, error);
    while (!ws->close_got && !wrong) {
        enum locust__ws_step step = locust__ws_step(ws);
        if (step == LOCUST__WS_STEP_MESSAGE)
            locust__ws_clear(ws);
        else if (step == LOCUST__WS_STEP_DEAD && !ws->close_got)
            wrong = ws->dead;
        else if (step == LOCUST__WS_STEP_MORE)
            wrong = locust__ws_pump(ws, deadline_ns, "no Close from the peer within a second");
    }
    while (ws->close_got && locust__stream_is_open(locust__ws_stream(ws))) {
        error = locust__stream_fill(locust__ws_stream(ws), deadline_ns);
        locust__ws_stream(ws)->in_len = 0;
        if (error)
            break;
    }
    // Some servers (x/net of Go) end the connection without a Close: it is closed.
    return wrong == locust__ws_no_close ? NULL : wrong;
}
