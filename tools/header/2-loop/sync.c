/* ============================================================================================
 * >>sync  queues, semaphores and groups of coroutines
 *
 * Purpose     lets a coroutine wait for others: in a queue, for a group, for a unit of a semaphore.
 * Invariants  first come, first served. Whatever wakes a coroutine takes it out of its queue, so
 *             the first of a queue is always one that still waits.
 * Names       locust__sem_ locust__wait_group_ locust__queue_wait
 * Uses        >>co >>co_pool >>switch
 * ============================================================================================ */

/* Parks at the end of a queue, until another coroutine wakes the queue's first and that is this
 * one, or until the deadline or a cancellation, which take it out of the queue. */
static enum locust__wake locust__queue_wait(
    locust__loop *loop, locust__queue *q, int64_t deadline_ns) LOCUST__PARKS
{
    locust__queue_push(q, loop->current);
    return locust__co_park(loop, deadline_ns, true);
}

/* Parks until every coroutine of the group has ended. Any number may wait: the last of the group to
 * end wakes them all. A waiter then looks again: one that was woken before it may have added to the
 * group. */
static enum locust__wake locust__wait_group_join(
    locust__loop *loop, locust__wait_group *group, int64_t deadline_ns) LOCUST__PARKS
{
    while (group->running) {
        enum locust__wake why = locust__queue_wait(loop, &group->waiters, deadline_ns);
        if (why != LOCUST__WAKE_EVENT)
            return why;
    }
    return LOCUST__WAKE_EVENT;
}

/* Cancels every coroutine of the group that has not ended. Looks at every coroutine of the loop:
 * for the end of a run. (The group has no list of its members: a list would cost each coroutine of
 * the loop two pointers more.) */
static void locust__wait_group_cancel(locust__loop *loop, const locust__wait_group *group)
{
    for (locust__co_pool *pool = loop->co_pools; pool; pool = pool->next)
        for (locust__co_slab *slab = pool->slabs; slab; slab = slab->next)
            for (uint32_t i = 0; i < slab->used; i++) {
                locust__co *co = locust__co_pool_at(pool, slab, i);
                if (co->state != LOCUST__STATE_FREE && co->group == group)
                    locust__co_cancel(loop, co);
            }
}

typedef struct locust__sem { // a semaphore
    int free;                // units; 0 while anybody waits
    locust__queue waiters;
} locust__sem;

/* Takes a unit, or parks until one is given. Only LOCUST__WAKE_EVENT means that it has one. */
static enum locust__wake locust__sem_take(
    locust__loop *loop, locust__sem *s, int64_t deadline_ns) LOCUST__PARKS
{
    if (s->free > 0) {
        s->free--;
        return LOCUST__WAKE_EVENT;
    }
    return locust__queue_wait(loop, &s->waiters, deadline_ns); // if woken, it has the giver's unit
}

/* Gives a unit to the first that waits, or back to the semaphore. Handing it over, and not just
 * waking the waiter, keeps others that run before it from taking it. */
static void locust__sem_give(locust__loop *loop, locust__sem *s)
{
    if (s->waiters.first)
        locust__co_wake(loop, s->waiters.first, LOCUST__WAKE_EVENT);
    else
        s->free++;
}
