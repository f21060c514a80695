// What verification finds, in words: the most useful reason, dates, names, addresses; which leaf
// was verified before. The library's own part of it, and whole chains, are in
// tests/whole/test_tls.py and tests/fuzz/certs.c: unit tests link libc alone, so of mbedTLS this
// one has the types, and a clock of its own.
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

static mbedtls_x509_time now_is = {2024, 6, 15, 12, 30, 30};

int mbedtls_x509_time_is_past(const mbedtls_x509_time *to)
{
    return locust__tls_before(to, &now_is);
}

/* -- dates -- */

static void dates(void)
{
    static const struct {
        const char *name;
        mbedtls_x509_time a, b;
        bool before;
    } rows[] = {
        {"the same", {2024, 6, 15, 12, 30, 30}, {2024, 6, 15, 12, 30, 30}, false},
        {"a year", {2023, 12, 31, 23, 59, 59}, {2024, 1, 1, 0, 0, 0}, true},
        {"a year later", {2024, 1, 1, 0, 0, 0}, {2023, 12, 31, 23, 59, 59}, false},
        {"a month", {2024, 1, 31, 0, 0, 0}, {2024, 2, 1, 0, 0, 0}, true},
        {"a day", {2024, 1, 9, 23, 0, 0}, {2024, 1, 10, 1, 0, 0}, true},
        {"an hour", {2024, 1, 1, 9, 59, 0}, {2024, 1, 1, 10, 0, 0}, true},
        {"a minute", {2024, 1, 1, 0, 9, 59}, {2024, 1, 1, 0, 10, 0}, true},
        {"a second", {2024, 1, 1, 0, 0, 9}, {2024, 1, 1, 0, 0, 10}, true},
        {"a second later", {2024, 1, 1, 0, 0, 10}, {2024, 1, 1, 0, 0, 9}, false},
    };
    char text[32];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__tls_before(&rows[i].a, &rows[i].b), rows[i].before);
    }
    locust__tls_date(text, sizeof text, &rows[4].a);
    CHECK_STR(text, "2024-01-09");
    CHECK_ROW(NULL);
}

/* A chain is valid while all of it is. */
static void bounds_of_a_chain(void)
{
    static mbedtls_x509_crt chain[3];
    for (int i = 0; i < 3; i++) {
        chain[i].valid_from =
            (mbedtls_x509_time){2020 + i % 2, 1, 1, 0, 0, 0}; // the middle one begins last
        chain[i].valid_to = (mbedtls_x509_time){2030 - i, 1, 1, 0, 0, 0}; // the last one ends first
        chain[i].next = i < 2 ? &chain[i + 1] : NULL;
    }
    CHECK_INT(locust__tls_bound(chain, true)->year, 2028);
    CHECK_INT(locust__tls_bound(chain, false)->year, 2021);
    CHECK_INT(locust__tls_bound(&chain[2], true)->year, 2028);
    CHECK_INT(locust__tls_bound(&chain[2], false)->year, 2020);
}

/* -- names and addresses, RFC 9525 -- */

enum { DNS = 0x82, IP = 0x87, URI = 0x86 }; // tags of a GeneralName, RFC 5280 4.2.1.6

/* Gives a certificate these names; a tag of 0 ends them. */
typedef struct san {
    int tag;
    const char *bytes;
    size_t n;
} san;

static mbedtls_x509_crt leaf;
static mbedtls_x509_sequence sequence[4];

static void with_names(const san *names)
{
    memset(&leaf, 0, sizeof leaf);
    memset(sequence, 0, sizeof sequence);
    for (int i = 0; i < 4 && names[i].tag; i++) {
        mbedtls_x509_sequence *s = i ? &sequence[i] : &leaf.subject_alt_names;
        s->buf.tag = names[i].tag;
        s->buf.p = (unsigned char *)(uintptr_t)names[i].bytes;
        s->buf.len = names[i].n;
        if (i)
            (i > 1 ? &sequence[i - 1] : &leaf.subject_alt_names)->next = s;
    }
}

