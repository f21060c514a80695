/* ============================================================================================
 * >>tls_handshake  the handshake
 *
 * Purpose     puts TLS on a connection: the handshake, one step in each turn of the loop;
 *             verification; resumption; a second try without RSA-PSS where mbedTLS needs it.
 * Names       locust__tls_connect_ locust__tls_done_ locust__tls_handshake_ locust__tls_is_
 *             locust__tls_judge_server locust__tls_make_ locust__tls_name locust__tls_open_
 *             locust__tls_refuses_ locust__tls_step_
 * Uses        >>co >>switch >>fd >>sync >>address >>stream >>allowance >>tls >>tls_state
 *             >>tls_export >>tls_version >>tls_config >>tls_verify >>tls_socket >>tls_error
 *             >>tls_layer
 * ============================================================================================ */

/* mbedTLS 3.6.6 and 4.1.0 offer RSA-PSS in TLS 1.2 and then refuse it. A server that chooses it
 * gets a second connection that does not offer it. */
static bool locust__tls_refuses_pss(void)
{
#if defined(MBEDTLS_VERSION_C)
    unsigned version = mbedtls_version_get_number();
    return version == 0x03060600 || version == 0x04010000;
#else
    return MBEDTLS_VERSION_NUMBER == 0x03060600 || MBEDTLS_VERSION_NUMBER == 0x04010000;
#endif
}

/* Is this a server that must not be offered RSA-PSS? */
static bool locust__tls_is_plain(const locust__tls *tls, const char *host, int port)
{
    const locust__tls_plain *p = tls->plain;
    while (p && (p->port != port || strcmp(p->host, host) != 0))
        p = p->next;
    return p != NULL;
}

/* Remembers not to offer RSA-PSS to this server. False: no memory. */
static bool locust__tls_make_plain(locust__tls *tls, const char *host, int port)
{
    size_t n = strlen(host) + 1;
    locust__tls_plain *p;
    if (locust__tls_is_plain(tls, host, port))
        return true;
    p = locust__arena_zalloc(tls->arena, sizeof *p + n);
    if (!p)
        return false;
    memcpy(p->host, host, n);
    p->port = port;
    p->next = tls->plain;
    tls->plain = p;
    return true;
}

/* Prepares the handshake: configuration, host name, session to resume. */
static void locust__tls_open_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    locust__tls_shake *shake = c->shake;
    locust__addr unused;
    op->error = locust__tls_start(c->tls);
    if (!op->error)
        op->error = locust__tls_config_of(
            c->tls, op->how, locust__tls_is_plain(c->tls, op->host, op->port), &shake->config);
    if (op->error)
        return;
    // SNI has names only, no addresses: RFC 6066 3.
    if (mbedtls_ssl_setup(&shake->ssl, &shake->config->conf) != 0 ||
        mbedtls_ssl_set_hostname(
            &shake->ssl, locust__addr_parse(&unused, op->host, 0) ? NULL : op->host) != 0) {
        op->error = LOCUST_ERR_MEMORY;
        return;
    }
    mbedtls_ssl_set_bio(&shake->ssl, c, locust__tls_bio_send, locust__tls_bio_recv, NULL);
#if LOCUST__WITH_RECORDS
    locust__tls_export_from(shake);
#endif
    locust__tls_resume(c, op->how->insecure);
}

/* The handshake succeeded: is it the right server? */
static locust_error locust__tls_judge_server(locust__tls_conn *c, const locust__tls_op *op)
{
    locust__tls_shake *shake = c->shake;
    locust_error error = LOCUST_OK;
    if (!shake->trusted && !op->how->insecure) {
        error = locust__tls_verify(c->tls, &shake->ssl, op->host, op->how);
        shake->trusted = !error;
    }
    if (error && error != LOCUST_ERR_TLS)
        mbedtls_ssl_send_alert_message(
            &shake->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    if (!error && op->how->see_leaf)
        op->how->see_leaf(op->how->see_arg, mbedtls_ssl_get_peer_cert(&shake->ssl));
    if (!error) {
#if defined(MBEDTLS_SSL_ALPN)
        const char *chosen = mbedtls_ssl_get_alpn_protocol(&shake->ssl);
        c->layer.stream->h2 = chosen && strcmp(chosen, "h2") == 0;
#endif
        locust__tls_drop_certs(&shake->ssl);
        locust__tls_save(c);
    }
    return error;
}

/* One step of a handshake: as far as the bytes at hand allow. At its end the server is verified. */
static void locust__tls_step_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    locust__tls_shake *shake = c->shake;
    int64_t began_ns = locust__os_now_ns();
    bool over = false;
    op->rc = 0;
    c->tls->shaking = shake;
    while (op->rc == 0 && !over) {
        op->rc = mbedtls_ssl_handshake_step(&shake->ssl);
        shake->full |= shake->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
        over = shake->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
        if (locust__tls_is_ticket(op->rc))
            op->rc = 0;
    }
    c->tls->shaking = NULL;
    shake->trusted = shake->trusted && !shake->full;
    if (over)
        op->error = locust__tls_judge_server(c, op);
    if (op->rc && op->rc != MBEDTLS_ERR_SSL_WANT_READ && op->rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        op->rc = locust__tls_last_words(c, op->rc);
        op->error = locust__tls_error(c, op->rc);
    }
    locust__tls_leave(c);
    shake->cpu_ns += locust__os_now_ns() - began_ns;
    c->tls->loop->excused = true; // no task is to blame for a loop that this held
    if (c->layer.stream->arrived_ns && c->layer.stream->arrived_ns < began_ns)
        locust__loop_count_late(c->tls->loop, began_ns - c->layer.stream->arrived_ns);
}

