/* ============================================================================================
 * >>github  annotations of GitHub Actions
 *
 * Purpose     where it runs the test, what is wrong shows at the job.
 * Names       locust__github_
 * Uses        >>generator >>check >>baseline >>result
 * ============================================================================================ */

/* Where GitHub Actions runs the test, what is wrong becomes an annotation. */
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
