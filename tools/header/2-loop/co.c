/* ============================================================================================
 * >>co  coroutines, queues of them, and the state of the loop
 *
 * Purpose     defines what the parts of 2-loop share: a coroutine, the stacks and timers behind it,
 *             and the loop, which runs very many coroutines on one thread.
 * Invariants  either one coroutine runs or the loop itself. A coroutine is in one queue at most. A
 *             parked one is woken once, by an event, by its deadline or by being cancelled; a
 *             cancelled one is not parked again until `cancelled` is cleared.
 *             A coroutine that rests is parked like any other, but its function has returned: it
 *             has no stack, and its function is called again when it is woken.
 *             Nothing outside a parked coroutine's frames points into them: what others write to
 *             while it waits (queue links, deadlines, state of descriptors) lies in the coroutine's
 *             block or in its owner's. So a stack can be unwound at any park. But for `early`,
 *             which is set and cleared around one park.
 *             Blocks are given back with the loop alone, so a timer entry that is out of date
 *             points at a block still, if at another coroutine's.
 *             One global, locust__loop_now: the loop that runs. Signal handlers and LOCUST_LOCAL
 *             have no argument to find it by.
 * Cost        a wake-up touches one cache line of the block, and a switch two: see >>ctx.
 * Names       locust__co locust__co_wake locust__state_ locust__wake_ locust__queue_
 *             locust__wait_group locust__place locust__places locust__stack_pool locust__stack_slab
 *             locust__co_pool locust__co_slab locust__co_block locust__timer
 *             locust__timer_chunk locust__wheel locust__wheel_levels locust__wheel_lists
 *             locust__early locust__turn_end locust__loop locust__loop_now locust__loop_clock
 *             locust__loop_count_late
 *             locust__loop_lateness_ns locust__loop_ahead locust__loop_blocked_ns
 *             locust__loop_scratch locust__loop_words locust__loop_waited_ns
 *             locust__loop_clock_set_ns locust__loop_slept_ns
 *
 *            start               resumed                returns
 *     FREE ---------> READY -----------------> RUNNING ---------> FREE
 *                       ^                       |   |
 *                       |         yields        |   | parks, or
 *                       |<----------------------+   | rests and returns
 *                       |                           v
 *                       +<----------------------- PARKED
 *                         event, timeout, cancelled
 *
 *   A FREE block is in its pool's list, a READY one in loop->ready, a PARKED one in the queue
 *   that it waits in, if any: one that waits for a descriptor is in none, as the descriptor knows
 *   its reader and its writer.
 * ============================================================================================ */

typedef struct locust__co locust__co;
typedef struct locust__loop locust__loop;

enum __attribute__((packed)) locust__state {
    LOCUST__STATE_FREE,
    LOCUST__STATE_READY,
    LOCUST__STATE_RUNNING,
    LOCUST__STATE_PARKED
};
enum __attribute__((packed)) locust__wake { // why a coroutine was woken
    LOCUST__WAKE_EVENT,                     // what it waits for may have come
    LOCUST__WAKE_TIMEOUT,                   // its deadline has passed
    LOCUST__WAKE_CANCELLED,
    LOCUST__WAKE_AGAIN // it had no timer: it looks at the clock itself (only inside of a park)
};

typedef struct locust__queue { // of coroutines, first come, first served
    locust__co *first, *last;
} locust__queue;

typedef struct locust__wait_group { // coroutines whose end others wait for: see >>sync
    size_t running;                 // those that have not ended
    locust__queue waiters;
} locust__wait_group;

typedef struct locust__place {         // one place for a stack: see >>stack
    struct locust__place *next, *prev; // among the free ones
    locust__co *co;                    // whose stack it is; NULL: it is free
    struct locust__stack_slab *slab;
    // Of the function that runs on it.
    void *entered;  // the locust_context that it runs in; NULL: its coroutine's own
    void *scopes;   // LOCUST_SCOPEs it is in, the innermost first
    uint32_t index; // of its place in the slab
#if LOCUST__WITH_VALGRIND
    unsigned valgrind_id;
#endif
} locust__place;

typedef struct locust__places { // of free stacks
    locust__place *first, *last;
    size_t n;
} locust__places;

typedef struct locust__stack_pool { // stacks of one size: see >>stack
    struct locust__stack_pool *next;
    size_t place_bytes, guard_bytes;
    struct locust__stack_slab *slabs;
    locust__places warm; // last in, first out, as that stack is still in the cache
    locust__places cold; // those whose memory was given back
    size_t least_warm;   // the fewest that were there since memory was last given back
    size_t places;
    locust__queue waiters; // resting coroutines that are due and find no stack
} locust__stack_pool;

typedef struct locust__early { // what the loop calls before it resumes a coroutine: see >>switch
    void (*fn)(struct locust__early *early);
} locust__early;

