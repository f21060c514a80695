/* ============================================================================================
 * >>runner  a test from its first user to its last
 *
 * Purpose     drives ramps for the run time beside the pacers of arrivals, then stops the users.
 * Invariants  a test ends in this order: arrivals that wait are dropped; on_test_stopping;
 *             users.told, from when on a user may run its on_stop; users are stopped, the last one
 *             ends; the connections that they shared are closed; on_test_stop.
 * Names       locust__runner_
 * Uses        >>co >>misuse >>sync >>stats >>lookup >>pool >>user >>life >>stages >>dispatch
 *             >>env >>usage >>warm_up >>ramp >>pace >>step
 * Sources     Locust 2.46 (reference run): log lines word for word; a shape is asked once a second.
 * ============================================================================================ */

/* Have all users done what they may do, so that nothing happens any more? */
static bool locust__runner_is_done(const locust_env *env)
{
    bool nobody_will_come =
        env->ramp.batch_ns == LOCUST__NEVER && !env->shape && !env->services.recorder.has_arrivals;
    return env->users.limited && !env->users.alive &&
           (env->users.iterations_left == 0 || nobody_will_come);
}

/* Do all users arrive? */
static bool locust__runner_is_open(const locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++)
        if (!env->classes[i].arrivals)
            return false;
    return true;
}

/* When --run-time is over; LOCUST__NEVER: there is no limit. A shape ends by itself. */
static int64_t locust__runner_limit_ns(const locust_env *env)
{
    double seconds = env->options.run_time_s;
    if (env->shape || !(seconds > 0))
        return LOCUST__NEVER;
    return locust__time_after(
        env->asked_ns ? env->asked_ns : env->start_ns, locust__time_ns(seconds));
}

/* When the run is over: by --run-time, or with the last stage of arrivals. */
static int64_t locust__runner_end_ns(const locust_env *env)
{
    int64_t end_ns = locust__runner_limit_ns(env), stages_ns;
    if (!env->stages.n || env->shape)
        return end_ns;
    stages_ns =
        locust__time_after(env->start_ns, locust__time_ns(locust__stages_seconds(&env->stages)));
    return stages_ns < end_ns ? stages_ns : end_ns;
}

/* Why the test is over, for the log; NULL: it goes on. */
static const char *locust__runner_over(const locust_env *env, int64_t now_ns)
{
    if (now_ns >= env->end_ns)
        return env->end_ns == locust__runner_limit_ns(env)
                   ? "--run-time limit reached, shutting down"
                   : "All stages are over, shutting down";
    return locust__runner_is_done(env) ? "All iterations are done, shutting down" : NULL;
}

/* Does what is due. */
static void locust__runner_turn(locust_env *env, int64_t now_ns) LOCUST__PARKS
{
    if (now_ns >= env->ramp.reap_ns)
        locust__ramp_reap(env, now_ns);
    if (now_ns >= env->warm_ns)
        locust__warm_up_end(env);
    if (env->users.iterations_left == 0)
        locust__ramp_rest(env); // a user that came now would find nothing to do
    if (now_ns >= env->ramp.batch_ns)
        locust__ramp_batch(env);
}

/* When something is due again. */
static int64_t locust__runner_next_ns(const locust_env *env, int64_t tick_ns)
{
    const int64_t due[] = {env->ramp.batch_ns, env->ramp.reap_ns, env->warm_ns, env->end_ns};
    int64_t next_ns = tick_ns;
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        if (due[i] < next_ns)
            next_ns = due[i];
    return next_ns;
}

/* Asks the load shape. False: the test is over, or the shape has broken a rule. */
static bool locust__runner_ask_shape(locust_env *env, locust_tick *tick)
{
    locust__callback c;
    volatile bool goes_on = false;
    locust__callback_begin(&c, &env->loop, "the .shape of the test");
    if (setjmp(c.back) == 0)
        goes_on = env->shape(env, tick);
    locust__callback_end(&c);
    return goes_on;
}

/* Takes over what was asked for meanwhile. */
static void locust__runner_take_asked(locust_env *env)
{
    env->asked_due = false;
    env->end_ns = locust__runner_end_ns(env);
    if (!env->shape && !locust__runner_is_open(env))
        locust__ramp_aim(env, env->asked);
}

