/* ============================================================================================
 * >>export  figures for programs that collect them
 *
 * Purpose     --otlp, --otel, --influx, --statsd, --metrics-file: every --export-every seconds, and
 *             once at the end, each of them gets the figures, from a coroutine of its own.
 * Invariants  a collector that is slow or gone costs no load: one text at a time is under way for
 *             each, and the next is made when that has gone or was given up. What did not arrive is
 *             counted; the first time it is said why, at the end how often.
 * Cost        the text of one report for each; nothing without these options.
 * Names       locust__export locust__export_ locust__exports locust__exports_
 * Uses        >>co >>switch >>sync >>record >>stream >>lookup >>url >>head >>trace >>since
 *             >>check >>export_prometheus >>export_otlp >>export_spans >>export_influx
 *             >>export_statsd >>export_post
 * Limits      the end of a run waits up to two seconds for a collector that takes its time.
 * ============================================================================================ */

enum locust__export_kind {
    LOCUST__EXPORT_OTLP,
    LOCUST__EXPORT_INFLUX,
    LOCUST__EXPORT_STATSD,
    LOCUST__EXPORT_FILE,
    LOCUST__EXPORT_KINDS
};

enum { LOCUST__EXPORT_EVERY_S = 5, LOCUST__EXPORT_PATIENCE_S = 10, LOCUST__EXPORT_END_S = 2 };

typedef struct locust__export { // one program that collects
    locust_env *env;
    locust__checks *checks;
    enum locust__export_kind kind;
    const char *to; // NULL: not asked for
    locust__poster post;
    locust__spans *spans; // of OTLP, NULL: none are sent
    locust__since since;
    locust__buf text;
    char *draft;         // of a file: its path until it is whole
    int64_t patience_ns; // for one report
    uint64_t all, lost;  // reports
    bool told;
} locust__export;

typedef struct locust__exports {
    locust_env *env;        // NULL: nothing is exported
    locust__tracer *tracer; // NULL: no trace context
    locust__export all[LOCUST__EXPORT_KINDS];
} locust__exports;

static const char *const locust__export_options[LOCUST__EXPORT_KINDS] = {
    "--otlp", "--influx", "--statsd", "--metrics-file"};

/* Writes the text, on the loop's stack. */
LOCUST__COLD static void locust__export_write(void *arg)
{
    locust__export *x = arg;
    x->text.len = 0;
    x->text.failed = false;
    switch (x->kind) {
    case LOCUST__EXPORT_OTLP:
        locust__otlp_metrics(&x->text, x->env);
        break;
    case LOCUST__EXPORT_INFLUX:
        locust__influx_write(&x->text, x->env, &x->since);
        break;
    case LOCUST__EXPORT_STATSD:
        locust__statsd_write(&x->text, x->env, &x->since);
        break;
    case LOCUST__EXPORT_FILE:
        locust__prometheus_write(&x->text, x->env, x->checks);
        break;
    case LOCUST__EXPORT_KINDS:
        break;
    }
}

