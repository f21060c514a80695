/* ============================================================================================
 * >>remarks  what a run says of itself at its end
 *
 * Purpose     sentences that no figure of a row can say, about the run, the kit's own client or
 *             the server: each stands once at the end of every report. A report goes through the
 *             list and knows none of them.
 * Invariants  a key is stable, for programs; a sentence is for people, without text of a server.
 * Names       locust__remark_ locust__remarks_ LOCUST__REMARK
 * Uses        >>entry >>stats >>net >>manners >>services >>user >>env >>unused >>fleet_roll
 * ============================================================================================ */

enum { LOCUST__REMARKS_MAX = 32, LOCUST__REMARKS_CALM_NS = 100000000 };

typedef enum locust__remark_about {
    LOCUST__REMARK_RUN,
    LOCUST__REMARK_CLIENT,
    LOCUST__REMARK_SERVER,
} locust__remark_about;

static const char *const locust__remark_abouts[] = {"run", "client", "server"};

typedef struct locust__remark {
    locust__remark_about about;
    const char *key; // a word for programs, such as "nothing_measured"
    bool fails;      // the run, with --exit-code-on-error
    char text[240];
} locust__remark;

typedef struct locust__remarks {
    locust__remark all[LOCUST__REMARKS_MAX];
    size_t n;
} locust__remarks;

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...) LOCUST__PRINTF(5, 6);

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...)
{
    locust__remark *remark = &r->all[r->n];
    va_list args;
    LOCUST_ASSERT(r->n < LOCUST__REMARKS_MAX);
    remark->about = about;
    remark->key = key;
    remark->fails = fails;
    va_start(args, format);
    vsnprintf(remark->text, sizeof remark->text, format, args);
    va_end(args);
    r->n++;
}

/* The first remark that fails the run; NULL: none does. */
static const locust__remark *locust__remarks_failed(const locust__remarks *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i].fails)
            return &r->all[i];
    return NULL;
}

static void locust__remarks_measured(locust__remarks *r, const locust_env *env)
{
    if (!env->stats.total.requests)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "nothing_measured", false,
            "not one request was counted: no figure, and no check, says anything");
}

static void locust__remarks_refused(locust__remarks *r, const locust_env *env)
{
    const locust__net *net = &env->services.net;
    if (net->refused)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "refused", false,
            "refused %llu of %llu connections", (unsigned long long)net->refused,
            (unsigned long long)net->dialled);
}

/* Which server did this most; `which` becomes its name where the test has several. NULL: none. */
static const locust__manners *locust__remarks_server(
    const locust_env *env, enum locust__manner manner, const char **which)
{
    const locust__manners *m = locust__manners_most(env->services.manners, manner);
    *which = env->services.origins && env->services.origins->next && m ? m->origin->url : "it";
    return m;
}

/* Part of the answers is meant, for a server may have one page that stalls: from a tenth on. */
static void locust__remarks_two_parts(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_PAUSED, &which);
    int64_t n = m ? m->n[LOCUST__MANNER_PAUSED] : 0;
    if (n >= 10 && n * 10 >= (int64_t)env->stats.total.requests &&
        n > 3 * m->n[LOCUST__MANNER_UNEVEN])
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "two_parts", false,
            "%.60s sent %lld answers in two parts, the second %.0f ms behind: likely Nagle's "
            "algorithm, which waits for the delayed ACK of the first (TCP_NODELAY on the server, "
            "or one write for head and body, would spare that)",
            which, (long long)n, (double)m->pauses_ns / (double)n / 1e6);
}

