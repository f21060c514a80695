// Host names: literals, the hosts file, resolv.conf, scripted name servers, a real one (dnsmasq).
// timeout: 400
#include "../../locust.h"
#include "../server.h"

/* -- a name server that does what its table says -- */

enum {
    WRONG_ID = 1,    // a false answer with another id comes first
    WRONG_NAME = 2,  // a false answer to another question comes first
    SHORT = 4,       // cut messages of every length come first
    HELD = 8,        // until the test says go
    SILENT = 16,     // no answer
    SERVFAIL = 32,   // answers that it failed
    CAPITALS = 64,   // repeats the question in capitals
    VIA_CNAME = 128, // a CNAME first; the address belongs to that
    QUERY_BACK = 256 // the query itself comes back first
};

static const struct zone {
    const char *name;
    const char *v4, *v6; // up to eight, the same one counted up: v4 of n_v4
    int n_v4;
    unsigned ttl;
    int flags;
} zone[] = {
    {"a.test", "127.0.0.9", NULL, 1, 60, 0},
    {"six.test", NULL, "::9", 0, 60, 0},
    {"both.test", "127.0.0.9", "::9", 1, 60, 0},
    {"many.test", "127.0.1.0", NULL, 20, 60, 0},
    {"empty.test", NULL, NULL, 0, 60, 0},
    {"ttl1.test", "127.0.0.9", NULL, 1, 1, 0},
    {"id.test", "127.0.0.9", NULL, 1, 60, WRONG_ID},
    {"question.test", "127.0.0.9", NULL, 1, 60, WRONG_NAME},
    {"short.test", "127.0.0.9", NULL, 1, 60, SHORT},
    {"back.test", "127.0.0.9", NULL, 1, 60, QUERY_BACK},
    {"capitals.test", "127.0.0.9", NULL, 1, 60, CAPITALS},
    {"cname.test", "127.0.0.9", NULL, 1, 60, VIA_CNAME},
    {"held.test", "127.0.0.9", NULL, 1, 60, HELD},
    {"silent.test", NULL, NULL, 0, 60, SILENT},
    {"servfail.test", NULL, NULL, 0, 60, SERVFAIL},
    {"x.found.test", "127.0.0.9", NULL, 1, 60, 0},
    {"x.y.also.test", "127.0.0.9", NULL, 1, 60, 0},
};

typedef struct ns_seen {
    atomic_int queries, go;
    char names[4096]; // of the A queries, in order, a space behind each
} ns_seen;

typedef struct ns {
    locust__addr addr;
    pid_t pid;
    int alive;
    ns_seen *seen;
} ns;

typedef struct pending { // a query that waits for go
    unsigned char m[512];
    size_t n;
    struct sockaddr_in from;
} pending;

/* The name in the question, dotted; returns the length of header and question. */
static size_t ns_question(const unsigned char *m, size_t n, char *name, int *type)
{
    size_t at = 12, len = 0;
    while (at < n && m[at]) {
        memcpy(name + len, m + at + 1, m[at]);
        len += m[at];
        name[len++] = '.';
        at += (size_t)m[at] + 1;
    }
    name[len ? len - 1 : 0] = '\0';
    *type = m[at + 1] << 8 | m[at + 2];
    return at + 5;
}

static size_t ns_record(unsigned char *m, size_t n, const char *name, size_t name_len, int type,
    unsigned ttl, const void *data, size_t len)
{
    unsigned char fixed[10] = {0, (unsigned char)type, 0, 1, (unsigned char)(ttl >> 24),
        (unsigned char)(ttl >> 16), (unsigned char)(ttl >> 8), (unsigned char)ttl,
        (unsigned char)(len >> 8), (unsigned char)len};
    memcpy(m + n, name, name_len);
    n += name_len;
    memcpy(m + n, fixed, 10);
    memcpy(m + n + 10, data, len);
    m[7]++; // answers
    return n + 10 + len;
}

