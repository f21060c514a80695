/* ============================================================================================
 * >>os_posix  what every system has
 *
 * Purpose     clocks, files, descriptors and mappings, by POSIX calls that all systems have.
 * Names       locust__os_clock_ locust__os_cpu_ locust__os_map_ locust__os_nonblocking_
 *             locust__os_now_ locust__os_page_ locust__os_proc_ locust__os_random_ locust__os_read_
 *             locust__os_standard_ locust__os_statm_ locust__os_timeout_ locust__os_unmap_
 *             locust__os_wall_ locust__os_write_ locust__watch_
 * ============================================================================================ */

static int64_t locust__os_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return locust__time_of(t);
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

static int64_t locust__os_page_faults(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (int64_t)used.ru_majflt : 0;
}

static size_t locust__os_page_size(void)
{
    return (size_t)getpagesize(); // sysconf() is a KB of a static program with musl
}

LOCUST__COLD static locust__buf locust__os_read_file(const char *path, size_t max)
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
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0; // no wait for a pipe's writer
    memset(&about, 0, sizeof about);
    if (fd < 0 || fstat(fd, &about) < 0) {
        rc = -errno;
    } else if (S_ISDIR(about.st_mode)) {
        rc = -EISDIR;
    } else if (S_ISFIFO(about.st_mode)) {
        rc = -ESPIPE;
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

/* Makes a descriptor nonblocking and close-on-exec. */
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
        if (fd < 0) // an empty chroot has no /dev/null: a socket that leads nowhere will do
            fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    }
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A timeout in whole milliseconds, as poll() and epoll_wait() take it. Rounded up: after a wait
 * that ends too early the loop would spin until the deadline. -1, for ever: more than an int
 * holds. */
LOCUST__UNUSED static int locust__os_timeout_ms(int64_t timeout_ns)
{
    return timeout_ns > INT_MAX * LOCUST__MS ? -1
                                             : (int)((timeout_ns + LOCUST__MS - 1) / LOCUST__MS);
}

/* Sets what a poller reported. A hang-up makes a descriptor ready in both directions: the next read
 * or write then finds out. */
static void locust__watch_set(locust__watch *w, bool readable, bool writable, bool hup)
{
    w->hup |= hup;
    w->readable |= readable || w->hup;
    w->writable |= writable || w->hup;
}

/* Random bytes from the device, or, in a chroot without one, from the time: then ids differ at
 * least between runs. */
LOCUST__UNUSED static void locust__os_random_device(void *out, size_t n)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    uint64_t seed;
    if (fd >= 0) {
        got = read(fd, out, n);
        close(fd);
    }
    if (got == (ssize_t)n)
        return;
    seed = (uint64_t)locust__os_wall_ns() ^ (uint64_t)getpid() << 32;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = (unsigned char)locust__random(&seed);
}

/* The second number in a file of /proc; -1: there is none. */
LOCUST__UNUSED static int64_t locust__os_proc_second(const char *path)
{
    locust__buf text = locust__os_read_file(path, 256);
    const char *second = text.len ? strchr(text.ptr, ' ') : NULL;
    int64_t number = -1;
    if (second) {
        second++;
        number = locust__number_whole(&second);
    }
    locust__buf_free(&text);
    return number;
}

/* Bytes of memory in use, by Linux and NetBSD; 0: unknown. */
LOCUST__UNUSED static size_t locust__os_statm(void)
{
    int64_t pages = locust__os_proc_second("/proc/self/statm"); // size, then resident
    return pages > 0 ? (size_t)pages * locust__os_page_size() : 0;
}

/* Writes all of a text, and waits where it has to. Returns how many bytes the system took: fewer
 * mean an error, such as a full disk, which must not stop a test. */
static size_t locust__os_write_all(int fd, const char *text, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t wrote = write(fd, text + done, n - done);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, 1000);
            continue;
        }
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    return done;
}
