// Questions with EDNS; names, records and options of answers.
// boards
#define LOCUST__LAYERS 7
#include "../../tools/header/all.h"
#include "../check.h"
#include "dns_records.h"

static void questions(void)
{
    static const struct {
        const char *name, *hex; // NULL: it cannot be asked
        locust_dns_question q;
        int type;
    } rows[] = {
        {"plain",
            "ABCD01000001000000000000"
            "01610474657374000001"
            "0001",
            {.question = "a.test"}, 1},
        {"the root",
            "ABCD01000001000000000000"
            "000002"
            "0001",
            {.question = "."}, 2},
        {"escaped",
            "ABCD01000001000000000000"
            "03612E6200"
            "00010001",
            {.question = "a\\.b."}, 1},
        {"escaped by number",
            "ABCD01000001000000000000"
            "0361206200"
            "00010001",
            {.question = "a\\032b"}, 1},
        {"chaos",
            "ABCD01000001000000000000"
            "01610000100003",
            {.question = "a", .qclass = 3}, 16},
        {"flags",
            "ABCD00100001000000000000"
            "01610000010001",
            {.question = "a", .no_recursion = true, .checking_disabled = true}, 1},
        {"EDNS",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D0000000000000",
            {.question = "a", .edns = 1232}, 1},
        {"EDNS below 512 is 512",
            "ABCD01000001000000000001"
            "01610000010001"
            "0000290200000000000000",
            {.question = "a", .edns = 1}, 1},
        {"DO",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D0000080000000",
            {.question = "a", .dnssec = true}, 1},
        {"NSID",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D0000000000004"
            "00030000",
            {.question = "a", .nsid = true}, 1},
        {"cookie",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D000000000000C"
            "000A00083132333435363738",
            {.question = "a", .cookie = true}, 1},
        {"subnet",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D000000000000B"
            "0008000700011800C00002",
            {.question = "a", .subnet = "192.0.2.77/24"}, 1},
        {"subnet of 20 bits",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D000000000000B"
            "0008000700011400C000F0",
            {.question = "a", .subnet = "192.0.255.77/20"}, 1},
        {"subnet of nobody",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D0000000000008"
            "0008000400010000",
            {.question = "a", .subnet = "0.0.0.0/0"}, 1},
        {"subnet of IPv6",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D000000000000C"
            "0008000800022000"
            "20010DB8",
            {.question = "a", .subnet = "2001:db8::/32"}, 1},
        {"an address is a subnet",
            "ABCD01000001000000000001"
            "01610000010001"
            "00002904D000000000000C"
            "0008000800012000"
            "C000024D",
            {.question = "a", .subnet = "192.0.2.77"}, 1},
        {"no name", NULL, {.question = ""}, 1},
        {"empty label", NULL, {.question = "a..b"}, 1},
        {"dot in front", NULL, {.question = ".a"}, 1},
        {"bad escape", NULL, {.question = "a\\"}, 1},
        {"bad number", NULL, {.question = "a\\999"}, 1},
        {"half a number", NULL, {.question = "a\\03"}, 1},
        {"no subnet", NULL, {.question = "a", .subnet = "192.0.2.0/33"}, 1},
        {"word as subnet", NULL, {.question = "a", .subnet = "here"}, 1},
        {"empty bits", NULL, {.question = "a", .subnet = "192.0.2.0/"}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char out[512], want[512];
        size_t n = rows[i].hex ? dns_bytes(rows[i].hex, want) : 0, end = 0;
        locust__bytes_writer w = locust__bytes_writer_of(out, sizeof out);
        const char *wrong = locust__dns_message_put(
            &w, 0xABCD, rows[i].type, &rows[i].q, locust__view_of("12345678"), &end);
        CHECK_ROW(rows[i].name);
        CHECK_INT(wrong == NULL, rows[i].hex != NULL);
        if (!wrong && CHECK_INT(w.len, n)) {
            CHECK(memcmp(out, want, n) == 0);
            CHECK(end <= n && out[end - 1] == (rows[i].q.qclass ? rows[i].q.qclass : 1));
        }
    }
}

static void names(void)
{
    static const struct {
        const char *name, *hex; // behind 12 bytes of a head
        size_t at;
        const char *text; // NULL: it is none
        size_t next;
    } rows[] = {
        {"root", "00", 12, ".", 13},
        {"labels",
            "0161026262"
            "00",
            12, "a.bb.", 18},
        {"pointer", "016100C00C", 15, "a.", 17},
        {"label and pointer", "0161000162C00C", 15, "b.a.", 19},
        {"pointer to a pointer", "016100C00CC00F", 17, "a.", 19},
        {"pointer into a label's bytes", "020161000161C00D", 16, "a.a.", 20},
        {"special bytes",
            "0B2E5C22283B2940240020FF"
            "00",
            12, "\\.\\\\\\\"\\(\\;\\)\\@\\$\\000\\032\\255.", 25},
        {"nothing", "", 12, NULL, 0},
        {"no end", "0161", 12, NULL, 0},
        {"label past the end", "3F6161", 12, NULL, 0},
        {"half a pointer", "C0", 12, NULL, 0},
        {"pointer to itself", "C00C", 12, NULL, 0},
        {"two that point to each other", "C00EC00C", 12, NULL, 0},
        {"two that point to each other, from behind", "C00EC00C", 14, NULL, 0},
        {"a label that ends in a pointer to itself", "0161C00C", 12, NULL, 0},
        {"pointer forward", "C00E0000", 12, NULL, 0},
        {"pointer past the end", "C0FF", 12, NULL, 0},
        {"pointer into the head", "C000", 12, NULL, 0},
        {"reserved 0x40", "4161", 12, NULL, 0},
        {"reserved 0x80", "8161", 12, NULL, 0},
        {"a pointer to a reserved one", "41C00C", 13, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[128] = {0};
        size_t n = 12 + dns_bytes(rows[i].hex, bytes + 12), at = rows[i].at;
        char *m = check_guarded((const char *)bytes, n);
        locust__buf text = {NULL, 0, 0, false};
        bool good = locust__dns_name_read((unsigned char *)m, n, &at, &text);
        CHECK_ROW(rows[i].name);
        CHECK_INT(good, rows[i].text != NULL);
        if (good && rows[i].text) {
            locust__buf_add(&text, "", 1);
            CHECK_STR(text.ptr, rows[i].text);
            CHECK_INT(at, rows[i].next);
        }
        locust__buf_free(&text);
        check_guarded_free(m, n);
    }
}

/* A name has 255 bytes, and a chain of pointers an end, however it is built. */
static void long_names(void)
{
    unsigned char m[2048];
    size_t n = 12, at, last;
    memset(m, 0, sizeof m);
    for (int i = 0; i < 3; i++, n += 64) { // 3 labels of 63: 192 bytes
        m[n] = 63;
        memset(m + n + 1, 'a', 63);
    }
    m[n] = 61; // and one of 61, and the end: 255
    at = 12;
    memset(m + n + 1, 'b', 61);
    CHECK(locust__dns_name_read(m, n + 63, &at, NULL));
    m[n] = 62;
    m[n + 62] = 'b';
    at = 12;
    CHECK(!locust__dns_name_read(m, n + 64, &at, NULL));
    m[12] = 0; // a pointer to the root, to that one, and so on
    n = 13;
    for (last = 12; n < 12 + 2 * 300; last = n, n += 2) {
        m[n] = (unsigned char)(0xC0 | last >> 8);
        m[n + 1] = (unsigned char)last;
        at = n;
        CHECK_INT(locust__dns_name_read(m, n + 2, &at, NULL),
            (int)(n - 11) / 2 <= LOCUST__DNS_NAME_JUMPS);
    }
}

static void sums(void)
{
    static const char opt[] = "0000290200"
                              "12008000"
                              "000C"
                              "00030004"
                              "6E733031"
                              "000F0000";
    static const struct {
        const char *name, *hex;
        bool good;
        int rcode, answers, authorities, additionals, of_type;
    } rows[] = {
        {"empty",
            "ABCD81800001000000000000"
            "000001"
            "0001",
            true, 0, 0, 0, 0, 0},
        {"no question", "ABCD81800000000000000000", true, 0, 0, 0, 0, 0},
        {"NXDOMAIN with SOA",
            "ABCD81830001000000010000"
            "0000010001"
            "0000060001000000010016"
            "0000"
            "0000000100000002000000030000000400000005",
            true, 3, 0, 1, 0, 0},
        {"CNAME and A",
            "ABCD81800001000200000000"
            "0000010001"
            "00000500010000000100020000",
            false, 0, 0, 0, 0, 0},
        {"two answers, one of the type",
            "ABCD81800001000200000000"
            "0000010001"
            "0000050001000000010001"
            "00"
            "0000010001000000010004"
            "7F000001",
            true, 0, 2, 0, 0, 1},
        {"one of each section",
            "ABCD81800001000100010001"
            "0000010001"
            "0000010001000000010004"
            "7F000001"
            "0000020001000000010001"
            "00"
            "0000010001000000010004"
            "7F000002",
            true, 0, 1, 1, 1, 1},
        {"more claimed than there are",
            "ABCD81800001000200000000"
            "0000010001"
            "0000010001000000010004"
            "7F000001",
            false, 0, 0, 0, 0, 0},
        {"bytes behind the last record",
            "ABCD81800001000100000000"
            "0000010001"
            "0000010001000000010004"
            "7F00000100",
            false, 0, 0, 0, 0, 0},
        {"data longer than the message",
            "ABCD81800001000100000000"
            "0000010001"
            "0000010001000000010005"
            "7F000001",
            false, 0, 0, 0, 0, 0},
        {"half a head", "ABCD8180000100", false, 0, 0, 0, 0, 0},
        {"half a question",
            "ABCD81800001000000000000"
            "000001",
            false, 0, 0, 0, 0, 0},
        {"65535 questions",
            "ABCD8180FFFF000000000000"
            "0000010001",
            false, 0, 0, 0, 0, 0},
        {"two OPT",
            "ABCD81800001000000000002"
            "0000010001"
            "0000290200000000000000"
            "0000290200000000000000",
            false, 0, 0, 0, 0, 0},
        {"OPT among the answers",
            "ABCD81800001000100000000"
            "0000010001"
            "0000290200000000000000",
            false, 0, 0, 0, 0, 0},
        {"OPT with a name",
            "ABCD81800001000000000001"
            "0000010001"
            "01610000290200000000000000",
            false, 0, 0, 0, 0, 0},
        {"an option longer than its OPT",
            "ABCD81800001000000000001"
            "0000010001"
            "0000290200000000000004"
            "00030001",
            false, 0, 0, 0, 0, 0},
        {"half an option",
            "ABCD81800001000000000001"
            "0000010001"
            "0000290200000000000003"
            "000300",
            false, 0, 0, 0, 0, 0},
        {"an rcode of 12 bits",
            "ABCD81810001000000000001"
            "0000010001"
            "0000290200010000000000",
            true, 17, 0, 0, 0, 0},
    };
    unsigned char m[512];
    size_t n = dns_bytes("ABCD818000010000000000010000010001", m), len = 0;
    locust__dns_sum sum;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[512];
        size_t size = dns_bytes(rows[i].hex, bytes);
        char *exact = check_guarded((const char *)bytes, size);
        bool good = locust__dns_sum_read(&sum, (unsigned char *)exact, size, 1);
        CHECK_ROW(rows[i].name);
        if (CHECK_INT(good, rows[i].good) && good) {
            CHECK_INT(sum.rcode, rows[i].rcode);
            CHECK_INT(sum.counts[LOCUST_DNS_ANSWER], rows[i].answers);
            CHECK_INT(sum.counts[LOCUST_DNS_AUTHORITY], rows[i].authorities);
            CHECK_INT(sum.counts[LOCUST_DNS_ADDITIONAL], rows[i].additionals);
            CHECK_INT(sum.of_type, rows[i].of_type);
        }
        check_guarded_free(exact, size);
        for (size_t k = 0; good && k < size; k++) { // cut anywhere, it is malformed
            exact = check_guarded((const char *)bytes, k);
            CHECK(!locust__dns_sum_read(&sum, (unsigned char *)exact, k, 1));
            check_guarded_free(exact, k);
        }
    }
    CHECK_ROW("options");
    n += dns_bytes(opt, m + n);
    CHECK(locust__dns_sum_read(&sum, m, n, 1) && sum.edns);
    CHECK_INT(sum.rcode, 0x120);
    CHECK(locust__dns_edns_find(m + sum.opt_at, sum.opt_len, 3, &len) && len == 4);
    CHECK(locust__dns_edns_find(m + sum.opt_at, sum.opt_len, 15, &len) && len == 0);
    CHECK(!locust__dns_edns_find(m + sum.opt_at, sum.opt_len, 10, &len));
}

TESTS({"questions", questions}, {"names", names}, {"long names", long_names}, {"sums", sums})
