// Streams over a socket pair: what the poller's flags say after reads of every size; layers that lie on
// each other, two of the test's own.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

enum { FRAME = 200 }; // bytes in a frame, at most

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
    locust_stream ends[2]; // of a socket pair, unless `peer` is the other end
    int peer;
    char closed[64]; // names of layers, as they were closed
} kit;

/* -- the lower layer: changes every byte -- */

enum { KEY = 0x5A };

static void mask(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] ^= KEY;
}

static locust_error mask_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    locust_error error = locust__layer_recv(layer, to, n, got);
    mask(to, *got);
    return error;
}

static locust_error mask_send(
    locust__layer *layer, const struct iovec *iov, int n_iov, size_t *sent)
{
    char copy[64];
    struct iovec masked = {copy, iov->iov_len < sizeof copy ? iov->iov_len : sizeof copy};
    CHECK(n_iov >= 1);
    memcpy(copy, iov->iov_base, masked.iov_len);
    mask(copy, masked.iov_len);
    return locust__layer_send(layer, &masked, 1, sent);
}

static void mask_close(locust__layer *layer)
{
    strcat(kit.closed, "mask ");
    free(layer);
}

static void put_mask(locust_stream *s)
{
    locust__layer *layer = calloc(1, sizeof *layer);
    layer->recv = mask_recv;
    layer->send = mask_send;
    layer->close = mask_close;
    locust__layer_push(layer, s);
}

/* -- the upper layer: frames, a byte of length in front of each -- */

typedef struct frames {
    locust__layer layer; // first: what the stream calls
    char in[300], out[1 + FRAME];
    size_t in_len, left;        // bytes that came; how many of a frame are still to be given
    size_t out_at, out_len, of; // what is to go down, and how many bytes of the caller that is
} frames;

/* Gives bytes of a frame that is here, even in part. */
static void frames_give(frames *f, char *to, size_t n, size_t *got)
{
    size_t at = 0;
    if (!f->left && f->in_len) {
        f->left = (unsigned char)f->in[0];
        at = 1;
    }
    *got = f->in_len - at < f->left ? f->in_len - at : f->left;
    *got = *got < n ? *got : n;
    memcpy(to, f->in + at, *got);
    f->left -= *got;
    f->in_len -= at + *got;
    memmove(f->in, f->in + at + *got, f->in_len);
}

static locust_error frames_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    frames *f = (frames *)(void *)layer;
    locust_error error = LOCUST_OK;
    size_t more = 0;
    if (f->in_len < sizeof f->in && locust__layer_is_readable(layer))
        error = locust__layer_recv(layer, f->in + f->in_len, sizeof f->in - f->in_len, &more);
    f->in_len += more;
    frames_give(f, to, n, got);
    layer->held = f->in_len > 0;
    return *got ? LOCUST_OK : error;
}

static locust_error frames_send(
    locust__layer *layer, const struct iovec *iov, int n_iov, size_t *sent)
{
    frames *f = (frames *)(void *)layer;
    *sent = 0;
    if (!f->out_len) {
        f->of = iov->iov_len < FRAME ? iov->iov_len : FRAME;
        f->out[0] = (char)f->of;
        memcpy(f->out + 1, iov->iov_base, f->of);
        f->out_at = 0;
        f->out_len = 1 + f->of;
    }
    CHECK(n_iov >= 1 && memcmp(f->out + 1, iov->iov_base, f->of) == 0); // the same bytes again
    while (f->out_len) {
        struct iovec rest = {f->out + f->out_at, f->out_len};
        size_t n = 0;
        locust_error error = locust__layer_send(layer, &rest, 1, &n);
        if (error || !n)
            return error;
        f->out_at += n;
        f->out_len -= n;
    }
    *sent = f->of;
    return LOCUST_OK;
}

/* Says so when it goes, as TLS does: an empty frame. */
static void frames_close(locust__layer *layer)
{
    char none = 0;
    size_t sent;
    locust__layer_send(layer, &(struct iovec){&none, 1}, 1, &sent); // at once or not at all
    strcat(kit.closed, "frames ");
    free(layer);
}

