/* ============================================================================================
 * >>stack  stacks of coroutines
 *
 * Purpose     gives each coroutine a stack and a block, from pools; says in words when one
 *             overflows.
 * Invariants  a pool has places of one size, in slabs of 64 to 1024; a slab is one mapping, and is
 *             unmapped with the loop alone. Place i of a slab belongs to its block i for ever.
 * Cost        a stack costs the pages it has touched: one for most users. Its address space is the
 *             class's .stack_size.
 * Names       locust__stack_
 * Uses        >>co
 *
 *   one place:
 *
 *     low | guard | stack ...  <- grows down | unwind point | colour | reserved | high
 *
 *   guard         16 KB, but at most a quarter of the place, that fault when touched: by guard
 *                 markers, or, where the kernel has none, by mprotect() for the first 30,000
 *                 stacks. (Each takes two of the 65,530 mappings that Linux allows.) Without
 *                 guard markers all stacks have a canary as well: their lowest words are zero, as
 *                 the kernel made them, and are looked at whenever the stack is left.
 *   unwind point  a jmp_buf: where a user's code is left for, however deep it is, when the user
 *                 is cancelled or its task interrupted.
 *   colour        0 to 15 cache lines that differ from stack to stack, fewer if much is reserved.
 *                 If all stacks began at the same offset in a page, the frames that all users
 *                 have in use would share a few sets of the cache, and push each other out.
 *   reserved      memory of the coroutine's owner (locust__co_reserve). A user's block is here,
 *                 above its stack and not on the heap, because the frames of a waiting user need
 *                 only a part of a page: block and frames share it, and most users take one page
 *                 in all.
 * ============================================================================================ */

/* The lowest byte of a coroutine's place, its guard. */
static char *locust__stack_place(const locust__co *co)
{
    return co->slab->base + co->index * co->slab->pool->place_bytes;
}

static char *locust__stack_place_end(const locust__co *co)
{
    return locust__stack_place(co) + co->slab->pool->place_bytes;
}

/* The lowest byte that its stack may use. */
static char *locust__stack_low(const locust__co *co)
{
    return locust__stack_place(co) + co->slab->pool->guard_bytes;
}

enum {
    LOCUST__STACK_UNWIND_BYTES = (sizeof(jmp_buf) + 15) & ~(size_t)15,
    LOCUST__STACK_ABOVE = 960, // bytes that reserved memory and colour take at most, together
};

/* Where its frames begin, and the unwind point lies. */
static char *locust__stack_top(const locust__co *co)
{
    int colours = (LOCUST__STACK_ABOVE - co->reserved) / LOCUST__CACHE_LINE + 1;
    int above = co->reserved + co->index % colours * LOCUST__CACHE_LINE;
    return locust__stack_place_end(co) - above - LOCUST__STACK_UNWIND_BYTES;
}

/* Where a user goes on after its code was left by a jump. */
static jmp_buf *locust__stack_unwind_point(const locust__co *co)
{
    return (jmp_buf *)(void *)locust__stack_top(co);
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
    locust__stack_say_number(&line, co->slab->pool->place_bytes, 10);
    locust__stack_say(&line, " bytes is too small: raise .stack_size of that user class "
                             "(or LOCUST_STACK_SIZE)\n");
    locust__os_write_all(STDERR_FILENO, line.text, line.n);
}

/* The coroutine whose guard is at that address; NULL: there is none. */
static const locust__co *locust__stack_guarded_by(const char *address)
{
    for (locust__stack_pool *pool = locust__loop_now->pools; pool; pool = pool->next)
        for (locust__stack_slab *slab = pool->slabs; slab; slab = slab->next) {
            size_t at = (size_t)(address - slab->base);
            if (address < slab->base || at >= slab->count * pool->place_bytes)
                continue;
            return at % pool->place_bytes < pool->guard_bytes && at / pool->place_bytes < slab->used
                       ? &slab->cos[at / pool->place_bytes]
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
    const uint64_t *words = (const uint64_t *)(const void *)locust__stack_low(co);
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
    if (here < locust__stack_low(co) || (!loop->markers && locust__stack_canary_died(co))) {
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
    for (pool = loop->pools; pool; pool = pool->next)
        if (pool->place_bytes == place)
            return pool;
    pool = locust__memory_zalloc(sizeof *pool);
    if (pool) {
        pool->place_bytes = place;
        pool->guard_bytes = guard;
        pool->next = loop->pools;
        loop->pools = pool;
    }
    return pool;
}

/* Adds a slab: 64 places first, then as many as there are, up to 1024. NULL: no memory. */
static locust__stack_slab *locust__stack_pool_grow(locust__stack_pool *pool)
{
    locust__stack_slab *slab = locust__memory_zalloc(sizeof *slab);
    size_t count = pool->places < 64 ? 64 : pool->places > 1024 ? 1024 : pool->places;
    if (!slab)
        return NULL;
    while (count > 1 && count > LOCUST__STACK_MAX / pool->place_bytes)
        count /= 2; // large stacks come in smaller slabs
    slab->count = (uint32_t)count;
    // A block is first written when its place is first used: until then it costs no memory either.
    slab->cos_memory = LOCUST_MALLOC(count * sizeof *slab->cos + LOCUST__CACHE_LINE);
    slab->base = slab->cos_memory ? locust__os_stacks_map(count * pool->place_bytes) : NULL;
    if (!slab->base) {
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
        return NULL;
    }
    slab->cos = (locust__co *)(((uintptr_t)slab->cos_memory + LOCUST__CACHE_LINE - 1) &
                               ~(uintptr_t)(LOCUST__CACHE_LINE - 1));
    pool->places += count;
    slab->pool = pool;
    slab->next = pool->slabs;
    pool->slabs = slab;
    return slab;
}

/* A block with its stack: the one that was given back last, else one that was never used. NULL: no
 * memory. */
static locust__co *locust__stack_pool_take(locust__loop *loop, locust__stack_pool *pool)
{
    locust__stack_slab *slab = pool->slabs;
    locust__co *co = pool->free;
    if (co) {
        pool->free = co->next;
        return co;
    }
    if (!slab || slab->used == slab->count)
        slab = locust__stack_pool_grow(pool);
    if (!slab)
        return NULL;
    co = &slab->cos[slab->used];
    memset(co, 0, sizeof *co);
    co->armed_ns = LOCUST__NEVER;
    co->slab = slab;
    co->index = (uint16_t)slab->used;
    slab->used++;
    if (loop->markers && !locust__os_guard_mark(locust__stack_place(co), pool->guard_bytes))
        loop->markers = false;
    if (!loop->markers && loop->protected_places < LOCUST__STACK_PROTECTED_MAX &&
        locust__os_guard_protect(locust__stack_place(co), pool->guard_bytes))
        loop->protected_places++;
#if LOCUST__WITH_VALGRIND
    co->valgrind_id = VALGRIND_STACK_REGISTER(locust__stack_low(co), locust__stack_place_end(co));
#endif
    return co;
}

static void locust__stack_pool_free(locust__stack_pool *pool)
{
    while (pool->slabs) {
        locust__stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
#if LOCUST__WITH_VALGRIND
        for (uint32_t i = 0; i < slab->used; i++)
            VALGRIND_STACK_DEREGISTER(slab->cos[i].valgrind_id);
#endif
#if LOCUST__WITH_ASAN // the next mapping at these addresses starts clean
        __asan_unpoison_memory_region(slab->base, slab->count * pool->place_bytes);
#endif
        locust__os_stacks_unmap(slab->base, slab->count * pool->place_bytes);
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
    }
    LOCUST_FREE(pool);
}
