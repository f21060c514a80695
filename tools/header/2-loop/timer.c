/* ============================================================================================
 * >>timer  timers of coroutines
 *
 * Purpose     wakes coroutines at their deadlines, to the nanosecond, for a million of them.
 * Invariants  a coroutine has one valid entry at most, that of armed_ns; while it is parked with a
 *             deadline there is one, and not after that. Lists hold entries of milliseconds after
 *             `tick`, the heap those up to it.
 * Cost        arming and firing: a few stores each, and moving down a level every 256 steps. Waking
 *             within the current millisecond: a heap, which is small.
 * Names       locust__heap_ locust__wheel_
 * Uses        >>co
 * Limits      timers beyond 4.6 hours are looked at again every 4.6 hours.
 *
 *   three wheels of 256 lists each; a list is a chain of chunks of entries, in no order
 *
 *     level 2  | 65.5 s | 65.5 s | ...   when the tick gets to a list, its entries move down,
 *     level 1  | 256 ms | 256 ms | ...
 *     level 0  | 1 ms | 1 ms | ...       and from here to the heap, which orders those of one
 *                                        millisecond; what is due already is woken at once
 *
 *   An entry is {time, coroutine}. It is valid while the coroutine's armed_ns is that very time,
 *   so a timer is cancelled by changing armed_ns, or by leaving the entry to find its coroutine
 *   awake.
 *
 *   A wait with a timeout (`lazy`) nearly always ends long before its deadline. It arms an entry at
 *   most one second ahead, which arms another when it fires and the deadline is further away. The
 *   next wait of that coroutine finds the entry still there, early enough, and arms nothing. So
 *   timeouts cost one entry a second, not one a request, and what is out of date is gone within a
 *   second.
 * ============================================================================================ */

