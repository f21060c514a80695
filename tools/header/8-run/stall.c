/* ============================================================================================
 * >>stall  when nothing ran, and why
 *
 * Purpose     count the time in which something was due and the process did not run, by its cause:
 *             it was stopped, other programs had its core, it waited for pages from disk, it was
 *             busy with its own reports; and when the machine was suspended or its wall clock set.
 *             A late wake-up weighs as much as any other, but four seconds in which nothing was
 *             sent are one of them.
 * Cost        nothing until LOCUST__LOOP_BLOCKED_NS were lost at once; then four system calls.
 * Names       locust__stall_
 * Uses        >>co >>env >>usage
 * Limits      a process that is frozen while one task runs (a container's pause sends no signal)
 *             looks like a task that blocks; most of the time none runs. What lasted less than
 *             LOCUST__LOOP_BLOCKED_NS is in the lateness alone.
 * ============================================================================================ */

enum {
    LOCUST__STALL_FAULT_NS = 2000000,  // that a page from disk takes, between NVMe and a disk
    LOCUST__STALL_DOUBT_NS = 100000000 // a stall that casts doubt on requests that were in flight
};

/* What took `took_ns`, as far as the system tells; `otherwise` if it does not. */
static enum locust__cause locust__stall_cause(
    locust_env *env, int64_t took_ns, enum locust__cause otherwise)
{
    int64_t waited_ns = env->waited_ns, faults = env->faults;
    unsigned continued = env->continued;
    locust__usage_note(env);
    if (env->continued != continued)
        return LOCUST__CAUSE_STOPPED;
    if (env->waited_ns - waited_ns > took_ns / 2)
        return LOCUST__CAUSE_OTHERS;
    if ((env->faults - faults) * LOCUST__STALL_FAULT_NS > took_ns)
        return LOCUST__CAUSE_MEMORY;
    return otherwise;
}

static void locust__stall_count(locust_env *env, enum locust__cause cause, int64_t took_ns)
{
    locust__usage_stall *s = &env->stalls[cause];
    if (env->until.at_ns) // what is measured is over
        return;
    s->total_ns += took_ns;
    if (took_ns > s->longest_ns)
        s->longest_ns = took_ns;
    if (took_ns >= LOCUST__STALL_DOUBT_NS)
        env->loop.stalled_until_ns = env->loop.clock_ns;
}

/* All causes together. */
static locust__usage_stall locust__stall_sum(const locust_env *env)
{
    locust__usage_stall sum = {0, 0};
    for (int i = 0; i < LOCUST__CAUSES; i++) {
        sum.total_ns += env->stalls[i].total_ns;
        if (env->stalls[i].longest_ns > sum.longest_ns)
            sum.longest_ns = env->stalls[i].longest_ns;
    }
    return sum;
}

/* Called by the loop when the wall clock is not where it was to be. The clock of the loop and of
 * response times stands still while the machine is suspended, the wall clock does not. */
static void locust__stall_clock_set(void *arg, int64_t by_ns)
{
    locust_env *env = arg;
    int64_t slept_ns = locust__os_slept_ns(), span_ns = slept_ns - env->slept_ns;
    env->slept_ns = slept_ns;
    if (span_ns > LOCUST__LOOP_CLOCK_SET_NS && !env->until.at_ns) {
        env->suspended_ns += span_ns;
        env->loop.stalled_until_ns = env->loop.clock_ns;
    }
    if (span_ns > LOCUST__LOOP_CLOCK_SET_NS)
        by_ns -= span_ns;
    if ((by_ns < 0 ? -by_ns : by_ns) <= LOCUST__LOOP_CLOCK_SET_NS)
        return;
    if ((by_ns < 0 ? -by_ns : by_ns) >
        (env->clock_set_ns < 0 ? -env->clock_set_ns : env->clock_set_ns))
        env->clock_set_ns = by_ns;
}
