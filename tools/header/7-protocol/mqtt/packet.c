/* ============================================================================================
 * >>mqtt_packet  packets of MQTT 3.1.1 and 5
 *
 * Purpose     takes apart what a broker sends, and writes what a client sends.
 * Invariants  nothing is believed: lengths are held against the packet, flags, ids, texts and
 *             properties against what the packet may have. What is wrong has one sentence for each
 *             rule. Views point into the packet.
 * Cost        reading allocates nothing.
 * Names       locust__mqtt_
 * Sources     OASIS MQTT 3.1.1 and 5.0; "[4-2.2.2]" is a section of the former, "[5-...]" of the
 *             latter.
 *
 *   +------+-------+------------------+-----------------------------+----------------------+
 *   | type | flags | remaining length | variable header, in 5 with  | payload              |
 *   | 4 b  | 4 b   | 1 to 4 bytes     | properties                  |                      |
 *   +------+-------+------------------+-----------------------------+----------------------+
 * ============================================================================================ */

enum locust__mqtt_type {
    LOCUST__MQTT_CONNECT = 1,
    LOCUST__MQTT_CONNACK,
    LOCUST__MQTT_PUBLISH,
    LOCUST__MQTT_PUBACK,
    LOCUST__MQTT_PUBREC,
    LOCUST__MQTT_PUBREL,
    LOCUST__MQTT_PUBCOMP,
    LOCUST__MQTT_SUBSCRIBE,
    LOCUST__MQTT_SUBACK,
    LOCUST__MQTT_UNSUBSCRIBE,
    LOCUST__MQTT_UNSUBACK,
    LOCUST__MQTT_PINGREQ,
    LOCUST__MQTT_PINGRESP,
    LOCUST__MQTT_DISCONNECT,
    LOCUST__MQTT_AUTH
};

enum { // identifiers of properties, [5-2.2.2.2]
    LOCUST__MQTT_P_FORMAT = 0x01,
    LOCUST__MQTT_P_EXPIRY = 0x02,
    LOCUST__MQTT_P_CONTENT_TYPE = 0x03,
    LOCUST__MQTT_P_RESPONSE_TOPIC = 0x08,
    LOCUST__MQTT_P_CORRELATION = 0x09,
    LOCUST__MQTT_P_SUBSCRIPTION = 0x0B,
    LOCUST__MQTT_P_SESSION_EXPIRY = 0x11,
    LOCUST__MQTT_P_CLIENT_ID = 0x12,
    LOCUST__MQTT_P_KEEP_ALIVE = 0x13,
    LOCUST__MQTT_P_WILL_DELAY = 0x18,
    LOCUST__MQTT_P_RECEIVE_MAX = 0x21,
    LOCUST__MQTT_P_ALIAS_MAX = 0x22,
    LOCUST__MQTT_P_ALIAS = 0x23,
    LOCUST__MQTT_P_QOS = 0x24,
    LOCUST__MQTT_P_RETAIN = 0x25,
    LOCUST__MQTT_P_USER = 0x26,
    LOCUST__MQTT_P_MAX_PACKET = 0x27,
    LOCUST__MQTT_PROPS = 0x2B
};

enum locust__mqtt_kind { // of a property's value; NONE: there is no such property
    LOCUST__MQTT_KIND_NONE,
    LOCUST__MQTT_KIND_FLAG, // a byte, 0 or 1
    LOCUST__MQTT_KIND_U16,
    LOCUST__MQTT_KIND_U32,
    LOCUST__MQTT_KIND_VARINT,
    LOCUST__MQTT_KIND_TEXT,
    LOCUST__MQTT_KIND_BINARY,
    LOCUST__MQTT_KIND_PAIR
};

/* What a property is, and in which packets a broker may send it: a bit for each type. */
// clang-format off
#define LOCUST__MQTT_IN(type) (1u << LOCUST__MQTT_##type)
#define LOCUST__MQTT_ACKS                                                                        \
    (LOCUST__MQTT_IN(PUBACK) | LOCUST__MQTT_IN(PUBREC) | LOCUST__MQTT_IN(PUBREL) |               \
        LOCUST__MQTT_IN(PUBCOMP) | LOCUST__MQTT_IN(SUBACK) | LOCUST__MQTT_IN(UNSUBACK))
