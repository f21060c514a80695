/* ============================================================================================
 * >>told  the run as the page sees it
 *
 * Purpose     one JSON object with what Locust's own answers lack: the verdict on the generator,
 *             checks, arrivals, percentiles as measured and from the intended start, phases, the
 *             percentile curve, the run over time. A report carries it as window.locustState.
 * Invariants  every member stands in every state, null where there is nothing to say; what is in
 *             --summary, too, has the same names there.
 * Cost        linear in rows, at most 500 of them; a curve is some 80 walks over a histogram.
 * Names       locust__told locust__told_
 * Uses        >>entry >>usage >>generator >>figures >>check >>result >>table >>summary
 *             >>history
 * ============================================================================================ */

enum { LOCUST__TOLD_ROWS = 500 }; // Locust's limit

typedef struct locust__told {
    locust_env *env;
    locust__result *result; // checks; judged by locust__told_judge
    const locust__history *history;
    const char *state; // Locust's word for it; NULL: worked out
} locust__told;

static void locust__told_init(
    locust__told *t, locust_env *env, locust__result *result, const locust__history *history)
{
    *t = (locust__told){env, result, history, NULL};
}

static const char *locust__told_state_word(const locust__told *t)
{
    const locust_env *env = t->env;
    return t->state             ? t->state
           : !env->start_ns     ? "ready"
           : env->until.at_ns   ? "stopped"
           : env->users.spawned ? "running"
                                : "spawning";
}

/* Epoch seconds of a moment of the monotonic clock, with a name. */
static void locust__told_time(locust__buf *out, const char *name, int64_t at_ns)
{
    int64_t wall_ns = locust__os_wall_ns() - (locust__os_now_ns() - at_ns);
    locust__buf_printf(out, "\"%s\": %.3f, ", name, (double)(wall_ns / 1000000) / 1e3);
}

static void locust__told_run(locust__buf *out, const locust__told *t)
{
    const locust_env *env = t->env;
    const locust_options *o = &env->options;
    int64_t now_ns = env->until.at_ns ? env->until.at_ns : locust__os_now_ns();
    bool warm = env->warm_ns == LOCUST__NEVER || env->warm_ns < now_ns;
    if (!env->start_ns) {
        locust__buf_puts(out, "\"run\": null, ");
        return;
    }
    locust__buf_printf(out, "\"run\": {\"number\": %d, ", t->history->run);
    locust__told_time(out, "start_time", env->start_ns);
    locust__buf_printf(out, "\"seconds\": %.3f, ", (double)(now_ns - env->start_ns) / 1e9);
    locust__summary_number(out, "run_time", o->run_time_s, o->run_time_s > 0);
    locust__buf_printf(out, ", \"users\": %d, \"spawn_rate\": %.15g, \"user_count\": %d, ",
        env->ramp.aim.users, env->ramp.aim.spawn_rate, env->users.alive);
    locust__summary_number(
        out, "warm_up_left", warm ? 0 : (double)(env->warm_ns - now_ns) / 1e9, true);
    locust__buf_puts(out, ", ");
    locust__summary_url(out, "host", o->host);
    locust__buf_printf(out, ", \"shape\": \"%s\"}, ",
        env->services.recorder.has_arrivals ? "arrivals"
        : env->stages.n                     ? "stages"
        : env->shape                        ? "shape"
                                            : "users");
}

LOCUST__COLD static void locust__told_checks(locust__buf *out, const locust__checks *checks)
{
    locust__buf_puts(out, " \"checks\": [");
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        char text[40];
        locust__buf_puts(out, i ? ",\n  {" : "{");
        locust__summary_text(out, "check", c->text);
        locust__buf_printf(out, ", \"ok\": %s, ", locust__summary_bool(c->held));
        locust__summary_number(out, "value", c->value, c->measured);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "text", locust__check_value(c, text, sizeof text));
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "],\n");
}

/* Arrivals a second as options and classes say; 0: none, or those of stages. */
static double locust__told_rate(const locust_env *env)
{
    double rate = env->stages.n ? 0 : env->options.rate;
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].arrivals && !env->stages.n)
            rate += env->classes[i].as->arrivals.rate;
    return rate;
}

