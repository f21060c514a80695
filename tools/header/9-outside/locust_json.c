/* ============================================================================================
 * >>locust_json  --json and --json-file
 *
 * Purpose     the rows of a run as Locust's --json prints them: an array of its StatsEntry, by four
 *             blanks indented, without a row for the total.
 * Cost        linear in rows and buckets.
 * Names       locust__locust_json_
 * Uses        >>entry >>stats >>json >>figures >>csv
 * Sources     Locust 2.46 (reference run): keys and their order, Python's json.dumps(indent=4).
 * Limits      num_reqs_per_sec and num_fail_per_sec have the last sixteen seconds. A time within
 *             0.4 % of a limit between two of Locust's buckets may be counted in the other.
 * ============================================================================================ */

static void locust__locust_json_key(locust__buf *out, const char *key)
{
    locust__buf_printf(out, ",\n        \"%s\": ", key);
}

static void locust__locust_json_real(locust__buf *out, const char *key, double value)
{
    locust__locust_json_key(out, key);
    locust__csv_float(out, value);
}

static void locust__locust_json_whole(locust__buf *out, const char *key, uint64_t value)
{
    locust__locust_json_key(out, key);
    locust__buf_printf(out, "%llu", (unsigned long long)value);
}

/* One pair of a map; *any: there was one before it. */
static void locust__locust_json_pair(locust__buf *out, bool *any, int64_t key, uint64_t value)
{
    locust__buf_printf(out, "%s\n            \"%lld\": %llu", *any ? "," : "{", (long long)key,
        (unsigned long long)value);
    *any = true;
}

static void locust__locust_json_pairs_end(locust__buf *out, bool any)
{
    locust__buf_puts(out, any ? "\n        }" : "{}");
}

/* The histogram by Locust's buckets. They come in order, so that those of one follow each other. */
static void locust__locust_json_times(locust__buf *out, const locust__entry *row)
{
    uint64_t key = 0, sum = 0, count;
    int64_t ns;
    bool any = false;
    locust__locust_json_key(out, "response_times");
    for (size_t at = 0; locust__hist_next(&row->hist, &at, &ns, &count);) {
        uint64_t next = locust__entry_coarse_ms(ns < row->min_ns   ? row->min_ns
                                                : ns > row->max_ns ? row->max_ns
                                                                   : ns);
        if (sum && next != key) {
            locust__locust_json_pair(out, &any, (int64_t)key, sum);
            sum = 0;
        }
        key = next;
        sum += count;
    }
    if (sum)
        locust__locust_json_pair(out, &any, (int64_t)key, sum);
    locust__locust_json_pairs_end(out, any);
}

/* Requests or failures by the second in which they ended, since 1970. */
static void locust__locust_json_seconds(
    locust__buf *out, const char *key, const locust__entry *row, int64_t shift, bool failures)
{
    int64_t newest = 0;
    bool any = false;
    locust__locust_json_key(out, key);
    for (int i = 0; i < LOCUST__ENTRY_RING; i++)
        newest = row->ring[i].second > newest ? row->ring[i].second : newest;
    for (int64_t s = newest - LOCUST__ENTRY_RING + 1; s <= newest; s++) {
        const locust__entry_second *seen =
            &row->ring[(s + LOCUST__ENTRY_RING) % LOCUST__ENTRY_RING];
        uint32_t n = failures ? seen->failures : seen->requests;
        if (seen->second == s && n)
            locust__locust_json_pair(out, &any, s + shift, n);
    }
    locust__locust_json_pairs_end(out, any);
}

/* The end of the second in which a row's last request ended, or of the run if that came before. */
static int64_t locust__locust_json_last_ns(
    const locust__request_stats *st, const locust__entry *row)
{
    int64_t last_ns = 0;
    for (int i = 0; i < LOCUST__ENTRY_RING; i++)
        if (row->ring[i].requests && (row->ring[i].second + 1) * LOCUST__S > last_ns)
            last_ns = (row->ring[i].second + 1) * LOCUST__S;
    return last_ns && last_ns < st->last_ns ? last_ns : st->last_ns;
}

static void locust__locust_json_row(
    locust__buf *out, const locust_env *env, const locust__entry *row)
{
    const locust__request_stats *st = &env->stats;
    int64_t epoch_ns = env->loop.epoch_ns, shift = (epoch_ns + LOCUST__S / 2) / LOCUST__S;
    uint64_t untimed = row->requests > row->hist.total ? row->requests - row->hist.total : 0;
    locust__buf_puts(out, "    {\n        \"name\": ");
    locust__json_put(out, row->name);
    locust__locust_json_key(out, "method");
    locust__json_put(out, row->method);
    locust__locust_json_real(out, "last_request_timestamp",
        (double)(locust__locust_json_last_ns(st, row) + epoch_ns) / 1e9);
    locust__locust_json_real(out, "start_time", (double)(st->start_ns + epoch_ns) / 1e9);
    locust__locust_json_whole(out, "num_requests", row->requests);
    locust__locust_json_whole(out, "num_none_requests", untimed);
    locust__locust_json_whole(out, "num_failures", row->failures);
    locust__locust_json_real(
        out, "total_response_time", (double)row->total_s * 1e3 + (double)row->total_ns / 1e6);
    locust__locust_json_real(out, "max_response_time", (double)row->max_ns / 1e6);
    locust__locust_json_real(out, "min_response_time", (double)row->min_ns / 1e6);
    locust__locust_json_whole(out, "total_content_length", row->bytes);
    locust__locust_json_times(out, row);
    locust__locust_json_seconds(out, "num_reqs_per_sec", row, shift, false);
    locust__locust_json_seconds(out, "num_fail_per_sec", row, shift, true);
    locust__buf_puts(out, "\n    }");
}

/* Writes all rows that have requests. */
LOCUST__COLD static void locust__locust_json_write(locust__buf *out, locust_env *env)
{
    size_t n;
    locust__entry **rows = locust__figures_rows(&env->stats, &n);
    bool any = false;
    for (size_t i = 0; rows && i + 1 < n; i++) {
        if (!rows[i]->requests)
            continue;
        locust__buf_puts(out, any ? ",\n" : "[\n");
        locust__locust_json_row(out, env, rows[i]);
        any = true;
    }
    locust__buf_puts(out, any ? "\n]\n" : "[]\n");
    out->failed |= !rows;
    LOCUST_FREE(rows);
}
