/* ============================================================================================
 * >>export_otlp  metrics for OpenTelemetry
 *
 * Purpose     the figures of a run as an ExportMetricsServiceRequest of OTLP, in JSON.
 * Invariants  every sum and histogram counts from the start of measuring (cumulative), whose time
 *             is in each data point: a reset is a new start.
 * Names       locust__otlp_
 * Uses        >>entry >>stats >>json >>usage >>generator >>server_cpu >>figures
 *             >>export_buckets
 * Sources     the OTLP specification 1.x (JSON mapping: 64-bit integers as strings), and Locust
 *             2.47's --otel (reference run): locust.client.duration, locust.users.count, resource.
 * Limits      locust.client.duration holds failed requests beside the others, under one name;
 *             locust.client.failures tells them apart by error.type. Limits of >>export_buckets.
 * ============================================================================================ */

typedef struct locust__otlp { // a request while it is written
    locust__buf *out;
    locust_env *env;
    char times[96]; // of each data point
    bool metric, point;
} locust__otlp;

/* {"key":"K","value":{"stringValue":"V"}} */
static void locust__otlp_attribute(
    locust__buf *out, const char *comma, const char *key, const char *value)
{
    locust__buf_printf(out, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":", comma, key);
    locust__json_put(out, value);
    locust__buf_puts(out, "}}");
}

/* The resource and the scope, up to the list of what is in it: resourceMetrics, scopeMetrics and
 * metrics, or resourceSpans, scopeSpans and spans. */
static void locust__otlp_begin(
    locust__buf *out, const locust_env *env, const char *kind, const char *list)
{
    const char *service = getenv("OTEL_SERVICE_NAME");
    locust__buf_printf(out, "{\"resource%s\":[{\"resource\":{\"attributes\":[", kind);
    locust__otlp_attribute(out, "", "service.name", service && *service ? service : "locust");
    locust__otlp_attribute(out, ",", "service.version", LOCUST_VERSION);
    locust__otlp_attribute(out, ",", "host.name", env->log.host);
    locust__otlp_attribute(out, ",", "telemetry.sdk.name", "locust.h");
    locust__otlp_attribute(out, ",", "telemetry.sdk.language", "c");
    locust__buf_printf(out,
        "]},\"scope%s\":[{\"scope\":{\"name\":\"locust.h\",\"version\":\"" LOCUST_VERSION
        "\"},\"%s\":[",
        kind, list);
}

static void locust__otlp_end(locust__buf *out)
{
    locust__buf_puts(out, "]}]}]}");
}

enum locust__otlp_kind { LOCUST__OTLP_GAUGE, LOCUST__OTLP_SUM, LOCUST__OTLP_HISTOGRAM };

static void locust__otlp_metric(locust__otlp *o, enum locust__otlp_kind kind, const char *name,
    const char *unit, const char *what)
{
    static const char *const kinds[] = {"gauge\":{",
        "sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,",
        "histogram\":{\"aggregationTemporality\":2,"};
    locust__buf_printf(o->out,
        "%s{\"name\":\"%s\",\"unit\":\"%s\",\"description\":\"%s\",\"%s\"dataPoints\":[",
        o->metric ? "]}}," : "", name, unit, what, kinds[kind]);
    o->metric = true;
    o->point = false;
}

/* Begins a data point, up to its attributes, which stay open. */
static void locust__otlp_point(locust__otlp *o)
{
    locust__buf_printf(o->out, "%s{%s,\"attributes\":[", o->point ? "," : "", o->times);
    o->point = true;
}

static void locust__otlp_row(locust__otlp *o, const locust__entry *row)
{
    locust__otlp_point(o);
    locust__otlp_attribute(o->out, "", "name", row->name);
    locust__otlp_attribute(o->out, ",", "method", row->method);
}

static void locust__otlp_whole(locust__otlp *o, uint64_t value)
{
    locust__buf_printf(o->out, "],\"asInt\":\"%llu\"}", (unsigned long long)value);
}

static void locust__otlp_real(locust__otlp *o, double value)
{
    locust__buf_printf(o->out, "],\"asDouble\":%.15g}", value);
}

static void locust__otlp_histogram(locust__otlp *o, const locust__entry *row)
{
    uint64_t counts[LOCUST__EXPORT_BOUNDS + 1];
    locust__export_buckets(&row->hist, counts);
    locust__otlp_row(o, row);
    locust__buf_printf(o->out,
        "],\"count\":\"%llu\",\"sum\":%.9f,\"min\":%.9f,\"max\":%.9f,\"bucketCounts\":[",
        (unsigned long long)row->hist.total, (double)row->total_s + (double)row->total_ns / 1e9,
        (double)row->min_ns / 1e9, (double)row->max_ns / 1e9);
    for (int i = 0; i <= LOCUST__EXPORT_BOUNDS; i++)
        locust__buf_printf(o->out, "%s\"%llu\"", i ? "," : "", (unsigned long long)counts[i]);
    locust__buf_puts(o->out, "],\"explicitBounds\":[");
    for (int i = 0; i < LOCUST__EXPORT_BOUNDS; i++)
        locust__buf_printf(o->out, "%s%g", i ? "," : "", (double)locust__export_bounds_us[i] / 1e6);
    locust__buf_puts(o->out, "]}");
}

