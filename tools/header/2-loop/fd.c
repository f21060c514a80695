/* ============================================================================================
 * >>fd  descriptors and who waits for them
 *
 * Purpose     park until a descriptor is readable or writable, or a deadline.
 * Uses        >>co >>switch
 * ============================================================================================ */

typedef struct locust__fd { // a descriptor with who waits for it
    locust__source source;  // first: the poller hands this back
    locust__co *reader, *writer;
} locust__fd;

/* Takes over a nonblocking descriptor; on an error it stays the caller's. 0 or -errno. */
static int locust__fd_open(locust__loop *loop, locust__fd *f, int fd)
{
    memset(f, 0, sizeof *f);
    f->source.fd = fd;
    return locust__os_poll_add(&loop->poller, &f->source);
}

/* Ends the waits of others for it with LOCUST__WOKEN: they find it closed. */
static void locust__fd_close(locust__loop *loop, locust__fd *f)
{
    if (f->source.fd < 0)
        return;
    locust__os_poll_remove(&loop->poller, &f->source);
    close(f->source.fd);
    f->source.fd = -1;
    if (f->reader)
        locust__co_wake(loop, f->reader, LOCUST__WOKEN);
    if (f->writer)
        locust__co_wake(loop, f->writer, LOCUST__WOKEN);
}

static enum locust__wake locust__fd_wait_read(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->source.readable)
        return loop->current->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
    f->reader = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->reader = NULL;
    return why;
}

static enum locust__wake locust__fd_wait_write(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (f->source.writable)
        return loop->current->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
    f->writer = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    f->writer = NULL;
    return why;
}

/* Waits until one of some descriptors can be written to; those with a negative one do not count. */
static enum locust__wake locust__fds_wait_write(
    locust__loop *loop, locust__fd *fds, int n, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    for (int i = 0; i < n; i++) {
        if (fds[i].source.fd >= 0 && fds[i].source.writable)
            return loop->current->cancelled ? LOCUST__CANCELLED : LOCUST__WOKEN;
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
    int fd = f->source.fd;
    locust__os_poll_remove(&loop->poller, &f->source);
    f->source.fd = -1;
    return fd;
}
