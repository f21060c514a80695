// Answers of name servers, hosts files, resolv.conf. RFC 1035, resolv.conf(5), hosts(5).
// Input: '0' a name, a line end, the message behind the question; '1' the same, a whole message;
// '2' a name, a line end, a hosts file; '3' resolv.conf.
#include "../../locust.h"
#include "../check.h"

static int file = -1; // what stands for the system's files
static char path[64];

/* -- queries -- */

/* The name in a query is the one that was asked for. */
static void check_query(const unsigned char *q, size_t n, const char *name, int type)
{
    size_t at = 12, len = strlen(name);
    char text[512] = "";
    if (len && name[len - 1] == '.')
        len--;
    MUST(n <= 12 + 255 + 4 && n == 12 + len + 2 + 4);
    while (q[at]) {
        MUST(q[at] <= 63 && at + q[at] < n);
        strcat(text, *text ? "." : "");
        strncat(text, (const char *)q + at + 1, q[at]);
        at += q[at] + 1u;
    }
    MUST(at + 5 == n && strlen(text) == len && memcmp(text, name, len) == 0);
    MUST(q[at + 2] == type && q[at + 4] == 1);
    MUST(!locust__dns_answers(q, n, q, n)); // a query is no answer
}

static bool is_name(const char *name)
{
    size_t n = strlen(name), label = 0;
    n -= n && name[n - 1] == '.';
    for (size_t i = 0; i <= n; i++) {
        if (i < n && name[i] != '.') {
            label++;
            continue;
        }
        if (!label || label > 63)
            return false;
        label = 0;
    }
    return n <= 253;
}

/* -- answers -- */

static int count_of(const locust__host *host, int family)
{
    int n = 0;
    for (int i = 0; i < host->n_addrs; i++)
        n += host->addrs[i].as.any.sa_family == family;
    return n;
}

/* IPv4 first, no more than there is room for; the order to try them has each once. */
static void check_host(locust__host *host)
{
    locust__addr order[LOCUST__HOST_ADDRS];
    int n = host->n_addrs, four = count_of(host, AF_INET);
    MUST(n >= 0 && n <= LOCUST__HOST_ADDRS && four + count_of(host, AF_INET6) == n);
    for (int i = 0; i < n; i++) {
        bool six = host->addrs[i].as.any.sa_family == AF_INET6;
        MUST(six == (i >= four));
        MUST(host->addrs[i].len == (six ? sizeof host->addrs->as.in6 : sizeof host->addrs->as.in));
    }
    for (int turn = 0; turn < 3; turn++) {
        int used = 0;
        MUST(locust__lookup_order(host, 443, order) == n);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++) {
                locust__addr a = host->addrs[k];
                locust__addr_set_port(&a, 443);
                if (!(used >> k & 1) && memcmp(&a, &order[i], sizeof a) == 0) {
                    used |= 1 << k;
                    break;
                }
            }
        MUST(used == (1 << n) - 1);
    }
}

/* The addresses in a message's answers, counted in the simplest way. */
static int simple_count(const unsigned char *m, size_t n, size_t at)
{
    int found = 0;
    for (int left = m[6] * 256 + m[7]; left; left--) {
        size_t len;
        while (at < n && m[at] && m[at] < 64)
            at += m[at] + 1u;
        if (at >= n || (m[at] && m[at] < 192))
            return found;
        at += m[at] ? 2 : 1;
        if (at + 10 > n)
            return found;
        len = m[at + 8] * 256u + m[at + 9];
        if (at + 10 + len > n)
            return found;
        found += memcmp(m + at, "\0\1\0\1", 4) == 0 && len == 4;
        found += memcmp(m + at, "\0\34\0\1", 4) == 0 && len == 16;
        at += 10 + len;
    }
    return found;
}

/* How many addresses the first n bytes of a message give. */
static int read_message(const unsigned char *m, size_t n, size_t q_len, locust_error *error)
{
    locust__host *host = calloc(1, sizeof *host + 1);
    unsigned char *exact = memcpy(malloc(n + !n), m, n);
    int64_t ttl_s = 3600;
    int found, want = simple_count(m, n, q_len);
    *error = locust__dns_read(host, exact, n, q_len, &ttl_s);
    MUST(*error == ((m[3] & 15) == 3 ? LOCUST_ERR_NAME
                       : m[3] & 15   ? LOCUST_ERR_NAME_SERVER
                                     : LOCUST_OK));
    MUST(ttl_s >= 0 && ttl_s <= 3600);
    check_host(host);
    found = host->n_addrs;
    MUST(found == (*error ? 0 : want > LOCUST__HOST_ADDRS ? LOCUST__HOST_ADDRS : want));
    free(exact);
    free(host);
    return found;
}

