/* ============================================================================================
 * >>mqtt_connect  an MQTT client waits, and connects
 *
 * Purpose     what the calls of a test have in common: begin, send, wait, end; CONNECT.
 * Invariants  a call reads and writes the connection itself while it waits, and handles whatever
 *             comes: the keeper leaves the client alone meanwhile.
 * Names       locust__mqtt_call_ locust__mqtt_connect_ locust__mqtt_done_fn locust__mqtt_has_
 *             locust__mqtt_open locust__mqtt_options_ locust__mqtt_scheme locust__mqtt_text_cut
 *             locust__mqtt_wait locust__mqtt_wait_
 * Uses        >>co >>switch >>fd >>stream >>allowance >>url >>user >>retry >>control
 *             >>protocol >>ws_layer >>mqtt_packet >>mqtt_client >>mqtt_keep
 * Sources     OASIS MQTT 3.1.1 and 5.0, section 3.1.
 * ============================================================================================ */

static const char locust__mqtt_text_cut[] = "cut"; // the user ends: no row says so

/* -- waiting -- */

typedef bool (*locust__mqtt_done_fn)(const locust__mqtt *m);

static bool locust__mqtt_has_answer(const locust__mqtt *m)
{
    return m->answered;
}

static bool locust__mqtt_has_sent(const locust__mqtt *m)
{
    return !m->out.len;
}

static bool locust__mqtt_has_room(const locust__mqtt *m)
{
    return m->out.len <= LOCUST__MQTT_OUT_MAX;
}

static bool locust__mqtt_has_place(const locust__mqtt *m)
{
    return m->n_flights < m->window;
}

static bool locust__mqtt_has_delivered(const locust__mqtt *m)
{
    return !m->awaited;
}

static bool locust__mqtt_has_message(const locust__mqtt *m)
{
    return m->queue != NULL;
}

static bool locust__mqtt_has_ended(const locust__mqtt *m)
{
    return !m->connected;
}

/* Parks until there may be something to do: bytes, room for those that wait to be sent, a ping. */
static enum locust__wake locust__mqtt_wait_event(locust__mqtt *m, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = locust__mqtt_client_stream(m);
    locust__loop *loop = locust__mqtt_client_loop(m);
    int64_t due_ns = locust__mqtt_keep_due(m);
    bool full = m->out.len > LOCUST__MQTT_OUT_MAX;
    enum locust__wake why;
    if (due_ns < deadline_ns)
        deadline_ns = due_ns;
    if (locust__stream_is_readable(s) && !full) { // after a burst of bytes
        if (s->burst < LOCUST__STREAM_BURST)
            return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
        why = locust__stream_settle(s) ? LOCUST__WAKE_EVENT : locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
    } else if (locust__stream_settle(s)) {
        why = LOCUST__WAKE_EVENT; // it is closed
    } else if (full) {
        why = locust__fd_wait_write(loop, &s->fd, deadline_ns);
    } else {
        s->fd.writer = m->out.len ? loop->current : NULL;
        why = locust__fd_wait_read(loop, &s->fd, deadline_ns);
        s->fd.writer = NULL;
    }
    s->burst = 0;
    return why;
}

/* Reads and writes until `done`. Returns why that did not come; NULL: it did. */
static const char *locust__mqtt_wait(
    locust__mqtt *m, locust__mqtt_done_fn done, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = locust__mqtt_client_stream(m);
    locust__loop *loop = locust__mqtt_client_loop(m);
    while (!done(m)) {
        const char *fault;
        enum locust__wake why;
        if (!locust__stream_is_open(s))
            return m->error ? m->error : locust__mqtt_text_gone;
        fault = locust__mqtt_keep_ping(m, loop->now_ns);
        if (fault)
            locust__mqtt_lose(m, fault, false);
        else if (m->out.len)
            locust__mqtt_keep_write(m);
        if (!locust__stream_is_open(s) || done(m))
            continue;
        why = locust__mqtt_wait_event(m, deadline_ns);
        if (why == LOCUST__WAKE_CANCELLED)
            return locust__mqtt_text_cut;
        if (locust__stream_is_open(s))
            locust__mqtt_keep_read(m);
        if (why == LOCUST__WAKE_TIMEOUT && loop->now_ns >= deadline_ns && !done(m))
            return m->error ? m->error : locust__error_text(LOCUST_ERR_TIMEOUT);
    }
    return NULL;
}

