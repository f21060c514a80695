/* ============================================================================================
 * >>flow_report  the table of streams, and its files
 *
 * Purpose     what was counted of streamed answers: a table or compact lines at the end, a member
 *             of --summary with the names of vLLM's bench, a CSV file with the columns of
 *             genai-perf. And the kinds of streams, which a test mentions to have all this.
 * Names       locust__flow_report locust__flow_report_ locust__flow_extra
 *             locust__flow_entry
 * Uses        >>entry >>stats >>record >>json >>flow_tally >>extra >>table >>flow_figures
 * Sources     vllm/benchmarks/serve.py (names of its JSON); genai-perf's csv_exporter.py (columns,
 *             names of metrics: its "Inter Token Latency" is the time per token here).
 * ============================================================================================ */

typedef struct locust__flow_report_column {
    const char *title, *key;
    signed char what; // -1: see locust__flow_report_count
    double share;
} locust__flow_report_column;

static const locust__flow_report_column locust__flow_report_columns[] = {
    {"# streams", "n", -1, 0},
    {"# broken", "broken", -1, 1},
    {"# left", "left", -1, 2},
    {"TTFT 50%", "ttft_p50", LOCUST__TALLY_TTFT, 0.5},
    {"99%", "ttft_p99", LOCUST__TALLY_TTFT, 0.99},
    {"ITL 50%", "itl_p50", LOCUST__TALLY_ITL, 0.5},
    {"99%", "itl_p99", LOCUST__TALLY_ITL, 0.99},
    {"TPOT 50%", "tpot_p50", LOCUST__TALLY_TPOT, 0.5},
    {"99%", "tpot_p99", LOCUST__TALLY_TPOT, 0.99},
    {"E2E 50%", "e2e_p50", LOCUST__TALLY_E2E, 0.5},
    {"99%", "e2e_p99", LOCUST__TALLY_E2E, 0.99},
    {"tokens/s", "tokens_per_s", -1, 3},
    {"a user", "user_tokens_per_s", LOCUST__TALLY_RATE, LOCUST__FLOW_FIGURES_AVG},
};

static const locust__flow_report_column locust__flow_report_intended[] = {
    {"TTFT 50%", "ttft_p50", LOCUST__TALLY_INTENDED_TTFT, 0.5},
    {"99%", "ttft_p99", LOCUST__TALLY_INTENDED_TTFT, 0.99},
    {"100%", "ttft_max", LOCUST__TALLY_INTENDED_TTFT, 1},
    {"E2E 50%", "e2e_p50", LOCUST__TALLY_INTENDED_E2E, 0.5},
    {"99%", "e2e_p99", LOCUST__TALLY_INTENDED_E2E, 0.99},
    {"100%", "e2e_max", LOCUST__TALLY_INTENDED_E2E, 1},
};

#define LOCUST__FLOW_REPORT_N(columns) (int)(sizeof(columns) / sizeof *(columns))

/* A figure of a column, or "-" where nothing was measured. */
static void locust__flow_report_cell(const locust_env *env, const locust__tally *t,
    const locust__flow_report_column *c, const char *none, char *out, size_t size)
{
    const uint64_t counts[] = {t->complete, t->broken, t->given_up};
    double value;
    if (c->what < 0 && c->share < 3)
        snprintf(out, size, "%llu", (unsigned long long)counts[(int)c->share]);
    else if (c->what < 0)
        snprintf(out, size, "%.2f", locust__flow_figures_rate(env, t->tokens + t->chunks));
    else if (!locust__flow_figures_of(t, (locust__tally_what)c->what, c->share, &value))
        snprintf(out, size, "%s", none);
    else if (c->what == LOCUST__TALLY_RATE)
        snprintf(out, size, "%.2f", value / LOCUST__TALLY_RATE_NS);
    else
        snprintf(out, size, "%.3f", value / 1e6);
}

static void locust__flow_report_titles(const locust__table *t, const char *caption,
    const locust__flow_report_column *columns, int n, bool titles)
{
    if (titles)
        locust__buf_printf(t->out, "%s\n%-8s %-*s", caption, "Type", t->width, "Name");
    for (int i = 0; i < n && titles; i++)
        locust__buf_printf(t->out, " %9s", columns[i].title);
    locust__buf_puts(t->out, titles ? "\n" : "");
    locust__table_dash(t->out, 8);
    locust__buf_puts(t->out, "|");
    locust__table_dash(t->out, t->width);
    for (int i = 0; i < n; i++) {
        locust__buf_puts(t->out, "|");
        locust__table_dash(t->out, 9);
    }
    locust__buf_puts(t->out, "\n");
}

