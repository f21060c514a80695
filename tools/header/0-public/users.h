/* ============================================================================================
 * >>users  tasks and user classes
 *
 * Purpose     what a test declares: tasks, task sets, and the kinds of users that run them.
 * ============================================================================================ */

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

/* A version of HTTP: for .http_version, and for nothing else. */
typedef struct locust_http_version {
    const struct locust_http2_engine *engine;
    bool chosen_by_server;
} locust_http_version;
LOCUST_API const locust_http_version locust_http_2_, locust_http_auto_;
#define LOCUST_HTTP_1 NULL
/* Over https by ALPN, over http from the first byte (prior knowledge). The coroutines of a user
 * share its connection, a stream for each request. */
#define LOCUST_HTTP_2 (&locust_http_2_)
/* What the server chooses by ALPN: HTTP/2 or HTTP/1.1. Over http HTTP/1.1. */
#define LOCUST_HTTP_AUTO (&locust_http_auto_)

/* A kind of user. Borrowed by the test for its whole life; make it with LOCUST_USER. */
typedef struct locust_user_class {
    const char *name;
    double weight;    // share of the users; 0: 1, negative: none
    int fixed_count;  // exactly so many users, spawned first; 0: by weight
    const char *host; // base URL, put before a request's path; --host goes first
    locust_wait_time wait_time;
    locust_task_fn on_start;  // runs once before the first task
    locust_task_fn on_stop;   // runs once at the end, also for a user that is cut short; not after
                              // an on_start that failed
    const locust_task *tasks; // ends with an empty one
    size_t data_size;         // bytes of u->data, zeroed; 0: u->data is NULL
    size_t stack_size; // bytes, while on_start, a task or on_stop runs; 0: LOCUST_STACK_SIZE. Raise
                       // it for deep recursion or big locals
    const locust_pair *headers; // sent with every request
    const char *ca_file;      // certificates to trust, PEM; --cacert goes first; NULL: the system's
    bool insecure;            // do not verify certificates
    const char *cert_file;    // client certificate, PEM, with the chain up to its root
    const char *key_file;     // its private key, PEM; NULL: in cert_file
    const char *proxy;        // "http://[user:password@]host:port"; --proxy goes first
    const char *unix_socket;  // path: connect there, whatever the URL's host
    bool no_cookies;          // keep and send none
    bool no_keep_alive;       // a connection for each request
    bool ask_keep_alive;      // send "Connection: keep-alive": HTTP/1.0 servers, and some others,
                              // keep a connection only then
    int iterations;           // tasks that each user runs, then it ends; 0: no limit
    locust_arrivals arrivals; // its users arrive at a rate, in place of weight and fixed_count
    int max_requests;         // for one connection, then a new one; 0: no limit
    /* After a request that reached no server (refused, name not found, no route), how long a user
     * waits for its next task at least: a tenth of this at first, then twice as long each time, up
     * to this; the half of it at random. Seconds; 0: 1, negative: no pause. A longer .wait_time
     * stays as it is, and tasks of the open model come when they are due. */
    double retry_pause;
    const locust_http_version *http_version; // LOCUST_HTTP_1, LOCUST_HTTP_2 or LOCUST_HTTP_AUTO;
                                             // NULL: LOCUST_HTTP_1; --http2 goes first
    int pool; // the users of this class share so many connections to each origin and wait for a
              // free one, which no response time includes; 0: each user has its own
} locust_user_class;

struct locust_user {
    uint64_t id;      // 1, 2, 3, ... in the order of spawning
    const char *host; // base URL in force; NULL if none was given
    void *data;       // data_size bytes, zeroed before on_start, reclaimed after on_stop
    locust_env *env;
    const locust_user_class *user_class;
};
