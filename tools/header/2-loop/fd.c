/* ============================================================================================
 * >>fd  descriptors and who waits for them
 *
 * Purpose     parks a coroutine until a descriptor is readable or writable, or until a deadline.
 * Invariants  a descriptor is registered with the poller once, for its whole life. Its watch says
 *             what it is ready for; a read or write that finds it is not clears that (>>os). One
 *             coroutine at a time waits to read it, and one to write.
 * Cost        a wait for what is ready already is a load and a comparison, and no system call.
 * Names       locust__fd_
 * Uses        >>co >>switch
 * ============================================================================================ */

typedef struct locust__fd {
    locust__watch watch;         // first: the poller returns a pointer to it
    locust__co *reader, *writer; // parked until it is readable, writable; NULL: nobody is
    int64_t hup_ns;              // when the poller found that the peer hung up; 0: not yet
    /* Told by the loop that there may be something to read while nobody waits for it. May not park
     * nor free the descriptor. NULL: nobody asks. */
    void (*unread)(struct locust__fd *f);
} locust__fd;

/* Takes over a nonblocking descriptor. On an error it stays the caller's. 0 or -errno. */
static int locust__fd_open(locust__loop *loop, locust__fd *f, int fd)
{
    memset(f, 0, sizeof *f);
    f->watch.fd = fd;
    return locust__os_poll_add(&loop->poller, &f->watch);
}

/* Closes the descriptor. Coroutines that wait for it are woken with LOCUST__WAKE_EVENT, and find
 * that it is closed. */
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

/* Parks until the poller says `ready`, unless it has already: *waiter is whom it wakes. */
static inline enum locust__wake locust__fd_wait(
    locust__loop *loop, bool ready, locust__co **waiter, int64_t deadline_ns) LOCUST__PARKS
{
    enum locust__wake why;
    if (ready)
        return loop->current->cancelled ? LOCUST__WAKE_CANCELLED : LOCUST__WAKE_EVENT;
    *waiter = loop->current;
    why = locust__co_park(loop, deadline_ns, true);
    *waiter = NULL;
    return why;
}

/* Parks until the descriptor may be readable, or is closed. LOCUST__WAKE_EVENT says so, and is no
 * promise: a caller that then finds EAGAIN waits again. */
static enum locust__wake locust__fd_wait_read(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__fd_wait(loop, f->watch.readable, &f->reader, deadline_ns);
}

/* The same for writing. */
static enum locust__wake locust__fd_wait_write(
    locust__loop *loop, locust__fd *f, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__fd_wait(loop, f->watch.writable, &f->writer, deadline_ns);
}

/* Parks until one of n descriptors may be writable: connects that race. Closed ones do not
 * count. */
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

/* Takes the descriptor out of the loop, open: it is the caller's again. Nobody may wait for it. */
static int locust__fd_release(locust__loop *loop, locust__fd *f)
{
    int fd = f->watch.fd;
    locust__os_poll_remove(&loop->poller, &f->watch);
    f->watch.fd = -1;
    return fd;
}
