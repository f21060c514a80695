/* ============================================================================================
 * >>tls_state  what TLS keeps: of a test, a configuration, a connection
 *
 * Purpose     the types of the other parts of TLS, and how they begin and end.
 * Invariants  bytes that were read from the socket are in tls->ahead only while one connection is
 *             worked for; what was not taken by then moves to that connection. So all connections
 *             share one buffer, and an idle one needs none.
 * Names       locust__tls locust__tls_ahead_ locust__tls_break_ locust__tls_config_
 *             locust__tls_conn_ locust__tls_field_ locust__tls_free_ locust__tls_in
 *             locust__tls_init_ locust__tls_leaf_ locust__tls_out locust__tls_plain_
 *             locust__tls_roots_ locust__tls_shake_ locust__tls_ticket_ locust__tls_trim_
 * Uses        >>co >>sync >>stream >>tls >>tls_key >>tls_after >>tls_pool
 *
 *   wire -> ahead, one for all -> mbedTLS, or our own records -> the reader's buffer
 *              \ what the reader has no room for: `in` of the connection
 *
 *   locust__tls_conn   100 bytes
 *     shake    what a handshake needs, mbedTLS's context in it: 24 to 45 KB
 *     keys     in its place, once the records are ours
 *     in, out  parts of records; none while it is idle
 * ============================================================================================ */

// Fields that mbedTLS 3 declares private and has no function for.
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define LOCUST__TLS_FIELD(x) MBEDTLS_PRIVATE(x)
#else
#define LOCUST__TLS_FIELD(x) x
#endif

typedef struct locust__tls_ticket { // a session to resume
    struct locust__tls *tls;
    const struct locust__tls_config *config; // which it was made with, and is resumed with alone
    bool trusted;                            // the server was verified
    uint32_t len;
    unsigned char bytes[]; // as mbedTLS saves it
} locust__tls_ticket;

