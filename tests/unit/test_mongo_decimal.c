// Decimal128: IEEE 754-2008 3.5.2 and the texts of BSON's specification.
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

static const struct {
    const char *text, *bytes; // little-endian; NULL: it is none
    const char *shown;        // NULL: as `text`
} rows[] = {
    {"0", "00000000000000000000000000004030", NULL},
    {"-0", "000000000000000000000000000040b0", NULL},
    {"1", "01000000000000000000000000004030", NULL},
    {"-1", "010000000000000000000000000040b0", NULL},
    {"0.1", "01000000000000000000000000003e30", NULL},
    {"0.001234", "d2040000000000000000000000003430", NULL},
    {"0.00123400000", "40ef5a07000000000000000000002a30", NULL},
    {"123456789012", "141a99be1c0000000000000000004030", NULL},
    {"1E+3", "01000000000000000000000000004630", NULL},
    {"1e3", "01000000000000000000000000004630", "1E+3"},
    {"1.000E-7", "e8030000000000000000000000002c30", NULL},
    {"0.000001", "01000000000000000000000000003430", NULL},
    {"1E-7", "01000000000000000000000000003230", NULL},
    {"0.0", "00000000000000000000000000003e30", NULL},
    {"0E+6", "00000000000000000000000000004c30", NULL},
    {"0E-7", "00000000000000000000000000003230", NULL},
    {"00012.50", "e2040000000000000000000000003c30", "12.50"},
    {".5", "05000000000000000000000000003e30", "0.5"},
    {"5.", "05000000000000000000000000004030", "5"},
    {"+7", "07000000000000000000000000004030", "7"},
    {"Infinity", "00000000000000000000000000000078", NULL},
    {"-inf", "000000000000000000000000000000f8", "-Infinity"},
    {"NaN", "0000000000000000000000000000007c", NULL},
    {"nan", "0000000000000000000000000000007c", "NaN"},
    {"9999999999999999999999999999999999", "ffffffff638e8d37c087adbe09ed4130", NULL},
    {"9.999999999999999999999999999999999E+6144", "ffffffff638e8d37c087adbe09edff5f", NULL},
    {"1E-6176", "01000000000000000000000000000000", NULL},
    {"1E+6144", "000000000a5bc138938d44c64d31fe5f", "1.000000000000000000000000000000000E+6144"},
    {"10E-6177", "01000000000000000000000000000000", "1E-6176"},
    {"0E+9999999999999", "0000000000000000000000000000fe5f", "0E+6111"},
    {"0E-99999", "00000000000000000000000000000000", "0E-6176"},
    {"100000000000000000000000000000000000", "000000000a5bc138938d44c64d314430",
        "1.000000000000000000000000000000000E+35"},
    {"12345678901234567890123456789012345", NULL, NULL},
    {"1E+6145", NULL, NULL},
    {"1E-6177", NULL, NULL},
    {"11E-6177", NULL, NULL},
    {"1E+99999999999999999999", NULL, NULL},
    {"", NULL, NULL},
    {".", NULL, NULL},
    {"-", NULL, NULL},
    {"E5", NULL, NULL},
    {"1E", NULL, NULL},
    {"1E+", NULL, NULL},
    {"1 ", NULL, NULL},
    {" 1", NULL, NULL},
    {"1..2", NULL, NULL},
    {"1.2.3", NULL, NULL},
    {"0x1", NULL, NULL},
    {"infinit", NULL, NULL},
};

static void texts(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char got[16];
        char digits[33] = "", shown[LOCUST__DECIMAL_TEXT];
        bool good = locust__decimal_parse(locust__view_of(rows[i].text), got);
        CHECK_ROW(rows[i].text);
        if (!CHECK_INT(good, rows[i].bytes != NULL) || !good)
            continue;
        for (int k = 0; k < 16; k++)
            snprintf(digits + 2 * k, 3, "%02x", got[k]);
        CHECK_STR(digits, rows[i].bytes);
        locust__decimal_format(got, shown);
        CHECK_STR(shown, rows[i].shown ? rows[i].shown : rows[i].text);
    }
}

/* Encodings that no text gives. */
static void encodings(void)
{
    static const struct {
        const char *bytes, *shown;
    } odd[] = {
        {"00000000000000000000000000000000", "0E-6176"},
        {"ffffffffffffffffffffffffffff4130", "0"}, // a coefficient of more than 34 digits
        {"0000000000000000000000000000106c", "0"}, // the long form, exponent 0
        {"000000000000000000000000000000fc", "NaN"},
        {"0100000000000000000000000000007e", "NaN"},
        {"12000000000000000000000000000078", "Infinity"},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        unsigned char bytes[16];
        char shown[LOCUST__DECIMAL_TEXT];
        hex(odd[i].bytes, bytes, sizeof bytes);
        CHECK_ROW(odd[i].bytes);
        locust__decimal_format(bytes, shown);
        CHECK_STR(shown, odd[i].shown);
    }
}

TESTS({"texts", texts}, {"encodings", encodings}, )
