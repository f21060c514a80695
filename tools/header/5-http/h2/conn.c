/* ============================================================================================
 * >>h2_conn  an HTTP/2 connection: what it keeps, and what goes out
 *
 * Purpose     streams of the coroutines that share a connection; windows; what waits to be sent.
 *             Lies on the connection's stream as a layer, so that whoever closes that ends it.
 * Invariants  nothing here parks but locust__h2_wait and what says so. Frames lie in `out` and go
 *             out in order: at once if there is one stream, else at the end of the turn, so that
 *             what all streams have to say goes out together. While some of it does not go, a
 *             coroutine whose stream is open waits to write. A stream is in its connection's list
 *             from its HEADERS until its coroutine has what it waits for.
 * Cost        500 bytes for a connection, two tables of HPACK, nothing for a stream: it lies on the
 *             stack of its coroutine, which waits in it.
 * Names       locust__h2 locust__h2_body_ locust__h2_early locust__h2_fail locust__h2_flood
 *             locust__h2_flush locust__h2_flush_ locust__h2_layer_ locust__h2_limit locust__h2_of_
 *             locust__h2_open locust__h2_out_ locust__h2_push locust__h2_say_ locust__h2_stream
 *             locust__h2_stream_ locust__h2_wake locust__h2_wake_ locust__h2_window
 *             locust__h2_window_
 * Uses        >>co >>loop >>stream >>response_head >>services >>pool >>h2_hpack >>h2_frame
 * Sources     RFC 9113 3.4 (preface), 5 (streams), 6.9 (windows).
 * ============================================================================================ */

enum {
    LOCUST__H2_WINDOW = 1 << 20,           // bytes of a body that may come unasked
    LOCUST__H2_WINDOW_ALL = (1 << 24) - 1, // of all bodies of a connection
    LOCUST__H2_EARLY = 8,                  // streams before the server has said how many it takes
    LOCUST__H2_OUT_MAX = 65536,            // bytes that wait to be sent, of bodies
    LOCUST__H2_FLOOD = 10000               // frames in a row that answer nothing
};

enum locust__h2_body { // what becomes of the body of an answer
    LOCUST__H2_BODY_DROP,
    LOCUST__H2_BODY_KEEP, // behind the fields
    LOCUST__H2_BODY_PASS  // to `passed`, from where the coroutine takes it
};

typedef struct locust__h2_stream { // on the stack of the coroutine that waits for it
    struct locust__h2_stream *next;
    struct locust__h2 *h2; // NULL: it is on no connection (any more)
    locust__co *co;
    uint32_t id;
    int64_t window; // bytes that it may send
    int64_t credit; // bytes that the server may send
    int64_t eaten;  // bytes that came and are not given back yet
    // What it gives its answer to.
    locust__response_head *head;
    locust__buf *kept;                           // fields of the head, and the body
    size_t kept_at;                              // where the head begins there
    size_t budget;                               // bytes of heads that may still come
    locust__buf *trailers;                       // name \0 value \0 ... \0; NULL: they are dropped
    void (*headed)(struct locust__h2_stream *s); // the head is complete: says what becomes of the
                                                 // body
    locust__buf passed;
    uint64_t got; // bytes of body
    enum locust__h2_body body;
    bool sent;     // its HEADERS went out
    bool said_all; // END_STREAM was sent
    bool answered; // the head is complete
    bool ended;    // END_STREAM came
    bool interim;  // a head with 1xx came
    bool again;    // the server did nothing for it: it may be sent on another connection
    bool reset;    // RST_STREAM came or was sent
    locust_error error;
    int64_t sent_ns, first_ns, ended_ns;
} locust__h2_stream;

typedef struct locust__h2 {
    locust__layer layer;       // first: on the connection's stream
    locust__turn_end turn_end; // sends what there is
    locust__conn *conn;
    locust__services *sv;
    locust__h2_stream *first, **end; // in the order of their ids
    locust__h2_stream *unsent;       // the first whose HEADERS lie in `out`
    locust__queue waiters;           // coroutines that wait until they may open a stream
    uint32_t n, next_id;
    uint32_t may;          // streams at once
    uint32_t frame;        // bytes of payload that the server takes
    uint32_t list;         // bytes of a list of fields that it takes
    int64_t initial;       // window of a new stream
    int64_t window;        // bytes of all bodies that may be sent
    int64_t credit, eaten; // see the same of a stream
    uint32_t last;         // the server answers no stream above: GOAWAY
    unsigned idle_frames;  // in a row, that answered nothing
    bool settled;          // its SETTINGS came
    bool going;            // GOAWAY came
    locust_error said;     // with an error
    bool reading;          // locust__h2_read runs
    locust_error dead;     // the connection is of no use any more, and why
    locust__hpack_table fields;
    locust__hpack_encoder encoder;
    locust__buf out;
    size_t out_tried;      // bytes that a layer has tried to send: it must get the same again
    locust__buf block;     // a header block whose end has not come
    uint32_t block_stream; // of that; 0: there is none
    uint8_t block_flags;
    unsigned block_frames;
} locust__h2;

