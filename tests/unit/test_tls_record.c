// Records of TLS, sealed and opened. Those of TLS 1.3 by AES-128-GCM are the trace of RFC 8448 section
// 3; the layouts of the others are put together here as their RFCs say. Real peers seal and open all
// suites in tests/whole/test_tls_records.py.
// variants: gcc clang asan asan-clang valgrind
// libs: -lmbedtls -lmbedx509 -lmbedcrypto
#include "blocks.h"

#include "../check.h"
#include "hex.h"
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "keys.h"

enum { BIG = LOCUST__TLS_DATA + 4096 };

static const char CLIENT[] = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
                  SERVER[] = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";

/* What the server of RFC 8448 sends under its application keys, in order, and the client. */
static const char *const from_server[] = {
    ("17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a"
     "015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e0"
     "9c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77"
     "f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74"
     "bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f"),
    ("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8"
     "fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"),
    "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9",
};
static const char *const from_client[] = {
    ("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
     "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"),
    "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3",
};

static locust__tls_keys *trace_keys(void)
{
    locust__tls_keys *keys = keys_new(0x1301, 0);
    unsigned char secret[48];
    hex(SERVER, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_IN, secret));
    hex(CLIENT, secret, sizeof secret);
    CHECK(locust__tls_key_begin(keys, LOCUST__TLS_SIDE_OUT, secret));
    return keys;
}

static bool is_counted(const unsigned char *p, size_t n) // 0, 1, 2 ...
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != (unsigned char)i)
            return false;
    return true;
}

static void opens_the_trace(void)
{
    locust__tls_keys *keys = trace_keys();
    unsigned char p[512];
    locust__tls_record r = {0, NULL, 0};
    for (size_t i = 0; i < 3; i++) {
        size_t n = hex(from_server[i], p, sizeof p);
        CHECK_INT(locust__tls_record_size(p, n), n);
        CHECK_INT(locust__tls_record_check(keys->suite, p), 0);
        if (!CHECK_INT(locust__tls_record_open(keys, p, NULL, &r), 0))
            continue;
        if (i == 0)
            CHECK(
                r.type == LOCUST__TLS_RECORD_HANDSHAKE && r.n == 205 && r.data[0] == 4); // a ticket
        if (i == 1)
            CHECK(r.type == LOCUST__TLS_RECORD_DATA && r.n == 50 && is_counted(r.data, 50));
        if (i == 2)
            CHECK(
                r.type == LOCUST__TLS_RECORD_ALERT && r.n == 2 && r.data[0] == 1 && r.data[1] == 0);
    }
    CHECK_INT(keys->seq[LOCUST__TLS_SIDE_IN], 3);
    free(keys);
}

static void seals_the_trace(void)
{
    locust__tls_keys *keys = trace_keys();
    unsigned char p[512];
    size_t n;
    for (int i = 0; i < 50; i++)
        p[5 + i] = (unsigned char)i;
    n = locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, p, 50);
    is_hex(p, n, from_client[0]);
    p[5] = 1;
    p[6] = 0;
    n = locust__tls_record_seal(keys, LOCUST__TLS_RECORD_ALERT, p, 2);
    is_hex(p, n, from_client[1]);
    CHECK_INT(keys->seq[LOCUST__TLS_SIDE_OUT], 2);
    free(keys);
}

