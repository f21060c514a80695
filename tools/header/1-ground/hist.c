/* ============================================================================================
 * >>hist  latency histogram: under 0.4 % error by default, 1 us to 1 h
 *
 * Purpose     percentiles of millions of response times, mergeable.
 * Invariants  total == sum of all counts.
 * Cost        record: a division, a count of leading zeros, an addition (`make bench B=core`). An
 *             octave (128 buckets, 1 KiB) is made when a time first falls into it: 3 to 6 KiB for
 *             most rows, 26 KiB at most. LOCUST_HIST_BITS halves or doubles it.
 * Names       locust__hist_
 * Sources     the bucket layout of HdrHistogram (Tene), written from its description.
 * Limits      microseconds: a time is rounded to whole ones first. Above 1 h counts as 1 h.
 *
 *   with the 128 buckets of LOCUST_HIST_BITS 7:
 *
 *   octave 0   0, 1, 2, ... 127 us          each bucket 1 us wide
 *   octave 1   128, 129, ... 255 us         1 us
 *   octave k   2^(k+6) ... 2^(k+7) - 1 us   2^(k-1) us; a value is reported as its bucket's middle
 * ============================================================================================ */

enum { LOCUST__HIST_OCTAVE = 1 << LOCUST_HIST_BITS, LOCUST__HIST_OCTAVES = 33 - LOCUST_HIST_BITS };

typedef struct locust__hist {
    uint64_t total;
    uint64_t *octaves[LOCUST__HIST_OCTAVES];
} locust__hist;

static const int64_t LOCUST__HIST_MAX_US = 3600000000;

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
    // It holds the whole microseconds from low to low + width - 1.
    return (LOCUST__HIST_OCTAVE + sub) * width * 1000 + (width - 1) * 500;
}

/* Records a time that was measured n times. False: no memory for a new octave; it is not in. */
static bool locust__hist_record_many(locust__hist *h, int64_t ns, uint64_t n)
{
    size_t index = locust__hist_index((ns + 500) / 1000);
    uint64_t **octave = &h->octaves[index / LOCUST__HIST_OCTAVE];
    if (!*octave) {
        *octave = locust__memory_zalloc(LOCUST__HIST_OCTAVE * sizeof **octave);
        if (!*octave)
            return false;
    }
    (*octave)[index % LOCUST__HIST_OCTAVE] += n;
    h->total += n;
    return true;
}

static bool locust__hist_record(locust__hist *h, int64_t ns)
{
    return locust__hist_record_many(h, ns, 1);
}

/* Finds the next bucket that is not empty, its time and its count, in the order of times. False: there
 * is none left. *at is 0 before the first call, and moves on behind the bucket. */
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

/* into += from. False: no memory, and only a part was added. */
static bool locust__hist_add(locust__hist *into, const locust__hist *from)
{
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++) {
        if (!from->octaves[o])
            continue;
        if (!into->octaves[o])
            into->octaves[o] =
                locust__memory_zalloc(LOCUST__HIST_OCTAVE * sizeof *into->octaves[o]);
        if (!into->octaves[o])
            return false;
        for (size_t i = 0; i < LOCUST__HIST_OCTAVE; i++) {
            into->octaves[o][i] += from->octaves[o][i];
            into->total += from->octaves[o][i];
        }
    }
    return true;
}

/* h -= earlier, a copy of h taken before: what came since. Of an earlier life of h nothing is
 * left. */
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

/* The square root of the mean square distance of a histogram's times from their mean, in ns. */
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
