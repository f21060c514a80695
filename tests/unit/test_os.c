// The pollers: the same behaviour from epoll, kqueue and poll(). Tests os/.
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "pair.h"

enum { PAIRS = 500, MANY = 700 };
static const int64_t MS = 1000000, S = 1000000000;

static locust__poller poller;
static locust__watch *told[LOCUST__OS_EVENTS];
static locust__watch sources[MANY];
static int peers[MANY];

static bool open_source(int i)
{
    int ends[2];
    if (!pair(ends))
        return false;
    sources[i] = (locust__watch){.fd = ends[0]};
    peers[i] = ends[1];
    return CHECK_INT(locust__os_poll_add(&poller, &sources[i]), 0);
}

static void close_source(int i)
{
    locust__os_poll_remove(&poller, &sources[i]);
    close(sources[i].fd);
    close(peers[i]);
}

static void begin(void)
{
    CHECK_INT(locust__os_poll_open(&poller), 0);
}

static void end(void)
{
    locust__os_poll_close(&poller);
}

/* How many were told; -1 if one of them is not among sources[from] ... sources[to - 1]. */
static int wait_among(int from, int to, int64_t timeout_ns)
{
    int n = locust__os_poll_wait(&poller, told, timeout_ns);
    for (int i = 0; i < n; i++)
        if (told[i] < &sources[from] || told[i] >= &sources[to])
            return -1;
    return n;
}

/* Waits until a source says so; false after 5 s. */
static bool wait_for(const bool *flag)
{
    int64_t deadline = locust__os_now_ns() + 5 * S;
    while (!*flag && locust__os_now_ns() < deadline)
        locust__os_poll_wait(&poller, told, 50 * MS);
    return *flag;
}

/* As the owner of a descriptor does it: reads to the end of what is there, and clears the flag. */
static int drain(locust__watch *s)
{
    char bytes[4096];
    int total = 0;
    for (;;) {
        ssize_t n = read(s->fd, bytes, sizeof bytes);
        if (n > 0) {
            total += (int)n;
            continue;
        }
        if (n < 0)
            s->readable = false;
        return total;
    }
}

static void put(int i, const char *text)
{
    CHECK_INT(write(peers[i], text, strlen(text)), strlen(text));
}

/* -- flags -- */

static void a_new_socket_is_writable_and_told_once(void)
{
    begin();
    if (open_source(0)) {
        CHECK_INT(wait_among(0, 1, 5 * S), 1);
        CHECK(sources[0].writable && !sources[0].readable && !sources[0].hup);
        CHECK_INT(wait_among(0, 1, 0), 0);
        CHECK_INT(wait_among(0, 1, 20 * MS), 0);
        CHECK(sources[0].writable); // stays until its owner clears it
        close_source(0);
    }
    end();
}

static void bytes_are_told_when_they_come(void)
{
    begin();
    if (open_source(0)) {
        CHECK(wait_for(&sources[0].writable));
        for (int round = 0; round < 5; round++) {
            put(0, "hello");
            CHECK(wait_for(&sources[0].readable));
            CHECK(!sources[0].hup);
            CHECK_INT(drain(&sources[0]), 5);
            CHECK_INT(wait_among(0, 1, 0), 0); // drained: nothing to tell
            CHECK(!sources[0].readable);
        }
        close_source(0);
    }
    end();
}

/* Bytes that were there before the socket was added. */
static void early_bytes_are_told(void)
{
    int ends[2];
    begin();
    if (pair(ends)) {
        CHECK_INT(write(ends[1], "x", 1), 1);
        sources[0] = (locust__watch){.fd = ends[0]};
        CHECK_INT(locust__os_poll_add(&poller, &sources[0]), 0);
        CHECK(wait_for(&sources[0].readable));
        locust__os_poll_remove(&poller, &sources[0]);
        close(ends[0]);
        close(ends[1]);
    }
    end();
}

static void room_is_told_when_it_comes(void)
{
    static char block[65536];
    begin();
    if (open_source(0)) {
        CHECK(wait_for(&sources[0].writable));
        while (write(sources[0].fd, block, sizeof block) > 0)
            ;
        CHECK_INT(errno, EAGAIN);
        sources[0].writable = false;
        CHECK_INT(wait_among(0, 1, 0), 0);
        CHECK(!sources[0].writable);
        while (read(peers[0], block, sizeof block) > 0)
            ;
        CHECK(wait_for(&sources[0].writable));
        CHECK(!sources[0].readable);
        close_source(0);
    }
    end();
}

static void both_directions_at_once(void)
{
    begin();
    if (open_source(0)) {
        put(0, "x");
        CHECK(wait_for(&sources[0].readable));
        CHECK(wait_for(&sources[0].writable));
        close_source(0);
    }
    end();
}