/* The caller has made room. */
static void locust__heap_push(locust__wheel *w, locust__timer t)
{
    size_t i = w->heap_len++;
    for (; i && w->heap[(i - 1) / 2].at_ns > t.at_ns; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = t;
}

/* Removes the first entry. */
static void locust__heap_pop(locust__wheel *w)
{
    locust__timer t = w->heap[--w->heap_len];
    size_t i = 0, child;
    for (; (child = 2 * i + 1) < w->heap_len; i = child) {
        if (child + 1 < w->heap_len && w->heap[child + 1].at_ns < w->heap[child].at_ns)
            child++;
        if (w->heap[child].at_ns >= t.at_ns)
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = t;
}

/* Puts an entry where it belongs, seen from the current tick. 0 or -ENOMEM. */
static int locust__wheel_insert(locust__wheel *w, locust__timer t)
{
    int64_t tick = t.at_ns / LOCUST__MS, ahead = tick - w->tick;
    int level = ahead < 256 ? 0 : ahead < 65536 ? 1 : 2;
    size_t list;
    locust__timer_chunk *chunk;
    if (ahead <= 0) {
        locust__timer *heap = locust__memory_grow(w->heap, sizeof *heap, w->heap_len, &w->heap_cap);
        if (!heap)
            return -ENOMEM;
        w->heap = heap;
        locust__heap_push(w, t);
        return 0;
    }
    if (ahead >= 1 << 24) // too far: in the last list, from where it is put in anew
        tick = w->tick + (1 << 24) - 1;
    list = (size_t)(tick >> (8 * level)) & 255;
    chunk = w->lists[level][list];
    if (!chunk || chunk->count == sizeof chunk->timers / sizeof *chunk->timers) {
        chunk = w->spare ? w->spare : LOCUST_MALLOC(sizeof *chunk);
        if (!chunk)
            return -ENOMEM;
        if (chunk == w->spare)
            w->spare = chunk->next;
        chunk->count = 0;
        chunk->next = w->lists[level][list];
        w->lists[level][list] = chunk;
        w->used[level][list / 64] |= (uint64_t)1 << list % 64;
    }
    chunk->timers[chunk->count++] = t;
    return 0;
}

/* Makes sure that an entry fires at the coroutine's deadline, or before it and then arms
 * another. */
static int locust__wheel_arm(locust__loop *loop, locust__co *co)
{
    int64_t at = co->deadline_ns;
    int rc;
    if (co->lazy && at > loop->now_ns + LOCUST__S)
        at = loop->now_ns + LOCUST__S;
    if (co->armed_ns <= at)
        return 0;
    rc = locust__wheel_insert(&loop->wheel, (locust__timer){at, co});
    if (rc == 0)
        co->armed_ns = at;
    return rc;
}

/* Wakes a coroutine for which there was no memory for a timer. A sleeper looks at the clock in each
 * turn of the loop. One that waits in a queue would lose its place by that: it times out early. */
static void locust__wheel_unarmed(locust__loop *loop, locust__co *co)
{
    locust__co_wake(loop, co, co->queue ? LOCUST__WAKE_TIMEOUT : LOCUST__WAKE_AGAIN);
}

/* Acts on an entry whose time has come. */
static void locust__wheel_fire(locust__loop *loop, locust__timer t)
{
    locust__co *co = t.co;
    if (co->armed_ns != t.at_ns)
        return; // out of date
    co->armed_ns = LOCUST__NEVER;
    if (co->state != LOCUST__STATE_PARKED || co->deadline_ns == LOCUST__NEVER)
        return;
    if (co->deadline_ns <= loop->now_ns)
        locust__co_wake(loop, co, LOCUST__WAKE_TIMEOUT);
    else if (locust__wheel_arm(loop, co) < 0)
        locust__wheel_unarmed(loop, co);
}

/* Takes all entries out of a list and puts each where it belongs now: one level down, into the
 * heap, or nowhere if it is due. */
static void locust__wheel_empty(locust__loop *loop, int level, size_t list)
{
    locust__wheel *w = &loop->wheel;
    locust__timer_chunk *chunk = w->lists[level][list];
    w->lists[level][list] = NULL;
    w->used[level][list / 64] &= ~((uint64_t)1 << list % 64);
    while (chunk) {
        locust__timer_chunk *next = chunk->next;
        for (size_t i = 0; i < chunk->count; i++) {
            locust__timer t = chunk->timers[i];
            if (i + 4 < chunk->count) // the blocks of a million sleepers are in no cache
                __builtin_prefetch(chunk->timers[i + 4].co, 1);
            if ((level == 0 && t.at_ns <= loop->now_ns) || locust__wheel_insert(w, t) < 0)
                locust__wheel_fire(loop, t); // too early if memory ran out: it arms again, or wakes
        }
        chunk->next = w->spare;
        w->spare = chunk;
        chunk = next;
    }
}

/* Wakes all that is due. Goes on millisecond by millisecond, so that a loop that is late wakes in
 * the order of deadlines all the same. */
static void locust__wheel_advance(locust__loop *loop)
{
    locust__wheel *w = &loop->wheel;
    int64_t now = loop->now_ns / LOCUST__MS;
    for (;;) {
        int64_t tick;
        while (w->heap_len && w->heap[0].at_ns <= loop->now_ns) {
            locust__timer t = w->heap[0];
            locust__heap_pop(w);
            locust__wheel_fire(loop, t);
        }
        if (w->tick >= now)
            return;
        tick = ++w->tick;
        if ((tick & 65535) == 0)
            locust__wheel_empty(loop, 2, (size_t)(tick >> 16) & 255);
        if ((tick & 255) == 0)
            locust__wheel_empty(loop, 1, (size_t)(tick >> 8) & 255);
        if (w->lists[0][tick & 255])
            locust__wheel_empty(loop, 0, (size_t)tick & 255);
    }
}

/* How many lists behind `from` the next one in use is, going round: 1 to 256; 0: none is in use. */
static int locust__wheel_distance(const uint64_t *used, size_t from)
{
    for (size_t step = 1; step <= LOCUST__WHEEL_LISTS;) {
        size_t list = (from + step) & 255;
        uint64_t word = used[list / 64] >> list % 64;
        if (word)
            return (int)(step + (size_t)__builtin_ctzll(word));
        step += 64 - list % 64;
    }
    return 0;
}

/* When the loop has to look at the timers next: no later than the first deadline. */
static int64_t locust__wheel_next(const locust__wheel *w)
{
    int64_t next = w->heap_len ? w->heap[0].at_ns : LOCUST__NEVER;
    for (int level = 0; level < LOCUST__WHEEL_LEVELS; level++) {
        int64_t step = w->tick >> (8 * level);
        int distance = locust__wheel_distance(w->used[level], (size_t)step & 255);
        int64_t at = ((step + distance) << (8 * level)) * LOCUST__MS;
        if (distance && at < next)
            next = at;
    }
    return next;
}

static void locust__wheel_free(locust__wheel *w)
{
    for (int level = 0; level < LOCUST__WHEEL_LEVELS; level++)
        for (int list = 0; list < LOCUST__WHEEL_LISTS; list++)
            while (w->lists[level][list]) {
                locust__timer_chunk *chunk = w->lists[level][list];
                w->lists[level][list] = chunk->next;
                LOCUST_FREE(chunk);
            }
    while (w->spare) {
        locust__timer_chunk *chunk = w->spare;
        w->spare = chunk->next;
        LOCUST_FREE(chunk);
    }
    LOCUST_FREE(w->heap);
}
