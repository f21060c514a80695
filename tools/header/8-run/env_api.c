/* ============================================================================================
 * >>env_api  public calls on an environment
 *
 * Purpose     what listeners and programs that use the library call: the bodies stand in other
 *             parts.
 * Uses        >>entry >>stats >>env >>usage >>warm_up >>setup
 * ============================================================================================ */

LOCUST_API locust_env *locust_env_new(const locust_test *test, const locust_options *options)
{
    int code;
    return locust__env_new(test, options, &code);
}

LOCUST_API void locust_env_free(locust_env *env)
{
    if (env)
        locust__env_free(env);
}

LOCUST_API void locust_env_stop(locust_env *env)
{
    locust__env_request_stop(env);
}

LOCUST_API void *locust_env_context(locust_env *env)
{
    return env->options.context;
}

LOCUST_API void locust_set_exit_code(locust_env *env, int code)
{
    env->exit_code = code;
    env->exit_code_set = true;
}

LOCUST_API void locust_reset_stats(locust_env *env)
{
    locust__warm_up_reset_stats(env);
}

LOCUST_API double locust_run_time(locust_env *env)
{
    return locust__env_run_time(env);
}

LOCUST_API int locust_user_count(locust_env *env)
{
    return env->users.alive;
}

LOCUST_API locust_arrival_counts locust_arrivals_so_far(locust_env *env)
{
    return locust__usage_arrivals(env);
}

LOCUST_API const locust_stats *locust_stats_total(locust_env *env)
{
    return locust__stats_show(&env->stats, &env->stats.total);
}

LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i)
{
    locust__entry *row = locust__stats_entry_at(&env->stats, i);
    return row ? locust__stats_show(&env->stats, row) : NULL;
}