static void put_frames(locust_stream *s)
{
    frames *f = calloc(1, sizeof *f);
    f->layer.recv = frames_recv;
    f->layer.send = frames_send;
    f->layer.close = frames_close;
    locust__layer_push(&f->layer, s);
}

/* -- the tests -- */

static void put_both(locust_stream *s)
{
    put_mask(s);
    put_frames(s);
}

/* Runs coroutines at the ends of a socket pair. The second may be NULL: kit.peer is its end. */
static void run_on_pair(
    void (*first)(void *), void (*second)(void *), void (*put_layers)(locust_stream *))
{
    void (*const fns[])(void *) = {first, second};
    int fds[2], small = 4096, big = 4 * LOCUST__LOOP_SCRATCH;
    memset(&kit, 0, sizeof kit);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    CHECK_INT(locust__loop_open(&kit.loop), 0);
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    kit.peer = fds[1];
    for (int i = 0; i < 2 && fns[i]; i++) {
        locust__stream_init(&kit.ends[i], &kit.net);
        CHECK_INT(locust__os_nonblocking(fds[i]), 0);
        CHECK_INT(locust__stream_adopt(&kit.ends[i], fds[i]), LOCUST_OK);
        if (put_layers)
            put_layers(&kit.ends[i]);
        CHECK(locust__co_start(&kit.loop, "end", 0, fns[i], &kit.ends[i], NULL) != NULL);
    }
    locust__loop_run(&kit.loop);
    locust__loop_close(&kit.loop);
}

/* -- without layers -- */

