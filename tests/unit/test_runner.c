// A run from its first user to its last: stopping, exit codes, the generator's verdict on itself.
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"

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
    CHECK_INT(run(&test, (locust_options){.users = 3, .spawn_rate = 1e6, .run_time_s = 0.2}), 0);
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
    CHECK_INT(
        run(&test, (locust_options){.users = 20, .spawn_rate = 1e6, .stop_timeout_s = 50}), 0);
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
    CHECK_INT(run(&test, (locust_options){.users = 20, .spawn_rate = 1e6}), 0);
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
        run(&test, (locust_options){.users = 20, .spawn_rate = 1e6, .stop_timeout_s = 0.6}), 0);
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
                      .users = 10, .spawn_rate = 1e6, .stop_timeout_s = 50, .run_time_s = 0.5}),
        0);
    CHECK_INT(n_stops, 10);
    CHECK_INT(n_finished, n_tasks);
    CHECK(ran_ns < 30 * S);
}

/* -- the verdict on itself -- */

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
    locust_env *env = make(&test, (locust_options){.users = 4, .spawn_rate = 1e6, .run_time_s = 1});
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

/* An old kernel's search for ports is named once it takes a twentieth of the run. */
static void a_search_for_ports_is_named(void)
{
    const locust_test test = {.users = {&Polite}};
    locust_env *env = make(&test, (locust_options){.users = 1, .run_time_s = 0.1});
    CHECK_INT(locust_run(env), 0);
    env->services.net.ports.searched_ns = 1 * MS;
    CHECK(strstr(locust_generator_so_far(env).limits, "local ports") == NULL);
    env->services.net.ports.searched_ns = 2100 * MS;
    CHECK(strstr(locust_generator_so_far(env).limits, "local ports: connect() took 2.1 s") != NULL);
    locust_env_free(env);
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

TESTS({"stop_test returns at once", stop_test_returns_at_once},
    {"the run time ends a run", the_run_time_ends_a_run},
    {"a stop timeout lets tasks finish", a_stop_timeout_lets_tasks_finish},
    {"no stop timeout cuts tasks", no_stop_timeout_cuts_tasks},
    {"a stop timeout cuts the rest", a_stop_timeout_cuts_the_rest},
    {"a stop timeout ends waits", a_stop_timeout_ends_waits},
    {"the generator judges itself", the_generator_judges_itself},
    {"a search for ports is named", a_search_for_ports_is_named}, {"exit codes", exit_codes},
    {"a listener may stop", a_listener_may_stop}, )
