// What a task says to its user, and the rules that it can break.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include "lives.h"

static const step answering[] = {READ, SEND(OK_REPLY), LOOP};

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

static void a_broken_rule_is_named(void)
{
    char *text;
    int status = check_fork(sleep_outside, NULL, &text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    CHECK(strstr(text, "locust_sleep") && strstr(text, "outside its user"));
    free(text);
    other_user = NULL; // in a running test the task fails that did it, and the run goes on
    live((life){.task = use_the_other, .users = 2, .until_error = true});
    CHECK_INT(after.code, 1);
    CHECK_INT(after.exceptions, 1);
    CHECK(strstr(after.text, "locust_sleep was called outside its user") != NULL);
    CHECK(strncmp(after.place, "test_control.c:", 15) == 0);
    CHECK(strstr(after.place, " in use_the_other, task run_task of Live") != NULL);
}

/* -- a request outside a user, and a set-up that does not do -- */

static void get_before_users(locust_env *env)
{
    (void)env;
    locust_get(NULL, "/");
}

static void get_by_tls(locust_user *u)
{
    locust_get(u, "https://127.0.0.1:1/");
    CHECK(false);
}

LOCUST_USER(Idle, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Secure, .tasks = LOCUST_TASKS(LOCUST_TASK(get_by_tls)));

static const struct ending {
    const char *name;
    locust_test test;
    int code;
    const char *words[3]; // that the one sentence holds
} endings[] = {
    {"locust_get outside a user", {.users = {&Idle}, .on_test_start = get_before_users}, 2,
        {"locust: ", "locust_get", "user"}},
    {"https without TLS", {.users = {&Secure}}, 1,
        {"https needs TLS", "-DLOCUST_TLS", "-lmbedtls"}},
};

static void run_ending(void *arg)
{
    const struct ending *e = arg;
    int code = run(&e->test, (locust_options){.users = 1, .run_time_s = 20});
    CHECK_INT(n_samples, 0);
    exit(check_now.n_bad ? 70 : code);
}

static void ends_with_a_sentence(void)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const struct ending *e = &endings[i];
        char *text;
        int status = check_fork(run_ending, (void *)(uintptr_t)e, &text);
        CHECK_ROW(e->name);
        CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, e->code);
        CHECK(strchr(text, '\n') && !strchr(text, '\n')[1]); // one line
        for (int k = 0; k < 3; k++)
            if (!CHECK(strstr(text, e->words[k]) != NULL))
                fprintf(stderr, "it printed: %s\n", text);
        free(text);
    }
}

/* -- stopping -- */

/* locust_stop_test: "the calling user goes on until it parks or its task ends". */
static void stop_and_end(locust_user *u)
{
    locust_get(u, "/");
    locust_stop_test(u);
    n_ended++;
}

static void stops_at_the_end_of_the_task(void)
{
    server s = server_start(1, answering);
    n_ended = 0;
    live((life){.task = stop_and_end, .host = s.url});
    CHECK_INT(n_samples, 1);
    CHECK_INT(n_ended, 1);
    server_stop(&s);
}

/* -- a user that is stopped in the middle of a request: unanswered, nothing leaks -- */

static bool stopped, returned;

static void note_stop(locust_user *u)
{
    CHECK_INT(locust_get(u, "/bye")->status, 200); // on_stop may send
    stopped = true;
}

static void never_returns(locust_user *u)
{
    locust_get(u, "/held");
    returned = true;
}

static void start_held(locust_user *u)
{
    locust_get(u, "/first");
    never_returns(u);
}

static void stop_inside_a_request(void)
{
    static const step holds[] = {READ, SEND(OK_REPLY), READ, HOLD};
    server s = server_start(2, holds, answering);
    stopped = returned = false;
    live((life){.task = start_held, .on_stop = note_stop, .host = s.url, .run_time_s = 0.3});
    CHECK_INT(after.code, 0);
    CHECK_INT(after.requests, 2);
    CHECK_INT(after.failures, 0);
    CHECK_INT(after.unanswered, 1);
    CHECK_INT(after.n_rows, 3);
    CHECK_INT(after.asked, 1);
    CHECK_INT(after.starved, 0); // it had its first answer
    CHECK(stopped);
    CHECK(!returned); // a call that is cut short does not return
    CHECK_STR(samples[1].name, "/bye");
    server_stop(&s);
}

/* A stream of events lasts as long as its user: once it came, it is no request without an answer. */
static bool take_event(void *arg, const locust_sse_event *event)
{
    (void)event;
    ++*(int *)arg;
    return true;
}

static int n_events;

static void watches_events(locust_user *u)
{
    locust_get(u, "/events", .on_event = take_event, .arg = &n_events);
    returned = true;
}

static void stop_inside_a_stream(void)
{
    static const step streams[] = {
        READ, SEND("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"), HOLD};
    server s = server_start(1, streams);
    returned = false;
    n_events = 0;
    live((life){.task = watches_events, .host = s.url, .run_time_s = 1.3});
    CHECK_INT(n_events, 1);
    CHECK(!returned);
    CHECK_INT(after.unanswered, 0);
    CHECK_INT(after.n_rows, 0);
    CHECK_INT(after.asked, 1);
    CHECK_INT(after.starved, 0);
    CHECK_INT(after.code, 0);
    server_stop(&s);
}

/* A user that has waited for a second, and never got an answer. */
static void stop_without_any_answer(void)
{
    static const step holds[] = {READ, HOLD};
    server s = server_start(1, holds);
    returned = false;
    live((life){.task = never_returns, .host = s.url, .run_time_s = 1.3});
    CHECK_INT(after.unanswered, 1);
    CHECK_INT(after.asked, 1);
    CHECK_INT(after.starved, 1);
    server_stop(&s);
}

TESTS({"a broken rule is named", a_broken_rule_is_named},
    {"ends with a sentence", ends_with_a_sentence},
    {"stops at the end of the task", stops_at_the_end_of_the_task},
    {"stop inside a request", stop_inside_a_request},
    {"stop inside a stream", stop_inside_a_stream},
    {"stop without any answer", stop_without_any_answer}, )