/* Builds the answer to a query of q_len bytes in m[]. */
static size_t ns_answer(unsigned char *m, size_t q_len, const struct zone *z, int type)
{
    unsigned char in4[4], in6[16];
    const char *owner = "\xc0\x0c"; // the question's name
    size_t n = q_len, owner_len = 2;
    m[2] = 0x81;
    m[3] = (unsigned char)(0x80 | (!z ? 3 : z->flags & SERVFAIL ? 2 : 0));
    memset(m + 6, 0, 6);
    if (z && z->flags & CAPITALS)
        for (size_t i = 12; i < q_len - 4; i++)
            if (m[i] >= 'a' && m[i] <= 'z')
                m[i] = (unsigned char)(m[i] - 32);
    if (z && z->flags & VIA_CNAME) {
        n = ns_record(m, n, owner, owner_len, 5, 30, "\4else\3net", 10);
        owner = "\4else\3net";
        owner_len = 10;
    }
    if (z && z->v4 && type == 1)
        for (int i = 0; i < z->n_v4; i++) {
            inet_pton(AF_INET, z->v4, in4);
            in4[3] = (unsigned char)(in4[3] + i);
            n = ns_record(m, n, owner, owner_len, 1, z->ttl, in4, 4);
        }
    if (z && z->v6 && type == 28) {
        inet_pton(AF_INET6, z->v6, in6);
        n = ns_record(m, n, owner, owner_len, 28, z->ttl, in6, 16);
    }
    return n;
}

static void ns_send(int fd, const pending *to, const unsigned char *m, size_t n)
{
    if (sendto(fd, m, n, 0, (const struct sockaddr *)&to->from, sizeof to->from) < 0)
        return; // the asker has gone
}

static void ns_reply(int fd, const pending *q, const struct zone *z, int type, size_t q_len)
{
    static const struct zone lie = {"lie", "127.0.0.66", "::66", 1, 60, 0};
    unsigned char m[2048];
    size_t n;
    memcpy(m, q->m, q->n);
    if (z && z->flags & (WRONG_ID | WRONG_NAME)) {
        n = ns_answer(m, q_len, &lie, type);
        m[z->flags & WRONG_ID ? 1 : 13] ^= 1;
        ns_send(fd, q, m, n);
        memcpy(m, q->m, q->n);
    }
    if (z && z->flags & QUERY_BACK)
        ns_send(fd, q, q->m, q->n);
    n = ns_answer(m, q_len, z, type);
    if (z && z->flags & SHORT)
        for (size_t i = 0; i < q_len; i++)
            ns_send(fd, q, m, i);
    ns_send(fd, q, m, n);
}

static void ns_serve(int fd, int alive, ns_seen *seen)
{
    static pending held[16];
    int n_held = 0;
    for (;;) {
        struct pollfd fds[2] = {{fd, POLLIN, 0}, {alive, POLLIN, 0}};
        pending q;
        socklen_t len = sizeof q.from;
        const struct zone *z = NULL;
        char name[600];
        int type;
        ssize_t got;
        size_t q_len;
        poll(fds, 2, n_held ? 1 : -1);
        if (fds[1].revents)
            _exit(0);
        for (; seen->go && n_held > 0; n_held--) {
            q_len = ns_question(held[n_held - 1].m, held[n_held - 1].n, name, &type);
            for (size_t i = 0; i < sizeof zone / sizeof *zone; i++)
                if (strcmp(zone[i].name, name) == 0)
                    z = &zone[i];
            ns_reply(fd, &held[n_held - 1], z, type, q_len);
            z = NULL;
        }
        got = recvfrom(fd, q.m, sizeof q.m, MSG_DONTWAIT, (struct sockaddr *)&q.from, &len);
        if (got < 17)
            continue;
        q.n = (size_t)got;
        q_len = ns_question(q.m, q.n, name, &type);
        seen->queries++;
        if (type == 1 && strlen(seen->names) + strlen(name) + 2 < sizeof seen->names)
            strcat(strcat(seen->names, name), " ");
        for (size_t i = 0; i < sizeof zone / sizeof *zone; i++)
            if (strcasecmp(zone[i].name, name) == 0)
                z = &zone[i];
        if (z && z->flags & SILENT)
            continue;
        if (z && z->flags & HELD && !seen->go && n_held < 16)
            held[n_held++] = q;
        else
            ns_reply(fd, &q, z, type, q_len);
    }
}

static int udp_bind(locust__addr *a)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    locust__addr_parse(a, "127.0.0.1", 0);
    if (fd < 0 || bind(fd, &a->as.any, a->len) != 0 || getsockname(fd, &a->as.any, &a->len) != 0)
        abort();
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static ns ns_start(void)
{
    ns s;
    int fd = udp_bind(&s.addr), alive[2];
    s.seen = mmap(NULL, sizeof *s.seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (s.seen == MAP_FAILED || pipe(alive) != 0)
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
        ns_serve(fd, alive[0], s.seen);
    }
    close(fd);
    close(alive[0]);
    s.alive = alive[1];
    return s;
}

