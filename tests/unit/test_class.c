// User classes as a test runs them: what is wrong with one, its plan, its weight.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "../check.h"
#include <math.h>

static void browse(locust_user *u)
{
    (void)u;
}

static const locust_task none[] = {{.name = NULL}};
static const locust_task one[] = {{.name = "browse", .fn = browse}, {.name = NULL}};
static const locust_task off[] = {{.name = "browse", .fn = browse, .weight = -1}, {.name = NULL}};
static const locust_task one_off[] = {{.name = "off", .fn = browse, .weight = -1},
    {.name = "browse", .fn = browse, .weight = 3, .tags = "slow"}, {.name = NULL}};

static void checks(void)
{
    static const struct {
        const char *name;
        const locust_task *tasks;
        const char *wrong; // how it begins; NULL: nothing is
    } rows[] = {
        {"no list", NULL, "user class Visitor has no tasks: give it .tasks = LOCUST_TASKS("},
        {"an empty list", none, "user class Visitor has no tasks: give it .tasks = LOCUST_TASKS("},
        {"one task", one, NULL},
        {"none with a weight", off, "user class Visitor has no task with a weight above 0"},
        {"one with a weight", one_off, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_user_class as = {.name = "Visitor", .tasks = rows[i].tasks};
        locust__fault fault = {.code = 0};
        bool good = locust__class_check(&as, &fault);
        CHECK_ROW(rows[i].name);
        CHECK_INT(good, !rows[i].wrong);
        CHECK_INT(fault.code, rows[i].wrong ? LOCUST__EXIT_USAGE : 0);
        CHECK(!rows[i].wrong || strstr(fault.text, rows[i].wrong) == fault.text);
    }
    CHECK_ROW(NULL);
}

/* Numbers and names that a test cannot mean: one sentence before the first user. */
static void traps(void)
{
    static const locust_taskset nameless = {.tasks = one},
                                no_wait = {
                                    .name = "Shop", .tasks = one, .wait_time = {2, 0, 0, NULL}};
    static const locust_task in_nameless[] = {{.name = "set", .set = &nameless}, {.name = NULL}};
    static const locust_task in_no_wait[] = {{.name = "set", .set = &no_wait}, {.name = NULL}};
    static const struct {
        const char *name;
        locust_user_class as;
        const char *wrong; // NULL: nothing is
    } rows[] = {
        {"no name", {.tasks = one}, "a user class has no name: make it with LOCUST_USER"},
        {"an empty name", {.name = "", .tasks = one}, "a user class has no name"},
        {"a number for a wait",
            {.name = "Visitor", .tasks = one, .wait_time = {2, 0, 0, NULL}}, // .wait_time = 2
            "user class Visitor: .wait_time is not made by one of its macros: for 2 seconds write "
            ".wait_time = LOCUST_CONSTANT(2)"},
        {"1 for a wait", {.name = "Visitor", .tasks = one, .wait_time = {1, 0, 0, NULL}},
            "user class Visitor: .wait_time is not made by one of its macros: for 1 seconds"},
        {"0 for a wait", {.name = "Visitor", .tasks = one, .wait_time = {0, 0, 0, NULL}}, NULL},
        {"a wait", {.name = "Visitor", .tasks = one, .wait_time = LOCUST_CONSTANT(2)}, NULL},
        {"a negative wait", {.name = "Visitor", .tasks = one, .wait_time = LOCUST_CONSTANT(-1)},
            "user class Visitor: .wait_time = LOCUST_CONSTANT takes seconds from 0"},
        {"a wait that is no number",
            {.name = "Visitor", .tasks = one, .wait_time = LOCUST_CONSTANT((double)NAN)},
            "user class Visitor: .wait_time = LOCUST_CONSTANT takes seconds from 0"},
        {"a bound that is no number",
            {.name = "Visitor", .tasks = one, .wait_time = LOCUST_BETWEEN(1, (double)NAN)},
            "user class Visitor: .wait_time = LOCUST_BETWEEN takes seconds from 0"},
        {"bounds in any order",
            {.name = "Visitor", .tasks = one, .wait_time = LOCUST_BETWEEN(3, 1)}, NULL},
        {"a throughput of 0",
            {.name = "Visitor",
                .tasks = one,
                .wait_time = LOCUST_CONSTANT_PACING((double)INFINITY)},
            "user class Visitor: .wait_time = LOCUST_CONSTANT_PACING, or LOCUST_CONSTANT_THROUGHPUT,"},
        {"no function", {.name = "Visitor", .tasks = one, .wait_time = LOCUST_WAIT_FN(NULL)},
            "user class Visitor: .wait_time = LOCUST_WAIT_FN(NULL) has no function"},
        {"a weight that is no number", {.name = "Visitor", .tasks = one, .weight = (double)NAN},
            "user class Visitor: .weight takes a number"},
        {"an infinite weight", {.name = "Visitor", .tasks = one, .weight = (double)INFINITY},
            "user class Visitor: .weight takes a number"},
        {"a negative weight", {.name = "Visitor", .tasks = one, .weight = -1}, NULL},
        {"a negative rate", {.name = "Visitor", .tasks = one, .arrivals = {.rate = -1}},
            "user class Visitor: .arrivals.rate takes arrivals a second"},
        {"a rate that is no number",
            {.name = "Visitor", .tasks = one, .arrivals = {.rate = (double)NAN}},
            "user class Visitor: .arrivals.rate takes arrivals a second"},
        {"a stack of a terabyte", {.name = "Visitor", .tasks = one, .stack_size = SIZE_MAX / 2},
            "user class Visitor: .stack_size takes bytes up to"},
        {"a set without a name", {.name = "Visitor", .tasks = in_nameless},
            "user class Visitor has a task set without a name: make it with LOCUST_TASKSET"},
        {"a number for the wait of a set", {.name = "Visitor", .tasks = in_no_wait},
            "user class Visitor has a broken task set: set Shop: .wait_time is not made by one of "
            "its macros"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__fault fault = {.code = 0};
        locust__tags tags = {NULL, NULL};
        locust__class cls;
        locust__class_init(&cls, &rows[i].as);
        CHECK_ROW(rows[i].name);
        CHECK_INT(
            locust__class_check(&rows[i].as, &fault) && locust__class_plan(&cls, &tags, &fault),
            !rows[i].wrong);
        CHECK_INT(fault.code, rows[i].wrong ? LOCUST__EXIT_USAGE : 0);
        if (rows[i].wrong && !CHECK(strncmp(fault.text, rows[i].wrong, strlen(rows[i].wrong)) == 0))
            fprintf(stderr, "it says: %s\n", fault.text);
        locust__plan_free(cls.plan);
    }
    CHECK_ROW(NULL);
}

/* A class with .fixed_count has its users apart from those that weights share out. */
static void weights(void)
{
    static const struct {
        double weight;
        int fixed_count;
        double want;
    } rows[] = {{0, 0, 1}, {1, 0, 1}, {2.5, 0, 2.5}, {-1, 0, 0}, {3, 7, 0}, {0, 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_user_class as = {.fixed_count = rows[i].fixed_count};
        as.weight += rows[i].weight;
        CHECK_NEAR(locust__class_weight(&as), rows[i].want, 0);
        CHECK_INT(locust__class_gets_users(&as), rows[i].want > 0 || rows[i].fixed_count > 0);
    }
}

static void begins(void)
{
    static const locust_user_class as = {.name = "Visitor", .tasks = one};
    locust__class cls;
    memset(&cls, 0xAA, sizeof cls);
    locust__class_init(&cls, &as);
    CHECK(cls.as == &as && cls.declared == &as);
    CHECK_STR(cls.base.prefix, "");
    CHECK_STR(cls.base.text, "");
    CHECK(!cls.base.origin && !cls.plan && !cls.arrivals && !cls.host && !cls.alive);
}

/* The plan has what the tags leave; a task without a weight is in none. */
static void plans(void)
{
    static const struct {
        const char *name;
        const locust_task *tasks;
        const char *wanted, *unwanted;
        int n;
        const char *wrong;
    } rows[] = {
        {"one task", one, NULL, NULL, 1, NULL},
        {"one with a weight", one_off, NULL, NULL, 1, NULL},
        {"one with the tag", one_off, "slow", NULL, 1, NULL},
        {"none with the tag", one, "slow", NULL, 0,
            "user class Visitor has no tasks left by --tags and --exclude-tags"},
        {"all excluded", one_off, NULL, "slow", 0,
            "user class Visitor has no tasks left by --tags and --exclude-tags"},
        {"others excluded", one_off, NULL, "fast", 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_user_class as = {.name = "Visitor", .tasks = rows[i].tasks};
        locust__tags tags = {rows[i].wanted, rows[i].unwanted};
        locust__fault fault = {.code = 0};
        locust__class cls;
        CHECK_ROW(rows[i].name);
        locust__class_init(&cls, &as);
        CHECK_INT(locust__class_plan(&cls, &tags, &fault), !rows[i].wrong);
        CHECK_STR(fault.code ? fault.text : NULL, rows[i].wrong);
        CHECK_INT(cls.plan ? cls.plan->n : 0, rows[i].n);
        locust__plan_free(cls.plan);
        CHECK_INT(blocks_live, 0);
    }
    CHECK_ROW(NULL);
}

static void without_memory(void)
{
    static const locust_user_class as = {.name = "Visitor", .tasks = one};
    for (int fail = 0; fail < 2; fail++) {
        locust__tags tags = {NULL, NULL};
        locust__fault fault = {.code = 0};
        locust__class cls;
        locust__class_init(&cls, &as);
        blocks_fail_in = fail;
        CHECK(!locust__class_plan(&cls, &tags, &fault));
        CHECK(strstr(fault.text, "out of memory") != NULL);
        CHECK_INT(blocks_fail_in, -1);
        locust__plan_free(cls.plan);
        CHECK_INT(blocks_live, 0);
    }
}

TESTS({"checks", checks}, {"traps", traps}, {"weights", weights}, {"begins", begins},
    {"plans", plans}, {"without memory", without_memory}, )
