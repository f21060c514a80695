// Addresses of sockets from text: IPv4, IPv6, unix.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *text;
    int family; // 0: it is none
    unsigned char bytes[16];
} rows[] = {
    {"IPv4", "127.0.0.1", AF_INET, {127, 0, 0, 1}},
    {"IPv4, the largest", "255.255.255.255", AF_INET, {255, 255, 255, 255}},
    {"IPv4, the smallest", "0.0.0.0", AF_INET, {0}},
    {"IPv6, the host itself", "::1", AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"IPv6, any", "::", AF_INET6, {0}},
    // RFC 4291 2.2
    {"IPv6, eight groups", "2001:DB8:0:0:8:800:200C:417A", AF_INET6,
        {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0xc, 0x41, 0x7a}},
    {"IPv6, shortened", "2001:db8::8:800:200c:417a", AF_INET6,
        {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0xc, 0x41, 0x7a}},
    {"IPv6 of an IPv4", "::FFFF:129.144.52.38", AF_INET6,
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 129, 144, 52, 38}},
    {"nothing", "", 0, {0}},
    {"a name", "localhost", 0, {0}},
    {"three numbers", "127.0.1", 0, {0}},
    {"one number", "2130706433", 0, {0}},
    {"five numbers", "1.2.3.4.5", 0, {0}},
    {"a number above 255", "1.2.3.256", 0, {0}},
    {"hexadecimal", "0x7f.0.0.1", 0, {0}},
    {"a port", "127.0.0.1:80", 0, {0}},
    {"a blank", "127.0.0.1 ", 0, {0}},
    {"brackets", "[::1]", 0, {0}},
    {"nine groups", "1:2:3:4:5:6:7:8:9", 0, {0}},
    {"two gaps", "1::2::3", 0, {0}},
    {"a group of five digits", "12345::", 0, {0}},
};

static void parses(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].text) + 1;
        char *text = check_guarded(rows[i].text, n);
        locust__addr a;
        memset(&a, 0xAA, sizeof a); // whatever was there
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(locust__addr_parse(&a, text, 0x1234), rows[i].family != 0) &&
            rows[i].family) {
            bool six = rows[i].family == AF_INET6;
            CHECK_INT(a.as.any.sa_family, rows[i].family);
            CHECK_INT(a.len, six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
            CHECK(!a.path);
            CHECK_INT(ntohs(six ? a.as.in6.sin6_port : a.as.in.sin_port), 0x1234);
            CHECK(memcmp(six ? (void *)&a.as.in6.sin6_addr : &a.as.in.sin_addr, rows[i].bytes,
                      six ? 16 : 4) == 0);
            locust__addr_set_port(&a, 65535);
            CHECK_INT(ntohs(six ? a.as.in6.sin6_port : a.as.in.sin_port), 65535);
            CHECK(memcmp(six ? (void *)&a.as.in6.sin6_addr : &a.as.in.sin_addr, rows[i].bytes,
                      six ? 16 : 4) == 0);
        }
        check_guarded_free(text, n);
    }
}

/* A path has to fit with its NUL, and a name without a path is none. */
static void unix_paths(void)
{
    enum { ROOM = sizeof((struct sockaddr_un *)NULL)->sun_path };
    char path[ROOM + 1];
    locust__addr a;
    memset(path, 'x', ROOM);
    path[ROOM] = '\0';
    CHECK(!locust__addr_unix(&a, path));
    CHECK(locust__addr_unix(&a, path + 1));
    CHECK(a.path == path + 1);
    CHECK_INT(a.as.any.sa_family, AF_UNIX);
    CHECK(!locust__addr_unix(&a, ""));
}

/* Connects to a listener of each family. */
static void connects(void)
{
    char path[64];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    locust__addr a;
    int fd, client;
    CHECK_ROW("unix");
    snprintf(path, sizeof path, "/tmp/address-%d", (int)getpid());
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)(void *)&un, sizeof un), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK(locust__addr_unix(&a, path));
    CHECK_INT(locust__addr_connect(client, &a), 0);
    close(client);
    close(fd);
    unlink(path);
    CHECK_ROW("IPv4");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(locust__addr_parse(&a, "127.0.0.1", 0));
    CHECK_INT(bind(fd, &a.as.any, a.len), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK_INT(getsockname(fd, &a.as.any, &a.len), 0);
    CHECK_INT(locust__addr_connect(client, &a), 0);
    close(client);
    close(fd);
}

TESTS({"parses", parses}, {"unix paths", unix_paths}, {"connects", connects}, )
