/* ============================================================================================
 * >>summary  --summary
 *
 * Purpose     all figures of a run as JSON, with the histogram of each row: what --baseline reads.
 * Names       locust__summary_
 * Uses        >>entry >>stats >>json >>figures >>check >>remarks >>result
 * Sources     RFC 8259.
 * ============================================================================================ */

/* A figure with its name, and its unit if that is not clear from the name. */
static void locust__summary_figure(locust__buf *out, const locust__figures_view *v,
    const locust__entry *row, locust__figure_id id, const char *comma)
{
    const locust__figure *f = &locust__figures[id];
    bool ms = f->unit == LOCUST__FIGURE_UNIT_TIME && f->kind != LOCUST__FIGURE_OF_PERCENTILE;
    char text[64];
    locust__figures_format(
        text, sizeof text, LOCUST__FIGURES_IN_JSON, id, locust__figures_value(v, row, id));
    locust__buf_printf(out, "%s\"%s%s\": %s", comma, locust__figures_word(id, LOCUST__FIGURE_NAME),
        ms ? "_ms" : "", text);
}

static void locust__summary_row(locust__buf *out, const locust_env *env, const locust__entry *row)
{
    static const locust__figure_id columns[] = {LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES,
        LOCUST__FIGURE_BYTES, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS, LOCUST__FIGURE_MIN,
        LOCUST__FIGURE_AVG, LOCUST__FIGURE_MAX};
    locust__figures_view v = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    const char *comma = "";
    uint64_t count;
    int64_t ns;
    locust__buf_puts(out, "{\"method\": ");
    locust__json_put(out, row->method);
    locust__buf_puts(out, ", \"name\": ");
    locust__json_put(out, row->name);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        locust__summary_figure(out, &v, row, columns[i], ", ");
    locust__buf_puts(out, ",\n   \"percentiles_ms\": {");
    for (int i = LOCUST__FIGURE_P50; i <= LOCUST__FIGURE_P100; i++)
        locust__summary_figure(
            out, &v, row, (locust__figure_id)i, i > LOCUST__FIGURE_P50 ? ", " : "");
    locust__buf_puts(out, "},\n   \"histogram_us\": [");
    for (size_t at = 0; locust__hist_next(&row->hist, &at, &ns, &count);) {
        locust__buf_printf(
            out, "%s[%lld, %llu]", comma, (long long)(ns / 1000), (unsigned long long)count);
        comma = ", ";
    }
    locust__buf_puts(out, "]}");
}

static void locust__summary_generator(locust__buf *out, const locust_generator *g)
{
    const char *limit = g->limits;
    locust__buf_printf(out,
        " \"generator\": {\"ok\": %s, \"cpu\": %.3f, \"late_p50_ms\": %.3f, \"late_p99_ms\": "
        "%.3f, \"late_max_ms\": %.3f, \"limits\": [",
        g->ok ? "true" : "false", g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms);
    while (*limit) {
        const char *end = strstr(limit, "; ");
        char one[sizeof g->limits];
        snprintf(one, sizeof one, "%.*s", end ? (int)(end - limit) : (int)strlen(limit), limit);
        locust__json_put(out, one);
        limit = end ? end + 2 : "";
        locust__buf_puts(out, *limit ? ", " : "");
    }
    locust__buf_puts(out, "]},\n");
}

static void locust__summary_checks(locust__buf *out, const locust__checks *checks)
{
    locust__buf_puts(out, " \"checks\": [");
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        char value[40] = "null";
        if (c->measured)
            snprintf(value, sizeof value, "%.6f", c->value);
        locust__buf_puts(out, i ? ",\n  {\"check\": " : "\n  {\"check\": ");
        locust__json_put(out, c->text);
        locust__buf_printf(out, ", \"ok\": %s, \"value\": %s}", c->held ? "true" : "false", value);
    }
    locust__buf_puts(out, "],\n");
}

static void locust__summary_remarks(locust__buf *out, const locust__remarks *remarks)
{
    locust__buf_puts(out, " \"remarks\": [");
    for (size_t i = 0; i < remarks->n; i++) {
        const locust__remark *r = &remarks->all[i];
        locust__buf_printf(out, "%s{\"about\": \"%s\", \"key\": \"%s\", \"failed\": %s, \"text\": ",
            i ? ",\n  " : "\n  ", locust__remark_abouts[r->about], r->key,
            r->fails ? "true" : "false");
        locust__json_put(out, r->text);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "],\n");
}

static void locust__summary_failures(locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_failure *f;
    locust__buf_puts(out, " \"failures\": [");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__buf_puts(out, i ? ",\n  {\"method\": " : "\n  {\"method\": ");
        locust__json_put(out, f->row->method);
        locust__buf_puts(out, ", \"name\": ");
        locust__json_put(out, f->row->name);
        locust__buf_puts(out, ", \"error\": ");
        locust__json_put(out, f->text);
        locust__buf_printf(out, ", \"occurrences\": %llu}", (unsigned long long)f->occurrences);
    }
    locust__buf_puts(out, "]\n}\n");
}

static void locust__summary_write(locust__buf *out, const locust__result *v)
{
    locust_env *env = v->env;
    locust__request_stats *st = &env->stats;
    int64_t now = locust__os_now_ns();
    size_t n;
    locust__entry **rows = locust__figures_rows(st, &n);
    locust__buf_puts(out, "{\"version\": \"" LOCUST_VERSION "\", \"start_time\": \"");
    locust__figures_time(out, locust__os_wall_ns() - (now - st->start_ns));
    locust__buf_printf(out, "\", \"duration_s\": %.3f, \"users\": %d, \"exit_code\": %d,\n",
        (double)(env->until.at_ns - st->start_ns) / 1e9, env->options.users, env->exit_code);
    locust__summary_generator(out, &v->generator);
    locust__summary_checks(out, &v->checks);
    locust__summary_remarks(out, &v->remarks);
    locust__buf_puts(out, " \"rows\": [");
    for (size_t i = 0; rows && i < n; i++) {
        locust__buf_puts(out, i + 1 == n ? "],\n \"total\":\n  " : i ? ",\n  " : "\n  ");
        locust__summary_row(out, env, rows[i]);
    }
    locust__buf_puts(out, ",\n");
    out->failed |= !rows;
    locust__summary_failures(out, st);
    LOCUST_FREE(rows);
}
