/* locust.h 0.1.0 - load tests in one C header - MIT license, at the end of this file
 *
 * Simulates users of a network service, by the hundred thousand, from one small static program:
 * a test is one C file in the shape of a Locust test, and its figures come in Locust's own tables.
 *
 *     #include "locust.h"
 *
 *     static void index_page(locust_user *u)
 *     {
 *         locust_get(u, "/");
 *         locust_get(u, "/item?id=7", .name = "/item?id=[id]");
 *     }
 *
 *     LOCUST_USER(Visitor,
 *         .host = "http://127.0.0.1:8080",
 *         .wait_time = LOCUST_BETWEEN(1, 3),
 *         .tasks = LOCUST_TASKS(LOCUST_TASK(index_page)));
 *
 *     LOCUST_MAIN(.users = { &Visitor })
 *
 *     cc -O2 test.c -o test && ./test --headless --users 100 --spawn-rate 10 --run-time 1m
 *
 * ---------------------------------------------------------------------------------------------
 * Settings: macros, defined before the include (or by -D). The defaults suit most tests.
 *
 *   LOCUST_IMPLEMENTATION     in one file of a program of several: implementation, external linkage
 *   LOCUST_NO_IMPLEMENTATION  in its other files: declarations only
 *                             (neither: declarations and implementation, all static)
 *   LOCUST_TLS                0    1: https through mbedTLS; without effect in this version
 *   LOCUST_POLL               0    1: poll() in place of the system's own poller
 *   LOCUST_VALGRIND           0    1: tell valgrind about stacks (needs <valgrind/valgrind.h>)
 *   LOCUST_MALLOC(n)          malloc    these three together, or none: where all memory comes
 *   LOCUST_REALLOC(p, n)      realloc   from; they may fail, and may not park
 *   LOCUST_FREE(p)            free
 *   LOCUST_STACK_SIZE         65536     bytes of address space for one user's stack; 16 KB of it
 *                                       guard. Only touched pages cost memory. Per class:
 *                                       .stack_size
 *   LOCUST_MAX_HEADER         65536     bytes of response header taken before the request fails
 *   LOCUST_MAX_BODY           67108864  bytes of response body taken before the request fails
 *   LOCUST_MAX_ROWS           10000     rows of statistics; later names share the row "(other)"
 *
 * Contents: public part first (all that a test's author reads), then the implementation, in which
 * a section uses only what stands above it.
 *
 *   >>intro    this comment
 *   >>api      types, functions and macros of a test
 *   >>config   settings made uniform, system headers
 *   >>base     memory, strings, random numbers, hashing
 *   >>ctx      the context switch, in assembly, one block for each architecture
 *   >>os       what the operating system is asked for, the poller first
 *   >>log      diagnostics in Locust's log format
 *   >>loop     coroutines, their stacks, timers, the event loop
 *   >>sync     queues, semaphores and groups of coroutines
 *   >>slots    coroutine-local data
 *   >>hist     latency histogram
 *   >>stats    rows of requests and failures
 *   >>net      streams over TCP and unix sockets
 *   >>resolve  host names to addresses
 *   >>url      URLs and origins
 *   >>http     HTTP/1.1 messages
 *   >>extract  values out of a response: JSON, patterns, text between
 *   >>client   requests of a user
 *   >>user     user classes, tasks, waits, the life of a user
 *   >>runner   spawning, stopping, the environment
 *   >>report   tables, CSV files
 *   >>cli      options, environment variables, config files
 *   >>main     the command and the library entry points
 *   >>changes  what changed, newest first
 *   >>license  MIT
 */
#ifndef LOCUST_H
#define LOCUST_H

#define LOCUST_VERSION_MAJOR 0
#define LOCUST_VERSION_MINOR 1
#define LOCUST_VERSION_PATCH 0
#define LOCUST_VERSION       "0.1.0"

/* The implementation asks the C library for more than ISO C has. A strict compiler mode must be
 * told before its first system header. */
#if !defined(__cplusplus) && (defined(LOCUST_IMPLEMENTATION) || !defined(LOCUST_NO_IMPLEMENTATION))
#if defined(_FEATURES_H) && !defined(_DEFAULT_SOURCE) && !defined(_GNU_SOURCE) && \
    !defined(_BSD_SOURCE)
#error \
    "locust.h must be included first under a strict -std=c11: move it up, or use -std=gnu11, or -D_DEFAULT_SOURCE"
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE 1
#endif
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus) || defined(LOCUST_IMPLEMENTATION) || defined(LOCUST_NO_IMPLEMENTATION)
#define LOCUST_API extern
#else
#define LOCUST_API static __attribute__((unused))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================
 * >>api  types, functions and macros of a test
 *
 * Names are Locust's. What the caller fills in is a struct in which zero means the default.
 * Settings are in seconds (double, _s), results in milliseconds (double, _ms).
 * "Call from a user" means: from a task, on_start or on_stop. Such calls park that user and never
 * the process; everything else never parks.
 * ============================================================================================ */

typedef struct locust_env locust_env;           // one test with its users and figures
typedef struct locust_user locust_user;         // one simulated user
typedef struct locust_response locust_response; // the answer to one request
typedef struct locust_stream locust_stream;     // a connection of a protocol of your own

typedef void (*locust_task_fn)(locust_user *u);
typedef double (*locust_wait_fn)(locust_user *u); // returns seconds

/* ---- errors ---- */

/* Why a request has no good answer. The text groups failures in reports, so it holds no port,
 * no number and no time of its own. */
#define LOCUST_ERRORS(X)                                                                      \
    X(LOCUST_OK, "ok")                                                                        \
    X(LOCUST_ERR_CANCELLED, "cancelled: the user is being stopped")                           \
    X(LOCUST_ERR_MEMORY, "out of memory")                                                     \
    X(LOCUST_ERR_FILES, "too many open files: raise ulimit -n")                               \
    X(LOCUST_ERR_PORTS, "no local port left for this destination")                            \
    X(LOCUST_ERR_REQUEST, "invalid request: forbidden character in its method or headers")    \
    X(LOCUST_ERR_REQUEST_SIZE, "request header too large")                                    \
    X(LOCUST_ERR_URL, "invalid URL")                                                          \
    X(LOCUST_ERR_SCHEME, "unknown URL scheme")                                                \
    X(LOCUST_ERR_NAME, "host name not found")                                                 \
    X(LOCUST_ERR_NAME_SERVER, "host name lookup failed: no usable answer from a name server") \
    X(LOCUST_ERR_NAME_TIMEOUT, "host name lookup timed out")                                  \
    X(LOCUST_ERR_REFUSED, "connection refused")                                               \
    X(LOCUST_ERR_CONNECT_TIMEOUT, "connect timed out")                                        \
    X(LOCUST_ERR_HOST_UNREACHABLE, "host unreachable")                                        \
    X(LOCUST_ERR_NET_UNREACHABLE, "network unreachable")                                      \
    X(LOCUST_ERR_NO_SOCKET, "no such unix socket")                                            \
    X(LOCUST_ERR_PERMISSION, "permission denied by the system")                               \
    X(LOCUST_ERR_RESET, "connection reset by peer")                                           \
    X(LOCUST_ERR_PIPE, "connection closed by peer while sending")                             \
    X(LOCUST_ERR_CLOSED, "connection closed by peer")                                         \
    X(LOCUST_ERR_NETWORK, "network error")                                                    \
    X(LOCUST_ERR_TIMEOUT, "timed out")                                                        \
    X(LOCUST_ERR_LINE_TOO_LONG, "line longer than the buffer")                                \
    X(LOCUST_ERR_NO_RESPONSE, "connection closed without a response")                         \
    X(LOCUST_ERR_HEAD_CUT, "connection closed inside the response header")                    \
    X(LOCUST_ERR_BODY_CUT, "connection closed inside the response body")                      \
    X(LOCUST_ERR_NOT_HTTP, "not an HTTP/1.x response")                                        \
    X(LOCUST_ERR_STATUS_LINE, "malformed status line")                                        \
    X(LOCUST_ERR_FIELD, "malformed header field")                                             \
    X(LOCUST_ERR_HEAD_SIZE, "response header too large")                                      \
    X(LOCUST_ERR_LENGTH, "invalid Content-Length")                                            \
    X(LOCUST_ERR_LENGTH_TWICE, "both Content-Length and Transfer-Encoding")                   \
    X(LOCUST_ERR_ENCODING, "unsupported Transfer-Encoding")                                   \
    X(LOCUST_ERR_CHUNK, "malformed chunk")                                                    \
    X(LOCUST_ERR_BODY_SIZE, "response body too large")                                        \
    X(LOCUST_ERR_REDIRECTS, "more than 30 redirects")                                         \
    X(LOCUST_ERR_LOCATION, "redirect to an invalid or unsupported location")                  \
    X(LOCUST_ERR_UPGRADE, "unexpected 101 Switching Protocols")

typedef enum locust_error {
#define LOCUST_ERROR_CONSTANT(name, text) name,
    LOCUST_ERRORS(LOCUST_ERROR_CONSTANT)
#undef LOCUST_ERROR_CONSTANT
        LOCUST_ERROR_COUNT
} locust_error;

/* The sentence of an error, as in the table above. Never NULL; owned by the library. */
LOCUST_API const char *locust_error_text(locust_error error);

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
    const char *ca_file;        // certificates to trust, PEM
    bool insecure;              // do not verify certificates
} locust_user_class;

struct locust_user {
    uint64_t id;      // 1, 2, 3, ... in the order of spawning
    const char *host; // base URL in force; NULL if none was given
    void *data;       // data_size bytes, zeroed before on_start, reclaimed after on_stop
    locust_env *env;
    const locust_user_class *user_class;
};

/* ---- requests ---- */

typedef struct locust_part { // one part of a multipart/form-data body
    const char *name;
    const char *text; // the content, or
    const char *path; // a file to send
    const char *type; // Content-Type; NULL: none for text, application/octet-stream for a file
} locust_part;

/* One HTTP request. Everything is borrowed until the call returns. */
typedef struct locust_request {
    const char *method;         // any token; NULL: "GET"
    const char *url;            // path below the user's host, or an absolute URL; required
    const char *name;           // row in the statistics; NULL: path and query as sent
    const locust_pair *headers; // beside the class's; the same name replaces the class's field
    const void *body;           // raw body, body_len bytes
    size_t body_len;
    const char *form;               // body as application/x-www-form-urlencoded, already encoded
    const char *json;               // body as application/json
    const locust_pair *params;      // added to the query, encoded by the library
    const locust_pair *form_fields; // body from fields, encoded by the library
    const locust_part *parts;       // body as multipart/form-data
    const char *auth;               // "user:password"
    double timeout_s;               // connect to last byte; 0: 60, negative: none
    bool catch_response;            // the test gives the verdict: locust_success, locust_failure
    bool no_redirect;               // hand 3xx to the caller; false: follow up to 30 (HEAD: none)
    int expect_status;              // another status is a failure; 0: any below 400 passes
    const char *expect_body;        // a body without this text is a failure
} locust_request;

/* What came back. Lives until this user's next request or the end of the user; free nothing. */
struct locust_response {
    const char *error;  // NULL, or one short, stable sentence: there is no answer, status is 0
    locust_error code;  // the same, to compare
    int status;         // 100 to 999
    const char *reason; // reason phrase of the status line; may be empty
    const char *body;   // body[body_len] is '\0'
    size_t body_len;
    const char *url;   // absolute URL of this answer
    double elapsed_ms; // see locust_send
    bool reused;       // the connection had served an earlier request
    locust_user *user;
};

/* Sends one request and waits for the whole response.
 *
 * Call from    a user.
 * Returns      a response that lives until this user's next request; never NULL.
 * Errors       never aborts. response->error says why there is no status; the failure is in the
 *              statistics already (with catch_response: at this user's next request or the end of
 *              the task).
 * Time         from right before the first byte is sent (a new connection: before the name lookup
 *              and the connect) to the arrival of the last byte at this machine, as its kernel noted
 *              it (SO_TIMESTAMPNS): how long the generator then took to read it is not the server's
 *              time. Where the kernel does not tell: to right after the last byte is parsed.
 * Retries      once, on a new connection, when a kept one was closed by the server before the first
 *              byte of the answer and the method is idempotent (RFC 9110 9.2.2, RFC 9112 9.3.1).
 * Like         HttpSession.request() of Locust.
 */
LOCUST_API locust_response *locust_send(locust_user *u, const locust_request *req);

/* URL first, then fields of locust_request: locust_get(u, "/", .timeout_s = 2) */
#define locust_get(u, ...)             LOCUST_SEND_(u, "GET", __VA_ARGS__)
#define locust_post(u, ...)            LOCUST_SEND_(u, "POST", __VA_ARGS__)
#define locust_put(u, ...)             LOCUST_SEND_(u, "PUT", __VA_ARGS__)
#define locust_patch(u, ...)           LOCUST_SEND_(u, "PATCH", __VA_ARGS__)
#define locust_delete(u, ...)          LOCUST_SEND_(u, "DELETE", __VA_ARGS__)
#define locust_head(u, ...)            LOCUST_SEND_(u, "HEAD", __VA_ARGS__)
#define locust_options_request(u, ...) LOCUST_SEND_(u, "OPTIONS", __VA_ARGS__)
#define LOCUST_SEND_(u, verb, ...) \
    locust_send((u), &(locust_request){.method = (verb), .url = __VA_ARGS__})

#define LOCUST_HEADERS(...) ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARAMS(...)  ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARTS(...)   ((const locust_part[]){__VA_ARGS__, {NULL, NULL, NULL, NULL}})

/* The value of a response header field, or NULL. `name` in any case. Of several fields with that
 * name the first. Lives as long as the response. */
LOCUST_API const char *locust_header(const locust_response *r, const char *name);

/* The verdict on a request made with .catch_response = true; the last one given counts. Without
 * any the usual rule applies: a reply with a status below 400 passes. The text of a failure groups
 * failures in reports: keep it free of ids; 255 bytes at most. */
LOCUST_API void locust_success(locust_response *r);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API void
locust_failure(locust_response *r, const char *format, ...);

/* Values out of a body, for the next request: at a path of a JSON body ("user.ids[0]", "" for the
 * whole), in the group (0 to 9) of a POSIX extended regular expression, or between two texts. All
 * return false if there is no such value, it is of another type, or its text does not fit into
 * out[size] with a '\0' behind; numbers and bools stay as they were then. An invalid regular
 * expression ends the program. Call them while the response lives. */
LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out);
LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out);
LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size);
LOCUST_API bool locust_match(
    const locust_response *r, const char *regex, int group, char *out, size_t size);
LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size);

/* ---- inside a user ---- */

/* Parks this user for that many seconds. Call from a user. */
LOCUST_API void locust_sleep(locust_user *u, double seconds);

/* Ends the test as if its run time were over: users are stopped, on_stop runs for each, reports
 * are written. Returns at once; the calling user goes on until it parks or its task ends. */
LOCUST_API void locust_stop_test(locust_user *u);

/* Leaves the running task set; `reschedule`: its parent picks the next task without a wait. */
LOCUST_API void locust_interrupt(locust_user *u, bool reschedule);

/* ---- coroutine-local data ---- */

typedef struct locust_slot { // made by LOCUST_LOCAL; fields are the library's
    const char *name;
    size_t size;
    void (*init)(void *slot); // at the first use in a user; NULL: zeroed memory is enough
    void (*fini)(void *slot); // after on_stop, if it was used; may not park
    struct locust_slot *next;
    size_t index, offset;
} locust_slot;

LOCUST_API void locust_slot_register(locust_slot *slot);
LOCUST_API void *locust_slot_get(const locust_slot *slot);

/* LOCUST_LOCAL(struct session, session);  gives  struct session *session(void)
 *
 * Each user has its own, zeroed before on_start and reclaimed after on_stop. Reading one outside a
 * user ends the program with that rule. At file scope. */
#define LOCUST_LOCAL(type, slot_) LOCUST_LOCAL_WITH(type, slot_, .init = NULL)
#define LOCUST_LOCAL_WITH(type, slot_, ...)                                                \
    static locust_slot slot_##_slot = {.name = #slot_, .size = sizeof(type), __VA_ARGS__}; \
    __attribute__((constructor)) static void slot_##_register(void)                        \
    {                                                                                      \
        locust_slot_register(&slot_##_slot);                                               \
    }                                                                                      \
    __attribute__((unused)) static type *slot_(void)                                       \
    {                                                                                      \
        return (type *)locust_slot_get(&slot_##_slot);                                     \
    }                                                                                      \
    static type *slot_(void)

typedef struct locust_token { // what a context variable held before it was set
    const void *was;
} locust_token;

typedef struct locust_var { // made by LOCUST_VAR; fields are the library's
    const char *name;
    size_t size;
    const void *value; // the default
} locust_var;

LOCUST_API void *locust_var_get(const locust_var *var);
LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value);
LOCUST_API void locust_var_reset(const locust_var *var, locust_token token);

/* LOCUST_VAR(int, depth, 0);  gives  depth(), depth_set(value), depth_reset(token): a value with a
 * default, set for a while and put back, inherited by the coroutines that a user starts. */
#define LOCUST_VAR(type, var_, default_)                                         \
    static const type var_##_default = default_;                                 \
    static const locust_var var_##_var = {#var_, sizeof(type), &var_##_default}; \
    __attribute__((unused)) static type var_(void)                               \
    {                                                                            \
        return *(type *)locust_var_get(&var_##_var);                             \
    }                                                                            \
    __attribute__((unused)) static locust_token var_##_set(type value)           \
    {                                                                            \
        return locust_var_set(&var_##_var, &value);                              \
    }                                                                            \
    __attribute__((unused)) static void var_##_reset(locust_token token)         \
    {                                                                            \
        locust_var_reset(&var_##_var, token);                                    \
    }                                                                            \
    static type var_(void)

typedef struct locust_stack { // made by LOCUST_STACK; fields are the library's
    const char *name;
    size_t size;
} locust_stack;

LOCUST_API void locust_stack_push(const locust_stack *stack, const void *value);
LOCUST_API void *locust_stack_pop(const locust_stack *stack);
LOCUST_API void *locust_stack_top(const locust_stack *stack);

/* LOCUST_STACK(int, path);  gives  path_push(value), path_pop(), path_top() for each user. */
#define LOCUST_STACK(type, stack_)                                      \
    static const locust_stack stack_##_stack = {#stack_, sizeof(type)}; \
    __attribute__((unused)) static void stack_##_push(type value)       \
    {                                                                   \
        locust_stack_push(&stack_##_stack, &value);                     \
    }                                                                   \
    __attribute__((unused)) static type stack_##_pop(void)              \
    {                                                                   \
        return *(type *)locust_stack_pop(&stack_##_stack);              \
    }                                                                   \
    __attribute__((unused)) static type stack_##_top(void)              \
    {                                                                   \
        return *(type *)locust_stack_top(&stack_##_stack);              \
    }                                                                   \
    static type stack_##_top(void)

/* ---- protocols of your own ---- */

/* Connects to tcp://host:port or unix:/path. Call from a user.
 * Returns a stream, yours (end with locust_close); NULL if memory ran out. A stream that did not
 * connect fails every read and write with the reason, in locust_stream_error. Reads and writes
 * take 60 s at most each; so does connecting, once its turn has come. */
LOCUST_API locust_stream *locust_connect(locust_user *u, const char *url);
/* Writes all n bytes. False: see locust_stream_error. */
LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n);
/* Reads 1 to n bytes. Returns how many, 0 at the end of the stream, -1 on an error. */
LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n);
/* Reads up to and with the byte `end`, and puts a '\0' behind. Returns the length without the
 * '\0'; -1 if the stream ended or failed before, or the text does not fit. */
LOCUST_API ptrdiff_t locust_read_until(locust_stream *s, char end, char *out, size_t size);
/* Why the last read or write failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_stream_error(const locust_stream *s);
/* Closes and frees; NULL is fine. */
LOCUST_API void locust_close(locust_stream *s);

typedef struct locust_measure { // one measured operation; set `error` and `length` inside the block
    const char *error;          // NULL: success; grouping text, copied
    size_t length;              // bytes received
    locust_user *user;
    const char *method, *name;
    int64_t start_ns;
    bool open;
} locust_measure;

LOCUST_API locust_measure locust_measure_start(
    locust_user *u, const char *method, const char *name);
LOCUST_API void locust_measure_stop(locust_measure *m);

/* LOCUST_MEASURE(u, "ECHO", "line", m) { ... m->error = ...; m->length = ...; }
 * Times the block and records it as a request when it ends; leave it by its end or `continue`. */
#define LOCUST_MEASURE(u, method_, name_, m)                                         \
    for (locust_measure m##_measure = locust_measure_start((u), (method_), (name_)), \
                        *m = &m##_measure;                                           \
         m->open; locust_measure_stop(m))

/* ---- the test ---- */

enum { LOCUST_CLASSES_MAX = 64 }; // user classes in one test

typedef struct locust_sample { // one finished request, as listeners see it
    const char *method;
    const char *name;
    const char *url;   // NULL for an operation measured by the test itself
    const char *error; // NULL: success
    int status;        // 0: none
    double elapsed_ms;
    size_t length; // bytes of body
    locust_user *user;
} locust_sample;

typedef struct locust_tick { // what a load shape asks for
    int users;
    double spawn_rate;
} locust_tick;

/* A test: its user classes and listeners. Borrowed by the environment. */
typedef struct locust_test {
    const locust_user_class *users[LOCUST_CLASSES_MAX];
    void (*on_test_start)(locust_env *env);                           // before the first user
    void (*on_test_stop)(locust_env *env);                            // after the last user
    void (*on_request)(locust_env *env, const locust_sample *sample); // may not park
    bool (*shape)(locust_env *env, locust_tick *tick); // each second; false: end of the test
} locust_test;

/* How to run it: the command line as a struct. Borrowed until locust_env_free. */
typedef struct locust_options {
    const char *host;       // base URL for all classes; NULL: each class's own
    int users;              // 0: 1, negative: none
    double spawn_rate;      // users a second; 0: 1
    double run_time_s;      // from the start of spawning; 0: until stopped
    double stop_timeout_s;  // how long running tasks may take to finish at the end; 0: cut them
    bool reset_stats;       // forget what was measured while users were spawned
    bool quiet;             // no output but errors
    bool only_summary;      // no table every two seconds
    bool compact;           // short lines on standard output in place of tables
    const char *csv;        // prefix of CSV files; NULL: none
    bool csv_full_history;  // a history line for each row, not for the total alone
    const char *loglevel;   // DEBUG, INFO, WARNING, ERROR, CRITICAL; NULL: INFO
    const char *logfile;    // NULL: standard error
    int exit_code_on_error; // result of a run with failures; 0: 1, negative: 0
    void *context;          // yours: locust_env_context
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
/* Asks a running test to end, from a listener. Like locust_stop_test. */
LOCUST_API void locust_stop(locust_env *env);
LOCUST_API void locust_env_free(locust_env *env);
LOCUST_API void *locust_env_context(locust_env *env);
/* Seconds since the test started; 0 before. */
LOCUST_API double locust_run_time(locust_env *env);
/* Users that are alive now. */
LOCUST_API int locust_user_count(locust_env *env);
/* The total of all rows, as of this call; lives until locust_env_free. */
LOCUST_API const locust_stats *locust_stats_total(locust_env *env);
/* Row i in order of first appearance, as of this call; NULL past the last. */
LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i);
/* The response time that a share of the requests (0 to 1) did not exceed, within 1 %, in ms. */
LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share);

/* The whole command: options from files, environment and arguments, the run, the reports.
 * Returns the exit code. */
LOCUST_API int locust_main(int argc, char **argv, const locust_test *test);

/* ---- making tests ---- */

#define LOCUST_FIRST_TEXT_(first, ...) #first
/* LOCUST_TASK(fn, .weight = 3) */
#define LOCUST_TASK(...)                                             \
    {                                                                \
        .name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .fn = __VA_ARGS__ \
    }
/* LOCUST_TASK_SET(Set, .weight = 3) */
#define LOCUST_TASK_SET(...)                                           \
    {                                                                  \
        .name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .set = &__VA_ARGS__ \
    }
#define LOCUST_TASKS(...) ((const locust_task[]){__VA_ARGS__, {.name = NULL}})
#define LOCUST_USER(class_, ...) \
    static const locust_user_class class_ = {.name = #class_, __VA_ARGS__}
#define LOCUST_TASKSET(set_, ...) static const locust_taskset set_ = {.name = #set_, __VA_ARGS__}
#define LOCUST_MAIN(...)                               \
    int main(int argc, char **argv)                    \
    {                                                  \
        static const locust_test test = {__VA_ARGS__}; \
        return locust_main(argc, argv, &test);         \
    }

#ifdef __cplusplus
}
#endif
#endif // LOCUST_H

#if !defined(LOCUST__IMPLEMENTED) && !defined(__cplusplus) && \
    (defined(LOCUST_IMPLEMENTATION) || !defined(LOCUST_NO_IMPLEMENTATION))
#define LOCUST__IMPLEMENTED
extern const char locust_is_implemented_in_two_files_define_LOCUST_NO_IMPLEMENTATION_in_one;
const char locust_is_implemented_in_two_files_define_LOCUST_NO_IMPLEMENTATION_in_one = 0;

/* ============================================================================================
 * >>config  settings made uniform, system headers
 *
 * Purpose     every on/off setting becomes 0 or 1 once, so that -Wundef catches a misspelling.
 *             Defined empty counts as 1 (then 1 - NAME - 1 reads 1 - -1).
 * ============================================================================================ */

#if defined(LOCUST_TLS) && ((LOCUST_TLS + 0) || (1 - LOCUST_TLS - 1) == 2)
#define LOCUST__TLS 1
#else
#define LOCUST__TLS 0
#endif

#if defined(LOCUST_POLL) && ((LOCUST_POLL + 0) || (1 - LOCUST_POLL - 1) == 2)
#define LOCUST__POLL 1
#else
#define LOCUST__POLL 0
#endif

#if defined(LOCUST_VALGRIND) && ((LOCUST_VALGRIND + 0) || (1 - LOCUST_VALGRIND - 1) == 2)
#define LOCUST__VALGRIND 1
#else
#define LOCUST__VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define LOCUST__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCUST__ASAN 1
#endif
#endif
#ifndef LOCUST__ASAN
#define LOCUST__ASAN 0
#endif

#if defined(__linux__)
#define LOCUST__OS_LINUX 1
#else
#error "locust.h runs on Linux only in this version"
#endif

#if defined(LOCUST_MALLOC) != defined(LOCUST_REALLOC) || \
    defined(LOCUST_MALLOC) != defined(LOCUST_FREE)
#error "define LOCUST_MALLOC, LOCUST_REALLOC and LOCUST_FREE together, or none of them"
#endif
#ifndef LOCUST_MALLOC
#define LOCUST_MALLOC(n)     malloc(n)
#define LOCUST_REALLOC(p, n) realloc(p, n)
#define LOCUST_FREE(p)       free(p)
#endif

#ifndef LOCUST_STACK_SIZE
#define LOCUST_STACK_SIZE 65536
#endif
#ifndef LOCUST_MAX_HEADER
#define LOCUST_MAX_HEADER 65536
#endif
#ifndef LOCUST_MAX_BODY
#define LOCUST_MAX_BODY 67108864
#endif
#ifndef LOCUST_MAX_ROWS
#define LOCUST_MAX_ROWS 10000
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <regex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#if LOCUST__OS_LINUX
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#if LOCUST__VALGRIND
#include <valgrind/valgrind.h>
#endif
#if LOCUST__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define LOCUST__UNUSED           __attribute__((unused)) // for tools and later sections, not for every test
#define LOCUST__PARKS                                    // may switch to another coroutine
#define LOCUST__PRINTF(at, rest) __attribute__((format(printf, at, rest)))
#ifndef LOCUST__SYS
#define LOCUST__SYS(call) call // a test may define it to make a system call fail
#endif

/* ============================================================================================
 * >>base  memory, strings, random numbers, hashing
 *
 * Purpose     what several sections need and ISO C lacks.
 * Uses        >>config
 * ============================================================================================ */

/* What only our own bug can break. */
#define LOCUST_ASSERT(truth) \
    ((truth) ? (void)0 : locust__base_assert_failed(#truth, __FILE__, __LINE__))

static void locust__base_assert_failed(const char *truth, const char *file, int line)
{
    fprintf(stderr, "locust: internal error: %s is false at %s:%d\n", truth, file, line);
    abort();
}

/* Ends the program after one sentence: for a broken rule or a broken set-up, never for what a
 * server does. */
LOCUST__PRINTF(2, 3) static _Noreturn void locust__base_die(int code, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("locust: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(code);
}

/* For parts of the public contract that this version lacks. */
static _Noreturn void locust__base_missing(const char *what)
{
    locust__base_die(2, "%s is not built yet: this version of locust.h (%s) declares it only", what,
        LOCUST_VERSION);
}

enum { LOCUST__EXIT_USAGE = 2 }; // as argparse, and so Locust

static const int64_t LOCUST__NEVER = INT64_MAX; // a deadline that does not come
static const int64_t LOCUST__MS = 1000000;
static const int64_t LOCUST__S = 1000000000;

/* Seconds of the public API to nanoseconds; saturates. */
static int64_t locust__base_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    if (seconds > 9e9)
        return LOCUST__NEVER;
    return (int64_t)(seconds * 1e9 + 0.5);
}

/* now + span without overflow. */
static int64_t locust__base_after(int64_t now_ns, int64_t span_ns)
{
    return span_ns > LOCUST__NEVER - now_ns ? LOCUST__NEVER : now_ns + span_ns;
}

static void *locust__base_zalloc(size_t n)
{
    void *p = LOCUST_MALLOC(n ? n : 1);
    if (p)
        memset(p, 0, n);
    return p;
}

/* An array of n items with room for one more: the same, a grown one, or NULL if memory ran out
 * (then the old one stays). */
static void *locust__base_grow(void *array, size_t item_bytes, size_t n, size_t *cap)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *grown;
    if (n < *cap)
        return array;
    grown = LOCUST_REALLOC(array, more * item_bytes);
    if (grown)
        *cap = more;
    return grown;
}

/* Text of known length inside somebody else's memory. */
typedef struct locust__view {
    const char *ptr;
    size_t len;
} locust__view;

static locust__view locust__view_of(const char *text)
{
    return (locust__view){text, strlen(text)};
}

static bool locust__view_is(locust__view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0;
}

static char locust__base_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Case-insensitive in ASCII alone, whatever the locale. */
static bool locust__view_is_nocase(locust__view v, const char *text)
{
    size_t i;
    for (i = 0; i < v.len && text[i]; i++)
        if (v.ptr[i] != text[i] && locust__base_lower(v.ptr[i]) != locust__base_lower(text[i]))
            return false;
    return i == v.len && !text[i];
}

static bool locust__base_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A heap copy of n bytes with a '\0' behind, or NULL. */
static char *locust__base_copy(const char *text, size_t n)
{
    char *copy = LOCUST_MALLOC(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/* A growing byte string. When memory runs out it keeps what it has and says `failed`. */
typedef struct locust__buf {
    char *ptr;
    size_t len, cap;
    bool failed;
} locust__buf;

static bool locust__buf_reserve(locust__buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    char *ptr;
    if (more <= b->cap - b->len)
        return true;
    while (cap - b->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    ptr = cap - b->len >= more ? LOCUST_REALLOC(b->ptr, cap) : NULL;
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

/* The same, but no larger than needed: for memory that every user keeps. */
static bool locust__buf_reserve_tight(locust__buf *b, size_t more)
{
    size_t need = b->len + more;
    char *ptr;
    if (more <= b->cap - b->len)
        return true;
    if (need < b->cap + b->cap / 4)
        need = b->cap + b->cap / 4; // grows by a quarter at least, so that many appends stay linear
    need = (need + 63) & ~(size_t)63;
    ptr = LOCUST_REALLOC(b->ptr, need);
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->cap = need;
    return true;
}

static void locust__buf_add_tight(locust__buf *b, const void *bytes, size_t n)
{
    if (locust__buf_reserve_tight(b, n) && b->ptr && n) {
        memcpy(b->ptr + b->len, bytes, n);
        b->len += n;
    }
}

static void locust__buf_add(locust__buf *b, const void *bytes, size_t n)
{
    if (n && locust__buf_reserve(b, n)) {
        memcpy(b->ptr + b->len, bytes, n);
        b->len += n;
    }
}

static void locust__buf_puts(locust__buf *b, const char *text)
{
    locust__buf_add(b, text, strlen(text));
}

LOCUST__PRINTF(2, 3) static void locust__buf_printf(locust__buf *b, const char *format, ...)
{
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n <= 0 || !locust__buf_reserve(b, (size_t)n + 1))
        return;
    va_start(args, format);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

static void locust__buf_free(locust__buf *b)
{
    LOCUST_FREE(b->ptr);
    *b = (locust__buf){NULL, 0, 0, false};
}

/* To a whole number, halves to the even neighbour, as Python rounds; for 0 <= x < 2^63. */
static int64_t locust__base_round(double x)
{
    int64_t down = (int64_t)x;
    double rest = x - (double)down;
    return down + (rest > 0.5 || (rest >= 0.5 && down % 2));
}

/* A test may have called setlocale: what is read and written for scripts has decimal points all the
 * same. Returns what leave() takes back. */
static locale_t locust__locale_enter(locale_t *was)
{
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    *was = c ? uselocale(c) : (locale_t)0;
    return c;
}

static void locust__locale_leave(locale_t c, locale_t was)
{
    if (c) {
        uselocale(was);
        freelocale(c);
    }
}

/* SplitMix64 (Steele, Lea, Flood 2014): one word of state, passes BigCrush. Not for secrets. */
static uint64_t locust__base_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double locust__base_random_unit(uint64_t *state)
{
    return (double)(locust__base_random(state) >> 11) * (1.0 / 9007199254740992.0);
}

/* FNV-1a, 64 bits, of a text and then another: enough for names of a test's own. */
static uint64_t locust__base_hash(uint64_t seed, const char *text, size_t n)
{
    uint64_t h = seed ^ 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001B3u;
    return h;
}

/* Base-2 logarithm of a positive, normal number, without libm: the exponent is read off, then
 * ln m = 2 atanh((m - 1) / (m + 1)) for the mantissa m in [0.7, 1.5); error below 1e-15. */
static double locust__base_log2(double x)
{
    uint64_t bits;
    double m, t, t2, term, sum = 0;
    int exponent;
    memcpy(&bits, &x, sizeof bits);
    exponent = (int)(bits >> 52 & 2047) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.5) {
        m /= 2;
        exponent++;
    }
    t = (m - 1) / (m + 1);
    t2 = t * t;
    term = t;
    for (int k = 1; k < 40; k += 2) {
        sum += term / k;
        term *= t2;
    }
    return exponent + 2 * sum * 1.4426950408889634074;
}

static const char *locust__error_text(locust_error error)
{
    static const char *const texts[] = {
#define LOCUST__ERROR_TEXT(name, text) text,
        LOCUST_ERRORS(LOCUST__ERROR_TEXT)
#undef LOCUST__ERROR_TEXT
    };
    return (unsigned)error < LOCUST_ERROR_COUNT ? texts[error] : "unknown error";
}

LOCUST_API const char *locust_error_text(locust_error error)
{
    return locust__error_text(error);
}

/* ============================================================================================
 * >>ctx  the context switch, in assembly, one block for each architecture
 *
 * Purpose     leave one stack and go on with another: locust__ctx_switch(&save, next).
 * Invariants  a parked stack's saved pointer points at a struct locust__ctx_frame: what the ABI
 *             says a callee must keep, and the address to return to. Nothing else is state.
 * Cost        below 3 ns between two stacks of like depth; `make bench B=core`.
 * Uses        >>base
 * Sources     System V psABI for AMD64 (figure 3.4, section 3.2.1), AAPCS64 (section 6.1).
 * Why so      a plain `ret` keeps the CPU's return-address predictor right, and is the one form
 *             that hardware shadow stacks could follow. The floating-point control words are saved,
 *             so that a user that calls fesetround() does not infect its neighbours. The symbols
 *             are global and hidden: a local one breaks under gcc -flto with partitions.
 *             locust__ctx_entry ends the call chain: its return address is undefined in the unwind
 *             table and the frame pointer is zero, so gdb, perf and backtrace() stop there.
 *
 *   high   | slot top, 16-aligned            |
 *          | two words of zero               |
 *          | struct locust__ctx_frame        |  <- saved stack pointer of a new coroutine
 *   low    | ...                             |
 * ============================================================================================ */

#define LOCUST__ASM_BEGIN(name)                                             \
    ".pushsection .text\n .globl " name "\n .hidden " name "\n .type " name \
    ", %function\n .p2align 4\n" name ":\n .cfi_startproc\n"
#define LOCUST__ASM_END(name) " .cfi_endproc\n .size " name ", .-" name "\n .popsection\n"

/* Saves the callee-saved registers on this stack, its pointer in *save, and returns on `next`. */
void locust__ctx_switch(void **save, void *next) __asm__("locust__ctx_switch");
/* Where a new stack starts: calls fn(arg), which never returns. Only its address is used. */
void locust__ctx_entry(void) __asm__("locust__ctx_entry");

#if defined(__x86_64__)

typedef struct locust__ctx_frame {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    void *r15, *r14, *r13, *fn /* r12 */, *arg /* rbx */, *rbp;
    void (*ret)(void);
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 64, "the assembly below lays it out by pushes");
_Static_assert(offsetof(locust__ctx_frame, fn) == 32, "r12 is popped fourth");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: rdi, next: rsi)
    "    pushq   %rbp                \n"    // callee-saved: psABI figure 3.4
    "    .cfi_adjust_cfa_offset 8    \n"
    "    .cfi_rel_offset 6, 0        \n"    // rbp: frame-pointer builds unwind by it
    "    pushq   %rbx                \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    pushq   %r12                \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    pushq   %r13                \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    pushq   %r14                \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    pushq   %r15                \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    subq    $8, %rsp            \n"
    "    .cfi_adjust_cfa_offset 8    \n"
    "    stmxcsr (%rsp)              \n"    // control bits are callee-saved: psABI 3.2.1
    "    fnstcw  4(%rsp)             \n"
    "    movq    %rsp, (%rdi)        \n"
    "    movq    %rsi, %rsp          \n"    // on the other stack from here; it is laid out alike
    "    ldmxcsr (%rsp)              \n"
    "    fldcw   4(%rsp)             \n"
    "    addq    $8, %rsp            \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %r15                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %r14                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %r13                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %r12                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %rbx                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    popq    %rbp                \n"
    "    .cfi_adjust_cfa_offset -8   \n"
    "    .cfi_restore 6              \n"
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // reached by the ret above: rsp is 16-aligned
    "    .cfi_undefined 16           \n"    // rip: nobody called
    "    movq    %rbx, %rdi          \n"    // arg
    "    xorl    %ebp, %ebp          \n"
    "    callq   *%r12               \n"    // fn
    "    ud2                         \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87_control));
}

/* A user's shadow stack cannot follow a stack switch. It is off unless glibc was asked for it;
 * then it is switched off, which the kernel may refuse (locked by the start-up code).
 * Source: Linux Documentation/arch/x86/shstk.rst. False: it is on and stays on. */
static bool locust__ctx_allowed(void)
{
    uint64_t shadow = 0;
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(shadow)); // rdsspq %rax, or a nop
#if LOCUST__OS_LINUX
    return !shadow || syscall(SYS_arch_prctl, 0x5002 /* ARCH_SHSTK_DISABLE */, 1UL) == 0;
#else
    return !shadow;
#endif
}

#elif defined(__aarch64__)

typedef struct locust__ctx_frame {
    void *arg /* x19 */, *fn /* x20 */, *x21, *x22, *x23, *x24, *x25, *x26, *x27, *x28, *x29;
    void (*ret)(void); // x30
    double d8_to_d15[8];
    uint64_t fpcr, unused;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 176, "the assembly below reserves that much");
_Static_assert(offsetof(locust__ctx_frame, ret) == 88, "x30 is stored there");
_Static_assert(offsetof(locust__ctx_frame, fpcr) == 160, "FPCR is stored there");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: x0, next: x1)
    "    hint    #34                 \n"    // bti c
    "    sub     sp, sp, #176        \n"
    "    .cfi_adjust_cfa_offset 176  \n"
    "    stp     x19, x20, [sp]      \n"    // callee-saved: AAPCS64 6.1.1
    "    stp     x21, x22, [sp, #16] \n"
    "    stp     x23, x24, [sp, #32] \n"
    "    stp     x25, x26, [sp, #48] \n"
    "    stp     x27, x28, [sp, #64] \n"
    "    stp     x29, x30, [sp, #80] \n"
    "    .cfi_rel_offset 29, 80      \n"
    "    .cfi_rel_offset 30, 88      \n"
    "    stp     d8,  d9,  [sp, #96] \n"    // low halves of v8 to v15: AAPCS64 6.1.2
    "    stp     d10, d11, [sp, #112]\n"
    "    stp     d12, d13, [sp, #128]\n"
    "    stp     d14, d15, [sp, #144]\n"
    "    mrs     x9, fpcr            \n"
    "    str     x9, [sp, #160]      \n"
    "    mov     x10, sp             \n"
    "    str     x10, [x0]           \n"
    "    mov     sp, x1              \n"    // on the other stack from here; it is laid out alike
    "    ldr     x10, [sp, #160]     \n"
    "    cmp     x9, x10             \n"    // a write to FPCR serializes: only if it differs
    "    b.eq    1f                  \n"
    "    msr     fpcr, x10           \n"
    "1:  ldp     x19, x20, [sp]      \n"
    "    ldp     x21, x22, [sp, #16] \n"
    "    ldp     x23, x24, [sp, #32] \n"
    "    ldp     x25, x26, [sp, #48] \n"
    "    ldp     x27, x28, [sp, #64] \n"
    "    ldp     x29, x30, [sp, #80] \n"
    "    .cfi_restore 29             \n"
    "    .cfi_restore 30             \n"
    "    ldp     d8,  d9,  [sp, #96] \n"
    "    ldp     d10, d11, [sp, #112]\n"
    "    ldp     d12, d13, [sp, #128]\n"
    "    ldp     d14, d15, [sp, #144]\n"
    "    add     sp, sp, #176        \n"
    "    .cfi_adjust_cfa_offset -176 \n"
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    hint    #36                 \n"    // bti j
    "    .cfi_undefined 30           \n"    // nobody called
    "    mov     x0, x19             \n"    // arg
    "    mov     x29, xzr            \n"
    "    mov     x30, xzr            \n"
    "    blr     x20                 \n"    // fn
    "    brk     #0                  \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame->fpcr));
}

static bool locust__ctx_allowed(void)
{
    return true;
}

#else
#error \
    "locust.h has no context switch for this architecture in this version: x86-64 and AArch64 only"
#endif

/* Lays out a new stack that ends at `top`, so that the first switch to it calls fn(arg).
 * Returns its saved pointer. fn never returns: it leaves by a last switch. */
static void *locust__ctx_make(char *top, void (*fn)(void *), void *arg)
{
    locust__ctx_frame *frame;
    LOCUST_ASSERT(((uintptr_t)top & 15) == 0);
    memset(top - 16, 0, 16);
    frame = (locust__ctx_frame *)(void *)(top - 16 - sizeof *frame);
    memset(frame, 0, sizeof *frame);
    locust__ctx_frame_init(frame);
    memcpy(&frame->fn, &fn, sizeof frame->fn); // ISO C has no cast between the two kinds of pointer
    frame->arg = arg;
    frame->ret = locust__ctx_entry;
    return frame;
}

/* ============================================================================================
 * >>os  what the operating system is asked for, the poller first
 *
 * Purpose     the only section that knows systems apart. What can fail returns 0 or -errno, unless
 *             it says otherwise.
 * Invariants  a source is added once, for both directions, for its whole life. The poller sets its
 *             flags; whoever reads or writes clears them on finding the descriptor drained (EAGAIN
 *             or a short read). So edge-triggered epoll and kqueue and level-triggered poll() look
 *             the same from above: poll() watches for the flags that are clear.
 * Cost        epoll: one system call for up to 512 events; poll(): grows with the sources.
 * Uses        >>base
 * Limits      Linux in this version. poll() waits in whole milliseconds.
 * ============================================================================================ */

typedef struct locust__source { // embedded by what owns the descriptor
    int fd;
    int slot; // place in poll()'s arrays
    bool readable, writable, hup;
} locust__source;

typedef struct locust__poller {
    int fd;
    bool coarse; // no nanosecond timeouts here
    struct pollfd *fds;
    locust__source **sources;
    int n, cap;
    int from; // where poll()'s last look ended
} locust__poller;

enum { LOCUST__EVENTS = 512 }; // fetched by one wait

/* -- the interface -- */

static int locust__os_poll_open(locust__poller *p);
static void locust__os_poll_close(locust__poller *p);
static int locust__os_poll_add(locust__poller *p, locust__source *source);
static void locust__os_poll_remove(locust__poller *p, locust__source *source);
/* Waits up to timeout_ns; puts the sources whose flags it set in out[LOCUST__EVENTS]. Returns how
 * many; 0 after an interruption too. */
static int locust__os_poll_wait(locust__poller *p, locust__source **out, int64_t timeout_ns);

static int64_t locust__os_now_ns(void);             // monotonic
static int64_t locust__os_wall_ns(void);            // since 1970
static void locust__os_random(void *out, size_t n); // for seeds and ids
static void locust__os_precise_timers(void);        // timer slack to 1 ns
static int64_t locust__os_raise_files(void);        // soft limit to hard; returns the limit
static int locust__os_socket(int family, int type); // nonblocking, close-on-exec; or -errno
static int locust__os_accept(int fd);               // likewise
/* Asks the system to note when bytes arrive at a socket. Where it cannot, locust__os_recv says 0. */
static void locust__os_stamp(int fd);
/* recv; *arrived_ns: when the last of the bytes reached this machine, since 1970. */
static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns);
static size_t locust__os_page_size(void);
static char *locust__os_stacks_map(size_t n); // NULL: no memory
static void locust__os_stacks_unmap(char *p, size_t n);
/* Makes pages fault on any access, so that they cost no memory and no mapping. False: cannot. */
static bool locust__os_guard_mark(char *p, size_t n);
static bool locust__os_guard_protect(char *p, size_t n); // the same by a mapping of its own
/* While open, a memory fault calls report(address) and then takes its usual course. */
static int locust__os_fault_open(void (*report)(const char *address));
static void locust__os_fault_close(void);
/* While open, SIGINT and SIGTERM make the returned descriptor readable, a byte (the signal's
 * number) each; a second one ends the process at once. */
static int locust__os_signals_open(void);
static void locust__os_signals_close(void);

#ifdef MSG_NOSIGNAL
#define LOCUST__SEND_FLAGS MSG_NOSIGNAL // a closed peer is an error, not a signal
#else
#define LOCUST__SEND_FLAGS 0 // the socket is made that way: SO_NOSIGPIPE
#endif

/* -- every system -- */

static int64_t locust__os_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * LOCUST__S + t.tv_nsec;
}

static int64_t locust__os_now_ns(void)
{
    return locust__os_clock(CLOCK_MONOTONIC);
}

static int64_t locust__os_wall_ns(void)
{
    return locust__os_clock(CLOCK_REALTIME);
}

static size_t locust__os_page_size(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

static int64_t locust__os_raise_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return INT64_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = soft;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

static int locust__os_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return -errno;
    return 0;
}

/* What a poller was told, in its flags; a hang-up shows in both directions. */
static void locust__source_set(locust__source *s, bool readable, bool writable, bool hup)
{
    s->hup |= hup;
    s->readable |= readable || s->hup;
    s->writable |= writable || s->hup;
}

/* Signal dispositions belong to the process, and so does this record of them. */
static struct {
    void (*report)(const char *address);
    struct sigaction old_segv, old_bus;
    stack_t stack, old_stack;
    struct sigaction old_int, old_term;
    int pipe[2];
    volatile sig_atomic_t stops;
} locust__os_handlers;

static void locust__os_fault_handle(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0) // else kill() sent it: there is no address
        locust__os_handlers.report((const char *)info->si_addr);
    // Hand over: the faulting instruction runs again, under the disposition that was there before.
    sigaction(signal_number,
        signal_number == SIGSEGV ? &locust__os_handlers.old_segv : &locust__os_handlers.old_bus,
        NULL);
    if (info->si_code <= 0)
        raise(signal_number);
}

