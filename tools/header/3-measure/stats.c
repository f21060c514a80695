/* ============================================================================================
 * >>stats  rows of requests and failures
 *
 * Purpose     count requests by (method, name) and failures by (method, name, text).
 * Invariants  the total counts every request once; a row is never removed before the end, so its
 *             strings may be pointed at.
 * Cost        record: one hash of the name, two histograms; no allocation but for a new row, text
 *             or octave. Memory grows with the rows, not with time.
 * Names       locust__stats_ locust__request_stats
 * Uses        >>entry
 * Sources     Locust 2.46: what counts as failure, median and rates (its stats.py, by measurement).
 * Limits      LOCUST_MAX_ROWS rows, and as many failures and texts: what comes later goes to
 *             "(other)". Current rates cover the last ten whole seconds, up to now; Locust's end
 *             three seconds earlier, to wait for its workers.
 * ============================================================================================ */

enum { LOCUST__STATS_BUCKETS = 512 }; // of its hash tables

typedef struct locust__stats_string { // the sentence of a failure, kept once
    struct locust__stats_string *next_in_bucket;
    uint64_t hash;
    char text[];
} locust__stats_string;

typedef struct locust__stats_failure {
    struct locust__stats_failure *next_in_bucket;
    const locust__entry *row;
    const char *text; // in a locust__stats_string
    uint64_t occurrences;
    int64_t first_wall_ns, last_wall_ns;
} locust__stats_failure;

typedef struct locust__stats_exception { // a failed task
    const char *text;                    // in a locust__stats_string
    uint64_t times;
    char place[128];
} locust__stats_exception;

typedef struct locust__request_stats {
    locust__stats_exception *exceptions; // in order of appearance
    size_t n_exceptions, cap_exceptions;
    locust__entry total;
    locust__entry other;  // what came past a limit, or without memory; listed once it has requests
    locust__entry **rows; // in order of appearance
    size_t n_rows, cap_rows;
    locust__stats_failure **failures; // likewise
    size_t n_failures, cap_failures;
    size_t n_texts;
    locust__stats_failure other_failure; // likewise
    locust__entry *row_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_string *text_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_failure *failure_buckets[LOCUST__STATS_BUCKETS];
    int64_t start_ns, last_ns; // monotonic: start of the test, newest request
} locust__request_stats;

static void locust__stats_init(locust__request_stats *st)
{
    memset(st, 0, sizeof *st);
    st->total.method = "";
    st->total.name = "Aggregated";
    st->other.method = "";
    st->other.name = "(other)";
    st->other_failure.row = &st->other;
    st->other_failure.text = "(other)";
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
}

/* Zeroes every row; they stay in the tables. */
static void locust__stats_reset(locust__request_stats *st, int64_t now_ns)
{
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
    for (size_t i = 0; i < st->n_rows; i++)
        locust__entry_clear(st->rows[i]);
    for (size_t i = 0; i < st->n_failures; i++)
        LOCUST_FREE(st->failures[i]);
    st->n_failures = st->n_exceptions = 0;
    st->other_failure.occurrences = 0;
    memset(st->failure_buckets, 0, sizeof st->failure_buckets);
    st->start_ns = st->last_ns = now_ns;
}

static void locust__stats_free(locust__request_stats *st)
{
    locust__stats_reset(st, 0);
    for (size_t i = 0; i < st->n_rows; i++) {
        locust__entry_free_histograms(st->rows[i]);
        LOCUST_FREE(st->rows[i]);
    }
    locust__entry_free_histograms(&st->other);
    locust__entry_free_histograms(&st->total);
    for (size_t b = 0; b < LOCUST__STATS_BUCKETS; b++)
        while (st->text_buckets[b]) {
            locust__stats_string *text = st->text_buckets[b];
            st->text_buckets[b] = text->next_in_bucket;
            LOCUST_FREE(text);
        }
    LOCUST_FREE(st->rows);
    LOCUST_FREE(st->failures);
    LOCUST_FREE(st->exceptions);
}

