/* ============================================================================================
 * >>summary  --summary
 *
 * Purpose     all figures as JSON.
 * Names       locust__summary_
 * Uses        >>entry >>stats >>json >>generator >>check >>result >>figures
 * Sources     RFC 8259.
 * ============================================================================================ */

static void locust__summary_row(locust__buf *out, const locust_env *env, const locust__entry *row)
{
    static const char *const names[] = {
        "50", "66", "75", "80", "90", "95", "98", "99", "99.9", "99.99", "99.999", "100"};
    double rps, fps;
    const char *comma = "";
    uint64_t count;
    int64_t ns;
    locust__generator_rates(env, row, &rps, &fps);
    locust__buf_puts(out, "{\"method\": ");
    locust__json_put(out, row->method);
    locust__buf_puts(out, ", \"name\": ");
    locust__json_put(out, row->name);
    locust__buf_printf(out,
        ", \"requests\": %llu, \"failures\": %llu, \"bytes\": %llu, \"rps\": %.3f, \"fps\": %.3f, "
        "\"min_ms\": %.3f, \"avg_ms\": %.3f, \"max_ms\": %.3f,\n   \"percentiles_ms\": {",
        (unsigned long long)row->requests, (unsigned long long)row->failures,
        (unsigned long long)row->bytes, rps, fps, row->requests ? (double)row->min_ns / 1e6 : 0,
        locust__entry_mean_ns(row) / 1e6, (double)row->max_ns / 1e6);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *digits = names[i];
        double share = locust__number_decimal(&digits) / 100;
        locust__buf_printf(out, "%s\"%s\": %.3f", i ? ", " : "", names[i],
            (double)locust__entry_percentile_ns(row, share) / 1e6);
    }
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
