// The cookies of one user: dates, domains, paths, prefixes, order and limits. RFC 6265 5, and
// 6265bis for Secure over plain HTTP and the prefixes. tests/whole/test_curl.py has whole exchanges
// beside curl.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

/* -- dates, RFC 6265 5.1.1; what they are since 1970 is from `date -u -d ... +%s` -- */

#define NO_DATE INT64_MIN
static const struct {
    const char *name, *text;
    int64_t want;
} dates[] = {
    {"RFC 1123", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"asctime", "Sun Nov  6 08:49:37 1994", 784111777},
    {"RFC 6265 3.1", "Wed, 09 Jun 2021 10:18:14 GMT", 1623233894},
    {"the epoch", "Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"the day after", "2 jan 1970 0:0:0", 86400},
    {"a second before it", "Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"the year 1601", "1 Jan 1601 00:00:00", INT64_C(-11644473600)},
    {"before 1601", "31 Dec 1600 23:59:59", NO_DATE},
    {"the year 9999", "31 Dec 9999 23:59:59", INT64_C(253402300799)},
    {"year first", "1994 08:49:37 Nov 06", 784111777}, // 1994 is no day: digits follow 19
    {"the year last but one", "08:49:37 06 Nov 1994", 784111777},
    {"month first", "Nov 06 1994 08:49:37", 784111777},
    {"two digits: 70 is 1970", "01 Jan 70 00:00:00", 0},
    {"two digits: 99 is 1999", "31 Dec 99 23:59:59", 946684799},
    {"two digits: 00 is 2000", "01 Jan 00 00:00:00", 946684800},
    {"two digits: 69 is 2069", "31 Dec 69 23:59:59", INT64_C(3155759999)},
    {"three digits of year", "06 Nov 194 08:49:37", NO_DATE},
    {"five digits of year", "06 Nov 19940 08:49:37", NO_DATE},
    {"digits of one", "6 Nov 1994 8:9:7", 784109347},
    {"three digits of a second", "06 Nov 1994 08:49:370", NO_DATE},
    {"letters behind the seconds", "06 Nov 1994 08:49:37Z", 784111777},
    {"letters behind the day", "06th Nov 1994 08:49:37", 784111777},
    {"letters behind the year", "06 Nov 1994x 08:49:37", 784111777},
    {"a whole month name", "06 November 1994 08:49:37", 784111777},
    {"a month in capitals", "06 NOV 1994 08:49:37", 784111777},
    {"another language's month", "06 Okt 1994 08:49:37", NO_DATE},
    {"a month of two letters", "06 No 1994 08:49:37", NO_DATE},
    {"any delimiters", "06/Nov;1994!08:49:37", 784111777},
    {"a delimiter that is none",
        "06|Nov\\1994\x7f"
        "08:49:37",
        NO_DATE},
    {"the zone is not looked at", "06 Nov 1994 08:49:37 +0200", 784111777},
    {"two times: the first counts", "06 Nov 1994 08:49:37 09:50:38", 784111777},
    {"two months: the first counts", "06 Nov Dec 1994 08:49:37", 784111777},
    {"two days: the second is the year", "06 07 Nov 1994 08:49:37", INT64_C(1194338977)},
    {"24 hours", "06 Nov 1994 24:00:00", NO_DATE},
    {"60 minutes", "06 Nov 1994 08:60:00", NO_DATE},
    {"a leap second", "06 Nov 1994 23:59:60", NO_DATE},
    {"day 0", "00 Nov 1994 08:49:37", NO_DATE},
    {"day 32", "32 Dec 1994 08:49:37", NO_DATE},
    {"31 November", "31 Nov 1994 08:49:37", NO_DATE},
    {"31 December", "31 Dec 1994 00:00:00", 788832000},
    {"29 February", "29 Feb 2000 00:00:00", 951782400},
    {"29 February of no leap year", "29 Feb 2001 00:00:00", NO_DATE},
    {"29 February of 1900", "29 Feb 1900 00:00:00", NO_DATE},
    {"29 February of 2096", "29 Feb 2096 12:00:00", INT64_C(3981355200)},
    {"no time", "06 Nov 1994", NO_DATE},
    {"no seconds", "06 Nov 1994 08:49", NO_DATE},
    {"no day", "Nov 1994 08:49:37", NO_DATE},
    {"no month", "06 1994 08:49:37", NO_DATE},
    {"no year", "06 Nov 08:49:37", NO_DATE},
    {"nothing", "", NO_DATE},
    {"zero", "0", NO_DATE},
    {"seconds since 1970", "784111777", NO_DATE},
    {"ISO 8601", "1994-11-06T08:49:37Z", NO_DATE},
};

static void reads_dates(void)
{
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        size_t n = strlen(dates[i].text);
        char *text = check_guarded(dates[i].text, n);
        int64_t got = NO_DATE;
        CHECK_ROW(dates[i].name);
        if (!locust__cookie_date((locust__view){text, n}, &got))
            got = NO_DATE;
        CHECK_INT(got, dates[i].want);
        check_guarded_free(text, n);
        for (size_t cut = 0; cut < n; cut++) { // no read past the end
            text = check_guarded(dates[i].text, cut);
            locust__cookie_date((locust__view){text, cut}, &got);
            check_guarded_free(text, cut);
        }
    }
}

/* Every day of 400 years is a day after the one before it. */
static void counts_days(void)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t want = locust__cookie_days(1970, 1, 1);
    CHECK_INT(want, 0);
    for (int year = 1970; year < 2370; year++)
        for (int month = 1; month <= 12; month++) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            for (int day = 1; day <= lengths[month - 1] + (leap && month == 2); day++)
                if (!CHECK_INT(locust__cookie_days(year, month, day), want++))
                    return;
        }
}

