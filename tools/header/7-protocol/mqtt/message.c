/* ============================================================================================
 * >>mqtt_message  messages that an MQTT client receives
 *
 * Purpose     which subscription a message came by; its topic, if the broker gave that an alias;
 *             when it was stamped; the queue in which it waits for its user.
 * Invariants  the queue is bounded by .queue and by LOCUST_MAX_BODY bytes of payload; what does not
 *             fit is counted as a failure. A QoS 2 message that comes again is not queued again.
 * Names       locust__mqtt_alias_ locust__mqtt_matches locust__mqtt_message_ locust__mqtt_queue_
 *             locust__mqtt_received_ locust__mqtt_stamp_ locust__mqtt_sub_
 * Uses        >>co >>protocol >>mqtt_packet >>mqtt_client
 * Sources     OASIS MQTT 3.1.1 and 5.0, sections 4.7 (topics) and 4.3.3 (QoS 2).
 * ============================================================================================ */

/* -- topics -- */

/* Does a filter take a topic, [4-4.7]? "$share/GROUP/" in front of it says nothing on that. */
static bool locust__mqtt_matches(const char *filter, locust__view topic)
{
    const char *t = topic.ptr, *end = t + topic.len;
    if (strncmp(filter, "$share/", 7) == 0) {
        const char *group = strchr(filter + 7, '/');
        filter = group ? group + 1 : filter;
    }
    if (topic.len && *t == '$' && (*filter == '+' || *filter == '#'))
        return false; // [4-4.7.2]
    for (;;) {
        if (filter[0] == '#')
            return true;
        if (filter[0] == '+') {
            while (t < end && *t != '/')
                t++;
            filter++;
        }
        while (*filter && *filter != '/' && *filter != '+' && t < end && *t == *filter) {
            filter++;
            t++;
        }
        if (t == end)
            return !*filter || strcmp(filter, "/#") == 0; // [4-4.7.1.2]: "a/#" takes "a"
        if (*filter != '/' || *t != '/')
            return false;
        filter++;
        t++;
    }
}

/* The subscription that a message came by: the broker names it by the identifier, or its filter
 * takes the topic. NULL: none. */
static const locust__mqtt_sub *locust__mqtt_sub_of(
    const locust__mqtt *m, const locust__mqtt_in *in, locust__view topic)
{
    uint32_t id = locust__mqtt_get_number(in, LOCUST__MQTT_P_SUBSCRIPTION, 0);
    const locust__mqtt_sub *s = m->subs;
    if (id)
        while (s && s->id != id)
            s = s->next;
    else
        while (s && !locust__mqtt_matches(s->filter, topic))
            s = s->next;
    return s;
}

/* The filter, or name, in "receive:FILTER"; NULL gives "". */
static const char *locust__mqtt_sub_name(const char *row)
{
    const char *colon = row ? strchr(row, ':') : NULL;
    return colon ? colon + 1 : row ? row : "";
}

/* Forgets all subscriptions. */
static void locust__mqtt_sub_free(locust__mqtt *m)
{
    while (m->subs) {
        locust__mqtt_sub *s = m->subs;
        m->subs = s->next;
        LOCUST_FREE(s);
    }
}

static void locust__mqtt_sub_remove(locust__mqtt *m, const char *filter)
{
    for (locust__mqtt_sub **at = &m->subs, *s; (s = *at) != NULL; at = &s->next)
        if (strcmp(s->filter, filter) == 0) {
            *at = s->next;
            LOCUST_FREE(s);
            return;
        }
}

/* -- messages -- */

/* When a message was stamped by its publisher, wall clock; 0: it was not. */
static int64_t locust__mqtt_stamp_read(locust__view payload)
{
    const char *at = payload.ptr;
    int64_t ns = 0;
    if (payload.len < LOCUST__MQTT_STAMP)
        return 0;
    at += payload.len - LOCUST__MQTT_STAMP;
    if (memcmp(at, locust__mqtt_stamp_mark, 8) != 0)
        return 0;
    for (int i = 8; i < LOCUST__MQTT_STAMP; i += 2) {
        int byte = locust__number_hex(at + i, 2);
        if (byte < 0 || (i == 8 && byte > 127))
            return 0;
        ns = ns << 8 | byte;
    }
    return ns;
}

/* Makes the row of a message that was stamped. */
static void locust__mqtt_message_record(locust__mqtt *m, const locust__mqtt_queued *q)
{
    int64_t ns = q->arrived_wall_ns - q->sent_wall_ns; // below 0: the clocks differ
    locust__operation o = {
        m->as.user, "MQTT", q->row ? q->row : "receive", q->arrived_ns - (ns > 0 ? ns : 0), NULL};
    if (q->sent_wall_ns)
        locust__operation_record(&o, NULL, q->len, q->arrived_ns, 0);
}

/* Counts a message for which there was no room. */
static void locust__mqtt_queue_drop(locust__mqtt *m, const char *row)
{
    int64_t now_ns = locust__mqtt_client_loop(m)->clock_ns;
    locust__operation o = {m->as.user, "MQTT", row ? row : "receive", now_ns, NULL};
    locust__operation_record(&o,
        "more than .queue messages waited for locust_mqtt_receive: this one was dropped", 0, now_ns,
        0);
}

