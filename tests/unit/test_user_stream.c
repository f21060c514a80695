// Streams of the test's own: TCP over IPv4 and IPv6, unix sockets, ends, errors.
// variants: valgrind arm64 armhf s390x asan musl poll clang gcc
// Not mips: what qemu-user tells by SO_ERROR has the host's number there.
#include "blocks.h"
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include "lives.h"

/* -- cut short -- */

static int silent_port;

static void read_for_ever(locust_user *u)
{
    char url[64], byte;
    locust_stream *s;
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", silent_port);
    s = locust_connect(u, url);
    if (++n_tasks == target)
        locust_stop_test(u);
    locust_read(s, &byte, 1);
    n_after_cut++;
    locust_close(s);
}

LOCUST_USER(InRead, .on_start = count_start, .on_stop = count_stop,
    .tasks = LOCUST_TASKS(LOCUST_TASK(read_for_ever)));

static int open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Its stream is reclaimed with it: descriptor and memory (LeakSanitizer looks at the end). */
static void run_cut_readers(void *arg)
{
    const locust_test test = {.users = {&InRead}};
    int silent = server_silent(&silent_port), before = open_files();
    (void)arg;
    forget();
    target = 40;
    CHECK_INT(run(&test, (locust_options){.users = 40, .spawn_rate = 40, .run_time_s = 55}), 0);
    CHECK(ran_ns < 50 * S);
    CHECK_INT(n_starts, 40);
    CHECK_INT(n_stops, 40);
    CHECK_INT(n_after_cut, 0);
    CHECK_INT(open_files(), before);
    close(silent);
}

static void streams_of_a_cut_user_are_closed(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_cut_readers, NULL, &text), 0))
        fprintf(stderr, "%s", text);
    free(text);
}

/* -- protocols of the test's own -- */

static void task_echo(locust_user *u)
{
    locust_stream *s = locust_connect(u, u->host);
    char line[64], bytes[8];
    ptrdiff_t n;
    if (!CHECK(s != NULL))
        return;
    CHECK_STR(locust_stream_error(s), NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(locust_write(s, "hello\n", 6));
        CHECK_INT(locust_read_until(s, '\n', line, sizeof line), 6);
        CHECK_STR(line, "hello\n");
    }
    // Two lines in one piece; an exact fit; a line that does not fit.
    CHECK(locust_write(s, "ab\ncd\n1234567\n", 14));
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), 3);
    CHECK_STR(line, "ab\n");
    CHECK_INT(locust_read_until(s, '\n', line, 4), 3); // with its '\0' just so
    CHECK_STR(line, "cd\n");
    CHECK_INT(locust_read_until(s, '\n', line, 8), -1);
    CHECK_STR(locust_stream_error(s), locust_error_text(LOCUST_ERR_LINE_TOO_LONG));
    CHECK_INT(locust_read_until(s, '\n', line, 9), 8); // nothing was lost by that
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_STR(line, "1234567\n");
    CHECK(locust_write(s, "xyz", 3));
    n = locust_read(s, bytes, sizeof bytes);
    CHECK(n >= 1 && n <= 3 && memcmp(bytes, "xyz", (size_t)n) == 0);
    for (ptrdiff_t more = 1; n < 3 && more > 0; n += more)
        more = locust_read(s, bytes + n, (size_t)(3 - n));
    CHECK_INT(n, 3);
    locust_close(s);
    locust_close(NULL);
}

static void tcp_url(server *s)
{
    char url[sizeof s->url];
    snprintf(url, sizeof url, "tcp%.100s", s->url + strlen("http"));
    memcpy(s->url, url, sizeof url);
}

static void check_echo(const char *host)
{
    live((life){.task = task_echo, .iterations = 1, .host = host});
    CHECK_INT(after.code, 0);
    CHECK_INT(n_samples, 0); // what is counted of a stream, the test says: LOCUST_MEASURE
}

