/* ============================================================================================
 * >>ws_frame  frames of WebSocket
 *
 * Purpose     heads of frames, masks, codes of Close, UTF-8 that comes in pieces.
 * Invariants  a head is read only when all of it is there. What a server must not send is named by
 *             a sentence.
 * Cost        a mask is applied eight bytes at a time; so is ASCII recognised.
 * Names       locust__ws_frame_ locust__ws_head_ locust__ws_mask locust__ws_op_ locust__ws_utf8
 *             locust__ws_utf8_ locust__ws_code_
 * Sources     RFC 6455 5.2 (frames), 5.5 (control frames), 7.4 (codes); RFC 3629 (UTF-8).
 *
 *   byte 0     FIN RSV1 RSV2 RSV3 opcode:4      byte 1    MASK length:7
 *              length 126: 16 bits more, 127: 64 bits more; then 4 bytes of mask, the payload
 * ============================================================================================ */

enum { // opcodes
    LOCUST__WS_OP_MORE = 0,
    LOCUST__WS_OP_TEXT = 1,
    LOCUST__WS_OP_BINARY = 2,
    LOCUST__WS_OP_CLOSE = 8,
    LOCUST__WS_OP_PING = 9,
    LOCUST__WS_OP_PONG = 10
};

enum { // of Close
    LOCUST__WS_CODE_NORMAL = 1000,
    LOCUST__WS_CODE_PROTOCOL = 1002,
    LOCUST__WS_CODE_NONE = 1005, // never sent
    LOCUST__WS_CODE_UTF8 = 1007,
    LOCUST__WS_CODE_SIZE = 1009
};

enum {
    LOCUST__WS_HEAD_MAX = 14,
    LOCUST__WS_FRAME_CONTROL = 125, // bytes that the payload of a control frame may have
};

typedef struct locust__ws_frame {
    uint64_t len; // of the payload
    unsigned char opcode;
    bool fin, rsv1;
} locust__ws_frame;

/* Reads the head of a frame of a server. Returns its length; 0: not all of it is there, or *wrong
 * says what it may not be. */
static size_t locust__ws_head_read(
    const char *bytes, size_t n, locust__ws_frame *f, const char **wrong)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t more;
    *wrong = NULL;
    if (n < 2)
        return 0;
    f->fin = p[0] >> 7;
    f->rsv1 = p[0] >> 6 & 1;
    f->opcode = p[0] & 15;
    f->len = p[1] & 127;
    if ((p[0] & 0x30) || (f->rsv1 && f->opcode >= 8 && f->opcode <= LOCUST__WS_OP_PONG))
        *wrong = "frame with a reserved bit";
    else if (f->opcode > LOCUST__WS_OP_PONG || (f->opcode > LOCUST__WS_OP_BINARY && f->opcode < 8))
        *wrong = "frame with an unknown opcode";
    else if (p[1] & 128)
        *wrong = "masked frame from the server";
    else if (f->opcode >= 8 && !f->fin)
        *wrong = "control frame in fragments";
    else if (f->opcode >= 8 && f->len > LOCUST__WS_FRAME_CONTROL)
        *wrong = "control frame of more than 125 bytes";
    more = f->len == 127 ? 8 : f->len == 126 ? 2 : 0;
    if (*wrong || n < 2 + more)
        return 0;
    if (more)
        f->len = 0;
    for (size_t i = 0; i < more; i++)
        f->len = f->len << 8 | p[2 + i];
    if (more == 8 && f->len >> 63)
        *wrong = "frame length with its top bit set";
    else if (more && f->len < (more == 2 ? 126u : 65536u))
        *wrong = "frame length that is not in its shortest form";
    return *wrong ? 0 : 2 + more;
}

/* Writes the head of a masked frame. Returns its length. */
static size_t locust__ws_head_write(
    char to[LOCUST__WS_HEAD_MAX], unsigned first, uint64_t len, const unsigned char mask[4])
{
    unsigned char *p = (unsigned char *)to;
    size_t more = len < 126 ? 0 : len < 65536 ? 2 : 8;
    p[0] = (unsigned char)first;
    p[1] = (unsigned char)(128u | (more == 8 ? 127u : more == 2 ? 126u : (unsigned)len));
    for (size_t i = 0; i < more; i++)
        p[2 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
    memcpy(p + 2 + more, mask, 4);
    return 6 + more;
}

/* Copies n bytes, masked; the first is number `at` of its frame. */
static void locust__ws_mask(
    char *to, const char *from, size_t n, const unsigned char mask[4], uint64_t at)
{
    unsigned char turned[8];
    uint64_t word, key;
    size_t i = 0;
    for (size_t k = 0; k < 8; k++)
        turned[k] = mask[(at + k) % 4];
    memcpy(&key, turned, 8);
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, from + i, 8);
        word ^= key;
        memcpy(to + i, &word, 8);
    }
    for (; i < n; i++)
        to[i] = (char)((unsigned char)from[i] ^ turned[i % 8]);
}

/* May this code stand in a Close? RFC 6455 7.4, and the codes that IANA has registered since. */
static bool locust__ws_code_is_valid(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

typedef struct locust__ws_utf8 { // how far a text has come
    unsigned char left;          // bytes of the last character that are still to come
    unsigned char low, high;     // what the next of them may be
} locust__ws_utf8;

/* Takes the next bytes of a text. False: it is not UTF-8. */
static bool locust__ws_utf8_take(locust__ws_utf8 *u, const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + n;
    while (p < end) {
        unsigned char c = *p++;
        if (u->left) {
            if (c < u->low || c > u->high)
                return false;
            u->left--;
        } else if (c < 0x80) {
            uint64_t word;
            for (; end - p >= 8; p += 8) {
                memcpy(&word, p, 8);
                if (word & 0x8080808080808080u)
                    break;
            }
            continue;
        } else if (c < 0xC2 || c > 0xF4) {
            return false;
        } else {
            u->left = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
            u->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
            u->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
            continue;
        }
        u->low = 0x80;
        u->high = 0xBF;
    }
    return true;
}

/* Is it all UTF-8, and whole? */
static bool locust__ws_utf8_is(const char *bytes, size_t n)
{
    locust__ws_utf8 u = {0, 0, 0};
    return locust__ws_utf8_take(&u, bytes, n) && !u.left;
}
