// Diagnostics in the format of Locust's log: [2026-11-21 01:44:20,653] host/INFO/locust.main: text
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static void levels(void)
{
    static const struct {
        const char *name;
        int level;
    } rows[] = {
        {"DEBUG", 0},
        {"INFO", 1},
        {"WARNING", 2},
        {"ERROR", 3},
        {"CRITICAL", 4},
        {"info", 1},
        {"Warning", 2},
        {"", -1},
        {"WARN", -1},
        {"ERRORS", -1},
        {"1", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__log_level(rows[i].name), rows[i].level);
    }
}

/* What one line of a log says, taken apart; the date is left as it is. */
typedef struct line {
    char date[32], host[128], level[32], logger[64];
    const char *text;
} line;

static bool take_apart(const char *from, line *l)
{
    int at = 0;
    if (sscanf(from, "[%30[0-9:, -]] %100[^/]/%20[A-Z]/%50[^:]: %n", l->date, l->host, l->level,
            l->logger, &at) != 4)
        return false;
    l->text = from + at;
    return true;
}

/* A log in a file, and what is in it; yours, free() it. */
static char path[] = "/tmp/log-XXXXXX";

static locust__log open_file(int level)
{
    locust__log log;
    CHECK_INT(locust__log_open(&log, level, path), 0);
    return log;
}

static char *read_file(void)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 20000);
    if (!f || !text)
        abort();
    CHECK(fread(text, 1, 19999, f) < 19999);
    fclose(f);
    return text;
}

static void a_line(void)
{
    time_t before = time(NULL), at;
    locust__log log = open_file(LOCUST__LOG_INFO);
    char host[64] = "", *text;
    struct tm tm;
    int ms = -1, n = 0;
    line l;
    locust__log_print(&log, LOCUST__LOG_WARNING, "locust.runners", "%d of %s", 3, "four");
    locust__log_close(&log);
    text = read_file();
    if (CHECK(take_apart(text, &l))) {
        CHECK_STR(l.level, "WARNING");
        CHECK_STR(l.logger, "locust.runners");
        CHECK_STR(l.text, "3 of four\n");
        gethostname(host, sizeof host - 1);
        host[strcspn(host, ".")] = '\0';
        CHECK_STR(l.host, host);
        memset(&tm, 0, sizeof tm);
        CHECK_INT(sscanf(l.date, "%4d-%2d-%2d %2d:%2d:%2d,%3d%n", &tm.tm_year, &tm.tm_mon,
                      &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &n),
            7);
        CHECK_INT(n, 23); // all fields have their full width
        CHECK(ms >= 0 && ms < 1000);
        tm.tm_year -= 1900;
        tm.tm_mon--;
        tm.tm_isdst = -1;
        at = mktime(&tm); // local time
        CHECK(at >= before && at <= time(NULL));
    }
    free(text);
    unlink(path);
}

static void below_the_level_is_nothing(void)
{
    for (int level = LOCUST__LOG_DEBUG; level <= LOCUST__LOG_CRITICAL; level++) {
        locust__log log = open_file(level);
        char *text;
        int n = 0;
        for (int i = LOCUST__LOG_DEBUG; i <= LOCUST__LOG_CRITICAL; i++)
            locust__log_print(&log, i, "locust.main", "%s", "x");
        locust__log_close(&log);
        text = read_file();
        for (const char *p = text; *p; p++)
            n += *p == '\n';
        CHECK_INT(n, LOCUST__LOG_CRITICAL - level + 1);
        free(text);
        unlink(path);
    }
}

/* One line, whatever its length; what is too long is cut. */
static void long_lines(void)
{
    static char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t n = 900; n < sizeof long_text; n += n < 1100 ? 1 : 300) {
        locust__log log = open_file(LOCUST__LOG_INFO);
        char *text;
        size_t len;
        line l;
        locust__log_print(&log, LOCUST__LOG_INFO, "locust.main", "%.*s", (int)n, long_text);
        locust__log_close(&log);
        text = read_file();
        len = strlen(text);
        CHECK(len <= 1024 && strchr(text, '\n') == text + len - 1);
        if (CHECK(take_apart(text, &l))) {
            CHECK_INT(strspn(l.text, "x"), strlen(l.text) - 1);
            CHECK(strlen(l.text) - 1 == n || len >= 1023);
        }
        free(text);
        unlink(path);
    }
}

