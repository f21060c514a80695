/* ============================================================================================
 * >>tls_record  one protected record: sealed and opened
 *
 * Purpose     turns bytes into a record and a record into bytes, by mbedTLS's AES-GCM and
 *             ChaCha20-Poly1305, where they lie or from one place to another.
 * Invariants  what does not open is never seen: its place is cleared. A key's schedule lives as
 *             long as one call.
 * Cost        a record of 200 bytes 0.7 to 1 us, of which 0.1 us is the key schedule: which need
 *             not be kept, then (400 bytes and more a side).
 * Names       locust__tls_record_
 * Uses        >>tls >>tls_key
 * Sources     RFC 8446 5; RFC 5246 6.2, RFC 5288 3, RFC 7905 2.
 *
 *   TLS 1.3            23 3 3 length | data, type, zeros         sealed | tag
 *   TLS 1.2, AES-GCM  type 3 3 length | nonce, 8 bytes | data    sealed | tag
 *   TLS 1.2, ChaCha20 type 3 3 length | data                     sealed | tag
 * ============================================================================================ */

enum {
    LOCUST__TLS_RECORD_CIPHER_SPEC = 20,
    LOCUST__TLS_RECORD_ALERT = 21,
    LOCUST__TLS_RECORD_HANDSHAKE = 22,
    LOCUST__TLS_RECORD_DATA = 23,
};
enum {
    LOCUST__TLS_RECORD_HEADER = 5,
    LOCUST__TLS_RECORD_TAG = 16,
    LOCUST__TLS_RECORD_FRONT = 13, // header and nonce, at most
};

/* What a record cannot be, as the alert that says so, RFC 8446 6.2. */
enum {
    LOCUST__TLS_RECORD_NO_MEMORY = -1,
    LOCUST__TLS_RECORD_OK = 0,
    LOCUST__TLS_RECORD_UNEXPECTED = 10,
    LOCUST__TLS_RECORD_BAD_MAC = 20,
    LOCUST__TLS_RECORD_OVERFLOW = 22,
    LOCUST__TLS_RECORD_ILLEGAL = 47,
    LOCUST__TLS_RECORD_DECODE = 50,
};

typedef struct locust__tls_record { // what was in one
    int type;
    unsigned char *data;
    size_t n;
} locust__tls_record;

/* Bytes in front of the data. */
static size_t locust__tls_record_front(const locust__tls_suite *s)
{
    return LOCUST__TLS_RECORD_HEADER + (s->iv == 4 ? 8 : 0);
}

/* Bytes that a record has besides its data, at least. */
static size_t locust__tls_record_extra(const locust__tls_suite *s)
{
    return locust__tls_record_front(s) + (s->hash != 0) + LOCUST__TLS_RECORD_TAG;
}

/* The length of the record that begins with these n bytes, its header counted; 0: they do not say
 * yet. */
static size_t locust__tls_record_size(const unsigned char *p, size_t n)
{
    if (n < LOCUST__TLS_RECORD_HEADER)
        return 0;
    return LOCUST__TLS_RECORD_HEADER + ((size_t)p[3] << 8 | p[4]);
}

/* Can this header, of 5 bytes, be that of a record to come? RFC 8446 5.2, RFC 5246 6.2.3. TLS 1.3
 * has data alone on its outside, and pays no attention to the version. */
static int locust__tls_record_check(const locust__tls_suite *s, const unsigned char *p)
{
    size_t body = (size_t)p[3] << 8 | p[4];
    bool v13 = s->hash != 0;
    if (v13 ? p[0] != LOCUST__TLS_RECORD_DATA : p[0] < 20 || p[0] > 23 || p[1] != 3 || p[2] != 3)
        return LOCUST__TLS_RECORD_UNEXPECTED;
    if (body > (size_t)LOCUST__TLS_DATA + (v13 ? 256 : 2048))
        return LOCUST__TLS_RECORD_OVERFLOW;
    return body + LOCUST__TLS_RECORD_HEADER < locust__tls_record_extra(s)
               ? LOCUST__TLS_RECORD_DECODE
               : LOCUST__TLS_RECORD_OK;
}

