/* ============================================================================================
 * >>baseline  comparison with an earlier run
 *
 * Purpose     compares this run with the --summary of an earlier one: which rows became slower, by
 *             more than chance and the margin explain, and which came or went?
 * Invariants  what a summary of this header holds can be read back, whatever its names, its size
 *             and its version: a text is compared as the summary has it, in valid UTF-8.
 * Cost        linear in the size of the file and in the rows.
 * Names       locust__baseline_ locust__change_ locust__earlier_
 * Uses        >>entry >>stats >>json >>generator >>figures
 * Sources     confidence bounds of percentiles: the binomial distribution of ranks, as a normal one
 *             (Hahn and Meeker, Statistical Intervals, 5.2). Shares of failures: the exact test of
 *             a table of two by two (Fisher, Statistical Methods for Research Workers, 21.02).
 * Limits      the tests take requests as independent of each other. What differs between runs as a
 *             whole (clock rate, neighbours) is in no one run: hence the margin beside them.
 * ============================================================================================ */

enum locust__change {
    LOCUST__CHANGE_SAME,
    LOCUST__CHANGE_SLOWER,
    LOCUST__CHANGE_FASTER,
    LOCUST__CHANGE_NEW,  // the earlier run had no such row
    LOCUST__CHANGE_GONE, // this run has none
};

static const char *const locust__change_names[] = {"same", "slower", "faster", "new", "gone"};

typedef struct locust__earlier { // a row of the earlier run, with the one of this run
    char *name;                  // method and name as in a summary; owned
    uint64_t hash;               // of it
    size_t next;                 // row with a hash of the same bucket, + 1; 0: none
    const locust__entry *row;    // NULL: this run has no such row
    uint64_t requests, failures;
    double rps;
    locust__hist hist;
    enum locust__change change;
    char why[128]; // what changed most
} locust__earlier;

typedef struct locust__baseline {
    locust__earlier *rows; // the total is the last
    size_t n, cap;
    size_t *buckets; // row + 1 by its hash; as many as there are rows
    size_t n_buckets;
    bool worse; // one of the rows is slower
} locust__baseline;

static void locust__baseline_free(locust__baseline *b)
{
    for (size_t i = 0; i < b->n; i++) {
        locust__hist_free(&b->rows[i].hist);
        LOCUST_FREE(b->rows[i].name);
    }
    LOCUST_FREE(b->rows);
    LOCUST_FREE(b->buckets);
    memset(b, 0, sizeof *b);
}

/* The pairs [microseconds, count] of a histogram. False: no memory. */
static bool locust__earlier_histogram(locust__hist *h, locust__view pairs)
{
    const char *p = pairs.ptr, *end = pairs.ptr + pairs.len;
    while (p < end) {
        int64_t us = locust__number_whole(&p), count;
        if (us < 0) {
            p++; // a bracket, a comma, a blank
            continue;
        }
        while (p < end && !locust__text_is_digit(*p))
            p++;
        count = locust__number_whole(&p);
        us = us < LOCUST__HIST_MAX_US ? us : LOCUST__HIST_MAX_US; // a bucket's middle may lie above
        if (count > 0 && !locust__hist_record_many(h, us * 1000, (uint64_t)count))
            return false;
    }
    return true;
}

/* Makes the name of a row of two strings of JSON. NULL, or what is wrong. */
static const char *locust__earlier_name(
    locust__earlier *earlier, locust__view method, locust__view name)
{
    size_t used = 0;
    earlier->name = LOCUST_MALLOC(method.len + name.len); // no escape is shorter than what it says
    if (!earlier->name)
        return "out of memory";
    if (!locust__json_decode(method, earlier->name, method.len))
        return "it is no file of --summary";
    used = strlen(earlier->name);
    if (used)
        earlier->name[used++] = ' ';
    if (!locust__json_decode(name, earlier->name + used, name.len))
        return "it is no file of --summary";
    earlier->hash = locust__text_hash(0, earlier->name, strlen(earlier->name));
    return NULL;
}

static uint64_t locust__earlier_count(locust__view value)
{
    int64_t n = locust__number_whole(&value.ptr);
    return n > 0 ? (uint64_t)n : 0;
}

/* A new row before the total, or as the total. NULL: no memory. */
LOCUST__COLD static locust__earlier *locust__baseline_add(locust__baseline *b)
{
    locust__earlier *rows = locust__memory_grow(b->rows, sizeof *rows, b->n, &b->cap);
    if (!rows)
        return NULL;
    b->rows = rows;
    memset(&rows[b->n], 0, sizeof *rows);
    return &rows[b->n++];
}

/* Takes over a row of a summary. Members that are missing are 0; those that are unknown are of
 * other versions. NULL, or what is wrong. */
