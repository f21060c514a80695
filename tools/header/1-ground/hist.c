/* ============================================================================================
 * >>hist  latency histogram: under 0.4 % error by default, 1 us to 1 h
 *
 * Purpose     percentiles of millions of response times; histograms can be added up.
 * Invariants  total == sum of all counts, even after memory ran out.
 * Cost        record: a division, a count of leading zeros, an addition (`make bench B=core`). An
 *             octave (128 buckets, 1 KiB) is allocated when a time first falls into it: 3 to 6 KiB
 *             for most entries, 26 KiB at most. One LOCUST_HIST_BITS more doubles all of them.
 * Names       locust__hist_
 * Sources     the bucket layout of HdrHistogram (Tene), written from its description.
 * Limits      a time is rounded to whole microseconds first. Times above 1 h count as 1 h.
 *
 *   with the 128 buckets an octave of LOCUST_HIST_BITS 7:
 *
 *   octave 0   0, 1, 2, ... 127 us          each bucket is 1 us wide
 *   octave 1   128, 129, ... 255 us         1 us
 *   octave k   2^(k+6) ... 2^(k+7) - 1 us   2^(k-1) us
 *
 *   A time is reported as the middle of its bucket, so it is off by at most half a bucket's width:
 *   1 part in 256 at the low end of an octave, 1 in 512 at its high end.
 * ============================================================================================ */

enum { LOCUST__HIST_OCTAVE = 1 << LOCUST_HIST_BITS, LOCUST__HIST_OCTAVES = 33 - LOCUST_HIST_BITS };

typedef struct locust__hist {
    uint64_t total;                          // times recorded
    uint64_t *octaves[LOCUST__HIST_OCTAVES]; // counts; NULL: no time was in it yet
} locust__hist;

static const int64_t LOCUST__HIST_MAX_US = 3600000000;

/* The bucket of a time. The position of its top bit says which octave, the LOCUST_HIST_BITS bits
 * below that one which bucket of it. */
static size_t locust__hist_index(int64_t us)
{
    int top;
    if (us < LOCUST__HIST_OCTAVE)
        return us > 0 ? (size_t)us : 0;
    if (us > LOCUST__HIST_MAX_US)
        us = LOCUST__HIST_MAX_US;
    top = 63 - __builtin_clzll((unsigned long long)us);
    return (size_t)(top - LOCUST_HIST_BITS + 1) * LOCUST__HIST_OCTAVE +
           ((size_t)(us >> (top - LOCUST_HIST_BITS)) & (LOCUST__HIST_OCTAVE - 1));
}

/* The middle of a bucket, in ns. */
static int64_t locust__hist_value_ns(size_t index)
{
    size_t octave = index / LOCUST__HIST_OCTAVE;
    int64_t sub = (int64_t)(index % LOCUST__HIST_OCTAVE);
    int64_t width;
    if (octave < 2)
        return (int64_t)index * 1000;
    width = (int64_t)1 << (octave - 1);
    // The bucket holds the whole microseconds from low to low + width - 1.
    return (LOCUST__HIST_OCTAVE + sub) * width * 1000 + (width - 1) * 500;
}

/* The counts of octave o, allocated if it has none yet; NULL: no memory. */
static uint64_t *locust__hist_octave(locust__hist *h, size_t o)
{
    if (!h->octaves[o])
        h->octaves[o] = locust__memory_zalloc(LOCUST__HIST_OCTAVE * sizeof *h->octaves[o]);
    return h->octaves[o];
}

/* The bucket of a time in ns. */
static inline size_t locust__hist_bucket(int64_t ns)
{
    return locust__hist_index((ns + 500) / 1000);
}

/* Records n times of one bucket. False: no memory for its octave, so they are not counted. */
static inline bool locust__hist_record_at(locust__hist *h, size_t index, uint64_t n)
{
    uint64_t *counts = locust__hist_octave(h, index / LOCUST__HIST_OCTAVE);
    if (!counts)
        return false;
    counts[index % LOCUST__HIST_OCTAVE] += n;
    h->total += n;
    return true;
}

/* Records a time that was measured n times. */
static bool locust__hist_record_many(locust__hist *h, int64_t ns, uint64_t n)
{
    return locust__hist_record_at(h, locust__hist_bucket(ns), n);
}

static bool locust__hist_record(locust__hist *h, int64_t ns)
{
    return locust__hist_record_many(h, ns, 1);
}

/* Finds the next bucket that is not empty, its time and its count, in the order of times. False:
 * there is none left. *at is 0 before the first call, and moves on behind the bucket. */
static bool locust__hist_next(const locust__hist *h, size_t *at, int64_t *ns, uint64_t *count)
{
    while (*at < (size_t)LOCUST__HIST_OCTAVES * LOCUST__HIST_OCTAVE) {
        const uint64_t *octave = h->octaves[*at / LOCUST__HIST_OCTAVE];
        size_t index = *at;
        if (!octave) {
            *at += LOCUST__HIST_OCTAVE;
            continue;
        }
        ++*at;
        if (octave[index % LOCUST__HIST_OCTAVE]) {
            *ns = locust__hist_value_ns(index);
            *count = octave[index % LOCUST__HIST_OCTAVE];
            return true;
        }
    }
    return false;
}

