/* ============================================================================================
 * >>figures  what a row shows
 *
 * Purpose     one table of all that a row of statistics shows: names, unit, value. Tables, compact
 *             lines, CSV files, the summary and checks pick their columns from it by name; so does
 *             whatever else writes figures.
 * Invariants  a value is a double in the base unit: counts and bytes whole (to 2^53), times in
 *             nanoseconds, rates a second, shares from 0 to 1. Writers scale it as they print it.
 * Cost        a percentile walks the row's histogram; every other figure is a division at most.
 * Names       locust__figure_ locust__figure locust__figures_ locust__figures
 * Uses        >>entry >>stats >>usage >>generator
 * Sources     Locust 2.46 and 2.47 (reference runs): titles of tables and CSV files.
 * ============================================================================================ */

enum locust__figure_unit {
    LOCUST__FIGURE_UNIT_COUNT,
    LOCUST__FIGURE_UNIT_BYTES,
    LOCUST__FIGURE_UNIT_RATE,  // a second
    LOCUST__FIGURE_UNIT_TIME,  // nanoseconds; every writer prints milliseconds
    LOCUST__FIGURE_UNIT_SHARE, // 0 to 1
    LOCUST__FIGURE_UNITS
};

enum locust__figure_kind { // how its value is found
    LOCUST__FIGURE_OF_REQUESTS,
    LOCUST__FIGURE_OF_FAILURES,
    LOCUST__FIGURE_OF_FAIL_RATIO,
    LOCUST__FIGURE_OF_RPS,
    LOCUST__FIGURE_OF_FPS,
    LOCUST__FIGURE_OF_BYTES,
    LOCUST__FIGURE_OF_SIZE,
    LOCUST__FIGURE_OF_MIN,
    LOCUST__FIGURE_OF_AVG,
    LOCUST__FIGURE_OF_MAX,
    LOCUST__FIGURE_OF_MEDIAN,     // of the whole run, even where percentiles are recent ones
    LOCUST__FIGURE_OF_PERCENTILE, // of the view's recent times, or of the whole run
    LOCUST__FIGURE_OF_INTENDED,   // a percentile of the times from the intended start
    LOCUST__FIGURE_OF_INTENDED_MAX,
    LOCUST__FIGURE_OF_PHASE_COUNT, // requests in which the view's phase happened
    LOCUST__FIGURE_OF_PHASE,       // a percentile of that phase
    LOCUST__FIGURE_OF_PHASE_MAX,
    LOCUST__FIGURE_OF_SHED, // arrivals of the whole test, whatever the row
    LOCUST__FIGURE_OF_UNANSWERED,
};

/* Id, unit, kind, share of a percentile; name in JSON and checks, key in compact lines, title in
 * tables, title in CSV files. "": no writer of that form shows it. */
