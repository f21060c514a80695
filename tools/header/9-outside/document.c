/* ============================================================================================
 * >>document  --html
 *
 * Purpose     a report as one file: the page with its data inside, and tables for readers without
 *             JavaScript. Programs find window.templateArgs in it as in Locust's reports.
 * Invariants  the file needs no network, and no text in it can end the script or begin markup.
 * Names       locust__document_
 * Uses        >>entry >>stats >>json >>task >>figures >>summary >>history >>told >>page >>html
 * Sources     Locust 2.47.0: keys and their order.
 * Limits      times have microseconds, where Locust's reports have its rounded buckets.
 * ============================================================================================ */

/* Makes JSON from `from` on safe within a script: inside its strings alone are these characters. */
LOCUST__COLD static void locust__document_script(locust__buf *out, size_t from)
{
    locust__buf safe = {NULL, 0, 0, false};
    for (size_t i = from; i < out->len; i++) {
        char c = out->ptr[i];
        bool line = (unsigned char)c == 0xE2 && i + 2 < out->len &&
                    (unsigned char)out->ptr[i + 1] == 0x80 &&
                    ((unsigned char)out->ptr[i + 2] | 1) == 0xA9; // U+2028 and U+2029
        if (line) {
            locust__buf_printf(&safe, "\\u20%02x", (unsigned)(unsigned char)out->ptr[i + 2] - 0x80);
            i += 2;
        } else if (c == '<' || c == '>' || c == '&' || c == '\'') {
            locust__buf_printf(&safe, "\\u%04x", (unsigned)(unsigned char)c);
        } else {
            locust__buf_add(&safe, &c, 1);
        }
    }
    out->len = from;
    locust__buf_add(out, safe.ptr, safe.len);
    out->failed |= safe.failed;
    locust__buf_free(&safe);
}

static void locust__document_number(locust__buf *out, const locust__figures_view *v,
    const locust__entry *row, const char *key, locust__figure_id id)
{
    char text[64];
    locust__buf_printf(out, "\"%s\": %s, ", key,
        locust__figures_format(
            text, sizeof text, LOCUST__FIGURES_IN_JSON, id, locust__figures_value(v, row, id)));
}

/* A row as Locust's reports have it: keys sorted, times in ms. */
LOCUST__COLD static void locust__document_entry(
    locust__buf *out, const locust_env *env, const locust__entry *row)
{
    locust__figures_view whole = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    locust__figures_view now = {
        .env = env, .now_ns = locust__os_now_ns(), .rates = LOCUST__FIGURES_CURRENT};
    locust__buf_puts(out, "{");
    locust__document_number(out, &whole, row, "avg_content_length", LOCUST__FIGURE_SIZE);
    locust__document_number(out, &whole, row, "avg_response_time", LOCUST__FIGURE_AVG);
    locust__document_number(out, &now, row, "current_fail_per_sec", LOCUST__FIGURE_FPS);
    locust__document_number(out, &now, row, "current_rps", LOCUST__FIGURE_RPS);
    locust__document_number(out, &whole, row, "max_response_time", LOCUST__FIGURE_MAX);
    locust__document_number(out, &whole, row, "median_response_time", LOCUST__FIGURE_MEDIAN);
    locust__summary_text(out, "method", row->method);
    locust__buf_puts(out, ", ");
    locust__document_number(out, &whole, row, "min_response_time", LOCUST__FIGURE_MIN);
    locust__summary_text(out, "name", row->name);
    locust__buf_puts(out, ", ");
    locust__document_number(out, &whole, row, "num_failures", LOCUST__FIGURE_FAILURES);
    locust__document_number(out, &whole, row, "num_requests", LOCUST__FIGURE_REQUESTS);
    locust__document_number(out, &whole, row, "response_time_percentile_0.95", LOCUST__FIGURE_P95);
    locust__document_number(out, &whole, row, "response_time_percentile_0.99", LOCUST__FIGURE_P99);
    locust__document_number(out, &whole, row, "total_fail_per_sec", LOCUST__FIGURE_FPS);
    locust__document_number(out, &whole, row, "total_rps", LOCUST__FIGURE_RPS);
    out->len -= out->len > 2 ? 2 : 0; // the last comma
    locust__buf_puts(out, "}");
}

LOCUST__COLD static void locust__document_times(locust__buf *out, const locust__entry *row)
{
    static const char *const keys[] = {"0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99", "1.0"};
    static const double shares[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1};
    locust__buf_puts(out, "{");
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        locust__buf_printf(out, "\"%s\": %.3f, ", keys[i],
            (double)locust__entry_percentile_ns(row, shares[i]) / 1e6);
    locust__summary_text(out, "method", row->method);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "name", row->name);
    locust__buf_puts(out, "}");
}

