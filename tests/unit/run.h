/* run.h - runs tests, with users who count what becomes of them. Include it behind the parts, with users.h or
 * the parts of layers 8 and 9 before it. */
#ifndef RUN_H
#define RUN_H
#include "../check.h"

static const int64_t MS = 1000000, S = 1000000000;

static inline int64_t now(void)
{
    return locust__os_now_ns();
}

static inline locust_env *make(const locust_test *test, locust_options options)
{
    locust_env *env;
    options.quiet = true;
    env = locust_env_new(test, &options);
    CHECK(env != NULL);
    if (env)
        env->loop.random = 20240131; // the same choices each time
    return env;
}

static int64_t ran_ns; // how long the last run took

static inline int run(const locust_test *test, locust_options options)
{
    locust_env *env = make(test, options);
    int64_t start = now();
    int code = env ? locust_run(env) : -1;
    ran_ns = now() - start;
    locust_env_free(env);
    return code;
}

/* What users did, since a test forgot it. */
static int n_starts, n_tasks, n_finished, n_stops, n_after_cut, target;

static inline void forget(void)
{
    n_starts = n_tasks = n_finished = n_stops = n_after_cut = target = 0;
}

static inline void sleep_for_ever(locust_user *u)
{
    if (++n_tasks == target)
        locust_stop_test(u);
    locust_sleep(u, 100000);
    n_after_cut++;
}

static inline void count_start(locust_user *u)
{
    (void)u;
    n_starts++;
}

static inline void count_stop(locust_user *u)
{
    (void)u;
    n_stops++;
}

LOCUST_USER(InSleep, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_for_ever)));

static inline void idle(locust_user *u)
{
    locust_sleep(u, 1000);
}
#endif