static int locust__os_fault_open(void (*report)(const char *address))
{
    // The kernel's frame alone may take 12 KB where the CPU has wide registers.
    enum { STACK = 65536 };
    struct sigaction act;
    char *stack = LOCUST_MALLOC(STACK);
    if (!stack)
        return -ENOMEM;
    locust__os_handlers.report = report;
    locust__os_handlers.stack = (stack_t){.ss_sp = stack, .ss_size = STACK};
    memset(&act, 0, sizeof act);
    act.sa_sigaction = locust__os_fault_handle;
    act.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaltstack(&locust__os_handlers.stack, &locust__os_handlers.old_stack);
    sigaction(SIGSEGV, &act, &locust__os_handlers.old_segv);
    sigaction(SIGBUS, &act, &locust__os_handlers.old_bus);
    return 0;
}

static void locust__os_fault_close(void)
{
    if (!locust__os_handlers.stack.ss_sp)
        return;
    sigaction(SIGSEGV, &locust__os_handlers.old_segv, NULL);
    sigaction(SIGBUS, &locust__os_handlers.old_bus, NULL);
    if (!locust__os_handlers.old_stack.ss_sp)
        locust__os_handlers.old_stack.ss_flags = SS_DISABLE;
    sigaltstack(&locust__os_handlers.old_stack, NULL);
    LOCUST_FREE(locust__os_handlers.stack.ss_sp);
    locust__os_handlers.stack.ss_sp = NULL;
}

static void locust__os_signal_handle(int signal_number)
{
    int saved = errno;
    char byte = (char)signal_number;
    if (locust__os_handlers.stops++) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    if (write(locust__os_handlers.pipe[1], &byte, 1) != 1)
        _exit(128 + signal_number);
    errno = saved;
}

static int locust__os_signals_open(void)
{
    struct sigaction act;
    if (pipe(locust__os_handlers.pipe) != 0)
        return -errno;
    locust__os_nonblocking(locust__os_handlers.pipe[0]);
    locust__os_nonblocking(locust__os_handlers.pipe[1]);
    locust__os_handlers.stops = 0;
    memset(&act, 0, sizeof act);
    act.sa_handler = locust__os_signal_handle;
    act.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaction(SIGINT, &act, &locust__os_handlers.old_int);
    sigaction(SIGTERM, &act, &locust__os_handlers.old_term);
    return locust__os_handlers.pipe[0];
}

static void locust__os_signals_close(void)
{
    sigaction(SIGINT, &locust__os_handlers.old_int, NULL);
    sigaction(SIGTERM, &locust__os_handlers.old_term, NULL);
    close(locust__os_handlers.pipe[0]);
    close(locust__os_handlers.pipe[1]);
}

static char *locust__os_stacks_map(size_t n)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;
#endif
#ifdef MAP_STACK // OpenBSD demands it
    flags |= MAP_STACK;
#endif
    p = LOCUST__SYS(mmap)(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_NOHUGEPAGE // or one touched page would cost a whole slot, and more
    madvise(p, n, MADV_NOHUGEPAGE);
#endif
    return p;
}

static void locust__os_stacks_unmap(char *p, size_t n)
{
    munmap(p, n);
}

static bool locust__os_guard_protect(char *p, size_t n)
{
    return mprotect(p, n, PROT_NONE) == 0;
}

/* -- poll(), the poller of last resort -- */
#if LOCUST__POLL

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    LOCUST_FREE(p->fds);
    LOCUST_FREE(p->sources);
}

static int locust__os_poll_add(locust__poller *p, locust__source *source)
{
    if (p->n == p->cap) {
        int cap = p->cap ? 2 * p->cap : 64;
        struct pollfd *fds = LOCUST_REALLOC(p->fds, (size_t)cap * sizeof *fds);
        locust__source **sources;
        if (!fds)
            return -ENOMEM;
        p->fds = fds;
        sources = LOCUST_REALLOC(p->sources, (size_t)cap * sizeof *sources);
        if (!sources)
            return -ENOMEM;
        p->sources = sources;
        p->cap = cap;
    }
    source->slot = p->n;
    p->fds[p->n] = (struct pollfd){.fd = source->fd};
    p->sources[p->n++] = source;
    return 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__source *source)
{
    int last = --p->n;
    p->fds[source->slot] = p->fds[last];
    p->sources[source->slot] = p->sources[last];
    p->sources[source->slot]->slot = source->slot;
}

static int locust__os_poll_wait(locust__poller *p, locust__source **out, int64_t timeout_ns)
{
    int64_t ms =
        timeout_ns > INT_MAX * LOCUST__MS ? -1 : (timeout_ns + LOCUST__MS - 1) / LOCUST__MS;
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        locust__source *s = p->sources[i];
        p->fds[i].fd = s->hup ? -1 : s->fd; // a hang-up is told once
        p->fds[i].events = (short)((s->readable ? 0 : POLLIN) | (s->writable ? 0 : POLLOUT));
    }
    if (LOCUST__SYS(poll)(p->fds, (nfds_t)p->n, (int)ms) <= 0)
        return 0;
    for (int seen = 0, all = p->n; seen < all && n < LOCUST__EVENTS; seen++) {
        int i = p->from = p->from + 1 < all ? p->from + 1 : 0; // the last ones get their turn too
        locust__source *s = p->sources[i];
        short got = p->fds[i].revents;
        if (!got || p->fds[i].fd < 0)
            continue;
        locust__source_set(s, got & POLLIN, got & POLLOUT, got & (POLLHUP | POLLERR | POLLNVAL));
        out[n++] = s;
    }
    return n;
}

#endif // LOCUST__POLL

/* -- Linux -- */
#if LOCUST__OS_LINUX

#if !LOCUST__POLL

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->coarse = LOCUST__VALGRIND; // which does not know the call
    p->fd = LOCUST__SYS(epoll_create1)(EPOLL_CLOEXEC);
    return p->fd < 0 ? -errno : 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    close(p->fd);
}

static int locust__os_poll_add(locust__poller *p, locust__source *source)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    event.data.ptr = source;
    return LOCUST__SYS(epoll_ctl)(p->fd, EPOLL_CTL_ADD, source->fd, &event) != 0 ? -errno : 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__source *source)
{
    // The close that follows would do it, unless a test has forked: then it is the last moment.
    struct epoll_event unused;
    epoll_ctl(p->fd, EPOLL_CTL_DEL, source->fd, &unused);
}

/* epoll_pwait2 where there is one (Linux 5.11, not under qemu-user), else epoll_wait, rounded
 * up. */
static int locust__os_epoll(locust__poller *p, struct epoll_event *events, int64_t timeout_ns)
{
    int64_t ms;
#ifdef SYS_epoll_pwait2
    if (!p->coarse && timeout_ns > 0 && timeout_ns < LOCUST__NEVER) {
        struct {
            int64_t s, ns;
        } span = {timeout_ns / LOCUST__S, timeout_ns % LOCUST__S};
        long n = syscall(SYS_epoll_pwait2, p->fd, events, LOCUST__EVENTS, &span, NULL, (size_t)0);
        if (n >= 0 || errno == EINTR)
            return (int)n;
        p->coarse = true; // ENOSYS, or EPERM from a container's filter
    }
#endif
    ms = timeout_ns > INT_MAX * LOCUST__MS ? -1 : (timeout_ns + LOCUST__MS - 1) / LOCUST__MS;
    return LOCUST__SYS(epoll_wait)(p->fd, events, LOCUST__EVENTS, (int)ms);
}

static int locust__os_poll_wait(locust__poller *p, locust__source **out, int64_t timeout_ns)
{
    struct epoll_event events[LOCUST__EVENTS];
    int n = locust__os_epoll(p, events, timeout_ns);
    for (int i = 0; i < n; i++) {
        uint32_t got = events[i].events;
        out[i] = events[i].data.ptr;
        locust__source_set(
            out[i], got & EPOLLIN, got & EPOLLOUT, got & (EPOLLHUP | EPOLLERR | EPOLLRDHUP));
    }
    return n < 0 ? 0 : n;
}

#endif // !LOCUST__POLL

static void locust__os_random(void *out, size_t n)
{
    int fd;
    ssize_t got = -1;
#ifdef SYS_getrandom
    got = (ssize_t)syscall(SYS_getrandom, out, n, 1 /* GRND_NONBLOCK */);
#endif
    if (got == (ssize_t)n)
        return;
    fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, n);
        close(fd);
    }
    if (got != (ssize_t)n) { // no source at all: ids differ between runs at least
        uint64_t seed = (uint64_t)locust__os_wall_ns() ^ (uint64_t)getpid() << 32;
        for (size_t i = 0; i < n; i++)
            ((unsigned char *)out)[i] = (unsigned char)locust__base_random(&seed);
    }
}

static void locust__os_precise_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // the default wakes 60 us late
}

static int locust__os_socket(int family, int type)
{
    int fd = LOCUST__SYS(socket)(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int locust__os_accept(int fd)
{
    int peer = LOCUST__SYS(accept)(fd, NULL, NULL);
    int rc;
    if (peer < 0)
        return -errno;
    rc = locust__os_nonblocking(peer);
    if (rc < 0)
        close(peer);
    return rc < 0 ? rc : peer;
}

static void locust__os_stamp(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec iov = {to, n};
    struct msghdr message = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control};
    ssize_t got = LOCUST__SYS(recvmsg)(fd, &message, 0);
    struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    struct timespec t;
    *arrived_ns = 0;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
        c->cmsg_len >= CMSG_LEN(sizeof t)) {
        memcpy(&t, CMSG_DATA(c), sizeof t);
        *arrived_ns = (int64_t)t.tv_sec * LOCUST__S + t.tv_nsec;
    }
    return got;
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    return madvise(p, n, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
}

#endif // LOCUST__OS_LINUX

/* True if a marked page really faults: qemu-user says 0 to the call and does nothing. write() from
 * the page into a pipe tells, without a signal. */
static bool locust__os_guard_works(void)
{
    size_t page = locust__os_page_size();
    char *p = locust__os_stacks_map(page);
    int pipe_fds[2];
    bool works = false;
    if (!p)
        return false;
    if (locust__os_guard_mark(p, page) && pipe(pipe_fds) == 0) {
        works = write(pipe_fds[1], p, 1) < 0 && errno == EFAULT;
        close(pipe_fds[0]);
        close(pipe_fds[1]);
    }
    locust__os_stacks_unmap(p, page);
    return works;
}

/* ============================================================================================
 * >>log  diagnostics in Locust's log format
 *
 * Purpose     [2026-11-21 01:44:20,653] host/INFO/locust.main: text
 * Cost        one write() a line; nothing below the level is formatted.
 * Uses        >>base >>os
 * Sources     Locust 2.46 (reference run): local time, milliseconds, host up to its first dot.
 * ============================================================================================ */

enum { LOCUST__DEBUG, LOCUST__INFO, LOCUST__WARNING, LOCUST__ERROR, LOCUST__CRITICAL };

static const char *const locust__log_levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

typedef struct locust__log {
    int fd;
    int level;
    char host[64];
} locust__log;

/* The level of that name in any case, or -1. */
static int locust__log_level(const char *name)
{
    for (int i = 0; i <= LOCUST__CRITICAL; i++)
        if (strcasecmp(name, locust__log_levels[i]) == 0)
            return i;
    return -1;
}

static int locust__log_open(locust__log *log, int level, const char *path)
{
    log->fd = STDERR_FILENO;
    log->level = level;
    if (gethostname(log->host, sizeof log->host) != 0 || !log->host[0])
        memcpy(log->host, "localhost", 10);
    log->host[sizeof log->host - 1] = '\0';
    log->host[strcspn(log->host, ".")] = '\0';
    if (path) {
        log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (log->fd < 0)
            return -errno;
    }
    return 0;
}

static void locust__log_close(locust__log *log)
{
    if (log->fd > STDERR_FILENO)
        close(log->fd);
}

/* Writes all of it. Returns how much the system took: a full disk must not stop a test. */
static size_t locust__log_write(int fd, const char *text, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t wrote = write(fd, text + done, n - done);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, 1000);
            continue;
        }
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    return done;
}

/* `logger` is Locust's name for the part that speaks: locust.main, locust.runners. */
LOCUST__PRINTF(4, 5)
static void locust__log_print(
    const locust__log *log, int level, const char *logger, const char *format, ...)
{
    char line[1024];
    int64_t wall = locust__os_wall_ns();
    time_t seconds = (time_t)(wall / LOCUST__S);
    struct tm tm;
    size_t n;
    int more;
    va_list args;
    locale_t was, c;
    if (level < log->level)
        return;
    c = locust__locale_enter(&was);
    localtime_r(&seconds, &tm);
    n = strftime(line, sizeof line, "[%Y-%m-%d %H:%M:%S", &tm);
    more = snprintf(line + n, sizeof line - n,
        ",%03d] %s/%s/%s: ", (int)(wall % LOCUST__S / LOCUST__MS), log->host,
        locust__log_levels[level], logger);
    n += (size_t)more;
    va_start(args, format);
    more = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    n = (size_t)more < sizeof line - n - 1 ? n + (size_t)more : sizeof line - 2;
    line[n++] = '\n';
    locust__locale_leave(c, was);
    locust__log_write(log->fd, line, n);
}

/* ============================================================================================
 * >>loop  coroutines, their stacks, timers, the event loop
 *
 * Purpose     run very many coroutines on one thread: start, park, wake, sleep, cancel.
 * Invariants  exactly one coroutine runs, or the loop itself. A parked coroutine is woken once, by
 *             an event, by its deadline or by being cancelled, and parks see a cancellation until
 *             it is cleared. Nothing outside a parked coroutine's stack points into it: wait nodes,
 *             deadlines and descriptors' state live in the coroutine's block or its owner's.
 *             A coroutine's block is never given back before the loop is, so a stale timer entry
 *             points at a block, if not at the coroutine it was meant for.
 * Cost        switch: >>ctx, and two cache lines of the block. Timer: see the picture. A stack
 *             costs the pages it touched: one for most users. Address space: .stack_size.
 * Uses        >>base >>ctx >>os
 * Limits      timers beyond 4.6 hours are looked at again every 4.6 hours. Stacks are given back
 *             when the loop is closed.
 *
 *   a pool has one slot size; its slabs are mappings of 64 to 1024 slots:
 *
 *     | guard | stack ...  <- grows down | unwind point | colour |   one slot
 *
 *   The guard (16 KB, at most a quarter) is address space that faults: by guard markers; where the
 *   kernel has none, by mprotect for the first 30,000 stacks (each costs two mappings, of 65,530),
 *   and then the lowest words of every stack are a canary, zero as the kernel made them, that is
 *   looked at whenever the stack is left. The colour lowers neighbouring stacks' tops by 0 to 15
 *   cache lines, so that they do not fight for the same sets of the cache.
 *
 *   timers: three wheels of 256 lists of chunks, of 1 ms, 256 ms, 65.5 s a step
 *
 *     level 0  | 1 ms | 1 ms | ...   entries of the millisecond that begins go to the heap, which
 *     level 1  | 256 ms | ...        orders them to the nanosecond; those of a millisecond that
 *     level 2  | 65.5 s | ...        is over are woken at once
 *
 *   An entry is {time, coroutine}; it is valid while the coroutine says it is armed for exactly
 *   that time. Cancelling is forgetting. A wait for I/O does not arm its own deadline but one at
 *   most a second away, and looks again then: so a timeout costs nothing per request, and at most
 *   a second's worth of stale entries exists.
 * ============================================================================================ */

typedef struct locust__co locust__co;
typedef struct locust__loop locust__loop;

enum locust__co_state { LOCUST__CO_FREE, LOCUST__CO_READY, LOCUST__CO_RUNNING, LOCUST__CO_PARKED };
enum locust__wake { LOCUST__WOKEN, LOCUST__TIMED_OUT, LOCUST__CANCELLED, LOCUST__LOOK_AGAIN };

typedef struct locust__queue { // of coroutines; a coroutine is in one at most
    locust__co *first, *last;
} locust__queue;

typedef struct locust__group { // coroutines that someone waits for: see >>sync
    size_t running;
    locust__queue waiters;
} locust__group;

typedef struct locust__pool {
    struct locust__pool *next;
    size_t slot_bytes, guard_bytes;
    struct locust__slab *slabs;
    locust__co *free; // last in, first out: a warm stack is reused first
    size_t slots;
} locust__pool;

enum { LOCUST__LINE = 64 }; // bytes of a cache line; at least it is so on most machines

struct locust__co {
    // What a wake-up touches lies in one cache line: with a million sleepers each line is a miss.
    _Alignas(LOCUST__LINE) void *sp; // saved stack pointer while parked
    locust__co *next, *prev;
    locust__queue *queue; // the one it is in
    enum locust__co_state state;
    enum locust__wake wake;
    bool cancelled;
    bool lazy;           // its deadline is a timeout: armed a second ahead at most
    int64_t deadline_ns; // of the park it is in
    int64_t armed_ns;    // of its one valid timer entry; LOCUST__NEVER: none
    void (*fn)(void *arg);
    void *arg;
    const char *name; // of its user class, for messages
    void *local;      // its user's slots: see >>slots
    locust__group *group;
    locust__pool *pool;
    char *slot;
    uint32_t index; // in its slab
#if LOCUST__ASAN
    void *fake_stack;
#endif
#if LOCUST__VALGRIND
    unsigned valgrind_id;
#endif
};
_Static_assert(offsetof(locust__co, fn) <= LOCUST__LINE, "see the first field");

typedef struct locust__slab {
    struct locust__slab *next;
    char *base;
    uint32_t count, used;
    locust__co *cos; // cos[i] lives on slot i; aligned, in
    void *cos_memory;
} locust__slab;

typedef struct locust__timer {
    int64_t at_ns;
    locust__co *co;
} locust__timer;

typedef struct locust__chunk {
    struct locust__chunk *next;
    size_t count;
    locust__timer timers[31];
} locust__chunk;

enum { LOCUST__LEVELS = 3, LOCUST__SLOTS = 256 };

typedef struct locust__wheel {
    int64_t tick; // the millisecond we are in; earlier ones are done
    locust__chunk *slots[LOCUST__LEVELS][LOCUST__SLOTS];
    uint64_t used[LOCUST__LEVELS][LOCUST__SLOTS / 64]; // a bit for each slot that is not empty
    locust__chunk *spare;
    locust__timer *heap; // of the millisecond we are in; a binary heap by at_ns
    size_t heap_len, heap_cap;
} locust__wheel;

enum { LOCUST__SCRATCH = 65536 }; // bytes; see locust__loop.scratch

struct locust__loop {
    void *sp;            // the loop's own stack while a coroutine runs
    locust__co *current; // NULL: the loop itself runs
    locust__queue ready;
    size_t running;   // coroutines started and not ended
    int64_t now_ns;   // at the start of this turn
    int64_t epoch_ns; // now_ns + epoch_ns: the same since 1970
    uint64_t turn;
    void (*call)(void *arg); // asked for by the current coroutine: see locust__loop_call
    void *call_arg;
    locust__wheel wheel;
    locust__poller poller;
    locust__pool *pools;
    bool markers; // guard markers work here
    size_t protected_slots;
    uint64_t random;
    /* One buffer for whatever is built or received and used up before the next park. */
    char *scratch;
#if LOCUST__ASAN
    const void *stack_bottom;
    size_t stack_size;
#endif
};

/* The loop of the environment now running. */
static locust__loop *locust__loop_now;

static int locust__wheel_arm(locust__loop *loop, locust__co *co);

/* -- queues -- */

static void locust__queue_push(locust__queue *q, locust__co *co)
{
    LOCUST_ASSERT(!co->queue);
    co->queue = q;
    co->next = NULL;
    co->prev = q->last;
    if (q->last)
        q->last->next = co;
    else
        q->first = co;
    q->last = co;
}

static void locust__queue_remove(locust__co *co)
{
    locust__queue *q = co->queue;
    if (!q)
        return;
    if (co->prev)
        co->prev->next = co->next;
    else
        q->first = co->next;
    if (co->next)
        co->next->prev = co->prev;
    else
        q->last = co->prev;
    co->queue = NULL;
}

/* -- stacks -- */

static char *locust__co_stack_low(const locust__co *co)
{
    return co->slot + co->pool->guard_bytes;
}

enum { LOCUST__UNWIND_BYTES = (sizeof(jmp_buf) + 15) & ~(size_t)15 };

static char *locust__co_stack_top(const locust__co *co)
{
    return co->slot + co->pool->slot_bytes - (size_t)(co->index & 15) * 64 - LOCUST__UNWIND_BYTES;
}

/* Where a cancelled user goes on: at the top of its own stack, so that it moves along with it. */
static jmp_buf *locust__co_unwind_point(const locust__co *co)
{
    return (jmp_buf *)(void *)locust__co_stack_top(co);
}

/* What every overflow says. Async-signal-safe: no stdio, no heap. */
static void locust__co_overflowed(const locust__co *co)
{
    char kib[24], line[512];
    size_t n = 0, bytes = co->pool->slot_bytes, i = sizeof kib;
    const char *parts[] = {"locust: stack overflow in ", co->name, ": its .stack_size of ", NULL,
        " bytes is too small: raise .stack_size of that user class (or LOCUST_STACK_SIZE)\n"};
    kib[--i] = '\0';
    do
        kib[--i] = (char)('0' + bytes % 10);
    while ((bytes /= 10) != 0);
    parts[3] = kib + i;
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (const char *c = parts[p]; *c && n < sizeof line; c++)
            line[n++] = *c;
    locust__log_write(STDERR_FILENO, line, n);
}

/* On a memory fault: is the address in the guard of a stack? */
static void locust__loop_fault(const char *address)
{
    if (!locust__loop_now)
        return;
    for (locust__pool *pool = locust__loop_now->pools; pool; pool = pool->next)
        for (locust__slab *slab = pool->slabs; slab; slab = slab->next) {
            size_t at = (size_t)(address - slab->base);
            if (address < slab->base || at >= slab->count * pool->slot_bytes)
                continue;
            if (at % pool->slot_bytes < pool->guard_bytes && at / pool->slot_bytes < slab->used)
                locust__co_overflowed(&slab->cos[at / pool->slot_bytes]);
            return;
        }
}

enum {
    LOCUST__CANARY_WORDS = 8,
    LOCUST__PROTECTED_MAX = 30000,
    LOCUST__STACK_MAX = 256 << 20, // bytes of one stack, and of a slab that holds several
};

static bool locust__co_canary_died(const locust__co *co)
{
    const uint64_t *words = (const uint64_t *)(const void *)locust__co_stack_low(co);
    uint64_t all = 0;
    for (int i = 0; i < LOCUST__CANARY_WORDS; i++)
        all |= words[i];
    return all != 0;
}

/* Looks for an overflow that no guard saw: a frame larger than the guard steps over it, and without
 * guard markers there may be none. Called on the coroutine's stack, whenever it is left. */
