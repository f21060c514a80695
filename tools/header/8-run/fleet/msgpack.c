/* ============================================================================================
 * >>fleet_msgpack  MessagePack, read and written
 *
 * Purpose     values of the messages between master and workers: written piece by piece to a
 *             growing buf, read item by item from bytes that may end anywhere.
 * Invariants  nothing is read outside the bytes. What locust__msgpack_measure has found whole can
 *             be walked without a further check: its depth is bounded, its texts are UTF-8.
 * Cost        an item is a switch and a copy of up to eight bytes. Nothing is allocated by reading.
 * Names       locust__msgpack_
 * Sources     the MessagePack specification (github.com/msgpack/msgpack/blob/master/spec.md); what
 *             msgpack-python writes for the same values, byte for byte.
 * Limits      values are nested up to LOCUST__MSGPACK_DEPTH deep. Extensions are read over.
 * ============================================================================================ */

enum { LOCUST__MSGPACK_DEPTH = 32 };

enum locust__msgpack_kind {
    LOCUST__MSGPACK_NIL,
    LOCUST__MSGPACK_BOOL,
    LOCUST__MSGPACK_INT,
    LOCUST__MSGPACK_UINT, // above INT64_MAX
    LOCUST__MSGPACK_REAL,
    LOCUST__MSGPACK_STR,
    LOCUST__MSGPACK_BIN,
    LOCUST__MSGPACK_EXT,
    LOCUST__MSGPACK_ARRAY,
    LOCUST__MSGPACK_MAP,
};

typedef struct locust__msgpack_item {
    enum locust__msgpack_kind kind;
    bool truth;
    int64_t whole;      // INT
    uint64_t big;       // UINT
    double real;        // REAL
    locust__view bytes; // STR, BIN, EXT: where they lie
    uint32_t n;         // ARRAY: elements that follow; MAP: pairs of a key and a value
} locust__msgpack_item;

enum locust__msgpack_got {
    LOCUST__MSGPACK_OK,
    LOCUST__MSGPACK_MORE, // the bytes end before the item does
    LOCUST__MSGPACK_BAD,
};

/* A big-endian integer of 1 to 8 bytes; fails as the reader does. */
static uint64_t locust__msgpack_word(locust__bytes_reader *r, size_t n)
{
    const unsigned char *p = locust__bytes_take(r, n);
    uint64_t word = 0;
    for (size_t i = 0; p && i < n; i++)
        word = word << 8 | p[i];
    return word;
}

static void locust__msgpack_set_real(locust__msgpack_item *item, uint64_t bits, bool wide)
{
    uint32_t narrow = (uint32_t)bits;
    float single;
    item->kind = LOCUST__MSGPACK_REAL;
    memcpy(&single, &narrow, sizeof single);
    memcpy(&item->real, &bits, sizeof item->real);
    if (!wide)
        item->real = (double)single;
}

static void locust__msgpack_set_uint(locust__msgpack_item *item, uint64_t n)
{
    item->kind = n > INT64_MAX ? LOCUST__MSGPACK_UINT : LOCUST__MSGPACK_INT;
    item->whole = n > INT64_MAX ? 0 : (int64_t)n;
    item->big = n;
}

static void locust__msgpack_set_bytes(
    locust__msgpack_item *item, locust__bytes_reader *r, enum locust__msgpack_kind kind, uint64_t n)
{
    const unsigned char *p = n > SIZE_MAX ? NULL : locust__bytes_take(r, (size_t)n);
    r->failed = r->failed || !p;
    item->kind = kind;
    item->bytes = (locust__view){(const char *)p, p ? (size_t)n : 0};
}

