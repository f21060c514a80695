/* ============================================================================================
 * >>web_args  what the page begins with
 *
 * Purpose     Locust's window.templateArgs of the page.
 * Names       locust__args_
 * Uses        >>json >>json_out >>task >>class >>own_option >>history >>web_seen >>web_data
 * Sources     Locust 2.47 (reference runs): all keys, in the order of their names.
 * Limits      a task that has more than LOCUST__ARGS_TIMES of the weight stands so often among the
 *             tasks of its class, not as often as it weighs.
 * ============================================================================================ */

enum { LOCUST__ARGS_TIMES = 100 };

/* The names of a class's tasks, each as often as it weighs. */
LOCUST__COLD static void locust__args_tasks(locust__json_out *j, const locust_task *tasks)
{
    locust__json_out_begin(j, '[');
    for (; tasks && (tasks->fn || tasks->set); tasks++)
        for (int i = 0; i < locust__task_weight(tasks) && i < LOCUST__ARGS_TIMES; i++)
            locust__json_out_text(j, tasks->name);
    locust__json_out_end(j, ']');
}

LOCUST__COLD static void locust__args_classes(locust__json_out *j, const locust_env *env)
{
    locust__json_out_begin(j, '[');
    for (int i = 0; i < env->n_classes; i++)
        locust__json_out_text(j, env->classes[i].as->name);
    locust__json_out_end(j, ']');
}

LOCUST__COLD static void locust__args_class_tasks(locust__json_out *j, const locust_env *env)
{
    locust__json_out_begin(j, '{');
    for (int i = 0; i < env->n_classes; i++) {
        locust__json_out_name(j, env->classes[i].as->name);
        locust__args_tasks(j, env->classes[i].declared->tasks);
    }
    locust__json_out_end(j, '}');
}

/* A weight: whole if it is. */
LOCUST__COLD static void locust__args_weight(locust__json_out *j, double weight)
{
    if (weight < 1e9 && weight > -1e9 && !(weight > (double)(int64_t)weight) &&
        !(weight < (double)(int64_t)weight))
        locust__json_out_int(j, (int64_t)weight);
    else
        locust__seen_float(j, weight);
}

LOCUST__COLD static void locust__args_users(locust__json_out *j, const locust_env *env)
{
    locust__json_out_begin(j, '{');
    for (int i = 0; i < env->n_classes; i++) {
        const locust__class *cls = &env->classes[i];
        locust__json_out_name(j, cls->as->name);
        locust__json_out_begin(j, '{');
        locust__data_int(j, "fixed_count", cls->as->fixed_count);
        locust__data_text(j, "host", cls->host);
        locust__json_out_name(j, "tasks");
        locust__args_tasks(j, cls->as->tasks);
        locust__json_out_name(j, "weight");
        locust__args_weight(j, cls->as->fixed_count > 0 ? 1 : locust__class_weight(cls->as));
        locust__json_out_end(j, '}');
    }
    locust__json_out_end(j, '}');
}

/* The name by which Python and the form know an option: --api-key is api_key. */
LOCUST__COLD static void locust__args_option_name(
    const locust_own_option *o, char *out, size_t size)
{
    snprintf(out, size, "%s", locust__own_option_name(o->name));
    for (char *p = out; *p; p++)
        *p = *p == '-' ? '_' : *p;
}

/* The value of an option of the test, in its type. */
LOCUST__COLD static void locust__args_option_value(locust__json_out *j, const locust_own_option *o)
{
    const char *text = locust__own_option_fallback(o);
    double number;
    int64_t whole;
    bool good = locust__own_option_read(o, text, &number, &whole);
    switch (locust__own_option_type(o)) {
    case LOCUST_OWN_FLAG:
        locust__json_out_bool(j, good && whole);
        break;
    case LOCUST_OWN_WHOLE:
        locust__json_out_int(j, good ? whole : 0);
        break;
    case LOCUST_OWN_NUMBER:
        locust__seen_float(j, good ? number : 0);
        break;
    default:
        locust__json_out_text(j, o->fallback);
    }
}

