// grpc.c - calls of a gRPC service, unary and with a stream of answers, without generated code.
//   cc -O2 -I.. grpc.c -o grpc
//   ./grpc --headless --users 100 --spawn-rate 10 --run-time 1m --host http://127.0.0.1:50051
// Shows: messages written and read by the numbers of their .proto file, deadlines, a check of the answer.
#include "locust.h"
#include <stdio.h>
#include <string.h>

static void say_hello(locust_user *u)
{
    char bytes[128];
    locust_pb_writer request = LOCUST_PB_WRITER(bytes);
    locust_pb_put_text(&request, 1, "ann"); /* HelloRequest.name */
    /* Row "grpc /helloworld.Greeter/SayHello". A status other than OK is a failure: "UNAVAILABLE: ..." */
    locust_grpc_reply *r = locust_grpc_call(u, "/helloworld.Greeter/SayHello", &request, .timeout_s = 2,
                                            .metadata = LOCUST_HEADERS({ "x-user", "ann" }));
    locust_pb_reader reader = locust_pb_read(r->body, r->body_len);
    locust_pb_field field;
    char text[64] = "";
    while (locust_pb_next(&reader, &field))
        if (field.number == 1) /* HelloReply.message */
            snprintf(text, sizeof text, "%.*s", (int)field.len, field.bytes);
    if (!r->error && strcmp(text, "Hello ann") != 0)
        locust_fail(u, "another greeting");
}

static bool count(void *arg, const void *message, size_t len)
{
    (void)message;
    (void)len;
    ++*(int *)arg;
    return true; /* false ends the stream: no failure */
}

static void server_stream(locust_user *u)
{
    char bytes[128];
    locust_pb_writer request = LOCUST_PB_WRITER(bytes);
    int n = 0;
    locust_pb_put_int(&request, 2, 100);
    locust_grpc_call(u, "/helloworld.Greeter/Many", &request, .on_message = count, .arg = &n);
}

LOCUST_USER(Caller,
    .host = "http://127.0.0.1:50051", /* https:// with ALPN h2 */
    .wait_time = LOCUST_CONSTANT_THROUGHPUT(10),
    .tasks = LOCUST_TASKS(LOCUST_TASK(say_hello, .weight = 9), LOCUST_TASK(server_stream)));

LOCUST_MAIN(.users = { &Caller })
