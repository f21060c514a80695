/* ============================================================================================
 * >>runner  a test from its first user to its last
 *
 * Purpose     drives ramps and arrivals for the run time, then stops the users.
 * Names       locust__runner_
 * Uses        >>co >>sync >>lookup >>pool >>life >>env >>dispatch >>usage >>ramp >>pace
 * ============================================================================================ */

/* Is there nothing left to do? */
static bool locust__runner_is_done(const locust_env *env)
{
    bool through = // nobody will come
        env->step_ns == LOCUST__NEVER && !env->shape && !env->services.recorder.has_arrivals;
    return env->users.limited && !env->users.alive && (env->users.iterations_left == 0 || through);
}

static void locust__runner_on_empty(locust_env *env)
{
    if (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WAKE_EVENT);
}

/* Do all users arrive? */
static bool locust__runner_is_open(const locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++)
        if (!env->classes[i].arrivals)
            return false;
    return true;
}

/* Runs ramps until the test is over; says why it is, unless somebody asked for it. */
static void locust__runner_drive(locust_env *env) LOCUST__PARKS
{
    int64_t end_ns = env->end_ns;
    int64_t tick_ns = env->shape ? env->start_ns : LOCUST__NEVER, now, next;
    const char *why = NULL;
    locust_tick tick = {.users = env->options.users, .spawn_rate = env->options.spawn_rate};
    if (locust__runner_is_open(env))
        locust__ramp_rest(env); // nobody is spawned
    else if (!env->shape)
        locust__ramp_aim(env, tick);
    while (!env->stop_requested && !why) {
        now = locust__os_now_ns();
        if (now >= end_ns)
            why = end_ns == locust__ramp_limit_ns(env) ? "--run-time limit reached, shutting down"
                                                       : "All stages are over, shutting down";
        else if (locust__runner_is_done(env))
            why = "All iterations are done, shutting down";
        else if (now >= tick_ns) {
            tick = (locust_tick){.users = 0};
            why = env->shape(env, &tick) ? NULL : "Shape test stopping";
        }
        if (why)
            break;
        if (now >= tick_ns) {
            locust__ramp_aim(env, tick);
            tick_ns += LOCUST__S;
        }
        if (now >= env->reap_ns)
            locust__ramp_reap(env, now);
        if (now >= env->warm_ns) {
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
                "The warm-up is over, requests count from now on");
            env->warm_ns = LOCUST__NEVER;
            locust__usage_watch(env);
        }
        if (env->users.iterations_left == 0)
            locust__ramp_rest(env); // who came now would find nothing to do
        if (now >= env->step_ns)
            locust__ramp_step(env);
        next = env->step_ns < tick_ns ? env->step_ns : tick_ns;
        next = next < end_ns ? next : end_ns;
        next = next < env->warm_ns ? next : env->warm_ns;
        if (!locust__runner_is_done(env))
            locust__env_pause(env, next < env->reap_ns ? next : env->reap_ns);
    }
    if (why && !env->stop_requested)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "%s", why);
}

/* Takes the users down: at once, or when their tasks are done or the stop timeout is over. */
static void locust__runner_stop_users(locust_env *env) LOCUST__PARKS
{
    double timeout_s = env->options.stop_timeout_s;
    locust__life_stop_all(&env->users, !(timeout_s > 0));
    if (timeout_s > 0 && locust__wait_group_join(&env->loop, &env->users.group,
                             locust__time_after(locust__os_now_ns(), locust__time_ns(timeout_s))) ==
                             LOCUST__WAKE_TIMEOUT) {
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "Not all users finished their tasks & terminated in %.1f seconds. Stopping them...",
            timeout_s);
        locust__life_stop_all(&env->users, true);
    }
    locust__wait_group_join(&env->loop, &env->users.group, LOCUST__NEVER);
}

/* Puts everything to where a run begins. */
static void locust__runner_init(locust_env *env)
{
    env->stop_requested = env->users.closing = env->users.told = false;
    env->users.setup_error = NULL;
    env->users.iterations_left = env->options.iterations > 0 ? env->options.iterations : -1;
    env->users.limited = env->single || env->options.iterations > 0;
    for (int i = 0; i < env->n_classes; i++)
        env->users.limited |= env->classes[i].as->iterations > 0 && !env->classes[i].arrivals;
    env->chosen = NULL;
    env->placed = 0;
    env->step_ns = 0;
    env->reap_ns = LOCUST__NEVER;
    env->pace = 1;
    env->end_ns = LOCUST__NEVER;
    env->until.at_ns = 0;
    locust__dispatch_init(env);
}

/* The whole test, from on_test_start to on_test_stop. Called in a coroutine of its own. */
static void locust__runner_run(locust_env *env) LOCUST__PARKS
{
    env->start_ns = locust__os_now_ns();
    locust__usage_begin(env);
    locust__ramp_set_end(env);
    LOCUST__ENV_FIRE(env, on_test_start, env);
    locust__pace_start(env);
    locust__runner_drive(env);
    env->until = locust__usage_now(env);
    if (env->warm_ns < LOCUST__NEVER)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "--warm-up was longer than the run: nothing was counted");
    locust__pace_stop(env);
    env->stop_requested = true;
    if (env->users.setup_error)
        locust__log_print(
            &env->log, LOCUST__LOG_ERROR, "locust.runners", "%s", env->users.setup_error);
    LOCUST__ENV_FIRE(env, on_test_stopping, env);
    env->users.told = true;
    locust__runner_stop_users(env);
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared);
    locust__lookup_stop(&env->services.resolver);
    LOCUST__ENV_FIRE(env, on_test_stop, env);
}
