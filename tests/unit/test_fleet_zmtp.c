// ZMTP: the bytes of libzmq 4.3.5 (pyzmq) as DEALER and as ROUTER, whole, byte by byte, and broken.
// boards
#define LOCUST__LAYERS 1 // it needs no more, and so runs on all boards
#include "../../tools/header/all.h"
#include "../../tools/header/8-run/fleet/zmtp.c"
#include "../check.h"

// What a socket of pyzmq sent to a listening socket: 10 bytes, and the rest after an answer to them.
#define NULL_MECHANISM "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS_32       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define DEALER_GREETS  "\xff\0\0\0\0\0\0\0\x0d\x7f\3\1" NULL_MECHANISM ZEROS_32
#define DEALER_READY                                                  \
    "\4\x35\5READY\x0bSocket-Type\0\0\0\6DEALER\10Identity\0\0\0\x0c" \
    "board-7_0123"
#define ROUTER_GREETS "\xff\0\0\0\0\0\0\0\1\x7f\3\1" NULL_MECHANISM ZEROS_32
#define ROUTER_READY  "\4\x29\5READY\x0bSocket-Type\0\0\0\6ROUTER\10Identity\0\0\0\0"

static locust__view view(const char *bytes, size_t n)
{
    return (locust__view){bytes, n};
}

#define BYTES(text)              \
    {                            \
        (text), sizeof(text) - 1 \
    }
#define VIEW(text) ((locust__view)BYTES(text))

/* Feeds bytes in pieces of `step`, and writes each message behind the ones before, with a '|'. */
static const char *feed(locust__zmtp *z, locust__view bytes, size_t step)
{
    static char got[4096];
    locust__view message;
    enum locust__zmtp_got what;
    *got = '\0';
    while (bytes.len) {
        size_t n = step < bytes.len ? step : bytes.len;
        char *exact = check_guarded(bytes.ptr, n);
        locust__zmtp_feed(z, exact, n);
        check_guarded_free(exact, n);
        bytes = locust__view_skip(bytes, n);
        while ((what = locust__zmtp_next(z, &message)) == LOCUST__ZMTP_MESSAGE)
            sprintf(got + strlen(got), "%.*s|", (int)message.len, message.len ? message.ptr : "");
        CHECK_INT(what, z->error ? LOCUST__ZMTP_BROKEN : LOCUST__ZMTP_NOTHING);
    }
    return got;
}

static const size_t steps[] = {1, 2, 3, 7, 64, 100000};
enum { STEPS = sizeof steps / sizeof *steps };

/* We greet as libzmq does; both its sockets take it. */
static void greets(void)
{
    locust__zmtp z;
    locust__buf out = {NULL, 0, 0, false};
    static const char dealer[] =
        "\xff\0\0\0\0\0\0\0\1\x7f\3\1" NULL_MECHANISM ZEROS_32 DEALER_READY;
    static const char router[] = ROUTER_GREETS ROUTER_READY;
    locust__zmtp_init(&z, false, VIEW("board-7_0123"), 1000, &out);
    CHECK(out.len == sizeof dealer - 1 && memcmp(out.ptr, dealer, out.len) == 0);
    out.len = 0;
    locust__zmtp_init(&z, true, VIEW(""), 1000, &out);
    CHECK(out.len == sizeof router - 1 && memcmp(out.ptr, router, out.len) == 0);
    locust__buf_free(&out);
}

static void a_worker_reads_a_router(void)
{
    static const char bytes[] =
        ROUTER_GREETS ROUTER_READY "\0\5hello\2\0\0\0\0\0\0\0\3abc\0\0\0\1z";
    for (int i = 0; i < STEPS; i++) {
        locust__zmtp z;
        locust__buf out = {NULL, 0, 0, false};
        locust__zmtp_init(&z, false, VIEW("w"), 1000, &out);
        CHECK_STR(feed(&z, VIEW(bytes), steps[i]), "hello|abc||z|");
        CHECK(z.ready && !z.error && z.identity_len == 0);
        locust__zmtp_deinit(&z);
        locust__buf_free(&out);
    }
}

