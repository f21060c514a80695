/* ============================================================================================
 * >>result  what a run is judged by
 *
 * Purpose     generator, checks, baseline and search in one place; the exit code that follows, and
 *             why it is that.
 * Names       locust__result_
 * Uses        >>stats >>generator >>check >>check_why >>baseline >>find >>remarks
 * ============================================================================================ */

typedef struct locust__result {
    locust_env *env;
    locust_generator generator;
    locust__checks checks;
    locust__baseline baseline;
    locust__find find;
    locust__remarks remarks;
    int code;        // the exit code that follows
    char why[256];   // it is not 0
    bool own_code;   // the test itself has set another
    bool incomplete; // a report could not be written
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

/* The exit code of the run by itself, generator, checks and baseline aside: after a set-up that
 * failed, a remark that fails the run, failed requests and tasks. A check that limits failures
 * decides about those in place of --exit-code-on-error. `why`: not written to if it is 0. */
static int locust__result_run_code(const locust__result *v, char *why, size_t size)
{
    const locust_env *env = v->env;
    const locust__request_stats *st = &env->stats;
    const locust__remark *remark = locust__remarks_failed(&v->remarks);
    const locust__stats_exception *e;
    unsigned long long failed = st->total.failures, requests = st->total.requests, tasks = 0;
    int code = env->options.exit_code_on_error;
    if (env->users.setup_error) {
        snprintf(why, size, "%s", env->users.setup_error);
        return 1;
    }
    if (locust__checks_allow_failures(&v->checks))
        failed = 0;
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++)
        tasks += e->times;
    if (!code || !(remark || failed || tasks))
        return 0;
    if (failed)
        snprintf(why, size, "%llu of %llu requests failed", failed, requests);
    else if (tasks)
        snprintf(why, size, "%llu task%s failed", tasks, tasks == 1 ? "" : "s");
    else
        snprintf(why, size, "%s", remark->text);
    return code;
}

/* The same for the broken checks, the baseline and the search. */
static int locust__result_check_code(const locust__result *v, char *why, size_t size)
{
    size_t broken = 0;
    for (size_t i = 0; i < v->checks.n; i++)
        broken += !v->checks.all[i].held;
    if (broken)
        snprintf(why, size, "%zu of %zu checks do not hold", broken, v->checks.n);
    else if (v->baseline.worse)
        snprintf(why, size, "it is worse than the baseline");
    else if (v->env->options.find_max && !(v->find.good > 0))
        snprintf(why, size, "--find-max: no rate held");
    else
        return 0;
    return LOCUST__EXIT_CHECK;
}

/* The exit code of all, and why it is not 0. The first that applies: set-up failed, generator at
 * its limit, workers lost, a check or the baseline broke, the run by itself. */
static int locust__result_exit_code(const locust__result *v, char *why, size_t size)
{
    int code = locust__result_run_code(v, why, size), checks;
    if (v->env->users.setup_error) {
        snprintf(why, size, "the test's own set-up failed"); // the log has the sentence already
        return code;
    }
    if (v->env->options.fail_on_generator_limit && !v->generator.ok) {
        snprintf(why, size, "the generator limited the load");
        return LOCUST__EXIT_GENERATOR;
    }
    for (size_t i = 0; i < v->remarks.n && v->env->options.fail_on_lost_workers; i++)
        if (strcmp(v->remarks.all[i].key, "partial") == 0) {
            snprintf(why, size, "%s", v->remarks.all[i].text);
            return LOCUST__EXIT_LOST;
        }
    checks = locust__result_check_code(v, why, size);
    return checks ? checks : code;
}

/* Judges the run as of now: at its end. */
LOCUST__COLD static void locust__result_judge(void *arg)
{
    locust__result *v = arg;
    locust__locale locale = locust__locale_enter(); // sentences have a point in their numbers, too
    v->generator = locust__generator_judge(v->env);
    locust__checks_judge(v->env, &v->checks);
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
    v->code = locust__result_exit_code(v, v->why, sizeof v->why);
    locust__locale_leave(locale);
}
