/* ============================================================================================
 * >>protocol  clients of protocols
 *
 * Purpose     what the clients of all protocols have in common: they belong to the user, or the
 *             coroutine of a user, that uses them, one of each kind; they connect as requests do;
 *             their operations become rows; somebody looks after them while their user does
 *             something else.
 * Invariants  a client is closed when its user, or the coroutine that a user started, ends. While
 *             a call of its user runs it is `busy`, and left alone. At all other times the keeper,
 *             one coroutine for all clients of a test, calls `tend` when bytes came and `tick`
 *             about once a second; neither parks nor frees the client.
 * Cost        a client that no test mentions: nothing. Bytes that come unasked: a turn of the
 *             keeper for all that came in one look at the poller.
 * Names       locust__protocol_ locust__keeper_ locust__operation_
 * Uses        >>co >>switch >>fd >>record >>stream >>allowance >>tls >>tls_state >>url >>route
 *             >>services >>pool >>dial >>session >>client >>user >>retry >>life >>control
 * ============================================================================================ */

struct locust__protocol_client;

typedef struct locust__protocol_kind { // a protocol; each has one of these, static
    size_t bytes;                      // of a client, which begins with a locust__protocol_client
    void (*end)(struct locust__protocol_client *c);  // says goodbye and frees what the client has;
                                                     // its connection may be open still
    void (*tend)(struct locust__protocol_client *c); // reads what came; NULL: waits until asked
    void (*tick)(struct locust__protocol_client *c, int64_t now_ns); // NULL: nothing is due ever
    bool ticks_busy; // `tick` is called also while a call of its user runs
} locust__protocol_kind;

typedef struct locust__protocol_client { // begins a client of any protocol
    locust__user_protocol as;            // first
    const locust__protocol_kind *kind;
    locust__user *user; // whose it is: of a coroutine that a user started, that one
    locust__conn conn;
    struct locust__protocol_client *next, **link;               // all of the test
    struct locust__protocol_client *unread_next, **unread_link; // link NULL: not among the unread
    bool busy;                                                  // a call of its user runs
} locust__protocol_client;

typedef struct locust__keeper { // of a test
    locust__loop *loop;
    locust__users *users;
    locust__co *co;
    locust__protocol_client *clients;
    locust__protocol_client *unread, **unread_end; // of them, those that bytes have come for
    locust__protocol_client *ticked;               // the next that a round of ticks comes to
    void *shared; // the first of the connections that clients of one protocol share; the protocol's
} locust__keeper;

enum { LOCUST__KEEPER_STEP = 64 }; // clients that the keeper serves before it lets others run

static locust__protocol_client *locust__protocol_of_fd(locust__fd *fd)
{
    return (locust__protocol_client *)(void *)((char *)fd -
                                               offsetof(locust__protocol_client, conn.stream.fd));
}

static locust__keeper *locust__keeper_of_client(const locust__protocol_client *c)
{
    return c->user->all->keeper;
}

/* Puts a client behind those that the keeper reads from next. */
static void locust__keeper_call(locust__protocol_client *c)
{
    locust__keeper *keeper = locust__keeper_of_client(c);
    if (c->busy || c->unread_link || !keeper)
        return;
    c->unread_link = keeper->unread_end;
    c->unread_next = NULL;
    *keeper->unread_end = c;
    keeper->unread_end = &c->unread_next;
    locust__co_wake(keeper->loop, keeper->co, LOCUST__WAKE_EVENT);
}

/* Bytes came that nobody waits for: this is the descriptor's `unread`. */
static void locust__keeper_unread(locust__fd *fd)
{
    locust__keeper_call(locust__protocol_of_fd(fd));
}

/* Takes a client out of those that are unread. */
static void locust__keeper_forget(locust__protocol_client *c)
{
    if (!c->unread_link)
        return;
    *c->unread_link = c->unread_next;
    if (c->unread_next)
        c->unread_next->unread_link = c->unread_link;
    else
        locust__keeper_of_client(c)->unread_end = c->unread_link;
    c->unread_link = NULL;
}

/* Lets others run after each so many clients. */
static void locust__keeper_pace(locust__keeper *keeper, int *served) LOCUST__PARKS
{
    if (++*served % LOCUST__KEEPER_STEP)
        return;
    locust__loop_clock(keeper->loop);
    locust__co_yield(keeper->loop);
}

