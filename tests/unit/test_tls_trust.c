// Where the certificates to trust come from: the file that was asked for, SSL_CERT_FILE,
// SSL_CERT_DIR, the system's. Reading and parsing them is in tests/whole/test_tls.py and
// tests/fuzz/certs.c, as unit tests link libc alone.
// variants: gcc clang asan valgrind
#include "blocks.h"

#include "../check.h"
#if !__has_include(<mbedtls/ssl.h>)
static void needs_mbedtls(void)
{
    SKIP("the headers of mbedTLS are missing");
}
TESTS({"needs mbedTLS", needs_mbedtls}, )
#else
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"

static locust__arena arena;

/* All paths exist, and hold nothing. */
static const struct {
    const char *name, *asked, *file, *dir;
    const char *path; // NULL: one of the system's, or none
    bool is_dir;
} rows[] = {
    {"a file that was asked for", "/dev/null", NULL, NULL, "/dev/null", false},
    {"before the variables", "/dev/null", "/dev/zero", "/tmp", "/dev/null", false},
    {"SSL_CERT_FILE", NULL, "/dev/zero", NULL, "/dev/zero", false},
    {"SSL_CERT_FILE before SSL_CERT_DIR", NULL, "/dev/zero", "/tmp", "/dev/zero", false},
    {"SSL_CERT_DIR", NULL, NULL, "/tmp", "/tmp", true},
    {"a SSL_CERT_FILE that is not there", NULL, "/nonexistent", "/tmp", "/tmp", true},
    {"an empty SSL_CERT_FILE", NULL, "", "/tmp", "/tmp", true},
    {"a SSL_CERT_DIR that is not there", NULL, NULL, "/nonexistent", NULL, false},
    {"the system's", NULL, NULL, NULL, NULL, false},
};

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void finds(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static locust__tls tls;
        locust__tls_roots r = {.asked = rows[i].asked};
        locust_error error;
        CHECK_ROW(rows[i].name);
        memset(&tls, 0, sizeof tls);
        tls.arena = &arena;
        set("SSL_CERT_FILE", rows[i].file);
        set("SSL_CERT_DIR", rows[i].dir);
        error = locust__tls_find_roots(&tls, &r);
        CHECK(!r.pem);
        CHECK_INT(r.is_dir, rows[i].is_dir);
        if (rows[i].path) {
            CHECK_INT(error, LOCUST_OK);
            CHECK_STR(r.path, rows[i].path);
        } else if (error) { // this machine has none
            CHECK(strstr(tls.broken, "no CA certificates found on this machine") == tls.broken);
        } else {
            CHECK(*r.path == '/' && access(r.path, R_OK) == 0);
        }
        locust__arena_free(&arena);
        CHECK_INT(blocks_live, 0);
    }
    set("SSL_CERT_FILE", NULL);
    set("SSL_CERT_DIR", NULL);
    CHECK_ROW(NULL);
}

/* A file that was asked for and is not there ends the test: nothing else is trusted in its place.
 * */
static void a_file_that_is_not_there(void)
{
    static locust__tls tls = {.arena = &arena};
    locust__tls_roots r = {.asked = "/nonexistent"};
    set("SSL_CERT_FILE", "/dev/null");
    CHECK_INT(locust__tls_find_roots(&tls, &r), LOCUST_ERR_TLS);
    CHECK_STR(
        tls.broken, "cannot read the CA certificates in /nonexistent: No such file or directory");
    r.asked = "/nonexistent/2";
    CHECK_INT(locust__tls_find_roots(&tls, &r), LOCUST_ERR_TLS);
    CHECK_STR(tls.broken, // the first reason counts
        "cannot read the CA certificates in /nonexistent: No such file or directory");
    set("SSL_CERT_FILE", NULL);
    CHECK_INT(blocks_live, 0);
}

static void without_memory(void)
{
    static locust__tls tls = {.arena = &arena};
    locust__tls_roots r = {.asked = "/dev/null"};
    blocks_fail_in = 0;
    CHECK_INT(locust__tls_find_roots(&tls, &r), LOCUST_ERR_MEMORY);
    CHECK(!tls.broken); // the next connection tries again
}

TESTS({"finds", finds}, {"a file that is not there", a_file_that_is_not_there},
    {"without memory", without_memory}, )
#endif
