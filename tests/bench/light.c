// light.c - what bench_light.py loads a machine with: users that wait, once all have had their first turn.
//
//   light CLASS --headless -u USERS ...      BENCH_USERS says how many
//
//   Sleeper   does nothing, and waits ten minutes
//   Visitor   a request, and waits ten minutes, connected
//   Thinker   a request a second
//   Busy      a request, and the next one
//
// Says "ready" on standard error when each user has run its task once, and "failed" for the first request that
// has. Uses the public interface alone: it is compiled with headers of other revisions, too.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static int users, done;

static void say(const char *word)
{
    fprintf(stderr, "%s\n", word);
}

static void count(void)
{
    if (++done == users)
        say("ready");
}

static void idle(locust_user *u)
{
    (void)u;
    count();
}

static void get(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    if (r->status != 200) {
        fprintf(stderr, "failed: %s\n", r->error ? r->error : "by its status");
        exit(3);
    }
    count();
}

static void begin(locust_env *env)
{
    const char *text = getenv("BENCH_USERS");
    (void)env;
    users = text ? atoi(text) : 1;
}

LOCUST_USER(Sleeper, .wait_time = LOCUST_CONSTANT(600), .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Visitor, .wait_time = LOCUST_CONSTANT(600), .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_USER(Thinker, .wait_time = LOCUST_CONSTANT(1), .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_USER(Busy, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = {&Sleeper, &Visitor, &Thinker, &Busy}, .on_test_start = begin)
