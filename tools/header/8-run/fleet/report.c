/* ============================================================================================
 * >>fleet_report  what a worker counted, as Locust's master adds it up
 *
 * Purpose     writes the data of a `stats` message from the statistics: entries, their total and
 *             the failures since the last report, which are then forgotten.
 * Invariants  the sum of response_times is num_requests less num_none_requests; the sum of
 *             num_reqs_per_sec is num_requests, also after a report that was long delayed. What was
 *             written was forgotten, so that nothing is reported twice.
 * Cost        a walk over all rows and their histograms, every three seconds.
 * Names       locust__report_
 * Uses        >>entry >>stats >>class >>user >>fleet_msgpack >>fleet_plus
 * Sources     Locust 2.12 to 2.47 (reference runs): keys, units, rounding (halves to the even
 *             neighbour), the digest that a failure is known by.
 * Limits      times come from histograms: one that lies within 0.4 % of a limit between two of
 *             Locust's buckets may be in the other. Minimum, maximum and sum are exact. Requests of
 *             more than 15 seconds ago are spread evenly over the seconds of the report.
 * ============================================================================================ */

/* Seconds since 1970 of a moment of the loop's clock. */
static double locust__report_epoch(const locust_env *env, int64_t ns)
{
    return (double)(ns + env->loop.epoch_ns) / 1e9;
}

/* Writes the histogram; out NULL: counts its buckets alone. They come in order, so that those of
 * one key follow each other. */
static uint32_t locust__report_times(locust__buf *out, const locust__entry *entry)
{
    uint64_t key = 0, sum = 0, count;
    uint32_t n = 0;
    int64_t ns;
    for (size_t at = 0; locust__hist_next(&entry->hist, &at, &ns, &count);) {
        uint64_t next;
        ns = ns < entry->min_ns ? entry->min_ns : ns > entry->max_ns ? entry->max_ns : ns;
        next = locust__entry_coarse_ms(ns);
        if (sum && next != key) {
            if (out)
                locust__msgpack_put_uint(out, sum);
            sum = 0;
        }
        if (!sum) {
            n++;
            if (out)
                locust__msgpack_put_uint(out, next);
        }
        key = next;
        sum += count;
    }
    if (sum && out)
        locust__msgpack_put_uint(out, sum);
    return n;
}

typedef struct locust__report_seconds { // of an entry: what is not in its ring any more
    uint64_t rest, each, first;         // requests; for each second; for the first one
    int64_t from, n;                    // these seconds, of the loop's clock
} locust__report_seconds;

/* How many of `all` requests no second of the ring has, and the seconds to spread them over: those
 * from the last report to the first of the ring. */
static locust__report_seconds locust__report_rest(
    const locust__entry *entry, uint64_t all, bool failures, int64_t from, int64_t to)
{
    locust__report_seconds s = {all, 0, 0, from, 1};
    for (int i = 0; i < LOCUST__ENTRY_RING; i++) {
        const locust__entry_second *seen = &entry->ring[i];
        uint32_t n = failures ? seen->failures : seen->requests;
        s.rest -= n < s.rest ? n : s.rest;
        if (seen->requests && seen->second < to)
            to = seen->second;
    }
    if (to - from > 1)
        s.n = to - from;
    if (s.n > 3600) {
        s.from += s.n - 3600;
        s.n = 3600;
    }
    if (s.rest && (uint64_t)s.n > s.rest)
        s.n = (int64_t)s.rest;
    s.each = s.rest / (uint64_t)s.n;
    s.first = s.rest - s.each * (uint64_t)(s.n - 1);
    return s;
}

/* Writes requests or failures by their second. */
static void locust__report_per_second(locust__buf *out, const locust_env *env,
    const locust__entry *entry, uint64_t all, bool failures)
{
    int64_t shift = (env->loop.epoch_ns + LOCUST__S / 2) / LOCUST__S;
    locust__report_seconds s = locust__report_rest(
        entry, all, failures, env->stats.start_ns / LOCUST__S, env->stats.last_ns / LOCUST__S);
    uint32_t n = s.rest ? (uint32_t)s.n : 0;
    for (int i = 0; i < LOCUST__ENTRY_RING; i++)
        n += (failures ? entry->ring[i].failures : entry->ring[i].requests) > 0;
    locust__msgpack_put_map(out, n);
    for (int64_t i = 0; s.rest && i < s.n; i++) {
        locust__msgpack_put_int(out, s.from + i + shift);
        locust__msgpack_put_uint(out, i ? s.each : s.first);
    }
    for (int i = 0; i < LOCUST__ENTRY_RING; i++) {
        uint32_t count = failures ? entry->ring[i].failures : entry->ring[i].requests;
        if (!count)
            continue;
        locust__msgpack_put_int(out, entry->ring[i].second + shift);
        locust__msgpack_put_uint(out, count);
    }
}

