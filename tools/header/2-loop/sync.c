/* ============================================================================================
 * >>sync  queues, semaphores and groups of coroutines
 *
 * Purpose     wait for another coroutine: the few forms that the kit needs.
 * Invariants  first come, first served.
 * Names       locust__sem_ locust__wait_group_ locust__queue_wait
 * Uses        >>co >>switch
 * ============================================================================================ */

/* Parks in a queue until somebody wakes the queue's first, the deadline or a cancellation. */
static enum locust__wake locust__queue_wait(
    locust__loop *loop, locust__queue *q, int64_t deadline_ns) LOCUST__PARKS
{
    locust__queue_push(q, loop->current);
    return locust__co_park(loop, deadline_ns, true);
}

/* Waits until every coroutine of the group has ended. */
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

typedef struct locust__sem {
    int free;
    locust__queue waiters;
} locust__sem;

static enum locust__wake locust__sem_take(
    locust__loop *loop, locust__sem *s, int64_t deadline_ns) LOCUST__PARKS
{
    if (s->free > 0) {
        s->free--;
        return LOCUST__WAKE_EVENT;
    }
    return locust__queue_wait(loop, &s->waiters, deadline_ns); // the giver passes its unit on
}

static void locust__sem_give(locust__loop *loop, locust__sem *s)
{
    if (s->waiters.first)
        locust__co_wake(loop, s->waiters.first, LOCUST__WAKE_EVENT);
    else
        s->free++;
}