static void locust__flow_report_row(const locust__table *t, const locust__entry *row,
    const char *label, const locust__flow_report_column *columns, int n)
{
    const locust_env *env = t->view.env;
    const locust__tally *tally = locust__tally_find(&env->services.recorder, row);
    bool compact = locust__table_is_compact(t), total = row == &env->stats.total;
    char text[64];
    if (!tally)
        return;
    if (compact)
        locust__buf_puts(t->out, label);
    else
        locust__table_row_name(t->out, row, t->width);
    for (int i = 0; i < n; i++) {
        locust__flow_report_cell(env, tally, &columns[i], compact ? "" : "-", text, sizeof text);
        if (compact)
            locust__buf_printf(t->out, " %s=%s", columns[i].key, text);
        else
            locust__buf_printf(t->out, " %9s", text);
    }
    if (compact && !total) {
        locust__buf_puts(t->out, " name=");
        locust__table_row_name(t->out, row, 0);
    }
    locust__buf_puts(t->out, "\n");
}

static void locust__flow_report_rows(const locust__table *t, const char *caption, const char *label,
    const char *total, const locust__flow_report_column *columns, int n)
{
    bool compact = locust__table_is_compact(t);
    if (!compact)
        locust__flow_report_titles(t, caption, columns, n, true);
    for (size_t i = 0; i < t->n_rows; i++) {
        bool last = i + 1 == t->n_rows;
        if (last && !compact)
            locust__flow_report_titles(t, caption, columns, n, false);
        locust__flow_report_row(t, t->rows[i], last ? total : label, columns, n);
    }
    if (!compact)
        locust__buf_puts(t->out, "\n");
}

/* Where the tokens come from, what came of streams without an end, and how events came in. */
static void locust__flow_report_tokens(const locust__table *t, const locust__tally *all)
{
    unsigned long long counted = all->counted, others = all->complete - all->counted;
    double a_read = all->reads ? (double)all->events / (double)all->reads : 0;
    if (locust__table_is_compact(t)) {
        locust__buf_printf(t->out,
            "stream_tokens usage=%llu usage_n=%llu chunks=%llu chunks_n=%llu reasoning=%llu "
            "broken=%llu left=%llu cut_n=%llu events_a_read=%.2f most=%llu\n",
            (unsigned long long)all->tokens, counted, (unsigned long long)all->chunks, others,
            (unsigned long long)all->reasoning, (unsigned long long)all->broken_tokens,
            (unsigned long long)all->left_tokens, (unsigned long long)all->cut, a_read,
            (unsigned long long)all->most);
        return;
    }
    locust__buf_puts(t->out, "Tokens: ");
    if (counted)
        locust__buf_printf(t->out, "%llu by the usage of %llu stream%s", // of the server
            (unsigned long long)all->tokens, counted, counted == 1 ? "" : "s");
    if (others)
        locust__buf_printf(t->out, "%s%llu chunks (events with content) of %llu without usage",
            counted ? ", " : "", (unsigned long long)all->chunks, others);
    if (!counted && !others)
        locust__buf_puts(t->out, "none of a whole stream");
    if (all->reasoning)
        locust__buf_printf(t->out, ", %llu of them reasoning", (unsigned long long)all->reasoning);
    if (all->broken_tokens)
        locust__buf_printf(t->out, "; %llu chunks of broken streams apart",
            (unsigned long long)all->broken_tokens);
    if (all->left_tokens)
        locust__buf_printf(t->out, "; %llu of streams that were left or cut apart",
            (unsigned long long)all->left_tokens);
    locust__buf_printf(
        t->out, "; %.2f events a read, %llu at most\n\n", a_read, (unsigned long long)all->most);
}

static void locust__flow_report_table(const locust__table *t)
{
    const locust_env *env = t->view.env;
    const locust__tally *all = locust__tally_find(&env->services.recorder, &env->stats.total);
    if (!all)
        return;
    locust__flow_report_rows(t, "Streamed answers (ms; tokens a second, in all and a user)",
        "stream", "streams", locust__flow_report_columns,
        LOCUST__FLOW_REPORT_N(locust__flow_report_columns));
    if (env->services.recorder.has_arrivals)
        locust__flow_report_rows(t, "Streamed answers, from the intended start (ms)",
            "stream_intended", "streams_intended", locust__flow_report_intended,
            LOCUST__FLOW_REPORT_N(locust__flow_report_intended));
    locust__flow_report_tokens(t, all);
}

static void locust__flow_report_number(locust__buf *out, const char *key, bool any, double value)
{
    locust__buf_printf(out, ", \"%s\": ", key);
    if (any)
        locust__buf_printf(out, "%.6f", value);
    else
        locust__buf_puts(out, "null");
}

