/* ============================================================================================
 * >>history  a run over time, in slices
 *
 * Purpose     what charts are drawn from: rates, users, percentiles, arrivals, and how the times of
 *             each slice spread (a row of the heat map).
 * Invariants  at most LOCUST__HISTORY_MAX slices, whatever the run takes: when they are full, each
 *             two become one, and a slice covers twice the time from there on. Users are those at
 *             the end of a slice; all else is of what ended in it.
 * Cost        700 bytes a slice, and twice the histograms of the total. A look at those once a
 *             second: 20 us.
 * Names       locust__history_ locust__history locust__slice
 * Uses        >>entry >>usage >>figures
 * Limits      percentiles of slices that became one are read off their row of the heat map, whose
 *             steps are a fifth apart, but lie between those of the two, as they must.
 *
 *   the heat row counts times in four steps for each doubling:
 *
 *     us   | 4 | 5 | 6 | 7 | 8-9 | 10-11 | 12-13 | 14-15 | 16-19 | ...
 *     step   4   5   6   7    8      9      10      11      12
 * ============================================================================================ */

enum {
    LOCUST__HISTORY_MAX = 240,
    LOCUST__HISTORY_STEPS = 124,
    LOCUST__HISTORY_TIMES = 6 // p50, p95 and p99, as measured and from the intended start
};

typedef struct locust__slice {
    int64_t wall_ns, length_ns; // its end
    int run, users;
    uint64_t requests, failures, intended;
    int64_t sum_ns;                          // of all times
    int64_t times_ns[LOCUST__HISTORY_TIMES]; // 0: there were no requests
    uint64_t started, late, shed;
    uint32_t heat[LOCUST__HISTORY_STEPS];
} locust__slice;

typedef struct locust__history {
    locust_env *env;
    locust__slice *slices;
    size_t n, cap;
    int run, merges;          // how often each two slices became one
    int64_t period_ns, at_ns; // of a slice; where the last one ended
    int64_t run_ns;           // when the run of the last slice began
    // What the statistics had there.
    locust__hist before, intended_before, recent;
    uint64_t failures;
    int64_t sum_ns;
    locust_arrival_counts arrivals;
    bool short_of_memory; // a slice was left out
} locust__history;

static size_t locust__history_step(int64_t us)
{
    int top;
    if (us < 4)
        return us > 0 ? (size_t)us : 0;
    top = 63 - __builtin_clzll((unsigned long long)us);
    top = top > 31 ? 31 : top;
    return (size_t)(top - 1) * 4 + ((size_t)(us >> (top - 2)) & 3);
}

/* The lowest time of a step, in us. */
static int64_t locust__history_step_us(size_t step)
{
    return step < 4 ? (int64_t)step : (int64_t)(4 + step % 4) << (step / 4 - 1);
}

static int64_t locust__history_sum_ns(const locust__entry *row)
{
    return row->total_s * LOCUST__S + row->total_ns; // in all 292 years
}

static void locust__history_init(locust__history *h, locust_env *env)
{
    memset(h, 0, sizeof *h);
    h->env = env;
    h->period_ns = LOCUST__S;
}

static void locust__history_free(locust__history *h)
{
    LOCUST_FREE(h->slices);
    locust__hist_free(&h->before);
    locust__hist_free(&h->intended_before);
    locust__hist_free(&h->recent);
    memset(h, 0, sizeof *h);
}

/* Remembers what the statistics have now. */
LOCUST__COLD static void locust__history_mark(locust__history *h, int64_t now_ns)
{
    const locust__entry *total = &h->env->stats.total;
    locust__hist_reset(&h->before);
    locust__hist_add(&h->before, &total->hist);
    locust__hist_reset(&h->intended_before);
    if (total->intended)
        locust__hist_add(&h->intended_before, &total->intended->hist);
    h->failures = total->failures;
    h->sum_ns = locust__history_sum_ns(total);
    h->arrivals = locust__usage_arrivals(h->env);
    h->at_ns = now_ns;
}

/* Leaves in h->recent what was recorded since the last slice, and notes its percentiles. */
static void locust__history_recent(
    locust__history *h, const locust__hist *now, const locust__hist *before, int64_t times_ns[3])
{
    static const double shares[3] = {0.5, 0.95, 0.99};
    locust__hist_reset(&h->recent);
    locust__hist_add(&h->recent, now);
    locust__hist_since(&h->recent, before);
    for (int i = 0; i < 3; i++)
        times_ns[i] = locust__hist_percentile_ns(&h->recent, shares[i]);
}

static uint64_t locust__history_since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0; // the statistics may have been reset
}

