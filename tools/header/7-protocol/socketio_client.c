/* ============================================================================================
 * >>socketio_client  the Socket.IO of a user
 *
 * Purpose     the public calls of Socket.IO: connect by WebSocket, or by long-polling with an
 *             upgrade, emit, call, receive, acknowledge, close.
 * Invariants  requests of long-polling use the session's connections and make no rows.
 * Names       locust__socketio_
 * Uses        >>co >>misuse >>stack >>stats >>allowance >>response_head >>json >>services
 *             >>base_url >>client >>head_out >>request >>user >>retry >>control >>protocol
 *             >>ws_frame >>ws >>ws_talk >>ws_opening >>sio_packet >>sio
 * Sources     Engine.IO protocol 4, "Upgrade"; Locust 2.47 for rows.
 * Limits      it begins by long-polling, and does not stay there: a server without an upgrade to
 *             WebSocket is refused in words.
 * ============================================================================================ */

typedef struct locust__socketio_http { // a request of long-polling; in the heap
    locust__client client;
    locust__exchange x;
    locust_request req;
} locust__socketio_http;

/* Sends a request of long-polling; body NULL: a GET. NULL, or why there is no answer; *out: it. */
static const char *locust__socketio_ask(locust__sio *sio, const locust_sio_options *options,
    const char *url, const char *body, int64_t deadline_ns, locust__buf *out) LOCUST__PARKS
{
    static locust__base_url none; // the URL is absolute
    locust__user *user = sio->client.user;
    locust__services *sv = user->all->services;
    locust__socketio_http *r = locust__memory_zalloc(sizeof *r);
    locust__response_head h = {.status = 0};
    size_t body_at = 0;
    char text[64];
    locust_error error;
    out->len = 0;
    if (!r)
        return locust__error_text(LOCUST_ERR_MEMORY);
    locust__client_init(&r->client, sv, &user->as, &user->cls->route, user->client->session);
    r->req = (locust_request){.url = url,
        .name = url,
        .headers = options->headers,
        .body = body,
        .body_len = body ? strlen(body) : 0};
    r->x.req = &r->req;
    r->x.method = body ? "POST" : "GET";
    r->x.deadline_ns = deadline_ns;
    error = locust__head_out_target(&r->client, &r->x, &none);
    if (!error)
        error = locust__request_hops(&r->client, &r->x, &h, &body_at);
    if (!error) {
        locust__buf_add(out, r->client.block.ptr + body_at, r->client.block.len - body_at);
        locust__buf_add(out, "", 1);
        error = out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
        out->len -= !error;
    }
    locust__buf_free(&r->x.url_auth);
    locust__buf_free(&r->client.block);
    LOCUST_FREE(r);
    if (error)
        return locust__error_text(error);
    snprintf(text, sizeof text, "status %d in place of 200", h.status);
    return h.status == 200 ? NULL : locust__stats_text(sv->recorder.stats, text);
}

/* Takes the packets of one answer, which 0x1E separates; one that begins with b is base64. */
static const char *locust__socketio_payload(locust__sio *sio, locust__buf *answer)
{
    locust__buf bytes = {NULL, 0, 0, false};
    for (char *at = answer->ptr, *end = at + answer->len; at < end && !locust__sio_dead(sio);) {
        char *stop = memchr(at, 0x1E, (size_t)(end - at));
        locust_ws_message m = {at, (size_t)((stop ? stop : end) - at), *at == 'b'};
        at += m.len + 1;
        if (m.binary) {
            bytes.len = 0;
            if (!locust__base64_decode(&bytes, (locust__view){m.data + 1, m.len - 1})) {
                locust__sio_break(sio, "Engine.IO packet that is not base64");
                break;
            }
            m = (locust_ws_message){bytes.len ? bytes.ptr : "", bytes.len, true};
        } else if (stop) {
            *stop = '\0';
        }
        locust__sio_take(sio, &m);
    }
    locust__buf_free(&bytes);
    return locust__sio_dead(sio);
}

