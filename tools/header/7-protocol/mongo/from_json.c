/* ============================================================================================
 * >>mongo_from_json  BSON from JSON
 *
 * Purpose     turns Extended JSON, relaxed or canonical, into a document. Whole numbers become
 *             int32, int64 or, beyond that, double.
 * Invariants  a text that is no JSON, a {"$name": ...} of a type that is not as it should be, and
 *             what is nested deeper than 200 levels are refused. {"$regex": ...} and other
 *             operators are documents like any other. Nothing recurses.
 * Names       locust__extjson locust__extjson_
 * Uses        >>json >>mongo_bson >>mongo_decimal
 * Sources     MongoDB Extended JSON, version 2.1.0; of its version 1 {"$date": milliseconds}.
 * ============================================================================================ */

typedef struct locust__extjson {
    const char *p, *end;
    locust__buf *out;
    const char *wrong; // why the text cannot be taken; NULL: it can
    int depth;
    uint32_t at[LOCUST__BSON_DEPTH];    // of the open documents: where they begin in `out`
    uint32_t count[LOCUST__BSON_DEPTH]; // of an array: its elements so far; of a scope: where the
                                        // length of it and its code is
    unsigned char kind[LOCUST__BSON_DEPTH];
} locust__extjson;

/* Appends a JSON string with its quotes, decoded. False: it has a NUL and may not, or is none. */
static bool locust__extjson_text(locust__buf *out, locust__view v, bool nul)
{
    char text[4];
    if (v.len < 2 || *v.ptr != '"')
        return false;
    v = (locust__view){v.ptr + 1, v.len - 2};
    for (size_t i = 0; i < v.len;) {
        size_t n = locust__json_char(v, &i, text);
        if (!n || (!*text && !nul))
            return false;
        locust__buf_add(out, text, n);
    }
    return true;
}

/* Appends a string's value: its length, the text and a 0. */
static bool locust__extjson_string(locust__buf *out, locust__view v)
{
    size_t at = out->len;
    bool good;
    locust__bson_put_u32(out, 0);
    good = locust__extjson_text(out, v, true);
    locust__buf_add(out, "", 1);
    if (!out->failed)
        locust__bson_store_u32(out->ptr + at, (uint32_t)(out->len - at - 4));
    return good;
}

/* The inside of a string that has no escapes, as all of types but texts are written; ptr NULL: it
 * is none. */
static locust__view locust__extjson_plain(locust__view v)
{
    if (v.len < 2 || *v.ptr != '"' || memchr(v.ptr, '\\', v.len))
        return (locust__view){NULL, 0};
    return (locust__view){v.ptr + 1, v.len - 2};
}

/* The only two members of an object. False: it has others. */
static bool locust__extjson_two(locust__view object, const char *first, const char *second,
    locust__view *one, locust__view *two)
{
    const char *p = NULL;
    locust__view name, value;
    one->ptr = two->ptr = NULL;
    if (!object.len || *object.ptr != '{')
        return false;
    while (locust__json_member(object, &p, &name, &value)) {
        locust__view *to = locust__view_is(name, first)              ? one
                           : second && locust__view_is(name, second) ? two
                                                                     : NULL;
        if (!to || to->ptr)
            return false;
        *to = value;
    }
    return one->ptr && (!second || two->ptr);
}

/* The value of a text that is a whole number, written plainly. */
static bool locust__extjson_whole(locust__view text, int64_t *value)
{
    return text.ptr && text.len && locust__json_digits(text, *text.ptr == '-') == text.len &&
           locust__json_int(text, value);
}

/* Hexadecimal digits as so many bytes. */
static bool locust__extjson_hex(locust__buf *out, locust__view text, size_t bytes)
{
    for (size_t i = 0; i < bytes && text.len == 2 * bytes; i++) {
        int value = locust__number_hex(text.ptr + 2 * i, 2);
        char byte = (char)value;
        if (value < 0)
            return false;
        locust__buf_add(out, &byte, 1);
    }
    return text.len == 2 * bytes;
}

