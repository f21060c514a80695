/* ============================================================================================
 * >>manners  what a server does with its connections
 *
 * Purpose     counts what explains a response time and stands in no row: answers that came in two
 *             parts, connections that the server closed, or never answered.
 * Invariants  nothing is counted for a server that shows nothing of the kind but its connections.
 * Cost        nothing for a request on a kept connection, which is not counted here.
 * Names       locust__manner_ locust__manners_
 * Uses        >>url
 * Sources     RFC 896 (Nagle), RFC 1122 4.2.3.2 (delayed ACKs); Linux delays an ACK by 40 ms.
 * Limits      delayed ACKs of other systems (100 ms, 200 ms) are not recognised.
 * ============================================================================================ */

enum locust__manner {
    LOCUST__MANNER_OPENED, // connections
    LOCUST__MANNER_SLOW,   // connects that took a second or more
    LOCUST__MANNER_PAUSED, // answers whose rest came a delayed ACK behind their beginning
    LOCUST__MANNER_UNEVEN, // answers with another pause
    LOCUST__MANNER_CLOSED, // right behind an answer
    LOCUST__MANNER_IDLED,  // closed later, but before the next request
    LOCUST__MANNER_408,    // the same with that answer
    LOCUST__MANNER_SHUT,   // closed without an answer to their first request, or with a 503
    LOCUST__MANNER_SILENT, // left without an answer until the user was cut or gave up
    LOCUST__MANNERS
};

typedef struct locust__manners {
    struct locust__manners *next;
    const locust__origin *origin;
    int64_t n[LOCUST__MANNERS];
    int64_t pauses_ns;          // of the answers that are counted as paused
    int served, served_n;       // the count after which most were closed, and how many at least
    int served_min, served_max; // of all that were closed right behind an answer
    int64_t idle_min_ns, idle_max_ns; // of those that were idle when they were closed
    int64_t shut_open;                // the fewest that were open when one was shut
    int64_t silent_ns;                // the longest
} locust__manners;

/* Those of an origin, made if they are new. NULL: no memory. */
static locust__manners *locust__manners_of(
    locust__manners **first, locust__arena *arena, const locust__origin *origin)
{
    locust__manners *m = *first;
    while (m && m->origin != origin)
        m = m->next;
    if (m)
        return m;
    m = locust__arena_zalloc(arena, sizeof *m);
    if (!m)
        return NULL;
    m->origin = origin;
    m->next = *first;
    *first = m;
    return m;
}

/* The origin that did this most. NULL: none did. */
static const locust__manners *locust__manners_most(
    const locust__manners *all, enum locust__manner which)
{
    const locust__manners *most = NULL;
    for (; all; all = all->next)
        if (all->n[which] && (!most || all->n[which] > most->n[which]))
            most = all;
    return most;
}

static void locust__manners_opened(locust__manners *m, int64_t took_ns)
{
    m->n[LOCUST__MANNER_OPENED]++;
    if (took_ns >= 950 * LOCUST__MS) // the first SYN is sent again after a second, RFC 6298 2
        m->n[LOCUST__MANNER_SLOW]++;
}

/* The longest pause within an answer that took whole_ns from its first byte to its last. */
static void locust__manners_paused(locust__manners *m, int64_t ns, int64_t whole_ns)
{
    bool ack = ns >= 36 * LOCUST__MS && ns <= 60 * LOCUST__MS && ns >= whole_ns / 4 * 3;
    if (ns < 10 * LOCUST__MS)
        return;
    m->n[ack ? LOCUST__MANNER_PAUSED : LOCUST__MANNER_UNEVEN]++;
    if (ack)
        m->pauses_ns += ns;
}

/* The server closed a kept connection after that many answers, idle for so long. */
static void locust__manners_closed(locust__manners *m, int served, int64_t idle_ns)
{
    int64_t n;
    if (idle_ns >= 100 * LOCUST__MS) { // a close that follows from the answer comes with it
        n = m->n[LOCUST__MANNER_IDLED]++;
        m->idle_min_ns = n && m->idle_min_ns < idle_ns ? m->idle_min_ns : idle_ns;
        m->idle_max_ns = m->idle_max_ns > idle_ns ? m->idle_max_ns : idle_ns;
        return;
    }
    n = m->n[LOCUST__MANNER_CLOSED]++;
    m->served_min = n && m->served_min < served ? m->served_min : served;
    m->served_max = m->served_max > served ? m->served_max : served;
    if (m->served == served) {
        m->served_n++;
    } else if ((int64_t)m->served_n * 2 <= n + 1) { // it is the count of no majority
        m->served = served;
        m->served_n = 1;
    }
}

/* The server ended a new connection instead of answering. */
static void locust__manners_shut(locust__manners *m, int64_t open)
{
    int64_t n = m->n[LOCUST__MANNER_SHUT]++;
    m->shut_open = n && m->shut_open < open ? m->shut_open : open;
}

static void locust__manners_silent(locust__manners *m, int64_t ns)
{
    m->n[LOCUST__MANNER_SILENT]++;
    m->silent_ns = m->silent_ns > ns ? m->silent_ns : ns;
}
