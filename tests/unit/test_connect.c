// Connecting to one of several addresses: RFC 8305.
// timeout: 400
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "resolver.h"

static int tcp_bind(locust__addr *a, const char *ip, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    locust__addr_parse(a, ip, 0);
    if (bind(fd, &a->as.any, a->len) != 0 || (backlog >= 0 && listen(fd, backlog) != 0) ||
        getsockname(fd, &a->as.any, &a->len) != 0)
        abort();
    return fd;
}

static locust__addr racers[3]; // one that says nothing, one that refuses, one that answers

static int64_t race_ms(const locust__addr *to, int n, int64_t limit_ms, locust_error *error)
{
    int64_t began = server_now_ms();
    locust_stream s;
    locust__stream_init(&s, &kit.net);
    *error = locust__connect_race(&s, to, n, locust__os_now_ns() + limit_ms * LOCUST__MS);
    if (!*error) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        CHECK(getpeername(s.fd.watch.fd, (struct sockaddr *)&peer, &len) == 0);
        CHECK_INT(peer.sin_port, racers[2].as.in.sin_port);
    }
    locust__stream_close(&s);
    return server_now_ms() - began;
}

static void run_races(void *arg)
{
    locust_error error;
    int64_t took;
    (void)arg;
    took = race_ms(racers + 1, 2, 60000, &error); // refused at once: the next goes at once
    CHECK_INT(error, LOCUST_OK);
    CHECK(took < 10000);                      // and not by the silence of anybody
    took = race_ms(racers, 3, 60000, &error); // a quarter of a second for the silent one
    CHECK_INT(error, LOCUST_OK);
    CHECK(took >= 240);
    CHECK_INT(kit.net.open, 0);
    took = race_ms(racers, 2, 400, &error); // nobody answers: the deadline holds
    CHECK_INT(error, LOCUST_ERR_CONNECT_TIMEOUT);
    CHECK(took >= 390);
    took = race_ms(racers + 1, 1, 400, &error);
    CHECK_INT(error, LOCUST_ERR_REFUSED);
}

static void races(void)
{
    int fds[8], silent = tcp_bind(&racers[0], "127.0.0.1", 0), refusing, good;
    struct pollfd last;
    refusing = tcp_bind(&racers[1], "127.0.0.1", -1);
    good = tcp_bind(&racers[2], "127.0.0.1", 100);
    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK(connect(fds[i], &racers[0].as.any, racers[0].len) == 0 || errno == EINPROGRESS);
    }
    last = (struct pollfd){fds[7], POLLOUT, 0};
    if (poll(&last, 1, 50) == 0)
        with_server(run_races);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    close(silent);
    close(refusing);
    close(good);
    if (last.revents)
        SKIP("a full backlog does not hang here");
}

TESTS({"races", races}, )