struct locust__co {
    // What a wake-up touches is in one cache line: with a million sleepers each line is a miss.
    _Alignas(LOCUST__CACHE_LINE) void *sp; // saved stack pointer while another one runs
    locust__co *next, *prev;               // in its queue
    locust__queue *queue;                  // NULL: in none
    locust__place *stack;                  // NULL: it rests, or has not begun
    int64_t deadline_ns;                   // of the park it is in
    int64_t armed_ns; // time of its one valid timer entry; LOCUST__NEVER: it has none
    enum locust__state state;
    enum locust__wake wake; // why it was woken last
    bool cancelled;         // its parks end at once
    bool lazy;              // its deadline is unlikely to be reached: armed a second ahead at most
    bool rests;             // its function returns, and is called again when it is woken
    void (*fn)(void *arg);
    void *arg;
    locust__early *early; // in its frames; NULL: nothing
    const char *name;     // of its user class, for messages
    void *local;          // the slots of its user: see >>local; NULL: not of a user
    void *context;        // its context variables: see >>context; NULL: all have their defaults
    locust__wait_group *group;
    locust__stack_pool *stacks;   // where it takes its stack from
    struct locust__co_pool *pool; // where its block is from
#if LOCUST__WITH_ASAN
    void *fake_stack;
#endif
#if LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND
    void *block; // see locust__co_block
#endif
};
_Static_assert(offsetof(locust__co, fn) <= LOCUST__CACHE_LINE, "see the first field");

typedef struct locust__co_slab { // memory for `count` coroutines
    struct locust__co_slab *next;
    char *base;           // aligned to a cache line,
    void *memory;         // inside of this
    uint32_t count, used; // those from `used` on were never taken
} locust__co_slab;

typedef struct locust__co_pool { // coroutines with as many bytes of their owner's behind them
    struct locust__co_pool *next;
    size_t bytes, stride;
    locust__co_slab *slabs;
    locust__co *free; // chained by `next`
    size_t count;
} locust__co_pool;

typedef struct locust__stack_slab { // one mapping with places for `count` stacks
    struct locust__stack_slab *next;
    locust__stack_pool *pool;
    char *base;
    uint32_t count, used;   // places; those from `used` on were never taken
    locust__place stacks[]; // stacks[i] has place i
} locust__stack_slab;

typedef struct locust__timer {
    int64_t at_ns;
    locust__co *co;
} locust__timer;

typedef struct locust__timer_chunk {
    struct locust__timer_chunk *next;
    size_t count;
    locust__timer timers[31];
} locust__timer_chunk;

enum { LOCUST__WHEEL_LEVELS = 3, LOCUST__WHEEL_LISTS = 256 };

typedef struct locust__wheel { // all timers: see >>timer
    int64_t tick;              // the current millisecond; the lists of earlier ones are empty
    locust__timer_chunk *lists[LOCUST__WHEEL_LEVELS][LOCUST__WHEEL_LISTS];
    uint64_t used[LOCUST__WHEEL_LEVELS]
                 [LOCUST__WHEEL_LISTS / 64]; // a bit for each list that is not empty
    locust__timer_chunk *spare;
    locust__timer *heap; // entries of the current millisecond; a binary heap by at_ns
    size_t heap_len, heap_cap;
} locust__wheel;

enum {
    LOCUST__LOOP_AHEAD = 12, // cache lines of a stack to prefetch: what a plain request uses
    LOCUST__LOOP_SCRATCH = LOCUST_BUFFER_SIZE, // bytes of locust__loop.scratch
    LOCUST__LOOP_BLOCKED_NS = 20000000, // what takes this long keeps those waiting that are due
    LOCUST__LOOP_SLEPT_NS = 20000,      // a look at the poller that takes longer has slept
    LOCUST__LOOP_CLOCK_SET_NS =
        50000000, // a wall clock that is set moves further than a slewed one
};

enum { LOCUST__LOOP_WORDS = 4 };

typedef struct locust__turn_end { // what is to be done when all that is ready has run
    struct locust__turn_end *next;
    void (*fn)(struct locust__turn_end *self); // may not park
    bool due;
} locust__turn_end;

