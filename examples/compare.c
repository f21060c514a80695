/* The kit as a library: the same test against two servers, one after the other, figures side by side.
 *
 *   cc -O2 -I.. compare.c -o compare && ./compare http://127.0.0.1:8080 http://127.0.0.1:8081
 *
 * Shows: two environments of one test, a listener added to one, figures read while the test runs, an
 * end by what they say. (library.c is the shortest program of this kind.) */
#include "locust.h"
#include <stdio.h>

static void front(locust_user *u) { locust_get(u, "/"); }
static void page(locust_user *u) { locust_get(u, "/size/1000", .name = "/page"); }

LOCUST_USER(Visitor,
    .wait_time = LOCUST_CONSTANT(0.01),
    .tasks = LOCUST_TASKS(LOCUST_TASK(front), LOCUST_TASK(page)));

struct progress {
    double next_s;
};

static void watch(locust_env *env, const locust_sample *sample)
{
    struct progress *p = locust_env_context(env);
    (void)sample;
    if (locust_run_time(env) < p->next_s)
        return;
    p->next_s += 0.5;
    const locust_stats *now = locust_stats_total(env);
    fprintf(stderr, "%.1f s: %d users, %llu requests, p95 %.1f ms\n", locust_run_time(env),
            locust_user_count(env), (unsigned long long)now->requests, locust_percentile_ms(now, 0.95));
    if (now->failures * 2 > now->requests)
        locust_env_stop(env); /* more than half failed: enough seen */
}

int main(int argc, char **argv)
{
    static const locust_test test = { .users = { &Visitor } };
    static const locust_listeners watcher = { .on_request = watch };
    struct progress progress[2] = { { 0.5 }, { 0.5 } };
    locust_env *env[2] = { NULL, NULL };
    int code = argc == 3 ? 0 : 2;
    for (int i = 0; i < 2 && code == 0; i++) {
        env[i] = locust_env_new(&test, &(locust_options){ .host = argv[i + 1], .users = 20,
                     .spawn_rate = 100, .run_time_s = 2, .quiet = true, .context = &progress[i] });
        if (!env[i] || !locust_listen(env[i], &watcher))
            code = 2; /* why: one line on standard error */
    }
    for (int i = 0; i < 2 && code < 2; i++)
        code |= locust_run(env[i]); /* one test runs at a time */
    for (int i = 0; i < 2 && code < 2; i++) {
        const locust_stats *row;
        for (size_t k = 0; (row = locust_stats_row(env[i], k)) != NULL; k++)
            printf("%s %s %-6s %6llu requests, %llu failed, mean %.2f ms, p99 %.2f ms\n", argv[i + 1],
                   row->method, row->name, (unsigned long long)row->requests,
                   (unsigned long long)row->failures, row->mean_ms, locust_percentile_ms(row, 0.99));
    }
    for (int i = 0; i < 2; i++)
        locust_env_free(env[i]);
    return code;
}
