/* ============================================================================================
 * >>cookie  the cookies of one user
 *
 * Purpose     takes Set-Cookie fields, and finds the cookies that a request sends.
 * Invariants  a jar is in the order in which cookies are sent: longer paths first, older ones first
 *             among equals.
 * Cost        some 100 bytes a cookie. A request looks at all cookies of its user.
 * Names       locust__cookie_ locust__jar_
 * Uses        >>address >>url >>head
 * Sources     RFC 6265 5.1 to 5.4; RFC 6265bis 5.7, its successor, for Secure over plain HTTP and
 *             the prefixes __Host- and __Secure-.
 * Limits      4096 bytes a cookie, 1024 a value of its attributes (longer ones are ignored), 50
 *             cookies for a domain (the oldest go), 3000 in all. There is no list of public
 *             suffixes: a Domain without an inner dot is refused unless it is the host itself, so
 *             "com" and "localnet" are refused, and "co.uk" is accepted.
 * ============================================================================================ */

typedef struct locust__jar_cookie {
    struct locust__jar_cookie *next;
    uint64_t born;     // the jar's count when the cookie first came
    int64_t expires_s; // since 1970; INT64_MAX: lasts as long as the user
    bool host_only, secure;
    const char *domain, *path, *value; // behind the name
    char name[];
} locust__jar_cookie;

typedef struct locust__jar {
    locust__jar_cookie *first;
    uint64_t born; // cookies that ever came
    int n;
} locust__jar;

typedef struct
    locust__cookie_site { // of a request: what decides which cookies it sends and may set
    const char *host;
    locust__view path;
    bool secure; // https
} locust__cookie_site;

/* The site of a request to the origin with that target. */
static locust__cookie_site locust__cookie_site_of(const locust__origin *origin, const char *target)
{
    return (locust__cookie_site){origin->host, {target, strcspn(target, "?")}, origin->secure};
}

/* The name that a field Host gives, without port and brackets; empty: none. To cookies that is the
 * site, whatever the URL says, as in curl and requests. */
static locust__view locust__cookie_host(const char *field)
{
    locust__view v = locust__http_trim(locust__view_of(field));
    bool literal = v.len && *v.ptr == '[';
    const char *end;
    if (literal)
        v = locust__view_skip(v, 1);
    end = v.len ? memchr(v.ptr, literal ? ']' : ':', v.len) : NULL;
    return (locust__view){v.ptr, end ? (size_t)(end - v.ptr) : v.len};
}

enum { LOCUST__COOKIE_BYTES = 4096, LOCUST__COOKIE_MAX_DOMAIN = 50, LOCUST__COOKIE_MAX = 3000 };

static void locust__jar_clear(locust__jar *jar)
{
    while (jar->first) {
        locust__jar_cookie *c = jar->first;
        jar->first = c->next;
        LOCUST_FREE(c);
    }
    jar->n = 0;
}

static void locust__jar_remove(locust__jar *jar, locust__jar_cookie **at)
{
    locust__jar_cookie *c = *at;
    *at = c->next;
    LOCUST_FREE(c);
    jar->n--;
}

/* RFC 6265 5.1.3; `domain` is in lower case. */
static bool locust__cookie_domain_matches(const char *host, const char *domain)
{
    size_t host_len = strlen(host), len = strlen(domain);
    locust__addr unused;
    if (strcasecmp(host, domain) == 0)
        return true;
    return host_len > len && strcasecmp(host + host_len - len, domain) == 0 &&
           host[host_len - len - 1] == '.' && !locust__addr_parse(&unused, host, 0);
}

/* RFC 6265 5.1.4 */
static bool locust__cookie_path_matches(locust__view path, const char *cookie_path)
{
    size_t len = strlen(cookie_path);
    return path.len >= len && memcmp(path.ptr, cookie_path, len) == 0 &&
           (path.len == len || cookie_path[len - 1] == '/' || path.ptr[len] == '/');
}

/* The path of a cookie that names none: the directory of the page. RFC 6265 5.1.4. */
static locust__view locust__cookie_default_path(locust__view path)
{
    while (path.len > 1 && path.ptr[path.len - 1] != '/')
        path.len--;
    if (path.len > 1)
        path.len--;
    return path.len && *path.ptr == '/' ? path : (locust__view){"/", 1};
}

