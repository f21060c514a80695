/* ============================================================================================
 * >>github  annotations of GitHub Actions
 *
 * Purpose     shows at a job of GitHub Actions what is wrong: checks that do not hold, rows that
 *             became slower, a generator at its limit.
 * Names       locust__github_
 * Uses        >>generator >>check >>baseline >>result
 * ============================================================================================ */

/* Prints one annotation for each thing that is wrong, if GitHub Actions runs this process. */
static void locust__github_annotate(const locust__result *v)
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
        const locust__earlier *earlier = &v->baseline.rows[i];
        if (*earlier->name && earlier->change == LOCUST__CHANGE_SLOWER)
            dprintf(STDOUT_FILENO, "::error title=locust.h::%s became slower: %s\n", earlier->name,
                earlier->why);
    }
    locust__generator_line(&v->generator, text, sizeof text);
    if (!v->generator.ok)
        dprintf(STDOUT_FILENO, "::warning title=locust.h::%s\n", text);
}
