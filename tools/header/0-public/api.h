/* ============================================================================================
 * >>api  types that all of the public part uses
 *
 * Names are Locust's. What the caller fills in is a struct in which zero means the default.
 * Settings are in seconds (double, _s), results in milliseconds (double, _ms).
 * "Call from a user" means: from a task, on_start or on_stop. Such calls park that user and never
 * the process; everything else never parks. A call that breaks a rule fails the task that makes
 * it, with a sentence that names task, file and line.
 * ============================================================================================ */

typedef struct locust_env locust_env;           // one test with its users and figures
typedef struct locust_user locust_user;         // one simulated user
typedef struct locust_response locust_response; // the answer to one request
typedef struct locust_stream locust_stream;     // a connection of a protocol of your own

typedef void (*locust_task_fn)(locust_user *u);
typedef double (*locust_wait_fn)(locust_user *u); // returns seconds

/* Notes where the test makes a call, for a sentence about a wrong one. The macros that have the
 * name of a function, such as locust_sleep, do so; the functions are called by (locust_sleep)(u,
 * 1). */
LOCUST_API void locust_at(const char *call, const char *file, int line, const char *function);
#define LOCUST_AT_(call) locust_at(call, __FILE__, __LINE__, __func__)
