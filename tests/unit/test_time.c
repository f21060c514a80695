// Units of time: seconds of the public API to nanoseconds, deadlines without overflow.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"
#include <math.h>

static const struct {
    const char *name;
    double seconds;
    int64_t ns;
} spans[] = {
    {"nothing", 0, 0},
    {"negative", -1, 0},
    {"minus infinity", -INFINITY, 0},
    {"no number", NAN, 0},
    {"a nanosecond", 1e-9, 1},
    {"less than half of one", 0.4e-9, 0},
    {"more than half of one", 0.6e-9, 1},
    {"a tenth", 0.1, 100000000},
    {"a third, rounded", 1.0 / 3, 333333333},
    {"two thirds, rounded", 2.0 / 3, 666666667},
    {"a minute", 60, INT64_C(60000000000)},
    {"a year", 31536000, INT64_C(31536000000000000)},
    {"the longest that fits in all digits", 9e9, INT64_C(9000000000000000000)},
    {"longer", 9.1e9, INT64_MAX},
    {"infinity", INFINITY, INT64_MAX},
    {"the largest double", 1.7e308, INT64_MAX},
};

static void seconds_to_nanoseconds(void)
{
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        CHECK_ROW(spans[i].name);
        CHECK_INT(locust__time_ns(spans[i].seconds), spans[i].ns);
    }
}

static const struct {
    const char *name;
    int64_t now_ns, span_ns, want;
} deadlines[] = {
    {"now", 5, 0, 5},
    {"a second", INT64_C(7000000000), INT64_C(1000000000), INT64_C(8000000000)},
    {"never", 0, INT64_MAX, INT64_MAX},
    {"never, later", 1, INT64_MAX, INT64_MAX},
    {"the last nanosecond", INT64_MAX - 10, 9, INT64_MAX - 1},
    {"the one that is never", INT64_MAX - 10, 10, INT64_MAX},
    {"past it", INT64_MAX - 10, 11, INT64_MAX},
    {"from never", INT64_MAX, 1, INT64_MAX},
};

static void deadlines_saturate(void)
{
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        CHECK_ROW(deadlines[i].name);
        CHECK_INT(locust__time_after(deadlines[i].now_ns, deadlines[i].span_ns), deadlines[i].want);
    }
}

static void units(void)
{
    CHECK_INT(locust__time_ns(0.001), LOCUST__MS);
    CHECK_INT(locust__time_ns(1), LOCUST__S);
    CHECK_INT(locust__time_after(0, locust__time_ns(1e300)), LOCUST__NEVER);
}

TESTS({"seconds to nanoseconds", seconds_to_nanoseconds},
    {"deadlines saturate", deadlines_saturate}, {"units", units}, )
