// When nothing ran, and why: the cause as far as the system tells, sums, what counts, the words for it.
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"

static locust_env *env;

static void sleeper(locust_user *u)
{
    locust_sleep(u, 1000);
}

LOCUST_USER(Sleeper, .tasks = LOCUST_TASKS(LOCUST_TASK(sleeper)));
static const locust_test test = {.users = {&Sleeper}};

/* An environment of which nothing has been noted yet. */
static void begin(void)
{
    env = make(&test, (locust_options){.users = 1});
    locust__usage_watch(env);
    env->since.at_ns -= 100 * S; // a run of 100 s
    env->loop.now_ns = locust__loop_clock(&env->loop);
}

static void causes(void)
{
    static const struct {
        const char *name;
        int64_t took_ms, waited_ms, faults;
        unsigned continued;
        enum locust__cause want;
    } rows[] = {
        {"nobody knows", 100, 0, 0, 0, LOCUST__CAUSE_UNKNOWN},
        {"stopped", 100, 0, 0, 1, LOCUST__CAUSE_STOPPED},
        {"stopped, and others ran", 100, 90, 900, 1, LOCUST__CAUSE_STOPPED},
        {"others ran most of it", 100, 60, 0, 0, LOCUST__CAUSE_OTHERS},
        {"others ran a little of it", 100, 30, 0, 0, LOCUST__CAUSE_UNKNOWN},
        {"pages from disk", 100, 10, 80, 0, LOCUST__CAUSE_MEMORY},
        {"a page or two from disk", 100, 10, 2, 0, LOCUST__CAUSE_UNKNOWN},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool known = locust__os_waited_ns() >= 0;
        CHECK_ROW(rows[i].name);
        if (rows[i].want == LOCUST__CAUSE_OTHERS && !known)
            continue; // this system does not tell
        locust__usage_note(env);
        env->waited_ns -= known ? rows[i].waited_ms * MS : 0;
        env->faults -= rows[i].faults;
        env->continued -= rows[i].continued;
        CHECK_INT(
            locust__stall_cause(env, rows[i].took_ms * MS, LOCUST__CAUSE_UNKNOWN), rows[i].want);
        // What is noted then excuses nothing later.
        CHECK_INT(locust__stall_cause(env, S, LOCUST__CAUSE_OWN), LOCUST__CAUSE_OWN);
    }
    locust_env_free(env);
}

static void continued_is_counted(void)
{
    unsigned before = locust__os_continued();
    CHECK(locust__os_signals_open() >= 0);
    raise(SIGCONT);
    CHECK_INT(locust__os_continued(), before + 1);
    locust__os_signals_close();
    raise(SIGCONT); // as it was before
    CHECK_INT(locust__os_continued(), before + 1);
    signal(SIGCONT, SIG_IGN); // who handles it himself keeps it
    CHECK(locust__os_signals_open() >= 0);
    raise(SIGCONT);
    locust__os_signals_close();
    CHECK_INT(locust__os_continued(), before + 1);
    signal(SIGCONT, SIG_DFL);
}

/* 100 s were measured. */
static void what_is_named(void)
{
    static const struct {
        const char *name;
        int64_t took_ms;
        int times;
        enum locust__cause cause;
        const char *says; // NULL: ok
    } rows[] = {
        {"a moment", 30, 1, LOCUST__CAUSE_UNKNOWN, NULL},
        {"moments, not a hundredth", 30, 30, LOCUST__CAUSE_OTHERS, NULL},
        {"more than a hundredth", 30, 40, LOCUST__CAUSE_OTHERS,
            "stood still for 1.2 s, 0.0 s at the longest, other programs had its core"},
        {"not long", 400, 1, LOCUST__CAUSE_STOPPED, NULL},
        {"long", 4000, 1, LOCUST__CAUSE_STOPPED,
            "stood still for 4.0 s, 4.0 s at the longest, stopped by a signal"},
        {"nobody knows why", 700, 2, LOCUST__CAUSE_UNKNOWN,
            "stood still for 1.4 s, 0.7 s at the longest"},
        {"own reports", 600, 1, LOCUST__CAUSE_OWN,
            "stood still for 0.6 s, 0.6 s at the longest, in its own reports or a listener of the test"},
        {"swap", 600, 1, LOCUST__CAUSE_MEMORY,
            "stood still for 0.6 s, 0.6 s at the longest, waiting for memory from disk"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust_generator g;
        CHECK_ROW(rows[i].name);
        begin();
        for (int k = 0; k < rows[i].times; k++)
            locust__stall_count(env, rows[i].cause, rows[i].took_ms * MS);
        g = locust_generator_so_far(env);
        CHECK_INT(g.ok, rows[i].says == NULL);
        CHECK_STR(g.limits, rows[i].says ? rows[i].says : "");
        CHECK_INT((int64_t)(g.stalled_s * 1e3 + 0.5), rows[i].took_ms * rows[i].times);
        CHECK_INT((int64_t)(g.stalled_max_s * 1e3 + 0.5), rows[i].took_ms);
        locust__usage_watch(env); // what is measured begins anew
        CHECK(locust_generator_so_far(env).ok);
        CHECK(!(locust_generator_so_far(env).stalled_s > 0));
        locust_env_free(env);
    }
}

static void several_causes(void)
{
    locust_generator g;
    begin();
    locust__stall_count(env, LOCUST__CAUSE_STOPPED, 2 * S);
    locust__stall_count(env, LOCUST__CAUSE_OTHERS, S);
    locust__stall_count(env, LOCUST__CAUSE_UNKNOWN, 30 * MS); // not worth a word beside those
    env->until = locust__usage_now(env);
    locust__stall_count(env, LOCUST__CAUSE_UNKNOWN, 50 * S); // after the end
    g = locust_generator_so_far(env);
    CHECK_STR(g.limits, "stood still for 2.0 s, 2.0 s at the longest, stopped by a signal; "
                        "stood still for 1.0 s, 1.0 s at the longest, other programs had its core");
    CHECK(g.stalled_s > 3.029 && g.stalled_s < 3.031);
    locust_env_free(env);
}

/* Of several settings the furthest is told; those that add up to nothing are told, too. */
static void clock_set(void)
{
    static const int64_t set_s[] = {5, -3600, 3600, -2};
    begin();
    for (size_t i = 0; i < sizeof set_s / sizeof *set_s; i++)
        locust__stall_clock_set(env, set_s[i] * S);
    CHECK_INT((int64_t)locust_generator_so_far(env).clock_set_s, -3600);
    CHECK(locust_generator_so_far(env).ok);
    env->slept_ns -= 10 * S; // suspended for as long: the wall clock went on, and was set by 2 s
    env->clock_set_ns = 0;
    locust__stall_clock_set(env, 12 * S);
    CHECK_STR(locust_generator_so_far(env).limits,
        locust__os_slept_ns() || env->suspended_ns ? "the machine was suspended for 10.0 s" : "");
    CHECK_INT((int64_t)(locust_generator_so_far(env).clock_set_s + 0.5), 2);
    locust_env_free(env);
}

TESTS({"causes", causes}, {"continued is counted", continued_is_counted},
    {"what is named", what_is_named}, {"several causes", several_causes},
    {"clock set", clock_set}, )