/* Takes a step of a handshake. One connection does so in each turn of the loop, so that answers to
 * other users are not delayed. */
static locust_error locust__tls_step(
    locust__tls *tls, locust__tls_op *op, locust__allowance *a) LOCUST__PARKS
{
    locust_error error = locust__allowance_take(a, tls->loop, &tls->steps);
    enum locust__wake why;
    int64_t before_ns;
    if (error)
        return error;
    locust__co_call(tls->loop, locust__tls_step_call, op);
    before_ns = locust__loop_clock(tls->loop);
    why = locust__co_yield(tls->loop);
    op->c->layer.stream->late_ns += tls->loop->step_ns - before_ns; // others ran
    locust__sem_give(tls->loop, &tls->steps);
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED : LOCUST_OK;
}

/* Makes one step after the other, waiting for the socket between them. */
static locust_error locust__tls_handshake(
    locust__tls *tls, locust__tls_op *op, locust__allowance *a) LOCUST__PARKS
{
    locust_stream *s = op->c->layer.stream;
    for (;;) {
        locust_error error = locust__tls_step(tls, op, a);
        if (error || op->error || op->rc == 0)
            return error ? error : op->error;
        if (op->rc == MBEDTLS_ERR_SSL_WANT_WRITE && !s->fd.watch.writable)
            error = locust__stream_woken(locust__fd_wait_write(tls->loop, &s->fd, a->deadline_ns),
                LOCUST_ERR_CONNECT_TIMEOUT);
        else if (op->rc == MBEDTLS_ERR_SSL_WANT_READ && !locust__layer_is_readable(&op->c->layer))
            error = locust__stream_woken(locust__fd_wait_read(tls->loop, &s->fd, a->deadline_ns),
                LOCUST_ERR_CONNECT_TIMEOUT);
        locust__stream_count_late(s);
        if (error)
            return error;
    }
}

/* Counts a handshake that succeeded. What is not mbedTLS's to do any longer is ours. */
static void locust__tls_done_call(void *arg)
{
    locust__tls_conn *c = arg;
    locust__tls_counts *counts = &c->tls->counts;
    if (c->shake->full) {
        counts->full++;
        counts->full_ns += c->shake->cpu_ns;
    } else {
        counts->resumed++;
        counts->resumed_ns += c->shake->cpu_ns;
    }
#if !LOCUST__WITH_RECORDS
    counts->stayed++;
#endif
    locust__tls_pass(c, true);
}

/* The host's name without the dot that ends a full one, which is neither in SNI nor in
 * certificates: RFC 6066 3. Not on the user's stack: most users would need a page more. */
static const char *locust__tls_name(locust__tls_shake *shake, const char *host)
{
    size_t len = strlen(host);
    len -= len && host[len - 1] == '.';
    len = len < sizeof shake->host ? len : sizeof shake->host - 1;
    memcpy(shake->host, host, len);
    return shake->host;
}

/* Puts TLS on a connected stream; closes it if that fails. *retry: another connection will succeed.
 * ticket: holds the session to resume and gets the new one; NULL: no resumption. */
static locust_error locust__tls_connect(locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, locust__allowance *a,
    bool *retry) LOCUST__PARKS
{
    locust__tls_conn *c = locust__tls_conn_new(tls);
    locust__tls_op op = {.c = c, .port = port, .how = how};
    *retry = false;
    if (!c) {
        locust__stream_close(s);
        return LOCUST_ERR_MEMORY;
    }
    op.host = locust__tls_name(c->shake, host);
    c->layer.recv = locust__tls_recv;
    c->layer.send = locust__tls_send;
    c->layer.close = locust__tls_close;
    c->shake->ticket = tls->options.no_resume ? NULL : ticket;
    locust__layer_push(&c->layer, s);
    locust__co_call(tls->loop, locust__tls_open_call, &op);
    if (!op.error)
        op.error = locust__tls_handshake(tls, &op, a);
    if (!op.error) {
        locust__co_call(tls->loop, locust__tls_done_call, c);
        return LOCUST_OK;
    }
    if (op.rc == -0x6600 && locust__tls_refuses_pss() && !c->shake->config->no_pss)
        *retry = locust__tls_make_plain(tls, op.host, port);
    c->end = op.error; // no close_notify
    locust__stream_close(s);
    return op.error;
}
