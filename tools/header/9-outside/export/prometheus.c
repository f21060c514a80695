/* ============================================================================================
 * >>export_prometheus  the text that Prometheus scrapes
 *
 * Purpose     all figures of a run in Prometheus' text format, for /metrics and --metrics-file.
 * Invariants  each family once, with its HELP and TYPE, then its samples; names end in their unit.
 * Cost        20 lines and a walk over the histogram for each row.
 * Names       locust__prometheus_
 * Uses        >>entry >>stats >>env >>target >>usage >>generator >>figures >>check
 *             >>export_buckets
 * Sources     Prometheus' documentation: exposition formats (text, 0.0.4), naming.
 * Limits      those of >>export_buckets. The rates of Locust's tables are Prometheus' rate().
 * ============================================================================================ */

static void locust__prometheus_family(
    locust__buf *out, const char *name, const char *type, const char *help)
{
    locust__buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The value of a label: '\\', '"' and line ends are escaped, what is no UTF-8 becomes U+FFFD. */
static void locust__prometheus_label(locust__buf *out, const char *lead, const char *value)
{
    locust__buf_puts(out, lead);
    locust__buf_puts(out, "=\"");
    for (size_t n; *value; value += n) {
        n = strcspn(value, "\\\"\n");
        locust__buf_utf8(out, (locust__view){value, n});
        if (!n) {
            const char escaped[3] = {'\\', *value == '\n' ? 'n' : *value, '\0'};
            locust__buf_puts(out, escaped);
            n = 1;
        }
    }
    locust__buf_puts(out, "\"");
}

/* name{method="GET",name="/a" -- the labels stay open. */
static void locust__prometheus_row(locust__buf *out, const char *name, const locust__entry *row)
{
    locust__buf_puts(out, name);
    locust__prometheus_label(out, "{method", row->method);
    locust__prometheus_label(out, ",name", row->name);
}

static void locust__prometheus_value(locust__buf *out, const char *name, double value)
{
    locust__buf_printf(out, "%s %.15g\n", name, value);
}

/* A family of one sample without labels. */
static void locust__prometheus_one(
    locust__buf *out, const char *name, const char *type, const char *help, double value)
{
    locust__prometheus_family(out, name, type, help);
    locust__prometheus_value(out, name, value);
}

/* What a row counts, of the table of figures. */
static void locust__prometheus_counters(locust__buf *out, locust_env *env)
{
    static const struct {
        const char *name, *help;
        locust__figure_id id;
    } counters[] = {
        {"locust_requests_total", "Requests that ended.", LOCUST__FIGURE_REQUESTS},
        {"locust_failures_total", "Requests that failed.", LOCUST__FIGURE_FAILURES},
        {"locust_unanswered_requests_total", "Requests that were cut before they had an answer.",
            LOCUST__FIGURE_UNANSWERED},
        {"locust_response_bytes_total", "Bytes of the bodies of answers.", LOCUST__FIGURE_BYTES},
    };
    locust__figures_view v = {.env = env};
    const locust__entry *row;
    for (size_t k = 0; k < sizeof counters / sizeof *counters; k++) {
        locust__prometheus_family(out, counters[k].name, "counter", counters[k].help);
        for (size_t i = 0; (row = locust__export_row(&env->stats, i)) != NULL; i++) {
            locust__prometheus_row(out, counters[k].name, row);
            locust__prometheus_value(out, "}", locust__figures_value(&v, row, counters[k].id));
        }
    }
}

/* A histogram; `sum_s`: of its times. */
static void locust__prometheus_histogram(locust__buf *out, const char *name,
    const locust__entry *row, const locust__hist *h, double sum_s)
{
    uint64_t counts[LOCUST__EXPORT_BOUNDS + 1], below = 0;
    char part[80];
    locust__export_buckets(h, counts);
    snprintf(part, sizeof part, "%s_bucket", name);
    for (int i = 0; i <= LOCUST__EXPORT_BOUNDS; i++) {
        below += counts[i];
        locust__prometheus_row(out, part, row);
        if (i < LOCUST__EXPORT_BOUNDS)
            locust__buf_printf(out, ",le=\"%g\"} ", (double)locust__export_bounds_us[i] / 1e6);
        else
            locust__buf_puts(out, ",le=\"+Inf\"} ");
        locust__buf_printf(out, "%llu\n", (unsigned long long)below);
    }
    snprintf(part, sizeof part, "%s_sum", name);
    locust__prometheus_row(out, part, row);
    locust__prometheus_value(out, "}", sum_s);
    snprintf(part, sizeof part, "%s_count", name);
    locust__prometheus_row(out, part, row);
    locust__buf_printf(out, "} %llu\n", (unsigned long long)below);
}

/* The sum of a histogram's times, as far as it keeps them. */
static double locust__prometheus_sum_s(const locust__hist *h)
{
    double sum = 0;
    uint64_t count;
    int64_t ns;
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);)
        sum += (double)count * (double)ns;
    return sum / 1e9;
}

