/* ============================================================================================
 * >>stats  the statistics of a test: entries, failures, failed tasks
 *
 * Purpose     counts requests by (method, name), failures by (method, name, text), and failed tasks
 *             by text and place.
 * Invariants  the total counts every request once. Entries and texts stay until the statistics are
 *             freed, so others may keep pointers to them.
 * Cost        counting a request: a hash of its name, two histograms. Nothing is allocated but for
 *             a new entry, text or octave: memory grows with the names, not with time.
 * Names       locust__stats_ locust__request_stats
 * Uses        >>entry
 * Sources     Locust 2.46: what counts as failure, median and rates (its stats.py, by measurement).
 * Limits      LOCUST_MAX_ROWS entries, and as many failures and texts: later ones count as
 *             "(other)". Current rates cover the last ten whole seconds, up to now; Locust's end
 *             three seconds earlier, to wait for its workers.
 * ============================================================================================ */

enum { LOCUST__STATS_BUCKETS = 512 }; // of each hash table; chains grow, tables do not

typedef struct locust__stats_string { // the sentence of a failure, stored once
    struct locust__stats_string *next_in_bucket;
    uint64_t hash;
    char text[];
} locust__stats_string;

typedef struct locust__stats_failure { // requests of one entry that failed for one reason
    struct locust__stats_failure *next_in_bucket;
    const locust__entry *row; // the entry
    const char *text;         // in a locust__stats_string
    uint64_t occurrences;
    int64_t first_wall_ns, last_wall_ns;
} locust__stats_failure;

typedef struct locust__stats_exception { // failed tasks of one place and reason
    const char *text;                    // in a locust__stats_string
    uint64_t times;
    char place[128]; // file, line and function
} locust__stats_exception;

typedef struct locust__request_stats {
    locust__stats_exception *exceptions; // in order of appearance
    size_t n_exceptions, cap_exceptions;
    locust__stats_exception other_exception; // those past a limit, or without memory
    locust__entry total;
    locust__entry other; // requests past a limit, or without memory; reports list it if it has any
    locust__entry **entries; // in order of appearance
    size_t n_entries, cap_entries;
    locust__stats_failure **failures; // in order of appearance
    size_t n_failures, cap_failures;
    size_t n_texts;
    locust__stats_failure other_failure; // failures past a limit, or without memory
    locust__entry *entry_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_string *text_buckets[LOCUST__STATS_BUCKETS];
    locust__stats_failure *failure_buckets[LOCUST__STATS_BUCKETS];
    locust__hist late, in_time; // requests whose time holds lateness: as measured, and without it
    int lag_s;                  // current rates end so long ago: workers report every 3 s
    uint64_t cut_arrivals;      // that no user had taken when the test ended
    int64_t cut_arrival_ns;     // how long the first of them had waited
    int64_t start_ns, last_ns;  // monotonic: start of the test, end of the newest request; once
                                // measuring has ended, not before that
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
    st->other_exception.text = "(other)";
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
}

/* Zeroes the figures of all entries and forgets failures. Entries and texts stay, and failed
 * tasks. */
static void locust__stats_reset_requests(locust__request_stats *st, int64_t now_ns)
{
    locust__entry_clear(&st->total);
    locust__entry_clear(&st->other);
    for (size_t i = 0; i < st->n_entries; i++) {
        if (st->entries[i]->requests || st->entries[i]->unanswered)
            st->entries[i]->hidden = false;
        locust__entry_clear(st->entries[i]);
    }
    for (size_t i = 0; i < st->n_failures; i++)
        LOCUST_FREE(st->failures[i]);
    st->n_failures = 0;
    locust__hist_reset(&st->late);
    locust__hist_reset(&st->in_time);
    st->other_failure.occurrences = 0;
    memset(st->failure_buckets, 0, sizeof st->failure_buckets);
    st->cut_arrivals = 0;
    st->cut_arrival_ns = 0;
    st->start_ns = st->last_ns = now_ns;
}

/* Forgets all. Entries and texts stay. */
static void locust__stats_reset(locust__request_stats *st, int64_t now_ns)
{
    locust__stats_reset_requests(st, now_ns);
    st->n_exceptions = 0;
    st->other_exception.times = 0;
}

/* Another test begins: its tables do not list what earlier ones had. Behind locust__stats_reset. */
LOCUST__UNUSED static void locust__stats_hide(const locust__request_stats *st)
{
    for (size_t i = 0; i < st->n_entries; i++)
        st->entries[i]->hidden = true;
}

