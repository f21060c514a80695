/* ============================================================================================
 * >>fleet_envelope  the form of all messages between master and workers
 *
 * Purpose     reads and begins messages: [type, data, id of a worker]; turns their data into JSON
 *             text, and JSON text into data.
 * Invariants  a message that was read can be walked to its end. What is written is well-formed: a
 *             stock master does not survive what is not.
 * Names       locust__envelope locust__envelope_
 * Uses        >>json >>fleet_msgpack
 * Sources     Locust 2.12 to 2.47 (reference runs): msgpack.packb((type, data, node_id)).
 * Limits      JSON has no bytes, no numbers beside the finite ones and no keys but texts: bytes
 *             become base64, such numbers and extensions null, keys their own text.
 * ============================================================================================ */

typedef struct locust__envelope {
    locust__view type, data, id; // data: a MessagePack value; id "": it was no text
} locust__envelope;

/* Reads a message. False: it is none. */
static bool locust__envelope_read(locust__view bytes, locust__envelope *e)
{
    locust__msgpack_item item;
    size_t n;
    if (locust__msgpack_measure(bytes, &n) != LOCUST__MSGPACK_OK || n != bytes.len)
        return false;
    locust__msgpack_next(&bytes, &item);
    if (item.kind != LOCUST__MSGPACK_ARRAY || item.n != 3)
        return false;
    locust__msgpack_next(&bytes, &item);
    if (item.kind != LOCUST__MSGPACK_STR)
        return false;
    e->type = item.bytes;
    e->data = bytes;
    locust__msgpack_skip(&bytes);
    locust__msgpack_next(&bytes, &item);
    e->id = item.kind == LOCUST__MSGPACK_STR ? item.bytes : (locust__view){"", 0};
    return true;
}

/* Begins a message: data and the worker's id are to follow. */
static void locust__envelope_begin(locust__buf *out, const char *type)
{
    locust__msgpack_put_array(out, 3);
    locust__msgpack_put_str(out, type);
}

/* Writes a JSON string's inside, with its escapes, as a text. */
static void locust__envelope_put_string(locust__buf *out, locust__view inside)
{
    locust__buf text = {NULL, 0, 0, false};
    char c[4];
    for (size_t i = 0; i < inside.len;) {
        size_t n = locust__json_char(inside, &i, c);
        if (!n)
            break;
        locust__buf_add(&text, c, n);
    }
    out->failed |= text.failed;
    locust__msgpack_put_text(out, (locust__view){text.ptr, text.len});
    locust__buf_free(&text);
}

/* Reads a whole number above INT64_MAX. False: it is none, or too large. */
static bool locust__envelope_uint(locust__view value, uint64_t *n)
{
    *n = 0;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned)(value.ptr[i] - '0');
        if (digit > 9 || *n > (UINT64_MAX - digit) / 10)
            return false;
        *n = *n * 10 + digit;
    }
    return true;
}

static void locust__envelope_put_number(locust__buf *out, locust__view value)
{
    int64_t whole;
    uint64_t big;
    char text[64];
    const char *at = text;
    bool minus = *value.ptr == '-';
    double real;
    if (!memchr(value.ptr, '.', value.len) && locust__json_int(value, &whole)) {
        locust__msgpack_put_int(out, whole);
        return;
    }
    if (locust__envelope_uint(value, &big)) {
        locust__msgpack_put_uint(out, big);
        return;
    }
    snprintf(text, sizeof text, "%.*s", value.len < 63 ? (int)value.len : 63, value.ptr);
    at += minus;
    real = locust__number_decimal(&at);
    locust__msgpack_put_real(out, minus ? -real : real);
}

/* Writes a value of a valid JSON text as data. False: it is nested too deeply. */
static bool locust__envelope_put_value(locust__buf *out, locust__view value, int depth)
{
    const char *at = NULL;
    locust__view key, inside;
    size_t n = 0;
    bool good = true, object = *value.ptr == '{';
    switch (*value.ptr) {
    case '{':
    case '[':
        if (depth == LOCUST__MSGPACK_DEPTH - 2)
            return false;
        locust__json_count(value, &n);
        if (object)
            locust__msgpack_put_map(out, (uint32_t)n);
        else
            locust__msgpack_put_array(out, (uint32_t)n);
        while (good && (object ? locust__json_member(value, &at, &key, &inside)
                               : locust__json_element(value, &at, &inside))) {
            if (object)
                locust__envelope_put_string(out, key);
            good = locust__envelope_put_value(out, inside, depth + 1);
        }
        return good;
    case '"':
        locust__envelope_put_string(out, (locust__view){value.ptr + 1, value.len - 2});
        return true;
    case 't':
    case 'f':
        locust__msgpack_put_bool(out, *value.ptr == 't');
        return true;
    case 'n':
        locust__msgpack_put_nil(out);
        return true;
    default:
        locust__envelope_put_number(out, value);
        return true;
    }
}

