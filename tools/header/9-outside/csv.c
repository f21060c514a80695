/* ============================================================================================
 * >>csv  Locust's CSV files
 *
 * Purpose     --csv: stats, history, failures, exceptions, and the generator.
 * Invariants  a file is rewritten in place, by one write and a cut to the new length. Every file is
 *             opened before the run, so that a wrong path costs no run.
 * Names       locust__csv_
 * Uses        >>entry >>stats >>generator >>figures
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, rounding. RFC 4180.
 * Limits      percentiles and medians have microseconds, where Locust's files have its rounded
 *             buckets (whole milliseconds below 100, then two digits): no reader of a file needs
 *             those, and 20 us are not 0. Averages, minima and maxima are in full, as Locust's.
 * ============================================================================================ */

enum {
    LOCUST__CSV_STATS,
    LOCUST__CSV_HISTORY,
    LOCUST__CSV_FAILURES,
    LOCUST__CSV_EXCEPTIONS,
    LOCUST__CSV_GENERATOR,
    LOCUST__CSV_FILES
};

typedef struct locust__csv_snapshot { // a row's histogram as it was five to ten seconds ago
    locust__hist older, newer;
} locust__csv_snapshot;

typedef struct locust__csv {
    locust_env *env;
    int fds[LOCUST__CSV_FILES];
    // With csv_full_history a window for the total, for "(other)", then for each row by its index.
    locust__csv_snapshot **windows;
    size_t n_windows, cap_windows;
    locust__hist recent; // of the row that is being written
    int ticks;           // times that the history was written, one a second
    bool failed;         // a write failed, and the log says so
} locust__csv;

/* Does x = m / 2^t, rounded to a decimal M / 10^s of some digits, read back as x? It does if the
 * two are less than half of 1 / 2^t apart, times 2^t 5^s: if 2 |M 2^(t-s) - m 5^s| < 5^s. Both
 * products may overflow, but their difference is small, so that its low 64 bits are all of it.
 * For 15 or 16 digits of an x from 1e-10 to 1e14, where t - s is from 0 to 62; else it says no. */
static bool locust__csv_reads_back(double x, int digits)
{
    char text[40];
    const char *p = text;
    uint64_t bits, m, decimal = 0, power = 1;
    int64_t apart;
    int t, s = digits - 1;
    if (!(x >= 1e-10 && x < 1e14))
        return false;
    snprintf(text, sizeof text, "%.*e", digits - 1, x); // d.dddde-05
    for (; *p != 'e'; p++)
        if (locust__text_is_digit(*p))
            decimal = 10 * decimal + (uint64_t)(*p - '0');
    bool small = p[1] == '-';
    p += 2;
    s += (int)locust__number_whole(&p) * (small ? 1 : -1);
    memcpy(&bits, &x, sizeof bits);
    m = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1 << 52;
    t = 1075 - (int)(bits >> 52);
    for (int i = 0; i < s; i++)
        power *= 5;
    apart = (int64_t)((decimal << (t - s)) - m * power);
    if (apart < 0 && m == (uint64_t)1 << 52)
        apart *= 2; // below a power of two they lie closer
    return 2 * (uint64_t)(apart < 0 ? -apart : apart) < power;
}

/* Adds the shortest decimal that reads back as the same number, as Python prints a float. (Trying
 * strtod on 15, 16 and 17 digits says the same, but adds 7 KB to a static program of musl.) */
static void locust__csv_float(locust__buf *out, double x)
{
    char text[40];
    int digits = 15;
    while (digits < 17 && !locust__csv_reads_back(x, digits))
        digits++;
    snprintf(text, sizeof text, "%.*g", digits, x);
    locust__buf_puts(out, text);
    if (!strpbrk(text, ".en"))
        locust__buf_puts(out, ".0");
}

/* A field, quoted when RFC 4180 asks for it. What is no UTF-8 becomes U+FFFD: Locust's files are
 * UTF-8, and programs read them as that. */
LOCUST__COLD static void locust__csv_text(locust__buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        locust__buf_utf8(out, locust__view_of(text));
        return;
    }
    locust__buf_puts(out, "\"");
    while (*text) {
        size_t n = strcspn(text, "\"");
        locust__buf_utf8(out, (locust__view){text, n});
        text += n;
        if (*text) {
            locust__buf_puts(out, "\"\"");
            text++;
        }
    }
    locust__buf_puts(out, "\"");
}

#define LOCUST__CSV_RATES LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS
#define LOCUST__CSV_TOTALS                                                                       \
    LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES, LOCUST__FIGURE_MEDIAN, LOCUST__FIGURE_AVG, \
        LOCUST__FIGURE_MIN, LOCUST__FIGURE_MAX, LOCUST__FIGURE_SIZE