static void locust__told_arrivals(locust__buf *out, const locust_env *env)
{
    locust_arrival_counts all = locust__usage_arrivals(env);
    double rate = locust__told_rate(env);
    locust__buf_puts(out, " \"arrivals\": ");
    if (!env->services.recorder.has_arrivals) {
        locust__buf_puts(out, "null,\n");
        return;
    }
    locust__buf_puts(out, "{");
    locust__summary_number(out, "rate", rate * env->pace, rate > 0);
    locust__summary_arrival_counts(out, ", ", &all);
    locust__buf_puts(out, ",\n");
}

static const struct {
    const char *name;
    double share;
} locust__told_shares[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

enum { LOCUST__TOLD_SHARES = sizeof locust__told_shares / sizeof *locust__told_shares };

/* The time that a share of a row's requests did not exceed, as measured or from the intended
 * start. */
static int64_t locust__told_percentile_ns(const locust__entry *row, bool intended, double share)
{
    if (!intended)
        return locust__entry_percentile_ns(row, share);
    return share < 1 ? locust__phase_percentile_ns(row->intended, row->intended_waits, share)
                     : locust__phase_max_ns(row->intended, row->intended_waits);
}

static void locust__told_times(locust__buf *out, const locust__entry *row, bool intended)
{
    if (intended ? !row->intended || !row->intended->hist.total : !row->requests) {
        locust__buf_puts(out, "null");
        return;
    }
    locust__buf_puts(out, "{");
    if (intended)
        locust__buf_printf(out, "\"n\": %llu, ", (unsigned long long)row->intended->hist.total);
    else
        locust__buf_printf(out, "\"min\": %.3f, ", (double)row->min_ns / 1e6);
    for (int i = 0; i < LOCUST__TOLD_SHARES; i++)
        locust__buf_printf(out, "\"%s\": %.3f%s", locust__told_shares[i].name,
            (double)locust__told_percentile_ns(row, intended, locust__told_shares[i].share) / 1e6,
            i + 1 < LOCUST__TOLD_SHARES ? ", " : "}");
}

static void locust__told_phases(locust__buf *out, const locust__entry *row)
{
    static const locust__figure_id columns[] = {LOCUST__FIGURE_PHASE_COUNT,
        LOCUST__FIGURE_PHASE_P50, LOCUST__FIGURE_PHASE_P95, LOCUST__FIGURE_PHASE_P99,
        LOCUST__FIGURE_PHASE_MAX};
    for (int i = 0; row->phases && i < LOCUST__PHASES; i++) {
        locust__figures_view v = {.phase = &row->phases[i]};
        locust__buf_printf(out, "%s\"%s\": {", i ? ", " : "{", locust__table_phase_names[i]);
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            char text[64];
            locust__figures_format(text, sizeof text, LOCUST__FIGURES_IN_JSON, columns[k],
                locust__figures_value(&v, row, columns[k]));
            locust__buf_printf(out, "%s\"%s\": %s", k ? ", " : "",
                locust__figures_word(columns[k], LOCUST__FIGURE_KEY), text);
        }
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, row->phases ? "}" : "null");
}

LOCUST__COLD static void locust__told_rows(locust__buf *out, const locust__told *t)
{
    size_t n;
    locust__entry **rows = locust__figures_rows(&t->env->stats, &n);
    locust__figures_view v = {.env = t->env, .rates = LOCUST__FIGURES_MEASURED};
    locust__buf_puts(out, " \"rows\": [");
    for (size_t i = 0; rows && i < n; i++) {
        const locust__entry *row = rows[i];
        if (i >= LOCUST__TOLD_ROWS && i + 1 < n)
            continue;
        locust__buf_puts(out, i ? ",\n  {" : "{");
        locust__summary_text(out, "method", row->method);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "name", row->name);
        locust__summary_figure(out, &v, row, LOCUST__FIGURE_REQUESTS, ", ");
        locust__summary_figure(out, &v, row, LOCUST__FIGURE_FAILURES, ", ");
        locust__summary_figure(out, &v, row, LOCUST__FIGURE_UNANSWERED, ", ");
        locust__buf_puts(out, ", \"raw\": ");
        locust__told_times(out, row, false);
        locust__buf_puts(out, ", \"intended\": ");
        locust__told_times(out, row, true);
        locust__buf_puts(out, ", \"phases\": ");
        locust__told_phases(out, row);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "],\n");
    out->failed |= !rows;
    LOCUST_FREE(rows);
}