/* The same count twice is no chance, but after the first answer, which errors may share. */
static void locust__remarks_keep_alive(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_CLOSED, &which);
    int64_t n = m ? m->n[LOCUST__MANNER_CLOSED] : 0;
    bool all = m && (int64_t)m->served_n * 10 >= n * 9;
    if (all && m->served == 1 && n >= 3 && n * 10 >= m->n[LOCUST__MANNER_OPENED] * 9)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_none", false,
            "%.60s closed %lld of %lld connections after one answer: nearly every response time "
            "has a connect in it",
            which, (long long)n, (long long)m->n[LOCUST__MANNER_OPENED]);
    else if (all && m->served > 1 && n >= 2)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_requests", false,
            "%.60s closed %lld connections after %d requests each, its limit: the next request of "
            "that user had to connect",
            which, (long long)m->served_n, m->served);
    else if (n >= 10 && m->served_max > 1)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_varies", false,
            "%.60s closed %lld kept connections behind an answer, after %d to %d requests: it may "
            "keep only so many at once, or for so long",
            which, (long long)n, m->served_min, m->served_max);
}

static void locust__remarks_keep_alive_time(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_IDLED, &which);
    char span[64];
    if (!m || m->n[LOCUST__MANNER_IDLED] < 2)
        return;
    snprintf(span, sizeof span, "%.1f", (double)m->idle_min_ns / 1e9);
    if (m->idle_max_ns - m->idle_min_ns >= LOCUST__S / 10)
        snprintf(span, sizeof span, "%.1f to %.1f", (double)m->idle_min_ns / 1e9,
            (double)m->idle_max_ns / 1e9);
    locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_time", false,
        "%.60s closed %lld kept connections that had been idle for %s s: who waits longer than "
        "that between two requests has to connect again",
        which, (long long)m->n[LOCUST__MANNER_IDLED], span);
}

static void locust__remarks_again(locust__remarks *r, const locust_env *env)
{
    const locust__services_counts *n = &env->services.counts;
    if (n->again)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "sent_again", false,
            "%llu requests were sent again on a new connection, as the kept one gave no answer; "
            "the server may have counted both",
            (unsigned long long)n->again);
}

static void locust__remarks_reframed(locust__remarks *r, const locust_env *env)
{
    const locust__services_counts *n = &env->services.counts;
    if (n->reframed)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "framing_replaced", false,
            "in %llu requests a Content-Length or Transfer-Encoding by hand contradicted the body, "
            "and was replaced",
            (unsigned long long)n->reframed);
}

static void locust__remarks_continues(locust__remarks *r, const locust_env *env)
{
    const locust__services_counts *n = &env->services.counts;
    if (n->continues)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "continue_waits", false,
            "%llu times it waited a second for a \"100 Continue\" that did not come; those seconds "
            "are in no response time",
            (unsigned long long)n->continues);
}

static void locust__remarks_strays(locust__remarks *r, const locust_env *env)
{
    const locust__services_counts *n = &env->services.counts;
    uint64_t others = n->strays - n->head_bodies;
    if (others)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "stray_answers", false,
            "%llu kept connections were dropped, as bytes came on them that no request had asked "
            "for",
            (unsigned long long)others);
}

static void locust__remarks_head_bodies(locust__remarks *r, const locust_env *env)
{
    const locust__services_counts *n = &env->services.counts;
    if (n->head_bodies)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "head_bodies", false,
            "answered %llu HEAD requests with a body; from then on a HEAD costs a connection",
            (unsigned long long)n->head_bodies);
}

static void locust__remarks_timeouts(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_408, &which);
    if (m)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "timeouts_408", false,
            "%.60s sent 408 Request Timeout on %lld idle connections, which nobody had asked: no "
            "request took it for its answer",
            which, (long long)m->n[LOCUST__MANNER_408]);
}

static void locust__remarks_shut(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_SHUT, &which);
    int64_t n = m ? m->n[LOCUST__MANNER_SHUT] : 0;
    if (n && n < m->n[LOCUST__MANNER_OPENED])
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "connections_shut", false,
            "%.60s accepted %lld connections and closed them without an answer, or with a 503; "
            "%lld or more were open each time: it may have a limit of connections",
            which, (long long)n, (long long)m->shut_open);
}

/* Of a server that answered nobody there is nothing to explain. */
static void locust__remarks_silent(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_SILENT, &which);
    if (m && env->stats.total.requests > env->stats.total.failures)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "connections_silent", false,
            "%.60s left %lld connections without an answer, for up to %.1f s, while it answered on "
            "others: it may serve only so many at once, and the rest when those close",
            which, (long long)m->n[LOCUST__MANNER_SILENT], (double)m->silent_ns / 1e9);
}

