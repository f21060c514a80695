// Plans: nested sets, orders, tags, transitions, and what is wrong with them; then the life of a user in
// sets, by the words that its tasks write down. Expectations are Locust's documented behaviour.
#include "../../locust.h"
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

static locust__planner planner;

static locust__plan *plan_of(const locust_taskset *set, locust__tags tags)
{
    static locust__tags kept;
    kept = tags;
    planner = (locust__planner){.tags = &kept};
    return locust__plan_new(&planner, set, set->tasks, NULL, 0);
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
        CHECK_STR(planner.wrong, NULL);
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
        if (!CHECK(planner.wrong && strstr(planner.wrong, broken[i].says)))
            printf("# it says: %s\n", planner.wrong ? planner.wrong : "nothing");
        locust__plan_free(plan);
    }
}

/* -- the life of a user -- */

static char said[2048];
static int n_pings;

static void say(const char *word)
{
    if (strlen(said) + strlen(word) + 2 < sizeof said)
        strcat(strcat(said, word), " ");
}

static void clean(void *word)
{
    say(word);
}

static void one(locust_user *u)
{
    (void)u;
    say("one");
}
static void two(locust_user *u)
{
    locust_defer(u, clean, "second");
    locust_defer(u, clean, "first");
    say("two");
    locust_interrupt(u, true);
    say("never");
}
static void set_start(locust_user *u)
{
    (void)u;
    say("(");
}
static void set_stop(locust_user *u)
{
    locust_sleep(u, 0); // on_stop may park
    say(")");
}
LOCUST_TASKSET(Pair, .order = LOCUST_SEQUENTIAL, .on_start = set_start, .on_stop = set_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(one), LOCUST_TASK(two)));

static void inserted(locust_user *u)
{
    (void)u;
    say("inserted");
}
static void ping(locust_user *u)
{
    say("ping");
    switch (++n_pings) {
    case 1:
        locust_schedule(u, inserted, false);
        break;
    case 2:
        locust_defer(u, clean, "cleaned");
        locust_fail(u, "it %s", "broke");
    case 3:
        locust_stop_user(u);
    }
    if (n_pings > 3)
        say("too many");
}

static void start(locust_user *u)
{
    static const locust_task own[] = {
        {.name = "ping", .fn = ping}, {.name = "Pair", .set = &Pair}, {0}};
    static const locust_taskset sequence = {.name = "Own",
        .order = LOCUST_SEQUENTIAL,
        .on_start = set_start,
        .on_stop = set_stop,
        .tasks = own};
    static const locust_task root[] = {{.name = "Own", .set = &sequence}, {0}};
    say("start");
    CHECK(locust_set_tasks(u, root));
}
static void stop(locust_user *u)
{
    say("stop");
    locust_stop_test(u);
}

static void errs(locust_env *env, locust_user *u, const char *message)
{
    (void)env;
    CHECK_INT(u->id, 1);
    say(message);
}

LOCUST_USER(Lives, .on_start = start, .on_stop = stop, .tasks = LOCUST_TASKS(LOCUST_TASK(one)));

static void lives(void)
{
    static const locust_test test = {.users = {&Lives}, .on_user_error = errs};
    locust_env *env = locust_env_new(&test,
        &(locust_options){.quiet = true, .host = "http://127.0.0.1:1", .loglevel = "CRITICAL"});
    *said = '\0';
    n_pings = 0;
    if (!CHECK(env != NULL))
        return;
    CHECK_INT(locust_run(env), 1); // a failed task is an error
    CHECK_STR(said,
        "start ( ping inserted ( one two first second ) ping it broke cleaned ( one two "
        "first second ) ping ) stop ");
    CHECK_INT(env->stats.n_exceptions, 1);
    CHECK_STR(env->stats.exceptions[0].text, "it broke");
    CHECK(strstr(env->stats.exceptions[0].place, "test_task.c:") != NULL);
    CHECK(strstr(env->stats.exceptions[0].place, " in ping") != NULL);
    locust_env_free(env);
}

/* A user that is cut in a nested set: its on_stop functions run from the inside out, its clean-up first. */
static void waits(locust_user *u)
{
    locust_defer(u, clean, "cleaned");
    say("waits");
    locust_sleep(u, 600);
    say("never");
}
LOCUST_TASKSET(
    Deep, .on_start = set_start, .on_stop = set_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(waits)));
LOCUST_TASKSET(Shallow, .on_start = set_start, .on_stop = set_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Deep)));
LOCUST_USER(Cut, .on_stop = stop, .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Shallow)));

static void cut(void)
{
    static const locust_test test = {.users = {&Cut}};
    locust_env *env = locust_env_new(
        &test, &(locust_options){.quiet = true, .host = "http://127.0.0.1:1", .run_time_s = 0.2});
    *said = '\0';
    if (!CHECK(env != NULL))
        return;
    CHECK_INT(locust_run(env), 0);
    CHECK_STR(said, "( ( waits cleaned ) ) stop ");
    locust_env_free(env);
}

/* -- variables and stacks of 10,000 users who take turns at every access -- */

struct pair {
    uint64_t low, high;
};
LOCUST_VAR(uint64_t, number, 42);
LOCUST_VAR(struct pair, range, {1, 2});
LOCUST_STACK(uint64_t, trail);
LOCUST_STACK(const char *, words);

static int right, wrong, done, all; // all: users

static void turn(locust_user *u)
{
    locust_sleep(u, 0);
}

static void expect(bool truth)
{
    *(truth ? &right : &wrong) += 1;
}

static void isolated(locust_user *u)
{
    locust_token outer_token, inner_token;
    uint64_t id = u->id;
    expect(number() == 42 && range().high == 2 && trail_top() == 0 && trail_pop() == 0);
    expect(words_pop() == NULL);
    turn(u);
    outer_token = number_set(id);
    turn(u);
    expect(number() == id);
    inner_token = number_set(id * 3);
    range_set((struct pair){id, id + 1});
    for (uint64_t i = 0; i < 5; i++) {
        expect(trail_push(id + i));
        turn(u);
    }
    words_push("x");
    expect(number() == id * 3 && range().low == id && range().high == id + 1);
    number_reset(inner_token);
    turn(u);
    expect(number() == id);
    number_reset(outer_token);
    expect(number() == 42);
    for (uint64_t i = 5; i-- > 0; turn(u))
        expect(trail_top() == id + i && trail_pop() == id + i);
    expect(trail_pop() == 0);
    trail_push(1); // left for the end of the user
    if (++done == all)
        locust_stop_test(u);
    locust_stop_user(u);
}
LOCUST_USER(Isolated, .tasks = LOCUST_TASKS(LOCUST_TASK(isolated)));

static void variables(void)
{
    static const locust_test test = {.users = {&Isolated}};
    int users = all = getenv("TEST_SLOW") && atoi(getenv("TEST_SLOW")) > 3 ? 500 : 10000;
    locust_env *env = locust_env_new(&test, &(locust_options){.quiet = true,
                                                .host = "http://127.0.0.1:1",
                                                .users = users,
                                                .spawn_rate = users,
                                                .run_time_s = 20});
    right = wrong = done = 0;
    if (!CHECK(env != NULL))
        return;
    CHECK_INT(locust_run(env), 0);
    CHECK_INT(wrong, 0);
    CHECK_INT(right, users * 17);
    locust_env_free(env);
}

TESTS({"sequences", sequences}, {"weights", weights}, {"transitions", transitions}, {"tags", tags},
    {"what is wrong", says_what_is_wrong}, {"the life of a user", lives},
    {"cut in a nested set", cut}, {"variables and stacks", variables})
