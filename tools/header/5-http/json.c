/* ============================================================================================
 * >>json  JSON, read and written
 *
 * Purpose     finds a value of a JSON text by its path, checks a whole text, and writes strings.
 * Invariants  whatever the text is, nothing is read outside it.
 * Cost        a search is one pass up to an element, or through the object that a key is looked for
 *             in. Nothing is allocated.
 * Names       locust__json_
 * Sources     RFC 8259 (JSON); RFC 6901 (JSON Pointer).
 * Limits      a search skips containers by their brackets, without a check; locust__json_is_valid
 *             checks all, up to 512 levels. Of several members with one key, a search finds the
 *             last, as Python's and JavaScript's parsers do (RFC 8259 4 leaves it open).
 *
 *   a path:  name.list[2].name   or  [0].name   or  ""  for the whole
 *   a pointer, a path that begins with '/', as in RFC 6901:  /name/list/2/name
 *   It can name any key: "a.b" is /a.b, "a/b" is /a~1b, "a~b" is /a~0b.
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

/* Writes a code point in UTF-8; returns how many bytes. */
static size_t locust__json_utf8(char *out, long code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 63));
    out[0] = (char)(n == 1 ? code : (0xF00 >> n & 0xFF) | code);
    return (size_t)n;
}

/* The code of the \u whose backslash is at i; -1: there is none. */
static long locust__json_code(locust__view v, size_t i)
{
    return v.len - i >= 6 && v.ptr[i] == '\\' && v.ptr[i + 1] == 'u'
               ? locust__number_hex(v.ptr + i + 2, 4)
               : -1;
}

/* Takes a character off a string's inside, from *i on, decoded: 1 to 4 bytes of UTF-8, of which
 * those that are no escape come one by one. Half of a surrogate pair is U+FFFD. 0: no escape is
 * written so. */
static size_t locust__json_char(locust__view v, size_t *i, char out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    long code = locust__json_code(v, *i), low;
    const char *at;
    if (code < 0) {
        out[0] = v.ptr[(*i)++];
        if (out[0] != '\\')
            return 1;
        at = *i < v.len && v.ptr[*i] ? strchr(from, v.ptr[*i]) : NULL;
        if (!at)
            return 0;
        out[0] = to[at - from];
        ++*i;
        return 1;
    }
    *i += 6;
    if (code >= 0xD800 && code < 0xE000) {
        low = code < 0xDC00 ? locust__json_code(v, *i) : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            *i += 6;
            code = 0x10000 + (code - 0xD800) * 1024 + low - 0xDC00;
        } else {
            code = 0xFFFD;
        }
    }
    return locust__json_utf8(out, code);
}

/* Decodes a string with its quotes into out[size]. False: it is not a string, a C string cannot
 * hold it, or it does not fit. */
static bool locust__json_decode(locust__view v, char *out, size_t size)
{
    size_t n = 0, len;
    char text[4];
    if (v.len < 2 || *v.ptr != '"' || !size)
        return false;
    v = (locust__view){v.ptr + 1, v.len - 2};
    for (size_t i = 0; i < v.len; n += len) {
        len = locust__json_char(v, &i, text);
        if (!len || !*text || n + len >= size)
            return false;
        memcpy(out + n, text, len);
    }
    out[n] = '\0';
    return true;
}

/* Is a name of a path, `~` of a pointer decoded, the key whose inside is `inside`? */
static bool locust__json_is_key(locust__view inside, locust__view name, bool pointer)
{
    size_t at = 0, len;
    char text[4], want;
    for (size_t i = 0; i < inside.len;) {
        len = locust__json_char(inside, &i, text);
        for (size_t k = 0; k < len; k++) {
            if (at == name.len)
                return false;
            want = name.ptr[at++];
            if (pointer && want == '~') { // RFC 6901 4
                if (at == name.len || (name.ptr[at] != '0' && name.ptr[at] != '1'))
                    return false;
                want = name.ptr[at++] == '1' ? '/' : '~';
            }
            if (text[k] != want)
                return false;
        }
        if (!len)
            return false;
    }
    return at == name.len;
}

/* Takes the first name off a path. *index: what it says of an array, -1: it is no index. False: it
 * is no path. */
