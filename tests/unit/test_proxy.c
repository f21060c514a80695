// Proxies: their URLs, the environment's variables and the hosts that go without. As curl reads
// them: see ENVIRONMENT and --noproxy in its manual.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static locust__arena arena;

/* -- URLs -- */

static const struct {
    const char *name, *text;
    bool good;
    const char *host; // NULL: none
    int port;
    const char *auth; // NULL: none
} urls[] = {
    {"host and port", "http://p.test:3128", true, "p.test", 3128, NULL},
    {"host and port, a path", "http://p.test:3128/", true, "p.test", 3128, NULL},
    {"no port", "http://p.test", true, "p.test", 80, NULL},
    {"no scheme", "p.test:3128", true, "p.test", 3128, NULL},
    {"a host alone", "p.test", true, "p.test", 80, NULL},
    {"scheme in capitals", "HTTP://p.test", true, "p.test", 80, NULL},
    {"IPv6", "http://[::1]:3128", true, "::1", 3128, NULL},
    {"IPv6 without a scheme", "[::1]:3128", true, "::1", 3128, NULL},
    // RFC 7617 2
    {"credentials", "http://Aladdin:open%20sesame@p.test", true, "p.test", 80,
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"credentials without a scheme", "Aladdin:open%20sesame@p.test:1", true, "p.test", 1,
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"nothing: none", "", true, NULL, 0, NULL},
    {"https", "https://p.test", false, NULL, 0, NULL},
    {"SOCKS", "socks5://p.test", false, NULL, 0, NULL},
    {"no host", "http://", false, NULL, 0, NULL},
    {"a port too large", "http://p.test:65536", false, NULL, 0, NULL},
    {"a port that is none", "p.test:x", false, NULL, 0, NULL},
    {"a blank", "p test", false, NULL, 0, NULL},
    {"a line end in the credentials", "http://a%0d%0ab:c@p.test", false, NULL, 0, NULL},
    {"a NUL in the credentials", "http://a%00b:c@p.test", false, NULL, 0, NULL},
};

static void parses(void)
{
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        size_t n = strlen(urls[i].text) + 1;
        char *text = check_guarded(urls[i].text, n);
        locust__proxy p;
        memset(&p, 0xAA, sizeof p);
        CHECK_ROW(urls[i].name);
        if (CHECK_INT(locust__proxy_parse(&p, &arena, text), urls[i].good) && urls[i].good) {
            CHECK_STR(p.host, urls[i].host);
            CHECK_INT(p.port, urls[i].port);
            CHECK_STR(p.auth.len ? p.auth.ptr : NULL, urls[i].auth);
        }
        locust__arena_free(&arena);
        CHECK_INT(blocks_live, 0);
        check_guarded_free(text, n);
    }
    CHECK_ROW(NULL);
}

static void without_memory(void)
{
    for (int fail = 0; fail < 4; fail++)
        for (int on = 0; on < 2; on++) {
            locust__proxy p;
            blocks_fail_in = fail;
            blocks_fail_on = on;
            CHECK(!locust__proxy_parse(&p, &arena, "http://a:b@p.test:1") ||
                  (!on && blocks_fail_in >= 0));
            blocks_fail_in = -1;
            blocks_fail_on = false;
            locust__arena_free(&arena);
            CHECK_INT(blocks_live, 0);
        }
}

/* -- the environment -- */

static const struct {
    const char *name;
    const char *set[5];                    // NAME=VALUE
    const char *http, *https, *exceptions; // NULL: none
    const char *bad;                       // the text that is none
} environments[] = {
    {"nothing", {NULL}, NULL, NULL, NULL, NULL},
    {"http_proxy", {"http_proxy=h.test"}, "h.test", NULL, NULL, NULL},
    {"HTTP_PROXY is a header of CGI", {"HTTP_PROXY=h.test"}, NULL, NULL, NULL, NULL},
    {"https_proxy", {"https_proxy=s.test"}, NULL, "s.test", NULL, NULL},
    {"HTTPS_PROXY", {"HTTPS_PROXY=s.test"}, NULL, "s.test", NULL, NULL},
    {"small letters first", {"HTTPS_PROXY=x.test", "https_proxy=s.test"}, NULL, "s.test", NULL,
        NULL},
    {"all_proxy", {"all_proxy=a.test"}, "a.test", "a.test", NULL, NULL},
    {"ALL_PROXY", {"ALL_PROXY=a.test"}, "a.test", "a.test", NULL, NULL},
    {"one of its own and all_proxy", {"all_proxy=a.test", "http_proxy=h.test"}, "h.test", "a.test",
        NULL, NULL},
    {"no_proxy", {"no_proxy=a,b", "http_proxy=h.test"}, "h.test", NULL, "a,b", NULL},
    {"NO_PROXY", {"NO_PROXY=*"}, NULL, NULL, "*", NULL},
    {"empty ones", {"http_proxy=", "no_proxy=", "all_proxy=a.test"}, "a.test", "a.test", NULL,
        NULL},
    {"one that is none", {"http_proxy=socks4://h.test"}, NULL, NULL, NULL, "socks4://h.test"},
    {"another that is none", {"http_proxy=h.test", "https_proxy=:0"}, "h.test", NULL, NULL, ":0"},
};

