/* ============================================================================================
 * >>stream  reading and writing a connection, through layers
 *
 * Purpose     blocking-style read and write for coroutines, with deadlines: through the layers of
 *             the stream (TLS, a protocol on it), or straight to the socket if there is none.
 * Invariants  a stream's unread bytes are in the loop's scratch buffer, which lasts until the next
 *             park, or in memory of the stream's own, into which they are moved before a park. So
 *             an idle connection holds no buffer, and whoever returns to the test's code settles
 *             the stream first. A read is tried only when the poller, or a layer, said that it may
 *             find bytes.
 * Cost        one send and one recv a request; no allocation unless bytes arrive in pieces.
 * Names       locust__stream_ locust__layer_
 * Uses        >>co >>switch >>fd >>net
 * Limits      while a body is being sent the answer is not looked at: an early refusal is read when
 *             the peer closes, or after the last byte.
 *
 *   locust__stream_read   takes what is in `in` first
 *     |
 *   s->layer              the top layer, e.g. frames of a protocol
 *     | below
 *   layer                 e.g. TLS
 *     | below: NULL
 *   socket                locust__stream_socket_recv, locust__stream_socket_send
 * ============================================================================================ */

/* A protocol between a stream and its socket. Its owner embeds it and puts it on top of the
 * stream's layers by locust__layer_push; its functions reach what lies under it by
 * locust__layer_recv and locust__layer_send. None of them parks.
 *
 *   recv   gives up to n bytes; *got 0: none now. LOCUST_ERR_CLOSED: the end, and then every time.
 *   send   takes bytes from up to two pieces; *sent 0: no room now. Bytes count as sent once all
 *          that the layer made of them has gone down. A layer that stopped half-way gets the same
 *          bytes again.
 *   close  frees the layer. The layers under it and the socket are still open.
 */
typedef struct locust__layer {
    locust_stream *stream;
    struct locust__layer *below; // NULL: the socket
    locust_error (*recv)(struct locust__layer *layer, char *to, size_t n, size_t *got);
    locust_error (*send)(struct locust__layer *layer, const struct iovec *iov, int n, size_t *sent);
    void (*close)(struct locust__layer *layer);
    bool held; // it has something to give without reading from below
} locust__layer;

struct locust_stream {
    locust__fd fd; // fd.watch.fd < 0: closed
    locust__net *net;
    locust__layer *layer; // the top one; NULL: bytes go to the socket as they are
    bool datagrams;       // a read takes one datagram, and there may be more
    bool h2;              // by ALPN the server has chosen HTTP/2
    bool stray;           // bytes came out of turn: locust__stream_is_quiet
    const char *in;       // unread bytes
    size_t in_len;
    char *own; // the memory that `in` points into; NULL: the scratch buffer
    size_t own_cap;
    size_t burst;       // bytes moved since the last park
    int64_t arrived_ns; // when the last bytes read reached this machine; 0: unknown
    int64_t pause_ns;   // the longest wait within a message, until its reader takes it
    int64_t late_ns; // how long, at most, the peer waited for the loop while the stream was opened
};

enum { LOCUST__STREAM_BURST = 1 << 20 }; // bytes a coroutine moves before it lets others run

static void locust__stream_init(locust_stream *s, locust__net *net)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    s->fd.watch.fd = -1;
}

static bool locust__stream_is_open(const locust_stream *s)
{
    return s->fd.watch.fd >= 0;
}

/* Counts the wake-up of a reader or writer for whom the peer has waited. */
static void locust__stream_count_late(locust_stream *s)
{
    s->late_ns += locust__loop_waited_ns(s->net->loop);
}

static void locust__stream_close(locust_stream *s)
{
    if (!locust__stream_is_open(s))
        return;
    while (s->layer) { // the top one first: what it says at its end goes through those under it
        locust__layer *layer = s->layer;
        s->layer = layer->below;
        layer->close(layer);
    }
    locust__fd_close(s->net->loop, &s->fd);
    s->net->open--;
    LOCUST_FREE(s->own);
    s->own = NULL;
    s->own_cap = s->in_len = 0;
}

