// how_users_end.c - shows how users end.  STOP_PATH: what a task requests ("/" if unset); STOP_TASK,
// STOP_WAIT, STOP_END (s): how long a task sleeps, a user waits between tasks, on_stop sleeps;
// STOP_AFTER=N: the N-th task calls locust_stop_test.
// Class Ender waits between its tasks, Eager does not.
//   prints  start ID, task ID, done ID (the task was left to finish), stopping ID, stopped ID
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static int tasks;

static double number(const char *name)
{
    const char *text = getenv(name);
    return text ? atof(text) : 0;
}

static void say(const char *what, locust_user *u)
{
    printf("%s %llu\n", what, (unsigned long long)u->id);
    fflush(stdout);
}

static double pause_s(locust_user *u)
{
    (void)u;
    return number("STOP_WAIT");
}

static void begin(locust_user *u)
{
    say("start", u);
}

static void work(locust_user *u)
{
    const char *path = getenv("STOP_PATH");
    say("task", u);
    locust_get(u, path ? path : "/");
    if (++tasks == (int)number("STOP_AFTER"))
        locust_stop_test(u);
    if (number("STOP_TASK") > 0)
        locust_sleep(u, number("STOP_TASK"));
    say("done", u);
}

static void end(locust_user *u)
{
    say("stopping", u);
    if (number("STOP_END") > 0)
        locust_sleep(u, number("STOP_END"));
    say("stopped", u);
}

LOCUST_USER(Ender, .on_start = begin, .on_stop = end, .wait_time = LOCUST_WAIT_FN(pause_s),
    .tasks = LOCUST_TASKS(LOCUST_TASK(work)));

LOCUST_USER(Eager, .on_start = begin, .on_stop = end, .tasks = LOCUST_TASKS(LOCUST_TASK(work)));

LOCUST_MAIN(.users = {&Ender, &Eager})
