// web_shop.c - the test whose web interface test_web.py asks; tests/whole/kit/web_shop.py is the same for Locust.
#include "locust.h"

static void front(locust_user *u)
{
    locust_get(u, "/");
}

static void bad(locust_user *u)
{
    locust_get(u, "/status/404?id=7", .name = "/bad?id=[id]");
}

static void boom(locust_user *u)
{
    locust_fail(u, "no <stock> & \"more\"");
}

static void one(locust_user *u)
{
    locust_get(u, locust_option_flag(u->env, "fast") ? "/size/1" : "/size/100");
    locust_interrupt(u, true);
}

LOCUST_TASKSET(Inner, .tasks = LOCUST_TASKS(LOCUST_TASK(one)));

LOCUST_USER(Buyer, .wait_time = LOCUST_CONSTANT(0.05),
    .tasks = LOCUST_TASKS(LOCUST_TASK(front, .weight = 3), LOCUST_TASK(bad)));
LOCUST_USER(Visitor, .weight = 2, .wait_time = LOCUST_CONSTANT(0.05),
    .tasks = LOCUST_TASKS(LOCUST_TASK(boom), LOCUST_TASK_SET(Inner)));

static void percentiles(
    locust_env *env, const locust_web_request *request, locust_web_answer *answer)
{
    char share[16] = "0.95";
    locust_web_param(request, "share", share, sizeof share);
    locust_web_type(answer, "application/json");
    locust_web_print(answer, "{\"method\": \"%s\", \"share\": %s, \"requests\": %d}\n",
        request->method, share, (int)locust_stats_total(env)->requests);
}

static void waits(locust_env *env, const locust_web_request *request, locust_web_answer *answer)
{
    (void)env, (void)request;
    locust_web_status(answer, 202);
    locust_web_print(answer, "%s|%s|%.*s", request->query,
        locust_web_field(request, "X-Ops") ? locust_web_field(request, "X-Ops") : "-",
        (int)request->body_len, request->body);
}

LOCUST_MAIN(.users = {&Buyer, &Visitor},
    .options =
        {{.name = "api-key", .value = "KEY", .fallback = "abc", .help = "the key", .secret = true},
            {.name = "size",
                .type = LOCUST_OWN_CHOICE,
                .choices = "small,large",
                .fallback = "small",
                .help = "the size"},
            {.name = "many", .type = LOCUST_OWN_WHOLE, .fallback = "3", .help = "how many"},
            {.name = "fast", .help = "fast"}},
    .routes = {{"/ops/percentiles", percentiles}, {"/ops/echo", waits}})
