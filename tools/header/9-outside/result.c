/* ============================================================================================
 * >>result  what a run is judged by
 *
 * Purpose     generator, checks, baseline and search in one place; the exit code that follows.
 * Names       locust__result_
 * Uses        >>env >>generator >>check >>check_why >>baseline >>find >>remarks
 * ============================================================================================ */

typedef struct locust__result {
    locust_env *env;
    locust_generator generator;
    locust__checks checks;
    locust__baseline baseline;
    locust__find find;
    locust__remarks remarks;
    bool held; // all checks
} locust__result;

/* Reads the checks and the baseline. NULL, or what is wrong with them, perhaps in `text`. */
static const char *locust__result_init(locust__result *v, locust_env *env, char *text, size_t size)
{
    const locust_options *o = &env->options;
    const char *wrong = locust__checks_read(&v->checks, o->checks);
    v->env = v->find.env = env;
    if (!wrong)
        wrong = locust__checks_read(&v->find.checks, o->find_max);
    if (wrong) { // one that no command line has looked at
        char *why = locust__checks_why(o->checks, "--check");
        why = why ? why : locust__checks_why(o->find_max, "--find-max");
        snprintf(text, size, "%s", why ? why : "out of memory");
        LOCUST_FREE(why);
        return text;
    }
    if (o->find_max && !v->find.checks.n)
        return "--find-max takes what shall hold, such as 'p99<250ms'";
    if (o->find_max && o->stages)
        return "--find-max and --stages both say how many arrive: give one of them";
    wrong = LOCUST__WITH_REPORTS && o->baseline ? locust__baseline_read(&v->baseline, o->baseline)
                                                : NULL;
    if (wrong) {
        snprintf(text, size, "--baseline %s: %s", o->baseline, wrong);
        return text;
    }
    return NULL;
}

static void locust__result_free(locust__result *v)
{
    locust__checks_free(&v->checks);
    locust__find_free(&v->find);
    locust__baseline_free(&v->baseline);
}

/* Judges the run as of now: at its end. */
static void locust__result_judge(void *arg)
{
    locust__result *v = arg;
    v->generator = locust__generator_judge(v->env);
    v->held = locust__checks_judge(v->env, &v->checks);
    locust__remarks_collect(&v->remarks, v->env);
    if (locust__checks_allow_unanswered(&v->checks)) {
        locust__remarks_excuse(&v->remarks, "unanswered");
        locust__remarks_excuse(&v->remarks, "starved");
    }
    if (LOCUST__WITH_REPORTS && v->baseline.n && !locust__baseline_compare(&v->baseline, v->env)) {
        locust__log_print(&v->env->log, LOCUST__LOG_ERROR, "locust.main",
            "not compared with %s: out of memory", v->env->options.baseline);
        v->baseline.worse = true;
    }
}

/* The first that applies: set-up failed, generator at its limit, a check or the baseline broke, a
 * remark that fails the run, failed requests. A check that limits failures decides about them in
 * place of --exit-code-on-error. */
static int locust__result_exit_code(const locust__result *v)
{
    locust_env *env = v->env;
    bool found = !env->options.find_max || v->find.good > 0;
    if (env->users.setup_error)
        return 1;
    if (env->options.fail_on_generator_limit && !v->generator.ok)
        return LOCUST__EXIT_GENERATOR;
    if (!v->held || v->baseline.worse || !found)
        return LOCUST__EXIT_CHECK;
    if (locust__remarks_failed(&v->remarks))
        return env->options.exit_code_on_error;
    if (locust__checks_allow_failures(&v->checks) && !env->stats.n_exceptions)
        return 0;
    return locust__env_exit_code(env);
}
