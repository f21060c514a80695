/* ============================================================================================
 * >>pool  connections of users to origins
 *
 * Purpose     keep connections and TLS sessions between requests: of one user, or of all users of a
 *             class that has .pool.
 * Invariants  a connection serves one request at a time. The list is in the order of last use.
 * Cost        some 150 bytes for each origin that a user talks to, and a TLS session's 2 KB. A
 *             user's first connection is in the user's own block.
 * Names       locust__conn_ locust__conns_
 * Uses        >>sync >>stream >>allowance >>tls_state >>url >>head >>services
 * Sources     RFC 9112 9 (persistence).
 * Limits      16 origins for a user; the one used longest ago is dropped for another. Of a shared
 *             pool, .pool connections to an origin.
 * ============================================================================================ */

enum locust__conn_use {
    LOCUST__CONN_FREE, // open or closed, for the next request
    LOCUST__CONN_BUSY,
    LOCUST__CONN_STREAMLESS, // of HTTP/2 from here on: no request is under way
    LOCUST__CONN_STREAMS,
    LOCUST__CONN_RETIRED // the last that is under way closes it
};

typedef struct locust__conn {
    struct locust__conn *next;
    locust_stream stream;
    locust__origin *origin;
    locust__tls_ticket *ticket; // of the last TLS session with the origin; NULL: none
    int served;                 // requests since it was opened
    int64_t idle_ns;            // since when it is kept for the next request
    enum locust__body unsent;   // after a HEAD: the body that a GET would have had
    int64_t unsent_len;
    bool after_head; // its last request was a HEAD
    uint8_t busy;    // enum locust__conn_use
} locust__conn;

typedef struct locust__conns_permits { // of a shared pool: to connect to an origin
    struct locust__conns_permits *next;
    const locust__origin *origin;
    locust__sem free;
} locust__conns_permits;

typedef struct locust__conns {      // a user's, or one that the users of a class share
    locust__conn *first;            // the latest used first
    int n, limit;                   // limit: connections to one origin; 0: a user's own pool
    locust__conns_permits *permits; // of a shared pool
    locust__conn *place;            // memory of the owner for one connection; NULL: none
} locust__conns;

enum { LOCUST__CONNS_MAX = 16 };

/* A zeroed connection, in the owner's memory if that is free. NULL: no memory. */
static locust__conn *locust__conn_new(locust__conns *pool)
{
    if (pool->place && !pool->place->origin)
        return pool->place;
    return locust__memory_zalloc(sizeof(locust__conn));
}

static void locust__conn_free(locust__conns *pool, locust__conn *conn)
{
    locust__stream_close(&conn->stream);
    locust__tls_ticket_free(conn->ticket);
    if (conn == pool->place)
        memset(conn, 0, sizeof *conn);
    else
        LOCUST_FREE(conn);
}

/* Closes and forgets all connections. */
static void locust__conns_free(locust__conns *pool)
{
    while (pool->first) {
        locust__conn *conn = pool->first;
        pool->first = conn->next;
        locust__conn_free(pool, conn);
    }
    pool->n = 0;
}

/* Closes idle connections, and others once they are; their TLS sessions stay. */
static void locust__conns_close(locust__conns *pool)
{
    for (locust__conn *conn = pool->first; conn; conn = conn->next)
        if (!conn->busy || conn->busy == LOCUST__CONN_STREAMLESS)
            locust__stream_close(&conn->stream);
        else if (conn->busy == LOCUST__CONN_STREAMS)
            conn->busy = LOCUST__CONN_RETIRED;
}

static locust__conns_permits *locust__conns_permits_of(
    const locust__conns *pool, const locust__origin *origin)
{
    locust__conns_permits *permits = pool->permits;
    while (permits && permits->origin != origin)
        permits = permits->next;
    return permits;
}

/* Waits until the users that share the pool have fewer than its limit of connections to the origin.
 * The permit goes back with locust__conns_give. */
static locust_error locust__conns_wait(locust__conns *pool, locust__services *sv,
    const locust__origin *origin, locust__allowance *a) LOCUST__PARKS
{
    locust__conns_permits *permits = locust__conns_permits_of(pool, origin);
    if (!permits) {
        permits = locust__arena_zalloc(&sv->arena, sizeof *permits);
        if (!permits)
            return LOCUST_ERR_MEMORY;
        permits->origin = origin;
        permits->free.free = pool->limit;
        permits->next = pool->permits;
        pool->permits = permits;
    }
    return locust__allowance_take(a, sv->loop, &permits->free);
}

static void locust__conns_give_permit(
    const locust__conns *pool, const locust__services *sv, const locust__origin *origin)
{
    locust__conns_permits *permits = locust__conns_permits_of(pool, origin);
    if (permits)
        locust__sem_give(sv->loop, &permits->free);
}

/* An idle connection to the origin, an open one if there is one, or a closed one to open. Of a
 * shared pool, after locust__conns_wait. */
static locust_error locust__conns_take(
    locust__conns *pool, locust__services *sv, locust__origin *origin, locust__conn **out)
{
    locust__conn **best = NULL, **oldest = NULL, *conn;
    for (locust__conn **at = &pool->first; *at; at = &(*at)->next) {
        conn = *at;
        if (!conn->busy || conn->busy == LOCUST__CONN_STREAMLESS)
            oldest = at;
        if (conn->busy)
            continue;
        if (conn->origin == origin && (!best || (!locust__stream_is_open(&(*best)->stream) &&
                                                    locust__stream_is_open(&conn->stream))))
            best = at;
    }
    if (!best && !pool->limit && pool->n >= LOCUST__CONNS_MAX && oldest) {
        conn = *oldest;
        *oldest = conn->next;
        pool->n--;
        locust__conn_free(pool, conn);
    }
    if (best) {
        conn = *best;
        *best = conn->next;
    } else {
        conn = locust__conn_new(pool);
        if (!conn) {
            locust__conns_give_permit(pool, sv, origin);
            return LOCUST_ERR_MEMORY;
        }
        locust__stream_init(&conn->stream, &sv->net);
        conn->origin = origin;
        pool->n++;
    }
    conn->next = pool->first;
    pool->first = conn;
    conn->busy = LOCUST__CONN_BUSY;
    *out = conn;
    return LOCUST_OK;
}

/* Takes a connection back after its request; it may be open or closed. */
static void locust__conns_give(
    const locust__conns *pool, const locust__services *sv, locust__conn *conn)
{
    conn->busy = LOCUST__CONN_FREE;
    locust__conns_give_permit(pool, sv, conn->origin);
}
