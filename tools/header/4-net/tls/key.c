/* ============================================================================================
 * >>tls_key  the keys of a connection whose records the kit makes
 *
 * Purpose     which suites the kit can seal and open; their keys out of what a handshake leaves:
 *             the master secret of TLS 1.2, the traffic secrets of TLS 1.3.
 * Invariants  a sequence number counts the records of one key, and is never used twice.
 * Cost        64 to 208 bytes a connection. TLS 1.3: two HMACs for the keys of a side, three to
 *             renew them.
 * Names       locust__tls_key_ locust__tls_keys locust__tls_side_ locust__tls_suite
 * Sources     RFC 5246 6.3, RFC 5288, RFC 7905; RFC 8446 5.3, 7.1, 7.2, 7.3.
 *
 *   locust__tls_keys   suite, sequence numbers | key IV (secret) | key IV (secret)
 *                                                what comes in    what goes out
 * ============================================================================================ */

typedef struct locust__tls_suite {
    uint16_t id;     // IANA's number
    uint8_t key, iv; // bytes of a key, and of what is kept of the nonce
    uint8_t hash;    // bytes of a traffic secret; 0: TLS 1.2, which has none
    bool chacha;     // ChaCha20-Poly1305; false: AES-GCM
} locust__tls_suite;

static const locust__tls_suite locust__tls_key_suites[] = {
    {0x1301, 16, 12, 32, false},                          // TLS_AES_128_GCM_SHA256
    {0x1302, 32, 12, 48, false},                          // TLS_AES_256_GCM_SHA384
    {0xC02B, 16, 4, 0, false},                            // ECDHE-ECDSA, and so on: RFC 5289
    {0xC02C, 32, 4, 0, false}, {0xC02F, 16, 4, 0, false}, // ECDHE-RSA
    {0xC030, 32, 4, 0, false}, {0x009C, 16, 4, 0, false}, // RSA: RFC 5288
    {0x009D, 32, 4, 0, false}, {0x009E, 16, 4, 0, false}, // DHE-RSA
    {0x009F, 32, 4, 0, false},
#if defined(MBEDTLS_CHACHAPOLY_C)
    {0x1303, 32, 12, 32, true}, // TLS_CHACHA20_POLY1305_SHA256
    {0xCCA8, 32, 12, 0, true},  // ECDHE-RSA: RFC 7905
    {0xCCA9, 32, 12, 0, true},  // ECDHE-ECDSA
    {0xCCAA, 32, 12, 0, true},  // DHE-RSA
#endif
};

typedef enum locust__tls_side { LOCUST__TLS_SIDE_IN, LOCUST__TLS_SIDE_OUT } locust__tls_side;

typedef struct locust__tls_keys {
    const locust__tls_suite *suite;
    uint64_t seq[2];       // of the next record of each side
    unsigned char bytes[]; // of each side: key, IV, traffic secret
} locust__tls_keys;

enum { LOCUST__TLS_KEY_MASTER = 48, LOCUST__TLS_KEY_SECRET = 48, LOCUST__TLS_KEY_RANDOMS = 64 };

/* NULL: records of this suite are not for the kit. */
static const locust__tls_suite *locust__tls_key_suite(int id)
{
    for (size_t i = 0; i < sizeof locust__tls_key_suites / sizeof *locust__tls_key_suites; i++)
        if (locust__tls_key_suites[i].id == id)
            return &locust__tls_key_suites[i];
    return NULL;
}

static size_t locust__tls_key_of_side(const locust__tls_suite *s)
{
    return (size_t)s->key + s->iv + s->hash;
}

/* Bytes of locust__tls_keys for a suite. */
static size_t locust__tls_key_size(const locust__tls_suite *s)
{
    return sizeof(locust__tls_keys) + 2 * locust__tls_key_of_side(s);
}

/* The key of a side; behind it its IV, and its secret. */
static unsigned char *locust__tls_key_at(locust__tls_keys *keys, locust__tls_side side)
{
    return keys->bytes + (size_t)side * locust__tls_key_of_side(keys->suite);
}

/* HKDF-Expand-Label without a context, RFC 8446 7.1: one HMAC, for no output is longer than the
 * hash. False: no memory. */
static bool locust__tls_key_expand(const locust__tls_suite *s, const unsigned char *secret,
    const char *label, unsigned char *out, size_t n)
{
    size_t len = strlen(label);
    unsigned char info[32] = {0, (unsigned char)n, (unsigned char)(6 + len)}, hash[64];
    int rc;
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, len);
    info[9 + len] = 0;  // the length of the context
    info[10 + len] = 1; // HKDF's counter, RFC 5869 2.3
    rc = mbedtls_md_hmac(
        mbedtls_md_info_from_type(s->hash == 48 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256), secret,
        s->hash, info, 11 + len, hash);
    if (rc == 0)
        memcpy(out, hash, n);
    mbedtls_platform_zeroize(hash, sizeof hash);
    return rc == 0;
}

/* Begins with a traffic secret of TLS 1.3, RFC 8446 7.3. False: no memory. */
static bool locust__tls_key_begin(
    locust__tls_keys *keys, locust__tls_side side, const unsigned char *secret)
{
    const locust__tls_suite *s = keys->suite;
    unsigned char *key = locust__tls_key_at(keys, side);
    memmove(key + s->key + s->iv, secret, s->hash);
    keys->seq[side] = 0;
    return locust__tls_key_expand(s, secret, "key", key, s->key) &&
           locust__tls_key_expand(s, secret, "iv", key + s->key, s->iv);
}

/* Renews the keys of a side, RFC 8446 7.2. False: no memory. */
static bool locust__tls_key_renew(locust__tls_keys *keys, locust__tls_side side)
{
    const locust__tls_suite *s = keys->suite;
    unsigned char *secret = locust__tls_key_at(keys, side) + s->key + s->iv;
    unsigned char next[LOCUST__TLS_KEY_SECRET];
    bool done = locust__tls_key_expand(s, secret, "traffic upd", next, s->hash) &&
                locust__tls_key_begin(keys, side, next);
    mbedtls_platform_zeroize(next, sizeof next);
    return done;
}

/* Takes the keys of TLS 1.2 from its key block, RFC 5246 6.3: AEAD suites have no MAC keys in it.
 * randoms: the server's, then the client's. False: mbedTLS has no such PRF, or no memory. */
static bool locust__tls_key_block(locust__tls_keys *keys, mbedtls_tls_prf_types prf,
    const unsigned char master[LOCUST__TLS_KEY_MASTER],
    const unsigned char randoms[LOCUST__TLS_KEY_RANDOMS])
{
    const locust__tls_suite *s = keys->suite;
    unsigned char block[2 * (32 + 12)];
    unsigned char *in = locust__tls_key_at(keys, LOCUST__TLS_SIDE_IN);
    unsigned char *out = locust__tls_key_at(keys, LOCUST__TLS_SIDE_OUT);
    const unsigned char *at =
        block; // the client's key, the server's, the client's IV, the server's
    int rc = mbedtls_ssl_tls_prf(prf, master, LOCUST__TLS_KEY_MASTER, "key expansion", randoms,
        LOCUST__TLS_KEY_RANDOMS, block, 2 * locust__tls_key_of_side(s));
    if (rc == 0) {
        memcpy(out, at, s->key);
        memcpy(in, at + s->key, s->key);
        at += (size_t)2 * s->key;
        memcpy(out + s->key, at, s->iv);
        memcpy(in + s->key, at + s->iv, s->iv);
    }
    mbedtls_platform_zeroize(block, sizeof block);
    return rc == 0;
}