/* -- domains, 5.1.3 -- */

static const struct {
    const char *host, *domain;
    bool want;
} domains[] = {
    {"a.test", "a.test", true}, {"A.Test", "a.test", true}, {"b.a.test", "a.test", true},
    {"c.b.a.test", "a.test", true}, {"ba.test", "a.test", false}, {"a.test", "b.a.test", false},
    {"a.test", "test", true}, {"a.test.evil", "a.test", false}, {"1.2.3.4", "1.2.3.4", true},
    {"1.2.3.4", "3.4", false}, {"1.2.3.4", "4", false}, {"::1", "::1", true},
    {"1.2.3.4.test", "4.test", true}, // no address
};

static void matches_domains(void)
{
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        char row[80];
        snprintf(row, sizeof row, "%s of %s", domains[i].host, domains[i].domain);
        CHECK_ROW(row);
        CHECK_INT(
            locust__cookie_domain_matches(domains[i].host, domains[i].domain), domains[i].want);
    }
    CHECK_ROW(NULL);
}

/* -- paths, 5.1.4 -- */

static const struct {
    const char *path, *cookie;
    bool want;
} paths[] = {
    {"/", "/", true},
    {"/a", "/", true},
    {"/a", "/a", true},
    {"/a/", "/a", true},
    {"/a/b", "/a", true},
    {"/a/b", "/a/", true},
    {"/a", "/a/", false},
    {"/ab", "/a", false},
    {"/", "/a", false},
    {"/A", "/a", false},
    {"/a/b/c", "/a/b", true},
    {"/a/bc", "/a/b", false},
};

static void matches_paths(void)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        size_t n = strlen(paths[i].path);
        char *path = check_guarded(paths[i].path, n);
        CHECK_ROW(paths[i].path);
        CHECK_INT(
            locust__cookie_path_matches((locust__view){path, n}, paths[i].cookie), paths[i].want);
        check_guarded_free(path, n);
    }
}

static const struct {
    const char *uri, *want;
} defaults[] = {
    {"", "/"},
    {"/", "/"},
    {"/a", "/"},
    {"/a/", "/a"},
    {"/a/b", "/a"},
    {"/a/b/", "/a/b"},
    {"/a/b/c", "/a/b"},
    {"a", "/"},
    {"a/b", "/"},
    {"//", "/"},
    {"//a", "/"},
    {"/a//", "/a/"},
};

static void gives_default_paths(void)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        size_t n = strlen(defaults[i].uri);
        char *uri = check_guarded(defaults[i].uri, n);
        locust__view got = locust__cookie_default_path((locust__view){uri, n});
        CHECK_ROW(defaults[i].uri);
        CHECK(locust__view_is(got, defaults[i].want));
        check_guarded_free(uri, n);
    }
}

/* -- Set-Cookie to Cookie -- */

static const int64_t NOW = 1700000000; // 2023-11-14 22:13:20