/* -- calls -- */

/* Begins a public call. NULL: there is no memory for a client. */
static locust__mqtt *locust__mqtt_call_begin(locust_user *u, const char *what)
{
    locust__user *user = locust__control_waiting(u, what);
    locust__mqtt *m = locust__mqtt_client_of(locust__protocol_of(user, &locust__mqtt_protocol));
    if (!m)
        return NULL;
    if (!m->flights_end) { // it is new
        m->flights_end = &m->flights;
        m->queue_end = &m->queue;
    }
    locust__protocol_enter(&m->as);
    locust__mqtt_client_stream(m)->burst = 0;
    LOCUST_FREE(m->last);
    LOCUST_FREE(m->props);
    m->last = NULL;
    m->props = NULL;
    m->error = NULL;
    return m;
}

/* Ends a public call. Returns whether it went well. */
static bool locust__mqtt_call_end(locust__mqtt *m)
{
    locust_error error = locust__protocol_leave(&m->as, LOCUST_OK);
    if (error)
        locust__mqtt_lose(m, locust__error_text(error), false);
    return !m->error;
}

static int64_t locust__mqtt_call_deadline(const locust__mqtt *m, double timeout_s)
{
    double s = timeout_s != 0 ? timeout_s : m->options.timeout_s != 0 ? m->options.timeout_s : 60;
    return s < 0 ? LOCUST__NEVER
                 : locust__time_after(
                       locust__loop_clock(locust__mqtt_client_loop(m)), locust__time_ns(s));
}

/* Ends an operation without an answer: it failed, or its user was cut. */
static void locust__mqtt_call_fail(locust__mqtt *m, const locust__operation *o, const char *why)
{
    m->error = why;
    if (why == locust__mqtt_text_cut)
        locust__operation_cut(o);
    else
        locust__operation_end(o, NULL, why, 0);
}

/* Makes the row of a connection that ended in a call which has no row of its own. */
static void locust__mqtt_call_tell_loss(locust__mqtt *m, const char *why)
{
    locust__operation o = locust__operation_begin(m->as.user, "MQTT", "disconnect");
    locust__operation_end(&o, NULL, why, 0);
}

/* Sends a packet. If that fails the broker may have said why before: reads that. */
static const char *locust__mqtt_call_send(locust__mqtt *m, locust__view head, locust__view body)
{
    locust_error error = locust__mqtt_send(m, head, body);
    if (!error)
        return NULL;
    locust__mqtt_client_stream(m)->fd.watch.readable = true;
    if (error != LOCUST_ERR_MEMORY)
        while (
            locust__mqtt_keep_read(m) && locust__stream_is_readable(locust__mqtt_client_stream(m)))
            ;
    if (locust__stream_is_open(locust__mqtt_client_stream(m)))
        locust__mqtt_lose(m, locust__error_text(error), false);
    return m->error;
}

/* An identifier that nothing under way has, [4-2.3.1]. */
static uint16_t locust__mqtt_call_id(locust__mqtt *m)
{
    do
        if (++m->last_id == 0)
            m->last_id = 1;
    while (locust__mqtt_flight_of(m, m->last_id));
    return m->last_id;
}

/* -- connecting -- */

typedef struct locust__mqtt_scheme {
    const char *name;
    int port;
    bool secure, web;
} locust__mqtt_scheme;

