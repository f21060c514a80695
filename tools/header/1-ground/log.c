/* ============================================================================================
 * >>log  diagnostics in Locust's log format
 *
 * Purpose     writes lines as Locust's log has them:
 *             [2026-11-21 01:44:20,653] host/INFO/locust.main: text
 * Invariants  a line is one line of valid UTF-8, and does nothing to a terminal, whatever text of a
 *             server stands in it.
 * Cost        one write() a line. A line below the log's level costs a comparison.
 * Names       locust__log_
 * Sources     Locust 2.46 (reference run): local time, milliseconds, host up to its first dot.
 * ============================================================================================ */

enum {
    LOCUST__LOG_DEBUG,
    LOCUST__LOG_INFO,
    LOCUST__LOG_WARNING,
    LOCUST__LOG_ERROR,
    LOCUST__LOG_CRITICAL
};

static const char *const locust__log_levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

typedef struct locust__log {
    int fd;           // standard error, or that of --logfile
    locust__out *out; // takes them without making anybody wait; NULL: they are written there
    int level;        // lines below it are not written
    bool elsewhere;   // none is written: who is told of them shows them
    char host[64];    // up to its first dot
    /* Is told of each line, which ends with a line end; NULL: nobody is. */
    void (*copy)(void *arg, const char *line, size_t n);
    void *copy_arg;
} locust__log;

/* The level of a name, written in any case; -1: there is no such level. */
static int locust__log_level(const char *name)
{
    for (int i = 0; i <= LOCUST__LOG_CRITICAL; i++)
        if (strcasecmp(name, locust__log_levels[i]) == 0)
            return i;
    return -1;
}

/* Writes to the file `path`, behind what is in it; NULL: to standard error. 0 or -errno. */
static int locust__log_open(locust__log *log, int level, const char *path)
{
    log->fd = STDERR_FILENO;
    log->out = NULL;
    log->copy = NULL;
    log->elsewhere = false;
    log->level = level;
    if (gethostname(log->host, sizeof log->host) != 0 || !log->host[0])
        memcpy(log->host, "localhost", 10);
    log->host[sizeof log->host - 1] = '\0';
    log->host[strcspn(log->host, ".")] = '\0';
    if (path) {
        log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (log->fd < 0)
            return -errno;
    }
    return 0;
}

static void locust__log_close(locust__log *log)
{
    if (log->fd > STDERR_FILENO)
        close(log->fd);
}

/* Writes one line. `logger` is what Locust calls the source of such a line: locust.main,
 * locust.runners. A text that is too long is cut, so that each call is one line and one write(). */
LOCUST__PRINTF(4, 5)
LOCUST__COLD static void locust__log_print(
    const locust__log *log, int level, const char *logger, const char *format, ...)
{
    char line[1024];
    int64_t wall_ns;
    time_t seconds;
    struct tm tm;
    size_t n, room;
    va_list args;
    locust__locale locale;
    if (level < log->level)
        return;
    wall_ns = locust__os_wall_ns();
    seconds = (time_t)(wall_ns / LOCUST__S);
    localtime_r(&seconds, &tm);
    locale = locust__locale_enter();
    n = (size_t)snprintf(line, sizeof line,
        "[%04d-%02d-%02d %02d:%02d:%02d,%03d] %s/%s/%s: ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_ns % LOCUST__S / LOCUST__MS),
        log->host, locust__log_levels[level], logger);
    room = sizeof line - n - 1; // the last byte is for the end of the line
    va_start(args, format);
    n += (size_t)vsnprintf(line + n, room, format, args);
    va_end(args);
    locust__locale_leave(locale);
    if (n > sizeof line - 2)
        n = sizeof line - 2; // cut
    locust__text_plain(line, n);
    line[n++] = '\n';
    if (log->copy)
        log->copy(log->copy_arg, line, n);
    if (log->elsewhere)
        return;
    if (log->out)
        locust__out_line(log->out, line, n);
    else
        locust__os_write_all(log->fd, line, n);
}