static void locust__prometheus_times(locust__buf *out, locust_env *env)
{
    static const char name[] = "locust_response_time_seconds";
    static const char intended[] = "locust_intended_response_time_seconds";
    const locust__entry *row;
    locust__prometheus_family(out, name, "histogram", "Response times.");
    for (size_t i = 0; (row = locust__export_row(&env->stats, i)) != NULL; i++)
        locust__prometheus_histogram(
            out, name, row, &row->hist, (double)row->total_s + (double)row->total_ns / 1e9);
    if (!env->services.recorder.has_arrivals)
        return;
    locust__prometheus_family(
        out, intended, "histogram", "Response times from the intended start (open model).");
    for (size_t i = 0; (row = locust__export_row(&env->stats, i)) != NULL; i++)
        if (row->intended)
            locust__prometheus_histogram(out, intended, row, &row->intended->hist,
                locust__prometheus_sum_s(&row->intended->hist));
}

/* Percentiles as this program has them, finer than the buckets tell. The total has no method. */
static void locust__prometheus_percentiles(locust__buf *out, locust_env *env)
{
    static const char name[] = "locust_response_time_percentile_seconds";
    static const locust__figure_id ids[] = {LOCUST__FIGURE_P50, LOCUST__FIGURE_P90,
        LOCUST__FIGURE_P95, LOCUST__FIGURE_P99, LOCUST__FIGURE_P99_9, LOCUST__FIGURE_P100};
    locust__figures_view v = {.env = env};
    locust__prometheus_family(
        out, name, "gauge", "Percentiles of the response times of the whole run.");
    for (size_t i = 0;; i++) {
        const locust__entry *row = locust__export_row(&env->stats, i);
        bool last = row == NULL;
        row = row ? row : &env->stats.total;
        for (size_t k = 0; row->requests && k < sizeof ids / sizeof *ids; k++) {
            locust__prometheus_row(out, name, row);
            locust__prometheus_label(
                out, ",percentile", locust__figures_word(ids[k], LOCUST__FIGURE_NAME));
            locust__prometheus_value(out, "}", locust__figures_value(&v, row, ids[k]) / 1e9);
        }
        if (last)
            return;
    }
}

static void locust__prometheus_errors(locust__buf *out, const locust_env *env)
{
    static const char name[] = "locust_errors_total";
    const locust__stats_failure *f;
    locust__prometheus_family(out, name, "counter", "Failed requests by their reason.");
    for (size_t i = 0; i < LOCUST__EXPORT_ROWS; i++) {
        f = locust__stats_failure_at(&env->stats, i);
        if (!f)
            break;
        locust__prometheus_row(out, name, f->row);
        locust__prometheus_label(out, ",error", f->text);
        locust__prometheus_value(out, "}", (double)f->occurrences);
    }
}

static void locust__prometheus_users(locust__buf *out, const locust_env *env)
{
    static const char name[] = "locust_users";
    locust__prometheus_family(out, name, "gauge", "Users that run, by class.");
    for (int i = 0; i < env->n_classes; i++) {
        locust__prometheus_label(out, "locust_users{user_class", env->classes[i].as->name);
        locust__prometheus_value(out, "}", env->classes[i].alive);
    }
}

