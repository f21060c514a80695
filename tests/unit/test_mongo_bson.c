// BSON: what is a document and what is not, from bsonspec.org 1.1; the walk; the writer.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *name, *bytes;
    size_t n;
    bool valid;
} rows[] = {
    {"empty document", BYTES("\5\0\0\0\0"), true},
    {"no bytes", "", 0, false},
    {"a length alone", BYTES("\4\0\0\0"), false},
    {"length 4", BYTES("\4\0\0\0\0"), false},
    {"length 0", BYTES("\0\0\0\0\0"), false},
    {"length 6 of 5", BYTES("\6\0\0\0\0"), false},
    {"length 5 of 6", BYTES("\5\0\0\0\0\0"), false},
    {"length of 2^31", BYTES("\0\0\0\x80\0"), false},
    {"negative length", BYTES("\xff\xff\xff\xff\0"), false},
    {"no terminator", BYTES("\5\0\0\0\1"), false},
    {"double", BYTES("\x10\0\0\0\1d\0\0\0\0\0\0\0\xf0\x3f\0"), true},
    {"double, cut", BYTES("\x0f\0\0\0\1d\0\0\0\0\0\0\0\xf0\0"), false},
    {"string", BYTES("\x0e\0\0\0\2a\0\2\0\0\0b\0\0"), true},
    {"empty string", BYTES("\x0d\0\0\0\2a\0\1\0\0\0\0\0"), true},
    {"string with a NUL", BYTES("\x0f\0\0\0\2a\0\3\0\0\0\0b\0\0"), true},
    {"string of length 0", BYTES("\x0d\0\0\0\2a\0\0\0\0\0\0\0"), false},
    {"string of length -1", BYTES("\x0d\0\0\0\2a\0\xff\xff\xff\xff\0\0"), false},
    {"string beyond the document", BYTES("\x0e\0\0\0\2a\0\3\0\0\0b\0\0"), false},
    {"string over the terminator", BYTES("\x0e\0\0\0\2a\0\4\0\0\0b\0\0"), false},
    {"string without its NUL", BYTES("\x0e\0\0\0\2a\0\2\0\0\0bb\0"), false},
    {"string whose length is cut", BYTES("\x0a\0\0\0\2a\0\1\0\0"), false},
    {"name without end",
        BYTES("\7\0\0\0\x0a"
              "a\0"),
        false},
    {"document", BYTES("\x0d\0\0\0\3x\0\5\0\0\0\0\0"), true},
    {"document, too long for its parent", BYTES("\x0d\0\0\0\3x\0\6\0\0\0\0\0"), false},
    {"document of length 4", BYTES("\x0d\0\0\0\3x\0\4\0\0\0\0\0"), false},
    {"document shorter than what is in it",
        BYTES("\x18\0\0\0\3x\0\x0d\0\0\0\x10"
              "a\0\1\0\0\0\0\0\0\0\0\0"),
        false},
    {"document that ends in an element",
        BYTES("\x14\0\0\0\3x\0\x0b\0\0\0\x10"
              "a\0\1\0\0\0\0\0"),
        false},
    {"array",
        BYTES("\x14\0\0\0\4x\0\x0c\0\0\0\x10"
              "0\0\1\0\0\0\0\0"),
        true},
    {"array with names that are no numbers",
        BYTES("\x14\0\0\0\4x\0\x0c\0\0\0\x10"
              "a\0\1\0\0\0\0\0"),
        true},
    {"binary", BYTES("\x0f\0\0\0\5x\0\2\0\0\0\0\1\2\0"), true},
    {"empty binary", BYTES("\x0d\0\0\0\5x\0\0\0\0\0\0\0"), true},
    {"binary beyond the document", BYTES("\x0f\0\0\0\5x\0\4\0\0\0\0\1\2\0"), false},
    {"binary of length -1", BYTES("\x0d\0\0\0\5x\0\xff\xff\xff\xff\0\0"), false},
    {"binary 2", BYTES("\x13\0\0\0\5x\0\6\0\0\0\2\2\0\0\0\1\2\0"), true},
    {"binary 2, inner length too long", BYTES("\x13\0\0\0\5x\0\6\0\0\0\2\3\0\0\0\1\2\0"), false},
    {"binary 2, inner length too short", BYTES("\x13\0\0\0\5x\0\6\0\0\0\2\1\0\0\0\1\2\0"), false},
    {"binary 2, inner length -1", BYTES("\x13\0\0\0\5x\0\6\0\0\0\2\xff\xff\xff\xff\1\2\0"), false},
    {"binary 2 without an inner length", BYTES("\x0f\0\0\0\5x\0\2\0\0\0\2\1\2\0"), false},
    {"undefined", BYTES("\x08\0\0\0\6a\0\0"), true},
    {"object id", BYTES("\x14\0\0\0\7a\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\0"), true},
    {"object id, cut", BYTES("\x13\0\0\0\7a\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\0"), false},
    {"true",
        BYTES("\x09\0\0\0\x08"
              "b\0\1\0"),
        true},
    {"a boolean of 2",
        BYTES("\x09\0\0\0\x08"
              "b\0\2\0"),
        false},
    {"a boolean of -1",
        BYTES("\x09\0\0\0\x08"
              "b\0\xff\0"),
        false},
    {"a boolean that is cut",
        BYTES("\x08\0\0\0\x08"
              "b\0\0"),
        false},
    {"date",
        BYTES("\x10\0\0\0\x09"
              "a\0\0\0\0\0\0\0\0\0\0"),
        true},
    {"null",
        BYTES("\x08\0\0\0\x0a"
              "a\0\0"),
        true},
    {"regular expression",
        BYTES("\x0d\0\0\0\x0b"
              "a\0abc\0\0\0"),
        true},
    {"regular expression without options",
        BYTES("\x0c\0\0\0\x0b"
              "a\0abc\0\0"),
        false},
    {"regular expression without end",
        BYTES("\x0b\0\0\0\x0b"
              "a\0abc\0"),
        false},
    {"pointer",
        BYTES("\x1a\0\0\0\x0c"
              "a\0\2\0\0\0b\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\0"),
        true},
    {"pointer whose id is cut",
        BYTES("\x19\0\0\0\x0c"
              "a\0\2\0\0\0b\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\0"),
        false},
    {"code",
        BYTES("\x0e\0\0\0\x0d"
              "a\0\2\0\0\0b\0\0"),
        true},
    {"symbol",
        BYTES("\x0e\0\0\0\x0e"
              "a\0\2\0\0\0b\0\0"),
        true},
    {"code with scope",
        BYTES("\x17\0\0\0\x0f"
              "a\0\x0f\0\0\0\2\0\0\0b\0\5\0\0\0\0\0"),
        true},
    {"code with scope, length 0",
        BYTES("\x17\0\0\0\x0f"
              "a\0\0\0\0\0\2\0\0\0b\0\5\0\0\0\0\0"),
        false},
    {"code with scope, one too short",
        BYTES("\x17\0\0\0\x0f"
              "a\0\x0e\0\0\0\2\0\0\0b\0\5\0\0\0\0\0"),
        false},
    {"code with scope, one too long",
        BYTES("\x17\0\0\0\x0f"
              "a\0\x10\0\0\0\2\0\0\0b\0\5\0\0\0\0\0"),
        false},
    {"code with scope, its text too long",
        BYTES("\x17\0\0\0\x0f"
              "a\0\x0f\0\0\0\x0b\0\0\0b\0\5\0\0\0\0\0"),
        false},
    {"code with scope, its text empty",
        BYTES("\x16\0\0\0\x0f"
              "a\0\x0e\0\0\0\0\0\0\0\5\0\0\0\0\0"),
        false},
    {"code with scope, its scope too short",
        BYTES("\x18\0\0\0\x0f"
              "a\0\x10\0\0\0\2\0\0\0b\0\5\0\0\0\0\0\0"),
        false},
    {"int32",
        BYTES("\x0c\0\0\0\x10"
              "i\0\1\0\0\0\0"),
        true},
    {"int32, cut",
        BYTES("\x0b\0\0\0\x10"
              "i\0\1\0\0\0"),
        false},
    {"timestamp",
        BYTES("\x10\0\0\0\x11"
              "a\0\1\0\0\0\2\0\0\0\0"),
        true},
    {"int64",
        BYTES("\x10\0\0\0\x12"
              "a\0\1\0\0\0\0\0\0\0\0"),
        true},
    {"decimal",
        BYTES("\x18\0\0\0\x13"
              "d\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\x30\0"),
        true},
    {"decimal, cut",
        BYTES("\x17\0\0\0\x13"
              "d\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0"),
        false},
    {"the smallest key",
        BYTES("\x08\0\0\0\xff"
              "a\0\0"),
        true},
    {"the largest key",
        BYTES("\x08\0\0\0\x7f"
              "a\0\0"),
        true},
    {"type 0x14",
        BYTES("\x08\0\0\0\x14"
              "a\0\0"),
        false},
    {"type 0x80",
        BYTES("\x08\0\0\0\x80"
              "a\0\0"),
        false},
    {"type 0 before the end", BYTES("\x08\0\0\0\0a\0\0"), false},
    {"an empty name", BYTES("\x07\0\0\0\x0a\0\0"), true},
    {"the same name twice",
        BYTES("\x0b\0\0\0\x0a"
              "a\0\x0a"
              "a\0\0"),
        true},
};

