/* ============================================================================================
 * >>switch  starting, parking, waking, cancelling
 *
 * Purpose     from the loop to a coroutine and back; what parks and what ends one.
 * Names       locust__co_
 * Uses        >>co >>timer >>stack
 * ============================================================================================ */

/* From the loop to a coroutine, until it parks or ends. */
static void locust__co_resume(locust__loop *loop, locust__co *co)
{
#if LOCUST__WITH_ASAN
    void *fake_stack;
    char *low = locust__stack_low(co);
    __sanitizer_start_switch_fiber(&fake_stack, low, (size_t)(locust__stack_place_end(co) - low));
#endif
    loop->current = co;
    locust__ctx_switch(&loop->sp, co->sp);
    loop->current = NULL;
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
}

/* From the current coroutine to the loop, until it is resumed. */
static void locust__co_leave(locust__loop *loop, locust__co *co)
{
    locust__stack_check(loop, co);
#if LOCUST__WITH_ASAN
    __sanitizer_start_switch_fiber(&co->fake_stack, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&co->sp, loop->sp);
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &loop->stack_bottom, &loop->stack_size);
#endif
}

/* The first function on a coroutine's stack. */
static void locust__co_body(void *arg)
{
    locust__co *co = arg;
    locust__loop *loop = locust__loop_now;
    void (*fn)(void *arg), *unused;
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &loop->stack_bottom, &loop->stack_size);
#endif
    memcpy(&fn, locust__stack_unwind_point(co), sizeof fn);
    fn(co->arg);
    locust__stack_check(loop, co);
    co->state = LOCUST__STATE_FREE;
#if LOCUST__WITH_ASAN
    __sanitizer_start_switch_fiber(NULL, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&unused, loop->sp);
    abort(); // nobody resumes what has ended
}

/* Its first resumption calls fn. There is nowhere to unwind to yet, so that place is free. */
static void locust__co_enter(locust__co *co, void (*fn)(void *arg))
{
#if LOCUST__WITH_VALGRIND // the last one here may have begun higher up: this one's place was below its frames
    char *low = locust__stack_low(co);
    VALGRIND_MAKE_MEM_DEFINED(low, locust__stack_place_end(co) - low);
#endif
    memcpy(locust__stack_unwind_point(co), &fn, sizeof fn);
    co->sp = locust__ctx_make(locust__stack_top(co), locust__co_body, co);
}

/* Memory that lasts as long as a coroutine, which has not run yet; its stack begins below. NULL: it
 * would take too much of the page. (Memory of the heap is what ASan watches.) */
static void *locust__co_keep(locust__co *co, size_t n)
{
    void (*fn)(void *arg);
    n = (n + LOCUST__CACHE_LINE - 1) & ~(size_t)(LOCUST__CACHE_LINE - 1);
    if (n > LOCUST__STACK_ABOVE || LOCUST__WITH_ASAN)
        return NULL;
    memcpy(&fn, locust__stack_unwind_point(co), sizeof fn);
    co->kept = (uint16_t)n;
    locust__co_enter(co, fn);
    return locust__stack_place_end(co) - n;
}

/* Starts a coroutine: fn(arg) runs on a stack of its own, the next time that the loop gets there.
 *
 * Takes     stack_bytes: 0 for the default. group: NULL, or what locust__wait_group_join waits for.
 * Returns   the coroutine, valid until fn returns; NULL if memory ran out.
 */