static void locust__keeper_round(locust__keeper *keeper, int64_t now_ns) LOCUST__PARKS
{
    int served = 0;
    keeper->ticked = keeper->clients;
    while (keeper->ticked) {
        locust__protocol_client *c = keeper->ticked;
        keeper->ticked = c->next;
        if (c->kind->tick && (!c->busy || c->kind->ticks_busy) &&
            locust__stream_is_open(&c->conn.stream))
            c->kind->tick(c, now_ns);
        locust__keeper_pace(keeper, &served);
    }
}

/* The coroutine that looks after the clients of a test. It ends with the last of them. */
static void locust__keeper_main(void *arg)
{
    locust__keeper *keeper = arg;
    int64_t tick_ns = locust__time_after(keeper->loop->now_ns, LOCUST__S);
    int served = 0;
    while (keeper->clients) {
        while (keeper->unread) {
            locust__protocol_client *c = keeper->unread;
            locust__keeper_forget(c);
            if (!c->busy && c->kind->tend && locust__stream_is_open(&c->conn.stream))
                c->kind->tend(c);
            locust__keeper_pace(keeper, &served);
        }
        locust__loop_clock(keeper->loop);
        if (locust__co_park(keeper->loop, tick_ns, false) == LOCUST__WAKE_TIMEOUT) {
            locust__keeper_round(keeper, keeper->loop->now_ns);
            tick_ns = locust__time_after(keeper->loop->now_ns, LOCUST__S);
        }
    }
    keeper->users->keeper = NULL;
    LOCUST_FREE(keeper);
}

/* The keeper of the test, started if there is none. NULL: no memory. */
static locust__keeper *locust__keeper_of(locust__users *all)
{
    locust__keeper *keeper = all->keeper;
    if (keeper)
        return keeper;
    keeper = locust__memory_zalloc(sizeof *keeper);
    if (!keeper)
        return NULL;
    keeper->loop = all->services->loop;
    keeper->users = all;
    keeper->unread_end = &keeper->unread;
    keeper->co =
        locust__co_start(keeper->loop, "the kit itself", 0, locust__keeper_main, keeper, NULL);
    if (!keeper->co) {
        LOCUST_FREE(keeper);
        return NULL;
    }
    all->keeper = keeper;
    return keeper;
}

/* Closes the connection of a client, which may connect again. */
static void locust__protocol_close(locust__protocol_client *c)
{
    locust__keeper_forget(c);
    locust__stream_close(&c->conn.stream);
}

/* Ends a client: its user ends. */
static void locust__protocol_end(locust__user_protocol *as)
{
    locust__protocol_client *c = (locust__protocol_client *)(void *)as;
    locust__keeper *keeper = c->user->all->keeper;
    c->kind->end(c);
    locust__protocol_close(c);
    locust__tls_ticket_free(c->conn.ticket);
    if (keeper->ticked == c)
        keeper->ticked = c->next;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (!keeper->clients)
        locust__co_wake(keeper->loop, keeper->co, LOCUST__WAKE_EVENT);
    LOCUST_FREE(c);
}

/* The user's client of a kind; NULL: it has none yet. */
static locust__protocol_client *locust__protocol_find(
    const locust__user *user, const locust__protocol_kind *kind)
{
    locust__user_protocol *c = user->clients;
    while (c && c->kind != kind)
        c = c->next;
    return (locust__protocol_client *)(void *)c;
}

/* The user's client of a kind, made (zeroed behind its beginning) if it has none. NULL: no
 * memory. */
static locust__protocol_client *locust__protocol_of(
    locust__user *user, const locust__protocol_kind *kind)
{
    locust__protocol_client *c = locust__protocol_find(user, kind);
    locust__keeper *keeper = c ? NULL : locust__keeper_of(user->all);
    if (c || !keeper)
        return c;
    c = locust__memory_zalloc(kind->bytes);
    if (!c) // a keeper that has nobody ends
        return NULL;
    c->as = (locust__user_protocol){user->clients, kind, locust__protocol_end};
    user->clients = &c->as;
    c->kind = kind;
    c->user = user;
    locust__stream_init(&c->conn.stream, &user->all->services->net);
    c->link = &keeper->clients;
    c->next = keeper->clients;
    if (c->next)
        c->next->link = &c->next;
    keeper->clients = c;
    return c;
}

/* Begins a public call on a client. */
static void locust__protocol_enter(locust__protocol_client *c)
{
    c->busy = true;
    locust__keeper_forget(c);
}

