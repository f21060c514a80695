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
 * Uses        >>net
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

enum { LOCUST__HANDSHAKES = 128 }; // in progress at once, by default

#if LOCUST__TLS

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define LOCUST__TLS_FIELD(x) MBEDTLS_PRIVATE(x)
#else
#define LOCUST__TLS_FIELD(x) x
#endif

typedef struct locust__tls_ticket { // a session to resume
    mbedtls_ssl_session session;
    char slack[32]; // the library may have been built with a longer time_t than we
    bool trusted;   // the server was verified
    const struct locust__tls_config *config; // of the connection: another one has another identity
    bool valid;
} locust__tls_ticket;

typedef struct locust__tls_config {
    struct locust__tls_config *next;
    const char *cert_file, *key_file;
    bool http, no_pss;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
} locust__tls_config;

typedef struct locust__tls_leaf { // a certificate that was verified for a host
    struct locust__tls_leaf *next;
    mbedtls_x509_time until; // the earliest end in its chain
    size_t len;
    char *host;          // behind the bytes
    unsigned char der[]; // as it came
} locust__tls_leaf;

typedef struct locust__tls_roots { // certificates to trust
    struct locust__tls_roots *next;
    const char *asked; // the file that was asked for; NULL: the system's
    char *path;        // where they are: a file, or a directory if `is_dir`
    const char *pem;   // or here
    bool is_dir;
    mbedtls_x509_crt parsed; // those that were needed
    locust__tls_leaf *leaves;
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
    locust__tls_options options;
    bool started;
    locust__tls_config *configs;
    locust__tls_roots *roots;
    locust__tls_plain *plain;
    int *ciphers; // in the order of preference, 0 at the end
    locust__semaphore steps, handshakes;
    locust__tls_counts counts;
    char *ahead; // LOCUST__TLS_AHEAD bytes to read into, as much again to send from
    size_t ahead_at, ahead_len;
    locust__buf told;   // what was explained already
    const char *broken; // why the test cannot go on; NULL: it can
    char broken_text[512];
} locust__tls;

typedef struct locust__tls_conn {
    locust__layer layer;
    locust__tls *tls;
    locust_stream *stream;
    locust__tls_config *config;
    mbedtls_ssl_context ssl;
    locust__tls_ticket **ticket; // where its session goes; NULL: nowhere
    char *kept;                  // bytes read ahead that nobody had room for
    size_t kept_at, kept_len;
    locust_error io;        // what the socket said
    locust_error end;       // how the stream ended, when that is still to be told
    unsigned char first[5]; // bytes of the server
    size_t received;        // bytes in the handshake
    bool full;              // the server showed a certificate
    bool trusted;           // the server was verified, here or when the session was made
    int64_t cpu_ns;         // of the handshake
} locust__tls_conn;

static void locust__tls_init(
    locust__tls *tls, locust__loop *loop, const locust__log *log, const locust__tls_options *o)
{
    memset(tls, 0, sizeof *tls);
    tls->loop = loop;
    tls->log = log;
    tls->options = *o;
    tls->steps.free = 1;
    tls->handshakes.free = o->max_handshakes > 0 ? o->max_handshakes : LOCUST__HANDSHAKES;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    if (ticket)
        mbedtls_ssl_session_free(&ticket->session);
    LOCUST_FREE(ticket);
}

static void locust__tls_free(locust__tls *tls)
{
    while (tls->configs) {
        locust__tls_config *c = tls->configs;
        tls->configs = c->next;
        mbedtls_ssl_config_free(&c->conf);
        mbedtls_x509_crt_free(&c->cert);
        mbedtls_pk_free(&c->key);
        LOCUST_FREE(c);
    }
    while (tls->roots) {
        locust__tls_roots *r = tls->roots;
        tls->roots = r->next;
        while (r->leaves) {
            locust__tls_leaf *leaf = r->leaves;
            r->leaves = leaf->next;
            LOCUST_FREE(leaf);
        }
        mbedtls_x509_crt_free(&r->parsed);
        LOCUST_FREE(r->path);
        LOCUST_FREE(r);
    }
    while (tls->plain) {
        locust__tls_plain *p = tls->plain;
        tls->plain = p->next;
        LOCUST_FREE(p);
    }
    if (tls->started)
        mbedtls_psa_crypto_free();
    LOCUST_FREE(tls->ciphers);
    LOCUST_FREE(tls->ahead);
    locust__buf_free(&tls->told);
}

/* The test cannot go on; the first reason counts. */
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

/* -- versions and ciphers -- */

/* "1.2" or "1.3" as 2 or 3; 0: another text. */
static int locust__tls_version(const char *text)
{
    return strcmp(text, "1.2") == 0 ? 2 : strcmp(text, "1.3") == 0 ? 3 : 0;
}

/* The number of a cipher suite by its IANA name. The library writes them in its own way:
 * TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 with '-', and TLS_AES_128_GCM_SHA256 as TLS1-3-AES-... */