// clang-format off
#define LOCUST__FIGURES_ALL(X) \
    X(REQUESTS,     COUNT, REQUESTS,     0,       "requests", "reqs", "# reqs", "Request Count") \
    X(FAILURES,     COUNT, FAILURES,     0,       "failures", "fails", "# fails", "Failure Count") \
    X(FAIL_RATIO,   SHARE, FAIL_RATIO,   0,       "fail_ratio", "", "", "") \
    X(RPS,          RATE,  RPS,          0,       "rps", "rps", "req/s", "Requests/s") \
    X(FPS,          RATE,  FPS,          0,       "fps", "fps", "failures/s", "Failures/s") \
    X(BYTES,        BYTES, BYTES,        0,       "bytes", "", "", "") \
    X(SIZE,         BYTES, SIZE,         0,       "", "", "", "Average Content Size") \
    X(MIN,          TIME,  MIN,          0,       "min", "", "Min", "Min Response Time") \
    X(AVG,          TIME,  AVG,          0,       "avg", "avg", "Avg", "Average Response Time") \
    X(MAX,          TIME,  MAX,          0,       "max", "max", "Max", "Max Response Time") \
    X(MEDIAN,       TIME,  MEDIAN,       0.5,     "", "", "Med", "Median Response Time") \
    X(P50,          TIME,  PERCENTILE,   0.5,     "50", "p50", "50%", "50%") \
    X(P66,          TIME,  PERCENTILE,   0.66,    "66", "", "66%", "66%") \
    X(P75,          TIME,  PERCENTILE,   0.75,    "75", "", "75%", "75%") \
    X(P80,          TIME,  PERCENTILE,   0.8,     "80", "", "80%", "80%") \
    X(P90,          TIME,  PERCENTILE,   0.9,     "90", "", "90%", "90%") \
    X(P95,          TIME,  PERCENTILE,   0.95,    "95", "p95", "95%", "95%") \
    X(P98,          TIME,  PERCENTILE,   0.98,    "98", "", "98%", "98%") \
    X(P99,          TIME,  PERCENTILE,   0.99,    "99", "p99", "99%", "99%") \
    X(P99_9,        TIME,  PERCENTILE,   0.999,   "99.9", "", "99.9%", "99.9%") \
    X(P99_99,       TIME,  PERCENTILE,   0.9999,  "99.99", "", "99.99%", "99.99%") \
    X(P99_999,      TIME,  PERCENTILE,   0.99999, "99.999", "", "", "") \
    X(P100,         TIME,  PERCENTILE,   1,       "100", "max", "100%", "100%") \
    X(INTENDED_P50, TIME,  INTENDED,     0.5,     "", "intended_p50", "int. 50%", "") \
    X(INTENDED_P99, TIME,  INTENDED,     0.99,    "", "intended_p99", "int. 99%", "") \
    X(INTENDED_MAX, TIME,  INTENDED_MAX, 0,       "", "intended_max", "int. 100%", "") \
    X(PHASE_COUNT,  COUNT, PHASE_COUNT,  0,       "", "n", "# reqs", "") \
    X(PHASE_P50,    TIME,  PHASE,        0.5,     "", "p50", "50%", "") \
    X(PHASE_P95,    TIME,  PHASE,        0.95,    "", "p95", "95%", "") \
    X(PHASE_P99,    TIME,  PHASE,        0.99,    "", "p99", "99%", "") \
    X(PHASE_MAX,    TIME,  PHASE_MAX,    0,       "", "max", "100%", "") \
    X(SHED,         COUNT, SHED,         0,       "shed", "", "", "") \
    X(UNANSWERED,   COUNT, UNANSWERED,   0,       "unanswered", "unanswered", "", "")
// clang-format on

#define LOCUST__FIGURES_ID(id, unit, kind, share, name, key, title, csv) LOCUST__FIGURE_##id,
typedef enum locust__figure_id { LOCUST__FIGURES_ALL(LOCUST__FIGURES_ID) } locust__figure_id;
#undef LOCUST__FIGURES_ID

typedef enum locust__figure_word {
    LOCUST__FIGURE_NAME,
    LOCUST__FIGURE_KEY,
    LOCUST__FIGURE_TITLE,
    LOCUST__FIGURE_CSV_TITLE
} locust__figure_word;

typedef struct locust__figure {
    const char *words; // one behind the other: a pointer for each would cost a program 3 KB
    enum locust__figure_unit unit;
    enum locust__figure_kind kind;
    double share;
} locust__figure;

#define LOCUST__FIGURES_ROW(id, unit, kind, share, name, key, title, csv)                     \
    {name "\0" key "\0" title "\0" csv, LOCUST__FIGURE_UNIT_##unit, LOCUST__FIGURE_OF_##kind, \
        share},
static const locust__figure locust__figures[] = {LOCUST__FIGURES_ALL(LOCUST__FIGURES_ROW)};
#undef LOCUST__FIGURES_ROW

/* What a figure is called by a kind of writer. */
static const char *locust__figures_word(locust__figure_id id, locust__figure_word which)
{
    const char *word = locust__figures[id].words;
    for (int i = 0; i < (int)which; i++)
        word += strlen(word) + 1;
    return word;
}

