/* ============================================================================================
 * >>websocket_client  the WebSocket of a user
 *
 * Purpose     the public calls of WebSocket: connect, send, receive, ping, close.
 * Invariants  a call that sends does not make the client busy: what the server sends meanwhile is
 *             read by the keeper, so that two ends that both send do not wait for each other.
 * Cost        a client: some 700 bytes of heap, its stream included.
 * Names       locust__websocket locust__websocket_
 * Uses        >>co >>misuse >>stack >>allowance >>client >>user >>retry >>control >>protocol
 *             >>ws_frame >>ws >>ws_talk >>ws_opening
 * Sources     RFC 6455.
 * ============================================================================================ */

typedef struct locust__websocket {
    locust__protocol_client client; // first
    locust__ws ws;
    const char *error;    // of the last call; NULL: it went well
    int64_t timeout_ns;   // of a send
    locust__ws_utf8 sent; // how far the text has come whose fragments the test sends
} locust__websocket;

static locust__websocket *locust__websocket_of(locust__protocol_client *c)
{
    return (locust__websocket *)(void *)c;
}

static void locust__websocket_end(locust__protocol_client *c)
{
    locust__ws_end(&locust__websocket_of(c)->ws);
}

static void locust__websocket_tend(locust__protocol_client *c)
{
    locust__ws_tend(&locust__websocket_of(c)->ws);
}

static void locust__websocket_tick(locust__protocol_client *c, int64_t now_ns)
{
    locust__ws_tick(&locust__websocket_of(c)->ws, now_ns);
}

static const locust__protocol_kind locust__websocket_kind = {sizeof(locust__websocket),
    locust__websocket_end, locust__websocket_tend, locust__websocket_tick, true};

/* Makes the row of an operation, and ends its call; a user that was cut leaves its task. */
static bool locust__websocket_result(locust__websocket *w, const locust__operation *o,
    const locust_stream *s, const char *wrong) LOCUST__PARKS
{
    w->error = wrong;
    if (w->client.user->co->cancelled)
        locust__operation_cut(o);
    else
        locust__operation_end(o, s, wrong, 0);
    locust__protocol_leave(&w->client, LOCUST_OK);
    return !wrong;
}

static bool locust__websocket_connect(
    locust__user *user, const locust_ws_options *options) LOCUST__PARKS
{
    locust__operation o =
        locust__operation_begin(user, "WS", options->name ? options->name : "connect");
    locust__websocket *w = locust__websocket_of(locust__protocol_of(user, &locust__websocket_kind));
    locust__allowance a = {LOCUST__NEVER, 0};
    locust__buf url = {NULL, 0, 0, false};
    locust_error error = LOCUST_ERR_MEMORY;
    const char *wrong = locust__error_text(error);
    if (!w) {
        locust__operation_end(&o, NULL, wrong, 0);
        return false;
    }
    locust__ws_base(user, options->url, &url);
    locust__protocol_enter(&w->client);
    locust__ws_init(&w->ws, &w->client);
    w->timeout_ns = options->timeout_s < 0   ? LOCUST__NEVER
                    : options->timeout_s > 0 ? locust__time_ns(options->timeout_s)
                                             : 60 * LOCUST__S;
    a.deadline_ns = locust__time_after(o.start_ns, w->timeout_ns);
    if (!url.failed)
        wrong = locust__ws_open(&w->ws, options, url.ptr, &a, &error);
    locust__buf_free(&url);
    o.start_ns += a.generator_ns;
    locust__retry_note(user, error);
    if (user->all->services->tls.broken) {
        w->client.busy = false;
        locust__protocol_check_tls(user, false);
    }
    return locust__websocket_result(w, &o, &w->client.conn.stream, wrong);
}

LOCUST__APART LOCUST_API bool(locust_ws_connect)(locust_user *u, const locust_ws_options *options)
{
    locust__user *user = locust__control_waiting(u, "locust_ws_connect");
    if (locust__control_is_dead(
            locust__stack_low(user->co->stack), __builtin_frame_address(0), options->headers))
        locust__misuse("locust_ws_connect() has .headers of a function that has returned: "
                       "LOCUST_HEADERS and local arrays live until the end of their block");
    return locust__websocket_connect(user, options);
}

