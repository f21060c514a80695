/* ============================================================================================
 * >>table  tables and compact lines
 *
 * Purpose     Locust's tables on standard error, or short lines on standard output.
 * Cost        formatted on the loop's stack, every two seconds; grows with the rows.
 * Names       locust__table locust__table_
 * Uses        >>co >>entry >>stats >>tls >>env >>usage >>generator >>server_cpu >>figures
 *             >>extra >>check >>baseline >>find >>remarks >>result
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, order, widths.
 * Limits      times are printed in milliseconds with three decimals, in wider columns than Locust's
 *             whole ones.
 *
 *   A table, of a layout's columns, and the compact lines of the same layout:
 *
 *   Type     Name      # reqs      # fails |      Avg       Min
 *   --------|---------|-------|-------------|---------|---------
 *   GET      /              3     0(0.00%) |    1.204     0.950       row reqs=3 ... name=GET /
 *   --------|---------|-------|-------------|---------|---------
 *            Aggregated     3     0(0.00%) |    1.204     0.950       total reqs=3 ...
 * ============================================================================================ */

typedef struct locust__table { // one report while it is written
    locust__buf *out;
    locust__figures_view view;
    locust__entry **rows; // in order, the total last; n_rows is 0 without memory for it
    size_t n_rows;
    int width; // of the names' column
    bool compact;
} locust__table;

typedef struct locust__table_column {
    uint8_t figure; // a locust__figure_id
    uint8_t width;
    char before[4]; // what separates it from the column on its left
} locust__table_column;

enum { LOCUST__TABLE_COLUMNS = 12 };

typedef struct locust__table_layout {
    const char *caption;              // a line above the table
    const char *label, *total;        // what compact lines begin with: of a row, of the total
    int narrower;                     // characters that Locust takes from the names' column
    bool phases;                      // a line for each phase of a row, with its name
    locust__figure_id of;             // rows for which this was not measured are left out
    enum locust__figures_style style; // of compact lines
    int n_columns;
    locust__table_column columns[LOCUST__TABLE_COLUMNS];
} locust__table_layout;

static const locust__table_layout locust__table_requests = {.caption = "",
    .narrower = 4,
    .of = LOCUST__FIGURE_REQUESTS,
    .n_columns = 8,
    .columns = {{LOCUST__FIGURE_REQUESTS, 7, " "}, {LOCUST__FIGURE_FAILURES, 12, " "},
        {LOCUST__FIGURE_AVG, 9, " |"}, {LOCUST__FIGURE_MIN, 9, " "}, {LOCUST__FIGURE_MAX, 9, " "},
        {LOCUST__FIGURE_MEDIAN, 9, " "}, {LOCUST__FIGURE_RPS, 9, " | "},
        {LOCUST__FIGURE_FPS, 11, " "}}};

static const locust__table_layout locust__table_percentiles = {
    .caption = "Response time percentiles (approximated)\n",
    .of = LOCUST__FIGURE_P50,
    .n_columns = 12,
    .columns = {{LOCUST__FIGURE_P50, 9, " "}, {LOCUST__FIGURE_P66, 9, " "},
        {LOCUST__FIGURE_P75, 9, " "}, {LOCUST__FIGURE_P80, 9, " "}, {LOCUST__FIGURE_P90, 9, " "},
        {LOCUST__FIGURE_P95, 9, " "}, {LOCUST__FIGURE_P98, 9, " "}, {LOCUST__FIGURE_P99, 9, " "},
        {LOCUST__FIGURE_P99_9, 9, " "}, {LOCUST__FIGURE_P99_99, 9, " "},
        {LOCUST__FIGURE_P100, 9, " "}, {LOCUST__FIGURE_REQUESTS, 8, " "}}};

static const locust__table_layout locust__table_intended = {
    .caption = "Response times (ms), and from the intended start\n",
    .label = "intended",
    .total = "intended",
    .of = LOCUST__FIGURE_INTENDED_P50,
    .style = LOCUST__FIGURES_IN_TABLE,
    .n_columns = 6,
    .columns = {{LOCUST__FIGURE_P50, 9, " "}, {LOCUST__FIGURE_P99, 9, " "},
        {LOCUST__FIGURE_P100, 9, " "}, {LOCUST__FIGURE_INTENDED_P50, 9, "  "},
        {LOCUST__FIGURE_INTENDED_P99, 9, " "}, {LOCUST__FIGURE_INTENDED_MAX, 9, " "}}};

