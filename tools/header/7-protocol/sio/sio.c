/* ============================================================================================
 * >>sio  a Socket.IO connection
 *
 * Purpose     what Engine.IO and Socket.IO say over a WebSocket: sessions, heartbeats, namespaces,
 *             events, acknowledgements, attachments.
 * Invariants  what came is read the same way by the user's calls and by the keeper: heartbeats are
 *             answered, events and the acknowledgement that is waited for are kept. A call that
 *             sends does not make the client busy.
 * Cost        a client: some 800 bytes of heap, its stream included.
 * Names       locust__sio locust__sio_
 * Uses        >>stats >>url >>json >>protocol >>ws_frame >>ws >>ws_talk >>sio_packet
 * Sources     Engine.IO protocol 4, Socket.IO protocol 5 (github.com/socketio); socket.io 4.8,
 *             python-socketio 5.18, netty-socketio 2.0, socketioxide 0.18 as they behave.
 * Limits      events of other namespaces are passed over.
 * ============================================================================================ */

typedef struct locust__sio_item { // an event, or an acknowledgement
    struct locust__sio_item *next;
    int64_t id; // the acknowledgement's; of an event: the one that is wanted; -1: none
    bool ack;
    size_t bytes; // that it takes
    size_t wanted, n_attachments;
    locust_bytes *attachments;
    char *name, *args; // behind the struct
} locust__sio_item;

typedef struct locust__sio {
    locust__protocol_client client; // first
    locust__ws ws;
    const char *error;         // of the last call; NULL: it went well
    const char *why;           // Socket.IO itself ended it for that; NULL: see ws.dead
    char *space, *id;          // namespace; the server's name for the connection to it
    bool joined;               // the namespace is connected
    const char *refused;       // the server has refused that
    int64_t timeout_ns;        // of a send
    int64_t next_ack, awaited; // awaited -1: none
    locust__sio_item *first, *last, *partial, *answer, *given;
    size_t queued;      // bytes that the events take
    int64_t silence_ns; // longest time without a heartbeat
    int64_t beat_ns;    // when the last one came
    bool pong_due, probed;
} locust__sio;

static locust__sio *locust__sio_of(locust__protocol_client *c)
{
    return (locust__sio *)(void *)c;
}

static void locust__sio_item_free(locust__sio_item *item)
{
    for (size_t i = 0; item && i < item->n_attachments; i++)
        LOCUST_FREE((void *)(uintptr_t)item->attachments[i].ptr);
    if (item)
        LOCUST_FREE(item->attachments);
    LOCUST_FREE(item);
}

/* Why there is no connection; NULL: there is one. */
static const char *locust__sio_dead(const locust__sio *sio)
{
    return sio->why ? sio->why : sio->ws.dead;
}

/* The server broke a rule of Socket.IO, or left. */
static void locust__sio_break(locust__sio *sio, const char *why)
{
    if (!locust__sio_dead(sio))
        sio->why = why;
    locust__ws_break(&sio->ws, LOCUST__WS_CODE_NORMAL, why);
}

/* Answers a heartbeat as soon as nothing else goes before. */
static void locust__sio_pong(locust__sio *sio)
{
    if (sio->pong_due && !locust__sio_dead(sio))
        sio->pong_due = !locust__ws_control(&sio->ws, LOCUST__WS_OP_TEXT, "3", 1);
}

/* Makes an event or acknowledgement of a packet. NULL: no memory. */
static locust__sio_item *locust__sio_item_new(const locust__sio_packet *p)
{
    bool ack = p->type == LOCUST__SIO_TYPE_ACK;
    size_t name_len = 0, room = sizeof(locust__sio_item) + 2 * p->data.len + 8;
    locust__sio_item *item = locust__memory_zalloc(room);
    const char *at = NULL, *end = p->data.ptr + p->data.len;
    locust__view first = {p->data.ptr, 0};
    if (!item)
        return NULL;
    item->ack = ack;
    item->id = p->id;
    item->wanted = p->attachments;
    item->bytes = room;
    item->name = (char *)(item + 1);
    if (!ack && locust__json_element(p->data, &at, &first) &&
        !locust__json_decode(first, item->name, p->data.len + 1))
        snprintf(item->name, p->data.len + 1, "?"); // "\u0000"
    name_len = strlen(item->name) + 1;
    item->args = item->name + name_len;
    if (ack) {
        memcpy(item->args, p->data.ptr, p->data.len);
        return item;
    }
    at = locust__json_blank(at, end);
    if (at < end && *at == ',')
        at = locust__json_blank(at + 1, end);
    item->args[0] = '[';
    memcpy(item->args + 1, at, (size_t)(end - at));
    return item;
}

/* An event or acknowledgement is whole: keeps it, if somebody may want it. */
static void locust__sio_keep(locust__sio *sio, locust__sio_item *item)
{
    if (item->ack && (item->id != sio->awaited || sio->answer)) {
        locust__sio_item_free(item); // of a call that has given up
    } else if (item->ack) {
        sio->answer = item;
    } else {
        *(sio->first ? &sio->last->next : &sio->first) = item;
        sio->last = item;
        sio->queued += item->bytes;
    }
}