typedef struct locust__tls_config { // one for each set of options in use
    struct locust__tls_config *next;
    const char *cert_file, *key_file;
    enum locust__tls_alpn http;
    bool no_pss;
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

enum { LOCUST__TLS_AHEAD = LOCUST__TLS_DATA + 2048 + 512 }; // the largest record and some

typedef struct locust__tls_in { // bytes from the socket that were not taken yet
    uint32_t at, len, cap;
    uint32_t data_at, data_len; // of a record that was opened: what its reader has not taken yet
    unsigned char bytes[];
} locust__tls_in;

typedef struct locust__tls_out { // of a record of ours: what the socket has not taken yet
    uint32_t at, len;
    uint32_t holds; // bytes of the writer's that are in it
    unsigned char bytes[];
} locust__tls_out;

typedef struct locust__tls {
    locust__loop *loop;
    const locust__log *log;
    locust__arena *arena; // of all that is kept until the end of the test
    locust__tls_pool pool;
    locust__tls_options options;
    bool started; // PSA was, which is to be freed
    locust__tls_config *configs;
    locust__tls_roots *roots;
    locust__tls_plain *plain;
    int *ciphers;           // in the order of preference, 0 at the end
    locust__sem steps;      // permit for a step of a handshake
    locust__sem handshakes; // permits for handshakes in progress
    locust__tls_counts counts;
    locust__tls_in *ahead;   // LOCUST__TLS_AHEAD bytes to read into
    unsigned char *stage;    // as many to send from
    int shakes, most_shakes; // that there are, and that there were since memory went back
    int64_t trimmed_ns;
    struct locust__tls_shake *shaking; // the one that mbedTLS works for
    locust__buf warned;                // warnings given so far, one a line: each is given once
    const char *broken;                // why the test cannot go on; NULL: it can
    char broken_text[512];
} locust__tls;

typedef struct locust__tls_shake { // what a connection needs while mbedTLS has its records
    locust__tls *tls;
    locust__tls_config *config;
    mbedtls_ssl_context ssl;
    locust__tls_ticket **ticket; // where its session goes; NULL: nowhere
    unsigned char first[5];      // the first bytes that the server sent
    size_t received;             // bytes that it has sent
    char host[256];              // whom it is with
    bool full;                   // the server showed a certificate
    bool trusted;                // the server was verified, here or when the session was made
    bool answered;               // data came
    bool stays;                  // it keeps its records to the end
    int64_t cpu_ns;              // of the handshake
#if LOCUST__WITH_RECORDS
    unsigned char secrets[2][LOCUST__TLS_KEY_SECRET]; // of TLS 1.3, by side; else the master secret
    unsigned char randoms[LOCUST__TLS_KEY_RANDOMS];   // of TLS 1.2
    int prf;                                          // of TLS 1.2
    unsigned told;                                    // which of them are there, bits
#endif
} locust__tls_shake;

typedef struct locust__tls_conn {
    locust__layer layer;
    locust__tls *tls;
    locust__tls_shake *shake; // NULL: the records are ours
    locust__tls_in *in;       // NULL: no bytes are left over
    locust_error io;          // the last result of the socket
    locust_error end;         // how the connection ended, which every further read says
    bool deaf;                // the server takes no more: what is sent goes nowhere
#if LOCUST__WITH_RECORDS
    bool shown;        // a client certificate was configured
    bool alerted;      // an alert of the server's was the end
    uint16_t data_max; // bytes of data in a record of ours
    uint32_t credit;   // bytes of the writer's that have gone down and that it does not know of
    locust__tls_keys *keys;
    locust__tls_out *out; // NULL: nothing waits for the socket
    locust__tls_after after;
#endif
} locust__tls_conn;

/* Is the handshake, or more, still mbedTLS's? */
static bool locust__tls_is_shaking(const locust__tls_conn *c)
{
    return c->shake != NULL;
}

static void locust__tls_init(locust__tls *tls, locust__loop *loop, const locust__log *log,
    locust__arena *arena, const locust__tls_options *o)
{
    memset(tls, 0, sizeof *tls);
    tls->loop = loop;
    tls->log = log;
    tls->arena = tls->pool.arena = arena;
    tls->options = *o;
    tls->steps.free = 1;
    tls->handshakes.free = o->max_handshakes > 0 ? o->max_handshakes : LOCUST__TLS_HANDSHAKES;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    if (ticket)
        locust__tls_pool_give(&ticket->tls->pool, ticket, sizeof *ticket + ticket->len);
}

/* Gives memory back to the system when many handshakes are over. Each time that three of four are,
 * so that a storm of them pays little for it. */
static void locust__tls_trim(locust__tls *tls)
{
    enum { FEW = 8 };
    static const int64_t PAUSE_NS = LOCUST__S / 4;
    int64_t now_ns;
    if (tls->most_shakes < FEW || tls->shakes > tls->most_shakes / 4)
        return;
    now_ns = locust__os_now_ns();
    if (now_ns - tls->trimmed_ns < PAUSE_NS)
        return;
    locust__os_trim();
    tls->trimmed_ns = now_ns;
    tls->most_shakes = tls->shakes;
}

/* Ends mbedTLS's part of a connection, and clears what it told. */
static void locust__tls_shake_free(locust__tls_shake *shake)
{
    locust__tls *tls = shake->tls;
    mbedtls_ssl_free(&shake->ssl);
    mbedtls_platform_zeroize(shake, sizeof *shake);
    LOCUST_FREE(shake);
    tls->shakes--;
    locust__tls_trim(tls);
}

/* A connection whose handshake is to come. NULL: no memory. */
static locust__tls_conn *locust__tls_conn_new(locust__tls *tls)
{
    locust__tls_conn *c = locust__tls_pool_take(&tls->pool, sizeof *c);
    locust__tls_shake *shake = locust__memory_zalloc(sizeof *shake);
    if (!c || !shake) {
        locust__tls_pool_give(&tls->pool, c, sizeof *c);
        LOCUST_FREE(shake);
        return NULL;
    }
    c->tls = shake->tls = tls;
    c->shake = shake;
    mbedtls_ssl_init(&shake->ssl);
    tls->shakes++;
    tls->most_shakes = tls->shakes > tls->most_shakes ? tls->shakes : tls->most_shakes;
    return c;
}

static void locust__tls_conn_free(locust__tls_conn *c)
{
    locust__tls *tls = c->tls;
    if (c->shake)
        locust__tls_shake_free(c->shake);
    LOCUST_FREE(c->in);
#if LOCUST__WITH_RECORDS
    if (c->keys)
        locust__tls_pool_give(&tls->pool, c->keys, locust__tls_key_size(c->keys->suite));
    LOCUST_FREE(c->out);
#endif
    locust__tls_pool_give(&tls->pool, c, sizeof *c);
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
