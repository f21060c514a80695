/* ============================================================================================
 * >>co  coroutines and what the loop keeps of them
 *
 * Purpose     run very many coroutines on one thread: start, park, wake, sleep, cancel.
 * Invariants  exactly one coroutine runs, or the loop itself. A parked coroutine is woken once, by
 *             an event, by its deadline or by being cancelled, and parks see a cancellation until
 *             it is cleared. Nothing outside a parked coroutine's frames points into them: wait nodes,
 *             deadlines and descriptors' state live in the coroutine's block or its owner's.
 *             A coroutine's block is never given back before the loop is, so a stale timer entry
 *             points at a block, if not at the coroutine it was meant for.
 * Cost        switch: >>ctx, and two cache lines of the block. Timer: see the picture. A stack
 *             costs the pages it touched: one for most users. Address space: .stack_size. How late
 *             the due run is counted by the clock that they read themselves: nothing is read for it.
 * Names       locust__co locust__co_wake locust__state_ locust__wake_ locust__queue_
 *             locust__wait_group locust__stack_pool locust__stack_slab locust__timer
 *             locust__timer_chunk locust__wheel locust__wheel_levels locust__wheel_lists
 *             locust__loop locust__loop_now locust__loop_clock locust__loop_count_late
 *             locust__loop_lateness_ns locust__loop_ahead locust__loop_blocked_ns
 *             locust__loop_scratch
 * Limits      timers beyond 4.6 hours are looked at again every 4.6 hours. Stacks are given back
 *             when the loop is closed.
 * ============================================================================================ */

typedef struct locust__co locust__co;
typedef struct locust__loop locust__loop;

enum locust__state {
    LOCUST__STATE_FREE,
    LOCUST__STATE_READY,
    LOCUST__STATE_RUNNING,
    LOCUST__STATE_PARKED
};
enum locust__wake {
    LOCUST__WAKE_EVENT,
    LOCUST__WAKE_TIMEOUT,
    LOCUST__WAKE_CANCELLED,
    LOCUST__WAKE_AGAIN
};

typedef struct locust__queue { // of coroutines; a coroutine is in one at most
    locust__co *first, *last;
} locust__queue;

typedef struct locust__wait_group { // coroutines that someone waits for: see >>sync
    size_t running;
    locust__queue waiters;
} locust__wait_group;

typedef struct locust__stack_pool {
    struct locust__stack_pool *next;
    size_t place_bytes, guard_bytes;
    struct locust__stack_slab *slabs;
    locust__co *free; // last in, first out: a warm stack is reused first
    size_t places;
} locust__stack_pool;

enum {
    LOCUST__LOOP_AHEAD = 26
}; // lines of a stack that are fetched ahead: those of a plain request

struct locust__co {
    // What a wake-up touches lies in one cache line: with a million sleepers each line is a miss.
    _Alignas(LOCUST__CACHE_LINE) void *sp; // saved stack pointer while parked
    locust__co *next, *prev;
    locust__queue *queue; // the one it is in
    enum locust__state state;
    enum locust__wake wake;
    bool cancelled;
    bool lazy;           // its deadline is a timeout: armed a second ahead at most
    uint16_t index;      // in its slab
    uint16_t kept;       // bytes at the end of its place
    int64_t deadline_ns; // of the park it is in
    int64_t armed_ns;    // of its one valid timer entry; LOCUST__NEVER: none
    void *arg;
    const char *name; // of its user class, for messages
    void *local;      // its user's slots: see >>local
    void *context;    // its variables, see there; NULL: all have their defaults
    void *entered;    // the context that it runs in; NULL: its own
    void *scopes;     // slots that are hidden by LOCUST_SCOPE, the latest first
    locust__wait_group *group;
    struct locust__stack_slab *slab; // its stack is in
#if LOCUST__WITH_ASAN
    void *fake_stack;
#endif
#if LOCUST__WITH_VALGRIND
    unsigned valgrind_id;
#endif
};
_Static_assert(offsetof(locust__co, arg) <= LOCUST__CACHE_LINE, "see the first field");

