/* ============================================================================================
 * >>listeners  a test's events, and the functions that are told of them
 *
 * Purpose     the functions of the test itself and those of locust_listen, called in that order;
 *             only on_quitting goes the other way, as in Locust.
 * Invariants  a test without an on_request has no call for each request: the recorder learns of the
 *             listeners when one of them wants requests.
 * Names       locust__listeners_
 * Uses        >>misuse >>env
 *
 *   on_init                   set-up is over; no user exists, the loop does not run
 *   on_test_start             in the runner's coroutine, before the first user
 *     on_spawning_complete    each time a ramp has reached its aim; then on_reset_stats, if asked
 *     on_request, on_user_error, on_reset_stats, on_usage_monitor, on_cpu_warning: as they happen
 *   on_test_stopping          no task begins any more; running ones have not been stopped yet, and
 *                             no on_stop that the end causes has begun
 *     on_request, ...         of tasks that may still finish, and of on_stop
 *   on_test_stop              the last user has ended
 *   on_quitting, on_quit      of a command: before the verdict and after the last report
 * ============================================================================================ */

enum { LOCUST__LISTENERS_DEPTH = 8 }; // listeners that record, inside each other

static void locust__listeners_on_request(locust_env *env, const locust_sample *sample)
{
    if (locust__callback_now && locust__callback_now->depth == LOCUST__LISTENERS_DEPTH)
        locust__misuse("a listener of on_request records requests, and is called for each of them: "
                       "let it leave out its own");
    LOCUST__ENV_FIRE(env, on_request, .sample = sample);
}

static void locust__listeners_on_error(locust_env *env, locust_user *u, const char *message)
{
    LOCUST__ENV_FIRE(env, on_user_error, .user = u, .text = message);
}

static void locust__listeners_add(locust_env *env, const locust_listeners *listeners)
{
    env->listeners[env->n_listeners++] = listeners;
    if (listeners->on_request)
        env->services.recorder.listener = locust__listeners_on_request;
}

/* Takes over the test's own functions, as the first listener, and the listeners that it names. */
static void locust__listeners_init(locust_env *env)
{
    const locust_test *test = env->test;
#define LOCUST__LISTENERS_OWN(name, args) env->own.name = test->name;
    LOCUST_EVENTS_(LOCUST__LISTENERS_OWN)
#undef LOCUST__LISTENERS_OWN
    env->users.on_error = locust__listeners_on_error;
    locust__listeners_add(env, &env->own);
    for (int i = 0; i < LOCUST_LISTENERS_MAX && test->listeners[i]; i++)
        locust__listeners_add(env, test->listeners[i]);
}

LOCUST_API bool locust_listen(locust_env *env, const locust_listeners *listeners)
{
    if (env->n_listeners > LOCUST_LISTENERS_MAX) // the test's own functions have one more place
        return false;
    locust__listeners_add(env, listeners);
    return true;
}
