// Random numbers, identifiers and texts for a test.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"

static locust_task_fn work;

static void do_work(locust_user *u)
{
    work(u);
}

LOCUST_USER(Worker, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(do_work)));

/* Runs a task once; nothing may be left of it. The exit code. */
static int once(locust_task_fn fn)
{
    const locust_test test = {.users = {&Worker}};
    long before = blocks_live;
    int code;
    work = fn;
    code = run(&test, (locust_options){.users = 1});
    CHECK_INT(blocks_live, before);
    return code;
}

/* -- numbers -- */

static void draw_numbers(locust_user *u)
{
    enum { N = 60000 };
    static const int64_t edges[][2] = {{0, 0}, {7, 7}, {5, 2}, {-1, 1}, {INT64_MIN, INT64_MIN},
        {INT64_MAX - 1, INT64_MAX}, {INT64_MIN, INT64_MAX}};
    int count[6] = {0}, low = 0;
    double sum = 0, chi = 0;
    for (int i = 0; i < N; i++) {
        double x = locust_random(u);
        int64_t k = locust_random_int(u, 1, 6);
        CHECK(x >= 0 && x < 1);
        if (!CHECK(k >= 1 && k <= 6))
            return;
        sum += x;
        count[k - 1]++;
        low += locust_random_int(u, INT64_MIN, INT64_MAX) < 0;
    }
    CHECK_NEAR(sum / N, 0.5, 0.006); // 5 standard deviations of the mean: sqrt(1/12 / N)
    CHECK_NEAR((double)low / N, 0.5, 0.011);
    for (int i = 0; i < 6; i++)
        chi += (count[i] - N / 6.0) * (count[i] - N / 6.0) / (N / 6.0);
    CHECK(chi < 35.9); // 5 degrees of freedom: once in a million draws of N
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (int k = 0; k < 100; k++) {
            int64_t n = locust_random_int(u, edges[i][0], edges[i][1]);
            CHECK(n >= edges[i][0] && (n <= edges[i][1] || n == edges[i][0]));
        }
}

static void numbers_are_even(void)
{
    CHECK_INT(once(draw_numbers), 0);
}

static void choose(locust_user *u)
{
    static const char *const names[] = {"ann", "bob", "cid"};
    const int odd[] = {1, 3, 5, 7};
    int seen[3] = {0}, sum = 0;
    for (int i = 0; i < 300; i++) {
        const char *name = LOCUST_CHOICE(u, names);
        for (int k = 0; k < 3; k++)
            seen[k] += name == names[k];
        sum |= LOCUST_CHOICE(u, odd);
    }
    CHECK_INT(seen[0] + seen[1] + seen[2], 300);
    CHECK(seen[0] > 50 && seen[1] > 50 && seen[2] > 50); // each 100 with a deviation of 8
    CHECK_INT(sum, 7);
}

static void a_choice_is_one_of_an_array(void)
{
    CHECK_INT(once(choose), 0);
}

/* -- identifiers -- */

/* RFC 9562 4 and 5.4: 8-4-4-4-12 lower-case digits, version 4, variant 10. */
static bool is_uuid4(const char *s)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    if (strlen(s) != 36)
        return false;
    for (int i = 0; i < 36; i++)
        if (form[i] == 'x'   ? !strchr("0123456789abcdef", s[i])
            : form[i] == 'y' ? !strchr("89ab", s[i])
                             : s[i] != form[i])
            return false;
    return true;
}

static void draw_uuids(locust_user *u)
{
    const char *last = "";
    int ones[128] = {0};
    for (int i = 0; i < 2000; i++) {
        const char *id = locust_uuid(u), *p = id;
        CHECK(is_uuid4(id));
        CHECK(strcmp(id, last) != 0);
        last = id;
        for (int bit = 0; bit < 128; p++)
            for (int b = 3; b >= 0 && *p != '-'; b--)
                ones[bit++] += locust__number_hex_digit(*p) >> b & 1;
    }
    for (int bit = 0; bit < 128; bit++) // 2000 draws: 22 is a deviation of one half
        if (bit < 48 || (bit > 51 && bit != 64 && bit != 65))
            CHECK(ones[bit] > 1000 - 135 && ones[bit] < 1000 + 135);
}

static void identifiers_are_version_4(void)
{
    CHECK_INT(once(draw_uuids), 0);
}

