/* ============================================================================================
 * >>flow_tally  what is counted of streamed answers
 *
 * Purpose     times, tokens and ends of the streams of each row, and of all; how many of them kept
 *             to the limits that a check names together (goodput).
 * Invariants  times are of streams that came to their end, or that their user gave up: of those, to
 *             the first token and between tokens. What is broken or cut short is counted apart. A
 *             wait for a first token that a user gave up, or that the end of the test cut, counts
 *             as one that would have taken longer, as waits of entries do.
 * Cost        of a stream: a dozen histograms of its row and of all; nothing of a token.
 * Names       locust__tally locust__tally_ locust__tallies_ locust__goal locust__goals
 *             locust__goal_ locust__goals_
 * Uses        >>entry >>record
 * Limits      LOCUST__GOALS limits of that kind in the checks of a program. They are the one thing
 *             here that is global: checks are read before there is a test.
 * ============================================================================================ */

/* What there are times of. Tokens, and tokens a second, are kept as times too: a token is a
 * microsecond, a thousandth of a token a second is one. */
typedef enum locust__tally_what {
    LOCUST__TALLY_TTFT,   // to the first token
    LOCUST__TALLY_TTFO,   // to the first that is not reasoning
    LOCUST__TALLY_SECOND, // from the first to the second
    LOCUST__TALLY_ITL,    // between two events with content
    LOCUST__TALLY_TPOT,   // per token, without the first
    LOCUST__TALLY_E2E,    // to the last token
    LOCUST__TALLY_INTENDED_TTFT,
    LOCUST__TALLY_INTENDED_E2E,
    LOCUST__TALLY_RATE,   // tokens a second of one stream, behind its first token
    LOCUST__TALLY_OUTPUT, // tokens of an answer
    LOCUST__TALLY_INPUT,  // of a question
    LOCUST__TALLY_WHATS
} locust__tally_what;

enum { LOCUST__TALLY_TOKEN_NS = 1000, LOCUST__TALLY_RATE_NS = 1000000 };

typedef struct locust__tally_times {
    locust__phase phase; // with the longest
    int64_t min_ns;
    double sum_ns;
} locust__tally_times;

enum { LOCUST__GOALS = 16 };

typedef struct locust__goal { // what a stream has to keep to: goodput(ttft<200ms,tpot<50ms)
    double max_ns[LOCUST__TALLY_WHATS]; // 0: no limit
} locust__goal;

static struct locust__goals {
    locust__goal all[LOCUST__GOALS];
    int n;
} locust__goals;

typedef struct locust__tally { // of a row, or of all
    struct locust__tally *next;
    const locust__entry *entry; // NULL: of all
    int64_t start_ns;           // of the statistics that it belongs to: they were set back since?
    locust__tally_times times[LOCUST__TALLY_WHATS];
    locust__phase ttft_waits, intended_waits; // for a first token that did not come
    uint64_t complete, failed, given_up, cut;
    uint64_t broken;                // of failed: those that had begun
    uint64_t counted;               // of complete: those with the server's usage
    uint64_t tokens, chunks;        // of complete: with its usage, without
    uint64_t input, reasoning;      // tokens
    uint64_t broken_tokens;         // chunks, of what was broken
    uint64_t left_tokens;           // of what was given up or cut
    uint64_t events, reads, most;   // of all: events, reads that had any, the most in one
    uint64_t good[LOCUST__GOALS];   // streams that kept to a goal,
    uint64_t judged[LOCUST__GOALS]; // of so many
} locust__tally;

typedef struct locust__tally_root { // hangs off the recorder
    locust__tallies as;             // first
    locust__tally total;
    locust__tally *rows;
} locust__tally_root;

typedef enum locust__tally_end { // how a stream ended
    LOCUST__TALLY_COMPLETE,
    LOCUST__TALLY_FAILED,
    LOCUST__TALLY_GIVEN_UP,
    LOCUST__TALLY_CUT
} locust__tally_end;

typedef struct locust__tally_stream { // one stream, as it is counted
    locust__tally_end end;
    bool begun;                     // an answer came that could have had tokens
    double late_ms;                 // of its arrival
    int64_t took_ns;                // from the start of the request to the end of the stream
    double ns[LOCUST__TALLY_WHATS]; // 0: not there. ITL: the mean
    const locust__hist *gaps;
    double gap_sum_ns;
    int64_t gap_min_ns, gap_max_ns;
    uint64_t output, input, reasoning, events, reads, most;
    bool counted;
} locust__tally_stream;

