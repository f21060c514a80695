/* -- files for other programs -- */

enum {
    LOCUST__FILE_SUMMARY,
    LOCUST__FILE_JUNIT,
    LOCUST__FILE_HGRM,
    LOCUST__FILE_INTENDED, // the same for the times from the intended start
    LOCUST__FILE_LOG,
    LOCUST__FILES
};

typedef struct locust__entry { // a request, for the log
    int64_t wall_ns, elapsed_ns, late_ns;
    const locust__row *row;
    const char *error;
    uint64_t user;
    size_t length;
    int status;
} locust__entry;

enum { LOCUST__ENTRIES = 512 };

typedef struct locust__files {
    locust_env *env;
    int fds[LOCUST__FILES]; // -1: not asked for
    const char *paths[LOCUST__FILES];
    char *intended_path;
    locust__entry *entries; // not written yet
    size_t n_entries;
    bool failed; // a write did not succeed, and that was said
} locust__files;

static void locust__files_put(locust__files *files, int which, const locust__buf *text)
{
    if (locust__log_write(files->fds[which], text->ptr, text->len) == text->len && !text->failed)
        return;
    if (!files->failed)
        locust__log_print(&files->env->log, LOCUST__ERROR, "locust.main",
            "cannot write %s, it is incomplete: %s", files->paths[which],
            text->failed ? "out of memory" : strerror(errno));
    files->failed = true;
}

/* A string of JSON. */
static void locust__json_put(locust__buf *out, const char *text)
{
    locust__buf_puts(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            locust__buf_puts(out, "\\");
        if (c < ' ')
            locust__buf_printf(out, "\\u%04x", c);
        else
            locust__buf_add(out, text, 1);
    }
    locust__buf_puts(out, "\"");
}

/* Text in XML; what XML 1.0 cannot say (section 2.2) becomes a question mark. */
static void locust__xml_put(locust__buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("<>&\"\n", c))
            locust__buf_printf(out, "&#%d;", c);
        else
            locust__buf_add(out, c < ' ' ? "?" : text, 1);
    }
}

