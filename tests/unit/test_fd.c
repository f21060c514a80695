// Coroutines that wait for a descriptor.
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "pair.h"

static const int64_t MS = 1000000, S = 1000000000;

static locust__loop loop;
static locust__fd fd;
static int peer;
static enum locust__wake why[4];
static int64_t woken_ns[4];
static locust__co *reader, *writer;

static bool begin_loop(void)
{
    int ends[2];
    for (int i = 0; i < 4; i++)
        why[i] = LOCUST__WAKE_AGAIN;
    if (!CHECK_INT(locust__loop_open(&loop), 0) || !pair(ends))
        return false;
    peer = ends[1];
    return CHECK_INT(locust__fd_open(&loop, &fd, ends[0]), 0);
}

static void end_loop(void)
{
    locust__fd_close(&loop, &fd);
    close(peer);
    locust__loop_close(&loop);
}

static locust__co *start(void (*fn)(void *arg))
{
    return locust__co_start(&loop, "test", 0, fn, NULL, NULL);
}

static int64_t deadline_ns;

static void wait_to_read(void *arg)
{
    (void)arg;
    why[0] = locust__fd_wait_read(&loop, &fd, deadline_ns);
    woken_ns[0] = locust__os_now_ns();
}

static void wait_to_write(void *arg)
{
    static char block[65536];
    (void)arg;
    do {
        while (write(fd.watch.fd, block, sizeof block) > 0)
            ;
        if (errno != EAGAIN) // a hang-up is told once: who finds it asks no more
            break;
        fd.watch.writable = false;
        why[1] = locust__fd_wait_write(&loop, &fd, deadline_ns);
    } while (why[1] == LOCUST__WAKE_EVENT && fd.watch.writable && write(fd.watch.fd, "x", 1) < 0);
}

static void put_later(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, loop.now_ns + 10 * MS);
    CHECK_INT(write(peer, "x", 1), 1);
}

static void take_later(void *arg)
{
    static char block[65536];
    (void)arg;
    locust__co_sleep(&loop, loop.now_ns + 10 * MS);
    while (read(peer, block, sizeof block) > 0)
        ;
}

static void cancel_later(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, loop.now_ns + 10 * MS);
    if (reader)
        locust__co_cancel(&loop, reader);
    if (writer)
        locust__co_cancel(&loop, writer);
}

static void close_later(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, loop.now_ns + 10 * MS);
    locust__fd_close(&loop, &fd);
}

static void hang_up_later(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, loop.now_ns + 10 * MS);
    shutdown(peer, SHUT_RDWR);
}

static void a_reader_wakes_on_bytes(void)
{
    if (!begin_loop())
        return;
    deadline_ns = LOCUST__NEVER;
    start(wait_to_read);
    start(put_later);
    locust__loop_run(&loop);
    CHECK_INT(why[0], LOCUST__WAKE_EVENT);
    CHECK(fd.watch.readable);
    end_loop();
}

static void a_reader_times_out(void)
{
    static const int64_t spans[] = {
        0, 500000, 5000000, 1100000000}; // beyond a second: looked at twice
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        int64_t late;
        if (!begin_loop())
            return;
        deadline_ns = locust__os_now_ns() + spans[i];
        start(wait_to_read);
        locust__loop_run(&loop);
        CHECK_INT(why[0], LOCUST__WAKE_TIMEOUT);
        late = woken_ns[0] - deadline_ns;
        check_that(CHECK_AT("late"), late >= 0 && late < 5 * S, ": %lld ns", (long long)late);
        end_loop();
    }
}

static void reader_and_writer_wait_together(void)
{
    if (!begin_loop())
        return;
    deadline_ns = LOCUST__NEVER;
    start(wait_to_write);
    start(wait_to_read);
    start(take_later);
    start(put_later);
    locust__loop_run(&loop);
    CHECK_INT(why[0], LOCUST__WAKE_EVENT);
    CHECK_INT(why[1], LOCUST__WAKE_EVENT);
    end_loop();
}

static void waiters_are_cancelled(void)
{
    if (!begin_loop())
        return;
    deadline_ns = LOCUST__NEVER;
    writer = start(wait_to_write);
    reader = start(wait_to_read);
    start(cancel_later);
    locust__loop_run(&loop);
    reader = writer = NULL;
    CHECK_INT(why[0], LOCUST__WAKE_CANCELLED);
    CHECK_INT(why[1], LOCUST__WAKE_CANCELLED);
    CHECK(!fd.reader && !fd.writer);
    end_loop();
}

static void closing_wakes_the_waiters(void)
{
    if (!begin_loop())
        return;
    deadline_ns = LOCUST__NEVER;
    start(wait_to_write);
    start(wait_to_read);
    start(close_later);
    locust__loop_run(&loop);
    CHECK_INT(why[0], LOCUST__WAKE_EVENT);
    CHECK_INT(why[1], LOCUST__WAKE_EVENT);
    CHECK_INT(fd.watch.fd, -1);
    end_loop();
}

static void a_hang_up_wakes_the_waiters(void)
{
    if (!begin_loop())
        return;
    deadline_ns = LOCUST__NEVER;
    signal(SIGPIPE, SIG_IGN);
    start(wait_to_write);
    start(wait_to_read);
    start(hang_up_later);
    locust__loop_run(&loop);
    CHECK_INT(why[0], LOCUST__WAKE_EVENT);
    CHECK_INT(why[1], LOCUST__WAKE_EVENT);
    end_loop();
    signal(SIGPIPE, SIG_DFL);
}

/* Two coroutines send each other a counter 20,000 times over a socket pair. */
static locust__fd ends_of[2];
static int rallies;

static void rally(void *arg)
{
    locust__fd *mine = arg;
    for (;;) {
        unsigned char byte;
        ssize_t n = read(mine->watch.fd, &byte, 1);
        if (n == 1) {
            rallies++;
            if (write(mine->watch.fd, &byte, 1) != 1 || rallies >= 20000)
                return;
            continue;
        }
        if (n == 0)
            return;
        mine->watch.readable = false;
        if (locust__fd_wait_read(&loop, mine, locust__os_now_ns() + 20 * S) != LOCUST__WAKE_EVENT)
            return;
    }
}

static void two_coroutines_play_ball(void)
{
    int ends[2];
    rallies = 0;
    CHECK_INT(locust__loop_open(&loop), 0);
    if (!pair(ends))
        return;
    CHECK_INT(locust__fd_open(&loop, &ends_of[0], ends[0]), 0);
    CHECK_INT(locust__fd_open(&loop, &ends_of[1], ends[1]), 0);
    CHECK_INT(write(ends[0], "b", 1), 1);
    for (int i = 0; i < 2; i++)
        locust__co_start(&loop, "test", 0, rally, &ends_of[i], NULL);
    locust__loop_run(&loop);
    CHECK(rallies >= 20000);
    locust__fd_close(&loop, &ends_of[0]);
    locust__fd_close(&loop, &ends_of[1]);
    locust__loop_close(&loop);
}

TESTS({"a reader wakes on bytes", a_reader_wakes_on_bytes},
    {"a reader times out", a_reader_times_out},
    {"reader and writer wait together", reader_and_writer_wait_together},
    {"waiters are cancelled", waiters_are_cancelled},
    {"closing wakes the waiters", closing_wakes_the_waiters},
    {"a hang-up wakes the waiters", a_hang_up_wakes_the_waiters},
    {"two coroutines play ball", two_coroutines_play_ball}, )
