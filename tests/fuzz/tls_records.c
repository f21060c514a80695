// Records of our own: what a server sends behind the handshake. RFC 8446 4.6, 5, 6; RFC 5246 6.2, 7.2.
// flags: -DLOCUST_TLS -lmbedtls -lmbedx509 -lmbedcrypto
// Input: a byte for the suite, one that says how to cut, then pieces of a first byte (its lowest bits:
// 0 to 3 a record of type 20 to 23, 4 bytes as they are), a length and as many bytes, which are sealed.
#include "../../locust.h"
#include "../check.h"

static struct {
    locust__loop loop;
    locust__log log;
    locust__net net;
    locust__arena arena;
    locust__tls tls;
} kit;

static const int suites[] = {0x1301, 0x1302, 0x1303, 0xC02F, 0xC030, 0xCCA8};

static locust__tls_keys *new_keys(const locust__tls_suite *s)
{
    size_t n = locust__tls_key_size(s);
    locust__tls_keys *keys = locust__tls_pool_take(&kit.tls.pool, n);
    MUST(keys);
    keys->suite = s;
    memset(keys->bytes, 7, n - sizeof *keys); // both sides alike: we are our own peer
    return keys;
}

typedef struct wire {
    unsigned char bytes[1 << 16];
    size_t n, data_len;       // of data, as far as all before it is in order
    unsigned char data[4096]; // what a reader shall get, at most
} wire;

/* Seals what the input has. */
static void put_together(wire *w, const uint8_t *p, size_t n, locust__tls_keys *keys)
{
    bool in_order = true;
    while (n > 2) {
        size_t len = p[1] < n - 2 ? p[1] : n - 2, kind = p[0] & 7;
        unsigned char *at = w->bytes + w->n;
        if (kind > 3) {
            memcpy(at, p + 2, len);
            w->n += len;
            in_order = false;
        } else {
            memcpy(at + locust__tls_record_front(keys->suite), p + 2, len);
            w->n += locust__tls_record_seal(keys, 20 + (int)kind, at, len);
            in_order = in_order && kind == 3;
            if (in_order) {
                memcpy(w->data + w->data_len, p + 2, len);
                w->data_len += len;
            }
        }
        p += 2 + len;
        n -= 2 + len;
    }
}

/* Reads all of it; how it ends. `piece`: bytes at once on the wire; `room`: of a read. */
static locust_error hear(const wire *w, const locust__tls_suite *s, size_t piece, size_t room)
{
    locust__tls_conn *c = locust__tls_conn_new(&kit.tls);
    locust_stream stream;
    locust_error error = LOCUST_OK;
    size_t sent = 0, heard = 0, got;
    int ends[2];
    char to[4096];
    bool ended = false;
    MUST(c && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    MUST(locust__os_nonblocking(ends[0]) == 0 && locust__os_nonblocking(ends[1]) == 0);
    locust__stream_init(&stream, &kit.net);
    stream.fd.watch.fd = ends[0];
    stream.fd.watch.writable = true;
    locust__layer_push(&c->layer, &stream);
    locust__tls_shake_free(c->shake);
    c->shake = NULL;
    c->data_max = LOCUST__TLS_DATA;
    c->keys = new_keys(s);
    while (!error) {
        size_t some = piece < w->n - sent ? piece : w->n - sent;
        if (some) {
            MUST(write(ends[1], w->bytes + sent, some) == (ssize_t)some);
        } else {
            MUST(!ended && shutdown(ends[1], SHUT_WR) == 0);
            ended = true;
        }
        sent += some;
        stream.fd.watch.readable = true;
        do {
            error = locust__tls_own_recv(c, to, room, &got);
            for (size_t i = 0; i < got && heard + i < w->data_len; i++)
                MUST((unsigned char)to[i] == w->data[heard + i]);
            heard += got;
        } while (!error && (got || stream.fd.watch.readable || c->layer.held));
        while (read(ends[1], to, sizeof to) > 0) { // what we answer
        }
    }
    MUST(heard >= w->data_len);
    MUST(locust__tls_own_recv(c, to, room, &got) == error && !got); // and then every time
    locust__tls_close_call(c);
    close(ends[0]);
    close(ends[1]);
    return error;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const locust__tls_options none = {0};
    (void)argc, (void)argv;
    locust__log_open(&kit.log, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&kit.net, &kit.loop, &kit.log);
    locust__tls_init(&kit.tls, &kit.loop, &kit.log, &kit.arena, &none);
    return locust__tls_start(&kit.tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static wire w;
    const locust__tls_suite *s;
    locust__tls_keys *keys;
    locust_error error;
    if (n < 2 || n > 1024)
        return 0;
    s = locust__tls_key_suite(suites[data[0] % 6]);
    keys = new_keys(s);
    w.n = w.data_len = 0;
    put_together(&w, data + 2, n - 2, keys);
    locust__tls_pool_give(&kit.tls.pool, keys, locust__tls_key_size(s));
    error = hear(&w, s, sizeof w.bytes, 4096);
    MUST(error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT ||
         error == LOCUST_ERR_TLS_RECORD || error == LOCUST_ERR_TLS_ALERT ||
         (error >= LOCUST_ERR_TLS_CERT_EXPIRED && error < LOCUST_ERR_TLS));
    MUST(hear(&w, s, 1, 4096) == error);
    MUST(hear(&w, s, 1 + (size_t)data[1], 1 + (size_t)data[1] / 2) == error);
    return 0;
}