static const struct {
    uint8_t kind;
    bool not_zero;
    uint16_t in;
} locust__mqtt_props[LOCUST__MQTT_PROPS] = {
    [0x01] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(PUBLISH)},   // payload format
    [0x02] = {LOCUST__MQTT_KIND_U32, false, LOCUST__MQTT_IN(PUBLISH)},    // message expiry
    [0x03] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(PUBLISH)},   // content type
    [0x08] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(PUBLISH)},   // response topic
    [0x09] = {LOCUST__MQTT_KIND_BINARY, false, LOCUST__MQTT_IN(PUBLISH)}, // correlation data
    [0x0B] = {LOCUST__MQTT_KIND_VARINT, true, LOCUST__MQTT_IN(PUBLISH)},  // subscription id
    [0x11] = {LOCUST__MQTT_KIND_U32, false, LOCUST__MQTT_IN(CONNACK)},    // session expiry
    [0x12] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(CONNACK)},   // assigned client id
    [0x13] = {LOCUST__MQTT_KIND_U16, false, LOCUST__MQTT_IN(CONNACK)},    // server keep alive
    [0x15] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(CONNACK) | LOCUST__MQTT_IN(AUTH)},
    [0x16] = {LOCUST__MQTT_KIND_BINARY, false, LOCUST__MQTT_IN(CONNACK) | LOCUST__MQTT_IN(AUTH)},
    [0x17] = {LOCUST__MQTT_KIND_FLAG, false, 0},                          // of clients: request
    [0x18] = {LOCUST__MQTT_KIND_U32, false, 0},                           // problem information,
    [0x19] = {LOCUST__MQTT_KIND_FLAG, false, 0},                          // will delay, ...
    [0x1A] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(CONNACK)},   // response information
    [0x1C] = {LOCUST__MQTT_KIND_TEXT, false,                              // server reference
                  LOCUST__MQTT_IN(CONNACK) | LOCUST__MQTT_IN(DISCONNECT)},
    [0x1F] = {LOCUST__MQTT_KIND_TEXT, false, LOCUST__MQTT_IN(CONNACK) | LOCUST__MQTT_ACKS |
                  LOCUST__MQTT_IN(DISCONNECT) | LOCUST__MQTT_IN(AUTH)},   // reason in words
    [0x21] = {LOCUST__MQTT_KIND_U16, true, LOCUST__MQTT_IN(CONNACK)},     // receive maximum
    [0x22] = {LOCUST__MQTT_KIND_U16, false, LOCUST__MQTT_IN(CONNACK)},    // topic alias maximum
    [0x23] = {LOCUST__MQTT_KIND_U16, true, LOCUST__MQTT_IN(PUBLISH)},     // topic alias
    [0x24] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(CONNACK)},   // maximum QoS
    [0x25] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(CONNACK)},   // retain available
    [0x26] = {LOCUST__MQTT_KIND_PAIR, false, LOCUST__MQTT_IN(CONNACK) | LOCUST__MQTT_IN(PUBLISH) |
                  LOCUST__MQTT_ACKS | LOCUST__MQTT_IN(DISCONNECT) | LOCUST__MQTT_IN(AUTH)},
    [0x27] = {LOCUST__MQTT_KIND_U32, true, LOCUST__MQTT_IN(CONNACK)},     // maximum packet size
    [0x28] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(CONNACK)},   // wildcards available
    [0x29] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(CONNACK)},   // subscription ids
    [0x2A] = {LOCUST__MQTT_KIND_FLAG, false, LOCUST__MQTT_IN(CONNACK)},   // shared subscriptions
};
// clang-format on

typedef struct locust__mqtt_prop { // a property, in the order of the packet
    unsigned id;
    uint32_t number;
    locust__view text, value; // value: of a user property, whose name `text` is
} locust__mqtt_prop;

