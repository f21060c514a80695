/* ============================================================================================
 * >>h2_hpack  HPACK: fields of HTTP/2 heads, compressed
 *
 * Purpose     decodes header blocks, with the table that a connection keeps of what came before;
 *             encodes those of requests.
 * Invariants  every block is decoded, also that of a request which nobody waits for any more: each
 *             changes the table. What does not fit the table empties it, RFC 7541 4.4. The encoder
 *             puts in what most requests of a user have in common, and throws nothing out.
 * Cost        a field that came before: its index and a copy. Memory: what servers have put in, up
 *             to 8 KB a connection, mostly some 600 bytes; 400 bytes for what was sent.
 * Names       locust__hpack_
 * Uses        >>h2_huffman
 * Sources     RFC 7541.
 *
 *   bytes  | gone | oldest: name value | ... | newest: name value |      |
 *                 ^ places[first]            ^ places[first + n - 1]     ^ cap
 * ============================================================================================ */

enum {
    LOCUST__HPACK_STATIC = 61, // fields that each side knows
    LOCUST__HPACK_SIZE = 4096, // of a table, as the RFC counts it; nobody is told another
    LOCUST__HPACK_OVERHEAD = 32,
    LOCUST__HPACK_PLACES = LOCUST__HPACK_SIZE / LOCUST__HPACK_OVERHEAD,
    LOCUST__HPACK_KEPT = 12 // fields of the encoder
};

typedef struct locust__hpack_field {
    locust__view name, value;
} locust__hpack_field;

// clang-format off
#define LOCUST__HPACK_FIELD(name, value) {{name, sizeof name - 1}, {value, sizeof value - 1}}
static const locust__hpack_field locust__hpack_static[LOCUST__HPACK_STATIC] = {
    LOCUST__HPACK_FIELD(":authority", ""),
    LOCUST__HPACK_FIELD(":method", "GET"),
    LOCUST__HPACK_FIELD(":method", "POST"),
    LOCUST__HPACK_FIELD(":path", "/"),
    LOCUST__HPACK_FIELD(":path", "/index.html"),
    LOCUST__HPACK_FIELD(":scheme", "http"),
    LOCUST__HPACK_FIELD(":scheme", "https"),
    LOCUST__HPACK_FIELD(":status", "200"),
    LOCUST__HPACK_FIELD(":status", "204"),
    LOCUST__HPACK_FIELD(":status", "206"),
    LOCUST__HPACK_FIELD(":status", "304"),
    LOCUST__HPACK_FIELD(":status", "400"),
    LOCUST__HPACK_FIELD(":status", "404"),
    LOCUST__HPACK_FIELD(":status", "500"),
    LOCUST__HPACK_FIELD("accept-charset", ""),
    LOCUST__HPACK_FIELD("accept-encoding", "gzip, deflate"),
    LOCUST__HPACK_FIELD("accept-language", ""),
    LOCUST__HPACK_FIELD("accept-ranges", ""),
    LOCUST__HPACK_FIELD("accept", ""),
    LOCUST__HPACK_FIELD("access-control-allow-origin", ""),
    LOCUST__HPACK_FIELD("age", ""),
    LOCUST__HPACK_FIELD("allow", ""),
    LOCUST__HPACK_FIELD("authorization", ""),
    LOCUST__HPACK_FIELD("cache-control", ""),
    LOCUST__HPACK_FIELD("content-disposition", ""),
    LOCUST__HPACK_FIELD("content-encoding", ""),
    LOCUST__HPACK_FIELD("content-language", ""),
    LOCUST__HPACK_FIELD("content-length", ""),
    LOCUST__HPACK_FIELD("content-location", ""),
    LOCUST__HPACK_FIELD("content-range", ""),
    LOCUST__HPACK_FIELD("content-type", ""),
    LOCUST__HPACK_FIELD("cookie", ""),
    LOCUST__HPACK_FIELD("date", ""),
    LOCUST__HPACK_FIELD("etag", ""),
    LOCUST__HPACK_FIELD("expect", ""),
    LOCUST__HPACK_FIELD("expires", ""),
    LOCUST__HPACK_FIELD("from", ""),
    LOCUST__HPACK_FIELD("host", ""),
    LOCUST__HPACK_FIELD("if-match", ""),
    LOCUST__HPACK_FIELD("if-modified-since", ""),
    LOCUST__HPACK_FIELD("if-none-match", ""),
    LOCUST__HPACK_FIELD("if-range", ""),
    LOCUST__HPACK_FIELD("if-unmodified-since", ""),
    LOCUST__HPACK_FIELD("last-modified", ""),
    LOCUST__HPACK_FIELD("link", ""),
    LOCUST__HPACK_FIELD("location", ""),
    LOCUST__HPACK_FIELD("max-forwards", ""),
    LOCUST__HPACK_FIELD("proxy-authenticate", ""),
    LOCUST__HPACK_FIELD("proxy-authorization", ""),
    LOCUST__HPACK_FIELD("range", ""),
    LOCUST__HPACK_FIELD("referer", ""),
    LOCUST__HPACK_FIELD("refresh", ""),
    LOCUST__HPACK_FIELD("retry-after", ""),
    LOCUST__HPACK_FIELD("server", ""),
    LOCUST__HPACK_FIELD("set-cookie", ""),
    LOCUST__HPACK_FIELD("strict-transport-security", ""),
    LOCUST__HPACK_FIELD("transfer-encoding", ""),
    LOCUST__HPACK_FIELD("user-agent", ""),
    LOCUST__HPACK_FIELD("vary", ""),
    LOCUST__HPACK_FIELD("via", ""),
    LOCUST__HPACK_FIELD("www-authenticate", ""),
};
#undef LOCUST__HPACK_FIELD
// clang-format on

