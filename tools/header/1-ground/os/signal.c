/* ============================================================================================
 * >>os_signal  faults and stop signals
 *
 * Purpose     reports a fault or an abort() before it ends the process; turns SIGINT and SIGTERM
 *             into bytes in a pipe, which the loop can wait for; counts SIGCONT, which says that
 *             the process was stopped before.
 * Invariants  signal dispositions belong to the process, so their record, locust__os_handlers, is a
 *             global. What runs in a handler is async-signal-safe.
 * Names       locust__os_continue_ locust__os_continued_ locust__os_fault_
 *             locust__os_faults locust__os_handlers_ locust__os_signal_ locust__os_signals_
 * ============================================================================================ */

enum { LOCUST__OS_FAULTS = 5 };
static const int locust__os_fault_numbers[LOCUST__OS_FAULTS] = {
    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static struct {
    void (*report)(int signal_number, const char *address); // what a fault calls
    struct sigaction old_faults[LOCUST__OS_FAULTS];
    stack_t stack, old_stack; // handlers run on this stack: the one that overflowed has no room
    struct sigaction old_int, old_term, old_cont;
    int pipe[2];
    volatile sig_atomic_t stops;     // SIGINT and SIGTERM so far
    volatile sig_atomic_t continued; // SIGCONT so far
} locust__os_handlers;

LOCUST__COLD static void locust__os_fault_handle(int signal_number, siginfo_t *info, void *context)
{
    enum { KERNEL = 0x80 }; // Linux: an address that no pointer may have, and it does not say which
    bool memory = signal_number == SIGSEGV || signal_number == SIGBUS;
    bool raised = info->si_code <= 0; // by kill(), raise() or abort(): there is no address
    (void)context;
    if (locust__say_first)
        locust__say_first();
    if (!raised || info->si_pid == getpid())
        locust__os_handlers.report(signal_number, memory && !raised && info->si_code < KERNEL
                                                      ? (const char *)info->si_addr
                                                      : LOCUST__OS_NOWHERE);
    // The disposition from before is put back. On return the faulting instruction runs again, and
    // faults under that one.
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        if (locust__os_fault_numbers[i] == signal_number)
            sigaction(signal_number, &locust__os_handlers.old_faults[i], NULL);
    if (raised)
        raise(signal_number);
}

static int locust__os_fault_open(void (*report)(int signal_number, const char *address))
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
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        sigaction(locust__os_fault_numbers[i], &act, &locust__os_handlers.old_faults[i]);
    return 0;
}

static void locust__os_fault_close(void)
{
    if (!locust__os_handlers.stack.ss_sp)
        return;
    for (int i = 0; i < LOCUST__OS_FAULTS; i++)
        sigaction(locust__os_fault_numbers[i], &locust__os_handlers.old_faults[i], NULL);
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
        if (locust__say_first)
            locust__say_first();
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        if (getpid() == 1) // in a container: to process 1 the default does nothing
            _exit(128 + signal_number);
    }
    if (write(locust__os_handlers.pipe[1], &byte, 1) != 1)
        _exit(128 + signal_number);
    errno = saved;
}

static void locust__os_continue_handle(int signal_number)
{
    (void)signal_number;
    locust__os_handlers.continued = locust__os_handlers.continued + 1;
}

static unsigned locust__os_continued(void)
{
    return (unsigned)locust__os_handlers.continued;
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
    act.sa_handler = locust__os_continue_handle;
    sigaction(SIGCONT, NULL, &locust__os_handlers.old_cont);
    if (locust__os_handlers.old_cont.sa_handler == SIG_DFL) // else the test wants it for itself
        sigaction(SIGCONT, &act, NULL);
    return locust__os_handlers.pipe[0];
}

static void locust__os_signals_close(void)
{
    sigaction(SIGINT, &locust__os_handlers.old_int, NULL);
    sigaction(SIGTERM, &locust__os_handlers.old_term, NULL);
    sigaction(SIGCONT, &locust__os_handlers.old_cont, NULL);
    close(locust__os_handlers.pipe[0]);
    close(locust__os_handlers.pipe[1]);
}