static locust__h2 *locust__h2_of_conn(const locust__conn *conn)
{
    return (locust__h2 *)(void *)conn->stream.layer;
}

static locust__loop *locust__h2_of_loop(const locust__h2 *h2)
{
    return h2->sv->loop;
}

static void locust__h2_wake(locust__h2_stream *s)
{
    locust__co_wake(locust__h2_of_loop(s->h2), s->co, LOCUST__WAKE_EVENT);
}

/* Wakes those that wait for a place. Each looks again. */
static void locust__h2_wake_waiters(locust__h2 *h2)
{
    while (h2->waiters.first)
        locust__co_wake(locust__h2_of_loop(h2), h2->waiters.first, LOCUST__WAKE_EVENT);
}

/* Ends a stream in its coroutine's eyes. */
static void locust__h2_stream_fail(locust__h2_stream *s, locust_error error)
{
    if (!s->ended && !s->error)
        s->error = error;
    locust__h2_wake(s);
}

/* The connection is of no use any more: so learn its streams. An end of the bytes alone says less
 * than what came before it. */
static void locust__h2_fail(locust__h2 *h2, locust_error error)
{
    bool cut = error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT;
    bool reset = error == LOCUST_ERR_RESET || error == LOCUST_ERR_PIPE;
    if (h2->dead)
        return;
    h2->dead = error;
    for (locust__h2_stream *s = h2->first; s; s = s->next)
        locust__h2_stream_fail(s, s->answered && cut     ? LOCUST_ERR_HTTP_BODY_CUT
                                  : s->answered && reset ? LOCUST_ERR_HTTP_BODY_RESET
                                  : cut || reset         ? (h2->said ? h2->said
                                                               : cut ? LOCUST_ERR_HTTP_NO_RESPONSE
                                                                     : error)
                                                         : error);
    locust__h2_wake_waiters(h2);
}

/* -- sending -- */

/* Those whose HEADERS go out now begin now. */
static void locust__h2_flush_begin(locust__h2 *h2)
{
    int64_t now_ns = locust__loop_clock(locust__h2_of_loop(h2));
    for (locust__h2_stream *s = h2->unsent; s; s = s->next) {
        s->sent = true;
        s->sent_ns = now_ns;
    }
    h2->unsent = NULL;
}

/* Sends what there is, as far as it goes. */
static void locust__h2_flush(locust__h2 *h2)
{
    locust_stream *s = &h2->conn->stream;
    size_t at = 0;
    if (h2->dead || !(h2->out.len || h2->out.failed))
        return;
    if (h2->out.failed) { // something is missing, and what follows would make no sense
        locust__h2_fail(h2, LOCUST_ERR_MEMORY);
        return;
    }
    if (h2->unsent)
        locust__h2_flush_begin(h2);
    while (at < h2->out.len) {
        size_t n = h2->out_tried ? h2->out_tried : h2->out.len - at, sent;
        struct iovec iov = {h2->out.ptr + at, n};
        locust_error error = locust__stream_send(s, &iov, 1, &sent);
        if (error) {
            h2->out.len = 0;
            // What the server said before it closed is read first, and says why.
            if (h2->reading || !s->fd.watch.readable)
                locust__h2_fail(h2, error);
            else
                for (locust__h2_stream *each = h2->first; each; each = each->next)
                    locust__h2_wake(each);
            return;
        }
        h2->out_tried = sent < n ? n - sent : 0;
        at += sent;
        if (!sent)
            break;
    }
    h2->out.len -= at;
    if (h2->out.len)
        memmove(h2->out.ptr, h2->out.ptr + at, h2->out.len);
    else if (h2->out.cap > 4096) // an idle connection holds no buffer of a size
        locust__buf_free(&h2->out);
    if (h2->out.len && !s->fd.writer && h2->first)
        s->fd.writer = h2->first->co;
}

static void locust__h2_flush_turn(locust__turn_end *self)
{
    locust__h2_flush((locust__h2 *)(void *)((char *)self - offsetof(locust__h2, turn_end)));
}

/* Lets go what a stream has put into `out`. */
static void locust__h2_push(locust__h2 *h2)
{
    if (h2->n <= 1)
        locust__h2_flush(h2);
    else
        locust__loop_at_end(locust__h2_of_loop(h2), &h2->turn_end);
}

