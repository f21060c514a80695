/* ============================================================================================
 * >>export_post  texts to a program that collects figures
 *
 * Purpose     POSTs over a kept connection, http or https; datagrams.
 * Invariants  names, connections and counts are its own: no figure of the run is touched, and no
 *             user waits for it. An answer's body is read up to 64 KB and dropped.
 * Names       locust__poster locust__poster_
 * Uses        >>address >>net >>stream >>allowance >>connect >>resolve >>lookup >>tls
 *             >>tls_state >>url >>head >>response_head >>receive >>auth >>route >>services
 *             >>pool >>dial >>base_url
 * Sources     RFC 9110, RFC 9112.
 * ============================================================================================ */

enum { LOCUST__POSTER_DATAGRAM = 1400 }; // bytes that cross most networks in one piece

typedef struct locust__poster {
    const char *url;
    locust__services sv;
    locust__route route;
    locust__base_url base;
    locust__conn conn;
    locust__buf fields; // more header fields
    char host[256];     // of a datagram socket, and
    int port;
    int status; // of the last answer
} locust__poster;

static void locust__poster_init(locust__poster *p, locust_env *env, const char *url)
{
    const locust_options *o = &env->options;
    locust__tls_options tls = {o->tls_min, o->tls_max, o->ciphers, o->no_tls_resume, 0};
    memset(p, 0, sizeof *p);
    p->url = url;
    p->sv.loop = &env->loop;
    p->sv.log = &env->log;
    locust__net_init(&p->sv.net, &env->loop, &env->log);
    p->sv.net.no_arrivals = true;
    locust__resolver_init(&p->sv.resolver, &p->sv.net, &p->sv.arena);
    locust__tls_init(&p->sv.tls, &env->loop, &env->log, &p->sv.arena, &tls);
    p->route.direct = true;
    p->route.tls.ca_file = o->ca_file;
    p->route.tls.insecure = o->insecure;
    locust__stream_init(&p->conn.stream, &p->sv.net);
}

/* Ends lookups that run, closes, and frees. */
static void locust__poster_free(locust__poster *p)
{
    locust__stream_close(&p->conn.stream);
    locust__tls_ticket_free(p->conn.ticket);
    locust__base_url_free(&p->base);
    locust__buf_free(&p->fields);
    locust__tls_free(&p->sv.tls);
    locust__arena_free(&p->sv.arena);
}

/* Takes an http or https URL apart. NULL, or why it cannot be used. */
static const char *locust__poster_open(locust__poster *p)
{
    const char *broken = NULL;
    locust_error error = locust__base_url_parse(&p->sv, p->url, &p->base, &broken);
    p->conn.origin = p->base.origin;
    return broken ? broken : error ? locust__error_text(error) : NULL;
}

