/* ============================================================================================
 * >>mongo_to_json  BSON as JSON
 *
 * Purpose     writes a document as relaxed Extended JSON, which shows plain numbers, texts and
 *             dates as JSON has them, and what JSON lacks as {"$name": ...}.
 * Invariants  takes what locust__bson_is_valid took. The result is JSON, in valid UTF-8, whatever
 *             the texts are. Nothing recurses.
 * Names       locust__extjson_put_ locust__extjson_put
 * Uses        >>json >>mongo_bson >>mongo_decimal
 * Sources     MongoDB Extended JSON, version 2.1.0.
 * ============================================================================================ */

/* A number as short as it can be read back as the same double, with a point or an exponent in it,
 * which say that it is one. The locale is "C". */
static void locust__extjson_put_double(locust__buf *out, double value)
{
    char text[32];
    int digits = 15;
    if (value != value || value - value != 0) { // NaN, infinite
        locust__buf_printf(out, "{\"$numberDouble\": \"%s\"}",
            value != value ? "NaN"
            : value > 0    ? "Infinity"
                           : "-Infinity");
        return;
    }
    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
    } while (strtod(text, NULL) != value && digits++ < 17);
    locust__buf_puts(out, text);
    if (!strpbrk(text, ".e"))
        locust__buf_puts(out, ".0");
}

/* Milliseconds since 1970 as a date where it has four digits of a year, else as their number. */
static void locust__extjson_put_date(locust__buf *out, int64_t ms)
{
    int64_t day = ms / 86400000, left = ms % 86400000, era, year, month;
    if (ms < 0 || ms > 253402300799999) {
        locust__buf_printf(out, "{\"$date\": {\"$numberLong\": \"%lld\"}}", (long long)ms);
        return;
    }
    day += 719468; // since 0000-03-01: a leap day is then the last of its year
    era = day / 146097;
    day %= 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153; // 0: March
    day = day - (153 * month + 2) / 5 + 1;
    year += 400 * era + (month > 9);
    locust__buf_printf(out, "{\"$date\": \"%04d-%02d-%02dT%02d:%02d:%02d", (int)year,
        (int)(month > 9 ? month - 9 : month + 3), (int)day, (int)(left / 3600000),
        (int)(left / 60000 % 60), (int)(left / 1000 % 60));
    if (left % 1000)
        locust__buf_printf(out, ".%03d", (int)(left % 1000));
    locust__buf_puts(out, "Z\"}");
}

static void locust__extjson_put_id(locust__buf *out, const unsigned char *p)
{
    locust__buf_puts(out, "{\"$oid\": \"");
    for (int i = 0; i < 12; i++)
        locust__buf_printf(out, "%02x", p[i]);
    locust__buf_puts(out, "\"}");
}

static void locust__extjson_put_binary(locust__buf *out, const locust__bson_element *e)
{
    unsigned subtype = e->value[4];
    size_t head = subtype == 2 ? 9 : 5;
    locust__buf_puts(out, "{\"$binary\": {\"base64\": \"");
    locust__base64_encode(out, (locust__view){(const char *)e->value + head, e->len - head});
    locust__buf_printf(out, "\", \"subType\": \"%02x\"}}", subtype);
}

static void locust__extjson_put_regex(locust__buf *out, const locust__bson_element *e)
{
    const char *pattern = (const char *)e->value;
    locust__buf_puts(out, "{\"$regularExpression\": {\"pattern\": ");
    locust__json_put(out, pattern);
    locust__buf_puts(out, ", \"options\": ");
    locust__json_put(out, pattern + strlen(pattern) + 1);
    locust__buf_puts(out, "}}");
}

/* Writes a string's value, its length in front, between two texts. */
static void locust__extjson_put_string(
    locust__buf *out, const char *before, const unsigned char *p, const char *behind)
{
    locust__buf_puts(out, before);
    locust__json_put_view(out, (locust__view){(const char *)p + 4, locust__bson_u32(p) - 1});
    locust__buf_puts(out, behind);
}