static void locust__summary_row(locust__buf *out, const locust_env *env, const locust__row *row)
{
    static const char *const names[] = {
        "50", "66", "75", "80", "90", "95", "98", "99", "99.9", "99.99", "99.999", "100"};
    double rps, fps;
    const char *comma = "";
    locust__check_rates(env, row, &rps, &fps);
    locust__buf_puts(out, "{\"method\": ");
    locust__json_put(out, row->method);
    locust__buf_puts(out, ", \"name\": ");
    locust__json_put(out, row->name);
    locust__buf_printf(out,
        ", \"requests\": %llu, \"failures\": %llu, \"bytes\": %llu, \"rps\": %.3f, \"fps\": %.3f, "
        "\"min_ms\": %.3f, \"avg_ms\": %.3f, \"max_ms\": %.3f,\n   \"percentiles_ms\": {",
        (unsigned long long)row->requests, (unsigned long long)row->failures,
        (unsigned long long)row->bytes, rps, fps, row->requests ? (double)row->min_ns / 1e6 : 0,
        locust__row_mean_ns(row) / 1e6, (double)row->max_ns / 1e6);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *digits = names[i];
        double share = locust__base_decimal(&digits) / 100;
        locust__buf_printf(out, "%s\"%s\": %.3f", i ? ", " : "", names[i],
            (double)locust__row_percentile_ns(row, share) / 1e6);
    }
    locust__buf_puts(out, "},\n   \"histogram_us\": [");
    for (size_t i = 0; i < (size_t)LOCUST__OCTAVES * LOCUST__OCTAVE; i++) {
        const uint64_t *octave = row->hist.octaves[i / LOCUST__OCTAVE];
        uint64_t count = octave ? octave[i % LOCUST__OCTAVE] : 0;
        if (!count)
            continue;
        locust__buf_printf(out, "%s[%lld, %llu]", comma,
            (long long)(locust__hist_value_ns(i) / 1000), (unsigned long long)count);
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

static void locust__summary_failures(locust__buf *out, const locust__stats *st)
{
    const locust__failure *f;
    locust__buf_puts(out, " \"failures\": [");
    for (size_t i = 0; (f = locust__stats_failure(st, i)) != NULL; i++) {
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

static void locust__files_summary(locust__buf *out, const locust__result *v)
{
    locust_env *env = v->env;
    locust__stats *st = &env->stats;
    int64_t now = locust__os_now_ns();
    size_t n;
    locust__row **rows = locust__report_rows(st, &n);
    locust__buf_puts(out, "{\"version\": \"" LOCUST_VERSION "\", \"start_time\": \"");
    locust__report_time(out, locust__os_wall_ns() - (now - st->start_ns));
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

static void locust__junit_case(
    locust__buf *out, const char *kind, const char *name, const char *failure, const char *said)
{
    locust__buf_printf(out, "  <testcase classname=\"%s\" name=\"", kind);
    locust__xml_put(out, name);
    locust__buf_puts(out, "\" time=\"0\">");
    if (failure) {
        locust__buf_puts(out, "<failure message=\"");
        locust__xml_put(out, failure);
        locust__buf_puts(out, "\"/>");
    }
    if (said) {
        locust__buf_puts(out, "<system-out>");
        locust__xml_put(out, said);
        locust__buf_puts(out, "</system-out>");
    }
    locust__buf_puts(out, "</testcase>\n");
}

/* As Jenkins, GitLab and others read it (the format of Ant's junit task). */
static void locust__files_junit(locust__buf *out, const locust__result *v)
{
    const locust_env *env = v->env;
    locust__buf cases = {NULL, 0, 0, false};
    bool limit = env->options.fail_on_generator_limit && !v->generator.ok;
    size_t n = 1, failed = limit;
    char line[640];
    for (size_t i = 0; i < v->checks.n; i++, n++) {
        const locust__check *c = &v->checks.all[i];
        failed += !c->held;
        locust__junit_case(&cases, "check", c->text,
            c->held ? NULL : locust__check_value(c, line, sizeof line), NULL);
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__past *past = &v->baseline.rows[i];
        if (!*past->name)
            continue;
        n++;
        failed += past->change == LOCUST__CHANGE_SLOWER;
        locust__junit_case(&cases, "baseline", past->name,
            past->change == LOCUST__CHANGE_SLOWER ? past->why : NULL, NULL);
    }
    locust__generator_line(&v->generator, line, sizeof line);
    locust__junit_case(&cases, "generator", "generator", limit ? line : NULL, line);
    locust__buf_printf(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite name=\"locust.h\" "
        "tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\" timestamp=\"",
        n, failed, (double)(env->until.at_ns - env->stats.start_ns) / 1e9);
    locust__report_time(out, locust__os_wall_ns());
    locust__buf_puts(out, "\">\n");
    locust__buf_add(out, cases.ptr, cases.len);
    locust__buf_puts(out, " </testsuite>\n</testsuites>\n");
    out->failed |= cases.failed;
    locust__buf_free(&cases);
}

/* The square root of the mean square distance of a histogram's times from their mean, in ns. */
static double locust__hist_deviation(const locust__hist *h, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)LOCUST__OCTAVES * LOCUST__OCTAVE; i++) {
        const uint64_t *octave = h->octaves[i / LOCUST__OCTAVE];
        double off = (double)locust__hist_value_ns(i) - mean;
        if (octave)
            sum += (double)octave[i % LOCUST__OCTAVE] * off * off;
    }
    return h->total ? locust__base_sqrt(sum / (double)h->total) : 0;
}

/* Percentiles as HdrHistogram prints them: five steps to half the rest, then to half of that. */
static void locust__files_hgrm(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    double level = 0, ticks, sum = 0, mean;
    uint64_t seen = 0;
    locust__buf_printf(
        out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (size_t i = 0; i < (size_t)LOCUST__OCTAVES * LOCUST__OCTAVE; i++) {
        const uint64_t *octave = h->octaves[i / LOCUST__OCTAVE];
        uint64_t count = octave ? octave[i % LOCUST__OCTAVE] : 0;
        int64_t ns = locust__hist_value_ns(i) < max_ns ? locust__hist_value_ns(i) : max_ns;
        seen += count;
        sum += (double)count * (double)ns;
        while (count && seen < h->total && 100.0 * (double)seen / (double)h->total >= level) {
            locust__buf_printf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)ns / 1e6, level / 100,
                (unsigned long long)seen, 100 / (100 - level));
            for (ticks = 10; 100 - level <= 1000 / ticks / 2 * 1.0000001; ticks *= 2)
                ;
            level += 100 / ticks;
        }
    }
    if (seen)
        locust__buf_printf(
            out, "%12.3f %2.12f %10llu\n", (double)max_ns / 1e6, 1.0, (unsigned long long)seen);
    mean = seen ? sum / (double)seen : 0;
    locust__buf_printf(out,
        "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n#[Max     = %12.3f, Total count    = "
        "%12llu]\n#[Buckets = %12d, SubBuckets     = %12d]\n",
        mean / 1e6, locust__hist_deviation(h, mean) / 1e6, (double)max_ns / 1e6,
        (unsigned long long)seen, (int)LOCUST__OCTAVES, (int)LOCUST__OCTAVE);
}

/* Adds ms with three decimals. No printf of floats: there may be a line for every request. */
static void locust__files_ms(locust__buf *out, int64_t ns)
{
    int64_t us = (ns + 500) / 1000;
    locust__buf_printf(out, "%lld.%03d,", (long long)(us / 1000), (int)(us % 1000));
}

/* Writes the entries of the log. Runs on the loop's stack. */
static void locust__files_flush(void *arg)
{
    locust__files *files = arg;
    locust__buf out = {NULL, 0, 0, false};
    for (size_t i = 0; i < files->n_entries; i++) {
        const locust__entry *e = &files->entries[i];
        locust__buf_printf(&out, "%lld.%06d,%llu,", (long long)(e->wall_ns / LOCUST__S),
            (int)(e->wall_ns % LOCUST__S / 1000), (unsigned long long)e->user);
        locust__csv_text(&out, e->row->method);
        locust__buf_puts(&out, ",");
        locust__csv_text(&out, e->row->name);
        locust__buf_puts(&out, ",");
        locust__files_ms(&out, e->elapsed_ns);
        locust__files_ms(&out, e->late_ns);
        locust__buf_printf(&out, "%zu,%d,", e->length, e->status);
        locust__csv_text(&out, e->error ? e->error : "");
        locust__buf_puts(&out, "\r\n");
    }
    files->n_entries = 0;
    locust__files_put(files, LOCUST__FILE_LOG, &out);
    locust__buf_free(&out);
}

static void locust__files_log(void *arg, const locust_sample *sample, const locust__row *row,
    int64_t elapsed_ns, int64_t now_ns)
{
    locust__files *files = arg;
    locust__loop *loop = &files->env->loop;
    double share = files->env->options.request_log_sample;
    if (share > 0 && locust__base_random_unit(&loop->random) >= share)
        return;
    files->entries[files->n_entries++] = (locust__entry){.wall_ns = now_ns + loop->epoch_ns,
        .elapsed_ns = elapsed_ns,
        .late_ns = locust__base_round(sample->late_ms * 1e6),
        .row = row,
        .error = sample->error ? locust__stats_text(&files->env->stats, sample->error) : NULL,
        .user = sample->user ? sample->user->id : 0,
        .length = sample->length,
        .status = sample->status};
    if (files->n_entries == LOCUST__ENTRIES)
        locust__loop_call(loop, locust__files_flush, files);
}

static void locust__files_close(locust__files *files)
{
    for (int i = 0; i < LOCUST__FILES; i++)
        if (files->fds[i] >= 0)
            close(files->fds[i]);
    files->env->services.recorder.log = NULL;
    LOCUST_FREE(files->entries);
    LOCUST_FREE(files->intended_path);
}

/* Opens what is asked for, so that a wrong path is told before the run. False: it was told. */
static bool locust__files_open(locust__files *files, locust_env *env)
{
    static const char header[] =
        "time,user,method,name,response_time_ms,late_ms,length,status,error\r\n";
    const locust_options *o = &env->options;
    const char *hgrm = o->hgrm;
    *files =
        (locust__files){.env = env, .paths = {o->summary, o->junit, hgrm, NULL, o->request_log}};
    for (int i = 0; i < LOCUST__FILES; i++)
        files->fds[i] = -1;
    if (hgrm && env->services.recorder.open) {
        files->intended_path = LOCUST_MALLOC(strlen(hgrm) + sizeof ".intended");
        if (files->intended_path)
            sprintf(files->intended_path, "%s.intended", hgrm);
        files->paths[LOCUST__FILE_INTENDED] = files->intended_path;
    }
    for (int i = 0; i < LOCUST__FILES; i++) {
        if (!files->paths[i])
            continue;
        files->fds[i] = open(files->paths[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (files->fds[i] < 0) {
            locust__base_say("cannot write %s: %s", files->paths[i], strerror(errno));
            return false;
        }
    }
    if (!o->request_log)
        return true;
    files->entries = LOCUST_MALLOC(LOCUST__ENTRIES * sizeof *files->entries);
    if (!files->entries) {
        locust__base_say("out of memory");
        return false;
    }
    locust__log_write(files->fds[LOCUST__FILE_LOG], header, sizeof header - 1);
    env->services.recorder.log = locust__files_log;
    env->services.recorder.log_arg = files;
    return true;
}

/* Writes all of them at the end. */
static void locust__files_write(locust__files *files, const locust__result *v)
{
    const locust__row *total = &files->env->stats.total;
    static const locust__phase none;
    const locust__phase *intended = total->intended ? total->intended : &none;
    for (int i = 0; i < LOCUST__FILE_LOG; i++) {
        locust__buf out = {NULL, 0, 0, false};
        if (files->fds[i] < 0)
            continue;
        if (i == LOCUST__FILE_SUMMARY)
            locust__files_summary(&out, v);
        else if (i == LOCUST__FILE_JUNIT)
            locust__files_junit(&out, v);
        else if (i == LOCUST__FILE_HGRM)
            locust__files_hgrm(&out, &total->hist, total->max_ns);
        else
            locust__files_hgrm(&out, &intended->hist, intended->max_ns);
        locust__files_put(files, i, &out);
        locust__buf_free(&out);
    }
    if (files->fds[LOCUST__FILE_LOG] >= 0)
        locust__files_flush(files);
}

/* Where GitHub Actions runs the test, what is wrong becomes an annotation. */
static void locust__report_annotate(const locust__result *v)
{
    const char *github = getenv("GITHUB_ACTIONS");
    char text[640];
    if (!github || strcmp(github, "true") != 0)
        return;
    for (size_t i = 0; i < v->checks.n; i++) {
        const locust__check *c = &v->checks.all[i];
        if (!c->held)
            dprintf(STDOUT_FILENO, "::error title=locust.h::%s does not hold: %s\n", c->text,
                locust__check_value(c, text, sizeof text));
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__past *past = &v->baseline.rows[i];
        if (*past->name && past->change == LOCUST__CHANGE_SLOWER)
            dprintf(STDOUT_FILENO, "::error title=locust.h::%s became slower: %s\n", past->name,
                past->why);
    }
    locust__generator_line(&v->generator, text, sizeof text);
    if (!v->generator.ok)
        dprintf(STDOUT_FILENO, "::warning title=locust.h::%s\n", text);
}