/* Writes the wish to join the namespace: 40/room,{"token":"x"}. */
static void locust__socketio_join(locust__buf *out, const locust__sio *sio, const char *auth)
{
    out->len = 0;
    locust__sio_packet_write(out, LOCUST__SIO_TYPE_CONNECT, 0, sio->space, -1);
    locust__buf_puts(out, auth ? auth : "");
}

/* Begins by long-polling, up to the namespace. *sid: of the session. */
static const char *locust__socketio_poll(locust__sio *sio, const locust_sio_options *options,
    const char *base, int64_t deadline_ns, locust__buf *sid) LOCUST__PARKS
{
    const char *path = options->path ? options->path : "/socket.io/", *wrong;
    locust__buf url = {NULL, 0, 0, false}, answer = {NULL, 0, 0, false}, join = {NULL, 0, 0, false};
    locust__view list;
    locust__sio_url(&url, base, path, "polling", NULL);
    wrong = locust__socketio_ask(sio, options, url.ptr, NULL, deadline_ns, &answer);
    if (!wrong)
        wrong = locust__sio_opened(sio, (locust__view){answer.ptr, answer.len}, sid);
    if (!wrong &&
        (!locust__json_find((locust__view){answer.ptr + 1, answer.len - 1}, "upgrades", &list) ||
            list.len < 2 || !strstr(answer.ptr, "\"websocket\"")))
        wrong = "no upgrade from long-polling to WebSocket is offered";
    if (!wrong) {
        locust__sio_url(&url, base, path, "polling", sid->ptr);
        locust__socketio_join(&join, sio, options->auth);
        locust__buf_add(&join, "", 1);
        wrong = url.failed || join.failed
                    ? locust__error_text(LOCUST_ERR_MEMORY)
                    : locust__socketio_ask(sio, options, url.ptr, join.ptr, deadline_ns, &answer);
    }
    while (!wrong && !sio->joined && !sio->refused) {
        wrong = locust__socketio_ask(sio, options, url.ptr, NULL, deadline_ns, &answer);
        if (!wrong)
            wrong = locust__socketio_payload(sio, &answer);
    }
    locust__buf_free(&url);
    locust__buf_free(&answer);
    locust__buf_free(&join);
    return wrong ? wrong : sio->refused;
}

/* Turns a session of long-polling into one over the WebSocket that is open now. */
static const char *locust__socketio_upgrade(locust__sio *sio, int64_t deadline_ns) LOCUST__PARKS
{
    const char *wrong =
        locust__ws_send(&sio->ws, LOCUST__WS_OP_TEXT, true, "2probe", 6, deadline_ns);
    while (!wrong && !sio->probed)
        wrong = locust__sio_pump(sio, deadline_ns, locust__error_text(LOCUST_ERR_TIMEOUT));
    if (!wrong)
        wrong = locust__ws_send(&sio->ws, LOCUST__WS_OP_TEXT, true, "5", 1, deadline_ns);
    locust__sio_pong(sio);
    return wrong;
}

/* Opens a session over the WebSocket that is open now, and joins the namespace. */
static const char *locust__socketio_enter(
    locust__sio *sio, const locust_sio_options *options, int64_t deadline_ns) LOCUST__PARKS
{
    const char *late = locust__error_text(LOCUST_ERR_TIMEOUT);
    locust__buf join = {NULL, 0, 0, false};
    locust_ws_message m;
    const char *wrong = locust__ws_wait(&sio->ws, deadline_ns, late);
    if (wrong)
        return wrong;
    locust__ws_take(&sio->ws, &m);
    wrong = locust__sio_opened(sio, (locust__view){m.data, m.binary ? 0 : m.len}, NULL);
    locust__ws_done(&sio->ws);
    if (wrong)
        return wrong;
    locust__socketio_join(&join, sio, options->auth);
    wrong = locust__sio_send(sio, &join, deadline_ns);
    locust__buf_free(&join);
    while (!wrong && !sio->joined && !sio->refused)
        wrong = locust__sio_pump(sio, deadline_ns, late);
    return wrong ? wrong : sio->refused;
}

