// A user's host, taken apart once. >>services, which is one struct and no function, is what it
// gets: the origins of the test are kept there.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *host;
    locust_error error;
    const char *text, *prefix; // what goes before every request's path
    const char *authority;
    const char *auth; // user:password; NULL: none
} rows[] = {
    {"host", "http://a.test", LOCUST_OK, "http://a.test", "", "a.test", NULL},
    {"host and slash", "http://a.test/", LOCUST_OK, "http://a.test", "", "a.test", NULL},
    {"port", "http://a.test:8080", LOCUST_OK, "http://a.test:8080", "", "a.test:8080", NULL},
    {"usual port", "http://a.test:80/", LOCUST_OK, "http://a.test:80", "", "a.test", NULL},
    {"prefix", "http://a.test/api", LOCUST_OK, "http://a.test", "/api", "a.test", NULL},
    {"prefix and slash", "http://a.test/api/", LOCUST_OK, "http://a.test", "/api/", "a.test", NULL},
    {"scheme in capitals", "HTTP://A.test", LOCUST_OK, "HTTP://A.test", "", "A.test", NULL},
    {"IPv6", "http://[::1]:81/x", LOCUST_OK, "http://[::1]:81", "/x", "[::1]:81", NULL},
    {"user", "http://me@a.test/x", LOCUST_OK, "http://a.test", "/x", "a.test", "me"},
    {"user and password", "http://me:pw@a.test:81", LOCUST_OK, "http://a.test:81", "", "a.test:81",
        "me:pw"},
    {"escaped password", "http://me:p%40%3Aw@a.test", LOCUST_OK, "http://a.test", "", "a.test",
        "me:p@:w"},
    {"half an escape", "http://me:p%4@a.test", LOCUST_OK, "http://a.test", "", "a.test", "me:p%4"},
    {"a line end in the password", "http://me:p%0Aw@a.test", LOCUST_ERR_URL, 0, 0, 0, 0},
    {"a NUL in the password", "http://me:p%00w@a.test", LOCUST_ERR_URL, 0, 0, 0, 0},
    {"no scheme", "a.test", LOCUST_ERR_URL, 0, 0, 0, 0},
    {"nothing", "", LOCUST_ERR_URL, 0, 0, 0, 0},
    {"another scheme", "ftp://a.test", LOCUST_ERR_SCHEME, 0, 0, 0, 0},
    {"a stream's scheme", "tcp://a.test:1", LOCUST_ERR_SCHEME, 0, 0, 0, 0},
    {"https without TLS", "https://a.test", LOCUST_ERR_URL, 0, 0, 0, 0},
};

static locust__services services;

static void ends(locust__base_url *base)
{
    locust__base_url_free(base);
    locust__arena_free(&services.arena);
    services.origins = NULL;
    CHECK_INT(blocks_live, 0);
}

static void takes_apart(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].host) + 1;
        char *host = check_guarded(rows[i].host, n), text[64];
        locust__base_url base = {.auth = {NULL, 0, 0, false}};
        const char *broken = "unset";
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(locust__base_url_parse(&services, host, &base, &broken), rows[i].error) &&
            !rows[i].error) {
            snprintf(text, sizeof text, "%.*s", (int)base.text_len, base.text);
            CHECK_STR(text, rows[i].text);
            CHECK_STR(base.prefix, rows[i].prefix);
            CHECK_STR(base.origin->authority, rows[i].authority);
            CHECK_STR(base.auth.len ? base.auth.ptr : NULL, rows[i].auth);
        }
        CHECK_STR(broken, strncmp(host, "https", 5) == 0 ? locust__tls_needed : NULL);
        ends(&base);
        check_guarded_free(host, n);
    }
    CHECK_ROW(NULL);
}

/* Two hosts of one server share its origin; a host that replaces another keeps none of its
 * password. */
static void again(void)
{
    locust__base_url a = {.auth = {NULL, 0, 0, false}}, b = a;
    const char *broken;
    CHECK_INT(locust__base_url_parse(&services, "http://me:pw@a.test/x", &a, &broken), LOCUST_OK);
    CHECK_INT(locust__base_url_parse(&services, "http://A.test:80/y", &b, &broken), LOCUST_OK);
    CHECK(a.origin == b.origin);
    CHECK_INT(locust__base_url_parse(&services, "http://b.test", &a, &broken), LOCUST_OK);
    CHECK_INT(a.auth.len, 0);
    CHECK(a.origin != b.origin);
    locust__base_url_free(&b);
    ends(&a);
}

static void without_memory(void)
{
    for (int fail = 0; fail < 2; fail++) {
        locust__base_url base = {.auth = {NULL, 0, 0, false}};
        const char *broken;
        blocks_fail_in = fail;
        CHECK_INT(locust__base_url_parse(&services, "http://me:pw@a.test", &base, &broken),
            LOCUST_ERR_MEMORY);
        CHECK(!broken);
        ends(&base);
    }
}

TESTS({"takes apart", takes_apart}, {"again", again}, {"without memory", without_memory}, )
