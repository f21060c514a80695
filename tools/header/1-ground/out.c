/* ============================================================================================
 * >>out  text for a terminal or a pipe that nobody may be reading
 *
 * Purpose     tables and log lines never make the loop wait: what a terminal, pipe or socket does
 *             not take at once is kept, and written when it takes it. Of what is kept there is an
 *             end: a table that finds too much before it is left out as a whole, and counted.
 * Invariants  what is written is in order, and whole but for a reader who has gone. Standard output
 *             and error belong to the shell, too, and O_NONBLOCK to all who share an open file: so
 *             they are opened once more, by /proc, and that one does not block. Where they cannot
 *             be (no /proc, another user's terminal), poll() is asked before each piece, which is
 *             as small as every pipe promises to take when poll() says so.
 * Cost        a write() for a text; a buffer only while something is kept.
 * Names       locust__out locust__out_
 * Limits      a terminal that cannot be opened once more may take less than a piece. What stdio
 *             holds is the test's own, and waits as it always did.
 * ============================================================================================ */

typedef struct locust__out {
    int fd;     // the one to write to: the own one, or the one given; -1: not open
    bool own;   // opened once more, nonblocking
    bool waits; // may make its writer wait: not a file
    locust__buf kept;
    size_t written;       // of what is kept
    size_t tables, lines; // that were left out
} locust__out;

enum {
    LOCUST__OUT_PIECE = 256,       // no more than _POSIX_PIPE_BUF
    LOCUST__OUT_TABLES = 65536,    // kept bytes from which on tables are left out,
    LOCUST__OUT_LINES = 1 << 20,   // and lines
    LOCUST__OUT_PATIENCE_MS = 5000 // that the end waits for a reader who takes nothing
};

/* Does a descriptor take something now? One that is broken does: a write says what it is. */
static bool locust__out_takes(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, timeout_ms) != 0;
}

/* Begins to write to a descriptor. */
static void locust__out_open(locust__out *out, int fd)
{
    struct stat about;
    int own = -1;
    memset(out, 0, sizeof *out);
    out->fd = fd;
    if (fstat(fd, &about) != 0)
        return;
    out->waits = S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode) || isatty(fd);
    if (out->waits && !S_ISSOCK(about.st_mode))
        own = locust__os_reopen(fd);
    if (own < 0)
        return;
    out->fd = own;
    out->own = true;
}

/* Writes what can be written without waiting; returns how many bytes. -1: nobody can read it. */
LOCUST__COLD static ssize_t locust__out_try(const locust__out *out, const char *text, size_t n)
{
    size_t done = 0;
    if (!out->waits)
        return (ssize_t)locust__os_write_all(out->fd, text, n);
    while (done < n) {
        size_t some = n - done;
        ssize_t wrote;
        if (!out->own && !locust__out_takes(out->fd, 0))
            break;
        if (!out->own && some > LOCUST__OUT_PIECE)
            some = LOCUST__OUT_PIECE;
        wrote = write(out->fd, text + done, some);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        if (wrote < 0 && errno == EAGAIN)
            break;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return (ssize_t)done;
}

/* Writes of what is kept as much as can be. */
LOCUST__COLD static void locust__out_drain(locust__out *out)
{
    ssize_t wrote;
    if (out->written == out->kept.len)
        return;
    wrote = locust__out_try(out, out->kept.ptr + out->written, out->kept.len - out->written);
    out->written = wrote < 0 ? out->kept.len : out->written + (size_t)wrote;
    if (out->written == out->kept.len) {
        locust__buf_free(&out->kept);
        out->written = 0;
    }
}

/* Writes a text, now or later. False: too much is kept, or memory ran out. */
static bool locust__out_put(locust__out *out, const char *text, size_t n, size_t most)
{
    ssize_t wrote = 0;
    locust__out_drain(out);
    if (!out->kept.len)
        wrote = locust__out_try(out, text, n);
    if (wrote < 0 || (size_t)wrote == n)
        return true;
    if (out->kept.len - out->written + n > most && out->kept.len)
        return false;
    if (out->written) {
        memmove(out->kept.ptr, out->kept.ptr + out->written, out->kept.len - out->written);
        out->kept.len -= out->written;
        out->written = 0;
    }
    if (!locust__buf_reserve(&out->kept, n - (size_t)wrote))
        return false;
    locust__buf_add(&out->kept, text + wrote, n - (size_t)wrote);
    return true;
}

/* A table, or what else comes again. */
static void locust__out_table(locust__out *out, const char *text, size_t n)
{
    out->tables += !locust__out_put(out, text, n, LOCUST__OUT_TABLES);
}

/* A log line, or what else does not come again. */
static void locust__out_line(locust__out *out, const char *text, size_t n)
{
    out->lines += !locust__out_put(out, text, n, LOCUST__OUT_LINES);
}

/* May others write there without waiting, a few KB? */
static bool locust__out_is_free(const locust__out *out)
{
    return !out->waits || (out->written == out->kept.len && locust__out_takes(out->fd, 0));
}

/* Writes what is kept, as long as somebody takes it, and closes. *patience_ms: how long nobody may
 * take anything; 0 when that was over. */
static void locust__out_close(locust__out *out, int *patience_ms)
{
    locust__out_drain(out);
    while (out->kept.len && *patience_ms) {
        if (!locust__out_takes(out->fd, *patience_ms))
            *patience_ms = 0;
        locust__out_drain(out);
    }
    locust__buf_free(&out->kept);
    if (out->own)
        close(out->fd);
    out->fd = -1;
}
