/* ============================================================================================
 * >>fleet_plus  what our own masters and workers say beyond Locust
 *
 * Purpose     histograms and counts that Locust's messages have no place for, so that what is added
 *             up from many workers is what one process would have counted: to the last bucket.
 * Invariants  all of it lies under one key of Locust's own maps, LOCUST__PLUS_KEY, which a stock
 *             Locust reads over; it is sent only where the other end has shown that key itself.
 * Cost        two integers of a byte or two for each bucket that is not empty.
 * Names       locust__plus_
 * Uses        >>entry >>fleet_msgpack
 *
 *   histogram   [bits, gap to the first bucket, count, gap to the next one, count, ...]
 *   phase       [longest time in ns, histogram]
 * ============================================================================================ */

#define LOCUST__PLUS_KEY "locust.h"

enum { LOCUST__PLUS_VERSION = 1 };

static void locust__plus_put_hist(locust__buf *out, const locust__hist *h)
{
    size_t at = 0, before = 0;
    uint64_t count;
    uint32_t n = 0;
    int64_t ns;
    while (locust__hist_next(h, &at, &ns, &count))
        n++;
    locust__msgpack_put_array(out, 1 + 2 * n);
    locust__msgpack_put_uint(out, LOCUST_HIST_BITS);
    for (at = 0; locust__hist_next(h, &at, &ns, &count); before = at) {
        locust__msgpack_put_uint(out, at - before);
        locust__msgpack_put_uint(out, count);
    }
}

/* Reads a whole number from 0. False: there is none. */
static bool locust__plus_uint(locust__view *rest, uint64_t *n)
{
    locust__msgpack_item item;
    if (rest->len && !((unsigned char)*rest->ptr & 0x80)) { // most are small
        *n = (unsigned char)*rest->ptr;
        *rest = locust__view_skip(*rest, 1);
        return true;
    }
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
        item.kind != LOCUST__MSGPACK_INT || item.whole < 0)
        return false;
    *n = (uint64_t)item.whole;
    return true;
}

/* Reads the head of an array. False: there is none, or it has another number of elements. */
static bool locust__plus_array(locust__view *rest, uint32_t n)
{
    locust__msgpack_item item;
    return locust__msgpack_next(rest, &item) == LOCUST__MSGPACK_OK &&
           item.kind == LOCUST__MSGPACK_ARRAY && item.n == n;
}

/* The middle of a bucket of a histogram with other bits than ours. */
static int64_t locust__plus_value_ns(uint64_t index, unsigned bits)
{
    uint64_t octave = index >> bits, sub = index & (((uint64_t)1 << bits) - 1), width;
    if (octave < 2)
        return (int64_t)index * 1000;
    width = (uint64_t)1 << (octave - 1);
    return (int64_t)((((uint64_t)1 << bits) + sub) * width * 1000 + (width - 1) * 500);
}

/* Adds a histogram; into NULL: looks at it alone. *total: its times. False: it is none. Buckets of
 * the same width are added as they are; others by their middle. */
static bool locust__plus_get_hist(locust__view *rest, locust__hist *into, uint64_t *total)
{
    locust__msgpack_item item;
    uint64_t bits, index = 0, gap, count;
    *total = 0;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
        item.kind != LOCUST__MSGPACK_ARRAY || item.n % 2 != 1 || !locust__plus_uint(rest, &bits) ||
        bits < 4 || bits > 10)
        return false;
    for (uint32_t i = 1; i < item.n; i += 2) {
        if (!locust__plus_uint(rest, &gap) || !locust__plus_uint(rest, &count) || !gap || !count ||
            gap > (uint64_t)(33 - bits) << bits || count > INT64_MAX / 2 - *total)
            return false;
        index += gap;
        if (index > (uint64_t)(33 - bits) << bits)
            return false;
        *total += count;
        if (into && bits == LOCUST_HIST_BITS)
            locust__hist_record_at(into, (size_t)index - 1, count);
        else if (into)
            locust__hist_record_many(into, locust__plus_value_ns(index - 1, (unsigned)bits), count);
    }
    return true;
}

static void locust__plus_put_phase(locust__buf *out, const locust__phase *phase)
{
    if (!phase || !phase->hist.total) {
        locust__msgpack_put_nil(out);
        return;
    }
    locust__msgpack_put_array(out, 2);
    locust__msgpack_put_int(out, phase->max_ns);
    locust__plus_put_hist(out, &phase->hist);
}

