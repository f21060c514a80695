// Regular expressions: what matches, where, and what is refused. perlre(1); test_regex.py has Python's re beside it.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *pattern, *text, *want; // NULL: there is no match
    int group;
} rows[] = {
    {"a literal", "b", "abc", "b", 0},
    {"no match", "x", "abc", NULL, 0},
    {"nothing in nothing", "", "", "", 0},
    {"something in nothing", "a", "", NULL, 0},
    {"as much as it can", "<.*>", "<a><b>", "<a><b>", 0},
    {"as little as it can", "<.*?>", "<a><b>", "<a>", 0},
    {"a group, lazy", "v=\"(.*?)\"", "v=\"1\" w=\"2\"", "1", 1},
    {"the leftmost of two", "b|a", "ab", "a", 0},
    {"the first alternative", "a|ab", "ab", "a", 0},
    {"unless it leads nowhere", "(a|ab)c", "abc", "ab", 1},
    {"a group that took no part", "(a)|(b)", "b", NULL, 1},
    {"a group that there is not", "(a)", "a", NULL, 2},
    {"the last round of a group", "(?:(\\d),?)+", "1,2,3", "3", 1},
    {"a group of nothing", "a(x*)b", "ab", "", 1},
    {"the tenth group", "(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)", "123456789a", "a", 10},
    {"a point takes no newline", "a.b", "a\nb", NULL, 0},
    {"but with (?s)", "(?s)a.b", "a\nb", "a\nb", 0},
    {"the end, before a last newline", "b$", "ab\n", "b", 0},
    {"not before another", "b$", "ab\nc", NULL, 0},
    {"but with (?m)", "(?m)b$", "ab\nc", "b", 0},
    {"the very end", "b\\z", "ab\n", NULL, 0},
    {"the beginning", "^b", "a\nb", NULL, 0},
    {"of a line", "(?m)^b", "a\nb", "b", 0},
    {"either case", "(?i)[a-c]b", "xCB", "CB", 0},
    {"either case within", "(?i:a)b", "AB ab", "ab", 0},
    {"the edge of a word", "\\bb\\w*", "ab bc", "bc", 0},
    {"a count", "a{2,3}", "aaaa", "aaa", 0},
    {"a brace that counts nothing", "{\"id\":(\\d+)", "{\"id\":7}", "7", 1},
    {"a class of POSIX", "[[:digit:]]+", "ab12", "12", 0},
    {"a character of two bytes", "^.$", "\xC3\xA9", "\xC3\xA9", 0},
    {"in a class", "[\xC3\xA9-\xC3\xBC]+", "a\xC3\xB6", "\xC3\xB6", 0},
    {"half of one", "^.$", "\xC3", "\xC3", 0},
    {"no digit of another script", "\\d", "\xD9\xA3", NULL, 0},
    {"what may be empty, in rounds", "(a*)*b", "aab", "aab", 0},
    {"an empty alternative first", "(|a)+$", "aa", "aa", 0},
};

/* Each text ends at an unmapped page. */
static void finds(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].text);
        char why[160], *text = check_guarded(rows[i].text, n);
        locust__regex *r = locust__regex_compile(rows[i].pattern, why, sizeof why);
        locust__view v = {NULL, 0};
        CHECK_ROW(rows[i].name);
        CHECK_STR(why, "");
        for (int again = 0; r && again < 2; again++) // a search leaves nothing behind
            if (CHECK_INT(locust__regex_search(r, (locust__view){text, n}, rows[i].group, &v),
                    rows[i].want != NULL) &&
                rows[i].want)
                CHECK(locust__view_is(v, rows[i].want));
        LOCUST_FREE(r);
        check_guarded_free(text, n);
    }
    CHECK_INT(blocks_live, 0);
}

static const struct {
    const char *pattern, *why;
} refused[] = {
    {"a(?=b)", "at byte 2: lookahead (?=...) is not supported"},
    {"(a)\\1", "at byte 4: references to a group are not supported"},
    {"a++", "at byte 3: repeats without a way back (*+ ++ ?+) are not supported"},
    {"ab)", "at byte 3: this ) closes nothing"},
    {"[a", "at byte 1: this [ is never closed"},
    {"a{1001}", "at byte 2: a repeat goes up to 1000"},
    {"(a{1000}){6}", "at byte 10: the pattern gets too long"},
    {"x\\", "at byte 2: a backslash at the end stands for nothing"},
};

static void refuses(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char why[160];
        CHECK_ROW(refused[i].pattern);
        CHECK(!locust__regex_compile(refused[i].pattern, why, sizeof why));
        CHECK_STR(why, refused[i].why);
    }
    CHECK_INT(blocks_live, 0);
}

static void without_memory(void)
{
    for (int fails = 0;; fails++) {
        char why[160];
        locust__regex *r;
        blocks_fail_in = fails;
        r = locust__regex_compile("[ab]{20}", why, sizeof why);
        CHECK_STR(why, "");
        if (r) {
            CHECK(fails >= 4); // ranges, instructions that grow once, the program
            blocks_fail_in = -1;
            LOCUST_FREE(r);
            break;
        }
    }
    CHECK_INT(blocks_live, 0);
}

TESTS({"finds", finds}, {"refuses", refuses}, {"without memory", without_memory}, )
