/* Options of the test's own, and several who listen to its events.
 *
 *   cc -O2 -I.. events.c -o events && ./events --help
 *   ./events --headless -t 10s -H http://127.0.0.1:8080 --api-key k1 --slow-ms 20 --max-failed 5
 *
 * Shows: options, which are in --help, in config files and in the environment too; listeners as structs
 * of functions; an exit code by what was measured. */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first listener: notes slow requests. */
static double slow_ms;
static unsigned long n_slow;

static void read_slow(locust_env *env)
{
    slow_ms = atof(locust_option(env, "slow-ms"));
}

static void note_slow(locust_env *env, const locust_sample *s)
{
    if (s->elapsed_ms < slow_ms)
        return;
    n_slow++;
    if (strcmp(locust_option(env, "show-slow"), "true") == 0) /* a switch is "true" or "false" */
        printf("slow: %s %s\n", s->method, s->name);
}

static const locust_listeners slow = { .on_init = read_slow, .on_request = note_slow };

/* The second: decides what the exit code says. */
static void judge(locust_env *env)
{
    const locust_stats *total = locust_stats_total(env);
    double failed = total->requests ? 100.0 * (double)total->failures / (double)total->requests : 100;
    printf("%lu slow, %.1f %% failed\n", n_slow, failed);
    locust_set_exit_code(env, failed > atof(locust_option(env, "max-failed")) ? 3 : 0);
}

static const locust_listeners gate = { .on_quitting = judge };

/* The users. */
static void start(locust_user *u)
{
    locust_set_header(u, "X-Api-Key", locust_option(u->env, "api-key"));
}

static void work(locust_user *u)
{
    locust_get(u, "/delay/30", .name = "/report");
    locust_get(u, "/status/503", .name = "/flaky");
    locust_get(u, "/");
}

LOCUST_USER(Client, .on_start = start, .tasks = LOCUST_TASKS(LOCUST_TASK(work)));

static void ready(locust_env *env, int users)
{
    printf("%d users are there after %.0f s\n", users, locust_run_time(env));
}

LOCUST_MAIN(.users = { &Client },
            .on_spawning_complete = ready, /* the test's own functions are told first */
            .listeners = { &slow, &gate },
            .options = {
                { .name = "api-key", .value = "KEY", .env = "API_KEY", .help = "key of the service" },
                { .name = "slow-ms", .value = "MS", .fallback = "100", .help = "what is slow (100)" },
                { .name = "max-failed", .value = "PERCENT", .fallback = "0", .help = "failures allowed (0)" },
                { .name = "show-slow", .help = "print each slow request" } })
