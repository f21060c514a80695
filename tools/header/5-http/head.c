/* ============================================================================================
 * >>head  heads of HTTP/1.1 messages
 *
 * Purpose     what the heads of requests and responses have in common: tokens, lists, field lines,
 *             and the fields that say how long the body is and whether the connection persists.
 * Invariants  a message that is framed in two ways is refused. Nothing is read behind `end`, and a
 *             head that lacks its last byte is never taken for a whole one.
 * Cost        one pass over the head, eight bytes at a time, that checks and copies.
 * Names       locust__http_ locust__body_
 * Sources     RFC 9112: 2.2 (line ends), 5 (fields), 6.3 (body length), 9.3 (persistence).
 *             RFC 9110: 5.5, 5.6 (values, tokens, lists).
 * Limits      lines may end in a bare LF (RFC 9112 2.2).
 *
 *   a parser copies the fields, so that they can be handed out as C strings:
 *
 *     name \0 value \0  name \0 value \0  \0
 * ============================================================================================ */

typedef struct locust__http_framing { // what the fields say of the body and the connection
    int minor;                        // of HTTP/1.x
    bool keep, close;                 // Connection has keep-alive, close
    bool chunked, coded;              // Transfer-Encoding: there is one; it is not just "chunked"
    bool sized;                       // there is a Content-Length
    int64_t length;
} locust__http_framing;

enum locust__body { // how the body of a message ends
    LOCUST__BODY_NONE,
    LOCUST__BODY_SIZED,
    LOCUST__BODY_CHUNKED,
    LOCUST__BODY_CLOSE
};

/* tchar, RFC 9110 5.6.2. The table has a bit for each ASCII character. */
static bool locust__http_token_char(char c)
{
    static const uint64_t bits[2] = {0x03FF6CFA00000000u, 0x57FFFFFFC7FFFFFEu};
    unsigned char u = (unsigned char)c;
    return u < 128 && (bits[u / 64] >> u % 64 & 1);
}

/* How many token characters the text begins with. Nearly all are letters, which need no table. */
static inline size_t locust__http_token_len(locust__view v)
{
    const char *p = v.ptr, *end = p + v.len;
    while (p < end && ((unsigned char)((*p | 0x20) - 'a') < 26 || locust__http_token_char(*p)))
        p++;
    return (size_t)(p - v.ptr);
}

static bool locust__http_is_token(locust__view v)
{
    return v.len > 0 && locust__http_token_len(v) == v.len;
}

/* Sets the top bit of each of eight bytes that needs a closer look: in a field name all but letters
 * and hyphens, in a value control characters alone (bytes from 128 on are plain there). The
 * additions work on seven bits a byte, so that none carries into the next byte. */
static inline uint64_t locust__http_others(uint64_t word, bool in_name)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones * 0x80, low = word & ~tops;
    const uint64_t lower = low | ones * 0x20;
    const uint64_t from_a = lower + ones * (0x80 - 'a'), past_z = lower + ones * (0x7F - 'z');
    const uint64_t not_hyphen = (low ^ ones * '-') + ones * 0x7F;
    const uint64_t from_space = low + ones * (0x80 - ' '),
                   not_del = (low ^ ones * 0x7F) + ones * 0x7F;
    return in_name ? (((~from_a | past_z) & not_hyphen) | word) & tops
                   : ~((from_space & not_del) | word) & tops;
}

/* field-content, RFC 9110 5.5: no control character but HTAB. */
static inline bool locust__http_value_char(char c)
{
    return (unsigned char)c >= ' ' ? c != 127 : c == '\t';
}

static bool locust__http_is_value(locust__view v)
{
    for (size_t i = 0; i < v.len;) {
        uint64_t word;
        if (i + 8 <= v.len) {
            memcpy(&word, v.ptr + i, 8);
            if (!locust__http_others(word, false)) {
                i += 8;
                continue;
            }
        }
        if (!locust__http_value_char(v.ptr[i++]))
            return false;
    }
    return true;
}

static bool locust__http_blank(char c) // OWS, RFC 9110 5.6.3
{
    return c == ' ' || c == '\t';
}