/* Locust's percentiles, for lists of columns. */
#define LOCUST__FIGURES_PERCENTILES                                                     \
    LOCUST__FIGURE_P50, LOCUST__FIGURE_P66, LOCUST__FIGURE_P75, LOCUST__FIGURE_P80,     \
        LOCUST__FIGURE_P90, LOCUST__FIGURE_P95, LOCUST__FIGURE_P98, LOCUST__FIGURE_P99, \
        LOCUST__FIGURE_P99_9, LOCUST__FIGURE_P99_99, LOCUST__FIGURE_P100

enum locust__figures_rates {  // what requests and failures a second are of
    LOCUST__FIGURES_CURRENT,  // the last ten seconds
    LOCUST__FIGURES_MEASURED, // from the start to the end, answered or not
};

typedef struct locust__figures_view { // what a report is made of
    const locust_env *env;
    int64_t now_ns; // for current rates
    enum locust__figures_rates rates;
    const locust__hist *recent; // what percentiles are of; NULL: all times of the row
    const locust__phase *phase; // what PHASE_ figures are of
} locust__figures_view;

/* Requests or failures a second. */
static double locust__figures_rate(
    const locust__figures_view *v, const locust__entry *row, enum locust__figure_kind kind)
{
    const locust__request_stats *st = &v->env->stats;
    double rps = 0, fps = 0;
    switch (v->rates) {
    case LOCUST__FIGURES_CURRENT:
        locust__stats_current_rates(st, row, v->now_ns, &rps, &fps);
        break;
    case LOCUST__FIGURES_MEASURED:
        locust__generator_rates(v->env, row, &rps, &fps);
        break;
    }
    return kind == LOCUST__FIGURE_OF_RPS ? rps : fps;
}

/* A percentile of a phase; share NULL: its maximum. `waits`: see locust__phase_percentile_ns. */
static bool locust__figures_find_phase(
    const locust__phase *phase, const locust__phase *waits, const double *share, double *value)
{
    if (!phase || !phase->hist.total)
        return false;
    *value = (double)(share ? locust__phase_percentile_ns(phase, waits, *share)
                            : locust__phase_max_ns(phase, waits));
    return true;
}

/* Requests of a row that were cut; of the total, arrivals that nobody took, too. */
static double locust__figures_unanswered(const locust__request_stats *st, const locust__entry *row)
{
    return (double)(row->unanswered + (row == &st->total ? st->cut_arrivals : 0));
}

/* Finds the value of a figure; `share`: of a percentile, which need not be the figure's own.
 * False if nothing was measured that it could be of, and *value is 0: a time, a share or a size
 * of nothing is unknown, while counts and rates of nothing are 0. */
LOCUST__COLD static bool locust__figures_find(const locust__figures_view *v,
    const locust__entry *row, locust__figure_id id, double share, double *value)
{
    bool any = row->requests > 0;
    double requests = any ? (double)row->requests : 1;
    *value = 0;
    switch (locust__figures[id].kind) {
    case LOCUST__FIGURE_OF_REQUESTS:
        *value = (double)row->requests;
        return true;
    case LOCUST__FIGURE_OF_FAILURES:
        *value = (double)row->failures;
        return true;
    case LOCUST__FIGURE_OF_FAIL_RATIO:
        *value = (double)row->failures / requests;
        return any;
    case LOCUST__FIGURE_OF_RPS:
    case LOCUST__FIGURE_OF_FPS:
        *value = locust__figures_rate(v, row, locust__figures[id].kind);
        return true;
    case LOCUST__FIGURE_OF_BYTES:
        *value = (double)row->bytes;
        return true;
    case LOCUST__FIGURE_OF_SIZE:
        *value = (double)row->bytes / requests;
        return any;
    case LOCUST__FIGURE_OF_MIN:
        *value = any ? (double)row->min_ns : 0;
        return any;
    case LOCUST__FIGURE_OF_AVG:
        *value = locust__entry_mean_ns(row);
        return any;
    case LOCUST__FIGURE_OF_MAX:
        *value = (double)row->max_ns;
        return any;
    case LOCUST__FIGURE_OF_PERCENTILE:
        *value = (double)(v->recent ? locust__hist_percentile_ns(v->recent, share)
                                    : locust__entry_percentile_ns(row, share));
        return any;
    case LOCUST__FIGURE_OF_MEDIAN:
        *value = (double)locust__entry_percentile_ns(row, share);
        return any;
    case LOCUST__FIGURE_OF_INTENDED:
        return locust__figures_find_phase(row->intended, row->intended_waits, &share, value);
    case LOCUST__FIGURE_OF_INTENDED_MAX:
        return locust__figures_find_phase(row->intended, row->intended_waits, NULL, value);
    case LOCUST__FIGURE_OF_PHASE:
        return locust__figures_find_phase(v->phase, NULL, &share, value);
    case LOCUST__FIGURE_OF_PHASE_MAX:
        return locust__figures_find_phase(v->phase, NULL, NULL, value);
    case LOCUST__FIGURE_OF_PHASE_COUNT:
        *value = v->phase ? (double)v->phase->hist.total : 0;
        return true;
    case LOCUST__FIGURE_OF_SHED:
        *value = (double)locust__usage_arrivals(v->env).shed;
        return true;
    case LOCUST__FIGURE_OF_UNANSWERED:
        *value = locust__figures_unanswered(&v->env->stats, row);
        return true;
    }
    return false;
}