/* Takes the answer to the wish to join a namespace. */
static void locust__sio_join(locust__sio *sio, const locust__sio_packet *p)
{
    locust__view sid;
    LOCUST_FREE(sio->id);
    sio->id = NULL;
    if (locust__json_find(p->data, "sid", &sid) && sid.len > 2)
        sio->id = locust__text_copy(sid.ptr + 1, sid.len - 2);
    sio->joined = true;
}

/* The sentence of a refusal, which servers give as an object or as a string. */
static const char *locust__sio_refusal(const locust__sio *sio, locust__view data)
{
    locust__view message = data;
    char said[96] = "", text[160];
    if (*data.ptr == '{' && !locust__json_find(data, "message", &message))
        message.len = 0;
    if (!message.len || !locust__json_decode(message, said, sizeof said))
        snprintf(said, sizeof said, "no reason given");
    locust__text_plain(said, strlen(said));
    snprintf(text, sizeof text, "namespace refused: %s", said);
    return locust__stats_text(sio->client.user->all->services->recorder.stats, text);
}

static void locust__sio_take_packet(locust__sio *sio, locust__view text)
{
    locust__sio_packet p;
    const char *wrong = locust__sio_packet_read(text, &p);
    bool ours;
    if (wrong) {
        locust__sio_break(sio, wrong);
        return;
    }
    ours = locust__view_is(p.space, sio->space);
    if (p.type == LOCUST__SIO_TYPE_EVENT || p.type == LOCUST__SIO_TYPE_ACK) {
        locust__sio_item *item = locust__sio_item_new(&p);
        if (!item)
            locust__sio_break(sio, locust__error_text(LOCUST_ERR_MEMORY));
        else if (!item->wanted && ours)
            locust__sio_keep(sio, item);
        else if (!item->wanted)
            locust__sio_item_free(item);
        else
            sio->partial = item; // of any namespace: its attachments follow
        if (sio->partial && !ours)
            sio->partial->name = NULL; // passed over once it is whole
    } else if (ours && p.type == LOCUST__SIO_TYPE_CONNECT) {
        locust__sio_join(sio, &p);
    } else if (ours && p.type == LOCUST__SIO_TYPE_REFUSAL) {
        sio->refused = locust__sio_refusal(sio, p.data);
    } else if (ours) {
        locust__sio_break(sio, "disconnected by the server");
    }
}

/* Takes an attachment. */
static void locust__sio_attach(locust__sio *sio, const char *bytes, size_t n)
{
    locust__sio_item *item = sio->partial;
    locust_bytes *grown;
    char *copy;
    if (!item) {
        locust__sio_break(sio, "bytes that belong to no Socket.IO packet");
        return;
    }
    if (item->bytes + n > sio->ws.max_message) {
        locust__sio_break(sio, "Socket.IO packet larger than .max_message");
        return;
    }
    copy = locust__text_copy(bytes, n);
    grown = LOCUST_REALLOC(item->attachments, (item->n_attachments + 1) * sizeof *grown);
    if (grown)
        item->attachments = grown;
    if (!copy || !grown) {
        LOCUST_FREE(copy);
        locust__sio_break(sio, locust__error_text(LOCUST_ERR_MEMORY));
        return;
    }
    item->attachments[item->n_attachments++] = (locust_bytes){copy, n};
    item->bytes += n + sizeof *grown;
    if (item->n_attachments < item->wanted)
        return;
    sio->partial = NULL;
    if (item->name)
        locust__sio_keep(sio, item);
    else
        locust__sio_item_free(item);
}

/* Takes one message of Engine.IO. */
static void locust__sio_take(locust__sio *sio, const locust_ws_message *m)
{
    locust__view rest = {m->data + 1, m->len - (m->len > 0)};
    if (m->binary) {
        locust__sio_attach(sio, m->data, m->len);
        return;
    }
    switch (*m->data) {
    case '1':
        locust__sio_break(sio, "closed by the server");
        return;
    case '2': // a heartbeat
        sio->beat_ns = sio->client.conn.stream.net->loop->now_ns;
        sio->pong_due = true;
        locust__sio_pong(sio);
        return;
    case '3':
        sio->probed |= locust__view_is(rest, "probe");
        return;
    case '4':
        if (sio->partial)
            locust__sio_break(sio, "Socket.IO packet before the attachments of the last one");
        else
            locust__sio_take_packet(sio, rest);
        return;
    case '6':
        return;
    default:
        locust__sio_break(sio, "Engine.IO packet of an unknown type");
    }
}

/* What came while the user does something else. */
static void locust__sio_tend(locust__protocol_client *c)
{
    locust__sio *sio = locust__sio_of(c);
    locust_ws_message m;
    if (sio->queued < sio->ws.max_message)
        locust__ws_tend(&sio->ws);
    while (sio->ws.first && !sio->why) {
        locust__ws_take(&sio->ws, &m);
        locust__sio_take(sio, &m);
        locust__ws_done(&sio->ws);
    }
    locust__sio_pong(sio);
}

