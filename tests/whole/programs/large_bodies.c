// large_bodies.c - one user that streams: large_bodies --headless -H URL. Prints, for test_flat.py,
// a line for each request: what|error|status|bytes taken|MB of memory at most, so far
//   BIG: path of a large answer. FILE: a large file to upload
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static unsigned long long taken;

static bool take(void *arg, const char *bytes, size_t n)
{
    (void)arg;
    (void)bytes;
    taken += n;
    return true;
}

static void show(const char *what, const locust_response *r)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s|%s|%d|%llu|%.1f\n", what, r->error ? r->error : "", r->status,
        taken ? taken : (unsigned long long)r->length, (double)usage.ru_maxrss / 1024);
    taken = 0;
}

static void stream(locust_user *u)
{
    show("small", locust_get(u, "/small"));
    show("stream", locust_get(u, getenv("BIG"), .on_body = take, .timeout_s = -1, .name = "big"));
    show("upload", locust_post(u, "/upload", .timeout_s = -1,
                       .parts = LOCUST_PARTS({"title", .text = "t"},
                           {"file", .path = getenv("FILE"), .type = "application/x"})));
    locust_stop_test(u);
}

LOCUST_USER(Streamer, .tasks = LOCUST_TASKS(LOCUST_TASK(stream)));
LOCUST_MAIN(.users = {&Streamer})
