/* ============================================================================================
 * >>fleet_seal  proof that both ends know a secret
 *
 * Purpose     --secret: HMAC-SHA-256 behind every message of a connection, with keys that only this
 *             connection has.
 * Invariants  a message counts only if it is the next one of its direction on its connection: what
 *             was recorded, here or elsewhere, opens nothing. Tags are compared in a time that does
 *             not depend on where they differ.
 * Cost        two blocks of SHA-256 and one for each 64 bytes of a message.
 * Names       locust__seal locust__seal_ locust__seals locust__seals_
 * Sources     RFC 4231 (test vectors of the HMAC).
 * Limits      nothing is encrypted: whoever sees the packets can read them.
 *
 *   key of a direction   HMAC(secret, "worker" or "master", nonce of the worker, of the master)
 *   tag of a message     HMAC(key, number of the message, 8 bytes big-endian; the message)
 * ============================================================================================ */

enum { LOCUST__SEAL_TAG = 32, LOCUST__SEAL_NONCE = 16 };

typedef struct locust__seal { // of one direction
    unsigned char key[LOCUST__SEAL_TAG];
    uint64_t n; // messages so far
} locust__seal;

typedef struct locust__seals { // of one connection
    const char *secret;        // NULL: none
    unsigned char nonce[LOCUST__SEAL_NONCE];
    locust__seal in, out;
} locust__seals;

/* HMAC-SHA-256 of two texts, one behind the other. */
static void locust__seal_hmac(
    locust__view key, locust__view a, locust__view b, unsigned char out[LOCUST__SEAL_TAG])
{
    locust__hmac m;
    locust__hash h;
    locust__hmac_init(&m, &locust__hash_sha256, key.ptr, key.len);
    locust__hmac_begin(&m, &h);
    locust__hash_add(&h, a.ptr, a.len);
    locust__hash_add(&h, b.ptr, b.len);
    locust__hmac_end(&m, &h, out);
}

/* Begins a connection: chooses this end's nonce. */
static void locust__seals_init(locust__seals *s, const char *secret)
{
    memset(s, 0, sizeof *s);
    s->secret = secret && *secret ? secret : NULL;
    locust__os_random(s->nonce, sizeof s->nonce);
}

/* The peer's nonce is known: makes the keys. `router`: this end is the master. */
static void locust__seals_key(
    locust__seals *s, bool router, const unsigned char peer[LOCUST__SEAL_NONCE])
{
    unsigned char both[2 * LOCUST__SEAL_NONCE];
    locust__view secret = locust__view_of(s->secret), nonces = {(const char *)both, sizeof both};
    memcpy(both + (router ? 0 : LOCUST__SEAL_NONCE), peer, LOCUST__SEAL_NONCE);
    memcpy(both + (router ? LOCUST__SEAL_NONCE : 0), s->nonce, LOCUST__SEAL_NONCE);
    locust__seal_hmac(secret, locust__view_of("worker"), nonces, router ? s->in.key : s->out.key);
    locust__seal_hmac(secret, locust__view_of("master"), nonces, router ? s->out.key : s->in.key);
}

/* The tag of the next message of a direction. */
static void locust__seal_tag(
    locust__seal *s, locust__view message, unsigned char out[LOCUST__SEAL_TAG])
{
    unsigned char number[8];
    locust__view key = {(const char *)s->key, sizeof s->key};
    for (int i = 0; i < 8; i++)
        number[i] = (unsigned char)(s->n >> (56 - 8 * i));
    s->n++;
    locust__seal_hmac(key, (locust__view){(const char *)number, sizeof number}, message, out);
}

/* Takes the tag off a message. False: it is not the right one. */
static bool locust__seal_open(locust__seal *s, locust__view *message)
{
    unsigned char tag[LOCUST__SEAL_TAG], differ = 0;
    if (message->len < sizeof tag)
        return false;
    message->len -= sizeof tag;
    locust__seal_tag(s, *message, tag);
    for (size_t i = 0; i < sizeof tag; i++)
        differ |= tag[i] ^ (unsigned char)message->ptr[message->len + i];
    return !differ;
}