static void locust__co_check_stack(const locust__loop *loop, const locust__co *co)
{
    const char *here = __builtin_frame_address(0);
    if (here < locust__co_stack_low(co) || (!loop->markers && locust__co_canary_died(co))) {
        locust__co_overflowed(co);
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
}

static locust__pool *locust__pool_of(locust__loop *loop, size_t stack_bytes)
{
    size_t page = locust__os_page_size();
    size_t slot, guard;
    locust__pool *pool;
    if (stack_bytes > LOCUST__STACK_MAX)
        return NULL;
    if (LOCUST__ASAN)
        stack_bytes *= 4; // its red zones are deep
    slot = (stack_bytes + page - 1) & ~(page - 1);
    guard = slot / 4 < 16384 ? slot / 4 : 16384;
    guard = (guard + page - 1) & ~(page - 1);
    if (slot < guard + page)
        slot = guard + page;
    for (pool = loop->pools; pool; pool = pool->next)
        if (pool->slot_bytes == slot)
            return pool;
    pool = locust__base_zalloc(sizeof *pool);
    if (pool) {
        pool->slot_bytes = slot;
        pool->guard_bytes = guard;
        pool->next = loop->pools;
        loop->pools = pool;
    }
    return pool;
}

static locust__slab *locust__pool_grow(locust__pool *pool)
{
    locust__slab *slab = locust__base_zalloc(sizeof *slab);
    size_t count = pool->slots < 64 ? 64 : pool->slots > 1024 ? 1024 : pool->slots;
    if (!slab)
        return NULL;
    while (count > 1 && count * pool->slot_bytes > LOCUST__STACK_MAX)
        count /= 2; // large stacks come in smaller slabs
    slab->count = (uint32_t)count;
    // Each block is written when its slot is first used, not before.
    slab->cos_memory = LOCUST_MALLOC(count * sizeof *slab->cos + LOCUST__LINE);
    slab->base = slab->cos_memory ? locust__os_stacks_map(count * pool->slot_bytes) : NULL;
    if (!slab->base) {
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
        return NULL;
    }
    slab->cos = (locust__co *)(((uintptr_t)slab->cos_memory + LOCUST__LINE - 1) &
                               ~(uintptr_t)(LOCUST__LINE - 1));
    pool->slots += count;
    slab->next = pool->slabs;
    pool->slabs = slab;
    return slab;
}

/* A block with its stack, warm if there is one. NULL: no memory. */
static locust__co *locust__pool_take(locust__loop *loop, locust__pool *pool)
{
    locust__slab *slab = pool->slabs;
    locust__co *co = pool->free;
    if (co) {
        pool->free = co->next;
        return co;
    }
    if (!slab || slab->used == slab->count)
        slab = locust__pool_grow(pool);
    if (!slab)
        return NULL;
    co = &slab->cos[slab->used];
    memset(co, 0, sizeof *co);
    co->armed_ns = LOCUST__NEVER;
    co->pool = pool;
    co->index = slab->used;
    co->slot = slab->base + slab->used * pool->slot_bytes;
    slab->used++;
    if (loop->markers && !locust__os_guard_mark(co->slot, pool->guard_bytes))
        loop->markers = false;
    if (!loop->markers && loop->protected_slots < LOCUST__PROTECTED_MAX &&
        locust__os_guard_protect(co->slot, pool->guard_bytes))
        loop->protected_slots++;
#if LOCUST__VALGRIND
    co->valgrind_id =
        VALGRIND_STACK_REGISTER(locust__co_stack_low(co), co->slot + pool->slot_bytes);
#endif
    return co;
}

static void locust__pool_free(locust__pool *pool)
{
    while (pool->slabs) {
        locust__slab *slab = pool->slabs;
        pool->slabs = slab->next;
#if LOCUST__VALGRIND
        for (uint32_t i = 0; i < slab->used; i++)
            VALGRIND_STACK_DEREGISTER(slab->cos[i].valgrind_id);
#endif
#if LOCUST__ASAN // whoever gets these addresses next starts clean
        __asan_unpoison_memory_region(slab->base, slab->count * pool->slot_bytes);
#endif
        locust__os_stacks_unmap(slab->base, slab->count * pool->slot_bytes);
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
    }
    LOCUST_FREE(pool);
}

/* -- switching -- */

/* From the loop to a coroutine, until it parks or ends. */
static void locust__co_resume(locust__loop *loop, locust__co *co)
{
#if LOCUST__ASAN
    void *fake_stack;
    char *low = locust__co_stack_low(co);
    __sanitizer_start_switch_fiber(
        &fake_stack, low, (size_t)(co->slot + co->pool->slot_bytes - low));
#endif
    loop->current = co;
    locust__ctx_switch(&loop->sp, co->sp);
    loop->current = NULL;
#if LOCUST__ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
}

/* From the current coroutine to the loop, until it is resumed. */
static void locust__co_leave(locust__loop *loop, locust__co *co)
{
    locust__co_check_stack(loop, co);
#if LOCUST__ASAN
    __sanitizer_start_switch_fiber(&co->fake_stack, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&co->sp, loop->sp);
#if LOCUST__ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &loop->stack_bottom, &loop->stack_size);
#endif
}

static void locust__co_wake(locust__loop *loop, locust__co *co, enum locust__wake why)
{
    if (co->state != LOCUST__CO_PARKED)
        return;
    locust__queue_remove(co);
    co->state = LOCUST__CO_READY;
    co->wake = why;
    locust__queue_push(&loop->ready, co);
}

/* The first function on a coroutine's stack. */
static void locust__co_body(void *arg)
{
    locust__co *co = arg;
    locust__loop *loop = locust__loop_now;
    void *unused;
#if LOCUST__ASAN
    __sanitizer_finish_switch_fiber(NULL, &loop->stack_bottom, &loop->stack_size);
#endif
    co->fn(co->arg);
    locust__co_check_stack(loop, co);
    co->state = LOCUST__CO_FREE;
#if LOCUST__ASAN
    __sanitizer_start_switch_fiber(NULL, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&unused, loop->sp);
    abort(); // nobody resumes what has ended
}

/* Starts a coroutine: fn(arg) runs on a stack of its own, the next time that the loop gets there.
 *
 * Takes     stack_bytes: 0 for the default. group: NULL, or what locust__group_join waits for.
 * Returns   the coroutine, valid until fn returns; NULL if memory ran out.
 */
static locust__co *locust__co_start(locust__loop *loop, const char *name, size_t stack_bytes,
    void (*fn)(void *arg), void *arg, locust__group *group)
{
    locust__pool *pool = locust__pool_of(loop, stack_bytes ? stack_bytes : LOCUST_STACK_SIZE);
    locust__co *co = pool ? locust__pool_take(loop, pool) : NULL;
    if (!co)
        return NULL;
    co->fn = fn;
    co->arg = arg;
    co->name = name;
    co->local = NULL;
    co->cancelled = false;
    co->queue = NULL;
    co->group = group;
    co->sp = locust__ctx_make(locust__co_stack_top(co), locust__co_body, co);
    co->state = LOCUST__CO_READY;
    locust__queue_push(&loop->ready, co);
    loop->running++;
    if (group)
        group->running++;
    return co;
}

static void locust__co_ended(locust__loop *loop, locust__co *co)
{
    locust__group *group = co->group;
    loop->running--;
    if (group && --group->running == 0)
        while (group->waiters.first)
            locust__co_wake(loop, group->waiters.first, LOCUST__WOKEN);
    co->next = co->pool->free;
    co->pool->free = co;
}

/* There was no memory for a timer: a sleeper looks again each turn; who waits in a queue would lose
 * its place by that, and times out early. */
static void locust__co_unarmed(locust__loop *loop, locust__co *co)
{
    locust__co_wake(loop, co, co->queue ? LOCUST__TIMED_OUT : LOCUST__LOOK_AGAIN);
}

/* Parks the current coroutine until it is woken, its deadline passes or it is cancelled.
 * `lazy`: the deadline is a timeout, unlikely to be reached. */
static enum locust__wake locust__co_park(
    locust__loop *loop, int64_t deadline_ns, bool lazy) LOCUST__PARKS
{
    locust__co *co = loop->current;
    LOCUST_ASSERT(co);
    if (co->cancelled) {
        locust__queue_remove(co);
        return LOCUST__CANCELLED;
    }
    co->deadline_ns = deadline_ns;
    co->lazy = lazy;
    do {
        co->state = LOCUST__CO_PARKED;
        if (deadline_ns != LOCUST__NEVER && locust__wheel_arm(loop, co) < 0)
            locust__co_unarmed(loop, co);
        locust__co_leave(loop, co);
        if (co->wake == LOCUST__LOOK_AGAIN) {
            if (co->cancelled)
                co->wake = LOCUST__CANCELLED;
            else if (loop->now_ns >= deadline_ns)
                co->wake = LOCUST__TIMED_OUT;
            else if (lazy) // what it waits for may have come meanwhile: the caller looks
                co->wake = LOCUST__WOKEN;
        }
    } while (co->wake == LOCUST__LOOK_AGAIN);
    return co->wake;
}

/* Sleeps until then. Returns LOCUST__TIMED_OUT, or LOCUST__CANCELLED. */
static enum locust__wake locust__co_sleep(locust__loop *loop, int64_t until_ns) LOCUST__PARKS
{
    return locust__co_park(loop, until_ns, false);
}

/* Lets every other ready coroutine run first. */
static enum locust__wake locust__co_yield(locust__loop *loop) LOCUST__PARKS
{
    locust__co *co = loop->current;
    if (co->cancelled)
        return LOCUST__CANCELLED;
    co->state = LOCUST__CO_READY;
    co->wake = LOCUST__WOKEN;
    locust__queue_push(&loop->ready, co);
    locust__co_leave(loop, co);
    return co->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
}

/* Every park of the coroutine now and later returns LOCUST__CANCELLED, until `cancelled` is
 * cleared by whoever cleans up. */
static void locust__co_cancel(locust__loop *loop, locust__co *co)
{
    co->cancelled = true;
    locust__co_wake(loop, co, LOCUST__CANCELLED);
}

/* Runs fn(arg) on the loop's own, big stack, for what is deep. It must not park. */
static void locust__loop_call(locust__loop *loop, void (*fn)(void *arg), void *arg)
{
    if (!loop->current) {
        fn(arg);
        return;
    }
    loop->call = fn;
    loop->call_arg = arg;
    locust__co_leave(loop, loop->current);
}

/* -- timers -- */

static void locust__heap_push(locust__wheel *w, locust__timer t)
{
    size_t i = w->heap_len++;
    for (; i && w->heap[(i - 1) / 2].at_ns > t.at_ns; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = t;
}

static void locust__heap_pop(locust__wheel *w)
{
    locust__timer t = w->heap[--w->heap_len];
    size_t i = 0, child;
    for (; (child = 2 * i + 1) < w->heap_len; i = child) {
        if (child + 1 < w->heap_len && w->heap[child + 1].at_ns < w->heap[child].at_ns)
            child++;
        if (w->heap[child].at_ns >= t.at_ns)
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = t;
}

static int locust__wheel_insert(locust__wheel *w, locust__timer t)
{
    int64_t tick = t.at_ns / LOCUST__MS, ahead = tick - w->tick;
    int level = ahead < 256 ? 0 : ahead < 65536 ? 1 : 2;
    size_t slot;
    locust__chunk *chunk;
    if (ahead <= 0) {
        locust__timer *heap = locust__base_grow(w->heap, sizeof *heap, w->heap_len, &w->heap_cap);
        if (!heap)
            return -ENOMEM;
        w->heap = heap;
        locust__heap_push(w, t);
        return 0;
    }
    if (ahead >= 1 << 24)
        tick = w->tick + (1 << 24) - 1;
    slot = (size_t)(tick >> (8 * level)) & 255;
    chunk = w->slots[level][slot];
    if (!chunk || chunk->count == sizeof chunk->timers / sizeof *chunk->timers) {
        chunk = w->spare ? w->spare : LOCUST_MALLOC(sizeof *chunk);
        if (!chunk)
            return -ENOMEM;
        if (chunk == w->spare)
            w->spare = chunk->next;
        chunk->count = 0;
        chunk->next = w->slots[level][slot];
        w->slots[level][slot] = chunk;
        w->used[level][slot / 64] |= (uint64_t)1 << slot % 64;
    }
    chunk->timers[chunk->count++] = t;
    return 0;
}

/* Makes sure that a timer entry fires no later than the coroutine's deadline. */
static int locust__wheel_arm(locust__loop *loop, locust__co *co)
{
    int64_t at = co->deadline_ns;
    int rc;
    if (co->lazy && at > loop->now_ns + LOCUST__S)
        at = loop->now_ns + LOCUST__S;
    if (co->armed_ns <= at)
        return 0;
    rc = locust__wheel_insert(&loop->wheel, (locust__timer){at, co});
    if (rc == 0)
        co->armed_ns = at;
    return rc;
}

static void locust__wheel_fire(locust__loop *loop, locust__timer t)
{
    locust__co *co = t.co;
    if (co->armed_ns != t.at_ns)
        return; // stale
    co->armed_ns = LOCUST__NEVER;
    if (co->state != LOCUST__CO_PARKED || co->deadline_ns == LOCUST__NEVER)
        return;
    if (co->deadline_ns <= loop->now_ns)
        locust__co_wake(loop, co, LOCUST__TIMED_OUT);
    else if (locust__wheel_arm(loop, co) < 0)
        locust__co_unarmed(loop, co);
}

/* Takes a slot's entries out and hands each back to where it belongs now. */
static void locust__wheel_empty(locust__loop *loop, int level, size_t slot)
{
    locust__wheel *w = &loop->wheel;
    locust__chunk *chunk = w->slots[level][slot];
    w->slots[level][slot] = NULL;
    w->used[level][slot / 64] &= ~((uint64_t)1 << slot % 64);
    while (chunk) {
        locust__chunk *next = chunk->next;
        for (size_t i = 0; i < chunk->count; i++) {
            locust__timer t = chunk->timers[i];
            if (i + 4 < chunk->count) // a million sleepers' blocks are in no cache: fetch ahead
                __builtin_prefetch(chunk->timers[i + 4].co, 1);
            if (t.at_ns <= loop->now_ns || locust__wheel_insert(w, t) < 0)
                locust__wheel_fire(loop, t); // early, if there is no memory: it is armed again
        }
        chunk->next = w->spare;
        w->spare = chunk;
        chunk = next;
    }
}

static void locust__wheel_advance(locust__loop *loop)
{
    locust__wheel *w = &loop->wheel;
    int64_t now = loop->now_ns / LOCUST__MS;
    while (w->tick < now) {
        int64_t tick = ++w->tick;
        if ((tick & 65535) == 0)
            locust__wheel_empty(loop, 2, (size_t)(tick >> 16) & 255);
        if ((tick & 255) == 0)
            locust__wheel_empty(loop, 1, (size_t)(tick >> 8) & 255);
        if (w->slots[0][tick & 255])
            locust__wheel_empty(loop, 0, (size_t)tick & 255);
    }
    while (w->heap_len && w->heap[0].at_ns <= loop->now_ns) {
        locust__timer t = w->heap[0];
        locust__heap_pop(w);
        locust__wheel_fire(loop, t);
    }
}

/* Steps from slot `from` to the next one in use, 1 to 256; 0: none. */
static int locust__wheel_distance(const uint64_t *used, size_t from)
{
    for (size_t step = 1; step <= LOCUST__SLOTS;) {
        size_t slot = (from + step) & 255;
        uint64_t word = used[slot / 64] >> slot % 64;
        if (word)
            return (int)(step + (size_t)__builtin_ctzll(word));
        step += 64 - slot % 64;
    }
    return 0;
}

/* When the loop has to look at the timers next. */
static int64_t locust__wheel_next(const locust__wheel *w)
{
    int64_t next = w->heap_len ? w->heap[0].at_ns : LOCUST__NEVER;
    for (int level = 0; level < LOCUST__LEVELS; level++) {
        int64_t step = w->tick >> (8 * level);
        int distance = locust__wheel_distance(w->used[level], (size_t)step & 255);
        int64_t at = ((step + distance) << (8 * level)) * LOCUST__MS;
        if (distance && at < next)
            next = at;
    }
    return next;
}

static void locust__wheel_free(locust__wheel *w)
{
    for (int level = 0; level < LOCUST__LEVELS; level++)
        for (int slot = 0; slot < LOCUST__SLOTS; slot++)
            while (w->slots[level][slot]) {
                locust__chunk *chunk = w->slots[level][slot];
                w->slots[level][slot] = chunk->next;
                LOCUST_FREE(chunk);
            }
    while (w->spare) {
        locust__chunk *chunk = w->spare;
        w->spare = chunk->next;
        LOCUST_FREE(chunk);
    }
    LOCUST_FREE(w->heap);
}

/* -- descriptors -- */

typedef struct locust__fd { // a descriptor with who waits for it
    locust__source source;  // first: the poller hands this back
    locust__co *reader, *writer;
} locust__fd;

/* Takes over a nonblocking descriptor; on an error it stays the caller's. 0 or -errno. */
static int locust__fd_open(locust__loop *loop, locust__fd *f, int fd)
{
    memset(f, 0, sizeof *f);
    f->source.fd = fd;
    return locust__os_poll_add(&loop->poller, &f->source);
}

/* Ends the waits of others for it with LOCUST__WOKEN: they find it closed. */
static void locust__fd_close(locust__loop *loop, locust__fd *f)
{
    if (f->source.fd < 0)
        return;
    locust__os_poll_remove(&loop->poller, &f->source);
    close(f->source.fd);
    f->source.fd = -1;
    if (f->reader)
        locust__co_wake(loop, f->reader, LOCUST__WOKEN);
    if (f->writer)
        locust__co_wake(loop, f->writer, LOCUST__WOKEN);
}

static enum locust__wake locust__fd_wait_read(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->source.readable)
        return loop->current->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
    f->reader = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->reader = NULL;
    return why;
}

static enum locust__wake locust__fd_wait_write(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->source.writable)
        return loop->current->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
    f->writer = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->writer = NULL;
    return why;
}

/* -- the loop -- */

static int locust__loop_open(locust__loop *loop)
{
    int rc;
    memset(loop, 0, sizeof *loop);
    if (!locust__ctx_allowed())
        return -ENOTSUP;
    rc = locust__os_poll_open(&loop->poller);
    if (rc < 0)
        return rc;
    loop->scratch = LOCUST_MALLOC(LOCUST__SCRATCH);
    if (!loop->scratch) {
        locust__os_poll_close(&loop->poller);
        return -ENOMEM;
    }
    loop->markers = locust__os_guard_works();
    loop->now_ns = locust__os_now_ns();
    loop->wheel.tick = loop->now_ns / LOCUST__MS;
    locust__os_random(&loop->random, sizeof loop->random);
    return 0;
}

/* All coroutines have ended. */
static void locust__loop_close(locust__loop *loop)
{
    LOCUST_ASSERT(loop->running == 0);
    while (loop->pools) {
        locust__pool *pool = loop->pools;
        loop->pools = pool->next;
        locust__pool_free(pool);
    }
    locust__wheel_free(&loop->wheel);
    locust__os_poll_close(&loop->poller);
    LOCUST_FREE(loop->scratch);
}

/* Runs one ready coroutine, and what it asks to have called on this stack. */
static void locust__loop_step(locust__loop *loop, locust__co *co)
{
    locust__queue_remove(co);
    co->state = LOCUST__CO_RUNNING;
    locust__co_resume(loop, co);
    while (loop->call) {
        void (*fn)(void *) = loop->call;
        loop->call = NULL;
        fn(loop->call_arg);
        locust__co_resume(loop, co);
    }
    if (co->state == LOCUST__CO_FREE)
        locust__co_ended(loop, co);
}

static void locust__loop_poll(locust__loop *loop)
{
    locust__source *sources[LOCUST__EVENTS];
    int64_t timeout = 0;
    int n;
    if (!loop->ready.first) {
        int64_t next = locust__wheel_next(&loop->wheel);
        timeout = next == LOCUST__NEVER ? next : next - locust__os_now_ns();
        if (timeout < 0)
            timeout = 0;
    }
    n = locust__os_poll_wait(&loop->poller, sources, timeout);
    for (int i = 0; i < n; i++) { // all of them before any coroutine runs, which might close one
        locust__fd *f = (locust__fd *)(void *)sources[i];
        if (f->reader && f->source.readable)
            locust__co_wake(loop, f->reader, LOCUST__WOKEN);
        if (f->writer && f->source.writable)
            locust__co_wake(loop, f->writer, LOCUST__WOKEN);
    }
}

/* Runs until every coroutine has ended. */
static void locust__loop_run(locust__loop *loop)
{
    LOCUST_ASSERT(!locust__loop_now);
    locust__loop_now = loop;
    locust__os_precise_timers();
    locust__os_fault_open(locust__loop_fault);
    while (loop->running) {
        locust__co *last;
        loop->turn++;
        loop->now_ns = locust__os_now_ns();
        loop->epoch_ns = locust__os_wall_ns() - loop->now_ns;
        locust__wheel_advance(loop);
        last = loop->ready.last; // those woken from here on have their turn after the poll
        for (locust__co *co = NULL; last && co != last;) {
            co = loop->ready.first;
            locust__loop_step(loop, co);
        }
        if (loop->running)
            locust__loop_poll(loop);
    }
    locust__os_fault_close();
    locust__loop_now = NULL;
}

/* ============================================================================================
 * >>sync  queues, semaphores and groups of coroutines
 *
 * Purpose     wait for another coroutine: the few forms that the kit needs.
 * Invariants  first come, first served.
 * Uses        >>loop
 * ============================================================================================ */

/* Parks in a queue until somebody wakes the queue's first, the deadline or a cancellation. */
static enum locust__wake locust__queue_wait(
    locust__loop *loop, locust__queue *q, int64_t deadline_ns) LOCUST__PARKS
{
    locust__queue_push(q, loop->current);
    return locust__co_park(loop, deadline_ns, true);
}

/* Waits until every coroutine of the group has ended. */
static enum locust__wake locust__group_join(
    locust__loop *loop, locust__group *group, int64_t deadline_ns) LOCUST__PARKS
{
    while (group->running) {
        enum locust__wake why = locust__queue_wait(loop, &group->waiters, deadline_ns);
        if (why != LOCUST__WOKEN)
            return why;
    }
    return LOCUST__WOKEN;
}

typedef struct locust__semaphore {
    int free;
    locust__queue waiters;
} locust__semaphore;

static enum locust__wake locust__semaphore_take(
    locust__loop *loop, locust__semaphore *s, int64_t deadline_ns) LOCUST__PARKS
{
    if (s->free > 0) {
        s->free--;
        return LOCUST__WOKEN;
    }
    return locust__queue_wait(loop, &s->waiters, deadline_ns); // the giver passes its unit on
}

static void locust__semaphore_give(locust__loop *loop, locust__semaphore *s)
{
    if (s->waiters.first)
        locust__co_wake(loop, s->waiters.first, LOCUST__WOKEN);
    else
        s->free++;
}

/* ============================================================================================
 * >>slots  coroutine-local data
 *
 * Purpose     LOCUST_LOCAL: data of each user, reachable from any function that it calls.
 * Invariants  a slot has the same offset in every user's area; all slots are known before main()
 *             runs, by constructors. The area is zeroed before on_start.
 * Cost        reading: three loads and an addition. Memory: the slot, and a byte.
 * Uses        >>loop
 * Limits      a slot that a shared object brings in after the first user was made is refused.
 *
 *   a user's area:  | used flags, a byte each | slot | slot | ...   slots 16-aligned
 * ============================================================================================ */

/* Filled by constructors, before there is an environment: of the program, not of a test. */
static struct {
    locust_slot *first;
    size_t count, bytes;
    bool laid_out;
} locust__slots;

LOCUST_API void locust_slot_register(locust_slot *slot)
{
    if (locust__slots.laid_out)
        locust__base_die(
            LOCUST__EXIT_USAGE, "LOCUST_LOCAL %s came too late: users exist already", slot->name);
    slot->next = locust__slots.first;
    locust__slots.first = slot;
    locust__slots.count++;
}

/* Bytes of one user's area; decides the layout once. */
static size_t locust__slots_bytes(void)
{
    if (!locust__slots.laid_out) {
        size_t at = (locust__slots.count + 15) & ~(size_t)15, i = 0;
        for (locust_slot *slot = locust__slots.first; slot; slot = slot->next) {
            slot->index = i++;
            slot->offset = at;
            at += (slot->size + 15) & ~(size_t)15;
        }
        locust__slots.bytes = at;
        locust__slots.laid_out = true;
    }
    return locust__slots.bytes;
}

static void locust__slots_deinit(char *area)
{
    for (locust_slot *slot = locust__slots.first; slot; slot = slot->next)
        if (slot->fini && area[slot->index])
            slot->fini(area + slot->offset);
}

static locust__co *locust__slots_user(const char *what, const char *kind)
{
    locust__co *co = locust__loop_now ? locust__loop_now->current : NULL;
    if (!co || !co->local)
        locust__base_die(LOCUST__EXIT_USAGE,
            "%s() was used outside a user: a %s exists from before on_start until after on_stop",
            what, kind);
    return co;
}

LOCUST_API void *locust_slot_get(const locust_slot *slot)
{
    char *area = locust__slots_user(slot->name, "LOCUST_LOCAL")->local;
    if (slot->init || slot->fini) {
        char *used = area + slot->index;
        if (!*used) {
            *used = 1;
            if (slot->init)
                slot->init(area + slot->offset);
        }
    }
    return area + slot->offset;
}

LOCUST_API void *locust_var_get(const locust_var *var)
{
    (void)var;
    locust__base_missing("LOCUST_VAR");
}

LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value)
{
    (void)var, (void)value;
    locust__base_missing("LOCUST_VAR");
}

LOCUST_API void locust_var_reset(const locust_var *var, locust_token token)
{
    (void)var, (void)token;
    locust__base_missing("LOCUST_VAR");
}

LOCUST_API void locust_stack_push(const locust_stack *stack, const void *value)
{
    (void)stack, (void)value;
    locust__base_missing("LOCUST_STACK");
}

LOCUST_API void *locust_stack_pop(const locust_stack *stack)
{
    (void)stack;
    locust__base_missing("LOCUST_STACK");
}

LOCUST_API void *locust_stack_top(const locust_stack *stack)
{
    (void)stack;
    locust__base_missing("LOCUST_STACK");
}

/* ============================================================================================
 * >>hist  latency histogram: under 0.4 % error, 1 us to 1 h
 *
 * Purpose     percentiles of millions of response times, mergeable.
 * Invariants  total == sum of all counts.
 * Cost        record: a division, a count of leading zeros, an addition (`make bench B=core`). An
 *             octave (128 buckets, 1 KiB) is made when a time first falls into it: 3 to 6 KiB for
 *             most rows, 26 KiB at most.
 * Uses        >>base
 * Sources     the bucket layout of HdrHistogram (Tene), written from its description.
 * Limits      microseconds: a time is rounded to whole ones first. Above 1 h counts as 1 h.
 *
 *   octave 0   0, 1, 2, ... 127 us          each bucket 1 us wide
 *   octave 1   128, 129, ... 255 us         1 us
 *   octave k   2^(k+6) ... 2^(k+7) - 1 us   2^(k-1) us; a value is reported as its bucket's middle
 * ============================================================================================ */

enum { LOCUST__OCTAVE = 128, LOCUST__OCTAVES = 26 };

typedef struct locust__hist {
    uint64_t total;
    uint64_t *octaves[LOCUST__OCTAVES];
} locust__hist;

static const int64_t LOCUST__HIST_MAX_US = 3600000000;

static size_t locust__hist_index(int64_t us)
{
    int top;
    if (us < LOCUST__OCTAVE)
        return us > 0 ? (size_t)us : 0;
    if (us > LOCUST__HIST_MAX_US)
        us = LOCUST__HIST_MAX_US;
    top = 63 - __builtin_clzll((unsigned long long)us);
    return (size_t)(top - 6) * LOCUST__OCTAVE + ((size_t)(us >> (top - 7)) & (LOCUST__OCTAVE - 1));
}

/* The middle of a bucket, in ns. */
static int64_t locust__hist_value_ns(size_t index)
{
    size_t octave = index / LOCUST__OCTAVE;
    int64_t sub = (int64_t)(index % LOCUST__OCTAVE);
    int64_t width;
    if (octave < 2)
        return (int64_t)index * 1000;
    width = (int64_t)1 << (octave - 1);
    // It holds the whole microseconds from low to low + width - 1.
    return (LOCUST__OCTAVE + sub) * width * 1000 + (width - 1) * 500;
}

/* False: no memory for a new octave; the time is not in the histogram. */
static bool locust__hist_record(locust__hist *h, int64_t ns)
{
    size_t index = locust__hist_index((ns + 500) / 1000);
    uint64_t **octave = &h->octaves[index / LOCUST__OCTAVE];
    if (!*octave) {
        *octave = locust__base_zalloc(LOCUST__OCTAVE * sizeof **octave);
        if (!*octave)
            return false;
    }
    (*octave)[index % LOCUST__OCTAVE]++;
    h->total++;
    return true;
}

/* The time that `share` (0 to 1) of the recorded ones did not exceed: element floor(total * share)
 * of the sorted times, as Locust picks it. 0 if there is none. */
static int64_t locust__hist_percentile_ns(const locust__hist *h, double share)
{
    double exact = (double)h->total * share;
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;
    if (!h->total)
        return 0;
    if (rank >= h->total)
        rank = h->total - 1;
    for (size_t o = 0; o < LOCUST__OCTAVES; o++)
        for (size_t i = 0; h->octaves[o] && i < LOCUST__OCTAVE; i++) {
            seen += h->octaves[o][i];
            if (seen > rank)
                return locust__hist_value_ns(o * LOCUST__OCTAVE + i);
        }
    return 0;
}

/* Keeps the octaves, for what comes next. */
static void locust__hist_reset(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__OCTAVES; o++)
        if (h->octaves[o])
            memset(h->octaves[o], 0, LOCUST__OCTAVE * sizeof *h->octaves[o]);
    h->total = 0;
}

static void locust__hist_free(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__OCTAVES; o++)
        LOCUST_FREE(h->octaves[o]);
    memset(h, 0, sizeof *h);
}

/* into += from. False: no memory, and only a part was added. */
static bool locust__hist_add(locust__hist *into, const locust__hist *from)
{
    for (size_t o = 0; o < LOCUST__OCTAVES; o++) {
        if (!from->octaves[o])
            continue;
        if (!into->octaves[o])
            into->octaves[o] = locust__base_zalloc(LOCUST__OCTAVE * sizeof *into->octaves[o]);
        if (!into->octaves[o])
            return false;
        for (size_t i = 0; i < LOCUST__OCTAVE; i++) {
            into->octaves[o][i] += from->octaves[o][i];
            into->total += from->octaves[o][i];
        }
    }
    return true;
}

/* h -= earlier, a copy of h taken before: what came since. Of an earlier life of h nothing is
 * left. */
static void locust__hist_since(locust__hist *h, const locust__hist *earlier)
{
    for (size_t o = 0; o < LOCUST__OCTAVES; o++)
        for (size_t i = 0; h->octaves[o] && earlier->octaves[o] && i < LOCUST__OCTAVE; i++) {
            uint64_t *count = &h->octaves[o][i], was = earlier->octaves[o][i];
            uint64_t less = was < *count ? was : *count;
            *count -= less;
            h->total -= less;
        }
}

/* ============================================================================================
 * >>stats  rows of requests and failures
 *
 * Purpose     count requests by (method, name) and failures by (method, name, text).
 * Invariants  the total counts every request once; a row is never removed before the end, so its
 *             strings may be pointed at.
 * Cost        record: one hash of the name, two histograms; no allocation but for a new row, text
 *             or octave. Memory grows with the rows, not with time.
 * Uses        >>base >>hist
 * Sources     Locust 2.46: what counts as failure, median and rates (its stats.py, by measurement).
 * Limits      LOCUST_MAX_ROWS rows, and as many failures and texts: what comes later goes to
 *             "(other)". Current rates cover the last ten whole seconds, up to now; Locust's end
 *             three seconds earlier, to wait for its workers.
 * ============================================================================================ */

enum { LOCUST__BUCKETS = 512, LOCUST__RING = 16, LOCUST__WINDOW_S = 10 };

typedef struct locust__second { // what one second of the monotonic clock saw
    int64_t second;
    uint32_t requests, failures;
} locust__second;

typedef struct locust__row {
    struct locust__row *next_in_bucket;
    uint64_t hash;
    size_t index;              // in the order of appearance
    const char *method, *name; // behind the struct
    uint64_t requests, failures, bytes;
    int64_t total_s, total_ns; // seconds and the rest: a sum of ns alone ends after 292 years
    int64_t min_ns, max_ns;    // min_ns: LOCUST__NEVER if there is none
    locust__second ring[LOCUST__RING];
    locust__hist hist;
    locust_stats shown; // what locust_stats_row gave out last
} locust__row;

typedef struct locust__text { // the sentence of a failure, kept once
    struct locust__text *next_in_bucket;
    uint64_t hash;
    char text[];
} locust__text;

typedef struct locust__failure {
    struct locust__failure *next_in_bucket;
    const locust__row *row;
    const char *text; // in a locust__text
    uint64_t occurrences;
    int64_t first_wall_ns, last_wall_ns;
} locust__failure;

typedef struct locust__stats {
    locust__row total;
    locust__row other;  // what came past a limit, or without memory; listed once it has requests
    locust__row **rows; // in order of appearance
    size_t n_rows, cap_rows;
    locust__failure **failures; // likewise
    size_t n_failures, cap_failures;
    size_t n_texts;
    locust__failure other_failure; // likewise
    locust__row *row_buckets[LOCUST__BUCKETS];
    locust__text *text_buckets[LOCUST__BUCKETS];
    locust__failure *failure_buckets[LOCUST__BUCKETS];
    int64_t start_ns, last_ns; // monotonic: start of the test, newest request
} locust__stats;

static void locust__row_clear(locust__row *row)
{
    row->requests = row->failures = row->bytes = 0;
    row->total_s = row->total_ns = row->max_ns = 0;
    row->min_ns = LOCUST__NEVER;
    memset(row->ring, 0, sizeof row->ring);
    locust__hist_reset(&row->hist);
}

static void locust__stats_init(locust__stats *st)
{
    memset(st, 0, sizeof *st);
    st->total.method = "";
    st->total.name = "Aggregated";
    st->other.method = "";
    st->other.name = "(other)";
    st->other_failure.row = &st->other;
    st->other_failure.text = "(other)";
    locust__row_clear(&st->total);
    locust__row_clear(&st->other);
}

/* Zeroes every row; they stay in the tables. */
static void locust__stats_reset(locust__stats *st, int64_t now_ns)
{
    locust__row_clear(&st->total);
    locust__row_clear(&st->other);
    for (size_t i = 0; i < st->n_rows; i++)
        locust__row_clear(st->rows[i]);
    for (size_t i = 0; i < st->n_failures; i++)
        LOCUST_FREE(st->failures[i]);
    st->n_failures = 0;
    st->other_failure.occurrences = 0;
    memset(st->failure_buckets, 0, sizeof st->failure_buckets);
    st->start_ns = st->last_ns = now_ns;
}

static void locust__stats_free(locust__stats *st)
{
    locust__stats_reset(st, 0);
    for (size_t i = 0; i < st->n_rows; i++) {
        locust__hist_free(&st->rows[i]->hist);
        LOCUST_FREE(st->rows[i]);
    }
    locust__hist_free(&st->other.hist);
    locust__hist_free(&st->total.hist);
    for (size_t b = 0; b < LOCUST__BUCKETS; b++)
        while (st->text_buckets[b]) {
            locust__text *text = st->text_buckets[b];
            st->text_buckets[b] = text->next_in_bucket;
            LOCUST_FREE(text);
        }
    LOCUST_FREE(st->rows);
    LOCUST_FREE(st->failures);
}

static bool locust__stats_room_for_row(locust__stats *st)
{
    locust__row **rows = locust__base_grow(st->rows, sizeof *rows, st->n_rows, &st->cap_rows);
    if (rows)
        st->rows = rows;
    return rows != NULL;
}

static bool locust__stats_room_for_failure(locust__stats *st)
{
    locust__failure **failures =
        locust__base_grow(st->failures, sizeof *failures, st->n_failures, &st->cap_failures);
    if (failures)
        st->failures = failures;
    return failures != NULL;
}

static locust__row *locust__stats_find(locust__stats *st, const char *method, const char *name)
{
    size_t method_len = strlen(method), name_len = strlen(name);
    uint64_t hash = locust__base_hash(locust__base_hash(0, method, method_len), name, name_len);
    locust__row **bucket = &st->row_buckets[hash % LOCUST__BUCKETS], *row;
    char *text;
    for (row = *bucket; row; row = row->next_in_bucket)
        if (row->hash == hash && strcmp(row->name, name) == 0 && strcmp(row->method, method) == 0)
            return row;
    if (st->n_rows >= LOCUST_MAX_ROWS || !locust__stats_room_for_row(st))
        return &st->other;
    row = locust__base_zalloc(sizeof *row + method_len + name_len + 2);
    if (!row)
        return &st->other;
    text = (char *)(row + 1);
    row->method = memcpy(text, method, method_len + 1);
    row->name = memcpy(text + method_len + 1, name, name_len + 1);
    row->hash = hash;
    locust__row_clear(row);
    row->next_in_bucket = *bucket;
    *bucket = row;
    row->index = st->n_rows;
    st->rows[st->n_rows++] = row;
    return row;
}

/* The one copy of a failure's text: lives as long as the statistics. */
static const char *locust__stats_text(locust__stats *st, const char *text)
{
    size_t len = strlen(text);
    uint64_t hash = locust__base_hash(0, text, len);
    locust__text **bucket = &st->text_buckets[hash % LOCUST__BUCKETS], *kept;
    for (kept = *bucket; kept; kept = kept->next_in_bucket)
        if (kept->hash == hash && strcmp(kept->text, text) == 0)
            return kept->text;
    kept = st->n_texts < LOCUST_MAX_ROWS ? LOCUST_MALLOC(sizeof *kept + len + 1) : NULL;
    if (!kept)
        return "(other)";
    memcpy(kept->text, text, len + 1);
    kept->hash = hash;
    kept->next_in_bucket = *bucket;
    *bucket = kept;
    st->n_texts++;
    return kept->text;
}

static void locust__stats_fail(
    locust__stats *st, const locust__row *row, const char *error, int64_t wall_ns)
{
    const char *text = locust__stats_text(st, error);
    uint64_t hash =
        ((uint64_t)(uintptr_t)row ^ (uint64_t)(uintptr_t)text << 1) * 0x9E3779B97F4A7C15u;
    locust__failure **bucket = &st->failure_buckets[(hash >> 32) % LOCUST__BUCKETS], *f;
    for (f = *bucket; f; f = f->next_in_bucket)
        if (f->row == row && f->text == text)
            break;
    if (!f && st->n_failures < LOCUST_MAX_ROWS && locust__stats_room_for_failure(st)) {
        f = locust__base_zalloc(sizeof *f);
        if (f) {
            f->row = row;
            f->text = text;
            f->next_in_bucket = *bucket;
            *bucket = f;
            st->failures[st->n_failures++] = f;
        }
    }
    if (!f)
        f = &st->other_failure;
    if (!f->occurrences++)
        f->first_wall_ns = wall_ns;
    f->last_wall_ns = wall_ns;
}

static void locust__row_count(
    locust__row *row, int64_t elapsed_ns, uint64_t bytes, bool failed, int64_t second)
{
    locust__second *s = &row->ring[second % LOCUST__RING];
    if (s->second < second)
        *s = (locust__second){second, 0, 0};
    if (s->second == second) { // else a late verdict on a request of long ago
        s->requests++;
        s->failures += failed;
    }
    row->requests++;
    row->failures += failed;
    row->bytes += bytes;
    row->total_ns += elapsed_ns;
    if (row->total_ns >= LOCUST__S) {
        row->total_s += row->total_ns / LOCUST__S;
        row->total_ns %= LOCUST__S;
    }
    if (elapsed_ns < row->min_ns)
        row->min_ns = elapsed_ns;
    if (elapsed_ns > row->max_ns)
        row->max_ns = elapsed_ns;
    locust__hist_record(&row->hist, elapsed_ns);
}

/* Counts one finished request. `error`: NULL, or why it failed. */
static void locust__stats_record(locust__stats *st, const char *method, const char *name,
    int64_t elapsed_ns, uint64_t bytes, const char *error, int64_t now_ns)
{
    locust__row *row = locust__stats_find(st, method, name);
    int64_t second = now_ns / LOCUST__S;
    locust__row_count(row, elapsed_ns, bytes, error != NULL, second);
    locust__row_count(&st->total, elapsed_ns, bytes, error != NULL, second);
    if (now_ns > st->last_ns) // a verdict may come later than its request ended
        st->last_ns = now_ns;
    if (error)
        locust__stats_fail(st, row, error, locust__os_wall_ns());
}

/* Row i of those that reports list; NULL: there is none. */
static locust__row *locust__stats_row(locust__stats *st, size_t i)
{
    return i < st->n_rows ? st->rows[i] : i == st->n_rows && st->other.requests ? &st->other : NULL;
}

/* Failure i, likewise. */
static const locust__failure *locust__stats_failure(const locust__stats *st, size_t i)
{
    return i < st->n_failures                                     ? st->failures[i]
           : i == st->n_failures && st->other_failure.occurrences ? &st->other_failure
                                                                  : NULL;
}

static double locust__row_mean_ns(const locust__row *row)
{
    double total = (double)row->total_s * 1e9 + (double)row->total_ns;
    return row->requests ? total / (double)row->requests : 0;
}

