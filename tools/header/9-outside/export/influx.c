/* ============================================================================================
 * >>export_influx  line protocol of InfluxDB
 *
 * Purpose     a line for each row and the total (measurement locust), one for the run (locust_run):
 *             counts since the start, rates of the last ten seconds, times since the last lines.
 * Names       locust__influx_
 * Uses        >>entry >>generator >>server_cpu >>since >>figures >>export_buckets
 * Sources     InfluxDB's documentation of its line protocol.
 *
 *   locust,method=GET,name=/a requests=92i,failures=0i,rps=10.3,...,p99_ms=199.4 TIME
 * ============================================================================================ */

/* A tag; an empty value would be wrong, and has none. Blanks, commas and '=' are escaped; what
 * would end the line, or escape what follows, becomes a blank or '/'. */
static void locust__influx_tag(locust__buf *out, const char *key, const char *value)
{
    locust__buf text = {NULL, 0, 0, false};
    if (!*value)
        return;
    locust__buf_line(&text, locust__view_of(value));
    locust__buf_printf(out, ",%s=", key);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '\\' ? '/' : text.ptr[i];
        if (c == ' ' || c == ',' || c == '=')
            locust__buf_puts(out, "\\");
        locust__buf_add(out, &c, 1);
    }
    out->failed |= text.failed;
    locust__buf_free(&text);
}

/* A figure of a row: whole ones as integers, times in milliseconds. */
static void locust__influx_field(
    locust__buf *out, const locust__figures_view *v, const locust__entry *row, locust__figure_id id)
{
    const locust__figure *f = &locust__figures[id];
    const char *name = locust__figures_word(id, LOCUST__FIGURE_NAME);
    double value;
    if (!locust__figures_find(v, row, id, f->share, &value))
        return;
    if (f->unit == LOCUST__FIGURE_UNIT_COUNT || f->unit == LOCUST__FIGURE_UNIT_BYTES)
        locust__buf_printf(out, ",%s=%.0fi", name, value);
    else if (f->kind == LOCUST__FIGURE_OF_PERCENTILE)
        locust__buf_printf(out, ",p%s_ms=%.3f", name, value / 1e6);
    else if (f->unit == LOCUST__FIGURE_UNIT_TIME)
        locust__buf_printf(out, ",%s_ms=%.3f", name, value / 1e6);
    else
        locust__buf_printf(out, ",%s=%.6f", name, value);
}

static void locust__influx_row(locust__buf *out, locust_env *env, locust__since *since,
    const locust__entry *row, int64_t wall_ns)
{
    static const locust__figure_id counts[] = {LOCUST__FIGURE_FAILURES, LOCUST__FIGURE_UNANSWERED,
        LOCUST__FIGURE_BYTES, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS};
    static const locust__figure_id times[] = {LOCUST__FIGURE_P50, LOCUST__FIGURE_P95,
        LOCUST__FIGURE_P99, LOCUST__FIGURE_P99_9, LOCUST__FIGURE_P100};
    locust__figures_view v = {
        .env = env, .now_ns = locust__os_now_ns(), .rates = LOCUST__FIGURES_CURRENT};
    locust__buf_puts(out, "locust");
    locust__influx_tag(out, "method", row->method);
    locust__influx_tag(out, "name", row->name);
    locust__buf_printf(out, " requests=%llui", (unsigned long long)row->requests);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        locust__influx_field(out, &v, row, counts[i]);
    v.recent = locust__since_look(since, &env->stats, row) ? &since->hist : NULL;
    for (size_t i = 0; since->hist.total && v.recent && i < sizeof times / sizeof *times; i++)
        locust__influx_field(out, &v, row, times[i]);
    locust__buf_printf(out, " %lld\n", (long long)wall_ns);
}

/* Writes all lines as of now. Runs on the loop's stack. */
LOCUST__COLD static void locust__influx_write(
    locust__buf *out, locust_env *env, locust__since *since)
{
    locust__locale locale = locust__locale_enter();
    locust_generator g = locust__generator_judge(env);
    locust__server_cpu target = locust__server_cpu_of(env);
    int64_t wall_ns = locust__os_wall_ns();
    const locust__entry *row;
    for (size_t i = 0; (row = locust__export_row(&env->stats, i)) != NULL; i++)
        locust__influx_row(out, env, since, row, wall_ns);
    locust__influx_row(out, env, since, &env->stats.total, wall_ns);
    locust__buf_printf(out,
        "locust_run users=%di,generator_ok=%s,generator_cpu=%.6f,generator_late_p99_ms=%.3f",
        env->users.alive, g.ok ? "true" : "false", g.cpu, g.late_p99_ms);
    if (target.known)
        locust__buf_printf(out, ",target_cores=%.6f,target_cpu_us=%.3f,target_mb=%.3f",
            target.cores, target.us, target.mb);
    locust__buf_printf(out, " %lld\n", (long long)wall_ns);
    locust__locale_leave(locale);
}
