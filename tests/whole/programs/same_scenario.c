// same_scenario.c - the scenario of same_scenario.py for locust.h: what both print must agree.
//   user CLASS (on_start), task CLASS NAME (each task), event NAME
#include "locust.h"
#include <stdio.h>

static void say(locust_user *u, const char *name)
{
    printf("task %s %s\n", u->user_class->name, name);
}

static void user_start(locust_user *u)
{
    printf("user %s\n", u->user_class->name);
    fflush(stdout);
}

/* ---- shares of users and of tasks ---- */

#define TASK(task)                         \
    static void task(locust_user *u)       \
    {                                      \
        say(u, #task);                     \
        locust_get(u, "/", .name = #task); \
    }
TASK(rare)
TASK(common)
TASK(usual)
TASK(pay)
TASK(pay_slow)
TASK(slow)
TASK(plain)
TASK(in_set)
TASK(in_set_slow)

LOCUST_USER(Heavy, .weight = 3, .on_start = user_start, .wait_time = LOCUST_CONSTANT(1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));
LOCUST_USER(Light, .weight = 1, .on_start = user_start, .wait_time = LOCUST_CONSTANT(1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));
LOCUST_USER(Middle, .weight = 2, .on_start = user_start, .wait_time = LOCUST_CONSTANT(1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));
LOCUST_USER(Admin, .fixed_count = 2, .on_start = user_start, .wait_time = LOCUST_CONSTANT(1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));

LOCUST_USER(Weighted, .on_start = user_start,
    .tasks = LOCUST_TASKS(
        LOCUST_TASK(rare), LOCUST_TASK(common, .weight = 6), LOCUST_TASK(usual, .weight = 3)));

/* ---- tags ---- */

static void leave(locust_user *u)
{
    say(u, "leave");
    locust_interrupt(u, true);
}
LOCUST_TASKSET(Shop, .tasks = LOCUST_TASKS(LOCUST_TASK(in_set),
                         LOCUST_TASK(in_set_slow, .tags = "slow"), LOCUST_TASK(leave)));
LOCUST_USER(Tagged, .on_start = user_start, .wait_time = LOCUST_CONSTANT(0.002),
    .tasks = LOCUST_TASKS(LOCUST_TASK(pay, .tags = "pay,critical"),
        LOCUST_TASK(pay_slow, .tags = "pay,slow"), LOCUST_TASK(slow, .tags = "slow"),
        LOCUST_TASK(plain), LOCUST_TASK_SET(Shop, .tags = "shop")));

/* ---- nested sequential sets ---- */

static void enter(locust_user *u)
{
    say(u, "enter");
}
static void exit_(locust_user *u)
{
    say(u, "exit");
}
static void a(locust_user *u)
{
    say(u, "a");
}
static void b(locust_user *u)
{
    say(u, "b");
}
static void c(locust_user *u)
{
    say(u, "c");
}
static void d(locust_user *u)
{
    say(u, "d");
}
static void leave_waiting(locust_user *u)
{
    say(u, "leave_waiting");
    locust_interrupt(u, false);
}
LOCUST_TASKSET(Inner, .order = LOCUST_SEQUENTIAL, .on_start = enter, .on_stop = exit_,
    .tasks = LOCUST_TASKS(LOCUST_TASK(c), LOCUST_TASK(leave)));
LOCUST_TASKSET(Outer, .order = LOCUST_SEQUENTIAL, .on_start = enter, .on_stop = exit_,
    .tasks = LOCUST_TASKS(LOCUST_TASK(a), LOCUST_TASK(b, .weight = 2), LOCUST_TASK_SET(Inner),
        LOCUST_TASK(d), LOCUST_TASK(leave_waiting)));
LOCUST_USER(Ordered, .on_start = user_start, .wait_time = LOCUST_CONSTANT(0.002),
    .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Outer)));

/* ---- events ---- */

static void fire(locust_user *u)
{
    say(u, "fire");
    locust_get(u, "/", .name = "fire");
    locust_fail(u, "failed");
}
static void user_stop(locust_user *u)
{
    (void)u;
    puts("event user_on_stop");
}
static void user_begin(locust_user *u)
{
    (void)u;
    puts("event user_on_start");
}
LOCUST_USER(Eventful, .on_start = user_begin, .on_stop = user_stop,
    .wait_time = LOCUST_CONSTANT(20), .tasks = LOCUST_TASKS(LOCUST_TASK(fire)));

#define EVENT(name)                        \
    static void on_##name(locust_env *env) \
    {                                      \
        (void)env;                         \
        puts("event " #name);              \
    }
EVENT(init)
EVENT(test_start)
EVENT(test_stopping)
EVENT(test_stop)
EVENT(quitting)
static void on_quitting_later(locust_env *env)
{
    (void)env;
    puts("event quitting_later");
}
static void on_spawned(locust_env *env, int n)
{
    (void)env;
    printf("event spawning_complete %d\n", n);
}
static void on_request(locust_env *env, const locust_sample *s)
{
    (void)env;
    if (strcmp(s->name, "fire") == 0)
        puts("event request");
}
static void on_user_error(locust_env *env, locust_user *u, const char *message)
{
    (void)env;
    (void)u;
    printf("event user_error %s\n", message);
}
static void on_quit(locust_env *env, int code)
{
    (void)env;
    printf("event quit %d\n", code);
}
static const locust_listeners later = {.on_quitting = on_quitting_later};

LOCUST_MAIN(.users = {&Heavy, &Light, &Middle, &Admin, &Weighted, &Tagged, &Ordered, &Eventful},
    .listeners = {&later}, .on_init = on_init, .on_test_start = on_test_start,
    .on_spawning_complete = on_spawned, .on_request = on_request, .on_user_error = on_user_error,
    .on_test_stopping = on_test_stopping, .on_test_stop = on_test_stop, .on_quitting = on_quitting,
    .on_quit = on_quit)
