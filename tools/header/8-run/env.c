/* ============================================================================================
 * >>env  the environment of a test
 *
 * Purpose     the root that all state of one test hangs on, and how a test is asked to stop.
 * Invariants  two environments can run one after the other in one process, and again: what a run
 *             changes is set back by locust__runner_init. Types that the environment contains but
 *             that need it themselves stand here; the parts that are named with them own the rest.
 * Names       locust__env_ locust__ramp locust__usage locust__usage_blocker
 *             locust__usage_blockers locust__usage_stall locust__cause_ locust__causes
 * Uses        >>co >>misuse >>sync >>context >>stats >>services >>class >>user >>stages
 *             >>dispatch >>fleet_worker >>fleet_crew >>fleet_forks
 * ============================================================================================ */

enum locust__env_short { // why a ramp ended with fewer users than it aimed at
    LOCUST__ENV_SHORT_OF_NOTHING,
    LOCUST__ENV_SHORT_OF_CLASSES, // no class takes any more: each has its fixed_count
    LOCUST__ENV_SHORT_OF_MEMORY,
};

typedef struct locust__ramp { // see >>ramp
    locust_tick aim;          // how many users there are to be, and how fast
    int placed;               // users that were started, less those that were taken down again
    int64_t batch_ns; // when the next batch is due; 0: no ramp yet; LOCUST__NEVER: it is over
    int64_t reap_ns;  // when the first user that was taken down runs out of time
    enum locust__env_short why; // of the ramp that fell short most in this run, which was
    int asked, got;             // to reach so many users, and reached so many
} locust__ramp;

typedef struct locust__usage { // of this process, at a moment: see >>usage
    int64_t at_ns, cpu_ns;
    int64_t waited_ns;                   // for a CPU; -1: unknown
    uint64_t shed;                       // arrivals
    uint64_t out_of_files, out_of_ports; // times that there was none left
    int64_t target_ns;                   // of CPU that the server took; -1: nobody has looked
    size_t target_bytes;                 // of memory that it has
} locust__usage;

typedef struct locust__usage_blocker { // a task that did not let others run: see >>blocked
    const char *user, *task;
    uint64_t times;
    int64_t longest_ns;
} locust__usage_blocker;

enum { LOCUST__USAGE_BLOCKERS = 4 };

enum locust__cause { // why nothing ran though something was due: see >>stall
    LOCUST__CAUSE_STOPPED,
    LOCUST__CAUSE_OTHERS,
    LOCUST__CAUSE_MEMORY,
    LOCUST__CAUSE_OWN,
    LOCUST__CAUSE_UNKNOWN,
    LOCUST__CAUSES
};

typedef struct locust__usage_stall { // of one cause
    int64_t total_ns, longest_ns;
} locust__usage_stall;

enum { LOCUST__ENV_STDOUT, LOCUST__ENV_STDERR, LOCUST__ENV_LOGFILE, LOCUST__ENV_OUTS };
enum { LOCUST__ENV_FIND_FROM = 10 }; // arrivals a second that --find-max begins with if nobody says

struct locust_env {
    // What was asked for.
    const locust_test *test;
    locust_options options;
    bool (*shape)(locust_env *env, locust_tick *tick); // NULL: users do not follow a load shape
    locust__stages stages;
    bool single;                                           // locust_run_single_user
    const char *program;                                   // the name of the command; NULL: none
    bool own_users, own_rate;                              // --users and --spawn-rate were given
    bool (*own_shape)(locust_env *env, locust_tick *tick); // `shape`, whatever a form says of it
    // What somebody asks of a test that runs: see >>ask.
    locust_tick asked;
    bool asked_due;
    int64_t asked_ns; // when it was asked for: the run time counts from then; 0: from the start
    bool quitting;    // the program is to end, not just the test that runs
    // The functions that are told of events, the test's own first.
    const locust_listeners *listeners[LOCUST_LISTENERS_MAX + 1];
    locust_listeners own;
    int n_listeners;
    // Messages of the test: see >>message.
    locust_message_handler handlers[LOCUST_MESSAGES_MAX];
    int n_handlers;
    struct locust__worker *fleet; // the connection to a master; NULL: on its own
    struct locust__crew *crew;    // the workers of this master; NULL: it is none
    struct locust__forks *forks;  // the processes that work for this one; NULL: there are none
    locust_generator (*judge)(const locust_env *env); // the verdict on the generator; NULL: none
    int fleet_index;                                  // that the master gave this worker; -1: none
    /* Sends a message to the other end, a worker of that id or (to NULL) all. */
    bool (*send_message)(locust_env *env, const char *type, const char *json, const char *to);
    // What the users need.
    locust__loop loop;
    locust__log log;
    locust__out outs[LOCUST__ENV_OUTS]; // open while a test runs
    locust__request_stats stats;
    locust__services services;
    locust__class *classes; // in order of name
    int n_classes;
    locust__users users;
    // The run.
    locust__dispatch dispatch;
    locust__ramp ramp;
    locust__wait_group pacers; // coroutines that let users arrive: see >>pace
    double pace;               // arrivals are as many times as frequent as was said
    int64_t start_ns;          // 0: not started
    int64_t end_ns;            // of the run time, or of the stages of arrivals; LOCUST__NEVER: none
    bool stop_requested;
    int stops;                  // how often it was, by signals too
    locust__queue stop_waiters; // the runner, while it sleeps
    int exit_code;
    bool exit_code_set; // by the test
    // The generator itself.
    locust__usage since, until; // where what is measured begins and ends; until.at_ns 0: not yet
    int64_t warm_ns;            // when the warm-up is over; LOCUST__NEVER: it is
    double peak_busy;           // of the busiest five seconds since then: see locust__usage_busy
    int64_t waited_ns;          // for a CPU, when that was last looked at
    int64_t faults;             // pages read from disk by then
    unsigned continued;         // SIGCONTs by then
    locust__usage_blocker blockers[LOCUST__USAGE_BLOCKERS];
    int n_blockers;
    locust__usage_stall stalls[LOCUST__CAUSES];
    int64_t slept_ns, suspended_ns; // of this machine: since it started; since `since`
    int64_t clock_set_ns; // by which the wall clock was set in this run, the furthest; 0: never
};

