/* ============================================================================================
 * >>url  URLs and origins
 *
 * Purpose     take a URL apart; write a request's target as it goes over the wire; find the page
 *             that a reference means; the servers (origins) that a test talks to.
 * Names       locust__origin_ locust__url_
 * Sources     RFC 3986; requests, Locust's client, for what is escaped: all but reserved and
 *             unreserved characters and '%'.
 * Limits      hosts of up to 253 bytes, as DNS has them.
 * ============================================================================================ */

typedef struct locust__url {                    // views into the text
    locust__view scheme, user_info, host, rest; // rest: path and query, without fragment
    int port;                                   // 0: none given
} locust__url;

/* Splits scheme://[user@]host[:port][rest]. Whoever takes the scheme knows whether it is a good
 * one. */
static locust_error locust__url_parse(const char *text, locust__url *url)
{
    const char *p = strstr(text, "://"), *end, *at;
    memset(url, 0, sizeof *url);
    if (!p || p == text)
        return LOCUST_ERR_URL;
    url->scheme = (locust__view){text, (size_t)(p - text)};
    p += 3;
    end = p + strcspn(p, "/?#");
    for (at = end; at > p && at[-1] != '@';)
        at--;
    if (at > p) {
        url->user_info = (locust__view){p, (size_t)(at - 1 - p)};
        p = at;
    }
    if (*p == '[') { // an IPv6 literal
        const char *close = memchr(p, ']', (size_t)(end - p));
        char address[INET6_ADDRSTRLEN];
        struct in6_addr unused;
        size_t len = close ? (size_t)(close - p - 1) : sizeof address;
        if (len >= sizeof address)
            return LOCUST_ERR_URL;
        memcpy(address, p + 1, len);
        address[len] = '\0';
        if (inet_pton(AF_INET6, address, &unused) != 1)
            return LOCUST_ERR_URL;
        url->host = (locust__view){p + 1, (size_t)(close - p - 1)};
        p = close + 1;
    } else {
        const char *colon = memchr(p, ':', (size_t)(end - p));
        url->host = (locust__view){p, (size_t)((colon ? colon : end) - p)};
        p = colon ? colon : end;
    }
    if (!url->host.len || url->host.len > 253 || (p < end && *p != ':'))
        return LOCUST_ERR_URL;
    if (p < end && end - p == 1) // "host:" has the default port
        p = end;
    if (p < end) {
        int64_t port = locust__number_of((locust__view){p + 1, (size_t)(end - p - 1)});
        if (port < 1 || port > 65535)
            return LOCUST_ERR_URL;
        url->port = (int)port;
    }
    for (size_t i = 0; i < url->host.len; i++) // reg-name, RFC 3986 3.2.2; the literal was checked
        if (!locust__text_is_alnum(url->host.ptr[i]) &&
            !strchr("-._~!$&'()*+,;=%:", url->host.ptr[i]))
            return LOCUST_ERR_URL;
    url->rest = (locust__view){end, strcspn(end, "#")};
    return LOCUST_OK;
}

/* Appends one byte as %XX. */
static void locust__url_add_escaped(locust__buf *out, char c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char text[3] = {'%', hex[(unsigned char)c >> 4], hex[c & 15]};
    locust__buf_add_tight(out, text, 3);
}

/* Appends text as it is sent in a target: percent-encoded where it must be, the fragment
 * dropped. */
static void locust__url_add(locust__buf *out, locust__view text)
{
    // A bit for each ASCII character but controls, DEL and "#<>\^`{|} and the blank.
    static const uint64_t plain[2] = {0xAFFFFFF200000000u, 0x47FFFFFEAFFFFFFFu};
    size_t i = 0;
    if (!locust__buf_reserve_tight(out, text.len + 2))
        return;
    while (i < text.len && text.ptr[i] != '#') {
        size_t from = i;
        for (; i < text.len; i++) {
            unsigned char c = (unsigned char)text.ptr[i];
            if (c >= 128 || !(plain[c / 64] >> c % 64 & 1))
                break;
        }
        locust__buf_add_tight(out, text.ptr + from, i - from);
        if (i < text.len && text.ptr[i] != '#')
            locust__url_add_escaped(out, text.ptr[i++]);
    }
}

/* Appends text as application/x-www-form-urlencoded (WHATWG URL 5.2): a blank becomes '+'. */
static void locust__url_add_form(locust__buf *out, const char *text)
{
    for (; *text; text++) {
        bool plain = locust__text_is_digit(*text) ||
                     (locust__text_lower(*text) >= 'a' && locust__text_lower(*text) <= 'z') ||
                     strchr("-._~", *text);
        if (plain || *text == ' ')
            locust__buf_add_tight(out, plain ? text : "+", 1);
        else
            locust__url_add_escaped(out, *text);
    }
}

/* Appends name=value&name=value, with `lead` in front of the first. */
static void locust__url_add_pairs(locust__buf *out, const locust_pair *pairs, const char *lead)
{
    for (; pairs && pairs->name; pairs++, lead = "&") {
        locust__buf_add_tight(out, lead, strlen(lead));
        locust__url_add_form(out, pairs->name);
        locust__buf_add_tight(out, "=", 1);
        locust__url_add_form(out, pairs->value ? pairs->value : "");
    }
}

/* Appends a request target: path and query of a host, then those of a request, then its parameters.
 */
