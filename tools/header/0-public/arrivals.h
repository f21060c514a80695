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
    uint64_t unanswered; // that still waited when the test ended; 0 until then
} locust_arrival_counts;