enum locust__env_event {
#define LOCUST__ENV_EVENT(name, args) LOCUST__ENV_##name,
    LOCUST_EVENTS_(LOCUST__ENV_EVENT)
#undef LOCUST__ENV_EVENT
};

typedef struct locust__env_news { // what the listeners of an event are called with
    enum locust__env_event event;
    const locust_sample *sample;
    locust_user *user;
    const char *text; // a message, or the id of a client
    int number;       // of users, or an exit code
    double real;      // percent, or a time
    size_t bytes;
} locust__env_news;

/* Calls a listener, if it wants that event. */
static void locust__env_call(
    locust_env *env, const locust_listeners *to, const locust__env_news *news)
{
#define LOCUST__ENV_CASE(name, ...) \
    case LOCUST__ENV_##name:        \
        if (to->name)               \
            to->name(__VA_ARGS__);  \
        break
    switch (news->event) {
        LOCUST__ENV_CASE(on_init, env);
        LOCUST__ENV_CASE(on_test_start, env);
        LOCUST__ENV_CASE(on_spawning_complete, env, news->number);
        LOCUST__ENV_CASE(on_request, env, news->sample);
        LOCUST__ENV_CASE(on_user_error, env, news->user, news->text);
        LOCUST__ENV_CASE(on_reset_stats, env);
        LOCUST__ENV_CASE(on_usage_monitor, env, news->real, news->bytes);
        LOCUST__ENV_CASE(on_cpu_warning, env, news->real);
        LOCUST__ENV_CASE(on_test_stopping, env);
        LOCUST__ENV_CASE(on_test_stop, env);
        LOCUST__ENV_CASE(on_quitting, env);
        LOCUST__ENV_CASE(on_quit, env, news->number);
        LOCUST__ENV_CASE(on_worker_connect, env, news->text);
        LOCUST__ENV_CASE(on_worker_report, env, news->text);
        LOCUST__ENV_CASE(on_report_to_master, env, news->text);
        LOCUST__ENV_CASE(on_heartbeat_sent, env, news->text, news->real);
        LOCUST__ENV_CASE(on_heartbeat_received, env, news->text, news->real);
    }
#undef LOCUST__ENV_CASE
}

/* Calls a listener. If it makes a call that breaks a rule it is left; the others are called. */
LOCUST__COLD static void locust__env_tell(
    locust_env *env, const locust_listeners *to, const locust__env_news *news)
{
    static const char *const names[] = {
#define LOCUST__ENV_NAME(name, args) "a listener of " #name,
        LOCUST_EVENTS_(LOCUST__ENV_NAME)
#undef LOCUST__ENV_NAME
    };
    locust__callback c;
    locust__callback_begin(&c, &env->loop, names[news->event]);
    c.leaves = true;
    c.fails = news->event != LOCUST__ENV_on_user_error; // it would be called again
    if (setjmp(c.back) == 0)
        locust__env_call(env, to, news);
    else
        locust__callback_left(&c);
    locust__callback_end(&c);
}

/* Calls all listeners of an event, in order; those of on_quitting the latest first, as in Locust.
 * */
static void locust__env_fire(locust_env *env, locust__env_news news)
{
    int n = env->n_listeners;
    for (int i = 0; i < n; i++)
        locust__env_tell(
            env, env->listeners[news.event == LOCUST__ENV_on_quitting ? n - 1 - i : i], &news);
}

/* LOCUST__ENV_FIRE(env, on_quit, .number = code) */
#define LOCUST__ENV_FIRE(env, ...) \
    locust__env_fire((env), (locust__env_news){.event = LOCUST__ENV_##__VA_ARGS__})

/* Wakes the runner, which then looks whether there is anything left to do. */
static void locust__env_wake(locust_env *env)
{
    while (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WAKE_EVENT);
}

/* Asks the test to end. No task begins from here on; the runner does the rest when it runs. */
static void locust__env_request_stop(locust_env *env)
{
    env->stop_requested = true;
    env->stops++;
    env->users.closing = true;
    locust__env_wake(env);
}

/* Sleeps until then, or until the runner is woken. */
static void locust__env_pause(locust_env *env, int64_t until_ns) LOCUST__PARKS
{
    if (!env->stop_requested && locust__os_now_ns() < until_ns)
        locust__queue_wait(&env->loop, &env->stop_waiters, until_ns);
}

static double locust__env_run_time(const locust_env *env)
{
    return env->start_ns ? (double)(locust__os_now_ns() - env->start_ns) / 1e9 : 0;
}
