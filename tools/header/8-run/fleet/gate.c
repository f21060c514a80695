/* ============================================================================================
 * >>fleet_gate  the connections of a master
 *
 * Purpose     listens, shakes hands with workers, receives whole messages, sends some.
 * Invariants  sending never parks. A worker that does not read is cut off after
 *             LOCUST__GATE_BEHIND bytes, one that does not shake hands in time after
 *             LOCUST__GATE_PATIENCE_S. A message is looked at on the loop's stack, so that a
 *             connection costs little of its own.
 * Names       locust__gate_ locust__peer locust__peer_
 * Uses        >>co >>switch >>fd >>address >>stream >>listen >>fleet_msgpack >>fleet_seal
 *             >>fleet_zmtp >>fleet_envelope >>fleet_crew
 * Sources     libzmq 4.3.4 (reference run): of two connections with one identity the older one
 *             stays, and the newer one is heard no more.
 * Limits      16 MB for a message of a worker's.
 * ============================================================================================ */

enum {
    LOCUST__GATE_MAX = 16 << 20,
    LOCUST__GATE_BEHIND = 8 << 20,
    LOCUST__GATE_PATIENCE_S = 10,
};

typedef struct locust__peer { // a connection
    locust__crew *crew;
    struct locust__peer *next, *before;
    locust__co *co;
    locust_stream stream;
    locust__zmtp zmtp;
    locust__buf out; // the first `sent` bytes have gone
    size_t sent;
    locust_error error;
    locust__member *member; // whose it is; NULL: nobody's yet
    /* Takes a message. False: the connection is to be closed. */
    bool (*take)(struct locust__peer *p, locust__view message);
} locust__peer;

/* Sends as much as the socket takes. */
static void locust__peer_flush(locust__peer *p)
{
    while (!p->error && p->sent < p->out.len) {
        struct iovec iov = {p->out.ptr + p->sent, p->out.len - p->sent};
        size_t sent = 0;
        p->error = locust__stream_is_open(&p->stream)
                       ? locust__stream_send(&p->stream, &iov, 1, &sent)
                       : LOCUST_ERR_CLOSED;
        if (!sent)
            break;
        p->sent += sent;
    }
    if (p->out.failed)
        p->error = LOCUST_ERR_MEMORY;
    if (p->out.len - p->sent > LOCUST__GATE_BEHIND)
        p->error = LOCUST_ERR_TIMEOUT;
    if (p->sent < p->out.len && !p->error)
        return;
    p->out.len = p->sent = 0;
    if (p->out.cap > 8192)
        locust__buf_free(&p->out);
}

/* Ends the connection: its coroutine finds that it has an error, and cleans up. */
static void locust__peer_drop(locust__peer *p)
{
    p->error = p->error ? p->error : LOCUST_ERR_CLOSED;
    if (p->stream.fd.reader)
        locust__co_wake(&p->crew->env->loop, p->stream.fd.reader, LOCUST__WAKE_EVENT);
}

/* Sends a message that was written, with its type and data, to a worker. False: there is no
 * connection to it. */
static bool locust__gate_send(locust__member *m, locust__buf *message)
{
    locust__peer *p = m->peer;
    locust__msgpack_put_str(message, m->id);
    if (!p || p->error || message->failed ||
        !locust__buf_reserve(&p->out, message->len + 9 + LOCUST__SEAL_TAG))
        return false;
    locust__zmtp_send(&p->zmtp, &p->out, (locust__view){message->ptr, message->len});
    locust__peer_flush(p);
    if (p->error)
        locust__peer_drop(p);
    return !p->error;
}

/* Sends a message without data. */
static bool locust__gate_tell(locust__member *m, const char *type)
{
    locust__buf message = {NULL, 0, 0, false};
    bool good;
    locust__envelope_begin(&message, type);
    locust__msgpack_put_nil(&message);
    good = locust__gate_send(m, &message);
    locust__buf_free(&message);
    return good;
}

