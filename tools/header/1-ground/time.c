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
