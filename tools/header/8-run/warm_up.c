/* ============================================================================================
 * >>warm_up  from when on requests count
 *
 * Purpose     --warm-up, and setting figures back to zero during a run.
 * Invariants  the verdict on the generator is about the time that the figures are about.
 *             A request counts if it began after the warm-up: the recorder goes by its start, so
 *             that one that straddles the end of the warm-up is left out.
 * Names       locust__warm_up_
 * Uses        >>stats >>env >>usage
 * ============================================================================================ */

/* Forgets what was measured. What begins from `from_ns` on counts. */
static void locust__warm_up_count_from(locust_env *env, int64_t from_ns)
{
    locust__stats_reset(&env->stats, from_ns);
    env->services.recorder.since_ns = from_ns;
}

/* Begins a run: with its first user, or when the warm-up is over. */
static void locust__warm_up_begin(locust_env *env)
{
    env->warm_ns = LOCUST__NEVER;
    if (env->options.warm_up_s > 0)
        env->warm_ns = locust__time_after(env->start_ns, locust__time_ns(env->options.warm_up_s));
    locust__warm_up_count_from(env, env->warm_ns < LOCUST__NEVER ? env->warm_ns : env->start_ns);
    if (env->warm_ns ==
        LOCUST__NEVER) // an operation that the test measures may have begun before the test
        env->services.recorder.since_ns = INT64_MIN;
    locust__usage_watch(env);
}

static void locust__warm_up_end(locust_env *env)
{
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "The warm-up is over, requests count from now on");
    env->warm_ns = LOCUST__NEVER;
    locust__usage_watch(env);
}

/* Sets all figures back to zero: --reset-stats, or locust_reset_stats. */
static void locust__warm_up_reset_stats(locust_env *env)
{
    int64_t now_ns = locust__os_now_ns();
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners", "Resetting stats");
    locust__stats_reset(&env->stats, env->warm_ns < LOCUST__NEVER ? env->warm_ns : now_ns);
    if (env->warm_ns == LOCUST__NEVER) // else it begins then
        locust__usage_watch(env);
    LOCUST__ENV_FIRE(env, on_reset_stats, .number = 0);
}
