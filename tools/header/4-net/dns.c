/* ============================================================================================
 * >>dns  messages of DNS
 *
 * Purpose     write a query, read the answers: addresses and the least TTL.
 * Invariants  nothing is read outside the message; compression pointers are followed backwards only.
 * Names       locust__dns_
 * Uses        >>address >>resolve
 * Sources     RFC 1035 section 4.
 * ============================================================================================ */

enum { LOCUST__DNS_A = 1, LOCUST__DNS_AAAA = 28, LOCUST__DNS_MAX = 512 };

/* A query in `out`; returns its length, 0 if the name cannot be one. */
static size_t locust__dns_query(unsigned char *out, unsigned id, const char *name, int type)
{
    size_t n = 12, name_len = strlen(name);
    memset(out, 0, 12);
    out[0] = (unsigned char)(id >> 8);
    out[1] = (unsigned char)id;
    out[2] = 1; // recursion desired
    out[5] = 1; // one question
    if (name_len && name[name_len - 1] == '.')
        name_len--;
    if (!name_len || name_len > 253)
        return 0;
    for (size_t at = 0; at <= name_len;) {
        size_t label = 0;
        while (at + label < name_len && name[at + label] != '.')
            label++;
        if (!label || label > 63)
            return 0;
        out[n++] = (unsigned char)label;
        memcpy(out + n, name + at, label);
        n += label;
        at += label + 1;
    }
    out[n++] = 0;
    out[n++] = 0;
    out[n++] = (unsigned char)type;
    out[n++] = 0;
    out[n++] = 1; // class IN
    return n;
}

/* Position behind the name at `at`; 0: it runs out of the message. Names are not followed. */
static size_t locust__dns_skip_name(const unsigned char *m, size_t n, size_t at)
{
    while (at < n) {
        if (m[at] == 0)
            return at + 1;
        if ((m[at] & 0xC0) == 0xC0)
            return at + 2 <= n ? at + 2 : 0;
        if (m[at] & 0xC0)
            return 0;
        at += (size_t)m[at] + 1;
    }
    return 0;
}

/* Is `m` the answer to query `q`? Servers may change the case of letters, not more. */
static bool locust__dns_answers(
    const unsigned char *m, size_t n, const unsigned char *q, size_t q_len)
{
    if (n < q_len || m[0] != q[0] || m[1] != q[1] || !(m[2] & 0x80) || m[4] != 0 || m[5] != 1)
        return false;
    for (size_t i = 12; i < q_len; i++)
        if (locust__text_lower((char)m[i]) != locust__text_lower((char)q[i]))
            return false;
    return true;
}

/* Adds the addresses of an answer to the host. A CNAME chain needs no following: the server put
 * the addresses at its end into the same answer. */
static locust_error locust__dns_read(
    locust__host *host, const unsigned char *m, size_t n, size_t at, int64_t *ttl_s)
{
    int rcode = m[3] & 15, count = m[6] << 8 | m[7];
    if (rcode == 3)
        return LOCUST_ERR_NAME;
    if (rcode != 0)
        return LOCUST_ERR_NAME_SERVER;
    for (; count > 0; count--) {
        locust__addr addr;
        size_t len;
        int64_t ttl;
        int type;
        at = locust__dns_skip_name(m, n, at);
        if (!at || n - at < 10)
            break;
        type = m[at] == 0 && m[at + 2] == 0 && m[at + 3] == 1 ? m[at + 1] : 0; // of class IN
        len = (size_t)m[at + 8] << 8 | m[at + 9];
        ttl = (int64_t)m[at + 4] << 24 | m[at + 5] << 16 | m[at + 6] << 8 | m[at + 7];
        if (n - at - 10 < len)
            break;
        memset(&addr, 0, sizeof addr);
        if (type == LOCUST__DNS_A && len == 4) {
            addr.as.in.sin_family = AF_INET;
            memcpy(&addr.as.in.sin_addr, m + at + 10, 4);
            addr.len = sizeof addr.as.in;
        } else if (type == LOCUST__DNS_AAAA && len == 16) {
            addr.as.in6.sin6_family = AF_INET6;
            memcpy(&addr.as.in6.sin6_addr, m + at + 10, 16);
            addr.len = sizeof addr.as.in6;
        }
        if (addr.len) {
            if (ttl >> 31) // RFC 2181 section 8
                ttl = 0;
            locust__host_add(host, &addr);
            *ttl_s = ttl < *ttl_s ? ttl : *ttl_s;
        }
        at += 10 + len;
    }
    return LOCUST_OK;
}
