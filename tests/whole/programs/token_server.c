/* token_server.c - answers as a language model does, at known times, and notes when.
 *
 *   token_server NOTES [QUERY]   prints "listening on 127.0.0.1:PORT"; ends on SIGTERM, and writes NOTES then
 *
 * GET is answered by the one model that there is. POST /v1/chat/completions?n=50&gap_us=20000, or /v1/completions, is
 * answered by n events with content, gap_us apart, in chunks.
 * More of the query: burst (so many events at once, gap_us * burst apart), first_us (to the first), stall_at and
 * stall_us (a longer gap before that event), usage=0 (none is told). QUERY stands for one that a client cannot send. It
 * uses nothing of the header.
 *
 * Notes: a line for each stream that came to its end: nanoseconds of the wall clock, first when the last bytes of
 * the request arrived, as the kernel noted (SO_TIMESTAMPNS), then right before each event was sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16384 }; // descriptors

typedef struct conn {
    int fd, n, sent, burst, stall_at;
    bool usage, busy, plain;           // plain: completions, not chat
    int64_t gap_ns, stall_ns, next_ns; // next_ns: of the clock that is not set
    int64_t *notes;
    size_t at; // in the heap
    char in[8192];
    size_t len;
} conn;

static conn *conns[MOST];
static conn *heap[MOST];
static size_t heaped;
static FILE *notes;
static const char *usual = "";
static volatile sig_atomic_t ended;

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static int64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void put(size_t i, conn *c)
{
    heap[i] = c;
    c->at = i;
}

static void sift(size_t i)
{
    conn *c = heap[i];
    for (; i && heap[(i - 1) / 2]->next_ns > c->next_ns; i = (i - 1) / 2)
        put(i, heap[(i - 1) / 2]);
    for (size_t k; (k = 2 * i + 1) < heaped; i = k) {
        k += k + 1 < heaped && heap[k + 1]->next_ns < heap[k]->next_ns;
        if (heap[k]->next_ns >= c->next_ns)
            break;
        put(i, heap[k]);
    }
    put(i, c);
}

static void leave(conn *c)
{
    conn *last = heap[--heaped];
    c->busy = false;
    if (last == c)
        return;
    put(c->at, last);
    sift(last->at);
}

static void forget(conn *c)
{
    if (c->busy)
        leave(c);
    close(c->fd);
    conns[c->fd] = NULL;
    free(c->notes);
    free(c);
}

static int64_t number(const char *query, const char *name, int64_t none)
{
    size_t n = strlen(name);
    for (const char *p = query; *p && *p != ' ' && *p != '\r'; p++)
        if ((p == query || p[-1] == '&') && strncmp(p, name, n) == 0 && p[n] == '=')
            return atoll(p + n + 1);
    return none;
}

/* One request is there: its answer begins. */
static void begin(conn *c, int64_t came_ns)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    const char *query = strchr(c->in, '?');
    query = query && query < strstr(c->in, "\r\n") ? query + 1 : usual;
    c->n = (int)number(query, "n", 50);
    c->gap_ns = number(query, "gap_us", 20000) * 1000;
    c->burst = (int)number(query, "burst", 1);
    c->stall_at = (int)number(query, "stall_at", 0);
    c->stall_ns = number(query, "stall_us", 0) * 1000;
    c->usage = number(query, "usage", 1) != 0;
    c->next_ns = now(CLOCK_MONOTONIC) + number(query, "first_us", 50000) * 1000;
    c->sent = 0;
    c->plain = strstr(c->in, " /v1/completions") != NULL;
    free(c->notes);
    c->notes = malloc(((size_t)c->n + 1) * sizeof *c->notes);
    c->notes[0] = came_ns;
    c->busy = true;
    heap[heaped++] = c;
    c->at = heaped - 1;
    sift(heaped - 1);
    if (send(c->fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0)
        forget(c);
}

static void hear(conn *c)
{
    static const char models[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 54\r\n\r\n"
        "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\"}]}";
    char control[128], *body, *length;
    struct iovec iov = {c->in + c->len, sizeof c->in - 1 - c->len};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &m, 0);
    int64_t came_ns = now(CLOCK_REALTIME);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || c->busy) {
        forget(c);
        return;
    }
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(h), sizeof t);
            came_ns = t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
        }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    body = strstr(c->in, "\r\n\r\n");
    length = strcasestr(c->in, "content-length:");
    if (!body || c->len < (size_t)(body + 4 - c->in) +
                              (length && length < body ? strtoul(length + 15, NULL, 10) : 0))
        return;
    c->len = 0;
    if (memcmp(c->in, "GET", 3) != 0)
        begin(c, came_ns);
    else if (send(c->fd, models, sizeof models - 1, MSG_NOSIGNAL) < 0)
        forget(c);
}

/* A chunk with an event. */
static size_t chunk(char *to, const char *data)
{
    return (size_t)sprintf(to, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
}

/* The next events of a stream are due. */
static void speak(conn *c)
{
    char text[8192], data[256];
    size_t len = 0;
    int64_t at_ns = now(CLOCK_REALTIME);
    bool last;
    for (int i = 0; i < c->burst && c->sent < c->n; i++) {
        snprintf(data, sizeof data,
            "{\"id\":\"c\",\"choices\":[{\"index\":0,%s,\"finish_reason\":null}]}",
            c->plain ? "\"text\":\" word\"" : "\"delta\":{\"content\":\" word\"}");
        len += chunk(text + len, data);
        c->notes[++c->sent] = at_ns;
    }
    last = c->sent == c->n;
    c->next_ns += c->gap_ns * c->burst + (c->sent == c->stall_at ? c->stall_ns : 0);
    if (last)
        leave(c);
    else
        sift(c->at);
    if (send(c->fd, text, len, MSG_NOSIGNAL) < 0) {
        forget(c);
        return;
    }
    if (!last)
        return;
    len = chunk(text,
        "{\"choices\":[{\"index\":0,\"text\":\"\",\"delta\":{},\"finish_reason\":\"stop\"}]}");
    if (c->usage) {
        snprintf(data, sizeof data,
            "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%d}}", c->n);
        len += chunk(text + len, data);
    }
    len += chunk(text + len, "[DONE]");
    len += (size_t)sprintf(text + len, "0\r\n\r\n");
    for (int i = 0; i <= c->n; i++)
        fprintf(notes, "%lld%c", (long long)c->notes[i], i < c->n ? ' ' : '\n');
    if (send(c->fd, text, len, MSG_NOSIGNAL) < 0)
        forget(c);
}

static void take(int poller, int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 && fd < MOST) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        conns[fd] = calloc(1, sizeof *conns[fd]);
        conns[fd]->fd = fd;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

int main(int argc, char **argv)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
        poller = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, events[256];
    usual = argc > 2 ? argv[2] : usual;
    notes = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (!notes || bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096))
        return 1;
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    signal(SIGTERM, end);
    prctl(PR_SET_TIMERSLACK, 1);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    while (!ended) {
        int64_t left = heaped ? heap[0]->next_ns - now(CLOCK_MONOTONIC) : 200000000;
        struct timespec wait = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
        int n = epoll_pwait2(poller, events, 256, &wait, NULL);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                take(poller, listener);
            else if (conns[events[i].data.fd])
                hear(conns[events[i].data.fd]);
        while (heaped && heap[0]->next_ns <= now(CLOCK_MONOTONIC))
            speak(heap[0]);
    }
    return fclose(notes);
}
