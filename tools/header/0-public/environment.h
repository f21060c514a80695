/* ============================================================================================
 * >>environment  running a test, and its figures
 *
 * Purpose     runs a test from a program, and reads its figures.
 * ============================================================================================ */

/* One row of statistics, or their total. */
typedef struct locust_stats {
    const char *method; // "" in the total
    const char *name;   // "Aggregated" in the total
    uint64_t requests;  // all, failed ones too
    uint64_t failures;
    uint64_t bytes; // of body received
    double min_ms, mean_ms, max_ms;
    double requests_per_s, failures_per_s; // over the whole run; meanwhile, up to the last answer
    const void *histogram;
    uint64_t unanswered; // that were cut, at the end or with their user, before they had an answer
} locust_stats;

/* Makes an environment. Returns NULL after one line on standard error. Yours: locust_env_free. */
LOCUST_API locust_env *locust_env_new(const locust_test *test, const locust_options *options);
/* Runs the test to its end. Returns the exit code: 0, or options.exit_code_on_error after
 * failures. */
LOCUST_API int locust_run(locust_env *env);
/* One user of a class in this process for a debugger: prints each request and its answer on
 * standard output, without statistics. host: NULL for the class's own. Ends with the user, or at an
 * interrupt. Returns the exit code. Like run_single_user of Locust. */
LOCUST_API int locust_run_single_user(const locust_user_class *user_class, const char *host);
/* Asks a running test to end, from a listener. Like locust_stop_test. */
LOCUST_API void locust_env_stop(locust_env *env);
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
    double stalled_s, stalled_max_s; // something was due and nothing ran: in all, at the longest
    uint64_t stalled_requests;       // in flight then: their times may not be the server's
    double suspended_s;              // the machine was suspended; in no response time
    double clock_set_s;              // the wall clock was set, the furthest by this; below 0: back
    double p50_high_ms, p99_high_ms; // how much too high these response times are, at most
} locust_generator;
/* The verdict so far. Times of lateness include how long an answer lay in the socket unread. */
LOCUST_API locust_generator locust_generator_so_far(locust_env *env);
/* The arrivals of the open model so far. */
LOCUST_API locust_arrival_counts locust_arrivals_so_far(locust_env *env);
/* The total of all rows, as of this call; lives until locust_env_free. */
LOCUST_API const locust_stats *locust_stats_total(locust_env *env);
/* Row i in order of first appearance, as of this call; NULL past the last. */
LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i);
/* The response time that a share of the requests (0 to 1) did not exceed, within 0.4 % by default
 * (LOCUST_HIST_BITS), in ms. Unanswered ones count as longer than they had waited. */
LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share);

/* The whole command: options from files, environment and arguments, the run, the reports.
 * Returns the exit code. */
LOCUST_API int locust_main(int argc, char **argv, const locust_test *test);