/* Adds a phase, made if there is none yet; into NULL: looks at it alone. */
static bool locust__plus_get_phase(locust__view *rest, locust__phase **into, uint64_t *total)
{
    locust__msgpack_item item;
    locust__view before = *rest;
    uint64_t max_ns;
    *total = 0;
    if (locust__msgpack_next(rest, &item) == LOCUST__MSGPACK_OK && item.kind == LOCUST__MSGPACK_NIL)
        return true;
    *rest = before;
    if (!locust__plus_array(rest, 2) || !locust__plus_uint(rest, &max_ns))
        return false;
    if (into && !*into)
        *into = locust__memory_zalloc(sizeof **into);
    if (into && *into && (int64_t)max_ns > (*into)->max_ns)
        (*into)->max_ns = (int64_t)max_ns;
    return locust__plus_get_hist(rest, into && *into ? &(*into)->hist : NULL, total);
}

/* Writes what a row of Locust's lacks: [shortest, longest time, sum in s and ns, histogram,
 * unanswered, their waits, times from the intended start, waits from there, phases or nil]. */
static void locust__plus_put_entry(locust__buf *out, const locust__entry *e)
{
    locust__msgpack_put_array(out, 10);
    locust__msgpack_put_int(out, e->requests ? e->min_ns : 0);
    locust__msgpack_put_int(out, e->max_ns);
    locust__msgpack_put_int(out, e->total_s);
    locust__msgpack_put_int(out, e->total_ns);
    locust__plus_put_hist(out, &e->hist);
    locust__msgpack_put_uint(out, e->unanswered);
    locust__plus_put_phase(out, e->waits);
    locust__plus_put_phase(out, e->intended);
    locust__plus_put_phase(out, e->intended_waits);
    if (!e->phases) {
        locust__msgpack_put_nil(out);
        return;
    }
    locust__msgpack_put_array(out, LOCUST__PHASES);
    for (int i = 0; i < LOCUST__PHASES; i++)
        locust__plus_put_phase(out, &e->phases[i]);
}

static bool locust__plus_get_phases(locust__view *rest, locust__entry *e)
{
    locust__msgpack_item item;
    uint64_t total;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK)
        return false;
    if (item.kind == LOCUST__MSGPACK_NIL)
        return true;
    if (item.kind != LOCUST__MSGPACK_ARRAY || item.n != LOCUST__PHASES)
        return false;
    if (e && !e->phases)
        e->phases = locust__memory_zalloc(LOCUST__PHASES * sizeof *e->phases);
    for (int i = 0; i < LOCUST__PHASES; i++) {
        locust__phase *phase = e && e->phases ? &e->phases[i] : NULL;
        if (!locust__plus_get_phase(rest, phase ? &phase : NULL, &total))
            return false;
    }
    return true;
}

/* Adds it to an entry, counts of requests, failures and bytes aside; e NULL: looks at it alone.
 * *timed: requests in its histogram. */
static bool locust__plus_get_entry(
    locust__view *rest, locust__entry *e, uint64_t *timed, uint64_t *unanswered)
{
    uint64_t min_ns, max_ns, s, ns, total;
    if (!locust__plus_array(rest, 10) || !locust__plus_uint(rest, &min_ns) ||
        !locust__plus_uint(rest, &max_ns) || !locust__plus_uint(rest, &s) ||
        !locust__plus_uint(rest, &ns) || ns >= (uint64_t)LOCUST__S || s > INT64_MAX / 2 ||
        !locust__plus_get_hist(rest, e ? &e->hist : NULL, timed) ||
        !locust__plus_uint(rest, unanswered) ||
        !locust__plus_get_phase(rest, e ? &e->waits : NULL, &total) || total > *unanswered ||
        !locust__plus_get_phase(rest, e ? &e->intended : NULL, &total) ||
        !locust__plus_get_phase(rest, e ? &e->intended_waits : NULL, &total) ||
        !locust__plus_get_phases(rest, e))
        return false;
    if (!e)
        return true;
    if (*timed && (int64_t)min_ns < e->min_ns)
        e->min_ns = (int64_t)min_ns;
    if ((int64_t)max_ns > e->max_ns)
        e->max_ns = (int64_t)max_ns;
    e->unanswered += *unanswered;
    e->total_s += (int64_t)s;
    e->total_ns += (int64_t)ns;
    e->total_s += e->total_ns / LOCUST__S;
    e->total_ns %= LOCUST__S;
    return true;
}