/* Never outside of what was measured, wherever its bucket's middle is. */
static int64_t locust__row_percentile_ns(const locust__row *row, double share)
{
    int64_t ns = locust__hist_percentile_ns(&row->hist, share);
    if (!row->requests)
        return 0;
    if (share >= 1 || ns > row->max_ns)
        return row->max_ns;
    return ns < row->min_ns ? row->min_ns : ns;
}

/* Requests and failures a second over the whole run, up to the newest request. */
static void locust__row_rates(
    const locust__stats *st, const locust__row *row, double *requests_per_s, double *failures_per_s)
{
    double s = (double)(st->last_ns - st->start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)row->requests / s : 0;
    *failures_per_s = s > 0 ? (double)row->failures / s : 0;
}

/* The same over the last ten whole seconds, or as many as the test has. */
static void locust__row_current_rates(const locust__stats *st, const locust__row *row,
    int64_t now_ns, double *requests_per_s, double *failures_per_s)
{
    int64_t now = now_ns / LOCUST__S;
    int64_t start = (st->start_ns + LOCUST__S - 1) / LOCUST__S; // of the first whole second
    int64_t from = now - LOCUST__WINDOW_S > start ? now - LOCUST__WINDOW_S : start;
    uint64_t requests = 0, failures = 0;
    for (int64_t s = from; s < now; s++) {
        const locust__second *slot = &row->ring[s % LOCUST__RING];
        if (slot->second == s) {
            requests += slot->requests;
            failures += slot->failures;
        }
    }
    *requests_per_s = now > from ? (double)requests / (double)(now - from) : 0;
    *failures_per_s = now > from ? (double)failures / (double)(now - from) : 0;
}

static const locust_stats *locust__row_show(const locust__stats *st, locust__row *row)
{
    locust_stats *shown = &row->shown;
    shown->method = row->method;
    shown->name = row->name;
    shown->requests = row->requests;
    shown->failures = row->failures;
    shown->bytes = row->bytes;
    shown->min_ms = row->requests ? (double)row->min_ns / 1e6 : 0;
    shown->mean_ms = locust__row_mean_ns(row) / 1e6;
    shown->max_ms = (double)row->max_ns / 1e6;
    locust__row_rates(st, row, &shown->requests_per_s, &shown->failures_per_s);
    shown->histogram = row;
    return shown;
}

LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share)
{
    return (double)locust__row_percentile_ns(stats->histogram, share) / 1e6;
}

/* Who measures something tells one of these: the statistics first, then the test's listener. */
typedef struct locust__recorder {
    locust__stats *stats;
    locust_env *env;
    void (*listener)(locust_env *env, const locust_sample *sample);
} locust__recorder;

static void locust__recorder_record(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    locust__stats_record(rec->stats, sample->method, sample->name, elapsed_ns, sample->length,
        sample->error, now_ns);
    if (rec->listener)
        rec->listener(rec->env, sample);
}

/* ============================================================================================
 * >>net  streams over TCP and unix sockets
 *
 * Purpose     blocking-style connect, read and write for coroutines, with deadlines.
 * Invariants  a stream's unread bytes are either in the loop's scratch buffer, which lasts until
 *             the next park, or in memory of its own, into which they are moved before a park; so
 *             an idle connection holds no buffer. Who returns to a test's own code settles the
 *             stream first. A read is tried only when the poller said readable.
 * Cost        one send and one recv a request; no allocation unless bytes arrive in pieces.
 * Uses        >>loop >>sync >>log
 * Limits      while a body is being sent the answer is not looked at: an early refusal is read when
 *             the peer closes, or after the last byte. 128 connects are in flight at once.
 * ============================================================================================ */

typedef struct locust__addr {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } as;
    socklen_t len;
} locust__addr;

typedef struct locust__net {
    locust__loop *loop;
    const locust__log *log;
    locust__semaphore connects; // how many more may be in flight
    int64_t files;              // the limit on descriptors
    int64_t open;               // streams that are connected
    int users;                  // that the test wants, for advice
    bool told_files, told_ports, told_queue;
} locust__net;

struct locust_stream {
    locust__fd fd; // fd.source.fd < 0: closed
    locust__net *net;
    const char *in; // unread bytes
    size_t in_len;
    char *own; // the memory they are in; NULL: the scratch buffer
    size_t own_cap;
    size_t burst;                // bytes read since the last park
    int64_t arrived_ns;          // when the last bytes read reached this machine; 0: unknown
    locust_error error;          // of the last public call
    locust__co *owner;           // the user that opened it by locust_connect
    locust_stream *next, **link; // in that user's list
};

enum { LOCUST__CONNECTS = 128, LOCUST__BURST = 1 << 20 };

static void locust__net_init(locust__net *net, locust__loop *loop, const locust__log *log)
{
    memset(net, 0, sizeof *net);
    net->loop = loop;
    net->log = log;
    net->connects.free = LOCUST__CONNECTS;
    net->files = locust__os_raise_files();
}

/* Every errno that a socket gives has its sentence. Takes the positive number. */
static locust_error locust__net_error(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return LOCUST_ERR_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
        return LOCUST_ERR_RESET;
    case EPIPE:
    case ENOTCONN:
        return LOCUST_ERR_PIPE;
    case ETIMEDOUT:
        return LOCUST_ERR_TIMEOUT;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return LOCUST_ERR_HOST_UNREACHABLE;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
        return LOCUST_ERR_NET_UNREACHABLE;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return LOCUST_ERR_PORTS;
    case EMFILE:
    case ENFILE:
        return LOCUST_ERR_FILES;
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC: // epoll: fs.epoll.max_user_watches
        return LOCUST_ERR_MEMORY;
    case ENOENT:
        return LOCUST_ERR_NO_SOCKET;
    case EACCES:
    case EPERM:
        return LOCUST_ERR_PERMISSION;
    default:
        return LOCUST_ERR_NETWORK;
    }
}

static bool locust__net_lacks(locust_error error)
{
    return error == LOCUST_ERR_FILES || error == LOCUST_ERR_PORTS || error == LOCUST_ERR_MEMORY;
}

/* Says once what the machine lacks, and what to do. */
static void locust__net_advise(locust__net *net, locust_error error)
{
    if (error == LOCUST_ERR_FILES && !net->told_files) {
        net->told_files = true;
        locust__log_print(net->log, LOCUST__WARNING, "locust.runners",
            "too many open files after %lld connections: ulimit -n is %lld, %d users need about "
            "%d: "
            "raise it (its hard limit too), or use fewer users",
            (long long)net->open, (long long)net->files, net->users, net->users + 64);
    }
    if (error == LOCUST_ERR_PORTS && !net->told_ports) {
        net->told_ports = true;
        locust__log_print(net->log, LOCUST__WARNING, "locust.runners",
            "no local port left after %lld connections to one destination: a source address has "
            "the "
            "ports of net.ipv4.ip_local_port_range (usually 28232): widen it, or use fewer users",
            (long long)net->open);
    }
}

static void locust__stream_init(locust_stream *s, locust__net *net)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    s->fd.source.fd = -1;
}

static bool locust__stream_is_open(const locust_stream *s)
{
    return s->fd.source.fd >= 0;
}

static void locust__stream_close(locust_stream *s)
{
    if (!locust__stream_is_open(s))
        return;
    locust__fd_close(s->net->loop, &s->fd);
    s->net->open--;
    LOCUST_FREE(s->own);
    s->own = NULL;
    s->own_cap = s->in_len = 0;
}

/* Takes over a nonblocking, connected or connecting descriptor. */
static locust_error locust__stream_adopt(locust_stream *s, int fd)
{
    int on = 1, rc;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // a unix socket refuses; fine
    locust__os_stamp(fd);
    rc = locust__fd_open(s->net->loop, &s->fd, fd);
    if (rc < 0) {
        close(fd);
        s->fd.source.fd = -1;
        return locust__net_error(-rc);
    }
    s->net->open++;
    s->in_len = 0;
    s->arrived_ns = 0;
    return LOCUST_OK;
}

/* Is there nothing to read, not even an end? A read that filled its buffer to the last byte leaves
 * that open. */
static bool locust__stream_is_quiet(locust_stream *s)
{
    char byte;
    if (s->fd.source.readable && !s->fd.source.hup &&
        recv(s->fd.source.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
        s->fd.source.readable = false;
    return !s->fd.source.readable && !s->fd.source.hup;
}

static locust_error locust__stream_woken(enum locust__wake why, locust_error timeout)
{
    return why == LOCUST__CANCELLED   ? LOCUST_ERR_CANCELLED
           : why == LOCUST__TIMED_OUT ? timeout
                                      : LOCUST_OK;
}

static locust_error locust__stream_connect(
    locust_stream *s, const locust__addr *to, int64_t deadline_ns) LOCUST__PARKS
{
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_STREAM), failed = 0;
    socklen_t len = sizeof failed;
    locust_error error;
    if (fd < 0)
        return locust__net_error(-fd);
    if (LOCUST__SYS(connect)(fd, &to->as.any, to->len) != 0 && errno != EINPROGRESS) {
        error =
            errno == EAGAIN ? LOCUST_ERR_REFUSED : locust__net_error(errno); // unix: backlog full
        close(fd);
        return error;
    }
    error = locust__stream_adopt(s, fd);
    if (error)
        return error;
    while (!error && !s->fd.source.writable)
        error = locust__stream_woken(
            locust__fd_wait_write(s->net->loop, &s->fd, deadline_ns), LOCUST_ERR_CONNECT_TIMEOUT);
    if (!error && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 && failed)
        error = failed == ETIMEDOUT ? LOCUST_ERR_CONNECT_TIMEOUT : locust__net_error(failed);
    if (error)
        locust__stream_close(s);
    return error;
}

/* The machine lacks what this user needs: says so once, and keeps the user for a second. Users that
 * failed at once would only take the processor from those that work. */
static void locust__net_pause(locust__net *net, locust_error error, int64_t *own_ns) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns();
    locust__net_advise(net, error);
    locust__co_sleep(net->loop, began_ns + LOCUST__S);
    *own_ns += locust__os_now_ns() - began_ns;
}

/* Waits for a turn to connect; the deadline moves on by what that took, for it is the generator's
 * own doing. */
static locust_error locust__net_take_turn(locust__net *net, int64_t *deadline_ns) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns(), took_ns;
    enum locust__wake why = locust__semaphore_take(net->loop, &net->connects, LOCUST__NEVER);
    took_ns = locust__os_now_ns() - began_ns;
    *deadline_ns = locust__base_after(*deadline_ns, took_ns);
    if (took_ns > LOCUST__S && !net->told_queue) {
        net->told_queue = true;
        locust__log_print(net->log, LOCUST__WARNING, "locust.runners",
            "users wait for their turn to connect: %d connects are in flight and the server does "
            "not "
            "take them any faster; the wait is in no response time",
            LOCUST__CONNECTS);
    }
    return locust__stream_woken(why, LOCUST_ERR_CONNECT_TIMEOUT);
}

/* Connects, when its turn has come. *deadline_ns moves on, and *own_ns grows, by what was the
 * generator's own time. */
static locust_error locust__stream_dial(
    locust_stream *s, const locust__addr *to, int64_t *deadline_ns, int64_t *own_ns) LOCUST__PARKS
{
    locust__net *net = s->net;
    int64_t began_ns = locust__os_now_ns();
    locust_error error = locust__net_take_turn(net, deadline_ns);
    *own_ns += locust__os_now_ns() - began_ns;
    if (error)
        return error;
    error = locust__stream_connect(s, to, *deadline_ns);
    locust__semaphore_give(net->loop, &net->connects);
    if (locust__net_lacks(error))
        locust__net_pause(net, error, own_ns);
    return error;
}

/* Moves unread bytes out of the scratch buffer, before a park or a return to the test's code. */
static locust_error locust__stream_settle(locust_stream *s)
{
    if (!s->in_len) { // an idle stream holds no buffer
        LOCUST_FREE(s->own);
        s->own = NULL;
        s->own_cap = 0;
    }
    if (!s->in_len || s->own)
        return LOCUST_OK;
    s->own = LOCUST_MALLOC(s->in_len + 4096);
    if (!s->own) {
        locust__stream_close(s); // its bytes are lost
        return LOCUST_ERR_MEMORY;
    }
    memcpy(s->own, s->in, s->in_len);
    s->own_cap = s->in_len + 4096;
    s->in = s->own;
    return LOCUST_OK;
}

/* Where the next bytes go, behind the unread ones, and how many fit. */
static char *locust__stream_room(locust_stream *s, size_t *room)
{
    char *scratch = s->net->loop->scratch;
    if (!s->in_len) {
        LOCUST_FREE(s->own);
        s->own = NULL;
        s->in = scratch;
    }
    if (!s->own) {
        size_t at = (size_t)(s->in - scratch) + s->in_len;
        *room = LOCUST__SCRATCH - at;
        if (*room)
            return scratch + at;
        if (locust__stream_settle(s))
            return NULL;
    }
    if (s->in != s->own)
        memmove(s->own, s->in, s->in_len);
    s->in = s->own;
    if (s->own_cap - s->in_len < 2048) {
        char *own = LOCUST_REALLOC(s->own, 2 * s->own_cap);
        if (!own)
            return NULL;
        s->in = s->own = own;
        s->own_cap *= 2;
    }
    *room = s->own_cap - s->in_len;
    return s->own + s->in_len;
}

/* recv with the poller's flags kept true: a short read of a stream means drained, unless the peer
 * has hung up and its FIN or error is still to be read. *got 0: nothing there yet. */
static locust_error locust__stream_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    int64_t stamp_ns;
    ssize_t rc;
    do
        rc = locust__os_recv(s->fd.source.fd, to, n, &stamp_ns);
    while (rc < 0 && errno == EINTR);
    *got = rc > 0 ? (size_t)rc : 0;
    if (rc > 0)
        s->arrived_ns = stamp_ns ? stamp_ns - s->net->loop->epoch_ns : 0;
    s->burst += *got;
    if ((rc < 0 && errno == EAGAIN) || (rc > 0 && *got < n && !s->fd.source.hup))
        s->fd.source.readable = false;
    if (rc == 0)
        return LOCUST_ERR_CLOSED;
    return rc < 0 && errno != EAGAIN ? locust__net_error(errno) : LOCUST_OK;
}

/* Waits until a recv is worth its while. Who reads a lot without ever having to wait lets the
 * others have their turn, and looks at the clock. */
static locust_error locust__stream_await(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    locust_error error;
    if (!locust__stream_is_open(s))
        return LOCUST_ERR_CLOSED;
    if (s->fd.source.readable && s->burst < LOCUST__BURST)
        return LOCUST_OK;
    error = locust__stream_settle(s);
    if (error)
        return error;
    if (s->fd.source.readable) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WOKEN && loop->now_ns >= deadline_ns)
            why = LOCUST__TIMED_OUT;
    } else {
        why = locust__fd_wait_read(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Reads more bytes behind the unread ones: LOCUST_OK, LOCUST_ERR_CLOSED at the stream's end, or
 * what went wrong. s->in may move. */
static locust_error locust__stream_fill(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        locust_error error = locust__stream_await(s, deadline_ns);
        size_t room, got;
        char *at;
        if (error)
            return error;
        if (!locust__stream_is_open(s))
            continue;
        at = locust__stream_room(s, &room);
        if (!at)
            return LOCUST_ERR_MEMORY;
        error = locust__stream_recv(s, at, room, &got);
        s->in_len += got;
        if (error || got)
            return error;
    }
}

static void locust__stream_take(locust_stream *s, size_t n)
{
    s->in += n;
    s->in_len -= n;
}

/* Copies 1 to n unread bytes out; with none left reads straight into `to`. *got: how many. */
static locust_error locust__stream_read(
    locust_stream *s, char *to, size_t n, size_t *got, int64_t deadline_ns) LOCUST__PARKS
{
    *got = n < s->in_len ? n : s->in_len;
    if (*got) {
        memcpy(to, s->in, *got);
        locust__stream_take(s, *got);
        return LOCUST_OK;
    }
    for (;;) {
        locust_error error = locust__stream_await(s, deadline_ns);
        if (!error && locust__stream_is_open(s))
            error = locust__stream_recv(s, to, n, got);
        if (error || *got)
            return error;
    }
}

static ssize_t locust__stream_send(locust_stream *s, struct iovec *iov, int n)
{
    struct msghdr message;
    ssize_t sent;
    memset(&message, 0, sizeof message);
    message.msg_iov = iov;
    message.msg_iovlen = (size_t)n;
    do
        sent = n == 1 ? LOCUST__SYS(send)(
                            s->fd.source.fd, iov->iov_base, iov->iov_len, LOCUST__SEND_FLAGS)
                      : LOCUST__SYS(sendmsg)(s->fd.source.fd, &message, LOCUST__SEND_FLAGS);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* Waits until the stream takes more, or lets the others have their turn after a lot of bytes. */
static locust_error locust__stream_await_room(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    if (s->fd.source.writable) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WOKEN && loop->now_ns >= deadline_ns)
            why = LOCUST__TIMED_OUT;
    } else {
        why = locust__fd_wait_write(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Sends `head` and then `body`. The head may lie in the scratch buffer: what is left of it is
 * copied before the first park. */
static locust_error locust__stream_write(
    locust_stream *s, locust__view head, locust__view body, int64_t deadline_ns) LOCUST__PARKS
{
    char *kept = NULL;
    locust_error error = LOCUST_OK;
    while (!error && head.len + body.len) {
        struct iovec iov[2] = {
            {(void *)(uintptr_t)head.ptr, head.len}, {(void *)(uintptr_t)body.ptr, body.len}};
        ssize_t sent = -1;
        if (!locust__stream_is_open(s)) {
            error = LOCUST_ERR_CLOSED;
            break;
        }
        if (s->burst < LOCUST__BURST) {
            sent = locust__stream_send(s, head.len ? iov : iov + 1, head.len && body.len ? 2 : 1);
            if (sent < 0 && errno == EAGAIN)
                s->fd.source.writable = false;
            else if (sent < 0)
                error = locust__net_error(errno);
        }
        if (sent >= 0) {
            size_t of_head = (size_t)sent < head.len ? (size_t)sent : head.len;
            head.ptr += of_head;
            head.len -= of_head;
            body.ptr += (size_t)sent - of_head;
            body.len -= (size_t)sent - of_head;
            s->burst += (size_t)sent;
        } else if (!error) {
            if (head.len && !kept) {
                kept = locust__base_copy(head.ptr, head.len);
                head.ptr = kept;
                error = kept ? LOCUST_OK : LOCUST_ERR_MEMORY;
            }
            if (!error)
                error = locust__stream_await_room(s, deadline_ns);
        }
    }
    LOCUST_FREE(kept);
    return error;
}

/* -- servers, for tools and the kit's own endpoints -- */

/* Listens on an address; `to` gets the port that was chosen. */
LOCUST__UNUSED static locust_error locust__net_listen(
    locust__net *net, locust__fd *listener, locust__addr *to, int backlog)
{
    int on = 1, rc = 0;
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_STREAM);
    if (fd < 0)
        return locust__net_error(-fd);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &to->as.any, to->len) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, &to->as.any, &to->len) != 0)
        rc = -errno;
    else
        rc = locust__fd_open(net->loop, listener, fd);
    if (rc < 0)
        close(fd);
    return rc < 0 ? locust__net_error(-rc) : LOCUST_OK;
}

/* Waits for a connection. When descriptors are short it waits for a moment and tries again. */
LOCUST__UNUSED static locust_error locust__net_accept(
    locust__net *net, locust__fd *listener, locust_stream *s) LOCUST__PARKS
{
    for (;;) {
        int fd = locust__os_accept(listener->source.fd);
        locust_error error;
        if (fd >= 0) {
            locust__stream_init(s, net);
            return locust__stream_adopt(s, fd);
        }
        if (fd == -EAGAIN) {
            listener->source.readable = false;
            error = locust__stream_woken(
                locust__fd_wait_read(net->loop, listener, LOCUST__NEVER), LOCUST_OK);
        } else if (fd == -EINTR || fd == -ECONNABORTED) {
            error = LOCUST_OK;
        } else {
            error = locust__stream_woken(
                locust__co_sleep(net->loop, net->loop->now_ns + 10 * LOCUST__MS), LOCUST_OK);
        }
        if (error)
            return error;
    }
}

/* ============================================================================================
 * >>resolve  host names to addresses
 *
 * Purpose     an address for a host name without stalling the loop: literal addresses, the hosts
 *             file, then the name servers of resolv.conf.
 * Invariants  one lookup of a name at a time, in a coroutine of its own; who wants the name waits
 *             for it until its own deadline. Answers are kept for their TTL, refusals for a second.
 *             IPv4 goes before IPv6.
 * Cost        two UDP packets a name and TTL; the hosts file is read once a lookup.
 * Uses        >>net
 * Sources     RFC 1035 (messages), RFC 6761 (localhost), resolv.conf(5), hosts(5).
 * Limits      UDP alone: of a truncated answer what fits is used. No nsswitch, no mDNS.
 * ============================================================================================ */

enum { LOCUST__ADDRS = 8, LOCUST__SERVERS = 3, LOCUST__SEARCH = 6, LOCUST__NAME = 254 };

typedef struct locust__host { // a name and what is known of it
    struct locust__host *next;
    locust__addr addrs[LOCUST__ADDRS]; // port 0
    int n_addrs;
    int64_t expires_ns;
    locust_error error;
    struct locust__resolver *resolver;
    locust__co *lookup; // the coroutine that looks it up; NULL: nobody does
    locust__fd fd;      // its socket
    locust__queue waiters;
    char name[];
} locust__host;

typedef struct locust__resolver {
    locust__net *net;
    locust__host *hosts;
    const char *hosts_path, *resolv_path;
    locust__group lookups;
    bool loaded;
    locust__addr servers[LOCUST__SERVERS];
    int n_servers, timeout_s, attempts, ndots;
    char search[LOCUST__SEARCH][LOCUST__NAME];
    int n_search;
} locust__resolver;

static void locust__resolver_init(locust__resolver *r, locust__net *net)
{
    memset(r, 0, sizeof *r);
    r->net = net;
    r->hosts_path = "/etc/hosts";
    r->resolv_path = "/etc/resolv.conf";
    r->timeout_s = 5;
    r->attempts = 2;
    r->ndots = 1;
}

static void locust__resolver_free(locust__resolver *r)
{
    while (r->hosts) {
        locust__host *host = r->hosts;
        r->hosts = host->next;
        LOCUST_FREE(host);
    }
}

/* A literal IPv4 or IPv6 address. */
static bool locust__addr_parse(locust__addr *a, const char *text, int port)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &a->as.in.sin_addr) == 1) {
        a->as.in.sin_family = AF_INET;
        a->as.in.sin_port = htons((uint16_t)port);
        a->len = sizeof a->as.in;
        return true;
    }
    if (inet_pton(AF_INET6, text, &a->as.in6.sin6_addr) == 1) {
        a->as.in6.sin6_family = AF_INET6;
        a->as.in6.sin6_port = htons((uint16_t)port);
        a->len = sizeof a->as.in6;
        return true;
    }
    return false;
}

static void locust__addr_set_port(locust__addr *a, int port)
{
    if (a->as.any.sa_family == AF_INET6)
        a->as.in6.sin6_port = htons((uint16_t)port);
    else
        a->as.in.sin_port = htons((uint16_t)port);
}

/* The whole of a small file, as text; empty if it is not there. */
static locust__buf locust__resolver_file(const char *path)
{
    locust__buf text = {NULL, 0, 0, false};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    while (fd >= 0 && got > 0 && text.len < 1 << 20 && locust__buf_reserve(&text, 4096)) {
        got = read(fd, text.ptr + text.len, text.cap - text.len - 1);
        text.len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    if (text.ptr)
        text.ptr[text.len] = '\0';
    return text;
}

/* IPv4 addresses go before IPv6 ones, each kind in the order it came. */
static void locust__host_add(locust__host *host, const locust__addr *addr)
{
    int at = host->n_addrs;
    if (at == LOCUST__ADDRS)
        return;
    for (; at && addr->as.any.sa_family == AF_INET &&
           host->addrs[at - 1].as.any.sa_family == AF_INET6;
         at--)
        host->addrs[at] = host->addrs[at - 1];
    host->addrs[at] = *addr;
    host->n_addrs++;
}

/* Addresses of the name in the hosts file; localhost is known without one. */
static void locust__resolver_hosts(const locust__resolver *r, locust__host *host)
{
    locust__buf text = locust__resolver_file(r->hosts_path);
    char *line_end = NULL, *line, *word_end = NULL;
    locust__addr addr;
    for (line = text.ptr ? strtok_r(text.ptr, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        char *word;
        line[strcspn(line, "#")] = '\0';
        word = strtok_r(line, " \t\r", &word_end);
        if (!word || !locust__addr_parse(&addr, word, 0))
            continue;
        while ((word = strtok_r(NULL, " \t\r", &word_end)) != NULL)
            if (strcasecmp(word, host->name) == 0)
                locust__host_add(host, &addr);
    }
    locust__buf_free(&text);
    if (!host->n_addrs && strcasecmp(host->name, "localhost") == 0) {
        locust__addr_parse(&addr, "127.0.0.1", 0);
        locust__host_add(host, &addr);
    }
}

static void locust__resolver_option(locust__resolver *r, const char *word)
{
    static const struct {
        const char *name;
        int max;
    } known[] = {{"timeout:", 30}, {"attempts:", 5}, {"ndots:", 15}};
    int *fields[] = {&r->timeout_s, &r->attempts, &r->ndots};
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(known[i].name);
        if (strncmp(word, known[i].name, len) == 0) {
            int value = atoi(word + len);
            *fields[i] = value < 0 ? 0 : value > known[i].max ? known[i].max : value;
        }
    }
}

static void locust__resolver_load(locust__resolver *r)
{
    locust__buf text = locust__resolver_file(r->resolv_path);
    char *line_end = NULL, *word_end = NULL;
    for (char *line = text.ptr ? strtok_r(text.ptr, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        char *key = strtok_r(line, " \t\r", &word_end), *word;
        if (!key)
            continue;
        if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0)
            r->n_search = 0; // the last such line counts
        while ((word = strtok_r(NULL, " \t\r", &word_end)) != NULL) {
            if (strcmp(key, "nameserver") == 0 && r->n_servers < LOCUST__SERVERS)
                r->n_servers += locust__addr_parse(&r->servers[r->n_servers], word, 53);
            else if (strcmp(key, "options") == 0)
                locust__resolver_option(r, word);
            else if ((strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) &&
                     r->n_search < LOCUST__SEARCH && strlen(word) < LOCUST__NAME)
                memcpy(r->search[r->n_search++], word, strlen(word) + 1);
        }
    }
    locust__buf_free(&text);
    if (r->timeout_s < 1)
        r->timeout_s = 1;
    if (r->attempts < 1)
        r->attempts = 1;
    if (!r->n_servers) { // resolv.conf(5)
        locust__addr_parse(&r->servers[0], "127.0.0.1", 53);
        r->n_servers = 1;
    }
    r->loaded = true;
}

/* -- messages, RFC 1035 section 4 -- */

enum { LOCUST__DNS_A = 1, LOCUST__DNS_AAAA = 28, LOCUST__DNS_MAX = 512 };

/* A query in `out`; returns its length, 0 if the name cannot be one. */
static size_t locust__dns_query(unsigned char *out, unsigned id, const char *name, int type)
{
    size_t n = 12, name_len = strlen(name);
    memset(out, 0, 12);
    out[0] = (unsigned char)(id >> 8);
    out[1] = (unsigned char)id;
    out[2] = 1; // recursion desired
    out[5] = 1; // one question
    if (name_len && name[name_len - 1] == '.')
        name_len--;
    if (!name_len || name_len > 253)
        return 0;
    for (size_t at = 0; at <= name_len;) {
        size_t label = 0;
        while (at + label < name_len && name[at + label] != '.')
            label++;
        if (!label || label > 63)
            return 0;
        out[n++] = (unsigned char)label;
        memcpy(out + n, name + at, label);
        n += label;
        at += label + 1;
    }
    out[n++] = 0;
    out[n++] = 0;
    out[n++] = (unsigned char)type;
    out[n++] = 0;
    out[n++] = 1; // class IN
    return n;
}

/* Position behind the name at `at`; 0: it runs out of the message. Names are not followed. */
static size_t locust__dns_skip_name(const unsigned char *m, size_t n, size_t at)
{
    while (at < n) {
        if (m[at] == 0)
            return at + 1;
        if ((m[at] & 0xC0) == 0xC0)
            return at + 2 <= n ? at + 2 : 0;
        if (m[at] & 0xC0)
            return 0;
        at += (size_t)m[at] + 1;
    }
    return 0;
}

/* Is `m` the answer to query `q`? Servers may change the case of letters, not more. */
static bool locust__dns_answers(
    const unsigned char *m, size_t n, const unsigned char *q, size_t q_len)
{
    if (n < q_len || m[0] != q[0] || m[1] != q[1] || !(m[2] & 0x80) || m[4] != 0 || m[5] != 1)
        return false;
    for (size_t i = 12; i < q_len; i++)
        if (locust__base_lower((char)m[i]) != locust__base_lower((char)q[i]))
            return false;
    return true;
}

/* Adds the addresses of an answer to the host. A CNAME chain needs no following: the server put
 * the addresses at its end into the same answer. */
static locust_error locust__dns_read(
    locust__host *host, const unsigned char *m, size_t n, size_t at, int64_t *ttl_s)
{
    int rcode = m[3] & 15, count = m[6] << 8 | m[7];
    if (rcode == 3)
        return LOCUST_ERR_NAME;
    if (rcode != 0)
        return LOCUST_ERR_NAME_SERVER;
    for (; count > 0; count--) {
        locust__addr addr;
        size_t len;
        int64_t ttl;
        int type;
        at = locust__dns_skip_name(m, n, at);
        if (!at || n - at < 10)
            break;
        type = m[at] == 0 && m[at + 2] == 0 && m[at + 3] == 1 ? m[at + 1] : 0; // of class IN
        len = (size_t)m[at + 8] << 8 | m[at + 9];
        ttl = (int64_t)m[at + 4] << 24 | m[at + 5] << 16 | m[at + 6] << 8 | m[at + 7];
        if (n - at - 10 < len)
            break;
        memset(&addr, 0, sizeof addr);
        if (type == LOCUST__DNS_A && len == 4) {
            addr.as.in.sin_family = AF_INET;
            memcpy(&addr.as.in.sin_addr, m + at + 10, 4);
            addr.len = sizeof addr.as.in;
        } else if (type == LOCUST__DNS_AAAA && len == 16) {
            addr.as.in6.sin6_family = AF_INET6;
            memcpy(&addr.as.in6.sin6_addr, m + at + 10, 16);
            addr.len = sizeof addr.as.in6;
        }
        if (addr.len) {
            if (ttl >> 31) // RFC 2181 section 8
                ttl = 0;
            locust__host_add(host, &addr);
            *ttl_s = ttl < *ttl_s ? ttl : *ttl_s;
        }
        at += 10 + len;
    }
    return LOCUST_OK;
}

typedef struct locust__question { // A or AAAA of one name
    unsigned char query[LOCUST__DNS_MAX];
    size_t len;
    bool answered;
    locust_error error; // of its answer
} locust__question;

static locust_error locust__question_send(
    locust__question *q, locust__loop *loop, int fd, const char *name, int type)
{
    unsigned id = (unsigned)locust__base_random(&loop->random) & 0xFFFF;
    q->answered = false;
    q->len = locust__dns_query(q->query, id, name, type);
    if (!q->len)
        return LOCUST_ERR_NAME;
    return send(fd, q->query, q->len, LOCUST__SEND_FLAGS) < 0 ? LOCUST_ERR_NAME_SERVER : LOCUST_OK;
}

/* Takes messages until both questions have their answers. */
static locust_error locust__question_wait(
    locust__host *host, locust__question q[2], int64_t deadline_ns, int64_t *ttl_s) LOCUST__PARKS
{
    locust__loop *loop = host->resolver->net->loop;
    while (!(q[0].answered && q[1].answered)) {
        unsigned char *m = (unsigned char *)loop->scratch;
        locust_error error = locust__stream_woken(
            locust__fd_wait_read(loop, &host->fd, deadline_ns), LOCUST_ERR_NAME_TIMEOUT);
        ssize_t n = error ? 0 : recv(host->fd.source.fd, m, LOCUST__SCRATCH, 0);
        if (error)
            return error;
        if (n < 0) {
            host->fd.source.readable = false;
            if (errno != EAGAIN)
                return LOCUST_ERR_NAME_SERVER; // ICMP says that nobody listens there
            continue;
        }
        for (int i = 0; i < 2; i++)
            if (!q[i].answered && locust__dns_answers(m, (size_t)n, q[i].query, q[i].len)) {
                q[i].answered = true;
                q[i].error = locust__dns_read(host, m, (size_t)n, q[i].len, ttl_s);
            }
        if (locust__co_yield(loop) == LOCUST__CANCELLED) // a flood shall not stop the others
            return LOCUST_ERR_CANCELLED;
        if (loop->now_ns >= deadline_ns && !(q[0].answered && q[1].answered))
            return LOCUST_ERR_NAME_TIMEOUT;
    }
    // One refused question does not spoil the other: RFC 4074 describes such servers.
    return host->n_addrs ? LOCUST_OK : q[0].error ? q[0].error : q[1].error;
}

/* Asks one server for A and AAAA. LOCUST_OK: it spoke, with or without addresses. */
static locust_error locust__resolver_ask(locust__resolver *r, const locust__addr *server,
    const char *name, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    locust__loop *loop = r->net->loop;
    locust__question q[2];
    int64_t deadline_ns = locust__os_now_ns() + r->timeout_s * LOCUST__S;
    locust_error error;
    int fd = locust__os_socket(server->as.any.sa_family, SOCK_DGRAM);
    if (fd < 0)
        return locust__net_error(-fd);
    if (connect(fd, &server->as.any, server->len) != 0 ||
        locust__fd_open(loop, &host->fd, fd) < 0) {
        close(fd);
        return LOCUST_ERR_NAME_SERVER;
    }
    error = locust__question_send(&q[0], loop, fd, name, LOCUST__DNS_A);
    if (!error)
        error = locust__question_send(&q[1], loop, fd, name, LOCUST__DNS_AAAA);
    if (!error)
        error = locust__question_wait(host, q, deadline_ns, ttl_s);
    locust__fd_close(loop, &host->fd);
    return host->n_addrs && error != LOCUST_ERR_CANCELLED ? LOCUST_OK : error;
}

/* Asks the servers in turn for exactly this name. */
static locust_error locust__resolver_name(
    locust__resolver *r, const char *name, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    locust_error error = LOCUST_ERR_NAME_SERVER;
    for (int attempt = 0; attempt < r->attempts; attempt++)
        for (int i = 0; i < r->n_servers; i++) {
            error = locust__resolver_ask(r, &r->servers[i], name, host, ttl_s);
            if (!error)
                return host->n_addrs ? LOCUST_OK : LOCUST_ERR_NAME;
            if (error == LOCUST_ERR_NAME || error == LOCUST_ERR_CANCELLED)
                return error;
        }
    return error;
}

/* The name itself and the name in the search domains, in the order of resolv.conf(5). */
static locust_error locust__resolver_search(
    locust__resolver *r, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    size_t len = strlen(host->name);
    bool absolute = len && host->name[len - 1] == '.';
    int dots = 0, tries = absolute ? 1 : r->n_search + 1;
    locust_error error = LOCUST_ERR_NAME;
    for (const char *c = host->name; *c; c++)
        dots += *c == '.';
    for (int i = 0; i < tries && error == LOCUST_ERR_NAME; i++) {
        char full[2 * LOCUST__NAME];
        int domain = absolute || dots >= r->ndots ? i - 1 : i < r->n_search ? i : -1;
        if (len >= LOCUST__NAME)
            break;
        if (domain >= 0)
            snprintf(full, sizeof full, "%s.%s", host->name, r->search[domain]);
        else
            memcpy(full, host->name, len + 1);
        error = locust__resolver_name(r, full, host, ttl_s);
    }
    return error;
}

/* The coroutine that looks a name up. */
static void locust__host_look_up(void *arg)
{
    locust__host *host = arg;
    locust__resolver *r = host->resolver;
    int64_t ttl_s = 3600;
    host->n_addrs = 0;
    host->error = LOCUST_OK;
    if (!r->loaded)
        locust__resolver_load(r);
    locust__resolver_hosts(r, host);
    if (!host->n_addrs)
        host->error = locust__resolver_search(r, host, &ttl_s);
    if (host->error || ttl_s < 1)
        ttl_s = 1;
    host->expires_ns = locust__os_now_ns() + ttl_s * LOCUST__S;
    if (host->error == LOCUST_ERR_CANCELLED)
        host->expires_ns = 0; // no answer: the next test asks again
    host->lookup = NULL;
    while (host->waiters.first)
        locust__co_wake(r->net->loop, host->waiters.first, LOCUST__WOKEN);
}

/* Ends the lookups that are under way; nobody waits for them any more. */
static void locust__resolver_stop(locust__resolver *r) LOCUST__PARKS
{
    for (locust__host *host = r->hosts; host; host = host->next)
        if (host->lookup)
            locust__co_cancel(r->net->loop, host->lookup);
    locust__group_join(r->net->loop, &r->lookups, LOCUST__NEVER);
}

/* What is known of a name, looked up first if it is new or its time is over. It stays where it is
 * until the resolver is freed; another lookup may change the addresses in it. */
static locust_error locust__resolver_host(
    locust__resolver *r, const char *name, int64_t deadline_ns, locust__host **out) LOCUST__PARKS
{
    locust__loop *loop = r->net->loop;
    locust__host *host;
    size_t len = strlen(name);
    for (host = r->hosts; host && strcasecmp(host->name, name) != 0;)
        host = host->next;
    if (!host) {
        host = locust__base_zalloc(sizeof *host + len + 1);
        if (!host)
            return LOCUST_ERR_MEMORY;
        memcpy(host->name, name, len + 1);
        host->resolver = r;
        host->next = r->hosts;
        r->hosts = host;
        if (locust__addr_parse(&host->addrs[0], name, 0)) {
            host->n_addrs = 1;
            host->expires_ns = LOCUST__NEVER;
        }
    }
    while (host->lookup || loop->now_ns >= host->expires_ns) {
        locust_error error;
        if (!host->lookup)
            host->lookup = locust__co_start(
                loop, "the name lookup", 0, locust__host_look_up, host, &r->lookups);
        if (!host->lookup)
            return LOCUST_ERR_MEMORY;
        error = locust__stream_woken(
            locust__queue_wait(loop, &host->waiters, deadline_ns), LOCUST_ERR_NAME_TIMEOUT);
        if (error)
            return error;
    }
    *out = host;
    return host->error;
}

/* Connects to one address of a host after the other; each gets its share of the time left.
 * *deadline_ns and *own_ns: as in locust__stream_dial. */
static locust_error locust__resolver_dial(locust__resolver *r, locust_stream *s, const char *name,
    int port, int64_t *deadline_ns, int64_t *own_ns) LOCUST__PARKS
{
    locust__host *host = NULL;
    locust_error error = locust__resolver_host(r, name, *deadline_ns, &host);
    int n = error ? 0 : host->n_addrs;
    if (locust__net_lacks(error))
        locust__net_pause(r->net, error, own_ns);
    for (int i = 0; i < n; i++) {
        int64_t now = locust__os_now_ns(), own_before = *own_ns, share = *deadline_ns;
        locust__addr addr = host->addrs[i]; // another lookup may change them during a park
        locust__addr_set_port(&addr, port);
        if (share != LOCUST__NEVER)
            share = now + (share - now) / (n - i);
        error = locust__stream_dial(s, &addr, &share, own_ns);
        *deadline_ns = locust__base_after(*deadline_ns, *own_ns - own_before);
        if (!error || error == LOCUST_ERR_CANCELLED || locust__net_lacks(error))
            break;
    }
    return error;
}

/* ============================================================================================
 * >>url  URLs and origins
 *
 * Purpose     take a URL apart; write a request target as it goes over the wire.
 * Uses        >>base
 * Sources     RFC 3986; Locust's client for what it escapes: everything outside the reserved and
 *             unreserved characters, and '%' is left alone.
 * Limits      hosts of up to 253 bytes, as DNS has them.
 * ============================================================================================ */

typedef struct locust__url {                    // views into the text
    locust__view scheme, user_info, host, rest; // rest: path and query, without fragment
    int port;                                   // 0: none given
} locust__url;

/* Splits scheme://[user@]host[:port][rest]. */
static locust_error locust__url_parse(const char *text, locust__url *url)
{
    const char *p = strstr(text, "://"), *end, *at;
    memset(url, 0, sizeof *url);
    if (!p || p == text)
        return LOCUST_ERR_URL;
    url->scheme = (locust__view){text, (size_t)(p - text)};
    p += 3;
    end = p + strcspn(p, "/?#");
    for (at = end; at > p && at[-1] != '@';)
        at--;
    if (at > p) {
        url->user_info = (locust__view){p, (size_t)(at - 1 - p)};
        p = at;
    }
    if (*p == '[') { // an IPv6 literal
        const char *close = memchr(p, ']', (size_t)(end - p));
        char address[INET6_ADDRSTRLEN];
        struct in6_addr unused;
        size_t len = close ? (size_t)(close - p - 1) : sizeof address;
        if (len >= sizeof address)
            return LOCUST_ERR_URL;
        memcpy(address, p + 1, len);
        address[len] = '\0';
        if (inet_pton(AF_INET6, address, &unused) != 1)
            return LOCUST_ERR_URL;
        url->host = (locust__view){p + 1, (size_t)(close - p - 1)};
        p = close + 1;
    } else {
        const char *colon = memchr(p, ':', (size_t)(end - p));
        url->host = (locust__view){p, (size_t)((colon ? colon : end) - p)};
        p = colon ? colon : end;
    }
    if (!url->host.len || url->host.len > 253 || (p < end && *p != ':'))
        return LOCUST_ERR_URL;
    if (p < end && end - p == 1) // "host:" has the default port
        p = end;
    if (p < end) {
        for (p++; p < end; p++) {
            if (!locust__base_digit(*p) || url->port > 6553)
                return LOCUST_ERR_URL;
            url->port = url->port * 10 + (*p - '0');
        }
        if (url->port < 1 || url->port > 65535)
            return LOCUST_ERR_URL;
    }
    for (size_t i = 0; i < url->host.len; i++)
        if ((unsigned char)url->host.ptr[i] <= ' ' || url->host.ptr[i] == 127)
            return LOCUST_ERR_URL;
    url->rest = (locust__view){end, strcspn(end, "#")};
    return LOCUST_OK;
}

/* Appends one byte as %XX. */
static void locust__url_add_escaped(locust__buf *out, char c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char text[3] = {'%', hex[(unsigned char)c >> 4], hex[c & 15]};
    locust__buf_add_tight(out, text, 3);
}

/* Appends text as it is sent in a target: percent-encoded where it must be, the fragment
 * dropped. */
static void locust__url_add(locust__buf *out, locust__view text)
{
    if (!locust__buf_reserve_tight(out, text.len + 2))
        return;
    for (size_t i = 0; i < text.len && text.ptr[i] != '#'; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > ' ' && c < 127 && !strchr("\"<>\\^`{|}", c))
            locust__buf_add_tight(out, text.ptr + i, 1);
        else
            locust__url_add_escaped(out, text.ptr[i]);
    }
}

