/* ============================================================================================
 * >>listen  servers, for tools and the kit's own endpoints
 *
 * Purpose     listen and accept in a coroutine. A load test does neither: these are for servers of
 *             tests and tools, and for what the kit itself serves.
 * Names       locust__listen_
 * Uses        >>switch >>fd >>address >>net >>stream
 * ============================================================================================ */

/* Listens on an address. With port 0 the system chooses one, which `to` gets. */
LOCUST__UNUSED static locust_error locust__listen_open(
    locust__net *net, locust__fd *listener, locust__addr *to, int backlog)
{
    int on = 1, rc = 0;
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_STREAM);
    if (fd < 0)
        return locust__net_error(-fd);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &to->as.any, to->len) != 0 || listen(fd, backlog) != 0 ||
        getsockname(fd, &to->as.any, &to->len) != 0)
        rc = -errno;
    else
        rc = locust__fd_open(net->loop, listener, fd);
    if (rc < 0)
        close(fd);
    return rc < 0 ? locust__net_error(-rc) : LOCUST_OK;
}

/* Waits for a connection. Out of descriptors or memory, it tries again every 10 ms. */
LOCUST__UNUSED static locust_error locust__listen_accept(
    locust__net *net, locust__fd *listener, locust_stream *s) LOCUST__PARKS
{
    for (;;) {
        int fd = locust__os_accept(listener->watch.fd);
        locust_error error;
        if (fd >= 0) {
            locust__stream_init(s, net);
            return locust__stream_adopt(s, fd);
        }
        if (fd == -EAGAIN) {
            listener->watch.readable = false;
            error = locust__stream_woken(
                locust__fd_wait_read(net->loop, listener, LOCUST__NEVER), LOCUST_OK);
        } else if (fd == -EINTR || fd == -ECONNABORTED) {
            error = LOCUST_OK;
        } else {
            error = locust__stream_woken(
                locust__co_sleep(net->loop, net->loop->now_ns + 10 * LOCUST__MS), LOCUST_OK);
        }
        if (error)
            return error;
    }
}
