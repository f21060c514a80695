// Servers in a coroutine: listen, accept, and what stands in the way.
#include "blocks.h"
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "loop.h"

static locust__log logger;
static locust__net net;

static void open_net(void)
{
    begin();
    locust__log_open(&logger, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&net, &loop, &logger);
}

static void close_net(void)
{
    end();
    CHECK_INT(net.open, 0);
    locust__log_close(&logger);
}

static int connect_to(const locust__addr *to)
{
    int fd = socket(to->as.any.sa_family, SOCK_STREAM, 0);
    CHECK_INT(connect(fd, &to->as.any, to->len), 0);
    return fd;
}

/* -- connections that are there already, and some that come later -- */

static const char *address;
static locust__addr at;

static void answers(void *arg)
{
    locust__fd *listener = arg;
    locust_stream s;
    int clients[3];
    char text[4];
    for (int i = 0; i < 3; i++) {
        clients[i] = connect_to(&at);
        CHECK_INT(write(clients[i], &"abc"[i], 1), 1);
    }
    for (int i = 0; i < 3; i++) { // first come, first served
        if (!CHECK_INT(locust__listen_accept(&net, listener, &s), LOCUST_OK))
            break;
        CHECK_INT(net.open, 1);
        CHECK_INT(locust__stream_fill(&s, LOCUST__NEVER), LOCUST_OK);
        CHECK(s.in_len == 1 && s.in[0] == "abc"[i]);
        locust__stream_take(&s, 1);
        locust__stream_close(&s);
        CHECK_INT(read(clients[i], text, 1), 0); // the server's end
        close(clients[i]);
    }
    note('a');
    CHECK_INT(locust__listen_accept(&net, listener, &s), LOCUST_OK); // waits for one
    note('c');
    locust__stream_close(&s);
    locust__fd_close(&loop, listener);
}

static int late_client;

static void connects_late(void *arg)
{
    (void)arg;
    while (!strchr(trace, 'a'))
        locust__co_yield(&loop);
    note('b');
    late_client = connect_to(&at);
}

static void accepts(void)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        static locust__fd listener;
        int probe = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM, 0), rc;
        address = addresses[i];
        CHECK_ROW(address);
        forget();
        CHECK(locust__addr_parse(&at, address, 0));
        rc = probe < 0 ? -1 : bind(probe, &at.as.any, at.len);
        if (probe >= 0)
            close(probe);
        if (rc != 0)
            continue; // this machine has no IPv6
        open_net();
        CHECK_INT(locust__listen_open(&net, &listener, &at, 16), LOCUST_OK);
        CHECK(ntohs(i ? at.as.in6.sin6_port : at.as.in.sin_port) != 0); // the port that was chosen
        start(answers, &listener);
        start(connects_late, NULL);
        close_net();
        CHECK_STR(trace, "abc");
        close(late_client);
    }
    CHECK_ROW(NULL);
}

/* -- an address that is taken, and one of another machine -- */

static void addresses_that_cannot_be_had(void)
{
    static locust__fd first, second;
    locust__addr other;
    open_net();
    CHECK(locust__addr_parse(&at, "127.0.0.1", 0));
    CHECK_INT(locust__listen_open(&net, &first, &at, 1), LOCUST_OK);
    CHECK_INT(locust__listen_open(&net, &second, &at, 1), LOCUST_ERR_PORTS);
    CHECK(locust__addr_parse(&other, "192.0.2.1", 0)); // RFC 5737: nobody's
    CHECK_INT(locust__listen_open(&net, &second, &other, 1), LOCUST_ERR_PORTS);
    locust__fd_close(&loop, &first);
    close_net();
}

/* -- cancelled while it waits -- */

static void waits(void *arg)
{
    locust_stream s;
    CHECK_INT(locust__listen_accept(&net, arg, &s), LOCUST_ERR_CANCELLED);
    locust__fd_close(&loop, arg);
    note('x');
}

static void cancels(void *arg)
{
    locust__co_yield(&loop);
    locust__co_cancel(&loop, arg);
}

static void cancelled(void)
{
    static locust__fd listener;
    forget();
    open_net();
    CHECK(locust__addr_parse(&at, "127.0.0.1", 0));
    CHECK_INT(locust__listen_open(&net, &listener, &at, 1), LOCUST_OK);
    start(cancels, start(waits, &listener));
    close_net();
    CHECK_STR(trace, "x");
}

TESTS({"accepts", accepts}, {"addresses that cannot be had", addresses_that_cannot_be_had},
    {"cancelled", cancelled}, )
