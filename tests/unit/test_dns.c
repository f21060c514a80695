// Messages of DNS: RFC 1035.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static void queries(void)
{
    static const struct {
        const char *name, *wire; // NULL: cannot be asked
        size_t n;
    } rows[] = {
        {"a", "\1a\0", 3},
        {"a.", "\1a\0", 3},
        {"ab.test", "\2ab\4test\0", 9},
        {"_x-1.test", "\4_x-1\4test\0", 11},
        {"", NULL, 0},
        {".", NULL, 0},
        {"a..b", NULL, 0},
        {".a", NULL, 0},
        {"a..", NULL, 0},
        {"a\\.b", "\3a.b\0", 5}, // escapes of zone files, RFC 1035 5.1
        {"a\\\\b.c", "\3a\\b\1c\0", 7},
        {"a\\046b", "\3a.b\0", 5},
        {"a\\255", "\2a\xff\0", 4},
        {"a\\256", NULL, 0},
        {"a\\25", NULL, 0},
        {"a\\", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char q[LOCUST__DNS_MAX];
        size_t len = strlen(rows[i].name) + 1;
        char *name = check_guarded(rows[i].name, len);
        size_t n = locust__dns_put_query(q, 0xABCD, name, LOCUST__DNS_AAAA);
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(n, rows[i].wire ? 12 + rows[i].n + 4 : 0) && n) {
            CHECK(memcmp(q, "\xab\xcd\1\0\0\1\0\0\0\0\0\0", 12) == 0);
            CHECK(memcmp(q + 12, rows[i].wire, rows[i].n) == 0);
            CHECK(memcmp(q + 12 + rows[i].n, "\0\34\0\1", 4) == 0);
        }
        check_guarded_free(name, len);
    }
}

static void query_limits(void)
{
    unsigned char q[LOCUST__DNS_MAX];
    char name[400];
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    CHECK(locust__dns_put_query(q, 1, name, 1) > 0);
    name[63] = 'a';
    name[64] = '\0';
    CHECK_INT(locust__dns_put_query(q, 1, name, 1), 0);
    for (size_t n = 250; n < 260; n++) { // a name is 255 bytes on the wire, RFC 1035 2.3.4
        memset(name, 'a', sizeof name);
        for (size_t i = 49; i < n; i += 50)
            name[i] = '.';
        name[n - 1] = 'a';
        name[n] = '\0';
        CHECK_INT(locust__dns_put_query(q, 1, name, 1) > 0, n <= 253);
    }
}

