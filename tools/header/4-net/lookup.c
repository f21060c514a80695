/* ============================================================================================
 * >>lookup  a host name on its way to a connection
 *
 * Purpose     finds what is known of a name, looks it up if that is too old, and connects to its
 *             addresses; --resolve.
 * Invariants  at most one lookup of a name runs, in a coroutine of its own. All that need the name
 *             wait for it, each until its own deadline; the lookup goes on if one of them gives up.
 * Names       locust__lookup_
 * Uses        >>co >>switch >>sync >>address >>net >>stream >>allowance >>connect >>resolve
 *             >>question
 * ============================================================================================ */

/* Ends the lookups that run. No user waits for them any more. */
static void locust__lookup_stop(locust__resolver *r) LOCUST__PARKS
{
    for (locust__host *host = r->hosts; host; host = host->next)
        if (host->lookup)
            locust__co_cancel(r->net->loop, host->lookup);
    locust__wait_group_join(r->net->loop, &r->lookups, LOCUST__NEVER);
}

/* What is known of a name for a port; NULL: nothing. Pinned names stand first: a test pins before
 * it looks up. */
static locust__host *locust__lookup_find(locust__resolver *r, const char *name, int port)
{
    locust__host *host = r->hosts;
    while (host && ((host->port && host->port != port) ||
                       (strcasecmp(host->name, name) != 0 && strcmp(host->name, "*") != 0)))
        host = host->next;
    return host;
}

static locust__host *locust__lookup_add(locust__resolver *r, const char *name)
{
    size_t len = strlen(name);
    locust__host *host = locust__arena_zalloc(r->arena, sizeof *host + len + 1), **last = &r->hosts;
    if (!host)
        return NULL;
    memcpy(host->name, name, len + 1);
    host->resolver = r;
    while (*last)
        last = &(*last)->next;
    *last = host;
    return host;
}

/* Pins names: HOST:PORT:ADDRESS[,ADDRESS...], several separated by blanks, as curl's --resolve has
 * it. False: wrong, or no memory. */
static bool locust__lookup_pin(locust__resolver *r, const char *text)
{
    char *copy = locust__text_copy(text, strlen(text)), *at = NULL, *comma;
    bool good = copy != NULL;
    for (char *p = good ? strtok_r(copy, " ", &at) : NULL; p && good;
         p = strtok_r(NULL, " ", &at)) {
        char *colon = strchr(p, ':'), *one;
        const char *end = colon ? colon + 1 : p;
        int64_t port = locust__number_whole(&end);
        locust__host *host;
        good = colon && colon > p && *end == ':' && port > 0 && port <= 65535;
        if (!good)
            break;
        *colon = '\0';
        host = locust__lookup_add(r, p);
        good = host != NULL;
        for (one = good ? strtok_r(p + (end - p) + 1, ",", &comma) : NULL; one && good;
             one = strtok_r(NULL, ",", &comma)) {
            locust__addr addr;
            size_t len = strlen(one);
            if (*one == '[' && len && one[len - 1] == ']') {
                one[len - 1] = '\0';
                one++;
            }
            good = locust__addr_parse(&addr, one, 0);
            if (good)
                locust__host_add(host, &addr);
        }
        good = good && host->n_addrs;
        if (good) {
            host->port = (int)port;
            host->expires_ns = LOCUST__NEVER;
        }
    }
    LOCUST_FREE(copy);
    return good;
}

/* What is known of a name, looked up first if it is new or its TTL is over. *out stays valid as
 * long as the test; a later lookup changes the addresses in it. */
static locust_error locust__lookup_host(locust__resolver *r, const char *name, int port,
    int64_t deadline_ns, locust__host **out) LOCUST__PARKS
{
    locust__loop *loop = r->net->loop;
    locust__host *host = locust__lookup_find(r, name, port);
    if (!host) {
        host = locust__lookup_add(r, name);
        if (!host)
            return LOCUST_ERR_MEMORY;
        if (locust__addr_parse(&host->addrs[0], name, 0)) {
            host->n_addrs = 1;
            host->expires_ns = LOCUST__NEVER;
        }
    }
    while (host->lookup || loop->now_ns >= host->expires_ns) {
        locust_error error;
        if (!host->lookup)
            host->lookup = locust__co_start(
                loop, "the name lookup", 0, locust__question_look_up, host, &r->lookups);
        if (!host->lookup)
            return LOCUST_ERR_MEMORY;
        error = locust__stream_woken(
            locust__queue_wait(loop, &host->waiters, deadline_ns), LOCUST_ERR_NAME_TIMEOUT);
        if (error)
            return error;
    }
    *out = host;
    return host->error;
}

/* The addresses of a host in the order to try them: IPv4 and IPv6 take turns (RFC 8305 section 4).
 * Each call begins one address further, so that all get the same share of the connections. */
static int locust__lookup_order(locust__host *host, int port, locust__addr out[LOCUST__HOST_ADDRS])
{
    int four = 0, n = host->n_addrs, turn = host->turn++ & INT_MAX, used[2] = {0, 0}, count[2];
    while (four < n && host->addrs[four].as.any.sa_family == AF_INET)
        four++;
    count[0] = four;
    count[1] = n - four;
    for (int i = 0, kind = four == 0; i < n; i++) {
        int at = (turn + used[kind]++) % count[kind];
        out[i] = host->addrs[kind ? four + at : at];
        locust__addr_set_port(&out[i], port);
        if (used[!kind] < count[!kind])
            kind = !kind;
    }
    return n;
}

/* Connects to a host. *known_ns: when its addresses were known; untouched if they were known
 * before. */
static locust_error locust__lookup_dial(locust__resolver *r, locust_stream *s, const char *name,
    int port, locust__allowance *a, int64_t *known_ns) LOCUST__PARKS
{
    locust__addr addrs[LOCUST__HOST_ADDRS];
    locust__host *host = NULL;
    uint64_t turn = r->net->loop->turn; // a lookup parks, and so ends in a later turn
    locust_error error = locust__lookup_host(r, name, port, a->deadline_ns, &host);
    int n = error ? 0 : locust__lookup_order(host, port, addrs);
    if (r->net->loop->turn != turn)
        *known_ns = locust__os_now_ns();
    if (locust__net_lacks(error))
        locust__connect_pause(r->net, error, a);
    return error ? error : locust__connect_dial(s, addrs, n, a);
}
