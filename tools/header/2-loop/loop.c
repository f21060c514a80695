/* ============================================================================================
 * >>loop  turns of the loop
 *
 * Purpose     run what is ready, ask the poller, run what is due, until every coroutine has ended.
 * Names       locust__loop_
 * Uses        >>co >>timer >>stack >>switch >>fd
 * ============================================================================================ */

static int locust__loop_open(locust__loop *loop)
{
    int rc;
    memset(loop, 0, sizeof *loop);
    if (!locust__ctx_allowed())
        return -ENOTSUP;
    rc = locust__os_poll_open(&loop->poller);
    if (rc < 0)
        return rc;
    loop->scratch = LOCUST_MALLOC(LOCUST__LOOP_SCRATCH);
    if (!loop->scratch) {
        locust__os_poll_close(&loop->poller);
        return -ENOMEM;
    }
    loop->markers = locust__os_guard_works();
    loop->now_ns = locust__loop_clock(loop);
    loop->wheel.tick = loop->now_ns / LOCUST__MS;
    locust__os_random(&loop->random, sizeof loop->random);
    return 0;
}

/* All coroutines have ended. */
static void locust__loop_close(locust__loop *loop)
{
    LOCUST_ASSERT(loop->running == 0);
    while (loop->pools) {
        locust__stack_pool *pool = loop->pools;
        loop->pools = pool->next;
        locust__stack_pool_free(pool);
    }
    locust__wheel_free(&loop->wheel);
    locust__os_poll_close(&loop->poller);
    locust__hist_free(&loop->late);
    LOCUST_FREE(loop->scratch);
}

/* Begins to fetch what a coroutine will touch when it is resumed: the frames that it is parked in, and
 * its user. With 1,000 connections nothing of that is in the cache. */
static void locust__loop_prefetch(const locust__loop *loop, const locust__co *co)
{
    locust__memory_prefetch(co->sp, LOCUST__LOOP_AHEAD);
    if (co->local && loop->ahead)
        loop->ahead(co->local);
}

/* Runs one ready coroutine, and what it asks to have called on this stack. */
static void locust__loop_step(locust__loop *loop, locust__co *co)
{
    int64_t began_ns = loop->clock_ns;
    if (co->next)
        locust__loop_prefetch(loop, co->next);
    locust__queue_remove(co);
    co->state = LOCUST__STATE_RUNNING;
    if (co->wake == LOCUST__WAKE_TIMEOUT)
        locust__loop_count_late(loop, began_ns - co->deadline_ns);
    locust__co_resume(loop, co);
    while (loop->call) {
        void (*fn)(void *) = loop->call;
        loop->call = NULL;
        fn(loop->call_arg);
        locust__co_resume(loop, co);
    }
    if (loop->clock_ns - began_ns >= LOCUST__LOOP_BLOCKED_NS && loop->blocked && !loop->excused)
        loop->blocked(loop->blocked_arg, co, loop->clock_ns - began_ns);
    loop->excused = false;
    if (co->state == LOCUST__STATE_FREE)
        locust__co_ended(loop, co);
}

static void locust__loop_poll(locust__loop *loop)
{
    locust__watch *watches[LOCUST__OS_EVENTS];
    int64_t timeout = 0;
    int n;
    if (!loop->ready.first) {
        int64_t next = locust__wheel_next(&loop->wheel);
        timeout = next == LOCUST__NEVER ? next : next - loop->clock_ns;
        if (timeout < 0)
            timeout = 0;
    }
    n = locust__os_poll_wait(&loop->poller, watches, timeout);
    for (int i = 0; i < n; i++) { // all of them before any coroutine runs, which might close one
        locust__fd *f = (locust__fd *)(void *)watches[i];
        if (f->reader && f->watch.readable)
            locust__co_wake(loop, f->reader, LOCUST__WAKE_EVENT);
        if (f->writer && f->watch.writable)
            locust__co_wake(loop, f->writer, LOCUST__WAKE_EVENT);
    }
}

/* Looks how far the wall clock, which tells when bytes arrived, is from the loop's own. Who was kept
 * from the processor between the two readings looks again. */
static void locust__loop_compare_clocks(locust__loop *loop)
{
    int64_t took_ns = LOCUST__MS;
    for (int tries = 0; tries < 3 && took_ns > 5000; tries++) {
        int64_t began_ns = locust__os_now_ns();
        loop->epoch_ns = locust__os_wall_ns() - began_ns;
        took_ns = locust__os_now_ns() - began_ns;
    }
    loop->epoch_at_ns = loop->now_ns;
}

/* Runs until every coroutine has ended. */
static void locust__loop_run(locust__loop *loop)
{
    LOCUST_ASSERT(!locust__loop_now);
    locust__loop_now = loop;
    locust__os_precise_timers();
    locust__os_fault_open(locust__stack_fault);
    while (loop->running) {
        locust__co *last;
        loop->turn++;
        loop->now_ns = locust__loop_clock(loop);
        if (loop->now_ns - loop->epoch_at_ns >= LOCUST__MS)
            locust__loop_compare_clocks(loop);
        locust__wheel_advance(loop);
        last = loop->ready.last; // those woken from here on have their turn after the poll
        if (last)                // nobody runs before the first, to fetch what it needs
            locust__loop_prefetch(loop, loop->ready.first);
        for (locust__co *co = NULL; last && co != last;) {
            co = loop->ready.first;
            locust__loop_step(loop, co);
        }
        loop->turn_ns = locust__loop_clock(loop) - loop->now_ns;
        if (loop->running)
            locust__loop_poll(loop);
    }
    locust__os_fault_close();
    locust__loop_now = NULL;
}
