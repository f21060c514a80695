/* ============================================================================================
 * >>stack  stacks of coroutines
 *
 * Purpose     gives each coroutine that runs a stack, from pools; says in words when one overflows.
 * Invariants  a pool has places of one size, in slabs of 64 to 1024; a slab is one mapping, and is
 *             unmapped with the loop alone.
 * Cost        a stack costs the pages it has touched: one for most tasks. Its address space is the
 *             class's .stack_size. There are as many as coroutines had one at the same time: those
 *             that rest have none.
 * Names       locust__stack_ locust__places_
 * Uses        >>co
 *
 *   one place:
 *
 *     low | guard | stack ...  <- grows down | unwind point | colour | high
 *
 *   guard         16 KB, but at most a quarter of the place, that fault when touched: by guard
 *                 markers, or, where the kernel has none, by mprotect() for the first 30,000
 *                 stacks. (Each takes two of the 65,530 mappings that Linux allows.) Without
 *                 guard markers all stacks have a canary as well: their lowest words are zero, as
 *                 the kernel made them, and are looked at whenever the stack is left.
 *   unwind point  a jmp_buf: where a user's code is left for, however deep it is, when the user
 *                 is cancelled or its task interrupted.
 *   colour        0 to 15 cache lines that differ from stack to stack. If all stacks began at the
 *                 same offset in a page, the frames that all parked users have in use would share
 *                 a few sets of the cache, and push each other out.
 *
 *   A stack that is given back is the next to be taken: a user that wakes for a task of its own
 *   runs on memory that the one before has just left in the cache. Those at the end of that list
 *   were not needed for long. Each second as many as were never needed in it become cold, when
 *   nothing else is to be done: their memory goes back to the system, and comes back zeroed when
 *   they are taken. So memory follows the most that are needed at once, downwards too.
 * ============================================================================================ */

/* The lowest byte of a place, its guard. */
static char *locust__stack_place(const locust__place *stack)
{
    return stack->slab->base + stack->index * stack->slab->pool->place_bytes;
}

static char *locust__stack_place_end(const locust__place *stack)
{
    return locust__stack_place(stack) + stack->slab->pool->place_bytes;
}

/* The lowest byte that the stack may use. */
static char *locust__stack_low(const locust__place *stack)
{
    return locust__stack_place(stack) + stack->slab->pool->guard_bytes;
}

enum {
    LOCUST__STACK_UNWIND_BYTES = (sizeof(jmp_buf) + 15) & ~(size_t)15,
    LOCUST__STACK_COLOURS = 16,
    LOCUST__STACK_WARM = 64,   // free stacks whose memory is not given back
    LOCUST__STACK_TRIMMED = 32 // stacks whose memory is given back in one turn
};

/* Where its frames begin, and the unwind point lies. */
static char *locust__stack_top(const locust__place *stack)
{
    return locust__stack_place_end(stack) - LOCUST__STACK_UNWIND_BYTES -
           (size_t)(stack->index % LOCUST__STACK_COLOURS) * LOCUST__CACHE_LINE;
}

/* Where a user goes on after its code was left by a jump. */
static jmp_buf *locust__stack_unwind_point(const locust__place *stack)
{
    return (jmp_buf *)(void *)locust__stack_top(stack);
}

/* A line for standard error that is put together without stdio and heap: async-signal-safe. */
typedef struct locust__stack_line {
    char text[512];
    size_t n;
} locust__stack_line;

static void locust__stack_say(locust__stack_line *line, const char *words)
{
    while (*words && line->n < sizeof line->text)
        line->text[line->n++] = *words++;
}

static void locust__stack_say_number(locust__stack_line *line, uintptr_t n, unsigned base)
{
    char digits[24];
    size_t i = sizeof digits;
    digits[--i] = '\0';
    do
        digits[--i] = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    locust__stack_say(line, digits + i);
}