static void ns_stop(ns *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->alive);
    munmap(s->seen, sizeof *s->seen);
}

/* -- a loop with a resolver in it -- */

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
    locust__resolver resolver;
    ns server;
} kit;

/* Runs fn in a coroutine; the resolver knows no file and asks kit.server. */
static void with_server(void (*fn)(void *arg))
{
    kit.server = ns_start();
    if (locust__loop_open(&kit.loop) < 0)
        abort();
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    locust__resolver_init(&kit.resolver, &kit.net);
    kit.resolver.hosts_path = kit.resolver.resolv_path = "/nonexistent";
    kit.resolver.servers[0] = kit.server.addr;
    kit.resolver.n_servers = 1;
    kit.resolver.timeout_s = 20;
    kit.resolver.loaded = true;
    if (!locust__co_start(&kit.loop, "test", 262144, fn, NULL, NULL))
        abort();
    locust__loop_run(&kit.loop);
    locust__resolver_free(&kit.resolver);
    locust__loop_close(&kit.loop);
    locust__log_close(&kit.log);
    ns_stop(&kit.server);
    CHECK_ROW(NULL);
}

typedef struct looked_up {
    locust_error error;
    int n;
    char
        text[LOCUST__HOST_ADDRS * (INET6_ADDRSTRLEN + 1) + 1]; // all addresses, a space behind each
} looked_up;

static looked_up look_up_until(const char *name, int64_t deadline_ns)
{
    looked_up l;
    locust__host *host = NULL;
    memset(&l, 0, sizeof l);
    l.error = locust__lookup_host(&kit.resolver, name, 80, deadline_ns, &host);
    if (!l.error)
        l.error = host->error;
    l.n = l.error ? 0 : host->n_addrs;
    for (int i = 0; i < l.n; i++) {
        char text[INET6_ADDRSTRLEN] = "";
        const locust__addr *a = &host->addrs[i];
        bool six = a->as.any.sa_family == AF_INET6;
        inet_ntop(six ? AF_INET6 : AF_INET,
            six ? (const void *)&a->as.in6.sin6_addr : (const void *)&a->as.in.sin_addr, text,
            sizeof text);
        strcat(strcat(l.text, text), " ");
    }
    return l;
}

static looked_up look_up(const char *name)
{
    return look_up_until(name, LOCUST__NEVER);
}

static void gives(const char *name, locust_error error, const char *text)
{
    looked_up l = look_up(name);
    CHECK_ROW(name);
    CHECK_STR(locust__error_text(l.error), locust__error_text(error));
    if (!error)
        CHECK_STR(l.text, text);
}

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
    gives("a.test", LOCUST_OK, "127.0.0.6 "); // goes before the name servers
    gives("last", LOCUST_OK, "127.0.0.8 ");   // no line end at the end
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
        locust__resolver_init(&r, NULL);
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

/* -- with one -- */

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

static void asked(const char *name, locust_error error, const char *names)
{
    memset(kit.server.seen->names, 0, sizeof kit.server.seen->names);
    gives(name, error, "127.0.0.9 ");
    CHECK_STR(kit.server.seen->names, names);
}

static void run_search(void *arg)
{
    (void)arg;
    strcpy(kit.resolver.search[0], "lost.test");
    strcpy(kit.resolver.search[1], "found.test");
    kit.resolver.n_search = 2;
    asked("x", LOCUST_OK, "x.lost.test x.found.test "); // fewer dots than ndots: domains first
    asked("z", LOCUST_ERR_NAME, "z.lost.test z.found.test z ");
    asked("a.test", LOCUST_OK, "a.test "); // as many: the name itself first
    asked("x.z", LOCUST_ERR_NAME, "x.z x.z.lost.test x.z.found.test ");
    asked("z.", LOCUST_ERR_NAME, "z "); // a dot at the end: no search
    kit.resolver.ndots = 2;
    strcpy(kit.resolver.search[0], "also.test");
    asked("x.y", LOCUST_OK, "x.y.also.test ");
    kit.resolver.ndots = 0;
    asked("y", LOCUST_ERR_NAME, "y y.also.test y.found.test ");
}

