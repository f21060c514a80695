/* ============================================================================================
 * >>fleet_link  a worker's connection to its master
 *
 * Purpose     connects, shakes hands, sends whole messages, receives them; finds out when the
 *             connection is no more.
 * Invariants  sending never parks: what the socket does not take waits in `out`, whose length tells
 *             others to hold back. Its names, sockets and permits are its own, so that it waits
 *             behind no user.
 * Names       locust__link locust__link_
 * Uses        >>net >>stream >>allowance >>resolve >>lookup >>process >>fleet_msgpack
 *             >>fleet_seal >>fleet_zmtp >>fleet_envelope >>fleet_pulse
 * Limits      64 MB for a message of a master's.
 * ============================================================================================ */

enum {
    LOCUST__LINK_MAX = 64 << 20,
    LOCUST__LINK_PATIENCE_S = 5, // to connect and shake hands
};

typedef struct locust__link {
    locust_env *env;
    const char *host;
    int port;
    locust__net net;
    locust__resolver resolver;
    locust_stream stream;
    locust__zmtp zmtp;
    locust__buf out; // the first `sent` bytes have gone
    size_t sent;
    locust__buf draft;   // the message that is being written
    locust_error error;  // of sending
    char id[192];        // of this worker: its host, '_' and 32 hexadecimal digits
    locust__buf waiting; // messages for a master that is not there, framed
    size_t n_waiting;
    bool has_early; // a message came together with READY
    locust__view early;
} locust__link;

/* Takes a new id. Locust spreads users over hosts by what stands before the first '_'. */
static void locust__link_rename(locust__link *l)
{
    unsigned char bytes[16];
    char host[64];
    size_t n;
    if (*locust__process.id && !*l->id) { // its parent has named it
        snprintf(l->id, sizeof l->id, "%s", locust__process.id);
        return;
    }
    snprintf(host, sizeof host, "%s", l->env->log.host);
    locust__text_plain(host, strlen(host));
    for (char *p = host; *p; p++)
        *p = *p == '_' ? '-' : *p;
    locust__os_random(bytes, sizeof bytes);
    n = (size_t)snprintf(l->id, sizeof l->id, "%s_", host);
    for (size_t i = 0; i < sizeof bytes; i++, n += 2)
        snprintf(l->id + n, sizeof l->id - n, "%02x", bytes[i]);
}

static void locust__link_init(locust__link *l, locust_env *env)
{
    const locust_options *o = &env->options;
    memset(l, 0, sizeof *l);
    l->env = env;
    l->host = o->master_host && *o->master_host ? o->master_host : "127.0.0.1";
    l->port = o->master_port > 0 ? o->master_port : 5557;
    locust__net_init(&l->net, &env->loop, &env->log);
    l->net.no_arrivals = true;
    locust__resolver_init(&l->resolver, &l->net, &env->services.arena);
    locust__stream_init(&l->stream, &l->net);
    locust__link_rename(l);
}

static bool locust__link_is_open(const locust__link *l)
{
    return locust__stream_is_open(&l->stream) && l->zmtp.ready && !l->error;
}

static void locust__link_close(locust__link *l)
{
    locust__pulse_forget();
    locust__stream_close(&l->stream);
    locust__zmtp_deinit(&l->zmtp);
    l->zmtp.ready = l->has_early = false;
    locust__buf_free(&l->out);
    l->sent = 0;
}

static void locust__link_free(locust__link *l)
{
    locust__link_close(l);
    locust__buf_free(&l->draft);
    locust__buf_free(&l->waiting);
}

/* Sends as much as the socket takes. */
static void locust__link_flush(locust__link *l)
{
    locust__view rest = locust__pulse_rest_of();
    locust__pulse_rest();
    if (rest.len && locust__buf_reserve(&l->out, rest.len)) { // in front of what waits
        memmove(l->out.ptr + l->sent + rest.len, l->out.ptr + l->sent, l->out.len - l->sent);
        memcpy(l->out.ptr + l->sent, rest.ptr, rest.len);
        l->out.len += rest.len;
    }
    while (!l->error && l->sent < l->out.len) {
        struct iovec iov = {l->out.ptr + l->sent, l->out.len - l->sent};
        size_t sent = 0;
        if (l->out.failed || !locust__stream_is_open(&l->stream))
            l->error = l->out.failed ? LOCUST_ERR_MEMORY : LOCUST_ERR_CLOSED;
        else
            l->error = locust__stream_send(&l->stream, &iov, 1, &sent);
        if (l->error || !sent)
            return;
        l->sent += sent;
    }
    if (l->error)
        return;
    l->out.len = l->sent = 0;
    if (l->zmtp.ready)
        locust__pulse_allow();
}

/* Begins a message; its data is to be written to the buf. */
static locust__buf *locust__link_begin(locust__link *l, const char *type)
{
    l->draft.len = 0;
    l->draft.failed = false;
    locust__envelope_begin(&l->draft, type);
    return &l->draft;
}

/* Ends the message that was begun, in a frame at the end of `out`. False: no memory, and none of it
 * is there: a master does not survive a part of a message. */
