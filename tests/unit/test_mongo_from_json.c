// Extended JSON, relaxed and canonical, as BSON: MongoDB Extended JSON, version 2.1.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static const struct {
    const char *json, *bytes; // bytes NULL: refused
} rows[] = {
    {"{}", "0500000000"},
    {" {\n} ", "0500000000"},
    {"{\"i\": 1}", "0c0000001069000100000000"},
    {"{\"i\": -2147483648}", "0c0000001069000000008000"},
    {"{\"i\": 2147483648}", "10000000126900000000800000000000"},
    {"{\"i\": -9223372036854775808}", "10000000126900000000000000008000"},
    {"{\"i\": 9223372036854775808}", "10000000016900000000000000e04300"},
    {"{\"i\": -0}", "0c0000001069000000000000"},
    {"{\"d\": 1.0}", "10000000016400000000000000f03f00"},
    {"{\"d\": -0.0}", "10000000016400000000000000008000"},
    {"{\"d\": 1e3}", "100000000164000000000000408f4000"},
    {"{\"d\": 1.2345678921232E+18}", "100000000164002a1bf5f41022b14300"},
    {"{\"d\": 1e999}", "10000000016400000000000000f07f00"},
    {"{\"b\": true, \"n\": null}", "0c00000008620001 0a6e00 00"},
    {"{\"b\": false}", "090000000862000000"},
    {"{\"a\": \"b\"}", "0e00000002610002000000620000"},
    {"{\"a\": \"\\u00e9\\n\"}", "1000000002610004000000c3a90a0000"},
    {"{\"a\": \"a\\u0000b\"}", "1000000002610004000000610062 0000"},
    {"{\"\\u0061\": 1}", "0c0000001061000100000000"},
    {"{\"\": 1}", "0b00000010000100000000"},
    {"{\"a\\u0000\": 1}", NULL},
    {"{\"a\": []}", "0d000000046100050000000000"},
    {"{\"a\": [10, 20]}", "1b000000046100130000001030000a000000103100140000000000"},
    {"{\"a\": {\"b\": {}}}", "150000000361000d0000000362000500000000 0000"},
    {"{\"a\": {\"$numberInt\": \"-1\"}}", "0c000000106100ffffffff00"},
    {"{\"a\": {\"$numberInt\": \"2147483648\"}}", NULL},
    {"{\"a\": {\"$numberInt\": 1}}", NULL},
    {"{\"a\": {\"$numberInt\": \"\"}}", NULL},
    {"{\"a\": {\"$numberInt\": \"1.0\"}}", NULL},
    {"{\"a\": {\"$numberInt\": \"1\", \"b\": 2}}", NULL},
    {"{\"a\": {\"$numberLong\": \"1\"}}", "10000000126100010000000000000000"},
    {"{\"a\": {\"$numberLong\": \"9223372036854775808\"}}", NULL},
    {"{\"a\": {\"$numberLong\": 1}}", NULL},
    {"{\"d\": {\"$numberDouble\": \"1\"}}", "10000000016400000000000000f03f00"},
    {"{\"d\": {\"$numberDouble\": \"NaN\"}}", "10000000016400000000000000f87f00"},
    {"{\"d\": {\"$numberDouble\": \"-Infinity\"}}", "10000000016400000000000000f0ff00"},
    {"{\"d\": {\"$numberDouble\": \"x\"}}", NULL},
    {"{\"d\": {\"$numberDecimal\": \"1\"}}", "180000001364000100000000000000000000000000403000"},
    {"{\"d\": {\"$numberDecimal\": \"1,5\"}}", NULL},
    {"{\"a\": {\"$oid\": \"56e1fc72e0c917e9c4714161\"}}",
        "1400000007610056e1fc72e0c917e9c471416100"},
    {"{\"a\": {\"$oid\": \"56E1FC72E0C917E9C4714161\"}}",
        "1400000007610056e1fc72e0c917e9c471416100"},
    {"{\"a\": {\"$oid\": \"56e1fc72e0c917e9c471416\"}}", NULL},
    {"{\"a\": {\"$oid\": \"56e1fc72e0c917e9c471416g\"}}", NULL},
    {"{\"a\": {\"$oid\": 42}}", NULL},
    {"{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"00\"}}}",
        "0f0000000578000200000000ffff00"},
    {"{\"x\": {\"$binary\": {\"subType\": \"5\", \"base64\": \"\"}}}",
        "0d000000057800000000000500"},
    {"{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"02\"}}}",
        "13000000057800060000000202000000ffff00"},
    {"{\"x\": {\"$binary\": {\"base64\": \"//8=\"}}}", NULL},
    {"{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"100\"}}}", NULL},
    {"{\"x\": {\"$binary\": {\"base64\": \"/*8=\", \"subType\": \"00\"}}}", NULL},
    {"{\"x\": {\"$binary\": {\"base64\": \"\", \"subType\": \"00\", \"b\": 1}}}", NULL},
    {"{\"x\": {\"$binary\": \"//8=\"}}", NULL},
    {"{\"x\": {\"$uuid\": \"73ffd264-44b3-4c69-90e8-e7d1dfc035d4\"}}",
        "1d000000057800100000000473ffd26444b34c6990e8e7d1dfc035d400"},
    {"{\"x\": {\"$uuid\": \"73ffd26444b34c6990e8e7d1dfc035d4\"}}", NULL},
    {"{\"x\": {\"$uuid\": \"73ffd264-44b3-4c69-90e8-e7d1dfc035d4a\"}}", NULL},
    {"{\"a\": {\"$date\": \"1970-01-01T00:00:00Z\"}}", "10000000096100000000000000000000"},
    {"{\"a\": {\"$date\": \"2012-12-24T12:15:30.501Z\"}}", "10000000096100c5d8d6cc3b01000000"},
    {"{\"a\": {\"$date\": \"2012-12-24T13:15:30.501999+01:00\"}}",
        "10000000096100c5d8d6cc3b01000000"},
    {"{\"a\": {\"$date\": \"2012-12-24T06:45:30.501-0530\"}}", "10000000096100c5d8d6cc3b01000000"},
    {"{\"a\": {\"$date\": \"2000-02-29T12:00:00Z\"}}", "10000000096100000e3a9ddd00000000"},
    {"{\"a\": {\"$date\": \"1960-12-24T12:15:30.499Z\"}}", "10000000096100c33ce7b9bdffffff00"},
    {"{\"a\": {\"$date\": \"9999-12-31T23:59:59.999Z\"}}", "10000000096100ffdb1fd277e6000000"},
    {"{\"a\": {\"$date\": {\"$numberLong\": \"-1\"}}}", "10000000096100ffffffffffffffff00"},
    {"{\"a\": {\"$date\": -1}}", "10000000096100ffffffffffffffff00"},
    {"{\"a\": {\"$date\": \"2001-02-29T12:00:00Z\"}}", NULL},
    {"{\"a\": {\"$date\": \"1900-02-29T12:00:00Z\"}}", NULL},
    {"{\"a\": {\"$date\": \"2001-13-01T12:00:00Z\"}}", NULL},
    {"{\"a\": {\"$date\": \"2001-01-01T24:00:00Z\"}}", NULL},
    {"{\"a\": {\"$date\": \"2001-01-01\"}}", NULL},
    {"{\"a\": {\"$date\": \"2001-01-01T00:00:00\"}}", NULL},
    {"{\"a\": {\"$date\": \"2001-01-01T00:00:00.Z\"}}", NULL},
    {"{\"a\": {\"$date\": 1.5}}", NULL},
    {"{\"a\": {\"$date\": null}}", NULL},
    {"{\"a\": {\"$regularExpression\": {\"pattern\": \"abc\", \"options\": \"mi\"}}}",
        "0f0000000b610061626300696d0000"},
    {"{\"a\": {\"$regularExpression\": {\"pattern\": \"a\\u0000\", \"options\": \"\"}}}", NULL},
    {"{\"a\": {\"$regularExpression\": {\"pattern\": \"a\"}}}", NULL},
    {"{\"a\": {\"$regularExpression\": {\"pattern\": \"a\", \"options\": \"\u00fc\"}}}", NULL},
    {"{\"a\": {\"$regularExpression\": {\"pattern\": 1, \"options\": \"\"}}}", NULL},
    {"{\"a\": {\"$regex\": \"b\", \"$options\": \"i\"}}",
        "2b00000003610023000000 02247265676578000200000062 00"
        "02246f7074696f6e73000200000069 0000 00"},
    {"{\"a\": {\"$gt\": 5}}", "160000000361000e0000001024677400 05000000 00 00"},
    {"{\"a\": {\"$dbPointer\": {\"$ref\": \"b\", \"$id\": {\"$oid\": \"56e1fc72e0c917e9c4714161\"}}}}",
        "1a0000000c610002000000620056e1fc72e0c917e9c471416100"},
    {"{\"a\": {\"$dbPointer\": {\"$ref\": \"b\", \"$id\": 5}}}", NULL},
    {"{\"a\": {\"$code\": \"b\"}}", "0e0000000d610002000000620000"},
    {"{\"a\": {\"$code\": \"\", \"$scope\": {}}}", "160000000f61000e0000000100000000050000000000"},
    {"{\"a\": {\"$code\": 5}}", NULL},
    {"{\"a\": {\"$code\": \"b\", \"$scope\": 5}}", NULL},
    {"{\"a\": {\"$code\": \"b\", \"c\": {}}}", NULL},
    {"{\"a\": {\"$code\": \"b\", \"$scope\": {}, \"c\": 1}}", NULL},
    {"{\"a\": {\"$symbol\": \"b\"}}", "0e0000000e610002000000620000"},
    {"{\"a\": {\"$symbol\": 1}}", NULL},
    {"{\"a\": {\"$timestamp\": {\"t\": 123456789, \"i\": 42}}}",
        "100000001161002a00000015cd5b0700"},
    {"{\"a\": {\"$timestamp\": {\"i\": 42, \"t\": 4294967295}}}",
        "100000001161002a000000ffffffff00"},
    {"{\"a\": {\"$timestamp\": {\"t\": 4294967296, \"i\": 42}}}", NULL},
    {"{\"a\": {\"$timestamp\": {\"t\": \"1\", \"i\": 42}}}", NULL},
    {"{\"a\": {\"$timestamp\": {\"t\": 1, \"i\": -1}}}", NULL},
    {"{\"a\": {\"$minKey\": 1}}", "08000000ff610000"},
    {"{\"a\": {\"$maxKey\": 1}}", "080000007f610000"},
    {"{\"a\": {\"$minKey\": 2}}", NULL},
    {"{\"a\": {\"$undefined\": true}}", "0800000006610000"},
    {"{\"a\": {\"$undefined\": false}}", NULL},
    {"", NULL},
    {"[]", NULL},
    {"5", NULL},
    {"{\"a\": 1", NULL},
    {"{\"a\": 01}", NULL},
    {"{\"a\": 1} x", NULL},
    {"{a: 1}", NULL},
    {"{'a': 1}", NULL},
    {"{\"a\": NaN}", NULL},
};

