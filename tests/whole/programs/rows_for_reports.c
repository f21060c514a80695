// rows_for_reports.c - rows for the reports: four classes of users, chosen by name.
//   A, B     GET /, GET /size/N under one name, POST that fails, at a measured pace
//   First    one request in on_start by the first user alone, then other ones
//   Names    names with commas, quotes, a line end
//   Verdict  failures given by the test
#include "locust.h"
#include <stdio.h>

static void page(locust_user *u)
{
    locust_get(u, "/");
    locust_get(u, "/size/100", .name = "/size/[n]");
    locust_get(u, "/size/300", .name = "/size/[n]");
    locust_get(u, "/delay/30");
}

static void fails(locust_user *u)
{
    locust_post(u, "/status/500", .form = "a=1");
    locust_get(u, "/status/404");
    locust_get(u, "/");
}

static void first(locust_user *u)
{
    if (u->id == 1)
        locust_get(u, "/size/1", .name = "/first");
}

static void plain(locust_user *u)
{
    locust_get(u, "/");
}

static void names(locust_user *u)
{
    locust_get(u, "/", .name = "a,b");
    locust_get(u, "/", .name = "say \"hello\"");
    locust_get(u, "/", .name = "two\nlines");
    locust_get(u, "/", .name = "plain name");
    locust_get(u, "/", .name = "\xc3\xa4\xc3\xb6"); // letters of UTF-8
    locust_get(u, "/",
        .name = "A name that is longer than the eighty columns which a table has "
                "for the name of a row, by far");
}

static void verdict(locust_user *u)
{
    locust_response *r = locust_get(u, "/", .catch_response = true, .name = "comma");
    locust_failure(r, "wanted \"x\", got %s", "y");
    r = locust_get(u, "/", .catch_response = true, .name = "line");
    locust_failure(r, "first\nsecond");
    r = locust_get(u, "/status/404", .catch_response = true, .name = "fine");
    locust_success(r);
}

LOCUST_USER(A, .weight = 3, .wait_time = LOCUST_CONSTANT_THROUGHPUT(5),
    .tasks = LOCUST_TASKS(LOCUST_TASK(page)));
LOCUST_USER(B, .weight = 1, .wait_time = LOCUST_CONSTANT_THROUGHPUT(5),
    .tasks = LOCUST_TASKS(LOCUST_TASK(fails)));
LOCUST_USER(First, .on_start = first, .wait_time = LOCUST_CONSTANT(0.1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));
LOCUST_USER(Names, .wait_time = LOCUST_CONSTANT(0.1), .tasks = LOCUST_TASKS(LOCUST_TASK(names)));
LOCUST_USER(
    Verdict, .wait_time = LOCUST_CONSTANT(0.1), .tasks = LOCUST_TASKS(LOCUST_TASK(verdict)));
LOCUST_USER(
    Pace, .wait_time = LOCUST_CONSTANT_THROUGHPUT(10), .tasks = LOCUST_TASKS(LOCUST_TASK(plain)));

LOCUST_MAIN(.users = {&A, &B, &First, &Names, &Verdict, &Pace})