static int locust__tls_cipher(locust__view name)
{
    char text[80];
    bool tls13 = name.len > 4 && !memchr(name.ptr + 4, 'W', name.len - 4);
    int n;
    if (name.len < 4 || memcmp(name.ptr, "TLS", 3) != 0)
        return 0;
    n = snprintf(
        text, sizeof text, "%s%.*s", tls13 ? "TLS1-3" : "TLS", (int)name.len - 3, name.ptr + 3);
    if (n < 0 || (size_t)n >= sizeof text)
        return 0;
    for (char *p = text; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return mbedtls_ssl_get_ciphersuite_id(text);
}

/* Reads the list A:B:C. NULL: an empty list, an unknown name (in *bad), or no memory. */
static int *locust__tls_cipher_list(const char *text, locust__view *bad)
{
    int *list = locust__base_zalloc((strlen(text) / 2 + 2) * sizeof *list), n = 0;
    *bad = (locust__view){text, 0};
    while (list && *text) {
        locust__view name = {text, strcspn(text, ":,")};
        list[n] = locust__tls_cipher(name);
        if (!list[n++]) {
            *bad = name;
            LOCUST_FREE(list);
            return NULL;
        }
        text += name.len;
        text += *text != '\0';
    }
    if (n)
        return list;
    LOCUST_FREE(list);
    return NULL;
}

/* The library's own list prefers ChaCha20, which costs both sides more where the processor has AES;
 * browsers offer AES-128-GCM first there. */
static int *locust__tls_cipher_default(void)
{
    static const int fast[] = {0x1301, 0xC02B, 0xC02F};
    const int *known = mbedtls_ssl_list_ciphersuites();
    int *list, n = 0, total = 0;
    while (known[total])
        total++;
    list = locust__base_zalloc((size_t)(total + 1) * sizeof *list);
    for (int i = 0; list && i < 3; i++)
        for (int k = 0; k < total && locust__os_has_aes(); k++)
            if (known[k] == fast[i])
                list[n++] = fast[i];
    for (int k = 0, ahead = n; list && k < total; k++) {
        bool taken = false;
        for (int i = 0; i < ahead; i++)
            taken |= list[i] == known[k];
        if (!taken)
            list[n++] = known[k];
    }
    return list;
}

/* Why these options cannot be; NULL: they can. The text lasts as long as the program. */
static const char *locust__tls_check(const locust__tls_options *o)
{
    static char text[256];
    locust__view bad;
    int min = o->min ? locust__tls_version(o->min) : 2,
        max = o->max ? locust__tls_version(o->max) : 3;
    int *list;
#if !defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if ((o->min && min == 3) || (o->max && max == 3)) {
        snprintf(text, sizeof text, "this mbedTLS (%s) has no TLS 1.3", MBEDTLS_VERSION_STRING);
        return text;
    }
#endif
    if (!min || !max || min > max)
        return "--tls-min and --tls-max take 1.2 or 1.3, the smaller one first";
    if (!o->ciphers)
        return NULL;
    list = locust__tls_cipher_list(o->ciphers, &bad);
    if (!list)
        snprintf(text, sizeof text,
            "--ciphers takes names such as TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_"
            "SHA256, which this mbedTLS (%s) has, not \"%.*s\"",
            MBEDTLS_VERSION_STRING, (int)bad.len, bad.ptr);
    LOCUST_FREE(list);
    return list ? NULL : text;
}

static locust_error locust__tls_start(locust__tls *tls)
{
    locust__view bad;
    psa_status_t rc = psa_crypto_init(); // no effect when it is up; another test may have ended it
    if (rc)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_RANDOM;
    if (tls->started)
        return LOCUST_OK;
    tls->ahead = LOCUST_MALLOC((size_t)2 * LOCUST__TLS_AHEAD);
    tls->ciphers = tls->options.ciphers ? locust__tls_cipher_list(tls->options.ciphers, &bad)
                                        : locust__tls_cipher_default();
    tls->started = true;
    return tls->ahead && tls->ciphers ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* -- configurations -- */

/* P-256 first: for the curve that most servers have too, mbedTLS is fastest. */
static void locust__tls_set_groups(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t groups[] = {23, 29, 24, 25, 0}; // IANA: secp256r1, x25519, 384, 521
    mbedtls_ssl_conf_groups(conf, groups);
#else
    static const mbedtls_ecp_group_id curves[] = {
#if defined(MBEDTLS_ECP_DP_SECP256R1_ENABLED)
        MBEDTLS_ECP_DP_SECP256R1,
#endif
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)
        MBEDTLS_ECP_DP_CURVE25519,
#endif
#if defined(MBEDTLS_ECP_DP_SECP384R1_ENABLED)
        MBEDTLS_ECP_DP_SECP384R1,
#endif
#if defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED)
        MBEDTLS_ECP_DP_SECP521R1,
#endif
        MBEDTLS_ECP_DP_NONE,
    };
    mbedtls_ssl_conf_curves(conf, curves);
#endif
}

static void locust__tls_set_versions(mbedtls_ssl_config *conf, int min, int max)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const mbedtls_ssl_protocol_version versions[] = {
        MBEDTLS_SSL_VERSION_TLS1_2, MBEDTLS_SSL_VERSION_TLS1_3};
    mbedtls_ssl_conf_min_tls_version(conf, versions[min - 2]);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_max_tls_version(conf, versions[max - 2]);
#else
    (void)max;
    mbedtls_ssl_conf_max_tls_version(conf, versions[0]);
#endif
#else
    (void)min; // 1.2 is all that may be: see locust__tls_check
    (void)max;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int locust__tls_parse_key(mbedtls_pk_context *key, const char *pem, size_t n)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0, mbedtls_psa_get_random,
        MBEDTLS_PSA_RANDOM_STATE);
#else
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0);
#endif
}

static bool locust__tls_is_pair(const mbedtls_x509_crt *cert, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_check_pair(
               &cert->pk, key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) == 0;
#else
    return mbedtls_pk_check_pair(&cert->pk, key) == 0;
#endif
}

/* Reads the client certificate and its key. */
static locust_error locust__tls_read_cert(locust__tls *tls, locust__tls_config *c)
{
    const char *key_file = c->key_file ? c->key_file : c->cert_file;
    locust__buf cert = locust__os_read_file(c->cert_file, 1 << 20);
    locust__buf key = locust__os_read_file(key_file, 1 << 20);
    locust_error error = LOCUST_OK;
    if (!cert.ptr || mbedtls_x509_crt_parse(&c->cert, (unsigned char *)cert.ptr, cert.len + 1) < 0)
        error =
            locust__tls_break(tls, "cannot read a client certificate (PEM) from %s", c->cert_file);
    else if (!key.ptr || locust__tls_parse_key(&c->key, key.ptr, key.len + 1) != 0)
        error = locust__tls_break(
            tls, "cannot read a private key (PEM, without a password) from %s", key_file);
    else if (!locust__tls_is_pair(&c->cert, &c->key))
        error =
            locust__tls_break(tls, "the private key in %s is not the one of the certificate in %s",
                key_file, c->cert_file);
    else if (mbedtls_ssl_conf_own_cert(&c->conf, &c->cert, &c->key) != 0)
        error = LOCUST_ERR_MEMORY;
    if (key.ptr)
        memset(key.ptr, 0, key.len);
    locust__buf_free(&cert);
    locust__buf_free(&key);
    return error;
}

