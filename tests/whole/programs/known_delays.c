// known_delays.c URL - what the kit measures against /delay/1, /5, /20, /100 at 500 users, which start
// spread over a second, connect, and wait half a second between requests: about 950 requests a second.
//   prints for each row  /delay/N p50_ms p99_ms requests failures
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spread(locust_user *u)
{
    locust_sleep(u, (double)(u->id * 7919 % 1000) / 1000);
    locust_get(
        u, "/delay/1", .name = "connect"); // the delays are then measured on a kept connection
}

static void one(locust_user *u)
{
    locust_get(u, "/delay/1");
}
static void five(locust_user *u)
{
    locust_get(u, "/delay/5");
}
static void twenty(locust_user *u)
{
    locust_get(u, "/delay/20");
}
static void hundred(locust_user *u)
{
    locust_get(u, "/delay/100");
}

LOCUST_USER(Waiter, .on_start = spread, .wait_time = LOCUST_BETWEEN(0.25, 0.75),
    .tasks = LOCUST_TASKS(
        LOCUST_TASK(one), LOCUST_TASK(five), LOCUST_TASK(twenty), LOCUST_TASK(hundred)));

int main(int argc, char **argv)
{
    static const locust_test test = {.users = {&Waiter}};
    locust_options options = {.host = argc > 1 ? argv[1] : NULL,
        .users = 500,
        .spawn_rate = 500,
        .run_time_s = 5,
        .quiet = true};
    locust_env *env = locust_env_new(&test, &options);
    const locust_stats *row;
    int code;
    if (!env)
        return 2;
    code = locust_run(env);
    for (size_t i = 0; (row = locust_stats_row(env, i)) != NULL; i++)
        if (strncmp(row->name, "/delay/", 7) == 0)
            printf("%s %.4f %.4f %llu %llu\n", row->name, locust_percentile_ms(row, 0.5),
                locust_percentile_ms(row, 0.99), (unsigned long long)row->requests,
                (unsigned long long)row->failures);
    locust_env_free(env);
    return code;
}
