/* ============================================================================================
 * >>request_head  the head of a request, as a server reads it
 *
 * Purpose     the request line, the target taken apart and decoded, and the fields that a server
 *             must look at before it answers.
 * Invariants  what two readers could take for two different requests is refused: see >>head for the
 *             body's length; a Host that is missing or there twice; a target with bytes that stand
 *             for others once more when decoded. A path has no NUL and no control character.
 * Cost        one copy of the head.
 * Names       locust__request_head locust__request_head_
 * Uses        >>head
 * Sources     RFC 9112 2.2, 3 (request line), 3.2 (Host, forms of a target), 6.3; RFC 9110 7.2.
 * Limits      HTTP/1.0 and 1.1. No authority-form: there is no CONNECT.
 *
 *   what is kept of a request's head, all as C strings:
 *
 *     method \0  host \0  path (decoded) \0  query (as it came) \0  name \0 value \0 ...  \0
 * ============================================================================================ */

typedef struct locust__request_head {
    locust__http_framing framing;
    const char *method, *host, *path, *query; // of kept; query: "" if there is none
    const char *fields;                       // see locust__http_next_copied
    bool expects;                             // Expect: 100-continue
} locust__request_head;

enum locust__request_head_status { // what a request that cannot be answered gets
    LOCUST__REQUEST_HEAD_GOOD = 0,
    LOCUST__REQUEST_HEAD_BAD = 400,
    LOCUST__REQUEST_HEAD_EXPECTS = 417,
    LOCUST__REQUEST_HEAD_CODING = 501,
    LOCUST__REQUEST_HEAD_VERSION = 505
};

/* The value of a field; NULL: there is none. */
LOCUST__COLD LOCUST__UNUSED static const char *locust__request_head_field(
    const locust__request_head *h, const char *name)
{
    const char *at = h->fields, *have, *value;
    while (at && locust__http_next_copied(&at, &have, &value))
        if (strcasecmp(have, name) == 0)
            return value;
    return NULL;
}

/* Copies a path, percent-decoded. NULL: it has a bad escape, or one that stands for a byte that no
 * path of ours has. */
LOCUST__COLD static char *locust__request_head_decode(locust__view text, char *to)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int code = text.len - i > 2 ? locust__number_hex(text.ptr + i + 1, 2) : -1;
            if (code < 0x20 || code == 0x7F)
                return NULL;
            c = (char)code;
            i += 2;
        }
        *to++ = c;
    }
    return to;
}

/* Takes a target apart, RFC 9112 3.2: origin-form, absolute-form or "*". False: it is none. */
LOCUST__COLD static bool locust__request_head_target(
    locust__request_head *h, locust__view target, char **to)
{
    locust__view host = {"", 0};
    const char *query;
    size_t n;
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= ' ' || (unsigned char)target.ptr[i] >= 127 ||
            target.ptr[i] == '#')
            return false;
    if (target.len > 7 && strncasecmp(target.ptr, "http://", 7) == 0) {
        target = locust__view_skip(target, 7);
        n = 0;
        while (n < target.len && target.ptr[n] != '/' && target.ptr[n] != '?')
            n++;
        host = (locust__view){target.ptr, n};
        target = locust__view_skip(target, n);
        if (!host.len || memchr(host.ptr, '@', host.len))
            return false;
        if (!target.len)
            target = (locust__view){"/", 1};
    }
    if (*target.ptr != '/' && *target.ptr != '?' && !locust__view_is(target, "*"))
        return false;
    query = memchr(target.ptr, '?', target.len);
    n = query ? (size_t)(query - target.ptr) : target.len;
    h->host = *to;
    memcpy(*to, host.ptr, host.len);
    *to += host.len;
    *(*to)++ = '\0';
    h->path = *to;
    *to = locust__request_head_decode((locust__view){target.ptr, n}, *to);
    if (!*to)
        return false;
    *(*to)++ = '\0';
    h->query = *to;
    n += query != NULL;
    memcpy(*to, target.ptr + n, target.len - n);
    *to += target.len - n;
    *(*to)++ = '\0';
    return true;
}