#define T(text) text, sizeof(text) - 1

static void names(void)
{
    static const struct {
        const char *name;
        san names[4];
        const char *want;
    } rows[] = {
        {"none", {{0, NULL, 0}}, "no host name"},
        {"one", {{DNS, T("a.test")}}, "a.test"},
        {"three", {{DNS, T("a.test")}, {DNS, T("*.a.test")}, {DNS, T("b.test")}},
            "a.test, *.a.test, b.test"},
        {"an address alone", {{IP, T("\x7f\0\0\1")}}, "no host name"},
        {"among others", {{IP, T("\x7f\0\0\1")}, {URI, T("http://x")}, {DNS, T("a.test")}},
            "a.test"},
        {"bytes of a liar", {{DNS, T("a\n\x1b[2J\xff\0b")}}, "a??[2J??b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].name);
        with_names(rows[i].names);
        locust__tls_names(&out, &leaf);
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr, rows[i].want);
        locust__buf_free(&out);
    }
    CHECK_ROW("a long one is cut");
    {
        static char long_name[1000];
        san two[4] = {{DNS, long_name, sizeof long_name}, {DNS, T("b.test")}, {0, NULL, 0}};
        locust__buf out = {NULL, 0, 0, false};
        memset(long_name, 'x', sizeof long_name);
        with_names(two);
        locust__tls_names(&out, &leaf);
        CHECK_INT(out.len, 250);
        locust__buf_free(&out);
    }
    CHECK_ROW(NULL);
    CHECK_INT(blocks_live, 0);
}

/* An address counts only as an address: a DNS name of its text, or one of other length, is none. */
static void addresses(void)
{
    static const struct {
        const char *name;
        san names[4];
        const char *address;
        bool has;
    } rows[] = {
        {"IPv4", {{IP, T("\x7f\0\0\1")}}, "127.0.0.1", true},
        {"another", {{IP, T("\x7f\0\0\2")}}, "127.0.0.1", false},
        {"the second", {{DNS, T("a.test")}, {IP, T("\x7f\0\0\1")}}, "127.0.0.1", true},
        {"IPv6", {{IP, T("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1")}}, "::1", true},
        {"IPv4 in IPv6", {{IP, T("\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1")}}, "127.0.0.1", false},
        {"the beginning of one", {{IP, T("\x7f\0\0\1\0\0\0\0")}}, "127.0.0.1", false},
        {"its text", {{DNS, T("127.0.0.1")}}, "127.0.0.1", false},
        {"its bytes as a name", {{DNS, T("\x7f\0\0\1")}}, "127.0.0.1", false},
        {"none", {{0, NULL, 0}}, "127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__addr a;
        CHECK_ROW(rows[i].name);
        CHECK(locust__addr_parse(&a, rows[i].address, 0));
        with_names(rows[i].names);
        CHECK_INT(locust__tls_has_address(&leaf, &a), rows[i].has);
    }
    CHECK_ROW(NULL);
}

/* -- the verdict -- */

static void names_itself(bool does)
{
    static unsigned char a[] = {0x30, 1, 'a'}, b[] = {0x30, 1, 'b'};
    memset(&leaf, 0, sizeof leaf);
    leaf.issuer_raw.tag = leaf.subject_raw.tag = 0x30;
    leaf.issuer_raw.len = leaf.subject_raw.len = 3;
    leaf.subject_raw.p = a;
    leaf.issuer_raw.p = does ? a : b;
}

static void verdicts(void)
{
    static const struct {
        uint32_t flags;
        bool itself;
        locust_error error;
    } rows[] = {
        {0, false, LOCUST_OK},
        {0, true, LOCUST_OK}, // a root that is trusted
        {MBEDTLS_X509_BADCERT_EXPIRED, false, LOCUST_ERR_TLS_CERT_EXPIRED},
        {MBEDTLS_X509_BADCERT_FUTURE, false, LOCUST_ERR_TLS_CERT_FUTURE},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, false, LOCUST_ERR_TLS_CERT_HOST},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, false, LOCUST_ERR_TLS_CERT_ISSUER},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, true, LOCUST_ERR_TLS_CERT_SELF_SIGNED},
        {MBEDTLS_X509_BADCERT_BAD_MD, false, LOCUST_ERR_TLS_CERT_WEAK},
        {MBEDTLS_X509_BADCERT_BAD_PK, false, LOCUST_ERR_TLS_CERT_WEAK},
        {MBEDTLS_X509_BADCERT_BAD_KEY, false, LOCUST_ERR_TLS_CERT_WEAK},
        {MBEDTLS_X509_BADCERT_KEY_USAGE, false, LOCUST_ERR_TLS_CERT_USAGE},
        {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, false, LOCUST_ERR_TLS_CERT_USAGE},
        {MBEDTLS_X509_BADCERT_OTHER, false,
            LOCUST_ERR_TLS_CERT_FORM}, // what else there is is no good
        {MBEDTLS_X509_BADCRL_EXPIRED, false, LOCUST_ERR_TLS_CERT_FORM},
        {UINT32_C(1) << 31, false, LOCUST_ERR_TLS_CERT_FORM},
        {MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_NOT_TRUSTED, true,
            LOCUST_ERR_TLS_CERT_EXPIRED},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH | MBEDTLS_X509_BADCERT_NOT_TRUSTED, true,
            LOCUST_ERR_TLS_CERT_HOST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        names_itself(rows[i].itself);
        CHECK_STR(locust__error_text(locust__tls_judge(rows[i].flags, &leaf)),
            locust__error_text(rows[i].error));
    }
    for (int bit = 0; bit < 32; bit++) // no flag at all is let through
        CHECK(locust__tls_judge(UINT32_C(1) << bit, &leaf) != LOCUST_OK);
}

