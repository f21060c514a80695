/* resolver.h - a name server that does what its table says, and a loop with a resolver in it. Include it
 * behind the parts. */
#ifndef RESOLVER_H
#define RESOLVER_H
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
static inline size_t ns_question(const unsigned char *m, size_t n, char *name, int *type)
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

static inline size_t ns_record(unsigned char *m, size_t n, const char *name, size_t name_len,
    int type, unsigned ttl, const void *data, size_t len)
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
static inline size_t ns_answer(unsigned char *m, size_t q_len, const struct zone *z, int type)
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

static inline void ns_send(int fd, const pending *to, const unsigned char *m, size_t n)
{
    if (sendto(fd, m, n, 0, (const struct sockaddr *)&to->from, sizeof to->from) < 0)
        return; // the asker has gone
}

static inline void ns_reply(int fd, const pending *q, const struct zone *z, int type, size_t q_len)
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

static inline void ns_serve(int fd, int alive, ns_seen *seen)
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

static inline int udp_bind(locust__addr *a)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    locust__addr_parse(a, "127.0.0.1", 0);
    if (fd < 0 || bind(fd, &a->as.any, a->len) != 0 || getsockname(fd, &a->as.any, &a->len) != 0)
        abort();
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

static inline ns ns_start(void)
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

static inline void ns_stop(ns *s)
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
    locust__arena arena;
    locust__resolver resolver;
    ns server;
} kit;

/* Runs fn in a coroutine; the resolver knows no file and asks kit.server. */
static inline void with_server(void (*fn)(void *arg))
{
    kit.server = ns_start();
    if (locust__loop_open(&kit.loop) < 0)
        abort();
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    locust__resolver_init(&kit.resolver, &kit.net, &kit.arena);
    kit.resolver.hosts_path = kit.resolver.resolv_path = "/nonexistent";
    kit.resolver.servers[0] = kit.server.addr;
    kit.resolver.n_servers = 1;
    kit.resolver.timeout_s = 20;
    kit.resolver.loaded = true;
    if (!locust__co_start(&kit.loop, "test", 262144, fn, NULL, NULL))
        abort();
    locust__loop_run(&kit.loop);
    locust__arena_free(&kit.arena);
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

static inline looked_up look_up_until(const char *name, int64_t deadline_ns)
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

static inline looked_up look_up(const char *name)
{
    return look_up_until(name, LOCUST__NEVER);
}

static inline void gives(const char *name, locust_error error, const char *text)
{
    looked_up l = look_up(name);
    CHECK_ROW(name);
    CHECK_STR(locust__error_text(l.error), locust__error_text(error));
    if (!error)
        CHECK_STR(l.text, text);
}
#endif
