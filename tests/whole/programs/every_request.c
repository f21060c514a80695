// every_request.c - requests of every kind that nginx answers without a word of its own code.
#include "locust.h"

static void mix(locust_user *u)
{
    locust_get(u, "/page.txt");
    locust_get(u, "/r301", .no_redirect = true);
    locust_get(u, "/missing");
    locust_get(u, "/204");
    locust_head(u, "/page.txt");
    locust_post(u, "/post", .form = "a=1&b=2");
}

static void idle(locust_user *u)
{
    locust_get(u, "/idle");
}

static void page(locust_user *u)
{
    locust_get(u, "/page.txt");
}

LOCUST_USER(Mixed, .weight = 4, .wait_time = LOCUST_CONSTANT(0.01),
    .tasks = LOCUST_TASKS(LOCUST_TASK(mix)));
LOCUST_USER(Idle, .wait_time = LOCUST_CONSTANT(1.3), .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Paced, .fixed_count = 20, .wait_time = LOCUST_CONSTANT(0.05),
    .tasks = LOCUST_TASKS(LOCUST_TASK(page)));

LOCUST_MAIN(.users = {&Mixed, &Idle, &Paced})