/* -- certificates that were verified before -- */

static void remembers(void)
{
    static locust__tls_roots roots;
    static locust__arena arena;
    static locust__tls tls = {.arena = &arena};
    static unsigned char der[] = {0x30, 3, 1, 2, 3}, other[] = {0x30, 3, 1, 2, 4};
    mbedtls_x509_crt cert = {0};
    cert.raw.p = der;
    cert.raw.len = sizeof der;
    cert.valid_to = (mbedtls_x509_time){2024, 6, 15, 12, 30, 31};
    CHECK(!locust__tls_recall(&roots, "a.test", &cert));
    locust__tls_remember(&tls, &roots, "a.test", &cert);
    CHECK(locust__tls_recall(&roots, "a.test", &cert));
    CHECK(locust__tls_recall(&roots, "A.TEST", &cert));
    CHECK(!locust__tls_recall(&roots, "b.test", &cert)); // for that host it says nothing
    CHECK(!locust__tls_recall(&roots, "a.test.b", &cert));
    cert.raw.p = other;
    CHECK(!locust__tls_recall(&roots, "a.test", &cert));
    cert.raw.p = der;
    cert.raw.len--;
    CHECK(!locust__tls_recall(&roots, "a.test", &cert));
    cert.raw.len++;
    now_is.sec = 32; // it expires
    CHECK(!locust__tls_recall(&roots, "a.test", &cert));
    now_is.sec = 30;
    blocks_fail_in = 0;
    locust__tls_remember(&tls, &roots, "b.test", &cert); // without memory it is verified again
    CHECK(!locust__tls_recall(&roots, "b.test", &cert));
    locust__arena_free(&arena);
    CHECK_INT(blocks_live, 0);
}

/* -- what a person reads -- */

