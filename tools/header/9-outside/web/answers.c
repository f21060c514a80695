/* ============================================================================================
 * >>web_answers  what each route answers
 *
 * Purpose     the functions behind the routes of >>web_site.
 * Invariants  called on the loop's stack; none of them parks.
 * Cost        what 50 pages poll is made twice a second, not 50 times.
 * Names       locust__answers_ locust__asked
 * Uses        >>stats >>request_head >>httpd >>json_out >>env >>warm_up >>csv >>told >>page
 *             >>document >>export_prometheus >>web_form >>web_seen >>web_data >>web_args >>web
 *             >>web_swarm
 * Sources     Locust 2.47 (reference runs): types, fields of the head, names of files.
 * ============================================================================================ */

typedef struct locust__asked { // a request, for the function that answers it
    locust__web *w;
    locust__served *x;
    locust__form args; // of the query
    locust__form form; // of the body
} locust__asked;

LOCUST__COLD static void locust__answers_json(locust__asked *a, locust__json_out *j)
{
    a->x->type = "application/json";
    *j = (locust__json_out){.out = &a->x->text, .lines = true};
}

/* A plain text as an answer. */
LOCUST__COLD static void locust__answers_text(locust__asked *a, int status, const char *text)
{
    a->x->status = status;
    a->x->type = "text/html; charset=utf-8";
    a->x->fixed = locust__view_of(text);
}

/* The same of a text that does not last, and that may hold markup. */
LOCUST__COLD static void locust__answers_copy(locust__asked *a, int status, const char *text)
{
    a->x->status = status;
    a->x->type = "text/plain; charset=utf-8";
    locust__buf_puts(&a->x->text, text);
}

/* Is the answer there that was made just now? Adds it then. */
LOCUST__COLD static bool locust__answers_cached(
    locust__asked *a, const locust__web_cached *c, double after)
{
    const locust__web *w = a->w;
    if (!c->at_ns || locust__os_now_ns() - c->at_ns > LOCUST__WEB_CACHED_MS * LOCUST__MS ||
        c->state != locust__seen_state(&w->seen) || c->users != w->env->users.alive ||
        c->after > after || c->after < after)
        return false;
    locust__buf_add(&a->x->text, c->text.ptr, c->text.len);
    return true;
}

/* Keeps an answer for those who ask next. */
LOCUST__COLD static void locust__answers_keep(
    const locust__asked *a, locust__web_cached *c, double after)
{
    c->text.len = 0;
    c->text.failed = false;
    locust__buf_add(&c->text, a->x->text.ptr, a->x->text.len);
    c->state = locust__seen_state(&a->w->seen);
    c->users = a->w->env->users.alive;
    c->after = after;
    c->at_ns = c->text.failed || a->x->text.failed ? 0 : locust__os_now_ns();
}

LOCUST__COLD static void locust__answers_requests(locust__asked *a)
{
    locust__json_out j;
    locust__answers_json(a, &j);
    if (locust__answers_cached(a, &a->w->requests, 0))
        return;
    locust__data_requests(&j, &a->w->seen);
    locust__buf_puts(j.out, "\n");
    locust__answers_keep(a, &a->w->requests, 0);
}

LOCUST__COLD static void locust__answers_exceptions(locust__asked *a)
{
    locust__json_out j;
    locust__answers_json(a, &j);
    locust__json_out_begin(&j, '{');
    locust__json_out_name(&j, "exceptions");
    locust__data_exceptions(&j, &a->w->seen);
    locust__json_out_end(&j, '}');
    locust__buf_puts(j.out, "\n");
}

LOCUST__COLD static void locust__answers_tasks(locust__asked *a)
{
    locust__json_out j;
    locust__answers_json(a, &j);
    locust__data_ratios(&j, &a->w->seen);
    locust__buf_puts(j.out, "\n");
}