/* The user's connection, opened if there was none yet. NULL: no memory. */
static locust__websocket *locust__websocket_ready(
    locust_user *u, const char *call, bool opens) LOCUST__PARKS
{
    locust__user *user = locust__control_waiting(u, call);
    locust__websocket *w =
        locust__websocket_of(locust__protocol_find(user, &locust__websocket_kind));
    if (!w && opens) {
        locust__websocket_connect(user, &(locust_ws_options){.url = NULL});
        w = locust__websocket_of(locust__protocol_find(user, &locust__websocket_kind));
    }
    if (w)
        w->error = NULL;
    return w;
}

/* Ends a call that sends: only what went wrong is counted. */
static bool locust__websocket_sent(
    locust__websocket *w, const char *name, int64_t start_ns, const char *wrong) LOCUST__PARKS
{
    locust__operation o = {w->client.user, "WS", name, start_ns, NULL};
    w->error = wrong;
    if (wrong && w->ws.dead)
        locust__operation_lost(w->client.user);
    if (wrong && !w->client.user->co->cancelled) {
        locust__client_settle(w->client.user->client);
        locust__operation_end(&o, NULL, wrong, 0);
    }
    locust__protocol_leave(&w->client, LOCUST_OK);
    return !wrong;
}

/* Sends a message or a fragment. */
static bool locust__websocket_send(
    locust__websocket *w, unsigned opcode, bool last, const void *bytes, size_t n) LOCUST__PARKS
{
    int64_t start_ns = locust__loop_clock(w->client.user->all->services->loop);
    const char *wrong = w->ws.dead;
    if (w->ws.parts)
        opcode = w->ws.parts;
    else
        w->sent.left = 0;
    if (!wrong && opcode == LOCUST__WS_OP_TEXT &&
        (!locust__ws_utf8_take(&w->sent, bytes, n) || (last && w->sent.left)))
        wrong = "the test's text is not UTF-8";
    if (!wrong)
        wrong = locust__ws_send(
            &w->ws, opcode, last, bytes, n, locust__time_after(start_ns, w->timeout_ns));
    return locust__websocket_sent(w, "send", start_ns, wrong);
}

LOCUST_API bool(locust_ws_send)(locust_user *u, const char *text)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_send", true);
    return w && locust__websocket_send(w, LOCUST__WS_OP_TEXT, true, text, strlen(text));
}

LOCUST_API bool(locust_ws_send_bytes)(locust_user *u, const void *bytes, size_t n)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_send_bytes", true);
    return w && locust__websocket_send(w, LOCUST__WS_OP_BINARY, true, bytes, n);
}

LOCUST_API bool(locust_ws_send_part)(
    locust_user *u, const void *bytes, size_t n, bool binary, bool last)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_send_part", true);
    return w && locust__websocket_send(
                    w, binary ? LOCUST__WS_OP_BINARY : LOCUST__WS_OP_TEXT, last, bytes, n);
}

LOCUST_API bool(locust_ws_receive)(locust_user *u, locust_ws_message *out, double seconds)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_receive", true);
    int64_t now_ns = locust__loop_clock(locust__loop_now);
    *out = (locust_ws_message){"", 0, false};
    if (!w)
        return false;
    locust__protocol_enter(&w->client);
    locust__ws_done(&w->ws);
    w->error = locust__ws_wait(&w->ws,
        seconds < 0 ? LOCUST__NEVER : locust__time_after(now_ns, locust__time_ns(seconds)),
        "no message within the time given");
    if (!w->error && !w->client.user->co->cancelled)
        locust__ws_take(&w->ws, out);
    if (w->error && w->ws.dead)
        locust__operation_lost(w->client.user);
    locust__protocol_leave(&w->client, LOCUST_OK);
    return !w->error;
}

