/* test_hist.c - the histogram against sorted arrays. */
// boards
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

enum { N = 20000 };
static const int64_t US = 1000, HOUR_US = 3600000000;

static int64_t values[2 * N]; // ns
static uint64_t seed;

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double unit(void)
{
    return locust__random_unit(&seed);
}

/* -- distributions, in microseconds -- */

static int64_t uniform_small(void)
{
    return 1 + (int64_t)(unit() * 5000);
}

static int64_t uniform_wide(void)
{
    return 1 + (int64_t)(unit() * (double)HOUR_US);
}

/* Log-uniform from 1 us to an hour, without libm: an exponent, then a mantissa. */
static int64_t log_uniform(void)
{
    int exponent = (int)(unit() * 32);
    int64_t us = (int64_t)((1 + unit()) * (double)((int64_t)1 << exponent));
    return us > HOUR_US ? HOUR_US : us;
}

/* Exponential with a mean of 20 ms: -ln(u). */
static int64_t exponential(void)
{
    double u = 1 - unit();
    return 1 + (int64_t)(-locust__number_log2(u) * 0.6931471805599453 * 20000);
}

static int64_t bimodal(void)
{
    return unit() < 0.9 ? 150 + (int64_t)(unit() * 20) : 30000000 + (int64_t)(unit() * 1000000);
}

static int64_t powers_and_neighbours(void)
{
    int64_t power = (int64_t)1 << (int)(unit() * 32);
    int64_t us = power + (int64_t)(unit() * 3) - 1;
    return us < 1 ? 1 : us > HOUR_US ? HOUR_US : us;
}

static int64_t powers_of_two(void)
{
    return (int64_t)1 << (int)(unit() * 32);
}

/* How often a coin falls on heads, in doublings of 1 us: half of all are 1 us, a quarter 2 us, ... */
static int64_t geometric(void)
{
    int64_t us = 1;
    while (us < HOUR_US / 2 && unit() < 0.5)
        us *= 2;
    return us;
}

/* Pareto with an index of 1, which has no mean: the few largest are as much as all others. */
static int64_t heavy_tail(void)
{
    double us = 100 / (1 - unit());
    return us > (double)HOUR_US ? HOUR_US : (int64_t)us;
}

/* One in a hundred is a hundred times slower: p99 lies on the edge. */
static int64_t one_in_a_hundred(void)
{
    static int turn;
    return ++turn % 100 ? 2000 : 200000;
}

static int64_t both_ends(void)
{
    return unit() < 0.5 ? 1 : HOUR_US;
}

static int64_t bucket_edges(void)
{
    int k = 8 + (int)(unit() * 23);
    int64_t width = (int64_t)1 << (k - 7), us = (128 + (int64_t)(unit() * 128)) * width;
    us += unit() < 0.5 ? 0 : -1;
    return us > HOUR_US ? HOUR_US : us;
}

static int64_t one_value(void)
{
    return 123457;
}

static int64_t the_hour(void)
{
    return HOUR_US - (int64_t)(unit() * 3);
}

static const struct {
    const char *name;
    int64_t (*draw)(void);
} distributions[] = {
    {"uniform, 1 us to 5 ms", uniform_small},
    {"uniform, 1 us to 1 h", uniform_wide},
    {"log-uniform", log_uniform},
    {"exponential", exponential},
    {"bimodal", bimodal},
    {"powers of two and neighbours", powers_and_neighbours},
    {"powers of two", powers_of_two},
    {"geometric", geometric},
    {"heavy tail", heavy_tail},
    {"one in a hundred", one_in_a_hundred},
    {"1 us and 1 h", both_ends},
    {"edges of buckets", bucket_edges},
    {"one value", one_value},
    {"just below the hour", the_hour},
};

static const double shares[] = {0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98,
    0.99, 0.999, 0.9999, 0.99999, 1};

/* Locust's element: s[min(floor(n * p), n - 1)]. */
static int64_t element(const int64_t *sorted, size_t n, double share)
{
    volatile double exact = (double)n * share; // in no longer register of an x87
    size_t rank = (size_t)exact;
    return sorted[rank < n ? rank : n - 1];
}

