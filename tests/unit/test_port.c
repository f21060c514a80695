// Local ports: each connect takes the next one, held ones are passed over. ip(7): IP_LOCAL_PORT_RANGE.
// Source addresses of 127/8 that nobody else uses keep the ports of other programs out of it.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

enum { FEW = 4 };

static locust__addr server;
static int listener = -1;
static locust__ports ports; // as after LOCUST__PORTS_FROM connects, with FEW ports

/* A server, and FEW ports in the middle of the system's. False: it cannot be told a port. */
static bool begin(const char *ip)
{
    int fd = locust__os_socket(AF_INET, SOCK_STREAM);
    bool able = fd >= 0 && locust__os_ports(&ports.first, &ports.n) && locust__os_take_port(fd, 0);
    close(fd);
    if (!able)
        return false;
    ports = (locust__ports){.first = ports.first + ports.n / 2,
        .n = FEW,
        .at = FEW - 1,
        .connects = LOCUST__PORTS_FROM + 1};
    locust__addr_parse(&server, ip, 0);
    listener = locust__os_socket(server.as.any.sa_family, SOCK_STREAM);
    return bind(listener, &server.as.any, server.len) == 0 && listen(listener, 100) == 0 &&
           getsockname(listener, &server.as.any, &server.len) == 0;
}

static void end(int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
    close(listener);
}

/* Connects from an address. Returns the socket and its port, counted from the first of the FEW. */
static int from(const char *ip, uint32_t sources, int *port)
{
    int fd = locust__os_socket(server.as.any.sa_family, SOCK_STREAM);
    locust__addr own;
    locust__addr_parse(&own, ip, 0);
    locust__os_late_port(fd);
    CHECK(bind(fd, &own.as.any, own.len) == 0);
    CHECK(locust__ports_connect(&ports, fd, &server, sources) == 0 || errno == EINPROGRESS);
    CHECK(getsockname(fd, &own.as.any, &own.len) == 0);
    *port = ntohs(own.as.any.sa_family == AF_INET ? own.as.in.sin_port : own.as.in6.sin6_port) -
            (int)ports.first;
    return fd;
}

static void counts(void)
{
    int fds[FEW + 1], port;
    if (!begin("127.0.0.1"))
        SKIP("this kernel cannot be told a port");
    for (int i = 0; i < FEW; i++) {
        fds[i] = from("127.90.1.1", 1, &port);
        CHECK_INT(port, i);
    }
    fds[FEW] = from("127.90.1.2", 1, &port); // from another address they are free
    CHECK_INT(port, 0);
    end(fds, FEW + 1);
}

static void passes_over_held_ones(void)
{
    int fds[FEW + 1], port;
    if (!begin("127.0.0.1"))
        SKIP("this kernel cannot be told a port");
    fds[0] = from("127.90.2.1", 1, &port);
    fds[1] = from("127.90.2.1", 1, &port);
    ports.at = FEW - 1; // the first, which is held, has its turn again
    fds[2] = from("127.90.2.1", 1, &port);
    CHECK_INT(port, 2);
    fds[3] = from("127.90.2.1", 1, &port);
    CHECK_INT(port, 3);
    fds[4] = from("127.90.2.1", 1, &port); // all are held: the system has others
    CHECK(port < 0 || port >= FEW);
    CHECK_INT(ports.n, FEW);
    end(fds, FEW + 1);
}

static void several_sources_share_a_port(void)
{
    static const char *const sources[] = {"127.90.3.1", "127.90.3.2", "127.90.3.3"};
    int fds[6], port;
    if (!begin("127.0.0.1"))
        SKIP("this kernel cannot be told a port");
    for (int i = 0; i < 6; i++) {
        fds[i] = from(sources[i % 3], 3, &port);
        CHECK_INT(port, i / 3);
    }
    end(fds, 6);
}

static void ipv6(void)
{
    int fds[2], port;
    bool able = begin("::1");
    if (!able)
        SKIP("no IPv6 here, or this kernel cannot be told a port");
    for (int i = 0; i < 2; i++) {
        fds[i] = from("::1", 1, &port);
        CHECK(port >= i && port < FEW); // another program may hold one of them
    }
    end(fds, 2);
}

static void the_system_chooses_at_first(void)
{
    int fds[2], port;
    if (!begin("127.0.0.1"))
        SKIP("this kernel cannot be told a port");
    ports = (locust__ports){.first = 0};
    fds[0] = from("127.90.4.1", 1, &port);
    CHECK_INT(ports.connects, 1);
    CHECK_INT(ports.n, 0); // not asked for
    ports.connects = LOCUST__PORTS_FROM;
    fds[1] = from("127.90.4.1", 1, &port);
    CHECK(ports.n > 0);
    CHECK_INT(port, ports.at % ports.n);
    end(fds, 2);
}

static void a_system_that_cannot(void)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    ports = (locust__ports){.first = 40000, .n = FEW};
    CHECK(!locust__ports_take(&ports, pair[0], 1)); // an option of IP, on a socket of another kind
    CHECK_INT(ports.n, 0);                          // nobody asks again
    close(pair[0]);
    close(pair[1]);
}

static void range_of_the_system(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    unsigned low, high;
    uint32_t first, n;
    if (!file)
        SKIP("no /proc/sys/net/ipv4/ip_local_port_range");
    CHECK_INT(fscanf(file, "%u %u", &low, &high), 2);
    fclose(file);
    CHECK(locust__os_ports(&first, &n));
    CHECK_INT(first, low);
    CHECK_INT(n, high - low + 1);
}

TESTS({"counts", counts}, {"passes over ports that are held", passes_over_held_ones},
    {"several source addresses share a port", several_sources_share_a_port}, {"IPv6", ipv6},
    {"the system chooses at first", the_system_chooses_at_first},
    {"a system that cannot be told", a_system_that_cannot},
    {"the range of the system", range_of_the_system}, )