static void locust__remarks_slow(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_SLOW, &which);
    if (m)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "connects_slow", false,
            "%.60s let %lld of %lld connects wait for a second or more, as when its queue of new "
            "connections (the backlog of listen) is full and the SYN is sent again",
            which, (long long)m->n[LOCUST__MANNER_SLOW], (long long)m->n[LOCUST__MANNER_OPENED]);
}

/* Fewer users than asked for: by memory, which fails the run, or by the test's own fixed counts. */
static void locust__remarks_users(locust__remarks *r, const locust_env *env)
{
    const locust__ramp *ramp = &env->ramp;
    uint64_t no_memory = 0;
    for (int i = 0; i < env->n_classes; i++)
        no_memory += env->classes[i].arrivals ? env->classes[i].arrivals->no_memory : 0;
    if (ramp->why == LOCUST__ENV_SHORT_OF_MEMORY)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "fewer_users", true,
            "%d of %d users could be started: out of memory", ramp->got, ramp->asked);
    else if (no_memory)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "fewer_users", true,
            "out of memory: arrivals had to wait for the users that there were");
    else if (env->loop.few_stacks)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "fewer_users", true,
            "out of memory: users had to wait for the stacks of the %zu that did something",
            env->loop.few_stacks);
    else if (ramp->why == LOCUST__ENV_SHORT_OF_CLASSES)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "fewer_users", false,
            "%d of %d users were started: the classes have a fixed_count and take no more",
            ramp->got, ramp->asked);
}

static const char *locust__remarks_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Had an arrival, or a request of any row, waited longer than the end of a run explains: for a
 * tenth of a second, and longer than any of that row was answered in? */
static bool locust__remarks_stalled(const locust__request_stats *st)
{
    for (size_t i = 0; i <= st->n_entries; i++) {
        const locust__entry *row = i < st->n_entries ? st->entries[i] : &st->other;
        int64_t longest_ns = row->unanswered ? locust__entry_longest_ns(row) : 0;
        if (longest_ns > row->max_ns && longest_ns >= LOCUST__REMARKS_CALM_NS)
            return true;
    }
    return st->cut_arrival_ns >= LOCUST__REMARKS_CALM_NS;
}

/* What was cut at the end, if that is more than the end explains. It fails the run where a request
 * had waited for a second, and longer than any that was answered. */
static void locust__remarks_unanswered(locust__remarks *r, const locust_env *env)
{
    const locust__request_stats *st = &env->stats;
    uint64_t requests = st->total.unanswered, arrivals = st->cut_arrivals;
    int64_t request_ns = st->total.waits ? st->total.waits->max_ns : 0;
    int64_t longest_ns = request_ns > st->cut_arrival_ns ? request_ns : st->cut_arrival_ns;
    char what[96] = "", slowest[64] = "there was no answer";
    if (!locust__remarks_stalled(st))
        return;
    if (requests)
        snprintf(what, sizeof what, "%llu request%s%s", (unsigned long long)requests,
            locust__remarks_plural(requests), arrivals ? " and " : "");
    if (arrivals)
        snprintf(what + strlen(what), sizeof what - strlen(what), "%llu arrival%s",
            (unsigned long long)arrivals, locust__remarks_plural(arrivals));
    if (st->total.requests)
        snprintf(slowest, sizeof slowest, "the slowest answer took %.3f s",
            (double)st->total.max_ns / 1e9);
    locust__remarks_add(r, LOCUST__REMARK_RUN, "unanswered",
        request_ns >= LOCUST__S && request_ns > st->total.max_ns,
        "%s %s unanswered at the end, the longest for %.3f s (%s)", what,
        requests + arrivals == 1 ? "was" : "were", (double)longest_ns / 1e9, slowest);
}

/* Users that asked and never got an answer, as at a server that has a thread for each connection
 * and fewer of those. */
