// Host names without a name server: literals, the hosts file, resolv.conf; answers are kept for their time.
// timeout: 400
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "resolver.h"

/* -- without a name server -- */

static void run_literals(void *arg)
{
    (void)arg;
    gives("127.0.0.1", LOCUST_OK, "127.0.0.1 ");
    gives("255.255.255.255", LOCUST_OK, "255.255.255.255 ");
    gives("::1", LOCUST_OK, "::1 ");
    gives("2001:DB8::7", LOCUST_OK, "2001:db8::7 ");
    gives("::ffff:1.2.3.4", LOCUST_OK, "::ffff:1.2.3.4 ");
    CHECK_INT(kit.server.seen->queries, 0);
    gives("localhost", LOCUST_OK, "127.0.0.1 "); // without a hosts file too
    gives("LocalHost", LOCUST_OK, "127.0.0.1 ");
    CHECK_INT(kit.server.seen->queries, 0);
}

static void literals(void)
{
    with_server(run_literals);
}

/* A file that holds the text; its path is in `path`, 40 bytes. */
static void write_file(char *path, const char *text)
{
    int fd;
    snprintf(path, 40, "/tmp/locust-resolve-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

static void run_hosts(void *arg)
{
    char path[40];
    (void)arg;
    write_file(path, "# a comment\n"
                     "127.0.0.2\tone  One.Alias # 127.0.0.3 not\n"
                     "\n"
                     "   127.0.0.4 two\r\n"
                     "::4 two\n"
                     "nonsense three\n"
                     "127.0.0.5\n"
                     "127.0.0.6 a.test\n"
                     "#127.0.0.7 four\n"
                     "127.0.0.8 last");
    kit.resolver.hosts_path = path;
    gives("one", LOCUST_OK, "127.0.0.2 ");
    gives("one.alias", LOCUST_OK, "127.0.0.2 ");
    gives("ONE", LOCUST_OK, "127.0.0.2 ");
    gives("two", LOCUST_OK, "127.0.0.4 ::4 ");
    gives("a.test", LOCUST_OK, "127.0.0.6 ");  // goes before the name servers
    gives("a.test.", LOCUST_OK, "127.0.0.6 "); // the same, in full
    gives("last", LOCUST_OK, "127.0.0.8 ");    // no line end at the end
    CHECK_INT(kit.server.seen->queries, 0);
    gives("on", LOCUST_ERR_NAME, NULL);
    gives("three", LOCUST_ERR_NAME, NULL);
    gives("four", LOCUST_ERR_NAME, NULL);
    gives("not", LOCUST_ERR_NAME, NULL);
    gives("six.test", LOCUST_OK, "::9 ");
    unlink(path);
}

static void hosts_file(void)
{
    with_server(run_hosts);
}

static void resolv_conf(void)
{
    static const struct {
        const char *name, *text;
        int n_servers;
        const char *first;
        int timeout_s, attempts, ndots, n_search;
        const char *search;
    } rows[] = {
        {"nothing", "", 1, "127.0.0.1", 5, 2, 1, 0, NULL},
        {"a server", "nameserver 192.0.2.1\n", 1, "192.0.2.1", 5, 2, 1, 0, NULL},
        {"IPv6, no line end", "nameserver ::1", 1, "::1", 5, 2, 1, 0, NULL},
        {"comments", "# nameserver 1.1.1.1\n; nameserver 1.1.1.1\nnameserver 9.9.9.9\n", 1,
            "9.9.9.9", 5, 2, 1, 0, NULL},
        {"four servers: three count",
            "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4\n", 3,
            "1.0.0.1", 5, 2, 1, 0, NULL},
        {"a bad server", "nameserver x\nnameserver 1.0.0.2\n", 1, "1.0.0.2", 5, 2, 1, 0, NULL},
        {"options", "options timeout:3 attempts:1 ndots:2 rotate\n", 1, "127.0.0.1", 3, 1, 2, 0,
            NULL},
        {"options of 0", "options timeout:0 attempts:0 ndots:0\n", 1, "127.0.0.1", 1, 1, 0, 0,
            NULL},
        {"options too large", "options timeout:999 attempts:999 ndots:999\n", 1, "127.0.0.1", 30, 5,
            15, 0, NULL},
        {"search", "search a.test  b.test\tc.test\n", 1, "127.0.0.1", 5, 2, 1, 3, "a.test"},
        {"the last search line counts", "search a b\nsearch c\n", 1, "127.0.0.1", 5, 2, 1, 1, "c"},
        {"domain", "domain d.test\n", 1, "127.0.0.1", 5, 2, 1, 1, "d.test"},
        {"seven domains: six count", "search a b c d e f g\n", 1, "127.0.0.1", 5, 2, 1, 6, "a"},
        {"unknown lines", "sortlist 1.2.3.4\nfoo\n\nnameserver 1.0.0.1\r\n", 1, "1.0.0.1", 5, 2, 1,
            0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__resolver r;
        locust__addr first;
        char path[40];
        CHECK_ROW(rows[i].name);
        locust__resolver_init(&r, NULL, NULL);
        write_file(path, rows[i].text);
        r.resolv_path = path;
        locust__resolver_load(&r);
        locust__addr_parse(&first, rows[i].first, 53);
        CHECK_INT(r.n_servers, rows[i].n_servers);
        CHECK_INT(r.servers[0].len, first.len);
        CHECK(memcmp(&r.servers[0].as, &first.as, first.len) == 0);
        CHECK_INT(r.timeout_s, rows[i].timeout_s);
        CHECK_INT(r.attempts, rows[i].attempts);
        CHECK_INT(r.ndots, rows[i].ndots);
        if (CHECK_INT(r.n_search, rows[i].n_search) && r.n_search)
            CHECK_STR(r.search[0], rows[i].search);
        unlink(path);
    }
}

/* -- answers are kept for their time -- */

/* How often the server was asked for the address. Its A comes before its AAAA, which may still be
 * on its way when a refusal is known. */
static int times_asked(const char *name)
{
    int n = 0;
    for (const char *p = kit.server.seen->names; (p = strstr(p, name)) != NULL; p++)
        n++;
    return n;
}

static void run_ttl(void *arg)
{
    (void)arg;
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    gives("A.TEST", LOCUST_OK, "127.0.0.9 ");
    CHECK_INT(times_asked("a.test"), 1);
    CHECK_INT(kit.server.seen->queries, 2);
    gives("nobody.test", LOCUST_ERR_NAME, NULL);
    gives("nobody.test", LOCUST_ERR_NAME, NULL); // a refusal is kept for a second
    CHECK_INT(times_asked("nobody.test"), 1);
    gives("ttl1.test", LOCUST_OK, "127.0.0.9 ");
    gives("ttl1.test", LOCUST_OK, "127.0.0.9 ");
    CHECK_INT(times_asked("ttl1.test"), 1);
    locust__co_sleep(&kit.loop, locust__os_now_ns() + 1100 * LOCUST__MS); // the time of both
    gives("ttl1.test", LOCUST_OK, "127.0.0.9 ");
    gives("nobody.test", LOCUST_ERR_NAME, NULL);
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    CHECK_INT(times_asked("ttl1.test"), 2);
    CHECK_INT(times_asked("nobody.test"), 2);
    CHECK_INT(times_asked("a.test"), 1);
}

static void time_to_live(void)
{
    with_server(run_ttl);
}

/* -- several addresses of one host: RFC 8305 -- */

static void orders(void)
{
    static const char *const texts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "::1", "::2"};
    static const char *const want[] = {"127.0.0.1 ::1 127.0.0.2 ::2 127.0.0.3 ",
        "127.0.0.2 ::2 127.0.0.3 ::1 127.0.0.1 ", "127.0.0.3 ::1 127.0.0.1 ::2 127.0.0.2 "};
    locust__host *host = calloc(1, sizeof *host + 1);
    for (int i = 0; i < 5; i++) {
        locust__addr addr;
        CHECK(locust__addr_parse(&addr, texts[i], 0));
        locust__host_add(host, &addr);
    }
    for (int turn = 0; turn < 3; turn++) {
        locust__addr out[LOCUST__HOST_ADDRS];
        char text[256] = "";
        int n = locust__lookup_order(host, 81, out);
        CHECK_INT(n, 5);
        for (int i = 0; i < n; i++) {
            bool six = out[i].as.any.sa_family == AF_INET6;
            size_t at = strlen(text);
            inet_ntop(six ? AF_INET6 : AF_INET,
                six ? (void *)&out[i].as.in6.sin6_addr : (void *)&out[i].as.in.sin_addr, text + at,
                (socklen_t)(sizeof text - at));
            strcat(text, " ");
            CHECK_INT(ntohs(six ? out[i].as.in6.sin6_port : out[i].as.in.sin_port), 81);
        }
        CHECK_STR(text, want[turn]);
    }
    free(host);
}

TESTS({"literals", literals}, {"hosts file", hosts_file}, {"resolv.conf", resolv_conf},
    {"order of addresses", orders}, {"time to live", time_to_live}, )