/* Appends text as application/x-www-form-urlencoded has it (WHATWG URL 5.2): a blank is '+'. */
static void locust__url_add_form(locust__buf *out, const char *text)
{
    for (; *text; text++) {
        bool plain = locust__base_digit(*text) ||
                     (locust__base_lower(*text) >= 'a' && locust__base_lower(*text) <= 'z') ||
                     strchr("-._~", *text);
        if (plain || *text == ' ')
            locust__buf_add_tight(out, plain ? text : "+", 1);
        else
            locust__url_add_escaped(out, *text);
    }
}

/* Appends name=value&name=value; `lead`, if any, goes before the first. */
static void locust__url_add_pairs(locust__buf *out, const locust_pair *pairs, const char *lead)
{
    for (; pairs && pairs->name; pairs++, lead = "&") {
        locust__buf_add_tight(out, lead, strlen(lead));
        locust__url_add_form(out, pairs->name);
        locust__buf_add_tight(out, "=", 1);
        locust__url_add_form(out, pairs->value ? pairs->value : "");
    }
}

/* Takes dot segments out of the path that begins at `at`, RFC 3986 5.2.4. */
static void locust__url_remove_dots(locust__buf *url, size_t at)
{
    char *p = url->ptr + at, *to = p, *end = url->ptr + url->len;
    char *query = memchr(p, '?', (size_t)(end - p)), *stop = query ? query : end;
    while (p < stop) {
        size_t n = 1;
        while (p + n < stop && p[n] != '/')
            n++;
        if (n == 2 && p[1] == '.') {
            if (p + n == stop)
                *to++ = '/';
        } else if (n == 3 && p[1] == '.' && p[2] == '.') {
            while (to > url->ptr + at && *--to != '/')
                ;
            if (p + n == stop)
                *to++ = '/';
        } else {
            memmove(to, p, n);
            to += n;
        }
        p += n;
    }
    memmove(to, stop, (size_t)(end - stop));
    url->len = (size_t)(to - url->ptr) + (size_t)(end - stop);
}

/* Writes the URL that `reference` means on the page `base`, an absolute http URL: RFC 3986
 * 5.2.2. */