static locust_error locust__tls_configure(locust__tls *tls, locust__tls_config *c)
{
#if defined(MBEDTLS_SSL_ALPN)
    static const char *protocols[] = {"http/1.1", NULL};
#endif
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t no_pss[] = {0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601, 0};
#endif
    int min = tls->options.min ? locust__tls_version(tls->options.min) : 2;
    int max = tls->options.max ? locust__tls_version(tls->options.max) : 3;
    if (mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
            MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return LOCUST_ERR_MEMORY;
    mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE); // see locust__tls_verify
#if MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_rng(&c->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
#endif
    mbedtls_ssl_conf_ciphersuites(&c->conf, tls->ciphers);
    locust__tls_set_groups(&c->conf);
    locust__tls_set_versions(&c->conf, min, c->no_pss ? 2 : max);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (c->no_pss)
        mbedtls_ssl_conf_sig_algs(&c->conf, no_pss);
#endif
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && \
    MBEDTLS_VERSION_NUMBER >= 0x03060100 && MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &c->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_ALPN)
    if (c->http && mbedtls_ssl_conf_alpn_protocols(&c->conf, protocols) != 0)
        return LOCUST_ERR_TLS;
#endif
    return c->cert_file ? locust__tls_read_cert(tls, c) : LOCUST_OK;
}

static bool locust__tls_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The configuration for such connections, made if it is new. */
static locust_error locust__tls_config_of(
    locust__tls *tls, const locust__tls_how *how, bool no_pss, locust__tls_config **out)
{
    locust__tls_config *c = tls->configs;
    locust_error error;
    while (c && !(c->http == how->http && c->no_pss == no_pss &&
                    locust__tls_same(c->cert_file, how->cert_file) &&
                    locust__tls_same(c->key_file, how->key_file)))
        c = c->next;
    *out = c;
    if (c)
        return LOCUST_OK;
    c = locust__base_zalloc(sizeof *c);
    if (!c)
        return LOCUST_ERR_MEMORY;
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_pk_init(&c->key);
    c->cert_file = how->cert_file;
    c->key_file = how->key_file;
    c->http = how->http;
    c->no_pss = no_pss;
    c->next = tls->configs;
    tls->configs = c;
    error = locust__tls_configure(tls, c);
    if (error) { // the next connection tries again, or the test ends
        tls->configs = c->next;
        mbedtls_ssl_config_free(&c->conf);
        mbedtls_x509_crt_free(&c->cert);
        mbedtls_pk_free(&c->key);
        LOCUST_FREE(c);
        return error;
    }
    *out = c;
    return LOCUST_OK;
}

/* -- certificates to trust -- */

/* Where systems keep theirs. The directory /etc/ssl/certs has every certificate twice. */
static const char *const locust__tls_ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo, Alpine, OpenWrt, NixOS
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, OpenBSD, FreeBSD, macOS
    "/etc/ssl/certs/ca-bundle.crt",                      // Freetz
    "/usr/local/etc/ssl/cert.pem",                       // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
    "/etc/openssl/certs/ca-certificates.crt",            // NetBSD
    "/etc/certs/ca-certificates.crt",                    // illumos
    "/opt/homebrew/etc/ca-certificates/cert.pem",
};

static bool locust__tls_readable(const char *path)
{
    return path && *path && access(path, R_OK) == 0;
}

/* Decides where the certificates come from. */
static locust_error locust__tls_find_roots(locust__tls *tls, locust__tls_roots *r)
{
    const char *file = r->asked ? r->asked : getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
    size_t n = sizeof locust__tls_ca_files / sizeof *locust__tls_ca_files;
    if (r->asked && !locust__tls_readable(r->asked))
        return locust__tls_break(
            tls, "cannot read the CA certificates in %s: %s", r->asked, strerror(errno));
    if (!locust__tls_readable(file))
        file = NULL;
#if defined(LOCUST_CA_PEM)
    if (!file) {
        r->pem = LOCUST_CA_PEM;
        return LOCUST_OK;
    }
#endif
    if (!file && locust__tls_readable(dir)) {
        file = dir;
        r->is_dir = true;
    }
    for (size_t i = 0; !file && i < n; i++)
        if (locust__tls_readable(locust__tls_ca_files[i]))
            file = locust__tls_ca_files[i];
    if (!file)
        return locust__tls_break(tls,
            "no CA certificates found on this machine: name a file by --cacert or .ca_file, set "
            "SSL_CERT_FILE, install the package ca-certificates, compile them in by LOCUST_CA_PEM, "
            "or "
            "go without verification by --insecure");
    r->path = locust__base_copy(file, strlen(file));
    return r->path ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

static locust_error locust__tls_roots_of(
    locust__tls *tls, const char *ca_file, locust__tls_roots **out)
{
    locust__tls_roots *r = tls->roots;
    locust_error error;
    while (r && !locust__tls_same(r->asked, ca_file))
        r = r->next;
    *out = r;
    if (r)
        return LOCUST_OK;
    r = locust__base_zalloc(sizeof *r);
    if (!r)
        return LOCUST_ERR_MEMORY;
    r->asked = ca_file;
    mbedtls_x509_crt_init(&r->parsed);
    error = locust__tls_find_roots(tls, r);
    if (error) {
        LOCUST_FREE(r);
        return error;
    }
    r->next = tls->roots;
    tls->roots = r;
    *out = r;
    return LOCUST_OK;
}

/* The subject of a certificate, as it is encoded: X.509 4.1 down to it, and no further. */
static bool locust__tls_subject(unsigned char *p, size_t n, locust__view *subject)
{
    unsigned char *end = p + n, *from;
    size_t len;
    // Certificate, TBSCertificate, [version], serial, signature, issuer, validity, subject
    static const int tags[] = {0x30, 0x30, 0xA0, 0x02, 0x30, 0x30, 0x30, 0x30};
    for (int i = 0; i < 8; i++) {
        from = p;
        if (i == 2 && p < end && *p != 0xA0)
            continue;
        if (mbedtls_asn1_get_tag(&p, end, &len, tags[i]) != 0)
            return false;
        if (i >= 2)
            p += len;
    }
    *subject = (locust__view){(const char *)from, (size_t)(p - from)};
    return true;
}

/* Parses those certificates of a PEM text whose subject is the issuer. Returns how many certificates
 * the text has. */
static int locust__tls_scan(locust__tls_roots *r, const char *pem, const mbedtls_x509_buf *issuer)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    locust__buf der = {NULL, 0, 0, false};
    int n = 0;
    while ((pem = strstr(pem, begin)) != NULL) {
        const char *stop = strstr(pem += sizeof begin - 1, end);
        locust__view subject;
        der.len = 0;
        if (!stop)
            break;
        if (locust__base64_decode(&der, (locust__view){pem, (size_t)(stop - pem)}) &&
            locust__tls_subject((unsigned char *)der.ptr, der.len, &subject)) {
            n++;
            if (subject.len == issuer->len && memcmp(subject.ptr, issuer->p, issuer->len) == 0)
                mbedtls_x509_crt_parse_der(&r->parsed, (unsigned char *)der.ptr, der.len);
        }
        pem = stop;
    }
    locust__buf_free(&der);
    return n;
}

