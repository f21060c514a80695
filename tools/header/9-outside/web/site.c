/* ============================================================================================
 * >>web_site  the routes of the web interface
 *
 * Purpose     which path is answered how; what is refused before.
 * Invariants  in this order: the name by which this server is asked for; the password; the path;
 *             the method; where the request comes from. So a foreign page learns nothing, and
 *             whoever has no password nothing but that it is asked for.
 * Names       locust__site_
 * Uses        >>co >>misuse >>switch >>sync >>context >>request_head >>httpd >>env >>web_form
 *             >>web_seen >>web_guard >>web >>web_answers
 * Sources     Locust 2.47 (reference runs): routes, methods, bodies of refusals; /stop and
 *             /stats/reset by GET, too, as before.
 * ============================================================================================ */

enum { LOCUST__SITE_GET = 1, LOCUST__SITE_POST = 2 };

static const struct locust__site_route {
    const char *path;
    int methods;
    bool changes; // something, by whatever method
    void (*answer)(locust__asked *a);
} locust__site_routes[] = {
    {"/", LOCUST__SITE_GET, false, locust__answers_page},
    {"/swarm", LOCUST__SITE_POST, true, locust__answers_swarm},
    {"/stop", LOCUST__SITE_GET | LOCUST__SITE_POST, true, locust__answers_stop},
    {"/stats/reset", LOCUST__SITE_GET | LOCUST__SITE_POST, true, locust__answers_reset},
    {"/stats/requests", LOCUST__SITE_GET, false, locust__answers_requests},
    {"/stats/requests/csv", LOCUST__SITE_GET, false, locust__answers_requests_csv},
    {"/stats/failures/csv", LOCUST__SITE_GET, false, locust__answers_failures_csv},
    {"/stats/requests_full_history/csv", LOCUST__SITE_GET, false, locust__answers_history_csv},
    {"/stats/report", LOCUST__SITE_GET, false, locust__answers_report},
    {"/exceptions", LOCUST__SITE_GET, false, locust__answers_exceptions},
    {"/exceptions/csv", LOCUST__SITE_GET, false, locust__answers_exceptions_csv},
    {"/tasks", LOCUST__SITE_GET, false, locust__answers_tasks},
    {"/logs", LOCUST__SITE_GET, false, locust__answers_logs},
    {"/worker-count", LOCUST__SITE_GET, false, locust__answers_worker_count},
    {"/login", LOCUST__SITE_GET, false, locust__answers_login},
    {"/user", LOCUST__SITE_POST, true, locust__answers_user},
    {"/metrics", LOCUST__SITE_GET, false, locust__answers_metrics},
    {"/locust-h/state", LOCUST__SITE_GET, false, locust__answers_state},
};

/* Which of them a method is; 0: another one. */
LOCUST__COLD static int locust__site_method(const char *method)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return LOCUST__SITE_GET;
    return strcmp(method, "POST") == 0 ? LOCUST__SITE_POST : 0;
}

LOCUST__COLD static const struct locust__site_route *locust__site_find(const char *path)
{
    const size_t n = sizeof locust__site_routes / sizeof *locust__site_routes;
    for (size_t i = 0; i < n; i++)
        if (strcmp(locust__site_routes[i].path, path) == 0)
            return &locust__site_routes[i];
    return NULL;
}

