// Streams over a socket pair: what the poller's flags say after reads of every size.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static locust__loop loop;
static locust__log logger;
static locust__net net;
static int peer;

static void put(size_t n)
{
    static char bytes[2 * LOCUST__LOOP_SCRATCH];
    CHECK_INT(write(peer, bytes, n), n);
}

/* Reads n bytes that are there already, in as few reads as they take. */
static void get(locust_stream *s, size_t n)
{
    while (n) {
        CHECK_INT(locust__stream_fill(s, LOCUST__NEVER), LOCUST_OK);
        n -= s->in_len;
        locust__stream_take(s, s->in_len);
    }
}

static void run_quiet(void *arg)
{
    static const size_t sizes[] = {1, LOCUST__LOOP_SCRATCH - 1, LOCUST__LOOP_SCRATCH,
        LOCUST__LOOP_SCRATCH + 1, LOCUST__LOOP_SCRATCH + LOCUST__LOOP_SCRATCH / 2};
    locust_stream *s = arg;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put(sizes[i]);
        get(s, sizes[i]);
        CHECK(locust__stream_is_quiet(s)); // a read that filled its buffer is no byte too many
        CHECK(!s->fd.watch.readable);
    }
    put(1);
    CHECK_INT(locust__fd_wait_read(&loop, &s->fd, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK(!locust__stream_is_quiet(s)); // a byte out of turn
    get(s, 1);
    CHECK(locust__stream_is_quiet(s));
    close(peer);
    CHECK_INT(locust__fd_wait_read(&loop, &s->fd, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK(!locust__stream_is_quiet(s)); // its end
    locust__stream_close(s);
}

static void quiet(void)
{
    static locust_stream s;
    int fds[2], size = 4 * LOCUST__LOOP_SCRATCH;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    peer = fds[1];
    CHECK_INT(locust__loop_open(&loop), 0);
    locust__log_open(&logger, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&net, &loop, &logger);
    locust__stream_init(&s, &net);
    CHECK_INT(locust__os_nonblocking(fds[0]), 0);
    CHECK_INT(locust__stream_adopt(&s, fds[0]), LOCUST_OK);
    CHECK(locust__co_start(&loop, "test", 0, run_quiet, &s, NULL) != NULL);
    locust__loop_run(&loop);
    locust__loop_close(&loop);
}

TESTS({"quiet after reads of any size", quiet}, )
