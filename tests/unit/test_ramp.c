// Ramps: users in batches, and who waits for the end of one.
// timeout: 900
#include "blocks.h"
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"
#include "lives.h"

/* -- the end of the ramp -- */

static int n_started, n_through;

static void touch(locust_user *u, void *arg)
{
    (void)u;
    *(int *)arg = 1;
}

static void waits_inside(locust_user *u, void *arg)
{
    (void)arg;
    locust_wait_spawned(u);
    CHECK_INT(locust_user_count(u->env), 40);
}

static void ramp_start(locust_user *u)
{
    int touched = 0;
    n_started++;
    if (u->id % 2)
        locust_join(u, locust_spawn(u, waits_inside, NULL));
    else
        locust_wait_spawned(u);
    CHECK_INT(locust_user_count(u->env), 40);
    locust_coroutine *c = locust_spawn(u, touch, &touched);
    locust_wait_spawned(u); // no ramp: at once
    CHECK_INT(touched, 0);
    locust_join(u, c);
    if (++n_through == 40)
        locust_stop_test(u);
}

static void sleeps(locust_user *u)
{
    locust_sleep(u, 1000);
}

static void wait_spawned(void)
{
    n_started = n_through = 0;
    live((life){.task = sleeps, .on_start = ramp_start, .users = 40, .rate = 20});
    CHECK_INT(n_through, 40);
}

static bool two_ramps(locust_env *env, locust_tick *tick)
{
    (void)env;
    tick->users = n_through < 4 ? 4 : 8;
    tick->spawn_rate = n_through < 4 ? 4 : 2; // the second has two batches
    return true;
}

static void second_ramp(locust_user *u)
{
    n_started++;
    locust_wait_spawned(u);
    CHECK_INT(locust_user_count(u->env), u->id <= 4 ? 4 : 8);
    n_through++;
    if (u->id <= 4) {
        until(u, &n_started, 6);
        locust_wait_spawned(u); // the ramp that runs now
        CHECK_INT(locust_user_count(u->env), 8);
        n_through++;
    }
    if (n_through == 12)
        locust_stop_test(u);
}

static void wait_spawned_again(void)
{
    n_started = n_through = 0;
    live((life){.task = sleeps, .on_start = second_ramp, .shape = two_ramps});
    CHECK_INT(n_through, 12);
}

static void waits_in_vain(locust_user *u)
{
    n_started++;
    locust_defer(u, clean, "cleaned");
    locust_wait_spawned(u);
    n_through++;
}

static void wait_spawned_cut(void)
{
    *said = '\0';
    n_started = n_through = 0;
    live((life){.task = waits_in_vain, .users = 1000, .rate = 20, .run_time_s = 0.2 * slow()});
    CHECK(n_started >= 2);
    CHECK_INT(n_through, 0);
    CHECK_INT(heard("cleaned"), n_started);
}

/* All task runs are taken: nobody is spawned any more, so no ramp runs. */
static void wait_spawned_out_of_iterations(void)
{
    *said = '\0';
    n_started = n_through = 0;
    live((life){.task = waits_in_vain,
        .users = 6,
        .rate = 2,
        .iterations = 2,
        .run_time_s = 3 * patience()});
    CHECK_INT(n_started, 2);
    CHECK_INT(n_through, 2);
    CHECK(after.seconds < 2.5 * patience());
}

/* -- spawning -- */

static int64_t born[16];

static void note_birth(locust_user *u)
{
    born[u->id] = now();
    if ((int)u->id == target)
        locust_stop_test(u);
}

LOCUST_USER(Born, .on_start = note_birth, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));

/* User i comes (i - 1) / rate after the start, in whatever batches that is done. */
static void spawns_evenly(void)
{
    static const struct {
        const char *name;
        double rate;
        int users;
    } rows[] = {{"5 a second", 5, 10}, {"2.5 a second", 2.5, 4}, {"0.8 a second", 0.8, 2},
        {"100 a second", 100, 15}, {"5,000 a second", 5000, 15}};
    const locust_test test = {.users = {&Born}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t start = now();
        CHECK_ROW(rows[i].name);
        forget();
        target = rows[i].users;
        run(&test, (locust_options){.users = target, .spawn_rate = rows[i].rate});
        for (int id = 1; id <= target; id++) {
            int64_t due = (int64_t)((id - 1) / rows[i].rate * 1e9);
            CHECK(born[id] - start >= due - MS - MS / 10); // a batch is a millisecond at most
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
    forget();
    target = slow() > 1 ? 1000 : 50000; // emulated or watched machines have less room
    CHECK_INT(run(&test, (locust_options){.users = target, .spawn_rate = 1e6}), 0);
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
    blocks_fail_least = 40000; // users alone are as large: each or, in one slab, 16 of them
    blocks_fail_in = LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND ? 16 : 1;
    blocks_fail_on = true;
}

static void live_a_little(locust_user *u)
{
    CHECK(u->data != NULL);
    if (++n_tasks == 200)
        locust_stop_test(u);
    locust_sleep(u, 0.001);
}

LOCUST_USER(Large, .data_size = 40000, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(live_a_little)));

static void run_short_of_memory(void *arg)
{
    const locust_test test = {.users = {&Large}, .on_test_start = fail_later};
    (void)arg;
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 100, .spawn_rate = 1e6, .run_time_s = 50}), 1);
    blocks_fail_in = -1;
    CHECK_INT(n_starts, 16);
    CHECK_INT(n_stops, 16);
    CHECK(n_tasks >= 200);
}

static void a_run_goes_on_with_fewer_users(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_short_of_memory, NULL, &text), 0) ||
        !CHECK(strstr(text, "out of memory after 16 users") != NULL))
        fprintf(stderr, "%s", text);
    free(text);
}

/* Nothing as large as a user can be had. */
static void fail_at_once(locust_env *env)
{
    (void)env;
    blocks_fail_least = 40000;
    blocks_fail_in = 0;
    blocks_fail_on = true;
}

static void run_without_memory(void *arg)
{
    const locust_test test = {.users = {&Large}, .on_test_start = fail_at_once};
    (void)arg;
    forget();
    CHECK_INT(run(&test, (locust_options){.users = 100, .spawn_rate = 1e6, .run_time_s = 0.2}), 1);
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

TESTS({"wait_spawned", wait_spawned}, {"wait_spawned again", wait_spawned_again},
    {"wait_spawned cut", wait_spawned_cut},
    {"wait_spawned out of iterations", wait_spawned_out_of_iterations},
    {"spawns evenly", spawns_evenly},
    {"spawns fifty thousand at once", spawns_fifty_thousand_at_once},
    {"a run goes on with fewer users", a_run_goes_on_with_fewer_users},
    {"a run without any user ends too", a_run_without_any_user_ends_too}, )