/* Writes the file beside its place and moves it there: who reads it finds a whole one. */
LOCUST__COLD static const char *locust__export_file(locust__export *x)
{
    int fd = open(x->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    size_t done = fd < 0 ? 0 : locust__os_write_all(fd, x->text.ptr, x->text.len);
    const char *why = fd < 0 || done < x->text.len ? strerror(errno) : NULL;
    if (fd >= 0)
        close(fd);
    if (!why && rename(x->draft, x->to) != 0)
        why = strerror(errno);
    return why;
}

/* Writes spans, on the loop's stack. */
LOCUST__COLD static void locust__export_write_spans(void *arg)
{
    locust__export *x = arg;
    x->text.len = 0;
    x->text.failed = false;
    locust__spans_write(&x->text, x->spans);
}

/* Sends metrics, and spans if there are some. */
static locust_error locust__export_send_otlp(
    locust__export *x, locust__view text, int64_t deadline_ns) LOCUST__PARKS
{
    static const char json[] = "application/json";
    locust_error error = locust__poster_send(&x->post, "/v1/metrics", json, text, deadline_ns);
    if (error || x->post.status >= 300 || !x->spans || !x->spans->n)
        return error;
    locust__co_call(&x->env->loop, locust__export_write_spans, x);
    if (x->text.failed)
        return LOCUST_ERR_MEMORY;
    return locust__poster_send(
        &x->post, "/v1/traces", json, (locust__view){x->text.ptr, x->text.len}, deadline_ns);
}

/* Sends the text. NULL, or why it did not arrive, perhaps in `why`. */
static const char *locust__export_send(
    locust__export *x, int64_t deadline_ns, char *why, size_t size) LOCUST__PARKS
{
    locust__view text = {x->text.ptr, x->text.len};
    bool at_root = x->post.base.prefix && !*x->post.base.prefix;
    locust_error error = LOCUST_OK;
    if (x->text.failed)
        return "out of memory";
    switch (x->kind) {
    case LOCUST__EXPORT_OTLP:
        error = locust__export_send_otlp(x, text, deadline_ns);
        break;
    case LOCUST__EXPORT_INFLUX:
        error = locust__poster_send(&x->post, at_root ? "/write?db=locust" : "",
            "text/plain; charset=utf-8", text, deadline_ns);
        break;
    case LOCUST__EXPORT_STATSD:
        error = locust__poster_send_lines(&x->post, text, deadline_ns);
        return error ? locust__error_text(error) : NULL;
    case LOCUST__EXPORT_FILE:
        return locust__export_file(x);
    case LOCUST__EXPORT_KINDS:
        break;
    }
    if (error)
        return locust__error_text(error);
    snprintf(why, size, "it answers with status %d", x->post.status);
    return x->post.status >= 200 && x->post.status < 300 ? NULL : why;
}

/* Makes a report and sends it. */
static void locust__export_turn(locust__export *x) LOCUST__PARKS
{
    char text[64];
    const char *why;
    locust__co_call(&x->env->loop, locust__export_write, x);
    why = locust__export_send(
        x, locust__time_after(locust__os_now_ns(), x->patience_ns), text, sizeof text);
    if (x->env->loop.current->cancelled) // the end cut it: the last report has all of it
        return;
    x->all++;
    if (!why)
        return;
    x->lost++;
    if (!x->told)
        locust__log_print(&x->env->log, LOCUST__LOG_WARNING, "locust.main",
            "%s %.200s: figures did not arrive: %s; the test goes on, and the end says how often",
            locust__export_options[x->kind], x->to, why);
    x->told = true;
}

static int64_t locust__export_every_ns(const locust_env *env)
{
    double s = env->options.export_every_s;
    return locust__time_ns(s > 0 ? s : LOCUST__EXPORT_EVERY_S);
}

/* The coroutine of one collector. A report that takes longer than the time between two makes the
 * next one later, not more. */
static void locust__export_main(void *arg)
{
    locust__export *x = arg;
    locust__loop *loop = &x->env->loop;
    int64_t every_ns = locust__export_every_ns(x->env), next_ns = locust__os_now_ns();
    for (;;) {
        int64_t now_ns = locust__os_now_ns();
        next_ns = next_ns + every_ns > now_ns ? next_ns + every_ns : now_ns + every_ns;
        if (locust__co_sleep(loop, next_ns) == LOCUST__WAKE_CANCELLED)
            return;
        locust__export_turn(x);
    }
}

/* The last report of one collector. */
static void locust__export_last(void *arg)
{
    locust__export *x = arg;
    x->patience_ns = LOCUST__EXPORT_END_S * LOCUST__S;
    locust__export_turn(x);
    locust__lookup_stop(&x->post.sv.resolver);
    locust__stream_close(&x->post.conn.stream);
    if (x->spans && x->spans->lost)
        locust__log_print(&x->env->log, LOCUST__LOG_WARNING, "locust.main",
            "%s %.200s: %llu spans of sampled requests found no room: --trace-sample says how many "
            "are taken",
            locust__export_options[x->kind], x->to, (unsigned long long)x->spans->lost);
    if (x->lost)
        locust__log_print(&x->env->log, LOCUST__LOG_WARNING, "locust.main",
            "%s %.200s: %llu of %llu reports of figures did not arrive",
            locust__export_options[x->kind], x->to, (unsigned long long)x->lost,
            (unsigned long long)x->all);
}

/* Starts the coroutines, beside the run. */
static void locust__exports_start(locust__exports *e, locust__wait_group *group)
{
    for (int i = 0; e->env && i < LOCUST__EXPORT_KINDS; i++)
        if (e->all[i].to)
            locust__co_start(
                &e->env->loop, "the kit itself", 0, locust__export_main, &e->all[i], group);
}

/* Sends the last reports, all at once. The coroutines of locust__exports_start have ended. */
static void locust__exports_end(locust__exports *e) LOCUST__PARKS
{
    locust__wait_group group = {.running = 0};
    for (int i = 0; e->env && i < LOCUST__EXPORT_KINDS; i++)
        if (e->all[i].to)
            locust__co_start(
                &e->env->loop, "the kit itself", 0, locust__export_last, &e->all[i], &group);
    if (e->env)
        locust__wait_group_join(&e->env->loop, &group, LOCUST__NEVER);
}

static void locust__exports_close(locust__exports *e)
{
    for (int i = 0; e->env && i < LOCUST__EXPORT_KINDS; i++) {
        locust__export *x = &e->all[i];
        if (!x->env)
            continue;
        locust__poster_free(&x->post);
        locust__since_free(&x->since);
        locust__buf_free(&x->text);
        LOCUST_FREE(x->draft);
        if (x->spans && x->env->services.recorder.log == locust__spans_note) {
            x->env->services.recorder.log = NULL;
            x->env->services.recorder.log_arg = NULL;
        }
        LOCUST_FREE(x->spans);
    }
    if (e->tracer)
        e->env->services.tracer = NULL;
    LOCUST_FREE(e->tracer);
    e->tracer = NULL;
    e->env = NULL;
}

/* Header fields of OTEL_EXPORTER_OTLP_HEADERS, "api-key=1,other=2", and of INFLUX_TOKEN. False: one
 * of them is none. */
static bool locust__export_fields(locust__export *x)
{
    const char *text = getenv("OTEL_EXPORTER_OTLP_HEADERS"), *token = getenv("INFLUX_TOKEN");
    locust__buf *out = &x->post.fields;
    if (x->kind == LOCUST__EXPORT_INFLUX && token && *token) {
        locust__buf_printf(out, "Authorization: Token %s\r\n", token);
        return locust__http_is_value(locust__view_of(token));
    }
    if (x->kind != LOCUST__EXPORT_OTLP || !text)
        return true;
    for (locust__view rest = locust__view_of(text), one; locust__http_next(&rest, &one);) {
        const char *equals = memchr(one.ptr, '=', one.len);
        locust__view name = {one.ptr, equals ? (size_t)(equals - one.ptr) : 0}, value;
        if (!one.len)
            continue;
        value = equals ? locust__view_skip(one, name.len + 1) : name;
        name = locust__http_trim(name);
        value = locust__http_trim(value);
        if (!equals || !locust__http_is_token(name) || !locust__http_is_value(value))
            return false;
        locust__buf_add(out, name.ptr, name.len);
        locust__buf_puts(out, ": ");
        locust__url_decode(out, value);
        locust__buf_puts(out, "\r\n");
    }
    return !out->failed;
}

/* Prepares one. NULL, or what is wrong with it. */
static const char *locust__export_open(locust__export *x)
{
    size_t n = strlen(x->to);
    const char *wrong;
    switch (x->kind) {
    case LOCUST__EXPORT_STATSD:
        return locust__poster_open_udp(&x->post);
    case LOCUST__EXPORT_FILE:
        x->draft = LOCUST_MALLOC(n + sizeof ".new");
        if (!x->draft)
            return "out of memory";
        sprintf(x->draft, "%s.new", x->to);
        locust__export_write(x);
        return locust__export_file(x);
    case LOCUST__EXPORT_OTLP:
    case LOCUST__EXPORT_INFLUX:
    case LOCUST__EXPORT_KINDS:
        break;
    }
    if (!locust__export_fields(x))
        return x->kind == LOCUST__EXPORT_OTLP
                   ? "OTEL_EXPORTER_OTLP_HEADERS takes name=value,name=value"
                   : "INFLUX_TOKEN is no header field";
    wrong = locust__poster_open(&x->post);
    n = wrong ? 0 : strlen(x->post.base.prefix);
    if (x->kind == LOCUST__EXPORT_OTLP && n && x->post.base.prefix[n - 1] == '/')
        x->post.base.prefix = locust__arena_copy(&x->post.sv.arena, x->post.base.prefix, n - 1);
    return wrong ? wrong : x->post.base.prefix ? NULL : "out of memory";
}

/* Gives requests a trace context, and lets the OTLP collector `x` have the sampled ones; NULL:
 * there is none. False: no memory. */
static bool locust__exports_trace(locust__exports *e, locust_env *env, locust__export *x)
{
    double share = env->options.trace_sample;
    locust__recorder *recorder = &env->services.recorder;
    e->tracer = locust__memory_zalloc(sizeof *e->tracer);
    if (!e->tracer)
        return false;
    e->env = env;
    e->tracer->share = share > 0 ? share : 0.01;
    locust__os_random(&e->tracer->random, sizeof e->tracer->random);
    e->tracer->run = locust__trace_id(e->tracer);
    env->services.tracer = e->tracer;
    if (!x)
        return true;
    x->spans = locust__memory_zalloc(sizeof *x->spans);
    if (!x->spans)
        return false;
    x->spans->env = env;
    x->spans->log = recorder->log;
    x->spans->log_arg = recorder->log_arg;
    recorder->log = locust__spans_note;
    recorder->log_arg = x->spans;
    return true;
}

/* Opens what was asked for. False: one of them is wrong, and a line on standard error says so. */
static bool locust__exports_open(locust__exports *e, locust_env *env, locust__checks *checks)
{
    const locust_options *o = &env->options;
    const char *endpoint = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    const char *otel = endpoint && *endpoint ? endpoint : "http://127.0.0.1:4318";
    const char *to[LOCUST__EXPORT_KINDS] = {o->otlp   ? o->otlp
                                            : o->otel ? otel
                                                      : NULL,
        o->influx, o->statsd, o->metrics_file};
    memset(e, 0, sizeof *e);
    for (int i = 0; i < LOCUST__EXPORT_KINDS; i++) {
        locust__export *x = &e->all[i];
        const char *wrong;
        if (!to[i])
            continue;
        e->env = x->env = env;
        x->checks = checks;
        x->kind = (enum locust__export_kind)i;
        x->to = to[i];
        x->patience_ns = LOCUST__EXPORT_PATIENCE_S * LOCUST__S;
        locust__poster_init(&x->post, env, to[i]);
        wrong = locust__export_open(x);
        if (wrong) {
            locust__say("%s %s: %s", locust__export_options[i], to[i], wrong);
            return false;
        }
    }
    if (o->traceparent && !locust__exports_trace(e, env, to[LOCUST__EXPORT_OTLP] ? e->all : NULL)) {
        locust__say("out of memory");
        return false;
    }
    return true;
}