/* The rows as a list, written by `fn` or, without one, as their percentiles. */
LOCUST__COLD static void locust__document_rows(locust__buf *out, locust_env *env, bool times)
{
    size_t n;
    locust__entry **rows = locust__figures_rows(&env->stats, &n);
    locust__buf_puts(out, "[");
    for (size_t i = 0; rows && i < n; i++) {
        locust__buf_puts(out, i ? ",\n  " : "\n  ");
        if (times)
            locust__document_times(out, rows[i]);
        else
            locust__document_entry(out, env, rows[i]);
    }
    locust__buf_puts(out, "]");
    out->failed |= !rows;
    LOCUST_FREE(rows);
}

/* Epoch seconds with fractions, as Locust has them. */
LOCUST__COLD static void locust__document_failures(
    locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_failure *f;
    locust__buf_puts(out, "[");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__buf_puts(out, i ? ",\n  {" : "\n  {");
        locust__summary_text(out, "error", f->text);
        locust__buf_printf(out, ", \"first_seen\": %.6f, \"last_seen\": %.6f, ",
            (double)(f->first_wall_ns / 1000) / 1e6, (double)(f->last_wall_ns / 1000) / 1e6);
        locust__summary_text(out, "method", f->row->method);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "name", f->row->name);
        locust__buf_printf(out, ", \"occurrences\": %llu}", (unsigned long long)f->occurrences);
    }
    locust__buf_puts(out, "]");
}

LOCUST__COLD static void locust__document_exceptions(
    locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_exception *e;
    locust__buf_puts(out, "[");
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++) {
        locust__buf_printf(
            out, "%s{\"count\": %llu, ", i ? ",\n  " : "\n  ", (unsigned long long)e->times);
        locust__summary_text(out, "msg", e->text);
        locust__buf_puts(out, ", \"nodes\": \"local\", ");
        locust__summary_text(out, "traceback", e->place);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "]");
}

/* The tasks of a class or set with their shares: of their set, or of everything (`total`). */
LOCUST__COLD static void locust__document_tasks(locust__buf *out, // NOLINT(misc-no-recursion)
    const locust_task *tasks, int depth, double share, bool total)
{
    const char *comma = "";
    int weights = 0;
    for (const locust_task *t = tasks; t && (t->fn || t->set); t++)
        weights += locust__task_weight(t);
    locust__buf_puts(out, "{");
    for (const locust_task *t = tasks; weights && (t->fn || t->set); t++) {
        double part = share * locust__task_weight(t) / weights;
        locust__buf_puts(out, comma);
        locust__json_put(out, t->name);
        locust__buf_printf(out, ": {\"ratio\": %.15g", part);
        if (t->set && depth < LOCUST__PLAN_DEPTH) {
            locust__buf_puts(out, ", \"tasks\": ");
            locust__document_tasks(out, t->set->tasks, depth + 1, total ? part : 1, total);
        }
        locust__buf_puts(out, "}");
        comma = ", ";
    }
    locust__buf_puts(out, "}");
}

/* Locust's /tasks. */
LOCUST__COLD static void locust__document_ratio(locust__buf *out, const locust_env *env)
{
    for (int total = 0; total < 2; total++) {
        locust__buf_puts(out, total ? ", \"total\": {" : "{\"per_class\": {");
        for (int i = 0; i < env->n_classes; i++) {
            const locust_user_class *as = env->classes[i].as;
            double share = locust__html_share(env, i);
            locust__buf_puts(out, i ? ", " : "");
            locust__json_put(out, as->name);
            locust__buf_printf(out, ": {\"ratio\": %.15g, \"tasks\": ", share);
            locust__document_tasks(out, as->tasks, 1, total ? share : 1, total);
            locust__buf_puts(out, "}");
        }
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "}");
}

/* "1 hour, 2 minutes and 3 seconds" */
static void locust__document_span(int64_t seconds, char *out, size_t size)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    size_t len = 0, n = sizeof units / sizeof *units;
    *out = '\0';
    for (size_t i = 0; i < n && len < size; i++) {
        int64_t count = seconds / units[i].seconds;
        seconds %= units[i].seconds;
        if (count || (i + 1 == n && !len))
            len += (size_t)snprintf(out + len, size - len, "%s%lld %s%s",
                !len          ? ""
                : seconds > 0 ? ", "
                              : " and ",
                (long long)count, units[i].name, count == 1 ? "" : "s");
    }
}

