/* ============================================================================================
 * >>ramp  ramps: from the users there are to those there shall be
 *
 * Purpose     spawn and take down in Locust's steps, with a turn for the loop every millisecond.
 * Names       locust__ramp_
 * Uses        >>co >>switch >>class >>user >>start >>env >>dispatch >>usage >>stages
 * ============================================================================================ */

/* Starts n users, with a turn for the loop every millisecond. Returns how many it started. */
static int locust__ramp_spawn(locust_env *env, int n) LOCUST__PARKS
{
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    for (int i = 0; i < n; i++) {
        locust__class *cls = locust__dispatch_next(env);
        if (!cls || env->stop_requested || env->users.iterations_left == 0)
            return i;
        if (!locust__start_user(&env->users, cls)) {
            locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
                "out of memory after %d users: the test goes on with these", env->users.alive);
            return i;
        }
        if (i % 32 == 31 && locust__os_now_ns() >= slice_ns) {
            locust__co_yield(&env->loop);
            slice_ns = locust__os_now_ns() + LOCUST__MS;
        }
    }
    return n;
}

static void locust__ramp_log_spawned(const locust_env *env)
{
    locust__buf text = {NULL, 0, 0, false};
    for (int i = 0; i < env->n_classes; i++)
        locust__buf_printf(
            &text, "%s\"%s\": %d", i ? ", " : "", env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "All users spawned: {%.*s} (%d total users)", (int)text.len, text.len ? text.ptr : "",
        env->users.alive);
    locust__buf_free(&text);
}

/* Takes n users down, the latest first: at once, or when their tasks are done or the stop timeout is
 * over. */
static void locust__ramp_take_down(locust_env *env, int n)
{
    int64_t timeout_ns = locust__time_ns(env->options.stop_timeout_s);
    for (locust__user *user = env->users.last, *before; user && n; user = before) {
        before = user->prev;
        if (user->stopping)
            continue;
        n--;
        user->stopping = true;
        locust__start_uncount(user);
        user->cut_ns = locust__time_after(locust__os_now_ns(), timeout_ns);
        if (user->cls->as->fixed_count > 0)
            env->fixed[user->cls - env->classes]++;
        if (!timeout_ns || user->waiting)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->reap_ns)
            env->reap_ns = user->cut_ns;
    }
}

/* Cuts those short who were taken down and are not done in time. */
static void locust__ramp_reap(locust_env *env, int64_t now_ns)
{
    env->reap_ns = LOCUST__NEVER;
    for (locust__user *user = env->users.first; user; user = user->next) {
        if (!user->stopping || !user->cut_ns || user->co->cancelled)
            continue;
        if (user->cut_ns <= now_ns)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->reap_ns)
            env->reap_ns = user->cut_ns;
    }
}

/* No ramp runs from here on. */
static void locust__ramp_rest(locust_env *env)
{
    env->step_ns = LOCUST__NEVER;
    env->users.spawned = true;
    while (env->users.spawn_waiters.first)
        locust__co_wake(&env->loop, env->users.spawn_waiters.first, LOCUST__WAKE_EVENT);
}

/* The ramp is over; `users` of the aim are there, or as many as can be. */
static void locust__ramp_arrive(locust_env *env)
{
    locust__ramp_rest(env);
    locust__ramp_log_spawned(env);
    LOCUST__ENV_FIRE(env, on_spawning_complete, env, env->users.alive);
    if (env->options.reset_stats)
        locust__usage_reset_stats(env);
}

/* Begins a ramp, unless it is the one that runs. */
static void locust__ramp_aim(locust_env *env, locust_tick tick)
{
    if (!(tick.spawn_rate > 0))
        tick.spawn_rate = 1;
    if (tick.users < 0)
        tick.users = 0;
    if (env->step_ns && tick.users == env->aim.users && tick.classes == env->aim.classes &&
        !(tick.spawn_rate < env->aim.spawn_rate) && !(tick.spawn_rate > env->aim.spawn_rate))
        return;
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "Ramping to %d users at a rate of %.2f per second", tick.users, tick.spawn_rate);
    if (tick.classes != env->chosen) {
        env->chosen = tick.classes;
        locust__dispatch_restart(env, false);
    }
    env->aim = tick;
    env->users.spawned = false;
    env->step_ns = locust__os_now_ns();
}

/* Locust's step: max(1, floor(rate)) users, then a pause of as long as they take at that rate. Stages
 * are smoother: up to a hundred steps a second. */
static void locust__ramp_step(locust_env *env) LOCUST__PARKS
{
    double rate = env->aim.spawn_rate;
    int missing = env->aim.users - env->placed, most = missing < 0 ? -missing : missing;
    double per_step = env->shape == locust__stages_tick ? rate / 100 : rate;
    int step = per_step < 1 ? 1 : per_step > INT_MAX ? INT_MAX : (int)per_step;
    int n = most < step ? most : step;
    env->step_ns = locust__time_after(env->step_ns, locust__time_ns(step / rate));
    if (missing > 0) {
        int started = locust__ramp_spawn(env, n);
        env->placed += started;
        if (started < n && !env->stop_requested)
            env->aim.users = env->placed; // no class takes any more, or memory ran out
    } else {
        locust__ramp_take_down(env, n);
        env->placed -= n;
    }
    if (env->placed == env->aim.users)
        locust__ramp_arrive(env);
}

/* The end of the run time; LOCUST__NEVER: there is no limit. */
static int64_t locust__ramp_limit_ns(const locust_env *env)
{
    return env->options.run_time_s > 0 && !env->shape
               ? locust__time_after(env->start_ns, locust__time_ns(env->options.run_time_s))
               : LOCUST__NEVER;
}

static void locust__ramp_set_end(locust_env *env)
{
    double seconds = 0;
    int64_t stages_ns;
    env->end_ns = locust__ramp_limit_ns(env);
    for (int i = 0; i < env->n_stages; i++)
        seconds += env->stages[i].seconds;
    stages_ns = locust__time_after(env->start_ns, locust__time_ns(seconds));
    if (env->n_stages && !env->shape && stages_ns < env->end_ns)
        env->end_ns = stages_ns;
}