static bool locust__stats_room_for_row(locust__request_stats *st)
{
    locust__entry **rows = locust__memory_grow(st->rows, sizeof *rows, st->n_rows, &st->cap_rows);
    if (rows)
        st->rows = rows;
    return rows != NULL;
}

static bool locust__stats_room_for_failure(locust__request_stats *st)
{
    locust__stats_failure **failures =
        locust__memory_grow(st->failures, sizeof *failures, st->n_failures, &st->cap_failures);
    if (failures)
        st->failures = failures;
    return failures != NULL;
}

static locust__entry *locust__stats_find(
    locust__request_stats *st, const char *method, const char *name)
{
    size_t method_len = strlen(method), name_len = strlen(name);
    uint64_t hash = locust__text_hash(locust__text_hash(0, method, method_len), name, name_len);
    locust__entry **bucket = &st->row_buckets[hash % LOCUST__STATS_BUCKETS], *row;
    char *text;
    for (row = *bucket; row; row = row->next_in_bucket)
        if (row->hash == hash && strcmp(row->name, name) == 0 && strcmp(row->method, method) == 0)
            return row;
    if (st->n_rows >= LOCUST_MAX_ROWS || !locust__stats_room_for_row(st))
        return &st->other;
    row = locust__memory_zalloc(sizeof *row + method_len + name_len + 2);
    if (!row)
        return &st->other;
    text = (char *)(row + 1);
    row->method = memcpy(text, method, method_len + 1);
    row->name = memcpy(text + method_len + 1, name, name_len + 1);
    row->hash = hash;
    locust__entry_clear(row);
    row->next_in_bucket = *bucket;
    *bucket = row;
    row->index = st->n_rows;
    st->rows[st->n_rows++] = row;
    return row;
}

/* The one copy of a failure's text: lives as long as the statistics. */
static const char *locust__stats_text(locust__request_stats *st, const char *text)
{
    size_t len = strlen(text);
    uint64_t hash = locust__text_hash(0, text, len);
    locust__stats_string **bucket = &st->text_buckets[hash % LOCUST__STATS_BUCKETS], *kept;
    for (kept = *bucket; kept; kept = kept->next_in_bucket)
        if (kept->hash == hash && strcmp(kept->text, text) == 0)
            return kept->text;
    kept = st->n_texts < LOCUST_MAX_ROWS ? LOCUST_MALLOC(sizeof *kept + len + 1) : NULL;
    if (!kept)
        return "(other)";
    memcpy(kept->text, text, len + 1);
    kept->hash = hash;
    kept->next_in_bucket = *bucket;
    *bucket = kept;
    st->n_texts++;
    return kept->text;
}

/* Counts a failed task. True: it is the first at this place with this text, the statistics' copy. */
static bool locust__stats_except(locust__request_stats *st, const char *text, const char *place)
{
    locust__stats_exception *e;
    for (size_t i = 0; i < st->n_exceptions; i++) {
        e = &st->exceptions[i];
        if (e->text == text && strcmp(e->place, place) == 0) {
            e->times++;
            return false;
        }
    }
    e = st->n_exceptions < LOCUST_MAX_ROWS
            ? locust__memory_grow(st->exceptions, sizeof *e, st->n_exceptions, &st->cap_exceptions)
            : NULL;
    if (!e)
        return false;
    st->exceptions = e;
    e += st->n_exceptions++;
    *e = (locust__stats_exception){.text = text, .times = 1};
    snprintf(e->place, sizeof e->place, "%s", place);
    return true;
}

static void locust__stats_fail(
    locust__request_stats *st, const locust__entry *row, const char *error, int64_t wall_ns)
{
    const char *text = locust__stats_text(st, error);
    uint64_t hash =
        ((uint64_t)(uintptr_t)row ^ (uint64_t)(uintptr_t)text << 1) * 0x9E3779B97F4A7C15u;
    locust__stats_failure **bucket = &st->failure_buckets[(hash >> 32) % LOCUST__STATS_BUCKETS], *f;
    for (f = *bucket; f; f = f->next_in_bucket)
        if (f->row == row && f->text == text)
            break;
    if (!f && st->n_failures < LOCUST_MAX_ROWS && locust__stats_room_for_failure(st)) {
        f = locust__memory_zalloc(sizeof *f);
        if (f) {
            f->row = row;
            f->text = text;
            f->next_in_bucket = *bucket;
            *bucket = f;
            st->failures[st->n_failures++] = f;
        }
    }
    if (!f)
        f = &st->other_failure;
    if (!f->occurrences++)
        f->first_wall_ns = wall_ns;
    f->last_wall_ns = wall_ns;
}