static locust_error locust__url_resolve(locust__buf *out, const char *base, const char *reference)
{
    locust__url url;
    locust_error error = locust__url_parse(base, &url);
    size_t scheme = strcspn(reference, ":/?#"), root, path;
    if (error)
        return error;
    if (reference[scheme] == ':') { // absolute
        locust__buf_puts(out, reference);
        return out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
    }
    root = (size_t)(url.rest.ptr - base);
    path = strcspn(url.rest.ptr, "?#");
    if (reference[0] == '/' && reference[1] == '/') {
        locust__buf_add(out, base, url.scheme.len + 1);
    } else {
        locust__buf_add(out, base, root);
        if (*reference == '?' || *reference == '#' || !*reference)
            locust__buf_add(out, url.rest.ptr, *reference == '?' ? path : url.rest.len);
        else if (*reference != '/') {
            while (path && url.rest.ptr[path - 1] != '/')
                path--;
            locust__buf_add(out, path ? url.rest.ptr : "/", path ? path : 1);
        }
    }
    locust__buf_add(out, reference, strcspn(reference, "#"));
    if (reference[0] != '/' || reference[1] != '/')
        locust__url_remove_dots(out, root);
    return out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* A server, as far as connections are concerned; kept once per test. */
typedef struct locust__origin {
    struct locust__origin *next;
    int port;
    char *authority; // host[:port], for the Host field
    char host[];     // without the brackets of IPv6
} locust__origin;

static void locust__origins_free(locust__origin *first)
{
    while (first) {
        locust__origin *origin = first;
        first = origin->next;
        LOCUST_FREE(origin);
    }
}

/* The origin of an http URL, made if it is new. NULL: no memory. */
static locust__origin *locust__origin_of(locust__origin **first, const locust__url *url)
{
    int port = url->port ? url->port : 80;
    locust__origin *origin;
    size_t len = url->host.len;
    const char *format = memchr(url->host.ptr, ':', len) ? "[%.*s]" : "%.*s";
    int n;
    for (origin = *first; origin; origin = origin->next)
        if (origin->port == port && locust__view_is_nocase(url->host, origin->host))
            return origin;
    origin = locust__base_zalloc(sizeof *origin + 2 * len + 16);
    if (!origin)
        return NULL;
    memcpy(origin->host, url->host.ptr, len);
    origin->port = port;
    origin->authority = origin->host + len + 1;
    n = snprintf(origin->authority, len + 3, format, (int)len, url->host.ptr);
    if (port != 80) // RFC 9110 7.2: the default port may be left out
        snprintf(origin->authority + n, 8, ":%d", port);
    origin->next = *first;
    *first = origin;
    return origin;
}

/* ============================================================================================
 * >>http  HTTP/1.1 messages
 *
 * Purpose     write a request's head, read a response, from a stream that delivers bytes in any
 *             pieces.
 * Invariants  nothing is believed that frames the message in two ways. A connection may be kept
 *             only after a complete answer with no byte left over.
 * Cost        one pass over the head, one copy of it and of the body. Memory: what the response
 *             has, within the limits.
 * Uses        >>net >>url
 * Sources     RFC 9112: 2.2 (line ends), 4 (status line), 5 (fields), 6.3 (body length), 7.1
 *             (chunks), 9.3 (reuse). RFC 9110: 15.2 (1xx).
 * Limits      head LOCUST_MAX_HEADER bytes, interim ones and trailers included; body
 *             LOCUST_MAX_BODY; a chunk-size line 4096,
 *             extensions 64 KB in all. Lines may end in a bare LF in heads (2.2), not
 *             between chunks. Trailers are checked and dropped.
 *
 *   what is kept of a head, so that fields can be handed out as C strings:
 *
 *     reason \0  name \0 value \0  name \0 value \0  \0
 * ============================================================================================ */

typedef struct locust__head {
    int status;
    int minor;           // of HTTP/1.x
    bool keep, close;    // tokens of Connection
    bool chunked, coded; // Transfer-Encoding: exactly "chunked", anything else
    bool sized;          // there is a Content-Length
    int64_t length;
} locust__head;

enum locust__body {
    LOCUST__BODY_NONE,
    LOCUST__BODY_SIZED,
    LOCUST__BODY_CHUNKED,
    LOCUST__BODY_CLOSE
};

/* tchar, RFC 9110 5.6.2: a bit for each of the 128 ASCII characters. */
static bool locust__http_token_char(char c)
{
    static const uint64_t bits[2] = {0x03FF6CFA00000000u, 0x57FFFFFFC7FFFFFEu};
    unsigned char u = (unsigned char)c;
    return u < 128 && (bits[u / 64] >> u % 64 & 1);
}

/* How many token characters the text begins with. */
static size_t locust__http_token_len(locust__view v)
{
    size_t n = 0;
    while (n < v.len && locust__http_token_char(v.ptr[n]))
        n++;
    return n;
}

static bool locust__http_is_token(locust__view v)
{
    return v.len > 0 && locust__http_token_len(v) == v.len;
}

/* field-content, RFC 9110 5.5: no control character but HTAB. Eight bytes at a time as long as none
 * of them is below 0x20 or 0x7F: a borrow into the top bit of a byte tells. */
static bool locust__http_is_value(locust__view v)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t word, del;
    size_t i = 0;
    for (; i + 8 <= v.len; i += 8) {
        memcpy(&word, v.ptr + i, 8);
        del = word ^ ones * 0x7F;
        if ((((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops)
            break; // or a tab
    }
    for (; i < v.len; i++)
        if (((unsigned char)v.ptr[i] < ' ' && v.ptr[i] != '\t') || v.ptr[i] == 127)
            return false;
    return true;
}

static locust__view locust__http_trim(locust__view v)
{
    while (v.len && (*v.ptr == ' ' || *v.ptr == '\t'))
        v.ptr++, v.len--;
    while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

/* Takes the next element off a comma-separated list. False: there is none left. */
static bool locust__http_next(locust__view *list, locust__view *element)
{
    const char *comma;
    if (!list->ptr)
        return false;
    comma = list->len ? memchr(list->ptr, ',', list->len) : NULL;
    element->ptr = list->ptr;
    element->len = comma ? (size_t)(comma - list->ptr) : list->len;
    list->len = comma ? list->len - element->len - 1 : 0;
    list->ptr = comma ? comma + 1 : NULL;
    *element = locust__http_trim(*element);
    return true;
}

/* Length of a head with its empty line, 0 if it is not complete. *scanned, 0 at first, lets a
 * second look begin where the first one ended. */
static size_t locust__http_head_end(const char *p, size_t n, size_t *scanned)
{
    size_t at = *scanned;
    while (at < n) {
        const char *lf = memchr(p + at, '\n', n - at);
        size_t next;
        if (!lf)
            break;
        next = (size_t)(lf - p) + 1;
        if (next < n && p[next] == '\n')
            return next + 1;
        if (next + 1 < n && p[next] == '\r' && p[next + 1] == '\n')
            return next + 2;
        if (next + 1 >= n) { // what follows this LF has still to come
            *scanned = next - 1;
            return 0;
        }
        at = next;
    }
    *scanned = n;
    return 0;
}

/* Takes a line off the front of a complete head, without its line end. */
static locust__view locust__http_line(locust__view *head)
{
    const char *lf = memchr(head->ptr, '\n', head->len);
    locust__view line = {head->ptr, (size_t)(lf - head->ptr)};
    head->len -= line.len + 1;
    head->ptr = lf + 1;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* status-line = HTTP-version SP 3DIGIT SP [reason], RFC 9112 4; the last SP may be missing. */
static locust_error locust__http_status_line(
    locust__view line, locust__head *h, locust__view *reason)
{
    const char *p = line.ptr;
    if (line.len < 7 || memcmp(p, "HTTP/1.", 7) != 0)
        return LOCUST_ERR_NOT_HTTP;
    if (line.len < 12 || !locust__base_digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
        !locust__base_digit(p[10]) || !locust__base_digit(p[11]) || (line.len > 12 && p[12] != ' '))
        return LOCUST_ERR_STATUS_LINE;
    h->minor = p[7] - '0';
    h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    *reason = (locust__view){p + 12, line.len - 12};
    *reason = locust__http_trim(*reason);
    return locust__http_is_value(*reason) ? LOCUST_OK : LOCUST_ERR_STATUS_LINE;
}

/* 1*DIGIT; a list of the same number is that number, RFC 9112 6.3. */
static bool locust__http_length(locust__head *h, locust__view value)
{
    locust__view element;
    while (locust__http_next(&value, &element)) {
        int64_t length = 0;
        if (!element.len)
            return false;
        for (size_t i = 0; i < element.len; i++) {
            if (!locust__base_digit(element.ptr[i]) || length > INT64_MAX / 10 - 1)
                return false;
            length = length * 10 + (element.ptr[i] - '0');
        }
        if (h->sized && h->length != length)
            return false;
        h->sized = true;
        h->length = length;
    }
    return true;
}

/* Notes the fields that frame the message. */
static locust_error locust__http_field(locust__head *h, locust__view name, locust__view value)
{
    locust__view element;
    if (name.len != 10 && name.len != 14 && name.len != 17)
        return LOCUST_OK; // none of these three
    if (locust__view_is_nocase(name, "content-length")) {
        if (!locust__http_length(h, value))
            return LOCUST_ERR_LENGTH;
    } else if (locust__view_is_nocase(name, "transfer-encoding")) {
        if (h->chunked || h->coded || !locust__view_is_nocase(value, "chunked"))
            h->coded = true; // no other coding was asked for
        h->chunked = true;
    } else if (locust__view_is_nocase(name, "connection")) {
        while (locust__http_next(&value, &element)) {
            h->close |= locust__view_is_nocase(element, "close");
            h->keep |= locust__view_is_nocase(element, "keep-alive");
        }
    }
    return LOCUST_OK;
}

static void locust__http_keep_text(locust__buf *kept, locust__view text)
{
    locust__buf_add_tight(kept, text.ptr, text.len);
    locust__buf_add_tight(kept, "", 1);
}

/* Splits field-line = field-name ":" OWS field-value OWS. */
static locust_error locust__http_field_line(
    locust__view line, locust__view *name, locust__view *value)
{
    *name = (locust__view){line.ptr, locust__http_token_len(line)};
    // No space goes before the colon, RFC 9112 5.1.
    if (!name->len || name->len == line.len || line.ptr[name->len] != ':')
        return LOCUST_ERR_FIELD;
    *value = (locust__view){line.ptr + name->len + 1, line.len - name->len - 1};
    *value = locust__http_trim(*value);
    return locust__http_is_value(*value) ? LOCUST_OK : LOCUST_ERR_FIELD;
}

/* obs-fold, RFC 9112 5.2: joins the lines that continue the field just kept. *line: the first line
 * that does not. */
static locust_error locust__http_unfold(
    locust__view *head, locust__view name, locust__view *line, locust__buf *kept)
{
    while (line->len && (*line->ptr == ' ' || *line->ptr == '\t')) {
        locust__view more = locust__http_trim(*line);
        if (!locust__http_is_value(more) || locust__view_is_nocase(name, "content-length") ||
            locust__view_is_nocase(name, "transfer-encoding"))
            return LOCUST_ERR_FIELD;
        kept->ptr[kept->len - 1] = ' ';
        locust__http_keep_text(kept, more);
        *line = locust__http_line(head);
    }
    return LOCUST_OK;
}

/* Field lines up to the empty line. */
static locust_error locust__http_fields(locust__view head, locust__head *h, locust__buf *kept)
{
    locust__view line = locust__http_line(&head), name, value;
    while (line.len) {
        size_t value_at;
        locust_error error = locust__http_field_line(line, &name, &value);
        if (error)
            return error;
        locust__http_keep_text(kept, name);
        value_at = kept->len;
        locust__http_keep_text(kept, value);
        line = locust__http_line(&head);
        error = locust__http_unfold(&head, name, &line, kept);
        if (!error)
            error = locust__http_field(h, name, locust__view_of(kept->ptr + value_at));
        if (error)
            return error;
    }
    return LOCUST_OK;
}

/* Parses a complete head (its empty line included) and keeps its texts as in the picture above. */
static locust_error locust__http_parse_head(
    const char *p, size_t n, locust__head *h, locust__buf *kept)
{
    locust__view head = {p, n}, reason;
    locust_error error;
    memset(h, 0, sizeof *h);
    error = locust__http_status_line(locust__http_line(&head), h, &reason);
    if (error)
        return error;
    if (!locust__buf_reserve_tight(kept, n + 2)) // the kept form is no longer than the head
        return LOCUST_ERR_MEMORY;
    locust__http_keep_text(kept, reason);
    error = locust__http_fields(head, h, kept);
    if (error)
        return error;
    kept->ptr[kept->len++] = '\0';
    if (h->chunked && h->sized)
        return LOCUST_ERR_LENGTH_TWICE;
    return h->coded ? LOCUST_ERR_ENCODING : LOCUST_OK;
}

/* How the body ends, RFC 9112 6.3. `to_head`: the request was a HEAD. */
static enum locust__body locust__http_body_kind(const locust__head *h, bool to_head)
{
    if (to_head || h->status < 200 || h->status == 204 || h->status == 304)
        return LOCUST__BODY_NONE;
    return h->chunked ? LOCUST__BODY_CHUNKED : h->sized ? LOCUST__BODY_SIZED : LOCUST__BODY_CLOSE;
}

/* -- reading from a stream -- */

/* An end of the stream inside something means that it was cut. */
static locust_error locust__http_cut(locust_error error, locust_error cut)
{
    return error == LOCUST_ERR_CLOSED ? cut : error;
}

/* Reads one head. *budget: bytes of head that may still come. */
static locust_error locust__http_read_head(locust_stream *s, locust__head *h, locust__buf *kept,
    size_t *budget, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0, n = 0;
    locust_error error;
    for (;;) {
        size_t look = s->in_len < *budget ? s->in_len : *budget;
        if (look && memcmp(s->in, "HTTP/1.", look < 7 ? look : 7) != 0)
            return LOCUST_ERR_NOT_HTTP; // before more of it is waited for
        n = locust__http_head_end(s->in, look, &scanned);
        if (n)
            break;
        if (s->in_len >= *budget)
            return LOCUST_ERR_HEAD_SIZE;
        error = locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__http_cut(
                error, s->in_len ? LOCUST_ERR_HEAD_CUT : LOCUST_ERR_NO_RESPONSE);
    }
    error = locust__http_parse_head(s->in, n, h, kept);
    locust__stream_take(s, n);
    *budget -= n;
    return error;
}

/* Appends n more bytes of body. */
static locust_error locust__http_read_bytes(
    locust_stream *s, locust__buf *body, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    while (n) {
        size_t got, want;
        locust_error error;
        // The last piece is read with room for more: so the end shows as a short read, and the
        // poller's flags and surplus bytes are known before the stream is kept.
        if (!s->in_len && n <= LOCUST__SCRATCH) {
            error = locust__stream_fill(s, deadline_ns);
            if (error)
                return locust__http_cut(error, LOCUST_ERR_BODY_CUT);
        }
        // What is promised is not reserved before it comes: a length is cheap to claim.
        want = s->in_len ? s->in_len : LOCUST__SCRATCH;
        if (want > n)
            want = (size_t)n;
        if (!locust__buf_reserve_tight(body, want + 1))
            return LOCUST_ERR_MEMORY;
        error = locust__stream_read(s, body->ptr + body->len, want, &got, deadline_ns);
        if (error)
            return locust__http_cut(error, LOCUST_ERR_BODY_CUT);
        body->len += got;
        n -= got;
    }
    return LOCUST_OK;
}

/* Makes a line that ends in CRLF available at the front of the unread bytes; *n counts the CRLF. */
static locust_error locust__http_need_line(
    locust_stream *s, size_t limit, size_t *n, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0;
    *n = 0;
    for (;;) {
        const char *lf =
            s->in_len > scanned ? memchr(s->in + scanned, '\n', s->in_len - scanned) : NULL;
        locust_error error;
        if (lf) {
            *n = (size_t)(lf - s->in) + 1;
            return *n >= 2 && lf[-1] == '\r' && *n <= limit ? LOCUST_OK : LOCUST_ERR_CHUNK;
        }
        scanned = s->in_len;
        if (scanned >= limit)
            return LOCUST_ERR_CHUNK;
        error = locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__http_cut(error, LOCUST_ERR_BODY_CUT);
    }
}

/* chunk-size [ chunk-ext ], RFC 9112 7.1; extensions are skipped, as 7.1.1 says. */
static locust_error locust__http_chunk_size(locust__view line, uint64_t *size)
{
    size_t i = 0;
    *size = 0;
    for (; i < line.len; i++) {
        char c = locust__base_lower(line.ptr[i]);
        int digit = locust__base_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            break;
        if (*size >> 59)
            return LOCUST_ERR_CHUNK;
        *size = *size << 4 | (unsigned)digit;
    }
    line = (locust__view){line.ptr + i, line.len - i};
    if (!i || !locust__http_is_value(line))
        return LOCUST_ERR_CHUNK;
    line = locust__http_trim(line);
    return !line.len || *line.ptr == ';' ? LOCUST_OK : LOCUST_ERR_CHUNK;
}

/* Trailer fields, which are checked and dropped, and the empty line that ends the message. */
static locust_error locust__http_read_trailers(
    locust_stream *s, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        locust__view name, value;
        size_t n;
        locust_error error = locust__http_need_line(s, budget, &n, deadline_ns);
        if (error)
            return error == LOCUST_ERR_CHUNK && s->in_len >= budget ? LOCUST_ERR_HEAD_SIZE : error;
        if (n > 2)
            error = locust__http_field_line((locust__view){s->in, n - 2}, &name, &value);
        locust__stream_take(s, n);
        budget -= n;
        if (error || n == 2)
            return error;
    }
}

static locust_error locust__http_read_chunks(
    locust_stream *s, locust__buf *body, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len, extensions = 65536;
    for (;;) {
        uint64_t size;
        size_t n;
        locust_error error = locust__http_need_line(s, 4096, &n, deadline_ns);
        if (!error)
            error = locust__http_chunk_size((locust__view){s->in, n - 2}, &size);
        if (error)
            return error;
        locust__stream_take(s, n);
        if (n > 18) { // more than a size: extensions may not add up either
            if (n > extensions)
                return LOCUST_ERR_CHUNK;
            extensions -= n;
        }
        if (!size)
            return locust__http_read_trailers(s, budget, deadline_ns);
        if (size > LOCUST_MAX_BODY - (body->len - start))
            return LOCUST_ERR_BODY_SIZE;
        error = locust__http_read_bytes(s, body, size, deadline_ns);
        if (!error)
            error = locust__http_need_line(s, 2, &n, deadline_ns);
        if (error)
            return error;
        locust__stream_take(s, 2);
    }
}

static locust_error locust__http_read_to_close(
    locust_stream *s, locust__buf *body, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len;
    for (;;) {
        size_t got;
        locust_error error;
        if (!locust__buf_reserve_tight(body, 4097))
            return LOCUST_ERR_MEMORY;
        error = locust__stream_read(s, body->ptr + body->len, 4096, &got, deadline_ns);
        if (error)
            return error == LOCUST_ERR_CLOSED ? LOCUST_OK : error;
        body->len += got;
        if (body->len - start > LOCUST_MAX_BODY)
            return LOCUST_ERR_BODY_SIZE;
    }
}

/* Reads a whole response: `kept` gets the texts of its head and then the body, which begins at
 * *body_at. *reusable: another request may follow on the stream. */
static locust_error locust__http_read_response(locust_stream *s, bool to_head, locust__head *h,
    locust__buf *kept, size_t *body_at, bool *reusable, int64_t deadline_ns) LOCUST__PARKS
{
    size_t budget = LOCUST_MAX_HEADER, start = kept->len;
    locust_error error;
    enum locust__body kind;
    do {
        kept->len = start; // interim answers are dropped, RFC 9110 15.2
        error = locust__http_read_head(s, h, kept, &budget, deadline_ns);
        if (error)
            return error;
        if (h->status == 101)
            return LOCUST_ERR_UPGRADE; // none was asked for
    } while (h->status < 200);
    *body_at = kept->len;
    kind = locust__http_body_kind(h, to_head);
    switch (kind) {
    case LOCUST__BODY_NONE:
        break;
    case LOCUST__BODY_SIZED:
        error = h->length > LOCUST_MAX_BODY
                    ? LOCUST_ERR_BODY_SIZE
                    : locust__http_read_bytes(s, kept, (uint64_t)h->length, deadline_ns);
        break;
    case LOCUST__BODY_CHUNKED:
        error = locust__http_read_chunks(s, kept, budget, deadline_ns);
        break;
    case LOCUST__BODY_CLOSE:
        error = locust__http_read_to_close(s, kept, deadline_ns);
        break;
    }
    if (!error && !locust__buf_reserve_tight(kept, 1))
        error = LOCUST_ERR_MEMORY;
    if (!error)
        kept->ptr[kept->len] = '\0';
    *reusable = !error && kind != LOCUST__BODY_CLOSE && !h->close && !s->in_len &&
                (h->minor >= 1 ? true : h->keep && !h->chunked);
    return error;
}

/* -- writing a request's head -- */

typedef struct locust__writer { // into the scratch buffer
    char *ptr, *end;
    locust_error error;
} locust__writer;

static void locust__writer_add(locust__writer *w, locust__view text)
{
    if ((size_t)(w->end - w->ptr) < text.len) {
        w->error = LOCUST_ERR_REQUEST_SIZE;
        return;
    }
    memcpy(w->ptr, text.ptr, text.len);
    w->ptr += text.len;
}

static void locust__writer_puts(locust__writer *w, const char *text)
{
    locust__writer_add(w, locust__view_of(text));
}

/* One field; a name or value that could end the line is refused. */
static void locust__writer_field(locust__writer *w, const char *name, const char *value)
{
    locust__view v = locust__view_of(value ? value : "");
    if (!locust__http_is_token(locust__view_of(name)) || !locust__http_is_value(v)) {
        w->error = LOCUST_ERR_REQUEST;
        return;
    }
    locust__writer_puts(w, name);
    locust__writer_puts(w, ": ");
    locust__writer_add(w, v);
    locust__writer_puts(w, "\r\n");
}

static void locust__writer_number(locust__writer *w, const char *name, uint64_t n)
{
    char digits[24];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    locust__writer_puts(w, name);
    locust__writer_add(w, (locust__view){digits + i, sizeof digits - i});
    locust__writer_puts(w, "\r\n");
}

/* The value of the field of that name among the caller's; NULL: it is not there. */
static const char *locust__http_find(const locust_pair *fields, const char *name)
{
    for (; fields && fields->name; fields++)
        if (locust__view_is_nocase(locust__view_of(fields->name), name))
            return fields->value ? fields->value : "";
    return NULL;
}

/* ============================================================================================
 * >>extract  values out of a response: JSON, patterns, text between
 *
 * Purpose     take a token from one answer to send it with the next request.
 * Invariants  whatever the text is, nothing is read outside it; what is not well-formed is not
 *             found.
 * Cost        JSON: one pass up to the value, no allocation. Patterns are compiled once for a test.
 * Uses        >>loop
 * Sources     RFC 8259 (JSON); POSIX regular expressions (regcomp), extended syntax.
 * Limits      keys are compared as they stand in the text, escapes and all; a key with a dot or a
 *             bracket cannot be named. Containers are skipped by their brackets, not checked.
 *
 *   a path:  name.list[2].name   or  [0].name   or  ""  for the whole
 * ============================================================================================ */

static const char *locust__json_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* Behind the string whose opening quote is at p; NULL: it does not end. */
static const char *locust__json_string_end(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"')
            return p + 1;
        if ((unsigned char)*p < ' ')
            return NULL;
        if (*p == '\\' && ++p == end)
            return NULL;
    }
    return NULL;
}

/* Behind the value at p; NULL: there is none. */
static const char *locust__json_value_end(const char *p, const char *end)
{
    const char *start = p;
    int depth = 0;
    do {
        if (p == end)
            return NULL;
        if (*p == '"') {
            p = locust__json_string_end(p, end);
            if (!p)
                return NULL;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else if (depth) {
            p++;
        } else {
            while (p < end && !strchr(" \t\n\r,:{}[]\"", *p))
                p++;
        }
    } while (depth > 0);
    return depth == 0 && p > start ? p : NULL;
}

/* The member of an object, or the element of an array, that *path names first; moves *path on. */
static bool locust__json_step(locust__view *value, const char **path)
{
    const char *p = value->ptr + 1, *end = value->ptr + value->len, *stop;
    bool array = **path == '[';
    const char *key = *path + (array || **path == '.');
    size_t key_len = strcspn(key, array ? "]" : ".[");
    long index = array ? strtol(key, NULL, 10) : 0;
    if (!value->len || *value->ptr != (array ? '[' : '{') || !key_len ||
        (array && (key[key_len] != ']' || !locust__base_digit(*key))))
        return false;
    *path = key + key_len + array;
    for (;; p = stop + 1) {
        bool here = array && index-- == 0;
        p = locust__json_blank(p, end);
        if (!array) {
            stop = p < end && *p == '"' ? locust__json_string_end(p, end) : NULL;
            if (!stop)
                return false;
            here = (size_t)(stop - p) == key_len + 2 && memcmp(p + 1, key, key_len) == 0;
            p = locust__json_blank(stop, end);
            if (p == end || *p != ':')
                return false;
            p = locust__json_blank(p + 1, end);
        }
        stop = locust__json_value_end(p, end);
        if (!stop)
            return false;
        if (here) {
            *value = (locust__view){p, (size_t)(stop - p)};
            return true;
        }
        stop = locust__json_blank(stop, end);
        if (stop == end || *stop != ',')
            return false;
    }
}

/* The value at `path` of a JSON text. */
static bool locust__json_find(locust__view text, const char *path, locust__view *value)
{
    const char *end = text.ptr + text.len, *p = locust__json_blank(text.ptr, end);
    const char *stop = locust__json_value_end(p, end);
    if (!stop || locust__json_blank(stop, end) != end)
        return false;
    *value = (locust__view){p, (size_t)(stop - p)};
    while (*path)
        if (!locust__json_step(value, &path))
            return false;
    return true;
}

/* number = [ minus ] int [ frac ] [ exp ], RFC 8259 section 6 */
static bool locust__json_is_number(locust__view v)
{
    size_t i = v.len && *v.ptr == '-', digits;
    for (int part = 0; part < 3; part++) {
        if (part && (i == v.len || !strchr(part == 1 ? "." : "eE", v.ptr[i])))
            continue;
        i += part > 0;
        i += part == 2 && i < v.len && (v.ptr[i] == '+' || v.ptr[i] == '-');
        for (digits = i; i < v.len && locust__base_digit(v.ptr[i]);)
            i++;
        if (i == digits || (part == 0 && v.ptr[digits] == '0' && i > digits + 1))
            return false;
    }
    return i == v.len;
}

static int locust__json_hex4(const char *p)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        char c = locust__base_lower(p[i]);
        int digit = locust__base_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

/* UTF-8 of a code point; returns its length. */
static size_t locust__json_utf8(char *out, long code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 63));
    out[0] = (char)(n == 1 ? code : (0xF00 >> n & 0xFF) | code);
    return (size_t)n;
}

/* Decodes a string value, quotes and all, into out[size]. False: it is none, or does not fit. */
static bool locust__json_decode(locust__view v, char *out, size_t size)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t n = 0;
    if (v.len < 2 || *v.ptr != '"')
        return false;
    for (size_t i = 1; i + 1 < v.len; i++) {
        char text[4] = {v.ptr[i]};
        size_t len = 1;
        if (v.ptr[i] == '\\') {
            const char *at = strchr(from, v.ptr[++i]);
            if (at) {
                text[0] = to[at - from];
            } else {
                long code =
                    v.ptr[i] == 'u' && i + 5 < v.len ? locust__json_hex4(v.ptr + i + 1) : -1;
                i += 4;
                if (code >= 0xD800 && code < 0xDC00 && i + 7 < v.len && v.ptr[i + 1] == '\\' &&
                    v.ptr[i + 2] == 'u') { // the first of a surrogate pair
                    long low = locust__json_hex4(v.ptr + i + 3);
                    code = low >= 0xDC00 && low < 0xE000
                               ? 0x10000 + (code - 0xD800) * 1024 + low - 0xDC00
                               : -1;
                    i += 6;
                }
                if (code <= 0 || (code >= 0xD800 && code < 0xE000))
                    return false; // a lone surrogate, or a '\0' that a C string cannot hold
                len = locust__json_utf8(text, code);
            }
        }
        if (n + len >= size)
            return false;
        memcpy(out + n, text, len);
        n += len;
    }
    if (n >= size)
        return false;
    out[n] = '\0';
    return true;
}

/* Copies n bytes as a string. False: they do not fit. */
static bool locust__extract_copy(const char *from, size_t n, char *out, size_t size)
{
    if (n >= size)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

/* What stands between the first `left` and the `right` after it. */
static bool locust__extract_between(
    const char *text, const char *left, const char *right, char *out, size_t size)
{
    const char *from = strstr(text, left), *to;
    if (!from)
        return false;
    from += strlen(left);
    to = strstr(from, right);
    return to && locust__extract_copy(from, (size_t)(to - from), out, size);
}

typedef struct locust__pattern { // a compiled regular expression
    struct locust__pattern *next;
    regex_t regex;
    char text[];
} locust__pattern;

/* The compiled form of a pattern, made when it is new. Ends the program if it is none. */
static locust__pattern *locust__pattern_of(locust__pattern **first, const char *text)
{
    locust__pattern *pattern;
    size_t len = strlen(text);
    char why[128];
    int rc;
    for (pattern = *first; pattern; pattern = pattern->next)
        if (strcmp(pattern->text, text) == 0)
            return pattern;
    pattern = LOCUST_MALLOC(sizeof *pattern + len + 1);
    if (!pattern)
        return NULL;
    memcpy(pattern->text, text, len + 1);
    rc = regcomp(&pattern->regex, text, REG_EXTENDED);
    if (rc != 0) {
        regerror(rc, &pattern->regex, why, sizeof why);
        LOCUST_FREE(pattern);
        locust__base_die(LOCUST__EXIT_USAGE,
            "locust_match() cannot use the regular expression \"%s\": %s", text, why);
    }
    pattern->next = *first;
    *first = pattern;
    return pattern;
}

static void locust__patterns_free(locust__pattern *first)
{
    while (first) {
        locust__pattern *pattern = first;
        first = pattern->next;
        regfree(&pattern->regex);
        LOCUST_FREE(pattern);
    }
}

typedef struct
    locust__search { // for the loop's stack: regexec and strtod are deep in some libraries
    locust__pattern **patterns;
    const char *text, *regex;
    int group;
    regmatch_t match;
    bool found;
    double number;
} locust__search;

static void locust__search_pattern(void *arg)
{
    locust__search *search = arg;
    locust__pattern *pattern = locust__pattern_of(search->patterns, search->regex);
    regmatch_t matches[10];
    if (!pattern || search->group < 0 || search->group > 9)
        return;
    search->found = regexec(&pattern->regex, search->text, 10, matches, 0) == 0;
    search->match = matches[search->group];
    search->found = search->found && search->match.rm_so >= 0;
}

static void locust__search_number(void *arg)
{
    locust__search *search = arg;
    locale_t was, c = locust__locale_enter(&was);
    search->number = strtod(search->text, NULL);
    locust__locale_leave(c, was);
}

/* ============================================================================================
 * >>client  requests of a user
 *
 * Purpose     locust_send: connect when needed, send, read, judge, record.
 * Invariants  one request at a time for each user. What a response points at lies in its user's
 *             block, which is reused by the next request. A request that was cut short by the end
 *             of its user is not counted, as in Locust.
 * Cost        a warm user's request allocates nothing: its head is built in the loop's scratch
 *             buffer, its answer fits the block. An idle user keeps its last answer and no buffer.
 * Uses        >>net >>resolve >>url >>http >>stats
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries); Locust 2.46 for names and verdicts.
 * Limits      one kept connection for each user, to the origin it talked to last.
 *
 *   block  | URL \0 | reason \0 | name \0 value \0 ... \0 | body \0 |
 * ============================================================================================ */

typedef struct locust__services { // what the users of one test share
    locust__loop *loop;
    const locust__log *log;
    locust__net net;
    locust__resolver resolver;
    locust__origin *origins;
    locust__pattern *patterns; // that locust_match was given
    locust__recorder recorder;
} locust__services;

typedef struct locust__base_url { // a user's host, taken apart once
    locust__origin *origin;       // NULL: there is no host
    const char *prefix;           // path that goes before every request's; "" mostly
    const char *text;             // up to the end of the authority
    size_t text_len;
} locust__base_url;

enum { LOCUST__REDIRECTS = 30 }; // hops followed, as in Locust

enum locust__verdict { LOCUST__VERDICT_NONE, LOCUST__VERDICT_SUCCESS, LOCUST__VERDICT_FAILURE };

typedef struct locust__client {
    locust_response response;
    locust__services *services;
    locust_stream stream;
    locust__origin *origin; // of the stream
    locust__buf block;
    size_t fields_at; // in the block: the kept fields
    // The request that waits for the test's verdict, or was just finished.
    bool pending;
    enum locust__verdict verdict;
    const char *verdict_text;
    const char *method, *name; // in the statistics' rows or in the block
    int64_t elapsed_ns, ended_ns;
    const char *failure; // why it failed by the usual rule or its expectations; NULL: it passed
    const char *broken;  // why the test cannot go on; NULL: it can
} locust__client;

static void locust__client_init(locust__client *c, locust__services *services, locust_user *user)
{
    memset(c, 0, sizeof *c);
    c->services = services;
    c->response.user = user;
    locust__stream_init(&c->stream, &services->net);
}

/* Why a request failed, if the caller gives no verdict: no answer, an expectation that was not met,
 * or a status from 400 on. NULL: it passed. The texts are the statistics' copies. */
static const char *locust__client_judge(const locust__client *c, const locust_request *req)
{
    const locust_response *r = &c->response;
    char text[128];
    if (r->error)
        return r->error;
    if (req->expect_status && r->status != req->expect_status)
        snprintf(text, sizeof text, "status %d in place of %d", r->status, req->expect_status);
    else if (req->expect_body && !strstr(r->body, req->expect_body))
        snprintf(text, sizeof text, "no \"%.90s\" in the body", req->expect_body);
    else if (!req->expect_status && r->status >= 400) // in the words of Locust's HttpUser
        snprintf(text, sizeof text, "%d %s Error: %.80s", r->status,
            r->status < 500 ? "Client" : "Server", r->reason);
    else
        return NULL;
    return locust__stats_text(c->services->recorder.stats, text);
}

/* Tells the statistics about the finished request. */
static void locust__client_record(locust__client *c)
{
    locust_response *r = &c->response;
    locust_sample sample = {.method = c->method,
        .name = c->name,
        .url = r->url,
        .error = c->failure,
        .status = r->status,
        .elapsed_ms = r->elapsed_ms,
        .length = r->body_len,
        .user = r->user};
    if (c->verdict == LOCUST__VERDICT_SUCCESS)
        sample.error = NULL;
    else if (c->verdict == LOCUST__VERDICT_FAILURE)
        sample.error = c->verdict_text;
    locust__recorder_record(&c->services->recorder, &sample, c->elapsed_ns, c->ended_ns);
}

/* The time for a verdict is over. */
static void locust__client_settle(locust__client *c)
{
    bool pending = c->pending;
    c->pending = false;
    if (pending)
        locust__client_record(c);
}

static void locust__client_deinit(locust__client *c)
{
    locust__client_settle(c);
    locust__stream_close(&c->stream);
    locust__buf_free(&c->block);
}

/* Parses a host such as http://127.0.0.1:8080/prefix. *broken: why such a host cannot be used. */
static locust_error locust__client_base(
    locust__services *services, const char *text, locust__base_url *base, const char **broken)
{
    locust__url url;
    locust_error error = locust__url_parse(text, &url);
    *broken = NULL;
    if (error)
        return error;
    if (locust__view_is_nocase(url.scheme, "https"))
        *broken = "https is not built yet: this version of locust.h speaks http alone";
    else if (!locust__view_is_nocase(url.scheme, "http"))
        return LOCUST_ERR_SCHEME;
    if (url.user_info.len)
        *broken = "user:password in a URL is not built yet: this version of locust.h lacks it";
    if (*broken)
        return LOCUST_ERR_URL;
    base->origin = locust__origin_of(&services->origins, &url);
    base->text = text;
    base->text_len = (size_t)(url.rest.ptr - text);
    base->prefix = url.rest.len == 1 && *url.rest.ptr == '/' ? "" : url.rest.ptr;
    return base->origin ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* What this version declares and does not do ends the test, rather than sending something else. */
static const char *locust__client_missing(const locust_request *req)
{
    if (req->parts)
        return ".parts is not built yet: this version of locust.h declares it only";
    if (req->auth)
        return ".auth is not built yet: this version of locust.h declares it only";
    return NULL;
}

typedef struct locust__exchange { // one request on its way; on the user's stack
    const locust_request *req;
    const locust_pair *defaults; // fields of the user class
    const char *method;
    locust__origin *origin;
    size_t target_at;   // in the block
    size_t fields_at;   // in the block: the encoded form fields, up to
    size_t response_at; // in the block: behind all that is sent from it
    locust__view body;
    const char *name; // the first URL's row, once a redirect has overwritten the URL
    bool dropped;     // a redirect turned the request into a GET without a body
    bool foreign;     // a redirect left the first origin: credentials stay behind
    int64_t deadline_ns, start_ns;
    bool started; // start_ns is set
} locust__exchange;

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__client_write(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    if (block->cap > LOCUST__SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big answer shall not stay for the user's whole life
    block->len = 0;
    x->origin = base->origin;
    x->target_at = base->text_len;
    locust__buf_add_tight(block, base->text, base->text_len);
    if (*base->prefix != '/' && (*base->prefix || *path != '/'))
        locust__buf_add_tight(block, "/", 1); // a target begins with one
    locust__url_add(block, locust__view_of(base->prefix));
    locust__url_add(block, locust__view_of(path));
    if (params && !block->failed)
        locust__url_add_pairs(block, params,
            memchr(block->ptr + x->target_at, '?', block->len - x->target_at) ? "&" : "?");
    locust__buf_add_tight(block, "", 1);
    x->fields_at = block->len;
    if (!x->dropped)
        locust__url_add_pairs(block, x->req->form_fields, "");
    x->response_at = block->len;
    return block->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* Finds the URL of a request. As in Locust, a host's own path goes before the request's. */
static locust_error locust__client_target(
    locust__client *c, locust__exchange *x, const locust__base_url *base)
{
    const char *url = x->req->url ? x->req->url : "", *scheme = strstr(url, "://"), *path = url;
    locust__base_url own;
    if (scheme && (size_t)(scheme - url) < strcspn(url, "/?#")) {
        locust_error error = locust__client_base(c->services, url, &own, &c->broken);
        if (error)
            return error;
        base = &own;
        path = "";
    }
    if (!base->origin && *base->text)
        return LOCUST_ERR_SCHEME; // the host is of another protocol
    if (!base->origin) {
        c->broken =
            "no host: give --host, LOCUST_HOST, .host in the user class, or absolute URLs in "
            "the requests";
        return LOCUST_ERR_URL;
    }
    return locust__client_write(c, x, base, path, x->req->params);
}

/* Body and its type, of the ways to give one. */
static const char *locust__client_body(const locust__client *c, locust__exchange *x)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const locust_request *req = x->req;
    const char *text = req->form ? req->form : req->json;
    x->body = (locust__view){NULL, 0};
    if (x->dropped)
        return NULL;
    if (req->form_fields)
        x->body = (locust__view){c->block.ptr + x->fields_at, x->response_at - x->fields_at};
    else if (text)
        x->body = locust__view_of(text);
    else if (req->body)
        x->body = (locust__view){req->body, req->body_len};
    return req->form_fields || req->form ? form : req->json ? "application/json" : NULL;
}

/* The caller's own value of a field; NULL: it has none. */
static const char *locust__client_given(const locust__exchange *x, const char *name)
{
    const char *value = locust__http_find(x->req->headers, name);
    return value ? value : locust__http_find(x->defaults, name);
}

/* After a redirect some of the caller's fields stay behind: those of a body that is not sent again,
 * and credentials that are meant for another origin (RFC 9110 15.4). */
static bool locust__client_sends(const locust__exchange *x, const char *name)
{
    static const char *const of_body[] = {"content-length", "content-type", "transfer-encoding"};
    static const char *const secret[] = {"authorization", "cookie", "proxy-authorization"};
    locust__view v = locust__view_of(name);
    for (int i = 0; i < 3; i++)
        if ((x->dropped && locust__view_is_nocase(v, of_body[i])) ||
            (x->foreign && locust__view_is_nocase(v, secret[i])))
            return false;
    return true;
}

/* Did the caller say that the connection ends with this request? */
static bool locust__client_closes(const locust__exchange *x)
{
    const char *value = locust__client_given(x, "connection");
    locust__view list = locust__view_of(value ? value : ""), token;
    while (locust__http_next(&list, &token))
        if (locust__view_is_nocase(token, "close"))
            return true;
    return false;
}

/* Builds the head in the scratch buffer; it lasts until the next park. */
static locust_error locust__client_head(
    const locust__client *c, locust__exchange *x, locust__view *head)
{
    char *scratch = c->services->loop->scratch;
    locust__writer w = {scratch, scratch + LOCUST__SCRATCH, LOCUST_OK};
    const char *type = locust__client_body(c, x);
    bool posts = strcmp(x->method, "POST") == 0 || strcmp(x->method, "PUT") == 0 ||
                 strcmp(x->method, "PATCH") == 0;
    if (!locust__http_is_token(locust__view_of(x->method)))
        return LOCUST_ERR_REQUEST;
    locust__writer_puts(&w, x->method);
    locust__writer_puts(&w, " ");
    locust__writer_puts(&w, c->block.ptr + x->target_at);
    locust__writer_puts(&w, " HTTP/1.1\r\n");
    if (!locust__client_given(x, "host")) {
        locust__writer_puts(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        locust__writer_puts(&w, "\r\n");
    }
    if (!locust__client_given(x, "user-agent"))
        locust__writer_puts(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!locust__client_given(x, "accept"))
        locust__writer_puts(&w, "Accept: */*\r\n");
    for (const locust_pair *f = x->defaults; f && f->name; f++)
        if (!locust__http_find(x->req->headers, f->name) && locust__client_sends(x, f->name))
            locust__writer_field(&w, f->name, f->value);
    for (const locust_pair *f = x->req->headers; f && f->name; f++)
        if (locust__client_sends(x, f->name))
            locust__writer_field(&w, f->name, f->value);
    if (type && !locust__client_given(x, "content-type"))
        locust__writer_field(&w, "Content-Type", type);
    if ((x->body.len || posts) && !locust__client_given(x, "content-length") &&
        !locust__client_given(x, "transfer-encoding"))
        locust__writer_number(&w, "Content-Length: ", x->body.len); // RFC 9110 8.6
    locust__writer_puts(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}

static locust_error locust__client_connect(locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns(), own_ns = 0;
    locust_error error;
    locust__stream_close(&c->stream);
    c->origin = x->origin;
    error = locust__resolver_dial(&c->services->resolver, &c->stream, x->origin->host,
        x->origin->port, &x->deadline_ns, &own_ns);
    x->start_ns = (x->started ? x->start_ns : began_ns) + own_ns;
    return error;
}

/* Sends the request and reads the answer on the stream as it is. */
static locust_error locust__client_exchange(locust__client *c, locust__exchange *x, locust__head *h,
    size_t *body_at, bool *reusable) LOCUST__PARKS
{
    locust__view head;
    locust_error error = locust__client_head(c, x, &head);
    if (error)
        return error;
    if (!x->started) {
        if (!x->start_ns)
            x->start_ns = locust__os_now_ns();
        x->started = true;
    }
    error = locust__stream_write(&c->stream, head, x->body, x->deadline_ns);
    // A server may refuse a body half-way, with an answer that says why: look for it.
    if (error == LOCUST_OK || error == LOCUST_ERR_PIPE || error == LOCUST_ERR_RESET) {
        locust_error sent = error;
        error = locust__http_read_response(&c->stream, strcmp(x->method, "HEAD") == 0, h, &c->block,
            body_at, reusable, x->deadline_ns);
        if (sent)
            *reusable = false;
        if (sent && error)
            error = sent;
    }
    c->ended_ns = locust__os_now_ns();
    // The rest of the time is the generator's own. (A clock that was set meanwhile tells nothing.)
    if (!error && c->stream.arrived_ns > x->start_ns && c->stream.arrived_ns < c->ended_ns)
        c->ended_ns = c->stream.arrived_ns;
    return error;
}

/* RFC 9110 9.2.2 */
static bool locust__client_idempotent(const char *method)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

/* The server closed a kept connection before the first byte of an answer, interim ones included. */
static bool locust__client_was_stale(
    const locust__client *c, locust_error error, const locust__head *h)
{
    return h->status == 0 && !c->stream.in_len &&
           (error == LOCUST_ERR_NO_RESPONSE || error == LOCUST_ERR_RESET ||
               error == LOCUST_ERR_PIPE);
}

static locust_error locust__client_try(
    locust__client *c, locust__exchange *x, locust__head *h, size_t *body_at) LOCUST__PARKS
{
    bool reusable = false;
    locust_error error = LOCUST_OK;
    // Bytes or a close that came while the user was idle are not the answer to the next request.
    bool reuse = locust__stream_is_open(&c->stream) && c->origin == x->origin &&
                 locust__stream_is_quiet(&c->stream);
    c->response.reused = reuse;
    if (!reuse)
        error = locust__client_connect(c, x);
    if (!error)
        error = locust__client_exchange(c, x, h, body_at, &reusable);
    if (reuse && locust__client_was_stale(c, error, h) && locust__client_idempotent(x->method)) {
        c->response.reused = false;
        c->ended_ns = 0;
        error = locust__client_connect(c, x);
        if (!error)
            error = locust__client_exchange(c, x, h, body_at, &reusable);
    }
    if (!reusable || locust__client_closes(x))
        locust__stream_close(&c->stream);
    else
        locust__stream_settle(&c->stream); // gives back what a head in pieces had taken
    return error;
}

/* Fills in the response from what the block holds. */
static void locust__client_answer(locust__client *c, const locust__exchange *x,
    const locust__head *h, size_t body_at, locust_error error)
{
    locust_response *r = &c->response;
    const char *block, *given = x->req->url ? x->req->url : "";
    if (!x->response_at) { // a URL that is none: the caller's text will not last
        c->block.len = 0;
        locust__buf_add_tight(&c->block, given, strlen(given) + 1);
    }
    block = c->block.len ? c->block.ptr : "";
    r->code = error;
    r->error = error ? locust__error_text(error) : NULL;
    r->url = block;
    r->status = error ? 0 : h->status;
    r->reason = error ? "" : block + x->response_at;
    c->fields_at = error ? 0 : x->response_at + strlen(r->reason) + 1;
    r->body = error ? "" : block + body_at;
    r->body_len = error ? 0 : c->block.len - body_at;
    r->elapsed_ms = (double)c->elapsed_ns / 1e6;
    c->method = x->req->method ? x->req->method : "GET";
    c->name = x->req->name     ? x->req->name
              : x->name        ? x->name
              : x->response_at ? block + x->target_at
                               : given;
    c->failure = locust__client_judge(c, x->req);
}

/* A verdict may come after the caller's strings are gone: the statistics' copies stay. */
static void locust__client_await_verdict(locust__client *c)
{
    const locust__row *row = locust__stats_find(c->services->recorder.stats, c->method, c->name);
    c->method = row->method;
    c->name = row->name;
    c->pending = true;
}

static const char *locust__client_field(const locust__client *c, const char *name)
{
    const char *p = c->fields_at ? c->block.ptr + c->fields_at : "";
    while (*p) {
        const char *value = p + strlen(p) + 1;
        if (locust__view_is_nocase(locust__view_of(p), name))
            return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

/* RFC 9110 15.4: an answer that a client follows to another place. */
static bool locust__client_redirects(const locust__client *c, int status)
{
    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           locust__client_field(c, "location");
}

/* Turns the exchange into the request that the redirect asks for. */
static locust_error locust__client_follow(locust__client *c, locust__exchange *x, int status)
{
    const char *location = locust__client_field(c, "location"), *broken;
    locust__base_url base;
    locust__buf url = {NULL, 0, 0, false};
    bool post = strcmp(x->method, "POST") == 0, head = strcmp(x->method, "HEAD") == 0;
    locust_error error = locust__url_resolve(&url, c->block.ptr, location);
    locust__buf_add(&url, "", 1);
    if (!error && url.failed)
        error = LOCUST_ERR_MEMORY;
    if (!error && locust__client_base(c->services, url.ptr, &base, &broken) != LOCUST_OK)
        error = LOCUST_ERR_LOCATION; // https without TLS too: a server shall not end the test
    if (!error && !x->req->name && !x->name)
        x->name =
            locust__stats_find(c->services->recorder.stats, x->method, c->block.ptr + x->target_at)
                ->name;
    if (!error) {
        if ((status == 303 && !head) || (post && (status == 301 || status == 302))) {
            x->method = "GET"; // RFC 9110 15.4.2 to 15.4.4
            x->dropped = true;
        }
        x->foreign |= base.origin != x->origin;
        error = locust__client_write(c, x, &base, "", NULL);
    }
    locust__buf_free(&url);
    return error;
}

/* The request and whatever it is redirected to. A HEAD is not followed, as in Locust. */
static locust_error locust__client_hops(
    locust__client *c, locust__exchange *x, locust__head *h, size_t *body_at) LOCUST__PARKS
{
    for (int hops = 0;; hops++) {
        locust_error error = locust__client_try(c, x, h, body_at);
        if (error)
            return error;
        c->fields_at = x->response_at + strlen(c->block.ptr + x->response_at) + 1;
        if (x->req->no_redirect || strcmp(x->method, "HEAD") == 0 ||
            !locust__client_redirects(c, h->status))
            return LOCUST_OK;
        if (hops == LOCUST__REDIRECTS)
            return LOCUST_ERR_REDIRECTS;
        error = locust__client_follow(c, x, h->status);
        if (error)
            return error;
        memset(h, 0, sizeof *h);
    }
}

static bool locust__client_lends(const locust__client *c, const void *p)
{
    uintptr_t at = (uintptr_t)p, block = (uintptr_t)c->block.ptr;
    return p && at >= block && at - block < c->block.cap;
}

static bool locust__client_lends_pairs(const locust__client *c, const locust_pair *pairs)
{
    for (; pairs && pairs->name; pairs++)
        if (locust__client_lends(c, pairs->name) || locust__client_lends(c, pairs->value))
            return true;
    return false;
}

/* Is a part of the request still in the answer before it? Then that must outlive the request. */
static bool locust__client_lends_any(const locust__client *c, const locust_request *req)
{
    const void *const parts[] = {
        req->method, req->url, req->name, req->body, req->form, req->json, req->expect_body};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (locust__client_lends(c, parts[i]))
            return true;
    return locust__client_lends_pairs(c, req->headers) ||
           locust__client_lends_pairs(c, req->params) ||
           locust__client_lends_pairs(c, req->form_fields);
}

/* The request on a block of its own; tells the statistics. */
static locust_error locust__client_run(
    locust__client *c, locust__exchange *x, const locust__base_url *base) LOCUST__PARKS
{
    locust__head h = {.status = 0};
    size_t body_at = 0;
    locust_error error = locust__client_target(c, x, base);
    if (!error)
        error = locust__client_hops(c, x, &h, &body_at);
    if (error == LOCUST_ERR_CANCELLED || c->broken)
        return error;
    if (!c->ended_ns) // it did not get as far as a response
        c->ended_ns = locust__os_now_ns();
    if (x->start_ns && c->ended_ns > x->start_ns)
        c->elapsed_ns = c->ended_ns - x->start_ns;
    locust__client_answer(c, x, &h, body_at, error);
    if (x->req->catch_response)
        locust__client_await_verdict(c);
    else
        locust__client_record(c);
    return LOCUST_OK;
}

/* One request from end to end. LOCUST_ERR_CANCELLED: the user is being stopped, nothing was
 * counted. c->broken: the test has to end. */
static locust_error locust__client_send(locust__client *c, const locust_request *req,
    const locust_pair *defaults, const locust__base_url *base) LOCUST__PARKS
{
    locust__exchange x = {
        .req = req, .defaults = defaults, .method = req->method ? req->method : "GET"};
    locust__buf lent = {NULL, 0, 0, false};
    locust_error error;
    locust__client_settle(c);
    c->broken = locust__client_missing(req);
    if (c->broken)
        return LOCUST_ERR_REQUEST;
    c->verdict = LOCUST__VERDICT_NONE;
    c->response.reused = false;
    c->elapsed_ns = c->ended_ns = 0;
    x.deadline_ns = req->timeout_s < 0
                        ? LOCUST__NEVER
                        : locust__base_after(c->services->loop->now_ns,
                              locust__base_ns(req->timeout_s > 0 ? req->timeout_s : 60));
    if (locust__client_lends_any(c, req)) {
        lent = c->block;
        c->block = (locust__buf){NULL, 0, 0, false};
    }
    c->block.failed = false;
    error = locust__client_run(c, &x, base);
    locust__buf_free(&lent);
    return error;
}

LOCUST_API const char *locust_header(const locust_response *r, const char *name)
{
    return locust__client_field((const locust__client *)(const void *)r, name);
}

static locust__client *locust__client_of(locust_response *r, const char *what)
{
    locust__client *c = (locust__client *)(void *)r;
    if (!c->pending)
        locust__base_die(LOCUST__EXIT_USAGE,
            "%s() needs a response that waits for its verdict: made with .catch_response = true, "
            "and no later request of that user",
            what);
    return c;
}

LOCUST_API void locust_success(locust_response *r)
{
    locust__client_of(r, "locust_success")->verdict = LOCUST__VERDICT_SUCCESS;
}

LOCUST_API void locust_failure(locust_response *r, const char *format, ...)
{
    locust__client *c = locust__client_of(r, "locust_failure");
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->verdict = LOCUST__VERDICT_FAILURE;
    c->verdict_text = locust__stats_text(c->services->recorder.stats, text);
}

static bool locust__client_json(const locust_response *r, const char *path, locust__view *value)
{
    return r->body_len && locust__json_find((locust__view){r->body, r->body_len}, path, value);
}

LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {.found = false};
    locust__view value;
    char text[64];
    if (!locust__client_json(r, path, &value) || !locust__json_is_number(value) ||
        !locust__extract_copy(value.ptr, value.len, text, sizeof text))
        return false;
    search.text = text;
    locust__loop_call(c->services->loop, locust__search_number, &search);
    *out = search.number;
    return true;
}

LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size)
{
    locust__view value;
    return locust__client_json(r, path, &value) && locust__json_decode(value, out, size);
}

LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out)
{
    locust__view value;
    if (!locust__client_json(r, path, &value) ||
        !(locust__view_is(value, "true") || locust__view_is(value, "false")))
        return false;
    *out = locust__view_is(value, "true");
    return true;
}

LOCUST_API bool locust_match(
    const locust_response *r, const char *regex, int group, char *out, size_t size)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {
        .patterns = &c->services->patterns, .text = r->body, .regex = regex, .group = group};
    locust__loop_call(c->services->loop, locust__search_pattern, &search);
    return search.found && locust__extract_copy(r->body + search.match.rm_so,
                               (size_t)(search.match.rm_eo - search.match.rm_so), out, size);
}

LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size)
{
    return locust__extract_between(r->body, left, right, out, size);
}

/* ============================================================================================
 * >>user  user classes, tasks, waits, the life of a user
 *
 * Purpose     one coroutine for each user: on_start, tasks with waits between them, on_stop.
 * Invariants  on_stop runs for every user whose on_start began, also when it is cut short. A user
 *             that is cut short leaves its task at the call that it is parked in: that call does
 *             not return, and the task's own clean-up does not run.
 * Cost        a block of some 500 bytes with its slots and data, and a page of stack; its last
 *             answer. Between two tasks without a wait, no switch if the task has parked.
 * Uses        >>slots >>client
 * Sources     Locust 2.46 (reference run) for order, waits and stopping.
 * ============================================================================================ */

typedef struct locust__class { // a user class as a test runs it
    const locust_user_class *as;
    const char *host; // in force
    locust__base_url base;
    int total_weight; // of its tasks
    int alive;
} locust__class;

typedef struct locust__user {
    locust_user as; // first: what tasks see
    struct locust__user *next, *prev;
    struct locust__users *all;
    locust__class *cls;
    locust__co *co;
    int64_t waited_ns; // when its last wait ended: what pacing counts from
    bool started;      // on_start began, so on_stop is due
    bool stopping;     // takes no further task
    bool waiting;      // between two tasks
    locust__client client;
    locust_stream *streams; // opened by locust_connect and not closed
} locust__user;

typedef struct locust__users { // all that are alive
    locust__services *services;
    locust_env *env;
    locust__user *first, *last;
    locust__group group;
    int alive;
    uint64_t next_id;
    void (*request_stop)(locust_env *env); // the runner's
    const char *setup_error;               // why the test cannot go on; the runner reports it
} locust__users;

static int locust__task_weight(const locust_task *task)
{
    return task->weight < 0 ? 0 : task->weight ? task->weight : 1;
}

/* NULL, or what is wrong with a class. */
static const char *locust__class_check(const locust_user_class *as)
{
    int64_t total = 0;
    if (!as->tasks || !(as->tasks->fn || as->tasks->set))
        return "has no tasks: give it .tasks = LOCUST_TASKS(LOCUST_TASK(function))";
    for (const locust_task *task = as->tasks; task->fn || task->set; task++) {
        if (task->set)
            return "uses a task set: task sets are not built yet, this version declares them only";
        total += locust__task_weight(task);
    }
    return total <= 0        ? "has no task with a weight above 0"
           : total > INT_MAX ? "has weights of tasks that add up to more than 2147483647"
                             : NULL;
}

static void locust__class_init(locust__class *cls, const locust_user_class *as)
{
    memset(cls, 0, sizeof *cls);
    cls->as = as;
    cls->base.prefix = cls->base.text = "";
    for (const locust_task *task = as->tasks; task->fn; task++)
        cls->total_weight += locust__task_weight(task);
}

static const locust_task *locust__user_pick(locust__user *user)
{
    const locust_task *task = user->cls->as->tasks;
    int total = user->cls->total_weight, at;
    if (!task[1].fn)
        return task;
    at = (int)(locust__base_random_unit(&user->all->services->loop->random) * total);
    while ((at -= locust__task_weight(task)) >= 0 && task[1].fn)
        task++;
    return task;
}

/* Nanoseconds to wait now, before the next task. */
static int64_t locust__user_wait_ns(locust__user *user, int64_t now_ns)
{
    const locust_wait_time *wait = &user->cls->as->wait_time;
    uint64_t *random = &user->all->services->loop->random;
    int64_t due;
    switch (wait->kind) {
    case LOCUST_WAIT_CONSTANT:
        return locust__base_ns(wait->a);
    case LOCUST_WAIT_BETWEEN:
        return locust__base_ns(wait->a + (wait->b - wait->a) * locust__base_random_unit(random));
    case LOCUST_WAIT_PACING:
        due = locust__base_after(user->waited_ns, locust__base_ns(wait->a));
        return due > now_ns ? due - now_ns : 0;
    case LOCUST_WAIT_CUSTOM:
        return wait->fn ? locust__base_ns(wait->fn(&user->as)) : 0;
    default:
        return 0;
    }
}

/* `turn`: of the loop, when the task began. */
static void locust__user_wait(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t now = user->cls->as->wait_time.kind ? locust__os_now_ns() : 0;
    int64_t wait = locust__user_wait_ns(user, now);
    user->waited_ns = locust__base_after(now, wait);
    user->waiting = true;
    if (wait)
        locust__co_sleep(loop, user->waited_ns);
    else if (loop->turn == turn)
        locust__co_yield(loop); // the task never parked: others have waited long enough
    user->waiting = false;
}

static void locust__user_run_tasks(locust__user *user) LOCUST__PARKS
{
    user->started = true;
    if (user->cls->as->on_start)
        user->cls->as->on_start(&user->as);
    locust__client_settle(&user->client);
    while (!user->stopping) {
        uint64_t turn = user->all->services->loop->turn;
        locust__user_pick(user)->fn(&user->as);
        locust__client_settle(&user->client);
        if (!user->stopping)
            locust__user_wait(user, turn);
    }
}

/* Runs fn until it returns, or until a call in it finds that the user is being stopped. */
static void locust__user_guarded(locust__user *user, void (*fn)(locust__user *user)) LOCUST__PARKS
{
    if (setjmp(*locust__co_unwind_point(user->co)) == 0)
        fn(user);
}

/* Goes on behind locust__user_guarded. */
static _Noreturn void locust__user_unwind(const locust__user *user)
{
    longjmp(*locust__co_unwind_point(user->co), 1);
}

static void locust__user_run_on_stop(locust__user *user) LOCUST__PARKS
{
    if (user->started && user->cls->as->on_stop)
        user->cls->as->on_stop(&user->as);
}

static void locust__users_remove(locust__user *user)
{
    locust__users *all = user->all;
    if (user->prev)
        user->prev->next = user->next;
    else
        all->first = user->next;
    if (user->next)
        user->next->prev = user->prev;
    else
        all->last = user->prev;
    all->alive--;
    user->cls->alive--;
}

static void locust__user_main(void *arg)
{
    locust__user *user = arg;
    user->waited_ns = locust__os_now_ns();
    if (!user->stopping)
        locust__user_guarded(user, locust__user_run_tasks);
    user->stopping = true;
    user->co->cancelled = false; // on_stop may park; a later cancellation cuts it short as well
    locust__client_settle(&user->client);
    locust__user_guarded(user, locust__user_run_on_stop);
    locust__client_deinit(&user->client);
    locust__slots_deinit(user->co->local);
    for (locust_stream *s = user->streams, *next; s; s = next) { // that a cut task could not close
        next = s->next;
        locust__stream_close(s);
        LOCUST_FREE(s);
    }
    user->co->local = NULL;
    locust__users_remove(user);
    LOCUST_FREE(user);
}

/* Makes a user and starts it. False: no memory. */
static bool locust__user_start(locust__users *all, locust__class *cls)
{
    size_t head = (sizeof(locust__user) + 15) & ~(size_t)15;
    size_t slots = (locust__slots_bytes() + 15) & ~(size_t)15;
    locust__user *user = locust__base_zalloc(head + slots + cls->as->data_size);
    if (!user)
        return false;
    user->co = locust__co_start(all->services->loop, cls->as->name, cls->as->stack_size,
        locust__user_main, user, &all->group);
    if (!user->co) {
        LOCUST_FREE(user);
        return false;
    }
    user->co->local = (char *)user + head;
    user->as.id = ++all->next_id;
    user->as.host = cls->host;
    user->as.data = cls->as->data_size ? (char *)user + head + slots : NULL;
    user->as.env = all->env;
    user->as.user_class = cls->as;
    user->all = all;
    user->cls = cls;
    locust__client_init(&user->client, all->services, &user->as);
    user->prev = all->last;
    if (all->last)
        all->last->next = user;
    else
        all->first = user;
    all->last = user;
    all->alive++;
    cls->alive++;
    return true;
}

/* No further task for anybody. `now`: also cuts the tasks that run; else only ends the waits. */
static void locust__users_stop(locust__users *all, bool now)
{
    for (locust__user *user = all->first; user; user = user->next) {
        user->stopping = true;
        if (now || user->waiting)
            locust__co_cancel(all->services->loop, user->co);
    }
}

/* The user that runs now; anything else is a broken rule. */
static locust__user *locust__user_of(locust_user *u, const char *what)
{
    locust__user *user = (locust__user *)(void *)u;
    if (!u || !locust__loop_now || locust__loop_now->current != user->co)
        locust__base_die(LOCUST__EXIT_USAGE,
            "%s was called outside its user: call it from that user's own task, on_start or "
            "on_stop",
            what);
    return user;
}

/* A test whose set-up is broken ends; the user goes no further. */
static void locust__user_break(locust__user *user, const char *why) LOCUST__PARKS
{
    locust__users *all = user->all;
    if (!all->setup_error)
        all->setup_error = why;
    user->stopping = true;
    all->request_stop(all->env);
    locust__user_unwind(user);
}

LOCUST_API locust_response *locust_send(locust_user *u, const locust_request *req)
{
    locust__user *user = locust__user_of(u, "a request (locust_send, locust_get, ...)");
    locust_error error =
        locust__client_send(&user->client, req, user->cls->as->headers, &user->cls->base);
    if (user->client.broken)
        locust__user_break(user, user->client.broken);
    if (error == LOCUST_ERR_CANCELLED || user->co->cancelled)
        locust__user_unwind(user);
    return &user->client.response;
}

LOCUST_API void locust_sleep(locust_user *u, double seconds)
{
    locust__user *user = locust__user_of(u, "locust_sleep");
    locust__loop *loop = user->all->services->loop;
    locust__co_sleep(loop, locust__base_after(locust__os_now_ns(), locust__base_ns(seconds)));
    if (user->co->cancelled)
        locust__user_unwind(user);
}

LOCUST_API void locust_stop_test(locust_user *u)
{
    locust__user *user = locust__user_of(u, "locust_stop_test");
    user->stopping = true;
    user->all->request_stop(user->all->env);
}

LOCUST_API void locust_interrupt(locust_user *u, bool reschedule)
{
    (void)reschedule;
    locust__user_of(u, "locust_interrupt");
    locust__base_missing("locust_interrupt");
}

LOCUST_API locust_measure locust_measure_start(locust_user *u, const char *method, const char *name)
{
    locust__user *user = locust__user_of(u, "LOCUST_MEASURE");
    locust__client_settle(&user->client);
    return (locust_measure){
        .user = u, .method = method, .name = name, .open = true, .start_ns = locust__os_now_ns()};
}

LOCUST_API void locust_measure_stop(locust_measure *m)
{
    locust__user *user = locust__user_of(m->user, "LOCUST_MEASURE");
    int64_t now = locust__os_now_ns();
    locust_sample sample = {.method = m->method,
        .name = m->name,
        .error = m->error,
        .length = m->length,
        .user = m->user,
        .elapsed_ms = (double)(now - m->start_ns) / 1e6};
    m->open = false;
    locust__recorder_record(&user->all->services->recorder, &sample, now - m->start_ns, now);
}

/* -- streams of the test's own -- */

enum { LOCUST__STREAM_TIMEOUT_S = 60 };

static int64_t locust__stream_deadline(void)
{
    return locust__os_now_ns() + LOCUST__STREAM_TIMEOUT_S * LOCUST__S;
}

/* Parses tcp://host:port or unix:/path and connects. */
static locust_error locust__stream_open_url(
    locust_stream *s, locust__services *sv, const char *text) LOCUST__PARKS
{
    locust__url url;
    char host[LOCUST__NAME];
    int64_t own_ns = 0, deadline = locust__stream_deadline();
    locust_error error;
    if (strncmp(text, "unix:", 5) == 0) {
        locust__addr addr;
        memset(&addr, 0, sizeof addr);
        addr.as.un.sun_family = AF_UNIX;
        addr.len = sizeof addr.as.un;
        if (strlen(text + 5) >= sizeof addr.as.un.sun_path)
            return LOCUST_ERR_URL;
        memcpy(addr.as.un.sun_path, text + 5, strlen(text + 5) + 1);
        return locust__stream_dial(s, &addr, &deadline, &own_ns);
    }
    error = locust__url_parse(text, &url);
    if (error)
        return error;
    if (locust__view_is(url.scheme, "tls") || locust__view_is(url.scheme, "udp"))
        locust__base_missing("locust_connect to tls:// and udp:");
    if (!locust__view_is(url.scheme, "tcp"))
        return LOCUST_ERR_SCHEME;
    if (!url.port)
        return LOCUST_ERR_URL;
    memcpy(host, url.host.ptr, url.host.len);
    host[url.host.len] = '\0';
    return locust__resolver_dial(&sv->resolver, s, host, url.port, &deadline, &own_ns);
}

/* The end of a public call on a stream: no bytes stay in the scratch buffer. */
static bool locust__stream_done(locust_stream *s, locust_error error)
{
    locust__loop *loop = s->net->loop;
    locust_error settled = locust__stream_settle(s);
    s->error = error ? error : settled;
    if (loop->current && loop->current->cancelled && loop->current->local)
        longjmp(*locust__co_unwind_point(loop->current), 1);
    return !s->error;
}

LOCUST_API locust_stream *locust_connect(locust_user *u, const char *url)
{
    locust__user *user = locust__user_of(u, "locust_connect");
    locust_stream *s = LOCUST_MALLOC(sizeof *s);
    if (!s)
        return NULL;
    locust__stream_init(s, &user->all->services->net);
    s->owner = user->co;
    s->next = user->streams;
    s->link = &user->streams;
    if (s->next)
        s->next->link = &s->next;
    user->streams = s;
    s->error = locust__stream_open_url(s, user->all->services, url ? url : "");
    if (user->co->cancelled)
        locust__user_unwind(user);
    return s;
}

static void locust__stream_check_owner(const locust_stream *s, const char *what)
{
    if (!s || !locust__loop_now || locust__loop_now->current != s->owner)
        locust__base_die(LOCUST__EXIT_USAGE,
            "%s was called %s: a stream belongs to the user that opened it", what,
            s ? "outside that user" : "without a stream");
}

/* A stream that never connected keeps saying why. */
static bool locust__stream_usable(locust_stream *s, const char *what)
{
    locust__stream_check_owner(s, what);
    if (!locust__stream_is_open(s) && !s->error)
        s->error = LOCUST_ERR_CLOSED;
    return locust__stream_is_open(s);
}

LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n)
{
    if (!locust__stream_usable(s, "locust_write()"))
        return false;
    return locust__stream_done(s, locust__stream_write(s, (locust__view){bytes, n},
                                      (locust__view){NULL, 0}, locust__stream_deadline()));
}

LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n)
{
    size_t got = 0;
    locust_error error;
    if (!locust__stream_usable(s, "locust_read()"))
        return -1;
    if (!n)
        return 0;
    error = locust__stream_read(s, out, n, &got, locust__stream_deadline());
    if (error == LOCUST_ERR_CLOSED)
        error = LOCUST_OK;
    return locust__stream_done(s, error) ? (ptrdiff_t)got : -1;
}

LOCUST_API ptrdiff_t locust_read_until(locust_stream *s, char end, char *out, size_t size)
{
    size_t scanned = 0, n = 0;
    int64_t deadline;
    locust_error error = LOCUST_OK;
    if (!locust__stream_usable(s, "locust_read_until()"))
        return -1;
    deadline = locust__stream_deadline();
    while (!error && !n) {
        const char *at =
            s->in_len > scanned ? memchr(s->in + scanned, end, s->in_len - scanned) : NULL;
        scanned = s->in_len;
        if (at)
            n = (size_t)(at - s->in) + 1;
        else if (scanned >= size)
            error = LOCUST_ERR_LINE_TOO_LONG;
        else
            error = locust__stream_fill(s, deadline);
    }
    if (!error && n >= size)
        error = LOCUST_ERR_LINE_TOO_LONG;
    if (!error) {
        memcpy(out, s->in, n);
        out[n] = '\0';
        locust__stream_take(s, n);
    }
    return locust__stream_done(s, error) ? (ptrdiff_t)n : -1;
}

LOCUST_API const char *locust_stream_error(const locust_stream *s)
{
    if (!s)
        return locust__error_text(LOCUST_ERR_MEMORY);
    return s->error ? locust__error_text(s->error) : NULL;
}

LOCUST_API void locust_close(locust_stream *s)
{
    if (!s)
        return;
    locust__stream_check_owner(s, "locust_close()");
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    locust__stream_close(s);
    LOCUST_FREE(s);
}

/* ============================================================================================
 * >>runner  spawning, stopping, the environment
 *
 * Purpose     bring the users up at the spawn rate, hold the test for its run time, take them down.
 * Invariants  the environment owns everything of one test; two run one after the other in one
 *             process. Users come in the order of Locust's dispatcher.
 * Cost        a start costs some 3 us: 50,000 users are up in a fifth of a second. Spawning gives
 *             the loop a turn every millisecond, so that it does not make running users look slow.
 * Uses        >>user >>stats >>log
 * Sources     Locust 2.46 and 2.47 (reference runs): users in steps of max(1, floor(rate)), a pause
 *             of step / rate between two; classes in order of name, fixed_count first, then the
 *             smallest w log2(x / (x + 1)), where x counts from w; log lines word for word.
 * ============================================================================================ */

struct locust_env {
    locust__loop loop;
    locust__log log;
    locust__stats stats;
    locust__services services;
    locust__users users;
    const locust_test *test;
    locust_options options;
    locust__class *classes; // in order of name
    double *dispatched;     // x of each class: its weight and the users it was given
    int *fixed;             // users of each class still owed by fixed_count
    int n_classes;
    int64_t start_ns; // 0: not started
    bool stop_requested;
    locust__queue stop_waiters;
    int exit_code;
};

/* -- which class the next user has -- */

/* The weight by which a class gets users; 0: it gets none that way. */
static double locust__class_weight(const locust_user_class *as)
{
    return as->fixed_count > 0 || as->weight < 0 ? 0 : as->weight > 0 ? as->weight : 1;
}

/* The class with the smallest w log2(x / (x + 1)); ties go by x, then w, then name. */
static int locust__dispatch_smallest(const locust_env *env, const double *weights)
{
    int best = -1;
    double best_key = 0;
    for (int i = 0; i < env->n_classes; i++) {
        double x = env->dispatched[i], w = weights[i];
        double key = w > 0 ? w * locust__base_log2(x / (x + 1)) : 0;
        if (w <= 0)
            continue;
        if (best < 0 || key < best_key ||
            (!(key > best_key) && (x < env->dispatched[best] ||
                                      (!(x > env->dispatched[best]) && w < weights[best])))) {
            best = i;
            best_key = key;
        }
    }
    return best;
}

static void locust__dispatch_weights(const locust_env *env, double *weights, bool fixed)
{
    for (int i = 0; i < env->n_classes; i++) {
        const locust__class *cls = &env->classes[i];
        weights[i] = fixed ? (cls->as->fixed_count > 0 ? cls->as->fixed_count : 0)
                           : locust__class_weight(cls->as);
    }
}

/* Starts the generator over with such weights. */
static void locust__dispatch_restart(locust_env *env, bool fixed)
{
    locust__dispatch_weights(env, env->dispatched, fixed);
}

/* The class of the next user; NULL: no class takes any more. */
static locust__class *locust__dispatch_next(locust_env *env)
{
    double weights[LOCUST_CLASSES_MAX];
    int owed = 0, i;
    for (i = 0; i < env->n_classes; i++)
        owed += env->fixed[i];
    locust__dispatch_weights(env, weights, owed > 0);
    for (i = 0; owed && i < env->n_classes; i++)
        if (!env->fixed[i])
            weights[i] = 0;
    i = locust__dispatch_smallest(env, weights);
    if (i < 0)
        return NULL;
    env->dispatched[i] += 1;
    if (owed && --env->fixed[i] == 0 && owed == 1)
        locust__dispatch_restart(env, false);
    return &env->classes[i];
}

static void locust__dispatch_init(locust_env *env)
{
    int owed = 0;
    for (int i = 0; i < env->n_classes; i++) {
        env->fixed[i] = env->classes[i].as->fixed_count > 0 ? env->classes[i].as->fixed_count : 0;
        owed += env->fixed[i];
    }
    locust__dispatch_restart(env, owed > 0);
}

/* -- running -- */

static void locust__runner_request_stop(locust_env *env)
{
    env->stop_requested = true;
    while (env->stop_waiters.first)
        locust__co_wake(&env->loop, env->stop_waiters.first, LOCUST__WOKEN);
}

/* Sleeps until then, or until the test is asked to stop. */
static void locust__runner_pause(locust_env *env, int64_t until_ns) LOCUST__PARKS
{
    while (!env->stop_requested && locust__os_now_ns() < until_ns)
        locust__queue_wait(&env->loop, &env->stop_waiters, until_ns);
}

static int64_t locust__runner_end_ns(const locust_env *env)
{
    return env->options.run_time_s > 0
               ? locust__base_after(env->start_ns, locust__base_ns(env->options.run_time_s))
               : LOCUST__NEVER;
}

/* Starts n users, with a turn for the loop every millisecond. Returns how many it started. */
static int locust__runner_spawn_step(locust_env *env, int n) LOCUST__PARKS
{
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    for (int i = 0; i < n; i++) {
        locust__class *cls = locust__dispatch_next(env);
        if (!cls || env->stop_requested)
            return i;
        if (!locust__user_start(&env->users, cls)) {
            locust__log_print(&env->log, LOCUST__ERROR, "locust.runners",
                "out of memory after %d users: the test goes on with these", env->users.alive);
            return i;
        }
        if (i % 32 == 31 && locust__os_now_ns() >= slice_ns) {
            locust__co_yield(&env->loop);
            slice_ns = locust__os_now_ns() + LOCUST__MS;
        }
    }
    return n;
}

/* Brings the users up. False: the test ended before all of them were there. */
static bool locust__runner_spawn(locust_env *env) LOCUST__PARKS
{
    double rate = env->options.spawn_rate;
    int target = env->options.users, spawned = 0;
    int step = rate < 1 ? 1 : rate > target ? target : (int)rate;
    int64_t next_ns = locust__os_now_ns(), end_ns = locust__runner_end_ns(env);
    locust__log_print(&env->log, LOCUST__INFO, "locust.runners",
        "Ramping to %d users at a rate of %.2f per second", target, rate);
    while (spawned < target && !env->stop_requested && locust__os_now_ns() < end_ns) {
        int n = target - spawned < step ? target - spawned : step;
        int started = locust__runner_spawn_step(env, n);
        spawned += started;
        if (started < n)
            return !env->stop_requested;
        next_ns += locust__base_ns(step / rate);
        if (spawned < target)
            locust__runner_pause(env, next_ns < end_ns ? next_ns : end_ns);
    }
    return spawned == target;
}

static void locust__runner_log_spawned(const locust_env *env)
{
    locust__buf text = {NULL, 0, 0, false};
    for (int i = 0; i < env->n_classes; i++)
        locust__buf_printf(
            &text, "%s\"%s\": %d", i ? ", " : "", env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__INFO, "locust.runners",
        "All users spawned: {%.*s} (%d total users)", (int)text.len, text.len ? text.ptr : "",
        env->users.alive);
    locust__buf_free(&text);
}

/* Takes the users down: at once, or when their tasks are done or the stop timeout is over. */
static void locust__runner_stop_users(locust_env *env) LOCUST__PARKS
{
    double timeout_s = env->options.stop_timeout_s;
    locust__users_stop(&env->users, !(timeout_s > 0));
    if (timeout_s > 0 && locust__group_join(&env->loop, &env->users.group,
                             locust__base_after(locust__os_now_ns(), locust__base_ns(timeout_s))) ==
                             LOCUST__TIMED_OUT) {
        locust__log_print(&env->log, LOCUST__INFO, "locust.runners",
            "Not all users finished their tasks & terminated in %.1f seconds. Stopping them...",
            timeout_s);
        locust__users_stop(&env->users, true);
    }
    locust__group_join(&env->loop, &env->users.group, LOCUST__NEVER);
}

/* The whole test, from on_test_start to on_test_stop. Called in a coroutine of its own. */
static void locust__runner_run(locust_env *env) LOCUST__PARKS
{
    bool spawned;
    env->start_ns = locust__os_now_ns();
    locust__stats_reset(&env->stats, env->start_ns);
    if (env->test->on_test_start)
        env->test->on_test_start(env);
    spawned = locust__runner_spawn(env);
    if (spawned) {
        locust__runner_log_spawned(env);
        if (env->options.reset_stats) {
            locust__log_print(&env->log, LOCUST__INFO, "locust.runners", "Resetting stats");
            locust__stats_reset(&env->stats, locust__os_now_ns());
        }
        locust__runner_pause(env, locust__runner_end_ns(env));
    }
    if (!env->stop_requested)
        locust__log_print(
            &env->log, LOCUST__INFO, "locust.main", "--run-time limit reached, shutting down");
    env->stop_requested = true;
    if (env->users.setup_error)
        locust__log_print(&env->log, LOCUST__ERROR, "locust.runners", "%s", env->users.setup_error);
    locust__runner_stop_users(env);
    locust__resolver_stop(&env->services.resolver);
    if (env->test->on_test_stop)
        env->test->on_test_stop(env);
}

/* -- the environment -- */

static int locust__class_order(const void *a, const void *b)
{
    return strcmp(((const locust__class *)a)->as->name, ((const locust__class *)b)->as->name);
}

/* NULL, or why the classes cannot be run; `text` has room for it. */
static const char *locust__env_check(const locust_test *test, char *text, size_t size)
{
    int n = 0;
    if (test->shape)
        return "load shapes are not built yet: this version of locust.h declares them only";
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        const locust_user_class *as = test->users[i];
        const char *wrong = locust__class_check(as);
        if (wrong) {
            snprintf(text, size, "user class %s %s", as->name, wrong);
            return text;
        }
        n += as->fixed_count > 0 || locust__class_weight(as) > 0;
    }
    return n ? NULL : "no user class with a weight: give the test .users = { &YourClass }";
}

