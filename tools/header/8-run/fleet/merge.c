/* ============================================================================================
 * >>fleet_merge  what workers counted, added up
 *
 * Purpose     reads the data of a `stats` message, of a stock worker or of one of our own, into
 *             the statistics of a master.
 * Invariants  a report is added whole or not at all: all of it is looked at before anything is
 *             added. A sum of rows is the total, which is made of them. What a worker of our own
 *             has counted is there as if it had been counted here, to the last bucket.
 * Names       locust__merge locust__merge_
 * Uses        >>entry >>stats >>user >>fleet_msgpack >>fleet_plus
 * Sources     Locust 2.12 to 2.47 (reference runs): keys and units; keys of response_times may be
 *             floats, and `method` nil.
 * Limits      of a stock worker times are known as its buckets have them. A name is cut after
 *             LOCUST__MERGE_NAME bytes.
 *
 *   clocks  A report of our own says what time it is there, so that its times can be moved. Of
 *           others a time is taken as it is, unless it lies in the future or minutes ago.
 * ============================================================================================ */

enum { LOCUST__MERGE_NAME = 2000, LOCUST__MERGE_OLD_S = 120 };

typedef struct locust__merge { // what a report says beside its rows
    uint64_t requests, failures, bytes;
    int users[LOCUST_CLASSES_MAX]; // of each class; -1: nothing
    bool has_users;
    bool plus; // it is of our own
    locust__users_fed fed;
    locust_arrival_counts arrivals[LOCUST_CLASSES_MAX];
    locust_generator generator;
    const char *wrong; // why it was refused
} locust__merge;

typedef struct locust__merge_row { // an entry of a report
    locust__view name, method;
    bool has_name;
    uint64_t requests, none, failures, bytes, unanswered;
    double total_ms, min_ms, max_ms, last_s;
    bool has_min;
    uint64_t timed;
    locust__view times, per_s, fails_per_s, plus; // begin with the value; len 0: there is none
} locust__merge_row;

static double locust__merge_max(void)
{
    return 9007199254740992.0; // 2^53: counts and times beyond are nonsense
}

/* A number from 0 to 2^53, as a whole one. */
static bool locust__merge_count(const locust__msgpack_item *item, uint64_t *n)
{
    double real;
    if (!locust__msgpack_number(item, &real) || !(real >= 0) || !(real <= locust__merge_max()))
        return false;
    *n = item->kind == LOCUST__MSGPACK_REAL ? (uint64_t)real : (uint64_t)item->whole;
    return true;
}

/* A number that is nil or from 0 to 2^53. */
static bool locust__merge_real(const locust__msgpack_item *item, double *real)
{
    if (item->kind == LOCUST__MSGPACK_NIL) {
        *real = 0;
        return true;
    }
    return locust__msgpack_number(item, real) && *real >= 0 && *real <= locust__merge_max();
}

/* Adds up a map of numbers to counts. False: it is none. */
static bool locust__merge_sum(locust__view map, uint64_t *sum)
{
    locust__msgpack_item head, key, count;
    double number;
    uint64_t n;
    *sum = 0;
    if (!map.len)
        return true;
    if (locust__msgpack_next(&map, &head) != LOCUST__MSGPACK_OK || head.kind != LOCUST__MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        if (locust__msgpack_next(&map, &key) != LOCUST__MSGPACK_OK ||
            !locust__msgpack_number(&key, &number) || !(number >= 0) ||
            !(number <= locust__merge_max()) ||
            locust__msgpack_next(&map, &count) != LOCUST__MSGPACK_OK ||
            !locust__merge_count(&count, &n))
            return false;
        *sum += n;
    }
    return true;
}

