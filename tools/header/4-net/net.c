/* ============================================================================================
 * >>net  streams over TCP and unix sockets
 *
 * Purpose     blocking-style connect, read and write for coroutines, with deadlines.
 * Invariants  a stream's unread bytes are either in the loop's scratch buffer, which lasts until
 *             the next park, or in memory of its own, into which they are moved before a park; so
 *             an idle connection holds no buffer. Who returns to a test's own code settles the
 *             stream first. A read is tried only when the poller said readable.
 * Cost        one send and one recv a request; no allocation unless bytes arrive in pieces.
 * Uses        >>loop >>sync >>log
 * Limits      while a body is being sent the answer is not looked at: an early refusal is read when
 *             the peer closes, or after the last byte. 128 connects are in flight at once.
 * ============================================================================================ */

typedef struct locust__addr {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } as;
    socklen_t len;
    const char *path; // of a unix socket; outlives this
} locust__addr;

typedef struct locust__source_range { // local addresses to connect from
    locust__addr first;
    uint32_t n;
} locust__source_range;

enum { LOCUST__SOURCES = 64 };

typedef struct locust__net {
    locust__loop *loop;
    locust__source_range sources[LOCUST__SOURCES];
    int n_sources;
    uint32_t source_turn;
    const locust__log *log;
    locust__semaphore connects; // how many more may be in flight
    int64_t files;              // the limit on descriptors
    int64_t open;               // streams that are connected
    int users;                  // that the test wants, for advice
    bool no_arrivals;           // do not ask the kernel when bytes came
    bool told_files, told_ports, told_queue;
} locust__net;

/* What lies between a stream and its socket: TLS. Embedded by its owner. */
typedef struct locust__layer {
    locust_error (*recv)(locust_stream *s, char *to, size_t n, size_t *got);
    locust_error (*send)(locust_stream *s, const struct iovec *iov, int n, size_t *sent);
    void (*close)(locust_stream *s); // frees it; the socket is still open
} locust__layer;

struct locust_stream {
    locust__fd fd; // fd.source.fd < 0: closed
    locust__net *net;
    locust__layer *layer; // NULL: bytes go as they are
    bool held;            // the layer has bytes that it took off the socket
    bool datagrams;       // a read takes one, and there may be more
    const char *in;       // unread bytes
    size_t in_len;
    char *own; // the memory they are in; NULL: the scratch buffer
    size_t own_cap;
    size_t burst;       // bytes read since the last park
    int64_t arrived_ns; // when the last bytes read reached this machine; 0: unknown
};

enum { LOCUST__CONNECTS = 128, LOCUST__BURST = 1 << 20 };

/* A literal IPv4 or IPv6 address. */
static bool locust__addr_parse(locust__addr *a, const char *text, int port)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &a->as.in.sin_addr) == 1) {
        a->as.in.sin_family = AF_INET;
        a->as.in.sin_port = htons((uint16_t)port);
        a->len = sizeof a->as.in;
        return true;
    }
    if (inet_pton(AF_INET6, text, &a->as.in6.sin6_addr) == 1) {
        a->as.in6.sin6_family = AF_INET6;
        a->as.in6.sin6_port = htons((uint16_t)port);
        a->len = sizeof a->as.in6;
        return true;
    }
    return false;
}

/* The address of a unix socket. False: the path is too long. */
static bool locust__addr_unix(locust__addr *a, const char *path)
{
    memset(a, 0, sizeof *a);
    a->as.any.sa_family = AF_UNIX;
    a->path = path;
    return *path && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static int locust__addr_connect(int fd, const locust__addr *to)
{
    struct sockaddr_un un;
    if (!to->path)
        return LOCUST__SYS(connect)(fd, &to->as.any, to->len);
    memset(&un, 0, sizeof un);
    un.sun_family = AF_UNIX;
    memcpy(un.sun_path, to->path, strlen(to->path) + 1);
    return LOCUST__SYS(connect)(fd, (struct sockaddr *)(void *)&un, sizeof un);
}
