/* ============================================================================================
 * >>os_poll  the poller of last resort
 *
 * Purpose     watches descriptors by poll(). It is level-triggered: to look edge-triggered it
 *             asks only for what a watch's flags do not say already.
 * Invariants  fds[i] and watches[i] belong together, and watches[i]->index == i.
 * Cost        each call looks at all descriptors.
 * Names       locust__os_poll_
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    LOCUST_FREE(p->fds);
    LOCUST_FREE(p->watches);
}

static int locust__os_poll_add(locust__poller *p, locust__watch *watch)
{
    if (p->n == p->cap) {
        int cap = p->cap ? 2 * p->cap : 64;
        struct pollfd *fds = LOCUST_REALLOC(p->fds, (size_t)cap * sizeof *fds);
        locust__watch **watches;
        if (!fds)
            return -ENOMEM;
        p->fds = fds;
        watches = LOCUST_REALLOC(p->watches, (size_t)cap * sizeof *watches);
        if (!watches)
            return -ENOMEM;
        p->watches = watches;
        p->cap = cap;
    }
    watch->index = p->n;
    p->fds[p->n] = (struct pollfd){.fd = watch->fd};
    p->watches[p->n++] = watch;
    return 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__watch *watch)
{
    int last = --p->n;
    p->fds[watch->index] = p->fds[last];
    p->watches[watch->index] = p->watches[last];
    p->watches[watch->index]->index = watch->index;
}

static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        locust__watch *w = p->watches[i];
        p->fds[i].fd = w->hup ? -1 : w->fd; // poll() would report a hang-up for ever
        p->fds[i].events = (short)((w->readable ? 0 : POLLIN) | (w->writable ? 0 : POLLOUT));
    }
    if (LOCUST__SYS(poll)(p->fds, (nfds_t)p->n, locust__os_timeout_ms(timeout_ns)) <= 0)
        return 0;
    for (int seen = 0, all = p->n; seen < all && n < LOCUST__OS_EVENTS; seen++) {
        int i = p->from = p->from + 1 < all ? p->from + 1 : 0; // goes round: all get their turn
        locust__watch *w = p->watches[i];
        short got = p->fds[i].revents;
        if (!got || p->fds[i].fd < 0)
            continue;
        locust__watch_set(w, got & POLLIN, got & POLLOUT, got & (POLLHUP | POLLERR | POLLNVAL));
        out[n++] = w;
    }
    return n;
}
