// Coroutines: starting, taking turns, sleeping, cancelling; without memory too.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

/* -- starting, taking turns -- */

static void yields(void *arg)
{
    const char *name = arg;
    for (int i = 0; i < 3; i++) {
        note(*name);
        CHECK_INT(locust__co_yield(&loop), LOCUST__WAKE_EVENT);
    }
}

static void all_take_turns(void)
{
    begin();
    forget();
    start(yields, "a");
    start(yields, "b");
    start(yields, "c");
    CHECK_STR(trace, ""); // nobody runs before the loop does
    end();
    CHECK_STR(trace, "abcabcabc");
}

static void starts_others(void *arg)
{
    const char *name = arg;
    note(*name);
    if (*name == 'a') {
        start(starts_others, "b");
        start(starts_others, "c");
        note('.'); // the new ones wait for their turn
        locust__co_yield(&loop);
        note('A');
    }
}

static void coroutines_start_others(void)
{
    begin();
    forget();
    start(starts_others, "a");
    end();
    CHECK_STR(trace, "a.bcA");
}

static int counts[100];

static void counts_forever(void *arg)
{
    int *mine = arg;
    while (++*mine < 1000)
        locust__co_yield(&loop);
    for (int i = 0; i < 100; i++) // everybody had as many turns, give or take one
        CHECK(counts[i] >= 999);
}

static void yielding_is_fair(void)
{
    begin();
    memset(counts, 0, sizeof counts);
    for (int i = 0; i < 100; i++)
        start(counts_forever, &counts[i]);
    end();
}

/* -- cancelling -- */

static locust__co *victim;
static enum locust__wake victim_woke[4];
static locust__queue queue;
static locust__sem semaphore;
static locust__wait_group group;

static void sleeps_forever(void *arg)
{
    (void)arg;
    victim_woke[0] = locust__co_sleep(&loop, LOCUST__NEVER);
    victim_woke[1] = locust__co_sleep(&loop, now() + 100 * S); // sees it again
    victim_woke[2] = locust__co_yield(&loop);
    loop.current->cancelled = false;
    victim_woke[3] = locust__co_sleep(&loop, now() + MS); // cleared: sleeps as usual
}

static void sleeps_long(void *arg)
{
    (void)arg;
    victim_woke[0] = locust__co_sleep(&loop, now() + 1000 * S);
}

static void waits_in_queue(void *arg)
{
    (void)arg;
    victim_woke[0] = locust__queue_wait(&loop, &queue, LOCUST__NEVER);
}

static void waits_for_semaphore(void *arg)
{
    (void)arg;
    victim_woke[0] = locust__sem_take(&loop, &semaphore, now() + 1000 * S);
}

static void waits_for_group(void *arg)
{
    (void)arg;
    victim_woke[0] = locust__wait_group_join(&loop, &group, LOCUST__NEVER);
}

static void cancels(void *arg)
{
    int64_t turns = *(const int *)arg;
    while (turns-- > 0)
        locust__co_yield(&loop);
    locust__co_cancel(&loop, victim);
}

static void cancelling_ends_any_wait(void)
{
    static const struct {
        const char *name;
        void (*fn)(void *arg);
    } rows[] = {{"a sleep without end", sleeps_forever}, {"a long sleep", sleeps_long},
        {"a queue", waits_in_queue}, {"a semaphore", waits_for_semaphore},
        {"a group", waits_for_group}};
    for (int turns = 0; turns < 3; turns++) // 0: before its first turn or right after
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (int first = 0; first < 2; first++) {
                int64_t started = now();
                CHECK_ROW(rows[i].name);
                begin();
                memset(&queue, 0, sizeof queue);
                memset(&semaphore, 0, sizeof semaphore);
                group = (locust__wait_group){.running = 1}; // somebody who never ends
                if (first) {
                    victim = start(rows[i].fn, NULL);
                    start(cancels, &turns);
                } else {
                    locust__co *canceller = start(cancels, &turns);
                    victim = start(rows[i].fn, NULL);
                    (void)canceller;
                }
                memset(victim_woke, 0, sizeof victim_woke);
                end();
                CHECK_INT(victim_woke[0], LOCUST__WAKE_CANCELLED);
                CHECK(!queue.first && !semaphore.waiters.first && !group.waiters.first);
                CHECK(now() - started < 50 * S);
                if (rows[i].fn == sleeps_forever) {
                    CHECK_INT(victim_woke[1], LOCUST__WAKE_CANCELLED);
                    CHECK_INT(victim_woke[2], LOCUST__WAKE_CANCELLED);
                    CHECK_INT(victim_woke[3], LOCUST__WAKE_TIMEOUT);
                }
            }
}

