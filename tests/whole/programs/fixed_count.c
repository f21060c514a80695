// fixed_count.c - a fixed_count class beside two weighted ones, each with a host of its own.
#include "locust.h"

static void one(locust_user *u)
{
    locust_stop_test(u);
}
static void two(locust_user *u)
{
    locust_stop_test(u);
}
static void three(locust_user *u)
{
    locust_stop_test(u);
}

LOCUST_USER(Heavy, .host = "http://127.0.0.1:1", .weight = 3,
    .tasks = LOCUST_TASKS(
        LOCUST_TASK(one, .weight = 5), LOCUST_TASK(two, .weight = 2), LOCUST_TASK(three)));
LOCUST_USER(Light, .host = "http://127.0.0.1:1", .tasks = LOCUST_TASKS(LOCUST_TASK(one)));
LOCUST_USER(Admin, .host = "http://127.0.0.1:1", .fixed_count = 1,
    .tasks = LOCUST_TASKS(LOCUST_TASK(two), LOCUST_TASK(three)));

LOCUST_MAIN(.users = {&Heavy, &Light, &Admin})
