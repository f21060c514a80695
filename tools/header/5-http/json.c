/* ============================================================================================
 * >>json  JSON, read and written
 *
 * Purpose     finds a value of a JSON text by its path, checks a whole text, and writes strings.
 * Invariants  whatever the text is, nothing is read outside it.
 * Cost        a search is one pass up to the value. Nothing is allocated.
 * Names       locust__json_
 * Sources     RFC 8259 (JSON).
 * Limits      a search compares keys as they stand in the text, escapes and all; a path cannot
 *             name a key with a dot or a bracket. It skips containers by their brackets, without
 *             a check; locust__json_is_valid checks all, up to 512 levels.
 *
 *   a path:  name.list[2].name   or  [0].name   or  ""  for the whole
 * ============================================================================================ */

/* Skips blanks. */
static const char *locust__json_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* The end of the string whose opening quote is at p; NULL: it does not end. */
static const char *locust__json_string_end(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"')
            return p + 1;
        if ((unsigned char)*p < ' ')
            return NULL;
        if (*p == '\\' && ++p == end)
            return NULL;
    }
    return NULL;
}

/* The end of the value at p; NULL: there is no value. */
static const char *locust__json_value_end(const char *p, const char *end)
{
    const char *start = p;
    int depth = 0;
    do {
        if (p == end)
            return NULL;
        if (*p == '"') {
            p = locust__json_string_end(p, end);
            if (!p)
                return NULL;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else if (depth) {
            p++;
        } else {
            while (p < end && !strchr(" \t\n\r,:{}[]\"", *p))
                p++;
        }
    } while (depth > 0);
    return depth == 0 && p > start ? p : NULL;
}

/* Steps through the members of an object; *p is NULL before the first. False: there is no further
 * one. */
static bool locust__json_member(
    locust__view object, const char **p, locust__view *key, locust__view *value)
{
    const char *end = object.ptr + object.len, *at, *stop;
    at = locust__json_blank(*p ? *p : object.ptr + 1, end);
    if (*p && at < end && *at == ',')
        at = locust__json_blank(at + 1, end);
    if (at >= end || *at != '"' || (stop = locust__json_string_end(at, end)) == NULL)
        return false;
    *key = (locust__view){at + 1, (size_t)(stop - at) - 2};
    at = locust__json_blank(stop, end);
    at = locust__json_blank(at + (at < end), end); // behind the colon
    stop = locust__json_value_end(at, end);
    if (!stop)
        return false;
    *value = (locust__view){at, (size_t)(stop - at)};
    *p = stop;
    return true;
}

/* Steps through the elements of an array; *p is NULL before the first. False: there is no further
 * one. */
static bool locust__json_element(locust__view array, const char **p, locust__view *value)
{
    const char *end = array.ptr + array.len, *at, *stop;
    if (!*p && (!array.len || *array.ptr != '['))
        return false;
    at = locust__json_blank(*p ? *p : array.ptr + 1, end);
    if (*p && at < end && *at == ',')
        at = locust__json_blank(at + 1, end);
    if (at >= end || *at == ']' || (stop = locust__json_value_end(at, end)) == NULL)
        return false;
    *value = (locust__view){at, (size_t)(stop - at)};
    *p = stop;
    return true;
}

/* Replaces a container by its member or element that *path names first, and moves *path behind that
 * name. False: there is none. */
static bool locust__json_step(locust__view *value, const char **path)
{
    const char *p = value->ptr + 1, *end = value->ptr + value->len, *stop;
    bool array = **path == '[';
    const char *key = *path + (array || **path == '.'), *digits = key;
    size_t key_len = strcspn(key, array ? "]" : ".[");
    int64_t index = array ? locust__number_whole(&digits) : 0;
    if (!value->len || *value->ptr != (array ? '[' : '{') || !key_len ||
        (array && (key[key_len] != ']' || digits != key + key_len)))
        return false;
    *path = key + key_len + array;
    for (;; p = stop + 1) {
        bool here = array && index-- == 0;
        p = locust__json_blank(p, end);
        if (!array) {
            stop = p < end && *p == '"' ? locust__json_string_end(p, end) : NULL;
            if (!stop)
                return false;
            here = (size_t)(stop - p) == key_len + 2 && memcmp(p + 1, key, key_len) == 0;
            p = locust__json_blank(stop, end);
            if (p == end || *p != ':')
                return false;
            p = locust__json_blank(p + 1, end);
        }
        stop = locust__json_value_end(p, end);
        if (!stop)
            return false;
        if (here) {
            *value = (locust__view){p, (size_t)(stop - p)};
            return true;
        }
        stop = locust__json_blank(stop, end);
        if (stop == end || *stop != ',')
            return false;
    }
}

/* Where the digits from i on end. */
static size_t locust__json_digits(locust__view v, size_t i)
{
    while (i < v.len && locust__text_is_digit(v.ptr[i]))
        i++;
    return i;
}

/* number = [ minus ] int [ frac ] [ exp ], RFC 8259 section 6 */
static bool locust__json_is_number(locust__view v)
{
    size_t from = v.len && *v.ptr == '-', i = locust__json_digits(v, from);
    if (i == from || (v.ptr[from] == '0' && i > from + 1)) // no zero goes before other digits
        return false;
    if (i < v.len && v.ptr[i] == '.') {
        from = i + 1;
        i = locust__json_digits(v, from);
        if (i == from)
            return false;
    }
    if (i < v.len && (v.ptr[i] == 'e' || v.ptr[i] == 'E')) {
        from = i + 1;
        from += from < v.len && (v.ptr[from] == '+' || v.ptr[from] == '-');
        i = locust__json_digits(v, from);
        if (i == from)
            return false;
    }
    return i == v.len;
}

/* The end of the string, number or word at p, fully checked; NULL: it is not valid. */
static const char *locust__json_scalar(const char *p, const char *end)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *stop = p;
    if (*p == '"') {
        stop = locust__json_string_end(p, end);
        for (; stop && p < stop; p++)
            if (*p == '\\') {
                int hex = *++p == 'u' ? 4 : 0;
                if (!*p || !strchr("\"\\/bfnrtu", *p) || end - p <= hex)
                    return NULL;
                if (locust__number_hex(p + 1, hex) < 0)
                    return NULL;
                p += hex;
            }
        return stop;
    }
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(end - p) >= len && memcmp(p, words[i], len) == 0)
            return p + len;
    }
    while (stop < end && (locust__text_is_digit(*stop) || (*stop && strchr("+-.eE", *stop))))
        stop++;
    return stop > p && locust__json_is_number((locust__view){p, (size_t)(stop - p)}) ? stop : NULL;
}

