/* ============================================================================================
 * >>web_data  Locust's figures as JSON
 *
 * Purpose     what /stats/requests, /exceptions and /tasks answer, and what the page and the report
 *             have of the same.
 * Invariants  names, types and order are Locust's: counts and percentiles are whole numbers, all
 *             else has a point; a figure of nothing is 0 or 0.0 as there.
 * Cost        a sort of the rows; 500 of them and the total.
 * Names       locust__data_
 * Uses        >>entry >>stats >>json_out >>task >>class >>fleet_roll >>figures >>history
 *             >>web_seen
 * Sources     Locust 2.47 (reference runs).
 * Limits      the error of a failure is the kit's own sentence, and the traceback of a failed task
 *             its place in the test.
 * ============================================================================================ */

enum { LOCUST__DATA_ROWS = 500 }; // beside the total, as in Locust

LOCUST__COLD static void locust__data_int(locust__json_out *j, const char *name, int64_t number)
{
    locust__json_out_name(j, name);
    locust__json_out_int(j, number);
}

LOCUST__COLD static void locust__data_float(locust__json_out *j, const char *name, double number)
{
    locust__json_out_name(j, name);
    locust__seen_float(j, number);
}

LOCUST__COLD static void locust__data_text(locust__json_out *j, const char *name, const char *text)
{
    locust__json_out_name(j, name);
    locust__json_out_text(j, text);
}

LOCUST__COLD static void locust__data_bool(locust__json_out *j, const char *name, bool truth)
{
    locust__json_out_name(j, name);
    locust__json_out_bool(j, truth);
}

/* A float of something that was counted; else the whole number 0. */
LOCUST__COLD static void locust__data_maybe(
    locust__json_out *j, const char *name, double number, bool any)
{
    if (any)
        locust__data_float(j, name, number);
    else
        locust__data_int(j, name, 0);
}

/* Half up on whole milliseconds, as Locust's page shows the least and the longest time. */
LOCUST__COLD static double locust__data_whole_ms(double ns)
{
    return (double)(int64_t)(ns / 1e6 + 0.5);
}

LOCUST__COLD static void locust__data_row(
    locust__json_out *j, const locust__figures_view *v, const locust__entry *row)
{
    bool any = row->requests > 0;
    locust__figures_view all = *v;
    double rps, fps;
    all.rates = LOCUST__FIGURES_MEASURED;
    locust__stats_current_rates(&v->env->stats, row, v->now_ns, &rps, &fps);
    locust__json_out_begin(j, '{');
    locust__data_maybe(
        j, "avg_content_length", locust__figures_value(v, row, LOCUST__FIGURE_SIZE), any);
    locust__data_float(
        j, "avg_response_time", locust__figures_value(v, row, LOCUST__FIGURE_AVG) / 1e6);
    locust__data_maybe(j, "current_fail_per_sec", fps, any);
    locust__data_maybe(j, "current_rps", rps, any);
    locust__data_float(j, "max_response_time",
        locust__data_whole_ms(locust__figures_value(v, row, LOCUST__FIGURE_MAX)));
    locust__data_int(j, "median_response_time",
        locust__seen_rounded_ms(locust__figures_value(v, row, LOCUST__FIGURE_MEDIAN)));
    locust__data_text(j, "method", row->method);
    locust__data_maybe(j, "min_response_time",
        locust__data_whole_ms(locust__figures_value(v, row, LOCUST__FIGURE_MIN)), any);
    locust__data_text(j, "name", row->name);
    locust__data_int(j, "num_failures", (int64_t)row->failures);
    locust__data_int(j, "num_requests", (int64_t)row->requests);
    locust__data_int(j, "response_time_percentile_0.95",
        locust__seen_rounded_ms(locust__figures_value(v, row, LOCUST__FIGURE_P95)));
    locust__data_int(j, "response_time_percentile_0.99",
        locust__seen_rounded_ms(locust__figures_value(v, row, LOCUST__FIGURE_P99)));
    locust__data_float(
        j, "total_fail_per_sec", locust__figures_value(&all, row, LOCUST__FIGURE_FPS));
    locust__data_float(j, "total_rps", locust__figures_value(&all, row, LOCUST__FIGURE_RPS));
    locust__json_out_end(j, '}');
}

