// delay_server.c - a server that answers after a delay and knows how long that delay really was.
//   /delay/MS answers MS milliseconds after the request was read. Prints on standard output
//   listening on 127.0.0.1:PORT  and at SIGTERM, for each delay, MS P50 P99: the time that passed
//   here between reading a request and answering it; then "halted SHARE", the share of the time
//   between the first request and the last in which others had its core. It never sleeps, for a
//   timer is late by 0.1 ms and more. Not written with locust.h: it judges it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 4096, TIMES = 1 << 18, DELAYS = 8 };

static struct connection {
    int64_t read_ns, due_ns;
    int delay; // index of delays
    char in[1024];
    size_t len;
} all[FILES];

static struct delay {
    double ms;
    double took[TIMES];
    int n;
} delays[DELAYS];

static int owed[FILES], n_owed;
static int64_t first_ns, last_ns, turn_ns, halted_ns; // of requests; of this turn of the loop
static volatile sig_atomic_t ended;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void end(int number)
{
    (void)number;
    ended = 1;
}

static int delay_index(double ms)
{
    int i = 0;
    while (i < DELAYS - 1 && delays[i].n && delays[i].ms != ms)
        i++;
    delays[i].ms = ms;
    return i;
}

static void take(int fd)
{
    struct connection *c = &all[fd];
    ssize_t n = recv(fd, c->in + c->len, sizeof c->in - 1 - c->len, MSG_DONTWAIT);
    const char *at;
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    at = strstr(c->in, "/delay/");
    if (!strstr(c->in, "\r\n\r\n") || !at)
        return;
    c->read_ns = last_ns = now_ns();
    first_ns = first_ns ? first_ns : last_ns;
    c->due_ns = c->read_ns + (int64_t)(atof(at + 7) * 1e6);
    c->len = 0;
    owed[n_owed++] = fd;
}

static void answer(void) // what is due
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlate\n";
    for (int i = 0; i < n_owed; i++) {
        struct connection *c = &all[owed[i]];
        int64_t now = now_ns();
        if (c->due_ns > now)
            continue;
        struct delay *d = &delays[delay_index((double)(c->due_ns - c->read_ns) / 1e6)];
        if (d->n < TIMES)
            d->took[d->n++] = (double)(now - c->read_ns) / 1e6;
        if (send(owed[i], text, sizeof text - 1, MSG_NOSIGNAL) < 0)
            close(owed[i]);
        owed[i--] = owed[--n_owed];
    }
}

static void watch(void) // a turn is over in 0.1 ms unless somebody else ran meanwhile
{
    int64_t now = now_ns();
    if (first_ns && now - turn_ns > 200000)
        halted_ns += now - turn_ns;
    turn_ns = now;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
    struct epoll_event events[64], e = {.events = EPOLLIN, .data.fd = listener};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&at, &len)) {
        perror("delay_server");
        return 1;
    }
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    signal(SIGTERM, end);
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    while (!ended) {
        int n = epoll_wait(poller, events, 64, 0);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                take(fd);
            } else if ((fd = accept(listener, NULL, NULL)) >= 0 && fd < FILES) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                all[fd].len = 0;
                e.data.fd = fd;
                epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
            }
        }
        answer();
        watch();
    }
    for (int i = 0; i < DELAYS && delays[i].n; i++) {
        struct delay *d = &delays[i];
        qsort(d->took, (size_t)d->n, sizeof *d->took, order);
        printf("%g %.4f %.4f\n", d->ms, d->took[d->n / 2], d->took[(int)(d->n * 0.99)]);
    }
    if (last_ns > first_ns)
        printf("halted %.6f\n", (double)halted_ns / (double)(last_ns - first_ns));
    return 0;
}
