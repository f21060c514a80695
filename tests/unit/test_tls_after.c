// What a server says behind the handshake: tickets, new keys, alerts. RFC 8446 4.6, 5.1, 6; RFC 5246 7.2.
// variants: gcc clang asan asan-clang valgrind
// libs: -lmbedtls -lmbedx509 -lmbedcrypto
#include "blocks.h"

#include "../check.h"
#include "hex.h"
#define LOCUST_TLS     1
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "keys.h"

static const struct {
    const char *name, *record;
    int suite, want; // the alert
    int renewed;     // how often
    bool keys_owed, refusal_owed, open;
} rows[] = {
    {"a ticket", "04000003 aabbcc", 0x1301, 0, 0, false, false, false},
    {"two tickets", "04000003 aabbcc 04000001 aa", 0x1301, 0, 0, false, false, false},
    {"a ticket, half of it", "04000003 aabb", 0x1301, 0, 0, false, false, true},
    {"half a header", "0400", 0x1301, 0, 0, false, false, true},
    {"an endless ticket", "04ffffff 00", 0x1301, 0, 0, false, false, true},
    {"new keys", "18000001 00", 0x1301, 0, 1, false, false, false},
    {"new keys, ours as well", "18000001 01", 0x1301, 0, 1, true, false, false},
    {"a ticket, new keys", "04000001 aa 18000001 01", 0x1302, 0, 1, true, false, false},
    {"new keys, their byte is to come", "18000001", 0x1301, 0, 0, false, false, true},
    {"new keys that are neither", "18000001 02", 0x1301, LOCUST__TLS_RECORD_ILLEGAL, 0, false,
        false, true},
    {"new keys and more", "18000001 00 04000000", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED, 0, false,
        false, true},
    {"new keys of two bytes", "18000002 0000", 0x1301, LOCUST__TLS_RECORD_DECODE, 0, false, false,
        true},
    {"new keys of none", "18000000", 0x1301, LOCUST__TLS_RECORD_DECODE, 0, false, false, true},
    {"nothing", "", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED, 0, false, false, false},
    {"a certificate is asked for", "0d000003 000000", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED, 0,
        false, false, false},
    {"HelloRequest, 1.3", "00000000", 0x1301, LOCUST__TLS_RECORD_UNEXPECTED, 0, false, false,
        false},
    {"HelloRequest", "00000000", 0xC02F, 0, 0, false, true, false},
    {"HelloRequest twice", "00000000 00000000", 0xC02F, 0, 0, false, true, false},
    {"HelloRequest with something in it", "00000001 00", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED, 0,
        false, false, false},
    {"new keys, 1.2", "18000001 00", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED, 0, false, false, false},
    {"a ticket, 1.2", "04000006 00000000 0000", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED, 0, false,
        false, false},
    {"ServerHello", "02000001 00", 0xC02F, LOCUST__TLS_RECORD_UNEXPECTED, 0, false, false, false},
};

/* The record at once and each byte in a record of its own: keys change between records, so the row in
 * which more follows them is for the first way alone. */
static void messages(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int pieces = 0; pieces < 2; pieces++) {
            locust__tls_keys *keys = keys_new(rows[i].suite, 1), *want = keys_new(rows[i].suite, 1);
            locust__tls_after a = {.skip = 0};
            unsigned char p[64];
            size_t n = hex(rows[i].record, p, sizeof p);
            char *guarded = check_guarded(p, n);
            int rc = 0;
            CHECK_ROW(rows[i].name);
            if (pieces && (!n || strstr(rows[i].name, "and more")))
                goto next;
            for (size_t at = 0; pieces && at < n && !rc; at++)
                rc = locust__tls_after_handshake(&a, keys, (unsigned char *)guarded + at, 1);
            if (!pieces)
                rc = locust__tls_after_handshake(&a, keys, (unsigned char *)guarded, n);
            CHECK_INT(rc, rows[i].want);
            if (rows[i].renewed)
                CHECK(locust__tls_key_renew(want, LOCUST__TLS_SIDE_IN));
            CHECK(memcmp(keys->bytes, want->bytes, 2 * locust__tls_key_of_side(keys->suite)) == 0);
            CHECK(a.keys_owed == rows[i].keys_owed && a.refusal_owed == rows[i].refusal_owed);
            CHECK(locust__tls_after_is_open(&a) == rows[i].open);
        next:
            check_guarded_free(guarded, n);
            free(keys);
            free(want);
        }
}

static void alerts(void)
{
    static const struct {
        const char *name, *record;
        int suite, want, number;
    } alert_rows[] = {
        {"close_notify", "0100", 0x1301, 0, 0},
        {"close_notify, 1.2", "0100", 0xC02F, 0, 0},
        {"close_notify, as fatal", "0200", 0xC02F, 0, 0},
        {"internal_error", "0250", 0x1301, 0, 80},
        {"internal_error, 1.2", "0250", 0xC02F, 0, 80},
        {"a warning that 1.3 has not", "0150", 0x1301, 0, 80},
        {"a warning", "0164", 0xC02F, 0, LOCUST__TLS_AFTER_IGNORED},
        {"user_canceled", "015a", 0x1301, 0, LOCUST__TLS_AFTER_IGNORED},
        {"user_canceled, 1.2", "015a", 0xC02F, 0, LOCUST__TLS_AFTER_IGNORED},
        {"user_canceled, as fatal", "025a", 0x1301, 0, LOCUST__TLS_AFTER_IGNORED},
        {"half of one", "02", 0x1301, LOCUST__TLS_RECORD_DECODE, -2},
        {"none", "", 0xC02F, LOCUST__TLS_RECORD_DECODE, -2},
        {"two", "01000100", 0x1301, LOCUST__TLS_RECORD_DECODE, -2},
    };
    for (size_t i = 0; i < sizeof alert_rows / sizeof *alert_rows; i++) {
        unsigned char p[8];
        size_t n = hex(alert_rows[i].record, p, sizeof p);
        int number = -2;
        CHECK_ROW(alert_rows[i].name);
        CHECK_INT(
            locust__tls_after_alert(locust__tls_key_suite(alert_rows[i].suite), p, n, &number),
            alert_rows[i].want);
        CHECK_INT(number, alert_rows[i].number);
    }
}

TESTS({"messages", messages}, {"alerts", alerts}, )
