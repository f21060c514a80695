// Digests against the vectors of their standards.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *text;
    size_t times;
    const char *md5, *sha256;
} digests[] = {
    // RFC 1321 A.5; FIPS 180-4 examples and NIST's long message
    {"", 1, "d41d8cd98f00b204e9800998ecf8427e",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "900150983cd24fb0d6963f7d28e17f72",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"message digest", 1, "f96b697d7cb7938d525a2f31aaf161d0", NULL},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890", 1,
        "57edf4a22be3c955ac49da2e2107b67a", NULL},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, NULL,
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"aaaaaaaaaa", 100000, "7707d6ae4e027c70eea2a935c2296f21",
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void vectors(void)
{
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        CHECK_ROW(digests[i].text);
        for (int sha = 0; sha < 2; sha++) {
            const char *want = sha ? digests[i].sha256 : digests[i].md5;
            char got[LOCUST__HASH_HEX];
            locust__hash h;
            locust__hash_init(&h, sha ? &locust__hash_sha256 : &locust__hash_md5);
            for (size_t k = 0; k < digests[i].times; k++)
                locust__hash_add(&h, digests[i].text, strlen(digests[i].text));
            locust__hash_end(&h, got);
            if (want)
                CHECK_STR(got, want);
        }
    }
}

/* FIPS 180-4 and RFC 3174 7.3; the handshake of RFC 6455 1.3; every length around a block's end. */
static void sha1(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"0123456701234567012345670123456701234567012345670123456701234567",
            "e0c094e867ef46c350ef54a7f59dd60bed92ae83"},
        {"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            "b37a4f2cc0624f1690f64606cf385945b2bec4ea"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char digest[LOCUST__HASH_BYTES];
        char text[41];
        CHECK_ROW(rows[i].text);
        locust__hash_bytes(&locust__hash_sha1, rows[i].text, strlen(rows[i].text), digest);
        for (int k = 0; k < 20; k++)
            snprintf(text + (size_t)2 * (size_t)k, 3, "%02x", digest[k]);
        CHECK_STR(text, rows[i].want);
    }
}

TESTS({"vectors", vectors}, {"sha1", sha1}, )
