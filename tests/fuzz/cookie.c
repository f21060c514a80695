// The cookies of one user. RFC 6265, and 6265bis for Secure and the prefixes.
// Input: lines of commands. H: the host, P: the path, s and p: over TLS or plain from here on,
// T: a second later (T9: nine decades), S: a Set-Cookie field, F: sixty cookies, D: a date.
#include "../../locust.h"
#include "../check.h"

typedef struct world {
    locust__jar jar;
    locust__cookie_site site;
    char *host, *path;
    int64_t now_s;
} world;

/* -- RFC 6265, once more and in the simplest way -- */

static bool is_address(const char *host)
{
    unsigned char out[16];
    return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

static bool domain_matches(const char *host, const char *domain) // 5.1.3
{
    size_t n = strlen(host), len = strlen(domain);
    if (n == len)
        return strcasecmp(host, domain) == 0;
    return n > len && strcasecmp(host + n - len, domain) == 0 && host[n - len - 1] == '.' &&
           !is_address(host);
}

static bool path_matches(const char *path, const char *cookie) // 5.1.4
{
    size_t len = strlen(cookie);
    if (strcmp(path, cookie) == 0)
        return true;
    return strncmp(path, cookie, len) == 0 && (cookie[len - 1] == '/' || path[len] == '/');
}

static bool goes(const world *w, const locust__jar_cookie *c) // 5.4
{
    return c->expires_s > w->now_s && (w->site.secure || !c->secure) &&
           (c->host_only ? strcasecmp(c->domain, w->host) == 0
                         : domain_matches(w->host, c->domain)) &&
           path_matches(w->path, c->path);
}

/* -- what always holds -- */

static bool is_text(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127)
            return false;
    return true;
}

static void check_cookie(const locust__jar_cookie *c)
{
    MUST(*c->name && is_text(c->name) && is_text(c->value) && is_text(c->path));
    MUST(!strpbrk(c->name, "=;") && !strchr(c->value, ';'));
    MUST(strlen(c->name) + strlen(c->value) <= LOCUST__COOKIE_BYTES);
    MUST(*c->path == '/' && *c->domain);
    for (const char *p = c->domain; *p; p++)
        MUST(!(*p >= 'A' && *p <= 'Z'));
    MUST(strncasecmp(c->name, "__Secure-", 9) != 0 || c->secure);
    MUST(strncasecmp(c->name, "__Host-", 7) != 0 ||
         (c->secure && c->host_only && strcmp(c->path, "/") == 0));
}

static void check_jar(const world *w)
{
    int n = 0;
    for (const locust__jar_cookie *c = w->jar.first; c; c = c->next, n++) {
        int of_domain = 1;
        check_cookie(c);
        if (c->next) { // the order in which they are sent
            size_t a = strlen(c->path), b = strlen(c->next->path);
            MUST(a > b || (a == b && c->born < c->next->born));
        }
        for (const locust__jar_cookie *d = c->next; d; d = d->next) {
            bool same = strcmp(c->domain, d->domain) == 0;
            MUST(!same || strcmp(c->name, d->name) != 0 || strcmp(c->path, d->path) != 0);
            MUST(c->born != d->born);
            of_domain += same;
        }
        MUST(of_domain <= LOCUST__COOKIE_MAX_DOMAIN);
    }
    MUST(n == w->jar.n && n <= LOCUST__COOKIE_MAX);
}

/* Exactly those are sent that 5.4 says. */
static void check_match(const world *w)
{
    const locust__jar_cookie *sent = locust__jar_match(w->jar.first, &w->site, w->now_s);
    for (const locust__jar_cookie *c = w->jar.first; c; c = c->next) {
        if (!goes(w, c))
            continue;
        MUST(sent == c);
        sent = locust__jar_match(sent->next, &w->site, w->now_s);
    }
    MUST(!sent);
}

/* What the secure cookies that are still valid say. */
static uint64_t sum_secure(const world *w)
{
    uint64_t sum = 0;
    for (const locust__jar_cookie *c = w->jar.first; c; c = c->next)
        if (c->secure && c->expires_s > w->now_s)
            sum += locust__text_hash(
                locust__text_hash(c->born, c->name, strlen(c->name)), c->value, strlen(c->value));
    return sum;
}