/* Ends a public call: moves received bytes out of the scratch buffer, gives the client back to the
 * keeper, and leaves the task if the user was cancelled meanwhile. The error of the call, or of
 * that. */
static locust_error locust__protocol_leave(locust__protocol_client *c, locust_error error)
{
    locust_error settled = locust__stream_settle(&c->conn.stream);
    c->busy = false;
    if (locust__stream_is_open(&c->conn.stream) &&
        (c->conn.stream.in_len || locust__stream_is_readable(&c->conn.stream)))
        locust__keeper_call(c);
    if (c->user->co->cancelled)
        locust__life_unwind(c->user);
    return error ? error : settled;
}

typedef struct locust__protocol_to { // where a client connects to
    const locust__url *url;
    int port;                   // unless the URL has one
    bool secure;                // by TLS
    bool http;                  // it begins as HTTP does: http/1.1 is offered by ALPN
    bool no_proxy;              // none is asked, whatever class and environment say
    const locust__tls_how *tls; // goes before the class's where it says something; NULL: nothing
} locust__protocol_to;

/* The class's route, with the user's certificate, and what the test says of TLS for this client. */
static locust__route locust__protocol_route(
    const locust__user *user, bool http, bool no_proxy, const locust__tls_how *tls)
{
    const locust__session *session = user->client->session;
    locust__route route = user->cls->route;
    route.tls.http = http ? LOCUST__TLS_ALPN_HTTP_1 : LOCUST__TLS_ALPN_NONE;
    route.tunnels = true;
    route.direct |= no_proxy;
    if (session->cert_file || session->key_file) {
        route.tls.cert_file = session->cert_file;
        route.tls.key_file = session->key_file;
    }
    if (tls && tls->ca_file)
        route.tls.ca_file = tls->ca_file;
    if (tls && tls->cert_file) {
        route.tls.cert_file = tls->cert_file;
        route.tls.key_file = tls->key_file;
    }
    route.tls.insecure |= tls && tls->insecure;
    return route;
}

/* Opens a connection as a request would: the class's TLS, unix socket and proxy, which is asked to
 * CONNECT; --connect-to; the user's certificate. */
static locust_error locust__protocol_open(locust__user *user, locust__conn *conn,
    locust__origin *origin, bool http, bool no_proxy, const locust__tls_how *tls,
    locust__allowance *a) LOCUST__PARKS
{
    locust__services *sv = user->all->services;
    const locust__route route = locust__protocol_route(user, http, no_proxy, tls);
    int64_t before_ns = a->generator_ns;
    locust__dial took;
    locust_error error;
    if (conn->origin != origin) { // a session of one host's certificate vouches for no other
        locust__tls_ticket_free(conn->ticket);
        conn->ticket = NULL;
    }
    conn->origin = origin;
    error = locust__dial_open(conn, sv, &route, a, &took);
    sv->counts.waited_ns += a->generator_ns - before_ns;
    return error;
}

/* Connects the client anew. */
static locust_error locust__protocol_connect(locust__protocol_client *c, locust__origin *origin,
    bool http, bool no_proxy, const locust__tls_how *tls, locust__allowance *a) LOCUST__PARKS
{
    locust_error error;
    locust__protocol_close(c);
    error = locust__protocol_open(c->user, &c->conn, origin, http, no_proxy, tls, a);
    if (error)
        locust__protocol_close(c);
    else
        c->conn.stream.fd.unread = locust__keeper_unread;
    return error;
}

/* Ends the test, in words, if it wants TLS that it does not have, or cannot set up. */
static void locust__protocol_check_tls(locust__user *user, bool secure) LOCUST__PARKS
{
    if (secure && !LOCUST__WITH_TLS)
        locust__control_break(user, locust__tls_needed);
    if (user->all->services->tls.broken)
        locust__control_break(user, user->all->services->tls.broken);
}

/* Connects to what a URL names, for a caller who holds no memory that a test which cannot go on
 * would leave behind. */
LOCUST__UNUSED static locust_error locust__protocol_dial(
    locust__protocol_client *c, const locust__protocol_to *to, locust__allowance *a) LOCUST__PARKS
{
    locust__services *sv = c->user->all->services;
    locust__url url = *to->url;
    locust__origin *origin;
    locust_error error;
    url.port = url.port ? url.port : to->port;
    locust__protocol_check_tls(c->user, to->secure);
    origin = locust__origin_of(&sv->origins, &sv->arena, &url, to->secure);
    if (!origin)
        return LOCUST_ERR_MEMORY;
    error = locust__protocol_connect(c, origin, to->http, to->no_proxy, to->tls, a);
    locust__protocol_check_tls(c->user, to->secure);
    return error;
}

