/* ============================================================================================
 * >>switch  starting, parking, waking, cancelling
 *
 * Purpose     starts coroutines, switches between them and the loop, parks, wakes and cancels them.
 * Invariants  only the loop resumes a coroutine, and a coroutine always leaves to the loop: there
 *             is no switch from one coroutine to another, so the loop sees all that runs.
 *             What a coroutine is called with is on its stack from when it begins to run until its
 *             function returns. That either ends it, or it rests (locust__co_rest) and has no
 *             stack until it is woken: then its function is called anew, from its beginning.
 * Cost        a park and a resumption: two switches (>>ctx) and a timer that is there already. A
 *             rest: the same, and a stack given back and taken, some 50 instructions.
 * Names       locust__co_
 * Uses        >>co >>timer >>co_pool >>stack
 * ============================================================================================ */

/* Switches from the loop to a coroutine. Returns when that parks, yields, ends or calls on the
 * loop. */
static void locust__co_resume(locust__loop *loop, locust__co *co)
{
#if LOCUST__WITH_ASAN
    void *fake_stack;
    char *low = locust__stack_low(co->stack);
    __sanitizer_start_switch_fiber(
        &fake_stack, low, (size_t)(locust__stack_place_end(co->stack) - low));
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

/* The first function on a coroutine's stack. */
static void locust__co_body(void *arg)
{
    locust__co *co = arg;
    locust__loop *loop = locust__loop_now;
    void *unused;
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &loop->stack_bottom, &loop->stack_size);
#endif
    co->fn(co->arg);
    locust__stack_check(loop, co);
    if (!co->rests)
        co->state = LOCUST__STATE_FREE;
#if LOCUST__WITH_ASAN
    __sanitizer_start_switch_fiber(NULL, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&unused, loop->sp);
    abort(); // the loop takes the stack back
}

/* Takes a stack for a coroutine that has none, and prepares it so that the resumption calls the
 * coroutine's function. False: no memory. */
static bool locust__co_enter(locust__loop *loop, locust__co *co)
{
    if (!locust__stack_take(loop, co))
        return false;
    co->rests = false;
    co->sp = locust__ctx_make(locust__stack_top(co->stack), locust__co_body, co);
    return true;
}

/* Makes a coroutine: fn(arg) is called behind what is ready already, on a stack that it takes then.
 *
 * Takes     name: for messages, borrowed. stack_bytes: 0 for the default. group: NULL, or the group
 *           that counts it until it ends. bytes: of zeroed memory that come and go with it:
 *           locust__co_block.
 * Returns   the coroutine, valid until fn returns without a rest; NULL if memory ran out.
 */
static locust__co *locust__co_make(locust__loop *loop, const char *name, size_t stack_bytes,
    void (*fn)(void *arg), void *arg, locust__wait_group *group, size_t bytes)
{
    locust__stack_pool *stacks =
        locust__stack_pool_of(loop, stack_bytes ? stack_bytes : LOCUST_STACK_SIZE);
    locust__co_pool *pool = locust__co_pool_of(loop, bytes);
    locust__co *co =
        stacks && pool && locust__stack_pool_ready(stacks) ? locust__co_pool_take(pool) : NULL;
    if (!co)
        return NULL;
    co->stacks = stacks;
    co->fn = fn;
    co->arg = arg;
    co->name = name;
    co->local = NULL;
    co->early = NULL;
    co->cancelled = false;
    co->rests = false;
    co->queue = NULL;
    co->group = group;
    co->state = LOCUST__STATE_READY;
    co->wake = LOCUST__WAKE_EVENT;
    locust__queue_push(&loop->ready, co);
    loop->running++;
    if (group)
        group->running++;
    return co;
}

/* Gives back the block of a coroutine that has ended, and wakes those that wait for its group if it
 * was the last. */
static void locust__co_ended(locust__loop *loop, locust__co *co)
{
    locust__wait_group *group = co->group;
    loop->running--;
    if (group && --group->running == 0)
        while (group->waiters.first)
            locust__co_wake(loop, group->waiters.first, LOCUST__WAKE_EVENT);
    locust__co_pool_give(co);
}

/* Starts a coroutine that has its stack from the beginning: fn(arg) runs behind what is ready
 * already. Takes and returns what locust__co_make does, without bytes of its own. */
static locust__co *locust__co_start(locust__loop *loop, const char *name, size_t stack_bytes,
    void (*fn)(void *arg), void *arg, locust__wait_group *group)
{
    locust__co *co = locust__co_make(loop, name, stack_bytes, fn, arg, group, 0);
    if (!co || locust__co_enter(loop, co))
        return co;
    locust__queue_remove(co);
    co->state = LOCUST__STATE_FREE;
    locust__co_ended(loop, co);
    return NULL;
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

/* Parks the current coroutine without its stack: its function has to return now, and is called
 * again when it is woken, its deadline passes or it is cancelled; co->wake says which. It may be in
 * a queue. False: it is cancelled already, and does not rest. */
static bool locust__co_rest(locust__loop *loop, int64_t deadline_ns)
{
    locust__co *co = loop->current;
    LOCUST_ASSERT(co);
    if (co->cancelled) {
        locust__queue_remove(co);
        return false;
    }
    co->deadline_ns = deadline_ns > loop->now_ns ? deadline_ns : loop->now_ns;
    co->lazy = false;
    co->rests = true;
    co->state = LOCUST__STATE_PARKED;
    if (deadline_ns != LOCUST__NEVER && locust__wheel_arm(loop, co) < 0)
        locust__wheel_unarmed(loop, co);
    return true;
}

/* Does another coroutine wait for a stack such as this one has? Then it is fair to rest. */
static bool locust__co_is_wanted(const locust__co *co)
{
    return co->stacks->waiters.first != NULL;
}

/* A coroutine without a stack is ready: takes one for it. False: it goes on waiting, as it was
 * woken for want of a timer, or finds no memory for its stack. */
static bool locust__co_rise(locust__loop *loop, locust__co *co)
{
    if (co->wake == LOCUST__WAKE_AGAIN) {
        co->wake = co->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_TIMEOUT;
        if (!co->cancelled && loop->now_ns < co->deadline_ns) {
            co->state = LOCUST__STATE_PARKED;
            if (locust__wheel_arm(loop, co) < 0)
                locust__wheel_unarmed(loop, co);
            return false;
        }
    }
    if (locust__co_enter(loop, co))
        return true;
    co->state = LOCUST__STATE_PARKED;
    locust__queue_push(&co->stacks->waiters, co);
    if (!loop->few_stacks && loop->no_stack) {
        loop->few_stacks = co->stacks->places;
        loop->no_stack(loop->told_arg);
    }
    return false;
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