/* The moment of an entry's last request, as far as its seconds tell. */
static int64_t locust__report_last_ns(const locust_env *env, const locust__entry *entry)
{
    int64_t last_ns = 0;
    for (int i = 0; i < LOCUST__ENTRY_RING; i++)
        if (entry->ring[i].requests && (entry->ring[i].second + 1) * LOCUST__S > last_ns)
            last_ns = (entry->ring[i].second + 1) * LOCUST__S;
    return last_ns && last_ns < env->stats.last_ns ? last_ns : env->stats.last_ns;
}

static void locust__report_key_real(locust__buf *out, const char *key, double real)
{
    locust__msgpack_put_str(out, key);
    locust__msgpack_put_real(out, real);
}

static void locust__report_key_uint(locust__buf *out, const char *key, uint64_t n)
{
    locust__msgpack_put_str(out, key);
    locust__msgpack_put_uint(out, n);
}

static void locust__report_key_str(locust__buf *out, const char *key, const char *text)
{
    locust__msgpack_put_str(out, key);
    locust__msgpack_put_str(out, text);
}

/* Writes the times of an entry, as Locust has them. */
static void locust__report_entry_times(locust__buf *out, const locust__entry *e)
{
    double total_ms = (double)e->total_s * 1e3 + (double)e->total_ns / 1e6;
    locust__report_key_real(out, "total_response_time", total_ms);
    locust__report_key_real(out, "max_response_time", (double)e->max_ns / 1e6);
    locust__msgpack_put_str(out, "min_response_time");
    if (e->requests)
        locust__msgpack_put_real(out, (double)e->min_ns / 1e6);
    else
        locust__msgpack_put_nil(out);
    locust__msgpack_put_str(out, "response_times");
    locust__msgpack_put_map(out, locust__report_times(NULL, e));
    locust__report_times(out, e);
}

/* Writes an entry: all keys that Locust's has; `plus`: those of the counts, and what Locust
 * lacks. */
static void locust__report_entry(
    locust__buf *out, const locust_env *env, const locust__entry *e, bool plus)
{
    locust__msgpack_put_map(out, plus ? 11 : 14);
    locust__report_key_str(out, "name", e->name);
    locust__report_key_str(out, "method", e->method);
    locust__msgpack_put_str(out, "last_request_timestamp");
    if (e->requests)
        locust__msgpack_put_real(out, locust__report_epoch(env, locust__report_last_ns(env, e)));
    else
        locust__msgpack_put_nil(out);
    locust__report_key_real(out, "start_time", locust__report_epoch(env, env->stats.start_ns));
    locust__report_key_uint(out, "num_requests", e->requests);
    locust__report_key_uint(
        out, "num_none_requests", e->requests > e->hist.total ? e->requests - e->hist.total : 0);
    locust__report_key_uint(out, "num_failures", e->failures);
    locust__report_key_uint(out, "total_content_length", e->bytes);
    if (plus) {
        locust__msgpack_put_str(out, LOCUST__PLUS_KEY);
        locust__plus_put_entry(out, e);
    } else {
        locust__report_entry_times(out, e);
    }
    locust__msgpack_put_str(out, "num_reqs_per_sec");
    locust__report_per_second(out, env, e, e->requests, false);
    locust__msgpack_put_str(out, "num_fail_per_sec");
    locust__report_per_second(out, env, e, e->failures, true);
}

/* Adds a text to a digest as Python's repr() writes it: quoted by ', or by " if it has a ' and
 * no ". */
