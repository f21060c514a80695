// MongoDB's connection strings: its specifications "Connection String" and "URI Options".
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *url, *host;
    int port;
    const char *user, *password, *database, *source, *mechanism;
    bool secure;
} good[] = {
    {"mongodb://h", "h", 0, NULL, NULL, "test", "admin", NULL, false},
    {"mongodb://h/", "h", 0, NULL, NULL, "test", "admin", NULL, false},
    {"MONGODB://h:27018/shop", "h", 27018, NULL, NULL, "shop", "shop", NULL, false},
    {"mongodb://[::1]:1/a%20b", "::1", 1, NULL, NULL, "a b", "a b", NULL, false},
    {"mongodb://h?tls=true", "h", 0, NULL, NULL, "test", "admin", NULL, true},
    {"mongodb://u:p@h/shop", "h", 0, "u", "p", "shop", "shop", NULL, false},
    {"mongodb://u:p@h/shop?authSource=admin", "h", 0, "u", "p", "shop", "admin", NULL, false},
    {"mongodb://u%40x:a%3Ab%2F%25@h/", "h", 0, "u@x", "a:b/%", "test", "admin", NULL, false},
    {"mongodb://u:@h/", "h", 0, "u", "", "test", "admin", NULL, false},
    {"mongodb://u:p@h/?authMechanism=SCRAM-SHA-1", "h", 0, "u", "p", "test", "admin", "SCRAM-SHA-1",
        false},
    {"mongodb://u:p@h/d?authMechanism=PLAIN", "h", 0, "u", "p", "d", "$external", "PLAIN", false},
    {"mongodb://u:p@h/?authMechanism=DEFAULT", "h", 0, "u", "p", "test", "admin", NULL, false},
    {"mongodb://h/d?ssl=true&tls=false", "h", 0, NULL, NULL, "d", "d", NULL, false},
    {"mongodb://h/d?retryWrites=true&replicaSet=rs&maxPoolSize=5&TLS=true", "h", 0, NULL, NULL, "d",
        "d", NULL, true},
};

static const struct {
    const char *url, *wrong; // a part of the sentence
} bad[] = {
    {"", "the host of a MongoDB user is mongodb://"},
    {"h:27017", "the host of a MongoDB user is mongodb://"},
    {"http://h", "the host of a MongoDB user is mongodb://"},
    {"mongodb:/h", "the host of a MongoDB user is mongodb://"},
    {"mongodb+srv://h.test", "which are not looked up here"},
    {"mongodb://a,b", "names several hosts"},
    {"mongodb://u:p@a:1,b:2/d?x=y", "names several hosts"},
    {"mongodb://", "malformed"},
    {"mongodb://h:0", "malformed"},
    {"mongodb://h:65536", "malformed"},
    {"mongodb://h:x", "malformed"},
    {"mongodb://[::1", "malformed"},
    {"mongodb://%2Ftmp%2Fmongodb-27017.sock", ".unix_socket"},
    {"mongodb://u@h", "a user and no password"},
    {"mongodb://h/?nosuch=1", "not known here: nosuch"},
    {"mongodb://h/?tls", "an option without a value: tls"},
    {"mongodb://h/?tls=", "an option without a value: tls"},
    {"mongodb://h/?tls=1", "an option tls that is neither true nor false"},
    {"mongodb://h/?timeoutMS=x", "an option timeoutMS that is no whole number"},
    {"mongodb://h/?timeoutMS=-1", "an option timeoutMS that is no whole number"},
    {"mongodb://h/?authMechanism=GSSAPI", "the authMechanism GSSAPI is not known here"},
    {"mongodb://h/?w=0", "nothing to time"},
    {"mongodb://h/?readPreference=other", "the readPreference other is not known to MongoDB"},
};

static bool is_text(locust__view got, const char *want)
{
    return want ? got.ptr && locust__view_is(got, want) : !got.ptr;
}

static void strings(void)
{
    locust__services sv;
    memset(&sv, 0, sizeof sv);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const locust__mongo_target *t = locust__mongo_target_of(&sv, good[i].url, NULL, NULL);
        CHECK_ROW(good[i].url);
        CHECK_STR(t->wrong, NULL);
        if (t->wrong)
            continue;
        CHECK(locust__view_is(t->url.host, good[i].host) && t->url.port == good[i].port);
        CHECK(is_text(t->user, good[i].user) && is_text(t->password, good[i].password));
        CHECK_STR(t->database, good[i].database);
        CHECK_STR(t->auth_source, good[i].source);
        CHECK_STR(t->mechanism, good[i].mechanism);
        CHECK_INT(t->secure, good[i].secure);
        CHECK(locust__mongo_target_of(&sv, good[i].url, NULL, NULL) == t); // once in a test
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const locust__mongo_target *t = locust__mongo_target_of(&sv, bad[i].url, NULL, NULL);
        CHECK_ROW(bad[i].url);
        if (!t->wrong || !strstr(t->wrong, bad[i].wrong))
            CHECK_STR(t->wrong, bad[i].wrong);
    }
    locust__arena_free(&sv.arena);
}

static void options(void)
{
    locust__services sv;
    const locust__mongo_target *t, *other;
    locust__view reads, writes;
    memset(&sv, 0, sizeof sv);
    t = locust__mongo_target_of(&sv,
        "mongodb://h/?timeoutMS=1500&appName=a%20b&tlsCAFile=/ca.pem&tlsCertificateKeyFile=/k.pem"
        "&tlsAllowInvalidCertificates=true&w=2&journal=false&wTimeoutMS=7"
        "&readConcernLevel=local&readPreference=secondary",
        "given", "too");
    CHECK_STR(t->wrong, NULL);
    CHECK_NEAR(t->timeout_s, 1.5, 1e-9);
    CHECK_STR(t->app_name, "a b");
    CHECK_STR(t->tls.ca_file, "/ca.pem");
    CHECK_STR(t->tls.cert_file, "/k.pem");
    CHECK(t->tls.insecure && !t->secure);
    CHECK(is_text(t->user, "given") && is_text(t->password, "too"));
    writes = t->for_writes;
    reads = t->for_reads;
    CHECK(writes.len == 44 &&
          memcmp(writes.ptr,
              "\3writeConcern\0\x1e\0\0\0\x10w\0\2\0\0\0\x08j\0\0\x10wtimeout\0\7\0\0\0", 44) == 0);
    CHECK(reads.len > 40 && memcmp(reads.ptr, "\3$readPreference\0", 17) == 0);
    other = locust__mongo_target_of(&sv, t->text, "given", "other");
    CHECK(other != t && is_text(other->password, "other"));
    locust__arena_free(&sv.arena);
}

TESTS({"strings", strings}, {"options", options}, )