/* mean_ttft_ms, median_, std_, and percentiles. */
static void locust__flow_report_times(
    locust__buf *out, const locust__tally *t, locust__tally_what what, const char *name)
{
    static const struct {
        const char *before;
        double share;
    } of[] = {{"mean", LOCUST__FLOW_FIGURES_AVG}, {"median", 0.5},
        {"min", LOCUST__FLOW_FIGURES_MIN}, {"max", 1}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};
    const locust__hist *h = &t->times[what].phase.hist;
    double value = 0;
    char key[48];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        bool any = locust__flow_figures_of(t, what, of[i].share, &value);
        snprintf(key, sizeof key, "%s_%s_ms", of[i].before, name);
        locust__flow_report_number(out, key, any, value / 1e6);
    }
    snprintf(key, sizeof key, "std_%s_ms", name);
    locust__flow_report_number(out, key, h->total > 0,
        locust__hist_deviation(h, locust__tally_mean_ns(&t->times[what])) / 1e6);
}

static void locust__flow_report_count(locust__buf *out, const char *key, uint64_t n)
{
    locust__buf_printf(out, ", \"%s\": %llu", key, (unsigned long long)n);
}

static void locust__flow_report_json(
    locust__buf *out, const locust_env *env, const locust__entry *row, const locust__tally *t)
{
    uint64_t output = t->tokens + t->chunks;
    double rate = 0;
    bool any;
    locust__buf_puts(out, "{\"method\": ");
    locust__json_put(out, row->method);
    locust__buf_puts(out, ", \"name\": ");
    locust__json_put(out, row->name);
    locust__flow_report_number(out, "duration", true, locust__flow_figures_seconds(env));
    locust__flow_report_count(out, "completed", t->complete);
    locust__flow_report_count(out, "failed", t->failed);
    locust__flow_report_count(out, "total_input_tokens", t->input);
    locust__flow_report_count(out, "total_output_tokens", output);
    locust__flow_report_number(
        out, "request_throughput", true, locust__flow_figures_rate(env, t->complete));
    locust__flow_report_number(
        out, "request_goodput", locust__goals.n > 0, locust__flow_figures_rate(env, t->good[0]));
    locust__flow_report_number(
        out, "output_throughput", true, locust__flow_figures_rate(env, output));
    locust__flow_report_number(
        out, "total_token_throughput", true, locust__flow_figures_rate(env, output + t->input));
    locust__flow_report_times(out, t, LOCUST__TALLY_TTFT, "ttft");
    locust__flow_report_times(out, t, LOCUST__TALLY_TPOT, "tpot");
    locust__flow_report_times(out, t, LOCUST__TALLY_ITL, "itl");
    locust__flow_report_times(out, t, LOCUST__TALLY_E2E, "e2el");
    locust__flow_report_times(out, t, LOCUST__TALLY_TTFO, "ttfo");
    locust__flow_report_times(out, t, LOCUST__TALLY_INTENDED_TTFT, "intended_ttft");
    locust__flow_report_times(out, t, LOCUST__TALLY_INTENDED_E2E, "intended_e2el");
    any = locust__flow_figures_of(t, LOCUST__TALLY_RATE, LOCUST__FLOW_FIGURES_AVG, &rate);
    locust__flow_report_number(
        out, "mean_output_throughput_per_user", any, rate / LOCUST__TALLY_RATE_NS);
    locust__flow_report_count(out, "completed_with_usage", t->counted);
    locust__flow_report_count(out, "usage_tokens", t->tokens);
    locust__flow_report_count(out, "chunks", t->chunks);
    locust__flow_report_count(out, "reasoning_tokens", t->reasoning);
    locust__flow_report_count(out, "broken", t->broken);
    locust__flow_report_count(out, "broken_chunks", t->broken_tokens);
    locust__flow_report_count(out, "given_up", t->given_up);
    locust__flow_report_count(out, "cut", t->cut);
    locust__flow_report_count(out, "left_chunks", t->left_tokens);
    locust__flow_report_count(out, "events", t->events);
    locust__flow_report_count(out, "reads", t->reads);
    locust__flow_report_count(out, "most_events_in_a_read", t->most);
    locust__buf_puts(out, "}");
}

static void locust__flow_report_summary(locust__buf *out, const locust_env *env)
{
    const locust__recorder *rec = &env->services.recorder;
    const locust__tally *t = locust__tally_find(rec, &env->stats.total);
    const locust__entry *row;
    const char *comma = "\n  ";
    if (!t) {
        locust__buf_puts(out, "null");
        return;
    }
    locust__buf_puts(out, "{\"rows\": [");
    for (size_t i = 0; (row = locust__stats_entry_at(rec->stats, i)) != NULL; i++) {
        const locust__tally *of = locust__tally_find(rec, row);
        if (!of)
            continue;
        locust__buf_puts(out, comma);
        locust__flow_report_json(out, env, row, of);
        comma = ",\n  ";
    }
    locust__buf_puts(out, "],\n  \"total\":\n  ");
    locust__flow_report_json(out, env, &env->stats.total, t);
    locust__buf_puts(out, "}");
}