typedef struct locust__hpack_place { // of an entry
    uint16_t at, name_len, value_len;
} locust__hpack_place;

typedef struct locust__hpack_table { // what a peer has put in
    char *bytes;
    locust__hpack_place *places; // a ring of cap_places, a power of two
    uint32_t cap, end;           // of bytes
    uint32_t size, limit;        // as the RFC counts: of name and value, and 32 for each entry
    uint16_t first, n, cap_places;
} locust__hpack_table;

/* Takes one field. The views last until it returns. */
typedef void (*locust__hpack_take)(void *arg, locust__view name, locust__view value);

static void locust__hpack_table_init(locust__hpack_table *t)
{
    memset(t, 0, sizeof *t);
    t->limit = LOCUST__HPACK_SIZE;
}

static void locust__hpack_table_free(locust__hpack_table *t)
{
    LOCUST_FREE(t->bytes);
    LOCUST_FREE(t->places);
}

static locust__hpack_place *locust__hpack_table_place(const locust__hpack_table *t, uint32_t i)
{
    return &t->places[(t->first + i) & (t->cap_places - 1u)];
}

/* Throws out the oldest entries until no more than that is left. */
static void locust__hpack_table_evict(locust__hpack_table *t, uint32_t size)
{
    while (t->size > size) {
        const locust__hpack_place *p = locust__hpack_table_place(t, 0);
        t->size -= p->name_len + (uint32_t)p->value_len + LOCUST__HPACK_OVERHEAD;
        t->first = (uint16_t)((t->first + 1u) & (t->cap_places - 1u));
        t->n--;
    }
    if (!t->n)
        t->end = 0;
}

/* Makes room for an entry of so many bytes, behind the others. */
static bool locust__hpack_table_room(locust__hpack_table *t, uint32_t n)
{
    uint32_t gone = t->n ? locust__hpack_table_place(t, 0)->at : t->end;
    if (t->n == t->cap_places) {
        uint16_t cap = t->cap_places ? (uint16_t)(2u * t->cap_places) : 8;
        locust__hpack_place *places = LOCUST_MALLOC(cap * sizeof *places);
        if (!places)
            return false;
        for (uint32_t i = 0; i < t->n; i++)
            places[i] = *locust__hpack_table_place(t, i);
        LOCUST_FREE(t->places);
        t->places = places;
        t->cap_places = cap;
        t->first = 0;
    }
    if (t->bytes && t->end + n <= t->cap)
        return true;
    if (!t->bytes || gone < n || gone < t->cap / 2) { // else what is gone makes room, and rarely
        uint32_t cap = t->cap ? 2 * t->cap : 256;
        char *bytes;
        while (cap < t->end - gone + n)
            cap *= 2;
        bytes = LOCUST_REALLOC(t->bytes, cap);
        if (!bytes)
            return false;
        t->bytes = bytes;
        t->cap = cap;
    }
    memmove(t->bytes, t->bytes + gone, t->end - gone);
    for (uint32_t i = 0; i < t->n; i++)
        locust__hpack_table_place(t, i)->at =
            (uint16_t)(locust__hpack_table_place(t, i)->at - gone);
    t->end -= gone;
    return true;
}

