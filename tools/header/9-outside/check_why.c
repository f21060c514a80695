/* ============================================================================================
 * >>check_why  what is wrong with a check
 *
 * Purpose     names the part of a check that cannot be read, where it stands, and what there is
 *             in its place.
 * Names       locust__check_units locust__check_why locust__check_why_ locust__checks_why
 * Uses        >>figures >>extra >>check
 * ============================================================================================ */

/* The units of what a check is about. */
static const char *locust__check_why_units(const locust__check *c)
{
    switch (locust__check_unit(c)) {
    case LOCUST__FIGURE_UNIT_TIME:
        return "us, ms or s, and is in ms without";
    case LOCUST__FIGURE_UNIT_SHARE:
        return "% or none, such as 1% or 0.01";
    case LOCUST__FIGURE_UNIT_RATE:
        return "/s or none";
    case LOCUST__FIGURE_UNIT_COUNT:
    case LOCUST__FIGURE_UNIT_BYTES:
    case LOCUST__FIGURE_UNITS:
        break;
    }
    return "no unit";
}

/* Appends what a check can be about. */
static void locust__check_why_metrics(locust__buf *out)
{
    const locust__extra *extra;
    locust__buf_puts(out, "p50, p99.9 or any percentile, intended_p99, med");
    for (size_t i = 0; i < sizeof locust__check_figures / sizeof *locust__check_figures; i++)
        locust__buf_printf(
            out, ", %s", locust__figures_word(locust__check_figures[i], LOCUST__FIGURE_NAME));
    for (size_t at = 0; (extra = locust__extra_next(&at)) != NULL;)
        locust__buf_printf(out, ", %s", extra->metrics);
}

/* Appends a quotation of n bytes of a check, and where it stands. */
static void locust__check_why_quote(locust__buf *out, const char *text, const char *at, size_t n)
{
    locust__buf_printf(out, "\"%.*s\" (character %d)", (int)n, at, (int)(at - text) + 1);
}

/* Appends why a check cannot be read; it must be one that locust__check_parse refused. */
static void locust__check_why(locust__buf *out, const char *text)
{
    locust__check c = {.text = NULL};
    const char *p = text, *end;
    size_t n = locust__check_read_metric(&c, p);
    if (!n) {
        locust__check_why_quote(out, text, p, strcspn(p, "<>= \t"));
        locust__buf_puts(out, " is no metric; there are ");
        locust__check_why_metrics(out);
        return;
    }
    p += n + strspn(p + n, " \t");
    if (*p != '<' && *p != '>') {
        locust__check_why_quote(out, text, p, strcspn(p, " \t"));
        locust__buf_puts(out, " is no comparison; there are <, <=, > and >=");
        return;
    }
    p += p[1] == '=' ? 2 : 1;
    p += strspn(p, " \t");
    end = p;
    if (locust__number_decimal(&end) < 0) {
        locust__check_why_quote(out, text, p, strcspn(p, " \t"));
        locust__buf_puts(out, " is no number, such as 250 or 0.25");
        return;
    }
    locust__check_why_quote(out, text, end, strcspn(end, " \t"));
    locust__buf_printf(
        out, " is no unit here: %.*s takes %s", (int)n, text, locust__check_why_units(&c));
}

/* Why an option's list of checks cannot be read: a sentence, yours to free; NULL: it can. `option`:
 * as the user named it. */
static char *locust__checks_why(const char *list, const char *option)
{
    locust__checks checks = {NULL, 0, 0};
    const char *wrong = locust__checks_read(&checks, list);
    locust__buf out = {NULL, 0, 0, false};
    if (wrong && *wrong) {
        locust__buf_printf(&out, "%s '%s': ", option, wrong);
        locust__check_why(&out, wrong);
        locust__buf_add(&out, "", 1);
    } else if (wrong) {
        locust__buf_add(&out, "out of memory", sizeof "out of memory");
    }
    locust__checks_free(&checks);
    return out.ptr;
}
