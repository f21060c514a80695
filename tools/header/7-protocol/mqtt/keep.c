/* ============================================================================================
 * >>mqtt_keep  an MQTT client looks after its connection
 *
 * Purpose     takes what comes: acknowledges, answers, pings, notices the end. The keeper does that
 *             while the user does something else, and the user's own calls while they wait.
 * Invariants  nothing here parks. Every connection that ends is told once: by the call that runs,
 *             else by a failure of the row "MQTT disconnect".
 * Names       locust__mqtt_end locust__mqtt_keep_ locust__mqtt_limits_ locust__mqtt_lose
 *             locust__mqtt_protocol locust__mqtt_take locust__mqtt_tend locust__mqtt_tick
 * Uses        >>co >>stream >>protocol >>mqtt_packet >>mqtt_client >>mqtt_message
 * Sources     OASIS MQTT 3.1.1 and 5.0, section 3.1.2.10 (keep alive).
 * ============================================================================================ */

/* Notes when the answer came that the call waits for. */
static void locust__mqtt_keep_answered(locust__mqtt *m, const locust__mqtt_in *in)
{
    m->wait_codes.len = 0;
    locust__buf_add(&m->wait_codes, in->codes.ptr, in->codes.len);
    m->answered = true;
}

/* Takes what the broker allows, [5-3.2.2.3]. */
static const char *locust__mqtt_limits_take(locust__mqtt *m, const locust__mqtt_in *in)
{
    uint32_t keep_s = locust__mqtt_get_number(in, LOCUST__MQTT_P_KEEP_ALIVE, UINT32_MAX);
    locust__mqtt_prop id;
    m->answered = true;
    if (in->code) {
        m->error = locust__mqtt_refusal(in->code, m->version);
        return NULL;
    }
    m->limits = (locust__mqtt_limits){
        .max_packet = locust__mqtt_get_number(in, LOCUST__MQTT_P_MAX_PACKET, UINT32_MAX),
        .receive_max = (uint16_t)locust__mqtt_get_number(in, LOCUST__MQTT_P_RECEIVE_MAX, 65535),
        .alias_max = (uint16_t)locust__mqtt_get_number(in, LOCUST__MQTT_P_ALIAS_MAX, 0),
        .qos = (uint8_t)locust__mqtt_get_number(in, LOCUST__MQTT_P_QOS, 2),
        .no_retain = locust__mqtt_get_number(in, LOCUST__MQTT_P_RETAIN, 1) == 0};
    if (keep_s != UINT32_MAX)
        m->keep_ns = (int64_t)keep_s * LOCUST__S;
    if (locust__mqtt_get(in, LOCUST__MQTT_P_CLIENT_ID, &id)) {
        char *copy = locust__text_copy(id.text.ptr, id.text.len);
        if (!copy)
            return locust__error_text(LOCUST_ERR_MEMORY);
        LOCUST_FREE(m->client_id);
        m->client_id = copy;
    }
    m->session_present = in->session_present;
    m->connected = true;
    return NULL;
}

/* Takes a packet of the broker. Returns what is wrong with it, or why the connection ends. */
static const char *locust__mqtt_take(locust__mqtt *m, const locust__mqtt_in *in)
{
    if (in->type == LOCUST__MQTT_DISCONNECT)
        return in->code >= 0x80 ? locust__mqtt_reason(in->code) : "the broker disconnected";
    if (in->type == LOCUST__MQTT_CONNACK)
        return m->connected ? "the broker sent a second CONNACK" : locust__mqtt_limits_take(m, in);
    if (!m->connected)
        return "the broker sent something before its CONNACK";
    switch (in->type) {
    case LOCUST__MQTT_PUBLISH:
        return locust__mqtt_message_take(m, in);
    case LOCUST__MQTT_PUBACK:
    case LOCUST__MQTT_PUBREC:
    case LOCUST__MQTT_PUBCOMP:
        return locust__mqtt_ack_take(m, in);
    case LOCUST__MQTT_PUBREL:
        locust__mqtt_received_remove(m, in->id);
        locust__mqtt_ack_put(m, LOCUST__MQTT_PUBCOMP, in->id, 0);
        return NULL;
    case LOCUST__MQTT_SUBACK:
    case LOCUST__MQTT_UNSUBACK:
        if (in->id == m->wait_id && !m->answered)
            locust__mqtt_keep_answered(m, in);
        else if (in->type == LOCUST__MQTT_SUBACK) // of UNSUBACKs a broker sends one for each filter
            return "the broker acknowledged what was not sent";
        return NULL;
    case LOCUST__MQTT_PINGRESP:
        m->ping_ns = 0;
        return NULL;
    default:
        return "the broker wants an authentication that was not begun";
    }
}