static int locust__tls_scan_file(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    locust__buf text = locust__os_read_file(path, 1 << 24);
    int n = text.ptr ? locust__tls_scan(r, text.ptr, issuer) : 0;
    locust__buf_free(&text);
    return n;
}

static int locust__tls_scan_dir(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        char file[4096];
        int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (*entry->d_name != '.' && len > 0 && (size_t)len < sizeof file)
            n += locust__tls_scan_file(r, file, issuer);
    }
    if (dir)
        closedir(dir);
    return n;
}

static bool locust__tls_names_equal(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Makes the trusted certificates available that a chain may end at. */
static locust_error locust__tls_load_issuers(
    locust__tls *tls, locust__tls_roots *r, const mbedtls_x509_crt *chain)
{
    for (; chain; chain = chain->next) {
        const mbedtls_x509_crt *known = r->parsed.raw.p ? &r->parsed : NULL;
        int n;
        while (known && !locust__tls_names_equal(&known->subject_raw, &chain->issuer_raw))
            known = known->next;
        if (known)
            continue;
        n = r->pem      ? locust__tls_scan(r, r->pem, &chain->issuer_raw)
            : r->is_dir ? locust__tls_scan_dir(r, r->path, &chain->issuer_raw)
                        : locust__tls_scan_file(r, r->path, &chain->issuer_raw);
        if (!n)
            return locust__tls_break(
                tls, "there is no CA certificate (PEM) in %s", r->pem ? "LOCUST_CA_PEM" : r->path);
    }
    return LOCUST_OK;
}

/* -- verification -- */

static void locust__tls_date(char *out, size_t size, const mbedtls_x509_time *t)
{
    snprintf(out, size, "%04d-%02d-%02d", t->year, t->mon, t->day);
}

/* The names that a certificate is for, as far as they fit. */
static void locust__tls_names(locust__buf *out, const mbedtls_x509_crt *leaf)
{
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s && s->buf.p; s = s->next)
        if ((s->buf.tag & 31) == 2 && out->len < 200) {
            locust__buf_puts(out, out->len ? ", " : "");
            for (size_t i = 0; i < s->buf.len && out->len < 250; i++) { // whatever a server wrote
                char c = (char)s->buf.p[i];
                locust__buf_add(out, c > ' ' && c < 127 ? &c : "?", 1);
            }
        }
    if (!out->len)
        locust__buf_puts(out, "no host name");
}

static bool locust__tls_before(const mbedtls_x509_time *a, const mbedtls_x509_time *b)
{
    int x[] = {a->year, a->mon, a->day, a->hour, a->min, a->sec};
    int y[] = {b->year, b->mon, b->day, b->hour, b->min, b->sec};
    for (int i = 0; i < 6; i++)
        if (x[i] != y[i])
            return x[i] < y[i];
    return false;
}

/* When the first certificate of a chain expires, or the last one begins to be valid. */
static const mbedtls_x509_time *locust__tls_bound(const mbedtls_x509_crt *chain, bool end)
{
    const mbedtls_x509_time *bound = end ? &chain->valid_to : &chain->valid_from;
    for (; chain; chain = chain->next) {
        if (end && locust__tls_before(&chain->valid_to, bound))
            bound = &chain->valid_to;
        if (!end && locust__tls_before(bound, &chain->valid_from))
            bound = &chain->valid_from;
    }
    return bound;
}

/* Says once for each host what is wrong with its certificate, and what to do. */
static void locust__tls_explain(locust__tls *tls, const char *host, locust_error error,
    const mbedtls_x509_crt *leaf, const locust__tls_roots *roots)
{
    locust__buf text = {NULL, 0, 0, false}, names = {NULL, 0, 0, false};
    char date[32];
    const char *source = !roots ? "" : roots->pem ? "LOCUST_CA_PEM" : roots->path;
    locust__buf_printf(&text, "\n%s: %s", host, locust__error_text(error));
    if (error == LOCUST_ERR_CERT_EXPIRED || error == LOCUST_ERR_CERT_FUTURE) {
        int64_t now_s = locust__os_wall_ns() / LOCUST__S;
        locust__tls_date(
            date, sizeof date, locust__tls_bound(leaf, error == LOCUST_ERR_CERT_EXPIRED));
        locust__buf_printf(
            &text, ": valid %s %s", error == LOCUST_ERR_CERT_EXPIRED ? "until" : "from", date);
        if (now_s < 1704067200) // 2024
            locust__buf_puts(&text, "; but the clock of this machine is wrong: set it");
    } else if (error == LOCUST_ERR_CERT_HOST) {
        locust__tls_names(&names, leaf);
        locust__buf_add(&names, "", 1);
        locust__buf_printf(&text, ": it is for %s", names.failed ? "others" : names.ptr);
    } else if (error == LOCUST_ERR_CERT_SELF_SIGNED) {
        locust__buf_puts(&text, ": to trust it, give it as --cacert or .ca_file");
    } else if (error == LOCUST_ERR_CERT_ISSUER) {
        locust__buf_printf(&text,
            ": none in %s issued it, or the server left out an intermediate certificate", source);
    }
    locust__buf_add(&text, "\n", 2);
    if (!text.failed && !(tls->told.ptr && strstr(tls->told.ptr, text.ptr))) { // as a whole line
        locust__buf_printf(&tls->told, "%s", text.ptr);
        text.ptr[text.len - 2] = '\0';
        locust__log_print(tls->log, LOCUST__WARNING, "locust.tls", "%s", text.ptr + 1);
    }
    locust__buf_free(&text);
    locust__buf_free(&names);
}

