// Starting users: with the stack of their class, and where there is no room for all.
#include "../check.h"
#include <errno.h>

static int fail_mmaps; // how many of the next ones fail

static void *hooked_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (fail_mmaps) {
        fail_mmaps--;
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return mmap(at, n, protection, flags, fd, offset);
}

#define hooked_accept        accept
#define hooked_connect       connect
#define hooked_epoll_create1 epoll_create1
#define hooked_epoll_ctl     epoll_ctl
#define hooked_epoll_wait    epoll_wait
#define hooked_poll          poll
#define hooked_recv          recv
#define hooked_recvmsg       recvmsg
#define hooked_send          send
#define hooked_sendmsg       sendmsg
#define hooked_socket        socket
#define LOCUST__SYS(call)    hooked_##call
#define LOCUST__LAYERS       6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"

/* -- the stack of a class -- */

static volatile uintptr_t sink;

/* Recurses in small steps until this much stack is used. */
__attribute__((noinline)) static size_t eat(const char *top, size_t bytes)
{
    volatile char block[512];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)0xAA;
    sink = (uintptr_t)block;
    if ((size_t)(top - (const char *)__builtin_frame_address(0)) < bytes)
        return eat(top, bytes) + (size_t)(unsigned char)block[7];
    return 0;
}

static size_t wanted_bytes;

static void eat_and_end(locust_user *u)
{
    eat(__builtin_frame_address(0), wanted_bytes);
    locust_sleep(u, 0.001);
    n_finished++;
    locust_stop_test(u);
}

LOCUST_USER(SmallOne, .tasks = LOCUST_TASKS(LOCUST_TASK(eat_and_end)));
LOCUST_USER(BigOne, .stack_size = 1 << 20, .tasks = LOCUST_TASKS(LOCUST_TASK(eat_and_end)));

static void run_class(void *as)
{
    const locust_test test = {.users = {as}};
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1, .run_time_s = 20}), 0);
    CHECK_INT(n_finished, 1);
}

static int end_of(const locust_user_class *as, size_t bytes)
{
    wanted_bytes = bytes;
    return check_fork(run_class, (void *)(uintptr_t)as, NULL);
}

static void stack_size_of_a_class_counts(void)
{
    CHECK_INT(end_of(&SmallOne, 24 * 1024), 0);
    CHECK_INT(end_of(&BigOne, 24 * 1024), 0);
    CHECK_INT(end_of(&BigOne, 300 * 1024), 0);
    if (!LOCUST__WITH_ASAN) // there every stack is four times as large
        CHECK(end_of(&SmallOne, 300 * 1024) != 0);
}

/* -- no memory -- */

enum { CROWD = 500 };
static int n_inside, most, turns_of[CROWD + 1], n_twice;

static void fail_from_now(locust_env *env)
{
    (void)env;
    fail_mmaps = 1 << 30;
}

/* Ends the test when each user had two turns. */
static void look_around(locust_user *u)
{
    CHECK_INT(locust_user_count(u->env), CROWD);
    if (++turns_of[u->id] == 2 && ++n_twice == CROWD)
        locust_stop_test(u);
    n_inside++;
    most = n_inside > most ? n_inside : most;
    locust_sleep(u, 0.01);
    n_inside--;
}

LOCUST_USER(Crowd, .on_stop = count_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(look_around)));

static void run_crowd(void *arg)
{
    const locust_test test = {.users = {&Crowd}, .on_test_start = fail_from_now};
    locust_env *env =
        make(&test, (locust_options){.users = CROWD, .run_time_s = 60, .stop_timeout_s = 60});
    (void)arg;
    forget();
    CHECK_INT(locust_run(env), 0);
    CHECK(most >= 32 && most < 64); // as many as the first mapping has room for
    CHECK_INT(n_twice, CROWD);
    CHECK_INT(n_stops, CROWD);
    CHECK_INT(locust_user_count(env), 0);
    locust_env_free(env);
}

static void as_many_do_something_as_there_is_room_for(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_crowd, NULL, &text), 0))
        fprintf(stderr, "%s", text);
    free(text);
}

/* -- between two tasks -- */

enum { WAITERS = 400 };
static int n_awake;

/* No user had a turn twice while another was there for the first time: all others wait, one has a
 * stack, and none has made a request. */
static void look_at_the_others(locust_user *u)
{
    const locust__user *own = (const locust__user *)(const void *)u;
    int n_stacks = 0;
    for (const locust__user *other = own->all->first; other; other = other->next) {
        n_stacks += other->co->stack != NULL;
        CHECK(!other->client);
        CHECK(other->waiting || !other->begun || other == own);
    }
    CHECK_INT(n_stacks, 1);
    CHECK(own->co->stack && !own->waiting);
    if (++n_awake != 3 * WAITERS)
        return;
    CHECK(own->co->stacks->slabs->used <= 3); // of the test itself, and of a user at a time
    locust_stop_test(u);
}

LOCUST_USER(Waiter, .wait_time = LOCUST_BETWEEN(0.001, 0.02), .on_start = count_start,
    .on_stop = count_stop, .data_size = 100,
    .tasks = LOCUST_TASKS(LOCUST_TASK(look_at_the_others)));

static void waiting_users_have_no_stack(void)
{
    const locust_test test = {.users = {&Waiter}};
    locust_env *env = make(&test, (locust_options){.users = WAITERS, .run_time_s = 60});
    forget();
    n_awake = 0;
    CHECK_INT(locust_run(env), 0);
    CHECK(n_awake >= 3 * WAITERS);
    CHECK_INT(n_starts, WAITERS);
    CHECK_INT(n_stops, WAITERS);
    locust_env_free(env);
}

TESTS({"stack_size of a class counts", stack_size_of_a_class_counts},
    {"as many do something as there is room for", as_many_do_something_as_there_is_room_for},
    {"waiting users have no stack", waiting_users_have_no_stack}, )
