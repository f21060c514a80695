// JSON: what is valid, values by path, strings and numbers. RFC 8259.
// boards
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static const char text[] = "{\"code\": 0, \"user\": {\"ids\": [3, 14.5, -1e3], \"name\": \"Ann "
                           "\\\"B\\\" \\u00e9\\ud83d\\ude00\\n\"},"
                           " \"ok\": true, \"no\": false, \"nil\": null, \"a\": [[1, 2], "
                           "[{\"deep\": \"x\"}]], \"empty\": {},"
                           " \"code2\": \"17\", \"brackets\": \"]}[{\", \"last\" : 7 }";

static const struct {
    const char *path, *value; // NULL: not there
} finds[] = {
    {"code", "0"},
    {"user.ids[0]", "3"},
    {"user.ids[1]", "14.5"},
    {"user.ids[2]", "-1e3"},
    {"user.ids[3]", NULL},
    {"user.ids[-1]", NULL},
    {"user.ids[]", NULL},
    {"user.ids[0", NULL},
    {"user.ids[0].x", NULL},
    {"user.none", NULL},
    {"none", NULL},
    {"ok", "true"},
    {"nil", "null"},
    {"a[1][0].deep", "\"x\""},
    {"a[0][1]", "2"},
    {"a[0]", "[1, 2]"},
    {"empty", "{}"},
    {"empty.x", NULL},
    {"brackets", "\"]}[{\""},
    {"last", "7"},
    {"cod", NULL},
    {"code.x", NULL},
    {"[0]", NULL},
    {"user.ids[99999999999999999999]", NULL},
    {".code", "0"},
    {"user..ids", NULL},
};

static void finds_by_path(void)
{
    char *guarded = check_guarded(text, sizeof text - 1);
    for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
        locust__view v;
        bool found = locust__json_find((locust__view){guarded, sizeof text - 1}, finds[i].path, &v);
        CHECK_ROW(finds[i].path);
        CHECK_INT(found, finds[i].value != NULL);
        if (found && finds[i].value)
            CHECK(locust__view_is(v, finds[i].value));
    }
    check_guarded_free(guarded, sizeof text - 1);
}

/* RFC 8259 4 leaves it open; json.loads() of Python and JSON.parse() of JavaScript take the last. */
static void takes_the_last_of_equal_keys(void)
{
    static const struct {
        const char *text, *path, *value;
    } rows[] = {
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", "a", "3"},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", "/a", "3"},
        {"{\"a\": 1, \"\\u0061\": 4}", "a", "4"},
        {"{\"a\": {\"b\": 1}, \"a\": {\"b\": 2, \"b\": 5}}", "a.b", "5"},
        {"{\"a\": {\"b\": 1}, \"a\": {\"c\": 2}}", "a.b", NULL},
        {"[{\"a\": 1, \"a\": 6}, {\"a\": 7}]", "[0].a", "6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__view v;
        bool found = locust__json_find(locust__view_of(rows[i].text), rows[i].path, &v);
        CHECK_ROW(rows[i].text);
        CHECK_INT(found, rows[i].value != NULL);
        if (found && rows[i].value)
            CHECK(locust__view_is(v, rows[i].value));
    }
}

/* Every beginning of the text, at an unmapped page: nothing is read behind it. */
static void survives_cuts(void)
{
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *guarded = check_guarded(text, n);
        locust__view v;
        for (size_t i = 0; i < sizeof finds / sizeof *finds; i++)
            CHECK(!locust__json_find((locust__view){guarded, n}, finds[i].path, &v));
        check_guarded_free(guarded, n);
    }
}

static const char *const broken[] = {"", " ", "{", "}", "[1,]x", "{\"a\"}", "{\"a\":}", "{a:1}",
    "{\"a\":1]x", "\"a", "{\"a\\", "[1 2]", "{\"a\":1 \"b\":2}", "1 2", "{\"a\": \"\n\"}"};

static void refuses_what_is_broken(void)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        locust__view v;
        CHECK_ROW(broken[i]);
        CHECK(!locust__json_find(locust__view_of(broken[i]), "b", &v));
        CHECK(!locust__json_find(locust__view_of(broken[i]), "[1]", &v));
    }
}

static const struct {
    const char *text;
    bool is;
} numbers[] = {
    {"0", true},
    {"-0", true},
    {"10", true},
    {"1.5", true},
    {"1e9", true},
    {"1E+9", true},
    {"-1.25e-3", true},
    {"", false},
    {"-", false},
    {"01", false},
    {"1.", false},
    {".5", false},
    {"1e", false},
    {"1e+", false},
    {"+1", false},
    {"0x10", false},
    {"nan", false},
    {"1 ", false},
    {"1.5.5", false},
    {"--1", false},
};

static void knows_numbers(void)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK_ROW(numbers[i].text);
        CHECK_INT(locust__json_is_number(locust__view_of(numbers[i].text)), numbers[i].is);
    }
}

