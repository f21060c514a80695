/* ============================================================================================
 * >>step  .setup and .teardown of a test
 *
 * Purpose     runs a function of the test before the first user, or after the last one.
 * Invariants  nothing of it is counted. A step is cut when the test is asked to stop while it runs,
 *             so that a signal ends a teardown too.
 * Names       locust__step_
 * Uses        >>switch >>sync >>stats >>class >>user >>start
 * ============================================================================================ */

/* The class that the test names first, if it is still there. */
static locust__class *locust__step_class(locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].declared == env->test->users[0])
            return &env->classes[i];
    return env->classes;
}

/* Why the test cannot go on: the step has failed. */
static void locust__step_blame(locust_env *env, const char *name, const char *why)
{
    char text[640];
    if (env->users.setup_error || !why)
        return;
    snprintf(text, sizeof text, "%s failed: %s", name, why);
    env->users.setup_error = locust__stats_text(&env->stats, text);
}

/* Runs a step, if there is one. False: it failed, or it was cut. */
LOCUST__COLD static bool locust__step_run(
    locust_env *env, locust_task_fn fn, const char *name) LOCUST__PARKS
{
    locust__users *all = &env->users;
    const char *before = all->setup_error;
    int stops = env->stops;
    bool cut = false;
    if (!fn)
        return true;
    locust__log_print(
        &env->log, LOCUST__LOG_INFO, "locust.runners", "Running the %s of the test", name);
    if (!locust__start_step(all, locust__step_class(env), fn, name)) {
        all->step.over = true;
        all->step.failure = "out of memory";
    }
    while (!all->step.over) {
        locust__queue_wait(&env->loop, &env->stop_waiters, LOCUST__NEVER);
        if (env->stops != stops && !cut && !all->step.over) {
            cut = true;
            locust__co_cancel(&env->loop, all->step.co);
        }
    }
    locust__wait_group_join(&env->loop, &all->group, LOCUST__NEVER);
    locust__step_blame(env, name, all->step.failure);
    if (all->setup_error != before)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners", "%s", all->setup_error);
    return !cut && all->setup_error == before;
}
