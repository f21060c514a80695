/* ============================================================================================
 * >>os_signal  faults and stop signals
 *
 * Purpose     a memory fault is reported, then takes its usual course; SIGINT and SIGTERM become bytes in
 *             a pipe.
 * Invariants  signal dispositions belong to the process, and so does the one record of them,
 *             locust__os_handlers.
 * Names       locust__os_fault_ locust__os_handlers_ locust__os_signal_ locust__os_signals_
 * ============================================================================================ */

/* Signal dispositions belong to the process, and so does this record of them. */
static struct {
    void (*report)(const char *address);
    struct sigaction old_segv, old_bus;
    stack_t stack, old_stack;
    struct sigaction old_int, old_term;
    int pipe[2];
    volatile sig_atomic_t stops;
} locust__os_handlers;

static void locust__os_fault_handle(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0) // else kill() sent it: there is no address
        locust__os_handlers.report((const char *)info->si_addr);
    // Hand over: the faulting instruction runs again, under the disposition that was there before.
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
        if (getpid() == 1) // of a container: the default is to do nothing
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
