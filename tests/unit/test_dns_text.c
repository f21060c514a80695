// Records of DNS as text, and what is none.
// boards
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "dns_records.h"

enum { DATA_AT = 12 + 5 + 11 };

/* A message with a question for the root and one answer, whose data ends at a page that is not
 * mapped. */
static char *message_of(int type, const unsigned char *data, size_t n)
{
    unsigned char m[2048];
    locust__bytes_writer w = locust__bytes_writer_of(m, sizeof m);
    for (int i = 0; i < 6; i++)
        locust__bytes_put_u16(&w, i == 1 ? 0x8180 : i == 2 || i == 3 ? 1 : 0);
    locust__bytes_put_u8(&w, 0);
    locust__bytes_put_u16(&w, (unsigned)type);
    locust__bytes_put_u16(&w, 1);
    locust__bytes_put_u8(&w, 0);
    locust__bytes_put_u16(&w, (unsigned)type);
    locust__bytes_put_u16(&w, 1);
    locust__bytes_put_u32(&w, 300);
    locust__bytes_put_u16(&w, (unsigned)n);
    locust__bytes_add(&w, data, n);
    return check_guarded((const char *)m, w.len);
}

/* The text of the first answer; "": it is malformed. */
static void text_of(const char *m, size_t n, char *out, size_t size)
{
    locust__dns_walk w = locust__dns_walk_of((const unsigned char *)m, n);
    locust__dns_rr record;
    locust__buf text = {NULL, 0, 0, false};
    *out = '\0';
    if (locust__dns_walk_next(&w, &record) &&
        locust__dns_data_read((const unsigned char *)m, &record, NULL)) {
        CHECK(locust__dns_data_read((const unsigned char *)m, &record, &text));
        snprintf(out, size, "%.*s", (int)text.len, text.ptr);
    }
    locust__buf_free(&text);
}

static void texts(void)
{
    for (size_t i = 0; i < sizeof dns_records / sizeof *dns_records; i++) {
        unsigned char data[1024];
        char text[1024], row[64];
        int type = locust__dns_type_number(dns_records[i].type);
        size_t n = dns_bytes(dns_records[i].hex, data);
        char *m = message_of(type, data, n);
        locust__dns_sum sum;
        snprintf(row, sizeof row, "%zu %s", i, dns_records[i].type);
        CHECK_ROW(row);
        text_of(m, DATA_AT + n, text, sizeof text);
        CHECK_STR(text, dns_records[i].text);
        CHECK(locust__dns_sum_read(&sum, (unsigned char *)m, DATA_AT + n, (unsigned)type));
        CHECK_INT(sum.of_type, 1);
        check_guarded_free(m, DATA_AT + n);
        for (size_t k = 0; k < n; k++) { // cut, it is another text or none; nothing is read behind
            char cut[1024];
            m = message_of(type, data, k);
            text_of(m, DATA_AT + k, cut, sizeof cut);
            CHECK(strcmp(cut, text) != 0);
            check_guarded_free(m, DATA_AT + k);
        }
    }
}

