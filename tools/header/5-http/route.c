/* ============================================================================================
 * >>route  how requests reach servers
 *
 * Purpose     how the users of a class reach servers: options of TLS, a unix socket, a proxy.
 * Names       locust__route_
 * Uses        >>tls >>url >>proxy
 * ============================================================================================ */

typedef struct locust__route { // of a class
    locust__tls_how tls;
    const char *unix_socket; // connect to this path, whatever the URL says; NULL: no
    locust__proxy proxy;
    bool direct;  // no proxy, whatever the environment says
    bool tunnels; // a proxy is asked to connect, also for an origin without TLS
    const struct locust_http2_engine *http2; // NULL: HTTP/1.1
    bool http_auto;                          // HTTP/2 where ALPN gives it
    bool ask_keep_alive;                     // send "Connection: keep-alive"
} locust__route;

/* The proxy for an origin: that of the class, else that of the environment. NULL: none. */
LOCUST__COLD static const locust__proxy *locust__route_proxy(
    const locust__route *route, const locust__proxy_env *env, const locust__origin *origin)
{
    const locust__proxy *proxy = &route->proxy;
    if (route->unix_socket || route->direct)
        return NULL;
    if (!proxy->host && env->used && !locust__proxy_is_exception(env->exceptions, origin))
        proxy = origin->secure ? &env->https : &env->http;
    return proxy->host ? proxy : NULL;
}
