/* ============================================================================================
 * >>os_kqueue  the poller of macOS and the BSDs
 *
 * Purpose     watches descriptors by kqueue, edge-triggered (EV_CLEAR) and in both directions. On
 *             Linux libkqueue has the same calls.
 * Names       locust__os_kqueue_ locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    p->fd = LOCUST__SYS(kqueue)();
    if (p->fd < 0)
        return -errno;
    fcntl(p->fd, F_SETFD, FD_CLOEXEC);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    close(p->fd);
}

static int locust__os_kqueue_change(locust__poller *p, locust__watch *watch, int filter, int flags)
{
    struct kevent change;
    memset(&change, 0, sizeof change);
    EV_SET(&change, watch->fd, filter, flags, 0, 0, watch);
    return LOCUST__SYS(kevent)(p->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    int rc = locust__os_kqueue_change(p, watch, EVFILT_READ, EV_ADD | EV_CLEAR);
    if (!rc) // this may fail: the reading end of a pipe cannot be written to
        locust__os_kqueue_change(p, watch, EVFILT_WRITE, EV_ADD | EV_CLEAR);
    return rc;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    // The close() that follows would do, were it not for libkqueue.
    locust__os_kqueue_change(p, watch, EVFILT_READ, EV_DELETE);
    locust__os_kqueue_change(p, watch, EVFILT_WRITE, EV_DELETE);
}

/* A watch that became ready in both directions is two events, and in `out` twice. */
static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    struct kevent events[LOCUST__OS_EVENTS];
    struct timespec span = {(time_t)(timeout_ns / LOCUST__S), (long)(timeout_ns % LOCUST__S)};
    bool forever = timeout_ns > INT_MAX * LOCUST__S;
    int n = LOCUST__SYS(kevent)(p->fd, NULL, 0, events, LOCUST__OS_EVENTS, forever ? NULL : &span);
    for (int i = 0; i < n; i++) {
        out[i] = (locust__watch *)(void *)events[i].udata;
        locust__watch_set(out[i], events[i].filter == EVFILT_READ, events[i].filter == EVFILT_WRITE,
            events[i].flags & (EV_EOF | EV_ERROR));
    }
    return n < 0 ? 0 : n;
}