/* Counts one finished request. `error`: NULL, or why it failed. Returns its row. */
static locust__entry *locust__stats_record(locust__request_stats *st, const char *method,
    const char *name, int64_t elapsed_ns, uint64_t bytes, const char *error, int64_t now_ns)
{
    locust__entry *row = locust__stats_find(st, method, name);
    int64_t second = now_ns / LOCUST__S;
    locust__entry_count(row, elapsed_ns, bytes, error != NULL, second);
    locust__entry_count(&st->total, elapsed_ns, bytes, error != NULL, second);
    if (now_ns > st->last_ns) // a verdict may come later than its request ended
        st->last_ns = now_ns;
    if (error)
        locust__stats_fail(st, row, error, locust__os_wall_ns());
    return row;
}

/* Row i of those that reports list; NULL: there is none. */
static locust__entry *locust__stats_entry_at(locust__request_stats *st, size_t i)
{
    return i < st->n_rows ? st->rows[i] : i == st->n_rows && st->other.requests ? &st->other : NULL;
}

/* Failure i, likewise. */
static const locust__stats_failure *locust__stats_failure_at(
    const locust__request_stats *st, size_t i)
{
    return i < st->n_failures                                     ? st->failures[i]
           : i == st->n_failures && st->other_failure.occurrences ? &st->other_failure
                                                                  : NULL;
}

/* Requests and failures a second over the whole run, up to the newest request. */
static void locust__stats_rates(const locust__request_stats *st, const locust__entry *row,
    double *requests_per_s, double *failures_per_s)
{
    double s = (double)(st->last_ns - st->start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)row->requests / s : 0;
    *failures_per_s = s > 0 ? (double)row->failures / s : 0;
}

/* The same over the last ten whole seconds, or as many as the test has. */
static void locust__stats_current_rates(const locust__request_stats *st, const locust__entry *row,
    int64_t now_ns, double *requests_per_s, double *failures_per_s)
{
    int64_t now = now_ns / LOCUST__S;
    int64_t start = (st->start_ns + LOCUST__S - 1) / LOCUST__S; // of the first whole second
    int64_t from = now - LOCUST__ENTRY_WINDOW_S > start ? now - LOCUST__ENTRY_WINDOW_S : start;
    uint64_t requests = 0, failures = 0;
    for (int64_t s = from; s < now; s++) {
        const locust__entry_second *slot = &row->ring[s % LOCUST__ENTRY_RING];
        if (slot->second == s) {
            requests += slot->requests;
            failures += slot->failures;
        }
    }
    *requests_per_s = now > from ? (double)requests / (double)(now - from) : 0;
    *failures_per_s = now > from ? (double)failures / (double)(now - from) : 0;
}

static const locust_stats *locust__stats_show(const locust__request_stats *st, locust__entry *row)
{
    locust_stats *shown = &row->shown;
    shown->method = row->method;
    shown->name = row->name;
    shown->requests = row->requests;
    shown->failures = row->failures;
    shown->bytes = row->bytes;
    shown->min_ms = row->requests ? (double)row->min_ns / 1e6 : 0;
    shown->mean_ms = locust__entry_mean_ns(row) / 1e6;
    shown->max_ms = (double)row->max_ns / 1e6;
    locust__stats_rates(st, row, &shown->requests_per_s, &shown->failures_per_s);
    shown->histogram = row;
    return shown;
}

LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share)
{
    return (double)locust__entry_percentile_ns(stats->histogram, share) / 1e6;
}
