/* ============================================================================================
 * >>connect  connecting
 *
 * Purpose     a stream to an address, to the first of several addresses that answers, to a unix
 *             socket, or for datagrams.
 * Names       locust__connect_ locust__race_
 * Uses        >>co >>switch >>fd >>sync >>address >>source >>port >>net >>stream >>allowance
 * Sources     RFC 8305 section 5, of which only the delay between two connects is taken.
 * Limits      128 connects are in flight at once, and 8 addresses of a host are tried.
 * ============================================================================================ */

/* Begins to connect a new socket, from the next of the source addresses if the test has some. */
static locust_error locust__connect_begin(locust__net *net, const locust__addr *to, int *out)
{
    sa_family_t family = to->as.any.sa_family;
    int fd = locust__os_socket(family, SOCK_STREAM), rc;
    locust__addr source = {.len = 0};
    uint32_t sources = 1;
    locust_error error;
    if (fd < 0)
        return locust__net_error(-fd);
    if (net->sources.n && locust__sources_next(&net->sources, family, &source)) {
        sources = locust__sources_total(&net->sources, family);
        locust__os_late_port(fd);
        if (bind(fd, &source.as.any, source.len) != 0) {
            close(fd);
            return LOCUST_ERR_SOURCE;
        }
    }
    rc = to->path ? locust__addr_connect(fd, to)
                  : locust__ports_connect(&net->ports, fd, to, sources);
    // EAGAIN: the backlog of a unix socket is full.
    error = rc == 0 || errno == EINPROGRESS ? LOCUST_OK
            : errno == EAGAIN               ? LOCUST_ERR_REFUSED
                                            : locust__net_error(errno);
    locust__loop_clock(net->loop); // of many connects in a row each is its own coroutine's
    if (error)
        close(fd);
    else
        *out = fd;
    return error;
}

/* How the connect ended: a socket becomes writable when it has succeeded or failed. */
static locust_error locust__connect_result(int fd)
{
    int failed = 0;
    socklen_t len = sizeof failed;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0 || !failed)
        return LOCUST_OK;
    return failed == ETIMEDOUT ? LOCUST_ERR_CONNECT_TIMEOUT : locust__net_error(failed);
}

static locust_error locust__connect_one(
    locust_stream *s, const locust__addr *to, int64_t deadline_ns) LOCUST__PARKS
{
    int fd = -1;
    locust_error error = locust__connect_begin(s->net, to, &fd);
    if (!error)
        error = locust__stream_adopt(s, fd);
    if (error)
        return error;
    while (!error && !s->fd.watch.writable)
        error = locust__stream_woken(
            locust__fd_wait_write(s->net->loop, &s->fd, deadline_ns), LOCUST_ERR_CONNECT_TIMEOUT);
    locust__stream_count_late(s);
    if (!error)
        error = locust__connect_result(fd);
    if (error)
        locust__stream_close(s);
    return error;
}

enum { LOCUST__RACE_MAX = 8 };

typedef struct
    locust__race { // connects to several addresses, the next begun while the first ones run
    locust__fd fds[LOCUST__RACE_MAX]; // one for each address; watch.fd < 0: not begun, or failed
    int begun, running;               // addresses tried so far; connects in progress
    locust_error error;               // of the connect that failed last
} locust__race;

/* Begins to connect to the next address, or to the one behind it if that fails at once. */
static void locust__race_begin(locust__race *race, locust__net *net, const locust__addr *to, int n)
{
    while (race->begun < n) {
        locust__fd *f = &race->fds[race->begun];
        int fd = -1, rc;
        race->error = locust__connect_begin(net, &to[race->begun++], &fd);
        if (race->error)
            continue;
        rc = locust__fd_open(net->loop, f, fd);
        if (rc == 0) {
            race->running++;
            return;
        }
        close(fd);
        f->watch.fd = -1;
        race->error = locust__net_error(-rc);
    }
}

/* The index of a socket that has connected; -1: none yet. Closes sockets that failed. */
static int locust__race_winner(locust__race *race, locust__loop *loop)
{
    for (int i = 0; i < race->begun; i++) {
        locust__fd *f = &race->fds[i];
        if (f->watch.fd < 0 || !f->watch.writable)
            continue;
        race->error = locust__connect_result(f->watch.fd);
        if (!race->error)
            return i;
        locust__fd_close(loop, f);
        f->watch.fd = -1;
        race->running--;
    }
    return -1;
}

/* Connects to the first of several addresses that answers. The next address is tried as well when
 * one before it has failed, or when none has answered for a quarter of a second. */
