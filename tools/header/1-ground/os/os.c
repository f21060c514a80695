/* ============================================================================================
 * >>os  what the operating system is asked for, the poller first
 *
 * Purpose     the only section that knows systems apart. What can fail returns 0 or -errno, unless
 *             it says otherwise.
 * Invariants  a source is added once, for both directions, for its whole life. The poller sets its
 *             flags; whoever reads or writes clears them on finding the descriptor drained (EAGAIN
 *             or a short read). So edge-triggered epoll and kqueue and level-triggered poll() look
 *             the same from above: poll() watches for the flags that are clear.
 * Cost        epoll: one system call for up to 512 events; poll(): grows with the sources.
 * Uses        >>base
 * Limits      poll() waits in whole milliseconds. Only Linux has stamps of when bytes arrived, timer
 *             slack and guard markers; a system that is neither Linux, macOS nor a BSD gets poll().
 * Sources     kqueue(2) of FreeBSD, NetBSD, OpenBSD and macOS; epoll(7), epoll_wait(2).
 * ============================================================================================ */

typedef struct locust__source { // embedded by what owns the descriptor
    int fd;
    int slot; // place in poll()'s arrays
    bool readable, writable, hup;
} locust__source;

typedef struct locust__poller {
    int fd;
    bool coarse; // no nanosecond timeouts here
    struct pollfd *fds;
    locust__source **sources;
    int n, cap;
    int from; // where poll()'s last look ended
} locust__poller;

enum { LOCUST__EVENTS = 512 }; // fetched by one wait

/* -- the interface -- */

static int locust__os_poll_open(locust__poller *p);
static void locust__os_poll_close(locust__poller *p);
static int locust__os_poll_add(locust__poller *p, locust__source *source);
static void locust__os_poll_remove(locust__poller *p, locust__source *source);
/* Waits up to timeout_ns; puts the sources whose flags it set in out[LOCUST__EVENTS]. Returns how
 * many; 0 after an interruption too. */
static int locust__os_poll_wait(locust__poller *p, locust__source **out, int64_t timeout_ns);

static int64_t locust__os_now_ns(void);    // monotonic
static int64_t locust__os_wall_ns(void);   // since 1970
static int64_t locust__os_cpu_ns(void);    // that this process has taken
static int64_t locust__os_waited_ns(void); // ready to run, others had the CPU; -1: unknown
static size_t locust__os_memory(void);     // bytes resident; 0: unknown
static int locust__os_map(const char *path, const char **text, size_t *size); // a file, to read
static void locust__os_unmap(const char *text, size_t size);
static void locust__os_random(void *out, size_t n); // for seeds and ids
static void locust__os_precise_timers(void);        // timer slack to 1 ns
static int64_t locust__os_raise_files(void);        // soft limit to hard; returns the limit
static int locust__os_socket(int family, int type); // nonblocking, close-on-exec; or -errno
static int locust__os_accept(int fd);               // likewise
static void locust__os_late_port(int fd);           // bind takes no port before connect does
/* Asks the system to note when bytes arrive at a socket. Where it cannot, locust__os_recv says 0. */
static void locust__os_stamp(int fd);
/* recv; *arrived_ns: when the last of the bytes reached this machine, since 1970. */
static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns);
static size_t locust__os_page_size(void);
/* A small file as text, up to `max` bytes of it; ptr NULL: it is not there, or no memory.
 * `failed`: errno says why. */
static locust__buf locust__os_read_file(const char *path, size_t max);
static bool locust__os_has_aes(void);         // instructions for it in this processor
static char *locust__os_stacks_map(size_t n); // NULL: no memory
static void locust__os_stacks_unmap(char *p, size_t n);
/* Makes pages fault on any access, so that they cost no memory and no mapping. False: cannot. */
static bool locust__os_guard_mark(char *p, size_t n);
static bool locust__os_guard_protect(char *p, size_t n); // the same by a mapping of its own
/* While open, a memory fault calls report(address) and then takes its usual course. */
static int locust__os_fault_open(void (*report)(const char *address));
static void locust__os_fault_close(void);
/* Opens those of the descriptors 0 to 2 that are closed, so that no socket or file becomes one. */
static void locust__os_standard_files(void);
/* While open, SIGINT and SIGTERM make the returned descriptor readable, a byte (the signal's
 * number) each; a second one ends the process at once. */