static const locust__table_layout locust__table_phases = {.caption = "Phases of requests (ms)\n",
    .label = "phase=",
    .total = "phase=",
    .phases = true,
    .of = LOCUST__FIGURE_PHASE_P50,
    .style = LOCUST__FIGURES_IN_TABLE,
    .n_columns = 5,
    .columns = {{LOCUST__FIGURE_PHASE_COUNT, 8, " "}, {LOCUST__FIGURE_PHASE_P50, 9, " "},
        {LOCUST__FIGURE_PHASE_P95, 9, " "}, {LOCUST__FIGURE_PHASE_P99, 9, " "},
        {LOCUST__FIGURE_PHASE_MAX, 9, " "}}};

/* For a serial console and for scripts. The name stands last: it may hold blanks. */
static const locust__table_layout locust__table_compact_rows = {.label = "row",
    .total = "total",
    .of = LOCUST__FIGURE_REQUESTS,
    .style = LOCUST__FIGURES_IN_LINE,
    .n_columns = 10,
    .columns = {{LOCUST__FIGURE_REQUESTS, 0, ""}, {LOCUST__FIGURE_FAILURES, 0, ""},
        {LOCUST__FIGURE_RPS, 0, ""}, {LOCUST__FIGURE_FPS, 0, ""}, {LOCUST__FIGURE_AVG, 0, ""},
        {LOCUST__FIGURE_P50, 0, ""}, {LOCUST__FIGURE_P95, 0, ""}, {LOCUST__FIGURE_P99, 0, ""},
        {LOCUST__FIGURE_MAX, 0, ""}, {LOCUST__FIGURE_UNANSWERED, 0, ""}}};

/* A test without reports has compact lines alone: the compiler drops the tables from it. */
static bool locust__table_is_compact(const locust__table *t)
{
    return !LOCUST__WITH_REPORTS || t->compact;
}

/* Adds text padded to `width` characters. A control character becomes a blank, so that no name
 * breaks its line in two or moves the cursor. */
static void locust__table_text(locust__buf *out, const char *text, int width)
{
    width -= locust__buf_line(out, locust__view_of(text));
    while (width-- > 0)
        locust__buf_puts(out, " ");
}

/* The two columns that say which row it is; of width 0: as long as they are. */
static void locust__table_row_name(locust__buf *out, const locust__entry *row, int width)
{
    locust__table_text(out, row->method, width ? 8 : 0);
    locust__buf_puts(out, " ");
    locust__table_text(out, row->name, width);
}

static void locust__table_dash(locust__buf *out, int n)
{
    while (n-- > 0)
        locust__buf_puts(out, "-");
}

static void locust__table_dashes(locust__buf *out, const int *widths, int n)
{
    for (int i = 0; i < n; i++) {
        locust__buf_puts(out, i ? "|" : "");
        locust__table_dash(out, widths[i]);
    }
    locust__buf_puts(out, "\n");
}

/* The line under the titles: a bar below each bar of the titles, or below the first of the blanks
 * between two columns, and dashes below everything else. */
LOCUST__COLD static void locust__table_rule(
    const locust__table *t, const locust__table_layout *layout)
{
    locust__table_dash(t->out, 8);
    locust__buf_puts(t->out, "|");
    locust__table_dash(t->out, t->width - layout->narrower);
    if (layout->phases)
        locust__buf_puts(t->out, "|--------");
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        const char *bar = strchr(c->before, '|');
        for (const char *p = c->before; *p; p++)
            locust__buf_puts(t->out, p == (bar ? bar : c->before) ? "|" : "-");
        locust__table_dash(t->out, c->width);
    }
    locust__buf_puts(t->out, "\n");
}

static void locust__table_titles(const locust__table *t, const locust__table_layout *layout)
{
    locust__buf_printf(
        t->out, "%s%-8s %-*s", layout->caption, "Type", t->width - layout->narrower, "Name");
    if (layout->phases)
        locust__buf_printf(t->out, " %-8s", "Phase");
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        locust__buf_printf(t->out, "%s%*s", c->before, c->width,
            locust__figures_word(c->figure, LOCUST__FIGURE_TITLE));
    }
    locust__buf_puts(t->out, "\n");
    locust__table_rule(t, layout);
}

