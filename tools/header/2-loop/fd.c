/* ============================================================================================
 * >>fd  descriptors and who waits for them
 *
 * Purpose     park until a descriptor is readable or writable, or a deadline.
 * Names       locust__fd_
 * Uses        >>co >>switch
 * ============================================================================================ */

typedef struct locust__fd { // a descriptor with who waits for it
    locust__watch watch;    // first: the poller hands this back
    locust__co *reader, *writer;
} locust__fd;

/* Takes over a nonblocking descriptor; on an error it stays the caller's. 0 or -errno. */
static int locust__fd_open(locust__loop *loop, locust__fd *f, int fd)
{
    memset(f, 0, sizeof *f);
    f->watch.fd = fd;
    return locust__os_poll_add(&loop->poller, &f->watch);
}

/* Ends the waits of others for it with LOCUST__WAKE_EVENT: they find it closed. */
static void locust__fd_close(locust__loop *loop, locust__fd *f)
{
    if (f->watch.fd < 0)
        return;
    locust__os_poll_remove(&loop->poller, &f->watch);
    close(f->watch.fd);
    f->watch.fd = -1;
    if (f->reader)
        locust__co_wake(loop, f->reader, LOCUST__WAKE_EVENT);
    if (f->writer)
        locust__co_wake(loop, f->writer, LOCUST__WAKE_EVENT);
}

static enum locust__wake locust__fd_wait_read(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->watch.readable)
        return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
    f->reader = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->reader = NULL;
    return why;
}

static enum locust__wake locust__fd_wait_write(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->watch.writable)
        return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
    f->writer = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->writer = NULL;
    return why;
}

/* Waits until one of some descriptors can be written to; those with a negative one do not count. */
static enum locust__wake locust__fd_wait_any_write(
    locust__loop *loop, locust__fd *fds, int n, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    for (int i = 0; i < n; i++) {
        if (fds[i].watch.fd >= 0 && fds[i].watch.writable)
            return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
        fds[i].writer = loop->current;
    }
    why = locust__co_park(loop, deadline_ns, true);
    for (int i = 0; i < n; i++)
        fds[i].writer = NULL;
    return why;
}

/* Gives the descriptor back, open. */
static int locust__fd_release(locust__loop *loop, locust__fd *f)
{
    int fd = f->watch.fd;
    locust__os_poll_remove(&loop->poller, &f->watch);
    f->watch.fd = -1;
    return fd;
}
