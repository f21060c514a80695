/* ============================================================================================
 * >>find  --find-max
 *
 * Purpose     searches for the highest rate of arrivals at which the checks hold: doubles the rate
 *             until they break, then halves the gap.
 * Cost        a step (5 s by default) and a quarter for each rate, and waits after rates that
 *             broke.
 * Names       locust__find_
 * Uses        >>co >>switch >>class >>env >>usage >>warm_up >>check
 * ============================================================================================ */

typedef struct locust__find {
    locust_env *env;
    locust__checks checks;
    double base;      // arrivals a second that the test itself asks for
    double good, bad; // the highest rate that held, the lowest that did not; 0: none
} locust__find;

/* Arrivals a second of all classes together. */
static double locust__find_base(const locust_env *env)
{
    double sum = 0;
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *o = env->classes[i].arrivals;
        if (o)
            sum += o->as.rate > 0 ? o->as.rate : env->options.rate * o->share;
    }
    return sum;
}

static int64_t locust__find_step_ns(const locust__find *f)
{
    double step_s = f->env->options.find_step_s;
    return locust__time_ns(step_s > 0 ? step_s : 5);
}

/* Lets a rate run for some quarters of a step. False: the test ends. */
static bool locust__find_run(locust__find *f, double rate, int quarters) LOCUST__PARKS
{
    locust_env *env = f->env;
    int64_t now = locust__loop_clock(&env->loop),
            end = now + locust__find_step_ns(f) / 4 * quarters;
    if (env->stop_requested || env->until.at_ns || end > env->end_ns)
        return false; // what is left would not be a whole trial: keep the last figures
    env->pace = rate / f->base;
    locust__warm_up_count_from(env, now);
    locust__usage_watch(env);
    return locust__co_sleep(&env->loop, end) != LOCUST__WAKE_CANCELLED && !env->stop_requested;
}

/* Tries a rate: a quarter of a step to settle, then a step that is judged. It holds if the
 * checks do, no arrival was shed and nine of ten of those due were started. False: the test
 * ends. */
static bool locust__find_try(locust__find *f, double rate, bool *held) LOCUST__PARKS
{
    locust_env *env = f->env;
    locust_arrival_counts before, now;
    const locust__check *c = f->checks.all;
    char value[32];
    if (locust__time_after(locust__os_now_ns(), locust__find_step_ns(f) / 4 * 5) > env->end_ns ||
        !locust__find_run(f, rate, 1))
        return false;
    before = locust__usage_arrivals(env);
    if (!locust__find_run(f, rate, 4))
        return false;
    now = locust__usage_arrivals(env);
    *held =
        locust__checks_judge(env, &f->checks) && now.shed == before.shed &&
        (double)(now.started - before.started) > 0.9 * (double)(now.scheduled - before.scheduled);
    while (c + 1 < f->checks.all + f->checks.n && c->held)
        c++; // the first that broke, or the last one
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "find-max: %.1f arrivals/s %s: %s, %s", rate, *held ? "hold" : "do not hold", c->text,
        locust__check_value(c, value, sizeof value));
    return true;
}

/* After a rate that was too high: runs half of a good rate until the checks hold again, so that
 * what piled up in the server does not spoil the next trial. Gives up after ten steps. */
static bool locust__find_recover(locust__find *f) LOCUST__PARKS
{
    for (int i = 0; i < 40; i++) {
        if (!locust__find_run(f, f->good / 2, 1))
            return false;
        if (locust__checks_judge(f->env, &f->checks))
            return true;
    }
    return true;
}

/* Doubles the rate until it breaks, then tries the geometric mean of the best good rate and the
 * lowest bad one, until they are within 5 %. */
static void locust__find_search(locust__find *f) LOCUST__PARKS
{
    double rate = f->base;
    bool held;
    while (locust__find_try(f, rate, &held)) {
        if (held)
            f->good = rate;
        else
            f->bad = rate;
        if (!(f->good > 0) || rate > 1e7 || (f->bad > 0 && f->bad <= 1.05 * f->good))
            return;
        if (!held && !locust__find_recover(f))
            return;
        rate = f->bad > 0 ? locust__number_sqrt(f->good * f->bad) : 2 * rate;
    }
}

/* A coroutine: searches, then runs the rate that it found once more, so that the final report is
 * about that rate. If it does not hold this time, 5 % less is tried, up to ten times. */
static void locust__find_main(void *arg)
{
    locust__find *f = arg;
    bool held = false;
    f->base = locust__find_base(f->env);
    locust__find_search(f);
    for (int i = 0; i < 10 && f->good > 0 && !held; i++) {
        if (!locust__find_recover(f) || !locust__find_try(f, f->good, &held))
            break;
        if (!held) {
            f->bad = f->good;
            f->good *= 0.95;
        }
    }
    locust__env_request_stop(f->env);
}
