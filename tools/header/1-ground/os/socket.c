/* ============================================================================================
 * >>os_socket  sockets and the limit on descriptors
 *
 * Purpose     makes sockets that do not block, are closed on exec and raise no SIGPIPE, and
 *             raises the limit on descriptors.
 * Names       locust__os_accept_ locust__os_no_ locust__os_prepare_ locust__os_raise_
 *             locust__os_socket_
 * ============================================================================================ */

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
enum { LOCUST__OS_SOCKET_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC };
#else
enum { LOCUST__OS_SOCKET_FLAGS = 0 }; // locust__os_prepare sets them afterwards
#endif
#ifdef SO_NOSIGPIPE
enum { LOCUST__OS_NO_SIGPIPE = SO_NOSIGPIPE };
#else
enum { LOCUST__OS_NO_SIGPIPE = 0 };   // see LOCUST__OS_SEND_FLAGS
#endif

static int64_t locust__os_raise_files(void)
{
    struct rlimit limit;
    int64_t files;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return INT64_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (locust__os_set_files(&limit) != 0)
            limit.rlim_cur = soft;
    }
    files = (int64_t)limit.rlim_cur;
    return files < 0 ? INT64_MAX : files; // RLIM_INFINITY: no limit
}

/* Makes a new socket nonblocking and close-on-exec, and raise no SIGPIPE. Returns it, or -errno
 * after closing it. */
static int locust__os_prepare(int fd)
{
    int rc = locust__os_nonblocking(fd), on = 1;
    if (LOCUST__OS_NO_SIGPIPE != 0)
        setsockopt(fd, SOL_SOCKET, LOCUST__OS_NO_SIGPIPE, &on, sizeof on);
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int locust__os_socket(int family, int type)
{
    bool has_flags = LOCUST__OS_SOCKET_FLAGS != 0, has_option = LOCUST__OS_NO_SIGPIPE != 0;
    int fd = LOCUST__SYS(socket)(family, type | LOCUST__OS_SOCKET_FLAGS, 0);
    if (fd < 0)
        return -errno;
    return has_flags && !has_option ? fd : locust__os_prepare(fd);
}

static int locust__os_accept(int fd)
{
    int peer = LOCUST__SYS(accept)(fd, NULL, NULL);
    return peer < 0 ? -errno : locust__os_prepare(peer);
}