/* A block that is taken again does not inherit what its last coroutine left behind. */
static void takes_a_block_again(void *arg)
{
    (void)arg;
    CHECK(!loop.current->cancelled);
    CHECK_INT(locust__co_sleep(&loop, now() + 2 * MS), LOCUST__WAKE_TIMEOUT);
    note('.');
}

static void a_block_starts_anew(void)
{
    static const int none = 0;
    begin();
    forget();
    victim = start(sleeps_long, NULL); // leaves a timer of 1000 s behind
    start(cancels, (void *)(uintptr_t)&none);
    locust__loop_run(&loop);
    for (int i = 0; i < 10; i++)
        start(takes_a_block_again, NULL);
    end();
    CHECK_STR(trace, "..........");
}

/* -- the loop's own stack -- */

static const char *seen_at;
static int calls;

static void on_the_loop(void *arg)
{
    CHECK(arg == &calls);
    CHECK(loop.current == NULL);
    seen_at = __builtin_frame_address(0);
    calls++;
}

static void uses_a_lot(void *arg)
{
    volatile char block[200 * 1024]; // more than a coroutine has
    memset((char *)(uintptr_t)block, 1, sizeof block);
    calls += block[sizeof block / 2] + (arg != NULL);
}

static void calls_out(void *arg)
{
    locust__co *me = loop.current;
    (void)arg;
    for (int i = 0; i < 10; i++) {
        locust__co_call(&loop, on_the_loop, &calls);
        CHECK(loop.current == me);
        CHECK(seen_at < locust__stack_place(me->stack) ||
              seen_at >= locust__stack_place_end(me->stack));
    }
    locust__co_call(&loop, uses_a_lot, NULL);
    note('.');
}

static void calls_run_on_the_loops_stack(void)
{
    begin();
    forget();
    calls = 0;
    start(calls_out, NULL);
    start(calls_out, NULL);
    end();
    CHECK_INT(calls, 22);
    CHECK_STR(trace, "..");
    locust__co_call(&loop, on_the_loop, &calls); // from outside: a plain call
    CHECK_INT(calls, 23);
}

/* -- without memory -- */

static void nothing(void *arg)
{
    (void)arg;
}

/* Wherever memory runs out, with and without a stack from the beginning. */
static void starting_needs_memory(void)
{
    for (int rests = 0; rests < 2; rests++) {
        locust__co *co = NULL;
        int fails = 0;
        for (; !co && fails < 20; fails++) {
            locust__wait_group counted = {0, {NULL, NULL}};
            begin();
            blocks_fail_in = fails;
            co = rests ? locust__co_make(&loop, "test", 0, nothing, NULL, &counted, 100)
                       : locust__co_start(&loop, "test", 0, nothing, NULL, &counted);
            blocks_fail_in = -1;
            CHECK_INT(loop.running, co ? 1 : 0);
            CHECK_INT(counted.running, co ? 1 : 0);
            if (!co)
                CHECK(locust__co_start(&loop, "test", 0, nothing, NULL, NULL) != NULL);
            end();
        }
        CHECK(fails > 4 && fails < 20); // two pools, and a slab of each
    }
}

/* -- resting -- */

enum { RESTS = 5 };

struct rester { // what one keeps, in its block
    int turns;
    int64_t due_ns;
};

static struct rester *rester;
static bool rester_ended;

/* Sleeps RESTS times, each time by returning. */
static void rests_a_while(void *arg)
{
    locust__co *me = loop.current;
    struct rester *own = locust__co_block(me);
    CHECK(arg == (void *)&rester);
    CHECK(me->stack && me->stack->co == me);
    CHECK_INT(me->wake, own->turns ? LOCUST__WAKE_TIMEOUT : LOCUST__WAKE_EVENT);
    CHECK(now() >= own->due_ns);
    note((char)('0' + own->turns));
    rester_ended = own->turns++ == RESTS;
    if (rester_ended)
        return;
    own->due_ns = now() + MS;
    CHECK(locust__co_rest(&loop, own->due_ns));
}

static void looks_at_it(void *arg)
{
    const locust__co *other = arg;
    for (; !rester_ended; locust__co_yield(&loop)) {
        CHECK(!other->stack && other->rests);
        CHECK(other->state != LOCUST__STATE_FREE);
    }
}

static void a_rest_gives_the_stack_back(void)
{
    locust__co *co;
    begin();
    forget();
    co = locust__co_make(&loop, "test", 0, rests_a_while, &rester, NULL, sizeof *rester);
    CHECK(co && !co->stack);
    rester = locust__co_block(co);
    CHECK_INT(rester->turns, 0);
    CHECK_INT(rester->due_ns, 0);
    locust__co_start(&loop, "test", 0, looks_at_it, co, NULL);
    locust__loop_run(&loop);
    CHECK_STR(trace, "012345");
    CHECK_INT(loop.stack_pools->slabs->used, 2);
    end();
}

