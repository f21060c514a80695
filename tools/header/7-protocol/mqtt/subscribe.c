/* ============================================================================================
 * >>mqtt_subscribe  an MQTT client subscribes, and goes on after a connect
 *
 * Purpose     SUBSCRIBE and UNSUBSCRIBE; a connection when there is none.
 * Invariants  a call that needs a connection and finds none opens it: by the options of the test,
 *             or to the user's host. If the broker kept the session, what was under way is sent
 *             again; if not, it has failed, and subscriptions are made again.
 * Names       locust__mqtt_filters locust__mqtt_request_ locust__mqtt_resume
 *             locust__mqtt_subscribe_ locust__mqtt_unsubscribe
 *             locust__mqtt_up
 * Uses        >>co >>stats >>stream >>protocol >>mqtt_packet >>mqtt_client >>mqtt_message
 *             >>mqtt_keep >>mqtt_connect
 * Sources     OASIS MQTT 3.1.1 and 5.0, sections 3.8 to 3.11 and 4.4 (delivery again).
 * ============================================================================================ */

typedef struct locust__mqtt_filters { // of one packet
    const char *first;
    const char *const *more; // NULL: none
} locust__mqtt_filters;

/* The i-th of them; NULL: there are not as many. */
static const char *locust__mqtt_subscribe_filter(const locust__mqtt_filters *f, size_t i)
{
    if (!i)
        return f->first;
    for (size_t k = 1; f->more && f->more[k - 1]; k++)
        if (k == i)
            return f->more[k - 1];
    return NULL;
}

/* Keeps a subscription that the broker took, in place of one to the same filter. */
static bool locust__mqtt_subscribe_keep(
    locust__mqtt *m, const char *filter, const locust_mqtt_subscription *s, unsigned options)
{
    locust__buf *text = &m->as.user->all->services->auth;
    size_t len = strlen(filter) + 1;
    locust__mqtt_sub **at = &m->subs, *sub = LOCUST_MALLOC(sizeof *sub + len);
    text->len = 0;
    text->failed = false;
    locust__buf_printf(text, "receive:%s", s->name ? s->name : filter);
    if (!sub || text->failed) {
        LOCUST_FREE(sub);
        return false;
    }
    *sub = (locust__mqtt_sub){.id = s->id, .options = (uint8_t)options};
    sub->row = locust__stats_text(m->as.user->all->services->recorder.stats, text->ptr);
    memcpy(sub->filter, filter, len);
    while (*at && strcmp((*at)->filter, filter) != 0)
        at = &(*at)->next;
    sub->next = *at ? (*at)->next : NULL;
    LOCUST_FREE(*at);
    *at = sub;
    return true;
}

/* Why a filter was refused, by the code of the SUBACK or UNSUBACK; NULL: it was not. */
static const char *locust__mqtt_subscribe_judge(const locust__mqtt *m, unsigned code)
{
    return code < 0x80       ? NULL
           : m->version == 5 ? locust__mqtt_reason(code)
                             : "the broker refused the subscription (0x80)";
}

/* Sends the packet and waits for its answer, of n codes. Returns why that failed. */
static const char *locust__mqtt_request_send(locust__mqtt *m, locust__view packet, size_t n,
    locust__operation *o, int64_t deadline_ns) LOCUST__PARKS
{
    const char *why;
    if (!packet.len || packet.len > m->limits.max_packet)
        return packet.len ? "the packet is larger than the broker takes"
                          : "invalid subscription: a text is longer than 65535 bytes";
    m->answered = false;
    o->start_ns = locust__loop_clock(locust__mqtt_client_loop(m));
    why = locust__mqtt_call_send(m, packet, (locust__view){NULL, 0});
    if (!why)
        why = locust__mqtt_wait(m, locust__mqtt_has_answer, deadline_ns);
    m->wait_id = 0;
    if (!why && n && m->wait_codes.len != n) {
        why = "the broker acknowledged another number of filters";
        locust__mqtt_lose(m, why, true);
    } else if (why && why != locust__mqtt_text_cut && m->connected) {
        locust__mqtt_lose(m, why, false); // the answer that comes late belongs to nothing
    }
    return why;
}

