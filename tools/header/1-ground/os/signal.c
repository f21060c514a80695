/* ============================================================================================
 * >>os_signal  faults and stop signals
 *
 * Purpose     reports a memory fault before it ends the process; turns SIGINT and SIGTERM into
 *             bytes in a pipe, which the loop can wait for.
 * Invariants  signal dispositions belong to the process, so their record, locust__os_handlers, is a
 *             global. What runs in a handler is async-signal-safe.
 * Names       locust__os_fault_ locust__os_handlers_ locust__os_signal_ locust__os_signals_
 * ============================================================================================ */

static struct {
    void (*report)(const char *address); // what a memory fault calls
    struct sigaction old_segv, old_bus;
    stack_t stack, old_stack; // handlers run on this stack: the one that overflowed has no room
    struct sigaction old_int, old_term;
    int pipe[2];
    volatile sig_atomic_t stops; // SIGINT and SIGTERM so far
} locust__os_handlers;

static void locust__os_fault_handle(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0) // otherwise kill() sent the signal, and there is no address
        locust__os_handlers.report((const char *)info->si_addr);
    // The disposition from before is put back. On return the faulting instruction runs again, and
    // faults under that one.
    sigaction(signal_number,
        signal_number == SIGSEGV ? &locust__os_handlers.old_segv : &locust__os_handlers.old_bus,
        NULL);
    if (info->si_code <= 0)
        raise(signal_number);
}

static int locust__os_fault_open(void (*report)(const char *address))
{
    // The kernel's frame alone may take 12 KB where the CPU has wide registers.
    enum { STACK = 65536 };
    struct sigaction act;
    char *stack = LOCUST_MALLOC(STACK);
    if (!stack)
        return -ENOMEM;
    locust__os_handlers.report = report;
    locust__os_handlers.stack = (stack_t){.ss_sp = stack, .ss_size = STACK};
    memset(&act, 0, sizeof act);
    act.sa_sigaction = locust__os_fault_handle;
    act.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaltstack(&locust__os_handlers.stack, &locust__os_handlers.old_stack);
    sigaction(SIGSEGV, &act, &locust__os_handlers.old_segv);
    sigaction(SIGBUS, &act, &locust__os_handlers.old_bus);
    return 0;
}

static void locust__os_fault_close(void)
{
    if (!locust__os_handlers.stack.ss_sp)
        return;
    sigaction(SIGSEGV, &locust__os_handlers.old_segv, NULL);
    sigaction(SIGBUS, &locust__os_handlers.old_bus, NULL);
    if (!locust__os_handlers.old_stack.ss_sp)
        locust__os_handlers.old_stack.ss_flags = SS_DISABLE;
    sigaltstack(&locust__os_handlers.old_stack, NULL);
    LOCUST_FREE(locust__os_handlers.stack.ss_sp);
    locust__os_handlers.stack.ss_sp = NULL;
}

static void locust__os_signal_handle(int signal_number)
{
    int saved = errno;
    char byte = (char)signal_number;
    if (locust__os_handlers.stops++) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        if (getpid() == 1) // in a container: to process 1 the default does nothing
            _exit(128 + signal_number);
    }
    if (write(locust__os_handlers.pipe[1], &byte, 1) != 1)
        _exit(128 + signal_number);
    errno = saved;
}

static int locust__os_signals_open(void)
{
    struct sigaction act;
    int *ends = locust__os_handlers.pipe;
    if (pipe(ends) != 0 && (errno == EMFILE || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0))
        return -errno;
    locust__os_nonblocking(locust__os_handlers.pipe[0]);
    locust__os_nonblocking(locust__os_handlers.pipe[1]);
    locust__os_handlers.stops = 0;
    memset(&act, 0, sizeof act);
    act.sa_handler = locust__os_signal_handle;
    act.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaction(SIGINT, &act, &locust__os_handlers.old_int);
    sigaction(SIGTERM, &act, &locust__os_handlers.old_term);
    return locust__os_handlers.pipe[0];
}

static void locust__os_signals_close(void)
{
    sigaction(SIGINT, &locust__os_handlers.old_int, NULL);
    sigaction(SIGTERM, &locust__os_handlers.old_term, NULL);
    close(locust__os_handlers.pipe[0]);
    close(locust__os_handlers.pipe[1]);
}
