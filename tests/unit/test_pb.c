// Protocol Buffers: the examples of protobuf.dev, "Encoding", and what a reader must refuse.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static bool wrote(const locust_pb_writer *w, const char *want)
{
    return CHECK(!w->failed) && is_hex((const unsigned char *)w->bytes, w->len, want);
}

static void writes(void)
{
    static char bytes[512];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes);
    size_t at;
    locust_pb_put_int(&w, 1, 150); // Test1: a = 150
    CHECK(wrote(&w, "08 96 01"));
    w.len = 0;
    locust_pb_put_text(&w, 2, "testing");
    CHECK(wrote(&w, "12 07 74 65 73 74 69 6e 67"));
    w.len = 0;
    at = locust_pb_begin(&w, 3); // Test3: c { a: 150 }
    locust_pb_put_int(&w, 1, 150);
    locust_pb_end(&w, at);
    CHECK(wrote(&w, "1a 03 08 96 01"));
    w.len = 0;
    locust_pb_put_int(&w, 1, -2);
    CHECK(wrote(&w, "08 fe ff ff ff ff ff ff ff ff 01"));
    w.len = 0;
    locust_pb_put_sint(&w, 1, -1);
    locust_pb_put_sint(&w, 1, 1);
    locust_pb_put_sint(&w, 1, -2);
    locust_pb_put_sint(&w, 1, INT64_MIN);
    CHECK(wrote(&w, "08 01 08 02 08 03 08 ff ff ff ff ff ff ff ff ff 01"));
    w.len = 0;
    locust_pb_put_double(&w, 1, 25.4);
    locust_pb_put_float(&w, 1, 1.5F);
    locust_pb_put_fixed32(&w, 1, 1);
    locust_pb_put_fixed64(&w, 16, 2);
    locust_pb_put_bool(&w, 2047, true);
    CHECK(wrote(&w,
        "09 66 66 66 66 66 66 39 40 0d 00 00 c0 3f 0d 01 00 00 00 81 01 02 00 00 00 00 00 00 00 "
        "f8 7f 01"));
}

/* Messages inside messages, of each length of their length. */
static void nests(void)
{
    static char bytes[70000], inner[40000];
    static const size_t sizes[] = {
        0, 1, 100, 122, 123, 127, 128, 16000, 16378, 16379, 16384, 39000};
    memset(inner, 'x', sizeof inner);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        locust_pb_writer w = LOCUST_PB_WRITER(bytes);
        locust_pb_reader r;
        locust_pb_field f;
        size_t a = locust_pb_begin(&w, 1), b = locust_pb_begin(&w, 2);
        locust_pb_put_bytes(&w, 3, inner, sizes[i]);
        locust_pb_end(&w, b);
        locust_pb_put_int(&w, 4, 7);
        locust_pb_end(&w, a);
        CHECK(!w.failed);
        r = locust_pb_read(w.bytes, w.len);
        CHECK(locust_pb_next(&r, &f) && f.number == 1 && r.at == r.end);
        r = locust_pb_read(f.bytes, f.len);
        CHECK(locust_pb_next(&r, &f) && f.number == 2);
        {
            locust_pb_reader deep = locust_pb_read(f.bytes, f.len);
            CHECK(locust_pb_next(&deep, &f) && f.number == 3 && f.len == sizes[i]);
            CHECK(!locust_pb_next(&deep, &f) && !deep.failed);
        }
        CHECK(locust_pb_next(&r, &f) && f.number == 4 && f.value == 7);
        CHECK(!locust_pb_next(&r, &f) && !r.failed);
    }
}

static void refuses_to_overflow(void)
{
    char bytes[8];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes);
    locust_pb_put_text(&w, 1, "123456"); // fills it
    CHECK(!w.failed && w.len == 8);
    locust_pb_put_int(&w, 1, 1);
    CHECK(w.failed && w.len == 8);
    w = (locust_pb_writer)LOCUST_PB_WRITER(bytes);
    locust_pb_put_int(&w, 0, 1); // there is no field 0
    CHECK(w.failed);
}

static const struct {
    const char *name, *hex;
    int fields; // that come before the end
    bool failed;
} rows[] = {
    {"nothing", "", 0, false},
    {"an integer", "08 96 01", 1, false},
    {"an integer of ten bytes", "08 ff ff ff ff ff ff ff ff ff 01", 1, false},
    {"an integer of 65 bits", "08 ff ff ff ff ff ff ff ff ff 02", 0, true},
    {"an integer of eleven bytes", "08 80 80 80 80 80 80 80 80 80 80 01", 0, true},
    {"an integer that is cut", "08 96", 0, true},
    {"a tag alone", "08", 0, true},
    {"a text", "12 02 68 69 08 01", 2, false},
    {"a text that is cut", "12 03 68 69", 0, true},
    {"a text of 2^63 bytes", "12 ff ff ff ff ff ff ff ff 7f 68", 0, true},
    {"64 bits", "09 00 00 00 00 00 00 f8 3f", 1, false},
    {"64 bits that are cut", "09 00 00 00 00 00 00 f8", 0, true},
    {"32 bits", "0d 00 00 c0 3f", 1, false},
    {"32 bits that are cut", "0d 00 00 c0", 0, true},
    {"a group", "0b 0c", 0, true},
    {"type 7", "0f", 0, true},
    {"field 0", "00 01", 0, true},
    {"the last field that there may be", "f8 ff ff ff 0f 01", 1, false},
    {"a field above", "80 80 80 80 10 01", 0, true},
};

static void reads(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[64];
        size_t n = hex(rows[i].hex, bytes, sizeof bytes);
        char *p = check_guarded(bytes, n);
        locust_pb_reader r = locust_pb_read(p, n);
        locust_pb_field f;
        int got = 0;
        CHECK_ROW(rows[i].name);
        while (locust_pb_next(&r, &f))
            got++;
        CHECK_INT(got, rows[i].fields);
        CHECK_INT(r.failed, rows[i].failed);
        CHECK(!locust_pb_next(&r, &f));
        check_guarded_free(p, n);
    }
}

static void converts(void)
{
    char bytes[64];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes);
    locust_pb_reader r;
    locust_pb_field f;
    locust_pb_put_double(&w, 1, -25.4);
    locust_pb_put_float(&w, 2, 1.5F);
    locust_pb_put_sint(&w, 3, INT64_MIN);
    locust_pb_put_sint(&w, 4, -3);
    r = locust_pb_read(w.bytes, w.len);
    CHECK(locust_pb_next(&r, &f) && locust_pb_double(&f) == -25.4);
    CHECK(locust_pb_next(&r, &f) && locust_pb_double(&f) == 1.5);
    CHECK(locust_pb_next(&r, &f) && locust_pb_sint(&f) == INT64_MIN);
    CHECK(locust_pb_next(&r, &f) && locust_pb_sint(&f) == -3);
}

TESTS({"writes", writes}, {"nests", nests}, {"refuses to overflow", refuses_to_overflow},
    {"reads", reads}, {"converts", converts})
