/* ============================================================================================
 * >>tui_view  what the terminal shows of a run
 *
 * Purpose     progress, rates, two lines of history, the generator's verdict, checks, the table of
 *             rows, the last log lines, the keys.
 * Names       locust__tui_
 * Uses        >>entry >>generator >>figures >>check >>tui_screen
 *
 *   locust.h  http://shop.test  100 users  0:12 of 1:00 #####...............
 *   1204.5 req/s   0.0 failures/s   p50 20.1 ms  p95 24.0 ms  p99 24.1 ms
 *   req/s  .:-=+*##*+=-:.   at most 1310.0
 *   p99 ms ...............   at most 31.2
 *   generator: ok (CPU 12 % of a core, ...)
 * ============================================================================================ */

enum { LOCUST__TUI_HISTORY = 256, LOCUST__TUI_LOG = 3 };

typedef struct locust__tui_history { // a value for each second, the newest last
    double values[LOCUST__TUI_HISTORY];
    int n;
} locust__tui_history;

static void locust__tui_history_add(locust__tui_history *h, double value)
{
    if (h->n == LOCUST__TUI_HISTORY) {
        memmove(h->values, h->values + 1, sizeof h->values - sizeof *h->values);
        h->n--;
    }
    h->values[h->n++] = value;
}

typedef struct locust__tui_state { // what the view is made of
    locust_env *env;
    locust__checks *checks;
    locust__screen screen;
    locust__tui_history rates, times;
    locust__view log; // lines of the log, the newest last
    size_t first;     // row at the top of the table
    bool utf8;
} locust__tui_state;

static void locust__tui_put(locust__tui_state *t, enum locust__screen_style style,
    const char *format, ...) LOCUST__PRINTF(3, 4);

static void locust__tui_put(
    locust__tui_state *t, enum locust__screen_style style, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    locust__screen_put(&t->screen, style, line);
}

