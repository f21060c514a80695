/* ============================================================================================
 * >>pb  Protocol Buffers
 *
 * Purpose     the wire format: varints, fields of fixed size, fields with a length.
 * Invariants  a reader never passes its end, and gives no field that is cut. What does not fit sets
 *             `failed`, which stays set. A message inside another is written first with a length of
 *             five bytes, and moved if it needs fewer.
 * Names       locust__pb_
 * Sources     protobuf.dev, "Encoding".
 * Limits      groups are refused: proto3 has none.
 * ============================================================================================ */

static void locust__pb_add(locust_pb_writer *w, const void *bytes, size_t n)
{
    w->failed = w->failed || n > w->cap - w->len;
    if (w->failed || !n)
        return;
    memcpy(w->bytes + w->len, bytes, n);
    w->len += n;
}

/* Writes a varint into `to`, of ten bytes. Returns its length. */
static size_t locust__pb_varint(char *to, uint64_t n)
{
    size_t i = 0;
    for (; n >= 128; n >>= 7)
        to[i++] = (char)(n | 128);
    to[i++] = (char)n;
    return i;
}

static void locust__pb_add_varint(locust_pb_writer *w, uint64_t n)
{
    char bytes[10];
    size_t len = locust__pb_varint(bytes, n);
    locust__pb_add(w, bytes, len);
}

static void locust__pb_add_tag(locust_pb_writer *w, int field, int type)
{
    w->failed = w->failed || field < 1 || field > 536870911;
    locust__pb_add_varint(w, (uint64_t)field << 3 | (unsigned)type);
}

static void locust__pb_add_fixed(locust_pb_writer *w, uint64_t n, size_t bytes)
{
    char text[8];
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)(n >> 8 * i);
    locust__pb_add(w, text, bytes);
}

static bool locust__pb_get_varint(locust_pb_reader *r, uint64_t *out)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
        unsigned char byte = (unsigned char)*r->at++;
        n |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) {
            *out = n;
            return shift < 63 || byte < 2;
        }
    }
    return false;
}

static bool locust__pb_get_fixed(locust_pb_reader *r, size_t bytes, uint64_t *out)
{
    uint64_t n = 0;
    if ((size_t)(r->end - r->at) < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)(unsigned char)r->at[i] << 8 * i;
    r->at += bytes;
    *out = n;
    return true;
}

static bool locust__pb_get_field(locust_pb_reader *r, locust_pb_field *f)
{
    uint64_t tag;
    *f = (locust_pb_field){.bytes = ""};
    if (!locust__pb_get_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911)
        return false;
    f->number = (int)(tag >> 3);
    f->type = (int)(tag & 7);
    switch (f->type) {
    case LOCUST_PB_INT:
        return locust__pb_get_varint(r, &f->value);
    case LOCUST_PB_64:
        return locust__pb_get_fixed(r, 8, &f->value);
    case LOCUST_PB_32:
        return locust__pb_get_fixed(r, 4, &f->value);
    case LOCUST_PB_BYTES:
        if (!locust__pb_get_varint(r, &f->value) || f->value > (size_t)(r->end - r->at))
            return false;
        f->bytes = r->at;
        f->len = (size_t)f->value;
        r->at += f->len;
        return true;
    default:
        return false;
    }
}

static void locust__pb_put_int(locust_pb_writer *w, int field, int64_t n)
{
    locust__pb_add_tag(w, field, LOCUST_PB_INT);
    locust__pb_add_varint(w, (uint64_t)n);
}

LOCUST_API void locust_pb_put_int(locust_pb_writer *w, int field, int64_t n)
{
    locust__pb_put_int(w, field, n);
}

