// HPACK: the examples of RFC 7541, appendix C, and what a decoder must refuse.
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "../check.h"
#include "hex.h"

typedef struct fields { // as text: name: value\n
    locust__buf text;
} fields;

static void take(void *arg, locust__view name, locust__view value)
{
    fields *f = arg;
    locust__buf_add(&f->text, name.ptr, name.len);
    locust__buf_puts(&f->text, ": ");
    locust__buf_add(&f->text, value.ptr, value.len);
    locust__buf_puts(&f->text, "\n");
}

/* Decodes a block, given in hexadecimal, whose bytes end at an unmapped page. */
static locust_error decode(locust__hpack_table *t, const char *digits, fields *f)
{
    unsigned char bytes[512];
    size_t n = hex(digits, bytes, sizeof bytes);
    char *guarded = check_guarded(bytes, n);
    locust__buf text = {NULL, 0, 0, false};
    locust_error error;
    f->text.len = 0;
    error = locust__hpack_decode(t, guarded, n, &text, take, f);
    locust__buf_add(&f->text, "", 1);
    locust__buf_free(&text);
    check_guarded_free(guarded, n);
    return error;
}

#define FIRST  ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define SECOND FIRST "cache-control: no-cache\n"
#define THIRD                                                                         \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n" \
    "custom-key: custom-value\n"
#define MOVED(status, second)                       \
    ":status: " status "\ncache-control: private\n" \
    "date: Mon, 21 Oct 2013 20:13:2" second " GMT\nlocation: https://www.example.com\n"
#define OK_COOKIE                                                                 \
    ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n" \
    "location: https://www.example.com\ncontent-encoding: gzip\n"                 \
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

