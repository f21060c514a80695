/* ============================================================================================
 * >>summary  --summary
 *
 * Purpose     all that a run knows as JSON, with the histogram of each row: what --baseline reads.
 * Invariants  every member stands in every summary, null where there is nothing to say; its schema
 *             is tools/summary.schema.json of the repository. No password of a URL is in it.
 * Cost        linear in rows and buckets; the text of all of them is in memory once.
 * Names       locust__summary_
 * Uses        >>entry >>stats >>tls >>json >>services >>class >>usage >>server_cpu >>figures
 *             >>extra >>check >>baseline >>find >>remarks >>result >>table
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

/* A text, or null. */
static void locust__summary_text(locust__buf *out, const char *key, const char *text)
{
    locust__buf_printf(out, "\"%s\": ", key);
    if (text)
        locust__json_put(out, text);
    else
        locust__buf_puts(out, "null");
}

/* A URL without the name and the password in it. */
LOCUST__COLD static void locust__summary_url(locust__buf *out, const char *key, const char *url)
{
    locust__buf bare = {NULL, 0, 0, false};
    const char *scheme = url ? strstr(url, "://") : NULL, *from = scheme ? scheme + 3 : url;
    size_t n = from ? strcspn(from, "/?#") : 0, user = 0;
    for (size_t i = 0; i < n; i++)
        if (from[i] == '@')
            user = i + 1;
    if (user) {
        locust__buf_add(&bare, url, (size_t)(from - url));
        locust__buf_add(&bare, from + user, strlen(from + user) + 1);
        out->failed |= bare.failed;
        url = bare.failed ? "" : bare.ptr;
    }
    locust__summary_text(out, key, url);
    locust__buf_free(&bare);
}

/* A setting, null where it is 0 and that means none. */
static void locust__summary_number(locust__buf *out, const char *key, double value, bool any)
{
    locust__buf_printf(out, "\"%s\": ", key);
    if (any)
        locust__buf_printf(out, "%.15g", value);
    else
        locust__buf_puts(out, "null");
}

static const char *locust__summary_bool(bool truth)
{
    return truth ? "true" : "false";
}

static void locust__summary_histogram(locust__buf *out, const char *name, const locust__hist *h)
{
    const char *comma = "";
    uint64_t count;
    int64_t ns;
    locust__buf_printf(out, "\"%s\": [", name);
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        locust__buf_printf(
            out, "%s[%lld, %llu]", comma, (long long)(ns / 1000), (unsigned long long)count);
        comma = ", ";
    }
    locust__buf_puts(out, "]");
}

/* Times of one kind: how many, their percentiles (`waits`: see locust__phase_percentile_ns), and
 * the histogram if asked for. */
static void locust__summary_times(
    locust__buf *out, const locust__phase *phase, const locust__phase *waits, bool histogram)
{
    locust__buf_printf(
        out, "{\"requests\": %llu, \"percentiles_ms\": {", (unsigned long long)phase->hist.total);
    for (int i = LOCUST__FIGURE_P50; i <= LOCUST__FIGURE_P100; i++) {
        double share = locust__figures[i].share;
        int64_t ns = share < 1 ? locust__phase_percentile_ns(phase, waits, share)
                               : locust__phase_max_ns(phase, waits);
        locust__buf_printf(out, "%s\"%s\": %.3f", i > LOCUST__FIGURE_P50 ? ", " : "",
            locust__figures_word((locust__figure_id)i, LOCUST__FIGURE_NAME), (double)ns / 1e6);
    }
    locust__buf_puts(out, "}");
    if (histogram) {
        locust__buf_puts(out, ",\n    ");
        locust__summary_histogram(out, "histogram_us", &phase->hist);
    }
    locust__buf_puts(out, "}");
}

static void locust__summary_row(locust__buf *out, const locust_env *env, const locust__entry *row)
{
    static const locust__figure_id columns[] = {LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES,
        LOCUST__FIGURE_BYTES, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS, LOCUST__FIGURE_MIN,
        LOCUST__FIGURE_AVG, LOCUST__FIGURE_MAX, LOCUST__FIGURE_UNANSWERED};
    locust__figures_view v = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    locust__buf_puts(out, "{");
    locust__summary_text(out, "method", row->method);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "name", row->name);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        locust__summary_figure(out, &v, row, columns[i], ", ");
    locust__buf_puts(out, ",\n   \"percentiles_ms\": {");
    for (int i = LOCUST__FIGURE_P50; i <= LOCUST__FIGURE_P100; i++)
        locust__summary_figure(
            out, &v, row, (locust__figure_id)i, i > LOCUST__FIGURE_P50 ? ", " : "");
    locust__buf_puts(out, "},\n   ");
    locust__summary_histogram(out, "histogram_us", &row->hist);
    locust__buf_puts(out, ",\n   ");
    if (row->unanswered && row->waits)
        locust__summary_histogram(out, "unanswered_us", &row->waits->hist);
    else
        locust__buf_puts(out, "\"unanswered_us\": null");
    locust__buf_puts(out, ",\n   \"intended\": ");
    if (row->intended)
        locust__summary_times(out, row->intended, row->intended_waits, true);
    else
        locust__buf_puts(out, "null");
    locust__buf_puts(out, ",\n   \"phases\": ");
    for (int i = 0; row->phases && i < LOCUST__PHASES; i++) {
        locust__buf_printf(out, "%s\"%s\": ", i ? ",\n    " : "{", locust__table_phase_names[i]);
        locust__summary_times(out, &row->phases[i], NULL, false);
    }
    locust__buf_puts(out, row->phases ? "}}" : "null}");
}

