// --connect-to HOST1:PORT1:HOST2:PORT2, as in curl: "This option makes requests to the given
// HOST1:PORT1 pair go to HOST2:PORT2"; each of the four may be empty, and the first rule that fits
// counts.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

/* Where a rule sends http://a.test:80; NULL: it is none. */
static const struct {
    const char *name, *rules, *url, *want;
} rows[] = {
    {"all four", "a.test:80:b.test:81", "http://a.test/", "b.test 81"},
    {"another host", "a.test:80:b.test:81", "http://c.test/", "c.test 80"},
    {"another port", "a.test:80:b.test:81", "http://a.test:8080/", "a.test 8080"},
    {"the port of https", "a.test:443:b.test:81", "https://a.test/", "b.test 81"},
    {"in any case", "A.Test:80:b.test:81", "http://a.tesT/", "b.test 81"},
    {"any host", ":80:b.test:81", "http://c.test/", "b.test 81"},
    {"any host, another port", ":80:b.test:81", "http://c.test:8/", "c.test 8"},
    {"any port", "a.test::b.test:81", "http://a.test:8/", "b.test 81"},
    {"anything", "::b.test:81", "http://c.test:8/", "b.test 81"},
    {"the same host", "a.test:80::81", "http://a.test/", "a.test 81"},
    {"the same port", "a.test:80:b.test:", "http://a.test/", "b.test 80"},
    {"the same of both", "a.test:80::", "http://a.test/", "a.test 80"},
    {"nothing of nothing", ":::", "http://a.test:7/", "a.test 7"},
    {"IPv6", "[::1]:80:[fe80::2]:81", "http://[::1]/", "fe80::2 81"},
    {"to IPv4", "a.test:80:127.0.0.1:81", "http://a.test/", "127.0.0.1 81"},
    {"the first that fits", "a.test:80:b.test:81 a.test:80:c.test:82", "http://a.test/",
        "b.test 81"},
    {"the second fits", "c.test:80:b.test:81 a.test:80:c.test:82", "http://a.test/", "c.test 82"},
    {"one that fits, then all", "a.test:80:: ::b.test:81", "http://a.test/", "a.test 80"},
    {"is not followed further", "a.test:80:b.test:80 b.test:80:c.test:80", "http://a.test/",
        "b.test 80"},
    {"blanks around", "  a.test:80:b.test:81   c.test:80:d.test:1 ", "http://c.test/", "d.test 1"},
    {"the largest port", "a.test:65535:b.test:65535", "http://a.test:65535/", "b.test 65535"},
    {"no rule", "", "http://a.test/", "a.test 80"},

    {"three of four", "a.test:80:b.test", NULL, NULL},
    {"two", "a.test:80", NULL, NULL},
    {"one", "a.test", NULL, NULL},
    {"five", "a.test:80:b.test:81:82", NULL, NULL},
    {"a port that is none", "a.test:x:b.test:81", NULL, NULL},
    {"a second port that is none", "a.test:80:b.test:81x", NULL, NULL},
    {"a port too large", "a.test:65536:b.test:81", NULL, NULL},
    {"a second port too large", "a.test:80:b.test:65536", NULL, NULL},
    {"a port of twenty digits", "a.test:80:b.test:18446744073709551617", NULL, NULL},
    {"a negative port", "a.test:-1:b.test:81", NULL, NULL},
    {"IPv6 without brackets", "::1:80:b.test:81", NULL, NULL},
    {"IPv6 not closed", "[::1:80:b.test:81", NULL, NULL},
    {"text behind a bracket", "[::1]x:80:b.test:81", NULL, NULL},
    {"a name in brackets", "[a.test]:80:b.test:81", NULL, NULL},
    {"empty brackets", "[]:80:b.test:81", NULL, NULL},
    {"a second rule that is none", "a.test:80:b.test:81 c.test", NULL, NULL},
};

static locust__origin *origins;
static locust__arena arena;

static const locust__origin *origin(const char *text)
{
    locust__url url;
    if (locust__url_parse(text, &url) != LOCUST_OK)
        abort();
    return locust__origin_of(&origins, &arena, &url, strncmp(text, "https", 5) == 0);
}

static void rules(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].rules) + 1;
        char *text = check_guarded(rows[i].rules, n), got[80];
        locust__connect_to_rules r = {NULL, NULL};
        bool good = locust__connect_to_parse(&r, &arena, text);
        CHECK_ROW(rows[i].name);
        check_guarded_free(text, n); // the rules have a copy of their own
        if (CHECK_INT(good, rows[i].url != NULL) && good) {
            int port = -1;
            const char *host = locust__connect_to_of(&r, origin(rows[i].url), &port);
            snprintf(got, sizeof got, "%s %d", host, port);
            CHECK_STR(got, rows[i].want);
        }
    }
    CHECK_ROW(NULL);
    locust__arena_free(&arena);
    origins = NULL;
    CHECK_INT(blocks_live, 0);
}

/* Every prefix of every row: an answer, no read past the end, nothing left. */
static void prefixes(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t n = 0; n < strlen(rows[i].rules); n++) {
            char *text = check_guarded(rows[i].rules, n + 1);
            locust__connect_to_rules r = {NULL, NULL};
            text[n] = '\0';
            locust__connect_to_parse(&r, &arena, text);
            check_guarded_free(text, n + 1);
        }
    locust__arena_free(&arena);
    CHECK_INT(blocks_live, 0);
}

static void without_memory(void)
{
    for (int fail = 0; fail < 3; fail++) {
        locust__connect_to_rules r = {NULL, NULL};
        blocks_fail_in = fail;
        CHECK(!locust__connect_to_parse(&r, &arena, "a:1:b:2 c:3:d:4"));
        locust__arena_free(&arena);
        CHECK_INT(blocks_live, 0);
    }
}

TESTS({"rules", rules}, {"prefixes", prefixes}, {"without memory", without_memory}, )
