/* Users for a master. Few: as many requests as FLEET_TASKS says, then it stays. Many: one after the other. Blocks:
 * keeps its process to itself for FLEET_BLOCKS seconds. Says what it is told. */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static void few(locust_user *u)
{
    for (int i = 0; i < number("FLEET_TASKS", 20); i++)
        locust_get(u, "/");
    locust_get(u, "/status/404", .name = "/missing");
    locust_sleep(u, 3600);
}

static void many(locust_user *u)
{
    locust_get(u, "/");
}

static void tagged(locust_user *u)
{
    locust_get(u, "/size/3", .name = "/tagged");
}

static void fails(locust_user *u)
{
    locust_fail(u, "it is broken");
}

static void blocks(locust_user *u)
{
    time_t until = time(NULL) + number("FLEET_BLOCKS", 5);
    while (time(NULL) < until)
        ;
    locust_sleep(u, 3600);
}

static void take(locust_env *env, const locust_message *message)
{
    printf("message %s %s from %s at %s\n", message->type, message->data, message->from,
        locust_role(env));
    fflush(stdout);
    locust_send_message(env, "back", message->data, NULL);
}

static void start(locust_env *env)
{
    printf("start %s %d\n", locust_option(env, "api-key"), locust_worker_index(env));
    fflush(stdout);
    if (number("FLEET_SENDS", 0))
        locust_send_message(
            env, "accounts", "[\"ann\", {\"n\": 1.5, \"none\": null, \"at\": [true, -3]}]", NULL);
}

static void stop(locust_env *env)
{
    (void)env;
    printf("stop\n");
    fflush(stdout);
}

LOCUST_USER(Blocks, .weight = -1, .tasks = LOCUST_TASKS(LOCUST_TASK(blocks)));
LOCUST_USER(Fails, .weight = -1, .wait_time = LOCUST_CONSTANT(3600),
    .tasks = LOCUST_TASKS(LOCUST_TASK(fails)));
LOCUST_USER(Few, .tasks = LOCUST_TASKS(LOCUST_TASK(few)));
LOCUST_USER(Many, .wait_time = LOCUST_CONSTANT(0.02),
    .tasks = LOCUST_TASKS(LOCUST_TASK(many), LOCUST_TASK(tagged, .tags = "tagged")));

LOCUST_MAIN(.users = {&Few, &Many, &Fails, &Blocks}, .messages = {{"accounts", take}},
    .on_test_start = start, .on_test_stop = stop,
    .options = {{.name = "api-key", .value = "KEY", .fallback = "none"}})
