// Which proxy a request goes through: the class's, the environment's, or none.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static locust__arena arena;

enum { UNIX = 1, DIRECT = 2, OWN = 4, ENV = 8 };

static const struct {
    const char *name;
    int how;
    const char *exceptions, *url;
    const char *want; // the proxy's host; NULL: none
} rows[] = {
    {"nothing is set", 0, NULL, "http://a.test/", NULL},
    {"the class's", OWN, NULL, "http://a.test/", "own"},
    {"the class's for https", OWN, NULL, "https://a.test/", "own"},
    {"the environment's", ENV, NULL, "http://a.test/", "http"},
    {"the environment's for https", ENV, NULL, "https://a.test/", "https"},
    {"the class's goes first", OWN | ENV, NULL, "http://a.test/", "own"},
    {"an exception", ENV, "a.test", "http://a.test/", NULL},
    {"an exception for another", ENV, "b.test", "http://a.test/", "http"},
    {"exceptions are the environment's", OWN | ENV, "a.test", "http://a.test/", "own"},
    {"a class without a proxy", DIRECT | ENV, NULL, "http://a.test/", NULL},
    {"a unix socket", UNIX | OWN | ENV, NULL, "http://a.test/", NULL},
};

static void proxies(void)
{
    locust__origin *origins = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__route route = {
            .unix_socket = rows[i].how & UNIX ? "/run/s" : NULL, .direct = rows[i].how & DIRECT};
        locust__proxy_env env = {.used = false};
        const locust__proxy *got;
        locust__url url;
        CHECK_ROW(rows[i].name);
        if (rows[i].how & OWN)
            CHECK(locust__proxy_parse(&route.proxy, &arena, "own"));
        if (rows[i].how & ENV) {
            CHECK(locust__proxy_parse(&env.http, &arena, "http"));
            CHECK(locust__proxy_parse(&env.https, &arena, "https"));
            env.used = true;
            env.exceptions = rows[i].exceptions;
        }
        CHECK_INT(locust__url_parse(rows[i].url, &url), LOCUST_OK);
        got = locust__route_proxy(&route, &env,
            locust__origin_of(&origins, &arena, &url, strncmp(rows[i].url, "https", 5) == 0));
        CHECK_STR(got ? got->host : NULL, rows[i].want);
    }
    CHECK_ROW(NULL);
    locust__arena_free(&arena);
    CHECK_INT(blocks_live, 0);
}

/* An environment with a proxy for https alone: http goes directly. */
static void one_of_two(void)
{
    locust__origin *origins = NULL;
    locust__route route = {.direct = false};
    locust__proxy_env env = {.used = true};
    locust__url url;
    CHECK(locust__proxy_parse(&env.https, &arena, "p.test"));
    CHECK_INT(locust__url_parse("http://a.test", &url), LOCUST_OK);
    CHECK(!locust__route_proxy(&route, &env, locust__origin_of(&origins, &arena, &url, false)));
    CHECK(
        locust__route_proxy(&route, &env, locust__origin_of(&origins, &arena, &url, true)) != NULL);
    locust__arena_free(&arena);
    CHECK_INT(blocks_live, 0);
}

TESTS({"proxies", proxies}, {"one of two", one_of_two}, )
