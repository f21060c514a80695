/* ============================================================================================
 * >>os_linux  what only Linux has
 *
 * Purpose     getrandom, arrival times of bytes, timer slack, ports bound late, guard markers, the
 *             kernel's account of waiting.
 * Names       locust__os_guard_ locust__os_late_ locust__os_memory_ locust__os_precise_
 *             locust__os_random_ locust__os_recv_ locust__os_set_ locust__os_stamp_
 *             locust__os_waited_
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

/* The second number of the kernel's own account. */
static int64_t locust__os_waited_ns(void)
{
    locust__buf text = locust__os_read_file("/proc/self/schedstat", 256);
    const char *second = text.len ? strchr(text.ptr, ' ') : NULL;
    int64_t ns = -1;
    if (second) {
        second++;
        ns = locust__number_whole(&second);
    }
    locust__buf_free(&text);
    return ns;
}

static void locust__os_precise_timers(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // the default wakes 60 us late
}

/* musl's setrlimit serves old kernels, too, one thread after the other: 1.5 KB. */
static int locust__os_set_files(const struct rlimit *limit)
{
    if (sizeof limit->rlim_cur == 8) // as the kernel has it
        return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
    return setrlimit(RLIMIT_NOFILE, limit);
}

static void locust__os_late_port(int fd)
{
    int on = 1; // a kernel before 4.2 refuses: the port is chosen at bind
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
}

static void locust__os_stamp(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
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
    struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    struct timespec t;
    *arrived_ns = 0;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
        c->cmsg_len >= CMSG_LEN(sizeof t)) {
        memcpy(&t, CMSG_DATA(c), sizeof t);
        *arrived_ns = (int64_t)t.tv_sec * LOCUST__S + t.tv_nsec;
    }
    return got;
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    return madvise(p, n, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
}