/* What only some tests have: streamed answers. */
static void locust__summary_extra(locust__buf *out, const locust_env *env)
{
    const locust__extra *extra;
    size_t at = 0;
    locust__buf_puts(out, " \"streams\": ");
    if ((extra = locust__extra_next(&at)) != NULL)
        extra->summary(out, env);
    else
        locust__buf_puts(out, "null");
    locust__buf_puts(out, ",\n");
}

/* How the run was asked for: what its figures depend on. */
LOCUST__COLD static void locust__summary_options(locust__buf *out, const locust_env *env)
{
    const locust_options *o = &env->options;
    const struct {
        const char *key;
        double value;
        bool any;
    } numbers[] = {
        {"users", o->users, true},
        {"spawn_rate", o->spawn_rate, true},
        {"run_time_s", o->run_time_s, o->run_time_s > 0},
        {"stop_timeout_s", o->stop_timeout_s, true},
        {"iterations", o->iterations, o->iterations > 0},
        {"warm_up_s", o->warm_up_s, true},
        {"rate", o->rate, o->rate > 0},
        {"max_in_flight", o->max_in_flight > 0 ? o->max_in_flight : 10000, true},
        {"patience_s", o->patience_s > 0 ? o->patience_s : 10, !(o->patience_s < 0)},
        {"worker_index", o->worker_index, o->worker_count > 1},
        {"worker_count", o->worker_count, o->worker_count > 1},
    };
    const struct {
        const char *key, *text;
    } texts[] = {
        {"stages", o->stages},
        {"tags", o->tags},
        {"exclude_tags", o->exclude_tags},
        {"unix_socket", o->unix_socket},
        {"source", o->source},
        {"connect_to", o->connect_to},
        {"resolve", o->resolve},
        {"tls_min", o->tls_min},
        {"tls_max", o->tls_max},
        {"ciphers", o->ciphers},
    };
    const struct {
        const char *key;
        bool truth;
    } switches[] = {
        {"shape", env->shape && !env->stages.n},
        {"config_users", o->config_users != NULL},
        {"poisson", o->poisson},
        {"reset_stats", o->reset_stats},
        {"phases", o->phases},
        {"insecure", o->insecure},
        {"tls_resume", !o->no_tls_resume},
        {"proxy_from_env", o->proxy_from_env},
        {"arrival_times", !o->no_arrival_times},
    };
    locust__buf_puts(out, " \"options\": {");
    locust__summary_url(out, "host", o->host);
    locust__buf_puts(out, ", ");
    locust__summary_url(out, "proxy", o->proxy);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        locust__buf_puts(out, ", ");
        locust__summary_number(out, numbers[i].key, numbers[i].value, numbers[i].any);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        locust__buf_puts(out, ", ");
        locust__summary_text(out, texts[i].key, texts[i].text);
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        locust__buf_printf(
            out, ", \"%s\": %s", switches[i].key, locust__summary_bool(switches[i].truth));
    locust__buf_puts(out, "},\n");
}

static void locust__summary_machine(locust__buf *out)
{
    struct utsname about;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    memset(&about, 0, sizeof about);
    uname(&about);
    locust__buf_puts(out, " \"machine\": {");
    locust__summary_text(out, "host", about.nodename);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "system", about.sysname);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "release", about.release);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "processor", about.machine);
    locust__buf_puts(out, ", ");
    locust__summary_number(out, "cores", (double)cores, cores > 0);
    locust__buf_puts(out, "},\n");
}

static void locust__summary_arrival_counts(
    locust__buf *out, const char *open, const locust_arrival_counts *c)
{
    locust__buf_printf(out,
        "%s\"scheduled\": %llu, \"started\": %llu, \"late\": %llu, \"shed\": %llu, "
        "\"unanswered\": %llu}",
        open, (unsigned long long)c->scheduled, (unsigned long long)c->started,
        (unsigned long long)c->late, (unsigned long long)c->shed,
        (unsigned long long)c->unanswered);
}