static void skip_names(void)
{
    static const struct {
        const char *name, *bytes;
        size_t n, at, want; // 0: runs out
    } rows[] = {
        {"root", "\0", 1, 0, 1},
        {"one label", "\1a\0", 3, 0, 3},
        {"two labels", "\1a\2bc\0", 6, 0, 6},
        {"in the middle", "xx\1a\0yy", 7, 2, 5},
        {"pointer", "\xc0\0", 2, 0, 2},
        {"label, then pointer", "\1a\xc0\0", 4, 0, 4},
        {"pointer to itself is not followed", "\xc0\0", 2, 0, 2},
        {"pointer forward is not followed", "\xff\xff", 2, 0, 2},
        {"nothing", "", 0, 0, 0},
        {"half a pointer", "\xc0", 1, 0, 0},
        {"label, then half a pointer", "\1a\xc0", 3, 0, 0},
        {"no end", "\1a", 2, 0, 0},
        {"label past the end", "\77a", 2, 0, 0},
        {"label up to the end", "\2ab", 3, 0, 0},
        {"reserved 0x40", "\101a\0", 3, 0, 0},
        {"reserved 0x80", "\201a\0", 3, 0, 0},
        {"behind the end", "\0", 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *m = check_guarded(rows[i].bytes, rows[i].n);
        locust__bytes_reader r = locust__bytes_reader_of(m, rows[i].n);
        CHECK_ROW(rows[i].name);
        locust__bytes_skip(&r, rows[i].at);
        locust__dns_skip_name(&r);
        CHECK_INT(r.failed ? 0 : rows[i].n - r.left, rows[i].want);
        check_guarded_free(m, rows[i].n);
    }
}

#define HEAD(flags, answers) "\x12\x34\x81" flags "\0\1\0" answers "\0\0\0\0"
#define QUESTION             "\1a\4test\0\0\1\0\1"
#define OWNER                "\xc0\x0c"
#define RR(type, ttl, len)   "\0" type "\0\1" ttl "\0" len
#define TTL60                "\0\0\0\x3c"
#define M(bytes)             bytes, sizeof(bytes) - 1

// clang-format off
static const struct {
    const char *name, *bytes;
    size_t n;
    bool answers; // is it one to the question?
    locust_error error;
    int n_addrs;
    int64_t ttl_s; // 3600: nothing was said
} messages[] = {
    {"an address", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"two addresses, the shorter time", M(HEAD("\x80", "\2") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1" OWNER RR("\1", "\0\0\0\5", "\4") "\x7f\0\0\2"), true, LOCUST_OK, 2, 5},
    {"CNAME, then an address", M(HEAD("\x80", "\2") QUESTION OWNER RR("\5", TTL60, "\3") "\1b\0" "\1b\0" RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"no record", M(HEAD("\x80", "\0") QUESTION), true, LOCUST_OK, 0, 3600},
    {"NXDOMAIN", M(HEAD("\x83", "\0") QUESTION), true, LOCUST_ERR_NAME, 0, 3600},
    {"SERVFAIL", M(HEAD("\x82", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"REFUSED", M(HEAD("\x85", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"FORMERR", M(HEAD("\x81", "\0") QUESTION), true, LOCUST_ERR_NAME_SERVER, 0, 3600},
    {"time of 0", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\0\0\0\0", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 0},
    {"longest time", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\x7f\xff\xff\xff", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 3600},
    {"top bit of the time counts as 0 (RFC 2181 8)", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", "\xff\xff\xff\xff", "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 0},
    {"more answers claimed than there are", M(HEAD("\x80", "\xff") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"an answer claimed, none there", M(HEAD("\x80", "\1") QUESTION), true, LOCUST_OK, 0, 3600},
    {"owner cut", M(HEAD("\x80", "\1") QUESTION "\xc0"), true, LOCUST_OK, 0, 3600},
    {"record cut in its head", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\1\0\0\0\x3c\0"), true, LOCUST_OK, 0, 3600},
    {"record without its data", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4")), true, LOCUST_OK, 0, 3600},
    {"data cut", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\4") "\x7f\0\0"), true, LOCUST_OK, 0, 3600},
    {"length far past the end", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\1" TTL60 "\xff\xff\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"address of 3 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\3") "\x7f\0\0"), true, LOCUST_OK, 0, 3600},
    {"address of 5 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\1", TTL60, "\5") "\x7f\0\0\1\1"), true, LOCUST_OK, 0, 3600},
    {"IPv6 address of 4 bytes", M(HEAD("\x80", "\1") QUESTION OWNER RR("\34", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"address of another class", M(HEAD("\x80", "\1") QUESTION OWNER "\0\1\0\3" TTL60 "\0\4\x7f\0\0\1"), true, LOCUST_OK, 0, 3600},
    {"unknown type, then an address", M(HEAD("\x80", "\2") QUESTION OWNER "\xff\1\0\1" TTL60 "\0\4\1\2\3\4" OWNER RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"owner that points to itself", M(HEAD("\x80", "\1") QUESTION "\xc0\x18" RR("\1", TTL60, "\4") "\x7f\0\0\1"), true, LOCUST_OK, 1, 60},
    {"nothing", M(""), false, LOCUST_OK, 0, 0},
    {"one byte", M("\x12"), false, LOCUST_OK, 0, 0},
    {"head alone", M(HEAD("\x80", "\0")), false, LOCUST_OK, 0, 0},
    {"question cut", M(HEAD("\x80", "\0") "\1a\4test\0\0\1\0"), false, LOCUST_OK, 0, 0},
    {"another id", M("\x12\x35\x81\x80\0\1\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"a query", M("\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"another name", M(HEAD("\x80", "\0") "\1b\4test\0\0\1\0\1"), false, LOCUST_OK, 0, 0},
    {"another type", M(HEAD("\x80", "\0") "\1a\4test\0\0\34\0\1"), false, LOCUST_OK, 0, 0},
    {"another class", M(HEAD("\x80", "\0") "\1a\4test\0\0\1\0\3"), false, LOCUST_OK, 0, 0},
    {"the name in capitals", M(HEAD("\x80", "\0") "\1A\4TeSt\0\0\1\0\1"), true, LOCUST_OK, 0, 3600},
    {"no question", M("\x12\x34\x81\x80\0\0\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
    {"two questions", M("\x12\x34\x81\x80\0\2\0\0\0\0\0\0" QUESTION), false, LOCUST_OK, 0, 0},
};
// clang-format on

enum { MESSAGES = sizeof messages / sizeof *messages };

static locust__host *new_host(void)
{
    locust__host *host = calloc(1, sizeof *host + 16);
    if (!host)
        abort();
    return host;
}

/* As the resolver does it: looks whether it is an answer, and reads it. */
static bool read_message(
    const void *bytes, size_t n, locust__host *host, locust_error *error, int64_t *ttl_s)
{
    unsigned char q[LOCUST__DNS_MAX], *m = (unsigned char *)check_guarded(bytes, n);
    size_t q_len = locust__dns_put_query(q, 0x1234, "a.test", LOCUST__DNS_A);
    bool answers_it = locust__dns_answers(m, n, q, q_len);
    *ttl_s = 3600;
    if (answers_it)
        *error = locust__dns_read(host, m, n, q_len, ttl_s);
    check_guarded_free((char *)m, n);
    return answers_it;
}

static void reads_messages(void)
{
    for (int i = 0; i < MESSAGES; i++) {
        locust__host *host = new_host();
        locust_error error = LOCUST_OK;
        int64_t ttl_s;
        CHECK_ROW(messages[i].name);
        if (CHECK_INT(read_message(messages[i].bytes, messages[i].n, host, &error, &ttl_s),
                messages[i].answers) &&
            messages[i].answers) {
            CHECK_INT(error, messages[i].error);
            CHECK_INT(host->n_addrs, messages[i].n_addrs);
            CHECK_INT(ttl_s, messages[i].ttl_s);
        }
        free(host);
    }
}

/* Every prefix, and every byte replaced by every value that lengths and flags are made of. */
static void survives_messages(void)
{
    static const unsigned char values[] = {0, 1, 4, 16, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};
    for (int i = 0; i < MESSAGES; i++) {
        unsigned char m[256];
        CHECK_ROW(messages[i].name);
        for (size_t n = 0; n <= messages[i].n; n++) {
            locust__host *host = new_host();
            locust_error error = LOCUST_OK;
            int64_t ttl_s;
            read_message(messages[i].bytes, n, host, &error, &ttl_s);
            CHECK(host->n_addrs >= 0 && host->n_addrs <= messages[i].n_addrs);
            free(host);
        }
        for (size_t at = 0; at < messages[i].n; at++)
            for (size_t v = 0; v < sizeof values; v++) {
                locust__host *host = new_host();
                locust_error error = LOCUST_OK;
                int64_t ttl_s;
                memcpy(m, messages[i].bytes, messages[i].n);
                m[at] = values[v];
                read_message(m, messages[i].n, host, &error, &ttl_s);
                CHECK(host->n_addrs >= 0 && host->n_addrs <= LOCUST__HOST_ADDRS);
                free(host);
            }
    }
}

TESTS({"queries", queries}, {"query limits", query_limits}, {"skip names", skip_names},
    {"reads messages", reads_messages}, {"survives messages", survives_messages}, )