static const char *locust__baseline_take(locust__baseline *b, locust__view object)
{
    locust__view key, value, name = {NULL, 0}, pairs = {NULL, 0}, method = {NULL, 0};
    locust__earlier *earlier = locust__baseline_add(b);
    const char *wrong;
    if (!earlier)
        return "out of memory";
    for (const char *p = NULL;
         *object.ptr == '{' && locust__json_member(object, &p, &key, &value);) {
        if (locust__view_is(key, "method"))
            method = value;
        else if (locust__view_is(key, "name"))
            name = value;
        else if (locust__view_is(key, "histogram_us"))
            pairs = value;
        else if (locust__view_is(key, "requests"))
            earlier->requests = locust__earlier_count(value);
        else if (locust__view_is(key, "failures"))
            earlier->failures = locust__earlier_count(value);
        else if (locust__view_is(key, "rps"))
            earlier->rps = locust__number_decimal(&value.ptr);
    }
    if (!method.len || !name.len || !pairs.len)
        return "it is no file of --summary";
    wrong = locust__earlier_name(earlier, method, name);
    if (!wrong && !locust__earlier_histogram(&earlier->hist, pairs))
        wrong = "out of memory";
    return wrong;
}

/* Takes over the text of a summary, which a '\0' follows. NULL, or what is wrong with it. */
static const char *locust__baseline_parse(locust__baseline *b, locust__view text)
{
    locust__view rows = {NULL, 0}, row;
    const char *wrong = NULL, *p = NULL;
    if (!locust__json_is_valid(text) || !locust__json_find(text, "rows", &rows) || *rows.ptr != '[')
        return "it is no file of --summary";
    while (!wrong && locust__json_element(rows, &p, &row))
        wrong = locust__baseline_take(b, row);
    if (wrong)
        return wrong;
    return locust__json_find(text, "total", &row) ? locust__baseline_take(b, row)
                                                  : "it is no file of --summary";
}

/* Reads a summary. NULL, or what is wrong with it. */
static const char *locust__baseline_read(locust__baseline *b, const char *path)
{
    locust__buf file = locust__os_read_file(path, SIZE_MAX);
    const char *wrong = !file.len || file.failed
                            ? "it cannot be read"
                            : locust__baseline_parse(b, (locust__view){file.ptr, file.len});
    locust__buf_free(&file);
    return wrong;
}

/* 99.9 % confidence bounds of a percentile. With few requests the upper bound of a high
 * percentile is infinite. */
static void locust__baseline_bounds(const locust__hist *h, double share, double *low, double *high)
{
    double n = (double)h->total, off = 3.3 * locust__number_sqrt(share * (1 - share) / n);
    double below = share - off - 1 / n, above = share + off + 1 / n;
    *low = below > 0 ? (double)locust__hist_percentile_ns(h, below) : 0;
    *high = above < 1 ? (double)locust__hist_percentile_ns(h, above) : 1e18;
}

/* The odds that chance alone dealt this run k of all failures, or more: n requests of this run and
 * was_n of the earlier one, was_k of which failed, are shuffled (the hypergeometric distribution).
 * Each term follows from the one beside it, and only their ratio counts: k's is taken as 1. */
static double locust__baseline_chance(double k, double n, double was_k, double was_n)
{
    double all = k + was_k, term = 1, more = 1, fewer = 0;
    for (double x = k; x < n && x < all && term > 1e-18 * more; x++)
        more += term *= (n - x) * (all - x) / ((x + 1) * (was_n - all + x + 1));
    term = 1;
    for (double x = k; x > 0 && was_n - all + x > 0 && term > 1e-18 * fewer; x--) {
        fewer += term *= x * (was_n - all + x) / ((n - x + 1) * (all - x + 1));
        if (fewer > 1e30 * more)
            return 0; // there may be millions more of these terms
    }
    return more / (more + fewer);
}

static void locust__earlier_changed(
    locust__earlier *earlier, enum locust__change change, const char *what, double was, double is)
{
    if (earlier->change == LOCUST__CHANGE_SLOWER)
        return; // the first way in which it became slower is the one that is said
    earlier->change = change;
    snprintf(earlier->why, sizeof earlier->why, "%s %.3f, was %.3f", what, is, was);
}

/* Compares the times of a row with what they were. A figure changed if its bounds do not overlap
 * and it differs by more than `margin`, a share. */
