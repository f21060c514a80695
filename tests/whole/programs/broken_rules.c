// broken_rules.c - a test that does what it must not: MISUSE says what, in a task of Careless or in a listener.
//   prints  task       each time that a good task ran to its end
//           never      behind what must not go on
//           answer N   the status of the request whose listener did it
//           stopped    for each on_stop
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero;

static bool is(const char *what)
{
    const char *misuse = getenv("MISUSE");
    return misuse && strcmp(misuse, what) == 0;
}

static void crash(void)
{
    if (is("null"))
        *(volatile int *)(uintptr_t)zero = 1;
    if (is("division"))
        zero = 7 / zero;
    if (is("abort"))
        abort();
}

static locust_user *other;

__attribute__((noinline)) static const locust_pair *headers(char *value)
{
    return LOCUST_HEADERS({"X-Value", value}); // ends with this function
}
static locust_context *context;

static bool refill(void *arg, const char *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    locust_get(arg, "/size/9");
    puts("never");
    return true;
}

static ptrdiff_t pour(void *arg, void *out, size_t n)
{
    (void)out;
    (void)n;
    locust_sleep(arg, 0.001);
    puts("never");
    return 0;
}

static void wait_in_defer(void *u)
{
    locust_sleep(u, 0.001);
    puts("never");
}

static void fini(void *slot)
{
    locust_sleep(*(locust_user **)slot, 0.001);
    puts("never");
}

LOCUST_LOCAL_WITH(locust_user *, owner, .fini = fini);
LOCUST_LOCAL(int, box);

static void nothing(void *arg)
{
    (void)arg;
}

static void enter_again(void *arg)
{
    (void)arg;
    locust_context_run(context, nothing, NULL);
    puts("never");
}

static double pause_s(locust_user *u)
{
    if (is("wait function"))
        locust_sleep(u, 0.001);
    return 0.01;
}

static void begin(locust_user *u)
{
    if (is("on_start"))
        locust_fail(u, "cannot log in");
}

static void end(locust_user *u)
{
    (void)u;
    puts("stopped");
}

static void good(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    printf("answer %d\n", r->status);
    puts("task");
}

static void in_a_task(locust_user *u)
{
    char text[64];
    if (is("failure"))
        locust_failure(locust_get(u, "/size/5"), "wrong");
    if (is("success"))
        (locust_success)(locust_get(u, "/size/5")); // no macro: the task is named
    if (is("pattern"))
        locust_match(locust_get(u, "/size/5"), "a(b", 0, text, sizeof text);
    if (is("dead headers"))
        locust_get(u, "/size/5", .headers = headers(text));
    if (is("interrupt"))
        locust_interrupt(u, true);
    if (is("other user"))
        locust_sleep(other, 0.001);
    if (is("no user"))
        locust_get(NULL, "/");
    if (is("no stream"))
        locust_write(NULL, "x", 1);
    if (is("scope")) {
        locust_slot_enter(&box_slot);
        locust_slot_enter(&owner_slot);
        locust_slot_leave(&box_slot);
    }
    if (is("context")) {
        context = locust_context_copy();
        locust_context_run(context, enter_again, NULL);
    }
    if (is("run"))
        locust_run(u->env);
    if (is("on_body")) {
        locust_get(u, "/size/5", .on_body = refill, .arg = u);
        return;
    }
    if (is("body_fn")) {
        locust_post(u, "/size/5", .body_fn = pour, .arg = u);
        return;
    }
    if (is("defer")) {
        locust_defer(u, wait_in_defer, u);
        return;
    }
    if (is("fini")) {
        *owner() = u;
        return;
    }
    if (is("listener fails"))
        locust_get(u, "/size/7");
    puts("never");
}

static void bad(locust_user *u)
{
    crash();
    if (getenv("IN_A_TASK"))
        in_a_task(u);
}

static void audit(locust_env *env, const locust_sample *sample)
{
    char text[16];
    (void)env;
    other = other ? other : sample->user;
    if (is("get in a listener"))
        locust_get(sample->user, "/size/9");
    else if (is("sleep in a listener"))
        locust_sleep(sample->user, 0.001);
    else if (is("stream in a listener"))
        locust_connect(sample->user, "tcp://127.0.0.1:1");
    else if (is("join in a listener"))
        locust_join_all(sample->user);
    else if (is("pattern in a listener"))
        locust_match(sample->response, "a(b", 0, text, sizeof text);
    else if (is("record in a listener"))
        locust_record(sample->user, &(locust_sample){.method = "X", .name = "x"});
    else if (is("listener fails") && strcmp(sample->name, "/size/7") == 0)
        locust_fail(sample->user, "refused by the audit");
    else
        return;
    puts("never");
}

static void audit_after(locust_env *env, const locust_sample *sample)
{
    (void)env;
    (void)sample;
    puts("second listener");
}

static void spawned(locust_env *env, int users)
{
    (void)env;
    (void)users;
    if (is("spawning_complete"))
        locust_get(other, "/");
}

static void error(locust_env *env, locust_user *u, const char *message)
{
    (void)env;
    (void)message;
    if (is("fail in on_user_error"))
        locust_fail(u, "again");
}

static void stopped(locust_env *env)
{
    (void)env;
    if (is("test_stop"))
        box();
}

static void quitting(locust_env *env)
{
    (void)env;
    if (is("quitting"))
        locust_get(NULL, "/");
}

static void started(locust_env *env)
{
    (void)env;
    if (is("test_start"))
        locust_get(NULL, "/");
}

static void failing(locust_user *u)
{
    if (is("fail in on_user_error"))
        locust_fail(u, "once");
}

static const locust_listeners second = {.on_request = audit_after};

LOCUST_USER(Careless, .wait_time = LOCUST_WAIT_FN(pause_s), .on_start = begin, .on_stop = end,
    .tasks = LOCUST_TASKS(LOCUST_TASK(good), LOCUST_TASK(bad), LOCUST_TASK(failing)));
LOCUST_USER(Careful, .wait_time = LOCUST_CONSTANT(0.01), .on_stop = end,
    .tasks = LOCUST_TASKS(LOCUST_TASK(good)));
LOCUST_MAIN(.users = {&Careful, &Careless}, .on_request = audit, .on_spawning_complete = spawned,
    .on_user_error = error, .on_test_start = started, .on_test_stop = stopped,
    .on_quitting = quitting, .listeners = {&second})