/* Does a list show row i of n, the last being the total? */
LOCUST__COLD static bool locust__data_shows(size_t i, size_t n)
{
    return i < LOCUST__DATA_ROWS || i + 1 == n;
}

/* The rows by name, the total last. */
LOCUST__COLD static void locust__data_rows(locust__json_out *j, locust__seen *t)
{
    locust__figures_view v = {.env = t->env, .now_ns = locust__os_now_ns()};
    size_t n;
    locust__entry **rows = locust__figures_rows(&t->env->stats, &n);
    locust__json_out_begin(j, '[');
    for (size_t i = 0; rows && i < n; i++)
        if (locust__data_shows(i, n))
            locust__data_row(j, &v, rows[i]);
    locust__json_out_end(j, ']');
    j->out->failed |= !rows;
    LOCUST_FREE(rows);
}

LOCUST__COLD static void locust__data_errors(locust__json_out *j, const locust__seen *t)
{
    const locust__stats_failure *f;
    locust__json_out_begin(j, '[');
    for (size_t i = 0;
         i < LOCUST__DATA_ROWS && (f = locust__stats_failure_at(&t->env->stats, i)) != NULL; i++) {
        locust__json_out_begin(j, '{');
        locust__data_text(j, "error", f->text);
        locust__data_float(j, "first_seen", (double)(f->first_wall_ns / 1000) / 1e6);
        locust__data_float(j, "last_seen", (double)(f->last_wall_ns / 1000) / 1e6);
        locust__data_text(j, "method", f->row->method);
        locust__data_text(j, "name", f->row->name);
        locust__data_int(j, "occurrences", (int64_t)f->occurrences);
        locust__json_out_end(j, '}');
    }
    locust__json_out_end(j, ']');
}

/* Failed tasks. */
LOCUST__COLD static void locust__data_exceptions(locust__json_out *j, const locust__seen *t)
{
    const locust__stats_exception *e;
    locust__json_out_begin(j, '[');
    for (size_t i = 0;
         i < LOCUST__DATA_ROWS && (e = locust__stats_exception_at(&t->env->stats, i)) != NULL;
         i++) {
        locust__json_out_begin(j, '{');
        locust__data_int(j, "count", (int64_t)e->times);
        locust__data_text(j, "msg", e->text);
        locust__data_text(j, "nodes", "local");
        locust__data_text(j, "traceback", e->place);
        locust__json_out_end(j, '}');
    }
    locust__json_out_end(j, ']');
}

/* The median (0) or the 95th percentile (1) of the latest slice of the test. */
LOCUST__COLD static int64_t locust__data_recent_ms(const locust__seen *t, int which)
{
    const locust__history *h = t->history;
    return t->testing && h->n && t->env->stats.total.requests
               ? locust__seen_rounded_ms((double)h->slices[h->n - 1].times_ns[which])
               : 0;
}

/* The workers of a master. */
static void locust__data_workers(locust__json_out *j, const locust_env *env)
{
#if LOCUST__WITH_FLEET
    locust__roll worker;
#endif
    locust__json_out_begin(j, '[');
#if LOCUST__WITH_FLEET
    for (int i = 0; locust__roll_at(env, i, &worker); i++) {
        locust__json_out_begin(j, '{');
        locust__data_float(j, "cpu_usage", worker.cpu_usage);
        locust__data_text(j, "id", worker.id);
        locust__data_int(j, "memory_usage", (int64_t)worker.memory_usage);
        locust__data_text(j, "state", worker.state);
        locust__data_int(j, "user_count", worker.user_count);
        locust__json_out_end(j, '}');
    }
#else
    (void)env;
#endif
    locust__json_out_end(j, ']');
}

