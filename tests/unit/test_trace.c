// The trace context of requests: W3C Trace Context 3.2, and which requests are sampled.
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"

static char text[512];

/* Writes the fields of a request of `client`. */
static const char *fields(locust__tracer *t, const void *client, bool again, bool parent)
{
    locust__writer w = {text, text + sizeof text - 1, LOCUST_OK};
    locust__trace_write(t, client, 7, again, parent, true, &w);
    *w.ptr = '\0';
    return text;
}

static void form(void)
{
    static locust__tracer t = {.share = 1, .random = 5, .run = 0xABC};
    const char *s = fields(&t, &t, false, true);
    CHECK_INT(strspn(s + 16, "0123456789abcdef"), 32); // behind "traceparent: 00-"
    CHECK(strncmp(s, "traceparent: 00-", 16) == 0 && s[48] == '-');
    CHECK_INT(strspn(s + 49, "0123456789abcdef"), 16);
    CHECK_STR(s + 65, "-01\r\nbaggage: locust.run=0000000000000abc,locust.user=7\r\n");
    CHECK_STR(fields(&t, &t, false, false), // the test's own field stands
        "baggage: locust.run=0000000000000abc,locust.user=7\r\n");
}

static void hops(void)
{
    static locust__tracer t = {.share = 1, .random = 6};
    char first[sizeof text];
    locust__trace ids;
    strcpy(first, fields(&t, &t, false, true));
    CHECK_STR(fields(&t, &t, true, true), first); // of one request
    CHECK(locust__trace_take(&t, &t, &ids) && ids.high && ids.low && ids.span);
    CHECK(!locust__trace_take(&t, &t, &ids));
    CHECK(strcmp(fields(&t, &t, false, true), first) != 0);           // the next request
    CHECK(strncmp(fields(&t, text, true, true) + 65, "-00", 3) == 0); // nobody knows how it began
}

static void share(void)
{
    static locust__tracer t = {.share = 0.25, .random = 7};
    static char clients[4000];
    int sampled = 0;
    for (int i = 0; i < 4000; i++) {
        locust__trace ids;
        bool says = strncmp(fields(&t, &clients[i], false, true) + 65, "-01", 3) == 0;
        CHECK(locust__trace_take(&t, &clients[i], &ids) == says);
        sampled += says;
    }
    CHECK(sampled > 890 && sampled < 1110); // four deviations of a binomial
}

TESTS({"form of the fields", form}, {"hops of a request have one id", hops},
    {"a share is sampled", share}, )