/* The layouts of TLS 1.2: RFC 5288 section 3, RFC 7905 section 2, by mbedTLS's ciphers themselves. */
static void layouts_of_12(void)
{
    unsigned char ours[256], want[256], nonce[12];
    // sequence, type, version, length: RFC 5246 6.2.3.3
    unsigned char beside[13] = {0, 0, 0, 0, 0, 0, 0, 5, 23, 3, 3, 0, 9};
    static const unsigned char text[] = "nine char";
    for (int chacha = 0; chacha < 2; chacha++) {
        locust__tls_keys *keys = keys_new(chacha ? 0xCCA8 : 0xC02F, 3);
        unsigned char *key = locust__tls_key_at(keys, LOCUST__TLS_SIDE_OUT);
        size_t front = chacha ? 5 : 13;
        keys->seq[LOCUST__TLS_SIDE_OUT] = 5;
        memcpy(ours + front, text, 9);
        CHECK_INT(locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, ours, 9), front + 9 + 16);
        memcpy(
            want, chacha ? "\x17\x03\x03\x00\x19" : "\x17\x03\x03\x00\x21\0\0\0\0\0\0\0\5", front);
        if (chacha) {
            mbedtls_chachapoly_context c;
            memcpy(nonce, key + 32, 12);
            nonce[11] ^= 5;
            mbedtls_chachapoly_init(&c);
            CHECK_INT(mbedtls_chachapoly_setkey(&c, key), 0);
            CHECK_INT(mbedtls_chachapoly_encrypt_and_tag(
                          &c, 9, nonce, beside, 13, text, want + front, want + front + 9),
                0);
            mbedtls_chachapoly_free(&c);
        } else {
            mbedtls_gcm_context g;
            memcpy(nonce, key + 16, 4);
            memcpy(nonce + 4, "\0\0\0\0\0\0\0\5", 8);
            mbedtls_gcm_init(&g);
            CHECK_INT(mbedtls_gcm_setkey(&g, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
            CHECK_INT(mbedtls_gcm_crypt_and_tag(&g, MBEDTLS_GCM_ENCRYPT, 9, nonce, 12, beside, 13,
                          text, want + front, 16, want + front + 9),
                0);
            mbedtls_gcm_free(&g);
        }
        CHECK(memcmp(ours, want, front + 9 + 16) == 0);
        free(keys);
    }
}

static unsigned char buffer[BIG], apart[BIG];

/* Each suite, each type, in place and to another place, sizes up to the largest. */
static void there_and_back(void)
{
    static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 255, 4096, LOCUST__TLS_DATA};
    for (size_t k = 0; k < sizeof keys_suites / sizeof *keys_suites; k++) {
        locust__tls_keys *keys = keys_new(keys_suites[k], 11), *peer = keys_of_peer(keys);
        size_t front = locust__tls_record_front(keys->suite);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            locust__tls_record r = {0, NULL, 0};
            size_t n = sizes[i], whole;
            int type = 20 + (int)(i % 4);
            bool other = i % 2;
            for (size_t at = 0; at < n; at++)
                buffer[front + at] = (unsigned char)at;
            whole = locust__tls_record_seal(keys, type, buffer, n);
            CHECK_INT(whole, n + locust__tls_record_extra(keys->suite));
            CHECK_INT(locust__tls_record_size(buffer, 5), whole);
            CHECK_INT(locust__tls_record_check(peer->suite, buffer), 0);
            CHECK_INT(locust__tls_record_open(peer, buffer, other ? apart : NULL, &r), 0);
            CHECK(r.type == type && r.n == n && is_counted(r.data, n));
            CHECK(r.data == (other ? apart : buffer + front));
        }
        free(keys);
        free(peer);
    }
}

/* Any byte that changed on the way, and a record that comes twice or too early. */
static void tampered(void)
{
    static unsigned char record[512];
    for (size_t k = 0; k < sizeof keys_suites / sizeof *keys_suites; k++) {
        locust__tls_keys *keys = keys_new(keys_suites[k], 11), *peer = keys_of_peer(keys);
        size_t front = locust__tls_record_front(keys->suite), whole;
        locust__tls_record r;
        memset(record, 'x', sizeof record);
        whole = locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, record, 20);
        for (size_t at = 0; at < whole; at++) {
            if (at == 3 || at == 4) // then it is not the same record
                continue;
            memcpy(buffer, record, whole);
            buffer[at] ^= 1;
            CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_BAD_MAC);
            CHECK_INT(peer->seq[LOCUST__TLS_SIDE_IN], 0);
            CHECK(!memchr(buffer + front, 'x', 20)); // and nothing of it is seen
        }
        memcpy(buffer, record, whole);
        CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), 0);
        memcpy(buffer, record, whole);
        CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_BAD_MAC);
        locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, record, 20);
        whole = locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, record, 20);
        memcpy(buffer, record, whole);
        CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_BAD_MAC);
        free(keys);
        free(peer);
    }
}

