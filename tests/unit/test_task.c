// Plans: nested sets, orders, tags, transitions, and what is wrong with them. Expectations are Locust's
// documented behaviour.
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "../check.h"

static void a(locust_user *u)
{
    (void)u;
}
static void b(locust_user *u)
{
    (void)u;
}
static void c(locust_user *u)
{
    (void)u;
}

static locust__fault fault; // of the last plan

static locust__plan *plan_of(const locust_taskset *set, locust__tags tags)
{
    static locust__tags kept;
    kept = tags;
    fault = (locust__fault){.code = 0};
    return locust__plan_new(&(locust__planner){&kept, "Visitor", &fault}, set, set->tasks, NULL, 0);
}

/* The names that n picks give, a letter each. */
static const char *picks(const locust__plan *plan, int n)
{
    static char text[64];
    locust__frame f;
    uint64_t random = 7;
    locust__frame_init(&f, plan);
    for (int i = 0; i < n; i++)
        text[i] = *locust__frame_next(&f, &random)->name;
    text[n] = '\0';
    return text;
}

static void sequences(void)
{
    static const locust_task tasks[] = {
        {.name = "a", .fn = a, .weight = 2}, {.name = "b", .fn = b}, {.name = "c", .fn = c}, {0}};
    static const locust_taskset set = {.name = "S", .order = LOCUST_SEQUENTIAL, .tasks = tasks};
    locust__plan *plan = plan_of(&set, (locust__tags){NULL, NULL});
    if (CHECK(plan != NULL))
        CHECK_STR(picks(plan, 9), "aabcaabca");
    locust__plan_free(plan);
}

/* chi-square of counts against shares; 3 degrees of freedom or fewer: 16.3 is p = 0.001. */
static double chi_square(const int *counts, const double *shares, int n, int total)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double want = shares[i] * total, off = counts[i] - want;
        sum += off * off / want;
    }
    return sum;
}

static void weights(void)
{
    static const locust_task tasks[] = {{.name = "a", .fn = a, .weight = 5},
        {.name = "b", .fn = b, .weight = 3}, {.name = "c", .fn = c},
        {.name = "d", .fn = c, .weight = -1}, {0}};
    static const locust_taskset set = {.name = "S", .tasks = tasks};
    static const double shares[] = {5 / 9.0, 3 / 9.0, 1 / 9.0};
    locust__plan *plan = plan_of(&set, (locust__tags){NULL, NULL});
    locust__frame f;
    uint64_t random;
    int counts[3] = {0};
    locust__os_random(&random, sizeof random);
    printf("# seed %llu\n", (unsigned long long)random);
    if (!CHECK(plan != NULL))
        return;
    CHECK_INT(plan->n, 3); // a negative weight is never picked
    locust__frame_init(&f, plan);
    for (int i = 0; i < 90000; i++)
        counts[*locust__frame_next(&f, &random)->name - 'a']++;
    CHECK(chi_square(counts, shares, 3, 90000) < 16.3);
    locust__plan_free(plan);
}

static void transitions(void)
{
    static const locust_task tasks[] = {{.name = "a", .fn = a, .next = "b:3,c:1"},
        {.name = "b", .fn = b, .next = "a"}, {.name = "c", .fn = c, .next = "a, c:1"}, {0}};
    static const locust_taskset set = {.name = "M", .order = LOCUST_MARKOV, .tasks = tasks};
    static const double of_a[] = {0.75, 0.25}, of_c[] = {0.5, 0.5};
    locust__plan *plan = plan_of(&set, (locust__tags){NULL, NULL});
    locust__frame f;
    uint64_t random;
    int from_a[2] = {0}, from_c[2] = {0}, n_a = 0, n_c = 0;
    char before;
    locust__os_random(&random, sizeof random);
    printf("# seed %llu\n", (unsigned long long)random);
    if (!CHECK(plan != NULL))
        return;
    locust__frame_init(&f, plan);
    before = *locust__frame_next(&f, &random)->name;
    CHECK_INT(before, 'a'); // it begins with the first
    for (int i = 0; i < 100000; i++) {
        char now = *locust__frame_next(&f, &random)->name;
        if (before == 'b')
            CHECK_INT(now, 'a');
        if (before == 'a')
            n_a++, from_a[now == 'c']++;
        if (before == 'c')
            n_c++, from_c[now == 'c']++;
        before = now;
    }
    CHECK_INT(from_a[0] + from_a[1], n_a);
    CHECK(chi_square(from_a, of_a, 2, n_a) < 16.3);
    CHECK(chi_square(from_c, of_c, 2, n_c) < 16.3);
    locust__plan_free(plan);
}

