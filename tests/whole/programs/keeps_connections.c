// keeps_connections.c - users who keep their connections: each gets PATH of its host once a second.
//   HOLDER_WAIT (s) between requests, 1 if unset; HOLDER_PATH, "/" if unset.
#include "locust.h"
#include <stdlib.h>

static void hold(locust_user *u)
{
    const char *path = getenv("HOLDER_PATH");
    locust_get(u, path ? path : "/");
}

static double pause_s(locust_user *u)
{
    const char *wait = getenv("HOLDER_WAIT");
    (void)u;
    return wait ? atof(wait) : 1;
}

LOCUST_USER(Holder, .wait_time = LOCUST_WAIT_FN(pause_s), .tasks = LOCUST_TASKS(LOCUST_TASK(hold)));

LOCUST_MAIN(.users = {&Holder})