/* A span as 1:02:03 or 2:03. */
static const char *locust__tui_span(char *out, size_t size, int64_t ns)
{
    long long s = ns > 0 ? ns / LOCUST__S : 0;
    if (s >= 3600)
        snprintf(out, size, "%lld:%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(out, size, "%lld:%02d", s / 60, (int)(s % 60));
    return out;
}

/* The bar of progress: `done` of `n` characters. */
static void locust__tui_bar(locust__buf *out, int done, int n, bool utf8)
{
    for (int i = 0; i < n; i++)
        locust__buf_puts(out, i < done ? utf8 ? "\xE2\x96\x88" : "#" : utf8 ? "\xE2\x96\x91" : ".");
}

static void locust__tui_head(locust__tui_state *t)
{
    const locust_env *env = t->env;
    locust__buf line = {NULL, 0, 0, false};
    const char *host = env->options.host ? env->options.host : env->classes[0].host;
    int64_t now_ns = locust__os_now_ns(), ran_ns = env->start_ns ? now_ns - env->start_ns : 0;
    char ran[32], all[32];
    locust__buf_printf(&line, " locust.h  %.60s  %d users  ", host ? host : "", env->users.alive);
    if (!env->users.spawned && env->start_ns && !env->services.recorder.has_arrivals)
        locust__buf_printf(&line, "ramping to %d  ", env->ramp.aim.users);
    locust__buf_puts(&line, locust__tui_span(ran, sizeof ran, ran_ns));
    if (env->start_ns && env->end_ns != LOCUST__NEVER) {
        double share = (double)ran_ns / (double)(env->end_ns - env->start_ns);
        locust__buf_printf(
            &line, " of %s ", locust__tui_span(all, sizeof all, env->end_ns - env->start_ns));
        share = share < 0 ? 0 : share > 1 ? 1 : share;
        locust__tui_bar(&line, (int)(20 * share), 20, t->utf8);
        locust__buf_printf(&line, " %.0f %%", 100 * share);
    }
    if (env->stop_requested)
        locust__buf_puts(&line, "  stopping");
    locust__buf_add(&line, "", 1);
    locust__screen_put(&t->screen, LOCUST__SCREEN_BAR, line.failed ? "" : line.ptr);
    locust__buf_free(&line);
}

/* A line of history: eight heights, scaled to the largest value that is shown. */
static void locust__tui_spark(
    locust__tui_state *t, const char *title, const locust__tui_history *h, int digits)
{
    static const char ascii[] = " .:-=+*#";
    locust__buf line = {NULL, 0, 0, false};
    int room = t->screen.columns - 40, n = h->n < room ? h->n : room;
    double most = 0;
    for (int i = 0; i < n; i++)
        most = h->values[h->n - n + i] > most ? h->values[h->n - n + i] : most;
    locust__buf_printf(&line, " %-7s", title);
    for (int i = 0; i < n; i++) {
        double value = h->values[h->n - n + i];
        int level = most > 0 ? (int)(7.999 * value / most) : 0;
        const char bar[4] = {'\xE2', '\x96', (char)(0x81 + level), '\0'};
        const char character[2] = {ascii[level], '\0'};
        locust__buf_puts(&line, t->utf8 ? bar : character);
    }
    if (n > 0)
        locust__buf_printf(
            &line, "  now %.*f, at most %.*f", digits, h->values[h->n - 1], digits, most);
    locust__buf_add(&line, "", 1);
    locust__screen_put(&t->screen, LOCUST__SCREEN_PLAIN, line.failed ? "" : line.ptr);
    locust__buf_free(&line);
}

/* The figures of the total in one line. */
static void locust__tui_total(locust__tui_state *t)
{
    locust__figures_view v = {
        .env = t->env, .now_ns = locust__os_now_ns(), .rates = LOCUST__FIGURES_CURRENT};
    const locust__entry *total = &t->env->stats.total;
    double fails = 100 * locust__figures_value(&v, total, LOCUST__FIGURE_FAIL_RATIO);
    locust__tui_put(t, total->failures ? LOCUST__SCREEN_BAD : LOCUST__SCREEN_BOLD,
        " %.1f req/s   %.1f failures/s (%.2f %% of all)   p50 %.3f ms   p95 %.3f ms   p99 %.3f ms",
        locust__figures_value(&v, total, LOCUST__FIGURE_RPS),
        locust__figures_value(&v, total, LOCUST__FIGURE_FPS), fails,
        locust__figures_value(&v, total, LOCUST__FIGURE_P50) / 1e6,
        locust__figures_value(&v, total, LOCUST__FIGURE_P95) / 1e6,
        locust__figures_value(&v, total, LOCUST__FIGURE_P99) / 1e6);
}

static void locust__tui_verdict(locust__tui_state *t)
{
    locust_generator g = locust__generator_judge(t->env);
    char line[768], value[32];
    locust__generator_line(&g, line, sizeof line);
    locust__tui_put(t, g.ok ? LOCUST__SCREEN_GOOD : LOCUST__SCREEN_BAD, " %s", line);
    if (!t->checks->n)
        return;
    locust__checks_judge(t->env, t->checks);
    for (size_t i = 0; i < t->checks->n && i < 5; i++) {
        const locust__check *c = &t->checks->all[i];
        bool held = c->held;
        locust__tui_put(t, held ? LOCUST__SCREEN_GOOD : LOCUST__SCREEN_BAD, " check %s %.200s: %s",
            held ? "holds:" : "FAILED:", c->text, locust__check_value(c, value, sizeof value));
    }
}

typedef struct locust__tui_column {
    uint8_t figure, width;
} locust__tui_column;

/* The columns, those that go first where it is narrow last. */
static const locust__tui_column locust__tui_columns[] = {{LOCUST__FIGURE_REQUESTS, 9},
    {LOCUST__FIGURE_FAILURES, 8}, {LOCUST__FIGURE_RPS, 9}, {LOCUST__FIGURE_P50, 10},
    {LOCUST__FIGURE_P99, 10}, {LOCUST__FIGURE_AVG, 10}, {LOCUST__FIGURE_MAX, 10},
    {LOCUST__FIGURE_P95, 10}, {LOCUST__FIGURE_MIN, 10}};
enum { LOCUST__TUI_COLUMNS = sizeof locust__tui_columns / sizeof *locust__tui_columns };

/* One line of the table; row NULL: its titles. */
static void locust__tui_row(locust__tui_state *t, const locust__entry *row, int name, int columns)
{
    locust__figures_view v = {
        .env = t->env, .now_ns = locust__os_now_ns(), .rates = LOCUST__FIGURES_CURRENT};
    bool total = row == &t->env->stats.total;
    locust__buf line = {NULL, 0, 0, false}, names = {NULL, 0, 0, false};
    locust__buf_printf(&names, " %-8s %s", row ? row->method : "Type", row ? row->name : "Name");
    locust__buf_line(&line, (locust__view){names.ptr, names.len});
    line.len = locust__screen_cut((locust__view){line.ptr, line.len}, name);
    for (int w = locust__screen_width((locust__view){line.ptr, line.len}); w < name; w++)
        locust__buf_puts(&line, " ");
    for (int i = 0; i < columns; i++) {
        locust__figure_id id = (locust__figure_id)locust__tui_columns[i].figure;
        char cell[64];
        if (row)
            locust__figures_format(cell, sizeof cell, LOCUST__FIGURES_IN_TABLE, id,
                locust__figures_value(&v, row, id));
        else
            snprintf(cell, sizeof cell, "%s", locust__figures_word(id, LOCUST__FIGURE_TITLE));
        locust__buf_printf(&line, " %*s", locust__tui_columns[i].width, cell);
    }
    locust__buf_add(&line, "", 1);
    locust__screen_put(&t->screen,
        !row            ? LOCUST__SCREEN_BAR
        : total         ? LOCUST__SCREEN_BOLD
        : row->failures ? LOCUST__SCREEN_BAD
                        : LOCUST__SCREEN_PLAIN,
        line.failed ? "" : line.ptr);
    locust__buf_free(&line);
    locust__buf_free(&names);
}

/* As many rows as fit, from `first` on, and the total. */
static void locust__tui_table(locust__tui_state *t, int lines)
{
    size_t n;
    locust__entry **rows = locust__figures_rows(&t->env->stats, &n);
    size_t fit = lines > 2 ? (size_t)lines - 2 : 0, most;
    int columns = 0, used = 0;
    while (columns < LOCUST__TUI_COLUMNS &&
           t->screen.columns - used - locust__tui_columns[columns].width - 1 >= 24)
        used += 1 + locust__tui_columns[columns++].width;
    if (!rows)
        return;
    most = n - 1 > fit ? n - 1 - fit : 0;
    t->first = t->first < most ? t->first : most;
    locust__tui_row(t, NULL, t->screen.columns - used, columns);
    for (size_t i = t->first; i + 1 < n && i < t->first + fit; i++)
        locust__tui_row(t, rows[i], t->screen.columns - used, columns);
    locust__tui_row(t, rows[n - 1], t->screen.columns - used, columns);
    LOCUST_FREE(rows);
}

/* The last lines of the log. */
static void locust__tui_log(locust__tui_state *t)
{
    size_t at = t->log.len, n = 0;
    while (at && n < LOCUST__TUI_LOG) {
        at--;
        while (at && t->log.ptr[at - 1] != '\n')
            at--;
        n++;
    }
    while (at < t->log.len) {
        const char *line = t->log.ptr + at, *end = memchr(line, '\n', t->log.len - at);
        size_t len = end ? (size_t)(end - line) : t->log.len - at;
        locust__tui_put(t, LOCUST__SCREEN_FAINT, " %.*s", (int)len, line);
        at += len + 1;
    }
}

/* Makes and writes a frame. */
static void locust__tui_draw(locust__tui_state *t, bool anew)
{
    int foot = LOCUST__TUI_LOG + 1;
    if (!locust__screen_begin(&t->screen, anew))
        return;
    locust__tui_head(t);
    locust__tui_total(t);
    locust__tui_spark(t, "req/s", &t->rates, 1);
    locust__tui_spark(t, "p99 ms", &t->times, 3);
    locust__tui_verdict(t);
    locust__tui_put(t, LOCUST__SCREEN_PLAIN, "%s", "");
    locust__tui_table(t, t->screen.rows - t->screen.at - foot);
    while (t->screen.at < t->screen.rows - foot)
        locust__tui_put(t, LOCUST__SCREEN_PLAIN, "%s", "");
    locust__tui_log(t);
    while (t->screen.at < t->screen.rows - 1)
        locust__tui_put(t, LOCUST__SCREEN_PLAIN, "%s", "");
    locust__tui_put(t, LOCUST__SCREEN_BAR, "%s",
        " w W  1, 10 users more   s S  fewer   up down  rows   q  ends the test");
    locust__screen_end(&t->screen);
}