static void locust__url_add_target(
    locust__buf *out, const char *prefix, const char *path, const locust_pair *params)
{
    size_t start = out->len;
    if (*prefix != '/' && (*prefix || *path != '/')) // a target begins with one
        locust__buf_add_tight(out, "/", 1);
    locust__url_add(out, locust__view_of(prefix));
    locust__url_add(out, locust__view_of(path));
    if (params && !out->failed)
        locust__url_add_pairs(
            out, params, memchr(out->ptr + start, '?', out->len - start) ? "&" : "?");
}

/* Is it an absolute URL? "/a?to=http://b" is not: the scheme comes first. */
static bool locust__url_is_absolute(const char *url)
{
    const char *scheme = *url == '/' ? NULL : strstr(url, "://"); // most are paths
    return scheme && (size_t)(scheme - url) < strcspn(url, "/?#");
}

/* Removes the segments "." and ".." from the path that begins at `at`, RFC 3986 5.2.4. */
static void locust__url_remove_dots(locust__buf *url, size_t at)
{
    char *p = url->ptr + at, *to = p, *end = url->ptr + url->len;
    char *query = memchr(p, '?', (size_t)(end - p)), *stop = query ? query : end;
    while (p < stop) {
        size_t n = 1;
        while (p + n < stop && p[n] != '/')
            n++;
        if (n == 2 && p[1] == '.') {
            if (p + n == stop)
                *to++ = '/';
        } else if (n == 3 && p[1] == '.' && p[2] == '.') {
            while (to > url->ptr + at && *--to != '/')
                ;
            if (p + n == stop)
                *to++ = '/';
        } else {
            memmove(to, p, n);
            to += n;
        }
        p += n;
    }
    memmove(to, stop, (size_t)(end - stop));
    url->len = (size_t)(to - url->ptr) + (size_t)(end - stop);
}

/* Writes the URL that `reference` means on the page `base`, an absolute http URL: RFC 3986
 * 5.2.2. */
static locust_error locust__url_resolve(locust__buf *out, const char *base, const char *reference)
{
    locust__url url;
    locust_error error = locust__url_parse(base, &url);
    size_t scheme = strcspn(reference, ":/?#"), path;
    if (error)
        return error;
    if (reference[scheme] == ':') { // absolute
        locust__buf_add(out, reference, strcspn(reference, "#"));
    } else if (reference[0] == '/' && reference[1] == '/') {
        locust__buf_add(out, base, url.scheme.len + 1);
        locust__buf_add(out, reference, strcspn(reference, "#"));
    } else {
        path = strcspn(url.rest.ptr, "?#");
        locust__buf_add(out, base, (size_t)(url.rest.ptr - base));
        if (*reference == '?' || *reference == '#' || !*reference) { // the path stays as it is
            locust__buf_add(out, url.rest.ptr, *reference == '?' ? path : url.rest.len);
            locust__buf_add(out, reference, strcspn(reference, "#"));
            return out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
        }
        if (*reference != '/') {
            while (path && url.rest.ptr[path - 1] != '/')
                path--;
            locust__buf_add(out, path ? url.rest.ptr : "/", path ? path : 1);
        }
        locust__buf_add(out, reference, strcspn(reference, "#"));
    }
    locust__buf_add(out, "", 1);
    if (out->failed)
        return LOCUST_ERR_MEMORY;
    out->len--;
    if (locust__url_parse(out->ptr, &url) == LOCUST_OK)
        locust__url_remove_dots(out, (size_t)(url.rest.ptr - out->ptr));
    return LOCUST_OK;
}

/* A server as connections see it: scheme, host and port. A test has one of each. */
typedef struct locust__origin {
    struct locust__origin *next;
    int port;
    bool secure;            // https
    bool heads_have_bodies; // it was seen to answer a HEAD with a body
    char *url;              // scheme://host[:port], whose end is
    char *authority;        // host[:port], for the field Host
    char host[];            // without the brackets of an IPv6 literal
} locust__origin;

/* The origin of an http or https URL, made if it is new. NULL: no memory. */
static locust__origin *locust__origin_of(
    locust__origin **first, locust__arena *arena, const locust__url *url, bool secure)
{
    int usual = secure ? 443 : 80, port = url->port ? url->port : usual;
    locust__origin *origin;
    size_t len = url->host.len;
    const char *format = memchr(url->host.ptr, ':', len) ? "[%.*s]" : "%.*s";
    int n;
    for (origin = *first; origin; origin = origin->next)
        if (origin->port == port && origin->secure == secure &&
            locust__view_is_nocase(url->host, origin->host))
            return origin;
    origin = locust__arena_zalloc(arena, sizeof *origin + 2 * len + 24);
    if (!origin)
        return NULL;
    memcpy(origin->host, url->host.ptr, len);
    origin->port = port;
    origin->secure = secure;
    origin->url = origin->host + len + 1;
    memcpy(origin->url, secure ? "https://" : "http://", secure ? 8 : 7);
    origin->authority = origin->url + (secure ? 8 : 7);
    n = snprintf(origin->authority, len + 3, format, (int)len, url->host.ptr);
    if (port != usual) // RFC 9110 7.2: the default port may be left out
        snprintf(origin->authority + n, 8, ":%d", port);
    origin->next = *first;
    *first = origin;
    return origin;
}

/* Appends text, percent-decoded: user:password of a URL. */
static void locust__url_decode(locust__buf *out, locust__view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int code = c == '%' && i + 2 < text.len ? locust__number_hex(text.ptr + i + 1, 2) : -1;
        if (code >= 0) {
            c = (char)code;
            i += 2;
        }
        locust__buf_add(out, &c, 1);
    }
}
