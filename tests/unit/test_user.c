/* test_user.c - users through the library: life, tasks, waits, spawning, stopping, exit codes. */
#include "../check.h"

static size_t fail_from_bytes; // allocations as large fail, after fail_after of them; 0: none
static int fail_after;

static void *failing_malloc(size_t n)
{
    if (fail_from_bytes && n >= fail_from_bytes && fail_after-- <= 0)
        return NULL;
    return malloc(n);
}

#define LOCUST_MALLOC(n)     failing_malloc(n)
#define LOCUST_REALLOC(p, n) realloc(p, n)
#define LOCUST_FREE(p)       free(p)
#include "../../locust.h"

static const int64_t MS = 1000000, S = 1000000000;

static int64_t now(void)
{
    return locust__os_now_ns();
}

static locust_env *make(const locust_test *test, locust_options options)
{
    locust_env *env;
    options.quiet = true;
    env = locust_env_new(test, &options);
    CHECK(env != NULL);
    if (env)
        env->loop.random = 20240131; // the same choices each time
    return env;
}

static int64_t ran_ns; // how long the last run took

static int run(const locust_test *test, locust_options options)
{
    locust_env *env = make(test, options);
    int64_t start = now();
    int code = env ? locust_run(env) : -1;
    ran_ns = now() - start;
    locust_env_free(env);
    return code;
}

/* -- a life -- */

enum { MAX_USERS = 1024 };
static int starts[MAX_USERS + 1], tasks[MAX_USERS + 1], stops[MAX_USERS + 1];
static int n_starts, n_tasks, n_finished, n_stops, n_after_cut, target;
static bool test_started, test_stopped;

static void forget(void)
{
    memset(starts, 0, sizeof starts);
    memset(tasks, 0, sizeof tasks);
    memset(stops, 0, sizeof stops);
    n_starts = n_tasks = n_finished = n_stops = n_after_cut = target = 0;
    test_started = test_stopped = false;
}

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

static void sleep_for_ever(locust_user *u)
{
    if (++n_tasks == target)
        locust_stop_test(u);
    locust_sleep(u, 100000);
    n_after_cut++;
}

static void count_start(locust_user *u)
{
    (void)u;
    n_starts++;
}

static void count_stop(locust_user *u)
{
    (void)u;
    n_stops++;
}

static void cut_in_start(locust_user *u)
{
    n_starts++;
    sleep_for_ever(u);
}

static int silent_port;

static void request_for_ever(locust_user *u)
{
    locust_response *r;
    if (++n_tasks == target)
        locust_stop_test(u);
    r = locust_get(u, "/", .timeout_s = 1000);
    n_after_cut += r != NULL;
}

static void read_for_ever(locust_user *u)
{
    char url[64], byte;
    locust_stream *s;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", silent_port);
    s = locust_connect(u, url);
    if (++n_tasks == target)
        locust_stop_test(u);
    locust_read(s, &byte, 1);
    n_after_cut++;
    locust_close(s);
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

LOCUST_USER(InSleep, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_for_ever)));
LOCUST_USER(InDepth, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_deep)));
LOCUST_USER(InStart, .on_start = cut_in_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(life_task)));
LOCUST_USER(InRequest, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(request_for_ever)));
LOCUST_USER(InRead, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(read_for_ever)));

/* A server that never answers: the kernel takes the connections, nobody accepts them. */
static int silent_server(char *host, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 100) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    silent_port = ntohs(address.sin_port);
    snprintf(host, size, "http://127.0.0.1:%d", silent_port);
    return fd;
}

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
        int server = silent_server(host, sizeof host);
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
        close(server);
    }
}

static int open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Its stream is reclaimed with it: descriptor and memory (LeakSanitizer looks at the end). */
static void run_cut_readers(void *arg)
{
    const locust_test test = {.users = {&InRead}};
    char host[64];
    int server = silent_server(host, sizeof host), before = open_files();
    (void)arg;
    forget();
    target = 40;
    CHECK_INT(run(&test, (locust_options){.users = 40, .spawn_rate = 40, .run_time_s = 55}), 0);
    CHECK(ran_ns < 50 * S);
    CHECK_INT(n_starts, 40);
    CHECK_INT(n_stops, 40);
    CHECK_INT(n_after_cut, 0);
    CHECK_INT(open_files(), before);
    close(server);
}