static void locust__prometheus_arrivals(locust__buf *out, const locust_env *env)
{
    static const char name[] = "locust_arrivals_total";
    locust_arrival_counts c = locust__usage_arrivals(env);
    const struct {
        const char *state;
        uint64_t n;
    } states[] = {{"scheduled", c.scheduled}, {"started", c.started}, {"late", c.late},
        {"shed", c.shed}, {"unanswered", c.unanswered}};
    if (!env->services.recorder.has_arrivals)
        return;
    locust__prometheus_family(out, name, "counter", "Arrivals of the open model.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        locust__prometheus_label(out, "locust_arrivals_total{state", states[i].state);
        locust__prometheus_value(out, "}", (double)states[i].n);
    }
}

static void locust__prometheus_generator(locust__buf *out, const locust_env *env)
{
    static const char late[] = "locust_generator_lateness_seconds";
    locust_generator g = locust__generator_judge(env);
    const double ms[] = {g.late_p50_ms, g.late_p99_ms, g.late_max_ms};
    static const char *const percentiles[] = {"50", "99", "100"};
    locust__prometheus_one(
        out, "locust_generator_ok", "gauge", "1: the generator did not limit the load.", g.ok);
    locust__prometheus_one(out, "locust_generator_cpu_ratio", "gauge",
        "Share of a core that the generator took since measuring began.", g.cpu);
    locust__prometheus_one(out, "locust_generator_stalled_seconds", "gauge",
        "Time in which the generator stood still though something was due.", g.stalled_s);
    locust__prometheus_family(
        out, late, "gauge", "How long what was due waited to run, by percentile.");
    for (size_t i = 0; i < 3; i++) {
        locust__buf_puts(out, late);
        locust__prometheus_label(out, "{percentile", percentiles[i]);
        locust__prometheus_value(out, "}", ms[i] / 1e3);
    }
    locust__prometheus_one(out, "process_cpu_seconds_total", "counter",
        "User and system CPU time of the generator.", (double)locust__os_cpu_ns() / 1e9);
    locust__prometheus_one(out, "process_resident_memory_bytes", "gauge",
        "Resident memory of the generator.", (double)locust__os_memory());
}

static void locust__prometheus_target(locust__buf *out, const locust_env *env)
{
    int64_t cpu_ns;
    size_t bytes;
    if (!locust__target_look(&env->options, &cpu_ns, &bytes))
        return;
    locust__prometheus_one(out, "locust_target_cpu_seconds_total", "counter",
        "CPU time of the server that --target-pid or --target-cgroup names.", (double)cpu_ns / 1e9);
    locust__prometheus_one(out, "locust_target_memory_bytes", "gauge",
        "Memory of the server that --target-pid or --target-cgroup names.", (double)bytes);
}

static void locust__prometheus_checks(locust__buf *out, locust_env *env, locust__checks *checks)
{
    static const char name[] = "locust_check_held";
    if (!checks || !checks->n)
        return;
    locust__checks_judge(env, checks);
    locust__prometheus_family(out, name, "gauge", "1: the check holds so far.");
    for (size_t i = 0; i < checks->n; i++) {
        locust__prometheus_label(out, "locust_check_held{check", checks->all[i].text);
        locust__prometheus_value(out, "}", checks->all[i].held);
    }
}

/* Writes all of it, as of now. Content-Type: text/plain; version=0.0.4; charset=utf-8. `checks`: of
 * the run; NULL: none. Runs on the loop's stack. */
LOCUST__COLD static void locust__prometheus_write(
    locust__buf *out, locust_env *env, locust__checks *checks)
{
    locust__locale locale = locust__locale_enter();
    locust__prometheus_family(out, "locust_info", "gauge", "Version of locust.h.");
    locust__buf_puts(out, "locust_info{version=\"" LOCUST_VERSION "\"} 1\n");
    locust__prometheus_one(out, "locust_run_seconds", "gauge",
        "Time since the first user could start.", locust__env_run_time(env));
    locust__prometheus_users(out, env);
    locust__prometheus_counters(out, env);
    locust__prometheus_times(out, env);
    locust__prometheus_percentiles(out, env);
    locust__prometheus_errors(out, env);
    locust__prometheus_arrivals(out, env);
    locust__prometheus_checks(out, env, checks);
    locust__prometheus_generator(out, env);
    locust__prometheus_target(out, env);
    locust__locale_leave(locale);
}
