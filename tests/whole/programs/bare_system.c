// bare_system.c - a program that takes nothing from its environment, for test_bare.py.
//   bare_system --headless -H URL [--page PATH] [--other URL] [--upload N]
// A task requests PATH ("/page.txt") of its host, after that the other URL, then puts N bytes at
// /upload, and prints a line for each:  NAME STATUS ERROR
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char *name, const locust_response *r)
{
    printf("%s %d %s\n", name, r->status, r->error ? r->error : "");
    fflush(stdout);
}

static ptrdiff_t bytes(void *arg, void *out, size_t n)
{
    size_t *left = arg;
    n = n < *left ? n : *left;
    memset(out, 'x', n);
    *left -= n;
    return (ptrdiff_t)n;
}

static void page(locust_user *u)
{
    const char *path = locust_option(u->env, "page"), *other = locust_option(u->env, "other");
    size_t upload = (size_t)atol(locust_option(u->env, "upload")), left = upload;
    show("page", locust_get(u, path, .name = "page", .timeout_s = 20));
    if (*other)
        show("other", locust_get(u, other, .name = "other", .timeout_s = 20));
    if (upload)
        show(
            "upload", locust_put(u, "/upload", .body_fn = bytes, .body_len = upload, .arg = &left));
}

LOCUST_USER(Bare, .wait_time = LOCUST_CONSTANT(0.01), .tasks = LOCUST_TASKS(LOCUST_TASK(page)));

LOCUST_MAIN(.users = {&Bare},
    .options = {
        {.name = "page", .value = "PATH", .fallback = "/page.txt", .help = "requested first"},
        {.name = "other", .value = "URL", .help = "requested after it"},
        {.name = "upload", .value = "N", .fallback = "0", .help = "bytes put after that"}})
