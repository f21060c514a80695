/* ============================================================================================
 * >>baseline  comparison with an earlier run
 *
 * Purpose     compares this run with the --summary of an earlier one: which rows became slower, by
 *             more than chance and the margin explain?
 * Names       locust__baseline_ locust__change_ locust__earlier_
 * Uses        >>entry >>stats >>json >>generator
 * Sources     confidence bounds of percentiles: the binomial distribution of ranks, as a normal one
 *             (Hahn and Meeker, Statistical Intervals, 5.2); of shares: Wilson (1927).
 * Limits      the bounds take requests as independent of each other. What differs between runs as a
 *             whole (clock rate, neighbours) is in no one run: hence the margin beside them.
 * ============================================================================================ */

enum locust__change { LOCUST__CHANGE_SAME, LOCUST__CHANGE_SLOWER, LOCUST__CHANGE_FASTER };

static const char *const locust__change_names[] = {"same", "slower", "faster"};

typedef struct locust__earlier { // a row of the earlier run, with the one of this run
    char name[256];              // method and name
    uint64_t requests, failures;
    double rps;
    locust__hist hist;
    enum locust__change change;
    char why[128]; // what changed most
} locust__earlier;

typedef struct locust__baseline {
    locust__earlier *rows; // the total is the last
    size_t n, cap;
    bool worse; // one of them is
} locust__baseline;

static void locust__baseline_free(locust__baseline *b)
{
    for (size_t i = 0; i < b->n; i++)
        locust__hist_free(&b->rows[i].hist);
    LOCUST_FREE(b->rows);
    memset(b, 0, sizeof *b);
}

static double locust__earlier_number(locust__view object, const char *path)
{
    locust__view value;
    double number =
        locust__json_find(object, path, &value) ? locust__number_decimal(&value.ptr) : 0;
    return number > 0 ? number : 0;
}

/* The pairs [microseconds, count] of a histogram. NULL, or what is wrong. */
static const char *locust__earlier_histogram(locust__hist *h, locust__view pairs)
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
        if (us > LOCUST__HIST_MAX_US || count < 0)
            return "it is no file of --summary";
        if (!locust__hist_record_many(h, us * 1000, (uint64_t)count))
            return "out of memory";
    }
    return NULL;
}

/* Takes over a row of a summary. NULL, or what is wrong. */
static const char *locust__baseline_add(locust__baseline *b, locust__view object)
{
    char method[64], name[180];
    locust__view value, pairs;
    locust__earlier *rows = locust__memory_grow(b->rows, sizeof *rows, b->n, &b->cap), *earlier;
    if (!rows)
        return "out of memory";
    b->rows = rows;
    earlier = &rows[b->n];
    memset(earlier, 0, sizeof *earlier);
    if (!locust__json_find(object, "method", &value) ||
        !locust__json_decode(value, method, sizeof method) ||
        !locust__json_find(object, "name", &value) ||
        !locust__json_decode(value, name, sizeof name) ||
        !locust__json_find(object, "histogram_us", &pairs))
        return "it is no file of --summary";
    b->n++;
    snprintf(earlier->name, sizeof earlier->name, "%s%s%s", method, *method ? " " : "", name);
    earlier->requests = (uint64_t)locust__earlier_number(object, "requests");
    earlier->failures = (uint64_t)locust__earlier_number(object, "failures");
    earlier->rps = locust__earlier_number(object, "rps");
    return locust__earlier_histogram(&earlier->hist, pairs);
}

