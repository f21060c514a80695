/* ============================================================================================
 * >>log  diagnostics in Locust's log format
 *
 * Purpose     [2026-11-21 01:44:20,653] host/INFO/locust.main: text
 * Cost        one write() a line; nothing below the level is formatted.
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
    int fd;
    int level;
    char host[64];
} locust__log;

/* The level of that name in any case, or -1. */
static int locust__log_level(const char *name)
{
    for (int i = 0; i <= LOCUST__LOG_CRITICAL; i++)
        if (strcasecmp(name, locust__log_levels[i]) == 0)
            return i;
    return -1;
}

static int locust__log_open(locust__log *log, int level, const char *path)
{
    log->fd = STDERR_FILENO;
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

/* `logger` is Locust's name for the part that speaks: locust.main, locust.runners. */
LOCUST__PRINTF(4, 5)
static void locust__log_print(
    const locust__log *log, int level, const char *logger, const char *format, ...)
{
    char line[1024];
    int64_t wall = locust__os_wall_ns();
    time_t seconds = (time_t)(wall / LOCUST__S);
    struct tm tm;
    size_t n;
    int more;
    va_list args;
    locust__locale locale;
    if (level < log->level)
        return;
    locale = locust__locale_enter();
    localtime_r(&seconds, &tm);
    more = snprintf(line, sizeof line,
        "[%04d-%02d-%02d %02d:%02d:%02d,%03d] %s/%s/%s: ", tm.tm_year + 1900, tm.tm_mon + 1,
        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall % LOCUST__S / LOCUST__MS),
        log->host, locust__log_levels[level], logger);
    n = (size_t)more;
    va_start(args, format);
    more = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    n = (size_t)more < sizeof line - n - 1 ? n + (size_t)more : sizeof line - 2;
    line[n++] = '\n';
    locust__locale_leave(locale);
    locust__os_write_all(log->fd, line, n);
}
