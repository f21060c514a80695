/* No ramp runs from here on. */
static void locust__runner_rest(locust_env *env)
{
    env->step_ns = LOCUST__NEVER;
    env->users.spawned = true;
    while (env->users.spawn_waiters.first)
        locust__co_wake(&env->loop, env->users.spawn_waiters.first, LOCUST__WOKEN);
}

/* The ramp is over; `users` of the aim are there, or as many as can be. */
static void locust__runner_arrive(locust_env *env)
{
    locust__runner_rest(env);
    locust__runner_log_spawned(env);
    LOCUST__FIRE(env, on_spawning_complete, env, env->users.alive);
    if (env->options.reset_stats)
        locust__runner_reset_stats(env);
}

/* Begins a ramp, unless it is the one that runs. */
static void locust__runner_aim(locust_env *env, locust_tick tick)
{
    if (!(tick.spawn_rate > 0))
        tick.spawn_rate = 1;
    if (tick.users < 0)
        tick.users = 0;
    if (env->step_ns && tick.users == env->aim.users && tick.classes == env->aim.classes &&
        !(tick.spawn_rate < env->aim.spawn_rate) && !(tick.spawn_rate > env->aim.spawn_rate))
        return;
    locust__log_print(&env->log, LOCUST__INFO, "locust.runners",
        "Ramping to %d users at a rate of %.2f per second", tick.users, tick.spawn_rate);
    if (tick.classes != env->chosen) {
        env->chosen = tick.classes;
        locust__dispatch_restart(env, false);
    }
    env->aim = tick;
    env->users.spawned = false;
    env->step_ns = locust__os_now_ns();
}

/* The stage that runs now. Its users come evenly over its time. A stage without a duration jumps:
 * its users come at the first tick of the next one. */
static bool locust__stages_tick(locust_env *env, locust_tick *tick)
{
    double end = 0, now = (double)(locust__os_now_ns() - env->start_ns) / 1e9, seconds;
    int from = 0, to;
    bool jumps = false;
    for (int i = 0; i < env->n_stages; i++) {
        to = env->stages[i].users;
        seconds = env->stages[i].seconds;
        end += seconds;
        if (now < end) {
            bool first = jumps && now - (end - seconds) < 1;
            seconds -= jumps; // a second of it is gone
            tick->users = first && seconds > 0 ? from : to;
            tick->spawn_rate =
                first || !(seconds > 0) ? 1e9 : (to > from ? to - from : from - to) / seconds;
            return true;
        }
        jumps = !(seconds > 0);
        from = to;
    }
    return false;
}

/* Locust's step: max(1, floor(rate)) users, then a pause of as long as they take at that rate. Stages
 * are smoother: up to a hundred steps a second. */
static void locust__runner_step(locust_env *env) LOCUST__PARKS
{
    double rate = env->aim.spawn_rate;
    int missing = env->aim.users - env->placed, most = missing < 0 ? -missing : missing;
    double per_step = env->shape == locust__stages_tick ? rate / 100 : rate;
    int step = per_step < 1 ? 1 : per_step > INT_MAX ? INT_MAX : (int)per_step;
    int n = most < step ? most : step;
    env->step_ns = locust__base_after(env->step_ns, locust__base_ns(step / rate));
    if (missing > 0) {
        int started = locust__runner_spawn_step(env, n);
        env->placed += started;
        if (started < n && !env->stop_requested)
            env->aim.users = env->placed; // no class takes any more, or memory ran out
    } else {
        locust__runner_take_down(env, n);
        env->placed -= n;
    }
    if (env->placed == env->aim.users)
        locust__runner_arrive(env);
}

/* The end of the run time; LOCUST__NEVER: there is no limit. */
static int64_t locust__runner_limit_ns(const locust_env *env)
{
    return env->options.run_time_s > 0 && !env->shape
               ? locust__base_after(env->start_ns, locust__base_ns(env->options.run_time_s))
               : LOCUST__NEVER;
}

static void locust__runner_set_end(locust_env *env)
{
    double seconds = 0;
    int64_t stages_ns;
    env->end_ns = locust__runner_limit_ns(env);
    for (int i = 0; i < env->n_stages; i++)
        seconds += env->stages[i].seconds;
    stages_ns = locust__base_after(env->start_ns, locust__base_ns(seconds));
    if (env->n_stages && !env->shape && stages_ns < env->end_ns)
        env->end_ns = stages_ns;
}