/* Takes over a nonblocking, connected or connecting descriptor; closes it if that fails. */
static locust_error locust__stream_adopt(locust_stream *s, int fd)
{
    int on = 1, rc;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // a unix socket refuses; fine
    if (!s->net->no_arrivals)
        locust__os_stamp(fd);
    rc = locust__fd_open(s->net->loop, &s->fd, fd);
    if (rc < 0) {
        close(fd);
        s->fd.watch.fd = -1;
        return locust__net_error(-rc);
    }
    s->net->open++;
    s->in_len = 0;
    s->arrived_ns = s->pause_ns = 0;
    s->stray = s->h2 = false;
    return LOCUST_OK;
}

/* What a wait came to: woken by an event, cancelled, or too late, for which the caller has the
 * word. */
static locust_error locust__stream_woken(enum locust__wake why, locust_error timeout)
{
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED
           : why == LOCUST__WAKE_TIMEOUT ? timeout
                                         : LOCUST_OK;
}

/* Moves unread bytes out of the scratch buffer, before a park or a return to the test's code.
 * Closes the stream if there is no memory for them. */
static locust_error locust__stream_settle(locust_stream *s)
{
    if (!s->in_len && s->own) { // an idle stream holds no buffer
        LOCUST_FREE(s->own);
        s->own = NULL;
        s->own_cap = 0;
    }
    if (!s->in_len || s->own)
        return LOCUST_OK;
    s->own = LOCUST_MALLOC(s->in_len + 4096);
    if (!s->own) {
        locust__stream_close(s); // its bytes are lost
        return LOCUST_ERR_MEMORY;
    }
    memcpy(s->own, s->in, s->in_len);
    s->own_cap = s->in_len + 4096;
    s->in = s->own;
    return LOCUST_OK;
}

/* Where the next bytes go, behind the unread ones, and how many fit. NULL: no memory. */
static char *locust__stream_room(locust_stream *s, size_t *room)
{
    char *scratch = s->net->loop->scratch;
    if (!s->in_len) {
        if (s->own)
            LOCUST_FREE(s->own);
        s->own = NULL;
        s->in = scratch;
    }
    if (!s->own) {
        size_t at = (size_t)(s->in - scratch) + s->in_len;
        *room = LOCUST__LOOP_SCRATCH - at;
        if (*room)
            return scratch + at;
        if (locust__stream_settle(s))
            return NULL;
    }
    if (s->in != s->own)
        memmove(s->own, s->in, s->in_len);
    s->in = s->own;
    if (s->own_cap - s->in_len < 2048) {
        char *own = LOCUST_REALLOC(s->own, 2 * s->own_cap);
        if (!own)
            return NULL;
        s->in = s->own = own;
        s->own_cap *= 2;
    }
    *room = s->own_cap - s->in_len;
    return s->own + s->in_len;
}

/* recv that keeps the poller's flags true: a short read means that the socket is empty, unless the
 * peer has hung up and its FIN or error is still to be read. *got 0: no bytes yet. */
static locust_error locust__stream_socket_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    int64_t stamp_ns = 0;
    ssize_t rc;
    do
        rc = s->net->no_arrivals ? LOCUST__SYS(recv)(s->fd.watch.fd, to, n, 0)
                                 : locust__os_recv(s->fd.watch.fd, to, n, &stamp_ns);
    while (rc < 0 && errno == EINTR);
    *got = rc > 0 ? (size_t)rc : 0;
    if (rc > 0)
        s->arrived_ns = stamp_ns ? stamp_ns - s->net->loop->epoch_ns : 0;
    if ((rc < 0 && errno == EAGAIN) || (rc > 0 && *got < n && !s->fd.watch.hup && !s->datagrams))
        s->fd.watch.readable = false;
    if (rc == 0)
        return s->datagrams ? LOCUST_OK : LOCUST_ERR_CLOSED;
    return rc < 0 && errno != EAGAIN ? locust__net_error(errno) : LOCUST_OK;
}

