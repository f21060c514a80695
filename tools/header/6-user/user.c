/* ============================================================================================
 * >>user  a user, its coroutines, all users of a test
 *
 * Purpose     the types that the parts of 6-user share, and how long a user waits between two
 *             tasks.
 * Invariants  each user has a coroutine, and so has each locust_coroutine that it starts. All of
 *             them are a locust__user to the public calls; `root` is the user that they belong to,
 *             and what they share (session, task sets, handles) is looked up there.
 *             Between two tasks a user's coroutine rests: all that outlives a task lies in the
 *             user's block, or hangs on it.
 * Cost        a block of some 450 bytes with its coroutine, beside its slots and data; from its
 *             first request on its client and session, some 600 bytes, and its last answer. A stack
 *             while a function of the test runs or is parked.
 * Names       locust__outcome_ locust__step locust__user_ locust__user_protocol locust__user_stream
 *             locust__user_text locust__users_
 * Uses        >>co >>misuse >>context >>write >>services >>session >>client >>task >>class
 * Sources     Locust 2.46 (reference run) for order, waits and stopping.
 *
 *   A user's way                 started  stopping  waiting   what moves it on
 *     before its first turn         -         -        -      the loop
 *     in on_start or a task         x         -        -      the task returns, fails or is cut
 *     between two tasks, resting    x         -        x      time, an arrival, or a cancellation
 *     asked to end, in a task       x         x        -      as before, but no task follows
 *     on its way out, on_stop       x         x        -      locust__start_main, see there
 *
 *   `stopping` is set by whoever ends one user: itself, a ramp down, a limit of iterations, the
 *   end of the test. users.closing has the same effect on all at once. A cancellation does more: it
 *   cuts the call that the coroutine is parked in. A user that a ramp takes down is `uncounted` at
 *   once, though it may take until the stop timeout to end; any other when it ends.
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

typedef struct locust__user_text { // memory of locust_text: several texts, one behind the other
    struct locust__user_text *next;
    size_t used, cap;
    char bytes[];
} locust__user_text;

typedef struct locust__user_stream {          // one that the test opened by locust_connect
    locust_stream stream;                     // first: what the test has
    locust_error error;                       // of the last public call
    int64_t timeout_ns;                       // of a public call
    locust__co *owner;                        // the coroutine that opened it
    struct locust__user_stream *next, **link; // in that user's list
} locust__user_stream;

typedef struct locust__user_protocol { // of a protocol; begins what that layer keeps
    struct locust__user_protocol *next;
    const void *kind;                                  // one of each kind for a user
    void (*close)(struct locust__user_protocol *self); // closes and frees it; does not park
} locust__user_protocol;

typedef struct locust__user {
    locust_user as; // first: what tasks see
    struct locust__user *next, *prev;
    struct locust__users *all;
    locust__class *cls;
    locust__co *co;
    struct locust__user *root;       // itself; of a coroutine that a user has started: that user
    const char *doing;               // the name of the task that runs, or that ran last
    int iterations;                  // tasks that this user has begun
    int lost, pauses;                // of the root: see >>retry
    int64_t lost_ns;                 // when the first of `lost` was
    enum locust__outcome outcome;    // of the function that was left by an unwinding
    int64_t due_ns;                  // of the arrival that its next task serves; 0: none
    int64_t cut_ns;                  // when a ramp that took it down cuts it short; 0: never
    int64_t waited_ns;               // when its last wait ended: what pacing counts from
    bool begun;                      // it had its first turn
    bool started;                    // on_start began and did not fail, so on_stop is due
    bool stopping;                   // takes no further task
    bool waiting;                    // between two tasks, so that a cancellation cuts no task
    bool uncounted;                  // no longer among those that are alive
    bool late;                       // the arrival of due_ns had to wait for a place
    bool step;                       // it runs a step of the test, which is not counted
    locust__plan *own_plan;          // made by locust_set_tasks
    locust__frame base, *top;        // the class's tasks; the set that runs
    locust__user_cleanup *cleanups;  // of the task that runs, the latest first
    locust__user_inserted *inserted; // tasks that go before what the plan would pick
    locust__user_text *texts;        // of the task that runs, the fullest last
    uint64_t random;                 // of the root, with --seed: the state of its own choices
    locust__client *client;          // locust__user_client makes it; NULL: not yet
    struct locust_coroutine *coroutines; // that the user has started and that are not freed
    struct locust_group *groups;         // that the task has made
    /* All that wait for the end of a coroutine or for a place in a group. Every end wakes all of
     * them, and each looks whether it was the one that it waits for: a user has few coroutines. */
    locust__queue coroutine_waiters;
    locust__user_stream *streams;   // opened by locust_connect and not closed
    locust__user_protocol *clients; // of protocols
    locust_measure *measures;       // that the function which runs is in, the innermost first
} locust__user;

