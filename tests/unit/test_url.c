// URLs: taken apart, escaped for the wire, and the Host text of their origins. RFC 3986, RFC 9110 7.2.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *text;
    locust_error error;
    const char *scheme, *user, *host;
    int port; // 0: none given
    const char *rest;
} urls[] = {
    {"host alone", "http://a.test", LOCUST_OK, "http", "", "a.test", 0, ""},
    {"slash", "http://a.test/", LOCUST_OK, "http", "", "a.test", 0, "/"},
    {"port", "http://a.test:8080/x", LOCUST_OK, "http", "", "a.test", 8080, "/x"},
    {"smallest port", "http://a.test:1", LOCUST_OK, "http", "", "a.test", 1, ""},
    {"largest port", "http://a.test:65535", LOCUST_OK, "http", "", "a.test", 65535, ""},
    {"port with zeros in front", "http://a:00080/", LOCUST_OK, "http", "", "a", 80, "/"},
    {"empty port", "http://a.test:/x", LOCUST_OK, "http", "", "a.test", 0, "/x"},
    {"query", "http://a/b?c=d&e", LOCUST_OK, "http", "", "a", 0, "/b?c=d&e"},
    {"query without a path", "http://a?c=d", LOCUST_OK, "http", "", "a", 0, "?c=d"},
    {"fragment", "http://a/b#c", LOCUST_OK, "http", "", "a", 0, "/b"},
    {"fragment without a path", "http://a#c", LOCUST_OK, "http", "", "a", 0, ""},
    {"? inside the fragment", "http://a/b#c?d", LOCUST_OK, "http", "", "a", 0, "/b"},
    {"@ in the path", "http://a/b@c", LOCUST_OK, "http", "", "a", 0, "/b@c"},
    {"@ in the query", "http://a?b@c", LOCUST_OK, "http", "", "a", 0, "?b@c"},
    {"colon in the path", "http://a/b:9", LOCUST_OK, "http", "", "a", 0, "/b:9"},
    {"another URL in the query", "http://a/?u=http://b:1/", LOCUST_OK, "http", "", "a", 0,
        "/?u=http://b:1/"},
    {"user", "http://me@a/", LOCUST_OK, "http", "me", "a", 0, "/"},
    {"user and password", "http://me:pw@a:81/", LOCUST_OK, "http", "me:pw", "a", 81, "/"},
    {"password that looks like a port", "http://me:99999@a/", LOCUST_OK, "http", "me:99999", "a", 0,
        "/"},
    {"the last @ counts", "http://me@x@a/", LOCUST_OK, "http", "me@x", "a", 0, "/"},
    {"IPv4", "http://127.0.0.1:80/", LOCUST_OK, "http", "", "127.0.0.1", 80, "/"},
    {"IPv6", "http://[::1]/", LOCUST_OK, "http", "", "::1", 0, "/"},
    {"IPv6 and port", "http://[fe80::1:2]:8080/x", LOCUST_OK, "http", "", "fe80::1:2", 8080, "/x"},
    {"IPv6 of an IPv4", "http://[::ffff:1.2.3.4]", LOCUST_OK, "http", "", "::ffff:1.2.3.4", 0, ""},
    {"IPv6 and user", "http://me@[::1]:1/", LOCUST_OK, "http", "me", "::1", 1, "/"},
    {"other scheme", "tcp://a:7777", LOCUST_OK, "tcp", "", "a", 7777, ""},
    {"upper case", "HTTP://A.Test/X", LOCUST_OK, "HTTP", "", "A.Test", 0, "/X"},
    {"name with a dash and digits", "http://a-1.b2.test/", LOCUST_OK, "http", "", "a-1.b2.test", 0,
        "/"},

    {"nothing", "", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"path alone", "/x", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"host without a scheme", "a.test", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"host and port without a scheme", "a.test:80", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"no scheme before ://", "://a", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"one slash", "http:/a", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"no host", "http://", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"no host before the path", "http:///x", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"no host before the port", "http://:80/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"no host after the user", "http://me@/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"port 0", "http://a:0/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"port too large", "http://a:65536/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"port of twenty digits", "http://a:18446744073709551696/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"port with a sign", "http://a:+80/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"negative port", "http://a:-1/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"letters in the port", "http://a:8o80/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"space in the port", "http://a:80 /", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"two ports", "http://a:80:81/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"IPv6 without brackets", "http://::1/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"IPv6 not closed", "http://[::1/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"IPv6 closed in the path", "http://[::1/]", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"empty IPv6", "http://[]/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"text after the bracket", "http://[::1]x/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"a name in brackets", "http://[a.test]/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"nine groups in brackets", "http://[1:2:3:4:5:6:7:8:9]/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"space in the host", "http://a b/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"line end in the host", "http://a\r\nX: y/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
    {"control character in the host", "http://a\x7f/", LOCUST_ERR_URL, 0, 0, 0, 0, 0},
};

static void view_is(locust__view got, const char *want)
{
    char text[256];
    CHECK(got.len < sizeof text);
    memcpy(text, got.len ? got.ptr : "", got.len);
    text[got.len] = '\0';
    CHECK_STR(text, want);
}

static void parses(void)
{
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        size_t n = strlen(urls[i].text) + 1;
        char *text = check_guarded(urls[i].text, n);
        locust__url url;
        CHECK_ROW(urls[i].name);
        if (CHECK_INT(locust__url_parse(text, &url), urls[i].error) && !urls[i].error) {
            view_is(url.scheme, urls[i].scheme);
            view_is(url.user_info, urls[i].user);
            view_is(url.host, urls[i].host);
            CHECK_INT(url.port, urls[i].port);
            view_is(url.rest, urls[i].rest);
        }
        check_guarded_free(text, n);
    }
}

