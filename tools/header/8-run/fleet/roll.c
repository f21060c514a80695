/* ============================================================================================
 * >>fleet_roll  what a master says of its workers
 *
 * Purpose     the list of workers for others to show; the generator's verdict of all of them; what
 *             is missing in the figures.
 * Names       locust__roll_ locust__roll
 * Uses        >>fleet_crew
 * ============================================================================================ */

typedef struct locust__roll { // a worker, as the web interface shows it
    const char *id;           // lives as long as the environment
    const char *state;
    int index, user_count;
    double cpu_usage; // percent of a core
    uint64_t memory_usage;
    bool lost;
    uint64_t requests, failures; // contributed in this run
} locust__roll;

/* Worker i, in the order in which they came. False: there is none, or this is no master. */
LOCUST__UNUSED static bool locust__roll_at(const locust_env *env, int i, locust__roll *out)
{
    const locust__crew *c = env->crew;
    const locust__member *m = c && i < c->n ? c->members[i] : NULL;
    if (!m)
        return false;
    *out = (locust__roll){.id = m->id,
        .state = locust__member_states[m->state],
        .index = m->index,
        .user_count = locust__member_users(c, m),
        .cpu_usage = m->cpu,
        .memory_usage = m->memory,
        .lost = m->lost,
        .requests = m->requests,
        .failures = m->failures};
    return true;
}

static double locust__roll_max(double a, double b)
{
    return a > b ? a : b;
}

/* Adds a worker's verdict to that of all. */
static void locust__roll_judge_one(locust_generator *g, const locust__member *m)
{
    const locust_generator *w = &m->generator;
    size_t len = strlen(g->limits);
    g->cpu = locust__roll_max(g->cpu, m->ours ? w->cpu : m->cpu / 100);
    g->late_p50_ms = locust__roll_max(g->late_p50_ms, w->late_p50_ms);
    g->late_p99_ms = locust__roll_max(g->late_p99_ms, w->late_p99_ms);
    g->late_max_ms = locust__roll_max(g->late_max_ms, w->late_max_ms);
    g->stalled_s += w->stalled_s;
    g->stalled_max_s = locust__roll_max(g->stalled_max_s, w->stalled_max_s);
    g->stalled_requests += w->stalled_requests;
    g->suspended_s += w->suspended_s;
    if (w->ok)
        return;
    g->ok = false;
    if (len < sizeof g->limits)
        snprintf(g->limits + len, sizeof g->limits - len, "%s%.*s (%d) by %.400s", len ? "; " : "",
            (int)strcspn(m->id, "_"), m->id, m->index, w->limits);
}

/* Makes a master's verdict on itself that of all its workers, the worst of each figure: the load
 * is theirs. */
static void locust__roll_judge(const locust_env *env, locust_generator *g)
{
    const locust__crew *c = env->crew;
    for (int i = 0; c && i < c->n; i++)
        if (c->members[i]->since || c->members[i]->told)
            locust__roll_judge_one(g, c->members[i]);
}

/* Says what is missing in the figures. False: nothing is. */
static bool locust__roll_partial(const locust_env *env, char *out, size_t size)
{
    const locust__crew *c = env->crew;
    int lost = 0, refused = 0;
    const locust__member *first = NULL, *liar = NULL;
    size_t at = 0;
    *out = '\0';
    for (int i = 0; c && i < c->n; i++) {
        const locust__member *m = c->members[i];
        first = !first && m->lost ? m : first;
        liar = !liar && m->refused ? m : liar;
        lost += m->lost;
        refused += m->refused > 0;
    }
    if (first)
        at = (size_t)snprintf(out, size,
            "%d of %d workers %s lost (%.60s%s): what they had not reported is in no figure", lost,
            c->n, lost > 1 ? "were" : "was", first->id, lost > 1 ? " and others" : "");
    if (liar && at < size)
        snprintf(out + at, size - at, "%s%d workers sent reports that were refused (%.60s%s)",
            at ? "; " : "", refused, liar->id, refused > 1 ? " and others" : "");
    return *out != '\0';
}

/* Is no worker left of those that had a part? */
static bool locust__roll_empty(const locust_env *env)
{
    const locust__crew *c = env->crew;
    int lost = 0, parts = 0;
    for (int i = 0; c && i < c->n; i++) {
        lost += c->members[i]->lost;
        parts += c->members[i]->since || c->members[i]->lost;
    }
    return lost && lost == parts;
}