/* Says that the server broke a rule, and gives up. */
static void locust__h2_say_goaway(locust__h2 *h2, uint32_t code, locust_error error)
{
    unsigned char bytes[8] = {0, 0, 0, 0, 0, 0, 0, (unsigned char)code};
    locust__h2_frame_add(&h2->out, LOCUST__H2_FRAME_GOAWAY, 0, 0, bytes, sizeof bytes);
    locust__h2_flush(h2);
    locust__h2_fail(h2, error);
}

static void locust__h2_say_reset(locust__h2 *h2, uint32_t id, uint32_t code)
{
    locust__h2_frame_add_u32(&h2->out, LOCUST__H2_FRAME_RST_STREAM, id, code);
}

/* Gives up a stream, for its server's fault. */
static void locust__h2_stream_reset(locust__h2_stream *s, uint32_t code, locust_error error)
{
    if (!s->reset)
        locust__h2_say_reset(s->h2, s->id, code);
    s->reset = true;
    locust__h2_stream_fail(s, error);
}

/* Counts bytes of bodies that are used up, and gives them back to the server once they are the half
 * of a window: not in small pieces, which some servers take for an attack. */
static void locust__h2_window_eat(locust__h2 *h2, size_t n)
{
    h2->eaten += (int64_t)n;
    if (h2->eaten >= LOCUST__H2_WINDOW_ALL / 2) {
        locust__h2_frame_add_u32(&h2->out, LOCUST__H2_FRAME_WINDOW_UPDATE, 0, (uint32_t)h2->eaten);
        h2->credit += h2->eaten;
        h2->eaten = 0;
    }
}

/* The same for one stream that has not ended. */
static void locust__h2_window_eat_of(locust__h2_stream *s, size_t n)
{
    s->eaten += (int64_t)n;
    if (s->eaten >= LOCUST__H2_WINDOW / 2) {
        locust__h2_frame_add_u32(
            &s->h2->out, LOCUST__H2_FRAME_WINDOW_UPDATE, s->id, (uint32_t)s->eaten);
        s->credit += s->eaten;
        s->eaten = 0;
    }
}

/* Puts the frames of a header block that was encoded behind `from` in `out`, where room for the
 * first one's head was left. */
static void locust__h2_out_headers(locust__h2 *h2, size_t from, uint32_t id, bool end)
{
    size_t len = h2->out.len - from - LOCUST__H2_FRAME_HEAD, max = LOCUST__H2_FRAME_MAX;
    size_t n = len < max ? len : max, at;
    unsigned flags = (unsigned)(end ? LOCUST__H2_FLAG_END_STREAM : 0);
    locust__buf *out = &h2->out;
    if (n == len)
        flags |= LOCUST__H2_FLAG_END_HEADERS;
    locust__h2_frame_head(out->ptr + from, n, LOCUST__H2_FRAME_HEADERS, flags, id);
    for (at = from + LOCUST__H2_FRAME_HEAD + n; n < len && !out->failed; at += n) {
        len -= n;
        n = len < max ? len : max;
        if (!locust__buf_reserve(out, LOCUST__H2_FRAME_HEAD))
            return;
        memmove(out->ptr + at + LOCUST__H2_FRAME_HEAD, out->ptr + at, out->len - at);
        out->len += LOCUST__H2_FRAME_HEAD;
        locust__h2_frame_head(out->ptr + at, n, LOCUST__H2_FRAME_CONTINUATION,
            n == len ? LOCUST__H2_FLAG_END_HEADERS : 0, id);
        at += LOCUST__H2_FRAME_HEAD;
    }
}

/* -- streams -- */

/* May another stream be opened? */
static bool locust__h2_limit(const locust__h2 *h2)
{
    return h2->n < h2->may;
}

/* Puts a stream on the connection, where there is a place. Its HEADERS come next. */
static void locust__h2_stream_open(locust__h2 *h2, locust__h2_stream *s)
{
    s->h2 = h2;
    s->co = locust__h2_of_loop(h2)->current;
    s->id = h2->next_id;
    s->next = NULL;
    s->window = h2->initial;
    s->credit = LOCUST__H2_WINDOW;
    h2->next_id += 2;
    *h2->end = s;
    h2->end = &s->next;
    if (!h2->unsent)
        h2->unsent = s;
    h2->n++;
    h2->conn->busy = LOCUST__CONN_STREAMS;
}

/* Takes a stream off its connection, which learns that nobody waits for it any more. Closes a
 * connection that has no other and takes none. */