static void explains(void *arg)
{
    static const san host[4] = {{DNS, T("other.test")}, {0, NULL, 0}};
    static locust__tls tls;
    static locust__tls_roots roots = {.path = (char *)(uintptr_t) "/etc/ca.pem"};
    locust__log log;
    (void)arg;
    locust__log_open(&log, LOCUST__LOG_WARNING, NULL);
    tls.log = &log;
    with_names(host);
    leaf.valid_to = (mbedtls_x509_time){2020, 2, 3, 4, 5, 6};
    leaf.valid_from = (mbedtls_x509_time){2040, 2, 3, 4, 5, 6};
    for (int i = 0; i < 3; i++) { // each once
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_EXPIRED, &leaf, &roots);
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_FUTURE, &leaf, &roots);
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_HOST, &leaf, &roots);
        locust__tls_explain(&tls, "test", LOCUST_ERR_TLS_CERT_HOST, &leaf, &roots);
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_SELF_SIGNED, &leaf, &roots);
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_ISSUER, &leaf, &roots);
        locust__tls_explain(&tls, "a.test", LOCUST_ERR_TLS_CERT_WEAK, &leaf, &roots);
    }
    locust__buf_free(&tls.warned);
    CHECK_INT(blocks_live, 0);
}

static void explains_once_for_each_host(void)
{
    static const char *const lines[] = {
        "a.test: certificate has expired: valid until 2020-02-03\n",
        "a.test: certificate is not valid yet: valid from 2040-02-03\n",
        "a.test: certificate is for another host: it is for other.test\n",
        ": test: certificate is for another host: it is for other.test\n", // not the other one's end
        "a.test: certificate is self-signed: to trust it, give it as --cacert or .ca_file\n",
        "a.test: certificate has an unknown issuer: none in /etc/ca.pem issued it, or ",
        "a.test: certificate has a weak key or signature\n",
    };
    char *text;
    int status = check_fork(explains, NULL, &text), n = 0;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CHECK_ROW(lines[i]);
        CHECK(strstr(text, lines[i]) != NULL);
    }
    CHECK_ROW(NULL);
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    CHECK_INT(n, sizeof lines / sizeof *lines);
    free(text);
}

static void lacks_memory(void)
{
    static const struct {
        const char *name;
        int rc;
        bool lacks;
    } rows[] = {
        {"MBEDTLS_ERR_MPI_ALLOC_FAILED", -0x0010, true},
        {"MBEDTLS_ERR_ASN1_ALLOC_FAILED", -0x006A, true},
        {"MBEDTLS_ERR_X509_ALLOC_FAILED", -0x2880, true},
        {"MBEDTLS_ERR_PK_ALLOC_FAILED", -0x3F80, true},
        {"MBEDTLS_ERR_SSL_ALLOC_FAILED", -0x7F00, true},
        {"MBEDTLS_ERR_MD_ALLOC_FAILED", -0x5180, true},
        {"MBEDTLS_ERR_ECP_ALLOC_FAILED", -0x4D80, true},
        {"MBEDTLS_ERR_CIPHER_ALLOC_FAILED", -0x6180, true},
        {"PSA_ERROR_INSUFFICIENT_MEMORY", -141, true},
        {"in a module, of bignum", -0x3D00 - 0x0010, true},
        {"MBEDTLS_ERR_X509_INVALID_DATE, of ASN.1", -0x2400 - 0x006A, true},
        {"success", 0, false},
        {"MBEDTLS_ERR_SSL_WANT_READ", -0x6900, false},
        {"MBEDTLS_ERR_X509_CERT_VERIFY_FAILED", -0x2700, false},
        {"MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE", -0x7780, false},
        {"MBEDTLS_ERR_ASN1_OUT_OF_DATA", -0x0060, false},
        {"PSA_ERROR_GENERIC_ERROR", -132, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__tls_lacks_memory(rows[i].rc), rows[i].lacks);
    }
    CHECK_ROW(NULL);
}

TESTS({"dates", dates}, {"bounds of a chain", bounds_of_a_chain}, {"names", names},
    {"addresses", addresses}, {"verdicts", verdicts}, {"remembers", remembers},
    {"explains once for each host", explains_once_for_each_host}, {"lacks memory", lacks_memory}, )
#endif
