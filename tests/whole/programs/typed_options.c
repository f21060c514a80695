// typed_options.c - options of the test's own, of all types; prints  NAME VALUE  of each, and ends at once.
//   OPTIONS_ASK=CALL:NAME  calls number, whole or flag with that name
//   OPTIONS_FALLBACK=TEXT  in place of that of "--size"
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(locust_env *env)
{
    const char *ask = getenv("OPTIONS_ASK");
    printf("note %s\n", locust_option(env, "note"));
    printf("size %lld %g\n", (long long)locust_option_whole(env, "size"),
        locust_option_number(env, "--size"));
    printf("part %.3f\n", locust_option_number(env, "part"));
    printf("pause %g %s\n", locust_option_number(env, "pause"), locust_option(env, "pause"));
    printf("kind %s\n", locust_option(env, "--kind"));
    printf("dry %d\n", locust_option_flag(env, "dry"));
    printf("bare %lld\n", (long long)locust_option_whole(env, "bare"));
    if (ask && strncmp(ask, "number:", 7) == 0)
        locust_option_number(env, ask + 7);
    if (ask && strncmp(ask, "whole:", 6) == 0)
        locust_option_whole(env, ask + 6);
    if (ask && strncmp(ask, "flag:", 5) == 0)
        locust_option_flag(env, ask + 5);
}

static void end(locust_user *u)
{
    locust_stop_test(u);
}

LOCUST_USER(Any, .tasks = LOCUST_TASKS(LOCUST_TASK(end)));

int main(int argc, char **argv)
{
    const char *fallback = getenv("OPTIONS_FALLBACK");
    const locust_test test = {.users = {&Any},
        .on_init = show,
        .options = {{.name = "note", .value = "TEXT", .fallback = "none", .help = "any text"},
            {.name = "--size",
                .type = LOCUST_OWN_WHOLE,
                .fallback = fallback ? fallback : "7",
                .env = "MY_SIZE",
                .help = "how many"},
            {.name = "--part",
                .type = LOCUST_OWN_NUMBER,
                .value = "PART",
                .fallback = "0.25",
                .help = "how much"},
            {.name = "pause", .type = LOCUST_OWN_SPAN, .fallback = "1m30s", .help = "how long"},
            {.name = "kind",
                .type = LOCUST_OWN_CHOICE,
                .choices = "small,large",
                .fallback = "small",
                .env = "MY_KIND",
                .help = "what"},
            {.name = "--dry", .type = LOCUST_OWN_FLAG, .env = "MY_DRY", .help = "nothing for real"},
            {.name = "bare", .type = LOCUST_OWN_WHOLE}}};
    return locust_main(argc, argv, &test);
}