/* Measuring ends: from here on the rates of the run are up to now, whether requests were answered
 * or not. Those that --stop-timeout lets end later move the end on. */
static void locust__stats_end(locust__request_stats *st, int64_t now_ns)
{
    if (now_ns > st->last_ns)
        st->last_ns = now_ns;
}

static void locust__stats_free(locust__request_stats *st)
{
    locust__stats_reset(st, 0);
    for (size_t i = 0; i < st->n_entries; i++) {
        locust__entry_free_histograms(st->entries[i]);
        LOCUST_FREE(st->entries[i]);
    }
    locust__entry_free_histograms(&st->other);
    locust__entry_free_histograms(&st->total);
    locust__hist_free(&st->late);
    locust__hist_free(&st->in_time);
    for (size_t b = 0; b < LOCUST__STATS_BUCKETS; b++)
        while (st->text_buckets[b]) {
            locust__stats_string *text = st->text_buckets[b];
            st->text_buckets[b] = text->next_in_bucket;
            LOCUST_FREE(text);
        }
    LOCUST_FREE(st->entries);
    LOCUST_FREE(st->failures);
    LOCUST_FREE(st->exceptions);
}

/* A new entry behind the others, with its method and name; NULL: no memory, or too many. */
static locust__entry *locust__stats_add(
    locust__request_stats *st, const char *method, const char *name)
{
    size_t method_bytes = strlen(method) + 1, name_bytes = strlen(name) + 1;
    locust__entry *entry, **entries;
    char *text;
    if (st->n_entries >= LOCUST_MAX_ROWS)
        return NULL;
    entries = locust__memory_grow(st->entries, sizeof *entries, st->n_entries, &st->cap_entries);
    if (!entries)
        return NULL;
    st->entries = entries;
    entry = locust__memory_zalloc(sizeof *entry + method_bytes + name_bytes);
    if (!entry)
        return NULL;
    text = (char *)(entry + 1);
    entry->method = memcpy(text, method, method_bytes);
    entry->name = memcpy(text + method_bytes, name, name_bytes);
    locust__entry_clear(entry);
    entry->index = st->n_entries;
    entries[st->n_entries++] = entry;
    return entry;
}

/* The entry of a method and name, made if there is none yet; "(other)" if it cannot be made. */
static locust__entry *locust__stats_find(
    locust__request_stats *st, const char *method, const char *name)
{
    uint64_t hash = locust__text_hash(0, method, strlen(method));
    locust__entry **bucket, *entry;
    hash = locust__text_hash(hash, name, strlen(name));
    bucket = &st->entry_buckets[hash % LOCUST__STATS_BUCKETS];
    for (entry = *bucket; entry; entry = entry->next_in_bucket)
        if (entry->hash == hash && strcmp(entry->name, name) == 0 &&
            strcmp(entry->method, method) == 0)
            return entry;
    entry = locust__stats_add(st, method, name);
    if (!entry)
        return &st->other;
    entry->hash = hash;
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    return entry;
}

/* The statistics' own copy of a failure's text. Equal texts have one copy, so pointers may be
 * compared. "(other)" if there is no room for it. */
static const char *locust__stats_text(locust__request_stats *st, const char *text)
{
    size_t len = strlen(text);
    uint64_t hash = locust__text_hash(0, text, len);
    locust__stats_string **bucket = &st->text_buckets[hash % LOCUST__STATS_BUCKETS], *copy;
    for (copy = *bucket; copy; copy = copy->next_in_bucket)
        if (copy->hash == hash && strcmp(copy->text, text) == 0)
            return copy->text;
    copy = st->n_texts < LOCUST_MAX_ROWS ? LOCUST_MALLOC(sizeof *copy + len + 1) : NULL;
    if (!copy)
        return "(other)";
    memcpy(copy->text, text, len + 1);
    copy->hash = hash;
    copy->next_in_bucket = *bucket;
    *bucket = copy;
    st->n_texts++;
    return copy->text;
}

/* Counts a failed task; `text` comes from locust__stats_text. True: it is the first one of this
 * place and text. */
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
        return st->other_exception.times++ == 0;
    st->exceptions = e;
    e += st->n_exceptions++;
    *e = (locust__stats_exception){.text = text, .times = 1};
    snprintf(e->place, sizeof e->place, "%s", place);
    return true;
}