/* Writes JSON text as data; NULL: nil. False: it is no JSON, or too deep; `out` is then as it
 * was. */
static bool locust__envelope_put_json(locust__buf *out, const char *json)
{
    locust__view text = locust__view_of(json ? json : "null"), value;
    size_t len = out->len;
    if (locust__json_is_valid(text) && locust__json_find(text, "", &value) &&
        locust__envelope_put_value(out, value, 0))
        return true;
    out->len = len;
    return false;
}

/* Adds a number so that it reads back as the same one. */
static void locust__envelope_add_real(locust__buf *out, double real)
{
    char text[40];
    locust__locale locale = locust__locale_enter();
    if (!(real - real >= 0)) // no number, or infinite
        snprintf(text, sizeof text, "null");
    else
        snprintf(text, sizeof text, "%.17g", real);
    locust__locale_leave(locale);
    locust__buf_puts(out, text);
}

/* Adds an item that is neither array nor map, without the quotes of a text. */
static void locust__envelope_add_scalar(locust__buf *out, const locust__msgpack_item *item)
{
    switch (item->kind) {
    case LOCUST__MSGPACK_BOOL:
        locust__buf_puts(out, item->truth ? "true" : "false");
        break;
    case LOCUST__MSGPACK_INT:
        locust__buf_printf(out, "%lld", (long long)item->whole);
        break;
    case LOCUST__MSGPACK_UINT:
        locust__buf_printf(out, "%llu", (unsigned long long)item->big);
        break;
    case LOCUST__MSGPACK_REAL:
        locust__envelope_add_real(out, item->real);
        break;
    case LOCUST__MSGPACK_STR:
        locust__json_put_view(out, item->bytes);
        break;
    case LOCUST__MSGPACK_BIN:
        locust__base64_encode(out, item->bytes);
        break;
    default:
        locust__buf_puts(out, "null");
        break;
    }
}

/* Adds the next value of a message as JSON text, and moves *rest behind it. `key`: of an object. */
static void locust__envelope_add_json(locust__buf *out, locust__view *rest, bool key)
{
    locust__msgpack_item item;
    bool quoted, map;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK)
        return;
    map = item.kind == LOCUST__MSGPACK_MAP;
    if (item.kind != LOCUST__MSGPACK_ARRAY && !map) {
        quoted = item.kind == LOCUST__MSGPACK_BIN || (key && item.kind != LOCUST__MSGPACK_STR);
        locust__buf_puts(out, quoted ? "\"" : "");
        locust__envelope_add_scalar(out, &item);
        locust__buf_puts(out, quoted ? "\"" : "");
        return;
    }
    if (key) { // Python has tuples as keys
        locust__buf_puts(out, "\"\"");
        for (uint64_t i = 0; i < (uint64_t)item.n << map; i++)
            locust__msgpack_skip(rest);
        return;
    }
    locust__buf_puts(out, map ? "{" : "[");
    for (uint32_t i = 0; i < item.n; i++) {
        locust__buf_puts(out, i ? ", " : "");
        if (map) {
            locust__envelope_add_json(out, rest, true);
            locust__buf_puts(out, ": ");
        }
        locust__envelope_add_json(out, rest, false);
    }
    locust__buf_puts(out, map ? "}" : "]");
}

/* The text of a scalar, as an option has it: without quotes. NULL: it is none, or there is no
 * memory. Yours: LOCUST_FREE. */
static char *locust__envelope_text(const locust__msgpack_item *item)
{
    locust__buf text = {NULL, 0, 0, false};
    if (item->kind == LOCUST__MSGPACK_STR)
        return locust__text_copy(item->bytes.ptr, item->bytes.len);
    if (item->kind < LOCUST__MSGPACK_BOOL || item->kind > LOCUST__MSGPACK_REAL)
        return NULL;
    locust__envelope_add_scalar(&text, item);
    locust__buf_add(&text, "", 1);
    if (text.failed)
        locust__buf_free(&text);
    return text.ptr;
}
