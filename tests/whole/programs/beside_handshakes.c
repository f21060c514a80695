// beside_handshakes.c - 50 users measure /delay/5 while 8 others make one full TLS handshake after the
// other.   beside_handshakes URL HTTPS_URL   prints  /delay/5 p50_ms p99_ms requests failures  and  handshakes N
#include "locust.h"
#include <stdio.h>

static const char *https_url;

static void measured(locust_user *u)
{
    locust_get(u, "/delay/5", .name = u->data && !*(int *)u->data ? "connect" : "/delay/5");
    *(int *)u->data = 1;
}

static void shake(locust_user *u)
{
    locust_get(u, https_url, .name = "shake");
    locust_close_connections(u);
}

LOCUST_USER(Measured, .weight = 50, .data_size = sizeof(int),
    .wait_time = LOCUST_BETWEEN(0.05, 0.15), .tasks = LOCUST_TASKS(LOCUST_TASK(measured)));
LOCUST_USER(Shaker, .fixed_count = 8, .insecure = true, .wait_time = LOCUST_BETWEEN(0, 0.05),
    .tasks = LOCUST_TASKS(LOCUST_TASK(shake)));

int main(int argc, char **argv)
{
    static const locust_test test = {.users = {&Measured, &Shaker}};
    locust_options options = {.host = argc > 2 ? argv[1] : NULL,
        .users = 58,
        .spawn_rate = 100,
        .run_time_s = 5,
        .no_tls_resume = true,
        .quiet = true};
    locust_env *env = locust_env_new(&test, &options);
    const locust_stats *row;
    int code;
    if (!env || argc < 3)
        return 2;
    https_url = argv[2];
    code = locust_run(env);
    for (size_t i = 0; (row = locust_stats_row(env, i)) != NULL; i++)
        printf("%s %.4f %.4f %llu %llu\n", row->name, locust_percentile_ms(row, 0.5),
            locust_percentile_ms(row, 0.99), (unsigned long long)row->requests,
            (unsigned long long)row->failures);
    locust_env_free(env);
    return code;
}