static void locust__earlier_compare_times(locust__earlier *earlier, double margin)
{
    static const double shares[] = {0.5, 0.95, 0.99};
    static const char *const names[] = {"p50 ms", "p95 ms", "p99 ms"};
    for (int i = 0; i < 3; i++) {
        double was = (double)locust__hist_percentile_ns(&earlier->hist, shares[i]);
        double is = (double)locust__hist_percentile_ns(&earlier->row->hist, shares[i]); // answered
        double low, high, was_low, was_high;
        locust__baseline_bounds(&earlier->row->hist, shares[i], &low, &high);
        locust__baseline_bounds(&earlier->hist, shares[i], &was_low, &was_high);
        if (low > was_high && is > was * (1 + margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, names[i], was / 1e6, is / 1e6);
        else if (high < was_low && is < was * (1 - margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_FASTER, names[i], was / 1e6, is / 1e6);
    }
}

/* Compares a row with what it was. It fails more if chance deals so many failures once in a
 * thousand times at most, and the share differs by more than the margin. */
static void locust__earlier_compare(locust__earlier *earlier, const locust_env *env, double margin)
{
    const locust__entry *row = earlier->row;
    double rps, fps, n = (double)row->requests, was_n = (double)earlier->requests;
    double failed = (double)row->failures, was_failed = (double)earlier->failures;
    earlier->change = LOCUST__CHANGE_SAME;
    if (!row->requests || !earlier->requests)
        return;
    if (earlier->hist.total)
        locust__earlier_compare_times(earlier, margin);
    locust__generator_rates(env, row, &rps, &fps);
    if (rps < earlier->rps * (1 - margin) &&
        earlier->rps - rps >
            3.3 * (rps / locust__number_sqrt(n) + earlier->rps / locust__number_sqrt(was_n)))
        locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, "requests/s", earlier->rps, rps);
    if (failed / n > was_failed / was_n * (1 + margin) &&
        locust__baseline_chance(failed, n, was_failed, was_n) < 0.001)
        locust__earlier_changed(
            earlier, LOCUST__CHANGE_SLOWER, "share of failures", was_failed / was_n, failed / n);
}

/* Makes the rows but for the total findable by their hash, the first of equal names first. */
static bool locust__baseline_index(locust__baseline *b)
{
    b->n_buckets = b->n;
    b->buckets = locust__memory_zalloc(b->n_buckets * sizeof *b->buckets);
    for (size_t i = b->n - 1; b->buckets && i-- > 0;) {
        size_t *bucket = &b->buckets[b->rows[i].hash % b->n_buckets];
        b->rows[i].next = *bucket;
        *bucket = i + 1;
    }
    return b->buckets != NULL;
}

/* The earlier row of a name that no row of this run has yet; NULL: there is none. */
static locust__earlier *locust__baseline_find(const locust__baseline *b, locust__view name)
{
    uint64_t hash = locust__text_hash(0, name.ptr, name.len);
    for (size_t i = b->buckets[hash % b->n_buckets]; i; i = b->rows[i - 1].next) {
        locust__earlier *earlier = &b->rows[i - 1];
        if (earlier->hash == hash && !earlier->row && locust__view_is(name, earlier->name))
            return earlier;
    }
    return NULL;
}

/* Adds a row that is new, before the total. False: no memory. */
static bool locust__baseline_add_new(locust__baseline *b, locust__view name)
{
    locust__earlier *total = locust__baseline_add(b), *row;
    if (!total)
        return false;
    row = total - 1;
    *total = *row;
    memset(row, 0, sizeof *row);
    row->name = locust__text_copy(name.ptr, name.len);
    row->change = LOCUST__CHANGE_NEW;
    return row->name != NULL;
}

/* Finds the rows of this run among the earlier ones, in the order of a summary: names that differ
 * in broken bytes alone keep to each other. What is there in one run alone is new or gone. False:
 * no memory. */
static bool locust__baseline_match(locust__baseline *b, locust__request_stats *st)
{
    locust__buf name = {NULL, 0, 0, false};
    size_t n = 0;
    locust__entry **rows = locust__figures_rows(st, &n);
    bool good = rows && locust__baseline_index(b);
    for (size_t i = 0; good && i + 1 < n; i++) {
        const locust__entry *row = rows[i];
        locust__earlier *earlier;
        locust__view whole;
        if (!row->requests)
            continue; // forgotten by a reset
        name.len = 0;
        locust__buf_utf8(&name, locust__view_of(row->method));
        locust__buf_puts(&name, *row->method ? " " : "");
        locust__buf_utf8(&name, locust__view_of(row->name));
        whole = (locust__view){name.len ? name.ptr : "", name.len};
        earlier = locust__baseline_find(b, whole);
        if (earlier)
            earlier->row = row;
        else
            good = locust__baseline_add_new(b, whole);
    }
    good &= !name.failed;
    locust__buf_free(&name);
    LOCUST_FREE(rows);
    return good;
}

/* Compares this run with the earlier one, once. False: no memory. */
static bool locust__baseline_compare(locust__baseline *b, locust_env *env)
{
    double margin = env->options.baseline_margin > 0 ? env->options.baseline_margin / 100 : 0.05;
    if (!locust__baseline_match(b, &env->stats))
        return false;
    b->rows[b->n - 1].row = &env->stats.total;
    for (size_t i = 0; i < b->n; i++) {
        locust__earlier *earlier = &b->rows[i];
        if (earlier->row)
            locust__earlier_compare(earlier, env, margin);
        else if (earlier->requests)
            earlier->change = LOCUST__CHANGE_GONE;
        b->worse |= earlier->change == LOCUST__CHANGE_SLOWER;
    }
    return true;
}
