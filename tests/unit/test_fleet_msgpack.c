// MessagePack: each value as msgpack-python 1.2 writes it, read back from bytes that end anywhere.
// boards
#define LOCUST__LAYERS 1 // it needs no more, and so runs on all boards
#include "../../tools/header/all.h"
#include "../../tools/header/8-run/fleet/msgpack.c"
#include "../check.h"

static locust__view view(const char *bytes, size_t n)
{
    return (locust__view){bytes, n};
}

static void check_bytes(locust__buf *out, const char *want, size_t n)
{
    CHECK_INT(out->len, n);
    CHECK(out->len == n && memcmp(out->ptr, want, n) == 0);
    CHECK(!out->failed);
    locust__buf_free(out);
}

/* -- numbers -- */

// python3 -c 'import msgpack; print(msgpack.packb(N))'
static const struct {
    int64_t n;
    const char *bytes;
    size_t len;
} ints[] = {
    {0, "\x00", 1},
    {1, "\x01", 1},
    {127, "\x7f", 1},
    {128, "\xcc\x80", 2},
    {255, "\xcc\xff", 2},
    {256, "\xcd\x01\x00", 3},
    {65535, "\xcd\xff\xff", 3},
    {65536, "\xce\x00\x01\x00\x00", 5},
    {4294967295, "\xce\xff\xff\xff\xff", 5},
    {4294967296, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
    {INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
    {-1, "\xff", 1},
    {-32, "\xe0", 1},
    {-33, "\xd0\xdf", 2},
    {-128, "\xd0\x80", 2},
    {-129, "\xd1\xff\x7f", 3},
    {-32768, "\xd1\x80\x00", 3},
    {-32769, "\xd2\xff\xff\x7f\xff", 5},
    {INT32_MIN, "\xd2\x80\x00\x00\x00", 5},
    {-2147483649, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9},
    {INT64_MIN, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
};

static void whole_numbers(void)
{
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        locust__buf out = {NULL, 0, 0, false};
        locust__view rest = view(ints[i].bytes, ints[i].len);
        locust__msgpack_item item;
        CHECK_ROW(ints[i].bytes);
        locust__msgpack_put_int(&out, ints[i].n);
        check_bytes(&out, ints[i].bytes, ints[i].len);
        CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
        CHECK_INT(item.kind, LOCUST__MSGPACK_INT);
        CHECK_INT(item.whole, ints[i].n);
        CHECK_INT(rest.len, 0);
    }
}

static void numbers_beyond_int64(void)
{
    static const char half[] = "\xcf\x80\0\0\0\0\0\0\0",
                      all[] = "\xcf\xff\xff\xff\xff\xff\xff\xff\xff";
    locust__buf out = {NULL, 0, 0, false};
    locust__view rest = view(half, 9);
    locust__msgpack_item item;
    double number;
    locust__msgpack_put_uint(&out, (uint64_t)1 << 63);
    check_bytes(&out, half, 9);
    locust__msgpack_put_uint(&out, UINT64_MAX);
    check_bytes(&out, all, 9);
    CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
    CHECK_INT(item.kind, LOCUST__MSGPACK_UINT);
    CHECK(item.big == (uint64_t)1 << 63);
    CHECK(locust__msgpack_number(&item, &number) && !(number < 9223372036854775808.0) &&
          !(number > 9223372036854775808.0));
}

/* Widths that need not be: any is read (spec.md, "Deserialization"). */
static void numbers_that_are_wider_than_needed(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        int64_t n;
    } rows[] = {
        {"\xcc\x05", 2, 5},
        {"\xcd\x00\x05", 3, 5},
        {"\xce\x00\x00\x00\x05", 5, 5},
        {"\xcf\x00\x00\x00\x00\x00\x00\x00\x05", 9, 5},
        {"\xd0\x05", 2, 5},
        {"\xd1\xff\xfb", 3, -5},
        {"\xd2\xff\xff\xff\xfb", 5, -5},
        {"\xd3\xff\xff\xff\xff\xff\xff\xff\xfb", 9, -5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__view rest = view(rows[i].bytes, rows[i].len);
        locust__msgpack_item item;
        CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
        CHECK_INT(item.whole, rows[i].n);
    }
}

static void reals(void)
{
    static const struct {
        double real;
        const char *wide, *narrow; // narrow: packb(x, use_single_float=True)
    } rows[] = {
        {0, "\xcb\0\0\0\0\0\0\0\0", "\xca\0\0\0\0"},
        {1.5, "\xcb\x3f\xf8\0\0\0\0\0\0", "\xca\x3f\xc0\0\0"},
        {-0.1, "\xcb\xbf\xb9\x99\x99\x99\x99\x99\x9a", "\xca\xbd\xcc\xcc\xcd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf out = {NULL, 0, 0, false};
        locust__view wide = view(rows[i].wide, 9), narrow = view(rows[i].narrow, 5);
        locust__msgpack_item item;
        double number;
        locust__msgpack_put_real(&out, rows[i].real);
        check_bytes(&out, rows[i].wide, 9);
        CHECK_INT(locust__msgpack_next(&wide, &item), LOCUST__MSGPACK_OK);
        CHECK(locust__msgpack_number(&item, &number));
        CHECK_NEAR(number, rows[i].real, 0);
        CHECK_INT(locust__msgpack_next(&narrow, &item), LOCUST__MSGPACK_OK);
        CHECK_NEAR(item.real, (double)(float)rows[i].real, 0);
    }
}

/* -- texts, arrays and maps -- */

/* The head of each length at which it changes: packb("x" * n), packb([0] * n), packb(dict). */
static void heads(void)
{
    static const struct {
        uint32_t n;
        const char *text, *array, *map;
        size_t text_len, head_len; // bytes of the head
    } rows[] = {
        {0, "\xa0", "\x90", "\x80", 1, 1},
        {15, "\xaf", "\x9f", "\x8f", 1, 1},
        {16, "\xb0", "\xdc\x00\x10", "\xde\x00\x10", 1, 3},
        {31, "\xbf", "\xdc\x00\x1f", "\xde\x00\x1f", 1, 3},
        {32, "\xd9\x20", "\xdc\x00\x20", "\xde\x00\x20", 2, 3},
        {255, "\xd9\xff", "\xdc\x00\xff", "\xde\x00\xff", 2, 3},
        {256, "\xda\x01\x00", "\xdc\x01\x00", "\xde\x01\x00", 3, 3},
        {65535, "\xda\xff\xff", "\xdc\xff\xff", "\xde\xff\xff", 3, 3},
        {65536, "\xdb\x00\x01\x00\x00", "\xdd\x00\x01\x00\x00", "\xdf\x00\x01\x00\x00", 5, 5},
    };
    char *text = malloc(65536);
    memset(text, 'x', 65536);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf out = {NULL, 0, 0, false};
        locust__view rest;
        locust__msgpack_item item;
        uint32_t n = rows[i].n;
        locust__msgpack_put_array(&out, n);
        check_bytes(&out, rows[i].array, rows[i].head_len);
        locust__msgpack_put_map(&out, n);
        check_bytes(&out, rows[i].map, rows[i].head_len);
        locust__msgpack_put_text(&out, view(text, n));
        CHECK(out.len == rows[i].text_len + n &&
              memcmp(out.ptr, rows[i].text, rows[i].text_len) == 0);
        rest = view(out.ptr, out.len);
        CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
        CHECK_INT(item.kind, LOCUST__MSGPACK_STR);
        CHECK(item.bytes.len == n && memcmp(item.bytes.ptr, text, n) == 0 && !rest.len);
        locust__buf_free(&out);
        rest = view(rows[i].map, rows[i].head_len);
        CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
        CHECK(item.kind == LOCUST__MSGPACK_MAP && item.n == n);
        rest = view(rows[i].array, rows[i].head_len);
        CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
        CHECK(item.kind == LOCUST__MSGPACK_ARRAY && item.n == n);
    }
    free(text);
}

/* A text that is no UTF-8 is sent as one that is: Python's reader refuses a message over it. */
static void texts_that_are_no_utf8(void)
{
    locust__buf out = {NULL, 0, 0, false};
    size_t n;
    locust__msgpack_put_text(&out, view("a\xff\xc3", 3));
    CHECK_INT(locust__msgpack_measure(view(out.ptr, out.len), &n), LOCUST__MSGPACK_OK);
    check_bytes(&out,
        "\xa7"
        "a\xef\xbf\xbd\xef\xbf\xbd",
        8);
}

// msgpack.packb(["spawn", {"host": None, "n": {"A": 3, "B": -1}, 5: [True, b"\0", 1.5]}, "vm_1"])
static const char message[] = "\x93\xa5spawn\x83\xa4host\xc0\xa1n\x82\xa1"
                              "A\x03\xa1"
                              "B\xff\x05\x93\xc3\xc4\x01\x00\xcb\x3f\xf8"
                              "\x00\x00\x00\x00\x00\x00\xa4vm_1";

enum { MESSAGE = sizeof message - 1 };

/* Cut anywhere it wants more; the byte behind it is not its own. */
static void a_message_that_is_cut(void)
{
    size_t n = 0;
    for (size_t len = 0; len <= MESSAGE; len++) {
        char *exact = check_guarded(message, len);
        CHECK_INT(locust__msgpack_measure(view(exact, len), &n),
            len < MESSAGE ? LOCUST__MSGPACK_MORE : LOCUST__MSGPACK_OK);
        CHECK_INT(n, len < MESSAGE ? 0 : MESSAGE);
        check_guarded_free(exact, len);
    }
    CHECK_INT(locust__msgpack_measure(view(message, MESSAGE + 1), &n), LOCUST__MSGPACK_OK);
    CHECK_INT(n, MESSAGE);
}

static void finds_keys(void)
{
    locust__view rest = view(message, MESSAGE), inside;
    locust__msgpack_item item;
    CHECK_INT(locust__msgpack_next(&rest, &item), LOCUST__MSGPACK_OK);
    CHECK(item.kind == LOCUST__MSGPACK_ARRAY && item.n == 3);
    CHECK(locust__msgpack_skip(&rest));
    CHECK(locust__msgpack_find(rest, "host", &item, &inside) && item.kind == LOCUST__MSGPACK_NIL);
    CHECK(locust__msgpack_find(rest, "n", &item, &inside) && item.kind == LOCUST__MSGPACK_MAP);
    CHECK(item.n == 2);
    CHECK(locust__msgpack_next(&inside, &item) == LOCUST__MSGPACK_OK);
    CHECK(locust__msgpack_next(&inside, &item) == LOCUST__MSGPACK_OK);
    CHECK(locust__view_is(item.bytes, "A"));
    CHECK(!locust__msgpack_find(rest, "A", &item, &inside));
    CHECK(!locust__msgpack_find(rest, "missing", &item, &inside));
    CHECK(locust__msgpack_skip(&rest));
    CHECK(locust__msgpack_next(&rest, &item) == LOCUST__MSGPACK_OK);
    CHECK(locust__view_is(item.bytes, "vm_1") && !rest.len);
    CHECK(!locust__msgpack_skip(&rest));
}

static void what_is_not_read(void)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"the byte that is never used", "\xc1", 1},
        {"the same inside", "\x92\x01\xc1", 3},
        {"a text that is no UTF-8", "\xa2\xc3\x28", 3},
        {"half of a character", "\x91\xa1\xc3", 3},
        {"a surrogate", "\xa3\xed\xa0\x80", 4},
    };
    char deep[LOCUST__MSGPACK_DEPTH + 2];
    size_t n = 99;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(
            locust__msgpack_measure(view(rows[i].bytes, rows[i].len), &n), LOCUST__MSGPACK_BAD);
    }
    CHECK_ROW("nesting");
    memset(deep, '\x91', sizeof deep);
    CHECK_INT(locust__msgpack_measure(view(deep, sizeof deep), &n), LOCUST__MSGPACK_BAD);
    deep[LOCUST__MSGPACK_DEPTH] = 1;
    CHECK_INT(n, 99);
    CHECK_INT(locust__msgpack_measure(view(deep, sizeof deep), &n), LOCUST__MSGPACK_OK);
    CHECK_INT(n, LOCUST__MSGPACK_DEPTH + 1);
}

