// Text for terminals, pipes, sockets and files that nobody reads, that are read late, or whose reader has gone.
#define _XOPEN_SOURCE 600 // posix_openpt
#define _DEFAULT_SOURCE
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"
#include <pthread.h>
#include <termios.h>

static const int64_t MS = 1000000, S = 1000000000;

enum kind { TERMINAL, PIPE, OLD_PIPE, SOCKET, KINDS }; // OLD_PIPE: could not be opened once more
static const char *const kinds[KINDS] = {"terminal", "pipe", "pipe that is not our own", "socket"};

static int ends[2]; // to read, to write
static locust__out out;

/* False: this system has no such thing. */
static bool begin(enum kind kind)
{
    CHECK_ROW(kinds[kind]);
    blocks_fail_in = -1;
    if (kind == TERMINAL) {
        struct termios raw;
        const char *name;
        ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
        if (ends[0] < 0 || grantpt(ends[0]) != 0 || unlockpt(ends[0]) != 0)
            return false;
        name = ptsname(ends[0]);
        ends[1] = name ? open(name, O_RDWR | O_NOCTTY) : -1;
        if (ends[1] < 0 || tcgetattr(ends[1], &raw) != 0)
            return false;
        raw.c_oflag &= ~(tcflag_t)OPOST;
        tcsetattr(ends[1], TCSANOW, &raw);
    } else if (kind == SOCKET) {
        CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    } else {
        CHECK_INT(pipe(ends), 0);
    }
    locust__out_open(&out, ends[1]);
    CHECK(out.waits);
    if (kind == OLD_PIPE && out.own) {
        close(out.fd);
        out.fd = ends[1];
        out.own = false;
    }
    return true;
}

static void end(void)
{
    close(ends[0]);
    close(ends[1]);
    CHECK_INT(blocks_live, 0);
}

static char got[4 << 20];
static size_t got_len;

/* Reads, beside the test, until all writers have gone. */
static void *reads_all(void *arg)
{
    ssize_t n;
    (void)arg;
    got_len = 0;
    while ((n = read(ends[0], got + got_len, sizeof got - 1 - got_len)) > 0)
        got_len += (size_t)n;
    got[got_len] = '\0';
    return NULL;
}

/* Closes while somebody reads: everything comes. */
static void close_and_read(void)
{
    int patience_ms = 20000;
    pthread_t reader;
    CHECK_INT(pthread_create(&reader, NULL, reads_all, NULL), 0);
    locust__out_close(&out, &patience_ms);
    CHECK(patience_ms > 0);
    close(ends[1]);
    pthread_join(reader, NULL);
    close(ends[0]);
    CHECK_INT(blocks_live, 0);
}

static size_t add(const char *what, int i, bool table)
{
    static char text[3000];
    size_t n = (size_t)snprintf(text, sizeof text, "%s %06d %0*d\n", what, i, table ? 2000 : 80, 0);
    if (table)
        locust__out_table(&out, text, n);
    else
        locust__out_line(&out, text, n);
    return n;
}

/* Each text that came is whole, and they are in order. */
static int count_whole(const char *what, bool table)
{
    int n = 0, last = -1;
    size_t len = strlen(what), width = table ? 2000 : 80;
    for (const char *p = got; (p = strstr(p, what)) != NULL; p += len) {
        int i = atoi(p + len + 1);
        CHECK(i > last);
        CHECK_INT(strspn(p + len + 8, "0"), width);
        CHECK(p[len + 8 + width] == '\n');
        last = i;
        n++;
    }
    return n;
}

/* Nobody reads: nothing waits. Tables are left out, whole; lines are all there when somebody reads. */
static void read_late(void)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        enum { N = 200 };
        size_t left_out;
        if (!begin(kind))
            continue;
        for (int i = 0; i < N; i++) {
            add("line", i, false);
            add("table", i, true);
        }
        CHECK_INT(out.lines, 0);
        CHECK(out.tables > 0);
        CHECK(out.kept.len < LOCUST__OUT_TABLES + N * 100);
        CHECK(!locust__out_is_free(&out));
        CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
        left_out = out.tables;
        close_and_read();
        CHECK_INT(count_whole("line", false), N);
        CHECK_INT((size_t)count_whole("table", true) + left_out, N);
    }
}

/* Somebody reads: nothing is kept or left out. */
static void read_at_once(void)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        size_t n;
        if (!begin(kind))
            continue;
        for (int i = 0; i < 500; i++) {
            char piece[4096];
            n = add("table", i, true);
            while (n) {
                ssize_t some = read(ends[0], piece, n);
                if (!CHECK(some > 0))
                    return;
                n -= (size_t)some;
            }
            CHECK(locust__out_is_free(&out));
        }
        CHECK_INT(out.tables + out.lines + out.kept.len, 0);
        locust__out_close(&out, &(int){0});
        end();
    }
}

/* The end waits as long as was said, once. */
static void closing_ends(void)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        int patience_ms = 200;
        int64_t began;
        if (!begin(kind))
            continue;
        for (int i = 0; i < 3000; i++)
            add("line", i, false);
        CHECK(out.kept.len > 0);
        began = locust__os_now_ns();
        locust__out_close(&out, &patience_ms);
        CHECK_INT(patience_ms, 0);
        CHECK(locust__os_now_ns() - began >= 190 * MS && locust__os_now_ns() - began < 20 * S);
        end();
    }
}

/* Of lines there is an end, too. */
static void too_many_lines(void)
{
    if (!begin(PIPE))
        return;
    for (int i = 0; i < 20000; i++) // 1.9 MB
        add("line", i, false);
    CHECK(out.lines > 0 && out.kept.len <= LOCUST__OUT_LINES + 100);
    locust__out_close(&out, &(int){0});
    end();
}

static void the_reader_has_gone(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (!begin(kind))
            continue;
        for (int i = 0; i < 3000; i++)
            add("line", i, false);
        close(ends[0]);
        add("line", 3000, false);
        CHECK_INT(out.kept.len, 0); // nobody will read it
        ends[0] = -1;
        locust__out_close(&out, &(int){20000});
        end();
    }
    signal(SIGPIPE, SIG_DFL);
}

/* A file is written to where it stands, and never waits. */
static void a_file(void)
{
    char path[] = "/tmp/out-XXXXXX";
    int fd = mkstemp(path);
    CHECK_INT(write(fd, "before\n", 7), 7);
    locust__out_open(&out, fd);
    CHECK(!out.waits && !out.own && out.fd == fd);
    for (int i = 0; i < 400; i++)
        add("table", i, true);
    CHECK(locust__out_is_free(&out));
    locust__out_close(&out, &(int){0});
    got_len = (size_t)pread(fd, got, sizeof got - 1, 0);
    got[got_len] = '\0';
    CHECK(strncmp(got, "before\n", 7) == 0);
    CHECK_INT(count_whole("table", true), 400);
    CHECK_INT(out.tables, 0);
    close(fd);
    unlink(path);
}

static void without_memory(void)
{
    if (!begin(PIPE))
        return;
    while (!out.kept.len && !out.lines) { // until it does not fit
        blocks_fail_in = 0;
        blocks_fail_on = true;
        add("line", 0, false);
    }
    CHECK_INT(out.lines, 1);
    blocks_fail_in = -1;
    blocks_fail_on = false;
    locust__out_close(&out, &(int){0});
    end();
}

TESTS({"read late", read_late}, {"read at once", read_at_once}, {"closing ends", closing_ends},
    {"too many lines", too_many_lines}, {"the reader has gone", the_reader_has_gone},
    {"a file", a_file}, {"without memory", without_memory}, )
