// Keys of TLS connections. TLS 1.3 on SHA-256: RFC 8448 section 3. What it lacks (SHA-384, renewed keys,
// the key block of TLS 1.2) was computed by Python's hmac as RFC 8446 7.1 and RFC 5246 5 say.
// variants: gcc clang asan asan-clang valgrind
// libs: -lmbedtls -lmbedx509 -lmbedcrypto
#include "blocks.h"

#include "../check.h"
#include "hex.h"
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "keys.h"

static const char CLIENT[] = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                  SERVER[] = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

/* Key, IV and secret of a side. */
static void is(locust__tls_keys *keys, locust__tls_side side, const char *want)
{
    is_hex(locust__tls_key_at(keys, side), locust__tls_key_of_side(keys->suite), want);
}

static void from_secrets(void)
{
    locust__tls_keys *keys = keys_new(0x1301, 0);
    unsigned char secret[48];
    char want[200];
    keys->seq[0] = keys->seq[1] = 7;
    hex(SERVER, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_IN, secret));
    hex(CLIENT, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_OUT, secret));
    snprintf(
        want, sizeof want, "9f02283b6c9c07efc26bb9f2ac92e356 cf782b88dd83549aadf1e984 %s", SERVER);
    is(keys, LOCUST__TLS_SIDE_IN, want);
    snprintf(
        want, sizeof want, "17422dda596ed5d9acd890e3c63f5051 5b78923dee08579033e523d9 %s", CLIENT);
    is(keys, LOCUST__TLS_SIDE_OUT, want);
    CHECK(keys->seq[0] == 0 && keys->seq[1] == 0);
    free(keys);
}

static void renewed(void)
{
    locust__tls_keys *keys = keys_new(0x1301, 0);
    unsigned char secret[48];
    char want[200];
    hex(SERVER, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_IN, secret));
    hex(CLIENT, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_OUT, secret));
    keys->seq[0] = keys->seq[1] = 7;
    CHECK(locust__tls_key_renew(keys, LOCUST__TLS_SIDE_IN));
    is(keys, LOCUST__TLS_SIDE_IN,
        "2e63be99d67b39097feb9786cf7a15a0 628a0a8298ac953baef4255a"
        "51921b8aa3001976eb401d0a4319a8516416a6c56001a357e5d162031e84f916");
    CHECK_INT(keys->seq[LOCUST__TLS_SIDE_IN], 0);
    snprintf(
        want, sizeof want, "17422dda596ed5d9acd890e3c63f5051 5b78923dee08579033e523d9 %s", CLIENT);
    is(keys, LOCUST__TLS_SIDE_OUT, want); // the other side goes on
    CHECK_INT(keys->seq[LOCUST__TLS_SIDE_OUT], 7);
    free(keys);
}

static void of_sha384(void)
{
    locust__tls_keys *keys = keys_new(0x1302, 0);
    unsigned char secret[48], next[48];
    for (int i = 0; i < 48; i++)
        secret[i] = (unsigned char)i;
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_IN, secret));
    is_hex(locust__tls_key_at(keys, LOCUST__TLS_SIDE_IN), 44,
        "6877d022f1c61d24ebb7487c16752d9a4798e40431c75b39320e537c90e23225 42822531a0fe88648fc09e9f");
    CHECK(locust__tls_key_renew(keys, LOCUST__TLS_SIDE_IN));
    memcpy(next, locust__tls_key_at(keys, LOCUST__TLS_SIDE_IN) + 44, 48);
    is_hex(next, 48,
        "401331b63e9d59f202e8f041042d9516f4cd7fa2e2ee14631d3b49fc340d7af37fc2c0c9f252d8036f81ec5b85cbe5db");
    free(keys);
}

/* Master secret 0 to 47, randoms 64 to 127. The PRF of AES-256 suites has SHA-384. */
static void key_block(void)
{
    static const struct {
        const char *name;
        int suite;
        mbedtls_tls_prf_types prf;
        const char *out, *in;
    } rows[] = {
        {"AES-128-GCM", 0xC02F, MBEDTLS_SSL_TLS_PRF_SHA256,
            "25b8932c0824c8f2962638ec1c6ec99e 17053567",
            "1b07457bc265278c23064c1d63c61e04 ed3a0d6c"},
        {"AES-256-GCM", 0xC030, MBEDTLS_SSL_TLS_PRF_SHA384,
            "3288e85d38fe09d3dcbb30ef211d546e81c947e4be7963709d27eb6d5f082fcb b1a66b28",
            "5790b97c651f2b7d143853361bc9b1b5ef1aa49d3cc6494deb85c73cd413fea9 f715bcea"},
        {"ChaCha20-Poly1305", 0xCCA8, MBEDTLS_SSL_TLS_PRF_SHA256,
            "25b8932c0824c8f2962638ec1c6ec99e1b07457bc265278c23064c1d63c61e04"
            "fed87da243fe882ab7ab42de",
            "17053567ed3a0d6c431f60219bcc5357c4451e2e158a5edb30d23cd1f2e3b267"
            "ead4eb57d29451d294f6b4d2"},
    };
    unsigned char master[48], randoms[64];
    for (int i = 0; i < 64; i++) {
        master[i % 48] = (unsigned char)(i % 48);
        randoms[i] = (unsigned char)(64 + i);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__tls_keys *keys = keys_new(rows[i].suite, 0);
        CHECK_ROW(rows[i].name);
        CHECK(locust__tls_key_block(keys, rows[i].prf, master, randoms));
        is(keys, LOCUST__TLS_SIDE_OUT, rows[i].out);
        is(keys, LOCUST__TLS_SIDE_IN, rows[i].in);
        free(keys);
    }
}

/* What a library does not know makes no keys; suites that are not AEAD by GCM or Poly1305 have none. */
static void refuses(void)
{
    static const int others[] = {0, 0x002F, 0x003C, 0xC009, 0xC023, 0xC09C, 0xC0AC, 0x1304, 0x1305};
    unsigned char zeros[64] = {0};
    locust__tls_keys *keys = keys_new(0xC02F, 0);
    CHECK(!locust__tls_key_block(keys, MBEDTLS_SSL_TLS_PRF_NONE, zeros, zeros));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(locust__tls_key_suite(others[i]) == NULL);
    free(keys);
}

/* What an idle connection keeps: DESIGN 12 counts on it. */
static void sizes(void)
{
    static const struct {
        int suite;
        size_t bytes; // of keys, IVs and secrets
    } rows[] = {
        {0xC02B, 40}, {0xC02C, 72}, {0xCCA9, 88}, {0x1301, 120}, {0x1303, 152}, {0x1302, 184}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_INT(locust__tls_key_size(locust__tls_key_suite(rows[i].suite)),
            sizeof(locust__tls_keys) + rows[i].bytes);
}

TESTS({"from secrets", from_secrets}, {"renewed", renewed}, {"of SHA-384", of_sha384},
    {"key block", key_block}, {"refuses", refuses}, {"sizes", sizes}, )
