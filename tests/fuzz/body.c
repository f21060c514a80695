// Bodies on their way: server-sent events, gzip and deflate. HTML standard 9.2, RFC 1950 to 1952.
// flags: -DLOCUST_ZLIB -lz
// Input: '0' events, '1' a coded body; '2' text to code and decode, '3' the same with a byte changed:
// a digit for the format and what takes it, a byte that says where to cut, then the bytes.
#define LOCUST_MAX_BODY 9000 // small: an input shall reach it
#include "../../locust.h"
#include "../check.h"

enum { WHOLE, BYTES, CHANCE };    // pieces in which a body comes
enum { KEPT, STREAMED, EVENTS };  // where it goes
enum { GZIP, ZLIB, BARE, TWICE }; // formats; two members of gzip
static const char *const codings[] = {"gzip", "gzip, deflate", "x-gzip,gzip,deflate"};

typedef struct run {       // of one body, and what came out
    int takes, stop_after; // -1: never
    locust__buf out;
    int n_given;
    uint64_t total;
    locust_error error;
} run;

static uint64_t random_state;

static bool same(locust__view a, locust__view b)
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static locust__view bytes(const locust__buf *b)
{
    return (locust__view){b->ptr, b->len};
}

/* -- events, as the standard tells: line by line over the whole text -- */

static void write_event(
    locust__buf *out, const char *type, const char *data, const char *id, int retry_ms)
{
    locust__buf_printf(out, "[%s|%s|%s|%d]", type, data, id, retry_ms);
}

typedef struct events {
    locust__buf data, type, id, out;
    int retry_ms, left; // left: events that are wanted; -1: all
} events;

static void set(locust__buf *b, locust__view text)
{
    b->len = 0;
    locust__buf_add(b, text.ptr, text.len);
    locust__buf_add(b, "", 1);
}

static void simple_dispatch(events *e)
{
    if (e->data.len) {
        e->data.ptr[e->data.len - 1] = '\0';
        write_event(&e->out,
            e->type.len && *e->type.ptr ? e->type.ptr
            : e->type.len > 1           ? ""
                                        : "message",
            e->data.ptr, e->id.len ? e->id.ptr : "", e->retry_ms);
        e->left -= e->left > 0;
    }
    e->data.len = e->type.len = 0;
}

static void simple_line(events *e, locust__view line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    locust__view name = {line.ptr, colon ? (size_t)(colon - line.ptr) : line.len}, value = {"", 0};
    if (!line.len)
        simple_dispatch(e);
    if (colon)
        value = (locust__view){colon + 1, (size_t)(line.ptr + line.len - colon - 1)};
    if (value.len && *value.ptr == ' ')
        value = (locust__view){value.ptr + 1, value.len - 1};
    if (same(name, locust__view_of("data"))) {
        locust__buf_add(&e->data, value.ptr, value.len);
        locust__buf_add(&e->data, "\n", 1);
    } else if (same(name, locust__view_of("event"))) {
        set(&e->type, value);
    } else if (same(name, locust__view_of("id"))) {
        if (!value.len || !memchr(value.ptr, 0, value.len))
            set(&e->id, value);
    } else if (same(name, locust__view_of("retry")) && value.len) {
        double ms = 0;
        for (size_t i = 0; i < value.len && ms >= 0; i++)
            ms = locust__text_is_digit(value.ptr[i]) ? ms * 10 + (value.ptr[i] - '0') : -1;
        if (ms >= 0 && ms < 2000000000)
            e->retry_ms = (int)ms;
    }
}

static locust__buf simple_events(locust__view in, int left)
{
    events e = {.retry_ms = -1, .left = left};
    size_t at = in.len >= 3 && memcmp(in.ptr, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t end = at; end < in.len && e.left; end++) {
        if (in.ptr[end] != '\n' && in.ptr[end] != '\r')
            continue;
        simple_line(&e, (locust__view){in.ptr + at, end - at});
        end += in.ptr[end] == '\r' && end + 1 < in.len && in.ptr[end + 1] == '\n';
        at = end + 1;
    }
    locust__buf_free(&e.data);
    locust__buf_free(&e.type);
    locust__buf_free(&e.id);
    return e.out;
}

/* -- what a test gives to take a body -- */

static bool on_event(void *arg, const locust_sse_event *event)
{
    run *r = arg;
    MUST(!strpbrk(event->id, "\r\n") && !strpbrk(event->type, "\r\n") && event->retry_ms >= -1);
    MUST(!strchr(event->data, '\r'));
    write_event(&r->out, event->type, event->data, event->id, event->retry_ms);
    return ++r->n_given != r->stop_after;
}

static bool on_body(void *arg, const char *piece, size_t n)
{
    run *r = arg;
    MUST(n > 0);
    locust__buf_add(&r->out, piece, n);
    return true;
}

static void run_body(run *r, locust__view in, const char *coding, int pieces)
{
    locust_request req = {.arg = r};
    locust__body_out d;
    size_t at = 0;
    if (r->takes == STREAMED)
        req.on_body = on_body;
    if (r->takes == EVENTS)
        req.on_event = on_event;
    locust__body_out_open(&d, &req, coding, &r->out);
    while (at < in.len && !r->error) {
        size_t n = pieces == WHOLE ? in.len : pieces == BYTES ? 1 : 0;
        char *exact;
        if (pieces == CHANCE)
            n = 1 + locust__random(&random_state) % (locust__random(&random_state) % 50 + 1);
        n = n < in.len - at ? n : in.len - at;
        exact = memcpy(malloc(n), in.ptr + at, n);
        r->error = d.sink.take(&d.sink, exact, n);
        free(exact);
        at += n;
    }
    r->total = d.total;
    r->error = locust__body_out_close(&d, r->error);
    MUST(
        r->takes != KEPT || r->error == LOCUST_ERR_HTTP_BODY_SIZE || r->out.len <= LOCUST_MAX_BODY);
    MUST(r->error == LOCUST_OK || r->error == LOCUST_ERR_HTTP_CODED ||
         r->error == LOCUST_ERR_HTTP_BODY_SIZE);
}