static void locust__tls_record_put64(unsigned char *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(n >> (56 - 8 * i));
}

/* Makes the nonce of the next record of a side, whose explicit half is on the wire (AES-GCM of TLS
 * 1.2 alone). */
static void locust__tls_record_nonce(locust__tls_keys *keys, locust__tls_side side,
    const unsigned char *explicit_half, unsigned char nonce[12])
{
    const unsigned char *iv = locust__tls_key_at(keys, side) + keys->suite->key;
    unsigned char seq[8];
    memcpy(nonce, iv, keys->suite->iv);
    if (keys->suite->iv == 4) {
        memcpy(nonce + 4, explicit_half, 8);
        return;
    }
    locust__tls_record_put64(seq, keys->seq[side]);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= seq[i];
}

/* What is proven beside the data: of TLS 1.3 the header as it is on the wire, of TLS 1.2 another.
 * Returns its length. */
static size_t locust__tls_record_beside(const locust__tls_keys *keys, locust__tls_side side,
    const unsigned char *header, size_t n, unsigned char out[13])
{
    if (keys->suite->hash) {
        memcpy(out, header, LOCUST__TLS_RECORD_HEADER);
        return LOCUST__TLS_RECORD_HEADER;
    }
    locust__tls_record_put64(out, keys->seq[side]);
    memcpy(out + 8, header, 3);
    out[11] = (unsigned char)(n >> 8);
    out[12] = (unsigned char)n;
    return 13;
}

typedef struct locust__tls_record_text { // what a cipher works on; `to` may be `from`
    const unsigned char *from;
    unsigned char *to, *tag;
    size_t n;
} locust__tls_record_text;

static int locust__tls_record_gcm(locust__tls_keys *keys, locust__tls_side side,
    const unsigned char nonce[12], const unsigned char *beside, size_t beside_len,
    const locust__tls_record_text *t)
{
    mbedtls_gcm_context gcm;
    int rc;
    mbedtls_gcm_init(&gcm);
    rc = mbedtls_gcm_setkey(
        &gcm, MBEDTLS_CIPHER_ID_AES, locust__tls_key_at(keys, side), 8U * keys->suite->key);
    if (rc == 0)
        rc = side == LOCUST__TLS_SIDE_IN
                 ? mbedtls_gcm_auth_decrypt(&gcm, t->n, nonce, 12, beside, beside_len, t->tag,
                       LOCUST__TLS_RECORD_TAG, t->from, t->to)
                 : mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, t->n, nonce, 12, beside,
                       beside_len, t->from, t->to, LOCUST__TLS_RECORD_TAG, t->tag);
    mbedtls_gcm_free(&gcm); // clears the schedule
    return rc == MBEDTLS_ERR_GCM_AUTH_FAILED ? LOCUST__TLS_RECORD_BAD_MAC
           : rc                              ? LOCUST__TLS_RECORD_NO_MEMORY
                                             : LOCUST__TLS_RECORD_OK;
}

#if defined(MBEDTLS_CHACHAPOLY_C)
static int locust__tls_record_chacha(locust__tls_keys *keys, locust__tls_side side,
    const unsigned char nonce[12], const unsigned char *beside, size_t beside_len,
    const locust__tls_record_text *t)
{
    mbedtls_chachapoly_context chacha;
    int rc;
    mbedtls_chachapoly_init(&chacha);
    rc = mbedtls_chachapoly_setkey(&chacha, locust__tls_key_at(keys, side));
    if (rc == 0)
        rc = side == LOCUST__TLS_SIDE_IN ? mbedtls_chachapoly_auth_decrypt(&chacha, t->n, nonce,
                                               beside, beside_len, t->tag, t->from, t->to)
                                         : mbedtls_chachapoly_encrypt_and_tag(&chacha, t->n, nonce,
                                               beside, beside_len, t->from, t->to, t->tag);
    mbedtls_chachapoly_free(&chacha);
    return rc == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED ? LOCUST__TLS_RECORD_BAD_MAC
           : rc                                     ? LOCUST__TLS_RECORD_NO_MEMORY
                                                    : LOCUST__TLS_RECORD_OK;
}
#endif

