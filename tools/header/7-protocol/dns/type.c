/* ============================================================================================
 * >>dns_type  types of DNS records, and rcodes
 *
 * Purpose     the names of types and rcodes, and what the data of each type consists of.
 * Names       locust__dns_type locust__dns_type_ locust__dns_types locust__dns_rcode_
 * Sources     RFC 1035 3.2, 3597 (TYPE123), 6895, and the registry of parameters of DNS at IANA.
 *             RFC 1183 (RP, AFSDB), 1876 (LOC), 2782 (SRV), 3123 (APL), 3403 (NAPTR), 4034
 *             (DNSSEC), 4255 (SSHFP), 4398 (CERT), 5155 (NSEC3), 6672 (DNAME), 6698 (TLSA), 6742
 *             (NID to LP), 7043 (EUI48), 7477 (CSYNC), 7553 (URI), 8659 (CAA), 8976 (ZONEMD), 9460
 *             (SVCB).
 *
 *   What data consists of, a letter for each piece:
 *     1 2 4   a number of so many bytes       n   a name              y   a type
 *     a 6     an IPv4, an IPv6 address        s   a string            t   a time (RRSIG)
 *   and to the end of the data:
 *     S   strings     h   hexadecimal digits  b   base64              q   a string without length
 *     w   types of a bitmap (NSEC)            p   prefixes (APL)      v   parameters (SVCB)
 *     l   a location (LOC)                    g   groups of 16 bits   e   bytes with dashes (EUI)
 *   and   x   a salt, H   a hash (NSEC3), C   tag and value (CAA), c   a kind of CERT
 * ============================================================================================ */

typedef struct locust__dns_type {
    const char *name;
    int number;
    const char *pieces; // NULL: as RFC 3597
} locust__dns_type;

enum { LOCUST__DNS_TYPE_IXFR = 251, LOCUST__DNS_TYPE_AXFR = 252, LOCUST__DNS_TYPE_ANY = 255 };
enum { LOCUST__DNS_TYPE_OPT = 41 };

// clang-format off
static const locust__dns_type locust__dns_types[] = { // those that are asked for most come first
    {"A", 1, "a"}, {"AAAA", 28, "6"}, {"NS", 2, "n"}, {"CNAME", 5, "n"}, {"SOA", 6, "nn44444"},
    {"PTR", 12, "n"}, {"MX", 15, "2n"}, {"TXT", 16, "S"}, {"SRV", 33, "222n"}, {"HTTPS", 65, "2nv"},
    {"SVCB", 64, "2nv"}, {"CAA", 257, "1C"}, {"DS", 43, "211h"}, {"DNSKEY", 48, "211b"},
    {"RRSIG", 46, "y114tt2nb"}, {"NSEC", 47, "nw"}, {"NSEC3", 50, "112xHw"},
    {"NSEC3PARAM", 51, "112x"}, {"TLSA", 52, "111h"}, {"NAPTR", 35, "22sssn"}, {"LOC", 29, "l"},
    {"SSHFP", 44, "11h"}, {"ANY", 255, NULL}, {"MD", 3, "n"}, {"MF", 4, "n"}, {"MB", 7, "n"},
    {"MG", 8, "n"}, {"MR", 9, "n"}, {"NULL", 10, NULL}, {"WKS", 11, NULL}, {"HINFO", 13, "ss"},
    {"MINFO", 14, "nn"}, {"RP", 17, "nn"}, {"AFSDB", 18, "2n"}, {"X25", 19, "s"},
    {"RT", 21, "2n"}, {"SIG", 24, "y114tt2nb"}, {"KEY", 25, "211b"}, {"PX", 26, "2nn"},
    {"KX", 36, "2n"}, {"CERT", 37, "c21b"}, {"DNAME", 39, "n"}, {"OPT", 41, NULL}, {"APL", 42, "p"},
    {"IPSECKEY", 45, NULL}, {"DHCID", 49, "b"}, {"SMIMEA", 53, "111h"}, {"HIP", 55, NULL},
    {"CDS", 59, "211h"}, {"CDNSKEY", 60, "211b"}, {"OPENPGPKEY", 61, "b"}, {"CSYNC", 62, "42w"},
    {"ZONEMD", 63, "411h"}, {"SPF", 99, "S"}, {"NID", 104, "2g"}, {"L32", 105, "2a"},
    {"L64", 106, "2g"}, {"LP", 107, "2n"}, {"EUI48", 108, "e"}, {"EUI64", 109, "e"},
    {"TKEY", 249, NULL}, {"TSIG", 250, NULL}, {"IXFR", 251, NULL}, {"AXFR", 252, NULL},
    {"MAILB", 253, NULL}, {"MAILA", 254, NULL}, {"URI", 256, "22q"}, {"TA", 32768, "211h"},
    {"DLV", 32769, "211h"},
};
// clang-format on