/* RFC 6265 5.1.1 */
static bool locust__cookie_delimiter(char c)
{
    return c == '\t' || (c >= 0x20 && c <= 0x2F) || (c >= 0x3B && c <= 0x40) ||
           (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
}

/* Takes a number of min to max digits off the front of *p. False: there are fewer or more. */
static bool locust__cookie_digits(locust__view *p, int min, int max, int *out)
{
    int n = 0, value = 0;
    while (n < max && (size_t)n < p->len && locust__text_is_digit(p->ptr[n]))
        value = value * 10 + (p->ptr[n++] - '0');
    if (n < min || ((size_t)n < p->len && locust__text_is_digit(p->ptr[n])))
        return false;
    *p = locust__view_skip(*p, (size_t)n);
    *out = value;
    return true;
}

/* hh:mm:ss; whatever follows is ignored. */
static bool locust__cookie_time(locust__view t, int hms[3])
{
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            if (!t.len || *t.ptr != ':')
                return false;
            t = locust__view_skip(t, 1);
        }
        if (!locust__cookie_digits(&t, 1, 2, &hms[i]))
            return false;
    }
    return true;
}

/* 1 to 12; 0: the word does not begin like a month. */
static int locust__cookie_month(locust__view t)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (const char *name = names; t.len >= 3 && *name; name += 3)
        if (strncasecmp(t.ptr, name, 3) == 0)
            return (int)(name - names) / 3 + 1;
    return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. A year begins in March here, so that a
 * leap day is its last day; 400 years have 146097 days, and 719468 lie between 0000-03-01 and 1970.
 */
static int64_t locust__cookie_days(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1, era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Reads a date as browsers do, RFC 6265 5.1.1: the first word that may be the time, the day, the
 * month or the year is it, in any order. */
static bool locust__cookie_date(locust__view text, int64_t *out_s)
{
    int hms[3] = {0, 0, 0}, day = 0, month = 0, year = 0;
    bool timed = false, dated = false, yeared = false;
    while (text.len) {
        locust__view token = text, rest;
        size_t n = 0;
        while (n < text.len && !locust__cookie_delimiter(text.ptr[n]))
            n++;
        token.len = n;
        rest = token;
        if (!n)
            n = 1;
        else if (!timed && locust__cookie_time(token, hms))
            timed = true;
        else if (!dated && locust__cookie_digits(&rest, 1, 2, &day))
            dated = true;
        else if (!month && locust__cookie_month(token))
            month = locust__cookie_month(token);
        else if (!yeared && locust__cookie_digits(&rest, 2, 4, &year))
            yeared = true;
        text = locust__view_skip(text, n);
    }
    if (yeared && year < 100)
        year += year >= 70 ? 1900 : 2000;
    if (!timed || !dated || !month || !yeared || day < 1 || day > 31 || year < 1601 ||
        hms[0] > 23 || hms[1] > 59 || hms[2] > 59)
        return false;
    if (day > 28 && locust__cookie_days(year, month, day) >=
                        locust__cookie_days(year + month / 12, month % 12 + 1, 1))
        return false; // the month is shorter
    *out_s = locust__cookie_days(year, month, day) * 86400 + (int64_t)3600 * hms[0] +
             (int64_t)60 * hms[1] + hms[2];
    return true;
}

typedef struct locust__cookie_text { // a Set-Cookie field taken apart
    locust__view name, value, domain, path;
    bool secure, has_domain, has_age;
    int64_t expires_s;
} locust__cookie_text;

/* Takes "name=value" off the front of *text, which goes on behind the next ';'. */
static void locust__cookie_next(
    locust__view *text, locust__view *name, locust__view *value, bool *pair)
{
    const char *stop = memchr(text->ptr, ';', text->len), *equals;
    size_t n = stop ? (size_t)(stop - text->ptr) : text->len;
    equals = memchr(text->ptr, '=', n);
    *pair = equals != NULL;
    *name = (locust__view){text->ptr, equals ? (size_t)(equals - text->ptr) : n};
    *value = equals ? (locust__view){equals + 1, n - name->len - 1} : (locust__view){"", 0};
    *name = locust__http_trim(*name);
    *value = locust__http_trim(*value);
    *text = stop ? (locust__view){stop + 1, text->len - n - 1} : (locust__view){text->ptr + n, 0};
}

/* -?[0-9]+, else the attribute is ignored. */
static void locust__cookie_max_age(locust__cookie_text *t, locust__view value, int64_t now_s)
{
    bool negative = value.len && *value.ptr == '-';
    int64_t seconds = locust__number_of(locust__view_skip(value, negative));
    if (seconds < 0)
        return;
    t->has_age = true;
    t->expires_s = negative || !seconds              ? INT64_MIN
                   : seconds > INT64_MAX - now_s - 1 ? INT64_MAX - 1
                                                     : now_s + seconds;
}

/* Takes a Set-Cookie field apart, RFC 6265 5.2. False: it is not a cookie. */
static bool locust__cookie_parse(locust__cookie_text *t, locust__view text, int64_t now_s)
{
    locust__view name, value;
    bool pair;
    memset(t, 0, sizeof *t);
    t->expires_s = INT64_MAX;
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 127)
            return false;
    locust__cookie_next(&text, &t->name, &t->value, &pair);
    if (!pair || !t->name.len || t->name.len + t->value.len > LOCUST__COOKIE_BYTES)
        return false;
    while (text.len) {
        int64_t date_s;
        locust__cookie_next(&text, &name, &value, &pair);
        if (value.len > 1024)
            continue;
        if (locust__view_is_nocase(name, "secure")) {
            t->secure = true;
        } else if (locust__view_is_nocase(name, "domain") && value.len) {
            bool dot = *value.ptr == '.';
            t->domain = locust__view_skip(value, dot);
            t->has_domain = true;
        } else if (locust__view_is_nocase(name, "path")) {
            t->path = value.len && *value.ptr == '/' ? value : (locust__view){NULL, 0};
        } else if (locust__view_is_nocase(name, "max-age")) {
            locust__cookie_max_age(t, value, now_s);
        } else if (locust__view_is_nocase(name, "expires") && locust__cookie_date(value, &date_s) &&
                   !t->has_age) {
            t->expires_s = date_s;
        }
    }
    return true;
}

