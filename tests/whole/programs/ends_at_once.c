// ends_at_once.c - shows what options did, in a moment: the first task ends the test.
//   prints  class NAME host=HOST   one request of QUICK_PATH ("/" if unset)
//           finished               if the task was left to finish (--stop-timeout)
//   QUICK_SLEEP (s) goes before the end of the test, QUICK_STAY=1 leaves the end to -t.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static void quick(locust_user *u)
{
    const char *path = getenv("QUICK_PATH"), *sleep = getenv("QUICK_SLEEP");
    printf("class %s host=%s\n", u->user_class->name, u->host ? u->host : "");
    fflush(stdout);
    locust_get(u, path ? path : "/");
    if (sleep)
        locust_sleep(u, atof(sleep));
    if (getenv("QUICK_STAY"))
        return;
    locust_stop_test(u);
    locust_sleep(u, 0.2);
    puts("finished");
}

static void rare(locust_user *u)
{
    quick(u);
}

LOCUST_USER(Alpha, .weight = 3, .wait_time = LOCUST_CONSTANT(0.1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(quick, .weight = 3), LOCUST_TASK(rare)));
LOCUST_USER(Beta, .wait_time = LOCUST_CONSTANT(0.1), .tasks = LOCUST_TASKS(LOCUST_TASK(quick)));

LOCUST_MAIN(.users = {&Alpha, &Beta})
