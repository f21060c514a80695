// Server-sent events. HTML standard 9.2.5 and 9.2.6, with the streams of its examples.
// boards
#include "blocks.h"
#define LOCUST_MAX_BODY 100000
#define LOCUST__LAYERS  5
#include "../../tools/header/all.h"
#include "../check.h"

/* What a stream gave, as text: [type|data|id|retry] for each event. */
static char got[2000];
static int stop_after;

static bool hear(void *arg, const locust_sse_event *e)
{
    CHECK(arg == got);
    snprintf(got + strlen(got), sizeof got - strlen(got), "[%s|%s|%s|%d]", e->type, e->data, e->id,
        e->retry_ms);
    return --stop_after != 0;
}

static locust__sse open_stream(void)
{
    *got = '\0';
    stop_after = 0;
    return (locust__sse){.fn = hear, .arg = got, .retry_ms = -1};
}

static const struct {
    const char *name, *in, *want;
} rows[] = {
    // 9.2.6, the examples
    {"stock ticker", "data: YHOO\ndata: +2\ndata: 10\n\n", "[message|YHOO\n+2\n10||-1]"},
    {"a comment, an id, no id, a blank in front",
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        "[message|first event|1|-1][message|second event||-1][message| third event||-1]"},
    {"empty data twice, the last one is cut",
        "data\n\ndata\ndata\n\ndata:", "[message|||-1][message|\n||-1]"},
    {"the blank behind the colon", "data:test\n\ndata: test\n\n",
        "[message|test||-1][message|test||-1]"},
    {"two events",
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 1\n\n",
        "[add|73857293||-1][remove|2153||-1][add|1||-1]"},
    // lines
    {"CR", "data: a\r\rdata: b\r\r", "[message|a||-1][message|b||-1]"},
    {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "[message|a||-1][message|b||-1]"},
    {"all of them", "data: a\r\ndata: b\rdata: c\n\r\n", "[message|a\nb\nc||-1]"},
    {"LF CR is two lines", "data: a\n\rdata: b\n\n", "[message|a||-1][message|b||-1]"},
    {"a mark in front",
        "\xEF\xBB\xBF"
        "data: a\n\n",
        "[message|a||-1]"},
    {"one mark only",
        "\xEF\xBB\xBF\xEF\xBB\xBF"
        "data: a\n\n",
        ""},
    {"a mark later is none",
        "data: a\n\n\xEF\xBB\xBF"
        "data: b\n\n",
        "[message|a||-1]"},
    {"half a mark is none",
        "\xEF\xBB"
        "data: a\n\n",
        ""},
    {"a mark before an empty line", "\xEF\xBB\xBF\ndata: a\n\n", "[message|a||-1]"},
    {"empty lines", "\n\n\ndata: a\n\n\n\n", "[message|a||-1]"},
    {"no line end at the end", "data: a\n\ndata: b", "[message|a||-1]"},
    {"no empty line at the end", "data: a\n\ndata: b\n", "[message|a||-1]"},
    {"nothing", "", ""},
    // fields
    {"no data, no event", "event: x\nid: 7\n\n", ""},
    {"its type is forgotten", "event: x\n\ndata: a\n\n", "[message|a||-1]"},
    {"its id is not", "id: 7\n\ndata: a\n\n", "[message|a|7|-1]"},
    {"an id stays", "id: 7\ndata: a\n\ndata: b\n\n", "[message|a|7|-1][message|b|7|-1]"},
    {"the last id counts", "id: 7\nid: 8\ndata: a\n\n", "[message|a|8|-1]"},
    {"an empty id takes it back", "id: 7\ndata: a\n\nid:\ndata: b\n\n",
        "[message|a|7|-1][message|b||-1]"},
    {"the last type counts", "event: x\nevent: y\ndata: a\n\n", "[y|a||-1]"},
    {"an empty type is message", "event: x\nevent:\ndata: a\n\n", "[message|a||-1]"},
    {"a type of a blank", "event:  \ndata: a\n\n", "[ |a||-1]"},
    {"one blank is taken away", "data:  a \n\n", "[message| a ||-1]"},
    {"a tab is not", "data:\ta\n\n", "[message|\ta||-1]"},
    {"a colon in the value", "data: a:b: c\n\n", "[message|a:b: c||-1]"},
    {"names have a case", "Data: a\ndata: b\n\n", "[message|b||-1]"},
    {"an unknown field", "foo: bar\ndata: a\n\n", "[message|a||-1]"},
    {"a blank before the name", " data: a\n\n", ""},
    {"a blank before the colon", "data : a\n\n", ""},
    {"a name that begins like data", "dat: a\ndatax: b\n\n", ""},
    {"comments alone", ":\n: a\n:b\n\n", ""},
    {"a comment between", "data: a\n: x\ndata: b\n\n", "[message|a\nb||-1]"},
    {"bytes above 127", "data: \xe2\x82\xac\n\n", "[message|\xe2\x82\xac||-1]"},
    {"retry", "retry: 1500\ndata: a\n\n", "[message|a||1500]"},
    {"retry stays", "retry: 0\ndata: a\n\ndata: b\n\n", "[message|a||0][message|b||0]"},
    {"a retry alone", "retry: 10\n\ndata: a\n\n", "[message|a||10]"},
    {"retry with a letter", "retry: 10s\ndata: a\n\n", "[message|a||-1]"},
    {"retry with a sign", "retry: -1\nretry: +1\ndata: a\n\n", "[message|a||-1]"},
    {"retry with a blank behind", "retry: 10 \ndata: a\n\n", "[message|a||-1]"},
    {"retry without a value", "retry: 5\nretry\nretry:\ndata: a\n\n", "[message|a||5]"},
    {"retry of twenty digits", "retry: 99999999999999999999\ndata: a\n\n", "[message|a||-1]"},
};

