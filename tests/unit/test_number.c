// Numbers in and out, random numbers.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"
#include <math.h>

/* -- rounding -- */

static const struct {
    double x;
    int64_t want; // halves go to the even neighbour, as Python's round() does
} roundings[] = {
    {0, 0},
    {0.25, 0},
    {0.5, 0},
    {0.5000001, 1},
    {1.5, 2},
    {2.5, 2},
    {3.5, 4},
    {2.4999999, 2},
    {1e15 + 0.5, 1000000000000000},
    {1e15 + 1.5, 1000000000000002},
    {9007199254740993.0, 9007199254740992},
    {9e18, 9000000000000000000},
};

static void rounds(void)
{
    for (size_t i = 0; i < sizeof roundings / sizeof *roundings; i++)
        CHECK_INT(locust__number_round(roundings[i].x), roundings[i].want);
}

/* -- without libm -- */

static void roots_and_logarithms(void)
{
    static const double numbers[] = {1e-200, 1e-9, 0.3, 0.5, 0.7071, 0.99999, 1, 1.00001, 1.4999,
        1.5001, 2, 3, 10, 65536, 1e9, 12345.678, 1e200};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double x = numbers[i], root = sqrt(x), log = log2(x);
        CHECK_NEAR(locust__number_sqrt(x), root, root * 1e-14);
        CHECK_NEAR(locust__number_log2(x), log, fabs(log) * 1e-14 + 1e-14);
    }
    CHECK_NEAR(locust__number_sqrt(0), 0, 0);
    for (int i = -1022; i < 1024; i++) // powers of two are exact
        CHECK_NEAR(locust__number_log2(ldexp(1, i)), i, 0);
}

/* -- whole numbers -- */

static const struct {
    const char *name, *text;
    int64_t want;
    int taken;
} wholes[] = {
    {"nothing", "", -1, 0},
    {"a letter", "x1", -1, 0},
    {"a sign", "-1", -1, 0},
    {"a plus", "+1", -1, 0},
    {"a blank", " 1", -1, 0},
    {"zero", "0", 0, 1},
    {"zeros in front", "0012", 12, 4},
    {"something behind", "12s", 12, 2},
    {"a point", "1.5", 1, 1},
    {"twelve digits", "123456789012", INT64_C(123456789012), 12},
    {"eighteen nines", "999999999999999999", INT64_C(999999999999999999), 18},
    {"2^63 - 8", "9223372036854775800", INT64_MAX - 7, 19},
    {"2^63 - 1", "9223372036854775807", INT64_MAX, 19},
    {"2^63", "9223372036854775808", INT64_MAX, 19},
    {"2^64 + 1", "18446744073709551617", INT64_MAX, 20},
    {"thirty nines", "999999999999999999999999999999", INT64_MAX, 30},
};

static void reads_whole_numbers(void)
{
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        size_t n = strlen(wholes[i].text) + 1;
        char *text = check_guarded(wholes[i].text, n);
        const char *at = text;
        CHECK_ROW(wholes[i].name);
        CHECK_INT(locust__number_whole(&at), wholes[i].want);
        CHECK_INT(at - text, wholes[i].taken);
        check_guarded_free(text, n);
    }
}

static const struct {
    const char *text;
    int n, want;
} hexes[] = {
    {"0", 1, 0},
    {"f", 1, 15},
    {"F", 1, 15},
    {"7f", 2, 127},
    {"fF", 2, 255},
    {"0a", 2, 10},
    {"fffffff", 7, 0xFFFFFFF},
    {"g", 1, -1},
    {"G0", 2, -1},
    {"0g", 2, -1},
    {"-1", 2, -1},
    {"0x", 2, -1},
    {" 1", 2, -1},
    {"/", 1, -1},
    {":", 1, -1},
    {"@", 1, -1},
    {"`", 1, -1},
};

static void reads_hexadecimal(void)
{
    for (size_t i = 0; i < sizeof hexes / sizeof *hexes; i++) {
        char *text = check_guarded(hexes[i].text, (size_t)hexes[i].n);
        CHECK_ROW(hexes[i].text);
        CHECK_INT(locust__number_hex(text, hexes[i].n), hexes[i].want);
        check_guarded_free(text, (size_t)hexes[i].n);
    }
}

/* -- decimal numbers -- */

static const struct {
    const char *text;
    double want;
    int taken;
} decimals[] = {
    {"", -1, 0}, {".", -1, 0}, {"e3", -1, 0}, {"-1", -1, 0}, {"+1", -1, 0}, {"x", -1, 0},
    {"nan", -1, 0}, {"inf", -1, 0}, {" 1", -1, 0}, {"0", 0, 1}, {"12", 12, 2}, {"0.25", 0.25, 4},
    {".5", .5, 2}, {"5.", 5, 2}, {"1e-3", 1e-3, 4}, {"1E3", 1000, 3}, {"1e+3", 1000, 4},
    {"2.5e2x", 250, 5}, {"1e", 1, 1}, {"1e+", 1, 1}, {"1ex", 1, 1}, {"1.2.3", 1.2, 3},
    {"1,5", 1, 1}, {"0.1", 0.1, 3}, {"0.3", 0.3, 3}, {"123456789012345", 123456789012345.0, 15},
    {"0.000123456789012", 0.000123456789012, 17}, {"1e22", 1e22, 4}, {"1e-22", 1e-22, 5},
    {"99.9", 99.9, 4}, {"0x10", 0, 1}, // no other base
};

