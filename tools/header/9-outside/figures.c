/* ============================================================================================
 * >>figures  what a row shows
 *
 * Purpose     rows in order, times as text, names of any bytes: what tables, CSV and other writers share.
 * Names       locust__figures_
 * Uses        >>entry >>stats
 * ============================================================================================ */

enum { LOCUST__FIGURES_PERCENTILES = 11 };

static const double locust__figures_percentiles[LOCUST__FIGURES_PERCENTILES] = {
    0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1};

#define LOCUST__FIGURES_PERCENTILE_NAMES \
    "50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%"

typedef struct locust__figures_view { // what a report is made of
    locust__request_stats *stats;
    int64_t now_ns;
    int users;
    bool final; // rates of the whole run, not of the last ten seconds
} locust__figures_view;

/* Milliseconds in at most nine characters: decimals go as the number grows. */
static const char *locust__figures_ms(char *out, size_t size, int64_t ns)
{
    snprintf(out, size, "%.*f", ns < 100000 * LOCUST__MS ? 3 : 0, (double)ns / 1e6);
    return out;
}

static void locust__figures_time(locust__buf *out, int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / LOCUST__S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    locust__buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Sorts rows by name and method (Shell 1959): 10,000 in 3 ms. musl's qsort takes three times as long, and
 * 1.7 KB of program. */
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

/* The rows in order of name and method, then the total; *n counts them all. Yours; NULL: no
 * memory. */
static locust__entry **locust__figures_rows(locust__request_stats *st, size_t *n)
{
    locust__entry **rows = LOCUST_MALLOC((st->n_entries + 2) * sizeof *rows), *row;
    *n = 0;
    if (!rows)
        return NULL;
    while ((row = locust__stats_entry_at(st, *n)) != NULL)
        rows[(*n)++] = row;
    locust__figures_sort(rows, *n);
    rows[(*n)++] = &st->total;
    return rows;
}

/* Adds text for the console, padded to `width` characters: a line end in a name shall not break a
 * row in two, and UTF-8 counts by characters. */
static void locust__figures_text(locust__buf *out, const char *text, int width)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        locust__buf_add(out, c < ' ' || c == 127 ? " " : text, 1);
        width -= (c & 0xC0) != 0x80;
    }
    while (width-- > 0)
        locust__buf_puts(out, " ");
}