/* Connects to `base`, which is an http or https URL. */
static const char *locust__socketio_open(locust__sio *sio, const locust_sio_options *options,
    const char *base, locust__allowance *a, locust_error *error) LOCUST__PARKS
{
    const char *path = options->path ? options->path : "/socket.io/", *wrong = NULL;
    locust_ws_options ws = {.headers = options->headers, .max_message = options->max_message};
    locust__buf url = {NULL, 0, 0, false}, sid = {NULL, 0, 0, false};
    if (options->polling)
        wrong = locust__socketio_poll(sio, options, base, a->deadline_ns, &sid);
    if (!wrong) {
        locust__sio_url(&url, base, path, "websocket", options->polling ? sid.ptr : NULL);
        wrong = url.failed ? locust__error_text(*error = LOCUST_ERR_MEMORY)
                           : locust__ws_open(&sio->ws, &ws, url.ptr, a, error);
    }
    if (!wrong)
        wrong = options->polling ? locust__socketio_upgrade(sio, a->deadline_ns)
                                 : locust__socketio_enter(sio, options, a->deadline_ns);
    locust__buf_free(&url);
    locust__buf_free(&sid);
    sio->beat_ns = sio->client.user->all->services->loop->now_ns;
    if (wrong) {
        if (!sio->why)
            sio->why = wrong;
        locust__ws_end(&sio->ws);
    }
    return wrong;
}

/* Refuses options that contradict the protocol. */
static void locust__socketio_check(const locust_sio_options *options)
{
    const char *space = options->sio_namespace;
    if (space && (*space != '/' || strpbrk(space, ",?")))
        locust__misuse(
            "locust_sio_connect() takes a .sio_namespace that begins with '/' and has no "
            "',' or '?', not \"%.80s\"",
            space);
    if (options->auth &&
        (*options->auth != '{' || !locust__json_is_valid(locust__view_of(options->auth))))
        locust__misuse("locust_sio_connect() takes an .auth that is a JSON object");
}

static bool locust__socketio_connect(
    locust__user *user, const locust_sio_options *options) LOCUST__PARKS
{
    locust__operation o =
        locust__operation_begin(user, "WS", options->name ? options->name : "connect");
    locust__sio *sio = locust__sio_of(locust__protocol_of(user, &locust__sio_kind));
    locust__allowance a = {LOCUST__NEVER, 0};
    locust__buf base = {NULL, 0, 0, false};
    locust_error error = LOCUST_OK;
    const char *wrong;
    if (!sio) {
        locust__operation_end(&o, NULL, locust__error_text(LOCUST_ERR_MEMORY), 0);
        return false;
    }
    locust__ws_base(user, options->url, &base);
    locust__protocol_enter(&sio->client);
    locust__ws_init(&sio->ws, &sio->client);
    locust__sio_clear(sio);
    sio->space = locust__text_copy(options->sio_namespace ? options->sio_namespace : "/",
        strlen(options->sio_namespace ? options->sio_namespace : "/"));
    sio->timeout_ns = options->timeout_s < 0   ? LOCUST__NEVER
                      : options->timeout_s > 0 ? locust__time_ns(options->timeout_s)
                                               : 60 * LOCUST__S;
    a.deadline_ns = locust__time_after(o.start_ns, sio->timeout_ns);
    wrong = base.failed || !sio->space ? locust__error_text(error = LOCUST_ERR_MEMORY)
                                       : locust__socketio_open(sio, options, base.ptr, &a, &error);
    locust__buf_free(&base);
    o.start_ns += a.generator_ns;
    locust__retry_note(user, error);
    sio->error = wrong;
    if (user->all->services->tls.broken) {
        sio->client.busy = false;
        locust__protocol_check_tls(user, false);
    }
    if (user->co->cancelled)
        locust__operation_cut(&o);
    else
        locust__operation_end(&o, &sio->client.conn.stream, wrong, 0);
    locust__protocol_leave(&sio->client, LOCUST_OK);
    return !wrong;
}

LOCUST__APART LOCUST_API bool(locust_sio_connect)(locust_user *u, const locust_sio_options *options)
{
    locust__user *user = locust__control_waiting(u, "locust_sio_connect");
    if (locust__control_is_dead(
            locust__stack_low(user->co->stack), __builtin_frame_address(0), options->headers))
        locust__misuse("locust_sio_connect() has .headers of a function that has returned: "
                       "LOCUST_HEADERS and local arrays live until the end of their block");
    locust__socketio_check(options);
    return locust__socketio_connect(user, options);
}