static void a_master_reads_a_dealer(void)
{
    // A message of three frames is its first one: the others are dropped.
    static const char bytes[] = DEALER_GREETS DEALER_READY "\0\5hello\1\1a\1\1b\0\0\0\1z";
    for (int i = 0; i < STEPS; i++) {
        locust__zmtp z;
        locust__buf out = {NULL, 0, 0, false};
        locust__zmtp_init(&z, true, VIEW(""), 1000, &out);
        CHECK_STR(feed(&z, VIEW(bytes), steps[i]), "hello|a|z|");
        CHECK_STR(z.identity, "board-7_0123");
        CHECK_INT(z.identity_len, 12);
        locust__zmtp_deinit(&z);
        locust__buf_free(&out);
    }
}

/* The short form up to 255 bytes, as libzmq has it. */
static void frames(void)
{
    char text[300];
    locust__buf out = {NULL, 0, 0, false};
    memset(text, 'x', sizeof text);
    locust__zmtp_send(&out, view(text, 255));
    CHECK(out.len == 257 && memcmp(out.ptr, "\0\xff", 2) == 0);
    out.len = 0;
    locust__zmtp_send(&out, view(text, 300));
    CHECK(out.len == 309 && memcmp(out.ptr, "\2\0\0\0\0\0\0\1\x2c", 9) == 0);
    locust__buf_free(&out);
}

/* Commands behind READY: PING is answered as libzmq answers it, others are not. */
static void commands(void)
{
    static const struct {
        const char *name;
        locust__view sent, answer;
    } rows[] = {
        {"ping",
            {"\4\x0b\4PING\0\x64"
             "abcd",
                13},
            {"\4\x09\4PONG"
             "abcd",
                11}},
        {"long form", {"\6\0\0\0\0\0\0\0\7\4PING\0\x64", 16}, {"\4\5\4PONG", 7}},
        {"a context that is too long",
            {"\4\x1a\4PING\0\x64"
             "0123456789abcdefXYZ",
                28},
            {"\4\x15\4PONG"
             "0123456789abcdef",
                23}},
        {"a ping without its time", {"\4\6\4PING\0", 8}, {"", 0}},
        {"pong", {"\4\5\4PONG", 7}, {"", 0}},
        {"of another version",
            {"\4\7\4JOIN"
             "ab",
                9},
            {"", 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__zmtp z;
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].name);
        locust__zmtp_init(&z, false, VIEW("w"), 1000, &out);
        feed(&z, VIEW(ROUTER_GREETS ROUTER_READY), 100);
        out.len = 0;
        CHECK_STR(feed(&z, rows[i].sent, 1), "");
        CHECK_STR(feed(&z, VIEW("\0\1x"), 1), "x|");
        CHECK_INT(out.len, rows[i].answer.len);
        CHECK(out.len == rows[i].answer.len && memcmp(out.ptr, rows[i].answer.ptr, out.len) == 0);
        locust__zmtp_deinit(&z);
        locust__buf_free(&out);
    }
}