static locust_error locust__connect_race(
    locust_stream *s, const locust__addr *to, int n, int64_t deadline_ns) LOCUST__PARKS
{
    locust__loop *loop = s->net->loop;
    locust__race *race =
        locust__memory_zalloc(sizeof *race); // not on the stack: the poller keeps pointers
    locust_error error;
    int winner = -1, fd = -1;
    if (!race)
        return LOCUST_ERR_MEMORY;
    for (int i = 0; i < LOCUST__RACE_MAX; i++)
        race->fds[i].watch.fd = -1;
    n = n < LOCUST__RACE_MAX ? n : LOCUST__RACE_MAX;
    locust__race_begin(race, s->net, to, n);
    while (race->running && winner < 0) {
        int64_t next_ns = race->begun < n ? locust__os_now_ns() + LOCUST__S / 4 : LOCUST__NEVER;
        int running = race->running;
        enum locust__wake why = locust__fd_wait_any_write(
            loop, race->fds, race->begun, next_ns < deadline_ns ? next_ns : deadline_ns);
        winner = locust__race_winner(race, loop);
        if (winner < 0 && (why == LOCUST__WAKE_CANCELLED || loop->now_ns >= deadline_ns)) {
            race->error =
                locust__stream_woken(why == LOCUST__WAKE_CANCELLED ? why : LOCUST__WAKE_TIMEOUT,
                    LOCUST_ERR_CONNECT_TIMEOUT);
            break;
        }
        if (winner < 0 && (why == LOCUST__WAKE_TIMEOUT || race->running < running))
            locust__race_begin(race, s->net, to, n);
    }
    for (int i = 0; i < race->begun; i++)
        if (i == winner)
            fd = locust__fd_release(loop, &race->fds[i]);
        else if (race->fds[i].watch.fd >= 0)
            locust__fd_close(loop, &race->fds[i]);
    error = winner < 0 ? race->error : locust__stream_adopt(s, fd);
    locust__stream_count_late(s);
    LOCUST_FREE(race);
    return error;
}

/* Out of descriptors, ports or memory: says so once, then parks this user for a second. Failing in
 * a loop would only take CPU from users that still work. */
static void locust__connect_pause(
    locust__net *net, locust_error error, locust__allowance *a) LOCUST__PARKS
{
    int64_t began_ns = locust__os_now_ns();
    locust__net_advise(net, error);
    locust__co_sleep(net->loop, began_ns + LOCUST__S);
    locust__allowance_charge(a, began_ns);
}

/* Waits until fewer than LOCUST__NET_CONNECTS connects are in flight; says so once if that takes
 * long. */
static locust_error locust__connect_take_permit(
    locust__net *net, locust__allowance *a) LOCUST__PARKS
{
    int64_t before_ns = a->generator_ns;
    locust_error error = locust__allowance_take(a, net->loop, &net->connects);
    if (a->generator_ns - before_ns > LOCUST__S && !net->advised_wait) {
        net->advised_wait = true;
        locust__log_print(net->log, LOCUST__LOG_WARNING, "locust.runners",
            "users wait for their turn to connect: %d connects are in flight and the server does "
            "not take them any faster; the wait is in no response time",
            LOCUST__NET_CONNECTS);
    }
    return error;
}

/* Opens a datagram socket that sends to one address and receives from it alone. */
static locust_error locust__connect_udp(locust_stream *s, const locust__addr *to)
{
    int fd = locust__os_socket(to->as.any.sa_family, SOCK_DGRAM);
    locust_error error;
    if (fd < 0)
        return locust__net_error(-fd);
    if (connect(fd, &to->as.any, to->len) < 0) {
        error = locust__net_error(errno);
        close(fd);
        return error;
    }
    error = locust__stream_adopt(s, fd);
    s->datagrams = !error;
    return error;
}

/* Connects to the first of n addresses that answers, once it has a permit. */
static locust_error locust__connect_dial(
    locust_stream *s, const locust__addr *to, int n, locust__allowance *a) LOCUST__PARKS
{
    locust__net *net = s->net;
    locust_error error = locust__connect_take_permit(net, a);
    if (error)
        return error;
    error = n == 1 ? locust__connect_one(s, to, a->deadline_ns)
                   : locust__connect_race(s, to, n, a->deadline_ns);
    locust__sem_give(net->loop, &net->connects);
    net->dialled += error != LOCUST_ERR_CANCELLED;
    net->refused += error == LOCUST_ERR_REFUSED;
    if (locust__net_lacks(error))
        locust__connect_pause(net, error, a);
    return error;
}
