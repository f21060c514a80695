// What is wrong with a test before it runs: the first fault, its sentence and its exit code.
// boards
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "../check.h"

static void the_first_one_stays(void)
{
    locust__fault fault = {.code = 0};
    CHECK(!locust__fault_set(&fault, LOCUST__EXIT_USAGE, "--users takes %s, not %d", "x", 10));
    CHECK_INT(fault.code, LOCUST__EXIT_USAGE);
    CHECK_STR(fault.text, "--users takes x, not 10");
    CHECK(!locust__fault_set(&fault, 1, "a consequence"));
    CHECK(!locust__fault_memory(&fault));
    CHECK_INT(fault.code, LOCUST__EXIT_USAGE);
    CHECK_STR(fault.text, "--users takes x, not 10");
}

static void memory(void)
{
    locust__fault fault = {.code = 0};
    CHECK(!locust__fault_memory(&fault));
    CHECK_INT(fault.code, LOCUST__EXIT_USAGE);
    CHECK_STR(fault.text, "out of memory");
}

/* A sentence that is too long is cut. */
static void long_sentences(void)
{
    locust__fault fault = {.code = 0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK(!locust__fault_set(&fault, 1, "%s", text));
    CHECK_INT(strlen(fault.text), sizeof fault.text - 1);
    CHECK_INT(strspn(fault.text, "x"), sizeof fault.text - 1);
}

TESTS({"the first one stays", the_first_one_stays}, {"memory", memory},
    {"long sentences", long_sentences}, )