LOCUST_API void locust_pb_put_sint(locust_pb_writer *w, int field, int64_t n)
{
    locust__pb_add_tag(w, field, LOCUST_PB_INT);
    locust__pb_add_varint(w, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void locust__pb_put_bool(locust_pb_writer *w, int field, bool yes)
{
    locust__pb_add_tag(w, field, LOCUST_PB_INT);
    locust__pb_add_varint(w, yes);
}

LOCUST_API void locust_pb_put_bool(locust_pb_writer *w, int field, bool yes)
{
    locust__pb_put_bool(w, field, yes);
}

static void locust__pb_put_fixed32(locust_pb_writer *w, int field, uint32_t n)
{
    locust__pb_add_tag(w, field, LOCUST_PB_32);
    locust__pb_add_fixed(w, n, 4);
}

LOCUST_API void locust_pb_put_fixed32(locust_pb_writer *w, int field, uint32_t n)
{
    locust__pb_put_fixed32(w, field, n);
}

static void locust__pb_put_fixed64(locust_pb_writer *w, int field, uint64_t n)
{
    locust__pb_add_tag(w, field, LOCUST_PB_64);
    locust__pb_add_fixed(w, n, 8);
}

LOCUST_API void locust_pb_put_fixed64(locust_pb_writer *w, int field, uint64_t n)
{
    locust__pb_put_fixed64(w, field, n);
}

LOCUST_API void locust_pb_put_double(locust_pb_writer *w, int field, double n)
{
    uint64_t bits;
    memcpy(&bits, &n, sizeof bits);
    locust__pb_put_fixed64(w, field, bits);
}

LOCUST_API void locust_pb_put_float(locust_pb_writer *w, int field, float n)
{
    uint32_t bits;
    memcpy(&bits, &n, sizeof bits);
    locust__pb_put_fixed32(w, field, bits);
}

static void locust__pb_put_bytes(locust_pb_writer *w, int field, const void *bytes, size_t n)
{
    locust__pb_add_tag(w, field, LOCUST_PB_BYTES);
    locust__pb_add_varint(w, n);
    locust__pb_add(w, bytes, n);
}

LOCUST_API void locust_pb_put_bytes(locust_pb_writer *w, int field, const void *bytes, size_t n)
{
    locust__pb_put_bytes(w, field, bytes, n);
}

LOCUST_API void locust_pb_put_text(locust_pb_writer *w, int field, const char *text)
{
    locust__pb_put_bytes(w, field, text, strlen(text));
}

enum { LOCUST__PB_LENGTH = 5 }; // bytes that are left for the length of a message

static size_t locust__pb_begin(locust_pb_writer *w, int field)
{
    static const char room[LOCUST__PB_LENGTH];
    locust__pb_add_tag(w, field, LOCUST_PB_BYTES);
    locust__pb_add(w, room, sizeof room);
    return w->len;
}

LOCUST_API size_t locust_pb_begin(locust_pb_writer *w, int field)
{
    return locust__pb_begin(w, field);
}

static void locust__pb_end(locust_pb_writer *w, size_t begun)
{
    char bytes[10];
    size_t len = w->len - begun, n = locust__pb_varint(bytes, len);
    w->failed = w->failed || begun > w->len || n > LOCUST__PB_LENGTH;
    if (w->failed)
        return;
    memmove(w->bytes + begun - LOCUST__PB_LENGTH + n, w->bytes + begun, len);
    memcpy(w->bytes + begun - LOCUST__PB_LENGTH, bytes, n);
    w->len -= LOCUST__PB_LENGTH - n;
}

LOCUST_API void locust_pb_end(locust_pb_writer *w, size_t begun)
{
    locust__pb_end(w, begun);
}

static locust_pb_reader locust__pb_read(const void *bytes, size_t n)
{
    const char *at = n ? bytes : "";
    return (locust_pb_reader){at, at + n, false};
}

LOCUST_API locust_pb_reader locust_pb_read(const void *bytes, size_t n)
{
    return locust__pb_read(bytes, n);
}

static bool locust__pb_next(locust_pb_reader *r, locust_pb_field *field)
{
    if (r->failed || r->at == r->end) {
        *field = (locust_pb_field){.bytes = ""};
        return false;
    }
    r->failed = !locust__pb_get_field(r, field);
    return !r->failed;
}

LOCUST_API bool locust_pb_next(locust_pb_reader *r, locust_pb_field *field)
{
    return locust__pb_next(r, field);
}

static double locust__pb_double(const locust_pb_field *field)
{
    double wide;
    float narrow;
    uint32_t bits = (uint32_t)field->value;
    if (field->type == LOCUST_PB_32) {
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, &field->value, sizeof wide);
    return wide;
}

LOCUST_API double locust_pb_double(const locust_pb_field *field)
{
    return locust__pb_double(field);
}

LOCUST_API int64_t locust_pb_sint(const locust_pb_field *field)
{
    return (int64_t)(field->value >> 1) ^ -(int64_t)(field->value & 1);
}
