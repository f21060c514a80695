// Responses over a stream: whole, byte by byte, at every split in two, and cut. RFC 9110, RFC 9112.
// timeout: 600
// boards
#define LOCUST_MAX_HEADER 2048
#define LOCUST_MAX_BODY   5000
#define LOCUST__LAYERS    5
#include "../../tools/header/all.h"
#include "responses.h"

// Responses over a stream: whole, byte by byte, at every split in two, and cut. RFC 9110, RFC 9112.
// timeout: 600
// boards
#define LOCUST_MAX_HEADER 2048

/* -- a stream that is fed in pieces -- */

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
} kit;

typedef struct feed { // one response, on its way through a pair of sockets
    const char *in;
    size_t n, cuts[2], n_cuts; // where the pieces end, beside the end
    size_t room;               // that an answer before it has left
    bool bytes, closes, to_head;
    locust_stream stream;
    int fd;
    bool done, slow;
    // what came out
    locust_error error;
    locust__response_head head;
    locust__buf kept;
    size_t body_at;
    bool reusable;
} feed;

static void feed_read(void *arg)
{
    feed *f = arg;
    int64_t deadline_ns = locust__os_now_ns() + 20 * LOCUST__S, first_ns = 0;
    size_t budget = LOCUST_MAX_HEADER;
    enum locust__body kind;
    if (f->room && !locust__buf_reserve(&f->kept, f->room))
        abort();
    f->error = locust__receive_final(
        &f->stream, &f->head, &f->kept, f->kept.len, &budget, &first_ns, deadline_ns);
    f->body_at = f->kept.len;
    if (!f->error) {
        kind = locust__response_head_body(&f->head, f->to_head);
        f->error = locust__receive_body(
            &f->stream, kind, f->head.framing.length, &f->kept, NULL, budget, deadline_ns);
        f->reusable =
            !f->error && !f->stream.in_len && locust__http_persists(&f->head.framing, kind);
    }
    if (!f->error && locust__buf_reserve(&f->kept, 1))
        f->kept.ptr[f->kept.len] = '\0';
    f->done = true;
}

/* Waits until the reader has taken all that was sent. */
static void feed_wait(feed *f)
{
    int unread = 1;
    while (!f->done) {
        locust__co_yield(&kit.loop);
        if (ioctl(f->stream.fd.watch.fd, FIONREAD, &unread) == 0 && unread == 0)
            break;
    }
}

static void feed_write(void *arg)
{
    feed *f = arg;
    size_t at = 0;
    for (size_t piece = 0; at < f->n && !f->done; piece++) {
        size_t end = f->bytes ? at + 1 : piece < f->n_cuts ? f->cuts[piece] : f->n;
        while (at < end && !f->done) {
            ssize_t sent = send(f->fd, f->in + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0)
                at += (size_t)sent;
            else
                locust__co_yield(&kit.loop);
        }
        feed_wait(f);
    }
    if (f->closes)
        shutdown(f->fd, SHUT_WR);
}

/* Call from a coroutine; then look at what came out, and feed_free. */
static void feed_run(feed *f)
{
    locust__wait_group both = {0, {NULL, NULL}};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    locust__stream_init(&f->stream, &kit.net);
    if (locust__stream_adopt(&f->stream, fds[0]))
        abort();
    f->fd = fds[1];
    if (!locust__co_start(&kit.loop, "reader", 0, feed_read, f, &both) ||
        !locust__co_start(&kit.loop, "writer", 0, feed_write, f, &both))
        abort();
    locust__wait_group_join(&kit.loop, &both, LOCUST__NEVER);
}

static void feed_free(feed *f)
{
    locust__stream_close(&f->stream);
    close(f->fd);
    locust__buf_free(&f->kept);
}

static feed feed_of(const row *r)
{
    feed f = {.in = r->in, .n = r->n, .closes = r->flags & CLOSES, .to_head = r->flags & TO_HEAD};
    f.room = r->n;
    return f;
}

/* The field of that name among the kept ones. */
static const char *kept_field(const feed *f, const char *name)
{
    const char *p = f->kept.ptr + strlen(f->kept.ptr) + 1;
    while (*p) {
        const char *value = p + strlen(p) + 1;
        if (strcasecmp(p, name) == 0)
            return value;
        p = value + strlen(value) + 1;
    }
    return NULL;
}

