/* ---- waits ---- */

/* How long a user waits between two tasks. All as in Locust. */
typedef struct locust_wait_time {
    int kind;    // LOCUST_WAIT_...; zero: no wait, other users get their turn
    double a, b; // seconds, or tasks a second
    locust_wait_fn fn;
} locust_wait_time;

enum {
    LOCUST_WAIT_NONE,
    LOCUST_WAIT_CONSTANT,
    LOCUST_WAIT_BETWEEN,
    LOCUST_WAIT_PACING,
    LOCUST_WAIT_CUSTOM,
};

#define LOCUST_CONSTANT(s)                 \
    {                                      \
        LOCUST_WAIT_CONSTANT, (s), 0, NULL \
    }
#define LOCUST_BETWEEN(min_s, max_s)                \
    {                                               \
        LOCUST_WAIT_BETWEEN, (min_s), (max_s), NULL \
    } // uniform
/* Starts tasks s seconds apart; a longer task is followed at once, lost time is not caught up. */
#define LOCUST_CONSTANT_PACING(s)        \
    {                                    \
        LOCUST_WAIT_PACING, (s), 0, NULL \
    }
/* The same in tasks a second for each user. */
#define LOCUST_CONSTANT_THROUGHPUT(per_s)          \
    {                                              \
        LOCUST_WAIT_PACING, 1.0 / (per_s), 0, NULL \
    }
/* fn(u) returns the seconds to wait; negative counts as 0. It may not park. */
#define LOCUST_WAIT_FN(fn)             \
    {                                  \
        LOCUST_WAIT_CUSTOM, 0, 0, (fn) \
    }

/* ---- the open model ---- */

enum { LOCUST_ARRIVE_TASKS, LOCUST_ARRIVE_USERS };

/* Arrivals that keep their schedule however long answers take. An arrival is a task of a user who is
 * free, or of a new one; with LOCUST_ARRIVE_USERS it is a new user, who runs .iterations tasks (0: 1)
 * and leaves. One that finds `max` in flight waits and is counted as late; after `patience_s` it is
 * shed. What it was late is added to its first response time "from the intended start". */
typedef struct locust_arrivals {
    double rate;       // a second; 0: the class is no open model
    int kind;          // LOCUST_ARRIVE_TASKS, LOCUST_ARRIVE_USERS
    bool poisson;      // gaps are exponential; false: all alike
    int max;           // in flight; 0: 10,000
    double patience_s; // 0: 10, negative: none
} locust_arrivals;

typedef struct locust_arrival_counts { // scheduled = started + shed + those that still wait
    uint64_t scheduled, started, late, shed;
} locust_arrival_counts;

/* ---- tasks and user classes ---- */

typedef struct locust_pair { // one header field, query or form parameter
    const char *name;
    const char *value;
} locust_pair;

struct locust_taskset;

typedef struct locust_task {
    const char *name;
    locust_task_fn fn;
    const struct locust_taskset *set; // a nested set in place of fn
    int weight;                       // how often it is picked; 0: 1, negative: never
    const char *tags;                 // comma-separated
    const char *next;                 // transitions of a LOCUST_MARKOV set: "name:weight,name"
} locust_task;

enum { LOCUST_RANDOM, LOCUST_SEQUENTIAL, LOCUST_MARKOV }; // order of a task set

typedef struct locust_taskset {
    const char *name;
    int order; // LOCUST_RANDOM ...
    locust_wait_time wait_time;
    locust_task_fn on_start, on_stop;
    const locust_task *tasks; // ends with an empty one
} locust_taskset;

/* A kind of user. Borrowed by the test for its whole life; make it with LOCUST_USER. */
typedef struct locust_user_class {
    const char *name;
    double weight;    // share of the users; 0: 1, negative: none
    int fixed_count;  // exactly that many, spawned first; 0: by weight
    const char *host; // base URL, put before a request's path; --host goes first
    locust_wait_time wait_time;
    locust_task_fn on_start;  // runs once before the first task
    locust_task_fn on_stop;   // runs once at the end, also for a user that is cut short
    const locust_task *tasks; // ends with an empty one
    size_t data_size;         // bytes of u->data, zeroed; 0: u->data is NULL
    size_t stack_size; // bytes; 0: LOCUST_STACK_SIZE. Raise it for deep recursion or big locals
    const locust_pair *headers; // sent with every request
    const char *ca_file;      // certificates to trust, PEM; --cacert goes first; NULL: the system's
    bool insecure;            // do not verify certificates
    const char *cert_file;    // client certificate, PEM, with the chain up to its root
    const char *key_file;     // its private key, PEM; NULL: in cert_file
    const char *proxy;        // "http://[user:password@]host:port"; --proxy goes first
    const char *unix_socket;  // path: connect there, whatever the URL's host
    bool no_cookies;          // keep and send none
    bool no_keep_alive;       // a connection for each request
    int iterations;           // tasks that each user runs, then it ends; 0: no limit
    locust_arrivals arrivals; // how its users come, in place of weight and fixed_count
    int max_requests;         // for one connection, then a new one; 0: no limit
    int pool; // users of this class share at most so many connections to each origin and wait for
              // a free one (that wait is in no response time); 0: each user has its own
} locust_user_class;

struct locust_user {
    uint64_t id;      // 1, 2, 3, ... in the order of spawning
    const char *host; // base URL in force; NULL if none was given
    void *data;       // data_size bytes, zeroed before on_start, reclaimed after on_stop
    locust_env *env;
    const locust_user_class *user_class;
};
