/* ============================================================================================
 * >>fleet_share  users by what workers can bear
 *
 * Purpose     --share capacity: a worker that needs less of its core for its users than the others
 *             gets more of them. Says which workers are full.
 * Invariants  nothing moves while users are spawned, nor for a difference of less than a quarter,
 *             nor more often than each ten seconds: a user that moves begins anew.
 * Names       locust__share_
 * Uses        >>env >>fleet_crew
 * Limits      what a worker can bear is taken to grow with its CPU: its users at 85 % of a core.
 * ============================================================================================ */

enum {
    LOCUST__SHARE_PERIOD_S = 10,
    LOCUST__SHARE_FULL = 90,    // percent of a core: full,
    LOCUST__SHARE_FULL_NO = 75, // and below this not any more
    LOCUST__SHARE_LEAST = 5,    // percent: below, nothing can be said of a worker
};

/* Notes which workers are full, and says so of each. */
static void locust__share_note_full(locust__crew *c)
{
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        if (!locust__member_lives(m) || m->cpu < LOCUST__SHARE_FULL_NO)
            m->full = false;
        if (m->full || !locust__member_lives(m) || m->cpu < LOCUST__SHARE_FULL)
            continue;
        m->full = true;
        locust__log_print(&c->env->log, LOCUST__LOG_WARNING, "locust.runners",
            "Worker %s is full: it takes %.0f %% of a core for %d users", m->id, m->cpu,
            locust__member_users(c, m));
    }
}

/* The users that a worker could bear; 0: that cannot be said. */
static double locust__share_capacity(const locust__crew *c, const locust__member *m)
{
    int users = locust__member_users(c, m);
    double cpu = m->cpu > LOCUST__SHARE_LEAST ? m->cpu : LOCUST__SHARE_LEAST;
    return users > 0 ? users * 85.0 / cpu : 0;
}

/* Gives each worker the weight of what it can bear. True: that is another than before. */
static bool locust__share_weigh(locust__crew *c)
{
    double sum = 0, weights = 0;
    bool differs = false, any = false;
    int n = locust__crew_living(c);
    for (int i = 0; i < c->n; i++) {
        const locust__member *m = c->members[i];
        double capacity = locust__member_lives(m) ? locust__share_capacity(c, m) : 0;
        if (locust__member_lives(m) && !(capacity > 0))
            return false;
        any |= locust__member_lives(m) && m->cpu > LOCUST__SHARE_LEAST;
        sum += capacity;
        weights += locust__member_lives(m) ? m->weight : 0;
    }
    for (int i = 0; any && i < c->n; i++) {
        const locust__member *m = c->members[i];
        double to = locust__member_lives(m) ? locust__share_capacity(c, m) / sum * n : 0;
        double from = m->weight / weights * n;
        differs |= locust__member_lives(m) && (to > 1.25 * from || from > 1.25 * to);
    }
    for (int i = 0; differs && i < c->n; i++)
        if (locust__member_lives(c->members[i]))
            c->members[i]->weight = locust__share_capacity(c, c->members[i]) / sum * n;
    return differs;
}

/* Looks how busy workers are; called each second. */
static void locust__share_look(locust__crew *c)
{
    int64_t now_ns = locust__os_now_ns();
    if (!c->testing || c->ending)
        return;
    locust__share_note_full(c);
    if (!c->env->options.share_by_capacity || c->env->ramp.batch_ns != LOCUST__NEVER ||
        now_ns < c->shared_ns)
        return;
    c->shared_ns = now_ns + LOCUST__SHARE_PERIOD_S * LOCUST__S;
    if (!locust__share_weigh(c))
        return;
    locust__log_print(&c->env->log, LOCUST__LOG_INFO, "locust.runners",
        "Sharing the users anew, by what workers can bear");
    c->anew = true;
    locust__env_wake(c->env);
}