/* request-line = method SP request-target SP HTTP-version */
LOCUST__COLD static enum locust__request_head_status locust__request_head_line(
    locust__request_head *h, const char **from, const char *end, char **to)
{
    const char *p = *from, *stop = memchr(p, '\n', (size_t)(end - p)), *blank;
    size_t n = locust__http_token_len((locust__view){p, (size_t)(end - p)});
    if (!stop || !n || p[n] != ' ')
        return LOCUST__REQUEST_HEAD_BAD;
    h->method = *to;
    memcpy(*to, p, n);
    *to += n;
    *(*to)++ = '\0';
    p += n + 1;
    *from = stop + 1;
    stop -= stop > p && stop[-1] == '\r';
    for (blank = p; blank < stop && *blank != ' ';)
        blank++;
    if (blank == p || stop - blank != 9 || memcmp(blank + 1, "HTTP/", 5) != 0 ||
        !locust__text_is_digit(blank[6]) || blank[7] != '.' || !locust__text_is_digit(blank[8]))
        return LOCUST__REQUEST_HEAD_BAD;
    h->framing.minor = blank[8] - '0';
    if (blank[6] != '1')
        return LOCUST__REQUEST_HEAD_VERSION;
    return locust__request_head_target(h, (locust__view){p, (size_t)(blank - p)}, to)
               ? LOCUST__REQUEST_HEAD_GOOD
               : LOCUST__REQUEST_HEAD_BAD;
}

/* Is it a host with or without a port? What else it may be is for others to say. */
LOCUST__COLD static bool locust__request_head_is_host(const char *text)
{
    for (; *text; text++)
        if (!locust__text_is_alnum(*text) && !strchr("-._~!$&'()*+,;=%:[]", *text))
            return false;
    return true;
}

/* Parses a head with its empty line, and keeps it. */
LOCUST__COLD LOCUST__UNUSED static enum locust__request_head_status locust__request_head_parse(
    const char *p, size_t n, locust__request_head *h, locust__buf *kept)
{
    const char *end = p + n, *host = NULL;
    enum locust__request_head_status status;
    char *to, *fields;
    memset(h, 0, sizeof *h);
    kept->len = 0;
    if (!locust__buf_reserve(kept, n + 16))
        return LOCUST__REQUEST_HEAD_BAD;
    to = kept->ptr;
    while (p < end && (*p == '\r' || *p == '\n')) // RFC 9112 2.2: empty lines in front
        p++;
    if (p == end)
        return LOCUST__REQUEST_HEAD_BAD;
    status = locust__request_head_line(h, &p, end, &to);
    if (status)
        return status;
    fields = to;
    while (!locust__http_line_end(&p, end)) {
        locust__view name, value;
        if (p == end || locust__http_field_line(&p, end, &to, &name, &value) ||
            locust__http_note_field(&h->framing, name, value))
            return LOCUST__REQUEST_HEAD_BAD;
        if (locust__view_is_nocase(name, "host")) {
            if (host || !locust__request_head_is_host(value.ptr))
                return LOCUST__REQUEST_HEAD_BAD;
            host = value.ptr;
        } else if (locust__view_is_nocase(name, "expect")) {
            if (!locust__view_is_nocase(value, "100-continue"))
                return LOCUST__REQUEST_HEAD_EXPECTS;
            h->expects = h->framing.minor > 0;
        }
    }
    *to = '\0';
    h->fields = fields;
    if (!host && h->framing.minor > 0) // RFC 9112 3.2
        return LOCUST__REQUEST_HEAD_BAD;
    if (!*h->host && host) // else that of the target counts
        h->host = host;
    if (!locust__request_head_is_host(h->host))
        return LOCUST__REQUEST_HEAD_BAD;
    if (h->framing.coded)
        return LOCUST__REQUEST_HEAD_CODING;
    if (locust__http_check_framing(&h->framing) || (h->framing.chunked && h->framing.minor == 0))
        return LOCUST__REQUEST_HEAD_BAD;
    return LOCUST__REQUEST_HEAD_GOOD;
}
