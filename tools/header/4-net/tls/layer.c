/* ============================================================================================
 * >>tls_layer  reads and writes through TLS
 *
 * Purpose     TLS as a layer of a stream: recv, send and close, each of which calls mbedTLS on the
 *             loop's stack.
 * Names       locust__tls_close_ locust__tls_drop_ locust__tls_end_ locust__tls_is_
 *             locust__tls_last_ locust__tls_op_ locust__tls_pack locust__tls_pass locust__tls_read_
 *             locust__tls_recv_ locust__tls_resume
 *             locust__tls_save_ locust__tls_send_ locust__tls_session locust__tls_write_
 * Uses        >>switch >>stream >>tls >>tls_pool >>tls_state >>tls_socket >>tls_error
 *             >>tls_own >>tls_take
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

typedef struct locust__tls_session { // one of mbedTLS's
    mbedtls_ssl_session session;
    char slack[32]; // for a library that was built with a longer time_t than the test
} locust__tls_session;

/* Makes a ticket of a session. NULL: no memory. */
static locust__tls_ticket *locust__tls_pack(locust__tls *tls, const mbedtls_ssl_session *session)
{
    locust__tls_ticket *ticket;
    size_t n = 0;
    if (mbedtls_ssl_session_save(session, tls->stage, LOCUST__TLS_AHEAD, &n) != 0)
        return NULL;
    ticket = locust__tls_pool_take(&tls->pool, sizeof *ticket + n);
    if (ticket) {
        ticket->tls = tls;
        ticket->len = (uint32_t)n;
        memcpy(ticket->bytes, tls->stage, n);
    }
    mbedtls_platform_zeroize(tls->stage, n);
    return ticket;
}

/* Saves the session for the next connection to this server. */
static void locust__tls_save(locust__tls_conn *c)
{
    locust__tls_shake *shake = c->shake;
    locust__tls_session s;
    locust__tls_ticket *ticket = NULL;
    if (!shake->ticket)
        return;
    mbedtls_ssl_session_init(&s.session);
    if (mbedtls_ssl_get_session(&shake->ssl, &s.session) == 0)
        ticket = locust__tls_pack(c->tls, &s.session);
    mbedtls_ssl_session_free(&s.session);
    if (ticket) {
        ticket->config = shake->config;
        ticket->trusted = shake->trusted;
    }
    locust__tls_ticket_free(*shake->ticket); // it was for one connection
    *shake->ticket = ticket;
}

/* Has mbedTLS try to resume the session of the last connection, if it may. */
static void locust__tls_resume(locust__tls_conn *c, bool insecure)
{
    locust__tls_shake *shake = c->shake;
    const locust__tls_ticket *ticket = shake->ticket ? *shake->ticket : NULL;
    locust__tls_session s;
    if (!ticket || ticket->config != shake->config || (!ticket->trusted && !insecure))
        return;
    mbedtls_ssl_session_init(&s.session);
    if (mbedtls_ssl_session_load(&s.session, ticket->bytes, ticket->len) == 0) {
        shake->trusted = ticket->trusted;
        mbedtls_ssl_set_session(&shake->ssl, &s.session); // refused: a full handshake
    }
    mbedtls_ssl_session_free(&s.session);
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

/* Reads until the buffer is full or no bytes are left. mbedTLS says that it wants to read, too,
 * when it has put a message aside and there are bytes at hand. */
static locust_error locust__tls_read(locust__tls_conn *c, char *to, size_t n, size_t *got)
{
    mbedtls_ssl_context *ssl = &c->shake->ssl;
    locust_error error = c->end;
    int rc = 1;
    while (!c->end && *got < n &&
           (rc > 0 || locust__tls_is_ticket(rc) ||
               (rc == MBEDTLS_ERR_SSL_WANT_READ &&
                   (locust__tls_window(c)->len || mbedtls_ssl_check_pending(ssl))))) {
        rc = mbedtls_ssl_read(ssl, (unsigned char *)to + *got, n - *got);
        if (rc > 0)
            *got += (size_t)rc;
        else if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    }
    c->shake->answered |= *got > 0;
    if (rc <= 0 && !locust__tls_is_ticket(rc) && rc != MBEDTLS_ERR_SSL_WANT_READ &&
        rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        c->end = locust__tls_end(c, rc);
        error = *got ? LOCUST_OK : c->end; // what came before the end goes first
    }
    return error;
}

/* Ends mbedTLS's work for this connection; for good, if its records are ours to take now. */
static void locust__tls_pass(locust__tls_conn *c, bool take)
{
#if LOCUST__WITH_RECORDS
    if (take)
        locust__tls_take(c);
    if (!locust__tls_is_shaking(c)) {
        locust__tls_own_leave(c);
        return;
    }
#else
    (void)take;
#endif
    locust__tls_leave(c);
}

static void locust__tls_read_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
#if LOCUST__WITH_RECORDS
    if (!locust__tls_is_shaking(c)) {
        op->error = locust__tls_own_recv(c, op->to, op->n, &op->done);
        return;
    }
#endif
    op->error = locust__tls_read(c, op->to, op->n, &op->done);
    locust__tls_pass(c, c->shake->answered);
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
        last = mbedtls_ssl_read(&c->shake->ssl, &unused, 0);
    c->io = last == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? LOCUST_OK : said;
    return c->io ? rc : last;
}

/* Sends up to one record, gathered from up to two pieces. After mbedTLS found no room it must get
 * the same bytes again; it does, as the caller passes the same pieces and nothing else decides what
 * is taken. */
static locust_error locust__tls_write(
    locust__tls_conn *c, const struct iovec *iov, int n_iov, size_t *sent)
{
    const unsigned char *from = iov->iov_base;
    size_t n = iov->iov_len;
    locust_error error = LOCUST_OK;
    int rc;
    if (n_iov > 1 && n < LOCUST__TLS_DATA) {
        size_t more = LOCUST__TLS_DATA - n;
        more = more < iov[1].iov_len ? more : iov[1].iov_len;
        memcpy(c->tls->stage, from, n);
        memcpy(c->tls->stage + n, iov[1].iov_base, more);
        from = c->tls->stage;
        n += more;
    }
    n = n < LOCUST__TLS_DATA ? n : LOCUST__TLS_DATA;
    do {
        rc = mbedtls_ssl_write(&c->shake->ssl, from, n);
        if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    } while (locust__tls_is_ticket(rc));
    if (rc > 0)
        *sent = (size_t)rc;
    else if (rc != MBEDTLS_ERR_SSL_WANT_WRITE && rc != MBEDTLS_ERR_SSL_WANT_READ)
        error = locust__tls_end(c, locust__tls_last_words(c, rc));
    if (error && !c->io) // it was an alert, which every read says again
        c->end = error;
    return error;
}

static void locust__tls_write_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
#if LOCUST__WITH_RECORDS
    if (!locust__tls_is_shaking(c)) {
        op->error = locust__tls_own_send(c, op->iov, op->n_iov, &op->done);
        return;
    }
#endif
    op->error = locust__tls_write(c, op->iov, op->n_iov, &op->done);
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
    if (locust__tls_is_shaking(c)) {
        if (!c->end && !c->io)
            mbedtls_ssl_close_notify(&c->shake->ssl); // leaves at once or not at all
    }
#if LOCUST__WITH_RECORDS
    else
        locust__tls_own_close(c);
#endif
    locust__tls_conn_free(c);
}

static void locust__tls_close(locust__layer *layer)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__co_call(c->tls->loop, locust__tls_close_call, c);
}