/* Keeps the subscriptions before they are made: messages may come right behind the SUBACK, and
 * before it. Returns why that failed. */
static const char *locust__mqtt_request_keep(
    locust__mqtt *m, const locust__mqtt_filters *filters, const locust_mqtt_subscription *s)
{
    unsigned options = (unsigned)s->qos | (s->no_local ? 4u : 0u) |
                       (s->retain_as_published ? 8u : 0u) | (unsigned)s->retain_handling << 4;
    const char *filter;
    for (size_t i = 0; (filter = locust__mqtt_subscribe_filter(filters, i)) != NULL; i++)
        if (!locust__mqtt_subscribe_keep(m, filter, s, options))
            return locust__error_text(LOCUST_ERR_MEMORY);
    return NULL;
}

/* Makes a row for each filter: the error is `why`, or as the broker said. Forgets what failed. */
static void locust__mqtt_request_end(locust__mqtt *m, locust__operation *o, const char *why,
    const locust__mqtt_filters *filters, const locust_mqtt_subscription *s)
{
    locust__buf name = {NULL, 0, 0, false};
    const char *filter;
    for (size_t i = 0; (filter = locust__mqtt_subscribe_filter(filters, i)) != NULL; i++) {
        const char *error =
            why ? why : locust__mqtt_subscribe_judge(m, (unsigned char)m->wait_codes.ptr[i]);
        name.len = 0;
        locust__buf_printf(&name, "subscribe:%d:%s", s->qos, s->name ? s->name : filter);
        o->name = name.failed ? "subscribe" : name.ptr;
        if (error) {
            locust__mqtt_call_fail(m, o, error);
            locust__mqtt_sub_remove(m, filter);
        } else {
            locust__operation_end(o, locust__mqtt_client_stream(m), NULL, 0);
        }
    }
    locust__buf_free(&name);
}

static void locust__mqtt_subscribe_all(locust__mqtt *m, const locust__mqtt_filters *filters,
    const locust_mqtt_subscription *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf *out = &m->as.user->all->services->auth;
    locust__operation o = locust__operation_begin(m->as.user, "MQTT", "subscribe");
    unsigned options = (unsigned)s->qos;
    const char *filter, *why = locust__mqtt_request_keep(m, filters, s);
    size_t n = 0, props;
    locust__bytes_writer w = locust__mqtt_packet_begin(out);
    m->wait_id = locust__mqtt_call_id(m);
    locust__bytes_put_u16(&w, m->wait_id);
    if (m->version == 5) {
        options |= (s->no_local ? 4u : 0u) | (s->retain_as_published ? 8u : 0u) |
                   (unsigned)s->retain_handling << 4;
        props = locust__mqtt_put_props_begin(&w);
        locust__mqtt_put_prop(&w, LOCUST__MQTT_P_SUBSCRIPTION, s->id);
        locust__mqtt_put_user(&w, s->properties);
        locust__mqtt_put_props_end(&w, props);
    }
    for (; (filter = locust__mqtt_subscribe_filter(filters, n)) != NULL; n++) {
        if (!*filter)
            why = "invalid subscription: an empty filter";
        locust__mqtt_put_text(&w, filter);
        locust__bytes_put_u8(&w, options);
    }
    if (!n || s->qos < 0 || s->qos > 2 || s->retain_handling < 0 || s->retain_handling > 2)
        why = "invalid subscription: no filter, or a .qos or .retain_handling but 0, 1, 2";
    if (!why)
        why = locust__mqtt_request_send(
            m, locust__mqtt_packet_end(&w, LOCUST__MQTT_SUBSCRIBE << 4 | 2, 0), n, &o, deadline_ns);
    locust__mqtt_request_end(m, &o, why, filters, s);
}

