// Answers to the questions of a test: names, records, EDNS. RFC 1035, 3597, 6891.
// Input: two bytes of the type that was asked for, then a message.
#include "../../locust.h"
#include "../check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is well-formed can be written, and its text is printable. */
static void check_texts(const uint8_t *m, size_t n, const locust__dns_sum *sum)
{
    locust__dns_walk w = locust__dns_walk_of(m, n);
    locust__dns_rr record;
    int found = 0;
    while (locust__dns_walk_next(&w, &record)) {
        locust__buf text = {NULL, 0, 0, false};
        size_t at = record.name_at;
        MUST(record.data_at + record.data_len <= n && record.name_at < record.data_at);
        MUST(locust__dns_name_read(m, n, &at, &text) && at + 10 == record.data_at);
        MUST(text.len && text.len <= 4 * 255 && text.ptr[text.len - 1] == '.');
        MUST(locust__dns_data_read(m, &record, &text) || record.type == LOCUST__DNS_TYPE_OPT);
        for (size_t i = 0; i < text.len; i++)
            MUST(text.ptr[i] >= ' ' && text.ptr[i] < 0x7F);
        locust__buf_free(&text);
        found += record.type != LOCUST__DNS_TYPE_OPT;
    }
    MUST(!w.failed && found == sum->counts[0] + sum->counts[1] + sum->counts[2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__dns_sum sum, other;
    unsigned type;
    uint8_t *exact;
    size_t len;
    if (n < 2)
        return 0;
    type = (unsigned)data[0] << 8 | data[1];
    n -= 2;
    exact = memcpy(malloc(n + !n), data + 2, n);
    if (locust__dns_sum_read(&sum, exact, n, type)) {
        MUST(sum.of_type <= sum.counts[0] && sum.rcode <= 0xFFF);
        check_texts(exact, n, &sum);
        if (sum.edns)
            locust__dns_edns_find(exact + sum.opt_at, sum.opt_len, 3, &len);
        if (n) { // cut by a byte, it is malformed
            uint8_t *cut = memcpy(malloc(n), exact, n - 1);
            MUST(!locust__dns_sum_read(&other, cut, n - 1, type));
            free(cut);
        }
    }
    free(exact);
    return 0;
}
