/* ============================================================================================
 * >>timer  timers of coroutines
 *
 * Purpose     wake a coroutine at a time, for a million of them.
 * Names       locust__heap_ locust__wheel_
 * Uses        >>co
 * Limits      timers beyond 4.6 hours are looked at again every 4.6 hours.
 *
 *   timers: three wheels of 256 lists of chunks, of 1 ms, 256 ms, 65.5 s a step
 *
 *     level 0  | 1 ms | 1 ms | ...   entries of the millisecond that begins go to the heap, which
 *     level 1  | 256 ms | ...        orders them to the nanosecond; those of a millisecond that
 *     level 2  | 65.5 s | ...        is over are woken at once
 *
 *   An entry is {time, coroutine}; it is valid while the coroutine says it is armed for exactly
 *   that time. Cancelling is forgetting. A wait for I/O does not arm its own deadline but one at
 *   most a second away, and looks again then: so a timeout costs nothing per request, and at most
 *   a second's worth of stale entries exists.
 * ============================================================================================ */

static void locust__heap_push(locust__wheel *w, locust__timer t)
{
    size_t i = w->heap_len++;
    for (; i && w->heap[(i - 1) / 2].at_ns > t.at_ns; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = t;
}

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
    if (ahead >= 1 << 24)
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

/* Makes sure that a timer entry fires no later than the coroutine's deadline. */
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

/* There was no memory for a timer: a sleeper looks again each turn; who waits in a queue would lose
 * its place by that, and times out early. */
static void locust__wheel_unarmed(locust__loop *loop, locust__co *co)
{
    locust__co_wake(loop, co, co->queue ? LOCUST__WAKE_TIMEOUT : LOCUST__WAKE_AGAIN);
}

static void locust__wheel_fire(locust__loop *loop, locust__timer t)
{
    locust__co *co = t.co;
    if (co->armed_ns != t.at_ns)
        return; // stale
    co->armed_ns = LOCUST__NEVER;
    if (co->state != LOCUST__STATE_PARKED || co->deadline_ns == LOCUST__NEVER)
        return;
    if (co->deadline_ns <= loop->now_ns)
        locust__co_wake(loop, co, LOCUST__WAKE_TIMEOUT);
    else if (locust__wheel_arm(loop, co) < 0)
        locust__wheel_unarmed(loop, co);
}

/* Takes a list's entries out and hands each back to where it belongs now. */
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
            if (i + 4 < chunk->count) // a million sleepers' blocks are in no cache: fetch ahead
                __builtin_prefetch(chunk->timers[i + 4].co, 1);
            if ((level == 0 && t.at_ns <= loop->now_ns) || locust__wheel_insert(w, t) < 0)
                locust__wheel_fire(loop, t); // early, if there is no memory: it is armed again
        }
        chunk->next = w->spare;
        w->spare = chunk;
        chunk = next;
    }
}

/* A loop that comes late wakes in order, too: millisecond by millisecond. */
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

/* Steps from list `from` to the next one in use, 1 to 256; 0: none. */
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

/* When the loop has to look at the timers next. */
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
