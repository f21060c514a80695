/* ============================================================================================
 * >>check  checks
 *
 * Purpose     are the figures good enough? p99<250ms; fail_ratio<1% /cart: of the total, or of the
 *             rows of a name.
 * Invariants  a check for which nothing was measured does not hold; in a run without a single
 *             request none does but one of their number.
 * Names       locust__check_ locust__checks_
 * Uses        >>entry >>stats >>figures >>extra
 * ============================================================================================ */

/* What a check can be about, by its name, beside percentiles. */
static const locust__figure_id locust__check_figures[] = {LOCUST__FIGURE_MIN, LOCUST__FIGURE_AVG,
    LOCUST__FIGURE_MAX, LOCUST__FIGURE_FAIL_RATIO, LOCUST__FIGURE_RPS, LOCUST__FIGURE_FPS,
    LOCUST__FIGURE_REQUESTS, LOCUST__FIGURE_FAILURES, LOCUST__FIGURE_SHED,
    LOCUST__FIGURE_UNANSWERED};

typedef struct locust__check {
    char *text;       // as it was given; owned
    const char *name; // of the row, within text; "": the total
    locust__figure_id figure;
    const locust__extra *extra;    // whose figure it is instead; NULL: none
    enum locust__figure_unit unit; // of that
    int what, goal;                // that figure, as it counts them
    double share;                  // of a percentile
    bool above, equal;             // > or >=, <= or >=
    double limit;                  // ms, a share, a number or a number a second
    double value;                  // what was measured
    bool measured, held;
} locust__check;

typedef struct locust__checks {
    locust__check *all;
    size_t n, cap;
} locust__checks;

static enum locust__figure_unit locust__check_unit(const locust__check *c)
{
    return c->extra ? c->unit : locust__figures[c->figure].unit;
}

/* Reads p99.9 as 0.999. False: it is no percentile. */
static bool locust__check_share(locust__view text, double *share)
{
    const char *p = text.ptr + 1;
    if (text.len < 2 || *text.ptr != 'p' || !locust__text_is_digit(*p))
        return false;
    *share = locust__number_decimal(&p) / 100;
    return p == text.ptr + text.len && *share <= 1;
}

/* Finds the figure of a name: min, p99, intended_p50. False: there is no such figure. */
static bool locust__check_metric(locust__check *c, locust__view name)
{
    static const char intended[] = "intended_";
    const size_t n = sizeof intended - 1;
    c->share = 0.5;
    c->figure = LOCUST__FIGURE_P50;
    if (locust__view_is(name, "med") || locust__check_share(name, &c->share))
        return true;
    for (size_t i = 0; i < sizeof locust__check_figures / sizeof *locust__check_figures; i++) {
        c->figure = locust__check_figures[i];
        if (locust__view_is(name, locust__figures_word(c->figure, LOCUST__FIGURE_NAME)))
            return true;
    }
    c->figure = LOCUST__FIGURE_INTENDED_P50;
    return name.len > n && memcmp(name.ptr, intended, n) == 0 &&
           locust__check_share((locust__view){name.ptr + n, name.len - n}, &c->share);
}

/* Reads the metric that a check begins with. Returns its length; 0: there is no such metric. */
static size_t locust__check_read_metric(locust__check *c, const char *text)
{
    size_t n = strcspn(text, "<>= \t"), at = 0;
    const locust__extra *extra;
    if (locust__check_metric(c, (locust__view){text, n}))
        return n;
    while ((extra = locust__extra_next(&at)) != NULL) {
        n = extra->metric(c, text);
        if (!n)
            continue;
        c->extra = extra;
        return n;
    }
    return 0;
}

