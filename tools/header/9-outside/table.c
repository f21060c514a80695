/* ============================================================================================
 * >>table  tables and compact lines
 *
 * Purpose     Locust's tables on standard error, short lines on standard output.
 * Cost        formatted on the loop's stack, every two seconds; grows with the rows.
 * Names       locust__table_
 * Uses        >>co >>entry >>stats >>tls >>usage >>generator >>check >>baseline >>find
 *             >>result >>figures
 * Sources     Locust 2.46 and 2.47 (reference runs): columns, order, widths.
 * Limits      times are printed in milliseconds with three decimals, in wider columns than Locust's
 *             whole ones.
 * ============================================================================================ */

/* The two columns that say which row it is; of width 0: as long as they are. */
static void locust__table_row_name(locust__buf *out, const locust__entry *row, int width)
{
    locust__figures_text(out, row->method, width ? 8 : 0);
    locust__buf_puts(out, " ");
    locust__figures_text(out, row->name, width);
}

static void locust__table_dashes(locust__buf *out, const int *widths, int n)
{
    for (int i = 0; i < n; i++) {
        if (i)
            locust__buf_puts(out, "|");
        for (int k = 0; k < widths[i]; k++)
            locust__buf_puts(out, "-");
    }
    locust__buf_puts(out, "\n");
}

/* Columns for the name: 80, or what a narrower terminal leaves beside the figures. */
static int locust__table_name_width(void)
{
    struct winsize size;
    int left;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    left = size.ws_col - 94;
    return left > 80 ? 80 : left < 8 ? 8 : left;
}

static void locust__table_request(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row, int width)
{
    char avg[32], min[32], max[32], med[32], fails[48];
    double rps, fps;
    if (v->final)
        locust__stats_rates(v->stats, row, &rps, &fps);
    else
        locust__stats_current_rates(v->stats, row, v->now_ns, &rps, &fps);
    snprintf(fails, sizeof fails, "%llu(%.2f%%)", (unsigned long long)row->failures,
        row->requests ? 100.0 * (double)row->failures / (double)row->requests : 0.0);
    locust__table_row_name(out, row, width);
    locust__buf_printf(out, " %7llu %12s |%9s %9s %9s %9s | %9.2f %11.2f\n",
        (unsigned long long)row->requests, fails,
        locust__figures_ms(avg, sizeof avg, (int64_t)locust__entry_mean_ns(row)),
        locust__figures_ms(min, sizeof min, row->requests ? row->min_ns : 0),
        locust__figures_ms(max, sizeof max, row->max_ns),
        locust__figures_ms(med, sizeof med, locust__entry_percentile_ns(row, 0.5)), rps, fps);
}

static void locust__table_requests(locust__buf *out, const locust__figures_view *v)
{
    int width = locust__table_name_width() - 4;
    const int dashes[] = {8, width, 7, 13, 9, 9, 9, 10, 10, 11};
    size_t n;
    locust__entry **rows = locust__figures_rows(v->stats, &n);
    if (!rows)
        return;
    locust__buf_printf(out, "%-8s %-*s %7s %12s |%9s %9s %9s %9s | %9s %11s\n", "Type", width,
        "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s");
    locust__table_dashes(out, dashes, 10);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n)
            locust__table_dashes(out, dashes, 10);
        locust__table_request(out, v, rows[i], width);
    }
    locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

