/* ============================================================================================
 * >>env  the environment of a test
 *
 * Purpose     bring the users up at the spawn rate, hold the test for its run time, take them down.
 * Invariants  the environment owns everything of one test; two run one after the other in one
 *             process. Users come in the order of Locust's dispatcher.
 * Cost        a start costs some 3 us: 50,000 users are up in a fifth of a second. Spawning gives
 *             the loop a turn every millisecond, so that it does not make running users look slow.
 * Names       locust__env_ locust__stage locust__usage locust__usage_blocker
 *             locust__usage_blockers
 * Uses        >>co >>sync >>stats >>services >>class >>user
 * Sources     Locust 2.46 and 2.47 (reference runs): users in steps of max(1, floor(rate)), a pause
 *             of step / rate between two; classes in order of name, fixed_count first, then the
 *             smallest w log2(x / (x + 1)), where x counts from w; log lines word for word.
 * ============================================================================================ */

typedef struct locust__stage { // of --stages
    double seconds;
    int users; // at its end, or arrivals a second
    bool rate; // the latter
} locust__stage;

typedef struct locust__usage { // of this process, at a moment
    int64_t at_ns, cpu_ns;
    int64_t waited_ns; // for a CPU; -1: unknown
    uint64_t shed;     // arrivals
} locust__usage;

typedef struct locust__usage_blocker { // a task that did not let others run
    const char *user, *task;
    uint64_t times;
    int64_t longest_ns;
} locust__usage_blocker;

enum { LOCUST__USAGE_BLOCKERS = 4 };
enum { LOCUST__ENV_FIND_FROM = 10 }; // arrivals a second that --find-max begins with if nobody says

struct locust_env {
    locust__loop loop;
    locust__log log;
    locust__request_stats stats;
    locust__services services;
    locust__users users;
    const locust_test *test;
    locust_options options;
    locust__wait_group pacers; // coroutines that let users arrive
    locust__class *classes;    // in order of name
    double *dispatched;        // x of each class: its weight and the users it was given
    int *fixed;                // users of each class still owed by fixed_count
    int n_classes;
    const locust_user_class *const *chosen; // classes that new users are of; NULL: all
    const locust_listeners *listeners[LOCUST_LISTENERS_MAX + 1];
    locust_listeners own; // those of the test itself: the first of them
    int n_listeners;
    locust__stage *stages;
    int n_stages;
    bool (*shape)(locust_env *env, locust_tick *tick); // NULL: none
    locust_tick aim;                                   // how many users there shall be
    int placed;       // users that were started, less those that were taken down again
    int64_t step_ns;  // when the next step of the ramp is due; LOCUST__NEVER: it is over
    int64_t reap_ns;  // when a user that was taken down is to be cut short, at the earliest
    int64_t start_ns; // 0: not started
    int64_t end_ns;   // of the run time, or of the stages of arrivals; LOCUST__NEVER: none
    bool stop_requested;
    locust__queue stop_waiters;
    int exit_code;
    bool exit_code_set;         // by the test
    bool single;                // locust_run_single_user
    locust__usage since, until; // where what is measured begins and ends; until.at_ns 0: not yet
    int64_t warm_ns;            // when the warm-up is over; LOCUST__NEVER: it is
    double peak_busy;           // of the busiest five seconds since then: see locust__usage_busy
    int64_t waited_ns;          // for a CPU, when that was last looked at
    locust__usage_blocker blockers[LOCUST__USAGE_BLOCKERS];
    int n_blockers;
    double pace; // arrivals are as many times as frequent as was said
};

/* Tells all who listen to an event, in order. */
#define LOCUST__ENV_FIRE(env, event, ...)                 \
    do {                                                  \
        for (int i_ = 0; i_ < (env)->n_listeners; i_++)   \
            if ((env)->listeners[i_]->event)              \
                (env)->listeners[i_]->event(__VA_ARGS__); \
    } while (0)

static void locust__env_request_stop(locust_env *env)
{
    env->stop_requested = env->users.closing = true;
    while (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WAKE_EVENT);
}

/* Sleeps until then, or until the test is asked to stop or has nothing left to do. */
static void locust__env_pause(locust_env *env, int64_t until_ns) LOCUST__PARKS
{
    if (!env->stop_requested && locust__os_now_ns() < until_ns)
        locust__queue_wait(&env->loop, &env->stop_waiters, until_ns);
}

static double locust__env_run_time(const locust_env *env)
{
    return env->start_ns ? (double)(locust__os_now_ns() - env->start_ns) / 1e9 : 0;
}

/* 0; 1 or what the user said after failures; 1 for a test that could not be run as it is. */
static int locust__env_exit_code(const locust_env *env)
{
    if (env->users.setup_error)
        return 1;
    return env->stats.total.failures || env->stats.n_exceptions ? env->options.exit_code_on_error
                                                                : 0;
}