/* -- commands -- */

static void take(world *w, const char *text)
{
    locust__view v = locust__view_of(text);
    uint64_t secure = sum_secure(w), born = w->jar.born;
    int n = w->jar.n;
    bool taken = locust__jar_take(&w->jar, &w->site, v, w->now_s);
    MUST(taken || w->jar.n <= n);
    MUST(w->site.secure || n >= LOCUST__COOKIE_MAX_DOMAIN || sum_secure(w) == secure);
    if (taken) { // what a site sets belongs to it, and goes to no one but it and its domain
        MUST(is_text(text) || strchr(text, ';'));
        MUST(w->jar.born == born + 1);
        for (const locust__jar_cookie *c = w->jar.first; c; c = c->next)
            if (c->born == w->jar.born)
                MUST(domain_matches(w->host, c->domain) && (!c->secure || w->site.secure) &&
                     c->expires_s > w->now_s);
    }
    check_jar(w);
}

static void take_many(world *w)
{
    for (int i = 0; i < 60; i++) {
        char text[40];
        snprintf(text, sizeof text, "f%d=%d; Path=/%.*s", i, i, i % 5, "abcd");
        locust__jar_take(&w->jar, &w->site, locust__view_of(text), w->now_s);
    }
    check_jar(w);
}

/* A date, written as servers do, is the same date. */
static void check_date(const char *text)
{
    int64_t s, again;
    struct tm tm;
    char out[64];
    time_t t;
    if (!locust__cookie_date(locust__view_of(text), &s))
        return;
    t = (time_t)s;
    MUST(gmtime_r(&t, &tm) && tm.tm_year + 1900 >= 1601 && tm.tm_year + 1900 <= 9999);
    strftime(out, sizeof out, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    MUST(locust__cookie_date(locust__view_of(out), &again) && again == s);
    strftime(out, sizeof out, "%A, %d-%b-%Y %H:%M:%S GMT", &tm);
    MUST(locust__cookie_date(locust__view_of(out), &again) && again == s);
}

static void set(char **text, locust__view to)
{
    free(*text);
    *text = locust__text_copy(to.ptr, to.len);
}

/* Host and path are what is left of them in a URL and in a target. */
static void go(world *w, bool to_host, const char *text)
{
    locust__buf b = {NULL, 0, 0, false};
    locust__url url;
    if (to_host) {
        locust__buf_printf(&b, "http://%s", text);
        if (locust__url_parse(b.ptr, &url) == LOCUST_OK)
            set(&w->host, url.host);
    } else {
        locust__url_add(&b, locust__view_of(text));
        locust__buf_add(&b, "", 1);
        if (*b.ptr == '/')
            set(&w->path, (locust__view){b.ptr, strcspn(b.ptr, "?")});
    }
    locust__buf_free(&b);
}

static void command(world *w, char *line)
{
    switch (*line) {
    case 'H':
    case 'P':
        go(w, *line == 'H', line + 1);
        break;
    case 's':
    case 'p':
        w->site.secure = *line == 's';
        break;
    case 'T':
        w->now_s += line[1] == '9' ? (int64_t)90 * 365 * 86400 : 1;
        break;
    case 'S':
        take(w, line + 1);
        break;
    case 'F':
        take_many(w);
        break;
    case 'D':
        check_date(line + 1);
        break;
    }
    w->site.host = w->host;
    w->site.path = locust__view_of(w->path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = locust__text_copy((const char *)data, n), *at = text, *line;
    world w = {.now_s = 1700000000};
    go(&w, true, "www.shop.test");
    go(&w, false, "/a/b");
    command(&w, text + n);
    while ((line = strsep(&at, "\n")) != NULL) {
        char *exact = locust__text_copy(line, strlen(line));
        command(&w, exact);
        check_match(&w);
        free(exact);
    }
    locust__jar_clear(&w.jar);
    MUST(!w.jar.first && !w.jar.n);
    free(w.host);
    free(w.path);
    free(text);
    return 0;
}
