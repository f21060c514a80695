/* ============================================================================================
 * >>check  checks
 *
 * Purpose     are the figures good enough? p99<250ms; fail_ratio<1% /cart.
 * Invariants  a check for which nothing was measured does not hold.
 * Names       locust__check_ locust__checks_ locust__metric_ locust__metrics_
 * Uses        >>entry >>stats >>usage >>generator
 * ============================================================================================ */

enum locust__metric {
    LOCUST__METRIC_PERCENTILE,
    LOCUST__METRIC_INTENDED,
    LOCUST__METRIC_MIN,
    LOCUST__METRIC_AVG,
    LOCUST__METRIC_MAX,
    LOCUST__METRIC_FAIL_RATIO,
    LOCUST__METRIC_RPS,
    LOCUST__METRIC_FPS,
    LOCUST__METRIC_REQUESTS,
    LOCUST__METRIC_FAILURES,
    LOCUST__METRIC_SHED,
};

static const struct {
    const char *name;
    enum locust__metric metric;
} locust__metrics[] = {{"min", LOCUST__METRIC_MIN}, {"avg", LOCUST__METRIC_AVG},
    {"max", LOCUST__METRIC_MAX}, {"fail_ratio", LOCUST__METRIC_FAIL_RATIO},
    {"rps", LOCUST__METRIC_RPS}, {"fps", LOCUST__METRIC_FPS}, {"requests", LOCUST__METRIC_REQUESTS},
    {"failures", LOCUST__METRIC_FAILURES}, {"shed", LOCUST__METRIC_SHED}};

typedef struct locust__check {
    char *text;       // of the whole; its own memory
    const char *name; // of the row, in it; "": the total
    enum locust__metric metric;
    double share;      // of a percentile
    bool above, equal; // > or >=, <= or >=
    double limit;      // ms, a share, a number or a number a second
    double value;      // what was measured
    bool measured, held;
} locust__check;

typedef struct locust__checks {
    locust__check *all;
    size_t n, cap;
} locust__checks;

static bool locust__check_is_time(const locust__check *c)
{
    return c->metric <= LOCUST__METRIC_MAX;
}

/* p99.9: 0.999. False: it is no percentile. */
static bool locust__check_share(locust__view text, double *share)
{
    const char *p = text.ptr + 1;
    if (text.len < 2 || *text.ptr != 'p' || !locust__text_is_digit(*p))
        return false;
    *share = locust__number_decimal(&p) / 100;
    return p == text.ptr + text.len && *share <= 1;
}

static bool locust__check_metric(locust__check *c, locust__view name)
{
    static const char intended[] = "intended_";
    const size_t n = sizeof intended - 1;
    c->share = 0.5;
    c->metric = LOCUST__METRIC_PERCENTILE;
    if (locust__view_is(name, "med") || locust__check_share(name, &c->share))
        return true;
    for (size_t i = 0; i < sizeof locust__metrics / sizeof *locust__metrics; i++)
        if (locust__view_is(name, locust__metrics[i].name)) {
            c->metric = locust__metrics[i].metric;
            return true;
        }
    c->metric = LOCUST__METRIC_INTENDED;
    return name.len > n && memcmp(name.ptr, intended, n) == 0 &&
           locust__check_share((locust__view){name.ptr + n, name.len - n}, &c->share);
}

/* What a unit multiplies by; 0: the metric has no such unit. */
static double locust__check_unit(const locust__check *c, locust__view unit)
{
    if (!unit.len)
        return 1;
    if (locust__check_is_time(c))
        return locust__view_is(unit, "ms")   ? 1
               : locust__view_is(unit, "s")  ? 1000
               : locust__view_is(unit, "us") ? 0.001
                                             : 0;
    if (c->metric == LOCUST__METRIC_FAIL_RATIO)
        return locust__view_is(unit, "%") ? 0.01 : 0;
    return locust__view_is(unit, "/s") &&
                   (c->metric == LOCUST__METRIC_RPS || c->metric == LOCUST__METRIC_FPS)
               ? 1
               : 0;
}

