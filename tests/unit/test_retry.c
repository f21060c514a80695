// Pauses of users whose requests reach no server.
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"

/* A port that nobody listens on, and that nobody else gets: bound, not listening. */
static int refusing_port;

static bool reserve_port(void)
{
    locust__addr addr;
    socklen_t len;
    int fd = refusing_port ? -1 : socket(AF_INET, SOCK_STREAM, 0);
    if (refusing_port)
        return true;
    locust__addr_parse(&addr, "127.0.0.1", 0);
    len = addr.len;
    if (bind(fd, &addr.as.any, addr.len) != 0 || getsockname(fd, &addr.as.any, &len) != 0)
        return false;
    refusing_port = ntohs(addr.as.in.sin_port);
    return true;
}

static void hit(locust_user *u)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", refusing_port);
    locust_get(u, url);
    n_tasks++;
}

LOCUST_USER(Refused, .retry_pause = 0.2, .iterations = 5, .tasks = LOCUST_TASKS(LOCUST_TASK(hit)));

/* 20, 40, 80 and 160 ms at most, half of it at least. */
static void a_refused_user_pauses(void)
{
    const locust_test test = {.users = {&Refused}};
    CHECK(reserve_port());
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 1);
    CHECK_INT(n_tasks, 5);
    CHECK(ran_ns >= 150 * MS && ran_ns < 20 * S);
}

LOCUST_USER(Eager, .retry_pause = -1, .iterations = 200, .tasks = LOCUST_TASKS(LOCUST_TASK(hit)));

/* With pauses this would take 198 s. */
static void a_negative_pause_is_none(void)
{
    const locust_test test = {.users = {&Eager}};
    CHECK(reserve_port());
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 1);
    CHECK_INT(n_tasks, 200);
    CHECK(ran_ns < 50 * S);
}

static void connect_only(locust_user *u)
{
    char url[64];
    locust_stream *s;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", refusing_port);
    s = locust_connect(u, url);
    CHECK_STR(locust_stream_error(s), "connection refused");
    locust_close(s);
}

LOCUST_USER(
    Own, .retry_pause = 0.2, .iterations = 5, .tasks = LOCUST_TASKS(LOCUST_TASK(connect_only)));

static void streams_of_the_tests_own_pause_too(void)
{
    const locust_test test = {.users = {&Own}};
    CHECK(reserve_port());
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    CHECK(ran_ns >= 150 * MS);
}

static void hit_100_times(locust_user *u)
{
    for (int i = 0; i < 100; i++)
        hit(u);
}

LOCUST_USER(
    Loop, .retry_pause = 0.05, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(hit_100_times)));

/* The 17th, 33rd, ... request comes at least 2.5, 5, 10, 20, 25, 25 ms after the first of 16. */
static void a_task_that_goes_on_pauses_too(void)
{
    const locust_test test = {.users = {&Loop}};
    CHECK(reserve_port());
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 1);
    CHECK_INT(n_tasks, 100);
    CHECK(ran_ns >= 87 * MS);
}

static void poll_slowly(locust_user *u)
{
    for (int i = 0; i < 40; i++) {
        hit(u);
        locust_sleep(u, 0.002);
    }
    CHECK(!((locust__user *)(void *)u)->all->told_retry); // 16 took 32 ms, more than a pause
}

LOCUST_USER(
    Poller, .retry_pause = 0.03, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(poll_slowly)));

static void a_task_that_waits_by_itself_is_not_held_up(void)
{
    const locust_test test = {.users = {&Poller}};
    CHECK(reserve_port());
    CHECK_INT(run(&test, (locust_options){.users = 1}), 1);
}

/* Lets a user lose a request, or not, and looks at its next wait. */
static int64_t next_wait(locust_user *u, locust_error error, int64_t wait_ns)
{
    locust__user *user = (locust__user *)(void *)u;
    locust__retry_note(user, error);
    return locust__retry_wait_ns(user, wait_ns);
}

static void look_at_waits(locust_user *u)
{
    static const int64_t most[] = {100, 200, 400, 800, 1000, 1000};
    for (int i = 0; i < 6; i++) {
        int64_t ns = next_wait(u, LOCUST_ERR_REFUSED, 0);
        CHECK(ns >= most[i] * MS / 2 && ns <= most[i] * MS);
    }
    CHECK_INT(next_wait(u, LOCUST_ERR_REFUSED, 10 * S), 10 * S); // not added
    CHECK_INT(next_wait(u, LOCUST_OK, 0), 0);
    CHECK(next_wait(u, LOCUST_ERR_NAME, 0) <= 100 * MS); // from the beginning again
    CHECK_INT(next_wait(u, LOCUST_ERR_TIMEOUT, 0), 0);   // took its time
    CHECK_INT(next_wait(u, LOCUST_ERR_RESET, 0), 0);     // there is a server
}

LOCUST_USER(Default, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(look_at_waits)));

static void pauses_grow_to_the_longest(void)
{
    const locust_test test = {.users = {&Default}};
    CHECK(reserve_port());
    run(&test, (locust_options){.users = 1});
}

static void wait_a_while(locust_user *u)
{
    hit(u);
    locust_stop_test(u);
}

LOCUST_USER(Cut, .retry_pause = 1000, .tasks = LOCUST_TASKS(LOCUST_TASK(wait_a_while)));

static void the_end_of_the_test_ends_a_pause(void)
{
    const locust_test test = {.users = {&Cut}};
    CHECK(reserve_port());
    CHECK_INT(run(&test, (locust_options){.users = 1}), 1);
    CHECK(ran_ns < 50 * S);
}

TESTS({"a refused user pauses", a_refused_user_pauses},
    {"a negative pause is none", a_negative_pause_is_none},
    {"streams of the test's own pause too", streams_of_the_tests_own_pause_too},
    {"a task that goes on pauses too", a_task_that_goes_on_pauses_too},
    {"a task that waits by itself is not held up", a_task_that_waits_by_itself_is_not_held_up},
    {"pauses grow to the longest", pauses_grow_to_the_longest},
    {"the end of the test ends a pause", the_end_of_the_test_ends_a_pause}, )