/* Says where a coroutine is: in which task of which class, if it is a user's. */
static void locust__stack_say_where(locust__stack_line *line, const locust__co *co)
{
    const char *words[LOCUST__LOOP_WORDS] = {co->name, "", "", ""};
    if (co->local && locust__loop_now->where)
        locust__loop_now->where(co, words);
    for (int i = 0; i < LOCUST__LOOP_WORDS; i++)
        locust__stack_say(line, words[i]);
}

/* Says that a stack overflowed, whose, and what to change. Async-signal-safe. */
LOCUST__COLD static void locust__stack_overflowed(const locust__co *co)
{
    locust__stack_line line = {.n = 0};
    locust__stack_say(&line, "locust: stack overflow in ");
    locust__stack_say_where(&line, co);
    locust__stack_say(&line, ": its .stack_size of ");
    locust__stack_say_number(&line, co->stacks->place_bytes, 10);
    locust__stack_say(&line, " bytes is too small: raise .stack_size of that user class "
                             "(or LOCUST_STACK_SIZE)\n");
    locust__os_write_all(STDERR_FILENO, line.text, line.n);
}

/* The coroutine whose stack has its guard at that address; NULL: there is none. */
static const locust__co *locust__stack_guarded_by(const char *address)
{
    for (locust__stack_pool *pool = locust__loop_now->stack_pools; pool; pool = pool->next)
        for (locust__stack_slab *slab = pool->slabs; slab; slab = slab->next) {
            size_t at = (size_t)(address - slab->base);
            if (address < slab->base || at >= slab->count * pool->place_bytes)
                continue;
            return at % pool->place_bytes < pool->guard_bytes && at / pool->place_bytes < slab->used
                       ? slab->stacks[at / pool->place_bytes].co
                       : NULL;
        }
    return NULL;
}

/* Says which signal ends the process, and which task of which class it comes from. */
LOCUST__COLD static void locust__stack_faulted(
    int signal_number, const char *address, const locust__co *co)
{
    locust__stack_line line = {.n = 0};
    bool memory = signal_number == SIGSEGV || signal_number == SIGBUS;
    locust__stack_say(&line, "locust: ");
    locust__stack_say(&line, signal_number == SIGSEGV  ? "SIGSEGV in "
                             : signal_number == SIGBUS ? "SIGBUS in "
                             : signal_number == SIGFPE ? "SIGFPE in "
                             : signal_number == SIGILL ? "SIGILL in "
                                                       : "SIGABRT in ");
    locust__stack_say_where(&line, co);
    locust__stack_say(&line, memory                    ? ": invalid access to memory"
                             : signal_number == SIGFPE ? ": invalid arithmetic, such as a division "
                                                         "by zero"
                             : signal_number == SIGILL ? ": invalid instruction, or a trap"
                                                       : ": abort() was called");
    if (address != LOCUST__OS_NOWHERE) {
        locust__stack_say(&line, " at 0x");
        locust__stack_say_number(&line, (uintptr_t)address, 16);
        if ((uintptr_t)address < 4096)
            locust__stack_say(&line, ", as through a null pointer");
    }
    locust__stack_say(&line, "\n");
    locust__os_write_all(STDERR_FILENO, line.text, line.n);
}

/* On a fault: says so, whether an overflow caused it, and in whose code. Async-signal-safe. */
LOCUST__COLD static void locust__stack_fault(int signal_number, const char *address)
{
    const locust__co *co;
    if (!locust__loop_now)
        return;
    co = locust__stack_guarded_by(address);
    if (co)
        locust__stack_overflowed(co);
    else if (locust__loop_now->stepped)
        locust__stack_faulted(signal_number, address, locust__loop_now->stepped);
}

enum {
    LOCUST__STACK_CANARY_WORDS = 16,     // frames have gaps: on s390x 112 bytes may stay unwritten
    LOCUST__STACK_PROTECTED_MAX = 30000, // stacks whose guard mprotect() makes
    LOCUST__STACK_MAX = 256 << 20,       // bytes of one stack, and of a slab that holds several
};

static bool locust__stack_canary_died(const locust__co *co)
{
    const uint64_t *words = (const uint64_t *)(const void *)locust__stack_low(co->stack);
    uint64_t all = 0;
    for (int i = 0; i < LOCUST__STACK_CANARY_WORDS; i++)
        all |= words[i];
    return all != 0;
}

