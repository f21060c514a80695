/* ============================================================================================
 * >>time  units of time
 *
 * Purpose     inside, a time is int64_t nanoseconds of the monotonic clock, and a wait has an absolute
 *             deadline; the public part speaks of seconds (double) and milliseconds.
 * Names       locust__time_ locust__never locust__ms locust__s
 * ============================================================================================ */

static const int64_t LOCUST__NEVER = INT64_MAX; // a deadline that does not come
static const int64_t LOCUST__MS = 1000000;
static const int64_t LOCUST__S = 1000000000;

/* Seconds of the public API to nanoseconds; saturates. */
static int64_t locust__time_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    if (seconds > 9e9)
        return LOCUST__NEVER;
    return (int64_t)(seconds * 1e9 + 0.5);
}

/* now + span without overflow. */
static int64_t locust__time_after(int64_t now_ns, int64_t span_ns)
{
    return span_ns > LOCUST__NEVER - now_ns ? LOCUST__NEVER : now_ns + span_ns;
}
