/* ============================================================================================
 * >>mqtt_user  MQTT: what a test calls
 *
 * Purpose     connects, publishes, subscribes and receives, in straight-line code.
 * Invariants  a call reads and writes the connection itself while it waits, and handles whatever
 *             comes. A call that needs a connection and finds none opens it: by the options of the
 *             test, or to the user's host. If the broker kept the session, what was under way is
 *             sent again; if not, it has failed, and subscriptions are made again.
 * Cost        a publication of QoS 1: one send, one recv, one allocation of 100 bytes.
 * Names       locust__mqtt_publish_ locust__mqtt_receive_
 * Uses        >>co >>session >>client >>user >>control >>protocol >>mqtt_packet >>mqtt_client
 *             >>mqtt_message >>mqtt_keep >>mqtt_connect >>mqtt_subscribe
 * Sources     OASIS MQTT 3.1.1 and 5.0; Locust 2.47's MqttUser for the names of rows.
 * ============================================================================================ */

/* -- connecting and subscribing -- */

LOCUST_API bool(locust_mqtt_connect)(locust_user *u, const locust_mqtt_options *options)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_connect");
    if (!m)
        return false;
    locust__mqtt_client_say_bye(m, 0);
    locust__mqtt_client_close(m, "the test connected anew");
    if (!options->keep_session)
        locust__mqtt_sub_free(m);
    if (locust__mqtt_options_copy(m, options)) {
        m->configured = true;
        locust__mqtt_up(m, locust__mqtt_call_deadline(m, 0));
    } else {
        m->error = locust__error_text(LOCUST_ERR_MEMORY);
    }
    return locust__mqtt_call_end(m);
}

LOCUST_API bool(locust_mqtt_subscribe)(locust_user *u, const locust_mqtt_subscription *subscription)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_subscribe");
    locust__mqtt_filters filters = {subscription->filter, subscription->more};
    int64_t deadline_ns;
    if (!m)
        return false;
    deadline_ns = locust__mqtt_call_deadline(m, subscription->timeout_s);
    if (locust__mqtt_up(m, deadline_ns))
        locust__mqtt_subscribe_all(m, &filters, subscription, deadline_ns);
    return locust__mqtt_call_end(m);
}

/* -- publishing -- */

/* Makes a publication with its row's name, and room for its packet if it may be sent again. */
static locust__mqtt_flight *locust__mqtt_publish_new(
    const locust__mqtt *m, const locust_mqtt_publication *p, size_t packet)
{
    const char *name = p->name ? p->name : p->topic ? p->topic : "";
    size_t len = strlen(name) + 16; // "publish:" and a number
    locust__mqtt_flight *f = LOCUST_MALLOC(sizeof *f + len + packet);
    if (!f)
        return NULL;
    *f = (locust__mqtt_flight){.name_len = len, .packet = packet};
    snprintf(f->bytes, len, "publish:%d:%s", p->qos < 0 || p->qos > 2 ? 0 : p->qos, name);
    f->operation = (locust__operation){m->as.user, "MQTT", f->bytes, 0, NULL};
    f->state = p->qos == 2 ? LOCUST__MQTT_FLIGHT_PUBREC : LOCUST__MQTT_FLIGHT_PUBACK;
    return f;
}

/* Why a publication cannot be sent; NULL: it can. */
static const char *locust__mqtt_publish_judge(
    const locust__mqtt *m, const locust_mqtt_publication *p)
{
    locust__view topic = {p->topic, p->topic ? strlen(p->topic) : 0};
    if (p->qos < 0 || p->qos > 2)
        return "invalid publication: .qos is 0, 1 or 2";
    if (topic.len > 65535 || !locust__mqtt_text_is_topic(topic) ||
        !locust__mqtt_text_is_good(topic))
        return "invalid publication: its topic is empty, has a wildcard or is not UTF-8";
    if (p->qos > m->limits.qos)
        return "the broker does not take publications of this QoS";
    if (p->retain && m->limits.no_retain)
        return "the broker does not take retained messages";
    return NULL;
}

