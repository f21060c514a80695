// record_server.c - a server that answers late as its path says, and keeps a record of every answer.
//   /delay/MS            after MS milliseconds
//   /spread/MS/PERCENT   after MS, give or take up to so many percent, at random
//   /two/MS/SLOW/N       after MS, each Nth request of it after SLOW
//   /start/MS/SECONDS    after MS while the first request of all is not SECONDS ago; then at once
//   /stall/FROM/TO       at once, but from second FROM after the first request nothing before TO
//   /queue/MS            one at a time, MS for each: 1000 / MS a second are what it can do
//   /fail/N              at once; each Nth with status 500
//   /status/N            at once, with that status
// Prints  listening on 127.0.0.1:PORT  and at SIGTERM for each answer  PATH STATUS ARRIVED SENT  in
// microseconds since 1970: when the kernel had the request, and right before the answer was sent. So
// where the machine halts this process the record has it. Not written with locust.h: it judges it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 20000, PATHS = 32, RECORDS = 1 << 20 };

static struct path { // each as it was asked for
    char text[128];
    int64_t requests, free_ns; // of /queue: when it is through with what it has
} paths[PATHS];

static struct connection {
    char in[1024];
    size_t len;
    struct path *path;
    int64_t arrived_ns, due_ns;
    int status;
    bool owed, gone; // it is in the heap; it went while it was
} all[FILES];

static struct record {
    struct path *path;
    int64_t arrived_ns, sent_ns;
    int status;
} records[RECORDS];

static int heap[FILES], n_heap, n_records; // heap: who is owed an answer, the next one due first
static int64_t first_ns;
static volatile sig_atomic_t ended;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void end(int number)
{
    (void)number;
    ended = 1;
}

// ---- who is owed an answer ----

static void swap(int a, int b)
{
    int fd = heap[a];
    heap[a] = heap[b];
    heap[b] = fd;
}

static int earlier(int a, int b)
{
    return all[heap[a]].due_ns < all[heap[b]].due_ns;
}

static void owe(int fd)
{
    int i = n_heap++;
    heap[i] = fd;
    all[fd].owed = true;
    for (; i && earlier(i, (i - 1) / 2); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static int next_due(void)
{
    int fd = heap[0], i = 0;
    all[fd].owed = false;
    heap[0] = heap[--n_heap];
    for (;;) {
        int least = i;
        for (int child = 2 * i + 1; child <= 2 * i + 2 && child < n_heap; child++)
            if (earlier(child, least))
                least = child;
        if (least == i)
            return fd;
        swap(i, least);
        i = least;
    }
}

// ---- requests ----

static struct path *path_of(const char *text)
{
    int i = 0;
    while (i < PATHS - 1 && paths[i].text[0] && strcmp(paths[i].text, text) != 0)
        i++;
    snprintf(paths[i].text, sizeof paths[i].text, "%s", text);
    return &paths[i];
}

static void judge(struct connection *c, const char *path)
{
    double a = 0, b = 0, ms = 0;
    long n = 0;
    struct path *p = c->path = path_of(path);
    int64_t since = c->arrived_ns - first_ns;
    p->requests++;
    c->status = 200;
    if (sscanf(path, "/delay/%lf", &a) == 1) {
        ms = a;
    } else if (sscanf(path, "/spread/%lf/%lf", &a, &b) == 2) {
        ms = a * (1 + b / 100 * (2 * drand48() - 1));
    } else if (sscanf(path, "/two/%lf/%lf/%ld", &a, &b, &n) == 3) {
        ms = p->requests % n ? a : b;
    } else if (sscanf(path, "/start/%lf/%lf", &a, &b) == 2) {
        ms = (double)since < b * 1e9 ? a : 0;
    } else if (sscanf(path, "/stall/%lf/%lf", &a, &b) == 2) {
        ms =
            (double)since >= a * 1e9 && (double)since < b * 1e9 ? b * 1e3 - (double)since / 1e6 : 0;
    } else if (sscanf(path, "/queue/%lf", &a) == 1) {
        int64_t begin = p->free_ns > c->arrived_ns ? p->free_ns : c->arrived_ns;
        p->free_ns = begin + (int64_t)(a * 1e6);
        ms = (double)(p->free_ns - c->arrived_ns) / 1e6;
    } else if (sscanf(path, "/fail/%ld", &n) == 1) {
        c->status = p->requests % n ? 200 : 500;
    } else if (sscanf(path, "/status/%ld", &n) == 1) {
        c->status = (int)n;
    } else {
        c->status = 404;
    }
    c->due_ns = c->arrived_ns + (int64_t)(ms * 1e6);
}

// Reads what there is; the kernel says when the last of it came.
static ssize_t take_bytes(int fd, struct connection *c)
{
    char control[256];
    struct iovec part = {c->in + c->len, sizeof c->in - 1 - c->len};
    struct msghdr m = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    c->arrived_ns = now_ns();
    for (struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(h), sizeof t);
            c->arrived_ns = t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
        }
    return n;
}

static void take(int fd, int poller)
{
    struct connection *c = &all[fd];
    char path[128];
    ssize_t n = take_bytes(fd, c);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
        c->gone = c->owed;
        if (!c->gone)
            close(fd);
        return;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    if (!strstr(c->in, "\r\n\r\n") || sscanf(c->in, "%*s %127s", path) != 1)
        return; // our tests send no bodies
    c->len = 0;
    if (!first_ns)
        first_ns = c->arrived_ns;
    judge(c, path);
    owe(fd);
}

static void answer(void)
{
    while (n_heap && all[heap[0]].due_ns <= now_ns()) {
        int fd = next_due(), status = all[fd].status;
        struct connection *c = &all[fd];
        char text[128];
        int n =
            snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", status,
                status < 400 ? "OK" : "No", status < 400 ? 5 : 3, status < 400 ? "late\n" : "no\n");
        int64_t now = now_ns();
        if (c->gone)
            close(fd);
        else if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n && n_records < RECORDS)
            records[n_records++] = (struct record){c->path, c->arrived_ns, now, status};
    }
}

static void wake_when_due(int timer)
{
    struct itimerspec t = {.it_value = {0, 0}};
    if (n_heap) {
        t.it_value.tv_sec = all[heap[0]].due_ns / 1000000000;
        t.it_value.tv_nsec = all[heap[0]].due_ns % 1000000000;
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void welcome(int listener, int poller)
{
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= FILES) {
            close(fd);
            return;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
        all[fd] = (struct connection){.len = 0};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poller = epoll_create1(0);
    int timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    struct epoll_event events[256], e = {.events = EPOLLIN, .data.fd = listener};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 8192) ||
        getsockname(listener, (struct sockaddr *)&at, &len)) {
        perror("record_server");
        return 1;
    }
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    e.data.fd = timer;
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &e);
    prctl(PR_SET_TIMERSLACK, 1);
    signal(SIGTERM, end);
    printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    while (!ended) {
        int n = epoll_wait(poller, events, 256, 1000); // a signal may come right before it
        for (int i = 0; i < n; i++) {
            uint64_t expirations;
            if (events[i].data.fd == listener)
                welcome(listener, poller);
            else if (events[i].data.fd == timer)
                (void)!read(timer, &expirations, sizeof expirations);
            else
                take(events[i].data.fd, poller);
        }
        answer();
        wake_when_due(timer);
    }
    for (int i = 0; i < n_records; i++)
        printf("%s %d %.1f %.1f\n", records[i].path->text, records[i].status,
            (double)records[i].arrived_ns / 1e3, (double)records[i].sent_ns / 1e3);
    return 0;
}
