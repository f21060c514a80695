// BSON as relaxed Extended JSON, version 2.1: the table of its specification.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static const struct {
    const char *bytes, *json;
} rows[] = {
    {"0500000000", "{}"},
    {"10000000016400000000000000f03f00", "{\"d\": 1.0}"},
    {"10000000016400000000000000008000", "{\"d\": -0.0}"},
    {"100000000164002a1bf5f41022b14300", "{\"d\": 1.2345678921232e+18}"},
    {"100000000164009a9999999999b93f00", "{\"d\": 0.1}"},
    {"1000000001640033333333333303c000", "{\"d\": -2.4}"},
    {"10000000016400182d4454fb210940 00", "{\"d\": 3.141592653589793}"},
    {"10000000016400000000000000100000", "{\"d\": 2.2250738585072014e-308}"},
    {"10000000016400000000000000f87f00", "{\"d\": {\"$numberDouble\": \"NaN\"}}"},
    {"10000000016400000000000000f07f00", "{\"d\": {\"$numberDouble\": \"Infinity\"}}"},
    {"10000000016400000000000000f0ff00", "{\"d\": {\"$numberDouble\": \"-Infinity\"}}"},
    {"0e00000002610002000000620000", "{\"a\": \"b\"}"},
    {"190000000261000d000000c3a9c3a9c3a9c3a9c3a9c3a90000",
        "{\"a\": \"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}"},
    {"190000000261000d0000006162006261620062616261620000", "{\"a\": \"ab\\u0000bab\\u0000babab\"}"},
    {"0f0000000261000300000022ff0000", "{\"a\": \"\\\"\xef\xbf\xbd\"}"}, // no UTF-8
    {"0d000000037800050000000000", "{\"x\": {}}"},
    {"140000000361000c000000103100010000000000", "{\"a\": {\"1\": 1}}"},
    {"0d000000046100050000000000", "{\"a\": []}"},
    {"140000000461000c0000001030000a0000000000", "{\"a\": [10]}"},
    {"1b000000046100130000001030000a000000103100140000000000", "{\"a\": [10, 20]}"},
    {"0d000000057800000000000000",
        "{\"x\": {\"$binary\": {\"base64\": \"\", \"subType\": \"00\"}}}"},
    {"0f0000000578000200000000ffff00",
        "{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"00\"}}}"},
    {"130000000578000600000002020000 00ffff00",
        "{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"02\"}}}"},
    {"1d000000057800100000000473ffd26444b34c6990e8e7d1dfc035d400",
        "{\"x\": {\"$binary\": {\"base64\": \"c//SZESzTGmQ6OfR38A11A==\", \"subType\": \"04\"}}}"},
    {"0f0000000578000200000080ffff00",
        "{\"x\": {\"$binary\": {\"base64\": \"//8=\", \"subType\": \"80\"}}}"},
    {"0800000006610000", "{\"a\": {\"$undefined\": true}}"},
    {"1400000007610056e1fc72e0c917e9c471416100",
        "{\"a\": {\"$oid\": \"56e1fc72e0c917e9c4714161\"}}"},
    {"090000000862000100", "{\"b\": true}"},
    {"090000000862000000", "{\"b\": false}"},
    {"10000000096100000000000000000000", "{\"a\": {\"$date\": \"1970-01-01T00:00:00Z\"}}"},
    {"10000000096100c5d8d6cc3b01000000", "{\"a\": {\"$date\": \"2012-12-24T12:15:30.501Z\"}}"},
    {"1000000009610000dc1fd277e6000000",
        "{\"a\": {\"$date\": {\"$numberLong\": \"253402300800000\"}}}"},
    {"10000000096100ffdb1fd277e6000000", "{\"a\": {\"$date\": \"9999-12-31T23:59:59.999Z\"}}"},
    {"10000000096100c33ce7b9bdffffff00",
        "{\"a\": {\"$date\": {\"$numberLong\": \"-284643869501\"}}}"},
    {"10000000096100ffffffffffffffff00", "{\"a\": {\"$date\": {\"$numberLong\": \"-1\"}}}"},
    {"10000000096100000e3a9ddd00000000", "{\"a\": {\"$date\": \"2000-02-29T12:00:00Z\"}}"},
    {"080000000a610000", "{\"a\": null}"},
    {"0d0000000b6100616263000000",
        "{\"a\": {\"$regularExpression\": {\"pattern\": \"abc\", \"options\": \"\"}}}"},
    {"100000000b610061622f6300696d0000",
        "{\"a\": {\"$regularExpression\": {\"pattern\": \"ab/c\", \"options\": \"im\"}}}"},
    {"1a0000000c610002000000620056e1fc72e0c917e9c471416100",
        "{\"a\": {\"$dbPointer\": {\"$ref\": \"b\", \"$id\": {\"$oid\": \"56e1fc72e0c917e9c4714161\"}}}}"},
    {"0e0000000d610002000000620000", "{\"a\": {\"$code\": \"b\"}}"},
    {"0e0000000e610002000000620000", "{\"a\": {\"$symbol\": \"b\"}}"},
    {"160000000f61000e0000000100000000050000000000", "{\"a\": {\"$code\": \"\", \"$scope\": {}}}"},
    {"0c0000001069000000008000", "{\"i\": -2147483648}"},
    {"0c000000106900ffffff7f00", "{\"i\": 2147483647}"},
    {"100000001161002a00000015cd5b0700",
        "{\"a\": {\"$timestamp\": {\"t\": 123456789, \"i\": 42}}}"},
    {"10000000116100ffffffffffffffff00",
        "{\"a\": {\"$timestamp\": {\"t\": 4294967295, \"i\": 4294967295}}}"},
    {"10000000126100000000000000008000", "{\"a\": -9223372036854775808}"},
    {"10000000126100ffffffffffffff7f00", "{\"a\": 9223372036854775807}"},
    {"180000001364000100000000000000000000000000403000", "{\"d\": {\"$numberDecimal\": \"1\"}}"},
    {"08000000ff610000", "{\"a\": {\"$minKey\": 1}}"},
    {"080000007f610000", "{\"a\": {\"$maxKey\": 1}}"},
    {"0d0000000324780005000000 00 00", NULL},
    {"0c00000010240900 01000000 00", NULL},
};

