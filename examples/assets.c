/* A page as a browser loads it: the document, then its parts, six at a time.
 *
 *   cc -O2 -I.. assets.c -o assets && ./assets --headless -u 20 -r 5 -t 30s -H http://127.0.0.1:8080
 *
 * Shows: coroutines of a user in a group, each with a connection of its own, and a measured operation
 * of several requests: the row "PAGE" is the time until all parts are there. */
#include "locust.h"

struct browser {
    int parts; /* the user's coroutines share its data; one runs at a time, so no lock is needed */
};

static const char *parts[] = {
    "/style.css", "/app.js", "/logo.svg", "/font.woff2", "/1.jpg", "/2.jpg",
    "/3.jpg", "/4.jpg", "/5.jpg", "/6.jpg", "/favicon.ico", "/api/user",
};

static void load(locust_user *u, void *part) /* this `u` is the coroutine's: use no other in it */
{
    struct browser *b = u->data;
    locust_response *r = locust_get(u, *(const char **)part, .name = "part");
    if (!r->error && r->status < 400)
        b->parts++;
}

static void open_page(locust_user *u)
{
    struct browser *b = u->data;
    LOCUST_MEASURE(u, "PAGE", "/", m) {
        const size_t n = sizeof parts / sizeof *parts;
        locust_group *six = locust_group_new(u, 6);
        b->parts = 0;
        if (locust_get(u, "/")->error || !six) {
            m->error = "no document";
            continue; /* leaves the block; the group ends with the task */
        }
        for (size_t i = 0; i < n; i++)
            locust_group_start(u, six, load, &parts[i]);
        locust_group_join(u, six);
        if (b->parts < (int)n)
            m->error = "parts are missing";
    }
}

LOCUST_USER(Browser,
    .data_size = sizeof(struct browser),
    .wait_time = LOCUST_BETWEEN(1, 3),
    .tasks = LOCUST_TASKS(LOCUST_TASK(open_page)));

LOCUST_MAIN(.users = { &Browser })
