/* ============================================================================================
 * >>proxy  proxies
 *
 * Purpose     the URL of a proxy, the proxies that environment variables name, and the hosts that
 *             no_proxy excepts.
 * Names       locust__proxy_
 * Uses        >>address >>url >>head >>auth
 * Sources     curl, for http_proxy, https_proxy, all_proxy and no_proxy.
 * Limits      proxies are plain HTTP with Basic credentials; no_proxy takes no networks such as
 *             10.0.0.0/8.
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

/* Is the host in a list such as "localhost,.example.com 10.0.0.1:8080,*"? Commas or blanks separate
 * the elements, and a domain stands for its hosts too. */
static bool locust__proxy_is_exception(const char *list, const locust__origin *origin)
{
    size_t host_len = strlen(origin->host);
    locust__addr unused;
    bool literal = locust__addr_parse(&unused, origin->host, 0); // not below anything
    for (list = list ? list : ""; *list;) {
        locust__view element = {list, strcspn(list, ", \t")};
        const char *colon = element.len ? memchr(element.ptr, ':', element.len) : NULL;
        bool six = colon && memchr(colon + 1, ':', element.len - (size_t)(colon - element.ptr) - 1);
        list += element.len + (list[element.len] != '\0');
        if (locust__view_is(element, "*"))
            return true;
        if (colon && !six) {
            const char *port = colon + 1;
            if (locust__number_whole(&port) != origin->port)
                continue;
            element.len = (size_t)(colon - element.ptr);
        }
        if (element.len && *element.ptr == '.')
            element = (locust__view){element.ptr + 1, element.len - 1};
        if (!element.len || element.len > host_len ||
            strncasecmp(origin->host + host_len - element.len, element.ptr, element.len) != 0)
            continue;
        if (element.len == host_len ||
            (!literal && origin->host[host_len - element.len - 1] == '.'))
            return true;
    }
    return false;
}
