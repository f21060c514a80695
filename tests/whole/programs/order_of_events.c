// order_of_events.c - who is told what, in which order, by the command and in a program of one's own.
//   order_of_events command [options]   LOCUST_MAIN's way, with two listeners beside the test's functions and
//                              two more that on_init adds
//   events library URL         the same test by locust_env_new, locust_run, locust_env_free
//   events twice URL URL       two environments, one after the other; figures while they run
//   events full                how many listeners there can be
//   events single URL CLASS    locust_run_single_user
// Prints  EVENT WHO ARGUMENTS. EVENTS_CODE: the exit code set in on_quitting. EVENTS_FAIL: tasks fail.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>

static int answer = 42; // what requests have as their context

static void page(locust_user *u)
{
    locust_get(u, "/?n=1", .name = "/", .context = &answer);
    locust_get(u, "/status/404");
    locust_record(u,
        &(locust_sample){
            .method = "OWN", .name = "fine", .elapsed_ms = 12.5, .length = 77, .context = &answer});
    locust_record(u,
        &(locust_sample){.method = "OWN", .name = "broken", .elapsed_ms = 1, .error = "no luck"});
    LOCUST_MEASURE(u, "SLEEP", "nap", m)
    {
        locust_sleep(u, 0.02);
        m->length = 5;
    }
    LOCUST_MEASURE(u, "SLEEP", "bad nap", m)
    {
        m->error = "nightmare";
        continue; // leaves the block, and it counts
    }
    if (getenv("EVENTS_FAIL"))
        locust_fail(u, "task failed: %s", "really");
    locust_stop_test(u);
}
LOCUST_USER(Visitor, .wait_time = LOCUST_CONSTANT(1), .tasks = LOCUST_TASKS(LOCUST_TASK(page)));

/* ---- the listeners ---- */

static void say(const char *event, const char *who)
{
    printf("%s %s\n", event, who);
}

