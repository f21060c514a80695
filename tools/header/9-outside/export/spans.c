/* ============================================================================================
 * >>export_spans  sampled requests as spans of OpenTelemetry
 *
 * Purpose     collects the requests that --traceparent has sampled, and writes them as an
 *             ExportTraceServiceRequest of OTLP, in JSON: the parents of the server's own spans.
 * Invariants  512 spans wait at most; those that find no room are counted.
 * Names       locust__span locust__spans locust__spans_
 * Uses        >>entry >>stats >>json >>trace >>export_otlp
 * Sources     the OTLP specification 1.x; OpenTelemetry's semantic conventions for HTTP clients.
 * ============================================================================================ */

typedef struct locust__span {
    locust__trace ids;
    int64_t began_ns, ended_ns; // since 1970
    const locust__entry *row;
    const char *error; // NULL: it did not fail
    int status;
} locust__span;

enum { LOCUST__SPANS_MAX = 512 };

typedef struct locust__spans {
    locust_env *env;
    size_t n;
    uint64_t lost;
    /* Who was told of requests before: the log of requests. */
    void (*log)(void *arg, const locust_sample *sample, const locust__entry *entry,
        int64_t elapsed_ns, int64_t now_ns);
    void *log_arg;
    locust__span all[LOCUST__SPANS_MAX];
} locust__spans;

/* Called by the recorder for each request. */
LOCUST__COLD static void locust__spans_note(void *arg, const locust_sample *sample,
    const locust__entry *entry, int64_t elapsed_ns, int64_t now_ns)
{
    locust__spans *s = arg;
    int64_t epoch_ns = s->env->loop.epoch_ns;
    locust__span span = {.row = entry, .status = sample->status};
    if (s->log)
        s->log(s->log_arg, sample, entry, elapsed_ns, now_ns);
    // A client begins with its response.
    if (!sample->response ||
        !locust__trace_take(s->env->services.tracer, sample->response, &span.ids))
        return;
    if (s->n == LOCUST__SPANS_MAX) {
        s->lost++;
        return;
    }
    span.began_ns = now_ns - elapsed_ns + epoch_ns;
    span.ended_ns = now_ns + epoch_ns;
    span.error = sample->error ? locust__stats_text(&s->env->stats, sample->error) : NULL;
    s->all[s->n++] = span;
}

static void locust__spans_one(locust__buf *out, const locust__span *s, const char *comma)
{
    locust__buf name = {NULL, 0, 0, false};
    locust__buf_printf(&name, "%s %s", s->row->method, s->row->name);
    locust__buf_printf(out,
        "%s{\"traceId\":\"%016llx%016llx\",\"spanId\":\"%016llx\",\"kind\":3,\"name\":", comma,
        (unsigned long long)s->ids.high, (unsigned long long)s->ids.low,
        (unsigned long long)s->ids.span);
    locust__json_put_view(out, (locust__view){name.ptr, name.len});
    locust__buf_printf(out,
        ",\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":[",
        (long long)s->began_ns, (long long)s->ended_ns);
    locust__otlp_attribute(out, "", "http.request.method", s->row->method);
    locust__otlp_attribute(out, ",", "locust.name", s->row->name);
    if (s->error)
        locust__otlp_attribute(out, ",", "error.type", s->error);
    if (s->status)
        locust__buf_printf(out,
            ",{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"%d\"}}", s->status);
    locust__buf_puts(out, "],\"status\":{");
    if (s->error) {
        locust__buf_puts(out, "\"code\":2,\"message\":");
        locust__json_put(out, s->error);
    }
    locust__buf_puts(out, "}}");
    locust__buf_free(&name);
}

/* Writes the spans that wait, and forgets them. Runs on the loop's stack. */
LOCUST__COLD static void locust__spans_write(locust__buf *out, locust__spans *s)
{
    locust__otlp_begin(out, s->env, "Spans", "spans");
    for (size_t i = 0; i < s->n; i++)
        locust__spans_one(out, &s->all[i], i ? "," : "");
    locust__otlp_end(out);
    s->n = 0;
}
