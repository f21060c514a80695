/* ============================================================================================
 * >>dns_message  questions with EDNS, and what an answer consists of
 *
 * Purpose     writes the questions of a test; reads the names, records and options of an answer.
 * Invariants  nothing is read outside of the message. A compression pointer leads backwards, to
 *             before the labels that it stands behind, so that following them ends; and no more
 *             than 127 are followed, so that it ends soon.
 * Cost        a message is walked once when it comes, without memory of its own.
 * Names       locust__dns_name_ locust__dns_rr locust__dns_walk locust__dns_walk_
 *             locust__dns_edns locust__dns_edns_ locust__dns_message_
 * Uses        >>address >>dns >>dns_type
 * Sources     RFC 1035, 6891 (EDNS), 7873 (cookies), 7871 (subnet), 5001 (NSID).
 * ============================================================================================ */

enum {
    LOCUST__DNS_MESSAGE_HEAD = 12,
    LOCUST__DNS_NAME_JUMPS = 127 // more labels than that no name has
};

enum { LOCUST__DNS_EDNS_NSID = 3, LOCUST__DNS_EDNS_SUBNET = 8, LOCUST__DNS_EDNS_COOKIE = 10 };
enum { LOCUST__DNS_MESSAGE_CD = 0x0010 }; // checking disabled, RFC 4035 3.2.2
enum { LOCUST__DNS_EDNS_SIZE = 1232, LOCUST__DNS_EDNS_DO = 0x8000 };

/* Adds the text of one label. What a zone file would take for something else is escaped. */
static void locust__dns_name_label(locust__buf *out, const unsigned char *label, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = (char)label[i];
        if (label[i] <= ' ' || label[i] >= 0x7F)
            locust__buf_printf(out, "\\%03d", label[i]);
        else if (strchr("\"().;\\@$", c))
            locust__buf_printf(out, "\\%c", c);
        else
            locust__buf_add(out, &c, 1);
    }
    locust__buf_add(out, ".", 1);
}

/* Reads the name at *at of a message and moves *at behind it. Adds its text to `out`, unless that
 * is NULL. False: it is none. */
static bool locust__dns_name_read(const unsigned char *m, size_t n, size_t *at, locust__buf *out)
{
    size_t first = *at, p = first, bytes = 1; // `first`: where the labels that are read now began
    int jumps = 0;
    while (p < n) {
        unsigned length = m[p];
        if ((length & 0xC0) == 0xC0) {
            size_t to = p + 1 < n ? (size_t)(length & 0x3F) << 8 | m[p + 1] : n;
            if (!jumps++)
                *at = p + 2;
            if (to < LOCUST__DNS_MESSAGE_HEAD || to >= first || jumps > LOCUST__DNS_NAME_JUMPS)
                return false;
            p = first = to;
            continue;
        }
        if (!length) {
            if (out && bytes == 1)
                locust__buf_add(out, ".", 1);
            if (!jumps)
                *at = p + 1;
            return true;
        }
        bytes += length + 1;
        if ((length & 0xC0) || length >= n - p || bytes > 255)
            return false;
        if (out)
            locust__dns_name_label(out, m + p + 1, length);
        p += length + 1;
    }
    return false;
}

/* Adds a prefix such as "192.0.2.0/24", for the server to choose its answer by. False: it is
 * none. */
static bool locust__dns_edns_put_subnet(locust__bytes_writer *w, const char *text)
{
    char host[64];
    size_t n = strcspn(text, "/");
    const unsigned char *bytes;
    locust__addr addr;
    int64_t bits;
    bool four;
    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    if (!locust__addr_parse(&addr, host, 0))
        return false;
    four = addr.as.any.sa_family == AF_INET;
    bytes = four ? (const unsigned char *)&addr.as.in.sin_addr
                 : (const unsigned char *)&addr.as.in6.sin6_addr;
    bits = text[n] ? locust__number_of(locust__view_of(text + n + 1)) : four ? 32 : 128;
    if (bits < 0 || bits > (four ? 32 : 128))
        return false;
    locust__bytes_put_u16(w, LOCUST__DNS_EDNS_SUBNET);
    locust__bytes_put_u16(w, (unsigned)(4 + (bits + 7) / 8));
    locust__bytes_put_u16(w, four ? 1 : 2);
    locust__bytes_put_u8(w, (unsigned)bits);
    locust__bytes_put_u8(w, 0);           // the scope is for the server to say
    for (int64_t i = 0; i < bits; i += 8) // bits behind the prefix are 0
        locust__bytes_put_u8(w, bytes[i / 8] & (bits - i < 8 ? 0xFF00u >> (bits - i) : 0xFFu));
    return true;
}

/* Writes the OPT record of a question, if it has one. `cookie` is the client's and then, if it is
 * known, the server's. False: .subnet is no prefix. */
static bool locust__dns_edns_put(
    locust__bytes_writer *w, const locust_dns_question *q, locust__view cookie)
{
    int size = q->edns ? q->edns : LOCUST__DNS_EDNS_SIZE;
    size_t length_at;
    bool good = true;
    if (!q->edns && !q->dnssec && !q->nsid && !q->cookie && !q->subnet)
        return true;
    size = size < 512 ? 512 : size > 65535 ? 65535 : size; // RFC 6891 6.2.3
    locust__bytes_put_u8(w, 0);                            // the root
    locust__bytes_put_u16(w, LOCUST__DNS_TYPE_OPT);
    locust__bytes_put_u16(w, (unsigned)size);
    locust__bytes_put_u16(w, 0); // rcode, version
    locust__bytes_put_u16(w, q->dnssec ? LOCUST__DNS_EDNS_DO : 0);
    length_at = w->len;
    locust__bytes_put_u16(w, 0);
    if (q->nsid) {
        locust__bytes_put_u16(w, LOCUST__DNS_EDNS_NSID);
        locust__bytes_put_u16(w, 0);
    }
    if (q->cookie) {
        locust__bytes_put_u16(w, LOCUST__DNS_EDNS_COOKIE);
        locust__bytes_put_u16(w, (unsigned)cookie.len);
        locust__bytes_add(w, cookie.ptr, cookie.len);
    }
    if (q->subnet)
        good = locust__dns_edns_put_subnet(w, q->subnet);
    if (!w->failed) {
        size_t length = w->len - length_at - 2;
        w->fixed[length_at] = (unsigned char)(length >> 8);
        w->fixed[length_at + 1] = (unsigned char)length;
    }
    return good;
}