static locust__cookie_site site_of(const char *url)
{
    const char *host = strstr(url, "://") + 3, *path = strchr(host, '/');
    static char hosts[2][300];
    static int turn;
    char *copy = hosts[turn++ % 2];
    snprintf(copy, sizeof *hosts, "%.*s", (int)(path - host), host);
    return (locust__cookie_site){copy, locust__view_of(path), strncmp(url, "https", 5) == 0};
}

static bool take(locust__jar *jar, const char *url, const char *field, int64_t now_s)
{
    locust__cookie_site site = site_of(url);
    size_t n = strlen(field);
    char *text = check_guarded(field, n);
    bool taken = locust__jar_take(jar, &site, (locust__view){text, n}, now_s);
    check_guarded_free(text, n);
    return taken;
}

/* The Cookie field of a request. */
static const char *sent(const locust__jar *jar, const char *url, int64_t now_s)
{
    static char text[300];
    locust__cookie_site site = site_of(url);
    const locust__jar_cookie *c = locust__jar_match(jar->first, &site, now_s);
    *text = '\0';
    for (; c; c = locust__jar_match(c->next, &site, now_s))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", *text ? "; " : "",
            c->name, c->value);
    return text;
}

#define HERE  "http://www.a.test/x/y"
#define TLS   "https://www.a.test/x/y"
#define NEVER NULL
static const struct {
    const char *name, *from, *field;
    const char *to, *want; // want NULL: it is refused
} cookies[] = {
    // 5.2: the pair
    {"a pair", HERE, "a=b", HERE, "a=b"},
    {"blanks around", HERE, " \ta\t = \tb\t ", HERE, "a=b"},
    {"an empty value", HERE, "a=", HERE, "a="},
    {"= in the value", HERE, "a=b=c", HERE, "a=b=c"},
    {"quotes stay", HERE, "a=\"b c\"", HERE, "a=\"b c\""},
    {"no =", HERE, "a", HERE, NEVER},
    {"no = before the ;", HERE, "a; Path=/", HERE, NEVER},
    {"no name", HERE, "=b", HERE, NEVER},
    {"a name of blanks", HERE, "  =b", HERE, NEVER},
    {"nothing", HERE, "", HERE, NEVER},
    {"bytes above 127", HERE, "a=\xc3\xa4", HERE, "a=\xc3\xa4"},
    {"a control character", HERE, "a=b\x01", HERE, NEVER}, // 6265bis 5.6
    {"DEL", HERE, "a=\x7f", HERE, NEVER},
    {"a line end", HERE, "a=b\r\nX: y", HERE, NEVER},
    {"an unknown attribute", HERE, "a=b; SameSite=Lax; HttpOnly; x; =; ;;", HERE, "a=b"},
    // 5.2.3: Domain
    {"no domain: this host", HERE, "a=b", "http://b.www.a.test/x/y", ""},
    {"no domain: not above", HERE, "a=b", "http://a.test/x/y", ""},
    {"the host", HERE, "a=b; Domain=www.a.test", "http://b.www.a.test/x/y", "a=b"},
    {"above", HERE, "a=b; Domain=a.test", "http://other.a.test/x/y", "a=b"},
    {"above itself", HERE, "a=b; Domain=a.test", "http://a.test/x/y", "a=b"},
    {"a dot in front", HERE, "a=b; Domain=.a.test", "http://a.test/x/y", "a=b"},
    {"in any case", HERE, "a=b; dOMAIN=A.TEST", "http://OTHER.a.Test/x/y", "a=b"},
    {"below", HERE, "a=b; Domain=b.www.a.test", HERE, NEVER},
    {"beside", HERE, "a=b; Domain=other.a.test", HERE, NEVER},
    {"one that ends alike", HERE, "a=b; Domain=w.a.test", HERE, NEVER},
    {"one of everybody", HERE, "a=b; Domain=test", HERE, NEVER},
    {"one of everybody, with dots", HERE, "a=b; Domain=.test", HERE, NEVER},
    {"an empty one is ignored", HERE, "a=b; Domain=", HERE, "a=b"},
    {"an empty one is for this host", HERE, "a=b; Domain=", "http://b.www.a.test/x/y", ""},
    {"the last one counts", HERE, "a=b; Domain=other.test; Domain=a.test", HERE, "a=b"},
    {"the last one counts, refused", HERE, "a=b; Domain=a.test; Domain=other.test", HERE, NEVER},
    {"an address", "http://127.0.0.1/", "a=b; Domain=127.0.0.1", "http://127.0.0.1/", "a=b"},
    {"the end of an address", "http://127.0.0.1/", "a=b; Domain=0.0.1", "http://127.0.0.1/", NEVER},
    {"a host without a dot", "http://localhost/", "a=b; Domain=localhost", "http://localhost/",
        "a=b"},
    {"and nobody below it", "http://localhost/", "a=b; Domain=localhost", "http://x.localhost/",
        ""},
    // 5.2.4: Path
    {"no path: the default", HERE, "a=b", "http://www.a.test/x", "a=b"},
    {"no path: not above", HERE, "a=b", "http://www.a.test/", ""},
    {"no path: not beside", HERE, "a=b", "http://www.a.test/xy", ""},
    {"a path", HERE, "a=b; Path=/z", "http://www.a.test/z/1", "a=b"},
    {"a path elsewhere", HERE, "a=b; Path=/z", HERE, ""},
    {"all paths", HERE, "a=b; path=/", "http://www.a.test/", "a=b"},
    {"a relative path is the default", HERE, "a=b; Path=z", "http://www.a.test/x/z", "a=b"},
    {"an empty path is the default", HERE, "a=b; Path=", "http://www.a.test/x/z", "a=b"},
    {"the last path counts", HERE, "a=b; Path=/z; Path=/", "http://www.a.test/", "a=b"},
    {"the last path counts, empty", HERE, "a=b; Path=/; Path=", "http://www.a.test/", ""},
    // 5.2.5: Secure, and 6265bis 5.7
    {"secure over TLS", TLS, "a=b; Secure", TLS, "a=b"},
    {"secure, then plain", TLS, "a=b; SECURE=1", HERE, ""},
    {"secure from plain HTTP", HERE, "a=b; Secure", TLS, NEVER},
    {"not secure, over TLS", TLS, "a=b", HERE, "a=b"},
    // 6265bis 4.1.3: prefixes
    {"__Secure-", TLS, "__Secure-a=b; Secure", TLS, "__Secure-a=b"},
    {"__Secure- without Secure", TLS, "__Secure-a=b", TLS, NEVER},
    {"__Secure- in another case", TLS, "__sEcUrE-a=b", TLS, NEVER},
    {"__Secure- from plain HTTP", HERE, "__Secure-a=b; Secure", TLS, NEVER},
    {"__Secure- for a domain", TLS, "__Secure-a=b; Secure; Domain=a.test", TLS, "__Secure-a=b"},
    {"__Host-", TLS, "__Host-a=b; Secure; Path=/", TLS, "__Host-a=b"},
    {"__Host- without a path", TLS, "__Host-a=b; Secure", TLS, NEVER},
    {"__Host- with a path of its own", TLS, "__Host-a=b; Secure; Path=/x", TLS, NEVER},
    {"__Host- with a domain", TLS, "__Host-a=b; Secure; Path=/; Domain=www.a.test", TLS, NEVER},
    {"__Host- without Secure", TLS, "__Host-a=b; Path=/", TLS, NEVER},
    {"__host- in small letters", TLS, "__host-a=b; Path=/", TLS, NEVER},
    {"__Host without the dash", TLS, "__Host=b", TLS, "__Host=b"},
    // 5.2.1, 5.2.2: Expires and Max-Age
    {"expires later", HERE, "a=b; Expires=Tue, 14 Nov 2023 22:13:21 GMT", HERE, "a=b"},
    {"expires now", HERE, "a=b; Expires=Tue, 14 Nov 2023 22:13:20 GMT", HERE, ""},
    {"expired", HERE, "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HERE, ""},
    {"a date that is none", HERE, "a=b; Expires=yesterday", HERE, "a=b"},
    {"max-age", HERE, "a=b; Max-Age=1", HERE, "a=b"},
    {"max-age 0", HERE, "a=b; Max-Age=0", HERE, ""},
    {"negative max-age", HERE, "a=b; Max-Age=-1", HERE, ""},
    {"max-age of zeros", HERE, "a=b; Max-Age=000", HERE, ""},
    {"max-age that is no number", HERE, "a=b; Max-Age=1x", HERE, "a=b"},
    {"max-age with a plus", HERE, "a=b; Max-Age=+0", HERE, "a=b"},
    {"max-age of a dash", HERE, "a=b; Max-Age=-", HERE, "a=b"},
    {"no max-age", HERE, "a=b; Max-Age=", HERE, "a=b"},
    {"max-age of 30 digits", HERE, "a=b; Max-Age=999999999999999999999999999999", HERE, "a=b"},
    {"max-age goes before expires", HERE, "a=b; Max-Age=9; Expires=1 Jan 1970 00:00:00", HERE,
        "a=b"},
    {"in the other order too", HERE, "a=b; Expires=1 Jan 1970 00:00:00; Max-Age=9", HERE, "a=b"},
    {"the last expires counts", HERE, "a=b; Expires=1 Jan 1970 0:0:0; Expires=1 Jan 2030 0:0:0",
        HERE, "a=b"},
};

static void sets_and_sends(void)
{
    for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
        locust__jar jar = {NULL, 0, 0};
        bool taken = take(&jar, cookies[i].from, cookies[i].field, NOW);
        CHECK_ROW(cookies[i].name);
        CHECK_INT(taken, cookies[i].want != NULL);
        CHECK_STR(sent(&jar, cookies[i].to, NOW), cookies[i].want ? cookies[i].want : "");
        CHECK_INT(jar.n, jar.first != NULL);
        locust__jar_clear(&jar);
        CHECK_INT(blocks_live, 0);
        for (size_t n = 0; n < strlen(cookies[i].field); n++) { // cut anywhere: an answer
            char *text = check_guarded(cookies[i].field, n);
            locust__cookie_site site = site_of(cookies[i].from);
            locust__jar_take(&jar, &site, (locust__view){text, n}, NOW);
            check_guarded_free(text, n);
        }
        locust__jar_clear(&jar);
    }
    CHECK_ROW(NULL);
    CHECK_INT(blocks_live, 0);
}