/* Every prefix of every row: an answer, no read past the end. */
static void prefixes(void)
{
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        for (size_t n = 0; n < strlen(urls[i].text); n++) {
            char *text = check_guarded(urls[i].text, n + 1);
            locust__url url;
            locust_error error;
            text[n] = '\0';
            CHECK_ROW(urls[i].text);
            error = locust__url_parse(text, &url);
            CHECK(error == LOCUST_OK || error == LOCUST_ERR_URL);
            CHECK(error || (url.host.ptr >= text && url.host.ptr + url.host.len <= text + n));
            check_guarded_free(text, n + 1);
        }
}

static void long_hosts(void)
{
    char text[400] = "http://";
    locust__url url;
    memset(text + 7, 'a', 300);
    memcpy(text + 7 + 253, "/", 2);
    CHECK_ROW("253 bytes");
    CHECK_INT(locust__url_parse(text, &url), LOCUST_OK);
    CHECK_INT(url.host.len, 253);
    memcpy(text + 7 + 253, "a/", 3);
    CHECK_ROW("254 bytes");
    CHECK_INT(locust__url_parse(text, &url), LOCUST_ERR_URL);
}

static const struct {
    const char *name, *in, *out;
} escapes[] = {
    {"nothing", "", ""},
    {"unreserved", "/aZ09-._~", "/aZ09-._~"},
    {"reserved", "/:?[]@!$&'()*+,;=", "/:?[]@!$&'()*+,;="},
    {"space", "/a b?c d", "/a%20b?c%20d"},
    {"escaped already", "/a%20b%2Fc", "/a%20b%2Fc"},
    {"plus stays", "/?q=a+b", "/?q=a+b"},
    {"quotes and brackets", "/\"<>\\^`{|}", "/%22%3C%3E%5C%5E%60%7B%7C%7D"},
    {"UTF-8", "/\xc3\xa4\xe2\x82\xac", "/%C3%A4%E2%82%AC"},
    {"bytes that are no UTF-8", "/\xff\x80", "/%FF%80"},
    {"line end", "/a\r\nX: y", "/a%0D%0AX:%20y"},
    {"control characters", "/\x01\t\x7f", "/%01%09%7F"},
    {"fragment", "/a?b#c d", "/a?b"},
    {"fragment alone", "#c", ""},
};

static void escapes_targets(void)
{
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        size_t n = strlen(escapes[i].in);
        char *in = check_guarded(escapes[i].in, n);
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(escapes[i].name);
        locust__url_add(&out, (locust__view){in, n});
        CHECK(!out.failed);
        view_is((locust__view){out.ptr, out.len}, escapes[i].out);
        locust__buf_free(&out);
        check_guarded_free(in, n);
    }
}

/* Each byte by itself: never a byte in the target that could end it. */
static void escapes_every_byte(void)
{
    for (int c = 1; c < 256; c++) {
        char byte = (char)c, text[8];
        locust__buf out = {NULL, 0, 0, false};
        locust__url_add(&out, (locust__view){&byte, 1});
        snprintf(text, sizeof text, "0x%02X", (unsigned)c);
        CHECK_ROW(text);
        CHECK_INT(out.len, c == '#' ? 0 : (unsigned char)out.ptr[0] == c ? 1 : 3);
        for (size_t i = 0; i < out.len; i++)
            CHECK(out.ptr[i] > ' ' && out.ptr[i] < 127);
        if (out.len == 3) {
            snprintf(text, sizeof text, "%%%02X", (unsigned)c);
            CHECK(memcmp(out.ptr, text, 3) == 0);
        }
        locust__buf_free(&out);
    }
    CHECK_ROW(NULL);
}

