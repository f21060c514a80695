/* ============================================================================================
 * >>connect_to  --connect-to
 *
 * Purpose     rules to connect to another host and port than those of the URL, which stay in the
 *             request.
 * Names       locust__connect_to_
 * Uses        >>url
 * Sources     curl's option of this name.
 * ============================================================================================ */

typedef struct locust__connect_to { // a rule
    struct locust__connect_to *next;
    locust__view from_host, to_host; // from: empty is any; to: empty is the same, else terminated
    int from_port, to_port;          // from: 0 is any; to: 0 is the same
} locust__connect_to;

typedef struct locust__connect_to_rules {
    locust__connect_to *first; // in the order given: the first that matches counts
    char *text;                // what the rules point into
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

/* Takes digits off the front; none are port 0. */
static bool locust__connect_to_port(char **p, int *port)
{
    for (*port = 0; locust__text_is_digit(**p) && *port <= 65535; (*p)++)
        *port = *port * 10 + (**p - '0');
    return *port <= 65535;
}

/* Reads HOST1:PORT1:HOST2:PORT2, several separated by blanks. False: wrong, or no memory. */
static bool locust__connect_to_parse(
    locust__connect_to_rules *rules, locust__arena *arena, const char *text)
{
    char *p, *at = NULL;
    rules->text = locust__arena_copy(arena, text, strlen(text));
    if (!rules->text)
        return false;
    for (p = strtok_r(rules->text, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
        locust__connect_to *rule = locust__arena_zalloc(arena, sizeof *rule),
                           **last = &rules->first;
        if (!rule)
            return false;
        while (*last)
            last = &(*last)->next;
        *last = rule;
        if (!locust__connect_to_host(&p, &rule->from_host) ||
            !locust__connect_to_port(&p, &rule->from_port) || *p++ != ':' ||
            !locust__connect_to_host(&p, &rule->to_host) ||
            !locust__connect_to_port(&p, &rule->to_port) || *p)
            return false;
        rules->text[rule->to_host.ptr + rule->to_host.len - rules->text] = '\0';
    }
    return true;
}

/* The host and port to connect to for an origin. */
static const char *locust__connect_to_of(
    const locust__connect_to_rules *rules, const locust__origin *origin, int *port)
{
    *port = origin->port;
    for (const locust__connect_to *rule = rules->first; rule; rule = rule->next) {
        if ((rule->from_host.len && !locust__view_is_nocase(rule->from_host, origin->host)) ||
            (rule->from_port && rule->from_port != origin->port))
            continue;
        if (rule->to_port)
            *port = rule->to_port;
        return rule->to_host.len ? rule->to_host.ptr : origin->host;
    }
    return origin->host;
}
