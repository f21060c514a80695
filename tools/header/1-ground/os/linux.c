/* ============================================================================================
 * >>os_linux  what only Linux has
 *
 * Purpose     random bytes, arrival times of bytes, timer slack, ports that are taken late, guard
 *             markers, and how long the process waited for a CPU.
 * Names       locust__os_arrived locust__os_guard_ locust__os_late_ locust__os_memory_
 *             locust__os_ports locust__os_precise_ locust__os_random_ locust__os_recv_
 *             locust__os_reopen_ locust__os_set_ locust__os_slept_ locust__os_stamp_
 *             locust__os_take_ locust__os_waited_ locust__os_trim
 * Sources     the manual pages of Linux, and its headers where a C library lacks a name.
 * ============================================================================================ */

static void locust__os_random(void *out, size_t n)
{
    if (syscall(SYS_getrandom, out, n, 1 /* GRND_NONBLOCK */) != (long)n)
        locust__os_random_device(out, n);
}

static size_t locust__os_memory(void)
{
    return locust__os_statm();
}

/* glibc alone keeps freed memory between blocks that live on. */
LOCUST__UNUSED static void locust__os_trim(void)
{
#if defined(__GLIBC__) && !defined(__UCLIBC__)
    malloc_trim(0);
#endif
}

static int64_t locust__os_waited_ns(void)
{
    return locust__os_proc_second("/proc/self/schedstat"); // time on a CPU, then waiting for one
}

/* The one clock goes on while the machine is suspended, the other does not. */
static int64_t locust__os_slept_ns(void)
{
    int64_t now_ns = locust__os_clock(CLOCK_MONOTONIC);
    return locust__os_clock((clockid_t)7 /* CLOCK_BOOTTIME */) - now_ns;
}

static void locust__os_precise_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // with the default waits end 60 us late
}

/* musl's setrlimit() is 1.5 KB of a static program: it also serves old kernels and other
 * threads. */
static int locust__os_set_files(const struct rlimit *limit)
{
    if (sizeof limit->rlim_cur == 8) // laid out as the system call has it
        return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
    return setrlimit(RLIMIT_NOFILE, limit);
}

static void locust__os_late_port(int fd)
{
    int on = 1; // Linux before 4.2 refuses: bind() then takes the port
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
}

static bool locust__os_ports(uint32_t *first, uint32_t *n)
{
    locust__buf text = locust__os_read_file("/proc/sys/net/ipv4/ip_local_port_range", 64);
    const char *p = text.len ? text.ptr : "";
    int64_t low = locust__number_whole(&p), high;
    while (*p == '\t' || *p == ' ')
        p++;
    high = locust__number_whole(&p);
    locust__buf_free(&text);
    if (low < 1 || high < low || high > 65535)
        return false;
    *first = (uint32_t)low;
    *n = (uint32_t)(high - low + 1);
    return true;
}

static bool locust__os_take_port(int fd, uint32_t port)
{
    uint32_t range = port << 16 | port; // the last, then the first of the range
    return setsockopt(
               fd, IPPROTO_IP, 51 /* IP_LOCAL_PORT_RANGE, Linux 6.3 */, &range, sizeof range) == 0;
}

static int locust__os_reopen(int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void locust__os_stamp(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/* When the bytes of a received message had arrived. */
static int64_t locust__os_arrived(struct msghdr *message)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    struct timespec t;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
        c->cmsg_len < CMSG_LEN(sizeof t))
        return 0;
    memcpy(&t, CMSG_DATA(c), sizeof t);
    return locust__time_of(t);
}

static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct iovec iov = {to, n};
    struct msghdr message = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control};
    ssize_t got = LOCUST__SYS(recvmsg)(fd, &message, 0);
    *arrived_ns = got > 0 ? locust__os_arrived(&message) : 0;
    return got;
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    return madvise(p, n, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
}
