/* ============================================================================================
 * >>web_tls  the web interface over https
 *
 * Purpose     the server's half of TLS, as a layer of a stream: --tls-cert and --tls-key.
 * Invariants  mbedTLS runs on the loop's stack. Connections keep their contexts: pages are few.
 * Cost        some 40 KB for each open connection, a handshake of a few milliseconds.
 * Names       locust__web_tls locust__web_tls_
 * Uses        >>co >>switch >>fd >>stream >>tls >>tls_version >>tls_config
 * Sources     RFC 8446, RFC 5246.
 * ============================================================================================ */

#if LOCUST__WITH_TLS && defined(MBEDTLS_SSL_SRV_C)

typedef struct locust__web_tls {
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    locust__loop *loop;
} locust__web_tls;

typedef struct locust__web_tls_conn { // one connection
    locust__layer layer;
    mbedtls_ssl_context ssl;
    locust__loop *loop;
    const locust__web_tls *tls;
    locust_error io; // the last result of the socket
    // Of a call on the loop's stack.
    unsigned char *to;
    const unsigned char *from;
    size_t n;
    int rc;
} locust__web_tls_conn;

LOCUST__COLD static int locust__web_tls_bio_send(void *arg, const unsigned char *from, size_t n)
{
    locust__web_tls_conn *c = arg;
    struct iovec iov = {(void *)(uintptr_t)from, n};
    size_t sent = 0;
    c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
    if (c->io)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    return sent ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

LOCUST__COLD static int locust__web_tls_bio_recv(void *arg, unsigned char *to, size_t n)
{
    locust__web_tls_conn *c = arg;
    size_t got = 0;
    if (!locust__layer_is_readable(&c->layer))
        return MBEDTLS_ERR_SSL_WANT_READ;
    c->io = locust__layer_recv(&c->layer, (char *)to, n, &got);
    if (got)
        return (int)got;
    return c->io == LOCUST_ERR_CLOSED ? 0
           : c->io                    ? MBEDTLS_ERR_SSL_INTERNAL_ERROR
                                      : MBEDTLS_ERR_SSL_WANT_READ;
}

LOCUST__COLD static bool locust__web_tls_waits(int rc)
{
    return rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE;
}

LOCUST__COLD static void locust__web_tls_read_call(void *arg)
{
    locust__web_tls_conn *c = arg;
    c->rc = mbedtls_ssl_read(&c->ssl, c->to, c->n);
    c->layer.held = mbedtls_ssl_get_bytes_avail(&c->ssl) > 0 || mbedtls_ssl_check_pending(&c->ssl);
}

LOCUST__COLD static locust_error locust__web_tls_recv(
    locust__layer *layer, char *to, size_t n, size_t *got)
{
    locust__web_tls_conn *c = (locust__web_tls_conn *)(void *)layer;
    c->to = (unsigned char *)to;
    c->n = n;
    locust__co_call(c->loop, locust__web_tls_read_call, c);
    *got = c->rc > 0 ? (size_t)c->rc : 0;
    return c->rc > 0 || locust__web_tls_waits(c->rc) ? LOCUST_OK : LOCUST_ERR_CLOSED;
}

LOCUST__COLD static void locust__web_tls_write_call(void *arg)
{
    locust__web_tls_conn *c = arg;
    c->rc = mbedtls_ssl_write(&c->ssl, c->from, c->n);
}

LOCUST__COLD static locust_error locust__web_tls_send(
    locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    locust__web_tls_conn *c = (locust__web_tls_conn *)(void *)layer;
    (void)n; // the other piece comes with the next call
    c->from = iov->iov_base;
    c->n = iov->iov_len < LOCUST__TLS_DATA ? iov->iov_len : LOCUST__TLS_DATA;
    locust__co_call(c->loop, locust__web_tls_write_call, c);
    *sent = c->rc > 0 ? (size_t)c->rc : 0;
    return c->rc > 0 || locust__web_tls_waits(c->rc) ? LOCUST_OK : LOCUST_ERR_CLOSED;
}

LOCUST__COLD static void locust__web_tls_close_call(void *arg)
{
    locust__web_tls_conn *c = arg;
    if (!c->io)
        mbedtls_ssl_close_notify(&c->ssl); // leaves at once or not at all
    mbedtls_ssl_free(&c->ssl);
    LOCUST_FREE(c);
}

LOCUST__COLD static void locust__web_tls_close(locust__layer *layer)
{
    locust__web_tls_conn *c = (locust__web_tls_conn *)(void *)layer;
    locust__co_call(c->loop, locust__web_tls_close_call, c);
}

LOCUST__COLD static void locust__web_tls_setup_call(void *arg)
{
    locust__web_tls_conn *c = arg;
    c->rc = mbedtls_ssl_setup(&c->ssl, &c->tls->conf);
    if (c->rc == 0)
        mbedtls_ssl_set_bio(&c->ssl, c, locust__web_tls_bio_send, locust__web_tls_bio_recv, NULL);
}

LOCUST__COLD static void locust__web_tls_step_call(void *arg)
{
    locust__web_tls_conn *c = arg;
    c->rc = mbedtls_ssl_handshake(&c->ssl);
    c->loop->excused = true; // no task is to blame for a loop that this held
}

/* Shakes hands on a new connection. False: it is to be closed. */
LOCUST__COLD static bool locust__web_tls_shake(
    const locust__web_tls *tls, locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__web_tls_conn *c = locust__memory_zalloc(sizeof *c);
    if (!c)
        return false;
    c->loop = tls->loop;
    c->tls = tls;
    c->layer.recv = locust__web_tls_recv;
    c->layer.send = locust__web_tls_send;
    c->layer.close = locust__web_tls_close;
    mbedtls_ssl_init(&c->ssl);
    locust__layer_push(&c->layer, s);
    locust__co_call(c->loop, locust__web_tls_setup_call, c);
    if (c->rc)
        return false;
    for (;;) {
        enum locust__wake why;
        locust__co_call(c->loop, locust__web_tls_step_call, c);
        if (!locust__web_tls_waits(c->rc))
            return c->rc == 0;
        why = c->rc == MBEDTLS_ERR_SSL_WANT_WRITE
                  ? locust__fd_wait_write(c->loop, &s->fd, deadline_ns)
                  : locust__fd_wait_read(c->loop, &s->fd, deadline_ns);
        if (why != LOCUST__WAKE_EVENT || !locust__stream_is_open(s))
            return false;
    }
}

LOCUST__COLD static void locust__web_tls_free(locust__web_tls *tls)
{
    if (!tls)
        return;
    mbedtls_ssl_config_free(&tls->conf);
    mbedtls_x509_crt_free(&tls->cert);
    mbedtls_pk_free(&tls->key);
    LOCUST_FREE(tls);
}

/* Reads certificate and key. NULL, or what is wrong. */
LOCUST__COLD static const char *locust__web_tls_read(
    locust__web_tls *tls, const char *cert_file, const char *key_file)
{
    locust__buf cert = locust__os_read_file(cert_file, 1 << 20);
    locust__buf key = locust__os_read_file(key_file, 1 << 20);
    const char *wrong = NULL;
    if (!cert.ptr ||
        mbedtls_x509_crt_parse(&tls->cert, (unsigned char *)cert.ptr, cert.len + 1) < 0)
        wrong = "--tls-cert: that file is no certificate (PEM) that can be read";
    else if (!key.ptr || locust__tls_parse_key(&tls->key, key.ptr, key.len + 1) != 0)
        wrong = "--tls-key: that file is no private key (PEM, without a password) that can be read";
    else if (!locust__tls_is_pair(&tls->cert, &tls->key))
        wrong = "--tls-key is not the private key of --tls-cert";
    else if (mbedtls_ssl_conf_own_cert(&tls->conf, &tls->cert, &tls->key) != 0)
        wrong = "out of memory";
    if (key.ptr)
        memset(key.ptr, 0, key.len);
    locust__buf_free(&cert);
    locust__buf_free(&key);
    return wrong;
}

/* Makes the server's half of TLS. NULL: *wrong says why. */
LOCUST__COLD static locust__web_tls *locust__web_tls_open(
    locust_env *env, const char *cert_file, const char *key_file, const char **wrong)
{
    locust__web_tls *tls = locust__memory_zalloc(sizeof *tls);
    *wrong = "out of memory";
    if (!tls || locust__tls_start(&env->services.tls)) {
        LOCUST_FREE(tls);
        return NULL;
    }
    tls->loop = &env->loop;
    mbedtls_ssl_config_init(&tls->conf);
    mbedtls_x509_crt_init(&tls->cert);
    mbedtls_pk_init(&tls->key);
    if (mbedtls_ssl_config_defaults(&tls->conf, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
            MBEDTLS_SSL_PRESET_DEFAULT) == 0) {
#if MBEDTLS_VERSION_NUMBER < 0x04000000
        mbedtls_ssl_conf_rng(&tls->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
#endif
        locust__tls_set_versions(&tls->conf, 2, 3);
        *wrong = locust__web_tls_read(tls, cert_file, key_file);
    }
    if (!*wrong)
        return tls;
    locust__web_tls_free(tls);
    return NULL;
}

#else

typedef struct locust__web_tls {
    char unused;
} locust__web_tls;

LOCUST__COLD static locust__web_tls *locust__web_tls_open(
    const locust_env *env, const char *cert_file, const char *key_file, const char **wrong)
{
    (void)env, (void)cert_file, (void)key_file;
    *wrong = LOCUST__WITH_TLS
                 ? "--tls-cert: the mbedTLS of this program has no server's half"
                 : "--tls-cert needs TLS: compile the test with -DLOCUST_TLS and link it with "
                   "-lmbedtls -lmbedx509 -lmbedcrypto";
    return NULL;
}

LOCUST__COLD static void locust__web_tls_free(locust__web_tls *tls)
{
    (void)tls; // there is none
}

LOCUST__COLD static bool locust__web_tls_shake(
    const locust__web_tls *tls, locust_stream *s, int64_t deadline_ns)
{
    (void)tls, (void)s, (void)deadline_ns;
    return false;
}

#endif
