// Lookups: search domains, one for all who ask the same, cancelled ones.
// timeout: 400
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "resolver.h"

static void asked(const char *name, locust_error error, const char *names)
{
    memset(kit.server.seen->names, 0, sizeof kit.server.seen->names);
    gives(name, error, "127.0.0.9 ");
    CHECK_STR(kit.server.seen->names, names);
}

static void run_search(void *arg)
{
    (void)arg;
    strcpy(kit.resolver.search[0], "lost.test");
    strcpy(kit.resolver.search[1], "found.test");
    kit.resolver.n_search = 2;
    asked("x", LOCUST_OK, "x.lost.test x.found.test "); // fewer dots than ndots: domains first
    asked("z", LOCUST_ERR_NAME, "z.lost.test z.found.test z ");
    asked("a.test", LOCUST_OK, "a.test "); // as many: the name itself first
    asked("x.z", LOCUST_ERR_NAME, "x.z x.z.lost.test x.z.found.test ");
    asked("z.", LOCUST_ERR_NAME, "z "); // a dot at the end: no search
    kit.resolver.ndots = 2;
    strcpy(kit.resolver.search[0], "also.test");
    asked("x.y", LOCUST_OK, "x.y.also.test ");
    kit.resolver.ndots = 0;
    asked("y", LOCUST_ERR_NAME, "y y.also.test y.found.test ");
}

static void search_domains(void)
{
    with_server(run_search);
}

/* -- many at once -- */

enum { CROWD = 1000 };

static struct {
    int started, ended, good;
    locust__wait_group group;
} crowd;

static void look_up_held(void *arg)
{
    looked_up l;
    (void)arg;
    crowd.started++;
    l = look_up("held.test");
    crowd.good += !l.error && strcmp(l.text, "127.0.0.9 ") == 0;
    crowd.ended++;
}

static void run_crowd(void *arg)
{
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    for (int i = 0; i < CROWD; i++)
        if (!locust__co_start(&kit.loop, "crowd", 0, look_up_held, NULL, &crowd.group))
            abort();
    while (crowd.started < CROWD || kit.server.seen->queries < 2)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    CHECK_INT(crowd.ended, 0);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.good, CROWD);
    CHECK_INT(kit.server.seen->queries, 2); // one for A, one for AAAA
}

static void single_flight(void)
{
    with_server(run_crowd);
}

/* Who asks first may be stopped: the others still get their answer. */
static void run_cancelled(void *arg)
{
    locust__co *first;
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    first = locust__co_start(&kit.loop, "first", 0, look_up_held, NULL, &crowd.group);
    for (int i = 0; i < 10; i++)
        if (!locust__co_start(&kit.loop, "crowd", 0, look_up_held, NULL, &crowd.group))
            abort();
    while (crowd.started < 11 || kit.server.seen->queries < 2)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    locust__co_cancel(&kit.loop, first);
    while (crowd.ended < 1)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.ended, 11);
    CHECK_INT(crowd.good, 10);
}

static void cancelled_lookup(void)
{
    with_server(run_cancelled);
}

/* The answer comes only after another coroutine has slept fifty times for a millisecond. */
static void run_beside(void *arg)
{
    int64_t began = locust__os_now_ns();
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    if (!locust__co_start(&kit.loop, "asks", 0, look_up_held, NULL, &crowd.group))
        abort();
    for (int i = 0; i < 50; i++)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    CHECK_INT(crowd.ended, 0);
    CHECK(locust__os_now_ns() - began < 15 * LOCUST__S);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.good, 1);
}

static void does_not_stall(void)
{
    with_server(run_beside);
}

TESTS({"search domains", search_domains}, {"single flight", single_flight},
    {"cancelled lookup", cancelled_lookup}, {"does not stall", does_not_stall}, )