static void locust__summary_classes(locust__buf *out, const locust_env *env)
{
    locust_arrival_counts all = locust__usage_arrivals(env);
    locust__buf_puts(out, " \"user_classes\": [");
    for (int i = 0; i < env->n_classes; i++) {
        const locust__class *cls = &env->classes[i];
        const locust__arrival_queue *queue = cls->arrivals;
        locust__buf_puts(out, i ? ",\n  {" : "\n  {");
        locust__summary_text(out, "name", cls->as->name);
        locust__buf_puts(out, ", ");
        locust__summary_url(out, "host", cls->host);
        locust__buf_puts(out, ", ");
        locust__summary_number(out, "weight", locust__class_weight(cls->as), true);
        locust__buf_puts(out, ", ");
        locust__summary_number(out, "fixed_count", cls->as->fixed_count, cls->as->fixed_count > 0);
        locust__buf_puts(out, ", \"arrivals\": ");
        if (!queue) {
            locust__buf_puts(out, "null}");
            continue;
        }
        locust__buf_puts(out, "{");
        locust__summary_number(out, "rate",
            queue->as.rate > 0 ? queue->as.rate : env->options.rate * queue->share,
            queue->as.rate > 0 || !env->stages.n);
        locust__summary_arrival_counts(out, ", ", &queue->counts);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "],\n \"arrivals\": ");
    if (env->services.recorder.has_arrivals)
        locust__summary_arrival_counts(out, "{", &all);
    else
        locust__buf_puts(out, "null");
    locust__buf_puts(out, ",\n");
}

static void locust__summary_tls(locust__buf *out, const locust__tls_counts *c)
{
    if (!c->full && !c->resumed) {
        locust__buf_puts(out, " \"tls\": null,\n");
        return;
    }
    locust__buf_printf(out,
        " \"tls\": {\"full\": %llu, \"full_cpu_ms\": %.3f, \"resumed\": %llu, \"resumed_cpu_ms\": "
        "%.3f, \"stayed\": %llu},\n",
        (unsigned long long)c->full, (double)c->full_ns / 1e6, (unsigned long long)c->resumed,
        (double)c->resumed_ns / 1e6, (unsigned long long)c->stayed);
}

static void locust__summary_generator(locust__buf *out, const locust_generator *g)
{
    const char *limit = g->limits;
    locust__buf_printf(out,
        " \"generator\": {\"ok\": %s, \"cpu\": %.3f, \"late_p50_ms\": %.3f, \"late_p99_ms\": "
        "%.3f, \"late_max_ms\": %.3f, \"stalled_s\": %.3f, \"stalled_max_s\": %.3f, "
        "\"stalled_requests\": %llu, \"suspended_s\": %.3f, \"clock_set_s\": %.3f, "
        "\"p50_high_ms\": %.3f, \"p99_high_ms\": %.3f, \"limits\": [",
        g->ok ? "true" : "false", g->cpu, g->late_p50_ms, g->late_p99_ms, g->late_max_ms,
        g->stalled_s, g->stalled_max_s, (unsigned long long)g->stalled_requests, g->suspended_s,
        g->clock_set_s, g->p50_high_ms, g->p99_high_ms);
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

/* What the server took, if it was named. */
static void locust__summary_target(locust__buf *out, const locust_env *env)
{
    locust__server_cpu c = locust__server_cpu_of(env);
    if (c.asked && c.known)
        locust__buf_printf(out,
            " \"target\": {\"cpu_us_per_request\": %.3f, \"cores\": %.6f, \"memory_mb\": %.3f, "
            "\"generator_cpu_us_per_request\": %.3f},\n",
            c.us, c.cores, c.mb, c.own_us);
    else
        locust__buf_puts(out, " \"target\": null,\n");
}

/* What the clients did, in the whole run: a server that counts has the same numbers. */
static void locust__summary_client(locust__buf *out, const locust__services_counts *n)
{
    locust__buf_printf(out,
        " \"client\": {\"requests_sent\": %llu, \"sent_again\": %llu, \"connections_opened\": "
        "%llu, \"sent_on_kept_connections\": %llu,\n  \"stray_answers\": %llu, "
        "\"head_bodies\": %llu, \"framing_replaced\": %llu, \"continue_waits\": %llu, "
        "\"own_waits_s\": %.6f},\n",
        (unsigned long long)n->sent, (unsigned long long)n->again, (unsigned long long)n->opened,
        (unsigned long long)n->reused, (unsigned long long)(n->strays - n->head_bodies),
        (unsigned long long)n->head_bodies, (unsigned long long)n->reframed,
        (unsigned long long)n->continues, (double)n->waited_ns / 1e9);
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

static void locust__summary_baseline(locust__buf *out, const locust__result *v)
{
    const locust_options *o = &v->env->options;
    locust__buf_puts(out, " \"baseline\": ");
    if (!v->baseline.n) {
        locust__buf_puts(out, "null,\n");
        return;
    }
    locust__buf_puts(out, "{");
    locust__summary_text(out, "file", o->baseline);
    locust__buf_puts(out, ", ");
    locust__summary_number(
        out, "margin_percent", o->baseline_margin > 0 ? o->baseline_margin : 5, true);
    locust__buf_printf(
        out, ", \"worse\": %s, \"rows\": [", locust__summary_bool(v->baseline.worse));
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__earlier *earlier = &v->baseline.rows[i];
        locust__buf_puts(out, i ? ",\n  {" : "\n  {");
        locust__summary_text(out, "name", earlier->name);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "verdict", locust__change_names[earlier->change]);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "why", *earlier->why ? earlier->why : NULL);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "]},\n");
}