/* What other ends may do, too (reference run of libzmq). */
static void other_ends(void)
{
    static const struct {
        const char *name;
        locust__view bytes;
    } rows[] = {
        {"ZMTP 3.0, as server", BYTES("\xff\0\0\0\0\0\0\0\0\x7f\3\0" NULL_MECHANISM
                                      "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "\0\0\0\0\0\0\0" ROUTER_READY "\0\1x")},
        {"ZMTP 4",
            BYTES("\xff\0\0\0\0\0\0\0\1\x7f\4\0" NULL_MECHANISM ZEROS_32 ROUTER_READY "\0\1x")},
        {"READY in the long form, without a type",
            BYTES(ROUTER_GREETS "\6\0\0\0\0\0\0\0\6\5READY\0\1x")},
        {"another property", BYTES(ROUTER_GREETS "\4\x0f\5READY\3X-Y\0\0\0\1z\0\1x")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__zmtp z;
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].name);
        locust__zmtp_init(&z, false, VIEW("w"), 1000, &out);
        CHECK_STR(feed(&z, rows[i].bytes, 1), "x|");
        CHECK_STR(z.error, NULL);
        locust__zmtp_deinit(&z);
        locust__buf_free(&out);
    }
}

static void what_breaks_it(void)
{
    static const struct {
        const char *name, *error;
        locust__view bytes;
    } rows[] = {
        {"HTTP", "it does not speak ZMTP: is this the port of a master?",
            BYTES("HTTP/1.1 400 Bad")},
        {"no end of the signature", "it does not speak ZMTP: is this the port of a master?",
            BYTES("\xff\0\0\0\0\0\0\0\1\x7e")},
        {"ZMTP 2", "it speaks a ZMTP before 3: its ZeroMQ is too old",
            BYTES("\xff\0\0\0\0\0\0\0\1\x7f\1\5")},
        {"PLAIN", "it wants a ZMTP mechanism other than NULL",
            BYTES("\xff\0\0\0\0\0\0\0\1\x7f\3\1PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" ZEROS_32)},
        {"another socket", "its ZeroMQ socket is no ROUTER, as a master's is",
            BYTES(ROUTER_GREETS "\4\x19\5READY\x0bSocket-Type\0\0\0\3PUB")},
        {"a message before READY", "it sent a message before its READY",
            BYTES(ROUTER_GREETS "\0\1x")},
        {"another command first", "it does not begin with READY",
            BYTES(ROUTER_GREETS "\4\5\4PONG")},
        {"a property that is cut", "its READY is broken",
            BYTES(ROUTER_GREETS "\4\x0a\5READY\3abc")},
        {"ERROR", "it refuses the connection", BYTES(ROUTER_GREETS "\4\x0a\5ERROR\3bad")},
        {"a command without a name", "its command has no name",
            BYTES(ROUTER_GREETS ROUTER_READY "\4\2\5X")},
        {"a long command", "its command is too long",
            BYTES(ROUTER_GREETS ROUTER_READY "\6\0\0\0\0\0\0\x10\1")},
        {"a long message", "its message is too long",
            BYTES(ROUTER_GREETS ROUTER_READY "\2\0\0\0\0\0\0\3\xe9")},
        {"a longer one than there is memory", "its message is too long",
            BYTES(ROUTER_GREETS ROUTER_READY "\2\xff\xff\xff\xff\xff\xff\xff\xff")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < STEPS; k++) {
            locust__zmtp z;
            locust__buf out = {NULL, 0, 0, false};
            CHECK_ROW(rows[i].name);
            locust__zmtp_init(&z, false, VIEW("w"), 1000, &out);
            CHECK_STR(feed(&z, rows[i].bytes, steps[k]), "");
            CHECK_STR(z.error, rows[i].error);
            feed(&z, VIEW(ROUTER_GREETS ROUTER_READY "\0\1x"), 1000); // it stays broken
            CHECK_STR(z.error, rows[i].error);
            CHECK(!z.in.ptr); // and keeps nothing
            locust__zmtp_deinit(&z);
            locust__buf_free(&out);
        }
}

static void an_identity_of_256_bytes(void)
{
    char bytes[400] = DEALER_GREETS;
    size_t n = 64;
    locust__zmtp z;
    locust__buf out = {NULL, 0, 0, false};
    memcpy(bytes + n, "\6\0\0\0\0\0\0\1\x13\5READY\10Identity\0\0\1\0", 28);
    n += 28;
    memset(bytes + n, 'i', 256);
    locust__zmtp_init(&z, true, VIEW(""), 1000, &out);
    feed(&z, view(bytes, n + 256), 100000);
    CHECK_STR(z.error, "its identity is longer than 255 bytes");
    locust__zmtp_deinit(&z);
    locust__buf_free(&out);
}

TESTS({"greets", greets}, {"a worker reads a ROUTER", a_worker_reads_a_router},
    {"a master reads a DEALER", a_master_reads_a_dealer}, {"frames", frames},
    {"commands", commands}, {"other ends", other_ends}, {"what breaks it", what_breaks_it},
    {"an identity of 256 bytes", an_identity_of_256_bytes})