/* -- the types: each appends the value of one, which lies in *type -- */

static bool locust__extjson_take_oid(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v);
    return text.ptr && locust__extjson_hex(out, text, 12);
}

static bool locust__extjson_take_int(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v);
    int64_t value;
    if (!locust__extjson_whole(text, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    locust__bson_put_u32(out, (uint32_t)value);
    return true;
}

static bool locust__extjson_take_long(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v);
    int64_t value;
    if (!locust__extjson_whole(text, &value))
        return false;
    locust__bson_put_u64(out, (uint64_t)value);
    return true;
}

static void locust__extjson_bits(locust__buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    locust__bson_put_u64(out, bits);
}

/* The text goes on behind the number, which ends it: a quote or what JSON has there. */
static void locust__extjson_number(locust__buf *out, locust__view text)
{
    locust__extjson_bits(out, strtod(text.ptr, NULL));
}

static bool locust__extjson_take_double(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v);
    if (!text.ptr)
        return false;
    if (locust__view_is(text, "NaN")) // the bits of the usual one, whatever the machine's are
        locust__bson_put_u64(out, (uint64_t)0x7FF8 << 48);
    else if (locust__view_is(text, "Infinity"))
        locust__bson_put_u64(out, (uint64_t)0x7FF0 << 48);
    else if (locust__view_is(text, "-Infinity"))
        locust__bson_put_u64(out, (uint64_t)0xFFF0 << 48);
    else if (locust__json_is_number(text))
        locust__extjson_number(out, text);
    else
        return false;
    return true;
}

static bool locust__extjson_take_decimal(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v);
    unsigned char bytes[16];
    if (!text.ptr || !locust__decimal_parse(text, bytes))
        return false;
    locust__buf_add(out, bytes, 16);
    return true;
}

static bool locust__extjson_take_binary(locust__buf *out, locust__view v)
{
    locust__view base64, subtype;
    size_t at = out->len, n;
    int type;
    if (!locust__extjson_two(v, "base64", "subType", &base64, &subtype))
        return false;
    base64 = locust__extjson_plain(base64);
    subtype = locust__extjson_plain(subtype);
    type = subtype.ptr && (subtype.len == 1 || subtype.len == 2)
               ? locust__number_hex(subtype.ptr, (int)subtype.len)
               : -1;
    if (!base64.ptr || type < 0)
        return false;
    locust__buf_add(out, "\0\0\0\0\0\0\0\0", type == 2 ? 9 : 5);
    n = out->len;
    if (!locust__base64_decode(out, base64) || out->failed)
        return false;
    out->ptr[at + 4] = (char)type;
    if (type == 2)
        locust__bson_store_u32(out->ptr + at + 5, (uint32_t)(out->len - n));
    locust__bson_store_u32(out->ptr + at, (uint32_t)(out->len - at - 5));
    return true;
}

static bool locust__extjson_take_uuid(locust__buf *out, locust__view v)
{
    static const size_t groups[] = {4, 2, 2, 2, 6};
    locust__view text = locust__extjson_plain(v);
    locust__buf_add(out, "\20\0\0\0\4", 5);
    for (int i = 0; i < 5; i++) {
        size_t n = 2 * groups[i];
        if (!text.ptr || text.len < n + (i < 4) || (i < 4 && text.ptr[n] != '-') ||
            !locust__extjson_hex(out, (locust__view){text.ptr, n}, groups[i]))
            return false;
        text = locust__view_skip(text, n + (i < 4));
    }
    return !text.len;
}

static bool locust__extjson_take_symbol(locust__buf *out, locust__view v)
{
    return locust__extjson_string(out, v);
}

