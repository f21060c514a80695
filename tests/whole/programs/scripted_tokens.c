/* scripted_tokens.c - asks for streamed answers as told, and prints what came of each.
 *
 * TOKENS_SCRIPT: a request a line, KIND PATH [give_up=SECONDS] [stop_after=EVENTS] [timeout=SECONDS]; KIND is
 * openai, ollama, tgi or marked. One user sends them one after the other, and prints a line for each.
 * TOKENS_LOOP: a line like these, that every user repeats, and prints nothing.
 */
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int left; // events that the test still wants; 0: all

static bool on_event(void *arg, const locust_sse_event *event)
{
    (void)arg;
    return event && (!left || --left);
}

static locust_stream_mark on_mark(void *arg, const locust_sse_event *event)
{
    (void)arg;
    return *event->data == '.'   ? LOCUST_MARK_TOKEN
           : *event->data == '?' ? LOCUST_MARK_REASONING
           : *event->data == '!' ? LOCUST_MARK_ERROR
           : *event->data == '$' ? LOCUST_MARK_END
                                 : LOCUST_MARK_IGNORE;
}

static double option(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? atof(at + strlen(name)) : 0;
}

static locust_response *ask(locust_user *u, const char *line)
{
    char kind[16], path[200];
    locust_request req = {.method = "POST", .json = "{\"stream\": true}", .url = path};
    if (sscanf(line, "%15s %199s", kind, path) != 2)
        abort();
    req.stream = strcmp(kind, "openai") == 0   ? LOCUST_STREAM_OPENAI
                 : strcmp(kind, "ollama") == 0 ? LOCUST_STREAM_OLLAMA
                 : strcmp(kind, "tgi") == 0    ? LOCUST_STREAM_TGI
                                               : LOCUST_STREAM_MARKED;
    req.on_mark = strcmp(kind, "marked") == 0 ? on_mark : NULL;
    req.give_up_s = option(line, " give_up=");
    req.timeout_s = option(line, " timeout=");
    left = (int)option(line, " stop_after=");
    req.on_event = left ? on_event : NULL;
    return locust_send(u, &req);
}

static void work(locust_user *u)
{
    const char *script = getenv("TOKENS_SCRIPT"), *loop = getenv("TOKENS_LOOP");
    if (loop) {
        ask(u, loop);
        return;
    }
    while (script && *script) {
        size_t n = strcspn(script, "\n");
        char line[256];
        locust_response *r;
        snprintf(line, sizeof line, "%.*s", (int)n, script);
        r = ask(u, line);
        printf("%d|%s|%s%s%s|out=%d in=%d think=%d chunks=%d events=%d|%s\n", r->status,
            r->error ? r->error : "", r->stream.ended ? "ended " : "",
            r->stream.counted ? "counted " : "", r->stream.given_up ? "left " : "",
            r->stream.output_tokens, r->stream.input_tokens, r->stream.reasoning_tokens,
            r->stream.chunks, r->stream.events, r->body);
        fflush(stdout);
        script += n + (script[n] == '\n');
    }
}

LOCUST_USER(Asker, .tasks = LOCUST_TASKS(LOCUST_TASK(work)));

LOCUST_MAIN(.users = {&Asker})