static bool locust__json_name(const char **path, bool pointer, locust__view *name, int64_t *index)
{
    bool bracket = !pointer && **path == '[';
    const char *at = *path + (pointer || bracket || **path == '.'), *digits = at;
    size_t n = strcspn(at, pointer ? "/" : bracket ? "]" : ".[");
    bool zeros = pointer && n > 1 && *at == '0'; // RFC 6901 4
    *index = (pointer || bracket) && !zeros ? locust__number_whole(&digits) : -1;
    if (digits != at + n)
        *index = -1;
    *name = (locust__view){at, n};
    *path = at + n + bracket;
    return pointer || (n && (!bracket || (at[n] == ']' && *index >= 0)));
}

/* Replaces a container by its member or element that *path names first, and moves *path behind that
 * name. False: there is none. */
static bool locust__json_step(locust__view *value, const char **path, bool pointer)
{
    const char *p = value->ptr + 1, *end = value->ptr + value->len, *stop;
    bool array = value->len && *value->ptr == '[', bracket = **path == '[';
    locust__view name, found = {NULL, 0};
    int64_t index;
    if (!locust__json_name(path, pointer, &name, &index) || !value->len ||
        (!array && *value->ptr != '{') || (array ? index < 0 : bracket))
        return false;
    for (;; p = stop + 1) {
        bool here = array && index-- == 0;
        p = locust__json_blank(p, end);
        if (!array) {
            stop = p < end && *p == '"' ? locust__json_string_end(p, end) : NULL;
            if (!stop)
                break;
            here =
                locust__json_is_key((locust__view){p + 1, (size_t)(stop - p) - 2}, name, pointer);
            p = locust__json_blank(stop, end);
            if (p == end || *p != ':')
                break;
            p = locust__json_blank(p + 1, end);
        }
        stop = locust__json_value_end(p, end);
        if (!stop)
            break;
        if (here)
            found = (locust__view){p, (size_t)(stop - p)};
        stop = locust__json_blank(stop, end);
        if ((here && array) || stop == end || *stop != ',')
            break;
    }
    if (!found.ptr)
        return false;
    *value = found;
    return true;
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
    for (bool pointer = *path == '/'; *path;)
        if (!locust__json_step(value, &path, pointer))
            return false;
    return true;
}

/* How many elements or members it has. False: it is no array or object, or is broken. */
static bool locust__json_count(locust__view v, size_t *n)
{
    const char *p = NULL;
    locust__view key, value;
    if (!v.len || (*v.ptr != '[' && *v.ptr != '{') || !locust__json_is_valid(v))
        return false;
    for (*n = 0; *v.ptr == '[' ? locust__json_element(v, &p, &value)
                               : locust__json_member(v, &p, &key, &value);)
        ++*n;
    return true;
}

/* The value of a number that is whole and fits, exactly: of 9007199254740993, -7.0 and 12e3. */
static bool locust__json_int(locust__view v, int64_t *out)
{
    bool minus = v.len && *v.ptr == '-';
    uint64_t most = (uint64_t)INT64_MAX + minus, sum = 0;
    int64_t keep = 0, n = 0; // digits before the point, and all
    size_t i, from = minus, point;
    if (!locust__json_is_number(v))
        return false;
    point = locust__json_digits(v, from);
    i = point < v.len && v.ptr[point] == '.' ? locust__json_digits(v, point + 1) : point;
    if (i < v.len) { // the exponent
        bool down = v.ptr[i + 1] == '-', sign = down || v.ptr[i + 1] == '+';
        const char *digits = v.ptr + i + 1 + sign;
        for (; digits < v.ptr + v.len; digits++)
            keep = locust__number_push(keep, *digits);
        keep = keep > INT64_MAX / 2 ? INT64_MAX / 2 : keep; // more would be no more
        keep = down ? -keep : keep;
    }
    keep += (int64_t)(point - from);
    for (size_t k = from; k < i || (sum && n < keep); k++) {
        unsigned digit = k < i ? (unsigned)(v.ptr[k] - '0') : 0;
        if (k == point && k < i)
            continue;
        if (n++ >= keep) {
            if (digit)
                return false; // a fraction
        } else if (sum > (most - digit) / 10) {
            return false;
        } else {
            sum = sum * 10 + digit;
        }
    }
    *out = minus ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

/* Appends the text as a JSON string. What is no UTF-8 becomes U+FFFD (RFC 8259 8.1). */
static void locust__json_put_view(locust__buf *out, locust__view text)
{
    locust__buf_puts(out, "\"");
    for (locust__view rest = text; rest.len;) {
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

static void locust__json_put(locust__buf *out, const char *text)
{
    locust__json_put_view(out, locust__view_of(text));
}