/* Writes a question. Returns NULL, or what is wrong with it. *end is where its first part ends, the
 * one that an answer repeats. */
static const char *locust__dns_message_put(locust__bytes_writer *w, unsigned id, int type,
    const locust_dns_question *q, locust__view cookie, size_t *end)
{
    bool edns = q->edns || q->dnssec || q->nsid || q->cookie || q->subnet;
    unsigned flags = (q->no_recursion ? 0 : LOCUST__DNS_RECURSE) |
                     (q->checking_disabled ? LOCUST__DNS_MESSAGE_CD : 0);
    locust__bytes_put_u16(w, id);
    locust__bytes_put_u16(w, flags);
    locust__bytes_put_u16(w, 1);
    locust__bytes_put_u16(w, 0);
    locust__bytes_put_u16(w, 0);
    locust__bytes_put_u16(w, edns);
    if (!locust__dns_put_name(w, q->question))
        return "is no name of DNS: labels of 1 to 63 bytes with dots between, 253 in all";
    locust__bytes_put_u16(w, (unsigned)type);
    locust__bytes_put_u16(w, q->qclass ? (unsigned)q->qclass : LOCUST__DNS_IN);
    *end = w->len;
    if (!locust__dns_edns_put(w, q, cookie))
        return "has a .subnet that is no prefix, such as 192.0.2.0/24";
    return NULL;
}

typedef struct locust__dns_rr { // in a message
    int section;
    unsigned type, rclass;
    uint32_t ttl;
    size_t name_at, data_at, data_len;
} locust__dns_rr;

typedef struct locust__dns_walk { // from record to record
    const unsigned char *m;
    size_t n, at;
    unsigned left[3]; // records of each section that are to come
    bool failed;      // what follows is no record
} locust__dns_walk;

/* Begins behind the questions of a message. */
static locust__dns_walk locust__dns_walk_of(const unsigned char *m, size_t n)
{
    locust__dns_walk w = {m, n, LOCUST__DNS_MESSAGE_HEAD, {0, 0, 0}, n < LOCUST__DNS_MESSAGE_HEAD};
    locust__bytes_reader r = locust__bytes_reader_of(m, n);
    unsigned questions;
    locust__bytes_skip(&r, 4);
    questions = locust__bytes_get_u16(&r);
    for (int i = 0; i < 3; i++)
        w.left[i] = locust__bytes_get_u16(&r);
    for (; questions && !w.failed; questions--) {
        w.failed = !locust__dns_name_read(m, n, &w.at, NULL) || n - w.at < 4;
        w.at += w.failed ? 0 : 4;
    }
    return w;
}

/* The next record, without a look at its data. False: there are no more, or (w->failed) the message
 * is wrong from here on. */
static bool locust__dns_walk_next(locust__dns_walk *w, locust__dns_rr *record)
{
    locust__bytes_reader r;
    int section = w->left[0]   ? LOCUST_DNS_ANSWER
                  : w->left[1] ? LOCUST_DNS_AUTHORITY
                               : LOCUST_DNS_ADDITIONAL;
    size_t name_at = w->at;
    if (w->failed || !w->left[section])
        return false;
    if (!locust__dns_name_read(w->m, w->n, &w->at, NULL)) {
        w->failed = true;
        return false;
    }
    r = locust__bytes_reader_of(w->m + w->at, w->n - w->at);
    record->section = section;
    record->name_at = name_at;
    record->type = locust__bytes_get_u16(&r);
    record->rclass = locust__bytes_get_u16(&r);
    record->ttl = locust__bytes_get_u32(&r);
    record->data_len = locust__bytes_get_u16(&r);
    record->data_at = w->n - r.left;
    locust__bytes_skip(&r, record->data_len);
    w->failed = r.failed;
    if (w->failed)
        return false;
    w->at = w->n - r.left;
    w->left[section]--;
    return true;
}

/* The options of an OPT record lie within it. */
static bool locust__dns_edns_is_whole(const unsigned char *data, size_t n)
{
    locust__bytes_reader r = locust__bytes_reader_of(data, n);
    while (r.left && !r.failed) {
        locust__bytes_skip(&r, 2);
        locust__bytes_skip(&r, locust__bytes_get_u16(&r));
    }
    return !r.failed;
}

/* The option of that code in the data of an OPT record; NULL: it has none. */
static const unsigned char *locust__dns_edns_find(
    const unsigned char *data, size_t n, unsigned code, size_t *len)
{
    locust__bytes_reader r = locust__bytes_reader_of(data, n);
    while (r.left && !r.failed) {
        unsigned own = locust__bytes_get_u16(&r);
        const unsigned char *bytes;
        *len = locust__bytes_get_u16(&r);
        bytes = locust__bytes_take(&r, *len);
        if (own == code && bytes)
            return bytes;
    }
    return NULL;
}
