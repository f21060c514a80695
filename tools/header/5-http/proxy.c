/* ============================================================================================
 * >>proxy  proxies
 *
 * Purpose     the URL of a proxy, the proxies that environment variables name, and the hosts that
 *             no_proxy excepts.
 * Names       locust__proxy_
 * Uses        >>address >>url >>head >>auth
 * Sources     curl, for http_proxy, https_proxy, all_proxy and no_proxy.
 * Limits      proxies are plain HTTP with Basic credentials. no_proxy takes ports, brackets and a *
 *             within a list too, which curl does not.
 * ============================================================================================ */

typedef struct locust__proxy {
    const char *host; // NULL: none
    int port;
    locust__view auth; // value of Proxy-Authorization, with a '\0' behind; empty: none
} locust__proxy;

typedef struct locust__proxy_env { // the proxies of the environment
    locust__proxy http, https;
    const char *exceptions; // no_proxy; NULL: none
    bool used;              // the test asked for them
} locust__proxy_env;

/* Parses [http://][user:password@]host[:port]; "" is no proxy. False: wrong, or no memory. */
static bool locust__proxy_parse(locust__proxy *proxy, locust__arena *arena, const char *text)
{
    locust__buf full = {NULL, 0, 0, false}, credentials = {NULL, 0, 0, false};
    locust__buf auth = {NULL, 0, 0, false};
    locust__url url;
    bool good;
    memset(proxy, 0, sizeof *proxy);
    if (!*text)
        return true;
    locust__buf_printf(&full, "%s%s", strstr(text, "://") ? "" : "http://", text);
    good = !full.failed && locust__url_parse(full.ptr, &url) == LOCUST_OK &&
           locust__view_is_nocase(url.scheme, "http");
    if (good) // control characters cannot be in credentials, RFC 7617 2
        locust__url_decode(&credentials, url.user_info);
    good = good && !credentials.failed &&
           locust__http_is_value((locust__view){credentials.ptr, credentials.len});
    if (good) {
        proxy->host = locust__arena_copy(arena, url.host.ptr, url.host.len);
        proxy->port = url.port ? url.port : 80;
        if (credentials.len) {
            locust__buf_add(&credentials, "", 1);
            if (!credentials.failed)
                locust__auth_basic(&auth, credentials.ptr);
            proxy->auth.ptr = auth.failed ? NULL : locust__arena_copy(arena, auth.ptr, auth.len);
            proxy->auth.len = proxy->auth.ptr ? auth.len : 0;
            good = proxy->auth.len > 0;
        }
    }
    locust__buf_free(&full);
    locust__buf_free(&credentials);
    locust__buf_free(&auth);
    return good && proxy->host;
}

/* Reads a variable as curl does: the lower-case name first. HTTP_PROXY is not read at all, because
 * the client of a CGI program can set it. */
static const char *locust__proxy_variable(const char *lower, const char *upper)
{
    const char *text = getenv(lower);
    if (!text && upper)
        text = getenv(upper);
    return text && *text ? text : NULL;
}

/* Takes over the proxies of the environment. NULL, or the text that is wrong. */
static const char *locust__proxy_env_read(locust__proxy_env *p, locust__arena *arena)
{
    const char *all = locust__proxy_variable("all_proxy", "ALL_PROXY");
    const char *http = locust__proxy_variable("http_proxy", NULL);
    const char *https = locust__proxy_variable("https_proxy", "HTTPS_PROXY");
    p->exceptions = locust__proxy_variable("no_proxy", "NO_PROXY");
    p->used = true;
    http = http ? http : all ? all : "";
    https = https ? https : all ? all : "";
    return !locust__proxy_parse(&p->http, arena, http)     ? http
           : !locust__proxy_parse(&p->https, arena, https) ? https
                                                           : NULL;
}

/* Is the address in a network such as 10.0.0.0/8, [2001:db8::]/32 or ::1? /0 is the address itself,
 * as in curl. */
static bool locust__proxy_is_in(locust__view network, const locust__addr *address)
{
    bool four = address->as.any.sa_family == AF_INET;
    int64_t all = four ? 32 : 128, bits = all;
    const char *slash = memchr(network.ptr, '/', network.len);
    char text[INET6_ADDRSTRLEN];
    const unsigned char *a, *b;
    locust__addr first;
    unsigned differ;
    if (slash) {
        locust__view digits = {slash + 1, network.len - (size_t)(slash - network.ptr) - 1};
        bits = locust__number_of(digits);
        network.len = (size_t)(slash - network.ptr);
    }
    if (network.len > 2 && *network.ptr == '[' && network.ptr[network.len - 1] == ']')
        network = (locust__view){network.ptr + 1, network.len - 2};
    if (network.len >= sizeof text || bits < 0 || bits > all)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)network.len, network.ptr);
    if (!locust__addr_parse(&first, text, 0) || first.as.any.sa_family != address->as.any.sa_family)
        return false;
    bits = bits ? bits : all;
    a = four ? (void *)&first.as.in.sin_addr : (void *)&first.as.in6.sin6_addr;
    b = four ? (const void *)&address->as.in.sin_addr : (const void *)&address->as.in6.sin6_addr;
    if (memcmp(a, b, (size_t)bits / 8) != 0)
        return false;
    differ = bits % 8 ? a[bits / 8] ^ b[bits / 8] : 0u;
    return differ >> (8 - bits % 8) == 0;
}

/* Does an element of the list except the origin? Its host is `address`, or a name of len bytes. */
static bool locust__proxy_excepts(
    locust__view e, const locust__origin *origin, size_t len, const locust__addr *address)
{
    const char *close = *e.ptr == '[' ? memchr(e.ptr, ']', e.len) : NULL;
    const char *from = close ? close : e.ptr, *end = e.ptr + e.len, *tail;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    bool six = colon && memchr(colon + 1, ':', (size_t)(end - colon) - 1);
    if (colon && !six) {
        if (locust__number_of((locust__view){colon + 1, (size_t)(end - colon) - 1}) != origin->port)
            return false;
        e.len = (size_t)(colon - e.ptr);
    }
    if (address)
        return locust__proxy_is_in(e, address);
    if (e.len && e.ptr[e.len - 1] == '.')
        e.len--;
    if (e.len && *e.ptr == '.')
        e = locust__view_skip(e, 1);
    tail = origin->host + len - (e.len < len ? e.len : len);
    return e.len && e.len <= len && strncasecmp(tail, e.ptr, e.len) == 0 &&
           (e.len == len || tail[-1] == '.');
}

/* Is the host in a list such as "localhost,.example.com 10.0.0.0/8,a.test:8080,*"? Commas or blanks
 * separate the elements. A domain stands for its hosts too, with a dot in front or without; a dot
 * at the end counts for nothing. */
static bool locust__proxy_is_exception(const char *list, const locust__origin *origin)
{
    size_t len = strlen(origin->host);
    locust__addr address;
    bool literal = locust__addr_parse(&address, origin->host, 0);
    if (!literal && origin->host[len - 1] == '.')
        len--;
    for (list = list ? list : ""; *list;) {
        locust__view element = {list, strcspn(list, ", \t")};
        list += element.len + (list[element.len] != '\0');
        if (locust__view_is(element, "*") ||
            (element.len && locust__proxy_excepts(element, origin, len, literal ? &address : NULL)))
            return true;
    }
    return false;
}
