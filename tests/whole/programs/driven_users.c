// driven_users.c - what drives a test: iterations, load shapes, stages, --config-users, own options, events
// of the command. Variables, all optional:
//   DRIVE_PATH   what a task requests; none: it requests nothing
//   DRIVE_WAIT, DRIVE_TASK, DRIVE_START, DRIVE_END (s): how long a user waits between two tasks, a
//                task sleeps, on_start and on_stop sleep
//   DRIVE_FAIL=N every N-th task fails by locust_fail;  DRIVE_CODE=N  exit code set in on_quitting
//   DRIVE_CODE_EARLY=N  exit code set in on_init;  DRIVE_RESET=N  the N-th task forgets the figures
//   DRIVE_SHAPE  UNTIL:USERS:RATE[:CLASS+CLASS],...  a load shape; it ends after the last UNTIL (s)
//   DRIVE_OPTIONS=a name that is declared as an option beside api-key, dry-run and region
//   DRIVE_BUSY   a task that takes the core for so long (s)
// Prints  start ID CLASS AT, stop ID CLASS AT, task ID CLASS NAME HOST, users N AT (sampled), and
// spawned N AT (on_spawning_complete), option NAME VALUE, usage PERCENT BYTES AT, cpu PERCENT.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static int tasks;

static double number(const char *name)
{
    const char *text = getenv(name);
    return text ? atof(text) : 0;
}

static void at(const char *what, locust_user *u)
{
    printf("%s %d %s %.3f\n", what, (int)u->id, u->user_class->name, locust_run_time(u->env));
    printf("users %d %.3f\n", locust_user_count(u->env), locust_run_time(u->env));
    fflush(stdout);
}

static double pause_s(locust_user *u)
{
    printf("users %d %.3f\n", locust_user_count(u->env), locust_run_time(u->env));
    return number("DRIVE_WAIT");
}

static void begin(locust_user *u)
{
    at("start", u);
    if (number("DRIVE_START") > 0)
        locust_sleep(u, number("DRIVE_START"));
}

static void end(locust_user *u)
{
    if (number("DRIVE_END") > 0)
        locust_sleep(u, number("DRIVE_END"));
    at("stop", u);
}

static void work(locust_user *u, const char *name)
{
    int n = ++tasks;
    printf("task %d %s %s %s\n", (int)u->id, u->user_class->name, name, u->host ? u->host : "-");
    fflush(stdout);
    if (getenv("DRIVE_PATH"))
        locust_get(u, getenv("DRIVE_PATH"));
    if (number("DRIVE_TASK") > 0)
        locust_sleep(u, number("DRIVE_TASK"));
    if (number("DRIVE_BUSY") > 0) {
        double until = locust_run_time(u->env) + number("DRIVE_BUSY");
        while (locust_run_time(u->env) < until)
            continue;
    }
    if (n == (int)number("DRIVE_RESET"))
        locust_reset_stats(u->env);
    if (number("DRIVE_FAIL") > 0 && n % (int)number("DRIVE_FAIL") == 0)
        locust_fail(u, "failed on purpose");
}

static void one(locust_user *u)
{
    work(u, "one");
}
static void two(locust_user *u)
{
    work(u, "two");
}
static void three(locust_user *u)
{
    work(u, "three");
}
static void leave(locust_user *u)
{
    work(u, "leave");
    locust_interrupt(u, true);
}
static void leave_slowly(locust_user *u)
{
    work(u, "leave_slowly");
    locust_interrupt(u, false);
}
static void half_way(locust_user *u) // of three iterations
{
    work(u, "half_way");
    locust_stop_user(u);
}

#define LIFE .on_start = begin, .on_stop = end, .wait_time = LOCUST_WAIT_FN(pause_s)
LOCUST_USER(Plain, LIFE, .tasks = LOCUST_TASKS(LOCUST_TASK(one)));
LOCUST_USER(Heavy, LIFE, .weight = 3, .host = "http://127.0.0.1:1",
    .tasks = LOCUST_TASKS(LOCUST_TASK(one), LOCUST_TASK(two), LOCUST_TASK(three)));
LOCUST_USER(Light, LIFE, .host = "http://127.0.0.1:1",
    .tasks = LOCUST_TASKS(LOCUST_TASK(one), LOCUST_TASK(two)));
LOCUST_USER(Admin, LIFE, .fixed_count = 2, .host = "http://127.0.0.1:1",
    .tasks = LOCUST_TASKS(LOCUST_TASK(three)));

LOCUST_TASKSET(
    Inner, .order = LOCUST_SEQUENTIAL, .tasks = LOCUST_TASKS(LOCUST_TASK(two), LOCUST_TASK(leave)));