/* Lengths of which no memory has so many: no more than that more is wanted. */
static void lengths_that_lie(void)
{
    static const char *const rows[] = {"\xdb\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff",
        "\xdf\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *exact = check_guarded(rows[i], 5);
        size_t n;
        CHECK_INT(locust__msgpack_measure(view(exact, 5), &n), LOCUST__MSGPACK_MORE);
        check_guarded_free(exact, 5);
    }
}

// ExtType(5, b"a"), of 1, 2, 4, 8, 16, 3 and 300 bytes: read over.
static void extensions(void)
{
    static const struct {
        const char *head;
        size_t head_len, bytes;
    } rows[] = {{"\xd4\x05", 2, 1}, {"\xd5\x05", 2, 2}, {"\xd6\x05", 2, 4}, {"\xd7\x05", 2, 8},
        {"\xd8\x05", 2, 16}, {"\xc7\x03\x05", 3, 3}, {"\xc8\x01\x2c\x05", 4, 300}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[400] = "";
        size_t n, len = rows[i].head_len + rows[i].bytes;
        memcpy(bytes, rows[i].head, rows[i].head_len);
        CHECK_INT(locust__msgpack_measure(view(bytes, len), &n), LOCUST__MSGPACK_OK);
        CHECK_INT(n, len);
        CHECK_INT(locust__msgpack_measure(view(bytes, len - 1), &n), LOCUST__MSGPACK_MORE);
    }
}

TESTS({"whole numbers", whole_numbers}, {"numbers beyond int64_t", numbers_beyond_int64},
    {"numbers that are wider than needed", numbers_that_are_wider_than_needed}, {"reals", reals},
    {"heads", heads}, {"texts that are no UTF-8", texts_that_are_no_utf8},
    {"a message that is cut", a_message_that_is_cut}, {"finds keys", finds_keys},
    {"what is not read", what_is_not_read}, {"lengths that lie", lengths_that_lie},
    {"extensions", extensions})