static void locust__table_percentiles(locust__buf *out, const locust__figures_view *v)
{
    static const char *const names[] = {LOCUST__FIGURES_PERCENTILE_NAMES};
    int width = locust__table_name_width();
    const int dashes[] = {8, width, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8};
    size_t n;
    locust__entry **rows = locust__figures_rows(v->stats, &n);
    if (!rows)
        return;
    locust__buf_puts(out, "Response time percentiles (approximated)\n");
    locust__buf_printf(out, "%-8s %-*s", "Type", width, "Name");
    for (int p = 0; p < LOCUST__FIGURES_PERCENTILES; p++)
        locust__buf_printf(out, " %9s", names[p]);
    locust__buf_printf(out, " %8s\n", "# reqs");
    locust__table_dashes(out, dashes, 14);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n)
            locust__table_dashes(out, dashes, 14);
        if (!rows[i]->requests)
            continue;
        locust__table_row_name(out, rows[i], width);
        for (int p = 0; p < LOCUST__FIGURES_PERCENTILES; p++) {
            char ms[32];
            int64_t ns = locust__entry_percentile_ns(rows[i], locust__figures_percentiles[p]);
            locust__buf_printf(out, " %9s", locust__figures_ms(ms, sizeof ms, ns));
        }
        locust__buf_printf(out, " %8llu\n", (unsigned long long)rows[i]->requests);
    }
    locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

static void locust__table_failure(locust__buf *out, const locust__stats_failure *f)
{
    locust__table_row_name(out, f->row, 0);
    locust__buf_puts(out, ": ");
    locust__figures_text(out, f->text, 0);
}

static void locust__table_errors(locust__buf *out, const locust__figures_view *v)
{
    const int dashes[] = {18, 141};
    const locust__stats_failure *f;
    if (!locust__stats_failure_at(v->stats, 0))
        return;
    locust__buf_printf(out, "Error report\n%-18s %-100s\n", "# occurrences", "Error");
    locust__table_dashes(out, dashes, 2);
    for (size_t i = 0; (f = locust__stats_failure_at(v->stats, i)) != NULL; i++) {
        int used = (int)(strlen(f->row->method) + strlen(f->row->name)) + 3;
        locust__buf_printf(out, "%-18llu ", (unsigned long long)f->occurrences);
        locust__table_failure(out, f);
        locust__figures_text(out, "", 100 - used - (int)strlen(f->text));
        locust__buf_puts(out, "\n");
    }
    locust__table_dashes(out, dashes, 2);
    locust__buf_puts(out, "\n");
}

/* key=value pairs: for a serial console and for scripts. Times in ms. The name stands last: it may
 * hold blanks. */
static void locust__table_compact_row(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row, const char *label)
{
    double rps, fps;
    if (v->final)
        locust__stats_rates(v->stats, row, &rps, &fps);
    else
        locust__stats_current_rates(v->stats, row, v->now_ns, &rps, &fps);
    locust__buf_printf(out,
        "%s reqs=%llu fails=%llu rps=%.1f fps=%.1f avg=%.3f p50=%.3f p95=%.3f p99=%.3f max=%.3f",
        label, (unsigned long long)row->requests, (unsigned long long)row->failures, rps, fps,
        locust__entry_mean_ns(row) / 1e6, (double)locust__entry_percentile_ns(row, 0.5) / 1e6,
        (double)locust__entry_percentile_ns(row, 0.95) / 1e6,
        (double)locust__entry_percentile_ns(row, 0.99) / 1e6, (double)row->max_ns / 1e6);
}

static void locust__table_compact(locust__buf *out, const locust__figures_view *v)
{
    const locust__stats_failure *f;
    char label[64];
    size_t n;
    locust__entry **rows;
    if (!v->final) {
        int64_t start_ns = v->stats->start_ns ? v->stats->start_ns : v->now_ns; // 0: not begun
        snprintf(
            label, sizeof label, "t=%.0f users=%d", (double)(v->now_ns - start_ns) / 1e9, v->users);
        locust__table_compact_row(out, v, &v->stats->total, label);
        locust__buf_puts(out, "\n");
        return;
    }
    rows = locust__figures_rows(v->stats, &n);
    for (size_t i = 0; rows && i < n; i++) {
        locust__table_compact_row(out, v, rows[i], i + 1 == n ? "total" : "row");
        if (i + 1 < n) {
            locust__buf_puts(out, " name=");
            locust__table_row_name(out, rows[i], 0);
        }
        locust__buf_puts(out, "\n");
    }
    LOCUST_FREE(rows);
    for (size_t i = 0; (f = locust__stats_failure_at(v->stats, i)) != NULL; i++) {
        locust__buf_printf(out, "error count=%llu name=", (unsigned long long)f->occurrences);
        locust__table_failure(out, f);
        locust__buf_puts(out, "\n");
    }
}