struct locust__loop {
    void *sp;            // the loop's own stack pointer while a coroutine runs
    locust__co *current; // NULL: the loop itself runs
    locust__queue ready;
    size_t running;      // coroutines that were started and have not ended
    int64_t now_ns;      // when this turn began
    int64_t clock_ns;    // the latest reading of the clock
    int64_t step_ns;     // when the coroutine that runs was resumed
    int64_t due_ns;      // when this turn was to begin; LOCUST__NEVER: with the next event
    int64_t epoch_ns;    // wall clock less loop's clock: now_ns + epoch_ns is a time since 1970
    int64_t epoch_at_ns; // when epoch_ns was measured
    uint64_t turn;
    locust__turn_end *at_end;
    void (*call)(void *arg); // what the current coroutine wants called here: locust__co_call
    void *call_arg;
    locust__wheel wheel;
    locust__poller poller;
    locust__stack_pool *stack_pools;
    locust__co_pool *co_pools;
    int64_t trim_ns;   // when memory of stacks is given back next: see >>stack
    locust__hist late; // how much later than possible coroutines ran: locust__loop_count_late
    int64_t latest_ns; // the largest of those times, exactly
    int64_t turn_ns;   // how long the last turn took
    int64_t unseen_ns; // how long, at most, an event lay unseen when this turn began
    bool more_events;  // the poller may have had more than the last look fetched
    int64_t stalled_until_ns; // when the loop last went on that had stood still: see >>stall
    uint64_t over_stall;      // requests that were in flight then
    bool excused; // what runs is long by the kit's own doing (a TLS handshake): no complaint
    /* Gets each time of LOCUST__LOOP_BLOCKED_NS or longer in which one coroutine ran, or (co NULL)
     * none though the next turn was due; NULL: nobody asks. */
    void (*blocked)(void *arg, const locust__co *co, int64_t took_ns);
    size_t few_stacks; // there was no memory for more stacks of one size than these; 0: there was
    /* few_stacks is known: a coroutine is due and waits until a stack is given back. NULL: nobody
     * asks. */
    void (*no_stack)(void *arg);
    /* The wall clock was set, or this machine suspended; NULL: nobody asks. */
    void (*clock_set)(void *arg, int64_t by_ns);
    void *told_arg;                           // of all three
    void (*prefetch_user)(const void *local); // what belongs to the slots' user; NULL: nothing
    /* Says in words where a user's coroutine is. Async-signal-safe; NULL: nobody knows. */
    void (*where)(const locust__co *co, const char *words[LOCUST__LOOP_WORDS]);
    /* Takes a sentence about a broken rule. Counts it; leaves the task that runs, unless a callback
     * runs: see >>misuse. NULL: nobody runs tasks. */
    void (*misused)(void *arg, const char *text);
    void *misused_arg;
    const locust__co
        *stepped;            // the coroutine whose step it is, also while the loop's stack is used
    bool markers;            // guard markers work here: see >>stack
    size_t protected_places; // guards that mprotect() made
    uint64_t random;         // state of the generator that all users share
    /* One buffer for whatever is received or built, and used up before the next park. */
    char *scratch;
#if LOCUST__WITH_ASAN
    const void *stack_bottom;
    size_t stack_size;
#endif
};

static locust__loop *locust__loop_now; // NULL: none runs

/* The memory of a coroutine's owner that came with it, and goes with it: locust__co_make. It lies
 * behind the coroutine; ASan and valgrind watch memory of the heap more closely. */
static void *locust__co_block(const locust__co *co)
{
#if LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND
    return co->block;
#else
    return (void *)(uintptr_t)(co + 1);
#endif
}

/* Reads the clock. A coroutine reads it this way shortly before it parks, so that clock_ns tells
 * the loop how long it ran, without a reading of the loop's own. */
static int64_t locust__loop_clock(locust__loop *loop)
{
    return loop->clock_ns = locust__os_now_ns();
}

/* Records that a coroutine ran `ns` later than it could have: after its deadline, or after its
 * bytes had arrived. */
static void locust__loop_count_late(locust__loop *loop, int64_t ns)
{
    locust__hist_record(&loop->late, ns);
    if (ns > loop->latest_ns)
        loop->latest_ns = ns;
}

/* How long, at most, the event that woke the coroutine that runs had waited for it: unseen by the
 * poller, then for its turn. */
static int64_t locust__loop_waited_ns(const locust__loop *loop)
{
    return loop->unseen_ns + (loop->step_ns - loop->now_ns);
}

/* The lateness that `share` (0 to 1) of all wake-ups did not exceed. */
static int64_t locust__loop_lateness_ns(const locust__loop *loop, double share)
{
    int64_t ns = locust__hist_percentile_ns(&loop->late, share);
    return ns < loop->latest_ns ? ns : loop->latest_ns;
}

/* Adds a coroutine that is in no queue. */
static void locust__queue_push(locust__queue *q, locust__co *co)
{
    LOCUST_ASSERT(!co->queue);
    co->queue = q;
    co->next = NULL;
    co->prev = q->last;
    if (q->last)
        q->last->next = co;
    else
        q->first = co;
    q->last = co;
}

/* Takes a coroutine out of the queue that it is in, if any. */
static void locust__queue_remove(locust__co *co)
{
    locust__queue *q = co->queue;
    if (!q)
        return;
    if (co->prev)
        co->prev->next = co->next;
    else
        q->first = co->next;
    if (co->next)
        co->next->prev = co->prev;
    else
        q->last = co->prev;
    co->queue = NULL;
}

/* Makes a parked coroutine ready: it runs in its turn, and its park returns `why`. Does nothing if
 * it is not parked, so the first cause to wake it is the one that it sees. */
static void locust__co_wake(locust__loop *loop, locust__co *co, enum locust__wake why)
{
    if (co->state != LOCUST__STATE_PARKED)
        return;
    locust__queue_remove(co);
    co->state = LOCUST__STATE_READY;
    co->wake = why;
    locust__queue_push(&loop->ready, co);
}