static locust__queue callers;
static int n_turns;

static void rests_in_a_queue(void *arg)
{
    enum locust__wake *why = arg;
    *why = loop.current->wake;
    if (n_turns++ >= 3) {
        note(loop.current->cancelled ? 'c' : 'e');
        CHECK(loop.current->cancelled == !locust__co_rest(&loop, LOCUST__NEVER));
        if (loop.current->rests) // it was woken by an event: once more
            n_turns = 0;
        return;
    }
    locust__queue_push(&callers, loop.current);
    CHECK(locust__co_rest(&loop, LOCUST__NEVER));
}

static void wakes_the_first(void *arg)
{
    const enum locust__wake *why = arg;
    locust__co *co;
    for (int i = 0; i < 2; i++) {
        while (!callers.first)
            locust__co_yield(&loop);
        locust__co_wake(&loop, callers.first, LOCUST__WAKE_EVENT);
        locust__co_yield(&loop);
        CHECK_INT(*why, LOCUST__WAKE_EVENT);
    }
    while (!callers.first)
        locust__co_yield(&loop);
    co = callers.first;
    locust__co_cancel(&loop, co);
    CHECK(!callers.first);
    locust__co_yield(&loop);
    CHECK_INT(*why, LOCUST__WAKE_CANCELLED);
}

static void a_rest_ends_by_event_and_cancellation(void)
{
    static enum locust__wake why;
    begin();
    forget();
    n_turns = 0;
    locust__co_make(&loop, "test", 0, rests_in_a_queue, &why, NULL, 0);
    locust__co_start(&loop, "test", 0, wakes_the_first, &why, NULL);
    locust__loop_run(&loop);
    CHECK_STR(trace, "c"); // it did not rest again
    end();
}

static int n_rested;

static void rests_once(void *arg)
{
    int *turns = locust__co_block(loop.current);
    (void)arg;
    if ((*turns)++)
        n_rested++;
    else
        CHECK(locust__co_rest(&loop, now() + 20 * MS));
}

/* However many rest, they run on the stacks of those that run at a time: one. */
static void resting_coroutines_share_stacks(void)
{
    begin();
    n_rested = 0;
    for (int i = 0; i < 5000; i++)
        CHECK(locust__co_make(&loop, "test", 0, rests_once, NULL, NULL, sizeof(int)) != NULL);
    locust__loop_run(&loop);
    CHECK_INT(n_rested, 5000);
    CHECK_INT(loop.stack_pools->slabs->used, 1);
    end();
}

/* A coroutine that is due and does not run is late, also if it rests. */
static void spins(void *arg)
{
    int64_t until = now() + 30 * MS;
    (void)arg;
    while (now() < until)
        locust__loop_clock(&loop);
}

static void resting_coroutines_can_be_late(void)
{
    begin();
    n_rested = 0;
    locust__co_make(&loop, "test", 0, rests_once, NULL, NULL, sizeof(int));
    locust__co_start(
        &loop, "test", 0, spins, NULL, NULL); // in the turn in which the other lies down
    locust__loop_run(&loop);
    CHECK_INT(n_rested, 1);
    CHECK(loop.latest_ns >= 9 * MS);
    CHECK(loop.latest_ns < 10 * S);
    end();
}

static void sets_memory_back(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, now() + 5 * MS); // without a timer of its own
    blocks_fail_on = false;
    blocks_fail_in = -1;
}

static void a_rest_survives_without_memory(void)
{
    begin();
    n_rested = 0;
    for (int i = 0; i < 10; i++)
        locust__co_make(&loop, "test", 0, rests_once, NULL, NULL, sizeof(int));
    start(sets_memory_back, NULL);
    blocks_fail_in = 0;
    blocks_fail_on = true;
    locust__loop_run(&loop);
    CHECK_INT(n_rested, 10);
    end();
}

TESTS({"all take turns", all_take_turns}, {"coroutines start others", coroutines_start_others},
    {"yielding is fair", yielding_is_fair}, {"cancelling ends any wait", cancelling_ends_any_wait},
    {"a block starts anew", a_block_starts_anew},
    {"calls run on the loop's stack", calls_run_on_the_loops_stack},
    {"starting needs memory", starting_needs_memory},
    {"a rest gives the stack back", a_rest_gives_the_stack_back},
    {"a rest ends by event and cancellation", a_rest_ends_by_event_and_cancellation},
    {"resting coroutines share stacks", resting_coroutines_share_stacks},
    {"resting coroutines can be late", resting_coroutines_can_be_late},
    {"a rest survives without memory", a_rest_survives_without_memory}, )