/* A line of genai-perf's file; `unit`: what a figure is divided by. */
static void locust__flow_report_csv_line(locust__buf *out, const locust__tally *t,
    locust__tally_what what, const char *name, double unit)
{
    static const double shares[] = {
        LOCUST__FLOW_FIGURES_AVG, LOCUST__FLOW_FIGURES_MIN, 1, 0.99, 0.95, 0.9, 0.75, 0.5, 0.25};
    double value = 0;
    if (!locust__flow_figures_of(t, what, 0.5, &value))
        return;
    locust__buf_puts(out, name);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        locust__flow_figures_of(t, what, shares[i], &value);
        locust__buf_printf(out, ",%.2f", value / unit);
    }
    locust__buf_puts(out, "\r\n");
}

static void locust__flow_report_csv_text(
    locust__buf *out, const locust_env *env, const locust__tally *t)
{
    locust__buf_puts(out, "Metric,avg,min,max,p99,p95,p90,p75,p50,p25\r\n");
    locust__flow_report_csv_line(out, t, LOCUST__TALLY_TTFT, "Time To First Token (ms)", 1e6);
    locust__flow_report_csv_line(out, t, LOCUST__TALLY_SECOND, "Time To Second Token (ms)", 1e6);
    locust__flow_report_csv_line(out, t, LOCUST__TALLY_E2E, "Request Latency (ms)", 1e6);
    locust__flow_report_csv_line(out, t, LOCUST__TALLY_TPOT, "Inter Token Latency (ms)", 1e6);
    locust__flow_report_csv_line(out, t, LOCUST__TALLY_RATE,
        "Output Token Throughput Per User (tokens/sec/user)", LOCUST__TALLY_RATE_NS);
    locust__flow_report_csv_line(
        out, t, LOCUST__TALLY_OUTPUT, "Output Sequence Length (tokens)", LOCUST__TALLY_TOKEN_NS);
    locust__flow_report_csv_line(
        out, t, LOCUST__TALLY_INPUT, "Input Sequence Length (tokens)", LOCUST__TALLY_TOKEN_NS);
    locust__buf_printf(out,
        "\r\nMetric,Value\r\nOutput Token Throughput (tokens/sec),%.2f\r\n"
        "Request Throughput (per sec),%.2f\r\nRequest Count (count),%.2f\r\n",
        locust__flow_figures_rate(env, t->tokens + t->chunks),
        locust__flow_figures_rate(env, t->complete), (double)t->complete);
}

static bool locust__flow_report_csv(locust_env *env)
{
    const locust__tally *t = locust__tally_find(&env->services.recorder, &env->stats.total);
    locust__buf out = {NULL, 0, 0, false};
    char path[4096];
    bool whole = false;
    int fd;
    if (!t)
        return true;
    locust__flow_report_csv_text(&out, env, t);
    snprintf(path, sizeof path, "%s_streams.csv", env->options.csv);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0) {
        whole = !out.failed && locust__os_write_all(fd, out.ptr, out.len) == out.len;
        close(fd);
    }
    if (!whole)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.main",
            "cannot write %s, it is incomplete: %s", path,
            out.failed ? "out of memory" : strerror(errno));
    locust__buf_free(&out);
    return whole;
}

static const locust__extra locust__flow_extra = {.metric = locust__flow_figures_metric,
    .metrics = "of streams ttft_p99, itl_, tpot_, e2e_, ttfo_, intended_ttft_, intended_e2e_, each "
               "also with avg, min, med, max; user_tokens_per_s_avg, tokens_per_s, streams, "
               "streams_broken, streams_given_up, goodput(ttft<200ms,tpot<50ms)",
    .measure = locust__flow_figures_measure,
    .table = locust__flow_report_table,
    .summary = locust__flow_report_summary,
    .csv = locust__flow_report_csv};
LOCUST__EXTRA_ENTRY(locust__flow_entry, &locust__flow_extra);

/* A kind of stream, for a test that mentions it. Reading the entry keeps that in the program; no
 * compiler may know what a volatile read gives. */
static const struct locust_stream_kind *locust__flow_report_kind(
    const struct locust_stream_kind *kind)
{
    return *(const locust__extra *const volatile *)&locust__flow_entry ? kind : NULL;
}

LOCUST_API const struct locust_stream_kind *locust_stream_openai(void)
{
    return locust__flow_report_kind(&locust__flow_openai);
}

LOCUST_API const struct locust_stream_kind *locust_stream_ollama(void)
{
    return locust__flow_report_kind(&locust__flow_ollama);
}

LOCUST_API const struct locust_stream_kind *locust_stream_tgi(void)
{
    return locust__flow_report_kind(&locust__flow_tgi);
}

LOCUST_API const struct locust_stream_kind *locust_stream_marked(void)
{
    return locust__flow_report_kind(&locust__flow_marked);
}