static void locust__otlp_requests(locust__otlp *o)
{
    static const struct {
        const char *name, *unit, *what;
        locust__figure_id id;
    } sums[] = {
        {"locust.requests", "{request}", "Requests that ended.", LOCUST__FIGURE_REQUESTS},
        {"locust.failures", "{request}", "Requests that failed.", LOCUST__FIGURE_FAILURES},
        {"locust.unanswered", "{request}", "Requests that were cut before they had an answer.",
            LOCUST__FIGURE_UNANSWERED},
        {"locust.response.bytes", "By", "Bytes of the bodies of answers.", LOCUST__FIGURE_BYTES},
    };
    locust__request_stats *st = &o->env->stats;
    locust__figures_view v = {.env = o->env};
    const locust__entry *row;
    const locust__stats_failure *f;
    locust__otlp_metric(
        o, LOCUST__OTLP_HISTOGRAM, "locust.client.duration", "s", "Response times.");
    for (size_t i = 0; (row = locust__export_row(st, i)) != NULL; i++)
        if (row->requests)
            locust__otlp_histogram(o, row);
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
        locust__otlp_metric(o, LOCUST__OTLP_SUM, sums[k].name, sums[k].unit, sums[k].what);
        for (size_t i = 0; (row = locust__export_row(st, i)) != NULL; i++) {
            locust__otlp_row(o, row);
            locust__otlp_whole(o, (uint64_t)locust__figures_value(&v, row, sums[k].id));
        }
    }
    locust__otlp_metric(
        o, LOCUST__OTLP_SUM, "locust.client.failures", "{request}", "Failures by their reason.");
    for (size_t i = 0; i < LOCUST__EXPORT_ROWS && (f = locust__stats_failure_at(st, i)) != NULL;
         i++) {
        locust__otlp_row(o, f->row);
        locust__otlp_attribute(o->out, ",", "error.type", f->text);
        locust__otlp_whole(o, f->occurrences);
    }
}

static void locust__otlp_users(locust__otlp *o)
{
    const locust_env *env = o->env;
    locust__otlp_metric(
        o, LOCUST__OTLP_GAUGE, "locust.users.count", "{user}", "Users that run, by class.");
    for (int i = 0; i < env->n_classes; i++) {
        locust__otlp_point(o);
        locust__otlp_attribute(o->out, "", "user_class", env->classes[i].as->name);
        locust__otlp_whole(o, (uint64_t)env->classes[i].alive);
    }
}

static void locust__otlp_arrivals(locust__otlp *o)
{
    locust_arrival_counts c = locust__usage_arrivals(o->env);
    const struct {
        const char *state;
        uint64_t n;
    } states[] = {{"scheduled", c.scheduled}, {"started", c.started}, {"late", c.late},
        {"shed", c.shed}, {"unanswered", c.unanswered}};
    if (!o->env->services.recorder.has_arrivals)
        return;
    locust__otlp_metric(
        o, LOCUST__OTLP_SUM, "locust.arrivals", "{arrival}", "Arrivals of the open model.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        locust__otlp_point(o);
        locust__otlp_attribute(o->out, "", "state", states[i].state);
        locust__otlp_whole(o, states[i].n);
    }
}

/* A metric of one data point without attributes. */
static void locust__otlp_one(
    locust__otlp *o, const char *name, const char *unit, const char *what, double value)
{
    locust__otlp_metric(o, LOCUST__OTLP_GAUGE, name, unit, what);
    locust__otlp_point(o);
    locust__otlp_real(o, value);
}

static void locust__otlp_generator(locust__otlp *o)
{
    locust_generator g = locust__generator_judge(o->env);
    locust__server_cpu target = locust__server_cpu_of(o->env);
    locust__otlp_one(
        o, "locust.generator.ok", "1", "1: the generator did not limit the load.", g.ok);
    locust__otlp_one(o, "locust.generator.cpu", "1", "Share of a core that it took.", g.cpu);
    locust__otlp_one(o, "locust.generator.lateness", "s",
        "How long what was due waited to run, 99th percentile.", g.late_p99_ms / 1e3);
    if (!target.known)
        return;
    locust__otlp_one(
        o, "locust.target.cpu", "1", "Share of a core that the server took.", target.cores);
    locust__otlp_one(o, "locust.target.memory", "By", "Memory of the server.", target.mb * 1e6);
}

/* Writes all metrics as of now. Runs on the loop's stack. */
LOCUST__COLD static void locust__otlp_metrics(locust__buf *out, locust_env *env)
{
    locust__locale locale = locust__locale_enter();
    locust__otlp o = {.out = out, .env = env};
    snprintf(o.times, sizeof o.times, "\"startTimeUnixNano\":\"%lld\",\"timeUnixNano\":\"%lld\"",
        (long long)(env->stats.start_ns + env->loop.epoch_ns), (long long)locust__os_wall_ns());
    locust__otlp_begin(out, env, "Metrics", "metrics");
    locust__otlp_requests(&o);
    locust__otlp_users(&o);
    locust__otlp_arrivals(&o);
    locust__otlp_generator(&o);
    locust__buf_puts(out, "]}}");
    locust__otlp_end(out);
    locust__locale_leave(locale);
}