/* 5.4: longer paths first, then the older ones; one that is set again keeps its age (5.3, 11.3). */
static void order(void)
{
    locust__jar jar = {NULL, 0, 0};
    CHECK(take(&jar, HERE, "old=1; Path=/", NOW));
    CHECK(take(&jar, HERE, "long=2; Path=/x", NOW));
    CHECK(take(&jar, HERE, "young=3; Path=/", NOW));
    CHECK(take(&jar, HERE, "longest=4; Path=/x/y", NOW));
    CHECK_STR(sent(&jar, HERE, NOW), "longest=4; long=2; old=1; young=3");
    CHECK(take(&jar, HERE, "old=5; Path=/", NOW));
    CHECK_STR(sent(&jar, HERE, NOW), "longest=4; long=2; old=5; young=3");
    CHECK_INT(jar.n, 4);
    CHECK(take(&jar, HERE, "old=; Path=/; Max-Age=0", NOW)); // removes it
    CHECK_STR(sent(&jar, HERE, NOW), "longest=4; long=2; young=3");
    CHECK(take(&jar, HERE, "young=6; Path=/; Domain=a.test", NOW)); // another one
    CHECK_STR(sent(&jar, HERE, NOW), "longest=4; long=2; young=3; young=6");
    CHECK(take(&jar, HERE, "YOUNG=7; Path=/", NOW)); // names have a case
    CHECK_INT(jar.n, 5);
    locust__jar_clear(&jar);
    CHECK_INT(jar.n, 0);
    CHECK_INT(blocks_live, 0);
}