enum { LOCUST__DNS_TYPES = sizeof locust__dns_types / sizeof *locust__dns_types };

/* The type of that number; NULL: it has no name here. */
static const locust__dns_type *locust__dns_type_of(unsigned number)
{
    for (int i = 0; i < LOCUST__DNS_TYPES; i++)
        if (locust__dns_types[i].number == (int)number)
            return &locust__dns_types[i];
    return NULL;
}

/* The number of a type's name, or of "TYPE65280"; -1: there is no such type. */
static int locust__dns_type_number(const char *name)
{
    int64_t number = -1;
    for (int i = 0; i < LOCUST__DNS_TYPES; i++)
        if (strcasecmp(locust__dns_types[i].name, name) == 0)
            return locust__dns_types[i].number;
    if (strncasecmp(name, "TYPE", 4) == 0)
        number = locust__number_of(locust__view_of(name + 4));
    return number < 0 || number > 0xFFFF ? -1 : (int)number;
}

/* The name of an rcode, and what it says; *said is NULL if the name is all. NULL: it has none. */
static const char *locust__dns_rcode_of(int rcode, const char **said)
{
    static const struct {
        int rcode;
        const char *name, *said;
    } rows[] = {
        {LOCUST_DNS_NOERROR, "NOERROR", NULL},
        {LOCUST_DNS_FORMERR, "FORMERR", "the server does not understand the question"},
        {LOCUST_DNS_SERVFAIL, "SERVFAIL", "the server has no answer because of a fault"},
        {LOCUST_DNS_NXDOMAIN, "NXDOMAIN", "there is no such name"},
        {LOCUST_DNS_NOTIMP, "NOTIMP", "the server does not know this kind of question"},
        {LOCUST_DNS_REFUSED, "REFUSED", "the server does not answer such questions"},
        {LOCUST_DNS_YXDOMAIN, "YXDOMAIN", "a name would be too long behind a DNAME"},
        {LOCUST_DNS_YXRRSET, "YXRRSET", NULL},
        {LOCUST_DNS_NXRRSET, "NXRRSET", NULL},
        {LOCUST_DNS_NOTAUTH, "NOTAUTH", "the server has no such zone"},
        {LOCUST_DNS_NOTZONE, "NOTZONE", NULL},
        {11, "DSOTYPENI", NULL},
        {LOCUST_DNS_BADVERS, "BADVERS", "the server knows no such version of EDNS"},
        {17, "BADKEY", NULL},
        {18, "BADTIME", NULL},
        {19, "BADMODE", NULL},
        {20, "BADNAME", NULL},
        {21, "BADALG", NULL},
        {22, "BADTRUNC", NULL},
        {LOCUST_DNS_BADCOOKIE, "BADCOOKIE", "the server wants its own cookie back"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].rcode == rcode) {
            *said = rows[i].said;
            return rows[i].name;
        }
    *said = NULL;
    return NULL;
}

/* The name of an rcode in `out` of 16 bytes: "NXDOMAIN", or "RCODE12". */
static void locust__dns_rcode_text(int rcode, char out[16])
{
    const char *said, *name = locust__dns_rcode_of(rcode, &said);
    if (name)
        snprintf(out, 16, "%s", name);
    else
        snprintf(out, 16, "RCODE%d", rcode & 0xFFF);
}