static void check_shares(const locust__hist *h, int64_t *all, size_t n)
{
    qsort(all, n, sizeof *all, ascending);
    CHECK_INT(h->total, n);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        int64_t want = element(all, n, shares[i]);
        int64_t got = locust__hist_percentile_ns(h, shares[i]);
        int64_t off = got > want ? got - want : want - got;
        check_that(CHECK_AT("percentile"), off * 100 < want,
            " %g: got %lld ns, want %lld: more than 1 %% off", shares[i], (long long)got,
            (long long)want);
        if (want < 256 * US)
            CHECK_INT(got, want);
    }
}

static void within_one_percent(void)
{
    for (size_t d = 0; d < sizeof distributions / sizeof *distributions; d++)
        for (size_t n = 1; n <= N; n = n < 1000 ? n * 3 : N + (n == N)) {
            locust__hist h = {0};
            CHECK_ROW(distributions[d].name);
            seed = 1000 * d + n;
            for (size_t i = 0; i < n; i++) {
                values[i] = distributions[d].draw() * US;
                CHECK(locust__hist_record(&h, values[i]));
            }
            check_shares(&h, values, n);
            locust__hist_free(&h);
            if (n == N)
                break;
        }
}

/* Every whole microsecond up to a point, and around each power of two: the value of its bucket. */
static void check_value(int64_t us)
{
    locust__hist h = {0};
    int64_t got, off;
    locust__hist_record(&h, us * US);
    got = locust__hist_percentile_ns(&h, 0.5);
    off = got > us * US ? got - us * US : us * US - got;
    check_that(CHECK_AT("value"), off * 100 < us * US || off == 0, ": %lld us came back as %lld ns",
        (long long)us, (long long)got);
    locust__hist_free(&h);
}

static void each_value_is_near(void)
{
    for (int64_t us = 0; us < 3000; us++)
        check_value(us);
    for (int64_t power = 2048; power <= HOUR_US; power *= 2)
        for (int64_t us = power - 2; us <= power + 2; us++)
            check_value(us);
    for (int64_t us = HOUR_US - 2; us <= HOUR_US; us++)
        check_value(us);
}

static void exact_where_small(void)
{
    locust__hist h = {0};
    for (int64_t us = 0; us < 256; us++)
        locust__hist_record(&h, us * US);
    for (int64_t us = 0; us < 256; us++)
        CHECK_INT(locust__hist_percentile_ns(&h, ((double)us + 0.5) / 256), us * US);
    locust__hist_free(&h);
}

/* A larger time never shows as less. */
static void is_monotonic(void)
{
    int64_t last = -1;
    for (double us = 0.7; us < 8e9; us *= 1.003) {
        locust__hist h = {0};
        int64_t got;
        locust__hist_record(&h, (int64_t)(us * 1000));
        got = locust__hist_percentile_ns(&h, 0.5);
        CHECK(got >= last);
        last = got;
        locust__hist_free(&h);
    }
}

static void above_an_hour_is_an_hour(void)
{
    static const int64_t beyond[] = {
        3600000000001, 3600100000000, 7200000000000, 86400000000000, INT64_MAX / 2};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        locust__hist h = {0};
        int64_t got;
        CHECK(locust__hist_record(&h, beyond[i]));
        CHECK_INT(h.total, 1);
        got = locust__hist_percentile_ns(&h, 1);
        CHECK(got > 3564000000000 && got < 3636000000000);
        locust__hist_free(&h);
    }
}

