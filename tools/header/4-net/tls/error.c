/* ============================================================================================
 * >>tls_error  what went wrong
 *
 * Purpose     turns error codes of mbedTLS and alerts of the server into errors of the kit.
 * Names       locust__tls_alert_ locust__tls_error_
 * Uses        >>tls_state >>tls_verify
 * Sources     RFC 8446 section 6, RFC 5246 E.1.
 * ============================================================================================ */

/* The number of the fatal alert that came. */
static int locust__tls_alert(const mbedtls_ssl_context *ssl)
{
#if MBEDTLS_VERSION_NUMBER >= 0x04010000
    return mbedtls_ssl_get_fatal_alert(ssl);
#else
    return ssl->LOCUST__TLS_FIELD(in_msg)[1];
#endif
}

/* The server refuses the versions that the ClientHello offers. A library without TLS 1.3 offers
 * 1.2 alone, and a server that knows only older ones answers by one of them, RFC 5246 E.1: so what
 * this one wants is newer. */
static locust_error locust__tls_version_error(void)
{
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    return LOCUST_ERR_TLS_VERSION;
#else
    return LOCUST_ERR_TLS_VERSION_13;
#endif
}

/* RFC 8446 6.2. A server that wants a certificate may just say "handshake failure". It then has
 * sent its own certificate before (`late`); a server that knows none of the ciphers has not.
 * refused: it got a certificate of ours. */
static locust_error locust__tls_alert_error(int alert, bool refused, bool late)
{
    switch (alert) {
    case 40: // handshake_failure
        if (late)
            return refused ? LOCUST_ERR_TLS_CERT_CLIENT_REFUSED : LOCUST_ERR_TLS_CERT_CLIENT;
        return LOCUST_ERR_TLS_CIPHER;
    case 71: // insufficient_security
        return LOCUST_ERR_TLS_CIPHER;
    case 70: // protocol_version
        return locust__tls_version_error();
    case 116: // certificate_required
        return LOCUST_ERR_TLS_CERT_CLIENT;
    case 42: // bad_certificate and the like: about the client's certificate
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
        return refused ? LOCUST_ERR_TLS_CERT_CLIENT_REFUSED : LOCUST_ERR_TLS_CERT_CLIENT;
    case 112: // unrecognized_name
        return LOCUST_ERR_TLS_NAME;
    case 120: // no_application_protocol
        return LOCUST_ERR_TLS_ALPN;
    default:
        return LOCUST_ERR_TLS_ALERT;
    }
}

/* The error for what mbedTLS returned: what the socket said first, then what the server sent
 * instead of TLS, then the code. */
static locust_error locust__tls_error(const locust__tls_conn *c, int rc)
{
    const locust__tls_shake *shake = c->shake;
    int state = shake->ssl.LOCUST__TLS_FIELD(state);
    bool reads_certs = state == MBEDTLS_SSL_SERVER_CERTIFICATE;
    if (c->io && c->io != LOCUST_ERR_CLOSED)
        return c->io;
    if (shake->received && (shake->first[0] < 20 || shake->first[0] > 24))
        return memcmp(shake->first, "HTTP/", 5) == 0 ? LOCUST_ERR_TLS_PLAIN : LOCUST_ERR_TLS_NONE;
    if (locust__tls_lacks_memory(rc))
        return LOCUST_ERR_MEMORY;
    switch (rc) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return locust__tls_alert_error(locust__tls_alert(&shake->ssl),
            shake->config->cert_file != NULL, shake->received > 7 && shake->full);
    case -0x6E80: // bad protocol version; the name changed in 3.0
        return LOCUST_ERR_TLS_VERSION;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return LOCUST_ERR_TLS_RECORD;
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return LOCUST_ERR_TLS_CLOSED;
    case -0x7100: // a message is longer than the buffer, in the codes of three versions
    case -0x7080:
    case -135:
        return reads_certs || state == MBEDTLS_SSL_CERTIFICATE_REQUEST
                   ? LOCUST_ERR_TLS_CERT_SIZE // in TLS 1.3 that state reads the certificate too
                   : LOCUST_ERR_TLS;
    default:
        return reads_certs || (rc <= -0x2080 && rc >= -0x2A00) ? LOCUST_ERR_TLS_CERT_FORM
                                                               : LOCUST_ERR_TLS;
    }
}
