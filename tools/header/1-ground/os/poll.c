/* ============================================================================================
 * >>os_poll  the poller of last resort
 *
 * Purpose     level-triggered poll(), made to look edge-triggered: it watches for the flags that are clear.
 * Cost        a call grows with the descriptors.
 * ============================================================================================ */

static int locust__os_poll_open(locust__poller *p)
{
    memset(p, 0, sizeof *p);
    return 0;
}

static void locust__os_poll_close(locust__poller *p)
{
    LOCUST_FREE(p->fds);
    LOCUST_FREE(p->sources);
}

static int locust__os_poll_add(locust__poller *p, locust__source *source)
{
    if (p->n == p->cap) {
        int cap = p->cap ? 2 * p->cap : 64;
        struct pollfd *fds = LOCUST_REALLOC(p->fds, (size_t)cap * sizeof *fds);
        locust__source **sources;
        if (!fds)
            return -ENOMEM;
        p->fds = fds;
        sources = LOCUST_REALLOC(p->sources, (size_t)cap * sizeof *sources);
        if (!sources)
            return -ENOMEM;
        p->sources = sources;
        p->cap = cap;
    }
    source->slot = p->n;
    p->fds[p->n] = (struct pollfd){.fd = source->fd};
    p->sources[p->n++] = source;
    return 0;
}

static void locust__os_poll_remove(locust__poller *p, locust__source *source)
{
    int last = --p->n;
    p->fds[source->slot] = p->fds[last];
    p->sources[source->slot] = p->sources[last];
    p->sources[source->slot]->slot = source->slot;
}

static int locust__os_poll_wait(locust__poller *p, locust__source **out, int64_t timeout_ns)
{
    int64_t ms =
        timeout_ns > INT_MAX * LOCUST__MS ? -1 : (timeout_ns + LOCUST__MS - 1) / LOCUST__MS;
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        locust__source *s = p->sources[i];
        p->fds[i].fd = s->hup ? -1 : s->fd; // a hang-up is told once
        p->fds[i].events = (short)((s->readable ? 0 : POLLIN) | (s->writable ? 0 : POLLOUT));
    }
    if (LOCUST__SYS(poll)(p->fds, (nfds_t)p->n, (int)ms) <= 0)
        return 0;
    for (int seen = 0, all = p->n; seen < all && n < LOCUST__EVENTS; seen++) {
        int i = p->from = p->from + 1 < all ? p->from + 1 : 0; // the last ones get their turn too
        locust__source *s = p->sources[i];
        short got = p->fds[i].revents;
        if (!got || p->fds[i].fd < 0)
            continue;
        locust__source_set(s, got & POLLIN, got & POLLOUT, got & (POLLHUP | POLLERR | POLLNVAL));
        out[n++] = s;
    }
    return n;
}
