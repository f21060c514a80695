/* ============================================================================================
 * >>tls_config  configurations
 *
 * Purpose     one mbedtls_ssl_config for each set of options: versions, groups, client certificate.
 * Names       locust__tls_config_ locust__tls_configure_ locust__tls_is_ locust__tls_parse_
 *             locust__tls_read_ locust__tls_same_ locust__tls_set_
 * Uses        >>tls >>tls_state >>tls_export >>tls_version
 * ============================================================================================ */

/* Offers P-256 first: most servers have it, and mbedTLS is fastest with it, unless it has Everest's
 * X25519. */
static void locust__tls_set_groups(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#if defined(MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED)
    static const uint16_t groups[] = {29, 23, 24, 25, 0}; // IANA: x25519, secp256r1, 384, 521
#else
    static const uint16_t groups[] = {23, 29, 24, 25, 0};
#endif
    mbedtls_ssl_conf_groups(conf, groups);
#else
    static const mbedtls_ecp_group_id curves[] = {
#if defined(MBEDTLS_ECP_DP_SECP256R1_ENABLED)
        MBEDTLS_ECP_DP_SECP256R1,
#endif
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)
        MBEDTLS_ECP_DP_CURVE25519,
#endif
#if defined(MBEDTLS_ECP_DP_SECP384R1_ENABLED)
        MBEDTLS_ECP_DP_SECP384R1,
#endif
#if defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED)
        MBEDTLS_ECP_DP_SECP521R1,
#endif
        MBEDTLS_ECP_DP_NONE,
    };
    mbedtls_ssl_conf_curves(conf, curves);
#endif
}

static void locust__tls_set_versions(mbedtls_ssl_config *conf, int min, int max)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const mbedtls_ssl_protocol_version versions[] = {
        MBEDTLS_SSL_VERSION_TLS1_2, MBEDTLS_SSL_VERSION_TLS1_3};
    mbedtls_ssl_conf_min_tls_version(conf, versions[min - 2]);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_max_tls_version(conf, versions[max - 2]);
#else
    (void)max;
    mbedtls_ssl_conf_max_tls_version(conf, versions[0]);
#endif
#else
    (void)min; // always 1.2: see locust__tls_check
    (void)max;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int locust__tls_parse_key(mbedtls_pk_context *key, const char *pem, size_t n)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0, mbedtls_psa_get_random,
        MBEDTLS_PSA_RANDOM_STATE);
#else
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0);
#endif
}

static bool locust__tls_is_pair(const mbedtls_x509_crt *cert, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_check_pair(
               &cert->pk, key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) == 0;
#else
    return mbedtls_pk_check_pair(&cert->pk, key) == 0;
#endif
}

/* Reads the client certificate and its key. */
static locust_error locust__tls_read_cert(locust__tls *tls, locust__tls_config *c)
{
    const char *key_file = c->key_file ? c->key_file : c->cert_file;
    locust__buf cert = locust__os_read_file(c->cert_file, 1 << 20);
    locust__buf key = locust__os_read_file(key_file, 1 << 20);
    locust_error error = LOCUST_OK;
    if (!cert.ptr || mbedtls_x509_crt_parse(&c->cert, (unsigned char *)cert.ptr, cert.len + 1) < 0)
        error =
            locust__tls_break(tls, "cannot read a client certificate (PEM) from %s", c->cert_file);
    else if (!key.ptr || locust__tls_parse_key(&c->key, key.ptr, key.len + 1) != 0)
        error = locust__tls_break(
            tls, "cannot read a private key (PEM, without a password) from %s", key_file);
    else if (!locust__tls_is_pair(&c->cert, &c->key))
        error =
            locust__tls_break(tls, "the private key in %s is not the one of the certificate in %s",
                key_file, c->cert_file);
    else if (mbedtls_ssl_conf_own_cert(&c->conf, &c->cert, &c->key) != 0)
        error = LOCUST_ERR_MEMORY;
    if (key.ptr)
        memset(key.ptr, 0, key.len);
    locust__buf_free(&cert);
    locust__buf_free(&key);
    return error;
}

static locust_error locust__tls_configure(locust__tls *tls, locust__tls_config *c)
{
#if defined(MBEDTLS_SSL_ALPN)
    static const char *protocols[][3] = {
        {NULL}, {"http/1.1", NULL}, {"h2", NULL}, {"h2", "http/1.1", NULL}};
#endif
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t no_pss[] = {0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601, 0};
#endif
    int min = tls->options.min ? locust__tls_version(tls->options.min) : 2;
    int max = tls->options.max ? locust__tls_version(tls->options.max) : 3;
    if (mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
            MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return LOCUST_ERR_MEMORY;
    mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE); // see locust__tls_verify
#if MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_rng(&c->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
#endif
    mbedtls_ssl_conf_ciphersuites(&c->conf, tls->ciphers);
    locust__tls_set_groups(&c->conf);
    locust__tls_set_versions(&c->conf, min, c->no_pss ? 2 : max);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (c->no_pss)
        mbedtls_ssl_conf_sig_algs(&c->conf, no_pss);
#endif
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && \
    MBEDTLS_VERSION_NUMBER >= 0x03060100 && MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &c->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if LOCUST__WITH_RECORDS
    locust__tls_export_from_config(tls, &c->conf);
#endif
#if defined(MBEDTLS_SSL_ALPN)
    if (c->http && mbedtls_ssl_conf_alpn_protocols(&c->conf, protocols[c->http]) != 0)
        return LOCUST_ERR_TLS;
#endif
    if (c->key_file && !c->cert_file)
        return locust__tls_break(
            tls, "there is no client certificate for the private key in %s", c->key_file);
    return c->cert_file ? locust__tls_read_cert(tls, c) : LOCUST_OK;
}

static bool locust__tls_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The configuration for such connections, made if it is new. One that could not be made stays in
 * the list: the next connection tries again, unless the test ends for it. */
static locust_error locust__tls_config_of(
    locust__tls *tls, const locust__tls_how *how, bool no_pss, locust__tls_config **out)
{
    locust__tls_config *c = tls->configs;
    locust_error error = LOCUST_OK;
    while (c && !(c->http == how->http && c->no_pss == no_pss &&
                    locust__tls_same(c->cert_file, how->cert_file) &&
                    locust__tls_same(c->key_file, how->key_file)))
        c = c->next;
    if (!c) {
        c = locust__arena_zalloc(tls->arena, sizeof *c);
        if (!c)
            return LOCUST_ERR_MEMORY;
        c->cert_file = how->cert_file;
        c->key_file = how->key_file;
        c->http = how->http;
        c->no_pss = no_pss;
        c->next = tls->configs;
        tls->configs = c;
    }
    *out = c;
    if (c->ready)
        return LOCUST_OK;
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_pk_init(&c->key);
    error = locust__tls_configure(tls, c);
    if (error)
        locust__tls_config_clear(c);
    c->ready = !error;
    return error;
}
