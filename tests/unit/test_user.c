// Waits: each kind against the clock of a hand-made user.
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "../check.h"

static const int64_t S = 1000000000;

static double custom_wait(locust_user *u)
{
    return u->id == 1 ? 0.25 : u->id == 2 ? -1 : u->id == 3 ? 1e300 : 0;
}

static const struct {
    const char *name;
    locust_wait_time wait;
    double since_s; // since the last wait ended
    double min_s, max_s;
} waits[] = {
    {"none", {0, 0, 0, NULL}, 5, 0, 0},
    {"constant", LOCUST_CONSTANT(1.5), 5, 1.5, 1.5},
    {"constant 0", LOCUST_CONSTANT(0), 5, 0, 0},
    {"constant, negative", LOCUST_CONSTANT(-1), 5, 0, 0},
    {"between", LOCUST_BETWEEN(1, 3), 5, 1, 3},
    {"between, tiny", LOCUST_BETWEEN(0.001, 0.002), 5, 0.001, 0.002},
    {"between, equal", LOCUST_BETWEEN(2, 2), 5, 2, 2},
    {"pacing, short task", LOCUST_CONSTANT_PACING(2), 0.5, 1.5, 1.5},
    {"pacing, task as long", LOCUST_CONSTANT_PACING(2), 2, 0, 0},
    {"pacing, long task", LOCUST_CONSTANT_PACING(2), 7, 0, 0},
    {"throughput, short task", LOCUST_CONSTANT_THROUGHPUT(4), 0.1, 0.15, 0.15},
    {"throughput, long task", LOCUST_CONSTANT_THROUGHPUT(4), 0.3, 0, 0},
    {"throughput below 1", LOCUST_CONSTANT_THROUGHPUT(0.1), 1, 9, 9},
    {"custom", LOCUST_WAIT_FN(custom_wait), 5, 0.25, 0.25},
};

static void waits_are_as_long_as_their_kind_says(void)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        locust_user_class as = {.name = "Hand", .wait_time = waits[i].wait};
        locust__loop loop = {.random = 99};
        locust__services services = {.loop = &loop};
        locust__users all = {.services = &services};
        locust__class cls = {.as = &as};
        locust__user user = {.as = {.id = 1}, .all = &all, .cls = &cls, .waited_ns = 1000 * S};
        user.root = &user;
        double sum = 0, low = 1e9, high = -1;
        enum { DRAWS = 2000 };
        CHECK_ROW(waits[i].name);
        for (int draw = 0; draw < DRAWS; draw++) {
            double got =
                (double)locust__user_wait_ns(&user, 1000 * S + (int64_t)(waits[i].since_s * 1e9)) /
                1e9;
            sum += got;
            low = got < low ? got : low;
            high = got > high ? got : high;
        }
        CHECK(low >= waits[i].min_s - 1e-8 && high <= waits[i].max_s + 1e-8);
        double span = waits[i].max_s - waits[i].min_s; // uniform: its whole range, its middle
        CHECK_NEAR(sum / DRAWS, (waits[i].min_s + waits[i].max_s) / 2, 0.03 * span + 1e-8);
        CHECK_NEAR(low, waits[i].min_s, 0.02 * span + 1e-8);
        CHECK_NEAR(high, waits[i].max_s, 0.02 * span + 1e-8);
        if (waits[i].wait.fn) {
            user.as.id = 2;
            CHECK_INT(locust__user_wait_ns(&user, 1000 * S), 0);
            user.as.id = 3;
            CHECK(locust__user_wait_ns(&user, 1000 * S) > 0);
        }
    }
}

/* Of gaps of a Poisson process (exponential, mean 0.25 s here) a share of 1 - exp(-1) is shorter than the mean, and what
 * the task took is no part of them. */
static void poisson_waits_are_exponential(void)
{
    enum { DRAWS = 20000 };
    locust_user_class as = {.name = "Hand", .wait_time = LOCUST_POISSON(4)};
    locust__loop loop = {.random = 99};
    locust__services services = {.loop = &loop};
    locust__users all = {.services = &services};
    locust__class cls = {.as = &as};
    locust__user user = {.as = {.id = 1}, .all = &all, .cls = &cls, .waited_ns = 1000 * S};
    double sum = 0, since = 0;
    int shorter = 0;
    user.root = &user;
    for (int draw = 0; draw < DRAWS; draw++) {
        double got = (double)locust__user_wait_ns(&user, 1000 * S) / 1e9;
        sum += got;
        shorter += got < 0.25;
    }
    CHECK_NEAR(sum / DRAWS, 0.25, 0.01);
    CHECK_NEAR((double)shorter / DRAWS, 0.632, 0.015);
    for (int draw = 0; draw < DRAWS;
         draw++) // behind a task of 0.25 s the rest has the same mean, where there is one
        since += locust__user_wait_ns(&user, 1000 * S + S / 4) == 0;
    CHECK_NEAR(since / DRAWS, 0.632, 0.015);
}

TESTS({"waits are as long as their kind says", waits_are_as_long_as_their_kind_says},
    {"poisson waits are exponential", poisson_waits_are_exponential}, )
