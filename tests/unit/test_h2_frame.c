// Frames of HTTP/2: RFC 9113 4.1, 4.2, 6.
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static const struct {
    const char *name, *hex;
    size_t took; // 0: not all of it is there
    uint32_t code;
    int content; // bytes between the padding; -1: more padding than frame
} rows[] = {
    {"DATA of 2 bytes", "000002 00 00 00000001 6162", 11, 0, 2},
    {"DATA of 2 bytes, one byte short", "000002 00 00 00000001 61", 0, 0, 0},
    {"half a head", "000002 00", 0, 0, 0},
    {"DATA, padded", "000004 00 08 00000001 02610000", 13, 0, 1},
    {"DATA, all padding", "000003 00 08 00000001 020000", 12, 0, 0},
    {"DATA, more padding than there is", "000003 00 08 00000001 030000", 12, 0, -1},
    {"DATA, padded and empty", "000000 00 08 00000001", 9, 0, -1},
    {"DATA of the connection", "000000 00 00 00000000", 9, LOCUST__H2_CODE_PROTOCOL, 0},
    {"DATA, the reserved bit set", "000000 00 00 80000001", 9, 0, 0},
    {"HEADERS", "000001 01 04 00000001 88", 10, 0, 1},
    {"HEADERS with a priority", "000006 01 24 00000001 0000000310 88", 15, 0, 1},
    {"HEADERS with half a priority", "000003 01 24 00000001 000000", 12, 0, -1},
    {"HEADERS, priority and padding", "000009 01 2c 00000001 02 0000000310 88 0000", 18, 0, 1},
    {"HEADERS of the connection", "000001 01 04 00000000 88", 10, LOCUST__H2_CODE_PROTOCOL, 1},
    {"PRIORITY", "000005 02 00 00000001 0000000310", 14, 0, -2},
    {"PRIORITY of 4 bytes", "000004 02 00 00000001 00000003", 13, LOCUST__H2_CODE_FRAME_SIZE, -2},
    {"RST_STREAM", "000004 03 00 00000001 00000008", 13, 0, -2},
    {"RST_STREAM of 5 bytes", "000005 03 00 00000001 0000000800", 14, LOCUST__H2_CODE_FRAME_SIZE,
        -2},
    {"RST_STREAM of the connection", "000004 03 00 00000000 00000008", 13, LOCUST__H2_CODE_PROTOCOL,
        -2},
    {"SETTINGS", "000006 04 00 00000000 000300000064", 15, 0, -2},
    {"SETTINGS of 5 bytes", "000005 04 00 00000000 0003000000", 14, LOCUST__H2_CODE_FRAME_SIZE, -2},
    {"SETTINGS of a stream", "000000 04 00 00000001", 9, LOCUST__H2_CODE_PROTOCOL, -2},
    {"SETTINGS that acknowledge", "000000 04 01 00000000", 9, 0, -2},
    {"SETTINGS that acknowledge and set", "000006 04 01 00000000 000300000064", 15,
        LOCUST__H2_CODE_FRAME_SIZE, -2},
    {"PING", "000008 06 00 00000000 0102030405060708", 17, 0, -2},
    {"PING of 7 bytes", "000007 06 00 00000000 01020304050607", 16, LOCUST__H2_CODE_FRAME_SIZE, -2},
    {"PING of a stream", "000008 06 00 00000003 0102030405060708", 17, LOCUST__H2_CODE_PROTOCOL,
        -2},
    {"GOAWAY", "000008 07 00 00000000 0000000100000000", 17, 0, -2},
    {"GOAWAY with a text", "00000a 07 00 00000000 0000000100000000 6869", 19, 0, -2},
    {"GOAWAY of 7 bytes", "000007 07 00 00000000 00000001000000", 16, LOCUST__H2_CODE_FRAME_SIZE,
        -2},
    {"WINDOW_UPDATE", "000004 08 00 00000000 00000001", 13, 0, -2},
    {"WINDOW_UPDATE of 3 bytes", "000003 08 00 00000000 000001", 12, LOCUST__H2_CODE_FRAME_SIZE,
        -2},
    {"CONTINUATION", "000001 09 04 00000001 88", 10, 0, -2},
    {"CONTINUATION of the connection", "000001 09 04 00000000 88", 10, LOCUST__H2_CODE_PROTOCOL,
        -2},
    {"an unknown type", "000003 fa ff 00000007 000000", 12, 0, -2},
    {"more than anybody takes", "004001 00 00 00000001 00", 0, LOCUST__H2_CODE_FRAME_SIZE, -2},
};

static void reads(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[64];
        size_t n = hex(rows[i].hex, bytes, sizeof bytes);
        char *p = check_guarded(bytes, n);
        locust__h2_frame f;
        locust__view content = {NULL, 0};
        size_t took = locust__h2_frame_read(p, n, &f);
        CHECK_ROW(rows[i].name);
        CHECK_INT(took, rows[i].took);
        if (took || f.len > LOCUST__H2_FRAME_MAX)
            CHECK_INT(locust__h2_frame_judge(&f), rows[i].code);
        if (took && rows[i].content > -2) {
            bool good = locust__h2_frame_content(&f, &content);
            CHECK_INT(good ? (int)content.len : -1, rows[i].content);
        }
        check_guarded_free(p, n);
    }
}

/* What is written is read. */
static void writes(void)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__h2_frame f;
    locust__h2_frame_add(
        &out, LOCUST__H2_FRAME_DATA, LOCUST__H2_FLAG_END_STREAM, 0x7FFFFFFF, "abc", 3);
    CHECK(is_hex((unsigned char *)out.ptr, out.len, "000003 00 01 7fffffff 616263"));
    CHECK_INT(locust__h2_frame_read(out.ptr, out.len, &f), 12);
    CHECK(f.stream == 0x7FFFFFFF && f.len == 3 && f.flags == 1 && memcmp(f.payload, "abc", 3) == 0);
    out.len = 0;
    locust__h2_frame_add_u32(&out, LOCUST__H2_FRAME_WINDOW_UPDATE, 5, 0x12345678);
    CHECK(is_hex((unsigned char *)out.ptr, out.len, "000004 08 00 00000005 12345678"));
    locust__buf_free(&out);
}

TESTS({"reads", reads}, {"writes", writes})
