/* ============================================================================================
 * >>test  a test
 *
 * Purpose     ties user classes, a load shape, listeners and options of the test together.
 * ============================================================================================ */

enum { // what an option of the test takes; anything else ends the program before it runs
    LOCUST_OWN_TEXT,
    LOCUST_OWN_WHOLE,  // a whole number: 5, -3
    LOCUST_OWN_NUMBER, // 0.5, 1e-3
    LOCUST_OWN_SPAN,   // a time: 20, 20s, 1h20m; as a number it is in seconds
    LOCUST_OWN_CHOICE, // one of .choices
    LOCUST_OWN_FLAG,   // a switch: takes no value in arguments, true or false elsewhere
};

typedef struct locust_own_option { // an option that the test adds to the command line
    const char *name;              // "api-key" or "--api-key"; api-key = ... in config files
    const char *value;    // what stands for its value in --help; NULL, and no .type: it is a switch
    const char *fallback; // where it is not given; NULL: "", 0 or false
    const char *env;      // an environment variable that gives it too; NULL: none
    const char *help;
    int type;            // LOCUST_OWN_...
    const char *choices; // "small,large"
    bool secret;         // the page of the web interface shows dots. Like is_secret
} locust_own_option;

enum { LOCUST_OWN_OPTIONS_MAX = 32, LOCUST_LISTENERS_MAX = 32 };

/* A test: its user classes and listeners. Borrowed by the environment. */
typedef struct locust_test {
    const locust_user_class *users[LOCUST_CLASSES_MAX];
    bool (*shape)(locust_env *env, locust_tick *tick); // each second; false: end of the test
    /* A step before the first user, and its counterpart after the last one. Each has a user of its
     * own, of the first class of .users: its host, fields and data. It may send requests and park;
     * none of its requests is counted or told to listeners, and no run time passes. A request that
     * fails (and that locust_success does not forgive) or locust_fail ends the run with a sentence
     * and exit code 1: of setup without any user. teardown is called if setup has succeeded. What
     * users need of it goes into variables of the test's file. */
    locust_task_fn setup, teardown;
    locust_own_option options[LOCUST_OWN_OPTIONS_MAX]; // .options = {{.name = "api-key", ...}}
    const locust_listeners *listeners[LOCUST_LISTENERS_MAX]; // .listeners = {&a, &b}: after .on_...
    locust_message_handler messages[LOCUST_MESSAGES_MAX];    // .messages = {{"accounts", take}}
    locust_web_route routes[LOCUST_ROUTES_MAX];              // .routes = {{"/ops", show_ops}}
    LOCUST_EVENTS_(LOCUST_EVENT_)
} locust_test;

/* Adds a listener, called after the present ones; borrowed until locust_env_free. Returns false if
 * there are LOCUST_LISTENERS_MAX already. */
LOCUST_API bool locust_listen(locust_env *env, const locust_listeners *listeners);
/* The value of an option that the test declares ("true" or "false" for a switch); NULL: it declares
 * none of that name. */
LOCUST_API const char *locust_option(locust_env *env, const char *name);
/* The same as a number: of LOCUST_OWN_NUMBER, _WHOLE and _SPAN (seconds). These three end the
 * program over an option that the test does not declare, or declares of another type. */
LOCUST_API double locust_option_number(locust_env *env, const char *name);
/* The same of LOCUST_OWN_WHOLE. */
LOCUST_API int64_t locust_option_whole(locust_env *env, const char *name);
/* Is the switch on? */
LOCUST_API bool locust_option_flag(locust_env *env, const char *name);
/* Sets the exit code of the command, in place of the usual one. Like
 * environment.process_exit_code. */
LOCUST_API void locust_set_exit_code(locust_env *env, int code);
/* Forgets what was measured so far. */
LOCUST_API void locust_reset_stats(locust_env *env);
