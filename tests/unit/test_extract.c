// Values out of a body: regular expressions, text between.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static void finds_between(void)
{
    char out[6];
    CHECK(locust__extract_between("a <b>bold</b> c", "<b>", "</b>", out, sizeof out));
    CHECK_STR(out, "bold");
    CHECK(locust__extract_between("x=;", "x=", ";", out, sizeof out));
    CHECK_STR(out, "");
    CHECK(!locust__extract_between("x=1", "x=", ";", out, sizeof out));
    CHECK(!locust__extract_between(";x=1", "y=", ";", out, sizeof out));
    CHECK(!locust__extract_between("x=123456;", "x=", ";", out, sizeof out)); // does not fit
    CHECK(locust__extract_between("x=12345;", "x=", ";", out, sizeof out));
    CHECK(locust__extract_between("a;b;c;", ";", ";", out, sizeof out)); // the right one is behind
    CHECK_STR(out, "b");
    CHECK(!locust__extract_between(";", ";", ";", out, sizeof out));
    CHECK(locust__extract_between("abc", "", "c", out, sizeof out)); // from the beginning
    CHECK_STR(out, "ab");
    CHECK(!locust__extract_between("x=;", "x=", ";", out, 0)); // no room for the NUL
    CHECK(locust__extract_copy("abc", 3, out, sizeof out));
    CHECK(!locust__extract_copy("a\0c", 3, out, sizeof out)); // no string can hold it
}

static void compiles_a_pattern_once(void)
{
    char why[128];
    locust__pattern *first = NULL, *a = locust__pattern_of(&first, "a(b+)c", why, sizeof why);
    CHECK(a != NULL && locust__pattern_of(&first, "a(b+)c", why, sizeof why) == a);
    CHECK(locust__pattern_of(&first, "other", why, sizeof why) != a);
    locust__pattern_free_all(first);
}

/* perlre(1): the leftmost is matched, and there the first alternative that leads to a match. */
static const struct {
    const char *name, *text, *regex;
    int group;
    const char *want; // NULL: there is none
} matches[] = {
    {"all of it", "id=42;", "id=[0-9]+", 0, "id=42"},
    {"a group", "id=42;", "id=([0-9]+)", 1, "42"},
    {"the second group", "a=1&b=2", "a=([^&]*)&b=(.*)", 2, "2"},
    {"an empty group", "a=;", "a=([0-9]*);", 1, ""},
    {"a group that took no part", "b", "(a)|(b)", 1, NULL},
    {"the one that did", "b", "(a)|(b)", 2, "b"},
    {"a group that there is not", "ab", "a(b)", 2, NULL},
    {"the ninth group", "123456789", "(1)(2)(3)(4)(5)(6)(7)(8)(9)", 9, "9"},
    {"a tenth cannot be asked for", "123456789", "(1)(2)(3)(4)(5)(6)(7)(8)(9)", 10, NULL},
    {"a negative one neither", "a", "(a)", -1, NULL},
    {"the leftmost", "xaay aaa", "a+", 0, "aa"},
    {"the first alternative", "xaaab", "a|aab|aaab", 0, "a"},
    {"as little as it can", "<a><b>", "<(.*?)>", 1, "a"},
    {"over lines", "a\nid=7\n", "id=([0-9])", 1, "7"},
    {"from the beginning of all", "a\nb", "^b", 0, NULL},
    {"no match", "abc", "[0-9]", 0, NULL},
    {"an empty body", "", "a*", 0, ""},
};

static void matches_patterns(void)
{
    locust__pattern *first = NULL;
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        size_t n = strlen(matches[i].text);
        char *text = check_guarded(matches[i].text, n), got[64];
        locust__search search = {.patterns = &first,
            .text = text,
            .len = n,
            .regex = matches[i].regex,
            .group = matches[i].group};
        CHECK_ROW(matches[i].name);
        locust__search_pattern(&search);
        if (CHECK_INT(search.found, matches[i].want != NULL) && search.found) {
            snprintf(got, sizeof got, "%.*s", (int)search.match.len, search.match.ptr);
            CHECK_STR(got, matches[i].want);
        }
        check_guarded_free(text, n);
    }
    CHECK_ROW(NULL);
    locust__pattern_free_all(first);
    CHECK_INT(blocks_live, 0);
}

static void without_memory(void)
{
    locust__pattern *first = NULL;
    locust__search search = {.patterns = &first, .text = "a", .len = 1, .regex = "a"};
    for (int fails = 0; fails < 3; fails++) {
        blocks_fail_in = fails;
        locust__search_pattern(&search);
        CHECK(!search.found && !first);
        CHECK_INT(blocks_live, 0);
    }
    locust__search_pattern(&search);
    CHECK(search.found);
    locust__pattern_free_all(first);
    CHECK_INT(blocks_live, 0);
}

static void refuses_a_bad_pattern(void)
{
    locust__pattern *first = NULL;
    char why[160] = "";
    CHECK(!locust__pattern_of(&first, "a(b", why, sizeof why));
    CHECK_STR(why, "at byte 2: this ( is never closed");
    CHECK(!first);
    CHECK_INT(blocks_live, 0);
}

TESTS({"finds between", finds_between}, {"matches patterns", matches_patterns},
    {"without memory", without_memory}, {"compiles a pattern once", compiles_a_pattern_once},
    {"refuses a bad pattern", refuses_a_bad_pattern}, )
