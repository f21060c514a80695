/* -- proxies -- */

static void locust__proxy_free(locust__proxy *proxy)
{
    LOCUST_FREE(proxy->host);
    proxy->host = NULL;
    locust__buf_free(&proxy->auth);
}

/* Appends user:password of a URL, percent-decoded. */
static void locust__url_decode(locust__buf *out, locust__view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int code = c == '%' && i + 2 < text.len ? locust__base_hex(text.ptr + i + 1, 2) : -1;
        if (code >= 0) {
            c = (char)code;
            i += 2;
        }
        locust__buf_add(out, &c, 1);
    }
}

/* Parses http://[user:password@]host[:port]; without a scheme too. "": none. False: it is none. */
static bool locust__proxy_parse(locust__proxy *proxy, const char *text)
{
    locust__buf full = {NULL, 0, 0, false}, credentials = {NULL, 0, 0, false};
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
    good = good && locust__http_is_value((locust__view){credentials.ptr, credentials.len});
    if (good) {
        proxy->host = locust__base_copy(url.host.ptr, url.host.len);
        proxy->port = url.port ? url.port : 80;
        if (credentials.len) {
            locust__buf_add(&credentials, "", 1);
            if (!credentials.failed)
                locust__auth_basic(&proxy->auth, credentials.ptr);
        }
    }
    locust__buf_free(&full);
    locust__buf_free(&credentials);
    return good && proxy->host && !proxy->auth.failed;
}

/* As curl reads them: the lower-case name first, and HTTP_PROXY not at all (a CGI's caller sets it). */
static const char *locust__proxy_variable(const char *lower, const char *upper)
{
    const char *text = getenv(lower);
    if (!text && upper)
        text = getenv(upper);
    return text && *text ? text : NULL;
}

/* Takes over the environment's proxies. NULL, or the text that is none. */
static const char *locust__proxies_read(locust__proxies *p)
{
    const char *all = locust__proxy_variable("all_proxy", "ALL_PROXY");
    const char *http = locust__proxy_variable("http_proxy", NULL);
    const char *https = locust__proxy_variable("https_proxy", "HTTPS_PROXY");
    p->exceptions = locust__proxy_variable("no_proxy", "NO_PROXY");
    p->used = true;
    http = http ? http : all ? all : "";
    https = https ? https : all ? all : "";
    return !locust__proxy_parse(&p->http, http)     ? http
           : !locust__proxy_parse(&p->https, https) ? https
                                                    : NULL;
}

/* Is the host in a list such as "localhost,.example.com,10.0.0.1:8080,*"? */
static bool locust__proxy_is_exception(const char *list, const locust__origin *origin)
{
    locust__view v = locust__view_of(list ? list : ""), element;
    size_t host_len = strlen(origin->host);
    while (locust__http_next(&v, &element)) {
        const char *colon = element.len ? memchr(element.ptr, ':', element.len) : NULL;
        bool six = colon && memchr(colon + 1, ':', element.len - (size_t)(colon - element.ptr) - 1);
        if (locust__view_is(element, "*"))
            return true;
        if (colon && !six) {
            const char *port = colon + 1;
            if (locust__base_whole(&port) != origin->port)
                continue;
            element.len = (size_t)(colon - element.ptr);
        }
        if (element.len && *element.ptr == '.')
            element = (locust__view){element.ptr + 1, element.len - 1};
        if (!element.len || element.len > host_len ||
            strncasecmp(origin->host + host_len - element.len, element.ptr, element.len) != 0)
            continue;
        if (element.len == host_len || origin->host[host_len - element.len - 1] == '.')
            return true;
    }
    return false;
}

/* The proxy for an origin; NULL: none. */
static const locust__proxy *locust__route_proxy(
    const locust__route *route, const locust__roads *roads, const locust__origin *origin)
{
    const locust__proxies *env = &roads->proxies;
    const locust__proxy *proxy = &route->proxy;
    if (route->unix_socket || route->direct)
        return NULL;
    if (!proxy->host && env->used && !locust__proxy_is_exception(env->exceptions, origin))
        proxy = origin->secure ? &env->https : &env->http;
    return proxy->host ? proxy : NULL;
}

/* -- detours -- */

/* Takes "host:" off the front; the host may be an IPv6 literal in brackets, or empty. */
static bool locust__detour_host(char **p, locust__view *host)
{
    char *end, address[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    if (**p == '[') {
        end = strchr(*p, ']');
        *host = (locust__view){*p + 1, end ? (size_t)(end - *p - 1) : 0};
        snprintf(address, sizeof address, "%.*s", (int)host->len, host->ptr);
        if (host->len >= sizeof address || inet_pton(AF_INET6, address, &unused) != 1)
            return false;
        end++;
    } else {
        end = strchr(*p, ':');
        *host = (locust__view){*p, end ? (size_t)(end - *p) : 0};
    }
    if (!end || *end != ':')
        return false;
    *p = end + 1;
    return true;
}

static bool locust__detour_port(char **p, int *port)
{
    for (*port = 0; locust__base_digit(**p) && *port <= 65535; (*p)++)
        *port = *port * 10 + (**p - '0');
    return *port <= 65535;
}

/* Reads HOST1:PORT1:HOST2:PORT2, several separated by blanks. False: wrong. */
static bool locust__detours_parse(locust__roads *roads, const char *text)
{
    char *p, *at = NULL;
    roads->detour_text = locust__base_copy(text, strlen(text));
    if (!roads->detour_text)
        return false;
    for (p = strtok_r(roads->detour_text, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
        locust__detour *d = locust__base_zalloc(sizeof *d), **last = &roads->detours;
        if (!d)
            return false;
        while (*last)
            last = &(*last)->next;
        *last = d;
        if (!locust__detour_host(&p, &d->from_host) || !locust__detour_port(&p, &d->from_port) ||
            *p++ != ':' || !locust__detour_host(&p, &d->to_host) ||
            !locust__detour_port(&p, &d->to_port) || *p)
            return false;
        roads->detour_text[d->to_host.ptr + d->to_host.len - roads->detour_text] = '\0';
    }
    return true;
}

static void locust__roads_free(locust__roads *roads)
{
    while (roads->detours) {
        locust__detour *d = roads->detours;
        roads->detours = d->next;
        LOCUST_FREE(d);
    }
    LOCUST_FREE(roads->detour_text);
    locust__proxy_free(&roads->proxies.http);
    locust__proxy_free(&roads->proxies.https);
}

/* Where to connect for an origin: the host and the port in place of its own. */
static const char *locust__detour_of(
    const locust__roads *roads, const locust__origin *origin, int *port)
{
    *port = origin->port;
    for (const locust__detour *d = roads->detours; d; d = d->next) {
        if ((d->from_host.len && !locust__view_is_nocase(d->from_host, origin->host)) ||
            (d->from_port && d->from_port != origin->port))
            continue;
        if (d->to_port)
            *port = d->to_port;
        return d->to_host.len ? d->to_host.ptr : origin->host;
    }
    return origin->host;
}
