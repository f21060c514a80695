/* websocket.c - a chat over WebSocket: each user keeps one connection, and times a message and its echo.
 *   cc -O2 -I.. websocket.c -o websocket && ./websocket --headless -u 100 -r 20 -t 1m --host ws://127.0.0.1:8080
 * wss:// needs -DLOCUST_TLS and its libraries, .compress = true -DLOCUST_ZLIB and -lz.
 * Shows: the handshake, messages both ways with a time limit, a row of the test's own, the end. */
#include "locust.h"
#include <string.h>

static void enter(locust_user *u)
{
    // The row "WS connect". Pings of the server are answered also while the user waits.
    locust_ws_connect(u, "/chat", .subprotocols = "chat.v2, chat.v1", .headers = LOCUST_HEADERS({ "X-Device", "7" }));
}

static void say(locust_user *u)
{
    LOCUST_MEASURE(u, "WS", "echo", m) {
        locust_ws_message answer;
        if (!locust_ws_send(u, "hello") || !locust_ws_receive(u, &answer, 5))
            m->error = locust_ws_error(u); // "no message within the time given", "closed by peer: 1011", ...
        else if (strcmp(answer.data, "hello") != 0)
            m->error = "another text than the one that was sent";
        else
            m->length = answer.len;
    }
}

static void leave(locust_user *u)
{
    locust_ws_close(u, 1000, "done"); // left out, the end of the user closes without a wait
}

LOCUST_USER(Chatter,
    .host = "ws://127.0.0.1:8080",
    .wait_time = LOCUST_CONSTANT_THROUGHPUT(1),
    .on_start = enter,
    .on_stop = leave,
    .tasks = LOCUST_TASKS(LOCUST_TASK(say)));

LOCUST_MAIN(.users = { &Chatter })