static void malformed(void)
{
    static const struct {
        const char *name, *type, *hex;
    } rows[] = {
        {"A of nothing", "A", ""},
        {"A of three bytes", "A", "7F0000"},
        {"A of five bytes", "A", "7F00000101"},
        {"AAAA of four bytes", "AAAA", "7F000001"},
        {"AAAA of 17 bytes", "AAAA", "20010DB800000000000000000000000101"},
        {"name without end", "CNAME", "0161"},
        {"name past the data", "CNAME", "3F61"},
        {"bytes behind a name", "CNAME", "01610000"},
        {"reserved label", "CNAME", "8161"},
        {"pointer to itself", "CNAME", "C01C"},
        {"pointer forward", "CNAME", "C0FF"},
        {"pointer into the head", "CNAME", "C004"},
        {"half a pointer", "CNAME", "C0"},
        {"no preference", "MX", "00"},
        {"no exchange", "MX", "000A"},
        {"no string", "TXT", ""},
        {"string past the data", "TXT", "0361"},
        {"SOA without its last number", "SOA", "0000000000010000000100000001000000010000"},
        {"SRV without port", "SRV", "00010002"},
        {"CAA without tag", "CAA", "0000"},
        {"CAA with a blank in its tag", "CAA", "000120"},
        {"window of a bitmap without bytes", "NSEC", "000000"},
        {"window of 33 bytes", "NSEC",
            "000021000000000000000000000000000000000000000000000000000000000000000001"},
        {"windows in the wrong order", "NSEC", "00010101000101"},
        {"hash of nothing", "NSEC3", "010000000000"},
        {"salt past the data", "NSEC3", "0100000005AA"},
        {"parameters in the wrong order", "SVCB", "00010000030002005000010003026832"},
        {"a parameter twice", "SVCB", "000100000300020050000300020050"},
        {"port of three bytes", "SVCB", "00010000030003005000"},
        {"port of one byte", "SVCB",
            "00010000030001"
            "50"},
        {"value past the data", "SVCB", "0001000003000300"},
        {"empty list of protocols", "SVCB", "00010000010000"},
        {"empty protocol", "SVCB", "0001000001000100"},
        {"protocol past the value", "SVCB", "00010000010002056800"},
        {"address of three bytes", "SVCB", "00010000040003C00002"},
        {"no-default-alpn with a value", "SVCB",
            "00010000020001"
            "00"},
        {"location of another version", "LOC", "01000000800000008000000000989680"},
        {"latitude of 91 degrees", "LOC", "00000000938784E08000000000989680"},
        {"a size of 10 digits", "LOC", "00A00000800000008000000000989680"},
        {"prefix of a family that is none", "APL", "00031800"},
        {"prefix of 33 bits", "APL", "00012101C0"},
        {"address of five bytes in a prefix", "APL", "00012005C000020101"},
        {"identifier of seven bytes", "NID", "000A00144FFFFF20EE"},
        {"time cut off", "RRSIG", "0001050300015180"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char data[64];
        char text[256];
        size_t n = dns_bytes(rows[i].hex, data);
        int type = locust__dns_type_number(rows[i].type);
        char *m = message_of(type, data, n);
        locust__dns_sum sum;
        CHECK_ROW(rows[i].name);
        text_of(m, DATA_AT + n, text, sizeof text);
        CHECK_STR(text, "");
        CHECK(!locust__dns_sum_read(&sum, (unsigned char *)m, DATA_AT + n, 1));
        check_guarded_free(m, DATA_AT + n);
    }
}

/* Names in data may point to names in front of it. */
static void compressed(void)
{
    // question mail.test MX; answer: its name by a pointer, MX 5 "x" + pointer to "test"
    static const char bytes[] = "\0\1\x81\x80\0\1\0\1\0\0\0\0\4mail\4test\0\0\x0f\0\1"
                                "\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\6\0\5\1x\xc0\x11";
    size_t n = sizeof bytes - 1;
    char *m = check_guarded(bytes, n), text[64];
    text_of(m, n, text, sizeof text);
    CHECK_STR(text, "5 x.test.");
    check_guarded_free(m, n);
}

static void times(void)
{
    static const struct {
        uint32_t t;
        const char *text;
    } rows[] = {
        {0, "19700101000000"},
        {951782399, "20000228235959"},
        {951782400, "20000229000000"},
        {951868800, "20000301000000"},
        {1048354263, "20030322173103"}, // RFC 4034 3.3
        {1709164800, "20240229000000"},
        {4107542399u, "21000228235959"},
        {4107542400u, "21000301000000"},
        {4294967295u, "21060207062815"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__buf text = {NULL, 0, 0, false};
        locust__dns_data d = {NULL, 0, 0, &text, 0, false};
        locust__dns_data_time(&d, rows[i].t);
        locust__buf_add(&text, "", 1);
        CHECK_STR(text.ptr, rows[i].text);
        locust__buf_free(&text);
    }
}

TESTS({"texts", texts}, {"malformed", malformed}, {"compressed", compressed}, {"times", times})
