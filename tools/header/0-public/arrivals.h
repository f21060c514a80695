/* ============================================================================================
 * >>arrivals  the open model
 *
 * Purpose     load that keeps its schedule however long answers take.
 * ============================================================================================ */

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
