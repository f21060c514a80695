/* ============================================================================================
 * >>route  how requests reach servers
 *
 * Purpose     of a class (TLS, unix socket, proxy) and of the test: directly, to another place, through a
 *             proxy.
 * Names       locust__route_
 * Uses        >>tls >>url >>proxy
 * ============================================================================================ */

typedef struct locust__route { // how the users of a class reach servers
    locust__tls_how tls;
    const char *unix_socket;
    locust__proxy proxy;
    bool direct; // no proxy, whatever the environment says
} locust__route;

/* The proxy for an origin; NULL: none. Of those of the environment where the class has none. */
static const locust__proxy *locust__route_proxy(
    const locust__route *route, const locust__proxy_env *env, const locust__origin *origin)
{
    const locust__proxy *proxy = &route->proxy;
    if (route->unix_socket || route->direct)
        return NULL;
    if (!proxy->host && env->used && !locust__proxy_is_exception(env->exceptions, origin))
        proxy = origin->secure ? &env->https : &env->http;
    return proxy->host ? proxy : NULL;
}
