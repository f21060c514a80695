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
    {"\"\\ud83d\"", NULL},
    {"\"\\ude00\"", NULL},
    {"\"\\ud83dx\"", NULL},
    {"\"\\ud83d\\u0041\"", NULL},
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

TESTS({"judges JSON", judges_json}, {"finds by path", finds_by_path},
    {"survives cuts", survives_cuts}, {"refuses what is broken", refuses_what_is_broken},
    {"knows numbers", knows_numbers}, {"decodes strings", decodes_strings}, )