typedef struct locust__user_web { // what a user has from its first request on
    locust__client client;        // first: a coroutine of the user has this alone
    locust__session session;
} locust__user_web;

struct locust_coroutine { // of a user
    locust__user user;    // first: as the calls of the test see it; its `root` is the user
    struct locust_coroutine *next;
    struct locust_group *group; // NULL: none
    locust_coroutine_fn fn;
    void *arg;
    bool ended;
    bool detached; // its task is over: nobody can begin to join it
    int joiners;   // coroutines that wait for its end: the last one frees it
};

struct locust_group {
    struct locust_group *next;
    int limit, running;
    int waiters; // coroutines that wait for a place in it, or for its end
    bool orphan; // joined, or its task is over: the last waiter frees it
};

typedef struct locust__step { // .setup or .teardown of the test
    locust_task_fn fn;
    const char *name;
    const char *failure; // NULL: it did not fail
    locust__co *co;
    bool over;
} locust__step;

typedef struct locust__users_fed { // of the users that do not arrive: who got an answer
    int asked;                     // have sent a request or begun an operation
    int starved;                   // have waited for a second at least, and got none in their life
    int64_t longest_ns;            // how long one of those waited
} locust__users_fed;

typedef struct locust__users { // of a test
    locust__services *services;
    locust_env *env;
    locust__user *first, *last; // all that have not ended, in the order in which they started
    locust__wait_group group;   // their coroutines
    int alive;                  // of them, without those that a ramp has taken down
    uint64_t next_id;
    uint64_t seed;               // of the users' random choices; 0: all draw from the loop's
    bool spawned;                // no ramp runs
    locust__queue spawn_waiters; // until no ramp runs
    int64_t iterations_left;     // tasks that all users may begin; -1: no limit
    bool limited;                // tasks are counted: the test ends when nobody is left
    bool closing;                // the test is asked to end: no user begins a task
    bool told;                   // on_test_stopping was called: users may run on_stop
    locust_error lost;           // the last error of a request that reached no server
    bool told_retry;             // the log says that users pause: see >>retry
    locust__step step;           // that runs, or that ran last
    /* What the users tell the layer above. */
    void (*request_stop)(locust_env *env); // end the test
    void (*on_empty)(locust_env *env);     // nobody is left of those whose tasks are counted
    void (*on_error)(locust_env *env, locust_user *u, const char *message); // a task failed
    locust__tags tags;
    locust_feeder *feeders;  // files that are open: see >>feed
    locust__users_fed fed;   // of those that have ended
    size_t worker;           // the number of this process, from 0, among
    size_t n_workers;        // the processes that share the test
    const char *setup_error; // why the test cannot go on; the runner reports it. NULL: it can
    void *keeper;            // of the clients of protocols; NULL: there are none
} locust__users;

/* Where the random choices of user number `id` begin: a hash of both, so that two users' sequences
 * do not overlap. */
static uint64_t locust__user_seed(const locust__users *all, uint64_t id)
{
    uint64_t state = all->seed;
    state = locust__random(&state) ^ id;
    return locust__random(&state);
}

/* The state that a user draws its random choices from. With --seed each has its own, so that the
 * choices of one do not depend on when the others come to draw. */
static uint64_t *locust__user_random(locust__user *user)
{
    return user->all->seed ? &user->root->random : &user->all->services->loop->random;
}

/* What all coroutines of a user share; NULL: none has needed it. */
static locust__session *locust__user_session(const locust__user *user)
{
    locust__client *client = user->root->client;
    return client ? client->session : NULL;
}

/* Makes the client of a user with its session, or that of a coroutine of a user who has both. */
static locust__client *locust__user_client_new(locust__user *user, locust__session *shared)
{
    locust__class *cls = user->cls;
    locust__session *session = shared;
    locust__user_web *web = locust__memory_zalloc(shared ? sizeof web->client : sizeof *web);
    if (!web)
        return NULL;
    if (!shared) {
        session = &web->session;
        session->own.place = &session->conn;
        session->conns = cls->as->pool > 0 ? &cls->shared : &session->own;
        session->host = locust__pair_find(cls->as->headers, "host");
        session->failure = user->step ? &user->all->step.failure : NULL;
    }
    locust__client_init(&web->client, user->all->services, &user->as, &cls->route, session);
    return user->client = &web->client;
}

