/* -- running -- */

static void locust__runner_request_stop(locust_env *env)
{
    env->stop_requested = env->users.closing = true;
    while (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WOKEN);
}

/* Sleeps until then, or until the test is asked to stop or has nothing left to do. */
static void locust__runner_pause(locust_env *env, int64_t until_ns) LOCUST__PARKS
{
    if (!env->stop_requested && locust__os_now_ns() < until_ns)
        locust__queue_wait(&env->loop, &env->stop_waiters, until_ns);
}

/* Starts n users, with a turn for the loop every millisecond. Returns how many it started. */
static int locust__runner_spawn_step(locust_env *env, int n) LOCUST__PARKS
{
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    for (int i = 0; i < n; i++) {
        locust__class *cls = locust__dispatch_next(env);
        if (!cls || env->stop_requested || env->users.iterations_left == 0)
            return i;
        if (!locust__user_start(&env->users, cls)) {
            locust__log_print(&env->log, LOCUST__ERROR, "locust.runners",
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

static void locust__runner_log_spawned(const locust_env *env)
{
    locust__buf text = {NULL, 0, 0, false};
    for (int i = 0; i < env->n_classes; i++)
        locust__buf_printf(
            &text, "%s\"%s\": %d", i ? ", " : "", env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__INFO, "locust.runners",
        "All users spawned: {%.*s} (%d total users)", (int)text.len, text.len ? text.ptr : "",
        env->users.alive);
    locust__buf_free(&text);
}

/* -- ramps: from the users there are to those there shall be -- */

/* Takes n users down, the latest first: at once, or when their tasks are done or the stop timeout is
 * over. */
static void locust__runner_take_down(locust_env *env, int n)
{
    int64_t timeout_ns = locust__base_ns(env->options.stop_timeout_s);
    for (locust__user *user = env->users.last, *before; user && n; user = before) {
        before = user->prev;
        if (user->stopping)
            continue;
        n--;
        user->stopping = true;
        locust__users_uncount(user);
        user->cut_ns = locust__base_after(locust__os_now_ns(), timeout_ns);
        if (user->cls->as->fixed_count > 0)
            env->fixed[user->cls - env->classes]++;
        if (!timeout_ns || user->waiting)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->reap_ns)
            env->reap_ns = user->cut_ns;
    }
}

/* Cuts those short who were taken down and are not done in time. */
static void locust__runner_reap(locust_env *env, int64_t now_ns)
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