/* May the site set that cookie? *host_only: it goes to the site's host alone. RFC 6265 5.3, 5 and
 * 6. */
static bool locust__cookie_allowed(
    locust__cookie_text *t, const locust__cookie_site *site, bool *host_only)
{
    char domain[256];
    bool host_prefix = t->name.len >= 7 && strncasecmp(t->name.ptr, "__Host-", 7) == 0;
    bool secure_prefix = t->name.len >= 9 && strncasecmp(t->name.ptr, "__Secure-", 9) == 0;
    *host_only = !t->has_domain || locust__view_is_nocase(t->domain, "");
    if (!*host_only) {
        if (t->domain.len >= sizeof domain)
            return false;
        memcpy(domain, t->domain.ptr, t->domain.len);
        domain[t->domain.len] = '\0';
        if (!locust__cookie_domain_matches(site->host, domain))
            return false;
        if (!memchr(
                t->domain.ptr, '.', t->domain.len - 1)) { // the final dot of "com." does not count
            if (strcasecmp(site->host, domain) != 0)
                return false;
            *host_only = true;
        }
    }
    if (t->secure && !site->secure)
        return false;
    if ((secure_prefix || host_prefix) && !t->secure)
        return false;
    return !host_prefix || (*host_only && !t->has_domain && locust__view_is(t->path, "/"));
}

/* One allocation holds a cookie and its texts. NULL: no memory. */
static locust__jar_cookie *locust__cookie_new(
    const locust__cookie_text *t, locust__view domain, locust__view path)
{
    size_t bytes = t->name.len + t->value.len + domain.len + path.len + 4;
    locust__jar_cookie *c = locust__memory_zalloc(sizeof *c + bytes);
    char *p;
    if (!c)
        return NULL;
    p = c->name;
    memcpy(p, t->name.ptr, t->name.len);
    c->value = p += t->name.len + 1;
    memcpy(p, t->value.ptr, t->value.len);
    c->domain = p += t->value.len + 1;
    for (size_t i = 0; i < domain.len; i++)
        p[i] = locust__text_lower(domain.ptr[i]);
    c->path = p += domain.len + 1;
    memcpy(p, path.ptr, path.len);
    c->expires_s = t->expires_s;
    c->secure = t->secure;
    return c;
}

