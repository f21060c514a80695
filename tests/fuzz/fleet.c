// What master and worker read of each other: MessagePack and ZMTP.
// Input: 'm' a message; 'd' or 'r' bytes for a DEALER or a ROUTER, in pieces whose sizes the first
// byte behind says.
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../../tools/header/8-run/fleet/msgpack.c"
#include "../../tools/header/8-run/fleet/seal.c"
#include "../../tools/header/8-run/fleet/zmtp.c"
#include "../check.h"

/* Walks a value that was measured and writes it again, in the shortest form. */
static void copy(locust__view *rest, locust__buf *out, int depth)
{
    locust__msgpack_item item;
    MUST(depth <= LOCUST__MSGPACK_DEPTH);
    MUST(locust__msgpack_next(rest, &item) == LOCUST__MSGPACK_OK);
    switch (item.kind) {
    case LOCUST__MSGPACK_NIL:
    case LOCUST__MSGPACK_BIN:
    case LOCUST__MSGPACK_EXT:
        locust__msgpack_put_nil(out);
        break;
    case LOCUST__MSGPACK_BOOL:
        locust__msgpack_put_bool(out, item.truth);
        break;
    case LOCUST__MSGPACK_INT:
        locust__msgpack_put_int(out, item.whole);
        break;
    case LOCUST__MSGPACK_UINT:
        MUST(item.big > INT64_MAX);
        locust__msgpack_put_uint(out, item.big);
        break;
    case LOCUST__MSGPACK_REAL:
        locust__msgpack_put_real(out, item.real);
        break;
    case LOCUST__MSGPACK_STR:
        locust__msgpack_put_text(out, item.bytes);
        break;
    case LOCUST__MSGPACK_ARRAY:
    case LOCUST__MSGPACK_MAP:
        if (item.kind == LOCUST__MSGPACK_MAP)
            locust__msgpack_put_map(out, item.n);
        else
            locust__msgpack_put_array(out, item.n);
        for (uint64_t i = 0; i < (uint64_t)item.n << (item.kind == LOCUST__MSGPACK_MAP); i++)
            copy(rest, out, depth + 1);
        break;
    }
}

/* A value is whole at one length only. What it says survives being written and read again. */
static void check_message(locust__view bytes)
{
    locust__buf once = {NULL, 0, 0, false}, twice = {NULL, 0, 0, false};
    locust__view rest = bytes, inside;
    locust__msgpack_item item;
    size_t n = 0, again = 0;
    locust__msgpack_find(bytes, "name", &item, &inside); // whatever the bytes are
    if (locust__msgpack_measure(bytes, &n) != LOCUST__MSGPACK_OK)
        return;
    MUST(n && n <= bytes.len);
    if (n > 1)
        MUST(locust__msgpack_measure((locust__view){bytes.ptr, n - 1}, &again) ==
             LOCUST__MSGPACK_MORE);
    copy(&rest, &once, 0);
    MUST(rest.ptr == bytes.ptr + n && once.len <= 3 * n);
    rest = (locust__view){once.ptr, once.len};
    MUST(locust__msgpack_measure(rest, &again) == LOCUST__MSGPACK_OK && again == once.len);
    copy(&rest, &twice, 0);
    MUST(once.len == twice.len && memcmp(once.ptr, twice.ptr, once.len) == 0);
    locust__buf_free(&once);
    locust__buf_free(&twice);
}

/* Feeds the bytes in pieces; the messages, each behind its length. */
static locust__buf read_all(locust__view bytes, bool router, size_t step, const char **error)
{
    enum { MAX = 300 };
    locust__zmtp z;
    locust__buf out = {NULL, 0, 0, false}, got = {NULL, 0, 0, false};
    locust__view message;
    locust__zmtp_init(&z, router, (locust__view){"w", 1}, MAX, NULL, &out);
    while (bytes.len) {
        size_t n = step < bytes.len ? step : bytes.len;
        char *exact = memcpy(malloc(n), bytes.ptr, n);
        locust__zmtp_feed(&z, exact, n);
        free(exact);
        bytes = locust__view_skip(bytes, n);
        while (locust__zmtp_next(&z, &message) == LOCUST__ZMTP_MESSAGE) {
            MUST(z.ready && message.len <= MAX);
            locust__buf_printf(&got, "%zu:", message.len);
            locust__buf_add(&got, message.ptr, message.len);
        }
        MUST(z.in.len - z.at <= LOCUST__ZMTP_COMMAND + n + 9);
    }
    MUST(z.identity_len <= LOCUST__ZMTP_IDENTITY && !z.identity[z.identity_len]);
    *error = z.error;
    locust__zmtp_deinit(&z);
    locust__buf_free(&out);
    return got;
}

/* In whatever pieces bytes come, they are the same messages, and break for the same reason. */
static void check_connection(locust__view bytes, bool router, size_t step)
{
    const char *error, *other;
    locust__buf whole = read_all(bytes, router, bytes.len, &error),
                pieces = read_all(bytes, router, step ? step : 1, &other);
    MUST(whole.len == pieces.len && (!whole.len || memcmp(whole.ptr, pieces.ptr, whole.len) == 0));
    MUST((error && other) ? strcmp(error, other) == 0 : error == other);
    locust__buf_free(&whole);
    locust__buf_free(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__view bytes = {(const char *)data, n};
    if (n < 2)
        return 0;
    if (*data == 'd' || *data == 'r')
        check_connection(locust__view_skip(bytes, 2), *data == 'r', data[1]);
    else
        check_message(locust__view_skip(bytes, 1));
    return 0;
}
