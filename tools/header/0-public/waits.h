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
    LOCUST_WAIT_CONSTANT = 0x57414954, // no small number: `.wait_time = 2` is none of these
    LOCUST_WAIT_BETWEEN,
    LOCUST_WAIT_PACING,
    LOCUST_WAIT_POISSON,
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
/* The same with gaps as of a Poisson process: of random lengths, exponentially distributed. */
#define LOCUST_POISSON(per_s)          {LOCUST_WAIT_POISSON, 1.0 / (per_s), 0, NULL}
/* fn(u) returns the seconds to wait; a negative number counts as 0. fn may not park. */
#define LOCUST_WAIT_FN(fn)             {LOCUST_WAIT_CUSTOM, 0, 0, (fn)}
// clang-format on
