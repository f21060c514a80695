// tagged_tasks.c - three classes with tasks that have tags: `a` and `both` of One, `b` of Two, none of Three.
// Each user runs its tasks; prints  CLASS TASK  of each, and ends with the last user.
#include "locust.h"
#include <stdio.h>

static void show(locust_user *u, const char *task)
{
    printf("%s %s %s\n", u->user_class->name, task, u->host ? u->host : "-");
    locust_sleep(u, 0.001);
}

static void a(locust_user *u)
{
    show(u, "a");
}

static void both(locust_user *u)
{
    show(u, "both");
}

static void b(locust_user *u)
{
    show(u, "b");
}

static void none(locust_user *u)
{
    show(u, "none");
}

LOCUST_USER(One, .iterations = 40,
    .tasks = LOCUST_TASKS(LOCUST_TASK(a, .tags = "a"), LOCUST_TASK(both, .tags = "a,b")));
LOCUST_USER(Two, .iterations = 40, .tasks = LOCUST_TASKS(LOCUST_TASK(b, .tags = "b")));
LOCUST_USER(Three, .iterations = 40, .tasks = LOCUST_TASKS(LOCUST_TASK(none)));

LOCUST_MAIN(.users = {&One, &Two, &Three})
