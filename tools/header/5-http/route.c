/* ============================================================================================
 * >>route  how requests reach servers
 *
 * Purpose     of a class (TLS, unix socket, proxy) and of the test: directly, to another place, through a
 *             proxy.
 * Uses        >>co >>net >>resolve >>tls >>tls_state >>url >>proxy >>connect_to
 * ============================================================================================ */

typedef struct locust__route { // how the users of a class reach servers
    locust__tls_how tls;
    const char *unix_socket;
    locust__proxy proxy;
    bool direct; // no proxy, whatever the environment says
} locust__route;

typedef struct locust__roads { // what all connections of a test go by
    locust__loop *loop;
    locust__net *net;
    locust__resolver *resolver;
    locust__tls *tls;
    locust__proxies proxies;
    locust__detour *detours;
    char *detour_text;
} locust__roads;

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