static void locust__sio_tick(locust__protocol_client *c, int64_t now_ns)
{
    locust__sio *sio = locust__sio_of(c);
    locust__sio_pong(sio);
    if (sio->joined && sio->silence_ns && !locust__sio_dead(sio) &&
        now_ns - sio->beat_ns > sio->silence_ns)
        locust__ws_lost(&sio->ws, "no heartbeat from the server in pingInterval and pingTimeout");
    locust__ws_tick(&sio->ws, now_ns);
}

/* Gives an item to the test, in place of the one that it had. */
static void locust__sio_give(locust__sio *sio, locust__sio_item *item)
{
    locust__sio_item_free(sio->given);
    sio->given = item;
}

/* Frees all that a connection had. */
static void locust__sio_clear(locust__sio *sio)
{
    locust__sio_give(sio, NULL);
    while (sio->first) {
        locust__sio_item *item = sio->first;
        sio->first = item->next;
        locust__sio_item_free(item);
    }
    locust__sio_item_free(sio->partial);
    locust__sio_item_free(sio->answer);
    LOCUST_FREE(sio->space);
    LOCUST_FREE(sio->id);
    memset(&sio->ws + 1, 0, sizeof *sio - offsetof(locust__sio, ws) - sizeof sio->ws);
    sio->awaited = -1;
}

static void locust__sio_end(locust__protocol_client *c)
{
    locust__sio *sio = locust__sio_of(c);
    if (sio->joined && !locust__sio_dead(sio))
        locust__ws_control(&sio->ws, LOCUST__WS_OP_TEXT, "41", 2);
    locust__ws_end(&sio->ws);
    locust__sio_clear(sio);
}

static const locust__protocol_kind locust__sio_kind = {
    sizeof(locust__sio), locust__sio_end, locust__sio_tend, locust__sio_tick, true};

/* Reads the next message. NULL, or why there is none. */
static const char *locust__sio_pump(
    locust__sio *sio, int64_t deadline_ns, const char *timeout) LOCUST__PARKS
{
    const char *wrong = locust__sio_dead(sio);
    locust_ws_message m;
    if (!wrong)
        wrong = locust__ws_wait(&sio->ws, deadline_ns, timeout);
    if (wrong)
        return wrong;
    locust__ws_take(&sio->ws, &m);
    locust__sio_take(sio, &m);
    locust__ws_done(&sio->ws);
    return NULL;
}

/* Sends a text. NULL, or why not. */
static const char *locust__sio_send(
    locust__sio *sio, const locust__buf *text, int64_t deadline_ns) LOCUST__PARKS
{
    const char *wrong = locust__sio_dead(sio);
    if (!wrong && text->failed)
        wrong = locust__error_text(LOCUST_ERR_MEMORY);
    if (!wrong)
        wrong =
            locust__ws_send(&sio->ws, LOCUST__WS_OP_TEXT, true, text->ptr, text->len, deadline_ns);
    locust__sio_pong(sio);
    return wrong;
}

/* Takes what the server says when a session opens: 0{"sid":...}. NULL, or what is wrong. */
static const char *locust__sio_opened(locust__sio *sio, locust__view text, locust__buf *sid)
{
    locust__view json, v;
    int64_t interval = 25000, timeout = 20000;
    json = text.len ? locust__view_skip(text, 1) : text;
    if (!text.len || *text.ptr != '0' || !locust__json_is_valid(json) ||
        !locust__json_find(json, "sid", &v) || v.len < 3 || *v.ptr != '"')
        return "no Engine.IO session: the answer is not that of Engine.IO 4";
    if (sid) {
        locust__buf_add(sid, v.ptr + 1, v.len - 2);
        locust__buf_add(sid, "", 1);
    }
    if (locust__json_find(json, "pingInterval", &v) && !locust__json_int(v, &interval))
        interval = -1;
    if (locust__json_find(json, "pingTimeout", &v) && !locust__json_int(v, &timeout))
        timeout = -1;
    if (interval < 0 || timeout < 0 || interval > 1000000000 || timeout > 1000000000)
        return "Engine.IO session with an invalid pingInterval or pingTimeout";
    sio->silence_ns = (interval + timeout) * LOCUST__MS;
    return NULL;
}

/* Adds the URL of a request: scheme, host and port of `base`, the path, the query. */
static void locust__sio_url(
    locust__buf *out, const char *base, const char *path, const char *transport, const char *sid)
{
    const char *host = strstr(base, "://");
    size_t n = host ? (size_t)(host + 3 - base) + strcspn(host + 3, "/?#") : 0;
    out->len = 0;
    locust__buf_add(out, base, n);
    locust__buf_printf(out, "%s%s%cEIO=4&transport=%s", *path == '/' ? "" : "/", path,
        strchr(path, '?') ? '&' : '?', transport);
    if (sid) {
        locust__buf_puts(out, "&sid=");
        locust__url_add_form(out, sid);
    }
    locust__buf_add(out, "", 1);
}
