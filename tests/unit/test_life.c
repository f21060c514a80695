// The life of a user: on_start, tasks in their sets, waits, on_stop, whatever cuts it short.
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include "lives.h"

/* -- a life -- */

enum { MAX_USERS = 1024 };
static int starts[MAX_USERS + 1], tasks[MAX_USERS + 1], stops[MAX_USERS + 1];
static bool test_started, test_stopped;

static void on_test_start(locust_env *env)
{
    CHECK_INT(n_starts, 0);
    CHECK_INT(locust_user_count(env), 0);
    test_started = true;
}

static void on_test_stop(locust_env *env)
{
    CHECK_INT(n_starts, n_stops);
    CHECK_INT(locust_user_count(env), 0);
    test_stopped = true;
}

static void life_start(locust_user *u)
{
    CHECK(test_started && u->id >= 1 && u->id <= MAX_USERS);
    starts[u->id]++;
    n_starts++;
    CHECK_INT(tasks[u->id], 0);
    locust_sleep(u, 0.001);
}

static void life_task(locust_user *u)
{
    CHECK_INT(starts[u->id], 1);
    CHECK_INT(stops[u->id], 0);
    tasks[u->id]++;
    n_tasks++;
    if (target && n_starts == target && n_tasks >= 2 * target)
        locust_stop_test(u);
    locust_sleep(u, 0.001);
    n_finished++;
}

static void life_stop(locust_user *u)
{
    CHECK(!test_stopped);
    CHECK_INT(starts[u->id], 1);
    stops[u->id]++;
    n_stops++;
    locust_sleep(u, 0.002); // may park
    CHECK_INT(stops[u->id], 1);
}

LOCUST_USER(Living, .on_start = life_start, .on_stop = life_stop,
    .wait_time = LOCUST_BETWEEN(0.001, 0.003), .tasks = LOCUST_TASKS(LOCUST_TASK(life_task)));
static const locust_test living = {
    .users = {&Living}, .on_test_start = on_test_start, .on_test_stop = on_test_stop};

static void each_has_one_start_and_one_stop(void)
{
    for (int round = 0; round < 2; round++) { // two environments one after the other
        forget();
        memset(starts, 0, sizeof starts);
        memset(tasks, 0, sizeof tasks);
        memset(stops, 0, sizeof stops);
        test_started = test_stopped = false;
        target = 300;
        CHECK_INT(
            run(&living, (locust_options){.users = 300, .spawn_rate = 300, .run_time_s = 50}), 0);
        CHECK(test_stopped);
        for (int id = 1; id <= MAX_USERS; id++) { // ids from 1, without gaps
            CHECK_INT(starts[id], id <= 300);
            CHECK_INT(stops[id], id <= 300);
        }
    }
}

/* -- cut short -- */

static void cut_in_start(locust_user *u)
{
    n_starts++;
    sleep_for_ever(u);
}

static void request_for_ever(locust_user *u)
{
    locust_response *r;
    if (++n_tasks == target)
        locust_stop_test(u);
    r = locust_get(u, "/", .timeout_s = 1000);
    n_after_cut += r != NULL;
}

/* Ends within a task by a nested call, as user code has it. */
__attribute__((noinline)) static void deep(locust_user *u, int depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    if (depth)
        deep(u, depth - 1);
    else
        sleep_for_ever(u);
    n_after_cut += room[0];
}

static void sleep_deep(locust_user *u)
{
    deep(u, 20);
}

LOCUST_USER(InDepth, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_deep)));
LOCUST_USER(InStart, .on_start = cut_in_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(life_task)));
LOCUST_USER(InRequest, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(request_for_ever)));

static void a_cut_user_still_stops(void)
{
    static const struct {
        const char *name;
        const locust_user_class *as;
    } rows[] = {{"in a sleep", &InSleep}, {"deep in a task", &InDepth}, {"in on_start", &InStart},
        {"in a request", &InRequest}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const locust_test test = {.users = {rows[i].as}};
        char host[64];
        int port = 0, silent = server_silent(&port);
        snprintf(host, sizeof host, "http://127.0.0.1:%d", port);
        CHECK_ROW(rows[i].name);
        forget();
        target = 40;
        CHECK_INT(run(&test, (locust_options){.users = 40,
                                 .spawn_rate = 40,
                                 .run_time_s = 55,
                                 .host = rows[i].as == &InRequest ? host : NULL}),
            0);
        CHECK(ran_ns < 50 * S);
        CHECK_INT(n_starts, 40);
        CHECK_INT(n_tasks, 40);
        CHECK_INT(n_stops, 40);
        CHECK_INT(n_after_cut, 0); // a call that is cut does not return
        close(silent);
    }
}

/* The test ends before the new users have had a turn. on_stop is for those whose on_start began. */
static void no_stop_without_a_start(void)
{
    const locust_test test = {.users = {&InSleep}};
    forget();
    run(&test, (locust_options){.users = 10, .spawn_rate = 10, .run_time_s = 1e-6});
    CHECK_INT(n_stops, n_starts);
}