static void a_hang_up_sets_all_flags_once(void)
{
    begin();
    if (open_source(0)) {
        CHECK(wait_for(&sources[0].writable));
        sources[0].writable = false; // as after a send that found no room
        put(0, "last");
        close(peers[0]);
        CHECK(wait_for(&sources[0].hup));
        CHECK(sources[0].readable && sources[0].writable);
        for (int i = 0; i < 3; i++)
            CHECK_INT(wait_among(0, 1, 0), 0);
        CHECK_INT(drain(&sources[0]), 4); // what came before it can still be read
        CHECK_INT(wait_among(0, 1, 0), 0);
        locust__os_poll_remove(&poller, &sources[0]);
        close(sources[0].fd);
    }
    end();
}

static void a_half_close_is_readable(void)
{
    char byte;
    begin();
    if (open_source(0)) {
        CHECK(wait_for(&sources[0].writable));
        shutdown(peers[0], SHUT_WR);
        CHECK(wait_for(&sources[0].readable));
        CHECK_INT(read(sources[0].fd, &byte, 1), 0);
        close_source(0);
    }
    end();
}

/* A TCP connection that is refused: told, and all flags are set. */
static void a_refused_connection_is_told(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd, closed = socket(AF_INET, SOCK_STREAM, 0); // bound and never listening: refuses
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(bind(closed, (struct sockaddr *)&address, len), 0);
    CHECK_INT(getsockname(closed, (struct sockaddr *)&address, &len), 0);
    begin();
    fd = locust__os_socket(AF_INET, SOCK_STREAM);
    if (CHECK(fd >= 0)) {
        int error = 0, rc = connect(fd, (struct sockaddr *)&address, len);
        CHECK(rc < 0 && (errno == EINPROGRESS || errno == ECONNREFUSED));
        sources[0] = (locust__watch){.fd = fd};
        CHECK_INT(locust__os_poll_add(&poller, &sources[0]), 0);
        CHECK(wait_for(&sources[0].hup));
        CHECK(sources[0].readable && sources[0].writable);
        if (errno != ECONNREFUSED) {
            len = sizeof error;
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
            CHECK(error == ECONNREFUSED || error == 0);
        }
        locust__os_poll_remove(&poller, &sources[0]);
        close(fd);
    }
    end();
    close(closed);
}

/* -- many -- */

static void tells_the_right_ones_among_many(void)
{
    uint64_t seed = 7;
    int open = 0;
    locust__os_raise_files();
    begin();
    while (open < PAIRS && open_source(open))
        open++;
    for (int i = 0; i < open; i++)
        CHECK(wait_for(&sources[i].writable));
    for (int round = 0; round < 20; round++) {
        bool wrote[PAIRS] = {false};
        for (int i = 0; i < open; i++)
            if (locust__random(&seed) % 3 == 0) {
                wrote[i] = true;
                put(i, "x");
            }
        for (int i = 0; i < open; i++)
            if (wrote[i])
                CHECK(wait_for(&sources[i].readable));
        for (int i = 0; i < open; i++) {
            CHECK_INT(sources[i].readable, wrote[i]);
            CHECK(!sources[i].hup);
            if (sources[i].readable)
                CHECK_INT(drain(&sources[i]), 1);
        }
        CHECK_INT(wait_among(0, PAIRS, 0), 0);
    }
    for (int i = 0; i < open; i++)
        close_source(i);
    end();
}

static void told_once_each_among_many(void)
{
    int open = 0, events = 0, n;
    locust__os_raise_files();
    begin();
    while (open < PAIRS && open_source(open))
        open++;
    while ((n = wait_among(0, PAIRS, 0)) > 0)
        events += n;
    CHECK_INT(n, 0);
    CHECK_INT(events, open);
    for (int i = 0; i < open; i++)
        close_source(i);
    end();
}

/* More sources than one wait hands out, all busy all the time: each gets its turn. */
static void the_busy_do_not_starve_others(void)
{
    static int turns[MANY];
    int open = 0, starved = 0;
    locust__os_raise_files();
    memset(turns, 0, sizeof turns);
    begin();
    while (open < MANY && open_source(open))
        open++;
    for (int i = 0; i < open; i++)
        CHECK(wait_for(&sources[i].writable));
    for (int i = 0; i < open; i++)
        put(i, "x");
    for (int round = 0; round < 10; round++) {
        int n = wait_among(0, MANY, 5 * S);
        CHECK(n > 0);
        for (int e = 0; e < n; e++) {
            int i = (int)(told[e] - sources);
            if (!told[e]->readable)
                continue;
            drain(told[e]);
            turns[i]++;
            put(i, "x"); // the server answers the next request at once
        }
    }
    for (int i = 0; i < open; i++)
        starved += turns[i] == 0;
    CHECK_INT(starved, 0);
    for (int i = 0; i < open; i++)
        close_source(i);
    end();
}

