// Names of types of DNS records, and rcodes.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"

static void numbers(void)
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"A", 1},
        {"a", 1},
        {"AAAA", 28},
        {"Https", 65},
        {"ANY", 255},
        {"CAA", 257},
        {"DLV", 32769},
        {"TYPE1", 1},
        {"type65280", 65280},
        {"TYPE65535", 65535},
        {"TYPE65536", -1},
        {"TYPE", -1},
        {"TYPE-1", -1},
        {"TYPE1x", -1},
        {"", -1},
        {"AA", -1},
        {"1", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].name);
        CHECK_INT(locust__dns_type_number(rows[i].name), rows[i].number);
    }
}

static void once_each(void)
{
    for (int i = 0; i < LOCUST__DNS_TYPES; i++) {
        const locust__dns_type *t = &locust__dns_types[i];
        CHECK_ROW(t->name);
        CHECK(locust__dns_type_of((unsigned)t->number) == t);
        CHECK_INT(locust__dns_type_number(t->name), t->number);
    }
    CHECK(!locust__dns_type_of(65280));
}

static void rcodes(void)
{
    static const struct {
        int rcode;
        const char *name;
    } rows[] = {
        {0, "NOERROR"},
        {1, "FORMERR"},
        {2, "SERVFAIL"},
        {3, "NXDOMAIN"},
        {4, "NOTIMP"},
        {5, "REFUSED"},
        {9, "NOTAUTH"},
        {12, "RCODE12"},
        {16, "BADVERS"},
        {23, "BADCOOKIE"},
        {4095, "RCODE4095"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        locust__dns_rcode_text(rows[i].rcode, text);
        CHECK_STR(text, rows[i].name);
    }
}

TESTS({"numbers", numbers}, {"once each", once_each}, {"rcodes", rcodes})
