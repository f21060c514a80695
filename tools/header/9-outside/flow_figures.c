/* ============================================================================================
 * >>flow_figures  checks of streamed answers
 *
 * Purpose     ttft_p99<500ms, tpot_p50<30ms, tokens_per_s>1000 and the like, for --check and
 *             --find-max; goodput(ttft<200ms,tpot<50ms)>0.95: the share of the streams that kept to
 *             all of these limits.
 * Names       locust__flow_figures_
 * Uses        >>entry >>flow_tally >>figures >>check
 * Sources     vLLM's bench for goodput: a stream is good if it keeps to all limits.
 * ============================================================================================ */

static const struct {
    const char *name;
    locust__tally_what what;
} locust__flow_figures_times[] = {
    {"ttft", LOCUST__TALLY_TTFT},
    {"ttfo", LOCUST__TALLY_TTFO},
    {"itl", LOCUST__TALLY_ITL},
    {"tpot", LOCUST__TALLY_TPOT},
    {"e2e", LOCUST__TALLY_E2E},
    {"e2el", LOCUST__TALLY_E2E},
    {"intended_ttft", LOCUST__TALLY_INTENDED_TTFT},
    {"intended_e2e", LOCUST__TALLY_INTENDED_E2E},
    {"user_tokens_per_s", LOCUST__TALLY_RATE},
};

enum { // what a check is about, behind the times of locust__tally_what
    LOCUST__FLOW_FIGURES_STREAMS = LOCUST__TALLY_WHATS,
    LOCUST__FLOW_FIGURES_BROKEN,
    LOCUST__FLOW_FIGURES_GIVEN_UP,
    LOCUST__FLOW_FIGURES_TOKENS,
    LOCUST__FLOW_FIGURES_GOODPUT,
};

enum { // what of its times, in place of a percentile
    LOCUST__FLOW_FIGURES_AVG = -1,
    LOCUST__FLOW_FIGURES_MIN = -2,
};

/* The time of a name; LOCUST__TALLY_WHATS: there is none. */
static locust__tally_what locust__flow_figures_time(locust__view name)
{
    for (size_t i = 0; i < sizeof locust__flow_figures_times / sizeof *locust__flow_figures_times;
         i++)
        if (locust__view_is(name, locust__flow_figures_times[i].name))
            return locust__flow_figures_times[i].what;
    return LOCUST__TALLY_WHATS;
}

/* Reads "avg", "p99" and the like. */
static bool locust__flow_figures_share(locust__view text, double *share)
{
    if (locust__view_is(text, "avg"))
        *share = LOCUST__FLOW_FIGURES_AVG;
    else if (locust__view_is(text, "min"))
        *share = LOCUST__FLOW_FIGURES_MIN;
    else if (locust__view_is(text, "max"))
        *share = 1;
    else if (locust__view_is(text, "med"))
        *share = 0.5;
    else
        return locust__check_share(text, share);
    return true;
}

/* Reads ttft_p99: a time, and what of it. */
static bool locust__flow_figures_read_time(locust__check *c, locust__view name)
{
    size_t n = name.len;
    while (n && name.ptr[n - 1] != '_')
        n--;
    if (!n || !locust__flow_figures_share(locust__view_skip(name, n), &c->share))
        return false;
    c->what = (int)locust__flow_figures_time((locust__view){name.ptr, n - 1});
    c->unit = c->what == LOCUST__TALLY_RATE ? LOCUST__FIGURE_UNIT_RATE : LOCUST__FIGURE_UNIT_TIME;
    return c->what < LOCUST__TALLY_WHATS;
}

/* Reads ttft<200ms,tpot<50ms up to the bracket that closes. Returns what is behind that; NULL: it
 * has another form. */
static const char *locust__flow_figures_limits(const char *p, locust__goal *goal)
{
    do {
        size_t n;
        locust__tally_what what;
        double limit, scale;
        locust__view unit;
        p += strspn(p, ", \t");
        n = strcspn(p, "<), \t");
        what = locust__flow_figures_time((locust__view){p, n});
        p += n + strspn(p + n, " \t");
        if (what == LOCUST__TALLY_WHATS || what == LOCUST__TALLY_RATE || *p++ != '<')
            return NULL;
        p += *p == '=';
        p += strspn(p, " \t");
        limit = locust__number_decimal(&p);
        n = strcspn(p, ",) \t");
        unit = (locust__view){p, n};
        scale = !n || locust__view_is(unit, "ms") ? 1e6
                : locust__view_is(unit, "s")      ? 1e9
                : locust__view_is(unit, "us")     ? 1e3
                                                  : 0;
        if (!(limit * scale > 0))
            return NULL;
        goal->max_ns[what] = limit * scale;
        p += n + strspn(p + n, " \t");
    } while (*p == ',');
    return *p == ')' ? p + 1 : NULL;
}