static const struct {
    const char *json, *string; // NULL: none
} strings[] = {
    {"\"\"", ""},
    {"\"plain\"", "plain"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
    {"\"\\u0041\\u00e9\\u20AC\"", "A\xC3\xA9\xE2\x82\xAC"},
    {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
    {"\"\\uD834\\uDD1E\"", "\xF0\x9D\x84\x9E"}, // the example of RFC 8259 7
    {"\"\\ud83d\"", "\xEF\xBF\xBD"},            // half a pair: U+FFFD
    {"\"\\ude00\"", "\xEF\xBF\xBD"},
    {"\"\\ud83dx\"", "\xEF\xBF\xBDx"},
    {"\"\\ud83d\\u0041\"", "\xEF\xBF\xBD"
                           "A"},
    {"\"\\ud83d\\n\"", "\xEF\xBF\xBD\n"},
    {"\"\\ude00\\ud83d\"", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\"\\ud83d\\ud83d\\ude00\"", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
    {"\"\\ud83d\\u12\"", NULL},
    {"\"\\u0000\"", NULL},
    {"\"\\u12\"", NULL},
    {"\"\\uzzzz\"", NULL},
    {"\"\\x41\"", NULL},
    {"17", NULL},
    {"\"", NULL},
    {"\"exactly15bytes!\"", "exactly15bytes!"},
    {"\"sixteen bytes ok\"", NULL},
    {"\"fourteen bytes\\u00e9\"", NULL},
};

static void decodes_strings(void)
{
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        size_t n = strlen(strings[i].json);
        char *guarded = check_guarded(strings[i].json, n), out[16];
        bool got = locust__json_decode((locust__view){guarded, n}, out, sizeof out);
        CHECK_ROW(strings[i].json);
        CHECK_INT(got, strings[i].string != NULL);
        if (got && strings[i].string)
            CHECK_STR(out, strings[i].string);
        check_guarded_free(guarded, n);
    }
}

/* The document and the pointers of RFC 6901 5; then keys that only a pointer can name, decoded. */
static const char odd[] =
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
    "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,"
    "\"a.b\":{\"c[0]\":9},\"\\u00e9\\/\":10,\"\\ud83d\\ude00\":11,\"\\u0061\\u002Ex\":12,"
    "\"~1\":13,\"0\":14,\"01\":[15,[16]],\"tab\\t\":17,\"\\u0000\":18,\"[0]\":19}";
static const struct {
    const char *path, *value; // NULL: not there
} pointers[] = {
    {"/foo", "[\"bar\",\"baz\"]"},
    {"/foo/0", "\"bar\""},
    {"/foo/1", "\"baz\""},
    {"/", "0"},
    {"/a~1b", "1"},
    {"/c%d", "2"},
    {"/e^f", "3"},
    {"/g|h", "4"},
    {"/i\\j", "5"},
    {"/k\"l", "6"},
    {"/ ", "7"},
    {"/m~0n", "8"},
    {"/a.b/c[0]", "9"},
    {"/\xC3\xA9~1", "10"},
    {"/\xF0\x9F\x98\x80", "11"},
    {"/a.x", "12"},
    {"/~01", "13"},
    {"/0", "14"},
    {"/01/0", "15"},
    {"/01/1/0", "16"},
    {"/tab\t", "17"},
    {"/[0]", "19"},
    {"i\\j", "5"}, // a path of names has no escapes
    {"e^f", "3"},
    {"\xF0\x9F\x98\x80", "11"},
    {"a/b", "1"},
    {"m~n", "8"},
    {"foo[1]", "\"baz\""},
    {"a.b", NULL},
    {"foo/1", NULL},
    {"/foo/01", NULL},
    {"/foo/00", NULL},
    {"/foo/2", NULL},
    {"/foo/-", NULL},
    {"/foo/-1", NULL},
    {"/foo/", NULL},
    {"/foo[0]", NULL},
    {"/m~n", NULL},
    {"/m~2n", NULL},
    {"/m~", NULL},
    {"/a~0b", NULL},
    {"//", NULL},
    {"/foo/0/", NULL},
    {"/foo/18446744073709551616", NULL},
};

static void follows_pointers(void)
{
    size_t n = sizeof odd - 1;
    char *guarded = check_guarded(odd, n);
    CHECK(locust__json_is_valid((locust__view){guarded, n}));
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        locust__view v = {NULL, 0};
        bool found = locust__json_find((locust__view){guarded, n}, pointers[i].path, &v);
        CHECK_ROW(pointers[i].path);
        CHECK_INT(found, pointers[i].value != NULL);
        if (found && pointers[i].value)
            CHECK(locust__view_is(v, pointers[i].value));
    }
    check_guarded_free(guarded, n);
    for (n = 0; n < sizeof odd - 1; n++) { // cut anywhere
        locust__view v;
        guarded = check_guarded(odd, n);
        for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
            CHECK(!locust__json_find((locust__view){guarded, n}, pointers[i].path, &v));
        check_guarded_free(guarded, n);
    }
}

static const struct {
    const char *json;
    bool is;
    int64_t value;
} whole[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"7", true, 7},
    {"1234567890123456789", true, 1234567890123456789},
    {"9007199254740993", true, 9007199254740993}, // 2^53 + 1, no double
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"-9223372036854775808", true, INT64_MIN},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999", false, 0},
    {"18446744073709551616", false, 0},
    {"7.0", true, 7},
    {"-7.00", true, -7},
    {"7.5", false, 0},
    {"1e3", true, 1000},
    {"1E+3", true, 1000},
    {"12.50e1", true, 125},
    {"12.55e1", false, 0},
    {"1500e-2", true, 15},
    {"1500e-3", false, 0},
    {"0e99999999999999999999", true, 0},
    {"0.0e-99999999999999999999", true, 0},
    {"1e99999999999999999999", false, 0},
    {"1e-99999999999999999999", false, 0},
    {"9.223372036854775807e18", true, INT64_MAX},
    {"1e18", true, 1000000000000000000},
    {"1e19", false, 0},
    {"0.0000000000000000000000001e25", true, 1},
    {"10000000000000000000000000e-25", true, 1},
    {"\"7\"", false, 0},
    {"true", false, 0},
    {"[7]", false, 0},
    {"07", false, 0},
    {"-", false, 0},
    {"", false, 0},
};