enum { LOCUST__JSON_DEPTH = 512 };

/* Is the text one JSON value, RFC 8259, nested no deeper than 512 levels? The levels are a stack of
 * closing brackets, so that no input can recurse. */
static bool locust__json_is_valid(locust__view text)
{
    enum { VALUE, NAME, AFTER } expects = VALUE;
    const char *p = text.ptr, *end = p + text.len;
    char closing[LOCUST__JSON_DEPTH];
    int depth = 0;
    for (;;) {
        p = locust__json_blank(p, end);
        if (expects == AFTER && !depth)
            return p == end;
        if (p == end)
            return false;
        if (expects == AFTER) {
            char close = closing[depth - 1], c = *p++;
            if (c == close)
                depth--;
            else if (c == ',')
                expects = close == '}' ? NAME : VALUE;
            else
                return false;
        } else if (expects == NAME) {
            p = *p == '"' ? locust__json_scalar(p, end) : NULL;
            p = p ? locust__json_blank(p, end) : end;
            if (p == end || *p++ != ':')
                return false;
            expects = VALUE;
        } else if (*p == '{' || *p == '[') {
            char close = *p++ == '{' ? '}' : ']';
            if (depth == LOCUST__JSON_DEPTH)
                return false;
            closing[depth++] = close;
            p = locust__json_blank(p, end);
            expects = p < end && *p == close ? AFTER : close == '}' ? NAME : VALUE;
        } else {
            p = locust__json_scalar(p, end);
            if (!p)
                return false;
            expects = AFTER;
        }
    }
}

/* Finds the value at `path` of a JSON text. False: the text ends in something else, or lacks the
 * path. */
static bool locust__json_find(locust__view text, const char *path, locust__view *value)
{
    const char *end = text.ptr + text.len, *p = locust__json_blank(text.ptr, end);
    const char *stop = locust__json_value_end(p, end);
    if (!stop || locust__json_blank(stop, end) != end)
        return false;
    *value = (locust__view){p, (size_t)(stop - p)};
    while (*path)
        if (!locust__json_step(value, &path))
            return false;
    return true;
}

/* Writes a code point in UTF-8; returns how many bytes. */
static size_t locust__json_utf8(char *out, long code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 63));
    out[0] = (char)(n == 1 ? code : (0xF00 >> n & 0xFF) | code);
    return (size_t)n;
}

/* Decodes a string with its quotes into out[size]. False: it is not a string, a C string cannot
 * hold it, or it does not fit. */
static bool locust__json_decode(locust__view v, char *out, size_t size)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t n = 0;
    if (v.len < 2 || *v.ptr != '"')
        return false;
    for (size_t i = 1; i + 1 < v.len; i++) {
        char text[4] = {v.ptr[i]};
        size_t len = 1;
        if (v.ptr[i] == '\\') {
            const char *at = v.ptr[++i] ? strchr(from, v.ptr[i]) : NULL;
            if (at) {
                text[0] = to[at - from];
            } else {
                long code =
                    v.ptr[i] == 'u' && i + 5 < v.len ? locust__number_hex(v.ptr + i + 1, 4) : -1;
                i += 4;
                if (code >= 0xD800 && code < 0xDC00 && i + 7 < v.len && v.ptr[i + 1] == '\\' &&
                    v.ptr[i + 2] == 'u') { // the first of a surrogate pair
                    long low = locust__number_hex(v.ptr + i + 3, 4);
                    code = low >= 0xDC00 && low < 0xE000
                               ? 0x10000 + (code - 0xD800) * 1024 + low - 0xDC00
                               : -1;
                    i += 6;
                }
                if (code <= 0 || (code >= 0xD800 && code < 0xE000))
                    return false; // a lone surrogate, or U+0000
                len = locust__json_utf8(text, code);
            }
        }
        if (n + len >= size)
            return false;
        memcpy(out + n, text, len);
        n += len;
    }
    if (n >= size)
        return false;
    out[n] = '\0';
    return true;
}

/* Appends the text as a JSON string. What is no UTF-8 becomes U+FFFD (RFC 8259 8.1). */
static void locust__json_put(locust__buf *out, const char *text)
{
    locust__buf_puts(out, "\"");
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        if (code == '"' || code == '\\')
            locust__buf_puts(out, "\\");
        if (code < ' ')
            locust__buf_printf(out, "\\u%04x", (unsigned)code);
        else
            locust__buf_add(out, c.ptr, c.len);
    }
    locust__buf_puts(out, "\"");
}
