/* ============================================================================================
 * >>ramp  from the users that there are to those asked for
 *
 * Purpose     spawn users and take them down at a rate, evenly. Locust does so once a second, all
 *             of a second at once: users with a constant wait then stay in step for the whole test.
 * Invariants  `placed` goes by what the ramp did, not by who is alive: a user that ends by itself
 *             is not replaced, as in Locust. A ramp that falls short of its aim is over, and is
 *             not tried again until the aim changes.
 * Cost        a start costs some 3 us: 50,000 users are up in a fifth of a second. The loop gets a
 *             turn every millisecond, so that spawning does not make running users look slow.
 * Names       locust__ramp_
 * Uses        >>co >>switch >>class >>user >>start >>dispatch >>env >>warm_up
 * Sources     Locust 2.46 and 2.47 (reference runs): log lines word for word.
 * ============================================================================================ */

enum { LOCUST__RAMP_BATCHES_PER_S = 1000 }; // at most: below as many users a second, one is a batch

/* Starts n users. Returns how many it started: fewer if the test is asked to stop meanwhile, or for
 * what *why says. */
static int locust__ramp_spawn(locust_env *env, int n, enum locust__env_short *why) LOCUST__PARKS
{
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    *why = LOCUST__ENV_SHORT_OF_NOTHING;
    for (int i = 0; i < n; i++) {
        locust__class *cls = locust__dispatch_next(&env->dispatch);
        if (env->stop_requested || env->users.iterations_left == 0)
            return i;
        if (!cls) {
            *why = LOCUST__ENV_SHORT_OF_CLASSES;
            return i;
        }
        if (!locust__start_user(&env->users, cls)) {
            *why = LOCUST__ENV_SHORT_OF_MEMORY;
            locust__dispatch_take_back(&env->dispatch, cls);
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

/* Called by the loop when users first wait for a stack. */
static void locust__ramp_no_stack(void *arg)
{
    const locust_env *env = arg;
    locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
        "out of memory for the stacks of more than %zu users: the others wait until one of these "
        "has done its task",
        env->loop.few_stacks);
}

static void locust__ramp_log_spawned(const locust_env *env, enum locust__env_short why)
{
    char text[1024] = ""; // no heap: memory may be what is short
    char only[64] = "All";
    size_t n = 0;
    if (why == LOCUST__ENV_SHORT_OF_MEMORY)
        snprintf(only, sizeof only, "Only %d of %d", env->ramp.placed, env->ramp.aim.users);
    for (int i = 0; i < env->n_classes && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%s\": %d", i ? ", " : "",
            env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "%s users spawned: {%s%s} (%d total users)", only, text, n < sizeof text ? "" : "...",
        env->users.alive);
}

/* Takes n users down, of one class or (cls NULL) of all, the latest first. A user that waits, or
 * that may not finish its task, is cut short at once; the others are cut by locust__ramp_reap when
 * the stop timeout is over. */
static void locust__ramp_take_down(locust_env *env, const locust__class *cls, int n)
{
    int64_t timeout_ns = locust__time_ns(env->options.stop_timeout_s);
    for (locust__user *user = env->users.last, *before; user && n; user = before) {
        before = user->prev;
        if (user->stopping || (cls && user->cls != cls))
            continue;
        n--;
        user->stopping = true;
        locust__start_uncount(user);
        user->cut_ns = locust__time_after(locust__os_now_ns(), timeout_ns);
        locust__dispatch_take_back(&env->dispatch, user->cls);
        if (!timeout_ns || user->waiting)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->ramp.reap_ns)
            env->ramp.reap_ns = user->cut_ns;
    }
}

/* Cuts those users short that were taken down and are not done in time; finds when the next one is
 * due. */
static void locust__ramp_reap(locust_env *env, int64_t now_ns)
{
    env->ramp.reap_ns = LOCUST__NEVER;
    for (locust__user *user = env->users.first; user; user = user->next) {
        if (!user->stopping || !user->cut_ns || user->co->cancelled)
            continue;
        if (user->cut_ns <= now_ns)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->ramp.reap_ns)
            env->ramp.reap_ns = user->cut_ns;
    }
}

/* No ramp runs from here on: users in locust_wait_spawned go on. */
static void locust__ramp_rest(locust_env *env)
{
    env->ramp.batch_ns = LOCUST__NEVER;
    env->users.spawned = true;
    while (env->users.spawn_waiters.first)
        locust__co_wake(&env->loop, env->users.spawn_waiters.first, LOCUST__WAKE_EVENT);
}

/* The ramp is over; `users` of the aim are there, or as many as can be. */
static void locust__ramp_arrive(locust_env *env, enum locust__env_short why)
{
    locust__ramp *ramp = &env->ramp;
    if (why && ramp->aim.users - ramp->placed > ramp->asked - ramp->got) {
        ramp->why = why;
        ramp->asked = ramp->aim.users;
        ramp->got = ramp->placed;
    }
    locust__ramp_rest(env);
    locust__ramp_log_spawned(env, why);
    LOCUST__ENV_FIRE(env, on_spawning_complete, .number = env->users.alive);
    if (env->options.reset_stats)
        locust__warm_up_reset_stats(env);
}

/* Begins a ramp, unless the tick asks for what the ramp that runs, or ran last, already aims at. */
static void locust__ramp_aim(locust_env *env, locust_tick tick)
{
    locust__ramp *ramp = &env->ramp;
    if (!(tick.spawn_rate > 0))
        tick.spawn_rate = 1;
    if (tick.users < 0)
        tick.users = 0;
    if (ramp->batch_ns && tick.users == ramp->aim.users && tick.classes == ramp->aim.classes &&
        !(tick.spawn_rate < ramp->aim.spawn_rate) && !(tick.spawn_rate > ramp->aim.spawn_rate))
        return;
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "Ramping to %d users at a rate of %.2f per second", tick.users, tick.spawn_rate);
    locust__dispatch_choose(&env->dispatch, tick.classes);
    ramp->aim = tick;
    env->users.spawned = false;
    ramp->batch_ns = locust__os_now_ns();
}

/* Starts or stops a batch: as many users as a thousand batches a second leave for one, at least
 * one. The next is due after as long as they take at the rate, counted from when this one was due,
 * so that late batches do not add up. */
static void locust__ramp_batch(locust_env *env) LOCUST__PARKS
{
    locust__ramp *ramp = &env->ramp;
    double rate = ramp->aim.spawn_rate, per_batch = rate / LOCUST__RAMP_BATCHES_PER_S;
    int missing = ramp->aim.users - ramp->placed, most = missing < 0 ? -missing : missing;
    int batch = per_batch < 1 ? 1 : per_batch > INT_MAX ? INT_MAX : (int)per_batch;
    int n = most < batch ? most : batch;
    enum locust__env_short why = LOCUST__ENV_SHORT_OF_NOTHING;
    ramp->batch_ns = locust__time_after(ramp->batch_ns, locust__time_ns(batch / rate));
    if (missing > 0) {
        ramp->placed += locust__ramp_spawn(env, n, &why);
    } else {
        locust__ramp_take_down(env, NULL, n);
        ramp->placed -= n;
    }
    if (ramp->placed == ramp->aim.users || why)
        locust__ramp_arrive(env, why);
}

static void locust__ramp_init(locust__ramp *ramp)
{
    *ramp = (locust__ramp){.reap_ns = LOCUST__NEVER};
}