static void documents(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char *bytes = (unsigned char *)check_guarded(rows[i].bytes, rows[i].n);
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__bson_is_valid(bytes, rows[i].n), rows[i].valid);
        check_guarded_free((char *)bytes, rows[i].n);
    }
}

/* Cut anywhere, or with any of its bytes another, nothing is read outside it. */
static void damaged(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < rows[i].n && rows[i].valid; k++) {
            unsigned char *bytes = (unsigned char *)check_guarded(rows[i].bytes, rows[i].n);
            CHECK_ROW(rows[i].name);
            for (int v = 0; v < 256; v += 3) {
                bytes[k] = (unsigned char)v;
                locust__bson_is_valid(bytes, rows[i].n);
            }
            check_guarded_free((char *)bytes, rows[i].n);
            bytes = (unsigned char *)check_guarded(rows[i].bytes, k);
            CHECK(!locust__bson_is_valid(bytes, k));
            check_guarded_free((char *)bytes, k);
        }
}

/* A document in a document, so many levels in all. */
static bool nested(int levels)
{
    size_t n = (size_t)levels * 8 - 3;
    unsigned char *bytes = calloc(1, n);
    bool valid;
    for (size_t i = 0, at = 0; i < (size_t)levels; i++, at += 7) {
        locust__bson_store_u32(bytes + at, (uint32_t)(n - i * 8));
        if (i + 1 < (size_t)levels)
            memcpy(bytes + at + 4, "\3x", 3);
    }
    valid = locust__bson_is_valid(bytes, n);
    free(bytes);
    return valid;
}

