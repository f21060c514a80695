// The cursor over wire formats: what it gives of every prefix of a message, and what it writes.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

typedef enum { U8, U16, U32, TAKE, SKIP } kind;

/* What is read or written in turn. */
typedef struct step {
    kind kind;
    uint32_t value; // of an integer
    size_t n;       // bytes
} step;

static const char bytes[] = "\x01\x80\xff\xfe\xdc\xba\x98zz\0\0\0\1\xff\xff\xff\xff"
                            "abc";

static const step steps[] = {
    {U8, 1, 1},
    {U16, 0x80FF, 2},
    {U32, 0xFEDCBA98, 4},
    {SKIP, 0, 2},
    {TAKE, 0, 0},
    {U32, 1, 4},
    {U32, 0xFFFFFFFF, 4},
    {TAKE, 0, 3},
};

enum { STEPS = sizeof steps / sizeof *steps, BYTES = sizeof bytes - 1 };

/* Reads one step. True: it gave what lies there; false: it gave nothing, and has failed. */
static bool read_step(locust__bytes_reader *r, const step *s)
{
    const unsigned char *at = r->at, *taken = NULL;
    uint32_t value = 0;
    switch (s->kind) {
    case U8:
        value = locust__bytes_get_u8(r);
        break;
    case U16:
        value = locust__bytes_get_u16(r);
        break;
    case U32:
        value = locust__bytes_get_u32(r);
        break;
    case TAKE:
        taken = locust__bytes_take(r, s->n);
        CHECK(taken == (r->failed ? NULL : at));
        break;
    case SKIP:
        locust__bytes_skip(r, s->n);
        break;
    }
    CHECK_INT(value, r->failed ? 0 : s->value);
    return !r->failed;
}

/* A message cut anywhere gives all that lies before the cut, and nothing from there on. */
static void reads_prefixes(void)
{
    for (size_t n = 0; n <= BYTES; n++) {
        char *m = check_guarded(bytes, n);
        locust__bytes_reader r = locust__bytes_reader_of(m, n);
        size_t at = 0;
        for (int i = 0; i < STEPS; i++) {
            bool fits = !r.failed && at + steps[i].n <= n;
            CHECK_INT(read_step(&r, &steps[i]), fits);
            at += fits ? steps[i].n : 0;
            CHECK_INT(r.left, n - at); // a failure takes nothing
        }
        CHECK_INT(r.failed, n < BYTES);
        check_guarded_free(m, n);
    }
}

static void stays_failed(void)
{
    locust__bytes_reader r = locust__bytes_reader_of(bytes, BYTES);
    locust__bytes_skip(&r, SIZE_MAX); // no sum of it overflows
    CHECK(r.failed);
    CHECK_INT(locust__bytes_get_u8(&r), 0); // though there are bytes
    CHECK(locust__bytes_take(&r, 0) == NULL);
    CHECK_INT(r.left, BYTES);
}

static void write_step(locust__bytes_writer *w, const step *s)
{
    switch (s->kind) {
    case U8:
        locust__bytes_put_u8(w, s->value);
        break;
    case U16:
        locust__bytes_put_u16(w, s->value);
        break;
    case U32:
        locust__bytes_put_u32(w, s->value);
        break;
    case TAKE:
        locust__bytes_add(w, "abc", s->n);
        break;
    case SKIP:
        locust__bytes_add(w, "zz", s->n);
        break;
    }
}

/* Into memory of every size: nothing is written behind it. */
static void writes_fixed(void)
{
    static const char empty[BYTES];
    for (size_t n = 0; n <= BYTES; n++) {
        char *m = check_guarded(empty, n);
        locust__bytes_writer w = locust__bytes_writer_of(m, n);
        for (int i = 0; i < STEPS; i++)
            write_step(&w, &steps[i]);
        CHECK_INT(w.failed, n < BYTES);
        CHECK(w.len <= n && memcmp(m, bytes, w.len) == 0);
        if (!w.failed)
            CHECK_INT(w.len, BYTES);
        check_guarded_free(m, n);
    }
}

static void writes_buf(void)
{
    locust__buf b = {NULL, 0, 0, false};
    locust__bytes_writer w = {.buf = &b};
    locust__buf_puts(&b, "in front:");
    for (int turn = 0; turn < 100; turn++)
        for (int i = 0; i < STEPS; i++)
            write_step(&w, &steps[i]);
    CHECK(!w.failed);
    if (CHECK_INT(b.len, 9 + 100 * BYTES))
        for (size_t at = 9; at < b.len; at += BYTES)
            CHECK(memcmp(b.ptr + at, bytes, BYTES) == 0);
    locust__bytes_room(&w, SIZE_MAX / 2); // more than there is
    CHECK(w.failed && b.len == 9 + 100 * BYTES);
    locust__bytes_put_u8(&w, 1);
    CHECK_INT(b.len, 9 + 100 * BYTES);
    locust__buf_free(&b);
}

TESTS({"reads every prefix", reads_prefixes}, {"stays failed", stays_failed},
    {"writes into memory of a fixed size", writes_fixed}, {"writes into a buf", writes_buf}, )