/* Does a SAN of the certificate hold this address? RFC 9525 6.4: CN does not count. */
static bool locust__tls_has_address(const mbedtls_x509_crt *leaf, const locust__addr *addr)
{
    bool six = addr->as.any.sa_family == AF_INET6;
    const void *bytes = six ? (const void *)&addr->as.in6.sin6_addr : &addr->as.in.sin_addr;
    size_t len = six ? 16 : 4;
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s; s = s->next)
        if ((s->buf.tag & 31) == 7 && s->buf.len == len && memcmp(s->buf.p, bytes, len) == 0)
            return true;
    return false;
}

/* May it prove a server's identity? Without the extensions it may be used for anything. */
static bool locust__tls_is_for_servers(const mbedtls_x509_crt *leaf)
{
    static const char server_auth[] = {0x2B, 6, 1, 5, 5, 7, 3, 1}; // id-kp-serverAuth
    return mbedtls_x509_crt_check_extended_key_usage(leaf, server_auth, sizeof server_auth) == 0 &&
           (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 ||
               mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_KEY_ENCIPHERMENT) == 0);
}

/* The sentence for what verification found, the most useful first. */
static locust_error locust__tls_judge(uint32_t flags, const mbedtls_x509_crt *leaf)
{
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return LOCUST_ERR_CERT_EXPIRED;
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return LOCUST_ERR_CERT_FUTURE;
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return LOCUST_ERR_CERT_HOST;
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return locust__tls_names_equal(&leaf->issuer_raw, &leaf->subject_raw)
                   ? LOCUST_ERR_CERT_SELF_SIGNED
                   : LOCUST_ERR_CERT_ISSUER;
    if (flags &
        (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        return LOCUST_ERR_CERT_WEAK;
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return LOCUST_ERR_CERT_USAGE;
    return flags ? LOCUST_ERR_CERT_FORM : LOCUST_OK;
}

/* Was exactly this certificate verified for the host before? Half of a handshake's cost is the check
 * of the same chain over again. */
static bool locust__tls_recall(
    const locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    for (const locust__tls_leaf *l = r->leaves; l; l = l->next)
        if (l->len == leaf->raw.len && memcmp(l->der, leaf->raw.p, l->len) == 0 &&
            strcasecmp(l->host, host) == 0)
            return !mbedtls_x509_time_is_past(&l->until);
    return false;
}

static void locust__tls_remember(
    locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    size_t host_len = strlen(host) + 1;
    locust__tls_leaf *l = locust__base_zalloc(sizeof *l + leaf->raw.len + host_len);
    if (!l)
        return;
    l->len = leaf->raw.len;
    memcpy(l->der, leaf->raw.p, l->len);
    l->host = (char *)l->der + l->len;
    memcpy(l->host, host, host_len);
    l->until = *locust__tls_bound(leaf, true);
    l->next = r->leaves;
    r->leaves = l;
}

/* A module's code plus that of the one below it, or of PSA: does one of them say "out of memory"? */
static bool locust__tls_lacks_memory(int rc)
{
    static const int modules[] = {0x2880, 0x3F80, 0x4D80, 0x5180, 0x6180, 0x7F00}; // X.509 to SSL
    int below = -rc & 0x7F;
    if (-rc >= 0x80 && -rc < 0x100)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY;
    if (below == 0x10 || below == 0x6A) // MPI, ASN.1
        return true;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if ((-rc & ~0x7F) == modules[i])
            return true;
    return false;
}

/* Is the server who it says it is? One way for all versions of the library, and the only one. */
static locust_error locust__tls_verify(
    locust__tls *tls, mbedtls_ssl_context *ssl, const char *host, const locust__tls_how *how)
{
    const mbedtls_x509_crt *leaf = mbedtls_ssl_get_peer_cert(ssl);
    locust__tls_roots *roots = NULL;
    locust__addr addr;
    bool literal = locust__addr_parse(&addr, host, 0);
    uint32_t flags = 0;
    locust_error error;
    int rc;
    if (!leaf)
        return LOCUST_ERR_CERT_FORM;
    error = locust__tls_roots_of(tls, how->ca_file, &roots);
    if (error || locust__tls_recall(roots, host, leaf))
        return error;
    error = locust__tls_load_issuers(tls, roots, leaf);
    if (error)
        return error;
    rc = mbedtls_x509_crt_verify_with_profile((mbedtls_x509_crt *)(uintptr_t)leaf,
        roots->parsed.raw.p ? &roots->parsed : NULL, NULL, &mbedtls_x509_crt_profile_default,
        literal ? NULL : host, &flags, NULL, NULL);
    if (rc && rc != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return locust__tls_lacks_memory(rc) ? LOCUST_ERR_MEMORY : LOCUST_ERR_CERT_FORM;
    if (literal && !locust__tls_has_address(leaf, &addr))
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (!locust__tls_is_for_servers(leaf))
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    error = locust__tls_judge(flags, leaf);
    if (error)
        locust__tls_explain(tls, host, error, leaf, roots);
    else
        locust__tls_remember(roots, host, leaf);
    return error;
}

/* -- between mbedTLS and the socket -- */

static int locust__tls_bio_send(void *arg, const unsigned char *bytes, size_t n)
{
    locust__tls_conn *c = arg;
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    size_t sent;
    c->io = locust__socket_send(c->stream, &iov, 1, &sent);
    if (c->io)
        return -1;
    return sent ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int locust__tls_bio_recv(void *arg, unsigned char *out, size_t n)
{
    locust__tls_conn *c = arg;
    locust__tls *tls = c->tls;
    char *from = c->kept_len ? c->kept + c->kept_at : tls->ahead + tls->ahead_at;
    size_t *at = c->kept_len ? &c->kept_at : &tls->ahead_at;
    size_t *len = c->kept_len ? &c->kept_len : &tls->ahead_len;
    if (!*len) {
        if (!c->stream->fd.source.readable)
            return MBEDTLS_ERR_SSL_WANT_READ;
        c->io = locust__socket_recv(c->stream, tls->ahead, LOCUST__TLS_AHEAD, len);
        if (c->io)
            return c->io == LOCUST_ERR_CLOSED ? 0 : -1;
        if (!*len)
            return MBEDTLS_ERR_SSL_WANT_READ;
        for (size_t i = 0; i < *len && c->received + i < sizeof c->first; i++)
            c->first[c->received + i] = (unsigned char)tls->ahead[i];
        c->received += *len;
        *at = 0;
        from = tls->ahead;
    }
    n = n < *len ? n : *len;
    memcpy(out, from, n);
    *at += n;
    *len -= n;
    return (int)n;
}

/* Ends a turn of mbedTLS on this connection: what was read ahead for it and not used is its own. */
static void locust__tls_leave(locust__tls_conn *c)
{
    locust__tls *tls = c->tls;
    if (!c->kept_len) {
        LOCUST_FREE(c->kept);
        c->kept = NULL;
        c->kept_at = 0;
    }
    if (tls->ahead_len) {
        c->kept = locust__base_copy(tls->ahead + tls->ahead_at, tls->ahead_len);
        if (c->kept)
            c->kept_len = tls->ahead_len;
        else
            c->end = LOCUST_ERR_MEMORY;
    }
    tls->ahead_len = 0;
    c->stream->held = c->kept_len || c->end || mbedtls_ssl_get_bytes_avail(&c->ssl);
}

/* -- what went wrong -- */

static int locust__tls_alert(const mbedtls_ssl_context *ssl)
{
#if MBEDTLS_VERSION_NUMBER >= 0x04010000
    return mbedtls_ssl_get_fatal_alert(ssl);
#else
    return ssl->LOCUST__TLS_FIELD(in_msg)[1];
#endif
}

/* RFC 8446 6.2. A server that misses a certificate may say just "handshake failure", and says it
 * after more than its first message. */
static locust_error locust__tls_alert_error(const locust__tls_conn *c)
{
    bool refused = c->config->cert_file != NULL;
    switch (locust__tls_alert(&c->ssl)) {
    case 40: // handshake_failure
        if (c->received > 7 && c->full)
            return refused ? LOCUST_ERR_CERT_CLIENT_REFUSED : LOCUST_ERR_CERT_CLIENT;
        return LOCUST_ERR_TLS_CIPHER;
    case 71: // insufficient_security
        return LOCUST_ERR_TLS_CIPHER;
    case 70: // protocol_version
        return LOCUST_ERR_TLS_VERSION;
    case 116: // certificate_required
        return LOCUST_ERR_CERT_CLIENT;
    case 42: // bad_certificate, and what follows: about the client's
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
        return refused ? LOCUST_ERR_CERT_CLIENT_REFUSED : LOCUST_ERR_CERT_CLIENT;
    case 112: // unrecognized_name
        return LOCUST_ERR_TLS_NAME;
    case 120: // no_application_protocol
        return LOCUST_ERR_TLS_ALPN;
    default:
        return LOCUST_ERR_TLS_ALERT;
    }
}

/* The sentence for what mbedTLS returned. */
static locust_error locust__tls_error(const locust__tls_conn *c, int rc)
{
    bool reads_certs = c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
    if (c->io && c->io != LOCUST_ERR_CLOSED)
        return c->io;
    if (c->received && (c->first[0] < 20 || c->first[0] > 24))
        return memcmp(c->first, "HTTP/", 5) == 0 ? LOCUST_ERR_TLS_PLAIN : LOCUST_ERR_TLS_NONE;
    if (locust__tls_lacks_memory(rc))
        return LOCUST_ERR_MEMORY;
    switch (rc) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return locust__tls_alert_error(c);
    case -0x6E80: // bad protocol version; the name changed in 3.0
        return LOCUST_ERR_TLS_VERSION;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return LOCUST_ERR_TLS_RECORD;
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return LOCUST_ERR_TLS_CLOSED;
    case -0x7100: // three versions' ways to say that a message is longer than their buffer
    case -0x7080:
    case -135:
        return reads_certs || c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_CERTIFICATE_REQUEST
                   ? LOCUST_ERR_CERT_SIZE // TLS 1.3 looks ahead for it
                   : LOCUST_ERR_TLS;
    default:
        return reads_certs || (rc <= -0x2080 && rc >= -0x2A00) ? LOCUST_ERR_CERT_FORM
                                                               : LOCUST_ERR_TLS;
    }
}

/* -- the layer -- */

typedef struct locust__tls_op { // a call on the loop's stack
    locust__tls_conn *c;
    char *to;
    const struct iovec *iov;
    int n_iov;
    size_t n, done;
    const char *host;
    int port;
    const locust__tls_how *how;
    locust_error error;
    int rc;
} locust__tls_op;

/* Gives back the certificates of a server that was verified: 2 KB and more, and again that much in
 * each copy of the session. A library built with another time_t has them in another place. */
static void locust__tls_drop_certs(mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
    mbedtls_ssl_session *session = ssl->LOCUST__TLS_FIELD(session);
    mbedtls_x509_crt *leaf = session ? session->LOCUST__TLS_FIELD(peer_cert) : NULL;
    if (!leaf || leaf != mbedtls_ssl_get_peer_cert(ssl))
        return;
    mbedtls_x509_crt_free(leaf);
    mbedtls_free(leaf);
    session->LOCUST__TLS_FIELD(peer_cert) = NULL;
#else
    (void)ssl;
#endif
}

/* Keeps the session for the next connection to this server. */
static void locust__tls_save(locust__tls_conn *c)
{
    locust__tls_ticket *t;
    if (!c->ticket)
        return;
    if (!*c->ticket)
        *c->ticket = locust__base_zalloc(sizeof **c->ticket);
    t = *c->ticket;
    if (!t)
        return;
    mbedtls_ssl_session_free(&t->session);
    mbedtls_ssl_session_init(&t->session);
    t->config = c->config;
    t->trusted = c->trusted;
    t->valid = mbedtls_ssl_get_session(&c->ssl, &t->session) == 0;
}

static bool locust__tls_is_ticket(int rc)
{
    return rc == -0x7B00; // MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET, which 2.28 does not know
}

/* How a stream ends after the handshake. */
static locust_error locust__tls_end(const locust__tls_conn *c, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return LOCUST_ERR_CLOSED;
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_CONN_EOF)
        return LOCUST_ERR_TLS_CUT;
    return locust__tls_error(c, rc);
}

static void locust__tls_read_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    int rc = 1;
    if (c->end) {
        op->error = c->end;
        return;
    }
    while (op->done < op->n && (rc > 0 || locust__tls_is_ticket(rc))) {
        rc = mbedtls_ssl_read(&c->ssl, (unsigned char *)op->to + op->done, op->n - op->done);
        if (rc > 0)
            op->done += (size_t)rc;
        else if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    }
    if (rc <= 0 && !locust__tls_is_ticket(rc) && rc != MBEDTLS_ERR_SSL_WANT_READ &&
        rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        c->end = locust__tls_end(c, rc);
        op->error = op->done ? LOCUST_OK : c->end; // first what came before the end
    }
    locust__tls_leave(c);
}

static locust_error locust__tls_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)s->layer;
    locust__tls_op op = {.c = c, .to = to, .n = n};
    locust__loop_call(c->tls->loop, locust__tls_read_call, &op);
    *got = op.done;
    return op.error;
}

