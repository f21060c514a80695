// scripted_websocket.c - a user that says by WebSocket and Socket.IO what WS_SCRIPT says, one command a
// line; runs once.
//   connect URL [protocol=A,B] [deflate] [max=BYTES] [pings=SECONDS] [origin=TEXT] [timeout=SECONDS]
//   send TEXT    bytes N    part TEXT    last TEXT    receive SECONDS    ping SECONDS
//   close CODE TEXT    code    echo    sleep SECONDS    many N TEXT    restart
//   sio URL [polling] [path=/PATH] [space=/NAME] [auth=JSON] [timeout=SECONDS]
//   emit EVENT ARGS    call EVENT ARGS    event SECONDS    ack ARGS    leave    attach EVENT ARGS
// Prints a line for each: the command, what came ("-": nothing), the error ("-": none).
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char room[4096];
static int64_t wanted = -1;

static const char *option(const char *line, const char *name)
{
    static char values[8][256];
    static int next;
    const char *at = strstr(line, name);
    char *out = values[next++ % 8];
    if (!at)
        return NULL;
    snprintf(out, 256, "%s", at + strlen(name));
    out[strcspn(out, " ")] = '\0';
    return out;
}

static double seconds(const char *text)
{
    return text ? atof(text) : 0;
}

static bool connect_ws(locust_user *u, const char *url, const char *line)
{
    const char *max = option(line, " max=");
    return (locust_ws_connect)(u, &(locust_ws_options){.url = url,
                                      .subprotocols = option(line, " protocol="),
                                      .origin = option(line, " origin="),
                                      .compress = strstr(line, " deflate") != NULL,
                                      .ping_s = seconds(option(line, " pings=")),
                                      .timeout_s = seconds(option(line, " timeout=")),
                                      .max_message = max ? (size_t)atol(max) : 0});
}

/* Sends back what comes until the connection ends. */
static bool echo(locust_user *u)
{
    locust_ws_message m;
    while (locust_ws_receive(u, &m, 30))
        if (!locust_ws_send_part(u, m.data, m.len, m.binary, true)) // a text may have a '\0' in it
            return false;
    return false;
}

static const char *shown(const char *data, size_t n)
{
    snprintf(room, sizeof room, "%.*s", n < 4000 ? (int)n : 60, data);
    return n < 4000 ? room : (snprintf(room, sizeof room, "%zu bytes", n), room);
}

/* A command of WebSocket. Returns what came. */
static const char *say_ws(locust_user *u, const char *what, const char *more, const char *line)
{
    static const char big[1 << 20];
    locust_ws_message m;
    char first[512] = "";
    int used = 0;
    sscanf(more, "%511s %n", first, &used);
    if (!strcmp(what, "connect"))
        return connect_ws(u, first, line) ? locust_ws_subprotocol(u) : NULL;
    if (!strcmp(what, "send"))
        return locust_ws_send(u, more) ? "sent" : NULL;
    if (!strcmp(what, "bytes"))
        return locust_ws_send_bytes(u, big, (size_t)atol(more)) ? "sent" : NULL;
    if (!strcmp(what, "part") || !strcmp(what, "last"))
        return locust_ws_send_part(u, more, strlen(more), false, *what == 'l') ? "sent" : NULL;
    if (!strcmp(what, "receive"))
        return locust_ws_receive(u, &m, atof(more)) ? shown(m.data, m.len) : NULL;
    if (!strcmp(what, "ping"))
        return locust_ws_ping(u, atof(more)) ? "pong" : NULL;
    if (!strcmp(what, "close"))
        return locust_ws_close(u, atoi(first), more + used) ? "closed" : NULL;
    if (!strcmp(what, "echo"))
        return echo(u) ? "echoed" : NULL;
    if (!strcmp(what, "many")) {
        for (int i = 0; i < atoi(first); i++)
            if (!locust_ws_send(u, more + used))
                return NULL;
        return "sent";
    }
    if (!strcmp(what, "code")) {
        const char *reason;
        int code = locust_ws_close_code(u, &reason);
        snprintf(room, sizeof room, "%d %s", code, reason);
        return room;
    }
    return NULL;
}

/* A command of Socket.IO. */
static const char *say_sio(locust_user *u, const char *what, const char *more, const char *line)
{
    static const locust_bytes two[] = {{"\1\2\3", 3}, {"", 0}};
    char first[512] = "";
    int used = 0;
    locust_sio_event e;
    sscanf(more, "%511s %n", first, &used);
    if (!strcmp(what, "sio"))
        return (locust_sio_connect)(u, &(locust_sio_options){.url = first,
                                           .polling = strstr(line, " polling") != NULL,
                                           .sio_namespace = option(line, " space="),
                                           .path = option(line, " path="),
                                           .auth = option(line, " auth="),
                                           .timeout_s = seconds(option(line, " timeout="))})
                   ? "connected"
                   : NULL;
    if (!strcmp(what, "emit"))
        return locust_sio_emit(u, first, more + used) ? "sent" : NULL;
    if (!strcmp(what, "attach"))
        return locust_sio_emit(u, first, more + used, .attachments = two, .n_attachments = 2)
                   ? "sent"
                   : NULL;
    if (!strcmp(what, "call"))
        return locust_sio_call(u, first, more + used, .timeout_s = 2);
    if (!strcmp(what, "ack"))
        return locust_sio_ack(u, wanted, more) ? "sent" : NULL;
    if (!strcmp(what, "leave"))
        return locust_sio_close(u) ? "closed" : NULL;
    if (strcmp(what, "event") != 0 || !locust_sio_receive(u, &e, atof(more)))
        return NULL;
    wanted = e.ack;
    used = snprintf(room, sizeof room, "%s %.3000s", e.name, e.args);
    for (size_t i = 0; i < e.n_attachments; i++)
        used += snprintf(room + used, sizeof room - (size_t)used, " +%zu", e.attachments[i].n);
    return room;
}

static void speak(locust_user *u)
{
    static const char of_sio[] = " sio emit attach call ack leave event ";
    const char *given = getenv("WS_SCRIPT"), *came, *error;
    char *script = malloc(strlen(given) + 1), *line, *at = NULL;
    strcpy(script, given);
    locust_defer(u, free, script);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        char what[16] = "", word[20];
        int used = 0;
        bool sio;
        sscanf(line, "%15s %n", what, &used);
        if (!strcmp(what, "sleep")) {
            locust_sleep(u, atof(line + used));
            continue;
        }
        snprintf(word, sizeof word, " %s ", what);
        sio = strstr(of_sio, word) != NULL;
        came = sio ? say_sio(u, what, line + used, line) : say_ws(u, what, line + used, line);
        error = sio ? locust_sio_error(u) : locust_ws_error(u);
        printf("%s\t%s\t%s\n", what, came ? *came ? came : "\"\"" : "-", error ? error : "-");
        fflush(stdout);
    }
}

LOCUST_USER(Speaker, .host = "ws://127.0.0.1:1", .iterations = 1, .insecure = true,
    .tasks = LOCUST_TASKS(LOCUST_TASK(speak)));
LOCUST_MAIN(.users = {&Speaker})
