/* ============================================================================================
 * >>dns  messages of DNS
 *
 * Purpose     write a query; read the addresses in its answer, and the shortest time that one is
 *             valid.
 * Invariants  nothing is read outside the message, and no compression pointer is followed: the kit
 *             needs the records' data, not their names.
 * Names       locust__dns_
 * Uses        >>address >>resolve
 * Sources     RFC 1035 section 4, RFC 3596 (AAAA).
 *
 *   0      2      4          6        8            10          12
 *   | id   | flags| questions| answers| authorities| additional| question, answers, ...
 * ============================================================================================ */

enum { LOCUST__DNS_A = 1, LOCUST__DNS_AAAA = 28, LOCUST__DNS_IN = 1, LOCUST__DNS_MAX = 512 };

enum { // in the flags, RFC 1035 4.1.1
    LOCUST__DNS_RESPONSE = 0x8000,
    LOCUST__DNS_TRUNCATED = 0x0200,
    LOCUST__DNS_RECURSE = 0x0100,
    LOCUST__DNS_CODE = 0x000F
};

/* The next byte of a name's text, which may be escaped as in zone files: \. or \046. -1: it is
 * neither. Moves *text behind it. */
static int locust__dns_unescape(const char **text)
{
    const char *t = *text;
    int c = (unsigned char)*t++;
    if (c == '\\' && locust__text_is_digit(*t)) {
        c = 0;
        for (int i = 0; i < 3; i++, t++) {
            if (!locust__text_is_digit(*t))
                return -1;
            c = 10 * c + (*t - '0');
        }
    } else if (c == '\\') {
        c = *t ? (unsigned char)*t++ : -1;
    }
    *text = t;
    return c > 255 ? -1 : c;
}

/* Writes a name, with or without a dot at its end; "." is the root. False: DNS has no such names,
 * or they do not fit. */
static bool locust__dns_put_name(locust__bytes_writer *w, const char *name)
{
    size_t total = 1; // bytes of the name, RFC 1035 2.3.4
    bool root = name[0] == '.' && !name[1];
    for (const char *at = root ? name + 1 : name; *at;) {
        unsigned char label[63];
        size_t n = 0;
        while (*at && *at != '.') {
            int c = locust__dns_unescape(&at);
            if (c < 0 || n == sizeof label)
                return false;
            label[n++] = (unsigned char)c;
        }
        at += *at == '.';
        total += n + 1;
        if (!n || total > 255)
            return false;
        locust__bytes_put_u8(w, (unsigned)n);
        locust__bytes_add(w, label, n);
    }
    locust__bytes_put_u8(w, 0);
    return *name && !w->failed;
}

/* A query in `out`, of LOCUST__DNS_MAX bytes. Returns its length; 0: DNS has no such names. */
static size_t locust__dns_put_query(unsigned char *out, unsigned id, const char *name, int type)
{
    locust__bytes_writer w = locust__bytes_writer_of(out, LOCUST__DNS_MAX);
    locust__bytes_put_u16(&w, id);
    locust__bytes_put_u16(&w, LOCUST__DNS_RECURSE);
    locust__bytes_put_u16(&w, 1); // question
    for (int i = 0; i < 3; i++)
        locust__bytes_put_u16(&w, 0); // no answers, authorities, additional records
    if (!locust__dns_put_name(&w, name) || (name[0] == '.' && !name[1]))
        return 0;
    locust__bytes_put_u16(&w, (unsigned)type);
    locust__bytes_put_u16(&w, LOCUST__DNS_IN);
    return w.failed ? 0 : w.len;
}

/* Skips a name: labels up to an empty one or a compression pointer, which ends it. */
static void locust__dns_skip_name(locust__bytes_reader *r)
{
    unsigned length;
    do {
        length = locust__bytes_get_u8(r);
        if ((length & 0xC0) == 0xC0) { // a pointer of two bytes
            locust__bytes_skip(r, 1);
            return;
        }
        if (length & 0xC0) // reserved
            r->failed = true;
        locust__bytes_skip(r, length);
    } while (length && !r->failed);
}

