/* ============================================================================================
 * >>tls_socket  between mbedTLS and the socket
 *
 * Purpose     the two functions by which mbedTLS sends and receives: through what lies under the
 *             layer, which is the socket.
 * Names       locust__tls_bio_ locust__tls_leave_
 * Uses        >>stream >>tls_state
 * ============================================================================================ */

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

/* Gives bytes that the connection has left over, else bytes that were read ahead, else reads. */
static int locust__tls_bio_recv(void *arg, unsigned char *out, size_t n)
{
    locust__tls_conn *c = arg;
    locust__tls *tls = c->tls;
    char *from = c->rest_len ? c->rest + c->rest_at : tls->ahead + tls->ahead_at;
    size_t *at = c->rest_len ? &c->rest_at : &tls->ahead_at;
    size_t *len = c->rest_len ? &c->rest_len : &tls->ahead_len;
    if (!*len) {
        if (!locust__layer_is_readable(&c->layer))
            return MBEDTLS_ERR_SSL_WANT_READ;
        c->io = locust__layer_recv(&c->layer, tls->ahead, LOCUST__TLS_AHEAD, len);
        if (c->io)
            return c->io == LOCUST_ERR_CLOSED ? 0 : -1;
        if (!*len)
            return MBEDTLS_ERR_SSL_WANT_READ;
        for (size_t i = 0; i < *len && c->received + i < sizeof c->first; i++)
            c->first[c->received + i] = (unsigned char)tls->ahead[i];
        c->received += *len;
        *at = 0;
        from = tls->ahead;
    }
    n = n < *len ? n : *len;
    memcpy(out, from, n);
    *at += n;
    *len -= n;
    return (int)n;
}

/* Ends mbedTLS's work for this connection: bytes that were read ahead for it and not used move to
 * it, so that the buffer is free for others. */
static void locust__tls_leave(locust__tls_conn *c)
{
    locust__tls *tls = c->tls;
    if (!c->rest_len) {
        LOCUST_FREE(c->rest);
        c->rest = NULL;
        c->rest_at = 0;
    }
    if (tls->ahead_len) {
        c->rest = locust__text_copy(tls->ahead + tls->ahead_at, tls->ahead_len);
        if (c->rest)
            c->rest_len = tls->ahead_len;
        else
            c->end = LOCUST_ERR_MEMORY;
    }
    tls->ahead_len = 0;
    c->layer.held = c->rest_len || c->end || mbedtls_ssl_get_bytes_avail(&c->ssl);
}