/* The figures of a row, one below each title. Failures have their share of the requests beside
 * them. */
static void locust__table_cells(
    const locust__table *t, const locust__table_layout *layout, const locust__entry *row)
{
    for (int i = 0; i < layout->n_columns; i++) {
        const locust__table_column *c = &layout->columns[i];
        double value = locust__figures_value(&t->view, row, c->figure);
        char text[64];
        if (c->figure == LOCUST__FIGURE_FAILURES)
            snprintf(text, sizeof text, "%.0f(%.2f%%)", value,
                row->requests ? 100 * value / (double)row->requests : 0);
        else
            locust__figures_format(text, sizeof text, LOCUST__FIGURES_IN_TABLE, c->figure, value);
        locust__buf_printf(t->out, "%s%*s", c->before, c->width, text);
    }
    locust__buf_puts(t->out, "\n");
}

/* The figures of a row as key=value. */
static void locust__table_pairs(
    const locust__table *t, const locust__table_layout *layout, const locust__entry *row)
{
    for (int i = 0; i < layout->n_columns; i++) {
        locust__figure_id id = layout->columns[i].figure;
        double value = locust__figures_value(&t->view, row, id);
        char text[64];
        locust__buf_printf(t->out, " %s=%s", locust__figures_word(id, LOCUST__FIGURE_KEY),
            locust__figures_format(text, sizeof text, layout->style, id, value));
    }
}

LOCUST__COLD static void locust__table_line(const locust__table *t,
    const locust__table_layout *layout, const locust__entry *row, const char *phase)
{
    bool total = row == &t->view.env->stats.total;
    double unused;
    if (!locust__figures_find(&t->view, row, layout->of, 1, &unused))
        return;
    if (!locust__table_is_compact(t)) {
        locust__table_row_name(t->out, row, t->width - layout->narrower);
        if (layout->phases)
            locust__buf_printf(t->out, " %-8s", phase);
        locust__table_cells(t, layout, row);
        return;
    }
    locust__buf_printf(t->out, "%s%s", total ? layout->total : layout->label, phase);
    locust__table_pairs(t, layout, row);
    if (!total) { // last: it may hold blanks
        locust__buf_puts(t->out, " name=");
        locust__table_row_name(t->out, row, 0);
    }
    locust__buf_puts(t->out, "\n");
}

static const char *const locust__table_phase_names[LOCUST__PHASES] = {
    "name", "connect", "tls", "wait", "receive"};

/* A table of all rows with something to show, or a compact line for each. */
LOCUST__COLD static void locust__table_rows(locust__table *t, const locust__table_layout *layout)
{
    bool compact = locust__table_is_compact(t);
    if (!compact && t->n_rows)
        locust__table_titles(t, layout);
    for (size_t i = 0; i < t->n_rows; i++) {
        const locust__entry *row = t->rows[i];
        if (!compact && i + 1 == t->n_rows)
            locust__table_rule(t, layout);
        if (!layout->phases)
            locust__table_line(t, layout, row, "");
        for (int k = 0; layout->phases && row->phases && k < LOCUST__PHASES; k++) {
            t->view.phase = &row->phases[k];
            locust__table_line(t, layout, row, locust__table_phase_names[k]);
        }
    }
    if (!compact && t->n_rows)
        locust__buf_puts(t->out, "\n");
}

static const int locust__table_list_dashes[] = {18, 141};

/* The heading of the errors or exceptions. Compact lines have none, and no end either. */
static void locust__table_list_begin(const locust__table *t, const char *caption, const char *title)
{
    if (locust__table_is_compact(t))
        return;
    locust__buf_printf(t->out, "%s\n%-18s %-100s\n", caption, "# occurrences", title);
    locust__table_dashes(t->out, locust__table_list_dashes, 2);
}

static void locust__table_list_end(const locust__table *t)
{
    if (locust__table_is_compact(t))
        return;
    locust__table_dashes(t->out, locust__table_list_dashes, 2);
    locust__buf_puts(t->out, "\n");
}

/* What a line of such a list begins with. */
static void locust__table_times(
    const locust__table *t, uint64_t times, const char *label, const char *key)
{
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out, "%s count=%llu %s=", label, (unsigned long long)times, key);
    else
        locust__buf_printf(t->out, "%-18llu ", (unsigned long long)times);
}

