/* socketio.c - a room of a Socket.IO server: join it, ask and wait for acknowledgements, listen.
 *   cc -O2 -I.. socketio.c -o socketio && ./socketio --headless -u 100 -r 20 -t 1m --host http://127.0.0.1:3000
 * Shows: namespaces, arguments as JSON, the rows of Locust's SocketIOUser: WS, WSE, WSC, WSR. */
#include "locust.h"
#include <string.h>

static void join(locust_user *u)
{
    // By WebSocket at once; .polling = true begins by long-polling and upgrades.
    locust_sio_connect(u, u->host, .auth = "{\"token\": \"x\"}", .sio_namespace = "/room");
    locust_sio_emit(u, "join", "{\"room\": \"qa\"}"); // the row "WSE join"
}

static void ask(locust_user *u)
{
    const char *answer = locust_sio_call(u, "sum", "1, 2", .timeout_s = 5); // the row "WSC sum"
    if (answer && strcmp(answer, "[3]") != 0)
        locust_fail(u, "the sum is wrong");
}

static void listen_in(locust_user *u)
{
    locust_sio_event event;
    while (locust_sio_receive(u, &event, 1)) // a row "WSR <event>" for each
        if (strcmp(event.name, "bye") == 0)
            return;
}

LOCUST_USER(Guest,
    .host = "http://127.0.0.1:3000",
    .wait_time = LOCUST_CONSTANT(1),
    .on_start = join,
    .tasks = LOCUST_TASKS(LOCUST_TASK(ask, .weight = 3), LOCUST_TASK(listen_in)));

LOCUST_MAIN(.users = { &Guest })
