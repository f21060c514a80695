/* ============================================================================================
 * >>os  what the operating system is asked for, the poller first
 *
 * Purpose     the only section that knows systems apart. What can fail returns 0 or -errno, unless
 *             it says otherwise.
 * Invariants  a watch is added once, for both directions, for its whole life. The poller sets its
 *             flags; whoever reads or writes clears them on finding the descriptor drained (EAGAIN
 *             or a short read). So edge-triggered epoll and kqueue and level-triggered poll() look
 *             the same from above: poll() watches for the flags that are clear.
 * Cost        epoll: one system call for up to 512 events; poll(): grows with the watches.
 * Names       locust__os_events_ locust__os_send_ locust__poller_ locust__watch_
 * Limits      poll() waits in whole milliseconds. Only Linux has stamps of when bytes arrived, timer
 *             slack and guard markers; a system that is neither Linux, macOS nor a BSD gets poll().
 * Sources     kqueue(2) of FreeBSD, NetBSD, OpenBSD and macOS; epoll(7), epoll_wait(2).
 * ============================================================================================ */

typedef struct locust__watch { // embedded by what owns the descriptor
    int fd;
    int index; // place in poll()'s arrays
    bool readable, writable, hup;
} locust__watch;

typedef struct locust__poller {
    int fd;
    bool coarse; // no nanosecond timeouts here
    struct pollfd *fds;
    locust__watch **watches;
    int n, cap;
    int from; // where poll()'s last look ended
} locust__poller;

enum { LOCUST__OS_EVENTS = 512 }; // fetched by one wait

static int locust__os_poll_open(locust__poller *p);
static void locust__os_poll_close(locust__poller *p);
static int locust__os_poll_add(locust__poller *p, locust__watch *watch);
static void locust__os_poll_remove(locust__poller *p, locust__watch *watch);
/* Waits up to timeout_ns; puts the watches whose flags it set in out[LOCUST__OS_EVENTS]. Returns how
 * many; 0 after an interruption too. */
static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns);

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
static int locust__os_set_files(const struct rlimit *limit); // setrlimit, for RLIMIT_NOFILE
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
#define LOCUST__OS_SEND_FLAGS MSG_NOSIGNAL // a closed peer is an error, not a signal
#else
#define LOCUST__OS_SEND_FLAGS 0 // the socket is made that way: SO_NOSIGPIPE
#endif