/* The same for n failed tasks. */
LOCUST__UNUSED static void locust__stats_except_many(
    locust__request_stats *st, const char *text, const char *place, uint64_t n)
{
    locust__stats_exception *e = &st->other_exception;
    if (!n)
        return;
    locust__stats_except(st, text, place);
    for (size_t i = 0; i < st->n_exceptions; i++)
        if (st->exceptions[i].text == text && strcmp(st->exceptions[i].place, place) == 0)
            e = &st->exceptions[i];
    e->times += n - 1;
}

/* A new failure behind the others; NULL: no memory, or too many. */
static locust__stats_failure *locust__stats_add_failure(
    locust__request_stats *st, const locust__entry *entry, const char *text)
{
    locust__stats_failure *f, **failures;
    if (st->n_failures >= LOCUST_MAX_ROWS)
        return NULL;
    failures =
        locust__memory_grow(st->failures, sizeof *failures, st->n_failures, &st->cap_failures);
    if (!failures)
        return NULL;
    st->failures = failures;
    f = locust__memory_zalloc(sizeof *f);
    if (!f)
        return NULL;
    f->row = entry;
    f->text = text;
    failures[st->n_failures++] = f;
    return f;
}

/* The failures of an entry for one reason, made if there are none yet; "(other)" if they cannot
 * be. */
static locust__stats_failure *locust__stats_failure_of(
    locust__request_stats *st, const locust__entry *entry, const char *error)
{
    const char *text = locust__stats_text(st, error);
    // Entry and text are one object each: their addresses say which failure it is.
    uint64_t hash =
        ((uint64_t)(uintptr_t)entry ^ (uint64_t)(uintptr_t)text << 1) * 0x9E3779B97F4A7C15u;
    locust__stats_failure **bucket = &st->failure_buckets[(hash >> 32) % LOCUST__STATS_BUCKETS], *f;
    for (f = *bucket; f; f = f->next_in_bucket)
        if (f->row == entry && f->text == text)
            return f;
    f = locust__stats_add_failure(st, entry, text);
    if (!f)
        return &st->other_failure;
    f->next_in_bucket = *bucket;
    *bucket = f;
    return f;
}

/* Counts failed requests, from the first to the last of them. */
LOCUST__UNUSED static void locust__stats_fail_many(
    locust__stats_failure *f, uint64_t n, int64_t first_wall_ns, int64_t last_wall_ns)
{
    if (!f->occurrences || first_wall_ns < f->first_wall_ns)
        f->first_wall_ns = first_wall_ns;
    if (!f->occurrences || last_wall_ns > f->last_wall_ns)
        f->last_wall_ns = last_wall_ns;
    f->occurrences += n;
}

/* Counts a failed request. */
static void locust__stats_fail(
    locust__request_stats *st, const locust__entry *entry, const char *error, int64_t wall_ns)
{
    locust__stats_failure *f = locust__stats_failure_of(st, entry, error);
    if (!f->occurrences++)
        f->first_wall_ns = wall_ns;
    f->last_wall_ns = wall_ns;
}

/* Counts one finished request of an entry. `error`: NULL, or why it failed. */
static void locust__stats_count(locust__request_stats *st, locust__entry *entry, int64_t elapsed_ns,
    uint64_t bytes, const char *error, int64_t now_ns)
{
    int64_t second = now_ns / LOCUST__S;
    size_t bucket = locust__hist_bucket(elapsed_ns);
    locust__entry_count(entry, elapsed_ns, bucket, bytes, error != NULL, second);
    locust__entry_count(&st->total, elapsed_ns, bucket, bytes, error != NULL, second);
    if (now_ns > st->last_ns) // not if its verdict came after other requests had ended
        st->last_ns = now_ns;
    if (error)
        locust__stats_fail(st, entry, error, locust__os_wall_ns());
}

/* The same of a method and name. Returns their entry. */
static locust__entry *locust__stats_record(locust__request_stats *st, const char *method,
    const char *name, int64_t elapsed_ns, uint64_t bytes, const char *error, int64_t now_ns)
{
    locust__entry *entry = locust__stats_find(st, method, name);
    locust__stats_count(st, entry, elapsed_ns, bytes, error, now_ns);
    return entry;
}

