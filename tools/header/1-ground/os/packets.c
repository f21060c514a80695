/* ============================================================================================
 * >>os_packets  several datagrams by one system call
 *
 * Purpose     sends and receives the datagrams of a connected socket, many at once where the system
 *             can: on loopback a datagram that leaves in a batch of equals costs a third.
 * Names       locust__os_packets_ locust__os_packet
 * Cost        a kilobyte or two of stack: call it on the loop's.
 * Sources     udp(7) (UDP_SEGMENT, Linux 4.18), recvmmsg(2).
 * ============================================================================================ */

typedef struct locust__os_packet {
    char *bytes;
    size_t n;           // to send; or the room, and then what was received
    int64_t arrived_ns; // of one received, since 1970; 0: unknown
} locust__os_packet;

enum { LOCUST__OS_PACKETS_MOST = 64 }; // in one call; what a kernel takes as segments

#if LOCUST__OS_LINUX
enum { LOCUST__OS_PACKETS_LEVEL = 17, LOCUST__OS_PACKETS_SEGMENT = 103 }; // SOL_UDP, UDP_SEGMENT

/* May datagrams of one length go to the kernel as one? One that is too old would send them as
 * one. */
static bool locust__os_packets_batched(int fd)
{
    int size;
    socklen_t len = sizeof size;
    return getsockopt(fd, LOCUST__OS_PACKETS_LEVEL, LOCUST__OS_PACKETS_SEGMENT, &size, &len) == 0;
}

/* Sends n packets of one length, of which the last may be shorter. */
static bool locust__os_packets_send_run(int fd, const locust__os_packet *packets, int n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control;
    struct iovec iov[LOCUST__OS_PACKETS_MOST];
    struct msghdr message = {.msg_iov = iov,
        .msg_iovlen = (size_t)n,
        .msg_control = &control,
        .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    uint16_t size = (uint16_t)packets->n;
    memset(&control, 0, sizeof control);
    c->cmsg_level = LOCUST__OS_PACKETS_LEVEL;
    c->cmsg_type = LOCUST__OS_PACKETS_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(c), &size, sizeof size);
    for (int i = 0; i < n; i++)
        iov[i] = (struct iovec){packets[i].bytes, packets[i].n};
    return LOCUST__SYS(sendmsg)(fd, &message, LOCUST__OS_SEND_FLAGS) >= 0;
}
#else
static bool locust__os_packets_batched(int fd)
{
    (void)fd;
    return false;
}

static bool locust__os_packets_send_run(int fd, const locust__os_packet *packets, int n)
{
    (void)fd, (void)packets, (void)n;
    return false;
}
#endif

/* Sends packets, in order: those of one length that stand together as one, if that is `batched`.
 * Returns how many went out; fewer than n: errno says why. */
static int locust__os_packets_send(int fd, const locust__os_packet *packets, int n, bool batched)
{
    for (int i = 0; i < n;) {
        int run = 1;
        bool sent = false;
        while (batched && i + run < n && run < LOCUST__OS_PACKETS_MOST &&
               packets[i + run].n == packets[i].n)
            run++;
        sent = run > 1 && locust__os_packets_send_run(fd, packets + i, run);
        if (run > 1 && !sent && (errno == EAGAIN || errno == ECONNREFUSED))
            return i;
        for (int k = 0; !sent && k < run; k++) // one by one: a device may refuse segments
            if (LOCUST__SYS(send)(
                    fd, packets[i + k].bytes, packets[i + k].n, LOCUST__OS_SEND_FLAGS) < 0)
                return i + k;
        i += run;
    }
    return n;
}

#if LOCUST__OS_LINUX && defined(SYS_recvmmsg)

typedef struct locust__os_packets_header { // struct mmsghdr, which needs _GNU_SOURCE
    struct msghdr message;
    unsigned len;
} locust__os_packets_header;

enum { LOCUST__OS_PACKETS_IN = 16 };

/* Receives up to n packets. Returns how many there were, fewer than n: no more are there now; -1:
 * errno says why there was none. */
static int locust__os_packets_recv(int fd, locust__os_packet *packets, int n)
{
    locust__os_packets_header headers[LOCUST__OS_PACKETS_IN];
    struct iovec iov[LOCUST__OS_PACKETS_IN];
    struct {
        _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control[LOCUST__OS_PACKETS_IN];
    int got;
    memset(headers, 0, (size_t)n * sizeof *headers);
    for (int i = 0; i < n; i++) {
        iov[i] = (struct iovec){packets[i].bytes, packets[i].n};
        headers[i].message.msg_iov = &iov[i];
        headers[i].message.msg_iovlen = 1;
        headers[i].message.msg_control = &control[i];
        headers[i].message.msg_controllen = sizeof control[i];
    }
    got = (int)syscall(SYS_recvmmsg, fd, headers, n, 0, NULL);
    for (int i = 0; i < got; i++) {
        packets[i].n = headers[i].len;
        packets[i].arrived_ns = locust__os_arrived(&headers[i].message);
    }
    return got;
}

#else

enum { LOCUST__OS_PACKETS_IN = 16 };

static int locust__os_packets_recv(int fd, locust__os_packet *packets, int n)
{
    int got = 0;
    for (; got < n; got++) {
        ssize_t rc =
            locust__os_recv(fd, packets[got].bytes, packets[got].n, &packets[got].arrived_ns);
        if (rc < 0)
            break;
        packets[got].n = (size_t)rc;
    }
    return got || n == 0 ? got : -1;
}

#endif
