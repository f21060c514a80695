/* ============================================================================================
 * >>generator  the generator's verdict on itself
 *
 * Purpose     says whether the generator itself, not the server, limited the load: CPU, other
 *             programs, lateness, times in which it stood still, descriptors, ports, shed arrivals,
 *             tasks that blocked the loop.
 * Names       locust__generator_
 * Uses        >>co >>entry >>stats >>env >>usage >>stall >>fleet_roll
 * ============================================================================================ */

enum {
    LOCUST__GENERATOR_LATE_NS = 500000,     // lateness below this is never a limit,
    LOCUST__GENERATOR_LATE_PART = 10,       // nor is what moves a percentile by less than a tenth,
    LOCUST__GENERATOR_P99_FROM = 100,       // nor, of fewer requests than this, the p99
    LOCUST__GENERATOR_HELD_NS = 100000000,  // a task that blocked the loop this long is named,
    LOCUST__GENERATOR_HELD_TIMES = 3,       // and one that did it, for less, this often
    LOCUST__GENERATOR_STALL_NS = 500000000, // to have stood still this long is named,
    LOCUST__GENERATOR_STALL_SHARE = 100     // as is the hundredth part of the time
};

static void locust__generator_limit(locust_generator *g, const char *format, ...)
    LOCUST__PRINTF(2, 3);

/* Adds a reason to `limits`, cut off where there is no more room. */
static void locust__generator_limit(locust_generator *g, const char *format, ...)
{
    size_t len = strlen(g->limits);
    va_list args;
    va_start(args, format);
    if (len)
        len += (size_t)snprintf(g->limits + len, sizeof g->limits - len, "; ");
    if (len < sizeof g->limits)
        vsnprintf(g->limits + len, sizeof g->limits - len, format, args);
    va_end(args);
    g->ok = false;
}

/* Names the tasks that often, or for long, kept the loop from running others. */
static void locust__generator_blame(locust_generator *g, const locust_env *env)
{
    for (int i = 0; i < env->n_blockers; i++) {
        const locust__usage_blocker *c = &env->blockers[i];
        if (c->times >= LOCUST__GENERATOR_HELD_TIMES || c->longest_ns >= LOCUST__GENERATOR_HELD_NS)
            locust__generator_limit(g,
                "task %s of %s: held everybody up %llu times, %.0f ms at the longest", c->task,
                c->user, (unsigned long long)c->times, (double)c->longest_ns / 1e6);
    }
}

/* Doubts the response times that the loop's lateness may have moved. Most lateness is in none: the
 * kernel says when an answer came. It is where the server waited for the generator (a connect, the
 * hops of a redirect), and where the kernel says nothing. In times from an intended start all of it
 * is. */
static void locust__generator_lateness(locust_generator *g, const locust_env *env)
{
    const locust__request_stats *st = &env->stats;
    int64_t p50_ns = locust__entry_percentile_ns(&st->total, 0.5);
    int64_t p99_ns = locust__entry_percentile_ns(&st->total, 0.99);
    int64_t p50_high_ns = locust__stats_high_ns(st, 0.5);
    int64_t p99_high_ns = locust__stats_high_ns(st, 0.99);
    int64_t late_ns = locust__loop_lateness_ns(&env->loop, 0.99);
    if (!env->crew) { // a master has no users: its own lateness is in no time
        g->late_p50_ms = (double)locust__loop_lateness_ns(&env->loop, 0.5) / 1e6;
        g->late_p99_ms = (double)late_ns / 1e6;
        g->late_max_ms = (double)env->loop.latest_ns / 1e6;
    }
    g->p50_high_ms = (double)p50_high_ns / 1e6;
    g->p99_high_ms = (double)p99_high_ns / 1e6;
    if ((p50_high_ns > LOCUST__GENERATOR_LATE_NS &&
            p50_high_ns > p50_ns / LOCUST__GENERATOR_LATE_PART) ||
        (st->total.requests >= LOCUST__GENERATOR_P99_FROM &&
            p99_high_ns > LOCUST__GENERATOR_LATE_NS &&
            p99_high_ns > p99_ns / LOCUST__GENERATOR_LATE_PART))
        locust__generator_limit(g,
            "lateness: p50 of %.3f ms at most %.3f ms too high, p99 of %.3f ms at most %.3f ms",
            (double)p50_ns / 1e6, g->p50_high_ms, (double)p99_ns / 1e6, g->p99_high_ms);
    if (!env->crew && st->total.intended && late_ns > LOCUST__GENERATOR_LATE_NS &&
        late_ns > locust__phase_percentile_ns(st->total.intended, NULL, 0.5) / 5)
        locust__generator_limit(g,
            "lateness: p99 %.3f ms beside a p50 of %.3f ms from the intended start", g->late_p99_ms,
            (double)locust__phase_percentile_ns(st->total.intended, NULL, 0.5) / 1e6);
}

