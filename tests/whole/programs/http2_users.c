// Users of which each loads a page of 16 streams, uploads 300000 bytes in two ways, and takes 3 MB in pieces.
//   AUTO=1: LOCUST_HTTP_AUTO   STATIC=1: without uploads   WHOLE=1: without an answer that is cut
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void asset(locust_user *u, void *path)
{
    locust_get(u, path, .name = "/asset");
}

static bool count(void *arg, const char *bytes, size_t n)
{
    (void)bytes;
    *(size_t *)arg += n;
    return true;
}

static bool enough(void *arg, const char *bytes, size_t n)
{
    (void)arg;
    (void)bytes;
    (void)n;
    return false;
}

static ptrdiff_t give(void *arg, void *out, size_t n)
{
    size_t *left = arg, some = n < *left ? n : *left;
    memset(out, 'f', some);
    *left -= some;
    return (ptrdiff_t)some;
}

static void upload(locust_user *u, const char *body, size_t n)
{
    size_t left = n;
    locust_post(u, "/length", .body = body, .body_len = n, .expect_body = "300000");
    locust_post(u, "/length", .body_fn = give, .arg = &left, .name = "/length of a function",
        .expect_continue = true);
}

static void page(locust_user *u)
{
    static char body[300000];
    size_t got = 0;
    locust_group *g = locust_group_new(u, 16);
    memset(body, 'b', sizeof body);
    locust_get(u, "/");
    for (int i = 0; i < 16; i++)
        locust_group_start(u, g, asset, "/a.css");
    locust_group_join(u, g);
    if (!getenv("STATIC"))
        upload(u, body, sizeof body);
    locust_get(u, "/big", .on_body = count, .arg = &got);
    if (got != 3000000)
        locust_fail(u, "/big is not whole");
    if (!getenv("WHOLE"))
        locust_get(u, "/big", .on_body = enough, .name = "/big cut");
    locust_head(u, "/big", .name = "/big head");
}

static locust_user_class browser = {.name = "Browser",
    .http_version = LOCUST_HTTP_2,
    .insecure = true,
    .tasks = LOCUST_TASKS(LOCUST_TASK(page))};

int main(int argc, char **argv)
{
    const locust_test test = {.users = {&browser}};
    if (getenv("AUTO"))
        browser.http_version = LOCUST_HTTP_AUTO;
    return locust_main(argc, argv, &test);
}
