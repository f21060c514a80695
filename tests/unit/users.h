/* users.h - the least that runs users: an environment for tests of layer 6, without layer 8.
 *
 * Include it behind the parts. It stands in for environment and runner: all users start at once, one
 * class after the other; a run ends when a task or a listener says so, when run_time_s is over, or
 * when .iterations leave nobody. Of the options it knows those that it reads here, and no others.
 */
#ifndef USERS_H
#define USERS_H

struct locust_env {
    locust__loop loop;
    locust__log log;
    locust__request_stats stats;
    locust__services services;
    locust__users users;
    const locust_test *test;
    locust_options options;
    locust__class classes[LOCUST_CLASSES_MAX];
    int n_classes;
    locust__queue stop_waiters;
};

static inline void users_wake(locust_env *env)
{
    if (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WAKE_EVENT);
}

LOCUST_API void locust_env_stop(locust_env *env)
{
    env->users.closing = true;
    users_wake(env);
}

static inline void users_on_error(locust_env *env, locust_user *u, const char *message)
{
    if (env->test->on_user_error)
        env->test->on_user_error(env, u, message);
}

/* NULL, or what is wrong with the classes. */
static inline const char *users_set_up(locust_env *env)
{
    static locust__fault fault;
    fault.code = 0;
    for (; env->test->users[env->n_classes]; env->n_classes++) {
        locust__class *cls = &env->classes[env->n_classes];
        const char *broken = NULL;
        locust__class_init(cls, env->test->users[env->n_classes]);
        if (!locust__class_plan(cls, &env->users.tags, &fault))
            return fault.text;
        cls->shared.limit = cls->as->pool;
        cls->host = env->options.host ? env->options.host : cls->as->host;
        if (cls->host &&
            locust__base_url_parse(&env->services, cls->host, &cls->base, &broken) != LOCUST_OK)
            cls->base.text = cls->host; // tcp://, unix:
        if (broken)
            return broken;
        env->users.limited |= cls->as->iterations > 0;
    }
    return NULL;
}

LOCUST_API void locust_env_free(locust_env *env)
{
    if (!env)
        return;
    for (int i = 0; i < env->n_classes; i++) {
        locust__plan_free(env->classes[i].plan);
        locust__base_url_free(&env->classes[i].base);
    }
    locust__tls_free(&env->services.tls);
    locust__loop_close(&env->loop);
    locust__stats_free(&env->stats);
    locust__arena_free(&env->services.arena);
    locust__pattern_free_all(env->services.patterns);
    locust__feed_close_all(env->users.feeders);
    locust__buf_free(&env->services.auth);
    locust__log_close(&env->log);
    free(env);
}

LOCUST_API locust_env *locust_env_new(const locust_test *test, const locust_options *options)
{
    static const locust__tls_options tls;
    locust_env *env = calloc(1, sizeof *env);
    locust__services *sv = &env->services;
    const char *wrong;
    env->test = test;
    env->options = *options;
    if (locust__loop_open(&env->loop) < 0)
        abort();
    locust__log_open(&env->log, LOCUST__LOG_CRITICAL, NULL);
    locust__stats_init(&env->stats);
    env->loop.where = locust__user_where;
    env->loop.misused = locust__control_misused;
    env->loop.misused_arg = &env->users;
    *sv = (locust__services){.loop = &env->loop, .log = &env->log};
    sv->recorder = (locust__recorder){
        .stats = &env->stats, .env = env, .since_ns = INT64_MIN, .listener = test->on_request};
    locust__net_init(&sv->net, &env->loop, &env->log);
    locust__resolver_init(&sv->resolver, &sv->net, &sv->arena);
    locust__tls_init(&sv->tls, &env->loop, &env->log, &sv->arena, &tls);
    env->users = (locust__users){.services = sv,
        .env = env,
        .worker = (size_t)options->worker_index,
        .n_workers = options->worker_count ? (size_t)options->worker_count : 1,
        .request_stop = locust_env_stop,
        .on_empty = users_wake,
        .on_error = users_on_error,
        .tags = {options->tags, options->exclude_tags}};
    env->users.iterations_left = options->iterations > 0 ? options->iterations : -1;
    env->users.limited = options->iterations > 0;
    wrong = users_set_up(env);
    if (!wrong)
        return env;
    locust__say("%s", wrong);
    locust_env_free(env);
    return NULL;
}

static inline void users_drive(locust_env *env) LOCUST__PARKS
{
    int n = env->options.users ? env->options.users : 1;
    int64_t end_ns = env->options.run_time_s > 0 ? locust__time_after(locust__os_now_ns(),
                                                       locust__time_ns(env->options.run_time_s))
                                                 : LOCUST__NEVER;
    for (int i = 0; i < n; i++)
        if (!locust__start_user(&env->users, &env->classes[i % env->n_classes]))
            break;
    env->users.spawned = true;
    while (!env->users.closing && (env->users.alive || !env->users.limited) &&
           locust__queue_wait(&env->loop, &env->stop_waiters, end_ns) == LOCUST__WAKE_EVENT)
        continue;
}

static inline void users_end(locust_env *env) LOCUST__PARKS
{
    double timeout_s = env->options.stop_timeout_s;
    env->users.told = true;
    locust__life_stop_all(&env->users, !(timeout_s > 0));
    if (timeout_s > 0)
        locust__wait_group_join(&env->loop, &env->users.group,
            locust__time_after(locust__os_now_ns(), locust__time_ns(timeout_s)));
    locust__life_stop_all(&env->users, true);
    locust__wait_group_join(&env->loop, &env->users.group, LOCUST__NEVER);
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared);
    locust__lookup_stop(&env->services.resolver);
}

static inline void users_main(void *arg)
{
    locust_env *env = arg;
    if (env->test->on_test_start)
        env->test->on_test_start(env);
    users_drive(env);
    users_end(env);
    if (env->test->on_test_stop)
        env->test->on_test_stop(env);
}

LOCUST_API int locust_run(locust_env *env)
{
    if (!locust__co_start(&env->loop, "the test itself", 0, users_main, env, NULL))
        abort();
    locust__loop_run(&env->loop);
    if (env->users.setup_error)
        locust__say("%s", env->users.setup_error);
    return env->users.setup_error || env->stats.total.failures || env->stats.n_exceptions;
}

LOCUST_API void *locust_env_context(locust_env *env)
{
    return env->options.context;
}

LOCUST_API int locust_user_count(locust_env *env)
{
    return env->users.alive;
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
#endif