#define LISTENER(who)                                                                              \
    static void init_##who(locust_env *env);                                                       \
    static void start_##who(locust_env *env)                                                       \
    {                                                                                              \
        printf("test_start " #who " %d\n", locust_user_count(env));                                \
    }                                                                                              \
    static void spawned_##who(locust_env *env, int users)                                          \
    {                                                                                              \
        printf("spawning_complete " #who " %d %d\n", users, locust_user_count(env));               \
    }                                                                                              \
    static void request_##who(locust_env *env, const locust_sample *s)                             \
    {                                                                                              \
        const locust_response *r = s->response;                                                    \
        printf("request " #who " %s %s url=%s error=%s status=%d length=%zu context=%d user=%s "   \
               "phases=%d response=%d/%d timed=%d total=%llu\n",                                   \
            s->method, s->name, s->url ? s->url : "NULL", s->error ? s->error : "NULL", s->status, \
            s->length, s->context ? *(int *)s->context : 0, s->user->user_class->name,             \
            s->phases != NULL && s->phases->wait_ms > 0, r ? r->status : 0,                        \
            r ? (int)r->body_len : 0, s->elapsed_ms >= 0,                                          \
            (unsigned long long)locust_stats_total(env)->requests);                                \
    }                                                                                              \
    static void error_##who(locust_env *env, locust_user *u, const char *message)                  \
    {                                                                                              \
        printf("user_error " #who " %d %s\n", u->env == env, message);                             \
        locust_env_stop(env);                                                                      \
    }                                                                                              \
    static void reset_##who(locust_env *env)                                                       \
    {                                                                                              \
        printf(                                                                                    \
            "reset_stats " #who " %llu\n", (unsigned long long)locust_stats_total(env)->requests); \
    }                                                                                              \
    static void stopping_##who(locust_env *env)                                                    \
    {                                                                                              \
        printf("test_stopping " #who " %d\n", locust_user_count(env));                             \
    }                                                                                              \
    static void stop_##who(locust_env *env)                                                        \
    {                                                                                              \
        printf("test_stop " #who " %d\n", locust_user_count(env));                                 \
    }                                                                                              \
    static void quitting_##who(locust_env *env)                                                    \
    {                                                                                              \
        say("quitting", #who);                                                                     \
        if (getenv("EVENTS_CODE"))                                                                 \
            locust_set_exit_code(env, atoi(getenv("EVENTS_CODE")));                                \
    }                                                                                              \
    static void quit_##who(locust_env *env, int code)                                              \
    {                                                                                              \
        (void)env;                                                                                 \
        printf("quit " #who " %d\n", code);                                                        \
    }
#define FUNCTIONS(who)                                                                             \
    .on_init = init_##who, .on_test_start = start_##who, .on_spawning_complete = spawned_##who,    \
    .on_request = request_##who, .on_user_error = error_##who, .on_reset_stats = reset_##who,      \
    .on_test_stopping = stopping_##who, .on_test_stop = stop_##who, .on_quitting = quitting_##who, \
    .on_quit = quit_##who

LISTENER(own)
LISTENER(a)
LISTENER(b)
LISTENER(late)
LISTENER(later)
static const locust_listeners listener_a = {FUNCTIONS(a)}, listener_b = {FUNCTIONS(b)},
                              listener_late = {FUNCTIONS(late)},
                              listener_later = {FUNCTIONS(later)};

static void init_own(locust_env *env)
{
    printf("init own %d %.3f\n", locust_user_count(env), locust_run_time(env));
}
static void init_a(locust_env *env)
{
    (void)env;
    say("init", "a");
}
static void init_b(locust_env *env) // the last of those that the test names
{
    say("init", "b");
    locust_listen(env, &listener_late);
    locust_listen(env, &listener_later);
}
static void init_late(locust_env *env)
{
    (void)env;
}
static void init_later(locust_env *env)
{
    (void)env;
}

static const locust_test events = {
    .users = {&Visitor}, .listeners = {&listener_a, &listener_b}, FUNCTIONS(own)};

static int library(const char *host)
{
    locust_env *env =
        locust_env_new(&events, &(locust_options){.host = host, .users = 1, .quiet = true});
    int rc;
    puts("made");
    if (!env)
        return 2;
    rc = locust_run(env);
    printf("returned %d\n", rc);
    locust_env_free(env);
    puts("freed");
    return 0;
}

/* ---- figures while a test runs ---- */

struct seen {
    int task, listener; // requests that each has seen in the statistics
    int runs, late;     // late: begun after locust_stop_test
};

static void counting(locust_user *u)
{
    struct seen *seen = locust_env_context(u->env);
    const locust_stats *total;
    seen->late += seen->runs >= 200;
    locust_get(u, "/size/100", .name = "sized");
    total = locust_stats_total(u->env);
    seen->task += total->requests >= (uint64_t)++seen->runs && total->max_ms >= total->min_ms;
    if (locust_stats_row(u->env, 1) || !locust_stats_row(u->env, 0) ||
        strcmp(locust_stats_row(u->env, 0)->name, "sized") != 0)
        puts("wrong rows");
    if (seen->runs == 200)
        locust_stop_test(u);
}
static void count(locust_env *env, const locust_sample *s)
{
    struct seen *seen = locust_env_context(env);
    (void)s;
    seen->listener += locust_stats_total(env)->requests >= (uint64_t)seen->listener + 1;
}
LOCUST_USER(Counter, .tasks = LOCUST_TASKS(LOCUST_TASK(counting)));

static int twice(char **hosts)
{
    static const locust_test test = {.users = {&Counter}, .on_request = count};
    for (int i = 0; i < 2; i++) {
        struct seen seen = {0, 0, 0, 0};
        locust_env *env = locust_env_new(&test, &(locust_options){.host = hosts[i],
                                                    .users = 4,
                                                    .spawn_rate = 4,
                                                    .quiet = true,
                                                    .context = &seen,
                                                    .stop_timeout_s = 10});
        const locust_stats *total;
        int rc;
        if (!env)
            return 2;
        if (locust_run_time(env) > 0 || locust_user_count(env))
            puts("it runs before it does");
        rc = locust_run(env);
        total = locust_stats_total(env);
        printf("run %d: rc=%d requests=%llu failures=%llu bytes=%llu runs=%d late=%d task=%d "
               "listener=%d "
               "name=%s users=%d p=%d mean=%d\n",
            i, rc, (unsigned long long)total->requests, (unsigned long long)total->failures,
            (unsigned long long)total->bytes, seen.runs, seen.late, seen.task, seen.listener,
            total->name, locust_user_count(env),
            locust_percentile_ms(total, 0.5) <= locust_percentile_ms(total, 1) &&
                locust_percentile_ms(total, 1) <= total->max_ms * 1.01,
            total->mean_ms >= total->min_ms && total->mean_ms <= total->max_ms);
        locust_env_free(env);
    }
    return 0;
}

static int told;
static void tell(locust_env *env)
{
    (void)env;
    told++;
}

static int full(void)
{
    static const locust_listeners teller = {.on_init = tell};
    static locust_test many = {.users = {&Visitor}};
    static const locust_listeners some[LOCUST_LISTENERS_MAX + 1];
    locust_env *env = locust_env_new(&events, &(locust_options){.quiet = true});
    int n = 0;
    while (n <= LOCUST_LISTENERS_MAX && locust_listen(env, &some[n]))
        n++;
    printf("added %d of %d\n", n, LOCUST_LISTENERS_MAX);
    locust_env_free(env);
    for (int i = 0; i < LOCUST_LISTENERS_MAX; i++)
        many.listeners[i] = &teller;
    locust_env_free(locust_env_new(&many, &(locust_options){.quiet = true}));
    printf("told %d of %d\n", told, LOCUST_LISTENERS_MAX);
    return 0;
}

/* ---- a single user ---- */

static void look(locust_user *u)
{
    locust_get(u, "/size/20");
    locust_get(u, "/status/404");
    locust_post(u, "/echo", .json = "{\"a\":1}", .name = "/echo");
    locust_get(u, "/size/5000");
    LOCUST_MEASURE(u, "OWN", "thing", m)
    {
        m->length = 1;
    }
    locust_get(u, "http://127.0.0.1:1/nobody");
    locust_stop_user(u);
}
static void fine(locust_user *u)
{
    locust_get(u, "/");
    locust_stop_user(u);
}
static void begin_single(locust_user *u)
{
    printf("on_start %d\n", (int)u->id);
}
static void end_single(locust_user *u)
{
    (void)u;
    puts("on_stop");
}
LOCUST_USER(Look, .on_start = begin_single, .on_stop = end_single,
    .tasks = LOCUST_TASKS(LOCUST_TASK(look)));
LOCUST_USER(Fine, .on_start = begin_single, .on_stop = end_single, .fixed_count = 3,
    .tasks = LOCUST_TASKS(LOCUST_TASK(fine)));
static void look_on(locust_user *u)
{
    locust_get(u, "/");
}
LOCUST_USER(Forever, .wait_time = LOCUST_CONSTANT(0.05), .on_stop = end_single,
    .tasks = LOCUST_TASKS(LOCUST_TASK(look_on)));
LOCUST_USER(
    Twice, .iterations = 2, .on_stop = end_single, .tasks = LOCUST_TASKS(LOCUST_TASK(look_on)));

static int single(const char *host, const char *name)
{
    static const locust_user_class *const classes[] = {&Look, &Fine, &Forever, &Twice};
    int rc = 99;
    for (int i = 0; i < 4; i++)
        if (strcmp(classes[i]->name, name) == 0)
            rc = locust_run_single_user(classes[i], *host ? host : NULL);
    printf("returned %d\n", rc);
    return rc;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(how, "command") == 0)
        return locust_main(argc - 1, argv + 1, &events);
    if (strcmp(how, "library") == 0)
        return library(argv[2]);
    if (strcmp(how, "twice") == 0)
        return twice(argv + 2);
    if (strcmp(how, "full") == 0)
        return full();
    return single(argv[2], argv[3]);
}