/* Is `m` the answer to query `q`? A server may change the case of the name's letters, nothing
 * else. */
static bool locust__dns_answers(
    const unsigned char *m, size_t n, const unsigned char *q, size_t q_len)
{
    locust__bytes_reader answer = locust__bytes_reader_of(m, n),
                         query = locust__bytes_reader_of(q, q_len);
    bool same_id = locust__bytes_get_u16(&answer) == locust__bytes_get_u16(&query);
    bool response = locust__bytes_get_u16(&answer) & LOCUST__DNS_RESPONSE;
    bool one_question = locust__bytes_get_u16(&answer) == 1;
    if (n < q_len || q_len < 16 || !same_id || !response || !one_question)
        return false;
    for (size_t i = 12; i < q_len - 4; i++)
        if (locust__text_lower((char)m[i]) != locust__text_lower((char)q[i]))
            return false;
    return memcmp(m + q_len - 4, q + q_len - 4, 4) == 0; // type and class are no letters
}

/* Did the server cut the message, so that it fits into a packet? */
static bool locust__dns_is_truncated(const unsigned char *m, size_t n)
{
    locust__bytes_reader r = locust__bytes_reader_of(m, n);
    locust__bytes_skip(&r, 2);
    return locust__bytes_get_u16(&r) & LOCUST__DNS_TRUNCATED;
}

/* The address in a record's data. False: the record has none. */
static bool locust__dns_address(
    locust__addr *addr, unsigned type, const unsigned char *data, size_t n)
{
    memset(addr, 0, sizeof *addr);
    if (type == LOCUST__DNS_A && n == 4) {
        addr->as.in.sin_family = AF_INET;
        memcpy(&addr->as.in.sin_addr, data, n);
        addr->len = sizeof addr->as.in;
    } else if (type == LOCUST__DNS_AAAA && n == 16) {
        addr->as.in6.sin6_family = AF_INET6;
        memcpy(&addr->as.in6.sin6_addr, data, n);
        addr->len = sizeof addr->as.in6;
    }
    return addr->len > 0;
}

/* Adds the addresses of an answer, whose records begin at `at`, to the host; lowers *ttl_s to the
 * shortest time to live. A CNAME chain need not be followed: the server put the addresses at its
 * end into the same answer. Records behind one that is cut off are ignored. */
LOCUST__COLD static locust_error locust__dns_read(
    locust__host *host, const unsigned char *m, size_t n, size_t at, int64_t *ttl_s)
{
    locust__bytes_reader r = locust__bytes_reader_of(m, n), head = r;
    unsigned code, count;
    locust__bytes_skip(&head, 2); // id
    code = locust__bytes_get_u16(&head) & LOCUST__DNS_CODE;
    locust__bytes_skip(&head, 2); // questions
    count = locust__bytes_get_u16(&head);
    locust__bytes_skip(&r, at);
    if (code == 3)
        return LOCUST_ERR_NAME;
    if (code != 0)
        return LOCUST_ERR_NAME_SERVER;
    for (; count > 0; count--) {
        locust__addr addr;
        const unsigned char *data;
        unsigned type, class, len;
        uint32_t ttl;
        locust__dns_skip_name(&r);
        type = locust__bytes_get_u16(&r);
        class = locust__bytes_get_u16(&r);
        ttl = locust__bytes_get_u32(&r);
        len = locust__bytes_get_u16(&r);
        data = locust__bytes_take(&r, len);
        if (r.failed)
            break;
        if (class != LOCUST__DNS_IN || !locust__dns_address(&addr, type, data, len))
            continue;
        locust__host_add(host, &addr);
        if (ttl >> 31) // RFC 2181 section 8
            ttl = 0;
        if (ttl < *ttl_s)
            *ttl_s = ttl;
    }
    return LOCUST_OK;
}
