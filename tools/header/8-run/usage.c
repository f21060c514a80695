/* ============================================================================================
 * >>usage  what the generator itself used
 *
 * Purpose     CPU, waits for a core and arrivals shed between two moments: what the verdict on the
 *             generator is made of.
 * Cost        two system calls a look, once a second.
 * Names       locust__usage_
 * Uses        >>class >>env >>target
 * ============================================================================================ */

static locust_arrival_counts locust__usage_arrivals(const locust_env *env)
{
    locust_arrival_counts sum = {0, 0, 0, 0, 0};
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *queue = env->classes[i].arrivals;
        if (!queue)
            continue;
        sum.scheduled += queue->counts.scheduled;
        sum.started += queue->counts.started;
        sum.late += queue->counts.late;
        sum.shed += queue->counts.shed;
        sum.unanswered += queue->counts.unanswered;
    }
    return sum;
}

static locust__usage locust__usage_now(const locust_env *env)
{
    return (locust__usage){locust__os_now_ns(), locust__os_cpu_ns(), locust__os_waited_ns(),
        locust__usage_arrivals(env).shed, env->services.net.out_of_files,
        env->services.net.out_of_ports, -1, 0};
}

/* The same with what the server took, which may cost a look at each process of the machine. */
static locust__usage locust__usage_all(const locust_env *env)
{
    locust__usage now = locust__usage_now(env);
    if (locust__target_is_asked(&env->options))
        locust__target_look(&env->options, &now.target_ns, &now.target_bytes);
    return now;
}

/* How long the process was ready to run and did not; 0 where the kernel does not tell. */
static int64_t locust__usage_waited_ns(const locust__usage *from, const locust__usage *to)
{
    return from->waited_ns < 0 ? 0 : to->waited_ns - from->waited_ns;
}

/* Share of the interval in which the process had work to do: CPU time, plus time spent runnable
 * but not running if that is at most a tenth of the interval. On a machine that does anything
 * else, a saturated process never reaches 100 % by CPU time alone. Beyond a tenth, other programs
 * are the limit and are reported as such. */
static double locust__usage_busy(const locust__usage *from, const locust__usage *to)
{
    int64_t wall_ns = to->at_ns - from->at_ns, ns = to->cpu_ns - from->cpu_ns;
    int64_t waited_ns = locust__usage_waited_ns(from, to);
    if (waited_ns <= wall_ns / 10)
        ns += waited_ns;
    return wall_ns > 0 ? (double)ns / (double)wall_ns : 0;
}

/* Notes what excuses a gap that is found later: done each second, so that no excuse is older. */
static void locust__usage_note(locust_env *env)
{
    env->waited_ns = locust__os_waited_ns();
    env->faults = locust__os_page_faults();
    env->continued = locust__os_continued();
}

/* Judges the generator by what happens from here on. */
LOCUST__COLD static void locust__usage_watch(locust_env *env)
{
    locust__usage_note(env);
    env->since = locust__usage_all(env);
    env->until.at_ns = 0;
    env->peak_busy = 0;
    env->n_blockers = 0;
    memset(env->stalls, 0, sizeof env->stalls);
    env->slept_ns = locust__os_slept_ns();
    env->suspended_ns = 0;
    locust__hist_reset(&env->loop.late);
    env->loop.latest_ns = 0;
    env->loop.over_stall = 0;
}
