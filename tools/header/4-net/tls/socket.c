/* ============================================================================================
 * >>tls_socket  between mbedTLS and the socket
 *
 * Purpose     the two I/O functions that mbedTLS calls.
 * Names       locust__tls_bio_ locust__tls_leave_
 * Uses        >>stream >>tls_state
 * ============================================================================================ */

static int locust__tls_bio_send(void *arg, const unsigned char *bytes, size_t n)
{
    locust__tls_conn *c = arg;
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    size_t sent;
    c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
    if (c->io)
        return -1;
    return sent ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int locust__tls_bio_recv(void *arg, unsigned char *out, size_t n)
{
    locust__tls_conn *c = arg;
    locust__tls *tls = c->tls;
    char *from = c->kept_len ? c->kept + c->kept_at : tls->ahead + tls->ahead_at;
    size_t *at = c->kept_len ? &c->kept_at : &tls->ahead_at;
    size_t *len = c->kept_len ? &c->kept_len : &tls->ahead_len;
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

/* Ends a turn of mbedTLS on this connection: what was read ahead for it and not used is its own. */
static void locust__tls_leave(locust__tls_conn *c)
{
    locust__tls *tls = c->tls;
    if (!c->kept_len) {
        LOCUST_FREE(c->kept);
        c->kept = NULL;
        c->kept_at = 0;
    }
    if (tls->ahead_len) {
        c->kept = locust__text_copy(tls->ahead + tls->ahead_at, tls->ahead_len);
        if (c->kept)
            c->kept_len = tls->ahead_len;
        else
            c->end = LOCUST_ERR_MEMORY;
    }
    tls->ahead_len = 0;
    c->layer.held = c->kept_len || c->end || mbedtls_ssl_get_bytes_avail(&c->ssl);
}
