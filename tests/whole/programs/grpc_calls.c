// Calls, one after the other, as the words of CALLS say; prints "STATUS|ERROR|BODY|MESSAGES|METADATA" for each.
//   unary fail sleep many cut sum chat turn big gzip     (of the server of test_grpc.py), or any path
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int left, taken;

static bool take(void *arg, const void *message, size_t len)
{
    locust_pb_reader r = locust_pb_read(message, len);
    locust_pb_field f;
    while (locust_pb_next(&r, &f))
        taken++;
    return !arg || taken < 3;
}

static bool give(void *arg, locust_pb_writer *w)
{
    (void)arg;
    locust_pb_put_text(w, 1, "part");
    return left-- > 0;
}

static void show(locust_user *u, const char *call, const locust_grpc_reply *r)
{
    char text[64] = "";
    locust_pb_reader reader = locust_pb_read(r->body, r->body_len);
    locust_pb_field f;
    const char *meta = locust_grpc_metadata(u, "x-trail");
    while (locust_pb_next(&reader, &f))
        if (f.number == 1)
            snprintf(text, sizeof text, "%.*s", (int)f.len, f.bytes);
    printf("%s %d|%s|%s|%zu|%s|%d\n", call, r->status, r->error ? r->error : "", text, r->messages,
        meta ? meta : "", taken);
}

static void calls(locust_user *u)
{
    static char bytes[300000], room[256], big[200000];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes), next = LOCUST_PB_WRITER(room);
    char *text = strdup(getenv("CALLS"));
    memset(big, 'b', sizeof big - 1);
    locust_pb_put_text(&w, 1, "ann");
    for (char *call = strtok(text, " "); call; call = strtok(NULL, " ")) {
        const locust_grpc_reply *r;
        left = 50;
        taken = 0;
        if (strcmp(call, "unary") == 0)
            r = locust_grpc_call(u, "/g.G/SayHello", &w, .timeout_s = 20);
        else if (strcmp(call, "fail") == 0)
            r = locust_grpc_call(u, "/g.G/SayHello", &w,
                .metadata = LOCUST_HEADERS({"x-fail", "1"}), .name = "fail");
        else if (strcmp(call, "expected") == 0)
            r = locust_grpc_call(u, "/g.G/SayHello", &w,
                .metadata = LOCUST_HEADERS({"x-fail", "1"}), .expect_status = 5,
                .name = "expected");
        else if (strcmp(call, "sleep") == 0)
            r = locust_grpc_call(u, "/g.G/SayHello", &w,
                .metadata = LOCUST_HEADERS({"x-sleep", "2"}), .timeout_s = 0.3, .name = "sleep");
        else if (strcmp(call, "many") == 0)
            r = locust_grpc_call(u, "/g.G/Many", &w, .on_message = take);
        else if (strcmp(call, "cut") == 0)
            r = locust_grpc_call(u, "/g.G/Many", &w, .on_message = take, .arg = big, .name = "cut");
        else if (strcmp(call, "sum") == 0)
            r = locust_grpc_call(u, "/g.G/Sum", NULL, .next = give, .room = &next);
        else if (strcmp(call, "chat") == 0)
            r = locust_grpc_call(
                u, "/g.G/Chat", NULL, .next = give, .room = &next, .on_message = take);
        else if (strcmp(call, "turn") == 0)
            r = locust_grpc_call(u, "/g.G/Chat", NULL, .next = give, .room = &next,
                .on_message = take, .in_turn = true, .name = "turn");
        else if (strcmp(call, "gzip") == 0)
            r = locust_grpc_call(u, "/g.G/SayHello", &w, .gzip = true, .name = "gzip");
        else if (strcmp(call, "big") == 0) {
            w.len = 0;
            locust_pb_put_text(&w, 1, big);
            r = locust_grpc_call(u, "/g.G/Chat", &w, .name = "big");
            w.len = 0;
            locust_pb_put_text(&w, 1, "ann");
        } else
            r = locust_grpc_call(u, call, &w, .timeout_s = strcmp(call, "/late") == 0 ? 0.2 : 10);
        show(u, call, r);
    }
    free(text);
}

LOCUST_USER(Caller, .iterations = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(calls)));

LOCUST_MAIN(.users = {&Caller})
