/* ============================================================================================
 * >>usage  what the generator itself used
 *
 * Purpose     CPU, waits for a core, arrivals shed; which task kept the loop; where measuring begins.
 * Names       locust__usage_
 * Uses        >>co >>stats >>class >>user >>env
 * ============================================================================================ */

static locust_arrival_counts locust__usage_arrivals(const locust_env *env)
{
    locust_arrival_counts sum = {0, 0, 0, 0};
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *o = env->classes[i].arrivals;
        if (!o)
            continue;
        sum.scheduled += o->counts.scheduled;
        sum.started += o->counts.started;
        sum.late += o->counts.late;
        sum.shed += o->counts.shed;
    }
    return sum;
}

static locust__usage locust__usage_now(const locust_env *env)
{
    return (locust__usage){locust__os_now_ns(), locust__os_cpu_ns(), locust__os_waited_ns(),
        locust__usage_arrivals(env).shed};
}

/* How long the process was ready to run and did not; 0 where the kernel does not tell. */
static int64_t locust__usage_waited_ns(const locust__usage *from, const locust__usage *to)
{
    return from->waited_ns < 0 ? 0 : to->waited_ns - from->waited_ns;
}

/* The share of a time in which the process had work. What it waited for a core counts, too, up to a tenth:
 * beside a little of anything else nobody gets the whole of one. (Of more, others are the cause.) */
static double locust__usage_busy(const locust__usage *from, const locust__usage *to)
{
    int64_t wall_ns = to->at_ns - from->at_ns, ns = to->cpu_ns - from->cpu_ns;
    int64_t waited_ns = locust__usage_waited_ns(from, to);
    if (waited_ns <= wall_ns / 10)
        ns += waited_ns;
    return wall_ns > 0 ? (double)ns / (double)wall_ns : 0;
}

/* From here on the generator is watched; what was before does not count. */
static void locust__usage_watch(locust_env *env)
{
    env->since = locust__usage_now(env);
    env->waited_ns = env->since.waited_ns;
    env->until.at_ns = 0;
    env->peak_busy = 0;
    env->n_blockers = 0;
    locust__hist_reset(&env->loop.late);
    env->loop.latest_ns = 0;
}

/* The class and task of a coroutine. False: it is none of a user. */
static bool locust__usage_who(
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

/* Nobody else ran for a while. What other programs took of it is not the task's doing. */
static void locust__usage_on_blocked(void *arg, const locust__co *co, int64_t took_ns)
{
    locust_env *env = arg;
    locust__usage_blocker who, *c = env->blockers;
    int64_t waited_ns = locust__os_waited_ns();
    took_ns -= waited_ns - env->waited_ns;
    env->waited_ns = waited_ns;
    if (took_ns < LOCUST__LOOP_BLOCKED_NS || !locust__usage_who(env, co, &who))
        return;
    while (c < env->blockers + env->n_blockers && (c->user != who.user || c->task != who.task))
        c++;
    if (c == env->blockers + LOCUST__USAGE_BLOCKERS)
        return;
    if (c == env->blockers + env->n_blockers) {
        *c = who;
        env->n_blockers++;
    }
    c->times++;
    if (took_ns > c->longest_ns)
        c->longest_ns = took_ns;
}

/* Forgets what was measured: what begins from then on counts. */
static void locust__usage_measure(locust_env *env, int64_t from_ns)
{
    locust__stats_reset(&env->stats, from_ns);
    env->services.recorder.since_ns = from_ns;
}

/* From the first user, or once it is warm. What a test measured elsewhere may have begun before. */
static void locust__usage_begin(locust_env *env)
{
    env->warm_ns = env->options.warm_up_s > 0
                       ? locust__time_after(env->start_ns, locust__time_ns(env->options.warm_up_s))
                       : LOCUST__NEVER;
    locust__usage_measure(env, env->warm_ns < LOCUST__NEVER ? env->warm_ns : env->start_ns);
    if (env->warm_ns == LOCUST__NEVER)
        env->services.recorder.since_ns = INT64_MIN;
    locust__usage_watch(env);
}

static void locust__usage_reset_stats(locust_env *env)
{
    int64_t now = locust__os_now_ns();
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners", "Resetting stats");
    locust__stats_reset(&env->stats, env->warm_ns < LOCUST__NEVER ? env->warm_ns : now);
    LOCUST__ENV_FIRE(env, on_reset_stats, env);
}
