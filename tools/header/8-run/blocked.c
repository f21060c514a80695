/* ============================================================================================
 * >>blocked  which task kept the loop to itself
 *
 * Purpose     name the task that computed, or called something that blocks, while others were due.
 * Cost        nothing until a task has kept the loop for LOCUST__LOOP_BLOCKED_NS; then a walk over
 *             all users.
 * Names       locust__blocked_
 * Uses        >>co >>user >>env
 * Limits      the first LOCUST__USAGE_BLOCKERS tasks are counted, others are not.
 * ============================================================================================ */

/* Finds the class and the task of a coroutine. False: it is not a user's. */
static bool locust__blocked_who(
    const locust_env *env, const locust__co *co, locust__usage_blocker *who)
{
    for (const locust__user *user = env->users.first; user; user = user->next) {
        const locust_coroutine *c = user->coroutines;
        while (c && c->user.co != co)
            c = c->next;
        if (user->co == co || c) {
            *who = (locust__usage_blocker){.user = user->cls->as->name, .task = user->doing};
            return true;
        }
    }
    return false;
}

/* Called by the loop when one coroutine kept it for LOCUST__LOOP_BLOCKED_NS or longer. Blames its
 * task, for what is left without the time that the kernel gave to other programs. */
static void locust__blocked_count(void *arg, const locust__co *co, int64_t took_ns)
{
    locust_env *env = arg;
    locust__usage_blocker who, *at = env->blockers, *end = at + env->n_blockers;
    int64_t waited_ns = locust__os_waited_ns();
    took_ns -= waited_ns - env->waited_ns;
    env->waited_ns = waited_ns;
    if (took_ns < LOCUST__LOOP_BLOCKED_NS || !locust__blocked_who(env, co, &who))
        return;
    while (
        at < end && (at->user != who.user || at->task != who.task)) // texts of the test: one each
        at++;
    if (at == env->blockers + LOCUST__USAGE_BLOCKERS)
        return;
    if (at == end) {
        *at = who;
        env->n_blockers++;
    }
    at->times++;
    if (took_ns > at->longest_ns)
        at->longest_ns = took_ns;
}