/* Puts a field in. Neither view may be of the table. */
static bool locust__hpack_table_add(locust__hpack_table *t, locust__view name, locust__view value)
{
    size_t size = name.len + value.len + LOCUST__HPACK_OVERHEAD;
    if (size > t->limit) {
        locust__hpack_table_evict(t, 0);
        return true;
    }
    locust__hpack_table_evict(t, t->limit - (uint32_t)size);
    if (!locust__hpack_table_room(t, (uint32_t)(name.len + value.len)))
        return false;
    *locust__hpack_table_place(t, t->n++) =
        (locust__hpack_place){(uint16_t)t->end, (uint16_t)name.len, (uint16_t)value.len};
    memcpy(t->bytes + t->end, name.ptr, name.len);
    if (value.len)
        memcpy(t->bytes + t->end + name.len, value.ptr, value.len);
    t->end += (uint32_t)(name.len + value.len);
    t->size += (uint32_t)size;
    return true;
}

/* The field of an index, RFC 7541 2.3.3. False: there is none. */
static bool locust__hpack_table_get(
    const locust__hpack_table *t, uint32_t index, locust__hpack_field *out)
{
    const locust__hpack_place *p;
    if (!index || index > LOCUST__HPACK_STATIC + (uint32_t)t->n)
        return false;
    if (index <= LOCUST__HPACK_STATIC) {
        *out = locust__hpack_static[index - 1];
        return true;
    }
    p = locust__hpack_table_place(t, t->n - (index - LOCUST__HPACK_STATIC));
    out->name = (locust__view){t->bytes + p->at, p->name_len};
    out->value = (locust__view){out->name.ptr + p->name_len, p->value_len};
    return true;
}

/* Takes an integer whose first byte has so many bits of it, RFC 7541 5.1. False: it is cut, or
 * larger than anything here may be. */
static bool locust__hpack_get_int(
    const unsigned char **at, const unsigned char *end, unsigned bits, uint32_t *out)
{
    const unsigned char *p = *at;
    uint32_t most = (1u << bits) - 1, n = *p++ & most;
    if (n == most) {
        unsigned shift = 0;
        do {
            if (p == end || shift > 21)
                return false;
            n += (uint32_t)(*p & 127) << shift;
            shift += 7;
        } while (*p++ & 128);
    }
    *at = p;
    *out = n;
    return true;
}

/* Takes a string. One that is coded is decoded behind `text`, which has room. */
static bool locust__hpack_get_string(
    const unsigned char **at, const unsigned char *end, locust__buf *text, locust__view *out)
{
    bool coded = *at < end && (**at & 128);
    uint32_t n;
    ptrdiff_t got;
    if (*at == end || !locust__hpack_get_int(at, end, 7, &n) || n > (size_t)(end - *at))
        return false;
    *out = (locust__view){(const char *)*at, n};
    *at += n;
    if (!coded)
        return true;
    got = locust__huffman_decode(out->ptr, n, text->ptr + text->len);
    if (got < 0)
        return false;
    *out = (locust__view){text->ptr + text->len, (size_t)got};
    text->len += (size_t)got;
    return true;
}

