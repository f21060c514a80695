/* ============================================================================================
 * >>server_cpu  the server's CPU beside the generator's
 *
 * Purpose     what a request cost the server that --target-pid or --target-cgroup names, and what
 *             it cost this program, over the time that is measured.
 * Names       locust__server_cpu locust__server_cpu_
 * Uses        >>env >>target >>usage
 * Limits      all that the server did in that time counts, for whomever it did it.
 * ============================================================================================ */

typedef struct locust__server_cpu {
    bool asked, known; // known: at both ends of the time
    double us, own_us; // of CPU for a request; 0: there was none
    double cores;      // the share of a core; 2: two of them
    double mb;         // of memory at the end
} locust__server_cpu;

LOCUST__COLD static locust__server_cpu locust__server_cpu_of(const locust_env *env)
{
    locust__server_cpu c = {.asked = locust__target_is_asked(&env->options)};
    const locust__usage *from = &env->since;
    locust__usage to;
    double wall_ns, requests = (double)env->stats.total.requests;
    if (!c.asked)
        return c;
    to = env->until.at_ns ? env->until : locust__usage_all(env);
    wall_ns = (double)(to.at_ns - from->at_ns);
    c.known = from->target_ns >= 0 && to.target_ns >= from->target_ns && wall_ns > 0;
    c.mb = (double)to.target_bytes / 1e6;
    if (!c.known)
        return c;
    c.cores = (double)(to.target_ns - from->target_ns) / wall_ns;
    if (env->stats.total.requests) {
        c.us = (double)(to.target_ns - from->target_ns) / 1e3 / requests;
        c.own_us = (double)(to.cpu_ns - from->cpu_ns) / 1e3 / requests;
    }
    return c;
}

/* One line, for people. */
static void locust__server_cpu_line(const locust__server_cpu *c, char *out, size_t size)
{
    if (c->known)
        snprintf(out, size,
            "target: %.1f us of CPU for a request (%.0f %% of a core), %.1f MB; the generator: "
            "%.1f us",
            c->us, 100 * c->cores, c->mb, c->own_us);
    else
        snprintf(out, size, "target: its CPU is unknown, it ended or was started anew meanwhile");
}