enum { LOCUST__CSV_COLUMNS = 20 };
static const locust__figure_id locust__csv_stats_columns[LOCUST__CSV_COLUMNS] = {
    LOCUST__CSV_TOTALS, LOCUST__CSV_RATES, LOCUST__FIGURES_PERCENTILES};
static const locust__figure_id locust__csv_history_columns[LOCUST__CSV_COLUMNS] = {
    LOCUST__CSV_RATES, LOCUST__FIGURES_PERCENTILES, LOCUST__CSV_TOTALS};

/* The titles after `first`. What follows the percentiles is called a total, as in Locust's
 * history. */
LOCUST__COLD static void locust__csv_titles(
    locust__buf *out, const char *first, const locust__figure_id *columns)
{
    const char *total = "";
    locust__buf_puts(out, first);
    for (int i = 0; i < LOCUST__CSV_COLUMNS; i++) {
        locust__buf_printf(
            out, ",%s%s", total, locust__figures_word(columns[i], LOCUST__FIGURE_CSV_TITLE));
        if (columns[i] == LOCUST__FIGURE_P100)
            total = "Total ";
    }
    locust__buf_puts(out, "\r\n");
}

/* Adds milliseconds with up to three decimals: a whole number stands as Locust writes it. */
static void locust__csv_ms(locust__buf *out, double ms)
{
    char text[64];
    size_t n = (size_t)snprintf(text, sizeof text, "%.3f", ms);
    while (text[n - 1] == '0')
        n--;
    locust__buf_add(out, text, text[n - 1] == '.' ? n - 1 : n);
}

/* One figure in Locust's form. Of a row without requests percentiles are N/A, the average is
 * 0.0, and everything else is 0. */
static void locust__csv_value(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row, locust__figure_id id)
{
    const locust__figure *f = &locust__figures[id];
    double value;
    bool any = locust__figures_find(v, row, id, f->share, &value);
    if (f->unit == LOCUST__FIGURE_UNIT_TIME)
        value /= 1e6;
    if (f->kind == LOCUST__FIGURE_OF_PERCENTILE && !any)
        locust__buf_puts(out, "N/A");
    else if (f->kind == LOCUST__FIGURE_OF_PERCENTILE || id == LOCUST__FIGURE_MEDIAN)
        locust__csv_ms(out, value);
    else if (f->unit == LOCUST__FIGURE_UNIT_COUNT || (!any && id != LOCUST__FIGURE_AVG))
        locust__buf_printf(out, "%.0f", value);
    else if (f->unit == LOCUST__FIGURE_UNIT_RATE && v->rates == LOCUST__FIGURES_CURRENT)
        locust__buf_printf(out, "%.6f", value);
    else
        locust__csv_float(out, value);
}

LOCUST__COLD static void locust__csv_values(locust__buf *out, const locust__figures_view *v,
    const locust__entry *row, const locust__figure_id *columns)
{
    for (int i = 0; i < LOCUST__CSV_COLUMNS; i++) {
        locust__buf_puts(out, ",");
        locust__csv_value(out, v, row, columns[i]);
    }
    locust__buf_puts(out, "\r\n");
}

/* Two columns, the second with a comma before it. */
static void locust__csv_names(locust__buf *out, const locust__entry *row)
{
    locust__csv_text(out, row->method);
    locust__buf_puts(out, ",");
    locust__csv_text(out, row->name);
}

static void locust__csv_stats(locust__csv *csv, locust__buf *out)
{
    locust__figures_view v = {.env = csv->env, .rates = LOCUST__FIGURES_MEASURED};
    size_t n;
    locust__entry **rows = locust__figures_rows(&csv->env->stats, &n);
    locust__csv_titles(out, "Type,Name", locust__csv_stats_columns);
    for (size_t i = 0; rows && i < n; i++) {
        locust__csv_names(out, rows[i]);
        locust__csv_values(out, &v, rows[i], locust__csv_stats_columns);
    }
    LOCUST_FREE(rows);
}

/* The window of a row; creates the windows of all rows before it, too. NULL: no memory. */
static locust__csv_snapshot *locust__csv_window(locust__csv *csv, const locust__entry *row)
{
    const locust__request_stats *st = &csv->env->stats;
    size_t i = row == &st->total ? 0 : row == &st->other ? 1 : row->index + 2;
    while (csv->n_windows <= i) {
        locust__csv_snapshot **windows =
            locust__memory_grow(csv->windows, sizeof *windows, csv->n_windows, &csv->cap_windows);
        if (!windows)
            return NULL;
        csv->windows = windows;
        windows[csv->n_windows] = locust__memory_zalloc(sizeof **windows);
        if (!windows[csv->n_windows])
            return NULL;
        csv->n_windows++;
    }
    return csv->windows[i];
}

