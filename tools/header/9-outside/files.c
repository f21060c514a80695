/* ============================================================================================
 * >>files  files for other programs
 *
 * Purpose     opens, before the run, the files of --summary, --html, --junit, --hgrm, --json-file
 *             and --request-log, and writes them: the log while the test runs, the others at its
 *             end.
 * Cost        the log of requests collects 512 of them, 64 bytes each, and is written when that is
 *             full, and each second.
 * Names       locust__files_
 * Uses        >>co >>switch >>entry >>stats >>env >>stall >>result >>csv >>summary >>history
 *             >>told >>document >>junit >>hgrm >>hlog >>locust_json
 * ============================================================================================ */

enum {
    LOCUST__FILES_SUMMARY,
    LOCUST__FILES_JUNIT,
    LOCUST__FILES_HTML,
    LOCUST__FILES_HGRM,
    LOCUST__FILES_INTENDED, // HGRM of the times from the intended start, beside it
    LOCUST__FILES_HLOG,     // beside HGRM, too
    LOCUST__FILES_JSON,
    LOCUST__FILES_LOG,
    LOCUST__FILES_COUNT
};

typedef struct locust__files_logged { // a request that the log has not written yet
    int64_t wall_ns, elapsed_ns, late_ns;
    const locust__entry *row;
    const char *error;
    uint64_t user;
    size_t length;
    int status;
} locust__files_logged;

enum { LOCUST__FILES_LOGGED = 512 };

typedef struct locust__files {
    locust_env *env;
    int fds[LOCUST__FILES_COUNT]; // -1: not asked for
    const char *paths[LOCUST__FILES_COUNT];
    char *made_paths[LOCUST__FILES_COUNT]; // those of `paths` that are longer than what was given
    locust__files_logged *entries;         // LOCUST__FILES_LOGGED of them
    size_t n_entries;
    bool failed; // a write failed, and the log says so
} locust__files;

static void locust__files_put(locust__files *files, int which, const locust__buf *text)
{
    if (locust__os_write_all(files->fds[which], text->ptr, text->len) == text->len && !text->failed)
        return;
    if (!files->failed)
        locust__log_print(&files->env->log, LOCUST__LOG_ERROR, "locust.main",
            "cannot write %s, it is incomplete: %s", files->paths[which],
            text->failed ? "out of memory" : strerror(errno));
    files->failed = true;
}

/* Adds milliseconds with three decimals and a comma. Whole numbers print faster than floats, and
 * there may be a line for every request. */
static void locust__files_ms(locust__buf *out, int64_t ns)
{
    int64_t us = (ns + 500) / 1000;
    locust__buf_printf(out, "%lld.%03d,", (long long)(us / 1000), (int)(us % 1000));
}

/* Writes the entries of the log. Runs on the loop's stack. */
LOCUST__COLD static void locust__files_flush(void *arg)
{
    locust__files *files = arg;
    locust__buf out = {NULL, 0, 0, false};
    for (size_t i = 0; i < files->n_entries; i++) {
        const locust__files_logged *e = &files->entries[i];
        locust__buf_printf(&out, "%lld.%06d,%llu,", (long long)(e->wall_ns / LOCUST__S),
            (int)(e->wall_ns % LOCUST__S / 1000), (unsigned long long)e->user);
        locust__csv_names(&out, e->row);
        locust__buf_puts(&out, ",");
        locust__files_ms(&out, e->elapsed_ns);
        locust__files_ms(&out, e->late_ns);
        locust__buf_printf(&out, "%zu,%d,", e->length, e->status);
        locust__csv_text(&out, e->error ? e->error : "");
        locust__buf_puts(&out, "\r\n");
    }
    files->n_entries = 0;
    locust__files_put(files, LOCUST__FILES_LOG, &out);
    locust__buf_free(&out);
}

/* Called by the recorder for each request. Full entries are written at once, on the loop's
 * stack. */
LOCUST__COLD static void locust__files_log(void *arg, const locust_sample *sample,
    const locust__entry *row, int64_t elapsed_ns, int64_t now_ns)
{
    locust__files *files = arg;
    locust__loop *loop = &files->env->loop;
    double share = files->env->options.request_log_sample;
    int64_t began_ns;
    if (share > 0 && locust__random_unit(&loop->random) >= share)
        return;
    files->entries[files->n_entries++] = (locust__files_logged){.wall_ns = now_ns + loop->epoch_ns,
        .elapsed_ns = elapsed_ns,
        .late_ns = locust__number_round(sample->late_ms * 1e6),
        .row = row,
        .error = sample->error ? locust__stats_text(&files->env->stats, sample->error) : NULL,
        .user = sample->user ? sample->user->id : 0,
        .length = sample->length,
        .status = sample->status};
    if (files->n_entries < LOCUST__FILES_LOGGED)
        return;
    began_ns = locust__loop_clock(loop);
    locust__co_call(loop, locust__files_flush, files);
    if (locust__loop_clock(loop) - began_ns < LOCUST__LOOP_BLOCKED_NS)
        return;
    loop->excused = true; // a slow disk or pipe is not the task's fault
    locust__stall_count(files->env, LOCUST__CAUSE_OWN, loop->clock_ns - began_ns);
}

static void locust__files_close(locust__files *files)
{
    for (int i = 0; i < LOCUST__FILES_COUNT; i++)
        if (files->fds[i] >= 0)
            close(files->fds[i]);
    files->env->services.recorder.log = NULL;
    LOCUST_FREE(files->entries);
    for (int i = 0; i < LOCUST__FILES_COUNT; i++)
        LOCUST_FREE(files->made_paths[i]);
}

