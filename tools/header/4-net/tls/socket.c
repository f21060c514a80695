/* ============================================================================================
 * >>tls_socket  between TLS and the socket
 *
 * Purpose     bytes on their way from the socket: a window on them, which is the buffer that all
 *             connections share, or what this one has left over; and the two functions by which
 *             mbedTLS sends and receives.
 * Names       locust__tls_bio_ locust__tls_fill_ locust__tls_keep_ locust__tls_leave_
 *             locust__tls_window_
 * Uses        >>stream >>tls_state
 * ============================================================================================ */

/* The bytes at hand of the connection that is worked for. */
static locust__tls_in *locust__tls_window(const locust__tls_conn *c)
{
    return c->in ? c->in : c->tls->ahead;
}

/* Makes room for `want` bytes from the first one on; the window may become another. */
static locust__tls_in *locust__tls_window_widen(locust__tls_conn *c, size_t want)
{
    locust__tls_in *w = locust__tls_window(c), *ahead = c->tls->ahead;
    if (w->len && w->at + want <= w->cap)
        return w;
    if (w != ahead && (!w->len || want > w->cap)) {
        memcpy(ahead->bytes, w->bytes + w->at, w->len);
        ahead->len = w->len;
        LOCUST_FREE(w);
        c->in = NULL;
        w = ahead;
    } else if (w->len) {
        memmove(w->bytes, w->bytes + w->at, w->len);
    }
    w->at = 0;
    return w;
}

/* Reads more behind the bytes at hand, so that there may be `want` of them. *got 0: none now. */
static locust_error locust__tls_fill(locust__tls_conn *c, size_t want, size_t *got)
{
    locust__tls_in *w = locust__tls_window_widen(c, want);
    locust_error error = LOCUST_OK;
    *got = 0;
    if (locust__layer_is_readable(&c->layer)) {
        char *to = (char *)w->bytes + w->at + w->len;
        error = locust__layer_recv(&c->layer, to, w->cap - w->at - w->len, got);
    }
    w->len += (uint32_t)*got;
    return error;
}

/* The connection is not worked for any longer: bytes in the shared buffer move to it, so that the
 * buffer is free for others. `room`: bytes that they may become until it is worked for again. */
static void locust__tls_keep(locust__tls_conn *c, size_t room)
{
    locust__tls_in *w = locust__tls_window(c);
    size_t from = w->data_len ? w->data_at : w->at, n = w->at + w->len - from;
    if (w != c->tls->ahead) {
        if (n)
            return;
        LOCUST_FREE(w);
        c->in = NULL;
        return;
    }
    if (n) {
        room = room > n ? room : n;
        c->in = LOCUST_MALLOC(sizeof *w + room);
        if (c->in) {
            *c->in =
                (locust__tls_in){(uint32_t)(w->at - from), w->len, (uint32_t)room, 0, w->data_len};
            memcpy(c->in->bytes, w->bytes + from, n);
        } else {
            c->end = LOCUST_ERR_MEMORY;
        }
    }
    w->at = w->len = w->data_at = w->data_len = 0;
}

static int locust__tls_bio_send(void *arg, const unsigned char *bytes, size_t n)
{
    locust__tls_conn *c = arg;
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    size_t sent;
    if (c->deaf) // else mbedTLS would not read on: it first sends what it has left to send
        return (int)n;
    c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
    if (c->io)
        return -1;
    return sent ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* Gives bytes at hand, else reads. */
static int locust__tls_bio_recv(void *arg, unsigned char *out, size_t n)
{
    locust__tls_conn *c = arg;
    locust__tls_shake *shake = c->shake;
    locust__tls_in *w = locust__tls_window(c);
    if (!w->len) {
        size_t got;
        c->io = locust__tls_fill(c, 1, &got);
        if (c->io)
            return c->io == LOCUST_ERR_CLOSED ? 0 : -1;
        if (!got)
            return MBEDTLS_ERR_SSL_WANT_READ;
        w = locust__tls_window(c);
        for (size_t i = 0; i < got && shake->received + i < sizeof shake->first; i++)
            shake->first[shake->received + i] = w->bytes[w->at + i];
        shake->received += got;
    }
    n = n < w->len ? n : w->len;
    memcpy(out, w->bytes + w->at, n);
    w->at += (uint32_t)n;
    w->len -= (uint32_t)n;
    return (int)n;
}

/* Ends mbedTLS's work for this connection. */
static void locust__tls_leave(locust__tls_conn *c)
{
    locust__tls_keep(c, 0);
    c->layer.held = c->in || c->end || mbedtls_ssl_get_bytes_avail(&c->shake->ssl);
}
