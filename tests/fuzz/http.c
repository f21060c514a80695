// Answers of a server: heads by themselves, and whole messages read in any pieces. RFC 9110, 9112.
// Input: '0' + 1 (to a HEAD) + 2 (into a sink), a byte that says how to cut, what the server sends.
#define LOCUST_MAX_HEADER 160 // small: an input shall reach them
#define LOCUST_MAX_BODY   200
#include "../../locust.h"
#include "../check.h"

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
    const char *in; // NUL behind
    size_t n;
    unsigned how;
    uint64_t random;
} kit;

enum { WHOLE, BYTES, CHANCE }; // pieces that a stream delivers

typedef struct reading { // one way to read an answer, and what came out
    locust__layer layer; // first: what the stream calls
    size_t n, fed;
    int pieces;
    bool to_head, sinks;
    locust__receive_sink sink;
    locust_stream stream;
    locust_error error;
    locust__response_head head;
    locust__buf kept, sunk;
    size_t body_at, consumed;
    bool reusable;
} reading;

static uint64_t next_random(void)
{
    return locust__random(&kit.random);
}

/* Gives the next piece. What lies behind it in the stream's own memory must not be looked at. */
static locust_error reading_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    reading *r = (reading *)(void *)layer;
    locust_stream *s = layer->stream;
    char *scratch = kit.loop.scratch;
    bool ours = (to >= scratch && to < scratch + LOCUST__LOOP_SCRATCH) ||
                (s->own && to >= s->own && to < s->own + s->own_cap);
    size_t left = r->n - r->fed, piece = left;
    *got = 0;
    if (!left)
        return LOCUST_ERR_CLOSED;
    if (r->pieces == BYTES)
        piece = 1;
    if (r->pieces == CHANCE) {
        piece = next_random() % (next_random() % 4 ? 4 : 300); // 0: nothing has come yet
        s->burst = LOCUST__STREAM_BURST;                       // the next read parks first
    }
    *got = piece < left ? piece : left;
    *got = *got < n ? *got : n;
    if (ours)
        __asan_unpoison_memory_region(to, n);
    memcpy(to, kit.in + r->fed, *got);
    if (ours)
        __asan_poison_memory_region(to + *got, n - *got);
    r->fed += *got;
    return LOCUST_OK;
}

static locust_error reading_sink(locust__receive_sink *sink, const char *bytes, size_t n)
{
    reading *r = (reading *)(void *)((char *)sink - offsetof(reading, sink));
    MUST(n > 0);
    locust__buf_add(&r->sunk, bytes, n);
    return LOCUST_OK;
}

static void reading_run(reading *r)
{
    int64_t first_ns = 0;
    size_t budget = LOCUST_MAX_HEADER;
    enum locust__body kind;
    __asan_unpoison_memory_region(kit.loop.scratch, LOCUST__LOOP_SCRATCH);
    r->layer.recv = reading_recv;
    r->sink.take = reading_sink;
    locust__stream_init(&r->stream, &kit.net);
    r->stream.fd.watch.fd = INT_MAX; // open, as far as the stream knows
    r->layer.held = true;
    locust__layer_push(&r->layer, &r->stream);
    r->error =
        locust__receive_final(&r->stream, &r->head, &r->kept, 0, &budget, &first_ns, LOCUST__NEVER);
    r->body_at = r->kept.len;
    if (!r->error) {
        kind = locust__response_head_body(&r->head, r->to_head);
        r->error = locust__receive_body(&r->stream, kind, r->head.framing.length, &r->kept,
            r->sinks ? &r->sink : NULL, budget, LOCUST__NEVER);
        r->reusable =
            !r->error && !r->stream.in_len && locust__http_persists(&r->head.framing, kind);
    }
    r->consumed = r->fed - r->stream.in_len;
    LOCUST_FREE(r->stream.own);
    __asan_unpoison_memory_region(kit.loop.scratch, LOCUST__LOOP_SCRATCH);
}

static void reading_free(reading *r)
{
    locust__buf_free(&r->kept);
    locust__buf_free(&r->sunk);
}

static locust__view reading_body(const reading *r)
{
    if (r->sinks)
        return (locust__view){r->sunk.ptr, r->sunk.len};
    return (locust__view){r->kept.ptr + r->body_at, r->kept.len - r->body_at};
}

static bool same(locust__view a, locust__view b)
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* A head that is looked for among known ones gives what parsing gives: of inputs one after the other,
 * and of this one twice. */
