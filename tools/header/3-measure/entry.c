/* ============================================================================================
 * >>entry  one row of statistics
 *
 * Purpose     count the requests of one (method, name): times, sizes, phases, rates of now.
 * Cost        record: two histograms; no allocation but for a new octave.
 * Names       locust__entry_ locust__phase_ locust__phases
 * Limits      current rates cover the last ten whole seconds, up to now; Locust's end three seconds
 *             earlier, to wait for its workers.
 * ============================================================================================ */

enum { LOCUST__ENTRY_RING = 16, LOCUST__ENTRY_WINDOW_S = 10 };

typedef struct locust__entry_second { // what one second of the monotonic clock saw
    int64_t second;
    uint32_t requests, failures;
} locust__entry_second;

enum { LOCUST__PHASES = 5 };

typedef struct locust__phase { // one phase of the requests of a row in which it happened
    locust__hist hist;
    int64_t max_ns;
} locust__phase;

typedef struct locust__entry {
    struct locust__entry *next_in_bucket;
    uint64_t hash;
    size_t index;              // in the order of appearance
    const char *method, *name; // behind the struct
    uint64_t requests, failures, bytes;
    int64_t total_s, total_ns; // seconds and the rest: a sum of ns alone ends after 292 years
    int64_t min_ns, max_ns;    // min_ns: LOCUST__NEVER if there is none
    locust__entry_second ring[LOCUST__ENTRY_RING];
    locust__hist hist;
    locust__phase *phases;   // LOCUST__PHASES of them; NULL: not measured
    locust__phase *intended; // times from the intended start; NULL: no open model
    locust_stats shown;      // what locust_stats_row gave out last
} locust__entry;

static void locust__entry_clear(locust__entry *row)
{
    row->requests = row->failures = row->bytes = 0;
    row->total_s = row->total_ns = row->max_ns = 0;
    row->min_ns = LOCUST__NEVER;
    memset(row->ring, 0, sizeof row->ring);
    locust__hist_reset(&row->hist);
    for (int i = 0; row->phases && i < LOCUST__PHASES; i++) {
        locust__hist_reset(&row->phases[i].hist);
        row->phases[i].max_ns = 0;
    }
    if (row->intended) {
        locust__hist_reset(&row->intended->hist);
        row->intended->max_ns = 0;
    }
}

static void locust__entry_free_histograms(locust__entry *row)
{
    locust__hist_free(&row->hist);
    for (int i = 0; row->phases && i < LOCUST__PHASES; i++)
        locust__hist_free(&row->phases[i].hist);
    LOCUST_FREE(row->phases);
    if (row->intended)
        locust__hist_free(&row->intended->hist);
    LOCUST_FREE(row->intended);
}

static void locust__entry_count(
    locust__entry *row, int64_t elapsed_ns, uint64_t bytes, bool failed, int64_t second)
{
    locust__entry_second *s = &row->ring[second % LOCUST__ENTRY_RING];
    if (s->second < second)
        *s = (locust__entry_second){second, 0, 0};
    if (s->second == second) { // else a late verdict on a request of long ago
        s->requests++;
        s->failures += failed;
    }
    row->requests++;
    row->failures += failed;
    row->bytes += bytes;
    row->total_ns += elapsed_ns;
    if (row->total_ns >= LOCUST__S) {
        row->total_s += row->total_ns / LOCUST__S;
        row->total_ns %= LOCUST__S;
    }
    if (elapsed_ns < row->min_ns)
        row->min_ns = elapsed_ns;
    if (elapsed_ns > row->max_ns)
        row->max_ns = elapsed_ns;
    locust__hist_record(&row->hist, elapsed_ns);
}

static double locust__entry_mean_ns(const locust__entry *row)
{
    double total = (double)row->total_s * 1e9 + (double)row->total_ns;
    return row->requests ? total / (double)row->requests : 0;
}

/* Never outside of what was measured, wherever its bucket's middle is. */
static int64_t locust__entry_percentile_ns(const locust__entry *row, double share)
{
    int64_t ns = locust__hist_percentile_ns(&row->hist, share);
    if (!row->requests)
        return 0;
    if (share >= 1 || ns > row->max_ns)
        return row->max_ns;
    return ns < row->min_ns ? row->min_ns : ns;
}

static int64_t locust__phase_percentile_ns(const locust__phase *phase, double share)
{
    int64_t ns = locust__hist_percentile_ns(&phase->hist, share);
    return ns < phase->max_ns ? ns : phase->max_ns;
}

static bool locust__entry_after(const locust__entry *x, const locust__entry *y)
{
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name > 0 : strcmp(x->method, y->method) > 0;
}
