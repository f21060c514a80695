/* ============================================================================================
 * >>test  a test
 *
 * Purpose     ties user classes, a load shape, listeners and options of the test together.
 * ============================================================================================ */

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

/* Adds a listener, called after the present ones; borrowed until locust_env_free. Returns false if
 * there are LOCUST_LISTENERS_MAX already. */
LOCUST_API bool locust_listen(locust_env *env, const locust_listeners *listeners);
/* The value of an option that the test declares ("true" or "false" for a switch); NULL: it declares
 * none of that name. */
LOCUST_API const char *locust_option(locust_env *env, const char *name);
/* Sets the exit code of the command, in place of the usual one. Like
 * environment.process_exit_code. */
LOCUST_API void locust_set_exit_code(locust_env *env, int code);
/* Forgets what was measured so far. */
LOCUST_API void locust_reset_stats(locust_env *env);