/* Reads METRIC<LIMIT[UNIT] [NAME] out of c->text. False: it is none. */
static bool locust__check_parse(locust__check *c)
{
    const char *p = c->text, *end;
    size_t n = strcspn(p, "<>= \t");
    double unit;
    if (!locust__check_metric(c, (locust__view){p, n}))
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
    if (!n && end[strspn(end, " \t")] == '%') // "1 %"
        end += strspn(end, " \t"), n = 1;
    unit = locust__check_unit(c, (locust__view){end, n});
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

/* Adds those of a list separated by ';'. NULL, or the text of a wrong one: out of memory is "". */
static const char *locust__checks_read(locust__checks *checks, const char *list)
{
    while (list && *list) {
        size_t n;
        locust__check *all, *c;
        list += strspn(list, "; \t");
        n = strcspn(list, ";");
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
        list += strcspn(list, ";");
    }
    return NULL;
}

/* What a row has to say to a check. False: nothing. */
static bool locust__check_measure(
    const locust_env *env, const locust__check *c, const locust__entry *row, double *value)
{
    const locust__phase *in = row->intended;
    double rps, fps;
    locust__generator_rates(env, row, &rps, &fps);
    switch (c->metric) {
    case LOCUST__METRIC_PERCENTILE:
        *value = (double)locust__entry_percentile_ns(row, c->share) / 1e6;
        break;
    case LOCUST__METRIC_INTENDED:
        *value = in ? (double)locust__phase_percentile_ns(in, c->share) / 1e6 : 0;
        return in && in->hist.total;
    case LOCUST__METRIC_MIN:
        *value = (double)row->min_ns / 1e6;
        break;
    case LOCUST__METRIC_AVG:
        *value = locust__entry_mean_ns(row) / 1e6;
        break;
    case LOCUST__METRIC_MAX:
        *value = (double)row->max_ns / 1e6;
        break;
    case LOCUST__METRIC_FAIL_RATIO:
        *value = row->requests ? (double)row->failures / (double)row->requests : 0;
        break;
    case LOCUST__METRIC_RPS:
        *value = rps;
        return true;
    case LOCUST__METRIC_FPS:
        *value = fps;
        return true;
    case LOCUST__METRIC_REQUESTS:
        *value = (double)row->requests;
        return true;
    case LOCUST__METRIC_FAILURES:
        *value = (double)row->failures;
        return true;
    case LOCUST__METRIC_SHED:
        *value = (double)locust__usage_arrivals(env).shed;
        return true;
    }
    return row->requests > 0;
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
static void locust__check_judge(locust_env *env, locust__check *c)
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
}

/* Do all hold? */
static bool locust__checks_judge(locust_env *env, locust__checks *checks)
{
    bool all = true;
    for (size_t i = 0; i < checks->n; i++) {
        locust__check_judge(env, &checks->all[i]);
        all &= checks->all[i].held;
    }
    return all;
}

/* The first that broke and cannot come to hold again by the end; NULL: none. */
static const locust__check *locust__checks_broken(locust_env *env, locust__checks *checks)
{
    locust__checks_judge(env, checks);
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        bool grows = c->metric == LOCUST__METRIC_REQUESTS || c->metric == LOCUST__METRIC_FAILURES ||
                     c->metric == LOCUST__METRIC_SHED;
        if (c->measured && !c->held && !(grows && c->above))
            return c;
    }
    return NULL;
}

/* Do they say how many failures there may be? */
static bool locust__checks_allow_failures(const locust__checks *checks)
{
    for (size_t i = 0; i < checks->n; i++) {
        const locust__check *c = &checks->all[i];
        if (!*c->name &&
            (c->metric == LOCUST__METRIC_FAIL_RATIO || c->metric == LOCUST__METRIC_FAILURES ||
                c->metric == LOCUST__METRIC_FPS))
            return true;
    }
    return false;
}

/* What was measured, with its unit. */
static const char *locust__check_value(const locust__check *c, char *out, size_t size)
{
    if (!c->measured)
        return "nothing measured";
    if (locust__check_is_time(c))
        snprintf(out, size, "%.3f ms", c->value);
    else if (c->metric == LOCUST__METRIC_FAIL_RATIO)
        snprintf(out, size, "%.3f %%", 100 * c->value);
    else if (c->metric == LOCUST__METRIC_RPS || c->metric == LOCUST__METRIC_FPS)
        snprintf(out, size, "%.2f/s", c->value);
    else
        snprintf(out, size, "%.0f", c->value);
    return out;
}
