/* ============================================================================================
 * >>tls_state  what TLS keeps: of a test, a configuration, a connection
 *
 * Purpose     the types of the other parts of TLS, and how they begin and end.
 * Invariants  bytes that were read from the socket are in tls->ahead only while mbedTLS works for
 *             one connection; what it did not take by then moves to that connection's `rest`. So
 *             all connections share one buffer, and an idle one needs none.
 * Names       locust__tls locust__tls_ahead_ locust__tls_break_ locust__tls_config_
 *             locust__tls_conn_ locust__tls_field_ locust__tls_free_ locust__tls_init_
 *             locust__tls_leaf_ locust__tls_plain_ locust__tls_record_ locust__tls_roots_
 *             locust__tls_ticket_
 * Uses        >>co >>sync >>stream >>tls
 *
 *   wire -> ahead[], one for all -> mbedTLS -> the reader's buffer
 *              \ what the reader has no room for: the `rest` of the connection
 * ============================================================================================ */

// Fields that mbedTLS 3 declares private and has no function for.
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define LOCUST__TLS_FIELD(x) MBEDTLS_PRIVATE(x)
#else
#define LOCUST__TLS_FIELD(x) x
#endif

typedef struct locust__tls_ticket { // a session to resume
    mbedtls_ssl_session session;
    char slack[32]; // for a library that was built with a longer time_t than the test
    bool trusted;   // the server was verified
    const struct locust__tls_config *config; // which it was made with, and is resumed with alone
    bool valid;
} locust__tls_ticket;

typedef struct locust__tls_config { // one for each set of options in use
    struct locust__tls_config *next;
    const char *cert_file, *key_file;
    bool http, no_pss;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    bool ready; // false: an attempt to make it failed
} locust__tls_config;

typedef struct locust__tls_leaf { // a certificate that was verified for a host
    struct locust__tls_leaf *next;
    mbedtls_x509_time until; // when the first certificate of its chain expires
    size_t len;
    char *host;          // behind the bytes
    unsigned char der[]; // as it came over the wire
} locust__tls_leaf;

typedef struct locust__tls_roots { // certificates to trust
    struct locust__tls_roots *next;
    const char *asked; // the file that was asked for; NULL: the system's
    char *path;        // where they are: a file, or a directory if `is_dir`
    const char *pem;   // or their text
    bool is_dir;
    mbedtls_x509_crt parsed;  // those that some chain needed
    locust__tls_leaf *leaves; // certificates that were verified with them
} locust__tls_roots;

typedef struct locust__tls_plain { // a server that needs the configuration without RSA-PSS
    struct locust__tls_plain *next;
    int port;
    char host[];
} locust__tls_plain;

enum { LOCUST__TLS_RECORD = 16384, LOCUST__TLS_AHEAD = LOCUST__TLS_RECORD + 1024 };

typedef struct locust__tls {
    locust__loop *loop;
    const locust__log *log;
    locust__arena *arena; // of all that is kept until the end of the test
    locust__tls_options options;
    bool started; // PSA was, which is to be freed
    locust__tls_config *configs;
    locust__tls_roots *roots;
    locust__tls_plain *plain;
    int *ciphers;           // in the order of preference, 0 at the end
    locust__sem steps;      // permit for a step of a handshake
    locust__sem handshakes; // permits for handshakes in progress
    locust__tls_counts counts;
    char *ahead; // LOCUST__TLS_AHEAD bytes to read into, and as many again to send from
    size_t ahead_at, ahead_len;
    locust__buf warned; // warnings given so far, one a line: each is given once
    const char *broken; // why the test cannot go on; NULL: it can
    char broken_text[512];
} locust__tls;

typedef struct locust__tls_conn {
    locust__layer layer;
    locust__tls *tls;
    locust__tls_config *config;
    mbedtls_ssl_context ssl;
    locust__tls_ticket **ticket; // where its session goes; NULL: nowhere
    char *rest;                  // bytes from the socket that mbedTLS has not taken yet
    size_t rest_at, rest_len;
    locust_error io;        // the last result of the socket
    bool deaf;              // the server takes no more: what is sent goes nowhere
    locust_error end;       // how the connection ended, which every further read says
    unsigned char first[5]; // the first bytes that the server sent
    size_t received;        // bytes that it has sent
    bool full;              // the server showed a certificate
    bool trusted;           // the server was verified, here or when the session was made
    int64_t cpu_ns;         // of the handshake
} locust__tls_conn;

static void locust__tls_init(locust__tls *tls, locust__loop *loop, const locust__log *log,
    locust__arena *arena, const locust__tls_options *o)
{
    memset(tls, 0, sizeof *tls);
    tls->loop = loop;
    tls->log = log;
    tls->arena = arena;
    tls->options = *o;
    tls->steps.free = 1;
    tls->handshakes.free = o->max_handshakes > 0 ? o->max_handshakes : LOCUST__TLS_HANDSHAKES;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    if (ticket)
        mbedtls_ssl_session_free(&ticket->session);
    LOCUST_FREE(ticket);
}

static void locust__tls_config_clear(locust__tls_config *c)
{
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->cert);
    mbedtls_pk_free(&c->key);
}

/* Frees what mbedTLS allocated; the rest is the arena's. */
static void locust__tls_free(locust__tls *tls)
{
    for (locust__tls_config *c = tls->configs; c; c = c->next)
        if (c->ready)
            locust__tls_config_clear(c);
    for (locust__tls_roots *r = tls->roots; r; r = r->next)
        mbedtls_x509_crt_free(&r->parsed);
    if (tls->started)
        mbedtls_psa_crypto_free();
    LOCUST_FREE(tls->ciphers);
    locust__buf_free(&tls->warned);
}

/* Says why the test cannot go on; the first reason counts. */
LOCUST__PRINTF(2, 3)
static locust_error locust__tls_break(locust__tls *tls, const char *format, ...)
{
    va_list args;
    if (tls->broken)
        return LOCUST_ERR_TLS;
    va_start(args, format);
    vsnprintf(tls->broken_text, sizeof tls->broken_text, format, args);
    va_end(args);
    tls->broken = tls->broken_text;
    return LOCUST_ERR_TLS;
}
