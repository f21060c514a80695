/* ============================================================================================
 * >>tls  TLS 1.2 and 1.3 by mbedTLS
 *
 * Purpose     puts TLS on a connected stream, as a layer; verifies the server; resumes sessions.
 *             mbedTLS shakes hands; then the kit takes the keys and makes records itself, so that
 *             an idle connection has no context and no buffers. This part has what the rest of the
 *             kit needs whether or not TLS is compiled in.
 * Invariants  mbedTLS runs on the loop's stack only, for a user's is too small. It verifies nothing
 *             itself: locust__tls_verify does, before the first byte of a request is sent. A closed
 *             connection leaves nothing but its session, and only if the server was verified or
 *             need not be.
 * Cost        a handshake 0.4 to 8 ms of CPU, resumed 0.1 to 1 ms, and 38 to 46 KB while it lasts
 *             with a distribution's mbedTLS, 24 to 34 KB with that of tools/mbedtls.sh; then 180 to
 *             320 bytes for each open connection, and a session's 300 to 400 (`make bench B=tls`).
 * Names       locust__tls_alpn locust__tls_alpn_ locust__tls_counts_ locust__tls_data
 *             locust__tls_handshakes_ locust__tls_how_ locust__tls_needed_ locust__tls_options_
 *             locust__tls_binding
 * Sources     RFC 5246, RFC 8446, RFC 6066 3 (SNI), RFC 7301 (ALPN), RFC 9525 (names); mbedTLS
 *             2.28.3, 3.6.6, 3.6.7 and 4.0 as they behave.
 * Limits      no revocation (CRL, OCSP), no renegotiation, no TLS on TLS (all connections share a
 *             buffer). Connections that mbedTLS keeps (>>tls_take says which) end at a key update.
 *             The largest step of a handshake holds the loop for as long as it takes; no more than
 *             one step is made in a turn of the loop.
 * ============================================================================================ */

enum locust__tls_alpn {
    LOCUST__TLS_ALPN_NONE,
    LOCUST__TLS_ALPN_HTTP_1, // http/1.1
    LOCUST__TLS_ALPN_H2,     // h2
    LOCUST__TLS_ALPN_BOTH
};

typedef struct locust__tls_how { // what to make a connection with; the texts outlive the test
    const char *ca_file;         // NULL: the system's
    const char *cert_file, *key_file;
    bool insecure;
    bool any_name;                                 // the certificate need not be for this host
    enum locust__tls_alpn http;                    // what to offer by ALPN
    void (*see_leaf)(void *arg, const void *leaf); // is shown the server's certificate; NULL: no
    void *see_arg;
} locust__tls_how;

typedef struct locust__tls_binding { // what a login may be bound to: see >>tls_bind
    unsigned char bytes[64];
    size_t len; // 0: nothing
} locust__tls_binding;

typedef struct locust__tls_options { // of a test
    const char *min, *max, *ciphers;
    bool no_resume;
    int max_handshakes;
} locust__tls_options;

typedef struct locust__tls_counts { // of handshakes that succeeded
    uint64_t full, resumed;
    int64_t full_ns, resumed_ns; // time on the CPU
    uint64_t stayed;             // of these connections: whose records are mbedTLS's to the end
} locust__tls_counts;

enum { LOCUST__TLS_HANDSHAKES = 128 }; // in progress at once, by default
enum { LOCUST__TLS_DATA = 16384 };     // bytes of data in a record, at most

static const char locust__tls_needed[] =
    "https needs TLS, and so does tls://: compile the test with -DLOCUST_TLS and link it with "
    "-lmbedtls -lmbedx509 -lmbedcrypto (Debian: apt-get install libmbedtls-dev)";