static void locust__mqtt_unsubscribe(
    locust__mqtt *m, const char *filter, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf name = {NULL, 0, 0, false};
    locust__operation o = locust__operation_begin(m->as.user, "MQTT", "unsubscribe");
    locust__bytes_writer w = locust__mqtt_packet_begin(&m->as.user->all->services->auth);
    const char *why;
    m->wait_id = locust__mqtt_call_id(m);
    locust__bytes_put_u16(&w, m->wait_id);
    if (m->version == 5)
        locust__bytes_put_u8(&w, 0); // no properties
    locust__mqtt_put_text(&w, filter);
    why = locust__mqtt_request_send(m,
        locust__mqtt_packet_end(&w, LOCUST__MQTT_UNSUBSCRIBE << 4 | 2, 0), m->version == 5 ? 1 : 0,
        &o, deadline_ns);
    if (!why && m->version == 5)
        why = locust__mqtt_subscribe_judge(m, (unsigned char)m->wait_codes.ptr[0]);
    locust__buf_printf(&name, "unsubscribe:%s", filter);
    o.name = name.failed ? "unsubscribe" : name.ptr;
    if (why)
        locust__mqtt_call_fail(m, &o, why);
    else
        locust__operation_end(&o, locust__mqtt_client_stream(m), NULL, 0);
    locust__buf_free(&name);
    if (!why)
        locust__mqtt_sub_remove(m, filter);
}

/* Goes on after a connect: sends again what is under way in a session that the broker kept; else
 * that has failed, and subscriptions are made again. */
static void locust__mqtt_resume(locust__mqtt *m, int64_t deadline_ns) LOCUST__PARKS
{
    locust__mqtt_sub *subs = m->session_present ? NULL : m->subs;
    const char *lost = NULL;
    if (!m->session_present) {
        locust__mqtt_flights_fail(m, "the broker lost the session");
        lost = m->error;
        m->n_received = 0;
        m->subs = NULL;
    }
    for (locust__mqtt_flight *f = m->flights; f && m->connected; f = f->next) {
        char *packet = f->bytes + f->name_len;
        if (f->state == LOCUST__MQTT_FLIGHT_PUBCOMP) {
            locust__mqtt_ack_put(m, LOCUST__MQTT_PUBREL, f->id, 0);
        } else {
            *packet = (char)(*packet | 8); // DUP, [4-3.3.1.1]
            locust__buf_add(&m->out, packet, f->packet);
        }
    }
    while (subs) {
        locust__mqtt_sub *sub = subs;
        locust__mqtt_filters filters = {sub->filter, NULL};
        subs = sub->next;
        if (m->connected)
            locust__mqtt_subscribe_all(m, &filters,
                &(locust_mqtt_subscription){.name = locust__mqtt_sub_name(sub->row),
                    .qos = sub->options & 3,
                    .no_local = sub->options & 4,
                    .retain_as_published = sub->options & 8,
                    .retain_handling = sub->options >> 4,
                    .id = sub->id},
                deadline_ns);
        if (m->connected) {
            LOCUST_FREE(sub);
        } else { // for the next connection
            sub->next = m->subs;
            m->subs = sub;
        }
    }
    if (lost)
        m->error = lost;
}

/* Makes sure that there is a connection. Returns whether there is. */
static bool locust__mqtt_up(locust__mqtt *m, int64_t deadline_ns) LOCUST__PARKS
{
    static const locust_mqtt_options none;
    if (m->connected && locust__stream_is_open(locust__mqtt_client_stream(m)))
        return true;
    if (!m->configured && !locust__mqtt_options_copy(m, &none)) {
        m->error = locust__error_text(LOCUST_ERR_MEMORY);
        return false;
    }
    m->configured = true;
    if (locust__mqtt_open(m, deadline_ns))
        locust__mqtt_resume(m, deadline_ns);
    return m->connected;
}