static void put(size_t n)
{
    static char bytes[2 * LOCUST__LOOP_SCRATCH];
    CHECK_INT(write(kit.peer, bytes, n), n);
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
    CHECK_INT(locust__fd_wait_read(&kit.loop, &s->fd, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK(!s->stray);
    CHECK(!locust__stream_is_quiet(s)); // a byte out of turn
    CHECK(s->stray);
    get(s, 1);
    CHECK(locust__stream_is_quiet(s));
    s->stray = false;
    close(kit.peer);
    CHECK_INT(locust__fd_wait_read(&kit.loop, &s->fd, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK(!locust__stream_is_quiet(s)); // its end
    CHECK(!s->stray);
    locust__stream_close(s);
}

static void quiet(void)
{
    run_on_pair(run_quiet, NULL, NULL);
}

/* -- with layers -- */

static void write_text(locust_stream *s, const char *head, const char *body)
{
    CHECK_INT(locust__stream_write(s, locust__view_of(head), locust__view_of(body), LOCUST__NEVER),
        LOCUST_OK);
}

/* What goes over the wire for some frames. */
static size_t on_wire(char *out, const char *const *texts)
{
    size_t n = 0;
    for (; *texts; texts++) {
        out[n++] = (char)strlen(*texts);
        memcpy(out + n, *texts, strlen(*texts));
        n += strlen(*texts);
    }
    mask(out, n);
    return n;
}

static void run_stacked(void *arg)
{
    static const char *const request[] = {"head", "body", NULL}, *const answer[] = {"answer", NULL};
    locust_stream *s = arg;
    char want[64], got[64], text[16] = "";
    size_t n = on_wire(want, request), given;
    write_text(s, "head", "body");
    CHECK_INT(read(kit.peer, got, sizeof got), n);
    CHECK(memcmp(got, want, n) == 0);
    CHECK(locust__stream_is_quiet(s));
    n = on_wire(got, answer);
    CHECK_INT(write(kit.peer, got, n), n);
    CHECK_INT(locust__stream_read(s, text, sizeof text, &given, LOCUST__NEVER), LOCUST_OK);
    CHECK_STR(text, "answer");
    CHECK(locust__stream_is_quiet(s));
    locust__stream_close(s);
    close(kit.peer);
}

static void stacked(void)
{
    run_on_pair(run_stacked, NULL, put_both);
}

/* Two frames come at once: what the layer took off the socket with the first is not forgotten. */
static void run_held(void *arg)
{
    static const char *const answers[] = {"first", "second", NULL};
    locust_stream *s = arg;
    char wire[64], text[16] = "";
    size_t n = on_wire(wire, answers), given;
    CHECK(!locust__stream_is_readable(s));
    CHECK_INT(write(kit.peer, wire, n), n);
    CHECK_INT(locust__stream_read(s, text, 3, &given, LOCUST__NEVER), LOCUST_OK);
    CHECK_STR(text, "fir");
    CHECK(!s->fd.watch.readable && locust__stream_is_readable(s));
    CHECK(!locust__layer_is_readable(s->layer)); // nothing under the frames has more
    CHECK_INT(locust__stream_read(s, text, sizeof text, &given, LOCUST__NEVER), LOCUST_OK);
    CHECK_INT(given, 2);
    CHECK(locust__stream_is_readable(s));
    CHECK_INT(locust__stream_fill(s, LOCUST__NEVER), LOCUST_OK);
    CHECK(locust__view_is((locust__view){s->in, s->in_len}, "second"));
    CHECK(!locust__stream_is_readable(s));
    locust__stream_take(s, s->in_len);
    CHECK_INT(write(kit.peer, wire, n), n);
    CHECK_INT(locust__fd_wait_read(&kit.loop, &s->fd, LOCUST__NEVER), LOCUST__WAKE_EVENT);
    CHECK(!locust__stream_is_quiet(s)); // bytes out of turn
    CHECK(s->stray);
    locust__stream_close(s);
    close(kit.peer);
}

static void held(void)
{
    run_on_pair(run_held, NULL, put_both);
}

/* The top layer goes first: its last word still passes the layer under it. */
static void run_closes(void *arg)
{
    locust_stream *s = arg;
    char last[8];
    locust__stream_close(s);
    CHECK_STR(kit.closed, "frames mask ");
    CHECK(!s->layer && !locust__stream_is_open(s));
    CHECK_INT(read(kit.peer, last, sizeof last), 1);
    CHECK_INT(last[0], KEY);
    CHECK_INT(read(kit.peer, last, sizeof last), 0);
    close(kit.peer);
}

static void closes(void)
{
    run_on_pair(run_closes, NULL, put_both);
}

/* More than the socket has room for, while the reader pauses: nothing is lost or comes twice. */
enum { MANY = 300000 };

static void run_writer(void *arg)
{
    locust_stream *s = arg;
    char *bytes = malloc(MANY);
    for (size_t i = 0; i < MANY; i++)
        bytes[i] = (char)(i % 251);
    CHECK_INT(locust__stream_write(
                  s, (locust__view){bytes, 7}, (locust__view){bytes + 7, MANY - 7}, LOCUST__NEVER),
        LOCUST_OK);
    free(bytes);
    locust__stream_close(s);
}

static void run_reader(void *arg)
{
    locust_stream *s = arg;
    locust_error error = LOCUST_OK;
    size_t n = 0, wrong = 0;
    while (!error) {
        char bytes[1000];
        size_t got = 0;
        if (n % 7 == 0)
            locust__co_sleep(&kit.loop, locust__os_now_ns() + LOCUST__MS / 10);
        error = locust__stream_read(s, bytes, sizeof bytes, &got, LOCUST__NEVER);
        for (size_t i = 0; i < got; i++)
            wrong += bytes[i] != (char)((n + i) % 251);
        n += got;
    }
    CHECK_INT(error, LOCUST_ERR_CLOSED);
    CHECK_INT(n, MANY);
    CHECK_INT(wrong, 0);
    CHECK_INT(locust__stream_fill(s, LOCUST__NEVER), LOCUST_ERR_CLOSED); // and so every time
    locust__stream_close(s);
}

static void crowded(void)
{
    run_on_pair(run_writer, run_reader, put_both);
}

TESTS({"quiet after reads of any size", quiet},
    {"bytes pass layers that lie on each other", stacked}, {"a layer holds bytes", held},
    {"the top layer closes first", closes}, {"layers where the socket has no room", crowded}, )