/* What turns a limit into milliseconds, shares or plain numbers; 0: the figure has no such unit. */
static double locust__check_scale(const locust__check *c, locust__view unit)
{
    switch (locust__check_unit(c)) {
    case LOCUST__FIGURE_UNIT_TIME:
        return !unit.len || locust__view_is(unit, "ms") ? 1
               : locust__view_is(unit, "s")             ? 1000
               : locust__view_is(unit, "us")            ? 0.001
                                                        : 0;
    case LOCUST__FIGURE_UNIT_SHARE:
        return !unit.len ? 1 : locust__view_is(unit, "%") ? 0.01 : 0;
    case LOCUST__FIGURE_UNIT_RATE:
        return !unit.len || locust__view_is(unit, "/s");
    case LOCUST__FIGURE_UNIT_COUNT:
    case LOCUST__FIGURE_UNIT_BYTES:
    case LOCUST__FIGURE_UNITS:
        break;
    }
    return !unit.len;
}

/* Reads METRIC<LIMIT[UNIT] [NAME] from c->text. False: it has another form. */
static bool locust__check_parse(locust__check *c)
{
    const char *p = c->text, *end;
    size_t n = locust__check_read_metric(c, p);
    double unit;
    if (!n)
        return false;
    p += n + strspn(p + n, " \t");
    c->above = *p == '>';
    if (*p != '<' && *p != '>')
        return false;
    c->equal = *++p == '=';
    p += c->equal;
    p += strspn(p, " \t");
    end = p;
    c->limit = locust__number_decimal(&end);
    if (c->limit < 0)
        return false;
    n = strcspn(end, " \t");
    if (!n) { // "1 %", "5 ms"
        const char *word = end + strspn(end, " \t");
        size_t len = strcspn(word, " \t");
        if (len && locust__check_scale(c, (locust__view){word, len}) > 0) {
            end = word;
            n = len;
        }
    }
    unit = locust__check_scale(c, (locust__view){end, n});
    c->limit *= unit;
    c->name = end + n + strspn(end + n, " \t");
    return unit > 0;
}

static void locust__checks_free(locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++)
        LOCUST_FREE(checks->all[i].text);
    LOCUST_FREE(checks->all);
    memset(checks, 0, sizeof *checks);
}

/* Does the ';' at list[n] belong to the name of the first check, as in p99<1s /a;v=1? So it does if
 * that check has a name, and what follows has neither < nor > and so is no check. */
static bool locust__checks_in_name(const char *list, size_t n)
{
    size_t at = strcspn(list, "<>"), next;
    if (at >= n || list[n] != ';')
        return false;
    at += list[at + 1] == '=' ? 2 : 1;
    at += strspn(list + at, " \t");
    at += strcspn(list + at, " \t;\n"); // the limit and its unit
    at += strspn(list + at, " \t%");
    if (at >= n)
        return false;
    at = n + 1 + strspn(list + n + 1, "; \t");
    next = strcspn(list + at, ";\n");
    return next && strcspn(list + at, "<>;\n") == next;
}

/* Adds the checks of a list, separated by ';' or line ends. NULL; or the first wrong one; or "": no
 * memory. */
static const char *locust__checks_read(locust__checks *checks, const char *list)
{
    while (list && *list) {
        size_t n, len;
        locust__check *all, *c;
        list += strspn(list, "; \t\n");
        n = strcspn(list, ";\n");
        while (locust__checks_in_name(list, n))
            n += 1 + strcspn(list + n + 1, ";\n");
        len = n;
        while (n && (list[n - 1] == ' ' || list[n - 1] == '\t'))
            n--;
        if (!n)
            continue;
        all = locust__memory_grow(checks->all, sizeof *all, checks->n, &checks->cap);
        if (!all)
            return "";
        checks->all = all;
        c = &all[checks->n];
        *c = (locust__check){.text = locust__text_copy(list, n)};
        if (!c->text)
            return "";
        checks->n++;
        if (!locust__check_parse(c))
            return c->text;
        list += len;
    }
    return NULL;
}

/* What was measured of a row, in the unit of limits. False: nothing was. */
static bool locust__check_measure(
    const locust_env *env, const locust__check *c, const locust__entry *row, double *value)
{
    locust__figures_view v = {.env = env, .rates = LOCUST__FIGURES_MEASURED};
    bool any = c->extra ? c->extra->measure(env, c, row, value)
                        : locust__figures_find(&v, row, c->figure, c->share, value);
    if (locust__check_unit(c) == LOCUST__FIGURE_UNIT_TIME)
        *value /= 1e6;
    return any;
}