/* The alias that a topic has, or gets now; 0: none. *known: the broker knows it already. */
static unsigned locust__mqtt_publish_alias(locust__mqtt *m, const char *topic, bool *known)
{
    int limit = m->options.topic_aliases < m->limits.alias_max ? m->options.topic_aliases
                                                               : m->limits.alias_max;
    *known = false;
    for (int i = 0; i < m->n_alias_out && m->alias_out; i++)
        if (strcmp(m->alias_out[i], topic) == 0) {
            *known = true;
            return (unsigned)i + 1;
        }
    if (!m->alias_out || m->n_alias_out >= limit)
        return 0;
    m->alias_out[m->n_alias_out] = locust__text_copy(topic, strlen(topic));
    return m->alias_out[m->n_alias_out] ? (unsigned)++m->n_alias_out : 0;
}

static void locust__mqtt_publish_props(
    locust__bytes_writer *w, const locust_mqtt_publication *p, unsigned alias)
{
    size_t props = locust__mqtt_put_props_begin(w);
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_FORMAT, p->text);
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_EXPIRY, (uint32_t)p->expiry_s);
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_ALIAS, alias);
    locust__mqtt_put_prop_text(w, LOCUST__MQTT_P_CONTENT_TYPE, p->content_type);
    locust__mqtt_put_prop_text(w, LOCUST__MQTT_P_RESPONSE_TOPIC, p->response_topic);
    if (p->correlation) {
        locust__bytes_put_u8(w, LOCUST__MQTT_P_CORRELATION);
        locust__mqtt_put_binary(
            w, (locust__view){p->correlation,
                   p->correlation_len ? p->correlation_len : strlen(p->correlation)});
    }
    locust__mqtt_put_user(w, p->properties);
    locust__mqtt_put_props_end(w, props);
}

/* Adds the time of this machine's clock, as locust__mqtt_stamp_read takes it. */
static void locust__mqtt_publish_stamp(locust__bytes_writer *w)
{
    char text[LOCUST__MQTT_STAMP + 1];
    snprintf(text, sizeof text, "%s%016llx", locust__mqtt_stamp_mark,
        (unsigned long long)locust__os_wall_ns());
    locust__bytes_add(w, text, LOCUST__MQTT_STAMP);
}

/* Writes the packet in front of the payload, and with it if it must be kept or is stamped: *body is
 * what follows. It may take an alias if it is sent once only. */
static locust__view locust__mqtt_publish_write(
    locust__mqtt *m, const locust_mqtt_publication *p, unsigned id, bool once, locust__view *body)
{
    locust__bytes_writer w = locust__mqtt_packet_begin(&m->as.user->all->services->auth);
    unsigned flags = (unsigned)p->qos << 1 | p->retain, alias = 0;
    bool known = false;
    if (m->version == 5 && once)
        alias = locust__mqtt_publish_alias(m, p->topic, &known);
    locust__mqtt_put_text(&w, known ? "" : p->topic);
    if (p->qos)
        locust__bytes_put_u16(&w, id);
    if (m->version == 5)
        locust__mqtt_publish_props(&w, p, alias);
    if (p->stamp || !once) {
        locust__bytes_add(&w, body->ptr, body->len);
        *body = (locust__view){NULL, 0};
    }
    if (p->stamp)
        locust__mqtt_publish_stamp(&w);
    return locust__mqtt_packet_end(&w, LOCUST__MQTT_PUBLISH << 4 | flags, body->len);
}

/* Puts a publication of QoS 1 or 2 among those under way, and keeps its packet if it may have to
 * be sent again. NULL: no memory; *f is freed then too. */
static locust__mqtt_flight *locust__mqtt_publish_keep(
    locust__mqtt *m, locust__mqtt_flight *f, locust__view packet, bool once)
{
    locust__mqtt_flight *grown = once ? f : LOCUST_REALLOC(f, sizeof *f + f->name_len + packet.len);
    if (!grown) {
        LOCUST_FREE(f);
        return NULL;
    }
    if (!once) {
        memcpy(grown->bytes + grown->name_len, packet.ptr, packet.len);
        grown->packet = packet.len;
    }
    grown->operation.name = grown->bytes;
    grown->next = NULL;
    *m->flights_end = grown;
    m->flights_end = &grown->next;
    m->n_flights++;
    return grown;
}

/* Waits until a publication under way is delivered, over further connections if the session
 * outlives this one. */