static void streams(void)
{
    static const step echo[] = {ECHO_ALL};
    server s = server_start(1, echo);
    tcp_url(&s);
    CHECK_ROW("tcp");
    check_echo(s.url);
    server_stop(&s);
}

static void streams_ipv6(void)
{
    static const step echo[] = {ECHO_ALL};
    server_how how = {.family = AF_INET6, .scripts = {echo}};
    server s = server_open(&how);
    if (!s.pid)
        SKIP("no IPv6 loopback here");
    tcp_url(&s);
    check_echo(s.url);
    server_stop(&s);
}

static void streams_unix(void)
{
    static const step echo[] = {ECHO_ALL};
    char dir[] = "/tmp/locust-XXXXXX", path[64];
    server_how how = {.family = AF_UNIX, .path = path, .scripts = {echo}};
    server s;
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/echo", dir);
    s = server_open(&how);
    CHECK(s.pid != 0);
    check_echo(s.url);
    server_stop(&s);
    unlink(path);
    rmdir(dir);
}

static void task_stream_ends(locust_user *u)
{
    char line[64];
    locust_stream *s = locust_connect(u, u->host);
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), 5);
    CHECK_STR(line, "line\n");
    CHECK_INT(locust_read_until(s, '\n', line, sizeof line), -1); // "rest" without an end
    CHECK_STR(locust_stream_error(s), locust_error_text(LOCUST_ERR_CLOSED));
    CHECK_INT(locust_read(s, line, sizeof line), 4);
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_INT(locust_read(s, line, sizeof line), 0);
    CHECK_STR(locust_stream_error(s), NULL);
    CHECK_INT(locust_read(s, line, sizeof line), 0);
    locust_close(s);
}

static void stream_ends(void)
{
    static const step talks[] = {SEND("line\nrest"), CLOSE};
    server s = server_start(1, talks);
    tcp_url(&s);
    live((life){.task = task_stream_ends, .iterations = 1, .host = s.url});
    server_stop(&s);
}

static void task_stream_errors(locust_user *u)
{
    static const struct {
        const char *url;
        locust_error error;
    } rows[] = {
        {"unix:/tmp/no/such/socket", LOCUST_ERR_NO_SOCKET},
        {"gopher://127.0.0.1:1", LOCUST_ERR_SCHEME}, {"tcp://127.0.0.1", LOCUST_ERR_URL}, // no port
        {"tcp://127.0.0.1:x", LOCUST_ERR_URL}, {"", LOCUST_ERR_URL},
        {"unix:/tmp/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            LOCUST_ERR_URL},
        {NULL, LOCUST_ERR_REFUSED}, // the host
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows - server_foreign_errors(); i++) {
        char line[8];
        locust_stream *s = locust_connect(u, rows[i].url ? rows[i].url : u->host);
        CHECK_ROW(rows[i].url ? rows[i].url : "refused");
        if (!CHECK(s != NULL))
            continue;
        for (int round = 0; round < 2; round++) { // it keeps saying why
            CHECK_STR(locust_stream_error(s), locust_error_text(rows[i].error));
            CHECK(!locust_write(s, "x", 1));
            CHECK_STR(locust_stream_error(s), locust_error_text(rows[i].error));
            CHECK_INT(locust_read(s, line, sizeof line), -1);
            CHECK_INT(locust_read_until(s, '\n', line, sizeof line), -1);
        }
        locust_close(s);
    }
    CHECK_ROW(NULL);
}

static void stream_errors(void)
{
    char url[100], host[120];
    int port, fd = server_bind(&(server_how){.family = AF_INET}, &port, url, sizeof url);
    snprintf(host, sizeof host, "tcp%s", url + strlen("http"));
    live((life){.task = task_stream_errors, .iterations = 1, .host = host});
    CHECK_INT(n_samples, 0);
    close(fd);
}

TESTS({"streams of a cut user are closed", streams_of_a_cut_user_are_closed}, {"streams", streams},
    {"streams over IPv6", streams_ipv6}, {"streams over unix sockets", streams_unix},
    {"stream ends", stream_ends}, {"stream errors", stream_errors}, )
