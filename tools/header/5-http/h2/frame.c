/* ============================================================================================
 * >>h2_frame  frames of HTTP/2
 *
 * Purpose     the head of a frame, read and written; which lengths and streams a frame may have;
 *             codes of errors; what lies between its padding.
 * Invariants  a frame that locust__h2_frame_judge takes has all the bytes that its type asks for.
 * Names       locust__h2_frame locust__h2_frame_ locust__h2_code_ locust__h2_flag_
 * Sources     RFC 9113 4.1, 6, 7.
 *
 *   | length, 24 bits | type | flags | stream, 31 bits | payload ... |
 * ============================================================================================ */

enum {
    LOCUST__H2_FRAME_HEAD = 9,
    LOCUST__H2_FRAME_MAX = 16384 // bytes of payload that anybody takes, RFC 9113 4.2
};

enum locust__h2_frame_type {
    LOCUST__H2_FRAME_DATA,
    LOCUST__H2_FRAME_HEADERS,
    LOCUST__H2_FRAME_PRIORITY,
    LOCUST__H2_FRAME_RST_STREAM,
    LOCUST__H2_FRAME_SETTINGS,
    LOCUST__H2_FRAME_PUSH_PROMISE,
    LOCUST__H2_FRAME_PING,
    LOCUST__H2_FRAME_GOAWAY,
    LOCUST__H2_FRAME_WINDOW_UPDATE,
    LOCUST__H2_FRAME_CONTINUATION
};

enum {
    LOCUST__H2_FLAG_ACK = 1, // of SETTINGS and PING
    LOCUST__H2_FLAG_END_STREAM = 1,
    LOCUST__H2_FLAG_END_HEADERS = 4,
    LOCUST__H2_FLAG_PADDED = 8,
    LOCUST__H2_FLAG_PRIORITY = 32
};

enum { // error codes
    LOCUST__H2_CODE_NO_ERROR,
    LOCUST__H2_CODE_PROTOCOL,
    LOCUST__H2_CODE_INTERNAL,
    LOCUST__H2_CODE_FLOW_CONTROL,
    LOCUST__H2_CODE_SETTINGS_TIMEOUT,
    LOCUST__H2_CODE_STREAM_CLOSED,
    LOCUST__H2_CODE_FRAME_SIZE,
    LOCUST__H2_CODE_REFUSED,
    LOCUST__H2_CODE_CANCEL,
    LOCUST__H2_CODE_COMPRESSION,
    LOCUST__H2_CODE_CONNECT,
    LOCUST__H2_CODE_CALM,
    LOCUST__H2_CODE_SECURITY,
    LOCUST__H2_CODE_HTTP_1
};

typedef struct locust__h2_frame {
    const unsigned char *payload;
    uint32_t len, stream;
    uint8_t type, flags;
} locust__h2_frame;

static uint32_t locust__h2_frame_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Reads a frame at the front of n bytes. Returns its length with its head; 0: not all of it is
 * there, though `f` may be known but for its payload. */
static size_t locust__h2_frame_read(const char *bytes, size_t n, locust__h2_frame *f)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (n < LOCUST__H2_FRAME_HEAD) {
        f->len = 0;
        return 0;
    }
    f->len = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    f->type = p[3];
    f->flags = p[4];
    f->stream = locust__h2_frame_u32(p + 5) & 0x7FFFFFFF;
    f->payload = p + LOCUST__H2_FRAME_HEAD;
    return n - LOCUST__H2_FRAME_HEAD < f->len ? 0 : LOCUST__H2_FRAME_HEAD + f->len;
}

/* May a frame be as long, and on that stream? LOCUST__H2_CODE_NO_ERROR: it may. Types that are not
 * known always. */
