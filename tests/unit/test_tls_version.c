// --tls-min, --tls-max and --ciphers, and the order of ciphers without them. Unit tests link libc
// alone, so the list of ciphers is one of this test's own; what a real library makes of it is in
// tests/whole/test_tls.py.
// variants: gcc clang asan valgrind
#include "blocks.h"

#include "../check.h"
#if !__has_include(<mbedtls/ssl.h>)
static void needs_mbedtls(void)
{
    SKIP("the headers of mbedTLS are missing");
}
TESTS({"needs mbedTLS", needs_mbedtls}, )
#else
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"

/* A library that has these, in this order; the numbers are IANA's. */
static const struct {
    int number;
    const char *name; // in the library's way
} known[] = {
    {0x1303, "TLS1-3-CHACHA20-POLY1305-SHA256"},
    {0x1302, "TLS1-3-AES-256-GCM-SHA384"},
    {0x1301, "TLS1-3-AES-128-GCM-SHA256"},
    {0xCCA8, "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256"},
    {0xC02F, "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"},
    {0xC030, "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"},
};
enum { KNOWN = sizeof known / sizeof *known };

int mbedtls_ssl_get_ciphersuite_id(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].number;
    return 0;
}

const int *mbedtls_ssl_list_ciphersuites(void)
{
    static int list[KNOWN + 1];
    for (size_t i = 0; i < KNOWN; i++)
        list[i] = known[i].number;
    return list;
}

/* -- versions -- */

static void versions(void)
{
    CHECK_INT(locust__tls_version("1.2"), 2);
    CHECK_INT(locust__tls_version("1.3"), 3);
    CHECK_INT(locust__tls_version("1.1"), 0);
    CHECK_INT(locust__tls_version("1.20"), 0);
    CHECK_INT(locust__tls_version("TLSv1.2"), 0);
    CHECK_INT(locust__tls_version(""), 0);
}

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define NEEDS_13 NULL
#else
#define NEEDS_13 "has no TLS 1.3"
#endif
#define ORDER "--tls-min and --tls-max take 1.2 or 1.3, the smaller one first"

static void options(void)
{
    static const struct {
        const char *name;
        locust__tls_options options;
        const char *wrong; // in what it says; NULL: nothing is
    } rows[] = {
        {"none", {.min = NULL}, NULL},
        {"1.2 at least", {.min = "1.2"}, NULL},
        {"1.2 at most", {.max = "1.2"}, NULL},
        {"1.2 alone", {.min = "1.2", .max = "1.2"}, NULL},
        {"1.3 at least", {.min = "1.3"}, NEEDS_13},
        {"1.3 at most", {.max = "1.3"}, NEEDS_13},
        {"1.1", {.min = "1.1"}, ORDER},
        {"no number", {.max = "x"}, ORDER},
        {"empty", {.max = ""}, ORDER},
        {"a cipher", {.ciphers = "TLS_AES_128_GCM_SHA256"}, NULL},
        {"two", {.ciphers = "TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}, NULL},
        {"two with a comma", {.ciphers = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"}, NULL},
        {"none of it", {.ciphers = ""}, ", not \"\""},
        {"an unknown one", {.ciphers = "TLS_NULL"}, ", not \"TLS_NULL\""},
        {"an unknown second one", {.ciphers = "TLS_AES_128_GCM_SHA256:x:y"}, ", not \"x\""},
        {"a gap", {.ciphers = "TLS_AES_128_GCM_SHA256::TLS_AES_256_GCM_SHA384"}, ", not \"\""},
        {"OpenSSL's name", {.ciphers = "ECDHE-RSA-AES128-GCM-SHA256"},
            "not \"ECDHE-RSA-AES128-GCM-SHA256\""},
        {"TLS alone", {.ciphers = "TLS"}, "not \"TLS\""},
        {"small letters", {.ciphers = "tls_aes_128_gcm_sha256"}, "not \"tls_aes_128_gcm_sha256\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *wrong = locust__tls_check(&rows[i].options);
        CHECK_ROW(rows[i].name);
        if (rows[i].wrong)
            CHECK(wrong && strstr(wrong, rows[i].wrong) != NULL);
        else
            CHECK_STR(wrong, NULL);
        CHECK_INT(blocks_live, 0);
    }
    CHECK_ROW(NULL);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    CHECK_STR(locust__tls_check(&(locust__tls_options){.min = "1.3", .max = "1.2"}), ORDER);
#endif
}

/* -- ciphers -- */

static void names(void)
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"TLS_AES_128_GCM_SHA256", 0x1301},
        {"TLS_CHACHA20_POLY1305_SHA256", 0x1303},
        {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC02F},
        {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA8},
        {"TLS_AES_128_CCM_8_SHA256", 0}, // this library has it not
        {"TL", 0},
        {"TLS_", 0},
        {"", 0},
    };
    char long_name[200];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].name);
        char *name = check_guarded(rows[i].name, n);
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__tls_cipher((locust__view){name, n}), rows[i].number);
        check_guarded_free(name, n);
    }
    CHECK_ROW("a long name");
    memset(long_name, 'W', sizeof long_name);
    memcpy(long_name, "TLS_", 4);
    CHECK_INT(locust__tls_cipher((locust__view){long_name, sizeof long_name}), 0);
    CHECK_ROW(NULL);
}

static void lists(void)
{
    locust__view bad;
    int *list = locust__tls_cipher_list(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
        &bad);
    static const int want[] = {0xC02F, 0x1302, 0x1301, 0}; // in the order given
    for (int i = 0; list && i < 4; i++)
        CHECK_INT(list[i], want[i]);
    CHECK(list != NULL);
    LOCUST_FREE(list);
    blocks_fail_in = 0;
    CHECK(!locust__tls_cipher_list("TLS_AES_128_GCM_SHA256", &bad));
    CHECK_INT(bad.len, 0);
    CHECK_INT(blocks_live, 0);
}

/* AES-128-GCM goes first where the processor has AES; each is there once, the others in the
 * library's order. */
static void the_default(void)
{
    static const int with_aes[] = {0x1301, 0xC02F, 0x1303, 0x1302, 0xCCA8, 0xC030, 0};
    static const int without[] = {0x1303, 0x1302, 0x1301, 0xCCA8, 0xC02F, 0xC030, 0};
    const int *want = locust__os_has_aes() ? with_aes : without;
    int *list = locust__tls_cipher_default();
    for (int i = 0; list && i <= KNOWN; i++)
        CHECK_INT(list[i], want[i]);
    CHECK(list != NULL);
    LOCUST_FREE(list);
    blocks_fail_in = 0;
    CHECK(!locust__tls_cipher_default());
    CHECK_INT(blocks_live, 0);
}

TESTS({"versions", versions}, {"options", options}, {"names", names}, {"lists", lists},
    {"the default", the_default}, )
#endif
