/* ============================================================================================
 * >>find  --find-max
 *
 * Purpose     searches for the highest rate of arrivals at which the checks hold: doubles the rate
 *             until they break, then halves the gap. Says what it found, and what it tried.
 * Invariants  a rate that is reported as found held twice, or once in a run that ended too soon.
 * Cost        a step (5 s by default) and a quarter for each rate, and waits after rates that
 *             broke.
 * Names       locust__find_
 * Uses        >>co >>switch >>class >>env >>usage >>warm_up >>generator >>check
 * ============================================================================================ */

typedef struct locust__find_tried { // a rate that was tried
    double rate;
    bool held;
    char why[240]; // the check that decided, with what was measured; or what else broke
} locust__find_tried;

typedef struct locust__find {
    locust_env *env;
    locust__checks checks;
    double base;               // arrivals a second that the test itself asks for
    double good, bad;          // the highest rate that held, the lowest that did not; 0: none
    double once;               // the highest that held, if none held a second time; 0: one did
    bool again;                // the one that was found held a second time
    locust__find_tried *tried; // in order
    size_t n_tried, cap_tried;
} locust__find;

static void locust__find_free(locust__find *f)
{
    locust__checks_free(&f->checks);
    LOCUST_FREE(f->tried);
    f->tried = NULL;
    f->n_tried = f->cap_tried = 0;
}

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

/* Says why a rate held or did not. `shed`, `started`: of the arrivals of the trial. */
static void locust__find_explain(
    const locust__find *f, locust__find_tried *t, uint64_t shed, double started)
{
    const locust__check *c = f->checks.all;
    locust_generator g = locust__generator_judge(f->env);
    locust__locale locale = locust__locale_enter();
    char value[32];
    while (c + 1 < f->checks.all + f->checks.n && c->held)
        c++; // the first that broke, or the last one
    if (!t->held && c->held && shed)
        snprintf(t->why, sizeof t->why, "%llu arrivals were shed", (unsigned long long)shed);
    else if (!t->held && c->held)
        snprintf(t->why, sizeof t->why, "%.0f %% of the arrivals were started", 100 * started);
    else
        snprintf(
            t->why, sizeof t->why, "%s: %s", c->text, locust__check_value(c, value, sizeof value));
    if (!t->held && !shed && !g.ok)
        snprintf(t->why + strlen(t->why), sizeof t->why - strlen(t->why),
            "; the generator was limited by %s", g.limits);
    locust__locale_leave(locale);
}

/* Tries a rate: a quarter of a step to settle, then a step that is judged. It holds if the
 * checks do, no arrival was shed and nine of ten of those due were started. False: the test
 * ends. */
LOCUST__COLD static bool locust__find_try(locust__find *f, double rate, bool *held) LOCUST__PARKS
{
    locust_env *env = f->env;
    locust_arrival_counts before, now;
    locust__find_tried t = {.rate = rate}, *tried;
    double due, started;
    if (locust__time_after(locust__os_now_ns(), locust__find_step_ns(f) / 4 * 5) > env->end_ns ||
        !locust__find_run(f, rate, 1))
        return false;
    before = locust__usage_arrivals(env);
    if (!locust__find_run(f, rate, 4))
        return false;
    now = locust__usage_arrivals(env);
    due = (double)(now.scheduled - before.scheduled);
    started = due > 0 ? (double)(now.started - before.started) / due : 0;
    *held = t.held =
        locust__checks_judge(env, &f->checks) && now.shed == before.shed && started > 0.9;
    locust__find_explain(f, &t, now.shed - before.shed, started);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "find-max: %.1f arrivals/s %s: %s", rate, *held ? "hold" : "do not hold", t.why);
    tried = locust__memory_grow(f->tried, sizeof *tried, f->n_tried, &f->cap_tried);
    if (tried) {
        f->tried = tried;
        tried[f->n_tried++] = t;
    }
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
    f->base = locust__find_base(f->env);
    locust__find_search(f);
    f->once = f->good;
    for (int i = 0; i < 10 && f->good > 0 && !f->again; i++) {
        if (!locust__find_recover(f) || !locust__find_try(f, f->good, &f->again))
            break;
        if (!f->again) {
            f->bad = f->good;
            f->good = i < 9 ? f->good * 0.95 : 0;
        }
    }
    if (f->good > 0)
        f->once = 0;
    locust__env_request_stop(f->env);
}

/* The trial that says what the limit is: of the lowest rate that did not hold; NULL: all held. */
static const locust__find_tried *locust__find_broke(const locust__find *f)
{
    for (size_t i = f->n_tried; i-- > 0;)
        if (!f->tried[i].held && f->tried[i].rate <= f->bad)
            return &f->tried[i];
    return NULL;
}

/* What was found, as one sentence. */
static void locust__find_line(const locust__find *f, char *out, size_t size)
{
    const locust__find_tried *broke = locust__find_broke(f);
    const char *checks = f->env->options.find_max, *why = broke ? broke->why : "";
    if (!f->n_tried)
        snprintf(out, size, "find-max: the run ended before a rate was tried");
    else if (f->once > 0)
        snprintf(out, size,
            "find-max: no rate held twice: %.1f arrivals/s held %s once, then %.1f "
            "did not (%s)",
            f->once, checks, f->bad, why);
    else if (!(f->good > 0))
        snprintf(out, size,
            "find-max: no rate held %s: %.1f arrivals/s, the lowest that was tried, "
            "did not (%s); begin lower by --rate",
            checks, f->bad, why);
    else if (f->bad > 0)
        snprintf(out, size,
            "find-max: %.1f arrivals/s is the highest rate that held %s; %.1f did "
            "not (%s)%s",
            f->good, checks, f->bad, why, f->again ? "" : "; it was not tried a second time");
    else
        snprintf(out, size,
            "find-max: %.1f arrivals/s held %s, and the run ended before a rate did "
            "not",
            f->good, checks);
}