/* When the run began and ended, on the wall clock. */
static void locust__document_times_of(const locust_env *env, int64_t *from_ns, int64_t *to_ns)
{
    int64_t now_ns = locust__os_now_ns(), off_ns = locust__os_wall_ns() - now_ns;
    *from_ns = off_ns + (env->start_ns ? env->start_ns : now_ns);
    *to_ns = off_ns + (env->until.at_ns ? env->until.at_ns : now_ns);
}

/* Locust's data of a report. */
LOCUST__COLD static void locust__document_args(locust__buf *out, const locust__told *t, bool link)
{
    locust_env *env = t->env;
    int64_t from_ns, to_ns;
    char span[96];
    locust__document_times_of(env, &from_ns, &to_ns);
    locust__document_span((to_ns - from_ns + LOCUST__S / 2) / LOCUST__S, span, sizeof span);
    locust__buf_printf(out, "{\"duration\": \"%s\", \"end_time\": \"", span);
    locust__figures_time(out, to_ns);
    locust__buf_puts(out, "\",\n \"exceptions_statistics\": ");
    locust__document_exceptions(out, &env->stats);
    locust__buf_puts(out, ",\n \"failures_statistics\": ");
    locust__document_failures(out, &env->stats);
    locust__buf_puts(out, ",\n \"history\": ");
    locust__history_locust(out, t->history);
    locust__buf_puts(out, ",\n ");
    locust__summary_url(out, "host", env->options.host);
    locust__buf_puts(out, ", \"is_report\": true, \"locustfile\": \"\", "
                          "\"percentiles_to_chart\": [0.5, 0.95], \"profile\": null,\n "
                          "\"requests_statistics\": ");
    locust__document_rows(out, env, false);
    locust__buf_puts(out, ",\n \"response_time_statistics\": ");
    locust__document_rows(out, env, true);
    locust__buf_printf(
        out, ",\n \"show_download_link\": %s, \"start_time\": \"", locust__summary_bool(link));
    locust__figures_time(out, from_ns);
    locust__buf_puts(out, "\", \"tasks\": ");
    locust__document_ratio(out, env);
    locust__buf_puts(out, "}");
}

/* The lines above all tables: what was loaded, when. */
LOCUST__COLD static void locust__document_heading(locust__buf *out, const locust_env *env)
{
    int64_t from_ns, to_ns;
    char span[96];
    const char *host = env->options.host;
    locust__document_times_of(env, &from_ns, &to_ns);
    locust__document_span((to_ns - from_ns + LOCUST__S / 2) / LOCUST__S, span, sizeof span);
    locust__buf_puts(out, "<main id=\"report\"><h1>Load Test Report</h1>\n<dl class=\"facts\"><div>"
                          "<dt>During</dt><dd><time>");
    locust__figures_time(out, from_ns);
    locust__buf_puts(out, "</time> - <time>");
    locust__figures_time(out, to_ns);
    locust__buf_printf(out, "</time> (%s)</dd></div><div><dt>Target Host</dt><dd>", span);
    for (int i = 0; !host && i < env->n_classes; i++)
        host = env->classes[i].host;
    locust__html_url(out, host ? host : "-");
    if (!env->services.recorder.has_arrivals)
        locust__buf_printf(out, "</dd></div><div><dt>Users</dt><dd>%d", env->options.users);
    locust__buf_puts(out, "</dd></div></dl>\n");
}

/* The whole report. `theme`: "light" or "dark"; `link`: it offers to be downloaded. */
LOCUST__COLD static void locust__document_report(
    locust__buf *out, const locust__told *t, const char *theme, bool link)
{
    locust__html h = {.out = out,
        .result = t->result,
        .view = {.env = t->env, .rates = LOCUST__FIGURES_MEASURED}};
    size_t from;
    h.rows = locust__figures_rows(&t->env->stats, &h.n_rows);
    h.n_rows = h.rows ? h.n_rows : 0;
    locust__page_put(out, LOCUST__PAGE_TOP);
    locust__document_heading(out, t->env);
    locust__html_tables(&h);
    locust__buf_puts(out, "</main>\n");
    locust__page_put(out, LOCUST__PAGE_MIDDLE);
    locust__buf_puts(out, "window.templateArgs = ");
    from = out->len;
    locust__document_args(out, t, link);
    locust__document_script(out, from);
    locust__buf_puts(out, "\nwindow.locustState = ");
    from = out->len;
    locust__told_state(out, t, 0);
    locust__document_script(out, from);
    locust__buf_printf(out, "\nwindow.theme = \"%s\"\n", theme);
    locust__page_put(out, LOCUST__PAGE_END);
    out->failed |= !h.rows;
    LOCUST_FREE(h.rows);
}