static int locust__os_signals_open(void);
static void locust__os_signals_close(void);

#if defined(MSG_NOSIGNAL) && !defined(SO_NOSIGPIPE)
#define LOCUST__SEND_FLAGS MSG_NOSIGNAL // a closed peer is an error, not a signal
#else
#define LOCUST__SEND_FLAGS 0 // the socket is made that way: SO_NOSIGPIPE
#endif

/* -- every system -- */

static int64_t locust__os_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * LOCUST__S + t.tv_nsec;
}

static int64_t locust__os_now_ns(void)
{
    return locust__os_clock(CLOCK_MONOTONIC);
}

static int64_t locust__os_wall_ns(void)
{
    return locust__os_clock(CLOCK_REALTIME);
}

static int64_t locust__os_cpu_ns(void)
{
    return locust__os_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static size_t locust__os_page_size(void)
{
    return (size_t)getpagesize(); // sysconf is no shorter to write, and a KB of program in musl
}

static locust__buf locust__os_read_file(const char *path, size_t max)
{
    locust__buf text = {NULL, 0, 0, false};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && text.len < max && locust__buf_reserve(&text, 4096)) {
        got = read(fd, text.ptr + text.len, text.cap - text.len - 1);
        text.len += got > 0 ? (size_t)got : 0;
    }
    text.failed |= got < 0;
    if (fd >= 0)
        close(fd);
    if (text.ptr)
        text.ptr[text.len] = '\0';
    return text;
}

static int locust__os_map(const char *path, const char **text, size_t *size)
{
    struct stat about;
    void *map = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    memset(&about, 0, sizeof about);
    if (fd < 0 || fstat(fd, &about) < 0) {
        rc = -errno;
    } else if (S_ISDIR(about.st_mode)) {
        rc = -EISDIR;
    } else if (about.st_size) {
        map = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        rc = map == MAP_FAILED ? -errno : 0;
    }
    if (fd >= 0)
        close(fd);
    if (rc)
        return rc;
    *text = map;
    *size = (size_t)about.st_size;
    return 0;
}

static void locust__os_unmap(const char *text, size_t size)
{
    munmap((void *)(uintptr_t)text, size);
}

/* musl's setrlimit serves old kernels, too, one thread after the other: 1.5 KB. */
static int locust__os_set_files(const struct rlimit *limit)
{
#if LOCUST__OS_LINUX && defined(SYS_prlimit64)
    if (sizeof limit->rlim_cur == 8) // as the kernel has it
        return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
#endif
    return setrlimit(RLIMIT_NOFILE, limit);
}

static int64_t locust__os_raise_files(void)
{
    struct rlimit limit;
    int64_t files;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return INT64_MAX;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (locust__os_set_files(&limit) != 0)
            limit.rlim_cur = soft;
    }
    files = (int64_t)limit.rlim_cur;
    return files < 0 ? INT64_MAX : files; // no limit
}

static int locust__os_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return -errno;
    return 0;
}

static void locust__os_standard_files(void)
{
    int fd = 0;
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0) // in an empty chroot: what cannot be written to will do as well
            fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    if (fd > STDERR_FILENO)
        close(fd);
}

/* What a poller was told, in its flags; a hang-up shows in both directions. */
static void locust__source_set(locust__source *s, bool readable, bool writable, bool hup)
{
    s->hup |= hup;
    s->readable |= readable || s->hup;
    s->writable |= writable || s->hup;
}

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

static char *locust__os_stacks_map(size_t n)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;
#endif
#ifdef MAP_STACK // OpenBSD demands it
    flags |= MAP_STACK;
#endif
    p = LOCUST__SYS(mmap)(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_NOHUGEPAGE // or one touched page would cost a whole slot, and more
    madvise(p, n, MADV_NOHUGEPAGE);
#endif
    return p;
}

static void locust__os_stacks_unmap(char *p, size_t n)
{
    munmap(p, n);
}

static bool locust__os_guard_protect(char *p, size_t n)
{
    return mprotect(p, n, PROT_NONE) == 0;
}
