/* ============================================================================================
 * >>net  what all connections of a test share
 *
 * Purpose     limits, counts and source addresses of a test's connections; what a socket's errno
 *             means; advice, once, when the machine has no descriptors or ports left.
 * Names       locust__net_
 * Uses        >>co >>sync >>source >>port
 * Limits      128 connects are in flight at once; further ones wait.
 * ============================================================================================ */

typedef struct locust__net {
    locust__loop *loop;
    locust__sources sources;
    locust__ports ports;
    const locust__log *log;
    locust__sem connects;      // permits for LOCUST__NET_CONNECTS connects in flight
    int64_t files;             // the limit on descriptors
    int64_t open;              // connected streams
    uint64_t dialled, refused; // connects that ended, and of them those that were refused
    int users;                 // number of users that the test asks for, for advice
    bool no_arrivals;          // do not ask the kernel when bytes arrived
    bool advised_files, advised_ports, advised_wait; // each advice is given once
    uint64_t out_of_files, out_of_ports;             // how often there was none left
} locust__net;

enum { LOCUST__NET_CONNECTS = 128 };

static void locust__net_init(locust__net *net, locust__loop *loop, const locust__log *log)
{
    memset(net, 0, sizeof *net);
    net->loop = loop;
    net->log = log;
    net->connects.free = LOCUST__NET_CONNECTS;
    net->files = locust__os_raise_files();
}

/* The error for an errno of a socket, given as a positive number. */
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

/* Is the machine out of something that every connection needs? */
static bool locust__net_lacks(locust_error error)
{
    return error == LOCUST_ERR_FILES || error == LOCUST_ERR_PORTS || error == LOCUST_ERR_MEMORY;
}

/* Counts what the machine is out of, and says it once, and what to do about it. */
static void locust__net_advise(locust__net *net, locust_error error)
{
    net->out_of_files += error == LOCUST_ERR_FILES;
    net->out_of_ports += error == LOCUST_ERR_PORTS;
    if (error == LOCUST_ERR_FILES && !net->advised_files) {
        net->advised_files = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "too many open files after %lld connections: ulimit -n is %lld, "
            "%d users need about %d: raise it (its hard limit too), or use fewer users",
            (long long)net->open, (long long)net->files, net->users, net->users + 64);
    }
    if (error == LOCUST_ERR_PORTS && !net->advised_ports) {
        net->advised_ports = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "no local port left after %lld connections to one destination: a source address has "
            "the ports of net.ipv4.ip_local_port_range (usually 28232): widen it, or use fewer "
            "users",
            (long long)net->open);
    }
}