static void streams_of_a_cut_user_are_closed(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_cut_readers, NULL, &text), 0))
        fprintf(stderr, "%s", text);
    free(text);
}

/* The test ends before the new users have had a turn. on_stop is for those whose on_start began. */
static void no_stop_without_a_start(void)
{
    const locust_test test = {.users = {&InSleep}};
    forget();
    run(&test, (locust_options){.users = 10, .spawn_rate = 10, .run_time_s = 1e-6});
    CHECK_INT(n_stops, n_starts);
}

/* -- stopping -- */

static void stop_and_go_on(locust_user *u)
{
    n_tasks++;
    locust_stop_test(u);
    n_finished++; // goes on until it parks
    locust_sleep(u, 0.001);
    n_after_cut++;
}

LOCUST_USER(Stopper, .on_stop = count_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(stop_and_go_on)));

static void stop_test_returns_at_once(void)
{
    const locust_test test = {.users = {&Stopper}};
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 1}), 0);
    CHECK_INT(n_tasks, 1);
    CHECK_INT(n_finished, 1);
    CHECK_INT(n_after_cut, 0);
    CHECK_INT(n_stops, 1);
}

/* Without a time or a caller it would go on for ever. */
static void the_run_time_ends_a_run(void)
{
    const locust_test test = {.users = {&InSleep}};
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 3, .spawn_rate = 3, .run_time_s = 0.2}), 0);
    CHECK(ran_ns >= 200 * MS && ran_ns < 30 * S);
    CHECK_INT(n_stops, 3);
}

static void take_a_while(locust_user *u)
{
    if (++n_tasks == target)
        locust_stop_test(u);
    locust_sleep(u, 0.1);
    n_finished++;
}

LOCUST_USER(Busy, .on_stop = count_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(take_a_while)));
LOCUST_USER(Endless, .on_stop = count_stop, .tasks = LOCUST_TASKS(LOCUST_TASK(sleep_for_ever)));
LOCUST_USER(Waiting, .on_stop = count_stop, .wait_time = LOCUST_CONSTANT(100000),
    .tasks = LOCUST_TASKS(LOCUST_TASK(take_a_while)));

static void a_stop_timeout_lets_tasks_finish(void)
{
    const locust_test test = {.users = {&Busy}};
    forget();
    target = 20;
    CHECK_INT(run(&test, (locust_options){.users = 20, .spawn_rate = 20, .stop_timeout_s = 50}), 0);
    CHECK_INT(n_tasks, n_finished);
    CHECK(n_tasks >= 20 && n_tasks < 40);
    CHECK_INT(n_stops, 20);
    CHECK(ran_ns >= 100 * MS && ran_ns < 40 * S);
}

static void no_stop_timeout_cuts_tasks(void)
{
    const locust_test test = {.users = {&Busy}};
    forget();
    target = 20;
    CHECK_INT(run(&test, (locust_options){.users = 20, .spawn_rate = 20}), 0);
    CHECK_INT(n_tasks, 20);
    CHECK_INT(n_finished, 0);
    CHECK_INT(n_stops, 20);
}

static void a_stop_timeout_cuts_the_rest(void)
{
    const locust_test test = {.users = {&Busy, &Endless}};
    forget();
    target = 20;
    CHECK_INT(
        run(&test, (locust_options){.users = 20, .spawn_rate = 20, .stop_timeout_s = 0.6}), 0);
    CHECK(n_finished >= 10);
    CHECK_INT(n_after_cut, 0);
    CHECK_INT(n_stops, 20);
    CHECK(ran_ns >= 600 * MS && ran_ns < 30 * S);
}