static void search_domains(void)
{
    with_server(run_search);
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

/* -- many at once -- */

enum { CROWD = 1000 };

static struct {
    int started, ended, good;
    locust__wait_group group;
} crowd;

static void look_up_held(void *arg)
{
    looked_up l;
    (void)arg;
    crowd.started++;
    l = look_up("held.test");
    crowd.good += !l.error && strcmp(l.text, "127.0.0.9 ") == 0;
    crowd.ended++;
}

static void run_crowd(void *arg)
{
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    for (int i = 0; i < CROWD; i++)
        if (!locust__co_start(&kit.loop, "crowd", 0, look_up_held, NULL, &crowd.group))
            abort();
    while (crowd.started < CROWD || kit.server.seen->queries < 2)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    CHECK_INT(crowd.ended, 0);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.good, CROWD);
    CHECK_INT(kit.server.seen->queries, 2); // one for A, one for AAAA
}

static void single_flight(void)
{
    with_server(run_crowd);
}

/* Who asks first may be stopped: the others still get their answer. */
static void run_cancelled(void *arg)
{
    locust__co *first;
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    first = locust__co_start(&kit.loop, "first", 0, look_up_held, NULL, &crowd.group);
    for (int i = 0; i < 10; i++)
        if (!locust__co_start(&kit.loop, "crowd", 0, look_up_held, NULL, &crowd.group))
            abort();
    while (crowd.started < 11 || kit.server.seen->queries < 2)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    locust__co_cancel(&kit.loop, first);
    while (crowd.ended < 1)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.ended, 11);
    CHECK_INT(crowd.good, 10);
}

static void cancelled_lookup(void)
{
    with_server(run_cancelled);
}

/* The answer comes only after another coroutine has slept fifty times for a millisecond. */
static void run_beside(void *arg)
{
    int64_t began = locust__os_now_ns();
    (void)arg;
    memset(&crowd, 0, sizeof crowd);
    if (!locust__co_start(&kit.loop, "asks", 0, look_up_held, NULL, &crowd.group))
        abort();
    for (int i = 0; i < 50; i++)
        locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS);
    CHECK_INT(crowd.ended, 0);
    CHECK(locust__os_now_ns() - began < 15 * LOCUST__S);
    kit.server.seen->go = 1;
    locust__wait_group_join(&kit.loop, &crowd.group, LOCUST__NEVER);
    CHECK_INT(crowd.good, 1);
}

static void does_not_stall(void)
{
    with_server(run_beside);
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
    size_t n = locust__dns_query(q, 7, "a.test", LOCUST__DNS_A);
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
    size_t n = locust__dns_query(q, 7, "many.test", LOCUST__DNS_A);
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

/* -- messages -- */

static void queries(void)
{
    static const struct {
        const char *name, *wire; // NULL: cannot be asked
        size_t n;
    } rows[] = {
        {"a", "\1a\0", 3},
        {"a.", "\1a\0", 3},
        {"ab.test", "\2ab\4test\0", 9},
        {"_x-1.test", "\4_x-1\4test\0", 11},
        {"", NULL, 0},
        {".", NULL, 0},
        {"a..b", NULL, 0},
        {".a", NULL, 0},
        {"a..", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char q[LOCUST__DNS_MAX];
        size_t len = strlen(rows[i].name) + 1;
        char *name = check_guarded(rows[i].name, len);
        size_t n = locust__dns_query(q, 0xABCD, name, LOCUST__DNS_AAAA);
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(n, rows[i].wire ? 12 + rows[i].n + 4 : 0) && n) {
            CHECK(memcmp(q, "\xab\xcd\1\0\0\1\0\0\0\0\0\0", 12) == 0);
            CHECK(memcmp(q + 12, rows[i].wire, rows[i].n) == 0);
            CHECK(memcmp(q + 12 + rows[i].n, "\0\34\0\1", 4) == 0);
        }
        check_guarded_free(name, len);
    }
}

static void query_limits(void)
{
    unsigned char q[LOCUST__DNS_MAX];
    char name[400];
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    CHECK(locust__dns_query(q, 1, name, 1) > 0);
    name[63] = 'a';
    name[64] = '\0';
    CHECK_INT(locust__dns_query(q, 1, name, 1), 0);
    for (size_t n = 250; n < 260; n++) { // a name is 255 bytes on the wire, RFC 1035 2.3.4
        memset(name, 'a', sizeof name);
        for (size_t i = 49; i < n; i += 50)
            name[i] = '.';
        name[n - 1] = 'a';
        name[n] = '\0';
        CHECK_INT(locust__dns_query(q, 1, name, 1) > 0, n <= 253);
    }
}

static void skip_names(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n, at, want; // 0: runs out
    } rows[] = {
        {"root", "\0", 1, 0, 1},
        {"one label", "\1a\0", 3, 0, 3},
        {"two labels", "\1a\2bc\0", 6, 0, 6},
        {"in the middle", "xx\1a\0yy", 7, 2, 5},
        {"pointer", "\xc0\0", 2, 0, 2},
        {"label, then pointer", "\1a\xc0\0", 4, 0, 4},
        {"pointer to itself is not followed", "\xc0\0", 2, 0, 2},
        {"pointer forward is not followed", "\xff\xff", 2, 0, 2},
        {"nothing", "", 0, 0, 0},
        {"half a pointer", "\xc0", 1, 0, 0},
        {"label, then half a pointer", "\1a\xc0", 3, 0, 0},
        {"no end", "\1a", 2, 0, 0},
        {"label past the end", "\77a", 2, 0, 0},
        {"label up to the end", "\2ab", 3, 0, 0},
        {"reserved 0x40", "\101a\0", 3, 0, 0},
        {"reserved 0x80", "\201a\0", 3, 0, 0},
        {"behind the end", "\0", 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *m = check_guarded(rows[i].bytes, rows[i].n);
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__dns_skip_name((unsigned char *)m, rows[i].n, rows[i].at), rows[i].want);
        check_guarded_free(m, rows[i].n);
    }
}