LOCUST__COLD static void locust__answers_logs(locust__asked *a)
{
    const locust__web *w = a->w;
    locust__json_out j;
    locust__answers_json(a, &j);
    locust__json_out_begin(&j, '{');
    locust__json_out_name(&j, "master");
    locust__json_out_begin(&j, '[');
    for (size_t i = 0; i < w->n_lines; i++)
        locust__json_out_text(&j, w->lines[(w->first + i) % LOCUST__WEB_LINES]);
    locust__json_out_end(&j, ']');
    locust__json_out_name(&j, "workers");
    locust__json_out_begin(&j, '{');
    locust__json_out_end(&j, '}');
    locust__json_out_end(&j, '}');
    locust__buf_puts(j.out, "\n");
}

LOCUST__COLD static void locust__answers_worker_count(locust__asked *a)
{
    const locust__seen *s = &a->w->seen;
    locust__json_out j;
    locust__answers_json(a, &j);
    locust__json_out_begin(&j, '{');
    locust__data_int(&j, "worker_count", locust__seen_workers(s));
    locust__json_out_end(&j, '}');
    locust__buf_puts(j.out, "\n");
}

/* /locust-h/state. Of slices of the run over time, ?after= has those alone that ended later; it is
 * taken to ten seconds, so that all who ask get the same. */
LOCUST__COLD static void locust__answers_state(locust__asked *a)
{
    const char *given = locust__form_value(&a->args, "after");
    double after = given ? locust__number_decimal(&given) : 0;
    after = after > 0 && after < 1e12 ? (double)((int64_t)(after / 10) * 10) : 0;
    a->x->type = "application/json";
    if (locust__answers_cached(a, &a->w->state, after))
        return;
    locust__told_state(&a->x->text, &a->w->seen.told, after);
    locust__answers_keep(a, &a->w->state, after);
}

/* The head of a page: it takes nothing from anywhere else. */
LOCUST__COLD static void locust__answers_page_head(locust__asked *a)
{
    a->x->type = "text/html; charset=utf-8";
    locust__buf_puts(&a->x->fields,
        "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src "
        "'unsafe-inline'; img-src data: blob:; connect-src 'self'; form-action 'self'; base-uri "
        "'none'; frame-ancestors 'none'\r\nX-Frame-Options: DENY\r\n");
}

LOCUST__COLD static void locust__answers_page(locust__asked *a)
{
    locust__buf *out = &a->x->text;
    locust__json_out j = {.out = out};
    size_t from;
    locust__answers_page_head(a);
    locust__page_put(out, LOCUST__PAGE_TOP);
    locust__page_put(out, LOCUST__PAGE_MIDDLE);
    locust__buf_puts(out, "window.templateArgs = ");
    from = out->len;
    locust__args_page(&j, &a->w->seen);
    locust__document_script(out, from);
    locust__buf_puts(out, "\nwindow.locustState = ");
    from = out->len;
    locust__told_state(out, &a->w->seen.told, 0);
    locust__document_script(out, from);
    locust__buf_puts(out, "\n");
    locust__page_put(out, LOCUST__PAGE_END);
}

/* Adds what Locust calls a file that is downloaded: without what no name or head may have. */
LOCUST__COLD static void locust__answers_file(
    locust__asked *a, const char *name, const char *ending)
{
    const locust__web *w = a->w;
    locust__buf *out = &a->x->fields;
    const char *host = locust__swarm_host_now(w);
    time_t seconds = (time_t)(w->seen.start_wall_ns / LOCUST__S);
    struct tm tm;
    size_t from;
    localtime_r(&seconds, &tm);
    locust__buf_puts(out, "Content-Disposition: ");
    from = out->len;
    locust__buf_printf(out, "attachment;filename=Locust_%04d-%02d-%02d-%02dh%02d_%s%s%s%s.%s",
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
        locust__seen_program(&w->seen), host && *host ? "_" : "", host ? host : "", name, ending);
    for (size_t i = from; i < out->len; i++)
        if ((unsigned char)out->ptr[i] <= ' ' || out->ptr[i] == '"' || out->ptr[i] == 0x7F)
            out->ptr[i] = '_';
    locust__buf_puts(out, "\r\n");
}

