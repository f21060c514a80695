/* ============================================================================================
 * >>user  user classes, waits, the life of a user
 *
 * Purpose     one coroutine for each user: on_start, tasks with waits between them, on_stop.
 * Invariants  on_stop runs for every user whose on_start began, also when it is cut short. A user
 *             that is cut short leaves its task at the call that it is parked in: that call does
 *             not return, and the task's own clean-up does not run.
 * Cost        a block of some 500 bytes with its slots and data, and a page of stack; its last
 *             answer. Between two tasks without a wait, no switch if the task has parked.
 * Names       locust__user_ locust__users_ locust__outcome_ locust__user_stream
 * Uses        >>co >>services >>session >>client >>task >>class
 * Sources     Locust 2.46 (reference run) for order, waits and stopping.
 * ============================================================================================ */

/* How a function of the test was left. */
enum locust__outcome {
    LOCUST__OUTCOME_RETURNED,
    LOCUST__OUTCOME_CUT,             // the user is being stopped
    LOCUST__OUTCOME_INTERRUPTED,     // locust_interrupt: the set ends, its parent waits first
    LOCUST__OUTCOME_INTERRUPTED_NOW, // the same without a wait
    LOCUST__OUTCOME_FAILED,          // locust_fail: the next task goes on
};

typedef struct locust__user_cleanup { // registered by locust_defer
    struct locust__user_cleanup *next;
    void (*fn)(void *arg);
    void *arg;
} locust__user_cleanup;

typedef struct locust__user_inserted { // by locust_schedule
    struct locust__user_inserted *next;
    locust_task_fn fn;
    const locust__frame *frame; // the set that it is a task of
} locust__user_inserted;

typedef struct locust__user_stream {          // one that the test opened by locust_connect
    locust_stream stream;                     // first: what the test has
    locust_error error;                       // of the last public call
    int64_t timeout_ns;                       // of a public call
    locust__co *owner;                        // who opened it
    struct locust__user_stream *next, **link; // in that user's list
} locust__user_stream;

typedef struct locust__user {
    locust_user as; // first: what tasks see
    struct locust__user *next, *prev;
    struct locust__users *all;
    locust__class *cls;
    locust__co *co;
    struct locust__user *root;       // itself; of a coroutine that a user has started: that user
    const char *doing;               // the name of the task that runs, of the last one between two
    int iterations;                  // tasks that it has begun
    enum locust__outcome outcome;    // of the function that was left by an unwinding
    int64_t due_ns;                  // of the arrival that waits for its next task; 0: none
    int64_t cut_ns;                  // when a user that was taken down is cut short
    int64_t waited_ns;               // when its last wait ended: what pacing counts from
    bool started;                    // on_start began, so on_stop is due
    bool stopping;                   // takes no further task
    bool waiting;                    // between two tasks
    bool uncounted;                  // no longer among those that are alive
    bool late;                       // that arrival had to wait for a place
    bool kept;                       // this is above its stack, not in the heap
    locust__plan *own_plan;          // made by locust_set_tasks
    locust__frame base, *top;        // the class's tasks; the set that runs
    locust__user_cleanup *cleanups;  // of the task that runs, the latest first
    locust__user_inserted *inserted; // tasks that go before what the plan would pick
    locust__client client;
    locust__session session;
    struct locust_coroutine *coroutines; // that the user has started and that are not freed
    struct locust_group *groups;         // that the task has made
    locust__queue coroutine_waiters;     // for the end of one of them
    locust__user_stream *streams;        // opened by locust_connect and not closed
} locust__user;

struct locust_coroutine { // of a user
    locust__user user;    // first: as the calls of the test see it; its `root` is the user
    struct locust_coroutine *next;
    struct locust_group *group; // NULL: none
    locust_coroutine_fn fn;
    void *arg;
    bool ended;
    bool detached; // its task is over: nobody can begin to join it
    int joiners;   // who wait for its end
};

struct locust_group {
    struct locust_group *next;
    int limit, running;
    int waiters; // who wait for a place, or for its end
    bool orphan; // its task is over: the last of them frees it
};

typedef struct locust__users { // all that are alive
    locust__services *services;
    locust_env *env;
    locust__user *first, *last;
    locust__wait_group group;
    int alive;
    uint64_t next_id;
    bool spawned;                          // no ramp runs
    locust__queue spawn_waiters;           // until then
    int64_t iterations_left;               // of all; -1: no limit
    bool limited;                          // tasks are counted: the test ends when nobody is left
    bool closing;                          // it is to end: nobody begins a task
    bool told;                             // on_test_stopping was called
    void (*request_stop)(locust_env *env); // the runner's
    void (*on_empty)(locust_env *env);     // nobody is left of those whose tasks are counted
    void (*on_error)(
        locust_env *env, locust_user *u, const char *message); // the test's; NULL: none
    locust__tags tags;
    const char *setup_error; // why the test cannot go on; the runner reports it
} locust__users;

/* The wait of the set that runs, or of the nearest one around it that has one, or of the class. */
static const locust_wait_time *locust__user_wait_time(const locust__user *user)
{
    for (const locust__frame *f = user->root->top; f; f = f->below)
        if (f->plan->as && f->plan->as->wait_time.kind)
            return &f->plan->as->wait_time;
    return &user->cls->as->wait_time;
}

/* Nanoseconds to wait now, before the next task. */
static int64_t locust__user_wait_ns(locust__user *user, int64_t now_ns)
{
    const locust_wait_time *wait = locust__user_wait_time(user);
    uint64_t *random = &user->all->services->loop->random;
    int64_t due;
    switch (wait->kind) {
    case LOCUST_WAIT_CONSTANT:
        return locust__time_ns(wait->a);
    case LOCUST_WAIT_BETWEEN:
        return locust__time_ns(wait->a + (wait->b - wait->a) * locust__random_unit(random));
    case LOCUST_WAIT_PACING:
        due = locust__time_after(user->waited_ns, locust__time_ns(wait->a));
        return due > now_ns ? due - now_ns : 0;
    case LOCUST_WAIT_CUSTOM:
        return wait->fn ? locust__time_ns(wait->fn(&user->as)) : 0;
    default:
        return 0;
    }
}