static const struct {
    const char *url, *authority, *host;
    int port;
} origins[] = {
    {"http://a.test/x", "a.test", "a.test", 80},
    {"http://a.test:80/", "a.test", "a.test", 80},
    {"http://a.test:8080", "a.test:8080", "a.test", 8080},
    {"http://127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1", 65535},
    {"http://[::1]", "[::1]", "::1", 80},
    {"http://[2001:db8::7]:81/x", "[2001:db8::7]:81", "2001:db8::7", 81},
    {"http://me:pw@b.test/", "b.test", "b.test", 80},
    {"https://b.test/", "b.test", "b.test", 443},
    {"https://b.test:80/", "b.test:80", "b.test", 80},
    {"http://b.test:443/", "b.test:443", "b.test", 443},
};

static void names_origins(void)
{
    locust__arena arena = {NULL};
    locust__origin *first = NULL;
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
        locust__url url;
        locust__origin *origin;
        CHECK_ROW(origins[i].url);
        CHECK_INT(locust__url_parse(origins[i].url, &url), LOCUST_OK);
        origin =
            locust__origin_of(&first, &arena, &url, locust__view_is_nocase(url.scheme, "https"));
        CHECK_STR(origin->authority, origins[i].authority);
        CHECK_STR(origin->host, origins[i].host);
        CHECK_INT(origin->port, origins[i].port);
    }
    locust__arena_free(&arena);
}

/* One origin for one server, whatever the case of its name; another port is another server. */
static void keeps_origins(void)
{
    static const char *const texts[] = {"http://a.test/x", "http://A.TEST:80/y", "HTTP://a.test",
        "http://a.test:81/", "http://a.tes/", "http://a.test.b/", "https://a.test:80"};
    locust__arena arena = {NULL};
    locust__origin *first = NULL, *got[7];
    for (int i = 0; i < 7; i++) {
        locust__url url;
        CHECK_INT(locust__url_parse(texts[i], &url), LOCUST_OK);
        got[i] =
            locust__origin_of(&first, &arena, &url, locust__view_is_nocase(url.scheme, "https"));
    }
    CHECK(got[0] == got[1] && got[0] == got[2]);
    CHECK(got[6] != got[0]); // TLS is another server
    CHECK(got[3] != got[0] && got[4] != got[0] && got[5] != got[0] && got[4] != got[5]);
    locust__arena_free(&arena);
}

/* RFC 3986 5.4.1 and 5.4.2, on http://a/b/c/d;p?q; fragments are never sent, so they are dropped. */
static const struct {
    const char *reference, *url;
} references[] = {
    {"g:h", "g:h"},
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q"},
    {"g#s", "http://a/b/c/g"},
    {"g?y#s", "http://a/b/c/g?y"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"http://h/x", "http://h/x"},
};

static void resolves_references(void)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        locust__buf out = {NULL, 0, 0, false};
        CHECK_ROW(references[i].reference);
        CHECK_INT(
            locust__url_resolve(&out, "http://a/b/c/d;p?q", references[i].reference), LOCUST_OK);
        locust__buf_add(&out, "", 1);
        CHECK_STR(out.ptr, references[i].url);
        locust__buf_free(&out);
    }
}

/* WHATWG URL 5.2: all but letters, digits and -._~ is escaped, and a blank is a plus. */
static void encodes_pairs(void)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__url_add_pairs(
        &out, LOCUST_PARAMS({"q", "tea & cake"}, {"p\xC3\xA9", "a+b=c/~.-_"}, {"none", NULL}), "?");
    locust__buf_add(&out, "", 1);
    CHECK_STR(out.ptr, "?q=tea+%26+cake&p%C3%A9=a%2Bb%3Dc%2F~.-_&none=");
    locust__buf_free(&out);
}

TESTS({"parses", parses}, {"prefixes", prefixes}, {"long hosts", long_hosts},
    {"resolves references", resolves_references}, {"encodes pairs", encodes_pairs},
    {"escapes targets", escapes_targets}, {"escapes every byte", escapes_every_byte},
    {"names origins", names_origins}, {"keeps origins", keeps_origins})