LOCUST__COLD static void locust__answers_report(locust__asked *a)
{
    const char *theme = locust__form_value(&a->args, "theme");
    const char *download = locust__form_value(&a->args, "download");
    bool link = !download || !*download;
    locust__answers_page_head(a);
    if (!link)
        locust__answers_file(a, "", "html");
    locust__document_report(&a->x->text, &a->w->seen.told,
        theme && strcmp(theme, "dark") == 0 ? "dark" : "light", link);
}

LOCUST__COLD static void locust__answers_csv(
    locust__asked *a, void (*write)(locust__csv *csv, locust__buf *out), const char *name)
{
    locust__csv csv;
    memset(&csv, 0, sizeof csv);
    csv.env = a->w->env;
    a->x->type = "text/csv";
    locust__answers_file(a, name, "csv");
    write(&csv, &a->x->text);
}

LOCUST__COLD static void locust__answers_requests_csv(locust__asked *a)
{
    locust__answers_csv(a, locust__csv_stats, "_requests");
}

LOCUST__COLD static void locust__answers_failures_csv(locust__asked *a)
{
    locust__answers_csv(a, locust__csv_failures, "_failures");
}

LOCUST__COLD static void locust__answers_exceptions_csv(locust__asked *a)
{
    locust__answers_csv(a, locust__csv_exceptions, "_exceptions");
}

/* bytes=FIRST-LAST, bytes=FIRST-, bytes=-LAST: one range, RFC 9110 14.1.2. False: it is no such
 * range, and the whole is sent. *n 0: none of these bytes is there. */
LOCUST__COLD static bool locust__answers_range(
    const char *text, size_t size, size_t *from, size_t *n)
{
    int64_t first, last = (int64_t)size - 1;
    if (!text || strncasecmp(text, "bytes=", 6) != 0)
        return false;
    text += 6;
    first = locust__number_whole(&text);
    if (*text++ != '-')
        return false;
    if (locust__text_is_digit(*text) && first >= 0) {
        int64_t end = locust__number_whole(&text);
        if (end < first)
            return false;
        last = end < last ? end : last;
    } else if (locust__text_is_digit(*text)) {
        int64_t tail = locust__number_whole(&text);
        first = tail < (int64_t)size ? (int64_t)size - tail : 0;
        last = tail ? last : -1;
    } else if (first < 0) {
        return false;
    }
    if (*text)
        return false;
    *from = (size_t)first;
    *n = first <= last ? (size_t)(last - first) + 1 : 0;
    return true;
}

/* Reads n bytes of a file from `from` on. */
LOCUST__COLD static void locust__answers_read(locust__buf *out, int fd, size_t from, size_t n)
{
    if (!locust__buf_reserve(out, n) || lseek(fd, (off_t)from, SEEK_SET) < 0) {
        out->failed = true;
        return;
    }
    while (n) {
        ssize_t got = read(fd, out->ptr + out->len, n);
        if (got <= 0)
            break;
        out->len += (size_t)got;
        n -= (size_t)got;
    }
    out->failed |= n > 0;
}

