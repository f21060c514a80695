/* ============================================================================================
 * >>web_guard  who may ask, and what
 *
 * Purpose     refuses what another web page in somebody's browser has the browser send, and who
 *             does not know the password.
 * Invariants  a name that is not this machine's is not answered: a page whose name its owner lets
 *             point here (DNS rebinding) is foreign, though the browser takes it for ours. What
 *             changes something is refused if it says that it comes from another origin; programs
 *             say nothing of origins. Passwords are compared in a time that does not tell how much
 *             of them was right.
 * Names       locust__guard locust__guard_
 * Uses        >>address >>request_head
 * Sources     RFC 6454 (origins), Fetch Metadata (Sec-Fetch-Site), RFC 7617 (Basic), RFC 9110 7.4.
 * Limits      a browser from before 2019 that sends neither Origin nor Referer nor Sec-Fetch-Site
 *             with a form is taken for a program: --web-login keeps it out.
 * ============================================================================================ */

typedef struct locust__guard {
    const char *name;  // by which the page may be asked for; NULL: none
    char machine[256]; // the name of this machine
    const char *login; // "user:password"; NULL: anybody may ask
} locust__guard;

LOCUST__COLD static void locust__guard_init(locust__guard *g, const char *name, const char *login)
{
    memset(g, 0, sizeof *g);
    g->name = name;
    g->login = login;
    if (gethostname(g->machine, sizeof g->machine - 1) != 0)
        g->machine[0] = '\0';
}

/* host:port without the port and the brackets of an IPv6 address, cut to what fits. */
LOCUST__COLD static void locust__guard_bare(locust__view authority, char *out, size_t size)
{
    size_t n = authority.len;
    const char *colon = NULL;
    for (size_t i = 0; i < n; i++)
        colon = authority.ptr[i] == ':' ? authority.ptr + i : colon;
    if (n && *authority.ptr == '[') {
        const char *close = memchr(authority.ptr, ']', n);
        n = close ? (size_t)(close - authority.ptr) - 1 : 0;
        authority = locust__view_skip(authority, 1);
    } else if (colon && memchr(authority.ptr, ':', n) == colon) {
        n = (size_t)(colon - authority.ptr);
    }
    if (n && authority.ptr[n - 1] == '.')
        n--;
    snprintf(out, size, "%.*s", n < 255 ? (int)n : 255, authority.ptr);
}

/* The authority of a URL or an origin; of a text without a scheme, all of it. */
LOCUST__COLD static locust__view locust__guard_authority(const char *url)
{
    const char *p = strstr(url, "://");
    p = p ? p + 3 : url;
    return (locust__view){p, strcspn(p, "/?#")};
}

/* Is it a name of this server? */
LOCUST__COLD static bool locust__guard_knows(const locust__guard *g, locust__view authority)
{
    char host[256], own[256];
    size_t n, dot = strcspn(g->machine, ".");
    locust__addr unused;
    locust__guard_bare(authority, host, sizeof host);
    n = strlen(host);
    if (!n)
        return false;
    if (locust__addr_parse(&unused, host, 0) || strcasecmp(host, "localhost") == 0 ||
        strcasecmp(host, g->machine) == 0)
        return true;
    if (n > 10 && strcasecmp(host + n - 10, ".localhost") == 0)
        return true;
    if (n == dot && strncasecmp(host, g->machine, n) == 0)
        return true;
    if (!g->name)
        return false;
    locust__guard_bare(locust__guard_authority(g->name), own, sizeof own);
    return strcasecmp(host, own) == 0;
}

/* Does a URL or an origin name the server that the request is for? */
LOCUST__COLD static bool locust__guard_is_own(
    const locust__guard *g, const locust__request_head *h, const char *url)
{
    locust__view from = locust__guard_authority(url), own = {"", 0};
    if (!strstr(url, "://")) // "null": a sandbox, a file, a redirect
        return false;
    if (locust__view_is_nocase(from, h->host))
        return true;
    if (g->name)
        own = locust__guard_authority(g->name);
    return own.len == from.len && own.len && strncasecmp(own.ptr, from.ptr, own.len) == 0;
}

/* Does a browser say that another page sends this? */
LOCUST__COLD static bool locust__guard_is_foreign(
    const locust__guard *g, const locust__request_head *h)
{
    const char *site = locust__request_head_field(h, "Sec-Fetch-Site");
    const char *origin = locust__request_head_field(h, "Origin");
    const char *referer = locust__request_head_field(h, "Referer");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return true;
    if (origin)
        return !locust__guard_is_own(g, h, origin);
    return referer && !locust__guard_is_own(g, h, referer);
}

/* Compares all of both, however soon they differ. */
LOCUST__COLD static bool locust__guard_same(locust__view a, locust__view b)
{
    unsigned char apart = a.len != b.len;
    for (size_t i = 0; i < a.len; i++)
        apart |= (unsigned char)((unsigned char)a.ptr[i] ^
                                 (unsigned char)(b.len ? b.ptr[i % b.len] : 1));
    return !apart;
}

/* Does the request bring user and password? */
LOCUST__COLD static bool locust__guard_lets_in(
    const locust__guard *g, const locust__request_head *h)
{
    const char *field = locust__request_head_field(h, "Authorization");
    locust__buf said = {NULL, 0, 0, false};
    bool good = false;
    if (!g->login)
        return true;
    if (field && strncasecmp(field, "Basic ", 6) == 0 &&
        locust__base64_decode(&said, locust__view_of(field + 6)))
        good = locust__guard_same(
            (locust__view){said.ptr ? said.ptr : "", said.len}, locust__view_of(g->login));
    locust__buf_free(&said);
    return good;
}