static void check_message(const unsigned char *m, size_t n, const unsigned char *q, size_t q_len)
{
    unsigned char *exact = memcpy(malloc(n + !n), m, n);
    bool answers = locust__dns_answers(exact, n, q, q_len);
    locust_error error, other;
    int found;
    free(exact);
    if (!answers)
        return;
    MUST(n >= q_len && m[0] == q[0] && m[1] == q[1] && m[2] >= 128);
    found = read_message(m, n, q_len, &error);
    for (size_t k = q_len; k < n; k++) { // cut anywhere, it gives no more and nothing else
        MUST(read_message(m, k, q_len, &other) <= found);
        MUST(other == error);
    }
}

static void check_dns(const char *name, const uint8_t *data, size_t n, bool whole)
{
    unsigned char q[LOCUST__DNS_MAX], m[LOCUST__DNS_MAX + 4096];
    size_t len = locust__dns_put_query(q, 0x4142, name, LOCUST__DNS_AAAA);
    if (strchr(name, '\\')) { // escaped: test_dns.c
        MUST(len <= 12 + 255 + 4);
        return;
    }
    MUST((len != 0) == is_name(name));
    if (!len)
        return;
    check_query(q, len, name, LOCUST__DNS_AAAA);
    if (whole) {
        check_message(data, n, q, len);
        return;
    }
    if (n < 3 || n > 1024)
        return;
    memcpy(m, q, len);
    m[2] = data[0] | 0x80;
    m[3] = data[1];
    m[7] = data[2];
    for (size_t i = 13; i < len; i++)
        if (m[i] >= 'a' && m[i] <= 'z' && data[2] & 1)
            m[i] -= 32;
    memcpy(m + len, data + 3, n - 3);
    MUST(locust__dns_answers(m, len + n - 3, q, len));
    check_message(m, len + n - 3, q, len);
}

/* -- files -- */

static void write_file(const uint8_t *data, size_t n)
{
    if (ftruncate(file, 0) != 0 || pwrite(file, data, n, 0) != (ssize_t)n)
        abort();
}

static void check_hosts(locust__resolver *r, const char *name, const uint8_t *data, size_t n)
{
    locust__host *host = locust__lookup_add(r, name);
    write_file(data, n);
    locust__resolver_hosts(r, host);
    check_host(host);
    MUST(host->n_addrs || strcasecmp(name, "localhost") != 0);
}

static void check_resolv_conf(locust__resolver *r, const uint8_t *data, size_t n)
{
    write_file(data, n);
    locust__resolver_load(r);
    MUST(r->loaded && r->n_servers >= 1 && r->n_servers <= LOCUST__RESOLVER_SERVERS);
    MUST(r->timeout_s >= 1 && r->timeout_s <= 30 && r->attempts >= 1 && r->attempts <= 5 &&
         r->ndots >= 0 && r->ndots <= 15);
    MUST(r->n_search >= 0 && r->n_search <= LOCUST__RESOLVER_SEARCH);
    for (int i = 0; i < r->n_servers; i++)
        MUST(r->servers[i].len && r->servers[i].as.in.sin_port == htons(53));
    for (int i = 0; i < r->n_search; i++)
        MUST(memchr(r->search[i], 0, LOCUST__HOST_NAME) && *r->search[i]);
}

/* Takes the text up to `end` off the input: a string of exactly its size. */
static char *cut(const uint8_t **data, size_t *n, char end)
{
    const uint8_t *stop = *n ? memchr(*data, end, *n) : NULL;
    size_t len = stop ? (size_t)(stop - *data) : *n;
    char *text = locust__text_copy((const char *)*data, strnlen((const char *)*data, len));
    *data += len + (stop != NULL);
    *n -= len + (stop != NULL);
    return text;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    FILE *f = tmpfile();
    (void)argc, (void)argv;
    if (!f)
        abort();
    file = fileno(f);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    locust__arena arena = {NULL};
    locust__resolver r;
    unsigned what;
    char *name;
    if (!n)
        return 0;
    what = *data++ % 4; // '0' is 0
    n--;
    locust__resolver_init(&r, NULL, &arena);
    r.hosts_path = r.resolv_path = path;
    if (what == 3) {
        check_resolv_conf(&r, data, n);
        return 0;
    }
    name = cut(&data, &n, '\n');
    if (what == 2)
        check_hosts(&r, name, data, n);
    else
        check_dns(name, data, n, what == 1);
    locust__arena_free(&arena);
    free(name);
    return 0;
}