static void reads_the_environment(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
        "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        locust__proxy_env env = {.used = false};
        char copies[5][64];
        const char *bad;
        CHECK_ROW(environments[i].name);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            unsetenv(names[k]);
        for (size_t k = 0; k < 5 && environments[i].set[k]; k++) {
            char *equals;
            snprintf(copies[k], sizeof copies[k], "%s", environments[i].set[k]);
            equals = strchr(copies[k], '=');
            *equals = '\0';
            setenv(copies[k], equals + 1, 1);
        }
        bad = locust__proxy_env_read(&env, &arena);
        CHECK_STR(bad, environments[i].bad);
        CHECK(env.used);
        if (!bad) {
            CHECK_STR(env.http.host, environments[i].http);
            CHECK_STR(env.https.host, environments[i].https);
            CHECK_STR(env.exceptions, environments[i].exceptions);
        }
        locust__arena_free(&arena);
        CHECK_INT(blocks_live, 0);
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        unsetenv(names[k]);
    CHECK_ROW(NULL);
}

/* -- hosts that go without -- */

static const struct {
    const char *name, *list, *url;
    bool want;
} exceptions[] = {
    {"no list", NULL, "http://a.test/", false},
    {"an empty list", "", "http://a.test/", false},
    {"the host", "a.test", "http://a.test/", true},
    {"in any case", "A.Test", "http://a.tesT/", true},
    {"another host", "b.test", "http://a.test/", false},
    {"below", "a.test", "http://www.a.test/", true},
    {"far below", "a.test", "http://x.www.a.test/", true},
    {"below, with a dot in front", ".a.test", "http://www.a.test/", true},
    {"itself, with a dot in front", ".a.test", "http://a.test/", true},
    {"ends alike", "a.test", "http://ba.test/", false},
    {"above", "www.a.test", "http://a.test/", false},
    {"the top alone", "test", "http://a.test/", true},
    {"in a list", "b.test,a.test,c.test", "http://a.test/", true},
    {"in a list with blanks", "b.test, a.test ,c.test", "http://a.test/", true},
    {"separated by blanks", "b.test a.test c.test", "http://a.test/", true},
    {"separated by blanks, the first", "a.test b.test", "http://a.test/", true},
    {"not in a list", "b.test,c.test", "http://a.test/", false},
    {"empty elements", ",, ,", "http://a.test/", false},
    {"a dot", ".", "http://a.test/", false},
    {"everything", "*", "http://a.test/", true},
    {"everything, with blanks", " * ", "http://a.test/", true},
    {"a star is no pattern", "*.test", "http://a.test/", false},
    {"a port", "a.test:80", "http://a.test/", true},
    {"a port of https", "a.test:443", "https://a.test/", true},
    {"another port", "a.test:8080", "http://a.test/", false},
    {"a port, below", "a.test:8080", "http://www.a.test:8080/", true},
    {"IPv4", "127.0.0.1", "http://127.0.0.1/", true},
    {"IPv4 and a port", "127.0.0.1:8080", "http://127.0.0.1:8080/", true},
    {"another IPv4", "127.0.0.1", "http://127.0.0.2/", false},
    {"the end of an IPv4 is no domain", "0.0.1", "http://127.0.0.1/", false},
    {"IPv6", "::1", "http://[::1]/", true},
    {"IPv6, another port", "::1", "http://[::1]:8080/", true},
    {"another IPv6", "::1", "http://[::2]/", false},
    // curl 7.88.1 does the same by all rows from here to the next note
    {"a dot at the host's end", "example.test", "http://example.test./", true},
    {"a dot at the element's end", "example.test.", "http://example.test/", true},
    {"dots everywhere", ".example.test.", "http://www.example.test./", true},
    {"two dots in front", "..example.test", "http://example.test/", false},
    {"an empty element first", ",example.test", "http://example.test/", true},
    {"a tab", "a.test\texample.test", "http://example.test/", true},
    {"a network", "10.0.0.0/8", "http://10.1.2.3/", true},
    {"a network in a list", "a.test, 10.0.0.0/8", "http://10.1.2.3/", true},
    {"another network", "10.0.0.0/8", "http://11.1.2.3/", false},
    {"24 bits", "10.1.2.0/24", "http://10.1.2.3/", true},
    {"24 bits, another", "10.1.3.0/24", "http://10.1.2.3/", false},
    {"31 bits", "10.1.2.2/31", "http://10.1.2.3/", true},
    {"31 bits, another", "10.1.2.2/31", "http://10.1.2.4/", false},
    {"23 bits", "10.1.2.0/23", "http://10.1.2.3/", true},
    {"9 bits", "10.128.0.0/9", "http://10.129.2.3/", true},
    {"9 bits, another", "10.128.0.0/9", "http://10.127.2.3/", false},
    {"32 bits", "10.1.2.3/32", "http://10.1.2.3/", true},
    {"32 bits, another", "10.1.2.3/32", "http://10.1.2.4/", false},
    {"33 bits", "10.1.2.3/33", "http://10.1.2.3/", false},
    {"no bits", "0.0.0.0/0", "http://10.1.2.3/", false},
    {"no bits, the same", "10.1.2.3/0", "http://10.1.2.3/", true},
    {"bits of letters", "10.0.0.0/x", "http://10.1.2.3/", false},
    {"bits below none", "10.0.0.0/-1", "http://10.1.2.3/", false},
    {"a short network", "10/8", "http://10.1.2.3/", false},
    {"a prefix", "10.1", "http://10.1.2.3/", false},
    {"a suffix of an address", ".2.3", "http://10.1.2.3/", false},
    {"a dot before an address", ".10.1.2.3", "http://10.1.2.3/", false},
    {"a dot behind an address", "10.1.2.3.", "http://10.1.2.3/", false},
    {"a star in an address", "10.1.2.*", "http://10.1.2.3/", false},
    {"a network for a name", "10.0.0.0/8", "http://example.test/", false},
    {"a name for an address", "localhost", "http://[::1]/", false},
    {"IPv4 in IPv6", "10.0.0.0/8", "http://[::ffff:10.1.2.3]/", false},
    // by RFC 4291 2.3; curl 7.88.1 compares IPv6 as text, where its manual has networks
    {"IPv6, written otherwise", "0:0:0:0:0:0:0:1", "http://[::1]/", true},
    {"IPv6 in brackets", "[::1]", "http://[::1]/", true},
    {"IPv6 in brackets and a port", "[::1]:80", "http://[::1]/", true},
    {"IPv6 in brackets and another port", "[::1]:81", "http://[::1]/", false},
    {"a network of IPv6", "2001:db8::/32", "http://[2001:db8::1]/", true},
    {"in capitals, 33 bits", "2001:DB8:0::/33", "http://[2001:db8::1]/", true},
    {"33 bits, another", "2001:db8::/33", "http://[2001:db8:8000::1]/", false},
    {"128 bits", "2001:db8::1/128", "http://[2001:db8::1]/", true},
    {"128 bits, another", "2001:db8::1/128", "http://[2001:db8::2]/", false},
    {"129 bits", "2001:db8::1/129", "http://[2001:db8::1]/", false},
    {"a network in brackets", "[2001:db8::]/32", "http://[2001:db8::1]/", true},
    {"no end of a bracket", "[::1", "http://[::1]/", false},
    {"a network with too long a name", "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000/32",
        "http://[2001:db8::1]/", false},
    {"a name that ends like an address", "0.0.1", "http://a.0.0.1.test/", false},
};

static void goes_without(void)
{
    locust__origin *first = NULL;
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        size_t n = exceptions[i].list ? strlen(exceptions[i].list) + 1 : 0;
        char *list = n ? check_guarded(exceptions[i].list, n) : NULL;
        locust__url url;
        const locust__origin *origin;
        CHECK_ROW(exceptions[i].name);
        CHECK_INT(locust__url_parse(exceptions[i].url, &url), LOCUST_OK);
        origin =
            locust__origin_of(&first, &arena, &url, strncmp(exceptions[i].url, "https", 5) == 0);
        CHECK_INT(locust__proxy_is_exception(list, origin), exceptions[i].want);
        if (n)
            check_guarded_free(list, n);
    }
    CHECK_ROW(NULL);
    locust__arena_free(&arena);
    CHECK_INT(blocks_live, 0);
}

TESTS({"parses", parses}, {"without memory", without_memory},
    {"reads the environment", reads_the_environment}, {"goes without", goes_without}, )