/* The client of a user or of one of its coroutines, made at the first call. NULL: no memory. */
static locust__client *locust__user_client(locust__user *user)
{
    locust__user *root = user->root;
    if (user->client)
        return user->client;
    if (user != root && !root->client && !locust__user_client_new(root, NULL))
        return NULL;
    return locust__user_client_new(user, user == root ? NULL : root->client->session);
}

/* Counts the last request, whose verdict is final now. */
static void locust__user_settle(const locust__user *user)
{
    if (user->client)
        locust__client_settle(user->client);
}

static void locust__user_client_free(locust__user *user)
{
    if (!user->client)
        return;
    locust__client_deinit(user->client);
    if (user == user->root)
        locust__session_deinit(user->client->session);
    LOCUST_FREE(user->client);
    user->client = NULL;
}

/* What a user does, where that is no task: values of locust__user.doing. */
static const char locust__user_on_start[] = "on_start";
static const char locust__user_on_stop[] = "on_stop";
static const char locust__user_set_on_start[] = "on_start of a task set";
static const char locust__user_set_on_stop[] = "on_stop of a task set";

/* Says where a user's coroutine is: "task ", "browse", " of ", "Shopper". Async-signal-safe. This
 * is the loop's `where`. */
LOCUST__COLD static void locust__user_where(
    const locust__co *co, const char *words[LOCUST__LOOP_WORDS])
{
    const locust__user *root = ((const locust__user *)co->arg)->root;
    const char *doing = root->doing ? root->doing : "that begins";
    bool task = doing != locust__user_on_start && doing != locust__user_on_stop &&
                doing != locust__user_set_on_start && doing != locust__user_set_on_stop;
    words[0] = task ? "task " : "";
    words[1] = doing;
    words[2] = " of ";
    words[3] = root->cls->as->name;
}

/* Writes "task browse of Shopper" behind `before`. */
static void locust__user_place(const locust__user *user, const char *before, char *out, size_t size)
{
    const char *w[LOCUST__LOOP_WORDS];
    locust__user_where(user->co, w);
    snprintf(out, size, "%s%s%s%s%s", before, w[0], w[1], w[2], w[3]);
}

/* The wait of the set that runs, of the nearest set around it that has one, or of the class. */
static const locust_wait_time *locust__user_wait_time(const locust__user *user)
{
    for (const locust__frame *f = user->root->top; f; f = f->below)
        if (f->plan->as && f->plan->as->wait_time.kind)
            return &f->plan->as->wait_time;
    return &user->cls->as->wait_time;
}

/* Asks the test's own function how long to wait. A user whose function breaks a rule ends. */
static double locust__user_ask_wait(locust__user *user, locust_wait_fn fn)
{
    locust__callback c;
    volatile double seconds = 0;
    locust__callback_begin(&c, user->all->services->loop, "the function of LOCUST_WAIT_FN");
    if (setjmp(c.back) == 0) {
        seconds = fn(&user->as);
    } else {
        locust__callback_left(&c);
        user->root->stopping = true;
    }
    locust__callback_end(&c);
    return seconds;
}

/* The length of a gap of a Poisson process, of which the mean is 1: -ln(1 - u), u from 0 to 1. */
static double locust__user_gap(uint64_t *random)
{
    return -locust__number_log2(1 - locust__random_unit(random)) * 0.6931471805599453;
}

/* How long to wait now, before the next task. Pacing takes what is left of the period that began
 * when the last wait ended: nothing, if the task took longer. */
static int64_t locust__user_wait_ns(locust__user *user, int64_t now_ns)
{
    const locust_wait_time *wait = locust__user_wait_time(user);
    uint64_t *random = locust__user_random(user);
    int64_t due;
    switch (wait->kind) {
    case LOCUST_WAIT_CONSTANT:
        return locust__time_ns(wait->a);
    case LOCUST_WAIT_BETWEEN:
        return locust__time_ns(wait->a + (wait->b - wait->a) * locust__random_unit(random));
    case LOCUST_WAIT_PACING:
    case LOCUST_WAIT_POISSON:
        due = locust__time_after(user->waited_ns,
            locust__time_ns(
                wait->kind == LOCUST_WAIT_PACING ? wait->a : wait->a * locust__user_gap(random)));
        return due > now_ns ? due - now_ns : 0;
    case LOCUST_WAIT_CUSTOM:
        return wait->fn ? locust__time_ns(locust__user_ask_wait(user, wait->fn)) : 0;
    default:
        return 0;
    }
}