/* Runs ramps until the test is over. Says why it is, unless somebody asked for the end. */
static void locust__runner_drive(locust_env *env) LOCUST__PARKS
{
    int64_t tick_ns = env->shape ? env->start_ns : LOCUST__NEVER;
    const char *why = NULL;
    locust_tick tick = {.users = env->options.users,
        .spawn_rate = env->options.spawn_rate,
        .classes = env->asked.classes};
    if (locust__runner_is_open(env))
        locust__ramp_rest(env); // nobody is spawned
    else if (!env->shape)
        locust__ramp_aim(env, tick);
    while (!env->stop_requested) {
        int64_t now_ns = locust__os_now_ns();
        if (env->asked_due)
            locust__runner_take_asked(env);
        why = locust__runner_over(env, now_ns);
        if (!why && now_ns >= tick_ns) {
            tick = (locust_tick){.users = 0};
            if (!locust__runner_ask_shape(env, &tick))
                why = "Shape test stopping";
        }
        if (why)
            break;
        if (now_ns >= tick_ns) {
            locust__ramp_aim(env, tick);
            tick_ns += LOCUST__S;
        }
        locust__runner_turn(env, now_ns);
        if (!locust__runner_is_done(env))
            locust__env_pause(env, locust__runner_next_ns(env, tick_ns));
    }
    if (why && !env->stop_requested)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "%s", why);
}

/* Takes all users down: at once, or when their tasks are done or the stop timeout is over. */
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

/* Puts everything to where a run begins: an environment may run more than once. */
static void locust__runner_init(locust_env *env)
{
    env->stop_requested = false;
    env->asked_due = false;
    env->asked_ns = 0;
    env->loop.few_stacks = 0;
    env->start_ns = 0;
    env->users.closing = false;
    env->users.told = false;
    env->users.setup_error = NULL;
    env->users.fed = (locust__users_fed){0, 0, 0};
    env->users.iterations_left = env->options.iterations > 0 ? env->options.iterations : -1;
    env->users.limited = env->single || env->options.iterations > 0;
    for (int i = 0; i < env->n_classes; i++)
        env->users.limited |= env->classes[i].as->iterations > 0 && !env->classes[i].arrivals;
    env->pace = 1;
    env->end_ns = LOCUST__NEVER;
    env->until.at_ns = 0;
    env->clock_set_ns = 0;
    locust__ramp_init(&env->ramp);
    locust__dispatch_begin(&env->dispatch);
}

/* Users may begin from here on. */
static void locust__runner_begin(locust_env *env)
{
    LOCUST__ENV_FIRE(env, on_test_start, .number = 0);
    locust__pace_start(env);
}

/* Ends all users, up to on_test_stop. */
static void locust__runner_end(locust_env *env) LOCUST__PARKS
{
    env->until = locust__usage_all(env);
    locust__stats_end(&env->stats, env->until.at_ns);
    if (env->warm_ns < LOCUST__NEVER)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "--warm-up was longer than the run: nothing was counted");
    locust__pace_stop(env);
    env->stop_requested = true;
    if (env->users.setup_error)
        locust__log_print(
            &env->log, LOCUST__LOG_ERROR, "locust.runners", "%s", env->users.setup_error);
    LOCUST__ENV_FIRE(env, on_test_stopping, .number = 0);
    env->users.told = true;
    locust__runner_stop_users(env);
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared);
    LOCUST__ENV_FIRE(env, on_test_stop, .number = 0);
}

/* From on_test_start to on_test_stop. */
static void locust__runner_users(locust_env *env) LOCUST__PARKS
{
    env->end_ns = locust__runner_end_ns(env);
    locust__runner_begin(env);
    locust__runner_drive(env);
    locust__runner_end(env);
}

/* The whole test. Called in a coroutine of its own. */
static void locust__runner_run(locust_env *env) LOCUST__PARKS
{
    bool ready = locust__step_run(env, env->test->setup, "setup");
    env->start_ns = locust__os_now_ns();
    locust__warm_up_begin(env);
    if (ready) {
        locust__runner_users(env);
        locust__step_run(env, env->test->teardown, "teardown");
    } else {
        env->until = locust__usage_now(env);
        env->stop_requested = true;
    }
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared); // a step may have used them
    locust__lookup_stop(&env->services.resolver);
}