static void rounds_to_whole_microseconds(void)
{
    static const struct {
        int64_t ns, want;
    } rows[] = {{0, 0}, {1, 0}, {499, 0}, {500, 1000}, {1000, 1000}, {1499, 1000}, {1500, 2000},
        {99499, 99000}, {99500, 100000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__hist h = {0};
        locust__hist_record(&h, rows[i].ns);
        CHECK_INT(locust__hist_percentile_ns(&h, 0), rows[i].want);
        locust__hist_free(&h);
    }
}

static void ranks_as_locust_does(void)
{
    static const struct {
        int n;
        double share;
        int want; // of the values 1, 2, ... n us
    } rows[] = {
        {1, 0, 1},
        {1, 0.5, 1},
        {1, 1, 1},
        {2, 0.49, 1},
        {2, 0.5, 2},
        {2, 1, 2},
        {3, 0.5, 2},
        {4, 0.5, 3},
        {4, 0.25, 2},
        {10, 0.9, 10},
        {10, 0.89, 9},
        {10, 0.99, 10},
        {100, 0.5, 51},
        {100, 0.95, 96},
        {100, 0.99, 100},
        {100, 1, 100},
        {200, 0.995, 200},
        {200, 0.25, 51},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__hist h = {0};
        for (int us = 1; us <= rows[i].n; us++)
            locust__hist_record(&h, us * US);
        check_that(CHECK_AT("rank"),
            locust__hist_percentile_ns(&h, rows[i].share) == rows[i].want * US,
            " of %g among %d: got %lld ns, want %d us", rows[i].share, rows[i].n,
            (long long)locust__hist_percentile_ns(&h, rows[i].share), rows[i].want);
        locust__hist_free(&h);
    }
}

static void empty_is_zero(void)
{
    locust__hist h = {0};
    CHECK_INT(locust__hist_percentile_ns(&h, 0), 0);
    CHECK_INT(locust__hist_percentile_ns(&h, 0.5), 0);
    CHECK_INT(locust__hist_percentile_ns(&h, 1), 0);
    locust__hist_free(&h);
}

/* Times that were cut, against what Kaplan and Meier say by hand. The share that is not longer than t
 * is 1 less the product of (1 - ended / at risk) over the known times up to t. */
static void cut_times_lie_above(void)
{
    static const struct {
        const char *name;
        int known[8], cut[8]; // us, up to the first 0
        double share;
        int want;
    } rows[] = {
        {"none is cut", {1, 2, 3, 4}, {0}, 0.5, 3},
        {"cut before all: says nothing", {10, 20, 30, 40}, {1, 2, 3, 4}, 0.5, 30},
        {"cut before all: says nothing", {10, 20, 30, 40}, {1, 2, 3, 4}, 0, 10},
        {"one cut between", {10, 20, 30, 40}, {25}, 0.5, 30}, // 1, 1, 1.5, 1.5 of 5; floor(2.5) = 2
        {"one cut between", {10, 20, 30, 40}, {25}, 0.3, 20},
        {"one cut between", {10, 20, 30, 40}, {25}, 0.8, 40},
        {"cut when another ended: longer", {10, 20, 20, 40}, {20, 20}, 0.5, 40}, // 1, 1, 1, 3 of 6
        {"cut when another ended: longer", {10, 20, 20, 40}, {20, 20}, 0.34, 20},
        {"all above: as long as they lasted", {1, 2, 3, 4}, {50, 60, 70, 80}, 0.4, 4},
        {"all above: as long as they lasted", {1, 2, 3, 4}, {50, 60, 70, 80}, 0.5, 50},
        {"all above: as long as they lasted", {1, 2, 3, 4}, {50, 60, 70, 80}, 0.99, 80},
        {"below and above", {10, 20}, {15, 90}, 0.25, 20}, // 1, 1.5 and 1.5 of 4
        {"below and above", {10, 20}, {15, 90}, 0.75, 90},
        {"nothing but cut ones", {0}, {5, 6, 7, 8}, 0.5, 7},
        {"nothing but cut ones", {0}, {5, 6, 7, 8}, 1, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__hist known = {0}, cut = {0};
        CHECK_ROW(rows[i].name);
        for (int k = 0; k < 8 && rows[i].known[k]; k++)
            locust__hist_record(&known, rows[i].known[k] * US);
        for (int k = 0; k < 8 && rows[i].cut[k]; k++)
            locust__hist_record(&cut, rows[i].cut[k] * US);
        CHECK_INT(
            locust__hist_percentile_censored_ns(&known, &cut, rows[i].share), rows[i].want * US);
        locust__hist_free(&known);
        locust__hist_free(&cut);
    }
    CHECK_ROW(NULL);
}

/* Cut at random, which has nothing to do with how long they would have taken: percentiles stay where
 * those of all of them are. Those of the known times alone are far too low. */
static void cut_at_random(void)
{
    static const double some[] = {0.1, 0.5, 0.9};
    locust__hist all = {0}, known = {0}, cut = {0};
    seed = 5;
    for (int i = 0; i < N; i++) {
        int64_t us = 1 + (int64_t)(unit() * 200), end_us = 1 + (int64_t)(unit() * 250);
        locust__hist_record(&all, us * US);
        locust__hist_record(us <= end_us ? &known : &cut, (us <= end_us ? us : end_us) * US);
    }
    CHECK(cut.total > N / 4);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        double want = (double)locust__hist_percentile_ns(&all, some[i]);
        CHECK_NEAR((double)locust__hist_percentile_censored_ns(&known, &cut, some[i]), want,
            6e3); // three standard errors of a share of 20,000, and the cut ones' part of it
    }
    CHECK((double)locust__hist_percentile_ns(&known, 0.9) < 170e3);
    locust__hist_free(&all);
    locust__hist_free(&known);
    locust__hist_free(&cut);
}

static bool same(const locust__hist *a, const locust__hist *b)
{
    static const uint64_t none[LOCUST__HIST_OCTAVE];
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        if (memcmp(a->octaves[o] ? a->octaves[o] : none, b->octaves[o] ? b->octaves[o] : none,
                sizeof none) != 0)
            return false;
    return a->total == b->total;
}

static void merges_exactly(void)
{
    for (size_t d = 0; d + 1 < sizeof distributions / sizeof *distributions; d++) {
        locust__hist a = {0}, b = {0}, both = {0}, before = {0};
        CHECK_ROW(distributions[d].name);
        seed = d;
        for (size_t i = 0; i < 2 * N; i++) {
            values[i] = distributions[i < N ? d : d + 1].draw() * US;
            locust__hist_record(i < N ? &a : &b, values[i]);
            locust__hist_record(&both, values[i]);
        }
        CHECK(locust__hist_add(&before, &a));
        CHECK(same(&before, &a));
        CHECK(locust__hist_add(&a, &b));
        CHECK(same(&a, &both));
        check_shares(&a, values, 2 * N);
        locust__hist_since(&a, &before); // what came since a copy was made
        CHECK(same(&a, &b));
        locust__hist_free(&a);
        locust__hist_free(&b);
        locust__hist_free(&both);
        locust__hist_free(&before);
    }
    CHECK_INT(blocks_live, 0);
}

/* As from many workers: whatever the order and the shares, the sum is that of one who saw it all. */
static void merges_many_in_any_order(void)
{
    enum { PARTS = 40 };
    static locust__hist parts[PARTS];
    locust__hist both = {0}, up = {0}, down = {0};
    size_t kinds = sizeof distributions / sizeof *distributions;
    seed = 7;
    for (size_t i = 0; i < N; i++) {
        size_t part = (size_t)(unit() * unit() * PARTS); // some get few, maybe none
        values[i] = distributions[part % kinds].draw() * US;
        locust__hist_record(&parts[part], values[i]);
        locust__hist_record(&both, values[i]);
    }
    for (size_t i = 0; i < PARTS; i++) {
        CHECK(locust__hist_add(&up, &parts[i]));
        CHECK(locust__hist_add(&down, &parts[PARTS - 1 - i]));
    }
    CHECK(same(&up, &both));
    CHECK(same(&down, &both));
    check_shares(&up, values, N);
    for (size_t i = 0; i < PARTS; i++)
        locust__hist_free(&parts[i]);
    locust__hist_free(&both);
    locust__hist_free(&up);
    locust__hist_free(&down);
    CHECK_INT(blocks_live, 0);
}

static void reset_forgets_all_and_costs_nothing(void)
{
    locust__hist h = {0}, empty = {0};
    long made;
    for (int64_t us = 1; us < HOUR_US; us *= 2)
        locust__hist_record(&h, us * US);
    locust__hist_reset(&h);
    CHECK(same(&h, &empty));
    CHECK_INT(locust__hist_percentile_ns(&h, 0.5), 0);
    made = blocks_made;
    for (int64_t us = 1; us < HOUR_US; us *= 2)
        locust__hist_record(&h, us * US);
    CHECK_INT(blocks_made, made);
    CHECK_INT(h.total, 32);
    locust__hist_free(&h);
    CHECK_INT(blocks_live, 0);
}

static void grows_lazily(void)
{
    locust__hist h = {0};
    size_t octaves = 0;
    blocks_made = 0;
    CHECK_INT(blocks_live, 0);
    for (int64_t us = 10000; us < 16000; us++) // within one power of two
        locust__hist_record(&h, us * US);
    CHECK_INT(blocks_made, 1);
    for (int64_t us = 1; us <= HOUR_US; us += 1 + us / 100)
        locust__hist_record(&h, us * US);
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        octaves += h.octaves[o] != NULL;
    CHECK_INT(blocks_made, octaves);
    CHECK(octaves * sizeof *h.octaves[0] * LOCUST__HIST_OCTAVE <= 26 * 1024); // as its opening says
    locust__hist_free(&h);
    CHECK_INT(blocks_live, 0);
}

static void lists_what_it_holds(void)
{
    static const int64_t us[] = {0, 1, 127, 128, 100000, 3600000000};
    enum { KINDS = sizeof us / sizeof *us };
    locust__hist h = {0};
    size_t at = 0;
    int64_t ns;
    uint64_t count;
    CHECK(!locust__hist_next(&h, &at, &ns, &count));
    for (size_t i = 0; i < KINDS; i++)
        locust__hist_record_many(&h, us[i] * US, i + 1);
    at = 0;
    for (size_t i = 0; i < KINDS; i++) {
        CHECK(locust__hist_next(&h, &at, &ns, &count));
        CHECK_INT(locust__hist_index(ns / US), locust__hist_index(us[i]));
        CHECK_INT(count, i + 1);
    }
    CHECK(!locust__hist_next(&h, &at, &ns, &count));
    locust__hist_free(&h);
    CHECK_INT(blocks_live, 0);
}

/* total == sum of all counts, even when memory ran out in between. */
static void survives_without_memory(void)
{
    locust__hist h = {0}, other = {0};
    uint64_t sum = 0;
    CHECK(locust__hist_record(&h, 100 * US));
    blocks_fail_in = 0;
    CHECK(!locust__hist_record(&h, 100000 * US));
    CHECK(locust__hist_record(&h, 101 * US)); // its octave is there
    CHECK(locust__hist_record(&h, 100000 * US));
    CHECK_INT(h.total, 3);
    blocks_fail_in = 1;
    CHECK(!locust__hist_add(&other, &h));
    blocks_fail_in = -1;
    for (size_t o = 0; o < LOCUST__HIST_OCTAVES; o++)
        for (size_t i = 0; other.octaves[o] && i < LOCUST__HIST_OCTAVE; i++)
            sum += other.octaves[o][i];
    CHECK_INT(other.total, sum);
    locust__hist_free(&h);
    locust__hist_free(&other);
    CHECK_INT(blocks_live, 0);
}

TESTS({"within one percent", within_one_percent}, {"each value is near", each_value_is_near},
    {"exact where small", exact_where_small}, {"is monotonic", is_monotonic},
    {"above an hour is an hour", above_an_hour_is_an_hour},
    {"rounds to whole microseconds", rounds_to_whole_microseconds},
    {"ranks as Locust does", ranks_as_locust_does}, {"empty is zero", empty_is_zero},
    {"cut times lie above", cut_times_lie_above}, {"cut at random", cut_at_random},
    {"merges exactly", merges_exactly}, {"merges many in any order", merges_many_in_any_order},
    {"reset forgets all and costs nothing", reset_forgets_all_and_costs_nothing},
    {"grows lazily", grows_lazily}, {"lists what it holds", lists_what_it_holds},
    {"survives without memory", survives_without_memory}, )
