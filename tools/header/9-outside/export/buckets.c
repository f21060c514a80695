/* ============================================================================================
 * >>export_buckets  histograms with few, fixed buckets
 *
 * Purpose     what collectors ask for: the same buckets from every program and run.
 * Cost        a walk over the histogram.
 * Names       locust__export_bound locust__export_buckets locust__export_rows
 * Uses        >>entry >>stats
 * Limits      a time within 0.4 % of a bound may be counted on its other side. The rows beyond the
 *             first 500 are in the total only.
 * ============================================================================================ */

enum { LOCUST__EXPORT_ROWS = 500, LOCUST__EXPORT_BOUNDS = 18 };

/* Upper bounds in microseconds: 0.1 ms to 50 s. Above them is one more bucket. */
static const int64_t locust__export_bounds_us[LOCUST__EXPORT_BOUNDS] = {100, 200, 500, 1000, 2000,
    5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000,
    20000000, 50000000};

/* How many times lie in each bucket, and above the last bound. */
static void locust__export_buckets(
    const locust__hist *h, uint64_t counts[LOCUST__EXPORT_BOUNDS + 1])
{
    uint64_t count;
    int64_t ns;
    int bucket = 0;
    memset(counts, 0, (LOCUST__EXPORT_BOUNDS + 1) * sizeof *counts);
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        while (bucket < LOCUST__EXPORT_BOUNDS && ns > 1000 * locust__export_bounds_us[bucket])
            bucket++;
        counts[bucket] += count;
    }
}

/* Row i of those that are exported, in the order of their appearance, so that series stay; NULL:
 * there are no more. */
static locust__entry *locust__export_row(locust__request_stats *st, size_t i)
{
    return i < LOCUST__EXPORT_ROWS ? locust__stats_entry_at(st, i) : NULL;
}