/* Every way to cut the body gives the same. Returns one of the results; free its `out`. */
static run check_splits(locust__view in, const char *coding, int takes, int stop_after)
{
    run r[3];
    for (int i = 0; i < 3; i++) {
        r[i] = (run){.takes = takes, .stop_after = stop_after};
        run_body(&r[i], in, coding, i);
    }
    for (int i = 1; i < 3; i++) {
        // Of several codings that break and are too much, either is met first.
        bool large =
            coding && strchr(coding, ',') &&
            (r[i].error == LOCUST_ERR_HTTP_BODY_SIZE || r[0].error == LOCUST_ERR_HTTP_BODY_SIZE);
        MUST(!large || (r[i].error && r[0].error));
        if (!large && !CHECK_STR(locust__error_text(r[i].error), locust__error_text(r[0].error)))
            abort();
        if (!large &&
            (takes != KEPT || !r[0].error)) // what a test saw of a broken body is the same
            MUST(same(bytes(&r[i].out), bytes(&r[0].out)));
        MUST(r[0].error || stop_after > 0 || r[i].total == r[0].total);
        locust__buf_free(&r[i].out);
    }
    return r[0];
}

static void check_events(locust__view in, int stop_after)
{
    run r = check_splits(in, NULL, EVENTS, stop_after);
    locust__buf want = simple_events(in, stop_after);
    if (!r.error)
        MUST(same(bytes(&r.out), bytes(&want)));
    locust__buf_free(&want);
    locust__buf_free(&r.out);
}

/* -- coded bodies -- */

static void add_member(locust__buf *out, locust__view in, int format)
{
    z_stream z = {0};
    if (deflateInit2(&z, (int)in.len % 10, Z_DEFLATED,
            format == BARE   ? -15
            : format == ZLIB ? 15
                             : 31,
            9, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    if (!locust__buf_reserve(out, deflateBound(&z, in.len)))
        abort();
    z.next_in = (Bytef *)(uintptr_t)in.ptr;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)out->ptr + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    MUST(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len = out->cap - z.avail_out;
    deflateEnd(&z);
}

/* `text` as often as `times`: so that a small input gives a large body; coded by so many layers. */
static void check_coded(
    locust__view text, int format, int takes, size_t times, size_t layers, const uint8_t *harm)
{
    locust__buf plain = {NULL, 0, 0, false}, coded = {NULL, 0, 0, false};
    size_t half;
    run r;
    locust__buf_reserve(&plain, 1);
    for (size_t i = 0; i < times; i++)
        locust__buf_add(&plain, text.ptr, text.len);
    half = format == TWICE ? plain.len / 2 : plain.len;
    add_member(&coded, (locust__view){plain.ptr, half}, format);
    if (format == TWICE)
        add_member(&coded, (locust__view){plain.ptr + half, plain.len - half}, format);
    for (size_t i = 1; i < layers; i++) { // coded once more
        locust__buf more = {NULL, 0, 0, false};
        add_member(&more, bytes(&coded), (int)i % 2 ? GZIP : ZLIB);
        locust__buf_free(&coded);
        coded = more;
    }
    if (harm) {
        coded.ptr[(size_t)harm[0] * coded.len / 256] ^= (char)harm[1];
        coded.len -= harm[1] ? 0 : coded.len * harm[0] / 256;
    }
    r = check_splits(bytes(&coded), codings[layers - 1], takes, 0);
    if (!harm && takes != EVENTS) {
        if (layers > 1 && r.error == LOCUST_ERR_HTTP_BODY_SIZE)
            MUST(plain.len * layers > LOCUST_MAX_BODY / 2); // all layers together are too much
        else if (takes == KEPT && plain.len > LOCUST_MAX_BODY)
            MUST(r.error == LOCUST_ERR_HTTP_BODY_SIZE);
        else
            MUST(!r.error && r.total == plain.len && same(bytes(&r.out), bytes(&plain)));
    }
    locust__buf_free(&plain);
    locust__buf_free(&coded);
    locust__buf_free(&r.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__view in;
    unsigned what, how;
    if (n < 5)
        return 0;
    what = data[0] % 4; // '0' is 0
    how = data[1] % 12; // '0' is 0
    random_state = data[2];
    in = (locust__view){(const char *)data + 3, n - 3};
    if (what == 0) {
        check_events(in, how % 4 ? (int)how % 4 : -1);
    } else if (what == 1) {
        run r = check_splits(in,
            how & 4   ? "deflate"
            : how & 8 ? "gzip, gzip"
                      : "x-gzip",
            (int)how % 3, -1);
        locust__buf_free(&r.out);
    } else {
        in = (locust__view){in.ptr + 2, in.len - 2};
        check_coded(in, (int)how % 4, (int)how / 4, 1 + data[2] % 32, 1 + data[2] / 32 % 3,
            what == 3 ? data + 3 : NULL);
    }
    return 0;
}
