// stream.c - a feed of server-sent events, and a large download that is not kept in memory.
//   cc -O2 -I.. stream.c -o stream
//   ./stream --headless --users 100 --spawn-rate 10 --run-time 1m --host http://127.0.0.1:8080 --phases
// Shows: events and bodies taken as they come, a JSON call, a time limit, where the time went.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    int events;
    unsigned long long bytes;
};

static bool on_event(void *arg, const locust_sse_event *event)
{
    struct reader *r = arg;
    return strcmp(event->type, "end") != 0 && ++r->events < 10; // ten are enough
}

static void follow(locust_user *u)
{
    locust_get(u, "/events", .on_event = on_event, .arg = u->data, .timeout_s = 30);
}

static bool on_body(void *arg, const char *bytes, size_t n)
{
    (void)bytes;
    ((struct reader *)arg)->bytes += n;
    return true;
}

static void download(locust_user *u)
{
    locust_get(u, "/download", .on_body = on_body, .arg = u->data);
}

static void order(locust_user *u)
{
    locust_response *r = locust_rest(u, "POST", "/orders", .json = "{\"item\": 7}");
    double id;
    char path[64];
    if (!locust_json_number(r, "id", &id))
        return;
    snprintf(path, sizeof path, "/orders/%.0f", id);
    locust_delete(u, path, .name = "/orders/[id]", .bearer = getenv("TOKEN"));
}

static void report(locust_user *u)
{
    const struct reader *r = u->data;
    printf("%d events, %llu bytes\n", r->events, r->bytes);
}

LOCUST_USER(Reader,
    .data_size = sizeof(struct reader),
    .wait_time = LOCUST_CONSTANT(0.1),
    .on_stop = report,
    .tasks = LOCUST_TASKS(LOCUST_TASK(follow), LOCUST_TASK(download), LOCUST_TASK(order)));

LOCUST_MAIN(.users = { &Reader })