/* Removes what has expired, RFC 6265 5.3. */
static void locust__jar_expire(locust__jar *jar, int64_t now_s)
{
    for (locust__jar_cookie **at = &jar->first; *at;)
        if ((*at)->expires_s <= now_s)
            locust__jar_remove(jar, at);
        else
            at = &(*at)->next;
}

/* Makes room for one more: removes the oldest cookie of a domain that is full, or of a jar that is.
 */
static void locust__jar_trim(locust__jar *jar, const char *domain)
{
    for (;;) {
        locust__jar_cookie **oldest = NULL, **oldest_here = NULL;
        int here = 0;
        for (locust__jar_cookie **at = &jar->first; *at; at = &(*at)->next) {
            const locust__jar_cookie *c = *at;
            bool same = strcmp(c->domain, domain) == 0;
            here += same;
            if (!oldest || c->born < (*oldest)->born)
                oldest = at;
            if (same && (!oldest_here || c->born < (*oldest_here)->born))
                oldest_here = at;
        }
        if (oldest_here && here >= LOCUST__COOKIE_MAX_DOMAIN)
            locust__jar_remove(jar, oldest_here);
        else if (oldest && jar->n >= LOCUST__COOKIE_MAX)
            locust__jar_remove(jar, oldest);
        else
            return;
    }
}

/* Inserts a cookie at its place in the order of sending. */
static void locust__jar_insert(locust__jar *jar, locust__jar_cookie *c)
{
    locust__jar_cookie **at = &jar->first;
    size_t len = strlen(c->path);
    while (
        *at && (strlen((*at)->path) > len || (strlen((*at)->path) == len && (*at)->born < c->born)))
        at = &(*at)->next;
    c->next = *at;
    *at = c;
    jar->n++;
}

/* RFC 6265bis 5.7: does the jar hold a secure cookie of the same name that goes where the new one
 * would go? A cookie from plain HTTP must neither replace it nor be sent in its place. */
static bool locust__jar_has_secure(const locust__jar *jar, const locust__jar_cookie *c)
{
    for (const locust__jar_cookie *old = jar->first; old; old = old->next)
        if (old->secure && strcmp(old->name, c->name) == 0 &&
            (locust__cookie_domain_matches(old->domain, c->domain) ||
                locust__cookie_domain_matches(c->domain, old->domain)) &&
            locust__cookie_path_matches(locust__view_of(c->path), old->path))
            return true;
    return false;
}

/* Takes one Set-Cookie field: adds, replaces or removes a cookie. False: it was refused. */
static bool locust__jar_take(
    locust__jar *jar, const locust__cookie_site *site, locust__view text, int64_t now_s)
{
    locust__cookie_text t;
    locust__jar_cookie *c;
    locust__view domain = locust__view_of(site->host);
    bool host_only;
    if (!locust__cookie_parse(&t, text, now_s) || !locust__cookie_allowed(&t, site, &host_only))
        return false;
    c = locust__cookie_new(&t, host_only ? domain : t.domain,
        t.path.len ? t.path : locust__cookie_default_path(site->path));
    if (!c)
        return false;
    c->host_only = host_only;
    c->born = ++jar->born;
    locust__jar_expire(jar, now_s);
    if (!site->secure && locust__jar_has_secure(jar, c)) {
        LOCUST_FREE(c);
        return false;
    }
    for (locust__jar_cookie **at = &jar->first; *at; at = &(*at)->next)
        if (strcmp((*at)->name, c->name) == 0 && strcmp((*at)->domain, c->domain) == 0 &&
            strcmp((*at)->path, c->path) == 0) {
            c->born = (*at)->born; // the new one takes the old one's place in the order
            locust__jar_remove(jar, at);
            break;
        }
    if (c->expires_s <= now_s) {
        LOCUST_FREE(c);
        return true;
    }
    locust__jar_trim(jar, c->domain);
    locust__jar_insert(jar, c);
    return true;
}

/* The first cookie from `c` on that a request to the site sends; NULL: there is none. */
static locust__jar_cookie *locust__jar_match(
    locust__jar_cookie *c, const locust__cookie_site *site, int64_t now_s)
{
    while (c && !(c->expires_s > now_s && (!c->secure || site->secure) &&
                    (c->host_only ? strcasecmp(site->host, c->domain) == 0
                                  : locust__cookie_domain_matches(site->host, c->domain)) &&
                    locust__cookie_path_matches(site->path, c->path)))
        c = c->next;
    return c;
}
