/* ============================================================================================
 * >>net  what all connections of a test share, and streams
 *
 * Purpose     blocking-style connect, read and write for coroutines, with deadlines.
 * Invariants  a stream's unread bytes are either in the loop's scratch buffer, which lasts until
 *             the next park, or in memory of its own, into which they are moved before a park; so
 *             an idle connection holds no buffer. Who returns to a test's own code settles the
 *             stream first. A read is tried only when the poller said readable.
 * Cost        one send and one recv a request; no allocation unless bytes arrive in pieces.
 * Names       locust__net_ locust__layer
 * Uses        >>co >>fd >>sync >>source
 * Limits      while a body is being sent the answer is not looked at: an early refusal is read when
 *             the peer closes, or after the last byte. 128 connects are in flight at once.
 * ============================================================================================ */

typedef struct locust__net {
    locust__loop *loop;
    locust__sources sources;
    const locust__log *log;
    locust__sem connects; // how many more may be in flight
    int64_t files;        // the limit on descriptors
    int64_t open;         // streams that are connected
    int users;            // that the test wants, for advice
    bool no_arrivals;     // do not ask the kernel when bytes came
    bool told_files, told_ports, told_queue;
} locust__net;

/* What lies between a stream and its socket: TLS. Embedded by its owner. */
typedef struct locust__layer {
    locust_error (*recv)(locust_stream *s, char *to, size_t n, size_t *got);
    locust_error (*send)(locust_stream *s, const struct iovec *iov, int n, size_t *sent);
    void (*close)(locust_stream *s); // frees it; the socket is still open
} locust__layer;

struct locust_stream {
    locust__fd fd; // fd.watch.fd < 0: closed
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

enum { LOCUST__NET_CONNECTS = 128 };

static void locust__net_init(locust__net *net, locust__loop *loop, const locust__log *log)
{
    memset(net, 0, sizeof *net);
    net->loop = loop;
    net->log = log;
    net->connects.free = LOCUST__NET_CONNECTS;
    net->files = locust__os_raise_files();
}

/* Every errno that a socket gives has its sentence. Takes the positive number. */
static locust_error locust__net_error(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return LOCUST_ERR_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
        return LOCUST_ERR_RESET;
    case EPIPE:
    case ENOTCONN:
        return LOCUST_ERR_PIPE;
    case ETIMEDOUT:
        return LOCUST_ERR_TIMEOUT;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return LOCUST_ERR_HOST_UNREACHABLE;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
        return LOCUST_ERR_NET_UNREACHABLE;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
        return LOCUST_ERR_PORTS;
    case EMFILE:
    case ENFILE:
        return LOCUST_ERR_FILES;
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC: // epoll: fs.epoll.max_user_watches
        return LOCUST_ERR_MEMORY;
    case ENOENT:
        return LOCUST_ERR_NO_SOCKET;
    case EACCES:
    case EPERM:
        return LOCUST_ERR_PERMISSION;
    default:
        return LOCUST_ERR_NETWORK;
    }
}

static bool locust__net_lacks(locust_error error)
{
    return error == LOCUST_ERR_FILES || error == LOCUST_ERR_PORTS || error == LOCUST_ERR_MEMORY;
}

/* Says once what the machine lacks, and what to do. */
static void locust__net_advise(locust__net *net, locust_error error)
{
    if (error == LOCUST_ERR_FILES && !net->told_files) {
        net->told_files = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "too many open files after %lld connections: ulimit -n is %lld, %d users need about "
            "%d: "
            "raise it (its hard limit too), or use fewer users",
            (long long)net->open, (long long)net->files, net->users, net->users + 64);
    }
    if (error == LOCUST_ERR_PORTS && !net->told_ports) {
        net->told_ports = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "no local port left after %lld connections to one destination: a source address has "
            "the "
            "ports of net.ipv4.ip_local_port_range (usually 28232): widen it, or use fewer users",
            (long long)net->open);
    }
}
