/* ============================================================================================
 * >>web_seen  a run as the web interface sees it
 *
 * Purpose     what its answers are made of: the environment, its checks and history, and in which
 *             state the test is, in Locust's words; the forms in which Locust writes numbers.
 * Names       locust__seen locust__seen_
 * Uses        >>json_out >>fleet_crew >>result >>csv >>history >>told
 * Sources     Locust 2.47 (reference run): states, and how it rounds response times.
 * ============================================================================================ */

typedef struct locust__seen {
    locust_env *env;
    locust__told told;
    const locust__history *history;
    char *profile;         // that the form gave; NULL: none
    bool testing;          // from set-up to teardown
    bool stopped;          // a stop was asked for, or a test has ended
    int tests;             // that were started
    int64_t start_wall_ns; // of what is counted
} locust__seen;

LOCUST__COLD static void locust__seen_init(
    locust__seen *s, locust_env *env, locust__result *result, const locust__history *history)
{
    memset(s, 0, sizeof *s);
    s->env = env;
    s->history = history;
    s->start_wall_ns = locust__os_wall_ns();
    locust__told_init(&s->told, env, result, history);
}

LOCUST__COLD static const char *locust__seen_state(const locust__seen *s)
{
    const locust_env *env = s->env;
    if (!s->testing)
        return s->stopped ? "stopped" : "ready";
    if (env->until.at_ns || env->stop_requested)
        return "cleanup";
    return env->users.spawned ? "running" : "spawning";
}

/* How many workers a master has that are not gone. */
static int locust__seen_workers(const locust__seen *s)
{
#if LOCUST__WITH_FLEET
    return s->env->crew ? locust__crew_living(s->env->crew) : 0;
#else
    (void)s;
    return 0;
#endif
}

/* The host of all classes; NULL: they have none, or not the same. *several: they have not. */
LOCUST__COLD static const char *locust__seen_host(const locust__seen *s, bool *several)
{
    const locust_env *env = s->env;
    const char *host = env->options.host ? env->options.host
                       : env->n_classes  ? env->classes->as->host
                                         : NULL;
    *several = false;
    for (int i = 0; !env->options.host && i < env->n_classes; i++) {
        const char *other = env->classes[i].as->host;
        *several |= !host != !other || (host && other && strcmp(host, other) != 0);
    }
    return *several ? NULL : host;
}

/* The name of the test's file. */
LOCUST__COLD static const char *locust__seen_program(const locust__seen *s)
{
    return s->env->program ? s->env->program : "test";
}

/* Milliseconds as Locust counts them: whole ones below 100, then two digits. */
LOCUST__COLD static int64_t locust__seen_rounded_ms(double ns)
{
    int64_t ms = locust__number_round(ns / 1e6), step = 1;
    while (ms / step >= 100)
        step *= 10;
    return step > 1 ? locust__number_round((double)ms / (double)step) * step : ms;
}

/* Writes a float as Python does. */
LOCUST__COLD static void locust__seen_float(locust__json_out *j, double x)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__csv_float(&text, x);
    locust__buf_add(&text, "", 1);
    locust__json_out_raw(j, text.failed ? "0.0" : text.ptr);
    locust__buf_free(&text);
}