/* A percentile read off a heat row; for slices that became one. */
static int64_t locust__history_heat_ns(const locust__slice *s, double share)
{
    uint64_t all = 0, seen = 0;
    for (size_t i = 0; i < LOCUST__HISTORY_STEPS; i++)
        all += s->heat[i];
    for (size_t i = 0; i < LOCUST__HISTORY_STEPS; i++) {
        seen += s->heat[i];
        if ((double)seen > share * (double)all)
            return 500 * (locust__history_step_us(i) + locust__history_step_us(i + 1));
    }
    return 0;
}

/* A percentile of two slices: it lies between theirs. */
static int64_t locust__history_between(int64_t guess, int64_t a, int64_t b)
{
    int64_t low = a < b ? a : b, high = a < b ? b : a;
    return !low || guess > high ? high : guess < low ? low : guess;
}

/* Adds the slice behind `s` to it. */
static void locust__history_merge(locust__slice *s, const locust__slice *next)
{
    static const double shares[3] = {0.5, 0.95, 0.99};
    for (size_t i = 0; i < LOCUST__HISTORY_STEPS; i++)
        s->heat[i] += next->heat[i];
    for (int i = 0; i < LOCUST__HISTORY_TIMES; i++) {
        int64_t guess = i < 3 ? locust__history_heat_ns(s, shares[i])
                              : (s->times_ns[i] + next->times_ns[i]) / 2;
        s->times_ns[i] = locust__history_between(guess, s->times_ns[i], next->times_ns[i]);
    }
    s->wall_ns = next->wall_ns;
    s->length_ns += next->length_ns;
    s->users = next->users;
    s->requests += next->requests;
    s->failures += next->failures;
    s->intended += next->intended;
    s->sum_ns += next->sum_ns;
    s->started += next->started;
    s->late += next->late;
    s->shed += next->shed;
}

/* Makes one slice of each two of one run. */
LOCUST__COLD static void locust__history_halve(locust__history *h)
{
    size_t to = 0;
    for (size_t from = 0; from < h->n; to++) {
        h->slices[to] = h->slices[from++];
        if (from < h->n && h->slices[from].run == h->slices[to].run)
            locust__history_merge(&h->slices[to], &h->slices[from++]);
    }
    if (to == h->n) { // as many runs as slices: the oldest go
        to -= to / 2;
        memmove(h->slices, h->slices + h->n - to, to * sizeof *h->slices);
    }
    h->n = to;
    h->merges++;
    h->period_ns *= 2;
}

/* The next slice, zeroed; NULL: no memory. */
static locust__slice *locust__history_next(locust__history *h)
{
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 15; // to 240 in four steps
        locust__slice *more = LOCUST_REALLOC(h->slices, cap * sizeof *more);
        if (!more) {
            h->short_of_memory = true;
            return NULL;
        }
        h->slices = more;
        h->cap = cap;
    }
    memset(&h->slices[h->n], 0, sizeof *h->slices);
    return &h->slices[h->n++];
}

/* The users at the end of a slice. Once the run is over they are gone: then as many as before. */
static int locust__history_users(const locust__history *h)
{
    const locust_env *env = h->env;
    const locust__slice *before = h->n > 1 ? &h->slices[h->n - 2] : NULL; // the last is being made
    if (env->users.alive || !env->until.at_ns)
        return env->users.alive;
    return before && before->run == h->run ? before->users : env->ramp.aim.users;
}

/* Takes a slice up to `now_ns`. */
LOCUST__COLD static void locust__history_take(locust__history *h, int64_t now_ns)
{
    const locust__entry *total = &h->env->stats.total;
    locust_arrival_counts arrivals = locust__usage_arrivals(h->env);
    locust__slice *s = locust__history_next(h);
    int64_t ns, sum_ns = locust__history_sum_ns(total);
    uint64_t count;
    if (!s)
        return;
    s->wall_ns = locust__os_wall_ns() - (locust__os_now_ns() - now_ns);
    s->length_ns = now_ns - h->at_ns;
    s->run = h->run;
    s->users = locust__history_users(h);
    if (total->intended) {
        locust__history_recent(h, &total->intended->hist, &h->intended_before, s->times_ns + 3);
        s->intended = h->recent.total;
    }
    locust__history_recent(h, &total->hist, &h->before, s->times_ns);
    s->requests = h->recent.total;
    for (size_t at = 0; locust__hist_next(&h->recent, &at, &ns, &count);)
        s->heat[locust__history_step(ns / 1000)] += (uint32_t)count;
    s->failures = locust__history_since(total->failures, h->failures);
    s->sum_ns = sum_ns > h->sum_ns ? sum_ns - h->sum_ns : 0;
    s->started = locust__history_since(arrivals.started, h->arrivals.started);
    s->late = locust__history_since(arrivals.late, h->arrivals.late);
    s->shed = locust__history_since(arrivals.shed, h->arrivals.shed);
    locust__history_mark(h, now_ns);
    if (h->n == LOCUST__HISTORY_MAX)
        locust__history_halve(h);
}

