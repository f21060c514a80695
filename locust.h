/* locust.h 0.1.0 - load tests in one C header - MIT license, at the end of this file
 *
 * Simulates users of a network service, by the hundred thousand, from one small static program:
 * a test is one C file in the shape of a Locust test, and its figures come in Locust's own tables.
 * This file is joined from the parts in tools/header: edit those, or this and run `make header`.
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
 *   LOCUST_TLS                0    1: https by mbedTLS 2.28, 3.6 or 4; link -lmbedtls -lmbedx509
 *                                  -lmbedcrypto
 *   LOCUST_ZLIB               0    1: asks for gzip and deflate, and decodes them; link -lz
 *   LOCUST_CA_PEM             none      certificates to trust, as a string literal, for a host
 *                                       without files; used where no file was named
 *   LOCUST_POLL               0    1: poll() in place of the system's own poller
 *   LOCUST_KQUEUE             0    1: kqueue, on Linux by libkqueue; the default on macOS and BSD
 *   LOCUST_UCONTEXT           0    1: the C library's ucontext in place of the assembly of >>ctx
 *   LOCUST_VALGRIND           0    1: tell valgrind about stacks (needs <valgrind/memcheck.h>)
 *   LOCUST_MALLOC(n)          malloc    these three together, or none: where all memory comes
 *   LOCUST_REALLOC(p, n)      realloc   from; they may fail, and may not park
 *   LOCUST_FREE(p)            free
 *   LOCUST_STACK_SIZE         65536     bytes of address space for one user's stack; 16 KB of it
 *                                       guard. Only touched pages cost memory. Per class:
 *                                       .stack_size
 *   LOCUST_MAX_HEADER         65536     bytes of response header taken before the request fails
 *   LOCUST_MAX_BODY           67108864  bytes of response body taken before the request fails
 *   LOCUST_MAX_ROWS           10000     rows of statistics; later names share the row "(other)"
 *   LOCUST_BUFFER_SIZE        65536     the one buffer that all users receive into and build a
 *                                       request's head in, which it limits; 4096 or more
 *   LOCUST_HIST_BITS          7         4 to 10: times are kept to 1 part in 2^(bits+1), so 7 is
 *                                       0.4 %. A row takes 2^(bits+3) bytes for each doubling of
 *                                       its times
 *   LOCUST_NO_REPORTS         0    1: no tables and no files, --compact's lines alone
 *   LOCUST_NO_COOKIES         0    1: no user keeps or sends cookies
 *   LOCUST_NO_DIGEST          0    1: no Digest authentication; Basic and bearer tokens remain
 *
 * On a small host: LOCUST_STACK_SIZE 16384 saves 48 KB of address space for each user, not memory.
 * LOCUST_BUFFER_SIZE 4096 saves up to 60 KB, LOCUST_HIST_BITS 5 768 bytes for each doubling of a
 * row's times (3 KB for most rows), LOCUST_MAX_ROWS 100 all the memory of rows beyond (8 KB each),
 * LOCUST_NO_REPORTS 19 KB of program, LOCUST_NO_COOKIES 4 KB, LOCUST_NO_DIGEST 5 KB. No setting
 * changes a type or a function of the public part.
 *
 * Contents: the public part first (all that a test's author reads), then the implementation, in
 * which a part uses only what stands above it. Each is a file of tools/header.
 *
 *   0-public
 *     >>api            types that all of the public part uses
 *     >>errors         why a request has no good answer
 *     >>waits          waits between two tasks
 *     >>arrivals       the open model
 *     >>users          tasks and user classes
 *     >>requests       requests and their answers
 *     >>sessions       the session of a user
 *     >>control        inside a user
 *     >>coroutines     coroutines of a user
 *     >>locals         coroutine-local data
 *     >>streams        protocols of your own
 *     >>feeds          data from files
 *     >>events         samples, shapes and events
 *     >>test           a test
 *     >>options        how to run a test
 *     >>environment    running a test, and its figures
 *     >>macros         making tests
 *   1-ground
 *     >>config         settings made uniform, system headers
 *     >>say            sentences on standard error, and the end of the program
 *     >>time           units of time
 *     >>memory         allocation, growing, arenas, fetching ahead
 *     >>text           views, growing buffers, UTF-8, base64
 *     >>bytes          reading and writing the bytes of a wire format
 *     >>number         numbers in and out, random numbers
 *     >>error          the sentence of each error
 *     >>hash           MD5 and SHA-256, for Digest authentication
 *     >>ctx            the context switch, in assembly, one part for each machine
 *     >>ctx_x86_64     the context switch on x86-64
 *     >>ctx_i386       the context switch on i386
 *     >>ctx_aarch64    the context switch on AArch64
 *     >>ctx_arm        the context switch on ARM, 32 bits
 *     >>ctx_riscv      the context switch on RISC-V, 32 and 64 bits
 *     >>ctx_mips       the context switch on MIPS: o32, n32, n64
 *     >>ctx_powerpc    the context switch on PowerPC, 32 and 64 bits
 *     >>ctx_s390x      the context switch on s390x
 *     >>ctx_m68k       the context switch on m68k
 *     >>ctx_loongarch  the context switch on LoongArch, 64 bits
 *     >>ctx_ucontext   the context switch by the C library
 *     >>ctx_make       a new stack for the switches in assembly
 *     >>ctx_allowed    may stacks be switched?
 *     >>os             what the operating system is asked for, the poller first
 *     >>os_posix       what every system has
 *     >>os_epoll       the poller of Linux
 *     >>os_kqueue      the poller of macOS and the BSDs
 *     >>os_poll        the poller of last resort
 *     >>os_linux       what only Linux has
 *     >>os_unix        what Linux has and this system has not
 *     >>os_macos       macOS
 *     >>os_bsd         FreeBSD, NetBSD, OpenBSD, DragonFly
 *     >>os_plain       any other POSIX system
 *     >>os_aes         has this processor instructions for AES?
 *     >>os_socket      sockets and the limit on descriptors
 *     >>os_stack       address space for stacks, and what guards it
 *     >>os_signal      faults and stop signals
 *     >>log            diagnostics in Locust's log format
 *     >>hist           latency histogram: under 0.4 % error by default, 1 us to 1 h
 *   2-loop
 *     >>co             coroutines, queues of them, and the state of the loop
 *     >>timer          timers of coroutines
 *     >>stack          stacks of coroutines
 *     >>switch         starting, parking, waking, cancelling
 *     >>fd             descriptors and who waits for them
 *     >>loop           turns of the loop
 *     >>sync           queues, semaphores and groups of coroutines
 *     >>local          coroutine-local data
 *     >>context        context variables, and stacks of values
 *   3-measure
 *     >>entry          what was counted of one (method, name)
 *     >>stats          the statistics of a test: entries, failures, failed tasks
 *     >>record         from a finished request to all that count it
 *   4-net
 *     >>address        addresses of sockets
 *     >>source         local addresses to connect from
 *     >>net            what all connections of a test share
 *     >>stream         reading and writing a connection, through layers
 *     >>allowance      how long an operation may take
 *     >>connect        connecting
 *     >>listen         servers, for tools and the kit's own endpoints
 *     >>resolve        what is known of host names, and the files that say more
 *     >>dns            messages of DNS
 *     >>question       asking name servers
 *     >>lookup         a host name on its way to a connection
 *     >>tls            TLS 1.2 and 1.3 by mbedTLS
 *     >>tls_state      what TLS keeps: of a test, a configuration, a connection
 *     >>tls_version    versions and ciphers
 *     >>tls_config     configurations
 *     >>tls_trust      certificates to trust
 *     >>tls_verify     verification
 *     >>tls_socket     between mbedTLS and the socket
 *     >>tls_error      what went wrong
 *     >>tls_layer      reads and writes through TLS
 *     >>tls_handshake  the handshake
 *     >>tls_none       no TLS compiled in
 *     >>url            URLs and origins
 *   5-http
 *     >>head           heads of HTTP/1.1 messages
 *     >>response_head  the head of a response
 *     >>receive        reading messages from a stream
 *     >>write          writing the head of a message
 *     >>json           JSON, read and written
 *     >>extract        values out of a response: patterns, text between
 *     >>cookie         the cookies of one user
 *     >>auth           HTTP authentication: Basic, Digest
 *     >>upload         bodies of requests, in pieces
 *     >>sse            server-sent events
 *     >>body_out       where the body of a response goes
 *     >>proxy          proxies
 *     >>connect_to     --connect-to
 *     >>route          how requests reach servers
 *     >>manners        what a server does with its connections
 *     >>services       what the users of one test share
 *     >>pool           connections of users to origins
 *     >>dial           opening a connection to an origin
 *     >>base_url       a user's host, taken apart once
 *     >>session        the session of a user
 *     >>client         a user's client: its response, verdict and record
 *     >>head_out       the head of a request
 *     >>exchange       one exchange on a connection
 *     >>request        a whole request
 *     >>response       what a test does with a response
 *   6-user
 *     >>fault          what is wrong with a test before it runs
 *     >>task           tasks and task sets as a test runs them
 *     >>class          user classes as a test runs them
 *     >>user           a user, its coroutines, all users of a test
 *     >>arrive         arrivals of the open model, as users take them
 *     >>life           the life of a user
 *     >>start          starting and ending users
 *     >>control        what a task says to its user
 *     >>coroutine      coroutines that a user starts
 *     >>measure        operations that the test measures itself
 *     >>user_stream    streams of the test's own
 *     >>feed           rows of files for users
 *   8-run
 *     >>stages         --stages
 *     >>dispatch       which class the next user has
 *     >>env            the environment of a test
 *     >>usage          what the generator itself used
 *     >>blocked        which task kept the loop to itself
 *     >>warm_up        from when on requests count
 *     >>ramp           from the users that there are to those asked for
 *     >>pace           the schedule of arrivals
 *     >>runner         a test from its first user to its last
 *     >>config_users   --config-users
 *     >>classes        the user classes of a run
 *     >>listeners      a test's events, and the functions that are told of them
 *     >>setup          making an environment
 *     >>env_api        public calls on an environment
 *   9-outside
 *     >>generator      the generator's verdict on itself
 *     >>figures        what a row shows
 *     >>check          checks
 *     >>baseline       comparison with an earlier run
 *     >>find           --find-max
 *     >>remarks        what a run says of itself at its end
 *     >>result         what a run is judged by
 *     >>table          tables and compact lines
 *     >>csv            Locust's CSV files
 *     >>summary        --summary
 *     >>junit          --junit
 *     >>hgrm           --hgrm
 *     >>files          files for other programs
 *     >>github         annotations of GitHub Actions
 *     >>options        the options and how each is set
 *     >>config_file    config files
 *     >>cli            the command line
 *     >>task_ratio     --list and --show-task-ratio
 *     >>run            a run with its periodic reports
 *     >>single         one user for a debugger
 *     >>main           the command and the library entry points
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
#ifndef _FILE_OFFSET_BITS // files of more than 2 GB, and years after 2037, on 32 bits
#define _FILE_OFFSET_BITS 64
#endif
#ifndef _TIME_BITS
#define _TIME_BITS 64
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

#if defined(__GNUC__)
#define LOCUST_NORETURN_ __attribute__((noreturn))
#else
#define LOCUST_NORETURN_
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ============================================================================================
 * >>api  types that all of the public part uses
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
/* ============================================================================================
 * >>errors  why a request has no good answer
 *
 * Purpose     one code and one sentence for each reason. A code carries its protocol, where it has
 *             one.
 * ============================================================================================ */

/* Why a request has no good answer. The text groups failures in reports, so it holds no port,
 * no number and no time of its own. */
#define LOCUST_ERRORS(X)                                                                        \
    X(LOCUST_OK, "ok")                                                                          \
    X(LOCUST_ERR_CANCELLED, "cancelled: the user is being stopped")                             \
    X(LOCUST_ERR_MEMORY, "out of memory")                                                       \
    X(LOCUST_ERR_FILES, "too many open files: raise ulimit -n")                                 \
    X(LOCUST_ERR_PORTS, "no local port left for this destination")                              \
    X(LOCUST_ERR_HTTP_REQUEST, "invalid request: forbidden character in its method or headers") \
    X(LOCUST_ERR_HTTP_BODIES, "invalid request: more than one of .body, .json, .form, "         \
                              ".form_fields, .parts, .body_path, .body_fn")                     \
    X(LOCUST_ERR_HTTP_BODY_LEN, "invalid request: .body_len without .body or .body_fn")         \
    X(LOCUST_ERR_HTTP_AUTHS, "invalid request: both .auth and .bearer")                         \
    X(LOCUST_ERR_HTTP_CALLBACKS, "invalid request: both .on_body and .on_event")                \
    X(LOCUST_ERR_HTTP_REQUEST_SIZE, "request header too large")                                 \
    X(LOCUST_ERR_URL, "invalid URL")                                                            \
    X(LOCUST_ERR_SCHEME, "unknown URL scheme")                                                  \
    X(LOCUST_ERR_NAME, "host name not found")                                                   \
    X(LOCUST_ERR_NAME_SERVER, "host name lookup failed: no usable answer from a name server")   \
    X(LOCUST_ERR_NAME_TIMEOUT, "host name lookup timed out")                                    \
    X(LOCUST_ERR_REFUSED, "connection refused")                                                 \
    X(LOCUST_ERR_CONNECT_TIMEOUT, "connect timed out")                                          \
    X(LOCUST_ERR_HOST_UNREACHABLE, "host unreachable")                                          \
    X(LOCUST_ERR_NET_UNREACHABLE, "network unreachable")                                        \
    X(LOCUST_ERR_NO_SOCKET, "no such unix socket")                                              \
    X(LOCUST_ERR_PERMISSION, "permission denied by the system")                                 \
    X(LOCUST_ERR_RESET, "connection reset by peer")                                             \
    X(LOCUST_ERR_PIPE, "connection closed by peer while sending")                               \
    X(LOCUST_ERR_CLOSED, "connection closed by peer")                                           \
    X(LOCUST_ERR_NETWORK, "network error")                                                      \
    X(LOCUST_ERR_TIMEOUT, "timed out")                                                          \
    X(LOCUST_ERR_LINE_TOO_LONG, "line longer than the buffer")                                  \
    X(LOCUST_ERR_HTTP_NO_RESPONSE, "connection closed without a response")                      \
    X(LOCUST_ERR_HTTP_HEAD_CUT, "connection closed inside the response header")                 \
    X(LOCUST_ERR_HTTP_BODY_CUT, "connection closed inside the response body")                   \
    X(LOCUST_ERR_HTTP_BODY_RESET, "connection reset inside the response body")                  \
    X(LOCUST_ERR_HTTP_VERSION, "not an HTTP/1.x response")                                      \
    X(LOCUST_ERR_HTTP_STATUS_LINE, "malformed status line")                                     \
    X(LOCUST_ERR_HTTP_FIELD, "malformed header field")                                          \
    X(LOCUST_ERR_HTTP_HEAD_SIZE, "response header too large")                                   \
    X(LOCUST_ERR_HTTP_LENGTH, "invalid Content-Length")                                         \
    X(LOCUST_ERR_HTTP_LENGTH_TWICE, "both Content-Length and Transfer-Encoding")                \
    X(LOCUST_ERR_HTTP_ENCODING, "unsupported Transfer-Encoding")                                \
    X(LOCUST_ERR_HTTP_CHUNK, "malformed chunk")                                                 \
    X(LOCUST_ERR_HTTP_BODY_SIZE, "response body too large")                                     \
    X(LOCUST_ERR_HTTP_REDIRECTS, "more than 30 redirects")                                      \
    X(LOCUST_ERR_HTTP_LOCATION, "redirect to an invalid or unsupported location")               \
    X(LOCUST_ERR_HTTP_UPGRADE, "unexpected 101 Switching Protocols")                            \
    X(LOCUST_ERR_TLS_PORT, "the server speaks TLS on this port: use https://")                  \
    X(LOCUST_ERR_HTTP_CODED, "malformed or truncated compressed body")                          \
    X(LOCUST_ERR_HTTP_BODY_FILE, "cannot read the file of a request body")                      \
    X(LOCUST_ERR_HTTP_BODY_ONCE, "redirected, but a body from a function is sent once only")    \
    X(LOCUST_ERR_HTTP_BODY_FN, "the test's body function gave up")                              \
    X(LOCUST_ERR_PROXY, "the proxy refused to connect")                                         \
    X(LOCUST_ERR_PROXY_NAME, "host name of the proxy not found")                                \
    X(LOCUST_ERR_PROXY_REFUSED, "connection refused by the proxy")                              \
    X(LOCUST_ERR_PROXY_AUTH, "the proxy wants other credentials")                               \
    X(LOCUST_ERR_SOURCE, "cannot use the source address")                                       \
    X(LOCUST_ERR_TLS_CERT_EXPIRED, "certificate has expired")                                   \
    X(LOCUST_ERR_TLS_CERT_FUTURE, "certificate is not valid yet")                               \
    X(LOCUST_ERR_TLS_CERT_HOST, "certificate is for another host")                              \
    X(LOCUST_ERR_TLS_CERT_SELF_SIGNED, "certificate is self-signed")                            \
    X(LOCUST_ERR_TLS_CERT_ISSUER, "certificate has an unknown issuer")                          \
    X(LOCUST_ERR_TLS_CERT_WEAK, "certificate has a weak key or signature")                      \
    X(LOCUST_ERR_TLS_CERT_USAGE, "certificate is not meant for servers")                        \
    X(LOCUST_ERR_TLS_CERT_FORM, "certificate cannot be read")                                   \
    X(LOCUST_ERR_TLS_CERT_SIZE, "certificate chain too large for this TLS library")             \
    X(LOCUST_ERR_TLS_CERT_CLIENT, "server wants a client certificate")                          \
    X(LOCUST_ERR_TLS_CERT_CLIENT_REFUSED, "server refused the client certificate")              \
    X(LOCUST_ERR_TLS_VERSION, "no TLS version in common")                                       \
    X(LOCUST_ERR_TLS_CIPHER, "no TLS cipher or curve in common")                                \
    X(LOCUST_ERR_TLS_NAME, "server has no certificate for this host name")                      \
    X(LOCUST_ERR_TLS_ALPN, "server does not speak http/1.1 over TLS")                           \
    X(LOCUST_ERR_TLS_ALERT, "server ended TLS with a fatal alert")                              \
    X(LOCUST_ERR_TLS_RECORD, "corrupted TLS record")                                            \
    X(LOCUST_ERR_TLS_CLOSED, "connection closed inside the TLS handshake")                      \
    X(LOCUST_ERR_TLS_CUT, "connection closed without close_notify: the body may be cut")        \
    X(LOCUST_ERR_TLS_PLAIN, "server speaks plain HTTP on this port: use http://")               \
    X(LOCUST_ERR_TLS_NONE, "server does not speak TLS on this port")                            \
    X(LOCUST_ERR_TLS_RANDOM, "no random numbers for TLS from getrandom() or /dev/urandom")      \
    X(LOCUST_ERR_TLS, "TLS handshake failed")

typedef enum locust_error {
#define LOCUST_ERROR_CONSTANT(name, text) name,
    LOCUST_ERRORS(LOCUST_ERROR_CONSTANT)
#undef LOCUST_ERROR_CONSTANT
        LOCUST_ERROR_COUNT
} locust_error;

/* The sentence of an error, as in the table above. Never NULL; owned by the library. */
LOCUST_API const char *locust_error_text(locust_error error);
/* ============================================================================================
 * >>waits  waits between two tasks
 *
 * Purpose     how long a user waits after a task before its next one. As in Locust.
 * ============================================================================================ */

typedef struct locust_wait_time {
    int kind;    // LOCUST_WAIT_...; 0: no wait, but other users get a turn
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

// clang-format off
#define LOCUST_CONSTANT(s)             {LOCUST_WAIT_CONSTANT, (s), 0, NULL}
#define LOCUST_BETWEEN(min_s, max_s)   {LOCUST_WAIT_BETWEEN, (min_s), (max_s), NULL} // uniform
/* Starts tasks s seconds apart. A task that takes longer is followed at once; lost time is not made
 * up. */
#define LOCUST_CONSTANT_PACING(s)      {LOCUST_WAIT_PACING, (s), 0, NULL}
/* The same, given as tasks a second for each user. */
#define LOCUST_CONSTANT_THROUGHPUT(per_s) {LOCUST_WAIT_PACING, 1.0 / (per_s), 0, NULL}
/* fn(u) returns the seconds to wait; a negative number counts as 0. fn may not park. */
#define LOCUST_WAIT_FN(fn)             {LOCUST_WAIT_CUSTOM, 0, 0, (fn)}
// clang-format on
/* ============================================================================================
 * >>arrivals  the open model
 *
 * Purpose     a class whose tasks or users arrive at a rate, whatever the server does (an open
 *             model).
 * ============================================================================================ */

enum { LOCUST_ARRIVE_TASKS, LOCUST_ARRIVE_USERS };

/* Arrivals keep their schedule however long answers take. With LOCUST_ARRIVE_TASKS an arrival is
 * one task, run by an idle user or by a new one. With LOCUST_ARRIVE_USERS it is a new user, which
 * runs .iterations tasks (0: 1) and leaves. An arrival that finds `max` in flight waits and counts
 * as late; after `patience_s` it is shed. The delay of a late arrival is added to the response time
 * of its first request "from the intended start". */
typedef struct locust_arrivals {
    double rate;       // arrivals a second; 0: the class is not an open model
    int kind;          // LOCUST_ARRIVE_TASKS, LOCUST_ARRIVE_USERS
    bool poisson;      // exponential gaps; false: equal gaps
    int max;           // in flight; 0: 10,000
    double patience_s; // 0: 10, negative: none
} locust_arrivals;

typedef struct locust_arrival_counts { // scheduled = started + shed + those that still wait
    uint64_t scheduled, started, late, shed;
} locust_arrival_counts;
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
    locust_arrivals arrivals; // its users arrive at a rate, in place of weight and fixed_count
    int max_requests;         // for one connection, then a new one; 0: no limit
    /* After a request that reached no server (refused, name not found, no route), how long a user
     * waits for its next task at least: a tenth of this at first, then twice as long each time, up to
     * this; the half of it at random. Seconds; 0: 1, negative: no pause. A longer .wait_time stays
     * as it is, and tasks of the open model come when they are due. */
    double retry_pause;
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
/* ============================================================================================
 * >>requests  requests and their answers
 *
 * Purpose     sends requests (locust_get, locust_post, ...), and reads and judges their answers.
 * ============================================================================================ */

typedef struct locust_part { // one part of a multipart/form-data body
    const char *name;
    const char *text; // the content, or
    const char *path; // a file to send
    const char *type; // Content-Type; NULL: none for text, application/octet-stream for a file
} locust_part;

/* Writes the next 1 to n bytes of a request's body to out. Returns how many; 0: the body is
 * complete, -1: give up. Runs on the user's stack and may not park. */
typedef ptrdiff_t (*locust_body_fn)(void *arg, void *out, size_t n);
/* Takes n bytes of a response's body. Returns false to end the response here: the connection is
 * closed, and the request counts as passed. May not park. */
typedef bool (*locust_chunk_fn)(void *arg, const char *bytes, size_t n);

typedef struct locust_sse_event { // of a stream of server-sent events (HTML standard, 9.2)
    const char *type;             // "message" if the server gave none
    const char *data;             // lines joined by '\n'
    const char *id;               // of the last event that had one; "" if none had
    int retry_ms;                 // the last "retry" of the stream; -1: none yet
} locust_sse_event;
/* Takes one event, which lives until the function returns. Returns false to end the response, as
 * above. May not park. */
typedef bool (*locust_sse_fn)(void *arg, const locust_sse_event *event);

/* One HTTP request. Everything is borrowed until the call returns.
 *
 * Give at most one body (.body, .json, .form, .form_fields, .parts, .body_path, .body_fn), one of
 * .auth and .bearer, one of .on_body and .on_event, and .body_len with .body or .body_fn alone.
 * A request that contradicts itself fails before it is sent, and the failure's sentence names the
 * fields. The task goes on, as after any failed request.
 */
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
    const locust_part *parts;       // body as multipart/form-data; files are streamed from disk
    const char *body_path;          // body from a file, streamed
    locust_body_fn body_fn;         // body from a function: body_len bytes; 0: chunked, any length
    bool expect_continue;           // wait up to 1 s for "100 Continue" before sending the body
    const char *auth;               // "user:password": Basic, or Digest when the server asks for it
    const char *bearer;             // a token: "Authorization: Bearer TOKEN"
    locust_chunk_fn on_body;        // takes the body as it comes; response->body stays empty
    locust_sse_fn on_event;         // takes server-sent events; response->body stays empty
    void *arg;                      // first argument of body_fn, on_body, on_event
    void *context;                  // yours: listeners find it in the sample
    double timeout_s;               // connect to last byte; 0: 60, negative: none
    bool catch_response;            // the test gives the verdict: locust_success, locust_failure
    bool no_redirect;               // hand 3xx to the caller; false: follow up to 30 (HEAD: none)
    int expect_status;              // another status is a failure; 0: any below 400 passes
    const char *expect_body;        // a body without this text is a failure
    bool expect_json;               // ask for JSON; another body is a failure
} locust_request;

typedef struct locust_phases { // of the last hop, in ms; 0 where it did not happen
    double name_ms;            // name lookup
    double connect_ms;         // TCP, and a proxy's CONNECT
    double tls_ms;             // TLS handshake
    double wait_ms;            // from the first byte sent to the first byte received
    double receive_ms;         // from there to the last byte
} locust_phases;

/* What came back. Lives until this user's next request or the end of the user; free nothing. */
struct locust_response {
    const char *error;  // NULL, or one short, stable sentence: there is no answer, status is 0; or
                        // a part of one came before that, whose status, fields and body are here
    locust_error code;  // the same, to compare
    int status;         // 100 to 999
    const char *reason; // reason phrase of the status line; may be empty
    const char *body;   // body[body_len] is '\0'
    size_t body_len;
    uint64_t length;   // bytes of body, those of a streamed one too; decoded
    const char *url;   // absolute URL of this answer
    double elapsed_ms; // see locust_send
    locust_phases phases;
    bool reused; // the connection had served an earlier request
    locust_user *user;
};

/* Sends one request and waits for the whole response.
 *
 * Call from    a user.
 * Returns      a response that lives until this user's next request; never NULL.
 * Errors       never aborts. response->error says why there is no whole answer; the failure is in
 *              the statistics already (with catch_response: at this user's next request or the end
 *              of the task).
 * Time         from right before the first byte is sent (on a new connection: before the name
 *              lookup and the connect) to the arrival of the last byte at this machine, as its
 *              kernel noted (SO_TIMESTAMPNS): how long the generator then takes to read it is not
 *              the server's time. Where the kernel does not say: to right after the last byte is
 *              parsed.
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
/* JSON in, JSON out: locust_rest(u, "POST", "/items", .json = "{}"). An answer that is not JSON is
 * a failure. Like rest() of Locust's FastHttpUser. */
#define locust_rest(u, verb, ...) \
    locust_send((u), &(locust_request){.method = (verb), .expect_json = true, .url = __VA_ARGS__})
#define LOCUST_SEND_(u, verb, ...) \
    locust_send((u), &(locust_request){.method = (verb), .url = __VA_ARGS__})

#define LOCUST_HEADERS(...) ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARAMS(...)  ((const locust_pair[]){__VA_ARGS__, {NULL, NULL}})
#define LOCUST_PARTS(...)   ((const locust_part[]){__VA_ARGS__, {NULL, NULL, NULL, NULL}})

/* The value of the first response header field of that name, in any case; NULL if there is none.
 * Lives as long as the response. */
LOCUST_API const char *locust_header(const locust_response *r, const char *name);

/* Judge a request that was made with .catch_response = true. The last verdict counts; without one,
 * the usual rule applies: a status below 400 passes. Reports group failures by this text: keep ids
 * out of it; 255 bytes at most. */
LOCUST_API void locust_success(locust_response *r);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API void
locust_failure(locust_response *r, const char *format, ...);

/* Copy a value out of a body, for the next request: from a path of a JSON body ("user.ids[0]", ""
 * for the whole), from group 0 to 9 of a POSIX extended regular expression, or from between two
 * texts. Each returns false if there is no such value, it has another type, or its text and a '\0'
 * do not fit into out[size]; *out of a number or bool then stays as it was. An invalid regular
 * expression ends the program. Call these while the response lives. */
LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out);
LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out);
LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size);
LOCUST_API bool locust_match(
    const locust_response *r, const char *regex, int group, char *out, size_t size);
LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size);
/* ============================================================================================
 * >>sessions  the session of a user
 *
 * Purpose     header fields, cookies, certificates and connections that last from request to
 *             request.
 * ============================================================================================ */

/* A field that this user sends with every request from now on, in place of the class's of that
 * name; NULL: no longer. Copied. Returns false if the name or value cannot be sent, or memory ran
 * out. */
LOCUST_API bool locust_set_header(locust_user *u, const char *name, const char *value);

/* The value of the cookie of that name that this user would send to `url` (a path below its host,
 * or absolute); NULL: none. Lives until this user's next request or change of cookies. */
LOCUST_API const char *locust_cookie(locust_user *u, const char *url, const char *name);
/* Takes a cookie as if `url` had sent "Set-Cookie: text". False: RFC 6265 or a limit refuses it. */
LOCUST_API bool locust_set_cookie(locust_user *u, const char *url, const char *text);
LOCUST_API void locust_clear_cookies(locust_user *u);

/* This user's own client certificate in place of the class's; files as there. Closes its kept
 * connections; the user no longer shares its class's .pool. Borrowed until the test ends. */
LOCUST_API void locust_set_cert(locust_user *u, const char *cert_file, const char *key_file);

/* Closes this user's kept connections: the next request makes a new one. */
LOCUST_API void locust_close_connections(locust_user *u);
/* ============================================================================================
 * >>control  inside a user
 *
 * Purpose     what a task does to its own user: wait, stop, fail, defer, schedule.
 * ============================================================================================ */

/* Parks this user for that many seconds. Call from a user. */
LOCUST_API void locust_sleep(locust_user *u, double seconds);

/* Ends the test as if its run time were over: users are stopped, on_stop runs for each, reports
 * are written. Returns at once; the calling user goes on until it parks or its task ends. */
LOCUST_API void locust_stop_test(locust_user *u);

/* Leaves the running task set, whose on_stop runs; `reschedule`: its parent picks the next task
 * without a wait. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_interrupt(locust_user *u, bool reschedule);

/* Ends this user. on_stop runs; no other user takes its place. Does not return. */
LOCUST_NORETURN_ LOCUST_API void locust_stop_user(locust_user *u);

/* Fails the running task, as an exception does in Locust: the message and its place are counted and
 * reported, on_user_error is called, and after the wait the next task runs. In on_start it ends the
 * user without its on_stop, in a task set's on_start that set. Does not return. Reports group by
 * the text: keep ids out of it. */
#define locust_fail(u, ...) locust_fail_at((u), __FILE__, __LINE__, __func__, __VA_ARGS__)
#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 5, 6)))
#endif
LOCUST_API void
locust_fail_at(
    locust_user *u, const char *file, int line, const char *function, const char *format, ...);

/* Calls fn(arg) when the running task, on_start or on_stop is left, by its end or by an unwinding.
 * The last one deferred runs first. fn may not park. Returns false without memory: fn was called at
 * once. */
LOCUST_API bool locust_defer(locust_user *u, void (*fn)(void *arg), void *arg);

/* Runs a task of the current set before any that would be picked: after the tasks scheduled so far,
 * or (`first`) before them. Returns false without memory. Like TaskSet.schedule_task. */
LOCUST_API bool locust_schedule(locust_user *u, locust_task_fn task, bool first);

/* Gives this user its own tasks in place of its class's. `tasks` is borrowed until the user ends.
 * Call from on_start or from a task of the class itself. Returns false if the tasks are wrong or
 * memory ran out. */
LOCUST_API bool locust_set_tasks(locust_user *u, const locust_task *tasks);

/* Waits as between two tasks. */
LOCUST_API void locust_wait(locust_user *u);
/* ============================================================================================
 * >>values  random numbers, identifiers and texts
 *
 * Purpose     what a test sends that is another each time, without snprintf and its buffers.
 * ============================================================================================ */

/* A random number from 0 up to, not including, 1. --seed repeats what a user draws. Not for
 * secrets. Call from a user, as all of these. Like random.random of Python. */
LOCUST_API double locust_random(locust_user *u);
/* A random whole number from min to max, both included; min if max is smaller. Like
 * random.randint. */
LOCUST_API int64_t locust_random_int(locust_user *u, int64_t min, int64_t max);
/* LOCUST_CHOICE(u, names)  is one of the elements of the array `names`, each as likely. A pointer,
 * which does not know its length, does not compile. Like random.choice. */
#define LOCUST_CHOICE(u, array)                                                         \
    ((array)[locust_random_int((u), 0,                                                  \
        (int64_t)(sizeof(array) / sizeof *(array)) - 1 +                                \
            0 * (int64_t)sizeof(char[__builtin_types_compatible_p(__typeof__(array),    \
                                         __typeof__(&(array)[0]))                       \
                                         ? -1                                           \
                                         : 1]))])

/* Text by the rules of printf. It lives until the task, on_start, on_stop or coroutine that asked for
 * it ends: free nothing. Never NULL; without memory, or with a format that cannot be carried out,
 * the task fails. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
LOCUST_API const char *
locust_text(locust_user *u, const char *format, ...);
/* A random UUID, such as "f81d4fae-7dec-41d0-a765-00a0c91e6bf6" (RFC 9562, version 4). Lives as long
 * as a locust_text. Like str(uuid.uuid4()). */
LOCUST_API const char *locust_uuid(locust_user *u);
/* Gives back all texts that this task has asked for so far, where a task is one long loop. */
LOCUST_API void locust_clear_texts(locust_user *u);
/* ============================================================================================
 * >>coroutines  coroutines of a user
 *
 * Purpose     lets one user do several things at once.
 * ============================================================================================ */

typedef void (*locust_coroutine_fn)(locust_user *u, void *arg);
typedef struct locust_coroutine locust_coroutine;
typedef struct locust_group locust_group;

/* Starts fn(u, arg) beside the caller, as a part of the same user: it shares data, slots, cookies,
 * header fields and connections, and inherits context variables. Its requests and waits take the
 * `u` that it is given. It is cut short when the user ends. Like gevent.spawn. Returns a handle,
 * good until it is joined or the task that started it ends; NULL if memory ran out. */
LOCUST_API locust_coroutine *locust_spawn(locust_user *u, locust_coroutine_fn fn, void *arg);
/* Waits until that coroutine has ended; the handle ends with it. NULL is fine. */
LOCUST_API void locust_join(locust_user *u, locust_coroutine *coroutine);
/* Waits until every other coroutine of this user has ended. */
LOCUST_API void locust_join_all(locust_user *u);

/* A group of coroutines of which at most `limit` run at once, as a browser loads the parts of a
 * page. It ends with locust_group_join, or with the task that made it. NULL if memory ran out. */
LOCUST_API locust_group *locust_group_new(locust_user *u, int limit);
/* Waits for a place, then starts fn(u, arg) in it. False: memory ran out. */
LOCUST_API bool locust_group_start(
    locust_user *u, locust_group *group, locust_coroutine_fn fn, void *arg);
/* Waits until all of the group have ended, and frees it. */
LOCUST_API void locust_group_join(locust_user *u, locust_group *group);

typedef struct locust_semaphore { // make it with LOCUST_SEMAPHORE; the rest is the library's
    int free;
    void *waiters[2];
} locust_semaphore;

/* At most n users of the process at once:  static locust_semaphore door = LOCUST_SEMAPHORE(10);
 * A user that is cut short keeps its unit; give it back with locust_defer. */
// clang-format off
#define LOCUST_SEMAPHORE(n) {(n), {NULL, NULL}}
// clang-format on
LOCUST_API void locust_semaphore_take(locust_user *u, locust_semaphore *semaphore);
LOCUST_API void locust_semaphore_give(locust_user *u, locust_semaphore *semaphore);

/* Waits until the current ramp is over; returns at once if there is none. */
LOCUST_API void locust_wait_spawned(locust_user *u);
/* ============================================================================================
 * >>locals  coroutine-local data
 *
 * Purpose     data that each user has for itself, reached from any function it calls.
 * ============================================================================================ */

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
LOCUST_API void locust_slot_release(const locust_slot *slot);
LOCUST_API bool locust_slot_enter(const locust_slot *slot);
LOCUST_API bool locust_slot_leave(const locust_slot *slot);

/* LOCUST_LOCAL(struct session, session);  gives  struct session *session(void)
 *                                             and  void session_release(void)
 *
 * Each user has its own, zeroed before on_start and reclaimed after on_stop. Reading one outside a
 * user ends the program with that rule. session_release() ends it before: the next use finds it
 * fresh. At file scope. For a name that reads like a variable:  #define me (*session()) */
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
    __attribute__((unused)) static void slot_##_release(void)                              \
    {                                                                                      \
        locust_slot_release(&slot_##_slot);                                                \
    }                                                                                      \
    static type *slot_(void)

/* LOCUST_SCOPE(session) { ... }  Inside the block session() is a fresh slot; after the block it is
 * the one from before. Leave the block by its end, by `continue`, or by whatever leaves the task.
 * Without memory the block does not run. One coroutine of a user at a time may be inside. */
#define LOCUST_SCOPE(slot_) LOCUST_SCOPE_(slot_, LOCUST_JOIN_(slot_##_entered_, __LINE__))
#define LOCUST_SCOPE_(slot_, entered_)                               \
    for (bool entered_ = locust_slot_enter(&slot_##_slot); entered_; \
         entered_ = locust_slot_leave(&slot_##_slot))
#define LOCUST_JOIN_(a, b)  LOCUST_JOIN__(a, b)
#define LOCUST_JOIN__(a, b) a##b

enum { LOCUST_VAR_BYTES = 32 }; // the largest value of a context variable

typedef struct locust_token { // what a context variable held before it was set
    bool was_set;
    char was[LOCUST_VAR_BYTES];
} locust_token;

typedef struct locust_var { // made by LOCUST_VAR; fields are the library's
    const char *name;
    size_t size;
    const void *value; // the default
    struct locust_var *next;
    size_t index, offset;
} locust_var;

LOCUST_API void locust_var_register(locust_var *var);
LOCUST_API const void *locust_var_get(const locust_var *var);
LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value);
LOCUST_API void locust_var_reset(const locust_var *var, locust_token token);

/* LOCUST_VAR(int, depth, 0);  gives  depth(), depth_set(value), depth_reset(token): a value with a
 * default that is set for a while and put back, and that no other user sees. At file scope; at most
 * LOCUST_VAR_BYTES bytes: for more, hold a pointer. Like a ContextVar of Python. */
#define LOCUST_VAR(type, var_, ...)                                      \
    static type const var_##_default = __VA_ARGS__;                      \
    static locust_var var_##_var = {                                     \
        .name = #var_, .size = sizeof(type), .value = &var_##_default};  \
    typedef char var_##_fits[sizeof(type) <= LOCUST_VAR_BYTES ? 1 : -1]; \
    __attribute__((constructor)) static void var_##_register(void)       \
    {                                                                    \
        locust_var_register(&var_##_var);                                \
    }                                                                    \
    __attribute__((unused)) static type var_(void)                       \
    {                                                                    \
        return *(type const *)locust_var_get(&var_##_var);               \
    }                                                                    \
    __attribute__((unused)) static locust_token var_##_set(type value)   \
    {                                                                    \
        return locust_var_set(&var_##_var, &value);                      \
    }                                                                    \
    __attribute__((unused)) static void var_##_reset(locust_token token) \
    {                                                                    \
        locust_var_reset(&var_##_var, token);                            \
    }                                                                    \
    static type var_(void)

typedef struct locust_context locust_context; // the values of all context variables

/* Copies the caller's context, in O(1). A value set later changes only the context it is set in.
 * Yours: end it with locust_context_free. NULL if memory ran out. Like contextvars.copy_context. */
LOCUST_API locust_context *locust_context_copy(void);
/* Calls fn(arg) in that context; values that fn sets stay in it. A context cannot be entered twice
 * at a time, by any user: that ends the program with a sentence. Like Context.run. */
LOCUST_API void locust_context_run(locust_context *context, void (*fn)(void *arg), void *arg);
LOCUST_API void locust_context_free(locust_context *context);

typedef struct locust_stack { // of one user; fields are the library's
    char *items;
    size_t n, cap;
} locust_stack;

LOCUST_API bool locust_stack_push(locust_stack *stack, const void *value, size_t size);
LOCUST_API const void *locust_stack_pop(locust_stack *stack, size_t size);
LOCUST_API const void *locust_stack_top(const locust_stack *stack, size_t size);
LOCUST_API void locust_stack_free(void *stack);

/* LOCUST_STACK(int, path);  gives  path_push(value), path_pop(), path_top() for each user. pop and
 * top of an empty stack give a value of zeros. push returns false if memory ran out. */
#define LOCUST_STACK(type, stack_)                                                         \
    LOCUST_LOCAL_WITH(locust_stack, stack_##_stack, .fini = locust_stack_free);            \
    static type stack_##_none;                                                             \
    __attribute__((unused)) static bool stack_##_push(type value)                          \
    {                                                                                      \
        return locust_stack_push(stack_##_stack(), &value, sizeof value);                  \
    }                                                                                      \
    __attribute__((unused)) static type stack_##_pop(void)                                 \
    {                                                                                      \
        type const *item = (type const *)locust_stack_pop(stack_##_stack(), sizeof(type)); \
        return item ? *item : stack_##_none;                                               \
    }                                                                                      \
    __attribute__((unused)) static type stack_##_top(void)                                 \
    {                                                                                      \
        type const *item = (type const *)locust_stack_top(stack_##_stack(), sizeof(type)); \
        return item ? *item : stack_##_none;                                               \
    }                                                                                      \
    static type stack_##_top(void)
/* ============================================================================================
 * >>streams  protocols of your own
 *
 * Purpose     connections for a protocol that the kit does not speak, and operations that a test
 *             times itself.
 * ============================================================================================ */

/* Connects to tcp://host:port, tls://host:port (with the class's certificates), udp://host:port or
 * unix:/path. Call from a user. Returns a stream, yours (end it with locust_close); NULL if memory
 * ran out. If connecting failed, every read and write of the stream fails, and locust_stream_error
 * says why. Each read and write takes at most 60 s (locust_set_timeout), and so does connecting,
 * once its turn has come. With udp:// a write sends one datagram, and a read receives one, cut to n
 * bytes; empty datagrams are skipped. */
LOCUST_API locust_stream *locust_connect(locust_user *u, const char *url);
/* Writes all n bytes. Returns false on an error: see locust_stream_error. */
LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n);
/* Reads 1 to n bytes. Returns how many, 0 at the end of the stream, -1 on an error. */
LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n);
/* Reads exactly n bytes. Returns false on an error, or if the stream ended before: see
 * locust_stream_error. */
LOCUST_API bool locust_read_exact(locust_stream *s, void *out, size_t n);
/* Limits each later read and write of this stream to that time; negative: no limit. */
LOCUST_API void locust_set_timeout(locust_stream *s, double seconds);
/* Reads up to and including the byte `end`, and adds a '\0'. Returns the length without the '\0';
 * -1 if the stream ended or failed before `end`, or the text does not fit. */
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
/* ============================================================================================
 * >>feeds  data from files
 *
 * Purpose     gives users accounts, search words and the like, one row of a file at a time.
 * ============================================================================================ */

enum {
    LOCUST_FEED_SEQUENTIAL, // from the first row to the last, then again
    LOCUST_FEED_RANDOM,     // any row, each time
    LOCUST_FEED_SHUFFLE,    // all rows in a random order, then in another
    LOCUST_FEED_UNIQUE,     // each row once; then there are no more
};

typedef struct locust_feeder { // of the whole test; make it with LOCUST_FEEDER
    const char *path;          // may be changed before the first use, say by an option of the test
    int order;                 // LOCUST_FEED_SEQUENTIAL ...
    bool lines;                // whole lines; false: CSV as of RFC 4180
    bool no_header;            // of CSV: the first row is data
    char separator;            // of CSV; 0: ','
    // The library's:
    struct locust_feeder *next;
    const char *text; // the file, mapped; NULL: not open
    size_t size, n, at;
    size_t *starts;  // of its rows, and its end
    size_t *shuffle; // the order; NULL: that of the file
} locust_feeder;

/* LOCUST_FEEDER(accounts, "accounts.csv", .order = LOCUST_FEED_UNIQUE);   at file scope. The file
 * is mapped at the first use; a row costs 8 bytes, 16 when shuffled. With N workers each takes
 * every N-th row: no two have the same. */
#define LOCUST_FEEDER(feeder_, ...) static locust_feeder feeder_ = {.path = __VA_ARGS__}

typedef struct locust_feed_row { // lives until the end of the test
    const char *text;            // not terminated
    size_t len;
    size_t number; // from 0, in the file
    const locust_feeder *feeder;
} locust_feed_row;

/* Takes the next row for this user. Returns false if there are no more (LOCUST_FEED_UNIQUE alone).
 * A file that cannot be read, or is empty, ends the test with a sentence. */
LOCUST_API bool locust_feed(locust_user *u, locust_feeder *feeder, locust_feed_row *row);
/* Copies the value of the column of that name in the header. Returns false if there is no such
 * column, or the value and a '\0' do not fit into out[size]. */
LOCUST_API bool locust_field(
    const locust_feed_row *row, const char *column, char *out, size_t size);
/* The same by the number of the column, from 0. */
LOCUST_API bool locust_field_at(const locust_feed_row *row, int column, char *out, size_t size);
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

typedef struct locust_listeners { // the functions to call; NULL: not called
    LOCUST_EVENTS_(LOCUST_EVENT_)
} locust_listeners;
/* ============================================================================================
 * >>test  a test
 *
 * Purpose     ties user classes, a load shape, listeners and options of the test together.
 * ============================================================================================ */

enum { // what an option of the test takes; anything else ends the run with a sentence before it begins
    LOCUST_OPTION_TEXT,
    LOCUST_OPTION_WHOLE,  // a whole number: 5, -3
    LOCUST_OPTION_NUMBER, // 0.5, 1e-3
    LOCUST_OPTION_SPAN,   // a time: 20, 20s, 1h20m; as a number it is in seconds
    LOCUST_OPTION_CHOICE, // one of .choices
    LOCUST_OPTION_FLAG,   // a switch: takes no value in arguments, true or false elsewhere
};

typedef struct locust_own_option { // an option that the test adds to the command line
    const char *name;              // "api-key" or "--api-key"; api-key = ... in config files
    const char *value;    // what stands for its value in --help; NULL, and no .type: it is a switch
    const char *fallback; // where it is not given; NULL: "", 0 or false
    const char *env;      // an environment variable that gives it too; NULL: none
    const char *help;
    int type;            // LOCUST_OPTION_...
    const char *choices; // "small,large"
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
/* The same as a number: of LOCUST_OPTION_NUMBER, _WHOLE and _SPAN (seconds). These three end the
 * program over an option that the test does not declare, or declares of another type. */
LOCUST_API double locust_option_number(locust_env *env, const char *name);
/* The same of LOCUST_OPTION_WHOLE. */
LOCUST_API int64_t locust_option_whole(locust_env *env, const char *name);
/* Is the switch on? */
LOCUST_API bool locust_option_flag(locust_env *env, const char *name);
/* Sets the exit code of the command, in place of the usual one. Like
 * environment.process_exit_code. */
LOCUST_API void locust_set_exit_code(locust_env *env, int code);
/* Forgets what was measured so far. */
LOCUST_API void locust_reset_stats(locust_env *env);
/* ============================================================================================
 * >>options  how to run a test
 *
 * Purpose     the command line as a struct.
 * ============================================================================================ */

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
    int seed;                 // repeats random choices: of tasks, waits and locust_random; 0: none
    int iterations;           // task runs in all, then the test ends; 0: no limit
    const char *stages;       // "1m:100,5m:1000,1m:0": ramp to 100 users in 1 min, ...; with "/s"
                              // behind each number to 100 arrivals a second; NULL: none
    double rate;              // open model: arrivals a second, shared by weight among the classes
                              // that have none of their own; 0: none
    bool poisson;             // as in locust_arrivals, for --rate and --stages
    int max_in_flight;        // as in locust_arrivals, for each class
    double patience_s;        // as in locust_arrivals
    const char *config_users; // JSON: an object or array with user_class_name and host, weight,
                              // fixed_count or tasks; or the path of such a file; NULL: none
    const locust_pair *own;   // values of the options that the test declares; NULL: their fallbacks
    bool phases;              // a table of the phases of each row's requests
    const char *ca_file;      // certificates to trust, PEM, for all classes; NULL: each class's own
    bool insecure;            // do not verify certificates
    const char *cert_file;    // client certificate and key for all classes; NULL: each class's own
    const char *key_file;     // NULL: in cert_file
    const char *tls_min;      // "1.2" or "1.3"; NULL: "1.2"
    const char *tls_max;      // as tls_min; NULL: the newest the library has
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
    double requests_per_s, failures_per_s; // over the whole run
    const void *histogram;
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
 * (LOCUST_HIST_BITS), in ms. */
LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share);

/* The whole command: options from files, environment and arguments, the run, the reports.
 * Returns the exit code. */
LOCUST_API int locust_main(int argc, char **argv, const locust_test *test);
/* ============================================================================================
 * >>macros  making tests
 *
 * Purpose     the macros from which a test file is made.
 * ============================================================================================ */

#define LOCUST_FIRST_TEXT_(first, ...) #first
// clang-format off
/* LOCUST_TASK(fn, .weight = 3) */
#define LOCUST_TASK(...)     {.name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .fn = __VA_ARGS__}
/* LOCUST_TASK_SET(Set, .weight = 3) puts a set that LOCUST_TASKSET has defined among the tasks of
 * another. */
#define LOCUST_TASK_SET(...) {.name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .set = &__VA_ARGS__}
// clang-format on
#define LOCUST_TASKS(...) ((const locust_task[]){__VA_ARGS__, {.name = NULL}})
#define LOCUST_USER(class_, ...) \
    static const locust_user_class class_ = {.name = #class_, __VA_ARGS__}
#define LOCUST_TASKSET(set_, ...) static const locust_taskset set_ = {.name = #set_, __VA_ARGS__}
#define LOCUST_MAIN(...)                        \
    int main(int argc, char **argv)             \
    {                                           \
        const locust_test test = {__VA_ARGS__}; \
        return locust_main(argc, argv, &test);  \
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

#ifndef LOCUST__LAYERS // a unit test stops at its own layer
#define LOCUST__LAYERS 9
#endif

/* ============================================================================================
 * >>config  settings made uniform, system headers
 *
 * Purpose     turns each on/off setting into a LOCUST__WITH_ of 0 or 1, gives the others their
 *             defaults, stops at settings that contradict each other, and includes all system
 *             headers.
 * Invariants  below here only LOCUST__WITH_ and LOCUST__OS_ are tested, with #if: -Wundef then
 *             warns of a misspelt one, where #ifdef would silently be false.
 * Names       locust__apart locust__on locust__os_apple locust__os_bsd locust__os_linux
 *             locust__parks locust__printf locust__sys locust__unused locust__with_
 * ============================================================================================ */

/* Is a setting that is defined switched on? It is if it is a number but 0, or empty, as after
 * `#define LOCUST_TLS`: then 1 - setting - 1 reads 1 - - 1, which is 2. */
#define LOCUST__ON(setting) ((setting + 0) || (1 - setting - 1) == 2)

#if defined(LOCUST_TLS) && LOCUST__ON(LOCUST_TLS)
#define LOCUST__WITH_TLS 1
#else
#define LOCUST__WITH_TLS 0
#endif

#if defined(LOCUST_ZLIB) && LOCUST__ON(LOCUST_ZLIB)
#define LOCUST__WITH_ZLIB 1
#else
#define LOCUST__WITH_ZLIB 0
#endif

#if defined(LOCUST_NO_REPORTS) && LOCUST__ON(LOCUST_NO_REPORTS)
#define LOCUST__WITH_REPORTS 0
#else
#define LOCUST__WITH_REPORTS 1
#endif

#if defined(LOCUST_NO_COOKIES) && LOCUST__ON(LOCUST_NO_COOKIES)
#define LOCUST__WITH_COOKIES 0
#else
#define LOCUST__WITH_COOKIES 1
#endif

#if defined(LOCUST_NO_DIGEST) && LOCUST__ON(LOCUST_NO_DIGEST)
#define LOCUST__WITH_DIGEST 0
#else
#define LOCUST__WITH_DIGEST 1
#endif

#if defined(LOCUST_POLL) && LOCUST__ON(LOCUST_POLL)
#define LOCUST__WITH_POLL 1
#else
#define LOCUST__WITH_POLL 0
#endif

#if defined(LOCUST_VALGRIND) && LOCUST__ON(LOCUST_VALGRIND)
#define LOCUST__WITH_VALGRIND 1
#else
#define LOCUST__WITH_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define LOCUST__WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCUST__WITH_ASAN 1
#endif
#endif
#ifndef LOCUST__WITH_ASAN
#define LOCUST__WITH_ASAN 0
#endif

#if defined(__linux__)
#define LOCUST__OS_LINUX 1
#else
#define LOCUST__OS_LINUX 0
#endif
#if defined(__APPLE__)
#define LOCUST__OS_APPLE 1
#else
#define LOCUST__OS_APPLE 0
#endif
#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define LOCUST__OS_BSD 1
#else
#define LOCUST__OS_BSD 0
#endif
#if defined(_WIN32)
#error "locust.h needs POSIX: on Windows compile it in WSL, the Windows Subsystem for Linux"
#endif

#if defined(LOCUST_KQUEUE) && LOCUST__ON(LOCUST_KQUEUE)
#define LOCUST__WITH_KQUEUE 1
#else
#define LOCUST__WITH_KQUEUE (!LOCUST__WITH_POLL && (LOCUST__OS_APPLE || LOCUST__OS_BSD))
#endif
#if LOCUST__WITH_KQUEUE && LOCUST__WITH_POLL
#error "define LOCUST_KQUEUE or LOCUST_POLL, not both"
#endif
#define LOCUST__WITH_EPOLL (LOCUST__OS_LINUX && !LOCUST__WITH_POLL && !LOCUST__WITH_KQUEUE)

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
#ifndef LOCUST_BUFFER_SIZE
#define LOCUST_BUFFER_SIZE 65536
#endif
#if LOCUST_BUFFER_SIZE < 4096
#error "define LOCUST_BUFFER_SIZE as 4096 or more: a request's head must fit"
#endif
#ifndef LOCUST_HIST_BITS
#define LOCUST_HIST_BITS 7
#endif
#if LOCUST_HIST_BITS < 4 || LOCUST_HIST_BITS > 10
#error "define LOCUST_HIST_BITS as 4 to 10: 7 keeps times to 0.4 %"
#endif

#include <dirent.h>
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
#if LOCUST__OS_LINUX && defined(__aarch64__)
#include <sys/auxv.h> // not elsewhere: uClibc-ng 1.0.35 lacks it
#endif
#if LOCUST__OS_LINUX
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#if LOCUST__WITH_KQUEUE
#include <sys/types.h>

#include <sys/event.h>
#endif
#if LOCUST__OS_APPLE
#include <mach/mach.h>
#endif
#if LOCUST__WITH_VALGRIND
#include <valgrind/memcheck.h>
#endif
#if LOCUST__WITH_ZLIB
#include <zlib.h>
#endif
#if LOCUST__WITH_TLS
#include <mbedtls/version.h>
#include <mbedtls/asn1.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#if MBEDTLS_VERSION_NUMBER < 0x021C0000
#error "locust.h needs mbedTLS 2.28, 3.6 or 4.x for -DLOCUST_TLS"
#endif
#endif
#if LOCUST__WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* What declarations say of a function. */
#define LOCUST__UNUSED           __attribute__((unused))   // not every system or setting calls it
#define LOCUST__PARKS                                      // it may switch to another coroutine
#define LOCUST__APART            __attribute__((noinline)) // its locals are in no caller's frame
#define LOCUST__PRINTF(at, rest) __attribute__((format(printf, at, rest)))

#ifndef LOCUST__SYS
#define LOCUST__SYS(call) call // a unit test defines it to make a system call fail
#endif
/* ============================================================================================
 * >>say  sentences on standard error, and the end of the program
 *
 * Purpose     tells the person at the terminal about a broken rule, a wrong set-up or a bug of this
 *             header, before a log exists or instead of going on. Never about what a server does.
 * Names       locust__say locust__say_va locust__die locust__assert_failed locust__exit_
 * ============================================================================================ */

/* States what only a bug of this header can break; stays on in every build. */
#define LOCUST_ASSERT(truth) ((truth) ? (void)0 : locust__assert_failed(#truth, __FILE__, __LINE__))

static void locust__assert_failed(const char *truth, const char *file, int line)
{
    dprintf(STDERR_FILENO, "locust: internal error: %s is false at %s:%d\n", truth, file, line);
    abort();
}

/* Says one sentence on standard error. dprintf() and not stderr: a static program that writes to no
 * stream is 1.5 KB smaller without stdio's buffers. */
LOCUST__PRINTF(1, 0) static void locust__say_va(const char *format, va_list args)
{
    dprintf(STDERR_FILENO, "locust: ");
    vdprintf(STDERR_FILENO, format, args);
    dprintf(STDERR_FILENO, "\n");
}

LOCUST__PRINTF(1, 2) static void locust__say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
}

/* Says one sentence and ends the program, after what stdio still holds was written. */
LOCUST__PRINTF(2, 3) static _Noreturn void locust__die(int code, const char *format, ...)
{
    va_list args;
    fflush(NULL);
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
    exit(code);
}

/* Exit codes of the command beside 0 and 1, which is for failed requests (--exit-code-on-error). */
enum {
    LOCUST__EXIT_USAGE = 2, // wrong options or a broken rule; Locust's argparse exits with 2 too
    LOCUST__EXIT_CHECK = 3, // a --check does not hold
    LOCUST__EXIT_GENERATOR = 4, // --fail-on-generator-limit: the generator was the limit
};
/* ============================================================================================
 * >>time  units of time
 *
 * Purpose     converts between the public part's times, which are doubles in seconds or
 *             milliseconds, and those of the implementation: int64_t nanoseconds of the monotonic
 *             clock.
 * Invariants  whatever waits takes an absolute deadline, so that nested waits cannot add up.
 * Names       locust__time_ locust__never locust__ms locust__s
 * ============================================================================================ */

static const int64_t LOCUST__NEVER = INT64_MAX; // a deadline that is never reached
static const int64_t LOCUST__MS = 1000000;
static const int64_t LOCUST__S = 1000000000;

/* Seconds in nanoseconds. Negative ones and NaN are 0; what is too large is LOCUST__NEVER. */
static int64_t locust__time_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    if (seconds > 9e9)
        return LOCUST__NEVER;
    return (int64_t)(seconds * 1e9 + 0.5);
}

static int64_t locust__time_of(struct timespec t)
{
    return (int64_t)t.tv_sec * LOCUST__S + t.tv_nsec;
}

/* now + span; saturates. */
static int64_t locust__time_after(int64_t now_ns, int64_t span_ns)
{
    return span_ns > LOCUST__NEVER - now_ns ? LOCUST__NEVER : now_ns + span_ns;
}
/* ============================================================================================
 * >>memory  allocation, growing, arenas, fetching ahead
 *
 * Purpose     zeroed memory, arrays that grow, and prefetching, upon the macros LOCUST_MALLOC,
 *             LOCUST_REALLOC and LOCUST_FREE, which a test may replace.
 * Names       locust__memory_ locust__arena_ locust__cache_line
 * ============================================================================================ */

enum { LOCUST__CACHE_LINE = 64 }; // bytes; so it is on most machines

/* Starts to fetch so many cache lines, for writing. Any address will do: a prefetch never faults.
 * The empty assembly is needed: gcc 12 takes a function that only prefetches for one without
 * effect, and drops the calls of it. */
static inline void locust__memory_prefetch(const void *p, size_t lines)
{
    __asm__ volatile("");
    for (size_t i = 0; i < lines; i++)
        __builtin_prefetch((const void *)((uintptr_t)p + i * LOCUST__CACHE_LINE), 1);
}

static void *locust__memory_zalloc(size_t n)
{
    void *p = LOCUST_MALLOC(n ? n : 1);
    if (p)
        memset(p, 0, n);
    return p;
}

/* Makes room for one more item in an array of n: returns the array, moved if it had to grow, or
 * NULL if memory ran out; then the old array is still there. */
static void *locust__memory_grow(void *array, size_t item_bytes, size_t n, size_t *cap)
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

/* Memory that is allocated piece by piece and freed at once: what lives as long as a test. Each
 * piece is an allocation of its own, so that ASan and valgrind know its bounds. */
typedef struct locust__arena {
    union locust__arena_piece *last;
} locust__arena;

typedef union locust__arena_piece { // in front of each piece
    union locust__arena_piece *earlier;
    int64_t aligned; // as any type of the kit needs it
} locust__arena_piece;

/* n zeroed bytes. NULL: no memory. */
static void *locust__arena_zalloc(locust__arena *a, size_t n)
{
    locust__arena_piece *piece = locust__memory_zalloc(sizeof *piece + n);
    if (!piece)
        return NULL;
    piece->earlier = a->last;
    a->last = piece;
    return piece + 1;
}

/* A copy of n bytes with a '\0' behind. NULL: no memory. */
static char *locust__arena_copy(locust__arena *a, const char *text, size_t n)
{
    char *copy = locust__arena_zalloc(a, n + 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

static void locust__arena_free(locust__arena *a)
{
    while (a->last) {
        locust__arena_piece *piece = a->last;
        a->last = piece->earlier;
        LOCUST_FREE(piece);
    }
}
/* ============================================================================================
 * >>text  views, growing buffers, UTF-8, base64
 *
 * Purpose     locust__view, text of known length in memory that somebody else owns; locust__buf,
 *             text that grows; a walk through UTF-8, by which every report makes sure that it is
 *             valid whatever a server sent or a test named; base64.
 * Invariants  a buf that could not grow is `failed` from then on, and keeps what it has: a caller
 *             adds all it wants and checks once, at the end. Nothing here depends on the locale.
 * Names       locust__base64_ locust__buf_ locust__text_ locust__view_
 * Sources     RFC 3629 (UTF-8); Unicode 15, 3.9, table 3-7 and "U+FFFD Substitution of Maximal
 *             Subparts"; Unicode TR 36, 2.5 (text that turns its direction); RFC 4648 section 4.
 * ============================================================================================ */

/* Text of known length; the memory belongs to somebody else, and no '\0' follows. */
typedef struct locust__view {
    const char *ptr;
    size_t len;
} locust__view;

static inline locust__view locust__view_of(const char *text)
{
    return (locust__view){text, strlen(text)};
}

/* The text behind its first n bytes. */
static inline locust__view locust__view_skip(locust__view v, size_t n)
{
    return (locust__view){v.ptr + n, v.len - n};
}

static bool locust__view_is(locust__view v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.ptr, text, v.len) == 0;
}

static char locust__text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Compares without regard to the case of ASCII letters, whatever the locale. */
static bool locust__view_is_nocase(locust__view v, const char *text)
{
    size_t i;
    for (i = 0; i < v.len && text[i]; i++)
        if (v.ptr[i] != text[i] && locust__text_lower(v.ptr[i]) != locust__text_lower(text[i]))
            return false;
    return i == v.len && !text[i];
}

/* The position in memory of the first of eight bytes whose top bit is set; at least one is. */
static inline unsigned locust__text_first_top(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (unsigned)__builtin_clzll(word) / 8;
#else
    return (unsigned)__builtin_ctzll(word) / 8;
#endif
}

static bool locust__text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A letter or digit of ASCII. isalnum() would follow the locale that a test has set. */
static bool locust__text_is_alnum(char c)
{
    char lower = locust__text_lower(c);
    return locust__text_is_digit(c) || (lower >= 'a' && lower <= 'z');
}

/* A heap copy of n bytes with a '\0' behind, or NULL. */
static char *locust__text_copy(const char *text, size_t n)
{
    char *copy = LOCUST_MALLOC(n + 1);
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/* Takes the next character off a text: returns its bytes, and *code is its number. What is no
 * UTF-8 (an overlong form, a surrogate, more than U+10FFFF, a character that is cut) comes as
 * U+FFFD, once for each longest piece that could have begun a character. The text is not empty. */
static locust__view locust__text_next(locust__view *rest, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    unsigned char first = *p, low = 0x80, high = 0xBF; // what the second byte may be
    size_t i = 1, n = first < 0x80 ? 1 : first < 0xC2 || first > 0xF4 ? 0 : 2;
    n += (size_t)(n > 1 && first >= 0xE0) + (size_t)(n > 1 && first >= 0xF0);
    low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
    high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
    *code = n > 1 ? first & (0x7Fu >> n) : first;
    for (; i < n && i < rest->len && p[i] >= low && p[i] <= high; i++) {
        *code = *code << 6 | (p[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *rest = locust__view_skip(*rest, i);
    if (i == n)
        return (locust__view){(const char *)p, n};
    *code = 0xFFFD;
    return (locust__view){"\xEF\xBF\xBD", 3};
}

/* Would a terminal do something at this character but print it? A control character, a line end of
 * Unicode, or one that turns the direction of what follows. */
static bool locust__text_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Makes one line of valid UTF-8 of a text, in its place: a control character becomes blanks, what
 * is no UTF-8 question marks. */
static void locust__text_plain(char *text, size_t n)
{
    locust__view rest = {text, n};
    while (rest.len) {
        char *at = text + (n - rest.len);
        uint32_t code;
        bool good = locust__text_next(&rest, &code).ptr == at;
        if (!good || locust__text_is_control(code))
            memset(at, good ? ' ' : '?', (size_t)(rest.ptr - at));
    }
}

typedef struct locust__buf { // a byte string that grows
    char *ptr;               // no '\0' follows, unless one was added
    size_t len, cap;
    bool failed; // memory ran out: something is missing
} locust__buf;

/* Makes room for so many bytes more. Doubles, so that a long text is not copied often. */
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

/* The same for memory that every user keeps: no doubling, for each user would pay for the slack.
 * Rounds up to what malloc hands out in whole cache lines. */
static bool locust__buf_reserve_tight(locust__buf *b, size_t more)
{
    size_t need = b->len + more;
    char *ptr;
    if (more <= b->cap - b->len)
        return true;
    if (need < b->cap + b->cap / 4)
        need = b->cap + b->cap / 4; // at least a quarter more: many small additions stay linear
    need = ((need + 8 + 63) & ~(size_t)63) - 8; // malloc puts a word of its own in front
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

/* Adds a text as part of a line: valid UTF-8, a blank for each control character. Returns how many
 * characters it added. */
static int locust__buf_line(locust__buf *b, locust__view text)
{
    int n = 0;
    for (; text.len; n++) {
        uint32_t code;
        locust__view c = locust__text_next(&text, &code);
        if (locust__text_is_control(code))
            c = (locust__view){" ", 1};
        locust__buf_add(b, c.ptr, c.len);
    }
    return n;
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

static void locust__base64_encode(locust__buf *out, locust__view in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in.len; i += 3) {
        size_t n = in.len - i < 3 ? in.len - i : 3;
        unsigned v = 0;
        char text[4];
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)in.ptr[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            text[k] = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
        locust__buf_add(out, text, 4);
    }
}

/* Appends the bytes that the text encodes; skips blanks and line ends. False: not base64. */
LOCUST__UNUSED static bool locust__base64_decode(locust__buf *out, locust__view in)
{
    unsigned v = 0, bits = 0;
    if (!locust__buf_reserve(out, in.len / 4 * 3 + 3))
        return false;
    for (size_t i = 0; i < in.len && in.ptr[i] != '='; i++) {
        char c = in.ptr[i];
        int digit = c >= 'A' && c <= 'Z'       ? c - 'A'
                    : c >= 'a' && c <= 'z'     ? c - 'a' + 26
                    : locust__text_is_digit(c) ? c - '0' + 52
                    : c == '+'                 ? 62
                    : c == '/'                 ? 63
                                               : -1;
        if (c == '\n' || c == '\r' || c == ' ')
            continue;
        if (digit < 0)
            return false;
        v = v << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8)
            out->ptr[out->len++] = (char)(v >> (bits -= 8));
    }
    return bits < 6;
}

/* FNV-1a, 64 bits. `seed` is 0, or the hash of the text in front. Not safe against chosen
 * collisions: for names that the test itself makes. */
static uint64_t locust__text_hash(uint64_t seed, const char *text, size_t n)
{
    uint64_t h = seed ^ 0xCBF29CE484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001B3u;
    return h;
}

/* The number of edits that turn one name into the other: a character added, removed or replaced,
 * or two neighbours swapped (Damerau 1964). */
static int locust__text_distance(locust__view a, locust__view b)
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

/* Reads a switch, as config files and variables of Locust have it. False: it is none. */
static bool locust__text_switch(const char *text, bool *out)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (int i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return true;
        }
    return false;
}
/* ============================================================================================
 * >>bytes  reading and writing the bytes of a wire format
 *
 * Purpose     integers and runs of bytes, as messages of DNS and other binary protocols have them:
 *             read from a message that may end anywhere, written to a fixed array or to a growing
 *             buf.
 * Invariants  a reader never passes its end. What does not fit sets `failed`, which stays set: from
 *             then on a reader gives 0 and NULL and a writer writes nothing. So code reads or
 *             writes a whole structure first and looks at `failed` once.
 * Cost        a comparison for each integer.
 * Names       locust__bytes_
 * Limits      integers are big-endian, the byte order of most protocols.
 * ============================================================================================ */

typedef struct locust__bytes_reader {
    const unsigned char *at; // the next byte
    size_t left;             // bytes from there to the end
    bool failed;
} locust__bytes_reader;

static locust__bytes_reader locust__bytes_reader_of(const void *bytes, size_t n)
{
    return (locust__bytes_reader){bytes, n, false};
}

/* The next n bytes, where they lie. NULL: there are not as many. */
static const unsigned char *locust__bytes_take(locust__bytes_reader *r, size_t n)
{
    const unsigned char *at = r->at;
    r->failed = r->failed || n > r->left;
    if (r->failed)
        return NULL;
    r->at += n;
    r->left -= n;
    return at;
}

static void locust__bytes_skip(locust__bytes_reader *r, size_t n)
{
    locust__bytes_take(r, n);
}

static unsigned locust__bytes_get_u8(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 1);
    return p ? *p : 0;
}

static unsigned locust__bytes_get_u16(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 2);
    return p ? (unsigned)p[0] << 8 | p[1] : 0;
}

static uint32_t locust__bytes_get_u32(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

typedef struct locust__bytes_writer {
    locust__buf *buf;     // appends here; NULL: to `fixed`
    unsigned char *fixed; // memory of `cap` bytes, of which `len` are written
    size_t len, cap;
    bool failed;
} locust__bytes_writer;

static locust__bytes_writer locust__bytes_writer_of(void *fixed, size_t cap)
{
    return (locust__bytes_writer){NULL, fixed, 0, cap, false};
}

/* The place of the next n bytes, which the caller fills in. NULL: no room, or no memory. */
static unsigned char *locust__bytes_room(locust__bytes_writer *w, size_t n)
{
    size_t *len = w->buf ? &w->buf->len : &w->len;
    unsigned char *at;
    if (!w->failed)
        w->failed = w->buf ? !locust__buf_reserve(w->buf, n) : n > w->cap - w->len;
    if (w->failed)
        return NULL;
    at = (w->buf ? (unsigned char *)w->buf->ptr : w->fixed) + *len;
    *len += n;
    return at;
}

static void locust__bytes_add(locust__bytes_writer *w, const void *bytes, size_t n)
{
    unsigned char *to = locust__bytes_room(w, n);
    if (to && n)
        memcpy(to, bytes, n);
}

static void locust__bytes_put_u8(locust__bytes_writer *w, unsigned v)
{
    unsigned char *to = locust__bytes_room(w, 1);
    if (to)
        *to = (unsigned char)v;
}

static void locust__bytes_put_u16(locust__bytes_writer *w, unsigned v)
{
    locust__bytes_put_u8(w, v >> 8);
    locust__bytes_put_u8(w, v);
}

LOCUST__UNUSED static void locust__bytes_put_u32(locust__bytes_writer *w, uint32_t v)
{
    locust__bytes_put_u16(w, v >> 16);
    locust__bytes_put_u16(w, v & 0xFFFF);
}
/* ============================================================================================
 * >>number  numbers in and out, random numbers
 *
 * Purpose     reads and writes numbers whatever locale the test has set; random numbers; and a few
 *             functions of libm, which would be a large part of a static program for one call.
 * Names       locust__locale_ locust__number_ locust__random_
 * ============================================================================================ */

/* The nearest whole number, and the even one of two: as Python's round(). For 0 <= x < 2^63. */
static int64_t locust__number_round(double x)
{
    int64_t down = (int64_t)x;
    double rest = x - (double)down;
    return down + (rest > 0.5 || (rest >= 0.5 && down % 2));
}

/* The square root of x >= 0, by Newton's rule. Shifting the bits of a double to the right halves
 * its exponent and gives a first guess within 7 %; each step about squares that error. */
static double locust__number_sqrt(double x)
{
    double root;
    uint64_t bits;
    if (!(x > 1e-300))
        return 0;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits >> 1) + ((uint64_t)511 << 52) + ((uint64_t)1 << 51);
    memcpy(&root, &bits, sizeof root);
    for (int i = 0; i < 6; i++)
        root = (root + x / root) / 2;
    return root;
}

/* Between enter() and leave() printf() writes decimal points, even if the test has called
 * setlocale(): scripts read our output. leave() takes what enter() returned. */
#if defined(__NetBSD__) // no uselocale(): the locale of the whole process is set and put back

typedef struct locust__locale {
    char name[64];
} locust__locale;

static locust__locale locust__locale_enter(void)
{
    locust__locale was;
    const char *name = setlocale(LC_NUMERIC, NULL);
    snprintf(was.name, sizeof was.name, "%s", name ? name : "C");
    setlocale(LC_NUMERIC, "C");
    return was;
}

static void locust__locale_leave(locust__locale was)
{
    setlocale(LC_NUMERIC, was.name);
}

#elif defined(__UCLIBC__) && !defined(__UCLIBC_HAS_XLOCALE__) // knows the locale "C" alone

typedef int locust__locale;

static locust__locale locust__locale_enter(void)
{
    return 0;
}

static void locust__locale_leave(locust__locale was)
{
    (void)was;
}

#else

typedef struct locust__locale {
    locale_t c, was;
} locust__locale;

static locust__locale locust__locale_enter(void)
{
    locust__locale l = {newlocale(LC_NUMERIC_MASK, "C", (locale_t)0), (locale_t)0};
    if (l.c)
        l.was = uselocale(l.c);
    return l;
}

static void locust__locale_leave(locust__locale l)
{
    if (l.c) {
        uselocale(l.was);
        freelocale(l.c);
    }
}

#endif

/* SplitMix64 (Steele, Lea, Flood 2014): one word of state; passes BigCrush. Not for secrets. */
static uint64_t locust__random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double locust__random_unit(uint64_t *state)
{
    return (double)(locust__random(state) >> 11) * (1.0 / 9007199254740992.0);
}

/* A number with one decimal digit more. Too large a number becomes INT64_MAX and stays it. */
static inline int64_t locust__number_push(int64_t n, char digit)
{
    return n > (INT64_MAX - (digit - '0')) / 10 ? INT64_MAX : 10 * n + (digit - '0');
}

/* Reads digits and moves *text behind them; -1: there are none. Saturates at INT64_MAX. strtoll()
 * would also take blanks, signs and bases. */
static int64_t locust__number_whole(const char **text)
{
    int64_t n = locust__text_is_digit(**text) ? 0 : -1;
    for (; locust__text_is_digit(**text); ++*text)
        n = locust__number_push(n, **text);
    return n;
}

/* The value of a text of decimal digits alone; -1: it is empty, or has another character. */
static int64_t locust__number_of(locust__view text)
{
    int64_t n = text.len ? 0 : -1;
    for (size_t i = 0; i < text.len; i++) {
        if (!locust__text_is_digit(text.ptr[i]))
            return -1;
        n = locust__number_push(n, text.ptr[i]);
    }
    return n;
}

/* The value of a hexadecimal digit; -1: the character is not one. */
static int locust__number_hex_digit(char c)
{
    char lower = locust__text_lower(c);
    return locust__text_is_digit(c)       ? c - '0'
           : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                          : -1;
}

/* The value of n hexadecimal digits, at most 7; -1: a character is not one. */
static int locust__number_hex(const char *p, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        int digit = locust__number_hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Reads a number without a sign, such as 12, 0.25, .5 or 1e-3, and moves *text behind it; -1:
 * there is none. (strtod() expects the locale's decimal point.) Up to 15 digits give the nearest
 * double. */
static double locust__number_decimal(const char **text)
{
    const char *p = *text;
    double number = 0, power = 1;
    int64_t shift = 0, digits = 0;
    for (; locust__text_is_digit(*p); p++, digits++)
        number = 10 * number + (*p - '0');
    for (p += *p == '.'; locust__text_is_digit(*p); p++, digits++, shift--)
        number = 10 * number + (*p - '0');
    if (!digits)
        return -1;
    *text = p;
    if (*p == 'e' || *p == 'E') {
        bool minus = *++p == '-';
        p += *p == '-' || *p == '+';
        if (locust__text_is_digit(*p)) {
            int64_t exponent = locust__number_whole(&p);
            exponent = exponent < 9999 ? exponent : 9999;
            shift += minus ? -exponent : exponent;
            *text = p;
        }
    }
    for (int64_t i = shift < 0 ? -shift : shift; i > 0 && power < 1e300; i--)
        power *= 10; // exact up to 10^22
    return shift < 0 ? number / power : number * power;
}

/* Reads a time span as Locust writes it, in seconds: 20, 20s, 3m, 2h, 1h20m, 3h30m10s. False: it is
 * none. Each unit appears once, the larger first; digits without a unit stand alone. */
static bool locust__number_span(const char *text, double *out)
{
    static const char units[] = "hms";
    static const int seconds[] = {3600, 60, 1};
    int unit = 0;
    *out = 0;
    if (!*text)
        return false;
    while (*text) {
        int64_t n = locust__number_whole(&text);
        if (n < 0 || n == INT64_MAX || (!*text && unit > 0))
            return false;
        if (!*text) { // bare seconds
            *out = (double)n;
            return true;
        }
        while (unit < 3 && units[unit] != *text)
            unit++;
        if (unit == 3)
            return false;
        *out += (double)n * seconds[unit++];
        text++;
    }
    return true;
}

/* The base-2 logarithm of a positive, normal number. The exponent is read off the bits; of the
 * mantissa m, in (0.75, 1.5], ln m = 2 atanh(t) with t = (m - 1) / (m + 1), and atanh(t) = t +
 * t^3/3 + t^5/5 + ... As |t| <= 1/5, 20 terms leave an error below 1e-15. */
static double locust__number_log2(double x)
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
/* ============================================================================================
 * >>error  the sentence of each error
 *
 * Purpose     gives each error code its one sentence. Reports group failures by it, so it contains
 *             no name, number or time.
 * Names       locust__error_
 * ============================================================================================ */

static const char *locust__error_text(locust_error error)
{
    static const char *const texts[] = {
#define LOCUST__ERROR_TEXT(name, text) (text), // in parentheses: some are of two literals
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
 * >>hash  MD5 and SHA-256, for Digest authentication
 *
 * Purpose     digests of short texts, also in programs without a TLS library.
 * Names       locust__hash_
 * Sources     RFC 1321, FIPS 180-4 (6.2).
 * Limits      made for some hundred bytes a request, not for bulk. MD5 is no longer secure; servers
 *             still ask for it.
 * ============================================================================================ */

typedef struct locust__hash { // either: both take blocks of 64 bytes and words of 32 bits
    uint32_t state[8];        // MD5 uses four
    unsigned char block[64];  // the block that is being filled, up to len % 64
    uint64_t len;             // bytes so far
    bool sha256;              // false: MD5
} locust__hash;

enum { LOCUST__HASH_HEX = 65 }; // the longest digest in hexadecimal, with its '\0'

static uint32_t locust__hash_rotate(uint32_t x, unsigned n) // to the left, 1 to 31
{
    return x << n | x >> (32 - n);
}

static uint32_t locust__hash_word(const unsigned char *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void locust__hash_md5_block(uint32_t state[8], const unsigned char *p)
{
    // clang-format off
    static const uint32_t k[64] = { // floor(2^32 * abs(sin(i + 1)))
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391
    };
    // clang-format on
    static const unsigned char turns[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const unsigned step[4] = {1, 5, 3, 7}, from[4] = {0, 1, 5, 0};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16;
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (b & d) | (c & ~d)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        f += a + k[i] +
             locust__hash_word(p + (size_t)4 * ((from[round] + step[round] * i) % 16), false);
        a = d;
        d = c;
        c = b;
        b += locust__hash_rotate(f, turns[round][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void locust__hash_sha256_block(uint32_t state[8], const unsigned char *p)
{
    // clang-format off
    static const uint32_t k[64] = { // fractions of the cube roots of the first 64 primes
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
    };
    // clang-format on
    uint32_t w[64], s[8];
    memcpy(s, state, sizeof s);
    for (size_t i = 0; i < 64; i++) {
        uint32_t x, y, sum;
        if (i < 16) {
            w[i] = locust__hash_word(p + 4 * i, true);
        } else {
            x = w[i - 15];
            y = w[i - 2];
            w[i] = w[i - 16] + w[i - 7] +
                   (locust__hash_rotate(x, 25) ^ locust__hash_rotate(x, 14) ^ x >> 3) +
                   (locust__hash_rotate(y, 15) ^ locust__hash_rotate(y, 13) ^ y >> 10);
        }
        x = s[0];
        y = s[4];
        sum = s[7] + k[i] + w[i] + ((y & s[5]) ^ (~y & s[6])) +
              (locust__hash_rotate(y, 26) ^ locust__hash_rotate(y, 21) ^ locust__hash_rotate(y, 7));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += sum;
        s[0] =
            sum + ((x & s[2]) ^ (x & s[3]) ^ (s[2] & s[3])) +
            (locust__hash_rotate(x, 30) ^ locust__hash_rotate(x, 19) ^ locust__hash_rotate(x, 10));
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

static void locust__hash_init(locust__hash *h, bool sha256)
{
    static const uint32_t md5[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0, 0, 0, 0};
    static const uint32_t sha[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
        0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(h->state, sha256 ? sha : md5, sizeof h->state);
    h->len = 0;
    h->sha256 = sha256;
}

static void locust__hash_add(locust__hash *h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        h->block[h->len++ % 64] = p[i];
        if (h->len % 64 == 0)
            (h->sha256 ? locust__hash_sha256_block : locust__hash_md5_block)(h->state, h->block);
    }
}

/* Pads the text with 0x80, zeros and its length in bits (RFC 1321 3.1 and 3.2, FIPS 180-4 5.1.1),
 * and writes the digest in lower-case hexadecimal. */
static void locust__hash_end(locust__hash *h, char out[LOCUST__HASH_HEX])
{
    static const unsigned char one = 0x80, zero = 0;
    static const char hex[] = "0123456789abcdef";
    uint64_t bits = h->len * 8;
    unsigned char len[8];
    locust__hash_add(h, &one, 1);
    while (h->len % 64 != 56)
        locust__hash_add(h, &zero, 1);
    for (int i = 0; i < 8; i++)
        len[i] = (unsigned char)(bits >> 8 * (h->sha256 ? 7 - i : i));
    locust__hash_add(h, len, 8);
    for (unsigned i = 0; i < (h->sha256 ? 32 : 16); i++) {
        unsigned shift = 8 * (h->sha256 ? 3 - i % 4 : i % 4);
        *out++ = hex[h->state[i / 4] >> shift >> 4 & 15];
        *out++ = hex[h->state[i / 4] >> shift & 15];
    }
    *out = '\0';
}

/* The digest of some texts joined by ':', as Digest authentication wants it. */
static void locust__hash_texts(
    bool sha256, const locust__view *texts, int n, char out[LOCUST__HASH_HEX])
{
    locust__hash h;
    locust__hash_init(&h, sha256);
    for (int i = 0; i < n; i++) {
        locust__hash_add(&h, ":", i > 0);
        locust__hash_add(&h, texts[i].ptr, texts[i].len);
    }
    locust__hash_end(&h, out);
}
/* ============================================================================================
 * >>ctx  the context switch, in assembly, one part for each machine
 *
 * Purpose     leaves one stack and goes on with another: locust__ctx_switch(&save, next). Here is
 *             what the assembly of all machines has in common.
 * Invariants  the saved pointer of a parked stack points at a struct locust__ctx_frame: the
 *             registers that the ABI lets a callee change only for a while, the floating-point
 *             control bits, and the address to return to. Nothing else is state. The frame
 *             differs from machine to machine, but has fn, arg and ret everywhere, which
 *             locust__ctx_make fills in.
 * Cost        below 3 ns between two stacks of like depth; `make bench B=core`. Through ucontext
 *             600 ns: two system calls for the signal mask.
 * Names       locust__ctx_ locust__asm_ locust__with_ucontext
 * Sources     x86-64      System V psABI for AMD64: figure 3.4, section 3.2.1
 *             i386        System V psABI for Intel386: section 2.2
 *             AArch64     AAPCS64: section 6.1
 *             ARM         AAPCS32: sections 6.1.1, 6.1.2.1, 6.6; EHABI32: "Index table entries"
 *             RISC-V      RISC-V ELF psABI: "Register Convention"
 *             MIPS        System V psABI for MIPS: chapter 3, "Function Calling Sequence" (o32);
 *                         MIPSpro N32 ABI Handbook: chapter 2 (n32, n64)
 *             PowerPC     Power Architecture 32-bit ABI Supplement, Linux: section 3.2; PowerPC
 *                         64-bit ELF ABI 1.9: section 3.2 (ELFv1); OpenPOWER ELF V2 ABI:
 *                         section 2.2
 *             s390x       ELF ABI, s390x Supplement: sections 1.2.1, 1.2.2
 *             m68k        System V psABI for the 68000 family: chapter 3, "Function Calling
 *                         Sequence"
 *             LoongArch   LoongArch Procedure Call Standard: "The registers", "The stack"
 * Why so      a plain `ret` keeps the CPU's return-address predictor right, and is the one form
 *             that hardware shadow stacks could follow. The floating-point control words are saved
 *             on each machine that has them, though most ABIs call them global: a user that calls
 *             fesetround() must not infect its neighbours. Where a write to them is slow, it is
 *             left out if it would change nothing. The symbols are global and hidden: a local one
 *             breaks under gcc -flto with partitions.
 *             locust__ctx_entry ends the call chain: its return address is undefined in the unwind
 *             table and the frame pointer is zero, so gdb, perf and backtrace() stop there.
 *             Debug information knows registers by number, as not every assembler takes names.
 * Limits      the exception flags of <fenv.h> stay with the stack on some machines only. x32,
 *             ColdFire, SPE and machines without a part here switch through ucontext.
 *
 *   high   | top of the stack, 16-aligned    |     no ABI here asks for more than 16
 *          | two words of zero               |
 *          | struct locust__ctx_frame        |  <- saved stack pointer of a new coroutine
 *   low    | ...                             |
 * ============================================================================================ */

#if defined(LOCUST_UCONTEXT) && LOCUST__ON(LOCUST_UCONTEXT)
#define LOCUST__WITH_UCONTEXT 1
#else
#define LOCUST__WITH_UCONTEXT 0
#endif

/* What the assembly says around a function, for each machine and object format.
 *   NAME   the symbol that C code calls; CODE: the symbol of its first instruction
 *   OPEN   what the machine wants in front of a function; CLOSE: behind it
 *   SP     an instruction that moves the stack pointer down by so many bytes (up, if negative),
 *          with its line in the unwind table
 *   EACH   one line for each number in a list; \\i stands for the number */
// clang-format off
#if defined(__arm__) && defined(__thumb2__)
#define LOCUST__ASM_OPEN                                           \
    " .cfi_sections .debug_frame\n .syntax unified\n .fnstart\n .thumb\n .thumb_func\n"
#define LOCUST__ASM_CLOSE " .fnend\n"
#elif defined(__arm__) // ARM code, even under Thumb-1, which cannot switch but can call this
#define LOCUST__ASM_OPEN  " .cfi_sections .debug_frame\n .syntax unified\n .fnstart\n .arm\n"
#define LOCUST__ASM_CLOSE " .fnend\n"
#elif defined(__mips__) // not MIPS16 code, which cannot switch but can call this
#define LOCUST__ASM_OPEN  " .set push\n .set nomips16\n .set nomicromips\n .set reorder\n"
#define LOCUST__ASM_CLOSE " .set pop\n"
#else
#define LOCUST__ASM_OPEN
#define LOCUST__ASM_CLOSE
#endif

#if defined(__APPLE__) // Mach-O: C names get an underscore
#define LOCUST__ASM_NAME(name) "_" name
#define LOCUST__ASM_CODE(name) "_" name
#define LOCUST__ASM_BEGIN(name)                                    \
    ".text\n .private_extern _" name "\n .p2align 4\n"             \
    LOCUST__ASM_OPEN "_" name ":\n .cfi_startproc\n"
#define LOCUST__ASM_END(name) " .cfi_endproc\n" LOCUST__ASM_CLOSE
#else // ELF
#define LOCUST__ASM_NAME(name) name
#if defined(__powerpc64__) && (!defined(_CALL_ELF) || _CALL_ELF == 1)
// ELFv1: the name is that of a descriptor (code, table of contents, environment): section 3.2.5
#define LOCUST__ASM_CODE(name) "." name
#define LOCUST__ASM_DESCRIPTOR(name)                               \
    ".pushsection .opd, \"aw\"\n .p2align 3\n"                     \
    LOCUST__ASM_GLOBAL(name) name ": .quad ." name ", .TOC.@tocbase, 0\n .popsection\n"
#else
#define LOCUST__ASM_CODE(name) name
#define LOCUST__ASM_DESCRIPTOR(name)
#endif
#define LOCUST__ASM_GLOBAL(symbol) \
    " .globl " symbol "\n .hidden " symbol "\n .type " symbol ", %function\n"
#define LOCUST__ASM_BEGIN(name)                                    \
    LOCUST__ASM_DESCRIPTOR(name)                                   \
    ".pushsection .text\n .p2align 4\n"                            \
    LOCUST__ASM_GLOBAL(LOCUST__ASM_CODE(name))                     \
    LOCUST__ASM_OPEN LOCUST__ASM_CODE(name) ":\n .cfi_startproc\n"
#define LOCUST__ASM_END(name)                                      \
    " .cfi_endproc\n" LOCUST__ASM_CLOSE                            \
    " .size " LOCUST__ASM_CODE(name) ", .-" LOCUST__ASM_CODE(name) "\n .popsection\n"
#endif
#define LOCUST__ASM_SP(bytes, instruction) \
    "    " instruction "\n    .cfi_adjust_cfa_offset " bytes "\n"
#define LOCUST__ASM_EACH(list, line) "    .irp    i, " list "\n    " line "\n    .endr\n"
// clang-format on

/* A general register, as a frame stores it. */
#if defined(__mips__) && defined(_MIPS_SIM) && _MIPS_SIM == 2
typedef int64_t locust__ctx_word; // n32: pointers of 32 bits, sign-extended, in registers of 64
#else
typedef intptr_t locust__ctx_word;
#endif
#if LOCUST__WITH_UCONTEXT // asked for: see the end of this list
#elif defined(__x86_64__) && defined(__LP64__)
/* ============================================================================================
 * >>ctx_x86_64  the context switch on x86-64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    locust__ctx_word r15, r14, r13, fn /* r12 */, arg /* rbx */, rbp, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 64, "the assembly below lays it out by pushes");
_Static_assert(offsetof(locust__ctx_frame, fn) == 32, "r12 is popped fourth");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: rdi, next: rsi)
    LOCUST__ASM_SP("8", "pushq   %rbp") // callee-saved: psABI figure 3.4
    "    .cfi_rel_offset 6, 0        \n"    // rbp: frame-pointer builds unwind by it
    LOCUST__ASM_SP("8", "pushq   %rbx")
    LOCUST__ASM_SP("8", "pushq   %r12")
    LOCUST__ASM_SP("8", "pushq   %r13")
    LOCUST__ASM_SP("8", "pushq   %r14")
    LOCUST__ASM_SP("8", "pushq   %r15")
    LOCUST__ASM_SP("8", "subq    $8, %rsp")
    "    stmxcsr (%rsp)              \n"    // control bits are callee-saved: psABI 3.2.1
    "    fnstcw  4(%rsp)             \n"
    "    movq    %rsp, (%rdi)        \n"
    "    movq    %rsi, %rsp          \n"    // on the other stack from here; it is laid out alike
    "    ldmxcsr (%rsp)              \n"
    "    fldcw   4(%rsp)             \n"
    LOCUST__ASM_SP("-8", "addq    $8, %rsp")
    LOCUST__ASM_SP("-8", "popq    %r15")
    LOCUST__ASM_SP("-8", "popq    %r14")
    LOCUST__ASM_SP("-8", "popq    %r13")
    LOCUST__ASM_SP("-8", "popq    %r12")
    LOCUST__ASM_SP("-8", "popq    %rbx")
    LOCUST__ASM_SP("-8", "popq    %rbp")
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

/* A hardware shadow stack, which checks return addresses, cannot follow a switch of stacks. It is
 * off unless glibc was asked for it; if it is on, this switches it off. False: the kernel refused,
 * as the start-up code has locked it. Source: Linux Documentation/arch/x86/shstk.rst. */
#define LOCUST__CTX_ASKS 1
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
#elif defined(__i386__) && defined(__ELF__)
/* ============================================================================================
 * >>ctx_i386  the context switch on i386
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    uint32_t mxcsr; // unused where the compiler makes no use of SSE
    uint16_t x87_control, unused;
    locust__ctx_word edi, fn /* esi */, arg /* ebx */, ebp, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 28, "the assembly below lays it out by pushes");
_Static_assert(offsetof(locust__ctx_frame, fn) == 12, "esi is popped second");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: 4(%esp), next: 8(%esp))
    "    movl    4(%esp), %eax       \n"
    "    movl    8(%esp), %edx       \n"
    LOCUST__ASM_SP("4", "pushl   %ebp") // callee-saved: psABI 2.2
    "    .cfi_rel_offset 5, 0        \n"    // ebp: frame-pointer builds unwind by it
    LOCUST__ASM_SP("4", "pushl   %ebx")
    LOCUST__ASM_SP("4", "pushl   %esi")
    LOCUST__ASM_SP("4", "pushl   %edi")
    LOCUST__ASM_SP("8", "subl    $8, %esp")
#ifdef __SSE__
    "    stmxcsr (%esp)              \n"
#endif
    "    fnstcw  4(%esp)             \n"
    "    movl    %esp, (%eax)        \n"
    "    movl    %edx, %esp          \n"    // on the other stack from here; it is laid out alike
#ifdef __SSE__
    "    ldmxcsr (%esp)              \n"
#endif
    "    fldcw   4(%esp)             \n"
    LOCUST__ASM_SP("-8", "addl    $8, %esp")
    LOCUST__ASM_SP("-4", "popl    %edi")
    LOCUST__ASM_SP("-4", "popl    %esi")
    LOCUST__ASM_SP("-4", "popl    %ebx")
    LOCUST__ASM_SP("-4", "popl    %ebp")
    "    .cfi_restore 5              \n"
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // reached by the ret above: esp is 16-aligned
    "    .cfi_undefined 8            \n"    // eip: nobody called
    LOCUST__ASM_SP("12", "subl    $12, %esp")
    LOCUST__ASM_SP("4", "pushl   %ebx") // arg
    "    calll   *%esi               \n"    // fn
    "    ud2                         \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifdef __SSE__
    __asm__ volatile("stmxcsr %0" : "=m"(frame->mxcsr));
#endif
    __asm__ volatile("fnstcw %0" : "=m"(frame->x87_control));
}
#elif defined(__aarch64__) && defined(__LP64__)
/* ============================================================================================
 * >>ctx_aarch64  the context switch on AArch64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word arg /* x19 */, fn /* x20 */, x21_to_x28[8], x29, ret /* x30 */;
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
    LOCUST__ASM_SP("176", "sub     sp, sp, #176")
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
    LOCUST__ASM_SP("-176", "add     sp, sp, #176")
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
#elif defined(__arm__) && defined(__ARM_EABI__) && __ARM_ARCH >= 5
/* ============================================================================================
 * >>ctx_arm  the context switch on ARM, 32 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
#ifndef __SOFTFP__ // softfp and hard float alike: the registers are there
    double d8_to_d15[8];
#endif
    uint32_t fpscr; // unused under __SOFTFP__
    locust__ctx_word fn /* r4 */, arg /* r5 */, r6_to_r11[6], ret /* lr */;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) - offsetof(locust__ctx_frame, fpscr) == 40,
    "the assembly below pushes that many bytes at once");
_Static_assert(sizeof(locust__ctx_frame) % 8 == 0, "sp stays 8-aligned: AAPCS32 6.2.1.2");
_Static_assert(offsetof(locust__ctx_frame, fn) - offsetof(locust__ctx_frame, fpscr) == 4, "r3, r4");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r0, next: r1)
#ifndef __SOFTFP__
    "    vmrs    r3, fpscr           \n"
#endif
    LOCUST__ASM_SP("40", "push    {r3-r11, lr}") // callee-saved: AAPCS32 6.1.1; r3 makes it even
    "    .cfi_rel_offset 14, 36      \n"
    "    .cfi_rel_offset 11, 32      \n"    // the frame pointer of ARM code,
    "    .cfi_rel_offset 7, 16       \n"    // and of Thumb code
    "    .save   {r4-r11, lr}        \n"
    "    .pad    #4                  \n"
#ifndef __SOFTFP__
    LOCUST__ASM_SP("64", "vpush   {d8-d15}") // AAPCS32 6.1.2.1
    "    .vsave  {d8-d15}            \n"
#endif
    "    mov     r2, sp              \n"
    "    str     r2, [r0]            \n"
    "    mov     sp, r1              \n"    // on the other stack from here; it is laid out alike
#ifndef __SOFTFP__
    LOCUST__ASM_SP("-64", "vpop    {d8-d15}")
    "    mov     r2, r3              \n"
#endif
    LOCUST__ASM_SP("-40", "pop     {r3-r11, lr}")
    "    .cfi_restore 14             \n"
    "    .cfi_restore 11             \n"
    "    .cfi_restore 7              \n"
#ifndef __SOFTFP__
    "    eor     r2, r2, r3          \n"    // a write to FPSCR is slow: only if the two differ
    "    lsl     r2, r2, #5          \n"    // in bits 8 to 26: traps, rounding, flush to zero;
    "    lsrs    r2, r2, #13         \n"    // the others are conditions and exception flags
    "    beq     1f                  \n"
    "    vmsr    fpscr, r3           \n"
    "1:                              \n"
#endif
    "    bx      lr                  \n"    // to ARM or Thumb code: AAPCS32 6.6
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 14           \n"    // nobody called; backtrace() reads another table, in
    "    .cantunwind                 \n"    // which this also covers code without tables below it
    "    mov     r0, r5              \n"    // arg
    "    blx     r4                  \n"    // fn
    "    udf     #0                  \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifndef __SOFTFP__
    __asm__ volatile("vmrs %0, fpscr" : "=r"(frame->fpscr));
#else
    (void)frame;
#endif
}
#elif defined(__riscv) && !defined(__riscv_abi_rve) && !defined(__riscv_float_abi_quad)
/* ============================================================================================
 * >>ctx_riscv  the context switch on RISC-V, 32 and 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

#if defined(__riscv_flen) || defined(__riscv_zfinx)
#define LOCUST__CTX_FRM 1
#else
#define LOCUST__CTX_FRM 0
#endif

typedef struct locust__ctx_frame {
    locust__ctx_word s0, fn /* s1 */, arg /* s2 */, s3_to_s11[9], ret /* ra */, frm, unused[2];
#if defined(__riscv_float_abi_double)
    double fs0_to_fs11[12];
#elif defined(__riscv_float_abi_single)
    float fs0_to_fs11[12];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 1 * sizeof(locust__ctx_word), "slot of s1");
_Static_assert(offsetof(locust__ctx_frame, ret) == 12 * sizeof(locust__ctx_word), "slot of ra");

// clang-format off
#if __riscv_xlen == 64
#define LOCUST__CTX_WORD "8" // bytes
#define LOCUST__CTX_ST   "sd      "
#define LOCUST__CTX_LD   "ld      "
#else
#define LOCUST__CTX_WORD "4"
#define LOCUST__CTX_ST   "sw      "
#define LOCUST__CTX_LD   "lw      "
#endif
#define LOCUST__CTX_INTS   "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11" // s0 to s11
#define LOCUST__CTX_FLOATS LOCUST__CTX_INTS                       // fs0 to fs11
#if defined(__riscv_float_abi_double)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD "+12*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 12 * 8, "as above");
#define LOCUST__CTX_FST  "fsd     fs\\i, 16*" LOCUST__CTX_WORD "+8*\\i(sp)"
#define LOCUST__CTX_FLD  "fld     fs\\i, 16*" LOCUST__CTX_WORD "+8*\\i(sp)"
#elif defined(__riscv_float_abi_single)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD "+12*4)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 12 * 4, "as above");
#define LOCUST__CTX_FST  "fsw     fs\\i, 16*" LOCUST__CTX_WORD "+4*\\i(sp)"
#define LOCUST__CTX_FLD  "flw     fs\\i, 16*" LOCUST__CTX_WORD "+4*\\i(sp)"
#else
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD ")"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word), "as above");
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, "addi    sp, sp, -" LOCUST__CTX_SIZE)
    // gp and tp belong to the thread: not saved
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST "s\\i, " LOCUST__CTX_WORD "*\\i(sp)")
    "    " LOCUST__CTX_ST "ra, 12*" LOCUST__CTX_WORD "(sp)\n"
    "    .cfi_rel_offset 1, 12*" LOCUST__CTX_WORD "\n"
    "    .cfi_rel_offset 8, 0        \n"    // s0, the frame pointer
#ifdef LOCUST__CTX_FST
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FST)
#endif
#if LOCUST__CTX_FRM
    "    frrm    t0                  \n"
    "    " LOCUST__CTX_ST "t0, 13*" LOCUST__CTX_WORD "(sp)\n"
#endif
    "    " LOCUST__CTX_ST "sp, (a0)  \n"
    "    mv      sp, a1              \n"    // on the other stack from here; it is laid out alike
#if LOCUST__CTX_FRM
    "    " LOCUST__CTX_LD "t1, 13*" LOCUST__CTX_WORD "(sp)\n"
    "    beq     t0, t1, 1f          \n"    // a write may drain the pipeline: only if it differs
    "    fsrm    t1                  \n"
    "1:                              \n"
#endif
#ifdef LOCUST__CTX_FLD
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FLD)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD "s\\i, " LOCUST__CTX_WORD "*\\i(sp)")
    "    " LOCUST__CTX_LD "ra, 12*" LOCUST__CTX_WORD "(sp)\n"
    "    .cfi_restore 1              \n"
    "    .cfi_restore 8              \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi    sp, sp, " LOCUST__CTX_SIZE)
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 1            \n"    // nobody called
    "    mv      a0, s2              \n"    // arg
    "    jalr    s1                  \n"    // fn
    "    ebreak                      \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if LOCUST__CTX_FRM
    __asm__ volatile("frrm %0" : "=r"(frame->frm));
#else
    (void)frame;
#endif
}
#elif defined(__mips__) && defined(_MIPS_SIM) && _MIPS_SIM >= 1 && _MIPS_SIM <= 3 && \
    !defined(__mips_single_float) && __mips > 1
/* ============================================================================================
 * >>ctx_mips  the context switch on MIPS: o32, n32, n64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

// These are o32, n32 and n64, by number: not each of their names is always defined. MIPS I lacks a
// store of a double.

typedef struct locust__ctx_frame {
    locust__ctx_word fn /* s0: $16 */, arg /* s1 */, s2_to_s7[6], unused[4], gp /* $28 */, fcsr,
        fp /* $30 */, ret /* ra: $31 */; // a place for each number from 16 on
#if defined(__mips_hard_float) && _MIPS_SIM == 3
    double f24_to_f31[8];
#elif defined(__mips_hard_float)
    double f20_to_f30[6]; // the even ones
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned, more than o32 asks for");
_Static_assert(offsetof(locust__ctx_frame, fn) == 0, "16 - 16");
_Static_assert(offsetof(locust__ctx_frame, ret) == 15 * sizeof(locust__ctx_word), "31 - 16");

// clang-format off
#if _MIPS_SIM == 1 // o32
#define LOCUST__CTX_WORD "4" // bytes
#define LOCUST__CTX_ST   "sw      "
#define LOCUST__CTX_LD   "lw      "
#else
#define LOCUST__CTX_WORD "8"
#define LOCUST__CTX_ST   "sd      "
#define LOCUST__CTX_LD   "ld      "
#endif
#if _MIPS_SIM == 3 // n64: pointers as large
#define LOCUST__CTX_ADD  "daddiu  "
#define LOCUST__CTX_PST  "sd      "
#else
#define LOCUST__CTX_ADD  "addiu   "
#define LOCUST__CTX_PST  "sw      "
#endif
// s0 to s7, gp, s8 or fp, ra. In o32, gp is the caller's affair, or never changes.
#define LOCUST__CTX_INTS "16, 17, 18, 19, 20, 21, 22, 23, 28, 30, 31"
#define LOCUST__CTX_AT   "$\\i, " LOCUST__CTX_WORD "*(\\i-16)($sp)"
#if !defined(__mips_hard_float)
#define LOCUST__CTX_SIZE "(16*" LOCUST__CTX_WORD ")"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word), "as above");
#elif _MIPS_SIM == 3
#define LOCUST__CTX_SIZE   "(16*" LOCUST__CTX_WORD "+8*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 8 * 8, "as above");
#define LOCUST__CTX_FLOATS "24, 25, 26, 27, 28, 29, 30, 31"
#define LOCUST__CTX_FAT    "$f\\i, 16*" LOCUST__CTX_WORD "+8*(\\i-24)($sp)"
#else
#define LOCUST__CTX_SIZE   "(16*" LOCUST__CTX_WORD "+6*8)"
_Static_assert(sizeof(locust__ctx_frame) == 16 * sizeof(locust__ctx_word) + 6 * 8, "as above");
#define LOCUST__CTX_FLOATS "20, 22, 24, 26, 28, 30"
#define LOCUST__CTX_FAT    "$f\\i, 16*" LOCUST__CTX_WORD "+4*(\\i-20)($sp)"
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, LOCUST__CTX_ADD "$sp, $sp, -" LOCUST__CTX_SIZE)
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST LOCUST__CTX_AT)
    "    .cfi_rel_offset 31, 15*" LOCUST__CTX_WORD "\n"
    "    .cfi_rel_offset 30, 14*" LOCUST__CTX_WORD "\n"
#if defined(__mips_hard_float)
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "sdc1    " LOCUST__CTX_FAT)
    "    cfc1    $8, $31             \n"
    "    " LOCUST__CTX_ST "$8, 13*" LOCUST__CTX_WORD "($sp)\n"
#endif
    "    " LOCUST__CTX_PST "$sp, ($4)\n"
    "    move    $sp, $5             \n"    // on the other stack from here; it is laid out alike
#if defined(__mips_hard_float)
    "    " LOCUST__CTX_LD "$9, 13*" LOCUST__CTX_WORD "($sp)\n"
    "    li      $10, 0x01000f83     \n"    // rounding, trap enables, flush to zero
    "    xor     $8, $8, $9          \n"
    "    and     $8, $8, $10         \n"
    "    beq     $8, $0, 1f          \n"    // a write to FCSR is slow: only if these differ
    "    li      $10, 0xfffc0fff     \n"    // an old cause together with its enable would trap
    "    and     $9, $9, $10         \n"
    "    ctc1    $9, $31             \n"
    "1:                              \n"
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "ldc1    " LOCUST__CTX_FAT)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD LOCUST__CTX_AT)
    "    .cfi_restore 31             \n"
    "    .cfi_restore 30             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, LOCUST__CTX_ADD "$sp, $sp, " LOCUST__CTX_SIZE)
    "    jr      $31                 \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // above sp are the 16 bytes that an o32 callee may use
    "    .cfi_undefined 31           \n"    // nobody called
    "    move    $4, $17             \n"    // arg
    "    move    $25, $16            \n"    // fn finds its gp by t9
    "    jalr    $25                 \n"
    "    break                       \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

#if defined(__mips16) // which has no such instructions
static void locust__ctx_frame_init(locust__ctx_frame *frame) __attribute__((nomips16));
#endif
static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("move %0, $28" : "=r"(frame->gp)); // without abicalls there is one for all
#if defined(__mips_hard_float)
    __asm__ volatile("cfc1 %0, $31" : "=r"(frame->fcsr));
#endif
}
#elif defined(__powerpc__) && defined(__ELF__) && !defined(__SPE__)
/* ============================================================================================
 * >>ctx_powerpc  the context switch on PowerPC, 32 and 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

#if !defined(_SOFT_FLOAT) && !defined(__NO_FPRS__)
#define LOCUST__CTX_FLOAT 1
#else
#define LOCUST__CTX_FLOAT 0
#endif

typedef struct locust__ctx_frame {
    locust__ctx_word back_chain, ret /* LR */, cr, toc /* r2, on 64 bits */, fn /* r14 */,
        arg /* r15 */, r16_to_r31[16], vrsave, unused;
#if LOCUST__CTX_FLOAT
    double f14_to_f31[18];
    uint64_t fpscr, fpscr_unused;
#endif
#if defined(__ALTIVEC__)
    _Alignas(16) unsigned char v20_to_v31[12][16];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "r1 stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 4 * sizeof(locust__ctx_word), "14 - 10");

// clang-format off
#if defined(__powerpc64__)
#define LOCUST__CTX_WORD "8" // bytes
#define LOCUST__CTX_ST   "std     "
#define LOCUST__CTX_LD   "ld      "
#define LOCUST__CTX_PUSH "stdu    "
#else
#define LOCUST__CTX_WORD "4"
#define LOCUST__CTX_ST   "stw     "
#define LOCUST__CTX_LD   "lwz     "
#define LOCUST__CTX_PUSH "stwu    "
#endif
#define LOCUST__CTX_INTS   "14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define LOCUST__CTX_AT     "\\i, " LOCUST__CTX_WORD "*(\\i-10)(1)"
#define LOCUST__CTX_FLOATS LOCUST__CTX_INTS
#define LOCUST__CTX_FAT    "\\i, 24*" LOCUST__CTX_WORD "+8*(\\i-14)(1)"
#define LOCUST__CTX_FPSCR  "24*" LOCUST__CTX_WORD "+8*18"
#if LOCUST__CTX_FLOAT
#define LOCUST__CTX_VBASE "24*" LOCUST__CTX_WORD "+8*20"
_Static_assert(offsetof(locust__ctx_frame, fpscr) ==
    24 * sizeof(locust__ctx_word) + 8 * 18, "as above");
#else
#define LOCUST__CTX_VBASE "24*" LOCUST__CTX_WORD
#endif
#if defined(__ALTIVEC__)
#define LOCUST__CTX_SIZE "(" LOCUST__CTX_VBASE "+12*16)"
_Static_assert(offsetof(locust__ctx_frame, v20_to_v31) ==
    24 * sizeof(locust__ctx_word) + LOCUST__CTX_FLOAT * 8 * 20, "as above");
#else
#define LOCUST__CTX_SIZE "(" LOCUST__CTX_VBASE ")"
_Static_assert(sizeof(locust__ctx_frame) ==
    24 * sizeof(locust__ctx_word) + LOCUST__CTX_FLOAT * 8 * 20, "as above");
#endif
#define LOCUST__CTX_VECTORS "20,21,22,23,24,25,26,27,28,29,30,31"
#define LOCUST__CTX_VAT     "li 0, " LOCUST__CTX_VBASE "+16*(\\i-20)\n" // there is no displacement
#if defined(__LITTLE_ENDIAN__) // where the byte of FPSCR is that has all control bits
#define LOCUST__CTX_CONTROL LOCUST__CTX_FPSCR "(1)"
#else
#define LOCUST__CTX_CONTROL LOCUST__CTX_FPSCR "+7(1)"
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r3, next: r4)
    "    mflr    0                   \n"
    "    mfcr    5                   \n"
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, LOCUST__CTX_PUSH "1, -" LOCUST__CTX_SIZE "(1)")
    "    " LOCUST__CTX_ST "0, " LOCUST__CTX_WORD "(1)\n"
    "    .cfi_rel_offset 65, " LOCUST__CTX_WORD "\n"
    "    " LOCUST__CTX_ST "5, 2*" LOCUST__CTX_WORD "(1)\n"
#if defined(__powerpc64__)
    "    std     2, 3*8(1)           \n"    // the table of contents of the function that waits
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST LOCUST__CTX_AT) // r13 belongs to the thread
    "    .cfi_rel_offset 31, 21*" LOCUST__CTX_WORD "\n" // the frame pointer
#if defined(__ALTIVEC__)
    "    mfspr   5, 256              \n"    // VRSAVE: nonvolatile but in ELFv2, which ignores it
    "    " LOCUST__CTX_ST "5, 22*" LOCUST__CTX_WORD "(1)\n"
    LOCUST__ASM_EACH(LOCUST__CTX_VECTORS, LOCUST__CTX_VAT "    stvx    \\i, 1, 0")
#endif
#if LOCUST__CTX_FLOAT
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "stfd    " LOCUST__CTX_FAT)
    "    mffs    0                   \n"
    "    stfd    0, " LOCUST__CTX_FPSCR "(1)\n"
    "    lbz     6, " LOCUST__CTX_CONTROL "\n"
#endif
    "    " LOCUST__CTX_ST "1, 0(3)   \n"
    "    mr      1, 4                \n"    // on the other stack from here; it is laid out alike
#if LOCUST__CTX_FLOAT
    "    lbz     7, " LOCUST__CTX_CONTROL "\n"
    "    cmpw    6, 7                \n"    // a write to FPSCR is slow: only if the traps or the
    "    beq     1f                  \n"    // rounding differ
    "    lfd     0, " LOCUST__CTX_FPSCR "(1)\n"
    "    mtfsf   3, 0                \n"    // only the two fields of that byte
    "1:                              \n"
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "lfd     " LOCUST__CTX_FAT)
#endif
#if defined(__ALTIVEC__)
    LOCUST__ASM_EACH(LOCUST__CTX_VECTORS, LOCUST__CTX_VAT "    lvx     \\i, 1, 0")
    "    " LOCUST__CTX_LD "5, 22*" LOCUST__CTX_WORD "(1)\n"
    "    mtspr   256, 5              \n"
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD LOCUST__CTX_AT)
    "    .cfi_restore 31             \n"
#if defined(__powerpc64__)
    "    ld      2, 3*8(1)           \n"
#endif
    "    " LOCUST__CTX_LD "5, 2*" LOCUST__CTX_WORD "(1)\n"
    "    mtcrf   0x38, 5             \n"    // CR2 to CR4
    "    " LOCUST__CTX_LD "0, " LOCUST__CTX_WORD "(1)\n"
    "    mtlr    0                   \n"
    "    .cfi_restore 65             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi    1, 1, " LOCUST__CTX_SIZE)
    "    blr                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 65           \n"    // nobody called,
    "    li      0, 0                \n"    // and the chain of frames ends
#if defined(__powerpc64__)
    LOCUST__ASM_SP("112", "stdu    0, -112(1)") // header and arguments of ELFv1; ELFv2 needs less
#else
    LOCUST__ASM_SP("16", "stwu    0, -16(1)")
#endif
    "    mr      3, 15               \n"    // arg
#if defined(__powerpc64__) && (!defined(_CALL_ELF) || _CALL_ELF == 1)
    "    ld      12, 0(14)           \n"    // fn, a descriptor
    "    ld      2, 8(14)            \n"
    "    ld      11, 16(14)          \n"
#else
    "    mr      12, 14              \n"    // fn finds its table of contents by r12
#endif
    "    mtctr   12                  \n"
    "    bctrl                       \n"
    "    trap                        \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if defined(__powerpc64__)
    __asm__ volatile("mr %0, 2" : "=r"(frame->toc));
#endif
#if LOCUST__CTX_FLOAT
    double fpscr;
    __asm__ volatile("mffs %0" : "=f"(fpscr));
    memcpy(&frame->fpscr, &fpscr, sizeof fpscr);
#endif
#if defined(__ALTIVEC__)
    __asm__ volatile("mfspr %0, 256" : "=r"(frame->vrsave));
#endif
    (void)frame;
}
#elif defined(__s390x__)
/* ============================================================================================
 * >>ctx_s390x  the context switch on s390x
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word fn /* r6 */, arg /* r7 */, r8_to_r13[6], ret /* r14 */;
    uint32_t fpc, unused;
    double f8_to_f15[8];
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 144, "the assembly below reserves that much");
_Static_assert(offsetof(locust__ctx_frame, fpc) == 72, "FPC is stored there");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r2, next: r3)
    LOCUST__ASM_SP("144", "aghi    %r15, -144")
    "    .cfi_escape 0x14, 15, 20    \n"    // DW_CFA_val_offset: r15 was the CFA less 20 * 8
    "    stmg    %r6, %r14, 0(%r15)  \n"    // saved: ABI 1.2.1
    "    .cfi_rel_offset 14, 64      \n"
    "    .cfi_rel_offset 11, 40      \n"    // the frame pointer
    "    stfpc   72(%r15)            \n"
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15", "std     %f\\i, 80+8*(\\i-8)(%r15)")
    "    l       %r0, 72(%r15)       \n"
    "    stg     %r15, 0(%r2)        \n"
    "    lgr     %r15, %r3           \n"    // on the other stack from here; it is laid out alike
    "    cl      %r0, 72(%r15)       \n"    // a write to FPC is slow: only if it differs
    "    je      1f                  \n"
    "    lfpc    72(%r15)            \n"
    "1:                              \n"
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15", "ld      %f\\i, 80+8*(\\i-8)(%r15)")
    "    lmg     %r6, %r14, 0(%r15)  \n"
    "    .cfi_restore 14             \n"
    "    .cfi_restore 11             \n"
    LOCUST__ASM_SP("-144", "aghi    %r15, 144")
    "    .cfi_restore 15             \n"
    "    br      %r14                \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 14           \n"    // nobody called
    LOCUST__ASM_SP("160", "aghi    %r15, -160") // fn saves its registers there: ABI 1.2.2
    "    xc      0(8,%r15), 0(%r15)  \n"    // the back chain ends
    "    lgr     %r2, %r7            \n"    // arg
    "    basr    %r14, %r6           \n"    // fn
    "    .short  0                   \n"    // never an instruction
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("stfpc %0" : "=Q"(frame->fpc));
}
#elif defined(__m68k__) && !defined(__mcoldfire__)
/* ============================================================================================
 * >>ctx_m68k  the context switch on m68k
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
#ifdef __HAVE_68881__
    uint32_t fpcr, fp2_to_fp7[6][3];
#endif
    locust__ctx_word d2_to_d7[6], fn /* a2 */, arg /* a3 */, a4, a5, a6, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) - offsetof(locust__ctx_frame, d2_to_d7) == 48,
    "the assembly below pushes that much, the return address included");
_Static_assert(offsetof(locust__ctx_frame, fn) - offsetof(locust__ctx_frame, d2_to_d7) == 24, "a2");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: 4(%sp), next: 8(%sp))
    "    move.l  4(%sp), %a0         \n"
    "    move.l  8(%sp), %a1         \n"
    LOCUST__ASM_SP("44", "movem.l %d2-%d7/%a2-%a6, -(%sp)") // callee-saved: psABI chapter 3
    "    .cfi_rel_offset 14, 40      \n"    // a6, the frame pointer
#ifdef __HAVE_68881__
    LOCUST__ASM_SP("72", "fmovem.x %fp2-%fp7, -(%sp)")
    LOCUST__ASM_SP("4", "subq.l  #4, %sp")
    "    fmove.l %fpcr, (%sp)        \n"    // not by -(%sp), of which an emulator makes 0
#endif
    "    move.l  %sp, (%a0)          \n"
    "    move.l  %a1, %sp            \n"    // on the other stack from here; it is laid out alike
#ifdef __HAVE_68881__
    LOCUST__ASM_SP("-4", "fmove.l (%sp)+, %fpcr")
    LOCUST__ASM_SP("-72", "fmovem.x (%sp)+, %fp2-%fp7")
#endif
    LOCUST__ASM_SP("-44", "movem.l (%sp)+, %d2-%d7/%a2-%a6")
    "    .cfi_restore 14             \n"
    "    rts                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 24           \n"    // pc: nobody called
    LOCUST__ASM_SP("4", "move.l  %a3, -(%sp)") // arg
    "    jsr     (%a2)               \n"    // fn
    "    illegal                     \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifdef __HAVE_68881__
    __asm__ volatile("fmove.l %%fpcr, %0" : "=m"(frame->fpcr));
#else
    (void)frame;
#endif
}
#elif defined(__loongarch__) && __loongarch_grlen == 64
/* ============================================================================================
 * >>ctx_loongarch  the context switch on LoongArch, 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word fp /* $r22 */, fn /* s0: $r23 */, arg /* s1 */, s2_to_s8[7], ret /* ra */,
        fcsr;
#if defined(__loongarch_double_float)
    double fs0_to_fs7[8];
#elif defined(__loongarch_single_float)
    float fs0_to_fs7[8];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "sp stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 8, "s0 is stored there");
_Static_assert(offsetof(locust__ctx_frame, ret) == 80, "ra is stored there");

// clang-format off
#define LOCUST__CTX_INTS   "22, 23, 24, 25, 26, 27, 28, 29, 30, 31" // fp, s0 to s8
#define LOCUST__CTX_FLOATS "0, 1, 2, 3, 4, 5, 6, 7"                 // fs0 to fs7
#if defined(__loongarch_double_float)
#define LOCUST__CTX_SIZE "160"
_Static_assert(sizeof(locust__ctx_frame) == 160, "as above");
#define LOCUST__CTX_FST  "fst.d   $fs\\i, $sp, 96+8*\\i"
#define LOCUST__CTX_FLD  "fld.d   $fs\\i, $sp, 96+8*\\i"
#elif defined(__loongarch_single_float)
#define LOCUST__CTX_SIZE "128"
_Static_assert(sizeof(locust__ctx_frame) == 128, "as above");
#define LOCUST__CTX_FST  "fst.s   $fs\\i, $sp, 96+4*\\i"
#define LOCUST__CTX_FLD  "fld.s   $fs\\i, $sp, 96+4*\\i"
#else
#define LOCUST__CTX_SIZE "96"
_Static_assert(sizeof(locust__ctx_frame) == 96, "as above");
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: a0, next: a1)
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, "addi.d  $sp, $sp, -" LOCUST__CTX_SIZE)
    // tp and r21 are reserved: not saved
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, "st.d    $r\\i, $sp, 8*(\\i-22)")
    "    st.d    $ra, $sp, 80        \n"
    "    .cfi_rel_offset 1, 80       \n"
    "    .cfi_rel_offset 22, 0       \n"    // fp
#ifdef LOCUST__CTX_FST
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FST)
#endif
#if !defined(__loongarch_soft_float)
    "    movfcsr2gr $t0, $fcsr0      \n"
    "    andi    $t0, $t0, 0x31f     \n"    // rounding, trap enables
    "    st.d    $t0, $sp, 88        \n"
#endif
    "    st.d    $sp, $a0, 0         \n"
    "    move    $sp, $a1            \n"    // on the other stack from here; it is laid out alike
#if !defined(__loongarch_soft_float)
    "    ld.d    $t1, $sp, 88        \n"
    "    beq     $t0, $t1, 1f        \n"    // a write may be slow: only if these differ
    "    movgr2fcsr $fcsr1, $t1      \n"    // the enables in FCSR0,
    "    movgr2fcsr $fcsr3, $t1      \n"    // and its rounding
    "1:                              \n"
#endif
#ifdef LOCUST__CTX_FLD
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, LOCUST__CTX_FLD)
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, "ld.d    $r\\i, $sp, 8*(\\i-22)")
    "    ld.d    $ra, $sp, 80        \n"
    "    .cfi_restore 1              \n"
    "    .cfi_restore 22             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi.d  $sp, $sp, " LOCUST__CTX_SIZE)
    "    jr      $ra                 \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 1            \n"    // nobody called
    "    move    $a0, $s1            \n"    // arg
    "    jirl    $ra, $s0, 0         \n"    // fn
    "    break   0                   \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if !defined(__loongarch_soft_float)
    __asm__ volatile("movfcsr2gr %0, $fcsr0" : "=r"(frame->fcsr));
    frame->fcsr &= 0x31f;
#else
    (void)frame;
#endif
}
#else // any other architecture
#undef LOCUST__WITH_UCONTEXT
#define LOCUST__WITH_UCONTEXT 1
#endif
#if LOCUST__WITH_UCONTEXT
/* ============================================================================================
 * >>ctx_ucontext  the context switch by the C library
 *
 * Purpose     the same functions by makecontext() and swapcontext(), for stacks that grow down.
 * Invariants  a context lies at the top of its stack until it first runs; then it is a local
 *             variable of the switch.
 * Cost        600 ns a switch: two system calls for the signal mask.
 * Names       locust__ctx_
 * ============================================================================================ */

#if (LOCUST__OS_LINUX && !defined(__GLIBC__)) || defined(__OpenBSD__)
#error \
    "locust.h can switch stacks here by swapcontext() only, which this C library lacks (musl, say): compile with glibc, and without LOCUST_UCONTEXT if you set it"
#endif
#include <ucontext.h>

typedef struct locust__ctx_frame {
    ucontext_t context; // first: the saved pointer of a parked stack points at one of these
    unsigned control;
    void (*fn)(void *arg);
    void *arg;
} locust__ctx_frame;
_Static_assert(_Alignof(locust__ctx_frame) <= 16, "locust__ctx_make aligns it so");

/* The floating-point control bits that glibc's swapcontext() leaves as they are. */
static unsigned locust__ctx_control(void)
{
    unsigned control = 0;
#if defined(__sparc__) && !defined(_SOFT_FLOAT)
    __asm__ volatile("st %%fsr, %0" : "=m"(control));
#elif defined(__i386__) && defined(__SSE__)
    __asm__ volatile("stmxcsr %0" : "=m"(control));
#endif
    return control;
}

static void locust__ctx_control_set(unsigned control)
{
#if defined(__sparc__) && !defined(_SOFT_FLOAT)
    __asm__ volatile("ld %0, %%fsr" : : "m"(control));
#elif defined(__i386__) && defined(__SSE__)
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
#endif
    (void)control;
}

/* Where a new stack starts, with what makecontext() can pass: two int, the halves of a pointer. */
static void locust__ctx_entry(unsigned high, unsigned low)
{
    locust__ctx_frame *frame = (locust__ctx_frame *)((uintptr_t)high << 16 << 16 | low);
    locust__ctx_control_set(frame->control);
    frame->fn(frame->arg);
    abort();
}

/* Not inlined: `here` is large, and would be in the frame of the caller, at each level of a
 * recursion, though it is needed only while the innermost one is parked. */
__attribute__((noinline)) static void locust__ctx_switch(void **save, void *next)
{
    unsigned control = locust__ctx_control();
    ucontext_t here;
    here.uc_stack.ss_sp = NULL; // a sanitizer looks at these two when it switches back
    here.uc_stack.ss_size = 0;
    *save = &here;
    if (swapcontext(&here, next) != 0)
        abort();
    locust__ctx_control_set(control);
}

static void *locust__ctx_make(char *top, void (*fn)(void *arg), void *arg)
{
    enum { ROUNDED = (sizeof(locust__ctx_frame) + 15) / 16 * 16, SOME = 4096 };
    locust__ctx_frame *frame = (locust__ctx_frame *)(void *)(top - ROUNDED);
    LOCUST_ASSERT(((uintptr_t)top & 15) == 0);
    if (getcontext(&frame->context) != 0)
        abort();
    frame->context.uc_stack.ss_sp = (char *)frame - SOME; // only the sum of the two matters
    frame->context.uc_stack.ss_size = SOME;
    frame->context.uc_link = NULL;
    frame->control = locust__ctx_control();
    frame->fn = fn;
    frame->arg = arg;
    makecontext(&frame->context, (void (*)(void))locust__ctx_entry, 2,
        (unsigned)((uintptr_t)frame >> 16 >> 16), (unsigned)(uintptr_t)frame);
    return frame;
}
#else
/* ============================================================================================
 * >>ctx_make  a new stack for the switches in assembly
 *
 * Purpose     makes a new stack look like a parked one, so that the first switch to it begins
 *             there.
 * Names       locust__ctx_
 * ============================================================================================ */

/* Parks this stack: saves the registers of a frame on it and its pointer in *save. Returns on the
 * stack whose saved pointer is `next`, to where that one called. */
void locust__ctx_switch(void **save, void *next) __asm__(LOCUST__ASM_NAME("locust__ctx_switch"));
/* Where a new stack begins: calls fn(arg), which never returns. It is code, but declared as data,
 * so that its address is that of its first instruction, even where a function's is that of a
 * descriptor. */
extern const char locust__ctx_entry[] __asm__(LOCUST__ASM_CODE("locust__ctx_entry"));

/* Prepares a new stack that ends at `top`: the first switch to it calls fn(arg). Returns its saved
 * pointer. fn never returns: it leaves by a last switch. */
static void *locust__ctx_make(char *top, void (*fn)(void *arg), void *arg)
{
    locust__ctx_frame *frame;
    LOCUST_ASSERT(((uintptr_t)top & 15) == 0);
    memset(top - 16, 0, 16);
    frame = (locust__ctx_frame *)(void *)(top - 16 - sizeof *frame);
    memset(frame, 0, sizeof *frame);
    locust__ctx_frame_init(frame);
    frame->fn = (locust__ctx_word)(intptr_t)fn;
    frame->arg = (locust__ctx_word)(intptr_t)arg;
    frame->ret = (locust__ctx_word)(intptr_t)locust__ctx_entry;
    return frame;
}
#endif
/* ============================================================================================
 * >>ctx_allowed  may stacks be switched?
 *
 * Purpose     answers for the machines that have nothing against it. x86-64 has: shadow stacks.
 * Names       locust__ctx_
 * ============================================================================================ */

#if !defined(LOCUST__CTX_ASKS)
/* Whether this process may switch stacks. */
static bool locust__ctx_allowed(void)
{
    return true;
}
#endif
/* ============================================================================================
 * >>os  what the operating system is asked for, the poller first
 *
 * Purpose     declares what the header asks of the system. The parts of os/ that follow define each
 *             function once for the system at hand, so that code above need not tell systems apart.
 *             (Beside them >>config, >>number and >>ctx do: system headers, locales, assembly.)
 *             What can fail returns 0 or -errno, unless its comment says otherwise.
 * Invariants  a watch is added once, for both directions, for its whole life. The poller sets its
 *             flags; a reader or writer clears them on finding that the descriptor has nothing
 *             more (EAGAIN, or a short read). So edge-triggered epoll and kqueue and
 *             level-triggered poll() look the same from above: poll() asks only for what the
 *             flags do not say yet.
 * Cost        epoll and kqueue: one system call for up to 512 events; poll(): grows with the
 *             watches.
 * Names       locust__os_events_ locust__os_nowhere locust__os_send_ locust__poller_ locust__watch_
 * Limits      poll() waits in whole milliseconds. Only Linux says when bytes arrived, and has timer
 *             slack and guard markers. A system that is neither Linux, macOS nor a BSD gets poll().
 * Sources     kqueue(2) of FreeBSD, NetBSD, OpenBSD and macOS; epoll(7), epoll_wait(2).
 * ============================================================================================ */

typedef struct locust__watch {    // of one descriptor; embedded by what owns that
    int fd;                       // -1: closed
    int index;                    // place in poll()'s arrays
    bool readable, writable, hup; // what the poller found and nobody has used up yet
} locust__watch;

typedef struct locust__poller {
    int fd;      // of epoll or kqueue
    bool coarse; // epoll: timeouts are whole milliseconds here
    // The rest is for poll() alone.
    struct pollfd *fds;
    locust__watch **watches; // watches[i] asked for fds[i]
    int n, cap;
    int from; // where the last look at the results ended
} locust__poller;

enum { LOCUST__OS_EVENTS = 512 }; // that one wait fetches at most

static int locust__os_poll_open(locust__poller *p);
static void locust__os_poll_close(locust__poller *p);
static int locust__os_poll_add(locust__poller *p, locust__watch *watch);
static void locust__os_poll_remove(locust__poller *p, locust__watch *watch);
/* Waits up to timeout_ns (LOCUST__NEVER: for ever) and puts the watches whose flags it set into
 * out[LOCUST__OS_EVENTS]. Returns how many; 0 after the timeout and after a signal. */
static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns);

static int64_t locust__os_now_ns(void);    // monotonic
static int64_t locust__os_wall_ns(void);   // since 1970
static int64_t locust__os_cpu_ns(void);    // that this process has taken
static int64_t locust__os_waited_ns(void); // that it was runnable and others ran; -1: unknown
static size_t locust__os_memory(void);     // bytes resident; 0: unknown
/* Maps a whole file for reading; *text is NULL for an empty one. */
static int locust__os_map(const char *path, const char **text, size_t *size);
static void locust__os_unmap(const char *text, size_t size);
static void locust__os_random(void *out, size_t n); // for seeds and ids
static void locust__os_precise_timers(void);        // waits end on time: timer slack of 1 ns
/* Raises the soft limit of open descriptors to the hard one; returns the limit. */
static int64_t locust__os_raise_files(void);
static int locust__os_set_files(const struct rlimit *limit); // setrlimit() for RLIMIT_NOFILE
static int locust__os_socket(int family, int type); // nonblocking, close-on-exec; or -errno
static int locust__os_accept(int fd);               // the same; -EAGAIN: nobody has connected
/* From here on bind() to an address takes no port: connect() does, and may share it with other
 * peers. */
static void locust__os_late_port(int fd);
/* Asks the system to note when bytes arrive at a socket, for locust__os_recv. */
static void locust__os_stamp(int fd);
/* recv(). *arrived_ns: when the last of the bytes reached this machine, since 1970; 0: unknown. */
static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns);
static size_t locust__os_page_size(void);
/* The text of a small file; of a larger one it reads little more than `max` bytes. A '\0' follows.
 * ptr NULL: no such file, or no memory. `failed`: it could not be read, and errno says why. */
static locust__buf locust__os_read_file(const char *path, size_t max);
static bool locust__os_has_aes(void);         // does the processor have instructions for AES?
static char *locust__os_stacks_map(size_t n); // NULL: no memory
static void locust__os_stacks_unmap(char *p, size_t n);
/* Makes pages fault on any access, at no cost in memory or mappings. False: the system cannot. */
static bool locust__os_guard_mark(char *p, size_t n);
static bool locust__os_guard_protect(char *p, size_t n); // the same by mprotect(): a mapping more
#define LOCUST__OS_NOWHERE ((const char *)UINTPTR_MAX)
/* Until closed, a fault of the program itself, or its abort(), calls report(signal, address) and
 * then ends the process as it always would. `address`: of a memory fault; LOCUST__OS_NOWHERE for
 * any other, and if the system does not tell. */
static int locust__os_fault_open(void (*report)(int signal_number, const char *address));
static void locust__os_fault_close(void);
/* Opens those of the descriptors 0 to 2 that are closed, or a socket would become standard
 * output. */
static void locust__os_standard_files(void);
/* Until closed, SIGINT and SIGTERM each put a byte, the signal's number, into the pipe whose
 * reading end is returned. A second signal ends the process at once. */
static int locust__os_signals_open(void);
static void locust__os_signals_close(void);

#if defined(MSG_NOSIGNAL) && !defined(SO_NOSIGPIPE)
#define LOCUST__OS_SEND_FLAGS MSG_NOSIGNAL // a closed peer is an error, not a signal
#else
#define LOCUST__OS_SEND_FLAGS 0 // the socket is made that way: SO_NOSIGPIPE
#endif
/* ============================================================================================
 * >>os_posix  what every system has
 *
 * Purpose     clocks, files, descriptors and mappings, by POSIX calls that all systems have.
 * Names       locust__os_clock_ locust__os_cpu_ locust__os_map_ locust__os_nonblocking_
 *             locust__os_now_ locust__os_page_ locust__os_proc_ locust__os_random_ locust__os_read_
 *             locust__os_standard_ locust__os_statm_ locust__os_timeout_ locust__os_unmap_
 *             locust__os_wall_ locust__os_write_ locust__watch_
 * ============================================================================================ */

static int64_t locust__os_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return locust__time_of(t);
}

static int64_t locust__os_now_ns(void)
{
    return locust__os_clock(CLOCK_MONOTONIC);
}

static int64_t locust__os_wall_ns(void)
{
    return locust__os_clock(CLOCK_REALTIME);
}

static int64_t locust__os_cpu_ns(void)
{
    return locust__os_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static size_t locust__os_page_size(void)
{
    return (size_t)getpagesize(); // sysconf() is a KB of a static program with musl
}

static locust__buf locust__os_read_file(const char *path, size_t max)
{
    locust__buf text = {NULL, 0, 0, false};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && text.len < max && locust__buf_reserve(&text, 4096)) {
        got = read(fd, text.ptr + text.len, text.cap - text.len - 1);
        text.len += got > 0 ? (size_t)got : 0;
    }
    text.failed |= got < 0;
    if (fd >= 0)
        close(fd);
    if (text.ptr)
        text.ptr[text.len] = '\0';
    return text;
}

static int locust__os_map(const char *path, const char **text, size_t *size)
{
    struct stat about;
    void *map = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    memset(&about, 0, sizeof about);
    if (fd < 0 || fstat(fd, &about) < 0) {
        rc = -errno;
    } else if (S_ISDIR(about.st_mode)) {
        rc = -EISDIR;
    } else if (about.st_size) {
        map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        rc = map == MAP_FAILED ? -errno : 0;
    }
    if (fd >= 0)
        close(fd);
    if (rc)
        return rc;
    *text = map;
    *size = (size_t)about.st_size;
    return 0;
}

static void locust__os_unmap(const char *text, size_t size)
{
    munmap((void *)(uintptr_t)text, size);
}

/* Makes a descriptor nonblocking and close-on-exec. */
static int locust__os_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return -errno;
    return 0;
}

static void locust__os_standard_files(void)
{
    int fd = 0;
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0) // an empty chroot has no /dev/null: a socket that leads nowhere will do
            fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A timeout in whole milliseconds, as poll() and epoll_wait() take it. Rounded up: after a wait
 * that ends too early the loop would spin until the deadline. -1, for ever: more than an int
 * holds. */
LOCUST__UNUSED static int locust__os_timeout_ms(int64_t timeout_ns)
{
    return timeout_ns > INT_MAX * LOCUST__MS ? -1
                                             : (int)((timeout_ns + LOCUST__MS - 1) / LOCUST__MS);
}

/* Sets what a poller reported. A hang-up makes a descriptor ready in both directions: the next read
 * or write then finds out. */
static void locust__watch_set(locust__watch *w, bool readable, bool writable, bool hup)
{
    w->hup |= hup;
    w->readable |= readable || w->hup;
    w->writable |= writable || w->hup;
}

/* Random bytes from the device, or, in a chroot without one, from the time: then ids differ at
 * least between runs. */
LOCUST__UNUSED static void locust__os_random_device(void *out, size_t n)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    uint64_t seed;
    if (fd >= 0) {
        got = read(fd, out, n);
        close(fd);
    }
    if (got == (ssize_t)n)
        return;
    seed = (uint64_t)locust__os_wall_ns() ^ (uint64_t)getpid() << 32;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = (unsigned char)locust__random(&seed);
}

/* The second number in a file of /proc; -1: there is none. */
LOCUST__UNUSED static int64_t locust__os_proc_second(const char *path)
{
    locust__buf text = locust__os_read_file(path, 256);
    const char *second = text.len ? strchr(text.ptr, ' ') : NULL;
    int64_t number = -1;
    if (second) {
        second++;
        number = locust__number_whole(&second);
    }
    locust__buf_free(&text);
    return number;
}

/* Bytes of memory in use, by Linux and NetBSD; 0: unknown. */
LOCUST__UNUSED static size_t locust__os_statm(void)
{
    int64_t pages = locust__os_proc_second("/proc/self/statm"); // size, then resident
    return pages > 0 ? (size_t)pages * locust__os_page_size() : 0;
}

/* Writes all of a text, and waits where it has to. Returns how many bytes the system took: fewer
 * mean an error, such as a full disk, which must not stop a test. */
static size_t locust__os_write_all(int fd, const char *text, size_t n)
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
#if LOCUST__WITH_EPOLL
/* ============================================================================================
 * >>os_epoll  the poller of Linux
 *
 * Purpose     watches descriptors by epoll, edge-triggered and in both directions. Each is added
 *             once, for its whole life, so that a request costs no epoll_ctl().
 * Names       locust__os_epoll_ locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->coarse = LOCUST__WITH_VALGRIND; // valgrind does not know epoll_pwait2()
    p->fd = LOCUST__SYS(epoll_create1)(EPOLL_CLOEXEC);
    return p->fd < 0 ? -errno : 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    close(p->fd);
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    event.data.ptr = watch;
    return LOCUST__SYS(epoll_ctl)(p->fd, EPOLL_CTL_ADD, watch->fd, &event) != 0 ? -errno : 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    // The close() that follows would do, but not in a test that has forked: the kernel keeps
    // watching as long as the child has the descriptor.
    struct epoll_event unused;
    epoll_ctl(p->fd, EPOLL_CTL_DEL, watch->fd, &unused);
}

/* Waits to the nanosecond by epoll_pwait2(), which is there from Linux 5.11 on and not under
 * qemu-user; else by epoll_wait(). */
static int locust__os_epoll(locust__poller *p, struct epoll_event *events, int64_t timeout_ns)
{
#ifdef SYS_epoll_pwait2
    if (!p->coarse && timeout_ns > 0 && timeout_ns < LOCUST__NEVER) {
        struct {
            int64_t s, ns;
        } span = {timeout_ns / LOCUST__S, timeout_ns % LOCUST__S};
        long n =
            syscall(SYS_epoll_pwait2, p->fd, events, LOCUST__OS_EVENTS, &span, NULL, (size_t)0);
        if (n >= 0 || errno == EINTR)
            return (int)n;
        p->coarse = true; // ENOSYS, or EPERM from a container's filter
    }
#endif
    return LOCUST__SYS(epoll_wait)(
        p->fd, events, LOCUST__OS_EVENTS, locust__os_timeout_ms(timeout_ns));
}

static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    struct epoll_event events[LOCUST__OS_EVENTS];
    int n = locust__os_epoll(p, events, timeout_ns);
    for (int i = 0; i < n; i++) {
        uint32_t got = events[i].events;
        out[i] = events[i].data.ptr;
        locust__watch_set(
            out[i], got & EPOLLIN, got & EPOLLOUT, got & (EPOLLHUP | EPOLLERR | EPOLLRDHUP));
    }
    return n < 0 ? 0 : n;
}
#elif LOCUST__WITH_KQUEUE
/* ============================================================================================
 * >>os_kqueue  the poller of macOS and the BSDs
 *
 * Purpose     watches descriptors by kqueue, edge-triggered (EV_CLEAR) and in both directions. On
 *             Linux libkqueue has the same calls.
 * Names       locust__os_kqueue_ locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->fd = LOCUST__SYS(kqueue)();
    if (p->fd < 0)
        return -errno;
    fcntl(p->fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    close(p->fd);
}

static int locust__os_kqueue_change(locust__poller *p, locust__watch *watch, int filter, int flags)
{
    struct kevent change;
    memset(&change, 0, sizeof change);
    EV_SET(&change, watch->fd, filter, flags, 0, 0, watch);
    return LOCUST__SYS(kevent)(p->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    int rc = locust__os_kqueue_change(p, watch, EVFILT_READ, EV_ADD | EV_CLEAR);
    if (!rc) // this may fail: the reading end of a pipe cannot be written to
        locust__os_kqueue_change(p, watch, EVFILT_WRITE, EV_ADD | EV_CLEAR);
    return rc;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    // The close() that follows would do, were it not for libkqueue.
    locust__os_kqueue_change(p, watch, EVFILT_READ, EV_DELETE);
    locust__os_kqueue_change(p, watch, EVFILT_WRITE, EV_DELETE);
}

/* A watch that became ready in both directions is two events, and in `out` twice. */
static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    struct kevent events[LOCUST__OS_EVENTS];
    struct timespec span = {(time_t)(timeout_ns / LOCUST__S), (long)(timeout_ns % LOCUST__S)};
    bool forever = timeout_ns > INT_MAX * LOCUST__S;
    int n = LOCUST__SYS(kevent)(p->fd, NULL, 0, events, LOCUST__OS_EVENTS, forever ? NULL : &span);
    for (int i = 0; i < n; i++) {
        out[i] = (locust__watch *)(void *)events[i].udata;
        locust__watch_set(out[i], events[i].filter == EVFILT_READ, events[i].filter == EVFILT_WRITE,
            events[i].flags & (EV_EOF | EV_ERROR));
    }
    return n < 0 ? 0 : n;
}
#else
/* ============================================================================================
 * >>os_poll  the poller of last resort
 *
 * Purpose     watches descriptors by poll(). It is level-triggered: to look edge-triggered it
 *             asks only for what a watch's flags do not say already.
 * Invariants  fds[i] and watches[i] belong together, and watches[i]->index == i.
 * Cost        each call looks at all descriptors.
 * Names       locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    LOCUST_FREE(p->fds);
    LOCUST_FREE(p->watches);
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    if (p->n == p->cap) {
        int cap = p->cap ? 2 * p->cap : 64;
        struct pollfd *fds = LOCUST_REALLOC(p->fds, (size_t)cap * sizeof *fds);
        locust__watch **watches;
        if (!fds)
            return -ENOMEM;
        p->fds = fds;
        watches = LOCUST_REALLOC(p->watches, (size_t)cap * sizeof *watches);
        if (!watches)
            return -ENOMEM;
        p->watches = watches;
        p->cap = cap;
    }
    watch->index = p->n;
    p->fds[p->n] = (struct pollfd){.fd = watch->fd};
    p->watches[p->n++] = watch;
    return 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    int last = --p->n;
    p->fds[watch->index] = p->fds[last];
    p->watches[watch->index] = p->watches[last];
    p->watches[watch->index]->index = watch->index;
}

static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        locust__watch *w = p->watches[i];
        p->fds[i].fd = w->hup ? -1 : w->fd; // poll() would report a hang-up for ever
        p->fds[i].events = (short)((w->readable ? 0 : POLLIN) | (w->writable ? 0 : POLLOUT));
    }
    if (LOCUST__SYS(poll)(p->fds, (nfds_t)p->n, locust__os_timeout_ms(timeout_ns)) <= 0)
        return 0;
    for (int seen = 0, all = p->n; seen < all && n < LOCUST__OS_EVENTS; seen++) {
        int i = p->from = p->from + 1 < all ? p->from + 1 : 0; // goes round: all get their turn
        locust__watch *w = p->watches[i];
        short got = p->fds[i].revents;
        if (!got || p->fds[i].fd < 0)
            continue;
        locust__watch_set(w, got & POLLIN, got & POLLOUT, got & (POLLHUP | POLLERR | POLLNVAL));
        out[n++] = w;
    }
    return n;
}
#endif
#if LOCUST__OS_LINUX
/* ============================================================================================
 * >>os_linux  what only Linux has
 *
 * Purpose     random bytes, arrival times of bytes, timer slack, ports that are taken late, guard
 *             markers, and how long the process waited for a CPU.
 * Names       locust__os_guard_ locust__os_late_ locust__os_memory_ locust__os_precise_
 *             locust__os_random_ locust__os_recv_ locust__os_set_ locust__os_stamp_
 *             locust__os_waited_
 * Sources     the manual pages of Linux, and its headers where a C library lacks a name.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    if (syscall(SYS_getrandom, out, n, 1 /* GRND_NONBLOCK */) != (long)n)
        locust__os_random_device(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}

static int64_t locust__os_waited_ns(void)
{
    return locust__os_proc_second("/proc/self/schedstat"); // time on a CPU, then waiting for one
}

static void locust__os_precise_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // with the default waits end 60 us late
}

/* musl's setrlimit() is 1.5 KB of a static program: it also serves old kernels and other
 * threads. */
static int locust__os_set_files(const struct rlimit *limit)
{
    if (sizeof limit->rlim_cur == 8) // laid out as the system call has it
        return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
    return setrlimit(RLIMIT_NOFILE, limit);
}

static void locust__os_late_port(int fd)
{
    int on = 1; // Linux before 4.2 refuses: bind() then takes the port
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
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
        *arrived_ns = locust__time_of(t);
    }
    return got;
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    return madvise(p, n, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
}
#else
/* ============================================================================================
 * >>os_unix  what Linux has and this system has not
 *
 * Purpose     stands in for >>os_linux on other systems. No function there is needed: each only
 *             makes a figure more exact, or a stack cheaper.
 * Names       locust__os_guard_ locust__os_late_ locust__os_precise_ locust__os_recv_
 *             locust__os_set_ locust__os_stamp_ locust__os_waited_
 * ============================================================================================ */

static int64_t locust__os_waited_ns(void)
{
    return -1;
}

static void locust__os_precise_timers(void)
{
}

static int locust__os_set_files(const struct rlimit *limit)
{
    return setrlimit(RLIMIT_NOFILE, limit);
}

static void locust__os_late_port(int fd)
{
    (void)fd;
}

static void locust__os_stamp(int fd)
{
    (void)fd;
}

static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns)
{
    *arrived_ns = 0;
    return LOCUST__SYS(recv)(fd, to, n, 0);
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    (void)p;
    (void)n;
    return false;
}
#endif
#if LOCUST__OS_APPLE
/* ============================================================================================
 * >>os_macos  macOS
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * Sources     arc4random(3); mach/task_info.h of the macOS SDK.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    arc4random_buf(out, n);
}

static size_t locust__os_memory(void)
{
    struct mach_task_basic_info about;
    mach_msg_type_number_t n = MACH_TASK_BASIC_INFO_COUNT;
    kern_return_t rc =
        task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)(void *)&about, &n);
    return rc == KERN_SUCCESS ? about.resident_size : 0;
}
#elif LOCUST__OS_BSD
/* ============================================================================================
 * >>os_bsd  FreeBSD, NetBSD, OpenBSD, DragonFly
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * Sources     arc4random(3). Only NetBSD has /proc/self/statm, where it is mounted.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    arc4random_buf(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}
#elif !LOCUST__OS_LINUX
/* ============================================================================================
 * >>os_plain  any other POSIX system
 *
 * Purpose     random bytes, and how much memory is in use.
 * Names       locust__os_memory_ locust__os_random_
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    locust__os_random_device(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}
#endif
/* ============================================================================================
 * >>os_aes  has this processor instructions for AES?
 *
 * Purpose     tells TLS whether to offer AES first, or ChaCha20, which is faster without them.
 * Names       locust__os_has_
 * ============================================================================================ */

#if defined(__x86_64__) || defined(__i386__)
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return __builtin_cpu_supports("aes");
}
#elif defined(__aarch64__) && LOCUST__OS_LINUX
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return getauxval(AT_HWCAP) & 1 << 3; // HWCAP_AES
}
#else
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return LOCUST__OS_APPLE && sizeof(void *) == 8; // all Apple silicon has them
}
#endif
/* ============================================================================================
 * >>os_socket  sockets and the limit on descriptors
 *
 * Purpose     makes sockets that do not block, are closed on exec and raise no SIGPIPE, and
 *             raises the limit on descriptors.
 * Names       locust__os_accept_ locust__os_no_ locust__os_prepare_ locust__os_raise_
 *             locust__os_socket_
 * ============================================================================================ */

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
enum { LOCUST__OS_SOCKET_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };
#else
enum { LOCUST__OS_SOCKET_FLAGS = 0 }; // locust__os_prepare sets them afterwards
#endif
#ifdef SO_NOSIGPIPE
enum { LOCUST__OS_NO_SIGPIPE = SO_NOSIGPIPE };
#else
enum { LOCUST__OS_NO_SIGPIPE = 0 };   // see LOCUST__OS_SEND_FLAGS
#endif

static int64_t locust__os_raise_files(void)
{
    struct rlimit limit;
    int64_t files;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return INT64_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (locust__os_set_files(&limit) != 0)
            limit.rlim_cur = soft;
    }
    files = (int64_t)limit.rlim_cur;
    return files < 0 ? INT64_MAX : files; // RLIM_INFINITY: no limit
}

/* Makes a new socket nonblocking and close-on-exec, and raise no SIGPIPE. Returns it, or -errno
 * after closing it. */
static int locust__os_prepare(int fd)
{
    int rc = locust__os_nonblocking(fd), on = 1;
    if (LOCUST__OS_NO_SIGPIPE != 0)
        setsockopt(fd, SOL_SOCKET, LOCUST__OS_NO_SIGPIPE, &on, sizeof on);
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int locust__os_socket(int family, int type)
{
    bool has_flags = LOCUST__OS_SOCKET_FLAGS != 0, has_option = LOCUST__OS_NO_SIGPIPE != 0;
    int fd = LOCUST__SYS(socket)(family, type | LOCUST__OS_SOCKET_FLAGS, 0);
    if (fd < 0)
        return -errno;
    return has_flags && !has_option ? fd : locust__os_prepare(fd);
}

static int locust__os_accept(int fd)
{
    int peer = LOCUST__SYS(accept)(fd, NULL, NULL);
    return peer < 0 ? -errno : locust__os_prepare(peer);
}
/* ============================================================================================
 * >>os_stack  address space for stacks, and what guards it
 *
 * Purpose     maps address space that costs memory only where it is touched, and makes pages of
 *             it fault.
 * Names       locust__os_guard_ locust__os_map_ locust__os_no_ locust__os_stacks_
 * ============================================================================================ */

#ifdef MAP_NORESERVE
enum { LOCUST__OS_MAP_NORESERVE = MAP_NORESERVE };
#else
enum { LOCUST__OS_MAP_NORESERVE = 0 };
#endif
#ifdef MAP_STACK // OpenBSD ends a process whose stack pointer is in any other mapping
enum { LOCUST__OS_MAP_STACK = MAP_STACK };
#else
enum { LOCUST__OS_MAP_STACK = 0 };
#endif
#ifdef MADV_NOHUGEPAGE // a huge page would make one touched page cost as much as 512
enum { LOCUST__OS_NO_HUGE_PAGES = MADV_NOHUGEPAGE };
#else
enum { LOCUST__OS_NO_HUGE_PAGES = 0 };
#endif

static char *locust__os_stacks_map(size_t n)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | LOCUST__OS_MAP_NORESERVE | LOCUST__OS_MAP_STACK;
    void *p = LOCUST__SYS(mmap)(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (LOCUST__OS_NO_HUGE_PAGES != 0)
        madvise(p, n, LOCUST__OS_NO_HUGE_PAGES);
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

/* Does a marked page really fault? Under qemu-user the call succeeds and does nothing. To find out
 * without a signal, write() sends a byte of the page into a pipe: it fails with EFAULT. */
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
 * >>os_signal  faults and stop signals
 *
 * Purpose     reports a fault or an abort() before it ends the process; turns SIGINT and SIGTERM
 *             into bytes in a pipe, which the loop can wait for.
 * Invariants  signal dispositions belong to the process, so their record, locust__os_handlers, is a
 *             global. What runs in a handler is async-signal-safe.
 * Names       locust__os_fault_ locust__os_faults locust__os_handlers_ locust__os_signal_
 *             locust__os_signals_
 * ============================================================================================ */

enum { LOCUST__OS_FAULTS = 5 };
static const int locust__os_faults[LOCUST__OS_FAULTS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static struct {
    void (*report)(int signal_number, const char *address); // what a fault calls
    struct sigaction old_faults[LOCUST__OS_FAULTS];
    stack_t stack, old_stack; // handlers run on this stack: the one that overflowed has no room
    struct sigaction old_int, old_term;
    int pipe[2];
    volatile sig_atomic_t stops; // SIGINT and SIGTERM so far
} locust__os_handlers;

static void locust__os_fault_handle(int signal_number, siginfo_t *info, void *context)
{
    enum { KERNEL = 0x80 }; // Linux: an address that no pointer may have, and it does not say which
    bool memory = signal_number == SIGSEGV || signal_number == SIGBUS;
    bool raised = info->si_code <= 0; // by kill(), raise() or abort(): there is no address
    (void)context;
    if (!raised || info->si_pid == getpid())
        locust__os_handlers.report(signal_number, memory && !raised && info->si_code < KERNEL
                                                      ? (const char *)info->si_addr
                                                      : LOCUST__OS_NOWHERE);
    // The disposition from before is put back. On return the faulting instruction runs again, and
    // faults under that one.
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        if (locust__os_faults[i] == signal_number)
            sigaction(signal_number, &locust__os_handlers.old_faults[i], NULL);
    if (raised)
        raise(signal_number);
}

static int locust__os_fault_open(void (*report)(int signal_number, const char *address))
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
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        sigaction(locust__os_faults[i], &act, &locust__os_handlers.old_faults[i]);
    return 0;
}

static void locust__os_fault_close(void)
{
    if (!locust__os_handlers.stack.ss_sp)
        return;
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        sigaction(locust__os_faults[i], &locust__os_handlers.old_faults[i], NULL);
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
        if (getpid() == 1) // in a container: to process 1 the default does nothing
            _exit(128 + signal_number);
    }
    if (write(locust__os_handlers.pipe[1], &byte, 1) != 1)
        _exit(128 + signal_number);
    errno = saved;
}

static int locust__os_signals_open(void)
{
    struct sigaction act;
    int *ends = locust__os_handlers.pipe;
    if (pipe(ends) != 0 && (errno == EMFILE || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0))
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
/* ============================================================================================
 * >>log  diagnostics in Locust's log format
 *
 * Purpose     writes lines as Locust's log has them:
 *             [2026-11-21 01:44:20,653] host/INFO/locust.main: text
 * Invariants  a line is one line of valid UTF-8, and does nothing to a terminal, whatever text of a
 *             server stands in it.
 * Cost        one write() a line. A line below the log's level costs a comparison.
 * Names       locust__log_
 * Sources     Locust 2.46 (reference run): local time, milliseconds, host up to its first dot.
 * ============================================================================================ */

enum {
    LOCUST__LOG_DEBUG,
    LOCUST__LOG_INFO,
    LOCUST__LOG_WARNING,
    LOCUST__LOG_ERROR,
    LOCUST__LOG_CRITICAL
};

static const char *const locust__log_levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

typedef struct locust__log {
    int fd;        // standard error, or that of --logfile
    int level;     // lines below it are not written
    char host[64]; // up to its first dot
} locust__log;

/* The level of a name, written in any case; -1: there is no such level. */
static int locust__log_level(const char *name)
{
    for (int i = 0; i <= LOCUST__LOG_CRITICAL; i++)
        if (strcasecmp(name, locust__log_levels[i]) == 0)
            return i;
    return -1;
}

/* Writes to the file `path`, behind what is in it; NULL: to standard error. 0 or -errno. */
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

/* Writes one line. `logger` is what Locust calls the source of such a line: locust.main,
 * locust.runners. A text that is too long is cut, so that each call is one line and one write(). */
LOCUST__PRINTF(4, 5)
static void locust__log_print(
    const locust__log *log, int level, const char *logger, const char *format, ...)
{
    char line[1024];
    int64_t wall_ns;
    time_t seconds;
    struct tm tm;
    size_t n, room;
    va_list args;
    locust__locale locale;
    if (level < log->level)
        return;
    wall_ns = locust__os_wall_ns();
    seconds = (time_t)(wall_ns / LOCUST__S);
    localtime_r(&seconds, &tm);
    locale = locust__locale_enter();
    n = (size_t)snprintf(line, sizeof line,
        "[%04d-%02d-%02d %02d:%02d:%02d,%03d] %s/%s/%s: ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_ns % LOCUST__S / LOCUST__MS),
        log->host, locust__log_levels[level], logger);
    room = sizeof line - n - 1; // the last byte is for the end of the line
    va_start(args, format);
    n += (size_t)vsnprintf(line + n, room, format, args);
    va_end(args);
    locust__locale_leave(locale);
    if (n > sizeof line - 2)
        n = sizeof line - 2; // cut
    locust__text_plain(line, n);
    line[n++] = '\n';
    locust__os_write_all(log->fd, line, n);
}
/* ============================================================================================
 * >>hist  latency histogram: under 0.4 % error by default, 1 us to 1 h
 *
 * Purpose     percentiles of millions of response times; histograms can be added up.
 * Invariants  total == sum of all counts, even after memory ran out.
 * Cost        record: a division, a count of leading zeros, an addition (`make bench B=core`). An
 *             octave (128 buckets, 1 KiB) is allocated when a time first falls into it: 3 to 6 KiB
 *             for most entries, 26 KiB at most. One LOCUST_HIST_BITS more doubles all of them.
 * Names       locust__hist_
 * Sources     the bucket layout of HdrHistogram (Tene), written from its description.
 * Limits      a time is rounded to whole microseconds first. Times above 1 h count as 1 h.
 *
 *   with the 128 buckets an octave of LOCUST_HIST_BITS 7:
 *
 *   octave 0   0, 1, 2, ... 127 us          each bucket is 1 us wide
 *   octave 1   128, 129, ... 255 us         1 us
 *   octave k   2^(k+6) ... 2^(k+7) - 1 us   2^(k-1) us
 *
 *   A time is reported as the middle of its bucket, so it is off by at most half a bucket's width:
 *   1 part in 256 at the low end of an octave, 1 in 512 at its high end.
 * ============================================================================================ */

enum { LOCUST__HIST_OCTAVE = 1 << LOCUST_HIST_BITS, LOCUST__HIST_OCTAVES = 33 - LOCUST_HIST_BITS };

typedef struct locust__hist {
    uint64_t total;                          // times recorded
    uint64_t *octaves[LOCUST__HIST_OCTAVES]; // counts; NULL: no time was in it yet
} locust__hist;

static const int64_t LOCUST__HIST_MAX_US = 3600000000;

/* The bucket of a time. The position of its top bit says which octave, the LOCUST_HIST_BITS bits
 * below that one which bucket of it. */
static size_t locust__hist_index(int64_t us)
{
    int top;
    if (us < LOCUST__HIST_OCTAVE)
        return us > 0 ? (size_t)us : 0;
    if (us > LOCUST__HIST_MAX_US)
        us = LOCUST__HIST_MAX_US;
    top = 63 - __builtin_clzll((unsigned long long)us);
    return (size_t)(top - LOCUST_HIST_BITS + 1) * LOCUST__HIST_OCTAVE +
           ((size_t)(us >> (top - LOCUST_HIST_BITS)) & (LOCUST__HIST_OCTAVE - 1));
}

/* The middle of a bucket, in ns. */
static int64_t locust__hist_value_ns(size_t index)
{
    size_t octave = index / LOCUST__HIST_OCTAVE;
    int64_t sub = (int64_t)(index % LOCUST__HIST_OCTAVE);
    int64_t width;
    if (octave < 2)
        return (int64_t)index * 1000;
    width = (int64_t)1 << (octave - 1);
    // The bucket holds the whole microseconds from low to low + width - 1.
    return (LOCUST__HIST_OCTAVE + sub) * width * 1000 + (width - 1) * 500;
}

/* The counts of octave o, allocated if it has none yet; NULL: no memory. */
static uint64_t *locust__hist_octave(locust__hist *h, size_t o)
{
    if (!h->octaves[o])
        h->octaves[o] = locust__memory_zalloc(LOCUST__HIST_OCTAVE * sizeof *h->octaves[o]);
    return h->octaves[o];
}

/* Records a time that was measured n times. False: no memory for its octave, so it is not
 * counted. */
static bool locust__hist_record_many(locust__hist *h, int64_t ns, uint64_t n)
{
    size_t index = locust__hist_index((ns + 500) / 1000);
    uint64_t *counts = locust__hist_octave(h, index / LOCUST__HIST_OCTAVE);
    if (!counts)
        return false;
    counts[index % LOCUST__HIST_OCTAVE] += n;
    h->total += n;
    return true;
}

static bool locust__hist_record(locust__hist *h, int64_t ns)
{
    return locust__hist_record_many(h, ns, 1);
}

/* Finds the next bucket that is not empty, its time and its count, in the order of times. False:
 * there is none left. *at is 0 before the first call, and moves on behind the bucket. */
static bool locust__hist_next(const locust__hist *h, size_t *at, int64_t *ns, uint64_t *count)
{
    while (*at < (size_t)LOCUST__HIST_OCTAVES * LOCUST__HIST_OCTAVE) {
        const uint64_t *octave = h->octaves[*at / LOCUST__HIST_OCTAVE];
        size_t index = *at;
        if (!octave) {
            *at += LOCUST__HIST_OCTAVE;
            continue;
        }
        ++*at;
        if (octave[index % LOCUST__HIST_OCTAVE]) {
            *ns = locust__hist_value_ns(index);
            *count = octave[index % LOCUST__HIST_OCTAVE];
            return true;
        }
    }
    return false;
}

/* The time that `share` (0 to 1) of the recorded ones did not exceed: element floor(total * share)
 * of the sorted times, as Locust picks it. 0 if nothing was recorded. */
static int64_t locust__hist_percentile_ns(const locust__hist *h, double share)
{
    volatile double exact = (double)h->total * share; // rounded to a double, on an x87 too
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0, count;
    int64_t ns;
    if (h->total && rank >= h->total)
        rank = h->total - 1;
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        seen += count;
        if (seen > rank)
            return ns;
    }
    return 0;
}

/* Zeroes the counts. The octaves stay, for the times to come. */
static void locust__hist_reset(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        if (h->octaves[o])
            memset(h->octaves[o], 0, LOCUST__HIST_OCTAVE * sizeof *h->octaves[o]);
    h->total = 0;
}

static void locust__hist_free(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        LOCUST_FREE(h->octaves[o]);
    memset(h, 0, sizeof *h);
}

/* into += from. False: memory ran out, and a part was added. */
static bool locust__hist_add(locust__hist *into, const locust__hist *from)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++) {
        uint64_t *counts;
        if (!from->octaves[o])
            continue;
        counts = locust__hist_octave(into, o);
        if (!counts)
            return false;
        for (size_t i = 0; i < LOCUST__HIST_OCTAVE; i++) {
            counts[i] += from->octaves[o][i];
            into->total += from->octaves[o][i];
        }
    }
    return true;
}

/* h -= earlier, a copy of h from before: leaves what was recorded since. If h was reset in between,
 * the copy may have more in a bucket than h: that bucket becomes 0. */
static void locust__hist_since(locust__hist *h, const locust__hist *earlier)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        for (size_t i = 0; h->octaves[o] && earlier->octaves[o] && i < LOCUST__HIST_OCTAVE; i++) {
            uint64_t *count = &h->octaves[o][i], was = earlier->octaves[o][i];
            uint64_t less = was < *count ? was : *count;
            *count -= less;
            h->total -= less;
        }
}

/* The standard deviation of the times from their mean, both in ns. */
static double locust__hist_deviation(const locust__hist *h, double mean)
{
    double sum = 0;
    uint64_t count;
    int64_t ns;
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        double off = (double)ns - mean;
        sum += (double)count * off * off;
    }
    return h->total ? locust__number_sqrt(sum / (double)h->total) : 0;
}

#if LOCUST__LAYERS >= 2
/* ============================================================================================
 * >>co  coroutines, queues of them, and the state of the loop
 *
 * Purpose     defines what the parts of 2-loop share: a coroutine, the stacks and timers behind it,
 *             and the loop, which runs very many coroutines on one thread.
 * Invariants  either one coroutine runs or the loop itself. A coroutine is in one queue at most. A
 *             parked one is woken once, by an event, by its deadline or by being cancelled; a
 *             cancelled one is not parked again until `cancelled` is cleared.
 *             Nothing outside a parked coroutine's frames points into them: what others write to
 *             while it waits (queue links, deadlines, state of descriptors) lies in the coroutine's
 *             block or in its owner's. So a stack can be unwound at any park.
 *             Blocks are given back with the loop alone, so a timer entry that is out of date
 *             points at a block still, if at another coroutine's.
 *             One global, locust__loop_now: the loop that runs. Signal handlers and LOCUST_LOCAL
 *             have no argument to find it by.
 * Cost        a wake-up touches one cache line of the block, and a switch two: see >>ctx.
 * Names       locust__co locust__co_wake locust__state_ locust__wake_ locust__queue_
 *             locust__wait_group locust__stack_pool locust__stack_slab locust__timer
 *             locust__timer_chunk locust__wheel locust__wheel_levels locust__wheel_lists
 *             locust__loop locust__loop_now locust__loop_clock locust__loop_count_late
 *             locust__loop_lateness_ns locust__loop_ahead locust__loop_blocked_ns
 *             locust__loop_scratch locust__loop_words
 *
 *            start               resumed                returns
 *     FREE ---------> READY -----------------> RUNNING ---------> FREE
 *                       ^                       |   |
 *                       |         yields        |   |
 *                       |<----------------------+   | parks
 *                       |                           v
 *                       +<----------------------- PARKED
 *                         event, timeout, cancelled
 *
 *   A FREE block is in its pool's list, a READY one in loop->ready, a PARKED one in the queue
 *   that it waits in, if any: one that waits for a descriptor is in none, as the descriptor knows
 *   its reader and its writer.
 * ============================================================================================ */

typedef struct locust__co locust__co;
typedef struct locust__loop locust__loop;

enum locust__state {
    LOCUST__STATE_FREE,
    LOCUST__STATE_READY,
    LOCUST__STATE_RUNNING,
    LOCUST__STATE_PARKED
};
enum locust__wake {       // why a coroutine was woken
    LOCUST__WAKE_EVENT,   // what it waits for may have come
    LOCUST__WAKE_TIMEOUT, // its deadline has passed
    LOCUST__WAKE_CANCELLED,
    LOCUST__WAKE_AGAIN // it had no timer: it looks at the clock itself (only inside of a park)
};

typedef struct locust__queue { // of coroutines, first come, first served
    locust__co *first, *last;
} locust__queue;

typedef struct locust__wait_group { // coroutines whose end others wait for: see >>sync
    size_t running;                 // those that have not ended
    locust__queue waiters;
} locust__wait_group;

typedef struct locust__stack_pool { // stacks of one size: see >>stack
    struct locust__stack_pool *next;
    size_t place_bytes, guard_bytes;
    struct locust__stack_slab *slabs;
    locust__co *free; // chained by `next`; last in, first out, as that stack is still in the cache
    size_t places;
} locust__stack_pool;

struct locust__co {
    // What a wake-up touches is in one cache line: with a million sleepers each line is a miss.
    _Alignas(LOCUST__CACHE_LINE) void *sp; // saved stack pointer while another one runs
    locust__co *next, *prev;               // in its queue
    locust__queue *queue;                  // NULL: in none
    enum locust__state state;
    enum locust__wake wake; // why it was woken last
    bool cancelled;         // its parks end at once
    bool lazy;              // its deadline is unlikely to be reached: armed a second ahead at most
    uint16_t index;         // of its place in the slab
    uint16_t reserved;   // bytes at the end of its place that are its owner's: locust__co_reserve
    int64_t deadline_ns; // of the park it is in
    int64_t armed_ns;    // time of its one valid timer entry; LOCUST__NEVER: it has none
    void *arg;
    const char *name; // of its user class, for messages
    void *local;      // the slots of its user: see >>local; NULL: not of a user
    void *context;    // its context variables: see >>context; NULL: all have their defaults
    void *entered;    // the locust_context that it runs in; NULL: its own
    void *scopes;     // LOCUST_SCOPEs it is in, the innermost first
    locust__wait_group *group;
    struct locust__stack_slab *slab; // where its stack is
#if LOCUST__WITH_ASAN
    void *fake_stack;
#endif
#if LOCUST__WITH_VALGRIND
    unsigned valgrind_id;
#endif
};
_Static_assert(offsetof(locust__co, arg) <= LOCUST__CACHE_LINE, "see the first field");

typedef struct locust__stack_slab { // one mapping with places for `count` stacks
    struct locust__stack_slab *next;
    locust__stack_pool *pool;
    char *base;
    uint32_t count, used; // places; those from `used` on were never taken
    locust__co *cos;      // cos[i] has place i; aligned to a cache line,
    void *cos_memory;     // inside of this
} locust__stack_slab;

typedef struct locust__timer {
    int64_t at_ns;
    locust__co *co;
} locust__timer;

typedef struct locust__timer_chunk {
    struct locust__timer_chunk *next;
    size_t count;
    locust__timer timers[31];
} locust__timer_chunk;

enum { LOCUST__WHEEL_LEVELS = 3, LOCUST__WHEEL_LISTS = 256 };

typedef struct locust__wheel { // all timers: see >>timer
    int64_t tick;              // the current millisecond; the lists of earlier ones are empty
    locust__timer_chunk *lists[LOCUST__WHEEL_LEVELS][LOCUST__WHEEL_LISTS];
    uint64_t used[LOCUST__WHEEL_LEVELS]
                 [LOCUST__WHEEL_LISTS / 64]; // a bit for each list that is not empty
    locust__timer_chunk *spare;
    locust__timer *heap; // entries of the current millisecond; a binary heap by at_ns
    size_t heap_len, heap_cap;
} locust__wheel;

enum {
    LOCUST__LOOP_AHEAD = 26, // cache lines of a stack to prefetch: what a plain request uses
    LOCUST__LOOP_SCRATCH = LOCUST_BUFFER_SIZE, // bytes of locust__loop.scratch
    LOCUST__LOOP_BLOCKED_NS = 20000000, // a coroutine that runs this long keeps others waiting
};

enum { LOCUST__LOOP_WORDS = 4 };

struct locust__loop {
    void *sp;            // the loop's own stack pointer while a coroutine runs
    locust__co *current; // NULL: the loop itself runs
    locust__queue ready;
    size_t running;      // coroutines that were started and have not ended
    int64_t now_ns;      // when this turn began
    int64_t clock_ns;    // the latest reading of the clock
    int64_t epoch_ns;    // wall clock less loop's clock: now_ns + epoch_ns is a time since 1970
    int64_t epoch_at_ns; // when epoch_ns was measured
    uint64_t turn;
    void (*call)(void *arg); // what the current coroutine wants called here: locust__co_call
    void *call_arg;
    locust__wheel wheel;
    locust__poller poller;
    locust__stack_pool *pools;
    locust__hist late; // how much later than possible coroutines ran: locust__loop_count_late
    int64_t latest_ns; // the largest of those times, exactly
    int64_t turn_ns;   // how long the last turn took
    bool excused;      // what runs is long by the kit's own doing (a TLS handshake): no complaint
    /* Gets each coroutine that ran for LOCUST__LOOP_BLOCKED_NS or longer; NULL: nobody asks. */
    void (*blocked)(void *arg, const locust__co *co, int64_t took_ns);
    void *blocked_arg;
    void (*prefetch_user)(const void *local); // what belongs to the slots' user; NULL: nothing
    /* Says in words where a user's coroutine is. Async-signal-safe; NULL: nobody knows. */
    void (*where)(const locust__co *co, const char *words[LOCUST__LOOP_WORDS]);
    const locust__co
        *stepped;            // the coroutine whose step it is, also while the loop's stack is used
    bool markers;            // guard markers work here: see >>stack
    size_t protected_places; // guards that mprotect() made
    uint64_t random;         // state of the generator that all users share
    /* One buffer for whatever is received or built, and used up before the next park. */
    char *scratch;
#if LOCUST__WITH_ASAN
    const void *stack_bottom;
    size_t stack_size;
#endif
};

static locust__loop *locust__loop_now; // NULL: none runs

/* Reads the clock. A coroutine reads it this way shortly before it parks, so that clock_ns tells
 * the loop how long it ran, without a reading of the loop's own. */
static int64_t locust__loop_clock(locust__loop *loop)
{
    return loop->clock_ns = locust__os_now_ns();
}

/* Records that a coroutine ran `ns` later than it could have: after its deadline, or after its
 * bytes had arrived. */
static void locust__loop_count_late(locust__loop *loop, int64_t ns)
{
    locust__hist_record(&loop->late, ns);
    if (ns > loop->latest_ns)
        loop->latest_ns = ns;
}

/* The lateness that `share` (0 to 1) of all wake-ups did not exceed. */
static int64_t locust__loop_lateness_ns(const locust__loop *loop, double share)
{
    int64_t ns = locust__hist_percentile_ns(&loop->late, share);
    return ns < loop->latest_ns ? ns : loop->latest_ns;
}

/* Adds a coroutine that is in no queue. */
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

/* Takes a coroutine out of the queue that it is in, if any. */
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

/* Makes a parked coroutine ready: it runs in its turn, and its park returns `why`. Does nothing if
 * it is not parked, so the first cause to wake it is the one that it sees. */
static void locust__co_wake(locust__loop *loop, locust__co *co, enum locust__wake why)
{
    if (co->state != LOCUST__STATE_PARKED)
        return;
    locust__queue_remove(co);
    co->state = LOCUST__STATE_READY;
    co->wake = why;
    locust__queue_push(&loop->ready, co);
}
/* ============================================================================================
 * >>timer  timers of coroutines
 *
 * Purpose     wakes coroutines at their deadlines, to the nanosecond, for a million of them.
 * Invariants  a coroutine has one valid entry at most, that of armed_ns; while it is parked with a
 *             deadline there is one, and not after that. Lists hold entries of milliseconds after
 *             `tick`, the heap those up to it.
 * Cost        arming and firing: a few stores each, and moving down a level every 256 steps. Waking
 *             within the current millisecond: a heap, which is small.
 * Names       locust__heap_ locust__wheel_
 * Uses        >>co
 * Limits      timers beyond 4.6 hours are looked at again every 4.6 hours.
 *
 *   three wheels of 256 lists each; a list is a chain of chunks of entries, in no order
 *
 *     level 2  | 65.5 s | 65.5 s | ...   when the tick gets to a list, its entries move down,
 *     level 1  | 256 ms | 256 ms | ...
 *     level 0  | 1 ms | 1 ms | ...       and from here to the heap, which orders those of one
 *                                        millisecond; what is due already is woken at once
 *
 *   An entry is {time, coroutine}. It is valid while the coroutine's armed_ns is that very time,
 *   so a timer is cancelled by changing armed_ns, or by leaving the entry to find its coroutine
 *   awake.
 *
 *   A wait with a timeout (`lazy`) nearly always ends long before its deadline. It arms an entry at
 *   most one second ahead, which arms another when it fires and the deadline is further away. The
 *   next wait of that coroutine finds the entry still there, early enough, and arms nothing. So
 *   timeouts cost one entry a second, not one a request, and what is out of date is gone within a
 *   second.
 * ============================================================================================ */

/* The caller has made room. */
static void locust__heap_push(locust__wheel *w, locust__timer t)
{
    size_t i = w->heap_len++;
    for (; i && w->heap[(i - 1) / 2].at_ns > t.at_ns; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = t;
}

/* Removes the first entry. */
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

/* Puts an entry where it belongs, seen from the current tick. 0 or -ENOMEM. */
static int locust__wheel_insert(locust__wheel *w, locust__timer t)
{
    int64_t tick = t.at_ns / LOCUST__MS, ahead = tick - w->tick;
    int level = ahead < 256 ? 0 : ahead < 65536 ? 1 : 2;
    size_t list;
    locust__timer_chunk *chunk;
    if (ahead <= 0) {
        locust__timer *heap = locust__memory_grow(w->heap, sizeof *heap, w->heap_len, &w->heap_cap);
        if (!heap)
            return -ENOMEM;
        w->heap = heap;
        locust__heap_push(w, t);
        return 0;
    }
    if (ahead >= 1 << 24) // too far: in the last list, from where it is put in anew
        tick = w->tick + (1 << 24) - 1;
    list = (size_t)(tick >> (8 * level)) & 255;
    chunk = w->lists[level][list];
    if (!chunk || chunk->count == sizeof chunk->timers / sizeof *chunk->timers) {
        chunk = w->spare ? w->spare : LOCUST_MALLOC(sizeof *chunk);
        if (!chunk)
            return -ENOMEM;
        if (chunk == w->spare)
            w->spare = chunk->next;
        chunk->count = 0;
        chunk->next = w->lists[level][list];
        w->lists[level][list] = chunk;
        w->used[level][list / 64] |= (uint64_t)1 << list % 64;
    }
    chunk->timers[chunk->count++] = t;
    return 0;
}

/* Makes sure that an entry fires at the coroutine's deadline, or before it and then arms
 * another. */
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

/* Wakes a coroutine for which there was no memory for a timer. A sleeper looks at the clock in each
 * turn of the loop. One that waits in a queue would lose its place by that: it times out early. */
static void locust__wheel_unarmed(locust__loop *loop, locust__co *co)
{
    locust__co_wake(loop, co, co->queue ? LOCUST__WAKE_TIMEOUT : LOCUST__WAKE_AGAIN);
}

/* Acts on an entry whose time has come. */
static void locust__wheel_fire(locust__loop *loop, locust__timer t)
{
    locust__co *co = t.co;
    if (co->armed_ns != t.at_ns)
        return; // out of date
    co->armed_ns = LOCUST__NEVER;
    if (co->state != LOCUST__STATE_PARKED || co->deadline_ns == LOCUST__NEVER)
        return;
    if (co->deadline_ns <= loop->now_ns)
        locust__co_wake(loop, co, LOCUST__WAKE_TIMEOUT);
    else if (locust__wheel_arm(loop, co) < 0)
        locust__wheel_unarmed(loop, co);
}

/* Takes all entries out of a list and puts each where it belongs now: one level down, into the
 * heap, or nowhere if it is due. */
static void locust__wheel_empty(locust__loop *loop, int level, size_t list)
{
    locust__wheel *w = &loop->wheel;
    locust__timer_chunk *chunk = w->lists[level][list];
    w->lists[level][list] = NULL;
    w->used[level][list / 64] &= ~((uint64_t)1 << list % 64);
    while (chunk) {
        locust__timer_chunk *next = chunk->next;
        for (size_t i = 0; i < chunk->count; i++) {
            locust__timer t = chunk->timers[i];
            if (i + 4 < chunk->count) // the blocks of a million sleepers are in no cache
                __builtin_prefetch(chunk->timers[i + 4].co, 1);
            if ((level == 0 && t.at_ns <= loop->now_ns) || locust__wheel_insert(w, t) < 0)
                locust__wheel_fire(loop, t); // too early if memory ran out: it arms again, or wakes
        }
        chunk->next = w->spare;
        w->spare = chunk;
        chunk = next;
    }
}

/* Wakes all that is due. Goes on millisecond by millisecond, so that a loop that is late wakes in
 * the order of deadlines all the same. */
static void locust__wheel_advance(locust__loop *loop)
{
    locust__wheel *w = &loop->wheel;
    int64_t now = loop->now_ns / LOCUST__MS;
    for (;;) {
        int64_t tick;
        while (w->heap_len && w->heap[0].at_ns <= loop->now_ns) {
            locust__timer t = w->heap[0];
            locust__heap_pop(w);
            locust__wheel_fire(loop, t);
        }
        if (w->tick >= now)
            return;
        tick = ++w->tick;
        if ((tick & 65535) == 0)
            locust__wheel_empty(loop, 2, (size_t)(tick >> 16) & 255);
        if ((tick & 255) == 0)
            locust__wheel_empty(loop, 1, (size_t)(tick >> 8) & 255);
        if (w->lists[0][tick & 255])
            locust__wheel_empty(loop, 0, (size_t)tick & 255);
    }
}

/* How many lists behind `from` the next one in use is, going round: 1 to 256; 0: none is in use. */
static int locust__wheel_distance(const uint64_t *used, size_t from)
{
    for (size_t step = 1; step <= LOCUST__WHEEL_LISTS;) {
        size_t list = (from + step) & 255;
        uint64_t word = used[list / 64] >> list % 64;
        if (word)
            return (int)(step + (size_t)__builtin_ctzll(word));
        step += 64 - list % 64;
    }
    return 0;
}

/* When the loop has to look at the timers next: no later than the first deadline. */
static int64_t locust__wheel_next(const locust__wheel *w)
{
    int64_t next = w->heap_len ? w->heap[0].at_ns : LOCUST__NEVER;
    for (int level = 0; level < LOCUST__WHEEL_LEVELS; level++) {
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
    for (int level = 0; level < LOCUST__WHEEL_LEVELS; level++)
        for (int list = 0; list < LOCUST__WHEEL_LISTS; list++)
            while (w->lists[level][list]) {
                locust__timer_chunk *chunk = w->lists[level][list];
                w->lists[level][list] = chunk->next;
                LOCUST_FREE(chunk);
            }
    while (w->spare) {
        locust__timer_chunk *chunk = w->spare;
        w->spare = chunk->next;
        LOCUST_FREE(chunk);
    }
    LOCUST_FREE(w->heap);
}
/* ============================================================================================
 * >>stack  stacks of coroutines
 *
 * Purpose     gives each coroutine a stack and a block, from pools; says in words when one
 *             overflows.
 * Invariants  a pool has places of one size, in slabs of 64 to 1024; a slab is one mapping, and is
 *             unmapped with the loop alone. Place i of a slab belongs to its block i for ever.
 * Cost        a stack costs the pages it has touched: one for most users. Its address space is the
 *             class's .stack_size.
 * Names       locust__stack_
 * Uses        >>co
 *
 *   one place:
 *
 *     low | guard | stack ...  <- grows down | unwind point | colour | reserved | high
 *
 *   guard         16 KB, but at most a quarter of the place, that fault when touched: by guard
 *                 markers, or, where the kernel has none, by mprotect() for the first 30,000
 *                 stacks. (Each takes two of the 65,530 mappings that Linux allows.) Without
 *                 guard markers all stacks have a canary as well: their lowest words are zero, as
 *                 the kernel made them, and are looked at whenever the stack is left.
 *   unwind point  a jmp_buf: where a user's code is left for, however deep it is, when the user
 *                 is cancelled or its task interrupted.
 *   colour        0 to 15 cache lines that differ from stack to stack, fewer if much is reserved.
 *                 If all stacks began at the same offset in a page, the frames that all users
 *                 have in use would share a few sets of the cache, and push each other out.
 *   reserved      memory of the coroutine's owner (locust__co_reserve). A user's block is here,
 *                 above its stack and not on the heap, because the frames of a waiting user need
 *                 only a part of a page: block and frames share it, and most users take one page
 *                 in all.
 * ============================================================================================ */

/* The lowest byte of a coroutine's place, its guard. */
static char *locust__stack_place(const locust__co *co)
{
    return co->slab->base + co->index * co->slab->pool->place_bytes;
}

static char *locust__stack_place_end(const locust__co *co)
{
    return locust__stack_place(co) + co->slab->pool->place_bytes;
}

/* The lowest byte that its stack may use. */
static char *locust__stack_low(const locust__co *co)
{
    return locust__stack_place(co) + co->slab->pool->guard_bytes;
}

enum {
    LOCUST__STACK_UNWIND_BYTES = (sizeof(jmp_buf) + 15) & ~(size_t)15,
    LOCUST__STACK_ABOVE = 960, // bytes that reserved memory and colour take at most, together
};

/* Where its frames begin, and the unwind point lies. */
static char *locust__stack_top(const locust__co *co)
{
    int colours = (LOCUST__STACK_ABOVE - co->reserved) / LOCUST__CACHE_LINE + 1;
    int above = co->reserved + co->index % colours * LOCUST__CACHE_LINE;
    return locust__stack_place_end(co) - above - LOCUST__STACK_UNWIND_BYTES;
}

/* Where a user goes on after its code was left by a jump. */
static jmp_buf *locust__stack_unwind_point(const locust__co *co)
{
    return (jmp_buf *)(void *)locust__stack_top(co);
}

/* A line for standard error that is put together without stdio and heap: async-signal-safe. */
typedef struct locust__stack_line {
    char text[512];
    size_t n;
} locust__stack_line;

static void locust__stack_say(locust__stack_line *line, const char *words)
{
    while (*words && line->n < sizeof line->text)
        line->text[line->n++] = *words++;
}

static void locust__stack_say_number(locust__stack_line *line, uintptr_t n, unsigned base)
{
    char digits[24];
    size_t i = sizeof digits;
    digits[--i] = '\0';
    do
        digits[--i] = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    locust__stack_say(line, digits + i);
}

/* Says where a coroutine is: in which task of which class, if it is a user's. */
static void locust__stack_say_where(locust__stack_line *line, const locust__co *co)
{
    const char *words[LOCUST__LOOP_WORDS] = {co->name, "", "", ""};
    if (co->local && locust__loop_now->where)
        locust__loop_now->where(co, words);
    for (int i = 0; i < LOCUST__LOOP_WORDS; i++)
        locust__stack_say(line, words[i]);
}

/* Says that a stack overflowed, whose, and what to change. Async-signal-safe. */
static void locust__stack_overflowed(const locust__co *co)
{
    locust__stack_line line = {.n = 0};
    locust__stack_say(&line, "locust: stack overflow in ");
    locust__stack_say_where(&line, co);
    locust__stack_say(&line, ": its .stack_size of ");
    locust__stack_say_number(&line, co->slab->pool->place_bytes, 10);
    locust__stack_say(&line, " bytes is too small: raise .stack_size of that user class "
                             "(or LOCUST_STACK_SIZE)\n");
    locust__os_write_all(STDERR_FILENO, line.text, line.n);
}

/* The coroutine whose guard is at that address; NULL: there is none. */
static const locust__co *locust__stack_guarded_by(const char *address)
{
    for (locust__stack_pool *pool = locust__loop_now->pools; pool; pool = pool->next)
        for (locust__stack_slab *slab = pool->slabs; slab; slab = slab->next) {
            size_t at = (size_t)(address - slab->base);
            if (address < slab->base || at >= slab->count * pool->place_bytes)
                continue;
            return at % pool->place_bytes < pool->guard_bytes && at / pool->place_bytes < slab->used
                       ? &slab->cos[at / pool->place_bytes]
                       : NULL;
        }
    return NULL;
}

/* Says which signal ends the process, and which task of which class it comes from. */
static void locust__stack_faulted(int signal_number, const char *address, const locust__co *co)
{
    locust__stack_line line = {.n = 0};
    bool memory = signal_number == SIGSEGV || signal_number == SIGBUS;
    locust__stack_say(&line, "locust: ");
    locust__stack_say(&line, signal_number == SIGSEGV  ? "SIGSEGV in "
                             : signal_number == SIGBUS ? "SIGBUS in "
                             : signal_number == SIGFPE ? "SIGFPE in "
                             : signal_number == SIGILL ? "SIGILL in "
                                                       : "SIGABRT in ");
    locust__stack_say_where(&line, co);
    locust__stack_say(&line, memory                    ? ": invalid access to memory"
                             : signal_number == SIGFPE ? ": invalid arithmetic, such as a division "
                                                         "by zero"
                             : signal_number == SIGILL ? ": invalid instruction, or a trap"
                                                       : ": abort() was called");
    if (address != LOCUST__OS_NOWHERE) {
        locust__stack_say(&line, " at 0x");
        locust__stack_say_number(&line, (uintptr_t)address, 16);
        if ((uintptr_t)address < 4096)
            locust__stack_say(&line, ", as through a null pointer");
    }
    locust__stack_say(&line, "\n");
    locust__os_write_all(STDERR_FILENO, line.text, line.n);
}

/* On a fault: says so, whether an overflow caused it, and in whose code. Async-signal-safe. */
static void locust__stack_fault(int signal_number, const char *address)
{
    const locust__co *co;
    if (!locust__loop_now)
        return;
    co = locust__stack_guarded_by(address);
    if (co)
        locust__stack_overflowed(co);
    else if (locust__loop_now->stepped)
        locust__stack_faulted(signal_number, address, locust__loop_now->stepped);
}

enum {
    LOCUST__STACK_CANARY_WORDS = 16,     // frames have gaps: on s390x 112 bytes may stay unwritten
    LOCUST__STACK_PROTECTED_MAX = 30000, // stacks whose guard mprotect() makes
    LOCUST__STACK_MAX = 256 << 20,       // bytes of one stack, and of a slab that holds several
};

static bool locust__stack_canary_died(const locust__co *co)
{
    const uint64_t *words = (const uint64_t *)(const void *)locust__stack_low(co);
    uint64_t all = 0;
    for (int i = 0; i < LOCUST__STACK_CANARY_WORDS; i++)
        all |= words[i];
    return all != 0;
}

/* Ends the process if the stack overflowed without touching the guard: a frame larger than the
 * guard steps over it, and without guard markers there may be no guard. Called on the coroutine's
 * own stack whenever it is left. */
static void locust__stack_check(const locust__loop *loop, const locust__co *co)
{
    const char *here = __builtin_frame_address(0);
    if (here < locust__stack_low(co) || (!loop->markers && locust__stack_canary_died(co))) {
        locust__stack_overflowed(co);
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
}

/* The pool of stacks of so many bytes, in whole pages; made if there is none. NULL: no memory, or
 * they are too large. */
static locust__stack_pool *locust__stack_pool_of(locust__loop *loop, size_t stack_bytes)
{
    size_t page = locust__os_page_size();
    size_t place, guard;
    locust__stack_pool *pool;
    if (stack_bytes > LOCUST__STACK_MAX)
        return NULL;
    if (LOCUST__WITH_ASAN)
        stack_bytes *= 4; // ASan puts red zones around locals
    place = (stack_bytes + page - 1) & ~(page - 1);
    guard = place / 4 < 16384 ? place / 4 : 16384;
    guard = (guard + page - 1) & ~(page - 1);
    if (place < guard + page)
        place = guard + page;
    for (pool = loop->pools; pool; pool = pool->next)
        if (pool->place_bytes == place)
            return pool;
    pool = locust__memory_zalloc(sizeof *pool);
    if (pool) {
        pool->place_bytes = place;
        pool->guard_bytes = guard;
        pool->next = loop->pools;
        loop->pools = pool;
    }
    return pool;
}

/* Adds a slab: 64 places first, then as many as there are, up to 1024. NULL: no memory. */
static locust__stack_slab *locust__stack_pool_grow(locust__stack_pool *pool)
{
    locust__stack_slab *slab = locust__memory_zalloc(sizeof *slab);
    size_t count = pool->places < 64 ? 64 : pool->places > 1024 ? 1024 : pool->places;
    if (!slab)
        return NULL;
    while (count > 1 && count > LOCUST__STACK_MAX / pool->place_bytes)
        count /= 2; // large stacks come in smaller slabs
    slab->count = (uint32_t)count;
    // A block is first written when its place is first used: until then it costs no memory either.
    slab->cos_memory = LOCUST_MALLOC(count * sizeof *slab->cos + LOCUST__CACHE_LINE);
    slab->base = slab->cos_memory ? locust__os_stacks_map(count * pool->place_bytes) : NULL;
    if (!slab->base) {
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
        return NULL;
    }
    slab->cos = (locust__co *)(((uintptr_t)slab->cos_memory + LOCUST__CACHE_LINE - 1) &
                               ~(uintptr_t)(LOCUST__CACHE_LINE - 1));
    pool->places += count;
    slab->pool = pool;
    slab->next = pool->slabs;
    pool->slabs = slab;
    return slab;
}

/* A block with its stack: the one that was given back last, else one that was never used. NULL: no
 * memory. */
static locust__co *locust__stack_pool_take(locust__loop *loop, locust__stack_pool *pool)
{
    locust__stack_slab *slab = pool->slabs;
    locust__co *co = pool->free;
    if (co) {
        pool->free = co->next;
        return co;
    }
    if (!slab || slab->used == slab->count)
        slab = locust__stack_pool_grow(pool);
    if (!slab)
        return NULL;
    co = &slab->cos[slab->used];
    memset(co, 0, sizeof *co);
    co->armed_ns = LOCUST__NEVER;
    co->slab = slab;
    co->index = (uint16_t)slab->used;
    slab->used++;
    if (loop->markers && !locust__os_guard_mark(locust__stack_place(co), pool->guard_bytes))
        loop->markers = false;
    if (!loop->markers && loop->protected_places < LOCUST__STACK_PROTECTED_MAX &&
        locust__os_guard_protect(locust__stack_place(co), pool->guard_bytes))
        loop->protected_places++;
#if LOCUST__WITH_VALGRIND
    co->valgrind_id = VALGRIND_STACK_REGISTER(locust__stack_low(co), locust__stack_place_end(co));
#endif
    return co;
}

static void locust__stack_pool_free(locust__stack_pool *pool)
{
    while (pool->slabs) {
        locust__stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
#if LOCUST__WITH_VALGRIND
        for (uint32_t i = 0; i < slab->used; i++)
            VALGRIND_STACK_DEREGISTER(slab->cos[i].valgrind_id);
#endif
#if LOCUST__WITH_ASAN // the next mapping at these addresses starts clean
        __asan_unpoison_memory_region(slab->base, slab->count * pool->place_bytes);
#endif
        locust__os_stacks_unmap(slab->base, slab->count * pool->place_bytes);
        LOCUST_FREE(slab->cos_memory);
        LOCUST_FREE(slab);
    }
    LOCUST_FREE(pool);
}
/* ============================================================================================
 * >>switch  starting, parking, waking, cancelling
 *
 * Purpose     starts coroutines, switches between them and the loop, parks, wakes and cancels them.
 * Invariants  only the loop resumes a coroutine, and a coroutine always leaves to the loop: there
 *             is no switch from one coroutine to another, so the loop sees all that runs.
 * Cost        a park and a resumption: two switches (>>ctx) and a timer that is there already.
 * Names       locust__co_
 * Uses        >>co >>timer >>stack
 * ============================================================================================ */

/* Switches from the loop to a coroutine. Returns when that parks, yields, ends or calls on the
 * loop. */
static void locust__co_resume(locust__loop *loop, locust__co *co)
{
#if LOCUST__WITH_ASAN
    void *fake_stack;
    char *low = locust__stack_low(co);
    __sanitizer_start_switch_fiber(&fake_stack, low, (size_t)(locust__stack_place_end(co) - low));
#endif
    loop->current = co;
    locust__ctx_switch(&loop->sp, co->sp);
    loop->current = NULL;
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
}

/* Switches from the current coroutine to the loop. Returns when the loop resumes it. */
static void locust__co_leave(locust__loop *loop, locust__co *co)
{
    locust__stack_check(loop, co);
#if LOCUST__WITH_ASAN
    __sanitizer_start_switch_fiber(&co->fake_stack, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&co->sp, loop->sp);
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(co->fake_stack, &loop->stack_bottom, &loop->stack_size);
#endif
}

/* The first function on a coroutine's stack. It finds the function to run in the unwind point,
 * which nothing else uses yet, so that a block needs no field for it. */
static void locust__co_body(void *arg)
{
    locust__co *co = arg;
    locust__loop *loop = locust__loop_now;
    void (*fn)(void *arg), *unused;
#if LOCUST__WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &loop->stack_bottom, &loop->stack_size);
#endif
    memcpy(&fn, locust__stack_unwind_point(co), sizeof fn);
    fn(co->arg);
    locust__stack_check(loop, co);
    co->state = LOCUST__STATE_FREE;
#if LOCUST__WITH_ASAN
    __sanitizer_start_switch_fiber(NULL, loop->stack_bottom, loop->stack_size);
#endif
    locust__ctx_switch(&unused, loop->sp);
    abort(); // a coroutine that has ended is not resumed
}

/* Prepares a stack so that the first resumption calls fn(co->arg). */
static void locust__co_enter(locust__co *co, void (*fn)(void *arg))
{
#if LOCUST__WITH_VALGRIND // to it what the last coroutine here had on its stack is undefined
    char *low = locust__stack_low(co);
    VALGRIND_MAKE_MEM_DEFINED(low, locust__stack_place_end(co) - low);
#endif
    memcpy(locust__stack_unwind_point(co), &fn, sizeof fn);
    co->sp = locust__ctx_make(locust__stack_top(co), locust__co_body, co);
}

/* Reserves n bytes at the end of a coroutine's place for its owner, for as long as the coroutine
 * lives; its stack begins below them: see >>stack. Before the coroutine has run. NULL: they would
 * take too much of the page, or this is a build with ASan, which watches memory of the heap more
 * closely. */
static void *locust__co_reserve(locust__co *co, size_t n)
{
    void (*fn)(void *arg);
    n = (n + LOCUST__CACHE_LINE - 1) & ~(size_t)(LOCUST__CACHE_LINE - 1);
    if (n > LOCUST__STACK_ABOVE || LOCUST__WITH_ASAN)
        return NULL;
    memcpy(&fn, locust__stack_unwind_point(co), sizeof fn);
    co->reserved = (uint16_t)n;
    locust__co_enter(co, fn);
    return locust__stack_place_end(co) - n;
}

/* Starts a coroutine: fn(arg) runs on a stack of its own, behind what is ready already.
 *
 * Takes     name: for messages, borrowed. stack_bytes: 0 for the default. group: NULL, or the group
 *           that counts it until it ends.
 * Returns   the coroutine, valid until fn returns; NULL if memory ran out.
 */
static locust__co *locust__co_start(locust__loop *loop, const char *name, size_t stack_bytes,
    void (*fn)(void *arg), void *arg, locust__wait_group *group)
{
    locust__stack_pool *pool =
        locust__stack_pool_of(loop, stack_bytes ? stack_bytes : LOCUST_STACK_SIZE);
    locust__co *co = pool ? locust__stack_pool_take(loop, pool) : NULL;
    if (!co)
        return NULL;
    co->arg = arg;
    co->name = name;
    co->local = NULL;
    co->cancelled = false;
    co->queue = NULL;
    co->group = group;
    co->reserved = 0;
#if LOCUST__WITH_ASAN // the last coroutine here left by a switch: its red zones are still there
    __asan_unpoison_memory_region(
        locust__stack_low(co), (size_t)(locust__stack_top(co) - locust__stack_low(co)));
#endif
    locust__co_enter(co, fn);
    co->state = LOCUST__STATE_READY;
    co->wake = LOCUST__WAKE_EVENT;
    locust__queue_push(&loop->ready, co);
    loop->running++;
    if (group)
        group->running++;
    return co;
}

/* Gives back the block and stack of a coroutine that has ended, and wakes those that wait for its
 * group if it was the last. */
static void locust__co_ended(locust__loop *loop, locust__co *co)
{
    locust__wait_group *group = co->group;
    loop->running--;
    if (group && --group->running == 0)
        while (group->waiters.first)
            locust__co_wake(loop, group->waiters.first, LOCUST__WAKE_EVENT);
    co->next = co->slab->pool->free;
    co->slab->pool->free = co;
}

/* Parks the current coroutine until it is woken, its deadline passes or it is cancelled; it may be
 * in a queue. `lazy`: the deadline is a timeout, unlikely to be reached, so its timer is armed a
 * second ahead at most (see >>timer), and the caller copes with an EVENT that it was not woken
 * for. */
static enum locust__wake locust__co_park(
    locust__loop *loop, int64_t deadline_ns, bool lazy) LOCUST__PARKS
{
    locust__co *co = loop->current;
    LOCUST_ASSERT(co);
    if (co->cancelled) {
        locust__queue_remove(co);
        return LOCUST__WAKE_CANCELLED;
    }
    // A deadline in the past counts as now: lateness starts at this park, not before it.
    co->deadline_ns = deadline_ns > loop->now_ns ? deadline_ns : loop->now_ns;
    co->lazy = lazy;
    do {
        co->state = LOCUST__STATE_PARKED;
        if (deadline_ns != LOCUST__NEVER && locust__wheel_arm(loop, co) < 0)
            locust__wheel_unarmed(loop, co);
        locust__co_leave(loop, co);
        if (co->wake == LOCUST__WAKE_AGAIN) {
            if (co->cancelled)
                co->wake = LOCUST__WAKE_CANCELLED;
            else if (loop->now_ns >= deadline_ns)
                co->wake = LOCUST__WAKE_TIMEOUT;
            else if (
                lazy) // it was woken early, for want of a timer: the caller looks and parks again
                co->wake = LOCUST__WAKE_EVENT;
        }
    } while (co->wake == LOCUST__WAKE_AGAIN);
    return co->wake;
}

/* Sleeps until a time. Returns LOCUST__WAKE_TIMEOUT or LOCUST__WAKE_CANCELLED. */
static enum locust__wake locust__co_sleep(locust__loop *loop, int64_t until_ns) LOCUST__PARKS
{
    return locust__co_park(loop, until_ns, false);
}

/* Lets every other ready coroutine run first. Returns LOCUST__WAKE_EVENT or
 * LOCUST__WAKE_CANCELLED. */
static enum locust__wake locust__co_yield(locust__loop *loop) LOCUST__PARKS
{
    locust__co *co = loop->current;
    if (co->cancelled)
        return LOCUST__WAKE_CANCELLED;
    co->state = LOCUST__STATE_READY;
    co->wake = LOCUST__WAKE_EVENT;
    locust__queue_push(&loop->ready, co);
    locust__co_leave(loop, co);
    return co->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
}

/* Cancels a coroutine: its park, if it is in one, and all later ones return LOCUST__WAKE_CANCELLED
 * at once. Before it cleans up by code that parks, it clears `cancelled`. */
static void locust__co_cancel(locust__loop *loop, locust__co *co)
{
    co->cancelled = true;
    locust__co_wake(loop, co, LOCUST__WAKE_CANCELLED);
}

/* Calls fn(arg) on the loop's own stack, which is as large as the system makes one: for what needs
 * more than a coroutine has, such as mbedTLS. The coroutine leaves; the loop finds `call`, calls it
 * and resumes the coroutine at once (>>loop). fn must not park. */
static void locust__co_call(locust__loop *loop, void (*fn)(void *arg), void *arg)
{
    if (!loop->current) {
        fn(arg);
        return;
    }
    loop->call = fn;
    loop->call_arg = arg;
    locust__co_leave(loop, loop->current);
}
/* ============================================================================================
 * >>fd  descriptors and who waits for them
 *
 * Purpose     parks a coroutine until a descriptor is readable or writable, or until a deadline.
 * Invariants  a descriptor is registered with the poller once, for its whole life. Its watch says
 *             what it is ready for; a read or write that finds it is not clears that (>>os). One
 *             coroutine at a time waits to read it, and one to write.
 * Cost        a wait for what is ready already is a load and a comparison, and no system call.
 * Names       locust__fd_
 * Uses        >>co >>switch
 * ============================================================================================ */

typedef struct locust__fd {
    locust__watch watch;         // first: the poller returns a pointer to it
    locust__co *reader, *writer; // parked until it is readable, writable; NULL: nobody is
    int64_t hup_ns;              // when the poller found that the peer hung up; 0: not yet
} locust__fd;

/* Takes over a nonblocking descriptor. On an error it stays the caller's. 0 or -errno. */
static int locust__fd_open(locust__loop *loop, locust__fd *f, int fd)
{
    memset(f, 0, sizeof *f);
    f->watch.fd = fd;
    return locust__os_poll_add(&loop->poller, &f->watch);
}

/* Closes the descriptor. Coroutines that wait for it are woken with LOCUST__WAKE_EVENT, and find
 * that it is closed. */
static void locust__fd_close(locust__loop *loop, locust__fd *f)
{
    if (f->watch.fd < 0)
        return;
    locust__os_poll_remove(&loop->poller, &f->watch);
    close(f->watch.fd);
    f->watch.fd = -1;
    if (f->reader)
        locust__co_wake(loop, f->reader, LOCUST__WAKE_EVENT);
    if (f->writer)
        locust__co_wake(loop, f->writer, LOCUST__WAKE_EVENT);
}

/* Parks until the poller says `ready`, unless it has already: *waiter is whom it wakes. */
static inline enum locust__wake locust__fd_wait(
    locust__loop *loop, bool ready, locust__co **waiter, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (ready)
        return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
    *waiter = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    *waiter = NULL;
    return why;
}

/* Parks until the descriptor may be readable, or is closed. LOCUST__WAKE_EVENT says so, and is no
 * promise: a caller that then finds EAGAIN waits again. */
static enum locust__wake locust__fd_wait_read(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__fd_wait(loop, f->watch.readable, &f->reader, deadline_ns);
}

/* The same for writing. */
static enum locust__wake locust__fd_wait_write(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__fd_wait(loop, f->watch.writable, &f->writer, deadline_ns);
}

/* Parks until one of n descriptors may be writable: connects that race. Closed ones do not
 * count. */
static enum locust__wake locust__fd_wait_any_write(
    locust__loop *loop, locust__fd *fds, int n, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    for (int i = 0; i < n; i++) {
        if (fds[i].watch.fd >= 0 && fds[i].watch.writable)
            return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
        fds[i].writer = loop->current;
    }
    why = locust__co_park(loop, deadline_ns, true);
    for (int i = 0; i < n; i++)
        fds[i].writer = NULL;
    return why;
}

/* Takes the descriptor out of the loop, open: it is the caller's again. Nobody may wait for it. */
static int locust__fd_release(locust__loop *loop, locust__fd *f)
{
    int fd = f->watch.fd;
    locust__os_poll_remove(&loop->poller, &f->watch);
    f->watch.fd = -1;
    return fd;
}
/* ============================================================================================
 * >>loop  turns of the loop
 *
 * Purpose     runs coroutines in turns until all of them have ended: wakes those whose time has
 *             come, runs those that are ready, asks the poller whose descriptors are.
 * Invariants  a turn runs what was ready when it began. What it wakes itself runs in the next turn,
 *             after a look at the poller, so coroutines that wake each other starve nobody.
 * Cost        a turn: two readings of the clock and one system call, shared by all that it runs.
 * Names       locust__loop_
 * Uses        >>co >>timer >>stack >>switch >>fd
 *
 *     now_ns       timers due        ready ones          turn_ns      poller: waits only
 *     is read  ->  become ready  ->  run, one by one ->  is known ->  if nothing is ready  -> next
 *
 *   The loop knows how long each coroutine ran, and how late the next one runs, without reading the
 *   clock in between: a coroutine reads it for its own purposes, a response time say, shortly
 *   before it parks (locust__loop_clock). So clock_ns is about now. What it has grown is how long
 *   the coroutine ran; if the next one was woken by its deadline, it is late by clock_ns less
 *   that. Readers of sockets count their lateness themselves, as they learn when their bytes had
 *   arrived.
 * ============================================================================================ */

/* 0 or -errno; -ENOTSUP: this process may not switch stacks. */
static int locust__loop_open(locust__loop *loop)
{
    int rc;
    memset(loop, 0, sizeof *loop);
    if (!locust__ctx_allowed())
        return -ENOTSUP;
    rc = locust__os_poll_open(&loop->poller);
    if (rc < 0)
        return rc;
    loop->scratch = LOCUST_MALLOC(LOCUST__LOOP_SCRATCH);
    if (!loop->scratch) {
        locust__os_poll_close(&loop->poller);
        return -ENOMEM;
    }
    loop->markers = locust__os_guard_works();
    loop->now_ns = locust__loop_clock(loop);
    loop->wheel.tick = loop->now_ns / LOCUST__MS;
    locust__os_random(&loop->random, sizeof loop->random);
    return 0;
}

/* Gives back all memory, after all coroutines have ended. */
static void locust__loop_close(locust__loop *loop)
{
    LOCUST_ASSERT(loop->running == 0);
    while (loop->pools) {
        locust__stack_pool *pool = loop->pools;
        loop->pools = pool->next;
        locust__stack_pool_free(pool);
    }
    locust__wheel_free(&loop->wheel);
    locust__os_poll_close(&loop->poller);
    locust__hist_free(&loop->late);
    LOCUST_FREE(loop->scratch);
}

/* Starts to fetch into the cache what a coroutine touches when it is resumed: the frames that it is
 * parked in, and its user. With 1,000 connections none of that is there any more. */
static void locust__loop_prefetch(const locust__loop *loop, const locust__co *co)
{
    locust__memory_prefetch(co->sp, LOCUST__LOOP_AHEAD);
    if (co->local && loop->prefetch_user)
        loop->prefetch_user(co->local);
}

/* Runs the first ready coroutine until it parks, yields or ends, and in between what it wants
 * called on the loop's stack. */
static void locust__loop_step(locust__loop *loop, locust__co *co)
{
    int64_t began_ns = loop->clock_ns;
    if (co->next) // while this one runs, memory for the next one comes in
        locust__loop_prefetch(loop, co->next);
    locust__queue_remove(co);
    co->state = LOCUST__STATE_RUNNING;
    loop->stepped = co;
    if (co->wake == LOCUST__WAKE_TIMEOUT)
        locust__loop_count_late(loop, began_ns - co->deadline_ns);
    locust__co_resume(loop, co);
    while (loop->call) {
        void (*fn)(void *) = loop->call;
        loop->call = NULL;
        fn(loop->call_arg);
        locust__co_resume(loop, co);
    }
    if (loop->clock_ns - began_ns >= LOCUST__LOOP_BLOCKED_NS && loop->blocked && !loop->excused)
        loop->blocked(loop->blocked_arg, co, loop->clock_ns - began_ns);
    loop->excused = false;
    loop->stepped = NULL;
    if (co->state == LOCUST__STATE_FREE)
        locust__co_ended(loop, co);
}

/* Wakes the coroutines whose descriptors became ready. If none is ready to run, it waits for that
 * until the next timer. */
static void locust__loop_poll(locust__loop *loop)
{
    locust__watch *watches[LOCUST__OS_EVENTS];
    int64_t timeout = 0;
    int n;
    if (!loop->ready.first) {
        int64_t next = locust__wheel_next(&loop->wheel);
        timeout = next == LOCUST__NEVER ? next : next - loop->clock_ns;
        if (timeout < 0)
            timeout = 0;
    }
    n = locust__os_poll_wait(&loop->poller, watches, timeout);
    for (int i = 0; i < n; i++) { // before any coroutine runs: it might free one of these watches
        locust__fd *f = (locust__fd *)(void *)watches[i];
        if (f->watch.hup && !f->hup_ns)
            f->hup_ns = locust__os_now_ns();
        if (f->reader && f->watch.readable)
            locust__co_wake(loop, f->reader, LOCUST__WAKE_EVENT);
        if (f->writer && f->watch.writable)
            locust__co_wake(loop, f->writer, LOCUST__WAKE_EVENT);
    }
}

/* Measures how far the wall clock, by which the system stamps arriving bytes, is ahead of the
 * loop's own. Two readings that lie more than 5 us apart, as other programs ran between them, are
 * repeated. */
static void locust__loop_compare_clocks(locust__loop *loop)
{
    int64_t took_ns = LOCUST__MS;
    for (int tries = 0; tries < 3 && took_ns > 5000; tries++) {
        int64_t began_ns = locust__os_now_ns();
        loop->epoch_ns = locust__os_wall_ns() - began_ns;
        took_ns = locust__os_now_ns() - began_ns;
    }
    loop->epoch_at_ns = loop->now_ns;
}

/* Runs until every coroutine has ended. */
static void locust__loop_run(locust__loop *loop)
{
    LOCUST_ASSERT(!locust__loop_now);
    locust__loop_now = loop;
    locust__os_precise_timers();
    locust__os_fault_open(locust__stack_fault);
    while (loop->running) {
        locust__co *last;
        loop->turn++;
        loop->now_ns = locust__loop_clock(loop);
        if (loop->now_ns - loop->epoch_at_ns >= LOCUST__MS)
            locust__loop_compare_clocks(loop);
        locust__wheel_advance(loop);
        last = loop->ready.last; // what is woken from here on runs in the next turn
        if (last)                // the others are prefetched by the one before
            locust__loop_prefetch(loop, loop->ready.first);
        for (locust__co *co = NULL; last && co != last;) {
            co = loop->ready.first;
            locust__loop_step(loop, co);
        }
        loop->turn_ns = locust__loop_clock(loop) - loop->now_ns;
        if (loop->running)
            locust__loop_poll(loop);
    }
    locust__os_fault_close();
    locust__loop_now = NULL;
}
/* ============================================================================================
 * >>sync  queues, semaphores and groups of coroutines
 *
 * Purpose     lets a coroutine wait for others: in a queue, for a group, for a unit of a semaphore.
 * Invariants  first come, first served. Whatever wakes a coroutine takes it out of its queue, so
 *             the first of a queue is always one that still waits.
 * Names       locust__sem_ locust__wait_group_ locust__queue_wait
 * Uses        >>co >>switch
 * ============================================================================================ */

/* Parks at the end of a queue, until another coroutine wakes the queue's first and that is this
 * one, or until the deadline or a cancellation, which take it out of the queue. */
static enum locust__wake locust__queue_wait(
    locust__loop *loop, locust__queue *q, int64_t deadline_ns) LOCUST__PARKS
{
    locust__queue_push(q, loop->current);
    return locust__co_park(loop, deadline_ns, true);
}

/* Parks until every coroutine of the group has ended. Any number may wait: the last of the group to
 * end wakes them all. A waiter then looks again: one that was woken before it may have added to the
 * group. */
static enum locust__wake locust__wait_group_join(
    locust__loop *loop, locust__wait_group *group, int64_t deadline_ns) LOCUST__PARKS
{
    while (group->running) {
        enum locust__wake why = locust__queue_wait(loop, &group->waiters, deadline_ns);
        if (why != LOCUST__WAKE_EVENT)
            return why;
    }
    return LOCUST__WAKE_EVENT;
}

/* Cancels every coroutine of the group that has not ended. Looks at every coroutine of the loop:
 * for the end of a run. (The group has no list of its members: a list would cost each coroutine of
 * the loop two pointers more.) */
static void locust__wait_group_cancel(locust__loop *loop, const locust__wait_group *group)
{
    for (locust__stack_pool *pool = loop->pools; pool; pool = pool->next)
        for (locust__stack_slab *slab = pool->slabs; slab; slab = slab->next)
            for (uint32_t i = 0; i < slab->used; i++) {
                locust__co *co = &slab->cos[i];
                if (co->state != LOCUST__STATE_FREE && co->group == group)
                    locust__co_cancel(loop, co);
            }
}

typedef struct locust__sem { // a semaphore
    int free;                // units; 0 while anybody waits
    locust__queue waiters;
} locust__sem;

/* Takes a unit, or parks until one is given. Only LOCUST__WAKE_EVENT means that it has one. */
static enum locust__wake locust__sem_take(
    locust__loop *loop, locust__sem *s, int64_t deadline_ns) LOCUST__PARKS
{
    if (s->free > 0) {
        s->free--;
        return LOCUST__WAKE_EVENT;
    }
    return locust__queue_wait(loop, &s->waiters, deadline_ns); // if woken, it has the giver's unit
}

/* Gives a unit to the first that waits, or back to the semaphore. Handing it over, and not just
 * waking the waiter, keeps others that run before it from taking it. */
static void locust__sem_give(locust__loop *loop, locust__sem *s)
{
    if (s->waiters.first)
        locust__co_wake(loop, s->waiters.first, LOCUST__WAKE_EVENT);
    else
        s->free++;
}
/* ============================================================================================
 * >>local  coroutine-local data
 *
 * Purpose     LOCUST_LOCAL: variables of which each user has its own, reachable from any function
 *             that the user calls; LOCUST_SCOPE: a variable's value for the length of a block.
 * Invariants  a slot, the place of such a variable, has the same offset in every user's area. All
 *             slots are known before main(): constructors register them. The area is zero before
 *             on_start. The coroutines of a user share its area. locust__slots, the list of slots,
 *             is a global, as the constructors run before there is an environment.
 * Cost        reading: three loads and an addition. Memory of each user: the slot, and a byte.
 * Names       locust__scope_ locust__slot_ locust__slots_
 * Uses        >>co
 * Limits      a slot that a shared object brings in after the first user was made is refused.
 *
 *   a user's area, in its block:  | flags, a byte for each slot | slot | slot | ...   16-aligned
 * ============================================================================================ */

/* All slots of the program. */
static struct {
    locust_slot *first;
    size_t count, bytes;
    bool laid_out; // index and offset of each slot are decided
} locust__slots;

enum {
    LOCUST__SLOT_USED = 1,   // initialised, so its fini is due
    LOCUST__SLOT_SCOPED = 2, // a LOCUST_SCOPE is in force
};

LOCUST_API void locust_slot_register(locust_slot *slot)
{
    if (locust__slots.laid_out)
        locust__die(
            LOCUST__EXIT_USAGE, "LOCUST_LOCAL %s came too late: users exist already", slot->name);
    slot->next = locust__slots.first;
    locust__slots.first = slot;
    locust__slots.count++;
}

/* Bytes of one user's area. The first call decides the layout. */
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

/* Ends a user's data: calls the fini of each slot that was initialised. */
static void locust__slots_deinit(char *area)
{
    for (locust_slot *slot = locust__slots.first; slot; slot = slot->next)
        if (slot->fini && area[slot->index] & LOCUST__SLOT_USED)
            slot->fini(area + slot->offset);
}

/* The running coroutine, which must be a user's. Ends the program with a sentence otherwise: `what`
 * was used, a variable of this `kind`. */
static locust__co *locust__slots_user(const char *what, const char *kind)
{
    locust__co *co = locust__loop_now ? locust__loop_now->current : NULL;
    if (!co || !co->local)
        locust__die(LOCUST__EXIT_USAGE,
            "%s() was used outside a user: a %s exists from before on_start until after on_stop",
            what, kind);
    return co;
}

LOCUST_API void *locust_slot_get(const locust_slot *slot)
{
    char *area = locust__slots_user(slot->name, "LOCUST_LOCAL")->local;
    if (slot->init || slot->fini) {
        char *flags = area + slot->index;
        if (!(*flags & LOCUST__SLOT_USED)) {
            *flags |= LOCUST__SLOT_USED;
            if (slot->init)
                slot->init(area + slot->offset);
        }
    }
    return area + slot->offset;
}

/* Ends the current value of a slot; it is zero, and not initialised, from here on. */
static void locust__slot_end(const locust_slot *slot, char *area)
{
    if (slot->fini && area[slot->index] & LOCUST__SLOT_USED)
        slot->fini(area + slot->offset);
    area[slot->index] &= LOCUST__SLOT_SCOPED;
    memset(area + slot->offset, 0, slot->size);
}

LOCUST_API void locust_slot_release(const locust_slot *slot)
{
    locust__slot_end(slot, locust__slots_user(slot->name, "LOCUST_LOCAL")->local);
}

/* What a slot held before a LOCUST_SCOPE. The scopes of a coroutine are a stack: co->scopes. */
typedef struct locust__scope {
    struct locust__scope *outer;
    const locust_slot *slot;
    char used; // its flags
    char bytes[];
} locust__scope;

LOCUST_API bool locust_slot_enter(const locust_slot *slot)
{
    locust__co *co = locust__slots_user(slot->name, "LOCUST_LOCAL");
    char *area = co->local;
    locust__scope *scope = co->scopes;
    while (scope && scope->slot != slot)
        scope = scope->outer;
    if (!scope && area[slot->index] & LOCUST__SLOT_SCOPED)
        locust__die(LOCUST__EXIT_USAGE,
            "LOCUST_SCOPE(%s) was entered by two coroutines of one user at a time: "
            "one has to leave it first",
            slot->name);
    scope = LOCUST_MALLOC(sizeof *scope + slot->size);
    if (!scope)
        return false;
    scope->outer = co->scopes;
    scope->slot = slot;
    scope->used = area[slot->index];
    memcpy(scope->bytes, area + slot->offset, slot->size);
    co->scopes = scope;
    area[slot->index] = LOCUST__SLOT_SCOPED;
    memset(area + slot->offset, 0, slot->size);
    return true;
}

/* Leaves the innermost scope of a coroutine: ends the slot's value, and puts back the one
 * before. */
static void locust__scope_leave(locust__co *co)
{
    locust__scope *scope = co->scopes;
    char *area = co->local;
    const locust_slot *slot = scope->slot;
    locust__slot_end(slot, area);
    area[slot->index] = scope->used;
    memcpy(area + slot->offset, scope->bytes, slot->size);
    co->scopes = scope->outer;
    LOCUST_FREE(scope);
}

LOCUST_API bool locust_slot_leave(const locust_slot *slot)
{
    locust__co *co = locust__slots_user(slot->name, "LOCUST_LOCAL");
    if (!co->scopes || ((locust__scope *)co->scopes)->slot != slot)
        locust__die(LOCUST__EXIT_USAGE,
            "LOCUST_SCOPE(%s) is left while another one inside it is not", slot->name);
    locust__scope_leave(co);
    return false;
}
/* ============================================================================================
 * >>context  context variables, and stacks of values
 *
 * Purpose     LOCUST_VAR: variables of which each coroutine has its own values, as Python's
 *             contextvars; LOCUST_STACK: stacks of values; and the unwinding of both after a
 *             jump.
 * Invariants  the values of all variables lie in one block (locust__values). A coroutine that is
 *             started shares the block of the one that starts it; the first to set a variable
 *             copies the block. Without a block all variables have their defaults. locust__vars,
 *             the list of variables, is a global: constructors fill it in before main().
 * Cost        reading: three loads and two branches. Starting a coroutine: a count.
 * Names       locust__context_ locust__values_ locust__vars_
 * Uses        >>co >>local
 * ============================================================================================ */

typedef struct locust__values {
    size_t shared;                      // coroutines and contexts that have it, less one
    _Alignas(max_align_t) char bytes[]; // a flag for each variable: is it set? then the values
} locust__values;

/* All variables of the program. */
static struct {
    locust_var *first;
    size_t count, bytes;
} locust__vars;

LOCUST_API void locust_var_register(locust_var *var)
{
    var->index = locust__vars.count++;
    var->next = locust__vars.first;
    locust__vars.first = var;
}

/* Bytes of a block. The first call, when all variables are known, decides where each value lies. */
static size_t locust__vars_bytes(void)
{
    if (!locust__vars.bytes) {
        size_t at = (locust__vars.count + 15) & ~(size_t)15;
        for (locust_var *var = locust__vars.first; var; var = var->next) {
            var->offset = at;
            at += (var->size + 15) & ~(size_t)15;
        }
        locust__vars.bytes = at;
    }
    return locust__vars.bytes;
}

static void locust__values_release(void *block)
{
    locust__values *values = block;
    if (values && !values->shared--)
        LOCUST_FREE(values);
}

/* A block that the coroutine shares with nobody, so that it can be written. NULL: no memory. */
static locust__values *locust__values_own(locust__co *co)
{
    size_t bytes = locust__vars_bytes();
    locust__values *was = co->context, *own;
    if (was && !was->shared)
        return was;
    own = locust__memory_zalloc(sizeof *own + bytes);
    if (!own)
        return NULL;
    if (was)
        memcpy(own->bytes, was->bytes, bytes);
    locust__values_release(was);
    co->context = own;
    return own;
}

LOCUST_API const void *locust_var_get(const locust_var *var)
{
    const locust__values *c = locust__slots_user(var->name, "LOCUST_VAR")->context;
    return c && c->bytes[var->index] ? c->bytes + var->offset : var->value;
}

LOCUST_API locust_token locust_var_set(const locust_var *var, const void *value)
{
    locust__values *c = locust__values_own(locust__slots_user(var->name, "LOCUST_VAR"));
    locust_token token = {.was_set = false};
    if (!c)
        return token; // without memory the old value stays
    token.was_set = c->bytes[var->index];
    memcpy(token.was, c->bytes + var->offset, var->size);
    c->bytes[var->index] = 1;
    memcpy(c->bytes + var->offset, value, var->size);
    return token;
}

LOCUST_API void locust_var_reset(const locust_var *var, locust_token token)
{
    locust__values *c = locust__values_own(locust__slots_user(var->name, "LOCUST_VAR"));
    if (!c)
        return;
    c->bytes[var->index] = token.was_set;
    memcpy(c->bytes + var->offset, token.was, var->size);
}

/* One more user of a block: a coroutine that is started, or a copy of a context. */
static void *locust__values_share(void *block)
{
    locust__values *values = block;
    if (values)
        values->shared++;
    return values;
}

/* A context holds a block for a coroutine to run in for a while. While it is entered, the coroutine
 * has the block, and may replace it by setting a variable; leaving takes it back. */
struct locust_context {
    void *block;           // not valid while it is entered
    bool entered;          // by a coroutine; by one at a time
    locust_context *outer; // what that coroutine ran in before,
    void *outer_block;     // and with which block
};

LOCUST_API locust_context *locust_context_copy(void)
{
    locust__co *co = locust__slots_user("locust_context_copy", "context");
    locust_context *c = locust__memory_zalloc(sizeof *c);
    if (c)
        c->block = locust__values_share(co->context);
    return c;
}

/* Goes back to what the coroutine ran in before it entered its context. */
static void locust__context_leave(locust__co *co)
{
    locust_context *c = co->entered;
    c->block = co->context;
    co->context = c->outer_block;
    co->entered = c->outer;
    c->entered = false;
}

LOCUST_API void locust_context_run(locust_context *c, void (*fn)(void *arg), void *arg)
{
    locust__co *co = locust__slots_user("locust_context_run", "context");
    if (c->entered)
        locust__die(LOCUST__EXIT_USAGE, "locust_context_run() was given a context that is "
                                        "entered already: run in a copy of it");
    c->entered = true;
    c->outer = co->entered;
    c->outer_block = co->context;
    co->context = c->block;
    co->entered = c;
    fn(arg);
    locust__context_leave(co);
}

LOCUST_API void locust_context_free(locust_context *c)
{
    if (!c)
        return;
    if (c->entered)
        locust__die(LOCUST__EXIT_USAGE,
            "locust_context_free() was given a context that is entered: leave it first");
    locust__values_release(c->block);
    LOCUST_FREE(c);
}

/* Leaves the scopes and contexts that functions of the test had entered when they were left by a
 * jump. */
static void locust__context_unwind(locust__co *co)
{
    while (co->scopes)
        locust__scope_leave(co);
    while (co->entered)
        locust__context_leave(co);
}

LOCUST_API bool locust_stack_push(locust_stack *stack, const void *value, size_t size)
{
    char *items = locust__memory_grow(stack->items, size, stack->n, &stack->cap);
    if (!items)
        return false;
    stack->items = items;
    memcpy(items + stack->n++ * size, value, size);
    return true;
}

LOCUST_API const void *locust_stack_pop(locust_stack *stack, size_t size)
{
    return stack->n ? stack->items + --stack->n * size : NULL;
}

LOCUST_API const void *locust_stack_top(const locust_stack *stack, size_t size)
{
    return stack->n ? stack->items + (stack->n - 1) * size : NULL;
}

LOCUST_API void locust_stack_free(void *stack)
{
    LOCUST_FREE(((locust_stack *)stack)->items);
}
#endif

#if LOCUST__LAYERS >= 3
/* ============================================================================================
 * >>entry  what was counted of one (method, name)
 *
 * Purpose     counts the requests of one method and name: their times, bytes, phases, and how many
 *             there were in each of the last seconds. A table shows an entry as one of its rows.
 * Invariants  requests == hist.total while memory lasts; min_ns <= max_ns unless requests == 0.
 * Cost        counting a request: one histogram; nothing is allocated but a new octave of it.
 * Names       locust__entry_ locust__phase_ locust__phases
 * Limits      current rates cover the last ten whole seconds, up to now; Locust's end three seconds
 *             earlier, to wait for its workers.
 *
 *   the ring: second s of the clock is counted in ring[s % 16]
 *
 *     | 96 | 97 | 98 | 99 | 100 | 101 | 86 | 71 | 88 | ...   in second 101
 *
 *   Each element says which second it counts, and begins anew with the first request that ends in a
 *   later one. So nothing has to turn the ring, and a reader skips elements of other seconds than
 *   it wants: here nothing ended in second 87, and 71 is still in its place.
 * ============================================================================================ */

enum { LOCUST__ENTRY_RING = 16, LOCUST__ENTRY_WINDOW_S = 10 };

typedef struct locust__entry_second { // what ended in one second
    int64_t second;                   // of the monotonic clock
    uint32_t requests, failures;
} locust__entry_second;

/* Of a request: name lookup, connect, TLS handshake, wait for the answer, receipt of its body. */
enum { LOCUST__PHASES = 5 };

typedef struct locust__phase { // times of one kind, of the requests that have it
    locust__hist hist;
    int64_t max_ns;
} locust__phase;

typedef struct locust__entry {
    struct locust__entry *next_in_bucket;
    uint64_t hash;             // of method and name
    size_t index;              // in the order of appearance
    const char *method, *name; // stored behind the struct
    uint64_t requests, failures, bytes;
    int64_t total_s,
        total_ns; // sum of all times, as seconds and the rest: ns alone end after 292 years
    int64_t min_ns, max_ns; // min_ns: LOCUST__NEVER if there was no request
    locust__entry_second ring[LOCUST__ENTRY_RING];
    locust__hist hist;       // of all times
    locust__phase *phases;   // LOCUST__PHASES of them; NULL: not measured
    locust__phase *intended; // times from the intended start; NULL: no open model
    locust_stats shown;      // what locust_stats_row returned last
} locust__entry;

static void locust__phase_record(locust__phase *phase, int64_t ns)
{
    locust__hist_record(&phase->hist, ns);
    if (ns > phase->max_ns)
        phase->max_ns = ns;
}

static void locust__phase_clear(locust__phase *phase)
{
    locust__hist_reset(&phase->hist);
    phase->max_ns = 0;
}

/* The time that `share` (0 to 1) of a phase's did not exceed. */
static int64_t locust__phase_percentile_ns(const locust__phase *phase, double share)
{
    int64_t ns = locust__hist_percentile_ns(&phase->hist, share);
    return ns < phase->max_ns ? ns : phase->max_ns; // a bucket's middle may lie above
}

/* Zeroes the figures; the octaves of histograms stay. */
static void locust__entry_clear(locust__entry *entry)
{
    entry->requests = entry->failures = entry->bytes = 0;
    entry->total_s = entry->total_ns = entry->max_ns = 0;
    entry->min_ns = LOCUST__NEVER;
    memset(entry->ring, 0, sizeof entry->ring);
    locust__hist_reset(&entry->hist);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++)
        locust__phase_clear(&entry->phases[i]);
    if (entry->intended)
        locust__phase_clear(entry->intended);
}

static void locust__entry_free_histograms(locust__entry *entry)
{
    locust__hist_free(&entry->hist);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++)
        locust__hist_free(&entry->phases[i].hist);
    LOCUST_FREE(entry->phases);
    if (entry->intended)
        locust__hist_free(&entry->intended->hist);
    LOCUST_FREE(entry->intended);
}

/* Counts one request that ended in `second` of the monotonic clock. */
static void locust__entry_count(
    locust__entry *entry, int64_t elapsed_ns, uint64_t bytes, bool failed, int64_t second)
{
    locust__entry_second *s = &entry->ring[second % LOCUST__ENTRY_RING];
    if (s->second < second)
        *s = (locust__entry_second){second, 0, 0};
    if (s->second == second) { // else a late verdict on a request whose second has gone
        s->requests++;
        s->failures += failed;
    }
    entry->requests++;
    entry->failures += failed;
    entry->bytes += bytes;
    entry->total_ns += elapsed_ns;
    if (entry->total_ns >= LOCUST__S) {
        entry->total_s += entry->total_ns / LOCUST__S;
        entry->total_ns %= LOCUST__S;
    }
    if (elapsed_ns < entry->min_ns)
        entry->min_ns = elapsed_ns;
    if (elapsed_ns > entry->max_ns)
        entry->max_ns = elapsed_ns;
    locust__hist_record(&entry->hist, elapsed_ns);
}

static double locust__entry_mean_ns(const locust__entry *entry)
{
    double total = (double)entry->total_s * 1e9 + (double)entry->total_ns;
    return entry->requests ? total / (double)entry->requests : 0;
}

/* The time that `share` (0 to 1) of the requests did not exceed. It lies within min_ns and max_ns,
 * though the middle of its bucket may not. */
static int64_t locust__entry_percentile_ns(const locust__entry *entry, double share)
{
    int64_t ns = locust__hist_percentile_ns(&entry->hist, share);
    if (!entry->requests)
        return 0;
    if (share >= 1 || ns > entry->max_ns)
        return entry->max_ns;
    return ns < entry->min_ns ? entry->min_ns : ns;
}

/* Whether x stands behind y in a table: by name, then by method. */
static bool locust__entry_after(const locust__entry *x, const locust__entry *y)
{
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name > 0 : strcmp(x->method, y->method) > 0;
}
/* ============================================================================================
 * >>stats  the statistics of a test: entries, failures, failed tasks
 *
 * Purpose     counts requests by (method, name), failures by (method, name, text), and failed tasks
 *             by text and place.
 * Invariants  the total counts every request once. Entries and texts stay until the statistics are
 *             freed, so others may keep pointers to them.
 * Cost        counting a request: a hash of its name, two histograms. Nothing is allocated but for
 *             a new entry, text or octave: memory grows with the names, not with time.
 * Names       locust__stats_ locust__request_stats
 * Uses        >>entry
 * Sources     Locust 2.46: what counts as failure, median and rates (its stats.py, by measurement).
 * Limits      LOCUST_MAX_ROWS entries, and as many failures and texts: later ones count as
 *             "(other)". Current rates cover the last ten whole seconds, up to now; Locust's end
 *             three seconds earlier, to wait for its workers.
 * ============================================================================================ */

enum { LOCUST__STATS_BUCKETS = 512 }; // of each hash table; chains grow, tables do not

typedef struct locust__stats_string { // the sentence of a failure, stored once
    struct locust__stats_string *next_in_bucket;
    uint64_t hash;
    char text[];
} locust__stats_string;

typedef struct locust__stats_failure { // requests of one entry that failed for one reason
    struct locust__stats_failure *next_in_bucket;
    const locust__entry *row; // the entry
    const char *text;         // in a locust__stats_string
    uint64_t occurrences;
    int64_t first_wall_ns, last_wall_ns;
} locust__stats_failure;

typedef struct locust__stats_exception { // failed tasks of one place and reason
    const char *text;                    // in a locust__stats_string
    uint64_t times;
    char place[128]; // file, line and function
} locust__stats_exception;

typedef struct locust__request_stats {
    locust__stats_exception *exceptions; // in order of appearance
    size_t n_exceptions, cap_exceptions;
    locust__entry total;
    locust__entry other; // requests past a limit, or without memory; reports list it if it has any
    locust__entry **entries; // in order of appearance
    size_t n_entries, cap_entries;
    locust__stats_failure **failures; // in order of appearance
    size_t n_failures, cap_failures;
    size_t n_texts;
    locust__stats_failure other_failure; // failures past a limit, or without memory
    locust__entry *entry_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_string *text_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_failure *failure_buckets[LOCUST__STATS_BUCKETS];
    int64_t start_ns, last_ns; // monotonic: start of the test, end of the newest request
} locust__request_stats;

static void locust__stats_init(locust__request_stats *st)
{
    memset(st, 0, sizeof *st);
    st->total.method = "";
    st->total.name = "Aggregated";
    st->other.method = "";
    st->other.name = "(other)";
    st->other_failure.row = &st->other;
    st->other_failure.text = "(other)";
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
}

/* Zeroes the figures of all entries and forgets failures and failed tasks. Entries and texts
 * stay. */
static void locust__stats_reset(locust__request_stats *st, int64_t now_ns)
{
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
    for (size_t i = 0; i < st->n_entries; i++)
        locust__entry_clear(st->entries[i]);
    for (size_t i = 0; i < st->n_failures; i++)
        LOCUST_FREE(st->failures[i]);
    st->n_failures = st->n_exceptions = 0;
    st->other_failure.occurrences = 0;
    memset(st->failure_buckets, 0, sizeof st->failure_buckets);
    st->start_ns = st->last_ns = now_ns;
}

static void locust__stats_free(locust__request_stats *st)
{
    locust__stats_reset(st, 0);
    for (size_t i = 0; i < st->n_entries; i++) {
        locust__entry_free_histograms(st->entries[i]);
        LOCUST_FREE(st->entries[i]);
    }
    locust__entry_free_histograms(&st->other);
    locust__entry_free_histograms(&st->total);
    for (size_t b = 0; b < LOCUST__STATS_BUCKETS; b++)
        while (st->text_buckets[b]) {
            locust__stats_string *text = st->text_buckets[b];
            st->text_buckets[b] = text->next_in_bucket;
            LOCUST_FREE(text);
        }
    LOCUST_FREE(st->entries);
    LOCUST_FREE(st->failures);
    LOCUST_FREE(st->exceptions);
}

/* A new entry behind the others, with its method and name; NULL: no memory, or too many. */
static locust__entry *locust__stats_add(
    locust__request_stats *st, const char *method, const char *name)
{
    size_t method_bytes = strlen(method) + 1, name_bytes = strlen(name) + 1;
    locust__entry *entry, **entries;
    char *text;
    if (st->n_entries >= LOCUST_MAX_ROWS)
        return NULL;
    entries = locust__memory_grow(st->entries, sizeof *entries, st->n_entries, &st->cap_entries);
    if (!entries)
        return NULL;
    st->entries = entries;
    entry = locust__memory_zalloc(sizeof *entry + method_bytes + name_bytes);
    if (!entry)
        return NULL;
    text = (char *)(entry + 1);
    entry->method = memcpy(text, method, method_bytes);
    entry->name = memcpy(text + method_bytes, name, name_bytes);
    locust__entry_clear(entry);
    entry->index = st->n_entries;
    entries[st->n_entries++] = entry;
    return entry;
}

/* The entry of a method and name, made if there is none yet; "(other)" if it cannot be made. */
static locust__entry *locust__stats_find(
    locust__request_stats *st, const char *method, const char *name)
{
    uint64_t hash = locust__text_hash(0, method, strlen(method));
    locust__entry **bucket, *entry;
    hash = locust__text_hash(hash, name, strlen(name));
    bucket = &st->entry_buckets[hash % LOCUST__STATS_BUCKETS];
    for (entry = *bucket; entry; entry = entry->next_in_bucket)
        if (entry->hash == hash && strcmp(entry->name, name) == 0 &&
            strcmp(entry->method, method) == 0)
            return entry;
    entry = locust__stats_add(st, method, name);
    if (!entry)
        return &st->other;
    entry->hash = hash;
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    return entry;
}

/* The statistics' own copy of a failure's text. Equal texts have one copy, so pointers may be
 * compared. "(other)" if there is no room for it. */
static const char *locust__stats_text(locust__request_stats *st, const char *text)
{
    size_t len = strlen(text);
    uint64_t hash = locust__text_hash(0, text, len);
    locust__stats_string **bucket = &st->text_buckets[hash % LOCUST__STATS_BUCKETS], *copy;
    for (copy = *bucket; copy; copy = copy->next_in_bucket)
        if (copy->hash == hash && strcmp(copy->text, text) == 0)
            return copy->text;
    copy = st->n_texts < LOCUST_MAX_ROWS ? LOCUST_MALLOC(sizeof *copy + len + 1) : NULL;
    if (!copy)
        return "(other)";
    memcpy(copy->text, text, len + 1);
    copy->hash = hash;
    copy->next_in_bucket = *bucket;
    *bucket = copy;
    st->n_texts++;
    return copy->text;
}

/* Counts a failed task; `text` comes from locust__stats_text. True: it is the first one of this
 * place and text. */
static bool locust__stats_except(locust__request_stats *st, const char *text, const char *place)
{
    locust__stats_exception *e;
    for (size_t i = 0; i < st->n_exceptions; i++) {
        e = &st->exceptions[i];
        if (e->text == text && strcmp(e->place, place) == 0) {
            e->times++;
            return false;
        }
    }
    e = st->n_exceptions < LOCUST_MAX_ROWS
            ? locust__memory_grow(st->exceptions, sizeof *e, st->n_exceptions, &st->cap_exceptions)
            : NULL;
    if (!e)
        return false;
    st->exceptions = e;
    e += st->n_exceptions++;
    *e = (locust__stats_exception){.text = text, .times = 1};
    snprintf(e->place, sizeof e->place, "%s", place);
    return true;
}

/* A new failure behind the others; NULL: no memory, or too many. */
static locust__stats_failure *locust__stats_add_failure(
    locust__request_stats *st, const locust__entry *entry, const char *text)
{
    locust__stats_failure *f, **failures;
    if (st->n_failures >= LOCUST_MAX_ROWS)
        return NULL;
    failures =
        locust__memory_grow(st->failures, sizeof *failures, st->n_failures, &st->cap_failures);
    if (!failures)
        return NULL;
    st->failures = failures;
    f = locust__memory_zalloc(sizeof *f);
    if (!f)
        return NULL;
    f->row = entry;
    f->text = text;
    failures[st->n_failures++] = f;
    return f;
}

/* Counts a failed request. */
static void locust__stats_fail(
    locust__request_stats *st, const locust__entry *entry, const char *error, int64_t wall_ns)
{
    const char *text = locust__stats_text(st, error);
    // Entry and text are one object each: their addresses say which failure it is.
    uint64_t hash =
        ((uint64_t)(uintptr_t)entry ^ (uint64_t)(uintptr_t)text << 1) * 0x9E3779B97F4A7C15u;
    locust__stats_failure **bucket = &st->failure_buckets[(hash >> 32) % LOCUST__STATS_BUCKETS], *f;
    for (f = *bucket; f; f = f->next_in_bucket)
        if (f->row == entry && f->text == text)
            break;
    if (!f) {
        f = locust__stats_add_failure(st, entry, text);
        if (f) {
            f->next_in_bucket = *bucket;
            *bucket = f;
        } else {
            f = &st->other_failure;
        }
    }
    if (!f->occurrences++)
        f->first_wall_ns = wall_ns;
    f->last_wall_ns = wall_ns;
}

/* Counts one finished request. `error`: NULL, or why it failed. Returns its entry. */
static locust__entry *locust__stats_record(locust__request_stats *st, const char *method,
    const char *name, int64_t elapsed_ns, uint64_t bytes, const char *error, int64_t now_ns)
{
    locust__entry *entry = locust__stats_find(st, method, name);
    int64_t second = now_ns / LOCUST__S;
    locust__entry_count(entry, elapsed_ns, bytes, error != NULL, second);
    locust__entry_count(&st->total, elapsed_ns, bytes, error != NULL, second);
    if (now_ns > st->last_ns) // not if its verdict came after other requests had ended
        st->last_ns = now_ns;
    if (error)
        locust__stats_fail(st, entry, error, locust__os_wall_ns());
    return entry;
}

/* Entry i of those that reports list; NULL: there are no more. */
static locust__entry *locust__stats_entry_at(locust__request_stats *st, size_t i)
{
    if (i < st->n_entries)
        return st->entries[i];
    return i == st->n_entries && st->other.requests ? &st->other : NULL;
}

/* Failure i of those that reports list; NULL: there are no more. */
static const locust__stats_failure *locust__stats_failure_at(
    const locust__request_stats *st, size_t i)
{
    if (i < st->n_failures)
        return st->failures[i];
    return i == st->n_failures && st->other_failure.occurrences ? &st->other_failure : NULL;
}

/* Requests and failures a second over the whole run, up to the newest request. */
static void locust__stats_rates(const locust__request_stats *st, const locust__entry *entry,
    double *requests_per_s, double *failures_per_s)
{
    double s = (double)(st->last_ns - st->start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)entry->requests / s : 0;
    *failures_per_s = s > 0 ? (double)entry->failures / s : 0;
}

/* The same over the last ten whole seconds, or as many as the test has run. */
static void locust__stats_current_rates(const locust__request_stats *st, const locust__entry *entry,
    int64_t now_ns, double *requests_per_s, double *failures_per_s)
{
    int64_t now = now_ns / LOCUST__S;                           // the second that is not over yet
    int64_t start = (st->start_ns + LOCUST__S - 1) / LOCUST__S; // the first whole one of the test
    int64_t from = now - LOCUST__ENTRY_WINDOW_S > start ? now - LOCUST__ENTRY_WINDOW_S : start;
    uint64_t requests = 0, failures = 0;
    for (int64_t s = from; s < now; s++) {
        const locust__entry_second *seen = &entry->ring[s % LOCUST__ENTRY_RING];
        if (seen->second == s) { // else nothing ended in that second
            requests += seen->requests;
            failures += seen->failures;
        }
    }
    *requests_per_s = now > from ? (double)requests / (double)(now - from) : 0;
    *failures_per_s = now > from ? (double)failures / (double)(now - from) : 0;
}

/* Fills in what the public API shows of an entry; it is overwritten by the next call for it. */
static const locust_stats *locust__stats_show(const locust__request_stats *st, locust__entry *entry)
{
    locust_stats *shown = &entry->shown;
    shown->method = entry->method;
    shown->name = entry->name;
    shown->requests = entry->requests;
    shown->failures = entry->failures;
    shown->bytes = entry->bytes;
    shown->min_ms = entry->requests ? (double)entry->min_ns / 1e6 : 0;
    shown->mean_ms = locust__entry_mean_ns(entry) / 1e6;
    shown->max_ms = (double)entry->max_ns / 1e6;
    locust__stats_rates(st, entry, &shown->requests_per_s, &shown->failures_per_s);
    shown->histogram = entry;
    return shown;
}

LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share)
{
    return (double)locust__entry_percentile_ns(stats->histogram, share) / 1e6;
}
/* ============================================================================================
 * >>record  from a finished request to all that count it
 *
 * Purpose     takes each finished request, or whatever else a test measures, to the statistics, the
 *             log of requests and the test's listeners.
 * Invariants  what began before since_ns is not counted, but listeners get it.
 * Cost        that of the statistics; a log or a listener that is not there costs a comparison.
 * Names       locust__recorder_
 * Uses        >>entry >>stats
 * ============================================================================================ */

typedef struct locust__recorder {
    locust__request_stats *stats;
    locust_env *env;
    void (*listener)(locust_env *env, const locust_sample *sample); // NULL: no listener
    bool phases;       // --phases: measured and counted
    bool has_arrivals; // open model: times are also counted from the intended start
    int64_t since_ns;  // end of the warm-up, or the last reset of the statistics
    /* Writes a counted sample to the log of requests; NULL: no log. */
    void (*log)(void *arg, const locust_sample *sample, const locust__entry *entry,
        int64_t elapsed_ns, int64_t now_ns);
    void *log_arg;
} locust__recorder;

/* Counts a time from the intended start. Without memory for the histogram it is not counted. */
static void locust__recorder_intended(locust__entry *entry, int64_t ns)
{
    if (!entry->intended)
        entry->intended = locust__memory_zalloc(sizeof *entry->intended);
    if (entry->intended)
        locust__phase_record(entry->intended, ns);
}

/* Counts the phases of a request. Without memory for the histograms they are not counted. */
static void locust__recorder_phases(locust__entry *entry, const locust_phases *phases)
{
    const double ms[LOCUST__PHASES] = {
        phases->name_ms, phases->connect_ms, phases->tls_ms, phases->wait_ms, phases->receive_ms};
    if (!entry->phases)
        entry->phases = locust__memory_zalloc(LOCUST__PHASES * sizeof *entry->phases);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++) {
        int64_t ns = locust__number_round(ms[i] * 1e6);
        if (ns > 0 || i >= 3) // 0: no lookup, no connect, no handshake in this request
            locust__phase_record(&entry->phases[i], ns);
    }
}

static void locust__recorder_count(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    locust__entry *entry = locust__stats_record(rec->stats, sample->method, sample->name,
        elapsed_ns, sample->length, sample->error, now_ns);
    if (rec->phases && sample->phases && sample->status) {
        locust__recorder_phases(entry, sample->phases);
        locust__recorder_phases(&rec->stats->total, sample->phases);
    }
    if (rec->has_arrivals) {
        int64_t ns = elapsed_ns + locust__number_round(sample->late_ms * 1e6);
        locust__recorder_intended(entry, ns);
        locust__recorder_intended(&rec->stats->total, ns);
    }
    if (rec->log)
        rec->log(rec->log_arg, sample, entry, elapsed_ns, now_ns);
}

/* Takes a sample that ended at now_ns and took elapsed_ns. */
static void locust__recorder_record(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    if (now_ns - elapsed_ns >= rec->since_ns)
        locust__recorder_count(rec, sample, elapsed_ns, now_ns);
    if (rec->listener)
        rec->listener(rec->env, sample);
}
#endif

#if LOCUST__LAYERS >= 4
/* ============================================================================================
 * >>address  addresses of sockets
 *
 * Purpose     addresses of sockets from text: IPv4, IPv6, paths of unix sockets. No names are
 *             looked up.
 * Names       locust__addr_
 * ============================================================================================ */

typedef struct locust__addr {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } as;
    socklen_t len;
    const char *path; // of a unix socket, borrowed; NULL: an IP address
} locust__addr;

/* Reads a literal IPv4 or IPv6 address. False: the text is something else. */
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

/* The address of a unix socket. False: the path is empty or too long. */
static bool locust__addr_unix(locust__addr *a, const char *path)
{
    memset(a, 0, sizeof *a);
    a->as.any.sa_family = AF_UNIX;
    a->path = path;
    return *path && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

/* connect(); the address of a unix socket is too big to be kept in every locust__addr, so it is
 * made here. */
static int locust__addr_connect(int fd, const locust__addr *to)
{
    struct sockaddr_un un;
    if (!to->path)
        return LOCUST__SYS(connect)(fd, &to->as.any, to->len);
    memset(&un, 0, sizeof un);
    un.sun_family = AF_UNIX;
    memcpy(un.sun_path, to->path, strlen(to->path) + 1);
    return LOCUST__SYS(connect)(fd, (struct sockaddr *)(void *)&un, sizeof un);
}

static void locust__addr_set_port(locust__addr *a, int port)
{
    if (a->as.any.sa_family == AF_INET6)
        a->as.in6.sin6_port = htons((uint16_t)port);
    else
        a->as.in.sin_port = htons((uint16_t)port);
}
/* ============================================================================================
 * >>source  local addresses to connect from
 *
 * Purpose     --source: a list of local addresses, of which each connection takes the next. One
 *             address has some 28,000 ports, and so as many connections to one server.
 * Names       locust__source_ locust__sources_
 * Uses        >>address
 * Limits      64 ranges of IPv4 addresses or single addresses of IPv6.
 * ============================================================================================ */

typedef struct locust__source_range {
    locust__addr first;
    uint32_t n; // addresses in the range
} locust__source_range;

enum { LOCUST__SOURCES_MAX = 64 };

typedef struct locust__sources {
    locust__source_range ranges[LOCUST__SOURCES_MAX];
    int n;
    uint32_t next; // counts connections
} locust__sources;

/* Reads ADDRESS, FIRST-LAST or NETWORK/BITS; of IPv6 only ADDRESS. Changes the text. */
static bool locust__source_parse(locust__source_range *range, char *text)
{
    char *rest = text + strcspn(text, "-/"), kind = *rest;
    const char *end = rest + 1;
    locust__addr last;
    uint32_t first;
    int64_t bits;
    *rest = '\0';
    range->n = 1;
    if (!locust__addr_parse(&range->first, text, 0))
        return false;
    if (!kind)
        return true;
    if (range->first.as.any.sa_family != AF_INET)
        return false;
    first = ntohl(range->first.as.in.sin_addr.s_addr);
    if (kind == '-') {
        if (!locust__addr_parse(&last, rest + 1, 0) || last.as.any.sa_family != AF_INET ||
            ntohl(last.as.in.sin_addr.s_addr) < first)
            return false;
        range->n = ntohl(last.as.in.sin_addr.s_addr) - first + 1;
        return range->n > 0;
    }
    bits = locust__number_whole(&end);
    if (*end || bits < 8 || bits > 32)
        return false;
    range->n = (uint32_t)1 << (32 - bits);
    first &= ~(range->n - 1);
    if (bits < 31) { // without the network's own and its broadcast address
        first++;
        range->n -= 2;
    }
    range->first.as.in.sin_addr.s_addr = htonl(first);
    return true;
}

/* Reads a list of ranges, separated by commas. False: one of them is wrong, or there are too
 * many. */
static bool locust__sources_read(locust__sources *sources, const char *list)
{
    while (*list) {
        char one[128];
        size_t n = strcspn(list, ",");
        if (n >= sizeof one || sources->n == LOCUST__SOURCES_MAX)
            return false;
        memcpy(one, list, n);
        one[n] = '\0';
        if (!locust__source_parse(&sources->ranges[sources->n++], one))
            return false;
        list += n;
        list += *list != '\0';
    }
    return sources->n > 0;
}

/* The next source address of a family, in turn. False: the list has none of that family. */
static bool locust__sources_next(locust__sources *sources, sa_family_t family, locust__addr *source)
{
    uint32_t total = 0, at;
    for (int i = 0; i < sources->n; i++)
        total += sources->ranges[i].first.as.any.sa_family == family ? sources->ranges[i].n : 0;
    if (!total)
        return false;
    at = sources->next++ % total;
    for (int i = 0; i < sources->n; i++) {
        const locust__source_range *range = &sources->ranges[i];
        if (range->first.as.any.sa_family != family)
            continue;
        if (at < range->n) {
            *source = range->first;
            if (family == AF_INET)
                source->as.in.sin_addr.s_addr =
                    htonl(ntohl(range->first.as.in.sin_addr.s_addr) + at);
            break;
        }
        at -= range->n;
    }
    return true;
}
/* ============================================================================================
 * >>net  what all connections of a test share
 *
 * Purpose     limits, counts and source addresses of a test's connections; what a socket's errno
 *             means; advice, once, when the machine has no descriptors or ports left.
 * Names       locust__net_
 * Uses        >>co >>sync >>source
 * Limits      128 connects are in flight at once; further ones wait.
 * ============================================================================================ */

typedef struct locust__net {
    locust__loop *loop;
    locust__sources sources;
    const locust__log *log;
    locust__sem connects; // permits for LOCUST__NET_CONNECTS connects in flight
    int64_t files;        // the limit on descriptors
    int64_t open;         // connected streams
    uint64_t dialled, refused; // connects that ended, and of them those that were refused
    int users;            // number of users that the test asks for, for advice
    bool no_arrivals;     // do not ask the kernel when bytes arrived
    bool advised_files, advised_ports, advised_wait; // each advice is given once
} locust__net;

enum { LOCUST__NET_CONNECTS = 128 };

static void locust__net_init(locust__net *net, locust__loop *loop, const locust__log *log)
{
    memset(net, 0, sizeof *net);
    net->loop = loop;
    net->log = log;
    net->connects.free = LOCUST__NET_CONNECTS;
    net->files = locust__os_raise_files();
}

/* The error for an errno of a socket, given as a positive number. */
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

/* Is the machine out of something that every connection needs? */
static bool locust__net_lacks(locust_error error)
{
    return error == LOCUST_ERR_FILES || error == LOCUST_ERR_PORTS || error == LOCUST_ERR_MEMORY;
}

/* Says once what the machine is out of, and what to do about it. */
static void locust__net_advise(locust__net *net, locust_error error)
{
    if (error == LOCUST_ERR_FILES && !net->advised_files) {
        net->advised_files = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "too many open files after %lld connections: ulimit -n is %lld, "
            "%d users need about %d: raise it (its hard limit too), or use fewer users",
            (long long)net->open, (long long)net->files, net->users, net->users + 64);
    }
    if (error == LOCUST_ERR_PORTS && !net->advised_ports) {
        net->advised_ports = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "no local port left after %lld connections to one destination: a source address has "
            "the ports of net.ipv4.ip_local_port_range (usually 28232): widen it, or use fewer "
            "users",
            (long long)net->open);
    }
}
/* ============================================================================================
 * >>stream  reading and writing a connection, through layers
 *
 * Purpose     blocking-style read and write for coroutines, with deadlines: through the layers of
 *             the stream (TLS, a protocol on it), or straight to the socket if there is none.
 * Invariants  a stream's unread bytes are in the loop's scratch buffer, which lasts until the next
 *             park, or in memory of the stream's own, into which they are moved before a park. So
 *             an idle connection holds no buffer, and whoever returns to the test's code settles
 *             the stream first. A read is tried only when the poller, or a layer, said that it may
 *             find bytes.
 * Cost        one send and one recv a request; no allocation unless bytes arrive in pieces.
 * Names       locust__stream_ locust__layer_
 * Uses        >>co >>switch >>fd >>net
 * Limits      while a body is being sent the answer is not looked at: an early refusal is read when
 *             the peer closes, or after the last byte.
 *
 *   locust__stream_read   takes what is in `in` first
 *     |
 *   s->layer              the top layer, e.g. frames of a protocol
 *     | below
 *   layer                 e.g. TLS
 *     | below: NULL
 *   socket                locust__stream_socket_recv, locust__stream_socket_send
 * ============================================================================================ */

/* A protocol between a stream and its socket. Its owner embeds it and puts it on top of the
 * stream's layers by locust__layer_push; its functions reach what lies under it by
 * locust__layer_recv and locust__layer_send. None of them parks.
 *
 *   recv   gives up to n bytes; *got 0: none now. LOCUST_ERR_CLOSED: the end, and then every time.
 *   send   takes bytes from up to two pieces; *sent 0: no room now. Bytes count as sent once all
 *          that the layer made of them has gone down. A layer that stopped half-way gets the same
 *          bytes again.
 *   close  frees the layer. The layers under it and the socket are still open.
 */
typedef struct locust__layer {
    locust_stream *stream;
    struct locust__layer *below; // NULL: the socket
    locust_error (*recv)(struct locust__layer *layer, char *to, size_t n, size_t *got);
    locust_error (*send)(struct locust__layer *layer, const struct iovec *iov, int n, size_t *sent);
    void (*close)(struct locust__layer *layer);
    bool held; // it has something to give without reading from below
} locust__layer;

struct locust_stream {
    locust__fd fd; // fd.watch.fd < 0: closed
    locust__net *net;
    locust__layer *layer; // the top one; NULL: bytes go to the socket as they are
    bool datagrams;       // a read takes one datagram, and there may be more
    const char *in;       // unread bytes
    size_t in_len;
    char *own; // the memory that `in` points into; NULL: the scratch buffer
    size_t own_cap;
    size_t burst;       // bytes moved since the last park
    int64_t arrived_ns; // when the last bytes read reached this machine; 0: unknown
    int64_t pause_ns;   // the longest wait within a message, until its reader takes it
};

enum { LOCUST__STREAM_BURST = 1 << 20 }; // bytes a coroutine moves before it lets others run

static void locust__stream_init(locust_stream *s, locust__net *net)
{
    memset(s, 0, sizeof *s);
    s->net = net;
    s->fd.watch.fd = -1;
}

static bool locust__stream_is_open(const locust_stream *s)
{
    return s->fd.watch.fd >= 0;
}

static void locust__stream_close(locust_stream *s)
{
    if (!locust__stream_is_open(s))
        return;
    while (s->layer) { // the top one first: what it says at its end goes through those under it
        locust__layer *layer = s->layer;
        s->layer = layer->below;
        layer->close(layer);
    }
    locust__fd_close(s->net->loop, &s->fd);
    s->net->open--;
    LOCUST_FREE(s->own);
    s->own = NULL;
    s->own_cap = s->in_len = 0;
}

/* Takes over a nonblocking, connected or connecting descriptor; closes it if that fails. */
static locust_error locust__stream_adopt(locust_stream *s, int fd)
{
    int on = 1, rc;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // a unix socket refuses; fine
    if (!s->net->no_arrivals)
        locust__os_stamp(fd);
    rc = locust__fd_open(s->net->loop, &s->fd, fd);
    if (rc < 0) {
        close(fd);
        s->fd.watch.fd = -1;
        return locust__net_error(-rc);
    }
    s->net->open++;
    s->in_len = 0;
    s->arrived_ns = s->pause_ns = 0;
    return LOCUST_OK;
}

/* What a wait came to: woken by an event, cancelled, or too late, for which the caller has the
 * word. */
static locust_error locust__stream_woken(enum locust__wake why, locust_error timeout)
{
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED
           : why == LOCUST__WAKE_TIMEOUT ? timeout
                                         : LOCUST_OK;
}

/* Moves unread bytes out of the scratch buffer, before a park or a return to the test's code.
 * Closes the stream if there is no memory for them. */
static locust_error locust__stream_settle(locust_stream *s)
{
    if (!s->in_len && s->own) { // an idle stream holds no buffer
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

/* Where the next bytes go, behind the unread ones, and how many fit. NULL: no memory. */
static char *locust__stream_room(locust_stream *s, size_t *room)
{
    char *scratch = s->net->loop->scratch;
    if (!s->in_len) {
        if (s->own)
            LOCUST_FREE(s->own);
        s->own = NULL;
        s->in = scratch;
    }
    if (!s->own) {
        size_t at = (size_t)(s->in - scratch) + s->in_len;
        *room = LOCUST__LOOP_SCRATCH - at;
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

/* recv that keeps the poller's flags true: a short read means that the socket is empty, unless the
 * peer has hung up and its FIN or error is still to be read. *got 0: no bytes yet. */
static locust_error locust__stream_socket_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    int64_t stamp_ns = 0;
    ssize_t rc;
    do
        rc = s->net->no_arrivals ? LOCUST__SYS(recv)(s->fd.watch.fd, to, n, 0)
                                 : locust__os_recv(s->fd.watch.fd, to, n, &stamp_ns);
    while (rc < 0 && errno == EINTR);
    *got = rc > 0 ? (size_t)rc : 0;
    if (rc > 0)
        s->arrived_ns = stamp_ns ? stamp_ns - s->net->loop->epoch_ns : 0;
    if ((rc < 0 && errno == EAGAIN) || (rc > 0 && *got < n && !s->fd.watch.hup && !s->datagrams))
        s->fd.watch.readable = false;
    if (rc == 0)
        return s->datagrams ? LOCUST_OK : LOCUST_ERR_CLOSED;
    return rc < 0 && errno != EAGAIN ? locust__net_error(errno) : LOCUST_OK;
}

static locust_error locust__stream_recv(locust_stream *s, char *to, size_t n, size_t *got)
{
    locust_error error =
        s->layer ? s->layer->recv(s->layer, to, n, got) : locust__stream_socket_recv(s, to, n, got);
    s->burst += *got;
    return error;
}

/* May a recv find something? Any layer may hold the bytes that the top one asks for. */
static bool locust__stream_is_readable(const locust_stream *s)
{
    for (const locust__layer *layer = s->layer; layer; layer = layer->below)
        if (layer->held)
            return true;
    return s->fd.watch.readable;
}

/* Puts a layer on top of the others. Bytes that the stream has read already did not pass through
 * it: its owner takes them over, or makes sure that there are none. */
LOCUST__UNUSED static void locust__layer_push(locust__layer *layer, locust_stream *s)
{
    layer->stream = s;
    layer->below = s->layer;
    s->layer = layer;
}

/* Reads what lies under a layer. */
LOCUST__UNUSED static locust_error locust__layer_recv(
    const locust__layer *layer, char *to, size_t n, size_t *got)
{
    return layer->below ? layer->below->recv(layer->below, to, n, got)
                        : locust__stream_socket_recv(layer->stream, to, n, got);
}

/* May locust__layer_recv find something? */
LOCUST__UNUSED static bool locust__layer_is_readable(const locust__layer *layer)
{
    for (const locust__layer *below = layer->below; below; below = below->below)
        if (below->held)
            return true;
    return layer->stream->fd.watch.readable;
}

/* True if the stream is idle, so that it may carry another request. `readable` alone cannot tell:
 * it stays set after a read that exactly filled its buffer, and TLS has records without data. If
 * false, close the stream: this call may have consumed a byte. */
static bool locust__stream_is_quiet(locust_stream *s)
{
    char byte;
    size_t got = 0;
    if (s->layer && locust__stream_is_readable(s) && s->layer->recv(s->layer, &byte, 1, &got))
        return false;
    if (!s->layer && s->fd.watch.readable && !s->fd.watch.hup &&
        recv(s->fd.watch.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
        s->fd.watch.readable = false;
    return !got && !locust__stream_is_readable(s) && !s->fd.watch.hup;
}

/* Parks until a recv may find something. A reader that took LOCUST__STREAM_BURST bytes without
 * parking yields instead, so that it neither starves other users nor misses its deadline. */
static locust_error locust__stream_await(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    locust_error error;
    if (!locust__stream_is_open(s))
        return LOCUST_ERR_CLOSED;
    if (locust__stream_is_readable(s) && s->burst < LOCUST__STREAM_BURST)
        return LOCUST_OK;
    error = locust__stream_settle(s);
    if (error)
        return error;
    if (locust__stream_is_readable(s)) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
    } else {
        why = locust__fd_wait_read(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Reads more bytes behind the unread ones; s->in may move. LOCUST_ERR_CLOSED: the stream's end. */
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

/* Drops the first n unread bytes. */
static void locust__stream_take(locust_stream *s, size_t n)
{
    s->in += n;
    s->in_len -= n;
}

/* Gives 1 to n bytes: unread ones if there are any, else it reads straight into `to`. */
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

/* send that keeps the poller's flags true. *sent 0: no room now. */
static locust_error locust__stream_socket_send(
    locust_stream *s, const struct iovec *iov, int n, size_t *sent)
{
    struct msghdr message;
    ssize_t rc;
    memset(&message, 0, sizeof message);
    message.msg_iov = (struct iovec *)(uintptr_t)iov;
    message.msg_iovlen = (__typeof__(message.msg_iovlen))n; // int, unsigned or size_t
    do
        rc = n == 1 ? LOCUST__SYS(send)(
                          s->fd.watch.fd, iov->iov_base, iov->iov_len, LOCUST__OS_SEND_FLAGS)
                    : LOCUST__SYS(sendmsg)(s->fd.watch.fd, &message, LOCUST__OS_SEND_FLAGS);
    while (rc < 0 && errno == EINTR);
    *sent = rc > 0 ? (size_t)rc : 0;
    if (rc >= 0)
        return LOCUST_OK;
    if (errno != EAGAIN)
        return locust__net_error(errno);
    s->fd.watch.writable = false;
    return LOCUST_OK;
}

/* Sends through what lies under a layer. */
LOCUST__UNUSED static locust_error locust__layer_send(
    const locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    return layer->below ? layer->below->send(layer->below, iov, n, sent)
                        : locust__stream_socket_send(layer->stream, iov, n, sent);
}

static locust_error locust__stream_send(
    locust_stream *s, const struct iovec *iov, int n, size_t *sent)
{
    return s->layer ? s->layer->send(s->layer, iov, n, sent)
                    : locust__stream_socket_send(s, iov, n, sent);
}

/* Parks until the socket takes more; yields if it does so already, after a burst of bytes. */
static locust_error locust__stream_await_room(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    enum locust__wake why;
    if (s->fd.watch.writable) {
        why = locust__co_yield(loop);
        if (why == LOCUST__WAKE_EVENT && loop->now_ns >= deadline_ns)
            why = LOCUST__WAKE_TIMEOUT;
    } else {
        why = locust__fd_wait_write(loop, &s->fd, deadline_ns);
    }
    s->burst = 0;
    return locust__stream_woken(why, LOCUST_ERR_TIMEOUT);
}

/* Sends `head` and then `body`. The head may be in the scratch buffer: what is not yet sent of it
 * is copied before the first park. */
static locust_error locust__stream_write(
    locust_stream *s, locust__view head, locust__view body, int64_t deadline_ns) LOCUST__PARKS
{
    char *copy = NULL;
    locust_error error = LOCUST_OK;
    while (!error && head.len + body.len) {
        struct iovec iov[2] = {
            {(void *)(uintptr_t)head.ptr, head.len}, {(void *)(uintptr_t)body.ptr, body.len}};
        size_t sent = 0, of_head;
        if (!locust__stream_is_open(s)) {
            error = LOCUST_ERR_CLOSED;
            break;
        }
        if (s->burst < LOCUST__STREAM_BURST)
            error = locust__stream_send(
                s, head.len ? iov : iov + 1, head.len && body.len ? 2 : 1, &sent);
        if (error)
            break;
        of_head = sent < head.len ? sent : head.len;
        if (of_head)
            head = locust__view_skip(head, of_head);
        if (sent > of_head) // a request without a body has none to point at: NULL + 0 is undefined
            body = locust__view_skip(body, sent - of_head);
        s->burst += sent;
        if (sent)
            continue;
        if (head.len && !copy) {
            copy = locust__text_copy(head.ptr, head.len);
            head.ptr = copy;
            error = copy ? LOCUST_OK : LOCUST_ERR_MEMORY;
        }
        if (!error)
            error = locust__stream_await_room(s, deadline_ns);
    }
    LOCUST_FREE(copy);
    return error;
}
/* ============================================================================================
 * >>allowance  how long an operation may take
 *
 * Purpose     the deadline of an operation, and the time that the generator itself spent on it.
 *             While it waits for a permit (128 connects, one step of a handshake, the connections
 *             of a shared pool), the server has no part in it: the wait is in no response time and
 *             moves the deadline on.
 * Names       locust__allowance_
 * Uses        >>co >>sync
 * ============================================================================================ */

typedef struct locust__allowance {
    int64_t deadline_ns;
    int64_t generator_ns; // waits so far that were the generator's own doing
} locust__allowance;

/* Charges the time since began_ns to the generator. */
static void locust__allowance_charge(locust__allowance *a, int64_t began_ns)
{
    int64_t took_ns = locust__os_now_ns() - began_ns;
    a->deadline_ns = locust__time_after(a->deadline_ns, took_ns);
    a->generator_ns += took_ns;
}

/* Waits for a permit for as long as it takes; only a cancelled coroutine does not get one. */
static locust_error locust__allowance_take(
    locust__allowance *a, locust__loop *loop, locust__sem *permits) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns();
    enum locust__wake why = locust__sem_take(loop, permits, LOCUST__NEVER);
    locust__allowance_charge(a, began_ns);
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED : LOCUST_OK;
}
/* ============================================================================================
 * >>connect  connecting
 *
 * Purpose     a stream to an address, to the first of several addresses that answers, to a unix
 *             socket, or for datagrams.
 * Names       locust__connect_ locust__race_
 * Uses        >>co >>switch >>fd >>sync >>address >>source >>net >>stream >>allowance
 * Sources     RFC 8305 section 5, of which only the delay between two connects is taken.
 * Limits      128 connects are in flight at once, and 8 addresses of a host are tried.
 * ============================================================================================ */

/* Begins to connect a new socket, from the next of the source addresses if the test has some. */
static locust_error locust__connect_begin(locust__net *net, const locust__addr *to, int *out)
{
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_STREAM);
    locust__addr source = {.len = 0};
    locust_error error;
    if (fd < 0)
        return locust__net_error(-fd);
    if (net->sources.n && locust__sources_next(&net->sources, to->as.any.sa_family, &source)) {
        locust__os_late_port(fd);
        if (bind(fd, &source.as.any, source.len) != 0) {
            close(fd);
            return LOCUST_ERR_SOURCE;
        }
    }
    if (locust__addr_connect(fd, to) != 0 && errno != EINPROGRESS) {
        // EAGAIN: the backlog of a unix socket is full.
        error = errno == EAGAIN ? LOCUST_ERR_REFUSED : locust__net_error(errno);
        close(fd);
        return error;
    }
    *out = fd;
    return LOCUST_OK;
}

/* How the connect ended: a socket becomes writable when it has succeeded or failed. */
static locust_error locust__connect_result(int fd)
{
    int failed = 0;
    socklen_t len = sizeof failed;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0 || !failed)
        return LOCUST_OK;
    return failed == ETIMEDOUT ? LOCUST_ERR_CONNECT_TIMEOUT : locust__net_error(failed);
}

static locust_error locust__connect_one(
    locust_stream *s, const locust__addr *to, int64_t deadline_ns) LOCUST__PARKS
{
    int fd = -1;
    locust_error error = locust__connect_begin(s->net, to, &fd);
    if (!error)
        error = locust__stream_adopt(s, fd);
    if (error)
        return error;
    while (!error && !s->fd.watch.writable)
        error = locust__stream_woken(
            locust__fd_wait_write(s->net->loop, &s->fd, deadline_ns), LOCUST_ERR_CONNECT_TIMEOUT);
    if (!error)
        error = locust__connect_result(fd);
    if (error)
        locust__stream_close(s);
    return error;
}

enum { LOCUST__RACE_MAX = 8 };

typedef struct
    locust__race { // connects to several addresses, the next begun while the first ones run
    locust__fd fds[LOCUST__RACE_MAX]; // one for each address; watch.fd < 0: not begun, or failed
    int begun, running;               // addresses tried so far; connects in progress
    locust_error error;               // of the connect that failed last
} locust__race;

/* Begins to connect to the next address, or to the one behind it if that fails at once. */
static void locust__race_begin(locust__race *race, locust__net *net, const locust__addr *to, int n)
{
    while (race->begun < n) {
        locust__fd *f = &race->fds[race->begun];
        int fd = -1, rc;
        race->error = locust__connect_begin(net, &to[race->begun++], &fd);
        if (race->error)
            continue;
        rc = locust__fd_open(net->loop, f, fd);
        if (rc == 0) {
            race->running++;
            return;
        }
        close(fd);
        f->watch.fd = -1;
        race->error = locust__net_error(-rc);
    }
}

/* The index of a socket that has connected; -1: none yet. Closes sockets that failed. */
static int locust__race_winner(locust__race *race, locust__loop *loop)
{
    for (int i = 0; i < race->begun; i++) {
        locust__fd *f = &race->fds[i];
        if (f->watch.fd < 0 || !f->watch.writable)
            continue;
        race->error = locust__connect_result(f->watch.fd);
        if (!race->error)
            return i;
        locust__fd_close(loop, f);
        f->watch.fd = -1;
        race->running--;
    }
    return -1;
}

/* Connects to the first of several addresses that answers. The next address is tried as well when
 * one before it has failed, or when none has answered for a quarter of a second. */
static locust_error locust__connect_race(
    locust_stream *s, const locust__addr *to, int n, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    locust__race *race =
        locust__memory_zalloc(sizeof *race); // not on the stack: the poller keeps pointers
    locust_error error;
    int winner = -1, fd = -1;
    if (!race)
        return LOCUST_ERR_MEMORY;
    for (int i = 0; i < LOCUST__RACE_MAX; i++)
        race->fds[i].watch.fd = -1;
    n = n < LOCUST__RACE_MAX ? n : LOCUST__RACE_MAX;
    locust__race_begin(race, s->net, to, n);
    while (race->running && winner < 0) {
        int64_t next_ns = race->begun < n ? locust__os_now_ns() + LOCUST__S / 4 : LOCUST__NEVER;
        int running = race->running;
        enum locust__wake why = locust__fd_wait_any_write(
            loop, race->fds, race->begun, next_ns < deadline_ns ? next_ns : deadline_ns);
        winner = locust__race_winner(race, loop);
        if (winner < 0 && (why == LOCUST__WAKE_CANCELLED || loop->now_ns >= deadline_ns)) {
            race->error =
                locust__stream_woken(why == LOCUST__WAKE_CANCELLED ? why : LOCUST__WAKE_TIMEOUT,
                    LOCUST_ERR_CONNECT_TIMEOUT);
            break;
        }
        if (winner < 0 && (why == LOCUST__WAKE_TIMEOUT || race->running < running))
            locust__race_begin(race, s->net, to, n);
    }
    for (int i = 0; i < race->begun; i++)
        if (i == winner)
            fd = locust__fd_release(loop, &race->fds[i]);
        else if (race->fds[i].watch.fd >= 0)
            locust__fd_close(loop, &race->fds[i]);
    error = winner < 0 ? race->error : locust__stream_adopt(s, fd);
    LOCUST_FREE(race);
    return error;
}

/* Out of descriptors, ports or memory: says so once, then parks this user for a second. Failing in
 * a loop would only take CPU from users that still work. */
static void locust__connect_pause(
    locust__net *net, locust_error error, locust__allowance *a) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns();
    locust__net_advise(net, error);
    locust__co_sleep(net->loop, began_ns + LOCUST__S);
    locust__allowance_charge(a, began_ns);
}

/* Waits until fewer than LOCUST__NET_CONNECTS connects are in flight; says so once if that takes
 * long. */
static locust_error locust__connect_take_permit(
    locust__net *net, locust__allowance *a) LOCUST__PARKS
{
    int64_t before_ns = a->generator_ns;
    locust_error error = locust__allowance_take(a, net->loop, &net->connects);
    if (a->generator_ns - before_ns > LOCUST__S && !net->advised_wait) {
        net->advised_wait = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "users wait for their turn to connect: %d connects are in flight and the server does "
            "not take them any faster; the wait is in no response time",
            LOCUST__NET_CONNECTS);
    }
    return error;
}

/* Opens a datagram socket that sends to one address and receives from it alone. */
static locust_error locust__connect_udp(locust_stream *s, const locust__addr *to)
{
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_DGRAM);
    locust_error error;
    if (fd < 0)
        return locust__net_error(-fd);
    if (connect(fd, &to->as.any, to->len) < 0) {
        error = locust__net_error(errno);
        close(fd);
        return error;
    }
    error = locust__stream_adopt(s, fd);
    s->datagrams = !error;
    return error;
}

/* Connects to the first of n addresses that answers, once it has a permit. */
static locust_error locust__connect_dial(
    locust_stream *s, const locust__addr *to, int n, locust__allowance *a) LOCUST__PARKS
{
    locust__net *net = s->net;
    locust_error error = locust__connect_take_permit(net, a);
    if (error)
        return error;
    error = n == 1 ? locust__connect_one(s, to, a->deadline_ns)
                   : locust__connect_race(s, to, n, a->deadline_ns);
    locust__sem_give(net->loop, &net->connects);
    net->dialled += error != LOCUST_ERR_CANCELLED;
    net->refused += error == LOCUST_ERR_REFUSED;
    if (locust__net_lacks(error))
        locust__connect_pause(net, error, a);
    return error;
}
/* ============================================================================================
 * >>listen  servers, for tools and the kit's own endpoints
 *
 * Purpose     listen and accept in a coroutine. A load test does neither: these are for servers of
 *             tests and tools, and for what the kit itself serves.
 * Names       locust__listen_
 * Uses        >>switch >>fd >>address >>net >>stream
 * ============================================================================================ */

/* Listens on an address. With port 0 the system chooses one, which `to` gets. */
LOCUST__UNUSED static locust_error locust__listen_open(
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

/* Waits for a connection. Out of descriptors or memory, it tries again every 10 ms. */
LOCUST__UNUSED static locust_error locust__listen_accept(
    locust__net *net, locust__fd *listener, locust_stream *s) LOCUST__PARKS
{
    for (;;) {
        int fd = locust__os_accept(listener->watch.fd);
        locust_error error;
        if (fd >= 0) {
            locust__stream_init(s, net);
            return locust__stream_adopt(s, fd);
        }
        if (fd == -EAGAIN) {
            listener->watch.readable = false;
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
 * >>resolve  what is known of host names, and the files that say more
 *
 * Purpose     the names that the test has met, with their addresses; the hosts file; the name
 *             servers and options of resolv.conf. getaddrinfo would stall the loop, and glibc's
 *             needs shared libraries even in a static program.
 * Invariants  a host lives as long as its test. Its IPv4 addresses stand before its IPv6 ones. An
 *             answer is valid for its TTL, a failure for a second.
 * Cost        the hosts file is read once a lookup, resolv.conf once a test.
 * Names       locust__host_ locust__resolver_
 * Uses        >>co >>fd >>address >>net
 * Sources     RFC 6761 (localhost), resolv.conf(5), hosts(5).
 * Limits      eight addresses for a name. No nsswitch.conf, no mDNS.
 * ============================================================================================ */

enum {
    LOCUST__HOST_ADDRS = 8,
    LOCUST__RESOLVER_SERVERS = 3,
    LOCUST__RESOLVER_SEARCH = 6,
    LOCUST__HOST_NAME = 254
};

typedef struct locust__host { // a name and what is known of it
    struct locust__host *next;
    locust__addr addrs[LOCUST__HOST_ADDRS]; // port 0
    int n_addrs;
    int64_t expires_ns; // until when addresses and error are valid
    locust_error error;
    int port;      // of a name that --resolve pinned for one port; 0: any
    unsigned turn; // counts connections: which address goes first
    struct locust__resolver *resolver;
    locust__co *lookup;    // the coroutine that looks the name up; NULL: there is none
    locust__fd fd;         // its socket
    locust__queue waiters; // coroutines that wait for its end
    char name[];
} locust__host;

typedef struct locust__resolver {
    locust__net *net;
    locust__arena *arena; // of the hosts
    locust__host *hosts;
    const char *hosts_path, *resolv_path;
    locust__wait_group lookups;
    bool loaded; // resolv.conf was read
    locust__addr servers[LOCUST__RESOLVER_SERVERS];
    int n_servers, timeout_s, attempts, ndots;
    char search[LOCUST__RESOLVER_SEARCH][LOCUST__HOST_NAME];
    int n_search;
} locust__resolver;

static void locust__resolver_init(locust__resolver *r, locust__net *net, locust__arena *arena)
{
    memset(r, 0, sizeof *r);
    r->net = net;
    r->arena = arena;
    r->hosts_path = "/etc/hosts";
    r->resolv_path = "/etc/resolv.conf";
    r->timeout_s = 5;
    r->attempts = 2;
    r->ndots = 1;
}

/* Adds an address: IPv4 before IPv6, each kind in the order in which it came. */
static void locust__host_add(locust__host *host, const locust__addr *addr)
{
    int at = host->n_addrs;
    if (at == LOCUST__HOST_ADDRS)
        return;
    for (; at && addr->as.any.sa_family == AF_INET &&
           host->addrs[at - 1].as.any.sa_family == AF_INET6;
         at--)
        host->addrs[at] = host->addrs[at - 1];
    host->addrs[at] = *addr;
    host->n_addrs++;
}

/* Is it "localhost" or a name below it? These are local whatever DNS says: RFC 6761 6.3. */
static bool locust__host_is_local(const char *name)
{
    size_t n = strlen(name), local = sizeof "localhost" - 1;
    n -= n && name[n - 1] == '.';
    return n >= local && strncasecmp(name + n - local, "localhost", local) == 0 &&
           (n == local || name[n - local - 1] == '.');
}

/* Adds the addresses that the hosts file has for a name; localhost is known without it. */
static void locust__resolver_hosts(const locust__resolver *r, locust__host *host)
{
    locust__buf text = locust__os_read_file(r->hosts_path, 1 << 20);
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
    if (!host->n_addrs && locust__host_is_local(host->name)) {
        locust__addr_parse(&addr, "127.0.0.1", 0);
        locust__host_add(host, &addr);
    }
}

/* Takes over a word behind "options", if it is one that matters here. */
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
            const char *text = word + len;
            int64_t value = locust__number_whole(&text);
            *fields[i] = value < 0 ? 0 : value > known[i].max ? known[i].max : (int)value;
        }
    }
}

/* Reads resolv.conf. */
static void locust__resolver_load(locust__resolver *r)
{
    locust__buf text = locust__os_read_file(r->resolv_path, 1 << 20);
    char *line_end = NULL, *word_end = NULL;
    for (char *line = text.ptr ? strtok_r(text.ptr, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        char *key = strtok_r(line, " \t\r", &word_end), *word;
        if (!key)
            continue;
        if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0)
            r->n_search = 0; // the last such line counts
        while ((word = strtok_r(NULL, " \t\r", &word_end)) != NULL) {
            if (strcmp(key, "nameserver") == 0 && r->n_servers < LOCUST__RESOLVER_SERVERS)
                r->n_servers += locust__addr_parse(&r->servers[r->n_servers], word, 53);
            else if (strcmp(key, "options") == 0)
                locust__resolver_option(r, word);
            else if ((strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) &&
                     r->n_search < LOCUST__RESOLVER_SEARCH && strlen(word) < LOCUST__HOST_NAME)
                memcpy(r->search[r->n_search++], word, strlen(word) + 1);
        }
    }
    locust__buf_free(&text);
    if (r->timeout_s < 1)
        r->timeout_s = 1;
    if (r->attempts < 1)
        r->attempts = 1;
    if (!r->n_servers) { // as resolv.conf(5) has it
        locust__addr_parse(&r->servers[0], "127.0.0.1", 53);
        r->n_servers = 1;
    }
    r->loaded = true;
}
/* ============================================================================================
 * >>dns  messages of DNS
 *
 * Purpose     write a query; read the addresses in its answer, and the shortest time that one is
 *             valid.
 * Invariants  nothing is read outside the message, and no compression pointer is followed: the kit
 *             needs the records' data, not their names.
 * Names       locust__dns_
 * Uses        >>address >>resolve
 * Sources     RFC 1035 section 4, RFC 3596 (AAAA).
 *
 *   0      2      4          6        8            10          12
 *   | id   | flags| questions| answers| authorities| additional| question, answers, ...
 * ============================================================================================ */

enum { LOCUST__DNS_A = 1, LOCUST__DNS_AAAA = 28, LOCUST__DNS_IN = 1, LOCUST__DNS_MAX = 512 };

enum { // in the flags, RFC 1035 4.1.1
    LOCUST__DNS_RESPONSE = 0x8000,
    LOCUST__DNS_TRUNCATED = 0x0200,
    LOCUST__DNS_RECURSE = 0x0100,
    LOCUST__DNS_CODE = 0x000F
};

/* A query in `out`, of LOCUST__DNS_MAX bytes. Returns its length; 0: DNS has no such names. */
static size_t locust__dns_query(unsigned char *out, unsigned id, const char *name, int type)
{
    locust__bytes_writer w = locust__bytes_writer_of(out, LOCUST__DNS_MAX);
    size_t name_len = strlen(name);
    if (name_len && name[name_len - 1] == '.')
        name_len--;
    if (!name_len || name_len > 253)
        return 0;
    locust__bytes_put_u16(&w, id);
    locust__bytes_put_u16(&w, LOCUST__DNS_RECURSE);
    locust__bytes_put_u16(&w, 1); // question
    for (int i = 0; i < 3; i++)
        locust__bytes_put_u16(&w, 0); // no answers, authorities, additional records
    for (size_t at = 0; at <= name_len;) {
        size_t label = 0;
        while (at + label < name_len && name[at + label] != '.')
            label++;
        if (!label || label > 63)
            return 0;
        locust__bytes_put_u8(&w, (unsigned)label);
        locust__bytes_add(&w, name + at, label);
        at += label + 1;
    }
    locust__bytes_put_u8(&w, 0);
    locust__bytes_put_u16(&w, (unsigned)type);
    locust__bytes_put_u16(&w, LOCUST__DNS_IN);
    return w.failed ? 0 : w.len;
}

/* Skips a name: labels up to an empty one or a compression pointer, which ends it. */
static void locust__dns_skip_name(locust__bytes_reader *r)
{
    unsigned length;
    do {
        length = locust__bytes_get_u8(r);
        if ((length & 0xC0) == 0xC0) { // a pointer of two bytes
            locust__bytes_skip(r, 1);
            return;
        }
        if (length & 0xC0) // reserved
            r->failed = true;
        locust__bytes_skip(r, length);
    } while (length && !r->failed);
}

/* Is `m` the answer to query `q`? A server may change the case of the name's letters, nothing
 * else. */
static bool locust__dns_answers(
    const unsigned char *m, size_t n, const unsigned char *q, size_t q_len)
{
    locust__bytes_reader answer = locust__bytes_reader_of(m, n),
                         query = locust__bytes_reader_of(q, q_len);
    bool same_id = locust__bytes_get_u16(&answer) == locust__bytes_get_u16(&query);
    bool response = locust__bytes_get_u16(&answer) & LOCUST__DNS_RESPONSE;
    bool one_question = locust__bytes_get_u16(&answer) == 1;
    if (n < q_len || !same_id || !response || !one_question)
        return false;
    for (size_t i = 12; i < q_len; i++)
        if (locust__text_lower((char)m[i]) != locust__text_lower((char)q[i]))
            return false;
    return true;
}

/* Did the server cut the message, so that it fits into a packet? */
static bool locust__dns_is_truncated(const unsigned char *m, size_t n)
{
    locust__bytes_reader r = locust__bytes_reader_of(m, n);
    locust__bytes_skip(&r, 2);
    return locust__bytes_get_u16(&r) & LOCUST__DNS_TRUNCATED;
}

/* The address in a record's data. False: the record has none. */
static bool locust__dns_address(
    locust__addr *addr, unsigned type, const unsigned char *data, size_t n)
{
    memset(addr, 0, sizeof *addr);
    if (type == LOCUST__DNS_A && n == 4) {
        addr->as.in.sin_family = AF_INET;
        memcpy(&addr->as.in.sin_addr, data, n);
        addr->len = sizeof addr->as.in;
    } else if (type == LOCUST__DNS_AAAA && n == 16) {
        addr->as.in6.sin6_family = AF_INET6;
        memcpy(&addr->as.in6.sin6_addr, data, n);
        addr->len = sizeof addr->as.in6;
    }
    return addr->len > 0;
}

/* Adds the addresses of an answer, whose records begin at `at`, to the host; lowers *ttl_s to the
 * shortest time to live. A CNAME chain need not be followed: the server put the addresses at its
 * end into the same answer. Records behind one that is cut off are ignored. */
static locust_error locust__dns_read(
    locust__host *host, const unsigned char *m, size_t n, size_t at, int64_t *ttl_s)
{
    locust__bytes_reader r = locust__bytes_reader_of(m, n), head = r;
    unsigned code, count;
    locust__bytes_skip(&head, 2); // id
    code = locust__bytes_get_u16(&head) & LOCUST__DNS_CODE;
    locust__bytes_skip(&head, 2); // questions
    count = locust__bytes_get_u16(&head);
    locust__bytes_skip(&r, at);
    if (code == 3)
        return LOCUST_ERR_NAME;
    if (code != 0)
        return LOCUST_ERR_NAME_SERVER;
    for (; count > 0; count--) {
        locust__addr addr;
        const unsigned char *data;
        unsigned type, class, len;
        uint32_t ttl;
        locust__dns_skip_name(&r);
        type = locust__bytes_get_u16(&r);
        class = locust__bytes_get_u16(&r);
        ttl = locust__bytes_get_u32(&r);
        len = locust__bytes_get_u16(&r);
        data = locust__bytes_take(&r, len);
        if (r.failed)
            break;
        if (class != LOCUST__DNS_IN || !locust__dns_address(&addr, type, data, len))
            continue;
        locust__host_add(host, &addr);
        if (ttl >> 31) // RFC 2181 section 8
            ttl = 0;
        if (ttl < *ttl_s)
            *ttl_s = ttl;
    }
    return LOCUST_OK;
}
/* ============================================================================================
 * >>question  asking name servers
 *
 * Purpose     asks the servers of resolv.conf, one after the other, for the addresses of a name: A
 *             and AAAA at once by UDP, and what was cut off once more by TCP; tries the search
 *             domains.
 * Cost        two UDP packets for each name asked for.
 * Names       locust__question_
 * Uses        >>co >>switch >>fd >>address >>net >>stream >>connect >>resolve >>dns
 * Sources     RFC 1035, RFC 7766 (TCP), RFC 4074 (servers that fail on AAAA), resolv.conf(5).
 * ============================================================================================ */

typedef struct locust__question { // for A or AAAA of a name
    unsigned char query[LOCUST__DNS_MAX];
    size_t len;
    bool answered, truncated;
    locust_error error; // what its answer says
} locust__question;

static locust_error locust__question_send(
    locust__question *q, locust__loop *loop, int fd, const char *name, int type)
{
    unsigned id = (unsigned)locust__random(&loop->random) & 0xFFFF;
    q->answered = q->truncated = false;
    q->error = LOCUST_OK;
    q->len = locust__dns_query(q->query, id, name, type);
    if (!q->len)
        return LOCUST_ERR_NAME;
    return send(fd, q->query, q->len, LOCUST__OS_SEND_FLAGS) < 0 ? LOCUST_ERR_NAME_SERVER
                                                                 : LOCUST_OK;
}

/* Takes messages until both questions have their answers; ignores what answers neither. */
static locust_error locust__question_wait(
    locust__host *host, locust__question q[2], int64_t deadline_ns, int64_t *ttl_s) LOCUST__PARKS
{
    locust__loop *loop = host->resolver->net->loop;
    while (!(q[0].answered && q[1].answered)) {
        unsigned char *m = (unsigned char *)loop->scratch;
        locust_error error = locust__stream_woken(
            locust__fd_wait_read(loop, &host->fd, deadline_ns), LOCUST_ERR_NAME_TIMEOUT);
        ssize_t n = error ? 0 : recv(host->fd.watch.fd, m, LOCUST__LOOP_SCRATCH, 0);
        if (error)
            return error;
        if (n < 0) {
            host->fd.watch.readable = false;
            if (errno != EAGAIN)
                return LOCUST_ERR_NAME_SERVER; // ICMP: nothing listens there
            continue;
        }
        for (int i = 0; i < 2; i++)
            if (!q[i].answered && locust__dns_answers(m, (size_t)n, q[i].query, q[i].len)) {
                q[i].answered = true;
                q[i].truncated = locust__dns_is_truncated(m, (size_t)n);
                if (!q[i].truncated)
                    q[i].error = locust__dns_read(host, m, (size_t)n, q[i].len, ttl_s);
            }
        if (locust__co_yield(loop) ==
            LOCUST__WAKE_CANCELLED) // a flood of packets must not stop others
            return LOCUST_ERR_CANCELLED;
        if (loop->now_ns >= deadline_ns && !(q[0].answered && q[1].answered))
            return LOCUST_ERR_NAME_TIMEOUT;
    }
    // Some servers refuse AAAA and answer A, RFC 4074: one address is enough.
    return host->n_addrs ? LOCUST_OK : q[0].error ? q[0].error : q[1].error;
}

/* Asks a question again over TCP, whose answer did not fit into a packet. Each message has its
 * length in two bytes in front, RFC 7766. */
static locust_error locust__question_ask_tcp(locust__question *q, locust_stream *s,
    const locust__addr *server, locust__host *host, int64_t deadline_ns,
    int64_t *ttl_s) LOCUST__PARKS
{
    unsigned char size[2];
    locust__bytes_writer w = locust__bytes_writer_of(size, sizeof size);
    locust_error error = locust__connect_one(s, server, deadline_ns);
    size_t n = sizeof size;
    locust__bytes_put_u16(&w, (unsigned)q->len);
    if (!error)
        error = locust__stream_write(s, (locust__view){(char *)size, sizeof size},
            (locust__view){(char *)q->query, q->len}, deadline_ns);
    while (!error && s->in_len < n) {
        error = locust__stream_fill(s, deadline_ns);
        if (!error && s->in_len >= sizeof size) {
            locust__bytes_reader r = locust__bytes_reader_of(s->in, s->in_len);
            n = sizeof size + locust__bytes_get_u16(&r);
        }
    }
    if (!error) {
        const unsigned char *m = (const unsigned char *)s->in + sizeof size;
        n -= sizeof size;
        error = locust__dns_answers(m, n, q->query, q->len)
                    ? locust__dns_read(host, m, n, q->len, ttl_s)
                    : LOCUST_ERR_NAME_SERVER;
    }
    locust__stream_close(s);
    return error;
}

/* Asks again over TCP what was truncated. */
static locust_error locust__question_ask_tcp_if(locust__question q[2], locust__resolver *r,
    const locust__addr *server, locust__host *host, int64_t deadline_ns,
    int64_t *ttl_s) LOCUST__PARKS
{
    locust_stream *s;
    locust_error error = LOCUST_OK;
    if (!q[0].truncated && !q[1].truncated)
        return LOCUST_OK;
    s = LOCUST_MALLOC(sizeof *s);
    if (!s)
        return LOCUST_ERR_MEMORY;
    locust__stream_init(s, r->net);
    for (int i = 0; i < 2; i++)
        if (q[i].truncated && error != LOCUST_ERR_CANCELLED)
            error = locust__question_ask_tcp(&q[i], s, server, host, deadline_ns, ttl_s);
    LOCUST_FREE(s);
    return error;
}

/* Asks one server for A and AAAA. LOCUST_OK: it answered, with or without addresses. */
static locust_error locust__question_ask(locust__resolver *r, const locust__addr *server,
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
    if (!error)
        error = locust__question_ask_tcp_if(q, r, server, host, deadline_ns, ttl_s);
    return host->n_addrs && error != LOCUST_ERR_CANCELLED ? LOCUST_OK : error;
}

/* Asks the servers one after the other for exactly this name, until one knows, or knows that it
 * does not exist. */
static locust_error locust__question_name(
    locust__resolver *r, const char *name, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    locust_error error = LOCUST_ERR_NAME_SERVER;
    for (int attempt = 0; attempt < r->attempts; attempt++)
        for (int i = 0; i < r->n_servers; i++) {
            error = locust__question_ask(r, &r->servers[i], name, host, ttl_s);
            if (!error)
                return host->n_addrs ? LOCUST_OK : LOCUST_ERR_NAME;
            if (error == LOCUST_ERR_NAME || error == LOCUST_ERR_CANCELLED)
                return error;
        }
    return error;
}

/* Asks for the name as it is and in the search domains, in the order of resolv.conf(5): first as it
 * is if it has `ndots` dots, else last. */
static locust_error locust__question_search(
    locust__resolver *r, locust__host *host, int64_t *ttl_s) LOCUST__PARKS
{
    size_t len = strlen(host->name);
    bool absolute = len && host->name[len - 1] == '.';
    int dots = 0, tries = absolute ? 1 : r->n_search + 1;
    locust_error error = LOCUST_ERR_NAME;
    for (const char *c = host->name; *c; c++)
        dots += *c == '.';
    for (int i = 0; i < tries && error == LOCUST_ERR_NAME; i++) {
        char full[2 * LOCUST__HOST_NAME];
        int domain = absolute || dots >= r->ndots ? i - 1 : i < r->n_search ? i : -1;
        if (len >= LOCUST__HOST_NAME)
            break;
        if (domain >= 0)
            snprintf(full, sizeof full, "%s.%s", host->name, r->search[domain]);
        else
            memcpy(full, host->name, len + 1);
        error = locust__question_name(r, full, host, ttl_s);
    }
    return error;
}

/* The coroutine that looks a name up: hosts file, then DNS. Wakes whoever waits for the name. */
LOCUST__APART static void locust__question_look_up(void *arg)
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
        host->error = locust__question_search(r, host, &ttl_s);
    if (host->error || ttl_s < 1)
        ttl_s = 1;
    host->expires_ns = locust__os_now_ns() + ttl_s * LOCUST__S;
    if (host->error == LOCUST_ERR_CANCELLED)
        host->expires_ns = 0; // the next run asks again
    host->lookup = NULL;
    while (host->waiters.first)
        locust__co_wake(r->net->loop, host->waiters.first, LOCUST__WAKE_EVENT);
}
/* ============================================================================================
 * >>lookup  a host name on its way to a connection
 *
 * Purpose     finds what is known of a name, looks it up if that is too old, and connects to its
 *             addresses; --resolve.
 * Invariants  at most one lookup of a name runs, in a coroutine of its own. All that need the name
 *             wait for it, each until its own deadline; the lookup goes on if one of them gives up.
 * Names       locust__lookup_
 * Uses        >>co >>switch >>sync >>address >>net >>stream >>allowance >>connect >>resolve
 *             >>question
 * ============================================================================================ */

/* Ends the lookups that run. No user waits for them any more. */
static void locust__lookup_stop(locust__resolver *r) LOCUST__PARKS
{
    for (locust__host *host = r->hosts; host; host = host->next)
        if (host->lookup)
            locust__co_cancel(r->net->loop, host->lookup);
    locust__wait_group_join(r->net->loop, &r->lookups, LOCUST__NEVER);
}

/* What is known of a name for a port; NULL: nothing. Pinned names stand first: a test pins before
 * it looks up. */
static locust__host *locust__lookup_find(locust__resolver *r, const char *name, int port)
{
    locust__host *host = r->hosts;
    while (host && ((host->port && host->port != port) ||
                       (strcasecmp(host->name, name) != 0 && strcmp(host->name, "*") != 0)))
        host = host->next;
    return host;
}

static locust__host *locust__lookup_add(locust__resolver *r, const char *name)
{
    size_t len = strlen(name);
    locust__host *host = locust__arena_zalloc(r->arena, sizeof *host + len + 1), **last = &r->hosts;
    if (!host)
        return NULL;
    memcpy(host->name, name, len + 1);
    host->resolver = r;
    while (*last)
        last = &(*last)->next;
    *last = host;
    return host;
}

/* Pins names: HOST:PORT:ADDRESS[,ADDRESS...], several separated by blanks, as curl's --resolve has
 * it. False: wrong, or no memory. */
static bool locust__lookup_pin(locust__resolver *r, const char *text)
{
    char *copy = locust__text_copy(text, strlen(text)), *at = NULL, *comma;
    bool good = copy != NULL;
    for (char *p = good ? strtok_r(copy, " ", &at) : NULL; p && good;
         p = strtok_r(NULL, " ", &at)) {
        char *colon = strchr(p, ':'), *one;
        const char *end = colon ? colon + 1 : p;
        int64_t port = locust__number_whole(&end);
        locust__host *host;
        good = colon && colon > p && *end == ':' && port > 0 && port <= 65535;
        if (!good)
            break;
        *colon = '\0';
        host = locust__lookup_add(r, p);
        good = host != NULL;
        for (one = good ? strtok_r(p + (end - p) + 1, ",", &comma) : NULL; one && good;
             one = strtok_r(NULL, ",", &comma)) {
            locust__addr addr;
            size_t len = strlen(one);
            if (*one == '[' && len && one[len - 1] == ']') {
                one[len - 1] = '\0';
                one++;
            }
            good = locust__addr_parse(&addr, one, 0);
            if (good)
                locust__host_add(host, &addr);
        }
        good = good && host->n_addrs;
        if (good) {
            host->port = (int)port;
            host->expires_ns = LOCUST__NEVER;
        }
    }
    LOCUST_FREE(copy);
    return good;
}

/* What is known of a name, looked up first if it is new or its TTL is over. *out stays valid as
 * long as the test; a later lookup changes the addresses in it. */
static locust_error locust__lookup_host(locust__resolver *r, const char *name, int port,
    int64_t deadline_ns, locust__host **out) LOCUST__PARKS
{
    locust__loop *loop = r->net->loop;
    locust__host *host = locust__lookup_find(r, name, port);
    if (!host) {
        host = locust__lookup_add(r, name);
        if (!host)
            return LOCUST_ERR_MEMORY;
        if (locust__addr_parse(&host->addrs[0], name, 0)) {
            host->n_addrs = 1;
            host->expires_ns = LOCUST__NEVER;
        }
    }
    while (host->lookup || loop->now_ns >= host->expires_ns) {
        locust_error error;
        if (!host->lookup)
            host->lookup = locust__co_start(
                loop, "the name lookup", 0, locust__question_look_up, host, &r->lookups);
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

/* The addresses of a host in the order to try them: IPv4 and IPv6 take turns (RFC 8305 section 4).
 * Each call begins one address further, so that all get the same share of the connections. */
static int locust__lookup_order(locust__host *host, int port, locust__addr out[LOCUST__HOST_ADDRS])
{
    int four = 0, n = host->n_addrs, turn = host->turn++ & INT_MAX, used[2] = {0, 0}, count[2];
    while (four < n && host->addrs[four].as.any.sa_family == AF_INET)
        four++;
    count[0] = four;
    count[1] = n - four;
    for (int i = 0, kind = four == 0; i < n; i++) {
        int at = (turn + used[kind]++) % count[kind];
        out[i] = host->addrs[kind ? four + at : at];
        locust__addr_set_port(&out[i], port);
        if (used[!kind] < count[!kind])
            kind = !kind;
    }
    return n;
}

/* Connects to a host. *known_ns: when its addresses were known; untouched if they were known
 * before. */
static locust_error locust__lookup_dial(locust__resolver *r, locust_stream *s, const char *name,
    int port, locust__allowance *a, int64_t *known_ns) LOCUST__PARKS
{
    locust__addr addrs[LOCUST__HOST_ADDRS];
    locust__host *host = NULL;
    uint64_t turn = r->net->loop->turn; // a lookup parks, and so ends in a later turn
    locust_error error = locust__lookup_host(r, name, port, a->deadline_ns, &host);
    int n = error ? 0 : locust__lookup_order(host, port, addrs);
    if (r->net->loop->turn != turn)
        *known_ns = locust__os_now_ns();
    if (locust__net_lacks(error))
        locust__connect_pause(r->net, error, a);
    return error ? error : locust__connect_dial(s, addrs, n, a);
}
/* ============================================================================================
 * >>tls  TLS 1.2 and 1.3 by mbedTLS
 *
 * Purpose     puts TLS on a connected stream, as a layer; verifies the server; resumes sessions.
 *             This part has what the rest of the kit needs whether or not TLS is compiled in.
 * Invariants  mbedTLS runs on the loop's stack only, for a user's is too small. It verifies nothing
 *             itself: locust__tls_verify does, before the first byte of a request is sent. A closed
 *             connection leaves nothing but its session, and only if the server was verified or
 *             need not be.
 * Cost        a handshake 1 to 8 ms of CPU, resumed 0.1 to 1 ms; 38 to 46 KB for each open
 *             connection with a distribution's mbedTLS, 28 to 34 KB with that of tools/mbedtls.sh.
 * Names       locust__tls_counts_ locust__tls_handshakes_ locust__tls_how_ locust__tls_needed_
 *             locust__tls_options_
 * Sources     RFC 5246, RFC 8446, RFC 6066 3 (SNI), RFC 7301 (ALPN), RFC 9525 (names); mbedTLS
 *             2.28.3, 3.6.6, 3.6.7 and 4.0 as they behave.
 * Limits      no revocation (CRL, OCSP), no key update, no renegotiation, no TLS on TLS (all
 *             connections share a buffer). The largest step of a handshake holds the loop for as
 *             long as it takes; no more than one step is made in a turn of the loop.
 * ============================================================================================ */

typedef struct locust__tls_how { // what to make a connection with; the texts outlive the test
    const char *ca_file;         // NULL: the system's
    const char *cert_file, *key_file;
    bool insecure;
    bool http; // offer http/1.1 by ALPN
} locust__tls_how;

typedef struct locust__tls_options { // of a test
    const char *min, *max, *ciphers;
    bool no_resume;
    int max_handshakes;
} locust__tls_options;

typedef struct locust__tls_counts { // of handshakes that succeeded
    uint64_t full, resumed;
    int64_t full_ns, resumed_ns; // time on the CPU
} locust__tls_counts;

enum { LOCUST__TLS_HANDSHAKES = 128 }; // in progress at once, by default

static const char locust__tls_needed[] =
    "https needs TLS, and so does tls://: compile the test with -DLOCUST_TLS and link it with "
    "-lmbedtls -lmbedx509 -lmbedcrypto (Debian: apt-get install libmbedtls-dev)";
#if LOCUST__WITH_TLS
/* ============================================================================================
 * >>tls_state  what TLS keeps: of a test, a configuration, a connection
 *
 * Purpose     the types of the other parts of TLS, and how they begin and end.
 * Invariants  bytes that were read from the socket are in tls->ahead only while mbedTLS works for
 *             one connection; what it did not take by then moves to that connection's `rest`. So
 *             all connections share one buffer, and an idle one needs none.
 * Names       locust__tls locust__tls_ahead_ locust__tls_break_ locust__tls_config_
 *             locust__tls_conn_ locust__tls_field_ locust__tls_free_ locust__tls_init_
 *             locust__tls_leaf_ locust__tls_plain_ locust__tls_record_ locust__tls_roots_
 *             locust__tls_ticket_
 * Uses        >>co >>sync >>stream >>tls
 *
 *   wire -> ahead[], one for all -> mbedTLS -> the reader's buffer
 *              \ what the reader has no room for: the `rest` of the connection
 * ============================================================================================ */

// Fields that mbedTLS 3 declares private and has no function for.
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define LOCUST__TLS_FIELD(x) MBEDTLS_PRIVATE(x)
#else
#define LOCUST__TLS_FIELD(x) x
#endif

typedef struct locust__tls_ticket { // a session to resume
    mbedtls_ssl_session session;
    char slack[32]; // for a library that was built with a longer time_t than the test
    bool trusted;   // the server was verified
    const struct locust__tls_config *config; // which it was made with, and is resumed with alone
    bool valid;
} locust__tls_ticket;

typedef struct locust__tls_config { // one for each set of options in use
    struct locust__tls_config *next;
    const char *cert_file, *key_file;
    bool http, no_pss;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    bool ready; // false: an attempt to make it failed
} locust__tls_config;

typedef struct locust__tls_leaf { // a certificate that was verified for a host
    struct locust__tls_leaf *next;
    mbedtls_x509_time until; // when the first certificate of its chain expires
    size_t len;
    char *host;          // behind the bytes
    unsigned char der[]; // as it came over the wire
} locust__tls_leaf;

typedef struct locust__tls_roots { // certificates to trust
    struct locust__tls_roots *next;
    const char *asked; // the file that was asked for; NULL: the system's
    char *path;        // where they are: a file, or a directory if `is_dir`
    const char *pem;   // or their text
    bool is_dir;
    mbedtls_x509_crt parsed;  // those that some chain needed
    locust__tls_leaf *leaves; // certificates that were verified with them
} locust__tls_roots;

typedef struct locust__tls_plain { // a server that needs the configuration without RSA-PSS
    struct locust__tls_plain *next;
    int port;
    char host[];
} locust__tls_plain;

enum { LOCUST__TLS_RECORD = 16384, LOCUST__TLS_AHEAD = LOCUST__TLS_RECORD + 1024 };

typedef struct locust__tls {
    locust__loop *loop;
    const locust__log *log;
    locust__arena *arena; // of all that is kept until the end of the test
    locust__tls_options options;
    bool started; // PSA was, which is to be freed
    locust__tls_config *configs;
    locust__tls_roots *roots;
    locust__tls_plain *plain;
    int *ciphers;           // in the order of preference, 0 at the end
    locust__sem steps;      // permit for a step of a handshake
    locust__sem handshakes; // permits for handshakes in progress
    locust__tls_counts counts;
    char *ahead; // LOCUST__TLS_AHEAD bytes to read into, and as many again to send from
    size_t ahead_at, ahead_len;
    locust__buf warned; // warnings given so far, one a line: each is given once
    const char *broken; // why the test cannot go on; NULL: it can
    char broken_text[512];
} locust__tls;

typedef struct locust__tls_conn {
    locust__layer layer;
    locust__tls *tls;
    locust__tls_config *config;
    mbedtls_ssl_context ssl;
    locust__tls_ticket **ticket; // where its session goes; NULL: nowhere
    char *rest;                  // bytes from the socket that mbedTLS has not taken yet
    size_t rest_at, rest_len;
    locust_error io;        // the last result of the socket
    locust_error end;       // how the connection ended, which every further read says
    unsigned char first[5]; // the first bytes that the server sent
    size_t received;        // bytes that it has sent
    bool full;              // the server showed a certificate
    bool trusted;           // the server was verified, here or when the session was made
    int64_t cpu_ns;         // of the handshake
} locust__tls_conn;

static void locust__tls_init(locust__tls *tls, locust__loop *loop, const locust__log *log,
    locust__arena *arena, const locust__tls_options *o)
{
    memset(tls, 0, sizeof *tls);
    tls->loop = loop;
    tls->log = log;
    tls->arena = arena;
    tls->options = *o;
    tls->steps.free = 1;
    tls->handshakes.free = o->max_handshakes > 0 ? o->max_handshakes : LOCUST__TLS_HANDSHAKES;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    if (ticket)
        mbedtls_ssl_session_free(&ticket->session);
    LOCUST_FREE(ticket);
}

static void locust__tls_config_clear(locust__tls_config *c)
{
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->cert);
    mbedtls_pk_free(&c->key);
}

/* Frees what mbedTLS allocated; the rest is the arena's. */
static void locust__tls_free(locust__tls *tls)
{
    for (locust__tls_config *c = tls->configs; c; c = c->next)
        if (c->ready)
            locust__tls_config_clear(c);
    for (locust__tls_roots *r = tls->roots; r; r = r->next)
        mbedtls_x509_crt_free(&r->parsed);
    if (tls->started)
        mbedtls_psa_crypto_free();
    LOCUST_FREE(tls->ciphers);
    locust__buf_free(&tls->warned);
}

/* Says why the test cannot go on; the first reason counts. */
LOCUST__PRINTF(2, 3)
static locust_error locust__tls_break(locust__tls *tls, const char *format, ...)
{
    va_list args;
    if (tls->broken)
        return LOCUST_ERR_TLS;
    va_start(args, format);
    vsnprintf(tls->broken_text, sizeof tls->broken_text, format, args);
    va_end(args);
    tls->broken = tls->broken_text;
    return LOCUST_ERR_TLS;
}
/* ============================================================================================
 * >>tls_version  versions and ciphers
 *
 * Purpose     --tls-min, --tls-max, --ciphers: names to numbers of mbedTLS, checked against what
 *             this mbedTLS has; the start of mbedTLS.
 * Names       locust__tls_check_ locust__tls_cipher_ locust__tls_start_ locust__tls_version_
 * Uses        >>tls >>tls_state
 * ============================================================================================ */

/* "1.2" or "1.3" as 2 or 3; 0: another text. */
static int locust__tls_version(const char *text)
{
    return strcmp(text, "1.2") == 0 ? 2 : strcmp(text, "1.3") == 0 ? 3 : 0;
}

/* The number of a cipher suite by its IANA name; 0: unknown. The library writes '-' for '_', and
 * TLS1-3-AES-128-GCM-SHA256 for TLS_AES_128_GCM_SHA256. */
static int locust__tls_cipher(locust__view name)
{
    char text[80];
    bool tls13 = name.len > 4 && !memchr(name.ptr + 4, 'W', name.len - 4);
    int n;
    if (name.len < 4 || memcmp(name.ptr, "TLS", 3) != 0)
        return 0;
    n = snprintf(
        text, sizeof text, "%s%.*s", tls13 ? "TLS1-3" : "TLS", (int)name.len - 3, name.ptr + 3);
    if (n < 0 || (size_t)n >= sizeof text)
        return 0;
    for (char *p = text; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return mbedtls_ssl_get_ciphersuite_id(text);
}

/* Reads a list of suites, A:B:C. NULL: it is empty, a name is unknown (*bad), or there is no
 * memory. */
static int *locust__tls_cipher_list(const char *text, locust__view *bad)
{
    int *list = locust__memory_zalloc((strlen(text) / 2 + 2) * sizeof *list), n = 0;
    *bad = (locust__view){text, 0};
    while (list && *text) {
        locust__view name = {text, strcspn(text, ":,")};
        list[n] = locust__tls_cipher(name);
        if (!list[n++]) {
            *bad = name;
            LOCUST_FREE(list);
            return NULL;
        }
        text += name.len;
        text += *text != '\0';
    }
    if (n)
        return list;
    LOCUST_FREE(list);
    return NULL;
}

/* The library's list, with AES-128-GCM first where the processor has AES, as in browsers. The
 * library prefers ChaCha20, which costs both sides more there. NULL: no memory. */
static int *locust__tls_cipher_default(void)
{
    static const int fast[] = {0x1301, 0xC02B, 0xC02F};
    const int *known = mbedtls_ssl_list_ciphersuites();
    int *list, n = 0, total = 0;
    while (known[total])
        total++;
    list = locust__memory_zalloc((size_t)(total + 1) * sizeof *list);
    for (int i = 0; list && i < 3; i++)
        for (int k = 0; k < total && locust__os_has_aes(); k++)
            if (known[k] == fast[i])
                list[n++] = fast[i];
    for (int k = 0, ahead = n; list && k < total; k++) {
        bool taken = false;
        for (int i = 0; i < ahead; i++)
            taken |= list[i] == known[k];
        if (!taken)
            list[n++] = known[k];
    }
    return list;
}

/* Why these options cannot be used; NULL: they can. The text is static. */
static const char *locust__tls_check(const locust__tls_options *o)
{
    static char text[256];
    locust__view bad;
    int min = o->min ? locust__tls_version(o->min) : 2,
        max = o->max ? locust__tls_version(o->max) : 3;
    int *list;
#if !defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if ((o->min && min == 3) || (o->max && max == 3)) {
        snprintf(text, sizeof text, "this mbedTLS (%s) has no TLS 1.3", MBEDTLS_VERSION_STRING);
        return text;
    }
#endif
    if (!min || !max || min > max)
        return "--tls-min and --tls-max take 1.2 or 1.3, the smaller one first";
    if (!o->ciphers)
        return NULL;
    list = locust__tls_cipher_list(o->ciphers, &bad);
    if (!list)
        snprintf(text, sizeof text,
            "--ciphers takes names such as TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_"
            "SHA256, which this mbedTLS (%s) has, not \"%.*s\"",
            MBEDTLS_VERSION_STRING, (int)bad.len, bad.ptr);
    LOCUST_FREE(list);
    return list ? NULL : text;
}

/* Starts mbedTLS and makes what all connections share. */
static locust_error locust__tls_start(locust__tls *tls)
{
    locust__view bad;
    psa_status_t rc = psa_crypto_init(); // no effect when it is up; another test may have ended it
    if (rc)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_RANDOM;
    tls->started = true;
    if (!tls->ahead)
        tls->ahead = locust__arena_zalloc(tls->arena, (size_t)2 * LOCUST__TLS_AHEAD);
    if (!tls->ciphers)
        tls->ciphers = tls->options.ciphers ? locust__tls_cipher_list(tls->options.ciphers, &bad)
                                            : locust__tls_cipher_default();
    return tls->ahead && tls->ciphers ? LOCUST_OK : LOCUST_ERR_MEMORY;
}
/* ============================================================================================
 * >>tls_config  configurations
 *
 * Purpose     one mbedtls_ssl_config for each set of options: versions, groups, client certificate.
 * Names       locust__tls_config_ locust__tls_configure_ locust__tls_is_ locust__tls_parse_
 *             locust__tls_read_ locust__tls_same_ locust__tls_set_
 * Uses        >>tls >>tls_state >>tls_version
 * ============================================================================================ */

/* Offers P-256 first: most servers have it, and mbedTLS is fastest with it. */
static void locust__tls_set_groups(mbedtls_ssl_config *conf)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t groups[] = {23, 29, 24, 25, 0}; // IANA: secp256r1, x25519, 384, 521
    mbedtls_ssl_conf_groups(conf, groups);
#else
    static const mbedtls_ecp_group_id curves[] = {
#if defined(MBEDTLS_ECP_DP_SECP256R1_ENABLED)
        MBEDTLS_ECP_DP_SECP256R1,
#endif
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)
        MBEDTLS_ECP_DP_CURVE25519,
#endif
#if defined(MBEDTLS_ECP_DP_SECP384R1_ENABLED)
        MBEDTLS_ECP_DP_SECP384R1,
#endif
#if defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED)
        MBEDTLS_ECP_DP_SECP521R1,
#endif
        MBEDTLS_ECP_DP_NONE,
    };
    mbedtls_ssl_conf_curves(conf, curves);
#endif
}

static void locust__tls_set_versions(mbedtls_ssl_config *conf, int min, int max)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const mbedtls_ssl_protocol_version versions[] = {
        MBEDTLS_SSL_VERSION_TLS1_2, MBEDTLS_SSL_VERSION_TLS1_3};
    mbedtls_ssl_conf_min_tls_version(conf, versions[min - 2]);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_max_tls_version(conf, versions[max - 2]);
#else
    (void)max;
    mbedtls_ssl_conf_max_tls_version(conf, versions[0]);
#endif
#else
    (void)min; // always 1.2: see locust__tls_check
    (void)max;
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static int locust__tls_parse_key(mbedtls_pk_context *key, const char *pem, size_t n)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0, mbedtls_psa_get_random,
        MBEDTLS_PSA_RANDOM_STATE);
#else
    return mbedtls_pk_parse_key(key, (const unsigned char *)pem, n, NULL, 0);
#endif
}

static bool locust__tls_is_pair(const mbedtls_x509_crt *cert, const mbedtls_pk_context *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && MBEDTLS_VERSION_NUMBER < 0x04000000
    return mbedtls_pk_check_pair(
               &cert->pk, key, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE) == 0;
#else
    return mbedtls_pk_check_pair(&cert->pk, key) == 0;
#endif
}

/* Reads the client certificate and its key. */
static locust_error locust__tls_read_cert(locust__tls *tls, locust__tls_config *c)
{
    const char *key_file = c->key_file ? c->key_file : c->cert_file;
    locust__buf cert = locust__os_read_file(c->cert_file, 1 << 20);
    locust__buf key = locust__os_read_file(key_file, 1 << 20);
    locust_error error = LOCUST_OK;
    if (!cert.ptr || mbedtls_x509_crt_parse(&c->cert, (unsigned char *)cert.ptr, cert.len + 1) < 0)
        error =
            locust__tls_break(tls, "cannot read a client certificate (PEM) from %s", c->cert_file);
    else if (!key.ptr || locust__tls_parse_key(&c->key, key.ptr, key.len + 1) != 0)
        error = locust__tls_break(
            tls, "cannot read a private key (PEM, without a password) from %s", key_file);
    else if (!locust__tls_is_pair(&c->cert, &c->key))
        error =
            locust__tls_break(tls, "the private key in %s is not the one of the certificate in %s",
                key_file, c->cert_file);
    else if (mbedtls_ssl_conf_own_cert(&c->conf, &c->cert, &c->key) != 0)
        error = LOCUST_ERR_MEMORY;
    if (key.ptr)
        memset(key.ptr, 0, key.len);
    locust__buf_free(&cert);
    locust__buf_free(&key);
    return error;
}

static locust_error locust__tls_configure(locust__tls *tls, locust__tls_config *c)
{
#if defined(MBEDTLS_SSL_ALPN)
    static const char *protocols[] = {"http/1.1", NULL};
#endif
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    static const uint16_t no_pss[] = {0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601, 0};
#endif
    int min = tls->options.min ? locust__tls_version(tls->options.min) : 2;
    int max = tls->options.max ? locust__tls_version(tls->options.max) : 3;
    if (mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
            MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return LOCUST_ERR_MEMORY;
    mbedtls_ssl_conf_authmode(&c->conf, MBEDTLS_SSL_VERIFY_NONE); // see locust__tls_verify
#if MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_rng(&c->conf, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
#endif
    mbedtls_ssl_conf_ciphersuites(&c->conf, tls->ciphers);
    locust__tls_set_groups(&c->conf);
    locust__tls_set_versions(&c->conf, min, c->no_pss ? 2 : max);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    if (c->no_pss)
        mbedtls_ssl_conf_sig_algs(&c->conf, no_pss);
#endif
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && defined(MBEDTLS_SSL_SESSION_TICKETS) && \
    MBEDTLS_VERSION_NUMBER >= 0x03060100 && MBEDTLS_VERSION_NUMBER < 0x04000000
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &c->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_ALPN)
    if (c->http && mbedtls_ssl_conf_alpn_protocols(&c->conf, protocols) != 0)
        return LOCUST_ERR_TLS;
#endif
    return c->cert_file ? locust__tls_read_cert(tls, c) : LOCUST_OK;
}

static bool locust__tls_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The configuration for such connections, made if it is new. One that could not be made stays in
 * the list: the next connection tries again, unless the test ends for it. */
static locust_error locust__tls_config_of(
    locust__tls *tls, const locust__tls_how *how, bool no_pss, locust__tls_config **out)
{
    locust__tls_config *c = tls->configs;
    locust_error error = LOCUST_OK;
    while (c && !(c->http == how->http && c->no_pss == no_pss &&
                    locust__tls_same(c->cert_file, how->cert_file) &&
                    locust__tls_same(c->key_file, how->key_file)))
        c = c->next;
    if (!c) {
        c = locust__arena_zalloc(tls->arena, sizeof *c);
        if (!c)
            return LOCUST_ERR_MEMORY;
        c->cert_file = how->cert_file;
        c->key_file = how->key_file;
        c->http = how->http;
        c->no_pss = no_pss;
        c->next = tls->configs;
        tls->configs = c;
    }
    *out = c;
    if (c->ready)
        return LOCUST_OK;
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_pk_init(&c->key);
    error = locust__tls_configure(tls, c);
    if (error)
        locust__tls_config_clear(c);
    c->ready = !error;
    return error;
}
/* ============================================================================================
 * >>tls_trust  certificates to trust
 *
 * Purpose     finds the certificates to trust; parses those that a server's chain names as issuers,
 *             not all of the system's.
 * Cost        a scan of the file for each issuer met, and its parsed certificate.
 * Names       locust__tls_ca_ locust__tls_find_ locust__tls_load_ locust__tls_names_
 *             locust__tls_readable_ locust__tls_roots_ locust__tls_scan_ locust__tls_subject_
 * Uses        >>tls_state >>tls_config
 * ============================================================================================ */

/* Where systems keep their certificates. (The directory /etc/ssl/certs has each of them twice.) */
static const char *const locust__tls_ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo, Alpine, OpenWrt, NixOS
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, OpenBSD, FreeBSD, macOS
    "/etc/ssl/certs/ca-bundle.crt",                      // Freetz
    "/usr/local/etc/ssl/cert.pem",                       // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
    "/etc/openssl/certs/ca-certificates.crt",            // NetBSD
    "/etc/certs/ca-certificates.crt",                    // illumos
    "/opt/homebrew/etc/ca-certificates/cert.pem",
};

static bool locust__tls_readable(const char *path)
{
    return path && *path && access(path, R_OK) == 0;
}

/* Decides where the certificates come from: the file asked for, SSL_CERT_FILE, LOCUST_CA_PEM,
 * SSL_CERT_DIR, the files above. */
static locust_error locust__tls_find_roots(locust__tls *tls, locust__tls_roots *r)
{
    const char *file = r->asked ? r->asked : getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
    size_t n = sizeof locust__tls_ca_files / sizeof *locust__tls_ca_files;
    if (r->asked && !locust__tls_readable(r->asked))
        return locust__tls_break(
            tls, "cannot read the CA certificates in %s: %s", r->asked, strerror(errno));
    if (!locust__tls_readable(file))
        file = NULL;
#if defined(LOCUST_CA_PEM)
    if (!file) {
        r->pem = LOCUST_CA_PEM;
        return LOCUST_OK;
    }
#endif
    if (!file && locust__tls_readable(dir)) {
        file = dir;
        r->is_dir = true;
    }
    for (size_t i = 0; !file && i < n; i++)
        if (locust__tls_readable(locust__tls_ca_files[i]))
            file = locust__tls_ca_files[i];
    if (!file)
        return locust__tls_break(tls,
            "no CA certificates found on this machine: name a file by --cacert or .ca_file, set "
            "SSL_CERT_FILE, install the package ca-certificates, compile them in by LOCUST_CA_PEM, "
            "or go without verification by --insecure");
    r->path = locust__arena_copy(tls->arena, file, strlen(file));
    return r->path ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* The certificates that were asked for, NULL: the system's. Where they could not be found the next
 * connection looks again, unless the test ends for it. */
static locust_error locust__tls_roots_of(
    locust__tls *tls, const char *ca_file, locust__tls_roots **out)
{
    locust__tls_roots *r = tls->roots;
    while (r && !locust__tls_same(r->asked, ca_file))
        r = r->next;
    if (!r) {
        r = locust__arena_zalloc(tls->arena, sizeof *r);
        if (!r)
            return LOCUST_ERR_MEMORY;
        r->asked = ca_file;
        mbedtls_x509_crt_init(&r->parsed);
        r->next = tls->roots;
        tls->roots = r;
    }
    *out = r;
    return r->path || r->pem ? LOCUST_OK : locust__tls_find_roots(tls, r);
}

/* The subject of a certificate as it is encoded, without parsing more of it: RFC 5280 4.1. */
static bool locust__tls_subject(unsigned char *p, size_t n, locust__view *subject)
{
    unsigned char *end = p + n, *from;
    size_t len;
    // Certificate, TBSCertificate, [version], serial, signature, issuer, validity, subject
    static const int tags[] = {0x30, 0x30, 0xA0, 0x02, 0x30, 0x30, 0x30, 0x30};
    for (int i = 0; i < 8; i++) {
        from = p;
        if (i == 2 && p < end && *p != 0xA0)
            continue;
        if (mbedtls_asn1_get_tag(&p, end, &len, tags[i]) != 0)
            return false;
        if (i >= 2)
            p += len;
    }
    *subject = (locust__view){(const char *)from, (size_t)(p - from)};
    return true;
}

/* Parses the certificates of a PEM text whose subject is `issuer`. Returns how many certificates
 * the text has, of any subject. */
static int locust__tls_scan(locust__tls_roots *r, const char *pem, const mbedtls_x509_buf *issuer)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    locust__buf der = {NULL, 0, 0, false};
    int n = 0;
    while ((pem = strstr(pem, begin)) != NULL) {
        const char *stop = strstr(pem += sizeof begin - 1, end);
        locust__view subject;
        der.len = 0;
        if (!stop)
            break;
        if (locust__base64_decode(&der, (locust__view){pem, (size_t)(stop - pem)}) &&
            locust__tls_subject((unsigned char *)der.ptr, der.len, &subject)) {
            n++;
            if (subject.len == issuer->len && memcmp(subject.ptr, issuer->p, issuer->len) == 0)
                mbedtls_x509_crt_parse_der(&r->parsed, (unsigned char *)der.ptr, der.len);
        }
        pem = stop;
    }
    locust__buf_free(&der);
    return n;
}

static int locust__tls_scan_file(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    locust__buf text = locust__os_read_file(path, 1 << 24);
    int n = text.ptr ? locust__tls_scan(r, text.ptr, issuer) : 0;
    locust__buf_free(&text);
    return n;
}

static int locust__tls_scan_dir(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        char file[4096];
        int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (*entry->d_name != '.' && len > 0 && (size_t)len < sizeof file)
            n += locust__tls_scan_file(r, file, issuer);
    }
    if (dir)
        closedir(dir);
    return n;
}

static bool locust__tls_names_equal(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Parses the trusted certificates that issued those of a chain, unless they are parsed already. */
static locust_error locust__tls_load_issuers(
    locust__tls *tls, locust__tls_roots *r, const mbedtls_x509_crt *chain)
{
    for (; chain; chain = chain->next) {
        const mbedtls_x509_crt *known = r->parsed.raw.p ? &r->parsed : NULL;
        int n;
        while (known && !locust__tls_names_equal(&known->subject_raw, &chain->issuer_raw))
            known = known->next;
        if (known)
            continue;
        n = r->pem      ? locust__tls_scan(r, r->pem, &chain->issuer_raw)
            : r->is_dir ? locust__tls_scan_dir(r, r->path, &chain->issuer_raw)
                        : locust__tls_scan_file(r, r->path, &chain->issuer_raw);
        if (!n)
            return locust__tls_break(
                tls, "there is no CA certificate (PEM) in %s", r->pem ? "LOCUST_CA_PEM" : r->path);
    }
    return LOCUST_OK;
}
/* ============================================================================================
 * >>tls_verify  verification
 *
 * Purpose     decides whether a server's chain of certificates is to be trusted, for this host and
 *             now; if not, says why once for each host. The same code for all versions of mbedTLS.
 * Cost        one verification of a certificate and host in a test: what was found is remembered.
 * Names       locust__tls_before_ locust__tls_bound_ locust__tls_date_ locust__tls_explain_
 *             locust__tls_has_ locust__tls_is_ locust__tls_judge_ locust__tls_lacks_
 *             locust__tls_names_ locust__tls_recall_ locust__tls_remember_ locust__tls_verify_
 * Uses        >>address >>tls >>tls_state >>tls_trust
 * Sources     RFC 5280, RFC 9525 (names).
 * ============================================================================================ */

static void locust__tls_date(char *out, size_t size, const mbedtls_x509_time *t)
{
    snprintf(out, size, "%04d-%02d-%02d", t->year, t->mon, t->day);
}

/* Appends the names that a certificate is for, up to some 250 bytes. */
static void locust__tls_names(locust__buf *out, const mbedtls_x509_crt *leaf)
{
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s && s->buf.p; s = s->next)
        if ((s->buf.tag & 31) == 2 && out->len < 200) {
            locust__buf_puts(out, out->len ? ", " : "");
            for (size_t i = 0; i < s->buf.len && out->len < 250; i++) {
                char c = (char)s->buf.p[i];
                locust__buf_add(
                    out, c > ' ' && c < 127 ? &c : "?", 1); // a server may write anything
            }
        }
    if (!out->len)
        locust__buf_puts(out, "no host name");
}

/* Is a earlier than b? */
static bool locust__tls_before(const mbedtls_x509_time *a, const mbedtls_x509_time *b)
{
    int x[] = {a->year, a->mon, a->day, a->hour, a->min, a->sec};
    int y[] = {b->year, b->mon, b->day, b->hour, b->min, b->sec};
    for (int i = 0; i < 6; i++)
        if (x[i] != y[i])
            return x[i] < y[i];
    return false;
}

/* The end (or begin) of the time in which all certificates of a chain are valid. */
static const mbedtls_x509_time *locust__tls_bound(const mbedtls_x509_crt *chain, bool end)
{
    const mbedtls_x509_time *bound = end ? &chain->valid_to : &chain->valid_from;
    for (; chain; chain = chain->next) {
        if (end && locust__tls_before(&chain->valid_to, bound))
            bound = &chain->valid_to;
        if (!end && locust__tls_before(bound, &chain->valid_from))
            bound = &chain->valid_from;
    }
    return bound;
}

/* Says once for each host what is wrong with its certificate, and what to do. */
static void locust__tls_explain(locust__tls *tls, const char *host, locust_error error,
    const mbedtls_x509_crt *leaf, const locust__tls_roots *roots)
{
    locust__buf text = {NULL, 0, 0, false}, names = {NULL, 0, 0, false};
    char date[32];
    const char *source = !roots ? "" : roots->pem ? "LOCUST_CA_PEM" : roots->path;
    locust__buf_printf(&text, "\n%s: %s", host, locust__error_text(error));
    if (error == LOCUST_ERR_TLS_CERT_EXPIRED || error == LOCUST_ERR_TLS_CERT_FUTURE) {
        int64_t now_s = locust__os_wall_ns() / LOCUST__S;
        locust__tls_date(
            date, sizeof date, locust__tls_bound(leaf, error == LOCUST_ERR_TLS_CERT_EXPIRED));
        locust__buf_printf(
            &text, ": valid %s %s", error == LOCUST_ERR_TLS_CERT_EXPIRED ? "until" : "from", date);
        if (now_s < 1704067200) // 2024
            locust__buf_puts(&text, "; but the clock of this machine is wrong: set it");
    } else if (error == LOCUST_ERR_TLS_CERT_HOST) {
        locust__tls_names(&names, leaf);
        locust__buf_add(&names, "", 1);
        locust__buf_printf(&text, ": it is for %s", names.failed ? "others" : names.ptr);
    } else if (error == LOCUST_ERR_TLS_CERT_SELF_SIGNED) {
        locust__buf_puts(&text, ": to trust it, give it as --cacert or .ca_file");
    } else if (error == LOCUST_ERR_TLS_CERT_ISSUER) {
        locust__buf_printf(&text,
            ": none in %s issued it, or the server left out an intermediate certificate", source);
    }
    locust__buf_add(&text, "\n", 2);
    // The line ends in front of and behind the text make it match whole lines alone.
    if (!text.failed && !(tls->warned.ptr && strstr(tls->warned.ptr, text.ptr))) {
        locust__buf_printf(&tls->warned, "%s", text.ptr);
        text.ptr[text.len - 2] = '\0';
        locust__log_print(tls->log, LOCUST__LOG_WARNING, "locust.tls", "%s", text.ptr + 1);
    }
    locust__buf_free(&text);
    locust__buf_free(&names);
}

/* Is the certificate for this address? Only subjectAltName counts, not the common name: RFC 9525
 * 6.4. */
static bool locust__tls_has_address(const mbedtls_x509_crt *leaf, const locust__addr *addr)
{
    bool six = addr->as.any.sa_family == AF_INET6;
    const void *bytes = six ? (const void *)&addr->as.in6.sin6_addr : &addr->as.in.sin_addr;
    size_t len = six ? 16 : 4;
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s; s = s->next)
        if ((s->buf.tag & 31) == 7 && s->buf.len == len && memcmp(s->buf.p, bytes, len) == 0)
            return true;
    return false;
}

/* May the certificate prove a server's identity? One without the extensions may be used for
 * anything. */
static bool locust__tls_is_for_servers(const mbedtls_x509_crt *leaf)
{
    static const char server_auth[] = {0x2B, 6, 1, 5, 5, 7, 3, 1}; // id-kp-serverAuth
    return mbedtls_x509_crt_check_extended_key_usage(leaf, server_auth, sizeof server_auth) == 0 &&
           (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 ||
               mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_KEY_ENCIPHERMENT) == 0);
}

/* The error for what verification found; of several, the one that helps most. */
static locust_error locust__tls_judge(uint32_t flags, const mbedtls_x509_crt *leaf)
{
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return LOCUST_ERR_TLS_CERT_EXPIRED;
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return LOCUST_ERR_TLS_CERT_FUTURE;
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return LOCUST_ERR_TLS_CERT_HOST;
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return locust__tls_names_equal(&leaf->issuer_raw, &leaf->subject_raw)
                   ? LOCUST_ERR_TLS_CERT_SELF_SIGNED
                   : LOCUST_ERR_TLS_CERT_ISSUER;
    if (flags &
        (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        return LOCUST_ERR_TLS_CERT_WEAK;
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return LOCUST_ERR_TLS_CERT_USAGE;
    return flags ? LOCUST_ERR_TLS_CERT_FORM : LOCUST_OK;
}

/* Was exactly this certificate verified for this host before, and has not expired? Verifying it
 * again would be half of what a handshake costs. */
static bool locust__tls_recall(
    const locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    for (const locust__tls_leaf *l = r->leaves; l; l = l->next)
        if (l->len == leaf->raw.len && memcmp(l->der, leaf->raw.p, l->len) == 0 &&
            strcasecmp(l->host, host) == 0)
            return !mbedtls_x509_time_is_past(&l->until);
    return false;
}

static void locust__tls_remember(
    locust__tls *tls, locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    size_t host_len = strlen(host) + 1;
    locust__tls_leaf *l = locust__arena_zalloc(tls->arena, sizeof *l + leaf->raw.len + host_len);
    if (!l)
        return;
    l->len = leaf->raw.len;
    memcpy(l->der, leaf->raw.p, l->len);
    l->host = (char *)l->der + l->len;
    memcpy(l->host, host, host_len);
    l->until = *locust__tls_bound(leaf, true);
    l->next = r->leaves;
    r->leaves = l;
}

/* Does an error of mbedTLS mean out of memory? It is either a PSA status, or the code of a module
 * plus that of a module which it uses. */
static bool locust__tls_lacks_memory(int rc)
{
    static const int modules[] = {0x2880, 0x3F80, 0x4D80, 0x5180, 0x6180, 0x7F00}; // X.509 to SSL
    int below = -rc & 0x7F;
    if (-rc >= 0x80 && -rc < 0x100)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY;
    if (below == 0x10 || below == 0x6A) // MPI, ASN.1
        return true;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if ((-rc & ~0x7F) == modules[i])
            return true;
    return false;
}

/* Is the server the one that it claims to be? The only place that decides this. */
static locust_error locust__tls_verify(
    locust__tls *tls, mbedtls_ssl_context *ssl, const char *host, const locust__tls_how *how)
{
    const mbedtls_x509_crt *leaf = mbedtls_ssl_get_peer_cert(ssl);
    locust__tls_roots *roots = NULL;
    locust__addr addr;
    bool literal = locust__addr_parse(&addr, host, 0);
    uint32_t flags = 0;
    locust_error error;
    int rc;
    if (!leaf)
        return LOCUST_ERR_TLS_CERT_FORM;
    error = locust__tls_roots_of(tls, how->ca_file, &roots);
    if (error || locust__tls_recall(roots, host, leaf))
        return error;
    error = locust__tls_load_issuers(tls, roots, leaf);
    if (error)
        return error;
    rc = mbedtls_x509_crt_verify_with_profile((mbedtls_x509_crt *)(uintptr_t)leaf,
        roots->parsed.raw.p ? &roots->parsed : NULL, NULL, &mbedtls_x509_crt_profile_default,
        literal ? NULL : host, &flags, NULL, NULL);
    if (rc && rc != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return locust__tls_lacks_memory(rc) ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_CERT_FORM;
    if (literal && !locust__tls_has_address(leaf, &addr))
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (!locust__tls_is_for_servers(leaf))
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    error = locust__tls_judge(flags, leaf);
    if (error)
        locust__tls_explain(tls, host, error, leaf, roots);
    else
        locust__tls_remember(tls, roots, host, leaf);
    return error;
}
/* ============================================================================================
 * >>tls_socket  between mbedTLS and the socket
 *
 * Purpose     the two functions by which mbedTLS sends and receives: through what lies under the
 *             layer, which is the socket.
 * Names       locust__tls_bio_ locust__tls_leave_
 * Uses        >>stream >>tls_state
 * ============================================================================================ */

static int locust__tls_bio_send(void *arg, const unsigned char *bytes, size_t n)
{
    locust__tls_conn *c = arg;
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    size_t sent;
    c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
    if (c->io)
        return -1;
    return sent ? (int)sent : MBEDTLS_ERR_SSL_WANT_WRITE;
}

/* Gives bytes that the connection has left over, else bytes that were read ahead, else reads. */
static int locust__tls_bio_recv(void *arg, unsigned char *out, size_t n)
{
    locust__tls_conn *c = arg;
    locust__tls *tls = c->tls;
    char *from = c->rest_len ? c->rest + c->rest_at : tls->ahead + tls->ahead_at;
    size_t *at = c->rest_len ? &c->rest_at : &tls->ahead_at;
    size_t *len = c->rest_len ? &c->rest_len : &tls->ahead_len;
    if (!*len) {
        if (!locust__layer_is_readable(&c->layer))
            return MBEDTLS_ERR_SSL_WANT_READ;
        c->io = locust__layer_recv(&c->layer, tls->ahead, LOCUST__TLS_AHEAD, len);
        if (c->io)
            return c->io == LOCUST_ERR_CLOSED ? 0 : -1;
        if (!*len)
            return MBEDTLS_ERR_SSL_WANT_READ;
        for (size_t i = 0; i < *len && c->received + i < sizeof c->first; i++)
            c->first[c->received + i] = (unsigned char)tls->ahead[i];
        c->received += *len;
        *at = 0;
        from = tls->ahead;
    }
    n = n < *len ? n : *len;
    memcpy(out, from, n);
    *at += n;
    *len -= n;
    return (int)n;
}

/* Ends mbedTLS's work for this connection: bytes that were read ahead for it and not used move to
 * it, so that the buffer is free for others. */
static void locust__tls_leave(locust__tls_conn *c)
{
    locust__tls *tls = c->tls;
    if (!c->rest_len) {
        LOCUST_FREE(c->rest);
        c->rest = NULL;
        c->rest_at = 0;
    }
    if (tls->ahead_len) {
        c->rest = locust__text_copy(tls->ahead + tls->ahead_at, tls->ahead_len);
        if (c->rest)
            c->rest_len = tls->ahead_len;
        else
            c->end = LOCUST_ERR_MEMORY;
    }
    tls->ahead_len = 0;
    c->layer.held = c->rest_len || c->end || mbedtls_ssl_get_bytes_avail(&c->ssl);
}
/* ============================================================================================
 * >>tls_error  what went wrong
 *
 * Purpose     turns error codes of mbedTLS and alerts of the server into errors of the kit.
 * Names       locust__tls_alert_ locust__tls_error_
 * Uses        >>tls_state >>tls_verify
 * Sources     RFC 8446 section 6.
 * ============================================================================================ */

/* The number of the fatal alert that came. */
static int locust__tls_alert(const mbedtls_ssl_context *ssl)
{
#if MBEDTLS_VERSION_NUMBER >= 0x04010000
    return mbedtls_ssl_get_fatal_alert(ssl);
#else
    return ssl->LOCUST__TLS_FIELD(in_msg)[1];
#endif
}

/* RFC 8446 6.2. A server that wants a certificate may just say "handshake failure". It then has
 * sent its own certificate before; a server that knows none of the ciphers has not. */
static locust_error locust__tls_alert_error(const locust__tls_conn *c)
{
    bool refused = c->config->cert_file != NULL;
    switch (locust__tls_alert(&c->ssl)) {
    case 40: // handshake_failure
        if (c->received > 7 && c->full)
            return refused ? LOCUST_ERR_TLS_CERT_CLIENT_REFUSED : LOCUST_ERR_TLS_CERT_CLIENT;
        return LOCUST_ERR_TLS_CIPHER;
    case 71: // insufficient_security
        return LOCUST_ERR_TLS_CIPHER;
    case 70: // protocol_version
        return LOCUST_ERR_TLS_VERSION;
    case 116: // certificate_required
        return LOCUST_ERR_TLS_CERT_CLIENT;
    case 42: // bad_certificate and the like: about the client's certificate
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
        return refused ? LOCUST_ERR_TLS_CERT_CLIENT_REFUSED : LOCUST_ERR_TLS_CERT_CLIENT;
    case 112: // unrecognized_name
        return LOCUST_ERR_TLS_NAME;
    case 120: // no_application_protocol
        return LOCUST_ERR_TLS_ALPN;
    default:
        return LOCUST_ERR_TLS_ALERT;
    }
}

/* The error for what mbedTLS returned: what the socket said first, then what the server sent
 * instead of TLS, then the code. */
static locust_error locust__tls_error(const locust__tls_conn *c, int rc)
{
    bool reads_certs = c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
    if (c->io && c->io != LOCUST_ERR_CLOSED)
        return c->io;
    if (c->received && (c->first[0] < 20 || c->first[0] > 24))
        return memcmp(c->first, "HTTP/", 5) == 0 ? LOCUST_ERR_TLS_PLAIN : LOCUST_ERR_TLS_NONE;
    if (locust__tls_lacks_memory(rc))
        return LOCUST_ERR_MEMORY;
    switch (rc) {
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return locust__tls_alert_error(c);
    case -0x6E80: // bad protocol version; the name changed in 3.0
        return LOCUST_ERR_TLS_VERSION;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return LOCUST_ERR_TLS_RECORD;
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return LOCUST_ERR_TLS_CLOSED;
    case -0x7100: // a message is longer than the buffer, in the codes of three versions
    case -0x7080:
    case -135:
        return reads_certs || c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_CERTIFICATE_REQUEST
                   ? LOCUST_ERR_TLS_CERT_SIZE // in TLS 1.3 that state reads the certificate too
                   : LOCUST_ERR_TLS;
    default:
        return reads_certs || (rc <= -0x2080 && rc >= -0x2A00) ? LOCUST_ERR_TLS_CERT_FORM
                                                               : LOCUST_ERR_TLS;
    }
}
/* ============================================================================================
 * >>tls_layer  reads and writes through TLS
 *
 * Purpose     TLS as a layer of a stream: recv, send and close, each of which calls mbedTLS on the
 *             loop's stack.
 * Names       locust__tls_close_ locust__tls_drop_ locust__tls_end_ locust__tls_is_
 *             locust__tls_op_ locust__tls_read_ locust__tls_recv_ locust__tls_save_
 *             locust__tls_send_ locust__tls_write_
 * Uses        >>switch >>stream >>tls >>tls_state >>tls_socket >>tls_error
 * ============================================================================================ */

typedef struct locust__tls_op { // arguments and results of a call on the loop's stack
    locust__tls_conn *c;
    char *to;
    const struct iovec *iov;
    int n_iov;
    size_t n, done;
    const char *host;
    int port;
    const locust__tls_how *how;
    locust_error error;
    int rc;
} locust__tls_op;

/* Frees the certificates of a server that was verified: 2 KB and more, and as much in each copy of
 * the session. Only if they are where this header expects them: a library that was built with
 * another time_t has another layout. */
static void locust__tls_drop_certs(mbedtls_ssl_context *ssl)
{
#ifdef MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
    mbedtls_ssl_session *session = ssl->LOCUST__TLS_FIELD(session);
    mbedtls_x509_crt *leaf = session ? session->LOCUST__TLS_FIELD(peer_cert) : NULL;
    if (!leaf || leaf != mbedtls_ssl_get_peer_cert(ssl))
        return;
    mbedtls_x509_crt_free(leaf);
    mbedtls_free(leaf);
    session->LOCUST__TLS_FIELD(peer_cert) = NULL;
#else
    (void)ssl;
#endif
}

/* Saves the session for the next connection to this server. */
static void locust__tls_save(locust__tls_conn *c)
{
    locust__tls_ticket *t;
    if (!c->ticket)
        return;
    if (!*c->ticket)
        *c->ticket = locust__memory_zalloc(sizeof **c->ticket);
    t = *c->ticket;
    if (!t)
        return;
    mbedtls_ssl_session_free(&t->session);
    mbedtls_ssl_session_init(&t->session);
    t->config = c->config;
    t->trusted = c->trusted;
    t->valid = mbedtls_ssl_get_session(&c->ssl, &t->session) == 0;
}

static bool locust__tls_is_ticket(int rc)
{
    return rc == -0x7B00; // MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET, which 2.28 does not know
}

/* The error for the end of a connection after the handshake. Without close_notify it was cut. */
static locust_error locust__tls_end(const locust__tls_conn *c, int rc)
{
    if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return LOCUST_ERR_CLOSED;
    if (rc == 0 || rc == MBEDTLS_ERR_SSL_CONN_EOF)
        return LOCUST_ERR_TLS_CUT;
    return locust__tls_error(c, rc);
}

/* Reads until the buffer is full or no bytes are left. */
static void locust__tls_read_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    int rc = 1;
    if (c->end) {
        op->error = c->end;
        return;
    }
    while (op->done < op->n && (rc > 0 || locust__tls_is_ticket(rc))) {
        rc = mbedtls_ssl_read(&c->ssl, (unsigned char *)op->to + op->done, op->n - op->done);
        if (rc > 0)
            op->done += (size_t)rc;
        else if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    }
    if (rc <= 0 && !locust__tls_is_ticket(rc) && rc != MBEDTLS_ERR_SSL_WANT_READ &&
        rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        c->end = locust__tls_end(c, rc);
        op->error = op->done ? LOCUST_OK : c->end; // what came before the end goes first
    }
    locust__tls_leave(c);
}

static locust_error locust__tls_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__tls_op op = {.c = c, .to = to, .n = n};
    locust__co_call(c->tls->loop, locust__tls_read_call, &op);
    *got = op.done;
    return op.error;
}

/* Sends up to one record, gathered from up to two pieces. After mbedTLS found no room it must get
 * the same bytes again; it does, as the caller passes the same pieces and nothing else decides what
 * is taken. */
static void locust__tls_write_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    char *stage = c->tls->ahead + LOCUST__TLS_AHEAD;
    const char *from = op->iov->iov_base;
    size_t n = op->iov->iov_len;
    int rc;
    if (op->n_iov > 1 && n < LOCUST__TLS_RECORD) {
        size_t more = LOCUST__TLS_RECORD - n;
        more = more < op->iov[1].iov_len ? more : op->iov[1].iov_len;
        memcpy(stage, from, n);
        memcpy(stage + n, op->iov[1].iov_base, more);
        from = stage;
        n += more;
    }
    n = n < LOCUST__TLS_RECORD ? n : LOCUST__TLS_RECORD;
    do {
        rc = mbedtls_ssl_write(&c->ssl, (const unsigned char *)from, n);
        if (locust__tls_is_ticket(rc))
            locust__tls_save(c);
    } while (locust__tls_is_ticket(rc));
    if (rc > 0)
        op->done = (size_t)rc;
    else if (rc != MBEDTLS_ERR_SSL_WANT_WRITE && rc != MBEDTLS_ERR_SSL_WANT_READ)
        op->error = locust__tls_end(c, rc);
    locust__tls_leave(c);
}

static locust_error locust__tls_send(
    locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__tls_op op = {.c = c, .iov = iov, .n_iov = n};
    locust__co_call(c->tls->loop, locust__tls_write_call, &op);
    *sent = op.done;
    return op.error;
}

static void locust__tls_close_call(void *arg)
{
    locust__tls_conn *c = arg;
    if (!c->end && !c->io)
        mbedtls_ssl_close_notify(&c->ssl); // leaves at once or not at all
    mbedtls_ssl_free(&c->ssl);
    LOCUST_FREE(c->rest);
    LOCUST_FREE(c);
}

static void locust__tls_close(locust__layer *layer)
{
    locust__tls_conn *c = (locust__tls_conn *)(void *)layer;
    locust__co_call(c->tls->loop, locust__tls_close_call, c);
}
/* ============================================================================================
 * >>tls_handshake  the handshake
 *
 * Purpose     puts TLS on a connection: the handshake, one step in each turn of the loop;
 *             verification; resumption; a second try without RSA-PSS where mbedTLS needs it.
 * Names       locust__tls_connect_ locust__tls_count_ locust__tls_handshake_ locust__tls_is_
 *             locust__tls_last_ locust__tls_make_ locust__tls_open_ locust__tls_refuses_
 *             locust__tls_step_
 * Uses        >>co >>switch >>fd >>sync >>address >>stream >>allowance >>tls >>tls_state
 *             >>tls_version >>tls_config >>tls_verify >>tls_socket >>tls_error >>tls_layer
 * ============================================================================================ */

/* mbedTLS 3.6.6 and 4.1.0 offer RSA-PSS in TLS 1.2 and then refuse it. A server that chooses it
 * gets a second connection that does not offer it. */
static bool locust__tls_refuses_pss(void)
{
#if defined(MBEDTLS_VERSION_C)
    unsigned version = mbedtls_version_get_number();
    return version == 0x03060600 || version == 0x04010000;
#else
    return MBEDTLS_VERSION_NUMBER == 0x03060600 || MBEDTLS_VERSION_NUMBER == 0x04010000;
#endif
}

/* Is this a server that must not be offered RSA-PSS? */
static bool locust__tls_is_plain(const locust__tls *tls, const char *host, int port)
{
    const locust__tls_plain *p = tls->plain;
    while (p && (p->port != port || strcmp(p->host, host) != 0))
        p = p->next;
    return p != NULL;
}

/* Remembers not to offer RSA-PSS to this server. False: no memory. */
static bool locust__tls_make_plain(locust__tls *tls, const char *host, int port)
{
    size_t n = strlen(host) + 1;
    locust__tls_plain *p;
    if (locust__tls_is_plain(tls, host, port))
        return true;
    p = locust__arena_zalloc(tls->arena, sizeof *p + n);
    if (!p)
        return false;
    memcpy(p->host, host, n);
    p->port = port;
    p->next = tls->plain;
    tls->plain = p;
    return true;
}

/* Prepares the handshake: configuration, host name, session to resume. */
static void locust__tls_open_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    locust__addr unused;
    op->error = locust__tls_start(c->tls);
    if (!op->error)
        op->error = locust__tls_config_of(
            c->tls, op->how, locust__tls_is_plain(c->tls, op->host, op->port), &c->config);
    if (op->error)
        return;
    // SNI has names only, no addresses: RFC 6066 3.
    if (mbedtls_ssl_setup(&c->ssl, &c->config->conf) != 0 ||
        mbedtls_ssl_set_hostname(
            &c->ssl, locust__addr_parse(&unused, op->host, 0) ? NULL : op->host) != 0) {
        op->error = LOCUST_ERR_MEMORY;
        return;
    }
    mbedtls_ssl_set_bio(&c->ssl, c, locust__tls_bio_send, locust__tls_bio_recv, NULL);
    if (c->ticket && *c->ticket && (*c->ticket)->valid && (*c->ticket)->config == c->config &&
        ((*c->ticket)->trusted || op->how->insecure)) {
        c->trusted = (*c->ticket)->trusted;
        mbedtls_ssl_set_session(&c->ssl, &(*c->ticket)->session); // refused: a full handshake
    }
}

/* A server that sends a fatal alert and closes makes writes fail; the alert, which says why, can
 * still be read. Returns what it says, or rc. */
static int locust__tls_last_words(locust__tls_conn *c, int rc)
{
    locust_error said = c->io;
    unsigned char unused;
    int last;
    if (said != LOCUST_ERR_PIPE && said != LOCUST_ERR_RESET)
        return rc;
    c->layer.stream->fd.watch.readable = true;
    last = mbedtls_ssl_read(&c->ssl, &unused, 1);
    if (last == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        c->io = LOCUST_OK;
        return last;
    }
    c->io = said;
    return rc;
}

/* One step of a handshake: as far as the bytes at hand allow. At its end the server is verified. */
static void locust__tls_step_call(void *arg)
{
    locust__tls_op *op = arg;
    locust__tls_conn *c = op->c;
    int64_t began_ns = locust__os_now_ns();
    bool over = false;
    op->rc = 0;
    while (op->rc == 0 && !over) {
        op->rc = mbedtls_ssl_handshake_step(&c->ssl);
        c->full |= c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
        over = c->ssl.LOCUST__TLS_FIELD(state) == MBEDTLS_SSL_HANDSHAKE_OVER;
        if (locust__tls_is_ticket(op->rc))
            op->rc = 0;
    }
    c->trusted = c->trusted && !c->full;
    if (over && !c->trusted && !op->how->insecure) {
        op->error = locust__tls_verify(c->tls, &c->ssl, op->host, op->how);
        c->trusted = !op->error;
    }
    if (over && op->error && op->error != LOCUST_ERR_TLS)
        mbedtls_ssl_send_alert_message(
            &c->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    if (over && !op->error) {
        locust__tls_drop_certs(&c->ssl);
        locust__tls_save(c);
    }
    if (op->rc && op->rc != MBEDTLS_ERR_SSL_WANT_READ && op->rc != MBEDTLS_ERR_SSL_WANT_WRITE) {
        op->rc = locust__tls_last_words(c, op->rc);
        op->error = locust__tls_error(c, op->rc);
    }
    locust__tls_leave(c);
    c->cpu_ns += locust__os_now_ns() - began_ns;
    c->tls->loop->excused = true; // no task is to blame for a loop that this held
    if (c->layer.stream->arrived_ns && c->layer.stream->arrived_ns < began_ns)
        locust__loop_count_late(c->tls->loop, began_ns - c->layer.stream->arrived_ns);
}

/* Takes a step of a handshake. One connection does so in each turn of the loop, so that answers to
 * other users are not delayed. */
static locust_error locust__tls_step(
    locust__tls *tls, locust__tls_op *op, locust__allowance *a) LOCUST__PARKS
{
    locust_error error = locust__allowance_take(a, tls->loop, &tls->steps);
    enum locust__wake why;
    if (error)
        return error;
    locust__co_call(tls->loop, locust__tls_step_call, op);
    why = locust__co_yield(tls->loop);
    locust__sem_give(tls->loop, &tls->steps);
    return why == LOCUST__WAKE_CANCELLED ? LOCUST_ERR_CANCELLED : LOCUST_OK;
}

/* Makes one step after the other, waiting for the socket between them. */
static locust_error locust__tls_handshake(
    locust__tls *tls, locust__tls_op *op, locust__allowance *a) LOCUST__PARKS
{
    locust_stream *s = op->c->layer.stream;
    for (;;) {
        locust_error error = locust__tls_step(tls, op, a);
        if (error || op->error || op->rc == 0)
            return error ? error : op->error;
        if (op->rc == MBEDTLS_ERR_SSL_WANT_WRITE && !s->fd.watch.writable)
            error = locust__stream_woken(locust__fd_wait_write(tls->loop, &s->fd, a->deadline_ns),
                LOCUST_ERR_CONNECT_TIMEOUT);
        else if (op->rc == MBEDTLS_ERR_SSL_WANT_READ && !locust__layer_is_readable(&op->c->layer))
            error = locust__stream_woken(locust__fd_wait_read(tls->loop, &s->fd, a->deadline_ns),
                LOCUST_ERR_CONNECT_TIMEOUT);
        if (error)
            return error;
    }
}

static void locust__tls_count(locust__tls *tls, const locust__tls_conn *c)
{
    if (c->full) {
        tls->counts.full++;
        tls->counts.full_ns += c->cpu_ns;
    } else {
        tls->counts.resumed++;
        tls->counts.resumed_ns += c->cpu_ns;
    }
}

/* Puts TLS on a connected stream; closes it if that fails. *retry: another connection will succeed.
 * ticket: holds the session to resume and gets the new one; NULL: no resumption. */
static locust_error locust__tls_connect(locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, locust__allowance *a,
    bool *retry) LOCUST__PARKS
{
    locust__tls_conn *c = locust__memory_zalloc(sizeof *c);
    locust__tls_op op = {.c = c, .host = host, .port = port, .how = how};
    *retry = false;
    if (!c) {
        locust__stream_close(s);
        return LOCUST_ERR_MEMORY;
    }
    c->layer.recv = locust__tls_recv;
    c->layer.send = locust__tls_send;
    c->layer.close = locust__tls_close;
    c->tls = tls;
    c->ticket = tls->options.no_resume ? NULL : ticket;
    mbedtls_ssl_init(&c->ssl);
    locust__layer_push(&c->layer, s);
    locust__co_call(tls->loop, locust__tls_open_call, &op);
    if (!op.error)
        op.error = locust__tls_handshake(tls, &op, a);
    if (!op.error) {
        locust__tls_count(tls, c);
        return LOCUST_OK;
    }
    if (op.rc == -0x6600 && locust__tls_refuses_pss() && !c->config->no_pss)
        *retry = locust__tls_make_plain(tls, host, port);
    c->end = op.error; // no close_notify
    locust__stream_close(s);
    return op.error;
}
#else
/* ============================================================================================
 * >>tls_none  no TLS compiled in
 *
 * Purpose     the functions that other parts call, for a test without LOCUST_TLS: no https.
 * Names       locust__tls locust__tls_check_ locust__tls_connect_ locust__tls_free_
 *             locust__tls_init_ locust__tls_ticket_
 * Uses        >>co >>sync >>stream >>allowance >>tls >>tls_state >>tls_version >>tls_handshake
 * ============================================================================================ */

typedef struct locust__tls_ticket {
    char unused;
} locust__tls_ticket;

typedef struct locust__tls {
    locust__tls_counts counts;
    locust__sem handshakes;
    const char *broken;
} locust__tls;

static void locust__tls_init(locust__tls *tls, locust__loop *loop, const locust__log *log,
    locust__arena *arena, const locust__tls_options *o)
{
    (void)loop;
    (void)log;
    (void)arena;
    (void)o;
    memset(tls, 0, sizeof *tls);
    tls->handshakes.free = LOCUST__TLS_HANDSHAKES;
}

static void locust__tls_free(const locust__tls *tls)
{
    (void)tls;
}

static const char *locust__tls_check(const locust__tls_options *o)
{
    (void)o;
    return NULL;
}

static void locust__tls_ticket_free(locust__tls_ticket *ticket)
{
    (void)ticket;
}

/* Never called: https and tls:// are refused where their URL is parsed. */
static locust_error locust__tls_connect(const locust__tls *tls, locust_stream *s, const char *host,
    int port, const locust__tls_how *how, locust__tls_ticket **ticket, const locust__allowance *a,
    bool *retry)
{
    (void)tls, (void)host, (void)port, (void)how, (void)ticket, (void)a;
    *retry = false;
    locust__stream_close(s);
    return LOCUST_ERR_TLS;
}
#endif
/* ============================================================================================
 * >>url  URLs and origins
 *
 * Purpose     take a URL apart; write a request's target as it goes over the wire; find the page
 *             that a reference means; the servers (origins) that a test talks to.
 * Names       locust__origin_ locust__url_
 * Sources     RFC 3986; requests, Locust's client, for what is escaped: all but reserved and
 *             unreserved characters and '%'.
 * Limits      hosts of up to 253 bytes, as DNS has them.
 * ============================================================================================ */

typedef struct locust__url {                    // views into the text
    locust__view scheme, user_info, host, rest; // rest: path and query, without fragment
    int port;                                   // 0: none given
} locust__url;

/* Splits scheme://[user@]host[:port][rest]. Whoever takes the scheme knows whether it is a good
 * one. */
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
        int64_t port = locust__number_of((locust__view){p + 1, (size_t)(end - p - 1)});
        if (port < 1 || port > 65535)
            return LOCUST_ERR_URL;
        url->port = (int)port;
    }
    for (size_t i = 0; i < url->host.len; i++) // reg-name, RFC 3986 3.2.2; the literal was checked
        if (!locust__text_is_alnum(url->host.ptr[i]) &&
            !strchr("-._~!$&'()*+,;=%:", url->host.ptr[i]))
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
    // A bit for each ASCII character but controls, DEL and "#<>\^`{|} and the blank.
    static const uint64_t plain[2] = {0xAFFFFFF200000000u, 0x47FFFFFEAFFFFFFFu};
    size_t i = 0;
    if (!locust__buf_reserve_tight(out, text.len + 2))
        return;
    while (i < text.len && text.ptr[i] != '#') {
        size_t from = i;
        for (; i < text.len; i++) {
            unsigned char c = (unsigned char)text.ptr[i];
            if (c >= 128 || !(plain[c / 64] >> c % 64 & 1))
                break;
        }
        locust__buf_add_tight(out, text.ptr + from, i - from);
        if (i < text.len && text.ptr[i] != '#')
            locust__url_add_escaped(out, text.ptr[i++]);
    }
}

/* Appends text as application/x-www-form-urlencoded (WHATWG URL 5.2): a blank becomes '+'. */
static void locust__url_add_form(locust__buf *out, const char *text)
{
    for (; *text; text++) {
        bool plain = locust__text_is_digit(*text) ||
                     (locust__text_lower(*text) >= 'a' && locust__text_lower(*text) <= 'z') ||
                     strchr("-._~", *text);
        if (plain || *text == ' ')
            locust__buf_add_tight(out, plain ? text : "+", 1);
        else
            locust__url_add_escaped(out, *text);
    }
}

/* Appends name=value&name=value, with `lead` in front of the first. */
static void locust__url_add_pairs(locust__buf *out, const locust_pair *pairs, const char *lead)
{
    for (; pairs && pairs->name; pairs++, lead = "&") {
        locust__buf_add_tight(out, lead, strlen(lead));
        locust__url_add_form(out, pairs->name);
        locust__buf_add_tight(out, "=", 1);
        locust__url_add_form(out, pairs->value ? pairs->value : "");
    }
}

/* Appends a request target: path and query of a host, then those of a request, then its parameters.
 */
static void locust__url_add_target(
    locust__buf *out, const char *prefix, const char *path, const locust_pair *params)
{
    size_t start = out->len;
    if (*prefix != '/' && (*prefix || *path != '/')) // a target begins with one
        locust__buf_add_tight(out, "/", 1);
    locust__url_add(out, locust__view_of(prefix));
    locust__url_add(out, locust__view_of(path));
    if (params && !out->failed)
        locust__url_add_pairs(
            out, params, memchr(out->ptr + start, '?', out->len - start) ? "&" : "?");
}

/* Is it an absolute URL? "/a?to=http://b" is not: the scheme comes first. */
static bool locust__url_is_absolute(const char *url)
{
    const char *scheme = *url == '/' ? NULL : strstr(url, "://"); // most are paths
    return scheme && (size_t)(scheme - url) < strcspn(url, "/?#");
}

/* Removes the segments "." and ".." from the path that begins at `at`, RFC 3986 5.2.4. */
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
    size_t scheme = strcspn(reference, ":/?#"), path;
    if (error)
        return error;
    if (reference[scheme] == ':') { // absolute
        locust__buf_add(out, reference, strcspn(reference, "#"));
    } else if (reference[0] == '/' && reference[1] == '/') {
        locust__buf_add(out, base, url.scheme.len + 1);
        locust__buf_add(out, reference, strcspn(reference, "#"));
    } else {
        path = strcspn(url.rest.ptr, "?#");
        locust__buf_add(out, base, (size_t)(url.rest.ptr - base));
        if (*reference == '?' || *reference == '#' || !*reference) { // the path stays as it is
            locust__buf_add(out, url.rest.ptr, *reference == '?' ? path : url.rest.len);
            locust__buf_add(out, reference, strcspn(reference, "#"));
            return out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
        }
        if (*reference != '/') {
            while (path && url.rest.ptr[path - 1] != '/')
                path--;
            locust__buf_add(out, path ? url.rest.ptr : "/", path ? path : 1);
        }
        locust__buf_add(out, reference, strcspn(reference, "#"));
    }
    locust__buf_add(out, "", 1);
    if (out->failed)
        return LOCUST_ERR_MEMORY;
    out->len--;
    if (locust__url_parse(out->ptr, &url) == LOCUST_OK)
        locust__url_remove_dots(out, (size_t)(url.rest.ptr - out->ptr));
    return LOCUST_OK;
}

/* A server as connections see it: scheme, host and port. A test has one of each. */
typedef struct locust__origin {
    struct locust__origin *next;
    int port;
    bool secure;     // https
    char *url;       // scheme://host[:port], whose end is
    char *authority; // host[:port], for the field Host
    char host[];     // without the brackets of an IPv6 literal
} locust__origin;

/* The origin of an http or https URL, made if it is new. NULL: no memory. */
static locust__origin *locust__origin_of(
    locust__origin **first, locust__arena *arena, const locust__url *url, bool secure)
{
    int usual = secure ? 443 : 80, port = url->port ? url->port : usual;
    locust__origin *origin;
    size_t len = url->host.len;
    const char *format = memchr(url->host.ptr, ':', len) ? "[%.*s]" : "%.*s";
    int n;
    for (origin = *first; origin; origin = origin->next)
        if (origin->port == port && origin->secure == secure &&
            locust__view_is_nocase(url->host, origin->host))
            return origin;
    origin = locust__arena_zalloc(arena, sizeof *origin + 2 * len + 24);
    if (!origin)
        return NULL;
    memcpy(origin->host, url->host.ptr, len);
    origin->port = port;
    origin->secure = secure;
    origin->url = origin->host + len + 1;
    memcpy(origin->url, secure ? "https://" : "http://", secure ? 8 : 7);
    origin->authority = origin->url + (secure ? 8 : 7);
    n = snprintf(origin->authority, len + 3, format, (int)len, url->host.ptr);
    if (port != usual) // RFC 9110 7.2: the default port may be left out
        snprintf(origin->authority + n, 8, ":%d", port);
    origin->next = *first;
    *first = origin;
    return origin;
}

/* Appends text, percent-decoded: user:password of a URL. */
static void locust__url_decode(locust__buf *out, locust__view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int code = c == '%' && i + 2 < text.len ? locust__number_hex(text.ptr + i + 1, 2) : -1;
        if (code >= 0) {
            c = (char)code;
            i += 2;
        }
        locust__buf_add(out, &c, 1);
    }
}
#endif

#if LOCUST__LAYERS >= 5
/* ============================================================================================
 * >>head  heads of HTTP/1.1 messages
 *
 * Purpose     what the heads of requests and responses have in common: tokens, lists, field lines,
 *             and the fields that say how long the body is and whether the connection persists.
 * Invariants  a message that is framed in two ways is refused. Nothing is read behind `end`, and a
 *             head that lacks its last byte is never taken for a whole one.
 * Cost        one pass over the head, eight bytes at a time, that checks and copies.
 * Names       locust__http_ locust__body_
 * Sources     RFC 9112: 2.2 (line ends), 5 (fields), 6.3 (body length), 9.3 (persistence).
 *             RFC 9110: 5.5, 5.6 (values, tokens, lists).
 * Limits      lines may end in a bare LF (RFC 9112 2.2).
 *
 *   a parser copies the fields, so that they can be handed out as C strings:
 *
 *     name \0 value \0  name \0 value \0  \0
 * ============================================================================================ */

typedef struct locust__http_framing { // what the fields say of the body and the connection
    int minor;                        // of HTTP/1.x
    bool keep, close;                 // Connection has keep-alive, close
    bool chunked, coded;              // Transfer-Encoding: there is one; it is not just "chunked"
    bool sized;                       // there is a Content-Length
    int64_t length;
} locust__http_framing;

enum locust__body { // how the body of a message ends
    LOCUST__BODY_NONE,
    LOCUST__BODY_SIZED,
    LOCUST__BODY_CHUNKED,
    LOCUST__BODY_CLOSE
};

/* tchar, RFC 9110 5.6.2. The table has a bit for each ASCII character. */
static bool locust__http_token_char(char c)
{
    static const uint64_t bits[2] = {0x03FF6CFA00000000u, 0x57FFFFFFC7FFFFFEu};
    unsigned char u = (unsigned char)c;
    return u < 128 && (bits[u / 64] >> u % 64 & 1);
}

/* How many token characters the text begins with. Nearly all are letters, which need no table. */
static inline size_t locust__http_token_len(locust__view v)
{
    const char *p = v.ptr, *end = p + v.len;
    while (p < end && ((unsigned char)((*p | 0x20) - 'a') < 26 || locust__http_token_char(*p)))
        p++;
    return (size_t)(p - v.ptr);
}

static bool locust__http_is_token(locust__view v)
{
    return v.len > 0 && locust__http_token_len(v) == v.len;
}

/* Sets the top bit of each of eight bytes that needs a closer look: in a field name all but letters
 * and hyphens, in a value control characters alone (bytes from 128 on are plain there). The
 * additions work on seven bits a byte, so that none carries into the next byte. */
static inline uint64_t locust__http_others(uint64_t word, bool in_name)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones * 0x80, low = word & ~tops;
    const uint64_t lower = low | ones * 0x20;
    const uint64_t from_a = lower + ones * (0x80 - 'a'), past_z = lower + ones * (0x7F - 'z');
    const uint64_t not_hyphen = (low ^ ones * '-') + ones * 0x7F;
    const uint64_t from_space = low + ones * (0x80 - ' '),
                   not_del = (low ^ ones * 0x7F) + ones * 0x7F;
    return in_name ? (((~from_a | past_z) & not_hyphen) | word) & tops
                   : ~((from_space & not_del) | word) & tops;
}

/* field-content, RFC 9110 5.5: no control character but HTAB. */
static inline bool locust__http_value_char(char c)
{
    return (unsigned char)c >= ' ' ? c != 127 : c == '\t';
}

static bool locust__http_is_value(locust__view v)
{
    for (size_t i = 0; i < v.len;) {
        uint64_t word;
        if (i + 8 <= v.len) {
            memcpy(&word, v.ptr + i, 8);
            if (!locust__http_others(word, false)) {
                i += 8;
                continue;
            }
        }
        if (!locust__http_value_char(v.ptr[i++]))
            return false;
    }
    return true;
}

static bool locust__http_blank(char c) // OWS, RFC 9110 5.6.3
{
    return c == ' ' || c == '\t';
}

static locust__view locust__http_trim(locust__view v)
{
    const char *p = v.ptr, *end = p + v.len;
    while (p < end && locust__http_blank(*p))
        p++;
    while (p < end && locust__http_blank(end[-1]))
        end--;
    return (locust__view){p, (size_t)(end - p)};
}

/* Takes the next element off a comma-separated list. False: the list has ended. */
static bool locust__http_next(locust__view *list, locust__view *element)
{
    const char *p = list->ptr;
    size_t n = 0;
    if (!p)
        return false;
    while (n < list->len && p[n] != ',') // elements are too short for memchr to pay
        n++;
    *element = (locust__view){p, n};
    *list = n < list->len ? (locust__view){p + n + 1, list->len - n - 1} : (locust__view){NULL, 0};
    *element = locust__http_trim(*element);
    return true;
}

/* The length of a head with its empty line; 0: it is not complete. *scanned is 0 at first; it lets
 * the next look begin where this one ended. */
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

/* Copies the bytes that a name or a value may hold. *from stops at the first other byte. Returns
 * the end of the copy. It writes eight bytes at a time, so bytes behind the copy may change, but
 * never more bytes in all than there were up to `end`. */
static inline char *locust__http_copy(const char **from, const char *end, char *to, bool in_name)
{
    const char *p = *from;
    for (;;) {
        if (end - p >= 8) {
            uint64_t word, others;
            size_t n;
            memcpy(&word, p, 8);
            memcpy(to, &word, 8);
            others = locust__http_others(word, in_name);
            n = others ? locust__text_first_top(others) : 8;
            p += n;
            to += n;
            if (n == 8)
                continue;
        }
        if (p == end || !(in_name ? locust__http_token_char(*p) : locust__http_value_char(*p)))
            break;
        *to++ = *p++;
    }
    *from = p;
    return to;
}

/* Takes the end of a line: CRLF, or LF alone (RFC 9112 2.2). */
static inline bool locust__http_line_end(const char **from, const char *end)
{
    const char *p = *from;
    if (p < end && *p == '\r')
        p++;
    if (p == end || *p != '\n')
        return false;
    *from = p + 1;
    return true;
}

/* Copies the rest of a line without the blanks around it, and takes the line's end. Returns the end
 * of the copy; NULL: the line has a byte that a value may not have. */
static inline char *locust__http_copy_line(const char **from, const char *end, char *to)
{
    char *start = to;
    while (*from < end && locust__http_blank(**from))
        ++*from;
    to = locust__http_copy(from, end, to, false);
    while (to > start && locust__http_blank(to[-1]))
        to--;
    return locust__http_line_end(from, end) ? to : NULL;
}

/* Content-Length = 1*DIGIT */
static bool locust__http_one_length(locust__http_framing *f, locust__view digits)
{
    int64_t length = locust__number_of(digits);
    if (length < 0 || length == INT64_MAX || (f->sized && f->length != length))
        return false;
    f->sized = true;
    f->length = length;
    return true;
}

/* A list that repeats one number means that number, RFC 9112 6.3. */
static bool locust__http_length(locust__http_framing *f, locust__view value)
{
    locust__view element;
    if (locust__http_one_length(f, value)) // nearly always
        return true;
    while (locust__http_next(&value, &element))
        if (!locust__http_one_length(f, element))
            return false;
    return true;
}

/* Compares a name or value of at least 8 bytes with `lower` (same length, a-z and '-' only),
 * ignoring case. Setting bit 0x20 is enough: no other byte of a name or value becomes a letter or
 * hyphen by it. */
static bool locust__http_is_name(locust__view name, const char *lower)
{
    for (size_t i = 0;;) {
        uint64_t word, want;
        memcpy(&word, name.ptr + i, 8);
        memcpy(&want, lower + i, 8);
        if ((word | 0x2020202020202020u) != want)
            return false;
        if (i + 8 == name.len)
            return true;
        i = i + 16 <= name.len ? i + 8 : name.len - 8; // the last eight may overlap those before
    }
}

/* Notes what a field says of the body or the connection. */
static inline locust_error locust__http_note_field(
    locust__http_framing *f, locust__view name, locust__view value)
{
    locust__view element;
    if (name.len == 14 && locust__http_is_name(name, "content-length")) {
        if (!locust__http_length(f, value))
            return LOCUST_ERR_HTTP_LENGTH;
    } else if (name.len == 17 && locust__http_is_name(name, "transfer-encoding")) {
        if (f->chunked || !locust__view_is_nocase(value, "chunked"))
            f->coded = true; // we know no other coding
        f->chunked = true;
    } else if (name.len == 10 && locust__http_is_name(name, "connection")) {
        if (value.len == 10 && locust__http_is_name(value, "keep-alive")) { // the usual value
            f->keep = true;
            return LOCUST_OK;
        }
        while (locust__http_next(&value, &element)) {
            f->close |= locust__view_is_nocase(element, "close");
            f->keep |= locust__view_is_nocase(element, "keep-alive");
        }
    }
    return LOCUST_OK;
}

/* obs-fold, RFC 9112 5.2: appends the lines that continue a value, which ends at `to`, with a blank
 * for each line's end. NULL: a line has a forbidden byte, or the field frames the message. */
LOCUST__APART static char *locust__http_unfold(
    const char **from, const char *end, locust__view name, const char *value, char *to)
{
    while (*from < end && locust__http_blank(**from)) {
        char *more = to + (to > value); // leaves room for the blank
        char *more_end = locust__http_copy_line(from, end, more);
        if (!more_end || locust__view_is_nocase(name, "content-length") ||
            locust__view_is_nocase(name, "transfer-encoding"))
            return NULL;
        if (more_end == more)
            continue; // an empty line adds nothing: blanks around a value are not part of it
        if (more > to)
            *to = ' ';
        to = more_end;
    }
    return to;
}

/* Takes one field line, field-name ":" OWS field-value OWS, and copies name and value to *to, each
 * with a '\0'. The views are of the copies. */
static inline locust_error locust__http_field_line(
    const char **from, const char *end, char **to, locust__view *name, locust__view *value)
{
    const char *p = *from;
    char *at = *to;
    name->ptr = at;
    at = locust__http_copy(&p, end, at, true);
    name->len = (size_t)(at - name->ptr);
    if (!name->len || p == end || *p != ':') // no space goes before the colon, RFC 9112 5.1
        return LOCUST_ERR_HTTP_FIELD;
    p++;
    *at++ = '\0';
    value->ptr = at;
    at = locust__http_copy_line(&p, end, at);
    if (at && p < end && locust__http_blank(*p))
        at = locust__http_unfold(&p, end, *name, value->ptr, at);
    if (!at)
        return LOCUST_ERR_HTTP_FIELD;
    value->len = (size_t)(at - value->ptr);
    *at++ = '\0';
    *to = at;
    *from = p;
    return LOCUST_OK;
}

/* After the last field: refuses a message that is framed in two ways, or in one that we lack. */
static inline locust_error locust__http_check_framing(const locust__http_framing *f)
{
    if (f->chunked && f->sized)
        return LOCUST_ERR_HTTP_LENGTH_TWICE;
    return f->coded ? LOCUST_ERR_HTTP_ENCODING : LOCUST_OK;
}

/* Does the connection persist after a message whose body ends that way? RFC 9112 9.3. */
static bool locust__http_persists(const locust__http_framing *f, enum locust__body kind)
{
    return kind != LOCUST__BODY_CLOSE && !f->close && (f->minor >= 1 || (f->keep && !f->chunked));
}

/* Steps through copied fields, as in the picture above. False: there is no further one. */
static bool locust__http_next_copied(const char **at, const char **name, const char **value)
{
    if (!**at)
        return false;
    *name = *at;
    *value = *name + strlen(*name) + 1;
    *at = *value + strlen(*value) + 1;
    return true;
}
/* ============================================================================================
 * >>response_head  the head of a response
 *
 * Purpose     the status line, and what a status says of the body.
 * Names       locust__response_head_
 * Uses        >>head
 * Sources     RFC 9112 4 (status line), 6.3 (body length).
 *
 *   what is kept of a response's head:
 *
 *     reason \0  name \0 value \0  name \0 value \0  \0
 * ============================================================================================ */

typedef struct locust__response_head {
    locust__http_framing framing;
    int status;
    bool cookies; // there is a Set-Cookie
} locust__response_head;

/* status-line = HTTP-version SP 3DIGIT SP [reason]; the last SP may be missing. Copies the reason
 * and a '\0' to *to. */
static locust_error locust__response_head_status_line(
    const char **from, const char *end, locust__response_head *h, char **to)
{
    const char *p = *from;
    size_t n = (size_t)(end - p);
    if (n < 7 || memcmp(p, "HTTP/1.", 7) != 0)
        return LOCUST_ERR_HTTP_VERSION;
    if (n < 13 || !locust__text_is_digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
        !locust__text_is_digit(p[10]) || !locust__text_is_digit(p[11]) ||
        (p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
        return LOCUST_ERR_HTTP_STATUS_LINE;
    h->framing.minor = p[7] - '0';
    h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    *from = p + 12;
    *to = locust__http_copy_line(from, end, *to);
    if (!*to)
        return LOCUST_ERR_HTTP_STATUS_LINE;
    *(*to)++ = '\0';
    return LOCUST_OK;
}

/* Takes the field lines and the empty line behind them. */
static locust_error locust__response_head_fields(
    const char **from, const char *end, locust__response_head *h, char **to)
{
    const char *p = *from; // stays in a register: stores through *to could change *from
    char *at = *to;
    while (!locust__http_line_end(&p, end)) {
        locust__view name, value;
        locust_error error = locust__http_field_line(&p, end, &at, &name, &value);
        if (!error)
            error = locust__http_note_field(&h->framing, name, value);
        if (error)
            return error;
        if (name.len == 10 && locust__http_is_name(name, "set-cookie"))
            h->cookies = true;
    }
    *at++ = '\0';
    *to = at;
    *from = p;
    return LOCUST_OK;
}

/* Parses a head with its empty line at the front of n bytes, and appends its texts to `kept`, which
 * has room for n. *used: the length of the head. An incomplete head is an error as well, and leaves
 * `kept` as it was. */
static locust_error locust__response_head_parse(
    const char *p, size_t n, locust__response_head *h, locust__buf *kept, size_t *used)
{
    const char *at = p, *end = p + n;
    char *to = kept->ptr + kept->len;
    locust_error error;
    memset(h, 0, sizeof *h);
    error = locust__response_head_status_line(&at, end, h, &to);
    if (!error)
        error = locust__response_head_fields(&at, end, h, &to);
    if (!error)
        error = locust__http_check_framing(&h->framing);
    if (error)
        return error;
    kept->len = (size_t)(to - kept->ptr);
    *used = (size_t)(at - p);
    return LOCUST_OK;
}

/* How the body ends, RFC 9112 6.3. `to_head`: the request was a HEAD. */
static enum locust__body locust__response_head_body(const locust__response_head *h, bool to_head)
{
    if (to_head || h->status < 200 || h->status == 204 || h->status == 304)
        return LOCUST__BODY_NONE;
    return h->framing.chunked ? LOCUST__BODY_CHUNKED
           : h->framing.sized ? LOCUST__BODY_SIZED
                              : LOCUST__BODY_CLOSE;
}
/* ============================================================================================
 * >>receive  reading messages from a stream
 *
 * Purpose     the heads of responses, interim ones too; bodies of any message: by length, by chunks
 *             with trailers, or to the end of the connection.
 * Invariants  the bytes may come in any pieces. No byte after the message is taken from the
 *             stream. Memory grows by what has come, not by what the peer has announced.
 * Cost        a head and a body that came in one piece are copied once.
 * Names       locust__receive_
 * Uses        >>co >>stream >>head >>response_head
 * Sources     RFC 9112 6.3 (body length), 7.1 (chunks); RFC 9110 15.2 (interim responses).
 * Limits      the heads of one response and its trailers LOCUST_MAX_HEADER bytes in all; a body
 *             LOCUST_MAX_BODY, unless a sink takes it; a chunk-size line 4096 bytes, extensions
 *             64 KB in all. Chunks end in CRLF, not in a bare LF. Trailers are checked and dropped.
 * ============================================================================================ */

/* The error of an end of the stream where a message must not end. */
static locust_error locust__receive_cut(locust_error error, locust_error cut)
{
    return error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT ? cut : error;
}

/* The same inside a body: says that a part of an answer came. */
static locust_error locust__receive_body_cut(locust_error error)
{
    return error == LOCUST_ERR_RESET ? LOCUST_ERR_HTTP_BODY_RESET
                                     : locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
}

/* Takes a body that is not kept, piece by piece. */
typedef struct locust__receive_sink {
    locust_error (*take)(struct locust__receive_sink *sink, const char *bytes, size_t n);
} locust__receive_sink;

/* Why the first bytes of a response are not a head; LOCUST_OK: a byte more may tell. A TLS server
 * answers plain text with an alert record, whose first two bytes are its type and version (RFC 8446
 * 5.1). */
static locust_error locust__receive_no_head(const char *p, size_t n)
{
    if (n >= 2 && p[0] == 0x15 && p[1] == 3)
        return LOCUST_ERR_TLS_PORT;
    return n == 1 && p[0] == 0x15 ? LOCUST_OK : LOCUST_ERR_HTTP_VERSION;
}

/* When the last bytes came. */
static int64_t locust__receive_when(const locust_stream *s)
{
    return s->arrived_ns ? s->arrived_ns : s->net->loop->now_ns;
}

/* Waits for more bytes of a message that has begun, and notes how long they took. */
LOCUST__APART static locust_error locust__receive_rest(
    locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    int64_t before_ns = locust__receive_when(s), pause_ns;
    locust_error error = locust__stream_fill(s, deadline_ns);
    pause_ns = locust__receive_when(s) - before_ns;
    if (!error && pause_ns > s->pause_ns)
        s->pause_ns = pause_ns;
    return error;
}

/* Reads one head and appends it to `kept`. *budget: how many bytes of head may still come.
 * *first_ns, if 0, becomes the time when the first bytes came. */
static locust_error locust__receive_head(locust_stream *s, locust__response_head *h,
    locust__buf *kept, size_t *budget, int64_t *first_ns, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0, n = 0;
    locust_error error;
    for (;;) {
        size_t look = s->in_len < *budget ? s->in_len : *budget, room = kept->cap - kept->len;
        if (look && !*first_ns)
            *first_ns = s->arrived_ns ? s->arrived_ns : locust__os_now_ns();
        // At once, not when the head is complete: another protocol's server may wait for us.
        if (look && memcmp(s->in, "HTTP/1.", look < 7 ? look : 7) != 0) {
            error = locust__receive_no_head(s->in, look);
            if (error)
                return error;
        }
        // The usual case: the whole head is here, and fits into the memory of the last one.
        if (!scanned && look && room &&
            locust__response_head_parse(s->in, look < room ? look : room, h, kept, &n) == LOCUST_OK)
            break;
        n = locust__http_head_end(s->in, look, &scanned);
        if (n) {
            error = locust__buf_reserve_tight(kept, n)
                        ? locust__response_head_parse(s->in, n, h, kept, &n)
                        : LOCUST_ERR_MEMORY;
            if (error)
                return error;
            break;
        }
        if (s->in_len >= *budget)
            return LOCUST_ERR_HTTP_HEAD_SIZE;
        error = look ? locust__receive_rest(s, deadline_ns) : locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__receive_cut(
                error, s->in_len ? LOCUST_ERR_HTTP_HEAD_CUT : LOCUST_ERR_HTTP_NO_RESPONSE);
    }
    locust__stream_take(s, n);
    *budget -= n;
    return LOCUST_OK;
}

/* Waits for more bytes of a body. */
static locust_error locust__receive_more(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__receive_body_cut(locust__receive_rest(s, deadline_ns));
}

/* Hands n bytes of body to the sink. */
static locust_error locust__receive_pass_bytes(
    locust_stream *s, locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    while (n) {
        size_t some;
        locust_error error = s->in_len ? LOCUST_OK : locust__receive_more(s, deadline_ns);
        if (error)
            return error;
        some = s->in_len < n ? s->in_len : (size_t)n;
        error = sink->take(sink, s->in, some);
        if (error)
            return error;
        locust__stream_take(s, some);
        n -= some;
    }
    return LOCUST_OK;
}

/* Reads n bytes of body: appends them, or hands them to the sink if there is one. */
static locust_error locust__receive_bytes(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    if (sink)
        return locust__receive_pass_bytes(s, sink, n, deadline_ns);
    while (n) {
        size_t got, want;
        locust_error error;
        // Reads the last piece into a buffer with room for more. A short read shows that the socket
        // is drained, and bytes behind the body show before the stream carries another request.
        if (!s->in_len && n <= LOCUST__LOOP_SCRATCH) {
            error = locust__receive_more(s, deadline_ns);
            if (error)
                return error;
        }
        // Reserves for what can come now, not for n: a length is cheap to claim.
        want = s->in_len ? s->in_len : LOCUST__LOOP_SCRATCH;
        if (want > n)
            want = (size_t)n;
        if (!locust__buf_reserve_tight(body, want + 1))
            return LOCUST_ERR_MEMORY;
        error = locust__stream_read(s, body->ptr + body->len, want, &got, deadline_ns);
        if (error)
            return locust__receive_body_cut(error);
        body->len += got;
        n -= got;
    }
    return LOCUST_OK;
}

/* Waits until the unread bytes begin with a whole line, which must end in CRLF and be no longer
 * than `limit`. *n: its length with the CRLF; 0 if it is longer than the limit and its end has not
 * come. */
static locust_error locust__receive_need_line(
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
            return *n >= 2 && lf[-1] == '\r' && *n <= limit ? LOCUST_OK : LOCUST_ERR_HTTP_CHUNK;
        }
        scanned = s->in_len;
        if (scanned >= limit)
            return LOCUST_ERR_HTTP_CHUNK;
        error = locust__receive_more(s, deadline_ns);
        if (error)
            return error;
    }
}

/* chunk-size [ chunk-ext ], RFC 9112 7.1; extensions are skipped, as 7.1.1 says. */
static locust_error locust__receive_chunk_size(locust__view line, uint64_t *size)
{
    size_t i = 0;
    *size = 0;
    for (; i < line.len; i++) {
        int digit = locust__number_hex_digit(line.ptr[i]);
        if (digit < 0)
            break;
        if (*size >> 59)
            return LOCUST_ERR_HTTP_CHUNK;
        *size = *size << 4 | (unsigned)digit;
    }
    line = locust__view_skip(line, i);
    if (!i || !locust__http_is_value(line))
        return LOCUST_ERR_HTTP_CHUNK;
    line = locust__http_trim(line);
    return !line.len || *line.ptr == ';' ? LOCUST_OK : LOCUST_ERR_HTTP_CHUNK;
}

/* field-line = field-name ":" OWS field-value OWS, RFC 9112 5 */
static bool locust__receive_is_field(locust__view line)
{
    size_t n = locust__http_token_len(line);
    return n > 0 && n < line.len && line.ptr[n] == ':' &&
           locust__http_is_value(locust__view_skip(line, n));
}

/* Reads the trailer fields, which it checks and drops, and the empty line that ends the message. */
static locust_error locust__receive_trailers(
    locust_stream *s, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        size_t n;
        locust_error error = locust__receive_need_line(s, budget, &n, deadline_ns);
        if (error)
            return error == LOCUST_ERR_HTTP_CHUNK && (!n || n > budget) ? LOCUST_ERR_HTTP_HEAD_SIZE
                                                                        : error;
        if (n > 2 && !locust__receive_is_field((locust__view){s->in, n - 2}))
            error = LOCUST_ERR_HTTP_FIELD;
        locust__stream_take(s, n);
        budget -= n;
        if (error || n == 2)
            return error;
    }
}

/* Reads a chunked body and its trailers. */
static locust_error locust__receive_chunks(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len, extensions = 65536;
    for (;;) {
        uint64_t size;
        size_t n;
        locust_error error = locust__receive_need_line(s, 4096, &n, deadline_ns);
        if (!error)
            error = locust__receive_chunk_size((locust__view){s->in, n - 2}, &size);
        if (error)
            return error;
        locust__stream_take(s, n);
        if (n > 18) { // longer than any size: bounds the sum of extensions, whatever the chunks are
            if (n > extensions)
                return LOCUST_ERR_HTTP_CHUNK;
            extensions -= n;
        }
        if (!size)
            return locust__receive_trailers(s, budget, deadline_ns);
        if (!sink && size > LOCUST_MAX_BODY - (body->len - start))
            return LOCUST_ERR_HTTP_BODY_SIZE;
        error = locust__receive_bytes(s, body, sink, size, deadline_ns);
        if (!error)
            error = locust__receive_need_line(s, 2, &n, deadline_ns);
        if (error)
            return error;
        locust__stream_take(s, 2);
    }
}

/* Reads a body that ends with the connection. */
static locust_error locust__receive_to_close(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len;
    for (;;) {
        locust_error error = s->in_len ? LOCUST_OK : locust__receive_rest(s, deadline_ns);
        if (error == LOCUST_ERR_CLOSED)
            return LOCUST_OK;
        if (error) // a reset may have lost bytes, and so may a TLS peer that does not say its end
            return error == LOCUST_ERR_RESET ? LOCUST_ERR_HTTP_BODY_RESET : error;
        if (!sink && body->len - start + s->in_len > LOCUST_MAX_BODY)
            return LOCUST_ERR_HTTP_BODY_SIZE;
        if (sink)
            error = sink->take(sink, s->in, s->in_len);
        else if (!locust__buf_reserve_tight(body, s->in_len + 1))
            error = LOCUST_ERR_MEMORY;
        else
            locust__buf_add_tight(body, s->in, s->in_len);
        if (error)
            return error;
        locust__stream_take(s, s->in_len);
    }
}

/* Reads the head of the final response into `kept` at `start`. Drops interim ones, RFC 9110 15.2.
 */
static locust_error locust__receive_final(locust_stream *s, locust__response_head *h,
    locust__buf *kept, size_t start, size_t *budget, int64_t *first_ns,
    int64_t deadline_ns) LOCUST__PARKS
{
    do {
        locust_error error;
        kept->len = start;
        error = locust__receive_head(s, h, kept, budget, first_ns, deadline_ns);
        if (error)
            return error;
        if (h->status == 101)
            return LOCUST_ERR_HTTP_UPGRADE; // we asked for no upgrade
    } while (h->status < 200);
    return LOCUST_OK;
}

/* Reads a body that ends in that way: appends it to `kept`, or hands it to the sink if there is
 * one. `length`: of LOCUST__BODY_SIZED. `budget`: bytes that trailers may have. */
static locust_error locust__receive_body(locust_stream *s, enum locust__body kind, int64_t length,
    locust__buf *kept, locust__receive_sink *sink, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    switch (kind) {
    case LOCUST__BODY_NONE:
        break;
    case LOCUST__BODY_SIZED:
        return !sink && length > LOCUST_MAX_BODY
                   ? LOCUST_ERR_HTTP_BODY_SIZE
                   : locust__receive_bytes(s, kept, sink, (uint64_t)length, deadline_ns);
    case LOCUST__BODY_CHUNKED:
        return locust__receive_chunks(s, kept, sink, budget, deadline_ns);
    case LOCUST__BODY_CLOSE:
        return locust__receive_to_close(s, kept, sink, deadline_ns);
    }
    return LOCUST_OK;
}
/* ============================================================================================
 * >>write  writing the head of a message
 *
 * Purpose     appends fields to a buffer of fixed size, and refuses those that could end their
 *             line.
 * Invariants  an error is remembered: write all of a head first, then look once.
 * Names       locust__writer_ locust__pair_
 * Uses        >>head
 * ============================================================================================ */

typedef struct locust__writer {
    char *ptr, *end; // what is free of the buffer
    locust_error error;
} locust__writer;

static inline void locust__writer_add(locust__writer *w, locust__view text)
{
    if ((size_t)(w->end - w->ptr) < text.len) {
        w->error = LOCUST_ERR_HTTP_REQUEST_SIZE;
        return;
    }
    memcpy(w->ptr, text.ptr, text.len);
    w->ptr += text.len;
}

/* Inline, so that a literal's length is a constant. */
static inline void locust__writer_puts(locust__writer *w, const char *text)
{
    locust__writer_add(w, locust__view_of(text));
}

/* One field. A byte in it that could end the line is an error. */
static void locust__writer_field(locust__writer *w, const char *name, const char *value)
{
    locust__view v = locust__view_of(value ? value : "");
    if (!locust__http_is_token(locust__view_of(name)) || !locust__http_is_value(v)) {
        w->error = LOCUST_ERR_HTTP_REQUEST;
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

/* The value of the first pair with that name, in any case; NULL: there is none. */
static const char *locust__pair_find(const locust_pair *fields, const char *name)
{
    for (; fields && fields->name; fields++)
        if (locust__view_is_nocase(locust__view_of(fields->name), name))
            return fields->value ? fields->value : "";
    return NULL;
}
/* ============================================================================================
 * >>json  JSON, read and written
 *
 * Purpose     finds a value of a JSON text by its path, checks a whole text, and writes strings.
 * Invariants  whatever the text is, nothing is read outside it.
 * Cost        a search is one pass up to the value. Nothing is allocated.
 * Names       locust__json_
 * Sources     RFC 8259 (JSON).
 * Limits      a search compares keys as they stand in the text, escapes and all; a path cannot
 *             name a key with a dot or a bracket. It skips containers by their brackets, without
 *             a check; locust__json_is_valid checks all, up to 512 levels.
 *
 *   a path:  name.list[2].name   or  [0].name   or  ""  for the whole
 * ============================================================================================ */

/* Skips blanks. */
static const char *locust__json_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* The end of the string whose opening quote is at p; NULL: it does not end. */
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

/* The end of the value at p; NULL: there is no value. */
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

/* Steps through the members of an object; *p is NULL before the first. False: there is no further
 * one. */
static bool locust__json_member(
    locust__view object, const char **p, locust__view *key, locust__view *value)
{
    const char *end = object.ptr + object.len, *at, *stop;
    at = locust__json_blank(*p ? *p : object.ptr + 1, end);
    if (*p && at < end && *at == ',')
        at = locust__json_blank(at + 1, end);
    if (at >= end || *at != '"' || (stop = locust__json_string_end(at, end)) == NULL)
        return false;
    *key = (locust__view){at + 1, (size_t)(stop - at) - 2};
    at = locust__json_blank(stop, end);
    at = locust__json_blank(at + (at < end), end); // behind the colon
    stop = locust__json_value_end(at, end);
    if (!stop)
        return false;
    *value = (locust__view){at, (size_t)(stop - at)};
    *p = stop;
    return true;
}

/* Steps through the elements of an array; *p is NULL before the first. False: there is no further
 * one. */
static bool locust__json_element(locust__view array, const char **p, locust__view *value)
{
    const char *end = array.ptr + array.len, *at, *stop;
    if (!*p && (!array.len || *array.ptr != '['))
        return false;
    at = locust__json_blank(*p ? *p : array.ptr + 1, end);
    if (*p && at < end && *at == ',')
        at = locust__json_blank(at + 1, end);
    if (at >= end || *at == ']' || (stop = locust__json_value_end(at, end)) == NULL)
        return false;
    *value = (locust__view){at, (size_t)(stop - at)};
    *p = stop;
    return true;
}

/* Replaces a container by its member or element that *path names first, and moves *path behind that
 * name. False: there is none. */
static bool locust__json_step(locust__view *value, const char **path)
{
    const char *p = value->ptr + 1, *end = value->ptr + value->len, *stop;
    bool array = **path == '[';
    const char *key = *path + (array || **path == '.'), *digits = key;
    size_t key_len = strcspn(key, array ? "]" : ".[");
    int64_t index = array ? locust__number_whole(&digits) : 0;
    if (!value->len || *value->ptr != (array ? '[' : '{') || !key_len ||
        (array && (key[key_len] != ']' || digits != key + key_len)))
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

/* Where the digits from i on end. */
static size_t locust__json_digits(locust__view v, size_t i)
{
    while (i < v.len && locust__text_is_digit(v.ptr[i]))
        i++;
    return i;
}

/* number = [ minus ] int [ frac ] [ exp ], RFC 8259 section 6 */
static bool locust__json_is_number(locust__view v)
{
    size_t from = v.len && *v.ptr == '-', i = locust__json_digits(v, from);
    if (i == from || (v.ptr[from] == '0' && i > from + 1)) // no zero goes before other digits
        return false;
    if (i < v.len && v.ptr[i] == '.') {
        from = i + 1;
        i = locust__json_digits(v, from);
        if (i == from)
            return false;
    }
    if (i < v.len && (v.ptr[i] == 'e' || v.ptr[i] == 'E')) {
        from = i + 1;
        from += from < v.len && (v.ptr[from] == '+' || v.ptr[from] == '-');
        i = locust__json_digits(v, from);
        if (i == from)
            return false;
    }
    return i == v.len;
}

/* The end of the string, number or word at p, fully checked; NULL: it is not valid. */
static const char *locust__json_scalar(const char *p, const char *end)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *stop = p;
    if (*p == '"') {
        stop = locust__json_string_end(p, end);
        for (; stop && p < stop; p++)
            if (*p == '\\') {
                int hex = *++p == 'u' ? 4 : 0;
                if (!*p || !strchr("\"\\/bfnrtu", *p) || end - p <= hex)
                    return NULL;
                if (locust__number_hex(p + 1, hex) < 0)
                    return NULL;
                p += hex;
            }
        return stop;
    }
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(end - p) >= len && memcmp(p, words[i], len) == 0)
            return p + len;
    }
    while (stop < end && (locust__text_is_digit(*stop) || (*stop && strchr("+-.eE", *stop))))
        stop++;
    return stop > p && locust__json_is_number((locust__view){p, (size_t)(stop - p)}) ? stop : NULL;
}

enum { LOCUST__JSON_DEPTH = 512 };

/* Is the text one JSON value, RFC 8259, nested no deeper than 512 levels? The levels are a stack of
 * closing brackets, so that no input can recurse. */
static bool locust__json_is_valid(locust__view text)
{
    enum { VALUE, NAME, AFTER } expects = VALUE;
    const char *p = text.ptr, *end = p + text.len;
    char closing[LOCUST__JSON_DEPTH];
    int depth = 0;
    for (;;) {
        p = locust__json_blank(p, end);
        if (expects == AFTER && !depth)
            return p == end;
        if (p == end)
            return false;
        if (expects == AFTER) {
            char close = closing[depth - 1], c = *p++;
            if (c == close)
                depth--;
            else if (c == ',')
                expects = close == '}' ? NAME : VALUE;
            else
                return false;
        } else if (expects == NAME) {
            p = *p == '"' ? locust__json_scalar(p, end) : NULL;
            p = p ? locust__json_blank(p, end) : end;
            if (p == end || *p++ != ':')
                return false;
            expects = VALUE;
        } else if (*p == '{' || *p == '[') {
            char close = *p++ == '{' ? '}' : ']';
            if (depth == LOCUST__JSON_DEPTH)
                return false;
            closing[depth++] = close;
            p = locust__json_blank(p, end);
            expects = p < end && *p == close ? AFTER : close == '}' ? NAME : VALUE;
        } else {
            p = locust__json_scalar(p, end);
            if (!p)
                return false;
            expects = AFTER;
        }
    }
}

/* Finds the value at `path` of a JSON text. False: the text ends in something else, or lacks the
 * path. */
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

/* Writes a code point in UTF-8; returns how many bytes. */
static size_t locust__json_utf8(char *out, long code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 63));
    out[0] = (char)(n == 1 ? code : (0xF00 >> n & 0xFF) | code);
    return (size_t)n;
}

/* Decodes a string with its quotes into out[size]. False: it is not a string, a C string cannot
 * hold it, or it does not fit. */
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
            const char *at = v.ptr[++i] ? strchr(from, v.ptr[i]) : NULL;
            if (at) {
                text[0] = to[at - from];
            } else {
                long code =
                    v.ptr[i] == 'u' && i + 5 < v.len ? locust__number_hex(v.ptr + i + 1, 4) : -1;
                i += 4;
                if (code >= 0xD800 && code < 0xDC00 && i + 7 < v.len && v.ptr[i + 1] == '\\' &&
                    v.ptr[i + 2] == 'u') { // the first of a surrogate pair
                    long low = locust__number_hex(v.ptr + i + 3, 4);
                    code = low >= 0xDC00 && low < 0xE000
                               ? 0x10000 + (code - 0xD800) * 1024 + low - 0xDC00
                               : -1;
                    i += 6;
                }
                if (code <= 0 || (code >= 0xD800 && code < 0xE000))
                    return false; // a lone surrogate, or U+0000
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

/* Appends the text as a JSON string. What is no UTF-8 becomes U+FFFD (RFC 8259 8.1). */
static void locust__json_put(locust__buf *out, const char *text)
{
    locust__buf_puts(out, "\"");
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        if (code == '"' || code == '\\')
            locust__buf_puts(out, "\\");
        if (code < ' ')
            locust__buf_printf(out, "\\u%04x", (unsigned)code);
        else
            locust__buf_add(out, c.ptr, c.len);
    }
    locust__buf_puts(out, "\"");
}
/* ============================================================================================
 * >>extract  values out of a response: patterns, text between
 *
 * Purpose     finds a text in a response, for the next request of the test.
 * Cost        a pattern is compiled once for a test; a search runs on the loop's stack.
 * Names       locust__extract_ locust__pattern_ locust__search_
 * Sources     POSIX regular expressions (regcomp), extended syntax.
 * ============================================================================================ */

/* Copies n bytes as a string. False: they do not fit. */
static bool locust__extract_copy(const char *from, size_t n, char *out, size_t size)
{
    if (n >= size)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

/* Copies what stands between the first `left` and the first `right` after it. False: there is no
 * such text, or it does not fit. */
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
    void (*free_regex)(
        regex_t *); // regfree; through a pointer, a test without patterns links no regex
    char text[];
} locust__pattern;

/* The compiled form of a pattern, compiled at its first use. Ends the program if it is invalid.
 * NULL: no memory. */
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
        locust__die(LOCUST__EXIT_USAGE,
            "locust_match() cannot use the regular expression \"%s\": %s", text, why);
    }
    pattern->free_regex = regfree;
    pattern->next = *first;
    *first = pattern;
    return pattern;
}

static void locust__pattern_free_all(locust__pattern *first)
{
    while (first) {
        locust__pattern *pattern = first;
        first = pattern->next;
        pattern->free_regex(&pattern->regex);
        LOCUST_FREE(pattern);
    }
}

/* A call on the loop's stack: regexec and strtod need much of it in some libraries. */
typedef struct locust__search {
    locust__pattern **patterns; // of the test
    const char *text, *regex;
    int group;
    regmatch_t match; // of the group, if found
    bool found;
    double number; // by locust__search_number
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
    locust__locale locale = locust__locale_enter();
    search->number = strtod(search->text, NULL);
    locust__locale_leave(locale);
}
/* ============================================================================================
 * >>cookie  the cookies of one user
 *
 * Purpose     takes Set-Cookie fields, and finds the cookies that a request sends.
 * Invariants  a jar is in the order in which cookies are sent: longer paths first, older ones first
 *             among equals.
 * Cost        some 100 bytes a cookie. A request looks at all cookies of its user.
 * Names       locust__cookie_ locust__jar_
 * Uses        >>address >>url >>head
 * Sources     RFC 6265 5.1 to 5.4; RFC 6265bis 5.7, its successor, for Secure over plain HTTP and
 *             the prefixes __Host- and __Secure-.
 * Limits      4096 bytes a cookie, 1024 a value of its attributes (longer ones are ignored), 50
 *             cookies for a domain (the oldest go), 3000 in all. There is no list of public
 *             suffixes: a Domain without an inner dot is refused unless it is the host itself, so
 *             "com" and "localnet" are refused, and "co.uk" is accepted.
 * ============================================================================================ */

typedef struct locust__jar_cookie {
    struct locust__jar_cookie *next;
    uint64_t born;     // the jar's count when the cookie first came
    int64_t expires_s; // since 1970; INT64_MAX: lasts as long as the user
    bool host_only, secure;
    const char *domain, *path, *value; // behind the name
    char name[];
} locust__jar_cookie;

typedef struct locust__jar {
    locust__jar_cookie *first;
    uint64_t born; // cookies that ever came
    int n;
} locust__jar;

typedef struct
    locust__cookie_site { // of a request: what decides which cookies it sends and may set
    const char *host;
    locust__view path;
    bool secure; // https
} locust__cookie_site;

/* The site of a request to the origin with that target. */
static locust__cookie_site locust__cookie_site_of(const locust__origin *origin, const char *target)
{
    return (locust__cookie_site){origin->host, {target, strcspn(target, "?")}, origin->secure};
}

enum { LOCUST__COOKIE_BYTES = 4096, LOCUST__COOKIE_MAX_DOMAIN = 50, LOCUST__COOKIE_MAX = 3000 };

static void locust__jar_clear(locust__jar *jar)
{
    while (jar->first) {
        locust__jar_cookie *c = jar->first;
        jar->first = c->next;
        LOCUST_FREE(c);
    }
    jar->n = 0;
}

static void locust__jar_remove(locust__jar *jar, locust__jar_cookie **at)
{
    locust__jar_cookie *c = *at;
    *at = c->next;
    LOCUST_FREE(c);
    jar->n--;
}

/* RFC 6265 5.1.3; `domain` is in lower case. */
static bool locust__cookie_domain_matches(const char *host, const char *domain)
{
    size_t host_len = strlen(host), len = strlen(domain);
    locust__addr unused;
    if (strcasecmp(host, domain) == 0)
        return true;
    return host_len > len && strcasecmp(host + host_len - len, domain) == 0 &&
           host[host_len - len - 1] == '.' && !locust__addr_parse(&unused, host, 0);
}

/* RFC 6265 5.1.4 */
static bool locust__cookie_path_matches(locust__view path, const char *cookie_path)
{
    size_t len = strlen(cookie_path);
    return path.len >= len && memcmp(path.ptr, cookie_path, len) == 0 &&
           (path.len == len || cookie_path[len - 1] == '/' || path.ptr[len] == '/');
}

/* The path of a cookie that names none: the directory of the page. RFC 6265 5.1.4. */
static locust__view locust__cookie_default_path(locust__view path)
{
    while (path.len > 1 && path.ptr[path.len - 1] != '/')
        path.len--;
    if (path.len > 1)
        path.len--;
    return path.len && *path.ptr == '/' ? path : (locust__view){"/", 1};
}

/* RFC 6265 5.1.1 */
static bool locust__cookie_delimiter(char c)
{
    return c == '\t' || (c >= 0x20 && c <= 0x2F) || (c >= 0x3B && c <= 0x40) ||
           (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
}

/* Takes a number of min to max digits off the front of *p. False: there are fewer or more. */
static bool locust__cookie_digits(locust__view *p, int min, int max, int *out)
{
    int n = 0, value = 0;
    while (n < max && (size_t)n < p->len && locust__text_is_digit(p->ptr[n]))
        value = value * 10 + (p->ptr[n++] - '0');
    if (n < min || ((size_t)n < p->len && locust__text_is_digit(p->ptr[n])))
        return false;
    *p = locust__view_skip(*p, (size_t)n);
    *out = value;
    return true;
}

/* hh:mm:ss; whatever follows is ignored. */
static bool locust__cookie_time(locust__view t, int hms[3])
{
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            if (!t.len || *t.ptr != ':')
                return false;
            t = locust__view_skip(t, 1);
        }
        if (!locust__cookie_digits(&t, 1, 2, &hms[i]))
            return false;
    }
    return true;
}

/* 1 to 12; 0: the word does not begin like a month. */
static int locust__cookie_month(locust__view t)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (const char *name = names; t.len >= 3 && *name; name += 3)
        if (strncasecmp(t.ptr, name, 3) == 0)
            return (int)(name - names) / 3 + 1;
    return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. A year begins in March here, so that a
 * leap day is its last day; 400 years have 146097 days, and 719468 lie between 0000-03-01 and 1970.
 */
static int64_t locust__cookie_days(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1, era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Reads a date as browsers do, RFC 6265 5.1.1: the first word that may be the time, the day, the
 * month or the year is it, in any order. */
static bool locust__cookie_date(locust__view text, int64_t *out_s)
{
    int hms[3] = {0, 0, 0}, day = 0, month = 0, year = 0;
    bool timed = false, dated = false, yeared = false;
    while (text.len) {
        locust__view token = text, rest;
        size_t n = 0;
        while (n < text.len && !locust__cookie_delimiter(text.ptr[n]))
            n++;
        token.len = n;
        rest = token;
        if (!n)
            n = 1;
        else if (!timed && locust__cookie_time(token, hms))
            timed = true;
        else if (!dated && locust__cookie_digits(&rest, 1, 2, &day))
            dated = true;
        else if (!month && locust__cookie_month(token))
            month = locust__cookie_month(token);
        else if (!yeared && locust__cookie_digits(&rest, 2, 4, &year))
            yeared = true;
        text = locust__view_skip(text, n);
    }
    if (yeared && year < 100)
        year += year >= 70 ? 1900 : 2000;
    if (!timed || !dated || !month || !yeared || day < 1 || day > 31 || year < 1601 ||
        hms[0] > 23 || hms[1] > 59 || hms[2] > 59)
        return false;
    if (day > 28 && locust__cookie_days(year, month, day) >=
                        locust__cookie_days(year + month / 12, month % 12 + 1, 1))
        return false; // the month is shorter
    *out_s = locust__cookie_days(year, month, day) * 86400 + (int64_t)3600 * hms[0] +
             (int64_t)60 * hms[1] + hms[2];
    return true;
}

typedef struct locust__cookie_text { // a Set-Cookie field taken apart
    locust__view name, value, domain, path;
    bool secure, has_domain, has_age;
    int64_t expires_s;
} locust__cookie_text;

/* Takes "name=value" off the front of *text, which goes on behind the next ';'. */
static void locust__cookie_next(
    locust__view *text, locust__view *name, locust__view *value, bool *pair)
{
    const char *stop = memchr(text->ptr, ';', text->len), *equals;
    size_t n = stop ? (size_t)(stop - text->ptr) : text->len;
    equals = memchr(text->ptr, '=', n);
    *pair = equals != NULL;
    *name = (locust__view){text->ptr, equals ? (size_t)(equals - text->ptr) : n};
    *value = equals ? (locust__view){equals + 1, n - name->len - 1} : (locust__view){"", 0};
    *name = locust__http_trim(*name);
    *value = locust__http_trim(*value);
    *text = stop ? (locust__view){stop + 1, text->len - n - 1} : (locust__view){text->ptr + n, 0};
}

/* -?[0-9]+, else the attribute is ignored. */
static void locust__cookie_max_age(locust__cookie_text *t, locust__view value, int64_t now_s)
{
    bool negative = value.len && *value.ptr == '-';
    int64_t seconds = locust__number_of(locust__view_skip(value, negative));
    if (seconds < 0)
        return;
    t->has_age = true;
    t->expires_s = negative || !seconds              ? INT64_MIN
                   : seconds > INT64_MAX - now_s - 1 ? INT64_MAX - 1
                                                     : now_s + seconds;
}

/* Takes a Set-Cookie field apart, RFC 6265 5.2. False: it is not a cookie. */
static bool locust__cookie_parse(locust__cookie_text *t, locust__view text, int64_t now_s)
{
    locust__view name, value;
    bool pair;
    memset(t, 0, sizeof *t);
    t->expires_s = INT64_MAX;
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 127)
            return false;
    locust__cookie_next(&text, &t->name, &t->value, &pair);
    if (!pair || !t->name.len || t->name.len + t->value.len > LOCUST__COOKIE_BYTES)
        return false;
    while (text.len) {
        int64_t date_s;
        locust__cookie_next(&text, &name, &value, &pair);
        if (value.len > 1024)
            continue;
        if (locust__view_is_nocase(name, "secure")) {
            t->secure = true;
        } else if (locust__view_is_nocase(name, "domain") && value.len) {
            bool dot = *value.ptr == '.';
            t->domain = locust__view_skip(value, dot);
            t->has_domain = true;
        } else if (locust__view_is_nocase(name, "path")) {
            t->path = value.len && *value.ptr == '/' ? value : (locust__view){NULL, 0};
        } else if (locust__view_is_nocase(name, "max-age")) {
            locust__cookie_max_age(t, value, now_s);
        } else if (locust__view_is_nocase(name, "expires") && locust__cookie_date(value, &date_s) &&
                   !t->has_age) {
            t->expires_s = date_s;
        }
    }
    return true;
}

/* May the site set that cookie? *host_only: it goes to the site's host alone. RFC 6265 5.3, 5 and
 * 6. */
static bool locust__cookie_allowed(
    locust__cookie_text *t, const locust__cookie_site *site, bool *host_only)
{
    char domain[256];
    bool host_prefix = t->name.len >= 7 && strncasecmp(t->name.ptr, "__Host-", 7) == 0;
    bool secure_prefix = t->name.len >= 9 && strncasecmp(t->name.ptr, "__Secure-", 9) == 0;
    *host_only = !t->has_domain || locust__view_is_nocase(t->domain, "");
    if (!*host_only) {
        if (t->domain.len >= sizeof domain)
            return false;
        memcpy(domain, t->domain.ptr, t->domain.len);
        domain[t->domain.len] = '\0';
        if (!locust__cookie_domain_matches(site->host, domain))
            return false;
        if (!memchr(
                t->domain.ptr, '.', t->domain.len - 1)) { // the final dot of "com." does not count
            if (strcasecmp(site->host, domain) != 0)
                return false;
            *host_only = true;
        }
    }
    if (t->secure && !site->secure)
        return false;
    if ((secure_prefix || host_prefix) && !t->secure)
        return false;
    return !host_prefix || (*host_only && !t->has_domain && locust__view_is(t->path, "/"));
}

/* One allocation holds a cookie and its texts. NULL: no memory. */
static locust__jar_cookie *locust__cookie_new(
    const locust__cookie_text *t, locust__view domain, locust__view path)
{
    size_t bytes = t->name.len + t->value.len + domain.len + path.len + 4;
    locust__jar_cookie *c = locust__memory_zalloc(sizeof *c + bytes);
    char *p;
    if (!c)
        return NULL;
    p = c->name;
    memcpy(p, t->name.ptr, t->name.len);
    c->value = p += t->name.len + 1;
    memcpy(p, t->value.ptr, t->value.len);
    c->domain = p += t->value.len + 1;
    for (size_t i = 0; i < domain.len; i++)
        p[i] = locust__text_lower(domain.ptr[i]);
    c->path = p += domain.len + 1;
    memcpy(p, path.ptr, path.len);
    c->expires_s = t->expires_s;
    c->secure = t->secure;
    return c;
}

/* Removes what has expired, RFC 6265 5.3. */
static void locust__jar_expire(locust__jar *jar, int64_t now_s)
{
    for (locust__jar_cookie **at = &jar->first; *at;)
        if ((*at)->expires_s <= now_s)
            locust__jar_remove(jar, at);
        else
            at = &(*at)->next;
}

/* Makes room for one more: removes the oldest cookie of a domain that is full, or of a jar that is.
 */
static void locust__jar_trim(locust__jar *jar, const char *domain)
{
    for (;;) {
        locust__jar_cookie **oldest = NULL, **oldest_here = NULL;
        int here = 0;
        for (locust__jar_cookie **at = &jar->first; *at; at = &(*at)->next) {
            const locust__jar_cookie *c = *at;
            bool same = strcmp(c->domain, domain) == 0;
            here += same;
            if (!oldest || c->born < (*oldest)->born)
                oldest = at;
            if (same && (!oldest_here || c->born < (*oldest_here)->born))
                oldest_here = at;
        }
        if (oldest_here && here >= LOCUST__COOKIE_MAX_DOMAIN)
            locust__jar_remove(jar, oldest_here);
        else if (oldest && jar->n >= LOCUST__COOKIE_MAX)
            locust__jar_remove(jar, oldest);
        else
            return;
    }
}

/* Inserts a cookie at its place in the order of sending. */
static void locust__jar_insert(locust__jar *jar, locust__jar_cookie *c)
{
    locust__jar_cookie **at = &jar->first;
    size_t len = strlen(c->path);
    while (
        *at && (strlen((*at)->path) > len || (strlen((*at)->path) == len && (*at)->born < c->born)))
        at = &(*at)->next;
    c->next = *at;
    *at = c;
    jar->n++;
}

/* RFC 6265bis 5.7: does the jar hold a secure cookie of the same name that goes where the new one
 * would go? A cookie from plain HTTP must neither replace it nor be sent in its place. */
static bool locust__jar_has_secure(const locust__jar *jar, const locust__jar_cookie *c)
{
    for (const locust__jar_cookie *old = jar->first; old; old = old->next)
        if (old->secure && strcmp(old->name, c->name) == 0 &&
            (locust__cookie_domain_matches(old->domain, c->domain) ||
                locust__cookie_domain_matches(c->domain, old->domain)) &&
            locust__cookie_path_matches(locust__view_of(c->path), old->path))
            return true;
    return false;
}

/* Takes one Set-Cookie field: adds, replaces or removes a cookie. False: it was refused. */
static bool locust__jar_take(
    locust__jar *jar, const locust__cookie_site *site, locust__view text, int64_t now_s)
{
    locust__cookie_text t;
    locust__jar_cookie *c;
    locust__view domain = locust__view_of(site->host);
    bool host_only;
    if (!locust__cookie_parse(&t, text, now_s) || !locust__cookie_allowed(&t, site, &host_only))
        return false;
    c = locust__cookie_new(&t, host_only ? domain : t.domain,
        t.path.len ? t.path : locust__cookie_default_path(site->path));
    if (!c)
        return false;
    c->host_only = host_only;
    c->born = ++jar->born;
    locust__jar_expire(jar, now_s);
    if (!site->secure && locust__jar_has_secure(jar, c)) {
        LOCUST_FREE(c);
        return false;
    }
    for (locust__jar_cookie **at = &jar->first; *at; at = &(*at)->next)
        if (strcmp((*at)->name, c->name) == 0 && strcmp((*at)->domain, c->domain) == 0 &&
            strcmp((*at)->path, c->path) == 0) {
            c->born = (*at)->born; // the new one takes the old one's place in the order
            locust__jar_remove(jar, at);
            break;
        }
    if (c->expires_s <= now_s) {
        LOCUST_FREE(c);
        return true;
    }
    locust__jar_trim(jar, c->domain);
    locust__jar_insert(jar, c);
    return true;
}

/* The first cookie from `c` on that a request to the site sends; NULL: there is none. */
static locust__jar_cookie *locust__jar_match(
    locust__jar_cookie *c, const locust__cookie_site *site, int64_t now_s)
{
    while (c && !(c->expires_s > now_s && (!c->secure || site->secure) &&
                    (c->host_only ? strcasecmp(site->host, c->domain) == 0
                                  : locust__cookie_domain_matches(site->host, c->domain)) &&
                    locust__cookie_path_matches(site->path, c->path)))
        c = c->next;
    return c;
}
/* ============================================================================================
 * >>auth  HTTP authentication: Basic, Digest
 *
 * Purpose     writes the value of an Authorization field, and reads the challenges that ask for
 *             one.
 * Cost        one allocation for each server that sends a Digest challenge; three hashes a request.
 * Names       locust__auth_ locust__digest_
 * Uses        >>head
 * Sources     RFC 9110 11 (challenges), RFC 7617 (Basic), RFC 7616 (Digest).
 * Limits      Digest with MD5 and SHA-256, their -sess forms, qop auth or none. No auth-int, no
 *             userhash: a challenge that offers nothing else is left to the test.
 * ============================================================================================ */

typedef struct locust__digest { // a server's challenge, for the requests that follow it
    struct locust__digest *next;
    const void *origin; // the server, by identity
    char realm[128], nonce[256], opaque[256];
    bool sha256, sess, named, qop; // algorithm, whether the server named it, qop=auth
    uint32_t uses;                 // how often the nonce was used
} locust__digest;

static void locust__digest_free_all(locust__digest **first)
{
    while (*first) {
        locust__digest *d = *first;
        *first = d->next;
        LOCUST_FREE(d);
    }
}

/* Appends the value of an Authorization field for Basic, and a '\0'. */
static void locust__auth_basic(locust__buf *out, const char *credentials)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__buf_printf(&text, "%s%s", credentials, strchr(credentials, ':') ? "" : ":");
    locust__buf_puts(out, "Basic ");
    locust__base64_encode(out, (locust__view){text.ptr, text.len});
    locust__buf_add(out, "", 1);
    out->failed |= text.failed;
    locust__buf_free(&text);
}

/* Skips the commas and blanks between the elements of a list. */
static locust__view locust__auth_skip_separators(locust__view v)
{
    while (v.len && (*v.ptr == ',' || locust__http_blank(*v.ptr)))
        v = locust__view_skip(v, 1);
    return v;
}

/* Copies the value at the front of `p` to `text`, as far as it fits. Returns what follows the
 * value. */
static locust__view locust__auth_value(locust__view p, char *text, size_t size)
{
    bool quoted = p.len && *p.ptr == '"';
    size_t n = 0, i = quoted;
    for (; i < p.len && (quoted ? p.ptr[i] != '"' : p.ptr[i] != ',' && p.ptr[i] != ' '); i++) {
        if (quoted && p.ptr[i] == '\\' && i + 1 < p.len) // quoted-pair, RFC 9110 5.6.4
            i++;
        if (n + 1 < size)
            text[n++] = p.ptr[i];
    }
    text[n] = '\0';
    return locust__view_skip(p, i + (quoted && i < p.len)); // behind the closing quote
}

/* Takes name=value off the front of a challenge's parameters. A value may be quoted. False: there
 * is no parameter; *in does not move. */
static bool locust__auth_param(locust__view *in, locust__view *name, char *text, size_t size)
{
    locust__view p = locust__auth_skip_separators(*in);
    *name = (locust__view){p.ptr, locust__http_token_len(p)};
    p = locust__http_trim(locust__view_skip(p, name->len));
    if (!name->len || !p.len || *p.ptr != '=')
        return false;
    p = locust__http_trim(locust__view_skip(p, 1));
    *in = locust__auth_value(p, text, size);
    return true;
}

/* Skips the token68 that may follow a scheme in place of parameters, RFC 9110 11.2. */
static locust__view locust__auth_skip_token68(locust__view in)
{
    locust__view rest = locust__http_trim(in);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] &&
           (locust__text_is_alnum(rest.ptr[n]) || strchr("-._~+/", rest.ptr[n])))
        n++;
    while (n && n < rest.len && rest.ptr[n] == '=')
        n++;
    rest = locust__http_trim(locust__view_skip(rest, n));
    return n && (!rest.len || *rest.ptr == ',') ? rest : in;
}

static bool locust__auth_has_token(const char *list, const char *token)
{
    locust__view v = locust__view_of(list), element;
    while (locust__http_next(&v, &element))
        if (locust__view_is_nocase(element, token))
            return true;
    return false;
}

/* Takes the parameters of a Digest challenge off the front of *in. False: the challenge asks for
 * something that we lack. */
static bool locust__digest_parse(locust__digest *d, locust__view *in, bool *stale)
{
    locust__view name;
    char value[256];
    bool known = true, qop = false;
    bool cut = false; // a text does not fit: an answer to a part of it would be wrong
    memset(d, 0, sizeof *d);
    *stale = false;
    while (locust__auth_param(in, &name, value, sizeof value)) {
        if (locust__view_is_nocase(name, "realm")) {
            cut |= snprintf(d->realm, sizeof d->realm, "%s", value) >= (int)sizeof d->realm;
        } else if (locust__view_is_nocase(name, "nonce")) {
            cut |= strlen(value) == sizeof value - 1;
            memcpy(d->nonce, value, sizeof value);
        } else if (locust__view_is_nocase(name, "opaque")) {
            cut |= strlen(value) == sizeof value - 1;
            memcpy(d->opaque, value, sizeof value);
        } else if (locust__view_is_nocase(name, "stale")) {
            *stale = strcasecmp(value, "true") == 0;
        } else if (locust__view_is_nocase(name, "qop")) {
            qop = true;
            d->qop = locust__auth_has_token(value, "auth");
        } else if (locust__view_is_nocase(name, "algorithm")) {
            size_t len = strlen(value);
            d->named = true;
            d->sess = len > 5 && strcasecmp(value + len - 5, "-sess") == 0;
            if (d->sess)
                value[len - 5] = '\0';
            d->sha256 = strcasecmp(value, "SHA-256") == 0;
            known = d->sha256 || strcasecmp(value, "MD5") == 0;
        }
    }
    return known && !cut && *d->nonce && (d->qop || !qop);
}

/* Looks for Digest challenges in one WWW-Authenticate field, which may hold several of any kind. *d
 * becomes the strongest that we can answer. */
static bool locust__auth_find_digest(locust__view in, locust__digest *d, bool *stale)
{
    bool found = false;
    while (in.len) {
        locust__view scheme, name;
        locust__digest one;
        char value[256];
        bool old;
        in = locust__auth_skip_separators(in);
        scheme = (locust__view){in.ptr, locust__http_token_len(in)};
        if (!scheme.len)
            break;
        in = locust__auth_skip_token68(locust__view_skip(in, scheme.len));
        if (!locust__view_is_nocase(scheme, "digest")) {
            while (locust__auth_param(&in, &name, value, sizeof value))
                ;
            continue;
        }
        if (locust__digest_parse(&one, &in, &old) && (!found || (one.sha256 && !d->sha256))) {
            *d = one;
            *stale = old;
            found = true;
        }
    }
    return found;
}

/* Appends name="text". */
static void locust__auth_quote(locust__buf *out, const char *name, const char *text)
{
    locust__buf_printf(out, "%s=\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            locust__buf_add(out, "\\", 1);
        locust__buf_add(out, text, 1);
    }
    locust__buf_add(out, "\"", 1);
}

/* Appends the value of an Authorization field that answers a challenge, RFC 7616 3.4, and a '\0'.
 */
LOCUST__APART static void locust__auth_digest(locust__buf *out, locust__digest *d,
    const char *credentials, const char *method, const char *target, uint64_t random)
{
    const char *colon = strchr(credentials, ':'), *password = colon ? colon + 1 : "";
    char user[256], ha1[LOCUST__HASH_HEX], ha2[LOCUST__HASH_HEX], answer[LOCUST__HASH_HEX];
    char count[12], once[20];
    locust__view nonce = locust__view_of(d->nonce);
    snprintf(user, sizeof user, "%.*s", (int)(colon ? colon - credentials : 255), credentials);
    snprintf(count, sizeof count, "%08lx", (unsigned long)++d->uses);
    snprintf(once, sizeof once, "%016llx", (unsigned long long)random);
    locust__hash_texts(d->sha256,
        (locust__view[]){
            locust__view_of(user), locust__view_of(d->realm), locust__view_of(password)},
        3, ha1);
    if (d->sess)
        locust__hash_texts(d->sha256,
            (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(once)}, 3, ha1);
    locust__hash_texts(
        d->sha256, (locust__view[]){locust__view_of(method), locust__view_of(target)}, 2, ha2);
    if (d->qop)
        locust__hash_texts(d->sha256,
            (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(count),
                locust__view_of(once), locust__view_of("auth"), locust__view_of(ha2)},
            6, answer);
    else
        locust__hash_texts(d->sha256,
            (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(ha2)}, 3, answer);
    locust__auth_quote(out, "Digest username", user);
    locust__auth_quote(out, ", realm", d->realm);
    locust__auth_quote(out, ", nonce", d->nonce);
    locust__auth_quote(out, ", uri", target);
    locust__auth_quote(out, ", response", answer);
    if (d->named)
        locust__buf_printf(
            out, ", algorithm=%s%s", d->sha256 ? "SHA-256" : "MD5", d->sess ? "-sess" : "");
    if (*d->opaque)
        locust__auth_quote(out, ", opaque", d->opaque);
    if (d->qop)
        locust__buf_printf(out, ", qop=auth, nc=%s", count);
    if (d->qop || d->sess)
        locust__auth_quote(out, ", cnonce", once);
    locust__buf_add(out, "", 1);
}
/* ============================================================================================
 * >>upload  bodies of requests, in pieces
 *
 * Purpose     gives the bytes of a body that is not in memory: from parts, from a file, from a
 *             function of the test.
 * Invariants  memory stays flat, however long a body is.
 * Cost        16 KB while an upload is under way.
 * Names       locust__upload_
 * Uses        >>head
 * Sources     RFC 7578 and the HTML standard 4.10.21.8 (multipart/form-data); RFC 9112 7.1
 *             (chunks).
 * Limits      a file is read without waiting in the poller: a slow disk holds up the loop.
 * ============================================================================================ */

enum { LOCUST__UPLOAD_BUFFER = 16384, LOCUST__UPLOAD_BOUNDARY = 32 };

typedef struct locust__upload {
    const locust_request *req;
    char boundary[LOCUST__UPLOAD_BOUNDARY];
    bool open;               // the body is streamed, not sent from memory
    int64_t len;             // -1: not known before the end
    int64_t left;            // of what was announced, with body_fn
    const locust_part *part; // the next one to begin; NULL: the last has ended
    int fd;                  // the file that is read; < 0: none
    int64_t file_left;
    locust__view text; // what goes before the next file
    locust__buf head;  // of a part, and its text
    char *piece;       // LOCUST__UPLOAD_BUFFER bytes
} locust__upload;

/* Appends a parameter of a part's head, quoted as browsers do it. */
static void locust__upload_part_quote(locust__buf *out, const char *name, const char *text)
{
    locust__buf_printf(out, "; %s=\"", name);
    for (; *text; text++) {
        const char *code = *text == '"'    ? "%22"
                           : *text == '\r' ? "%0D"
                           : *text == '\n' ? "%0A"
                                           : NULL;
        if (code)
            locust__buf_puts(out, code);
        else
            locust__buf_add(out, text, 1);
    }
    locust__buf_add(out, "\"", 1);
}

/* Appends what goes before a part's content; for the end of the list, what closes the body. */
static void locust__upload_part_head(
    locust__buf *out, const locust__upload *up, const locust_part *part)
{
    bool first = part == up->req->parts;
    const char *slash = part->path ? strrchr(part->path, '/') : NULL;
    const char *type = part->type ? part->type : part->path ? "application/octet-stream" : NULL;
    locust__buf_printf(
        out, "%s--%s%s\r\n", first ? "" : "\r\n", up->boundary, part->name ? "" : "--");
    if (!part->name)
        return;
    locust__buf_puts(out, "Content-Disposition: form-data");
    locust__upload_part_quote(out, "name", part->name);
    if (part->path)
        locust__upload_part_quote(out, "filename", slash ? slash + 1 : part->path);
    if (type)
        locust__buf_printf(out, "\r\nContent-Type: %s", type);
    locust__buf_puts(out, "\r\n\r\n");
}

static void locust__upload_close(locust__upload *up)
{
    if (up->fd >= 0)
        close(up->fd);
    up->fd = -1;
    locust__buf_free(&up->head);
    LOCUST_FREE(up->piece);
    up->piece = NULL;
    up->open = false;
}

static int64_t locust__upload_file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

/* Opens the next file to be read. */
static locust_error locust__upload_open_file(locust__upload *up, const char *path)
{
    up->file_left = locust__upload_file_size(path);
    if (up->file_left < 0)
        return LOCUST_ERR_HTTP_BODY_FILE;
    up->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (up->fd >= 0)
        return LOCUST_OK;
    return errno == EMFILE || errno == ENFILE ? LOCUST_ERR_FILES : LOCUST_ERR_HTTP_BODY_FILE;
}

/* Adds up the length of a multipart body, without reading its files. */
static locust_error locust__upload_measure(locust__upload *up)
{
    const locust_part *part = up->req->parts;
    up->len = 0;
    for (;; part++) {
        int64_t size = 0;
        up->head.len = 0;
        locust__upload_part_head(&up->head, up, part);
        if (up->head.failed)
            return LOCUST_ERR_MEMORY;
        if (part->name && part->type && !locust__http_is_value(locust__view_of(part->type)))
            return LOCUST_ERR_HTTP_REQUEST;
        if (part->name && part->path)
            size = locust__upload_file_size(part->path);
        else if (part->name)
            size = (int64_t)strlen(part->text ? part->text : "");
        if (size < 0)
            return LOCUST_ERR_HTTP_BODY_FILE;
        up->len += (int64_t)up->head.len + size;
        if (!part->name)
            return LOCUST_OK;
    }
}

/* Is this request's body streamed, rather than sent from memory? */
static bool locust__upload_wanted(const locust_request *req)
{
    return req->parts || req->body_path || req->body_fn;
}

/* Begins a body: once for each time that the request is sent. */
static locust_error locust__upload_open(
    locust__upload *up, const locust_request *req, uint64_t random)
{
    locust_error error = LOCUST_OK;
    memset(up, 0, sizeof *up);
    up->fd = -1;
    up->req = req;
    up->part = req->parts;
    snprintf(up->boundary, sizeof up->boundary, "locust-%016llx", (unsigned long long)random);
    if (req->parts) {
        error = locust__upload_measure(up);
    } else if (req->body_path) {
        error = locust__upload_open_file(up, req->body_path);
        up->len = up->file_left;
    } else {
        up->len = req->body_len ? (int64_t)req->body_len : -1;
    }
    up->piece = error ? NULL : LOCUST_MALLOC(LOCUST__UPLOAD_BUFFER);
    if (!error && !up->piece)
        error = LOCUST_ERR_MEMORY;
    up->left = up->len;
    up->open = true;
    if (error)
        locust__upload_close(up);
    return error;
}

/* Reads up to n bytes of the part's file, and closes it at its end. */
static locust_error locust__upload_read_file(locust__upload *up, char *out, size_t n, size_t *got)
{
    size_t want = (int64_t)n < up->file_left ? n : (size_t)up->file_left;
    ssize_t rc = read(up->fd, out, want);
    *got = rc > 0 ? (size_t)rc : 0;
    if (rc <= 0 && want)
        return LOCUST_ERR_HTTP_BODY_FILE; // it is shorter than it was
    up->file_left -= rc;
    if (!up->file_left) {
        close(up->fd);
        up->fd = -1;
    }
    return LOCUST_OK;
}

/* Begins the next part: its head with its text, or its file. */
static locust_error locust__upload_next_part(locust__upload *up)
{
    const locust_part *part = up->part++;
    locust_error error;
    up->head.len = 0;
    locust__upload_part_head(&up->head, up, part);
    if (part->name && !part->path)
        locust__buf_puts(&up->head, part->text ? part->text : "");
    if (up->head.failed)
        return LOCUST_ERR_MEMORY;
    up->text = (locust__view){up->head.ptr, up->head.len};
    if (!part->name)
        up->part = NULL;
    if (!part->name || !part->path)
        return LOCUST_OK;
    error = locust__upload_open_file(up, part->path);
    if (!error && !up->file_left) {
        close(up->fd);
        up->fd = -1;
    }
    return error;
}

/* Gives the next 1 to n bytes of the body; *got 0: the body has ended. */
static locust_error locust__upload_read(locust__upload *up, char *out, size_t n, size_t *got)
{
    ptrdiff_t given;
    *got = 0;
    if (up->req->body_fn && !up->req->parts && !up->req->body_path) {
        if (up->len >= 0 && (int64_t)n > up->left)
            n = (size_t)up->left;
        given = n ? up->req->body_fn(up->req->arg, out, n) : 0;
        if (given < 0 || (size_t)given > n || (!given && up->left > 0))
            return LOCUST_ERR_HTTP_BODY_FN;
        *got = (size_t)given;
        up->left -= up->len >= 0 ? given : 0;
        return LOCUST_OK;
    }
    while (up->part && !up->text.len && up->fd < 0) {
        locust_error error = locust__upload_next_part(up);
        if (error)
            return error;
    }
    if (up->text.len) {
        *got = n < up->text.len ? n : up->text.len;
        memcpy(out, up->text.ptr, *got);
        up->text = locust__view_skip(up->text, *got);
        return LOCUST_OK;
    }
    return up->fd >= 0 && up->file_left ? locust__upload_read_file(up, out, n, got) : LOCUST_OK;
}

/* Gives the next bytes as they go over the wire, chunked if the length is not known. *more false:
 * these are the last ones. */
static locust_error locust__upload_piece(locust__upload *up, locust__view *piece, bool *more)
{
    enum { HEAD = 10 }; // eight digits and a line end
    bool chunked = up->len < 0;
    char *at = up->piece + (chunked ? HEAD : 0), size[HEAD + 1];
    size_t got, room = LOCUST__UPLOAD_BUFFER - (chunked ? HEAD + 2 : 0);
    locust_error error = locust__upload_read(up, at, room, &got);
    int n;
    if (error)
        return error;
    if (up->req->parts || up->req->body_path) {
        up->left -= (int64_t)got;
        if (up->left < 0 || (!got && up->left)) // a file has changed since it was measured
            return LOCUST_ERR_HTTP_BODY_FILE;
    }
    *more = got > 0;
    *piece = (locust__view){at, got};
    if (!chunked)
        return LOCUST_OK;
    if (!got) {
        *piece = (locust__view){"0\r\n\r\n", 5};
        return LOCUST_OK;
    }
    n = snprintf(size, sizeof size, "%zx\r\n", got);
    memcpy(at - n, size, (size_t)n);
    at[got] = '\r';
    at[got + 1] = '\n';
    *piece = (locust__view){at - n, (size_t)n + got + 2};
    return LOCUST_OK;
}
/* ============================================================================================
 * >>sse  server-sent events
 *
 * Purpose     turns the bytes of an event stream into events for the test.
 * Invariants  the bytes may come in any pieces. A line and the data of one event are bounded by
 *             LOCUST_MAX_BODY together.
 * Names       locust__sse_
 * Sources     HTML standard 9.2 (server-sent events).
 * ============================================================================================ */

typedef struct locust__sse {
    locust_sse_fn fn;
    void *arg;
    locust__buf line, data, type, id; // the line so far; fields of the event so far
    int retry_ms;
    bool begun;    // the first line, which may have a byte order mark, is over
    bool after_cr; // an LF that comes next belongs to the CR before it
    bool stopped;  // the test has enough
} locust__sse;

static void locust__sse_free(locust__sse *e)
{
    locust__buf_free(&e->line);
    locust__buf_free(&e->data);
    locust__buf_free(&e->type);
    locust__buf_free(&e->id);
}

/* Replaces a text by a copy with a '\0'. */
static void locust__sse_set(locust__buf *b, locust__view text)
{
    b->len = 0;
    locust__buf_add(b, text.ptr, text.len);
    locust__buf_add(b, "", 1);
}

/* At an empty line: hands the event to the test, if it has data. False: the test has enough. */
static bool locust__sse_dispatch(locust__sse *e)
{
    locust_sse_event event = {.type = e->type.len > 1 ? e->type.ptr : "message",
        .data = e->data.ptr,
        .id = e->id.len ? e->id.ptr : "",
        .retry_ms = e->retry_ms};
    bool more = true;
    if (e->data.len) {
        e->data.ptr[e->data.len - 1] = '\0'; // in place of the last '\n'
        more = e->fn(e->arg, &event);
    }
    e->data.len = e->type.len = 0;
    return more;
}

/* Takes one line, HTML standard 9.2.6. False: the test has enough. */
static bool locust__sse_line(locust__sse *e, locust__view line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    locust__view name = {line.ptr, colon ? (size_t)(colon - line.ptr) : line.len};
    locust__view value = {"", 0};
    if (!line.len)
        return locust__sse_dispatch(e);
    if (colon) {
        value = locust__view_skip(line, name.len + 1);
        if (value.len && *value.ptr == ' ')
            value = locust__view_skip(value, 1);
    }
    if (locust__view_is(name, "data")) {
        locust__buf_add(&e->data, value.ptr, value.len);
        locust__buf_add(&e->data, "\n", 1);
    } else if (locust__view_is(name, "event")) {
        locust__sse_set(&e->type, value);
    } else if (locust__view_is(name, "id") && (!value.len || !memchr(value.ptr, 0, value.len))) {
        locust__sse_set(&e->id, value);
    } else if (locust__view_is(name, "retry")) {
        int64_t ms = locust__number_of(value);
        if (ms >= 0 && ms <= INT_MAX) // else the field is ignored
            e->retry_ms = (int)ms;
    }
    return true;
}

/* Takes bytes of the stream, in any pieces. Lines end in LF, CR or CRLF. */
static locust_error locust__sse_take(locust__sse *e, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        locust__view line;
        bool skip = e->after_cr && c == '\n';
        e->after_cr = c == '\r';
        if (skip)
            continue;
        if (c != '\n' && c != '\r') {
            locust__buf_add(&e->line, &c, 1);
            if (e->line.failed || e->line.len + e->data.len > LOCUST_MAX_BODY)
                return e->line.failed ? LOCUST_ERR_MEMORY : LOCUST_ERR_HTTP_BODY_SIZE;
            continue;
        }
        line = (locust__view){e->line.ptr, e->line.len};
        if (!e->begun && line.len >= 3 && memcmp(line.ptr, "\xEF\xBB\xBF", 3) == 0)
            line = locust__view_skip(line, 3);
        e->begun = true;
        e->line.len = 0;
        if (!locust__sse_line(e, line)) {
            e->stopped = true;
            return LOCUST_ERR_CANCELLED;
        }
        if (e->data.failed || e->type.failed || e->id.failed) // before the event loses that
            return LOCUST_ERR_MEMORY;
    }
    return LOCUST_OK;
}
/* ============================================================================================
 * >>body_out  where the body of a response goes
 *
 * Purpose     decodes a compressed body, and puts it into the user's block or hands it to the
 *             test's functions.
 * Invariants  a body that is kept is bounded by LOCUST_MAX_BODY after decoding.
 * Cost        44 KB while a compressed body is decoded, most of it zlib's.
 * Names       locust__body_out_
 * Uses        >>receive >>sse
 * Sources     RFC 9110 8.4.1 (gzip, deflate).
 * ============================================================================================ */

typedef struct locust__body_out { // the sink of one response
    locust__receive_sink sink;    // first: what >>receive calls
    const locust_request *req;
    locust__buf *kept; // where a body goes that no function takes
    uint64_t total;    // bytes so far, decoded
    locust__sse sse;
    bool coded; // gzip or deflate
#if LOCUST__WITH_ZLIB
    z_stream zip;
    char *out;             // LOCUST__BODY_OUT_UNZIPPED bytes; NULL: the decoder is not open
    bool done, raw, begun; // the last member has ended; no header; the header is known
    char head[2];          // of the body, to see what it is
    size_t head_len;
#endif
} locust__body_out;

/* Delivers decoded bytes. */
static locust_error locust__body_out_give(locust__body_out *d, const char *bytes, size_t n)
{
    d->total += n;
    if (!n) // the decoder needs more input
        return LOCUST_OK;
    if (d->req->on_event)
        return locust__sse_take(&d->sse, bytes, n);
    if (d->req->on_body)
        d->sse.stopped = !d->req->on_body(d->req->arg, bytes, n);
    if (d->sse.stopped)
        return LOCUST_ERR_CANCELLED;
    if (d->req->on_body)
        return LOCUST_OK;
    if (d->total > LOCUST_MAX_BODY)
        return LOCUST_ERR_HTTP_BODY_SIZE;
    if (!locust__buf_reserve_tight(d->kept, n + 1))
        return LOCUST_ERR_MEMORY;
    locust__buf_add_tight(d->kept, bytes, n);
    return LOCUST_OK;
}

#if LOCUST__WITH_ZLIB
enum { LOCUST__BODY_OUT_UNZIPPED = 8192 };

/* Decodes n bytes and delivers what they give. */
static locust_error locust__body_out_inflate(locust__body_out *d, const char *bytes, size_t n)
{
    d->zip.next_in = (Bytef *)(uintptr_t)bytes;
    d->zip.avail_in = (uInt)n;
    d->zip.avail_out = 0;
    while (d->zip.avail_in || !d->zip.avail_out) {
        locust_error error;
        int rc;
        if (d->done && !d->zip.avail_in)
            return LOCUST_OK;
        // Bytes behind the end: another member of a gzip file (RFC 1952 2.2), or rubbish.
        if (d->done && (d->raw || inflateReset(&d->zip) != Z_OK))
            return LOCUST_ERR_HTTP_CODED;
        d->zip.next_out = (Bytef *)d->out;
        d->zip.avail_out = LOCUST__BODY_OUT_UNZIPPED;
        rc = inflate(&d->zip, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR)
            return LOCUST_ERR_MEMORY;
        if (rc == Z_BUF_ERROR) // needs more input
            return LOCUST_OK;
        d->done = rc == Z_STREAM_END;
        error = locust__body_out_give(d, d->out, LOCUST__BODY_OUT_UNZIPPED - d->zip.avail_out);
        if (error)
            return error;
        if (rc != Z_OK && rc != Z_STREAM_END) // an error in the data, after good bytes
            return LOCUST_ERR_HTTP_CODED;
    }
    return LOCUST_OK;
}

/* Opens the decoder, once two bytes are there. "deflate" is zlib's format (RFC 9110 8.4.1.2), but
 * some servers send it without its header: the first two bytes tell (RFC 1950 2.2). */
static locust_error locust__body_out_begin(locust__body_out *d)
{
    unsigned first = (unsigned char)d->head[0], second = (unsigned char)d->head[1];
    bool gzip = first == 0x1F && second == 0x8B;
    bool zlib = (first & 15) == 8 && (first * 256 + second) % 31 == 0;
    d->begun = true;
    d->raw = !gzip && !zlib;
    d->out = LOCUST_MALLOC(LOCUST__BODY_OUT_UNZIPPED);
    if (!d->out)
        return LOCUST_ERR_MEMORY;
    if (inflateInit2(&d->zip, d->raw ? -15 : 15 + 32) != Z_OK) { // 32: gzip or zlib
        LOCUST_FREE(d->out);
        d->out = NULL;
        return LOCUST_ERR_MEMORY;
    }
    return locust__body_out_inflate(d, d->head, 2);
}

/* Takes coded bytes: the first two open the decoder. */
static locust_error locust__body_out_unzip(locust__body_out *d, const char *bytes, size_t n)
{
    locust_error error = LOCUST_OK;
    while (!error && !d->begun && n) {
        d->head[d->head_len++] = *bytes++;
        n--;
        if (d->head_len == 2)
            error = locust__body_out_begin(d);
    }
    return !error && n ? locust__body_out_inflate(d, bytes, n) : error;
}
#endif

static locust_error locust__body_out_take(locust__receive_sink *sink, const char *bytes, size_t n)
{
    locust__body_out *d = (locust__body_out *)(void *)sink;
#if LOCUST__WITH_ZLIB
    if (d->coded)
        return locust__body_out_unzip(d, bytes, n);
#endif
    return locust__body_out_give(d, bytes, n);
}

/* Prepares for a body of this coding; NULL: none. A coding that we lack is delivered as it came. */
static void locust__body_out_open(
    locust__body_out *d, const locust_request *req, const char *coding, locust__buf *kept)
{
    locust__view v = locust__view_of(coding ? coding : "");
    memset(d, 0, sizeof *d);
    d->sink.take = locust__body_out_take;
    d->req = req;
    d->kept = kept;
    d->sse = (locust__sse){.fn = req->on_event, .arg = req->arg, .retry_ms = -1};
    d->coded = locust__view_is_nocase(v, "gzip") || locust__view_is_nocase(v, "x-gzip") ||
               locust__view_is_nocase(v, "deflate");
}

/* Does a compressed body lack its end? */
static bool locust__body_out_is_cut(const locust__body_out *d)
{
#if LOCUST__WITH_ZLIB
    return d->coded && !(d->begun ? d->done : d->head_len == 0);
#else
    (void)d;
    return false;
#endif
}

/* Ends a body, complete or not. Returns the error of the whole, given the one of reading it. */
static locust_error locust__body_out_close(locust__body_out *d, locust_error error)
{
    if (d->sse.stopped) // the test had enough, which is no failure
        error = LOCUST_OK;
    else if (!error && locust__body_out_is_cut(d))
        error = LOCUST_ERR_HTTP_CODED;
    locust__sse_free(&d->sse);
#if LOCUST__WITH_ZLIB
    if (d->out)
        inflateEnd(&d->zip);
    LOCUST_FREE(d->out);
#endif
    return error;
}
/* ============================================================================================
 * >>proxy  proxies
 *
 * Purpose     the URL of a proxy, the proxies that environment variables name, and the hosts that
 *             no_proxy excepts.
 * Names       locust__proxy_
 * Uses        >>address >>url >>head >>auth
 * Sources     curl, for http_proxy, https_proxy, all_proxy and no_proxy.
 * Limits      proxies are plain HTTP with Basic credentials; no_proxy takes no networks such as
 *             10.0.0.0/8.
 * ============================================================================================ */

typedef struct locust__proxy {
    const char *host; // NULL: none
    int port;
    locust__view auth; // value of Proxy-Authorization, with a '\0' behind; empty: none
} locust__proxy;

typedef struct locust__proxy_env { // the proxies of the environment
    locust__proxy http, https;
    const char *exceptions; // no_proxy; NULL: none
    bool used;              // the test asked for them
} locust__proxy_env;

/* Parses [http://][user:password@]host[:port]; "" is no proxy. False: wrong, or no memory. */
static bool locust__proxy_parse(locust__proxy *proxy, locust__arena *arena, const char *text)
{
    locust__buf full = {NULL, 0, 0, false}, credentials = {NULL, 0, 0, false};
    locust__buf auth = {NULL, 0, 0, false};
    locust__url url;
    bool good;
    memset(proxy, 0, sizeof *proxy);
    if (!*text)
        return true;
    locust__buf_printf(&full, "%s%s", strstr(text, "://") ? "" : "http://", text);
    good = !full.failed && locust__url_parse(full.ptr, &url) == LOCUST_OK &&
           locust__view_is_nocase(url.scheme, "http");
    if (good) // control characters cannot be in credentials, RFC 7617 2
        locust__url_decode(&credentials, url.user_info);
    good = good && !credentials.failed &&
           locust__http_is_value((locust__view){credentials.ptr, credentials.len});
    if (good) {
        proxy->host = locust__arena_copy(arena, url.host.ptr, url.host.len);
        proxy->port = url.port ? url.port : 80;
        if (credentials.len) {
            locust__buf_add(&credentials, "", 1);
            if (!credentials.failed)
                locust__auth_basic(&auth, credentials.ptr);
            proxy->auth.ptr = auth.failed ? NULL : locust__arena_copy(arena, auth.ptr, auth.len);
            proxy->auth.len = proxy->auth.ptr ? auth.len : 0;
            good = proxy->auth.len > 0;
        }
    }
    locust__buf_free(&full);
    locust__buf_free(&credentials);
    locust__buf_free(&auth);
    return good && proxy->host;
}

/* Reads a variable as curl does: the lower-case name first. HTTP_PROXY is not read at all, because
 * the client of a CGI program can set it. */
static const char *locust__proxy_variable(const char *lower, const char *upper)
{
    const char *text = getenv(lower);
    if (!text && upper)
        text = getenv(upper);
    return text && *text ? text : NULL;
}

/* Takes over the proxies of the environment. NULL, or the text that is wrong. */
static const char *locust__proxy_env_read(locust__proxy_env *p, locust__arena *arena)
{
    const char *all = locust__proxy_variable("all_proxy", "ALL_PROXY");
    const char *http = locust__proxy_variable("http_proxy", NULL);
    const char *https = locust__proxy_variable("https_proxy", "HTTPS_PROXY");
    p->exceptions = locust__proxy_variable("no_proxy", "NO_PROXY");
    p->used = true;
    http = http ? http : all ? all : "";
    https = https ? https : all ? all : "";
    return !locust__proxy_parse(&p->http, arena, http)     ? http
           : !locust__proxy_parse(&p->https, arena, https) ? https
                                                           : NULL;
}

/* Is the host in a list such as "localhost,.example.com 10.0.0.1:8080,*"? Commas or blanks separate
 * the elements, and a domain stands for its hosts too. */
static bool locust__proxy_is_exception(const char *list, const locust__origin *origin)
{
    size_t host_len = strlen(origin->host);
    locust__addr unused;
    bool literal = locust__addr_parse(&unused, origin->host, 0); // not below anything
    for (list = list ? list : ""; *list;) {
        locust__view element = {list, strcspn(list, ", \t")};
        const char *colon = element.len ? memchr(element.ptr, ':', element.len) : NULL;
        bool six = colon && memchr(colon + 1, ':', element.len - (size_t)(colon - element.ptr) - 1);
        list += element.len + (list[element.len] != '\0');
        if (locust__view_is(element, "*"))
            return true;
        if (colon && !six) {
            const char *port = colon + 1;
            if (locust__number_whole(&port) != origin->port)
                continue;
            element.len = (size_t)(colon - element.ptr);
        }
        if (element.len && *element.ptr == '.')
            element = (locust__view){element.ptr + 1, element.len - 1};
        if (!element.len || element.len > host_len ||
            strncasecmp(origin->host + host_len - element.len, element.ptr, element.len) != 0)
            continue;
        if (element.len == host_len ||
            (!literal && origin->host[host_len - element.len - 1] == '.'))
            return true;
    }
    return false;
}
/* ============================================================================================
 * >>connect_to  --connect-to
 *
 * Purpose     rules to connect to another host and port than those of the URL, which stay in the
 *             request.
 * Names       locust__connect_to_
 * Uses        >>url
 * Sources     curl's option of this name.
 * ============================================================================================ */

typedef struct locust__connect_to { // a rule
    struct locust__connect_to *next;
    locust__view from_host, to_host; // from: empty is any; to: empty is the same, else terminated
    int from_port, to_port;          // from: 0 is any; to: 0 is the same
} locust__connect_to;

typedef struct locust__connect_to_rules {
    locust__connect_to *first; // in the order given: the first that matches counts
    char *text;                // what the rules point into
} locust__connect_to_rules;

/* Takes "host:" off the front; the host may be an IPv6 literal in brackets, or empty. */
static bool locust__connect_to_host(char **p, locust__view *host)
{
    char *end, address[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    if (**p == '[') {
        end = strchr(*p, ']');
        *host = (locust__view){*p + 1, end ? (size_t)(end - *p - 1) : 0};
        snprintf(address, sizeof address, "%.*s", (int)host->len, host->ptr);
        if (host->len >= sizeof address || inet_pton(AF_INET6, address, &unused) != 1)
            return false;
        end++;
    } else {
        end = strchr(*p, ':');
        *host = (locust__view){*p, end ? (size_t)(end - *p) : 0};
    }
    if (!end || *end != ':')
        return false;
    *p = end + 1;
    return true;
}

/* Takes digits off the front; none are port 0. */
static bool locust__connect_to_port(char **p, int *port)
{
    for (*port = 0; locust__text_is_digit(**p) && *port <= 65535; (*p)++)
        *port = *port * 10 + (**p - '0');
    return *port <= 65535;
}

/* Reads HOST1:PORT1:HOST2:PORT2, several separated by blanks. False: wrong, or no memory. */
static bool locust__connect_to_parse(
    locust__connect_to_rules *rules, locust__arena *arena, const char *text)
{
    char *p, *at = NULL;
    rules->text = locust__arena_copy(arena, text, strlen(text));
    if (!rules->text)
        return false;
    for (p = strtok_r(rules->text, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
        locust__connect_to *rule = locust__arena_zalloc(arena, sizeof *rule),
                           **last = &rules->first;
        if (!rule)
            return false;
        while (*last)
            last = &(*last)->next;
        *last = rule;
        if (!locust__connect_to_host(&p, &rule->from_host) ||
            !locust__connect_to_port(&p, &rule->from_port) || *p++ != ':' ||
            !locust__connect_to_host(&p, &rule->to_host) ||
            !locust__connect_to_port(&p, &rule->to_port) || *p)
            return false;
        rules->text[rule->to_host.ptr + rule->to_host.len - rules->text] = '\0';
    }
    return true;
}

/* The host and port to connect to for an origin. */
static const char *locust__connect_to_of(
    const locust__connect_to_rules *rules, const locust__origin *origin, int *port)
{
    *port = origin->port;
    for (const locust__connect_to *rule = rules->first; rule; rule = rule->next) {
        if ((rule->from_host.len && !locust__view_is_nocase(rule->from_host, origin->host)) ||
            (rule->from_port && rule->from_port != origin->port))
            continue;
        if (rule->to_port)
            *port = rule->to_port;
        return rule->to_host.len ? rule->to_host.ptr : origin->host;
    }
    return origin->host;
}
/* ============================================================================================
 * >>route  how requests reach servers
 *
 * Purpose     how the users of a class reach servers: options of TLS, a unix socket, a proxy.
 * Names       locust__route_
 * Uses        >>tls >>url >>proxy
 * ============================================================================================ */

typedef struct locust__route { // of a class
    locust__tls_how tls;
    const char *unix_socket; // connect to this path, whatever the URL says; NULL: no
    locust__proxy proxy;
    bool direct; // no proxy, whatever the environment says
} locust__route;

/* The proxy for an origin: that of the class, else that of the environment. NULL: none. */
static const locust__proxy *locust__route_proxy(
    const locust__route *route, const locust__proxy_env *env, const locust__origin *origin)
{
    const locust__proxy *proxy = &route->proxy;
    if (route->unix_socket || route->direct)
        return NULL;
    if (!proxy->host && env->used && !locust__proxy_is_exception(env->exceptions, origin))
        proxy = origin->secure ? &env->https : &env->http;
    return proxy->host ? proxy : NULL;
}
/* ============================================================================================
 * >>manners  what a server does with its connections
 *
 * Purpose     counts what explains a response time and stands in no row: answers that came in two
 *             parts, connections that the server closed, or never answered.
 * Invariants  nothing is counted for a server that shows nothing of the kind but its connections.
 * Cost        nothing for a request on a kept connection, which is not counted here.
 * Names       locust__manner_ locust__manners_
 * Uses        >>url
 * Sources     RFC 896 (Nagle), RFC 1122 4.2.3.2 (delayed ACKs); Linux delays an ACK by 40 ms.
 * Limits      delayed ACKs of other systems (100 ms, 200 ms) are not recognised.
 * ============================================================================================ */

enum locust__manner {
    LOCUST__MANNER_OPENED, // connections
    LOCUST__MANNER_SLOW,   // connects that took a second or more
    LOCUST__MANNER_PAUSED, // answers whose rest came a delayed ACK behind their beginning
    LOCUST__MANNER_UNEVEN, // answers with another pause
    LOCUST__MANNER_CLOSED, // right behind an answer
    LOCUST__MANNER_IDLED,  // closed later, but before the next request
    LOCUST__MANNER_408,    // the same with that answer
    LOCUST__MANNER_SHUT,   // closed without an answer to their first request, or with a 503
    LOCUST__MANNER_SILENT, // left without an answer until the user was cut or gave up
    LOCUST__MANNERS
};

typedef struct locust__manners {
    struct locust__manners *next;
    const locust__origin *origin;
    int64_t n[LOCUST__MANNERS];
    int64_t pauses_ns;          // of the answers that are counted as paused
    int served, served_n;       // the count after which most were closed, and how many at least
    int served_min, served_max; // of all that were closed right behind an answer
    int64_t idle_min_ns, idle_max_ns; // of those that were idle when they were closed
    int64_t shut_open;                // the fewest that were open when one was shut
    int64_t silent_ns;                // the longest
} locust__manners;

/* Those of an origin, made if they are new. NULL: no memory. */
static locust__manners *locust__manners_of(
    locust__manners **first, locust__arena *arena, const locust__origin *origin)
{
    locust__manners *m = *first;
    while (m && m->origin != origin)
        m = m->next;
    if (m)
        return m;
    m = locust__arena_zalloc(arena, sizeof *m);
    if (!m)
        return NULL;
    m->origin = origin;
    m->next = *first;
    *first = m;
    return m;
}

/* The origin that did this most. NULL: none did. */
static const locust__manners *locust__manners_most(
    const locust__manners *all, enum locust__manner which)
{
    const locust__manners *most = NULL;
    for (; all; all = all->next)
        if (all->n[which] && (!most || all->n[which] > most->n[which]))
            most = all;
    return most;
}

static void locust__manners_opened(locust__manners *m, int64_t took_ns)
{
    m->n[LOCUST__MANNER_OPENED]++;
    if (took_ns >= 950 * LOCUST__MS) // the first SYN is sent again after a second, RFC 6298 2
        m->n[LOCUST__MANNER_SLOW]++;
}

/* The longest pause within an answer that took whole_ns from its first byte to its last. */
static void locust__manners_paused(locust__manners *m, int64_t ns, int64_t whole_ns)
{
    bool ack = ns >= 36 * LOCUST__MS && ns <= 60 * LOCUST__MS && ns >= whole_ns / 4 * 3;
    if (ns < 10 * LOCUST__MS)
        return;
    m->n[ack ? LOCUST__MANNER_PAUSED : LOCUST__MANNER_UNEVEN]++;
    if (ack)
        m->pauses_ns += ns;
}

/* The server closed a kept connection after that many answers, idle for so long. */
static void locust__manners_closed(locust__manners *m, int served, int64_t idle_ns)
{
    int64_t n;
    if (idle_ns >= 100 * LOCUST__MS) { // a close that follows from the answer comes with it
        n = m->n[LOCUST__MANNER_IDLED]++;
        m->idle_min_ns = n && m->idle_min_ns < idle_ns ? m->idle_min_ns : idle_ns;
        m->idle_max_ns = m->idle_max_ns > idle_ns ? m->idle_max_ns : idle_ns;
        return;
    }
    n = m->n[LOCUST__MANNER_CLOSED]++;
    m->served_min = n && m->served_min < served ? m->served_min : served;
    m->served_max = m->served_max > served ? m->served_max : served;
    if (m->served == served) {
        m->served_n++;
    } else if (m->served_n * 2 <= n + 1) { // it is the count of no majority
        m->served = served;
        m->served_n = 1;
    }
}

/* The server ended a new connection instead of answering. */
static void locust__manners_shut(locust__manners *m, int64_t open)
{
    int64_t n = m->n[LOCUST__MANNER_SHUT]++;
    m->shut_open = n && m->shut_open < open ? m->shut_open : open;
}

static void locust__manners_silent(locust__manners *m, int64_t ns)
{
    m->n[LOCUST__MANNER_SILENT]++;
    m->silent_ns = m->silent_ns > ns ? m->silent_ns : ns;
}
/* ============================================================================================
 * >>services  what the users of one test share
 *
 * Purpose     one struct with what a test has one of: names, TLS, proxies, origins, the recorder.
 * Names       locust__services_
 * Uses        >>co >>record >>net >>resolve >>tls_state >>url >>extract >>proxy >>connect_to
 *             >>manners
 * ============================================================================================ */

typedef struct locust__services {
    locust__loop *loop;
    const locust__log *log;
    locust__arena arena; // of all that lives until the end of the test
    locust__net net;
    locust__resolver resolver;
    locust__tls tls;
    locust__proxy_env proxies;
    locust__connect_to_rules connect_to;
    locust__origin *origins;
    locust__manners *manners;  // of origins that showed some
    locust__pattern *patterns; // compiled regular expressions of locust_match
    locust__recorder recorder;
    locust__buf auth; // scratch, to build credentials in
} locust__services;
/* ============================================================================================
 * >>pool  connections of users to origins
 *
 * Purpose     keep connections and TLS sessions between requests: of one user, or of all users of a
 *             class that has .pool.
 * Invariants  a connection serves one request at a time. The list is in the order of last use.
 * Cost        some 150 bytes for each origin that a user talks to, and a TLS session's 2 KB. A
 *             user's first connection is in the user's own block.
 * Names       locust__conn_ locust__conns_
 * Uses        >>sync >>stream >>allowance >>tls_state >>url >>services
 * Sources     RFC 9112 9 (persistence).
 * Limits      16 origins for a user; the one used longest ago is dropped for another. Of a shared
 *             pool, .pool connections to an origin.
 * ============================================================================================ */

typedef struct locust__conn {
    struct locust__conn *next;
    locust_stream stream;
    locust__origin *origin;
    locust__tls_ticket *ticket; // of the last TLS session with the origin; NULL: none
    int served;                 // requests since it was opened
    int64_t idle_ns;            // since when it is kept for the next request
    bool busy;
} locust__conn;

typedef struct locust__conns_permits { // of a shared pool: to connect to an origin
    struct locust__conns_permits *next;
    const locust__origin *origin;
    locust__sem free;
} locust__conns_permits;

typedef struct locust__conns {      // a user's, or one that the users of a class share
    locust__conn *first;            // the latest used first
    int n, limit;                   // limit: connections to one origin; 0: a user's own pool
    locust__conns_permits *permits; // of a shared pool
    locust__conn *place;            // memory of the owner for one connection; NULL: none
} locust__conns;

enum { LOCUST__CONNS_MAX = 16 };

/* A zeroed connection, in the owner's memory if that is free. NULL: no memory. */
static locust__conn *locust__conn_new(locust__conns *pool)
{
    if (pool->place && !pool->place->origin)
        return pool->place;
    return locust__memory_zalloc(sizeof(locust__conn));
}

static void locust__conn_free(locust__conns *pool, locust__conn *conn)
{
    locust__stream_close(&conn->stream);
    locust__tls_ticket_free(conn->ticket);
    if (conn == pool->place)
        memset(conn, 0, sizeof *conn);
    else
        LOCUST_FREE(conn);
}

/* Closes and forgets all connections. */
static void locust__conns_free(locust__conns *pool)
{
    while (pool->first) {
        locust__conn *conn = pool->first;
        pool->first = conn->next;
        locust__conn_free(pool, conn);
    }
    pool->n = 0;
}

/* Closes idle connections; their TLS sessions stay. */
static void locust__conns_close(locust__conns *pool)
{
    for (locust__conn *conn = pool->first; conn; conn = conn->next)
        if (!conn->busy)
            locust__stream_close(&conn->stream);
}

static locust__conns_permits *locust__conns_permits_of(
    const locust__conns *pool, const locust__origin *origin)
{
    locust__conns_permits *permits = pool->permits;
    while (permits && permits->origin != origin)
        permits = permits->next;
    return permits;
}

/* Waits until the users that share the pool have fewer than its limit of connections to the origin.
 * The permit goes back with locust__conns_give. */
static locust_error locust__conns_wait(locust__conns *pool, locust__services *sv,
    const locust__origin *origin, locust__allowance *a) LOCUST__PARKS
{
    locust__conns_permits *permits = locust__conns_permits_of(pool, origin);
    if (!permits) {
        permits = locust__arena_zalloc(&sv->arena, sizeof *permits);
        if (!permits)
            return LOCUST_ERR_MEMORY;
        permits->origin = origin;
        permits->free.free = pool->limit;
        permits->next = pool->permits;
        pool->permits = permits;
    }
    return locust__allowance_take(a, sv->loop, &permits->free);
}

static void locust__conns_give_permit(
    const locust__conns *pool, const locust__services *sv, const locust__origin *origin)
{
    locust__conns_permits *permits = locust__conns_permits_of(pool, origin);
    if (permits)
        locust__sem_give(sv->loop, &permits->free);
}

/* An idle connection to the origin, an open one if there is one, or a closed one to open. Of a
 * shared pool, after locust__conns_wait. */
static locust_error locust__conns_take(
    locust__conns *pool, locust__services *sv, locust__origin *origin, locust__conn **out)
{
    locust__conn **best = NULL, **oldest = NULL, *conn;
    for (locust__conn **at = &pool->first; *at; at = &(*at)->next) {
        conn = *at;
        if (conn->busy)
            continue;
        oldest = at;
        if (conn->origin == origin && (!best || (!locust__stream_is_open(&(*best)->stream) &&
                                                    locust__stream_is_open(&conn->stream))))
            best = at;
    }
    if (!best && !pool->limit && pool->n >= LOCUST__CONNS_MAX && oldest) {
        conn = *oldest;
        *oldest = conn->next;
        pool->n--;
        locust__conn_free(pool, conn);
    }
    if (best) {
        conn = *best;
        *best = conn->next;
    } else {
        conn = locust__conn_new(pool);
        if (!conn) {
            locust__conns_give_permit(pool, sv, origin);
            return LOCUST_ERR_MEMORY;
        }
        locust__stream_init(&conn->stream, &sv->net);
        conn->origin = origin;
        pool->n++;
    }
    conn->next = pool->first;
    pool->first = conn;
    conn->busy = true;
    *out = conn;
    return LOCUST_OK;
}

/* Takes a connection back after its request; it may be open or closed. */
static void locust__conns_give(
    const locust__conns *pool, const locust__services *sv, locust__conn *conn)
{
    conn->busy = false;
    locust__conns_give_permit(pool, sv, conn->origin);
}
/* ============================================================================================
 * >>dial  opening a connection to an origin
 *
 * Purpose     opens a connection the way the class says: name lookup, connect (to another place by
 *             --connect-to, or to a proxy), CONNECT, TLS. What each phase took is kept for the
 *             report.
 * Sources     RFC 9110 9.3.6 (CONNECT).
 * Names       locust__dial_
 * Uses        >>sync >>address >>stream >>allowance >>connect >>lookup >>tls_handshake >>url
 *             >>response_head >>receive >>proxy >>connect_to >>route >>services >>pool
 * ============================================================================================ */

typedef struct locust__dial { // how long the phases of opening a connection took
    int64_t name_ns, connect_ns, tls_ns;
} locust__dial;

/* Asks a proxy to connect to the origin. Bytes behind its answer would be the origin's, which has
 * not been greeted yet: an error. */
LOCUST__APART static locust_error locust__dial_tunnel(
    locust__conn *conn, const locust__proxy *proxy, int64_t deadline_ns) LOCUST__PARKS
{
    const locust__origin *origin = conn->origin;
    bool six = strchr(origin->host, ':') != NULL;
    size_t budget = LOCUST_MAX_HEADER;
    locust__buf text = {NULL, 0, 0, false};
    locust__response_head h = {.status = 0};
    locust_error error;
    locust__buf_printf(&text, "CONNECT %s%s%s:%d HTTP/1.1\r\nHost: %s%s%s:%d\r\n", six ? "[" : "",
        origin->host, six ? "]" : "", origin->port, six ? "[" : "", origin->host, six ? "]" : "",
        origin->port);
    if (proxy->auth.len)
        locust__buf_printf(&text, "Proxy-Authorization: %s\r\n", proxy->auth.ptr);
    locust__buf_puts(&text, "User-Agent: locust.h/" LOCUST_VERSION "\r\n\r\n");
    error = text.failed ? LOCUST_ERR_MEMORY
                        : locust__stream_write(&conn->stream, (locust__view){NULL, 0},
                              (locust__view){text.ptr, text.len}, deadline_ns);
    while (!error && h.status < 200) {
        int64_t first_ns = 0;
        text.len = 0;
        error = locust__receive_head(&conn->stream, &h, &text, &budget, &first_ns, deadline_ns);
    }
    locust__buf_free(&text);
    if (error)
        return error == LOCUST_ERR_HTTP_NO_RESPONSE ? LOCUST_ERR_PROXY : error;
    if (h.status == 407)
        return LOCUST_ERR_PROXY_AUTH;
    return h.status < 300 && !conn->stream.in_len ? LOCUST_OK : LOCUST_ERR_PROXY;
}

static locust_error locust__dial_unix(
    locust__conn *conn, const char *path, locust__allowance *a) LOCUST__PARKS
{
    locust__addr addr;
    if (!locust__addr_unix(&addr, path))
        return LOCUST_ERR_NO_SOCKET;
    return locust__connect_dial(&conn->stream, &addr, 1, a);
}

/* The error of a connect to a proxy: in the words of one to a server it would blame the server. */
static locust_error locust__dial_of_proxy(locust_error error)
{
    return error == LOCUST_ERR_NAME      ? LOCUST_ERR_PROXY_NAME
           : error == LOCUST_ERR_REFUSED ? LOCUST_ERR_PROXY_REFUSED
                                         : error;
}

/* Connects to the server, or to the proxy in front of it. */
static locust_error locust__dial_connect(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took) LOCUST__PARKS
{
    const locust__proxy *proxy = locust__route_proxy(route, &sv->proxies, conn->origin);
    int64_t began_ns = locust__os_now_ns(), known_ns = began_ns, before_ns = a->generator_ns;
    locust_error error;
    const char *host;
    int port;
    if (route->unix_socket) {
        error = locust__dial_unix(conn, route->unix_socket, a);
    } else {
        host = locust__connect_to_of(&sv->connect_to, conn->origin, &port);
        error = locust__lookup_dial(&sv->resolver, &conn->stream, proxy ? proxy->host : host,
            proxy ? proxy->port : port, a, &known_ns);
    }
    if (error && proxy && !route->unix_socket)
        error = locust__dial_of_proxy(error);
    if (!error && proxy && conn->origin->secure)
        error = locust__dial_tunnel(conn, proxy, a->deadline_ns);
    took->name_ns = known_ns - began_ns;
    took->connect_ns = locust__os_now_ns() - known_ns - (a->generator_ns - before_ns);
    return error;
}

/* Tries once to open a connection: TCP, and TLS where the origin wants it. *retry: another try will
 * succeed. */
static locust_error locust__dial_try(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took, bool *retry) LOCUST__PARKS
{
    locust_error error = locust__dial_connect(conn, sv, route, a, took);
    int64_t began_ns, before_ns;
    *retry = false;
    if (error || !conn->origin->secure)
        return error;
    began_ns = locust__os_now_ns();
    before_ns = a->generator_ns;
    error = locust__tls_connect(&sv->tls, &conn->stream, conn->origin->host, conn->origin->port,
        &route->tls, &conn->ticket, a, retry);
    took->tls_ns = locust__os_now_ns() - began_ns - (a->generator_ns - before_ns);
    return error;
}

/* Opens the connection anew. The permit for a TLS handshake is taken before the connect, so that
 * the server does not wait between the two. */
static locust_error locust__dial_open(locust__conn *conn, locust__services *sv,
    const locust__route *route, locust__allowance *a, locust__dial *took) LOCUST__PARKS
{
    locust_error error;
    bool retry;
    memset(took, 0, sizeof *took);
    locust__stream_close(&conn->stream);
    conn->served = 0;
    if (!conn->origin->secure)
        return locust__dial_try(conn, sv, route, a, took, &retry);
    error = locust__allowance_take(a, sv->loop, &sv->tls.handshakes);
    if (error)
        return error;
    do
        error = locust__dial_try(conn, sv, route, a, took, &retry);
    while (retry);
    locust__sem_give(sv->loop, &sv->tls.handshakes);
    return error;
}
/* ============================================================================================
 * >>base_url  a user's host, taken apart once
 *
 * Purpose     the beginning of every URL of a class's requests: server, path in front, credentials.
 * Names       locust__base_url_
 * Uses        >>tls >>url >>head >>services
 * ============================================================================================ */

typedef struct locust__base_url { // a user's host, taken apart once
    locust__origin *origin;       // NULL: there is no host
    const char *prefix;           // path in front of that of every request; "": none
    const char *text;             // scheme://host[:port], for text_len bytes
    size_t text_len;
    locust__buf auth; // user:password of the URL, decoded; empty: none
} locust__base_url;

static void locust__base_url_free(locust__base_url *base)
{
    locust__buf_free(&base->auth);
}

/* Parses a host such as http://127.0.0.1:8080/prefix. *broken: why the program cannot use it at
 * all; NULL: it can. */
static locust_error locust__base_url_parse(
    locust__services *services, const char *text, locust__base_url *base, const char **broken)
{
    locust__url url;
    locust_error error = locust__url_parse(text, &url);
    bool secure = !error && locust__view_is_nocase(url.scheme, "https");
    *broken = NULL;
    base->auth.len = 0;
    if (error)
        return error;
    if (!secure && !locust__view_is_nocase(url.scheme, "http"))
        return LOCUST_ERR_SCHEME;
    if (secure && !LOCUST__WITH_TLS) {
        *broken = locust__tls_needed;
        return LOCUST_ERR_URL;
    }
    base->origin = locust__origin_of(&services->origins, &services->arena, &url, secure);
    if (!base->origin)
        return LOCUST_ERR_MEMORY;
    base->text = text;
    base->text_len = (size_t)(url.rest.ptr - text);
    base->prefix = url.rest.len == 1 && *url.rest.ptr == '/' ? "" : url.rest.ptr;
    if (url.user_info.len) { // goes into a header field, not over the wire with the URL
        locust__url_decode(&base->auth, url.user_info);
        if (!locust__http_is_value((locust__view){base->auth.ptr, base->auth.len}))
            return LOCUST_ERR_URL; // RFC 7617 2: no control characters
        locust__buf_add(&base->auth, "", 1);
        base->text = base->origin->url;
        base->text_len = strlen(base->text);
    }
    return base->auth.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}
/* ============================================================================================
 * >>session  the session of a user
 *
 * Purpose     what the requests of one user have in common: connections, cookies, header fields,
 *             answered challenges, a client certificate. The coroutines of a user share it.
 * Names       locust__session_
 * Uses        >>url >>head >>cookie >>auth >>services >>pool >>base_url
 * ============================================================================================ */

typedef struct locust__session_field { // a header field of all requests of a user
    struct locust__session_field *next;
    char *value; // behind the name
    char name[];
} locust__session_field;

typedef struct locust__session {
    locust__conns *conns; // its own, or those that the class's users share
    locust__conns own;
    locust__conn conn; // the first of its own
    locust__jar jar;
    locust__digest *digests;
    locust__session_field *fields;
    const char *cert_file, *key_file; // in place of the class's; NULL: the class's
    double late_ms; // how late the user's arrival was, until a sample takes it; else 0
} locust__session;

static void locust__session_deinit(locust__session *session)
{
    locust__conns_free(&session->own);
    locust__jar_clear(&session->jar);
    locust__digest_free_all(&session->digests);
    while (session->fields) {
        locust__session_field *f = session->fields;
        session->fields = f->next;
        LOCUST_FREE(f);
    }
}

/* Takes the lateness of an arrival away from the session: only the first sample of the arrival has
 * it. */
static double locust__session_take_late(locust__session *session)
{
    double ms = session->late_ms;
    session->late_ms = 0;
    return ms;
}

/* The value of the user's own field; NULL: there is none. */
static const char *locust__session_field_of(const locust__session *session, const char *name)
{
    const locust__session_field *f = session->fields;
    while (f && strcasecmp(f->name, name) != 0)
        f = f->next;
    return f ? f->value : NULL;
}

/* Sets a field, or removes it if the value is NULL. False: it is not a field, or no memory. */
static bool locust__session_set_field(locust__session *session, const char *name, const char *value)
{
    locust__session_field **at = &session->fields, *f;
    size_t name_len = strlen(name) + 1, value_len = value ? strlen(value) + 1 : 0;
    if (!locust__http_is_token(locust__view_of(name)) ||
        (value && !locust__http_is_value(locust__view_of(value))))
        return false;
    f = value ? locust__memory_zalloc(sizeof *f + name_len + value_len) : NULL;
    if (value && !f)
        return false;
    while (*at && strcasecmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at) {
        locust__session_field *old = *at;
        *at = old->next;
        LOCUST_FREE(old);
    }
    if (!f)
        return true;
    memcpy(f->name, name, name_len);
    f->value = f->name + name_len;
    memcpy(f->value, value, value_len);
    f->next = *at;
    *at = f;
    return true;
}

/* What cookies go by: the host and path of a page. A URL below the user's host is a page there.
 * `text` holds the path. False: the URL is invalid. */
static bool locust__session_page(locust__services *services, const locust__base_url *base,
    const char *url, locust__buf *text, locust__cookie_site *site)
{
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    const char *path = url, *broken;
    if (locust__url_is_absolute(url)) {
        locust_error error = locust__base_url_parse(services, url, &own, &broken);
        locust__base_url_free(&own);
        if (error)
            return false;
        base = &own; // its credentials alone are gone
        path = "";
    }
    if (!base->origin)
        return false;
    locust__url_add_target(text, base->prefix, path, NULL);
    locust__buf_add(text, "", 1);
    if (text->failed)
        return false;
    *site = locust__cookie_site_of(base->origin, text->ptr);
    return true;
}

/* Takes the text of a Set-Cookie field as if that page had sent it. */
static bool locust__session_set_cookie(locust__session *session, locust__services *services,
    const locust__base_url *base, const char *url, const char *cookie)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    bool taken = locust__session_page(services, base, url, &text, &site) &&
                 locust__jar_take(&session->jar, &site, locust__view_of(cookie),
                     locust__os_wall_ns() / LOCUST__S);
    locust__buf_free(&text);
    return taken;
}

/* The value of the cookie that a request for that page would send; NULL: there is none. */
static const char *locust__session_cookie(locust__session *session, locust__services *services,
    const locust__base_url *base, const char *url, const char *name)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__jar_cookie *cookie = NULL;
    if (locust__session_page(services, base, url, &text, &site)) {
        cookie = locust__jar_match(session->jar.first, &site, now_s);
        while (cookie && strcmp(cookie->name, name) != 0)
            cookie = locust__jar_match(cookie->next, &site, now_s);
    }
    locust__buf_free(&text);
    return cookie ? cookie->value : NULL;
}
/* ============================================================================================
 * >>client  a user's client: its response, verdict and record
 *
 * Purpose     the response that the test sees, the memory that it lies in, the verdict on the
 *             request, its record. A user has a client, and so has each coroutine that it starts.
 * Invariants  one request at a time for each client. What a response points at lies in the block,
 *             which the client's next request reuses. A request that the end of its user cut short
 *             is not counted, as in Locust.
 * Cost        a warm user's request allocates nothing: its head is built in the loop's scratch
 *             buffer, its response fits the block. An idle user keeps its last response and no
 *             buffer.
 * Names       locust__client_ locust__verdict_
 * Uses        >>stats >>record >>head >>json >>route >>services >>session
 * Sources     Locust 2.46 for verdicts.
 *
 *   block  | URL \0 form fields | reason \0 | name \0 value \0 ... \0 | body \0 |
 * ============================================================================================ */

enum locust__verdict { LOCUST__VERDICT_NONE, LOCUST__VERDICT_SUCCESS, LOCUST__VERDICT_FAILURE };

typedef struct locust__client {
    locust_response response;
    locust__services *services;
    const locust_user_class *cls;
    const locust__route *route; // of the class
    locust__session *session;   // of the user
    locust__buf block;
    size_t fields_at; // in the block: the response's fields; 0: there is no response
    // Of the last request; `pending`: it waits for the test's verdict.
    bool pending;
    enum locust__verdict verdict;
    const char *verdict_text;
    const char *method, *name; // in the statistics' rows or in the block
    int64_t elapsed_ns, ended_ns;
    const char *failure; // why it failed by the usual rule or its expectations; NULL: it passed
    void *context;       // the request's own
    const char *broken;  // why the test cannot go on; NULL: it can
} locust__client;

static void locust__client_init(locust__client *c, locust__services *services, locust_user *user,
    const locust__route *route, locust__session *session)
{
    memset(c, 0, sizeof *c);
    c->services = services;
    c->response.user = user;
    c->cls = user->user_class;
    c->route = route;
    c->session = session;
}

/* The fields of the response, to be read by locust__http_next_copied. */
static const char *locust__client_fields(const locust__client *c)
{
    return c->fields_at ? c->block.ptr + c->fields_at : "";
}

/* The value of the first field with that name, in any case; NULL: there is none. */
static const char *locust__client_field(const locust__client *c, const char *name)
{
    const char *at = locust__client_fields(c), *field, *value;
    while (locust__http_next_copied(&at, &field, &value))
        if (locust__view_is_nocase(locust__view_of(field), name))
            return value;
    return NULL;
}

/* Why the request failed, if the test gives no verdict: no response, an expectation that was not
 * met, or a status from 400 on. NULL: it passed. The texts are the statistics' copies. */
LOCUST__APART static const char *locust__client_judge(
    const locust__client *c, const locust_request *req)
{
    const locust_response *r = &c->response;
    char text[128];
    if (r->error && (r->status < 400 || r->status == req->expect_status))
        return r->error;
    if (r->error) // an answer that was cut
        snprintf(text, sizeof text, "%d %s Error: %.40s, %s", r->status,
            r->status < 500 ? "Client" : "Server", r->reason, r->error);
    else if (req->expect_status && r->status != req->expect_status)
        snprintf(text, sizeof text, "status %d in place of %d", r->status, req->expect_status);
    else if (req->expect_body && !strstr(r->body, req->expect_body))
        snprintf(text, sizeof text, "no \"%.90s\" in the body", req->expect_body);
    else if (!req->expect_status && r->status >= 400) // in the words of Locust's HttpUser
        snprintf(text, sizeof text, "%d %s Error: %.80s", r->status,
            r->status < 500 ? "Client" : "Server", r->reason);
    else if (req->expect_json && !locust__json_is_valid((locust__view){r->body, r->body_len}))
        snprintf(text, sizeof text, "the body is not JSON");
    else
        return NULL;
    return locust__stats_text(c->services->recorder.stats, text);
}

/* Tells the statistics about the finished request. */
static void locust__client_record(locust__client *c)
{
    locust_response *r = &c->response;
    double late_ms = locust__session_take_late(c->session);
    locust_sample sample = {.method = c->method,
        .name = c->name,
        .url = r->url,
        .error = c->failure,
        .status = r->status,
        .elapsed_ms = r->elapsed_ms,
        .length = (size_t)r->length,
        .phases = &r->phases,
        .response = r,
        .context = c->context,
        .late_ms = late_ms,
        .user = r->user};
    if (c->verdict == LOCUST__VERDICT_SUCCESS)
        sample.error = NULL;
    else if (c->verdict == LOCUST__VERDICT_FAILURE)
        sample.error = c->verdict_text;
    locust__recorder_record(&c->services->recorder, &sample, c->elapsed_ns, c->ended_ns);
}

/* Ends the time for a verdict: the next request begins, or the task has ended. */
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
    locust__buf_free(&c->block);
}
/* ============================================================================================
 * >>head_out  the head of a request
 *
 * Purpose     the state of a request on its way, and its head: target, the kit's own fields,
 *             those of class, user and request, cookies, credentials.
 * Invariants  a field of the request stands in place of the user's of that name, the user's in
 *             place of the class's, any of them in place of the kit's. After a redirect to
 *             another origin no credentials of the first one are sent.
 * Cost        built in the loop's scratch buffer, without allocation.
 * Names       locust__head_out_ locust__exchange
 * Uses        >>co >>url >>head >>write >>cookie >>auth >>upload >>body_out >>proxy >>route
 *             >>pool >>base_url >>session >>client
 * Sources     RFC 9110 8.6, 15.4; RFC 9112 3.2.2 (absolute-form).
 * ============================================================================================ */

enum {
    LOCUST__HEAD_OUT_BLOCK = 184
}; // bytes of a client's block at first: enough for most responses

typedef struct locust__exchange { // a request on its way; on the user's stack
    const locust_request *req;
    const char *method;
    locust__origin *origin;
    locust__conn *conn;
    size_t target_at, target_len; // in the block
    size_t fields_at;             // in the block: the encoded form fields, up to response_at
    size_t response_at;           // in the block: behind all that is sent from it
    locust__view body;
    const char *credentials; // user:password; NULL: none
    locust__buf url_auth;    // user:password of the request's own URL
    locust__digest *digest;  // the challenge that the Authorization field answers
    int challenges;          // how many came
    const char *name;        // row of the first URL, once a redirect has overwritten the URL
    bool dropped;            // a redirect turned the request into a GET without a body
    bool foreign;            // a redirect left the first origin
    bool started;            // start_ns is set
    bool answered;           // the block holds the head of an answer, and what came of its body
    locust_error put_error;  // why not all of this hop's request could be sent
    int64_t deadline_ns, start_ns;
    int64_t sent_ns, first_ns; // of this hop: the first byte out, the first byte in
    locust__upload upload;     // begins what locust__request_send does not clear
    locust__body_out body_out;
} locust__exchange;

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__head_out_begin_block(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    if (block->cap > LOCUST__LOOP_SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big response must not cost memory for the user's whole life
    if (!block->ptr) // at once: a block that moves while it grows leaves holes in the heap
        locust__buf_reserve_tight(block, LOCUST__HEAD_OUT_BLOCK);
    block->len = 0;
    x->origin = base->origin;
    x->target_at = base->text_len;
    locust__buf_add_tight(block, base->text, base->text_len);
    locust__url_add_target(block, base->prefix, path, params);
    x->target_len = block->len - x->target_at;
    locust__buf_add_tight(block, "", 1);
    x->fields_at = block->len;
    if (!x->dropped)
        locust__url_add_pairs(block, x->req->form_fields, "");
    x->response_at = block->len;
    return block->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* The credentials of a request: its own, or else those of its URL. */
static void locust__head_out_credentials(locust__exchange *x, locust__buf *of_url)
{
    if (x->req->auth && !x->foreign)
        x->credentials = x->req->auth;
    else
        x->credentials = of_url->len ? of_url->ptr : NULL;
}

/* A request has a path alone, and the host is of another protocol: the test cannot go on. */
static void locust__head_out_blame_host(locust__client *c, const char *host)
{
    char text[512];
    int n = snprintf(text, sizeof text,
        "host \"%.300s\" is not one for requests: they need http:// or https:// there, or in URLs "
        "of their own",
        host);
    c->broken = locust__arena_copy(&c->services->arena, text, (size_t)n);
    if (!c->broken)
        c->broken = "the host is not one for requests";
}

/* Finds the URL of a request. As in Locust, the host's own path goes before the request's. */
LOCUST__APART static locust_error locust__head_out_target(
    locust__client *c, locust__exchange *x, locust__base_url *base)
{
    const char *url = x->req->url ? x->req->url : "", *path = url;
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    if (locust__url_is_absolute(url)) {
        locust_error error = locust__base_url_parse(c->services, url, &own, &c->broken);
        x->url_auth = own.auth;
        if (error)
            return error;
        base = &own;
        path = "";
    }
    if (!base->origin && *base->text) { // the host is of another protocol
        locust__head_out_blame_host(c, base->text);
        return LOCUST_ERR_SCHEME;
    }
    if (!base->origin) {
        c->broken =
            "no host: give --host, LOCUST_HOST, .host in the user class, or absolute URLs in "
            "the requests";
        return LOCUST_ERR_URL;
    }
    locust__head_out_credentials(x, &base->auth);
    return locust__head_out_begin_block(c, x, base, path, x->req->params);
}

/* Sets the body that is sent from memory. Returns its type; NULL: no body, or the type is unknown.
 */
static const char *locust__head_out_body(const locust__client *c, locust__exchange *x)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const locust_request *req = x->req;
    const char *text = req->form ? req->form : req->json;
    x->body = (locust__view){NULL, 0};
    if (x->dropped || x->upload.open)
        return NULL;
    if (req->form_fields)
        x->body = (locust__view){c->block.ptr + x->fields_at, x->response_at - x->fields_at};
    else if (text)
        x->body = locust__view_of(text);
    else if (req->body)
        x->body = (locust__view){req->body, req->body_len};
    return req->form_fields || req->form ? form : req->json ? "application/json" : NULL;
}

/* The test's value of a field: of the request, the user or the class; NULL: there is none. */
static const char *locust__head_out_given(
    const locust__client *c, const locust__exchange *x, const char *name)
{
    const char *value;
    if (!x->req->headers && !c->session->fields && !c->cls->headers)
        return NULL; // most requests end here
    value = locust__pair_find(x->req->headers, name);
    if (!value && c->session->fields)
        value = locust__session_field_of(c->session, name);
    return value ? value : locust__pair_find(c->cls->headers, name);
}

/* Is that field of the test sent? After a redirect those of a body that is not sent again stay
 * behind, and so do credentials for another origin (RFC 9110 15.4). */
static bool locust__head_out_sends(const locust__exchange *x, const char *name)
{
    static const char *const of_body[] = {"content-length", "content-type", "transfer-encoding"};
    static const char *const secret[] = {"authorization", "cookie", "proxy-authorization"};
    locust__view v = locust__view_of(name);
    for (int i = 0; (x->dropped || x->foreign) && i < 3; i++)
        if ((x->dropped && locust__view_is_nocase(v, of_body[i])) ||
            (x->foreign && locust__view_is_nocase(v, secret[i])))
            return false;
    return true;
}

/* Did the test say that the connection ends with this request? */
static bool locust__head_out_closes(const locust__client *c, const locust__exchange *x)
{
    const char *value = locust__head_out_given(c, x, "connection");
    locust__view list = {value, value ? strlen(value) : 0}, token;
    while (locust__http_next(&list, &token))
        if (locust__view_is_nocase(token, "close"))
            return true;
    return c->cls->no_keep_alive;
}

/* Writes the test's fields: those of the class and of the user that no nearer one replaces, then
 * those of the request. */
static void locust__head_out_fields(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    for (const locust_pair *f = c->cls->headers; f && f->name; f++)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name) &&
            !locust__session_field_of(c->session, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust__session_field *f = c->session->fields; f; f = f->next)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust_pair *f = x->req->headers; f && f->name; f++)
        if (locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
}

/* Writes the Cookie field, unless the test wrote one. */
static void locust__head_out_cookies(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    locust__cookie_site site = locust__cookie_site_of(x->origin, c->block.ptr + x->target_at);
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__jar_cookie *cookie = locust__jar_match(c->session->jar.first, &site, now_s);
    if (!cookie || (locust__head_out_given(c, x, "cookie") && !x->foreign))
        return;
    locust__writer_puts(w, "Cookie: ");
    while (cookie) {
        locust__writer_puts(w, cookie->name);
        locust__writer_puts(w, "=");
        locust__writer_puts(w, cookie->value);
        cookie = locust__jar_match(cookie->next, &site, now_s);
        locust__writer_puts(w, cookie ? "; " : "\r\n");
    }
}

/* The challenge that the origin sent this user; NULL: none. */
static locust__digest *locust__head_out_digest(
    const locust__client *c, const locust__origin *origin)
{
    locust__digest *d = c->session->digests;
    while (d && d->origin != origin)
        d = d->next;
    return d;
}

/* Writes the Authorization field, unless the test wrote one. */
static void locust__head_out_auth(locust__client *c, locust__exchange *x, locust__writer *w)
{
    const char *bearer = x->foreign ? NULL : x->req->bearer;
    locust__buf *auth = &c->services->auth;
    if ((!x->credentials && !bearer) ||
        (locust__head_out_given(c, x, "authorization") && !x->foreign))
        return;
    auth->len = 0;
    auth->failed = false;
    x->digest =
        LOCUST__WITH_DIGEST && x->credentials ? locust__head_out_digest(c, x->origin) : NULL;
    if (bearer)
        locust__buf_printf(auth, "Bearer %s", bearer);
    else if (LOCUST__WITH_DIGEST && x->digest)
        locust__auth_digest(auth, x->digest, x->credentials, x->method, c->block.ptr + x->target_at,
            locust__random(&c->services->loop->random));
    else
        locust__auth_basic(auth, x->credentials);
    if (auth->failed)
        w->error = LOCUST_ERR_MEMORY;
    else
        locust__writer_field(w, "Authorization", auth->ptr);
}

/* Writes the fields that say how long the body is, and of what type. */
static void locust__head_out_framing(
    const locust__client *c, locust__exchange *x, const char *type, locust__writer *w)
{
    bool posts =
        *x->method == 'P' && (strcmp(x->method, "POST") == 0 || strcmp(x->method, "PUT") == 0 ||
                                 strcmp(x->method, "PATCH") == 0);
    char text[64];
    if (x->upload.open && x->req->parts) {
        snprintf(text, sizeof text, "multipart/form-data; boundary=%s", x->upload.boundary);
        type = text;
    }
    if (type && !locust__head_out_given(c, x, "content-type"))
        locust__writer_field(w, "Content-Type", type);
    if (x->upload.open && x->upload.len < 0)
        locust__writer_puts(w, "Transfer-Encoding: chunked\r\n");
    else if (x->upload.open)
        locust__writer_number(w, "Content-Length: ", (size_t)x->upload.len);
    else if ((x->body.len || posts) &&
             (x->dropped || (!locust__head_out_given(c, x, "content-length") &&
                                !locust__head_out_given(c, x, "transfer-encoding"))))
        locust__writer_number(w, "Content-Length: ", x->body.len); // RFC 9110 8.6
    if (x->req->expect_continue && (x->body.len || x->upload.open))
        locust__writer_puts(w, "Expect: 100-continue\r\n");
}

/* Builds the head in the scratch buffer; it lasts until the next park. */
static locust_error locust__head_out_build(
    locust__client *c, locust__exchange *x, locust__view *head)
{
    char *scratch = c->services->loop->scratch;
    locust__writer w = {scratch, scratch + LOCUST__LOOP_SCRATCH, LOCUST_OK};
    const char *type = locust__head_out_body(c, x);
    const locust__proxy *proxy =
        x->origin->secure ? NULL : locust__route_proxy(c->route, &c->services->proxies, x->origin);
    locust__view method = locust__view_of(x->method);
    if (!locust__http_is_token(
            method)) // any other method could end the line, or say something else
        return LOCUST_ERR_HTTP_REQUEST;
    locust__writer_add(&w, method);
    locust__writer_puts(&w, " ");
    if (proxy) // absolute-form, RFC 9112 3.2.2
        locust__writer_puts(&w, x->origin->url);
    locust__writer_add(&w, (locust__view){c->block.ptr + x->target_at, x->target_len});
    locust__writer_puts(&w, " HTTP/1.1\r\n");
    if (!locust__head_out_given(c, x, "host")) {
        locust__writer_puts(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        locust__writer_puts(&w, "\r\n");
    }
    if (!locust__head_out_given(c, x, "user-agent"))
        locust__writer_puts(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!locust__head_out_given(c, x, "accept"))
        locust__writer_puts(&w, x->req->expect_json ? "Accept: application/json\r\n"
                                : x->req->on_event  ? "Accept: text/event-stream\r\n"
                                                    : "Accept: */*\r\n");
    if (LOCUST__WITH_ZLIB && !locust__head_out_given(c, x, "accept-encoding"))
        locust__writer_puts(&w, "Accept-Encoding: gzip, deflate\r\n");
    if (c->cls->no_keep_alive && !locust__head_out_given(c, x, "connection"))
        locust__writer_puts(&w, "Connection: close\r\n");
    if (proxy && proxy->auth.len)
        locust__writer_field(&w, "Proxy-Authorization", proxy->auth.ptr);
    locust__head_out_fields(c, x, &w);
    if (LOCUST__WITH_COOKIES && c->session->jar.first)
        locust__head_out_cookies(c, x, &w);
    locust__head_out_auth(c, x, &w);
    locust__head_out_framing(c, x, type, &w);
    locust__writer_puts(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}
/* ============================================================================================
 * >>exchange  one exchange on a connection
 *
 * Purpose     takes a connection, sends the request, reads the response; once more on a new
 *             connection if the server had closed the kept one.
 * Invariants  a connection is given back open only if the response is complete, nothing came behind
 *             it, and neither side wants to close.
 * Names       locust__exchange_
 * Uses        >>co >>stream >>allowance >>head >>response_head >>receive >>cookie >>auth
 *             >>upload >>body_out >>route >>manners >>pool >>dial >>client >>head_out
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries), RFC 9110 10.1.1 (Expect).
 * ============================================================================================ */

static locust__manners *locust__exchange_manners(const locust__client *c, const locust__exchange *x)
{
    return locust__manners_of(&c->services->manners, &c->services->arena, x->origin);
}

/* Reads the clock right before the first byte is sent, or before the first connect. The deadline of
 * the request was set by the loop's last reading, which spared one (see locust__request_send); the
 * first reading moves it by the time between. */
static int64_t locust__exchange_begin(locust__loop *loop, locust__exchange *x)
{
    int64_t before_ns = loop->clock_ns, now = locust__loop_clock(loop);
    if (!x->started)
        x->deadline_ns = locust__time_after(x->deadline_ns, now - before_ns);
    return now;
}

/* Counts a connection that was opened. One through a proxy was opened to something else. */
static void locust__exchange_opened(
    const locust__client *c, const locust__exchange *x, const locust__route *route, int64_t took_ns)
{
    locust__manners *m = locust__exchange_manners(c, x);
    if (m)
        locust__manners_opened(
            m, locust__route_proxy(route, &c->services->proxies, x->origin) ? 0 : took_ns);
}

/* Connects anew, and counts what that took. */
static locust_error locust__exchange_connect(locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    int64_t began_ns = locust__exchange_begin(c->services->loop, x);
    locust__route route = *c->route;
    locust_phases *phases = &c->response.phases;
    locust__allowance allowance = {x->deadline_ns, 0};
    locust__dial took;
    locust_error error;
    if (c->session->cert_file) {
        route.tls.cert_file = c->session->cert_file;
        route.tls.key_file = c->session->key_file;
    }
    error = locust__dial_open(x->conn, c->services, &route, &allowance, &took);
    x->deadline_ns = allowance.deadline_ns;
    x->start_ns = (x->started ? x->start_ns : began_ns) + allowance.generator_ns;
    x->started = true;
    phases->name_ms = (double)took.name_ns / 1e6;
    phases->connect_ms = (double)took.connect_ns / 1e6;
    phases->tls_ms = (double)took.tls_ns / 1e6;
    if (c->services->tls.broken)
        c->broken = c->services->tls.broken;
    if (!error)
        locust__exchange_opened(c, x, &route, took.connect_ns);
    return error;
}

/* Sends a body in pieces, until its end or until the server takes no more. */
static locust_error locust__exchange_upload(locust_stream *s, locust__exchange *x) LOCUST__PARKS
{
    bool more = true;
    locust_error error = LOCUST_OK;
    while (!error && more) {
        locust__view piece;
        error = locust__upload_piece(&x->upload, &piece, &more);
        if (!error)
            error = locust__stream_write(s, (locust__view){NULL, 0}, piece, x->deadline_ns);
    }
    return error;
}

/* Waits up to a second for "100 Continue", RFC 9110 10.1.1; other interim responses do not count.
 * *refused: the server does not want the body, for the final response is there already. */
static locust_error locust__exchange_await_continue(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    int64_t until_ns = locust__os_now_ns() + LOCUST__S;
    locust_stream *s = &x->conn->stream;
    int64_t wait_ns = until_ns < x->deadline_ns ? until_ns : x->deadline_ns;
    while (h->status != 100) {
        locust_error error = s->in_len ? LOCUST_OK : locust__stream_await(s, wait_ns);
        if (error)
            return error == LOCUST_ERR_TIMEOUT && wait_ns == until_ns ? LOCUST_OK : error;
        c->block.len = x->response_at;
        error = locust__receive_head(s, h, &c->block, budget, &x->first_ns, x->deadline_ns);
        *refused = !error && h->status >= 200;
        if (error || *refused)
            return error;
    }
    return LOCUST_OK;
}

/* Sends head and body. *refused: the head of the response came before the body, and is in the
 * block. */
static locust_error locust__exchange_put(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *budget, bool *refused) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    locust__view head;
    locust_error error = locust__head_out_build(c, x, &head);
    bool waits;
    if (error)
        return error;
    waits = x->req->expect_continue && (x->body.len || x->upload.open);
    x->sent_ns = locust__exchange_begin(s->net->loop, x);
    if (!x->started)
        x->start_ns = x->sent_ns;
    x->started = true;
    error =
        locust__stream_write(s, head, waits ? (locust__view){NULL, 0} : x->body, x->deadline_ns);
    if (!error && waits) {
        error = locust__exchange_await_continue(c, x, h, budget, refused);
        if (!error && !*refused && x->body.len)
            error = locust__stream_write(s, (locust__view){NULL, 0}, x->body, x->deadline_ns);
    }
    if (!error && x->upload.open && !*refused)
        error = locust__exchange_upload(s, x);
    return error;
}

/* Takes the cookies of the response. */
LOCUST__APART static void locust__exchange_take_cookies(
    locust__client *c, const locust__exchange *x)
{
    locust__cookie_site site = locust__cookie_site_of(x->origin, c->block.ptr + x->target_at);
    const char *at = locust__client_fields(c), *name, *value;
    while (locust__http_next_copied(&at, &name, &value))
        if (strcasecmp(name, "set-cookie") == 0)
            locust__jar_take(
                &c->session->jar, &site, locust__view_of(value), locust__os_wall_ns() / LOCUST__S);
}

/* Does the response send the client to another place? RFC 9110 15.4. */
static bool locust__exchange_redirects(
    const locust__client *c, const locust__exchange *x, int status)
{
    bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    return moved && !x->req->no_redirect && strcmp(x->method, "HEAD") != 0 &&
           locust__client_field(c, "location");
}

/* Takes a Digest challenge of the response, for the next try. False: there is none that we can
 * answer, or the server has refused our answer to it. */
LOCUST__APART static bool locust__exchange_challenged(
    locust__client *c, locust__exchange *x, int status)
{
    const char *at = locust__client_fields(c), *name, *value;
    locust__digest fresh, *d = x->digest;
    bool stale = false, found = false;
    if (status != 401 || !x->credentials || x->req->bearer || (x->req->body_fn && !x->dropped) ||
        (locust__head_out_given(c, x, "authorization") && !x->foreign))
        return false;
    while (!found && locust__http_next_copied(&at, &name, &value))
        found = strcasecmp(name, "www-authenticate") == 0 &&
                locust__auth_find_digest(locust__view_of(value), &fresh, &stale);
    if (!found || (d && !stale && d->uses <= 1) || x->challenges++ == 2)
        return false; // the server wants other credentials
    if (!d) {
        d = locust__memory_zalloc(sizeof *d);
        if (!d)
            return false;
        d->next = c->session->digests;
        c->session->digests = d;
    }
    fresh.next = d->next;
    fresh.origin = x->origin;
    *d = fresh;
    return true;
}

/* A body that ends with the connection is cut if that was reset, even where the send was told so
 * and the read then found a plain end. */
static locust_error locust__exchange_cut(
    const locust__exchange *x, enum locust__body kind, locust_error error)
{
    return !error && kind == LOCUST__BODY_CLOSE && x->put_error == LOCUST_ERR_RESET
               ? LOCUST_ERR_HTTP_BODY_RESET
               : error;
}

/* Says where in the block, which ends with a head, its fields begin, and the body. */
static void locust__exchange_find(locust__client *c, const locust__exchange *x, size_t *body_at)
{
    c->fields_at = x->response_at + strlen(c->block.ptr + x->response_at) + 1;
    *body_at = c->block.len;
}

/* Ends what came of an answer, which from here on the test may see. */
static locust_error locust__exchange_keep(locust__client *c, locust__exchange *x)
{
    if (!locust__buf_reserve_tight(&c->block, 1))
        return LOCUST_ERR_MEMORY;
    c->block.ptr[c->block.len] = '\0';
    x->answered = true;
    return LOCUST_OK;
}

/* Reads the body of the response: into the block, or to the test's functions. What came of it stays
 * if it is cut. */
static locust_error locust__exchange_get(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t budget, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    enum locust__body kind = locust__response_head_body(h, strcmp(x->method, "HEAD") == 0);
    const char *coding = NULL;
    locust_error error, kept;
    bool passes, whole;
    locust__exchange_find(c, x, body_at);
    passes = locust__exchange_redirects(c, x, h->status) || (h->status == 401 && x->credentials);
    if (LOCUST__WITH_ZLIB)
        coding = locust__client_field(c, "content-encoding");
    // The test's functions get the body of the last response alone.
    if (passes || !(x->req->on_body || x->req->on_event || coding)) {
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, NULL, budget, x->deadline_ns);
        x->body_out.total = c->block.len - *body_at;
        error = locust__exchange_cut(x, kind, error);
        whole = !error;
    } else {
        locust__body_out_open(&x->body_out, x->req, coding, &c->block);
        error = locust__receive_body(
            s, kind, h->framing.length, &c->block, &x->body_out.sink, budget, x->deadline_ns);
        error = locust__exchange_cut(x, kind, error);
        whole = !error; // a test that has enough leaves the rest unread, which is no error below
        error = locust__body_out_close(&x->body_out, error);
    }
    *reusable = whole && !error && !s->in_len && locust__http_persists(&h->framing, kind);
    kept = locust__exchange_keep(c, x);
    return error ? error : kept;
}

/* Counts an answer that came with a pause in it. */
LOCUST__APART static void locust__exchange_paused(
    const locust__client *c, const locust__exchange *x)
{
    locust_stream *s = &x->conn->stream;
    locust__manners *m = s->pause_ns ? locust__exchange_manners(c, x) : NULL;
    if (m)
        locust__manners_paused(m, s->pause_ns, c->ended_ns - x->first_ns);
    s->pause_ns = 0;
}

/* Ends the time of the request: when the last byte arrived at this machine. What came after that is
 * the generator's lateness. */
static void locust__exchange_clock(locust__client *c, locust__exchange *x, locust_error error)
{
    const locust_stream *s = &x->conn->stream;
    locust_phases *phases = &c->response.phases;
    c->ended_ns = locust__loop_clock(s->net->loop);
    // The kernel's time of arrival is by the wall clock: out of bounds if that was set meanwhile.
    if (!error && s->arrived_ns > x->start_ns && s->arrived_ns < c->ended_ns) {
        locust__loop_count_late(s->net->loop, c->ended_ns - s->arrived_ns);
        c->ended_ns = s->arrived_ns;
    } else if (!error) {
        // The kernel did not say when: after the poll before the last, a turn ago at most.
        locust__loop_count_late(s->net->loop, s->net->loop->turn_ns);
    }
    if (x->first_ns < x->sent_ns || x->first_ns > c->ended_ns)
        x->first_ns = c->ended_ns;
    phases->wait_ms = (double)(x->first_ns - x->sent_ns) / 1e6;
    phases->receive_ms = (double)(c->ended_ns - x->first_ns) / 1e6;
    if (c->ended_ns - x->first_ns >= 10 * LOCUST__MS)
        locust__exchange_paused(c, x);
}

/* Did the read find an end and nothing else? Then why the send failed says more. */
static bool locust__exchange_says_nothing(locust_error error)
{
    return error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
           error == LOCUST_ERR_PIPE || error == LOCUST_ERR_TIMEOUT;
}

/* Sends the request and reads the response on the open connection. */
static locust_error locust__exchange_run(locust__client *c, locust__exchange *x,
    locust__response_head *h, size_t *body_at, bool *reusable) LOCUST__PARKS
{
    size_t budget = LOCUST_MAX_HEADER;
    bool refused = false;
    locust_error error = LOCUST_OK;
    x->first_ns = 0;
    x->answered = false;
    if (locust__upload_wanted(x->req) && !x->dropped)
        error = locust__upload_open(&x->upload, x->req, locust__random(&c->services->loop->random));
    x->put_error = error ? error : locust__exchange_put(c, x, h, &budget, &refused);
    if (x->upload.open)
        locust__upload_close(&x->upload);
    error = x->put_error;
    // A server may refuse a body half-way, with a response that says why.
    if (x->sent_ns && (!error || error == LOCUST_ERR_PIPE || error == LOCUST_ERR_RESET)) {
        error = refused ? LOCUST_OK
                        : locust__receive_final(&x->conn->stream, h, &c->block, x->response_at,
                              &budget, &x->first_ns, x->deadline_ns);
        if (!error)
            error = locust__exchange_get(c, x, h, budget, body_at, reusable);
        if (error == LOCUST_ERR_HTTP_UPGRADE) { // has a status and no body
            x->body_out.total = 0;
            locust__exchange_find(c, x, body_at);
            locust__exchange_keep(c, x);
        }
        if (x->put_error || refused)
            *reusable = false;
        if (x->put_error && !x->answered && locust__exchange_says_nothing(error))
            error = x->put_error;
    }
    if (x->sent_ns)
        locust__exchange_clock(c, x, error);
    return error;
}

/* May the request be sent twice? RFC 9110 9.2.2; a body from a function cannot. */
static bool locust__exchange_is_idempotent(const locust__exchange *x)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(x->method, methods[i]) == 0)
            return !x->req->body_fn || x->dropped;
    return false;
}

/* Did the server close a kept connection before the first byte of a response, interim ones
 * included? */
static bool locust__exchange_was_stale(
    const locust_stream *s, locust_error error, const locust__response_head *h)
{
    return h->status == 0 && !s->in_len &&
           (error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
               error == LOCUST_ERR_PIPE);
}

/* Is what lies on an idle connection a 408, RFC 9110 15.5.9? Of a layered stream the first byte is
 * gone. */
static bool locust__exchange_timed_out(locust_stream *s)
{
    char text[32] = "", *status;
    size_t got = 0;
    if (s->layer) {
        s->layer->recv(s->layer, text, sizeof text - 1, &got);
    } else {
        ssize_t n = recv(s->fd.watch.fd, text, sizeof text - 1, MSG_PEEK);
        got = n > 0 ? (size_t)n : 0;
    }
    text[got] = '\0';
    status = strchr(text, ' ');
    return status && strncmp(status, " 408", 4) == 0;
}

/* Counts a kept connection that is of no use any more: the server closed it, or said something
 * unasked. `sent`: a request found that out. */
LOCUST__APART static void locust__exchange_lost(
    const locust__client *c, const locust__exchange *x, bool sent)
{
    locust_stream *s = &x->conn->stream;
    locust__manners *m = locust__exchange_manners(c, x);
    int64_t at_ns = s->fd.hup_ns ? s->fd.hup_ns : locust__os_now_ns();
    if (m && locust__exchange_timed_out(s))
        m->n[LOCUST__MANNER_408]++;
    else if (m && (s->fd.watch.hup || sent))
        locust__manners_closed(m, x->conn->served, at_ns - x->conn->idle_ns);
}

/* How long a request waits before it counts as left alone: it may be slow, but not as slow as that.
 */
static int64_t locust__exchange_patience(const locust__client *c)
{
    int64_t longest_ns = c->services->recorder.stats->total.max_ns;
    return 2 * longest_ns > LOCUST__S ? 2 * longest_ns : LOCUST__S;
}

/* Counts what the server, and not the test, did to a connection that is not kept. */
LOCUST__APART static void locust__exchange_ended(const locust__client *c, const locust__exchange *x,
    const locust__response_head *h, locust_error error)
{
    locust_stream *s = &x->conn->stream;
    bool to_head = strcmp(x->method, "HEAD") == 0, first = x->conn->served == 1;
    bool silent = h->status == 0 && !s->in_len && locust__stream_is_open(s) && x->sent_ns;
    locust__manners *m = locust__exchange_manners(c, x);
    if (!m)
        return;
    if (!error && h->status == 503 && first && h->framing.close)
        locust__manners_shut(m, s->net->open);
    else if (!error && h->status < 400 && !locust__head_out_closes(c, x) &&
             !locust__http_persists(&h->framing, locust__response_head_body(h, to_head)))
        locust__manners_closed(m, x->conn->served, 0);
    else if (silent && first &&
             (error == LOCUST_ERR_HTTP_NO_RESPONSE || error == LOCUST_ERR_RESET ||
                 error == LOCUST_ERR_PIPE))
        locust__manners_shut(m, s->net->open);
    else if (silent && (error == LOCUST_ERR_TIMEOUT || error == LOCUST_ERR_CANCELLED) &&
             c->ended_ns - x->sent_ns >=
                 (error == LOCUST_ERR_TIMEOUT ? LOCUST__S : locust__exchange_patience(c)))
        locust__manners_silent(m, c->ended_ns - x->sent_ns);
}

/* One exchange on x->conn, connecting where needed. */
static locust_error locust__exchange_on(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    locust_stream *s = &x->conn->stream;
    int limit = c->cls->max_requests;
    bool reusable = false;
    locust_error error = LOCUST_OK;
    // Bytes or a close that came while the connection was idle do not answer the next request.
    bool reuse = locust__stream_is_open(s) && locust__stream_is_quiet(s);
    c->response.reused = reuse;
    if (!reuse && locust__stream_is_open(s))
        locust__exchange_lost(c, x, false);
    memset(&c->response.phases, 0, sizeof c->response.phases);
    if (!reuse)
        error = locust__exchange_connect(c, x);
    if (!error)
        error = locust__exchange_run(c, x, h, body_at, &reusable);
    if (reuse && locust__exchange_was_stale(s, error, h))
        locust__exchange_lost(c, x, true);
    if (reuse && locust__exchange_was_stale(s, error, h) && locust__exchange_is_idempotent(x)) {
        c->response.reused = false;
        c->ended_ns = 0;
        error = locust__exchange_connect(c, x);
        if (!error)
            error = locust__exchange_run(c, x, h, body_at, &reusable);
    }
    x->conn->served++;
    if (!reusable)
        locust__exchange_ended(c, x, h, error);
    if (!reusable || (limit > 0 && x->conn->served >= limit) || locust__head_out_closes(c, x)) {
        locust__stream_close(s);
    } else {
        x->conn->idle_ns = c->ended_ns;
        locust__stream_settle(s); // frees the memory that a head in pieces took
    }
    return error;
}

/* Waits for a connection of the pool that the users of the class share. */
static locust_error locust__exchange_wait(locust__client *c, locust__exchange *x) LOCUST__PARKS
{
    locust__allowance allowance = {x->deadline_ns, 0};
    locust_error error = locust__conns_wait(c->session->conns, c->services, x->origin, &allowance);
    x->deadline_ns = allowance.deadline_ns;
    if (x->started)
        x->start_ns += allowance.generator_ns;
    return error;
}

/* One exchange: takes a connection to the origin and gives it back. */
static locust_error locust__exchange_try(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    locust__conns *conns = c->session->conns;
    locust_error error = conns->limit ? locust__exchange_wait(c, x) : LOCUST_OK;
    if (!error)
        error = locust__conns_take(conns, c->services, x->origin, &x->conn);
    if (error)
        return error;
    error = locust__exchange_on(c, x, h, body_at);
    locust__conns_give(conns, c->services, x->conn);
    if (LOCUST__WITH_COOKIES && x->answered && h->cookies && !c->cls->no_cookies)
        locust__exchange_take_cookies(c, x);
    return error;
}
/* ============================================================================================
 * >>request  a whole request
 *
 * Purpose     one request with its redirects and second tries with credentials, up to the response
 *             that the test sees.
 * Names       locust__request_
 * Uses        >>entry >>stats >>url >>response_head >>base_url >>client >>head_out >>exchange
 * Sources     RFC 9110 15.4 (redirects); Locust 2.46 for names and redirects.
 * Limits      a body that comes from body_fn is sent once: no retry, no redirect, no second try
 *             with other credentials.
 * ============================================================================================ */

enum { LOCUST__REQUEST_HOPS = 30 }; // redirects followed, as in Locust

/* Fills in the response from what the block holds. */
LOCUST__APART static void locust__request_answer(locust__client *c, const locust__exchange *x,
    const locust__response_head *h, size_t body_at, locust_error error)
{
    locust_response *r = &c->response;
    const char *block, *given = x->req->url ? x->req->url : "";
    if (!x->response_at) { // no URL was written: keeps the test's text, which will not last
        c->block.len = 0;
        locust__buf_add_tight(&c->block, given, strlen(given) + 1);
    }
    block = c->block.len ? c->block.ptr : "";
    r->code = error;
    r->error = error ? locust__error_text(error) : NULL;
    r->url = block;
    r->status = x->answered ? h->status : 0; // what was received stands, even if the rest was cut
    r->reason = x->answered ? block + x->response_at : "";
    c->fields_at = x->answered ? x->response_at + strlen(r->reason) + 1 : 0;
    r->body = x->answered ? block + body_at : "";
    r->body_len = x->answered ? c->block.len - body_at : 0;
    r->length = x->answered ? x->body_out.total : 0;
    r->elapsed_ms = (double)c->elapsed_ns / 1e6;
    c->context = x->req->context;
    c->method = x->req->method ? x->req->method : "GET";
    c->name = x->req->name     ? x->req->name
              : x->name        ? x->name
              : x->response_at ? block + x->target_at
                               : given;
    c->failure = locust__client_judge(c, x->req);
}

/* Waits for the test's verdict. The test's strings may be gone by then: keeps the statistics'
 * copies. */
static void locust__request_await_verdict(locust__client *c)
{
    const locust__entry *row = locust__stats_find(c->services->recorder.stats, c->method, c->name);
    c->method = row->method;
    c->name = row->name;
    c->pending = true;
}

/* Turns the exchange into the request that a redirect asks for. */
LOCUST__APART static locust_error locust__request_follow(
    locust__client *c, locust__exchange *x, int status)
{
    const char *location = locust__client_field(c, "location"), *broken;
    locust__base_url base = {.auth = {NULL, 0, 0, false}};
    locust__buf url = {NULL, 0, 0, false};
    bool post = strcmp(x->method, "POST") == 0, head = strcmp(x->method, "HEAD") == 0;
    locust_error error = locust__url_resolve(&url, c->block.ptr, location);
    locust__buf_add(&url, "", 1);
    if (!error && url.failed)
        error = LOCUST_ERR_MEMORY;
    if (!error && locust__base_url_parse(c->services, url.ptr, &base, &broken) != LOCUST_OK)
        error = LOCUST_ERR_HTTP_LOCATION; // even https without TLS: a server must not end the test
    if (!error && !x->req->name && !x->name)
        x->name =
            locust__stats_find(c->services->recorder.stats, x->method, c->block.ptr + x->target_at)
                ->name;
    if (!error) {
        if ((status == 303 && !head) || (post && (status == 301 || status == 302))) {
            x->method = "GET"; // RFC 9110 15.4.2 to 15.4.4
            x->dropped = true;
        }
        if (x->req->body_fn && !x->dropped)
            error = LOCUST_ERR_HTTP_BODY_ONCE;
    }
    if (!error) {
        x->foreign |= base.origin != x->origin;
        // Credentials in the new URL are the server's words, not the test's: RFC 9110 4.2.4.
        if (x->foreign)
            x->credentials = NULL;
        error = locust__head_out_begin_block(c, x, &base, "", NULL);
    }
    locust__base_url_free(&base);
    locust__buf_free(&url);
    return error;
}

/* The request and all that it is redirected to. A HEAD is not followed, as in Locust. */
static locust_error locust__request_hops(
    locust__client *c, locust__exchange *x, locust__response_head *h, size_t *body_at) LOCUST__PARKS
{
    for (int hops = 0;;) {
        locust_error error = locust__exchange_try(c, x, h, body_at);
        if (error)
            return error;
        if (LOCUST__WITH_DIGEST && locust__exchange_challenged(c, x, h->status)) {
            c->block.len = x->response_at;
            x->answered = false;
        } else if (locust__exchange_redirects(c, x, h->status)) {
            x->answered = false; // it is not the test's to see, wherever it leads
            if (hops++ == LOCUST__REQUEST_HOPS)
                return LOCUST_ERR_HTTP_REDIRECTS;
            error = locust__request_follow(c, x, h->status);
            if (error)
                return error;
        } else {
            return LOCUST_OK;
        }
        memset(h, 0, sizeof *h);
    }
}

/* Does a field of a request point into the block, which holds the last response? The difference of
 * a pointer below the block, NULL too, wraps to more than any block has. */
static bool locust__request_in_block(const locust__client *c, const void *p)
{
    return (uintptr_t)p - (uintptr_t)c->block.ptr < c->block.cap;
}

static bool locust__request_pairs_in_block(const locust__client *c, const locust_pair *pairs)
{
    for (; pairs && pairs->name; pairs++)
        if (locust__request_in_block(c, pairs->name) || locust__request_in_block(c, pairs->value))
            return true;
    return false;
}

/* Does the request point into the last response? Then that response must outlive the request. */
static bool locust__request_uses_last(const locust__client *c, const locust_request *req)
{
    if (locust__request_in_block(c, req->method) || locust__request_in_block(c, req->url) ||
        locust__request_in_block(c, req->name) || locust__request_in_block(c, req->body) ||
        locust__request_in_block(c, req->form) || locust__request_in_block(c, req->json) ||
        locust__request_in_block(c, req->expect_body) || locust__request_in_block(c, req->auth) ||
        locust__request_in_block(c, req->bearer) || locust__request_in_block(c, req->body_path))
        return true;
    for (const locust_part *part = req->parts; part && part->name; part++)
        if (locust__request_in_block(c, part->name) || locust__request_in_block(c, part->text) ||
            locust__request_in_block(c, part->path) || locust__request_in_block(c, part->type))
            return true;
    return locust__request_pairs_in_block(c, req->headers) ||
           locust__request_pairs_in_block(c, req->params) ||
           locust__request_pairs_in_block(c, req->form_fields);
}

/* Do fields of the request contradict each other? To send one of two bodies would test something
 * that the test does not say. */
LOCUST__APART static locust_error locust__request_contradiction(const locust_request *req)
{
    int bodies = !!req->body + !!req->json + !!req->form + !!req->form_fields + !!req->parts +
                 !!req->body_path + !!req->body_fn;
    if (bodies > 1)
        return LOCUST_ERR_HTTP_BODIES;
    if (req->body_len && !req->body && !req->body_fn)
        return LOCUST_ERR_HTTP_BODY_LEN;
    if (req->auth && req->bearer)
        return LOCUST_ERR_HTTP_AUTHS;
    return req->on_body && req->on_event ? LOCUST_ERR_HTTP_CALLBACKS : LOCUST_OK;
}

/* Each contradiction involves one of these fields, which most requests lack: one test for all of
 * them. */
static locust_error locust__request_check(const locust_request *req)
{
    uintptr_t any = (uintptr_t)req->body | (uintptr_t)req->json | (uintptr_t)req->form |
                    (uintptr_t)req->form_fields | (uintptr_t)req->parts |
                    (uintptr_t)req->body_path | (uintptr_t)req->body_fn | req->body_len |
                    (uintptr_t)req->bearer | (uintptr_t)req->on_event;
    return any ? locust__request_contradiction(req) : LOCUST_OK;
}

/* Sends the request, and tells the statistics or waits for the verdict. */
static locust_error locust__request_run(
    locust__client *c, locust__exchange *x, locust__base_url *base) LOCUST__PARKS
{
    locust__response_head h = {.status = 0};
    size_t body_at = 0;
    locust_error error = locust__head_out_target(c, x, base);
    if (!error)
        error = locust__request_check(x->req);
    if (!error)
        error = locust__request_hops(c, x, &h, &body_at);
    locust__buf_free(&x->url_auth);
    if (error == LOCUST_ERR_CANCELLED || c->broken) // not counted
        return error;
    if (!c->ended_ns) // no response began
        c->ended_ns = locust__os_now_ns();
    if (x->start_ns && c->ended_ns > x->start_ns)
        c->elapsed_ns = c->ended_ns - x->start_ns;
    locust__request_answer(c, x, &h, body_at, error);
    if (x->req->catch_response)
        locust__request_await_verdict(c);
    else
        locust__client_record(c);
    return LOCUST_OK;
}

/* One request from end to end. LOCUST_ERR_CANCELLED: the user is being stopped, nothing was
 * counted. c->broken: the test has to end. */
static locust_error locust__request_send(
    locust__client *c, const locust_request *req, locust__base_url *base) LOCUST__PARKS
{
    locust__exchange x;
    locust__buf last = {NULL, 0, 0, false};
    locust_error error;
    memset(&x, 0, offsetof(locust__exchange, upload));
    x.upload.open = false;
    x.body_out.total = 0;
    x.req = req;
    x.method = req->method ? req->method : "GET";
    locust__client_settle(c);
    c->broken = NULL;
    c->verdict = LOCUST__VERDICT_NONE;
    c->response.reused = false;
    memset(&c->response.phases, 0, sizeof c->response.phases);
    c->elapsed_ns = c->ended_ns = 0;
    // By the loop's last reading of the clock. locust__exchange_begin reads it anew, right before
    // the first byte or connect, and moves the deadline by the time between: the timeout runs from
    // the start of the request, and one reading serves both.
    x.deadline_ns = req->timeout_s < 0
                        ? LOCUST__NEVER
                        : locust__time_after(c->services->loop->clock_ns,
                              locust__time_ns(req->timeout_s > 0 ? req->timeout_s : 60));
    if (locust__request_uses_last(c, req)) {
        last = c->block;
        c->block = (locust__buf){NULL, 0, 0, false};
    }
    c->block.failed = false;
    error = locust__request_run(c, &x, base);
    locust__buf_free(&last);
    return error;
}
/* ============================================================================================
 * >>response  what a test does with a response
 *
 * Purpose     reads a header field, gives the verdict, takes values out of the body.
 * Names       locust__response_
 * Uses        >>switch >>stats >>json >>extract >>client
 * ============================================================================================ */

LOCUST_API const char *locust_header(const locust_response *r, const char *name)
{
    return locust__client_field((const locust__client *)(const void *)r, name);
}

/* The client of a response that waits for its verdict; anything else ends the program. */
static locust__client *locust__response_client(locust_response *r, const char *what)
{
    locust__client *c = (locust__client *)(void *)r;
    if (!c->pending)
        locust__die(LOCUST__EXIT_USAGE,
            "%s() needs a response that waits for its verdict: made with .catch_response = true, "
            "and no later request of that user",
            what);
    return c;
}

LOCUST_API void locust_success(locust_response *r)
{
    locust__response_client(r, "locust_success")->verdict = LOCUST__VERDICT_SUCCESS;
}

LOCUST_API void locust_failure(locust_response *r, const char *format, ...)
{
    locust__client *c = locust__response_client(r, "locust_failure");
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->verdict = LOCUST__VERDICT_FAILURE;
    c->verdict_text = locust__stats_text(c->services->recorder.stats, text);
}

/* The value at a path of a JSON body. */
static bool locust__response_json(const locust_response *r, const char *path, locust__view *value)
{
    return r->body_len && locust__json_find((locust__view){r->body, r->body_len}, path, value);
}

LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {.found = false};
    locust__view value;
    char text[64];
    if (!locust__response_json(r, path, &value) || !locust__json_is_number(value) ||
        !locust__extract_copy(value.ptr, value.len, text, sizeof text))
        return false;
    search.text = text;
    locust__co_call(c->services->loop, locust__search_number, &search);
    *out = search.number;
    return true;
}

LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size)
{
    locust__view value;
    return locust__response_json(r, path, &value) && locust__json_decode(value, out, size);
}

LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out)
{
    locust__view value;
    if (!locust__response_json(r, path, &value) ||
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
    locust__co_call(c->services->loop, locust__search_pattern, &search);
    return search.found && locust__extract_copy(r->body + search.match.rm_so,
                               (size_t)(search.match.rm_eo - search.match.rm_so), out, size);
}

LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size)
{
    return locust__extract_between(r->body, left, right, out, size);
}
#endif

#if LOCUST__LAYERS >= 6
/* ============================================================================================
 * >>fault  what is wrong with a test before it runs
 *
 * Purpose     one sentence for the person who wrote the test or typed the options, and the exit
 *             code that goes with it, from the place that finds the fault up to >>setup, which
 *             prints it.
 * Invariants  the first fault stays: later ones are often its consequences.
 * Names       locust__fault locust__fault_
 * ============================================================================================ */

typedef struct locust__fault {
    int code;       // 0: nothing is wrong; 1: the test is; LOCUST__EXIT_USAGE: an option is
    char text[512]; // the sentence, without a full stop
} locust__fault;

/* Records a fault. Returns false, so that a function that finds one can return this call. */
LOCUST__PRINTF(3, 4)
static bool locust__fault_set(locust__fault *fault, int code, const char *format, ...)
{
    va_list args;
    if (fault->code)
        return false;
    fault->code = code;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return false;
}

static bool locust__fault_memory(locust__fault *fault)
{
    return locust__fault_set(fault, 1, "out of memory");
}
/* ============================================================================================
 * >>task  tasks and task sets as a test runs them
 *
 * Purpose     take the tasks of a class, its nested sets and their transitions apart once, with the
 *             tags of this run applied; pick what a user does next.
 * Invariants  a plan is made before its first user runs, and never changes: all users of a class
 *             walk over the same one, each with a frame of its own for every set that it is in. A
 *             plan has at least one step, all weights are positive, and their sum fits an int.
 * Cost        picking is a random number and a walk over the weights.
 * Names       locust__frame_ locust__plan_ locust__planner_ locust__tags_ locust__task_
 * Uses        >>fault
 * Sources     Locust 2.46: TaskSet, SequentialTaskSet, MarkovTaskSet, tags.
 * Limits      sets are nested up to 16 deep. Transitions name tasks: of two tasks with the same
 *             name the first is meant.
 *
 *   plan of a class          plan of a set                frames of a user, the top one first
 *     browse    weight 3       search   weight 1            frame of `Shop`, at search
 *     Shop      weight 1 ->    buy      weight 2            frame of the class, at Shop
 * ============================================================================================ */

enum { LOCUST__PLAN_DEPTH = 16 };

typedef struct locust__plan_move { // a transition of a Markov set
    int to, weight;
} locust__plan_move;

typedef struct locust__plan_task { // a task, or a set in a task's place
    const char *name;
    locust_task_fn fn; // NULL: `set`
    struct locust__plan *set;
    int weight;
    locust__plan_move *moves;
    int n_moves;
} locust__plan_task;

typedef struct locust__plan {
    const locust_taskset *as; // NULL: the tasks of a class
    locust__plan_task *steps;
    int n, total_weight;
} locust__plan;

typedef struct locust__tags { // lists of words, of a run
    const char *wanted;       // NULL: tasks need no tag
    const char *unwanted;     // NULL: no task is left out
} locust__tags;

/* 0 in a task means 1, as in all options; a negative weight keeps a task from ever running. */
static int locust__task_weight(const locust_task *task)
{
    return task->weight < 0 ? 0 : task->weight ? task->weight : 1;
}

static void locust__plan_free(locust__plan *plan)
{
    for (int i = 0; plan && i < plan->n; i++) {
        locust__plan_free(plan->steps[i].set);
        LOCUST_FREE(plan->steps[i].moves);
    }
    if (plan)
        LOCUST_FREE(plan->steps);
    LOCUST_FREE(plan);
}

/* Takes the next word off a list; words are separated by commas or blanks. */
static bool locust__tags_next(const char **list, locust__view *word)
{
    *list += strspn(*list, ", ");
    *word = (locust__view){*list, strcspn(*list, ", ")};
    *list += word->len;
    return word->len > 0;
}

/* Do two lists share a word? */
static bool locust__tags_meet(const char *a, const char *b)
{
    locust__view x, y;
    for (; a && b && locust__tags_next(&a, &x);)
        for (const char *rest = b; locust__tags_next(&rest, &y);)
            if (x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0)
                return true;
    return false;
}

/* Is a task part of the run? Locust's rule: it has one of the wanted tags and none of the
 * unwanted. Tags of the sets around it (`inherited`) count as its own. */
static bool locust__tags_keep(const locust__tags *tags, const char *own, const char *inherited)
{
    bool wanted = !tags->wanted || locust__tags_meet(tags->wanted, own) ||
                  locust__tags_meet(tags->wanted, inherited);
    return wanted && !locust__tags_meet(tags->unwanted, own) &&
           !locust__tags_meet(tags->unwanted, inherited);
}

typedef struct locust__planner { // what the making of a plan needs at every depth
    const locust__tags *tags;
    const char *cls; // name of the user class that the plan is for
    locust__fault *fault;
} locust__planner;

/* The class itself cannot be planned; the sentence goes on behind its name. */
static void locust__planner_fail(const locust__planner *p, const char *what)
{
    locust__fault_set(p->fault, 1, "user class %s %s", p->cls, what);
}

/* A set of the class cannot be planned. `set`: its name, which the sentence goes on behind. */
LOCUST__PRINTF(3, 4)
static void locust__planner_fail_set(
    const locust__planner *p, const char *set, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    locust__fault_set(
        p->fault, 1, "user class %s has a broken task set: set %s%s", p->cls, set, what);
}

/* The index of the step with that name, or -1. */
static int locust__plan_find(const locust__plan *plan, locust__view name)
{
    for (int i = 0; i < plan->n; i++)
        if (locust__view_is(name, plan->steps[i].name))
            return i;
    return -1;
}

/* Reads the transitions "name:weight,name" of a step. */
static void locust__plan_moves(
    locust__planner *p, locust__plan *plan, locust__plan_task *step, const char *next)
{
    locust__view word;
    size_t cap = 0;
    if (!next || !*next) {
        locust__planner_fail_set(p, plan->as->name, ": task %s has no .next", step->name);
        return;
    }
    while (!p->fault->code && locust__tags_next(&next, &word)) {
        const char *colon = memchr(word.ptr, ':', word.len);
        locust__view name = {word.ptr, colon ? (size_t)(colon - word.ptr) : word.len};
        const char *digits = colon ? colon + 1 : "1";
        int64_t weight = locust__number_whole(&digits);
        locust__plan_move move = {
            locust__plan_find(plan, name), weight < INT_MAX ? (int)weight : 0};
        locust__plan_move *moves =
            locust__memory_grow(step->moves, sizeof move, (size_t)step->n_moves, &cap);
        if (!moves) {
            locust__planner_fail(p, "out of memory");
            return;
        }
        step->moves = moves;
        if (move.to < 0)
            locust__planner_fail_set(p, plan->as->name,
                ": .next of task %s names \"%.*s\", which is no task of it", step->name,
                (int)name.len, name.ptr);
        if (move.weight < 1)
            locust__planner_fail_set(p, plan->as->name,
                ": .next of task %s gives \"%.*s\" no weight from 1", step->name, (int)word.len,
                word.ptr);
        step->moves[step->n_moves++] = move;
    }
}

/* Finds a task of a Markov set that no user can get to. A user begins with the first task; from
 * there this marks what transitions lead to until nothing new is found. */
static void locust__plan_reach(locust__planner *p, const locust__plan *plan)
{
    bool *seen = locust__memory_zalloc((size_t)plan->n * sizeof *seen), more = seen != NULL;
    if (seen)
        seen[0] = true;
    while (more) {
        more = false;
        for (int i = 0; i < plan->n; i++)
            for (int k = 0; seen[i] && k < plan->steps[i].n_moves; k++)
                if (!seen[plan->steps[i].moves[k].to])
                    more = seen[plan->steps[i].moves[k].to] = true;
    }
    for (int i = 0; seen && i < plan->n; i++)
        if (!seen[i])
            locust__planner_fail_set(
                p, plan->as->name, ": no .next leads to task %s", plan->steps[i].name);
    LOCUST_FREE(seen);
}

/* Reads the transitions of a Markov set. A tag cannot leave out one of its tasks, as in Locust:
 * transitions to that task would lead nowhere. So every task of the list has a step. */
static void locust__plan_markov(locust__planner *p, locust__plan *plan, const locust_task *tasks)
{
    int i = 0;
    if (p->tags->wanted || p->tags->unwanted)
        for (const locust_task *task = tasks; task->fn || task->set; task++)
            if (task->tags)
                locust__planner_fail_set(p, plan->as->name,
                    ": tags do not go with LOCUST_MARKOV, for what is left out is missing in "
                    ".next");
    for (const locust_task *task = tasks; !p->fault->code && (task->fn || task->set); task++)
        locust__plan_moves(p, plan, &plan->steps[i++], task->next);
    if (!p->fault->code)
        locust__plan_reach(p, plan);
}

/* Adds a step to a plan, which then owns the step's set. */
static void locust__plan_add(
    locust__planner *p, locust__plan *plan, size_t *cap, locust__plan_task step)
{
    locust__plan_task *steps = locust__memory_grow(plan->steps, sizeof step, (size_t)plan->n, cap);
    if (!steps) {
        locust__planner_fail(p, "out of memory");
        locust__plan_free(step.set);
        return;
    }
    plan->steps = steps;
    plan->steps[plan->n++] = step;
    if (step.weight > INT_MAX - plan->total_weight)
        locust__planner_fail(p, "has weights of tasks that add up to more than 2147483647");
    else
        plan->total_weight += step.weight;
}

/* Takes the tasks of a class or, at depth 1 and more, of a set apart. What the tags leave out is
 * not in the plan, nor is a set of which nothing is left. NULL: nothing at all is left, or there
 * is a fault.
 *
 * Takes     as: the set, NULL for a class. inherited: tags of the sets around it.
 */
static locust__plan *locust__plan_new(locust__planner *p, const locust_taskset *as,
    const locust_task *tasks, const char *inherited, int depth) // NOLINT(misc-no-recursion): depth
{
    locust__plan *plan = locust__memory_zalloc(sizeof *plan);
    bool markov = as && as->order == LOCUST_MARKOV;
    size_t cap = 0;
    if (!plan) {
        locust__planner_fail(p, "out of memory");
        return NULL;
    }
    plan->as = as;
    if (depth == LOCUST__PLAN_DEPTH)
        locust__planner_fail_set(p, as->name, " is nested more than 16 deep, or in itself");
    if (!tasks || !(tasks->fn || tasks->set))
        locust__planner_fail_set(p, as ? as->name : "of the user", " has no tasks");
    for (const locust_task *task = tasks; task && !p->fault->code && (task->fn || task->set);
         task++) {
        locust__plan_task step = {
            .name = task->name, .fn = task->fn, .weight = locust__task_weight(task)};
        if (!step.weight)
            continue;
        if (task->set) {
            locust__buf both = {NULL, 0, 0, false};
            locust__buf_printf(
                &both, "%s,%s", inherited ? inherited : "", task->tags ? task->tags : "");
            if (both.failed)
                locust__planner_fail(p, "out of memory");
            else
                step.set = locust__plan_new(p, task->set, task->set->tasks, both.ptr, depth + 1);
            locust__buf_free(&both);
            if (!step.set)
                continue;
        } else if (!markov && !locust__tags_keep(p->tags, task->tags, inherited)) {
            continue;
        }
        locust__plan_add(p, plan, &cap, step);
    }
    if (!p->fault->code && markov && plan->n)
        locust__plan_markov(p, plan, tasks);
    if (!p->fault->code && plan->n)
        return plan;
    locust__plan_free(plan);
    return NULL;
}

/* Where a user is in a plan. */
typedef struct locust__frame {
    struct locust__frame *below; // the set that this one is nested in; NULL: the class's own tasks
    const locust__plan *plan;
    int at;        // the step that was picked last; -1: none yet
    int left;      // of a sequence: how often the step at `at` is repeated yet
    bool entering; // its on_start has not returned
} locust__frame;

static void locust__frame_init(locust__frame *f, const locust__plan *plan)
{
    f->plan = plan;
    f->at = -1;
    f->left = 0;
}

/* Picks the next step: by weight at random; the next one of a sequence, each as often in a row as
 * it weighs; of a Markov set by the transitions of the last step, from the first step on. */
static const locust__plan_task *locust__frame_next(locust__frame *f, uint64_t *random)
{
    const locust__plan *plan = f->plan;
    int order = plan->as ? plan->as->order : LOCUST_RANDOM, at;
    if (order == LOCUST_SEQUENTIAL) {
        if (!f->left) {
            f->at = (f->at + 1) % plan->n;
            f->left = plan->steps[f->at].weight;
        }
        f->left--;
    } else if (order == LOCUST_MARKOV && f->at >= 0) {
        const locust__plan_task *from = &plan->steps[f->at];
        int total = 0, k = 0;
        for (int i = 0; i < from->n_moves; i++)
            total += from->moves[i].weight;
        at = (int)(locust__random_unit(random) * total);
        while ((at -= from->moves[k].weight) >= 0 && k + 1 < from->n_moves)
            k++;
        f->at = from->moves[k].to;
    } else if (order == LOCUST_MARKOV || plan->n == 1) {
        f->at = 0;
    } else {
        at = (int)(locust__random_unit(random) * plan->total_weight);
        f->at = 0;
        while ((at -= plan->steps[f->at].weight) >= 0 && f->at + 1 < plan->n)
            f->at++;
    }
    return &plan->steps[f->at];
}
/* ============================================================================================
 * >>class  user classes as a test runs them
 *
 * Purpose     a class with what its users share: host, route, plan of tasks, connections, arrivals.
 * Invariants  set up once per environment; during a run only `alive`, the shared connections and
 *             the queue of arrivals change.
 * Names       locust__class_ locust__arrival_queue
 * Uses        >>co >>route >>pool >>base_url >>fault >>task
 * ============================================================================================ */

typedef struct locust__arrival_queue { // the arrivals of a class: see >>arrive and >>pace
    locust_arrivals as;
    double share;         // of --rate or --stages; 0: the class has a rate of its own
    locust__queue free;   // users that are parked until the next arrival
    int64_t *backlog;     // when the arrivals that wait were due: a ring, the oldest at `first`
    size_t first, n, cap; // places in the ring
    locust_env *env;
    locust__co *pacer; // the coroutine that keeps the schedule
    bool pacing;       // the pacer sleeps and may be woken
    locust_arrival_counts counts;
} locust__arrival_queue;

typedef struct locust__class { // a user class as a test runs it
    const locust_user_class *as;
    const locust_user_class *declared; // the test's; `as` may be changed by --config-users
    locust_user_class changed;
    locust_task *tasks; // of `changed`; NULL: the declared ones
    const char *host;   // that of --host, or the class's own; NULL: none
    locust__base_url base;
    locust__route route;
    locust__conns shared;            // connections of all its users, with .pool
    locust__plan *plan;              // the tasks that the tags leave
    locust__arrival_queue *arrivals; // NULL: its users do not arrive
    int alive;                       // users that count as alive: see locust__user
} locust__class;

/* Does a class have tasks that can be run? */
static bool locust__class_check(const locust_user_class *as, locust__fault *fault)
{
    if (!as->tasks || !(as->tasks->fn || as->tasks->set))
        return locust__fault_set(fault, 1,
            "user class %s has no tasks: give it .tasks = LOCUST_TASKS(LOCUST_TASK(function))",
            as->name);
    for (const locust_task *task = as->tasks; task->fn || task->set; task++)
        if (locust__task_weight(task))
            return true;
    return locust__fault_set(fault, 1, "user class %s has no task with a weight above 0", as->name);
}

static void locust__class_init(locust__class *cls, const locust_user_class *as)
{
    memset(cls, 0, sizeof *cls);
    cls->as = cls->declared = as;
    cls->base.prefix = cls->base.text = "";
}

/* Makes the plan of a class. */
static bool locust__class_plan(locust__class *cls, const locust__tags *tags, locust__fault *fault)
{
    locust__planner p = {tags, cls->as->name, fault};
    cls->plan = locust__plan_new(&p, NULL, cls->as->tasks, NULL, 0);
    if (!cls->plan && !fault->code)
        locust__planner_fail(&p, "has no tasks left by --tags and --exclude-tags");
    return !fault->code;
}

/* The weight by which a class gets users; 0: it gets none that way. */
static double locust__class_weight(const locust_user_class *as)
{
    return as->fixed_count > 0 || as->weight < 0 ? 0 : as->weight > 0 ? as->weight : 1;
}

/* Does a class get users in any way: by count, by weight or by arriving? */
static bool locust__class_gets_users(const locust_user_class *as)
{
    return as->fixed_count > 0 || locust__class_weight(as) > 0 || as->arrivals.rate > 0;
}
/* ============================================================================================
 * >>user  a user, its coroutines, all users of a test
 *
 * Purpose     the types that the parts of 6-user share, and how long a user waits between two
 *             tasks.
 * Invariants  each user has a coroutine, and so has each locust_coroutine that it starts. All of
 *             them are a locust__user to the public calls; `root` is the user that they belong to,
 *             and what they share (session, task sets, handles) is looked up there.
 * Cost        a block of some 500 bytes with its slots and data, and a page of stack; its last
 *             answer.
 * Names       locust__user_ locust__users_ locust__outcome_ locust__user_stream
 * Uses        >>co >>services >>session >>client >>task >>class
 * Sources     Locust 2.46 (reference run) for order, waits and stopping.
 *
 *   A user's way                 started  stopping  waiting   what moves it on
 *     before its first turn         -         -        -      the loop
 *     in on_start or a task         x         -        -      the task returns, fails or is cut
 *     between two tasks             x         -        x      time, an arrival, or a cancellation
 *     asked to end, in a task       x         x        -      as before, but no task follows
 *     on its way out, on_stop       x         x        -      locust__start_main, see there
 *
 *   `stopping` is set by whoever ends one user: itself, a ramp down, a limit of iterations, the
 *   end of the test. users.closing has the same effect on all at once. A cancellation does more: it
 *   cuts the call that the coroutine is parked in. A user that a ramp takes down is `uncounted` at
 *   once, though it may take until the stop timeout to end; any other when it ends.
 * ============================================================================================ */

/* How a function of the test was left. */
enum locust__outcome {
    LOCUST__OUTCOME_RETURNED,
    LOCUST__OUTCOME_CUT,             // the user is being stopped
    LOCUST__OUTCOME_INTERRUPTED,     // locust_interrupt: the set ends, its parent waits first
    LOCUST__OUTCOME_INTERRUPTED_NOW, // the same without a wait
    LOCUST__OUTCOME_FAILED,          // locust_fail: the next task goes on
};

typedef struct locust__user_cleanup { // registered by locust_defer
    struct locust__user_cleanup *next;
    void (*fn)(void *arg);
    void *arg;
} locust__user_cleanup;

typedef struct locust__user_inserted { // by locust_schedule
    struct locust__user_inserted *next;
    locust_task_fn fn;
    const locust__frame *frame; // the set that it is a task of
} locust__user_inserted;

typedef struct locust__user_text { // memory of locust_text: several texts, one behind the other
    struct locust__user_text *next;
    size_t used, cap;
    char bytes[];
} locust__user_text;

typedef struct locust__user_stream {          // one that the test opened by locust_connect
    locust_stream stream;                     // first: what the test has
    locust_error error;                       // of the last public call
    int64_t timeout_ns;                       // of a public call
    locust__co *owner;                        // the coroutine that opened it
    struct locust__user_stream *next, **link; // in that user's list
} locust__user_stream;

typedef struct locust__user {
    locust_user as; // first: what tasks see
    struct locust__user *next, *prev;
    struct locust__users *all;
    locust__class *cls;
    locust__co *co;
    struct locust__user *root;       // itself; of a coroutine that a user has started: that user
    const char *doing;               // the name of the task that runs, or that ran last
    int iterations;                  // tasks that this user has begun
    int lost, pauses;                // of the root: see >>retry
    enum locust__outcome outcome;    // of the function that was left by an unwinding
    int64_t due_ns;                  // of the arrival that its next task serves; 0: none
    int64_t cut_ns;                  // when a ramp that took it down cuts it short; 0: never
    int64_t waited_ns;               // when its last wait ended: what pacing counts from
    bool started;                    // on_start began and did not fail, so on_stop is due
    bool stopping;                   // takes no further task
    bool waiting;                    // between two tasks, so that a cancellation cuts no task
    bool uncounted;                  // no longer among those that are alive
    bool late;                       // the arrival of due_ns had to wait for a place
    bool kept;                       // this block lies above its stack, not in the heap
    locust__plan *own_plan;          // made by locust_set_tasks
    locust__frame base, *top;        // the class's tasks; the set that runs
    locust__user_cleanup *cleanups;  // of the task that runs, the latest first
    locust__user_inserted *inserted; // tasks that go before what the plan would pick
    locust__user_text *texts;        // of the task that runs, the fullest last
    uint64_t random;                 // of the root, with --seed: the state of its own choices
    locust__client client;
    locust__session session;
    struct locust_coroutine *coroutines; // that the user has started and that are not freed
    struct locust_group *groups;         // that the task has made
    /* All that wait for the end of a coroutine or for a place in a group. Every end wakes all of
     * them, and each looks whether it was the one that it waits for: a user has few coroutines. */
    locust__queue coroutine_waiters;
    locust__user_stream *streams; // opened by locust_connect and not closed
} locust__user;

struct locust_coroutine { // of a user
    locust__user user;    // first: as the calls of the test see it; its `root` is the user
    struct locust_coroutine *next;
    struct locust_group *group; // NULL: none
    locust_coroutine_fn fn;
    void *arg;
    bool ended;
    bool detached; // its task is over: nobody can begin to join it
    int joiners;   // coroutines that wait for its end: the last one frees it
};

struct locust_group {
    struct locust_group *next;
    int limit, running;
    int waiters; // coroutines that wait for a place in it, or for its end
    bool orphan; // joined, or its task is over: the last waiter frees it
};

typedef struct locust__users { // of a test
    locust__services *services;
    locust_env *env;
    locust__user *first, *last; // all that have not ended, in the order in which they started
    locust__wait_group group;   // their coroutines
    int alive;                  // of them, without those that a ramp has taken down
    uint64_t next_id;
    uint64_t seed;               // of the users' random choices; 0: all draw from the loop's
    bool spawned;                // no ramp runs
    locust__queue spawn_waiters; // until no ramp runs
    int64_t iterations_left;     // tasks that all users may begin; -1: no limit
    bool limited;                // tasks are counted: the test ends when nobody is left
    bool closing;                // the test is asked to end: no user begins a task
    bool told;                   // on_test_stopping was called: users may run on_stop
    locust_error lost;           // the last error of a request that reached no server
    bool told_retry;             // the log says that users pause: see >>retry
    /* What the users tell the layer above. */
    void (*request_stop)(locust_env *env); // end the test
    void (*on_empty)(locust_env *env);     // nobody is left of those whose tasks are counted
    void (*on_error)(locust_env *env, locust_user *u, const char *message); // a task failed
    locust__tags tags;
    locust_feeder *feeders;  // files that are open: see >>feed
    size_t worker;           // the number of this process, from 0, among
    size_t n_workers;        // the processes that share the test
    const char *setup_error; // why the test cannot go on; the runner reports it. NULL: it can
} locust__users;

/* Where the random choices of user number `id` begin: a hash of both, so that two users' sequences
 * do not overlap. */
static uint64_t locust__user_seed(const locust__users *all, uint64_t id)
{
    uint64_t state = all->seed;
    state = locust__random(&state) ^ id;
    return locust__random(&state);
}

/* The state that a user draws its random choices from. With --seed each has its own, so that the
 * choices of one do not depend on when the others come to draw. */
static uint64_t *locust__user_random(locust__user *user)
{
    return user->all->seed ? &user->root->random : &user->all->services->loop->random;
}

/* What a user does, where that is no task: values of locust__user.doing. */
static const char locust__user_on_start[] = "on_start";
static const char locust__user_on_stop[] = "on_stop";
static const char locust__user_set_on_start[] = "on_start of a task set";
static const char locust__user_set_on_stop[] = "on_stop of a task set";

/* Says where a user's coroutine is: "task ", "browse", " of ", "Shopper". Async-signal-safe. This
 * is the loop's `where`. */
static void locust__user_where(const locust__co *co, const char *words[LOCUST__LOOP_WORDS])
{
    const locust__user *root = ((const locust__user *)co->arg)->root;
    const char *doing = root->doing ? root->doing : "that begins";
    bool task = doing != locust__user_on_start && doing != locust__user_on_stop &&
                doing != locust__user_set_on_start && doing != locust__user_set_on_stop;
    words[0] = task ? "task " : "";
    words[1] = doing;
    words[2] = " of ";
    words[3] = root->cls->as->name;
}

/* The wait of the set that runs, of the nearest set around it that has one, or of the class. */
static const locust_wait_time *locust__user_wait_time(const locust__user *user)
{
    for (const locust__frame *f = user->root->top; f; f = f->below)
        if (f->plan->as && f->plan->as->wait_time.kind)
            return &f->plan->as->wait_time;
    return &user->cls->as->wait_time;
}

/* How long to wait now, before the next task. Pacing takes what is left of the period that began
 * when the last wait ended: nothing, if the task took longer. */
static int64_t locust__user_wait_ns(locust__user *user, int64_t now_ns)
{
    const locust_wait_time *wait = locust__user_wait_time(user);
    uint64_t *random = locust__user_random(user);
    int64_t due;
    switch (wait->kind) {
    case LOCUST_WAIT_CONSTANT:
        return locust__time_ns(wait->a);
    case LOCUST_WAIT_BETWEEN:
        return locust__time_ns(wait->a + (wait->b - wait->a) * locust__random_unit(random));
    case LOCUST_WAIT_PACING:
        due = locust__time_after(user->waited_ns, locust__time_ns(wait->a));
        return due > now_ns ? due - now_ns : 0;
    case LOCUST_WAIT_CUSTOM:
        return wait->fn ? locust__time_ns(wait->fn(&user->as)) : 0;
    default:
        return 0;
    }
}
/* ============================================================================================
 * >>user_text  texts that live as long as a task
 *
 * Purpose     the memory behind locust_text.
 * Invariants  a text does not move. All of a function of the test are freed when it is left.
 * Cost        a block of 256 bytes for all small texts of a task.
 * Names       locust__user_text_
 * Uses        >>user
 * ============================================================================================ */

enum { LOCUST__USER_TEXT_BLOCK = 256 - sizeof(locust__user_text) };

/* Room for n bytes; NULL: no memory. */
static char *locust__user_text_take(locust__user *user, size_t n)
{
    locust__user_text *t = user->texts;
    if (!t || t->cap - t->used < n) {
        size_t cap = n > LOCUST__USER_TEXT_BLOCK ? n : LOCUST__USER_TEXT_BLOCK;
        t = LOCUST_MALLOC(sizeof *t + cap);
        if (!t)
            return NULL;
        t->used = 0;
        t->cap = cap;
        t->next = user->texts;
        user->texts = t;
    }
    t->used += n;
    return t->bytes + t->used - n;
}

static void locust__user_text_free(locust__user *user)
{
    while (user->texts) {
        locust__user_text *t = user->texts;
        user->texts = t->next;
        LOCUST_FREE(t);
    }
}
/* ============================================================================================
 * >>retry  pauses after requests that reached no server
 *
 * Purpose     keeps users without a wait_time from failing millions of times a second against a
 *             server that is not there: .retry_pause of their class.
 * Invariants  what is no answer of a server costs a user at least a pause before its next task; in
 *             a task that goes on regardless, one for every 16 such requests. A request that
 *             reached a server ends that.
 * Names       locust__retry_
 * Uses        >>user
 * ============================================================================================ */

enum { LOCUST__RETRY_IN_TASK = 16 }; // requests in a row that one task may lose without a pause

/* Did a request or a connect end before any server took part in it? A timeout is none of these: it
 * took its time. */
static bool locust__retry_is_lost(locust_error error)
{
    static const locust_error lost[] = {LOCUST_ERR_REFUSED, LOCUST_ERR_NAME, LOCUST_ERR_NAME_SERVER,
        LOCUST_ERR_HOST_UNREACHABLE, LOCUST_ERR_NET_UNREACHABLE, LOCUST_ERR_NO_SOCKET,
        LOCUST_ERR_PERMISSION, LOCUST_ERR_SOURCE, LOCUST_ERR_PROXY_NAME, LOCUST_ERR_PROXY_REFUSED,
        LOCUST_ERR_URL, LOCUST_ERR_SCHEME, LOCUST_ERR_HTTP_REQUEST, LOCUST_ERR_HTTP_BODIES,
        LOCUST_ERR_HTTP_BODY_LEN, LOCUST_ERR_HTTP_AUTHS, LOCUST_ERR_HTTP_CALLBACKS,
        LOCUST_ERR_HTTP_REQUEST_SIZE};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (error == lost[i])
            return true;
    return false;
}

/* Takes note of how a request, or a connect of the test's own, has ended. */
static void locust__retry_note(locust__user *user, locust_error error)
{
    locust__user *root = user->root;
    if (error && locust__retry_is_lost(error)) {
        root->lost++;
        user->all->lost = error;
    } else if (root->lost || root->pauses) {
        root->lost = root->pauses = 0;
    }
}

/* How long the user pauses now; 0: not at all. The pauses of one user grow, and those of several do
 * not march in step. */
static int64_t locust__retry_next_ns(locust__user *root)
{
    double most_s = root->cls->as->retry_pause;
    double share = locust__random_unit(&root->all->services->loop->random);
    int64_t ns = locust__time_ns(most_s > 0 ? most_s : 1);
    if (!root->lost || most_s < 0 || root->cls->arrivals)
        return 0;
    root->lost = 0;
    if (root->pauses < 4) // 0.1, 0.2, 0.4, 0.8 of it
        ns = ns / 10 << root->pauses++;
    return ns / 2 + (int64_t)(share * (double)(ns / 2));
}

/* A wait between two tasks of that length, and as long as the user must pause at least. */
static int64_t locust__retry_wait_ns(locust__user *user, int64_t wait_ns)
{
    locust__users *all = user->all;
    int64_t pause_ns = locust__retry_next_ns(user->root);
    if (pause_ns <= wait_ns)
        return wait_ns;
    if (!all->told_retry)
        locust__log_print(all->services->log, LOCUST__LOG_WARNING, "locust.runners",
            "requests reach no server (%s): each user then pauses before its next task, up to "
            ".retry_pause of its class (1 s)",
            locust__error_text(all->lost));
    all->told_retry = true;
    return pause_ns;
}

/* Before a request: parks a user whose task has lost too many of them. */
static void locust__retry_park(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t pause_ns;
    if (user->root->lost < LOCUST__RETRY_IN_TASK)
        return;
    pause_ns = locust__retry_wait_ns(user, 0);
    if (pause_ns)
        locust__co_sleep(loop, locust__time_after(locust__loop_clock(loop), pause_ns));
}
/* ============================================================================================
 * >>arrive  arrivals of the open model, as users take them
 *
 * Purpose     the arrivals of a class that no user has taken yet, and the users that wait for one.
 * Invariants  scheduled == started + shed + n. Either arrivals wait or users do, never both for
 *             longer than a turn of the loop. An arrival keeps the time at which it was due, so
 *             that what it waited is in its first response time.
 * Cost        8 bytes for an arrival that waits.
 * Names       locust__arrive_
 * Uses        >>co >>switch >>sync >>class >>user
 *
 *   backlog   | . | . | due | due | due | . | . |    first 2, n 3, cap 7: the oldest is at `first`;
 *                       first                        behind the last place comes place 0
 * ============================================================================================ */

/* Sheds arrivals that have waited longer than their patience. Returns when the next one will have.
 * */
static int64_t locust__arrive_shed(locust__arrival_queue *o, int64_t now_ns)
{
    int64_t patience_ns = o->as.patience_s < 0 ? 0 : locust__time_ns(o->as.patience_s), until_ns;
    while (o->n) {
        until_ns = locust__time_after(o->backlog[o->first], patience_ns);
        if (now_ns <= until_ns)
            return locust__time_after(until_ns, 1);
        o->first = (o->first + 1) % o->cap;
        o->n--;
        o->counts.shed++;
    }
    return LOCUST__NEVER;
}

/* Takes the oldest arrival that waits and has not lost its patience. False: there is none. */
static bool locust__arrive_take(locust__arrival_queue *o, int64_t now_ns, int64_t *due_ns)
{
    locust__arrive_shed(o, now_ns);
    if (!o->n)
        return false;
    *due_ns = o->backlog[o->first];
    o->first = (o->first + 1) % o->cap;
    o->n--;
    return true;
}

/* Puts an arrival behind those that wait. The ring doubles when it is full; without memory for
 * that the arrival is shed. */
static void locust__arrive_keep(locust__arrival_queue *o, int64_t due_ns)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        int64_t *ring = LOCUST_MALLOC(cap * sizeof *ring);
        if (!ring) {
            o->counts.shed++;
            return;
        }
        for (size_t i = 0; i < o->n; i++)
            ring[i] = o->backlog[(o->first + i) % o->cap];
        LOCUST_FREE(o->backlog);
        o->backlog = ring;
        o->first = 0;
        o->cap = cap;
    }
    o->backlog[(o->first + o->n++) % o->cap] = due_ns;
}

/* Gives an arrival to a user: the user's next task serves it. */
static void locust__arrive_accept(locust__user *user, int64_t due_ns, bool late)
{
    user->due_ns = due_ns;
    user->late = late;
    user->cls->arrivals->counts.started++;
    user->cls->arrivals->counts.late += late;
}

/* Takes back an arrival that was accepted but whose task never started because the test is ending;
 * it counts as shed. */
static void locust__arrive_forgo(locust__user *user)
{
    locust__arrival_queue *o = user->cls->arrivals;
    if (!o || !user->due_ns)
        return;
    user->due_ns = 0;
    o->counts.started--;
    o->counts.late -= user->late;
    o->counts.shed++;
}

/* Begins to serve the arrival: the user's next request tells how late it is. */
static void locust__arrive_serve(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    user->session.late_ms = (double)(locust__loop_clock(loop) - user->due_ns) / 1e6;
}

/* After an arrival's task: takes the next arrival if one is waiting, else parks until the pacer
 * gives it one. */
static void locust__arrive_await(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    locust__arrival_queue *o = user->cls->arrivals;
    int64_t due_ns;
    if (locust__arrive_take(o, locust__loop_clock(loop), &due_ns)) {
        locust__arrive_accept(user, due_ns, true);
        locust__co_yield(loop);
    } else {
        user->waiting = true;
        locust__queue_wait(loop, &o->free, LOCUST__NEVER);
        user->waiting = false;
    }
    if (!user->stopping)
        locust__arrive_serve(user);
}
/* ============================================================================================
 * >>life  the life of a user
 *
 * Purpose     on_start, tasks with waits between them, on_stop; what leaves a task early.
 * Invariants  on_stop runs for every user and task set whose on_start began and did not fail, also
 *             when the user is cut short. A user that is cut short leaves its task at the call that
 *             it is parked in: that call does not return, and no clean-up that the task has written
 *             behind it runs, only locust_defer's. Functions of the test run inside
 *             locust__life_guarded, one at a time: a coroutine has one unwind point.
 * Cost        between two tasks without a wait: no switch if the task has parked, else one.
 * Names       locust__life_
 * Uses        >>co >>stack >>switch >>sync >>context >>stream >>client >>task >>class >>user
 *             >>arrive
 * Sources     Locust 2.47 (reference run): a user whose on_start fails ends without its on_stop,
 *             and so does a set; interrupt() ends a set, its parent waits before its next task
 *             unless `reschedule`.
 * ============================================================================================ */

/* Waits as the class or set says. Without a wait the user yields if its task has not parked, so
 * that it does not keep the loop to itself. `turn`: of the loop, when the task began. */
static void locust__life_wait(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    int64_t now = locust__user_wait_time(user)->kind ? locust__loop_clock(loop) : 0;
    int64_t wait = locust__user_wait_ns(user, now);
    if (user->root->lost) {
        wait = locust__retry_wait_ns(user, wait);
        now = locust__loop_clock(loop);
    }
    user->waited_ns = locust__time_after(now, wait);
    user->waiting = true;
    if (wait) {
        locust__co_sleep(loop, user->waited_ns);
    } else if (loop->turn == turn) {
        locust__loop_clock(loop);
        locust__co_yield(loop);
    }
    user->waiting = false;
}

/* Runs what locust_defer has registered, the latest first. None of it may park. */
static void locust__life_clean_up(locust__user *user)
{
    while (user->cleanups) {
        locust__user_cleanup *c = user->cleanups;
        user->cleanups = c->next;
        c->fn(c->arg);
        LOCUST_FREE(c);
    }
}

/* Frees the handles of the task that ends: its coroutines and groups. A coroutine that still runs
 * frees its own when it ends; one that is being joined, and a group with waiters, is freed by the
 * last that waits. All waiters are woken to find that out. */
static void locust__life_detach(locust__user *user)
{
    locust__loop *loop = user->all->services->loop;
    for (locust_coroutine **at = &user->coroutines; *at;) {
        locust_coroutine *c = *at;
        c->detached = true;
        c->group = NULL;
        if (c->ended && !c->joiners) {
            *at = c->next;
            LOCUST_FREE(c);
        } else {
            at = &c->next;
        }
    }
    while (user->groups) {
        locust_group *group = user->groups;
        user->groups = group->next;
        group->orphan = true;
        group->running = 0;
        if (!group->waiters)
            LOCUST_FREE(group);
    }
    while (user->coroutine_waiters.first)
        locust__co_wake(loop, user->coroutine_waiters.first, LOCUST__WAKE_EVENT);
}

/* Ends a function of the test: gives back what it has entered, registered and started, and counts
 * its last request, whose verdict is final now. */
static void locust__life_settle(locust__user *user)
{
    if (user->co->scopes || user->co->entered)
        locust__context_unwind(user->co);
    if (user->cleanups)
        locust__life_clean_up(user);
    if (user->texts)
        locust__user_text_free(user);
    if (user->coroutines || user->groups)
        locust__life_detach(user);
    locust__client_settle(&user->client);
}

/* Does any coroutine that the user has started still run, this one left aside? */
static bool locust__life_has_coroutines(const locust__user *user)
{
    for (const locust_coroutine *c = user->root->coroutines; c; c = c->next)
        if (!c->ended && &c->user != user)
            return true;
    return false;
}

/* Cuts all coroutines that a user has started, again and again until the last one has ended: a
 * coroutine may park and start others while it is cut. A cancellation of the user itself waits. */
static void locust__life_stop_coroutines(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    while (locust__life_has_coroutines(user)) {
        for (locust_coroutine *c = user->coroutines; c; c = c->next)
            if (!c->ended && !c->user.co->cancelled)
                locust__co_cancel(loop, c->user.co);
        if (locust__queue_wait(loop, &user->coroutine_waiters, LOCUST__NEVER) ==
            LOCUST__WAKE_CANCELLED)
            user->co->cancelled = false;
    }
    locust__life_detach(user);
}

/* Runs fn until it returns, or until a call in it leaves it by locust__life_leave. Says which. Not
 * to be called inside another fn. */
static enum locust__outcome locust__life_guarded(
    locust__user *user, void (*fn)(locust__user *user)) LOCUST__PARKS
{
    user->outcome = LOCUST__OUTCOME_RETURNED;
    if (setjmp(*locust__stack_unwind_point(user->co)) == 0)
        fn(user);
    if (user->outcome == LOCUST__OUTCOME_CUT && user->coroutines)
        locust__life_stop_coroutines(user); // they may use what the task's locust_defer frees
    locust__life_settle(user);
    return user->outcome;
}

/* Leaves the function of the test that runs, from any depth: locust__life_guarded returns
 * `outcome`. */
static _Noreturn void locust__life_leave(locust__user *user, enum locust__outcome outcome)
{
    user->outcome = outcome;
    longjmp(*locust__stack_unwind_point(user->co), 1);
}

/* Cuts the function of the test that runs: its user has been cancelled. */
static _Noreturn void locust__life_unwind(locust__user *user)
{
    locust__life_leave(user, LOCUST__OUTCOME_CUT);
}

/* Leaves the innermost set, and forgets tasks that locust_schedule has inserted into it. The
 * class's own tasks are left at the end of the user. */
static void locust__life_pop(locust__user *user)
{
    locust__frame *f = user->top;
    for (locust__user_inserted **at = &user->inserted; *at;) {
        locust__user_inserted *in = *at;
        if (in->frame == f) {
            *at = in->next;
            LOCUST_FREE(in);
        } else {
            at = &in->next;
        }
    }
    user->top = f->below;
    if (f != &user->base)
        LOCUST_FREE(f);
}

static void locust__life_on_start(locust__user *user) LOCUST__PARKS
{
    if (user->cls->as->on_start)
        user->cls->as->on_start(&user->as);
}

/* Runs the on_start of the innermost set. It is `entering` until that has returned. */
static void locust__life_set_on_start(locust__user *user) LOCUST__PARKS
{
    user->top->entering = true;
    user->doing = locust__user_set_on_start;
    if (user->top->plan->as->on_start)
        user->top->plan->as->on_start(&user->as);
    user->top->entering = false;
}

static void locust__life_set_on_stop(locust__user *user) LOCUST__PARKS
{
    user->doing = locust__user_set_on_stop;
    if (user->top->plan->as->on_stop)
        user->top->plan->as->on_stop(&user->as);
}

static void locust__life_run_on_stop(locust__user *user) LOCUST__PARKS
{
    user->doing = locust__user_on_stop;
    if (user->started && user->cls->as->on_stop)
        user->cls->as->on_stop(&user->as);
}

/* Enters a set: its on_start belongs to it. False: no memory. */
static bool locust__life_push(locust__user *user, const locust__plan *plan)
{
    locust__frame *f = locust__memory_zalloc(sizeof *f);
    if (!f)
        return false;
    locust__frame_init(f, plan);
    f->below = user->top;
    user->top = f;
    return true;
}

/* The next task or set: the first that was inserted into the set that runs, else what the plan
 * picks. `inserted` has room for the former. */
static const locust__plan_task *locust__life_next(locust__user *user, locust__plan_task *inserted)
{
    for (locust__user_inserted **at = &user->inserted; *at; at = &(*at)->next) {
        locust__user_inserted *in = *at;
        if (in->frame != user->top)
            continue;
        *inserted = (locust__plan_task){.fn = in->fn};
        *at = in->next;
        LOCUST_FREE(in);
        return inserted;
    }
    return locust__frame_next(user->top, locust__user_random(user));
}

/* No user begins a further task. Waits end at once; tasks that run are cut if `now`, else they may
 * finish. */
static void locust__life_stop_all(locust__users *all, bool now)
{
    for (locust__user *user = all->first; user; user = user->next) {
        user->stopping = true;
        if (now || user->waiting)
            locust__co_cancel(all->services->loop, user->co);
    }
}

/* Will no user of the test begin a task any more? */
static bool locust__life_are_over(const locust__users *all)
{
    return all->closing || all->told || all->iterations_left == 0;
}

/* Will this user take no further task? */
static bool locust__life_is_over(const locust__user *user)
{
    return user->stopping || user->all->closing;
}

/* Takes one of the task runs that the user, its class and the test may still have. False: there is
 * none, and the user ends. A user that arrived for its tasks (LOCUST_ARRIVE_USERS) has .iterations
 * of them, or one. */
static bool locust__life_claim(locust__user *user)
{
    locust__users *all = user->all;
    const locust__arrival_queue *queue = user->cls->arrivals;
    bool visitor = queue && queue->as.kind == LOCUST_ARRIVE_USERS;
    int own = user->cls->as->iterations;
    bool spent = own > 0 ? user->iterations >= own : visitor && user->iterations;
    if (!spent && all->iterations_left != 0) {
        user->iterations++;
        user->due_ns = 0;
        if (all->iterations_left > 0 && --all->iterations_left == 0)
            locust__life_stop_all(all, false); // users that wait for a next task wait in vain
        return true;
    }
    user->stopping = true;
    locust__arrive_forgo(user);
    return false;
}

/* Does each of the user's tasks serve an arrival? */
static bool locust__life_serves(const locust__user *user)
{
    return user->cls->arrivals && user->cls->arrivals->as.kind == LOCUST_ARRIVE_TASKS;
}

/* Passes the time between two tasks. */
static void locust__life_pause(locust__user *user, uint64_t turn) LOCUST__PARKS
{
    if (locust__life_serves(user))
        locust__arrive_await(user);
    else
        locust__life_wait(user, turn);
}

/* Runs tasks, one after the other, inside one guard: setting it up for each task would cost more
 * than a short task does. Returns when the user is over; is left when a task is. */
static void locust__life_run_tasks(locust__user *user) LOCUST__PARKS
{
    while (!locust__life_is_over(user)) {
        uint64_t turn = user->all->services->loop->turn;
        locust__plan_task inserted;
        const locust__plan_task *step = locust__life_next(user, &inserted);
        if (step->set) {
            if (!locust__life_push(user, step->set))
                locust__life_wait(user, turn); // no memory: the user tries again later
            else
                locust__life_set_on_start(user);
            continue;
        }
        if (!locust__life_claim(user))
            return;
        user->doing = step->name ? step->name : "that was scheduled";
        step->fn(&user->as);
        locust__life_settle(user);
        if (!locust__life_is_over(user))
            locust__life_pause(user, turn);
    }
}

/* Runs on_start and then tasks until the user is over. Each turn of the loop is one guard: a
 * failed task is followed by a wait and the next task, an interrupted set by its on_stop and its
 * parent. */
static void locust__life_run(locust__user *user) LOCUST__PARKS
{
    enum locust__outcome outcome;
    user->started = true;
    user->doing = locust__user_on_start;
    if (user->due_ns)
        locust__arrive_serve(user);
    outcome = locust__life_guarded(user, locust__life_on_start);
    if (outcome == LOCUST__OUTCOME_FAILED)
        user->started = false;
    if (outcome != LOCUST__OUTCOME_RETURNED)
        return;
    while (!locust__life_is_over(user)) {
        uint64_t turn = user->all->services->loop->turn;
        outcome = locust__life_guarded(user, locust__life_run_tasks);
        if (outcome == LOCUST__OUTCOME_CUT || locust__life_is_over(user))
            return;
        if (outcome == LOCUST__OUTCOME_INTERRUPTED || outcome == LOCUST__OUTCOME_INTERRUPTED_NOW) {
            enum locust__outcome stopped = locust__life_guarded(user, locust__life_set_on_stop);
            locust__life_pop(user);
            if (stopped == LOCUST__OUTCOME_CUT)
                return;
        } else if (outcome == LOCUST__OUTCOME_FAILED && user->top->entering) {
            locust__life_pop(user);
        }
        if (locust__life_is_over(user))
            return;
        if (outcome != LOCUST__OUTCOME_INTERRUPTED_NOW || locust__life_serves(user))
            locust__life_pause(user, turn); // a user that serves always needs another arrival
        else if (user->all->services->loop->turn == turn)
            locust__co_yield(user->all->services->loop);
    }
}

/* Closes the streams that the test has opened and not closed, as a task that was cut cannot. */
static void locust__life_close_streams(locust__user *user)
{
    for (locust__user_stream *s = user->streams, *next; s; s = next) {
        next = s->next;
        locust__stream_close(&s->stream);
        LOCUST_FREE(s);
    }
}
/* ============================================================================================
 * >>start  starting and ending users
 *
 * Purpose     make a user and its coroutine; bring it to its end in order.
 * Invariants  a user's block lives as long as its coroutine. It holds, in this order,
 *
 *     | locust__user | slots, at co->local | .data of the class |
 *
 *             and lies above the coroutine's stack, in the page in which the stack begins, so that
 *             an idle user is one page. A block that is too large for that lies in the heap.
 * Names       locust__start_
 * Uses        >>co >>switch >>local >>context >>session >>client >>task >>class >>user
 *             >>arrive >>life
 * ============================================================================================ */

/* Counts a user as gone. Done once: by a ramp that takes it down, or when it ends. */
static void locust__start_uncount(locust__user *user)
{
    user->all->alive -= !user->uncounted;
    user->cls->alive -= !user->uncounted;
    user->uncounted = true;
}

/* Takes an ended user out of the list, and tells those that may wait for it: the pacer, which can
 * start another user for an arrival that waits, and the runner, if it was the last one. */
static void locust__start_remove(locust__user *user)
{
    locust__users *all = user->all;
    locust__arrival_queue *queue = user->cls->arrivals;
    if (queue && queue->pacing && queue->n)
        locust__co_wake(all->services->loop, queue->pacer, LOCUST__WAKE_EVENT);
    if (user->prev)
        user->prev->next = user->next;
    else
        all->first = user->next;
    if (user->next)
        user->next->prev = user->prev;
    else
        all->last = user->prev;
    locust__start_uncount(user);
    if (!all->alive && all->limited)
        all->on_empty(all->env);
}

/* A user's on_stops, from the innermost set outwards. Each may send requests and park; a
 * cancellation from here on (the stop timeout) cuts the one that runs. */
static void locust__start_run_on_stops(locust__user *user) LOCUST__PARKS
{
    user->stopping = true;
    user->co->cancelled = false;
    locust__life_stop_coroutines(user); // they may use what on_stop gives back
    while (user->top != &user->base) {
        locust__life_guarded(user, locust__life_set_on_stop);
        locust__life_pop(user);
    }
    locust__life_guarded(user, locust__life_run_on_stop);
    locust__life_stop_coroutines(user); // those that on_stop has started
}

/* Frees what a user has. Nothing of it parks. The function that frees a slot may still look at
 * other slots and at context variables. */
static void locust__start_deinit(locust__user *user)
{
    locust__life_pop(user);
    locust__plan_free(user->own_plan);
    locust__client_deinit(&user->client);
    locust__session_deinit(&user->session);
    locust__slots_deinit(user->co->local);
    locust__life_close_streams(user);
    user->co->local = NULL;
    locust__values_release(user->co->context);
    user->co->context = NULL;
}

/* The coroutine of a user. Its end, in this order:
 *   - at the end of the test, an arrival that was accepted and never served is given back;
 *   - at the end of the test, it waits for on_test_stopping, which comes before any on_stop;
 *   - coroutines that it has started are cut, on_stops run;
 *   - what it has is freed; it leaves the list, which may wake the pacer or the runner. */
static void locust__start_main(void *arg)
{
    locust__user *user = arg;
    if (!user) // locust__start_user had no memory for the block
        return;
    user->waited_ns = locust__os_now_ns();
    if (!locust__life_is_over(user))
        locust__life_run(user);
    if (locust__life_are_over(user->all))
        locust__arrive_forgo(user);
    while (user->all->closing && !user->all->told)
        locust__co_yield(user->all->services->loop);
    locust__start_run_on_stops(user);
    locust__start_deinit(user);
    locust__start_remove(user);
    if (!user->kept)
        LOCUST_FREE(user);
}

enum { LOCUST__START_HEAD = (sizeof(locust__user) + 15) & ~(size_t)15 }; // from a user to its slots

/* Begins to fetch what a request of a user touches beside its stack: its block, in which its first
 * connection is, and its last answer. This is the loop's `prefetch_user`: the loop knows of a user
 * only co->local, the slots, and hands those over for the coroutine that runs next. A coroutine
 * that a user has started has the user's slots, so its user's block is fetched. */
static void locust__start_prefetch(const void *local)
{
    const locust__user *user = (const void *)((const char *)local - LOCUST__START_HEAD);
    locust__memory_prefetch(user, sizeof *user / LOCUST__CACHE_LINE + 1);
    locust__memory_prefetch(user->client.block.ptr, 5);
}

/* Makes a user and starts it; it runs when its turn comes. NULL: no memory. */
static locust__user *locust__start_user(locust__users *all, locust__class *cls)
{
    size_t head = LOCUST__START_HEAD;
    size_t slots = (locust__slots_bytes() + 15) & ~(size_t)15;
    size_t bytes = head + slots + cls->as->data_size;
    locust__co *co = locust__co_start(all->services->loop, cls->as->name, cls->as->stack_size,
        locust__start_main, NULL, &all->group);
    locust__user *user = co ? locust__co_reserve(co, bytes) : NULL; // NULL: too large for its place
    bool kept = user != NULL;
    if (kept)
        memset(user, 0, bytes);
    else if (co)
        user = locust__memory_zalloc(bytes);
    if (!user)
        return NULL; // the coroutine finds no user, and ends
    co->arg = user;
    user->co = co;
    user->kept = kept;
    user->co->local = (char *)user + head;
    user->as.id = ++all->next_id;
    user->random = locust__user_seed(all, user->as.id);
    user->as.host = cls->host;
    user->as.data = cls->as->data_size ? (char *)user + head + slots : NULL;
    user->as.env = all->env;
    user->as.user_class = cls->as;
    user->all = all;
    user->root = user;
    user->cls = cls;
    user->top = &user->base;
    locust__frame_init(&user->base, cls->plan);
    user->session.own.place = &user->session.conn;
    user->session.conns = cls->as->pool > 0 ? &cls->shared : &user->session.own;
    locust__client_init(&user->client, all->services, &user->as, &cls->route, &user->session);
    user->prev = all->last;
    if (all->last)
        all->last->next = user;
    else
        all->first = user;
    all->last = user;
    all->alive++;
    cls->alive++;
    return user;
}
/* ============================================================================================
 * >>control  what a task says to its user
 *
 * Purpose     the public calls inside a user: requests, waits, stopping, failing, deferring,
 *             scheduling.
 * Invariants  each call first makes sure that it comes from the coroutine of its `u`: any other
 *             would park one coroutine and wake another. A call that parks and finds its user
 *             cancelled afterwards does not return: it leaves the task.
 * Names       locust__control_
 * Uses        >>co >>switch >>stats >>cookie >>services >>pool >>session >>request >>fault
 *             >>task >>user >>life
 * ============================================================================================ */

/* The user behind `u`, which must be the one that runs; anything else ends the program with the
 * rule that was broken. `what`: the call, as the test's author knows it. */
static locust__user *locust__control_user(locust_user *u, const char *what)
{
    locust__user *user = (locust__user *)(void *)u;
    if (!u || !locust__loop_now || locust__loop_now->current != user->co)
        locust__die(LOCUST__EXIT_USAGE,
            "%s was called outside its user: "
            "call it from that user's own task, on_start or on_stop",
            what);
    return user;
}

/* Ends the whole test, because it cannot go on as it is set up (an https URL without TLS, a data
 * file that is missing), and cuts this user. The first reason is the one that is reported. */
static _Noreturn void locust__control_break(locust__user *user, const char *why) LOCUST__PARKS
{
    locust__users *all = user->all;
    if (!all->setup_error)
        all->setup_error = why;
    user->root->stopping = true;
    all->request_stop(all->env);
    locust__life_unwind(user);
}

LOCUST_API locust_response *locust_send(locust_user *u, const locust_request *req)
{
    locust__user *user = locust__control_user(u, "a request (locust_send, locust_get, ...)");
    locust_error error;
    if (user->root->lost) {
        locust__retry_park(user);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
    error = locust__request_send(&user->client, req, &user->cls->base);
    if (user->client.broken)
        locust__control_break(user, user->client.broken);
    locust__retry_note(user, user->client.response.code);
    if (error == LOCUST_ERR_CANCELLED || user->co->cancelled)
        locust__life_unwind(user);
    return &user->client.response;
}

LOCUST_API bool locust_set_header(locust_user *u, const char *name, const char *value)
{
    return locust__session_set_field(
        locust__control_user(u, "locust_set_header")->client.session, name, value);
}

LOCUST_API const char *locust_cookie(locust_user *u, const char *url, const char *name)
{
    locust__user *user = locust__control_user(u, "locust_cookie");
    return locust__session_cookie(
        user->client.session, user->all->services, &user->cls->base, url, name);
}

LOCUST_API bool locust_set_cookie(locust_user *u, const char *url, const char *text)
{
    locust__user *user = locust__control_user(u, "locust_set_cookie");
    return LOCUST__WITH_COOKIES && !user->client.cls->no_cookies &&
           locust__session_set_cookie(
               user->client.session, user->all->services, &user->cls->base, url, text);
}

LOCUST_API void locust_clear_cookies(locust_user *u)
{
    locust__jar_clear(&locust__control_user(u, "locust_clear_cookies")->client.session->jar);
}

LOCUST_API void locust_set_cert(locust_user *u, const char *cert_file, const char *key_file)
{
    locust__session *session = locust__control_user(u, "locust_set_cert")->client.session;
    session->cert_file = cert_file;
    session->key_file = key_file;
    session->conns = &session->own; // a connection of the class's pool has another identity
    locust__conns_close(session->conns);
}

LOCUST_API void locust_close_connections(locust_user *u)
{
    locust__conns_close(locust__control_user(u, "locust_close_connections")->client.session->conns);
}

LOCUST_API void locust_sleep(locust_user *u, double seconds)
{
    locust__user *user = locust__control_user(u, "locust_sleep");
    locust__loop *loop = user->all->services->loop;
    locust__co_sleep(loop, locust__time_after(locust__loop_clock(loop), locust__time_ns(seconds)));
    if (user->co->cancelled)
        locust__life_unwind(user);
}

LOCUST_API void locust_stop_test(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_stop_test");
    user->all->request_stop(user->all->env);
    user->root->stopping = true;
}

LOCUST_API void locust_interrupt(locust_user *u, bool reschedule)
{
    locust__user *user = locust__control_user(u, "locust_interrupt");
    if (user != user->root)
        locust__die(LOCUST__EXIT_USAGE, "locust_interrupt() was called in a coroutine that a "
                                        "user has started: a task leaves its "
                                        "set itself");
    if (user->top == &user->base)
        locust__die(LOCUST__EXIT_USAGE, "locust_interrupt() leaves a task set, and the tasks "
                                        "of a class itself are none: to end "
                                        "the user call locust_stop_user()");
    locust__life_leave(
        user, reschedule ? LOCUST__OUTCOME_INTERRUPTED_NOW : LOCUST__OUTCOME_INTERRUPTED);
}

LOCUST_API void locust_stop_user(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_stop_user");
    user->root->stopping = true;
    if (user != user->root)
        locust__co_cancel(user->all->services->loop, user->root->co);
    locust__life_unwind(user);
}

/* Fails the running task: counts the exception, says it once, and leaves the task. */
static _Noreturn void locust__control_fail(
    locust__user *user, const char *text, const char *place) LOCUST__PARKS
{
    locust__services *sv = user->all->services;
    const char *message = locust__stats_text(sv->recorder.stats, text);
    if (locust__stats_except(sv->recorder.stats, message, place))
        locust__log_print(
            sv->log, LOCUST__LOG_ERROR, "locust.user.task", "%s (%s)", message, place);
    if (user->all->on_error)
        user->all->on_error(user->all->env, &user->as, message);
    locust__life_leave(user, LOCUST__OUTCOME_FAILED);
}

LOCUST_API void locust_fail_at(
    locust_user *u, const char *file, int line, const char *function, const char *format, ...)
{
    locust__user *user = locust__control_user(u, "locust_fail");
    const char *slash = strrchr(file, '/');
    char text[256], place[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(place, sizeof place, "%s:%d in %s", slash ? slash + 1 : file, line, function);
    locust__control_fail(user, text, place);
}

LOCUST_API bool locust_defer(locust_user *u, void (*fn)(void *arg), void *arg)
{
    locust__user *user = locust__control_user(u, "locust_defer");
    locust__user_cleanup *c = LOCUST_MALLOC(sizeof *c);
    if (!c) {
        fn(arg);
        return false;
    }
    *c = (locust__user_cleanup){user->cleanups, fn, arg};
    user->cleanups = c;
    return true;
}

LOCUST_API bool locust_schedule(locust_user *u, locust_task_fn task, bool first)
{
    locust__user *user = locust__control_user(u, "locust_schedule")->root;
    locust__user_inserted *in = LOCUST_MALLOC(sizeof *in), **at = &user->inserted;
    if (!in)
        return false;
    while (!first && *at)
        at = &(*at)->next;
    *in = (locust__user_inserted){*at, task, user->top};
    *at = in;
    return true;
}

LOCUST_API bool locust_set_tasks(locust_user *u, const locust_task *tasks)
{
    locust__user *user = locust__control_user(u, "locust_set_tasks")->root;
    locust__fault fault = {.code = 0}; // not reported: the caller is told that there is one
    locust__planner p = {&user->all->tags, user->cls->as->name, &fault};
    locust__plan *plan = locust__plan_new(&p, NULL, tasks, NULL, 0);
    if (!plan)
        return false;
    if (user->top != &user->base)
        locust__die(LOCUST__EXIT_USAGE, "locust_set_tasks() was called inside a task set: "
                                        "call it from on_start or from a task of "
                                        "the class itself");
    locust__plan_free(user->own_plan);
    user->own_plan = plan;
    locust__frame_init(&user->base, plan);
    return true;
}

LOCUST_API void locust_wait(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_wait");
    locust__life_wait(user, user->all->services->loop->turn);
    if (user->co->cancelled)
        locust__life_unwind(user);
}
/* ============================================================================================
 * >>user_value  random numbers, identifiers and texts for a test
 *
 * Purpose     locust_random, locust_random_int, locust_uuid, locust_text.
 * Names       locust__user_value_
 * Uses        >>user >>user_text >>control
 * Sources     RFC 9562 5.4.
 * ============================================================================================ */

/* Room for a text of the task that runs, which fails without memory. */
static char *locust__user_value_take(locust__user *user, size_t n, const char *what)
{
    char *text = locust__user_text_take(user, n);
    if (!text)
        locust__control_fail(user, "out of memory", what);
    return text;
}

LOCUST_API double locust_random(locust_user *u)
{
    return locust__random_unit(locust__user_random(locust__control_user(u, "locust_random")));
}

LOCUST_API int64_t locust_random_int(locust_user *u, int64_t min, int64_t max)
{
    uint64_t *state = locust__user_random(locust__control_user(u, "locust_random_int"));
    uint64_t n = (uint64_t)max - (uint64_t)min + 1, draw, limit;
    if (max <= min)
        return min;
    if (!n) // all numbers that there are
        return (int64_t)locust__random(state);
    limit = UINT64_MAX - UINT64_MAX % n; // what lies above would make the small ones likelier
    do
        draw = locust__random(state);
    while (draw >= limit);
    return (int64_t)((uint64_t)min + draw % n);
}

LOCUST_API const char *locust_text(locust_user *u, const char *format, ...)
{
    locust__user *user = locust__control_user(u, "locust_text");
    va_list args;
    char *text;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        locust__control_fail(user, "locust_text: printf cannot carry out the format", format);
    text = locust__user_value_take(user, (size_t)n + 1, "locust_text");
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

LOCUST_API const char *locust_uuid(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_uuid");
    uint64_t *state = locust__user_random(user);
    uint64_t a = locust__random(state), b = locust__random(state);
    char *text = locust__user_value_take(user, 37, "locust_uuid");
    a = (a & ~(uint64_t)0xF000) | 0x4000;               // version 4
    b = (b & ~((uint64_t)3 << 62)) | (uint64_t)1 << 63; // variant 10
    snprintf(text, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
        (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFFF), (unsigned)(b >> 48),
        (unsigned long long)(b & 0xFFFFFFFFFFFF));
    return text;
}

LOCUST_API void locust_clear_texts(locust_user *u)
{
    locust__user_text_free(locust__control_user(u, "locust_clear_texts"));
}
/* ============================================================================================
 * >>coroutine  coroutines that a user starts
 *
 * Purpose     locust_spawn, groups, semaphores.
 * Invariants  a handle lives until it is joined or the task that started it ends, its coroutine
 *             until it returns or is cut; whichever is later frees the block. A group lives until
 *             it is joined or its task ends, and then until its last waiter has gone. All that
 *             wait for any of them wait in the user's one queue and look again when woken: what
 *             they waited for may be gone by then, so a waiter holds a count (`joiners`,
 *             `waiters`) on it.
 * Cost        a coroutine is a block of some 500 bytes, and a stack.
 * Names       locust__coroutine_ locust__group_
 * Uses        >>co >>switch >>sync >>context >>client >>user >>life >>control
 * ============================================================================================ */

/* Parks until any coroutine of this user ends. */
static void locust__coroutine_wait_all(locust__user *user) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    if (user->co->cancelled)
        locust__life_unwind(user);
}

static void locust__coroutine_run(locust__user *user) LOCUST__PARKS
{
    locust_coroutine *c = (locust_coroutine *)(void *)user;
    c->fn(&user->as, c->arg);
}

/* Frees a coroutine that has ended and that nobody joins any more. */
static void locust__coroutine_remove(locust_coroutine *c)
{
    locust_coroutine **at = &c->user.root->coroutines;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    LOCUST_FREE(c);
}

static void locust__coroutine_main(void *arg)
{
    locust_coroutine *c = arg;
    locust__user *user = &c->user, *root = user->root;
    locust__loop *loop = user->all->services->loop;
    locust__life_guarded(user, locust__coroutine_run);
    locust__client_deinit(&user->client);
    locust__life_close_streams(user);
    user->co->local = NULL; // the slots are the user's
    locust__values_release(user->co->context);
    user->co->context = NULL;
    c->ended = true;
    if (c->group)
        c->group->running--;
    if (c->detached && !c->joiners)
        locust__coroutine_remove(c);
    while (root->coroutine_waiters.first)
        locust__co_wake(loop, root->coroutine_waiters.first, LOCUST__WAKE_EVENT);
}

/* Starts fn beside `by`, which may be a coroutine that was started itself: all belong to the same
 * user. The new one shares what the user has and inherits the context variables of `by`. NULL: no
 * memory. */
static locust_coroutine *locust__coroutine_start(
    locust__user *by, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *root = by->root;
    locust_coroutine *c = locust__memory_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->user.co = locust__co_start(root->all->services->loop, root->cls->as->name,
        root->cls->as->stack_size, locust__coroutine_main, c, NULL);
    if (!c->user.co) {
        LOCUST_FREE(c);
        return NULL;
    }
    c->user.co->local = root->co->local;
    c->user.co->context = locust__values_share(by->co->context);
    c->user.as = root->as;
    c->user.all = root->all;
    c->user.cls = root->cls;
    c->user.root = root;
    c->user.waited_ns = locust__os_now_ns();
    locust__client_init(
        &c->user.client, root->all->services, &c->user.as, &root->cls->route, &root->session);
    c->fn = fn;
    c->arg = arg;
    c->group = group;
    if (group)
        group->running++;
    c->next = root->coroutines;
    root->coroutines = c;
    return c;
}

LOCUST_API locust_coroutine *locust_spawn(locust_user *u, locust_coroutine_fn fn, void *arg)
{
    return locust__coroutine_start(locust__control_user(u, "locust_spawn"), NULL, fn, arg);
}

LOCUST_API void locust_join(locust_user *u, locust_coroutine *coroutine)
{
    locust__user *user = locust__control_user(u, "locust_join");
    locust__loop *loop = user->all->services->loop;
    bool cut;
    if (!coroutine)
        return;
    coroutine->joiners++;
    while (!coroutine->ended && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    cut = user->co->cancelled;
    // A join that is cut leaves the handle to the end of the task, as if there had been none.
    if (--coroutine->joiners == 0 && coroutine->ended && (!cut || coroutine->detached))
        locust__coroutine_remove(coroutine);
    if (cut)
        locust__life_unwind(user);
}

LOCUST_API void locust_join_all(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_join_all");
    while (locust__life_has_coroutines(user))
        locust__coroutine_wait_all(user);
}

LOCUST_API locust_group *locust_group_new(locust_user *u, int limit)
{
    locust__user *root = locust__control_user(u, "locust_group_new")->root;
    locust_group *group = locust__memory_zalloc(sizeof *group);
    if (!group)
        return NULL;
    group->limit = limit > 0 ? limit : 1;
    group->next = root->groups;
    root->groups = group;
    return group;
}

/* Waits until fewer than `below` of a group run. False: the group was joined elsewhere, or its
 * task is over, meanwhile; it may be freed. */
static bool locust__group_wait(locust__user *user, locust_group *group, int below) LOCUST__PARKS
{
    locust__loop *loop = user->all->services->loop;
    bool orphan;
    group->waiters++;
    while (group->running >= below && !group->orphan && !user->co->cancelled)
        locust__queue_wait(loop, &user->root->coroutine_waiters, LOCUST__NEVER);
    orphan = group->orphan;
    if (--group->waiters == 0 && orphan)
        LOCUST_FREE(group);
    if (user->co->cancelled)
        locust__life_unwind(user);
    return !orphan;
}

LOCUST_API bool locust_group_start(
    locust_user *u, locust_group *group, locust_coroutine_fn fn, void *arg)
{
    locust__user *user = locust__control_user(u, "locust_group_start");
    return group && locust__group_wait(user, group, group->limit) &&
           locust__coroutine_start(user, group, fn, arg) != NULL;
}

LOCUST_API void locust_group_join(locust_user *u, locust_group *group)
{
    locust__user *user = locust__control_user(u, "locust_group_join");
    locust_group **at = &user->root->groups;
    if (!group || !locust__group_wait(user, group, 1))
        return;
    for (locust_coroutine **c = &user->root->coroutines; *c;) { // the test has no handles of these
        locust_coroutine *one = *c;
        if (one->group == group) {
            *c = one->next;
            LOCUST_FREE(one);
        } else {
            c = &one->next;
        }
    }
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    group->orphan = true; // another coroutine may be waiting for the end of the group as well
    if (!group->waiters)
        LOCUST_FREE(group);
}

_Static_assert(sizeof(locust_semaphore) == sizeof(locust__sem) &&
                   offsetof(locust_semaphore, waiters) == offsetof(locust__sem, waiters),
    "a public semaphore is a private one under another name");

LOCUST_API void locust_semaphore_take(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__control_user(u, "locust_semaphore_take");
    locust__loop *loop = user->all->services->loop;
    locust__sem *s = (locust__sem *)(void *)semaphore;
    enum locust__wake why = locust__sem_take(loop, s, LOCUST__NEVER);
    if (user->co->cancelled && why == LOCUST__WAKE_EVENT)
        locust__sem_give(loop, s); // the unit came when the user was cut already
    if (user->co->cancelled)
        locust__life_unwind(user);
}

LOCUST_API void locust_semaphore_give(locust_user *u, locust_semaphore *semaphore)
{
    locust__user *user = locust__control_user(u, "locust_semaphore_give");
    locust__sem_give(user->all->services->loop, (locust__sem *)(void *)semaphore);
}

LOCUST_API void locust_wait_spawned(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_wait_spawned");
    while (!user->all->spawned) {
        locust__queue_wait(user->all->services->loop, &user->all->spawn_waiters, LOCUST__NEVER);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
}
/* ============================================================================================
 * >>measure  operations that the test measures itself
 *
 * Purpose     LOCUST_MEASURE, locust_record: a row for what is not an HTTP request.
 * Invariants  the user's last request is counted first: rows appear in the order of what happened.
 * Names       locust__measure_
 * Uses        >>record >>session >>client >>user >>control
 * ============================================================================================ */

static const double LOCUST__MEASURE_MAX_MS = 1e12; // 31 years; int64_t nanoseconds end at 292

LOCUST_API locust_measure locust_measure_start(locust_user *u, const char *method, const char *name)
{
    locust__user *user = locust__control_user(u, "LOCUST_MEASURE");
    locust__client_settle(&user->client);
    return (locust_measure){
        .user = u, .method = method, .name = name, .open = true, .start_ns = locust__os_now_ns()};
}

LOCUST_API void locust_measure_stop(locust_measure *m)
{
    locust__user *user = locust__control_user(m->user, "LOCUST_MEASURE");
    int64_t now = locust__os_now_ns();
    double late_ms = locust__session_take_late(user->client.session);
    locust_sample sample = {.method = m->method,
        .name = m->name,
        .error = m->error,
        .length = m->length,
        .late_ms = late_ms,
        .user = m->user,
        .elapsed_ms = (double)(now - m->start_ns) / 1e6};
    m->open = false;
    locust__recorder_record(&user->all->services->recorder, &sample, now - m->start_ns, now);
}

/* Fails the task that records no time: one NaN would spoil the sum of its row and of the total. */
static void locust__measure_check(locust__user *user, double elapsed_ms) LOCUST__PARKS
{
    char text[128], place[128];
    if (elapsed_ms >= 0 && elapsed_ms <= LOCUST__MEASURE_MAX_MS)
        return;
    snprintf(
        text, sizeof text, "locust_record takes elapsed_ms from 0 to 1e12, not %g", elapsed_ms);
    snprintf(place, sizeof place, "task %s of %s", user->doing, user->cls->as->name);
    locust__control_fail(user, text, place);
}

LOCUST_API void locust_record(locust_user *u, const locust_sample *sample)
{
    locust__user *user = locust__control_user(u, "locust_record");
    locust_sample s = {.method = sample->method,
        .name = sample->name,
        .error = sample->error,
        .length = sample->length,
        .elapsed_ms = sample->elapsed_ms,
        .context = sample->context,
        .user = u};
    locust__measure_check(user, s.elapsed_ms);
    locust__client_settle(&user->client);
    s.late_ms = locust__session_take_late(user->client.session);
    locust__recorder_record(&user->all->services->recorder, &s,
        (int64_t)(sample->elapsed_ms * (double)LOCUST__MS), locust__os_now_ns());
}
/* ============================================================================================
 * >>user_stream  streams of the test's own
 *
 * Purpose     locust_connect and what reads and writes there: tcp, tls, udp, unix.
 * Invariants  a stream belongs to the coroutine that opened it and is closed with it at the
 *             latest. After each public call what was received lies in a buffer of the stream's
 *             own: the loop's scratch buffer, which all share, is someone else's after the next
 *             park. A stream that failed stays in the test's hands until locust_close, and says
 *             why.
 * Names       locust__user_stream_
 * Uses        >>co >>stack >>address >>stream >>allowance >>connect >>resolve >>lookup >>tls
 *             >>tls_handshake >>url >>services >>class >>user >>life >>control
 * ============================================================================================ */

enum { LOCUST__USER_STREAM_TIMEOUT_S = 60 }; // of each call, until locust_set_timeout

static locust__user_stream *locust__user_stream_of(const locust_stream *s)
{
    return (locust__user_stream *)(uintptr_t)s;
}

/* The deadline of a public call that begins now. */
static int64_t locust__user_stream_deadline(const locust_stream *s)
{
    return locust__time_after(locust__os_now_ns(), locust__user_stream_of(s)->timeout_ns);
}

static locust_error locust__user_stream_open_name(locust_stream *s, locust__services *sv,
    const locust__class *cls, const locust__url *url, const char *host) LOCUST__PARKS
{
    locust__allowance allowance = {locust__user_stream_deadline(s), 0};
    locust__tls_how how = cls->route.tls;
    locust_error error;
    int64_t known_ns;
    bool retry;
    if (locust__view_is(url->scheme, "udp")) {
        locust__addr addrs[LOCUST__HOST_ADDRS] = {{.len = 0}};
        locust__host *found;
        error = locust__lookup_host(&sv->resolver, host, url->port, allowance.deadline_ns, &found);
        if (!error && locust__lookup_order(found, url->port, addrs))
            error = locust__connect_udp(s, addrs);
        return error;
    }
    if (locust__view_is(url->scheme, "tcp"))
        return locust__lookup_dial(&sv->resolver, s, host, url->port, &allowance, &known_ns);
    how.http = false;
    do {
        retry = false;
        error = locust__lookup_dial(&sv->resolver, s, host, url->port, &allowance, &known_ns);
        if (!error)
            error =
                locust__tls_connect(&sv->tls, s, host, url->port, &how, NULL, &allowance, &retry);
    } while (retry);
    return error;
}

/* Parses tcp://, tls:// or udp://host:port, or unix:/path, and connects. */
static locust_error locust__user_stream_open_url(locust_stream *s, locust__services *sv,
    const locust__class *cls, const char *text) LOCUST__PARKS
{
    static const char *const schemes[] = {"tcp", "tls", "udp"};
    locust__url url;
    char host[LOCUST__HOST_NAME];
    locust__allowance allowance = {locust__user_stream_deadline(s), 0};
    locust_error error;
    int i = 0;
    if (strncmp(text, "unix:", 5) == 0) {
        locust__addr addr;
        if (!locust__addr_unix(&addr, text + 5))
            return LOCUST_ERR_URL;
        return locust__connect_dial(s, &addr, 1, &allowance);
    }
    error = locust__url_parse(text, &url);
    if (error)
        return error;
    while (i < 3 && !locust__view_is(url.scheme, schemes[i]))
        i++;
    if (i == 3)
        return LOCUST_ERR_SCHEME;
    if (!url.port)
        return LOCUST_ERR_URL;
    memcpy(host, url.host.ptr, url.host.len);
    host[url.host.len] = '\0';
    return locust__user_stream_open_name(s, sv, cls, &url, host);
}

/* Ends a public call on a stream: moves received bytes out of the scratch buffer, keeps the error,
 * and leaves the task if the user was cancelled meanwhile. Returns whether all went well. */
static bool locust__user_stream_done(locust_stream *s, locust_error error)
{
    locust__loop *loop = s->net->loop;
    locust_error settled = locust__stream_settle(s);
    if (!error)
        error = settled;
    locust__user_stream_of(s)->error = error;
    if (loop->current && loop->current->cancelled && loop->current->local)
        longjmp(*locust__stack_unwind_point(loop->current), 1);
    return !error;
}

LOCUST_API locust_stream *locust_connect(locust_user *u, const char *url)
{
    locust__user *user = locust__control_user(u, "locust_connect");
    locust__user_stream *s;
    locust__retry_park(user);
    if (user->co->cancelled)
        locust__life_unwind(user);
    s = LOCUST_MALLOC(sizeof *s);
    if (!s)
        return NULL;
    locust__stream_init(&s->stream, &user->all->services->net);
    s->owner = user->co;
    s->next = user->streams;
    s->link = &user->streams;
    if (s->next)
        s->next->link = &s->next;
    user->streams = s;
    if (!LOCUST__WITH_TLS && url && strncmp(url, "tls:", 4) == 0)
        locust__control_break(user, locust__tls_needed);
    s->timeout_ns = LOCUST__USER_STREAM_TIMEOUT_S * LOCUST__S;
    s->error =
        locust__user_stream_open_url(&s->stream, user->all->services, user->cls, url ? url : "");
    locust__retry_note(user, s->error);
    if (user->co->cancelled)
        locust__life_unwind(user);
    return &s->stream;
}

/* Ends the program if a stream is used by another coroutine than its own, or if there is none. */
static void locust__user_stream_check_owner(const locust_stream *s, const char *what)
{
    if (!s || !locust__loop_now || locust__loop_now->current != locust__user_stream_of(s)->owner)
        locust__die(LOCUST__EXIT_USAGE,
            "%s was called %s: a stream belongs to the user that opened it", what,
            s ? "outside that user" : "without a stream");
}

/* Can the call `what` use the stream? One that never connected keeps its first error; one that was
 * open says that it is closed. */
static bool locust__user_stream_usable(locust_stream *s, const char *what)
{
    locust__user_stream *own = locust__user_stream_of(s);
    locust__user_stream_check_owner(s, what);
    if (!locust__stream_is_open(s) && !own->error)
        own->error = LOCUST_ERR_CLOSED;
    return locust__stream_is_open(s);
}

LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n)
{
    if (!locust__user_stream_usable(s, "locust_write()"))
        return false;
    return locust__user_stream_done(
        s, locust__stream_write(s, (locust__view){bytes, n}, (locust__view){NULL, 0},
               locust__user_stream_deadline(s)));
}

LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n)
{
    size_t got = 0;
    locust_error error;
    if (!locust__user_stream_usable(s, "locust_read()"))
        return -1;
    if (!n)
        return 0;
    error = locust__stream_read(s, out, n, &got, locust__user_stream_deadline(s));
    if (error == LOCUST_ERR_CLOSED)
        error = LOCUST_OK;
    return locust__user_stream_done(s, error) ? (ptrdiff_t)got : -1;
}

LOCUST_API bool locust_read_exact(locust_stream *s, void *out, size_t n)
{
    locust_error error = LOCUST_OK;
    int64_t deadline;
    if (!locust__user_stream_usable(s, "locust_read_exact()"))
        return false;
    deadline = locust__user_stream_deadline(s);
    for (size_t at = 0, got; at < n && !error; at += got)
        error = locust__stream_read(s, (char *)out + at, n - at, &got, deadline);
    return locust__user_stream_done(s, error);
}

LOCUST_API void locust_set_timeout(locust_stream *s, double seconds)
{
    locust__user_stream_check_owner(s, "locust_set_timeout()");
    locust__user_stream_of(s)->timeout_ns = seconds < 0 ? LOCUST__NEVER : locust__time_ns(seconds);
}

LOCUST_API ptrdiff_t locust_read_until(locust_stream *s, char end, char *out, size_t size)
{
    size_t scanned = 0, n = 0;
    int64_t deadline;
    locust_error error = LOCUST_OK;
    if (!locust__user_stream_usable(s, "locust_read_until()"))
        return -1;
    deadline = locust__user_stream_deadline(s);
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
    return locust__user_stream_done(s, error) ? (ptrdiff_t)n : -1;
}

LOCUST_API const char *locust_stream_error(const locust_stream *s)
{
    locust_error error = s ? locust__user_stream_of(s)->error : LOCUST_ERR_MEMORY;
    return error ? locust__error_text(error) : NULL;
}

LOCUST_API void locust_close(locust_stream *s)
{
    locust__user_stream *own = locust__user_stream_of(s);
    if (!s)
        return;
    locust__user_stream_check_owner(s, "locust_close()");
    *own->link = own->next;
    if (own->next)
        own->next->link = own->link;
    locust__stream_close(s);
    LOCUST_FREE(own);
}
/* ============================================================================================
 * >>feed  rows of files for users
 *
 * Purpose     LOCUST_FEEDER: accounts, search words and the like, from a file that is mapped once.
 * Invariants  a file is opened at the first use in a test and closed with its environment. Worker
 *             i of n sees rows i, i + n, ...; `number` of a row is its place in the whole file. A
 *             file is mapped, not copied: rows and fields are views into it until they are
 *             decoded.
 * Cost        8 bytes for each row, 16 when shuffled; a row is found in O(1), a field by a walk
 *             over its row.
 * Names       locust__feed_
 * Uses        >>stats >>user >>control
 * Sources     RFC 4180 (CSV); a line may end in LF alone, and quotes may stand in an unquoted
 *             field.
 * ============================================================================================ */

/* Where the first row begins: behind a byte order mark, if the file has one. */
static size_t locust__feed_begin(const locust_feeder *f)
{
    return f->text && f->size >= 3 && memcmp(f->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Where the row that begins at `at` ends, its line end included. A quoted field may contain line
 * ends; only a quote at the beginning of a field quotes it. */
static size_t locust__feed_row_end(const locust_feeder *f, size_t at)
{
    char separator = f->separator ? f->separator : ',';
    bool quoted = false, begins = !f->lines;
    for (; at < f->size; at++) {
        char c = f->text[at];
        if (quoted && c == '"' && at + 1 < f->size && f->text[at + 1] == '"')
            at++; // two quotes stand for one
        else if (c == '"' && (quoted || begins))
            quoted = !quoted;
        else if (c == '\n' && !quoted)
            return at + 1;
        begins = c == separator && !quoted && !f->lines;
    }
    return at;
}

/* The bytes of a row without its line end. */
static locust__view locust__feed_view(const locust_feeder *f, size_t start, size_t end)
{
    while (end > start && (f->text[end - 1] == '\n' || f->text[end - 1] == '\r'))
        end--;
    return (locust__view){f->text + start, end - start};
}

static void locust__feed_close(locust_feeder *f)
{
    if (f->text)
        locust__os_unmap(f->text, f->size);
    LOCUST_FREE(f->starts);
    LOCUST_FREE(f->shuffle);
    f->text = NULL;
    f->starts = f->shuffle = NULL;
    f->n = f->at = 0;
}

static void locust__feed_close_all(locust_feeder *f)
{
    for (locust_feeder *next; f; f = next) {
        next = f->next;
        locust__feed_close(f);
    }
}

/* Finds the rows of this process. Empty lines are not rows. False: no memory. */
static bool locust__feed_index(locust_feeder *f, const locust__users *all)
{
    size_t cap = 0, seen = 0, end;
    for (size_t begin = locust__feed_begin(f), at = begin; at < f->size; at = end) {
        size_t *starts;
        bool header = at == begin && !f->lines && !f->no_header;
        end = locust__feed_row_end(f, at);
        if (header || !locust__feed_view(f, at, end).len || seen++ % all->n_workers != all->worker)
            continue;
        starts = locust__memory_grow(f->starts, sizeof *starts, f->n, &cap);
        if (!starts)
            return false;
        f->starts = starts;
        f->starts[f->n++] = at;
    }
    if (f->order == LOCUST_FEED_SHUFFLE && f->n) {
        f->shuffle = LOCUST_MALLOC(f->n * sizeof *f->shuffle);
        for (size_t i = 0; f->shuffle && i < f->n; i++)
            f->shuffle[i] = i;
    }
    return f->shuffle || f->order != LOCUST_FEED_SHUFFLE || !f->n;
}

/* Opens the file, and hangs it on the list that the environment closes. False: the test cannot go
 * on; *why says why not. */
static bool locust__feed_open(locust_feeder *f, locust__users *all, const char **why)
{
    char text[256];
    int rc = locust__os_map(f->path, &f->text, &f->size);
    if (rc < 0)
        snprintf(text, sizeof text, "cannot read the data file %.160s: %s", f->path, strerror(-rc));
    else if (!locust__feed_index(f, all))
        snprintf(text, sizeof text, "out of memory for the data file %.160s", f->path);
    else if (!f->starts)
        snprintf(text, sizeof text, "the data file %.160s has no row for this process", f->path);
    else {
        f->next = all->feeders;
        all->feeders = f;
        return true;
    }
    locust__feed_close(f);
    *why = locust__stats_text(all->services->recorder.stats, text);
    return false;
}

/* Puts the rows into a random order: Fisher and Yates. */
static void locust__feed_mix(locust_feeder *f, uint64_t *random)
{
    for (size_t i = f->n; i > 1; i--) {
        size_t k = (size_t)(locust__random_unit(random) * (double)i), was = f->shuffle[i - 1];
        f->shuffle[i - 1] = f->shuffle[k];
        f->shuffle[k] = was;
    }
}

LOCUST_API bool locust_feed(locust_user *u, locust_feeder *f, locust_feed_row *row)
{
    locust__user *user = locust__control_user(u, "locust_feed");
    locust__users *all = user->all;
    uint64_t *random = &all->services->loop->random;
    const char *wrong;
    locust__view text;
    size_t i;
    if (!f->starts && !locust__feed_open(f, all, &wrong))
        locust__control_break(user, wrong);
    if (f->at == f->n && f->order == LOCUST_FEED_UNIQUE)
        return false;
    f->at = f->at == f->n ? 0 : f->at;
    if (f->at == 0 && f->shuffle)
        locust__feed_mix(f, random);
    i = f->order == LOCUST_FEED_RANDOM ? (size_t)(locust__random_unit(random) * (double)f->n)
                                       : f->at++;
    if (f->shuffle)
        i = f->shuffle[i];
    text = locust__feed_view(f, f->starts[i], locust__feed_row_end(f, f->starts[i]));
    *row = (locust_feed_row){text.ptr, text.len, i * all->n_workers + all->worker, f};
    return true;
}

/* Takes the next field off a row, decoded into out[size]. False: the row has no further field.
 * *fits: the field fitted into `out`. A row whose ptr is NULL is used up; one of len 0 still has
 * an empty field. */
static bool locust__feed_field(
    const locust_feeder *f, locust__view *row, char *out, size_t size, bool *fits)
{
    char separator = f->separator ? f->separator : ',';
    const char *p = row->ptr, *end;
    size_t n = 0;
    bool quoted = false;
    if (!p)
        return false;
    end = p + row->len;
    for (const char *start = p; p < end; p++) {
        if (*p == '"' && (p == start || quoted)) {
            if (quoted && p + 1 < end && p[1] == '"')
                p++; // two quotes stand for one
            else {
                quoted = !quoted;
                continue;
            }
        } else if (*p == separator && !quoted) {
            break;
        }
        if (n < size)
            out[n] = *p;
        n++;
    }
    *fits = n < size;
    if (*fits)
        out[n] = '\0';
    *row = p < end ? (locust__view){p + 1, (size_t)(end - p) - 1} : (locust__view){NULL, 0};
    return true;
}

/* Decodes column `column`, from 0, into out[size]. False: there is none, or it does not fit. */
static bool locust__feed_column(const locust_feed_row *row, int column, char *out, size_t size)
{
    locust__view rest = {row->text, row->len};
    bool fits = false;
    if (row->feeder->lines) {
        fits = column == 0 && row->len < size;
        if (fits) {
            memcpy(out, row->text, row->len);
            out[row->len] = '\0';
        }
        return fits;
    }
    for (int i = 0; column >= 0 && locust__feed_field(row->feeder, &rest, out, size, &fits); i++)
        if (i == column)
            return fits;
    return false;
}

LOCUST_API bool locust_field_at(const locust_feed_row *row, int column, char *out, size_t size)
{
    return locust__feed_column(row, column, out, size);
}

LOCUST_API bool locust_field(const locust_feed_row *row, const char *column, char *out, size_t size)
{
    const locust_feeder *f = row->feeder;
    size_t begin = locust__feed_begin(f);
    locust__view header = locust__feed_view(f, begin, locust__feed_row_end(f, begin));
    char name[256];
    bool fits;
    for (int i = 0;
         !f->lines && !f->no_header && locust__feed_field(f, &header, name, sizeof name, &fits);
         i++)
        if (fits && strcmp(name, column) == 0)
            return locust__feed_column(row, i, out, size);
    return false;
}
#endif

#if LOCUST__LAYERS >= 8
/* ============================================================================================
 * >>stages  --stages
 *
 * Purpose     DURATION:USERS,... as a load shape, or as rates of arrivals.
 * Names       locust__stage locust__stages locust__stages_
 *
 *   1m:100,5m:1000    a straight line from 0 to 100 users in a minute, from there to 1000 in five
 *   0:100,1m:100      a stage without a duration is a jump: 100 users at once, for a minute
 * ============================================================================================ */

typedef struct locust__stage {
    double seconds;
    int users; // at its end, or arrivals a second
    bool rate; // it is arrivals a second; the same in all stages
} locust__stage;

typedef struct locust__stages {
    locust__stage *items; // NULL: no stages
    int n;
} locust__stages;

static double locust__stages_seconds(const locust__stages *stages)
{
    double seconds = 0;
    for (int i = 0; i < stages->n; i++)
        seconds += stages->items[i].seconds;
    return seconds;
}

/* Asks for the users of the stage in which the test is `now` seconds after its start, at the rate
 * that brings them evenly over the stage's time. Called once a second: a jump takes the first tick
 * of the stage behind it, which has a second less for its own users. False: the last stage is
 * over. */
static bool locust__stages_tick(const locust__stages *stages, double now, locust_tick *tick)
{
    double end = 0;
    int from = 0;
    bool jumps = false; // the stage before has no duration, and `from` is where it jumps to
    for (int i = 0; i < stages->n; i++) {
        double seconds = stages->items[i].seconds;
        int to = stages->items[i].users;
        end += seconds;
        if (now < end) {
            bool first = jumps && now - (end - seconds) < 1;
            seconds -= jumps;
            tick->users = first && seconds > 0 ? from : to;
            tick->spawn_rate =
                first || !(seconds > 0) ? 1e9 : (to > from ? to - from : from - to) / seconds;
            return true;
        }
        jumps = !(seconds > 0);
        from = to;
    }
    return false;
}

/* Reads a stage such as 1m:100 or 1m:100/s; cuts the word at its colon. */
static bool locust__stages_parse_one(char *word, locust__stage *stage)
{
    char *colon = strchr(word, ':');
    const char *end = colon ? colon + 1 : "";
    int64_t users = locust__number_whole(&end);
    if (!colon || users < 0 || users > INT_MAX)
        return false;
    *colon = '\0';
    stage->users = (int)users;
    stage->rate = *end != '\0';
    return locust__number_span(word, &stage->seconds) && (!*end || strcmp(end, "/s") == 0);
}

/* Reads "1m:100,30s:0". False: the text is something else, or memory ran out; what was read stays
 * in `stages` either way, to be freed by its owner. */
static bool locust__stages_parse(locust__stages *stages, const char *text)
{
    char *copy = locust__text_copy(text, strlen(text)), *at = NULL;
    size_t cap = 0;
    bool good = copy != NULL;
    for (char *word = copy ? strtok_r(copy, ", ", &at) : NULL; word && good;
         word = strtok_r(NULL, ", ", &at)) {
        locust__stage stage, *items = NULL;
        good = locust__stages_parse_one(word, &stage) &&
               (!stages->n || stage.rate == stages->items->rate);
        if (good)
            items = locust__memory_grow(stages->items, sizeof stage, (size_t)stages->n, &cap);
        good = items != NULL;
        if (good) {
            stages->items = items;
            stages->items[stages->n++] = stage;
        }
    }
    LOCUST_FREE(copy);
    return good && stages->n;
}
/* ============================================================================================
 * >>dispatch  which class the next user has
 *
 * Purpose     Locust's dispatcher: as many users as fixed_count asks for first, then by weight.
 * Invariants  for the same classes, the same order of users as Locust's, user by user.
 * Cost        a walk over the classes for each user that starts.
 * Names       locust__dispatch locust__dispatch_
 * Uses        >>class
 * Sources     Locust 2.46 and 2.47 (reference runs): roundrobin's generator. Of each class with
 *             weight w that was given users, x counts from w, one more for each; the next user goes
 *             to the class with the smallest w log2(x / (x + 1)).
 * ============================================================================================ */

typedef struct locust__dispatch {
    locust__class *classes; // of the test, in order of name
    int n;
    double *x;                              // of each class: its weight and the users it was given
    int *owed;                              // of each class: users that fixed_count still asks for
    const locust_user_class *const *chosen; // classes that new users are of; NULL: all
} locust__dispatch;

/* The class with the smallest w log2(x / (x + 1)), -1 without any; ties go by x, then w, then
 * name. */
static int locust__dispatch_smallest(const locust__dispatch *d, const double *weights)
{
    int best = -1;
    double best_key = 0;
    for (int i = 0; i < d->n; i++) {
        double x = d->x[i], w = weights[i];
        double key = w > 0 ? w * locust__number_log2(x / (x + 1)) : 0;
        if (w <= 0)
            continue;
        if (best < 0 || key < best_key ||
            (!(key > best_key) && (x < d->x[best] || (!(x > d->x[best]) && w < weights[best])))) {
            best = i;
            best_key = key;
        }
    }
    return best;
}

/* The weights of the classes, or their fixed_count in place of them; 0 for a class that is not
 * chosen or whose users arrive. */
static void locust__dispatch_weights(const locust__dispatch *d, double *weights, bool fixed)
{
    for (int i = 0; i < d->n; i++) {
        const locust__class *cls = &d->classes[i];
        bool chosen = !d->chosen;
        for (int k = 0; d->chosen && d->chosen[k]; k++)
            chosen |= d->chosen[k] == cls->as || d->chosen[k] == cls->declared;
        if (!chosen || cls->arrivals)
            weights[i] = 0;
        else if (fixed)
            weights[i] = cls->as->fixed_count > 0 ? cls->as->fixed_count : 0;
        else
            weights[i] = locust__class_weight(cls->as);
    }
}

/* The class of the next user; NULL: no class takes any more. When the last user that was owed to a
 * fixed_count is given, the order by weight begins, with x from the start. */
static locust__class *locust__dispatch_next(locust__dispatch *d)
{
    double weights[LOCUST_CLASSES_MAX];
    int owed = 0, i;
    locust__dispatch_weights(d, weights, true);
    for (i = 0; i < d->n; i++)
        owed += weights[i] > 0 ? d->owed[i] : 0;
    if (!owed)
        locust__dispatch_weights(d, weights, false);
    for (i = 0; owed && i < d->n; i++)
        if (!d->owed[i])
            weights[i] = 0;
    i = locust__dispatch_smallest(d, weights);
    if (i < 0)
        return NULL;
    d->x[i] += 1;
    if (owed && --d->owed[i] == 0 && owed == 1)
        locust__dispatch_weights(d, d->x, false);
    return &d->classes[i];
}

/* A user of this class was taken down: a fixed_count is owed it again. */
static void locust__dispatch_take_back(locust__dispatch *d, const locust__class *cls)
{
    if (cls->as->fixed_count > 0)
        d->owed[cls - d->classes]++;
}

/* New users are of these classes from now on; NULL: of all. */
static void locust__dispatch_choose(locust__dispatch *d, const locust_user_class *const *chosen)
{
    if (chosen == d->chosen)
        return;
    d->chosen = chosen;
    locust__dispatch_weights(d, d->x, false);
}

/* Begins a run: no class has a user yet. */
static void locust__dispatch_begin(locust__dispatch *d)
{
    int owed = 0;
    d->chosen = NULL;
    for (int i = 0; i < d->n; i++) {
        const locust__class *cls = &d->classes[i];
        d->owed[i] = !cls->arrivals && cls->as->fixed_count > 0 ? cls->as->fixed_count : 0;
        owed += d->owed[i];
    }
    locust__dispatch_weights(d, d->x, owed > 0);
}

/* False: no memory. */
static bool locust__dispatch_init(locust__dispatch *d, locust__class *classes, int n)
{
    d->classes = classes;
    d->n = n;
    d->x = locust__memory_zalloc((size_t)n * sizeof *d->x);
    d->owed = locust__memory_zalloc((size_t)n * sizeof *d->owed);
    return d->x && d->owed;
}

static void locust__dispatch_deinit(locust__dispatch *d)
{
    LOCUST_FREE(d->owed);
    LOCUST_FREE(d->x);
}
/* ============================================================================================
 * >>env  the environment of a test
 *
 * Purpose     the root that all state of one test hangs on, and how a test is asked to stop.
 * Invariants  two environments can run one after the other in one process, and again: what a run
 *             changes is set back by locust__runner_init. Types that the environment contains but
 *             that need it themselves stand here; the parts that are named with them own the rest.
 * Names       locust__env_ locust__ramp locust__usage locust__usage_blocker
 *             locust__usage_blockers
 * Uses        >>co >>sync >>stats >>services >>class >>user >>stages >>dispatch
 * ============================================================================================ */

typedef struct locust__ramp { // see >>ramp
    locust_tick aim;          // how many users there are to be, and how fast
    double steps_per_s;       // 1, as Locust; more for a load that is to rise smoothly
    int placed;               // users that were started, less those that were taken down again
    int64_t step_ns; // when the next step is due; 0: no ramp yet; LOCUST__NEVER: it is over
    int64_t reap_ns; // when the first user that was taken down runs out of time
} locust__ramp;

typedef struct locust__usage { // of this process, at a moment: see >>usage
    int64_t at_ns, cpu_ns;
    int64_t waited_ns; // for a CPU; -1: unknown
    uint64_t shed;     // arrivals
} locust__usage;

typedef struct locust__usage_blocker { // a task that did not let others run: see >>blocked
    const char *user, *task;
    uint64_t times;
    int64_t longest_ns;
} locust__usage_blocker;

enum { LOCUST__USAGE_BLOCKERS = 4 };
enum { LOCUST__ENV_FIND_FROM = 10 }; // arrivals a second that --find-max begins with if nobody says

struct locust_env {
    // What was asked for.
    const locust_test *test;
    locust_options options;
    bool (*shape)(locust_env *env, locust_tick *tick); // NULL: users do not follow a load shape
    locust__stages stages;
    bool single; // locust_run_single_user
    // The functions that are told of events, the test's own first.
    const locust_listeners *listeners[LOCUST_LISTENERS_MAX + 1];
    locust_listeners own;
    int n_listeners;
    // What the users need.
    locust__loop loop;
    locust__log log;
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
    locust__queue stop_waiters; // the runner, while it sleeps
    int exit_code;
    bool exit_code_set; // by the test
    // The generator itself.
    locust__usage since, until; // where what is measured begins and ends; until.at_ns 0: not yet
    int64_t warm_ns;            // when the warm-up is over; LOCUST__NEVER: it is
    double peak_busy;           // of the busiest five seconds since then: see locust__usage_busy
    int64_t waited_ns;          // for a CPU, when that was last looked at
    locust__usage_blocker blockers[LOCUST__USAGE_BLOCKERS];
    int n_blockers;
};

/* Calls all listeners of an event, in order. */
#define LOCUST__ENV_FIRE(env, event, ...)                 \
    do {                                                  \
        for (int i_ = 0; i_ < (env)->n_listeners; i_++)   \
            if ((env)->listeners[i_]->event)              \
                (env)->listeners[i_]->event(__VA_ARGS__); \
    } while (0)

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

/* 1 for a test that could not be run as it is; after failures what the user said; else 0. */
static int locust__env_exit_code(const locust_env *env)
{
    if (env->users.setup_error)
        return 1;
    if (env->stats.total.failures || env->stats.n_exceptions)
        return env->options.exit_code_on_error;
    return 0;
}
/* ============================================================================================
 * >>usage  what the generator itself used
 *
 * Purpose     CPU, waits for a core and arrivals shed between two moments: what the verdict on the
 *             generator is made of.
 * Cost        two system calls a look, once a second.
 * Names       locust__usage_
 * Uses        >>class >>env
 * ============================================================================================ */

static locust_arrival_counts locust__usage_arrivals(const locust_env *env)
{
    locust_arrival_counts sum = {0, 0, 0, 0};
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *queue = env->classes[i].arrivals;
        if (!queue)
            continue;
        sum.scheduled += queue->counts.scheduled;
        sum.started += queue->counts.started;
        sum.late += queue->counts.late;
        sum.shed += queue->counts.shed;
    }
    return sum;
}

static locust__usage locust__usage_now(const locust_env *env)
{
    return (locust__usage){locust__os_now_ns(), locust__os_cpu_ns(), locust__os_waited_ns(),
        locust__usage_arrivals(env).shed};
}

/* How long the process was ready to run and did not; 0 where the kernel does not tell. */
static int64_t locust__usage_waited_ns(const locust__usage *from, const locust__usage *to)
{
    return from->waited_ns < 0 ? 0 : to->waited_ns - from->waited_ns;
}

/* Share of the interval in which the process had work to do: CPU time, plus time spent runnable
 * but not running if that is at most a tenth of the interval. On a machine that does anything
 * else, a saturated process never reaches 100 % by CPU time alone. Beyond a tenth, other programs
 * are the limit and are reported as such. */
static double locust__usage_busy(const locust__usage *from, const locust__usage *to)
{
    int64_t wall_ns = to->at_ns - from->at_ns, ns = to->cpu_ns - from->cpu_ns;
    int64_t waited_ns = locust__usage_waited_ns(from, to);
    if (waited_ns <= wall_ns / 10)
        ns += waited_ns;
    return wall_ns > 0 ? (double)ns / (double)wall_ns : 0;
}

/* Judges the generator by what happens from here on. */
static void locust__usage_watch(locust_env *env)
{
    env->since = locust__usage_now(env);
    env->waited_ns = env->since.waited_ns;
    env->until.at_ns = 0;
    env->peak_busy = 0;
    env->n_blockers = 0;
    locust__hist_reset(&env->loop.late);
    env->loop.latest_ns = 0;
}
/* ============================================================================================
 * >>blocked  which task kept the loop to itself
 *
 * Purpose     name the task that computed, or called something that blocks, while others were due.
 * Cost        nothing until a task has kept the loop for LOCUST__LOOP_BLOCKED_NS; then a walk over
 *             all users.
 * Names       locust__blocked_
 * Uses        >>co >>user >>env
 * Limits      the first LOCUST__USAGE_BLOCKERS tasks are counted, others are not.
 * ============================================================================================ */

/* Finds the class and the task of a coroutine. False: it is not a user's. */
static bool locust__blocked_who(
    const locust_env *env, const locust__co *co, locust__usage_blocker *who)
{
    for (const locust__user *user = env->users.first; user; user = user->next) {
        const locust_coroutine *c = user->coroutines;
        while (c && c->user.co != co)
            c = c->next;
        if (user->co == co || c) {
            *who = (locust__usage_blocker){.user = user->cls->as->name, .task = user->doing};
            return true;
        }
    }
    return false;
}

/* Called by the loop when one coroutine kept it for LOCUST__LOOP_BLOCKED_NS or longer. Blames its
 * task, for what is left without the time that the kernel gave to other programs. */
static void locust__blocked_count(void *arg, const locust__co *co, int64_t took_ns)
{
    locust_env *env = arg;
    locust__usage_blocker who, *at = env->blockers, *end = at + env->n_blockers;
    int64_t waited_ns = locust__os_waited_ns();
    took_ns -= waited_ns - env->waited_ns;
    env->waited_ns = waited_ns;
    if (took_ns < LOCUST__LOOP_BLOCKED_NS || !locust__blocked_who(env, co, &who))
        return;
    while (
        at < end && (at->user != who.user || at->task != who.task)) // texts of the test: one each
        at++;
    if (at == env->blockers + LOCUST__USAGE_BLOCKERS)
        return;
    if (at == end) {
        *at = who;
        env->n_blockers++;
    }
    at->times++;
    if (took_ns > at->longest_ns)
        at->longest_ns = took_ns;
}
/* ============================================================================================
 * >>warm_up  from when on requests count
 *
 * Purpose     --warm-up, and setting figures back to zero during a run.
 * Invariants  a request counts if it began after the warm-up: the recorder goes by its start, so
 *             that one that straddles the end of the warm-up is left out.
 * Names       locust__warm_up_
 * Uses        >>stats >>env >>usage
 * ============================================================================================ */

/* Forgets what was measured. What begins from `from_ns` on counts. */
static void locust__warm_up_count_from(locust_env *env, int64_t from_ns)
{
    locust__stats_reset(&env->stats, from_ns);
    env->services.recorder.since_ns = from_ns;
}

/* Begins a run: with its first user, or when the warm-up is over. */
static void locust__warm_up_begin(locust_env *env)
{
    env->warm_ns = LOCUST__NEVER;
    if (env->options.warm_up_s > 0)
        env->warm_ns = locust__time_after(env->start_ns, locust__time_ns(env->options.warm_up_s));
    locust__warm_up_count_from(env, env->warm_ns < LOCUST__NEVER ? env->warm_ns : env->start_ns);
    if (env->warm_ns ==
        LOCUST__NEVER) // an operation that the test measures may have begun before the test
        env->services.recorder.since_ns = INT64_MIN;
    locust__usage_watch(env);
}

static void locust__warm_up_end(locust_env *env)
{
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "The warm-up is over, requests count from now on");
    env->warm_ns = LOCUST__NEVER;
    locust__usage_watch(env);
}

/* Sets all figures back to zero: --reset-stats, or locust_reset_stats. */
static void locust__warm_up_reset_stats(locust_env *env)
{
    int64_t now_ns = locust__os_now_ns();
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners", "Resetting stats");
    locust__stats_reset(&env->stats, env->warm_ns < LOCUST__NEVER ? env->warm_ns : now_ns);
    LOCUST__ENV_FIRE(env, on_reset_stats, env);
}
/* ============================================================================================
 * >>ramp  from the users that there are to those asked for
 *
 * Purpose     spawn users and take them down in Locust's steps.
 * Invariants  `placed` goes by what the ramp did, not by who is alive: a user that ends by itself
 *             is not replaced, as in Locust.
 * Cost        a start costs some 3 us: 50,000 users are up in a fifth of a second. The loop gets a
 *             turn every millisecond, so that spawning does not make running users look slow.
 * Names       locust__ramp_
 * Uses        >>co >>switch >>class >>user >>start >>dispatch >>env >>warm_up
 * Sources     Locust 2.46 and 2.47 (reference runs): steps of max(1, floor(rate)) users, between
 *             two steps a pause of step / rate; log lines word for word.
 * ============================================================================================ */

/* Starts n users. Returns how many it started: fewer if no class takes any more, if memory ran out
 * or if the test is asked to stop meanwhile. */
static int locust__ramp_spawn(locust_env *env, int n) LOCUST__PARKS
{
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    for (int i = 0; i < n; i++) {
        locust__class *cls = locust__dispatch_next(&env->dispatch);
        if (!cls || env->stop_requested || env->users.iterations_left == 0)
            return i;
        if (!locust__start_user(&env->users, cls)) {
            locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
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

static void locust__ramp_log_spawned(const locust_env *env)
{
    locust__buf text = {NULL, 0, 0, false};
    for (int i = 0; i < env->n_classes; i++)
        locust__buf_printf(
            &text, "%s\"%s\": %d", i ? ", " : "", env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "All users spawned: {%.*s} (%d total users)", (int)text.len, text.len ? text.ptr : "",
        env->users.alive);
    locust__buf_free(&text);
}

/* Takes n users down, the latest first. A user that waits, or that may not finish its task, is cut
 * short at once; the others are cut by locust__ramp_reap when the stop timeout is over. */
static void locust__ramp_take_down(locust_env *env, int n)
{
    int64_t timeout_ns = locust__time_ns(env->options.stop_timeout_s);
    for (locust__user *user = env->users.last, *before; user && n; user = before) {
        before = user->prev;
        if (user->stopping)
            continue;
        n--;
        user->stopping = true;
        locust__start_uncount(user);
        user->cut_ns = locust__time_after(locust__os_now_ns(), timeout_ns);
        locust__dispatch_take_back(&env->dispatch, user->cls);
        if (!timeout_ns || user->waiting)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->ramp.reap_ns)
            env->ramp.reap_ns = user->cut_ns;
    }
}

/* Cuts those users short that were taken down and are not done in time; finds when the next one is
 * due. */
static void locust__ramp_reap(locust_env *env, int64_t now_ns)
{
    env->ramp.reap_ns = LOCUST__NEVER;
    for (locust__user *user = env->users.first; user; user = user->next) {
        if (!user->stopping || !user->cut_ns || user->co->cancelled)
            continue;
        if (user->cut_ns <= now_ns)
            locust__co_cancel(&env->loop, user->co);
        else if (user->cut_ns < env->ramp.reap_ns)
            env->ramp.reap_ns = user->cut_ns;
    }
}

/* No ramp runs from here on: users in locust_wait_spawned go on. */
static void locust__ramp_rest(locust_env *env)
{
    env->ramp.step_ns = LOCUST__NEVER;
    env->users.spawned = true;
    while (env->users.spawn_waiters.first)
        locust__co_wake(&env->loop, env->users.spawn_waiters.first, LOCUST__WAKE_EVENT);
}

/* The ramp is over; `users` of the aim are there, or as many as can be. */
static void locust__ramp_arrive(locust_env *env)
{
    locust__ramp_rest(env);
    locust__ramp_log_spawned(env);
    LOCUST__ENV_FIRE(env, on_spawning_complete, env, env->users.alive);
    if (env->options.reset_stats)
        locust__warm_up_reset_stats(env);
}

/* Begins a ramp, unless the tick asks for what the ramp that runs, or ran last, already aims at. */
static void locust__ramp_aim(locust_env *env, locust_tick tick)
{
    locust__ramp *ramp = &env->ramp;
    if (!(tick.spawn_rate > 0))
        tick.spawn_rate = 1;
    if (tick.users < 0)
        tick.users = 0;
    if (ramp->step_ns && tick.users == ramp->aim.users && tick.classes == ramp->aim.classes &&
        !(tick.spawn_rate < ramp->aim.spawn_rate) && !(tick.spawn_rate > ramp->aim.spawn_rate))
        return;
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "Ramping to %d users at a rate of %.2f per second", tick.users, tick.spawn_rate);
    locust__dispatch_choose(&env->dispatch, tick.classes);
    ramp->aim = tick;
    env->users.spawned = false;
    ramp->step_ns = locust__os_now_ns();
}

/* Takes a step: as many users as steps_per_s leaves for one, at least one, and then a pause of as
 * long as they take at the rate. The next step counts from when this one was due, so that late
 * steps do not add up. */
static void locust__ramp_step(locust_env *env) LOCUST__PARKS
{
    locust__ramp *ramp = &env->ramp;
    double rate = ramp->aim.spawn_rate, per_step = rate / ramp->steps_per_s;
    int missing = ramp->aim.users - ramp->placed, most = missing < 0 ? -missing : missing;
    int step = per_step < 1 ? 1 : per_step > INT_MAX ? INT_MAX : (int)per_step;
    int n = most < step ? most : step;
    ramp->step_ns = locust__time_after(ramp->step_ns, locust__time_ns(step / rate));
    if (missing > 0) {
        int started = locust__ramp_spawn(env, n);
        ramp->placed += started;
        if (started < n && !env->stop_requested)
            ramp->aim.users = ramp->placed; // no class takes any more, or memory ran out
    } else {
        locust__ramp_take_down(env, n);
        ramp->placed -= n;
    }
    if (ramp->placed == ramp->aim.users)
        locust__ramp_arrive(env);
}

static void locust__ramp_init(locust__ramp *ramp, double steps_per_s)
{
    *ramp = (locust__ramp){.steps_per_s = steps_per_s, .reap_ns = LOCUST__NEVER};
}
/* ============================================================================================
 * >>pace  the schedule of arrivals
 *
 * Purpose     the open model: a coroutine for each class that lets users arrive on time, whatever
 *             the server does.
 * Invariants  an arrival's time is computed from the one before it, never from the clock: a late
 *             pacer catches up, and no arrival is lost or moved. Arrivals that were due when the
 *             test ends and were not served are counted as shed.
 * Cost        an arrival is a division, or for --stages a square root and a walk over the stages.
 *             The loop gets a turn every millisecond while a pacer catches up.
 * Names       locust__pace_
 * Uses        >>co >>switch >>sync >>class >>user >>arrive >>start
 * ============================================================================================ */

/* Seconds from `at` (since the start) until `area` more arrivals are due; below 0: never.
 *
 *   rate                 The rate of --stages is a straight line in each stage, `from` to `to`;
 *    to |       /|       arrivals are the area below it. From `at`, where the rate is `now`,
 *       |     /#||       the area of a trapezoid is
 *   now |   /|##||
 *       |  / |##||         area = now gap + slope gap^2 / 2, so
 *       +----+--++- s      gap = 2 area / (now + sqrt(now^2 + 2 slope area))
 *            at
 *
 * That form of the root does not cancel where the slope is near 0. */
static double locust__pace_gap(
    const locust_env *env, const locust__arrival_queue *o, double at, double area)
{
    double begin = 0, from = 0, gap = 0;
    if (o->as.rate > 0)
        return area / (o->as.rate * env->pace);
    if (!env->stages.n)
        return env->options.rate > 0 ? area / (env->options.rate * o->share * env->pace) : -1;
    for (int i = 0; i < env->stages.n; i++) {
        double seconds = env->stages.items[i].seconds, to = env->stages.items[i].users * o->share;
        double end = begin + seconds, into = at > begin ? at - begin : 0, left = end - at - gap;
        if (at + gap < end && seconds > 0) {
            double slope = (to - from) / seconds;
            double now = from + slope * (into + (at > begin ? gap : at + gap - begin));
            double fits = (now + to) / 2 * left;
            if (fits >= area && area > 0) {
                double root = locust__number_sqrt(
                    now * now + 2 * slope * area > 0 ? now * now + 2 * slope * area : 0);
                return now + root > 0 ? gap + 2 * area / (now + root) : gap;
            }
            area -= fits;
            gap += left;
        }
        begin = end;
        from = to;
    }
    return -1;
}

/* Gives an arrival to a user that waits for one, or to a new user. False: all are busy and there
 * may not be more, or memory ran out. */
static bool locust__pace_admit(locust_env *env, locust__class *cls, int64_t due_ns, bool late)
{
    locust__arrival_queue *o = cls->arrivals;
    locust__co *co = o->free.first;
    locust__user *user = co ? co->arg : NULL;
    if (co)
        locust__co_wake(&env->loop, co, LOCUST__WAKE_EVENT);
    else if (cls->alive < o->as.max)
        user = locust__start_user(&env->users, cls);
    if (user)
        locust__arrive_accept(user, due_ns, late);
    return user;
}

/* Lets an arrival come: to a user, to the end of those that wait, or to nothing. */
static void locust__pace_arrive(locust_env *env, locust__class *cls, int64_t due_ns)
{
    locust__arrival_queue *o = cls->arrivals;
    o->counts.scheduled++;
    if (!o->n && locust__pace_admit(env, cls, due_ns, false))
        return;
    if (o->as.patience_s < 0)
        o->counts.shed++;
    else
        locust__arrive_keep(o, due_ns);
}

/* Gives arrivals that wait to users, as far as there is room for more. */
static void locust__pace_catch_up(locust_env *env, locust__class *cls)
{
    locust__arrival_queue *o = cls->arrivals;
    int64_t due_ns;
    while (o->n && (o->free.first || cls->alive < o->as.max)) {
        if (!locust__arrive_take(o, locust__os_now_ns(), &due_ns))
            return;
        if (!locust__pace_admit(env, cls, due_ns, true)) { // no memory
            o->counts.shed++;
            return;
        }
    }
}

/* Sleeps until the next arrival is due. Wakes when a user has ended, whose place an arrival that
 * waits can have, and when the patience of the oldest one is over. False: the test ends. */
static bool locust__pace_await(locust_env *env, locust__class *cls, int64_t due_ns) LOCUST__PARKS
{
    locust__arrival_queue *o = cls->arrivals;
    for (;;) {
        int64_t shed_ns;
        enum locust__wake why;
        if (env->users.iterations_left == 0)
            return false;
        locust__pace_catch_up(env, cls);
        shed_ns = locust__arrive_shed(o, locust__os_now_ns());
        if (locust__os_now_ns() >= due_ns)
            return true;
        o->pacing = true;
        why = locust__co_sleep(&env->loop, shed_ns < due_ns ? shed_ns : due_ns);
        o->pacing = false;
        if (why == LOCUST__WAKE_CANCELLED)
            return false;
    }
}

/* When the next arrival is due; LOCUST__NEVER: none before the end. Moves *at, in seconds since
 * the start, to it. Gaps of a Poisson process are exponential: -ln(1 - u) times the mean, u from 0
 * to 1. */
static int64_t locust__pace_next(locust_env *env, const locust__arrival_queue *o, double *at)
{
    double area = o->as.poisson ? -locust__number_log2(1 - locust__random_unit(&env->loop.random)) *
                                      0.6931471805599453
                                : 1;
    double gap = locust__pace_gap(env, o, *at, area);
    int64_t due_ns;
    if (gap < 0)
        return LOCUST__NEVER;
    *at += gap;
    due_ns = env->start_ns + locust__time_ns(*at);
    return due_ns <= env->end_ns ? due_ns : LOCUST__NEVER;
}

/* Lets the users of a class arrive, until the test ends. A coroutine. */
static void locust__pace_main(void *arg)
{
    locust__class *cls = arg;
    locust__arrival_queue *o = cls->arrivals;
    locust_env *env = o->env;
    double at = 0;
    int64_t due_ns = locust__pace_next(env, o, &at), slice_ns = locust__os_now_ns() + LOCUST__MS;
    while (locust__pace_await(env, cls, due_ns)) {
        locust__pace_arrive(env, cls, due_ns);
        due_ns = locust__pace_next(env, o, &at);
        if (locust__os_now_ns() < slice_ns)
            continue;
        if (locust__co_yield(&env->loop) == LOCUST__WAKE_CANCELLED)
            break;
        slice_ns = locust__os_now_ns() + LOCUST__MS;
    }
    // Arrivals that were due when the test ended, but had not come yet.
    for (; env->users.iterations_left != 0 && due_ns <= locust__os_now_ns();
         due_ns = locust__pace_next(env, o, &at)) {
        o->counts.scheduled++;
        o->counts.shed++;
    }
}

/* Starts the pacers. Queues are emptied first: an environment may run more than once. */
static void locust__pace_start(locust_env *env)
{
    if (env->services.recorder.has_arrivals)
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.runners", "Users arrive from now on");
    for (int i = 0; i < env->n_classes; i++) {
        locust__arrival_queue *o = env->classes[i].arrivals;
        if (!o)
            continue;
        memset(&o->counts, 0, sizeof o->counts);
        o->n = 0;
        o->pacer = locust__co_start(
            &env->loop, "the kit itself", 0, locust__pace_main, &env->classes[i], &env->pacers);
        if (!o->pacer)
            env->users.setup_error = "out of memory";
    }
}

/* Stops the pacers. Arrivals that still wait are shed. */
static void locust__pace_stop(locust_env *env) LOCUST__PARKS
{
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].arrivals && env->classes[i].arrivals->pacer && env->pacers.running)
            locust__co_cancel(&env->loop, env->classes[i].arrivals->pacer);
    locust__wait_group_join(&env->loop, &env->pacers, LOCUST__NEVER);
    for (int i = 0; i < env->n_classes; i++) {
        locust__arrival_queue *o = env->classes[i].arrivals;
        if (!o)
            continue;
        o->counts.shed += o->n;
        o->n = 0;
    }
}
/* ============================================================================================
 * >>runner  a test from its first user to its last
 *
 * Purpose     drives ramps for the run time beside the pacers of arrivals, then stops the users.
 * Invariants  a test ends in this order: arrivals that wait are shed; on_test_stopping; users.told,
 *             from when on a user may run its on_stop; users are stopped, the last one ends; the
 *             connections that they shared are closed; on_test_stop.
 * Names       locust__runner_
 * Uses        >>co >>sync >>lookup >>pool >>life >>stages >>dispatch >>env >>usage >>warm_up
 *             >>ramp >>pace
 * Sources     Locust 2.46 (reference run): log lines word for word; a shape is asked once a second.
 * ============================================================================================ */

/* Have all users done what they may do, so that nothing happens any more? */
static bool locust__runner_is_done(const locust_env *env)
{
    bool nobody_will_come =
        env->ramp.step_ns == LOCUST__NEVER && !env->shape && !env->services.recorder.has_arrivals;
    return env->users.limited && !env->users.alive &&
           (env->users.iterations_left == 0 || nobody_will_come);
}

/* Do all users arrive? */
static bool locust__runner_is_open(const locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++)
        if (!env->classes[i].arrivals)
            return false;
    return true;
}

/* When --run-time is over; LOCUST__NEVER: there is no limit. A shape ends by itself. */
static int64_t locust__runner_limit_ns(const locust_env *env)
{
    double seconds = env->options.run_time_s;
    if (env->shape || !(seconds > 0))
        return LOCUST__NEVER;
    return locust__time_after(env->start_ns, locust__time_ns(seconds));
}

/* When the run is over: by --run-time, or with the last stage of arrivals. */
static int64_t locust__runner_end_ns(const locust_env *env)
{
    int64_t end_ns = locust__runner_limit_ns(env), stages_ns;
    if (!env->stages.n || env->shape)
        return end_ns;
    stages_ns =
        locust__time_after(env->start_ns, locust__time_ns(locust__stages_seconds(&env->stages)));
    return stages_ns < end_ns ? stages_ns : end_ns;
}

/* Why the test is over, for the log; NULL: it goes on. */
static const char *locust__runner_over(const locust_env *env, int64_t now_ns)
{
    if (now_ns >= env->end_ns)
        return env->end_ns == locust__runner_limit_ns(env)
                   ? "--run-time limit reached, shutting down"
                   : "All stages are over, shutting down";
    return locust__runner_is_done(env) ? "All iterations are done, shutting down" : NULL;
}

/* Does what is due. */
static void locust__runner_turn(locust_env *env, int64_t now_ns) LOCUST__PARKS
{
    if (now_ns >= env->ramp.reap_ns)
        locust__ramp_reap(env, now_ns);
    if (now_ns >= env->warm_ns)
        locust__warm_up_end(env);
    if (env->users.iterations_left == 0)
        locust__ramp_rest(env); // a user that came now would find nothing to do
    if (now_ns >= env->ramp.step_ns)
        locust__ramp_step(env);
}

/* When something is due again. */
static int64_t locust__runner_next_ns(const locust_env *env, int64_t tick_ns)
{
    const int64_t due[] = {env->ramp.step_ns, env->ramp.reap_ns, env->warm_ns, env->end_ns};
    int64_t next_ns = tick_ns;
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        if (due[i] < next_ns)
            next_ns = due[i];
    return next_ns;
}

/* Runs ramps until the test is over. Says why it is, unless somebody asked for the end. */
static void locust__runner_drive(locust_env *env) LOCUST__PARKS
{
    int64_t tick_ns = env->shape ? env->start_ns : LOCUST__NEVER;
    const char *why = NULL;
    locust_tick tick = {.users = env->options.users, .spawn_rate = env->options.spawn_rate};
    if (locust__runner_is_open(env))
        locust__ramp_rest(env); // nobody is spawned
    else if (!env->shape)
        locust__ramp_aim(env, tick);
    while (!env->stop_requested) {
        int64_t now_ns = locust__os_now_ns();
        why = locust__runner_over(env, now_ns);
        if (!why && now_ns >= tick_ns) {
            tick = (locust_tick){.users = 0};
            if (!env->shape(env, &tick))
                why = "Shape test stopping";
        }
        if (why)
            break;
        if (now_ns >= tick_ns) {
            locust__ramp_aim(env, tick);
            tick_ns += LOCUST__S;
        }
        locust__runner_turn(env, now_ns);
        if (!locust__runner_is_done(env))
            locust__env_pause(env, locust__runner_next_ns(env, tick_ns));
    }
    if (why && !env->stop_requested)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "%s", why);
}

/* Takes all users down: at once, or when their tasks are done or the stop timeout is over. */
static void locust__runner_stop_users(locust_env *env) LOCUST__PARKS
{
    double timeout_s = env->options.stop_timeout_s;
    locust__life_stop_all(&env->users, !(timeout_s > 0));
    if (timeout_s > 0 && locust__wait_group_join(&env->loop, &env->users.group,
                             locust__time_after(locust__os_now_ns(), locust__time_ns(timeout_s))) ==
                             LOCUST__WAKE_TIMEOUT) {
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "Not all users finished their tasks & terminated in %.1f seconds. Stopping them...",
            timeout_s);
        locust__life_stop_all(&env->users, true);
    }
    locust__wait_group_join(&env->loop, &env->users.group, LOCUST__NEVER);
}

/* Puts everything to where a run begins: an environment may run more than once. */
static void locust__runner_init(locust_env *env)
{
    env->stop_requested = false;
    env->users.closing = false;
    env->users.told = false;
    env->users.setup_error = NULL;
    env->users.iterations_left = env->options.iterations > 0 ? env->options.iterations : -1;
    env->users.limited = env->single || env->options.iterations > 0;
    for (int i = 0; i < env->n_classes; i++)
        env->users.limited |= env->classes[i].as->iterations > 0 && !env->classes[i].arrivals;
    env->pace = 1;
    env->end_ns = LOCUST__NEVER;
    env->until.at_ns = 0;
    locust__ramp_init(&env->ramp, env->shape && env->stages.n ? 100 : 1); // --stages rise smoothly
    locust__dispatch_begin(&env->dispatch);
}

/* The whole test, from on_test_start to on_test_stop. Called in a coroutine of its own. */
static void locust__runner_run(locust_env *env) LOCUST__PARKS
{
    env->start_ns = locust__os_now_ns();
    locust__warm_up_begin(env);
    env->end_ns = locust__runner_end_ns(env);
    LOCUST__ENV_FIRE(env, on_test_start, env);
    locust__pace_start(env);
    locust__runner_drive(env);
    env->until = locust__usage_now(env);
    if (env->warm_ns < LOCUST__NEVER)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "--warm-up was longer than the run: nothing was counted");
    locust__pace_stop(env);
    env->stop_requested = true;
    if (env->users.setup_error)
        locust__log_print(
            &env->log, LOCUST__LOG_ERROR, "locust.runners", "%s", env->users.setup_error);
    LOCUST__ENV_FIRE(env, on_test_stopping, env);
    env->users.told = true;
    locust__runner_stop_users(env);
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared);
    locust__lookup_stop(&env->services.resolver);
    LOCUST__ENV_FIRE(env, on_test_stop, env);
}
/* ============================================================================================
 * >>config_users  --config-users
 *
 * Purpose     changes user classes by JSON.
 * Names       locust__config_users_
 * Uses        >>stats >>json >>fault >>class
 * Sources     Locust 2.46.
 * ============================================================================================ */

static bool locust__config_users_wrong(locust__fault *fault, const char *what)
{
    return locust__fault_set(fault, LOCUST__EXIT_USAGE, "--config-users: %s", what);
}

/* Keeps the tasks of a class that a JSON array names. */
static bool locust__config_users_tasks(locust__class *cls, locust__view array, locust__fault *fault)
{
    const locust_task *all = cls->declared->tasks;
    const char *at = NULL;
    char name[128];
    locust__view value;
    int n = 0, kept = 0;
    while (all[n].fn || all[n].set)
        n++;
    LOCUST_FREE(cls->tasks); // an earlier object may have named the same class
    cls->tasks = locust__memory_zalloc((size_t)(n + 1) * sizeof *cls->tasks);
    if (!cls->tasks)
        return locust__config_users_wrong(fault, "out of memory");
    while (locust__json_element(array, &at, &value)) {
        int k = 0;
        if (!locust__json_decode(value, name, sizeof name))
            return locust__config_users_wrong(
                fault, "\"tasks\" must be an array of names of tasks");
        while (k < n && strcmp(all[k].name, name) != 0)
            k++;
        if (k == n)
            return locust__config_users_wrong(fault, "\"tasks\" names one that the class has not");
        if (kept < n)
            cls->tasks[kept++] = all[k];
    }
    cls->changed.tasks = cls->tasks;
    return kept ||
           locust__config_users_wrong(fault, "\"tasks\" must be an array of names of tasks");
}

/* Sets "weight" or "fixed_count" of a class. */
static bool locust__config_users_number(
    locust__class *cls, locust__view key, locust__view value, locust__fault *fault)
{
    char text[65];
    const char *end = text;
    bool fixed = locust__view_is(key, "fixed_count");
    double number;
    snprintf(text, sizeof text, "%.*s", (int)(value.len < 64 ? value.len : 64), value.ptr);
    number = locust__number_decimal(&end); // stops at the quote of a string
    if (*end || !(number >= 0) || number > 1e9)
        return locust__config_users_wrong(
            fault, "\"weight\" and \"fixed_count\" must be numbers from 0");
    if (fixed && number > (int)number)
        return locust__config_users_wrong(fault, "\"fixed_count\" must be a whole number");
    if (fixed)
        cls->changed.fixed_count = (int)number;
    else
        cls->changed.weight = number > 0 ? number : -1; // 0 in a class means the default
    return true;
}

/* Sets one attribute of a class. */
static bool locust__config_users_set(
    locust_env *env, locust__class *cls, locust__view key, locust__view value, locust__fault *fault)
{
    char text[1024];
    if (locust__view_is(key, "user_class_name"))
        return true;
    if (locust__view_is(key, "host")) {
        if (!locust__json_decode(value, text, sizeof text))
            return locust__config_users_wrong(fault, "\"host\" must be a string");
        cls->changed.host = locust__stats_text(&env->stats, text);
        return true;
    }
    if (locust__view_is(key, "tasks"))
        return locust__config_users_tasks(cls, value, fault);
    if (locust__view_is(key, "weight") || locust__view_is(key, "fixed_count"))
        return locust__config_users_number(cls, key, value, fault);
    return locust__config_users_wrong(
        fault, "it knows user_class_name, host, weight, fixed_count and tasks");
}

/* Applies one object. */
static bool locust__config_users_object(locust_env *env, locust__view object, locust__fault *fault)
{
    char name[128];
    locust__class *cls = NULL;
    locust__view key, value;
    const char *at = NULL;
    if (!locust__json_find(object, "user_class_name", &value) ||
        !locust__json_decode(value, name, sizeof name))
        return locust__config_users_wrong(fault, "each object needs a \"user_class_name\"");
    for (int i = 0; i < env->n_classes; i++)
        if (strcmp(env->classes[i].declared->name, name) == 0)
            cls = &env->classes[i];
    if (!cls)
        return locust__config_users_wrong(fault,
            "\"user_class_name\" is not that of a user class: --list prints those there are");
    if (cls->as == cls->declared) { // the first change: the test's own struct is constant
        cls->changed = *cls->declared;
        cls->as = &cls->changed;
    }
    while (locust__json_member(object, &at, &key, &value))
        if (!locust__config_users_set(env, cls, key, value, fault))
            return false;
    return true;
}

/* Applies an object, or an array of objects. */
static bool locust__config_users_json(locust_env *env, locust__view text, locust__fault *fault)
{
    const char *at = NULL;
    locust__view value, object;
    if (!locust__json_is_valid(text) || !locust__json_find(text, "", &value))
        return locust__config_users_wrong(fault, "it is not JSON");
    if (!locust__json_element(value, &at, &object))
        return locust__config_users_object(env, value, fault);
    do
        if (!locust__config_users_object(env, object, fault))
            return false;
    while (locust__json_element(value, &at, &object));
    return true;
}

/* Applies JSON, or that of a file. */
static bool locust__config_users_apply(locust_env *env, const char *given, locust__fault *fault)
{
    const char *start = given + strspn(given, " \t\r\n");
    locust__buf file = {NULL, 0, 0, false};
    locust__view text = locust__view_of(start);
    locust__locale locale;
    bool good;
    if (*start != '{' && *start != '[') {
        file = locust__os_read_file(given, 1 << 20);
        if (!file.len)
            return locust__config_users_wrong(
                fault, "it is neither JSON nor a file that can be read");
        text = (locust__view){file.ptr, file.len};
    }
    locale = locust__locale_enter(); // numbers have a point, not a comma
    good = locust__config_users_json(env, text, fault);
    locust__locale_leave(locale);
    locust__buf_free(&file);
    return good;
}
/* ============================================================================================
 * >>classes  the user classes of a run
 *
 * Purpose     take over the test's classes and what options say about them: order, --config-users,
 *             arrivals, tasks by tags, proxy, TLS, host.
 * Invariants  the test's own structs are never written to: what --config-users changes is a copy.
 * Names       locust__classes_
 * Uses        >>tls >>proxy >>route >>base_url >>fault >>task >>class >>env >>config_users
 * Sources     Locust 2.46: classes in order of name.
 * ============================================================================================ */

/* Can the test's classes be run, before any option is looked at? */
static bool locust__classes_check(const locust_test *test, locust__fault *fault)
{
    bool any = false;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        if (!locust__class_check(test->users[i], fault))
            return false;
        any |= locust__class_gets_users(test->users[i]);
    }
    return any || locust__fault_set(fault, 1,
                      "no user class with a weight: give the test .users = { &YourClass }");
}

/* Copies the test's list of classes, sorted by name. Equals keep their order. */
static bool locust__classes_list(locust_env *env, locust__fault *fault)
{
    const locust_user_class *const *users = env->test->users;
    const locust_user_class *sorted[LOCUST_CLASSES_MAX];
    int n = 0;
    for (; n < LOCUST_CLASSES_MAX && users[n]; n++) {
        int at = n;
        for (; at && strcmp(sorted[at - 1]->name, users[n]->name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = users[n];
    }
    env->classes = locust__memory_zalloc((size_t)n * sizeof *env->classes);
    if (!env->classes)
        return locust__fault_memory(fault);
    for (int i = 0; i < n; i++)
        locust__class_init(&env->classes[i], sorted[i]);
    env->n_classes = n;
    return true;
}

static bool locust__classes_configure(locust_env *env, locust__fault *fault)
{
    if (!env->options.config_users)
        return true;
    if (!locust__config_users_apply(env, env->options.config_users, fault))
        return false;
    for (int i = 0; i < env->n_classes; i++)
        if (locust__class_gets_users(env->classes[i].as))
            return true;
    return locust__fault_set(
        fault, LOCUST__EXIT_USAGE, "--config-users leaves no user class with a weight");
}

/* Gives a class its queue of arrivals. `share`: of --rate or of --stages, for a class without a
 * rate of its own. */
static bool locust__classes_add_arrivals(
    locust_env *env, locust__class *cls, double share, locust__fault *fault)
{
    const locust_options *o = &env->options;
    locust__arrival_queue *queue = cls->arrivals = locust__memory_zalloc(sizeof *queue);
    if (!queue)
        return locust__fault_memory(fault);
    queue->env = env;
    queue->as = cls->as->arrivals;
    if (!(queue->as.rate > 0)) {
        queue->share = share;
        queue->as.poisson |= o->poisson;
        queue->as.max = o->max_in_flight;
        queue->as.patience_s = o->patience_s;
    }
    if (queue->as.max <= 0)
        queue->as.max = 10000;
    if (!(queue->as.patience_s > 0) && !(queue->as.patience_s < 0))
        queue->as.patience_s = 10;
    env->services.recorder.has_arrivals = true;
    return true;
}

/* Finds out which classes have arrivals: those with a rate of their own and, under --rate,
 * --find-max or --stages with "/s", the others by weight. */
static bool locust__classes_arrivals(locust_env *env, locust__fault *fault)
{
    locust_options *o = &env->options;
    double total = 0;
    bool own = false, shared;
    for (int i = 0; i < env->n_classes; i++) {
        const locust_user_class *as = env->classes[i].as;
        own |= as->arrivals.rate > 0;
        total += as->arrivals.rate > 0 ? 0 : locust__class_weight(as);
    }
    if (o->find_max && !own && !(o->rate > 0))
        o->rate = LOCUST__ENV_FIND_FROM;
    shared = o->rate > 0 || (env->stages.n && env->stages.items->rate);
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        double weight = locust__class_weight(cls->as);
        if ((cls->as->arrivals.rate > 0 || (shared && weight > 0)) &&
            !locust__classes_add_arrivals(env, cls, weight / total, fault))
            return false;
    }
    return true;
}

/* Says how the users of a class reach servers. Options go before the class's own fields. */
static bool locust__classes_route(
    locust__class *cls, locust__arena *arena, const locust_options *o, locust__fault *fault)
{
    const locust_user_class *as = cls->as;
    locust__route *route = &cls->route;
    const char *proxy = o->proxy ? o->proxy : as->proxy;
    route->tls = (locust__tls_how){.ca_file = o->ca_file ? o->ca_file : as->ca_file,
        .cert_file = o->cert_file ? o->cert_file : as->cert_file,
        .key_file = o->cert_file ? o->key_file : as->key_file, // the key goes with its certificate
        .insecure = o->insecure || as->insecure,
        .http = true};
    route->unix_socket = o->unix_socket ? o->unix_socket : as->unix_socket;
    route->direct = proxy && !*proxy;
    cls->shared.limit = as->pool;
    if (locust__proxy_parse(&route->proxy, arena, proxy ? proxy : ""))
        return true;
    if (o->proxy)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--proxy takes a URL such as http://user:password@127.0.0.1:3128, not \"%s\"", proxy);
    return locust__fault_set(fault, 1,
        "the proxy of user class %s is not a URL such as http://user:password@127.0.0.1:3128",
        as->name);
}

/* A host that has a scheme which is hardly meant so: htp://, httpp://. Any other may be that of a
 * protocol of the test's own. */
static bool locust__classes_scheme(const char *host, int code, locust__fault *fault)
{
    const char *end = strstr(host, "://");
    locust__view scheme = {host, end ? (size_t)(end - host) : 0};
    static const char *const known[] = {"http", "https"};
    if (!end || locust__view_is_nocase(scheme, known[0]) ||
        locust__view_is_nocase(scheme, known[1]))
        return true;
    for (int i = 0; i < 2; i++)
        if (locust__text_distance(scheme, locust__view_of(known[i])) == 1)
            return locust__fault_set(fault, code,
                "host \"%s\" has an unknown scheme: did you mean %s%s?", host, known[i], end);
    return true;
}

/* Takes the host of a class apart. No host is fine: its tasks may use absolute URLs alone. */
static bool locust__classes_host(locust_env *env, locust__class *cls, locust__fault *fault)
{
    const char *broken = NULL;
    int code = env->options.host ? LOCUST__EXIT_USAGE : 1;
    locust_error error;
    cls->host = env->options.host ? env->options.host : cls->as->host;
    if (!cls->host)
        return true;
    if (!locust__classes_scheme(cls->host, code, fault))
        return false;
    error = locust__base_url_parse(&env->services, cls->host, &cls->base, &broken);
    if (broken)
        return locust__fault_set(fault, 1, "%s", broken);
    if (error == LOCUST_ERR_SCHEME || strncmp(cls->host, "unix:", 5) == 0)
        cls->base.text = cls->host; // a protocol of the test's own: tcp://, unix:
    else if (error)
        return locust__fault_set(fault, code,
            "host \"%s\" of user class %s is not a URL such as http://127.0.0.1:8080", cls->host,
            cls->as->name);
    return true;
}

static bool locust__classes_init(locust_env *env, locust__fault *fault)
{
    if (!locust__classes_list(env, fault) || !locust__classes_configure(env, fault) ||
        !locust__classes_arrivals(env, fault))
        return false;
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        if (!locust__class_plan(cls, &env->users.tags, fault) ||
            !locust__classes_route(cls, &env->services.arena, &env->options, fault) ||
            !locust__classes_host(env, cls, fault))
            return false;
    }
    return true;
}

static void locust__classes_free(locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        locust__base_url_free(&cls->base);
        locust__plan_free(cls->plan);
        if (cls->arrivals)
            LOCUST_FREE(cls->arrivals->backlog);
        LOCUST_FREE(cls->arrivals);
        LOCUST_FREE(cls->tasks);
    }
    LOCUST_FREE(env->classes);
}
/* ============================================================================================
 * >>listeners  a test's events, and the functions that are told of them
 *
 * Purpose     the functions of the test itself and those of locust_listen, called in that order;
 *             only on_quitting goes the other way, as in Locust.
 * Invariants  a test without an on_request has no call for each request: the recorder learns of the
 *             listeners when one of them wants requests.
 * Names       locust__listeners_
 * Uses        >>env
 *
 *   on_init                   set-up is over; no user exists, the loop does not run
 *   on_test_start             in the runner's coroutine, before the first user
 *     on_spawning_complete    each time a ramp has reached its aim; then on_reset_stats, if asked
 *     on_request, on_user_error, on_reset_stats, on_usage_monitor, on_cpu_warning: as they happen
 *   on_test_stopping          no task begins any more; running ones have not been stopped yet, and
 *                             no on_stop that the end causes has begun
 *     on_request, ...         of tasks that may still finish, and of on_stop
 *   on_test_stop              the last user has ended
 *   on_quitting, on_quit      of a command: before the verdict and after the last report
 * ============================================================================================ */

static void locust__listeners_on_request(locust_env *env, const locust_sample *sample)
{
    LOCUST__ENV_FIRE(env, on_request, env, sample);
}

static void locust__listeners_on_error(locust_env *env, locust_user *u, const char *message)
{
    LOCUST__ENV_FIRE(env, on_user_error, env, u, message);
}

static void locust__listeners_add(locust_env *env, const locust_listeners *listeners)
{
    env->listeners[env->n_listeners++] = listeners;
    if (listeners->on_request)
        env->services.recorder.listener = locust__listeners_on_request;
}

/* Takes over the test's own functions, as the first listener, and the listeners that it names. */
static void locust__listeners_init(locust_env *env)
{
    const locust_test *test = env->test;
#define LOCUST__LISTENERS_OWN(name, args) env->own.name = test->name;
    LOCUST_EVENTS_(LOCUST__LISTENERS_OWN)
#undef LOCUST__LISTENERS_OWN
    env->users.on_error = locust__listeners_on_error;
    locust__listeners_add(env, &env->own);
    for (int i = 0; i < LOCUST_LISTENERS_MAX && test->listeners[i]; i++)
        locust__listeners_add(env, test->listeners[i]);
}

LOCUST_API bool locust_listen(locust_env *env, const locust_listeners *listeners)
{
    if (env->n_listeners > LOCUST_LISTENERS_MAX) // the test's own functions have one more place
        return false;
    locust__listeners_add(env, listeners);
    return true;
}
/* ============================================================================================
 * >>own_option  options that a test declares
 *
 * Purpose     their types: what a value may be, what stands where none is given, and values as
 *             numbers.
 * Invariants  a value and a fallback are of their type once the environment is made, so that
 *             reading them cannot fail.
 * Names       locust__own_option_
 * Uses        >>text >>number >>fault >>env
 * Sources     Locust 2.46: init_command_line_parser, argparse's type and choices.
 * ============================================================================================ */

/* What each type takes, and what stands for its value in --help. */
static const struct {
    const char *takes, *value;
} locust__own_option_types[] = {
    [LOCUST_OPTION_TEXT] = {"a text", "TEXT"},
    [LOCUST_OPTION_WHOLE] = {"a whole number", "N"},
    [LOCUST_OPTION_NUMBER] = {"a number", "NUMBER"},
    [LOCUST_OPTION_SPAN] = {"a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s", "SPAN"},
    [LOCUST_OPTION_CHOICE] = {"one of ", "CHOICE"},
    [LOCUST_OPTION_FLAG] = {"true or false", NULL},
};

/* The name without the dashes that it may be declared with. */
static const char *locust__own_option_name(const char *name)
{
    return name + (strncmp(name, "--", 2) == 0 ? 2 : 0);
}

static int locust__own_option_type(const locust_own_option *o)
{
    return o->type > LOCUST_OPTION_TEXT && o->type <= LOCUST_OPTION_FLAG ? o->type
           : o->value                                                    ? LOCUST_OPTION_TEXT
                                                                         : LOCUST_OPTION_FLAG;
}

/* What stands for its value in --help; NULL: it is a switch. */
static const char *locust__own_option_value(const locust_own_option *o)
{
    int type = locust__own_option_type(o);
    return o->value && type != LOCUST_OPTION_FLAG ? o->value : locust__own_option_types[type].value;
}

static bool locust__own_option_is_choice(const locust_own_option *o, const char *text)
{
    size_t n;
    for (const char *p = o->choices ? o->choices : ""; *p; p += n + (p[n] == ',')) {
        n = strcspn(p, ",");
        if (locust__view_is((locust__view){p, n}, text))
            return true;
    }
    return false;
}

/* Reads a number with a sign or none; `whole`: digits alone. */
static bool locust__own_option_signed(const char *text, bool whole, double *number, int64_t *n)
{
    bool minus = *text == '-';
    text += minus || *text == '+';
    *n = 0;
    if (whole) {
        *n = locust__number_whole(&text);
        *number = (double)*n;
    } else {
        *number = locust__number_decimal(&text);
    }
    if (*text || !(*number >= 0) || *n == INT64_MAX)
        return false;
    *number = minus ? -*number : *number;
    *n = minus ? -*n : *n;
    return true;
}

/* Takes a value apart. False: it is not of the option's type. A text may be anything. */
static bool locust__own_option_read(
    const locust_own_option *o, const char *text, double *number, int64_t *whole)
{
    bool on = false;
    *number = 0;
    *whole = 0;
    switch (locust__own_option_type(o)) {
    case LOCUST_OPTION_WHOLE:
        return locust__own_option_signed(text, true, number, whole);
    case LOCUST_OPTION_NUMBER:
        return locust__own_option_signed(text, false, number, whole);
    case LOCUST_OPTION_SPAN:
        return locust__number_span(text, number);
    case LOCUST_OPTION_CHOICE:
        return locust__own_option_is_choice(o, text);
    case LOCUST_OPTION_FLAG:
        if (!locust__text_switch(text, &on))
            return false;
        *whole = on;
        return true;
    default:
        return true;
    }
}

/* Is it of the option's type? If not, says in `takes` what is. */
static bool locust__own_option_good(
    const locust_own_option *o, const char *text, char *takes, size_t size)
{
    double number;
    int64_t whole;
    snprintf(takes, size, "%s%s", locust__own_option_types[locust__own_option_type(o)].takes,
        locust__own_option_type(o) == LOCUST_OPTION_CHOICE && o->choices ? o->choices : "");
    return locust__own_option_read(o, text, &number, &whole);
}

/* The value where none is given. */
static const char *locust__own_option_fallback(const locust_own_option *o)
{
    switch (locust__own_option_type(o)) {
    case LOCUST_OPTION_WHOLE:
    case LOCUST_OPTION_NUMBER:
    case LOCUST_OPTION_SPAN:
        return o->fallback ? o->fallback : "0";
    case LOCUST_OPTION_FLAG:
        return o->fallback ? o->fallback : "false";
    default:
        return o->fallback ? o->fallback : "";
    }
}

/* The option of that name; NULL: the test declares none. */
static const locust_own_option *locust__own_option_find(const locust_test *test, const char *name)
{
    name = locust__own_option_name(name);
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && test->options[i].name; i++)
        if (strcmp(locust__own_option_name(test->options[i].name), name) == 0)
            return &test->options[i];
    return NULL;
}

/* The value of an option as it was given; else its fallback. */
static const char *locust__own_option_text(const locust_env *env, const locust_own_option *o)
{
    const char *name = locust__own_option_name(o->name);
    for (const locust_pair *given = env->options.own; given && given->name; given++)
        if (strcmp(locust__own_option_name(given->name), name) == 0)
            return given->value;
    return locust__own_option_fallback(o);
}

/* Are all fallbacks and all values that were given of their types? */
static bool locust__own_option_check(const locust_env *env, locust__fault *fault)
{
    const locust_test *test = env->test;
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && test->options[i].name; i++) {
        const locust_own_option *o = &test->options[i];
        const char *name = locust__own_option_name(o->name),
                   *given = locust__own_option_text(env, o);
        char takes[256];
        if (o->fallback && !locust__own_option_good(o, o->fallback, takes, sizeof takes))
            return locust__fault_set(fault, 1,
                "the test's option --%s takes %s, but its fallback is \"%s\"", name, takes,
                o->fallback);
        if (given != locust__own_option_fallback(o) &&
            !locust__own_option_good(o, given, takes, sizeof takes))
            return locust__fault_set(
                fault, LOCUST__EXIT_USAGE, "--%s takes %s, not \"%s\"", name, takes, given);
    }
    return true;
}

/* Reads an option for the public call `what`, which is for the types from `least` to `most`. */
static void locust__own_option_get(const locust_env *env, const char *name, const char *what,
    int least, int most, double *number, int64_t *whole)
{
    const locust_own_option *o = locust__own_option_find(env->test, name);
    int type = o ? locust__own_option_type(o) : 0;
    if (!o)
        locust__die(LOCUST__EXIT_USAGE, "%s: the test declares no option \"%s\"", what, name);
    if (type < least || type > most)
        locust__die(LOCUST__EXIT_USAGE, "%s: the test declares \"%s\" as %s%s", what, name,
            locust__own_option_types[type].takes,
            type == LOCUST_OPTION_CHOICE && o->choices ? o->choices : "");
    locust__own_option_read(o, locust__own_option_text(env, o), number, whole);
}

LOCUST_API const char *locust_option(locust_env *env, const char *name)
{
    const locust_own_option *o = locust__own_option_find(env->test, name);
    return o ? locust__own_option_text(env, o) : NULL;
}

LOCUST_API double locust_option_number(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(env, name, "locust_option_number()", LOCUST_OPTION_WHOLE,
        LOCUST_OPTION_SPAN, &number, &whole);
    return number;
}

LOCUST_API int64_t locust_option_whole(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(env, name, "locust_option_whole()", LOCUST_OPTION_WHOLE,
        LOCUST_OPTION_WHOLE, &number, &whole);
    return whole;
}

LOCUST_API bool locust_option_flag(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(
        env, name, "locust_option_flag()", LOCUST_OPTION_FLAG, LOCUST_OPTION_FLAG, &number, &whole);
    return whole != 0;
}
/* ============================================================================================
 * >>setup  making an environment
 *
 * Purpose     takes test and options apart; whatever is wrong is one sentence before the first
 *             user.
 * Invariants  locust__env_new either returns a whole environment or has given everything back.
 * Names       locust__setup_ locust__env_new locust__env_free
 * Uses        >>loop >>stats >>record >>source >>net >>resolve >>lookup >>tls >>tls_state
 *             >>tls_version >>extract >>proxy >>connect_to >>services >>fault >>task >>user
 *             >>start >>feed >>stages >>dispatch >>env >>blocked >>classes >>listeners
 * ============================================================================================ */

/* Fills in the defaults of the options that are read more than once. */
static void locust__setup_defaults(locust_options *o)
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

static bool locust__setup_log_level(const locust_options *o, int *level, locust__fault *fault)
{
    *level = o->loglevel ? locust__log_level(o->loglevel) : LOCUST__LOG_INFO;
    if (*level < 0)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "the log level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL");
    if (o->quiet && *level < LOCUST__LOG_ERROR)
        *level = LOCUST__LOG_ERROR;
    return true;
}

static bool locust__setup_loop(locust_env *env, locust__fault *fault)
{
    int rc = locust__loop_open(&env->loop);
    if (rc >= 0)
        return true;
    if (rc == -ENOTSUP)
        return locust__fault_set(fault, 1,
            "this process runs under a locked hardware shadow stack, which coroutines cannot: "
            "start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off");
    if (LOCUST__WITH_EPOLL && (rc == -ENOSYS || rc == -EPERM))
        return locust__fault_set(
            fault, 1, "epoll is not to be had here: compile the test with -DLOCUST_POLL");
    return locust__fault_set(fault, 1, "%s",
        rc == -EMFILE ? "too few file descriptors: raise ulimit -n" : strerror(-rc));
}

static bool locust__setup_log(locust_env *env, int level, locust__fault *fault)
{
    const char *path = env->options.logfile;
    int rc = locust__log_open(&env->log, level, path);
    return rc >= 0 ||
           locust__fault_set(fault, 1, "cannot write the log file %s: %s", path, strerror(-rc));
}

/* Makes an environment that has what can fail to be opened, a loop and a log, and nothing else yet.
 * NULL: there is a fault. */
static locust_env *locust__setup_open(
    const locust_test *test, const locust_options *options, int level, locust__fault *fault)
{
    locust_env *env = locust__memory_zalloc(sizeof *env);
    if (!env) {
        locust__fault_memory(fault);
        return NULL;
    }
    env->test = test;
    env->options = *options;
    locust__setup_defaults(&env->options);
    if (!locust__setup_loop(env, fault))
        goto free_env;
    if (!locust__setup_log(env, level, fault))
        goto close_loop;
    return env;
close_loop:
    locust__loop_close(&env->loop);
free_env:
    LOCUST_FREE(env);
    return NULL;
}

static locust__tls_options locust__setup_tls(const locust_options *o)
{
    return (locust__tls_options){
        o->tls_min, o->tls_max, o->ciphers, o->no_tls_resume, o->max_handshakes};
}

/* Connects the parts of an environment. Nothing here can fail. */
static void locust__setup_services(locust_env *env)
{
    const locust_options *o = &env->options;
    locust__services *sv = &env->services;
    locust__tls_options tls = locust__setup_tls(o);
    locust__stats_init(&env->stats);
    env->loop.blocked = locust__blocked_count;
    env->loop.blocked_arg = env;
    env->loop.prefetch_user = locust__start_prefetch;
    env->loop.where = locust__user_where;
    sv->loop = &env->loop;
    sv->log = &env->log;
    sv->recorder = (locust__recorder){.stats = &env->stats, .env = env, .phases = o->phases};
    locust__net_init(&sv->net, &env->loop, &env->log);
    sv->net.users = o->users;
    sv->net.no_arrivals = o->no_arrival_times;
    locust__resolver_init(&sv->resolver, &sv->net, &sv->arena);
    locust__tls_init(&sv->tls, &env->loop, &env->log, &sv->arena, &tls);
    env->users.services = sv;
    env->users.env = env;
    env->users.worker = o->worker_index > 0 ? (size_t)o->worker_index : 0;
    env->users.n_workers = o->worker_count > 0 ? (size_t)o->worker_count : 1;
    if (o->seed > 0) { // processes that share a test make different choices
        env->users.seed = (uint64_t)o->seed << 20 | env->users.worker;
        env->loop.random = env->users.seed;
    }
    env->users.tags = (locust__tags){o->tags, o->exclude_tags};
    env->users.request_stop = locust__env_request_stop;
    env->users.on_empty = locust__env_wake;
    locust__listeners_init(env);
}

/* Reads the options about the network. */
static bool locust__setup_network(locust_env *env, locust__fault *fault)
{
    const locust_options *o = &env->options;
    locust__services *sv = &env->services;
    locust__tls_options tls = locust__setup_tls(o);
    const char *wrong = locust__tls_check(&tls);
    if (wrong)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE, "%s", wrong);
    if (o->proxy_from_env)
        wrong = locust__proxy_env_read(&sv->proxies, &sv->arena);
    if (wrong)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "the proxy \"%s\" of the environment is not a URL such as "
            "http://user:password@127.0.0.1:3128",
            wrong);
    if (o->source && !locust__sources_read(&sv->net.sources, o->source))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--source takes addresses, such as 127.0.0.2,10.0.0.5-10.0.0.9,127.0.1.0/28,::1");
    if (o->connect_to && !locust__connect_to_parse(&sv->connect_to, &sv->arena, o->connect_to))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--connect-to takes HOST1:PORT1:HOST2:PORT2, several separated by blanks");
    if (o->resolve && !locust__lookup_pin(&sv->resolver, o->resolve))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--resolve takes HOST:PORT:ADDRESS[,ADDRESS], several separated by blanks");
    return true;
}

/* --stages as a load shape. */
static bool locust__setup_stages_tick(locust_env *env, locust_tick *tick)
{
    return locust__stages_tick(&env->stages, locust__env_run_time(env), tick);
}

/* Decides what drives the users: --stages, the test's load shape, or --users. `given`: the options
 * without defaults, for a warning about those that have no effect. */
static bool locust__setup_shape(locust_env *env, const locust_options *given, locust__fault *fault)
{
    const char *stages = env->options.stages;
    env->shape = env->test->shape;
    if (stages) {
        if (!locust__stages_parse(&env->stages, stages))
            return locust__fault_set(fault, LOCUST__EXIT_USAGE,
                "--stages takes DURATION:USERS,... such as 1m:100,5m:1000,1m:0, or 1m:100/s,... "
                "for arrivals a second");
        env->shape = env->stages.items->rate ? NULL : locust__setup_stages_tick;
    }
    if (env->shape && (given->run_time_s > 0 || given->users || given->spawn_rate > 0))
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main",
            "--users, --spawn-rate and --run-time have no effect on a test with a load shape");
    return true;
}

static bool locust__setup_dispatch(locust_env *env, locust__fault *fault)
{
    return locust__dispatch_init(&env->dispatch, env->classes, env->n_classes) ||
           locust__fault_memory(fault);
}

static bool locust__setup_worker(const locust_env *env, locust__fault *fault)
{
    return env->users.worker < env->users.n_workers ||
           locust__fault_set(fault, LOCUST__EXIT_USAGE,
               "--worker-index counts from 0 and lies below --worker-count");
}

/* Frees an environment: what locust__setup_open and what came after it have made, backwards. */
static void locust__env_free(locust_env *env)
{
    locust__dispatch_deinit(&env->dispatch);
    locust__classes_free(env);
    LOCUST_FREE(env->stages.items);
    locust__feed_close_all(env->users.feeders);
    locust__buf_free(&env->services.auth);
    locust__pattern_free_all(env->services.patterns);
    locust__tls_free(&env->services.tls);
    locust__arena_free(&env->services.arena);
    locust__stats_free(&env->stats);
    locust__log_close(&env->log);
    locust__loop_close(&env->loop);
    LOCUST_FREE(env);
}

/* Makes an environment. NULL: it could not be made; standard error says why, and *code is the exit
 * code for it. */
static locust_env *locust__env_new(
    const locust_test *test, const locust_options *options, int *code)
{
    locust__fault fault = {.code = 0};
    int level;
    locust_env *env = NULL;
    if (locust__classes_check(test, &fault) && locust__setup_log_level(options, &level, &fault))
        env = locust__setup_open(test, options, level, &fault);
    if (!env)
        goto fail;
    locust__setup_services(env);
    if (!locust__setup_network(env, &fault) || !locust__setup_shape(env, options, &fault) ||
        !locust__setup_worker(env, &fault) || !locust__own_option_check(env, &fault) ||
        !locust__classes_init(env, &fault) || !locust__setup_dispatch(env, &fault))
        goto fail;
    LOCUST__ENV_FIRE(env, on_init, env);
    return env;
fail:
    locust__say("%s", fault.text);
    *code = fault.code;
    if (env)
        locust__env_free(env);
    return NULL;
}
/* ============================================================================================
 * >>env_api  public calls on an environment
 *
 * Purpose     what listeners and programs that use the library call: the bodies stand in other
 *             parts.
 * Uses        >>entry >>stats >>env >>usage >>warm_up >>setup
 * ============================================================================================ */

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

LOCUST_API void locust_env_stop(locust_env *env)
{
    locust__env_request_stop(env);
}

LOCUST_API void *locust_env_context(locust_env *env)
{
    return env->options.context;
}

LOCUST_API void locust_set_exit_code(locust_env *env, int code)
{
    env->exit_code = code;
    env->exit_code_set = true;
}

LOCUST_API void locust_reset_stats(locust_env *env)
{
    locust__warm_up_reset_stats(env);
}

LOCUST_API double locust_run_time(locust_env *env)
{
    return locust__env_run_time(env);
}

LOCUST_API int locust_user_count(locust_env *env)
{
    return env->users.alive;
}

LOCUST_API locust_arrival_counts locust_arrivals_so_far(locust_env *env)
{
    return locust__usage_arrivals(env);
}

LOCUST_API const locust_stats *locust_stats_total(locust_env *env)
{
    return locust__stats_show(&env->stats, &env->stats.total);
}

LOCUST_API const locust_stats *locust_stats_row(locust_env *env, size_t i)
{
    locust__entry *row = locust__stats_entry_at(&env->stats, i);
    return row ? locust__stats_show(&env->stats, row) : NULL;
}
#endif

#if LOCUST__LAYERS >= 9
/* ============================================================================================
 * >>generator  the generator's verdict on itself
 *
 * Purpose     says whether the generator itself, not the server, limited the load: CPU, other
 *             programs, lateness, descriptors, ports, shed arrivals, tasks that blocked the loop.
 * Names       locust__generator_
 * Uses        >>co >>entry >>net >>env >>usage
 * ============================================================================================ */

enum {
    LOCUST__GENERATOR_LATE_NS = 500000,    // a p99 of lateness below this is never a limit
    LOCUST__GENERATOR_HELD_NS = 100000000, // a task that blocked the loop this long is named,
    LOCUST__GENERATOR_HELD_TIMES = 3       // and one that did it, for less, this often
};

static void locust__generator_limit(locust_generator *g, const char *format, ...)
    LOCUST__PRINTF(2, 3);

/* Adds a reason to `limits`, cut off where there is no more room. */
static void locust__generator_limit(locust_generator *g, const char *format, ...)
{
    size_t len = strlen(g->limits);
    va_list args;
    va_start(args, format);
    if (len)
        len += (size_t)snprintf(g->limits + len, sizeof g->limits - len, "; ");
    if (len < sizeof g->limits)
        vsnprintf(g->limits + len, sizeof g->limits - len, format, args);
    va_end(args);
    g->ok = false;
}

/* Names the tasks that often, or for long, kept the loop from running others. */
static void locust__generator_blame(locust_generator *g, const locust_env *env)
{
    for (int i = 0; i < env->n_blockers; i++) {
        const locust__usage_blocker *c = &env->blockers[i];
        if (c->times >= LOCUST__GENERATOR_HELD_TIMES || c->longest_ns >= LOCUST__GENERATOR_HELD_NS)
            locust__generator_limit(g,
                "task %s of %s: held everybody up %llu times, %.0f ms at the longest", c->task,
                c->user, (unsigned long long)c->times, (double)c->longest_ns / 1e6);
    }
}

/* Requests and failures a second from where measuring begins to the end of the test. (The rates
 * of the tables end with the last answer, as Locust's do: a server that hangs does not lower
 * those.) */
static void locust__generator_rates(
    const locust_env *env, const locust__entry *row, double *requests_per_s, double *failures_per_s)
{
    int64_t end_ns = env->until.at_ns ? env->until.at_ns : locust__os_now_ns();
    double s = (double)(end_ns - env->stats.start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)row->requests / s : 0;
    *failures_per_s = s > 0 ? (double)row->failures / s : 0;
}

/* The verdict as of now, or as of the end of the test. CPU counts by the busiest five seconds: an
 * average hides a peak. Lateness counts if it is more than a fifth of the median response time. */
static locust_generator locust__generator_judge(const locust_env *env)
{
    locust_generator g = {.ok = true};
    const locust__net *net = &env->services.net;
    const locust__usage *from = &env->since;
    locust__usage to = env->until.at_ns ? env->until : locust__usage_now(env);
    int64_t median_ns = locust__entry_percentile_ns(&env->stats.total, 0.5);
    int64_t late_ns = locust__loop_lateness_ns(&env->loop, 0.99), wall_ns = to.at_ns - from->at_ns;
    int64_t waited_ns = locust__usage_waited_ns(from, &to);
    double busy = locust__usage_busy(from, &to);
    g.cpu = wall_ns > 0 ? (double)(to.cpu_ns - from->cpu_ns) / (double)wall_ns : 0;
    if (busy < env->peak_busy || wall_ns < LOCUST__S)
        busy = env->peak_busy;
    g.late_p50_ms = (double)locust__loop_lateness_ns(&env->loop, 0.5) / 1e6;
    g.late_p99_ms = (double)late_ns / 1e6;
    g.late_max_ms = (double)env->loop.latest_ns / 1e6;
    if (busy >= 0.95)
        locust__generator_limit(&g, "CPU: %.0f %% of a core", busy < 1 ? 100 * busy : 100);
    if (waited_ns > wall_ns / 10 && wall_ns >= LOCUST__S)
        locust__generator_limit(&g, "other programs: %.0f %% of the time it waited for a CPU",
            waited_ns < wall_ns ? 100 * (double)waited_ns / (double)wall_ns : 100);
    if (late_ns > LOCUST__GENERATOR_LATE_NS && late_ns > median_ns / 5)
        locust__generator_limit(&g, "lateness: p99 %.3f ms beside a response time p50 of %.3f ms",
            g.late_p99_ms, (double)median_ns / 1e6);
    if (net->advised_files)
        locust__generator_limit(&g, "file descriptors: raise ulimit -n");
    if (net->advised_ports)
        locust__generator_limit(&g, "local ports: give more addresses by --source");
    if (to.shed > from->shed)
        locust__generator_limit(
            &g, "%llu arrivals shed before the end", (unsigned long long)(to.shed - from->shed));
    locust__generator_blame(&g, env);
    return g;
}

/* The verdict as one line. */
static void locust__generator_line(const locust_generator *g, char *out, size_t size)
{
    if (g->ok)
        snprintf(out, size,
            "generator: ok (CPU %.0f %% of a core, lateness p50 %.3f ms, p99 %.3f ms)",
            100 * g->cpu, g->late_p50_ms, g->late_p99_ms);
    else
        snprintf(out, size, "generator: limited by %s (lateness p50 %.3f ms, p99 %.3f ms)",
            g->limits, g->late_p50_ms, g->late_p99_ms);
}

LOCUST_API locust_generator locust_generator_so_far(locust_env *env)
{
    return locust__generator_judge(env);
}
/* ============================================================================================
 * >>figures  what a row shows
 *
 * Purpose     one table of all that a row of statistics shows: names, unit, value. Tables, compact
 *             lines, CSV files, the summary and checks pick their columns from it by name; so does
 *             whatever else writes figures.
 * Invariants  a value is a double in the base unit: counts and bytes whole (to 2^53), times in
 *             nanoseconds, rates a second, shares from 0 to 1. Writers scale it as they print it.
 * Cost        a percentile walks the row's histogram; every other figure is a division at most.
 * Names       locust__figure_ locust__figure locust__figures_ locust__figures
 * Uses        >>entry >>stats >>usage >>generator
 * Sources     Locust 2.46 and 2.47 (reference runs): titles of tables and CSV files.
 * ============================================================================================ */

enum locust__figure_unit {
    LOCUST__FIGURE_UNIT_COUNT,
    LOCUST__FIGURE_UNIT_BYTES,
    LOCUST__FIGURE_UNIT_RATE,  // a second
    LOCUST__FIGURE_UNIT_TIME,  // nanoseconds; every writer prints milliseconds
    LOCUST__FIGURE_UNIT_SHARE, // 0 to 1
    LOCUST__FIGURE_UNITS
};

enum locust__figure_kind { // how its value is found
    LOCUST__FIGURE_OF_REQUESTS,
    LOCUST__FIGURE_OF_FAILURES,
    LOCUST__FIGURE_OF_FAIL_RATIO,
    LOCUST__FIGURE_OF_RPS,
    LOCUST__FIGURE_OF_FPS,
    LOCUST__FIGURE_OF_BYTES,
    LOCUST__FIGURE_OF_SIZE,
    LOCUST__FIGURE_OF_MIN,
    LOCUST__FIGURE_OF_AVG,
    LOCUST__FIGURE_OF_MAX,
    LOCUST__FIGURE_OF_MEDIAN,     // of the whole run, even where percentiles are recent ones
    LOCUST__FIGURE_OF_PERCENTILE, // of the view's recent times, or of the whole run
    LOCUST__FIGURE_OF_INTENDED,   // a percentile of the times from the intended start
    LOCUST__FIGURE_OF_INTENDED_MAX,
    LOCUST__FIGURE_OF_PHASE_COUNT, // requests in which the view's phase happened
    LOCUST__FIGURE_OF_PHASE,       // a percentile of that phase
    LOCUST__FIGURE_OF_PHASE_MAX,
    LOCUST__FIGURE_OF_SHED, // arrivals of the whole test, whatever the row
};

/* Id, unit, kind, share of a percentile; name in JSON and checks, key in compact lines, title in
 * tables, title in CSV files. "": no writer of that form shows it. */
// clang-format off
#define LOCUST__FIGURES_ALL(X) \
    X(REQUESTS,     COUNT, REQUESTS,     0,       "requests", "reqs", "# reqs", "Request Count") \
    X(FAILURES,     COUNT, FAILURES,     0,       "failures", "fails", "# fails", "Failure Count") \
    X(FAIL_RATIO,   SHARE, FAIL_RATIO,   0,       "fail_ratio", "", "", "") \
    X(RPS,          RATE,  RPS,          0,       "rps", "rps", "req/s", "Requests/s") \
    X(FPS,          RATE,  FPS,          0,       "fps", "fps", "failures/s", "Failures/s") \
    X(BYTES,        BYTES, BYTES,        0,       "bytes", "", "", "") \
    X(SIZE,         BYTES, SIZE,         0,       "", "", "", "Average Content Size") \
    X(MIN,          TIME,  MIN,          0,       "min", "", "Min", "Min Response Time") \
    X(AVG,          TIME,  AVG,          0,       "avg", "avg", "Avg", "Average Response Time") \
    X(MAX,          TIME,  MAX,          0,       "max", "max", "Max", "Max Response Time") \
    X(MEDIAN,       TIME,  MEDIAN,       0.5,     "", "", "Med", "Median Response Time") \
    X(P50,          TIME,  PERCENTILE,   0.5,     "50", "p50", "50%", "50%") \
    X(P66,          TIME,  PERCENTILE,   0.66,    "66", "", "66%", "66%") \
    X(P75,          TIME,  PERCENTILE,   0.75,    "75", "", "75%", "75%") \
    X(P80,          TIME,  PERCENTILE,   0.8,     "80", "", "80%", "80%") \
    X(P90,          TIME,  PERCENTILE,   0.9,     "90", "", "90%", "90%") \
    X(P95,          TIME,  PERCENTILE,   0.95,    "95", "p95", "95%", "95%") \
    X(P98,          TIME,  PERCENTILE,   0.98,    "98", "", "98%", "98%") \
    X(P99,          TIME,  PERCENTILE,   0.99,    "99", "p99", "99%", "99%") \
    X(P99_9,        TIME,  PERCENTILE,   0.999,   "99.9", "", "99.9%", "99.9%") \
    X(P99_99,       TIME,  PERCENTILE,   0.9999,  "99.99", "", "99.99%", "99.99%") \
    X(P99_999,      TIME,  PERCENTILE,   0.99999, "99.999", "", "", "") \
    X(P100,         TIME,  PERCENTILE,   1,       "100", "max", "100%", "100%") \
    X(INTENDED_P50, TIME,  INTENDED,     0.5,     "", "intended_p50", "int. 50%", "") \
    X(INTENDED_P99, TIME,  INTENDED,     0.99,    "", "intended_p99", "int. 99%", "") \
    X(INTENDED_MAX, TIME,  INTENDED_MAX, 0,       "", "intended_max", "int. 100%", "") \
    X(PHASE_COUNT,  COUNT, PHASE_COUNT,  0,       "", "n", "# reqs", "") \
    X(PHASE_P50,    TIME,  PHASE,        0.5,     "", "p50", "50%", "") \
    X(PHASE_P95,    TIME,  PHASE,        0.95,    "", "p95", "95%", "") \
    X(PHASE_P99,    TIME,  PHASE,        0.99,    "", "p99", "99%", "") \
    X(PHASE_MAX,    TIME,  PHASE_MAX,    0,       "", "max", "100%", "") \
    X(SHED,         COUNT, SHED,         0,       "shed", "", "", "")
// clang-format on

#define LOCUST__FIGURES_ID(id, unit, kind, share, name, key, title, csv) LOCUST__FIGURE_##id,
typedef enum locust__figure_id { LOCUST__FIGURES_ALL(LOCUST__FIGURES_ID) } locust__figure_id;
#undef LOCUST__FIGURES_ID

typedef enum locust__figure_word {
    LOCUST__FIGURE_NAME,
    LOCUST__FIGURE_KEY,
    LOCUST__FIGURE_TITLE,
    LOCUST__FIGURE_CSV_TITLE
} locust__figure_word;

typedef struct locust__figure {
    const char *words; // one behind the other: a pointer for each would cost a program 3 KB
    enum locust__figure_unit unit;
    enum locust__figure_kind kind;
    double share;
} locust__figure;

#define LOCUST__FIGURES_ROW(id, unit, kind, share, name, key, title, csv)                     \
    {name "\0" key "\0" title "\0" csv, LOCUST__FIGURE_UNIT_##unit, LOCUST__FIGURE_OF_##kind, \
        share},
static const locust__figure locust__figures[] = {LOCUST__FIGURES_ALL(LOCUST__FIGURES_ROW)};
#undef LOCUST__FIGURES_ROW

/* What a figure is called by a kind of writer. */
static const char *locust__figures_word(locust__figure_id id, locust__figure_word which)
{
    const char *word = locust__figures[id].words;
    for (int i = 0; i < (int)which; i++)
        word += strlen(word) + 1;
    return word;
}

/* Locust's percentiles, for lists of columns. */
#define LOCUST__FIGURES_PERCENTILES                                                     \
    LOCUST__FIGURE_P50, LOCUST__FIGURE_P66, LOCUST__FIGURE_P75, LOCUST__FIGURE_P80,     \
        LOCUST__FIGURE_P90, LOCUST__FIGURE_P95, LOCUST__FIGURE_P98, LOCUST__FIGURE_P99, \
        LOCUST__FIGURE_P99_9, LOCUST__FIGURE_P99_99, LOCUST__FIGURE_P100

enum locust__figures_rates {  // what requests and failures a second are of
    LOCUST__FIGURES_CURRENT,  // the last ten seconds
    LOCUST__FIGURES_ANSWERED, // from the start to the last answer, as Locust's
    LOCUST__FIGURES_MEASURED, // from the start to the end, answered or not
};

typedef struct locust__figures_view { // what a report is made of
    const locust_env *env;
    int64_t now_ns; // for current rates
    enum locust__figures_rates rates;
    const locust__hist *recent; // what percentiles are of; NULL: all times of the row
    const locust__phase *phase; // what PHASE_ figures are of
} locust__figures_view;

/* Requests or failures a second. */
static double locust__figures_rate(
    const locust__figures_view *v, const locust__entry *row, enum locust__figure_kind kind)
{
    const locust__request_stats *st = &v->env->stats;
    double rps = 0, fps = 0;
    switch (v->rates) {
    case LOCUST__FIGURES_CURRENT:
        locust__stats_current_rates(st, row, v->now_ns, &rps, &fps);
        break;
    case LOCUST__FIGURES_ANSWERED:
        locust__stats_rates(st, row, &rps, &fps);
        break;
    case LOCUST__FIGURES_MEASURED:
        locust__generator_rates(v->env, row, &rps, &fps);
        break;
    }
    return kind == LOCUST__FIGURE_OF_RPS ? rps : fps;
}

/* A percentile of a phase; share NULL: its maximum. */
static bool locust__figures_find_phase(
    const locust__phase *phase, const double *share, double *value)
{
    if (!phase || !phase->hist.total)
        return false;
    *value = (double)(share ? locust__phase_percentile_ns(phase, *share) : phase->max_ns);
    return true;
}

/* Finds the value of a figure; `share`: of a percentile, which need not be the figure's own.
 * False if nothing was measured that it could be of, and *value is 0: a time, a share or a size
 * of nothing is unknown, while counts and rates of nothing are 0. */
static bool locust__figures_find(const locust__figures_view *v, const locust__entry *row,
    locust__figure_id id, double share, double *value)
{
    bool any = row->requests > 0;
    double requests = any ? (double)row->requests : 1;
    *value = 0;
    switch (locust__figures[id].kind) {
    case LOCUST__FIGURE_OF_REQUESTS:
        *value = (double)row->requests;
        return true;
    case LOCUST__FIGURE_OF_FAILURES:
        *value = (double)row->failures;
        return true;
    case LOCUST__FIGURE_OF_FAIL_RATIO:
        *value = (double)row->failures / requests;
        return any;
    case LOCUST__FIGURE_OF_RPS:
    case LOCUST__FIGURE_OF_FPS:
        *value = locust__figures_rate(v, row, locust__figures[id].kind);
        return true;
    case LOCUST__FIGURE_OF_BYTES:
        *value = (double)row->bytes;
        return true;
    case LOCUST__FIGURE_OF_SIZE:
        *value = (double)row->bytes / requests;
        return any;
    case LOCUST__FIGURE_OF_MIN:
        *value = any ? (double)row->min_ns : 0;
        return any;
    case LOCUST__FIGURE_OF_AVG:
        *value = locust__entry_mean_ns(row);
        return any;
    case LOCUST__FIGURE_OF_MAX:
        *value = (double)row->max_ns;
        return any;
    case LOCUST__FIGURE_OF_PERCENTILE:
        *value = (double)(v->recent ? locust__hist_percentile_ns(v->recent, share)
                                    : locust__entry_percentile_ns(row, share));
        return any;
    case LOCUST__FIGURE_OF_MEDIAN:
        *value = (double)locust__entry_percentile_ns(row, share);
        return any;
    case LOCUST__FIGURE_OF_INTENDED:
        return locust__figures_find_phase(row->intended, &share, value);
    case LOCUST__FIGURE_OF_INTENDED_MAX:
        return locust__figures_find_phase(row->intended, NULL, value);
    case LOCUST__FIGURE_OF_PHASE:
        return locust__figures_find_phase(v->phase, &share, value);
    case LOCUST__FIGURE_OF_PHASE_MAX:
        return locust__figures_find_phase(v->phase, NULL, value);
    case LOCUST__FIGURE_OF_PHASE_COUNT:
        *value = v->phase ? (double)v->phase->hist.total : 0;
        return true;
    case LOCUST__FIGURE_OF_SHED:
        *value = (double)locust__usage_arrivals(v->env).shed;
        return true;
    }
    return false;
}

static double locust__figures_value(
    const locust__figures_view *v, const locust__entry *row, locust__figure_id id)
{
    double value;
    locust__figures_find(v, row, id, locust__figures[id].share, &value);
    return value;
}

enum locust__figures_style {
    LOCUST__FIGURES_IN_TABLE,
    LOCUST__FIGURES_IN_LINE, // compact
    LOCUST__FIGURES_IN_JSON,
};

/* Prints a figure, times in milliseconds. In a table a time takes nine characters at most: it is
 * cut to whole nanoseconds, and has no decimals from 100 s on. */
static const char *locust__figures_format(
    char *out, size_t size, enum locust__figures_style style, locust__figure_id id, double value)
{
    static const unsigned char decimals[][LOCUST__FIGURE_UNITS] = {
        // of counts, bytes, rates, times, shares
        [LOCUST__FIGURES_IN_TABLE] = {0, 0, 2, 3, 2},
        [LOCUST__FIGURES_IN_LINE] = {0, 0, 1, 3, 3},
        [LOCUST__FIGURES_IN_JSON] = {0, 0, 3, 3, 6},
    };
    enum locust__figure_unit unit = locust__figures[id].unit;
    int digits = decimals[style][unit];
    if (unit == LOCUST__FIGURE_UNIT_TIME) {
        if (style == LOCUST__FIGURES_IN_TABLE) {
            value = (double)(int64_t)value;
            digits = value < 100e9 ? digits : 0;
        }
        value /= 1e6;
    }
    snprintf(out, size, "%.*f", digits, value);
    return out;
}

/* A time of the wall clock, as Locust's reports print it: 2026-11-30T01:02:03Z. */
static void locust__figures_time(locust__buf *out, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / LOCUST__S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    locust__buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Sorts rows by name and method (Shell 1959): 10,000 in 3 ms. musl's qsort takes three times as
 * long, and 1.7 KB of program. */
static void locust__figures_sort(locust__entry **rows, size_t n)
{
    for (size_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < n; i++) {
            locust__entry *row = rows[i];
            size_t at = i;
            for (; at >= gap && locust__entry_after(rows[at - gap], row); at -= gap)
                rows[at] = rows[at - gap];
            rows[at] = row;
        }
}

/* The rows in order of name and method, then the total; *n counts all of them. The caller frees the
 * array. NULL: no memory. */
static locust__entry **locust__figures_rows(locust__request_stats *st, size_t *n)
{
    locust__entry **rows = LOCUST_MALLOC((st->n_entries + 2) * sizeof *rows), *row;
    *n = 0;
    if (!rows)
        return NULL;
    while ((row = locust__stats_entry_at(st, *n)) != NULL)
        rows[(*n)++] = row;
    locust__figures_sort(rows, *n);
    rows[(*n)++] = &st->total;
    return rows;
}
/* ============================================================================================
 * >>check  checks
 *
 * Purpose     are the figures good enough? p99<250ms; fail_ratio<1% /cart: of the total, or of the
 *             rows of a name.
 * Invariants  a check for which nothing was measured does not hold.
 * Names       locust__check_ locust__checks_
 * Uses        >>entry >>stats >>figures
 * ============================================================================================ */

/* What a check can be about, by its name, beside percentiles. */
static const locust__figure_id locust__check_figures[] = {LOCUST__FIGURE_MIN, LOCUST__FIGURE_AVG,
    LOCUST__FIGURE_MAX, LOCUST__FIGURE_FAIL_RATIO, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS,
    LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES, LOCUST__FIGURE_SHED};

typedef struct locust__check {
    char *text;       // as it was given; owned
    const char *name; // of the row, within text; "": the total
    locust__figure_id figure;
    double share;      // of a percentile
    bool above, equal; // > or >=, <= or >=
    double limit;      // ms, a share, a number or a number a second
    double value;      // what was measured
    bool measured, held;
} locust__check;

typedef struct locust__checks {
    locust__check *all;
    size_t n, cap;
} locust__checks;

static enum locust__figure_unit locust__check_unit(const locust__check *c)
{
    return locust__figures[c->figure].unit;
}

/* Reads p99.9 as 0.999. False: it is no percentile. */
static bool locust__check_share(locust__view text, double *share)
{
    const char *p = text.ptr + 1;
    if (text.len < 2 || *text.ptr != 'p' || !locust__text_is_digit(*p))
        return false;
    *share = locust__number_decimal(&p) / 100;
    return p == text.ptr + text.len && *share <= 1;
}

/* Finds the figure of a name: min, p99, intended_p50. False: there is no such figure. */
static bool locust__check_metric(locust__check *c, locust__view name)
{
    static const char intended[] = "intended_";
    const size_t n = sizeof intended - 1;
    c->share = 0.5;
    c->figure = LOCUST__FIGURE_P50;
    if (locust__view_is(name, "med") || locust__check_share(name, &c->share))
        return true;
    for (size_t i = 0; i < sizeof locust__check_figures / sizeof *locust__check_figures; i++) {
        c->figure = locust__check_figures[i];
        if (locust__view_is(name, locust__figures_word(c->figure, LOCUST__FIGURE_NAME)))
            return true;
    }
    c->figure = LOCUST__FIGURE_INTENDED_P50;
    return name.len > n && memcmp(name.ptr, intended, n) == 0 &&
           locust__check_share((locust__view){name.ptr + n, name.len - n}, &c->share);
}

/* What turns a limit into milliseconds, shares or plain numbers; 0: the figure has no such unit. */
static double locust__check_scale(const locust__check *c, locust__view unit)
{
    switch (locust__check_unit(c)) {
    case LOCUST__FIGURE_UNIT_TIME:
        return !unit.len || locust__view_is(unit, "ms") ? 1
               : locust__view_is(unit, "s")             ? 1000
               : locust__view_is(unit, "us")            ? 0.001
                                                        : 0;
    case LOCUST__FIGURE_UNIT_SHARE:
        return !unit.len ? 1 : locust__view_is(unit, "%") ? 0.01 : 0;
    case LOCUST__FIGURE_UNIT_RATE:
        return !unit.len || locust__view_is(unit, "/s");
    case LOCUST__FIGURE_UNIT_COUNT:
    case LOCUST__FIGURE_UNIT_BYTES:
    case LOCUST__FIGURE_UNITS:
        break;
    }
    return !unit.len;
}

/* Reads METRIC<LIMIT[UNIT] [NAME] from c->text. False: it has another form. */
static bool locust__check_parse(locust__check *c)
{
    const char *p = c->text, *end;
    size_t n = strcspn(p, "<>= \t");
    double unit;
    if (!locust__check_metric(c, (locust__view){p, n}))
        return false;
    p += n + strspn(p + n, " \t");
    c->above = *p == '>';
    if (*p != '<' && *p != '>')
        return false;
    c->equal = *++p == '=';
    p += c->equal;
    p += strspn(p, " \t");
    end = p;
    c->limit = locust__number_decimal(&end);
    if (c->limit < 0)
        return false;
    n = strcspn(end, " \t");
    if (!n && end[strspn(end, " \t")] == '%') { // "1 %"
        end += strspn(end, " \t");
        n = 1;
    }
    unit = locust__check_scale(c, (locust__view){end, n});
    c->limit *= unit;
    c->name = end + n + strspn(end + n, " \t");
    return unit > 0;
}

static void locust__checks_free(locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++)
        LOCUST_FREE(checks->all[i].text);
    LOCUST_FREE(checks->all);
    memset(checks, 0, sizeof *checks);
}

/* Adds the checks of a list, separated by ';'. NULL; or the first wrong one; or "": no memory. */
static const char *locust__checks_read(locust__checks *checks, const char *list)
{
    while (list && *list) {
        size_t n;
        locust__check *all, *c;
        list += strspn(list, "; \t");
        n = strcspn(list, ";");
        while (n && (list[n - 1] == ' ' || list[n - 1] == '\t'))
            n--;
        if (!n)
            continue;
        all = locust__memory_grow(checks->all, sizeof *all, checks->n, &checks->cap);
        if (!all)
            return "";
        checks->all = all;
        c = &all[checks->n];
        *c = (locust__check){.text = locust__text_copy(list, n)};
        if (!c->text)
            return "";
        checks->n++;
        if (!locust__check_parse(c))
            return c->text;
        list += strcspn(list, ";");
    }
    return NULL;
}

/* What was measured of a row, in the unit of limits. False: nothing was. */
static bool locust__check_measure(
    const locust_env *env, const locust__check *c, const locust__entry *row, double *value)
{
    locust__figures_view v = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    bool any = locust__figures_find(&v, row, c->figure, c->share, value);
    if (locust__check_unit(c) == LOCUST__FIGURE_UNIT_TIME)
        *value /= 1e6;
    return any;
}

/* Is the row asked for, by its name or by method and name? */
static bool locust__check_names(const locust__check *c, const locust__entry *row)
{
    size_t n = strlen(row->method);
    return strcmp(row->name, c->name) == 0 ||
           (strncmp(c->name, row->method, n) == 0 && c->name[n] == ' ' &&
               strcmp(c->name + n + 1, row->name) == 0);
}

static bool locust__check_holds(const locust__check *c, double value)
{
    if (c->above)
        return c->equal ? value >= c->limit : value > c->limit;
    return c->equal ? value <= c->limit : value < c->limit;
}

/* Holds it against what was measured so far; of several rows with its name, the worst. */
static void locust__check_judge(locust_env *env, locust__check *c)
{
    const locust__entry *row = &env->stats.total;
    c->measured = c->held = false;
    for (size_t i = 0; row; i++) {
        double value = 0;
        bool asked = row == &env->stats.total ? !*c->name : locust__check_names(c, row);
        if (asked && locust__check_measure(env, c, row, &value) &&
            (!c->measured || (c->above ? value < c->value : value > c->value))) {
            c->value = value;
            c->measured = true;
        }
        row = *c->name ? locust__stats_entry_at(&env->stats, i) : NULL;
    }
    c->held = c->measured && locust__check_holds(c, c->value);
}

/* Judges all checks as of now. True if all of them hold. */
static bool locust__checks_judge(locust_env *env, locust__checks *checks)
{
    bool all = true;
    for (size_t i = 0; i < checks->n; i++) {
        locust__check_judge(env, &checks->all[i]);
        all &= checks->all[i].held;
    }
    return all;
}

/* The first check that is broken, but for those that more requests or failures may still mend;
 * NULL: none is. */
static const locust__check *locust__checks_broken(locust_env *env, locust__checks *checks)
{
    locust__checks_judge(env, checks);
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        bool grows = locust__check_unit(c) == LOCUST__FIGURE_UNIT_COUNT;
        if (c->measured && !c->held && !(grows && c->above))
            return c;
    }
    return NULL;
}

/* True if a check of the total limits failures: then failures alone do not decide the exit code. */
static bool locust__checks_allow_failures(const locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (!*c->name &&
            (c->figure == LOCUST__FIGURE_FAIL_RATIO || c->figure == LOCUST__FIGURE_FAILURES ||
                c->figure == LOCUST__FIGURE_FPS))
            return true;
    }
    return false;
}

/* What was measured, with its unit, perhaps in `out`. */
static const char *locust__check_value(const locust__check *c, char *out, size_t size)
{
    if (!c->measured)
        return "nothing measured";
    switch (locust__check_unit(c)) {
    case LOCUST__FIGURE_UNIT_TIME:
        snprintf(out, size, "%.3f ms", c->value);
        break;
    case LOCUST__FIGURE_UNIT_SHARE:
        snprintf(out, size, "%.3f %%", 100 * c->value);
        break;
    case LOCUST__FIGURE_UNIT_RATE:
        snprintf(out, size, "%.2f/s", c->value);
        break;
    case LOCUST__FIGURE_UNIT_COUNT:
    case LOCUST__FIGURE_UNIT_BYTES:
    case LOCUST__FIGURE_UNITS:
        snprintf(out, size, "%.0f", c->value);
        break;
    }
    return out;
}
/* ============================================================================================
 * >>baseline  comparison with an earlier run
 *
 * Purpose     compares this run with the --summary of an earlier one: which rows became slower, by
 *             more than chance and the margin explain, and which came or went?
 * Invariants  what a summary of this header holds can be read back, whatever its names, its size
 *             and its version: a text is compared as the summary has it, in valid UTF-8.
 * Cost        linear in the size of the file and in the rows.
 * Names       locust__baseline_ locust__change_ locust__earlier_
 * Uses        >>entry >>stats >>json >>generator
 * Sources     confidence bounds of percentiles: the binomial distribution of ranks, as a normal one
 *             (Hahn and Meeker, Statistical Intervals, 5.2). Shares of failures: the exact test of
 *             a table of two by two (Fisher, Statistical Methods for Research Workers, 21.02).
 * Limits      the tests take requests as independent of each other. What differs between runs as a
 *             whole (clock rate, neighbours) is in no one run: hence the margin beside them.
 * ============================================================================================ */

enum locust__change {
    LOCUST__CHANGE_SAME,
    LOCUST__CHANGE_SLOWER,
    LOCUST__CHANGE_FASTER,
    LOCUST__CHANGE_NEW,  // the earlier run had no such row
    LOCUST__CHANGE_GONE, // this run has none
};

static const char *const locust__change_names[] = {"same", "slower", "faster", "new", "gone"};

typedef struct locust__earlier { // a row of the earlier run, with the one of this run
    char *name;                  // method and name as in a summary; owned
    uint64_t hash;               // of it
    size_t next;                 // row with a hash of the same bucket, + 1; 0: none
    const locust__entry *row;    // NULL: this run has no such row
    uint64_t requests, failures;
    double rps;
    locust__hist hist;
    enum locust__change change;
    char why[128]; // what changed most
} locust__earlier;

typedef struct locust__baseline {
    locust__earlier *rows; // the total is the last
    size_t n, cap;
    size_t *buckets; // row + 1 by its hash; as many as there are rows
    size_t n_buckets;
    bool worse; // one of the rows is slower
} locust__baseline;

static void locust__baseline_free(locust__baseline *b)
{
    for (size_t i = 0; i < b->n; i++) {
        locust__hist_free(&b->rows[i].hist);
        LOCUST_FREE(b->rows[i].name);
    }
    LOCUST_FREE(b->rows);
    LOCUST_FREE(b->buckets);
    memset(b, 0, sizeof *b);
}

/* The pairs [microseconds, count] of a histogram. False: no memory. */
static bool locust__earlier_histogram(locust__hist *h, locust__view pairs)
{
    const char *p = pairs.ptr, *end = pairs.ptr + pairs.len;
    while (p < end) {
        int64_t us = locust__number_whole(&p), count;
        if (us < 0) {
            p++; // a bracket, a comma, a blank
            continue;
        }
        while (p < end && !locust__text_is_digit(*p))
            p++;
        count = locust__number_whole(&p);
        us = us < LOCUST__HIST_MAX_US ? us : LOCUST__HIST_MAX_US; // a bucket's middle may lie above
        if (count > 0 && !locust__hist_record_many(h, us * 1000, (uint64_t)count))
            return false;
    }
    return true;
}

/* Makes the name of a row of two strings of JSON. NULL, or what is wrong. */
static const char *locust__earlier_name(
    locust__earlier *earlier, locust__view method, locust__view name)
{
    size_t used = 0;
    earlier->name = LOCUST_MALLOC(method.len + name.len); // no escape is shorter than what it says
    if (!earlier->name)
        return "out of memory";
    if (!locust__json_decode(method, earlier->name, method.len))
        return "it is no file of --summary";
    used = strlen(earlier->name);
    if (used)
        earlier->name[used++] = ' ';
    if (!locust__json_decode(name, earlier->name + used, name.len))
        return "it is no file of --summary";
    earlier->hash = locust__text_hash(0, earlier->name, strlen(earlier->name));
    return NULL;
}

static uint64_t locust__earlier_count(locust__view value)
{
    int64_t n = locust__number_whole(&value.ptr);
    return n > 0 ? (uint64_t)n : 0;
}

/* A new row before the total, or as the total. NULL: no memory. */
static locust__earlier *locust__baseline_add(locust__baseline *b)
{
    locust__earlier *rows = locust__memory_grow(b->rows, sizeof *rows, b->n, &b->cap);
    if (!rows)
        return NULL;
    b->rows = rows;
    memset(&rows[b->n], 0, sizeof *rows);
    return &rows[b->n++];
}

/* Takes over a row of a summary. Members that are missing are 0; those that are unknown are of
 * other versions. NULL, or what is wrong. */
static const char *locust__baseline_take(locust__baseline *b, locust__view object)
{
    locust__view key, value, name = {NULL, 0}, pairs = {NULL, 0}, method = {NULL, 0};
    locust__earlier *earlier = locust__baseline_add(b);
    const char *wrong;
    if (!earlier)
        return "out of memory";
    for (const char *p = NULL;
         *object.ptr == '{' && locust__json_member(object, &p, &key, &value);) {
        if (locust__view_is(key, "method"))
            method = value;
        else if (locust__view_is(key, "name"))
            name = value;
        else if (locust__view_is(key, "histogram_us"))
            pairs = value;
        else if (locust__view_is(key, "requests"))
            earlier->requests = locust__earlier_count(value);
        else if (locust__view_is(key, "failures"))
            earlier->failures = locust__earlier_count(value);
        else if (locust__view_is(key, "rps"))
            earlier->rps = locust__number_decimal(&value.ptr);
    }
    if (!method.len || !name.len || !pairs.len)
        return "it is no file of --summary";
    wrong = locust__earlier_name(earlier, method, name);
    if (!wrong && !locust__earlier_histogram(&earlier->hist, pairs))
        wrong = "out of memory";
    return wrong;
}

/* Reads a summary. NULL, or what is wrong with it. */
static const char *locust__baseline_read(locust__baseline *b, const char *path)
{
    locust__buf file = locust__os_read_file(path, SIZE_MAX);
    locust__view text = {file.ptr, file.len}, rows = {NULL, 0}, row;
    const char *wrong = NULL, *p = NULL;
    if (!file.len || file.failed)
        wrong = "it cannot be read";
    else if (!locust__json_is_valid(text) || !locust__json_find(text, "rows", &rows) ||
             *rows.ptr != '[')
        wrong = "it is no file of --summary";
    while (!wrong && locust__json_element(rows, &p, &row))
        wrong = locust__baseline_take(b, row);
    if (!wrong)
        wrong = locust__json_find(text, "total", &row) ? locust__baseline_take(b, row)
                                                       : "it is no file of --summary";
    locust__buf_free(&file);
    return wrong;
}

/* 99.9 % confidence bounds of a percentile. With few requests the upper bound of a high
 * percentile is infinite. */
static void locust__baseline_bounds(const locust__hist *h, double share, double *low, double *high)
{
    double n = (double)h->total, off = 3.3 * locust__number_sqrt(share * (1 - share) / n);
    double below = share - off - 1 / n, above = share + off + 1 / n;
    *low = below > 0 ? (double)locust__hist_percentile_ns(h, below) : 0;
    *high = above < 1 ? (double)locust__hist_percentile_ns(h, above) : 1e18;
}

/* The odds that chance alone dealt this run k of all failures, or more: n requests of this run and
 * was_n of the earlier one, was_k of which failed, are shuffled (the hypergeometric distribution).
 * Each term follows from the one beside it, and only their ratio counts: k's is taken as 1. */
static double locust__baseline_chance(double k, double n, double was_k, double was_n)
{
    double all = k + was_k, term = 1, more = 1, fewer = 0;
    for (double x = k; x < n && x < all && term > 1e-18 * more; x++)
        more += term *= (n - x) * (all - x) / ((x + 1) * (was_n - all + x + 1));
    term = 1;
    for (double x = k; x > 0 && was_n - all + x > 0 && term > 1e-18 * fewer; x--) {
        fewer += term *= x * (was_n - all + x) / ((n - x + 1) * (all - x + 1));
        if (fewer > 1e30 * more)
            return 0; // there may be millions more of these terms
    }
    return more / (more + fewer);
}

static void locust__earlier_changed(
    locust__earlier *earlier, enum locust__change change, const char *what, double was, double is)
{
    if (earlier->change == LOCUST__CHANGE_SLOWER)
        return; // the first way in which it became slower is the one that is said
    earlier->change = change;
    snprintf(earlier->why, sizeof earlier->why, "%s %.3f, was %.3f", what, is, was);
}

/* Compares the times of a row with what they were. A figure changed if its bounds do not overlap
 * and it differs by more than `margin`, a share. */
static void locust__earlier_compare_times(locust__earlier *earlier, double margin)
{
    static const double shares[] = {0.5, 0.95, 0.99};
    static const char *const names[] = {"p50 ms", "p95 ms", "p99 ms"};
    for (int i = 0; i < 3; i++) {
        double was = (double)locust__hist_percentile_ns(&earlier->hist, shares[i]);
        double is = (double)locust__entry_percentile_ns(earlier->row, shares[i]);
        double low, high, was_low, was_high;
        locust__baseline_bounds(&earlier->row->hist, shares[i], &low, &high);
        locust__baseline_bounds(&earlier->hist, shares[i], &was_low, &was_high);
        if (low > was_high && is > was * (1 + margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, names[i], was / 1e6, is / 1e6);
        else if (high < was_low && is < was * (1 - margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_FASTER, names[i], was / 1e6, is / 1e6);
    }
}

/* Compares a row with what it was. It fails more if chance deals so many failures once in a
 * thousand times at most, and the share differs by more than the margin. */
static void locust__earlier_compare(locust__earlier *earlier, const locust_env *env, double margin)
{
    const locust__entry *row = earlier->row;
    double rps, fps, n = (double)row->requests, was_n = (double)earlier->requests;
    double failed = (double)row->failures, was_failed = (double)earlier->failures;
    earlier->change = LOCUST__CHANGE_SAME;
    if (!row->requests || !earlier->requests)
        return;
    if (earlier->hist.total)
        locust__earlier_compare_times(earlier, margin);
    locust__generator_rates(env, row, &rps, &fps);
    if (rps < earlier->rps * (1 - margin) &&
        earlier->rps - rps >
            3.3 * (rps / locust__number_sqrt(n) + earlier->rps / locust__number_sqrt(was_n)))
        locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, "requests/s", earlier->rps, rps);
    if (failed / n > was_failed / was_n * (1 + margin) &&
        locust__baseline_chance(failed, n, was_failed, was_n) < 0.001)
        locust__earlier_changed(
            earlier, LOCUST__CHANGE_SLOWER, "share of failures", was_failed / was_n, failed / n);
}

/* Makes the rows but for the total findable by their hash, the first of equal names first. */
static bool locust__baseline_index(locust__baseline *b)
{
    b->n_buckets = b->n;
    b->buckets = locust__memory_zalloc(b->n_buckets * sizeof *b->buckets);
    for (size_t i = b->n - 1; b->buckets && i-- > 0;) {
        size_t *bucket = &b->buckets[b->rows[i].hash % b->n_buckets];
        b->rows[i].next = *bucket;
        *bucket = i + 1;
    }
    return b->buckets != NULL;
}

/* The earlier row of a name that no row of this run has yet; NULL: there is none. */
static locust__earlier *locust__baseline_find(const locust__baseline *b, locust__view name)
{
    uint64_t hash = locust__text_hash(0, name.ptr, name.len);
    for (size_t i = b->buckets[hash % b->n_buckets]; i; i = b->rows[i - 1].next) {
        locust__earlier *earlier = &b->rows[i - 1];
        if (earlier->hash == hash && !earlier->row && locust__view_is(name, earlier->name))
            return earlier;
    }
    return NULL;
}

/* Adds a row that is new, before the total. False: no memory. */
static bool locust__baseline_add_new(locust__baseline *b, locust__view name)
{
    locust__earlier *total = locust__baseline_add(b), *row;
    if (!total)
        return false;
    row = total - 1;
    *total = *row;
    memset(row, 0, sizeof *row);
    row->name = locust__text_copy(name.ptr, name.len);
    row->change = LOCUST__CHANGE_NEW;
    return row->name != NULL;
}

/* Adds what a summary would have of a text. */
static void locust__baseline_put(locust__buf *out, const char *text)
{
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        locust__buf_add(out, c.ptr, c.len);
    }
}

/* Finds the rows of this run among the earlier ones; what is there in one of them alone is new or
 * gone. False: no memory. */
static bool locust__baseline_match(locust__baseline *b, locust__request_stats *st)
{
    locust__buf name = {NULL, 0, 0, false};
    const locust__entry *row;
    bool good = locust__baseline_index(b);
    for (size_t i = 0; good && (row = locust__stats_entry_at(st, i)) != NULL; i++) {
        locust__earlier *earlier;
        if (!row->requests)
            continue; // forgotten by a reset
        name.len = 0;
        locust__baseline_put(&name, row->method);
        locust__buf_puts(&name, *row->method ? " " : "");
        locust__baseline_put(&name, row->name);
        earlier = locust__baseline_find(b, (locust__view){name.ptr, name.len});
        if (earlier)
            earlier->row = row;
        else
            good = locust__baseline_add_new(b, (locust__view){name.ptr, name.len});
    }
    good &= !name.failed;
    locust__buf_free(&name);
    return good;
}

/* Compares this run with the earlier one, once. False: no memory. */
static bool locust__baseline_compare(locust__baseline *b, locust_env *env)
{
    double margin = env->options.baseline_margin > 0 ? env->options.baseline_margin / 100 : 0.05;
    if (!locust__baseline_match(b, &env->stats))
        return false;
    b->rows[b->n - 1].row = &env->stats.total;
    for (size_t i = 0; i < b->n; i++) {
        locust__earlier *earlier = &b->rows[i];
        if (earlier->row)
            locust__earlier_compare(earlier, env, margin);
        else if (earlier->requests)
            earlier->change = LOCUST__CHANGE_GONE;
        b->worse |= earlier->change == LOCUST__CHANGE_SLOWER;
    }
    return true;
}
/* ============================================================================================
 * >>find  --find-max
 *
 * Purpose     searches for the highest rate of arrivals at which the checks hold: doubles the rate
 *             until they break, then halves the gap. Says what it found, and what it tried.
 * Invariants  a rate that is reported as found held twice, or once in a run that ended too soon.
 * Cost        a step (5 s by default) and a quarter for each rate, and waits after rates that
 *             broke.
 * Names       locust__find_
 * Uses        >>co >>switch >>class >>env >>usage >>warm_up >>generator >>check
 * ============================================================================================ */

typedef struct locust__find_tried { // a rate that was tried
    double rate;
    bool held;
    char why[240]; // the check that decided, with what was measured; or what else broke
} locust__find_tried;

typedef struct locust__find {
    locust_env *env;
    locust__checks checks;
    double base;               // arrivals a second that the test itself asks for
    double good, bad;          // the highest rate that held, the lowest that did not; 0: none
    double once;               // the highest that held, if none held a second time; 0: one did
    bool again;                // the one that was found held a second time
    locust__find_tried *tried; // in order
    size_t n_tried, cap_tried;
} locust__find;

static void locust__find_free(locust__find *f)
{
    locust__checks_free(&f->checks);
    LOCUST_FREE(f->tried);
    f->tried = NULL;
    f->n_tried = f->cap_tried = 0;
}

/* Arrivals a second of all classes together. */
static double locust__find_base(const locust_env *env)
{
    double sum = 0;
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *o = env->classes[i].arrivals;
        if (o)
            sum += o->as.rate > 0 ? o->as.rate : env->options.rate * o->share;
    }
    return sum;
}

static int64_t locust__find_step_ns(const locust__find *f)
{
    double step_s = f->env->options.find_step_s;
    return locust__time_ns(step_s > 0 ? step_s : 5);
}

/* Lets a rate run for some quarters of a step. False: the test ends. */
static bool locust__find_run(locust__find *f, double rate, int quarters) LOCUST__PARKS
{
    locust_env *env = f->env;
    int64_t now = locust__loop_clock(&env->loop),
            end = now + locust__find_step_ns(f) / 4 * quarters;
    if (env->stop_requested || env->until.at_ns || end > env->end_ns)
        return false; // what is left would not be a whole trial: keep the last figures
    env->pace = rate / f->base;
    locust__warm_up_count_from(env, now);
    locust__usage_watch(env);
    return locust__co_sleep(&env->loop, end) != LOCUST__WAKE_CANCELLED && !env->stop_requested;
}

/* Says why a rate held or did not. `shed`, `started`: of the arrivals of the trial. */
static void locust__find_explain(
    const locust__find *f, locust__find_tried *t, uint64_t shed, double started)
{
    const locust__check *c = f->checks.all;
    locust_generator g = locust__generator_judge(f->env);
    char value[32];
    while (c + 1 < f->checks.all + f->checks.n && c->held)
        c++; // the first that broke, or the last one
    if (!t->held && c->held && shed)
        snprintf(t->why, sizeof t->why, "%llu arrivals were shed", (unsigned long long)shed);
    else if (!t->held && c->held)
        snprintf(t->why, sizeof t->why, "%.0f %% of the arrivals were started", 100 * started);
    else
        snprintf(
            t->why, sizeof t->why, "%s: %s", c->text, locust__check_value(c, value, sizeof value));
    if (!t->held && !shed && !g.ok)
        snprintf(t->why + strlen(t->why), sizeof t->why - strlen(t->why),
            "; the generator was limited by %s", g.limits);
}

/* Tries a rate: a quarter of a step to settle, then a step that is judged. It holds if the
 * checks do, no arrival was shed and nine of ten of those due were started. False: the test
 * ends. */
static bool locust__find_try(locust__find *f, double rate, bool *held) LOCUST__PARKS
{
    locust_env *env = f->env;
    locust_arrival_counts before, now;
    locust__find_tried t = {.rate = rate}, *tried;
    double due, started;
    if (locust__time_after(locust__os_now_ns(), locust__find_step_ns(f) / 4 * 5) > env->end_ns ||
        !locust__find_run(f, rate, 1))
        return false;
    before = locust__usage_arrivals(env);
    if (!locust__find_run(f, rate, 4))
        return false;
    now = locust__usage_arrivals(env);
    due = (double)(now.scheduled - before.scheduled);
    started = due > 0 ? (double)(now.started - before.started) / due : 0;
    *held = t.held =
        locust__checks_judge(env, &f->checks) && now.shed == before.shed && started > 0.9;
    locust__find_explain(f, &t, now.shed - before.shed, started);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
        "find-max: %.1f arrivals/s %s: %s", rate, *held ? "hold" : "do not hold", t.why);
    tried = locust__memory_grow(f->tried, sizeof *tried, f->n_tried, &f->cap_tried);
    if (tried) {
        f->tried = tried;
        tried[f->n_tried++] = t;
    }
    return true;
}

/* After a rate that was too high: runs half of a good rate until the checks hold again, so that
 * what piled up in the server does not spoil the next trial. Gives up after ten steps. */
static bool locust__find_recover(locust__find *f) LOCUST__PARKS
{
    for (int i = 0; i < 40; i++) {
        if (!locust__find_run(f, f->good / 2, 1))
            return false;
        if (locust__checks_judge(f->env, &f->checks))
            return true;
    }
    return true;
}

/* Doubles the rate until it breaks, then tries the geometric mean of the best good rate and the
 * lowest bad one, until they are within 5 %. */
static void locust__find_search(locust__find *f) LOCUST__PARKS
{
    double rate = f->base;
    bool held;
    while (locust__find_try(f, rate, &held)) {
        if (held)
            f->good = rate;
        else
            f->bad = rate;
        if (!(f->good > 0) || rate > 1e7 || (f->bad > 0 && f->bad <= 1.05 * f->good))
            return;
        if (!held && !locust__find_recover(f))
            return;
        rate = f->bad > 0 ? locust__number_sqrt(f->good * f->bad) : 2 * rate;
    }
}

/* A coroutine: searches, then runs the rate that it found once more, so that the final report is
 * about that rate. If it does not hold this time, 5 % less is tried, up to ten times. */
static void locust__find_main(void *arg)
{
    locust__find *f = arg;
    f->base = locust__find_base(f->env);
    locust__find_search(f);
    f->once = f->good;
    for (int i = 0; i < 10 && f->good > 0 && !f->again; i++) {
        if (!locust__find_recover(f) || !locust__find_try(f, f->good, &f->again))
            break;
        if (!f->again) {
            f->bad = f->good;
            f->good = i < 9 ? f->good * 0.95 : 0;
        }
    }
    if (f->good > 0)
        f->once = 0;
    locust__env_request_stop(f->env);
}

/* The trial that says what the limit is: of the lowest rate that did not hold; NULL: all held. */
static const locust__find_tried *locust__find_broke(const locust__find *f)
{
    for (size_t i = f->n_tried; i-- > 0;)
        if (!f->tried[i].held && f->tried[i].rate <= f->bad)
            return &f->tried[i];
    return NULL;
}

/* What was found, as one sentence. */
static void locust__find_line(const locust__find *f, char *out, size_t size)
{
    const locust__find_tried *broke = locust__find_broke(f);
    const char *checks = f->env->options.find_max, *why = broke ? broke->why : "";
    if (!f->n_tried)
        snprintf(out, size, "find-max: the run ended before a rate was tried");
    else if (f->once > 0)
        snprintf(out, size,
            "find-max: no rate held twice: %.1f arrivals/s held %s once, then %.1f "
            "did not (%s)",
            f->once, checks, f->bad, why);
    else if (!(f->good > 0))
        snprintf(out, size,
            "find-max: no rate held %s: %.1f arrivals/s, the lowest that was tried, "
            "did not (%s); begin lower by --rate",
            checks, f->bad, why);
    else if (f->bad > 0)
        snprintf(out, size,
            "find-max: %.1f arrivals/s is the highest rate that held %s; %.1f did "
            "not (%s)%s",
            f->good, checks, f->bad, why, f->again ? "" : "; it was not tried a second time");
    else
        snprintf(out, size,
            "find-max: %.1f arrivals/s held %s, and the run ended before a rate did "
            "not",
            f->good, checks);
}
/* ============================================================================================
 * >>remarks  what a run says of itself at its end
 *
 * Purpose     sentences that no figure of a row can say, about the run, the kit's own client or
 *             the server: each stands once at the end of every report. A report goes through the
 *             list and knows none of them.
 * Invariants  a key is stable, for programs; a sentence is for people, without text of a server.
 * Names       locust__remark_ locust__remarks_ LOCUST__REMARK
 * Uses        >>manners
 * ============================================================================================ */

enum { LOCUST__REMARKS_MAX = 24 };

typedef enum locust__remark_about {
    LOCUST__REMARK_RUN,
    LOCUST__REMARK_CLIENT,
    LOCUST__REMARK_SERVER,
} locust__remark_about;

static const char *const locust__remark_abouts[] = {"run", "client", "server"};

typedef struct locust__remark {
    locust__remark_about about;
    const char *key; // a word for programs, such as "nothing_measured"
    bool fails;      // the run, with --exit-code-on-error
    char text[240];
} locust__remark;

typedef struct locust__remarks {
    locust__remark all[LOCUST__REMARKS_MAX];
    size_t n;
} locust__remarks;

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...) LOCUST__PRINTF(5, 6);

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...)
{
    locust__remark *remark = &r->all[r->n];
    va_list args;
    LOCUST_ASSERT(r->n < LOCUST__REMARKS_MAX);
    remark->about = about;
    remark->key = key;
    remark->fails = fails;
    va_start(args, format);
    vsnprintf(remark->text, sizeof remark->text, format, args);
    va_end(args);
    r->n++;
}

/* The first remark that fails the run; NULL: none does. */
static const locust__remark *locust__remarks_failed(const locust__remarks *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i].fails)
            return &r->all[i];
    return NULL;
}

static void locust__remarks_measured(locust__remarks *r, const locust_env *env)
{
    if (!env->stats.total.requests)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "nothing_measured", false,
            "not one request was counted: no figure, and no check, says anything");
}

static void locust__remarks_refused(locust__remarks *r, const locust_env *env)
{
    const locust__net *net = &env->services.net;
    if (net->refused)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "refused", false,
            "refused %llu of %llu connections", (unsigned long long)net->refused,
            (unsigned long long)net->dialled);
}

/* Which server did this most; `which` becomes its name where the test has several. NULL: none. */
static const locust__manners *locust__remarks_server(
    const locust_env *env, enum locust__manner manner, const char **which)
{
    const locust__manners *m = locust__manners_most(env->services.manners, manner);
    *which = env->services.origins && env->services.origins->next && m ? m->origin->url : "it";
    return m;
}

/* Part of the answers is meant, for a server may have one page that stalls: from a tenth on. */
static void locust__remarks_two_parts(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_PAUSED, &which);
    int64_t n = m ? m->n[LOCUST__MANNER_PAUSED] : 0;
    if (n >= 10 && n * 10 >= (int64_t)env->stats.total.requests &&
        n > 3 * m->n[LOCUST__MANNER_UNEVEN])
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "two_parts", false,
            "%.60s sent %lld answers in two parts, the second %.0f ms behind: likely Nagle's "
            "algorithm, which waits for the delayed ACK of the first (TCP_NODELAY on the server, "
            "or one write for head and body, would spare that)",
            which, (long long)n, (double)m->pauses_ns / (double)n / 1e6);
}

/* The same count twice is no chance, but after the first answer, which errors may share. */
static void locust__remarks_keep_alive(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_CLOSED, &which);
    int64_t n = m ? m->n[LOCUST__MANNER_CLOSED] : 0;
    bool all = m && m->served_n * 10 >= n * 9;
    if (all && m->served == 1 && n >= 3 && n * 10 >= m->n[LOCUST__MANNER_OPENED] * 9)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_none", false,
            "%.60s closed %lld connections after one answer: it keeps none, so that nearly every "
            "response time has a connect in it",
            which, (long long)n);
    else if (all && m->served > 1 && n >= 2)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_requests", false,
            "%.60s closed %lld connections after %d requests each, its limit: the next request of "
            "that user had to connect",
            which, (long long)m->served_n, m->served);
}

static void locust__remarks_keep_alive_time(locust__remarks *r, const locust_env *env)
{
    const char *which;
    const locust__manners *m = locust__remarks_server(env, LOCUST__MANNER_IDLED, &which);
    char span[64];
    if (!m || m->n[LOCUST__MANNER_IDLED] < 2)
        return;
    snprintf(span, sizeof span, "%.1f", (double)m->idle_min_ns / 1e9);
    if (m->idle_max_ns - m->idle_min_ns >= LOCUST__S / 10)
        snprintf(span, sizeof span, "%.1f to %.1f", (double)m->idle_min_ns / 1e9,
            (double)m->idle_max_ns / 1e9);
    locust__remarks_add(r, LOCUST__REMARK_SERVER, "keep_alive_time", false,
        "%.60s closed %lld kept connections that had been idle for %s s: who waits longer than "
        "that between two requests has to connect again",
        which, (long long)m->n[LOCUST__MANNER_IDLED], span);
}

/* Looks back on a run that is over. */
static void locust__remarks_collect(locust__remarks *r, const locust_env *env)
{
    r->n = 0;
    locust__remarks_measured(r, env);
    locust__remarks_refused(r, env);
    locust__remarks_two_parts(r, env);
    locust__remarks_keep_alive(r, env);
    locust__remarks_keep_alive_time(r, env);
}
/* ============================================================================================
 * >>result  what a run is judged by
 *
 * Purpose     generator, checks, baseline and search in one place; the exit code that follows.
 * Names       locust__result_
 * Uses        >>env >>generator >>check >>baseline >>find >>remarks
 * ============================================================================================ */

typedef struct locust__result {
    locust_env *env;
    locust_generator generator;
    locust__checks checks;
    locust__baseline baseline;
    locust__find find;
    locust__remarks remarks;
    bool held; // all checks
} locust__result;

/* Reads the checks and the baseline. NULL, or what is wrong with them, perhaps in `text`. */
static const char *locust__result_init(locust__result *v, locust_env *env, char *text, size_t size)
{
    const locust_options *o = &env->options;
    const char *wrong = locust__checks_read(&v->checks, o->checks), *option = "--check";
    v->env = v->find.env = env;
    if (!wrong) {
        option = "--find-max";
        wrong = locust__checks_read(&v->find.checks, o->find_max);
    }
    if (wrong && !*wrong)
        return "out of memory";
    if (wrong) {
        snprintf(text, size,
            "%s takes METRIC<LIMIT and perhaps a name, such as 'p99<250ms' or "
            "'fail_ratio<1%% GET /cart', not \"%s\"",
            option, wrong);
        return text;
    }
    if (o->find_max && !v->find.checks.n)
        return "--find-max takes what shall hold, such as 'p99<250ms'";
    if (o->find_max && o->stages)
        return "--find-max and --stages both say how many arrive: give one of them";
    wrong = LOCUST__WITH_REPORTS && o->baseline ? locust__baseline_read(&v->baseline, o->baseline)
                                                : NULL;
    if (wrong) {
        snprintf(text, size, "--baseline %s: %s", o->baseline, wrong);
        return text;
    }
    return NULL;
}

static void locust__result_free(locust__result *v)
{
    locust__checks_free(&v->checks);
    locust__find_free(&v->find);
    locust__baseline_free(&v->baseline);
}

/* Judges the run as of now: at its end. */
static void locust__result_judge(void *arg)
{
    locust__result *v = arg;
    v->generator = locust__generator_judge(v->env);
    v->held = locust__checks_judge(v->env, &v->checks);
    locust__remarks_collect(&v->remarks, v->env);
    if (LOCUST__WITH_REPORTS && v->baseline.n && !locust__baseline_compare(&v->baseline, v->env)) {
        locust__log_print(&v->env->log, LOCUST__LOG_ERROR, "locust.main",
            "not compared with %s: out of memory", v->env->options.baseline);
        v->baseline.worse = true;
    }
}

/* The first that applies: set-up failed, generator at its limit, a check or the baseline broke, a
 * remark that fails the run, failed requests. A check that limits failures decides about them in
 * place of --exit-code-on-error. */
static int locust__result_exit_code(const locust__result *v)
{
    locust_env *env = v->env;
    bool found = !env->options.find_max || v->find.good > 0;
    if (env->users.setup_error)
        return 1;
    if (env->options.fail_on_generator_limit && !v->generator.ok)
        return LOCUST__EXIT_GENERATOR;
    if (!v->held || v->baseline.worse || !found)
        return LOCUST__EXIT_CHECK;
    if (locust__remarks_failed(&v->remarks))
        return env->options.exit_code_on_error;
    if (locust__checks_allow_failures(&v->checks) && !env->stats.n_exceptions)
        return 0;
    return locust__env_exit_code(env);
}
/* ============================================================================================
 * >>table  tables and compact lines
 *
 * Purpose     Locust's tables on standard error, or short lines on standard output.
 * Cost        formatted on the loop's stack, every two seconds; grows with the rows.
 * Names       locust__table locust__table_
 * Uses        >>co >>entry >>stats >>tls >>usage >>generator >>figures >>check >>baseline
 *             >>find >>remarks >>result
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, order, widths.
 * Limits      times are printed in milliseconds with three decimals, in wider columns than Locust's
 *             whole ones.
 *
 *   A table, of a layout's columns, and the compact lines of the same layout:
 *
 *   Type     Name      # reqs      # fails |      Avg       Min
 *   --------|---------|-------|-------------|---------|---------
 *   GET      /              3     0(0.00%) |    1.204     0.950       row reqs=3 ... name=GET /
 *   --------|---------|-------|-------------|---------|---------
 *            Aggregated     3     0(0.00%) |    1.204     0.950       total reqs=3 ...
 * ============================================================================================ */

typedef struct locust__table { // one report while it is written
    locust__buf *out;
    locust__figures_view view;
    locust__entry **rows; // in order, the total last; n_rows is 0 without memory for it
    size_t n_rows;
    int width; // of the names' column
    bool compact;
} locust__table;

typedef struct locust__table_column {
    uint8_t figure; // a locust__figure_id
    uint8_t width;
    char before[4]; // what separates it from the column on its left
} locust__table_column;

enum { LOCUST__TABLE_COLUMNS = 12 };

typedef struct locust__table_layout {
    const char *caption;              // a line above the table
    const char *label, *total;        // what compact lines begin with: of a row, of the total
    int narrower;                     // characters that Locust takes from the names' column
    bool phases;                      // a line for each phase of a row, with its name
    locust__figure_id of;             // rows for which this was not measured are left out
    enum locust__figures_style style; // of compact lines
    int n_columns;
    locust__table_column columns[LOCUST__TABLE_COLUMNS];
} locust__table_layout;

static const locust__table_layout locust__table_requests = {.caption = "",
    .narrower = 4,
    .of = LOCUST__FIGURE_REQUESTS,
    .n_columns = 8,
    .columns = {{LOCUST__FIGURE_REQUESTS, 7, " "}, {LOCUST__FIGURE_FAILURES, 12, " "},
        {LOCUST__FIGURE_AVG, 9, " |"}, {LOCUST__FIGURE_MIN, 9, " "}, {LOCUST__FIGURE_MAX, 9, " "},
        {LOCUST__FIGURE_MEDIAN, 9, " "}, {LOCUST__FIGURE_RPS, 9, " | "},
        {LOCUST__FIGURE_FPS, 11, " "}}};

static const locust__table_layout locust__table_percentiles = {
    .caption = "Response time percentiles (approximated)\n",
    .of = LOCUST__FIGURE_P50,
    .n_columns = 12,
    .columns = {{LOCUST__FIGURE_P50, 9, " "}, {LOCUST__FIGURE_P66, 9, " "},
        {LOCUST__FIGURE_P75, 9, " "}, {LOCUST__FIGURE_P80, 9, " "}, {LOCUST__FIGURE_P90, 9, " "},
        {LOCUST__FIGURE_P95, 9, " "}, {LOCUST__FIGURE_P98, 9, " "}, {LOCUST__FIGURE_P99, 9, " "},
        {LOCUST__FIGURE_P99_9, 9, " "}, {LOCUST__FIGURE_P99_99, 9, " "},
        {LOCUST__FIGURE_P100, 9, " "}, {LOCUST__FIGURE_REQUESTS, 8, " "}}};

static const locust__table_layout locust__table_intended = {
    .caption = "Response times (ms), and from the intended start\n",
    .label = "intended",
    .total = "intended",
    .of = LOCUST__FIGURE_INTENDED_P50,
    .style = LOCUST__FIGURES_IN_TABLE,
    .n_columns = 6,
    .columns = {{LOCUST__FIGURE_P50, 9, " "}, {LOCUST__FIGURE_P99, 9, " "},
        {LOCUST__FIGURE_P100, 9, " "}, {LOCUST__FIGURE_INTENDED_P50, 9, "  "},
        {LOCUST__FIGURE_INTENDED_P99, 9, " "}, {LOCUST__FIGURE_INTENDED_MAX, 9, " "}}};

static const locust__table_layout locust__table_phases = {.caption = "Phases of requests (ms)\n",
    .label = "phase=",
    .total = "phase=",
    .phases = true,
    .of = LOCUST__FIGURE_PHASE_P50,
    .style = LOCUST__FIGURES_IN_TABLE,
    .n_columns = 5,
    .columns = {{LOCUST__FIGURE_PHASE_COUNT, 8, " "}, {LOCUST__FIGURE_PHASE_P50, 9, " "},
        {LOCUST__FIGURE_PHASE_P95, 9, " "}, {LOCUST__FIGURE_PHASE_P99, 9, " "},
        {LOCUST__FIGURE_PHASE_MAX, 9, " "}}};

/* For a serial console and for scripts. The name stands last: it may hold blanks. */
static const locust__table_layout locust__table_compact_rows = {.label = "row",
    .total = "total",
    .of = LOCUST__FIGURE_REQUESTS,
    .style = LOCUST__FIGURES_IN_LINE,
    .n_columns = 9,
    .columns = {{LOCUST__FIGURE_REQUESTS, 0, ""}, {LOCUST__FIGURE_FAILURES, 0, ""},
        {LOCUST__FIGURE_RPS, 0, ""}, {LOCUST__FIGURE_FPS, 0, ""}, {LOCUST__FIGURE_AVG, 0, ""},
        {LOCUST__FIGURE_P50, 0, ""}, {LOCUST__FIGURE_P95, 0, ""}, {LOCUST__FIGURE_P99, 0, ""},
        {LOCUST__FIGURE_MAX, 0, ""}}};

/* A test without reports has compact lines alone: the compiler drops the tables from it. */
static bool locust__table_is_compact(const locust__table *t)
{
    return !LOCUST__WITH_REPORTS || t->compact;
}

/* Adds text padded to `width` characters. A control character becomes a blank, so that no name
 * breaks its line in two or moves the cursor. */
static void locust__table_text(locust__buf *out, const char *text, int width)
{
    width -= locust__buf_line(out, locust__view_of(text));
    while (width-- > 0)
        locust__buf_puts(out, " ");
}

/* The two columns that say which row it is; of width 0: as long as they are. */
static void locust__table_row_name(locust__buf *out, const locust__entry *row, int width)
{
    locust__table_text(out, row->method, width ? 8 : 0);
    locust__buf_puts(out, " ");
    locust__table_text(out, row->name, width);
}

static void locust__table_dash(locust__buf *out, int n)
{
    while (n-- > 0)
        locust__buf_puts(out, "-");
}

static void locust__table_dashes(locust__buf *out, const int *widths, int n)
{
    for (int i = 0; i < n; i++) {
        locust__buf_puts(out, i ? "|" : "");
        locust__table_dash(out, widths[i]);
    }
    locust__buf_puts(out, "\n");
}

/* The line under the titles: a bar below each bar of the titles, or below the first of the blanks
 * between two columns, and dashes below everything else. */
static void locust__table_rule(const locust__table *t, const locust__table_layout *layout)
{
    locust__table_dash(t->out, 8);
    locust__buf_puts(t->out, "|");
    locust__table_dash(t->out, t->width - layout->narrower);
    if (layout->phases)
        locust__buf_puts(t->out, "|--------");
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        const char *bar = strchr(c->before, '|');
        for (const char *p = c->before; *p; p++)
            locust__buf_puts(t->out, p == (bar ? bar : c->before) ? "|" : "-");
        locust__table_dash(t->out, c->width);
    }
    locust__buf_puts(t->out, "\n");
}

static void locust__table_titles(const locust__table *t, const locust__table_layout *layout)
{
    locust__buf_printf(
        t->out, "%s%-8s %-*s", layout->caption, "Type", t->width - layout->narrower, "Name");
    if (layout->phases)
        locust__buf_printf(t->out, " %-8s", "Phase");
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        locust__buf_printf(t->out, "%s%*s", c->before, c->width,
            locust__figures_word(c->figure, LOCUST__FIGURE_TITLE));
    }
    locust__buf_puts(t->out, "\n");
    locust__table_rule(t, layout);
}

/* The figures of a row, one below each title. Failures have their share of the requests beside
 * them. */
static void locust__table_cells(
    const locust__table *t, const locust__table_layout *layout, const locust__entry *row)
{
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        double value = locust__figures_value(&t->view, row, c->figure);
        char text[64];
        if (c->figure == LOCUST__FIGURE_FAILURES)
            snprintf(text, sizeof text, "%.0f(%.2f%%)", value,
                row->requests ? 100 * value / (double)row->requests : 0);
        else
            locust__figures_format(text, sizeof text, LOCUST__FIGURES_IN_TABLE, c->figure, value);
        locust__buf_printf(t->out, "%s%*s", c->before, c->width, text);
    }
    locust__buf_puts(t->out, "\n");
}

/* The figures of a row as key=value. */
static void locust__table_pairs(
    const locust__table *t, const locust__table_layout *layout, const locust__entry *row)
{
    for (int i = 0; i < layout->n_columns; i++) {
        locust__figure_id id = layout->columns[i].figure;
        double value = locust__figures_value(&t->view, row, id);
        char text[64];
        locust__buf_printf(t->out, " %s=%s", locust__figures_word(id, LOCUST__FIGURE_KEY),
            locust__figures_format(text, sizeof text, layout->style, id, value));
    }
}

static void locust__table_line(const locust__table *t, const locust__table_layout *layout,
    const locust__entry *row, const char *phase)
{
    bool total = row == &t->view.env->stats.total;
    double unused;
    if (!locust__figures_find(&t->view, row, layout->of, 1, &unused))
        return;
    if (!locust__table_is_compact(t)) {
        locust__table_row_name(t->out, row, t->width - layout->narrower);
        if (layout->phases)
            locust__buf_printf(t->out, " %-8s", phase);
        locust__table_cells(t, layout, row);
        return;
    }
    locust__buf_printf(t->out, "%s%s", total ? layout->total : layout->label, phase);
    locust__table_pairs(t, layout, row);
    if (!total) { // last: it may hold blanks
        locust__buf_puts(t->out, " name=");
        locust__table_row_name(t->out, row, 0);
    }
    locust__buf_puts(t->out, "\n");
}

static const char *const locust__table_phase_names[LOCUST__PHASES] = {
    "name", "connect", "tls", "wait", "receive"};

/* A table of all rows with something to show, or a compact line for each. */
static void locust__table_rows(locust__table *t, const locust__table_layout *layout)
{
    bool compact = locust__table_is_compact(t);
    if (!compact && t->n_rows)
        locust__table_titles(t, layout);
    for (size_t i = 0; i < t->n_rows; i++) {
        const locust__entry *row = t->rows[i];
        if (!compact && i + 1 == t->n_rows)
            locust__table_rule(t, layout);
        if (!layout->phases)
            locust__table_line(t, layout, row, "");
        for (int k = 0; layout->phases && row->phases && k < LOCUST__PHASES; k++) {
            t->view.phase = &row->phases[k];
            locust__table_line(t, layout, row, locust__table_phase_names[k]);
        }
    }
    if (!compact && t->n_rows)
        locust__buf_puts(t->out, "\n");
}

static const int locust__table_list_dashes[] = {18, 141};

/* The heading of the errors or exceptions. Compact lines have none, and no end either. */
static void locust__table_list_begin(const locust__table *t, const char *caption, const char *title)
{
    if (locust__table_is_compact(t))
        return;
    locust__buf_printf(t->out, "%s\n%-18s %-100s\n", caption, "# occurrences", title);
    locust__table_dashes(t->out, locust__table_list_dashes, 2);
}

static void locust__table_list_end(const locust__table *t)
{
    if (locust__table_is_compact(t))
        return;
    locust__table_dashes(t->out, locust__table_list_dashes, 2);
    locust__buf_puts(t->out, "\n");
}

/* What a line of such a list begins with. */
static void locust__table_times(
    const locust__table *t, uint64_t times, const char *label, const char *key)
{
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out, "%s count=%llu %s=", label, (unsigned long long)times, key);
    else
        locust__buf_printf(t->out, "%-18llu ", (unsigned long long)times);
}

static void locust__table_errors(const locust__table *t)
{
    const locust__request_stats *st = &t->view.env->stats;
    const locust__stats_failure *f;
    if (!locust__stats_failure_at(st, 0))
        return;
    locust__table_list_begin(t, "Error report", "Error");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        int width = locust__table_is_compact(t) ? 0 : 97;
        locust__table_times(t, f->occurrences, "error", "name");
        width -= locust__buf_line(t->out, locust__view_of(f->row->method));
        locust__buf_puts(t->out, " ");
        width -= locust__buf_line(t->out, locust__view_of(f->row->name));
        locust__buf_puts(t->out, ": ");
        locust__table_text(t->out, f->text, width);
        locust__buf_puts(t->out, "\n");
    }
    locust__table_list_end(t);
}

static void locust__table_exceptions(const locust__table *t)
{
    const locust__request_stats *st = &t->view.env->stats;
    if (!st->n_exceptions)
        return;
    locust__table_list_begin(t, "Exceptions report", "Exception");
    for (size_t i = 0; i < st->n_exceptions; i++) {
        const locust__stats_exception *e = &st->exceptions[i];
        locust__table_times(t, e->times, "exception", "text");
        locust__table_text(t->out, e->text, 0);
        locust__buf_puts(t->out, " (");
        locust__table_text(t->out, e->place, 0);
        locust__buf_puts(t->out, ")\n");
    }
    locust__table_list_end(t);
}

/* While the test runs: one line about the total. */
static void locust__table_compact_now(const locust__table *t)
{
    const locust_env *env = t->view.env;
    int64_t start_ns = env->stats.start_ns ? env->stats.start_ns : t->view.now_ns; // 0: not begun
    locust__buf_printf(
        t->out, "t=%.0f users=%d", (double)(t->view.now_ns - start_ns) / 1e9, env->users.alive);
    locust__table_pairs(t, &locust__table_compact_rows, &env->stats.total);
    locust__buf_puts(t->out, "\n");
}

/* The open model: what became of its arrivals, and how long requests took from the start that was
 * intended. */
static void locust__table_arrivals(locust__table *t)
{
    locust_arrival_counts c = locust__usage_arrivals(t->view.env);
    unsigned long long scheduled = c.scheduled, started = c.started, late = c.late, shed = c.shed;
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out, "arrivals scheduled=%llu started=%llu late=%llu shed=%llu\n",
            scheduled, started, late, shed);
    else
        locust__buf_printf(t->out,
            "Arrivals: %llu scheduled, %llu started (%llu of them late), %llu shed\n\n", scheduled,
            started, late, shed);
    locust__table_rows(t, &locust__table_intended);
}

/* What TLS cost the generator: a small machine is busy with handshakes first. */
static void locust__table_tls(const locust__table *t)
{
    const locust__tls_counts *c = &t->view.env->services.tls.counts;
    const locust__loop *loop = &t->view.env->loop;
    unsigned long long full = c->full, resumed = c->resumed;
    double late_ms = (double)locust__loop_lateness_ns(loop, 0.99) / 1e6;
    double latest_ms = (double)loop->latest_ns / 1e6;
    double full_ms = full ? (double)c->full_ns / 1e6 / (double)full : 0;
    double resumed_ms = resumed ? (double)c->resumed_ns / 1e6 / (double)resumed : 0;
    if (!full && !resumed)
        return;
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out,
            "tls full=%llu full_cpu=%.3f resumed=%llu resumed_cpu=%.3f late_p99=%.3f "
            "late_max=%.3f\n",
            full, full_ms, resumed, resumed_ms, late_ms, latest_ms);
    else
        locust__buf_printf(t->out,
            "TLS handshakes: %llu full, %.3f ms of CPU each; %llu resumed, %.3f ms each; the loop "
            "was late by %.3f ms at most (p99 %.3f)\n\n",
            full, full_ms, resumed, resumed_ms, latest_ms, late_ms);
}

static void locust__table_generator(const locust__table *t, const locust_generator *g)
{
    char line[640];
    if (locust__table_is_compact(t)) {
        locust__buf_printf(t->out,
            "generator ok=%d cpu=%.3f late_p50=%.3f late_p99=%.3f late_max=%.3f limits=", g->ok,
            g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms);
        locust__table_text(t->out, g->limits, 0);
        locust__buf_puts(t->out, "\n");
        return;
    }
    locust__generator_line(g, line, sizeof line);
    locust__table_text(t->out, line, 0);
    locust__buf_puts(t->out, "\n\n");
}

static void locust__table_checks(const locust__table *t, const locust__checks *checks)
{
    static const int dashes[] = {8, 60, 20};
    bool compact = locust__table_is_compact(t);
    char value[32];
    if (!checks->n)
        return;
    if (!compact) {
        locust__buf_printf(t->out, "Checks\n%-8s %-60s %s\n", "Result", "Check", "Measured");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (compact) {
            snprintf(value, sizeof value, "%.6f", c->value);
            locust__buf_printf(
                t->out, "check ok=%d value=%s text=", c->held, c->measured ? value : "");
            locust__table_text(t->out, c->text, 0);
            locust__buf_puts(t->out, "\n");
        } else {
            locust__buf_printf(t->out, "%-8s ", c->held ? "ok" : "FAILED");
            locust__table_text(t->out, c->text, 60);
            locust__buf_printf(t->out, " %s\n", locust__check_value(c, value, sizeof value));
        }
    }
    if (!compact)
        locust__buf_puts(t->out, "\n");
}

static void locust__table_remarks(const locust__table *t, const locust__remarks *remarks)
{
    bool compact = locust__table_is_compact(t);
    for (size_t i = 0; i < remarks->n; i++) {
        const locust__remark *r = &remarks->all[i];
        const char *about = locust__remark_abouts[r->about];
        if (compact)
            locust__buf_printf(t->out, "remark about=%s key=%s failed=%d text=%s\n", about, r->key,
                r->fails, r->text);
        else
            locust__buf_printf(t->out, "%s: %s\n", about, r->text);
    }
    if (remarks->n && !compact)
        locust__buf_puts(t->out, "\n");
}

static void locust__table_baseline(
    const locust__table *t, const locust__baseline *b, const char *path)
{
    static const int dashes[] = {8, 60, 40};
    bool compact = locust__table_is_compact(t);
    if (!b->n)
        return;
    if (!compact) {
        locust__buf_printf(
            t->out, "Compared with %s\n%-8s %-60s %s\n", path, "Verdict", "Name", "Why");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < b->n; i++) {
        const locust__earlier *earlier = &b->rows[i];
        const char *change = locust__change_names[earlier->change];
        if (compact)
            locust__buf_printf(t->out, "baseline verdict=%s name=", change);
        else
            locust__buf_printf(t->out, "%-8s ", change);
        locust__table_text(t->out, earlier->name, compact ? 0 : 60);
        locust__buf_printf(t->out, compact ? "%s\n" : " %s\n", compact ? "" : earlier->why);
    }
    if (!compact)
        locust__buf_puts(t->out, "\n");
}

/* The rates that were tried, and what was found. */
static void locust__table_find(const locust__table *t, const locust__find *f)
{
    static const int dashes[] = {8, 12, 100};
    bool compact = locust__table_is_compact(t);
    char line[640];
    if (!f->env->options.find_max)
        return;
    if (!compact) {
        locust__buf_printf(
            t->out, "Rates that were tried\n%-8s %12s %s\n", "Result", "Arrivals/s", "Measured");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < f->n_tried; i++) {
        const locust__find_tried *tried = &f->tried[i];
        locust__buf_printf(t->out, compact ? "find_try held=%s rate=%.1f why=" : "%-8s %12.1f ",
            compact       ? tried->held ? "1" : "0"
            : tried->held ? "ok"
                          : "FAILED",
            tried->rate);
        locust__table_text(t->out, tried->why, 0);
        locust__buf_puts(t->out, "\n");
    }
    if (compact) {
        snprintf(line, sizeof line, "%.1f", f->bad);
        locust__buf_printf(
            t->out, "find_max rate=%.1f broke=%s\n", f->good, f->bad > 0 ? line : "");
        return;
    }
    locust__find_line(f, line, sizeof line);
    locust__buf_puts(t->out, "\n");
    locust__table_text(t->out, line, 0);
    locust__buf_puts(t->out, "\n\n");
}

/* What is said once, at the end. */
static void locust__table_final(locust__table *t, const locust__result *verdict)
{
    const locust_env *env = t->view.env;
    if (!locust__table_is_compact(t))
        locust__table_rows(t, &locust__table_percentiles);
    locust__table_errors(t);
    locust__table_exceptions(t);
    if (env->services.recorder.has_arrivals)
        locust__table_arrivals(t);
    if (env->options.phases)
        locust__table_rows(t, &locust__table_phases);
    locust__table_tls(t);
    locust__table_find(t, &verdict->find);
    locust__table_checks(t, &verdict->checks);
    locust__table_baseline(t, &verdict->baseline, env->options.baseline);
    locust__table_remarks(t, &verdict->remarks);
    locust__table_generator(t, &verdict->generator);
}

/* Characters for the name: 80, or what a narrower terminal leaves beside the figures. */
static int locust__table_name_width(void)
{
    struct winsize size;
    int left;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    left = size.ws_col - 94;
    return left > 80 ? 80 : left < 8 ? 8 : left;
}

/* Prints what is due now. Runs on the loop's stack. `verdict`: NULL while the test runs. */
static void locust__table_print(locust_env *env, const locust__result *verdict)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__locale locale = locust__locale_enter();
    locust__table t = {.out = &out,
        .view = {.env = env,
            .now_ns = locust__os_now_ns(),
            .rates = verdict ? LOCUST__FIGURES_ANSWERED : LOCUST__FIGURES_CURRENT},
        .compact = env->options.compact};
    bool compact = locust__table_is_compact(&t);
    if (!compact)
        t.width = locust__table_name_width();
    if (verdict || !compact)
        t.rows = locust__figures_rows(&env->stats, &t.n_rows);
    if (compact && !verdict)
        locust__table_compact_now(&t);
    else
        locust__table_rows(&t, compact ? &locust__table_compact_rows : &locust__table_requests);
    if (verdict)
        locust__table_final(&t, verdict);
    LOCUST_FREE(t.rows);
    locust__locale_leave(locale);
    fflush(NULL); // a test's own lines come first
    if (out.len)
        locust__os_write_all(compact ? STDOUT_FILENO : STDERR_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}
/* ============================================================================================
 * >>csv  Locust's CSV files
 *
 * Purpose     --csv: stats, history, failures, exceptions, and the generator.
 * Invariants  a file is rewritten in place, by one write and a cut to the new length. Every file is
 *             opened before the run, so that a wrong path costs no run.
 * Names       locust__csv_
 * Uses        >>entry >>stats >>generator >>figures
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, rounding. RFC 4180.
 * Limits      percentiles are Locust's rounded buckets; averages, minima and maxima have full
 *             precision.
 * ============================================================================================ */

enum {
    LOCUST__CSV_STATS,
    LOCUST__CSV_HISTORY,
    LOCUST__CSV_FAILURES,
    LOCUST__CSV_EXCEPTIONS,
    LOCUST__CSV_GENERATOR,
    LOCUST__CSV_FILES
};

typedef struct locust__csv_snapshot { // a row's histogram as it was five to ten seconds ago
    locust__hist older, newer;
} locust__csv_snapshot;

typedef struct locust__csv {
    locust_env *env;
    int fds[LOCUST__CSV_FILES];
    // With csv_full_history a window for the total, for "(other)", then for each row by its index.
    locust__csv_snapshot **windows;
    size_t n_windows, cap_windows;
    locust__hist recent; // of the row that is being written
    int ticks;           // times that the history was written, one a second
    bool failed;         // a write failed, and the log says so
} locust__csv;

/* Locust's response time buckets: whole ms below 100, then two digits. */
static int64_t locust__csv_bucket_ms(double ms)
{
    int64_t unit = ms < 100 ? 1 : ms < 1000 ? 10 : ms < 10000 ? 100 : 1000;
    return locust__number_round(ms / (double)unit) * unit;
}

/* Does x = m / 2^t, rounded to a decimal M / 10^s of some digits, read back as x? It does if the
 * two are less than half of 1 / 2^t apart, times 2^t 5^s: if 2 |M 2^(t-s) - m 5^s| < 5^s. Both
 * products may overflow, but their difference is small, so that its low 64 bits are all of it.
 * For 15 or 16 digits of an x from 1e-10 to 1e14, where t - s is from 0 to 62; else it says no. */
static bool locust__csv_reads_back(double x, int digits)
{
    char text[40];
    const char *p = text;
    uint64_t bits, m, decimal = 0, power = 1;
    int64_t apart;
    int t, s = digits - 1;
    if (!(x >= 1e-10 && x < 1e14))
        return false;
    snprintf(text, sizeof text, "%.*e", digits - 1, x); // d.dddde-05
    for (; *p != 'e'; p++)
        if (locust__text_is_digit(*p))
            decimal = 10 * decimal + (uint64_t)(*p - '0');
    bool small = p[1] == '-';
    p += 2;
    s += (int)locust__number_whole(&p) * (small ? 1 : -1);
    memcpy(&bits, &x, sizeof bits);
    m = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1 << 52;
    t = 1075 - (int)(bits >> 52);
    for (int i = 0; i < s; i++)
        power *= 5;
    apart = (int64_t)((decimal << (t - s)) - m * power);
    if (apart < 0 && m == (uint64_t)1 << 52)
        apart *= 2; // below a power of two they lie closer
    return 2 * (uint64_t)(apart < 0 ? -apart : apart) < power;
}

/* Adds the shortest decimal that reads back as the same number, as Python prints a float. (Trying
 * strtod on 15, 16 and 17 digits says the same, but adds 7 KB to a static program of musl.) */
static void locust__csv_float(locust__buf *out, double x)
{
    char text[40];
    int digits = 15;
    while (digits < 17 && !locust__csv_reads_back(x, digits))
        digits++;
    snprintf(text, sizeof text, "%.*g", digits, x);
    locust__buf_puts(out, text);
    if (!strpbrk(text, ".en"))
        locust__buf_puts(out, ".0");
}

/* A field, quoted when RFC 4180 asks for it. What is no UTF-8 becomes U+FFFD: Locust's files are
 * UTF-8, and programs read them as that. */
static void locust__csv_text(locust__buf *out, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    locust__buf_puts(out, quoted ? "\"" : "");
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        locust__buf_add(out, code == '"' ? "\"\"" : c.ptr, code == '"' ? 2 : c.len);
    }
    locust__buf_puts(out, quoted ? "\"" : "");
}

#define LOCUST__CSV_RATES LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS
#define LOCUST__CSV_TOTALS                                                                       \
    LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES, LOCUST__FIGURE_MEDIAN, LOCUST__FIGURE_AVG, \
        LOCUST__FIGURE_MIN, LOCUST__FIGURE_MAX, LOCUST__FIGURE_SIZE

enum { LOCUST__CSV_COLUMNS = 20 };
static const locust__figure_id locust__csv_stats_columns[LOCUST__CSV_COLUMNS] = {
    LOCUST__CSV_TOTALS, LOCUST__CSV_RATES, LOCUST__FIGURES_PERCENTILES};
static const locust__figure_id locust__csv_history_columns[LOCUST__CSV_COLUMNS] = {
    LOCUST__CSV_RATES, LOCUST__FIGURES_PERCENTILES, LOCUST__CSV_TOTALS};

/* The titles after `first`. What follows the percentiles is called a total, as in Locust's
 * history. */
static void locust__csv_titles(
    locust__buf *out, const char *first, const locust__figure_id *columns)
{
    const char *total = "";
    locust__buf_puts(out, first);
    for (int i = 0; i < LOCUST__CSV_COLUMNS; i++) {
        locust__buf_printf(
            out, ",%s%s", total, locust__figures_word(columns[i], LOCUST__FIGURE_CSV_TITLE));
        if (columns[i] == LOCUST__FIGURE_P100)
            total = "Total ";
    }
    locust__buf_puts(out, "\r\n");
}

/* Locust's median: a bucket, unless that lies outside of what was measured; then the bound, in
 * full. */
static void locust__csv_median(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row)
{
    double min = locust__figures_value(v, row, LOCUST__FIGURE_MIN) / 1e6;
    double max = locust__figures_value(v, row, LOCUST__FIGURE_MAX) / 1e6;
    double median = locust__figures_value(v, row, LOCUST__FIGURE_MEDIAN) / 1e6;
    double bucket = (double)locust__csv_bucket_ms(median);
    if (bucket < min || bucket > max)
        locust__csv_float(out, bucket < min ? min : max);
    else
        locust__buf_printf(out, "%.0f", bucket);
}

/* One figure in Locust's form. Of a row without requests percentiles are N/A, the average is
 * 0.0, and everything else is 0. */
static void locust__csv_value(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row, locust__figure_id id)
{
    const locust__figure *f = &locust__figures[id];
    double value;
    bool any = locust__figures_find(v, row, id, f->share, &value);
    if (f->unit == LOCUST__FIGURE_UNIT_TIME)
        value /= 1e6;
    if (f->kind == LOCUST__FIGURE_OF_PERCENTILE && !any)
        locust__buf_puts(out, "N/A");
    else if (f->kind == LOCUST__FIGURE_OF_PERCENTILE)
        locust__buf_printf(out, "%lld", (long long)locust__csv_bucket_ms(value));
    else if (id == LOCUST__FIGURE_MEDIAN)
        locust__csv_median(out, v, row);
    else if (f->unit == LOCUST__FIGURE_UNIT_COUNT || (!any && id != LOCUST__FIGURE_AVG))
        locust__buf_printf(out, "%.0f", value);
    else if (f->unit == LOCUST__FIGURE_UNIT_RATE && v->rates == LOCUST__FIGURES_CURRENT)
        locust__buf_printf(out, "%.6f", value);
    else
        locust__csv_float(out, value);
}

static void locust__csv_values(locust__buf *out, const locust__figures_view *v,
    const locust__entry *row, const locust__figure_id *columns)
{
    for (int i = 0; i < LOCUST__CSV_COLUMNS; i++) {
        locust__buf_puts(out, ",");
        locust__csv_value(out, v, row, columns[i]);
    }
    locust__buf_puts(out, "\r\n");
}

/* Two columns, the second with a comma before it. */
static void locust__csv_names(locust__buf *out, const locust__entry *row)
{
    locust__csv_text(out, row->method);
    locust__buf_puts(out, ",");
    locust__csv_text(out, row->name);
}

static void locust__csv_stats(locust__csv *csv, locust__buf *out)
{
    locust__figures_view v = {.env = csv->env, .rates = LOCUST__FIGURES_ANSWERED};
    size_t n;
    locust__entry **rows = locust__figures_rows(&csv->env->stats, &n);
    locust__csv_titles(out, "Type,Name", locust__csv_stats_columns);
    for (size_t i = 0; rows && i < n; i++) {
        locust__csv_names(out, rows[i]);
        locust__csv_values(out, &v, rows[i], locust__csv_stats_columns);
    }
    LOCUST_FREE(rows);
}

/* The window of a row; creates the windows of all rows before it, too. NULL: no memory. */
static locust__csv_snapshot *locust__csv_window(locust__csv *csv, const locust__entry *row)
{
    const locust__request_stats *st = &csv->env->stats;
    size_t i = row == &st->total ? 0 : row == &st->other ? 1 : row->index + 2;
    while (csv->n_windows <= i) {
        locust__csv_snapshot **windows =
            locust__memory_grow(csv->windows, sizeof *windows, csv->n_windows, &csv->cap_windows);
        if (!windows)
            return NULL;
        csv->windows = windows;
        windows[csv->n_windows] = locust__memory_zalloc(sizeof **windows);
        if (!windows[csv->n_windows])
            return NULL;
        csv->n_windows++;
    }
    return csv->windows[i];
}

/* Called every five seconds: drops the older copy and takes a new one. */
static void locust__csv_snapshot_turn(locust__csv_snapshot *w, const locust__hist *now)
{
    locust__hist reuse = w->older;
    w->older = w->newer;
    w->newer = reuse;
    locust__hist_reset(&w->newer);
    locust__hist_add(&w->newer, now);
}

/* The times that a row got in the last five to ten seconds. NULL, without a full history:
 * percentiles are of the whole run. */
static const locust__hist *locust__csv_recent(locust__csv *csv, const locust__entry *row)
{
    locust__csv_snapshot *w =
        csv->env->options.csv_full_history ? locust__csv_window(csv, row) : NULL;
    if (!w)
        return NULL;
    locust__hist_reset(&csv->recent);
    locust__hist_add(&csv->recent, &row->hist);
    locust__hist_since(&csv->recent, &w->older);
    if (csv->ticks % 5 == 4)
        locust__csv_snapshot_turn(w, &row->hist);
    return &csv->recent;
}

static void locust__csv_history_row(
    locust__csv *csv, locust__buf *out, const locust__entry *row, int64_t wall_s, int64_t now_ns)
{
    locust__figures_view v = {.env = csv->env,
        .now_ns = now_ns,
        .rates = LOCUST__FIGURES_CURRENT,
        .recent = locust__csv_recent(csv, row)};
    locust__buf_printf(out, "%lld,%d,", (long long)wall_s, csv->env->users.alive);
    locust__csv_names(out, row);
    locust__csv_values(out, &v, row, locust__csv_history_columns);
}

static void locust__csv_history(locust__csv *csv, locust__buf *out)
{
    locust__request_stats *st = &csv->env->stats;
    int64_t wall_s = locust__os_wall_ns() / LOCUST__S, now_ns = locust__os_now_ns();
    size_t n;
    locust__entry **rows = csv->env->options.csv_full_history ? locust__figures_rows(st, &n) : NULL;
    for (size_t i = 0; rows && i + 1 < n; i++)
        locust__csv_history_row(csv, out, rows[i], wall_s, now_ns);
    locust__csv_history_row(csv, out, &st->total, wall_s, now_ns);
    LOCUST_FREE(rows);
    csv->ticks++;
}

static void locust__csv_failures(locust__csv *csv, locust__buf *out)
{
    locust__request_stats *st = &csv->env->stats;
    locust__buf_puts(out, "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
    const locust__stats_failure *f;
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__csv_names(out, f->row);
        locust__buf_puts(out, ",");
        locust__csv_text(out, f->text);
        locust__buf_printf(out, ",%llu", (unsigned long long)f->occurrences);
        locust__buf_puts(out, ",");
        locust__figures_time(out, f->first_wall_ns);
        locust__buf_puts(out, ",");
        locust__figures_time(out, f->last_wall_ns);
        locust__buf_puts(out, "\r\n");
    }
}

/* Replaces the content of a file, or appends to it. The first failure is logged. */
static void locust__csv_put(locust__csv *csv, int which, const locust__buf *text, bool append)
{
    int fd = csv->fds[which];
    size_t done;
    if (text->failed)
        return; // out of memory: an old file is better than half a new one
    if (!append && lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return;
    done = locust__os_write_all(fd, text->ptr, text->len);
    if (done < text->len && !csv->failed) {
        csv->failed = true;
        locust__log_print(&csv->env->log, LOCUST__LOG_ERROR, "locust.main",
            "cannot write CSV files %s_*.csv, they are incomplete: %s", csv->env->options.csv,
            strerror(errno));
    }
    if (!append && ftruncate(fd, (off_t)done) != 0)
        return; // a pipe or a device: there is nothing behind what was written
}

static void locust__csv_exceptions(locust__csv *csv, locust__buf *out)
{
    const locust__request_stats *st = &csv->env->stats;
    locust__buf_puts(out, "Count,Message,Traceback,Nodes\r\n");
    for (size_t i = 0; i < st->n_exceptions; i++) {
        const locust__stats_exception *e = &st->exceptions[i];
        locust__buf_printf(out, "%llu,", (unsigned long long)e->times);
        locust__csv_text(out, e->text);
        locust__buf_puts(out, ",");
        locust__csv_text(out, e->place);
        locust__buf_puts(out, ",local\r\n"); // the node's name in a run of one process
    }
}

static void locust__csv_generator(locust__csv *csv, locust__buf *out)
{
    locust_generator g = locust__generator_judge(csv->env);
    locust__buf_puts(out, "Verdict,CPU,Lateness 50%,Lateness 99%,Lateness 100%,Limits\r\n");
    locust__buf_printf(out, "%s,%.3f,%.3f,%.3f,%.3f,", g.ok ? "ok" : "limited", g.cpu,
        g.late_p50_ms, g.late_p99_ms, g.late_max_ms);
    locust__csv_text(out, g.limits);
    locust__buf_puts(out, "\r\n");
}

static const struct {
    const char *ending; // of the file's name, after the prefix
    void (*write)(locust__csv *csv, locust__buf *out);
} locust__csv_files[LOCUST__CSV_FILES] = {
    [LOCUST__CSV_STATS] = {"_stats.csv", locust__csv_stats},
    [LOCUST__CSV_HISTORY] = {"_stats_history.csv", locust__csv_history},
    [LOCUST__CSV_FAILURES] = {"_failures.csv", locust__csv_failures},
    [LOCUST__CSV_EXCEPTIONS] = {"_exceptions.csv", locust__csv_exceptions},
    [LOCUST__CSV_GENERATOR] = {"_generator.csv", locust__csv_generator},
};

/* Writes all files as of now. Runs on the loop's stack. */
static void locust__csv_write(void *arg)
{
    locust__csv *csv = arg;
    locust__locale locale = locust__locale_enter();
    for (int i = 0; i < LOCUST__CSV_FILES; i++) {
        locust__buf out = {NULL, 0, 0, false};
        locust__csv_files[i].write(csv, &out);
        locust__csv_put(csv, i, &out, i == LOCUST__CSV_HISTORY);
        locust__buf_free(&out);
    }
    locust__locale_leave(locale);
}

/* Creates the directories of a path, as Locust does. 0 or -errno. */
static int locust__csv_make_dirs(const char *path)
{
    char *copy = locust__text_copy(path, strlen(path));
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

/* Opens all files, or none of them and says why. Then it also removes the files that it created,
 * and leaves alone those that were there before. */
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
        snprintf(path, sizeof path, "%s%s", prefix, locust__csv_files[i].ending);
        csv->fds[i] = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        made[i] = csv->fds[i] >= 0;
        if (!made[i] && errno == EEXIST)
            csv->fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        rc = csv->fds[i] < 0 ? -errno : 0;
    }
    if (rc < 0) {
        locust__say("cannot write CSV files %s_*.csv: %s", prefix, strerror(-rc));
        for (int k = 0; k < LOCUST__CSV_FILES; k++) {
            snprintf(path, sizeof path, "%s%s", prefix, locust__csv_files[k].ending);
            if (made[k])
                unlink(path);
        }
        locust__csv_close(csv);
        csv->env = NULL;
        return false;
    }
    locust__csv_titles(&header, "Timestamp,User Count,Type,Name", locust__csv_history_columns);
    locust__csv_put(csv, LOCUST__CSV_HISTORY, &header, false);
    locust__buf_free(&header);
    return true;
}
/* ============================================================================================
 * >>summary  --summary
 *
 * Purpose     all figures of a run as JSON, with the histogram of each row: what --baseline reads.
 * Names       locust__summary_
 * Uses        >>entry >>stats >>json >>figures >>check >>remarks >>result
 * Sources     RFC 8259.
 * ============================================================================================ */

/* A figure with its name, and its unit if that is not clear from the name. */
static void locust__summary_figure(locust__buf *out, const locust__figures_view *v,
    const locust__entry *row, locust__figure_id id, const char *comma)
{
    const locust__figure *f = &locust__figures[id];
    bool ms = f->unit == LOCUST__FIGURE_UNIT_TIME && f->kind != LOCUST__FIGURE_OF_PERCENTILE;
    char text[64];
    locust__figures_format(
        text, sizeof text, LOCUST__FIGURES_IN_JSON, id, locust__figures_value(v, row, id));
    locust__buf_printf(out, "%s\"%s%s\": %s", comma, locust__figures_word(id, LOCUST__FIGURE_NAME),
        ms ? "_ms" : "", text);
}

static void locust__summary_row(locust__buf *out, const locust_env *env, const locust__entry *row)
{
    static const locust__figure_id columns[] = {LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES,
        LOCUST__FIGURE_BYTES, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS, LOCUST__FIGURE_MIN,
        LOCUST__FIGURE_AVG, LOCUST__FIGURE_MAX};
    locust__figures_view v = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    const char *comma = "";
    uint64_t count;
    int64_t ns;
    locust__buf_puts(out, "{\"method\": ");
    locust__json_put(out, row->method);
    locust__buf_puts(out, ", \"name\": ");
    locust__json_put(out, row->name);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        locust__summary_figure(out, &v, row, columns[i], ", ");
    locust__buf_puts(out, ",\n   \"percentiles_ms\": {");
    for (int i = LOCUST__FIGURE_P50; i <= LOCUST__FIGURE_P100; i++)
        locust__summary_figure(
            out, &v, row, (locust__figure_id)i, i > LOCUST__FIGURE_P50 ? ", " : "");
    locust__buf_puts(out, "},\n   \"histogram_us\": [");
    for (size_t at = 0; locust__hist_next(&row->hist, &at, &ns, &count);) {
        locust__buf_printf(
            out, "%s[%lld, %llu]", comma, (long long)(ns / 1000), (unsigned long long)count);
        comma = ", ";
    }
    locust__buf_puts(out, "]}");
}

static void locust__summary_generator(locust__buf *out, const locust_generator *g)
{
    const char *limit = g->limits;
    locust__buf_printf(out,
        " \"generator\": {\"ok\": %s, \"cpu\": %.3f, \"late_p50_ms\": %.3f, \"late_p99_ms\": "
        "%.3f, \"late_max_ms\": %.3f, \"limits\": [",
        g->ok ? "true" : "false", g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms);
    while (*limit) {
        const char *end = strstr(limit, "; ");
        char one[sizeof g->limits];
        snprintf(one, sizeof one, "%.*s", end ? (int)(end - limit) : (int)strlen(limit), limit);
        locust__json_put(out, one);
        limit = end ? end + 2 : "";
        locust__buf_puts(out, *limit ? ", " : "");
    }
    locust__buf_puts(out, "]},\n");
}

static void locust__summary_checks(locust__buf *out, const locust__checks *checks)
{
    locust__buf_puts(out, " \"checks\": [");
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        char value[40] = "null";
        if (c->measured)
            snprintf(value, sizeof value, "%.6f", c->value);
        locust__buf_puts(out, i ? ",\n  {\"check\": " : "\n  {\"check\": ");
        locust__json_put(out, c->text);
        locust__buf_printf(out, ", \"ok\": %s, \"value\": %s}", c->held ? "true" : "false", value);
    }
    locust__buf_puts(out, "],\n");
}

static void locust__summary_remarks(locust__buf *out, const locust__remarks *remarks)
{
    locust__buf_puts(out, " \"remarks\": [");
    for (size_t i = 0; i < remarks->n; i++) {
        const locust__remark *r = &remarks->all[i];
        locust__buf_printf(out, "%s{\"about\": \"%s\", \"key\": \"%s\", \"failed\": %s, \"text\": ",
            i ? ",\n  " : "\n  ", locust__remark_abouts[r->about], r->key,
            r->fails ? "true" : "false");
        locust__json_put(out, r->text);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "],\n");
}

static void locust__summary_failures(locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_failure *f;
    locust__buf_puts(out, " \"failures\": [");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__buf_puts(out, i ? ",\n  {\"method\": " : "\n  {\"method\": ");
        locust__json_put(out, f->row->method);
        locust__buf_puts(out, ", \"name\": ");
        locust__json_put(out, f->row->name);
        locust__buf_puts(out, ", \"error\": ");
        locust__json_put(out, f->text);
        locust__buf_printf(out, ", \"occurrences\": %llu}", (unsigned long long)f->occurrences);
    }
    locust__buf_puts(out, "]\n}\n");
}

static void locust__summary_write(locust__buf *out, const locust__result *v)
{
    locust_env *env = v->env;
    locust__request_stats *st = &env->stats;
    int64_t now = locust__os_now_ns();
    size_t n;
    locust__entry **rows = locust__figures_rows(st, &n);
    locust__buf_puts(out, "{\"version\": \"" LOCUST_VERSION "\", \"start_time\": \"");
    locust__figures_time(out, locust__os_wall_ns() - (now - st->start_ns));
    locust__buf_printf(out, "\", \"duration_s\": %.3f, \"users\": %d, \"exit_code\": %d,\n",
        (double)(env->until.at_ns - st->start_ns) / 1e9, env->options.users, env->exit_code);
    locust__summary_generator(out, &v->generator);
    locust__summary_checks(out, &v->checks);
    locust__summary_remarks(out, &v->remarks);
    locust__buf_puts(out, " \"rows\": [");
    for (size_t i = 0; rows && i < n; i++) {
        locust__buf_puts(out, i + 1 == n ? "],\n \"total\":\n  " : i ? ",\n  " : "\n  ");
        locust__summary_row(out, env, rows[i]);
    }
    locust__buf_puts(out, ",\n");
    out->failed |= !rows;
    locust__summary_failures(out, st);
    LOCUST_FREE(rows);
}
/* ============================================================================================
 * >>junit  --junit
 *
 * Purpose     checks, baseline, search and the generator as test cases of JUnit XML.
 * Names       locust__junit_
 * Uses        >>generator >>figures >>check >>baseline >>find >>result
 * Sources     Ant's junit task, from its documentation; XML 1.0 section 2.2.
 * ============================================================================================ */

/* Adds text to XML. What XML 1.0 cannot hold (section 2.2) becomes U+FFFD; blanks but for the plain
 * one are escaped, else a reader makes plain ones of them (3.3.3). */
static void locust__junit_put(locust__buf *out, const char *text)
{
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        if (code < 128 && strchr("<>&\"\t\r\n", (int)code))
            locust__buf_printf(out, "&#%u;", (unsigned)code);
        else if (code < ' ' || code == 0xFFFE || code == 0xFFFF)
            locust__buf_puts(out, "\xEF\xBF\xBD");
        else
            locust__buf_add(out, c.ptr, c.len);
    }
}

/* Adds a test case. `failure`: NULL, or why it failed; `said`: NULL, or its output. */
static void locust__junit_case(
    locust__buf *out, const char *kind, const char *name, const char *failure, const char *said)
{
    locust__buf_printf(out, "  <testcase classname=\"%s\" name=\"", kind);
    locust__junit_put(out, name);
    locust__buf_puts(out, "\" time=\"0\">");
    if (failure) {
        locust__buf_puts(out, "<failure message=\"");
        locust__junit_put(out, failure);
        locust__buf_puts(out, "\"/>");
    }
    if (said) {
        locust__buf_puts(out, "<system-out>");
        locust__junit_put(out, said);
        locust__buf_puts(out, "</system-out>");
    }
    locust__buf_puts(out, "</testcase>\n");
}

/* The file, in the form that Jenkins, GitLab and others read. */
static void locust__junit_write(locust__buf *out, const locust__result *v)
{
    const locust_env *env = v->env;
    locust__buf cases = {NULL, 0, 0, false};
    bool limit = env->options.fail_on_generator_limit && !v->generator.ok;
    size_t n = 1, failed = limit;
    char line[640];
    for (size_t i = 0; i < v->checks.n; i++, n++) {
        const locust__check *c = &v->checks.all[i];
        failed += !c->held;
        locust__junit_case(&cases, "check", c->text,
            c->held ? NULL : locust__check_value(c, line, sizeof line), NULL);
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__earlier *earlier = &v->baseline.rows[i];
        const char *change = locust__change_names[earlier->change];
        n++;
        failed += earlier->change == LOCUST__CHANGE_SLOWER;
        locust__junit_case(&cases, "baseline", earlier->name,
            earlier->change == LOCUST__CHANGE_SLOWER ? earlier->why : NULL, change);
    }
    if (env->options.find_max) {
        bool found = v->find.good > 0;
        n++;
        failed += !found;
        locust__find_line(&v->find, line, sizeof line);
        locust__junit_case(
            &cases, "find-max", env->options.find_max, found ? NULL : line, found ? line : NULL);
    }
    locust__generator_line(&v->generator, line, sizeof line);
    locust__junit_case(&cases, "generator", "generator", limit ? line : NULL, line);
    locust__buf_printf(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite name=\"locust.h\" "
        "tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\" timestamp=\"",
        n, failed, (double)(env->until.at_ns - env->stats.start_ns) / 1e9);
    locust__figures_time(out, locust__os_wall_ns());
    locust__buf_puts(out, "\">\n");
    locust__buf_add(out, cases.ptr, cases.len);
    locust__buf_puts(out, " </testsuite>\n</testsuites>\n");
    out->failed |= cases.failed;
    locust__buf_free(&cases);
}
/* ============================================================================================
 * >>hgrm  --hgrm
 *
 * Purpose     percentiles in the format of HdrHistogram, which its plotters read.
 * Cost        one walk over the histogram.
 * Names       locust__hgrm_
 * Sources     HdrHistogram's outputPercentileDistribution, from its documentation.
 * ============================================================================================ */

/* Prints the distribution. A line for each percentile level that the counts reach: the levels go
 * up in five steps to 50 %, in five more to 75 %, to 87.5 %, and so on, halving the rest each
 * time. */
static void locust__hgrm_write(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    double level = 0, ticks, sum = 0, mean;
    uint64_t seen = 0, count;
    int64_t ns;
    locust__buf_printf(
        out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        ns = ns < max_ns ? ns : max_ns;
        seen += count;
        sum += (double)count * (double)ns;
        while (seen < h->total && 100.0 * (double)seen / (double)h->total >= level) {
            locust__buf_printf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)ns / 1e6, level / 100,
                (unsigned long long)seen, 100 / (100 - level));
            for (ticks = 10; 100 - level <= 1000 / ticks / 2 * 1.0000001; ticks *= 2)
                ;
            level += 100 / ticks;
        }
    }
    if (seen)
        locust__buf_printf(
            out, "%12.3f %2.12f %10llu\n", (double)max_ns / 1e6, 1.0, (unsigned long long)seen);
    mean = seen ? sum / (double)seen : 0;
    locust__buf_printf(out,
        "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n#[Max     = %12.3f, Total count    = "
        "%12llu]\n#[Buckets = %12d, SubBuckets     = %12d]\n",
        mean / 1e6, locust__hist_deviation(h, mean) / 1e6, (double)max_ns / 1e6,
        (unsigned long long)seen, (int)LOCUST__HIST_OCTAVES, (int)LOCUST__HIST_OCTAVE);
}
/* ============================================================================================
 * >>files  files for other programs
 *
 * Purpose     opens, before the run, the files of --summary, --junit, --hgrm and --request-log, and
 *             writes them: the log while the test runs, the others at its end.
 * Cost        the log of requests collects 512 of them, 64 bytes each, and is written when that is
 *             full, and each second.
 * Names       locust__files_
 * Uses        >>co >>switch >>entry >>stats >>result >>csv >>summary >>junit >>hgrm
 * ============================================================================================ */

enum {
    LOCUST__FILES_SUMMARY,
    LOCUST__FILES_JUNIT,
    LOCUST__FILES_HGRM,
    LOCUST__FILES_INTENDED, // HGRM of the times from the intended start, beside it
    LOCUST__FILES_LOG,
    LOCUST__FILES_COUNT
};

typedef struct locust__files_logged { // a request that the log has not written yet
    int64_t wall_ns, elapsed_ns, late_ns;
    const locust__entry *row;
    const char *error;
    uint64_t user;
    size_t length;
    int status;
} locust__files_logged;

enum { LOCUST__FILES_LOGGED = 512 };

typedef struct locust__files {
    locust_env *env;
    int fds[LOCUST__FILES_COUNT]; // -1: not asked for
    const char *paths[LOCUST__FILES_COUNT];
    char *intended_path;
    locust__files_logged *entries; // LOCUST__FILES_LOGGED of them
    size_t n_entries;
    bool failed; // a write failed, and the log says so
} locust__files;

static void locust__files_put(locust__files *files, int which, const locust__buf *text)
{
    if (locust__os_write_all(files->fds[which], text->ptr, text->len) == text->len && !text->failed)
        return;
    if (!files->failed)
        locust__log_print(&files->env->log, LOCUST__LOG_ERROR, "locust.main",
            "cannot write %s, it is incomplete: %s", files->paths[which],
            text->failed ? "out of memory" : strerror(errno));
    files->failed = true;
}

/* Adds milliseconds with three decimals and a comma. Whole numbers print faster than floats, and
 * there may be a line for every request. */
static void locust__files_ms(locust__buf *out, int64_t ns)
{
    int64_t us = (ns + 500) / 1000;
    locust__buf_printf(out, "%lld.%03d,", (long long)(us / 1000), (int)(us % 1000));
}

/* Writes the entries of the log. Runs on the loop's stack. */
static void locust__files_flush(void *arg)
{
    locust__files *files = arg;
    locust__buf out = {NULL, 0, 0, false};
    for (size_t i = 0; i < files->n_entries; i++) {
        const locust__files_logged *e = &files->entries[i];
        locust__buf_printf(&out, "%lld.%06d,%llu,", (long long)(e->wall_ns / LOCUST__S),
            (int)(e->wall_ns % LOCUST__S / 1000), (unsigned long long)e->user);
        locust__csv_names(&out, e->row);
        locust__buf_puts(&out, ",");
        locust__files_ms(&out, e->elapsed_ns);
        locust__files_ms(&out, e->late_ns);
        locust__buf_printf(&out, "%zu,%d,", e->length, e->status);
        locust__csv_text(&out, e->error ? e->error : "");
        locust__buf_puts(&out, "\r\n");
    }
    files->n_entries = 0;
    locust__files_put(files, LOCUST__FILES_LOG, &out);
    locust__buf_free(&out);
}

/* Called by the recorder for each request. Full entries are written at once, on the loop's
 * stack. */
static void locust__files_log(void *arg, const locust_sample *sample, const locust__entry *row,
    int64_t elapsed_ns, int64_t now_ns)
{
    locust__files *files = arg;
    locust__loop *loop = &files->env->loop;
    double share = files->env->options.request_log_sample;
    if (share > 0 && locust__random_unit(&loop->random) >= share)
        return;
    files->entries[files->n_entries++] = (locust__files_logged){.wall_ns = now_ns + loop->epoch_ns,
        .elapsed_ns = elapsed_ns,
        .late_ns = locust__number_round(sample->late_ms * 1e6),
        .row = row,
        .error = sample->error ? locust__stats_text(&files->env->stats, sample->error) : NULL,
        .user = sample->user ? sample->user->id : 0,
        .length = sample->length,
        .status = sample->status};
    if (files->n_entries == LOCUST__FILES_LOGGED)
        locust__co_call(loop, locust__files_flush, files);
}

static void locust__files_close(locust__files *files)
{
    for (int i = 0; i < LOCUST__FILES_COUNT; i++)
        if (files->fds[i] >= 0)
            close(files->fds[i]);
    files->env->services.recorder.log = NULL;
    LOCUST_FREE(files->entries);
    LOCUST_FREE(files->intended_path);
}

/* Opens the files that were asked for, so that a wrong path costs no run. False: one could not be
 * opened, and a line on standard error says so. */
static bool locust__files_open(locust__files *files, locust_env *env)
{
    static const char header[] =
        "time,user,method,name,response_time_ms,late_ms,length,status,error\r\n";
    const locust_options *o = &env->options;
    const char *hgrm = o->hgrm;
    *files = (locust__files){.env = env,
        .paths = {[LOCUST__FILES_SUMMARY] = o->summary,
            [LOCUST__FILES_JUNIT] = o->junit,
            [LOCUST__FILES_HGRM] = hgrm,
            [LOCUST__FILES_LOG] = o->request_log}};
    for (int i = 0; i < LOCUST__FILES_COUNT; i++)
        files->fds[i] = -1;
    if (hgrm && env->services.recorder.has_arrivals) {
        files->intended_path = LOCUST_MALLOC(strlen(hgrm) + sizeof ".intended");
        if (files->intended_path)
            sprintf(files->intended_path, "%s.intended", hgrm);
        files->paths[LOCUST__FILES_INTENDED] = files->intended_path;
    }
    for (int i = 0; i < LOCUST__FILES_COUNT; i++) {
        if (!files->paths[i])
            continue;
        files->fds[i] = open(files->paths[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (files->fds[i] < 0) {
            locust__say("cannot write %s: %s", files->paths[i], strerror(errno));
            return false;
        }
    }
    if (!o->request_log)
        return true;
    files->entries = LOCUST_MALLOC(LOCUST__FILES_LOGGED * sizeof *files->entries);
    if (!files->entries) {
        locust__say("out of memory");
        return false;
    }
    locust__os_write_all(files->fds[LOCUST__FILES_LOG], header, sizeof header - 1);
    env->services.recorder.log = locust__files_log;
    env->services.recorder.log_arg = files;
    return true;
}

/* Writes the files at the end of the run, and what is left of the log. */
static void locust__files_write(locust__files *files, const locust__result *v)
{
    const locust__entry *total = &files->env->stats.total;
    static const locust__phase none;
    const locust__phase *intended = total->intended ? total->intended : &none;
    for (int i = 0; i < LOCUST__FILES_LOG; i++) {
        locust__buf out = {NULL, 0, 0, false};
        if (files->fds[i] < 0)
            continue;
        if (i == LOCUST__FILES_SUMMARY)
            locust__summary_write(&out, v);
        else if (i == LOCUST__FILES_JUNIT)
            locust__junit_write(&out, v);
        else if (i == LOCUST__FILES_HGRM)
            locust__hgrm_write(&out, &total->hist, total->max_ns);
        else
            locust__hgrm_write(&out, &intended->hist, intended->max_ns);
        locust__files_put(files, i, &out);
        locust__buf_free(&out);
    }
    if (files->fds[LOCUST__FILES_LOG] >= 0)
        locust__files_flush(files);
}
/* ============================================================================================
 * >>github  annotations of GitHub Actions
 *
 * Purpose     shows at a job of GitHub Actions what is wrong: checks that do not hold, rows that
 *             became slower, a search that found no rate, a generator at its limit.
 * Names       locust__github_
 * Uses        >>generator >>check >>baseline >>find >>result
 * Sources     GitHub's documentation of workflow commands; escapes as its toolkit has them
 *             (packages/core/src/command.ts). Its runner reads no other.
 * ============================================================================================ */

/* Adds text to a command of the runner: what would end the line or begin an escape is escaped,
 * other control characters become blanks. */
static void locust__github_put(locust__buf *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "%\r\n");
        locust__buf_line(out, (locust__view){text, n});
        text += n;
        if (*text)
            locust__buf_printf(out, "%%%02X", (unsigned)*text++);
    }
}

static void locust__github_add(
    locust__buf *out, const char *level, const char *what, const char *is, const char *how)
{
    locust__buf_printf(out, "::%s title=locust.h::", level);
    locust__github_put(out, what);
    locust__buf_puts(out, is);
    locust__github_put(out, how);
    locust__buf_puts(out, "\n");
}

/* Prints one annotation for each thing that is wrong, if GitHub Actions runs this process. */
static void locust__github_annotate(const locust__result *v)
{
    const char *github = getenv("GITHUB_ACTIONS");
    locust__buf out = {NULL, 0, 0, false};
    char text[640];
    if (!github || strcmp(github, "true") != 0)
        return;
    for (size_t i = 0; i < v->checks.n; i++) {
        const locust__check *c = &v->checks.all[i];
        if (!c->held)
            locust__github_add(&out, "error", c->text,
                " does not hold: ", locust__check_value(c, text, sizeof text));
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__earlier *earlier = &v->baseline.rows[i];
        if (earlier->change == LOCUST__CHANGE_SLOWER)
            locust__github_add(&out, "error", earlier->name, " became slower: ", earlier->why);
    }
    if (v->env->options.find_max && !(v->find.good > 0)) {
        locust__find_line(&v->find, text, sizeof text);
        locust__github_add(&out, "error", text, "", "");
    }
    locust__generator_line(&v->generator, text, sizeof text);
    if (!v->generator.ok)
        locust__github_add(&out, "warning", text, "", "");
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}
/* ============================================================================================
 * >>options  the options and how each is set
 *
 * Purpose     one table of options; finds one by its name and sets it from text, wherever that
 *             comes from.
 * Invariants  the later place wins: ~/.locust.conf, ./locust.conf, the --config file, environment,
 *             command line. Anything wrong in one of them ends in one sentence and exit code 2.
 * Names       locust__option_ locust__options_ locust__settings_ locust__known_option
 * Sources     Locust 2.46 and 2.47 (reference runs): names, defaults, spans, exit codes, prefixes.
 * Limits      no pyproject.toml. Options of Locust that this version lacks are refused by name.
 * ============================================================================================ */

typedef struct locust__settings { // what the command line can say
    locust_options options;
    bool headless, list, show_task_ratio, version, help;
    char *config;
    const char *classes[LOCUST_CLASSES_MAX]; // the user classes asked for; none: all
    int n_classes;
    locust__buf home_file, local_file, config_file; // settings point into these texts
    locust__buf class_names;           // text of LOCUST_USER_CLASSES, which `classes` points into
    locust__buf check_list, find_list; // of --check and --find-max, with ';' between
    struct locust__known_option *own;  // those that the test declares, n_own of them
    int n_own;
    locust_pair own_values[LOCUST_OWN_OPTIONS_MAX + 1];
} locust__settings;

enum locust__option_kind {
    LOCUST__OPTION_FLAG,
    LOCUST__OPTION_TEXT,
    LOCUST__OPTION_USERS,
    LOCUST__OPTION_RATE,
    LOCUST__OPTION_SPAN,
    LOCUST__OPTION_LEVEL,
    LOCUST__OPTION_CODE,
    LOCUST__OPTION_COUNT,
    LOCUST__OPTION_NUMBER,
    LOCUST__OPTION_LIST,     // given more than once it adds up
    LOCUST__OPTION_OWN,      // of the test, with a value
    LOCUST__OPTION_OWN_FLAG, // of the test, a switch
    LOCUST__OPTION_IGNORED,  // of Locust, without a meaning here
    LOCUST__OPTION_MISSING,  // of Locust, not in this version; takes a value
    LOCUST__OPTION_MISSING_FLAG,
};

/* What each kind takes, for the sentence about a wrong value, and the limits of whole numbers. */
static const struct {
    const char *takes;
    int min, max;
    int zero;  // what stands for 0 in locust_options, where 0 means the default
    bool bare; // it is a switch: no value need follow
} locust__option_kinds[] = {
    [LOCUST__OPTION_FLAG] = {.takes = "true or false", .bare = true},
    [LOCUST__OPTION_USERS] = {.takes = "a whole number from 0", .max = INT_MAX, .zero = -1},
    [LOCUST__OPTION_RATE] = {.takes = "a number above 0"},
    [LOCUST__OPTION_SPAN] = {.takes = "a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s"},
    [LOCUST__OPTION_LEVEL] = {.takes = "DEBUG, INFO, WARNING, ERROR or CRITICAL"},
    [LOCUST__OPTION_CODE] = {.takes = "a whole number from 0 to 255", .max = 255, .zero = -1},
    [LOCUST__OPTION_COUNT] = {.takes = "a whole number from 1", .min = 1, .max = INT_MAX},
    [LOCUST__OPTION_NUMBER] = {.takes = "a whole number from 0", .max = INT_MAX},
    [LOCUST__OPTION_OWN_FLAG] = {.takes = "true or false", .bare = true},
    [LOCUST__OPTION_MISSING_FLAG] = {.bare = true},
};

typedef struct locust__known_option {
    const char *name;
    char letter;
    enum locust__option_kind kind;
    size_t offset; // in locust__settings
    const char *value, *help;
    const char *env; // of an option of the test: its variable; NULL: none
    const locust_own_option *own;
} locust__known_option;

/* Name, letter, kind, field of locust__settings, what stands for its value in --help, help. */
// clang-format off
#define LOCUST__OPTIONS_KNOWN(X) \
    X("help", 'h', FLAG, help, NULL, "this text") \
    X("version", 'V', FLAG, version, NULL, "print the version") \
    X("host", 'H', TEXT, options.host, "URL", \
        "base URL of all user classes, such as http://127.0.0.1:8080") \
    X("users", 'u', USERS, options.users, "N", "peak number of users (1)") \
    X("spawn-rate", 'r', RATE, options.spawn_rate, "PER_S", "users to start a second (1)") \
    X("run-time", 't', SPAN, options.run_time_s, "SPAN", \
        "stop after that time: 20, 20s, 3m, 2h, 1h20m (no limit)") \
    X("stop-timeout", 's', SPAN, options.stop_timeout_s, "SPAN", \
        "let running tasks finish for that long at the end (0)") \
    X("headless", 0, FLAG, headless, NULL, "start at once, without a web interface") \
    X("only-summary", 0, FLAG, options.only_summary, NULL, \
        "no table every two seconds, the final ones alone") \
    X("compact", 0, FLAG, options.compact, NULL, \
        "short key=value lines on standard output in place of tables") \
    X("reset-stats", 0, FLAG, options.reset_stats, NULL, "forget the figures of the ramp-up") \
    X("csv", 0, TEXT, options.csv, "PREFIX", \
        "PREFIX_{stats,stats_history,failures,exceptions,generator}.csv") \
    X("csv-full-history", 0, FLAG, options.csv_full_history, NULL, \
        "a history line for each row (with --csv)") \
    X("iterations", 'i', COUNT, options.iterations, "N", \
        "end after that many task runs in all (no limit)") \
    X("stages", 0, TEXT, options.stages, "LIST", \
        "DURATION:USERS,... in place of --users: 1m:100,1m:0; or 1m:50/s") \
    X("rate", 0, RATE, options.rate, "PER_S", \
        "open model: arrivals a second, whatever answers take") \
    X("poisson", 0, FLAG, options.poisson, NULL, "arrivals with exponential gaps (even ones)") \
    X("max-in-flight", 0, COUNT, options.max_in_flight, "N", \
        "arrivals in progress at once, of each class (10000)") \
    X("patience", 0, SPAN, options.patience_s, "SPAN", \
        "how long an arrival waits for a place, then it is shed (10)") \
    X("seed", 0, COUNT, options.seed, "N", \
        "repeat the random choices of tasks, waits and locust_random") \
    X("worker-count", 0, COUNT, options.worker_count, "N", \
        "processes started by hand that share this test (1)") \
    X("worker-index", 0, NUMBER, options.worker_index, "I", \
        "this one among them, from 0: feeders give each its own rows") \
    X("config-users", 0, TEXT, options.config_users, "JSON", \
        "or a file: user_class_name and host, weight, fixed_count, tasks") \
    X("tags", 'T', TEXT, options.tags, "LIST", \
        "run tasks with one of these tags alone: pay,critical") \
    X("exclude-tags", 'E', TEXT, options.exclude_tags, "LIST", \
        "leave out tasks with one of these tags") \
    X("phases", 0, FLAG, options.phases, NULL, \
        "a table of where the time of each row's requests went") \
    X("cacert", 0, TEXT, options.ca_file, "FILE", \
        "certificates to trust, PEM (those of the system)") \
    X("insecure", 0, FLAG, options.insecure, NULL, "do not verify certificates") \
    X("cert", 0, TEXT, options.cert_file, "FILE", "client certificate, PEM") \
    X("key", 0, TEXT, options.key_file, "FILE", "its private key, PEM (in the file of --cert)") \
    X("tls-min", 0, TEXT, options.tls_min, "VERSION", "lowest TLS version, 1.2 or 1.3 (1.2)") \
    X("tls-max", 0, TEXT, options.tls_max, "VERSION", \
        "highest TLS version (what the library has)") \
    X("ciphers", 0, TEXT, options.ciphers, "LIST", \
        "cipher suites by their IANA names, separated by ':'") \
    X("no-tls-resume", 0, FLAG, options.no_tls_resume, NULL, \
        "make every TLS handshake a full one") \
    X("max-handshakes", 0, COUNT, options.max_handshakes, "N", \
        "TLS handshakes in progress at once (128)") \
    X("proxy", 0, TEXT, options.proxy, "URL", \
        "HTTP proxy for all, http://[user:password@]host:port") \
    X("proxy-from-env", 0, FLAG, options.proxy_from_env, NULL, \
        "use http_proxy, https_proxy, all_proxy and no_proxy") \
    X("unix-socket", 0, TEXT, options.unix_socket, "PATH", "connect there, whatever the host") \
    X("source", 0, TEXT, options.source, "LIST", \
        "local addresses in turn: 127.0.0.2,10.0.0.5-10.0.0.9") \
    X("connect-to", 0, TEXT, options.connect_to, "LIST", \
        "HOST:PORT:HOST:PORT, connect to the second instead") \
    X("resolve", 0, TEXT, options.resolve, "LIST", \
        "HOST:PORT:ADDRESS[,ADDRESS], in place of a name lookup") \
    X("no-arrival-times", 0, FLAG, options.no_arrival_times, NULL, \
        "a response ends when it is read, not when the kernel had it") \
    X("check", 0, LIST, check_list, "CHECK", \
        "what shall hold, or exit code 3: 'p99<250ms', 'fail_ratio<1% /cart'") \
    X("abort-on-fail", 0, SPAN, options.abort_on_fail_s, "SPAN", \
        "from then on a check that does not hold ends the test") \
    X("fail-on-generator-limit", 0, FLAG, options.fail_on_generator_limit, NULL, \
        "exit code 4 if the generator limited the load") \
    X("warm-up", 0, SPAN, options.warm_up_s, "SPAN", \
        "requests that began before that are not counted") \
    X("find-max", 0, LIST, find_list, "CHECK", \
        "raise the rate of arrivals, from --rate or 10, until that breaks") \
    X("find-step", 0, SPAN, options.find_step_s, "SPAN", "how long each rate is tried (5)") \
    X("junit", 0, TEXT, options.junit, "FILE", "the checks as JUnit XML") \
    X("summary", 0, TEXT, options.summary, "FILE", "all figures as JSON, with histograms") \
    X("baseline", 0, TEXT, options.baseline, "FILE", \
        "the --summary of an earlier run to compare with") \
    X("baseline-margin", 0, RATE, options.baseline_margin, "PERCENT", \
        "that are no difference (5)") \
    X("hgrm", 0, TEXT, options.hgrm, "FILE", "percentiles in the format of HdrHistogram") \
    X("request-log", 0, TEXT, options.request_log, "FILE", "a line for each request, CSV") \
    X("request-log-sample", 0, RATE, options.request_log_sample, "SHARE", \
        "of the requests in it (1)") \
    X("exit-code-on-error", 0, CODE, options.exit_code_on_error, "CODE", \
        "exit code after a run with failures (1)") \
    X("loglevel", 'L', LEVEL, options.loglevel, "LEVEL", \
        "DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)") \
    X("logfile", 0, TEXT, options.logfile, "FILE", "log lines go there (standard error)") \
    X("list", 'l', FLAG, list, NULL, "print the user classes") \
    X("show-task-ratio", 0, FLAG, show_task_ratio, NULL, "print the share of each task") \
    X("config", 0, TEXT, config, "FILE", "one more config file") \
    X("locustfile", 'f', IGNORED, help, "FILE", "ignored: the test is this program")

/* Options of Locust that this version lacks; they are refused by name. */
#define LOCUST__OPTIONS_LACKING(X) \
    X("skip-log-setup", 0, MISSING_FLAG) X("web-host", 0, MISSING) X("web-port", 'P', MISSING) \
    X("web-base-path", 0, MISSING) X("web-login", 0, MISSING_FLAG) X("tls-cert", 0, MISSING) \
    X("tls-key", 0, MISSING) X("class-picker", 0, MISSING_FLAG) X("autostart", 0, MISSING_FLAG) \
    X("autoquit", 0, MISSING) X("master", 0, MISSING_FLAG) X("master-bind-host", 0, MISSING) \
    X("master-bind-port", 0, MISSING) X("expect-workers", 0, MISSING) \
    X("expect-workers-max-wait", 0, MISSING) X("enable-rebalancing", 0, MISSING_FLAG) \
    X("worker", 0, MISSING_FLAG) X("processes", 0, MISSING) X("master-host", 0, MISSING) \
    X("master-port", 0, MISSING) X("print-stats", 0, MISSING_FLAG) X("html", 0, MISSING) \
    X("json", 0, MISSING_FLAG) X("json-file", 0, MISSING) \
    X("show-task-ratio-json", 0, MISSING_FLAG) X("equal-weights", 0, MISSING_FLAG) \
    X("profile", 0, MISSING) X("otel", 0, MISSING_FLAG)
// clang-format on

#define LOCUST__OPTIONS_ROW(name, letter, kind, field, value, help)                             \
    {name, letter, LOCUST__OPTION_##kind, offsetof(locust__settings, field), value, help, NULL, \
        NULL},
#define LOCUST__OPTIONS_LACKING_ROW(name, letter, kind) \
    {name, letter, LOCUST__OPTION_##kind, 0, NULL, NULL, NULL, NULL},
static const locust__known_option locust__options_known[] = {LOCUST__OPTIONS_KNOWN(
    LOCUST__OPTIONS_ROW) LOCUST__OPTIONS_LACKING(LOCUST__OPTIONS_LACKING_ROW)};
#undef LOCUST__OPTIONS_ROW
#undef LOCUST__OPTIONS_LACKING_ROW

enum { LOCUST__OPTIONS = sizeof locust__options_known / sizeof *locust__options_known };

/* Options whose environment variable is not LOCUST_ and their name; NULL: they have none. */
static const struct {
    const char *option, *variable;
} locust__option_variables[] = {
    // clang-format off
    {"help", NULL}, {"version", NULL}, {"list", NULL}, {"show-task-ratio", NULL}, {"config", NULL},
    {"show-task-ratio-json", NULL}, {"enable-rebalancing", NULL}, {"json", NULL},
    {"json-file", NULL}, {"equal-weights", NULL}, {"profile", NULL},
    {"class-picker", "LOCUST_USERCLASS_PICKER"}, {"otel", "LOCUST_ENABLE_OPENTELEMETRY"},
    {"master", "LOCUST_MODE_MASTER"}, {"master-host", "LOCUST_MASTER_NODE_HOST"},
    {"worker", "LOCUST_MODE_WORKER"}, {"master-port", "LOCUST_MASTER_NODE_PORT"},
    // clang-format on
};

/* The environment variable of an option; NULL: none. */
static const char *locust__option_variable(const locust__known_option *o, char *out, size_t size)
{
    const size_t n = sizeof locust__option_variables / sizeof *locust__option_variables;
    if (o->kind == LOCUST__OPTION_OWN || o->kind == LOCUST__OPTION_OWN_FLAG)
        return o->env;
    for (size_t i = 0; i < n; i++)
        if (strcmp(locust__option_variables[i].option, o->name) == 0)
            return locust__option_variables[i].variable;
    snprintf(out, size, "LOCUST_%s", o->name);
    for (char *p = out; *p; p++)
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    return out;
}

/* Ends the program over a wrong option: argparse's exit code, and so Locust's. */
#define locust__options_die(...) locust__die(LOCUST__EXIT_USAGE, __VA_ARGS__)

static bool locust__option_takes_value(const locust__known_option *o)
{
    return !locust__option_kinds[o->kind].bare;
}

/* Reads a whole number from 0 to `max`, in decimal. */
static bool locust__option_number(const char *text, int64_t max, int64_t *out)
{
    *out = locust__number_whole(&text);
    return *out >= 0 && !*text && *out <= max;
}

/* The known options, then those of the test; NULL: no more. */
static const locust__known_option *locust__option_at(const locust__settings *st, int i)
{
    return i < LOCUST__OPTIONS               ? &locust__options_known[i]
           : i - LOCUST__OPTIONS < st->n_own ? &st->own[i - LOCUST__OPTIONS]
                                             : NULL;
}

/* Begins with no option set, and with the options that the test declares. */
static void locust__settings_init(locust__settings *st, const locust_test *test)
{
    const locust_own_option *o = test->options;
    memset(st, 0, sizeof *st);
    st->own = locust__memory_zalloc(LOCUST_OWN_OPTIONS_MAX * sizeof *st->own);
    if (!st->own)
        locust__options_die("out of memory");
    for (; st->n_own < LOCUST_OWN_OPTIONS_MAX && o->name; o++) {
        const char *name = locust__own_option_name(o->name);
        int type = locust__own_option_type(o);
        for (int i = 0; locust__option_at(st, i); i++)
            if (strcmp(locust__option_at(st, i)->name, name) == 0)
                locust__options_die(
                    "the test declares an option --%s, which there is already", name);
        st->own[st->n_own++] = (locust__known_option){.name = name,
            .kind = type == LOCUST_OPTION_FLAG ? LOCUST__OPTION_OWN_FLAG : LOCUST__OPTION_OWN,
            .env = o->env,
            .value = locust__own_option_value(o),
            .help = o->help ? o->help : "an option of this test",
            .own = o};
    }
}

static void locust__option_set_own(locust__settings *st, const char *name, const char *value)
{
    locust_pair *pair = st->own_values;
    while (pair->name && strcmp(pair->name, name) != 0)
        pair++;
    *pair = (locust_pair){name, value};
    st->options.own = st->own_values;
}

/* Adds to an option that may be given more than once. */
static void locust__option_add(locust__buf *list, const char *value)
{
    if (!*value)
        return; // as if it were not given
    if (list->len)
        list->ptr[list->len - 1] = ';'; // where it ended
    locust__buf_add(list, value, strlen(value) + 1);
    if (list->failed)
        locust__options_die("out of memory");
}

/* Reads a whole number within the limits of its kind. */
static bool locust__option_whole(enum locust__option_kind kind, const char *text, int *out)
{
    int64_t whole;
    if (!locust__option_number(text, locust__option_kinds[kind].max, &whole) ||
        whole < locust__option_kinds[kind].min)
        return false;
    *out = whole ? (int)whole : locust__option_kinds[kind].zero;
    return true;
}

static bool locust__option_rate(const char *text, double *out)
{
    double number = locust__number_decimal(&text);
    if (*text || !(number > 0) || number > 1e9)
        return false;
    *out = number;
    return true;
}

/* Sets one option from its text. `where`: how the user named it, for messages. */
static void locust__option_set(
    locust__settings *st, const locust__known_option *o, const char *value, const char *where)
{
    void *field = (char *)st + o->offset;
    const char *text = value ? value : ""; // only a flag may have none
    bool good = true, flag = true;
    char takes[256];
    switch (o->kind) {
    case LOCUST__OPTION_FLAG:
        good = !value || locust__text_switch(value, &flag);
        *(bool *)field = flag;
        break;
    case LOCUST__OPTION_TEXT:
        *(const char **)field = *text ? text : NULL; // empty: as if it were not given
        break;
    case LOCUST__OPTION_USERS:
    case LOCUST__OPTION_CODE:
    case LOCUST__OPTION_COUNT:
    case LOCUST__OPTION_NUMBER:
        good = locust__option_whole(o->kind, text, field);
        break;
    case LOCUST__OPTION_RATE:
        good = locust__option_rate(text, field);
        break;
    case LOCUST__OPTION_SPAN:
        good = locust__number_span(text, field);
        break;
    case LOCUST__OPTION_LEVEL:
        good = locust__log_level(text) >= 0;
        if (good)
            *(const char **)field = text;
        break;
    case LOCUST__OPTION_LIST:
        if (!*text && *where == '-')
            locust__options_die("%s needs a value", where);
        locust__option_add(field, text);
        break;
    case LOCUST__OPTION_OWN_FLAG:
        good = !value || locust__text_switch(value, &flag);
        locust__option_set_own(st, o->name, flag ? "true" : "false");
        break;
    case LOCUST__OPTION_OWN:
        if (!locust__own_option_good(o->own, text, takes, sizeof takes))
            locust__options_die("%s takes %s, not \"%s\"", where, takes, text);
        locust__option_set_own(st, o->name, text);
        break;
    case LOCUST__OPTION_IGNORED:
        break;
    case LOCUST__OPTION_MISSING:
    case LOCUST__OPTION_MISSING_FLAG:
        if (!value || !locust__text_switch(value, &flag) || flag)
            locust__options_die(
                "%s is an option of Locust that this version of locust.h (" LOCUST_VERSION
                ") lacks",
                where);
        break;
    }
    if (!good)
        locust__options_die(
            "%s takes %s, not \"%s\"", where, locust__option_kinds[o->kind].takes, text);
}

static _Noreturn void locust__option_unknown(
    const locust__settings *st, locust__view name, const char *where)
{
    const char *nearest = NULL;
    int best = 3;
    for (int i = 0; locust__option_at(st, i); i++) {
        const char *known = locust__option_at(st, i)->name;
        int d = locust__text_distance(name, locust__view_of(known));
        if (d < best && (size_t)d * 2 < name.len) {
            best = d;
            nearest = known;
        }
    }
    if (nearest)
        locust__options_die(
            "unknown option %s: did you mean %s%s?", where, *where == '-' ? "--" : "", nearest);
    locust__options_die("unknown option %s: --help lists them", where);
}

/* The option of that name, or the only one whose name begins with it. Ends the program if there
 * is none, or more than one. */
static const locust__known_option *locust__option_find(
    const locust__settings *st, locust__view name, const char *where)
{
    const locust__known_option *found = NULL;
    locust__buf names = {NULL, 0, 0, false};
    int n = 0;
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
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
        locust__options_die(
            "%s is short for several options: %.*s", where, (int)names.len, names.ptr);
    locust__buf_free(&names);
    if (!found)
        locust__option_unknown(st, name, where);
    return found;
}
/* ============================================================================================
 * >>config_file  config files
 *
 * Purpose     reads ~/.locust.conf, ./locust.conf and the file of --config.
 * Names       locust__config_file_
 * Uses        >>options
 * Sources     Locust 2.46: ConfigArgParse's form.
 * ============================================================================================ */

/* Cuts blanks, then a pair of quotes, off both ends. */
static char *locust__config_file_trim(char *text)
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
static void locust__config_file_uncomment(char *value)
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
static void locust__config_file_line(locust__settings *st, char *line, const char *path)
{
    char where[512];
    const locust__known_option *o;
    char *key = locust__config_file_trim(line), *value;
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
    locust__config_file_uncomment(value);
    value = locust__config_file_trim(value);
    snprintf(where, sizeof where, "%.*s in %s", (int)n, key, path);
    o = locust__option_find(st, (locust__view){key, n}, where);
    if (locust__option_takes_value(o) && !*value)
        locust__options_die("%s needs a value", where);
    locust__option_set(st, o, *value ? value : NULL, where);
}

/* Sets the options of a config file. They point into its text, which is cut into lines. */
static void locust__config_file_read(locust__settings *st, locust__buf *text, const char *path)
{
    char *end = NULL;
    for (char *line = text->ptr ? strtok_r(text->ptr, "\n", &end) : NULL; line;
         line = strtok_r(NULL, "\n", &end))
        locust__config_file_line(st, line, path);
}

/* Reads a file into `text`, one of the settings'; `needed`: it must be there. */
static void locust__config_file_load(
    locust__settings *st, locust__buf *text, const char *path, bool needed)
{
    *text = locust__os_read_file(path, SIZE_MAX);
    if (text->failed && (needed || text->ptr))
        locust__options_die("cannot read the config file %s: %s", path, strerror(errno));
    locust__config_file_read(st, text, path);
}
/* ============================================================================================
 * >>cli  the command line
 *
 * Purpose     reads arguments, environment variables and config files, in the order that lets the
 *             later place win; prints --help.
 * Names       locust__cli_
 * Uses        >>options >>config_file
 * ============================================================================================ */

/* The option that an argument names, with the value that is part of it, if any. */
static const locust__known_option *locust__cli_option(
    const locust__settings *st, const char *arg, const char **value, char *where, size_t size)
{
    const locust__known_option *o = NULL;
    const char *equals = strchr(arg, '=');
    if (arg[1] == '-') {
        snprintf(where, size, "%.*s", equals ? (int)(equals - arg) : (int)strlen(arg), arg);
        *value = equals ? equals + 1 : NULL;
        return locust__option_find(st, locust__view_of(where + 2), where);
    }
    snprintf(where, size, "-%c", arg[1]);
    for (int k = 0; k < LOCUST__OPTIONS && !o; k++)
        if (locust__options_known[k].letter == arg[1])
            o = &locust__options_known[k];
    if (!o)
        locust__option_unknown(st, (locust__view){"", 0}, where);
    *value = arg[2] ? arg + 2 + (arg[2] == '=') : NULL; // -u10, -u=10
    return o;
}

/* True if an argument can be the value of the option before it: -5 can, --headless cannot. */
static bool locust__cli_is_value(const char *arg)
{
    return arg && (*arg != '-' || !arg[1] || locust__text_is_digit(arg[1]) || arg[1] == '.');
}

/* Sets the options of the command line. `config_only`: --config alone, which is needed before
 * the other places are read. */
static void locust__cli_args(locust__settings *st, int argc, char **argv, bool config_only)
{
    bool words_only = false;
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const locust__known_option *o;
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
        o = locust__cli_option(st, argv[i], &value, where, sizeof where);
        if (!locust__option_takes_value(o) && value)
            locust__options_die("%s takes no value, not \"%s\"", where, value);
        if (locust__option_takes_value(o) && !value) {
            value = i + 1 < argc ? argv[++i] : NULL;
            if (!locust__cli_is_value(value))
                locust__options_die("%s needs a value", where);
        }
        if (!config_only || strcmp(o->name, "config") == 0)
            locust__option_set(st, o, value, where);
    }
}

/* LOCUST_USER_CLASSES: names separated by blanks, used if the command line names no class. */
static void locust__cli_env_classes(locust__settings *st)
{
    const char *names = getenv("LOCUST_USER_CLASSES");
    char *end = NULL;
    if (st->n_classes || !names)
        return;
    locust__buf_add(&st->class_names, names, strlen(names) + 1);
    for (char *name = st->class_names.ptr ? strtok_r(st->class_names.ptr, " ", &end) : NULL;
         name && st->n_classes < LOCUST_CLASSES_MAX; name = strtok_r(NULL, " ", &end))
        st->classes[st->n_classes++] = name;
}

static void locust__cli_environment(locust__settings *st)
{
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
        char name[64];
        const char *variable = locust__option_variable(o, name, sizeof name);
        const char *value = variable ? getenv(variable) : NULL;
        if (value && (*value || locust__option_takes_value(o)))
            locust__option_set(st, o, value, variable);
    }
}

/* Options that mean nothing without another one. */
static void locust__cli_require(const locust__settings *st)
{
    if (st->options.csv_full_history && !st->options.csv)
        locust__options_die("--csv-full-history needs --csv PREFIX");
    if (st->options.abort_on_fail_s > 0 && !st->options.checks)
        locust__options_die("--abort-on-fail needs --check");
    if (st->options.baseline_margin > 0 && !st->options.baseline)
        locust__options_die("--baseline-margin needs --baseline FILE");
    if (st->options.find_step_s > 0 && !st->options.find_max)
        locust__options_die("--find-step needs --find-max");
    if (st->options.request_log_sample > 0 && !st->options.request_log)
        locust__options_die("--request-log-sample needs --request-log FILE");
    if (st->options.request_log_sample > 1)
        locust__options_die("--request-log-sample takes a share above 0, up to 1");
}

/* Reads everything from its places, the weakest first. */
static void locust__cli_read(locust__settings *st, int argc, char **argv)
{
    const char *home = getenv("HOME");
    char path[4096];
    locust__locale locale = locust__locale_enter();
    locust__cli_args(st, argc, argv, true);
    if (home && strlen(home) + 32 < sizeof path) {
        snprintf(path, sizeof path, "%s/.locust.conf", home);
        locust__config_file_load(st, &st->home_file, path, false);
    }
    locust__config_file_load(st, &st->local_file, "locust.conf", false);
    if (st->config)
        locust__config_file_load(st, &st->config_file, st->config, true);
    locust__cli_environment(st);
    locust__cli_args(st, argc, argv, false);
    locust__cli_env_classes(st);
    locust__locale_leave(locale);
    st->options.checks = st->check_list.ptr;
    st->options.find_max = st->find_list.ptr;
    locust__cli_require(st);
}

static void locust__cli_free(locust__settings *st)
{
    locust__buf_free(&st->home_file);
    locust__buf_free(&st->local_file);
    locust__buf_free(&st->config_file);
    locust__buf_free(&st->class_names);
    locust__buf_free(&st->check_list);
    locust__buf_free(&st->find_list);
    LOCUST_FREE(st->own);
}

/* Ends the line of an option of the test: its choices, and its fallback unless the help has it. */
static void locust__cli_help_own(const locust_own_option *o)
{
    const char *fallback = o && o->fallback ? o->fallback : "";
    if (o && locust__own_option_type(o) == LOCUST_OPTION_CHOICE && o->choices)
        dprintf(STDOUT_FILENO, ": %s", o->choices);
    if (*fallback && !(o->help && strchr(o->help, '(')))
        dprintf(STDOUT_FILENO, " (%s)", fallback);
    dprintf(STDOUT_FILENO, "\n");
}

static void locust__cli_help(const locust__settings *st, const char *program)
{
    dprintf(STDOUT_FILENO, "usage: %s [options] [UserClass ...]\n\n", program);
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
        char names[64], variable[64];
        const char *env = locust__option_variable(o, variable, sizeof variable);
        if (i == LOCUST__OPTIONS)
            dprintf(STDOUT_FILENO, "\nOptions of this test:\n");
        if (!o->help)
            continue;
        snprintf(names, sizeof names, "%c%c%s --%s %s", o->letter ? '-' : ' ',
            o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? o->value : "");
        dprintf(STDOUT_FILENO, "  %-30s %s", names, o->help);
        locust__cli_help_own(o->own);
        if (env)
            dprintf(STDOUT_FILENO, "  %-30s also: %s\n", "", env);
    }
    dprintf(STDOUT_FILENO,
        "\nOptions also come from ~/.locust.conf, ./locust.conf and --config FILE "
        "(users = 100), then\n"
        "from the environment, then from here; the later place wins. UserClass: run these alone.\n"
        "Exit code: 0, 1 after failures (--exit-code-on-error), 2 for a wrong option, "
        "3 if a --check\n"
        "does not hold, 4 with --fail-on-generator-limit.\n");
}
/* ============================================================================================
 * >>task_ratio  --list and --show-task-ratio
 *
 * Purpose     picks the user classes of the command line; prints them, and how often each task
 *             runs.
 * Names       locust__ratio_
 * Uses        >>task >>class >>table >>options
 * Sources     Locust 2.46.
 * ============================================================================================ */

/* Copies a test with only those classes that the command line names. False: one of them does not
 * exist, and a line on standard error says so. */
static bool locust__ratio_pick(
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
        locust__say("unknown user class %.*s: --list prints those there are", (int)unknown.len,
            unknown.ptr);
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

static void locust__ratio_list(const locust_test *test)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__buf_puts(&out, "Available Users:\n");
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        locust__buf_puts(&out, "    ");
        locust__table_text(&out, test->users[i]->name, 0);
        locust__buf_puts(&out, "\n");
    }
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}

/* The users of a class among `users`, as Locust rounds them. */
static double locust__ratio_share(const locust_test *test, int i, int users)
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
        users = fixed ? 1 : (int)total; // without --users
    if (!(total > 0) || users <= fixed)
        return 0;
    return (double)locust__number_round(
        locust__class_weight(test->users[i]) / total * (users - fixed));
}

static void locust__ratio_line(locust__buf *out, int level, double ratio, const char *name)
{
    int width = 10 - 2 * level < 6 ? 6 : 10 - 2 * level;
    locust__buf_printf(out, " %*s%-*.1f %*s", 2 * level, "", width, ratio * 100, 2 * level, "");
    locust__table_text(out, name, 50 - 2 * level);
    locust__buf_puts(out, "\n");
}

/* Prints the tasks of a class or a task set that has `share` of all task runs. In the total,
 * tasks of a nested set are shares of the whole; else they are shares of their set. */
static void locust__ratio_of_tasks(locust__buf *out, // NOLINT(misc-no-recursion)
    const locust_task *tasks, int depth, double share, bool total)
{
    int weights = 0;
    for (const locust_task *t = tasks; t && (t->fn || t->set); t++)
        weights += locust__task_weight(t);
    for (const locust_task *t = tasks; t && (t->fn || t->set) && depth < LOCUST__PLAN_DEPTH; t++) {
        double part = share * locust__task_weight(t) / (weights ? weights : 1);
        locust__ratio_line(out, depth, part, t->name);
        if (t->set)
            locust__ratio_of_tasks(out, t->set->tasks, depth + 1, total ? part : 1, total);
    }
}

static void locust__ratio_print(const locust_test *test, int users)
{
    locust__buf out = {NULL, 0, 0, false};
    double sum = 0;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++)
        sum += locust__ratio_share(test, i, users);
    for (int total = 0; total < 2; total++) {
        locust__buf_printf(
            &out, "\n %s\n", total ? "Total task ratio" : "Task ratio per User class");
        locust__buf_puts(&out,
            "--------------------------------------------------------------------------------\n");
        for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
            const locust_user_class *c = test->users[i];
            double share = locust__ratio_share(test, i, users) / (sum > 0 ? sum : 1);
            locust__ratio_line(&out, 0, share, c->name);
            locust__ratio_of_tasks(&out, c->tasks, 1, total ? share : 1, total);
        }
    }
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}
/* ============================================================================================
 * >>run  a run with its periodic reports
 *
 * Purpose     one run of a test: opens what it reports to, starts the helpers beside the runner
 *             (tables, files, checks, signals), ends them, and writes the final reports.
 * Invariants  helpers run while the runner does; the final reports are written after the last of
 *             them has ended.
 * Names       locust__run_
 * Uses        >>co >>switch >>fd >>loop >>sync >>env >>usage >>runner >>check >>find >>result
 *             >>table >>csv >>files >>github
 * ============================================================================================ */

typedef struct locust__run_parts { // one run; lies on the stack of main, not of a coroutine
    locust_env *env;
    bool command; // not locust_run: handles signals, prints Locust's first and last log lines
    locust__csv csv;
    locust__files files;
    locust__result verdict;
    locust__wait_group helpers; // coroutines beside the runner
    int signals;                // descriptor that the numbers of signals are read from; -1: none
    locust__fd signal_fd;       // the same descriptor, in the poller
} locust__run_parts;

static void locust__run_print_now(void *arg)
{
    locust__table_print(((locust__run_parts *)arg)->env, NULL);
}

static void locust__run_print_final(void *arg)
{
    locust__run_parts *run = arg;
    locust__table_print(run->env, &run->verdict);
    if (LOCUST__WITH_REPORTS)
        locust__github_annotate(&run->verdict);
}

static void locust__run_write_files(void *arg)
{
    locust__run_parts *run = arg;
    locust__locale locale = locust__locale_enter();
    locust__files_write(&run->files, &run->verdict);
    locust__locale_leave(locale);
}

/* Ends the test once a check is broken for good. */
static void locust__run_abort_now(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    const locust__check *c = locust__checks_broken(env, &run->verdict.checks);
    if (!c || env->stop_requested)
        return;
    locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
        "check %s does not hold: stopping", c->text);
    locust__env_request_stop(env);
}

/* Calls fn on the loop's stack, at once and then every period, until the coroutine is cancelled. */
static void locust__run_every(
    locust__run_parts *run, int64_t period_ns, void (*fn)(void *), void *arg) LOCUST__PARKS
{
    locust__loop *loop = &run->env->loop;
    int64_t next = locust__os_now_ns();
    do {
        locust__co_call(loop, fn, arg);
        next += period_ns;
        if (next < locust__os_now_ns()) // after a pause of the process: one call, not all it missed
            next = locust__os_now_ns();
    } while (locust__co_sleep(loop, next) != LOCUST__WAKE_CANCELLED);
}

static void locust__run_tables(void *arg)
{
    locust__run_every(arg, 2 * LOCUST__S, locust__run_print_now, arg);
}

static void locust__run_abort(void *arg)
{
    locust__run_parts *run = arg;
    double grace_s = run->env->options.warm_up_s + run->env->options.abort_on_fail_s;
    int64_t from = locust__time_after(locust__os_now_ns(), locust__time_ns(grace_s));
    if (locust__co_sleep(&run->env->loop, from) != LOCUST__WAKE_CANCELLED)
        locust__run_every(run, LOCUST__S, locust__run_abort_now, run);
}

static void locust__run_log(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__files_flush, &((locust__run_parts *)arg)->files);
}

static void locust__run_find(void *arg)
{
    locust__find_main(&((locust__run_parts *)arg)->verdict.find);
}

static void locust__run_csv(void *arg)
{
    locust__run_every(arg, LOCUST__S, locust__csv_write, &((locust__run_parts *)arg)->csv);
}

/* Measures the CPU of this process every 5 s and, every second time, tells listeners with its
 * memory, in Locust's rhythm. The time it waited for a CPU is read each second: a task that
 * blocks the loop is excused by what the process waited since that reading. */
static void locust__run_usage(void *arg)
{
    locust_env *env = ((locust__run_parts *)arg)->env;
    locust__usage from = locust__usage_now(env);
    int64_t next = from.at_ns;
    bool warned = false;
    for (int i = 1; locust__co_sleep(&env->loop, next += LOCUST__S) != LOCUST__WAKE_CANCELLED;
         i++) {
        locust__usage to;
        int64_t wall_ns;
        double percent;
        env->waited_ns = locust__os_waited_ns();
        if (i % 5)
            continue;
        to = locust__usage_now(env);
        if (env->since.at_ns > from.at_ns) // measuring began anew: what was before does not count
            from = env->since;
        wall_ns = to.at_ns - from.at_ns;
        percent =
            wall_ns > LOCUST__S ? 100 * (double)(to.cpu_ns - from.cpu_ns) / (double)wall_ns : 0;
        if (wall_ns > 4 * LOCUST__S && locust__usage_busy(&from, &to) > env->peak_busy)
            env->peak_busy = locust__usage_busy(&from, &to);
        from = to;
        next = to.at_ns;
        if (i % 10 == 0)
            LOCUST__ENV_FIRE(env, on_usage_monitor, env, percent, locust__os_memory());
        if (percent <= 90)
            continue;
        if (!warned)
            locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
                "This process takes %.0f %% of a core: it may be what limits the load", percent);
        warned = true;
        LOCUST__ENV_FIRE(env, on_cpu_warning, env, percent);
    }
}

/* Ends the test in order on SIGINT and SIGTERM. */
static void locust__run_signals(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    locust__fd *f = &run->signal_fd;
    char number;
    if (locust__fd_open(&env->loop, f, run->signals) < 0)
        return;
    while (locust__fd_wait_read(&env->loop, f, LOCUST__NEVER) == LOCUST__WAKE_EVENT) {
        f->watch.readable = false;
        if (read(run->signals, &number, 1) != 1)
            continue;
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "Got %s signal",
            number == SIGINT ? "SIGINT" : "SIGTERM");
        locust__env_request_stop(env);
    }
    locust__os_poll_remove(&env->loop.poller, &f->watch); // the pipe is closed by its owner
}

/* Starts a helper. Without memory for it the run goes on without. */
static void locust__run_help(locust__run_parts *run, void (*fn)(void *))
{
    locust__co_start(&run->env->loop, "the kit itself", 0, fn, run, &run->helpers);
}

static void locust__run_begin(locust__run_parts *run)
{
    locust_env *env = run->env;
    if (run->command) {
        locust__log_print(
            &env->log, LOCUST__LOG_INFO, "locust.main", "Starting locust.h " LOCUST_VERSION);
        if (env->options.run_time_s > 0 && !env->shape)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "Run time limit set to %.0f seconds", env->options.run_time_s);
        else if (!env->shape && !env->stages.n)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "No run time limit set, use CTRL+C to interrupt");
    }
    if (run->signals >= 0)
        locust__run_help(run, locust__run_signals);
    if (!env->options.quiet && !env->options.only_summary)
        locust__run_help(run, locust__run_tables);
    if (LOCUST__WITH_REPORTS && env->options.csv)
        locust__run_help(run, locust__run_csv);
    if (LOCUST__WITH_REPORTS && env->options.request_log)
        locust__run_help(run, locust__run_log);
    if (env->options.abort_on_fail_s > 0)
        locust__run_help(run, locust__run_abort);
    if (env->options.find_max)
        locust__run_help(run, locust__run_find);
    locust__run_help(run, locust__run_usage);
}

/* The coroutine of the whole run: the loop ends after it. */
static void locust__run_main(void *arg)
{
    locust__run_parts *run = arg;
    locust_env *env = run->env;
    locust__run_begin(run);
    locust__co_yield(&env->loop); // the first table comes before the first user
    locust__runner_run(env);
    locust__wait_group_cancel(&env->loop, &run->helpers);
    locust__wait_group_join(&env->loop, &run->helpers, LOCUST__NEVER);
    if (run->command)
        for (int i = env->n_listeners; i-- > 0;) // the latest first, as in Locust
            if (env->listeners[i]->on_quitting)
                env->listeners[i]->on_quitting(env);
    locust__co_call(&env->loop, locust__result_judge, &run->verdict);
    if (!env->exit_code_set)
        env->exit_code = locust__result_exit_code(&run->verdict);
    env->exit_code_set = false;
    if (run->command)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
            "Shutting down (exit code %d)", env->exit_code);
    if (!env->options.quiet)
        locust__co_call(&env->loop, locust__run_print_final, run);
    if (LOCUST__WITH_REPORTS && env->options.csv)
        locust__co_call(&env->loop, locust__csv_write, &run->csv);
    if (LOCUST__WITH_REPORTS)
        locust__co_call(&env->loop, locust__run_write_files, run);
    if ((run->files.failed || run->csv.failed) && !env->exit_code)
        env->exit_code = 1; // a report that was asked for is not whole
}

/* The first option given that a test without reports lacks; NULL: none. */
static const char *locust__run_lacks(const locust_options *o)
{
    return LOCUST__WITH_REPORTS ? NULL
           : o->csv             ? "--csv"
           : o->junit           ? "--junit"
           : o->summary         ? "--summary"
           : o->baseline        ? "--baseline"
           : o->hgrm            ? "--hgrm"
           : o->request_log     ? "--request-log"
                                : NULL;
}

/* Closes what locust__run_open opened, which may have stopped half-way. */
static void locust__run_close(locust__run_parts *run)
{
    if (run->signals >= 0)
        locust__os_signals_close();
    if (run->csv.env)
        locust__csv_close(&run->csv);
    if (run->files.env)
        locust__files_close(&run->files);
    locust__result_free(&run->verdict);
}

/* Reads checks and baseline, opens files and signals. 0, or the exit code after one line on
 * standard error. */
static int locust__run_open(locust__run_parts *run)
{
    locust_env *env = run->env;
    const char *lacks = locust__run_lacks(&env->options), *wrong;
    locust__locale locale = locust__locale_enter();
    char text[512];
    wrong = locust__result_init(&run->verdict, env, text, sizeof text);
    locust__locale_leave(locale);
    if (wrong) {
        locust__say("%s", wrong);
        return LOCUST__EXIT_USAGE;
    }
    if (lacks) {
        locust__say("%s: this test was compiled with LOCUST_NO_REPORTS", lacks);
        return 1;
    }
    if (LOCUST__WITH_REPORTS && !locust__files_open(&run->files, env))
        return 1;
    if (LOCUST__WITH_REPORTS && env->options.csv && !locust__csv_open(&run->csv, env))
        return 1;
    if (!run->command)
        return 0;
    run->signals = locust__os_signals_open();
    if (run->signals >= 0)
        return 0;
    locust__say("cannot listen to signals: %s", run->signals == -EMFILE
                                                    ? "too few file descriptors: raise ulimit -n"
                                                    : strerror(-run->signals));
    return 1;
}

/* Runs the test. Returns the exit code. */
static int locust__run_test(locust_env *env, bool command)
{
    locust__run_parts run = {.env = env, .command = command, .signals = -1};
    int code = locust__run_open(&run);
    if (code) {
        locust__run_close(&run);
        return code;
    }
    locust__runner_init(env);
    if (!env->exit_code_set)
        env->exit_code = 1;
    if (locust__co_start(&env->loop, "the kit itself", 0, locust__run_main, &run, NULL))
        locust__loop_run(&env->loop);
    else
        locust__say("out of memory");
    locust__run_close(&run);
    return env->exit_code;
}

LOCUST_API int locust_run(locust_env *env)
{
    if (locust__loop_now)
        locust__die(LOCUST__EXIT_USAGE,
            "locust_run() was called inside a running test: one test runs at a time");
    return locust__run_test(env, false);
}
/* ============================================================================================
 * >>single  one user for a debugger
 *
 * Purpose     locust_run_single_user: runs one user and prints each request and its answer.
 * Names       locust__single_
 * Uses        >>client >>setup >>run
 * Sources     Locust 2.46: run_single_user.
 * ============================================================================================ */

/* Adds what is shown of a body: its lines as they are, else as locust__buf_line does. */
static void locust__single_body(locust__buf *out, const locust_response *r)
{
    locust__view rest = {r->body, r->body_len < 4096 ? r->body_len : 4096};
    locust__buf_puts(out, "\n");
    while (rest.len) {
        const char *stop = memchr(rest.ptr, '\n', rest.len);
        locust__view line = {rest.ptr, stop ? (size_t)(stop - rest.ptr) : rest.len};
        rest = locust__view_skip(rest, line.len + (stop != NULL));
        locust__buf_line(out, line);
        locust__buf_puts(out, stop ? "\n" : "");
    }
    locust__buf_puts(out, r->body_len > 4096 ? "...\n\n" : "\n\n");
}

/* Adds a request and its answer, and nothing in them that a terminal would obey. */
static void locust__single_add(locust__buf *out, const locust_sample *s)
{
    const locust_response *r = s->response;
    const char *error = s->error ? s->error : "";
    locust__buf_line(out, locust__view_of(s->method));
    locust__buf_puts(out, " ");
    locust__buf_line(out, locust__view_of(s->url ? s->url : s->name));
    locust__buf_puts(out, "  ");
    if (!r || r->error) {
        locust__buf_line(out, locust__view_of(*error ? error : "ok"));
        locust__buf_printf(out, "  %.3f ms\n", s->elapsed_ms);
        return;
    }
    locust__buf_printf(out, "%d ", r->status);
    locust__buf_line(out, locust__view_of(r->reason));
    locust__buf_printf(
        out, "  %.3f ms  %zu bytes%s", s->elapsed_ms, s->length, *error ? "  FAILED: " : "");
    locust__buf_line(out, locust__view_of(error));
    locust__buf_puts(out, "\n");
    for (const char *p = locust__client_fields((const locust__client *)(const void *)r); *p;) {
        const char *value = p + strlen(p) + 1;
        locust__buf_printf(out, "  %s: ", p);
        locust__buf_line(out, locust__view_of(value));
        locust__buf_puts(out, "\n");
        p = value + strlen(value) + 1;
    }
    if (r->body_len)
        locust__single_body(out, r);
}

/* Prints a request and its answer. */
static void locust__single_show(locust_env *env, const locust_sample *s)
{
    locust__buf out = {NULL, 0, 0, false};
    (void)env;
    locust__single_add(&out, s);
    fflush(stdout); // a test's own lines come first
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}

LOCUST_API int locust_run_single_user(const locust_user_class *user_class, const char *host)
{
    locust_test test = {.users = {user_class}, .on_request = locust__single_show};
    locust_options options = {.host = host, .quiet = true};
    int code;
    locust_env *env = locust__env_new(&test, &options, &code);
    if (!env)
        return code;
    env->single = true; // the end of the user is that of the test
    code = locust__run_test(env, true);
    locust__env_free(env);
    return code;
}
/* ============================================================================================
 * >>main  the command and the library entry points
 *
 * Purpose     locust_main: reads the command line, then prints what it asks for or runs the test.
 * Uses        >>env >>setup >>options >>cli >>task_ratio >>run
 * ============================================================================================ */

LOCUST_API int locust_main(int argc, char **argv, const locust_test *test)
{
    locust__settings settings;
    locust_test picked;
    locust_env *env;
    int code = 0;
    locust__os_standard_files();
    locust__settings_init(&settings, test);
    locust__cli_read(&settings, argc, argv);
    if (settings.help) {
        locust__cli_help(&settings, argc > 0 ? argv[0] : "test");
    } else if (settings.version) {
        dprintf(STDOUT_FILENO, "locust.h " LOCUST_VERSION "\n");
    } else if (!locust__ratio_pick(&settings, test, &picked)) {
        code = 1;
    } else if (settings.list) {
        locust__ratio_list(&picked);
    } else if (settings.show_task_ratio) {
        locust__ratio_print(&picked, settings.options.users);
    } else if ((env = locust__env_new(&picked, &settings.options, &code)) != NULL) {
        if (!settings.headless)
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "No web interface in this version of locust.h: running as with --headless");
        code = locust__run_test(env, true);
        LOCUST__ENV_FIRE(env, on_quit, env, code);
        locust__env_free(env);
    }
    locust__cli_free(&settings);
    return code;
}
#endif

/* ============================================================================================
 * >>changes  what changed, newest first
 *
 * 0.1.0  the first version: HTTP/1.1 load tests from one file; TLS; sessions with cookies,
 *        authentication, redirects, bodies of any size, proxies; task sets, tags, failed tasks;
 *        coroutines of a user, context variables, scopes, stacks; load shapes and stages,
 *        iteration limits, the open model; rows of files; events, options of the test's own;
 *        streams over TCP, TLS, UDP and unix sockets; a verdict on the generator itself, checks,
 *        comparison with an earlier run, the search for the highest rate; random numbers, UUIDs
 *        and texts for tests, --seed; pauses of users whose requests reach no server
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
