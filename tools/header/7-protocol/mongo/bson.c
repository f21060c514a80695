/* ============================================================================================
 * >>mongo_bson  BSON, checked, read and written
 *
 * Purpose     checks that bytes are one BSON document; walks through its elements; builds
 *             documents.
 * Invariants  whatever the bytes are, nothing is read outside them, and nothing recurses. Only what
 *             locust__bson_is_valid took may be walked through: every length in it then fits into
 *             its parent's, every text has its end, and no document is deeper than 200 levels.
 * Cost        a check is one pass over the elements, not over what is in them.
 * Names       locust__bson_
 * Sources     BSON 1.1, bsonspec.org; 200 levels: as deep as MongoDB reads.
 *
 *   document  length of all, 4 bytes, little-endian | elements | 0
 *   element   type | name 0 | value
 * ============================================================================================ */

enum locust__bson_type {
    LOCUST__BSON_DOUBLE = 1,
    LOCUST__BSON_STRING,
    LOCUST__BSON_DOCUMENT,
    LOCUST__BSON_ARRAY,
    LOCUST__BSON_BINARY,
    LOCUST__BSON_UNDEFINED,
    LOCUST__BSON_OBJECT_ID,
    LOCUST__BSON_BOOL,
    LOCUST__BSON_DATE,
    LOCUST__BSON_NULL,
    LOCUST__BSON_REGEX,
    LOCUST__BSON_DB_POINTER,
    LOCUST__BSON_CODE,
    LOCUST__BSON_SYMBOL,
    LOCUST__BSON_CODE_SCOPE,
    LOCUST__BSON_INT32,
    LOCUST__BSON_TIMESTAMP,
    LOCUST__BSON_INT64,
    LOCUST__BSON_DECIMAL,
    LOCUST__BSON_MAX_KEY = 127,
    LOCUST__BSON_MIN_KEY = 255
};

enum { LOCUST__BSON_DEPTH = 200 }; // levels of documents and arrays

typedef struct locust__bson_element {
    unsigned type;              // locust__bson_type; 0: there is none
    const char *name;           // ends with '\0'
    const unsigned char *value; // the bytes behind the name
    size_t len;                 // of the value
} locust__bson_element;

static uint32_t locust__bson_u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t locust__bson_u64(const unsigned char *p)
{
    return locust__bson_u32(p) | (uint64_t)locust__bson_u32(p + 4) << 32;
}

