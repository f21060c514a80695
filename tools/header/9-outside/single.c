/* ============================================================================================
 * >>single  one user for a debugger
 *
 * Purpose     locust_run_single_user: runs one user and prints each request and its answer.
 * Names       locust__single_
 * Uses        >>client >>setup >>run
 * Sources     Locust 2.46: run_single_user.
 * ============================================================================================ */

/* Adds what is shown of a body: its lines as they are, else as locust__buf_line does. */
static void locust__single_body(locust__buf *out, const locust_response *r)
{
    locust__view rest = {r->body, r->body_len < 4096 ? r->body_len : 4096};
    locust__buf_puts(out, "\n");
    while (rest.len) {
        const char *stop = memchr(rest.ptr, '\n', rest.len);
        locust__view line = {rest.ptr, stop ? (size_t)(stop - rest.ptr) : rest.len};
        rest = locust__view_skip(rest, line.len + (stop != NULL));
        locust__buf_line(out, line);
        locust__buf_puts(out, stop ? "\n" : "");
    }
    locust__buf_puts(out, r->body_len > 4096 ? "...\n\n" : "\n\n");
}

/* Adds a request and its answer, and nothing in them that a terminal would obey. */
static void locust__single_add(locust__buf *out, const locust_sample *s)
{
    const locust_response *r = s->response;
    const char *error = s->error ? s->error : "";
    locust__buf_line(out, locust__view_of(s->method));
    locust__buf_puts(out, " ");
    locust__buf_line(out, locust__view_of(s->url ? s->url : s->name));
    locust__buf_puts(out, "  ");
    if (!r || r->error) {
        locust__buf_line(out, locust__view_of(*error ? error : "ok"));
        locust__buf_printf(out, "  %.3f ms\n", s->elapsed_ms);
        return;
    }
    locust__buf_printf(out, "%d ", r->status);
    locust__buf_line(out, locust__view_of(r->reason));
    locust__buf_printf(
        out, "  %.3f ms  %zu bytes%s", s->elapsed_ms, s->length, *error ? "  FAILED: " : "");
    locust__buf_line(out, locust__view_of(error));
    locust__buf_puts(out, "\n");
    for (const char *p = locust__client_fields((const locust__client *)(const void *)r); *p;) {
        const char *value = p + strlen(p) + 1;
        locust__buf_printf(out, "  %s: ", p);
        locust__buf_line(out, locust__view_of(value));
        locust__buf_puts(out, "\n");
        p = value + strlen(value) + 1;
    }
    if (r->body_len)
        locust__single_body(out, r);
}

/* Prints a request and its answer. */
static void locust__single_show(locust_env *env, const locust_sample *s)
{
    locust__buf out = {NULL, 0, 0, false};
    (void)env;
    locust__single_add(&out, s);
    fflush(stdout); // a test's own lines come first
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}

LOCUST_API int locust_run_single_user(const locust_user_class *user_class, const char *host)
{
    locust_test test = {.users = {user_class}, .on_request = locust__single_show};
    locust_options options = {.host = host, .quiet = true};
    int code;
    locust_env *env = locust__env_new(&test, &options, &code);
    if (!env)
        return code;
    env->single = true; // the end of the user is that of the test
    code = locust__run_test(env, true, false);
    locust__env_free(env);
    return code;
}