LOCUST__COLD static void locust__summary_find(locust__buf *out, const locust__find *f)
{
    char line[640];
    locust__buf_puts(out, " \"find_max\": ");
    if (!f->env->options.find_max) {
        locust__buf_puts(out, "null,\n");
        return;
    }
    locust__find_line(f, line, sizeof line);
    locust__buf_puts(out, "{");
    locust__summary_text(out, "checks", f->env->options.find_max);
    locust__buf_puts(out, ", ");
    locust__summary_number(out, "rate", f->good, f->good > 0);
    locust__buf_puts(out, ", ");
    locust__summary_number(out, "broke", f->bad, f->bad > 0);
    locust__buf_puts(out, ", ");
    locust__summary_text(out, "text", line);
    locust__buf_puts(out, ", \"tried\": [");
    for (size_t i = 0; i < f->n_tried; i++) {
        const locust__find_tried *tried = &f->tried[i];
        locust__buf_printf(out, "%s{\"rate\": %.15g, \"held\": %s, ", i ? ",\n  " : "\n  ",
            tried->rate, locust__summary_bool(tried->held));
        locust__summary_text(out, "why", tried->why);
        locust__buf_puts(out, "}");
    }
    locust__buf_puts(out, "]},\n");
}

static void locust__summary_failures(locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_failure *f;
    locust__buf_puts(out, " \"failures\": [");
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__buf_puts(out, i ? ",\n  {" : "\n  {");
        locust__summary_text(out, "method", f->row->method);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "name", f->row->name);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "error", f->text);
        locust__buf_printf(
            out, ", \"occurrences\": %llu, \"first_seen\": \"", (unsigned long long)f->occurrences);
        locust__figures_time(out, f->first_wall_ns);
        locust__buf_puts(out, "\", \"last_seen\": \"");
        locust__figures_time(out, f->last_wall_ns);
        locust__buf_puts(out, "\"}");
    }
    locust__buf_puts(out, "],\n");
}

static void locust__summary_exceptions(locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_exception *e;
    locust__buf_puts(out, " \"exceptions\": [");
    for (size_t i = 0; (e = locust__stats_exception_at(st, i)) != NULL; i++) {
        locust__buf_puts(out, i ? ",\n  {" : "\n  {");
        locust__summary_text(out, "message", e->text);
        locust__buf_puts(out, ", ");
        locust__summary_text(out, "place", e->place);
        locust__buf_printf(out, ", \"occurrences\": %llu}", (unsigned long long)e->times);
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
    locust__summary_options(out, env);
    locust__summary_machine(out);
    locust__summary_classes(out, env);
    locust__summary_generator(out, &v->generator);
    locust__summary_tls(out, &env->services.tls.counts);
    locust__summary_client(out, &env->services.counts);
    locust__summary_target(out, env);
    locust__summary_checks(out, &v->checks);
    locust__summary_baseline(out, v);
    locust__summary_find(out, &v->find);
    locust__summary_remarks(out, &v->remarks);
    locust__buf_puts(out, " \"rows\": [");
    for (size_t i = 0; rows && i < n; i++) {
        locust__buf_puts(out, i + 1 == n ? "],\n \"total\":\n  " : i ? ",\n  " : "\n  ");
        locust__summary_row(out, env, rows[i]);
    }
    locust__buf_puts(out, ",\n");
    out->failed |= !rows;
    locust__summary_extra(out, env);
    locust__summary_failures(out, st);
    locust__summary_exceptions(out, st);
    LOCUST_FREE(rows);
}