LOCUST_TASKSET(Outer, .order = LOCUST_SEQUENTIAL,
    .tasks = LOCUST_TASKS(LOCUST_TASK(three), LOCUST_TASK_SET(Inner), LOCUST_TASK(leave_slowly)));
LOCUST_USER(
    Nested, LIFE, .tasks = LOCUST_TASKS(LOCUST_TASK(one), LOCUST_TASK_SET(Outer, .weight = 3)));
LOCUST_USER(Counted, LIFE, .iterations = 3, .tasks = LOCUST_TASKS(LOCUST_TASK(one)));
LOCUST_USER(CountedNested, LIFE, .iterations = 7, .tasks = LOCUST_TASKS(LOCUST_TASK_SET(Outer)));
LOCUST_USER(Quitter, LIFE, .iterations = 3, .tasks = LOCUST_TASKS(LOCUST_TASK(half_way)));

/* The shape of DRIVE_SHAPE. */
static bool shape(locust_env *env, locust_tick *tick)
{
    static const locust_user_class *const known[] = {&Plain, &Heavy, &Light, &Admin};
    static const locust_user_class *chosen[16][5];
    double now = locust_run_time(env);
    const char *stage = getenv("DRIVE_SHAPE");
    printf("tick %.3f\n", now);
    for (int i = 0; stage; i++, stage = strchr(stage, ',') ? strchr(stage, ',') + 1 : NULL) {
        double until = 0, rate = 0;
        int users = 0, n = 0;
        char classes[100] = "";
        sscanf(stage, "%lf:%d:%lf:%99[^,]", &until, &users, &rate, classes);
        if (now >= until)
            continue;
        tick->users = users;
        tick->spawn_rate = rate;
        for (int k = 0; *classes && k < 4; k++)
            if (strstr(classes, known[k]->name))
                chosen[i][n++] = known[k];
        if (n)
            tick->classes = chosen[i]; // else what it is given: NULL
        return true;
    }
    return false;
}

static void init(locust_env *env)
{
    static const char *const names[] = {"api-key", "dry-run", "region", "none-such", "API-KEY"};
    for (int i = 0; i < 5; i++) {
        const char *value = locust_option(env, names[i]);
        printf("option %s %s%s%s\n", names[i], value ? "\"" : "", value ? value : "NULL",
            value ? "\"" : "");
    }
    if (getenv("DRIVE_CODE_EARLY"))
        locust_set_exit_code(env, (int)number("DRIVE_CODE_EARLY"));
}

static void spawned(locust_env *env, int users)
{
    printf("spawned %d %.3f\n", users, locust_run_time(env));
    printf("counted %d\n", locust_user_count(env));
    fflush(stdout);
}

static void reset(locust_env *env)
{
    printf("reset %llu\n", (unsigned long long)locust_stats_total(env)->requests);
}

static void user_error(locust_env *env, locust_user *u, const char *message)
{
    (void)env;
    printf("error %d %s\n", (int)u->id, message);
}

static void usage(locust_env *env, double percent, size_t bytes)
{
    printf("usage %.1f %zu %.3f\n", percent, bytes, locust_run_time(env));
}

static void cpu(locust_env *env, double percent)
{
    (void)env;
    printf("cpu %.1f\n", percent);
}

static void quitting(locust_env *env)
{
    if (getenv("DRIVE_CODE"))
        locust_set_exit_code(env, (int)number("DRIVE_CODE"));
}

static void quit(locust_env *env, int code)
{
    (void)env;
    printf("quit %d\n", code);
}

int main(int argc, char **argv)
{
    static locust_test test = {
        .users = {&Plain, &Heavy, &Light, &Admin, &Nested, &Counted, &CountedNested, &Quitter},
        .options = {{.name = "api-key",
                        .value = "KEY",
                        .fallback = "none",
                        .env = "DRIVE_API_KEY",
                        .help = "the key of the service"},
            {.name = "dry-run", .env = "DRIVE_DRY_RUN", .help = "change nothing"},
            {.name = "region", .value = "NAME", .help = "where"}},
        .on_init = init,
        .on_spawning_complete = spawned,
        .on_reset_stats = reset,
        .on_user_error = user_error,
        .on_usage_monitor = usage,
        .on_cpu_warning = cpu,
        .on_quitting = quitting,
        .on_quit = quit};
    if (getenv("DRIVE_OPTIONS"))
        test.options[3] = (locust_own_option){.name = getenv("DRIVE_OPTIONS"), .value = "X"};
    if (getenv("DRIVE_SHAPE"))
        test.shape = shape;
    return locust_main(argc, argv, &test);
}