LOCUST__COLD static const locust_web_route *locust__site_find_own(
    const locust_env *env, const char *path)
{
    const locust_web_route *routes = env->test->routes;
    for (int i = 0; i < LOCUST_ROUTES_MAX && routes[i].path; i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return NULL;
}

LOCUST__COLD static void locust__site_not_found(locust__asked *a, const char *path)
{
    locust__answers_text(a, 404,
        strncmp(path, "/assets/", 8) == 0
            ? "404 Not Found: The requested URL was not found on the server. If you entered the "
              "URL manually please check your spelling and try again."
            : "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
              "<p>The requested URL was not found on the server. If you entered the URL manually "
              "please check your spelling and try again.</p>\n");
}

LOCUST__COLD static void locust__site_allow(locust__asked *a, int methods)
{
    locust__buf_printf(&a->x->fields, "Allow: %s%sOPTIONS\r\n",
        methods & LOCUST__SITE_GET ? "GET, HEAD, " : "",
        methods & LOCUST__SITE_POST ? "POST, " : "");
}

LOCUST__COLD static void locust__site_refuse(locust__asked *a, int status, const char *text)
{
    locust__answers_text(a, status, text);
    a->x->type = "text/plain; charset=utf-8";
}

/* Calls the function of a route of the test. */
LOCUST__COLD static void locust__site_call_own(locust__asked *a, const locust_web_route *route)
{
    const locust__request_head *h = &a->x->head;
    locust_web_request request = {.method = strcmp(h->method, "HEAD") == 0 ? "GET" : h->method,
        .path = route->path,
        .query = h->query,
        .body = a->x->body.ptr,
        .body_len = a->x->body.len,
        .fields = h->fields};
    locust_web_answer answer = {{NULL, 0, 0, false}, "text/plain; charset=utf-8", 200};
    locust__callback c;
    locust__callback_begin(&c, &a->w->env->loop, "a function of .routes");
    if (setjmp(c.back) == 0) {
        route->fn(a->w->env, &request, &answer);
    } else {
        locust__callback_left(&c);
        answer.status = 500;
    }
    locust__callback_end(&c);
    a->x->status = answer.status;
    a->x->text = answer.text;
    a->x->type = "text/plain; charset=utf-8";
    if (strcmp(answer.type, a->x->type) == 0)
        return;
    a->x->type = NULL; // it may be any: among the fields it lasts
    locust__buf_printf(&a->x->fields, "Content-Type: %s\r\n", answer.type);
}

/* Answers a path below the base. */
LOCUST__COLD static void locust__site_answer_path(locust__asked *a, const char *path)
{
    const locust__request_head *h = &a->x->head;
    const locust_web_route *own = locust__site_find_own(a->w->env, path);
    const struct locust__site_route *route = own ? NULL : locust__site_find(path);
    int method = locust__site_method(h->method);
    int methods = own ? LOCUST__SITE_GET | LOCUST__SITE_POST : route ? route->methods : 0;
    bool options = strcmp(h->method, "OPTIONS") == 0;
    if (!own && !route) {
        locust__site_not_found(a, path);
    } else if (options) {
        locust__answers_text(a, 200, "");
        locust__site_allow(a, methods);
    } else if (!own && !(method & methods)) {
        locust__answers_text(a, 405,
            "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n"
            "<h1>Method Not Allowed</h1>\n<p>The method is not allowed for the requested "
            "URL.</p>\n");
        locust__site_allow(a, methods);
    } else if ((method != LOCUST__SITE_GET || (route && route->changes)) &&
               locust__guard_is_foreign(&a->w->guard, h)) {
        locust__site_refuse(a, 403, "another page sends this, and may not\n");
    } else if (own) {
        locust__site_call_own(a, own);
    } else {
        locust__buf_puts(&a->x->fields,
            route->answer == locust__answers_history_csv ? "" : "Cache-Control: no-store\r\n");
        route->answer(a);
    }
}

/* The path below the base; NULL: it lies elsewhere, or is the base without the '/' behind it. */
LOCUST__COLD static const char *locust__site_below(const locust__web *w, const char *path)
{
    size_t n = strlen(w->base);
    return strncmp(path, w->base, n) == 0 && path[n] == '/' ? path + n : NULL;
}

LOCUST__COLD static void locust__site_call(void *arg)
{
    locust__asked *a = arg;
    locust__web *w = a->w;
    const locust__request_head *h = &a->x->head;
    const char *path = locust__site_below(w, h->path);
    locust__locale locale = locust__locale_enter();
    int64_t began_ns = locust__os_now_ns();
    w->seen.told.state = locust__seen_state(&w->seen);
    locust__buf_puts(
        &a->x->fields, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n");
    if (*h->host && !locust__guard_knows(&w->guard, locust__view_of(h->host))) {
        locust__site_refuse(a, 421,
            "this server does not go by that name: --web-host-display-name NAME tells it\n");
    } else if (!locust__guard_lets_in(&w->guard, h)) {
        locust__site_refuse(a, 401, "user and password, please\n");
        locust__buf_puts(
            &a->x->fields, "WWW-Authenticate: Basic realm=\"Locust\", charset=\"UTF-8\"\r\n");
    } else if (path) {
        locust__form_read_pairs(&a->args, locust__view_of(h->query));
        locust__form_read(&a->form, locust__request_head_field(h, "Content-Type"),
            (locust__view){a->x->body.ptr, a->x->body.len});
        locust__site_answer_path(a, path);
    } else if (*w->base && strcmp(h->path, w->base) == 0) {
        locust__answers_text(a, 308, "");
        locust__buf_printf(&a->x->fields, "Location: %s/\r\n", w->base);
    } else {
        locust__site_not_found(a, h->path);
    }
    locust__locale_leave(locale);
    if (locust__os_now_ns() - began_ns >= LOCUST__LOOP_BLOCKED_NS)
        w->env->loop.excused = true; // a large answer is not a task's fault
}

/* Asks for the end of the test, and waits for it. */
LOCUST__COLD static void locust__site_stop(locust__web *w) LOCUST__PARKS
{
    int test = w->seen.tests;
    w->start_due = false;
    w->seen.stopped = true;
    if (w->seen.testing && !w->env->stop_requested)
        locust__env_request_stop(w->env);
    while (w->seen.testing && w->seen.tests == test &&
           locust__queue_wait(&w->env->loop, &w->stops, LOCUST__NEVER) == LOCUST__WAKE_EVENT)
        ;
}

/* Answers a request: what >>httpd calls. */
LOCUST__COLD static void locust__site_answer(void *arg, locust__served *x) LOCUST__PARKS
{
    enum { GUESSES = 32, GUESS_MS = 500 };
    locust__web *w = arg;
    locust__asked a = {.w = w, .x = x};
    locust__loop *loop = &w->env->loop;
    locust__co_call(loop, locust__site_call, &a);
    if (x->status == 200 && x->type && locust__site_method(x->head.method)) {
        const char *path = locust__site_below(w, x->head.path);
        const struct locust__site_route *route = path ? locust__site_find(path) : NULL;
        if (route && route->answer == locust__answers_stop && !locust__site_find_own(w->env, path))
            locust__site_stop(w);
    }
    if (x->status == 401 && locust__request_head_field(&x->head, "Authorization") &&
        w->guessing < GUESSES) { // who guesses is slow
        w->guessing++;
        locust__co_sleep(loop, locust__os_now_ns() + GUESS_MS * LOCUST__MS);
        w->guessing--;
    }
    locust__form_free(&a.args);
    locust__form_free(&a.form);
}
