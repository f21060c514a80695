/* ============================================================================================
 * >>mqtt_client  what an MQTT client keeps; what it sends; publications under way
 *
 * Purpose     the state of a client, between its user's calls too. Sends without waiting: what does
 *             not go at once lies in `out`. Ends publications as their acknowledgements come.
 * Invariants  nothing here parks. `out` is sent in order, and is bounded: while much of it is
 *             there, nothing is read. A publication under way (`flights`) keeps its packet
 *             identifier until the broker has let go of it, also if its user no longer waits.
 * Cost        an idle client: some 700 bytes, its options and subscriptions. A publication under
 *             way: 100 bytes and its name; its packet too if the session outlives the connection.
 * Names       locust__mqtt locust__mqtt_ack_ locust__mqtt_clear_ locust__mqtt_client_
 *             locust__mqtt_flight locust__mqtt_flight_ locust__mqtt_flights_ locust__mqtt_limits
 *             locust__mqtt_queued locust__mqtt_send locust__mqtt_stamp_ locust__mqtt_sub
 *             locust__mqtt_write
 * Uses        >>co >>stream >>protocol >>mqtt_packet
 * Sources     OASIS MQTT 3.1.1 and 5.0, sections 4.3 (QoS), 4.4 (delivery again), 4.9 (flow
 *             control).
 * ============================================================================================ */

enum {
    LOCUST__MQTT_OUT_MAX = 65536, // bytes that wait to be sent; with more nothing is read
    LOCUST__MQTT_STAMP = 24,      // bytes of a stamp: the mark and 16 hexadecimal digits
    LOCUST__MQTT_GRACE_S = 5      // a ping is given up after the keep alive, but not before this
};

static const char locust__mqtt_stamp_mark[] = " locust="; // 8 bytes
static const char locust__mqtt_text_gone[] = "the broker closed the connection";

enum locust__mqtt_flight_state {
    LOCUST__MQTT_FLIGHT_PUBACK, // what it waits for
    LOCUST__MQTT_FLIGHT_PUBREC,
    LOCUST__MQTT_FLIGHT_PUBCOMP
};

typedef struct locust__mqtt_flight { // a publication of QoS 1 or 2 that is under way
    struct locust__mqtt_flight *next;
    locust__operation operation; // its name is in `bytes`
    int64_t deadline_ns;
    size_t len; // of the payload
    enum locust__mqtt_flight_state state;
    uint16_t id;
    bool told; // its row is made: its user waits no longer
    size_t name_len;
    size_t packet; // bytes of its packet, behind the name; 0: it is not sent again
    char bytes[];
} locust__mqtt_flight;

typedef struct locust__mqtt_sub { // a subscription that the broker took
    struct locust__mqtt_sub *next;
    const char *row; // "receive:FILTER", the statistics' copy
    uint32_t id;     // its subscription identifier; 0: none
    uint8_t options;
    char filter[];
} locust__mqtt_sub;

typedef struct locust__mqtt_queued { // a message that was not received yet, and then the last
    struct locust__mqtt_queued *next;
    const char *row;                  // "receive:FILTER"; NULL: by no subscription of this client
    int64_t arrived_ns, sent_wall_ns; // sent_wall_ns 0: it was not stamped
    int64_t arrived_wall_ns;
    size_t topic_len, len, props_len;
    uint8_t qos;
    bool retain, dup;
    char bytes[]; // topic \0 payload \0 properties
} locust__mqtt_queued;

typedef struct locust__mqtt_limits { // what the broker takes
    uint32_t max_packet;
    uint16_t receive_max, alias_max;
    uint8_t qos;
    bool no_retain;
} locust__mqtt_limits;