static void feed(locust__sse *e, const char *bytes, size_t n)
{
    char *exact = check_guarded(bytes, n);
    CHECK_INT(locust__sse_take(e, exact, n), LOCUST_OK);
    check_guarded_free(exact, n);
}

static void streams(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].in);
        CHECK_ROW(rows[i].name);
        for (size_t cut = 0; cut <= n; cut++) { // whole at first, then in two pieces
            locust__sse e = open_stream();
            feed(&e, rows[i].in, cut);
            feed(&e, rows[i].in + cut, n - cut);
            CHECK_STR(got, rows[i].want);
            locust__sse_free(&e);
        }
        locust__sse e = open_stream();
        for (size_t k = 0; k < n; k++)
            feed(&e, rows[i].in + k, 1);
        CHECK_STR(got, rows[i].want);
        locust__sse_free(&e);
        CHECK_INT(blocks_live, 0);
    }
    CHECK_ROW(NULL);
}

/* 9.2.6: an id with a NUL is ignored. In data a NUL ends what C sees. */
static void nul(void)
{
    static const char in[] = "id: 1\nid: 2\0"
                             "3\ndata: a\n\n";
    locust__sse e = open_stream();
    feed(&e, in, sizeof in - 1);
    CHECK_STR(got, "[message|a|1|-1]");
    locust__sse_free(&e);
}

static void the_test_has_enough(void)
{
    static const char in[] = "data: a\n\ndata: b\n\ndata: c\n\n";
    locust__sse e = open_stream();
    stop_after = 2;
    CHECK_INT(locust__sse_take(&e, in, sizeof in - 1), LOCUST_ERR_CANCELLED);
    CHECK(e.stopped);
    CHECK_STR(got, "[message|a||-1][message|b||-1]");
    locust__sse_free(&e);
    CHECK_INT(blocks_live, 0);
}

/* An event may not grow beyond the limit on a body, in one line or in many. */
static void too_long(void)
{
    static char many[LOCUST_MAX_BODY + 100];
    memset(many, 'x', sizeof many);
    for (int lines = 0; lines < 2; lines++) {
        locust__sse e = open_stream();
        size_t n = sizeof many / 1000;
        locust_error error = LOCUST_OK;
        for (size_t i = 0; !error && i <= 1000; i++) {
            if (lines)
                error = locust__sse_take(&e, "\ndata:", 6);
            if (!error)
                error = locust__sse_take(&e, many, n);
        }
        CHECK_INT(error, LOCUST_ERR_HTTP_BODY_SIZE);
        CHECK_STR(got, "");
        locust__sse_free(&e);
        CHECK_INT(blocks_live, 0);
    }
}

/* Whichever memory is missing, the stream says so: no event is lost or changed without a word. */
static void without_memory(void)
{
    static const char in[] = "event: add\ndata: a\nid: 7\n\nevent: add\ndata: a\nid: 7\n\n";
    int failures = 0;
    for (int fail = 0; fail < 10; fail++)
        for (int on = 0; on < 2; on++) {
            locust__sse e = open_stream();
            locust_error error;
            blocks_fail_in = fail;
            blocks_fail_on = on;
            error = locust__sse_take(&e, in, sizeof in - 1);
            failures += error != LOCUST_OK;
            blocks_fail_in = -1;
            blocks_fail_on = false;
            CHECK(error == LOCUST_OK || error == LOCUST_ERR_MEMORY);
            CHECK_STR(got, error ? "" : "[add|a|7|-1][add|a|7|-1]");
            locust__sse_free(&e);
            CHECK_INT(blocks_live, 0);
        }
    CHECK_INT(failures, 8); // line, type, data, id; each once, and with all after it
}

TESTS({"streams", streams}, {"NUL", nul}, {"the test has enough", the_test_has_enough},
    {"too long", too_long}, {"without memory", without_memory}, )