static void documents(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].json);
        char *guarded = check_guarded(rows[i].json, n + 1);
        locust__buf out = {NULL, 0, 0, false};
        const char *wrong = locust__extjson_read(&out, (locust__view){guarded, n}, false);
        CHECK_ROW(rows[i].json);
        CHECK_INT(!wrong, rows[i].bytes != NULL);
        if (!wrong && rows[i].bytes) {
            is_hex((unsigned char *)out.ptr, out.len, rows[i].bytes);
            CHECK(locust__bson_is_valid((unsigned char *)out.ptr, out.len));
        }
        locust__buf_free(&out);
        check_guarded_free(guarded, n + 1);
    }
}

static void sentences(void)
{
    static const struct {
        const char *json, *wrong;
        bool array;
    } texts[] = {
        {"{", "no JSON", false},
        {"[]", "no object", false},
        {"{}", "no array", true},
        {"[{\"a\": {\"$oid\": 1}}]", "a malformed $oid", true},
        {"{\"a\\u0000\": 1}", "a name with a NUL in it", false},
        {"[1, {\"a\": 2}]", NULL, true},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(texts[i].json);
        CHECK_STR(locust__extjson_read(&out, locust__view_of(texts[i].json), texts[i].array),
            texts[i].wrong);
        locust__buf_free(&out);
    }
}

static const char *nested(int levels)
{
    char text[2048] = "{\"0\":";
    locust__buf out = {NULL, 0, 0, false};
    const char *wrong;
    for (int i = 1; i < levels; i++)
        strcat(text, "[");
    strcat(text, "5");
    for (int i = 1; i < levels; i++)
        strcat(text, "]");
    strcat(text, "}");
    wrong = locust__extjson_read(&out, locust__view_of(text), false);
    if (!wrong)
        CHECK(locust__bson_is_valid((unsigned char *)out.ptr, out.len));
    locust__buf_free(&out);
    return wrong;
}

static void levels(void)
{
    CHECK_STR(nested(200), NULL);
    CHECK_STR(nested(201), "nested deeper than 200 levels");
}

TESTS({"documents", documents}, {"sentences", sentences}, {"levels", levels}, )
