/* ============================================================================================
 * >>github  annotations of GitHub Actions
 *
 * Purpose     shows at a job of GitHub Actions what is wrong: checks that do not hold, rows that
 *             became slower, a search that found no rate, a run that failed by itself, a
 *             generator at its limit.
 * Names       locust__github_
 * Uses        >>env >>generator >>check >>baseline >>find >>result
 * Sources     GitHub's documentation of workflow commands; escapes as its toolkit has them
 *             (packages/core/src/command.ts). Its runner reads no other.
 * ============================================================================================ */

/* Adds text to a command of the runner: what would end the line or begin an escape is escaped,
 * other control characters become blanks. */
static void locust__github_put(locust__buf *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "%\r\n");
        locust__buf_line(out, (locust__view){text, n});
        text += n;
        if (*text)
            locust__buf_printf(out, "%%%02X", (unsigned)*text++);
    }
}

static void locust__github_add(
    locust__buf *out, const char *level, const char *what, const char *is, const char *how)
{
    locust__buf_printf(out, "::%s title=locust.h::", level);
    locust__github_put(out, what);
    locust__buf_puts(out, is);
    locust__github_put(out, how);
    locust__buf_puts(out, "\n");
}

/* Prints one annotation for each thing that is wrong, if GitHub Actions runs this process. */
LOCUST__COLD static void locust__github_annotate(const locust__result *v)
{
    const char *github = getenv("GITHUB_ACTIONS");
    locust__buf out = {NULL, 0, 0, false};
    char text[768];
    if (!github || strcmp(github, "true") != 0)
        return;
    for (size_t i = 0; i < v->checks.n; i++) {
        const locust__check *c = &v->checks.all[i];
        if (!c->held)
            locust__github_add(&out, "error", c->text,
                " does not hold: ", locust__check_value(c, text, sizeof text));
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__earlier *earlier = &v->baseline.rows[i];
        if (earlier->change == LOCUST__CHANGE_SLOWER)
            locust__github_add(&out, "error", earlier->name, " became slower: ", earlier->why);
    }
    if (v->env->options.find_max && !(v->find.good > 0)) {
        locust__find_line(&v->find, text, sizeof text);
        locust__github_add(&out, "error", text, "", "");
    }
    if (!v->own_code && locust__result_run_code(v, text, sizeof text))
        locust__github_add(&out, "error", text, "", "");
    locust__generator_line(&v->generator, text, sizeof text);
    if (!v->generator.ok)
        locust__github_add(&out, "warning", text, "", "");
    if (out.len)
        locust__out_line(&v->env->outs[LOCUST__ENV_STDOUT], out.ptr, out.len);
    locust__buf_free(&out);
}