static double locust__bson_double(const unsigned char *p)
{
    uint64_t bits = locust__bson_u64(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* -- checking -- */

/* The bytes of a string with its length in front, of the `left` there are; 0: it is none. */
static size_t locust__bson_string_len(const unsigned char *p, size_t left)
{
    uint32_t n = left < 5 ? 0 : locust__bson_u32(p);
    return n && n <= left - 4 && !p[4 + n - 1] ? 4 + (size_t)n : 0;
}

/* The bytes of a text that ends with a 0, which counts; 0: it has no end. */
static size_t locust__bson_text_len(const unsigned char *p, size_t left)
{
    const unsigned char *end = left ? memchr(p, 0, left) : NULL;
    return end ? (size_t)(end - p) + 1 : 0;
}

/* The bytes of a binary; 0: it is none. That of the old subtype 2 has its length twice. */
static size_t locust__bson_binary_len(const unsigned char *p, size_t left)
{
    uint32_t n = left < 5 ? UINT32_MAX : locust__bson_u32(p);
    if (left < 5 || n > left - 5 || n > INT32_MAX)
        return 0;
    if (p[4] == 2 && (n < 4 || locust__bson_u32(p + 5) != n - 4))
        return 0;
    return 5 + (size_t)n;
}

/* The bytes of a value that is no document, of the `left` there are; SIZE_MAX: it is wrong. */
static size_t locust__bson_value_len(unsigned type, const unsigned char *p, size_t left)
{
    size_t n = 0, more = 0;
    switch (type) {
    case LOCUST__BSON_UNDEFINED:
    case LOCUST__BSON_NULL:
    case LOCUST__BSON_MAX_KEY:
    case LOCUST__BSON_MIN_KEY:
        return 0;
    case LOCUST__BSON_BOOL:
        return left && *p < 2 ? 1 : SIZE_MAX;
    case LOCUST__BSON_INT32:
        n = 4;
        break;
    case LOCUST__BSON_DOUBLE:
    case LOCUST__BSON_DATE:
    case LOCUST__BSON_TIMESTAMP:
    case LOCUST__BSON_INT64:
        n = 8;
        break;
    case LOCUST__BSON_OBJECT_ID:
        n = 12;
        break;
    case LOCUST__BSON_DECIMAL:
        n = 16;
        break;
    case LOCUST__BSON_STRING:
    case LOCUST__BSON_CODE:
    case LOCUST__BSON_SYMBOL:
        n = locust__bson_string_len(p, left);
        break;
    case LOCUST__BSON_DB_POINTER:
        more = locust__bson_string_len(p, left);
        n = more ? more + 12 : 0;
        break;
    case LOCUST__BSON_BINARY:
        n = locust__bson_binary_len(p, left);
        break;
    case LOCUST__BSON_REGEX:
        more = locust__bson_text_len(p, left);
        n = more ? locust__bson_text_len(p + more, left - more) : 0;
        n = n ? n + more : 0;
        break;
    default:
        break;
    }
    return n && n <= left ? n : SIZE_MAX;
}

/* Where the terminator of the document at `at` is, which ends by `end`, or, if `whole`, at it. 0:
 * its length is wrong. */
static size_t locust__bson_open(const unsigned char *p, size_t at, size_t end, bool whole)
{
    uint32_t n = end - at < 5 ? 0 : locust__bson_u32(p + at);
    if (n < 5 || n > end - at || (whole && n != end - at) || p[at + n - 1])
        return 0;
    return at + n - 1;
}

/* Where the document is that is the scope of the code at `at`; 0: the lengths are wrong. *end:
 * where both end. */
static size_t locust__bson_scope_at(const unsigned char *p, size_t at, size_t *end)
{
    size_t left = *end - at, text;
    uint32_t n = left < 14 ? 0 : locust__bson_u32(p + at);
    if (n < 14 || n > left)
        return 0;
    text = locust__bson_string_len(p + at + 4, n - 4);
    *end = at + n;
    return text ? at + 4 + text : 0;
}

/* Are n bytes one document, all through? */
static bool locust__bson_is_valid(const unsigned char *p, size_t n)
{
    uint32_t ends[LOCUST__BSON_DEPTH]; // of the open documents: where the terminators are
    size_t at = 0, end;
    int depth = 0;
    if (n > INT32_MAX || !(end = locust__bson_open(p, 0, n, true)))
        return false;
    for (ends[depth++] = (uint32_t)end, at = 4; depth;) {
        unsigned type;
        size_t len;
        end = ends[depth - 1];
        if (at == end) {
            at++;
            depth--;
            continue;
        }
        type = p[at++];
        len = locust__bson_text_len(p + at, end - at);
        if (!len)
            return false;
        at += len;
        if (type == LOCUST__BSON_DOCUMENT || type == LOCUST__BSON_ARRAY ||
            type == LOCUST__BSON_CODE_SCOPE) {
            bool scope = type == LOCUST__BSON_CODE_SCOPE;
            if (scope)
                at = locust__bson_scope_at(p, at, &end);
            end = scope && !at ? 0 : locust__bson_open(p, at, end, scope);
            if (!end || depth == LOCUST__BSON_DEPTH)
                return false;
            ends[depth++] = (uint32_t)end;
            at += 4;
        } else {
            len = locust__bson_value_len(type, p + at, end - at);
            if (len == SIZE_MAX)
                return false;
            at += len;
        }
    }
    return at == n;
}

/* -- reading what is valid -- */

/* The element at `at` of a valid document, whose bytes go to its terminator; type 0: `at` is that
 * terminator. */
static locust__bson_element locust__bson_at(const unsigned char *at)
{
    locust__bson_element e = {*at, (const char *)at + 1, NULL, 0};
    if (!e.type)
        return e;
    e.value = at + 2 + strlen(e.name);
    e.len = e.type == LOCUST__BSON_DOCUMENT || e.type == LOCUST__BSON_ARRAY ||
                    e.type == LOCUST__BSON_CODE_SCOPE
                ? locust__bson_u32(e.value)
                : locust__bson_value_len(e.type, e.value, SIZE_MAX / 2);
    return e;
}

/* The first element of a valid document. */
static locust__bson_element locust__bson_first(const unsigned char *document)
{
    return locust__bson_at(document + 4);
}

/* The element behind one. */
static locust__bson_element locust__bson_next(const locust__bson_element *e)
{
    return locust__bson_at(e->value + e->len);
}

/* The element of that name; type 0: there is none. */
static locust__bson_element locust__bson_find(const unsigned char *document, const char *name)
{
    locust__bson_element e = locust__bson_first(document);
    while (e.type && strcmp(e.name, name) != 0)
        e = locust__bson_next(&e);
    return e;
}

/* The value of a number, whatever its type, as servers differ in that; `other`: it is none. */
static int64_t locust__bson_int(const locust__bson_element *e, int64_t other)
{
    double value;
    switch (e->type) {
    case LOCUST__BSON_INT32:
        return (int32_t)locust__bson_u32(e->value);
    case LOCUST__BSON_INT64:
        return (int64_t)locust__bson_u64(e->value);
    case LOCUST__BSON_BOOL:
        return *e->value;
    case LOCUST__BSON_DOUBLE:
        value = locust__bson_double(e->value);
        return value >= -9e18 && value <= 9e18 ? (int64_t)value : other;
    default:
        return other;
    }
}

/* The number that a document has under a name. */
static int64_t locust__bson_get_int(const unsigned char *document, const char *name, int64_t other)
{
    locust__bson_element e = locust__bson_find(document, name);
    return locust__bson_int(&e, other);
}

/* The text that a document has under a name; ptr NULL: none. A '\0' follows. */
static locust__view locust__bson_get_text(const unsigned char *document, const char *name)
{
    locust__bson_element e = locust__bson_find(document, name);
    if (e.type != LOCUST__BSON_STRING)
        return (locust__view){NULL, 0};
    return (locust__view){(const char *)e.value + 4, e.len - 5};
}

/* The document or array that a document has under a name; NULL: none. */
static const unsigned char *locust__bson_get_document(
    const unsigned char *document, const char *name, enum locust__bson_type type)
{
    locust__bson_element e = locust__bson_find(document, name);
    return e.type == (unsigned)type ? e.value : NULL;
}

/* -- writing -- */

static void locust__bson_store_u32(void *to, uint32_t v)
{
    const unsigned char bytes[4] = {(unsigned char)v, (unsigned char)(v >> 8),
        (unsigned char)(v >> 16), (unsigned char)(v >> 24)};
    memcpy(to, bytes, 4);
}

static void locust__bson_put_u32(locust__buf *out, uint32_t v)
{
    unsigned char bytes[4];
    locust__bson_store_u32(bytes, v);
    locust__buf_add(out, bytes, 4);
}

static void locust__bson_put_u64(locust__buf *out, uint64_t v)
{
    locust__bson_put_u32(out, (uint32_t)v);
    locust__bson_put_u32(out, (uint32_t)(v >> 32));
}

/* The type and the name of an element; its value is to follow. */
static void locust__bson_put_name(locust__buf *out, enum locust__bson_type type, const char *name)
{
    char byte = (char)type;
    locust__buf_add(out, &byte, 1);
    locust__buf_add(out, name, strlen(name) + 1);
}

/* Begins a document; returns its place, for locust__bson_end. */
static size_t locust__bson_begin(locust__buf *out)
{
    size_t at = out->len;
    locust__bson_put_u32(out, 0);
    return at;
}

/* Writes the bytes since `at` as a length at `at`. */
static void locust__bson_measure(locust__buf *out, size_t at)
{
    if (out->len - at > INT32_MAX)
        out->failed = true;
    if (!out->failed)
        locust__bson_store_u32(out->ptr + at, (uint32_t)(out->len - at));
}

/* Ends the document that was begun at `at`. */
static void locust__bson_end(locust__buf *out, size_t at)
{
    locust__buf_add(out, "", 1);
    locust__bson_measure(out, at);
}

static void locust__bson_put_int(locust__buf *out, const char *name, int32_t value)
{
    locust__bson_put_name(out, LOCUST__BSON_INT32, name);
    locust__bson_put_u32(out, (uint32_t)value);
}

static void locust__bson_put_long(locust__buf *out, const char *name, int64_t value)
{
    locust__bson_put_name(out, LOCUST__BSON_INT64, name);
    locust__bson_put_u64(out, (uint64_t)value);
}

static void locust__bson_put_bool(locust__buf *out, const char *name, bool value)
{
    locust__bson_put_name(out, LOCUST__BSON_BOOL, name);
    locust__buf_add(out, value ? "\1" : "", 1);
}

/* A string's value: its length and the text. */
static void locust__bson_put_string(locust__buf *out, locust__view text)
{
    locust__bson_put_u32(out, (uint32_t)text.len + 1);
    locust__buf_add(out, text.ptr, text.len);
    locust__buf_add(out, "", 1);
}

static void locust__bson_put_text(locust__buf *out, const char *name, const char *text)
{
    locust__bson_put_name(out, LOCUST__BSON_STRING, name);
    locust__bson_put_string(out, locust__view_of(text));
}

static void locust__bson_put_binary(
    locust__buf *out, const char *name, unsigned subtype, locust__view bytes)
{
    char byte = (char)subtype;
    locust__bson_put_name(out, LOCUST__BSON_BINARY, name);
    locust__bson_put_u32(out, (uint32_t)bytes.len);
    locust__buf_add(out, &byte, 1);
    locust__buf_add(out, bytes.ptr, bytes.len);
}