static double locust__figures_value(
    const locust__figures_view *v, const locust__entry *row, locust__figure_id id)
{
    double value;
    locust__figures_find(v, row, id, locust__figures[id].share, &value);
    return value;
}

enum locust__figures_style {
    LOCUST__FIGURES_IN_TABLE,
    LOCUST__FIGURES_IN_LINE, // compact
    LOCUST__FIGURES_IN_JSON,
};

/* Prints a figure, times in milliseconds. In a table a time takes nine characters at most: it is
 * cut to whole nanoseconds, and has no decimals from 100 s on. */
static const char *locust__figures_format(
    char *out, size_t size, enum locust__figures_style style, locust__figure_id id, double value)
{
    static const unsigned char decimals[][LOCUST__FIGURE_UNITS] = {
        // of counts, bytes, rates, times, shares
        [LOCUST__FIGURES_IN_TABLE] = {0, 0, 2, 3, 2},
        [LOCUST__FIGURES_IN_LINE] = {0, 0, 1, 3, 3},
        [LOCUST__FIGURES_IN_JSON] = {0, 0, 3, 3, 6},
    };
    enum locust__figure_unit unit = locust__figures[id].unit;
    int digits = decimals[style][unit];
    if (unit == LOCUST__FIGURE_UNIT_TIME) {
        if (style == LOCUST__FIGURES_IN_TABLE) {
            value = (double)(int64_t)value;
            digits = value < 100e9 ? digits : 0;
        }
        value /= 1e6;
    }
    snprintf(out, size, "%.*f", digits, value);
    return out;
}

/* A time of the wall clock, as Locust's reports print it: 2026-11-30T01:02:03Z. */
static void locust__figures_time(locust__buf *out, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / LOCUST__S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    locust__buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Sorts rows by name and method (Shell 1959): 10,000 in 3 ms. musl's qsort takes three times as
 * long, and 1.7 KB of program. */
static void locust__figures_sort(locust__entry **rows, size_t n)
{
    for (size_t gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < n; i++) {
            locust__entry *row = rows[i];
            size_t at = i;
            for (; at >= gap && locust__entry_after(rows[at - gap], row); at -= gap)
                rows[at] = rows[at - gap];
            rows[at] = row;
        }
}

/* The rows in order of name and method, then the total; *n counts all of them. The caller frees the
 * array. NULL: no memory. */
LOCUST__COLD static locust__entry **locust__figures_rows(locust__request_stats *st, size_t *n)
{
    locust__entry **rows = LOCUST_MALLOC((st->n_entries + 2) * sizeof *rows), *row;
    *n = 0;
    if (!rows)
        return NULL;
    for (size_t i = 0; (row = locust__stats_entry_at(st, i)) != NULL; i++)
        if (!row->hidden || row->requests || row->unanswered)
            rows[(*n)++] = row;
    locust__figures_sort(rows, *n);
    rows[(*n)++] = &st->total;
    return rows;
}
