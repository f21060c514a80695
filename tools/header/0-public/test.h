/* ---- the test ---- */

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
    const locust_response *response; // likewise
    void *context;                   // of the request
    double late_ms;                  // open model: how late its arrival was; else 0
    locust_user *user;
} locust_sample;

/* Counts an operation that the test has measured itself, and tells the listeners. Of `sample` method,
 * name, elapsed_ms, length, error and context are taken; the texts are copied. */
LOCUST_API void locust_record(locust_user *u, const locust_sample *sample);

typedef struct locust_tick { // what a load shape asks for
    int users;
    double spawn_rate;                       // users a second, up and down; 0: 1
    const locust_user_class *const *classes; // ends with NULL, lives as long as the test: new users
                                             // are of these; NULL: of all
} locust_tick;

/* The events of a test, in the order in which they come; Locust's names. No listener may park.
 * Worker events come with distributed runs. */
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

typedef struct locust_listeners { // some functions of one who listens; the others are NULL
    LOCUST_EVENTS_(LOCUST_EVENT_)
} locust_listeners;

typedef struct locust_own_option { // an option that the test adds to the command line
    const char *name;              // "api-key" is --api-key, and api-key = ... in config files
    const char *value;             // what stands for its value in --help; NULL: it is a switch
    const char *fallback;          // where it is not given; NULL: ""
    const char *env;               // an environment variable that gives it too; NULL: none
    const char *help;
} locust_own_option;

enum { LOCUST_OWN_OPTIONS_MAX = 32, LOCUST_LISTENERS_MAX = 32 };

/* A test: its user classes and listeners. Borrowed by the environment. */
typedef struct locust_test {
    const locust_user_class *users[LOCUST_CLASSES_MAX];
    bool (*shape)(locust_env *env, locust_tick *tick); // each second; false: end of the test
    locust_own_option options[LOCUST_OWN_OPTIONS_MAX]; // .options = {{.name = "api-key", ...}}
    const locust_listeners *listeners[LOCUST_LISTENERS_MAX]; // .listeners = {&a, &b}: after .on_...
    LOCUST_EVENTS_(LOCUST_EVENT_)
} locust_test;

/* Adds a listener, told after those that are there; borrowed until locust_env_free. False: there are
 * LOCUST_LISTENERS_MAX. */
LOCUST_API bool locust_listen(locust_env *env, const locust_listeners *listeners);
/* The value of an option that the test declares; "true" or "false" of a switch; NULL: no such one. */
LOCUST_API const char *locust_option(locust_env *env, const char *name);
/* The exit code of the command in place of the usual one. Like environment.process_exit_code. */
LOCUST_API void locust_set_exit_code(locust_env *env, int code);
/* Forgets what was measured so far. */
LOCUST_API void locust_reset_stats(locust_env *env);