static void locust__table_errors(const locust__table *t)
{
    const locust__request_stats *st = &t->view.env->stats;
    const locust__stats_failure *f;
    if (!locust__stats_failure_at(st, 0))
        return;
    locust__table_list_begin(t, "Error report", "Error");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        int width = locust__table_is_compact(t) ? 0 : 97;
        locust__table_times(t, f->occurrences, "error", "name");
        width -= locust__buf_line(t->out, locust__view_of(f->row->method));
        locust__buf_puts(t->out, " ");
        width -= locust__buf_line(t->out, locust__view_of(f->row->name));
        locust__buf_puts(t->out, ": ");
        locust__table_text(t->out, f->text, width);
        locust__buf_puts(t->out, "\n");
    }
    locust__table_list_end(t);
}

static void locust__table_exceptions(const locust__table *t)
{
    const locust__request_stats *st = &t->view.env->stats;
    const locust__stats_exception *e;
    if (!locust__stats_exception_at(st, 0))
        return;
    locust__table_list_begin(t, "Exceptions report", "Exception");
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++) {
        locust__table_times(t, e->times, "exception", "text");
        locust__table_text(t->out, e->text, 0);
        locust__buf_puts(t->out, " (");
        locust__table_text(t->out, e->place, 0);
        locust__buf_puts(t->out, ")\n");
    }
    locust__table_list_end(t);
}

/* While the test runs: one line about the total. */
static void locust__table_compact_now(const locust__table *t)
{
    const locust_env *env = t->view.env;
    int64_t start_ns = env->stats.start_ns ? env->stats.start_ns : t->view.now_ns; // 0: not begun
    locust__table_layout running = locust__table_compact_rows;
    running.n_columns--; // what is unanswered shows at the end
    locust__buf_printf(
        t->out, "t=%.0f users=%d", (double)(t->view.now_ns - start_ns) / 1e9, env->users.alive);
    locust__table_pairs(t, &running, &env->stats.total);
    locust__buf_puts(t->out, "\n");
}

/* The open model: what became of its arrivals, and how long requests took from the start that was
 * intended. */
static void locust__table_arrivals(locust__table *t)
{
    locust_arrival_counts c = locust__usage_arrivals(t->view.env);
    unsigned long long scheduled = c.scheduled, started = c.started, late = c.late, shed = c.shed,
                       unanswered = c.unanswered;
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out,
            "arrivals scheduled=%llu started=%llu late=%llu shed=%llu unanswered=%llu\n", scheduled,
            started, late, shed, unanswered);
    else
        locust__buf_printf(t->out,
            "Arrivals: %llu scheduled, %llu started (%llu of them late), %llu shed, %llu "
            "unanswered\n\n",
            scheduled, started, late, shed, unanswered);
    locust__table_rows(t, &locust__table_intended);
}

/* What TLS cost the generator: a small machine is busy with handshakes first. */
static void locust__table_tls(const locust__table *t)
{
    const locust__tls_counts *c = &t->view.env->services.tls.counts;
    const locust__loop *loop = &t->view.env->loop;
    unsigned long long full = c->full, resumed = c->resumed;
    double late_ms = (double)locust__loop_lateness_ns(loop, 0.99) / 1e6;
    double latest_ms = (double)loop->latest_ns / 1e6;
    double full_ms = full ? (double)c->full_ns / 1e6 / (double)full : 0;
    double resumed_ms = resumed ? (double)c->resumed_ns / 1e6 / (double)resumed : 0;
    if (!full && !resumed)
        return;
    if (locust__table_is_compact(t))
        locust__buf_printf(t->out,
            "tls full=%llu full_cpu=%.3f resumed=%llu resumed_cpu=%.3f late_p99=%.3f "
            "late_max=%.3f\n",
            full, full_ms, resumed, resumed_ms, late_ms, latest_ms);
    else
        locust__buf_printf(t->out,
            "TLS handshakes: %llu full, %.3f ms of CPU each; %llu resumed, %.3f ms each; the loop "
            "was late by %.3f ms at most (p99 %.3f)\n\n",
            full, full_ms, resumed, resumed_ms, latest_ms, late_ms);
    if (t->view.env->options.phases)
        locust__buf_printf(t->out,
            locust__table_is_compact(t)
                ? "tls_records stayed=%llu\n"
                : "TLS records: %llu of these connections kept mbedTLS's memory\n\n",
            (unsigned long long)c->stayed);
}

