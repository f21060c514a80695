/* ============================================================================================
 * >>tls_take  taking a connection's records from mbedTLS
 *
 * Purpose     when mbedTLS has done what only it can do, derives the keys of a connection, notes
 *             its sequence numbers, and frees the context: 24 to 45 KB become 56 to 208 bytes.
 * Invariants  only after the handshake succeeded and the server was verified, and only while
 *             mbedTLS holds no byte and no message of the connection. Of TLS 1.3 not before the
 *             first data: session tickets come ahead of it, which mbedTLS alone can make sessions
 *             of.
 * Names       locust__tls_take_ locust__tls_takes_
 * Uses        >>tls >>tls_key >>tls_pool >>tls_state >>tls_export
 * Sources     mbedTLS 2.28.3, 3.6.6, 3.6.7 as they behave.
 * Limits      a TLS 1.3 ticket behind the first data is not kept. Other suites than those of
 *             >>tls_key stay with mbedTLS, and so do all with mbedTLS 4.
 * ============================================================================================ */

/* Is nothing of the connection on its way inside mbedTLS? */
static bool locust__tls_take_is_quiet(const mbedtls_ssl_context *ssl)
{
    return ssl->LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_HANDSHAKE_OVER &&
           !ssl->LOCUST__TLS_FIELD(in_left) && !ssl->LOCUST__TLS_FIELD(in_offt) &&
           !ssl->LOCUST__TLS_FIELD(out_left) && !mbedtls_ssl_check_pending(ssl);
}

static uint64_t locust__tls_take_number(const unsigned char *p)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

/* The suite in use, NULL: mbedTLS keeps the records. */
static const locust__tls_suite *locust__tls_take_suite(const locust__tls_shake *shake)
{
    const char *name = mbedtls_ssl_get_ciphersuite(&shake->ssl);
    const locust__tls_suite *s =
        name ? locust__tls_key_suite(mbedtls_ssl_get_ciphersuite_id(name)) : NULL;
    unsigned want = s && s->hash ? 1U << LOCUST__TLS_SIDE_IN | 1U << LOCUST__TLS_SIDE_OUT
                                 : LOCUST__TLS_EXPORT_MASTER;
    return s && (shake->told & want) == want ? s : NULL;
}

/* The keys, as mbedTLS has them now. NULL: no memory. */
static locust__tls_keys *locust__tls_take_keys(
    const locust__tls_shake *shake, const locust__tls_suite *s)
{
    const mbedtls_ssl_context *ssl = &shake->ssl;
    locust__tls_keys *keys = locust__tls_pool_take(&shake->tls->pool, locust__tls_key_size(s));
    bool done = keys != NULL;
    if (!keys)
        return NULL;
    keys->suite = s;
    if (s->hash)
        for (int side = 0; side < 2; side++)
            done =
                done && locust__tls_key_begin(keys, (locust__tls_side)side, shake->secrets[side]);
    else
        done = locust__tls_key_block(
            keys, (mbedtls_tls_prf_types)shake->prf, shake->secrets[0], shake->randoms);
    keys->seq[LOCUST__TLS_SIDE_IN] = locust__tls_take_number(ssl->LOCUST__TLS_FIELD(in_ctr));
    keys->seq[LOCUST__TLS_SIDE_OUT] = locust__tls_take_number(ssl->LOCUST__TLS_FIELD(cur_out_ctr));
    if (done)
        return keys;
    locust__tls_pool_give(&shake->tls->pool, keys, locust__tls_key_size(s));
    return NULL;
}

/* Bytes of data that a record may have: as many as any, unless a limit was agreed on. (A library
 * may make its own records smaller than it need.) */
static uint16_t locust__tls_take_data_max(const mbedtls_ssl_context *ssl)
{
    int max = mbedtls_ssl_get_max_out_record_payload(ssl);
#if defined(MBEDTLS_SSL_OUT_CONTENT_LEN)
    if (max == MBEDTLS_SSL_OUT_CONTENT_LEN)
        max = LOCUST__TLS_DATA;
#endif
    return (uint16_t)(max > 0 && max < LOCUST__TLS_DATA ? max : LOCUST__TLS_DATA);
}

/* Takes the records over if they are ours to take, now. */
static void locust__tls_take(locust__tls_conn *c)
{
    locust__tls_shake *shake = c->shake;
    const locust__tls_suite *s;
    if (shake->stays || c->end || c->io || !locust__tls_take_is_quiet(&shake->ssl))
        return;
    s = locust__tls_take_suite(shake);
    if (!s) {
        shake->stays = true;
        c->tls->counts.stayed++;
        return;
    }
    if (s->hash && shake->ticket && !shake->answered)
        return;
    c->keys = locust__tls_take_keys(shake, s);
    if (!c->keys)
        return; // mbedTLS goes on with them
    c->data_max = locust__tls_take_data_max(&shake->ssl);
    c->shown = shake->config->cert_file != NULL;
    locust__tls_shake_free(shake);
    c->shake = NULL;
}