/* Seals or opens, and counts the record. */
static int locust__tls_record_crypt(locust__tls_keys *keys, locust__tls_side side,
    const unsigned char *header, size_t data_len, const locust__tls_record_text *t)
{
    unsigned char nonce[12], beside[13];
    size_t beside_len = locust__tls_record_beside(keys, side, header, data_len, beside);
    int rc;
    locust__tls_record_nonce(keys, side, header + LOCUST__TLS_RECORD_HEADER, nonce);
#if defined(MBEDTLS_CHACHAPOLY_C)
    if (keys->suite->chacha)
        rc = locust__tls_record_chacha(keys, side, nonce, beside, beside_len, t);
    else
#endif
        rc = locust__tls_record_gcm(keys, side, nonce, beside, beside_len, t);
    keys->seq[side] += rc == LOCUST__TLS_RECORD_OK;
    return rc;
}

/* Opens the whole record at p, whose header was checked, into `to`, which has room for as much as
 * the record is long without its extra bytes and for one more; NULL: in its place. Else the number
 * of the alert that says what is wrong with it. */
static int locust__tls_record_open(
    locust__tls_keys *keys, unsigned char *p, unsigned char *to, locust__tls_record *out)
{
    const locust__tls_suite *s = keys->suite;
    size_t front = locust__tls_record_front(s);
    size_t n =
        locust__tls_record_size(p, LOCUST__TLS_RECORD_HEADER) - front - LOCUST__TLS_RECORD_TAG;
    locust__tls_record_text t = {p + front, to ? to : p + front, p + front + n, n};
    int rc;
    if (!s->hash && n > LOCUST__TLS_DATA)
        return LOCUST__TLS_RECORD_OVERFLOW;
    rc = locust__tls_record_crypt(keys, LOCUST__TLS_SIDE_IN, p, n, &t);
    if (rc)
        return rc;
    *out = (locust__tls_record){p[0], t.to, n};
    if (!s->hash)
        return LOCUST__TLS_RECORD_OK;
    while (n && !t.to[n - 1]) // padding: RFC 8446 5.4
        n--;
    if (!n)
        return LOCUST__TLS_RECORD_UNEXPECTED;
    out->n = n - 1;
    out->type = t.to[n - 1];
    return n - 1 > LOCUST__TLS_DATA ? LOCUST__TLS_RECORD_OVERFLOW : LOCUST__TLS_RECORD_OK;
}

/* Seals n bytes that lie at p + locust__tls_record_front, in their place. Returns the length of the
 * record, which now begins at p; 0: no memory. */
static size_t locust__tls_record_seal(locust__tls_keys *keys, int type, unsigned char *p, size_t n)
{
    const locust__tls_suite *s = keys->suite;
    size_t front = locust__tls_record_front(s), inner = n + (s->hash != 0);
    size_t body = front - LOCUST__TLS_RECORD_HEADER + inner + LOCUST__TLS_RECORD_TAG;
    locust__tls_record_text t = {p + front, p + front, p + front + inner, inner};
    p[0] = (unsigned char)(s->hash ? LOCUST__TLS_RECORD_DATA : type);
    p[1] = p[2] = 3;
    p[3] = (unsigned char)(body >> 8);
    p[4] = (unsigned char)body;
    if (s->hash)
        p[front + n] = (unsigned char)type;
    if (s->iv == 4) // no number comes twice: mbedTLS has used it so for its own records, too
        locust__tls_record_put64(p + LOCUST__TLS_RECORD_HEADER, keys->seq[LOCUST__TLS_SIDE_OUT]);
    if (locust__tls_record_crypt(keys, LOCUST__TLS_SIDE_OUT, p, n, &t))
        return 0;
    return LOCUST__TLS_RECORD_HEADER + body;
}
