/* ============================================================================================
 * >>dial  opening a connection to an origin
 *
 * Purpose     opens a connection the way the class says: name lookup, connect (to another place by
 *             --connect-to, or to a proxy), CONNECT, TLS. What each phase took is kept for the
 *             report.
 * Sources     RFC 9110 9.3.6 (CONNECT).
 * Names       locust__dial_
 * Uses        >>sync >>address >>stream >>allowance >>connect >>lookup >>tls_handshake >>url
 *             >>response_head >>receive >>proxy >>connect_to >>route >>services >>pool
 * ============================================================================================ */

typedef struct locust__dial { // how long the phases of opening a connection took
    int64_t name_ns, connect_ns, tls_ns;
} locust__dial;

/* Asks a proxy to connect to the origin. Bytes behind its answer would be the origin's, which has
 * not been greeted yet: an error. */
LOCUST__APART static locust_error locust__dial_tunnel(
    locust__conn *conn, const locust__proxy *proxy, int64_t deadline_ns) LOCUST__PARKS
{
    const locust__origin *origin = conn->origin;
    bool six = strchr(origin->host, ':') != NULL;
    size_t budget = LOCUST_MAX_HEADER;
    locust__buf text = {NULL, 0, 0, false};
    locust__response_head h = {.status = 0};
    locust_error error;
    locust__buf_printf(&text, "CONNECT %s%s%s:%d HTTP/1.1\r\nHost: %s%s%s:%d\r\n", six ? "[" : "",
        origin->host, six ? "]" : "", origin->port, six ? "[" : "", origin->host, six ? "]" : "",
        origin->port);
    if (proxy->auth.len)
        locust__buf_printf(&text, "Proxy-Authorization: %s\r\n", proxy->auth.ptr);
    locust__buf_puts(&text, "User-Agent: locust.h/" LOCUST_VERSION "\r\n\r\n");
    error = text.failed ? LOCUST_ERR_MEMORY
                        : locust__stream_write(&conn->stream, (locust__view){NULL, 0},
                              (locust__view){text.ptr, text.len}, deadline_ns);
    while (!error && h.status < 200) {
        int64_t first_ns = 0;
        text.len = 0;
        error = locust__receive_head(&conn->stream, &h, &text, &budget, &first_ns, deadline_ns);
        locust__stream_count_late(&conn->stream);
    }
    locust__buf_free(&text);
    if (error)
        return error == LOCUST_ERR_HTTP_NO_RESPONSE ? LOCUST_ERR_PROXY : error;
    if (h.status == 407)
        return LOCUST_ERR_PROXY_AUTH;
    return h.status < 300 && !conn->stream.in_len ? LOCUST_OK : LOCUST_ERR_PROXY;
}

static locust_error locust__dial_unix(
    locust__conn *conn, const char *path, locust__allowance *a) LOCUST__PARKS
{
    locust__addr addr;
    if (!locust__addr_unix(&addr, path))
        return LOCUST_ERR_NO_SOCKET;
    return locust__connect_dial(&conn->stream, &addr, 1, a);
}

/* The error of a connect to a proxy: in the words of one to a server it would blame the server. */
static locust_error locust__dial_of_proxy(locust_error error)
{
    return error == LOCUST_ERR_NAME      ? LOCUST_ERR_PROXY_NAME
           : error == LOCUST_ERR_REFUSED ? LOCUST_ERR_PROXY_REFUSED
                                         : error;
}

/* Connects to the server, or to the proxy in front of it. */
static locust_error locust__dial_connect(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took) LOCUST__PARKS
{
    const locust__proxy *proxy = locust__route_proxy(route, &sv->proxies, conn->origin);
    int64_t began_ns = locust__os_now_ns(), known_ns = began_ns, before_ns = a->generator_ns;
    locust_error error;
    const char *host;
    int port;
    if (route->unix_socket) {
        error = locust__dial_unix(conn, route->unix_socket, a);
    } else {
        host = locust__connect_to_of(&sv->connect_to, conn->origin, &port);
        error = locust__lookup_dial(&sv->resolver, &conn->stream, proxy ? proxy->host : host,
            proxy ? proxy->port : port, a, &known_ns);
    }
    if (error && proxy && !route->unix_socket)
        error = locust__dial_of_proxy(error);
    if (!error)
        sv->counts.opened++;
    if (!error && proxy && (conn->origin->secure || route->tunnels))
        error = locust__dial_tunnel(conn, proxy, a->deadline_ns);
    took->name_ns = known_ns - began_ns;
    took->connect_ns = locust__os_now_ns() - known_ns - (a->generator_ns - before_ns);
    return error;
}

/* Tries once to open a connection: TCP, and TLS where the origin wants it. *retry: another try will
 * succeed. */
static locust_error locust__dial_try(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took, bool *retry) LOCUST__PARKS
{
    locust_error error = locust__dial_connect(conn, sv, route, a, took);
    int64_t began_ns, before_ns;
    *retry = false;
    if (error || !conn->origin->secure)
        return error;
    began_ns = locust__os_now_ns();
    before_ns = a->generator_ns;
    error = locust__tls_connect(&sv->tls, &conn->stream, conn->origin->host, conn->origin->port,
        &route->tls, &conn->ticket, a, retry);
    took->tls_ns = locust__os_now_ns() - began_ns - (a->generator_ns - before_ns);
    return error;
}

/* Opens the connection anew. The permit for a TLS handshake is taken before the connect, so that
 * the server does not wait between the two. */
static locust_error locust__dial_open(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took) LOCUST__PARKS
{
    locust_error error;
    bool retry;
    memset(took, 0, sizeof *took);
    locust__stream_close(&conn->stream);
    conn->stream.late_ns = 0;
    conn->served = 0;
    if (!conn->origin->secure)
        return locust__dial_try(conn, sv, route, a, took, &retry);
    error = locust__allowance_take(a, sv->loop, &sv->tls.handshakes);
    if (error)
        return error;
    do
        error = locust__dial_try(conn, sv, route, a, took, &retry);
    while (retry);
    locust__sem_give(sv->loop, &sv->tls.handshakes);
    return error;
}