/* Takes one key of an entry. */
static bool locust__merge_key(locust__merge_row *r, locust__view key, locust__view value)
{
    locust__msgpack_item item;
    locust__view rest = value;
    if (locust__msgpack_next(&rest, &item) != LOCUST__MSGPACK_OK)
        return false;
    if (locust__view_is(key, "name") || locust__view_is(key, "method")) {
        locust__view text = item.kind == LOCUST__MSGPACK_STR ? item.bytes : (locust__view){"", 0};
        if (item.kind != LOCUST__MSGPACK_STR && item.kind != LOCUST__MSGPACK_NIL)
            return false;
        *(*key.ptr == 'n' ? &r->name : &r->method) = text;
        r->has_name |= *key.ptr == 'n' && item.kind == LOCUST__MSGPACK_STR;
        return true;
    }
    if (locust__view_is(key, "num_requests"))
        return locust__merge_count(&item, &r->requests);
    if (locust__view_is(key, "num_none_requests"))
        return locust__merge_count(&item, &r->none);
    if (locust__view_is(key, "num_failures"))
        return locust__merge_count(&item, &r->failures);
    if (locust__view_is(key, "total_content_length"))
        return locust__merge_count(&item, &r->bytes);
    if (locust__view_is(key, "total_response_time"))
        return locust__merge_real(&item, &r->total_ms);
    if (locust__view_is(key, "max_response_time"))
        return locust__merge_real(&item, &r->max_ms);
    if (locust__view_is(key, "last_request_timestamp"))
        return locust__merge_real(&item, &r->last_s);
    r->has_min |= locust__view_is(key, "min_response_time") && item.kind != LOCUST__MSGPACK_NIL;
    if (locust__view_is(key, "min_response_time"))
        return locust__merge_real(&item, &r->min_ms);
    if (locust__view_is(key, "response_times"))
        r->times = value;
    else if (locust__view_is(key, "num_reqs_per_sec"))
        r->per_s = value;
    else if (locust__view_is(key, "num_fail_per_sec"))
        r->fails_per_s = value;
    else if (locust__view_is(key, LOCUST__PLUS_KEY))
        r->plus = value;
    return true;
}

/* Do the figures of an entry fit together? */
static bool locust__merge_fits(locust__merge_row *r)
{
    uint64_t per_s, fails_per_s;
    locust__view plus = r->plus;
    if (!r->has_name || r->failures > r->requests || r->none > r->requests ||
        !locust__merge_sum(r->times, &r->timed) || !locust__merge_sum(r->per_s, &per_s) ||
        !locust__merge_sum(r->fails_per_s, &fails_per_s) || r->timed > r->requests ||
        per_s > r->requests || fails_per_s > r->failures ||
        (r->timed && r->has_min && r->min_ms > r->max_ms))
        return false;
    return !plus.len || (locust__plus_get_entry(&plus, NULL, &r->timed, &r->unanswered) &&
                            r->timed <= r->requests);
}

/* Reads an entry and moves *rest behind it. `known`: it was looked at before. False: it is none. */
static bool locust__merge_read_row(locust__view *rest, locust__merge_row *r, bool known)
{
    locust__msgpack_item head, key;
    memset(r, 0, sizeof *r);
    if (locust__msgpack_next(rest, &head) != LOCUST__MSGPACK_OK || head.kind != LOCUST__MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        locust__view value;
        if (locust__msgpack_next(rest, &key) != LOCUST__MSGPACK_OK ||
            key.kind != LOCUST__MSGPACK_STR)
            return false;
        value = *rest;
        if (!locust__msgpack_skip(rest))
            return false;
        value.len -= rest->len;
        if (!locust__merge_key(r, key.bytes, value))
            return false;
    }
    return known || locust__merge_fits(r);
}

/* A text with its '\0', in `out` of LOCUST__MERGE_NAME + 1 bytes. */
static const char *locust__merge_text(locust__view text, char *out)
{
    snprintf(out, LOCUST__MERGE_NAME + 1, "%.*s",
        text.len < LOCUST__MERGE_NAME ? (int)text.len : LOCUST__MERGE_NAME, text.ptr);
    return out;
}

/* Adds the seconds of an entry to the ring. shift_ns: from their time to the loop's clock. */
static void locust__merge_seconds(
    locust__entry *e, locust__view map, bool failures, int64_t shift_ns, int64_t now_ns)
{
    locust__msgpack_item head, key, count;
    double second;
    uint64_t n;
    if (!map.len)
        return;
    locust__msgpack_next(&map, &head);
    for (uint32_t i = 0; i < head.n; i++) {
        int64_t at;
        locust__entry_second *s;
        locust__msgpack_next(&map, &key);
        locust__msgpack_next(&map, &count);
        if (!locust__msgpack_number(&key, &second) || !locust__merge_count(&count, &n) ||
            second > 1e11)
            continue;
        at = ((int64_t)second * LOCUST__S + shift_ns + LOCUST__S / 2) / LOCUST__S;
        at = at > now_ns / LOCUST__S ? now_ns / LOCUST__S : at;
        if (at <= now_ns / LOCUST__S - LOCUST__ENTRY_RING)
            continue;
        s = &e->ring[at % LOCUST__ENTRY_RING];
        if (s->second < at)
            *s = (locust__entry_second){at, 0, 0};
        *(failures ? &s->failures : &s->requests) += (uint32_t)n;
    }
}

