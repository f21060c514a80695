/* The C part of a C++ program: user classes are written in C. */
#include "locust.h"

extern const locust_test shop_test;

static void front(locust_user *u)
{
    locust_get(u, "/");
}

LOCUST_USER(Visitor, .host = "http://127.0.0.1:1", .wait_time = LOCUST_CONSTANT(0.01),
    .tasks = LOCUST_TASKS(LOCUST_TASK(front)));
const locust_test shop_test = {.users = {&Visitor}};
