/* ============================================================================================
 * >>source  local addresses to connect from
 *
 * Purpose     --source: a list of local addresses, of which each connection takes the next. One
 *             address has some 28,000 ports, and so as many connections to one server.
 * Names       locust__source_ locust__sources_
 * Uses        >>address
 * Limits      64 ranges of IPv4 addresses or single addresses of IPv6.
 * ============================================================================================ */

typedef struct locust__source_range {
    locust__addr first;
    uint32_t n; // addresses in the range
} locust__source_range;

enum { LOCUST__SOURCES_MAX = 64 };

typedef struct locust__sources {
    locust__source_range ranges[LOCUST__SOURCES_MAX];
    int n;
    uint32_t next; // counts connections
} locust__sources;

/* Reads ADDRESS, FIRST-LAST or NETWORK/BITS; of IPv6 only ADDRESS. Changes the text. */
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
    bits = locust__number_whole(&end);
    if (*end || bits < 8 || bits > 32)
        return false;
    range->n = (uint32_t)1 << (32 - bits);
    first &= ~(range->n - 1);
    if (bits < 31) { // without the network's own and its broadcast address
        first++;
        range->n -= 2;
    }
    range->first.as.in.sin_addr.s_addr = htonl(first);
    return true;
}

/* Reads a list of ranges, separated by commas. False: one of them is wrong, or there are too
 * many. */
static bool locust__sources_read(locust__sources *sources, const char *list)
{
    while (*list) {
        char one[128];
        size_t n = strcspn(list, ",");
        if (n >= sizeof one || sources->n == LOCUST__SOURCES_MAX)
            return false;
        memcpy(one, list, n);
        one[n] = '\0';
        if (!locust__source_parse(&sources->ranges[sources->n++], one))
            return false;
        list += n;
        list += *list != '\0';
    }
    return sources->n > 0;
}

/* How many source addresses of a family there are. */
static uint32_t locust__sources_total(const locust__sources *sources, sa_family_t family)
{
    uint32_t total = 0;
    for (int i = 0; i < sources->n; i++)
        total += sources->ranges[i].first.as.any.sa_family == family ? sources->ranges[i].n : 0;
    return total;
}

/* The next source address of a family, in turn. False: the list has none of that family. */
static bool locust__sources_next(locust__sources *sources, sa_family_t family, locust__addr *source)
{
    uint32_t total = locust__sources_total(sources, family), at;
    if (!total)
        return false;
    at = sources->next++ % total;
    for (int i = 0; i < sources->n; i++) {
        const locust__source_range *range = &sources->ranges[i];
        if (range->first.as.any.sa_family != family)
            continue;
        if (at < range->n) {
            *source = range->first;
            if (family == AF_INET)
                source->as.in.sin_addr.s_addr =
                    htonl(ntohl(range->first.as.in.sin_addr.s_addr) + at);
            break;
        }
        at -= range->n;
    }
    return true;
}