typedef struct locust__stack_slab {
    struct locust__stack_slab *next;
    locust__stack_pool *pool;
    char *base;
    uint32_t count, used;
    locust__co *cos; // cos[i] has place i; aligned, in
    void *cos_memory;
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

typedef struct locust__wheel {
    int64_t tick; // the millisecond we are in; earlier ones are done
    locust__timer_chunk *lists[LOCUST__WHEEL_LEVELS][LOCUST__WHEEL_LISTS];
    uint64_t used[LOCUST__WHEEL_LEVELS]
                 [LOCUST__WHEEL_LISTS / 64]; // a bit for each list that is not empty
    locust__timer_chunk *spare;
    locust__timer *heap; // of the millisecond we are in; a binary heap by at_ns
    size_t heap_len, heap_cap;
} locust__wheel;

enum { LOCUST__LOOP_SCRATCH = LOCUST_BUFFER_SIZE }; // bytes; see locust__loop.scratch

enum { LOCUST__LOOP_BLOCKED_NS = 20000000 }; // a step that takes this long keeps others waiting

struct locust__loop {
    void *sp;            // the loop's own stack while a coroutine runs
    locust__co *current; // NULL: the loop itself runs
    locust__queue ready;
    size_t running;      // coroutines started and not ended
    int64_t now_ns;      // at the start of this turn
    int64_t clock_ns;    // the latest reading of the clock
    int64_t epoch_ns;    // now_ns + epoch_ns: the same since 1970
    int64_t epoch_at_ns; // now_ns when that was found
    uint64_t turn;
    void (*call)(void *arg); // asked for by the current coroutine: see locust__co_call
    void *call_arg;
    locust__wheel wheel;
    locust__poller poller;
    locust__stack_pool *pools;
    locust__hist late; // how long those waited who were due, or whose bytes had come
    int64_t latest_ns; // of them
    int64_t turn_ns;   // how long the last turn took
    bool excused;      // the step that runs is long by what the kit does: a TLS handshake
    /* Told of every other step that took LOCUST__LOOP_BLOCKED_NS or more. */
    void (*blocked)(void *arg, const locust__co *co, int64_t took_ns);
    void *blocked_arg;
    void (*ahead)(const void *local); // begins to fetch what belongs to a user; NULL: nobody does
    bool markers;                     // guard markers work here
    size_t protected_places;
    uint64_t random;
    /* One buffer for whatever is built or received and used up before the next park. */
    char *scratch;
#if LOCUST__WITH_ASAN
    const void *stack_bottom;
    size_t stack_size;
#endif
};

/* The loop of the environment now running. */
static locust__loop *locust__loop_now;

/* Reads the clock. What runs on the loop reads it this way before it parks: the loop itself then need
 * not, to know what took how long. */
static int64_t locust__loop_clock(locust__loop *loop)
{
    return loop->clock_ns = locust__os_now_ns();
}

/* Somebody was due, or his bytes were there, that long before he ran. */
static void locust__loop_count_late(locust__loop *loop, int64_t ns)
{
    locust__hist_record(&loop->late, ns);
    if (ns > loop->latest_ns)
        loop->latest_ns = ns;
}

/* That share of them waited no longer. */
static int64_t locust__loop_lateness_ns(const locust__loop *loop, double share)
{
    int64_t ns = locust__hist_percentile_ns(&loop->late, share);
    return ns < loop->latest_ns ? ns : loop->latest_ns;
}

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

static void locust__co_wake(locust__loop *loop, locust__co *co, enum locust__wake why)
{
    if (co->state != LOCUST__STATE_PARKED)
        return;
    locust__queue_remove(co);
    co->state = LOCUST__STATE_READY;
    co->wake = why;
    locust__queue_push(&loop->ready, co);
}
