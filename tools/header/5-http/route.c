/* ============================================================================================
 * >>route  how requests reach servers
 *
 * Purpose     of a class (TLS, unix socket, proxy) and of the test: directly, to another place, through a
 *             proxy.
 * Names       locust__route_ locust__network_
 * Uses        >>co >>net >>resolve >>tls >>tls_state >>url >>proxy >>connect_to
 * ============================================================================================ */

typedef struct locust__route { // how the users of a class reach servers
    locust__tls_how tls;
    const char *unix_socket;
    locust__proxy proxy;
    bool direct; // no proxy, whatever the environment says
} locust__route;

typedef struct locust__network { // what all connections of a test go by
    locust__loop *loop;
    locust__net *net;
    locust__resolver *resolver;
    locust__tls *tls;
    locust__proxy_env proxies;
    locust__connect_to_rules connect_to;
} locust__network;

static void locust__network_free(locust__network *network)
{
    locust__connect_to_free(&network->connect_to);
    locust__proxy_free(&network->proxies.http);
    locust__proxy_free(&network->proxies.https);
}

/* The proxy for an origin; NULL: none. */
static const locust__proxy *locust__route_proxy(
    const locust__route *route, const locust__network *network, const locust__origin *origin)
{
    const locust__proxy_env *env = &network->proxies;
    const locust__proxy *proxy = &route->proxy;
    if (route->unix_socket || route->direct)
        return NULL;
    if (!proxy->host && env->used && !locust__proxy_is_exception(env->exceptions, origin))
        proxy = origin->secure ? &env->https : &env->http;
    return proxy->host ? proxy : NULL;
}
