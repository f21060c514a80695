/* ============================================================================================
 * >>address  addresses of sockets
 *
 * Purpose     addresses of sockets from text: IPv4, IPv6, paths of unix sockets. No names are
 *             looked up.
 * Names       locust__addr_
 * ============================================================================================ */

typedef struct locust__addr {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } as;
    socklen_t len;
    const char *path; // of a unix socket, borrowed; NULL: an IP address
} locust__addr;

/* Reads a literal IPv4 or IPv6 address. False: the text is something else. */
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

/* The address of a unix socket. False: the path is empty or too long. */
static bool locust__addr_unix(locust__addr *a, const char *path)
{
    memset(a, 0, sizeof *a);
    a->as.any.sa_family = AF_UNIX;
    a->path = path;
    return *path && strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

/* connect(); the address of a unix socket is too big to be kept in every locust__addr, so it is
 * made here. */
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

static void locust__addr_set_port(locust__addr *a, int port)
{
    if (a->as.any.sa_family == AF_INET6)
        a->as.in6.sin6_port = htons((uint16_t)port);
    else
        a->as.in.sin_port = htons((uint16_t)port);
}
