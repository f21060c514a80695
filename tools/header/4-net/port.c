/* ============================================================================================
 * >>port  local ports to connect from
 *
 * Purpose     counts local ports and tells each connect() which one to take. Linux by itself hands
 *             out the even ports first. Once half of a source's ports are in use, each connect()
 *             looks at all of those again, which takes 0.8 to 2 ms of CPU.
 * Invariants  a port that another socket holds is passed over; where many in a row are held, and
 *             where the system cannot be told a port, the system chooses.
 * Cost        a system call for each connection after the first LOCUST__PORTS_FROM.
 * Names       locust__ports_
 * Uses        >>address
 * Sources     ip(7): IP_LOCAL_PORT_RANGE, since Linux 6.3.
 * ============================================================================================ */

enum {
    LOCUST__PORTS_FROM = 4096,       // connects before, for which the system's choice costs nothing
    LOCUST__PORTS_TRIES = 256,       // held ports in a row
    LOCUST__PORTS_SEARCH_NS = 500000 // a connect() that took longer has looked for a port
};

typedef struct locust__ports {
    uint32_t first, n;   // the system's range; n 0: not asked yet, or the system chooses
    uint32_t at;         // the port whose turn it is, counted from the first
    uint32_t left;       // connects that take this port, too: from other source addresses
    uint64_t connects;   // so far
    int64_t searched_ns; // in connect(), while it looked for a port
} locust__ports;

/* Has the socket connect from the port whose turn it is. `sources`: how many addresses connect in
 * turn. False: the system cannot be told. */
static bool locust__ports_take(locust__ports *p, int fd, uint32_t sources)
{
    if (!p->n)
        return false;
    if (!p->left) {
        p->at++;
        p->left = sources;
    }
    p->left--;
    if (!locust__os_take_port(fd, p->first + p->at % p->n))
        p->n = 0;
    return p->n > 0;
}

/* connect(), for which the system chooses the port. */
static int locust__ports_leave(locust__ports *p, int fd, const locust__addr *to)
{
    int64_t began_ns = locust__os_now_ns(), took_ns;
    int rc = locust__addr_connect(fd, to), error = errno;
    took_ns = locust__os_now_ns() - began_ns;
    if (took_ns > LOCUST__PORTS_SEARCH_NS)
        p->searched_ns += took_ns;
    errno = error;
    return rc;
}

/* connect() to an IP address. */
static int locust__ports_connect(locust__ports *p, int fd, const locust__addr *to, uint32_t sources)
{
    bool told = false;
    if (++p->connects <= LOCUST__PORTS_FROM)
        return locust__addr_connect(fd, to);
    if (p->connects == LOCUST__PORTS_FROM + 1 && locust__os_ports(&p->first, &p->n))
        locust__os_random(&p->at, sizeof p->at); // two generators on one machine rarely meet
    for (int i = 0; i < LOCUST__PORTS_TRIES && locust__ports_take(p, fd, sources); i++) {
        int rc = locust__addr_connect(fd, to);
        told = true;
        if (rc == 0 || errno != EADDRNOTAVAIL)
            return rc;
        p->left = 0;
    }
    if (told)
        locust__os_take_port(fd, 0);
    return locust__ports_leave(p, fd, to);
}