static void removing_leaves_the_others(void)
{
    uint64_t seed = 3;
    bool there[64];
    begin();
    for (int i = 0; i < 64; i++)
        there[i] = open_source(i);
    for (int round = 0; round < 200; round++) {
        int i = (int)(locust__random(&seed) % 64);
        if (there[i])
            close_source(i);
        else
            open_source(i); // very likely the same descriptor number as one that was closed
        there[i] = !there[i];
        if (there[i]) {
            CHECK(wait_for(&sources[i].writable));
            put(i, "x");
            CHECK(wait_for(&sources[i].readable));
            CHECK_INT(drain(&sources[i]), 1);
        }
        for (int e = wait_among(0, 64, 0) - 1; e >= 0; e--)
            CHECK(there[told[e] - sources]);
    }
    for (int i = 0; i < 64; i++)
        if (there[i])
            close_source(i);
    end();
}

/* An event that is on its way when its source is removed is not told. */
static void removed_with_an_event_on_its_way(void)
{
    begin();
    if (open_source(0) && open_source(1)) {
        put(0, "x");
        close_source(0);
        memset(&sources[0], 0, sizeof sources[0]);
        put(1, "x");
        CHECK(wait_for(&sources[1].readable));
        CHECK_INT(wait_among(1, 2, 0), 0);
        CHECK(!sources[0].readable && !sources[0].writable && !sources[0].hup);
        close_source(1);
    }
    end();
}

/* -- waiting -- */

static void waits_as_long_as_told(void)
{
    static const int64_t spans[] = {0, 1, 1000, 300000, 1000000, 1500000, 20000000};
    begin();
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        int64_t start = locust__os_now_ns(), took;
        CHECK_INT(wait_among(0, 0, spans[i]), 0);
        took = locust__os_now_ns() - start;
        check_that(CHECK_AT("wait"), took >= spans[i] && took < 5 * S, ": %lld ns took %lld",
            (long long)spans[i], (long long)took);
    }
    end();
}

static void interrupt(int signal_number)
{
    (void)signal_number;
}

/* A wait without end that a signal ends returns 0, with nothing set. */
static void an_interruption_is_no_event(void)
{
    struct sigaction act, old;
    int ends[2], status;
    pid_t child;
    if (pipe(ends) != 0)
        return;
    memset(&act, 0, sizeof act);
    act.sa_handler = interrupt;
    sigaction(SIGUSR1, &act, &old);
    begin();
    child = fork();
    if (child == 0) { // interrupts us until we have noticed
        char byte;
        close(ends[1]);
        locust__os_nonblocking(ends[0]);
        while (read(ends[0], &byte, 1) < 0) {
            kill(getppid(), SIGUSR1);
            usleep(1000);
        }
        _exit(0);
    }
    close(ends[0]);
    CHECK_INT(wait_among(0, 0, LOCUST__NEVER), 0);
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    end();
    sigaction(SIGUSR1, &old, NULL);
}

static void without_memory_nothing_breaks(void)
{
    int open = 0, rc;
    int ends[2];
    if (!LOCUST__WITH_POLL)
        SKIP("epoll keeps no memory here");
    begin();
    while (open < 64 && open_source(open)) // the first block of the arrays
        open++;
    if (pair(ends)) {
        locust__watch extra = {.fd = ends[0]};
        for (int i = 0; i < 2; i++) {
            blocks_fail_in = i;
            rc = locust__os_poll_add(&poller, &extra);
            CHECK_INT(rc, -ENOMEM);
        }
        blocks_fail_in = -1;
        for (int i = 0; i < open; i++)
            CHECK(wait_for(&sources[i].writable));
        CHECK_INT(locust__os_poll_add(&poller, &extra), 0);
        CHECK(wait_for(&extra.writable));
        locust__os_poll_remove(&poller, &extra);
        close(ends[0]);
        close(ends[1]);
    }
    for (int i = 0; i < open; i++)
        close_source(i);
    end();
}

TESTS({"a new socket is writable, and told once", a_new_socket_is_writable_and_told_once},
    {"bytes are told when they come", bytes_are_told_when_they_come},
    {"early bytes are told", early_bytes_are_told},
    {"room is told when it comes", room_is_told_when_it_comes},
    {"both directions at once", both_directions_at_once},
    {"a hang-up sets all flags once", a_hang_up_sets_all_flags_once},
    {"a half-close is readable", a_half_close_is_readable},
    {"a refused connection is told", a_refused_connection_is_told},
    {"tells the right ones among many", tells_the_right_ones_among_many},
    {"told once each among many", told_once_each_among_many},
    {"the busy do not starve others", the_busy_do_not_starve_others},
    {"removing leaves the others", removing_leaves_the_others},
    {"removed with an event on its way", removed_with_an_event_on_its_way},
    {"waits as long as told", waits_as_long_as_told},
    {"an interruption is no event", an_interruption_is_no_event},
    {"without memory nothing breaks", without_memory_nothing_breaks}, )