/* Called every five seconds: drops the older copy and takes a new one. */
static void locust__csv_snapshot_turn(locust__csv_snapshot *w, const locust__hist *now)
{
    locust__hist reuse = w->older;
    w->older = w->newer;
    w->newer = reuse;
    locust__hist_reset(&w->newer);
    locust__hist_add(&w->newer, now);
}

/* The times that a row got in the last five to ten seconds. NULL, without a full history:
 * percentiles are of the whole run. */
static const locust__hist *locust__csv_recent(locust__csv *csv, const locust__entry *row)
{
    locust__csv_snapshot *w =
        csv->env->options.csv_full_history ? locust__csv_window(csv, row) : NULL;
    if (!w)
        return NULL;
    locust__hist_reset(&csv->recent);
    locust__hist_add(&csv->recent, &row->hist);
    locust__hist_since(&csv->recent, &w->older);
    if (csv->ticks % 5 == 4)
        locust__csv_snapshot_turn(w, &row->hist);
    return &csv->recent;
}

LOCUST__COLD static void locust__csv_history_row(
    locust__csv *csv, locust__buf *out, const locust__entry *row, int64_t wall_s, int64_t now_ns)
{
    locust__figures_view v = {.env = csv->env,
        .now_ns = now_ns,
        .rates = LOCUST__FIGURES_CURRENT,
        .recent = locust__csv_recent(csv, row)};
    locust__buf_printf(out, "%lld,%d,", (long long)wall_s, csv->env->users.alive);
    locust__csv_names(out, row);
    locust__csv_values(out, &v, row, locust__csv_history_columns);
}

static void locust__csv_history(locust__csv *csv, locust__buf *out)
{
    locust__request_stats *st = &csv->env->stats;
    int64_t wall_s = locust__os_wall_ns() / LOCUST__S, now_ns = locust__os_now_ns();
    size_t n;
    locust__entry **rows = csv->env->options.csv_full_history ? locust__figures_rows(st, &n) : NULL;
    for (size_t i = 0; rows && i + 1 < n; i++)
        locust__csv_history_row(csv, out, rows[i], wall_s, now_ns);
    locust__csv_history_row(csv, out, &st->total, wall_s, now_ns);
    LOCUST_FREE(rows);
    csv->ticks++;
}

LOCUST__COLD static void locust__csv_failures(locust__csv *csv, locust__buf *out)
{
    locust__request_stats *st = &csv->env->stats;
    locust__buf_puts(out, "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n");
    const locust__stats_failure *f;
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__csv_names(out, f->row);
        locust__buf_puts(out, ",");
        locust__csv_text(out, f->text);
        locust__buf_printf(out, ",%llu", (unsigned long long)f->occurrences);
        locust__buf_puts(out, ",");
        locust__figures_time(out, f->first_wall_ns);
        locust__buf_puts(out, ",");
        locust__figures_time(out, f->last_wall_ns);
        locust__buf_puts(out, "\r\n");
    }
}

/* Replaces the content of a file, or appends to it. The first failure is logged. */
LOCUST__COLD static void locust__csv_put(
    locust__csv *csv, int which, const locust__buf *text, bool append)
{
    int fd = csv->fds[which];
    size_t done;
    if (text->failed)
        return; // out of memory: an old file is better than half a new one
    if (!append && lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return;
    done = locust__os_write_all(fd, text->ptr, text->len);
    if (done < text->len && !csv->failed) {
        csv->failed = true;
        locust__log_print(&csv->env->log, LOCUST__LOG_ERROR, "locust.main",
            "cannot write CSV files %s_*.csv, they are incomplete: %s", csv->env->options.csv,
            strerror(errno));
    }
    if (!append && ftruncate(fd, (off_t)done) != 0)
        return; // a pipe or a device: there is nothing behind what was written
}

LOCUST__COLD static void locust__csv_exceptions(locust__csv *csv, locust__buf *out)
{
    const locust__request_stats *st = &csv->env->stats;
    const locust__stats_exception *e;
    locust__buf_puts(out, "Count,Message,Traceback,Nodes\r\n");
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++) {
        locust__buf_printf(out, "%llu,", (unsigned long long)e->times);
        locust__csv_text(out, e->text);
        locust__buf_puts(out, ",");
        locust__csv_text(out, e->place);
        locust__buf_puts(out, ",local\r\n"); // the node's name in a run of one process
    }
}