static void a_stop_timeout_ends_waits(void)
{
    const locust_test test = {.users = {&Waiting}};
    forget();
    CHECK_INT(run(&test,
                  (locust_options){
                      .users = 10, .spawn_rate = 10, .stop_timeout_s = 50, .run_time_s = 0.5}),
        0);
    CHECK_INT(n_stops, 10);
    CHECK_INT(n_finished, n_tasks);
    CHECK(ran_ns < 30 * S);
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

LOCUST_USER(Never, .tasks = LOCUST_TASKS(LOCUST_TASK(never, .weight = -1)));
LOCUST_USER(NoTasks, .tasks = LOCUST_TASKS({.name = NULL}));
LOCUST_USER(NullTasks, .tasks = NULL);

static void try_to_make(void *arg)
{
    locust_env *env = locust_env_new(arg, &(locust_options){.quiet = true});
    CHECK(env == NULL);
    locust_env_free(env);
}

static void check_refused(const locust_test *test, const char *name, const char *word)
{
    char *text;
    CHECK_ROW(name);
    CHECK_INT(check_fork(try_to_make, (void *)(uintptr_t)test, &text), 0);
    CHECK(strstr(text, "locust: ") && strstr(text, word));
    free(text);
}

/* Each is one line on standard error, and no environment. */
static void a_test_that_cannot_run_is_refused(void)
{
    static const locust_test none = {.users = {NULL}}, empty = {.users = {&NoTasks}},
                             null = {.users = {&NullTasks}}, no_weight = {.users = {&Never}};
    check_refused(&none, "no class", "user class");
    check_refused(&empty, "no tasks", "NoTasks");
    check_refused(&null, "tasks is NULL", "NullTasks");
    check_refused(&no_weight, "no task with a weight", "Never");
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

/* A task that lets nobody run is named, with its class, as is the time that it took from the others. */
static void hog(locust_user *u)
{
    const struct timespec nap = {0, 120 * 1000000};
    (void)u;
    nanosleep(&nap, NULL);
}

static void polite(locust_user *u)
{
    locust_sleep(u, 0.01);
}

LOCUST_USER(Hog, .wait_time = LOCUST_CONSTANT(0.05), .tasks = LOCUST_TASKS(LOCUST_TASK(hog)));
LOCUST_USER(Polite, .tasks = LOCUST_TASKS(LOCUST_TASK(polite)));

static void the_generator_judges_itself(void)
{
    const locust_test test = {.users = {&Hog, &Polite}};
    locust_env *env = make(&test, (locust_options){.users = 4, .spawn_rate = 4, .run_time_s = 1});
    locust_generator g;
    CHECK_INT(locust_run(env), 0);
    g = locust_generator_so_far(env);
    CHECK(!g.ok);
    CHECK(strstr(g.limits, "task hog of Hog: held everybody up") != NULL);
    CHECK(strstr(g.limits, "polite") == NULL);
    CHECK(g.late_max_ms > 100 && g.late_p50_ms <= g.late_p99_ms && g.late_p99_ms <= g.late_max_ms);
    CHECK(g.cpu >= 0 && g.cpu < 1.01);
    locust_env_free(env);
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

/* -- waits: each kind against the clock of a hand-made user -- */

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

/* -- which class comes next -- */

static const struct {
    const char *classes; // name and weight, or name f count
    const char *want;    // worker-protocol reference, section 9.3, Locust 2.46
} vectors[] = {
    {"A3 B1", "ABAAABAAABAAABAAABAAABAA"}, {"A1 B1", "ABABABABABAB"},
    {"A5 B1", "AABAAAAABAAAAABAAAAABAAA"}, {"A1 B2 C3", "CBACBCCBACBCCBACBCCBACBC"},
    {"A2 B2 C1", "ABCABABCABABCABABCAB"}, {"A0.5 B1.5", "BABBBABBBABBBABB"},
    {"A10 B1 C1", "AAAABCAAAAAAAAAAABCAAAAA"}, {"A3 B1 Ff2", "FFABAAABAAAB"},
    {"A1 Ff3 Gf1", "FGFFAAAAAA"}, {"A1 B1 Ff3 Gf2", "FGFGFABABABA"},
    {"Gf1 Ff3 A1", "FGFFAAAAAA"}, // the order of the test's own list does not count
    {"C3 A1 B2", "CBACBCCBACBCCBACBCCBACBC"}, {"A1 B-1", "AAAAAA"},
    {"A-1 Ff2", "FF"}, // then nobody
};

static const locust_task one_task[] = {{.name = "never", .fn = never}, {.name = NULL}};

static void dispatches_as_locust_does(void)
{
    for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
        static locust_user_class as[8];
        static char names[8][2];
        locust_test test = {.users = {NULL}};
        char got[64];
        locust_env *env;
        int n = 0;
        CHECK_ROW(vectors[v].classes);
        for (const char *at = vectors[v].classes; *at; n++) {
            char *end;
            names[n][0] = *at++;
            as[n] = (locust_user_class){.name = names[n], .tasks = one_task};
            if (*at == 'f')
                as[n].fixed_count = (int)strtol(at + 1, &end, 10);
            else
                as[n].weight = strtod(at, &end);
            test.users[n] = &as[n];
            at = *end ? end + 1 : end;
        }
        env = make(&test, (locust_options){.users = 1});
        if (!env)
            continue;
        for (int round = 0; round < 2; round++) {
            size_t len = strlen(vectors[v].want);
            locust__dispatch_init(env);
            memset(got, 0, sizeof got);
            for (size_t i = 0; i < len; i++) {
                const locust__class *cls = locust__dispatch_next(env);
                got[i] = cls ? cls->as->name[0] : '-';
            }
            CHECK_STR(got, vectors[v].want);
        }
        if (strcmp(vectors[v].classes, "A-1 Ff2") == 0)
            CHECK(locust__dispatch_next(env) == NULL);
        locust_env_free(env);
    }
}

static int kinds[3];

static void count_kind(locust_user *u)
{
    const char *name = u->user_class->name;
    kinds[strcmp(name, "Fixed") == 0 ? 2 : strcmp(name, "Light") == 0]++;
    if (++n_starts == target)
        locust_stop_test(u);
}

static void idle(locust_user *u)
{
    locust_sleep(u, 1000);
}

LOCUST_USER(Heavy, .weight = 3, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Light, .weight = 1, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(
    Fixed, .fixed_count = 5, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));

static void classes_share_the_users(void)
{
    static const struct {
        int users, heavy, light, fixed;
    } rows[] = {{45, 30, 10, 5}, {5, 0, 0, 5}, {3, 0, 0, 3}, {6, 1, 0, 5}, {405, 300, 100, 5}};
    const locust_test test = {.users = {&Heavy, &Light, &Fixed}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forget();
        memset(kinds, 0, sizeof kinds);
        target = rows[i].users;
        CHECK_INT(run(&test, (locust_options){.users = target, .spawn_rate = 1000}), 0);
        CHECK_INT(kinds[0], rows[i].heavy);
        CHECK_INT(kinds[1], rows[i].light);
        CHECK_INT(kinds[2], rows[i].fixed);
    }
}

/* -- spawning -- */

static int64_t born[MAX_USERS + 1];

static void note_birth(locust_user *u)
{
    born[u->id] = now();
    if ((int)u->id == target)
        locust_stop_test(u);
}

LOCUST_USER(Born, .on_start = note_birth, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));

/* Steps of floor(rate) users, a pause of step / rate between two. */
static void spawns_in_steps(void)
{
    static const struct {
        const char *name;
        double rate;
        int users, step;
    } rows[] = {{"5 a second", 5, 15, 5}, {"2.5 a second", 2.5, 4, 2}, {"0.8 a second", 0.8, 2, 1}};
    const locust_test test = {.users = {&Born}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t start = now();
        CHECK_ROW(rows[i].name);
        forget();
        target = rows[i].users;
        run(&test, (locust_options){.users = target, .spawn_rate = rows[i].rate});
        for (int id = 1; id <= target; id++) {
            int step = (id - 1) / rows[i].step;
            int64_t due = (int64_t)(step * rows[i].step / rows[i].rate * 1e9);
            CHECK(born[id] - start >= due - MS);
            CHECK(born[id] - start < due + 5 * S);
        }
    }
}

static int64_t run_start, last_born;

static void note_crowd(locust_user *u)
{
    if (++n_starts == target) {
        last_born = now();
        CHECK_INT(locust_user_count(u->env), target);
        locust_stop_test(u);
    }
}

static void note_run_start(locust_env *env)
{
    (void)env;
    run_start = now();
}

LOCUST_USER(Crowd, .on_start = note_crowd, .on_stop = count_stop,
    .wait_time = LOCUST_CONSTANT(1000), .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));