/* Is the row asked for, by its name or by method and name? */
static bool locust__check_names(const locust__check *c, const locust__entry *row)
{
    size_t n = strlen(row->method);
    return strcmp(row->name, c->name) == 0 ||
           (strncmp(c->name, row->method, n) == 0 && c->name[n] == ' ' &&
               strcmp(c->name + n + 1, row->name) == 0);
}

static bool locust__check_holds(const locust__check *c, double value)
{
    if (c->above)
        return c->equal ? value >= c->limit : value > c->limit;
    return c->equal ? value <= c->limit : value < c->limit;
}

/* Holds it against what was measured so far; of several rows with its name, the worst. */
LOCUST__COLD static void locust__check_judge(locust_env *env, locust__check *c)
{
    const locust__entry *row = &env->stats.total;
    c->measured = c->held = false;
    for (size_t i = 0; row; i++) {
        double value = 0;
        bool asked = row == &env->stats.total ? !*c->name : locust__check_names(c, row);
        if (asked && locust__check_measure(env, c, row, &value) &&
            (!c->measured || (c->above ? value < c->value : value > c->value))) {
            c->value = value;
            c->measured = true;
        }
        row = *c->name ? locust__stats_entry_at(&env->stats, i) : NULL;
    }
    c->held = c->measured && locust__check_holds(c, c->value);
    if (c->held && !env->stats.total.requests && c->figure != LOCUST__FIGURE_REQUESTS)
        c->measured = c->held = false; // no failures among no requests
}

/* Judges all checks as of now. True if all of them hold. */
static bool locust__checks_judge(locust_env *env, locust__checks *checks)
{
    bool all = true;
    for (size_t i = 0; i < checks->n; i++) {
        locust__check_judge(env, &checks->all[i]);
        all &= checks->all[i].held;
    }
    return all;
}

/* The first check that is broken, but for those that more requests or failures may still mend;
 * NULL: none is. */
static const locust__check *locust__checks_broken(locust_env *env, locust__checks *checks)
{
    locust__checks_judge(env, checks);
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        bool grows = locust__check_unit(c) == LOCUST__FIGURE_UNIT_COUNT;
        if (c->measured && !c->held && !(grows && c->above))
            return c;
    }
    return NULL;
}

/* True if a check of the total is about what was unanswered: then it alone says how much may be. */
static bool locust__checks_allow_unanswered(const locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++)
        if (!*checks->all[i].name && checks->all[i].figure == LOCUST__FIGURE_UNANSWERED)
            return true;
    return false;
}

/* True if a check of the total limits failures: then failures alone do not decide the exit code. */
static bool locust__checks_allow_failures(const locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (!*c->name &&
            (c->figure == LOCUST__FIGURE_FAIL_RATIO || c->figure == LOCUST__FIGURE_FAILURES ||
                c->figure == LOCUST__FIGURE_FPS))
            return true;
    }
    return false;
}

/* What was measured, with its unit, perhaps in `out`. */
static const char *locust__check_value(const locust__check *c, char *out, size_t size)
{
    if (!c->measured)
        return "nothing measured";
    switch (locust__check_unit(c)) {
    case LOCUST__FIGURE_UNIT_TIME:
        snprintf(out, size, "%.3f ms", c->value);
        break;
    case LOCUST__FIGURE_UNIT_SHARE:
        snprintf(out, size, "%.3f %%", 100 * c->value);
        break;
    case LOCUST__FIGURE_UNIT_RATE:
        snprintf(out, size, "%.2f/s", c->value);
        break;
    case LOCUST__FIGURE_UNIT_COUNT:
    case LOCUST__FIGURE_UNIT_BYTES:
    case LOCUST__FIGURE_UNITS:
        snprintf(out, size, "%.0f", c->value);
        break;
    }
    return out;
}