static void locust__h2_stream_close(locust__h2_stream *s)
{
    locust__h2 *h2 = s->h2;
    locust__h2_stream **at;
    locust__buf_free(&s->passed);
    if (!h2)
        return;
    s->h2 = NULL;
    if (!h2->dead && !s->reset && !(s->ended && s->said_all)) {
        locust__h2_say_reset(
            h2, s->id, s->ended ? LOCUST__H2_CODE_NO_ERROR : LOCUST__H2_CODE_CANCEL);
        locust__loop_at_end(locust__h2_of_loop(h2), &h2->turn_end);
    }
    for (at = &h2->first; *at != s; at = &(*at)->next)
        ;
    *at = s->next;
    if (h2->end == &s->next)
        h2->end = at;
    if (h2->unsent == s)
        h2->unsent = s->next;
    if (h2->conn->stream.fd.writer == s->co)
        h2->conn->stream.fd.writer = h2->first ? h2->first->co : NULL;
    h2->n--;
    if (h2->waiters.first && locust__h2_limit(h2))
        locust__co_wake(locust__h2_of_loop(h2), h2->waiters.first, LOCUST__WAKE_EVENT);
    if (h2->n)
        return;
    if (h2->dead || h2->going || h2->conn->busy == LOCUST__CONN_RETIRED) {
        locust__h2_flush(h2);
        locust__stream_close(&h2->conn->stream);
        return;
    }
    h2->conn->busy = LOCUST__CONN_STREAMLESS;
    h2->conn->idle_ns = locust__h2_of_loop(h2)->clock_ns;
}

/* -- the layer -- */

static locust_error locust__h2_layer_recv(locust__layer *layer, char *to, size_t n, size_t *got)
{
    return locust__layer_recv(layer, to, n, got);
}

static locust_error locust__h2_layer_send(
    locust__layer *layer, const struct iovec *iov, int n, size_t *sent)
{
    return locust__layer_send(layer, iov, n, sent);
}

/* The connection is closed: its streams learn it, and its memory goes. */
static void locust__h2_layer_close(locust__layer *layer)
{
    locust__h2 *h2 = (locust__h2 *)(void *)layer;
    locust__h2_fail(h2, LOCUST_ERR_CLOSED);
    for (locust__h2_stream *s = h2->first; s; s = s->next)
        s->h2 = NULL;
    locust__loop_not_at_end(locust__h2_of_loop(h2), &h2->turn_end);
    locust__hpack_table_free(&h2->fields);
    locust__buf_free(&h2->encoder.text);
    locust__buf_free(&h2->out);
    locust__buf_free(&h2->block);
    h2->conn->busy = LOCUST__CONN_FREE;
    LOCUST_FREE(h2);
}

/* Makes a connection that was opened one of HTTP/2, and says what we take: no pushes, so much of a
 * body, so many bytes of fields. NULL: no memory. */
static locust__h2 *locust__h2_open(locust__services *sv, locust__conn *conn)
{
    static const unsigned char settings[] = {0, 2, 0, 0, 0, 0, // ENABLE_PUSH 0
        0, 4, LOCUST__H2_WINDOW >> 24, LOCUST__H2_WINDOW >> 16 & 255, LOCUST__H2_WINDOW >> 8 & 255,
        LOCUST__H2_WINDOW & 255, // INITIAL_WINDOW_SIZE
        0, 6, (unsigned char)((uint64_t)LOCUST_MAX_HEADER >> 24),
        (unsigned char)((uint64_t)LOCUST_MAX_HEADER >> 16),
        (unsigned char)((uint64_t)LOCUST_MAX_HEADER >> 8),
        (unsigned char)((uint64_t)LOCUST_MAX_HEADER)}; // MAX_HEADER_LIST_SIZE
    locust__h2 *h2 = locust__memory_zalloc(sizeof *h2);
    if (!h2)
        return NULL;
    h2->layer.recv = locust__h2_layer_recv;
    h2->layer.send = locust__h2_layer_send;
    h2->layer.close = locust__h2_layer_close;
    h2->turn_end.fn = locust__h2_flush_turn;
    h2->conn = conn;
    h2->sv = sv;
    h2->end = &h2->first;
    h2->next_id = 1;
    h2->may = LOCUST__H2_EARLY;
    h2->frame = LOCUST__H2_FRAME_MAX;
    h2->list = UINT32_MAX;
    h2->initial = h2->window = 65535;
    h2->credit = LOCUST__H2_WINDOW_ALL;
    h2->last = UINT32_MAX;
    locust__hpack_table_init(&h2->fields);
    locust__hpack_encoder_init(&h2->encoder);
    locust__buf_puts(&h2->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    locust__h2_frame_add(&h2->out, LOCUST__H2_FRAME_SETTINGS, 0, 0, settings, sizeof settings);
    locust__h2_frame_add_u32(
        &h2->out, LOCUST__H2_FRAME_WINDOW_UPDATE, 0, LOCUST__H2_WINDOW_ALL - 65535);
    locust__layer_push(&h2->layer, &conn->stream);
    conn->busy = LOCUST__CONN_STREAMLESS;
    return h2;
}
