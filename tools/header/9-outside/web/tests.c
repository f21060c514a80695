/* ============================================================================================
 * >>web_tests  the tests that the web interface asks for
 *
 * Purpose     runs one test after the other, as the form, --autostart and --autoquit say, until the
 *             program is to end.
 * Invariants  one test at a time. Each begins with clean figures, and with the classes, hosts and
 *             options that were asked for since.
 * Names       locust__tests_
 * Uses        >>co >>sync >>stats >>httpd >>runner >>fleet_master >>web >>web_swarm >>web_site
 * Sources     Locust 2.47 (reference runs): states, log lines.
 * ============================================================================================ */

/* With workers, those of a master that listens already. */
LOCUST__COLD static void locust__tests_drive(locust_env *env) LOCUST__PARKS
{
#if LOCUST__WITH_FLEET
    if (env->options.master) {
        locust__master_test(env->crew);
        env->crew->testing = false;
        return;
    }
#endif
    locust__runner_run(env);
}

LOCUST__COLD static void locust__tests_one(locust__web *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    w->start_due = false;
    locust__runner_init(env);
    if (env->quitting)
        return;
    locust__swarm_apply(w);
    locust__stats_reset(&env->stats, locust__os_now_ns());
    locust__stats_hide(&env->stats);
    env->users.spawned = false;
    w->seen.testing = w->seen.stopped = true;
    w->seen.tests++;
    w->seen.start_wall_ns = locust__os_wall_ns();
    locust__tests_drive(env);
    w->seen.testing = false;
    while (w->stops.first)
        locust__co_wake(&env->loop, w->stops.first, LOCUST__WAKE_EVENT);
}

/* When the program is to end by itself, now that a test is over. */
LOCUST__COLD static int64_t locust__tests_quit_ns(const locust_env *env)
{
    int s = env->options.autoquit_s;
    return !s ? LOCUST__NEVER : locust__os_now_ns() + (s > 0 ? s : 0) * LOCUST__S;
}

/* Begins what outlives a test. False: it cannot be. */
static bool locust__tests_begin(locust__web *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    if (!locust__httpd_start(&w->serve)) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.main", "out of memory");
        return false;
    }
#if LOCUST__WITH_FLEET
    if (env->options.master) {
        env->crew->again = true;
        return locust__master_begin(env) &&
               (!env->options.autostart || locust__master_await(env->crew));
    }
#endif
    return true;
}

static void locust__tests_finish(locust__web *w) LOCUST__PARKS
{
#if LOCUST__WITH_FLEET
    if (w->env->options.master)
        locust__master_finish(w->env);
#endif
    locust__httpd_stop(&w->serve);
}

/* Serves and tests until a signal, or --autoquit. */
LOCUST__COLD static void locust__tests_run(locust__web *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    int64_t quit_ns = LOCUST__NEVER;
    w->serve.answer = locust__site_answer;
    bool good = locust__tests_begin(w);
    w->start_due = env->options.autostart;
    while (good && !env->quitting && locust__os_now_ns() < quit_ns) {
        if (w->start_due) {
            locust__tests_one(w);
            if (env->options.autoquit_s)
                quit_ns = locust__tests_quit_ns(env);
        } else {
            locust__queue_wait(&env->loop, &env->stop_waiters, quit_ns);
        }
    }
    if (!env->quitting && env->options.autoquit_s)
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.main", "--autoquit time reached, shutting down");
    locust__tests_finish(w);
}