/* Waits for the pong of the last ping; keeps the messages that come before it. */
static const char *locust__websocket_await_pong(locust__ws *ws, int64_t deadline_ns) LOCUST__PARKS
{
    const char *wrong = NULL;
    while (!wrong && ws->pongs != ws->pings) {
        enum locust__ws_step step = locust__ws_step(ws);
        if (step == LOCUST__WS_STEP_MESSAGE && !locust__ws_reads_on(ws))
            locust__ws_break(ws, LOCUST__WS_CODE_SIZE,
                "more messages before a pong than .max_message has room for");
        else if (step == LOCUST__WS_STEP_MESSAGE)
            locust__ws_keep(ws);
        else if (ws->pongs == ws->pings)
            break;
        else if (step == LOCUST__WS_STEP_MORE)
            wrong = locust__ws_pump(ws, deadline_ns, "no pong within the time given");
        if (ws->dead)
            wrong = ws->dead;
    }
    return wrong;
}

LOCUST_API bool(locust_ws_ping)(locust_user *u, double seconds)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_ping", true);
    locust__operation o;
    const char *wrong;
    int64_t deadline_ns;
    if (!w)
        return false;
    o = locust__operation_begin(w->client.user, "WS", "ping");
    deadline_ns =
        seconds < 0 ? LOCUST__NEVER : locust__time_after(o.start_ns, locust__time_ns(seconds));
    locust__protocol_enter(&w->client);
    locust__ws_done(&w->ws);
    wrong = w->ws.dead;
    if (!wrong) {
        locust_error error = locust__ws_drain(&w->ws, deadline_ns);
        wrong = error ? locust__ws_cannot_send(&w->ws, error) : NULL;
    }
    if (!wrong) {
        w->ws.pings++;
        locust__ws_control(
            &w->ws, LOCUST__WS_OP_PING, (const char *)&w->ws.pings, sizeof w->ws.pings);
        wrong = locust__websocket_await_pong(&w->ws, deadline_ns);
    }
    return locust__websocket_result(w, &o, &w->client.conn.stream, wrong);
}

LOCUST_API bool(locust_ws_close)(locust_user *u, int code, const char *reason)
{
    locust__websocket *w = locust__websocket_ready(u, "locust_ws_close", false);
    int64_t start_ns = locust__loop_clock(locust__loop_now);
    const char *wrong = NULL;
    if (code && !locust__ws_code_is_valid(code))
        locust__misuse(
            "locust_ws_close() takes a code of 1000 to 1003, 1007 to 1014, 3000 to 4999, or 0: "
            "not %d",
            code);
    if (reason && (strlen(reason) > LOCUST__WS_FRAME_CONTROL - 2 || (*reason && !code)))
        locust__misuse(
            "locust_ws_close() takes a reason of up to 123 bytes, and none without a code");
    if (!w)
        return true;
    locust__protocol_enter(&w->client);
    locust__ws_done(&w->ws);
    if (w->ws.dead && !w->ws.close_got)
        wrong = w->ws.dead;
    else if (!w->ws.dead)
        wrong = locust__ws_goodbye(
            &w->ws, code, reason ? reason : "", locust__time_after(start_ns, LOCUST__S));
    locust__ws_lost(&w->ws, locust__ws_by_test);
    if (!wrong)
        w->ws.dead = locust__ws_by_test;
    return locust__websocket_sent(w, "close", start_ns, wrong);
}

LOCUST_API const char *locust_ws_error(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_ws_error");
    locust__protocol_client *c = locust__protocol_find(user, &locust__websocket_kind);
    return c ? locust__websocket_of(c)->error : locust__error_text(LOCUST_ERR_MEMORY);
}

LOCUST_API const char *locust_ws_subprotocol(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_ws_subprotocol");
    locust__protocol_client *c = locust__protocol_find(user, &locust__websocket_kind);
    const char *chosen = c ? locust__websocket_of(c)->ws.subprotocol : NULL;
    return chosen ? chosen : "";
}

LOCUST_API int locust_ws_close_code(locust_user *u, const char **reason)
{
    const locust__user *user = locust__control_user(u, "locust_ws_close_code");
    locust__protocol_client *c = locust__protocol_find(user, &locust__websocket_kind);
    if (reason)
        *reason = c ? locust__websocket_of(c)->ws.reason : "";
    return c ? locust__websocket_of(c)->ws.code : 0;
}
