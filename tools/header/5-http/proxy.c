/* ============================================================================================
 * >>proxy  proxies
 *
 * Purpose     a proxy's URL, those of the environment variables, and the hosts that go without.
 * Names       locust__proxy_
 * Uses        >>url >>head >>auth
 * Sources     curl for http_proxy, all_proxy and no_proxy.
 * Limits      proxies are plain HTTP with Basic credentials.
 * ============================================================================================ */

typedef struct locust__proxy {
    char *host; // NULL: none
    int port;
    locust__buf auth; // value of Proxy-Authorization; empty: none
} locust__proxy;

typedef struct locust__proxy_env { // of the environment variables
    locust__proxy http, https;
    const char *exceptions; // no_proxy
    bool used;
} locust__proxy_env;

static void locust__proxy_free(locust__proxy *proxy)
{
    LOCUST_FREE(proxy->host);
    proxy->host = NULL;
    locust__buf_free(&proxy->auth);
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
        proxy->host = locust__text_copy(url.host.ptr, url.host.len);
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
static const char *locust__proxy_env_read(locust__proxy_env *p)
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
            if (locust__number_whole(&port) != origin->port)
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
