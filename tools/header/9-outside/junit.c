/* ============================================================================================
 * >>junit  --junit
 *
 * Purpose     the run, checks, baseline, search and the generator as test cases of JUnit XML.
 * Names       locust__junit_
 * Uses        >>generator >>figures >>check >>baseline >>find >>result
 * Sources     Ant's junit task, from its documentation; XML 1.0 section 2.2.
 * ============================================================================================ */

/* Adds text to XML. What XML 1.0 cannot hold (section 2.2) becomes U+FFFD; blanks but for the plain
 * one are escaped, else a reader makes plain ones of them (3.3.3). */
static void locust__junit_put(locust__buf *out, const char *text)
{
    for (locust__view rest = locust__view_of(text); rest.len;) {
        uint32_t code;
        locust__view c = locust__text_next(&rest, &code);
        if (code < 128 && strchr("<>&\"\t\r\n", (int)code))
            locust__buf_printf(out, "&#%u;", (unsigned)code);
        else if (code < ' ' || code == 0xFFFE || code == 0xFFFF)
            locust__buf_puts(out, "\xEF\xBF\xBD");
        else
            locust__buf_add(out, c.ptr, c.len);
    }
}

/* Adds a test case. `failure`: NULL, or why it failed; `said`: NULL, or its output. */
static void locust__junit_case(
    locust__buf *out, const char *kind, const char *name, const char *failure, const char *said)
{
    locust__buf_printf(out, "  <testcase classname=\"%s\" name=\"", kind);
    locust__junit_put(out, name);
    locust__buf_puts(out, "\" time=\"0\">");
    if (failure) {
        locust__buf_puts(out, "<failure message=\"");
        locust__junit_put(out, failure);
        locust__buf_puts(out, "\"/>");
    }
    if (said) {
        locust__buf_puts(out, "<system-out>");
        locust__junit_put(out, said);
        locust__buf_puts(out, "</system-out>");
    }
    locust__buf_puts(out, "</testcase>\n");
}

/* Why the run has failed, checks, baseline and generator aside, which have cases of their own.
 * NULL: it has not. `incomplete`: a report could not be written. */
static const char *locust__junit_run(
    const locust__result *v, bool incomplete, char *why, size_t size)
{
    int code = v->env->exit_code;
    if (v->own_code && code)
        snprintf(why, size, "the test has set exit code %d", code);
    else if (incomplete)
        snprintf(why, size, "a report could not be written");
    else if (v->own_code || !locust__result_run_code(v, why, size))
        return NULL;
    return why;
}

/* The file, in the form that Jenkins, GitLab and others read. */
LOCUST__COLD static void locust__junit_write(
    locust__buf *out, const locust__result *v, bool incomplete)
{
    const locust_env *env = v->env;
    locust__buf cases = {NULL, 0, 0, false};
    bool limit = env->options.fail_on_generator_limit && !v->generator.ok;
    char line[768];
    const char *why = locust__junit_run(v, incomplete || v->incomplete, line, sizeof line);
    size_t n = 2, failed = (size_t)limit + (why != NULL);
    locust__junit_case(&cases, "run", "run", why, NULL);
    for (size_t i = 0; i < v->checks.n; i++, n++) {
        const locust__check *c = &v->checks.all[i];
        failed += !c->held;
        locust__junit_case(&cases, "check", c->text,
            c->held ? NULL : locust__check_value(c, line, sizeof line), NULL);
    }
    for (size_t i = 0; i < v->baseline.n; i++) {
        const locust__earlier *earlier = &v->baseline.rows[i];
        const char *change = locust__change_names[earlier->change];
        n++;
        failed += earlier->change == LOCUST__CHANGE_SLOWER;
        locust__junit_case(&cases, "baseline", earlier->name,
            earlier->change == LOCUST__CHANGE_SLOWER ? earlier->why : NULL, change);
    }
    if (env->options.find_max) {
        bool found = v->find.good > 0;
        n++;
        failed += !found;
        locust__find_line(&v->find, line, sizeof line);
        locust__junit_case(
            &cases, "find-max", env->options.find_max, found ? NULL : line, found ? line : NULL);
    }
    locust__generator_line(&v->generator, line, sizeof line);
    locust__junit_case(&cases, "generator", "generator", limit ? line : NULL, line);
    locust__buf_printf(out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite name=\"locust.h\" "
        "tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\" timestamp=\"",
        n, failed, (double)(env->until.at_ns - env->stats.start_ns) / 1e9);
    locust__figures_time(out, locust__os_wall_ns());
    locust__buf_puts(out, "\">\n");
    locust__buf_add(out, cases.ptr, cases.len);
    locust__buf_puts(out, " </testsuite>\n</testsuites>\n");
    out->failed |= cases.failed;
    locust__buf_free(&cases);
}