/* Adds the times of a stock worker, as its buckets have them. */
static void locust__merge_times(locust__entry *e, const locust__merge_row *r)
{
    locust__msgpack_item head, key, count;
    locust__view map = r->times;
    double ms, total_s = r->total_ms / 1e3;
    uint64_t n;
    if (map.len)
        locust__msgpack_next(&map, &head);
    for (uint32_t i = 0; map.len && i < head.n; i++) {
        locust__msgpack_next(&map, &key);
        locust__msgpack_next(&map, &count);
        if (locust__msgpack_number(&key, &ms) && locust__merge_count(&count, &n) && n)
            locust__hist_record_many(&e->hist, locust__time_ns(ms / 1e3), n);
    }
    e->total_s += (int64_t)total_s;
    e->total_ns += (int64_t)((total_s - (double)(int64_t)total_s) * 1e9);
    e->total_s += e->total_ns / LOCUST__S;
    e->total_ns %= LOCUST__S;
    if (r->has_min && locust__time_ns(r->min_ms / 1e3) < e->min_ns)
        e->min_ns = locust__time_ns(r->min_ms / 1e3);
    if (e->requests && e->min_ns == LOCUST__NEVER)
        e->min_ns = 0; // no request had a time
    if (locust__time_ns(r->max_ms / 1e3) > e->max_ns)
        e->max_ns = locust__time_ns(r->max_ms / 1e3);
}

/* Adds an entry that was looked at to a row, or to the total. */
static void locust__merge_add_row(
    locust__entry *e, const locust__merge_row *r, int64_t shift_ns, int64_t now_ns)
{
    locust__view plus = r->plus;
    uint64_t timed, unanswered;
    e->requests += r->requests;
    e->failures += r->failures;
    e->bytes += r->bytes;
    if (plus.len)
        locust__plus_get_entry(&plus, e, &timed, &unanswered);
    else
        locust__merge_times(e, r);
    locust__merge_seconds(e, r->per_s, false, shift_ns, now_ns);
    locust__merge_seconds(e, r->fails_per_s, true, shift_ns, now_ns);
}

/* Reads a failure, and adds it to st; st NULL: looks at it alone. shift_ns: from its time of day to
 * ours. */
static bool locust__merge_failure(locust__request_stats *st, locust__view *rest, int64_t shift_ns)
{
    locust__view map = *rest, at;
    locust__msgpack_item name, method, error, item;
    char names[3][LOCUST__MERGE_NAME + 1];
    double first_s = 0, last_s = 0;
    int64_t now_ns = locust__os_wall_ns(), first_ns, last_ns;
    uint64_t n;
    if (!locust__msgpack_skip(rest) || !locust__msgpack_find(map, "name", &name, &at) ||
        !locust__msgpack_find(map, "error", &error, &at) || name.kind != LOCUST__MSGPACK_STR ||
        error.kind != LOCUST__MSGPACK_STR || !locust__msgpack_find(map, "method", &method, &at) ||
        !locust__msgpack_find(map, "occurrences", &item, &at) || !locust__merge_count(&item, &n))
        return false;
    if (method.kind != LOCUST__MSGPACK_STR)
        method.bytes = (locust__view){"", 0};
    if (locust__msgpack_find(map, "first_seen", &item, &at) && !locust__merge_real(&item, &first_s))
        return false;
    if (locust__msgpack_find(map, "last_seen", &item, &at) && !locust__merge_real(&item, &last_s))
        return false;
    if (!st || !n)
        return true;
    first_ns = first_s > 0 && first_s < 9e9 ? (int64_t)(first_s * 1e9) + shift_ns : now_ns;
    last_ns = last_s > 0 && last_s < 9e9 ? (int64_t)(last_s * 1e9) + shift_ns : now_ns;
    locust__stats_fail_many(locust__stats_failure_of(st,
                                locust__stats_find(st, locust__merge_text(method.bytes, names[0]),
                                    locust__merge_text(name.bytes, names[1])),
                                locust__merge_text(error.bytes, names[2])),
        n, first_ns < now_ns ? first_ns : now_ns, last_ns < now_ns ? last_ns : now_ns);
    return true;
}

