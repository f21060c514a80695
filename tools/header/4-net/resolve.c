/* ============================================================================================
 * >>resolve  what is known of host names, and the files that say more
 *
 * Purpose     the names that the test has met, with their addresses; the hosts file; the name
 *             servers and options of resolv.conf. getaddrinfo would stall the loop, and glibc's
 *             needs shared libraries even in a static program.
 * Invariants  a host lives as long as its test. Its IPv4 addresses stand before its IPv6 ones. An
 *             answer is valid for its TTL, a failure for a second.
 * Cost        the hosts file is read once a lookup, resolv.conf once a test.
 * Names       locust__host_ locust__resolver_
 * Uses        >>co >>fd >>address >>net
 * Sources     RFC 6761 (localhost), resolv.conf(5), hosts(5).
 * Limits      eight addresses for a name. No nsswitch.conf, no mDNS.
 * ============================================================================================ */

enum {
    LOCUST__HOST_ADDRS = 8,
    LOCUST__RESOLVER_SERVERS = 3,
    LOCUST__RESOLVER_SEARCH = 6,
    LOCUST__HOST_NAME = 254
};

typedef struct locust__host { // a name and what is known of it
    struct locust__host *next;
    locust__addr addrs[LOCUST__HOST_ADDRS]; // port 0
    int n_addrs;
    int64_t expires_ns; // until when addresses and error are valid
    locust_error error;
    int port;      // of a name that --resolve pinned for one port; 0: any
    unsigned turn; // counts connections: which address goes first
    struct locust__resolver *resolver;
    locust__co *lookup;    // the coroutine that looks the name up; NULL: there is none
    locust__fd fd;         // its socket
    locust__queue waiters; // coroutines that wait for its end
    char name[];
} locust__host;

typedef struct locust__resolver {
    locust__net *net;
    locust__arena *arena; // of the hosts
    locust__host *hosts;
    const char *hosts_path, *resolv_path;
    locust__wait_group lookups;
    bool loaded; // resolv.conf was read
    locust__addr servers[LOCUST__RESOLVER_SERVERS];
    int n_servers, timeout_s, attempts, ndots;
    char search[LOCUST__RESOLVER_SEARCH][LOCUST__HOST_NAME];
    int n_search;
} locust__resolver;

static void locust__resolver_init(locust__resolver *r, locust__net *net, locust__arena *arena)
{
    memset(r, 0, sizeof *r);
    r->net = net;
    r->arena = arena;
    r->hosts_path = "/etc/hosts";
    r->resolv_path = "/etc/resolv.conf";
    r->timeout_s = 5;
    r->attempts = 2;
    r->ndots = 1;
}

/* Adds an address: IPv4 before IPv6, each kind in the order in which it came. */
LOCUST__COLD static void locust__host_add(locust__host *host, const locust__addr *addr)
{
    int at = host->n_addrs;
    if (at == LOCUST__HOST_ADDRS)
        return;
    for (; at && addr->as.any.sa_family == AF_INET &&
           host->addrs[at - 1].as.any.sa_family == AF_INET6;
         at--)
        host->addrs[at] = host->addrs[at - 1];
    host->addrs[at] = *addr;
    host->n_addrs++;
}

/* Is it "localhost" or a name below it? These are local whatever DNS says: RFC 6761 6.3. */
static bool locust__host_is_local(const char *name)
{
    size_t n = strlen(name), local = sizeof "localhost" - 1;
    n -= n && name[n - 1] == '.';
    return n >= local && strncasecmp(name + n - local, "localhost", local) == 0 &&
           (n == local || name[n - local - 1] == '.');
}

/* Adds the addresses that the hosts file has for a name; localhost is known without it. */
static void locust__resolver_hosts(const locust__resolver *r, locust__host *host)
{
    locust__buf text = locust__os_read_file(r->hosts_path, 1 << 20);
    char *line_end = NULL, *line, *word_end = NULL;
    size_t len = strlen(host->name);
    locust__addr addr;
    len -= len && host->name[len - 1] == '.'; // a full name
    for (line = text.ptr ? strtok_r(text.ptr, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        char *word;
        line[strcspn(line, "#")] = '\0';
        word = strtok_r(line, " \t\r", &word_end);
        if (!word || !locust__addr_parse(&addr, word, 0))
            continue;
        while ((word = strtok_r(NULL, " \t\r", &word_end)) != NULL)
            if (strlen(word) == len && strncasecmp(word, host->name, len) == 0)
                locust__host_add(host, &addr);
    }
    locust__buf_free(&text);
    if (!host->n_addrs && locust__host_is_local(host->name)) {
        locust__addr_parse(&addr, "127.0.0.1", 0);
        locust__host_add(host, &addr);
    }
}

/* Takes over a word behind "options", if it is one that matters here. */
static void locust__resolver_option(locust__resolver *r, const char *word)
{
    static const struct {
        const char *name;
        int max;
    } known[] = {{"timeout:", 30}, {"attempts:", 5}, {"ndots:", 15}};
    int *fields[] = {&r->timeout_s, &r->attempts, &r->ndots};
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(known[i].name);
        if (strncmp(word, known[i].name, len) == 0) {
            const char *text = word + len;
            int64_t value = locust__number_whole(&text);
            *fields[i] = value < 0 ? 0 : value > known[i].max ? known[i].max : (int)value;
        }
    }
}

/* Reads resolv.conf. */
static void locust__resolver_load(locust__resolver *r)
{
    locust__buf text = locust__os_read_file(r->resolv_path, 1 << 20);
    char *line_end = NULL, *word_end = NULL;
    for (char *line = text.ptr ? strtok_r(text.ptr, "\n", &line_end) : NULL; line;
         line = strtok_r(NULL, "\n", &line_end)) {
        char *key = strtok_r(line, " \t\r", &word_end), *word;
        if (!key)
            continue;
        if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0)
            r->n_search = 0; // the last such line counts
        while ((word = strtok_r(NULL, " \t\r", &word_end)) != NULL) {
            if (strcmp(key, "nameserver") == 0 && r->n_servers < LOCUST__RESOLVER_SERVERS)
                r->n_servers += locust__addr_parse(&r->servers[r->n_servers], word, 53);
            else if (strcmp(key, "options") == 0)
                locust__resolver_option(r, word);
            else if ((strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) &&
                     r->n_search < LOCUST__RESOLVER_SEARCH && strlen(word) < LOCUST__HOST_NAME)
                memcpy(r->search[r->n_search++], word, strlen(word) + 1);
        }
    }
    locust__buf_free(&text);
    if (r->timeout_s < 1)
        r->timeout_s = 1;
    if (r->attempts < 1)
        r->attempts = 1;
    if (!r->n_servers) { // as resolv.conf(5) has it
        locust__addr_parse(&r->servers[0], "127.0.0.1", 53);
        r->n_servers = 1;
    }
    r->loaded = true;
}