/* The name of the report: {u}, {r} and {t} in it are users, spawn rate and run time, as in Locust
 * 2.47. Makes the folders that it lies in. NULL: no memory. */
LOCUST__COLD static char *locust__files_html_path(const locust_options *o)
{
    locust__buf path = {NULL, 0, 0, false};
    for (const char *p = o->html; *p; p++) {
        char letter = p[0] == '{' && p[1] && p[2] == '}' ? p[1] : '\0';
        if (letter == 'u')
            locust__buf_printf(&path, "%d", o->users);
        else if (letter == 'r')
            locust__buf_printf(&path, "%.15g", o->spawn_rate);
        else if (letter == 't')
            locust__buf_printf(&path, "%.0f", o->run_time_s);
        else
            locust__buf_add(&path, p, 1);
        p += letter == 'u' || letter == 'r' || letter == 't' ? 2 : 0;
    }
    locust__buf_add(&path, "", 1);
    if (!path.failed) {
        locust__csv_make_dirs(path.ptr); // if one cannot be made, open() says why
        return path.ptr;
    }
    locust__buf_free(&path);
    return NULL;
}

/* A file beside another: its path with an ending. False: no memory. */
static bool locust__files_beside(
    locust__files *files, int which, const char *path, const char *ending)
{
    size_t n = strlen(path);
    char *made = LOCUST_MALLOC(n + strlen(ending) + 1);
    if (!made) {
        locust__say("out of memory");
        return false;
    }
    memcpy(made, path, n);
    memcpy(made + n, ending, strlen(ending) + 1);
    files->made_paths[which] = made;
    files->paths[which] = made;
    return true;
}

/* Opens the files that were asked for, so that a wrong path costs no run. False: one could not be
 * opened, and a line on standard error says so. */
static bool locust__files_open(locust__files *files, locust_env *env)
{
    static const char header[] =
        "time,user,method,name,response_time_ms,late_ms,length,status,error\r\n";
    const locust_options *o = &env->options;
    const char *hgrm = o->hgrm;
    *files = (locust__files){.env = env,
        .paths = {[LOCUST__FILES_SUMMARY] = o->summary,
            [LOCUST__FILES_JUNIT] = o->junit,
            [LOCUST__FILES_HGRM] = hgrm,
            [LOCUST__FILES_LOG] = o->request_log}};
    for (int i = 0; i < LOCUST__FILES_COUNT; i++)
        files->fds[i] = -1;
    if ((hgrm && env->services.recorder.has_arrivals &&
            !locust__files_beside(files, LOCUST__FILES_INTENDED, hgrm, ".intended")) ||
        (hgrm && !locust__files_beside(files, LOCUST__FILES_HLOG, hgrm, ".hlog")) ||
        (o->json_file && !locust__files_beside(files, LOCUST__FILES_JSON, o->json_file, ".json")))
        return false;
    if (o->html) {
        files->paths[LOCUST__FILES_HTML] = files->made_paths[LOCUST__FILES_HTML] =
            locust__files_html_path(o);
        if (!files->made_paths[LOCUST__FILES_HTML]) {
            locust__say("out of memory");
            return false;
        }
    }
    for (int i = 0; i < LOCUST__FILES_COUNT; i++) {
        if (!files->paths[i])
            continue;
        files->fds[i] = open(files->paths[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (files->fds[i] < 0) {
            locust__say("cannot write %s: %s", files->paths[i], strerror(errno));
            return false;
        }
    }
    if (!o->request_log)
        return true;
    files->entries = LOCUST_MALLOC(LOCUST__FILES_LOGGED * sizeof *files->entries);
    if (!files->entries) {
        locust__say("out of memory");
        return false;
    }
    locust__os_write_all(files->fds[LOCUST__FILES_LOG], header, sizeof header - 1);
    env->services.recorder.log = locust__files_log;
    env->services.recorder.log_arg = files;
    return true;
}

static void locust__files_html(locust__buf *out, locust__result *v, const locust__history *history)
{
    locust__told told;
    locust__told_init(&told, v->env, v, history);
    locust__document_report(out, &told, "light", false);
}

/* Writes the files at the end of the run, and what is left of the log. */
static void locust__files_write(
    locust__files *files, locust__result *v, const locust__history *history)
{
    const locust__entry *total = &files->env->stats.total;
    static const locust__phase none;
    const locust__phase *intended = total->intended ? total->intended : &none;
    for (int i = 0; i < LOCUST__FILES_LOG; i++) {
        locust__buf out = {NULL, 0, 0, false};
        if (files->fds[i] < 0)
            continue;
        if (i == LOCUST__FILES_SUMMARY)
            locust__summary_write(&out, v);
        else if (i == LOCUST__FILES_JUNIT)
            locust__junit_write(&out, v, files->failed);
        else if (i == LOCUST__FILES_HTML)
            locust__files_html(&out, v, history);
        else if (i == LOCUST__FILES_HGRM)
            locust__hgrm_write(&out, &total->hist, total->max_ns);
        else if (i == LOCUST__FILES_INTENDED)
            locust__hgrm_write(&out, &intended->hist, intended->max_ns);
        else if (i == LOCUST__FILES_HLOG)
            locust__hlog_write(&out, files->env);
        else
            locust__locust_json_write(&out, files->env);
        locust__files_put(files, i, &out);
        locust__buf_free(&out);
    }
    if (files->fds[LOCUST__FILES_LOG] >= 0)
        locust__files_flush(files);
}