/* Takes what has arrived. On the loop's stack. */
static void locust__gate_take(void *arg)
{
    locust__peer *p = arg;
    locust__view message;
    enum locust__zmtp_got got = LOCUST__ZMTP_MESSAGE;
    locust__zmtp_feed(&p->zmtp, p->stream.in, p->stream.in_len);
    locust__stream_take(&p->stream, p->stream.in_len);
    while (!p->error && got == LOCUST__ZMTP_MESSAGE) {
        got = locust__zmtp_next(&p->zmtp, &message);
        if (got == LOCUST__ZMTP_BROKEN)
            locust__peer_flush(p); // it says why
        if (got == LOCUST__ZMTP_BROKEN || (got == LOCUST__ZMTP_MESSAGE && !p->take(p, message)))
            p->error = p->error ? p->error : LOCUST_ERR_NETWORK;
    }
    if (p->zmtp.at == p->zmtp.in.len) // an idle connection holds no buffer
        locust__zmtp_deinit(&p->zmtp);
    if (p->zmtp.error && locust__os_now_ns() >= p->crew->quiet_ns) {
        p->crew->quiet_ns = locust__os_now_ns() + 5 * LOCUST__S; // who is refused tries again
        locust__log_print(&p->crew->env->log, LOCUST__LOG_WARNING, "locust.runners",
            "a connection to the master's port was closed: %s", p->zmtp.error);
    }
    locust__peer_flush(p);
}

static void locust__gate_keep_alive(int fd)
{
    int on = 1, idle_s = 30;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
#else
    (void)idle_s;
#endif
}

/* The coroutine of a connection. */
static void locust__gate_serve(void *arg)
{
    locust__peer *p = arg;
    locust__loop *loop = &p->crew->env->loop;
    int64_t until_ns = locust__os_now_ns() + LOCUST__GATE_PATIENCE_S * LOCUST__S;
    locust__gate_keep_alive(p->stream.fd.watch.fd);
    locust__zmtp_init(&p->zmtp, true, (locust__view){"", 0}, LOCUST__GATE_MAX,
        p->crew->env->options.secret, &p->out);
    locust__peer_flush(p);
    while (!p->error) {
        int64_t deadline_ns = p->zmtp.ready ? LOCUST__NEVER : until_ns;
        locust_error error = locust__stream_fill(&p->stream, deadline_ns);
        if (p->stream.in_len)
            locust__co_call(loop, locust__gate_take, p);
        p->error = p->error ? p->error : error;
    }
    if (p->member && p->member->peer == p)
        p->member->peer = NULL;
    locust__stream_close(&p->stream);
    locust__zmtp_deinit(&p->zmtp);
    locust__buf_free(&p->out);
    *(p->before ? &p->before->next : &p->crew->peers) = p->next;
    if (p->next)
        p->next->before = p->before;
    LOCUST_FREE(p);
}

/* Serves a connection that was accepted. Without memory it is closed. */
static void locust__gate_open_peer(
    locust__crew *c, locust_stream *s, bool (*take)(locust__peer *p, locust__view message))
{
    locust__peer *p = locust__memory_zalloc(sizeof *p);
    int fd = locust__fd_release(&c->env->loop, &s->fd);
    c->net.open--;
    if (!p) {
        close(fd);
        return;
    }
    p->crew = c;
    p->take = take;
    locust__stream_init(&p->stream, &c->net);
    if (!locust__stream_adopt(&p->stream, fd))
        p->co =
            locust__co_start(&c->env->loop, "the kit itself", 0, locust__gate_serve, p, &c->group);
    if (!p->co) {
        locust__stream_close(&p->stream);
        LOCUST_FREE(p);
        return;
    }
    p->next = c->peers;
    if (p->next)
        p->next->before = p;
    c->peers = p;
}

/* Sends what sockets did not take before. */
static void locust__gate_flush(locust__crew *c)
{
    for (locust__peer *p = c->peers, *next; p; p = next) {
        next = p->next;
        if (!p->out.len)
            continue;
        locust__peer_flush(p);
        if (p->error)
            locust__peer_drop(p);
    }
}

/* Listens. fd: a socket that listens already; -1: none. False: a sentence has said why not. */
static bool locust__gate_open(locust__crew *c, const char *host, int port, int fd)
{
    locust__addr address;
    locust_error error;
    const char *at = host && *host && strcmp(host, "*") != 0 ? host : "0.0.0.0";
    if (strcmp(at, "localhost") == 0)
        at = "127.0.0.1";
    if (fd >= 0)
        return locust__fd_open(&c->env->loop, &c->listener, fd) >= 0;
    if (!locust__addr_parse(&address, at, port)) {
        locust__say(
            "--master-bind-host takes an address such as 127.0.0.1 or ::, or *, not \"%s\"", host);
        return false;
    }
    error = locust__listen_open(&c->net, &c->listener, &address, 1024);
    if (error)
        locust__say("the master cannot listen on %s:%d: %s (--master-bind-host, "
                    "--master-bind-port)",
            at, port, errno == EADDRINUSE ? "another program does" : locust__error_text(error));
    return !error;
}
