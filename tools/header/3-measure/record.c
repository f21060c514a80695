/* ============================================================================================
 * >>record  from a finished request to whoever counts it
 *
 * Purpose     statistics, the log of requests and the test's listeners, in one call.
 * Cost        nobody who does not listen is called.
 * Names       locust__recorder_
 * Uses        >>entry >>stats
 * ============================================================================================ */

/* Who measures something tells one of these: the statistics first, then the test's listener. */
typedef struct locust__recorder {
    locust__request_stats *stats;
    locust_env *env;
    void (*listener)(locust_env *env, const locust_sample *sample);
    bool phases;       // they are wanted
    bool has_arrivals; // there are arrivals: times are counted from the intended start too
    int64_t since_ns;  // what began before is not counted
    /* Told of each that is; NULL: nobody. */
    void (*log)(void *arg, const locust_sample *sample, const locust__entry *row,
        int64_t elapsed_ns, int64_t now_ns);
    void *log_arg;
} locust__recorder;

/* Adds a time from the intended start to a row, as below. */
static void locust__recorder_intended(locust__entry *row, int64_t ns)
{
    if (!row->intended)
        row->intended = locust__memory_zalloc(sizeof *row->intended);
    if (!row->intended)
        return;
    locust__hist_record(&row->intended->hist, ns);
    if (ns > row->intended->max_ns)
        row->intended->max_ns = ns;
}

/* Adds to the phases of a row; without memory they stay as they are. */
static void locust__recorder_phases(locust__entry *row, const locust_phases *phases)
{
    const double ms[LOCUST__PHASES] = {
        phases->name_ms, phases->connect_ms, phases->tls_ms, phases->wait_ms, phases->receive_ms};
    if (!row->phases)
        row->phases = locust__memory_zalloc(LOCUST__PHASES * sizeof *row->phases);
    for (int i = 0; row->phases && i < LOCUST__PHASES; i++) {
        int64_t ns = locust__number_round(ms[i] * 1e6);
        if (ns <= 0 && i < 3) // no lookup, no connect, no handshake
            continue;
        locust__hist_record(&row->phases[i].hist, ns);
        if (ns > row->phases[i].max_ns)
            row->phases[i].max_ns = ns;
    }
}

static void locust__recorder_count(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    locust__entry *row = locust__stats_record(rec->stats, sample->method, sample->name, elapsed_ns,
        sample->length, sample->error, now_ns);
    if (rec->phases && sample->phases && sample->status) {
        locust__recorder_phases(row, sample->phases);
        locust__recorder_phases(&rec->stats->total, sample->phases);
    }
    if (rec->has_arrivals) {
        int64_t ns = elapsed_ns + locust__number_round(sample->late_ms * 1e6);
        locust__recorder_intended(row, ns);
        locust__recorder_intended(&rec->stats->total, ns);
    }
    if (rec->log)
        rec->log(rec->log_arg, sample, row, elapsed_ns, now_ns);
}

static void locust__recorder_record(
    const locust__recorder *rec, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    if (now_ns - elapsed_ns >= rec->since_ns)
        locust__recorder_count(rec, sample, elapsed_ns, now_ns);
    if (rec->listener)
        rec->listener(rec->env, sample);
}
