/* ============================================================================================
 * >>tls  TLS 1.2 and 1.3 by mbedTLS
 *
 * Purpose     turns a connected stream into one that speaks TLS, as a layer below its reads and
 *             writes; verifies the server; resumes sessions.
 * Invariants  all of mbedTLS runs on the loop's stack. mbedTLS itself verifies nothing: what counts
 *             is locust__tls_verify, which runs before the first byte of a request is sent. A closed
 *             connection keeps nothing but its session, which only a verified one leaves.
 * Cost        a handshake 1 to 8 ms of CPU, resumed 0.1 to 1 ms; 38 to 46 KB for each open
 *             connection with a distribution's mbedTLS, 28 to 34 KB with that of tools/mbedtls.sh.
 * Names       locust__tls_counts_ locust__tls_handshakes_ locust__tls_how_ locust__tls_needed_
 *             locust__tls_options_
 * Sources     RFC 5246, RFC 8446, RFC 6066 3 (SNI), RFC 7301 (ALPN), RFC 9525 (names); mbedTLS
 *             2.28.3, 3.6.6, 3.6.7 and 4.0 as they behave.
 * Limits      no revocation (CRL, OCSP), no key update, no renegotiation. A handshake's largest step
 *             holds the loop for as long as it takes: one handshake moves in each turn of the loop.
 *
 *   wire -> ahead[], one for all -> mbedTLS -> the reader's buffer
 *              \ what the reader has no room for: kept by the connection
 * ============================================================================================ */

typedef struct locust__tls_how { // what a connection is made with; texts outlive the test
    const char *ca_file;         // NULL: the system's
    const char *cert_file, *key_file;
    bool insecure;
    bool http; // offer http/1.1 by ALPN
} locust__tls_how;

typedef struct locust__tls_options { // of a test
    const char *min, *max, *ciphers;
    bool no_resume;
    int max_handshakes;
} locust__tls_options;

typedef struct locust__tls_counts {
    uint64_t full, resumed;
    int64_t full_ns, resumed_ns; // CPU of their handshakes
} locust__tls_counts;

enum { LOCUST__TLS_HANDSHAKES = 128 }; // in progress at once, by default

static const char locust__tls_needed[] =
    "https needs TLS, and so does tls://: compile the test with -DLOCUST_TLS and link it with "
    "-lmbedtls "
    "-lmbedx509 -lmbedcrypto (Debian: apt-get install libmbedtls-dev)";