typedef struct locust__mqtt {
    locust__protocol_client as;  // first
    locust_mqtt_options options; // their texts are in `texts`
    char *texts;
    char *client_id;  // that it chose, or the broker
    bool configured;  // by locust_mqtt_connect, or for the user's host
    bool connected;   // the broker took the CONNECT
    bool has_session; // at the broker, which outlives the connection
    int version;
    uint16_t last_id;
    locust__mqtt_limits limits;
    int64_t keep_ns;  // between two packets of this client; 0: for ever
    int64_t sent_ns;  // when the last was sent
    int64_t ping_ns;  // when the ping was sent that waits for its answer; 0: none does
    locust__buf out;  // not sent yet
    size_t out_tried; // bytes of it that a layer has tried to send: it must get the same again
    locust__mqtt_flight *flights, **flights_end; // in the order of their sending
    int n_flights, window; // window: how many there may be, for the call that waits for a place
    const locust__mqtt_flight *awaited; // the one that a call waits for
    locust__mqtt_sub *subs;
    locust__mqtt_queued *queue, **queue_end, *last; // last: the one that the test looks at
    size_t queue_bytes;
    int queue_len;
    uint16_t *received; // packet identifiers of QoS 2 messages that the broker may send again
    int n_received, cap_received;
    char **alias_in;  // topics of the broker's aliases, options.topic_alias_max of them
    char **alias_out; // its own, n_alias_out of them
    int n_alias_out;
    // Of the call that runs.
    const char *error;           // why it failed; between calls: why the last did
    unsigned wait_id;            // a SUBACK or UNSUBACK of that identifier; 0: none
    locust__buf wait_codes;      // its reason codes
    bool answered;               // it came; or the CONNACK
    bool session_present;        // of the CONNACK
    locust_mqtt_property *props; // of `last`
} locust__mqtt;

static locust__mqtt *locust__mqtt_client_of(locust__protocol_client *c)
{
    return (locust__mqtt *)(void *)c;
}

static locust_stream *locust__mqtt_client_stream(locust__mqtt *m)
{
    return &m->as.conn.stream;
}

static locust__loop *locust__mqtt_client_loop(const locust__mqtt *m)
{
    return m->as.user->all->services->loop;
}

/* -- sending -- */

/* Sends what lies in `out`, as far as that goes without waiting. */
static locust_error locust__mqtt_write(locust__mqtt *m)
{
    locust_stream *s = locust__mqtt_client_stream(m);
    size_t at = 0;
    locust_error error = LOCUST_OK;
    while (!error && at < m->out.len) {
        size_t n = m->out_tried ? m->out_tried : m->out.len - at, sent;
        struct iovec iov = {m->out.ptr + at, n};
        error = locust__stream_send(s, &iov, 1, &sent);
        if (error)
            break;
        m->out_tried = sent < n ? n - sent : 0;
        at += sent;
        if (!sent)
            break;
    }
    if (at) {
        memmove(m->out.ptr, m->out.ptr + at, m->out.len - at);
        m->out.len -= at;
        m->sent_ns = locust__mqtt_client_loop(m)->clock_ns;
    }
    if (!m->out.len && m->out.cap > 512)
        locust__buf_free(&m->out);
    return error;
}