static void locust__mqtt_publish_await(
    locust__mqtt *m, locust__mqtt_flight *f, int64_t deadline_ns) LOCUST__PARKS
{
    const char *why;
    m->awaited = f;
    why = locust__mqtt_wait(m, locust__mqtt_has_delivered, deadline_ns);
    while (why && why != locust__mqtt_text_cut && m->awaited && !m->connected && m->has_session &&
           locust__mqtt_up(m, deadline_ns))
        why = locust__mqtt_wait(m, locust__mqtt_has_delivered, deadline_ns);
    if (!m->awaited || !why)
        return;
    m->awaited = NULL;
    m->error = why;
    if (why != locust__mqtt_text_cut)
        locust__mqtt_flight_tell(m, f, why);
}

/* Sends a publication of QoS 1 or 2, and waits for its end unless others may be under way too. */
static void locust__mqtt_publish_sure(locust__mqtt *m, const locust_mqtt_publication *p,
    locust__mqtt_flight *f, locust__view body, int64_t deadline_ns) LOCUST__PARKS
{
    bool once = !m->options.keep_session;
    const char *why;
    locust__view packet;
    m->window = p->window > 1 ? p->window : 1;
    if (m->window > m->limits.receive_max)
        m->window = m->limits.receive_max;
    why = locust__mqtt_wait(m, locust__mqtt_has_place, deadline_ns);
    f->operation.start_ns = locust__loop_clock(locust__mqtt_client_loop(m));
    f->id = locust__mqtt_call_id(m);
    packet = why ? (locust__view){NULL, 0} : locust__mqtt_publish_write(m, p, f->id, once, &body);
    if (!why && (!packet.len || packet.len + body.len > m->limits.max_packet))
        why = packet.len ? "the packet is larger than the broker takes"
                         : "invalid publication: it is too long for a packet, or no memory";
    if (why) {
        locust__mqtt_call_fail(m, &f->operation, why);
        LOCUST_FREE(f);
        return;
    }
    m->error = NULL; // of one that was under way before
    f = locust__mqtt_publish_keep(m, f, packet, once);
    if (!f) {
        m->error = locust__error_text(LOCUST_ERR_MEMORY);
        return;
    }
    m->awaited = f;
    locust__mqtt_call_send(m, packet, body);
    if (m->window > 1 && m->awaited)
        locust__mqtt_wait(m, locust__mqtt_has_room, deadline_ns);
    else if (m->awaited)
        locust__mqtt_publish_await(m, f, deadline_ns);
}

/* Sends a publication of QoS 0: done when it is written. */
static void locust__mqtt_publish_once(locust__mqtt *m, const locust_mqtt_publication *p,
    locust__mqtt_flight *f, locust__view body, int64_t deadline_ns) LOCUST__PARKS
{
    locust__view packet = locust__mqtt_publish_write(m, p, 0, true, &body);
    const char *why;
    f->operation.start_ns = locust__loop_clock(locust__mqtt_client_loop(m));
    why = !packet.len ? "invalid publication: it is too long for a packet, or no memory"
          : packet.len + body.len > m->limits.max_packet
              ? "the packet is larger than the broker takes"
              : locust__mqtt_call_send(m, packet, body);
    if (!why)
        why = locust__mqtt_wait(m, locust__mqtt_has_sent, deadline_ns);
    if (why)
        locust__mqtt_call_fail(m, &f->operation, why);
    else
        locust__operation_end(&f->operation, NULL, NULL, f->len);
    LOCUST_FREE(f);
}

static void locust__mqtt_publish_any(
    locust__mqtt *m, const locust_mqtt_publication *p) LOCUST__PARKS
{
    int64_t deadline_ns = locust__mqtt_call_deadline(m, p->timeout_s);
    locust__view body = {p->payload, p->len || !p->payload ? p->len : strlen(p->payload)};
    locust__mqtt_flight *f;
    const char *why;
    if (!locust__mqtt_up(m, deadline_ns))
        return;
    locust__client_settle(m->as.user->client);
    f = locust__mqtt_publish_new(m, p, 0);
    if (!f) {
        m->error = locust__error_text(LOCUST_ERR_MEMORY);
        return;
    }
    f->deadline_ns = deadline_ns;
    f->len = body.len;
    f->operation.start_ns = locust__loop_clock(locust__mqtt_client_loop(m));
    locust__session_begin(m->as.user->client->session, f->operation.start_ns);
    why = locust__mqtt_publish_judge(m, p);
    if (why) {
        locust__mqtt_call_fail(m, &f->operation, why);
        LOCUST_FREE(f);
    } else if (p->qos) {
        locust__mqtt_publish_sure(m, p, f, body, deadline_ns);
    } else {
        locust__mqtt_publish_once(m, p, f, body, deadline_ns);
    }
}

