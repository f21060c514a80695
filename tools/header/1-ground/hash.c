/* ============================================================================================
 * >>hash  MD5, SHA-1 and SHA-256
 *
 * Purpose     digests of short texts, also in programs without a TLS library.
 * Cost        a block of 64 bytes takes 0.7 us. A program has the code of those it names.
 * Names       locust__hash_
 * Sources     RFC 1321, FIPS 180-4 (6.1, 6.2).
 * Limits      made for some hundred bytes a request, not for bulk. MD5 and SHA-1 are no longer
 *             secure; protocols still ask for them.
 * ============================================================================================ */

typedef struct locust__hash_kind { // all take blocks of 64 bytes and words of 32 bits
    void (*add_block)(uint32_t state[8], const unsigned char *block);
    uint32_t start[8];   // the state in front of the first block
    unsigned char bytes; // of a digest
    bool big;            // big-endian
} locust__hash_kind;

typedef struct locust__hash {
    uint32_t state[8];
    unsigned char block[64]; // the block that is being filled, up to len % 64
    uint64_t len;            // bytes so far
    const locust__hash_kind *kind;
} locust__hash;

enum { LOCUST__HASH_BYTES = 32, LOCUST__HASH_HEX = 65 }; // the longest digest; in hexadecimal

static uint32_t locust__hash_rotate(uint32_t x, unsigned n) // to the left, 1 to 31
{
    return x << n | x >> (32 - n);
}

static uint32_t locust__hash_word(const unsigned char *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void locust__hash_md5_block(uint32_t state[8], const unsigned char *p)
{
    // clang-format off
    static const uint32_t k[64] = { // floor(2^32 * abs(sin(i + 1)))
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391
    };
    // clang-format on
    static const unsigned char turns[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const unsigned step[4] = {1, 5, 3, 7}, from[4] = {0, 1, 5, 0};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16;
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (b & d) | (c & ~d)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        f += a + k[i] +
             locust__hash_word(p + (size_t)4 * ((from[round] + step[round] * i) % 16), false);
        a = d;
        d = c;
        c = b;
        b += locust__hash_rotate(f, turns[round][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void locust__hash_sha256_block(uint32_t state[8], const unsigned char *p)
{
    // clang-format off
    static const uint32_t k[64] = { // fractions of the cube roots of the first 64 primes
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
    };
    // clang-format on
    uint32_t w[64], s[8];
    memcpy(s, state, sizeof s);
    for (size_t i = 0; i < 64; i++) {
        uint32_t x, y, sum;
        if (i < 16) {
            w[i] = locust__hash_word(p + 4 * i, true);
        } else {
            x = w[i - 15];
            y = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] +
                   (locust__hash_rotate(x, 25) ^ locust__hash_rotate(x, 14) ^ x >> 3) +
                   (locust__hash_rotate(y, 15) ^ locust__hash_rotate(y, 13) ^ y >> 10);
        }
        x = s[0];
        y = s[4];
        sum = s[7] + k[i] + w[i] + ((y & s[5]) ^ (~y & s[6])) +
              (locust__hash_rotate(y, 26) ^ locust__hash_rotate(y, 21) ^ locust__hash_rotate(y, 7));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += sum;
        s[0] =
            sum + ((x & s[2]) ^ (x & s[3]) ^ (s[2] & s[3])) +
            (locust__hash_rotate(x, 30) ^ locust__hash_rotate(x, 19) ^ locust__hash_rotate(x, 10));
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

static void locust__hash_sha1_block(uint32_t state[8], const unsigned char *p)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (size_t i = 0; i < 16; i++)
        w[i] = locust__hash_word(p + 4 * i, true);
    for (size_t i = 16; i < 80; i++)
        w[i] = locust__hash_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (size_t i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (b & c) | (~b & d)
                     : i < 40 ? b ^ c ^ d
                     : i < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        f += locust__hash_rotate(a, 5) + e + k[i / 20] + w[i];
        e = d;
        d = c;
        c = locust__hash_rotate(b, 30);
        b = a;
        a = f;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static const locust__hash_kind locust__hash_md5 = {
    locust__hash_md5_block, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}, 16, false};
LOCUST__UNUSED static const locust__hash_kind locust__hash_sha1 = {locust__hash_sha1_block,
    {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, 20, true};
static const locust__hash_kind locust__hash_sha256 = {locust__hash_sha256_block,
    {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19},
    32, true};

static void locust__hash_init(locust__hash *h, const locust__hash_kind *kind)
{
    memcpy(h->state, kind->start, sizeof h->state);
    h->len = 0;
    h->kind = kind;
}

static void locust__hash_add(locust__hash *h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        h->block[h->len++ % 64] = p[i];
        if (h->len % 64 == 0)
            h->kind->add_block(h->state, h->block);
    }
}

/* Writes the state, or as much of it as a digest has. */
static void locust__hash_put(
    const locust__hash_kind *kind, const uint32_t state[8], unsigned char *out)
{
    for (unsigned i = 0; i < kind->bytes; i++)
        out[i] = (unsigned char)(state[i / 4] >> 8 * (kind->big ? 3 - i % 4 : i % 4));
}

/* Pads the text with 0x80, zeros and its length in bits (RFC 1321 3.1 and 3.2, FIPS 180-4 5.1.1),
 * and writes the digest. */
static void locust__hash_digest(locust__hash *h, unsigned char out[LOCUST__HASH_BYTES])
{
    static const unsigned char one = 0x80, zero = 0;
    uint64_t bits = h->len * 8;
    unsigned char len[8];
    locust__hash_add(h, &one, 1);
    while (h->len % 64 != 56)
        locust__hash_add(h, &zero, 1);
    for (int i = 0; i < 8; i++)
        len[i] = (unsigned char)(bits >> 8 * (h->kind->big ? 7 - i : i));
    locust__hash_add(h, len, 8);
    locust__hash_put(h->kind, h->state, out);
}

/* The same in lower-case hexadecimal. */
static void locust__hash_end(locust__hash *h, char out[LOCUST__HASH_HEX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[LOCUST__HASH_BYTES];
    locust__hash_digest(h, digest);
    for (unsigned i = 0; i < h->kind->bytes; i++) {
        *out++ = hex[digest[i] >> 4];
        *out++ = hex[digest[i] & 15];
    }
    *out = '\0';
}

/* The digest of some texts joined by ':', as Digest authentication wants it. */
static void locust__hash_texts(
    const locust__hash_kind *kind, const locust__view *texts, int n, char out[LOCUST__HASH_HEX])
{
    locust__hash h;
    locust__hash_init(&h, kind);
    for (int i = 0; i < n; i++) {
        locust__hash_add(&h, ":", i > 0);
        locust__hash_add(&h, texts[i].ptr, texts[i].len);
    }
    locust__hash_end(&h, out);
}

/* The digest of one text. */
LOCUST__UNUSED static void locust__hash_bytes(const locust__hash_kind *kind, const void *bytes,
    size_t n, unsigned char out[LOCUST__HASH_BYTES])
{
    locust__hash h;
    locust__hash_init(&h, kind);
    locust__hash_add(&h, bytes, n);
    locust__hash_digest(&h, out);
}