/* Writes a value that holds no further ones. */
static void locust__extjson_put_value(locust__buf *out, const locust__bson_element *e)
{
    const unsigned char *p = e->value;
    char text[LOCUST__DECIMAL_TEXT];
    switch ((enum locust__bson_type)e->type) {
    case LOCUST__BSON_DOUBLE:
        locust__extjson_put_double(out, locust__bson_double(p));
        break;
    case LOCUST__BSON_STRING:
        locust__extjson_put_string(out, "", p, "");
        break;
    case LOCUST__BSON_BINARY:
        locust__extjson_put_binary(out, e);
        break;
    case LOCUST__BSON_UNDEFINED:
        locust__buf_puts(out, "{\"$undefined\": true}");
        break;
    case LOCUST__BSON_OBJECT_ID:
        locust__extjson_put_id(out, p);
        break;
    case LOCUST__BSON_BOOL:
        locust__buf_puts(out, *p ? "true" : "false");
        break;
    case LOCUST__BSON_DATE:
        locust__extjson_put_date(out, (int64_t)locust__bson_u64(p));
        break;
    case LOCUST__BSON_NULL:
        locust__buf_puts(out, "null");
        break;
    case LOCUST__BSON_REGEX:
        locust__extjson_put_regex(out, e);
        break;
    case LOCUST__BSON_DB_POINTER:
        locust__extjson_put_string(out, "{\"$dbPointer\": {\"$ref\": ", p, ", \"$id\": ");
        locust__extjson_put_id(out, p + e->len - 12);
        locust__buf_puts(out, "}}");
        break;
    case LOCUST__BSON_CODE:
        locust__extjson_put_string(out, "{\"$code\": ", p, "}");
        break;
    case LOCUST__BSON_SYMBOL:
        locust__extjson_put_string(out, "{\"$symbol\": ", p, "}");
        break;
    case LOCUST__BSON_INT32:
    case LOCUST__BSON_INT64:
        locust__buf_printf(out, "%lld", (long long)locust__bson_int(e, 0));
        break;
    case LOCUST__BSON_TIMESTAMP:
        locust__buf_printf(out, "{\"$timestamp\": {\"t\": %lu, \"i\": %lu}}",
            (unsigned long)locust__bson_u32(p + 4), (unsigned long)locust__bson_u32(p));
        break;
    case LOCUST__BSON_DECIMAL:
        locust__decimal_format(p, text);
        locust__buf_printf(out, "{\"$numberDecimal\": \"%s\"}", text);
        break;
    case LOCUST__BSON_MAX_KEY:
    case LOCUST__BSON_MIN_KEY:
        locust__buf_printf(out, "{\"$%sKey\": 1}", e->type == LOCUST__BSON_MAX_KEY ? "max" : "min");
        break;
    case LOCUST__BSON_DOCUMENT: // these hold others
    case LOCUST__BSON_ARRAY:
    case LOCUST__BSON_CODE_SCOPE:
        break;
    }
}

/* Writes a valid document. */
static void locust__extjson_put(locust__buf *out, const unsigned char *document)
{
    locust__locale was = locust__locale_enter();
    unsigned char kinds[LOCUST__BSON_DEPTH] = {LOCUST__BSON_DOCUMENT}; // of the open documents
    locust__bson_element e = locust__bson_first(document);
    int depth = 1;
    bool first = true;
    locust__buf_puts(out, "{");
    while (!out->failed) {
        if (!e.type) {                                                   // the end of the innermost
            const unsigned char *behind = (const unsigned char *)e.name; // its terminator's
            unsigned kind = kinds[--depth];
            locust__buf_puts(out, kind == LOCUST__BSON_ARRAY        ? "]"
                                  : kind == LOCUST__BSON_CODE_SCOPE ? "}}"
                                                                    : "}");
            if (!depth)
                break;
            first = false;
            e = locust__bson_at(behind);
            continue;
        }
        if (!first)
            locust__buf_puts(out, ", ");
        if (kinds[depth - 1] != LOCUST__BSON_ARRAY) {
            locust__json_put(out, e.name);
            locust__buf_puts(out, ": ");
        }
        first = e.type == LOCUST__BSON_DOCUMENT || e.type == LOCUST__BSON_ARRAY ||
                e.type == LOCUST__BSON_CODE_SCOPE;
        if (!first) {
            locust__extjson_put_value(out, &e);
            e = locust__bson_next(&e);
            continue;
        }
        kinds[depth++] = (unsigned char)e.type;
        if (e.type == LOCUST__BSON_CODE_SCOPE) {
            locust__extjson_put_string(out, "{\"$code\": ", e.value + 4, ", \"$scope\": ");
            e.value += 8 + locust__bson_u32(e.value + 4);
        }
        locust__buf_puts(out, kinds[depth - 1] == LOCUST__BSON_ARRAY ? "[" : "{");
        e = locust__bson_first(e.value);
    }
    locust__locale_leave(was);
}
