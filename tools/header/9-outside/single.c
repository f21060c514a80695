/* ============================================================================================
 * >>single  one user for a debugger
 *
 * Purpose     locust_run_single_user: runs one user and prints each request and its answer.
 * Names       locust__single_
 * Uses        >>client >>setup >>run
 * Sources     Locust 2.46: run_single_user.
 * ============================================================================================ */

/* Prints a request and its answer. */
static void locust__single_show(locust_env *env, const locust_sample *s)
{
    const locust_response *r = s->response;
    (void)env;
    if (!r || r->error) {
        printf("%s %s  %s  %.3f ms\n", s->method, s->url ? s->url : s->name,
            s->error ? s->error : "ok", s->elapsed_ms);
        return;
    }
    printf("%s %s  %d %s  %.3f ms  %zu bytes%s%s\n", s->method, s->url, r->status, r->reason,
        s->elapsed_ms, s->length, s->error ? "  FAILED: " : "", s->error ? s->error : "");
    for (const char *p = locust__client_fields((const locust__client *)(const void *)r); *p;) {
        const char *value = p + strlen(p) + 1;
        printf("  %s: %s\n", p, value);
        p = value + strlen(value) + 1;
    }
    if (r->body_len)
        printf("\n%.*s%s\n\n", r->body_len < 4096 ? (int)r->body_len : 4096, r->body,
            r->body_len > 4096 ? "..." : "");
    fflush(stdout);
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
    code = locust__run_test(env, true);
    locust__env_free(env);
    return code;
}