/* Reads a summary. NULL, or what is wrong with it. */
static const char *locust__baseline_read(locust__baseline *b, const char *path)
{
    locust__buf file = locust__os_read_file(path, 64 << 20);
    locust__view text = {file.ptr, file.len}, rows = {NULL, 0}, row;
    const char *wrong = NULL, *p = NULL;
    if (!file.len)
        wrong = "it cannot be read";
    else if (!locust__json_is_valid(text) || !locust__json_find(text, "rows", &rows))
        wrong = "it is no file of --summary";
    while (!wrong && locust__json_element(rows, &p, &row))
        wrong = locust__baseline_add(b, row);
    if (!wrong)
        wrong = locust__json_find(text, "total", &row) ? locust__baseline_add(b, row)
                                                       : "it is no file of --summary";
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

/* Wilson's bounds of a share k / n, with the same confidence. */
static void locust__baseline_bounds_of_share(double k, double n, double *low, double *high)
{
    double z2 = 3.3 * 3.3, middle = (k + z2 / 2) / (n + z2);
    double off = 3.3 * locust__number_sqrt(k * (n - k) / n + z2 / 4) / (n + z2);
    *low = middle - off;
    *high = middle + off;
}

static void locust__earlier_changed(
    locust__earlier *earlier, enum locust__change change, const char *what, double was, double is)
{
    if (earlier->change == LOCUST__CHANGE_SLOWER)
        return; // the first way in which it became slower is the one that is said
    earlier->change = change;
    snprintf(earlier->why, sizeof earlier->why, "%s %.3f, was %.3f", what, is, was);
}

/* Compares a row with what it was. A figure changed if its bounds do not overlap and it differs
 * by more than `margin`, a share. */
static void locust__earlier_compare(
    locust__earlier *earlier, const locust_env *env, const locust__entry *row, double margin)
{
    static const double shares[] = {0.5, 0.95, 0.99};
    static const char *const names[] = {"p50 ms", "p95 ms", "p99 ms"};
    double low, high, was_low, was_high, rps, fps, n = (double)row->requests;
    double was_n = (double)earlier->requests;
    earlier->change = LOCUST__CHANGE_SAME;
    if (!row->requests || !earlier->requests || !earlier->hist.total)
        return;
    for (int i = 0; i < 3; i++) {
        double was = (double)locust__hist_percentile_ns(&earlier->hist, shares[i]);
        double is = (double)locust__entry_percentile_ns(row, shares[i]);
        locust__baseline_bounds(&row->hist, shares[i], &low, &high);
        locust__baseline_bounds(&earlier->hist, shares[i], &was_low, &was_high);
        if (low > was_high && is > was * (1 + margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, names[i], was / 1e6, is / 1e6);
        else if (high < was_low && is < was * (1 - margin))
            locust__earlier_changed(earlier, LOCUST__CHANGE_FASTER, names[i], was / 1e6, is / 1e6);
    }
    locust__generator_rates(env, row, &rps, &fps);
    if (rps < earlier->rps * (1 - margin) &&
        earlier->rps - rps >
            3.3 * (rps / locust__number_sqrt(n) + earlier->rps / locust__number_sqrt(was_n)))
        locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, "requests/s", earlier->rps, rps);
    locust__baseline_bounds_of_share((double)row->failures, n, &low, &high);
    locust__baseline_bounds_of_share((double)earlier->failures, was_n, &was_low, &was_high);
    if (low > was_high &&
        (double)row->failures / n > (double)earlier->failures / was_n * (1 + margin))
        locust__earlier_changed(earlier, LOCUST__CHANGE_SLOWER, "share of failures",
            (double)earlier->failures / was_n, (double)row->failures / n);
}

/* Compares this run with the earlier one. A row that this run lacks loses its name, which leaves
 * it out of the reports; one that the earlier run lacked is not compared. */
static void locust__baseline_compare(locust__baseline *b, locust_env *env)
{
    double margin = env->options.baseline_margin > 0 ? env->options.baseline_margin / 100 : 0.05;
    const locust__entry *row;
    char name[256];
    b->worse = false;
    for (size_t k = 0; k < b->n; k++) {
        locust__earlier *earlier = &b->rows[k];
        row = k + 1 == b->n ? &env->stats.total : locust__stats_entry_at(&env->stats, 0);
        for (size_t i = 0; row && row != &env->stats.total;
             row = locust__stats_entry_at(&env->stats, ++i)) {
            snprintf(name, sizeof name, "%s%s%s", row->method, *row->method ? " " : "", row->name);
            if (strcmp(name, earlier->name) == 0)
                break;
        }
        if (row)
            locust__earlier_compare(earlier, env, row, margin);
        else
            *earlier->name = '\0';
        b->worse |= row && earlier->change == LOCUST__CHANGE_SLOWER;
    }
}
