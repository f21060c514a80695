/* -- what systems have and others have not -- */

static void locust__os_random(void *out, size_t n)
{
    int fd;
    ssize_t got = -1;
#if LOCUST__OS_APPLE || LOCUST__OS_BSD
    arc4random_buf(out, n);
    got = (ssize_t)n;
#elif defined(SYS_getrandom)
    got = (ssize_t)syscall(SYS_getrandom, out, n, 1 /* GRND_NONBLOCK */);
#endif
    if (got == (ssize_t)n)
        return;
    fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, n);
        close(fd);
    }
    if (got != (ssize_t)n) { // no source at all: ids differ between runs at least
        uint64_t seed = (uint64_t)locust__os_wall_ns() ^ (uint64_t)getpid() << 32;
        for (size_t i = 0; i < n; i++)
            ((unsigned char *)out)[i] = (unsigned char)locust__base_random(&seed);
    }
}

static size_t locust__os_memory(void)
{
#if LOCUST__OS_APPLE
    struct mach_task_basic_info about;
    mach_msg_type_number_t n = MACH_TASK_BASIC_INFO_COUNT;
    kern_return_t rc =
        task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)(void *)&about, &n);
    return rc == KERN_SUCCESS ? about.resident_size : 0;
#else
    locust__buf text = locust__os_read_file("/proc/self/statm", 256); // Linux, NetBSD
    const char *second = text.len ? strchr(text.ptr, ' ') : NULL;
    int64_t pages = 0;
    if (second) {
        second++;
        pages = locust__base_whole(&second);
    }
    locust__buf_free(&text);
    return pages > 0 ? (size_t)pages * locust__os_page_size() : 0;
#endif
}

/* The kernel's own account of it, on Linux: the second number. */
static int64_t locust__os_waited_ns(void)
{
    locust__buf text = locust__os_read_file("/proc/self/schedstat", 256);
    const char *second = text.len ? strchr(text.ptr, ' ') : NULL;
    int64_t ns = -1;
    if (second) {
        second++;
        ns = locust__base_whole(&second);
    }
    locust__buf_free(&text);
    return ns;
}

static void locust__os_precise_timers(void)
{
#if LOCUST__OS_LINUX
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // the default wakes 60 us late
#endif
}

/* Makes a new socket nonblocking and close-on-exec. Returns it; where that fails, -errno. */
LOCUST__UNUSED static int locust__os_own(int fd)
{
    int rc = locust__os_nonblocking(fd);
#ifdef SO_NOSIGPIPE
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int locust__os_socket(int family, int type)
{
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    int fd = LOCUST__SYS(socket)(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
#else
    int fd = LOCUST__SYS(socket)(family, type, 0);
    return fd < 0 ? -errno : locust__os_own(fd);
#endif
}

static int locust__os_accept(int fd)
{
    int peer = LOCUST__SYS(accept)(fd, NULL, NULL);
    return peer < 0 ? -errno : locust__os_own(peer);
}

static void locust__os_late_port(int fd)
{
#ifdef IP_BIND_ADDRESS_NO_PORT
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#else
    (void)fd;
#endif
}

#if LOCUST__OS_LINUX

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

#else

static void locust__os_stamp(int fd)
{
    (void)fd;
}

static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns)
{
    *arrived_ns = 0;
    return LOCUST__SYS(recv)(fd, to, n, 0);
}

#endif // LOCUST__OS_LINUX

LOCUST__UNUSED static bool locust__os_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_supports("aes");
#elif defined(__aarch64__) && LOCUST__OS_LINUX
    return getauxval(AT_HWCAP) & 1 << 3; // HWCAP_AES
#else
    return LOCUST__OS_APPLE && sizeof(void *) == 8; // every Apple silicon has
#endif
}

static bool locust__os_guard_mark(char *p, size_t n)
{
#if LOCUST__OS_LINUX
    return madvise(p, n, 102 /* MADV_GUARD_INSTALL, Linux 6.13 */) == 0;
#else
    (void)p;
    (void)n;
    return false;
#endif
}

/* True if a marked page really faults: qemu-user says 0 to the call and does nothing. write() from
 * the page into a pipe tells, without a signal. */
static bool locust__os_guard_works(void)
{
    size_t page = locust__os_page_size();
    char *p = locust__os_stacks_map(page);
    int pipe_fds[2];
    bool works = false;
    if (!p)
        return false;
    if (locust__os_guard_mark(p, page) && pipe(pipe_fds) == 0) {
        works = write(pipe_fds[1], p, 1) < 0 && errno == EFAULT;
        close(pipe_fds[0]);
        close(pipe_fds[1]);
    }
    locust__os_stacks_unmap(p, page);
    return works;
}