/* Reads what is there behind the unread bytes of a stream, without a park; s->in may move. *got 0:
 * nothing more. LOCUST_ERR_CLOSED: the stream's end. */
static locust_error locust__protocol_read_ready(locust_stream *s, size_t *got)
{
    locust_error error;
    size_t room;
    char *at;
    *got = 0;
    if (!locust__stream_is_open(s) || !locust__stream_is_readable(s))
        return locust__stream_is_open(s) ? LOCUST_OK : LOCUST_ERR_CLOSED;
    at = locust__stream_room(s, &room);
    if (!at)
        return LOCUST_ERR_MEMORY;
    error = locust__stream_recv(s, at, room, got);
    s->in_len += *got;
    return error;
}

typedef struct locust__operation { // one that becomes a row; on the user's stack
    locust__user *user;
    const char *method, *name;
    int64_t start_ns;
    void *context; // the test's own, for listeners
} locust__operation;

/* Begins an operation now. The user's last request is counted first, and a user whose requests
 * reach no server may have to pause before. */
static locust__operation locust__operation_begin(
    locust__user *user, const char *method, const char *name) LOCUST__PARKS
{
    locust__operation o = {user, method, name, 0, NULL};
    locust__client *client = locust__control_client(user, name);
    locust__client_settle(client);
    if (user->root->lost) {
        locust__retry_park(user);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
    o.start_ns = locust__loop_clock(user->all->services->loop);
    locust__session_begin(client->session, o.start_ns);
    return o;
}

/* A call found no connection: it reached no server, and too many of those make the user pause. */
static void locust__operation_lost(locust__user *user)
{
    locust__user *root = user->root;
    if (!root->lost++)
        root->lost_ns = root->all->services->loop->clock_ns;
    if (!user->all->lost)
        user->all->lost = LOCUST_ERR_CLOSED;
}

/* When an operation ended that read its answer from a stream: when the last bytes came, as the
 * kernel noted. NULL, or where the kernel does not say: now. *late_ns: how much of the time up to
 * then may be the generator's own. */
static int64_t locust__operation_ended(
    const locust__operation *o, const locust_stream *s, int64_t *late_ns)
{
    locust__loop *loop = o->user->all->services->loop;
    int64_t now_ns = locust__loop_clock(loop);
    bool parked = o->start_ns < loop->step_ns;
    *late_ns = 0;
    if (s && s->arrived_ns > o->start_ns && s->arrived_ns < now_ns) {
        locust__loop_count_late(loop, now_ns - s->arrived_ns);
        return s->arrived_ns;
    }
    *late_ns = parked ? locust__loop_waited_ns(loop) : 0;
    if (s && parked)
        locust__loop_count_late(loop, *late_ns);
    return now_ns;
}

/* Makes a row of an operation that ended at ended_ns. error NULL: it went well. */
static void locust__operation_record(
    const locust__operation *o, const char *error, size_t length, int64_t ended_ns, int64_t late_ns)
{
    const locust__client *client = o->user->client;
    int64_t elapsed_ns = ended_ns > o->start_ns ? ended_ns - o->start_ns : 0;
    locust_sample sample = {.method = o->method,
        .name = o->name,
        .error = error,
        .length = length,
        .elapsed_ms = (double)elapsed_ns / 1e6,
        .context = o->context,
        .user = &o->user->as};
    sample.late_ms = locust__session_end(client->session);
    locust__client_count(client, &sample, elapsed_ns, ended_ns);
    if (late_ns > 0 && !client->session->failure)
        locust__recorder_late(&client->services->recorder, elapsed_ns,
            late_ns < elapsed_ns ? late_ns : elapsed_ns, ended_ns);
}

/* Ends an operation whose answer is the last that was read from the stream; NULL: it has none. */
static void locust__operation_end(
    const locust__operation *o, const locust_stream *s, const char *error, size_t length)
{
    int64_t late_ns, ended_ns = locust__operation_ended(o, error ? NULL : s, &late_ns);
    locust__operation_record(o, error, length, ended_ns, late_ns);
}

/* Counts an operation that the end of its user cut short: it is no sample, but unanswered. */
static void locust__operation_cut(const locust__operation *o)
{
    locust__client_cut(o->user->client, o->method, o->name, o->start_ns);
}
