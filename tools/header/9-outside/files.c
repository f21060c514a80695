/* ============================================================================================
 * >>files  files for other programs
 *
 * Purpose     opens, before the run, what summary, JUnit, histogram and log of requests are written to.
 * Cost        the log keeps 512 requests, 64 bytes each, and is written when they are full, or each second.
 * Uses        >>co >>switch >>row >>stats >>verdict >>csv >>summary >>junit >>hgrm
 * ============================================================================================ */

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