/* Takes over classes and hosts. NULL, or what is wrong. */
static const char *locust__env_add_classes(locust_env *env, char *text, size_t size)
{
    for (int i = 0; i < LOCUST_CLASSES_MAX && env->test->users[i]; i++)
        env->n_classes++;
    env->classes = locust__base_zalloc((size_t)env->n_classes * sizeof *env->classes);
    env->dispatched = locust__base_zalloc((size_t)env->n_classes * sizeof *env->dispatched);
    env->fixed = locust__base_zalloc((size_t)env->n_classes * sizeof *env->fixed);
    if (!env->classes || !env->dispatched || !env->fixed)
        return "out of memory";
    for (int i = 0; i < LOCUST_CLASSES_MAX && env->test->users[i]; i++)
        locust__class_init(&env->classes[i], env->test->users[i]);
    qsort(env->classes, (size_t)env->n_classes, sizeof *env->classes, locust__class_order);
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        const char *broken = NULL;
        locust_error error;
        cls->host = env->options.host ? env->options.host : cls->as->host;
        if (!cls->host)
            continue;
        error = locust__client_base(&env->services, cls->host, &cls->base, &broken);
        if (broken)
            return broken;
        if (error == LOCUST_ERR_SCHEME || strncmp(cls->host, "unix:", 5) == 0) {
            cls->base.text = cls->host; // a protocol of the test's own: tcp://, unix:
        } else if (error) {
            snprintf(text, size,
                "host \"%s\" of user class %s is not a URL such as http://127.0.0.1:8080",
                cls->host, cls->as->name);
            return text;
        }
    }
    return NULL;
}

static void locust__env_free(locust_env *env)
{
    locust__loop_close(&env->loop);
    locust__stats_free(&env->stats);
    locust__resolver_free(&env->services.resolver);
    locust__origins_free(env->services.origins);
    locust__patterns_free(env->services.patterns);
    locust__log_close(&env->log);
    LOCUST_FREE(env->classes);
    LOCUST_FREE(env->dispatched);
    LOCUST_FREE(env->fixed);
    LOCUST_FREE(env);
}

static void locust__options_default(locust_options *o)
{
    if (o->users == 0)
        o->users = 1;
    if (o->users < 0)
        o->users = 0;
    if (!(o->spawn_rate > 0))
        o->spawn_rate = 1;
    o->exit_code_on_error = o->exit_code_on_error == 0  ? 1
                            : o->exit_code_on_error < 0 ? 0
                                                        : o->exit_code_on_error;
}

/* Makes an environment, or says why not on standard error. *code: 2 for a wrong option, else 1. */
static locust_env *locust__env_new(
    const locust_test *test, const locust_options *options, int *code)
{
    char text[512];
    const char *wrong = locust__env_check(test, text, sizeof text);
    int level = options->loglevel ? locust__log_level(options->loglevel) : LOCUST__INFO, rc;
    locust_env *env = NULL;
    *code = 1;
    if (!wrong && level < 0)
        wrong = "the log level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL", *code = 2;
    if (!wrong && !(env = locust__base_zalloc(sizeof *env)))
        wrong = "out of memory";
    if (wrong)
        goto fail;
    env->test = test;
    env->options = *options;
    locust__options_default(&env->options);
    rc = locust__loop_open(&env->loop);
    if (rc < 0) {
        wrong = rc == -ENOTSUP
                    ? "this process runs under a locked hardware shadow stack, which coroutines "
                      "cannot: start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off"
                    : strerror(-rc);
        LOCUST_FREE(env);
        env = NULL;
        goto fail;
    }
    rc = locust__log_open(&env->log,
        options->quiet && level < LOCUST__ERROR ? LOCUST__ERROR : level, options->logfile);
    locust__stats_init(&env->stats);
    env->services.loop = &env->loop;
    env->services.log = &env->log;
    env->services.recorder = (locust__recorder){&env->stats, env, test->on_request};
    locust__net_init(&env->services.net, &env->loop, &env->log);
    env->services.net.users = env->options.users;
    locust__resolver_init(&env->services.resolver, &env->services.net);
    env->users.services = &env->services;
    env->users.env = env;
    env->users.request_stop = locust__runner_request_stop;
    if (rc < 0) {
        snprintf(
            text, sizeof text, "cannot write the log file %s: %s", options->logfile, strerror(-rc));
        wrong = text;
        goto fail;
    }
    wrong = locust__env_add_classes(env, text, sizeof text);
    if (wrong)
        goto fail;
    locust__dispatch_init(env);
    return env;
fail:
    fprintf(stderr, "locust: %s\n", wrong);
    if (env)
        locust__env_free(env);
    return NULL;
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
    return env->stats.total.failures ? env->options.exit_code_on_error : 0;
}

LOCUST_API locust_env *locust_env_new(const locust_test *test, const locust_options *options)
{
    int code;
    return locust__env_new(test, options, &code);
}

LOCUST_API void locust_env_free(locust_env *env)
{
    if (env)
        locust__env_free(env);
}

LOCUST_API void locust_stop(locust_env *env)
{
    locust__runner_request_stop(env);
}

LOCUST_API void *locust_env_context(locust_env *env)
{
    return env->options.context;
}

LOCUST_API double locust_run_time(locust_env *env)
{
    return locust__env_run_time(env);
}

LOCUST_API int locust_user_count(locust_env *env)
{
    return env->users.alive;
}

LOCUST_API const locust_stats *locust_stats_total(locust_env *env)
{
    return locust__row_show(&env->stats, &env->stats.total);
}

LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i)
{
    locust__row *row = locust__stats_row(&env->stats, i);
    return row ? locust__row_show(&env->stats, row) : NULL;
}

/* ============================================================================================
 * >>report  tables, CSV files
 *
 * Purpose     what a run tells people and scripts: Locust's tables on standard error, its CSV
 *             files, and compact lines on standard output.
 * Invariants  a CSV file is rewritten in place, by one write and a cut to the new length.
 * Cost        formatted on the loop's stack, every one or two seconds; grows with the rows.
 * Uses        >>runner
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, order, widths, rounding in CSV.
 * Limits      times are printed in milliseconds with three decimals, in wider columns than Locust's
 *             whole ones. CSV percentiles are Locust's rounded buckets; its averages, minima and
 *             maxima have full precision. The exceptions file has its header alone.
 * ============================================================================================ */

enum { LOCUST__PERCENTILES = 11 };

static const double locust__percentiles[LOCUST__PERCENTILES] = {
    0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1};

#define LOCUST__PERCENTILE_NAMES \
    "50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"

typedef struct locust__report_view { // what a report is made of
    locust__stats *stats;
    int64_t now_ns;
    int users;
    bool final; // rates of the whole run, not of the last ten seconds
} locust__report_view;

/* Milliseconds in at most nine characters: decimals go as the number grows. */
static const char *locust__report_ms(char *out, size_t size, int64_t ns)
{
    snprintf(out, size, "%.*f", ns < 100000 * LOCUST__MS ? 3 : 0, (double)ns / 1e6);
    return out;
}

static int locust__row_order(const void *a, const void *b)
{
    const locust__row *x = *(locust__row *const *)a, *y = *(locust__row *const *)b;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : strcmp(x->method, y->method);
}

/* The rows in order of name and method, then the total; *n counts them all. Yours; NULL: no
 * memory. */
static locust__row **locust__report_rows(locust__stats *st, size_t *n)
{
    locust__row **rows = LOCUST_MALLOC((st->n_rows + 2) * sizeof *rows), *row;
    *n = 0;
    if (!rows)
        return NULL;
    while ((row = locust__stats_row(st, *n)) != NULL)
        rows[(*n)++] = row;
    qsort(rows, *n, sizeof *rows, locust__row_order);
    rows[(*n)++] = &st->total;
    return rows;
}

/* Adds text for the console, padded to `width` characters: a line end in a name shall not break a
 * row in two, and UTF-8 counts by characters. */
static void locust__report_text(locust__buf *out, const char *text, int width)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        locust__buf_add(out, c < ' ' || c == 127 ? " " : text, 1);
        width -= (c & 0xC0) != 0x80;
    }
    while (width-- > 0)
        locust__buf_puts(out, " ");
}

static void locust__report_dashes(locust__buf *out, const int *widths, int n)
{
    for (int i = 0; i < n; i++) {
        if (i)
            locust__buf_puts(out, "|");
        for (int k = 0; k < widths[i]; k++)
            locust__buf_puts(out, "-");
    }
    locust__buf_puts(out, "\n");
}

/* Columns for the name: 80, or what a narrower terminal leaves beside the figures. */
static int locust__report_name_width(void)
{
    struct winsize size;
    int left;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    left = size.ws_col - 94;
    return left > 80 ? 80 : left < 8 ? 8 : left;
}

static void locust__report_table_row(
    locust__buf *out, const locust__report_view *v, const locust__row *row, int width)
{
    char avg[32], min[32], max[32], med[32], fails[48];
    double rps, fps;
    if (v->final)
        locust__row_rates(v->stats, row, &rps, &fps);
    else
        locust__row_current_rates(v->stats, row, v->now_ns, &rps, &fps);
    snprintf(fails, sizeof fails, "%llu(%.2f%%)", (unsigned long long)row->failures,
        row->requests ? 100.0 * (double)row->failures / (double)row->requests : 0.0);
    locust__report_text(out, row->method, 8);
    locust__buf_puts(out, " ");
    locust__report_text(out, row->name, width);
    locust__buf_printf(out, " %7llu %12s |%9s %9s %9s %9s | %9.2f %11.2f\n",
        (unsigned long long)row->requests, fails,
        locust__report_ms(avg, sizeof avg, (int64_t)locust__row_mean_ns(row)),
        locust__report_ms(min, sizeof min, row->requests ? row->min_ns : 0),
        locust__report_ms(max, sizeof max, row->max_ns),
        locust__report_ms(med, sizeof med, locust__row_percentile_ns(row, 0.5)), rps, fps);
}

static void locust__report_table(locust__buf *out, const locust__report_view *v)
{
    int width = locust__report_name_width() - 4;
    const int dashes[] = {8, width, 7, 13, 9, 9, 9, 10, 10, 11};
    size_t n;
    locust__row **rows = locust__report_rows(v->stats, &n);
    if (!rows)
        return;
    locust__buf_printf(out, "%-8s %-*s %7s %12s |%9s %9s %9s %9s | %9s %11s\n", "Type", width,
        "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s");
    locust__report_dashes(out, dashes, 10);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n)
            locust__report_dashes(out, dashes, 10);
        locust__report_table_row(out, v, rows[i], width);
    }
    locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

static void locust__report_percentiles(locust__buf *out, const locust__report_view *v)
{
    static const char *const names[] = {LOCUST__PERCENTILE_NAMES};
    int width = locust__report_name_width();
    const int dashes[] = {8, width, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8};
    size_t n;
    locust__row **rows = locust__report_rows(v->stats, &n);
    if (!rows)
        return;
    locust__buf_puts(out, "Response time percentiles (approximated)\n");
    locust__buf_printf(out, "%-8s %-*s", "Type", width, "Name");
    for (int p = 0; p < LOCUST__PERCENTILES; p++)
        locust__buf_printf(out, " %9s", names[p]);
    locust__buf_printf(out, " %8s\n", "# reqs");
    locust__report_dashes(out, dashes, 14);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n)
            locust__report_dashes(out, dashes, 14);
        if (!rows[i]->requests)
            continue;
        locust__report_text(out, rows[i]->method, 8);
        locust__buf_puts(out, " ");
        locust__report_text(out, rows[i]->name, width);
        for (int p = 0; p < LOCUST__PERCENTILES; p++) {
            char ms[32];
            int64_t ns = locust__row_percentile_ns(rows[i], locust__percentiles[p]);
            locust__buf_printf(out, " %9s", locust__report_ms(ms, sizeof ms, ns));
        }
        locust__buf_printf(out, " %8llu\n", (unsigned long long)rows[i]->requests);
    }
    locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

static void locust__report_failure(locust__buf *out, const locust__failure *f)
{
    locust__report_text(out, f->row->method, 0);
    locust__buf_puts(out, " ");
    locust__report_text(out, f->row->name, 0);
    locust__buf_puts(out, ": ");
    locust__report_text(out, f->text, 0);
}

static void locust__report_errors(locust__buf *out, const locust__report_view *v)
{
    const int dashes[] = {18, 141};
    const locust__failure *f;
    if (!locust__stats_failure(v->stats, 0))
        return;
    locust__buf_printf(out, "Error report\n%-18s %-100s\n", "# occurrences", "Error");
    locust__report_dashes(out, dashes, 2);
    for (size_t i = 0; (f = locust__stats_failure(v->stats, i)) != NULL; i++) {
        int used = (int)(strlen(f->row->method) + strlen(f->row->name)) + 3;
        locust__buf_printf(out, "%-18llu ", (unsigned long long)f->occurrences);
        locust__report_failure(out, f);
        locust__report_text(out, "", 100 - used - (int)strlen(f->text));
        locust__buf_puts(out, "\n");
    }
    locust__report_dashes(out, dashes, 2);
    locust__buf_puts(out, "\n");
}

/* key=value pairs: for a serial console and for scripts. Times in ms. The name stands last: it may
 * hold blanks. */
static void locust__report_compact_row(
    locust__buf *out, const locust__report_view *v, const locust__row *row, const char *label)
{
    double rps, fps;
    if (v->final)
        locust__row_rates(v->stats, row, &rps, &fps);
    else
        locust__row_current_rates(v->stats, row, v->now_ns, &rps, &fps);
    locust__buf_printf(out,
        "%s reqs=%llu fails=%llu rps=%.1f fps=%.1f avg=%.3f p50=%.3f p95=%.3f p99=%.3f max=%.3f",
        label, (unsigned long long)row->requests, (unsigned long long)row->failures, rps, fps,
        locust__row_mean_ns(row) / 1e6, (double)locust__row_percentile_ns(row, 0.5) / 1e6,
        (double)locust__row_percentile_ns(row, 0.95) / 1e6,
        (double)locust__row_percentile_ns(row, 0.99) / 1e6, (double)row->max_ns / 1e6);
}

static void locust__report_compact(locust__buf *out, const locust__report_view *v)
{
    const locust__failure *f;
    char label[64];
    size_t n;
    locust__row **rows;
    if (!v->final) {
        int64_t start_ns = v->stats->start_ns ? v->stats->start_ns : v->now_ns; // 0: not begun
        snprintf(
            label, sizeof label, "t=%.0f users=%d", (double)(v->now_ns - start_ns) / 1e9, v->users);
        locust__report_compact_row(out, v, &v->stats->total, label);
        locust__buf_puts(out, "\n");
        return;
    }
    rows = locust__report_rows(v->stats, &n);
    for (size_t i = 0; rows && i < n; i++) {
        locust__report_compact_row(out, v, rows[i], i + 1 == n ? "total" : "row");
        if (i + 1 < n) {
            locust__buf_puts(out, " name=");
            locust__report_text(out, rows[i]->method, 0);
            locust__buf_puts(out, " ");
            locust__report_text(out, rows[i]->name, 0);
        }
        locust__buf_puts(out, "\n");
    }
    LOCUST_FREE(rows);
    for (size_t i = 0; (f = locust__stats_failure(v->stats, i)) != NULL; i++) {
        locust__buf_printf(out, "error count=%llu name=", (unsigned long long)f->occurrences);
        locust__report_failure(out, f);
        locust__buf_puts(out, "\n");
    }
}

/* Prints what is due now. Runs on the loop's stack. */
static void locust__report_print(locust_env *env, bool final)
{
    locust__report_view v = {&env->stats, locust__os_now_ns(), env->users.alive, final};
    locust__buf out = {NULL, 0, 0, false};
    locale_t was, c = locust__locale_enter(&was);
    if (env->options.compact) {
        locust__report_compact(&out, &v);
    } else {
        locust__report_table(&out, &v);
        if (final) {
            locust__report_percentiles(&out, &v);
            locust__report_errors(&out, &v);
        }
    }
    locust__locale_leave(c, was);
    fflush(stdout); // a test's own lines come first
    if (out.len)
        locust__log_write(env->options.compact ? STDOUT_FILENO : STDERR_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}

/* -- CSV -- */

enum {
    LOCUST__CSV_STATS,
    LOCUST__CSV_HISTORY,
    LOCUST__CSV_FAILURES,
    LOCUST__CSV_EXCEPTIONS,
    LOCUST__CSV_FILES
};

typedef struct locust__window { // a row's histogram as it was five to ten seconds ago
    locust__hist older, newer;
} locust__window;

typedef struct locust__csv {
    locust_env *env;
    int fds[LOCUST__CSV_FILES];
    locust__window **windows; // with csv_full_history: of the total, of "(other)", of each row
    size_t n_windows, cap_windows;
    locust__hist recent; // of the row that is being written
    int ticks;
    bool failed; // a write did not succeed, and that was said
} locust__csv;

/* Locust's response time buckets: whole ms below 100, then two digits. */
static int64_t locust__csv_bucket_ms(double ms)
{
    int64_t unit = ms < 100 ? 1 : ms < 1000 ? 10 : ms < 10000 ? 100 : 1000;
    return locust__base_round(ms / (double)unit) * unit;
}

/* The shortest decimal that reads back as the same number, as Python prints a float. */
static void locust__csv_float(locust__buf *out, double x)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = strtod(text, NULL);
        if (!(back < x) && !(back > x))
            break;
    }
    locust__buf_puts(out, text);
    if (!strpbrk(text, ".en"))
        locust__buf_puts(out, ".0");
}

/* A field, quoted when RFC 4180 asks for it. */
static void locust__csv_text(locust__buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        locust__buf_puts(out, text);
        return;
    }
    locust__buf_puts(out, "\"");
    for (; *text; text++)
        locust__buf_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    locust__buf_puts(out, "\"");
}

static void locust__csv_header(locust__buf *out, const char *before, const char *after)
{
    static const char *const names[] = {LOCUST__PERCENTILE_NAMES};
    locust__buf_puts(out, before);
    for (int p = 0; p < LOCUST__PERCENTILES; p++)
        locust__buf_printf(out, ",%s", names[p]);
    locust__buf_printf(out, "%s\r\n", after);
}

static void locust__csv_percentiles(locust__buf *out, const locust__row *row, const locust__hist *h)
{
    for (int p = 0; p < LOCUST__PERCENTILES; p++) {
        int64_t ns = h == &row->hist ? locust__row_percentile_ns(row, locust__percentiles[p])
                                     : locust__hist_percentile_ns(h, locust__percentiles[p]);
        if (!row->requests)
            locust__buf_puts(out, ",N/A");
        else
            locust__buf_printf(out, ",%lld", (long long)locust__csv_bucket_ms((double)ns / 1e6));
    }
}

/* Median, average, minimum, maximum, average size. */
static void locust__csv_times(locust__buf *out, const locust__row *row)
{
    double median =
        (double)locust__csv_bucket_ms((double)locust__row_percentile_ns(row, 0.5) / 1e6);
    double min = row->requests ? (double)row->min_ns / 1e6 : 0, max = (double)row->max_ns / 1e6;
    locust__buf_puts(out, ",");
    if (median < min || median > max) // then Locust shows the bound, in full
        locust__csv_float(out, median < min ? min : max);
    else
        locust__buf_printf(out, "%lld", (long long)median);
    locust__buf_puts(out, ",");
    locust__csv_float(out, locust__row_mean_ns(row) / 1e6);
    if (!row->requests) {
        locust__buf_puts(out, ",0,0,0");
        return;
    }
    locust__buf_puts(out, ",");
    locust__csv_float(out, min);
    locust__buf_puts(out, ",");
    locust__csv_float(out, max);
    locust__buf_puts(out, ",");
    locust__csv_float(out, (double)row->bytes / (double)row->requests);
}

static void locust__csv_stats(locust__csv *csv, locust__buf *out)
{
    locust__stats *st = &csv->env->stats;
    size_t n;
    locust__row **rows = locust__report_rows(st, &n);
    locust__csv_header(out,
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min "
        "Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s",
        "");
    for (size_t i = 0; rows && i < n; i++) {
        double rps, fps;
        locust__row_rates(st, rows[i], &rps, &fps);
        locust__csv_text(out, rows[i]->method);
        locust__buf_puts(out, ",");
        locust__csv_text(out, rows[i]->name);
        locust__buf_printf(out, ",%llu,%llu", (unsigned long long)rows[i]->requests,
            (unsigned long long)rows[i]->failures);
        locust__csv_times(out, rows[i]);
        locust__buf_puts(out, ",");
        locust__csv_float(out, rps);
        locust__buf_puts(out, ",");
        locust__csv_float(out, fps);
        locust__csv_percentiles(out, rows[i], &rows[i]->hist);
        locust__buf_puts(out, "\r\n");
    }
    LOCUST_FREE(rows);
}

/* The window of a row, made with those before it. NULL: no memory. */
static locust__window *locust__csv_window(locust__csv *csv, const locust__row *row)
{
    const locust__stats *st = &csv->env->stats;
    size_t i = row == &st->total ? 0 : row == &st->other ? 1 : row->index + 2;
    while (csv->n_windows <= i) {
        locust__window **windows =
            locust__base_grow(csv->windows, sizeof *windows, csv->n_windows, &csv->cap_windows);
        if (!windows)
            return NULL;
        csv->windows = windows;
        windows[csv->n_windows] = locust__base_zalloc(sizeof **windows);
        if (!windows[csv->n_windows])
            return NULL;
        csv->n_windows++;
    }
    return csv->windows[i];
}

/* Every five seconds the newer copy becomes the older one. */
static void locust__window_turn(locust__window *w, const locust__hist *now)
{
    locust__hist reuse = w->older;
    w->older = w->newer;
    w->newer = reuse;
    locust__hist_reset(&w->newer);
    locust__hist_add(&w->newer, now);
}

/* What a row's histogram got in the last five to ten seconds; without a full history, ever. */
static const locust__hist *locust__csv_recent(locust__csv *csv, const locust__row *row)
{
    locust__window *w = csv->env->options.csv_full_history ? locust__csv_window(csv, row) : NULL;
    if (!w)
        return &row->hist;
    locust__hist_reset(&csv->recent);
    locust__hist_add(&csv->recent, &row->hist);
    locust__hist_since(&csv->recent, &w->older);
    if (csv->ticks % 5 == 4)
        locust__window_turn(w, &row->hist);
    return &csv->recent;
}

static void locust__csv_history_row(
    locust__csv *csv, locust__buf *out, const locust__row *row, int64_t wall_s, int64_t now_ns)
{
    double rps, fps;
    locust__row_current_rates(&csv->env->stats, row, now_ns, &rps, &fps);
    locust__buf_printf(out, "%lld,%d,", (long long)wall_s, csv->env->users.alive);
    locust__csv_text(out, row->method);
    locust__buf_puts(out, ",");
    locust__csv_text(out, row->name);
    locust__buf_printf(out, ",%.6f,%.6f", rps, fps);
    locust__csv_percentiles(out, row, locust__csv_recent(csv, row));
    locust__buf_printf(
        out, ",%llu,%llu", (unsigned long long)row->requests, (unsigned long long)row->failures);
    locust__csv_times(out, row);
    locust__buf_puts(out, "\r\n");
}