/* Reads what follows a first byte from 0xC0 to 0xDF. False: there is no such item. */
static bool locust__msgpack_long(
    locust__bytes_reader *r, unsigned first, locust__msgpack_item *item)
{
    // Bytes of the length, or of the number, that follows; by the last five bits.
    static const unsigned char sizes[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4,
        8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    unsigned size = sizes[first & 31];
    uint64_t word = locust__msgpack_word(r, size), sign;
    switch (first) {
    case 0xC0:
        item->kind = LOCUST__MSGPACK_NIL;
        return true;
    case 0xC2:
    case 0xC3:
        item->kind = LOCUST__MSGPACK_BOOL;
        item->truth = first & 1;
        return true;
    case 0xC4:
    case 0xC5:
    case 0xC6:
        locust__msgpack_set_bytes(item, r, LOCUST__MSGPACK_BIN, word);
        return true;
    case 0xC7: // an extension: its length, its type, its bytes
    case 0xC8:
    case 0xC9:
        locust__msgpack_set_bytes(item, r, LOCUST__MSGPACK_EXT, word + 1);
        return true;
    case 0xCA:
    case 0xCB:
        locust__msgpack_set_real(item, word, size == 8);
        return true;
    case 0xCC:
    case 0xCD:
    case 0xCE:
    case 0xCF:
        locust__msgpack_set_uint(item, word);
        return true;
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3:
        sign = (uint64_t)1 << ((8 * size - 1) & 63);
        item->kind = LOCUST__MSGPACK_INT;
        item->whole = (int64_t)((word ^ sign) - sign);
        return true;
    case 0xD4: // extensions of 1, 2, 4, 8, 16 bytes
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
        locust__msgpack_set_bytes(
            item, r, LOCUST__MSGPACK_EXT, ((uint64_t)1 << (first - 0xD4)) + 1);
        return true;
    case 0xD9:
    case 0xDA:
    case 0xDB:
        locust__msgpack_set_bytes(item, r, LOCUST__MSGPACK_STR, word);
        return true;
    case 0xDC:
    case 0xDD:
    case 0xDE:
    case 0xDF:
        item->kind = first < 0xDE ? LOCUST__MSGPACK_ARRAY : LOCUST__MSGPACK_MAP;
        item->n = (uint32_t)word;
        return true;
    default:
        return false;
    }
}

/* Reads an item off the front: a number, a text, or the head of an array or a map, whose elements
 * are the next items. Only LOCUST__MSGPACK_OK moves *rest on. */
static enum locust__msgpack_got locust__msgpack_next(locust__view *rest, locust__msgpack_item *item)
{
    locust__bytes_reader r = locust__bytes_reader_of(rest->ptr, rest->len);
    unsigned first = locust__bytes_get_u8(&r);
    memset(item, 0, sizeof *item);
    if (r.failed)
        return LOCUST__MSGPACK_MORE;
    if (first < 0x80 || first >= 0xE0) {
        item->kind = LOCUST__MSGPACK_INT;
        item->whole = first < 0x80 ? (int64_t)first : (int64_t)first - 256;
    } else if (first < 0xA0) {
        item->kind = first < 0x90 ? LOCUST__MSGPACK_MAP : LOCUST__MSGPACK_ARRAY;
        item->n = first & 15;
    } else if (first < 0xC0) {
        locust__msgpack_set_bytes(item, &r, LOCUST__MSGPACK_STR, first & 31);
    } else if (!locust__msgpack_long(&r, first, item)) {
        return LOCUST__MSGPACK_BAD;
    }
    if (r.failed)
        return LOCUST__MSGPACK_MORE;
    *rest = (locust__view){(const char *)r.at, r.left};
    return LOCUST__MSGPACK_OK;
}

static bool locust__msgpack_is_utf8(locust__view text)
{
    while (text.len && !((unsigned char)*text.ptr & 0x80)) // most are ASCII
        text = locust__view_skip(text, 1);
    while (text.len) {
        const char *at = text.ptr;
        uint32_t code;
        if (locust__text_next(&text, &code).ptr != at)
            return false;
    }
    return true;
}

/* Moves over small whole numbers, up to *left of them: most of what a report consists of. */
static inline void locust__msgpack_run(locust__view *rest, uint64_t *left)
{
    size_t n = 0;
    while (n < rest->len && n < *left && !((unsigned char)rest->ptr[n] & 0x80))
        n++;
    *rest = locust__view_skip(*rest, n);
    *left -= n;
}

/* Measures the value at the front, with all that is in it. Sets *n only if it is whole. */
static enum locust__msgpack_got locust__msgpack_measure(locust__view bytes, size_t *n)
{
    uint64_t left[LOCUST__MSGPACK_DEPTH + 1]; // items that are still to come, at each depth
    locust__view rest = bytes;
    int depth = 0;
    left[0] = 1;
    while (depth > 0 || left[0]) {
        locust__msgpack_item item;
        enum locust__msgpack_got got;
        locust__msgpack_run(&rest, &left[depth]);
        if (!left[depth]) {
            depth--;
            continue;
        }
        got = locust__msgpack_next(&rest, &item);
        if (got != LOCUST__MSGPACK_OK)
            return got;
        left[depth]--;
        if (item.kind == LOCUST__MSGPACK_STR && !locust__msgpack_is_utf8(item.bytes))
            return LOCUST__MSGPACK_BAD;
        if (item.kind != LOCUST__MSGPACK_ARRAY && item.kind != LOCUST__MSGPACK_MAP)
            continue;
        if (depth == LOCUST__MSGPACK_DEPTH)
            return LOCUST__MSGPACK_BAD;
        left[++depth] = (uint64_t)item.n << (item.kind == LOCUST__MSGPACK_MAP);
    }
    *n = bytes.len - rest.len;
    return LOCUST__MSGPACK_OK;
}

/* Reads over so many values of a message that was measured. False: there are not as many. */
static bool locust__msgpack_skip_many(locust__view *rest, uint64_t left)
{
    locust__view at = *rest;
    for (locust__msgpack_run(&at, &left); left; locust__msgpack_run(&at, &left)) {
        locust__msgpack_item item;
        uint64_t inside;
        if (locust__msgpack_next(&at, &item) != LOCUST__MSGPACK_OK)
            return false;
        inside = (uint64_t)item.n << (item.kind == LOCUST__MSGPACK_MAP);
        if (inside > at.len) // each has a byte at least
            return false;
        left += inside - 1;
    }
    *rest = at;
    return true;
}

/* The same of one. */
static bool locust__msgpack_skip(locust__view *rest)
{
    return locust__msgpack_skip_many(rest, 1);
}

/* Finds a key of a map in a message that was measured: *value begins with its value, and *item is
 * that, of an array or map the head. False: it is no map, or has no such key. */
static bool locust__msgpack_find(
    locust__view map, const char *key, locust__msgpack_item *item, locust__view *value)
{
    locust__msgpack_item head;
    if (locust__msgpack_next(&map, &head) != LOCUST__MSGPACK_OK || head.kind != LOCUST__MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        locust__view after;
        bool is_key;
        if (locust__msgpack_next(&map, item) != LOCUST__MSGPACK_OK)
            return false;
        is_key = item->kind == LOCUST__MSGPACK_STR && locust__view_is(item->bytes, key);
        if (!locust__msgpack_skip_many( // a key may be anything
                &map, (uint64_t)item->n << (item->kind == LOCUST__MSGPACK_MAP)))
            return false;
        *value = after = map;
        if (is_key)
            return locust__msgpack_next(&after, item) == LOCUST__MSGPACK_OK;
        if (!locust__msgpack_skip(&map))
            return false;
    }
    return false;
}

/* A number of any kind, as a double. False: it is none. */
static bool locust__msgpack_number(const locust__msgpack_item *item, double *out)
{
    *out = item->kind == LOCUST__MSGPACK_REAL   ? item->real
           : item->kind == LOCUST__MSGPACK_UINT ? (double)item->big
                                                : (double)item->whole;
    return item->kind >= LOCUST__MSGPACK_INT && item->kind <= LOCUST__MSGPACK_REAL;
}

/* Writes a first byte and a big-endian integer of `size` bytes. */
static void locust__msgpack_put(locust__buf *out, unsigned first, uint64_t word, unsigned size)
{
    char bytes[9];
    bytes[0] = (char)first;
    for (unsigned i = 0; i < size; i++)
        bytes[1 + i] = (char)(word >> 8 * (size - 1 - i));
    locust__buf_add(out, bytes, 1 + size);
}

static void locust__msgpack_put_nil(locust__buf *out)
{
    locust__msgpack_put(out, 0xC0, 0, 0);
}

static void locust__msgpack_put_bool(locust__buf *out, bool truth)
{
    locust__msgpack_put(out, truth ? 0xC3 : 0xC2, 0, 0);
}

static void locust__msgpack_put_uint(locust__buf *out, uint64_t n)
{
    if (n < 0x80)
        locust__msgpack_put(out, (unsigned)n, 0, 0);
    else if (n <= UINT8_MAX)
        locust__msgpack_put(out, 0xCC, n, 1);
    else if (n <= UINT16_MAX)
        locust__msgpack_put(out, 0xCD, n, 2);
    else if (n <= UINT32_MAX)
        locust__msgpack_put(out, 0xCE, n, 4);
    else
        locust__msgpack_put(out, 0xCF, n, 8);
}

static void locust__msgpack_put_int(locust__buf *out, int64_t n)
{
    if (n >= 0)
        locust__msgpack_put_uint(out, (uint64_t)n);
    else if (n >= -32)
        locust__msgpack_put(out, (unsigned)(n + 256), 0, 0);
    else if (n >= INT8_MIN)
        locust__msgpack_put(out, 0xD0, (uint64_t)n, 1);
    else if (n >= INT16_MIN)
        locust__msgpack_put(out, 0xD1, (uint64_t)n, 2);
    else if (n >= INT32_MIN)
        locust__msgpack_put(out, 0xD2, (uint64_t)n, 4);
    else
        locust__msgpack_put(out, 0xD3, (uint64_t)n, 8);
}

static void locust__msgpack_put_real(locust__buf *out, double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    locust__msgpack_put(out, 0xCB, bits, 8);
}

/* A text, as valid UTF-8: U+FFFD for each piece that is broken. */
static void locust__msgpack_put_text(locust__buf *out, locust__view text)
{
    size_t n = 0;
    for (locust__view rest = text; rest.len;) {
        uint32_t code;
        n += locust__text_next(&rest, &code).len;
    }
    if (n < 32)
        locust__msgpack_put(out, 0xA0 | (unsigned)n, 0, 0);
    else if (n <= UINT8_MAX)
        locust__msgpack_put(out, 0xD9, n, 1);
    else if (n <= UINT16_MAX)
        locust__msgpack_put(out, 0xDA, n, 2);
    else
        locust__msgpack_put(out, 0xDB, n, 4);
    locust__buf_utf8(out, text);
}

static void locust__msgpack_put_str(locust__buf *out, const char *text)
{
    locust__msgpack_put_text(out, locust__view_of(text));
}

/* The head of an array; n elements are to follow. */
static void locust__msgpack_put_array(locust__buf *out, uint32_t n)
{
    if (n < 16)
        locust__msgpack_put(out, 0x90 | n, 0, 0);
    else
        locust__msgpack_put(out, n <= UINT16_MAX ? 0xDC : 0xDD, n, n <= UINT16_MAX ? 2 : 4);
}

/* The head of a map; n keys are to follow, each with its value. */
static void locust__msgpack_put_map(locust__buf *out, uint32_t n)
{
    if (n < 16)
        locust__msgpack_put(out, 0x80 | n, 0, 0);
    else
        locust__msgpack_put(out, n <= UINT16_MAX ? 0xDE : 0xDF, n, n <= UINT16_MAX ? 2 : 4);
}
