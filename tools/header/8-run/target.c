/* ============================================================================================
 * >>target  --target-pid and --target-cgroup
 *
 * Purpose     what the server itself took, where it runs on this machine: CPU and memory so far.
 * Names       locust__target_
 * Uses        >>fault
 * ============================================================================================ */

static bool locust__target_is_asked(const locust_options *o)
{
    return o->target_pid > 0 || o->target_cgroup;
}

/* False: there is none, or it cannot be read. */
static bool locust__target_look(const locust_options *o, int64_t *cpu_ns, size_t *bytes)
{
    *cpu_ns = -1;
    *bytes = 0;
    if (o->target_pid > 0)
        return locust__os_family(o->target_pid, cpu_ns, bytes);
    return o->target_cgroup && locust__os_cgroup(o->target_cgroup, cpu_ns, bytes);
}

/* Is it there? Else a run would end without the figure that it was made for. */
static bool locust__target_check(const locust_options *o, locust__fault *fault)
{
    int64_t cpu_ns;
    size_t bytes;
    if (!locust__target_is_asked(o) || locust__target_look(o, &cpu_ns, &bytes))
        return true;
    if (o->target_pid > 0)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--target-pid %d: there is no such process here that /proc shows", o->target_pid);
    return locust__fault_set(fault, LOCUST__EXIT_USAGE,
        "--target-cgroup %.200s: no cpu.stat of a cgroup (v2) there, nor below /sys/fs/cgroup",
        o->target_cgroup);
}