/* -- texts -- */

static const char *kept[3];

static void check_kept(void *arg)
{
    (void)arg;
    CHECK_STR(kept[0], "/item?id=7&name=ann"); // what was deferred may still read texts
    n_finished++;
}

static void build_texts(locust_user *u)
{
    size_t total = 0;
    CHECK(locust_defer(u, check_kept, NULL));
    kept[0] = locust_text(u, "/item?id=%d&name=%s", 7, "ann");
    kept[1] = locust_text(u, "%*s", 5000, "right");
    kept[2] = locust_text(u, "%s", "");
    for (int i = 0; i < 1000; i++) {
        const char *text = locust_text(u, "%d", i);
        CHECK_INT(atoi(text), i);
        total += strlen(text);
    }
    CHECK_INT(total, 10 + 90 * 2 + 900 * 3);
    CHECK_STR(kept[0], "/item?id=7&name=ann"); // not moved by those that came after it
    CHECK_INT(strlen(kept[1]), 5000);
    CHECK_STR(kept[1] + 4995, "right");
    CHECK_STR(kept[2], "");
}

static void texts_live_as_long_as_their_task(void)
{
    forget();
    CHECK_INT(once(build_texts), 0);
    CHECK_INT(n_finished, 1);
}

static void clear_in_a_loop(locust_user *u)
{
    long before = blocks_live;
    for (int i = 0; i < 1000; i++) {
        locust_text(u, "%0300d", i);
        locust_clear_texts(u);
    }
    CHECK_INT(blocks_live, before);
}

static void texts_can_be_given_back(void)
{
    CHECK_INT(once(clear_in_a_loop), 0);
}

static void build_in_coroutine(locust_user *u, void *arg)
{
    const char *text = locust_text(u, "%s %d", "own", 1);
    locust_sleep(u, 0.001);
    CHECK_STR(text, "own 1");
    CHECK_STR(arg, "the task's");
}

static void build_in_both(locust_user *u)
{
    const char *text = locust_text(u, "the %s", "task's");
    locust_join(u, locust_spawn(u, build_in_coroutine, (void *)(uintptr_t)text));
    CHECK_STR(text, "the task's");
}

static void a_coroutine_has_texts_of_its_own(void)
{
    CHECK_INT(once(build_in_both), 0);
}

static void cut_with_texts(locust_user *u)
{
    locust_text(u, "%d", 1);
    locust_stop_user(u);
}

static void a_task_that_is_left_gives_texts_back(void)
{
    CHECK_INT(once(cut_with_texts), 0);
}

/* -- --seed -- */

static char drawn[3][512];
static int at;

static void note_draws(locust_user *u)
{
    size_t n = strlen(drawn[at]);
    snprintf(drawn[at] + n, sizeof drawn[at] - n, "%.6f %lld %s|", locust_random(u),
        (long long)locust_random_int(u, 0, 1000), locust_uuid(u));
}

LOCUST_USER(Drawer, .iterations = 3, .wait_time = LOCUST_BETWEEN(0, 0.002),
    .tasks = LOCUST_TASKS(LOCUST_TASK(note_draws)));

static void a_seed_repeats_what_a_user_draws(void)
{
    const locust_test test = {.users = {&Drawer}};
    const uint64_t seeds[] = {42, 42, 43};
    memset(drawn, 0, sizeof drawn);
    for (at = 0; at < 3; at++) {
        locust_env *env = make(&test, (locust_options){.users = 1});
        env->users.seed = seeds[at];
        env->loop.random = (uint64_t)at; // not what a user with a seed draws from
        locust_run(env);
        locust_env_free(env);
    }
    CHECK_STR(drawn[0], drawn[1]);
    CHECK(strcmp(drawn[0], drawn[2]) != 0);
}

TESTS({"numbers are even", numbers_are_even},
    {"a choice is one of an array", a_choice_is_one_of_an_array},
    {"identifiers are version 4", identifiers_are_version_4},
    {"texts live as long as their task", texts_live_as_long_as_their_task},
    {"texts can be given back", texts_can_be_given_back},
    {"a coroutine has texts of its own", a_coroutine_has_texts_of_its_own},
    {"a task that is left gives texts back", a_task_that_is_left_gives_texts_back},
    {"a seed repeats what a user draws", a_seed_repeats_what_a_user_draws}, )
