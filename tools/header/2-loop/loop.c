/* ============================================================================================
 * >>loop  turns of the loop
 *
 * Purpose     runs coroutines in turns until all of them have ended: wakes those whose time has
 *             come, runs those that are ready, asks the poller whose descriptors are.
 * Invariants  a turn runs what was ready when it began. What it wakes itself runs in the next turn,
 *             after a look at the poller, so coroutines that wake each other starve nobody.
 * Cost        a turn: two readings of the clock and one system call, shared by all that it runs.
 * Names       locust__loop_
 * Uses        >>co >>misuse >>timer >>co_pool >>stack >>switch >>fd
 *
 *     now_ns       timers due        ready ones          turn_ns      poller: waits only
 *     is read  ->  become ready  ->  run, one by one ->  is known ->  if nothing is ready  -> next
 *
 *   The loop knows how long each coroutine ran, and how late the next one runs, and hardly ever
 *   reads the clock for it: a coroutine reads it for its own purposes, a response time say, shortly
 *   before it parks (locust__loop_clock). So clock_ns is about now. What it has grown is how long
 *   the coroutine ran; only after one that did not read it the loop does, or the next one would
 *   answer for both. If the next one was woken by its deadline, it is late by clock_ns less that.
 *   Readers of sockets count their lateness themselves, as they learn when their bytes had arrived.
 *
 *   A look at the poller says when the turn behind it is due: at once, or with the next timer. A
 *   turn that begins later finds how long this process did not run: it was stopped, or has no core.
 *   If the look did not sleep, its events may have come at any time since the look before:
 *
 *     look            turn                 look         now_ns          step_ns
 *      |---------------------------------->|-------------|--- others ----|
 *                     unseen_ns, at most                  locust__loop_waited_ns: both
 * ============================================================================================ */

/* 0 or -errno; -ENOTSUP: this process may not switch stacks. */
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

/* Gives back all memory, after all coroutines have ended. */
static void locust__loop_close(locust__loop *loop)
{
    LOCUST_ASSERT(loop->running == 0);
    while (loop->stack_pools) {
        locust__stack_pool *pool = loop->stack_pools;
        loop->stack_pools = pool->next;
        locust__stack_pool_free(pool);
    }
    while (loop->co_pools) {
        locust__co_pool *pool = loop->co_pools;
        loop->co_pools = pool->next;
        locust__co_pool_free(pool);
    }
    locust__wheel_free(&loop->wheel);
    locust__os_poll_close(&loop->poller);
    locust__hist_free(&loop->late);
    LOCUST_FREE(loop->scratch);
}

/* Starts to fetch into the cache what a coroutine touches when it is resumed: the frames that it is
 * parked in, and its user. With 1,000 connections none of that is there any more. One that rests
 * has no frames: the stack that it takes was in use a moment ago. */
static void locust__loop_prefetch(const locust__loop *loop, const locust__co *co)
{
    if (co->stack)
        locust__memory_prefetch(co->sp, LOCUST__LOOP_AHEAD);
    if (co->local && loop->prefetch_user)
        loop->prefetch_user(co->local);
}

/* Runs the first ready coroutine until it parks, yields, rests or ends, and in between what it
 * wants called on the loop's stack. */
static void locust__loop_step(locust__loop *loop, locust__co *co)
{
    int64_t began_ns = loop->step_ns = loop->clock_ns;
    if (co->next) // while this one runs, memory for the next one comes in
        locust__loop_prefetch(loop, co->next);
    locust__queue_remove(co);
    if (!co->stack && !locust__co_rise(loop, co))
        return;
    co->state = LOCUST__STATE_RUNNING;
    loop->stepped = co;
    if (co->wake == LOCUST__WAKE_TIMEOUT)
        locust__loop_count_late(loop, began_ns - co->deadline_ns);
    if (co->early)
        co->early->fn(co->early);
    locust__co_resume(loop, co);
    while (loop->call) {
        void (*fn)(void *) = loop->call;
        loop->call = NULL;
        fn(loop->call_arg);
        if (co->state == LOCUST__STATE_RUNNING) // else fn has parked it
            locust__co_resume(loop, co);
    }
    if (loop->clock_ns == began_ns)
        locust__loop_clock(loop);
    if (loop->clock_ns - began_ns >= LOCUST__LOOP_BLOCKED_NS && loop->blocked && !loop->excused)
        loop->blocked(loop->told_arg, co, loop->clock_ns - began_ns);
    loop->excused = false;
    loop->stepped = NULL;
    if (co->rests || co->state == LOCUST__STATE_FREE)
        locust__stack_give(loop, co);
    if (co->state == LOCUST__STATE_FREE)
        locust__co_ended(loop, co);
}

/* Wakes the coroutines whose descriptors became ready. If none is ready to run, it waits for that
 * until the next timer. */
