// scripted_streams.c - a user that speaks what STREAM_SCRIPT says, one command a line; runs once.
//   connect URL     a new stream, which becomes the current one     timeout SECONDS
//   use N           the N-th stream, from 0                         close
//   write TEXT      read N      exact N      until C SIZE           error
//   loop N          the command behind it, N times                  big N   writes N bytes, checks their echo
//   pour N          writes N bytes
// In TEXT and C: \n \r \0 \s (blank). Prints a line for each: its name, what it returned, bytes (hex,
// "-" if none), ms, locust_stream_error or "-".
//   STREAM_INSECURE, STREAM_CACERT   the class's .insecure and .ca_file
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = 64, ROOM = 1 << 20 };

static char room[ROOM], big[ROOM];

static size_t decode(const char *text, char *out)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        char c = *p;
        if (c == '\\' && p[1]) {
            p++;
            c = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == '0' ? '\0' : *p == 's' ? ' ' : *p;
        }
        out[n++] = c;
    }
    return n;
}

static void tell(const char *what, long long rc, long n, double ms, const locust_stream *s)
{
    printf("%s %lld ", what, rc);
    for (long i = 0; i < n && i < 70000; i++)
        printf("%02x", (unsigned char)room[i]);
    printf("%s %.1f %s\n", n > 0 ? "" : "-", ms,
        s && locust_stream_error(s) ? locust_stream_error(s) : "-");
    fflush(stdout);
}

/* Writes n bytes and reads their echo, at once: neither side may have room for all. */
static long long echo_big(locust_stream *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        big[i] = (char)(i * 7 + i / 251);
    memset(room, 0, n);
    return locust_write(s, big, n) && locust_read_exact(s, room, n) && memcmp(big, room, n) == 0;
}

static void speak(locust_user *u)
{
    const char *given = getenv("STREAM_SCRIPT");
    char *script, *line, *at = NULL;
    locust_stream *streams[STREAMS] = {NULL};
    int n_streams = 0, now = -1, times = 1;
    script = malloc(strlen(given) + 1);
    strcpy(script, given);
    locust_defer(u, free, script);
    for (line = strtok_r(script, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        char what[16] = "", c[8], text[4096];
        int used = 0, repeat = times;
        times = 1;
        sscanf(line, "%15s %n", what, &used);
        if (!strcmp(what, "loop")) {
            times = atoi(line + used);
            continue;
        }
        for (int i = 0; i < repeat; i++) {
            locust_stream *s = now < 0 ? NULL : streams[now];
            const char *more = line + used;
            double began = locust_run_time(u->env);
            long long rc = 0;
            long n = 0;
            if (!strcmp(what, "connect")) {
                now = n_streams++;
                s = streams[now] = locust_connect(u, more);
                rc = s && !locust_stream_error(s);
            } else if (!strcmp(what, "use")) {
                now = atoi(more);
                continue;
            } else if (!strcmp(what, "timeout")) {
                locust_set_timeout(s, atof(more));
                continue;
            } else if (!strcmp(what, "write")) {
                size_t len = decode(more, text);
                rc = locust_write(s, text, len);
            } else if (!strcmp(what, "read")) {
                rc = locust_read(s, room, (size_t)atol(more));
                n = (long)rc;
            } else if (!strcmp(what, "exact")) {
                rc = locust_read_exact(s, room, (size_t)atol(more));
                n = rc ? atol(more) : 0;
            } else if (!strcmp(what, "until")) {
                int behind = 0;
                sscanf(more, "%7s %n", text, &behind);
                decode(text, c);
                memset(room, 'x', 64);
                rc = locust_read_until(s, c[0], room, (size_t)atol(more + behind));
                n = (long)rc;
                if (rc >= 0 && room[rc] != '\0')
                    printf("no end behind the text\n");
            } else if (!strcmp(what, "big")) {
                rc = echo_big(s, (size_t)atol(more));
            } else if (!strcmp(what, "pour")) {
                rc = locust_write(s, big, (size_t)atol(more));
            } else if (!strcmp(what, "close")) {
                locust_close(s);
                streams[now] = s = NULL;
                rc = 1;
            } else if (strcmp(what, "error") != 0) {
                abort();
            }
            tell(what, rc, n, (locust_run_time(u->env) - began) * 1e3, s);
        }
    }
    locust_close(NULL);
}

static void end(locust_user *u)
{
    (void)u;
    printf("on_stop\n");
    fflush(stdout);
}

static locust_user_class speaker = {.name = "Speaker", .on_stop = end, .stack_size = 1 << 17};

int main(int argc, char **argv)
{
    static const locust_task tasks[] = {LOCUST_TASK(speak), {.name = NULL}};
    static locust_test test = {.users = {&speaker}};
    speaker.tasks = tasks;
    speaker.iterations = 1;
    speaker.insecure = getenv("STREAM_INSECURE") != NULL;
    speaker.ca_file = getenv("STREAM_CACERT");
    return locust_main(argc, argv, &test);
}