/* Takes HOST:PORT apart, of an address of IPv6 in brackets too. NULL, or why it cannot be used. */
static const char *locust__poster_open_udp(locust__poster *p)
{
    const char *colon = strrchr(p->url, ':'), *host = p->url, *digits = colon ? colon + 1 : "";
    size_t n = colon ? (size_t)(colon - host) : 0;
    int64_t port = locust__number_whole(&digits);
    if (n > 2 && *host == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    if (!n || n >= sizeof p->host || *digits || port < 1 || port > 65535)
        return "it takes HOST:PORT";
    memcpy(p->host, host, n);
    p->port = (int)port;
    return NULL;
}

/* The head of a POST of n bytes below `path`. */
static void locust__poster_head(
    locust__poster *p, locust__buf *out, const char *path, const char *type, size_t n)
{
    locust__buf_puts(out, "POST ");
    locust__url_add_target(out, p->base.prefix, path, NULL);
    locust__buf_printf(out,
        " HTTP/1.1\r\nHost: %s\r\nUser-Agent: locust.h/" LOCUST_VERSION
        "\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
        p->base.origin->authority, type, n);
    if (p->base.auth.len) {
        locust__buf auth = {NULL, 0, 0, false};
        locust__auth_basic(&auth, p->base.auth.ptr);
        if (!auth.failed)
            locust__buf_printf(out, "Authorization: %s\r\n", auth.ptr);
        locust__buf_free(&auth);
    }
    if (p->fields.len)
        locust__buf_add(out, p->fields.ptr, p->fields.len);
    locust__buf_puts(out, "\r\n");
}

/* Reads the answer and drops its body. *keep: another request may follow on this connection. */
static locust_error locust__poster_answer(
    locust__poster *p, int64_t deadline_ns, bool *keep) LOCUST__PARKS
{
    locust__buf kept = {NULL, 0, 0, false};
    locust__response_head h = {.status = 0};
    size_t budget = LOCUST_MAX_HEADER;
    int64_t first_ns = 0;
    enum locust__body kind = LOCUST__BODY_NONE;
    locust_error error =
        locust__receive_final(&p->conn.stream, &h, &kept, 0, &budget, &first_ns, deadline_ns);
    p->status = error ? 0 : h.status;
    *keep = false;
    if (!error) {
        kind = locust__response_head_body(&h, false);
        *keep = locust__http_persists(&h.framing, kind) && kind != LOCUST__BODY_CLOSE &&
                (kind != LOCUST__BODY_SIZED || h.framing.length <= 65536);
        kept.len = 0;
        if (*keep)
            error = locust__receive_body(
                &p->conn.stream, kind, h.framing.length, &kept, NULL, budget, deadline_ns);
    }
    locust__buf_free(&kept);
    return error;
}

/* One POST, on the connection that there is. */
static locust_error locust__poster_try(locust__poster *p, const char *path, const char *type,
    locust__view text, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf head = {NULL, 0, 0, false};
    locust_error error;
    bool keep = false;
    p->status = 0;
    locust__poster_head(p, &head, path, type, text.len);
    error = head.failed ? LOCUST_ERR_MEMORY
                        : locust__stream_write(&p->conn.stream, (locust__view){head.ptr, head.len},
                              text, deadline_ns);
    locust__buf_free(&head);
    if (!error)
        error = locust__poster_answer(p, deadline_ns, &keep);
    if (error || !keep)
        locust__stream_close(&p->conn.stream);
    else
        locust__stream_settle(&p->conn.stream);
    return error;
}

/* POSTs a text below the URL's path. One that a kept connection has no answer to is sent once more,
 * on a new one. LOCUST_OK: there is an answer, whose status is p->status. */
static locust_error locust__poster_send(locust__poster *p, const char *path, const char *type,
    locust__view text, int64_t deadline_ns) LOCUST__PARKS
{
    locust__stream_settle(&p->conn.stream);
    bool kept = locust__stream_is_open(&p->conn.stream) && locust__stream_is_quiet(&p->conn.stream);
    locust_error error = LOCUST_ERR_CLOSED;
    if (kept)
        error = locust__poster_try(p, path, type, text, deadline_ns);
    if (error == LOCUST_OK || error == LOCUST_ERR_CANCELLED || error == LOCUST_ERR_TIMEOUT)
        return error;
    locust__allowance a = {deadline_ns, 0};
    locust__dial took;
    error = locust__dial_open(&p->conn, &p->sv, &p->route, &a, &took);
    return error ? error : locust__poster_try(p, path, type, text, deadline_ns);
}

/* Opens the datagram socket if it is not open. */
static locust_error locust__poster_dial_udp(locust__poster *p, int64_t deadline_ns) LOCUST__PARKS
{
    locust__addr addrs[LOCUST__HOST_ADDRS];
    locust__host *host = NULL;
    locust_error error;
    if (locust__stream_is_open(&p->conn.stream))
        return LOCUST_OK;
    error = locust__lookup_host(&p->sv.resolver, p->host, p->port, deadline_ns, &host);
    if (error)
        return error;
    locust__lookup_order(host, p->port, addrs);
    return locust__connect_udp(&p->conn.stream, &addrs[0]);
}

/* Sends lines, as many as fit into each datagram. What the socket does not take at once is lost: it
 * never waits. */
static locust_error locust__poster_send_lines(
    locust__poster *p, locust__view text, int64_t deadline_ns) LOCUST__PARKS
{
    locust_error error = locust__poster_dial_udp(p, deadline_ns), first = error;
    while (!error && text.len) {
        size_t n = 0, next = 0, sent = 0;
        do { // whole lines, the first of any length
            const char *end = memchr(text.ptr + next, '\n', text.len - next);
            n = next;
            next = end ? (size_t)(end - text.ptr) + 1 : text.len;
        } while (next <= LOCUST__POSTER_DATAGRAM && next < text.len);
        if (next <= LOCUST__POSTER_DATAGRAM || !n)
            n = next;
        struct iovec iov = {(void *)(uintptr_t)text.ptr, n};
        error = locust__stream_send(&p->conn.stream, &iov, 1, &sent);
        if (!error && sent < n)
            error = LOCUST_ERR_TIMEOUT;
        if (error && !first)
            first = error; // as when nobody listens: the next one may arrive
        if (error == LOCUST_ERR_REFUSED)
            error = LOCUST_OK;
        text = locust__view_skip(text, n);
    }
    return first;
}