typedef struct locust__mqtt_in { // a packet of a broker, taken apart
    enum locust__mqtt_type type;
    bool dup, retain;
    unsigned qos;
    unsigned id;                 // 0: it has none
    unsigned code;               // of all that have one; of those that leave it out: 0
    bool session_present;        // CONNACK
    locust__view topic, payload; // PUBLISH
    locust__view codes;          // SUBACK, UNSUBACK of 5: one for each filter
    locust__view props;          // as they came; they are well-formed
} locust__mqtt_in;

/* -- reading -- */

#define LOCUST__MQTT_BAD "malformed MQTT packet: "
static const char locust__mqtt_text_short[] = LOCUST__MQTT_BAD "it ends inside of a field";
static const char locust__mqtt_text_utf8[] = LOCUST__MQTT_BAD "a text that is not UTF-8";

/* A variable byte integer of up to four bytes. Sets `failed` if it ends early or is too long; a
 * padded one is as wrong, [5-1.5.5]. */
static uint32_t locust__mqtt_get_varint(locust__bytes_reader *r)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        unsigned byte = locust__bytes_get_u8(r);
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) {
            r->failed = r->failed || (!byte && shift);
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static locust__view locust__mqtt_get_binary(locust__bytes_reader *r)
{
    size_t n = locust__bytes_get_u16(r);
    const unsigned char *at = locust__bytes_take(r, n);
    return (locust__view){(const char *)at, at ? n : 0};
}

/* Is it UTF-8 without a '\0', [4-1.5.3]? */
static bool locust__mqtt_text_is_good(locust__view text)
{
    while (text.len) {
        const char *at = text.ptr;
        uint32_t code;
        if (locust__text_next(&text, &code).ptr != at || !code)
            return false;
    }
    return true;
}

/* Takes the next property off a list. Sets `failed` if it is none; *fault then may say more. */
static void locust__mqtt_get_prop(locust__bytes_reader *r, locust__mqtt_prop *p, const char **fault)
{
    memset(p, 0, sizeof *p);
    p->id = locust__mqtt_get_varint(r);
    switch ((enum locust__mqtt_kind)(
        p->id < LOCUST__MQTT_PROPS ? locust__mqtt_props[p->id].kind : LOCUST__MQTT_KIND_NONE)) {
    case LOCUST__MQTT_KIND_NONE:
        *fault = LOCUST__MQTT_BAD "a property that there is not";
        r->failed = true;
        break;
    case LOCUST__MQTT_KIND_FLAG:
        p->number = locust__bytes_get_u8(r);
        break;
    case LOCUST__MQTT_KIND_U16:
        p->number = locust__bytes_get_u16(r);
        break;
    case LOCUST__MQTT_KIND_U32:
        p->number = locust__bytes_get_u32(r);
        break;
    case LOCUST__MQTT_KIND_VARINT:
        p->number = locust__mqtt_get_varint(r);
        break;
    case LOCUST__MQTT_KIND_PAIR:
        p->text = locust__mqtt_get_binary(r);
        p->value = locust__mqtt_get_binary(r);
        break;
    case LOCUST__MQTT_KIND_TEXT:
    case LOCUST__MQTT_KIND_BINARY:
        p->text = locust__mqtt_get_binary(r);
        break;
    }
}

/* What is wrong with a property in a packet of that type; NULL: nothing. *seen: a bit for each
 * that came before. */
static const char *locust__mqtt_props_judge(
    const locust__mqtt_prop *p, enum locust__mqtt_type type, uint64_t *seen)
{
    unsigned kind = locust__mqtt_props[p->id].kind;
    bool repeats = p->id == LOCUST__MQTT_P_USER || p->id == LOCUST__MQTT_P_SUBSCRIPTION;
    if (!(locust__mqtt_props[p->id].in >> type & 1))
        return LOCUST__MQTT_BAD "a property that it may not have";
    if (*seen >> p->id & 1 && !repeats)
        return LOCUST__MQTT_BAD "a property twice";
    *seen |= (uint64_t)1 << p->id;
    if ((kind == LOCUST__MQTT_KIND_FLAG && p->number > 1) ||
        (locust__mqtt_props[p->id].not_zero && !p->number))
        return LOCUST__MQTT_BAD "a property with a value that it may not have";
    if ((kind == LOCUST__MQTT_KIND_TEXT || kind == LOCUST__MQTT_KIND_PAIR) &&
        (!locust__mqtt_text_is_good(p->text) || !locust__mqtt_text_is_good(p->value)))
        return locust__mqtt_text_utf8;
    return NULL;
}

/* Reads the properties of a packet, and checks each. NULL: they are well. */
static const char *locust__mqtt_read_props(locust__bytes_reader *r, locust__mqtt_in *in)
{
    size_t n = locust__mqtt_get_varint(r);
    const unsigned char *at = r->failed ? NULL : locust__bytes_take(r, n);
    locust__bytes_reader list = locust__bytes_reader_of(at, at ? n : 0);
    uint64_t seen = 0;
    if (!at)
        return LOCUST__MQTT_BAD "properties that are longer than the packet";
    in->props = (locust__view){(const char *)at, n};
    while (list.left) {
        locust__mqtt_prop p;
        const char *fault = LOCUST__MQTT_BAD "a property that is cut";
        locust__mqtt_get_prop(&list, &p, &fault);
        if (!list.failed)
            fault = locust__mqtt_props_judge(&p, in->type, &seen);
        if (fault)
            return fault;
    }
    return NULL;
}

/* The first property of that kind; its number and text are 0 if there is none. */
static bool locust__mqtt_get(const locust__mqtt_in *in, unsigned id, locust__mqtt_prop *p)
{
    locust__bytes_reader r = locust__bytes_reader_of(in->props.ptr, in->props.len);
    const char *unused;
    while (r.left) {
        locust__mqtt_get_prop(&r, p, &unused);
        if (p->id == id)
            return true;
    }
    memset(p, 0, sizeof *p);
    return false;
}

/* The number of a property, or `other` if there is none. */
static uint32_t locust__mqtt_get_number(const locust__mqtt_in *in, unsigned id, uint32_t other)
{
    locust__mqtt_prop p;
    return locust__mqtt_get(in, id, &p) ? p.number : other;
}

/* CONNACK, [4-3.2], [5-3.2]. Brokers that know no MQTT 5 answer as MQTT 3.1.1 has it. */
static const char *locust__mqtt_read_connack(
    locust__bytes_reader *r, locust__mqtt_in *in, int version)
{
    unsigned flags = locust__bytes_get_u8(r);
    in->code = locust__bytes_get_u8(r);
    if (r->failed)
        return locust__mqtt_text_short;
    if (flags > 1)
        return LOCUST__MQTT_BAD "reserved flags";
    in->session_present = flags;
    if (flags && in->code)
        return LOCUST__MQTT_BAD "a refusal with a session";
    if (in->code && version == 5 && !r->left)
        return NULL;
    return version == 5 ? locust__mqtt_read_props(r, in) : NULL;
}

/* A topic that somebody published to: at least one character, no wildcard, [4-4.7]. */
static bool locust__mqtt_text_is_topic(locust__view topic)
{
    return topic.len && !memchr(topic.ptr, '+', topic.len) && !memchr(topic.ptr, '#', topic.len);
}

static const char *locust__mqtt_read_publish(
    locust__bytes_reader *r, locust__mqtt_in *in, int version)
{
    const char *fault = NULL;
    if (in->qos == 3)
        return LOCUST__MQTT_BAD "a QoS of 3";
    if (in->dup && !in->qos)
        return LOCUST__MQTT_BAD "DUP with a QoS of 0";
    in->topic = locust__mqtt_get_binary(r);
    if (in->qos)
        in->id = locust__bytes_get_u16(r);
    if (r->failed)
        return locust__mqtt_text_short;
    if (!locust__mqtt_text_is_good(in->topic))
        return locust__mqtt_text_utf8;
    if (in->qos && !in->id)
        return LOCUST__MQTT_BAD "a packet identifier of 0";
    if (version == 5)
        fault = locust__mqtt_read_props(r, in);
    if (!fault && !locust__mqtt_text_is_topic(in->topic) &&
        (in->topic.len || !locust__mqtt_get_number(in, LOCUST__MQTT_P_ALIAS, 0)))
        fault = LOCUST__MQTT_BAD "a topic that is empty or has wildcards";
    in->payload = (locust__view){(const char *)r->at, r->left};
    r->left = 0;
    return fault;
}

/* PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. */
static const char *locust__mqtt_read_ack(locust__bytes_reader *r, locust__mqtt_in *in, int version)
{
    bool list = in->type == LOCUST__MQTT_SUBACK || in->type == LOCUST__MQTT_UNSUBACK;
    in->id = locust__bytes_get_u16(r);
    if (r->failed)
        return locust__mqtt_text_short;
    if (!in->id)
        return LOCUST__MQTT_BAD "a packet identifier of 0";
    if (version == 5 && !list && r->left)
        in->code = locust__bytes_get_u8(r);
    if (version == 5 && (list || r->left)) {
        const char *fault = locust__mqtt_read_props(r, in);
        if (fault)
            return fault;
    }
    if (list) {
        in->codes = (locust__view){(const char *)r->at, r->left};
        r->left = 0;
        if (!in->codes.len && (in->type == LOCUST__MQTT_SUBACK || version == 5))
            return LOCUST__MQTT_BAD "no reason codes";
        if (in->codes.len && in->type == LOCUST__MQTT_UNSUBACK && version != 5)
            return LOCUST__MQTT_BAD "bytes behind its last field";
    }
    return NULL;
}

/* DISCONNECT, AUTH. Some brokers send a DISCONNECT of 3.1.1, where only clients do. */
static const char *locust__mqtt_read_end(locust__bytes_reader *r, locust__mqtt_in *in, int version)
{
    if (version == 5 && r->left)
        in->code = locust__bytes_get_u8(r);
    return version == 5 && r->left ? locust__mqtt_read_props(r, in) : NULL;
}

/* Finds the next packet in the n bytes at p. *took: its bytes, 0 if it is not all there yet.
 * Returns what is wrong with its beginning; NULL: nothing, so far. */
static const char *locust__mqtt_frame(
    const char *p, size_t n, size_t max, size_t *took, locust__view *body)
{
    locust__bytes_reader r = locust__bytes_reader_of(p, n);
    unsigned first = locust__bytes_get_u8(&r);
    enum locust__mqtt_type type = (enum locust__mqtt_type)(first >> 4);
    unsigned want = type == LOCUST__MQTT_PUBREL ? 2 : 0;
    size_t len;
    *took = 0;
    if (r.failed)
        return NULL;
    if (!type)
        return LOCUST__MQTT_BAD "its type is reserved";
    if (type == LOCUST__MQTT_CONNECT || type == LOCUST__MQTT_SUBSCRIBE ||
        type == LOCUST__MQTT_UNSUBSCRIBE || type == LOCUST__MQTT_PINGREQ)
        return LOCUST__MQTT_BAD "its type is one that only clients send";
    if (type != LOCUST__MQTT_PUBLISH && (first & 15) != want)
        return LOCUST__MQTT_BAD "reserved flags";
    len = locust__mqtt_get_varint(&r);
    if (r.failed) {
        bool more = n < 5; // is the length cut, and good so far?
        for (size_t i = 1; i < n && more; i++)
            more = (unsigned char)p[i] >= 128;
        return more ? NULL : LOCUST__MQTT_BAD "its length is no number of up to four bytes";
    }
    if (n - r.left + len > max)
        return "the broker sent a packet that is longer than .max_packet";
    if (len <= r.left) {
        *took = n - r.left + len;
        *body = (locust__view){(const char *)r.at, len};
    }
    return NULL;
}

/* Takes a packet apart. Returns what is wrong with it; NULL: nothing. */
static const char *locust__mqtt_read(
    unsigned first, locust__view body, int version, locust__mqtt_in *in)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    const char *fault = NULL;
    memset(in, 0, sizeof *in);
    in->type = (enum locust__mqtt_type)(first >> 4);
    in->dup = first >> 3 & 1;
    in->qos = first >> 1 & 3;
    in->retain = first & 1;
    switch (in->type) {
    case LOCUST__MQTT_CONNACK:
        fault = locust__mqtt_read_connack(&r, in, version);
        break;
    case LOCUST__MQTT_PUBLISH:
        fault = locust__mqtt_read_publish(&r, in, version);
        break;
    case LOCUST__MQTT_PUBACK:
    case LOCUST__MQTT_PUBREC:
    case LOCUST__MQTT_PUBREL:
    case LOCUST__MQTT_PUBCOMP:
    case LOCUST__MQTT_SUBACK:
    case LOCUST__MQTT_UNSUBACK:
        fault = locust__mqtt_read_ack(&r, in, version);
        break;
    case LOCUST__MQTT_AUTH:
    case LOCUST__MQTT_DISCONNECT:
        fault = locust__mqtt_read_end(&r, in, version);
        break;
    case LOCUST__MQTT_PINGRESP:
    case LOCUST__MQTT_CONNECT: // locust__mqtt_frame has refused these
    case LOCUST__MQTT_SUBSCRIBE:
    case LOCUST__MQTT_UNSUBSCRIBE:
    case LOCUST__MQTT_PINGREQ:
        break;
    }
    return fault ? fault : r.left ? LOCUST__MQTT_BAD "bytes behind its last field" : NULL;
}