/* Sends up to a record. mbedTLS wants the same bytes again after it found no room: what is gathered
 * here depends on nothing but what it is given. */
static void locust__tls_write_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    char *stage = c->tls->ahead + LOCUST__TLS_AHEAD;
    const char *from = op->iov->iov_base;
    size_t n = op->iov->iov_len;
    int rc;
    if (op->n_iov > 1 && n < LOCUST__TLS_RECORD) {
        size_t more = LOCUST__TLS_RECORD - n;
        more = more < op->iov[1].iov_len ? more : op->iov[1].iov_len;
        memcpy(stage, from, n);
        memcpy(stage + n, op->iov[1].iov_base, more);
        from = stage;
        n += more;
    }
    n = n < LOCUST__TLS_RECORD ? n : LOCUST__TLS_RECORD;
    do {
        rc = mbedtls_ssl_write(&c->ssl, (const unsigned char *)from, n);
        if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    } while (locust__tls_is_ticket(rc));
    if (rc > 0)
        op->done = (size_t)rc;
    else if (rc != MBEDTLS_ERR_SSL_WANT_WRITE && rc != MBEDTLS_ERR_SSL_WANT_READ)
        op->error = locust__tls_end(c, rc);
    locust__tls_leave(c);
}

static locust_error locust__tls_send(locust_stream *s, const struct iovec *iov, int n, size_t *sent)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)s->layer;
    locust__tls_op op = {.c = c, .iov = iov, .n_iov = n};
    locust__loop_call(c->tls->loop, locust__tls_write_call, &op);
    *sent = op.done;
    return op.error;
}