static const char *const locust__table_phase_names[LOCUST__PHASES] = {
    "name", "connect", "tls", "wait", "receive"};

static void locust__table_phase(
    locust__buf *out, const locust__entry *row, int i, bool compact, bool total)
{
    static const double shares[] = {0.5, 0.95, 0.99};
    static const char *const names[] = {"p50", "p95", "p99"};
    const locust__phase *phase = &row->phases[i];
    int width = locust__table_name_width();
    char ms[32];
    if (compact) {
        locust__buf_printf(out, "phase=%s n=%llu", locust__table_phase_names[i],
            (unsigned long long)phase->hist.total);
    } else {
        locust__table_row_name(out, row, width);
        locust__buf_printf(out, " %-8s %8llu", locust__table_phase_names[i],
            (unsigned long long)phase->hist.total);
    }
    for (int k = 0; k < 3; k++)
        locust__buf_printf(out, compact ? " %s=%s" : "%.0s %9s", names[k],
            locust__figures_ms(ms, sizeof ms, locust__phase_percentile_ns(phase, shares[k])));
    locust__buf_printf(
        out, compact ? " max=%s" : " %9s", locust__figures_ms(ms, sizeof ms, phase->max_ns));
    if (compact && !total) {
        locust__buf_puts(out, " name=");
        locust__table_row_name(out, row, 0);
    }
    locust__buf_puts(out, "\n");
}

/* How long a request of a row took, and how long it took from the start that was intended. */
static void locust__table_intended_row(
    locust__buf *out, const locust__entry *row, bool compact, bool total)
{
    static const double shares[] = {0.5, 0.99};
    char ms[6][32];
    int width = locust__table_name_width();
    for (int k = 0; k < 2; k++) {
        locust__figures_ms(ms[k], sizeof ms[k], locust__entry_percentile_ns(row, shares[k]));
        locust__figures_ms(
            ms[3 + k], sizeof ms[3 + k], locust__phase_percentile_ns(row->intended, shares[k]));
    }
    locust__figures_ms(ms[2], sizeof ms[2], row->max_ns);
    locust__figures_ms(ms[5], sizeof ms[5], row->intended->max_ns);
    if (!compact) {
        locust__table_row_name(out, row, width);
    }
    locust__buf_printf(out,
        compact ? "intended p50=%s p99=%s max=%s intended_p50=%s intended_p99=%s intended_max=%s"
                : " %9s %9s %9s  %9s %9s %9s",
        ms[0], ms[1], ms[2], ms[3], ms[4], ms[5]);
    if (compact && !total) {
        locust__buf_puts(out, " name=");
        locust__table_row_name(out, row, 0);
    }
    locust__buf_puts(out, "\n");
}

