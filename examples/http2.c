// http2.c - pages whose parts load side by side, on streams of each user's one HTTP/2 connection.
//   cc -O2 -I.. http2.c -o http2
//   ./http2 --headless --users 100 --spawn-rate 10 --run-time 1m --host http://127.0.0.1:8080
// Over http it speaks HTTP/2 from the first byte (prior knowledge); over https, built as session.c is, by ALPN.
// Shows: .http_version, and that nothing else changes.
#include "locust.h"

static void asset(locust_user *u, void *path)
{
    locust_get(u, path, .name = "/asset");
}

static void page(locust_user *u)
{
    static char *const paths[] = { "/a.css", "/b.js", "/c.png", "/d.png" };
    locust_get(u, "/");
    locust_group *g = locust_group_new(u, 4); /* four streams at once */
    for (int i = 0; i < 4; i++)
        locust_group_start(u, g, asset, paths[i]);
    locust_group_join(u, g);
}

LOCUST_USER(Browser,
    .host = "http://127.0.0.1:8080",
    .http_version = LOCUST_HTTP_2, /* zero: HTTP/1.1; LOCUST_HTTP_AUTO: what ALPN gives */
    .wait_time = LOCUST_BETWEEN(1, 3),
    .tasks = LOCUST_TASKS(LOCUST_TASK(page)));

LOCUST_MAIN(.users = { &Browser })
