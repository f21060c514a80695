// mbedTLS's codes and the peer's alerts as our sentences. RFC 8446 6.2 for the numbers of alerts.
// Unit tests link libc alone, so of mbedTLS this one has the types; what real servers say is in
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

static locust__tls_config config;
static locust__tls_shake shake;
static locust__tls_conn conn;

/* A connection that got some bytes of a server that speaks TLS. */
static void fresh(void)
{
    memset(&config, 0, sizeof config);
    memset(&shake, 0, sizeof shake);
    memset(&conn, 0, sizeof conn);
    conn.shake = &shake;
    shake.config = &config;
    shake.first[0] = 22; // a handshake record
    shake.received = 100;
}

static void is(int rc, locust_error want)
{
    CHECK_STR(locust__error_text(locust__tls_error(&conn, rc)), locust__error_text(want));
}

/* -- alerts -- */

#if MBEDTLS_VERSION_NUMBER < 0x04010000
enum {
    LATE = 1,
    ASKED = 2,
    SHOWN = 4
}; // behind the first message; it wants a certificate; it got one

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define NOT_IN_COMMON LOCUST_ERR_TLS_VERSION
#else
#define NOT_IN_COMMON LOCUST_ERR_TLS_VERSION_13 // 1.2 alone was offered
#endif

