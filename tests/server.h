/* server.h - a scripted server: does what its row says, to the byte.
 *
 *   static const step pages[] = {READ, SEND("HTTP/1.1 204 \r\n\r\n"), LOOP};
 *   server s = server_start(1, pages);      on 127.0.0.1, a port that the system chose
 *   ... s.url, s.port, s.seen->requests ...
 *   server_stop(&s);
 *
 * A server is a child process with one poll() loop. Its connection i, from 0, follows script i; later
 * ones follow the last script. A script that comes to its end closes the connection. What the server
 * saw is in memory that both processes share; server_wait waits until some of it is true.
 */
#ifndef SERVER_H
#define SERVER_H
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum step_op {
    STEP_END,     // closes
    STEP_READ,    // reads one request: a head and Content-Length bytes
    STEP_SEND,    // sends n bytes
    STEP_BYTES,   // the same, one byte a send
    STEP_REPEAT,  // sends them again and again, `times` times or until the client has gone
    STEP_REFLECT, // answers 200: the last request as it came, or "LENGTH SUM" if it is long
    STEP_ECHO,    // sends back all that comes, until the client closes
    STEP_HOLD,    // says nothing until the client closes
    STEP_AWAIT,   // until seen->go is at least `times`
    STEP_RESET,   // closes with an RST
    STEP_LOOP,    // goes on with the first step
};

typedef struct step {
    enum step_op op;
    const char *bytes;
    size_t n, times;
} step;

#define READ                  \
    {                         \
        STEP_READ, NULL, 0, 0 \
    }
#define SEND(text)                             \
    {                                          \
        STEP_SEND, (text), sizeof(text) - 1, 1 \
    }
#define BYTES(text)                             \
    {                                           \
        STEP_BYTES, (text), sizeof(text) - 1, 1 \
    }
#define REPEAT(text, n_times)                            \
    {                                                    \
        STEP_REPEAT, (text), sizeof(text) - 1, (n_times) \
    }
#define REFLECT                  \
    {                            \
        STEP_REFLECT, NULL, 0, 0 \
    }
#define ECHO_ALL              \
    {                         \
        STEP_ECHO, NULL, 0, 0 \
    }
#define HOLD                  \
    {                         \
        STEP_HOLD, NULL, 0, 0 \
    }
#define AWAIT(n_go)                 \
    {                               \
        STEP_AWAIT, NULL, 0, (n_go) \
    }
#define RESET                  \
    {                          \
        STEP_RESET, NULL, 0, 0 \
    }
#define LOOP                  \
    {                         \
        STEP_LOOP, NULL, 0, 0 \
    }
#define CLOSE                \
    {                        \
        STEP_END, NULL, 0, 0 \
    }

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

typedef struct server_seen {
    atomic_int accepted, closed, requests;
    atomic_long sent; // a longer one is not atomic on every machine
    atomic_int go;    // set by the test, for STEP_AWAIT
} server_seen;

typedef struct server {
    int port;
    pid_t pid;
    int alive; // the server ends when this pipe does
    server_seen *seen;
    char url[160];
} server;

enum { SERVER_SCRIPTS = 16, SERVER_CONNECTIONS = 64 };

typedef struct server_how { // zero: TCP over IPv4
    int family;
    const char *path; // of a unix socket
    int rcvbuf;       // a small one makes a slow reader
    const step *scripts[SERVER_SCRIPTS];
} server_how;

typedef struct server_conn {
    int fd;
    const step *first, *at;
    size_t done, times; // of a sending step
    char *in;
    size_t in_len, in_cap, request; // bytes of the last request, at the front of in[]
    char *out;
    size_t out_len;
} server_conn;

static inline int64_t server_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void server_nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* server_wait(s.seen->closed == 1): false when it did not come true within some seconds */
#define server_wait(condition)                                                   \
    __extension__({                                                              \
        int64_t server_until = server_now_ms() + 1000 * (check_now.limit_s / 3); \
        while (!(condition) && server_now_ms() < server_until)                   \
            server_nap();                                                        \
        (condition);                                                             \
    })