static void spawns_fifty_thousand_at_once(void)
{
    const locust_test test = {.users = {&Crowd}, .on_test_start = note_run_start};
    bool slow = getenv("TEST_SLOW") && atoi(getenv("TEST_SLOW")) > 1;
    forget();
    target = slow ? 1000 : 50000; // emulated or watched machines have less room
    CHECK_INT(run(&test, (locust_options){.users = target, .spawn_rate = target}), 0);
    CHECK_INT(n_starts, target);
    CHECK_INT(n_stops, target);
    CHECK(last_born - run_start < 10 * S);
    printf("%d users were up after %.3f s, the whole run took %.3f s\n", target,
        (double)(last_born - run_start) / 1e9, (double)ran_ns / 1e9);
}

/* -- no memory -- */

static void fail_later(locust_env *env)
{
    (void)env;
    fail_from_bytes = 12345; // users alone are as large
    fail_after = 20;
}

static void live_a_little(locust_user *u)
{
    CHECK(u->data != NULL);
    if (++n_tasks == 200)
        locust_stop_test(u);
    locust_sleep(u, 0.001);
}

LOCUST_USER(Large, .data_size = 12345, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(live_a_little)));

static void run_short_of_memory(void *arg)
{
    const locust_test test = {.users = {&Large}, .on_test_start = fail_later};
    (void)arg;
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 100, .spawn_rate = 100, .run_time_s = 50}), 0);
    fail_from_bytes = 0;
    CHECK_INT(n_starts, 20);
    CHECK_INT(n_stops, 20);
    CHECK(n_tasks >= 200);
}

