// open_model.c - the open model, told by its own clock.
//   OPEN_CLASSES  "Name:key=value,...;Name:..." with the keys weight, fixed, rate, users (1:
//                 LOCUST_ARRIVE_USERS), poisson, max, patience, iterations and task: 1 it prints
//                 locust_arrivals_so_far every 50 ms, 2 it fails, 3 it stops its user, 4 it is in a
//                 set and leaves that without a wait, 5 it requests in a coroutine, 6 it waits until
//                 users are spawned; "Plain" if unset
//   OPEN_PATH     what a task requests; unset: an operation "op" of OPEN_TASK seconds, then one "more"
//   OPEN_LOG      prints when the test is over, TIME in ms since its start:
//                 start CLASS ID TIME, task CLASS ID TIME, done CLASS ID TIME, stop CLASS ID TIME,
//                 sample CLASS ID TIME NAME ELAPSED LATE
// Prints  so_far SCHEDULED STARTED LATE SHED UNANSWERED  and  counts ...  (at the end), peak TASKS USERS.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 8 };

static locust_user_class classes[CLASSES];
static char *out; // the log
static size_t out_len, out_cap;
static int busy, most_busy, alive, most_alive;

static const char *setting(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static void say(const char *what, locust_user *u, const char *more)
{
    if (!setting("OPEN_LOG"))
        return;
    if (out_cap - out_len < 256) {
        out_cap = out_cap * 2 + 65536;
        out = realloc(out, out_cap);
        if (!out)
            abort();
    }
    out_len += (size_t)sprintf(out + out_len, "%s %s %llu %.3f%s\n", what, u->user_class->name,
        (unsigned long long)u->id, locust_run_time(u->env) * 1e3, more);
}

static void begin(locust_user *u)
{
    say("start", u, "");
    if (++alive > most_alive)
        most_alive = alive;
}

static void leave(void *arg)
{
    (void)arg;
    busy--;
}

static void work(locust_user *u)
{
    const char *path = setting("OPEN_PATH"), *task = setting("OPEN_TASK");
    say("task", u, "");
    if (++busy > most_busy)
        most_busy = busy;
    locust_defer(u, leave, NULL);
    if (path) {
        locust_get(u, path, .timeout_s = 30);
    } else {
        LOCUST_MEASURE(u, "DO", "op", m)
        {
            if (task)
                locust_sleep(u, atof(task));
        }
        LOCUST_MEASURE(u, "DO", "more", m)
        {
        }
    }
    say("done", u, "");
}

static void print_counts(const char *what, locust_env *env)
{
    locust_arrival_counts c = locust_arrivals_so_far(env);
    printf("%s %llu %llu %llu %llu %llu\n", what, (unsigned long long)c.scheduled,
        (unsigned long long)c.started, (unsigned long long)c.late, (unsigned long long)c.shed,
        (unsigned long long)c.unanswered);
    fflush(stdout);
}

static void failing(locust_user *u)
{
    work(u);
    locust_fail(u, "it fails");
}

static void leaving(locust_user *u)
{
    work(u);
    locust_stop_user(u);
}

static void interrupting(locust_user *u)
{
    work(u);
    locust_interrupt(u, true);
}

static void work_beside(locust_user *u, void *arg)
{
    (void)arg;
    work(u);
}

static void splitting(locust_user *u)
{
    locust_join(u, locust_spawn(u, work_beside, NULL));
}

static void spawned(locust_user *u)
{
    locust_wait_spawned(u);
    work(u);
}

static void watch(locust_user *u)
{
    say("task", u, "");
    print_counts("so_far", u->env);
    locust_sleep(u, 0.05);
}

static void end(locust_user *u)
{
    alive--;
    say("stop", u, "");
}

static void on_request(locust_env *env, const locust_sample *s)
{
    char more[128];
    (void)env;
    snprintf(more, sizeof more, " %s %.3f %.3f", s->name, s->elapsed_ms, s->late_ms);
    say("sample", s->user, more);
}

static void on_test_stop(locust_env *env)
{
    if (out_len) // else there is no log
        fwrite(out, 1, out_len, stdout);
    print_counts("counts", env);
    printf("peak %d %d\n", most_busy, most_alive);
    fflush(stdout);
}

LOCUST_TASKSET(Inner, .tasks = LOCUST_TASKS(LOCUST_TASK(interrupting)));
static const locust_task kinds[][2] = {{LOCUST_TASK(work)}, {LOCUST_TASK(watch)},
    {LOCUST_TASK(failing)}, {LOCUST_TASK(leaving)}, {LOCUST_TASK_SET(Inner)},
    {LOCUST_TASK(splitting)}, {LOCUST_TASK(spawned)}};

static void set(locust_user_class *c, const char *key, double value)
{
    if (!strcmp(key, "weight"))
        c->weight = value;
    else if (!strcmp(key, "fixed"))
        c->fixed_count = (int)value;
    else if (!strcmp(key, "rate"))
        c->arrivals.rate = value;
    else if (!strcmp(key, "users"))
        c->arrivals.kind = value > 0 ? LOCUST_ARRIVE_USERS : LOCUST_ARRIVE_TASKS;
    else if (!strcmp(key, "poisson"))
        c->arrivals.poisson = value > 0;
    else if (!strcmp(key, "max"))
        c->arrivals.max = (int)value;
    else if (!strcmp(key, "patience"))
        c->arrivals.patience_s = value;
    else if (!strcmp(key, "iterations"))
        c->iterations = (int)value;
    else if (!strcmp(key, "task"))
        c->tasks = kinds[(int)value];
    else
        abort();
}

int main(int argc, char **argv)
{
    static locust_test test = {.on_request = on_request, .on_test_stop = on_test_stop};
    static char text[1000];
    char *one, *at = NULL;
    int n = 0;
    snprintf(text, sizeof text, "%s", setting("OPEN_CLASSES") ? setting("OPEN_CLASSES") : "Plain");
    for (one = strtok_r(text, ";", &at); one && n < CLASSES; one = strtok_r(NULL, ";", &at)) {
        char *pair, *in = NULL;
        locust_user_class *c = &classes[n];
        c->name = strtok_r(one, ":", &in);
        c->on_start = begin;
        c->on_stop = end;
        c->tasks = kinds[0];
        while ((pair = strtok_r(NULL, ",:", &in)) != NULL) {
            char *value = strchr(pair, '=');
            if (!value)
                abort();
            *value = '\0';
            set(c, pair, atof(value + 1));
        }
        test.users[n++] = c;
    }
    return locust_main(argc, argv, &test);
}