static void locust__loop_poll(locust__loop *loop)
{
    locust__watch *watches[LOCUST__OS_EVENTS];
    int64_t timeout = 0;
    int n;
    if (!loop->ready.first) {
        int64_t next = locust__wheel_next(&loop->wheel);
        timeout = next == LOCUST__NEVER ? next : next - loop->clock_ns;
        if (timeout > 0 && locust__stack_trim(loop) && timeout > LOCUST__MS)
            timeout = LOCUST__MS; // some more, after a look at the poller
        if (timeout < 0)
            timeout = 0;
    }
    loop->due_ns = locust__time_after(loop->clock_ns, timeout);
    loop->unseen_ns = loop->turn_ns + (loop->more_events ? loop->unseen_ns : 0);
    n = locust__os_poll_wait(&loop->poller, watches, timeout);
    loop->more_events = n == LOCUST__OS_EVENTS || (n == 0 && timeout > 0); // or by a signal
    for (int i = 0; i < n; i++) { // before any coroutine runs: it might free one of these watches
        locust__fd *f = (locust__fd *)(void *)watches[i];
        if (f->watch.hup && !f->hup_ns)
            f->hup_ns = locust__os_now_ns();
        if (f->reader && f->watch.readable)
            locust__co_wake(loop, f->reader, LOCUST__WAKE_EVENT);
        else if (f->unread && f->watch.readable)
            f->unread(f);
        if (f->writer && f->watch.writable)
            locust__co_wake(loop, f->writer, LOCUST__WAKE_EVENT);
    }
}

/* Has something done once, at the end of this turn. */
LOCUST__UNUSED static void locust__loop_at_end(locust__loop *loop, locust__turn_end *end)
{
    if (end->due)
        return;
    end->due = true;
    end->next = loop->at_end;
    loop->at_end = end;
}

/* Has it not done any more: its memory goes. */
LOCUST__UNUSED static void locust__loop_not_at_end(locust__loop *loop, locust__turn_end *end)
{
    locust__turn_end **at = &loop->at_end;
    if (!end->due)
        return;
    while (*at != end)
        at = &(*at)->next;
    *at = end->next;
    end->due = false;
}

/* Begins a turn: reads the clock, and finds out what it missed. */
static void locust__loop_begin_turn(locust__loop *loop)
{
    int64_t looked_ns = loop->clock_ns, late_ns;
    loop->turn++;
    loop->now_ns = locust__loop_clock(loop);
    late_ns = loop->now_ns > loop->due_ns ? loop->now_ns - loop->due_ns : 0;
    if (loop->due_ns > looked_ns && loop->now_ns - looked_ns > LOCUST__LOOP_SLEPT_NS)
        loop->unseen_ns = late_ns; // when it lay down nothing had come
    if (late_ns >= LOCUST__LOOP_BLOCKED_NS && loop->blocked)
        loop->blocked(loop->told_arg, NULL, late_ns);
}

/* Measures how far the wall clock, by which the system stamps arriving bytes, is ahead of the
 * loop's own. Two readings that lie more than 5 us apart, as other programs ran between them, are
 * repeated. */
static void locust__loop_compare_clocks(locust__loop *loop)
{
    int64_t took_ns = LOCUST__MS, before_ns = loop->epoch_ns, by_ns;
    for (int tries = 0; tries < 3 && took_ns > 5000; tries++) {
        int64_t began_ns = locust__os_now_ns();
        loop->epoch_ns = locust__os_wall_ns() - began_ns;
        took_ns = locust__os_now_ns() - began_ns;
    }
    by_ns = loop->epoch_ns - before_ns;
    if (loop->epoch_at_ns && loop->clock_set &&
        (by_ns < 0 ? -by_ns : by_ns) > LOCUST__LOOP_CLOCK_SET_NS + took_ns)
        loop->clock_set(loop->told_arg, by_ns);
    loop->epoch_at_ns = loop->now_ns;
}

/* Runs until every coroutine has ended. */
static void locust__loop_run(locust__loop *loop)
{
    locust__callback *callback = locust__callback_now; // a listener of on_quit may run another test
    LOCUST_ASSERT(!locust__loop_now);
    locust__callback_now = NULL;
    locust__loop_now = loop;
    locust__os_precise_timers();
    locust__os_fault_open(locust__stack_fault);
    loop->due_ns = LOCUST__NEVER;
    while (loop->running) {
        locust__co *last;
        locust__loop_begin_turn(loop);
        if (loop->now_ns - loop->epoch_at_ns >= LOCUST__MS)
            locust__loop_compare_clocks(loop);
        locust__wheel_advance(loop);
        last = loop->ready.last; // what is woken from here on runs in the next turn
        if (last) {              // the others are prefetched by the one before
            locust__loop_prefetch(loop, loop->ready.first);
            locust__loop_clock(loop); // waking a million sleepers is no coroutine's doing
        }
        for (locust__co *co = NULL; last && co != last;) {
            co = loop->ready.first;
            locust__loop_step(loop, co);
        }
        while (loop->at_end) {
            locust__turn_end *end = loop->at_end;
            loop->at_end = end->next;
            end->due = false;
            end->fn(end);
        }
        loop->turn_ns = locust__loop_clock(loop) - loop->now_ns;
        if (loop->running)
            locust__loop_poll(loop);
    }
    locust__os_fault_close();
    locust__loop_now = NULL;
    locust__callback_now = callback;
}
