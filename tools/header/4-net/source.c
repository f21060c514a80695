/* ============================================================================================
 * >>source  local addresses to connect from
 *
 * Purpose     --source: each connection takes the next address of the list.
 * Uses        >>address
 * Limits      64 ranges; of IPv6 single addresses alone.
 * ============================================================================================ */

typedef struct locust__source_range { // local addresses to connect from
    locust__addr first;
    uint32_t n;
} locust__source_range;

enum { LOCUST__SOURCES = 64 };

/* Reads ADDRESS, ADDRESS-ADDRESS or ADDRESS/BITS; of IPv6 single addresses alone. */
static bool locust__source_parse(locust__source_range *range, char *text)
{
    char *rest = text + strcspn(text, "-/"), kind = *rest;
    const char *end = rest + 1;
    locust__addr last;
    uint32_t first;
    int64_t bits;
    *rest = '\0';
    range->n = 1;
    if (!locust__addr_parse(&range->first, text, 0))
        return false;
    if (!kind)
        return true;
    if (range->first.as.any.sa_family != AF_INET)
        return false;
    first = ntohl(range->first.as.in.sin_addr.s_addr);
    if (kind == '-') {
        if (!locust__addr_parse(&last, rest + 1, 0) || last.as.any.sa_family != AF_INET ||
            ntohl(last.as.in.sin_addr.s_addr) < first)
            return false;
        range->n = ntohl(last.as.in.sin_addr.s_addr) - first + 1;
        return range->n > 0;
    }
    bits = locust__base_whole(&end);
    if (*end || bits < 8 || bits > 32)
        return false;
    range->n = (uint32_t)1 << (32 - bits);
    first &= ~(range->n - 1);
    if (bits < 31) { // neither the network nor its broadcast address
        first++;
        range->n -= 2;
    }
    range->first.as.in.sin_addr.s_addr = htonl(first);
    return true;
}
