/* ============================================================================================
 * >>connect_to  --connect-to
 *
 * Purpose     connect to another place than the URL says.
 * Sources     curl.
 * ============================================================================================ */

typedef struct locust__detour { // --connect-to
    struct locust__detour *next;
    locust__view from_host, to_host; // empty: any, the same; to_host is terminated
    int from_port, to_port;          // 0: any, the same
} locust__detour;

/* Takes "host:" off the front; the host may be an IPv6 literal in brackets, or empty. */
static bool locust__detour_host(char **p, locust__view *host)
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

static bool locust__detour_port(char **p, int *port)
{
    for (*port = 0; locust__base_digit(**p) && *port <= 65535; (*p)++)
        *port = *port * 10 + (**p - '0');
    return *port <= 65535;
}