/* A line stays one line of valid UTF-8, whatever a server put into it, and where it was cut. */
static void lines_are_plain(void)
{
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        {"letters", "\xC3\xA4\xE2\x82\xAC", "\xC3\xA4\xE2\x82\xAC\n"},
        {"an end of a line", "a\r\nb", "a  b\n"},
        {"an escape sequence", "a\x1B]0;title\x07", "a ]0;title \n"},
        {"no UTF-8",
            "a\xFF\xC3"
            "b",
            "a??b\n"},
    };
    char letters[1100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__log log = open_file(LOCUST__LOG_INFO);
        char *text;
        line l;
        CHECK_ROW(rows[i].name);
        locust__log_print(&log, LOCUST__LOG_INFO, "locust.main", "%s", rows[i].text);
        locust__log_close(&log);
        text = read_file();
        if (CHECK(take_apart(text, &l)))
            CHECK_STR(l.text, rows[i].want);
        free(text);
        unlink(path);
    }
    CHECK_ROW("cut within a letter");
    for (size_t from = 0; from < 2; from++) {
        locust__log log = open_file(LOCUST__LOG_INFO);
        char *text;
        line l;
        for (size_t i = 0; i + 1 < sizeof letters; i++)
            letters[i] = "\xC3\xA4"[i % 2];
        letters[sizeof letters - 1] = '\0';
        locust__log_print(&log, LOCUST__LOG_INFO, "locust.main", "%.*s%s", (int)from, "x", letters);
        locust__log_close(&log);
        text = read_file();
        if (CHECK(take_apart(text, &l))) {
            size_t n = strlen(l.text), odd = (n - 1 - from) % 2;
            CHECK(n > 900 && l.text[n - 1] == '\n');
            CHECK((l.text[n - 2] == '?') == (odd == 1)); // half a letter
        }
        free(text);
        unlink(path);
    }
}

static void lines_are_appended(void)
{
    char *text;
    for (int i = 0; i < 2; i++) {
        locust__log log = open_file(LOCUST__LOG_INFO);
        locust__log_print(&log, LOCUST__LOG_INFO, "locust.main", "run %d", i);
        locust__log_close(&log);
    }
    text = read_file();
    CHECK(strstr(text, ": run 0\n[") != NULL && strstr(text, ": run 1\n") != NULL);
    free(text);
    unlink(path);
}

static void a_path_that_cannot_be_opened(void)
{
    locust__log log;
    CHECK_INT(locust__log_open(&log, LOCUST__LOG_INFO, "/nonexistent/log"), -ENOENT);
}

static void to_standard_error(void *arg)
{
    locust__log log;
    (void)arg;
    CHECK_INT(locust__log_open(&log, LOCUST__LOG_INFO, NULL), 0);
    locust__log_print(&log, LOCUST__LOG_ERROR, "locust.main", "one");
    locust__log_close(&log); // does not close standard error
    CHECK_INT(write(STDERR_FILENO, "two\n", 4), 4);
}

static void without_a_path(void)
{
    char *text;
    int status = check_fork(to_standard_error, NULL, &text);
    line l;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (CHECK(take_apart(text, &l)))
        CHECK_STR(l.text, "one\ntwo\n");
    free(text);
}

/* Those with a file, under a name of their own. */
static void files(void)
{
    int fd = mkstemp(path);
    if (fd < 0)
        abort();
    close(fd);
    unlink(path);
    a_line();
    below_the_level_is_nothing();
    long_lines();
    lines_are_plain();
    lines_are_appended();
}

TESTS({"levels", levels}, {"files", files},
    {"a path that cannot be opened", a_path_that_cannot_be_opened},
    {"without a path", without_a_path}, )