static void a_run_goes_on_with_fewer_users(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_short_of_memory, NULL, &text), 0) ||
        !CHECK(strstr(text, "out of memory after 20 users") != NULL))
        fprintf(stderr, "%s", text);
    free(text);
}

/* Nothing as large as a user can be had. */
static void fail_at_once(locust_env *env)
{
    (void)env;
    fail_from_bytes = 12345;
    fail_after = 0;
}

static void run_without_memory(void *arg)
{
    const locust_test test = {.users = {&Large}, .on_test_start = fail_at_once};
    (void)arg;
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 100, .spawn_rate = 100, .run_time_s = 0.2}), 0);
    CHECK_INT(n_starts, 0);
    CHECK(ran_ns >= 200 * MS);
}

static void a_run_without_any_user_ends_too(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_without_memory, NULL, &text), 0))
        fprintf(stderr, "%s", text);
    free(text);
}

/* Making an environment, one allocation after the other failing. */
static void make_without_memory(void *arg)
{
    locust_env *env = NULL;
    (void)arg;
    for (int i = 0; i < 50 && !env; i++) {
        fail_from_bytes = 1;
        fail_after = i;
        env = locust_env_new(&living, &(locust_options){.quiet = true});
        fail_from_bytes = 0;
    }
    CHECK(env != NULL);
    locust_env_free(env);
}

static void an_environment_needs_memory(void)
{
    char *text;
    if (!CHECK_INT(check_fork(make_without_memory, NULL, &text), 0) ||
        !CHECK(strstr(text, "memory") != NULL))
        fprintf(stderr, "%s", text);
    free(text);
}

/* -- exit codes, and figures of one's own -- */

static bool fails;
static int n_samples;

static void measure(locust_user *u)
{
    LOCUST_MEASURE(u, "ECHO", "line", m)
    {
        locust_sleep(u, 0.001);
        m->length = 10;
        m->error = fails && n_tasks == 3 ? "wrong echo" : NULL;
    }
    if (++n_tasks == 10)
        locust_stop_test(u);
}

static void see_sample(locust_env *env, const locust_sample *sample)
{
    CHECK_STR(sample->name, "line");
    CHECK(sample->elapsed_ms >= 1);
    CHECK_INT(*(int *)locust_env_context(env), 4711);
    n_samples++;
}

LOCUST_USER(Measurer, .tasks = LOCUST_TASKS(LOCUST_TASK(measure)));
static const locust_test measurer = {.users = {&Measurer}, .on_request = see_sample};

