/* An open model: people come when they come, however slow the server has become.
 *
 *   cc -O2 -I.. open_model.c -o open_model
 *   ./open_model --headless --rate 200 --max-in-flight 500 --patience 5 -t 1m -H http://127.0.0.1:8080
 *
 * Shows: users who arrive, visit twice and leave; calls at a rate from the command line; what was late
 * or shed. Without --rate the callers are ordinary users, as many as --users says. */
#include "locust.h"
#include <stdio.h>

static double worst_late_ms;

static void visit(locust_user *u) { locust_get(u, "/"); }
static void call(locust_user *u) { locust_get(u, "/size/100", .name = "/call"); }

/* 20 new visitors a second at random times, of whom each runs two tasks. */
LOCUST_USER(Visitor,
    .arrivals = { .rate = 20, .kind = LOCUST_ARRIVE_USERS, .poisson = true },
    .iterations = 2,
    .wait_time = LOCUST_CONSTANT(0.1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(visit)));

/* No rate of its own: that of --rate. An arrival is one task, of a caller who is free or of a new one. */
LOCUST_USER(Caller, .tasks = LOCUST_TASKS(LOCUST_TASK(call)));

static void watch(locust_env *env, const locust_sample *sample)
{
    (void)env;
    if (sample->late_ms > worst_late_ms)
        worst_late_ms = sample->late_ms;
}

static void report(locust_env *env)
{
    locust_arrival_counts n = locust_arrivals_so_far(env);
    printf("%llu arrivals scheduled, %llu started, %llu of them late (by at most %.1f ms), %llu shed\n",
           (unsigned long long)n.scheduled, (unsigned long long)n.started, (unsigned long long)n.late,
           worst_late_ms, (unsigned long long)n.shed);
}

LOCUST_MAIN(.users = { &Visitor, &Caller }, .on_request = watch, .on_test_stop = report)
