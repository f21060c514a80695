/* ============================================================================================
 * >>export_buckets  few, fixed buckets, and what came since the last look
 *
 * Purpose     what collectors ask for: the same buckets from every program and run, and the figures
 *             of an interval.
 * Cost        a walk over the histogram; of an interval, a copy of it for each row.
 * Names       locust__export_bound locust__export_buckets locust__export_rows locust__since
 *             locust__since_
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

typedef struct locust__since_row { // a row as it was at the last look
    locust__hist hist;
    uint64_t requests, failures, bytes;
} locust__since_row;

typedef struct locust__since {
    locust__since_row **rows; // of the total, of "(other)", then by the rows' index
    size_t n, cap;
    // Of the row that was looked at last, since the look before.
    locust__hist hist;
    uint64_t requests, failures, bytes;
} locust__since;

static void locust__since_free(locust__since *s)
{
    for (size_t i = 0; i < s->n; i++) {
        locust__hist_free(&s->rows[i]->hist);
        LOCUST_FREE(s->rows[i]);
    }
    LOCUST_FREE(s->rows);
    locust__hist_free(&s->hist);
    memset(s, 0, sizeof *s);
}

/* The place of a row, made at the first look with those before it. NULL: no memory. */
static locust__since_row *locust__since_place(
    locust__since *s, const locust__request_stats *st, const locust__entry *row)
{
    size_t i = row == &st->total ? 0 : row == &st->other ? 1 : row->index + 2;
    while (s->n <= i) {
        locust__since_row **rows = locust__memory_grow(s->rows, sizeof *rows, s->n, &s->cap);
        if (!rows)
            return NULL;
        s->rows = rows;
        rows[s->n] = locust__memory_zalloc(sizeof **rows);
        if (!rows[s->n])
            return NULL;
        s->n++;
    }
    return s->rows[i];
}

/* Finds what a row counted since the last look at it. After a reset of the statistics that is all
 * there is. False: no memory, and all of it is 0. */
static bool locust__since_look(
    locust__since *s, const locust__request_stats *st, const locust__entry *row)
{
    locust__since_row *was = locust__since_place(s, st, row);
    bool good = was != NULL;
    locust__hist_reset(&s->hist);
    s->requests = s->failures = s->bytes = 0;
    if (!was)
        return false;
    if (row->requests < was->requests) {
        locust__hist_reset(&was->hist);
        was->requests = was->failures = was->bytes = 0;
    }
    s->requests = row->requests - was->requests;
    s->failures = row->failures - was->failures;
    s->bytes = row->bytes - was->bytes;
    was->requests = row->requests;
    was->failures = row->failures;
    was->bytes = row->bytes;
    good = locust__hist_add(&s->hist, &row->hist);
    locust__hist_since(&s->hist, &was->hist);
    locust__hist_reset(&was->hist);
    return locust__hist_add(&was->hist, &row->hist) && good;
}