/* Notes that the time of a request that was counted holds up to late_ns of the generator's own. */
static void locust__stats_late(locust__request_stats *st, int64_t elapsed_ns, int64_t late_ns)
{
    if (late_ns > elapsed_ns)
        late_ns = elapsed_ns;
    if (locust__hist_record(&st->in_time, elapsed_ns - late_ns) &&
        !locust__hist_record(&st->late, elapsed_ns))
        locust__hist_reset(&st->in_time); // no memory: nothing is known
}

/* By how much, at most, a percentile of all requests is too high. */
static int64_t locust__stats_high_ns(const locust__request_stats *st, double share)
{
    int64_t ns = locust__hist_percentile_ns(&st->total.hist, share); // of what was answered
    int64_t least_ns = locust__hist_corrected_ns(&st->total.hist, &st->late, &st->in_time, share);
    return st->in_time.total && least_ns < ns ? ns - least_ns : 0;
}

/* Entry i of those that reports list; NULL: there are no more. */
static locust__entry *locust__stats_entry_at(locust__request_stats *st, size_t i)
{
    if (i < st->n_entries)
        return st->entries[i];
    return i == st->n_entries && (st->other.requests || st->other.unanswered) ? &st->other : NULL;
}

/* Failure i of those that reports list; NULL: there are no more. */
static const locust__stats_failure *locust__stats_failure_at(
    const locust__request_stats *st, size_t i)
{
    if (i < st->n_failures)
        return st->failures[i];
    return i == st->n_failures && st->other_failure.occurrences ? &st->other_failure : NULL;
}

/* Exception i of those that reports list; NULL: there are no more. */
static const locust__stats_exception *locust__stats_exception_at(
    const locust__request_stats *st, size_t i)
{
    if (i < st->n_exceptions)
        return &st->exceptions[i];
    return i == st->n_exceptions && st->other_exception.times ? &st->other_exception : NULL;
}

/* Requests and failures a second over the whole run: to its end, or up to the newest request. */
static void locust__stats_rates(const locust__request_stats *st, const locust__entry *entry,
    double *requests_per_s, double *failures_per_s)
{
    double s = (double)(st->last_ns - st->start_ns) / 1e9;
    *requests_per_s = s > 0 ? (double)entry->requests / s : 0;
    *failures_per_s = s > 0 ? (double)entry->failures / s : 0;
}

/* The same over the last ten whole seconds, or as many as the test has run. */
static void locust__stats_current_rates(const locust__request_stats *st, const locust__entry *entry,
    int64_t now_ns, double *requests_per_s, double *failures_per_s)
{
    int64_t now = now_ns / LOCUST__S;                           // the second that is not over yet
    int64_t start = (st->start_ns + LOCUST__S - 1) / LOCUST__S; // the first whole one of the test
    int64_t from;
    uint64_t requests = 0, failures = 0;
    now -= st->lag_s;
    from = now - LOCUST__ENTRY_WINDOW_S > start ? now - LOCUST__ENTRY_WINDOW_S : start;
    for (int64_t s = from; s < now; s++) {
        const locust__entry_second *seen = &entry->ring[s % LOCUST__ENTRY_RING];
        if (seen->second == s) { // else nothing ended in that second
            requests += seen->requests;
            failures += seen->failures;
        }
    }
    *requests_per_s = now > from ? (double)requests / (double)(now - from) : 0;
    *failures_per_s = now > from ? (double)failures / (double)(now - from) : 0;
}

/* Fills in what the public API shows of an entry; it is overwritten by the next call for it. */
static const locust_stats *locust__stats_show(const locust__request_stats *st, locust__entry *entry)
{
    locust_stats *shown = &entry->shown;
    shown->method = entry->method;
    shown->name = entry->name;
    shown->requests = entry->requests;
    shown->failures = entry->failures;
    shown->bytes = entry->bytes;
    shown->unanswered = entry->unanswered;
    shown->min_ms = entry->requests ? (double)entry->min_ns / 1e6 : 0;
    shown->mean_ms = locust__entry_mean_ns(entry) / 1e6;
    shown->max_ms = (double)entry->max_ns / 1e6;
    locust__stats_rates(st, entry, &shown->requests_per_s, &shown->failures_per_s);
    shown->histogram = entry;
    return shown;
}

LOCUST_API double locust_percentile_ms(const locust_stats *stats, double share)
{
    return (double)locust__entry_percentile_ns(stats->histogram, share) / 1e6;
}