/* -- tasks -- */

enum { KINDS = 5 };
static const int weights[KINDS] = {1, 2, 0, 3, 10}; // 0 counts as 1
static int picks[KINDS + 1], n_picks, wanted_picks;

static void pick(locust_user *u, int kind)
{
    picks[kind]++;
    if (++n_picks == wanted_picks)
        locust_stop_test(u);
    if (n_picks >= wanted_picks)
        locust_sleep(u, 1000);
}

static void pick0(locust_user *u)
{
    pick(u, 0);
}

static void pick1(locust_user *u)
{
    pick(u, 1);
}

static void pick2(locust_user *u)
{
    pick(u, 2);
}

static void pick3(locust_user *u)
{
    pick(u, 3);
}

static void pick4(locust_user *u)
{
    pick(u, 4);
}

static void never(locust_user *u)
{
    pick(u, KINDS);
}

LOCUST_USER(Weighted,
    .tasks = LOCUST_TASKS(LOCUST_TASK(never, .weight = -1), LOCUST_TASK(pick0, .weight = 1),
        LOCUST_TASK(pick1, .weight = 2), LOCUST_TASK(never, .weight = -5), LOCUST_TASK(pick2),
        LOCUST_TASK(pick3, .weight = 3), LOCUST_TASK(pick4, .weight = 10),
        LOCUST_TASK(never, .weight = -1)));

static void tasks_are_picked_by_weight(void)
{
    const locust_test test = {.users = {&Weighted}};
    double chi2 = 0;
    memset(picks, 0, sizeof picks);
    n_picks = 0;
    wanted_picks = 17000;
    CHECK_INT(run(&test, (locust_options){.users = 3, .spawn_rate = 3}), 0);
    CHECK_INT(picks[KINDS], 0); // a negative weight: never
    for (int i = 0; i < KINDS; i++) {
        double want = wanted_picks * (weights[i] ? weights[i] : 1) / 17.0;
        chi2 += (picks[i] - want) * (picks[i] - want) / want;
    }
    check_that(CHECK_AT("chi-square"), chi2 < 18.5, " of 4 degrees of freedom is %g", chi2);
}

/* A user that never parks in its task and has no wait leaves others their turns. */
static int turns[2];

static void spin(locust_user *u)
{
    turns[u->id - 1]++;
    if (turns[0] + turns[1] == 2000)
        locust_stop_test(u);
}

LOCUST_USER(Spinner, .tasks = LOCUST_TASKS(LOCUST_TASK(spin)));

static void busy_users_take_turns(void)
{
    const locust_test test = {.users = {&Spinner}};
    turns[0] = turns[1] = 0;
    CHECK_INT(run(&test, (locust_options){.users = 2, .spawn_rate = 2}), 0);
    CHECK_NEAR(turns[0], 1000, 20);
    CHECK_NEAR(turns[1], 1000, 20);
}

/* ">>user, Cost: between two tasks without a wait, no switch if the task has parked." */
static uint64_t end_turn;
static int n_switches;

static void park_once(locust_user *u)
{
    if (n_tasks && u->env->loop.turn != end_turn)
        n_switches++;
    if (++n_tasks == 100)
        locust_stop_test(u);
    locust_sleep(u, 0.0001);
    end_turn = u->env->loop.turn;
}

LOCUST_USER(Parker, .tasks = LOCUST_TASKS(LOCUST_TASK(park_once)));

static void no_switch_after_a_task_that_parked(void)
{
    const locust_test test = {.users = {&Parker}};
    forget();
    n_switches = 0;
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    CHECK_INT(n_switches, 0);
}

/* -- waits, end to end -- */

enum { TIMES = 10 };
static int64_t began[TIMES + 2], ended[TIMES + 2], created;

static void note_creation(locust_user *u)
{
    created = now();
    locust_sleep(u, 0.5);
}

static void note_times(locust_user *u)
{
    if (n_tasks <= TIMES)
        began[n_tasks] = now();
    locust_sleep(u, n_tasks % 2 ? 0.02 : 0.001);
    if (n_tasks <= TIMES)
        ended[n_tasks] = now();
    if (++n_tasks == TIMES)
        locust_stop_test(u);
}

static void note_long_times(locust_user *u)
{
    began[n_tasks] = now();
    locust_sleep(u, 0.05);
    ended[n_tasks] = now();
    if (++n_tasks == TIMES)
        locust_stop_test(u);
}

LOCUST_USER(Paced, .wait_time = LOCUST_CONSTANT_PACING(0.05),
    .tasks = LOCUST_TASKS(LOCUST_TASK(note_times)));
LOCUST_USER(Overrun, .wait_time = LOCUST_CONSTANT_PACING(0.02),
    .tasks = LOCUST_TASKS(LOCUST_TASK(note_long_times)));
LOCUST_USER(Late, .on_start = note_creation, .wait_time = LOCUST_CONSTANT_PACING(0.9),
    .tasks = LOCUST_TASKS(LOCUST_TASK(note_times)));