static locust_error locust__stream_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    locust_error error =
        s->layer ? s->layer->recv(s->layer, to, n, got) : locust__stream_socket_recv(s, to, n, got);
    s->burst += *got;
    return error;
}

/* May a recv find something? Any layer may hold the bytes that the top one asks for. */
static bool locust__stream_is_readable(const locust_stream *s)
{
    for (const locust__layer *layer = s->layer; layer; layer = layer->below)
        if (layer->held)
            return true;
    return s->fd.watch.readable;
}

/* Puts a layer on top of the others. Bytes that the stream has read already did not pass through
 * it: its owner takes them over, or makes sure that there are none. */
LOCUST__UNUSED static void locust__layer_push(locust__layer *layer, locust_stream *s)
{
    layer->stream = s;
    layer->below = s->layer;
    s->layer = layer;
}

/* Reads what lies under a layer. */
LOCUST__UNUSED static locust_error locust__layer_recv(
    const locust__layer *layer, char *to, size_t n, size_t *got)
{
    return layer->below ? layer->below->recv(layer->below, to, n, got)
                        : locust__stream_socket_recv(layer->stream, to, n, got);
}

/* May locust__layer_recv find something? */
LOCUST__UNUSED static bool locust__layer_is_readable(const locust__layer *layer)
{
    for (const locust__layer *below = layer->below; below; below = below->below)
        if (below->held)
            return true;
    return layer->stream->fd.watch.readable;
}

/* True if the stream is idle, so that it may carry another request. `readable` alone cannot tell:
 * it stays set after a read that exactly filled its buffer, and TLS has records without data. If
 * false, close the stream: this call may have consumed a byte. s->stray then says whether there
 * were bytes, and not just an end. */
static bool locust__stream_is_quiet(locust_stream *s)
{
    char byte;
    size_t got = 0;
    bool ended = false;
    if (s->layer && locust__stream_is_readable(s)) {
        ended = s->layer->recv(s->layer, &byte, 1, &got) != LOCUST_OK;
    } else if (s->fd.watch.readable) {
        ssize_t rc = recv(s->fd.watch.fd, &byte, 1, MSG_PEEK);
        got = rc > 0;
        if (rc < 0 && errno == EAGAIN && !s->fd.watch.hup)
            s->fd.watch.readable = false;
    }
    s->stray |= got > 0;
    return !got && !ended && !locust__stream_is_readable(s) && !s->fd.watch.hup;
}

/* Parks until a recv may find something. A reader that took LOCUST__STREAM_BURST bytes without
 * parking yields instead, so that it neither starves other users nor misses its deadline. */
