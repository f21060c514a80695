// HMAC and PBKDF2 against the vectors of their standards.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "hex.h"
#include "../check.h"

/* RFC 2202 3 (SHA-1) and RFC 4231 4 (SHA-256): the cases that both have, and a key of one block. */
static void hmac(void)
{
    static const struct {
        const char *key, *text;
        const char *sha1, *sha256; // NULL: the other RFC's key differs
    } rows[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
            "b617318655057264e28bc0b6fb378c8ef146be00",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "dddddddddddddddddddddddddddddddddddddddddddddddddddd"
            "dddddddddddddddddddddddddddddddddddddddddddddddd",
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
            "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d204861"
            "7368204b6579204669727374",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaa",
            "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d204861"
            "7368204b6579204669727374",
            NULL, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int sha256 = 0; sha256 < 2; sha256++) {
            unsigned char key[256], text[256], out[LOCUST__HASH_BYTES];
            size_t n = hex(rows[i].key, key, sizeof key);
            size_t len = hex(rows[i].text, text, sizeof text);
            const char *want = sha256 ? rows[i].sha256 : rows[i].sha1;
            CHECK_ROW(rows[i].key);
            locust__hmac_bytes(sha256 ? &locust__hash_sha256 : &locust__hash_sha1,
                (locust__view){(const char *)key, n}, (locust__view){(const char *)text, len}, out);
            if (want)
                is_hex(out, sha256 ? 32 : 20, want);
        }
}

/* RFC 6070 2 (SHA-1); RFC 7914 11 (SHA-256), whose first 32 bytes are the first block. Test_scram
 * has the 4096 rounds of RFC 7677. */
static void pbkdf2(void)
{
    static const struct {
        bool sha256;
        const char *password, *salt;
        size_t password_len, salt_len;
        uint32_t rounds;
        const char *want;
    } rows[] = {
        {false, "password", "salt", 8, 4, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
        {false, "password", "salt", 8, 4, 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
        {false, "password", "salt", 8, 4, 4096, "4b007901b765489abead49d926f721d065a429c1"},
        {true, "passwd", "salt", 6, 4, 1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char out[LOCUST__HASH_BYTES];
        locust__pbkdf2 p;
        uint32_t slices = 0;
        CHECK_ROW(rows[i].want);
        locust__pbkdf2_init(&p, rows[i].sha256 ? &locust__hash_sha256 : &locust__hash_sha1,
            (locust__view){rows[i].password, rows[i].password_len},
            (locust__view){rows[i].salt, rows[i].salt_len}, rows[i].rounds);
        while (locust__pbkdf2_go_on(&p, 100))
            slices++;
        locust__pbkdf2_end(&p, out);
        is_hex(out, rows[i].sha256 ? 32 : 20, rows[i].want);
        CHECK_INT(slices, (rows[i].rounds > 1) ? (rows[i].rounds - 2) / 100 : 0);
    }
}

TESTS({"hmac", hmac}, {"pbkdf2", pbkdf2}, )
