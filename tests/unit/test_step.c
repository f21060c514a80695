// .setup and .teardown of a test.
#include "blocks.h"
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"
#include "lives.h"

static const step answering[] = {READ, SEND(OK_REPLY), LOOP};
static const step failing[] = {READ, SEND("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), LOOP};

static char setup_error[256]; // of the last run
static locust_task_fn do_setup, do_teardown;

static void set_up(locust_user *u)
{
    CHECK_INT(u->id, 0);
    CHECK_INT(locust_user_count(u->env), 0);
    say("setup");
    if (do_setup)
        do_setup(u);
    say("ready");
}

static void tear_down(locust_user *u)
{
    CHECK_INT(locust_user_count(u->env), 0);
    say("teardown");
    if (do_teardown)
        do_teardown(u);
    say("gone");
}

static void test_start(locust_env *env)
{
    (void)env;
    say("start");
}

static void test_stop(locust_env *env)
{
    (void)env;
    say("stop");
}

static void use(locust_user *u)
{
    say("task");
    locust_get(u, "/task");
    locust_stop_test(u);
}

static void leave(locust_user *u)
{
    (void)u;
    say("left");
}

/* One run of one user with both steps; nothing may be left of it. The exit code. */
static int steps(const char *host)
{
    locust_user_class cls = {.name = "User",
        .tasks = LOCUST_TASKS(LOCUST_TASK(use)),
        .on_stop = leave,
        .data_size = 16,
        .headers = (const locust_pair[]){{"X-From", "class"}, {NULL, NULL}}};
    const locust_test test = {.users = {&cls},
        .setup = set_up,
        .teardown = tear_down,
        .on_test_start = test_start,
        .on_test_stop = test_stop,
        .on_request = hear,
        .on_user_error = told};
    long before = blocks_live;
    locust_env *env = make(&test, (locust_options){.host = host, .loglevel = "CRITICAL"});
    int code;
    *said = '\0';
    n_samples = 0;
    memset(&after, 0, sizeof after);
    code = locust_run(env);
    snprintf(setup_error, sizeof setup_error, "%s",
        env->users.setup_error ? env->users.setup_error : "");
    after.requests = locust_stats_total(env)->requests;
    while (locust_stats_row(env, after.n_rows))
        after.n_rows++;
    after.exceptions = env->stats.n_exceptions;
    locust_env_free(env);
    CHECK_INT(blocks_live, before);
    return code;
}

static void count_in_coroutine(locust_user *u, void *arg)
{
    (void)arg;
    locust_get(u, "/coroutine");
}

static void ask_in_all_ways(locust_user *u)
{
    locust_response *r = locust_get(u, "/setup");
    locust_sample own = {.method = "OWN", .name = "thing", .elapsed_ms = 1};
    CHECK_INT(r->status, 200);
    r = locust_get(u, "/checked", .catch_response = true);
    locust_success(r);
    LOCUST_MEASURE(u, "OWN", "block", m) locust_sleep(u, 0.001);
    locust_record(u, &own);
    locust_join(u, locust_spawn(u, count_in_coroutine, NULL));
    ((char *)u->data)[15] = 1;
    CHECK_STR(locust_text(u, "%d", 7), "7");
}

static void come_before_and_after_and_are_not_counted(void)
{
    server s = server_start(1, answering);
    do_setup = do_teardown = ask_in_all_ways;
    CHECK_INT(steps(s.url), 0);
    CHECK_STR(said, "setup ready start task left stop teardown gone ");
    CHECK_INT(s.seen->requests, 2 * 3 + 1);
    CHECK_INT(after.requests, 1);
    CHECK_INT(after.n_rows, 1);
    CHECK_INT(n_samples, 1);
    CHECK_STR(samples[0].name, "/task");
    server_stop(&s);
}

static void refused_request(locust_user *u)
{
    locust_get(u, "http://127.0.0.1:1/none");
}

static void failed_request(locust_user *u)
{
    locust_get(u, "/made", .name = "/made");
}

static void failed_by_verdict(locust_user *u)
{
    locust_response *r = locust_get(u, "/made", .catch_response = true);
    locust_failure(r, "no account");
}

static void failed_in_coroutine(locust_user *u)
{
    locust_join(u, locust_spawn(u, count_in_coroutine, NULL));
}

static void failed_by_itself(locust_user *u)
{
    locust_fail(u, "cannot be had");
}

static void failed_twice(locust_user *u)
{
    failed_request(u);
    failed_by_itself(u);
}

/* Only a path, and no host. */
static void failed_without_host(locust_user *u)
{
    locust_get(u, "/x");
}

static const struct {
    const char *name;
    locust_task_fn fn;
    bool host;
    const char *text;
} failures[] = {
    {"refused", refused_request, true, "GET /none: connection refused"},
    {"status", failed_request, true, "GET /made: 500 Server Error: No"},
    {"verdict", failed_by_verdict, true, "GET /made: no account"},
    {"coroutine", failed_in_coroutine, true, "GET /coroutine: 500 Server Error: No"},
    {"locust_fail", failed_by_itself, true, "cannot be had (test_step.c:"},
    {"the first counts", failed_twice, true, "GET /made: 500 Server Error: No"},
    {"no host", failed_without_host, false, "no host"},
};

static void a_failed_setup_ends_the_run(void)
{
    server s = server_start(1, failing);
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        CHECK_ROW(failures[i].name);
        do_setup = failures[i].fn;
        do_teardown = NULL;
        CHECK_INT(steps(failures[i].host ? s.url : NULL), 1);
        CHECK(strncmp(said, "setup ", 6) == 0 && !strstr(said, "start") && !strstr(said, "task"));
        CHECK(!strstr(said, "teardown"));
        CHECK(strstr(setup_error, failures[i].text));
        CHECK(!failures[i].host || strncmp(setup_error, "setup failed: ", 14) == 0);
        CHECK_INT(after.requests, 0);
        CHECK_INT(after.n_rows, 0);
        CHECK_INT(after.exceptions, 0);
        CHECK_INT(n_samples, 0);
        CHECK_INT(after.told, 0);
    }
    server_stop(&s);
}

static void a_failed_teardown_is_exit_code_1(void)
{
    server s = server_start(1, answering);
    do_setup = NULL;
    do_teardown = failed_by_itself;
    CHECK_INT(steps(s.url), 1);
    CHECK_STR(said, "setup ready start task left stop teardown ");
    CHECK(strncmp(setup_error, "teardown failed: cannot be had", 30) == 0);
    CHECK_INT(after.requests, 1);
    server_stop(&s);
}

static void forgive(locust_user *u)
{
    locust_response *r = locust_get(u, "/there", .catch_response = true);
    CHECK_INT(r->status, 500);
    locust_success(r);
}

static void a_verdict_forgives_a_failed_request(void)
{
    server s = server_start(1, failing);
    do_setup = do_teardown = forgive;
    CHECK_INT(steps(s.url), 1); // the task's own request failed
    CHECK_STR(said, "setup ready start task left stop teardown gone ");
    CHECK_STR(setup_error, "");
    server_stop(&s);
}

static void ask_for_the_end(locust_user *u)
{
    say("end");
    locust_stop_test(u);
    locust_sleep(u, 100000);
    say("never");
}

static void the_end_of_the_test_cuts_a_step(void)
{
    server s = server_start(1, answering);
    do_setup = ask_for_the_end;
    do_teardown = NULL;
    CHECK_INT(steps(s.url), 0);
    CHECK_STR(said, "setup end ");
    do_setup = NULL;
    do_teardown = ask_for_the_end; // as a second signal does
    CHECK_INT(steps(s.url), 0);
    CHECK_STR(said, "setup ready start task left stop teardown end ");
    server_stop(&s);
}

static void take_a_while(locust_user *u)
{
    locust_sleep(u, 0.3);
}

static double ran_s;

static void note_time(locust_env *env)
{
    ran_s = locust_run_time(env);
}

LOCUST_USER(Sleepy, .tasks = LOCUST_TASKS(LOCUST_TASK(take_a_while)));

/* 0.3 s of set-up take nothing from a run of 0.2 s. */
static void no_run_time_passes(void)
{
    const locust_test test = {
        .users = {&Sleepy}, .setup = take_a_while, .on_test_stopping = note_time};
    run(&test, (locust_options){.users = 1, .run_time_s = 0.2});
    CHECK(ran_s >= 0.2);
    CHECK(ran_ns >= 500 * MS && ran_ns < 50 * S);
}

TESTS({"come before and after and are not counted", come_before_and_after_and_are_not_counted},
    {"a failed setup ends the run", a_failed_setup_ends_the_run},
    {"a failed teardown is exit code 1", a_failed_teardown_is_exit_code_1},
    {"a verdict forgives a failed request", a_verdict_forgives_a_failed_request},
    {"the end of the test cuts a step", the_end_of_the_test_cuts_a_step},
    {"no run time passes", no_run_time_passes}, )