/* Runs fn in a coroutine of a fresh loop. */
static void with_loop(void (*fn)(void *arg))
{
    if (locust__loop_open(&kit.loop) < 0)
        abort();
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    if (!locust__co_start(&kit.loop, "test", 262144, fn, NULL, NULL))
        abort();
    locust__loop_run(&kit.loop);
    CHECK_INT(kit.net.open, 0);
    locust__loop_close(&kit.loop);
    locust__log_close(&kit.log);
}

/* False: something differs. */
static bool judge(const row *r, const feed *f)
{
    size_t n = f->error ? 0 : f->kept.len - f->body_at;
    int bad = check_now.n_bad;
    CHECK_STR(locust__error_text(f->error), locust__error_text(r->error));
    if (f->error || r->error) {
        CHECK(!f->reusable);
        return bad == check_now.n_bad;
    }
    CHECK_INT(f->head.status, r->status);
    if (CHECK_INT(n, strlen(r->body)))
        CHECK(memcmp(f->kept.ptr + f->body_at, r->body, n) == 0);
    CHECK_INT(f->kept.ptr[f->kept.len], 0);
    CHECK_INT(f->reusable, !(r->flags & GONE));
    if (r->field)
        CHECK_STR(kept_field(f, r->field), r->value);
    return bad == check_now.n_bad;
}

static void run_whole(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2 * ROWS; i++) {
        const row *r = &rows[i / 2];
        feed f = feed_of(r);
        f.room = i % 2 ? r->n : 0;
        CHECK_ROW(r->name);
        feed_run(&f);
        judge(r, &f);
        feed_free(&f);
    }
}

static void whole(void)
{
    with_loop(run_whole);
}

static void run_bytes(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++) {
        feed f = feed_of(&rows[i]);
        f.bytes = true;
        CHECK_ROW(rows[i].name);
        feed_run(&f);
        judge(&rows[i], &f);
        feed_free(&f);
    }
}

static void byte_by_byte(void)
{
    with_loop(run_bytes);
}

static void run_splits(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++) {
        bool good = true;
        for (size_t at = 1; at < rows[i].n && good; at++) { // the first bad split tells enough
            feed f = feed_of(&rows[i]);
            char name[128];
            f.cuts[0] = at;
            f.n_cuts = 1;
            snprintf(name, sizeof name, "%s, split at %zu", rows[i].name, at);
            CHECK_ROW(name);
            feed_run(&f);
            good = judge(&rows[i], &f);
            feed_free(&f);
        }
    }
    CHECK_ROW(NULL);
}

static void every_split(void)
{
    with_loop(run_splits);
}

/* Whatever complete message is cut anywhere, it is a failure and never a short success. */
static void run_cuts(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROWS; i++)
        for (size_t n = 0; n < rows[i].n; n++) {
            feed f = feed_of(&rows[i]);
            char name[128];
            if (rows[i].flags & CLOSES)
                break;
            f.n = n;
            f.closes = true;
            snprintf(name, sizeof name, "%s, cut at %zu", rows[i].name, n);
            CHECK_ROW(name);
            feed_run(&f);
            CHECK(f.error != LOCUST_OK);
            CHECK(f.error != LOCUST_ERR_TIMEOUT);
            if (!rows[i].error)
                CHECK(f.error == LOCUST_ERR_HTTP_NO_RESPONSE ||
                      f.error == LOCUST_ERR_HTTP_HEAD_CUT || f.error == LOCUST_ERR_HTTP_BODY_CUT);
            feed_free(&f);
        }
    CHECK_ROW(NULL);
}

static void every_cut(void)
{
    with_loop(run_cuts);
}

/* -- limits: exactly so much passes, one byte more does not -- */

static char big[1 << 17];

/* Feeds what big[] holds, whole and then in pieces of 1000 bytes and the rest. */
static void feed_big(const char *name, size_t n, bool closes, locust_error error, size_t body_len)
{
    for (size_t pieces = 0; pieces < 3; pieces++) {
        feed f = {.in = big, .n = n, .closes = closes, .n_cuts = pieces};
        f.cuts[0] = n < 1000 ? n : 1000;
        f.cuts[1] = n - 1;
        CHECK_ROW(name);
        feed_run(&f);
        CHECK_STR(locust__error_text(f.error), locust__error_text(error));
        if (!f.error && !error)
            CHECK_INT(f.kept.len - f.body_at, body_len);
        CHECK(f.kept.cap < 32768);
        feed_free(&f);
    }
}

