// What a server sends by WebSocket (RFC 6455, 7692): in any pieces it means the same, and no piece breaks
// the reader; the same as a stream of bytes; packets of Socket.IO.
// Input: '0' a byte of options, frames; '1' frames of a stream; '2' a packet of Socket.IO.
// flags: -DLOCUST_ZLIB -lz
#include "../../locust.h"
#include "../check.h"

static locust__loop loop;
static locust__services services;
static locust__request_stats stats;
static locust__users users;
static locust__user user;

/* A client whose socket is one end of a pair; nothing is read from it. */
static void open_client(locust__protocol_client *c, int *other)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        abort();
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    c->user = &user;
    locust__stream_init(&c->conn.stream, &services.net);
    if (locust__stream_adopt(&c->conn.stream, pair[0]))
        abort();
    *other = pair[1];
}

typedef struct sum { // of what was read
    uint64_t hash;
    int messages;
    const char *dead;
} sum;

/* Reads n bytes in pieces of `piece`. */
static sum read_frames(const uint8_t *data, size_t n, unsigned options, size_t piece)
{
    locust__websocket w;
    sum s = {0, 0, NULL};
    int other;
    memset(&w, 0, sizeof w);
    open_client(&w.client, &other);
    locust__ws_init(&w.ws, &w.client);
    w.ws.max_message = 1 + (options & 0x70) * 20;
    w.ws.deflate.on = options & 1;
    w.ws.deflate.server_fresh = options >> 1 & 1;
    for (size_t at = 0; at < n && !w.ws.dead; at += piece) {
        locust_stream *stream = &w.client.conn.stream;
        size_t some = piece < n - at ? piece : n - at, left = stream->in_len;
        char *all = malloc(left + some); // exactly what there is
        if (left)
            memcpy(all, stream->in, left);
        memcpy(all + left, data + at, some);
        free(stream->own);
        stream->own = NULL;
        stream->in = all;
        stream->in_len = left + some;
        while (locust__ws_step(&w.ws) == LOCUST__WS_STEP_MESSAGE) {
            locust_ws_message m;
            locust__ws_take(&w.ws, &m);
            MUST(m.len <= w.ws.max_message && m.data[m.len] == '\0');
            MUST(m.binary || locust__ws_utf8_is(m.data, m.len));
            s.hash = locust__text_hash(s.hash + m.len, m.data, m.len);
            s.messages++;
            locust__ws_done(&w.ws);
        }
        MUST(w.ws.in.len <= w.ws.max_message + 1 + 16384);
        left = stream->in_len;
        stream->own = left ? locust__text_copy(stream->in, left) : NULL;
        stream->own_cap = left + 1;
        stream->in = stream->own;
        free(all);
    }
    s.dead = w.ws.dead;
    free(w.client.conn.stream.own);
    w.client.conn.stream.own = NULL;
    MUST(!s.dead || *s.dead);
    w.client.conn.stream.in_len = 0;
    locust__ws_free(&w.ws);
    close(other);
    return s;
}

static void check_frames(const uint8_t *data, size_t n)
{
    unsigned options = n ? *data : 0;
    sum whole, other;
    if (!n)
        return;
    data++;
    n--;
    whole = read_frames(data, n, options, n ? n : 1);
    for (size_t piece = 1; piece <= 7; piece += 3) {
        other = read_frames(data, n, options, piece);
        MUST(other.messages == whole.messages && other.hash == whole.hash);
        MUST((other.dead != NULL) == (whole.dead != NULL));
    }
}

/* Frames as a stream: cut anywhere it gives the same bytes. */
static size_t read_stream(const uint8_t *data, size_t n, size_t cut, char *out)
{
    locust__ws_layer l;
    locust_stream s;
    size_t kept = 0, more = 0;
    memset(&l, 0, sizeof l);
    locust__stream_init(&s, &services.net);
    l.layer.stream = &s;
    l.out.len = LOCUST__LOOP_SCRATCH; // nothing is answered
    memcpy(out, data, cut);
    if (locust__ws_layer_take(&l, out, cut, &kept) == LOCUST_OK && !l.ended) {
        memcpy(out + kept, data + cut, n - cut);
        locust__ws_layer_take(&l, out + kept, n - cut, &more);
    }
    return kept + more;
}

static void check_stream(const uint8_t *data, size_t n)
{
    static char whole[5000], other[5000];
    size_t want;
    for (size_t i = 0; i < n; i++) // pongs and Close are answered through the layer below: not here
        if ((data[i] & 15) == 8 || (data[i] & 15) == 9)
            return;
    want = read_stream(data, n, n, whole);
    for (size_t cut = 0; cut < n; cut += 1 + n / 16) {
        MUST(read_stream(data, n, cut, other) == want);
        MUST(!want || memcmp(whole, other, want) == 0);
    }
}

static void check_packet(const uint8_t *data, size_t n)
{
    char *exact = memcpy(malloc(n + !n), data, n);
    locust__sio_packet p;
    const char *wrong = locust__sio_packet_read((locust__view){exact, n}, &p);
    if (!wrong) {
        MUST(p.type >= 0 && p.type <= LOCUST__SIO_TYPE_REFUSAL && p.space.len &&
             *p.space.ptr == '/');
        MUST(p.data.ptr >= exact && p.data.ptr + p.data.len == exact + n);
        if (p.type == LOCUST__SIO_TYPE_EVENT || p.type == LOCUST__SIO_TYPE_ACK) {
            locust__sio_item *item = locust__sio_item_new(&p);
            MUST(item && locust__json_is_valid(locust__view_of(item->args)) && *item->args == '[');
            locust__sio_item_free(item);
        }
    }
    free(exact);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (locust__loop_open(&loop) < 0)
        abort();
    locust__stats_init(&stats);
    services.loop = &loop;
    services.recorder.stats = &stats;
    services.net.loop = &loop;
    users.services = &services;
    user.all = &users;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n || n > 4000)
        return 0;
    switch (*data % 3) {
    case 0:
        check_frames(data + 1, n - 1);
        break;
    case 1:
        check_stream(data + 1, n - 1);
        break;
    default:
        check_packet(data + 1, n - 1);
    }
    return 0;
}