static locust__view locust__http_trim(locust__view v)
{
    const char *p = v.ptr, *end = p + v.len;
    while (p < end && locust__http_blank(*p))
        p++;
    while (p < end && locust__http_blank(end[-1]))
        end--;
    return (locust__view){p, (size_t)(end - p)};
}

/* Takes the next element off a comma-separated list. False: the list has ended. */
static bool locust__http_next(locust__view *list, locust__view *element)
{
    const char *p = list->ptr;
    size_t n = 0;
    if (!p)
        return false;
    while (n < list->len && p[n] != ',') // elements are too short for memchr to pay
        n++;
    *element = (locust__view){p, n};
    *list = n < list->len ? (locust__view){p + n + 1, list->len - n - 1} : (locust__view){NULL, 0};
    *element = locust__http_trim(*element);
    return true;
}

/* The length of a head with its empty line; 0: it is not complete. *scanned is 0 at first; it lets
 * the next look begin where this one ended. */
static size_t locust__http_head_end(const char *p, size_t n, size_t *scanned)
{
    size_t at = *scanned;
    while (at < n) {
        const char *lf = memchr(p + at, '\n', n - at);
        size_t next;
        if (!lf)
            break;
        next = (size_t)(lf - p) + 1;
        if (next < n && p[next] == '\n')
            return next + 1;
        if (next + 1 < n && p[next] == '\r' && p[next + 1] == '\n')
            return next + 2;
        if (next + 1 >= n) { // what follows this LF has still to come
            *scanned = next - 1;
            return 0;
        }
        at = next;
    }
    *scanned = n;
    return 0;
}

/* Copies the bytes that a name or a value may hold. *from stops at the first other byte. Returns
 * the end of the copy. It writes eight bytes at a time, so bytes behind the copy may change, but
 * never more bytes in all than there were up to `end`. */
static inline char *locust__http_copy(const char **from, const char *end, char *to, bool in_name)
{
    const char *p = *from;
    for (;;) {
        if (end - p >= 8) {
            uint64_t word, others;
            size_t n;
            memcpy(&word, p, 8);
            memcpy(to, &word, 8);
            others = locust__http_others(word, in_name);
            n = others ? locust__text_first_top(others) : 8;
            p += n;
            to += n;
            if (n == 8)
                continue;
        }
        if (p == end || !(in_name ? locust__http_token_char(*p) : locust__http_value_char(*p)))
            break;
        *to++ = *p++;
    }
    *from = p;
    return to;
}

/* Takes the end of a line: CRLF, or LF alone (RFC 9112 2.2). */
static inline bool locust__http_line_end(const char **from, const char *end)
{
    const char *p = *from;
    if (p < end && *p == '\r')
        p++;
    if (p == end || *p != '\n')
        return false;
    *from = p + 1;
    return true;
}

/* Copies the rest of a line without the blanks around it, and takes the line's end. Returns the end
 * of the copy; NULL: the line has a byte that a value may not have. */
static inline char *locust__http_copy_line(const char **from, const char *end, char *to)
{
    char *start = to;
    while (*from < end && locust__http_blank(**from))
        ++*from;
    to = locust__http_copy(from, end, to, false);
    while (to > start && locust__http_blank(to[-1]))
        to--;
    return locust__http_line_end(from, end) ? to : NULL;
}

/* Content-Length = 1*DIGIT */
static bool locust__http_one_length(locust__http_framing *f, locust__view digits)
{
    int64_t length = locust__number_of(digits);
    if (length < 0 || length == INT64_MAX || (f->sized && f->length != length))
        return false;
    f->sized = true;
    f->length = length;
    return true;
}

/* A list that repeats one number means that number, RFC 9112 6.3. */
static bool locust__http_length(locust__http_framing *f, locust__view value)
{
    locust__view element;
    if (locust__http_one_length(f, value)) // nearly always
        return true;
    while (locust__http_next(&value, &element))
        if (!locust__http_one_length(f, element))
            return false;
    return true;
}

/* Compares a name or value of at least 8 bytes with `lower` (same length, a-z and '-' only),
 * ignoring case. Setting bit 0x20 is enough: no other byte of a name or value becomes a letter or
 * hyphen by it. */