/* The file of --csv-full-history, whole or in part. */
LOCUST__COLD static void locust__answers_history_csv(locust__asked *a)
{
    const locust_options *o = &a->w->env->options;
    const char *known = locust__request_head_field(&a->x->head, "If-None-Match");
    const char *range = locust__request_head_field(&a->x->head, "Range");
    char path[4096], tag[64];
    struct stat about;
    size_t from = 0, n;
    int fd = -1;
    if (o->csv && o->csv_full_history) {
        snprintf(path, sizeof path, "%s_stats_history.csv", o->csv);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0 || fstat(fd, &about) != 0 || about.st_size > INT_MAX) {
        if (fd >= 0)
            close(fd);
        locust__answers_text(
            a, 404, "Error: Server was not started with option to generate full history.");
        return;
    }
    n = (size_t)about.st_size;
    snprintf(tag, sizeof tag, "\"%llx-%llx\"", (unsigned long long)about.st_mtime,
        (unsigned long long)about.st_size);
    a->x->type = "text/csv; charset=utf-8";
    locust__answers_file(a, "_requests_full_history", "csv");
    locust__buf_printf(&a->x->fields,
        "Cache-Control: no-cache, max-age=0\r\nETag: %s\r\nAccept-Ranges: bytes\r\n", tag);
    if (known && strstr(known, tag)) {
        a->x->status = 304;
        a->x->type = NULL;
    } else if (locust__answers_range(range, (size_t)about.st_size, &from, &n)) {
        a->x->status = n ? 206 : 416;
        if (n)
            locust__buf_printf(&a->x->fields, "Content-Range: bytes %zu-%zu/%lld\r\n", from,
                from + n - 1, (long long)about.st_size);
        else
            locust__buf_printf(
                &a->x->fields, "Content-Range: bytes */%lld\r\n", (long long)about.st_size);
    }
    if (a->x->status == 200 || a->x->status == 206)
        locust__answers_read(&a->x->text, fd, from, n);
    close(fd);
}

LOCUST__COLD static void locust__answers_login(locust__asked *a)
{
    a->x->status = 302;
    a->x->type = "text/html; charset=utf-8";
    locust__buf_printf(&a->x->fields, "Location: %s/\r\n", a->w->base);
    locust__buf_printf(&a->x->text,
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n"
        "<h1>Redirecting...</h1>\n<p>You should be redirected automatically to the target URL: "
        "<a href=\"%s/\">%s/</a>. If not, click the link.\n",
        a->w->base, a->w->base);
}

LOCUST__COLD static void locust__answers_swarm(locust__asked *a)
{
    locust__json_out j;
    locust__answers_json(a, &j);
    a->w->requests.at_ns = a->w->state.at_ns = 0;
    if (locust__swarm_answer(a->w, &a->form, &j))
        locust__buf_puts(j.out, "\n");
    else
        locust__answers_text(a, 500, "'Nope'");
}

/* The test is stopped already, or is being stopped: see >>web_site. */
LOCUST__COLD static void locust__answers_stop(locust__asked *a)
{
    locust__json_out j;
    locust__answers_json(a, &j);
    a->w->requests.at_ns = a->w->state.at_ns = 0;
    locust__json_out_begin(&j, '{');
    locust__data_text(&j, "message", "Test stopped");
    locust__data_bool(&j, "success", true);
    locust__json_out_end(&j, '}');
    locust__buf_puts(j.out, "\n");
}

LOCUST__COLD static void locust__answers_reset(locust__asked *a)
{
    locust__web *w = a->w;
    locust_env *env = w->env;
    if (w->seen.testing && env->start_ns && !env->until.at_ns) {
        locust__warm_up_reset_stats(env);
    } else {
        locust__stats_reset(&env->stats, locust__os_now_ns());
        LOCUST__ENV_FIRE(env, on_reset_stats, .number = 0);
    }
    w->seen.start_wall_ns = locust__os_wall_ns();
    w->requests.at_ns = w->state.at_ns = 0;
    locust__answers_text(a, 200, "ok");
}

LOCUST__COLD static void locust__answers_user(locust__asked *a)
{
    char text[512];
    const char *wrong =
        locust__swarm_user(a->w, (locust__view){a->x->body.ptr, a->x->body.len}, text, sizeof text);
    if (wrong) {
        locust__answers_copy(a, 500, wrong);
        return;
    }
    a->x->status = 201;
    a->x->type = "application/json";
    a->x->fixed = locust__view_of("{}\n");
}

LOCUST__COLD static void locust__answers_metrics(locust__asked *a)
{
#if defined(LOCUST__WITH_EXPORT) && LOCUST__WITH_EXPORT
    a->x->type = "text/plain; version=0.0.4; charset=utf-8";
    locust__prometheus_write(&a->x->text, a->w->env, &a->w->seen.told.result->checks);
#else
    locust__answers_text(a, 404, "This program was compiled without it.");
#endif
}