LOCUST_USER(
    Steady, .wait_time = LOCUST_CONSTANT(0.02), .tasks = LOCUST_TASKS(LOCUST_TASK(note_times)));

static void pacing_spaces_the_starts(void)
{
    const locust_test test = {.users = {&Paced}};
    int64_t start = now();
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    for (int i = 1; i < TIMES; i++)
        CHECK(began[i] - start >= i * 50 * MS); // never ahead of the schedule
    CHECK(began[TIMES - 1] - began[0] < (TIMES - 1) * 50 * MS + 5 * S);
}

static void a_long_task_is_followed_at_once(void)
{
    const locust_test test = {.users = {&Overrun}};
    int64_t least = S;
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    for (int i = 1; i < TIMES; i++)
        if (began[i] - ended[i - 1] < least)
            least = began[i] - ended[i - 1];
    CHECK(least < 10 * MS); // a wait would be 20 ms
}

static void the_first_interval_counts_from_creation(void)
{
    const locust_test test = {.users = {&Late}};
    forget();
    run(&test, (locust_options){.users = 1, .run_time_s = 1.35});
    CHECK(n_tasks >= 1);
    CHECK(began[0] - created >= 500 * MS);
    CHECK(n_tasks >= 2); // counted from the first task it would come after 1.4 s
    CHECK(began[1] - created >= 899 * MS);
}

static void a_constant_wait_lies_between_tasks(void)
{
    const locust_test test = {.users = {&Steady}};
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    for (int i = 1; i < TIMES; i++)
        CHECK(began[i] - ended[i - 1] >= 20 * MS);
}

/* -- the life of a user -- */

static int n_pings;

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
    CHECK(strstr(env->stats.exceptions[0].place, "test_life.c:") != NULL);
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

/* -- an on_start that fails: no on_stop, for a user as for a set (Locust 2.47, reference run) -- */

static void failing_start(locust_user *u)
{
    say("start");
    if (u->user_class->fixed_count)
        locust_sleep(u, 0.001);
    locust_fail(u, "cannot log in");
}
static void failing_set_start(locust_user *u)
{
    say("[");
    locust_fail(u, "cannot enter");
}
static void after_the_set(locust_user *u)
{
    say("after");
    locust_stop_user(u);
}

LOCUST_TASKSET(Closed, .on_start = failing_set_start, .on_stop = set_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(one)));
LOCUST_TASKSET(Around, .order = LOCUST_SEQUENTIAL, .on_start = set_start, .on_stop = set_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Closed), LOCUST_TASK(after_the_set)));
LOCUST_USER(FailsAtOnce, .on_start = failing_start, .on_stop = stop, .iterations = 1,
    .tasks = LOCUST_TASKS(LOCUST_TASK(one)));
LOCUST_USER(FailsLater, .on_start = failing_start, .on_stop = stop, .fixed_count = 1,
    .tasks = LOCUST_TASKS(LOCUST_TASK(one)), .iterations = 1);
LOCUST_USER(FailsInSet, .on_stop = stop, .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Around)));
LOCUST_USER(LeavesAtOnce, .on_start = after_the_set, .on_stop = stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(one)));

static void no_stop_after_a_failed_start(void)
{
    static const struct {
        const char *name;
        const locust_user_class *as;
        const char *said, *text; // NULL: no exception
    } rows[] = {
        {"at once", &FailsAtOnce, "start cannot log in ", "cannot log in"},
        {"after a park", &FailsLater, "start cannot log in ", "cannot log in"},
        {"of a set", &FailsInSet, "( [ cannot enter after ) stop ", "cannot enter"},
        {"locust_stop_user is no failure", &LeavesAtOnce, "after stop ", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_test test = {.users = {rows[i].as}, .on_user_error = errs};
        locust_env *env = make(&test, (locust_options){.loglevel = "CRITICAL", .run_time_s = 20});
        CHECK_ROW(rows[i].name);
        *said = '\0';
        CHECK_INT(locust_run(env), rows[i].text != NULL);
        CHECK_STR(said, rows[i].said);
        CHECK_INT(env->stats.n_exceptions, rows[i].text != NULL);
        if (rows[i].text && env->stats.n_exceptions)
            CHECK_STR(env->stats.exceptions[0].text, rows[i].text);
        locust_env_free(env);
    }
}

TESTS({"each has one start and one stop", each_has_one_start_and_one_stop},
    {"a cut user still stops", a_cut_user_still_stops},
    {"no stop without a start", no_stop_without_a_start},
    {"tasks are picked by weight", tasks_are_picked_by_weight},
    {"busy users take turns", busy_users_take_turns},
    {"no switch after a task that parked", no_switch_after_a_task_that_parked},
    {"pacing spaces the starts", pacing_spaces_the_starts},
    {"a long task is followed at once", a_long_task_is_followed_at_once},
    {"the first interval counts from creation", the_first_interval_counts_from_creation},
    {"a constant wait lies between tasks", a_constant_wait_lies_between_tasks},
    {"the life of a user", lives}, {"cut in a nested set", cut},
    {"no stop after a failed start", no_stop_after_a_failed_start}, )
