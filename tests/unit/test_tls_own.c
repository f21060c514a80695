// Records of our own on a socket: data, the server's new keys and ours, half-sent records, the end. The
// other end is made of >>tls_record too; real peers are in tests/whole/test_tls_records.py.
// variants: gcc clang asan asan-clang valgrind
// libs: -lmbedtls -lmbedx509 -lmbedcrypto
#include "blocks.h"

#include "../check.h"
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "keys.h"
#include "pair.h"

static locust__loop loop;
static locust__log logger;
static locust__net net;
static locust__arena arena;
static locust__tls tls;
static locust_stream stream;
static locust__tls_conn *conn;
static locust__tls_keys *peer;
static unsigned char wire[1 << 20];
static int ends[2];

static void open_conn(int suite)
{
    static const locust__tls_options none = {.min = NULL};
    size_t n;
    locust__log_open(&logger, LOCUST__LOG_ERROR, NULL);
    locust__net_init(&net, &loop, &logger);
    locust__tls_init(&tls, &loop, &logger, &arena, &none);
    CHECK_INT(locust__tls_start(&tls), LOCUST_OK);
    CHECK(pair(ends));
    locust__stream_init(&stream, &net);
    stream.fd.watch.fd = ends[0];
    stream.fd.watch.writable = true;
    conn = locust__tls_conn_new(&tls);
    locust__layer_push(&conn->layer, &stream);
    locust__tls_shake_free(conn->shake);
    conn->shake = NULL;
    conn->data_max = LOCUST__TLS_DATA;
    n = locust__tls_key_size(locust__tls_key_suite(suite));
    conn->keys = locust__tls_pool_take(&tls.pool, n);
    peer = keys_new(suite, 9);
    memcpy(conn->keys, peer, n);
    free(peer);
    peer = keys_of_peer(conn->keys);
}

static void close_conn(void)
{
    locust__tls_close_call(conn);
    close(ends[0]);
    close(ends[1]);
    free(peer);
    locust__tls_free(&tls);
    locust__arena_free(&arena);
    locust__log_close(&logger);
    CHECK_INT(blocks_live, 0);
}

/* The server sends a record. */
static void says(int type, const void *bytes, size_t n)
{
    size_t len;
    memcpy(wire + locust__tls_record_front(peer->suite), bytes, n);
    len = locust__tls_record_seal(peer, type, wire, n);
    CHECK_INT(write(ends[1], wire, len), len);
    stream.fd.watch.readable = true;
}

/* The next record that the server gets is of this type and has these bytes. */
static void hears(int type, const void *bytes, size_t n)
{
    locust__tls_record r = {0, NULL, 0};
    size_t size;
    if (!CHECK_INT(read(ends[1], wire, 5), 5))
        return;
    size = locust__tls_record_size(wire, 5);
    CHECK_INT(read(ends[1], wire + 5, size - 5), size - 5);
    if (CHECK_INT(locust__tls_record_open(peer, wire, NULL, &r), 0))
        CHECK(r.type == type && r.n == n && memcmp(r.data, bytes, n) == 0);
}

static void hears_nothing(void)
{
    CHECK(read(ends[1], wire, 1) < 0 && errno == EAGAIN);
}

static void reads(const char *want, locust_error error)
{
    char to[256];
    size_t got;
    CHECK_INT(locust__tls_own_recv(conn, to, sizeof to, &got), error);
    CHECK(got == strlen(want) && memcmp(to, want, got) == 0);
}

static void sends(const char *text)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    size_t sent;
    CHECK_INT(locust__tls_own_send(conn, &iov, 1, &sent), LOCUST_OK);
    CHECK_INT(sent, strlen(text));
    hears(LOCUST__TLS_RECORD_DATA, text, strlen(text));
}

/* RFC 8446 4.6.3: one answer, under the old keys, however often the server asked. */
static void new_keys(void)
{
    open_conn(0x1301);
    says(LOCUST__TLS_RECORD_DATA, "one", 3);
    for (int i = 0; i < 3; i++) {
        says(LOCUST__TLS_RECORD_HANDSHAKE, "\x18\0\0\1\1", 5);
        CHECK(locust__tls_key_renew(peer, LOCUST__TLS_SIDE_OUT));
    }
    says(LOCUST__TLS_RECORD_DATA, "two", 3);
    reads("onetwo", LOCUST_OK);
    hears(LOCUST__TLS_RECORD_HANDSHAKE, "\x18\0\0\1\0", 5);
    CHECK(locust__tls_key_renew(peer, LOCUST__TLS_SIDE_IN));
    hears_nothing();
    sends("three");
    close_conn();
}

/* RFC 8446 5.5: a key of AES-GCM seals some 2^24.5 records. */
static void keys_of_age(void)
{
    open_conn(0x1302);
    conn->keys->seq[LOCUST__TLS_SIDE_OUT] = peer->seq[LOCUST__TLS_SIDE_IN] =
        ((uint64_t)1 << 24) - 1;
    sends("the last one");
    {
        struct iovec iov = {(void *)(uintptr_t) "more", 4};
        size_t sent;
        CHECK_INT(locust__tls_own_send(conn, &iov, 1, &sent), LOCUST_OK);
        CHECK_INT(sent, 4);
    }
    hears(LOCUST__TLS_RECORD_HANDSHAKE, "\x18\0\0\1\0", 5);
    CHECK(locust__tls_key_renew(peer, LOCUST__TLS_SIDE_IN));
    hears(LOCUST__TLS_RECORD_DATA, "more", 4);
    close_conn();
}

