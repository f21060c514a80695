// bench_core.c - make bench B=core: what the inner parts cost, in nanoseconds of one core.
// Each figure is the best of five rounds; the machine's noise only ever adds.
#include "../../locust.h"

enum { ROUNDS = 5 };

static int64_t best(int64_t a, int64_t b)
{
    return !a || b < a ? b : a;
}

static void spin(void *arg)
{
    locust__loop *loop = arg;
    while (locust__co_yield(loop) != LOCUST__WAKE_CANCELLED)
        ;
}

// Resumes and leaves a coroutine n times, without the poller.
static void bench_switch(locust__loop *loop)
{
    enum { N = 1000000 };
    int64_t took = 0;
    locust__co *co = locust__co_start(loop, "spin", 0, spin, loop, NULL);
    locust__loop_now = loop;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = locust__os_now_ns();
        for (int i = 0; i < N; i++)
            locust__loop_step(loop, co);
        took = best(took, locust__os_now_ns() - start);
    }
    printf(
        "switch       %6.1f ns   loop to coroutine and back, with the queue\n", (double)took / N);
    locust__co_cancel(loop, co);
    locust__loop_step(loop, co);
    locust__loop_now = NULL;
}

static void bench_hist(void)
{
    enum { N = 4000000 };
    static locust__hist h;
    uint64_t random = 1;
    int64_t took = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = locust__os_now_ns();
        for (int i = 0; i < N; i++)
            locust__hist_record(&h, (int64_t)(locust__random(&random) & 0xFFFFFFF));
        took = best(took, locust__os_now_ns() - start);
    }
    printf("histogram    %6.1f ns   record a random time below 268 ms\n", (double)took / N);
    locust__hist_free(&h);
}

static void bench_stats(void)
{
    enum { N = 1000000 };
    static locust__request_stats st;
    int64_t took = 0;
    locust__stats_init(&st);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = locust__os_now_ns();
        for (int i = 0; i < N; i++)
            locust__stats_record(&st, "GET", "/item?id=[id]", 123456 + i, 100, NULL, LOCUST__S);
        took = best(took, locust__os_now_ns() - start);
    }
    printf("statistics   %6.1f ns   count a request in its row and the total\n", (double)took / N);
    locust__stats_free(&st);
}

static void sleep_on(void *arg)
{
    locust__loop *loop = arg;
    while (locust__co_sleep(loop,
               loop->now_ns + LOCUST__S + (int64_t)(locust__random(&loop->random) % 1000000000u)) !=
           LOCUST__WAKE_CANCELLED)
        ;
}

// A million sleepers of one to two seconds; time is advanced by hand, a millisecond a turn.
static void bench_timers(locust__loop *loop)
{
    enum { N = 1000000, TURNS = 4000 };
    int64_t in_timers = 0, fired = 0, start;
    locust__co **all = malloc(N * sizeof *all);
    locust__loop_now = loop;
    for (int i = 0; i < N; i++)
        all[i] = locust__co_start(loop, "sleeper", 16384, sleep_on, loop, NULL);
    if (!all || !all[N - 1]) {
        printf("timers       not enough memory for a million sleepers\n");
        exit(1);
    }
    start = loop->now_ns;
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t before;
        loop->now_ns = start + turn * LOCUST__MS;
        before = locust__os_now_ns();
        locust__wheel_advance(loop);
        in_timers += locust__os_now_ns() - before;
        while (loop->ready.first) {
            locust__loop_step(loop, loop->ready.first);
            fired += turn > 0;
        }
    }
    printf("timers       %6.1f ns   expire one of a million sleepers and wake it (%lld expired)\n",
        (double)in_timers / (double)fired, (long long)fired);
    for (int i = 0; i < N; i++)
        locust__co_cancel(loop, all[i]);
    while (loop->ready.first)
        locust__loop_step(loop, loop->ready.first);
    locust__loop_now = NULL;
    free(all);
}

int main(void)
{
    static locust__loop loop;
    if (locust__loop_open(&loop) < 0)
        return 1;
    bench_switch(&loop);
    bench_hist();
    bench_stats();
    bench_timers(&loop);
    locust__loop_close(&loop);
    return 0;
}
