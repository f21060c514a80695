/* ============================================================================================
 * >>tls_layer  reads and writes through TLS
 *
 * Purpose     TLS as a layer of a stream: recv, send and close, each of which calls mbedTLS on the
 *             loop's stack.
 * Names       locust__tls_close_ locust__tls_drop_ locust__tls_end_ locust__tls_is_
 *             locust__tls_last_ locust__tls_op_ locust__tls_read_ locust__tls_recv_
 *             locust__tls_save_ locust__tls_send_ locust__tls_write_
 * Uses        >>switch >>stream >>tls >>tls_state >>tls_socket >>tls_error
 * ============================================================================================ */

typedef struct locust__tls_op { // arguments and results of a call on the loop's stack
    locust__tls_conn *c;
    char *to;
    const struct iovec *iov;
    int n_iov;
    size_t n, done;
    const char *host;
    int port;
    const locust__tls_how *how;
    locust_error error;
    int rc;
} locust__tls_op;

/* Frees the certificates of a server that was verified: 2 KB and more, and as much in each copy of
 * the session. Only if they are where this header expects them: a library that was built with
 * another time_t has another layout. */
static void locust__tls_drop_certs(mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
    mbedtls_ssl_session *session = ssl->LOCUST__TLS_FIELD(session);
    mbedtls_x509_crt *leaf = session ? session->LOCUST__TLS_FIELD(peer_cert) : NULL;
    if (!leaf || leaf != mbedtls_ssl_get_peer_cert(ssl))
        return;
    mbedtls_x509_crt_free(leaf);
    mbedtls_free(leaf);
    session->LOCUST__TLS_FIELD(peer_cert) = NULL;
#else
    (void)ssl;
#endif
}

/* Saves the session for the next connection to this server. */
static void locust__tls_save(locust__tls_conn *c)
{
    locust__tls_ticket *t;
    if (!c->ticket)
        return;
    if (!*c->ticket)
        *c->ticket = locust__memory_zalloc(sizeof **c->ticket);
    t = *c->ticket;
    if (!t)
        return;
    mbedtls_ssl_session_free(&t->session);
    mbedtls_ssl_session_init(&t->session);
    t->config = c->config;
    t->trusted = c->trusted;
    t->valid = mbedtls_ssl_get_session(&c->ssl, &t->session) == 0;
}

static bool locust__tls_is_ticket(int rc)
{
    return rc == -0x7B00; // MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET, which 2.28 does not know
}

/* The error for the end of a connection after the handshake. Without close_notify it was cut. */
static locust_error locust__tls_end(const locust__tls_conn *c, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return LOCUST_ERR_CLOSED;
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_CONN_EOF)
        return LOCUST_ERR_TLS_CUT;
    return locust__tls_error(c, rc);
}

/* Reads until the buffer is full or no bytes are left. */
static void locust__tls_read_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    int rc = 1;
    if (c->end) {
        op->error = c->end;
        return;
    }
    while (op->done < op->n && (rc > 0 || locust__tls_is_ticket(rc))) {
        rc = mbedtls_ssl_read(&c->ssl, (unsigned char *)op->to + op->done, op->n - op->done);
        if (rc > 0)
            op->done += (size_t)rc;
        else if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    }
    if (rc <= 0 && !locust__tls_is_ticket(rc) && rc != MBEDTLS_ERR_SSL_WANT_READ &&
        rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        c->end = locust__tls_end(c, rc);
        op->error = op->done ? LOCUST_OK : c->end; // what came before the end goes first
    }
    locust__tls_leave(c);
}

static locust_error locust__tls_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__tls_op op = {.c = c, .to = to, .n = n};
    locust__co_call(c->tls->loop, locust__tls_read_call, &op);
    *got = op.done;
    return op.error;
}

/* A server that says why it ends the connection, and ends it, makes writes fail; what it said can
 * still be read, behind session tickets too. Returns a fatal alert if there is one, or rc. Data
 * stays to be read. */
static int locust__tls_last_words(locust__tls_conn *c, int rc)
{
    enum { TICKETS = 32 }; // calls of mbedTLS, two a ticket
    locust_error said = c->io;
    unsigned char unused;
    int last = MBEDTLS_ERR_SSL_WANT_READ;
    if (said != LOCUST_ERR_PIPE && said != LOCUST_ERR_RESET)
        return rc;
    c->deaf = true;
    c->layer.stream->fd.watch.readable = true;
    for (int i = 0;
         i < TICKETS && (last == MBEDTLS_ERR_SSL_WANT_READ || locust__tls_is_ticket(last)); i++)
        last = mbedtls_ssl_read(&c->ssl, &unused, 0);
    c->io = last == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? LOCUST_OK : said;
    return c->io ? rc : last;
}

/* Sends up to one record, gathered from up to two pieces. After mbedTLS found no room it must get
 * the same bytes again; it does, as the caller passes the same pieces and nothing else decides what
 * is taken. */
static void locust__tls_write_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    char *stage = c->tls->ahead + LOCUST__TLS_AHEAD;
    const char *from = op->iov->iov_base;
    size_t n = op->iov->iov_len;
    int rc;
    if (op->n_iov > 1 && n < LOCUST__TLS_RECORD) {
        size_t more = LOCUST__TLS_RECORD - n;
        more = more < op->iov[1].iov_len ? more : op->iov[1].iov_len;
        memcpy(stage, from, n);
        memcpy(stage + n, op->iov[1].iov_base, more);
        from = stage;
        n += more;
    }
    n = n < LOCUST__TLS_RECORD ? n : LOCUST__TLS_RECORD;
    do {
        rc = mbedtls_ssl_write(&c->ssl, (const unsigned char *)from, n);
        if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    } while (locust__tls_is_ticket(rc));
    if (rc > 0)
        op->done = (size_t)rc;
    else if (rc != MBEDTLS_ERR_SSL_WANT_WRITE && rc != MBEDTLS_ERR_SSL_WANT_READ)
        op->error = locust__tls_end(c, locust__tls_last_words(c, rc));
    if (op->error && !c->io) // it was an alert, which every read says again
        c->end = op->error;
    locust__tls_leave(c);
}

static locust_error locust__tls_send(
    locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__tls_op op = {.c = c, .iov = iov, .n_iov = n};
    locust__co_call(c->tls->loop, locust__tls_write_call, &op);
    *sent = op.done;
    return op.error;
}

static void locust__tls_close_call(void *arg)
{
    locust__tls_conn *c = arg;
    if (!c->end && !c->io)
        mbedtls_ssl_close_notify(&c->ssl); // leaves at once or not at all
    mbedtls_ssl_free(&c->ssl);
    LOCUST_FREE(c->rest);
    LOCUST_FREE(c);
}

static void locust__tls_close(locust__layer *layer)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__co_call(c->tls->loop, locust__tls_close_call, c);
}
