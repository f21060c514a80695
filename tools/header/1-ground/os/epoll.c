/* ============================================================================================
 * >>os_epoll  the poller of Linux
 *
 * Purpose     edge-triggered, both directions, once for the life of a descriptor.
 * Names       locust__os_epoll_ locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->coarse = LOCUST__WITH_VALGRIND; // which does not know the call
    p->fd = LOCUST__SYS(epoll_create1)(EPOLL_CLOEXEC);
    return p->fd < 0 ? -errno : 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    close(p->fd);
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    event.data.ptr = watch;
    return LOCUST__SYS(epoll_ctl)(p->fd, EPOLL_CTL_ADD, watch->fd, &event) != 0 ? -errno : 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    // The close that follows would do it, unless a test has forked: then it is the last moment.
    struct epoll_event unused;
    epoll_ctl(p->fd, EPOLL_CTL_DEL, watch->fd, &unused);
}

/* epoll_pwait2 where there is one (Linux 5.11, not under qemu-user), else epoll_wait, rounded
 * up. */
static int locust__os_epoll(locust__poller *p, struct epoll_event *events, int64_t timeout_ns)
{
    int64_t ms;
#ifdef SYS_epoll_pwait2
    if (!p->coarse && timeout_ns > 0 && timeout_ns < LOCUST__NEVER) {
        struct {
            int64_t s, ns;
        } span = {timeout_ns / LOCUST__S, timeout_ns % LOCUST__S};
        long n =
            syscall(SYS_epoll_pwait2, p->fd, events, LOCUST__OS_EVENTS, &span, NULL, (size_t)0);
        if (n >= 0 || errno == EINTR)
            return (int)n;
        p->coarse = true; // ENOSYS, or EPERM from a container's filter
    }
#endif
    ms = timeout_ns > INT_MAX * LOCUST__MS ? -1 : (timeout_ns + LOCUST__MS - 1) / LOCUST__MS;
    return LOCUST__SYS(epoll_wait)(p->fd, events, LOCUST__OS_EVENTS, (int)ms);
}

static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    struct epoll_event events[LOCUST__OS_EVENTS];
    int n = locust__os_epoll(p, events, timeout_ns);
    for (int i = 0; i < n; i++) {
        uint32_t got = events[i].events;
        out[i] = events[i].data.ptr;
        locust__watch_set(
            out[i], got & EPOLLIN, got & EPOLLOUT, got & (EPOLLHUP | EPOLLERR | EPOLLRDHUP));
    }
    return n < 0 ? 0 : n;
}