/* Ends the process if the stack overflowed without touching the guard: a frame larger than the
 * guard steps over it, and without guard markers there may be no guard. Called on the coroutine's
 * own stack whenever it is left. */
static void locust__stack_check(const locust__loop *loop, const locust__co *co)
{
    const char *here = __builtin_frame_address(0);
    if (here < locust__stack_low(co->stack) || (!loop->markers && locust__stack_canary_died(co))) {
        locust__stack_overflowed(co);
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
}

/* The pool of stacks of so many bytes, in whole pages; made if there is none. NULL: no memory, or
 * they are too large. */
static locust__stack_pool *locust__stack_pool_of(locust__loop *loop, size_t stack_bytes)
{
    size_t page = locust__os_page_size();
    size_t place, guard;
    locust__stack_pool *pool;
    if (stack_bytes > LOCUST__STACK_MAX)
        return NULL;
    if (LOCUST__WITH_ASAN)
        stack_bytes *= 4; // ASan puts red zones around locals
    place = (stack_bytes + page - 1) & ~(page - 1);
    guard = place / 4 < 16384 ? place / 4 : 16384;
    guard = (guard + page - 1) & ~(page - 1);
    if (place < guard + page)
        place = guard + page;
    for (pool = loop->stack_pools; pool; pool = pool->next)
        if (pool->place_bytes == place)
            return pool;
    pool = locust__memory_zalloc(sizeof *pool);
    if (pool) {
        pool->place_bytes = place;
        pool->guard_bytes = guard;
        pool->next = loop->stack_pools;
        loop->stack_pools = pool;
    }
    return pool;
}

/* Adds a slab: 64 places first, then as many as there are, up to 1024. NULL: no memory. */
static locust__stack_slab *locust__stack_pool_grow(locust__stack_pool *pool)
{
    size_t count = pool->places < 64 ? 64 : pool->places > 1024 ? 1024 : pool->places;
    locust__stack_slab *slab;
    while (count > 1 && count > LOCUST__STACK_MAX / pool->place_bytes)
        count /= 2; // large stacks come in smaller slabs
    // What belongs to a place is first written when the place is first used.
    slab = LOCUST_MALLOC(sizeof *slab + count * sizeof *slab->stacks);
    if (!slab)
        return NULL;
    slab->base = locust__os_stacks_map(count * pool->place_bytes);
    if (!slab->base) {
        LOCUST_FREE(slab);
        return NULL;
    }
    slab->count = (uint32_t)count;
    slab->used = 0;
    slab->pool = pool;
    slab->next = pool->slabs;
    pool->places += count;
    pool->slabs = slab;
    return slab;
}

/* Will a coroutine of that pool get a stack one day? One that finds none waits for another's, so
 * there has to be one. False: no memory. */
static bool locust__stack_pool_ready(locust__stack_pool *pool)
{
    return pool->slabs || locust__stack_pool_grow(pool);
}

/* A place that was never used. NULL: no memory. */
static locust__place *locust__stack_new(locust__loop *loop, locust__stack_pool *pool)
{
    locust__stack_slab *slab = pool->slabs;
    locust__place *stack;
    if (!slab || slab->used == slab->count)
        slab = locust__stack_pool_grow(pool);
    if (!slab)
        return NULL;
    stack = &slab->stacks[slab->used];
    memset(stack, 0, sizeof *stack);
    stack->slab = slab;
    stack->index = slab->used++;
    if (loop->markers && !locust__os_guard_mark(locust__stack_place(stack), pool->guard_bytes))
        loop->markers = false;
    if (!loop->markers && loop->protected_places < LOCUST__STACK_PROTECTED_MAX &&
        locust__os_guard_protect(locust__stack_place(stack), pool->guard_bytes))
        loop->protected_places++;
#if LOCUST__WITH_VALGRIND
    stack->valgrind_id =
        VALGRIND_STACK_REGISTER(locust__stack_low(stack), locust__stack_place_end(stack));
#endif
    return stack;
}

static void locust__places_push(locust__places *list, locust__place *stack)
{
    stack->prev = NULL;
    stack->next = list->first;
    if (list->first)
        list->first->prev = stack;
    else
        list->last = stack;
    list->first = stack;
    list->n++;
}

static void locust__places_remove(locust__places *list, locust__place *stack)
{
    if (stack->prev)
        stack->prev->next = stack->next;
    else
        list->first = stack->next;
    if (stack->next)
        stack->next->prev = stack->prev;
    else
        list->last = stack->prev;
    list->n--;
}

/* Gives a coroutine its stack: the one that was given back last, else a cold one, else one that was
 * never used. False: no memory. */
static bool locust__stack_take(locust__loop *loop, locust__co *co)
{
    locust__stack_pool *pool = co->stacks;
    locust__places *list = pool->warm.first ? &pool->warm : &pool->cold;
    locust__place *stack = list->first;
    if (stack)
        locust__places_remove(list, stack);
    else if (!pool->waiters.first) // else there was no memory a moment ago
        stack = locust__stack_new(loop, pool);
    if (!stack)
        return false;
    if (pool->warm.n < pool->least_warm)
        pool->least_warm = pool->warm.n;
    stack->co = co;
    stack->scopes = stack->entered = NULL;
    co->stack = stack;
#if LOCUST__WITH_ASAN // the last coroutine here left by a switch: its red zones are still there
    __asan_unpoison_memory_region(
        locust__stack_low(stack), (size_t)(locust__stack_top(stack) - locust__stack_low(stack)));
#endif
#if LOCUST__WITH_VALGRIND // to it what the last coroutine here had on its stack is undefined
    VALGRIND_MAKE_MEM_DEFINED(
        locust__stack_low(stack), locust__stack_place_end(stack) - locust__stack_low(stack));
#endif
    return true;
}

/* Takes a stack back from a coroutine that is not on it any more. The first that waits for one
 * becomes ready, with the cause that it was woken by before. */
static void locust__stack_give(locust__loop *loop, locust__co *co)
{
    locust__stack_pool *pool = co->stacks;
    locust__co *waiter = pool->waiters.first;
    co->stack->co = NULL;
    locust__places_push(&pool->warm, co->stack);
    co->stack = NULL;
    if (waiter)
        locust__co_wake(loop, waiter, waiter->wake);
}

/* Gives the memory of stacks that were not needed for a second back to the system, some in a turn.
 * True: there are more. */
static bool locust__stack_trim(locust__loop *loop)
{
    size_t most = LOCUST__STACK_TRIMMED;
    if (loop->now_ns < loop->trim_ns)
        return false;
    for (locust__stack_pool *pool = loop->stack_pools; pool; pool = pool->next) {
        for (; most && pool->least_warm > LOCUST__STACK_WARM; pool->least_warm--, most--) {
            locust__place *stack = pool->warm.last;
            char *low = locust__stack_low(stack);
            locust__places_remove(&pool->warm, stack);
            locust__os_stack_forget(low, (size_t)(locust__stack_place_end(stack) - low));
            locust__places_push(&pool->cold, stack);
        }
        if (!most)
            return true;
    }
    for (locust__stack_pool *pool = loop->stack_pools; pool; pool = pool->next)
        pool->least_warm = pool->warm.n;
    loop->trim_ns = loop->now_ns + LOCUST__S;
    return false;
}

static void locust__stack_pool_free(locust__stack_pool *pool)
{
    while (pool->slabs) {
        locust__stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
#if LOCUST__WITH_VALGRIND
        for (uint32_t i = 0; i < slab->used; i++)
            VALGRIND_STACK_DEREGISTER(slab->stacks[i].valgrind_id);
#endif
#if LOCUST__WITH_ASAN // the next mapping at these addresses starts clean
        __asan_unpoison_memory_region(slab->base, slab->count * pool->place_bytes);
#endif
        locust__os_stacks_unmap(slab->base, slab->count * pool->place_bytes);
        LOCUST_FREE(slab);
    }
    LOCUST_FREE(pool);
}
