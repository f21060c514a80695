/* ============================================================================================
 * >>fleet_pulse  a heartbeat from a process that is busy
 *
 * Purpose     sends a heartbeat while a task keeps the loop to itself, as by computing or by a call
 *             that blocks: a master that hears nothing for four seconds takes a worker for lost.
 * Invariants  bytes are sent by the handler only between two messages of the loop's. Timer and
 *             signal belong to the process, so the state is a global; a test that has a handler of
 *             SIGALRM of its own keeps it, and then there is no pulse.
 * Cost        a system call a second. While the loop runs the timer is always set anew before it is
 *             up, so no signal ever comes.
 * Names       locust__pulse_
 * ============================================================================================ */

enum { LOCUST__PULSE_S = 2, LOCUST__PULSE_BYTES = 512 };

static struct {
    struct sigaction old;
    bool open;
    volatile sig_atomic_t ready; // the loop is not in the middle of a message
    volatile sig_atomic_t sent;  // bytes of one that the socket did not take whole; 0: none
    int fd;
    size_t n;
    char bytes[LOCUST__PULSE_BYTES];
} locust__pulse_state;

static void locust__pulse_handle(int signal_number)
{
    int saved = errno;
    ssize_t sent = 0;
    (void)signal_number;
    if (locust__pulse_state.ready && locust__pulse_state.n)
        sent = send(locust__pulse_state.fd, locust__pulse_state.bytes, locust__pulse_state.n,
            LOCUST__OS_SEND_FLAGS);
    if (sent > 0 && (size_t)sent < locust__pulse_state.n) {
        locust__pulse_state.sent = (sig_atomic_t)sent;
        locust__pulse_state.ready = 0;
    }
    errno = saved;
}

static void locust__pulse_timer(int first_s)
{
    struct itimerval timer;
    memset(&timer, 0, sizeof timer);
    timer.it_value.tv_sec = first_s;
    timer.it_interval.tv_sec = first_s ? 1 : 0;
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void locust__pulse_open(void)
{
    struct sigaction act;
    locust__pulse_state.ready = locust__pulse_state.sent = 0;
    locust__pulse_state.n = 0;
    locust__pulse_state.open = sigaction(SIGALRM, NULL, &locust__pulse_state.old) == 0 &&
                               locust__pulse_state.old.sa_handler == SIG_DFL;
    if (!locust__pulse_state.open)
        return;
    memset(&act, 0, sizeof act);
    act.sa_handler = locust__pulse_handle;
    act.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaction(SIGALRM, &act, NULL);
}

static void locust__pulse_close(void)
{
    if (!locust__pulse_state.open)
        return;
    locust__pulse_timer(0);
    sigaction(SIGALRM, &locust__pulse_state.old, NULL);
    locust__pulse_state.open = false;
}

/* The loop is about to send, or has no connection. */
static void locust__pulse_rest(void)
{
    locust__pulse_state.ready = 0;
}

/* The loop has sent a heartbeat, in a frame of n bytes: the same may be sent on fd if it does not
 * come back here in time. */
static void locust__pulse_set(int fd, const char *frame, size_t n)
{
    if (!locust__pulse_state.open || n > LOCUST__PULSE_BYTES)
        return;
    locust__pulse_state.ready = 0;
    memcpy(locust__pulse_state.bytes, frame, n);
    locust__pulse_state.n = n;
    locust__pulse_state.fd = fd;
    locust__pulse_timer(LOCUST__PULSE_S);
}

/* The loop has sent all that it had. */
static void locust__pulse_allow(void)
{
    locust__pulse_state.ready = locust__pulse_state.open && locust__pulse_state.n;
}

/* What the socket did not take of a heartbeat: goes before all else. */
static locust__view locust__pulse_rest_of(void)
{
    size_t sent = (size_t)locust__pulse_state.sent;
    locust__pulse_state.sent = 0;
    if (!sent)
        return (locust__view){"", 0};
    return (locust__view){locust__pulse_state.bytes + sent, locust__pulse_state.n - sent};
}

/* The connection is closed. */
static void locust__pulse_forget(void)
{
    locust__pulse_state.ready = locust__pulse_state.sent = 0;
    locust__pulse_state.n = 0;
    if (locust__pulse_state.open)
        locust__pulse_timer(0);
}