/* The scheme of a URL; NULL: none of MQTT's. */
static const locust__mqtt_scheme *locust__mqtt_connect_scheme(locust__view name)
{
    static const locust__mqtt_scheme schemes[] = {
        {"mqtt", 1883, false, false},
        {"mqtts", 8883, true, false},
        {"mqtt+ws", 80, false, true},
        {"mqtt+wss", 443, true, true},
    };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (locust__view_is_nocase(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

/* Copies the options, whose texts are the test's. The last `url` in force is the user's host. */
static bool locust__mqtt_options_copy(locust__mqtt *m, const locust_mqtt_options *from)
{
    const char *texts[] = {from->url ? from->url : m->as.user->as.host, from->client_id,
        from->username, from->password, from->will_topic, from->will_payload, from->name};
    const char **to[] = {&m->options.url, &m->options.client_id, &m->options.username,
        &m->options.password, &m->options.will_topic, &m->options.will_payload, &m->options.name};
    enum { N = sizeof texts / sizeof *texts, WILL = 5 };
    size_t n_props = 0, props_bytes = 0, len[N], bytes = 0;
    locust_mqtt_property *props;
    char *at;
    size_t will_len =
        from->will_len || !from->will_payload ? from->will_len : strlen(from->will_payload);
    for (size_t i = 0; i < N; i++)
        bytes += len[i] = !texts[i] ? 0 : i == WILL ? will_len + 1 : strlen(texts[i]) + 1;
    for (const locust_mqtt_property *p = from->properties; p && p->name; p++, n_props++)
        props_bytes += strlen(p->name) + (p->value ? strlen(p->value) : 0) + 2;
    at = LOCUST_MALLOC((n_props + 1) * sizeof *props + bytes + props_bytes + 1);
    if (!at)
        return false;
    LOCUST_FREE(m->texts);
    m->texts = at;
    m->options = *from;
    m->options.will_len = will_len;
    props = (locust_mqtt_property *)(void *)at;
    m->options.properties = props;
    at += (n_props + 1) * sizeof *props;
    for (size_t i = 0; i < N; at += len[i], i++) {
        *to[i] = texts[i] ? at : NULL;
        if (texts[i])
            memcpy(at, texts[i], len[i] - 1);
        if (texts[i])
            at[len[i] - 1] = '\0';
    }
    for (const locust_mqtt_property *p = from->properties; p && p->name; p++, props++) {
        size_t name = strlen(p->name) + 1, value = p->value ? strlen(p->value) + 1 : 1;
        *props = (locust_mqtt_property){
            memcpy(at, p->name, name), memcpy(at + name, p->value ? p->value : "", value)};
        at += name + value;
    }
    *props = (locust_mqtt_property){NULL, NULL};
    return true;
}

/* The client identifier of the options, or one made up: 23 characters, which every broker takes,
 * [4-3.1.3.1]. */
static bool locust__mqtt_options_id(locust__mqtt *m)
{
    static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *id = m->options.client_id;
    char made[24] = "locust-";
    if (id ? m->client_id && strcmp(id, m->client_id) == 0 : m->client_id != NULL)
        return true;
    for (int i = 7; i < 23 && !id; i++)
        made[i] = alphabet[locust__random(&locust__mqtt_client_loop(m)->random) % 62];
    locust__mqtt_flights_fail(m, "the client took another identifier");
    LOCUST_FREE(m->client_id);
    m->client_id = id ? locust__text_copy(id, strlen(id)) : locust__text_copy(made, 23);
    return m->client_id != NULL;
}

/* Writes the will, [4-3.1.3.2]. */
static void locust__mqtt_connect_will(locust__bytes_writer *w, const locust__mqtt *m)
{
    const locust_mqtt_options *o = &m->options;
    size_t props;
    if (m->version == 5) {
        props = locust__mqtt_put_props_begin(w);
        locust__mqtt_put_prop(w, LOCUST__MQTT_P_WILL_DELAY, (uint32_t)o->will_delay_s);
        locust__mqtt_put_props_end(w, props);
    }
    locust__mqtt_put_text(w, o->will_topic);
    locust__mqtt_put_binary(w, (locust__view){o->will_payload, o->will_len});
}

/* Writes the properties of a CONNECT, [5-3.1.2.11]. */
static void locust__mqtt_connect_props(locust__bytes_writer *w, const locust__mqtt *m)
{
    const locust_mqtt_options *o = &m->options;
    size_t props = locust__mqtt_put_props_begin(w);
    double expiry_s = o->session_expiry_s;
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_SESSION_EXPIRY,
        expiry_s > 0 && expiry_s < 4e9       ? (uint32_t)expiry_s
        : o->keep_session || expiry_s >= 4e9 ? UINT32_MAX
                                             : 0);
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_RECEIVE_MAX, (uint32_t)o->receive_max);
    locust__mqtt_put_prop(w, LOCUST__MQTT_P_ALIAS_MAX, (uint32_t)o->topic_alias_max);
    locust__mqtt_put_prop(
        w, LOCUST__MQTT_P_MAX_PACKET, o->max_packet > UINT32_MAX - 1 ? 0 : (uint32_t)o->max_packet);
    locust__mqtt_put_user(w, o->properties);
    locust__mqtt_put_props_end(w, props);
}

/* Sends the CONNECT, [4-3.1], [5-3.1]. `user_info`: of the URL. */
static const char *locust__mqtt_connect_send(locust__mqtt *m, locust__view user_info)
{
    locust__buf *out = &m->as.user->all->services->auth, login = {NULL, 0, 0, false};
    const locust_mqtt_options *o = &m->options;
    locust__view user = {o->username, o->username ? strlen(o->username) : 0};
    locust__view password = {o->password, o->password ? strlen(o->password) : 0};
    unsigned flags = o->keep_session ? 0 : 2;
    double keep_s = o->keep_alive_s < 0 ? 0 : o->keep_alive_s > 0 ? o->keep_alive_s : 60;
    locust__bytes_writer w = locust__mqtt_packet_begin(out);
    locust__view packet;
    if (!user.ptr && !password.ptr && user_info.len) {
        const char *colon = memchr(user_info.ptr, ':', user_info.len);
        size_t n = colon ? (size_t)(colon - user_info.ptr) : user_info.len, at;
        locust__url_decode(&login, (locust__view){user_info.ptr, n});
        at = login.len;
        if (colon)
            locust__url_decode(&login, locust__view_skip(user_info, n + 1));
        user = (locust__view){login.ptr, at};
        password = (locust__view){colon && login.ptr ? login.ptr + at : NULL, login.len - at};
    }
    keep_s = keep_s > 65535 ? 65535 : keep_s < 1 && keep_s > 0 ? 1 : keep_s;
    m->keep_ns = (int64_t)keep_s * LOCUST__S;
    if (o->will_topic)
        flags |= 4u | ((unsigned)o->will_qos & 3u) << 3 | (o->will_retain ? 32u : 0u);
    flags |= user.ptr || password.ptr ? 128u : 0u; // [4-3.1.2.9]: no password without a user
    flags |= password.ptr ? 64u : 0u;
    locust__mqtt_put_text(&w, "MQTT");
    locust__bytes_put_u8(&w, (unsigned)m->version);
    locust__bytes_put_u8(&w, flags);
    locust__bytes_put_u16(&w, (unsigned)keep_s);
    if (m->version == 5)
        locust__mqtt_connect_props(&w, m);
    locust__mqtt_put_text(&w, m->client_id);
    if (o->will_topic)
        locust__mqtt_connect_will(&w, m);
    if (flags & 128)
        locust__mqtt_put_binary(&w, user);
    if (flags & 64)
        locust__mqtt_put_binary(&w, password);
    w.failed = w.failed || login.failed;
    packet = locust__mqtt_packet_end(&w, LOCUST__MQTT_CONNECT << 4, 0);
    locust__buf_free(&login);
    if (!packet.len)
        return "invalid connect: a text is longer than 65535 bytes, or no memory";
    return locust__mqtt_call_send(m, packet, (locust__view){NULL, 0});
}

/* Opens a connection over WebSocket, [4-6]. The path is /mqtt if the URL has none. The user of the
 * URL is MQTT's. */
static const char *locust__mqtt_connect_web(locust__mqtt *m, const locust__url *url, bool secure,
    locust__allowance *a, locust_error *error) LOCUST__PARKS
{
    const locust_ws_options options = {.subprotocols = "mqtt"};
    locust__buf text = {NULL, 0, 0, false};
    bool six = memchr(url->host.ptr, ':', url->host.len) != NULL;
    const char *why, *path = url->rest.ptr;
    locust__buf_printf(&text, "%s://%s%.*s%s", secure ? "https" : "http", six ? "[" : "",
        (int)url->host.len, url->host.ptr, six ? "]" : "");
    if (url->port)
        locust__buf_printf(&text, ":%d", url->port);
    locust__buf_puts(&text, url->rest.len > 1 ? path : "/mqtt");
    locust__buf_add(&text, "", 1);
    *error = text.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
    why = text.failed ? locust__error_text(LOCUST_ERR_MEMORY)
                      : locust__ws_layer_open(&m->as, &options, text.ptr, a, error, NULL);
    locust__buf_free(&text);
    return why;
}

/* Opens a connection. Returns why that failed. */
static const char *locust__mqtt_connect_dial(
    locust__mqtt *m, locust__url *url, locust__allowance *a) LOCUST__PARKS
{
    locust_error error = m->options.url ? locust__url_parse(m->options.url, url) : LOCUST_ERR_URL;
    const locust__mqtt_scheme *scheme = error ? NULL : locust__mqtt_connect_scheme(url->scheme);
    const char *why = NULL;
    if (!error && !scheme)
        error = LOCUST_ERR_SCHEME;
    if (!error && scheme->web) {
        why = locust__mqtt_connect_web(m, url, scheme->secure, a, &error);
    } else if (!error) {
        locust__protocol_to to = {.url = url, .port = scheme->port, .secure = scheme->secure};
        error = locust__protocol_dial(&m->as, &to, a);
    }
    locust__retry_note(m->as.user, error);
    if (m->as.user->co->cancelled || error == LOCUST_ERR_CANCELLED)
        return locust__mqtt_text_cut;
    return why ? why : error ? locust__error_text(error) : NULL;
}

/* Opens the connection and has the broker take it. Returns why that failed. */
static const char *locust__mqtt_connect_try(
    locust__mqtt *m, locust__operation *o, int64_t deadline_ns) LOCUST__PARKS
{
    locust__allowance a = {deadline_ns, 0};
    locust__url url;
    const char *why = locust__mqtt_connect_dial(m, &url, &a);
    if (why)
        return why;
    o->start_ns += a.generator_ns;
    m->answered = false;
    why = locust__mqtt_connect_send(m, url.user_info);
    if (!why)
        why = locust__mqtt_wait(m, locust__mqtt_has_answer, a.deadline_ns);
    return why ? why : m->error;
}

/* Connects, and makes the row. Returns whether the broker took it. */
static bool locust__mqtt_open(locust__mqtt *m, int64_t deadline_ns) LOCUST__PARKS
{
    locust__operation o =
        locust__operation_begin(m->as.user, "MQTT", m->options.name ? m->options.name : "connect");
    const char *why;
    m->error = NULL;
    m->version = m->options.version == 5 ? 5 : 4;
    m->connected = m->session_present = false;
    why = m->options.version && m->options.version != 4 && m->options.version != 5
              ? "invalid connect: .version is 4 (MQTT 3.1.1) or 5"
          : !locust__mqtt_options_id(m) ? locust__error_text(LOCUST_ERR_MEMORY)
                                        : locust__mqtt_connect_try(m, &o, deadline_ns);
    if (why) {
        locust__mqtt_call_fail(m, &o, why);
        locust__protocol_close(&m->as);
        m->connected = false;
        m->error = why;
        return false;
    }
    locust__operation_end(&o, locust__mqtt_client_stream(m), NULL, 0);
    m->has_session = m->options.keep_session;
    if (m->options.topic_alias_max > 0 && m->version == 5)
        m->alias_in = locust__memory_zalloc((size_t)m->options.topic_alias_max * sizeof(char *));
    if (m->limits.alias_max && m->options.topic_aliases > 0)
        m->alias_out = locust__memory_zalloc((size_t)m->options.topic_aliases * sizeof(char *));
    return true;
}
