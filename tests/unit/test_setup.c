// Making an environment: what cannot be run is refused; without memory.
#include "blocks.h"
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"

LOCUST_USER(Idle, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Never, .tasks = LOCUST_TASKS(LOCUST_TASK(idle, .weight = -1)));
LOCUST_USER(NoTasks, .tasks = LOCUST_TASKS({.name = NULL}));
LOCUST_USER(NullTasks, .tasks = NULL);

static void try_to_make(void *arg)
{
    locust_env *env = locust_env_new(arg, &(locust_options){.quiet = true});
    CHECK(env == NULL);
    locust_env_free(env);
}

static void check_refused(const locust_test *test, const char *name, const char *word)
{
    char *text;
    CHECK_ROW(name);
    CHECK_INT(check_fork(try_to_make, (void *)(uintptr_t)test, &text), 0);
    CHECK(strstr(text, "locust: ") && strstr(text, word));
    free(text);
}

/* Each is one line on standard error, and no environment. */
static void a_test_that_cannot_run_is_refused(void)
{
    static const locust_test none = {.users = {NULL}}, empty = {.users = {&NoTasks}},
                             null = {.users = {&NullTasks}}, no_weight = {.users = {&Never}};
    check_refused(&none, "no class", "user class");
    check_refused(&empty, "no tasks", "NoTasks");
    check_refused(&null, "tasks is NULL", "NullTasks");
    check_refused(&no_weight, "no task with a weight", "Never");
}

/* -- no memory -- */

/* Making an environment, one allocation after the other failing. */
static void make_without_memory(void *arg)
{
    static const locust_test test = {.users = {&Idle}};
    locust_env *env = NULL;
    (void)arg;
    for (int i = 0; i < 50 && !env; i++) {
        blocks_fail_in = i;
        blocks_fail_on = true;
        env = locust_env_new(&test, &(locust_options){.quiet = true});
        blocks_fail_in = -1;
    }
    CHECK(env != NULL);
    locust_env_free(env);
}

static void an_environment_needs_memory(void)
{
    char *text;
    if (!CHECK_INT(check_fork(make_without_memory, NULL, &text), 0) ||
        !CHECK(strstr(text, "memory") != NULL))
        fprintf(stderr, "%s", text);
    free(text);
}

TESTS({"a test that cannot run is refused", a_test_that_cannot_run_is_refused},
    {"an environment needs memory", an_environment_needs_memory}, )