static bool locust__link_frame(locust__link *l, locust__zmtp *z, locust__buf *out)
{
    locust__msgpack_put_str(&l->draft, l->id);
    if (l->draft.failed || !locust__buf_reserve(out, l->draft.len + 9 + LOCUST__SEAL_TAG)) {
        out->failed = false;
        return false;
    }
    locust__zmtp_send(z, out, (locust__view){l->draft.ptr, l->draft.len});
    return true;
}

/* Sends the message that was begun, if there is a connection. */
static bool locust__link_end(locust__link *l)
{
    bool good = locust__link_is_open(l) && locust__link_frame(l, &l->zmtp, &l->out);
    if (good)
        locust__link_flush(l);
    return good;
}

/* Sends a message without data. */
static void locust__link_send(locust__link *l, const char *type)
{
    locust__msgpack_put_nil(locust__link_begin(l, type));
    locust__link_end(l);
}

/* Receives what comes until then. LOCUST_ERR_TIMEOUT: nothing did. */
static locust_error locust__link_receive(locust__link *l, int64_t deadline_ns) LOCUST__PARKS
{
    locust_error error;
    if (l->error)
        return l->error;
    l->stream.burst = 0;
    error = locust__stream_fill(&l->stream, deadline_ns);
    if (l->stream.in_len) {
        locust__zmtp_feed(&l->zmtp, l->stream.in, l->stream.in_len);
        locust__stream_take(&l->stream, l->stream.in_len);
    }
    return error;
}

static void locust__link_keep_alive(int fd)
{
    int on = 1, idle_s = 30;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
#else
    (void)idle_s;
#endif
}

/* Connects and shakes hands. *why: what ZMTP has to say of an error; NULL: nothing. */
static locust_error locust__link_open(locust__link *l, const char **why) LOCUST__PARKS
{
    int64_t now_ns = locust__os_now_ns(), known_ns = 0;
    locust__allowance a = {now_ns + LOCUST__LINK_PATIENCE_S * LOCUST__S, 0};
    locust_error error;
    enum locust__zmtp_got got;
    *why = NULL;
    l->error = LOCUST_OK;
    error = locust__lookup_dial(&l->resolver, &l->stream, l->host, l->port, &a, &known_ns);
    if (error)
        return error;
    locust__link_keep_alive(l->stream.fd.watch.fd);
    locust__zmtp_init(
        &l->zmtp, false, locust__view_of(l->id), LOCUST__LINK_MAX, l->env->options.secret, &l->out);
    locust__link_flush(l);
    while (!error && !l->zmtp.ready) {
        error = locust__link_receive(l, a.deadline_ns);
        got = locust__zmtp_next(&l->zmtp, &l->early);
        l->has_early = got == LOCUST__ZMTP_MESSAGE;
        if (got == LOCUST__ZMTP_BROKEN)
            error = LOCUST_ERR_NETWORK;
        locust__link_flush(l); // libzmq sends the rest of its greeting when it has all of ours
    }
    *why = l->zmtp.error;
    if (error)
        locust__link_close(l);
    return error;
}

/* The next message; it lies there until the next call. LOCUST_ERR_NETWORK: the master speaks
 * something else. */
static locust_error locust__link_next(locust__link *l, locust__view *message, bool *any)
{
    enum locust__zmtp_got got = LOCUST__ZMTP_MESSAGE;
    if (l->has_early)
        *message = l->early;
    else
        got = locust__zmtp_next(&l->zmtp, message);
    l->has_early = false;
    *any = got == LOCUST__ZMTP_MESSAGE;
    return got == LOCUST__ZMTP_BROKEN ? LOCUST_ERR_NETWORK : LOCUST_OK;
}

/* Keeps a message of the test for later. False: too many are kept. */
static bool locust__link_wait(locust__link *l)
{
    if (l->n_waiting == 1000 || l->waiting.len > LOCUST__LINK_MAX / 8) // libzmq keeps 1000
        return false;
    if (!locust__link_frame(l, NULL, &l->waiting))
        return false;
    l->n_waiting++;
    return true;
}

/* Sends what was kept. */
static void locust__link_catch_up(locust__link *l)
{
    locust__bytes_reader r = locust__bytes_reader_of(l->waiting.ptr, l->waiting.len);
    if (!l->waiting.len ||
        !locust__buf_reserve(&l->out, l->waiting.len + l->n_waiting * LOCUST__SEAL_TAG))
        return;
    while (r.left) { // frames are made anew: their tags are those of this connection
        bool wide = locust__bytes_get_u8(&r) & LOCUST__ZMTP_LONG;
        size_t len = wide ? 0 : locust__bytes_get_u8(&r);
        const unsigned char *body;
        locust__bytes_skip(&r, wide ? 4 : 0); // a message has less than 4 GB
        len = wide ? locust__bytes_get_u32(&r) : len;
        body = locust__bytes_take(&r, len);
        if (!body)
            break;
        locust__zmtp_send(&l->zmtp, &l->out, (locust__view){(const char *)body, len});
    }
    locust__buf_free(&l->waiting);
    l->n_waiting = 0;
    locust__link_flush(l);
}
