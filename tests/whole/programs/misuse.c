// misuse.c - a test that does what it must not: MISUSE says what, in its second task.
//   prints  task     each time the first task ran to its end
//           stopped  for each on_stop
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero;

static bool is(const char *what)
{
    const char *misuse = getenv("MISUSE");
    return misuse && strcmp(misuse, what) == 0;
}

static void crash(void)
{
    if (is("null"))
        *(volatile int *)(uintptr_t)zero = 1;
    if (is("division"))
        zero = 7 / zero;
    if (is("abort"))
        abort();
}

static void begin(locust_user *u)
{
    if (is("on_start"))
        locust_fail(u, "cannot log in");
}

static void end(locust_user *u)
{
    (void)u;
    puts("stopped");
}

static void good(locust_user *u)
{
    (void)u;
    puts("task");
}

static void bad(locust_user *u)
{
    (void)u;
    crash();
}

LOCUST_USER(Careless, .wait_time = LOCUST_CONSTANT(0.01), .on_start = begin, .on_stop = end,
    .tasks = LOCUST_TASKS(LOCUST_TASK(good), LOCUST_TASK(bad)));
LOCUST_USER(Careful, .wait_time = LOCUST_CONSTANT(0.01), .on_stop = end,
    .tasks = LOCUST_TASKS(LOCUST_TASK(good)));
LOCUST_MAIN(.users = {&Careful, &Careless})