/* /stats/requests */
LOCUST__COLD static void locust__data_requests(locust__json_out *j, locust__seen *t)
{
    const locust_env *env = t->env;
    const locust__entry *total = &env->stats.total;
    locust__figures_view v = {
        .env = env, .now_ns = locust__os_now_ns(), .rates = LOCUST__FIGURES_MEASURED};
    bool any = total->requests > 0;
    double rps, fps;
    locust__stats_current_rates(&env->stats, total, v.now_ns, &rps, &fps);
    locust__json_out_begin(j, '{');
    locust__data_maybe(j, "current_fail_per_sec", fps, any);
    locust__json_out_name(j, "current_response_time_percentiles");
    locust__json_out_begin(j, '{');
    locust__data_int(j, "response_time_percentile_0.5", locust__data_recent_ms(t, 0));
    locust__data_int(j, "response_time_percentile_0.95", locust__data_recent_ms(t, 1));
    locust__json_out_end(j, '}');
    locust__data_maybe(j, "current_rps", rps, any);
    locust__json_out_name(j, "errors");
    locust__data_errors(j, t);
    locust__data_float(
        j, "fail_ratio", locust__figures_value(&v, total, LOCUST__FIGURE_FAIL_RATIO));
    locust__data_text(j, "state", locust__seen_state(t));
    locust__json_out_name(j, "stats");
    locust__data_rows(j, t);
    locust__data_float(
        j, "total_fail_per_sec", locust__figures_value(&v, total, LOCUST__FIGURE_FPS));
    locust__data_float(j, "total_rps", locust__figures_value(&v, total, LOCUST__FIGURE_RPS));
    locust__data_int(j, "user_count", env->users.alive);
    if (env->options.master) {
        locust__data_int(j, "worker_count", locust__seen_workers(t));
        locust__json_out_name(j, "workers");
        locust__data_workers(j, env);
    }
    locust__json_out_end(j, '}');
}

/* The next task by its name, behind `after`; NULL: there is none. Tasks of one name are one. */
LOCUST__COLD static const locust_task *locust__data_next_task(
    const locust_task *tasks, const char *after)
{
    const locust_task *next = NULL;
    for (; tasks && (tasks->fn || tasks->set); tasks++)
        if (locust__task_weight(tasks) && (!after || strcmp(tasks->name, after) > 0) &&
            (!next || strcmp(tasks->name, next->name) < 0))
            next = tasks;
    return next;
}

/* The tasks of a class or a task set that has `share` of all task runs, by name. In the total,
 * tasks are shares of the whole; else of their set. */
LOCUST__COLD static void locust__data_tasks(locust__json_out *j, // NOLINT(misc-no-recursion)
    const locust_task *tasks, int depth, double share, bool total)
{
    int weights = 0;
    const locust_task *one = NULL;
    for (const locust_task *t = tasks; t && (t->fn || t->set); t++)
        weights += locust__task_weight(t);
    locust__json_out_begin(j, '{');
    while ((one = locust__data_next_task(tasks, one ? one->name : NULL)) != NULL) {
        int weight = 0;
        double part;
        for (const locust_task *t = tasks; t->fn || t->set; t++)
            weight += strcmp(t->name, one->name) == 0 ? locust__task_weight(t) : 0;
        part = share * weight / (weights ? weights : 1);
        locust__json_out_name(j, one->name);
        locust__json_out_begin(j, '{');
        locust__data_float(j, "ratio", part);
        if (one->set && depth < LOCUST__PLAN_DEPTH) {
            locust__json_out_name(j, "tasks");
            locust__data_tasks(j, one->set->tasks, depth + 1, total ? part : 1, total);
        }
        locust__json_out_end(j, '}');
    }
    locust__json_out_end(j, '}');
}

/* /tasks: the share of each class among the users, and of its tasks. */
LOCUST__COLD static void locust__data_ratios(locust__json_out *j, const locust__seen *t)
{
    const locust_env *env = t->env;
    int sum = 0;
    for (int i = 0; i < env->n_classes; i++)
        sum += env->classes[i].alive;
    locust__json_out_begin(j, '{');
    for (int total = 0; total < 2; total++) {
        locust__json_out_name(j, total ? "total" : "per_class");
        locust__json_out_begin(j, '{');
        for (int i = 0; i < env->n_classes; i++) {
            const locust__class *cls = &env->classes[i];
            double share = (double)cls->alive / (sum ? sum : 1);
            locust__json_out_name(j, cls->as->name);
            locust__json_out_begin(j, '{');
            locust__data_float(j, "ratio", share);
            locust__json_out_name(j, "tasks");
            locust__data_tasks(j, cls->as->tasks, 0, total ? share : 1, total);
            locust__json_out_end(j, '}');
        }
        locust__json_out_end(j, '}');
    }
    locust__json_out_end(j, '}');
}
