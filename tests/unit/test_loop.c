/* test_loop.c - coroutines, the loop, timers (against a model), waiting for others, no memory. */
#include "../check.h"

static long made_blocks, live_blocks;
static int fail_in = -1; // the allocation that fails, counted down
static bool fail_on;     // and all after it

static bool fails(void)
{
    made_blocks++;
    if (fail_in > 0)
        fail_in--;
    else if (fail_in == 0) {
        fail_in = fail_on ? 0 : -1;
        return true;
    }
    return false;
}

static void *failing_malloc(size_t n)
{
    void *p = fails() ? NULL : malloc(n);
    live_blocks += p != NULL;
    return p;
}

static void *failing_realloc(void *p, size_t n)
{
    void *grown = fails() ? NULL : realloc(p, n);
    live_blocks += !p && grown;
    return grown;
}

static void counted_free(void *p)
{
    live_blocks -= p != NULL;
    free(p);
}

#define LOCUST_MALLOC(n)     failing_malloc(n)
#define LOCUST_REALLOC(p, n) failing_realloc(p, n)
#define LOCUST_FREE(p)       counted_free(p)
#include "../../locust.h"

static const int64_t US = 1000, MS = 1000000, S = 1000000000;

static locust__loop loop;

static int64_t now(void)
{
    return locust__os_now_ns();
}

static bool slow(void) // under an emulator, ASan or valgrind
{
    const char *text = getenv("TEST_SLOW");
    return text && atoi(text) > 1;
}

static void begin(void)
{
    fail_in = -1;
    CHECK_INT(live_blocks, 0);
    CHECK_INT(locust__loop_open(&loop), 0);
}

static void end(void)
{
    locust__loop_run(&loop);
    CHECK_INT(loop.running, 0);
    locust__loop_close(&loop);
    CHECK_INT(live_blocks, 0);
}

static locust__co *start(void (*fn)(void *arg), void *arg)
{
    locust__co *co = locust__co_start(&loop, "test", 0, fn, arg, NULL);
    CHECK(co != NULL);
    return co;
}

/* What happened, in order. */
static char trace[4096];
static size_t traced;

static void note(char what)
{
    if (traced < sizeof trace - 1) {
        trace[traced++] = what;
        trace[traced] = '\0';
    }
}

static void forget(void)
{
    traced = 0;
    trace[0] = '\0';
}

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

static volatile bool stop_yielding;

static void yields_on(void *arg)
{
    (void)arg;
    while (!stop_yielding)
        locust__co_yield(&loop);
}

static void sleeps_amid(void *arg)
{
    int64_t until = now() + 20 * MS;
    (void)arg;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until);
    stop_yielding = true;
}

static void timers_fire_although_others_are_busy(void)
{
    begin();
    stop_yielding = false;
    for (int i = 0; i < 10; i++)
        start(yields_on, NULL);
    start(sleeps_amid, NULL);
    end();
}

/* -- sleeping -- */

static const int naps_ms[] = {30, 5, 80, 5, 0, 55, 12, 300, 260, 7};
enum { NAPS = sizeof naps_ms / sizeof *naps_ms };
static int64_t nap_base;
static bool naps_late; // one lay down when others might be up already: that shows nothing

static void naps(void *arg)
{
    int i = *(const int *)arg;
    int64_t until = nap_base + naps_ms[i] * MS;
    naps_late = naps_late || now() >= nap_base;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until);
    CHECK(loop.now_ns >= until);
    note((char)('0' + i));
}

static void sleepers_wake_in_order(void)
{
    static int index[NAPS];
    int64_t lead = 5 * MS;
    naps_late = true;
    for (; naps_late && lead < 5 * S; lead *= 2) {
        begin();
        forget();
        naps_late = false;
        nap_base = now() + lead;
        for (int i = 0; i < NAPS; i++) {
            index[i] = i;
            start(naps, &index[i]);
        }
        end();
    }
    CHECK(!naps_late);
    CHECK_INT(traced, NAPS);
    for (size_t i = 1; i < traced; i++)
        CHECK(naps_ms[trace[i - 1] - '0'] <= naps_ms[trace[i] - '0']);
}