static void locust__tls_close_call(void *arg)
{
    locust__tls_conn *c = arg;
    if (!c->end && !c->io)
        mbedtls_ssl_close_notify(&c->ssl); // goes out at once or not at all
    mbedtls_ssl_free(&c->ssl);
    LOCUST_FREE(c->kept);
    LOCUST_FREE(c);
}

static void locust__tls_close(locust_stream *s)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)s->layer;
    locust__loop_call(c->tls->loop, locust__tls_close_call, c);
}

/* -- the handshake -- */

/* mbedTLS 3.6.6 and 4.1.0 offer RSA-PSS in TLS 1.2 and then refuse it. Servers that choose it are
 * asked again without. */
static bool locust__tls_refuses_pss(void)
{
#if defined(MBEDTLS_VERSION_C)
    unsigned version = mbedtls_version_get_number();
    return version == 0x03060600 || version == 0x04010000;
#else
    return MBEDTLS_VERSION_NUMBER == 0x03060600 || MBEDTLS_VERSION_NUMBER == 0x04010000;
#endif
}

static bool locust__tls_is_plain(const locust__tls *tls, const char *host, int port)
{
    const locust__tls_plain *p = tls->plain;
    while (p && (p->port != port || strcmp(p->host, host) != 0))
        p = p->next;
    return p != NULL;
}

/* From now on the server is asked without RSA-PSS. False: no memory. */
static bool locust__tls_make_plain(locust__tls *tls, const char *host, int port)
{
    size_t n = strlen(host) + 1;
    locust__tls_plain *p;
    if (locust__tls_is_plain(tls, host, port))
        return true;
    p = locust__base_zalloc(sizeof *p + n);
    if (!p)
        return false;
    memcpy(p->host, host, n);
    p->port = port;
    p->next = tls->plain;
    tls->plain = p;
    return true;
}

/* Makes the connection's TLS side. */
static void locust__tls_open_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    locust__addr unused;
    op->error = locust__tls_start(c->tls);
    if (!op->error)
        op->error = locust__tls_config_of(
            c->tls, op->how, locust__tls_is_plain(c->tls, op->host, op->port), &c->config);
    if (op->error)
        return;
    // SNI is for names alone, RFC 6066 3.
    if (mbedtls_ssl_setup(&c->ssl, &c->config->conf) != 0 ||
        mbedtls_ssl_set_hostname(
            &c->ssl, locust__addr_parse(&unused, op->host, 0) ? NULL : op->host) != 0) {
        op->error = LOCUST_ERR_MEMORY;
        return;
    }
    mbedtls_ssl_set_bio(&c->ssl, c, locust__tls_bio_send, locust__tls_bio_recv, NULL);
    if (c->ticket && *c->ticket && (*c->ticket)->valid && (*c->ticket)->config == c->config &&
        ((*c->ticket)->trusted || op->how->insecure)) {
        c->trusted = (*c->ticket)->trusted;
        mbedtls_ssl_set_session(&c->ssl, &(*c->ticket)->session); // refused: a full handshake
    }
}

/* Whoever sent a fatal alert and closed made our writes fail; the alert still says why. */
static int locust__tls_last_words(locust__tls_conn *c, int rc)
{
    locust_error said = c->io;
    unsigned char unused;
    int last;
    if (said != LOCUST_ERR_PIPE && said != LOCUST_ERR_RESET)
        return rc;
    c->stream->fd.source.readable = true;
    last = mbedtls_ssl_read(&c->ssl, &unused, 1);
    if (last == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        c->io = LOCUST_OK;
        return last;
    }
    c->io = said;
    return rc;
}