static void alerts(void)
{
    static const struct {
        const char *name;
        unsigned char alert;
        int how;
        locust_error error;
    } rows[] = {
        {"handshake_failure at once", 40, 0, LOCUST_ERR_TLS_CIPHER},
        {"handshake_failure later", 40, LATE, LOCUST_ERR_TLS_CERT_CLIENT},
        {"handshake_failure, a certificate was sent", 40, LATE | SHOWN,
            LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"insufficient_security", 71, 0, LOCUST_ERR_TLS_CIPHER},
        {"protocol_version", 70, 0, NOT_IN_COMMON},
        {"certificate_required", 116, LATE, LOCUST_ERR_TLS_CERT_CLIENT},
        {"bad_certificate", 42, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"bad_certificate, none was sent", 42, LATE, LOCUST_ERR_TLS_CERT_CLIENT},
        {"unsupported_certificate", 43, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"certificate_revoked", 44, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"certificate_expired", 45, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"certificate_unknown", 46, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"unknown_ca", 48, LATE | SHOWN, LOCUST_ERR_TLS_CERT_CLIENT_REFUSED},
        {"unrecognized_name", 112, 0, LOCUST_ERR_TLS_NAME},
        {"no_application_protocol", 120, 0, LOCUST_ERR_TLS_ALPN},
        {"internal_error", 80, 0, LOCUST_ERR_TLS_ALERT},
        {"decode_error", 50, 0, LOCUST_ERR_TLS_ALERT},
        {"one that does not exist", 255, 0, LOCUST_ERR_TLS_ALERT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char message[2] = {2, rows[i].alert}; // fatal
        fresh();
        shake.ssl.LOCUST__TLS_FIELD(in_msg) = message;
        shake.received = rows[i].how & LATE ? 2000 : 7; // an alert takes 7 bytes
        shake.full = rows[i].how & LATE;
        config.cert_file = rows[i].how & SHOWN ? "client.pem" : NULL;
        CHECK_ROW(rows[i].name);
        is(MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, rows[i].error);
    }
    CHECK_ROW(NULL);
}
#else
static void alerts(void)
{
    SKIP("this mbedTLS keeps alerts to itself");
}
#endif

/* -- servers that do not speak TLS -- */

static void other_protocols(void)
{
    static const struct {
        const char *name, *first;
        locust_error error;
    } rows[] = {
        {"HTTP", "HTTP/", LOCUST_ERR_TLS_PLAIN},
        {"SSH", "SSH-2", LOCUST_ERR_TLS_NONE},
        {"SMTP", "220 m", LOCUST_ERR_TLS_NONE},
        {"zeros", "\0\0\0\0", LOCUST_ERR_TLS_NONE},
        {"a handshake", "\x16\3\3\0", LOCUST_ERR_TLS_RECORD},
        {"an alert", "\x15\3\3\0", LOCUST_ERR_TLS_RECORD},
        {"the smallest type", "\x14\3\3\0", LOCUST_ERR_TLS_RECORD},
        {"the largest type", "\x18\3\3\0", LOCUST_ERR_TLS_RECORD},
        {"above it", "\x19\3\3\0", LOCUST_ERR_TLS_NONE},
        {"below it", "\x13\3\3\0", LOCUST_ERR_TLS_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fresh();
        memcpy(shake.first, rows[i].first, sizeof shake.first);
        CHECK_ROW(rows[i].name);
        is(MBEDTLS_ERR_SSL_INVALID_RECORD, rows[i].error);
    }
    CHECK_ROW("nothing came");
    fresh();
    shake.first[0] = 0;
    shake.received = 0;
    is(MBEDTLS_ERR_SSL_CONN_EOF, LOCUST_ERR_TLS_CLOSED);
    CHECK_ROW(NULL);
}

/* -- codes -- */

static void codes(void)
{
    static const struct {
        const char *name;
        int rc, state;
        locust_error error;
    } rows[] = {
        {"bad protocol version", -0x6E80, MBEDTLS_SSL_SERVER_HELLO, LOCUST_ERR_TLS_VERSION},
        {"invalid MAC", MBEDTLS_ERR_SSL_INVALID_MAC, 0, LOCUST_ERR_TLS_RECORD},
        {"EOF", MBEDTLS_ERR_SSL_CONN_EOF, 0, LOCUST_ERR_TLS_CLOSED},
        {"close_notify", MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, 0, LOCUST_ERR_TLS_CLOSED},
        {"out of memory", MBEDTLS_ERR_SSL_ALLOC_FAILED, 0, LOCUST_ERR_MEMORY},
        {"too long, in the certificate", -0x7100, MBEDTLS_SSL_SERVER_CERTIFICATE,
            LOCUST_ERR_TLS_CERT_SIZE},
        {"too long, before the request for one", -0x7100, MBEDTLS_SSL_CERTIFICATE_REQUEST,
            LOCUST_ERR_TLS_CERT_SIZE},
        {"too long, elsewhere", -0x7100, MBEDTLS_SSL_SERVER_HELLO, LOCUST_ERR_TLS},
        {"what cannot be parsed in the certificate", -0x1000, MBEDTLS_SSL_SERVER_CERTIFICATE,
            LOCUST_ERR_TLS_CERT_FORM},
        {"a code of X.509", -0x2180, MBEDTLS_SSL_SERVER_HELLO, LOCUST_ERR_TLS_CERT_FORM},
        {"any other", -0x1000, MBEDTLS_SSL_SERVER_HELLO, LOCUST_ERR_TLS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fresh();
        shake.ssl.LOCUST__TLS_FIELD(state) = rows[i].state;
        CHECK_ROW(rows[i].name);
        is(rows[i].rc, rows[i].error);
    }
    CHECK_ROW(NULL);
}

/* What the socket said goes before all that mbedTLS makes of it; its end does not. */
static void the_socket_goes_first(void)
{
    fresh();
    conn.io = LOCUST_ERR_RESET;
    is(MBEDTLS_ERR_SSL_CONN_EOF, LOCUST_ERR_RESET);
    conn.io = LOCUST_ERR_CLOSED;
    is(MBEDTLS_ERR_SSL_CONN_EOF, LOCUST_ERR_TLS_CLOSED);
    memcpy(shake.first, "HTTP/", 5);
    is(MBEDTLS_ERR_SSL_CONN_EOF, LOCUST_ERR_TLS_PLAIN);
}

TESTS({"alerts", alerts}, {"other protocols", other_protocols}, {"codes", codes},
    {"the socket goes first", the_socket_goes_first}, )
#endif