static void reads_whole_numbers(void)
{
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t n = strlen(whole[i].json);
        char *guarded = check_guarded(whole[i].json, n);
        int64_t value = 42;
        CHECK_ROW(whole[i].json);
        CHECK_INT(locust__json_int((locust__view){guarded, n}, &value), whole[i].is);
        CHECK_INT(value, whole[i].is ? whole[i].value : 42);
        check_guarded_free(guarded, n);
    }
}

static void counts(void)
{
    static const struct {
        const char *json;
        int n; // -1: nothing that has a length
    } lengths[] = {{"[]", 0}, {"[ ]", 0}, {"[1]", 1}, {"[1, [2, 3], {\"a\": [4]}]", 3},
        {"[\"a,b]\", \"c\"]", 2}, {"{}", 0}, {"{\"a\": 1, \"b\": {\"c\": 2}}", 2}, {"\"abc\"", -1},
        {"7", -1}, {"null", -1}, {"[1 2]", -1}, {"[1,]", -1}, {"[", -1}, {"", -1}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = 0;
        CHECK_ROW(lengths[i].json);
        CHECK_INT(locust__json_count(locust__view_of(lengths[i].json), &n), lengths[i].n >= 0);
        if (lengths[i].n >= 0)
            CHECK_INT(n, lengths[i].n);
    }
}

/* RFC 8259: one value, and nothing but it. */
static void judges_json(void)
{
    static const char *const good[] = {"0", "-0.5e+10", "1E2", "\"\"", "\"a\\u00e9\\n\\/\"", "true",
        "false", "null", "[]", "{}", " [ 1 , 2 ] ", "{\"a\":{\"b\":[null,true]},\"c\":\"}\"}\n",
        "[[[]],{}]"};
    static const char *const bad[] = {"", " ", "01", "+1", ".5", "1.", "1e", "-", "nul", "truex",
        "\"", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"\t\"", "[", "]", "[1", "[1,]",
        "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}", "{\"a\":1]", "[1}",
        "1 2", "[]]", "<html>", "'a'", "// c\n1", "NaN", "\xEF\xBB\xBF{}"};
    char deep[2 * LOCUST__JSON_DEPTH + 3];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_ROW(good[i]);
        CHECK(locust__json_is_valid(locust__view_of(good[i])));
        for (size_t n = strlen(good[i]); n-- > 1;) { // cut anywhere: never read past the cut
            char *cut = malloc(n);
            memcpy(cut, good[i], n);
            locust__json_is_valid((locust__view){cut, n});
            free(cut);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ROW(bad[i]);
        CHECK(!locust__json_is_valid(locust__view_of(bad[i])));
    }
    for (int over = 0; over < 2; over++) {
        size_t n = LOCUST__JSON_DEPTH + (size_t)over;
        CHECK_ROW(over ? "too deep" : "as deep as may be");
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        CHECK_INT(locust__json_is_valid((locust__view){deep, 2 * n}), !over);
    }
}

TESTS({"takes the last of equal keys", takes_the_last_of_equal_keys}, {"judges JSON", judges_json},
    {"finds by path", finds_by_path}, {"survives cuts", survives_cuts},
    {"refuses what is broken", refuses_what_is_broken}, {"follows pointers", follows_pointers},
    {"reads whole numbers", reads_whole_numbers}, {"counts", counts},
    {"knows numbers", knows_numbers}, {"decodes strings", decodes_strings}, )
