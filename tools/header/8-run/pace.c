/* ============================================================================================
 * >>pace  the schedule of arrivals
 *
 * Purpose     the open model: a coroutine for each class that lets users arrive on time, whatever
 *             the server does.
 * Invariants  an arrival's time is computed from the one before it, never from the clock: a late
 *             pacer catches up, and no arrival is lost or moved. Arrivals that are due when the
 *             test ends and that nobody has taken are counted as unanswered.
 * Cost        an arrival is a division, or for --stages a square root and a walk over the stages.
 *             The loop gets a turn every millisecond while a pacer catches up.
 * Names       locust__pace_
 * Uses        >>co >>switch >>sync >>class >>user >>arrive >>start
 * ============================================================================================ */

/* Seconds from `at` (since the start) until `area` more arrivals are due; below 0: never.
 *
 *   rate                 The rate of --stages is a straight line in each stage, `from` to `to`;
 *    to |       /|       arrivals are the area below it. From `at`, where the rate is `now`,
 *       |     /#||       the area of a trapezoid is
 *   now |   /|##||
 *       |  / |##||         area = now gap + slope gap^2 / 2, so
 *       +----+--++- s      gap = 2 area / (now + sqrt(now^2 + 2 slope area))
 *            at
 *
 * That form of the root does not cancel where the slope is near 0. */
static double locust__pace_gap(
    const locust_env *env, const locust__arrival_queue *o, double at, double area)
{
    double begin = 0, from = 0, gap = 0;
    if (o->as.rate > 0)
        return area / (o->as.rate * env->pace);
    if (!env->stages.n)
        return env->options.rate > 0 ? area / (env->options.rate * o->share * env->pace) : -1;
    for (int i = 0; i < env->stages.n; i++) {
        double seconds = env->stages.items[i].seconds,
               to = env->stages.items[i].users * o->share * env->pace;
        double end = begin + seconds, into = at > begin ? at - begin : 0, left = end - at - gap;
        if (at + gap < end && seconds > 0) {
            double slope = (to - from) / seconds;
            double now = from + slope * (into + (at > begin ? gap : at + gap - begin));
            double fits = (now + to) / 2 * left;
            if (fits >= area && area > 0) {
                double root = locust__number_sqrt(
                    now * now + 2 * slope * area > 0 ? now * now + 2 * slope * area : 0);
                return now + root > 0 ? gap + 2 * area / (now + root) : gap;
            }
            area -= fits;
            gap += left;
        }
        begin = end;
        from = to;
    }
    return -1;
}

/* Gives an arrival to a user that waits for one, or to a new user. False: all are busy and there
 * may not be more, or memory ran out. */
static bool locust__pace_admit(locust_env *env, locust__class *cls, int64_t due_ns, bool late)
{
    locust__arrival_queue *o = cls->arrivals;
    locust__co *co = o->free.first;
    locust__user *user = co ? co->arg : NULL;
    if (co)
        locust__co_wake(&env->loop, co, LOCUST__WAKE_EVENT);
    else if (cls->alive < o->as.max)
        user = locust__start_user(&env->users, cls);
    if (user)
        locust__arrive_accept(user, due_ns, late);
    else if (cls->alive < o->as.max && !o->no_memory++)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "out of memory after %d users: arrivals wait for these", env->users.alive);
    return user;
}

/* Lets an arrival come: to a user, to the end of those that wait, or to nothing. */
static void locust__pace_arrive(locust_env *env, locust__class *cls, int64_t due_ns)
{
    locust__arrival_queue *o = cls->arrivals;
    o->counts.scheduled++;
    if (!o->n && locust__pace_admit(env, cls, due_ns, false))
        return;
    if (o->as.patience_s < 0)
        o->counts.shed++;
    else
        locust__arrive_keep(o, due_ns);
}

/* Gives arrivals that wait to users, as far as there is room for more. */
static void locust__pace_catch_up(locust_env *env, locust__class *cls)
{
    locust__arrival_queue *o = cls->arrivals;
    int64_t due_ns;
    while (o->n && (o->free.first || cls->alive < o->as.max)) {
        if (!locust__arrive_take(o, locust__os_now_ns(), &due_ns))
            return;
        if (!locust__pace_admit(env, cls, due_ns, true)) { // no memory
            o->counts.shed++;
            return;
        }
    }
}