static inline void server_drop(server_conn *c, server_seen *seen, bool reset)
{
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(c->fd);
    free(c->in);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->fd = -1;
    seen->closed++;
}

/* Bytes of the request at the front, 0 if it is not whole. */
static inline size_t server_request(const server_conn *c)
{
    for (size_t i = 0; i + 4 <= c->in_len; i++) {
        if (memcmp(c->in + i, "\r\n\r\n", 4) != 0)
            continue;
        for (size_t k = 0; k + 17 <= i; k++)
            if (strncasecmp(c->in + k, "\r\nContent-Length:", 17) == 0) {
                size_t whole = i + 4 + strtoul(c->in + k + 17, NULL, 10);
                return c->in_len >= whole ? whole : 0;
            }
        return i + 4;
    }
    return 0;
}

/* One receive. 1: bytes came; 0: none now; -1: the client has gone. */
static inline int server_receive(server_conn *c)
{
    ssize_t got;
    if (c->in_cap - c->in_len < 65536) {
        c->in_cap = 2 * c->in_cap + 131072;
        c->in = realloc(c->in, c->in_cap + 1);
        if (!c->in)
            abort();
    }
    got = recv(c->fd, c->in + c->in_len, 65536, MSG_DONTWAIT);
    if (got > 0) {
        c->in_len += (size_t)got;
        c->in[c->in_len] = '\0';
        return 1;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Builds the answer that shows the request. */
static inline void server_reflect(server_conn *c)
{
    size_t line = 0, n = c->request;
    char shown[64];
    const char *body = c->in;
    bool head = strncmp(c->in, "HEAD ", 5) == 0;
    unsigned long sum = 0;
    while (line < n && c->in[line] != '\r')
        line++;
    if (n > 60000) {
        for (size_t i = 0; i < n; i++)
            sum = (sum * 31 + (unsigned char)c->in[i]) & 0xFFFFFFFF;
        n = (size_t)snprintf(shown, sizeof shown, "%zu %lu", c->request, sum);
        body = shown;
    }
    free(c->out);
    c->out = malloc(n + line + 200);
    if (!c->out)
        abort();
    c->out_len = (size_t)sprintf(c->out,
        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nX-Line: %.*s\r\n\r\n", n, (int)line, c->in);
    if (!head) {
        memcpy(c->out + c->out_len, body, n);
        c->out_len += n;
    }
}

/* Sends what is left of n bytes. 1: all is sent; 0: not yet; -1: the client has gone. */
static inline int server_send(
    server_conn *c, server_seen *seen, const char *bytes, size_t n, size_t most)
{
    while (c->done < n) {
        size_t left = n - c->done;
        ssize_t sent =
            send(c->fd, bytes + c->done, left < most ? left : most, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN ? 0 : -1;
        c->done += (size_t)sent;
        seen->sent += sent;
    }
    c->done = 0;
    return 1;
}

static inline int server_step_read(server_conn *c, server_seen *seen)
{
    if (c->request) { // the one before
        memmove(c->in, c->in + c->request, c->in_len - c->request);
        c->in_len -= c->request;
        c->request = 0;
    }
    while ((c->request = c->in_len ? server_request(c) : 0) == 0) {
        int got = server_receive(c);
        if (got <= 0)
            return got;
    }
    seen->requests++;
    return 1;
}

static inline int server_step_echo(server_conn *c, server_seen *seen)
{
    for (;;) {
        int got;
        if (c->in_len && (got = server_send(c, seen, c->in, c->in_len, SIZE_MAX)) <= 0)
            return got;
        c->in_len = 0;
        if ((got = server_receive(c)) <= 0)
            return got;
    }
}

static inline int server_step(server_conn *c, server_seen *seen)
{
    const step *s = c->at;
    int got;
    switch (s->op) {
    case STEP_READ:
        return server_step_read(c, seen);
    case STEP_SEND:
        return server_send(c, seen, s->bytes, s->n, SIZE_MAX);
    case STEP_BYTES:
        return server_send(c, seen, s->bytes, s->n, 1);
    case STEP_REPEAT:
        while ((got = server_send(c, seen, s->bytes, s->n, SIZE_MAX)) > 0)
            if (++c->times == s->times)
                return 1;
        return got;
    case STEP_REFLECT:
        if (!c->out)
            server_reflect(c);
        got = server_send(c, seen, c->out, c->out_len, SIZE_MAX);
        if (got > 0) {
            free(c->out);
            c->out = NULL;
        }
        return got;
    case STEP_ECHO:
        return server_step_echo(c, seen);
    case STEP_HOLD:
        while ((got = server_receive(c)) > 0)
            c->in_len = 0;
        return got;
    case STEP_AWAIT:
        return seen->go >= (int)s->times;
    case STEP_END:
    case STEP_RESET:
    case STEP_LOOP:
        break;
    }
    return 1;
}

/* Follows the script as far as it goes without waiting. */
static inline void server_advance(server_conn *c, server_seen *seen)
{
    for (;;) {
        int got;
        if (c->at->op == STEP_END || c->at->op == STEP_RESET) {
            server_drop(c, seen, c->at->op == STEP_RESET);
            return;
        }
        got = server_step(c, seen);
        if (got < 0)
            server_drop(c, seen, false);
        if (got <= 0)
            return;
        c->times = 0;
        c->at++;
        if (c->at->op == STEP_LOOP)
            c->at = c->first;
    }
}

static inline void server_accept(
    int listener, const server_how *how, server_seen *seen, server_conn *conns)
{
    int i = 0, fd = accept(listener, NULL, NULL), on = 1, n = seen->accepted;
    if (fd < 0)
        return;
    while (i < SERVER_CONNECTIONS - 1 && conns[i].fd >= 0)
        i++;
    if (conns[i].fd >= 0)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (n >= SERVER_SCRIPTS)
        n = SERVER_SCRIPTS - 1;
    while (!how->scripts[n])
        n--;
    conns[i].fd = fd;
    conns[i].first = conns[i].at = how->scripts[n];
    seen->accepted++;
    server_advance(&conns[i], seen);
}

static inline short server_events(const server_conn *c)
{
    bool sends = c->at->op == STEP_SEND || c->at->op == STEP_BYTES || c->at->op == STEP_REPEAT ||
                 c->at->op == STEP_REFLECT || (c->at->op == STEP_ECHO && c->in_len);
    return sends ? POLLOUT : c->at->op == STEP_AWAIT ? 0 : POLLIN;
}

static inline void server_serve(int listener, int alive, const server_how *how, server_seen *seen)
{
    static server_conn conns[SERVER_CONNECTIONS];
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        conns[i].fd = -1;
    for (;;) {
        struct pollfd fds[SERVER_CONNECTIONS + 2];
        int timeout = -1;
        for (int i = 0; i < SERVER_CONNECTIONS; i++) {
            server_conn *c = &conns[i];
            bool waits = c->fd >= 0 && c->at->op == STEP_AWAIT;
            fds[i].fd = waits ? -1 : c->fd;
            fds[i].events = c->fd >= 0 ? server_events(c) : 0;
            fds[i].revents = 0;
            timeout = waits ? 1 : timeout;
        }
        fds[SERVER_CONNECTIONS] = (struct pollfd){listener, POLLIN, 0};
        fds[SERVER_CONNECTIONS + 1] = (struct pollfd){alive, POLLIN, 0};
        if (poll(fds, SERVER_CONNECTIONS + 2, timeout) < 0 && errno != EINTR)
            _exit(1);
        if (fds[SERVER_CONNECTIONS + 1].revents)
            _exit(0);
        for (int i = 0; i < SERVER_CONNECTIONS; i++)
            if (conns[i].fd >= 0 && (fds[i].revents || conns[i].at->op == STEP_AWAIT))
                server_advance(&conns[i], seen);
        if (fds[SERVER_CONNECTIONS].revents)
            server_accept(listener, how, seen, conns);
    }
}

/* A bound socket; *port and url say where. A port of which nobody listens refuses. */
static inline int server_bind(const server_how *how, int *port, char *url, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } a;
    socklen_t len = sizeof a.in;
    int fd = socket(how->family ? how->family : AF_INET, SOCK_STREAM, 0);
    memset(&a, 0, sizeof a);
    a.in.sin_family = AF_INET;
    a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (how->family == AF_INET6) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_addr = in6addr_loopback;
        len = sizeof a.in6;
    } else if (how->family == AF_UNIX) {
        memset(&a, 0, sizeof a);
        a.un.sun_family = AF_UNIX;
        snprintf(a.un.sun_path, sizeof a.un.sun_path, "%s", how->path);
        len = sizeof a.un;
    }
    if (fd >= 0 && how->rcvbuf)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &how->rcvbuf, sizeof how->rcvbuf);
    if (fd < 0 || bind(fd, &a.any, len) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (how->family == AF_UNIX) {
        snprintf(url, size, "unix:%s", how->path);
        return fd;
    }
    getsockname(fd, &a.any, &len);
    *port = ntohs(how->family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
    snprintf(url, size, how->family == AF_INET6 ? "http://[::1]:%d" : "http://127.0.0.1:%d", *port);
    return fd;
}

/* qemu-user hands out its host's number of an error where a socket tells it by SO_ERROR; on MIPS they
 * differ. */
static inline bool server_foreign_errors(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
    socklen_t len = sizeof to;
    struct pollfd wait = {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLOUT};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd, (struct sockaddr *)&to, sizeof to); // nobody listens there
    getsockname(fd, (struct sockaddr *)&to, &len);
    fcntl(wait.fd, F_SETFL, O_NONBLOCK);
    if (connect(wait.fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == EINPROGRESS)
        poll(&wait, 1, 1000);
    len = sizeof error;
    getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    close(wait.fd);
    close(fd);
    return error && error != ECONNREFUSED;
}

/* A server that never answers: the kernel takes the connections, nobody accepts them. Its socket. */
static inline int server_silent(int *port)
{
    char url[64];
    int fd = server_bind(&(server_how){.family = AF_INET}, port, url, sizeof url);
    if (fd < 0 || listen(fd, 100) != 0)
        abort();
    return fd;
}

/* pid 0 in what it returns: this system has no such sockets. */
static inline server server_open(const server_how *how)
{
    server s = {.port = 0};
    int fd = server_bind(how, &s.port, s.url, sizeof s.url), alive[2];
    if (fd < 0)
        return s;
    s.seen = mmap(NULL, sizeof *s.seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (s.seen == MAP_FAILED || listen(fd, 128) != 0 || pipe(alive) != 0)
        abort();
    fcntl(alive[0], F_SETFD, FD_CLOEXEC);
    fcntl(alive[1], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    s.pid = fork();
    if (s.pid < 0)
        abort();
    if (s.pid == 0) {
        signal(SIGALRM, SIG_DFL);
        close(alive[1]);
        server_serve(fd, alive[0], how, s.seen);
    }
    close(fd);
    close(alive[0]);
    s.alive = alive[1];
    return s;
}

/* server_start(2, first_connection, later_ones) */
static inline server server_start(int n, ...)
{
    server_how how = {.family = AF_INET};
    va_list args;
    va_start(args, n);
    for (int i = 0; i < n; i++)
        how.scripts[i] = va_arg(args, const step *);
    va_end(args);
    server s = server_open(&how);
    if (!s.pid)
        abort();
    return s;
}

static inline void server_stop(server *s)
{
    if (!s->pid)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->alive);
    munmap(s->seen, sizeof *s->seen);
    s->pid = 0;
}
#endif