/* -- tags: what is left, nested sets in brackets -- */

static void describe(const locust__plan *plan, char *out)
{
    for (int i = 0; plan && i < plan->n; i++) {
        const locust__plan_task *step = &plan->steps[i];
        strcat(out, step->set ? "[" : step->name);
        if (step->set) {
            describe(step->set, out);
            strcat(out, "]");
        }
    }
}

static const locust_task inner_tasks[] = {
    {.name = "a", .fn = a, .tags = "x"}, {.name = "b", .fn = b, .tags = "y,slow"}, {0}};
static const locust_taskset inner = {.name = "Inner", .tasks = inner_tasks};
static const locust_task outer_tasks[] = {{.name = "c", .fn = c, .tags = "x, slow"},
    {.name = "d", .fn = a}, {.set = &inner, .name = "Inner", .tags = "all"}, {0}};
static const locust_taskset outer = {.name = "Outer", .tasks = outer_tasks};

static const struct {
    const char *tags, *exclude, *left;
} tagged[] = {
    {NULL, NULL, "cd[ab]"},
    {"x", NULL, "c[a]"},
    {"y", NULL, "[b]"},
    {"x y", NULL, "c[ab]"},
    {"x,y", "slow", "[a]"},
    {NULL, "slow", "d[a]"},
    {NULL, "x", "d[b]"},
    {"all", NULL, "[ab]"},
    {NULL, "all", "cd"},
    {"none", NULL, NULL},
    {"x", "x", NULL},
};

static void tags(void)
{
    for (size_t i = 0; i < sizeof tagged / sizeof *tagged; i++) {
        locust__plan *plan = plan_of(&outer, (locust__tags){tagged[i].tags, tagged[i].exclude});
        char left[64] = "";
        CHECK_ROW(tagged[i].tags ? tagged[i].tags : tagged[i].exclude);
        describe(plan, left);
        CHECK_STR(plan ? left : NULL, tagged[i].left);
        CHECK_STR(fault.text, "");
        locust__plan_free(plan);
    }
}

/* -- what is wrong -- */

static const locust_taskset itself;
static const locust_task itself_tasks[] = {{.name = "Itself", .set = &itself}, {0}};
static const locust_taskset itself = {.name = "Itself", .tasks = itself_tasks};

#define MARKOV(...)                                                         \
    {                                                                       \
        .name = "M", .order = LOCUST_MARKOV, .tasks = (const locust_task[]) \
        {                                                                   \
            __VA_ARGS__,                                                    \
            {                                                               \
                0                                                           \
            }                                                               \
        }                                                                   \
    }

static const struct {
    const char *name;
    locust_taskset set;
    const char *tags, *says;
} broken[] = {
    {"unknown name", MARKOV({.name = "a", .fn = a, .next = "b"}), NULL, "\"b\""},
    {"no next", MARKOV({.name = "a", .fn = a, .next = "b"}, {.name = "b", .fn = b}), NULL,
        "task b has no .next"},
    {"unreachable",
        MARKOV({.name = "a", .fn = a, .next = "a"}, {.name = "b", .fn = b, .next = "a"}), NULL,
        "leads to task b"},
    {"weight", MARKOV({.name = "a", .fn = a, .next = "a:x"}), NULL, "\"a:x\""},
    {"tags", MARKOV({.name = "a", .fn = a, .next = "a", .tags = "t"}), "t", "LOCUST_MARKOV"},
    {"empty set", {.name = "E", .tasks = (const locust_task[]){{0}}}, NULL, "has no tasks"},
    {"in itself", {.name = "I", .tasks = itself_tasks}, NULL, "nested"},
};

static void says_what_is_wrong(void)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        locust__plan *plan = plan_of(&broken[i].set, (locust__tags){broken[i].tags, NULL});
        CHECK_ROW(broken[i].name);
        CHECK(plan == NULL);
        CHECK_INT(fault.code, LOCUST__EXIT_USAGE);
        if (!CHECK(strstr(fault.text, broken[i].says)))
            printf("# it says: %s\n", fault.text);
        locust__plan_free(plan);
    }
}

TESTS({"sequences", sequences}, {"weights", weights}, {"transitions", transitions}, {"tags", tags},
    {"what is wrong", says_what_is_wrong}, )