/* Handles all packets that were read. Returns what is wrong with one of them. */
static const char *locust__mqtt_keep_handle(locust__mqtt *m)
{
    locust_stream *s = locust__mqtt_client_stream(m);
    size_t max = m->options.max_packet ? m->options.max_packet : LOCUST_MAX_BODY;
    while (s->in_len && m->out.len <= LOCUST__MQTT_OUT_MAX) {
        locust__view body = {NULL, 0};
        locust__mqtt_in in;
        size_t took;
        const char *fault = locust__mqtt_frame(s->in, s->in_len, max, &took, &body);
        if (fault || !took)
            return fault;
        fault = locust__mqtt_read((unsigned char)*s->in, body, m->version, &in);
        if (!fault)
            fault = locust__mqtt_take(m, &in);
        locust__stream_take(s, took);
        if (fault)
            return fault;
        if (in.type == LOCUST__MQTT_CONNACK && !m->connected)
            return NULL; // a refusal: what follows is of no interest
    }
    return NULL;
}

/* The connection has ended unasked. The call that runs tells it, else a row does. */
static void locust__mqtt_lose(locust__mqtt *m, const char *why, bool broken)
{
    bool connected = m->connected;
    if (broken && m->version == 5)
        locust__mqtt_client_say_bye(m, 0x82); // protocol error
    locust__mqtt_client_close(m, why);
    m->error = why;
    if (connected && !m->as.busy) {
        int64_t now_ns = locust__loop_clock(locust__mqtt_client_loop(m));
        locust__operation o = {m->as.user, "MQTT", "disconnect", now_ns, NULL};
        locust__operation_record(&o, why, 0, now_ns, 0);
    }
}

static const char *locust__mqtt_keep_error(locust_error error)
{
    return error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_PIPE ? locust__mqtt_text_gone
                                                                  : locust__error_text(error);
}

/* Sends what waits to be sent. False: the connection has ended. */
static bool locust__mqtt_keep_write(locust__mqtt *m)
{
    locust_error error = m->out.failed ? LOCUST_ERR_MEMORY : locust__mqtt_write(m);
    if (error)
        locust__mqtt_lose(m, locust__mqtt_keep_error(error), false);
    return !error;
}

/* Reads once, if there is something to read, and handles it. False: the connection has ended. */
static bool locust__mqtt_keep_read(locust__mqtt *m)
{
    locust_stream *s = locust__mqtt_client_stream(m);
    size_t room, got;
    const char *fault = NULL;
    locust_error error = LOCUST_OK;
    if (locust__stream_is_readable(s)) {
        char *at = locust__stream_room(s, &room);
        error = at ? locust__stream_recv(s, at, room, &got) : LOCUST_ERR_MEMORY;
        if (at)
            s->in_len += got;
    }
    if (locust__stream_is_open(s))
        fault = locust__mqtt_keep_handle(m);
    if (!fault && !error)
        return !m->out.len || locust__mqtt_keep_write(m);
    locust__mqtt_lose(m, fault ? fault : locust__mqtt_keep_error(error), fault != NULL);
    return false;
}

