// Certificates to trust, names in certificates, what is told of a bad one. RFC 5280, RFC 7468.
// flags: -DLOCUST_TLS -lmbedtls -lmbedx509 -lmbedcrypto
// Input: '0' a PEM text, '1' a certificate as it comes over the wire.
#include "../../locust.h"
#include "../check.h"
#include <mbedtls/base64.h>

static locust__log told;
static locust__arena arena;
static locust__tls tls;

/* mbedTLS lets a serial number have another tag too; in RFC 5280 4.1 it is an INTEGER. */
static bool parse(mbedtls_x509_crt *crt, const unsigned char *der, size_t n)
{
    mbedtls_x509_crt_init(crt);
    return n && mbedtls_x509_crt_parse_der(crt, der, n) == 0 && crt->serial.tag == 0x02;
}

static void check_scan(const char *pem, const mbedtls_x509_crt *one)
{
    locust__tls_roots r = {0};
    bool found = false;
    mbedtls_x509_crt_init(&r.parsed);
    MUST(locust__tls_scan(&r, pem, &one->subject_raw) > 0);
    for (const mbedtls_x509_crt *c = &r.parsed; c && c->raw.p; c = c->next) {
        found |= locust__tls_names_equal(&c->raw, &one->raw);
        MUST(locust__tls_names_equal(&c->subject_raw, &one->subject_raw));
    }
    MUST(found);
    mbedtls_x509_crt_free(&r.parsed);
}

/* What mbedTLS takes out of a PEM text, RFC 7468, is found by its subject. */
static void check_pem(const char *pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    const mbedtls_x509_buf nobody = {.len = 0};
    locust__tls_roots r = {0};
    int n = locust__tls_scan(&r, pem, &nobody), least = 0, most = 0;
    MUST(!r.parsed.raw.p);
    for (const char *p = pem, *stop; (p = strstr(p, begin)) != NULL; p = stop) {
        unsigned char *text, *der;
        size_t digits = 0, len = 0;
        mbedtls_x509_crt crt = {0};
        stop = strstr(p += strlen(begin), end);
        if (!stop)
            break;
        text = malloc((size_t)(stop - p) + 1);
        der = malloc((size_t)(stop - p) + 1);
        for (; p < stop; p++)
            if (!memchr(" \r\n", *p, 3))
                text[digits++] = (unsigned char)*p;
        if (digits % 4 == 0 && mbedtls_base64_decode(der, digits, &len, text, digits) == 0 &&
            parse(&crt, der, len)) {
            check_scan(pem, &crt);
            least++;
        }
        most++;
        mbedtls_x509_crt_free(&crt);
        free(text);
        free(der);
    }
    MUST(n >= least && n <= most);
}

/* Each host is told once what is wrong, in one line. */
static void check_told(const mbedtls_x509_crt *leaf, locust_error error)
{
    static const char *const hosts[] = {"www.a.test", "a.test", "www.a.test", "a.test"};
    locust__tls_roots roots = {.path = (char *)(uintptr_t) "roots.pem"};
    char text[4096];
    ssize_t len, lines = 0;
    for (int i = 0; i < 4; i++)
        locust__tls_explain(&tls, hosts[i], error, leaf, &roots);
    len = pread(told.fd, text, sizeof text, 0);
    for (ssize_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
        MUST(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 127));
    }
    MUST(lines == 2 && text[len - 1] == '\n');
    MUST(ftruncate(told.fd, 0) == 0 && lseek(told.fd, 0, SEEK_SET) == 0);
    locust__buf_free(&tls.warned);
}

/* The addresses are those that are written in it, and no other. */
static void check_addresses(const mbedtls_x509_crt *leaf)
{
    const mbedtls_x509_sequence *first = &leaf->subject_alt_names, *other;
    for (const mbedtls_x509_sequence *s = first; s && s->buf.p; s = s->next) {
        char text[INET6_ADDRSTRLEN];
        bool six = s->buf.len == 16;
        locust__addr a;
        if (s->buf.tag != 0x87 || (s->buf.len != 4 && !six)) // iPAddress, RFC 5280 4.2.1.6
            continue;
        MUST(inet_ntop(six ? AF_INET6 : AF_INET, s->buf.p, text, sizeof text));
        MUST(locust__addr_parse(&a, text, 0) && locust__tls_has_address(leaf, &a));
        *(six ? a.as.in6.sin6_addr.s6_addr : (uint8_t *)&a.as.in.sin_addr) ^= 1;
        for (other = first; other; other = other->next)
            if (other->buf.len == s->buf.len && (other->buf.p[0] ^ s->buf.p[0]) == 1 &&
                memcmp(other->buf.p + 1, s->buf.p + 1, s->buf.len - 1) == 0)
                break;
        MUST(other || !locust__tls_has_address(leaf, &a));
    }
}

static void check_certificate(const uint8_t *der, size_t n)
{
    locust__buf pem = {NULL, 0, 0, false};
    locust__view subject;
    bool has = locust__tls_subject((unsigned char *)(uintptr_t)der, n, &subject);
    mbedtls_x509_crt crt;
    if (has)
        MUST(subject.ptr >= (const char *)der &&
             subject.ptr + subject.len <= (const char *)der + n && *subject.ptr == 0x30);
    if (parse(&crt, der, n)) {
        MUST(has && subject.len == crt.subject_raw.len &&
             memcmp(subject.ptr, crt.subject_raw.p, subject.len) == 0);
        locust__buf_puts(&pem, "-----BEGIN CERTIFICATE-----\n");
        locust__base64_encode(&pem, (locust__view){(const char *)der, n});
        locust__buf_add(&pem, "\n-----END CERTIFICATE-----", 27);
        check_scan(pem.ptr, &crt);
        check_addresses(&crt);
        for (int bit = 0; bit < 20; bit++) {
            MUST(locust__tls_judge(1u << bit, &crt) != LOCUST_OK);
            check_told(&crt, locust__tls_judge(1u << bit, &crt));
        }
        MUST(locust__tls_judge(0, &crt) == LOCUST_OK);
    }
    locust__buf_free(&pem);
    mbedtls_x509_crt_free(&crt);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const locust__tls_options none = {0};
    (void)argc, (void)argv;
    locust__log_open(&told, LOCUST__LOG_WARNING, NULL);
    told.fd = fileno(tmpfile());
    locust__tls_init(&tls, NULL, &told, &arena, &none);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *exact;
    char *text;
    if (n < 2)
        return 0;
    text = locust__text_copy((const char *)data + 1, strnlen((const char *)data + 1, n - 1));
    exact = memcpy(malloc(n - 1), data + 1, n - 1);
    if (data[0] % 2 == 0) // '0' is 0
        check_pem(text);
    else
        check_certificate(exact, n - 1);
    free(exact);
    free(text);
    return 0;
}