static const struct {
    const char *name;
    bool anew; // with an empty table, of
    uint32_t limit;
    const char *hex, *fields;
    uint32_t size; // of the table, afterwards
} examples[] = {
    {"C.2.1", true, 4096, "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        "custom-key: custom-header\n", 55},
    {"C.2.2", true, 4096, "040c2f73616d706c652f70617468", ":path: /sample/path\n", 0},
    {"C.2.3", true, 4096, "100870617373776f726406736563726574", "password: secret\n", 0},
    {"C.2.4", true, 4096, "82", ":method: GET\n", 0},
    {"C.3.1", true, 4096, "828684410f7777772e6578616d706c652e636f6d", FIRST, 57},
    {"C.3.2", false, 4096, "828684be58086e6f2d6361636865", SECOND, 110},
    {"C.3.3", false, 4096, "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", THIRD,
        164},
    {"C.4.1", true, 4096, "828684418cf1e3c2e5f23a6ba0ab90f4ff", FIRST, 57},
    {"C.4.2", false, 4096, "828684be5886a8eb10649cbf", SECOND, 110},
    {"C.4.3", false, 4096, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", THIRD, 164},
    {"C.5.1", true, 256,
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d"
        "546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        MOVED("302", "1"), 222},
    {"C.5.2", false, 256, "4803333037c1c0bf", MOVED("307", "1"), 222},
    {"C.5.3", false, 256,
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
        "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
        "657273696f6e3d31",
        OK_COOKIE, 215},
    {"C.6.1", true, 256,
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
        "0b97c8e9ae82ae43d3",
        MOVED("302", "1"), 222},
    {"C.6.2", false, 256, "4883640effc1c0bf", MOVED("307", "1"), 222},
    {"C.6.3", false, 256,
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
        "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        OK_COOKIE, 215},
};

static void decodes(void)
{
    locust__hpack_table t;
    fields f = {{NULL, 0, 0, false}};
    locust__hpack_table_init(&t);
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        CHECK_ROW(examples[i].name);
        if (examples[i].anew) {
            locust__hpack_table_free(&t);
            locust__hpack_table_init(&t);
            t.limit = examples[i].limit;
        }
        CHECK_INT(decode(&t, examples[i].hex, &f), LOCUST_OK);
        CHECK_STR(f.text.ptr, examples[i].fields);
        CHECK_INT(t.size, examples[i].size);
    }
    locust__hpack_table_free(&t);
    locust__buf_free(&f.text);
}

static const struct {
    const char *name, *hex;
    locust_error error;
} rows[] = {
    {"nothing", "", LOCUST_OK},
    {"index 0", "80", LOCUST_ERR_HTTP2_HPACK},
    {"index 61, the last that all know", "bd", LOCUST_OK},
    {"index 62 of an empty table", "be", LOCUST_ERR_HTTP2_HPACK},
    {"index 127 and no more bytes", "ff", LOCUST_ERR_HTTP2_HPACK},
    {"an index of 2^35", "ffffffffff7f", LOCUST_ERR_HTTP2_HPACK},
    {"an index without an end", "ff8080808080808080", LOCUST_ERR_HTTP2_HPACK},
    {"a name by index 62", "7e0161", LOCUST_ERR_HTTP2_HPACK},
    {"a name by index 62, not kept", "0f2f0161", LOCUST_ERR_HTTP2_HPACK},
    {"a name alone", "400161", LOCUST_ERR_HTTP2_HPACK},
    {"a literal without a name", "40", LOCUST_ERR_HTTP2_HPACK},
    {"a name that is cut", "400561", LOCUST_ERR_HTTP2_HPACK},
    {"a value that is cut", "4001610561", LOCUST_ERR_HTTP2_HPACK},
    {"a value whose length is cut", "400161ff", LOCUST_ERR_HTTP2_HPACK},
    {"a length of 2^28 and more", "7fffffffff7f", LOCUST_ERR_HTTP2_HPACK},
    {"an empty value", "40016100", LOCUST_OK},
    {"an empty name", "40000161", LOCUST_OK},
    {"Huffman, padded with zeros", "4001618218c0", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, the letter a", "400161811f", LOCUST_OK},
    {"Huffman, the letter a, padded with zeros", "4001618118", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, a code and eight ones of padding", "40016182f8ff", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, eight ones alone", "40016181ff", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, EOS", "40016184ffffffff", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, the longest code", "40016184ffffffff3f", LOCUST_ERR_HTTP2_HPACK},
    {"Huffman, a line feed", "40016184fffffff3", LOCUST_OK},
    {"Huffman, empty", "40016180", LOCUST_OK},
    {"a size of 0", "20", LOCUST_OK},
    {"a size of 4096", "3fe11f", LOCUST_OK},
    {"a size of 4097", "3fe21f", LOCUST_ERR_HTTP2_HPACK},
    {"two sizes", "203fe11f82", LOCUST_OK},
    {"a size behind a field", "8220", LOCUST_ERR_HTTP2_HPACK},
    {"a size that is cut", "3f", LOCUST_ERR_HTTP2_HPACK},
    {"never to be kept", "1001610162", LOCUST_OK},
};

static void refuses(void)
{
    fields f = {{NULL, 0, 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__hpack_table t;
        CHECK_ROW(rows[i].name);
        locust__hpack_table_init(&t);
        CHECK_INT(decode(&t, rows[i].hex, &f), rows[i].error);
        locust__hpack_table_free(&t);
    }
    locust__buf_free(&f.text);
}

/* Entries come and go, many times the table's memory; each index finds its own. */
static void keeps_its_table(void)
{
    locust__hpack_table t;
    locust__hpack_table_init(&t);
    for (unsigned i = 0; i < 5000; i++) {
        char name[64], value[300];
        locust__hpack_field f;
        size_t n = (size_t)snprintf(name, sizeof name, "name-%u", i), len = i * 7 % 290;
        memset(value, 'a' + (int)(i % 26), len);
        CHECK(locust__hpack_table_add(&t, (locust__view){name, n}, (locust__view){value, len}));
        CHECK(t.size <= 4096 && t.cap <= 16384);
        for (unsigned back = 0; back < t.n; back++) {
            snprintf(name, sizeof name, "name-%u", i - back);
            CHECK(locust__hpack_table_get(&t, 62 + back, &f));
            CHECK(locust__view_is(f.name, name) && f.value.len == (i - back) * 7 % 290);
            CHECK(!f.value.len ||
                  f.value.ptr[f.value.len - 1] == (char)('a' + (int)((i - back) % 26)));
        }
    }
    CHECK(locust__hpack_table_add(&t, locust__view_of("x"), (locust__view){t.bytes, 4096}));
    CHECK_INT(t.n, 0); // 4.4: what is larger than the table empties it
    CHECK_INT(t.size, 0);
    locust__hpack_table_free(&t);
}

/* A name of the table whose entry is thrown out by the field that uses it: 4.4. */
static void outlives_its_name(void)
{
    locust__hpack_table t;
    fields f = {{NULL, 0, 0, false}};
    locust__hpack_table_init(&t);
    t.limit = 80;
    CHECK_INT(decode(&t, "400a637573746f6d2d6b65790d637573746f6d2d686561646572", &f), LOCUST_OK);
    CHECK_INT(decode(&t, "7e0d637573746f6d2d68656164657a", &f), LOCUST_OK);
    CHECK_STR(f.text.ptr, "custom-key: custom-headez\n");
    CHECK_INT(t.n, 1);
    CHECK_INT(decode(&t, "be", &f), LOCUST_OK);
    locust__hpack_table_free(&t);
    locust__buf_free(&f.text);
}

/* What the encoder writes its peer reads, with the peer's limits. */
static void encodes(void)
{
    static const struct {
        const char *name, *value;
        enum locust__hpack_how how;
    } sent[] = {{":method", "GET", LOCUST__HPACK_PLAIN}, {":scheme", "https", LOCUST__HPACK_PLAIN},
        {":path", "/a?b=c", LOCUST__HPACK_PLAIN},
        {":authority", "shop.test:8443", LOCUST__HPACK_KEEP},
        {"user-agent", "locust.h", LOCUST__HPACK_KEEP}, {"accept", "*/*", LOCUST__HPACK_KEEP},
        {"x-odd", "", LOCUST__HPACK_KEEP}, {"authorization", "Basic abc", LOCUST__HPACK_SECRET}};
    static const uint32_t limits[] = {4096, 4096, 100, 100, 0, 0, 4096, 4096};
    locust__hpack_encoder e;
    locust__hpack_table t;
    fields f = {{NULL, 0, 0, false}};
    size_t first = 0;
    locust__hpack_encoder_init(&e);
    locust__hpack_table_init(&t);
    for (size_t turn = 0; turn < sizeof limits / sizeof *limits; turn++) {
        locust__buf out = {NULL, 0, 0, false}, want = {NULL, 0, 0, false},
                    text = {NULL, 0, 0, false};
        locust__hpack_encoder_limit(&e, limits[turn]);
        locust__hpack_encode_begin(&e, &out);
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
            locust__hpack_encode(&e, &out, locust__view_of(sent[i].name),
                locust__view_of(sent[i].value), sent[i].how);
            locust__buf_printf(&want, "%s: %s\n", sent[i].name, sent[i].value);
        }
        f.text.len = 0;
        CHECK_INT(locust__hpack_decode(&t, out.ptr, out.len, &text, take, &f), LOCUST_OK);
        locust__buf_add(&f.text, "", 1);
        locust__buf_add(&want, "", 1);
        CHECK_STR(f.text.ptr, want.ptr);
        CHECK(t.size <= limits[turn] && t.size == e.size);
        if (turn == 0)
            first = out.len;
        else if (turn == 1)
            CHECK(out.len < first / 2);
        locust__buf_free(&out);
        locust__buf_free(&want);
        locust__buf_free(&text);
    }
    locust__buf_free(&e.text);
    locust__hpack_table_free(&t);
    locust__buf_free(&f.text);
}

TESTS({"decodes", decodes}, {"refuses", refuses}, {"keeps its table", keeps_its_table},
    {"outlives its name", outlives_its_name}, {"encodes", encodes})