/* Copies a message into one piece of memory. NULL: there is none. */
static locust__mqtt_queued *locust__mqtt_queue_copy(
    locust__mqtt *m, const locust__mqtt_in *in, locust__view topic, int64_t stamp)
{
    locust_stream *s = locust__mqtt_client_stream(m);
    locust__loop *loop = locust__mqtt_client_loop(m);
    size_t len = in->payload.len - (stamp ? (size_t)LOCUST__MQTT_STAMP : 0);
    const locust__mqtt_sub *sub = locust__mqtt_sub_of(m, in, topic);
    locust__mqtt_queued *q = LOCUST_MALLOC(sizeof *q + topic.len + len + in->props.len + 2);
    if (!q)
        return NULL;
    *q = (locust__mqtt_queued){.row = sub ? sub->row : NULL,
        .arrived_ns = s->arrived_ns ? s->arrived_ns : loop->clock_ns,
        .sent_wall_ns = stamp,
        .topic_len = topic.len,
        .len = len,
        .props_len = in->props.len,
        .qos = (uint8_t)in->qos,
        .retain = in->retain,
        .dup = in->dup};
    q->arrived_wall_ns = q->arrived_ns + loop->epoch_ns;
    memcpy(q->bytes, topic.ptr, topic.len);
    q->bytes[topic.len] = '\0';
    if (len)
        memcpy(q->bytes + topic.len + 1, in->payload.ptr, len);
    q->bytes[topic.len + 1 + len] = '\0';
    if (in->props.len)
        memcpy(q->bytes + topic.len + len + 2, in->props.ptr, in->props.len);
    return q;
}

/* Keeps a message for locust_mqtt_receive; with a negative .queue counts and forgets it. */
static const char *locust__mqtt_queue_add(
    locust__mqtt *m, const locust__mqtt_in *in, locust__view topic)
{
    int limit = m->options.queue ? m->options.queue : 1000;
    int64_t stamp = locust__mqtt_stamp_read(in->payload);
    const locust__mqtt_sub *sub;
    locust__mqtt_queued *q;
    if (limit > 0 &&
        (m->queue_len >= limit || m->queue_bytes > (size_t)LOCUST_MAX_BODY - in->payload.len)) {
        sub = locust__mqtt_sub_of(m, in, topic);
        locust__mqtt_queue_drop(m, sub ? sub->row : NULL);
        return NULL;
    }
    q = locust__mqtt_queue_copy(m, in, topic, stamp);
    if (!q)
        return locust__error_text(LOCUST_ERR_MEMORY);
    if (limit < 0) {
        locust__mqtt_message_record(m, q);
        LOCUST_FREE(q);
        return NULL;
    }
    *m->queue_end = q;
    m->queue_end = &q->next;
    m->queue_len++;
    m->queue_bytes += q->len;
    return NULL;
}

/* The topic that a message has, or that the broker gave an alias before. len 0: neither. */
static locust__view locust__mqtt_alias_topic(locust__mqtt *m, const locust__mqtt_in *in)
{
    unsigned alias = locust__mqtt_get_number(in, LOCUST__MQTT_P_ALIAS, 0);
    char **at;
    if (!alias)
        return in->topic;
    if (alias > (unsigned)m->options.topic_alias_max || !m->alias_in)
        return (locust__view){NULL, 0};
    at = &m->alias_in[alias - 1];
    if (in->topic.len) {
        char *copy = locust__text_copy(in->topic.ptr, in->topic.len);
        LOCUST_FREE(*at);
        *at = copy;
    }
    return *at ? locust__view_of(*at) : (locust__view){NULL, 0};
}

/* Notes the identifier of a QoS 2 message. *again: it is there already. Returns what is wrong. */
static const char *locust__mqtt_received_add(locust__mqtt *m, unsigned id, bool *again)
{
    int limit = m->options.receive_max ? m->options.receive_max : 65535;
    *again = false;
    for (int i = m->n_received; i-- && !*again;)
        *again = m->received[i] == id;
    if (*again)
        return NULL;
    if (m->n_received >= limit)
        return "the broker sent more than .receive_max messages at once";
    if (m->n_received == m->cap_received) {
        int cap = m->cap_received ? 2 * m->cap_received : 16;
        uint16_t *ids = LOCUST_REALLOC(m->received, (size_t)cap * sizeof *ids);
        if (!ids)
            return locust__error_text(LOCUST_ERR_MEMORY);
        m->received = ids;
        m->cap_received = cap;
    }
    m->received[m->n_received++] = (uint16_t)id;
    return NULL;
}

/* PUBREL: the broker will not send that message again. */
static void locust__mqtt_received_remove(locust__mqtt *m, unsigned id)
{
    for (int i = 0; i < m->n_received; i++)
        if (m->received[i] == id) {
            m->received[i] = m->received[--m->n_received];
            break;
        }
    if (!m->n_received) {
        LOCUST_FREE(m->received);
        m->received = NULL;
        m->cap_received = 0;
    }
}

static const char *locust__mqtt_message_take(locust__mqtt *m, const locust__mqtt_in *in)
{
    locust__view topic = locust__mqtt_alias_topic(m, in);
    const char *fault = NULL;
    bool again = false;
    if (!topic.len)
        return "the broker used a topic alias that there is not";
    if (in->qos == 2)
        fault = locust__mqtt_received_add(m, in->id, &again);
    if (!fault && !again)
        fault = locust__mqtt_queue_add(m, in, topic);
    if (fault)
        return fault;
    if (in->qos)
        locust__mqtt_ack_put(
            m, in->qos == 1 ? LOCUST__MQTT_PUBACK : LOCUST__MQTT_PUBREC, in->id, 0);
    return NULL;
}