static void locust__csv_generator(locust__csv *csv, locust__buf *out)
{
    locust_generator g = locust__generator_judge(csv->env);
    const locust__request_stats *st = &csv->env->stats;
    int64_t wait_ns = st->total.waits ? st->total.waits->max_ns : 0;
    locust__buf_puts(out,
        "Verdict,CPU,Lateness 50%,Lateness 99%,Lateness 100%,Limits,Stalled s,"
        "Stalled Max s,Stalled Requests,Suspended s,Clock Set s,50% Too High,99% Too High,"
        "Unanswered Requests,Unanswered Arrivals,Longest Unanswered,"
        "Starved Users\r\n");
    locust__buf_printf(out, "%s,%.3f,%.3f,%.3f,%.3f,", g.ok ? "ok" : "limited", g.cpu,
        g.late_p50_ms, g.late_p99_ms, g.late_max_ms);
    locust__csv_text(out, g.limits);
    locust__buf_printf(out, ",%.3f,%.3f,%llu,%.3f,%.3f,%.3f,%.3f", g.stalled_s, g.stalled_max_s,
        (unsigned long long)g.stalled_requests, g.suspended_s, g.clock_set_s, g.p50_high_ms,
        g.p99_high_ms);
    locust__buf_printf(out, ",%llu,%llu,%.3f,%d\r\n", (unsigned long long)st->total.unanswered,
        (unsigned long long)st->cut_arrivals,
        (double)(wait_ns > st->cut_arrival_ns ? wait_ns : st->cut_arrival_ns) / 1e6,
        csv->env->users.fed.starved);
}

static const struct {
    const char *ending; // of the file's name, after the prefix
    void (*write)(locust__csv *csv, locust__buf *out);
} locust__csv_files[LOCUST__CSV_FILES] = {
    [LOCUST__CSV_STATS] = {"_stats.csv", locust__csv_stats},
    [LOCUST__CSV_HISTORY] = {"_stats_history.csv", locust__csv_history},
    [LOCUST__CSV_FAILURES] = {"_failures.csv", locust__csv_failures},
    [LOCUST__CSV_EXCEPTIONS] = {"_exceptions.csv", locust__csv_exceptions},
    [LOCUST__CSV_GENERATOR] = {"_generator.csv", locust__csv_generator},
};

/* Writes all files as of now. Runs on the loop's stack. */
LOCUST__COLD static void locust__csv_write(void *arg)
{
    locust__csv *csv = arg;
    locust__locale locale = locust__locale_enter();
    for (int i = 0; i < LOCUST__CSV_FILES; i++) {
        locust__buf out = {NULL, 0, 0, false};
        locust__csv_files[i].write(csv, &out);
        locust__csv_put(csv, i, &out, i == LOCUST__CSV_HISTORY);
        locust__buf_free(&out);
    }
    locust__locale_leave(locale);
}

/* Creates the directories of a path, as Locust does. 0 or -errno. */
static int locust__csv_make_dirs(const char *path)
{
    char *copy = locust__text_copy(path, strlen(path));
    int rc = copy ? 0 : -ENOMEM;
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = -errno;
        *slash = '/';
    }
    LOCUST_FREE(copy);
    return rc;
}

static void locust__csv_close(locust__csv *csv)
{
    for (int i = 0; i < LOCUST__CSV_FILES; i++)
        if (csv->fds[i] >= 0)
            close(csv->fds[i]);
    for (size_t i = 0; i < csv->n_windows; i++) {
        locust__hist_free(&csv->windows[i]->older);
        locust__hist_free(&csv->windows[i]->newer);
        LOCUST_FREE(csv->windows[i]);
    }
    LOCUST_FREE(csv->windows);
    locust__hist_free(&csv->recent);
}

/* Opens all files, or none of them and says why. Then it also removes the files that it created,
 * and leaves alone those that were there before. */
static bool locust__csv_open(locust__csv *csv, locust_env *env)
{
    const char *prefix = env->options.csv;
    locust__buf header = {NULL, 0, 0, false};
    char path[4096];
    bool made[LOCUST__CSV_FILES] = {false};
    int rc = strlen(prefix) + 32 < sizeof path ? locust__csv_make_dirs(prefix) : -ENAMETOOLONG, i;
    memset(csv, 0, sizeof *csv);
    csv->env = env;
    for (i = 0; i < LOCUST__CSV_FILES; i++)
        csv->fds[i] = -1;
    for (i = 0; i < LOCUST__CSV_FILES && rc == 0; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, locust__csv_files[i].ending);
        csv->fds[i] = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        made[i] = csv->fds[i] >= 0;
        if (!made[i] && errno == EEXIST)
            csv->fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        rc = csv->fds[i] < 0 ? -errno : 0;
    }
    if (rc < 0) {
        locust__say("cannot write CSV files %s_*.csv: %s", prefix, strerror(-rc));
        for (int k = 0; k < LOCUST__CSV_FILES; k++) {
            snprintf(path, sizeof path, "%s%s", prefix, locust__csv_files[k].ending);
            if (made[k])
                unlink(path);
        }
        locust__csv_close(csv);
        csv->env = NULL;
        return false;
    }
    locust__csv_titles(&header, "Timestamp,User Count,Type,Name", locust__csv_history_columns);
    locust__csv_put(csv, LOCUST__CSV_HISTORY, &header, false);
    locust__buf_free(&header);
    return true;
}