static void time_passes(void)
{
    locust__jar jar = {NULL, 0, 0};
    CHECK(take(&jar, HERE, "a=1; Max-Age=10", NOW));
    CHECK(take(&jar, HERE, "b=2", NOW)); // to the end of the user
    CHECK_STR(sent(&jar, HERE, NOW + 9), "a=1; b=2");
    CHECK_STR(sent(&jar, HERE, NOW + 10), "b=2");
    CHECK(take(&jar, HERE, "c=3", NOW + 10));
    CHECK_INT(jar.n, 2); // what has expired is gone
    CHECK_STR(sent(&jar, HERE, NOW + INT64_C(1000000000000)), "b=2; c=3");
    locust__jar_clear(&jar);
}

/* 6265bis 5.7: over plain HTTP a secure cookie is neither overwritten nor removed, nor shadowed by
 * one that a server would take for it. */
static const struct {
    const char *name, *secure, *from, *plain;
    const char *want; // what TLS sends then
    bool taken;
} overlays[] = {
    {"the same", "a=1; Secure", HERE, "a=2", "a=1", false},
    {"its end", "a=1; Secure", HERE, "a=; Max-Age=0", "a=1", false},
    {"over TLS it may be", "a=1; Secure", TLS, "a=2", "a=2", true},
    {"another name", "a=1; Secure", HERE, "b=2", "a=1; b=2", true},
    {"a longer path", "a=1; Secure; Path=/", HERE, "a=2; Path=/x", "a=1", false},
    {"a shorter path", "a=1; Secure; Path=/x", HERE, "a=2; Path=/", "a=1; a=2", true},
    {"another path", "a=1; Secure; Path=/x", HERE, "a=2; Path=/xy", "a=1", true},
    {"for a domain above", "a=1; Secure", HERE, "a=2; Domain=a.test", "a=1", false},
    {"one for a domain above", "a=1; Secure; Domain=a.test", HERE, "a=2", "a=1", false},
    {"from another host", "a=1; Secure", "http://b.a.test/x/y", "a=2", "a=1", true},
};

