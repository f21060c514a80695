/* ============================================================================================
 * >>blocked  which task kept the loop to itself
 *
 * Purpose     name the task that computed, or called something that blocks, while others were due;
 *             what nobody's task did is a stall.
 * Cost        nothing until a task has kept the loop for LOCUST__LOOP_BLOCKED_NS; a walk over all
 *             users only after a coroutine that ended or that is no user's.
 * Names       locust__blocked_
 * Uses        >>co >>user >>env >>stall
 * Limits      the first LOCUST__USAGE_BLOCKERS tasks are counted, others are not.
 * ============================================================================================ */

/* The user whose coroutine that is; NULL: it is no user's. One that has just ended has no slots to
 * tell it by, and is looked for among what users have started. */
static const locust__user *locust__blocked_user(const locust_env *env, const locust__co *co)
{
    if (co->local)
        return ((const locust__user *)co->arg)->root;
    for (const locust__user *user = env->users.first; user; user = user->next)
        for (const locust_coroutine *c = user->coroutines; c; c = c->next)
            if (c->user.co == co)
                return user;
    return NULL;
}

/* Blames a task. */
static void locust__blocked_blame(
    locust_env *env, const char *user, const char *task, int64_t took_ns)
{
    locust__usage_blocker *at = env->blockers, *end = at + env->n_blockers;
    while (at < end && (at->user != user || at->task != task)) // the test's texts: one each
        at++;
    if (at == env->blockers + LOCUST__USAGE_BLOCKERS)
        return;
    if (at == end) {
        *at = (locust__usage_blocker){.user = user, .task = task};
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
    const locust__user *user = NULL;
    int64_t waited_ns = env->waited_ns;
    enum locust__cause unknown = co ? LOCUST__CAUSE_OWN : LOCUST__CAUSE_UNKNOWN;
    enum locust__cause cause = locust__stall_cause(env, took_ns, unknown);
    waited_ns = env->waited_ns - waited_ns;
    if (!env->users.first && !env->pacers.running) // on_test_start takes its time: no user's
        return;
    if (co && cause != LOCUST__CAUSE_STOPPED && cause != LOCUST__CAUSE_MEMORY)
        user = locust__blocked_user(env, co);
    if (!user) {
        locust__stall_count(env, cause, took_ns);
        return;
    }
    if (waited_ns >= LOCUST__LOOP_BLOCKED_NS)
        locust__stall_count(env, LOCUST__CAUSE_OTHERS, waited_ns < took_ns ? waited_ns : took_ns);
    if (took_ns - waited_ns >= LOCUST__LOOP_BLOCKED_NS)
        locust__blocked_blame(env, user->cls->as->name, user->doing, took_ns - waited_ns);
}
