/* ============================================================================================
 * >>pg_open  opening a connection to PostgreSQL
 *
 * Purpose     connects to a server, over TCP or a unix socket, and asks it for TLS; asks a server
 *             to cancel a query.
 * Invariants  what a server sends in front of TLS is one byte; more ends the connection, as it may
 *             be somebody else's.
 * Names       locust__pg_cancel locust__pg_code_ locust__pg_needs_tls locust__pg_open
 *             locust__pg_open_ locust__pg_opening
 * Uses        >>sync >>stream >>allowance >>tls >>tls_bind >>tls_handshake >>services >>pool
 *             >>dial >>session >>protocol >>pg_url >>pg_client
 * Sources     PostgreSQL 15's manual, 55.2.10 (SSL), 55.2.8 (cancelling), 34.19 (sslmode).
 * Limits      no GSSAPI, no TLS without the request for it, no proxy. TLS sessions are not resumed:
 *             servers of PostgreSQL do not either.
 * ============================================================================================ */

enum {
    LOCUST__PG_CODE_STARTUP = 196608, // 3.0
    LOCUST__PG_CODE_CANCEL = 80877102,
    LOCUST__PG_CODE_SSL = 80877103,
};

static const char locust__pg_needs_tls[] =
    "this sslmode needs TLS: compile the test with -DLOCUST_TLS and link it with "
    "-lmbedtls -lmbedx509 -lmbedcrypto (Debian: apt-get install libmbedtls-dev)";

/* How the URL and the class want TLS. */
static locust__tls_how locust__pg_open_how(const locust__pg *c, locust__tls_binding *binding)
{
    const locust__session *session = c->as.user->client->session;
    const locust__pg_url *url = c->url;
    locust__tls_how how = c->as.user->cls->route.tls;
    how.http = false;
    if (session->cert_file || session->key_file) {
        how.cert_file = session->cert_file;
        how.key_file = session->key_file;
    }
    if (url->cert_file) {
        how.cert_file = url->cert_file;
        how.key_file = url->key_file;
    }
    if (url->ca_file || url->system_roots)
        how.ca_file = url->ca_file;
    // libpq: require with certificates to trust is verify-ca.
    how.insecure |=
        url->ssl < LOCUST__PG_SSL_REQUIRE || (url->ssl == LOCUST__PG_SSL_REQUIRE && !url->ca_file);
    how.any_name = url->ssl < LOCUST__PG_SSL_VERIFY_FULL;
#if LOCUST__WITH_TLS
    how.see_leaf = locust__tls_bind;
    how.see_arg = binding;
#else
    (void)binding;
#endif
    return how;
}

/* Sends a few bytes. */
static locust_error locust__pg_open_say(
    locust_stream *s, uint32_t code, const uint32_t *more, int64_t deadline_ns) LOCUST__PARKS
{
    unsigned char bytes[16];
    locust__bytes_writer w = locust__bytes_writer_of(bytes, sizeof bytes);
    locust__bytes_put_u32(&w, more ? 16 : 8);
    locust__bytes_put_u32(&w, code);
    for (int i = 0; more && i < 2; i++)
        locust__bytes_put_u32(&w, more[i]);
    return locust__stream_write(
        s, (locust__view){(const char *)bytes, w.len}, (locust__view){NULL, 0}, deadline_ns);
}

/* Asks the server whether it speaks TLS. *answer: 'S', 'N', or what else it said. */
static locust_error locust__pg_open_ask(
    locust_stream *s, char *answer, int64_t deadline_ns) LOCUST__PARKS
{
    locust_error error = locust__pg_open_say(s, LOCUST__PG_CODE_SSL, NULL, deadline_ns);
    if (!error)
        error = locust__stream_fill(s, deadline_ns);
    if (error)
        return error;
    *answer = *s->in;
    if (s->in_len > 1 && *answer != 'E') // what follows is not protected
        *answer = '?';
    locust__stream_take(s, s->in_len);
    return LOCUST_OK;
}

