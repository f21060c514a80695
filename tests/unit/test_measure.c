// Operations that the test measures itself: LOCUST_MEASURE, locust_record.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include <math.h>
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

/* However the block is left it is recorded, once; but not if the task fails in it. */
static void leaves(locust_user *u, int way_)
{
    LOCUST_MEASURE(u, "WAY", "left", m)
    {
        LOCUST_MEASURE(u, "WAY", "inner", inner)
        {
            m->length = (size_t)way_;
            inner->error = way_ == 1 ? "wrong" : NULL;
            if (way_ == 1)
                return;
            if (way_ == 2)
                goto out;
            if (way_ == 3)
                break;
        }
        if (way_ == 4)
            break;
        if (way_ == 5) {
            locust_measure_stop(m); // by hand, and not again at the end
            return;
        }
        if (way_ == 6)
            locust_fail(u, "in the block");
    }
out:
    locust_sleep(u, 0);
}

static void task_leave(locust_user *u)
{
    for (int i = 0; i <= 6; i++)
        leaves(u, i);
}

static void measures_what_is_left(void)
{
    live((life){.task = task_leave, .iterations = 1});
    CHECK_INT(after.requests, 6 + 7); // not the outer one of way 6
    CHECK_INT(after.failures, 1);
    CHECK_INT(after.exceptions, 1);
    CHECK_STR(samples[2].name, "inner"); // of way 1, before the outer one
    CHECK_STR(samples[2].error, "wrong");
    CHECK_STR(samples[3].name, "left");
    CHECK_STR(samples[3].error, "");
    CHECK_INT(samples[3].length, 1);
}

static void task_cut(locust_user *u)
{
    LOCUST_MEASURE(u, "WAY", "answered", m)
    {
    }
    LOCUST_MEASURE(u, "WAY", "outer", outer)
    {
        LOCUST_MEASURE(u, "WAY", "done", m)
        {
        }
        LOCUST_MEASURE(u, "WAY", "inner", m)
        {
            locust_sleep(u, 1000);
        }
    }
}

static void task_go(locust_user *u)
{
    LOCUST_MEASURE(u, "WAY", "left", m)
    {
        locust_stop_user(u);
    }
}

/* What is under way when a user is cut is unanswered, as a request is; but not by an act of its own. */
static void measures_what_is_cut(void)
{
    live((life){.task = task_cut, .users = 3, .run_time_s = 0.2});
    CHECK_INT(after.requests, 3 * 2);
    CHECK_INT(after.failures, 0);
    CHECK_INT(after.unanswered, 3 * 2);
    live((life){.task = task_go, .iterations = 1});
    CHECK_INT(after.requests, 0);
    CHECK_INT(after.unanswered, 0);
}

static double recorded_ms;

static void task_record(locust_user *u)
{
    locust_record(u, &(locust_sample){.method = "JOB", .name = "run", .elapsed_ms = recorded_ms});
}

/* What is no time fails the task in words, and leaves the statistics as they were. */
static void records_times_alone(void)
{
    static const struct {
        const char *name;
        double ms;
        bool counts;
    } rows[] = {{"nothing", 0, true}, {"a microsecond", 0.001, true}, {"31 years", 1e12, true},
        {"more than nanoseconds can hold", 1e13, false}, {"no number", NAN, false},
        {"for ever", INFINITY, false}, {"before its start", -1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        recorded_ms = rows[i].ms;
        live((life){.task = task_record, .iterations = 1});
        CHECK_INT(after.requests, rows[i].counts);
        CHECK_INT(after.exceptions, !rows[i].counts);
        if (rows[i].counts)
            CHECK_NEAR(samples[0].elapsed_ms, rows[i].ms, 0);
    }
}

TESTS({"measures", measures}, {"measures what is left", measures_what_is_left},
    {"measures what is cut", measures_what_is_cut}, {"records times alone", records_times_alone}, )