static void locust__tally_clear(locust__tally *t, int64_t start_ns)
{
    const size_t counts = offsetof(locust__tally, complete);
    for (int i = 0; i < LOCUST__TALLY_WHATS; i++) {
        locust__phase_clear(&t->times[i].phase);
        t->times[i].min_ns = LOCUST__NEVER;
        t->times[i].sum_ns = 0;
    }
    locust__phase_clear(&t->ttft_waits);
    locust__phase_clear(&t->intended_waits);
    memset((char *)t + counts, 0, sizeof *t - counts);
    t->start_ns = start_ns;
}

static void locust__tally_free(locust__tally *t)
{
    for (int i = 0; i < LOCUST__TALLY_WHATS; i++)
        locust__hist_free(&t->times[i].phase.hist);
    locust__hist_free(&t->ttft_waits.hist);
    locust__hist_free(&t->intended_waits.hist);
}

static void locust__tallies_free(locust__tallies *tallies)
{
    locust__tally_root *root = (locust__tally_root *)(void *)tallies;
    while (root->rows) {
        locust__tally *t = root->rows;
        root->rows = t->next;
        locust__tally_free(t);
        LOCUST_FREE(t);
    }
    locust__tally_free(&root->total);
    LOCUST_FREE(root);
}

/* Those of a test. NULL: no stream has ended yet, or no memory. */
static locust__tally_root *locust__tallies_of(locust__recorder *rec)
{
    locust__tally_root *root = (locust__tally_root *)(void *)rec->tallies;
    if (root)
        return root;
    root = locust__memory_zalloc(sizeof *root);
    if (!root)
        return NULL;
    root->as.free = locust__tallies_free;
    locust__tally_clear(&root->total, rec->stats->start_ns);
    rec->tallies = &root->as;
    return root;
}

/* Statistics that were set back take the tallies with them, at the next look at these. */
static locust__tally *locust__tally_now(const locust__recorder *rec, locust__tally *t)
{
    if (t && t->start_ns != rec->stats->start_ns)
        locust__tally_clear(t, rec->stats->start_ns);
    return t;
}

/* The tally of a row; NULL: it has none. */
static locust__tally *locust__tally_find(const locust__recorder *rec, const locust__entry *entry)
{
    locust__tally_root *root = (locust__tally_root *)(void *)rec->tallies;
    locust__tally *t = root ? root->rows : NULL;
    if (root && entry == &rec->stats->total)
        return locust__tally_now(rec, &root->total);
    while (t && t->entry != entry)
        t = t->next;
    return locust__tally_now(rec, t);
}

static void locust__tally_time(locust__tally_times *times, double ns)
{
    int64_t whole_ns = locust__number_round(ns);
    if (!(ns > 0))
        return;
    locust__phase_record(&times->phase, whole_ns);
    times->sum_ns += ns;
    if (whole_ns < times->min_ns)
        times->min_ns = whole_ns;
}

/* Adds the gaps of a stream. */
static void locust__tally_gaps(locust__tally_times *times, const locust__tally_stream *s)
{
    if (!s->gaps->total)
        return;
    locust__hist_add(&times->phase.hist, s->gaps);
    times->sum_ns += s->gap_sum_ns;
    if (s->gap_max_ns > times->phase.max_ns)
        times->phase.max_ns = s->gap_max_ns;
    if (s->gap_min_ns < times->min_ns)
        times->min_ns = s->gap_min_ns;
}

/* Did a stream keep to a goal? One that was given up did if what came of it does. */
static bool locust__goal_is_met(const locust__goal *g, const locust__tally_stream *s)
{
    if (s->end == LOCUST__TALLY_FAILED)
        return false;
    for (int i = 0; i < LOCUST__TALLY_WHATS; i++) {
        bool to_its_end = i == LOCUST__TALLY_E2E || i == LOCUST__TALLY_INTENDED_E2E;
        bool first = i == LOCUST__TALLY_TTFT || i == LOCUST__TALLY_INTENDED_TTFT;
        if (!(g->max_ns[i] > 0))
            continue;
        if (s->ns[i] >= g->max_ns[i] || (first && !(s->ns[i] > 0)) ||
            (to_its_end && s->end != LOCUST__TALLY_COMPLETE))
            return false;
    }
    return true;
}

/* A time that only a stream which came to its end has. */
static bool locust__tally_needs_end(int what)
{
    return what == LOCUST__TALLY_TPOT || what == LOCUST__TALLY_E2E || what == LOCUST__TALLY_RATE ||
           what == LOCUST__TALLY_INTENDED_E2E || what == LOCUST__TALLY_OUTPUT;
}