static void locust__table_arrivals(
    locust__buf *out, const locust__figures_view *v, const locust_arrival_counts *c, bool compact)
{
    int width = locust__table_name_width();
    const int dashes[] = {8, width, 9, 9, 9, 10, 9, 9};
    size_t n;
    locust__entry **rows = locust__figures_rows(v->stats, &n);
    locust__buf_printf(out,
        compact ? "arrivals scheduled=%llu started=%llu late=%llu shed=%llu\n"
                : "Arrivals: %llu scheduled, %llu started (%llu of them late), %llu shed\n\n",
        (unsigned long long)c->scheduled, (unsigned long long)c->started,
        (unsigned long long)c->late, (unsigned long long)c->shed);
    if (rows && !compact) {
        locust__buf_printf(out,
            "Response times (ms), and from the intended start\n%-8s %-*s %9s %9s %9s  %9s %9s "
            "%9s\n",
            "Type", width, "Name", "50%", "99%", "100%", "int. 50%", "int. 99%", "int. 100%");
        locust__table_dashes(out, dashes, 8);
    }
    for (size_t i = 0; rows && i < n; i++) {
        if (i + 1 == n && !compact)
            locust__table_dashes(out, dashes, 8);
        if (rows[i]->intended && rows[i]->intended->hist.total)
            locust__table_intended_row(out, rows[i], compact, i + 1 == n);
    }
    if (!compact)
        locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

static void locust__table_exceptions(locust__buf *out, const locust__figures_view *v, bool compact)
{
    const int dashes[] = {18, 141};
    const locust__request_stats *st = v->stats;
    if (!st->n_exceptions)
        return;
    if (!compact) {
        locust__buf_printf(out, "Exceptions report\n%-18s %-100s\n", "# occurrences", "Exception");
        locust__table_dashes(out, dashes, 2);
    }
    for (size_t i = 0; i < st->n_exceptions; i++) {
        const locust__stats_exception *e = &st->exceptions[i];
        locust__buf_printf(
            out, compact ? "exception count=%llu text=" : "%-18llu ", (unsigned long long)e->times);
        locust__figures_text(out, e->text, 0);
        locust__buf_printf(out, " (%s)\n", e->place);
    }
    if (!compact) {
        locust__table_dashes(out, dashes, 2);
        locust__buf_puts(out, "\n");
    }
}

/* Where the time of the requests went: what happened on new connections alone counts there alone. */
static void locust__table_phases(locust__buf *out, const locust__figures_view *v, bool compact)
{
    int width = locust__table_name_width();
    const int dashes[] = {8, width, 8, 8, 9, 9, 9, 9};
    size_t n;
    locust__entry **rows = locust__figures_rows(v->stats, &n);
    if (!rows)
        return;
    if (!compact) {
        locust__buf_puts(out, "Phases of requests (ms)\n");
        locust__buf_printf(out, "%-8s %-*s %-8s %8s %9s %9s %9s %9s\n", "Type", width, "Name",
            "Phase", "# reqs", "50%", "95%", "99%", "100%");
        locust__table_dashes(out, dashes, 8);
    }
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n && !compact)
            locust__table_dashes(out, dashes, 8);
        for (int k = 0; rows[i]->phases && k < LOCUST__PHASES; k++)
            if (rows[i]->phases[k].hist.total)
                locust__table_phase(out, rows[i], k, compact, i + 1 == n);
    }
    if (!compact)
        locust__buf_puts(out, "\n");
    LOCUST_FREE(rows);
}

/* What TLS cost the generator: a small machine is busy with handshakes first. */
static void locust__table_tls(
    locust__buf *out, const locust__tls_counts *c, const locust__loop *loop, bool compact)
{
    double late_ms = (double)locust__loop_lateness_ns(loop, 0.99) / 1e6;
    double full_ms = c->full ? (double)c->full_ns / 1e6 / (double)c->full : 0;
    double resumed_ms = c->resumed ? (double)c->resumed_ns / 1e6 / (double)c->resumed : 0;
    if (c->full || c->resumed)
        locust__buf_printf(out,
            compact ? "tls full=%llu full_cpu=%.3f resumed=%llu resumed_cpu=%.3f late_p99=%.3f "
                      "late_max=%.3f\n"
                    : "TLS handshakes: %llu full, %.3f ms of CPU each; %llu resumed, %.3f ms each; "
                      "the loop was "
                      "late by %.3f ms at most (p99 %.3f)\n\n",
            (unsigned long long)c->full, full_ms, (unsigned long long)c->resumed, resumed_ms,
            compact ? late_ms : (double)loop->latest_ns / 1e6,
            compact ? (double)loop->latest_ns / 1e6 : late_ms);
}

static void locust__table_generator(locust__buf *out, const locust_generator *g, bool compact)
{
    char line[640];
    if (compact) {
        locust__buf_printf(out,
            "generator ok=%d cpu=%.3f late_p50=%.3f late_p99=%.3f late_max=%.3f limits=%s\n", g->ok,
            g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms, g->limits);
        return;
    }
    locust__generator_line(g, line, sizeof line);
    locust__buf_printf(out, "%s\n\n", line);
}