static void locust__report_add_repr(locust__hash *h, const char *text)
{
    const char *quote = strchr(text, '\'') && !strchr(text, '"') ? "\"" : "'";
    locust__hash_add(h, quote, 1);
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        char escape[8];
        if (c == '\\' || c == (unsigned char)*quote)
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(escape, sizeof escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (c < 0x20 || c == 0x7F)
            snprintf(escape, sizeof escape, "\\x%02x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        locust__hash_add(h, escape, strlen(escape));
    }
    locust__hash_add(h, quote, 1);
}

/* The key of a failure: the same on all workers, so that the master adds up what is one. */
static void locust__report_error_key(
    const char *method, const char *name, const char *error, char out[LOCUST__HASH_HEX])
{
    locust__hash h;
    locust__hash_init(&h, &locust__hash_sha256);
    locust__hash_add(&h, method, strlen(method));
    locust__hash_add(&h, ".", 1);
    locust__hash_add(&h, name, strlen(name));
    locust__hash_add(&h, ".", 1);
    locust__report_add_repr(&h, error);
    locust__hash_end(&h, out);
}

static void locust__report_errors(locust__buf *out, const locust__request_stats *st)
{
    const locust__stats_failure *f;
    uint32_t n = 0;
    char key[LOCUST__HASH_HEX];
    while (locust__stats_failure_at(st, n))
        n++;
    locust__msgpack_put_map(out, n);
    for (size_t i = 0; (f = locust__stats_failure_at(st, i)) != NULL; i++) {
        locust__report_error_key(f->row->method, f->row->name, f->text, key);
        locust__msgpack_put_str(out, key);
        locust__msgpack_put_map(out, 6);
        locust__report_key_str(out, "name", f->row->name);
        locust__report_key_str(out, "method", f->row->method);
        locust__report_key_str(out, "error", f->text);
        locust__report_key_uint(out, "occurrences", f->occurrences);
        locust__report_key_real(out, "first_seen", (double)f->first_wall_ns / 1e9);
        locust__report_key_real(out, "last_seen", (double)f->last_wall_ns / 1e9);
    }
}

/* Writes the users that run, by class: two keys of a map. */
static void locust__report_users(locust__buf *out, const locust_env *env)
{
    int sum = 0;
    locust__msgpack_put_str(out, "user_classes_count");
    locust__msgpack_put_map(out, (uint32_t)env->n_classes);
    for (int i = 0; i < env->n_classes; i++) {
        int alive = env->classes[i].alive;
        locust__report_key_uint(out, env->classes[i].as->name, (uint64_t)alive);
        sum += alive;
    }
    locust__report_key_uint(out, "user_count", (uint64_t)sum);
}

/* Is there anything in an entry to report? Unanswered requests Locust does not know. */
static bool locust__report_counts(const locust__entry *entry, bool plus)
{
    return entry->requests > 0 || (plus && entry->unanswered);
}

/* Writes the generator's verdict as of now. */
static void locust__report_generator(locust__buf *out, const locust_env *env)
{
    locust_generator g = {.ok = true};
    if (env->judge)
        g = env->judge(env);
    locust__msgpack_put_array(out, 12);
    locust__msgpack_put_bool(out, g.ok);
    locust__msgpack_put_str(out, g.limits);
    locust__msgpack_put_real(out, g.cpu);
    locust__msgpack_put_real(out, g.late_p50_ms);
    locust__msgpack_put_real(out, g.late_p99_ms);
    locust__msgpack_put_real(out, g.late_max_ms);
    locust__msgpack_put_real(out, g.p50_high_ms);
    locust__msgpack_put_real(out, g.p99_high_ms);
    locust__msgpack_put_real(out, g.stalled_s);
    locust__msgpack_put_real(out, g.stalled_max_s);
    locust__msgpack_put_uint(out, g.stalled_requests);
    locust__msgpack_put_real(out, g.suspended_s);
}

/* Writes the arrivals of the run so far, by class. */
static void locust__report_arrivals(locust__buf *out, const locust_env *env)
{
    uint32_t n = 0;
    for (int i = 0; i < env->n_classes; i++)
        n += env->classes[i].arrivals != NULL;
    locust__msgpack_put_array(out, n);
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *queue = env->classes[i].arrivals;
        if (!queue)
            continue;
        locust__msgpack_put_array(out, 6);
        locust__msgpack_put_str(out, env->classes[i].as->name);
        locust__msgpack_put_uint(out, queue->counts.scheduled);
        locust__msgpack_put_uint(out, queue->counts.started);
        locust__msgpack_put_uint(out, queue->counts.late);
        locust__msgpack_put_uint(out, queue->counts.shed);
        locust__msgpack_put_uint(out, queue->counts.unanswered);
    }
}

/* Writes what Locust's report has no place for, entries aside: this clock, requests whose time
 * holds lateness and arrivals that were cut, both since the last report; users without an answer
 * and arrivals, of the run so far; the verdict. */
static void locust__report_plus(locust__buf *out, const locust_env *env)
{
    const locust__request_stats *st = &env->stats;
    const locust__users_fed *fed = &env->users.fed;
    locust__msgpack_put_str(out, LOCUST__PLUS_KEY);
    locust__msgpack_put_array(out, 10);
    locust__msgpack_put_int(out, locust__os_now_ns() + env->loop.epoch_ns);
    locust__plus_put_hist(out, &st->late);
    locust__plus_put_hist(out, &st->in_time);
    locust__msgpack_put_uint(out, st->cut_arrivals);
    locust__msgpack_put_int(out, st->cut_arrival_ns);
    locust__msgpack_put_int(out, fed->asked);
    locust__msgpack_put_int(out, fed->starved);
    locust__msgpack_put_int(out, fed->longest_ns);
    locust__report_arrivals(out, env);
    locust__report_generator(out, env);
}

/* Writes the data of a report; `plus`: for a master of our own. */
static void locust__report_write(locust__buf *out, locust_env *env, bool plus)
{
    locust__request_stats *st = &env->stats;
    const locust__entry *entry;
    uint32_t n = 0;
    for (size_t i = 0; (entry = locust__stats_entry_at(st, i)) != NULL; i++)
        n += locust__report_counts(entry, plus);
    locust__msgpack_put_map(out, 5);
    locust__msgpack_put_str(out, "stats");
    locust__msgpack_put_array(out, n);
    for (size_t i = 0; (entry = locust__stats_entry_at(st, i)) != NULL; i++)
        if (locust__report_counts(entry, plus))
            locust__report_entry(out, env, entry, plus);
    if (plus) {
        locust__report_plus(out, env);
    } else {
        locust__msgpack_put_str(out, "stats_total");
        locust__report_entry(out, env, &st->total, false);
    }
    locust__msgpack_put_str(out, "errors");
    locust__report_errors(out, st);
    locust__report_users(out, env);
}