LOCUST_API bool(locust_mqtt_publish)(locust_user *u, const locust_mqtt_publication *publication)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_publish");
    if (!m)
        return false;
    locust__mqtt_publish_any(m, publication);
    return locust__mqtt_call_end(m);
}

LOCUST_API bool(locust_mqtt_flush)(locust_user *u)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_flush");
    int64_t deadline_ns;
    const char *why = NULL;
    if (!m)
        return false;
    deadline_ns = locust__mqtt_call_deadline(m, 0);
    m->window = 1;
    while (!why && m->flights && locust__mqtt_up(m, deadline_ns)) {
        why = locust__mqtt_wait(m, locust__mqtt_has_place, deadline_ns);
        if (why && !m->connected && m->has_session)
            why = NULL; // the session goes on
    }
    for (locust__mqtt_flight *f = m->flights; f && why && why != locust__mqtt_text_cut; f = f->next)
        locust__mqtt_flight_tell(m, f, why);
    if (why)
        m->error = why;
    return locust__mqtt_call_end(m);
}

/* -- receiving -- */

/* Lists the user properties of a message behind a packet's: pointers, then texts. */
static bool locust__mqtt_receive_props(
    locust__mqtt *m, const locust__mqtt_in *in, locust_mqtt_message *out)
{
    locust__bytes_reader r = locust__bytes_reader_of(in->props.ptr, in->props.len);
    size_t n = 1, bytes = 0;
    locust__mqtt_prop p;
    const char *unused;
    locust_mqtt_property *list;
    char *at;
    while (r.left) {
        locust__mqtt_get_prop(&r, &p, &unused);
        n += p.id == LOCUST__MQTT_P_USER;
        bytes += p.text.len + p.value.len + 2;
    }
    list = LOCUST_MALLOC(n * sizeof *list + bytes);
    if (!list)
        return false;
    m->props = list;
    at = (char *)(list + n);
    out->properties = list;
    r = locust__bytes_reader_of(in->props.ptr, in->props.len);
    while (r.left) {
        char *text = at;
        locust__mqtt_get_prop(&r, &p, &unused);
        if (!p.text.ptr)
            continue;
        memcpy(text, p.text.ptr, p.text.len);
        text[p.text.len] = '\0';
        at += p.text.len + 1;
        if (p.id == LOCUST__MQTT_P_USER) {
            *list++ = (locust_mqtt_property){text, at};
            if (p.value.len)
                memcpy(at, p.value.ptr, p.value.len);
            at[p.value.len] = '\0';
            at += p.value.len + 1;
        } else if (p.id == LOCUST__MQTT_P_CONTENT_TYPE) {
            out->content_type = text;
        } else if (p.id == LOCUST__MQTT_P_RESPONSE_TOPIC) {
            out->response_topic = text;
        } else if (p.id == LOCUST__MQTT_P_CORRELATION) {
            out->correlation = text;
            out->correlation_len = p.text.len;
        }
    }
    *list = (locust_mqtt_property){NULL, NULL};
    return true;
}

