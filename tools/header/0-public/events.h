/* ============================================================================================
 * >>events  samples, shapes and events
 *
 * Purpose     what listeners are called with, and what a load shape returns.
 * ============================================================================================ */

enum { LOCUST_CLASSES_MAX = 64 }; // user classes in one test

typedef struct locust_sample { // one finished request, as listeners see it
    const char *method;
    const char *name;
    const char *url;   // NULL for an operation measured by the test itself
    const char *error; // NULL: success
    int status;        // 0: none
    double elapsed_ms;
    size_t length;                   // bytes of body
    const locust_phases *phases;     // of an HTTP request; NULL: none
    const locust_response *response; // of an HTTP request; NULL: none
    void *context;                   // of the request
    double late_ms;                  // open model: how late its arrival was; else 0
    locust_user *user;
} locust_sample;

/* Counts an operation that the test has measured itself, and calls the listeners. Takes method,
 * name, elapsed_ms, length, error and context of `sample`; the texts are copied. An elapsed_ms that
 * is not from 0 to 1e12 (a NaN, say) fails the task, as locust_fail does, and is not counted. */
LOCUST_API void locust_record(locust_user *u, const locust_sample *sample);

typedef struct locust_tick { // what a load shape asks for
    int users;
    double spawn_rate;                       // users a second, up and down; 0: 1
    const locust_user_class *const *classes; // ends with NULL, lives as long as the test: new users
                                             // are of these; NULL: of all
} locust_tick;

/* The events of a test, in the order in which they come; Locust's names. No listener may park: a
 * call that would (locust_get, say) is refused with a sentence among the exceptions, and leaves the
 * listener. Let it start a coroutine by locust_spawn, which has a client of its own. Of the
 * last five on_report_to_master and on_heartbeat_received are a worker's, the others a master's. */
#define LOCUST_EVENTS_(X)                                                                          \
    X(on_init, (locust_env * env))       /* all is set up, nothing runs yet */                     \
    X(on_test_start, (locust_env * env)) /* before the first user */                               \
    X(on_spawning_complete, (locust_env * env, int user_count)) /* each time a ramp is over */     \
    X(on_request, (locust_env * env, const locust_sample *sample))                                 \
    X(on_user_error, (locust_env * env, locust_user * u, const char *message)) /* a task failed */ \
    X(on_reset_stats, (locust_env * env))                                                          \
    X(on_usage_monitor, (locust_env * env, double cpu_percent, size_t memory_bytes)) /* 10 s */    \
    X(on_cpu_warning, (locust_env * env, double cpu_percent)) /* over 90 % of a core for 5 s */    \
    X(on_test_stopping, (locust_env * env))                   /* before the users are stopped */   \
    X(on_test_stop, (locust_env * env))                       /* after the last user */            \
    X(on_quitting, (locust_env * env)) /* of a command: may set the exit code; latest first */     \
    X(on_quit, (locust_env * env, int exit_code)) /* of a command: the very last */                \
    X(on_worker_connect, (locust_env * env, const char *client_id))                                \
    X(on_worker_report, (locust_env * env, const char *client_id))                                 \
    X(on_report_to_master, (locust_env * env, const char *client_id))                              \
    X(on_heartbeat_sent, (locust_env * env, const char *client_id, double timestamp))              \
    X(on_heartbeat_received, (locust_env * env, const char *client_id, double timestamp))
#define LOCUST_EVENT_(name, args) void(*name) args;

typedef struct locust_listeners { // the functions to call; NULL: not called
    LOCUST_EVENTS_(LOCUST_EVENT_)
} locust_listeners;
