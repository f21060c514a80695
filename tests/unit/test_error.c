// The sentence of each error: one for each code, and one that may group failures in a report.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static void each_has_its_own(void)
{
    for (int i = 0; i < LOCUST_ERROR_COUNT; i++) {
        const char *text = locust_error_text((locust_error)i);
        CHECK_ROW(text);
        CHECK(text && *text);
        for (int k = 0; k < i; k++)
            CHECK(strcmp(text, locust_error_text((locust_error)k)) != 0);
    }
}

/* A failure's row is found by its text: no line end or comma's quote may break a table or a CSV
 * file, and nothing in it may differ from one failure to the next. */
static void each_fits_a_row(void)
{
    for (int i = 0; i < LOCUST_ERROR_COUNT; i++) {
        const char *text = locust__error_text((locust_error)i);
        CHECK_ROW(text);
        for (const char *p = text; *p; p++)
            CHECK(*p >= ' ' && *p < 127 && *p != '%' && *p != '"');
        CHECK(text[strlen(text) - 1] != '.');
    }
}

static const struct {
    locust_error error;
    const char *text;
} some[] = {
    {LOCUST_OK, "ok"}, // the first of the list: zero is no error
    {LOCUST_ERR_TIMEOUT, "timed out"},
    {LOCUST_ERR_REFUSED, "connection refused"},
    {LOCUST_ERR_TLS, "TLS handshake failed"}, // the last one
    {LOCUST_ERROR_COUNT, "unknown error"},
    {(locust_error)100000, "unknown error"},
};

static void sentences(void)
{
    CHECK_INT(LOCUST_OK, 0);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        CHECK_STR(locust_error_text(some[i].error), some[i].text);
}

TESTS({"each has its own", each_has_its_own}, {"each fits a row", each_fits_a_row},
    {"sentences", sentences}, )
