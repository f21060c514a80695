// ZMTP: the bytes of libzmq 4.3.5 (pyzmq) as DEALER and as ROUTER, whole, byte by byte, and broken.
// boards
#define LOCUST__LAYERS 1 // it needs no more, and so runs on all boards
#include "../../tools/header/all.h"
#include "../../tools/header/8-run/fleet/seal.c"
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

/* The greeting and READY of libzmq, and behind them a property of our own with 18 bytes. */
static void greets_as(const locust__buf *out, const char *want, size_t n)
{
    static const char own[] = "\x08locust.h\0\0\0\x12\1\0";
    CHECK_INT(out->len, n + sizeof own - 1 + 16);
    CHECK(memcmp(out->ptr, want, 65) == 0 && out->ptr[65] == want[65] + (int)sizeof own - 1 + 16);
    CHECK(memcmp(out->ptr + 66, want + 66, n - 66) == 0);
    CHECK(memcmp(out->ptr + n, own, sizeof own - 1) == 0);
}

/* We greet as libzmq does; both its sockets take it. */
static void greets(void)
{
    locust__zmtp z;
    locust__buf out = {NULL, 0, 0, false};
    static const char dealer[] =
        "\xff\0\0\0\0\0\0\0\1\x7f\3\1" NULL_MECHANISM ZEROS_32 DEALER_READY;
    static const char router[] = ROUTER_GREETS ROUTER_READY;
    locust__zmtp_init(&z, false, VIEW("board-7_0123"), 1000, NULL, &out);
    greets_as(&out, dealer, sizeof dealer - 1);
    out.len = 0;
    locust__zmtp_init(&z, true, VIEW(""), 1000, NULL, &out);
    greets_as(&out, router, sizeof router - 1);
    locust__buf_free(&out);
}

