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