static void locust__remarks_starved(locust__remarks *r, const locust_env *env)
{
    const locust__users_fed *fed = &env->users.fed;
    if (fed->starved)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "starved",
            fed->longest_ns > env->stats.total.max_ns,
            "%d of %d user%s never got an answer, and waited for up to %.3f s", fed->starved,
            fed->asked, locust__remarks_plural((uint64_t)fed->asked),
            (double)fed->longest_ns / 1e9);
}

/* A check has the word about that: the remark fails nothing. */
static void locust__remarks_excuse(locust__remarks *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->all[i].key, key) == 0)
            r->all[i].fails = false;
}

/* Times that hold more than the server's. */
static void locust__remarks_over_stall(locust__remarks *r, const locust_env *env)
{
    if (env->loop.over_stall)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "in_flight_over_stall", false,
            "%llu requests were in flight while the generator stood still: their times may not be "
            "the server's",
            (unsigned long long)env->loop.over_stall);
}

static void locust__remarks_clock(locust__remarks *r, const locust_env *env)
{
    double s = (double)env->clock_set_ns / 1e9;
    if (env->clock_set_ns)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "clock_set", false,
            "the wall clock was set %s by %.1f s meanwhile: times of day in logs and files before "
            "and after do not go together; response times do not depend on it",
            s < 0 ? "back" : "forward", s < 0 ? -s : s);
}

static void locust__remarks_tls_unused(locust__remarks *r, const locust_env *env)
{
#if LOCUST__WITH_TLS
    char names[160];
    const locust_options *o = &env->options;
    int n = locust__unused_tls(o, names, sizeof names);
    bool exported = (o->otlp && strncasecmp(o->otlp, "https:", 6) == 0) ||
                    (o->influx && strncasecmp(o->influx, "https:", 6) == 0);
    if (n && !exported && env->stats.total.requests && !env->services.tls.started)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "tls_unused", false,
            "%s had no effect: no connection used TLS", names);
#else
    (void)r, (void)env;
#endif
}

/* What workers have counted and this master does not know. */
static void locust__remarks_partial(locust__remarks *r, const locust_env *env)
{
#if LOCUST__WITH_FLEET
    char text[224];
    if (locust__roll_partial(env, text, sizeof text))
        locust__remarks_add(
            r, LOCUST__REMARK_RUN, "partial", locust__roll_empty(env), "partial: %s", text);
#else
    (void)r, (void)env;
#endif
}

/* What was to be read and was not. */
static void locust__remarks_unread(locust__remarks *r, const locust_env *env)
{
    size_t tables = 0, lines = 0;
    for (int i = 0; i < LOCUST__ENV_OUTS; i++) {
        tables += env->outs[i].tables;
        lines += env->outs[i].lines;
    }
    if (tables || lines)
        locust__remarks_add(r, LOCUST__REMARK_CLIENT, "unread", false,
            "%zu tables and %zu log lines were left out: nobody read the terminal or pipe that "
            "they were for",
            tables, lines);
}

/* Looks back on a run that is over. */
static void locust__remarks_collect(locust__remarks *r, const locust_env *env)
{
    r->n = 0;
    locust__remarks_users(r, env);
    locust__remarks_measured(r, env);
    locust__remarks_partial(r, env);
    locust__remarks_unanswered(r, env);
    locust__remarks_starved(r, env);
    locust__remarks_refused(r, env);
    locust__remarks_two_parts(r, env);
    locust__remarks_keep_alive(r, env);
    locust__remarks_keep_alive_time(r, env);
    locust__remarks_again(r, env);
    locust__remarks_reframed(r, env);
    locust__remarks_continues(r, env);
    locust__remarks_strays(r, env);
    locust__remarks_head_bodies(r, env);
    locust__remarks_timeouts(r, env);
    locust__remarks_shut(r, env);
    locust__remarks_silent(r, env);
    locust__remarks_slow(r, env);
    locust__remarks_over_stall(r, env);
    locust__remarks_clock(r, env);
    locust__remarks_tls_unused(r, env);
    locust__remarks_unread(r, env);
}