/* The time that `share` (0 to 1) of the recorded ones did not exceed: element floor(total * share)
 * of the sorted times, as Locust picks it. 0 if nothing was recorded. */
static int64_t locust__hist_percentile_ns(const locust__hist *h, double share)
{
    volatile double exact = (double)h->total * share; // rounded to a double, on an x87 too
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0, count;
    int64_t ns;
    if (h->total && rank >= h->total)
        rank = h->total - 1;
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        seen += count;
        if (seen > rank)
            return ns;
    }
    return 0;
}

/* The same where some times are known to have been longer than something only: `cut` holds how long
 * those had lasted when they were cut short (censored). Such a time lies above that, as likely here
 * or there as the known ones: its weight goes to all that lie higher (Kaplan and Meier 1958). Above
 * the longest known time it is taken as what it had lasted. */
static int64_t locust__hist_percentile_censored_ns(
    const locust__hist *h, const locust__hist *cut, double share)
{
    uint64_t total = h->total + cut->total, known = h->total, count = 0, cut_count = 0;
    volatile double exact = (double)total * share;
    double rank = exact > 0 ? (double)(uint64_t)exact : 0, slack = 1e-9 * (double)total;
    double seen = 0, weight = 1, left = (double)total; // left: not shorter than where we are
    size_t at = 0, cut_at = 0;
    int64_t ns = 0, cut_ns = 0, last_ns = 0;
    bool more = locust__hist_next(h, &at, &ns, &count);
    bool more_cut = locust__hist_next(cut, &cut_at, &cut_ns, &cut_count);
    while (more || more_cut) {
        bool is_known = more && (!more_cut || ns <= cut_ns);
        double n = (double)(is_known ? count : cut_count);
        if (!is_known && known) {
            weight *= left / (left - n);
        } else {
            last_ns = is_known ? ns : cut_ns;
            seen += weight * n;
            if (seen > rank + slack)
                return last_ns;
        }
        left -= n;
        if (is_known) {
            known -= count;
            more = locust__hist_next(h, &at, &ns, &count);
        } else {
            more_cut = locust__hist_next(cut, &cut_at, &cut_ns, &cut_count);
        }
    }
    return last_ns;
}

static uint64_t locust__hist_count(const locust__hist *h, size_t index)
{
    const uint64_t *octave = h->octaves[index / LOCUST__HIST_OCTAVE];
    return octave ? octave[index % LOCUST__HIST_OCTAVE] : 0;
}

/* The same of h without the times of `out`, which are in it, and with those of `in`, as many. */
static int64_t locust__hist_corrected_ns(
    const locust__hist *h, const locust__hist *out, const locust__hist *in, double share)
{
    volatile double exact = (double)h->total * share;
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;
    if (h->total && rank >= h->total)
        rank = h->total - 1;
    for (size_t i = 0; i < (size_t)LOCUST__HIST_OCTAVES * LOCUST__HIST_OCTAVE; i++) {
        uint64_t gone = locust__hist_count(out, i), count = locust__hist_count(h, i);
        seen += (count > gone ? count - gone : 0) + locust__hist_count(in, i);
        if (seen > rank)
            return locust__hist_value_ns(i);
    }
    return 0;
}

/* Zeroes the counts. The octaves stay, for the times to come. */
static void locust__hist_reset(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        if (h->octaves[o])
            memset(h->octaves[o], 0, LOCUST__HIST_OCTAVE * sizeof *h->octaves[o]);
    h->total = 0;
}

static void locust__hist_free(locust__hist *h)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        LOCUST_FREE(h->octaves[o]);
    memset(h, 0, sizeof *h);
}

/* into += from. False: memory ran out, and a part was added. */
static bool locust__hist_add(locust__hist *into, const locust__hist *from)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++) {
        uint64_t *counts;
        if (!from->octaves[o])
            continue;
        counts = locust__hist_octave(into, o);
        if (!counts)
            return false;
        for (size_t i = 0; i < LOCUST__HIST_OCTAVE; i++) {
            counts[i] += from->octaves[o][i];
            into->total += from->octaves[o][i];
        }
    }
    return true;
}

/* h -= earlier, a copy of h from before: leaves what was recorded since. If h was reset in between,
 * the copy may have more in a bucket than h: that bucket becomes 0. */
static void locust__hist_since(locust__hist *h, const locust__hist *earlier)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        for (size_t i = 0; h->octaves[o] && earlier->octaves[o] && i < LOCUST__HIST_OCTAVE; i++) {
            uint64_t *count = &h->octaves[o][i], was = earlier->octaves[o][i];
            uint64_t less = was < *count ? was : *count;
            *count -= less;
            h->total -= less;
        }
}

/* The standard deviation of the times from their mean, both in ns. */
static double locust__hist_deviation(const locust__hist *h, double mean)
{
    double sum = 0;
    uint64_t count;
    int64_t ns;
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        double off = (double)ns - mean;
        sum += (double)count * off * off;
    }
    return h->total ? locust__number_sqrt(sum / (double)h->total) : 0;
}