static void levels(void)
{
    CHECK(nested(1) && nested(2) && nested(200));
    CHECK(!nested(201) && !nested(5000));
}

static void walks(void)
{
    static const char bytes[] = "\x4d\0\0\0"
                                "\1d\0\0\0\0\0\0\0\xf8\xbf"
                                "\2s\0\3\0\0\0hi\0"
                                "\3o\0\x0c\0\0\0\x10n\0\7\0\0\0\0"
                                "\x10i\0\xfe\xff\xff\xff"
                                "\x12l\0\0\0\0\0\1\0\0\0"
                                "\x08"
                                "b\0\1"
                                "\1h\0\0\0\0\0\0\0\xf0\x7f"
                                "\x0az\0";
    const unsigned char *document = (const unsigned char *)bytes;
    char names[16] = "";
    locust__view text;
    const unsigned char *inner;
    if (!CHECK(locust__bson_is_valid(document, sizeof bytes)))
        return;
    for (locust__bson_element e = locust__bson_first(document); e.type; e = locust__bson_next(&e))
        strcat(names, e.name);
    CHECK_STR(names, "dsoilbhz");
    CHECK_INT(locust__bson_get_int(document, "d", 9), -1);
    CHECK_INT(locust__bson_get_int(document, "i", 9), -2);
    CHECK_INT(locust__bson_get_int(document, "l", 9), (int64_t)1 << 32);
    CHECK_INT(locust__bson_get_int(document, "b", 9), 1);
    CHECK_INT(locust__bson_get_int(document, "h", 9), 9); // infinite
    CHECK_INT(locust__bson_get_int(document, "s", 9), 9);
    CHECK_INT(locust__bson_get_int(document, "none", 9), 9);
    text = locust__bson_get_text(document, "s");
    CHECK(text.len == 2 && strcmp(text.ptr, "hi") == 0);
    CHECK(!locust__bson_get_text(document, "i").ptr);
    inner = locust__bson_get_document(document, "o", LOCUST__BSON_DOCUMENT);
    CHECK(inner && locust__bson_get_int(inner, "n", 0) == 7);
    CHECK(!locust__bson_get_document(document, "o", LOCUST__BSON_ARRAY));
}

static void writes(void)
{
    static const char want[] = "\x42\0\0\0"
                               "\x10i\0\xfe\xff\xff\xff"
                               "\x12l\0\1\0\0\0\1\0\0\0"
                               "\x08t\0\1\x08"
                               "f\0\0"
                               "\2s\0\3\0\0\0hi\0"
                               "\5b\0\2\0\0\0\4\1\2"
                               "\3o\0\x0c\0\0\0\x10n\0\7\0\0\0\0";
    locust__buf out = {NULL, 0, 0, false};
    size_t at = locust__bson_begin(&out), inner;
    locust__bson_put_int(&out, "i", -2);
    locust__bson_put_long(&out, "l", ((int64_t)1 << 32) + 1);
    locust__bson_put_bool(&out, "t", true);
    locust__bson_put_bool(&out, "f", false);
    locust__bson_put_text(&out, "s", "hi");
    locust__bson_put_binary(&out, "b", 4, (locust__view){"\1\2", 2});
    locust__bson_put_name(&out, LOCUST__BSON_DOCUMENT, "o");
    inner = locust__bson_begin(&out);
    locust__bson_put_int(&out, "n", 7);
    locust__bson_end(&out, inner);
    locust__bson_end(&out, at);
    CHECK(locust__bson_is_valid((unsigned char *)out.ptr, out.len));
    if (CHECK_INT(out.len, sizeof want))
        CHECK(memcmp(out.ptr, want, sizeof want) == 0);
    locust__buf_free(&out);
}

TESTS({"documents", documents}, {"damaged", damaged}, {"levels", levels}, {"walks", walks},
    {"writes", writes}, )