/* The user's connection, opened if there was none yet. NULL: no memory. */
static locust__sio *locust__socketio_ready(
    locust_user *u, const char *call, bool opens) LOCUST__PARKS
{
    locust__user *user = locust__control_waiting(u, call);
    locust__sio *sio = locust__sio_of(locust__protocol_find(user, &locust__sio_kind));
    if (!sio && opens) {
        locust__socketio_connect(user, &(locust_sio_options){.url = NULL});
        sio = locust__sio_of(locust__protocol_find(user, &locust__sio_kind));
    }
    if (sio)
        sio->error = NULL;
    return sio;
}

/* Ends a call: makes its row, if it has one, and leaves the task if the user was cut. */
static void locust__socketio_leave(locust__sio *sio, const locust__operation *o,
    const locust_stream *s, const char *wrong, size_t length) LOCUST__PARKS
{
    sio->error = wrong;
    if (wrong && locust__sio_dead(sio))
        locust__operation_lost(sio->client.user);
    if (o && sio->client.user->co->cancelled)
        locust__operation_cut(o);
    else if (o)
        locust__operation_end(o, s, wrong, length);
    locust__protocol_leave(&sio->client, LOCUST_OK);
}

/* Sends an event, or (event NULL) an acknowledgement, and its attachments. */
static const char *locust__socketio_say(locust__sio *sio, const char *event, int64_t id,
    const locust_sio_data *data, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf text = {NULL, 0, 0, false};
    const char *args = data->args ? data->args : "", *wrong;
    size_t array;
    locust__sio_packet_write(&text, event ? LOCUST__SIO_TYPE_EVENT : LOCUST__SIO_TYPE_ACK,
        data->n_attachments, sio->space ? sio->space : "/", id);
    array = text.len;
    locust__buf_puts(&text, "[");
    if (event)
        locust__json_put(&text, event);
    if (event && *args)
        locust__buf_puts(&text, ",");
    locust__buf_puts(&text, args);
    locust__buf_puts(&text, "]");
    if (!text.failed && !locust__json_is_valid((locust__view){text.ptr + array, text.len - array}))
        wrong = "the test's arguments are not JSON values, separated by commas";
    else
        wrong = locust__sio_send(sio, &text, deadline_ns);
    locust__buf_free(&text);
    for (size_t i = 0; !wrong && i < data->n_attachments; i++)
        wrong = locust__ws_send(&sio->ws, LOCUST__WS_OP_BINARY, true, data->attachments[i].ptr,
            data->attachments[i].n, deadline_ns);
    return wrong;
}

LOCUST_API bool(locust_sio_emit)(locust_user *u, const char *event, const locust_sio_data *data)
{
    locust__sio *sio = locust__socketio_ready(u, "locust_sio_emit", true);
    locust__operation o;
    const char *wrong;
    if (!sio)
        return false;
    o = locust__operation_begin(sio->client.user, "WSE", data->name ? data->name : event);
    wrong =
        locust__socketio_say(sio, event, -1, data, locust__time_after(o.start_ns, sio->timeout_ns));
    locust__socketio_leave(sio, &o, NULL, wrong, data->args ? strlen(data->args) : 0);
    return !wrong;
}

LOCUST_API const char *(
    locust_sio_call)(locust_user *u, const char *event, const locust_sio_data *data)
{
    locust__sio *sio = locust__socketio_ready(u, "locust_sio_call", true);
    double timeout_s = data->timeout_s;
    int64_t deadline_ns;
    locust__operation o;
    const char *wrong;
    if (!sio)
        return NULL;
    o = locust__operation_begin(sio->client.user, "WSC", data->name ? data->name : event);
    deadline_ns = timeout_s < 0 ? LOCUST__NEVER
                                : locust__time_after(
                                      o.start_ns, locust__time_ns(timeout_s > 0 ? timeout_s : 60));
    locust__protocol_enter(&sio->client);
    sio->awaited = sio->next_ack++;
    wrong = locust__socketio_say(sio, event, sio->awaited, data, deadline_ns);
    while (!wrong && !sio->answer)
        wrong = locust__sio_pump(sio, deadline_ns, "no acknowledgement within the time given");
    sio->awaited = -1;
    locust__sio_give(sio, sio->answer);
    sio->answer = NULL;
    locust__socketio_leave(sio, &o, &sio->client.conn.stream, wrong,
        sio->given && !wrong ? strlen(sio->given->args) : 0);
    return wrong ? NULL : sio->given->args;
}