/* One move of a handshake: as far as the bytes at hand carry it; at its end verification. */
static void locust__tls_step_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    int64_t began_ns = locust__os_now_ns();
    bool over = false;
    op->rc = 0;
    while (op->rc == 0 && !over) {
        op->rc = mbedtls_ssl_handshake_step(&c->ssl);
        c->full |= c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
        over = c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
        if (locust__tls_is_ticket(op->rc))
            op->rc = 0;
    }
    c->trusted = c->trusted && !c->full;
    if (over && !c->trusted && !op->how->insecure) {
        op->error = locust__tls_verify(c->tls, &c->ssl, op->host, op->how);
        c->trusted = !op->error;
    }
    if (over && op->error && op->error != LOCUST_ERR_TLS)
        mbedtls_ssl_send_alert_message(
            &c->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    if (over && !op->error) {
        locust__tls_drop_certs(&c->ssl);
        locust__tls_save(c);
    }
    if (op->rc && op->rc != MBEDTLS_ERR_SSL_WANT_READ && op->rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        op->rc = locust__tls_last_words(c, op->rc);
        op->error = locust__tls_error(c, op->rc);
    }
    locust__tls_leave(c);
    c->cpu_ns += locust__os_now_ns() - began_ns;
    c->tls->loop->excused = true; // a slow machine takes its time for this
    if (c->stream->arrived_ns && c->stream->arrived_ns < began_ns)
        locust__loop_count_late(c->tls->loop, began_ns - c->stream->arrived_ns);
}

/* Lets one handshake after the other make its move, one in a turn of the loop, so that answers to
 * other users are not kept waiting. *deadline_ns and *own_ns move by the wait. */
static locust_error locust__tls_step(
    locust__tls *tls, locust__tls_op *op, int64_t *deadline_ns, int64_t *own_ns) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns(), took_ns;
    enum locust__wake why = locust__semaphore_take(tls->loop, &tls->steps, LOCUST__NEVER);
    if (why != LOCUST__WOKEN)
        return locust__stream_woken(why, LOCUST_ERR_CONNECT_TIMEOUT);
    took_ns = locust__os_now_ns() - began_ns;
    *deadline_ns = locust__base_after(*deadline_ns, took_ns);
    *own_ns += took_ns;
    locust__loop_call(tls->loop, locust__tls_step_call, op);
    why = locust__co_yield(tls->loop);
    locust__semaphore_give(tls->loop, &tls->steps);
    return why == LOCUST__CANCELLED ? LOCUST_ERR_CANCELLED : LOCUST_OK;
}

static locust_error locust__tls_handshake(
    locust__tls *tls, locust__tls_op *op, int64_t *deadline_ns, int64_t *own_ns) LOCUST__PARKS
{
    locust_stream *s = op->c->stream;
    for (;;) {
        locust_error error = locust__tls_step(tls, op, deadline_ns, own_ns);
        if (error || op->error || op->rc == 0)
            return error ? error : op->error;
        if (op->rc == MBEDTLS_ERR_SSL_WANT_WRITE && !s->fd.source.writable)
            error = locust__stream_woken(
                locust__fd_wait_write(tls->loop, &s->fd, *deadline_ns), LOCUST_ERR_CONNECT_TIMEOUT);
        else if (op->rc == MBEDTLS_ERR_SSL_WANT_READ && !s->fd.source.readable)
            error = locust__stream_woken(
                locust__fd_wait_read(tls->loop, &s->fd, *deadline_ns), LOCUST_ERR_CONNECT_TIMEOUT);
        if (error)
            return error;
    }
}

static void locust__tls_count(locust__tls *tls, const locust__tls_conn *c)
{
    if (c->full) {
        tls->counts.full++;
        tls->counts.full_ns += c->cpu_ns;
    } else {
        tls->counts.resumed++;
        tls->counts.resumed_ns += c->cpu_ns;
    }
}

/* Puts TLS onto a connected stream, which is closed if that fails. *retry: another connection will
 * succeed. ticket: where the session to resume is and the new one goes; NULL: none. */
static locust_error locust__tls_connect(locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, int64_t *deadline_ns,
    int64_t *own_ns, bool *retry) LOCUST__PARKS
{
    locust__tls_conn *c = locust__base_zalloc(sizeof *c);
    locust__tls_op op = {.c = c, .host = host, .port = port, .how = how};
    *retry = false;
    if (!c) {
        locust__stream_close(s);
        return LOCUST_ERR_MEMORY;
    }
    c->layer = (locust__layer){locust__tls_recv, locust__tls_send, locust__tls_close};
    c->tls = tls;
    c->stream = s;
    c->ticket = tls->options.no_resume ? NULL : ticket;
    mbedtls_ssl_init(&c->ssl);
    s->layer = &c->layer;
    locust__loop_call(tls->loop, locust__tls_open_call, &op);
    if (!op.error)
        op.error = locust__tls_handshake(tls, &op, deadline_ns, own_ns);
    if (!op.error) {
        locust__tls_count(tls, c);
        return LOCUST_OK;
    }
    if (op.rc == -0x6600 && locust__tls_refuses_pss() && !c->config->no_pss)
        *retry = locust__tls_make_plain(tls, host, port);
    c->end = op.error; // no close_notify
    locust__stream_close(s);
    return op.error;
}

#else // !LOCUST__TLS

typedef struct locust__tls_ticket {
    char unused;
} locust__tls_ticket;

typedef struct locust__tls {
    locust__tls_counts counts;
    locust__semaphore handshakes;
    const char *broken;
} locust__tls;

static void locust__tls_init(
    locust__tls *tls, locust__loop *loop, const locust__log *log, const locust__tls_options *o)
{
    (void)loop;
    (void)log;
    (void)o;
    memset(tls, 0, sizeof *tls);
    tls->handshakes.free = LOCUST__HANDSHAKES;
}

static void locust__tls_free(const locust__tls *tls)
{
    (void)tls;
}

static const char *locust__tls_check(const locust__tls_options *o)
{
    (void)o;
    return NULL;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    (void)ticket;
}

/* Nobody gets here: an https URL is refused where it is parsed. */
static locust_error locust__tls_connect(const locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, const int64_t *deadline_ns,
    const int64_t *own_ns, bool *retry)
{
    (void)tls, (void)host, (void)port, (void)how, (void)ticket, (void)deadline_ns, (void)own_ns;
    *retry = false;
    locust__stream_close(s);
    return LOCUST_ERR_TLS;
}

#endif // LOCUST__TLS