/* RFC 8446 5.4: zeros behind the type. Sealed as data whose end looks like it. */
static void padding(void)
{
    locust__tls_keys *keys = keys_new(0x1301, 1), *peer = keys_of_peer(keys);
    locust__tls_record r = {0, NULL, 0};
    memset(buffer, 0, sizeof buffer);
    memcpy(buffer + 5, "data\x17", 5);
    locust__tls_record_seal(keys, 0, buffer, 300); // its own type is a zero of the padding
    CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), 0);
    CHECK(r.type == LOCUST__TLS_RECORD_DATA && r.n == 4 && memcmp(r.data, "data", 4) == 0);
    memset(buffer, 0, sizeof buffer);
    locust__tls_record_seal(keys, 0, buffer, 300); // nothing but zeros
    CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_UNEXPECTED);
    memset(buffer, 'x', sizeof buffer); // 16,385 bytes of data: RFC 8446 5.2 allows them no padding
    locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, buffer, LOCUST__TLS_DATA + 1);
    CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_OVERFLOW);
    free(keys);
    free(peer);
    keys = keys_new(0xC02F, 1), peer = keys_of_peer(keys);
    locust__tls_record_seal(keys, LOCUST__TLS_RECORD_DATA, buffer, LOCUST__TLS_DATA + 1);
    CHECK_INT(
        locust__tls_record_check(peer->suite, buffer), 0); // RFC 5246 6.2.3: 2,048 may be added
    CHECK_INT(locust__tls_record_open(peer, buffer, NULL, &r), LOCUST__TLS_RECORD_OVERFLOW);
    free(keys);
    free(peer);
}

static void headers(void)
{
    static const struct {
        const char *name, *header;
        int suite, want;
    } rows[] = {
        {"data, 1.3", "1703030012", 0x1301, 0},
        {"an old version, which 1.3 pays no attention to", "1703010012", 0x1301, 0},
        {"an alert in the open, 1.3", "1503030002", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED},
        {"a handshake in the open, 1.3", "1603030020", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED},
        {"ChangeCipherSpec behind the handshake", "1403030001", 0x1301,
            LOCUST__TLS_RECORD_UNEXPECTED},
        {"HTTP", "4854545020", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED},
        {"a type and a tag at least, 1.3", "1703030011", 0x1301, 0},
        {"no type, 1.3", "1703030010", 0x1301, LOCUST__TLS_RECORD_DECODE},
        {"empty, 1.3", "1703030000", 0x1301, LOCUST__TLS_RECORD_DECODE},
        {"the largest, 1.3", "1703034100", 0x1301, 0},
        {"one byte more, 1.3", "1703034101", 0x1301, LOCUST__TLS_RECORD_OVERFLOW},
        {"data, 1.2", "1703030018", 0xC02F, 0},
        {"an alert, 1.2", "150303001a", 0xC02F, 0},
        {"a handshake, 1.2", "160303001c", 0xC02F, 0},
        {"heartbeat", "1803030020", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED},
        {"TLS 1.1", "1703020020", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED},
        {"SSL 2", "1702030020", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED},
        {"too short for a tag, 1.2", "1703030017", 0xC02F, LOCUST__TLS_RECORD_DECODE},
        {"a tag alone is enough for ChaCha20", "1703030010", 0xCCA8, 0},
        {"the largest, 1.2", "1703034800", 0xC02F, 0},
        {"one byte more, 1.2", "1703034801", 0xC02F, LOCUST__TLS_RECORD_OVERFLOW},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char p[5];
        CHECK_ROW(rows[i].name);
        CHECK_INT(hex(rows[i].header, p, sizeof p), 5);
        CHECK_INT(locust__tls_record_check(locust__tls_key_suite(rows[i].suite), p), rows[i].want);
        CHECK_INT(locust__tls_record_size(p, 4), 0);
        CHECK_INT(locust__tls_record_size(p, 5), 5 + p[3] * 256 + p[4]);
    }
}

TESTS({"opens the trace", opens_the_trace}, {"seals the trace", seals_the_trace},
    {"layouts of 1.2", layouts_of_12}, {"there and back", there_and_back}, {"tampered", tampered},
    {"padding", padding}, {"headers", headers}, )
