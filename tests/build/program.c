/* A whole test with its own main(): one user asks a closed port for a moment. Exits with 0 if that
 * was counted as it should be. Compiled in many ways by tests/whole/test_build.py. */
#include "locust.h"

static void front(locust_user *u)
{
    locust_get(u, "/");
}

LOCUST_USER(Visitor, .host = "http://127.0.0.1:1", .wait_time = LOCUST_CONSTANT(0.01),
    .tasks = LOCUST_TASKS(LOCUST_TASK(front)));

int main(void)
{
    static const locust_test test = {.users = {&Visitor}};
    const locust_options options = {.users = 1, .spawn_rate = 1, .run_time_s = 0.1, .quiet = true};
    locust_env *env = locust_env_new(&test, &options);
    if (!env)
        return 2;
    locust_run(env);
    const locust_stats *total = locust_stats_total(env);
    int status = total->requests > 0 && total->failures == total->requests ? 0 : 3;
    locust_env_free(env);
    return status;
}