LOCUST_API bool(locust_sio_receive)(locust_user *u, locust_sio_event *out, double seconds)
{
    locust__sio *sio = locust__socketio_ready(u, "locust_sio_receive", true);
    int64_t deadline_ns, now_ns = locust__loop_clock(locust__loop_now);
    const char *wrong = NULL;
    locust__operation o;
    *out = (locust_sio_event){"", "[]", NULL, 0, -1};
    if (!sio)
        return false;
    deadline_ns =
        seconds < 0 ? LOCUST__NEVER : locust__time_after(now_ns, locust__time_ns(seconds));
    locust__protocol_enter(&sio->client);
    while (!wrong && !sio->first)
        wrong = locust__sio_pump(sio, deadline_ns, "no event within the time given");
    if (wrong || sio->client.user->co->cancelled) {
        locust__socketio_leave(sio, NULL, NULL, wrong, 0);
        return false;
    }
    locust__sio_give(sio, sio->first);
    sio->first = sio->given->next;
    sio->queued -= sio->given->bytes;
    *out = (locust_sio_event){sio->given->name, sio->given->args, sio->given->attachments,
        sio->given->n_attachments, sio->given->id};
    o = locust__operation_begin(sio->client.user, "WSR", out->name);
    locust__socketio_leave(sio, &o, NULL, NULL, strlen(out->args));
    return true;
}

LOCUST_API bool(locust_sio_ack)(locust_user *u, int64_t ack, const char *args)
{
    locust__sio *sio = locust__socketio_ready(u, "locust_sio_ack", false);
    const char *wrong;
    if (!sio || ack < 0)
        return false;
    wrong = locust__socketio_say(sio, NULL, ack, &(locust_sio_data){.args = args},
        locust__time_after(locust__loop_clock(locust__loop_now), sio->timeout_ns));
    locust__socketio_leave(sio, NULL, NULL, wrong, 0);
    return !wrong;
}

LOCUST_API bool(locust_sio_close)(locust_user *u)
{
    locust__sio *sio = locust__socketio_ready(u, "locust_sio_close", false);
    int64_t deadline_ns = locust__time_after(locust__loop_clock(locust__loop_now), LOCUST__S);
    locust__buf text = {NULL, 0, 0, false};
    const char *wrong = NULL;
    if (!sio)
        return true;
    locust__protocol_enter(&sio->client);
    if (!locust__sio_dead(sio)) {
        locust__sio_packet_write(&text, LOCUST__SIO_TYPE_DISCONNECT, 0, sio->space, -1);
        wrong = locust__sio_send(sio, &text, deadline_ns);
        locust__buf_free(&text);
        if (!wrong)
            wrong = locust__ws_goodbye(&sio->ws, LOCUST__WS_CODE_NORMAL, "", deadline_ns);
        locust__ws_lost(&sio->ws, locust__ws_by_test);
        sio->why = locust__ws_by_test;
    }
    locust__socketio_leave(sio, NULL, NULL, wrong, 0);
    return !wrong;
}

LOCUST_API const char *locust_sio_error(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_sio_error");
    locust__protocol_client *c = locust__protocol_find(user, &locust__sio_kind);
    return c ? locust__sio_of(c)->error : locust__error_text(LOCUST_ERR_MEMORY);
}

LOCUST_API const char *locust_sio_id(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_sio_id");
    locust__protocol_client *c = locust__protocol_find(user, &locust__sio_kind);
    return c && locust__sio_of(c)->id ? locust__sio_of(c)->id : "";
}