/* Begins a run, with what ended before the first look. */
LOCUST__COLD static void locust__history_begin(locust__history *h)
{
    h->run_ns = h->env->start_ns;
    h->run++;
    locust__history_mark(h, h->run_ns);
    locust__hist_reset(&h->before);
    locust__hist_reset(&h->intended_before);
    h->failures = 0;
    h->sum_ns = 0;
    memset(&h->arrivals, 0, sizeof h->arrivals);
}

/* Takes what is left of a run that has ended. A short rest is part of the slice before it. */
LOCUST__COLD static void locust__history_finish(locust__history *h, int64_t end_ns)
{
    int64_t length_ns = end_ns - h->at_ns;
    bool joins = length_ns < h->period_ns / 4 && h->n && h->slices[h->n - 1].run == h->run;
    if (length_ns <= 0)
        return;
    locust__history_take(h, end_ns);
    if (joins && h->n > 1 && h->slices[h->n - 1].length_ns == length_ns) {
        h->n--;
        locust__history_merge(&h->slices[h->n - 1], &h->slices[h->n]);
    }
}

/* Called each second, and once at the end: takes a slice if one is due. */
LOCUST__COLD static void locust__history_tick(void *arg)
{
    locust__history *h = arg;
    const locust_env *env = h->env;
    int64_t now_ns = locust__os_now_ns();
    if (!env->start_ns)
        return;
    if (h->run_ns != env->start_ns)
        locust__history_begin(h);
    if (env->until.at_ns)
        locust__history_finish(h, env->until.at_ns);
    else if (now_ns - h->at_ns >= h->period_ns - LOCUST__S / 4)
        locust__history_take(h, now_ns);
}

/* The figures of slices, by columns: a list of one for all slices from `from` on. */
enum locust__history_column {
    LOCUST__HISTORY_TIME,
    LOCUST__HISTORY_RUN,
    LOCUST__HISTORY_RPS,
    LOCUST__HISTORY_FPS,
    LOCUST__HISTORY_USERS,
    LOCUST__HISTORY_AVG,
    LOCUST__HISTORY_P50, // and five more times
    LOCUST__HISTORY_STARTED = LOCUST__HISTORY_P50 + LOCUST__HISTORY_TIMES,
    LOCUST__HISTORY_LATE,
    LOCUST__HISTORY_SHED,
    LOCUST__HISTORY_COLUMNS
};

/* A value of a slice: epoch seconds, rates a second, milliseconds. False: there is none. */
static bool locust__history_value(const locust__slice *s, int column, double *value)
{
    double seconds = s->length_ns > 0 ? (double)s->length_ns / 1e9 : 1;
    bool intended = column >= LOCUST__HISTORY_P50 + 3;
    switch (column) {
    case LOCUST__HISTORY_TIME:
        *value = (double)(s->wall_ns / 1000000) / 1e3;
        return true;
    case LOCUST__HISTORY_RUN:
        *value = s->run;
        return true;
    case LOCUST__HISTORY_RPS:
        *value = (double)s->requests / seconds;
        return true;
    case LOCUST__HISTORY_FPS:
        *value = (double)s->failures / seconds;
        return true;
    case LOCUST__HISTORY_USERS:
        *value = s->users;
        return true;
    case LOCUST__HISTORY_AVG:
        *value = s->requests ? (double)s->sum_ns / 1e6 / (double)s->requests : 0;
        return s->requests > 0;
    case LOCUST__HISTORY_STARTED:
        *value = (double)s->started / seconds;
        return true;
    case LOCUST__HISTORY_LATE:
        *value = (double)s->late / seconds;
        return true;
    case LOCUST__HISTORY_SHED:
        *value = (double)s->shed / seconds;
        return true;
    default:
        *value = (double)s->times_ns[column - LOCUST__HISTORY_P50] / 1e6;
        return intended ? s->intended > 0 : s->requests > 0;
    }
}

/* Whether a slice ended after that moment of the wall clock, in epoch seconds as printed. */
static bool locust__history_is_after(const locust__slice *s, double after_s)
{
    return (double)(s->wall_ns / 1000000) / 1e3 > after_s + 0.0005;
}

