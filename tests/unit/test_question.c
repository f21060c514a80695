// Asking name servers: scripted ones, and dnsmasq.
// timeout: 400
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "resolver.h"

/* -- a scripted server -- */

static void run_answers(void *arg)
{
    (void)arg;
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    gives("six.test", LOCUST_OK, "::9 ");
    gives("id.test", LOCUST_OK, "127.0.0.9 ");
    gives("question.test", LOCUST_OK, "127.0.0.9 ");
    gives("short.test", LOCUST_OK, "127.0.0.9 ");
    gives("back.test", LOCUST_OK, "127.0.0.9 ");
    gives("capitals.test", LOCUST_OK, "127.0.0.9 ");
    gives("CAPITALS.Test", LOCUST_OK, "127.0.0.9 ");
    gives("cname.test", LOCUST_OK, "127.0.0.9 ");
    gives("a.test.", LOCUST_OK, "127.0.0.9 ");
    gives("nobody.test", LOCUST_ERR_NAME, NULL);
    gives("empty.test", LOCUST_ERR_NAME, NULL);
    gives("servfail.test", LOCUST_ERR_NAME_SERVER, NULL);
    gives("a..test", LOCUST_ERR_NAME, NULL);
    gives(".", LOCUST_ERR_NAME, NULL);
    gives("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test",
        LOCUST_ERR_NAME, NULL);
}

static void answers(void)
{
    with_server(run_answers);
}

static void run_several(void *arg)
{
    looked_up l = look_up("both.test");
    (void)arg;
    CHECK_INT(l.error, LOCUST_OK);
    CHECK_INT(l.n, 2);
    CHECK(strstr(l.text, "127.0.0.9 ") && strstr(l.text, "::9 "));
    l = look_up("many.test");
    CHECK_INT(l.error, LOCUST_OK);
    CHECK_INT(l.n, LOCUST__HOST_ADDRS);
    CHECK(strncmp(l.text, "127.0.1.0 127.0.1.1 127.0.1.2 ", 30) == 0);
}

static void several_addresses(void)
{
    with_server(run_several);
}

/* A port of which nobody listens, though it is taken: its socket talks to somebody else alone. */
static int refusing_port(locust__addr *a)
{
    locust__addr elsewhere;
    int fd = udp_bind(a);
    locust__addr_parse(&elsewhere, "127.0.0.1", 9);
    if (connect(fd, &elsewhere.as.any, elsewhere.len) != 0)
        abort();
    return fd;
}

static void run_refused(void *arg)
{
    int64_t began = server_now_ms();
    int fd = refusing_port(&kit.resolver.servers[0]);
    (void)arg;
    gives("a.test", LOCUST_ERR_NAME_SERVER, NULL);
    kit.resolver.servers[1] = kit.server.addr;
    kit.resolver.n_servers = 2;
    gives("six.test", LOCUST_OK, "::9 ");
    CHECK(server_now_ms() - began < 15000); // an ICMP answer, not a timeout of 20 s
    close(fd);
}

static void refused_server(void)
{
    with_server(run_refused);
}

static void run_dead(void *arg)
{
    int64_t began = server_now_ms();
    int fd = udp_bind(&kit.resolver.servers[0]); // never read
    (void)arg;
    kit.resolver.timeout_s = 1;
    kit.resolver.servers[1] = kit.server.addr;
    kit.resolver.n_servers = 2;
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    CHECK(server_now_ms() - began >= 900);
    kit.resolver.n_servers = 1;
    kit.resolver.attempts = 1;
    gives("six.test", LOCUST_ERR_NAME_TIMEOUT, NULL);
    close(fd);
}

static void dead_server(void)
{
    with_server(run_dead);
}

static void run_failing(void *arg)
{
    ns second = ns_start();
    (void)arg;
    kit.resolver.servers[1] = second.addr;
    kit.resolver.n_servers = 2;
    kit.resolver.attempts = 1;
    gives("servfail.test", LOCUST_ERR_NAME_SERVER, NULL);
    CHECK(kit.server.seen->queries > 0 && second.seen->queries > 0); // both were asked
    gives("nobody.test", LOCUST_ERR_NAME, NULL);
    CHECK(!strstr(second.seen->names, "nobody")); // a clear no is not asked about again
    ns_stop(&second);
}

static void failing_server(void)
{
    with_server(run_failing);
}

/* The deadline of who asks counts, whatever resolv.conf allows. */
static void run_deadline(void *arg)
{
    int64_t began = server_now_ms();
    looked_up l = look_up_until("silent.test", locust__os_now_ns() + 200 * LOCUST__MS);
    (void)arg;
    CHECK_STR(locust__error_text(l.error), locust__error_text(LOCUST_ERR_NAME_TIMEOUT));
    CHECK(server_now_ms() - began >= 190);
    CHECK(server_now_ms() - began < 3000);
}

static void run_deadline_short(void *arg)
{
    kit.resolver.timeout_s = 4;
    kit.resolver.attempts = 1;
    run_deadline(arg);
}

static void deadline(void)
{
    with_server(run_deadline_short);
}

/* -- a real server -- */

enum { MANY = 60 }; // addresses of many.test: more than fit into 512 bytes