/* Sends a packet in two pieces, or puts what does not go at once behind what waits already. */
static locust_error locust__mqtt_send(locust__mqtt *m, locust__view head, locust__view body)
{
    locust_stream *s = locust__mqtt_client_stream(m);
    size_t sent = 0, of_head;
    if (!m->out.len) {
        struct iovec iov[2] = {
            {(void *)(uintptr_t)head.ptr, head.len}, {(void *)(uintptr_t)body.ptr, body.len}};
        locust_error error = locust__stream_send(s, iov, body.len ? 2 : 1, &sent);
        if (error)
            return error;
        if (sent)
            m->sent_ns = locust__mqtt_client_loop(m)->clock_ns;
        m->out_tried = sent ? 0 : head.len + body.len;
    }
    if (sent == head.len + body.len)
        return LOCUST_OK;
    of_head = sent < head.len ? sent : head.len;
    locust__buf_add(&m->out, head.ptr + of_head, head.len - of_head);
    if (body.len)
        locust__buf_add(&m->out, body.ptr + (sent - of_head), body.len - (sent - of_head));
    return m->out.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* Queues an acknowledgement; a reason but 0 is left out where the version has none. */
static void locust__mqtt_ack_put(
    locust__mqtt *m, enum locust__mqtt_type type, unsigned id, unsigned code)
{
    unsigned flags = type == LOCUST__MQTT_PUBREL ? 2 : 0;
    char packet[5] = {(char)(type << 4 | flags), 2, (char)(id >> 8), (char)id, (char)code};
    if (code && m->version == 5)
        packet[1] = 3;
    locust__buf_add(&m->out, packet, (size_t)packet[1] + 2);
}

/* -- publications under way -- */

/* Makes the row of a publication, unless it has one. error NULL: the broker has it. */
static void locust__mqtt_flight_tell(locust__mqtt *m, locust__mqtt_flight *f, const char *error)
{
    if (f->told)
        return;
    f->told = true;
    locust__operation_end(&f->operation, locust__mqtt_client_stream(m), error, f->len);
    if (error)
        m->error = error;
}

/* Takes a publication off the list. */
static void locust__mqtt_flight_remove(locust__mqtt *m, locust__mqtt_flight *f)
{
    locust__mqtt_flight **at = &m->flights;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    if (!f->next)
        m->flights_end = at;
    m->n_flights--;
    if (m->awaited == f)
        m->awaited = NULL;
    LOCUST_FREE(f);
}

/* Ends all publications under way: the session that they belonged to is over. */
static void locust__mqtt_flights_fail(locust__mqtt *m, const char *why)
{
    while (m->flights) {
        locust__mqtt_flight_tell(m, m->flights, why);
        locust__mqtt_flight_remove(m, m->flights);
    }
}

static locust__mqtt_flight *locust__mqtt_flight_of(const locust__mqtt *m, unsigned id)
{
    locust__mqtt_flight *f = m->flights;
    while (f && f->id != id)
        f = f->next;
    return f;
}

/* Takes an answer to a publication of this client, [5-4.3]. Returns what is wrong with it. */
static const char *locust__mqtt_ack_take(locust__mqtt *m, const locust__mqtt_in *in)
{
    static const enum locust__mqtt_type want[] = {
        LOCUST__MQTT_PUBACK, LOCUST__MQTT_PUBREC, LOCUST__MQTT_PUBCOMP};
    locust__mqtt_flight *f = locust__mqtt_flight_of(m, in->id);
    if (f && in->type == LOCUST__MQTT_PUBREC && f->state == LOCUST__MQTT_FLIGHT_PUBCOMP &&
        in->code < 0x80) {
        locust__mqtt_ack_put(m, LOCUST__MQTT_PUBREL, in->id, 0); // again, as the broker asks again
        return NULL;
    }
    if (!f || in->type != want[f->state])
        return "the broker acknowledged what was not sent";
    if (in->type == LOCUST__MQTT_PUBREC && in->code < 0x80) {
        f->state = LOCUST__MQTT_FLIGHT_PUBCOMP;
        f->packet = 0;
        locust__mqtt_ack_put(m, LOCUST__MQTT_PUBREL, in->id, 0);
        return NULL;
    }
    locust__mqtt_flight_tell(m, f, in->code >= 0x80 ? locust__mqtt_reason(in->code) : NULL);
    locust__mqtt_flight_remove(m, f);
    return NULL;
}

/* -- the end of a connection -- */

static void locust__mqtt_clear_aliases(locust__mqtt *m)
{
    for (int i = 0; i < m->options.topic_alias_max && m->alias_in; i++)
        LOCUST_FREE(m->alias_in[i]);
    for (int i = 0; i < m->n_alias_out; i++)
        LOCUST_FREE(m->alias_out[i]);
    LOCUST_FREE(m->alias_in);
    LOCUST_FREE(m->alias_out);
    m->alias_in = m->alias_out = NULL;
    m->n_alias_out = 0;
}

/* Closes the connection. What is under way goes on if the session does. */
static void locust__mqtt_client_close(locust__mqtt *m, const char *why)
{
    locust__protocol_close(&m->as);
    m->connected = false;
    m->out_tried = 0;
    m->ping_ns = 0;
    locust__buf_free(&m->out);
    locust__mqtt_clear_aliases(m);
    if (!m->has_session) {
        locust__mqtt_flights_fail(m, why);
        LOCUST_FREE(m->received);
        m->received = NULL;
        m->n_received = m->cap_received = 0;
    }
}

/* Says DISCONNECT, as far as that goes without waiting; the reason in MQTT 5 alone. */
static void locust__mqtt_client_say_bye(locust__mqtt *m, unsigned code)
{
    char packet[3] = {(char)(LOCUST__MQTT_DISCONNECT << 4), code && m->version == 5, (char)code};
    if (!m->connected || !locust__stream_is_open(locust__mqtt_client_stream(m)))
        return;
    locust__buf_add(&m->out, packet, (size_t)packet[1] + 2);
    locust__mqtt_write(m);
}
