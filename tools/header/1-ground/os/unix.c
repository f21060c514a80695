/* ============================================================================================
 * >>os_unix  what Linux has and this system has not
 *
 * Purpose     stands in for >>os_linux on other systems. No function there is needed: each only
 *             makes a figure more exact, or a stack cheaper.
 * Names       locust__os_cgroup_ locust__os_family_ locust__os_guard_ locust__os_late_
 *             locust__os_ports locust__os_precise_
 *             locust__os_recv_ locust__os_reopen_ locust__os_set_ locust__os_slept_
 *             locust__os_stamp_ locust__os_take_ locust__os_trim locust__os_waited_
 * ============================================================================================ */

static int64_t locust__os_waited_ns(void)
{
    return -1;
}

static bool locust__os_family(int pid, int64_t *cpu_ns, size_t *bytes)
{
    (void)pid, (void)cpu_ns, (void)bytes;
    return false;
}

static bool locust__os_cgroup(const char *cgroup, int64_t *cpu_ns, size_t *bytes)
{
    (void)cgroup, (void)cpu_ns, (void)bytes;
    return false;
}

static int64_t locust__os_slept_ns(void)
{
    return 0; // unknown
}

LOCUST__UNUSED static void locust__os_trim(void)
{
}

static void locust__os_precise_timers(void)
{
}

static int locust__os_set_files(const struct rlimit *limit)
{
    return setrlimit(RLIMIT_NOFILE, limit);
}

static void locust__os_late_port(int fd)
{
    (void)fd;
}

static bool locust__os_ports(uint32_t *first, uint32_t *n)
{
    *first = *n = 0;
    return false;
}

static bool locust__os_take_port(int fd, uint32_t port)
{
    (void)fd;
    (void)port;
    return false;
}

static int locust__os_reopen(int fd)
{
    (void)fd;
    return -ENOTSUP; // /dev/fd gives a copy of the descriptor, which shares the open file
}

static void locust__os_stamp(int fd)
{
    (void)fd;
}

static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns)
{
    *arrived_ns = 0;
    return LOCUST__SYS(recv)(fd, to, n, 0);
}

static bool locust__os_guard_mark(char *p, size_t n)
{
    (void)p;
    (void)n;
    return false;
}