/* Sleeps until the next arrival is due. Wakes when a user has ended, whose place an arrival that
 * waits can have, and when the patience of the oldest one is over. False: the test ends. */
static bool locust__pace_await(locust_env *env, locust__class *cls, int64_t due_ns) LOCUST__PARKS
{
    locust__arrival_queue *o = cls->arrivals;
    for (;;) {
        int64_t shed_ns;
        enum locust__wake why;
        if (env->users.iterations_left == 0)
            return false;
        locust__pace_catch_up(env, cls);
        shed_ns = locust__arrive_shed(o, locust__os_now_ns());
        if (locust__os_now_ns() >= due_ns)
            return true;
        o->pacing = true;
        why = locust__co_sleep(&env->loop, shed_ns < due_ns ? shed_ns : due_ns);
        o->pacing = false;
        if (why == LOCUST__WAKE_CANCELLED)
            return false;
    }
}

/* When the next arrival is due; LOCUST__NEVER: none before the end. Moves *at, in seconds since
 * the start, to it. Gaps of a Poisson process are exponential: -ln(1 - u) times the mean, u from 0
 * to 1. */
static int64_t locust__pace_next(locust_env *env, const locust__arrival_queue *o, double *at)
{
    double area = o->as.poisson ? -locust__number_log2(1 - locust__random_unit(&env->loop.random)) *
                                      0.6931471805599453
                                : 1;
    double gap = locust__pace_gap(env, o, *at, area);
    int64_t due_ns;
    if (gap < 0)
        return LOCUST__NEVER;
    *at += gap;
    due_ns = env->start_ns + locust__time_ns(*at);
    return due_ns <= env->end_ns ? due_ns : LOCUST__NEVER;
}

/* Lets the users of a class arrive, until the test ends. A coroutine. */
static void locust__pace_main(void *arg)
{
    locust__class *cls = arg;
    locust__arrival_queue *o = cls->arrivals;
    locust_env *env = o->env;
    double at = 0;
    int64_t due_ns = locust__pace_next(env, o, &at), slice_ns = locust__os_now_ns() + LOCUST__MS;
    while (locust__pace_await(env, cls, due_ns)) {
        locust__pace_arrive(env, cls, due_ns);
        due_ns = locust__pace_next(env, o, &at);
        if (locust__os_now_ns() < slice_ns)
            continue;
        if (locust__co_yield(&env->loop) == LOCUST__WAKE_CANCELLED)
            break;
        slice_ns = locust__os_now_ns() + LOCUST__MS;
    }
    // Arrivals that were due when the test ended, but had not come yet.
    for (; env->users.iterations_left != 0 && due_ns <= locust__os_now_ns();
         due_ns = locust__pace_next(env, o, &at)) {
        o->counts.scheduled++;
        locust__arrive_drop(o, &env->users, due_ns, locust__os_now_ns());
    }
}

/* Starts the pacers. Queues are emptied first: an environment may run more than once. */
static void locust__pace_start(locust_env *env)
{
    if (env->services.recorder.has_arrivals)
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.runners", "Users arrive from now on");
    for (int i = 0; i < env->n_classes; i++) {
        locust__arrival_queue *o = env->classes[i].arrivals;
        if (!o)
            continue;
        memset(&o->counts, 0, sizeof o->counts);
        o->no_memory = 0;
        o->n = 0;
        o->pacer = locust__co_start(
            &env->loop, "the kit itself", 0, locust__pace_main, &env->classes[i], &env->pacers);
        if (!o->pacer)
            env->users.setup_error = "out of memory";
    }
}

/* Stops the pacers. Arrivals that still wait are unanswered. */
static void locust__pace_stop(locust_env *env) LOCUST__PARKS
{
    int64_t now_ns = locust__os_now_ns();
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].arrivals && env->classes[i].arrivals->pacer && env->pacers.running)
            locust__co_cancel(&env->loop, env->classes[i].arrivals->pacer);
    locust__wait_group_join(&env->loop, &env->pacers, LOCUST__NEVER);
    for (int i = 0; i < env->n_classes; i++) {
        locust__arrival_queue *o = env->classes[i].arrivals;
        if (!o)
            continue;
        for (size_t k = 0; k < o->n; k++)
            locust__arrive_drop(o, &env->users, o->backlog[(o->first + k) % o->cap], now_ns);
        o->n = 0;
    }
}
