/* ============================================================================================
 * >>switch  starting, parking, waking, cancelling
 *
 * Purpose     starts coroutines, switches between them and the loop, parks, wakes and cancels them.
 * Invariants  only the loop resumes a coroutine, and a coroutine always leaves to the loop: there
 *             is no switch from one coroutine to another, so the loop sees all that runs.
 * Cost        a park and a resumption: two switches (>>ctx) and a timer that is there already.
 * Names       locust__co_
 * Uses        >>co >>timer >>stack
 * ============================================================================================ */

/* Switches from the loop to a coroutine. Returns when that parks, yields, ends or calls on the
 * loop. */
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

/* Switches from the current coroutine to the loop. Returns when the loop resumes it. */
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

/* The first function on a coroutine's stack. It finds the function to run in the unwind point,
 * which nothing else uses yet, so that a block needs no field for it. */
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
    abort(); // a coroutine that has ended is not resumed
}

/* Prepares a stack so that the first resumption calls fn(co->arg). */
static void locust__co_enter(locust__co *co, void (*fn)(void *arg))
{
#if LOCUST__WITH_VALGRIND // to it what the last coroutine here had on its stack is undefined
    char *low = locust__stack_low(co);
    VALGRIND_MAKE_MEM_DEFINED(low, locust__stack_place_end(co) - low);
#endif
    memcpy(locust__stack_unwind_point(co), &fn, sizeof fn);
    co->sp = locust__ctx_make(locust__stack_top(co), locust__co_body, co);
}

/* Reserves n bytes at the end of a coroutine's place for its owner, for as long as the coroutine
 * lives; its stack begins below them: see >>stack. Before the coroutine has run. NULL: they would
 * take too much of the page, or this is a build with ASan, which watches memory of the heap more
 * closely. */
static void *locust__co_reserve(locust__co *co, size_t n)
{
    void (*fn)(void *arg);
    n = (n + LOCUST__CACHE_LINE - 1) & ~(size_t)(LOCUST__CACHE_LINE - 1);
    if (n > LOCUST__STACK_ABOVE || LOCUST__WITH_ASAN)
        return NULL;
    memcpy(&fn, locust__stack_unwind_point(co), sizeof fn);
    co->reserved = (uint16_t)n;
    locust__co_enter(co, fn);
    return locust__stack_place_end(co) - n;
}

/* Starts a coroutine: fn(arg) runs on a stack of its own, behind what is ready already.
 *
 * Takes     name: for messages, borrowed. stack_bytes: 0 for the default. group: NULL, or the group
 *           that counts it until it ends.
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
    co->early = NULL;
    co->cancelled = false;
    co->queue = NULL;
    co->group = group;
    co->reserved = 0;
#if LOCUST__WITH_ASAN // the last coroutine here left by a switch: its red zones are still there
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

/* Gives back the block and stack of a coroutine that has ended, and wakes those that wait for its
 * group if it was the last. */
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

/* Parks a coroutine until a timeout, from a function that it has called on the loop's stack
 * (locust__co_call). Returns at once; the coroutine's call returns when that is woken: it looks at
 * `wake` itself, which may be LOCUST__WAKE_AGAIN. */
static void locust__co_park_called(locust__loop *loop, locust__co *co, int64_t deadline_ns)
{
    co->deadline_ns = deadline_ns > loop->now_ns ? deadline_ns : loop->now_ns;
    co->lazy = true;
    co->state = LOCUST__STATE_PARKED;
    if (deadline_ns != LOCUST__NEVER && locust__wheel_arm(loop, co) < 0)
        locust__wheel_unarmed(loop, co);
}

/* Parks the current coroutine until it is woken, its deadline passes or it is cancelled; it may be
 * in a queue. `lazy`: the deadline is a timeout, unlikely to be reached, so its timer is armed a
 * second ahead at most (see >>timer), and the caller copes with an EVENT that it was not woken
 * for. */
static enum locust__wake locust__co_park(
    locust__loop *loop, int64_t deadline_ns, bool lazy) LOCUST__PARKS
{
    locust__co *co = loop->current;
    LOCUST_ASSERT(co);
    if (co->cancelled) {
        locust__queue_remove(co);
        return LOCUST__WAKE_CANCELLED;
    }
    // A deadline in the past counts as now: lateness starts at this park, not before it.
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
            else if (
                lazy) // it was woken early, for want of a timer: the caller looks and parks again
                co->wake = LOCUST__WAKE_EVENT;
        }
    } while (co->wake == LOCUST__WAKE_AGAIN);
    return co->wake;
}

/* Sleeps until a time. Returns LOCUST__WAKE_TIMEOUT or LOCUST__WAKE_CANCELLED. */
static enum locust__wake locust__co_sleep(locust__loop *loop, int64_t until_ns) LOCUST__PARKS
{
    return locust__co_park(loop, until_ns, false);
}

/* Lets every other ready coroutine run first. Returns LOCUST__WAKE_EVENT or
 * LOCUST__WAKE_CANCELLED. */
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

/* Cancels a coroutine: its park, if it is in one, and all later ones return LOCUST__WAKE_CANCELLED
 * at once. Before it cleans up by code that parks, it clears `cancelled`. */
static void locust__co_cancel(locust__loop *loop, locust__co *co)
{
    co->cancelled = true;
    locust__co_wake(loop, co, LOCUST__WAKE_CANCELLED);
}

/* Calls fn(arg) on the loop's own stack, which is as large as the system makes one: for what needs
 * more than a coroutine has, such as mbedTLS, or is to run where memory is warm. The coroutine
 * leaves; the loop finds `call`, calls it and resumes the coroutine at once (>>loop), unless fn has
 * parked it by locust__co_park_called. fn itself must not park. */
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