/* Takes the first message off the queue, for the test to look at. */
static void locust__mqtt_receive_pop(locust__mqtt *m, locust_mqtt_message *out)
{
    static const locust_mqtt_property none[1];
    locust__mqtt_queued *q = m->queue;
    locust__mqtt_in in = {.type = LOCUST__MQTT_PUBLISH,
        .props = {q->bytes + q->topic_len + q->len + 2, q->props_len}};
    m->queue = q->next;
    if (!m->queue)
        m->queue_end = &m->queue;
    m->queue_len--;
    m->queue_bytes -= q->len;
    m->last = q;
    *out = (locust_mqtt_message){.topic = q->bytes,
        .payload = q->bytes + q->topic_len + 1,
        .len = q->len,
        .qos = q->qos,
        .retain = q->retain,
        .dup = q->dup,
        .filter = locust__mqtt_sub_name(q->row),
        .properties = none};
    if (q->sent_wall_ns) {
        out->sent_ms = (double)q->sent_wall_ns / 1e6;
        out->elapsed_ms = (double)(q->arrived_wall_ns - q->sent_wall_ns) / 1e6;
    }
    if (q->props_len) {
        out->id = locust__mqtt_get_number(&in, LOCUST__MQTT_P_SUBSCRIPTION, 0);
        if (!locust__mqtt_receive_props(m, &in, out))
            m->error = locust__error_text(LOCUST_ERR_MEMORY);
    }
    locust__mqtt_message_record(m, q);
}

LOCUST_API bool(locust_mqtt_receive)(locust_user *u, locust_mqtt_message *message, double seconds)
{
    static const locust_mqtt_property none[1];
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_receive");
    bool got = false;
    const char *why = NULL;
    *message = (locust_mqtt_message){.topic = "", .payload = "", .filter = "", .properties = none};
    if (!m)
        return false;
    if (!m->queue && locust__mqtt_up(m, locust__mqtt_call_deadline(m, 0))) {
        int64_t now_ns = locust__loop_clock(locust__mqtt_client_loop(m));
        int64_t deadline_ns =
            seconds < 0 ? LOCUST__NEVER : locust__time_after(now_ns, locust__time_ns(seconds));
        if (seconds == 0)
            locust__mqtt_keep_read(m);
        why = seconds == 0 && m->connected
                  ? NULL
                  : locust__mqtt_wait(m, locust__mqtt_has_message, deadline_ns);
        if (why && why != locust__mqtt_text_cut && !m->connected)
            locust__mqtt_call_tell_loss(m, why);
    }
    if (m->queue && why != locust__mqtt_text_cut) {
        locust__client_settle(m->as.user->client);
        locust__mqtt_receive_pop(m, message);
        got = true;
    }
    locust__mqtt_call_end(m);
    return got;
}

/* -- the rest -- */

LOCUST_API bool(locust_mqtt_unsubscribe)(locust_user *u, const char *filter)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_unsubscribe");
    int64_t deadline_ns;
    if (!m)
        return false;
    deadline_ns = locust__mqtt_call_deadline(m, 0);
    if (locust__mqtt_up(m, deadline_ns))
        locust__mqtt_unsubscribe(m, filter, deadline_ns);
    return locust__mqtt_call_end(m);
}

LOCUST_API bool(locust_mqtt_disconnect)(locust_user *u, bool with_will)
{
    locust__mqtt *m = locust__mqtt_call_begin(u, "locust_mqtt_disconnect");
    locust__operation o;
    const char *why = NULL;
    if (!m)
        return false;
    if (m->connected) {
        int64_t deadline_ns = locust__mqtt_call_deadline(m, 0);
        o = locust__operation_begin(m->as.user, "MQTT", "disconnect");
        if (!with_will || m->version == 5)
            locust__mqtt_client_say_bye(m, with_will ? 4 : 0); // [5-3.14.2.1]
        why = locust__mqtt_wait(m, locust__mqtt_has_sent, deadline_ns);
        if (why)
            locust__mqtt_call_fail(m, &o, why);
        else
            locust__operation_end(&o, NULL, NULL, 0);
    }
    if (m->connected && !why && (!with_will || m->version == 5)) {
        // The broker ends the connection then. Who closes it with bytes unread resets it, and what
        // was said last may be lost.
        int64_t end_ns = locust__loop_clock(locust__mqtt_client_loop(m)) + LOCUST__S;
        if (locust__mqtt_wait(m, locust__mqtt_has_ended, end_ns) != locust__mqtt_text_cut)
            m->error = NULL;
    }
    locust__mqtt_client_close(m, "the test disconnected");
    return locust__mqtt_call_end(m);
}

LOCUST_API const char *locust_mqtt_error(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_mqtt_error");
    locust__mqtt *m = locust__mqtt_client_of(locust__protocol_find(user, &locust__mqtt_protocol));
    return m ? m->error : NULL;
}
