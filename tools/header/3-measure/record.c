/* ============================================================================================
 * >>record  from a finished request to all that count it
 *
 * Purpose     takes each finished request, or whatever else a test measures, to the statistics, the
 *             log of requests and the test's listeners.
 * Invariants  what began before since_ns is not counted, but listeners get it. What was cut before
 *             it had an answer is counted apart, and is no sample.
 * Cost        that of the statistics; a log or a listener that is not there costs a comparison.
 * Names       locust__recorder_ locust__tallies
 * Uses        >>entry >>stats
 * ============================================================================================ */

typedef struct locust__tallies { // begins what is counted of streamed answers: see >>flow_tally
    void (*free)(struct locust__tallies *tallies);
} locust__tallies;

typedef struct locust__recorder {
    locust__request_stats *stats;
    locust_env *env;
    void (*listener)(locust_env *env, const locust_sample *sample); // NULL: no listener
    bool phases;       // --phases: measured and counted
    bool has_arrivals; // open model: times are also counted from the intended start
    int64_t since_ns;  // end of the warm-up, or the last reset of the statistics
    /* Writes a counted sample to the log of requests; NULL: no log. */
    void (*log)(void *arg, const locust_sample *sample, const locust__entry *entry,
        int64_t elapsed_ns, int64_t now_ns);
    void *log_arg;
    locust__tallies *tallies; // of streamed answers; NULL: there was none
} locust__recorder;

/* Counts the phases of a request. Without memory for the histograms they are not counted. */
LOCUST__COLD static void locust__recorder_phases(locust__entry *entry, const locust_phases *phases)
{
    const double ms[LOCUST__PHASES] = {
        phases->name_ms, phases->connect_ms, phases->tls_ms, phases->wait_ms, phases->receive_ms};
    if (!entry->phases)
        entry->phases = locust__memory_zalloc(LOCUST__PHASES * sizeof *entry->phases);
    for (int i = 0; entry->phases && i < LOCUST__PHASES; i++) {
        int64_t ns = locust__number_round(ms[i] * 1e6);
        if (ns > 0 || i >= 3) // 0: no lookup, no connect, no handshake in this request
            locust__phase_record(&entry->phases[i], ns);
    }
}

static void locust__recorder_count(const locust__recorder *rec, locust__entry **known,
    const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    locust__entry *entry = *known;
    if (entry)
        locust__stats_count(rec->stats, entry, elapsed_ns, sample->length, sample->error, now_ns);
    else
        *known = entry = locust__stats_record(rec->stats, sample->method, sample->name, elapsed_ns,
            sample->length, sample->error, now_ns);
    if (rec->phases && sample->phases && sample->status) {
        locust__recorder_phases(entry, sample->phases);
        locust__recorder_phases(&rec->stats->total, sample->phases);
    }
    if (rec->has_arrivals) {
        int64_t ns = elapsed_ns + locust__number_round(sample->late_ms * 1e6);
        locust__phase_record_at(&entry->intended, ns);
        locust__phase_record_at(&rec->stats->total.intended, ns);
    }
    if (rec->log)
        rec->log(rec->log_arg, sample, entry, elapsed_ns, now_ns);
}

/* A sample's time holds up to late_ns of the generator's own. Behind locust__recorder_record. */
static void locust__recorder_late(
    const locust__recorder *rec, int64_t elapsed_ns, int64_t late_ns, int64_t now_ns)
{
    if (now_ns - elapsed_ns >= rec->since_ns)
        locust__stats_late(rec->stats, elapsed_ns, late_ns);
}

/* Takes a sample that ended at now_ns and took elapsed_ns. *entry: its row, if who calls remembers
 * it, else NULL; becomes what it was found to be. */
static void locust__recorder_record_in(const locust__recorder *rec, locust__entry **entry,
    const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    if (now_ns - elapsed_ns >= rec->since_ns)
        locust__recorder_count(rec, entry, sample, elapsed_ns, now_ns);
    if (rec->listener)
        rec->listener(rec->env, sample);
}

static void locust__recorder_record(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    locust__entry *entry = NULL;
    locust__recorder_record_in(rec, &entry, sample, elapsed_ns, now_ns);
}

/* Takes a request that was cut at now_ns, waited_ns after its start, without an answer. late_ms: of
 * its arrival. */
static void locust__recorder_cut(const locust__recorder *rec, const char *method, const char *name,
    int64_t waited_ns, double late_ms, int64_t now_ns)
{
    locust__request_stats *st = rec->stats;
    int64_t intended_ns = waited_ns + locust__number_round(late_ms * 1e6);
    locust__entry *entry;
    if (now_ns - waited_ns < rec->since_ns)
        return;
    entry = locust__stats_find(st, method, name);
    locust__entry_cut(entry, waited_ns);
    locust__entry_cut(&st->total, waited_ns);
    if (rec->has_arrivals) {
        locust__phase_record_at(&entry->intended_waits, intended_ns);
        locust__phase_record_at(&st->total.intended_waits, intended_ns);
    }
}

/* Takes an arrival that was due at due_ns and that no user had taken by the end. */
static void locust__recorder_cut_arrival(
    const locust__recorder *rec, int64_t due_ns, int64_t now_ns)
{
    locust__request_stats *st = rec->stats;
    int64_t waited_ns = now_ns > due_ns ? now_ns - due_ns : 0;
    if (due_ns < rec->since_ns)
        return;
    st->cut_arrivals++;
    if (waited_ns > st->cut_arrival_ns)
        st->cut_arrival_ns = waited_ns;
    locust__phase_record_at(&st->total.intended_waits, waited_ns);
}
