/* ============================================================================================
 * >>hmac  HMAC and PBKDF2, with the digests of >>hash
 *
 * Purpose     proofs that the other end of a connection knows a secret: a text's HMAC, and the key
 *             that PBKDF2 makes of a password, which takes thousands of HMACs on purpose.
 * Invariants  a PBKDF2 does as many rounds in one call as its caller says, and goes on with the
 *             next: the caller decides how long the loop may be held up.
 * Cost        a round of PBKDF2: two blocks of the digest, 1.5 us for SHA-256.
 * Names       locust__hmac_ locust__pbkdf2_
 * Sources     RFC 2104 (HMAC), RFC 8018 5.2 (PBKDF2).
 * Limits      PBKDF2 makes a key of the digest's own length.
 * ============================================================================================ */

typedef struct locust__hmac { // a key, as both digests of an HMAC begin
    const locust__hash_kind *kind;
    uint32_t inner[8], outer[8]; // the states behind the padded key
} locust__hmac;

static void locust__hmac_pad(
    const locust__hmac *m, unsigned char pad, const unsigned char key[64], uint32_t state[8])
{
    unsigned char block[64];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    memcpy(state, m->kind->start, sizeof m->kind->start);
    m->kind->add_block(state, block);
}

static void locust__hmac_init(
    locust__hmac *m, const locust__hash_kind *kind, const void *key, size_t n)
{
    unsigned char block[64] = {0};
    m->kind = kind;
    if (n > sizeof block)
        locust__hash_bytes(kind, key, n, block);
    else if (n)
        memcpy(block, key, n);
    locust__hmac_pad(m, 0x36, block, m->inner);
    locust__hmac_pad(m, 0x5c, block, m->outer);
}

/* Continues a digest behind the block of a padded key. */
static void locust__hmac_resume(const locust__hmac *m, const uint32_t state[8], locust__hash *h)
{
    memcpy(h->state, state, sizeof h->state);
    h->len = sizeof h->block;
    h->kind = m->kind;
}

/* Begins the HMAC of a text, which locust__hash_add adds. */
static void locust__hmac_begin(const locust__hmac *m, locust__hash *h)
{
    locust__hmac_resume(m, m->inner, h);
}

static void locust__hmac_end(
    const locust__hmac *m, locust__hash *h, unsigned char out[LOCUST__HASH_BYTES])
{
    unsigned char digest[LOCUST__HASH_BYTES];
    locust__hash_digest(h, digest);
    locust__hmac_resume(m, m->outer, h);
    locust__hash_add(h, digest, m->kind->bytes);
    locust__hash_digest(h, out);
}

/* The HMAC of one text. */
LOCUST__UNUSED static void locust__hmac_bytes(const locust__hash_kind *kind, locust__view key,
    locust__view text, unsigned char out[LOCUST__HASH_BYTES])
{
    locust__hmac m;
    locust__hash h;
    locust__hmac_init(&m, kind, key.ptr, key.len);
    locust__hmac_begin(&m, &h);
    locust__hash_add(&h, text.ptr, text.len);
    locust__hmac_end(&m, &h, out);
}

typedef struct locust__pbkdf2 {
    locust__hmac key;        // the password
    unsigned char block[64]; // the last HMAC, padded as the text of the next
    uint32_t sum[8];         // all HMACs so far, XORed: at the end the key
    uint32_t left;           // rounds
} locust__pbkdf2;

/* Puts a digest's state into the block, as a text that follows the 64 bytes of a key. */
static void locust__pbkdf2_pad(locust__pbkdf2 *p, const uint32_t state[8])
{
    unsigned n = p->key.kind->bytes, bits = (64 + n) * 8;
    memset(p->block + n, 0, sizeof p->block - n);
    locust__hash_put(p->key.kind, state, p->block);
    p->block[n] = 0x80;
    p->block[62] = (unsigned char)(bits >> 8); // both SHAs have the length big-endian
    p->block[63] = (unsigned char)bits;
}

/* Begins, with the first of `rounds` (1 or more). `kind`: one of the SHAs. */
LOCUST__UNUSED static void locust__pbkdf2_init(locust__pbkdf2 *p, const locust__hash_kind *kind,
    locust__view password, locust__view salt, uint32_t rounds)
{
    static const unsigned char first[4] = {0, 0, 0, 1}; // block 1, the only one
    unsigned char digest[LOCUST__HASH_BYTES];
    locust__hash h;
    locust__hmac_init(&p->key, kind, password.ptr, password.len);
    locust__hmac_begin(&p->key, &h);
    locust__hash_add(&h, salt.ptr, salt.len);
    locust__hash_add(&h, first, sizeof first);
    locust__hmac_end(&p->key, &h, digest);
    memcpy(p->sum, h.state, sizeof p->sum);
    locust__pbkdf2_pad(p, h.state);
    p->left = rounds - 1;
}

/* Does up to n rounds. False: there is none left, and locust__pbkdf2_end gives the key. */
LOCUST__UNUSED static bool locust__pbkdf2_go_on(locust__pbkdf2 *p, uint32_t n)
{
    for (; n && p->left; n--, p->left--) {
        uint32_t state[8];
        memcpy(state, p->key.inner, sizeof state);
        p->key.kind->add_block(state, p->block);
        locust__pbkdf2_pad(p, state);
        memcpy(state, p->key.outer, sizeof state);
        p->key.kind->add_block(state, p->block);
        locust__pbkdf2_pad(p, state);
        for (int i = 0; i < 8; i++)
            p->sum[i] ^= state[i];
    }
    return p->left > 0;
}

LOCUST__UNUSED static void locust__pbkdf2_end(
    const locust__pbkdf2 *p, unsigned char out[LOCUST__HASH_BYTES])
{
    locust__hash_put(p->key.kind, p->sum, out);
}