/* -- reasons -- */

// clang-format off
#define LOCUST__MQTT_REASONS(X) /* [5-2.4] */ \
    X(0x80, "unspecified error") X(0x81, "malformed packet") X(0x82, "protocol error") \
    X(0x83, "implementation specific error") X(0x84, "unsupported protocol version") \
    X(0x85, "client identifier not valid") X(0x86, "bad user name or password") \
    X(0x87, "not authorized") X(0x88, "server unavailable") X(0x89, "server busy") \
    X(0x8A, "banned") X(0x8B, "server shutting down") X(0x8C, "bad authentication method") \
    X(0x8D, "keep alive timeout") X(0x8E, "session taken over") X(0x8F, "topic filter invalid") \
    X(0x90, "topic name invalid") X(0x91, "packet identifier in use") \
    X(0x92, "packet identifier not found") X(0x93, "receive maximum exceeded") \
    X(0x94, "topic alias invalid") X(0x95, "packet too large") X(0x96, "message rate too high") \
    X(0x97, "quota exceeded") X(0x98, "administrative action") X(0x99, "payload format invalid") \
    X(0x9A, "retain not supported") X(0x9B, "QoS not supported") X(0x9C, "use another server") \
    X(0x9D, "server moved") X(0x9E, "shared subscriptions not supported") \
    X(0x9F, "connection rate exceeded") X(0xA0, "maximum connect time") \
    X(0xA1, "subscription identifiers not supported") \
    X(0xA2, "wildcard subscriptions not supported")