static size_t locust__flow_figures_metric(locust__check *c, const char *text)
{
    static const char good[] = "goodput(";
    const char *end;
    size_t n = strcspn(text, "<>= \t");
    locust__view name = {text, n};
    locust__goal goal;
    if (strncmp(text, good, sizeof good - 1) == 0) {
        memset(&goal, 0, sizeof goal);
        end = locust__flow_figures_limits(text + sizeof good - 1, &goal);
        c->what = LOCUST__FLOW_FIGURES_GOODPUT;
        c->unit = LOCUST__FIGURE_UNIT_SHARE;
        c->goal = end ? locust__goals_number(&goal) : -1;
        return c->goal >= 0 ? (size_t)(end - text) : 0;
    }
    c->unit = LOCUST__FIGURE_UNIT_COUNT;
    if (locust__view_is(name, "streams"))
        c->what = LOCUST__FLOW_FIGURES_STREAMS;
    else if (locust__view_is(name, "streams_broken"))
        c->what = LOCUST__FLOW_FIGURES_BROKEN;
    else if (locust__view_is(name, "streams_given_up"))
        c->what = LOCUST__FLOW_FIGURES_GIVEN_UP;
    else if (locust__view_is(name, "tokens_per_s")) {
        c->what = LOCUST__FLOW_FIGURES_TOKENS;
        c->unit = LOCUST__FIGURE_UNIT_RATE;
    } else
        return locust__flow_figures_read_time(c, name) ? n : 0;
    return n;
}

/* Seconds that the figures are of. */
static double locust__flow_figures_seconds(const locust_env *env)
{
    int64_t end_ns = env->until.at_ns ? env->stats.last_ns : locust__os_now_ns();
    return (double)(end_ns - env->stats.start_ns) / 1e9;
}

/* So many in the time that was measured, a second. */
static double locust__flow_figures_rate(const locust_env *env, uint64_t n)
{
    double s = locust__flow_figures_seconds(env);
    return s > 0 ? (double)n / s : 0;
}

/* What of the times of a tally, in ns. False: there is none. */
static bool locust__flow_figures_of(
    const locust__tally *t, locust__tally_what what, double share, double *value)
{
    const locust__tally_times *times = &t->times[what];
    int64_t ns;
    if (share < 0) {
        *value = !times->phase.hist.total            ? 0
                 : share == LOCUST__FLOW_FIGURES_MIN ? (double)times->min_ns
                                                     : locust__tally_mean_ns(times);
        return times->phase.hist.total > 0;
    }
    if (!locust__tally_percentile_ns(t, what, share, &ns))
        return false;
    *value = (double)ns;
    return true;
}

static bool locust__flow_figures_measure(
    const locust_env *env, const locust__check *c, const locust__entry *row, double *value)
{
    const locust__tally *t = locust__tally_find(&env->services.recorder, row);
    *value = 0;
    if (!t)
        return false;
    switch (c->what) {
    case LOCUST__FLOW_FIGURES_STREAMS:
        *value = (double)t->complete;
        return true;
    case LOCUST__FLOW_FIGURES_BROKEN:
        *value = (double)t->broken;
        return true;
    case LOCUST__FLOW_FIGURES_GIVEN_UP:
        *value = (double)t->given_up;
        return true;
    case LOCUST__FLOW_FIGURES_TOKENS:
        *value = locust__flow_figures_rate(env, t->tokens + t->chunks);
        return true;
    case LOCUST__FLOW_FIGURES_GOODPUT:
        *value = t->judged[c->goal] ? (double)t->good[c->goal] / (double)t->judged[c->goal] : 0;
        return t->judged[c->goal] > 0;
    default:
        break;
    }
    if (!locust__flow_figures_of(t, (locust__tally_what)c->what, c->share, value))
        return false;
    if (c->what == LOCUST__TALLY_RATE)
        *value /= LOCUST__TALLY_RATE_NS;
    return true;
}
