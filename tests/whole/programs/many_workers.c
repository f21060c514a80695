/* many_workers.c - as many workers as are asked for, in one process, for `make bench B=fleet`.
 *   many_workers N PORT own|stock
 * Each has a connection of its own, says what a worker says in Locust's rhythm (a heartbeat each second, a report of
 * three rows each three), answers spawn, stop and quit, and runs no user. `own`: reports with all that ours add. Prints
 * "acknowledged N" when all are, and how many reports the master did not take in time. */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static void nothing(locust_user *u)
{
    (void)u;
}

LOCUST_USER(Many, .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));

static locust_env *env;
static locust__buf report;
static int n_workers, acknowledged, held_back;

static void say(locust__link *l, const char *type, const char *data, size_t n)
{
    locust__buf_add(locust__link_begin(l, type), data, n);
    locust__link_end(l);
}

/* Does what a message asks for. False: it was `quit`. */
static bool obey(locust__link *l, locust__view bytes)
{
    static const char done[] = "\x82\xb2user_classes_count\x81\xa4Many\1\xaauser_count\1";
    locust__envelope e;
    if (!locust__envelope_read(bytes, &e))
        return true;
    if (locust__view_is(e.type, "ack") && ++acknowledged == n_workers)
        printf("acknowledged %d\n", acknowledged), fflush(stdout);
    if (locust__view_is(e.type, "spawn")) {
        say(l, "spawning", "\xc0", 1);
        say(l, "spawning_complete", done, sizeof done - 1);
    }
    if (!locust__view_is(e.type, "quit"))
        return true;
    say(l, "stats", report.ptr, report.len);
    say(l, "quit", "\xc0", 1);
    return false;
}

static void work(void *arg)
{
    static const char beat[] = "\x83\xa5state\xa7running\xb1"
                               "current_cpu_usage\x0c\xb4"
                               "current_memory_usage"
                               "\xce\0\x50\0\0";
    locust__link *l = arg;
    const char *why;
    int64_t beat_ns, next_ns;
    int beats = rand() % 3;
    bool goes_on = true;
    while (locust__link_open(l, &why))
        locust__co_sleep(&env->loop, locust__os_now_ns() + LOCUST__S / 10);
    say(l, "client_ready", "\xff", 1);
    beat_ns = locust__os_now_ns() + rand() % 1000 * LOCUST__MS;
    while (goes_on) {
        locust__view message;
        bool any = true;
        locust_error error = locust__link_receive(l, beat_ns);
        while (goes_on && any && !locust__link_next(l, &message, &any))
            goes_on = !any || obey(l, message);
        next_ns = locust__os_now_ns();
        if (next_ns >= beat_ns) {
            say(l, "heartbeat", beat, sizeof beat - 1);
            held_back += l->out.len > 0;
            if (beats++ % 3 == 0)
                say(l, "stats", report.ptr, report.len);
            beat_ns += LOCUST__S;
        }
        if (error && error != LOCUST_ERR_TIMEOUT)
            break;
    }
    while (l->out.len && !l->error) {
        locust__link_flush(l);
        locust__co_sleep(&env->loop, locust__os_now_ns() + LOCUST__S / 100);
    }
    locust__link_free(l);
}

/* A report of three rows with as many times as three seconds of a worker may have. */
static void count(bool own)
{
    static const char *const names[] = {"/", "/item?id=[id]", "/cart"};
    env->stats.start_ns = locust__os_now_ns() - 3 * LOCUST__S;
    for (int i = 0; i < 300; i++)
        locust__stats_record(&env->stats, "GET", names[i % 3], (5 + i % 40) * LOCUST__MS + i, 512,
            i % 100 ? NULL : "timed out", env->stats.start_ns + i * LOCUST__S / 100);
    locust__report_write(&report, env, own);
}

int main(int argc, char **argv)
{
    static const locust_test test = {.users = {&Many}};
    locust_options options = {.worker = true, .master_port = argc > 2 ? atoi(argv[2]) : 5557};
    locust__link *links;
    n_workers = argc > 1 ? atoi(argv[1]) : 1;
    env = locust_env_new(&test, &options);
    links = calloc((size_t)n_workers, sizeof *links);
    if (!env || !links)
        return 2;
    count(argc > 3 && strcmp(argv[3], "own") == 0);
    for (int i = 0; i < n_workers; i++) {
        locust__link_init(&links[i], env);
        locust__co_start(&env->loop, "a worker", 0, work, &links[i], NULL);
    }
    locust__loop_run(&env->loop);
    printf("held back %d\n", held_back);
    for (int i = 0; i < n_workers; i++)
        locust__lookup_stop(&links[i].resolver);
    free(links);
    locust__buf_free(&report);
    locust_env_free(env);
    return 0;
}
