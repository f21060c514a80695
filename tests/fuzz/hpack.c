// Header blocks of HTTP/2, one behind the other on a connection. Input: blocks, each behind its length, two
// bytes; and what is decoded is encoded and decoded again.
#include "../../locust.h"
#include "../check.h"

typedef struct taken {
    locust__buf text; // name \0 value \0
    uint32_t n;
} taken;

static void take(void *arg, locust__view name, locust__view value)
{
    taken *t = arg;
    t->n++;
    if (t->text.len > 100000)
        return;
    locust__buf_add(&t->text, name.ptr, name.len);
    locust__buf_add(&t->text, ":", 1);
    locust__buf_add(&t->text, value.ptr, value.len);
    locust__buf_add(&t->text, "\n", 1);
}

typedef struct again { // what is encoded anew, and the table of its reader
    locust__hpack_encoder encoder;
    locust__buf out;
    uint32_t n;
} again;

static void encode(void *arg, locust__view name, locust__view value)
{
    again *a = arg;
    if (a->out.len < 100000)
        locust__hpack_encode(
            &a->encoder, &a->out, name, value, (enum locust__hpack_how)(a->n++ % 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__hpack_table first, same, reader;
    locust__buf text = {NULL, 0, 0, false};
    again a = {.n = 0};
    locust__hpack_table_init(&first);
    locust__hpack_table_init(&same);
    locust__hpack_table_init(&reader);
    locust__hpack_encoder_init(&a.encoder);
    while (n >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        taken got = {.n = 0}, back = {.n = 0};
        char *block;
        locust_error error;
        data += 2;
        n -= 2;
        len = len < n ? len : n;
        block = memcpy(malloc(len + !len), data, len);
        data += len;
        n -= len;
        error = locust__hpack_decode(&first, block, len, &text, take, &got);
        MUST(first.size <= first.limit && first.n <= LOCUST__HPACK_PLACES && first.cap <= 16384);
        a.out.len = 0;
        locust__hpack_encode_begin(&a.encoder, &a.out);
        MUST(error == locust__hpack_decode(&same, block, len, &text, encode, &a));
        free(block);
        if (!error && a.out.len < 100000) {
            MUST(!locust__hpack_decode(
                &reader, a.out.ptr ? a.out.ptr : "", a.out.len, &text, take, &back));
            MUST(back.n == got.n && back.text.len == got.text.len);
            MUST(!got.text.len || memcmp(back.text.ptr, got.text.ptr, got.text.len) == 0);
            MUST(reader.size == a.encoder.size);
        }
        locust__buf_free(&got.text);
        locust__buf_free(&back.text);
        if (error || a.out.len >= 100000)
            break;
    }
    locust__hpack_table_free(&first);
    locust__hpack_table_free(&same);
    locust__hpack_table_free(&reader);
    locust__buf_free(&a.encoder.text);
    locust__buf_free(&a.out);
    locust__buf_free(&text);
    return 0;
}