/* The users of each class. False: it is no map of such. */
static bool locust__merge_users(locust__merge *m, const locust_env *env, locust__view counts)
{
    locust__msgpack_item head, name, count;
    uint64_t n;
    for (int i = 0; i < LOCUST_CLASSES_MAX; i++)
        m->users[i] = 0;
    if (locust__msgpack_next(&counts, &head) != LOCUST__MSGPACK_OK ||
        head.kind != LOCUST__MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        if (locust__msgpack_next(&counts, &name) != LOCUST__MSGPACK_OK ||
            name.kind != LOCUST__MSGPACK_STR ||
            locust__msgpack_next(&counts, &count) != LOCUST__MSGPACK_OK ||
            !locust__merge_count(&count, &n) || n > INT_MAX / 2)
            return false;
        for (int k = 0; k < env->n_classes; k++)
            if (locust__view_is(name.bytes, env->classes[k].as->name))
                m->users[k] = (int)n;
    }
    m->has_users = true;
    return true;
}

static bool locust__merge_arrivals(locust__merge *m, const locust_env *env, locust__view *rest)
{
    locust__msgpack_item head, name;
    if (locust__msgpack_next(rest, &head) != LOCUST__MSGPACK_OK ||
        head.kind != LOCUST__MSGPACK_ARRAY)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        locust_arrival_counts c;
        if (!locust__plus_array(rest, 6) ||
            locust__msgpack_next(rest, &name) != LOCUST__MSGPACK_OK ||
            name.kind != LOCUST__MSGPACK_STR || !locust__plus_uint(rest, &c.scheduled) ||
            !locust__plus_uint(rest, &c.started) || !locust__plus_uint(rest, &c.late) ||
            !locust__plus_uint(rest, &c.shed) || !locust__plus_uint(rest, &c.unanswered))
            return false;
        for (int k = 0; k < env->n_classes; k++)
            if (locust__view_is(name.bytes, env->classes[k].as->name))
                m->arrivals[k] = c;
    }
    return true;
}

static bool locust__merge_generator(locust_generator *g, locust__view *rest)
{
    double *const reals[] = {&g->cpu, &g->late_p50_ms, &g->late_p99_ms, &g->late_max_ms,
        &g->p50_high_ms, &g->p99_high_ms, &g->stalled_s, &g->stalled_max_s};
    locust__msgpack_item item;
    if (!locust__plus_array(rest, 12) || locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
        item.kind != LOCUST__MSGPACK_BOOL)
        return false;
    g->ok = item.truth;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK || item.kind != LOCUST__MSGPACK_STR)
        return false;
    snprintf(g->limits, sizeof g->limits, "%.*s",
        item.bytes.len < sizeof g->limits ? (int)item.bytes.len : (int)sizeof g->limits - 1,
        item.bytes.ptr);
    locust__text_plain(g->limits, strlen(g->limits));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
            !locust__merge_real(&item, reals[i]))
            return false;
    return locust__plus_uint(rest, &g->stalled_requests) &&
           locust__msgpack_next(rest, &item) == LOCUST__MSGPACK_OK &&
           locust__merge_real(&item, &g->suspended_s);
}

/* Reads what a worker of our own says beside its rows; st NULL: looks at it alone. */
static bool locust__merge_plus(locust__merge *m, const locust_env *env, locust__request_stats *st,
    locust__view rest, int64_t *there_ns)
{
    uint64_t now_ns, total, cut, cut_ns, asked, starved, longest;
    if (!locust__plus_array(&rest, 10) || !locust__plus_uint(&rest, &now_ns) ||
        !locust__plus_get_hist(&rest, st ? &st->late : NULL, &total) ||
        !locust__plus_get_hist(&rest, st ? &st->in_time : NULL, &total) ||
        !locust__plus_uint(&rest, &cut) || !locust__plus_uint(&rest, &cut_ns) ||
        !locust__plus_uint(&rest, &asked) || !locust__plus_uint(&rest, &starved) ||
        !locust__plus_uint(&rest, &longest) || asked > INT_MAX || starved > asked ||
        !locust__merge_arrivals(m, env, &rest) || !locust__merge_generator(&m->generator, &rest))
        return false;
    m->plus = true;
    m->fed = (locust__users_fed){(int)asked, (int)starved, (int64_t)longest};
    *there_ns = (int64_t)now_ns;
    if (!st)
        return true;
    st->cut_arrivals += cut;
    if ((int64_t)cut_ns > st->cut_arrival_ns)
        st->cut_arrival_ns = (int64_t)cut_ns;
    return true;
}