/* Connects, without TLS. */
static locust_error locust__pg_open_plain(
    locust__pg *c, locust__conn *conn, locust__allowance *a) LOCUST__PARKS
{
    locust__services *sv = locust__pg_client_services(c);
    locust_error error;
    if (!c->url->socket)
        return locust__protocol_open(c->as.user, conn, c->url->origin, false, true, NULL, a);
    locust__stream_close(&conn->stream);
    conn->stream.late_ns = 0;
    error = locust__dial_unix(conn, c->url->socket, a);
    sv->counts.opened += !error;
    return error;
}

typedef struct locust__pg_opening { // of a connection
    bool secure;                    // by TLS; in the end: it is
    bool tls_failed;                // there is a connection, and no TLS on it
    bool retry;                     // another connection will succeed
    locust_error error;             // of the network
    locust__tls_binding binding;    // its channel's
} locust__pg_opening;

/* Opens a connection once. Returns what is wrong with what the server said to the request for TLS.
 */
static const char *locust__pg_open_once(
    locust__pg *c, locust__conn *conn, locust__pg_opening *o, locust__allowance *a) LOCUST__PARKS
{
    locust__tls_how how = locust__pg_open_how(c, &o->binding);
    char answer = '\0';
    o->retry = false;
    o->error = locust__pg_open_plain(c, conn, a);
    if (o->error || !o->secure)
        return NULL;
    o->error = locust__pg_open_ask(&conn->stream, &answer, a->deadline_ns);
    if (o->error)
        return NULL;
    o->tls_failed = answer != 'N';
    if (answer == 'S') {
        o->error = locust__tls_connect(&locust__pg_client_services(c)->tls, &conn->stream,
            c->url->origin->host, c->url->origin->port, &how, NULL, a, &o->retry);
        o->tls_failed = o->error != LOCUST_OK;
        return NULL;
    }
    if (answer != 'N')
        return answer == '?' ? "bytes in front of TLS that are not protected by it"
                             : "malformed answer to the request for TLS";
    o->secure = false;
    return c->url->ssl == LOCUST__PG_SSL_PREFER
               ? NULL
               : "the server does not speak TLS, which sslmode asks for";
}

/* Opens a connection, with TLS if o->secure. Returns why it could not. The permit for a handshake
 * is taken before the connect, so that the server does not wait between the two. */
static const char *locust__pg_open(
    locust__pg *c, locust__conn *conn, locust__pg_opening *o, locust__allowance *a) LOCUST__PARKS
{
    locust__services *sv = locust__pg_client_services(c);
    bool permit = o->secure;
    const char *why = NULL;
    o->error = permit ? locust__allowance_take(a, sv->loop, &sv->tls.handshakes) : LOCUST_OK;
    if (o->error)
        return locust__pg_text_cut;
    do
        why = locust__pg_open_once(c, conn, o, a);
    while (o->retry);
    if (permit)
        locust__sem_give(sv->loop, &sv->tls.handshakes);
    return o->error == LOCUST_ERR_CANCELLED ? locust__pg_text_cut
           : o->error                       ? locust__error_text(o->error)
                                            : why;
}

/* Asks the server to cancel what runs, by a connection of its own, which the server closes when it
 * has read that. Whether it has cancelled anything is seen on the connection of the query. */
static void locust__pg_cancel(locust__pg *c, int64_t deadline_ns) LOCUST__PARKS
{
    const uint32_t key[2] = {c->pid, c->secret};
    locust__allowance a = {deadline_ns, 0};
    locust__pg_opening o = {.secure = c->secure};
    locust__conn *conn = locust__memory_zalloc(sizeof *conn); // the poller keeps a pointer
    locust_error error = LOCUST_ERR_CLOSED;
    if (!conn)
        return;
    locust__stream_init(&conn->stream, &locust__pg_client_services(c)->net);
    if (!locust__pg_open(c, conn, &o, &a))
        error = locust__pg_open_say(&conn->stream, LOCUST__PG_CODE_CANCEL, key, a.deadline_ns);
    while (!error && locust__stream_is_open(&conn->stream)) {
        error = locust__stream_fill(&conn->stream, a.deadline_ns);
        locust__stream_take(&conn->stream, conn->stream.in_len);
    }
    locust__stream_close(&conn->stream);
    LOCUST_FREE(conn);
}