enum { LATE = 300 };
static int64_t late_until[LATE];
static int n_late;

static void sleeps_late(void *arg)
{
    int64_t until = nap_base + *(const int64_t *)arg;
    naps_late = naps_late || now() >= nap_base;
    locust__co_sleep(&loop, until);
    late_until[n_late++] = until;
}

/* Keeps the loop, and in between lets it look once or twice. */
static void hogs(void *arg)
{
    int64_t until = nap_base;
    (void)arg;
    for (int i = 0; n_late < LATE; i++) {
        locust__co_sleep(&loop, until);
        while (now() < until + (5 + i * 37 % 90) * MS)
            ;
        until = now() + i % 3 * MS / 3;
    }
}

static void late_sleepers_wake_in_order(void)
{
    static int64_t after[LATE];
    uint64_t seed = 1;
    int64_t lead = 20 * MS;
    naps_late = true;
    for (; naps_late && lead < 5 * S; lead *= 2) {
        begin();
        n_late = 0;
        naps_late = false;
        nap_base = now() + lead;
        for (int i = 0; i < LATE; i++) {
            after[i] = (int64_t)(locust__random_unit(&seed) * 700e6);
            start(sleeps_late, &after[i]);
        }
        start(hogs, NULL);
        end();
    }
    CHECK(!naps_late);
    CHECK_INT(n_late, LATE);
    for (int i = 1; i < n_late; i++) // those of a millisecond may change places
        CHECK(late_until[i - 1] / MS <= late_until[i] / MS);
}

enum { SLEEPERS = 50, SLEEPS = 20 };
static int64_t lateness[SLEEPERS * SLEEPS];
static int n_lateness, n_early;