#define HEAD(flags, answers) "\x12\x34\x81" flags "\0\1\0" answers "\0\0\0\0"
#define QUESTION             "\1a\4test\0\0\1\0\1"
#define OWNER                "\xc0\x0c"
#define RR(type, ttl, len)   "\0" type "\0\1" ttl "\0" len
#define TTL60                "\0\0\0\x3c"
#define M(bytes)             bytes, sizeof(bytes) - 1

// clang-format off
static const struct {
    const char *name, *bytes;
    size_t n;
    bool answers; // is it one to the question?
    locust_error error;
    int n_addrs;
    int64_t ttl_s; // 3600: nothing was said
} messages[] = {
    {"an address", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"two addresses, the shorter time", M(HEAD("\x80", "\2") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1" OWNER RR("\1", "\0\0\0\5", "\4") "\x7f\0\0\2"), true, LOCUST_OK, 2, 5},
    {"CNAME, then an address", M(HEAD("\x80", "\2") QUESTION OWNER RR("\5", TTL60, "\3") "\1b\0" "\1b\0" RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"no record", M(HEAD("\x80", "\0") QUESTION), true, LOCUST_OK, 0, 3600},
    {"NXDOMAIN", M(HEAD("\x83", "\0") QUESTION), true, LOCUST_ERR_NAME, 0, 3600},
    {"SERVFAIL", M(HEAD("\x82", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"REFUSED", M(HEAD("\x85", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"FORMERR", M(HEAD("\x81", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"time of 0", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\0\0\0\0", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 0},
    {"longest time", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\x7f\xff\xff\xff", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 3600},
    {"top bit of the time counts as 0 (RFC 2181 8)", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\xff\xff\xff\xff", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 0},
    {"more answers claimed than there are", M(HEAD("\x80", "\xff") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"an answer claimed, none there", M(HEAD("\x80", "\1") QUESTION), true, LOCUST_OK, 0, 3600},
    {"owner cut", M(HEAD("\x80", "\1") QUESTION "\xc0"), true, LOCUST_OK, 0, 3600},
    {"record cut in its head", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\1\0\0\0\x3c\0"), true, LOCUST_OK, 0, 3600},
    {"record without its data", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4")), true, LOCUST_OK, 0, 3600},
    {"data cut", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0"), true, LOCUST_OK, 0, 3600},
    {"length far past the end", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\1" TTL60 "\xff\xff\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"address of 3 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\3") "\x7f\0\0"), true, LOCUST_OK, 0, 3600},
    {"address of 5 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\5") "\x7f\0\0\1\1"), true, LOCUST_OK, 0, 3600},
    {"IPv6 address of 4 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\34", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"address of another class", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\3" TTL60 "\0\4\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"unknown type, then an address", M(HEAD("\x80", "\2") QUESTION OWNER "\xff\1\0\1" TTL60 "\0\4\1\2\3\4" OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"owner that points to itself", M(HEAD("\x80", "\1") QUESTION "\xc0\x18" RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"nothing", M(""), false, LOCUST_OK, 0, 0},
    {"one byte", M("\x12"), false, LOCUST_OK, 0, 0},
    {"head alone", M(HEAD("\x80", "\0")), false, LOCUST_OK, 0, 0},
    {"question cut", M(HEAD("\x80", "\0") "\1a\4test\0\0\1\0"), false, LOCUST_OK, 0, 0},
    {"another id", M("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"a query", M("\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"another name", M(HEAD("\x80", "\0") "\1b\4test\0\0\1\0\1"), false, LOCUST_OK, 0, 0},
    {"another type", M(HEAD("\x80", "\0") "\1a\4test\0\0\34\0\1"), false, LOCUST_OK, 0, 0},
    {"another class", M(HEAD("\x80", "\0") "\1a\4test\0\0\1\0\3"), false, LOCUST_OK, 0, 0},
    {"the name in capitals", M(HEAD("\x80", "\0") "\1A\4TeSt\0\0\1\0\1"), true, LOCUST_OK, 0, 3600},
    {"no question", M("\x12\x34\x81\x80\0\0\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"two questions", M("\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
};
// clang-format on

enum { MESSAGES = sizeof messages / sizeof *messages };

static locust__host *new_host(void)
{
    locust__host *host = calloc(1, sizeof *host + 16);
    if (!host)
        abort();
    return host;
}

/* As the resolver does it: looks whether it is an answer, and reads it. */
static bool read_message(
    const void *bytes, size_t n, locust__host *host, locust_error *error, int64_t *ttl_s)
{
    unsigned char q[LOCUST__DNS_MAX], *m = (unsigned char *)check_guarded(bytes, n);
    size_t q_len = locust__dns_query(q, 0x1234, "a.test", LOCUST__DNS_A);
    bool answers_it = locust__dns_answers(m, n, q, q_len);
    *ttl_s = 3600;
    if (answers_it)
        *error = locust__dns_read(host, m, n, q_len, ttl_s);
    check_guarded_free((char *)m, n);
    return answers_it;
}

static void reads_messages(void)
{
    for (int i = 0; i < MESSAGES; i++) {
        locust__host *host = new_host();
        locust_error error = LOCUST_OK;
        int64_t ttl_s;
        CHECK_ROW(messages[i].name);
        if (CHECK_INT(read_message(messages[i].bytes, messages[i].n, host, &error, &ttl_s),
                messages[i].answers) &&
            messages[i].answers) {
            CHECK_INT(error, messages[i].error);
            CHECK_INT(host->n_addrs, messages[i].n_addrs);
            CHECK_INT(ttl_s, messages[i].ttl_s);
        }
        free(host);
    }
}

/* Every prefix, and every byte replaced by every value that lengths and flags are made of. */
static void survives_messages(void)
{
    static const unsigned char values[] = {0, 1, 4, 16, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};
    for (int i = 0; i < MESSAGES; i++) {
        unsigned char m[256];
        CHECK_ROW(messages[i].name);
        for (size_t n = 0; n <= messages[i].n; n++) {
            locust__host *host = new_host();
            locust_error error = LOCUST_OK;
            int64_t ttl_s;
            read_message(messages[i].bytes, n, host, &error, &ttl_s);
            CHECK(host->n_addrs >= 0 && host->n_addrs <= messages[i].n_addrs);
            free(host);
        }
        for (size_t at = 0; at < messages[i].n; at++)
            for (size_t v = 0; v < sizeof values; v++) {
                locust__host *host = new_host();
                locust_error error = LOCUST_OK;
                int64_t ttl_s;
                memcpy(m, messages[i].bytes, messages[i].n);
                m[at] = values[v];
                read_message(m, messages[i].n, host, &error, &ttl_s);
                CHECK(host->n_addrs >= 0 && host->n_addrs <= LOCUST__HOST_ADDRS);
                free(host);
            }
    }
}

TESTS({"literals", literals}, {"hosts file", hosts_file}, {"resolv.conf", resolv_conf},
    {"answers", answers}, {"several addresses", several_addresses},
    {"search domains", search_domains}, {"refused server", refused_server},
    {"dead server", dead_server}, {"failing server", failing_server}, {"deadline", deadline},
    {"single flight", single_flight}, {"cancelled lookup", cancelled_lookup},
    {"does not stall", does_not_stall}, {"time to live", time_to_live}, {"dnsmasq", dnsmasq},
    {"order of addresses", orders}, {"races", races}, {"queries", queries},
    {"query limits", query_limits}, {"skip names", skip_names}, {"reads messages", reads_messages},
    {"survives messages", survives_messages})