static void locust__table_generator(const locust__table *t, const locust_generator *g)
{
    char line[768];
    if (locust__table_is_compact(t)) {
        locust__buf_printf(t->out,
            "generator_time p50_high=%.3f p99_high=%.3f stalled=%.3f stalled_max=%.3f "
            "stalled_reqs=%llu suspended=%.3f clock_set=%.3f\n",
            g->p50_high_ms, g->p99_high_ms, g->stalled_s, g->stalled_max_s,
            (unsigned long long)g->stalled_requests, g->suspended_s, g->clock_set_s);
        locust__buf_printf(t->out,
            "generator ok=%d cpu=%.3f late_p50=%.3f late_p99=%.3f late_max=%.3f limits=", g->ok,
            g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms);
        locust__table_text(t->out, g->limits, 0);
        locust__buf_puts(t->out, "\n");
        return;
    }
    locust__generator_line(g, line, sizeof line);
    locust__table_text(t->out, line, 0);
    locust__buf_puts(t->out, "\n\n");
}

/* What the server itself took. */
static void locust__table_target(const locust__table *t)
{
    locust__server_cpu c = locust__server_cpu_of(t->view.env);
    char line[160];
    if (!c.asked)
        return;
    if (locust__table_is_compact(t)) {
        locust__buf_printf(t->out,
            "target known=%d cpu_us=%.3f cores=%.3f mb=%.1f generator_cpu_us=%.3f\n", c.known, c.us,
            c.cores, c.mb, c.own_us);
        return;
    }
    locust__server_cpu_line(&c, line, sizeof line);
    locust__buf_printf(t->out, "%s\n\n", line);
}

static void locust__table_checks(const locust__table *t, const locust__checks *checks)
{
    static const int dashes[] = {8, 60, 20};
    bool compact = locust__table_is_compact(t);
    char value[32];
    if (!checks->n)
        return;
    if (!compact) {
        locust__buf_printf(t->out, "Checks\n%-8s %-60s %s\n", "Result", "Check", "Measured");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (compact) {
            snprintf(value, sizeof value, "%.6f", c->value);
            locust__buf_printf(
                t->out, "check ok=%d value=%s text=", c->held, c->measured ? value : "");
            locust__table_text(t->out, c->text, 0);
            locust__buf_puts(t->out, "\n");
        } else {
            locust__buf_printf(t->out, "%-8s ", c->held ? "ok" : "FAILED");
            locust__table_text(t->out, c->text, 60);
            locust__buf_printf(t->out, " %s\n", locust__check_value(c, value, sizeof value));
        }
    }
    if (!compact)
        locust__buf_puts(t->out, "\n");
}

static void locust__table_remarks(const locust__table *t, const locust__remarks *remarks)
{
    bool compact = locust__table_is_compact(t);
    for (size_t i = 0; i < remarks->n; i++) {
        const locust__remark *r = &remarks->all[i];
        const char *about = locust__remark_abouts[r->about];
        if (compact)
            locust__buf_printf(t->out, "remark about=%s key=%s failed=%d text=%s\n", about, r->key,
                r->fails, r->text);
        else
            locust__buf_printf(t->out, "%s: %s\n", about, r->text);
    }
    if (remarks->n && !compact)
        locust__buf_puts(t->out, "\n");
}

static void locust__table_baseline(
    const locust__table *t, const locust__baseline *b, const char *path)
{
    static const int dashes[] = {8, 60, 40};
    bool compact = locust__table_is_compact(t);
    if (!b->n)
        return;
    if (!compact) {
        locust__buf_printf(
            t->out, "Compared with %s\n%-8s %-60s %s\n", path, "Verdict", "Name", "Why");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < b->n; i++) {
        const locust__earlier *earlier = &b->rows[i];
        const char *change = locust__change_names[earlier->change];
        if (compact)
            locust__buf_printf(t->out, "baseline verdict=%s name=", change);
        else
            locust__buf_printf(t->out, "%-8s ", change);
        locust__table_text(t->out, earlier->name, compact ? 0 : 60);
        locust__buf_printf(t->out, compact ? "%s\n" : " %s\n", compact ? "" : earlier->why);
    }
    if (!compact)
        locust__buf_puts(t->out, "\n");
}

