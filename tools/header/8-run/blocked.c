/* ============================================================================================
 * >>blocked  which task kept the loop to itself
 *
 * Purpose     name the task that computed, or called something that blocks, while others were due;
 *             what nobody's task did is a stall.
 * Cost        nothing until a task has kept the loop for LOCUST__LOOP_BLOCKED_NS; then a walk over
 *             all users.
 * Names       locust__blocked_
 * Uses        >>co >>user >>env >>stall
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

/* Blames a task. */
static void locust__blocked_blame(
    locust_env *env, const locust__usage_blocker *who, int64_t took_ns)
{
    locust__usage_blocker *at = env->blockers, *end = at + env->n_blockers;
    while (
        at < end && (at->user != who->user || at->task != who->task)) // the test's texts: one each
        at++;
    if (at == env->blockers + LOCUST__USAGE_BLOCKERS)
        return;
    if (at == end) {
        *at = *who;
        env->n_blockers++;
    }
    at->times++;
    if (took_ns > at->longest_ns)
        at->longest_ns = took_ns;
}

/* Called by the loop when one coroutine kept it for LOCUST__LOOP_BLOCKED_NS or longer, or (co NULL)
 * when it could not go on for as long. A task is blamed for what is left without the time that the
 * kernel gave to other programs. */
LOCUST__COLD static void locust__blocked_count(void *arg, const locust__co *co, int64_t took_ns)
{
    locust_env *env = arg;
    locust__usage_blocker who;
    bool task = co && locust__blocked_who(env, co, &who), nobody = !env->users.first;
    int64_t waited_ns = env->waited_ns;
    enum locust__cause unknown = co ? LOCUST__CAUSE_OWN : LOCUST__CAUSE_UNKNOWN;
    enum locust__cause cause = locust__stall_cause(env, took_ns, unknown);
    waited_ns = env->waited_ns - waited_ns;
    if (nobody && !env->pacers.running) // on_test_start takes its time: no user's
        return;
    if (!task || cause == LOCUST__CAUSE_STOPPED || cause == LOCUST__CAUSE_MEMORY) {
        locust__stall_count(env, cause, took_ns);
        return;
    }
    if (waited_ns >= LOCUST__LOOP_BLOCKED_NS)
        locust__stall_count(env, LOCUST__CAUSE_OTHERS, waited_ns < took_ns ? waited_ns : took_ns);
    if (took_ns - waited_ns >= LOCUST__LOOP_BLOCKED_NS)
        locust__blocked_blame(env, &who, took_ns - waited_ns);
}
