/* ============================================================================================
 * >>tls_export  what mbedTLS tells of a handshake's secrets
 *
 * Purpose     notes them when mbedTLS comes to have them, for >>tls_take.
 * Invariants  they count for nothing before the handshake succeeded and the server was verified:
 *             mbedTLS also tells them of handshakes that fail later.
 * Names       locust__tls_export_
 * Uses        >>tls_key >>tls_state
 * Sources     mbedTLS 2.28.3 tells a configuration, once, the master secret; 3.6 tells a
 *             connection, of TLS 1.3 one traffic secret after the other.
 * ============================================================================================ */

enum { LOCUST__TLS_EXPORT_MASTER = 4 }; // beside a bit for each side

static void locust__tls_export_master(locust__tls_shake *shake, const unsigned char *master,
    const unsigned char client[32], const unsigned char server[32], int prf)
{
    memcpy(shake->secrets[0], master, LOCUST__TLS_KEY_MASTER);
    memcpy(shake->randoms, server, 32); // in the order of RFC 5246 6.3
    memcpy(shake->randoms + 32, client, 32);
    shake->prf = prf;
    shake->told |= LOCUST__TLS_EXPORT_MASTER;
}

#if MBEDTLS_VERSION_NUMBER < 0x03000000
static int locust__tls_export_block(void *arg, const unsigned char *master,
    const unsigned char *block, size_t mac_len, size_t key_len, size_t iv_len,
    const unsigned char client[32], const unsigned char server[32], mbedtls_tls_prf_types prf)
{
    locust__tls *tls = arg;
    (void)block, (void)mac_len, (void)key_len, (void)iv_len;
    if (tls->shaking)
        locust__tls_export_master(tls->shaking, master, client, server, (int)prf);
    return 0;
}

static void locust__tls_export_from_config(locust__tls *tls, mbedtls_ssl_config *conf)
{
    mbedtls_ssl_conf_export_keys_ext_cb(conf, locust__tls_export_block, tls);
}

static void locust__tls_export_from(locust__tls_shake *shake)
{
    (void)shake; // the configuration tells
}
#else
static void locust__tls_export_secret(void *arg, mbedtls_ssl_key_export_type type,
    const unsigned char *secret, size_t n, const unsigned char client[32],
    const unsigned char server[32], mbedtls_tls_prf_types prf)
{
    locust__tls_shake *shake = arg;
    int side = LOCUST__TLS_SIDE_OUT;
    if (n > LOCUST__TLS_KEY_SECRET)
        return;
    switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
        if (n == LOCUST__TLS_KEY_MASTER)
            locust__tls_export_master(shake, secret, client, server, (int)prf);
        break;
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
        side = LOCUST__TLS_SIDE_IN; // fall through
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
        memcpy(shake->secrets[side], secret, n);
        shake->told |= 1U << side;
        break;
#endif
    default: // of the handshake itself
        (void)side;
        break;
    }
}

static void locust__tls_export_from_config(locust__tls *tls, mbedtls_ssl_config *conf)
{
    (void)tls, (void)conf; // the connection tells
}

static void locust__tls_export_from(locust__tls_shake *shake)
{
    mbedtls_ssl_set_export_keys_cb(&shake->ssl, locust__tls_export_secret, shake);
}
#endif