static size_t locust__history_from(const locust__history *h, double after_s)
{
    size_t from = h->n;
    while (from > 0 && locust__history_is_after(&h->slices[from - 1], after_s))
        from--;
    return from;
}

/* Writes the figures of the slices after `after_s` as columns of numbers and nulls. */
LOCUST__COLD static void locust__history_series(
    locust__buf *out, const locust__history *h, double after_s)
{
    static const char *const names[LOCUST__HISTORY_COLUMNS] = {"time", "run", "rps", "fps", "users",
        "avg", "p50", "p95", "p99", "intended_p50", "intended_p95", "intended_p99", "started",
        "late", "shed"};
    size_t from = locust__history_from(h, after_s);
    locust__buf_printf(out, "{\"step_s\": %.0f", (double)h->period_ns / 1e9);
    for (int column = 0; column < LOCUST__HISTORY_COLUMNS; column++) {
        bool whole = column == LOCUST__HISTORY_RUN || column == LOCUST__HISTORY_USERS;
        locust__buf_printf(out, ", \"%s\": [", names[column]);
        for (size_t i = from; i < h->n; i++) {
            double value;
            locust__buf_puts(out, i > from ? "," : "");
            if (locust__history_value(&h->slices[i], column, &value))
                locust__buf_printf(out, "%.*f", whole ? 0 : 3, value);
            else
                locust__buf_puts(out, "null");
        }
        locust__buf_puts(out, "]");
    }
    locust__buf_puts(out, "}");
}

/* Writes the heat map of the slices after `after_s`: the edges of its classes, and for each slice
 * those that anything was in, with how much. */
LOCUST__COLD static void locust__history_heat(
    locust__buf *out, const locust__history *h, double after_s)
{
    size_t from = locust__history_from(h, after_s);
    locust__buf_puts(out, "{\"edges_ms\": [");
    for (size_t step = 0; step < LOCUST__HISTORY_STEPS; step++)
        locust__buf_printf(out, "%.15g,", (double)locust__history_step_us(step) / 1e3);
    locust__buf_printf(out, "null], \"step_s\": %.0f, \"columns\": [", (double)h->period_ns / 1e9);
    for (size_t i = from; i < h->n; i++) {
        const locust__slice *s = &h->slices[i];
        const char *comma = "";
        locust__buf_printf(
            out, "%s[%.3f,[", i > from ? "," : "", (double)(s->wall_ns / 1000000) / 1e3);
        for (size_t step = 0; step < LOCUST__HISTORY_STEPS; step++)
            if (s->heat[step]) {
                locust__buf_printf(
                    out, "%s[%d,%lu]", comma, (int)step, (unsigned long)s->heat[step]);
                comma = ",";
            }
        locust__buf_puts(out, "]]");
    }
    locust__buf_puts(out, "]}");
}

/* Locust's `history`: a list of objects, each figure with its time. */
LOCUST__COLD static void locust__history_locust(locust__buf *out, const locust__history *h)
{
    static const struct {
        const char *name;
        int column;
    } figures[] = {{"current_fail_per_sec", LOCUST__HISTORY_FPS},
        {"current_rps", LOCUST__HISTORY_RPS}, {"response_time_percentile_0.5", LOCUST__HISTORY_P50},
        {"response_time_percentile_0.95", LOCUST__HISTORY_P50 + 1},
        {"total_avg_response_time", LOCUST__HISTORY_AVG}, {"user_count", LOCUST__HISTORY_USERS}};
    locust__buf_puts(out, "[");
    for (size_t i = 0; i < h->n; i++) {
        locust__buf time = {NULL, 0, 0, false};
        locust__figures_time(&time, h->slices[i].wall_ns);
        locust__buf_puts(out, i ? ",\n {" : "\n {");
        for (size_t k = 0; k < sizeof figures / sizeof *figures; k++) {
            double value;
            locust__history_value(&h->slices[i], figures[k].column, &value);
            if (k == 4) // the keys are in their order
                locust__buf_printf(out, "\"time\": \"%.*s\", ", (int)time.len, time.ptr);
            locust__buf_printf(out, "\"%s\": [\"%.*s\", %.*f]%s", figures[k].name, (int)time.len,
                time.ptr, figures[k].column == LOCUST__HISTORY_USERS ? 0 : 3, value,
                k + 1 < sizeof figures / sizeof *figures ? ", " : "}");
        }
        out->failed |= time.failed;
        locust__buf_free(&time);
    }
    locust__buf_puts(out, "]");
}
