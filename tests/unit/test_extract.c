// Values out of a body: POSIX regular expressions, text between.
// boards
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static void finds_between(void)
{
    char out[6];
    CHECK(locust__extract_between("a <b>bold</b> c", "<b>", "</b>", out, sizeof out));
    CHECK_STR(out, "bold");
    CHECK(locust__extract_between("x=;", "x=", ";", out, sizeof out));
    CHECK_STR(out, "");
    CHECK(!locust__extract_between("x=1", "x=", ";", out, sizeof out));
    CHECK(!locust__extract_between(";x=1", "y=", ";", out, sizeof out));
    CHECK(!locust__extract_between("x=123456;", "x=", ";", out, sizeof out)); // does not fit
    CHECK(locust__extract_between("x=12345;", "x=", ";", out, sizeof out));
}

static void compiles_a_pattern_once(void)
{
    locust__pattern *first = NULL, *a = locust__pattern_of(&first, "a(b+)c");
    CHECK(a != NULL && locust__pattern_of(&first, "a(b+)c") == a);
    CHECK(locust__pattern_of(&first, "other") != a);
    locust__pattern_free_all(first);
}

static void bad_pattern(void *arg)
{
    locust__pattern *first = NULL;
    (void)arg;
    locust__pattern_of(&first, "a(b");
}

static void refuses_a_bad_pattern(void)
{
    char *said;
    int status = check_fork(bad_pattern, NULL, &said);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    CHECK(
        strstr(said, "locust: locust_match() cannot use the regular expression \"a(b\": ") == said);
    free(said);
}

TESTS({"finds between", finds_between}, {"compiles a pattern once", compiles_a_pattern_once},
    {"refuses a bad pattern", refuses_a_bad_pattern}, )