/* The rates that were tried, and what was found. */
static void locust__table_find(const locust__table *t, const locust__find *f)
{
    static const int dashes[] = {8, 12, 100};
    bool compact = locust__table_is_compact(t);
    char line[640];
    if (!f->env->options.find_max)
        return;
    if (!compact) {
        locust__buf_printf(
            t->out, "Rates that were tried\n%-8s %12s %s\n", "Result", "Arrivals/s", "Measured");
        locust__table_dashes(t->out, dashes, 3);
    }
    for (size_t i = 0; i < f->n_tried; i++) {
        const locust__find_tried *tried = &f->tried[i];
        locust__buf_printf(t->out, compact ? "find_try held=%s rate=%.1f why=" : "%-8s %12.1f ",
            compact       ? tried->held ? "1" : "0"
            : tried->held ? "ok"
                          : "FAILED",
            tried->rate);
        locust__table_text(t->out, tried->why, 0);
        locust__buf_puts(t->out, "\n");
    }
    if (compact) {
        snprintf(line, sizeof line, "%.1f", f->bad);
        locust__buf_printf(
            t->out, "find_max rate=%.1f broke=%s\n", f->good, f->bad > 0 ? line : "");
        return;
    }
    locust__find_line(f, line, sizeof line);
    locust__buf_puts(t->out, "\n");
    locust__table_text(t->out, line, 0);
    locust__buf_puts(t->out, "\n\n");
}

/* What is said once, at the end. */
static void locust__table_final(locust__table *t, const locust__result *verdict)
{
    const locust_env *env = t->view.env;
    const locust__extra *extra;
    if (!locust__table_is_compact(t))
        locust__table_rows(t, &locust__table_percentiles);
    if (!env->options.json_file) // Locust's prints no report of errors then, either
        locust__table_errors(t);
    locust__table_exceptions(t);
    for (size_t at = 0; (extra = locust__extra_next(&at)) != NULL;)
        extra->table(t);
    if (env->services.recorder.has_arrivals)
        locust__table_arrivals(t);
    if (env->options.phases)
        locust__table_rows(t, &locust__table_phases);
    locust__table_tls(t);
    locust__table_target(t);
    locust__table_find(t, &verdict->find);
    locust__table_checks(t, &verdict->checks);
    locust__table_baseline(t, &verdict->baseline, env->options.baseline);
    locust__table_remarks(t, &verdict->remarks);
    locust__table_generator(t, &verdict->generator);
}

/* Characters for the name: 80, or what a narrower terminal leaves beside the figures. */
static int locust__table_name_width(void)
{
    struct winsize size;
    int left;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    left = size.ws_col - 94;
    return left > 80 ? 80 : left < 8 ? 8 : left;
}

/* Prints what is due now. Runs on the loop's stack. `verdict`: NULL while the test runs. */
LOCUST__COLD static void locust__table_print(locust_env *env, const locust__result *verdict)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__locale locale = locust__locale_enter();
    locust__table t = {.out = &out,
        .view = {.env = env,
            .now_ns = locust__os_now_ns(),
            .rates = verdict ? LOCUST__FIGURES_MEASURED : LOCUST__FIGURES_CURRENT},
        .compact = env->options.compact};
    bool compact = locust__table_is_compact(&t);
    locust__out *to = &env->outs[compact ? LOCUST__ENV_STDOUT : LOCUST__ENV_STDERR];
    if (!compact)
        t.width = locust__table_name_width();
    if (verdict ? !env->options.json_file : !compact)
        t.rows = locust__figures_rows(&env->stats, &t.n_rows);
    if (compact && !verdict)
        locust__table_compact_now(&t);
    else
        locust__table_rows(&t, compact ? &locust__table_compact_rows : &locust__table_requests);
    if (verdict)
        locust__table_final(&t, verdict);
    LOCUST_FREE(t.rows);
    locust__locale_leave(locale);
    if (locust__out_is_free(&env->outs[LOCUST__ENV_STDOUT]) &&
        locust__out_is_free(&env->outs[LOCUST__ENV_STDERR]))
        fflush(NULL); // a test's own lines come first
    if (verdict)
        locust__out_line(to, out.ptr, out.len);
    else if (out.len)
        locust__out_table(to, out.ptr, out.len);
    locust__buf_free(&out);
}
