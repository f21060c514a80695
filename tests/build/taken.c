/* A task that is to have the name of a function of the C library: an error that says what to do, and
 * what it says. Exits with 0 if the task has run under its name. */
#include "locust.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#ifdef NAMED
static void its_task(locust_user *u)
{
    locust_stop_test(u);
}
#define LISTED LOCUST_TASK_NAMED(its_task, TEXT(TASK), .weight = 2)
#else
static void TASK(locust_user *u)
{
    locust_stop_test(u);
}
#define LISTED LOCUST_TASK(TASK)
#endif

LOCUST_USER(Visitor, .host = "http://127.0.0.1:1", .tasks = LOCUST_TASKS(LISTED));

int main(void)
{
    static const locust_test test = {.users = {&Visitor}};
    const locust_options options = {.users = 1, .run_time_s = 20, .quiet = true};
    locust_env *env = locust_env_new(&test, &options);
    int code = env ? locust_run(env) : 2;
    locust_env_free(env);
    return code || strcmp(Visitor.tasks[0].name, TEXT(TASK)) != 0 || Visitor.tasks[0].weight != 2;
}
