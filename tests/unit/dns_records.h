/* dns_records.h - the data of records: as it is on the wire, and as text.
 *
 * The rows are those of a zone that BIND 9.18 serves, as its dig prints them (+unknownformat, +nosplit),
 * and those that an RFC has in its examples.
 */
#ifndef DNS_RECORDS_H
#define DNS_RECORDS_H
#include <stddef.h>

static const struct {
    const char *type, *hex, *text;
} dns_records[] = {
    // clang-format off
    {"A", "7F000001",
        "127.0.0.1"},
    {"AAAA", "20010DB8000000000000000000000001",
        "2001:db8::1"},
    {"CNAME", "026332076578616D706C65047465737400",
        "c2.example.test."},
    {"CNAME", "026333076578616D706C65047465737400",
        "c3.example.test."},
    {"A", "C0000209",
        "192.0.2.9"},
    {"CNAME", "076E6F7468696E67076578616D706C65036E657400",
        "nothing.example.net."},
    {"TXT", "036F6E650C74776F202271756F746564221573656D693B636F6C6F6E206261636B5C736C"
        "6173680301C878",
        "\"one\" \"two \\\"quoted\\\"\" \"semi;colon back\\\\slash\" \"\\001\\200x\""},
    {"TXT", "0B763D73706631202D616C6C",
        "\"v=spf1 -all\""},
    {"MX", "000A046D61696C076578616D706C65047465737400",
        "10 mail.example.test."},
    {"MX", "0014056D61696C32076578616D706C65036E657400",
        "20 mail2.example.net."},
    {"SRV", "0001000213C403736970076578616D706C65047465737400",
        "1 2 5060 sip.example.test."},
    {"CAA", "0005697373756563612E6578616D706C652E6E65743B206163636F756E743D31",
        "0 issue \"ca.example.net; account=1\""},
    {"CAA", "8005696F6465666D61696C746F3A78406578616D706C652E74657374",
        "128 iodef \"mailto:x@example.test\""},
    {"HTTPS", "000100000100060268320268330003000220FB00040008C0000201C00002020006001020"
        "010DB8000000000000000000000001",
        "1 . alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"},
    {"SVCB", "001003666F6F076578616D706C65036F726700" "0000000400010004" "00010009026832056833" "2D3139"
        "00040004C0000201", // RFC 9460 appendix D.2
        "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
    {"SVCB", "00010000070010" "2F646E732D71756572797B3F646E737D", "1 . dohpath=\"/dns-query{?dns}\""},
    {"SVCB", "0001000008" "0000", "1 . ohttp"},
    // clang-format on
};

/* The bytes of a text of hexadecimal digits, in `out`. Returns how many. */
static inline size_t dns_bytes(const char *hex, unsigned char *out)
{
    size_t n = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        unsigned v = 0;
        for (int i = 0; i < 2; i++)
            v = v * 16 + (unsigned)(hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 32) - 'a' + 10);
        out[n++] = (unsigned char)v;
    }
    return n;
}

#endif