static void decimal_is(const char *in, double want, int taken)
{
    size_t n = strlen(in) + 1;
    char *text = check_guarded(in, n);
    const char *at = text;
    CHECK_ROW(in);
    CHECK_NEAR(locust__number_decimal(&at), want, 0); // the nearest double
    CHECK_INT(at - text, taken);
    check_guarded_free(text, n);
}

static void reads_decimal_numbers(void)
{
    for (size_t i = 0; i < sizeof decimals / sizeof *decimals; i++)
        decimal_is(decimals[i].text, decimals[i].want, decimals[i].taken);
}

static void reads_numbers_of_any_size(void)
{
    static const char *const texts[] = {"1e999999999999999999999", "1e-999999999999999999999",
        "0e99999", "1e301", "100000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *at = texts[i];
        CHECK_ROW(texts[i]);
        CHECK(locust__number_decimal(&at) >= 0);
        CHECK_STR(at, "");
    }
}

/* -- spans of time, as Locust's --run-time -- */

static const struct {
    const char *text;
    double want; // -1: it is none
} spans[] = {
    {"20", 20},
    {"20s", 20},
    {"3m", 180},
    {"2h", 7200},
    {"1h20m", 4800},
    {"3h30m10s", 12610},
    {"1h10s", 3610},
    {"0", 0},
    {"0s", 0},
    {"90m", 5400},
    {"0012s", 12},
    {"", -1},
    {"s", -1},
    {"h", -1},
    {"1d", -1},
    {"1m1h", -1},
    {"1s1s", -1},
    {"1h20", -1},
    {"-1", -1},
    {"+1", -1},
    {"1.5h", -1},
    {" 1s", -1},
    {"1s ", -1},
    {"1H", -1},
    {"99999999999999999999s", -1},
};

static void reads_spans(void)
{
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        size_t n = strlen(spans[i].text) + 1;
        char *text = check_guarded(spans[i].text, n);
        double got;
        CHECK_ROW(spans[i].text);
        if (CHECK_INT(locust__number_span(text, &got), spans[i].want >= 0) && spans[i].want >= 0)
            CHECK_NEAR(got, spans[i].want, 0);
        check_guarded_free(text, n);
    }
}

/* -- random numbers -- */

/* The first of them from the states 0 and 1234567: the values that the authors' splitmix64.c prints
 * (Vigna's page; Rosetta Code lists the second ones). */
static void random_numbers_are_splitmix64(void)
{
    static const uint64_t of_0[] = {
        UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4), UINT64_C(0x06c45d188009454f)};
    static const uint64_t of_1234567[] = {UINT64_C(6457827717110365317),
        UINT64_C(3203168211198807973), UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821)};
    uint64_t state = 0;
    for (int i = 0; i < 3; i++)
        CHECK(locust__random(&state) == of_0[i]);
    state = 1234567;
    for (int i = 0; i < 5; i++)
        CHECK(locust__random(&state) == of_1234567[i]);
}

/* Of 16 equal intervals each gets its part of 160,000: 10,000, with a deviation of about 97. */
static void random_units_are_uniform(void)
{
    uint64_t state = 42;
    int counts[16] = {0};
    for (int i = 0; i < 160000; i++) {
        double u = locust__random_unit(&state);
        if (!CHECK(u >= 0 && u < 1))
            return;
        counts[(int)(u * 16)]++;
    }
    for (int i = 0; i < 16; i++)
        CHECK_NEAR(counts[i], 10000, 500);
}

/* -- the locale of a test -- */

static void decimal_points_in_any_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const char *name = NULL;
    char text[16];
    locust__locale was;
    for (size_t i = 0; !name && i < sizeof names / sizeof *names; i++)
        name = setlocale(LC_NUMERIC, names[i]);
    snprintf(text, sizeof text, "%.1f", 1.5);
    if (!name || strcmp(text, "1,5") != 0) {
        setlocale(LC_NUMERIC, "C");
        SKIP("no locale with decimal commas is installed");
    }
    was = locust__locale_enter();
    snprintf(text, sizeof text, "%.1f", 1.5);
    CHECK_STR(text, "1.5");
    locust__locale_leave(was);
    snprintf(text, sizeof text, "%.1f", 1.5);
    CHECK_STR(text, "1,5"); // the test's own again
    decimal_is("1.5", 1.5, 3);
    setlocale(LC_NUMERIC, "C");
}

TESTS({"rounds", rounds}, {"roots and logarithms", roots_and_logarithms},
    {"reads whole numbers", reads_whole_numbers}, {"reads hexadecimal", reads_hexadecimal},
    {"reads decimal numbers", reads_decimal_numbers},
    {"reads numbers of any size", reads_numbers_of_any_size}, {"reads spans", reads_spans},
    {"random numbers are SplitMix64", random_numbers_are_splitmix64},
    {"random units are uniform", random_units_are_uniform},
    {"decimal points in any locale", decimal_points_in_any_locale}, )
