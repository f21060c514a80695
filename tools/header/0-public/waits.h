/* ============================================================================================
 * >>waits  waits between two tasks
 *
 * Purpose     how long a user waits. All as in Locust.
 * ============================================================================================ */

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
