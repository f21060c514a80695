// bare_epoll.c - the least that a load generator can do, to measure others against: an epoll loop.
//   cc -O2 tests/whole/programs/bare_epoll.c -o build/bare_epoll
//   build/bare_epoll http://127.0.0.1:8080/ CONNECTIONS SECONDS [stamps]
//
// Every connection sends the same bytes again and again, each time when the whole reply has come. A
// reply is known by its length alone, which the first one tells by its Content-Length. A socket is
// registered once, edge-triggered; a read that came back short is the last one. There are no users, no
// statistics, no clock and no parser: what a generator costs beyond this, it spends on those. With
// "stamps" it asks the kernel when the bytes arrived, as locust.h does, and so shows what that costs.
#ifndef __linux__
#include <stdio.h>
int main(void)
{
    fputs("bare_epoll: needs Linux, for its epoll\n", stderr);
    return 2;
}
#else
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <errno.h>

enum { EVENTS = 512 };

static char request[1024], buffer[65536];
static size_t request_len, reply_len;
static bool stamps;
static volatile sig_atomic_t over;
static unsigned long long replies;

static void die(const char *what)
{
    fprintf(stderr, "bare_epoll: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void on_alarm(int signal)
{
    (void)signal;
    over = 1;
}

static int connect_to(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)
        die("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (stamps)
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    return fd;
}

static void ask(int fd)
{
    if (send(fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        die("cannot send");
}

/* Asks once, and returns how many bytes the reply has. */
static size_t measure_reply(int fd)
{
    size_t len = 0;
    ask(fd);
    for (;;) {
        ssize_t n = recv(fd, buffer + len, sizeof buffer - 1 - len, 0);
        char *end, *field;
        if (n <= 0)
            die("no reply");
        len += (size_t)n;
        buffer[len] = '\0';
        if ((end = strstr(buffer, "\r\n\r\n")) == NULL)
            continue;
        if ((field = strstr(buffer, "Content-Length:")) == NULL || field > end) {
            fprintf(stderr, "bare_epoll: the reply has no Content-Length\n");
            exit(1);
        }
        size_t whole = (size_t)(end + 4 - buffer) + strtoul(field + 15, NULL, 10);
        for (; len < whole; len += (size_t)n)
            if ((n = recv(fd, buffer, sizeof buffer, 0)) <= 0)
                die("no reply");
        return whole;
    }
}

static ssize_t receive(int fd)
{
    struct iovec iov = {buffer, sizeof buffer};
    _Alignas(struct cmsghdr) char control[64];
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    return stamps ? recvmsg(fd, &message, 0) : recv(fd, buffer, sizeof buffer, 0);
}

static void read_reply(int fd, size_t *got)
{
    for (;;) {
        ssize_t n = receive(fd);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("the connection has ended");
        *got += (size_t)n;
        if (*got >= reply_len) {
            *got = 0;
            replies++;
            ask(fd);
        }
        if (n < (ssize_t)sizeof buffer) // drained
            return;
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS];
    char host[64], path[512] = "/";
    int port = 80, n = argc > 2 ? atoi(argv[2]) : 0, seconds = argc > 3 ? atoi(argv[3]) : 0;
    struct sockaddr_in to = {.sin_family = AF_INET};
    size_t *got = calloc((size_t)n + 16, sizeof *got); // by descriptor
    int poller = epoll_create1(0);
    stamps = argc > 4 && strcmp(argv[4], "stamps") == 0;
    if (n < 1 || seconds < 1 ||
        sscanf(argv[1], "http://%63[0-9.]:%d%511s", host, &port, path) < 2) {
        fprintf(
            stderr, "bare_epoll: takes http://ADDRESS:PORT/PATH CONNECTIONS SECONDS [stamps]\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &to.sin_addr);
    request_len = (size_t)snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", path, host, port);
    for (int i = 0; i < n; i++) {
        int fd = connect_to(&to);
        struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
        if (i % 256 == 0) // later ones also wait here, for the server to accept those before
            reply_len = measure_reply(fd);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        if (fd >= n + 16 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0)
            die("cannot register a socket");
        ask(fd);
    }
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {seconds, 0}}, NULL);
    while (!over) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].events & EPOLLIN)
                read_reply(events[i].data.fd, &got[events[i].data.fd]);
    }
    printf("%llu replies\n", replies);
    return 0;
}
#endif
