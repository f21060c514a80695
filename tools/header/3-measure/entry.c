/* ============================================================================================
 * >>entry  what was counted of one (method, name)
 *
 * Purpose     counts the requests of one method and name: their times, bytes, phases, and how many
 *             there were in each of the last seconds. A table shows an entry as one of its rows.
 * Invariants  requests == hist.total while memory lasts; min_ns <= max_ns unless requests == 0.
 *             A request that was cut before it had an answer is in none of these: it counts as
 *             unanswered, and percentiles take it as one that took longer than it had waited.
 * Cost        counting a request: one histogram; nothing is allocated but a new octave of it.
 * Names       locust__entry_ locust__phase_ locust__phases
 * Limits      current rates cover the last ten whole seconds, up to now; Locust's end three seconds
 *             earlier, to wait for its workers.
 *
 *   the ring: second s of the clock is counted in ring[s % 16]
 *
 *     | 96 | 97 | 98 | 99 | 100 | 101 | 86 | 71 | 88 | ...   in second 101
 *
 *   Each element says which second it counts, and begins anew with the first request that ends in a
 *   later one. So nothing has to turn the ring, and a reader skips elements of other seconds than
 *   it wants: here nothing ended in second 87, and 71 is still in its place.
 * ============================================================================================ */

enum { LOCUST__ENTRY_RING = 16, LOCUST__ENTRY_WINDOW_S = 10 };

typedef struct locust__entry_second { // what ended in one second
    int64_t second;                   // of the monotonic clock
    uint32_t requests, failures;
} locust__entry_second;

/* Of a request: name lookup, connect, TLS handshake, wait for the answer, receipt of its body. */
enum { LOCUST__PHASES = 5 };

typedef struct locust__phase { // times of one kind, of the requests that have it
    locust__hist hist;
    int64_t max_ns;
} locust__phase;

typedef struct locust__entry {
    struct locust__entry *next_in_bucket;
    uint64_t hash;             // of method and name
    size_t index;              // in the order of appearance
    const char *method, *name; // stored behind the struct
    uint64_t requests, failures, bytes;
    int64_t total_s,
        total_ns; // sum of all times, as seconds and the rest: ns alone end after 292 years
    int64_t min_ns, max_ns; // min_ns: LOCUST__NEVER if there was no request
    locust__entry_second ring[LOCUST__ENTRY_RING];
    locust__hist hist;             // of all times
    locust__phase *phases;         // LOCUST__PHASES of them; NULL: not measured
    locust__phase *intended;       // times from the intended start; NULL: no open model
    uint64_t unanswered;           // requests that were cut
    locust__phase *waits;          // how long those had waited; NULL: there is none
    locust__phase *intended_waits; // the same from the intended start
    locust_stats shown;            // what locust_stats_row returned last
    bool hidden; // of an earlier test: tables leave it out until it has a request again
} locust__entry;

static void locust__phase_record(locust__phase *phase, int64_t ns)
{
    locust__hist_record(&phase->hist, ns);
    if (ns > phase->max_ns)
        phase->max_ns = ns;
}

/* The same for one that is made when it is needed. Without memory the time is not counted. */
static void locust__phase_record_at(locust__phase **phase, int64_t ns)
{
    if (!*phase)
        *phase = locust__memory_zalloc(sizeof **phase);
    if (*phase)
        locust__phase_record(*phase, ns);
}

static void locust__phase_clear(locust__phase *phase)
{
    locust__hist_reset(&phase->hist);
    phase->max_ns = 0;
}

static void locust__phase_free(locust__phase *phase)
{
    if (phase)
        locust__hist_free(&phase->hist);
    LOCUST_FREE(phase);
}

/* The longest of a phase's times and of the waits that were cut; waits may be NULL. */
static int64_t locust__phase_max_ns(const locust__phase *phase, const locust__phase *waits)
{
    return waits && waits->max_ns > phase->max_ns ? waits->max_ns : phase->max_ns;
}

/* The time that `share` (0 to 1) of a phase's did not exceed, and of those that were cut. */
static int64_t locust__phase_percentile_ns(
    const locust__phase *phase, const locust__phase *waits, double share)
{
    int64_t max_ns = locust__phase_max_ns(phase, waits);
    int64_t ns = waits ? locust__hist_percentile_censored_ns(&phase->hist, &waits->hist, share)
                       : locust__hist_percentile_ns(&phase->hist, share);
    return ns < max_ns ? ns : max_ns; // a bucket's middle may lie above
}