/* The times of a stream that came to its end, or that was given up. */
static void locust__tally_add_times(locust__tally *t, const locust__tally_stream *s, bool arrivals)
{
    for (int i = 0; i < LOCUST__TALLY_WHATS; i++) {
        bool intended = i == LOCUST__TALLY_INTENDED_TTFT || i == LOCUST__TALLY_INTENDED_E2E;
        if (i != LOCUST__TALLY_ITL && (!intended || arrivals) &&
            (s->end == LOCUST__TALLY_COMPLETE || !locust__tally_needs_end(i)))
            locust__tally_time(&t->times[i], s->ns[i]);
    }
    locust__tally_gaps(&t->times[LOCUST__TALLY_ITL], s);
}

/* Counts how a stream ended, and its tokens. */
static void locust__tally_add_end(locust__tally *t, const locust__tally_stream *s)
{
    switch (s->end) {
    case LOCUST__TALLY_COMPLETE:
        t->complete++;
        t->counted += s->counted;
        *(s->counted ? &t->tokens : &t->chunks) += s->output;
        t->input += s->input;
        t->reasoning += s->reasoning;
        break;
    case LOCUST__TALLY_FAILED:
        t->failed++;
        t->broken += s->begun;
        t->broken_tokens += s->output;
        break;
    case LOCUST__TALLY_GIVEN_UP:
        t->given_up++;
        t->left_tokens += s->output;
        break;
    case LOCUST__TALLY_CUT:
        t->cut++;
        t->left_tokens += s->output;
        break;
    }
    t->events += s->events;
    t->reads += s->reads;
    if (s->most > t->most)
        t->most = s->most;
}

static void locust__tally_add(locust__tally *t, const locust__tally_stream *s, bool arrivals)
{
    bool cut = s->end == LOCUST__TALLY_CUT || s->end == LOCUST__TALLY_GIVEN_UP;
    locust__tally_add_end(t, s);
    if (s->end == LOCUST__TALLY_COMPLETE || s->end == LOCUST__TALLY_GIVEN_UP)
        locust__tally_add_times(t, s, arrivals);
    if (cut && !(s->ns[LOCUST__TALLY_TTFT] > 0)) {
        locust__phase_record(&t->ttft_waits, s->took_ns);
        if (arrivals)
            locust__phase_record(
                &t->intended_waits, s->took_ns + locust__number_round(s->late_ms * 1e6));
    }
    for (int i = 0; i < locust__goals.n && s->end != LOCUST__TALLY_CUT; i++) {
        t->judged[i]++;
        t->good[i] += locust__goal_is_met(&locust__goals.all[i], s);
    }
}

/* Counts a stream in its row and in all. Without memory it is not counted. */
static void locust__tallies_count(
    locust__recorder *rec, const locust__entry *entry, const locust__tally_stream *s)
{
    locust__tally_root *root = locust__tallies_of(rec);
    locust__tally *t = locust__tally_find(rec, entry);
    if (root && !t) {
        t = locust__memory_zalloc(sizeof *t);
        if (t) {
            locust__tally_clear(t, rec->stats->start_ns);
            t->entry = entry;
            t->next = root->rows;
            root->rows = t;
        }
    }
    if (!t)
        return;
    locust__tally_add(t, s, rec->has_arrivals);
    locust__tally_add(locust__tally_now(rec, &root->total), s, rec->has_arrivals);
}

/* The number of a goal, which is new unless one is the same; -1: there are too many. */
static int locust__goals_number(const locust__goal *goal)
{
    struct locust__goals *g = &locust__goals;
    int i = 0;
    while (i < g->n && memcmp(&g->all[i], goal, sizeof *goal) != 0)
        i++;
    if (i == LOCUST__GOALS)
        return -1;
    if (i == g->n)
        g->all[g->n++] = *goal;
    return i;
}

static double locust__tally_mean_ns(const locust__tally_times *times)
{
    return times->phase.hist.total ? times->sum_ns / (double)times->phase.hist.total : 0;
}

/* The time that `share` of the streams, or gaps, did not exceed. False: there was none. */
static bool locust__tally_percentile_ns(
    const locust__tally *t, locust__tally_what what, double share, int64_t *ns)
{
    const locust__tally_times *times = &t->times[what];
    const locust__phase *waits = what == LOCUST__TALLY_TTFT            ? &t->ttft_waits
                                 : what == LOCUST__TALLY_INTENDED_TTFT ? &t->intended_waits
                                                                       : NULL;
    *ns = 0;
    if (!times->phase.hist.total)
        return false;
    if (waits && !waits->hist.total)
        waits = NULL;
    *ns = share < 1 ? locust__phase_percentile_ns(&times->phase, waits, share)
                    : locust__phase_max_ns(&times->phase, waits);
    if (*ns < times->min_ns) // a bucket's middle may lie below
        *ns = times->min_ns;
    return true;
}
