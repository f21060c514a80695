/* What does not compile: one mistake for each macro. */
#include "locust.h"

static void task(locust_user *u)
{
    locust_get(u, "/");
}

#if defined(A_NUMBER_OF_TASKS)
LOCUST_USER(Visitor, .tasks = 1);
#elif defined(A_FUNCTION_FOR_TASKS)
LOCUST_USER(Visitor, .tasks = task);
#elif defined(A_FUNCTION_FOR_A_WAIT)
static double wait_s(locust_user *u)
{
    return (double)u->id;
}
LOCUST_USER(Visitor, .wait_time = wait_s, .tasks = LOCUST_TASKS(LOCUST_TASK(task)));
#else
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(task)));
#endif

#if defined(A_CLASS_FOR_ITS_ADDRESS)
LOCUST_MAIN(.users = {Visitor})
#else
LOCUST_MAIN(.users = {&Visitor})
#endif