/* The keeper's: bytes came while the user does something else. */
static void locust__mqtt_tend(locust__protocol_client *c)
{
    locust__mqtt *m = locust__mqtt_client_of(c);
    locust_stream *s = locust__mqtt_client_stream(m);
    s->burst = 0;
    locust__loop_clock(locust__mqtt_client_loop(m));
    while (locust__mqtt_keep_read(m) && locust__stream_is_readable(s) &&
           m->out.len <= LOCUST__MQTT_OUT_MAX)
        if (s->burst >= LOCUST__STREAM_BURST) {
            locust__keeper_call(c); // others first
            break;
        }
    if (locust__stream_is_open(s) && locust__stream_settle(s))
        locust__mqtt_lose(m, locust__error_text(LOCUST_ERR_MEMORY), false);
}

/* When the next ping is due, or its answer has been waited for long enough; LOCUST__NEVER: at no
 * time. A quarter of the keep alive is left for the way, and the second between two ticks. */
static int64_t locust__mqtt_keep_due(const locust__mqtt *m)
{
    int64_t spare_ns = m->keep_ns / 4 > 1250 * LOCUST__MS ? m->keep_ns / 4 : 1250 * LOCUST__MS;
    if (!m->connected || !m->keep_ns)
        return LOCUST__NEVER;
    if (m->ping_ns) {
        int64_t grace_ns = LOCUST__MQTT_GRACE_S * LOCUST__S;
        return m->ping_ns + (m->keep_ns > grace_ns ? m->keep_ns : grace_ns);
    }
    return m->sent_ns + (m->keep_ns > spare_ns ? m->keep_ns - spare_ns : m->keep_ns / 4);
}

/* Pings if that is due. Returns why the connection ends; NULL: it does not. */
static const char *locust__mqtt_keep_ping(locust__mqtt *m, int64_t now_ns)
{
    static const char ping[2] = {(char)(LOCUST__MQTT_PINGREQ << 4), 0};
    if (now_ns < locust__mqtt_keep_due(m))
        return NULL;
    if (m->ping_ns)
        return "the broker did not answer a ping";
    m->ping_ns = now_ns;
    locust__buf_add(&m->out, ping, sizeof ping);
    return m->out.failed ? locust__error_text(LOCUST_ERR_MEMORY) : NULL;
}

/* The keeper's, about once a second. */
static void locust__mqtt_tick(locust__protocol_client *c, int64_t now_ns)
{
    locust__mqtt *m = locust__mqtt_client_of(c);
    const char *fault = locust__mqtt_keep_ping(m, now_ns);
    for (locust__mqtt_flight *f = m->flights; f; f = f->next)
        if (now_ns >= f->deadline_ns)
            locust__mqtt_flight_tell(m, f, locust__error_text(LOCUST_ERR_TIMEOUT));
    if (fault)
        locust__mqtt_lose(m, fault, false);
    else if (m->out.len || locust__mqtt_client_stream(m)->in_len)
        locust__mqtt_tend(c);
}

/* The user ends. */
static void locust__mqtt_end(locust__protocol_client *c)
{
    locust__mqtt *m = locust__mqtt_client_of(c);
    for (locust__mqtt_flight *f = m->flights, *next; f; f = next) {
        next = f->next;
        if (!f->told)
            locust__operation_cut(&f->operation);
        LOCUST_FREE(f);
    }
    m->flights = NULL;
    locust__mqtt_client_say_bye(m, 0);
    m->has_session = true; // nothing is left to fail
    locust__mqtt_client_close(m, NULL);
    locust__mqtt_sub_free(m);
    while (m->queue) {
        locust__mqtt_queued *q = m->queue;
        m->queue = q->next;
        LOCUST_FREE(q);
    }
    LOCUST_FREE(m->last);
    LOCUST_FREE(m->props);
    LOCUST_FREE(m->received);
    LOCUST_FREE(m->texts);
    LOCUST_FREE(m->client_id);
    locust__buf_free(&m->wait_codes);
}

static const locust__protocol_kind locust__mqtt_protocol = {.bytes = sizeof(locust__mqtt),
    .end = locust__mqtt_end,
    .tend = locust__mqtt_tend,
    .tick = locust__mqtt_tick};