LOCUST__COLD static void locust__args_option(locust__json_out *j, const locust_own_option *o)
{
    locust__json_out_begin(j, '{');
    locust__json_out_name(j, "choices");
    if (locust__own_option_type(o) == LOCUST_OWN_CHOICE && o->choices) {
        locust__json_out_begin(j, '[');
        for (const char *p = o->choices; *p;) {
            size_t n = strcspn(p, ",");
            locust__json_out_next(j);
            locust__json_put_view(j->out, (locust__view){p, n});
            p += n + (p[n] == ',');
        }
        locust__json_out_end(j, ']');
    } else {
        locust__json_out_text(j, NULL);
    }
    locust__json_out_name(j, "default_value");
    locust__args_option_value(j, o);
    locust__data_text(j, "help_text", o->help);
    locust__data_bool(j, "is_multiple", false);
    locust__data_bool(j, "is_required", false);
    locust__data_bool(j, "is_secret", o->secret);
    locust__json_out_end(j, '}');
}

/* The test's own options by their names. */
LOCUST__COLD static void locust__args_options(locust__json_out *j, const locust_env *env)
{
    const locust_own_option *all = env->test->options;
    char last[64] = "";
    locust__json_out_begin(j, '{');
    for (;;) {
        const locust_own_option *next = NULL;
        char best[64] = "", name[64];
        for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && all[i].name; i++) {
            locust__args_option_name(&all[i], name, sizeof name);
            if (strcmp(name, last) > 0 && (!next || strcmp(name, best) < 0)) {
                next = &all[i];
                memcpy(best, name, sizeof best);
            }
        }
        if (!next)
            break;
        locust__json_out_name(j, best);
        locust__args_option(j, next);
        memcpy(last, best, sizeof last);
    }
    locust__json_out_end(j, '}');
}

/* A number that was given, or null. */
LOCUST__COLD static void locust__args_given(
    locust__json_out *j, const char *name, double number, bool whole)
{
    locust__json_out_name(j, name);
    if (!(number > 0))
        locust__json_out_text(j, NULL);
    else if (whole)
        locust__json_out_int(j, (int64_t)number);
    else
        locust__seen_float(j, number);
}

LOCUST__COLD static void locust__args_percentiles(
    locust__json_out *j, const char *name, const char *list)
{
    locust__json_out_name(j, name);
    locust__json_out_raw(j, list);
}

LOCUST__COLD static void locust__args_page(locust__json_out *j, locust__seen *t)
{
    const locust_env *env = t->env;
    const locust_options *o = &env->options;
    bool several, missing = false;
    const char *host = locust__seen_host(t, &several);
    for (int i = 0; several && i < env->n_classes; i++)
        missing |= !env->classes[i].as->host;
    locust__json_out_begin(j, '{');
    locust__json_out_name(j, "available_shape_classes");
    locust__json_out_raw(j, env->own_shape ? "[\"Default\", \"shape\"]" : "[\"Default\"]");
    locust__json_out_name(j, "available_user_classes");
    locust__args_classes(j, env);
    locust__json_out_name(j, "available_user_tasks");
    locust__args_class_tasks(j, env);
    locust__json_out_name(j, "extra_options");
    locust__args_options(j, env);
    locust__data_text(j, "hide_common_options", NULL);
    locust__json_out_name(j, "history");
    locust__json_out_raw(j, "");
    locust__history_locust(j->out, t->history);
    locust__data_text(j, "host", host ? host : "");
    locust__data_bool(j, "is_distributed", env->options.master);
    locust__data_bool(j, "is_host_required", false);
    locust__data_text(j, "locustfile", locust__seen_program(t));
    locust__data_bool(j, "missing_host_warning", several ? missing : !host);
    locust__args_given(j, "num_users", env->own_users ? o->users : 0, true);
    locust__data_bool(j, "override_host_warning", several);
    locust__args_percentiles(j, "percentiles_to_chart", "[0.5, 0.95]");
    locust__args_percentiles(j, "percentiles_to_statistics", "[0.95, 0.99]");
    locust__data_text(j, "profile", t->profile);
    locust__args_given(j, "run_time", o->run_time_s, true);
    locust__data_text(j, "shape_use_common_options", NULL);
    locust__data_bool(j, "show_userclass_picker", o->class_picker);
    locust__args_given(j, "spawn_rate", env->own_rate ? o->spawn_rate : 0, false);
    locust__data_text(j, "state", locust__seen_state(t));
    locust__data_bool(j, "stats_history_enabled", o->csv && o->csv_full_history);
    locust__data_text(j, "tasks", "{}");
    locust__data_int(j, "user_count", env->users.alive);
    locust__json_out_name(j, "users");
    locust__args_users(j, env);
    locust__data_text(j, "version", LOCUST_VERSION);
    locust__data_int(j, "worker_count", locust__seen_workers(t));
    locust__json_out_end(j, '}');
}