static void locust__table_checks(locust__buf *out, const locust__checks *checks, bool compact)
{
    static const int dashes[] = {8, 60, 20};
    char value[32];
    if (!checks->n)
        return;
    if (!compact) {
        locust__buf_printf(out, "Checks\n%-8s %-60s %s\n", "Result", "Check", "Measured");
        locust__table_dashes(out, dashes, 3);
    }
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (compact) {
            snprintf(value, sizeof value, "%.6f", c->value);
            locust__buf_printf(
                out, "check ok=%d value=%s text=%s\n", c->held, c->measured ? value : "", c->text);
        } else {
            locust__buf_printf(out, "%-8s %-60s %s\n", c->held ? "ok" : "FAILED", c->text,
                locust__check_value(c, value, sizeof value));
        }
    }
    if (!compact)
        locust__buf_puts(out, "\n");
}

static void locust__table_baseline(
    locust__buf *out, const locust__baseline *b, const char *path, bool compact)
{
    static const int dashes[] = {8, 60, 40};
    if (!b->n)
        return;
    if (!compact) {
        locust__buf_printf(
            out, "Compared with %s\n%-8s %-60s %s\n", path, "Verdict", "Name", "Why");
        locust__table_dashes(out, dashes, 3);
    }
    for (size_t i = 0; i < b->n; i++)
        if (*b->rows[i].name)
            locust__buf_printf(out, compact ? "baseline verdict=%s name=%s\n" : "%-8s %-60s %s\n",
                locust__change_names[b->rows[i].change], b->rows[i].name, b->rows[i].why);
    if (!compact)
        locust__buf_puts(out, "\n");
}

static void locust__table_find(locust__buf *out, const locust__find *f, bool compact)
{
    char broke[32] = "";
    if (!f->env->options.find_max)
        return;
    if (f->bad > 0)
        snprintf(broke, sizeof broke, "%.1f", f->bad);
    if (compact)
        locust__buf_printf(out, "find_max rate=%.1f broke=%s\n", f->good, broke);
    else
        locust__buf_printf(out, "find-max: %.1f arrivals/s held %s; %s%s\n\n", f->good,
            f->env->options.find_max, f->bad > 0 ? broke : "nothing that was tried", " did not");
}

static void locust__table_verdict(locust__buf *out, const locust__result *v, bool compact)
{
    locust__table_find(out, &v->find, compact);
    locust__table_checks(out, &v->checks, compact);
    locust__table_baseline(out, &v->baseline, v->env->options.baseline, compact);
    locust__table_generator(out, &v->generator, compact);
}

/* Prints what is due now. Runs on the loop's stack. `verdict`: NULL while the test runs. */
static void locust__table_print(locust_env *env, const locust__result *verdict)
{
    bool final = verdict != NULL;
    locust__figures_view v = {&env->stats, locust__os_now_ns(), env->users.alive, final};
    locust__buf out = {NULL, 0, 0, false};
    locust__locale locale = locust__locale_enter();
    bool compact = !LOCUST__WITH_REPORTS || env->options.compact;
    if (compact) {
        locust__table_compact(&out, &v);
    } else {
        locust__table_requests(&out, &v);
        if (final) {
            locust__table_percentiles(&out, &v);
            locust__table_errors(&out, &v);
        }
    }
    if (final)
        locust__table_exceptions(&out, &v, compact);
    if (final && env->services.recorder.has_arrivals) {
        locust_arrival_counts arrivals = locust__usage_arrivals(env);
        locust__table_arrivals(&out, &v, &arrivals, compact);
    }
    if (final && env->options.phases)
        locust__table_phases(&out, &v, compact);
    if (final)
        locust__table_tls(&out, &env->services.tls.counts, &env->loop, compact);
    if (final)
        locust__table_verdict(&out, verdict, compact);
    locust__locale_leave(locale);
    fflush(NULL); // a test's own lines come first
    if (out.len)
        locust__os_write_all(compact ? STDOUT_FILENO : STDERR_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}