static pid_t dnsmasq_start(const char *program, int port, const char *hosts)
{
    char port_arg[32], hosts_arg[64];
    pid_t pid;
    snprintf(port_arg, sizeof port_arg, "--port=%d", port);
    snprintf(hosts_arg, sizeof hosts_arg, "--addn-hosts=%s", hosts);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(program, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", port_arg,
            "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
            hosts_arg, "--user=root", "--pid-file=", "--local=/test/",
            "--host-record=a.test,127.0.0.9", "--host-record=both.test,127.0.0.9,fd00::9",
            "--host-record=six.test,fd00::9", "--cname=alias.test,a.test",
            "--cname=chain.test,alias.test", "--address=/wild.test/127.0.0.8", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Waits until it answers; false: it has ended, or says nothing. */
static bool dnsmasq_ready(pid_t pid, const locust__addr *at)
{
    int64_t until = server_now_ms() + 15000;
    unsigned char q[LOCUST__DNS_MAX], m[LOCUST__DNS_MAX];
    size_t n = locust__dns_put_query(q, 7, "a.test", LOCUST__DNS_A);
    bool ready = false;
    while (!ready && server_now_ms() < until && waitpid(pid, NULL, WNOHANG) == 0) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct pollfd p = {fd, POLLIN, 0};
        if (connect(fd, &at->as.any, at->len) == 0 && send(fd, q, n, MSG_NOSIGNAL) > 0 &&
            poll(&p, 1, 100) > 0)
            ready = recv(fd, m, sizeof m, 0) > 12;
        close(fd);
        if (!ready)
            server_nap();
    }
    return ready;
}

/* What did not fit into the packet is asked for once more over TCP. */
static void run_truncated(const locust__addr *at)
{
    unsigned char q[LOCUST__DNS_MAX], m[LOCUST__DNS_MAX] = {0};
    size_t n = locust__dns_put_query(q, 7, "many.test", LOCUST__DNS_A);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd p = {fd, POLLIN, 0};
    looked_up l;
    CHECK(connect(fd, &at->as.any, at->len) == 0 && send(fd, q, n, MSG_NOSIGNAL) > 0 &&
          poll(&p, 1, 10000) > 0 && recv(fd, m, sizeof m, 0) > 12 && (m[2] & 2)); // it is truncated
    close(fd);
    l = look_up("many.test");
    CHECK_INT(l.error, LOCUST_OK);
    CHECK_INT(l.n, LOCUST__HOST_ADDRS);
    CHECK(strstr(l.text, "127.0.7.") == l.text);
}

static void run_dnsmasq(void *arg)
{
    looked_up l;
    kit.resolver.servers[0] = *(locust__addr *)arg;
    run_truncated(arg);
    gives("a.test", LOCUST_OK, "127.0.0.9 ");
    gives("six.test", LOCUST_OK, "fd00::9 ");
    gives("alias.test", LOCUST_OK, "127.0.0.9 ");
    gives("chain.test", LOCUST_OK, "127.0.0.9 ");
    gives("any.thing.wild.test", LOCUST_OK, "127.0.0.8 ");
    gives("nobody.test", LOCUST_ERR_NAME, NULL);
    gives("outside.example", LOCUST_ERR_NAME_SERVER, NULL); // it has no upstream: REFUSED
    l = look_up("both.test");
    CHECK_INT(l.n, 2);
    CHECK(strstr(l.text, "127.0.0.9 ") && strstr(l.text, "fd00::9 "));
}

static locust__addr dnsmasq_addr;

static void run_dnsmasq_there(void *arg)
{
    (void)arg;
    run_dnsmasq(&dnsmasq_addr);
}

static void dnsmasq(void)
{
    const char *program = access("/usr/sbin/dnsmasq", X_OK) == 0  ? "/usr/sbin/dnsmasq"
                          : access("/usr/bin/dnsmasq", X_OK) == 0 ? "/usr/bin/dnsmasq"
                                                                  : NULL;
    bool ready = false;
    pid_t pid = 0;
    char hosts[] = "/tmp/locust-hosts-XXXXXX";
    FILE *file;
    int fd;
    if (!program)
        SKIP("dnsmasq is missing");
    fd = mkstemp(hosts);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!CHECK(file != NULL))
        return;
    for (int i = 1; i <= MANY; i++)
        fprintf(file, "127.0.7.%d many.test\n", i);
    fclose(file);
    for (int i = 0; i < 5 && !ready; i++) { // another may take the port in between
        close(udp_bind(&dnsmasq_addr));
        pid = dnsmasq_start(program, ntohs(dnsmasq_addr.as.in.sin_port), hosts);
        ready = dnsmasq_ready(pid, &dnsmasq_addr);
        if (!ready && kill(pid, SIGKILL) == 0)
            waitpid(pid, NULL, 0);
    }
    if (CHECK(ready))
        with_server(run_dnsmasq_there);
    if (ready && kill(pid, SIGKILL) == 0)
        waitpid(pid, NULL, 0);
    unlink(hosts);
}

TESTS({"answers", answers}, {"several addresses", several_addresses},
    {"refused server", refused_server}, {"dead server", dead_server},
    {"failing server", failing_server}, {"deadline", deadline}, {"dnsmasq", dnsmasq}, )
