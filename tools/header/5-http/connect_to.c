/* ============================================================================================
 * >>connect_to  --connect-to
 *
 * Purpose     connects to another place than the URL says.
 * Names       locust__connect_to_
 * Uses        >>url
 * Sources     curl.
 * ============================================================================================ */

typedef struct locust__connect_to { // --connect-to
    struct locust__connect_to *next;
    locust__view from_host, to_host; // empty: any, the same; to_host is terminated
    int from_port, to_port;          // 0: any, the same
} locust__connect_to;

typedef struct locust__connect_to_rules {
    locust__connect_to *first; // in the order given: the first that fits counts
    char *text;                // that they point into
} locust__connect_to_rules;

/* Takes "host:" off the front; the host may be an IPv6 literal in brackets, or empty. */
static bool locust__connect_to_host(char **p, locust__view *host)
{
    char *end, address[INET6_ADDRSTRLEN];
    struct in6_addr unused;
    if (**p == '[') {
        end = strchr(*p, ']');
        *host = (locust__view){*p + 1, end ? (size_t)(end - *p - 1) : 0};
        snprintf(address, sizeof address, "%.*s", (int)host->len, host->ptr);
        if (host->len >= sizeof address || inet_pton(AF_INET6, address, &unused) != 1)
            return false;
        end++;
    } else {
        end = strchr(*p, ':');
        *host = (locust__view){*p, end ? (size_t)(end - *p) : 0};
    }
    if (!end || *end != ':')
        return false;
    *p = end + 1;
    return true;
}

static bool locust__connect_to_port(char **p, int *port)
{
    for (*port = 0; locust__text_is_digit(**p) && *port <= 65535; (*p)++)
        *port = *port * 10 + (**p - '0');
    return *port <= 65535;
}

/* Reads HOST1:PORT1:HOST2:PORT2, several separated by blanks. False: wrong. */
static bool locust__connect_to_parse(
    locust__connect_to_rules *rules, locust__arena *arena, const char *text)
{
    char *p, *at = NULL;
    rules->text = locust__arena_copy(arena, text, strlen(text));
    if (!rules->text)
        return false;
    for (p = strtok_r(rules->text, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
        locust__connect_to *d = locust__arena_zalloc(arena, sizeof *d), **last = &rules->first;
        if (!d)
            return false;
        while (*last)
            last = &(*last)->next;
        *last = d;
        if (!locust__connect_to_host(&p, &d->from_host) ||
            !locust__connect_to_port(&p, &d->from_port) || *p++ != ':' ||
            !locust__connect_to_host(&p, &d->to_host) ||
            !locust__connect_to_port(&p, &d->to_port) || *p)
            return false;
        rules->text[d->to_host.ptr + d->to_host.len - rules->text] = '\0';
    }
    return true;
}

/* Where to connect for an origin: the host and the port in place of its own. */
static const char *locust__connect_to_of(
    const locust__connect_to_rules *rules, const locust__origin *origin, int *port)
{
    *port = origin->port;
    for (const locust__connect_to *d = rules->first; d; d = d->next) {
        if ((d->from_host.len && !locust__view_is_nocase(d->from_host, origin->host)) ||
            (d->from_port && d->from_port != origin->port))
            continue;
        if (d->to_port)
            *port = d->to_port;
        return d->to_host.len ? d->to_host.ptr : origin->host;
    }
    return origin->host;
}