static void a_worker_reads_a_router(void)
{
    static const char bytes[] =
        ROUTER_GREETS ROUTER_READY "\0\5hello\2\0\0\0\0\0\0\0\3abc\0\0\0\1z";
    for (int i = 0; i < STEPS; i++) {
        locust__zmtp z;
        locust__buf out = {NULL, 0, 0, false};
        locust__zmtp_init(&z, false, VIEW("w"), 1000, NULL, &out);
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
        locust__zmtp_init(&z, true, VIEW(""), 1000, NULL, &out);
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
    locust__zmtp_send(NULL, &out, view(text, 255));
    CHECK(out.len == 257 && memcmp(out.ptr, "\0\xff", 2) == 0);
    out.len = 0;
    locust__zmtp_send(NULL, &out, view(text, 300));
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
        locust__zmtp_init(&z, false, VIEW("w"), 1000, NULL, &out);
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
        locust__zmtp_init(&z, false, VIEW("w"), 1000, NULL, &out);
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
            locust__zmtp_init(&z, false, VIEW("w"), 1000, NULL, &out);
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
    locust__zmtp_init(&z, true, VIEW(""), 1000, NULL, &out);
    feed(&z, view(bytes, n + 256), 100000);
    CHECK_STR(z.error, "its identity is longer than 255 bytes");
    locust__zmtp_deinit(&z);
    locust__buf_free(&out);
}

/* RFC 4231, 4.2 to 4.4 and 4.7: HMAC-SHA-256. */
static void hmac(void)
{
    static const struct {
        const char *key, *a, *b;
        size_t key_len;
        const char *hex;
    } rows[] = {{"\x0b", "Hi ", "There", 20,
                    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want ", "for nothing?", 4,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"\xaa", "Test Using Larger Than Block-Size Key", " - Hash Key First", 131,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char tag[LOCUST__SEAL_TAG];
        char key[200], hex[65] = "";
        size_t n = strlen(rows[i].key);
        for (size_t k = 0; k < rows[i].key_len; k++)
            key[k] = rows[i].key[n > 1 ? k : 0];
        locust__seal_hmac(view(key, rows[i].key_len), locust__view_of(rows[i].a),
            locust__view_of(rows[i].b), tag);
        for (size_t k = 0; k < sizeof tag; k++)
            snprintf(hex + 2 * k, 3, "%02x", tag[k]);
        CHECK_STR(hex, rows[i].hex);
    }
}

typedef struct ends { // a worker and its master, each with what the other has sent
    locust__zmtp worker, master;
    locust__buf to_master, to_worker;
} ends;

static void meet(ends *e, const char *worker_secret, const char *master_secret)
{
    locust__view message;
    memset(e, 0, sizeof *e);
    locust__zmtp_init(&e->worker, false, VIEW("w"), 1000, worker_secret, &e->to_master);
    locust__zmtp_init(&e->master, true, VIEW(""), 1000, master_secret, &e->to_worker);
    locust__zmtp_feed(&e->master, e->to_master.ptr, e->to_master.len);
    locust__zmtp_feed(&e->worker, e->to_worker.ptr, e->to_worker.len);
    e->to_master.len = e->to_worker.len = 0;
    locust__zmtp_next(&e->master, &message);
    locust__zmtp_next(&e->worker, &message);
}

static void part(ends *e)
{
    locust__zmtp_deinit(&e->worker);
    locust__zmtp_deinit(&e->master);
    locust__buf_free(&e->to_master);
    locust__buf_free(&e->to_worker);
}

/* What the master makes of the bytes: the messages, or why it broke. */
static void hears(ends *e, const char *bytes, size_t n, const char *want)
{
    locust__view message;
    char text[200] = "";
    locust__zmtp_feed(&e->master, bytes, n);
    while (locust__zmtp_next(&e->master, &message) == LOCUST__ZMTP_MESSAGE)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s|", (int)message.len,
            message.ptr);
    CHECK_STR(e->master.error ? e->master.error : text, want);
}

static void secrets(void)
{
    static const char broken[] = "a worker has another --secret, or repeats messages";
    locust__view message;
    ends e, other;
    meet(&e, "one secret", "one secret");
    CHECK(e.worker.ready && e.master.ready && e.worker.ours && e.master.ours);
    locust__zmtp_send(&e.worker, &e.to_master, VIEW("first"));
    locust__zmtp_send(&e.worker, &e.to_master, VIEW("second"));
    hears(&e, e.to_master.ptr, e.to_master.len, "first|second|");
    hears(&e, e.to_master.ptr, e.to_master.len, broken); // once more, on the same connection
    part(&e);
    meet(&e, "one secret", "one secret");
    meet(&other, "one secret", "one secret");
    locust__zmtp_send(&e.worker, &e.to_master, VIEW("first"));
    hears(&other, e.to_master.ptr, e.to_master.len, broken); // recorded on another one
    locust__zmtp_send(&e.master, &e.to_worker, VIEW("first"));
    hears(&e, e.to_worker.ptr, e.to_worker.len, broken); // sent back to whom it came from
    part(&e);
    part(&other);
    for (size_t i = 2; i < 2 + 5 + LOCUST__SEAL_TAG; i++) { // a byte is changed
        meet(&e, "one secret", "one secret");
        locust__zmtp_send(&e.worker, &e.to_master, VIEW("first"));
        e.to_master.ptr[i] ^= 1;
        hears(&e, e.to_master.ptr, e.to_master.len, broken);
        CHECK(locust__zmtp_next(&e.master, &message) == LOCUST__ZMTP_BROKEN);
        part(&e);
    }
    meet(&e, "one secret", "another one");
    locust__zmtp_send(&e.worker, &e.to_master, VIEW("first"));
    hears(&e, e.to_master.ptr, e.to_master.len, broken);
    locust__zmtp_feed(&e.worker, e.to_worker.ptr, e.to_worker.len);
    locust__zmtp_next(&e.worker, &message);
    CHECK_STR(e.worker.error, "it refuses this --secret: its own is another");
    part(&e);
    meet(&e, NULL, "one secret");
    CHECK_STR(e.worker.error, "it wants a --secret, and this worker has none");
    CHECK_STR(e.master.error, "a worker has no --secret, and this master wants one");
    part(&e);
    meet(&e, "one secret", NULL);
    CHECK_STR(e.worker.error, "it has no --secret, and this worker wants one");
    part(&e);
}

TESTS({"HMAC", hmac}, {"secrets", secrets}, {"greets", greets},
    {"a worker reads a ROUTER", a_worker_reads_a_router},
    {"a master reads a DEALER", a_master_reads_a_dealer}, {"frames", frames},
    {"commands", commands}, {"other ends", other_ends}, {"what breaks it", what_breaks_it},
    {"an identity of 256 bytes", an_identity_of_256_bytes})
