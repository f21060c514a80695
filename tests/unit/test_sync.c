// Waiting for others: groups and semaphores.
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

static locust__sem semaphore;

/* -- groups -- */

static void member(void *arg)
{
    locust__co_sleep(&loop, now() + *(const int *)arg * MS);
    note('m');
}

static void joins(void *arg)
{
    CHECK_INT(locust__wait_group_join(&loop, arg, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    note('j');
    CHECK_INT(locust__wait_group_join(&loop, arg, LOCUST__NEVER), LOCUST__WAKE_EVENT); // at once
}

static void a_join_waits_for_all(void)
{
    static const int naps_of[] = {3, 0, 10, 6};
    locust__wait_group members = {0};
    begin();
    forget();
    start(joins, &members); // empty as yet: but it runs after the others have started
    for (size_t i = 0; i < 4; i++)
        CHECK(locust__co_start(
                  &loop, "test", 0, member, (void *)(uintptr_t)&naps_of[i], &members) != NULL);
    start(joins, &members);
    end();
    CHECK_STR(trace, "mmmmjj");
    CHECK_INT(members.running, 0);
}

static void joins_until(void *arg)
{
    int64_t deadline = now() + 5 * MS;
    CHECK_INT(locust__wait_group_join(&loop, arg, deadline), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= deadline);
    note('t');
    CHECK_INT(locust__wait_group_join(&loop, arg, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    note('j');
}

static void a_join_times_out(void)
{
    static const int nap = 50;
    locust__wait_group members = {0};
    begin();
    forget();
    locust__co_start(&loop, "test", 0, member, (void *)(uintptr_t)&nap, &members);
    start(joins_until, &members);
    end();
    CHECK_STR(trace, "tmj");
}

/* -- semaphores -- */

static int inside, most_inside;

static void takes_and_gives(void *arg)
{
    const char *name = arg;
    CHECK_INT(locust__sem_take(&loop, &semaphore, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    inside++;
    most_inside = inside > most_inside ? inside : most_inside;
    note(*name);
    locust__co_sleep(&loop, now() + MS);
    inside--;
    locust__sem_give(&loop, &semaphore);
}

static void a_semaphore_is_first_come_first_served(void)
{
    begin();
    forget();
    semaphore = (locust__sem){.free = 1};
    inside = most_inside = 0;
    for (const char *name = "abcdefgh"; *name; name++)
        start(takes_and_gives, (void *)(uintptr_t)name);
    end();
    CHECK_STR(trace, "abcdefgh");
    CHECK_INT(most_inside, 1);
    CHECK_INT(semaphore.free, 1);
}

static void a_semaphore_admits_as_many_as_it_has(void)
{
    begin();
    semaphore = (locust__sem){.free = 7};
    inside = most_inside = 0;
    for (int i = 0; i < 200; i++)
        start(takes_and_gives, "x");
    end();
    CHECK_INT(most_inside, 7);
    CHECK_INT(semaphore.free, 7);
}

/* Takers with timeouts, some cancelled, in any order: no unit is lost, none is made. */
enum { TAKERS = 300 };
static locust__co *takers[TAKERS];
static int ends_by[3];

static void takes_for_a_while(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    int64_t patience = (int64_t)(locust__random_unit(&seed) * 20e6);
    enum locust__wake why = locust__sem_take(&loop, &semaphore, now() + patience);
    ends_by[why]++;
    takers[(uintptr_t)arg - 1] = NULL;
    if (why != LOCUST__WAKE_EVENT)
        return;
    inside++;
    CHECK(inside <= 3);
    loop.current->cancelled = false;
    locust__co_sleep(&loop, now() + (int64_t)(locust__random_unit(&seed) * 1e6));
    inside--;
    locust__sem_give(&loop, &semaphore);
}

static void cancels_some(void *arg)
{
    uint64_t seed = *(uint64_t *)arg;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 3; i++) {
            locust__co *co = takers[locust__random(&seed) % TAKERS];
            if (co)
                locust__co_cancel(&loop, co);
        }
        locust__co_sleep(&loop, now() + MS);
    }
}

static void a_semaphore_loses_no_unit(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        begin();
        semaphore = (locust__sem){.free = 3};
        inside = 0;
        memset(ends_by, 0, sizeof ends_by);
        for (uintptr_t i = 1; i <= TAKERS; i++)
            takers[i - 1] = start(takes_for_a_while, (void *)i);
        start(cancels_some, &seed);
        end();
        CHECK_INT(semaphore.free, 3);
        CHECK(!semaphore.waiters.first && !semaphore.waiters.last);
        CHECK_INT(ends_by[0] + ends_by[1] + ends_by[2], TAKERS);
        CHECK(ends_by[LOCUST__WAKE_EVENT] > 0);
    }
}

/* -- cancelling a group -- */

static int cancelled_members;

static void sleeps_for_ever(void *arg)
{
    bool member = *(bool *)arg;
    enum locust__wake why = locust__co_sleep(&loop, now() + (member ? 10000 * MS : 20 * MS));
    cancelled_members += member && why == LOCUST__WAKE_CANCELLED;
    CHECK_INT(why, member ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_TIMEOUT);
}

static void ends_at_once(void *arg)
{
    (void)arg;
}

static void cancels_a_group(void *arg)
{
    static bool in = true, out = false;
    locust__wait_group group = {0, {NULL, NULL}};
    (void)arg;
    cancelled_members = 0;
    for (int i = 0; i < 12; i++) {
        locust__co_start(&loop, "member", 0, sleeps_for_ever, &in, &group);
        locust__co_start(&loop, "other", 0, sleeps_for_ever, &out, NULL);
        locust__co_start(&loop, "gone", 0, ends_at_once, NULL, &group);
    }
    locust__co_yield(&loop);
    locust__wait_group_cancel(&loop, &group);
    CHECK_INT(locust__wait_group_join(&loop, &group, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK_INT(cancelled_members, 12);
}

/* Every member is cancelled, however many there are; whoever is in no group, or has ended, is not. */
static void a_group_is_cancelled(void)
{
    begin();
    start(cancels_a_group, NULL);
    end();
}

/* -- without memory -- */

/* Who waits in a queue without a timer is woken or times out early, and loses nobody's unit. */
static void semaphores_survive_without_memory(void)
{
    begin();
    semaphore = (locust__sem){.free = 3};
    inside = 0;
    memset(ends_by, 0, sizeof ends_by);
    for (uintptr_t i = 1; i <= TAKERS; i++)
        takers[i - 1] = start(takes_for_a_while, (void *)i);
    blocks_fail_in = 0;
    blocks_fail_on = true;
    locust__loop_run(&loop);
    blocks_fail_on = false;
    end();
    CHECK_INT(semaphore.free, 3);
    CHECK_INT(ends_by[0] + ends_by[1] + ends_by[2], TAKERS);
}

TESTS({"a join waits for all", a_join_waits_for_all}, {"a join times out", a_join_times_out},
    {"a group is cancelled", a_group_is_cancelled},
    {"a semaphore is first come, first served", a_semaphore_is_first_come_first_served},
    {"a semaphore admits as many as it has", a_semaphore_admits_as_many_as_it_has},
    {"a semaphore loses no unit", a_semaphore_loses_no_unit},
    {"semaphores survive without memory", semaphores_survive_without_memory}, )