static void sleeps_often(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    for (int i = 0; i < SLEEPS; i++) {
        int64_t until = now() + (int64_t)(locust__random_unit(&seed) * 20e6);
        locust__co_sleep(&loop, until);
        lateness[n_lateness++] = now() - until;
        n_early += now() < until;
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A busy machine may spoil a round; the kit has spoilt it if it spoils them all. */
static void sleepers_wake_in_time(void)
{
    int64_t best = INT64_MAX, limit = slow() ? 20 * MS : MS;
    n_early = 0;
    for (int round = 0; round < 20 && best >= limit; round++) {
        begin();
        n_lateness = 0;
        for (uintptr_t i = 0; i < SLEEPERS; i++)
            start(sleeps_often, (void *)(i + 1));
        end();
        CHECK_INT(n_lateness, SLEEPERS * SLEEPS);
        qsort(lateness, (size_t)n_lateness, sizeof *lateness, ascending);
        if (lateness[n_lateness / 2] < best)
            best = lateness[n_lateness / 2];
    }
    CHECK_INT(n_early, 0);
    check_that(CHECK_AT("median lateness"), best < limit, " is %lld us", (long long)(best / US));
}

static void sleeps_to_the_past(void *arg)
{
    (void)arg;
    CHECK_INT(locust__co_sleep(&loop, 0), LOCUST__WAKE_TIMEOUT);
    CHECK_INT(locust__co_sleep(&loop, now() - S), LOCUST__WAKE_TIMEOUT);
    CHECK_INT(locust__co_sleep(&loop, now()), LOCUST__WAKE_TIMEOUT);
    note('.');
}

static void sleeping_to_the_past_is_a_turn(void)
{
    begin();
    forget();
    for (int i = 0; i < 10; i++)
        start(sleeps_to_the_past, NULL);
    end();
    CHECK_STR(trace, "..........");
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
        CHECK(seen_at < locust__stack_place(me) || seen_at >= locust__stack_place_end(me));
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

/* -- timers against a model: a clock and coroutine blocks made by hand -- */

typedef struct sleeper {
    locust__co co;
    int64_t due; // what the model says; LOCUST__NEVER: it sleeps no more
} sleeper;

enum { MODEL = 100000 };
static sleeper *sleepers;
static int n_woken;

static void open_clock(int n, int64_t at_ns)
{
    begin();
    loop.now_ns = at_ns;
    loop.wheel.tick = at_ns / MS;
    sleepers = aligned_alloc(LOCUST__CACHE_LINE, (size_t)n * sizeof *sleepers); // as coroutines are
    memset(sleepers, 0, (size_t)n * sizeof *sleepers);
    for (int i = 0; i < n; i++) {
        sleepers[i].co.armed_ns = LOCUST__NEVER;
        sleepers[i].co.state = LOCUST__STATE_RUNNING;
        sleepers[i].due = LOCUST__NEVER;
    }
}

static void close_clock(void)
{
    free(sleepers);
    end();
}

static void nap_until(sleeper *s, int64_t due, bool lazy)
{
    s->co.state = LOCUST__STATE_PARKED;
    s->co.deadline_ns = due;
    s->co.lazy = lazy;
    s->due = due;
    if (due != LOCUST__NEVER)
        CHECK_INT(locust__wheel_arm(&loop, &s->co), 0);
}

/* Woken by something else than its timer, as a read that had its bytes. */
static void wake_otherwise(sleeper *s)
{
    s->co.state = LOCUST__STATE_RUNNING;
    s->due = LOCUST__NEVER;
}

/* Takes those out that the wheel woke. Each must be due; returns false if one is not. */
static bool take_woken(bool exactly)
{
    n_woken = 0;
    while (loop.ready.first) {
        sleeper *s = (sleeper *)(void *)loop.ready.first;
        locust__queue_remove(&s->co);
        n_woken++;
        if (!CHECK_INT(s->co.wake, LOCUST__WAKE_TIMEOUT) ||
            !check_that(CHECK_AT("due"),
                s->due <= loop.now_ns && (!exactly || s->due == loop.now_ns),
                " at %lld, it is %lld", (long long)s->due, (long long)loop.now_ns))
            return false;
        s->co.state = LOCUST__STATE_RUNNING;
        s->due = LOCUST__NEVER;
    }
    return true;
}

static int64_t earliest(int n)
{
    int64_t at = LOCUST__NEVER;
    for (int i = 0; i < n; i++)
        at = sleepers[i].due < at ? sleepers[i].due : at;
    return at;
}

/* From nanoseconds to days, each order of magnitude alike. */
static int64_t some_span(uint64_t *seed)
{
    int64_t most = (int64_t)1 << (1 + locust__random(seed) % 46); // to 19 h
    return (int64_t)(locust__random_unit(seed) * (double)most);
}

static void all_levels_against_the_model(void)
{
    static const int64_t steps[] = {1, 100000, 1000000, 7000000, 256000000, 300000000, 70000000000,
        3600000000000, 20000000000000};
    uint64_t seed = 1;
    open_clock(MODEL, 123456789012345);
    for (int i = 0; i < MODEL; i++)
        nap_until(&sleepers[i], loop.now_ns + some_span(&seed), false);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (int i = 0; i < 12; i++) {
            loop.now_ns += (int64_t)(locust__random_unit(&seed) * (double)steps[s]);
            locust__wheel_advance(&loop);
            if (!take_woken(false) || !CHECK(earliest(MODEL) > loop.now_ns)) // none was forgotten
                goto done;
            CHECK(locust__wheel_next(&loop.wheel) <= earliest(MODEL));
        }
    CHECK_INT(earliest(MODEL), LOCUST__NEVER);
done:
    close_clock();
}

/* As the loop does it: looks when the wheel says so, finds each sleeper due to the nanosecond. */
static void the_wheel_says_when_to_look(void)
{
    uint64_t seed = 2;
    int left = slow() ? 5000 : 30000, looks = 0, n = left;
    open_clock(n, 999999999);
    for (int i = 0; i < n; i++)
        nap_until(&sleepers[i], loop.now_ns + 1 + some_span(&seed), false);
    while (left) {
        int64_t next = locust__wheel_next(&loop.wheel);
        looks++;
        if (!CHECK(next != LOCUST__NEVER) || !CHECK(next > loop.now_ns || looks == 1))
            break;
        loop.now_ns = next;
        locust__wheel_advance(&loop);
        if (!take_woken(true))
            break;
        left -= n_woken;
    }
    CHECK_INT(earliest(n), LOCUST__NEVER);
    CHECK(looks < 4 * n + 1000);
    close_clock();
}

/* Around each boundary of the wheel's levels, from each side, at each phase of the clock. */
static void boundaries_of_the_levels(void)
{
    static const int64_t edges_ms[] = {0, 1, 255, 256, 257, 511, 512, 65279, 65280, 65535, 65536,
        65537, 65792, 131072, 16711680, 16776959, 16777215, 16777216, 16777217, 33554432};
    static const int64_t phases_ms[] = {0, 1, 128, 255, 256, 65280, 65535, 65536, 16777215};
    enum { EDGES = sizeof edges_ms / sizeof *edges_ms };
    for (size_t p = 0; p < sizeof phases_ms / sizeof *phases_ms; p++) {
        int n = 3 * EDGES, left = n;
        open_clock(n, ((int64_t)5 << 24) * MS + phases_ms[p] * MS + 500000);
        for (int i = 0; i < EDGES; i++)
            for (int side = -1; side <= 1; side++) {
                int64_t span = edges_ms[i] * MS + side;
                nap_until(&sleepers[3 * i + side + 1], loop.now_ns + (span > 0 ? span : 1), false);
            }
        for (int looks = 0; left && looks < 10000; looks++) {
            loop.now_ns = locust__wheel_next(&loop.wheel);
            locust__wheel_advance(&loop);
            if (!take_woken(true))
                break;
            left -= n_woken;
        }
        CHECK_INT(left, 0);
        close_clock();
    }
}

/* Sleepers are woken, cancelled, put to sleep again for less or more; nothing is lost, and
 * what stale entries hold is bounded. */
static void arming_again_against_the_model(void)
{
    enum { N = 2000 };
    uint64_t seed = 3;
    int turns = slow() ? 2000 : 20000;
    long after_start = 0;
    open_clock(N, 5000000000);
    for (int turn = 0; turn < turns; turn++) {
        for (int k = 0; k < 50; k++) {
            sleeper *s = &sleepers[locust__random(&seed) % N];
            bool lazy = locust__random(&seed) % 2;
            double span = locust__random_unit(&seed) * (lazy ? 60e9 : 400e6);
            if (s->due != LOCUST__NEVER)
                wake_otherwise(s);
            if (locust__random(&seed) % 8)
                nap_until(s, loop.now_ns + (int64_t)span, lazy);
        }
        loop.now_ns += (int64_t)(locust__random_unit(&seed) * 3e6);
        locust__wheel_advance(&loop);
        if (!take_woken(false))
            break;
        if (turn % 16 == 0) {
            int64_t at = earliest(N);
            if (!CHECK(at > loop.now_ns) || !CHECK(locust__wheel_next(&loop.wheel) <= at))
                break;
        }
        if (turn == turns / 2)
            after_start = made_blocks;
    }
    // Half of a long run finds room in what the first half made.
    check_that(CHECK_AT("blocks"), made_blocks - after_start < 100, " made late: %ld",
        made_blocks - after_start);
    close_clock();
}

/* A user with a timeout of 60 s on each request, for ten thousand requests of a millisecond. */
static void a_timeout_costs_nothing_per_request(void)
{
    enum { N = 100 };
    long at_first = 0;
    open_clock(N, 5000000000);
    for (int turn = 0; turn < 20000; turn++) {
        for (int i = 0; i < N; i++) {
            if (sleepers[i].due != LOCUST__NEVER)
                wake_otherwise(&sleepers[i]);
            nap_until(&sleepers[i], loop.now_ns + 60 * S, true);
        }
        loop.now_ns += MS;
        locust__wheel_advance(&loop);
        CHECK(take_woken(false) && n_woken == 0);
        if (turn == 2000)
            at_first = made_blocks;
    }
    CHECK_INT(made_blocks, at_first);
    close_clock();
}

/* A lazy deadline is kept to the nanosecond too, however far it is. */
static void lazy_deadlines_are_kept(void)
{
    static const int64_t spans[] = {1, 999999, 1000000000, 1000000001, 2500000000, 61000000000};
    enum { N = sizeof spans / sizeof *spans };
    int left = N;
    open_clock(N, 77777777777);
    for (int i = 0; i < N; i++)
        nap_until(&sleepers[i], loop.now_ns + spans[i], true);
    for (int looks = 0; left && looks < 2000; looks++) {
        loop.now_ns = locust__wheel_next(&loop.wheel);
        locust__wheel_advance(&loop);
        if (!take_woken(true))
            break;
        left -= n_woken;
    }
    CHECK_INT(left, 0);
    close_clock();
}

/* The machine was asleep: the clock jumps by a day over everything. */
static void a_jump_of_the_clock_wakes_all(void)
{
    enum { N = 5000 };
    uint64_t seed = 5;
    open_clock(N, 5000000000);
    for (int i = 0; i < N; i++)
        nap_until(
            &sleepers[i], loop.now_ns + (int64_t)(locust__random_unit(&seed) * 80000e9), false);
    loop.now_ns += 86400 * S;
    locust__wheel_advance(&loop);
    CHECK(take_woken(false));
    CHECK_INT(n_woken, N);
    CHECK_INT(locust__wheel_next(&loop.wheel), LOCUST__NEVER);
    close_clock();
}

/* -- a million real sleepers -- */

static int n_slept;
static int64_t slept_until;

static void sleeps_among_many(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, slept_until + (int64_t)(n_slept % 1000) * MS);
    CHECK(now() >= slept_until);
    n_slept++;
}

static int64_t available_kb(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[256];
    long long kb = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb;
}

static void a_million_sleepers(void)
{
    enum { MILLION = 1000000 };
    int64_t started = now();
    int n = 0;
#if defined(__clang__) || !defined(__GLIBC__) || !defined(__x86_64__)
    SKIP("in the gcc variant only");
#endif
    if (slow() || LOCUST__WITH_POLL)
        SKIP("in the gcc variant only");
    if (available_kb() < 9 * 1024 * 1024)
        SKIP("needs 9 GB of memory");
    begin();
    n_slept = 0;
    slept_until = now() + 4 * S;
    while (n < MILLION &&
           locust__co_start(&loop, "test", 16384, sleeps_among_many, NULL, NULL) != NULL)
        n++;
    CHECK_INT(n, MILLION);
    end();
    CHECK_INT(n_slept, MILLION);
    printf("%d sleepers took %.1f s\n", n, (double)(now() - started) / 1e9);
}

/* -- without memory -- */

static void opening_needs_memory(void)
{
    int rc = -1, tries = 0;
    for (; tries < 20 && rc < 0; tries++) {
        fail_in = tries;
        rc = locust__loop_open(&loop);
        if (rc < 0)
            CHECK_INT(rc, -ENOMEM);
        fail_in = -1;
        if (rc < 0)
            CHECK_INT(live_blocks, 0);
    }
    if (CHECK_INT(rc, 0))
        locust__loop_close(&loop);
    CHECK(tries > 1);
    CHECK_INT(live_blocks, 0);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void starting_needs_memory(void)
{
    begin();
    for (int tries = 0; tries < 3; tries++) { // a pool, a slab, its blocks
        fail_in = tries == 0 ? 0 : 1;
        if (tries == 2)
            fail_in = 0;
        CHECK(locust__co_start(&loop, "test", 0, nothing, NULL, NULL) == NULL);
        fail_in = -1;
        CHECK_INT(loop.running, 0);
    }
    CHECK(locust__co_start(&loop, "test", 0, nothing, NULL, NULL) != NULL);
    end();
}

static int n_timed_out;

static void sleeps_without_memory(void *arg)
{
    int64_t until = nap_base + *(const int *)arg * MS;
    CHECK_INT(locust__co_sleep(&loop, until), LOCUST__WAKE_TIMEOUT);
    CHECK(now() >= until); // not early, even so
    n_timed_out++;
}

/* Every allocation of the wheel fails: sleepers still sleep as long as they said. */
static void sleeping_needs_none(void)
{
    static const int spans_ms[] = {0, 1, 3, 20, 400};
    for (int from = 0; from < 4; from++) {
        begin();
        n_timed_out = 0;
        nap_base = now();
        for (int i = 0; i < 200; i++)
            start(sleeps_without_memory, (void *)(uintptr_t)&spans_ms[i % 5]);
        fail_in = from;
        fail_on = true;
        locust__loop_run(&loop);
        fail_on = false;
        end();
        CHECK_INT(n_timed_out, 200);
    }
}

/* And one after the other, with memory again behind it. */
static void sleeping_survives_each_failure(void)
{
    static const int spans_ms[] = {0, 1, 3, 20, 300};
    for (int at = 0; at < 12; at++) {
        begin();
        n_timed_out = 0;
        nap_base = now();
        for (int i = 0; i < 400; i++)
            start(sleeps_without_memory, (void *)(uintptr_t)&spans_ms[i % 5]);
        fail_in = at;
        end();
        fail_in = -1;
        CHECK_INT(n_timed_out, 400);
    }
}

/* Who waits in a queue without a timer is woken or times out early, and loses nobody's unit. */
static void semaphores_survive_without_memory(void)
{
    begin();
    semaphore = (locust__sem){.free = 3};
    inside = 0;
    memset(ends_by, 0, sizeof ends_by);
    for (uintptr_t i = 1; i <= TAKERS; i++)
        takers[i - 1] = start(takes_for_a_while, (void *)i);
    fail_in = 0;
    fail_on = true;
    locust__loop_run(&loop);
    fail_on = false;
    end();
    CHECK_INT(semaphore.free, 3);
    CHECK_INT(ends_by[0] + ends_by[1] + ends_by[2], TAKERS);
}

TESTS({"all take turns", all_take_turns}, {"coroutines start others", coroutines_start_others},
    {"yielding is fair", yielding_is_fair},
    {"timers fire although others are busy", timers_fire_although_others_are_busy},
    {"sleepers wake in order", sleepers_wake_in_order},
    {"late sleepers wake in order", late_sleepers_wake_in_order},
    {"sleepers wake in time", sleepers_wake_in_time},
    {"sleeping to the past is a turn", sleeping_to_the_past_is_a_turn},
    {"cancelling ends any wait", cancelling_ends_any_wait},
    {"a block starts anew", a_block_starts_anew}, {"a join waits for all", a_join_waits_for_all},
    {"a join times out", a_join_times_out},
    {"a semaphore is first come, first served", a_semaphore_is_first_come_first_served},
    {"a semaphore admits as many as it has", a_semaphore_admits_as_many_as_it_has},
    {"a semaphore loses no unit", a_semaphore_loses_no_unit},
    {"calls run on the loop's stack", calls_run_on_the_loops_stack},
    {"all levels against the model", all_levels_against_the_model},
    {"the wheel says when to look", the_wheel_says_when_to_look},
    {"boundaries of the levels", boundaries_of_the_levels},
    {"arming again against the model", arming_again_against_the_model},
    {"a timeout costs nothing per request", a_timeout_costs_nothing_per_request},
    {"lazy deadlines are kept", lazy_deadlines_are_kept},
    {"a jump of the clock wakes all", a_jump_of_the_clock_wakes_all},
    {"a million sleepers", a_million_sleepers}, {"opening needs memory", opening_needs_memory},
    {"starting needs memory", starting_needs_memory}, {"sleeping needs none", sleeping_needs_none},
    {"sleeping survives each failure", sleeping_survives_each_failure},
    {"semaphores survive without memory", semaphores_survive_without_memory}, )