static locust_error locust__stream_await(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    locust_error error;
    if (!locust__stream_is_open(s))
        return LOCUST_ERR_CLOSED;
    if (locust__stream_is_readable(s) && s->burst < LOCUST__STREAM_BURST)
        return LOCUST_OK;
    error = locust__stream_settle(s);
    if (error)
        return error;
    if (locust__stream_is_readable(s)) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
    } else {
        why = locust__fd_wait_read(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Reads more bytes behind the unread ones; s->in may move. LOCUST_ERR_CLOSED: the stream's end. */
static locust_error locust__stream_fill(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        locust_error error = locust__stream_await(s, deadline_ns);
        size_t room, got;
        char *at;
        if (error)
            return error;
        if (!locust__stream_is_open(s))
            continue;
        at = locust__stream_room(s, &room);
        if (!at)
            return LOCUST_ERR_MEMORY;
        error = locust__stream_recv(s, at, room, &got);
        s->in_len += got;
        if (error || got)
            return error;
    }
}

/* Drops the first n unread bytes. */
static void locust__stream_take(locust_stream *s, size_t n)
{
    s->in += n;
    s->in_len -= n;
}

/* Gives 1 to n bytes: unread ones if there are any, else it reads straight into `to`. */
static locust_error locust__stream_read(
    locust_stream *s, char *to, size_t n, size_t *got, int64_t deadline_ns) LOCUST__PARKS
{
    *got = n < s->in_len ? n : s->in_len;
    if (*got) {
        memcpy(to, s->in, *got);
        locust__stream_take(s, *got);
        return LOCUST_OK;
    }
    for (;;) {
        locust_error error = locust__stream_await(s, deadline_ns);
        if (!error && locust__stream_is_open(s))
            error = locust__stream_recv(s, to, n, got);
        if (error || *got)
            return error;
    }
}

/* send that keeps the poller's flags true. *sent 0: no room now. */
static locust_error locust__stream_socket_send(
    locust_stream *s, const struct iovec *iov, int n, size_t *sent)
{
    struct msghdr message;
    ssize_t rc;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)(uintptr_t)iov;
    message.msg_iovlen = (__typeof__(message.msg_iovlen))n; // int, unsigned or size_t
    do
        rc = n == 1 ? LOCUST__SYS(send)(
                          s->fd.watch.fd, iov->iov_base, iov->iov_len, LOCUST__OS_SEND_FLAGS)
                    : LOCUST__SYS(sendmsg)(s->fd.watch.fd, &message, LOCUST__OS_SEND_FLAGS);
    while (rc < 0 && errno == EINTR);
    *sent = rc > 0 ? (size_t)rc : 0;
    if (rc >= 0)
        return LOCUST_OK;
    if (errno != EAGAIN)
        return locust__net_error(errno);
    s->fd.watch.writable = false;
    return LOCUST_OK;
}

/* Sends through what lies under a layer. */
LOCUST__UNUSED static locust_error locust__layer_send(
    const locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    return layer->below ? layer->below->send(layer->below, iov, n, sent)
                        : locust__stream_socket_send(layer->stream, iov, n, sent);
}

static locust_error locust__stream_send(
    locust_stream *s, const struct iovec *iov, int n, size_t *sent)
{
    return s->layer ? s->layer->send(s->layer, iov, n, sent)
                    : locust__stream_socket_send(s, iov, n, sent);
}

/* Parks until the socket takes more; yields if it does so already, after a burst of bytes. */
static locust_error locust__stream_await_room(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    if (s->fd.watch.writable) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
    } else {
        why = locust__fd_wait_write(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Sends `head` and then `body`. The head may be in the scratch buffer: what is not yet sent of it
 * is copied before the first park. */
static locust_error locust__stream_write(
    locust_stream *s, locust__view head, locust__view body, int64_t deadline_ns) LOCUST__PARKS
{
    char *copy = NULL;
    locust_error error = LOCUST_OK;
    while (!error && head.len + body.len) {
        struct iovec iov[2] = {
            {(void *)(uintptr_t)head.ptr, head.len}, {(void *)(uintptr_t)body.ptr, body.len}};
        size_t sent = 0, of_head;
        if (!locust__stream_is_open(s)) {
            error = LOCUST_ERR_CLOSED;
            break;
        }
        if (s->burst < LOCUST__STREAM_BURST)
            error = locust__stream_send(
                s, head.len ? iov : iov + 1, head.len && body.len ? 2 : 1, &sent);
        if (error)
            break;
        of_head = sent < head.len ? sent : head.len;
        if (of_head)
            head = locust__view_skip(head, of_head);
        if (sent > of_head) // a request without a body has none to point at: NULL + 0 is undefined
            body = locust__view_skip(body, sent - of_head);
        s->burst += sent;
        if (sent)
            continue;
        if (head.len && !copy) {
            copy = locust__text_copy(head.ptr, head.len);
            head.ptr = copy;
            error = copy ? LOCUST_OK : LOCUST_ERR_MEMORY;
        }
        if (!error)
            error = locust__stream_await_room(s, deadline_ns);
    }
    LOCUST_FREE(copy);
    return error;
}
