// Users that ask a server's health service, each by eight streams of its connection at once.
#include "locust.h"

static void ask(locust_user *u, void *arg)
{
    char bytes[64];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes);
    (void)arg;
    for (int i = 0; i < 20; i++) {
        locust_grpc_reply *r = locust_grpc_call(u, "/grpc.health.v1.Health/Check", &w);
        locust_pb_reader reader = locust_pb_read(r->body, r->body_len);
        locust_pb_field f;
        if (!r->error && !(locust_pb_next(&reader, &f) && f.number == 1 && f.value == 1)) // SERVING
            locust_fail(u, "the server does not serve");
    }
}

static void check(locust_user *u)
{
    locust_group *g = locust_group_new(u, 8);
    for (int i = 0; i < 8; i++)
        locust_group_start(u, g, ask, NULL);
    locust_group_join(u, g);
}

LOCUST_USER(Checker, .tasks = LOCUST_TASKS(LOCUST_TASK(check)));

LOCUST_MAIN(.users = {&Checker})