/* A head of n bytes, its empty line included, for an empty body. */
static size_t big_head(size_t n)
{
    size_t at = (size_t)sprintf(big, H11 "Content-Length: 0\r\nA: ");
    memset(big + at, 'x', n - at - 4);
    memcpy(big + n - 4, "\r\n\r\n", 4);
    return n;
}

static size_t big_body(const char *head, size_t n, const char *tail)
{
    size_t at = (size_t)sprintf(big, "%s", head);
    memset(big + at, 'b', n);
    return at + n + (size_t)sprintf(big + at + n, "%s", tail);
}

/* `before`, n bytes of `fill`, `after` */
static size_t big_fill(const char *before, const char *fill, size_t n, const char *after)
{
    size_t at = (size_t)sprintf(big, "%s", before), len = strlen(fill);
    for (size_t i = 0; i < n; i++)
        big[at++] = fill[i % len];
    return at + (size_t)sprintf(big + at, "%s", after);
}

static void run_limits(void *arg)
{
    static const char chunk[] = CHUNKED "1388\r\n", a[] = CHUNKED "1\r\nx\r\n0;",
                      b[] = CHUNKED "0\r\n";
    const size_t max = LOCUST_MAX_HEADER, head = strlen(CHUNKED);
    (void)arg;
    feed_big("head at the limit", big_head(max), false, LOCUST_OK, 0);
    feed_big("head above the limit", big_head(max + 1), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("head far above the limit", big_head(100000), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("many fields", big_fill(H11, "A: b\r\n", 6 * 10000, "\r\n"), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless reason", big_fill("HTTP/1.1 200 ", "x", 100000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless interim answers",
        big_fill("", "HTTP/1.1 100 Continue\r\n\r\n", 25 * 1000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless fold", big_fill(H11 "A: b\r\n", " c\r\n", 4 * 10000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);

    feed_big("body at the limit", big_body(H11 "Content-Length: 5000\r\n\r\n", 5000, ""), false,
        LOCUST_OK, 5000);
    feed_big("chunk at the limit", big_body(chunk, 5000, "\r\n0\r\n\r\n"), false, LOCUST_OK, 5000);
    feed_big("one more byte in a second chunk", big_body(chunk, 5000, "\r\n1\r\nx\r\n0\r\n\r\n"),
        false, LOCUST_ERR_HTTP_BODY_SIZE, 0);
    feed_big(
        "body to the close, at the limit", big_body(H11 "\r\n", 5000, ""), true, LOCUST_OK, 5000);
    feed_big("body to the close, above the limit", big_body(H11 "\r\n", 5001, ""), true,
        LOCUST_ERR_HTTP_BODY_SIZE, 0);
    feed_big("endless body without a close", big_body(H11 "\r\n", 100000, ""), false,
        LOCUST_ERR_HTTP_BODY_SIZE, 0);

    feed_big("chunk-size line of 4096 bytes", big_fill(a, "y", 4096 - 4, "\r\n\r\n"), false,
        LOCUST_OK, 1);
    feed_big("chunk-size line of 4097 bytes", big_fill(a, "y", 4097 - 4, "\r\n\r\n"), false,
        LOCUST_ERR_HTTP_CHUNK, 0);
    feed_big(
        "endless chunk extension", big_fill(a, "y", 100000, ""), false, LOCUST_ERR_HTTP_CHUNK, 0);
    feed_big(
        "endless chunk size", big_fill(CHUNKED, "0", 100000, ""), false, LOCUST_ERR_HTTP_CHUNK, 0);

    feed_big("trailers at the limit", big_fill(b, "A: bcd\r\n", (max - head) / 8 * 8 - 8, "\r\n"),
        false, LOCUST_OK, 0);
    feed_big("trailers above the limit", big_fill(b, "A: bcd\r\n", max - head + 8, "\r\n"), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big("endless trailers", big_fill(b, "A: bcd\r\n", 80000, ""), false,
        LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big(
        "endless trailer", big_fill(b, "A: bcd", 100000, ""), false, LOCUST_ERR_HTTP_HEAD_SIZE, 0);
    feed_big(
        "long trailer", big_fill(CHUNKED "0\r\nA: ", "b", 600, "\r\n\r\n"), false, LOCUST_OK, 0);
    feed_big("long trailer without a colon", big_fill(b, "b", 600, "\r\n\r\n"), false,
        LOCUST_ERR_HTTP_FIELD, 0);
    feed_big("long trailer with a control character",
        big_fill(CHUNKED "0\r\nA: ", "b\x01", 600, "\r\n\r\n"), false, LOCUST_ERR_HTTP_FIELD, 0);
    feed_big("long trailer with a space in its name",
        big_fill(CHUNKED "0\r\nA : ", "b", 600, "\r\n\r\n"), false, LOCUST_ERR_HTTP_FIELD, 0);
}

static void limits(void)
{
    with_loop(run_limits);
}

/* -- bytes of every value in a body -- */

static void run_binary(void *arg)
{
    (void)arg;
    for (int closes = 0; closes < 2; closes++) {
        size_t at = (size_t)sprintf(big, closes ? H11 "\r\n" : H11 "Content-Length: 256\r\n\r\n");
        feed f = {.in = big, .n = at + 256, .bytes = true, .closes = closes};
        for (int i = 0; i < 256; i++)
            big[at + (size_t)i] = (char)i;
        feed_run(&f);
        CHECK_INT(f.error, LOCUST_OK);
        if (CHECK_INT(f.kept.len - f.body_at, 256))
            CHECK(memcmp(f.kept.ptr + f.body_at, big + at, 256) == 0);
        CHECK_INT(f.reusable, !closes);
        feed_free(&f);
    }
}

static void binary(void)
{
    with_loop(run_binary);
}

/* -- bytes behind the answer -- */

static void run_surplus(void *arg)
{
    static const row surplus[] = {
        {"behind a length", R(H11 LENGTH2 "\r\nok!"), 200, LOCUST_OK, "ok", GONE, NULL, NULL},
        {"behind length 0", R(H11 "Content-Length: 0\r\n\r\n\n"), 200, LOCUST_OK, "", GONE, NULL,
            NULL},
        {"behind chunks", R(CHUNKED "1\r\nx\r\n0\r\n\r\n\r\n"), 200, LOCUST_OK, "x", GONE, NULL,
            NULL},
        {"a second answer", R(H11 LENGTH2 "\r\nok" H11 LENGTH2 "\r\nno"), 200, LOCUST_OK, "ok",
            GONE, NULL, NULL},
        {"a body behind 204", R("HTTP/1.1 204 No\r\n" LENGTH2 "\r\nno"), 204, LOCUST_OK, "", GONE,
            NULL, NULL},
        {"a body behind 304", R("HTTP/1.1 304 No\r\n" LENGTH2 "\r\nno"), 304, LOCUST_OK, "", GONE,
            NULL, NULL},
        {"a body behind HEAD", R(H11 LENGTH2 "\r\nno"), 200, LOCUST_OK, "", GONE | TO_HEAD, NULL,
            NULL},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof surplus / sizeof *surplus; i++) {
        feed f = feed_of(&surplus[i]);
        CHECK_ROW(surplus[i].name);
        feed_run(&f);
        judge(&surplus[i], &f);
        feed_free(&f);
    }
}

static void surplus(void)
{
    with_loop(run_surplus);
}

/* -- changed rows: every way to feed one gives the same -- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t mutate(const row *r, uint64_t *state, char *out)
{
    static const char bytes[] = "\r\n\r\n :;,\0\t0123abfAF\x7f\xff-+HTx";
    size_t n = r->n;
    memcpy(out, r->in, n);
    for (uint64_t k = 1 + next_random(state) % 3; k > 0 && n > 0; k--) {
        size_t at = (size_t)(next_random(state) % n);
        char byte = bytes[next_random(state) % (sizeof bytes - 1)];
        switch (next_random(state) % 3) {
        case 0:
            out[at] = byte;
            break;
        case 1:
            memmove(out + at + 1, out + at, n++ - at);
            out[at] = byte;
            break;
        default:
            memmove(out + at, out + at + 1, --n - at);
        }
    }
    return n;
}

static void run_mutations(void *arg)
{
    static char in[4096];
    const char *slow = getenv("TEST_SLOW");
    int rounds = slow && atoi(slow) > 1 ? 3 : 20;
    (void)arg;
    for (uint64_t seed = 1; seed <= (uint64_t)(rounds * ROWS); seed++) {
        const row *r = &rows[seed % ROWS];
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        feed f[4];
        char name[128];
        size_t n = mutate(r, &state, in);
        snprintf(name, sizeof name, "%s, seed %llu", r->name, (unsigned long long)seed);
        CHECK_ROW(name);
        for (int how = 0; how < 4; how++) {
            f[how] = (feed){.in = in, .n = n, .closes = true, .to_head = r->flags & TO_HEAD};
            f[how].bytes = how == 1;
            f[how].n_cuts = how == 2;
            f[how].room = how == 3 ? n : 0;
            f[how].cuts[0] = n / 2;
            feed_run(&f[how]);
            CHECK(f[how].error != LOCUST_ERR_TIMEOUT && f[how].error != LOCUST_ERR_MEMORY);
            CHECK_STR(locust__error_text(f[how].error), locust__error_text(f[0].error));
            if (f[how].error || f[0].error)
                continue;
            CHECK_INT(f[how].head.status, f[0].head.status);
            if (CHECK_INT(f[how].kept.len, f[0].kept.len))
                CHECK(memcmp(f[how].kept.ptr, f[0].kept.ptr, f[0].kept.len) == 0);
        }
        for (int how = 0; how < 4; how++)
            feed_free(&f[how]);
    }
    CHECK_ROW(NULL);
}

static void mutations(void)
{
    with_loop(run_mutations);
}

/* -- sizes of chunks, against a page that cannot be read -- */

static void chunk_sizes(void)
{
    static const struct {
        const char *line;
        locust_error error;
        uint64_t size;
    } lines[] = {
        {"0", LOCUST_OK, 0},
        {"00", LOCUST_OK, 0},
        {"9", LOCUST_OK, 9},
        {"fF", LOCUST_OK, 255},
        {"deadBEEF", LOCUST_OK, 0xdeadbeef},
        {"0000000000000000000000000000001", LOCUST_OK, 1},
        {"fffffffffffffff", LOCUST_OK, 0xfffffffffffffff},
        {"1;", LOCUST_OK, 1},
        {"1;a=b", LOCUST_OK, 1},
        {"1 ;a=b", LOCUST_OK, 1},
        {"1\t;a=\"b;c\"", LOCUST_OK, 1},
        {"", LOCUST_ERR_HTTP_CHUNK, 0},
        {" ", LOCUST_ERR_HTTP_CHUNK, 0},
        {" 1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1 1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1,1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1.0", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1h", LOCUST_ERR_HTTP_CHUNK, 0},
        {"0x1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"+1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"-1", LOCUST_ERR_HTTP_CHUNK, 0},
        {"g", LOCUST_ERR_HTTP_CHUNK, 0},
        {";a", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1\r", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1;\r", LOCUST_ERR_HTTP_CHUNK, 0},
        {"1;a\x7f", LOCUST_ERR_HTTP_CHUNK, 0},
        {"10000000000000000", LOCUST_ERR_HTTP_CHUNK, 0},
        {"10000000000000001", LOCUST_ERR_HTTP_CHUNK, 0},
        {"fffffffffffffffff", LOCUST_ERR_HTTP_CHUNK, 0},
        {"100000000000000000000000000000000", LOCUST_ERR_HTTP_CHUNK, 0},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        size_t n = strlen(lines[i].line);
        char *p = check_guarded(lines[i].line, n);
        uint64_t size = 99;
        CHECK_ROW(lines[i].line);
        CHECK_INT(locust__receive_chunk_size((locust__view){p, n}, &size), lines[i].error);
        if (!lines[i].error)
            CHECK_INT(size, lines[i].size);
        check_guarded_free(p, n);
    }
}

TESTS({"whole", whole}, {"byte by byte", byte_by_byte}, {"every split", every_split},
    {"every cut", every_cut}, {"limits", limits}, {"binary", binary}, {"surplus", surplus},
    {"mutations", mutations}, {"chunk sizes", chunk_sizes}, )