static bool locust__http_is_name(locust__view name, const char *lower)
{
    for (size_t i = 0;;) {
        uint64_t word, want;
        memcpy(&word, name.ptr + i, 8);
        memcpy(&want, lower + i, 8);
        if ((word | 0x2020202020202020u) != want)
            return false;
        if (i + 8 == name.len)
            return true;
        i = i + 16 <= name.len ? i + 8 : name.len - 8; // the last eight may overlap those before
    }
}

/* Notes what a field says of the body or the connection. */
static inline locust_error locust__http_note_field(
    locust__http_framing *f, locust__view name, locust__view value)
{
    locust__view element;
    if (name.len == 14 && locust__http_is_name(name, "content-length")) {
        if (!locust__http_length(f, value))
            return LOCUST_ERR_HTTP_LENGTH;
    } else if (name.len == 17 && locust__http_is_name(name, "transfer-encoding")) {
        if (f->chunked || !locust__view_is_nocase(value, "chunked"))
            f->coded = true; // we know no other coding
        f->chunked = true;
    } else if (name.len == 10 && locust__http_is_name(name, "connection")) {
        if (value.len == 10 && locust__http_is_name(value, "keep-alive")) { // the usual value
            f->keep = true;
            return LOCUST_OK;
        }
        while (locust__http_next(&value, &element)) {
            f->close |= locust__view_is_nocase(element, "close");
            f->keep |= locust__view_is_nocase(element, "keep-alive");
        }
    }
    return LOCUST_OK;
}

/* obs-fold, RFC 9112 5.2: appends the lines that continue a value, which ends at `to`, with a blank
 * for each line's end. NULL: a line has a forbidden byte, or the field frames the message. */
LOCUST__APART static char *locust__http_unfold(
    const char **from, const char *end, locust__view name, const char *value, char *to)
{
    while (*from < end && locust__http_blank(**from)) {
        char *more = to + (to > value); // leaves room for the blank
        char *more_end = locust__http_copy_line(from, end, more);
        if (!more_end || locust__view_is_nocase(name, "content-length") ||
            locust__view_is_nocase(name, "transfer-encoding"))
            return NULL;
        if (more_end == more)
            continue; // an empty line adds nothing: blanks around a value are not part of it
        if (more > to)
            *to = ' ';
        to = more_end;
    }
    return to;
}

/* Takes one field line, field-name ":" OWS field-value OWS, and copies name and value to *to, each
 * with a '\0'. The views are of the copies. */
static inline locust_error locust__http_field_line(
    const char **from, const char *end, char **to, locust__view *name, locust__view *value)
{
    const char *p = *from;
    char *at = *to;
    name->ptr = at;
    at = locust__http_copy(&p, end, at, true);
    name->len = (size_t)(at - name->ptr);
    if (!name->len || p == end || *p != ':') // no space goes before the colon, RFC 9112 5.1
        return LOCUST_ERR_HTTP_FIELD;
    p++;
    *at++ = '\0';
    value->ptr = at;
    at = locust__http_copy_line(&p, end, at);
    if (at && p < end && locust__http_blank(*p))
        at = locust__http_unfold(&p, end, *name, value->ptr, at);
    if (!at)
        return LOCUST_ERR_HTTP_FIELD;
    value->len = (size_t)(at - value->ptr);
    *at++ = '\0';
    *to = at;
    *from = p;
    return LOCUST_OK;
}

/* After the last field: refuses a message that is framed in two ways, or in one that we lack. */
static inline locust_error locust__http_check_framing(const locust__http_framing *f)
{
    if (f->chunked && f->sized)
        return LOCUST_ERR_HTTP_LENGTH_TWICE;
    return f->coded ? LOCUST_ERR_HTTP_ENCODING : LOCUST_OK;
}

/* Does the connection persist after a message whose body ends that way? RFC 9112 9.3. */
static bool locust__http_persists(const locust__http_framing *f, enum locust__body kind)
{
    return kind != LOCUST__BODY_CLOSE && !f->close && (f->minor >= 1 || (f->keep && !f->chunked));
}

/* Steps through copied fields, as in the picture above. False: there is no further one. */
static bool locust__http_next_copied(const char **at, const char **name, const char **value)
{
    if (!**at)
        return false;
    *name = *at;
    *value = *name + strlen(*name) + 1;
    *at = *value + strlen(*value) + 1;
    return true;
}
