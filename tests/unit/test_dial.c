// Opening a connection to an origin.
// variants: valgrind arm64 armhf s390x asan musl poll clang gcc
// Not mips: what qemu-user tells by SO_ERROR has the host's number there.
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

static const char *far_url;

static void task_refused(locust_user *u)
{
    locust_response *r = locust_get(u, far_url);
    CHECK_STR(r->error, "connection refused");
    CHECK_INT(r->code, LOCUST_ERR_REFUSED);
    CHECK(r->elapsed_ms > 0);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

static void refused(void)
{
    if (server_foreign_errors())
        SKIP("the emulator gives another machine's error numbers");
    server s = server_start(1, answering);
    char url[100];
    int port, fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    CHECK(fd >= 0);
    far_url = url;
    run_with(task_refused, (setting){.host = s.url});
    CHECK_INT(result.requests, 2);
    CHECK_INT(result.failures, 1);
    close(fd);
    server_stop(&s);
}

static void task_connect_timeout(locust_user *u)
{
    int64_t began = server_now_ms();
    locust_response *r = locust_get(u, far_url, .timeout_s = 0.2);
    CHECK_STR(r->error, locust_error_text(LOCUST_ERR_CONNECT_TIMEOUT));
    CHECK(r->elapsed_ms >= 180 && r->elapsed_ms < 5000);
    CHECK(server_now_ms() - began < 5000);
    CHECK_INT(locust_get(u, "/")->status, 200);
}

/* Fills the queue of a listener that accepts nothing. True: one more connect hangs. */
static bool fill_backlog(int port, int *fds, int n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct pollfd last;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < n; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
            return false;
    }
    last = (struct pollfd){fds[n - 1], POLLOUT, 0};
    return poll(&last, 1, 50) == 0;
}

static void connect_timeout(void)
{
    server s = server_start(1, answering);
    char url[100];
    int port, fds[8], fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    bool full = fd >= 0 && listen(fd, 0) == 0 && fill_backlog(port, fds, 8);
    far_url = url;
    if (full)
        run_with(task_connect_timeout, (setting){.host = s.url});
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    close(fd);
    server_stop(&s);
    if (!full)
        SKIP("a full backlog does not hang here");
    CHECK_INT(result.failures, 1);
}

/* -- other networks -- */

static void task_ipv6(locust_user *u)
{
    locust_response *r = locust_get(u, "/six");
    char line[64];
    CHECK_STR(r->error, NULL);
    snprintf(line, sizeof line, "Host: [::1]:%d", now.s->port);
    CHECK(has_line(r, line));
    CHECK_INT(locust_get(u, "/six")->reused, true);
}

static void ipv6(void)
{
    server_how how = {.family = AF_INET6, .scripts = {reflecting}};
    server s = server_open(&how);
    if (!s.pid)
        SKIP("no IPv6 loopback here");
    now.s = &s;
    run_with(task_ipv6, (setting){.host = s.url});
    CHECK_INT(result.failures, 0);
    server_stop(&s);
}

TESTS({"refused", refused}, {"connect timeout", connect_timeout}, {"IPv6", ipv6}, )