/* Percentiles of the total, as pairs of share and time. As in a file of --hgrm there are five
 * steps up to each half of what is left, as far as there are requests to tell them apart. */
LOCUST__COLD static void locust__told_curve(
    locust__buf *out, const locust__entry *row, bool intended)
{
    uint64_t n = !intended ? row->requests : row->intended ? row->intended->hist.total : 0;
    if (!n) {
        locust__buf_puts(out, intended ? "null" : "[]");
        return;
    }
    locust__buf_puts(out, "[");
    for (double left = 1; left * (double)n > 1 && left > 1e-6; left /= 2)
        for (int i = 0; i < 5; i++) {
            double share = 1 - left * (1 - i / 10.0);
            locust__buf_printf(out, "[%.8g,%.3f],", share,
                (double)locust__told_percentile_ns(row, intended, share) / 1e6);
        }
    locust__buf_printf(
        out, "[1,%.3f]]", (double)locust__told_percentile_ns(row, intended, 1) / 1e6);
}

static void locust__told_options(locust__buf *out, const locust_options *o)
{
    locust__buf_printf(
        out, " \"options\": {\"users\": %d, \"spawn_rate\": %.15g, ", o->users, o->spawn_rate);
    locust__summary_number(out, "run_time", o->run_time_s, o->run_time_s > 0);
    locust__buf_puts(out, ", ");
    locust__summary_number(out, "stop_timeout", o->stop_timeout_s, true);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "tags", o->tags);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "exclude_tags", o->exclude_tags);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "checks", o->checks);
    locust__buf_puts(out, "},\n");
}

/* Writes the state. Slices of the run over time that ended before `after_s`, in epoch seconds, are
 * left out: a reader has those. */
LOCUST__COLD static void locust__told_state(locust__buf *out, const locust__told *t, double after_s)
{
    const locust_env *env = t->env;
    const locust__entry *total = &env->stats.total;
    locust_generator g = locust__generator_judge(env);
    locust__buf_puts(out, "{\"version\": \"" LOCUST_VERSION "\", ");
    locust__summary_text(out, "state", locust__told_state_word(t));
    locust__buf_puts(out, ", ");
    locust__told_time(out, "time", locust__os_now_ns());
    locust__told_run(out, t);
    if (env->start_ns)
        locust__summary_generator(out, &g);
    else
        locust__buf_puts(out, "\n \"generator\": null,\n");
    locust__buf_printf(out, " \"process\": {\"cpu_percent\": %.1f, \"memory_bytes\": %zu},\n",
        100 * g.cpu, locust__os_memory());
    locust__checks_judge(t->env, &t->result->checks);
    locust__told_checks(out, &t->result->checks);
    locust__told_arrivals(out, env);
    locust__told_rows(out, t);
    locust__buf_puts(out, " \"curve\": {\"raw\": ");
    locust__told_curve(out, total, false);
    locust__buf_puts(out, ", \"intended\": ");
    locust__told_curve(out, total, true);
    locust__buf_puts(out, "},\n \"heat\": ");
    locust__history_heat(out, t->history, after_s);
    locust__buf_puts(out, ",\n \"series\": ");
    locust__history_series(out, t->history, after_s);
    locust__buf_puts(out, ",\n \"workers\": null,\n");
    locust__told_options(out, &env->options);
    locust__summary_machine(out);
    out->len -= out->len > 2 ? 2 : 0; // without the comma behind it
    locust__buf_puts(out, "}");
}
