/* ============================================================================================
 * >>question  asking name servers
 *
 * Purpose     asks the servers of resolv.conf, one after the other, for the addresses of a name: A
 *             and AAAA at once by UDP, and what was cut off once more by TCP; tries the search
 *             domains.
 * Cost        two UDP packets for each name asked for.
 * Names       locust__question_
 * Uses        >>co >>switch >>fd >>address >>net >>stream >>connect >>resolve >>dns
 * Sources     RFC 1035, RFC 7766 (TCP), RFC 4074 (servers that fail on AAAA), resolv.conf(5).
 * ============================================================================================ */

typedef struct locust__question { // for A or AAAA of a name
    unsigned char query[LOCUST__DNS_MAX];
    size_t len;
    bool answered, truncated;
    locust_error error; // what its answer says
} locust__question;

LOCUST__COLD static locust_error locust__question_send(
    locust__question *q, locust__loop *loop, int fd, const char *name, int type)
{
    unsigned id = (unsigned)locust__random(&loop->random) & 0xFFFF;
    q->answered = q->truncated = false;
    q->error = LOCUST_OK;
    q->len = locust__dns_put_query(q->query, id, name, type);
    if (!q->len)
        return LOCUST_ERR_NAME;
    return send(fd, q->query, q->len, LOCUST__OS_SEND_FLAGS) < 0 ? LOCUST_ERR_NAME_SERVER
                                                                 : LOCUST_OK;
}

/* Takes messages until both questions have their answers; ignores what answers neither. */
static locust_error locust__question_wait(
    locust__host *host, locust__question q[2], int64_t deadline_ns, int64_t *ttl_s) LOCUST__PARKS
{
    locust__loop *loop = host->resolver->net->loop;
    while (!(q[0].answered && q[1].answered)) {
        unsigned char *m = (unsigned char *)loop->scratch;
        locust_error error = locust__stream_woken(
            locust__fd_wait_read(loop, &host->fd, deadline_ns), LOCUST_ERR_NAME_TIMEOUT);
        ssize_t n = error ? 0 : recv(host->fd.watch.fd, m, LOCUST__LOOP_SCRATCH, 0);
        if (error)
            return error;
        if (n < 0) {
            host->fd.watch.readable = false;
            if (errno != EAGAIN)
                return LOCUST_ERR_NAME_SERVER; // ICMP: nothing listens there
            continue;
        }
        for (int i = 0; i < 2; i++)
            if (!q[i].answered && locust__dns_answers(m, (size_t)n, q[i].query, q[i].len)) {
                q[i].answered = true;
                q[i].truncated = locust__dns_is_truncated(m, (size_t)n);
                if (!q[i].truncated)
                    q[i].error = locust__dns_read(host, m, (size_t)n, q[i].len, ttl_s);
            }
        if (locust__co_yield(loop) ==
            LOCUST__WAKE_CANCELLED) // a flood of packets must not stop others
            return LOCUST_ERR_CANCELLED;
        if (loop->now_ns >= deadline_ns && !(q[0].answered && q[1].answered))
            return LOCUST_ERR_NAME_TIMEOUT;
    }
    // Some servers refuse AAAA and answer A, RFC 4074: one address is enough.
    return host->n_addrs ? LOCUST_OK : q[0].error ? q[0].error : q[1].error;
}

/* Asks a question again over TCP, whose answer did not fit into a packet. Each message has its
 * length in two bytes in front, RFC 7766. */
static locust_error locust__question_ask_tcp(locust__question *q, locust_stream *s,
    const locust__addr *server, locust__host *host, int64_t deadline_ns,
    int64_t *ttl_s) LOCUST__PARKS
{
    unsigned char size[2];
    locust__bytes_writer w = locust__bytes_writer_of(size, sizeof size);
    locust_error error = locust__connect_one(s, server, deadline_ns);
    size_t n = sizeof size;
    locust__bytes_put_u16(&w, (unsigned)q->len);
    if (!error)
        error = locust__stream_write(s, (locust__view){(char *)size, sizeof size},
            (locust__view){(char *)q->query, q->len}, deadline_ns);
    while (!error && s->in_len < n) {
        error = locust__stream_fill(s, deadline_ns);
        if (!error && s->in_len >= sizeof size) {
            locust__bytes_reader r = locust__bytes_reader_of(s->in, s->in_len);
            n = sizeof size + locust__bytes_get_u16(&r);
        }
    }
    if (!error) {
        const unsigned char *m = (const unsigned char *)s->in + sizeof size;
        n -= sizeof size;
        error = locust__dns_answers(m, n, q->query, q->len)
                    ? locust__dns_read(host, m, n, q->len, ttl_s)
                    : LOCUST_ERR_NAME_SERVER;
    }
    locust__stream_close(s);
    return error;
}