/* How to run it: the command line as a struct. Borrowed until locust_env_free. */
typedef struct locust_options {
    const char *host;         // base URL for all classes; NULL: each class's own
    int users;                // 0: 1, negative: none
    double spawn_rate;        // users a second; 0: 1
    double run_time_s;        // from the start of spawning; 0: until stopped
    double stop_timeout_s;    // how long running tasks may take to finish at the end; 0: cut them
    bool reset_stats;         // forget what was measured while users were spawned
    bool quiet;               // no output but errors
    bool only_summary;        // no table every two seconds
    bool compact;             // short lines on standard output in place of tables
    const char *csv;          // prefix of CSV files; NULL: none
    bool csv_full_history;    // a history line for each row, not for the total alone
    const char *loglevel;     // DEBUG, INFO, WARNING, ERROR, CRITICAL; NULL: INFO
    const char *logfile;      // NULL: standard error
    int exit_code_on_error;   // result of a run with failures; 0: 1, negative: 0
    const char *tags;         // run tasks with one of these tags alone, "pay,critical"; NULL: all
    const char *exclude_tags; // leave out tasks with one of these
    int worker_index;         // this process is number worker_index, from 0, of worker_count that
    int worker_count;         // share a test; 0: the only one. Feeders give each its own rows
    int iterations;           // task runs in all, then the test ends; 0: no limit
    const char *stages;       // "1m:100,5m:1000,1m:0": ramp to 100 users in 1 min, ...; with "/s"
                              // behind each number to 100 arrivals a second; NULL: none
    double rate;              // open model: arrivals a second, shared by weight among the classes
                              // that have none of their own; 0: none
    bool poisson;             // as in locust_arrivals, for --rate and --stages
    int max_in_flight;        // likewise, of each class
    double patience_s;        // likewise
    const char *config_users; // JSON: an object or array with user_class_name and host, weight,
                              // fixed_count or tasks; or the path of such a file; NULL: none
    const locust_pair *own;   // values of the options that the test declares; NULL: their fallbacks
    bool phases;              // a table of the phases of each row's requests
    const char *ca_file;      // certificates to trust, PEM, for all classes; NULL: each class's own
    bool insecure;            // do not verify certificates
    const char *cert_file;    // client certificate and key for all classes; NULL: each class's own
    const char *key_file;     // NULL: in cert_file
    const char *tls_min;      // "1.2" or "1.3"; NULL: "1.2"
    const char *tls_max;      // likewise; NULL: what the library has
    const char *ciphers;     // IANA names, separated by ':'; NULL: the library's, AES first if fast
    bool no_tls_resume;      // every handshake is a full one
    int max_handshakes;      // TLS handshakes in progress at once; 0: 128
    const char *proxy;       // for all classes; "": none. NULL: each class's own
    bool proxy_from_env;     // http_proxy, https_proxy, all_proxy, no_proxy
    const char *unix_socket; // for all classes; NULL: each class's own
    const char *source; // local addresses, in turn: "127.0.0.2,127.0.1.0/28,::1,10.0.0.5-10.0.0.9"
    const char *connect_to; // "HOST:PORT:HOST:PORT" as in curl: connect there instead; several with
                            // blanks between
    const char *resolve;    // "HOST:PORT:ADDRESS[,ADDRESS]" as in curl; several with blanks between
    const char *checks;     // "p99<250ms; fail_ratio<1% /cart": what shall hold; NULL: nothing
    double abort_on_fail_s; // after that time a check that does not hold ends the test; 0: never
    bool fail_on_generator_limit; // exit code 4 if the generator limited the load
    double warm_up_s;             // requests that began before are not counted
    const char *find_max;         // checks: find the highest rate of arrivals at which they hold
    double find_step_s;           // how long each rate is tried; 0: 5
    const char *junit;            // file for the checks as JUnit XML; NULL: none
    const char *summary;          // file for all figures as JSON
    const char *baseline;         // such a file of an earlier run, to compare with
    double baseline_margin;       // percent that do not count as a difference; 0: 5
    const char *hgrm;             // file for percentiles in the format of HdrHistogram
    const char *request_log;      // file for a line for each request, CSV
    double request_log_sample;    // the share of requests that it gets; 0: 1
    bool no_arrival_times;        // a response ends when it is read, not when the kernel had it
    void *context;                // yours: locust_env_context
} locust_options;

/* One row of statistics, or their total. */
typedef struct locust_stats {
    const char *method; // "" in the total
    const char *name;   // "Aggregated" in the total
    uint64_t requests;  // all, failed ones too
    uint64_t failures;
    uint64_t bytes; // of body received
    double min_ms, mean_ms, max_ms;
    double requests_per_s, failures_per_s; // over the whole run
    const void *histogram;
} locust_stats;

/* Makes an environment. Returns NULL after one line on standard error. Yours: locust_env_free. */
LOCUST_API locust_env *locust_env_new(const locust_test *test, const locust_options *options);
/* Runs the test to its end. Returns the exit code: 0, or options.exit_code_on_error after
 * failures. */
LOCUST_API int locust_run(locust_env *env);
/* One user of a class in this process for a debugger: prints each request and its answer on standard
 * output, without statistics. host: NULL for the class's own. Ends with the user, or at an interrupt.
 * Returns the exit code. Like run_single_user of Locust. */
LOCUST_API int locust_run_single_user(const locust_user_class *user_class, const char *host);
/* Asks a running test to end, from a listener. Like locust_stop_test. */
LOCUST_API void locust_stop(locust_env *env);
LOCUST_API void locust_env_free(locust_env *env);
LOCUST_API void *locust_env_context(locust_env *env);
/* Seconds since the test started; 0 before. */
LOCUST_API double locust_run_time(locust_env *env);
/* Users that are alive now. */
LOCUST_API int locust_user_count(locust_env *env);
typedef struct locust_generator {                 // was it the generator that limited the load?
    bool ok;                                      // it was not
    double cpu;                                   // share of one core that the process took
    double late_p50_ms, late_p99_ms, late_max_ms; // how long the due waited until they ran
    char limits[512];                             // what was short, separated by "; "
} locust_generator;
/* The verdict so far. Times of lateness include how long an answer lay in the socket unread. */
LOCUST_API locust_generator locust_generator_so_far(locust_env *env);
/* The arrivals of the open model so far. */
LOCUST_API locust_arrival_counts locust_arrivals_so_far(locust_env *env);
/* The total of all rows, as of this call; lives until locust_env_free. */
LOCUST_API const locust_stats *locust_stats_total(locust_env *env);
/* Row i in order of first appearance, as of this call; NULL past the last. */
LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i);
/* The response time that a share of the requests (0 to 1) did not exceed, within 1 %, in ms. */
LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share);

/* The whole command: options from files, environment and arguments, the run, the reports.
 * Returns the exit code. */
LOCUST_API int locust_main(int argc, char **argv, const locust_test *test);
