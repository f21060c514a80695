// Timers against a model: a clock and coroutine blocks made by hand.
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

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
            after_start = blocks_made;
    }
    // Half of a long run finds room in what the first half made.
    check_that(CHECK_AT("blocks"), blocks_made - after_start < 100, " made late: %ld",
        blocks_made - after_start);
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
            at_first = blocks_made;
    }
    CHECK_INT(blocks_made, at_first);
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

TESTS({"all levels against the model", all_levels_against_the_model},
    {"the wheel says when to look", the_wheel_says_when_to_look},
    {"boundaries of the levels", boundaries_of_the_levels},
    {"arming again against the model", arming_again_against_the_model},
    {"a timeout costs nothing per request", a_timeout_costs_nothing_per_request},
    {"lazy deadlines are kept", lazy_deadlines_are_kept},
    {"a jump of the clock wakes all", a_jump_of_the_clock_wakes_all}, )
