// The session of a user: fields that it sends always, and its cookies as a test reads and sets
// them.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static locust__services services;
static locust__session session;
static locust__base_url base;

static void begin_at(const char *host)
{
    const char *broken;
    memset(&services, 0, sizeof services);
    memset(&session, 0, sizeof session);
    memset(&base, 0, sizeof base);
    session.conns = &session.own;
    base.prefix = base.text = "";
    if (host)
        CHECK_INT(locust__base_url_parse(&services, host, &base, &broken), LOCUST_OK);
}

static void ends(void)
{
    blocks_fail_in = -1;
    locust__session_deinit(&session);
    locust__base_url_free(&base);
    locust__arena_free(&services.arena);
    CHECK_INT(blocks_live, 0);
}

/* -- fields -- */

/* All fields, a line each. */
static const char *fields(void)
{
    static char text[500];
    *text = '\0';
    for (const locust__session_field *f = session.fields; f; f = f->next)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s: %s\n", f->name, f->value);
    return text;
}

static const struct {
    const char *name, *field, *value;
    bool good;
    const char *want; // all of them then
} steps[] = {
    {"one", "Accept", "a", true, "Accept: a\n"},
    {"another value", "Accept", "b", true, "Accept: b\n"},
    {"another one's case", "ACCEPT", "c", true, "ACCEPT: c\n"},
    {"an empty value", "Accept", "", true, "Accept: \n"},
    {"a second one", "X-Two", "2", true, "Accept: \nX-Two: 2\n"},
    {"the first one again", "accept", "d", true, "accept: d\nX-Two: 2\n"},
    {"no name", "", "x", false, "accept: d\nX-Two: 2\n"},
    {"a name with a blank", "A b", "x", false, "accept: d\nX-Two: 2\n"},
    {"a name with a line end", "A\r\nB", "x", false, "accept: d\nX-Two: 2\n"},
    {"a value with a line end", "Accept", "x\r\nY: z", false, "accept: d\nX-Two: 2\n"},
    {"one that is taken away", "ACCEPT", NULL, true, "X-Two: 2\n"},
    {"one that is not there", "Accept", NULL, true, "X-Two: 2\n"},
    {"the last one", "X-Two", NULL, true, ""},
};

static void sets_fields(void)
{
    begin_at(NULL);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        CHECK_ROW(steps[i].name);
        CHECK_INT(
            locust__session_set_field(&session, steps[i].field, steps[i].value), steps[i].good);
        CHECK_STR(fields(), steps[i].want);
    }
    CHECK_ROW(NULL);
    CHECK(locust__session_set_field(&session, "Accept", "a"));
    blocks_fail_in = 0;
    CHECK(!locust__session_set_field(&session, "Accept", "b"));
    CHECK_STR(fields(), "Accept: a\n"); // without memory it stays
    ends();
}

/* -- cookies -- */

static bool set(const char *url, const char *cookie)
{
    return locust__session_set_cookie(&session, &services, &base, url, cookie);
}

static const char *get(const char *url, const char *name)
{
    return locust__session_cookie(&session, &services, &base, url, name);
}

static const struct {
    const char *name, *host; // NULL: the user has none
    const char *set_at, *cookie;
    const char *get_at, *get; // name
    const char *want;         // NULL: there is none
} cookies[] = {
    {"on a page", "http://a.test", "/", "c=1", "/", "c", "1"},
    {"on another page", "http://a.test", "/", "c=1", "/x/y", "c", "1"},
    {"on pages below", "http://a.test", "/x/y", "c=1", "/x/z?q", "c", "1"},
    {"not above", "http://a.test", "/x/y", "c=1", "/", "c", NULL},
    {"another name", "http://a.test", "/", "c=1", "/", "C", NULL},
    {"an empty value", "http://a.test", "/", "c=", "/", "c", ""},
    {"attributes", "http://a.test", "/x/", "c=1; Path=/; HttpOnly", "/", "c", "1"},
    {"refused", "http://a.test", "/", "c=1; Domain=b.test", "/", "c", NULL},
    {"no cookie", "http://a.test", "/", "c", "/", "c", NULL},
    {"below a prefix", "http://a.test/api", "/x", "c=1", "/y", "c", "1"},
    {"below a prefix, and above it", "http://a.test/api", "/x", "c=1", "http://a.test/", "c", NULL},
    {"an absolute URL", "http://a.test", "http://b.test/x/y", "c=1", "http://b.test/x/", "c", "1"},
    {"of another host", "http://a.test", "http://b.test/", "c=1", "/", "c", NULL},
    {"without a host of its own", NULL, "http://b.test/", "c=1", "http://b.test/", "c", "1"},
    {"a path without a host", NULL, "/", "c=1", "http://b.test/", "c", NULL},
    {"a path without a slash", "http://a.test", "x", "c=1", "/x", "c", "1"},
    {"an empty path", "http://a.test", "", "c=1", "", "c", "1"},
    {"a query alone", "http://a.test", "?q=/x/", "c=1", "/", "c", "1"},
    {"a URL in the query", "http://a.test", "/x?u=http://b.test/", "c=1", "/x", "c", "1"},
    {"a URL in the query of the host", "http://a.test", "?u=http://b.test/", "c=1", "/", "c", "1"},
    {"a path that is escaped", "http://a.test", "/a b/x", "c=1", "/a%20b/y", "c", "1"},
    {"a URL that is none", "http://a.test", "http:///", "c=1", "/", "c", NULL},
    {"another scheme", "http://a.test", "ftp://a.test/", "c=1", "/", "c", NULL},
    {"a host with a password", "http://me:pw@a.test", "/", "c=1", "http://a.test/", "c", "1"},
    {"a URL with a password", "http://a.test", "http://me:pw@a.test/", "c=1", "/", "c", "1"},
};

static void keeps_cookies(void)
{
    for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
        bool taken;
        CHECK_ROW(cookies[i].name);
        begin_at(cookies[i].host);
        taken = set(cookies[i].set_at, cookies[i].cookie);
        CHECK_INT(session.jar.n, taken);
        CHECK_STR(get(cookies[i].get_at, cookies[i].get), cookies[i].want);
        ends();
    }
    CHECK_ROW(NULL);
}

/* Two of one name: what a request would send first. */
static void the_longest_path_first(void)
{
    begin_at("http://a.test");
    CHECK(set("/", "c=top"));
    CHECK(set("/x/", "d=other"));
    CHECK(set("/x/", "c=x"));
    CHECK_STR(get("/x/y", "c"), "x");
    CHECK_STR(get("/y", "c"), "top");
    CHECK_STR(get("/x/y", "d"), "other");
    CHECK(set("/x/", "c=; Max-Age=0"));
    CHECK_STR(get("/x/y", "c"), "top");
    ends();
}

static void cookies_without_memory(void)
{
    for (int fail = 0; fail < 2; fail++) {
        begin_at("http://a.test");
        blocks_fail_in = fail;
        CHECK(!set("/", "c=1"));
        CHECK(set("/", "c=1"));
        blocks_fail_in = 0;
        CHECK_STR(get("/", "c"), NULL);
        CHECK_STR(get("/", "c"), "1");
        ends();
    }
}

TESTS({"sets fields", sets_fields}, {"keeps cookies", keeps_cookies},
    {"the longest path first", the_longest_path_first},
    {"cookies without memory", cookies_without_memory}, )