static void plain_http_leaves_secure_ones_alone(void)
{
    for (size_t i = 0; i < sizeof overlays / sizeof *overlays; i++) {
        locust__jar jar = {NULL, 0, 0};
        CHECK_ROW(overlays[i].name);
        CHECK(take(&jar, TLS, overlays[i].secure, NOW));
        CHECK_INT(take(&jar, overlays[i].from, overlays[i].plain, NOW), overlays[i].taken);
        CHECK_STR(sent(&jar, TLS, NOW), overlays[i].want);
        locust__jar_clear(&jar);
        CHECK_INT(blocks_live, 0);
    }
    CHECK_ROW(NULL);
}

static void limits(void)
{
    locust__jar jar = {NULL, 0, 0};
    char *text = malloc(6000), url[64];
    CHECK_ROW("4096 bytes of name and value");
    memset(text, 'x', 6000);
    memcpy(text, "ab=", 3);
    text[3 + 4094] = '\0';
    CHECK(take(&jar, HERE, text, NOW));
    text[3 + 4094] = 'x';
    text[3 + 4095] = '\0';
    CHECK(!take(&jar, HERE, text, NOW));
    CHECK_ROW("a path of 1024 bytes, and a longer one, which is ignored");
    memset(text, 'x', 6000);
    memcpy(text, "c=d; Path=/", 11);
    text[10 + 1024] = '\0';
    CHECK(take(&jar, "http://other.test/", text, NOW));
    CHECK_STR(sent(&jar, "http://other.test/", NOW), "");
    text[10 + 1024] = 'x';
    text[10 + 1025] = '\0';
    CHECK(take(&jar, "http://other.test/", text, NOW));
    CHECK_STR(sent(&jar, "http://other.test/", NOW), "c=d");
    locust__jar_clear(&jar);
    free(text);
    CHECK_ROW("50 of a domain: the oldest goes");
    for (int i = 0; i < 60; i++) {
        char field[32];
        snprintf(field, sizeof field, "n%d=v", i);
        CHECK(take(&jar, "http://a.test/", field, NOW));
        CHECK_INT(jar.n, i < 50 ? i + 1 : 50);
    }
    CHECK(strncmp(sent(&jar, "http://a.test/", NOW), "n10=v; n11=v;", 13) == 0);
    locust__jar_clear(&jar);
    CHECK_ROW("3000 in all: the oldest goes");
    for (int i = 0; i < 3005; i++) {
        snprintf(url, sizeof url, "http://h%d.test/", i);
        CHECK(take(&jar, url, "a=b", NOW));
    }
    CHECK_INT(jar.n, 3000);
    CHECK_STR(sent(&jar, "http://h4.test/", NOW), "");
    CHECK_STR(sent(&jar, "http://h5.test/", NOW), "a=b");
    locust__jar_clear(&jar);
    CHECK_ROW(NULL);
    CHECK_INT(blocks_live, 0);
}

static void without_memory(void)
{
    locust__jar jar = {NULL, 0, 0};
    CHECK(take(&jar, HERE, "a=1", NOW));
    blocks_fail_in = 0;
    CHECK(!take(&jar, HERE, "a=2", NOW));
    CHECK_STR(sent(&jar, HERE, NOW), "a=1");
    locust__jar_clear(&jar);
    CHECK_INT(blocks_live, 0);
}

TESTS({"reads dates", reads_dates}, {"counts days", counts_days},
    {"matches domains", matches_domains}, {"matches paths", matches_paths},
    {"gives default paths", gives_default_paths}, {"sets and sends", sets_and_sends},
    {"order", order}, {"time passes", time_passes},
    {"plain HTTP leaves secure ones alone", plain_http_leaves_secure_ones_alone},
    {"limits", limits}, {"without memory", without_memory}, )