/* Asks again over TCP what was truncated. */
static locust_error locust__question_ask_tcp_if(locust__question q[2], locust__resolver *r,
    const locust__addr *server, locust__host *host, int64_t deadline_ns,
    int64_t *ttl_s) LOCUST__PARKS
{
    locust_stream *s;
    locust_error error = LOCUST_OK;
    if (!q[0].truncated && !q[1].truncated)
        return LOCUST_OK;
    s = LOCUST_MALLOC(sizeof *s);
    if (!s)
        return LOCUST_ERR_MEMORY;
    locust__stream_init(s, r->net);
    for (int i = 0; i < 2; i++)
        if (q[i].truncated && error != LOCUST_ERR_CANCELLED)
            error = locust__question_ask_tcp(&q[i], s, server, host, deadline_ns, ttl_s);
    LOCUST_FREE(s);
    return error;
}

/* Asks one server for A and AAAA. LOCUST_OK: it answered, with or without addresses. */
static locust_error locust__question_ask(locust__resolver *r, const locust__addr *server,
    const char *name, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    locust__loop *loop = r->net->loop;
    locust__question q[2];
    int64_t deadline_ns = locust__os_now_ns() + r->timeout_s * LOCUST__S;
    locust_error error;
    int fd = locust__os_socket(server->as.any.sa_family, SOCK_DGRAM);
    if (fd < 0)
        return locust__net_error(-fd);
    if (connect(fd, &server->as.any, server->len) != 0 ||
        locust__fd_open(loop, &host->fd, fd) < 0) {
        close(fd);
        return LOCUST_ERR_NAME_SERVER;
    }
    error = locust__question_send(&q[0], loop, fd, name, LOCUST__DNS_A);
    if (!error)
        error = locust__question_send(&q[1], loop, fd, name, LOCUST__DNS_AAAA);
    if (!error)
        error = locust__question_wait(host, q, deadline_ns, ttl_s);
    locust__fd_close(loop, &host->fd);
    if (!error)
        error = locust__question_ask_tcp_if(q, r, server, host, deadline_ns, ttl_s);
    return host->n_addrs && error != LOCUST_ERR_CANCELLED ? LOCUST_OK : error;
}

/* Asks the servers one after the other for exactly this name, until one knows, or knows that it
 * does not exist. */
static locust_error locust__question_name(
    locust__resolver *r, const char *name, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    locust_error error = LOCUST_ERR_NAME_SERVER;
    for (int attempt = 0; attempt < r->attempts; attempt++)
        for (int i = 0; i < r->n_servers; i++) {
            error = locust__question_ask(r, &r->servers[i], name, host, ttl_s);
            if (!error)
                return host->n_addrs ? LOCUST_OK : LOCUST_ERR_NAME;
            if (error == LOCUST_ERR_NAME || error == LOCUST_ERR_CANCELLED)
                return error;
        }
    return error;
}

/* Asks for the name as it is and in the search domains, in the order of resolv.conf(5): first as it
 * is if it has `ndots` dots, else last. */
LOCUST__COLD static locust_error locust__question_search(
    locust__resolver *r, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    size_t len = strlen(host->name);
    bool absolute = len && host->name[len - 1] == '.';
    int dots = 0, tries = absolute ? 1 : r->n_search + 1;
    locust_error error = LOCUST_ERR_NAME;
    for (const char *c = host->name; *c; c++)
        dots += *c == '.';
    for (int i = 0; i < tries && error == LOCUST_ERR_NAME; i++) {
        char full[2 * LOCUST__HOST_NAME];
        int domain = absolute || dots >= r->ndots ? i - 1 : i < r->n_search ? i : -1;
        if (len >= LOCUST__HOST_NAME)
            break;
        if (domain >= 0)
            snprintf(full, sizeof full, "%s.%s", host->name, r->search[domain]);
        else
            memcpy(full, host->name, len + 1);
        error = locust__question_name(r, full, host, ttl_s);
    }
    return error;
}

/* The coroutine that looks a name up: hosts file, then DNS. Wakes whoever waits for the name. */
LOCUST__APART LOCUST__COLD static void locust__question_look_up(void *arg)
{
    locust__host *host = arg;
    locust__resolver *r = host->resolver;
    int64_t ttl_s = 3600;
    host->n_addrs = 0;
    host->error = LOCUST_OK;
    if (!r->loaded)
        locust__resolver_load(r);
    locust__resolver_hosts(r, host);
    if (!host->n_addrs)
        host->error = locust__question_search(r, host, &ttl_s);
    if (host->error || ttl_s < 1)
        ttl_s = 1;
    host->expires_ns = locust__os_now_ns() + ttl_s * LOCUST__S;
    if (host->error == LOCUST_ERR_CANCELLED)
        host->expires_ns = 0; // the next run asks again
    host->lookup = NULL;
    while (host->waiters.first)
        locust__co_wake(r->net->loop, host->waiters.first, LOCUST__WAKE_EVENT);
}
