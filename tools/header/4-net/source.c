/* -- source addresses -- */

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

/* Reads a list of them, separated by commas. False: it is none. */
static bool locust__net_read_sources(locust__net *net, const char *list)
{
    while (*list) {
        char one[128];
        size_t n = strcspn(list, ",");
        if (n >= sizeof one || net->n_sources == LOCUST__SOURCES)
            return false;
        memcpy(one, list, n);
        one[n] = '\0';
        if (!locust__source_parse(&net->sources[net->n_sources++], one))
            return false;
        list += n;
        list += *list != '\0';
    }
    return net->n_sources > 0;
}

/* The next source address of a family, in turn. False: none is given. */
static bool locust__net_next_source(locust__net *net, sa_family_t family, locust__addr *source)
{
    uint32_t total = 0, at;
    for (int i = 0; i < net->n_sources; i++)
        total += net->sources[i].first.as.any.sa_family == family ? net->sources[i].n : 0;
    if (!total)
        return false;
    at = net->source_turn++ % total;
    for (int i = 0; i < net->n_sources; i++) {
        const locust__source_range *range = &net->sources[i];
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