static void exit_codes(void)
{
    static const struct {
        const char *name;
        bool fails;
        int option, want;
    } rows[] = {{"no failure", false, 0, 0}, {"no failure, 7", false, 7, 0},
        {"failure", true, 0, 1}, {"failure, 7", true, 7, 7}, {"failure, none", true, -1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int context = 4711;
        locust_env *env = make(
            &measurer, (locust_options){
                           .users = 1, .exit_code_on_error = rows[i].option, .context = &context});
        const locust_stats *total;
        CHECK_ROW(rows[i].name);
        forget();
        n_samples = 0;
        fails = rows[i].fails;
        CHECK_INT(locust_run(env), rows[i].want);
        total = locust_stats_total(env);
        CHECK(total->requests >= 10);
        CHECK_INT(total->requests, n_samples);
        CHECK_INT(total->failures, fails);
        CHECK_INT(total->bytes, 10 * total->requests);
        CHECK(total->min_ms >= 1 && locust_percentile_ms(total, 0.5) >= total->min_ms);
        CHECK_STR(locust_stats_row(env, 0)->method, "ECHO");
        CHECK(locust_stats_row(env, 1) == NULL);
        locust_env_free(env);
    }
}

static void stop_at_fifth(locust_env *env, const locust_sample *sample)
{
    (void)sample;
    if (++n_samples == 5)
        locust_env_stop(env);
}

static void a_listener_may_stop(void)
{
    const locust_test test = {.users = {&Measurer}, .on_request = stop_at_fifth};
    forget();
    fails = false;
    n_samples = 0;
    n_tasks = 100; // not the task itself
    CHECK_INT(run(&test, (locust_options){.users = 1, .run_time_s = 50}), 0);
    CHECK_INT(n_samples, 5);
    CHECK(ran_ns < 40 * S);
}

/* -- broken rules -- */

static void sleep_outside(void *arg)
{
    locust_sleep(arg, 1);
}

static locust_user *other_user;

static void use_the_other(locust_user *u)
{
    if (!other_user)
        other_user = u;
    else if (other_user != u)
        locust_sleep(other_user, 1);
    locust_sleep(u, 10);
}

LOCUST_USER(Thief, .tasks = LOCUST_TASKS(LOCUST_TASK(use_the_other)));

static void sleep_as_another(void *arg)
{
    const locust_test test = {.users = {&Thief}};
    (void)arg;
    run(&test, (locust_options){.users = 2, .spawn_rate = 2, .run_time_s = 20});
}

static void a_broken_rule_is_named(void)
{
    static void (*const rules[])(void *arg) = {sleep_outside, sleep_as_another};
    for (size_t i = 0; i < 2; i++) {
        char *text;
        int status = check_fork(rules[i], NULL, &text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 70);
        CHECK(strstr(text, "locust_sleep") && strstr(text, "outside its user"));
        free(text);
    }
}

TESTS({"each has one start and one stop", each_has_one_start_and_one_stop},
    {"a cut user still stops", a_cut_user_still_stops},
    {"streams of a cut user are closed", streams_of_a_cut_user_are_closed},
    {"no stop without a start", no_stop_without_a_start},
    {"stop_test returns at once", stop_test_returns_at_once},
    {"the run time ends a run", the_run_time_ends_a_run},
    {"a stop timeout lets tasks finish", a_stop_timeout_lets_tasks_finish},
    {"no stop timeout cuts tasks", no_stop_timeout_cuts_tasks},
    {"a stop timeout cuts the rest", a_stop_timeout_cuts_the_rest},
    {"a stop timeout ends waits", a_stop_timeout_ends_waits},
    {"tasks are picked by weight", tasks_are_picked_by_weight},
    {"a test that cannot run is refused", a_test_that_cannot_run_is_refused},
    {"busy users take turns", busy_users_take_turns},
    {"the generator judges itself", the_generator_judges_itself},
    {"no switch after a task that parked", no_switch_after_a_task_that_parked},
    {"waits are as long as their kind says", waits_are_as_long_as_their_kind_says},
    {"pacing spaces the starts", pacing_spaces_the_starts},
    {"a long task is followed at once", a_long_task_is_followed_at_once},
    {"the first interval counts from creation", the_first_interval_counts_from_creation},
    {"a constant wait lies between tasks", a_constant_wait_lies_between_tasks},
    {"dispatches as Locust does", dispatches_as_locust_does},
    {"classes share the users", classes_share_the_users}, {"spawns in steps", spawns_in_steps},
    {"spawns fifty thousand at once", spawns_fifty_thousand_at_once},
    {"a run goes on with fewer users", a_run_goes_on_with_fewer_users},
    {"a run without any user ends too", a_run_without_any_user_ends_too},
    {"an environment needs memory", an_environment_needs_memory}, {"exit codes", exit_codes},
    {"a listener may stop", a_listener_may_stop},
    {"a broken rule is named", a_broken_rule_is_named}, )