/* Says how long nothing ran, and why. Tells also what is no limit by itself. */
static void locust__generator_stalls(locust_generator *g, const locust_env *env, int64_t wall_ns)
{
    static const char *const causes[LOCUST__CAUSES] = {
        [LOCUST__CAUSE_STOPPED] = ", stopped by a signal",
        [LOCUST__CAUSE_OTHERS] = ", other programs had its core",
        [LOCUST__CAUSE_MEMORY] = ", waiting for memory from disk",
        [LOCUST__CAUSE_OWN] = ", in its own reports or a listener of the test",
        [LOCUST__CAUSE_UNKNOWN] = ""};
    locust__usage_stall sum = locust__stall_sum(env);
    bool much = sum.longest_ns >= LOCUST__GENERATOR_STALL_NS ||
                sum.total_ns > wall_ns / LOCUST__GENERATOR_STALL_SHARE;
    g->stalled_s = (double)sum.total_ns / 1e9;
    g->stalled_max_s = (double)sum.longest_ns / 1e9;
    g->stalled_requests = env->loop.over_stall;
    g->suspended_s = (double)env->suspended_ns / 1e9;
    g->clock_set_s = (double)env->clock_set_ns / 1e9;
    for (int i = 0; i < LOCUST__CAUSES && much; i++) {
        const locust__usage_stall *s = &env->stalls[i];
        if (s->total_ns > sum.total_ns / 10)
            locust__generator_limit(g, "stood still for %.1f s, %.1f s at the longest%s",
                (double)s->total_ns / 1e9, (double)s->longest_ns / 1e9, causes[i]);
    }
    if (env->suspended_ns)
        locust__generator_limit(g, "the machine was suspended for %.1f s", g->suspended_s);
}

/* Requests and failures a second from where measuring begins to the end of the test, answered or
 * not. (Locust's end with the last answer: a server that hangs does not lower those.) */
static void locust__generator_rates(
    const locust_env *env, const locust__entry *row, double *requests_per_s, double *failures_per_s)
{
    int64_t end_ns = env->until.at_ns ? env->stats.last_ns : locust__os_now_ns();
    double s = (double)(end_ns - env->stats.start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)row->requests / s : 0;
    *failures_per_s = s > 0 ? (double)row->failures / s : 0;
}

/* The verdict as of now, or as of the end of the test. CPU counts by the busiest five seconds: an
 * average hides a peak. */
LOCUST__COLD static locust_generator locust__generator_judge(const locust_env *env)
{
    locust_generator g = {.ok = true};
    locust__locale locale = locust__locale_enter();
    const locust__usage *from = &env->since;
    locust__usage to = env->until.at_ns ? env->until : locust__usage_now(env);
    int64_t wall_ns = to.at_ns - from->at_ns, waited_ns = locust__usage_waited_ns(from, &to);
    double busy = locust__usage_busy(from, &to);
    g.cpu = wall_ns > 0 ? (double)(to.cpu_ns - from->cpu_ns) / (double)wall_ns : 0;
    if (busy < env->peak_busy || wall_ns < LOCUST__S)
        busy = env->peak_busy;
    if (busy >= 0.95)
        locust__generator_limit(&g, "CPU: %.0f %% of a core", busy < 1 ? 100 * busy : 100);
    if (waited_ns > wall_ns / 10 && wall_ns >= LOCUST__S)
        locust__generator_limit(&g, "other programs: %.0f %% of the time it waited for a CPU",
            waited_ns < wall_ns ? 100 * (double)waited_ns / (double)wall_ns : 100);
    locust__generator_lateness(&g, env);
    if (!env->crew)
        locust__generator_stalls(&g, env, wall_ns);
    if (to.out_of_files > from->out_of_files)
        locust__generator_limit(&g, "file descriptors: raise ulimit -n");
    if (to.out_of_ports > from->out_of_ports)
        locust__generator_limit(&g, "local ports: give more addresses by --source");
    if (env->services.net.ports.searched_ns > wall_ns / 20)
        locust__generator_limit(&g,
            "local ports: connect() took %.1f s to find free ones, which Linux 6.3 and later "
            "spare: use fewer connections to one address",
            (double)env->services.net.ports.searched_ns / 1e9);
    if (to.shed > from->shed)
        locust__generator_limit(
            &g, "%llu arrivals shed before the end", (unsigned long long)(to.shed - from->shed));
    locust__generator_blame(&g, env);
#if LOCUST__WITH_FLEET
    locust__roll_judge(env, &g);
#endif
    locust__locale_leave(locale);
    return g;
}

/* The verdict as one line. */
static void locust__generator_line(const locust_generator *g, char *out, size_t size)
{
    int n = g->ok ? snprintf(out, size, "generator: ok (CPU %.0f %% of a core, ", 100 * g->cpu)
                  : snprintf(out, size, "generator: limited by %s (", g->limits);
    if (n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n,
            "lateness p50 %.3f ms, p99 %.3f ms; response times at most %.3f ms too high at p50, "
            "%.3f ms at p99)",
            g->late_p50_ms, g->late_p99_ms, g->p50_high_ms, g->p99_high_ms);
}

LOCUST_API locust_generator locust_generator_so_far(locust_env *env)
{
    return locust__generator_judge(env);
}