static locust__co *locust__co_start(locust__loop *loop, const char *name, size_t stack_bytes,
    void (*fn)(void *arg), void *arg, locust__wait_group *group)
{
    locust__stack_pool *pool =
        locust__stack_pool_of(loop, stack_bytes ? stack_bytes : LOCUST_STACK_SIZE);
    locust__co *co = pool ? locust__stack_pool_take(loop, pool) : NULL;
    if (!co)
        return NULL;
    co->arg = arg;
    co->name = name;
    co->local = NULL;
    co->cancelled = false;
    co->queue = NULL;
    co->group = group;
    co->kept = 0;
#if LOCUST__WITH_ASAN // the last one on this stack never returned from its first function
    __asan_unpoison_memory_region(
        locust__stack_low(co), (size_t)(locust__stack_top(co) - locust__stack_low(co)));
#endif
    locust__co_enter(co, fn);
    co->state = LOCUST__STATE_READY;
    co->wake = LOCUST__WAKE_EVENT;
    locust__queue_push(&loop->ready, co);
    loop->running++;
    if (group)
        group->running++;
    return co;
}

static void locust__co_ended(locust__loop *loop, locust__co *co)
{
    locust__wait_group *group = co->group;
    loop->running--;
    if (group && --group->running == 0)
        while (group->waiters.first)
            locust__co_wake(loop, group->waiters.first, LOCUST__WAKE_EVENT);
    co->next = co->slab->pool->free;
    co->slab->pool->free = co;
}

/* Parks the current coroutine until it is woken, its deadline passes or it is cancelled.
 * `lazy`: the deadline is a timeout, unlikely to be reached. */
static enum locust__wake locust__co_park(
    locust__loop *loop, int64_t deadline_ns, bool lazy) LOCUST__PARKS
{
    locust__co *co = loop->current;
    LOCUST_ASSERT(co);
    if (co->cancelled) {
        locust__queue_remove(co);
        return LOCUST__WAKE_CANCELLED;
    }
    // (Whoever is due already is late from now on.)
    co->deadline_ns = deadline_ns > loop->now_ns ? deadline_ns : loop->now_ns;
    co->lazy = lazy;
    do {
        co->state = LOCUST__STATE_PARKED;
        if (deadline_ns != LOCUST__NEVER && locust__wheel_arm(loop, co) < 0)
            locust__wheel_unarmed(loop, co);
        locust__co_leave(loop, co);
        if (co->wake == LOCUST__WAKE_AGAIN) {
            if (co->cancelled)
                co->wake = LOCUST__WAKE_CANCELLED;
            else if (loop->now_ns >= deadline_ns)
                co->wake = LOCUST__WAKE_TIMEOUT;
            else if (lazy) // what it waits for may have come meanwhile: the caller looks
                co->wake = LOCUST__WAKE_EVENT;
        }
    } while (co->wake == LOCUST__WAKE_AGAIN);
    return co->wake;
}

/* Sleeps until then. Returns LOCUST__WAKE_TIMEOUT, or LOCUST__WAKE_CANCELLED. */
static enum locust__wake locust__co_sleep(locust__loop *loop, int64_t until_ns) LOCUST__PARKS
{
    return locust__co_park(loop, until_ns, false);
}

/* Lets every other ready coroutine run first. */
static enum locust__wake locust__co_yield(locust__loop *loop) LOCUST__PARKS
{
    locust__co *co = loop->current;
    if (co->cancelled)
        return LOCUST__WAKE_CANCELLED;
    co->state = LOCUST__STATE_READY;
    co->wake = LOCUST__WAKE_EVENT;
    locust__queue_push(&loop->ready, co);
    locust__co_leave(loop, co);
    return co->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
}

/* Every park of the coroutine now and later returns LOCUST__WAKE_CANCELLED, until `cancelled` is
 * cleared by whoever cleans up. */
static void locust__co_cancel(locust__loop *loop, locust__co *co)
{
    co->cancelled = true;
    locust__co_wake(loop, co, LOCUST__WAKE_CANCELLED);
}

/* Runs fn(arg) on the loop's own, big stack, for what is deep. It must not park. */
static void locust__co_call(locust__loop *loop, void (*fn)(void *arg), void *arg)
{
    if (!loop->current) {
        fn(arg);
        return;
    }
    loop->call = fn;
    loop->call_arg = arg;
    locust__co_leave(loop, loop->current);
}
