/* Every kind of request that a test can send, and a wait of its own.
 *
 *   cc -O2 -I.. methods.c -o methods && ./methods --headless -t 5s -H http://127.0.0.1:8080
 *
 * Shows: bodies, any method, a custom wait function, a listener that sees every request. */
#include "locust.h"
#include <stdio.h>

static unsigned long long bytes;

static void read_things(locust_user *u)
{
    locust_get(u, "/");
    locust_head(u, "/size/100");
    locust_options_request(u, "/");
}

static void change_things(locust_user *u)
{
    static const unsigned char raw[] = { 1, 2, 3 };
    locust_post(u, "/echo", .form = "name=Ann&city=Bern");
    locust_put(u, "/echo", .json = "{\"name\": \"Ann\"}");
    locust_patch(u, "/echo", .body = raw, .body_len = sizeof raw,
        .headers = LOCUST_HEADERS({ "Content-Type", "application/octet-stream" }));
    locust_delete(u, "/status/204", .name = "/thing/[id]");
    locust_send(u, &(locust_request){ .method = "PROPFIND", .url = "/" });
}

static double think(locust_user *u) /* seconds */
{
    return u->id % 2 ? 0.05 : 0.1;
}

static void count(locust_env *env, const locust_sample *sample)
{
    (void)env;
    bytes += sample->length;
}

static void report(locust_env *env)
{
    (void)env;
    printf("%llu bytes of answers\n", bytes);
}

LOCUST_USER(Client,
    .wait_time = LOCUST_WAIT_FN(think),
    .tasks = LOCUST_TASKS(LOCUST_TASK(read_things), LOCUST_TASK(change_things)));

LOCUST_MAIN(.users = { &Client }, .on_request = count, .on_test_stop = report)