static void check_recall(void)
{
    static locust__response_heads heads;
    locust__buf plain = {NULL, 0, 0, false}, kept = {NULL, 0, 0, false};
    locust__response_head h, again;
    size_t used = 0, used_again = 0;
    locust_error error;
    MUST(locust__buf_reserve(&plain, kit.n + 1) && locust__buf_reserve(&kept, kit.n + 1));
    error = locust__response_head_parse(kit.in, kit.n, &h, &plain, &used);
    for (int i = 0; i < 2; i++) {
        kept.len = 0;
        MUST(locust__response_head_recall(&heads, kit.in, kit.n, &again, &kept, &used_again) ==
             error);
        MUST(error ||
             (used_again == used && again.status == h.status && again.reason_len == h.reason_len &&
                 again.cookies == h.cookies && again.coded == h.coded &&
                 locust__response_head_body(&again, false) ==
                     locust__response_head_body(&h, false) &&
                 same((locust__view){kept.ptr, kept.len}, (locust__view){plain.ptr, plain.len})));
    }
    locust__buf_free(&plain);
    locust__buf_free(&kept);
}

/* -- the simplest way to read, for what is known to be well-formed -- */

static size_t simple_head_end(const char *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] == '\n' && p[i + 1] == '\n')
            return i + 2;
        if (p[i] == '\n' && p[i + 1] == '\r' && i + 2 < n && p[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

static const char *behind_line(const char *p)
{
    return strchr(p, '\n') + 1;
}

/* Returns how many bytes the answer has. */
static size_t simple_read(const reading *r, locust__buf *body)
{
    const char *p = kit.in, *end = p + kit.n;
    enum locust__body kind = locust__response_head_body(&r->head, r->to_head);
    bool interim = true;
    while (interim) {
        interim = p[9] == '1';
        p += simple_head_end(p, (size_t)(end - p));
    }
    if (kind == LOCUST__BODY_SIZED) {
        locust__buf_add(body, p, (size_t)r->head.framing.length);
        p += r->head.framing.length;
    } else if (kind == LOCUST__BODY_CLOSE) {
        locust__buf_add(body, p, (size_t)(end - p));
        p = end;
    } else if (kind == LOCUST__BODY_CHUNKED) {
        for (size_t size; (size = strtoul(p, NULL, 16)) != 0; p += size + 2) {
            p = behind_line(p);
            locust__buf_add(body, p, size);
        }
        do
            p = behind_line(p);
        while (*p != '\r');
        p += 2;
    }
    return (size_t)(p - kit.in);
}

/* -- heads -- */

static bool is_text(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127)
            return false;
    return true;
}

static bool is_trimmed(const char *text)
{
    size_t n = strlen(text);
    return !n || !(strchr(" \t", text[0]) || strchr(" \t", text[n - 1]));
}

/* A length must be what each element of each such field says. */
static void check_length(const locust__response_head *h, const char *value)
{
    MUST(h->framing.sized && *value);
    for (; *value; value += *value == ',') {
        value += strspn(value, " \t");
        MUST(locust__text_is_digit(*value));
        MUST(strtoull(value, NULL, 10) == (uint64_t)h->framing.length);
        value += strspn(value, "0123456789");
        value += strspn(value, " \t");
        MUST(!*value || *value == ',');
    }
}

/* What was kept of a head, written down again. */
static locust__buf write_head(const locust__response_head *h, const locust__buf *kept)
{
    locust__buf text = {NULL, 0, 0, false};
    const char *p = kept->ptr;
    MUST(is_text(p));
    locust__buf_printf(&text, "HTTP/1.%d %d %s\r\n", h->framing.minor, h->status, p);
    for (p += strlen(p) + 1; *p;) {
        const char *name = p, *value = p + strlen(p) + 1;
        MUST(locust__http_is_token(locust__view_of(name)));
        MUST(is_text(value));
        MUST(is_trimmed(value));
        locust__buf_printf(&text, "%s: %s\r\n", name, value);
        if (strcasecmp(name, "content-length") == 0)
            check_length(h, value);
        p = value + strlen(value) + 1;
    }
    MUST((size_t)(p - kept->ptr) + 1 == kept->len);
    locust__buf_puts(&text, "\r\n");
    return text;
}

static void check_kept(const locust__response_head *h, const locust__buf *kept)
{
    locust__buf text = write_head(h, kept), again = {NULL, 0, 0, false};
    locust__response_head g;
    size_t used;
    MUST(h->status >= 100 && h->status <= 999 && h->framing.minor >= 0 && h->framing.minor <= 9);
    MUST(!h->framing.coded && !(h->framing.chunked && h->framing.sized) && h->framing.length >= 0);
    MUST(locust__buf_reserve(&again, text.len));
    MUST(locust__response_head_parse(text.ptr, text.len, &g, &again, &used) == LOCUST_OK);
    MUST(used == text.len);
    MUST(same((locust__view){kept->ptr, kept->len}, (locust__view){again.ptr, again.len}));
    MUST(g.status == h->status && g.framing.minor == h->framing.minor &&
         g.framing.keep == h->framing.keep && g.framing.close == h->framing.close &&
         g.framing.chunked == h->framing.chunked && g.framing.sized == h->framing.sized &&
         g.framing.length == h->framing.length);
    locust__buf_free(&text);
    locust__buf_free(&again);
}

static void check_head(void)
{
    size_t want = simple_head_end(kit.in, kit.n), scanned = 0, n = 0, used = 0;
    locust__buf kept = {NULL, 0, 0, false}, more = {NULL, 0, 0, false};
    locust__response_head h;
    char *exact;
    MUST(locust__http_head_end(kit.in, kit.n, &scanned) == want);
    scanned = 0;
    for (size_t k = 0; k <= kit.n && !n; k++)
        n = locust__http_head_end(kit.in, k, &scanned);
    MUST(n == want);
    if (!n) {
        char *all = memcpy(malloc(kit.n + 1), kit.in, kit.n);
        kept = (locust__buf){malloc(kit.n + 1), 0, kit.n, false};
        MUST(locust__response_head_parse(all, kit.n, &h, &kept, &used) != LOCUST_OK);
        free(all);
        free(kept.ptr);
        return;
    }
    exact = memcpy(malloc(n), kit.in, n);
    kept = (locust__buf){malloc(n), 0, n, false};
    if (locust__response_head_parse(exact, n, &h, &kept, &used) == LOCUST_OK) {
        MUST(kept.len <= n && used == n);
        MUST(locust__buf_reserve(&more, kit.n));
        MUST(
            locust__response_head_parse(kit.in, kit.n, &h, &more, &used) == LOCUST_OK && used == n);
        MUST(same((locust__view){kept.ptr, kept.len}, (locust__view){more.ptr, more.len}));
        check_kept(&h, &kept);
    }
    locust__buf_free(&more);
    free(kept.ptr);
    free(exact);
}

/* -- whole answers -- */

static void check_same(const reading *a, const reading *b)
{
    if (!CHECK_STR(locust__error_text(b->error), locust__error_text(a->error)))
        abort();
    if (a->error)
        return;
    MUST(a->consumed == b->consumed);
    MUST(a->body_at == b->body_at);
    MUST(same((locust__view){a->kept.ptr, a->body_at}, (locust__view){b->kept.ptr, b->body_at}));
    MUST(same(reading_body(a), reading_body(b)));
    if (a->consumed == a->n) // what comes behind an answer may be seen, or not yet
        MUST(a->reusable == b->reusable);
}

static void check_good(const reading *r)
{
    locust__buf body = {NULL, 0, 0, false};
    MUST(r->head.status >= 200);
    MUST(r->sinks || reading_body(r).len <= LOCUST_MAX_BODY);
    MUST(simple_read(r, &body) == r->consumed);
    MUST(same(reading_body(r), (locust__view){body.ptr, body.len}));
    MUST(!r->reusable || r->consumed == r->n);
    check_kept(&r->head, &(locust__buf){r->kept.ptr, r->body_at, 0, false});
    locust__buf_free(&body);
}

/* An answer whose end is known, cut anywhere, is a failure. */
static void check_cut(const reading *whole)
{
    reading r = {
        .n = next_random() % whole->consumed, .to_head = whole->to_head, .sinks = whole->sinks};
    if (locust__response_head_body(&whole->head, whole->to_head) == LOCUST__BODY_CLOSE)
        return;
    reading_run(&r);
    MUST(r.error == LOCUST_ERR_HTTP_NO_RESPONSE || r.error == LOCUST_ERR_HTTP_HEAD_CUT ||
         r.error == LOCUST_ERR_HTTP_BODY_CUT);
    MUST(!r.reusable);
    reading_free(&r);
}

static void check_answer(void *arg)
{
    reading r[4];
    (void)arg;
    memset(r, 0, sizeof r);
    for (int i = 0; i < 4; i++) {
        r[i].n = kit.n;
        r[i].pieces = i < 3 ? i : WHOLE;
        r[i].to_head = kit.how & 1;
        r[i].sinks = (kit.how & 2) != 0;
    }
    r[3].sinks = !r[0].sinks;
    for (int i = 0; i < 4; i++)
        reading_run(&r[i]);
    check_same(&r[0], &r[1]);
    check_same(&r[0], &r[2]);
    if (r[0].error != LOCUST_ERR_HTTP_BODY_SIZE && r[3].error != LOCUST_ERR_HTTP_BODY_SIZE)
        check_same(&r[0], &r[3]);
    MUST(r[0].error != LOCUST_ERR_MEMORY && r[0].error != LOCUST_ERR_CLOSED &&
         r[0].error != LOCUST_ERR_CANCELLED && r[0].error != LOCUST_ERR_TIMEOUT);
    if (!r[0].error) {
        check_good(&r[0]);
        check_cut(&r[0]);
    }
    for (int i = 0; i < 4; i++)
        reading_free(&r[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (locust__loop_open(&kit.loop) < 0)
        abort();
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy;
    if (n < 2)
        return 0;
    kit.how = data[0];
    kit.random = data[1];
    kit.n = n - 2;
    kit.in = copy = locust__text_copy((const char *)data + 2, kit.n);
    check_head();
    check_recall();
    if (!locust__co_start(&kit.loop, "reader", 262144, check_answer, NULL, NULL))
        abort();
    locust__loop_run(&kit.loop);
    free(copy);
    return 0;
}