static bool locust__extjson_take_timestamp(locust__buf *out, locust__view v)
{
    locust__view seconds, number;
    int64_t t, i;
    if (!locust__extjson_two(v, "t", "i", &seconds, &number) ||
        !locust__extjson_whole(seconds, &t) || !locust__extjson_whole(number, &i) || t < 0 ||
        i < 0 || t > UINT32_MAX || i > UINT32_MAX)
        return false;
    locust__bson_put_u32(out, (uint32_t)i);
    locust__bson_put_u32(out, (uint32_t)t);
    return true;
}

static int locust__extjson_by_byte(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static bool locust__extjson_take_regex(locust__buf *out, locust__view v)
{
    locust__view pattern, options;
    size_t at;
    if (!locust__extjson_two(v, "pattern", "options", &pattern, &options) ||
        !locust__extjson_text(out, pattern, false))
        return false;
    locust__buf_add(out, "", 1);
    at = out->len;
    if (!locust__extjson_text(out, options, false))
        return false;
    for (size_t i = at; i < out->len; i++)
        if (!locust__text_is_alnum(out->ptr[i]))
            return false;
    if (out->len > at)
        qsort(out->ptr + at, out->len - at, 1, locust__extjson_by_byte); // as BSON wants them
    locust__buf_add(out, "", 1);
    return true;
}

static bool locust__extjson_take_pointer(locust__buf *out, locust__view v)
{
    locust__view collection, id, oid, unused;
    return locust__extjson_two(v, "$ref", "$id", &collection, &id) &&
           locust__extjson_two(id, "$oid", NULL, &oid, &unused) &&
           locust__extjson_string(out, collection) && locust__extjson_take_oid(out, oid);
}

/* Takes so many digits off a text; -1: there are others. */
static int locust__extjson_digits(locust__view *text, size_t n)
{
    int64_t value = text->len < n ? -1 : locust__number_of((locust__view){text->ptr, n});
    if (value >= 0)
        *text = locust__view_skip(*text, n);
    return (int)value;
}

/* Takes a character off a text. */
static bool locust__extjson_char(locust__view *text, char c)
{
    bool there = text->len && *text->ptr == c;
    if (there)
        *text = locust__view_skip(*text, 1);
    return there;
}

/* Milliseconds from a zone such as "Z", "+02:00" or "-0530"; false: it is none. */
static bool locust__extjson_zone(locust__view text, int64_t *ms)
{
    bool minus = text.len && *text.ptr == '-';
    int hours, minutes;
    *ms = 0;
    if (locust__view_is(text, "Z"))
        return true;
    if (!locust__extjson_char(&text, minus ? '-' : '+'))
        return false;
    hours = locust__extjson_digits(&text, 2);
    locust__extjson_char(&text, ':');
    minutes = text.len ? locust__extjson_digits(&text, 2) : 0;
    *ms = (minus ? 1 : -1) * (hours * 60 + minutes) * (int64_t)60000;
    return !text.len && hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60;
}

/* Milliseconds since 1970 of "2026-01-01T00:00:00.000Z"; false: it is no such date. */
static bool locust__extjson_date(locust__view text, int64_t *ms)
{
    static const char between[] = "--T::";
    static const int least[] = {0, 1, 1, 0, 0, 0}, most[] = {9999, 12, 31, 23, 59, 59};
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int field[6], scale = 100;
    int64_t year, month, days, zone, part = 0;
    bool leap;
    for (int i = 0; i < 6; i++) {
        field[i] = locust__extjson_digits(&text, i ? 2 : 4);
        if (field[i] < least[i] || field[i] > most[i] ||
            (i < 5 && !locust__extjson_char(&text, between[i])))
            return false;
    }
    leap = field[0] % 4 == 0 && (field[0] % 100 != 0 || field[0] % 400 == 0);
    if (field[2] > lengths[field[1] - 1] + (leap && field[1] == 2))
        return false;
    if (locust__extjson_char(&text, '.')) {
        if (!text.len || !locust__text_is_digit(*text.ptr))
            return false;
        for (; text.len && locust__text_is_digit(*text.ptr); scale /= 10) {
            part += scale * (*text.ptr - '0'); // what is less than a millisecond is dropped
            text = locust__view_skip(text, 1);
        }
    }
    year = field[0] - (field[1] < 3); // of a year that begins in March
    month = (field[1] + 9) % 12;
    days = 365 * year + (year + 400) / 4 - (year + 400) / 100 + (year + 400) / 400 - 97 +
           (153 * month + 2) / 5 + field[2] - 1 - 719468;
    *ms = ((days * 24 + field[3]) * 60 + field[4]) * 60000 + (int64_t)field[5] * 1000 + part;
    if (!locust__extjson_zone(text, &zone))
        return false;
    *ms += zone;
    return true;
}

static bool locust__extjson_take_date(locust__buf *out, locust__view v)
{
    locust__view text = locust__extjson_plain(v), inside, unused;
    int64_t ms;
    if (text.ptr ? !locust__extjson_date(text, &ms) : !locust__json_int(v, &ms)) {
        if (text.ptr || !locust__extjson_two(v, "$numberLong", NULL, &inside, &unused))
            return false;
        return locust__extjson_take_long(out, inside);
    }
    locust__bson_put_u64(out, (uint64_t)ms);
    return true;
}

static bool locust__extjson_take_one(locust__buf *out, locust__view v)
{
    (void)out;
    return locust__view_is(v, "1");
}

static bool locust__extjson_take_true(locust__buf *out, locust__view v)
{
    (void)out;
    return locust__view_is(v, "true");
}

typedef struct locust__extjson_type {
    const char *name;
    enum locust__bson_type type;
    bool (*take)(locust__buf *out, locust__view v);
    const char *wrong;
} locust__extjson_type;

/* The type whose only member has that name; NULL: none. */
static const locust__extjson_type *locust__extjson_type_of(locust__view name)
{
#define LOCUST__EXTJSON(name, type, fn)                                           \
    {                                                                             \
        name, LOCUST__BSON_##type, locust__extjson_take_##fn, "a malformed " name \
    }
    static const locust__extjson_type types[] = {
        LOCUST__EXTJSON("$oid", OBJECT_ID, oid),
        LOCUST__EXTJSON("$numberInt", INT32, int),
        LOCUST__EXTJSON("$numberLong", INT64, long),
        LOCUST__EXTJSON("$numberDouble", DOUBLE, double),
        LOCUST__EXTJSON("$numberDecimal", DECIMAL, decimal),
        LOCUST__EXTJSON("$binary", BINARY, binary),
        LOCUST__EXTJSON("$uuid", BINARY, uuid),
        LOCUST__EXTJSON("$symbol", SYMBOL, symbol),
        LOCUST__EXTJSON("$timestamp", TIMESTAMP, timestamp),
        LOCUST__EXTJSON("$regularExpression", REGEX, regex),
        LOCUST__EXTJSON("$dbPointer", DB_POINTER, pointer),
        LOCUST__EXTJSON("$date", DATE, date),
        LOCUST__EXTJSON("$minKey", MIN_KEY, one),
        LOCUST__EXTJSON("$maxKey", MAX_KEY, one),
        LOCUST__EXTJSON("$undefined", UNDEFINED, true),
    };
#undef LOCUST__EXTJSON
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (locust__view_is(name, types[i].name))
            return &types[i];
    return NULL;
}

/* -- the text -- */

/* Passes blanks. Returns whether `c` is next, and passes that. */
static bool locust__extjson_pass(locust__extjson *x, char c)
{
    x->p = locust__json_blank(x->p, x->end);
    if (x->p == x->end || *x->p != c)
        return false;
    x->p++;
    return true;
}

/* Opens a document at the end of `out`. */
static void locust__extjson_open(locust__extjson *x, enum locust__bson_type kind)
{
    if (x->depth == LOCUST__BSON_DEPTH || x->out->len > INT32_MAX) {
        x->wrong = x->depth == LOCUST__BSON_DEPTH ? "nested deeper than 200 levels" : "too long";
        return;
    }
    x->at[x->depth] = (uint32_t)locust__bson_begin(x->out);
    x->count[x->depth] = 0;
    x->kind[x->depth++] = (unsigned char)kind;
}

/* Closes the innermost document. Behind a scope the object is closed that had it. */
static void locust__extjson_close(locust__extjson *x)
{
    size_t at = x->at[--x->depth];
    locust__bson_end(x->out, at);
    if (x->kind[x->depth] != LOCUST__BSON_CODE_SCOPE)
        return;
    locust__bson_measure(x->out, x->count[x->depth]);
    if (!locust__extjson_pass(x, '}'))
        x->wrong = "a malformed $code";
}

/* {"$code": "text"} or {"$code": "text", "$scope": {...}}, of which the text is at hand: *type is
 * the place of the type's byte. */
static void locust__extjson_code(locust__extjson *x, size_t type)
{
    const char *stop = x->p < x->end && *x->p == '"' ? locust__json_string_end(x->p, x->end) : NULL;
    size_t at = x->out->len;
    x->wrong = "a malformed $code";
    if (!stop)
        return;
    locust__bson_put_u32(x->out, 0); // the length of both, if there is a scope
    if (!locust__extjson_string(x->out, (locust__view){x->p, (size_t)(stop - x->p)}) ||
        x->out->failed)
        return;
    x->p = stop;
    if (locust__extjson_pass(x, '}')) {
        memmove(x->out->ptr + at, x->out->ptr + at + 4, x->out->len - at - 4);
        x->out->len -= 4;
        x->out->ptr[type] = LOCUST__BSON_CODE;
        x->wrong = NULL;
        return;
    }
    if (!locust__extjson_pass(x, ','))
        return;
    x->p = locust__json_blank(x->p, x->end);
    if (x->end - x->p < 8 || memcmp(x->p, "\"$scope\"", 8) != 0)
        return;
    x->p += 8;
    if (!locust__extjson_pass(x, ':') || !locust__extjson_pass(x, '{') ||
        x->depth + 1 >= LOCUST__BSON_DEPTH)
        return;
    x->wrong = NULL;
    x->out->ptr[type] = LOCUST__BSON_CODE_SCOPE;
    locust__extjson_open(x, LOCUST__BSON_CODE_SCOPE);
    x->count[x->depth - 1] = (uint32_t)at;
}

/* An object: a type, or a document, which it opens. `type`: the place of the type's byte. */
static void locust__extjson_object(locust__extjson *x, size_t type)
{
    const char *from = x->p, *p = NULL, *stop;
    const locust__extjson_type *known = NULL;
    locust__view name, value, whole;
    x->p = locust__json_blank(x->p + 1, x->end);
    stop = x->p < x->end && *x->p == '"' ? locust__json_string_end(x->p, x->end) : NULL;
    if (stop && x->p[1] == '$') {
        name = (locust__view){x->p + 1, (size_t)(stop - x->p) - 2};
        known = locust__extjson_type_of(name);
        if (locust__view_is(name, "$code")) {
            x->p = locust__json_blank(stop, x->end);
            locust__extjson_pass(x, ':');
            x->p = locust__json_blank(x->p, x->end);
            locust__extjson_code(x, type);
            return;
        }
    }
    if (!known) {
        x->out->ptr[type] = LOCUST__BSON_DOCUMENT;
        locust__extjson_open(x, LOCUST__BSON_DOCUMENT);
        return;
    }
    stop = locust__json_value_end(from, x->end);
    whole = (locust__view){from, stop ? (size_t)(stop - from) : 0};
    x->out->ptr[type] = (char)known->type;
    if (!stop || !locust__json_member(whole, &p, &name, &value) || !known->take(x->out, value) ||
        locust__json_member(whole, &p, &name, &value))
        x->wrong = known->wrong;
    x->p = stop;
}

/* A value of JSON, whose type goes to the byte at `type`. */
static void locust__extjson_value(locust__extjson *x, size_t type)
{
    const char *stop;
    locust__view v;
    int64_t value;
    if (*x->p == '{') {
        locust__extjson_object(x, type);
        return;
    }
    if (*x->p == '[') {
        x->p++;
        x->out->ptr[type] = LOCUST__BSON_ARRAY;
        locust__extjson_open(x, LOCUST__BSON_ARRAY);
        return;
    }
    stop = locust__json_scalar(x->p, x->end);
    v = (locust__view){x->p, (size_t)(stop - x->p)};
    x->p = stop;
    if (*v.ptr == '"') {
        x->out->ptr[type] = LOCUST__BSON_STRING;
        locust__extjson_string(x->out, v);
    } else if (*v.ptr == 'n') {
        x->out->ptr[type] = LOCUST__BSON_NULL;
    } else if (*v.ptr == 't' || *v.ptr == 'f') {
        x->out->ptr[type] = LOCUST__BSON_BOOL;
        locust__buf_add(x->out, *v.ptr == 't' ? "\1" : "", 1);
    } else if (memchr(v.ptr, '.', v.len) || memchr(v.ptr, 'e', v.len) ||
               memchr(v.ptr, 'E', v.len) || !locust__json_int(v, &value)) {
        x->out->ptr[type] = LOCUST__BSON_DOUBLE;
        locust__extjson_number(x->out, v);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        x->out->ptr[type] = LOCUST__BSON_INT32;
        locust__bson_put_u32(x->out, (uint32_t)value);
    } else {
        x->out->ptr[type] = LOCUST__BSON_INT64;
        locust__bson_put_u64(x->out, (uint64_t)value);
    }
}

/* An element of the innermost document: its name and its value. */
static void locust__extjson_element(locust__extjson *x)
{
    int top = x->depth - 1;
    size_t type = x->out->len;
    locust__buf_add(x->out, "", 1);
    if (x->kind[top] == LOCUST__BSON_ARRAY) {
        locust__buf_printf(x->out, "%lu", (unsigned long)x->count[top]++);
    } else {
        const char *stop = locust__json_string_end(x->p, x->end);
        if (!locust__extjson_text(x->out, (locust__view){x->p, (size_t)(stop - x->p)}, false))
            x->wrong = "a name with a NUL in it";
        x->p = stop;
        locust__extjson_pass(x, ':');
    }
    locust__buf_add(x->out, "", 1);
    x->p = locust__json_blank(x->p, x->end);
    if (!x->out->failed && !x->wrong)
        locust__extjson_value(x, type);
}

/* Appends the document that a text of JSON, an object, stands for; of an array, a document with its
 * elements. The text must end with '\0'. Returns why it cannot; NULL: it did. */
static const char *locust__extjson_read(locust__buf *out, locust__view text, bool array)
{
    locust__extjson x;
    locust__locale was;
    x.p = locust__json_blank(text.ptr, text.ptr + text.len);
    x.end = text.ptr + text.len;
    x.out = out;
    x.wrong = NULL;
    x.depth = 0;
    if (!locust__json_is_valid(text))
        return "no JSON";
    if (*x.p != (array ? '[' : '{'))
        return array ? "no array" : "no object";
    x.p++;
    was = locust__locale_enter();
    locust__extjson_open(&x, array ? LOCUST__BSON_ARRAY : LOCUST__BSON_DOCUMENT);
    while (x.depth && !x.wrong && !out->failed) {
        char close = x.kind[x.depth - 1] == LOCUST__BSON_ARRAY ? ']' : '}';
        if (locust__extjson_pass(&x, close)) {
            locust__extjson_close(&x);
            continue;
        }
        locust__extjson_pass(&x, ',');
        x.p = locust__json_blank(x.p, x.end);
        locust__extjson_element(&x);
    }
    locust__locale_leave(was);
    return out->failed ? locust__error_text(LOCUST_ERR_MEMORY) : x.wrong;
}
