// Operations that the test measures itself: LOCUST_MEASURE, locust_record.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "lives.h"

static void task_measure(locust_user *u)
{
    for (int i = 0; i < 3; i++)
        LOCUST_MEASURE(u, "ECHO", "line", m)
        {
            locust_sleep(u, 0.001);
            m->length = 6;
        }
    LOCUST_MEASURE(u, "ECHO", "wrong", m)
    {
        m->error = "not what was asked for";
    }
    LOCUST_MEASURE(u, "ECHO", "left by continue", m)
    {
        m->length = 1;
        if (m->length)
            continue;
        m->length = 2;
    }
}

static void measures(void)
{
    live((life){.task = task_measure, .iterations = 1});
    CHECK_INT(after.code, 1);
    CHECK_INT(after.requests, 5);
    CHECK_INT(after.failures, 1);
    CHECK_INT(after.n_rows, 3);
    CHECK_STR(samples[0].method, "ECHO");
    CHECK_STR(samples[0].name, "line");
    CHECK_INT(samples[0].length, 6);
    for (int i = 0; i < 3; i++)
        CHECK(samples[i].elapsed_ms >= 1 && samples[i].elapsed_ms < 10000);
    CHECK_STR(samples[3].error, "not what was asked for");
    CHECK_STR(samples[4].name, "left by continue");
    CHECK_INT(samples[4].length, 1);
}

TESTS({"measures", measures}, )
