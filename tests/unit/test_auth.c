// Answers to the challenges of RFC 7616 and RFC 2617, and Basic of RFC 7617.
// boards
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

/* Answers a challenge with the client nonce of the standard's example in place of a random one. */
static const char *answer(const char *challenge, const char *credentials, const char *target)
{
    static char text[1024];
    locust__digest d;
    locust__buf out = {NULL, 0, 0, false};
    bool stale;
    *text = '\0';
    if (locust__auth_find_digest(locust__view_of(challenge), &d, &stale)) {
        locust__auth_digest(&out, &d, credentials, "GET", target, 0x0123456789abcdef);
        snprintf(text, sizeof text, "%.*s", (int)out.len, out.ptr);
    }
    locust__buf_free(&out);
    return text;
}

/* The value of a field in an answer. */
static const char *part(const char *text, const char *name)
{
    static char value[256];
    const char *at = strstr(text, name);
    size_t n;
    *value = '\0';
    if (!at)
        return value;
    at += strlen(name);
    at += *at == '"';
    n = strcspn(at, "\",");
    snprintf(value, sizeof value, "%.*s", (int)n, at);
    return value;
}

// Computed by openssl dgst from the formulas of RFC 7616 3.4.1: user Mufasa, password
// "Circle of Life", realm http-auth@example.org, target /dir/index.html, nc=00000001,
// cnonce=0123456789abcdef. The row without qop is RFC 2069's form.
#define NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define REALM "Digest realm=\"http-auth@example.org\", nonce=\"" NONCE "\""
static const struct {
    const char *challenge, *response;
} challenges[] = {
    {REALM ", qop=\"auth, auth-int\", algorithm=MD5", "MD5"},
    {REALM ", qop=\"auth, auth-int\", algorithm=SHA-256, opaque=\"o\\\"p\"", "SHA"},
    {REALM ", qop=auth, algorithm=MD5-sess", "SESS"},
    {REALM, "OLD"},
    {"Basic realm=\"a, Digest b\", " REALM ", qop=auth", "MD5"},
    {REALM ", qop=auth, algorithm=MD5, " REALM ", algorithm=SHA-256, qop=auth", "SHA"},
    {REALM ", qop=auth-int", ""},
    {REALM ", algorithm=SHA-512-256", ""},
    {"Digest realm=\"x\"", ""},
    {"Bearer", ""},
    {"", ""},
};

static void hash(char *out, bool sha256, const char *text)
{
    FILE *command;
    char line[1024], *equals;
    snprintf(
        line, sizeof line, "printf %%s '%s' | openssl dgst -%s", text, sha256 ? "sha256" : "md5");
    command = popen(line, "r");
    equals = command && fgets(line, sizeof line, command) ? strstr(line, "= ") : NULL;
    snprintf(out, LOCUST__HASH_HEX, "%.*s", equals ? (int)strcspn(equals + 2, "\n") : 0,
        equals ? equals + 2 : "");
    if (command)
        pclose(command);
}

/* What the formulas give, by openssl. */
static const char *expected(const char *kind)
{
    static char response[LOCUST__HASH_HEX];
    char ha1[LOCUST__HASH_HEX], ha2[LOCUST__HASH_HEX], text[512];
    bool sha = strcmp(kind, "SHA") == 0;
    hash(ha1, sha, "Mufasa:http-auth@example.org:Circle of Life");
    hash(ha2, sha, "GET:/dir/index.html");
    if (strcmp(kind, "SESS") == 0) {
        snprintf(text, sizeof text, "%s:" NONCE ":0123456789abcdef", ha1);
        hash(ha1, sha, text);
    }
    if (strcmp(kind, "OLD") == 0)
        snprintf(text, sizeof text, "%s:" NONCE ":%s", ha1, ha2);
    else
        snprintf(text, sizeof text, "%s:" NONCE ":00000001:0123456789abcdef:auth:%s", ha1, ha2);
    hash(response, sha, text);
    return response;
}

static void answers_challenges(void)
{
    char probe[LOCUST__HASH_HEX];
    hash(probe, false, "abc");
    if (!*probe)
        SKIP("openssl is missing");
    for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
        const char *text =
            answer(challenges[i].challenge, "Mufasa:Circle of Life", "/dir/index.html");
        CHECK_ROW(challenges[i].challenge);
        if (!*challenges[i].response) {
            CHECK_STR(text, "");
            continue;
        }
        CHECK_STR(part(text, "response="), expected(challenges[i].response));
        CHECK_STR(part(text, "username="), "Mufasa");
        CHECK_STR(part(text, "uri="), "/dir/index.html");
        CHECK_STR(part(text, "nonce="), NONCE);
        if (strstr(challenges[i].challenge, "qop"))
            CHECK_STR(part(text, "nc="), "00000001");
    }
    CHECK(strstr(answer(challenges[1].challenge, "a:b", "/"), "opaque=\"o\\\"p\"") != NULL);
    CHECK(strstr(answer(challenges[3].challenge, "a:b", "/"), "cnonce") == NULL);
}

static const struct {
    const char *credentials, *field;
} basics[] = {
    // RFC 7617 section 2, and RFC 4648 section 10 in the lengths of its padding
    {"Aladdin:open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"test:123\xC2\xA3", "Basic dGVzdDoxMjPCow=="},
    {"fo:oba", "Basic Zm86b2Jh"},
    {"user", "Basic dXNlcjo="},
    {"", "Basic Og=="},
};

static void basic(void)
{
    for (size_t i = 0; i < sizeof basics / sizeof *basics; i++) {
        locust__buf out = {NULL, 0, 0, false}, back = {NULL, 0, 0, false};
        CHECK_ROW(basics[i].credentials);
        locust__auth_basic(&out, basics[i].credentials);
        CHECK_STR(out.ptr, basics[i].field);
        CHECK(locust__base64_decode(&back, locust__view_of(basics[i].field + 6)));
        CHECK(strncmp(back.ptr, basics[i].credentials, strlen(basics[i].credentials)) == 0);
        locust__buf_free(&out);
        locust__buf_free(&back);
    }
}

TESTS({"challenges", answers_challenges}, {"basic", basic}, )