static void documents(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[256];
        size_t n = hex(rows[i].bytes, bytes, sizeof bytes);
        char *guarded = check_guarded(bytes, n);
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(rows[i].bytes);
        CHECK_INT(locust__bson_is_valid((unsigned char *)guarded, n), rows[i].json != NULL);
        if (rows[i].json) {
            locust__extjson_put(&out, (unsigned char *)guarded);
            CHECK(locust__json_is_valid((locust__view){out.ptr, out.len}));
            locust__buf_add(&out, "", 1);
            CHECK_STR(out.ptr, rows[i].json);
        }
        locust__buf_free(&out);
        check_guarded_free(guarded, n);
    }
}

/* Documents, arrays and scopes in one another, as deep as they may be. */
static void nested(void)
{
    locust__buf in = {NULL, 0, 0, false}, out = in, text = in;
    size_t at[LOCUST__BSON_DEPTH];
    for (int i = 0; i < LOCUST__BSON_DEPTH; i++) {
        if (i)
            locust__bson_put_name(&in, i % 2 ? LOCUST__BSON_ARRAY : LOCUST__BSON_DOCUMENT, "0");
        at[i] = locust__bson_begin(&in);
        locust__buf_puts(&text, i % 2 ? "[" : "{\"0\": ");
    }
    locust__bson_put_int(&in, "0", 5);
    locust__buf_puts(&text, "5");
    for (int i = LOCUST__BSON_DEPTH - 1; i >= 0; i--) {
        locust__bson_end(&in, at[i]);
        locust__buf_puts(&text, i % 2 ? "]" : "}");
    }
    if (CHECK(locust__bson_is_valid((unsigned char *)in.ptr, in.len))) {
        locust__extjson_put(&out, (unsigned char *)in.ptr);
        locust__buf_add(&out, "", 1);
        locust__buf_add(&text, "", 1);
        CHECK_STR(out.ptr, text.ptr);
    }
    locust__buf_free(&in);
    locust__buf_free(&out);
    locust__buf_free(&text);
}

/* What stands behind a scope and behind what lies in it. */
static void scopes(void)
{
    locust__buf in = {NULL, 0, 0, false}, out = in;
    const char *json = "{\"a\": {\"$code\": \"x\", \"$scope\": {\"b\": [1, {}], \"c\": "
                       "{\"$code\": \"y\", \"$scope\": {\"d\": 2}}, \"e\": 3}}, \"f\": [[], 4]}";
    CHECK(!locust__extjson_read(&in, locust__view_of(json), false));
    if (CHECK(locust__bson_is_valid((unsigned char *)in.ptr, in.len))) {
        locust__extjson_put(&out, (unsigned char *)in.ptr);
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr, json);
    }
    locust__buf_free(&in);
    locust__buf_free(&out);
}

TESTS({"documents", documents}, {"nested", nested}, {"scopes", scopes}, )
