/* ============================================================================================
 * >>os  what the operating system is asked for, the poller first
 *
 * Purpose     declares what the header asks of the system. The parts of os/ that follow define each
 *             function once for the system at hand, so that code above need not tell systems apart.
 *             (Beside them >>config, >>number and >>ctx do: system headers, locales, assembly.)
 *             What can fail returns 0 or -errno, unless its comment says otherwise.
 * Invariants  a watch is added once, for both directions, for its whole life. The poller sets its
 *             flags; a reader or writer clears them on finding that the descriptor has nothing
 *             more (EAGAIN, or a short read). So edge-triggered epoll and kqueue and
 *             level-triggered poll() look the same from above: poll() asks only for what the
 *             flags do not say yet.
 * Cost        epoll and kqueue: one system call for up to 512 events; poll(): grows with the
 *             watches.
 * Names       locust__os_events_ locust__os_nowhere locust__os_send_ locust__poller_ locust__watch_
 * Limits      poll() waits in whole milliseconds. Only Linux says when bytes arrived, and has timer
 *             slack and guard markers. A system that is neither Linux, macOS nor a BSD gets poll().
 * Sources     kqueue(2) of FreeBSD, NetBSD, OpenBSD and macOS; epoll(7), epoll_wait(2).
 * ============================================================================================ */

typedef struct locust__watch {    // of one descriptor; embedded by what owns that
    int fd;                       // -1: closed
    int index;                    // place in poll()'s arrays
    bool readable, writable, hup; // what the poller found and nobody has used up yet
} locust__watch;

typedef struct locust__poller {
    int fd;      // of epoll or kqueue
    bool coarse; // epoll: timeouts are whole milliseconds here
    // The rest is for poll() alone.
    struct pollfd *fds;
    locust__watch **watches; // watches[i] asked for fds[i]
    int n, cap;
    int from; // where the last look at the results ended
} locust__poller;

enum { LOCUST__OS_EVENTS = 512 }; // that one wait fetches at most

static int locust__os_poll_open(locust__poller *p);
static void locust__os_poll_close(locust__poller *p);
static int locust__os_poll_add(locust__poller *p, locust__watch *watch);
static void locust__os_poll_remove(locust__poller *p, locust__watch *watch);
/* Waits up to timeout_ns (LOCUST__NEVER: for ever) and puts the watches whose flags it set into
 * out[LOCUST__OS_EVENTS]. Returns how many; 0 after the timeout and after a signal. */
static int locust__os_poll_wait(locust__poller *p, locust__watch **out, int64_t timeout_ns);

static int64_t locust__os_now_ns(void);      // monotonic
static int64_t locust__os_wall_ns(void);     // since 1970
static int64_t locust__os_cpu_ns(void);      // that this process has taken
static int64_t locust__os_waited_ns(void);   // that it was runnable and others ran; -1: unknown
static int64_t locust__os_slept_ns(void);    // that this machine was suspended since it started
static int64_t locust__os_page_faults(void); // pages that this process waited for a disk for
static size_t locust__os_memory(void);       // bytes resident; 0: unknown
/* What a process of this machine, and all that it has started, or a cgroup has taken so far. False:
 * unknown. */
static bool locust__os_family(int pid, int64_t *cpu_ns, size_t *bytes);
static bool locust__os_cgroup(const char *cgroup, int64_t *cpu_ns, size_t *bytes);
/* Maps a whole file for reading; *text is NULL for an empty one. */
static int locust__os_map(const char *path, const char **text, size_t *size);
static void locust__os_unmap(const char *text, size_t size);
static void locust__os_random(void *out, size_t n); // for seeds and ids
static void locust__os_precise_timers(void);        // waits end on time: timer slack of 1 ns
/* Raises the soft limit of open descriptors to the hard one; returns the limit. */
static int64_t locust__os_raise_files(void);
static int locust__os_set_files(const struct rlimit *limit); // setrlimit() for RLIMIT_NOFILE
static int locust__os_socket(int family, int type); // nonblocking, close-on-exec; or -errno
static int locust__os_accept(int fd);               // the same; -EAGAIN: nobody has connected
/* From here on bind() to an address takes no port: connect() does, and may share it with other
 * peers. */
static void locust__os_late_port(int fd);
/* The local ports that connect() chooses from: n of them. False: unknown. */
static bool locust__os_ports(uint32_t *first, uint32_t *n);
/* From here on connect() takes this port, or fails by EADDRNOTAVAIL where it is in use. 0: any
 * port. False: the system cannot be told. */
static bool locust__os_take_port(int fd, uint32_t port);
/* Asks the system to note when bytes arrive at a socket, for locust__os_recv. */
static void locust__os_stamp(int fd);
/* recv(). *arrived_ns: when the last of the bytes reached this machine, since 1970; 0: unknown. */
static ssize_t locust__os_recv(int fd, void *to, size_t n, int64_t *arrived_ns);
/* Opens a terminal or a pipe once more, for writing and nonblocking: the flag belongs to an open
 * file, which a shell may share. The new descriptor, or -errno. */
static int locust__os_reopen(int fd);
static void locust__os_trim(void); // gives memory that was freed back to the system, where it can
static size_t locust__os_page_size(void);
/* The text of a small file; of a larger one it reads little more than `max` bytes. A '\0' follows.
 * ptr NULL: no such file, or no memory. `failed`: it could not be read, and errno says why. */
static locust__buf locust__os_read_file(const char *path, size_t max);
static bool locust__os_has_aes(void);         // does the processor have instructions for AES?
static char *locust__os_stacks_map(size_t n); // NULL: no memory
static void locust__os_stacks_unmap(char *p, size_t n);
/* Makes pages fault on any access, at no cost in memory or mappings. False: the system cannot. */
static bool locust__os_guard_mark(char *p, size_t n);
static bool locust__os_guard_protect(char *p, size_t n); // the same by mprotect(): a mapping more
#define LOCUST__OS_NOWHERE ((const char *)UINTPTR_MAX)
/* Until closed, a fault of the program itself, or its abort(), calls report(signal, address) and
 * then ends the process as it always would. `address`: of a memory fault; LOCUST__OS_NOWHERE for
 * any other, and if the system does not tell. */
static int locust__os_fault_open(void (*report)(int signal_number, const char *address));
static void locust__os_fault_close(void);
/* Opens those of the descriptors 0 to 2 that are closed, or a socket would become standard
 * output. */
static void locust__os_standard_files(void);
/* Until closed, SIGINT and SIGTERM each put a byte, the signal's number, into the pipe whose
 * reading end is returned. A second signal ends the process at once. SIGCONTs are counted. */
static int locust__os_signals_open(void);
static unsigned locust__os_continued(void); // SIGCONTs so far: this process had been stopped
static void locust__os_signals_close(void);

#if defined(MSG_NOSIGNAL) && !defined(SO_NOSIGPIPE)
#define LOCUST__OS_SEND_FLAGS MSG_NOSIGNAL // a closed peer is an error, not a signal
#else
#define LOCUST__OS_SEND_FLAGS 0 // the socket is made that way: SO_NOSIGPIPE
#endif