static void refuses_another_handshake(void)
{
    open_conn(0xC02F);
    says(LOCUST__TLS_RECORD_HANDSHAKE, "\0\0\0\0", 4);
    says(LOCUST__TLS_RECORD_HANDSHAKE, "\0\0\0\0", 4);
    reads("", LOCUST_OK);
    hears(LOCUST__TLS_RECORD_ALERT, "\1\x64", 2);
    hears_nothing();
    sends("goes on");
    close_conn();
}

/* A socket that takes a part of a record: the writer gives the same bytes again, and a reader in between
 * changes nothing of that. */
static void half_sent(void)
{
    static char data[LOCUST__TLS_DATA], to[64];
    struct iovec iov = {data, sizeof data};
    size_t sent = 1, got, records = 0, whole = 0;
    open_conn(0x1303);
    while (sent) {
        CHECK_INT(locust__tls_own_send(conn, &iov, 1, &sent), LOCUST_OK);
        records += sent != 0;
    }
    CHECK(conn->out != NULL && records > 0);
    for (ssize_t n = 1; n > 0; whole += n > 0 ? (size_t)n : 0)
        n = read(ends[1], wire, sizeof wire);
    CHECK_INT(locust__tls_own_recv(conn, to, sizeof to, &got), LOCUST_OK);
    CHECK(conn->out == NULL);
    CHECK_INT(locust__tls_own_send(conn, &iov, 1, &sent), LOCUST_OK);
    CHECK_INT(sent, sizeof data); // it had gone down already
    for (ssize_t n = 1; n > 0; whole += n > 0 ? (size_t)n : 0)
        n = read(ends[1], wire, sizeof wire);
    CHECK_INT(whole, (records + 1) * (sizeof data + locust__tls_record_extra(peer->suite)));
    peer->seq[LOCUST__TLS_SIDE_IN] = records + 1;
    sends("then more");
    close_conn();
}

static void ends_well_and_badly(void)
{
    static const struct {
        const char *alert;
        locust_error error;
    } rows[] = {{"\1\0", LOCUST_ERR_CLOSED}, {"\2\x50", LOCUST_ERR_TLS_ALERT},
        {"\2\x74", LOCUST_ERR_TLS_CERT_CLIENT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        open_conn(0x1301);
        says(LOCUST__TLS_RECORD_DATA, "before", 6);
        says(LOCUST__TLS_RECORD_ALERT, rows[i].alert, 2);
        reads("before", LOCUST_OK);
        reads("", rows[i].error);
        reads("", rows[i].error);
        CHECK(conn->layer.held);
        close_conn();
    }
    open_conn(0x1301); // what is not right is answered by its alert
    CHECK_INT(write(ends[1], "\x15\3\3\0\2\2\x28", 7), 7);
    stream.fd.watch.readable = true;
    reads("", LOCUST_ERR_TLS_RECORD);
    hears(LOCUST__TLS_RECORD_ALERT, "\2\x0a", 2); // unexpected_message
    close_conn();
    open_conn(0xC02F);
    shutdown(ends[1], SHUT_WR);
    stream.fd.watch.readable = true;
    reads("", LOCUST_ERR_TLS_CUT);
    close_conn();
    open_conn(0xCCA8); // we end it
    locust__tls_own_close(conn);
    hears(LOCUST__TLS_RECORD_ALERT, "\1\0", 2);
    close_conn();
}

/* An idle connection holds no buffer, whatever pieces its records come in. */
static void holds_nothing(void)
{
    open_conn(0x1301);
    for (size_t at = 0, len; at < 30; at++) {
        char to[8];
        size_t got;
        if (!at) {
            memcpy(wire + 5, "pieces", 6);
            len = locust__tls_record_seal(peer, LOCUST__TLS_RECORD_DATA, wire, 6);
            CHECK_INT(len, 28);
        }
        if (at >= 28)
            break;
        CHECK_INT(write(ends[1], wire + at, 1), 1);
        stream.fd.watch.readable = true;
        CHECK_INT(locust__tls_own_recv(conn, to, sizeof to, &got), LOCUST_OK);
        CHECK_INT(got, at == 27 ? 6 : 0);
        CHECK(!conn->layer.held);
    }
    CHECK(conn->in == NULL && conn->out == NULL);
    says(LOCUST__TLS_RECORD_DATA, "abc", 3); // a reader of little
    for (int i = 0; i < 3; i++) {
        char to;
        size_t got;
        CHECK_INT(locust__tls_own_recv(conn, &to, 1, &got), LOCUST_OK);
        CHECK(got == 1 && to == "abc"[i] && conn->layer.held == (i < 2));
    }
    CHECK(conn->in == NULL);
    close_conn();
}

TESTS({"new keys", new_keys}, {"keys of age", keys_of_age},
    {"refuses another handshake", refuses_another_handshake}, {"half sent", half_sent},
    {"ends well and badly", ends_well_and_badly}, {"holds nothing", holds_nothing}, )