static void locust__csv_history(locust__csv *csv, locust__buf *out)
{
    locust__stats *st = &csv->env->stats;
    int64_t wall_s = locust__os_wall_ns() / LOCUST__S, now_ns = locust__os_now_ns();
    size_t n;
    locust__row **rows = csv->env->options.csv_full_history ? locust__report_rows(st, &n) : NULL;
    for (size_t i = 0; rows && i + 1 < n; i++)
        locust__csv_history_row(csv, out, rows[i], wall_s, now_ns);
    locust__csv_history_row(csv, out, &st->total, wall_s, now_ns);
    LOCUST_FREE(rows);
    csv->ticks++;
}

static void locust__csv_time(locust__buf *out, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / LOCUST__S);
    char text[32];
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, ",%Y-%m-%dT%H:%M:%SZ", &tm);
    locust__buf_puts(out, text);
}

static void locust__csv_failures(locust__csv *csv, locust__buf *out)
{
    locust__stats *st = &csv->env->stats;
    locust__buf_puts(out, "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
    const locust__failure *f;
    for (size_t i = 0; (f = locust__stats_failure(st, i)) != NULL; i++) {
        locust__csv_text(out, f->row->method);
        locust__buf_puts(out, ",");
        locust__csv_text(out, f->row->name);
        locust__buf_puts(out, ",");
        locust__csv_text(out, f->text);
        locust__buf_printf(out, ",%llu", (unsigned long long)f->occurrences);
        locust__csv_time(out, f->first_wall_ns);
        locust__csv_time(out, f->last_wall_ns);
        locust__buf_puts(out, "\r\n");
    }
}

/* Replaces the content of a file, or appends to it. */
static void locust__csv_put(locust__csv *csv, int which, const locust__buf *text, bool append)
{
    int fd = csv->fds[which];
    size_t done;
    if (text->failed)
        return; // no memory: half a file is worse than an old one
    if (!append && lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return;
    done = locust__log_write(fd, text->ptr, text->len);
    if (done < text->len && !csv->failed) {
        csv->failed = true;
        locust__log_print(&csv->env->log, LOCUST__ERROR, "locust.main",
            "cannot write CSV files %s_*.csv, they are incomplete: %s", csv->env->options.csv,
            strerror(errno));
    }
    if (!append && ftruncate(fd, (off_t)done) != 0)
        return; // a pipe or device: nothing lies behind
}

/* Writes all files as of now. Runs on the loop's stack. */
static void locust__csv_write(void *arg)
{
    locust__csv *csv = arg;
    static void (*const writers[])(locust__csv *, locust__buf *) = {
        locust__csv_stats, locust__csv_history, locust__csv_failures};
    locale_t was, c = locust__locale_enter(&was);
    for (int i = 0; i < LOCUST__CSV_EXCEPTIONS; i++) {
        locust__buf out = {NULL, 0, 0, false};
        writers[i](csv, &out);
        locust__csv_put(csv, i, &out, i == LOCUST__CSV_HISTORY);
        locust__buf_free(&out);
    }
    locust__locale_leave(c, was);
}

/* Makes the directories of a path, as Locust does. 0 or -errno. */
static int locust__csv_make_dirs(const char *path)
{
    char *copy = locust__base_copy(path, strlen(path));
    int rc = copy ? 0 : -ENOMEM;
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = -errno;
        *slash = '/';
    }
    LOCUST_FREE(copy);
    return rc;
}

static void locust__csv_close(locust__csv *csv)
{
    for (int i = 0; i < LOCUST__CSV_FILES; i++)
        if (csv->fds[i] >= 0)
            close(csv->fds[i]);
    for (size_t i = 0; i < csv->n_windows; i++) {
        locust__hist_free(&csv->windows[i]->older);
        locust__hist_free(&csv->windows[i]->newer);
        LOCUST_FREE(csv->windows[i]);
    }
    LOCUST_FREE(csv->windows);
    locust__hist_free(&csv->recent);
}

static const char *const locust__csv_names[LOCUST__CSV_FILES] = {
    "_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"};

/* Opens the four files, or none of them: then it says why. */
static bool locust__csv_open(locust__csv *csv, locust_env *env)
{
    const char *prefix = env->options.csv;
    locust__buf header = {NULL, 0, 0, false};
    char path[4096];
    bool made[LOCUST__CSV_FILES] = {false};
    int rc = strlen(prefix) + 32 < sizeof path ? locust__csv_make_dirs(prefix) : -ENAMETOOLONG, i;
    memset(csv, 0, sizeof *csv);
    csv->env = env;
    for (i = 0; i < LOCUST__CSV_FILES; i++)
        csv->fds[i] = -1;
    for (i = 0; i < LOCUST__CSV_FILES && rc == 0; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, locust__csv_names[i]);
        csv->fds[i] = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        made[i] = csv->fds[i] >= 0;
        if (!made[i])
            csv->fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        rc = csv->fds[i] < 0 ? -errno : 0;
    }
    if (rc < 0) {
        fprintf(stderr, "locust: cannot write CSV files %s_*.csv: %s\n", prefix, strerror(-rc));
        for (int k = 0; k < LOCUST__CSV_FILES; k++) {
            snprintf(path, sizeof path, "%s%s", prefix, locust__csv_names[k]);
            if (made[k])
                unlink(path); // those that were there are untouched
        }
        locust__csv_close(csv);
        return false;
    }
    locust__csv_header(&header, "Timestamp,User Count,Type,Name,Requests/s,Failures/s",
        ",Total Request Count,Total Failure Count,Total Median Response Time,Total Average "
        "Response Time,Total Min Response Time,Total Max Response Time,Total Average Content Size");
    locust__csv_put(csv, LOCUST__CSV_HISTORY, &header, false);
    header.len = 0;
    locust__buf_puts(&header, "Count,Message,Traceback,Nodes\r\n");
    locust__csv_put(csv, LOCUST__CSV_EXCEPTIONS, &header, false);
    locust__buf_free(&header);
    return true;
}

/* ============================================================================================
 * >>cli  options, environment variables, config files
 *
 * Purpose     Locust's options from Locust's places.
 * Invariants  the later place wins: ~/.locust.conf, ./locust.conf, the --config file, environment,
 *             command line. Whatever is wrong in any of them is one sentence and exit code 2.
 * Uses        >>runner
 * Sources     Locust 2.46 and 2.47 (reference runs): names, defaults, spans, exit codes, prefixes.
 * Limits      no pyproject.toml. Options of Locust that this version lacks are refused by name.
 * ============================================================================================ */

typedef struct locust__settings { // what the command line can say
    locust_options options;
    bool headless, list, show_task_ratio, version, help;
    char *config;
    const char *classes[LOCUST_CLASSES_MAX]; // the user classes asked for; none: all
    int n_classes;
    locust__buf files[4]; // texts that settings point into
} locust__settings;

enum locust__option_kind {
    LOCUST__OPTION_FLAG,
    LOCUST__OPTION_TEXT,
    LOCUST__OPTION_USERS,
    LOCUST__OPTION_RATE,
    LOCUST__OPTION_SPAN,
    LOCUST__OPTION_LEVEL,
    LOCUST__OPTION_CODE,
    LOCUST__OPTION_IGNORED, // Locust's, without a meaning here
    LOCUST__OPTION_MISSING, // Locust's, not in this version; takes a value
    LOCUST__OPTION_MISSING_FLAG,
};

typedef struct locust__option {
    const char *name;
    char letter;
    enum locust__option_kind kind;
    const char *env; // NULL: none
    size_t offset;   // in locust__settings
    const char *value, *help;
} locust__option;

#define LOCUST__SETTING(field) offsetof(locust__settings, field)
// clang-format off
static const locust__option locust__options_known[] = {
    { "help", 'h', LOCUST__OPTION_FLAG, NULL, LOCUST__SETTING(help), NULL, "this text" },
    { "version", 'V', LOCUST__OPTION_FLAG, NULL, LOCUST__SETTING(version),
      NULL, "print the version" },
    { "host", 'H', LOCUST__OPTION_TEXT, "LOCUST_HOST", LOCUST__SETTING(options.host),
      "URL", "base URL of all user classes, such as http://127.0.0.1:8080" },
    { "users", 'u', LOCUST__OPTION_USERS, "LOCUST_USERS", LOCUST__SETTING(options.users),
      "N", "peak number of users (1)" },
    { "spawn-rate", 'r', LOCUST__OPTION_RATE, "LOCUST_SPAWN_RATE", LOCUST__SETTING(options.spawn_rate),
      "PER_S", "users to start a second (1)" },
    { "run-time", 't', LOCUST__OPTION_SPAN, "LOCUST_RUN_TIME", LOCUST__SETTING(options.run_time_s),
      "SPAN", "stop after that time: 20, 20s, 3m, 2h, 1h20m (no limit)" },
    { "stop-timeout", 's', LOCUST__OPTION_SPAN, "LOCUST_STOP_TIMEOUT", LOCUST__SETTING(options.stop_timeout_s),
      "SPAN", "let running tasks finish for that long at the end (0)" },
    { "headless", 0, LOCUST__OPTION_FLAG, "LOCUST_HEADLESS", LOCUST__SETTING(headless),
      NULL, "start at once, without a web interface" },
    { "only-summary", 0, LOCUST__OPTION_FLAG, "LOCUST_ONLY_SUMMARY", LOCUST__SETTING(options.only_summary),
      NULL, "no table every two seconds, the final ones alone" },
    { "compact", 0, LOCUST__OPTION_FLAG, "LOCUST_COMPACT", LOCUST__SETTING(options.compact),
      NULL, "short key=value lines on standard output in place of tables" },
    { "reset-stats", 0, LOCUST__OPTION_FLAG, "LOCUST_RESET_STATS", LOCUST__SETTING(options.reset_stats),
      NULL, "forget the figures of the ramp-up" },
    { "csv", 0, LOCUST__OPTION_TEXT, "LOCUST_CSV", LOCUST__SETTING(options.csv),
      "PREFIX", "write PREFIX_stats.csv, _stats_history, _failures, _exceptions" },
    { "csv-full-history", 0, LOCUST__OPTION_FLAG, "LOCUST_CSV_FULL_HISTORY", LOCUST__SETTING(options.csv_full_history),
      NULL, "a history line for each row (with --csv)" },
    { "exit-code-on-error", 0, LOCUST__OPTION_CODE, "LOCUST_EXIT_CODE_ON_ERROR", LOCUST__SETTING(options.exit_code_on_error),
      "CODE", "exit code after a run with failures (1)" },
    { "loglevel", 'L', LOCUST__OPTION_LEVEL, "LOCUST_LOGLEVEL", LOCUST__SETTING(options.loglevel),
      "LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)" },
    { "logfile", 0, LOCUST__OPTION_TEXT, "LOCUST_LOGFILE", LOCUST__SETTING(options.logfile),
      "FILE", "log lines go there (standard error)" },
    { "list", 'l', LOCUST__OPTION_FLAG, NULL, LOCUST__SETTING(list),
      NULL, "print the user classes" },
    { "show-task-ratio", 0, LOCUST__OPTION_FLAG, NULL, LOCUST__SETTING(show_task_ratio),
      NULL, "print the share of each task" },
    { "config", 0, LOCUST__OPTION_TEXT, NULL, LOCUST__SETTING(config),
      "FILE", "one more config file" },
    { "locustfile", 'f', LOCUST__OPTION_IGNORED, "LOCUST_LOCUSTFILE", 0,
      "FILE", "ignored: the test is this program" },
    { "skip-log-setup", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_SKIP_LOG_SETUP", 0, NULL, NULL },
    { "config-users", 0, LOCUST__OPTION_MISSING, "LOCUST_CONFIG_USERS", 0, NULL, NULL },
    { "web-host", 0, LOCUST__OPTION_MISSING, "LOCUST_WEB_HOST", 0, NULL, NULL },
    { "web-port", 'P', LOCUST__OPTION_MISSING, "LOCUST_WEB_PORT", 0, NULL, NULL },
    { "web-base-path", 0, LOCUST__OPTION_MISSING, "LOCUST_WEB_BASE_PATH", 0, NULL, NULL },
    { "web-login", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_WEB_LOGIN", 0, NULL, NULL },
    { "tls-cert", 0, LOCUST__OPTION_MISSING, "LOCUST_TLS_CERT", 0, NULL, NULL },
    { "tls-key", 0, LOCUST__OPTION_MISSING, "LOCUST_TLS_KEY", 0, NULL, NULL },
    { "class-picker", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_USERCLASS_PICKER", 0, NULL, NULL },
    { "autostart", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_AUTOSTART", 0, NULL, NULL },
    { "autoquit", 0, LOCUST__OPTION_MISSING, "LOCUST_AUTOQUIT", 0, NULL, NULL },
    { "master", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_MODE_MASTER", 0, NULL, NULL },
    { "master-bind-host", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_BIND_HOST", 0, NULL, NULL },
    { "master-bind-port", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_BIND_PORT", 0, NULL, NULL },
    { "expect-workers", 0, LOCUST__OPTION_MISSING, "LOCUST_EXPECT_WORKERS", 0, NULL, NULL },
    { "expect-workers-max-wait", 0, LOCUST__OPTION_MISSING, "LOCUST_EXPECT_WORKERS_MAX_WAIT", 0,
      NULL, NULL },
    { "enable-rebalancing", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "worker", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_MODE_WORKER", 0, NULL, NULL },
    { "processes", 0, LOCUST__OPTION_MISSING, "LOCUST_PROCESSES", 0, NULL, NULL },
    { "master-host", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_NODE_HOST", 0, NULL, NULL },
    { "master-port", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_NODE_PORT", 0, NULL, NULL },
    { "tags", 'T', LOCUST__OPTION_MISSING, "LOCUST_TAGS", 0, NULL, NULL },
    { "exclude-tags", 'E', LOCUST__OPTION_MISSING, "LOCUST_EXCLUDE_TAGS", 0, NULL, NULL },
    { "print-stats", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_PRINT_STATS", 0, NULL, NULL },
    { "html", 0, LOCUST__OPTION_MISSING, "LOCUST_HTML", 0, NULL, NULL },
    { "json", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "json-file", 0, LOCUST__OPTION_MISSING, NULL, 0, NULL, NULL },
    { "show-task-ratio-json", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "equal-weights", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "profile", 0, LOCUST__OPTION_MISSING, NULL, 0, NULL, NULL },
    { "otel", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_ENABLE_OPENTELEMETRY", 0, NULL, NULL },
};
// clang-format on

enum { LOCUST__OPTIONS = sizeof locust__options_known / sizeof *locust__options_known };

/* Ends the program over a wrong option: argparse's exit code, and so Locust's. */
#define locust__cli_die(...) locust__base_die(LOCUST__EXIT_USAGE, __VA_ARGS__)

static bool locust__option_takes_value(const locust__option *o)
{
    return o->kind != LOCUST__OPTION_FLAG && o->kind != LOCUST__OPTION_MISSING_FLAG;
}

/* A whole number from 0 in decimal. */
static bool locust__cli_number(const char *text, long max, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return locust__base_digit(*text) && !*end && !errno && *out <= max;
}

/* Locust's time spans: 20, 20s, 3m, 2h, 1h20m, 3h30m10s. */
static bool locust__cli_span(const char *text, double *out)
{
    static const char units[] = "hms";
    static const int seconds[] = {3600, 60, 1};
    int unit = 0;
    *out = 0;
    if (!*text)
        return false;
    while (*text) {
        char *end;
        long n;
        if (!locust__base_digit(*text))
            return false;
        errno = 0;
        n = strtol(text, &end, 10);
        if (errno || (!*end && unit > 0 && *out > 0))
            return false;
        if (!*end) { // bare seconds
            *out = (double)n;
            return true;
        }
        while (unit < 3 && units[unit] != *end)
            unit++;
        if (unit == 3)
            return false;
        *out += (double)n * seconds[unit++];
        text = end + 1;
    }
    return true;
}

static bool locust__cli_switch(const char *text, bool *out)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (int i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return true;
        }
    return false;
}

/* Sets one option from its text. `where`: how the user named it, for messages. */
static void locust__option_set(
    locust__settings *st, const locust__option *o, const char *value, const char *where)
{
    void *field = (char *)st + o->offset;
    bool flag = true;
    double number;
    long whole;
    char *end;
    switch (o->kind) {
    case LOCUST__OPTION_FLAG:
        if (value && !locust__cli_switch(value, &flag))
            locust__cli_die("%s takes true or false, not \"%s\"", where, value);
        *(bool *)field = flag;
        break;
    case LOCUST__OPTION_TEXT:
        *(const char **)field = *value ? value : NULL; // empty: as if it were not given
        break;
    case LOCUST__OPTION_USERS:
        if (!locust__cli_number(value, INT_MAX, &whole))
            locust__cli_die("%s takes a whole number from 0, not \"%s\"", where, value);
        *(int *)field = whole ? (int)whole : -1; // 0 in the options means the default
        break;
    case LOCUST__OPTION_RATE:
        number = strtod(value, &end);
        if (end == value || *end || !(number > 0) || number > 1e9)
            locust__cli_die("%s takes a number above 0, not \"%s\"", where, value);
        *(double *)field = number;
        break;
    case LOCUST__OPTION_SPAN:
        if (!locust__cli_span(value, (double *)field))
            locust__cli_die(
                "%s takes a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s, not \"%s\"",
                where, value);
        break;
    case LOCUST__OPTION_LEVEL:
        if (locust__log_level(value) < 0)
            locust__cli_die(
                "%s takes DEBUG, INFO, WARNING, ERROR or CRITICAL, not \"%s\"", where, value);
        *(const char **)field = value;
        break;
    case LOCUST__OPTION_CODE:
        if (!locust__cli_number(value, 255, &whole))
            locust__cli_die("%s takes a whole number from 0 to 255, not \"%s\"", where, value);
        *(int *)field = whole ? (int)whole : -1;
        break;
    case LOCUST__OPTION_IGNORED:
        break;
    case LOCUST__OPTION_MISSING:
    case LOCUST__OPTION_MISSING_FLAG:
        if (!value || !locust__cli_switch(value, &flag) || flag)
            locust__cli_die("%s is an option of Locust that this version of locust.h (%s) lacks",
                where, LOCUST_VERSION);
        break;
    }
}

/* Edits from one name to the other: a character more, less, another, or two swapped. */
static int locust__cli_distance(locust__view a, locust__view b)
{
    enum { MAX = 40 };
    int d[MAX + 1][MAX + 1];
    if (a.len > MAX || b.len > MAX)
        return MAX;
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            int best = (int)(i + j), other;
            if (i && j) {
                other = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
                best = other < best ? other : best;
                other = (d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] : d[i][j - 1]) + 1;
                best = other < best ? other : best;
            }
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                other = d[i - 2][j - 2] + 1;
                best = other < best ? other : best;
            }
            d[i][j] = best;
        }
    return d[a.len][b.len];
}

static _Noreturn void locust__cli_unknown(locust__view name, const char *where)
{
    const char *nearest = NULL;
    int best = 3;
    for (int i = 0; i < LOCUST__OPTIONS; i++) {
        int d = locust__cli_distance(name, locust__view_of(locust__options_known[i].name));
        if (d < best && (size_t)d * 2 < name.len) {
            best = d;
            nearest = locust__options_known[i].name;
        }
    }
    if (nearest)
        locust__cli_die(
            "unknown option %s: did you mean %s%s?", where, *where == '-' ? "--" : "", nearest);
    locust__cli_die("unknown option %s: --help lists them", where);
}

/* The option of that name, or the only one that begins so. */
static const locust__option *locust__option_find(locust__view name, const char *where)
{
    const locust__option *found = NULL;
    locust__buf names = {NULL, 0, 0, false};
    int n = 0;
    for (int i = 0; i < LOCUST__OPTIONS; i++) {
        const locust__option *o = &locust__options_known[i];
        if (locust__view_is(name, o->name)) {
            found = o;
            n = 1;
            break;
        }
        if (name.len && strncmp(o->name, name.ptr, name.len) == 0) {
            found = o;
            locust__buf_printf(&names, "%s--%s", n++ ? ", " : "", o->name);
        }
    }
    if (n > 1)
        locust__cli_die("%s is short for several options: %.*s", where, (int)names.len, names.ptr);
    locust__buf_free(&names);
    if (!found)
        locust__cli_unknown(name, where);
    return found;
}

/* -- config files -- */

static char *locust__cli_trim(char *text)
{
    size_t n;
    text += strspn(text, " \t\r");
    n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    if (n >= 2 && (*text == '"' || *text == '\'') && text[n - 1] == *text) {
        text[n - 1] = '\0';
        text++;
    }
    return text;
}

/* Cuts a comment off a value: from a '#' or ';' with a blank before it, outside of quotes. */
static void locust__config_uncomment(char *value)
{
    char *c = value + strspn(value, " \t");
    char *close = *c == '"' || *c == '\'' ? strchr(c + 1, *c) : NULL;
    for (c = close ? close + 1 : c; *c; c++)
        if ((*c == '#' || *c == ';') && c > value && (c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            return;
        }
}

/* One line: key = value, key: value, key value, --key or key. */
static void locust__config_line(locust__settings *st, char *line, const char *path)
{
    char where[512];
    const locust__option *o;
    char *key = locust__cli_trim(line), *value;
    size_t n;
    if (!*key || *key == '#' || *key == ';' || *key == '[' || strncmp(key, "---", 3) == 0)
        return;
    while (*key == '-')
        key++;
    n = strcspn(key, "=: \t");
    value = key + n;
    value += strspn(value, " \t");
    if (*value == '=' || *value == ':')
        value++;
    locust__config_uncomment(value);
    value = locust__cli_trim(value);
    snprintf(where, sizeof where, "%.*s in %s", (int)n, key, path);
    o = locust__option_find((locust__view){key, n}, where);
    if (locust__option_takes_value(o) && !*value)
        locust__cli_die("%s needs a value", where);
    locust__option_set(st, o, *value ? value : NULL, where);
}

/* Takes a config file's text over: settings point into it. */
static void locust__config_read(locust__settings *st, locust__buf *text, const char *path)
{
    char *end = NULL;
    for (char *line = text->ptr ? strtok_r(text->ptr, "\n", &end) : NULL; line;
         line = strtok_r(NULL, "\n", &end))
        locust__config_line(st, line, path);
}

/* Reads a file; `needed`: it must be there. */
static void locust__config_load(locust__settings *st, int which, const char *path, bool needed)
{
    locust__buf *text = &st->files[which];
    FILE *file = fopen(path, "r");
    size_t got = 1;
    if (!file) {
        if (needed)
            locust__cli_die("cannot read the config file %s: %s", path, strerror(errno));
        return;
    }
    while (got && locust__buf_reserve(text, 4097)) {
        got = fread(text->ptr + text->len, 1, 4096, file);
        text->len += got;
    }
    if (ferror(file))
        locust__cli_die("cannot read the config file %s: %s", path, strerror(errno));
    fclose(file);
    if (text->ptr)
        text->ptr[text->len] = '\0';
    locust__config_read(st, text, path);
}

/* -- the command line -- */

/* The option that an argument names, with the value that is part of it, if any. */
static const locust__option *locust__cli_option(
    const char *arg, const char **value, char *where, size_t size)
{
    const locust__option *o = NULL;
    const char *equals = strchr(arg, '=');
    if (arg[1] == '-') {
        snprintf(where, size, "%.*s", equals ? (int)(equals - arg) : (int)strlen(arg), arg);
        *value = equals ? equals + 1 : NULL;
        return locust__option_find(locust__view_of(where + 2), where);
    }
    snprintf(where, size, "-%c", arg[1]);
    for (int k = 0; k < LOCUST__OPTIONS && !o; k++)
        if (locust__options_known[k].letter == arg[1])
            o = &locust__options_known[k];
    if (!o)
        locust__cli_unknown((locust__view){"", 0}, where);
    *value = arg[2] ? arg + 2 + (arg[2] == '=') : NULL; // -u10, -u=10
    return o;
}

/* An option's value is not the next option: -5 is a number, --headless is not. */
static bool locust__cli_is_value(const char *arg)
{
    return arg && (*arg != '-' || !arg[1] || locust__base_digit(arg[1]) || arg[1] == '.');
}

/* Sets what argv says; `config_only`: the name of the config file alone. */
static void locust__cli_args(locust__settings *st, int argc, char **argv, bool config_only)
{
    bool words_only = false;
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const locust__option *o;
        char where[128];
        if (words_only || *argv[i] != '-' || !argv[i][1]) {
            if (!config_only && st->n_classes < LOCUST_CLASSES_MAX)
                st->classes[st->n_classes++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            words_only = true;
            continue;
        }
        o = locust__cli_option(argv[i], &value, where, sizeof where);
        if (!locust__option_takes_value(o) && value)
            locust__cli_die("%s takes no value, not \"%s\"", where, value);
        if (locust__option_takes_value(o) && !value) {
            value = i + 1 < argc ? argv[++i] : NULL;
            if (!locust__cli_is_value(value))
                locust__cli_die("%s needs a value", where);
        }
        if (!config_only || strcmp(o->name, "config") == 0)
            locust__option_set(st, o, value, where);
    }
}

/* LOCUST_USER_CLASSES: names with blanks between them, for a command line that names none. */
static void locust__cli_env_classes(locust__settings *st)
{
    const char *names = getenv("LOCUST_USER_CLASSES");
    char *end = NULL;
    if (st->n_classes || !names)
        return;
    locust__buf_add(&st->files[3], names, strlen(names) + 1);
    for (char *name = st->files[3].ptr ? strtok_r(st->files[3].ptr, " ", &end) : NULL;
         name && st->n_classes < LOCUST_CLASSES_MAX; name = strtok_r(NULL, " ", &end))
        st->classes[st->n_classes++] = name;
}

static void locust__cli_environment(locust__settings *st)
{
    for (int i = 0; i < LOCUST__OPTIONS; i++) {
        const locust__option *o = &locust__options_known[i];
        const char *value = o->env ? getenv(o->env) : NULL;
        if (value && (*value || locust__option_takes_value(o)))
            locust__option_set(st, o, value, o->env);
    }
}

/* Everything from its places, the weakest first. */
static void locust__cli_read(locust__settings *st, int argc, char **argv)
{
    const char *home = getenv("HOME");
    char path[4096];
    locale_t was, c = locust__locale_enter(&was);
    memset(st, 0, sizeof *st);
    locust__cli_args(st, argc, argv, true);
    if (home && strlen(home) + 32 < sizeof path) {
        snprintf(path, sizeof path, "%s/.locust.conf", home);
        locust__config_load(st, 0, path, false);
    }
    locust__config_load(st, 1, "locust.conf", false);
    if (st->config)
        locust__config_load(st, 2, st->config, true);
    locust__cli_environment(st);
    locust__cli_args(st, argc, argv, false);
    locust__cli_env_classes(st);
    locust__locale_leave(c, was);
    if (st->options.csv_full_history && !st->options.csv)
        locust__cli_die("--csv-full-history needs --csv PREFIX");
}

static void locust__settings_free(locust__settings *st)
{
    for (int i = 0; i < 4; i++)
        locust__buf_free(&st->files[i]);
}

static void locust__cli_help(const char *program)
{
    printf("usage: %s [options] [UserClass ...]\n\n", program);
    for (int i = 0; i < LOCUST__OPTIONS; i++) {
        const locust__option *o = &locust__options_known[i];
        char names[64];
        if (!o->help)
            continue;
        snprintf(names, sizeof names, "%c%c%s --%s %s", o->letter ? '-' : ' ',
            o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? o->value : "");
        printf("  %-30s %s\n", names, o->help);
        if (o->env)
            printf("  %-30s also: %s\n", "", o->env);
    }
    puts("\nOptions also come from ~/.locust.conf, ./locust.conf and --config FILE (users = 100), "
         "then\n"
         "from the environment, then from here; the later place wins. UserClass: run these alone.\n"
         "Exit code: 0, 1 after failures (--exit-code-on-error), 2 for a wrong option.");
}

/* Keeps the classes that were named. False: there is no such class, and it says so. */
static bool locust__cli_pick(
    const locust__settings *st, const locust_test *all, locust_test *picked)
{
    locust__buf unknown = {NULL, 0, 0, false};
    int n = 0;
    *picked = *all;
    if (!st->n_classes)
        return true;
    for (int k = 0; k < st->n_classes; k++) {
        bool found = false;
        for (int i = 0; i < LOCUST_CLASSES_MAX && all->users[i]; i++)
            found |= strcmp(all->users[i]->name, st->classes[k]) == 0;
        if (!found)
            locust__buf_printf(&unknown, "%s%s", unknown.len ? ", " : "", st->classes[k]);
    }
    if (unknown.len) {
        fprintf(stderr, "locust: unknown user class %.*s: --list prints those there are\n",
            (int)unknown.len, unknown.ptr);
        locust__buf_free(&unknown);
        return false;
    }
    for (int i = 0; i < LOCUST_CLASSES_MAX && all->users[i]; i++)
        for (int k = 0; k < st->n_classes; k++)
            if (strcmp(all->users[i]->name, st->classes[k]) == 0) {
                picked->users[n++] = all->users[i];
                break;
            }
    for (; n < LOCUST_CLASSES_MAX; n++)
        picked->users[n] = NULL;
    return true;
}

static void locust__cli_list(const locust_test *test)
{
    puts("Available Users:");
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++)
        printf("    %s\n", test->users[i]->name);
}

/* The users of a class among `users`, as Locust rounds them. */
static double locust__cli_share(const locust_test *test, int i, int users)
{
    double total = 0;
    int fixed = 0;
    for (int k = 0; k < LOCUST_CLASSES_MAX && test->users[k]; k++) {
        fixed += test->users[k]->fixed_count > 0 ? test->users[k]->fixed_count : 0;
        total += locust__class_weight(test->users[k]);
    }
    if (test->users[i]->fixed_count > 0)
        return test->users[i]->fixed_count;
    if (users <= 0)
        users = fixed ? 1 : (int)total; // nobody said how many
    if (!(total > 0) || users <= fixed)
        return 0;
    return (double)locust__base_round(
        locust__class_weight(test->users[i]) / total * (users - fixed));
}

static void locust__cli_ratio_line(int level, double ratio, const char *name)
{
    char share[16];
    snprintf(share, sizeof share, "%*s%-6.1f", 2 * level, "", ratio * 100);
    printf(" %-10s %*s%-*s\n", share, 2 * level, "", 50 - 2 * level, name);
}

static void locust__cli_task_ratio(const locust_test *test, int users)
{
    double sum = 0;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++)
        sum += locust__cli_share(test, i, users);
    for (int total = 0; total < 2; total++) {
        printf("\n %s\n", total ? "Total task ratio" : "Task ratio per User class");
        puts("--------------------------------------------------------------------------------");
        for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
            const locust_user_class *c = test->users[i];
            double share = locust__cli_share(test, i, users) / (sum > 0 ? sum : 1);
            int weights = 0;
            for (const locust_task *t = c->tasks; t && t->fn; t++)
                weights += locust__task_weight(t);
            locust__cli_ratio_line(0, share, c->name);
            for (const locust_task *t = c->tasks; t && t->fn; t++)
                locust__cli_ratio_line(1,
                    (total ? share : 1) * locust__task_weight(t) / (weights ? weights : 1),
                    t->name);
        }
    }
}

/* ============================================================================================
 * >>main  the command and the library entry points
 *
 * Purpose     connects the parts: a run with its periodic reports, the command line around it.
 * Uses        >>runner >>report >>cli
 * ============================================================================================ */

typedef struct locust__run { // one run; on the stack of its caller, which is no coroutine's
    locust_env *env;
    bool command; // with signals, and Locust's first and last log lines
    locust__csv csv;
    locust__group helpers; // coroutines beside the runner
    locust__co *helper[4];
    int n_helpers;
    int signals;          // descriptor that tells them; -1: none
    locust__fd signal_fd; // the same, with the poller
} locust__run;

static void locust__run_print_now(void *arg)
{
    locust__report_print(((locust__run *)arg)->env, false);
}

static void locust__run_print_final(void *arg)
{
    locust__report_print(((locust__run *)arg)->env, true);
}

/* Calls fn on the loop's stack every so often, until it is cancelled. */
static void locust__run_every(
    locust__run *run, int64_t period_ns, void (*fn)(void *), void *arg) LOCUST__PARKS
{
    locust__loop *loop = &run->env->loop;
    int64_t next = locust__os_now_ns();
    do {
        locust__loop_call(loop, fn, arg);
        next += period_ns;
        if (next < locust__os_now_ns())
            next =
                locust__os_now_ns(); // after a pause of the process: one, not all that are missing
    } while (locust__co_sleep(loop, next) != LOCUST__CANCELLED);
}

static void locust__run_tables(void *arg)
{
    locust__run_every(arg, 2 * LOCUST__S, locust__run_print_now, arg);
}

static void locust__run_csv(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__csv_write, &((locust__run *)arg)->csv);
}

/* SIGINT and SIGTERM end the test in order. */
static void locust__run_signals(void *arg)
{
    locust__run *run = arg;
    locust_env *env = run->env;
    locust__fd *f = &run->signal_fd;
    char number;
    if (locust__fd_open(&env->loop, f, run->signals) < 0)
        return;
    while (locust__fd_wait_read(&env->loop, f, LOCUST__NEVER) == LOCUST__WOKEN) {
        f->source.readable = false;
        if (read(run->signals, &number, 1) != 1)
            continue;
        locust__log_print(&env->log, LOCUST__INFO, "locust.main", "Got %s signal",
            number == SIGINT ? "SIGINT" : "SIGTERM");
        locust__runner_request_stop(env);
    }
    locust__os_poll_remove(&env->loop.poller, &f->source); // the pipe is closed by its owner
}

static void locust__run_help(locust__run *run, void (*fn)(void *))
{
    locust__co *co = locust__co_start(&run->env->loop, "the kit itself", 0, fn, run, &run->helpers);
    if (co)
        run->helper[run->n_helpers++] = co;
}

static void locust__run_begin(locust__run *run)
{
    locust_env *env = run->env;
    if (run->command) {
        locust__log_print(
            &env->log, LOCUST__INFO, "locust.main", "Starting locust.h " LOCUST_VERSION);
        if (env->options.run_time_s > 0)
            locust__log_print(&env->log, LOCUST__INFO, "locust.main",
                "Run time limit set to %.0f seconds", env->options.run_time_s);
        else
            locust__log_print(&env->log, LOCUST__INFO, "locust.main",
                "No run time limit set, use CTRL+C to interrupt");
    }
    if (run->signals >= 0)
        locust__run_help(run, locust__run_signals);
    if (!env->options.quiet && !env->options.only_summary)
        locust__run_help(run, locust__run_tables);
    if (env->options.csv)
        locust__run_help(run, locust__run_csv);
}

/* The coroutine that the whole run hangs on. */
static void locust__run_main(void *arg)
{
    locust__run *run = arg;
    locust_env *env = run->env;
    locust__run_begin(run);
    locust__co_yield(&env->loop); // the first table comes before the first user
    locust__runner_run(env);
    for (int i = 0; i < run->n_helpers; i++)
        locust__co_cancel(&env->loop, run->helper[i]);
    locust__group_join(&env->loop, &run->helpers, LOCUST__NEVER);
    env->exit_code = locust__env_exit_code(env);
    if (run->command)
        locust__log_print(
            &env->log, LOCUST__INFO, "locust.main", "Shutting down (exit code %d)", env->exit_code);
    if (!env->options.quiet)
        locust__loop_call(&env->loop, locust__run_print_final, run);
    if (env->options.csv)
        locust__loop_call(&env->loop, locust__csv_write, &run->csv);
}

/* Runs the test. Returns the exit code. */
static int locust__run_test(locust_env *env, bool command)
{
    locust__run run = {.env = env, .command = command, .signals = -1};
    if (env->options.csv && !locust__csv_open(&run.csv, env))
        return 1;
    env->stop_requested = false;
    env->users.setup_error = NULL;
    locust__dispatch_init(env);
    if (command)
        run.signals = locust__os_signals_open();
    env->exit_code = 1;
    if (locust__co_start(&env->loop, "the kit itself", 0, locust__run_main, &run, NULL))
        locust__loop_run(&env->loop);
    else
        fprintf(stderr, "locust: out of memory\n");
    if (run.signals >= 0)
        locust__os_signals_close();
    if (env->options.csv)
        locust__csv_close(&run.csv);
    return env->exit_code;
}

LOCUST_API int locust_run(locust_env *env)
{
    if (locust__loop_now)
        locust__base_die(LOCUST__EXIT_USAGE,
            "locust_run() was called inside a running test: one test runs at a time");
    return locust__run_test(env, false);
}

LOCUST_API int locust_main(int argc, char **argv, const locust_test *test)
{
    locust__settings settings;
    locust_test picked;
    locust_env *env;
    int code = 0;
    locust__cli_read(&settings, argc, argv);
    if (settings.help) {
        locust__cli_help(argc > 0 ? argv[0] : "test");
    } else if (settings.version) {
        puts("locust.h " LOCUST_VERSION);
    } else if (!locust__cli_pick(&settings, test, &picked)) {
        code = 1;
    } else if (settings.list) {
        locust__cli_list(&picked);
    } else if (settings.show_task_ratio) {
        locust__cli_task_ratio(&picked, settings.options.users);
    } else if ((env = locust__env_new(&picked, &settings.options, &code)) != NULL) {
        if (!settings.headless)
            locust__log_print(&env->log, LOCUST__INFO, "locust.main",
                "No web interface in this version of locust.h: running as with --headless");
        code = locust__run_test(env, true);
        locust__env_free(env);
    }
    locust__settings_free(&settings);
    return code;
}

/* ============================================================================================
 * >>changes  what changed, newest first
 *
 * 0.1.0  the first version: HTTP/1.1 load tests from one file
 * ============================================================================================ */

/* ============================================================================================
 * >>license  MIT
 *
 * MIT License
 *
 * Copyright (c) 2026 the locust.h authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 * ============================================================================================ */

#endif // implementation