static uint32_t locust__h2_frame_judge(const locust__h2_frame *f)
{
    static const struct {
        uint8_t least, exact; // bytes; exact 255: any number from `least` on
        int8_t stream;        // 1: it is of one, -1: of none, 0: of one or none
    } rules[] = {
        [LOCUST__H2_FRAME_DATA] = {0, 255, 1},
        [LOCUST__H2_FRAME_HEADERS] = {0, 255, 1},
        [LOCUST__H2_FRAME_PRIORITY] = {5, 5, 1},
        [LOCUST__H2_FRAME_RST_STREAM] = {4, 4, 1},
        [LOCUST__H2_FRAME_SETTINGS] = {0, 255, -1},
        [LOCUST__H2_FRAME_PUSH_PROMISE] = {4, 255, 1},
        [LOCUST__H2_FRAME_PING] = {8, 8, -1},
        [LOCUST__H2_FRAME_GOAWAY] = {8, 255, -1},
        [LOCUST__H2_FRAME_WINDOW_UPDATE] = {4, 4, 0},
        [LOCUST__H2_FRAME_CONTINUATION] = {0, 255, 1},
    };
    if (f->len > LOCUST__H2_FRAME_MAX)
        return LOCUST__H2_CODE_FRAME_SIZE;
    if (f->type >= sizeof rules / sizeof *rules)
        return LOCUST__H2_CODE_NO_ERROR;
    if ((rules[f->type].stream > 0 && !f->stream) || (rules[f->type].stream < 0 && f->stream))
        return LOCUST__H2_CODE_PROTOCOL;
    if (f->len < rules[f->type].least ||
        (rules[f->type].exact != 255 && f->len != rules[f->type].exact))
        return LOCUST__H2_CODE_FRAME_SIZE;
    if (f->type == LOCUST__H2_FRAME_SETTINGS &&
        (f->len % 6 || ((f->flags & LOCUST__H2_FLAG_ACK) && f->len)))
        return LOCUST__H2_CODE_FRAME_SIZE;
    return LOCUST__H2_CODE_NO_ERROR;
}

/* What lies between the padding of DATA or HEADERS, and behind the priority of HEADERS. False:
 * there is more padding than frame. */
static bool locust__h2_frame_content(const locust__h2_frame *f, locust__view *out)
{
    const unsigned char *p = f->payload;
    size_t len = f->len, pad = 0, skip = 0;
    if (f->flags & LOCUST__H2_FLAG_PADDED) {
        if (!len)
            return false;
        pad = *p++;
        len--;
    }
    if (f->type == LOCUST__H2_FRAME_HEADERS && (f->flags & LOCUST__H2_FLAG_PRIORITY))
        skip = 5;
    if (pad + skip > len)
        return false;
    *out = (locust__view){(const char *)p + skip, len - pad - skip};
    return true;
}

/* Writes the head of a frame. */
static void locust__h2_frame_head(
    char *to, size_t len, enum locust__h2_frame_type type, unsigned flags, uint32_t stream)
{
    const unsigned char bytes[LOCUST__H2_FRAME_HEAD] = {(unsigned char)(len >> 16),
        (unsigned char)(len >> 8), (unsigned char)len, (unsigned char)type, (unsigned char)flags,
        (unsigned char)(stream >> 24), (unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
        (unsigned char)stream};
    memcpy(to, bytes, sizeof bytes);
}

/* Appends a frame of few bytes. */
static void locust__h2_frame_add(locust__buf *out, enum locust__h2_frame_type type, unsigned flags,
    uint32_t stream, const void *payload, size_t len)
{
    char head[LOCUST__H2_FRAME_HEAD];
    locust__h2_frame_head(head, len, type, flags, stream);
    locust__buf_add(out, head, sizeof head);
    locust__buf_add(out, payload, len);
}

/* Appends a frame that consists of a number: RST_STREAM, WINDOW_UPDATE. */
static void locust__h2_frame_add_u32(
    locust__buf *out, enum locust__h2_frame_type type, uint32_t stream, uint32_t n)
{
    const unsigned char bytes[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
        (unsigned char)(n >> 8), (unsigned char)n};
    locust__h2_frame_add(out, type, 0, stream, bytes, sizeof bytes);
}