// clang-format on

/* The sentence of a reason code from 0x80 on. */
static const char *locust__mqtt_reason(unsigned code)
{
    static const struct {
        unsigned code;
        const char *text;
    } rows[] = {
#define LOCUST__MQTT_REASON_ROW(code, text) {code, "the broker says: " text " (" #code ")"},
        LOCUST__MQTT_REASONS(LOCUST__MQTT_REASON_ROW)
#undef LOCUST__MQTT_REASON_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "the broker says: a reason code that there is not";
}

/* The sentence of a CONNACK that refuses, in either version: a broker that does not know the
 * version of the CONNECT answers in its own. */
static const char *locust__mqtt_refusal(unsigned code, int version)
{
    static const char *const old[] = {
        "the broker does not speak MQTT 3.1.1: set .version to 5",
        "the broker refused the client identifier (2)",
        "the broker says: server unavailable (3)",
        "the broker says: bad user name or password (4)",
        "the broker says: not authorized (5)",
    };
    if (version == 5 && (code == 1 || code == 0x84))
        return "the broker does not speak MQTT 5: set .version to 4";
    return code <= sizeof old / sizeof *old ? old[code - 1] : locust__mqtt_reason(code);
}

/* -- writing -- */

enum { LOCUST__MQTT_HEAD = 5 }; // bytes that the type and length of a packet take at most

static void locust__mqtt_put_varint(locust__bytes_writer *w, uint32_t value)
{
    for (; value > 127; value >>= 7)
        locust__bytes_put_u8(w, (value & 127) | 128);
    locust__bytes_put_u8(w, value);
}

/* Binary data and texts have up to 65535 bytes; what is longer fails the packet. */
static void locust__mqtt_put_binary(locust__bytes_writer *w, locust__view v)
{
    w->failed = w->failed || v.len > 65535;
    locust__bytes_put_u16(w, (unsigned)v.len);
    locust__bytes_add(w, v.ptr, v.len);
}

static void locust__mqtt_put_text(locust__bytes_writer *w, const char *text)
{
    locust__mqtt_put_binary(w, locust__view_of(text));
}

/* A property that is a text; NULL: none. */
static void locust__mqtt_put_prop_text(locust__bytes_writer *w, unsigned id, const char *text)
{
    if (!text)
        return;
    locust__bytes_put_u8(w, id);
    locust__mqtt_put_text(w, text);
}

/* A property that is a number; 0: none. */
static void locust__mqtt_put_prop(locust__bytes_writer *w, unsigned id, uint32_t value)
{
    if (!value)
        return;
    locust__bytes_put_u8(w, id);
    if (locust__mqtt_props[id].kind == LOCUST__MQTT_KIND_FLAG)
        locust__bytes_put_u8(w, value);
    else if (locust__mqtt_props[id].kind == LOCUST__MQTT_KIND_U16)
        locust__bytes_put_u16(w, value > 65535 ? 65535 : value);
    else if (locust__mqtt_props[id].kind == LOCUST__MQTT_KIND_VARINT)
        locust__mqtt_put_varint(w, value);
    else
        locust__bytes_put_u32(w, value);
}

static void locust__mqtt_put_user(locust__bytes_writer *w, const locust_mqtt_property *list)
{
    for (; list && list->name; list++) {
        locust__bytes_put_u8(w, LOCUST__MQTT_P_USER);
        locust__mqtt_put_text(w, list->name);
        locust__mqtt_put_text(w, list->value ? list->value : "");
    }
}

/* Begins a packet in an empty buf: its type and length come when all else is known. */
static locust__bytes_writer locust__mqtt_packet_begin(locust__buf *out)
{
    locust__bytes_writer w = {.buf = out};
    out->len = 0;
    out->failed = false;
    locust__bytes_room(&w, LOCUST__MQTT_HEAD);
    return w;
}

/* Where properties begin. Their length stands in front of them, and is known at their end. */
static size_t locust__mqtt_put_props_begin(const locust__bytes_writer *w)
{
    return w->buf->len;
}

static void locust__mqtt_put_props_end(locust__bytes_writer *w, size_t at)
{
    size_t n = w->buf->len - at, head = n < 128 ? 1 : n < 16384 ? 2 : n < 2097152 ? 3 : 4;
    locust__bytes_writer len;
    if (!locust__bytes_room(w, head))
        return;
    memmove(w->buf->ptr + at + head, w->buf->ptr + at, n);
    len = locust__bytes_writer_of(w->buf->ptr + at, head);
    locust__mqtt_put_varint(&len, (uint32_t)n);
}

/* Ends a packet that `more` bytes follow, which are not in the buf. Returns where it lies in the
 * buf; len 0: it cannot be written. */
static locust__view locust__mqtt_packet_end(locust__bytes_writer *w, unsigned first, size_t more)
{
    size_t n = w->failed ? 0 : w->buf->len - LOCUST__MQTT_HEAD + more;
    size_t head = n < 128 ? 2 : n < 16384 ? 3 : n < 2097152 ? 4 : 5;
    char *at = w->failed ? NULL : w->buf->ptr + LOCUST__MQTT_HEAD - head;
    locust__bytes_writer start = locust__bytes_writer_of(at, at ? head : 0);
    if (w->failed || n > 268435455)
        return (locust__view){NULL, 0};
    locust__bytes_put_u8(&start, first);
    locust__mqtt_put_varint(&start, (uint32_t)n);
    return (locust__view){at, head + n - more};
}