/* Decodes a literal field, and puts it into the table if it says so. */
static locust_error locust__hpack_decode_literal(locust__hpack_table *t, const unsigned char **at,
    const unsigned char *end, locust__buf *text, locust__hpack_take take, void *arg)
{
    bool keeps = **at & 0x40;
    locust__hpack_field f;
    uint32_t index;
    text->len = 0;
    text->failed = false;
    // Room for all that may follow, and a name of the table: both views stay where they are.
    if (!locust__buf_reserve(text, (size_t)(end - *at) * 8 / 5 + LOCUST__HPACK_SIZE))
        return LOCUST_ERR_MEMORY;
    if (!locust__hpack_get_int(at, end, keeps ? 6 : 4, &index))
        return LOCUST_ERR_HTTP2_HPACK;
    if (index ? !locust__hpack_table_get(t, index, &f)
              : !locust__hpack_get_string(at, end, text, &f.name))
        return LOCUST_ERR_HTTP2_HPACK;
    if (!locust__hpack_get_string(at, end, text, &f.value))
        return LOCUST_ERR_HTTP2_HPACK;
    take(arg, f.name, f.value);
    if (!keeps)
        return LOCUST_OK;
    if (index > LOCUST__HPACK_STATIC) { // it may be thrown out for itself, RFC 7541 4.4
        locust__view name = {text->ptr + text->len, f.name.len};
        locust__buf_add(text, f.name.ptr, f.name.len);
        f.name = name;
    }
    return locust__hpack_table_add(t, f.name, f.value) ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* Decodes a header block. `text` is scratch. After an error the connection has to end. */
static locust_error locust__hpack_decode(locust__hpack_table *t, const char *block, size_t n,
    locust__buf *text, locust__hpack_take take, void *arg)
{
    const unsigned char *at = (const unsigned char *)block, *end = at + n;
    bool sizes = true; // a change of the table's size comes first alone, RFC 7541 4.2
    while (at < end) {
        locust__hpack_field f;
        uint32_t index;
        locust_error error;
        if (*at & 0x80) { // 6.1
            if (!locust__hpack_get_int(&at, end, 7, &index) ||
                !locust__hpack_table_get(t, index, &f))
                return LOCUST_ERR_HTTP2_HPACK;
            take(arg, f.name, f.value);
        } else if ((*at & 0xE0) == 0x20) { // 6.3
            if (!sizes || !locust__hpack_get_int(&at, end, 5, &index) || index > LOCUST__HPACK_SIZE)
                return LOCUST_ERR_HTTP2_HPACK;
            t->limit = index;
            locust__hpack_table_evict(t, index);
            continue;
        } else {
            error = locust__hpack_decode_literal(t, &at, end, text, take, arg);
            if (error)
                return error;
        }
        sizes = false;
    }
    return LOCUST_OK;
}

/* -- encoding -- */

typedef struct locust__hpack_encoder { // what was put into the peer's table
    locust__buf text;
    locust__hpack_place kept[LOCUST__HPACK_KEPT];
    uint32_t size, limit;
    uint8_t n, next; // next: a request's fields come in the order of the last one's
    bool resize;     // the next block begins with a change of the size
} locust__hpack_encoder;

static void locust__hpack_encoder_init(locust__hpack_encoder *e)
{
    memset(e, 0, sizeof *e);
    e->limit = LOCUST__HPACK_SIZE;
}

/* The peer takes a table of that size. What it does not take any more begins anew. */
static void locust__hpack_encoder_limit(locust__hpack_encoder *e, uint32_t limit)
{
    limit = limit < LOCUST__HPACK_SIZE ? limit : LOCUST__HPACK_SIZE;
    e->resize |= limit != e->limit;
    e->limit = limit;
}

static void locust__hpack_put_int(locust__buf *out, unsigned first, unsigned bits, uint32_t n)
{
    uint32_t most = (1u << bits) - 1;
    char bytes[8];
    size_t i = 0;
    if (n < most) {
        bytes[i++] = (char)(first | n);
    } else {
        bytes[i++] = (char)(first | most);
        for (n -= most; n >= 128; n >>= 7)
            bytes[i++] = (char)(n | 128);
        bytes[i++] = (char)n;
    }
    locust__buf_add(out, bytes, i);
}

static void locust__hpack_put_string(locust__buf *out, locust__view text)
{
    locust__hpack_put_int(out, 0, 7, (uint32_t)text.len);
    locust__buf_add(out, text.ptr, text.len);
}

/* Begins a block. */
static void locust__hpack_encode_begin(locust__hpack_encoder *e, locust__buf *out)
{
    e->next = 0;
    if (!e->resize)
        return;
    e->resize = false;
    e->text.len = 0;
    e->size = e->n = 0;
    locust__hpack_put_int(out, 0x20, 5, 0); // throws out all, RFC 7541 4.2
    if (e->limit)
        locust__hpack_put_int(out, 0x20, 5, e->limit);
}

/* The place of a field in the static table, of one with its value or else its name; 0: none. */
static uint32_t locust__hpack_static_of(locust__view name, locust__view value, bool *whole)
{
    uint32_t found = 0;
    *whole = false;
    for (uint32_t i = 0; i < LOCUST__HPACK_STATIC; i++) {
        const locust__hpack_field *f = &locust__hpack_static[i];
        if (f->name.len != name.len || memcmp(f->name.ptr, name.ptr, name.len) != 0) {
            if (found) // those of one name stand together
                break;
            continue;
        }
        found = found ? found : i + 1;
        if (f->value.len == value.len && memcmp(f->value.ptr, value.ptr, value.len) == 0) {
            *whole = true;
            return i + 1;
        }
    }
    return found;
}

/* Is that kept in the table? *index: its place there. */
static bool locust__hpack_encoder_find(
    locust__hpack_encoder *e, locust__view name, locust__view value, uint32_t *index)
{
    for (uint8_t i = 0; i < e->n; i++) {
        uint8_t at = (uint8_t)(e->next + i < e->n ? e->next + i : e->next + i - e->n);
        const locust__hpack_place *p = &e->kept[at];
        if (p->name_len == name.len && p->value_len == value.len &&
            memcmp(e->text.ptr + p->at, name.ptr, name.len) == 0 &&
            memcmp(e->text.ptr + p->at + name.len, value.ptr, value.len) == 0) {
            e->next = (uint8_t)(at + 1);
            *index = LOCUST__HPACK_STATIC + (uint32_t)(e->n - at);
            return true;
        }
    }
    return false;
}

/* How a field is sent that the tables have not as it is. */
enum locust__hpack_how {
    LOCUST__HPACK_PLAIN,  // another each time
    LOCUST__HPACK_KEEP,   // the same in most requests
    LOCUST__HPACK_SECRET, // that nobody on the way shall keep, RFC 7541 7.1.3
};

/* Writes one field; its name is in lower case. */
static void locust__hpack_encode(locust__hpack_encoder *e, locust__buf *out, locust__view name,
    locust__view value, enum locust__hpack_how how)
{
    size_t size = name.len + value.len + LOCUST__HPACK_OVERHEAD;
    uint32_t index;
    bool whole, keeps = how == LOCUST__HPACK_KEEP;
    if (keeps && locust__hpack_encoder_find(e, name, value, &index)) {
        locust__hpack_put_int(out, 0x80, 7, index);
        return;
    }
    index = locust__hpack_static_of(name, value, &whole);
    if (whole) {
        locust__hpack_put_int(out, 0x80, 7, index);
        return;
    }
    keeps = keeps && name.len && e->n < LOCUST__HPACK_KEPT && e->size + size <= e->limit &&
            locust__buf_reserve_tight(&e->text, name.len + value.len);
    if (keeps)
        locust__hpack_put_int(out, 0x40, 6, index);
    else
        locust__hpack_put_int(out, how == LOCUST__HPACK_SECRET ? 0x10 : 0, 4, index);
    if (!index)
        locust__hpack_put_string(out, name);
    locust__hpack_put_string(out, value);
    if (!keeps)
        return;
    e->kept[e->n++] =
        (locust__hpack_place){(uint16_t)e->text.len, (uint16_t)name.len, (uint16_t)value.len};
    locust__buf_add_tight(&e->text, name.ptr, name.len);
    locust__buf_add_tight(&e->text, value.ptr, value.len);
    e->size += (uint32_t)size;
}
