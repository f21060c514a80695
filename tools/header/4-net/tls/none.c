/* ============================================================================================
 * >>tls_none  no TLS compiled in
 *
 * Purpose     the functions that other parts call, for a test without LOCUST_TLS: no https.
 * Names       locust__tls locust__tls_check_ locust__tls_connect_ locust__tls_free_
 *             locust__tls_init_ locust__tls_ticket_
 * Uses        >>co >>sync >>stream >>allowance >>tls >>tls_state >>tls_version >>tls_handshake
 * ============================================================================================ */

typedef struct locust__tls_ticket {
    char unused;
} locust__tls_ticket;

typedef struct locust__tls {
    locust__tls_counts counts;
    locust__sem handshakes;
    const char *broken;
} locust__tls;

static void locust__tls_init(locust__tls *tls, locust__loop *loop, const locust__log *log,
    locust__arena *arena, const locust__tls_options *o)
{
    (void)loop;
    (void)log;
    (void)arena;
    (void)o;
    memset(tls, 0, sizeof *tls);
    tls->handshakes.free = LOCUST__TLS_HANDSHAKES;
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

/* Never called: https and tls:// are refused where their URL is parsed. */
static locust_error locust__tls_connect(const locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, const locust__allowance *a,
    bool *retry)
{
    (void)tls, (void)host, (void)port, (void)how, (void)ticket, (void)a;
    *retry = false;
    locust__stream_close(s);
    return LOCUST_ERR_TLS;
}
