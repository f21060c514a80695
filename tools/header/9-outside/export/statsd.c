/* ============================================================================================
 * >>export_statsd  metrics for statsd
 *
 * Purpose     counters of what happened since the last time, and gauges, as statsd's lines.
 * Invariants  every server of that protocol understands them: no tags, one value a line.
 * Names       locust__statsd_
 * Uses        >>entry >>stats >>generator >>since >>figures >>export_buckets
 * Sources     the description of its metric types by statsd.
 * Limits      of a row's name what is neither letter nor digit becomes '_': two rows may share one.
 *
 *   locust.users:100|g              locust.total.p99_ms:24.1|g
 *   locust.GET._item.requests:92|c  locust.GET._item.failures:1|c
 * ============================================================================================ */

static void locust__statsd_word(locust__buf *out, const char *text)
{
    for (; *text; text++) {
        char c = locust__text_is_alnum(*text) || *text == '-' ? *text : '_';
        locust__buf_add(out, &c, 1);
    }
}

/* locust.GET._item. or locust.total. */
static void locust__statsd_name(
    locust__buf *out, const locust__request_stats *st, const locust__entry *row)
{
    locust__buf_puts(out, "locust.");
    if (row == &st->total) {
        locust__buf_puts(out, "total.");
        return;
    }
    locust__statsd_word(out, *row->method ? row->method : "none");
    locust__buf_puts(out, ".");
    locust__statsd_word(out, *row->name ? row->name : "none");
    locust__buf_puts(out, ".");
}

static void locust__statsd_row(
    locust__buf *out, locust_env *env, locust__since *since, const locust__entry *row)
{
    static const locust__figure_id times[] = {
        LOCUST__FIGURE_P50, LOCUST__FIGURE_P95, LOCUST__FIGURE_P99, LOCUST__FIGURE_P100};
    const locust__request_stats *st = &env->stats;
    locust__figures_view v = {.env = env};
    bool any = locust__since_look(since, st, row) && since->hist.total;
    const struct {
        const char *name;
        uint64_t n;
    } counts[] = {
        {"requests", since->requests}, {"failures", since->failures}, {"bytes", since->bytes}};
    v.recent = &since->hist;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        locust__statsd_name(out, st, row);
        locust__buf_printf(out, "%s:%llu|c\n", counts[i].name, (unsigned long long)counts[i].n);
    }
    for (size_t i = 0; any && i < sizeof times / sizeof *times; i++) {
        locust__statsd_name(out, st, row);
        locust__buf_printf(out, "p%s_ms:%.3f|g\n",
            locust__figures_word(times[i], LOCUST__FIGURE_NAME),
            locust__figures_value(&v, row, times[i]) / 1e6);
    }
}

/* Writes all lines as of now. Runs on the loop's stack. */
LOCUST__COLD static void locust__statsd_write(
    locust__buf *out, locust_env *env, locust__since *since)
{
    locust__locale locale = locust__locale_enter();
    locust_generator g = locust__generator_judge(env);
    const locust__entry *row;
    for (size_t i = 0; (row = locust__export_row(&env->stats, i)) != NULL; i++)
        locust__statsd_row(out, env, since, row);
    locust__statsd_row(out, env, since, &env->stats.total);
    locust__buf_printf(out,
        "locust.users:%d|g\nlocust.generator.ok:%d|g\nlocust.generator.cpu_percent:%.1f|g\n",
        env->users.alive, g.ok, 100 * g.cpu);
    locust__locale_leave(locale);
}
