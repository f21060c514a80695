/* ============================================================================================
 * >>os_epoll  the poller of Linux
 *
 * Purpose     watches descriptors by epoll, edge-triggered and in both directions. Each is added
 *             once, for its whole life, so that a request costs no epoll_ctl().
 * Names       locust__os_epoll_ locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->coarse = LOCUST__WITH_VALGRIND; // valgrind does not know epoll_pwait2()
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
    // The close() that follows would do, but not in a test that has forked: the kernel keeps
    // watching as long as the child has the descriptor.
    struct epoll_event unused;
    epoll_ctl(p->fd, EPOLL_CTL_DEL, watch->fd, &unused);
}

/* Waits to the nanosecond by epoll_pwait2(), which is there from Linux 5.11 on and not under
 * qemu-user; else by epoll_wait(). */
static int locust__os_epoll(locust__poller *p, struct epoll_event *events, int64_t timeout_ns)
{
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
    return LOCUST__SYS(epoll_wait)(
        p->fd, events, LOCUST__OS_EVENTS, locust__os_timeout_ms(timeout_ns));
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
