/* ============================================================================================
 * >>trace  --traceparent: the trace context of requests
 *
 * Purpose     gives each request the fields traceparent and baggage, by which a server's traces
 *             find it; of the share that is sampled, keeps the ids until the request has ended.
 * Invariants  hops of one request have one id. Ids are drawn apart from the random numbers of the
 *             test, so that --seed gives the same choices with and without.
 * Cost        nothing without the option: the fields are written where heads are built, and no head
 *             is kept for requests that come again. A table of 1,024 ids.
 * Names       locust__trace locust__trace_ locust__tracer
 * Uses        >>write
 * Sources     W3C Trace Context (level 1), W3C Baggage.
 * Limits      of nine sampled requests that fall on the same eight places of the table one is
 *             forgotten.
 * ============================================================================================ */

typedef struct locust__trace { // the ids of a sampled request
    const void *client;        // that has it under way; NULL: none
    uint64_t high, low, span;  // of the trace, 16 bytes; of the span
} locust__trace;

enum { LOCUST__TRACE_OPEN = 1024, LOCUST__TRACE_WAYS = 8 }; // powers of two

typedef struct locust__tracer { // of a test; services->tracer is NULL without the option
    double share;               // of the requests that are sampled
    uint64_t random;
    uint64_t run; // says which run it is, in the baggage
    locust__trace open[LOCUST__TRACE_OPEN];
} locust__tracer;

/* A random number other than 0, which no id may be. */
static uint64_t locust__trace_id(locust__tracer *t)
{
    uint64_t id = locust__random(&t->random);
    return id ? id : 1;
}

/* The place in the table of a client's request, or one that it may take. */
static locust__trace *locust__trace_place(locust__tracer *t, const void *client)
{
    uint64_t hash = (uint64_t)(uintptr_t)client * 0x9E3779B97F4A7C15u;
    locust__trace *places = &t->open[hash >> 32 & (LOCUST__TRACE_OPEN - LOCUST__TRACE_WAYS)];
    locust__trace *place = places;
    for (int i = 0; i < LOCUST__TRACE_WAYS; i++) {
        if (places[i].client == client)
            return &places[i];
        if (!places[i].client && place->client)
            place = &places[i];
    }
    return place;
}

/* Adds the fields to the head of a client's request. `again`: a later hop, or a second try. */
LOCUST__APART LOCUST__COLD static void locust__trace_write(locust__tracer *t, const void *client,
    unsigned long long user, bool again, bool parent, bool baggage, locust__writer *w)
{
    locust__trace *place = locust__trace_place(t, client);
    locust__trace ids = *place;
    bool sampled = again && place->client == client;
    char text[160];
    if (!sampled) {
        ids =
            (locust__trace){client, locust__trace_id(t), locust__trace_id(t), locust__trace_id(t)};
        sampled = !again && parent && locust__random_unit(&t->random) < t->share;
        if (sampled)
            *place = ids;
        else if (place->client == client)
            place->client = NULL;
    }
    if (parent) {
        snprintf(text, sizeof text, "traceparent: 00-%016llx%016llx-%016llx-0%d\r\n",
            (unsigned long long)ids.high, (unsigned long long)ids.low, (unsigned long long)ids.span,
            sampled);
        locust__writer_puts(w, text);
    }
    if (baggage) {
        snprintf(text, sizeof text, "baggage: locust.run=%016llx,locust.user=%llu\r\n",
            (unsigned long long)t->run, user);
        locust__writer_puts(w, text);
    }
}

/* The ids of a client's request, which has ended. False: it was not sampled. */
LOCUST__UNUSED static bool locust__trace_take(
    locust__tracer *t, const void *client, locust__trace *ids)
{
    locust__trace *place = locust__trace_place(t, client);
    if (place->client != client)
        return false;
    *ids = *place;
    place->client = NULL;
    return true;
}