/* Goes through the rows: looks at them, or adds them. *last_s: when the last request of all ended,
 * by the clock there. */
static bool locust__merge_rows(locust__merge *m, locust__request_stats *st, locust__view list,
    int64_t shift_ns, double *last_s)
{
    locust__msgpack_item head;
    int64_t now_ns = locust__os_now_ns();
    char names[2][LOCUST__MERGE_NAME + 1];
    if (locust__msgpack_next(&list, &head) != LOCUST__MSGPACK_OK ||
        head.kind != LOCUST__MSGPACK_ARRAY)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        locust__merge_row r;
        if (!locust__merge_read_row(&list, &r, st != NULL))
            return false;
        if (r.last_s > *last_s)
            *last_s = r.last_s;
        if (!st) {
            m->requests += r.requests;
            m->failures += r.failures;
            m->bytes += r.bytes;
            continue;
        }
        locust__merge_add_row(locust__stats_find(st, locust__merge_text(r.method, names[0]),
                                  locust__merge_text(r.name, names[1])),
            &r, shift_ns, now_ns);
        locust__merge_add_row(&st->total, &r, shift_ns, now_ns);
    }
    return true;
}

/* Goes through the failures: looks at them, or adds them. */
static bool locust__merge_failures(
    locust__request_stats *st, locust__view map, int64_t shift_ns, uint64_t *n)
{
    locust__msgpack_item head, item;
    *n = 0;
    if (locust__msgpack_next(&map, &head) != LOCUST__MSGPACK_OK || head.kind != LOCUST__MSGPACK_MAP)
        return false;
    for (uint32_t i = 0; i < head.n; i++) {
        locust__view value;
        if (!locust__msgpack_skip(&map)) // a digest
            return false;
        value = map;
        if (!locust__merge_failure(st, &map, shift_ns))
            return false;
        locust__msgpack_find(value, "occurrences", &item, &value);
        *n += (uint64_t)item.whole;
    }
    return true;
}

/* Adds the data of a report to the statistics of env; counts: false looks at it alone. False: it is
 * refused, m->wrong says why, and nothing was added. */
static bool locust__merge_report(locust__merge *m, locust_env *env, locust__view data, bool counts)
{
    locust__request_stats *st = &env->stats;
    locust__msgpack_item item;
    locust__view rows, errors, users, plus;
    bool has_plus;
    double last_s = 0;
    uint64_t failed;
    int64_t there_ns = 0, shift_ns = -env->loop.epoch_ns, here_ns = locust__os_wall_ns(), last_ns;
    memset(m, 0, sizeof *m);
    if (!locust__msgpack_find(data, "stats", &item, &rows) ||
        !locust__merge_rows(m, NULL, rows, 0, &last_s))
        m->wrong = "its rows are broken, or their figures do not fit together";
    else if (!locust__msgpack_find(data, "errors", &item, &errors) ||
             !locust__merge_failures(NULL, errors, 0, &failed) || failed > m->requests)
        m->wrong = "its failures are broken, or more than its requests";
    else if (locust__msgpack_find(data, "user_classes_count", &item, &users) &&
             !locust__merge_users(m, env, users))
        m->wrong = "its numbers of users are broken";
    has_plus = locust__msgpack_find(data, LOCUST__PLUS_KEY, &item, &plus);
    if (!m->wrong && has_plus && !locust__merge_plus(m, env, NULL, plus, &there_ns))
        m->wrong = "what it adds to Locust's report is broken";
    if (m->wrong)
        return false;
    if (!counts)
        return true;
    if (has_plus) // its clock is not ours
        shift_ns = locust__os_now_ns() - there_ns;
    else if (last_s * 1e9 > (double)here_ns + 1e9 ||
             last_s < (double)here_ns / 1e9 - LOCUST__MERGE_OLD_S)
        shift_ns += last_s > 0 && last_s < 9e9 ? here_ns - (int64_t)(last_s * 1e9) : 0;
    locust__merge_rows(m, st, rows, shift_ns, &last_s);
    locust__merge_failures(st, errors, shift_ns + env->loop.epoch_ns, &failed);
    if (has_plus)
        locust__merge_plus(m, env, st, plus, &there_ns);
    last_ns = last_s > 0 && last_s < 9e9 ? (int64_t)(last_s * 1e9) + shift_ns : 0;
    if (last_ns > locust__os_now_ns())
        last_ns = locust__os_now_ns();
    if (last_ns > st->last_ns)
        st->last_ns = last_ns;
    return true;
}
