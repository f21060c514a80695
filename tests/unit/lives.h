/* lives.h - one class of users who live to the end of their run, and the words they say. Include it behind the
 * parts, with blocks.h before them, and with users.h or the parts of layers 8 and 9. */
#ifndef LIVES_H
#define LIVES_H
#include "../server.h"
#include "blocks.h"
#include "samples.h"

static inline int slow(void)
{
    const char *text = getenv("TEST_SLOW");
    return text && atoi(text) > 0 ? atoi(text) : 1;
}

static inline int patience(
    void) // where nothing but a lost wakeup or the end of a run is waited for
{
    return slow() < 5 ? slow() : 5;
}

typedef struct life { // zero: the usual
    locust_task_fn task, on_start, on_stop;
    int users, pool, iterations;
    bool until_error;        // the first failed task ends it
    double rate, run_time_s; // 0: all at once; long, and it must not get there
    const char *host;
    bool (*shape)(locust_env *env, locust_tick *tick);
} life;

static struct {
    int code;
    size_t exceptions, n_rows;
    unsigned long long requests, failures, unanswered;
    int asked, starved; // users
    double seconds;
    char text[256], place[128];
    int told; // on_user_error
    bool until_error;
} after;

static void told(locust_env *env, locust_user *u, const char *message)
{
    CHECK(u->id >= 1);
    snprintf(after.text, sizeof after.text, "%s", message);
    after.told++;
    if (after.until_error)
        locust_env_stop(env);
}

static locust_task_fn task_now;

static inline void run_task(locust_user *u)
{
    task_now(u);
}

/* Runs it to its end: nothing may be left of it. */
static inline void live(life how)
{
    static const locust_task one_task[] = {{.name = "run_task", .fn = run_task}, {.name = NULL}};
    locust_user_class cls = {.name = "Live",
        .tasks = one_task,
        .on_start = how.on_start,
        .on_stop = how.on_stop,
        .pool = how.pool,
        .data_size = 64};
    locust_test test = {
        .users = {&cls}, .on_request = hear, .on_user_error = told, .shape = how.shape};
    locust_options options = {.quiet = true,
        .loglevel = "CRITICAL",
        .host = how.host ? how.host : "http://127.0.0.1:1",
        .iterations = how.iterations,
        .users = how.users,
        .spawn_rate = how.rate > 0 ? how.rate
                      : how.users  ? 1e6
                                   : 1,
        .run_time_s = how.run_time_s > 0 ? how.run_time_s : 20 * slow()};
    long before = blocks_live;
    int64_t start = locust__os_now_ns();
    locust_env *env = locust_env_new(&test, &options);
    memset(&after, 0, sizeof after);
    if (!CHECK(env != NULL))
        return;
    task_now = how.task;
    after.until_error = how.until_error;
    n_samples = 0;
    after.code = locust_run(env);
    after.seconds = (double)(locust__os_now_ns() - start) / 1e9;
    after.requests = locust_stats_total(env)->requests;
    after.failures = locust_stats_total(env)->failures;
    after.unanswered = locust_stats_total(env)->unanswered;
    after.asked = env->users.fed.asked;
    after.starved = env->users.fed.starved;
    while (locust_stats_row(env, after.n_rows))
        after.n_rows++;
    after.exceptions = env->stats.n_exceptions;
    if (after.exceptions)
        snprintf(after.place, sizeof after.place, "%s", env->stats.exceptions[0].place);
    locust_env_free(env);
    CHECK_INT(blocks_live, before);
    if (how.run_time_s <= 0)
        CHECK(after.seconds < 20 * slow()); // it ended by itself
}

static char said[1024];

static inline void say(const char *word)
{
    if (strlen(said) + strlen(word) + 2 < sizeof said)
        strcat(strcat(said, word), " ");
}

static inline void clean(void *word)
{
    say(word);
}

static inline int heard(const char *word)
{
    int n = 0;
    for (const char *p = said; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

static inline void say_stop(locust_user *u)
{
    locust_sleep(u, 0);
    say("stop");
    locust_stop_test(u);
}

/* Did the last thing that was said before the end come last? */
static inline bool ends_with(const char *text)
{
    size_t n = strlen(text), all = strlen(said);
    return all >= n && strcmp(said + all - n, text) == 0;
}

static inline void until(locust_user *u, const int *counter, int value)
{
    while (*counter < value)
        locust_sleep(u, 0.001);
}

static int n_begun, n_ended;

/* Handles that nobody joins end with the task. */
static int n_rounds;
#endif