/* Zeroes the figures; the octaves of histograms stay. */
LOCUST__COLD static void locust__entry_clear(locust__entry *entry)
{
    entry->requests = entry->failures = entry->bytes = 0;
    entry->total_s = entry->total_ns = entry->max_ns = 0;
    entry->min_ns = LOCUST__NEVER;
    memset(entry->ring, 0, sizeof entry->ring);
    locust__hist_reset(&entry->hist);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++)
        locust__phase_clear(&entry->phases[i]);
    if (entry->intended)
        locust__phase_clear(entry->intended);
    entry->unanswered = 0;
    if (entry->waits)
        locust__phase_clear(entry->waits);
    if (entry->intended_waits)
        locust__phase_clear(entry->intended_waits);
}

static void locust__entry_free_histograms(locust__entry *entry)
{
    locust__hist_free(&entry->hist);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++)
        locust__hist_free(&entry->phases[i].hist);
    LOCUST_FREE(entry->phases);
    locust__phase_free(entry->intended);
    locust__phase_free(entry->waits);
    locust__phase_free(entry->intended_waits);
}

/* Counts one request that ended in `second` of the monotonic clock. `bucket`: of its time. */
static void locust__entry_count(locust__entry *entry, int64_t elapsed_ns, size_t bucket,
    uint64_t bytes, bool failed, int64_t second)
{
    locust__entry_second *s = &entry->ring[second % LOCUST__ENTRY_RING];
    if (s->second < second)
        *s = (locust__entry_second){second, 0, 0};
    if (s->second == second) { // else a late verdict on a request whose second has gone
        s->requests++;
        s->failures += failed;
    }
    entry->requests++;
    entry->failures += failed;
    entry->bytes += bytes;
    entry->total_ns += elapsed_ns;
    if (entry->total_ns >= LOCUST__S) {
        entry->total_s += entry->total_ns / LOCUST__S;
        entry->total_ns %= LOCUST__S;
    }
    if (elapsed_ns < entry->min_ns)
        entry->min_ns = elapsed_ns;
    if (elapsed_ns > entry->max_ns)
        entry->max_ns = elapsed_ns;
    locust__hist_record_at(&entry->hist, bucket, 1);
}

/* Counts a request that was cut after waited_ns, without an answer. */
static void locust__entry_cut(locust__entry *entry, int64_t waited_ns)
{
    entry->unanswered++;
    locust__phase_record_at(&entry->waits, waited_ns);
}

/* The longest time of a request, answered or not. */
static int64_t locust__entry_longest_ns(const locust__entry *entry)
{
    bool cut = entry->waits && entry->waits->max_ns > entry->max_ns;
    return cut ? entry->waits->max_ns : entry->max_ns;
}

static double locust__entry_mean_ns(const locust__entry *entry)
{
    double total = (double)entry->total_s * 1e9 + (double)entry->total_ns;
    return entry->requests ? total / (double)entry->requests : 0;
}

/* The time that `share` (0 to 1) of the requests did not exceed, unanswered ones included; 0 if
 * none was answered. It lies within the shortest and the longest of these times, though the middle
 * of its bucket may not. */
static int64_t locust__entry_percentile_ns(const locust__entry *entry, double share)
{
    int64_t max_ns = locust__entry_longest_ns(entry), ns;
    if (!entry->requests)
        return 0;
    ns = entry->unanswered && entry->waits
             ? locust__hist_percentile_censored_ns(&entry->hist, &entry->waits->hist, share)
             : locust__hist_percentile_ns(&entry->hist, share);
    if (share >= 1 || ns > max_ns)
        return max_ns;
    return ns < entry->min_ns ? entry->min_ns : ns;
}

/* A time as Locust groups it, in whole ms: to two digits from 100 ms on, halves to the even one. */
LOCUST__UNUSED static uint64_t locust__entry_coarse_ms(int64_t ns)
{
    int64_t unit = ns < 100 * LOCUST__MS ? LOCUST__MS
                   : ns < LOCUST__S      ? 10 * LOCUST__MS
                   : ns < 10 * LOCUST__S ? 100 * LOCUST__MS
                                         : LOCUST__S;
    int64_t whole = ns / unit, rest = ns % unit;
    if (2 * rest > unit || (2 * rest == unit && (whole & 1)))
        whole++;
    return (uint64_t)(whole * (unit / LOCUST__MS));
}

/* Whether x stands behind y in a table: by name, then by method. */
static bool locust__entry_after(const locust__entry *x, const locust__entry *y)
{
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name > 0 : strcmp(x->method, y->method) > 0;
}
