// Local addresses to connect from: --source takes addresses, ranges and networks, each in turn.
// boards
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "../check.h"

static const struct {
    const char *name, *list;
    bool good;
    const char *v4, *v6; // the first ones given, a blank behind each
} rows[] = {
    {"one", "10.0.0.1", true, "10.0.0.1 10.0.0.1 ", ""},
    {"a list", "10.0.0.1,10.0.0.5", true, "10.0.0.1 10.0.0.5 10.0.0.1 ", ""},
    {"a range", "10.0.0.254-10.0.1.1", true, "10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1 10.0.0.254 ",
        ""},
    {"a range of one", "10.0.0.7-10.0.0.7", true, "10.0.0.7 10.0.0.7 ", ""},
    {"a network without its ends", "10.0.0.0/30", true, "10.0.0.1 10.0.0.2 10.0.0.1 ", ""},
    {"an address in a network", "10.0.0.6/30", true, "10.0.0.5 10.0.0.6 10.0.0.5 ", ""},
    {"two addresses, RFC 3021", "10.0.0.0/31", true, "10.0.0.0 10.0.0.1 10.0.0.0 ", ""},
    {"a network of one", "10.0.0.9/32", true, "10.0.0.9 10.0.0.9 ", ""},
    {"the largest network", "10.1.2.3/8", true, "10.0.0.1 10.0.0.2 10.0.0.3 ", ""},
    {"a range behind an address", "10.0.0.9,10.0.1.1-10.0.1.2", true,
        "10.0.0.9 10.0.1.1 10.0.1.2 10.0.0.9 ", ""},
    {"IPv6", "fd00::1", true, "", "fd00::1 fd00::1 "},
    {"both families", "fd00::1,10.0.0.1,fd00::2,10.0.0.2", true, "10.0.0.1 10.0.0.2 10.0.0.1 ",
        "fd00::1 fd00::2 fd00::1 "},
    {"all there are", "0.0.0.1-255.255.255.255", true, "0.0.0.1 0.0.0.2 ", ""},
    {"nothing", "", false, "", ""},
    {"an empty element", "10.0.0.1,,10.0.0.2", false, "", ""},
    {"a comma first", ",10.0.0.1", false, "", ""},
    {"a name", "localhost", false, "", ""},
    {"a range backwards", "10.0.0.2-10.0.0.1", false, "", ""},
    {"a range without an end", "10.0.0.2-", false, "", ""},
    {"a range without a beginning", "-10.0.0.2", false, "", ""},
    {"a range to IPv6", "10.0.0.2-::1", false, "", ""},
    {"a range of IPv6", "fd00::1-fd00::2", false, "", ""},
    {"a network of IPv6", "fd00::/64", false, "", ""},
    {"a network too large", "10.0.0.0/7", false, "", ""},
    {"a network of 33 bits", "10.0.0.0/33", false, "", ""},
    {"a network of no bits", "10.0.0.0/", false, "", ""},
    {"a mask", "10.0.0.0/255.255.255.0", false, "", ""},
    {"something behind", "10.0.0.0/24x", false, "", ""},
    {"a blank", "10.0.0.1, 10.0.0.2", false, "", ""},
};

/* Takes as many addresses of a family as `want` names. */
static void gives(locust__sources *sources, sa_family_t family, const char *want)
{
    char got[400] = "";
    int n = 0;
    for (const char *p = want; *p; p++)
        n += *p == ' ';
    for (sources->next = 0; n > 0; n--) {
        char text[INET6_ADDRSTRLEN] = "";
        locust__addr a;
        if (!CHECK(locust__sources_next(sources, family, &a)))
            return;
        CHECK_INT(a.as.any.sa_family, family);
        inet_ntop(family,
            family == AF_INET ? (void *)&a.as.in.sin_addr : (void *)&a.as.in6.sin6_addr, text,
            sizeof text);
        CHECK_INT(family == AF_INET ? a.as.in.sin_port : a.as.in6.sin6_port, 0); // any port
        strcat(strcat(got, text), " ");
    }
    CHECK_STR(got, want);
}

static void lists(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        static locust__sources sources;
        size_t n = strlen(rows[i].list) + 1;
        char *list = check_guarded(rows[i].list, n);
        locust__addr a;
        memset(&sources, 0, sizeof sources);
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(locust__sources_read(&sources, list), rows[i].good) && rows[i].good) {
            gives(&sources, AF_INET, rows[i].v4);
            gives(&sources, AF_INET6, rows[i].v6);
            CHECK_INT(locust__sources_next(&sources, AF_INET, &a), *rows[i].v4 != '\0');
            CHECK_INT(locust__sources_next(&sources, AF_INET6, &a), *rows[i].v6 != '\0');
        }
        check_guarded_free(list, n);
    }
}

static void without_sources(void)
{
    static locust__sources sources;
    locust__addr a;
    CHECK(!locust__sources_next(&sources, AF_INET, &a));
    CHECK(!locust__sources_next(&sources, AF_INET6, &a));
}

static void at_most_64_ranges(void)
{
    static locust__sources sources;
    char list[64 * 9 + 10] = "";
    for (int i = 0; i < LOCUST__SOURCES_MAX; i++)
        strcat(list, i ? ",10.0.0.1" : "10.0.0.1");
    CHECK(locust__sources_read(&sources, list));
    CHECK_INT(sources.n, 64);
    memset(&sources, 0, sizeof sources);
    strcat(list, ",10.0.0.1");
    CHECK(!locust__sources_read(&sources, list));
}

TESTS({"lists", lists}, {"without sources", without_sources},
    {"at most 64 ranges", at_most_64_ranges}, )
