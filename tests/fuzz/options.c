// What a user types: --connect-to, --resolve, --source, proxies, time spans, config files.
// Input: a digit for the option, then its text: '0' --connect-to, '1' --resolve, '2' --source,
// '3' --proxy, '4' a URL, a line end and no_proxy, '5' a time span, '6' a config file, '7' --check, '8' the
// rows of a file for --baseline.
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
static _Noreturn void leave(int code);
#define exit(code)                 leave(code) // a wrong option ends the program: here it ends this input
#define dprintf(fd, ...)           ((void)(fd)) // in silence
#define vdprintf(fd, format, args) ((void)(format), (void)(args))
#include "../../locust.h"
#undef exit
#include "../check.h"
#include <math.h>
#include <sanitizer/lsan_interface.h>

static jmp_buf way_out;

static _Noreturn void leave(int code)
{
    longjmp(way_out, code + 1);
}

static bool same(locust__view a, locust__view b)
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_in(locust__view v, const char *text, size_t n)
{
    return !v.len || (v.ptr >= text && v.ptr + v.len <= text + n);
}

static locust__origin *origin_of(
    locust__origin **first, locust__arena *arena, locust__view host, int port)
{
    locust__url url = {.host = host, .port = port};
    return locust__origin_of(first, arena, &url, false);
}

static int count_words(const char *text)
{
    int n = 0;
    for (text += strspn(text, " "); *text; n++) {
        text += strcspn(text, " ");
        text += strspn(text, " ");
    }
    return n;
}

/* -- --connect-to -- */

static void add_host(locust__buf *out, locust__view host, int port, const char *end)
{
    bool six = host.len && memchr(host.ptr, ':', host.len);
    locust__buf_printf(
        out, "%s%.*s%s:", six ? "[" : "", (int)host.len, host.len ? host.ptr : "", six ? "]" : "");
    if (port)
        locust__buf_printf(out, "%d", port);
    locust__buf_puts(out, end);
}

/* The first rule for an origin is the one that is taken. */
static void check_rule(const locust__connect_to_rules *rules, const locust__connect_to *d)
{
    locust__arena arena = {NULL};
    locust__origin *first = NULL;
    locust__view from = d->from_host.len ? d->from_host : locust__view_of("other.test");
    locust__origin *origin = origin_of(&first, &arena, from, d->from_port ? d->from_port : 80);
    const locust__connect_to *taken = rules->first;
    const char *host;
    int port;
    while ((taken->from_host.len && !locust__view_is_nocase(taken->from_host, origin->host)) ||
           (taken->from_port && taken->from_port != origin->port))
        taken = taken->next;
    host = locust__connect_to_of(rules, origin, &port);
    MUST(port == (taken->to_port ? taken->to_port : origin->port));
    if (!taken->to_host.len)
        MUST(strcmp(host, origin->host) == 0);
    else
        MUST(locust__view_is(taken->to_host, host));
    locust__arena_free(&arena);
}

static void check_connect_to(const char *text)
{
    locust__arena arena = {NULL};
    locust__connect_to_rules rules = {0}, again = {0};
    locust__buf out = {NULL, 0, 0, false};
    int n = 0;
    if (locust__connect_to_parse(&rules, &arena, text)) {
        const locust__connect_to *e;
        for (const locust__connect_to *d = rules.first; d; d = d->next, n++) {
            MUST(is_in(d->from_host, rules.text, strlen(text)));
            MUST(is_in(d->to_host, rules.text, strlen(text)));
            MUST(d->from_port >= 0 && d->from_port <= 65535 && d->to_port >= 0 &&
                 d->to_port <= 65535);
            check_rule(&rules, d);
            add_host(&out, d->from_host, d->from_port, ":");
            add_host(&out, d->to_host, d->to_port, " ");
        }
        MUST(n == count_words(text));
        locust__buf_add(&out, "", 1);
        MUST(locust__connect_to_parse(&again, &arena, out.ptr)); // written again, they say the same
        e = again.first;
        for (const locust__connect_to *d = rules.first; d; d = d->next, e = e->next)
            MUST(same(d->from_host, e->from_host) && same(d->to_host, e->to_host) &&
                 d->from_port == e->from_port && d->to_port == e->to_port);
        MUST(!e);
    }
    locust__buf_free(&out);
    locust__arena_free(&arena);
}

/* -- --resolve -- */

static void check_resolve(const char *text)
{
    locust__arena arena = {NULL};
    locust__resolver r;
    int n = 0;
    locust__resolver_init(&r, NULL, &arena);
    if (locust__lookup_pin(&r, text)) {
        for (locust__host *host = r.hosts; host; host = host->next, n++) {
            locust__host *found = locust__lookup_find(&r, host->name, host->port);
            MUST(*host->name && !strpbrk(host->name, ": "));
            MUST(host->port >= 1 && host->port <= 65535);
            MUST(host->n_addrs >= 1 && host->n_addrs <= LOCUST__HOST_ADDRS);
            MUST(host->expires_ns == LOCUST__NEVER && !host->error);
            for (int i = 0; i < host->n_addrs; i++)
                MUST(host->addrs[i].len && !host->addrs[i].as.in.sin_port);
            MUST(found && found->port == host->port);
            MUST(strcasecmp(found->name, host->name) == 0 || strcmp(found->name, "*") == 0);
            for (locust__host *h = r.hosts; h != found; h = h->next)
                MUST(h != host);
        }
        MUST(n == count_words(text));
    }
    locust__arena_free(&arena);
}

/* -- --source -- */

static bool in_range(const locust__source_range *range, const locust__addr *a)
{
    uint32_t first, it;
    if (range->first.as.any.sa_family != a->as.any.sa_family)
        return false;
    if (a->as.any.sa_family == AF_INET6)
        return memcmp(&range->first.as.in6.sin6_addr, &a->as.in6.sin6_addr, 16) == 0;
    first = ntohl(range->first.as.in.sin_addr.s_addr);
    it = ntohl(a->as.in.sin_addr.s_addr);
    return it >= first && it - first < range->n;
}

/* Every address has its turn, one after the other. */
static void check_turns(locust__sources *list, sa_family_t family)
{
    uint64_t total = 0, turns;
    locust__addr a, before;
    for (int i = 0; i < list->n; i++)
        if (list->ranges[i].first.as.any.sa_family == family)
            total += list->ranges[i].n;
    turns = total < 40 ? 2 * total : 80;
    list->next = 0;
    MUST(locust__sources_next(list, family, &a) == (total > 0));
    for (uint64_t turn = 1; turn < turns; turn++) {
        bool found = false;
        before = a;
        memset(&a, 0, sizeof a);
        MUST(locust__sources_next(list, family, &a));
        for (int i = 0; i < list->n; i++)
            found |= in_range(&list->ranges[i], &a);
        MUST(found && a.as.any.sa_family == family);
        if (list->n == 1 && total > 1)
            MUST(memcmp(&a, &before, sizeof a) != 0);
        if (turn == total && list->ranges[0].first.as.any.sa_family == family)
            MUST(in_range(&list->ranges[0], &a));
    }
}

static void check_source(const char *text)
{
    locust__sources *list = calloc(1, sizeof *list), *one = calloc(1, sizeof *one);
    if (locust__sources_read(list, text)) {
        int n = 0;
        MUST(list->n >= 1 && list->n <= LOCUST__SOURCES_MAX);
        check_turns(list, AF_INET);
        check_turns(list, AF_INET6);
        while (*text) { // each by itself is what it is in the list
            char *item = locust__text_copy(text, strcspn(text, ","));
            one->n = 0;
            MUST(locust__sources_read(one, item) && one->n == 1);
            MUST(memcmp(&one->ranges[0], &list->ranges[n++], sizeof *one->ranges) == 0);
            MUST(one->ranges[0].n >= 1);
            text += strlen(item);
            text += *text == ',';
            free(item);
        }
        MUST(n == list->n);
    }
    free(list);
    free(one);
}

/* -- proxies -- */

static void check_proxy(const char *text)
{
    locust__arena arena = {NULL};
    locust__proxy proxy;
    locust__buf full = {NULL, 0, 0, false};
    locust__url url;
    if (locust__proxy_parse(&proxy, &arena, text) && *text) {
        locust__buf_printf(&full, "%s%s", strstr(text, "://") ? "" : "http://", text);
        MUST(locust__url_parse(full.ptr, &url) == LOCUST_OK);
        MUST(locust__view_is(url.host, proxy.host));
        MUST(proxy.port == (url.port ? url.port : 80));
        MUST(!url.user_info.len == !proxy.auth.len);
        MUST(!proxy.auth.len || locust__http_is_value(locust__view_of(proxy.auth.ptr)));
    } else {
        MUST(!proxy.auth.len && !proxy.host);
    }
    locust__buf_free(&full);
    locust__arena_free(&arena);
}

/* Each byte of the credentials arrives. */
static void check_credentials(const char *text)
{
    locust__buf whole = {NULL, 0, 0, false}, want = {NULL, 0, 0, false}, got = {NULL, 0, 0, false};
    locust__arena arena = {NULL};
    locust__proxy proxy;
    locust__view user = locust__view_of(text);
    if (!user.len || strpbrk(text, "/?#"))
        return;
    locust__buf_printf(&whole, "http://%s@p.test", text);
    if (locust__proxy_parse(&proxy, &arena, whole.ptr)) {
        locust__url_decode(&want, user);
        MUST(proxy.auth.len && locust__base64_decode(&got, locust__view_of(proxy.auth.ptr + 6)));
        MUST(got.len >= want.len && memcmp(got.ptr, want.ptr, want.len) == 0);
        MUST(got.len - want.len == (memchr(want.ptr, ':', want.len) == NULL));
    }
    locust__arena_free(&arena);
    locust__buf_free(&whole);
    locust__buf_free(&want);
    locust__buf_free(&got);
}

static void check_exceptions(const char *text, const char *list)
{
    locust__arena arena = {NULL};
    locust__origin *first = NULL, *origin;
    locust__buf longer = {NULL, 0, 0, false};
    locust__url url;
    bool is;
    if (locust__url_parse(text, &url))
        return;
    origin = locust__origin_of(&first, &arena, &url, false);
    is = locust__proxy_is_exception(list, origin);
    for (int i = 0; i < 4; i++) { // one more entry changes nothing, or everything
        longer.len = 0;
        locust__buf_printf(&longer, i & 1 ? "%s, %s" : "%2$s , %1$s", list, i & 2 ? "x.y" : "*");
        MUST(locust__proxy_is_exception(longer.ptr, origin) ==
             (is || !(i & 2) || strcasecmp(origin->host, "x.y") == 0 ||
                 (strlen(origin->host) >= 4 &&
                     strcasecmp(origin->host + strlen(origin->host) - 4, ".x.y") == 0)));
    }
    MUST(!locust__proxy_is_exception("", origin) && !locust__proxy_is_exception(" ,, .", origin));
    if (!strchr(origin->host, ',') && *origin->host != '.') {
        longer.len = 0;
        locust__buf_printf(&longer, "%s,%s", list, origin->host);
        MUST(locust__proxy_is_exception(longer.ptr, origin));
        locust__buf_printf(&longer, ":%d", origin->port);
        MUST(locust__proxy_is_exception(longer.ptr, origin) || strchr(origin->host, ':'));
    }
    locust__buf_free(&longer);
    locust__arena_free(&arena);
}

/* -- time spans -- */

/* Locust's: digits, or ([0-9]+h)?([0-9]+m)?([0-9]+s)? of one part at least. */
static bool simple_span(const char *p, double *seconds)
{
    static const double units[] = {3600, 60, 1};
    bool any = false;
    *seconds = 0;
    for (int unit = 0; unit < 3; unit++) {
        size_t n = strspn(p, "0123456789");
        if (!n || p[n] != "hms"[unit])
            continue;
        *seconds += strtod(p, NULL) * units[unit];
        p += n + 1;
        any = true;
    }
    if (any || !*p || p[strspn(p, "0123456789")])
        return any && !*p;
    *seconds = strtod(p, NULL);
    return true;
}

static void check_span(const char *text)
{
    double got = -1, want;
    bool good = simple_span(text, &want);
    long n = -1;
    if (want < 1e15)
        MUST(locust__number_span(text, &got) == good);
    if (good && want < 1e15)
        MUST(fabs(got - want) <= want * 1e-9);
    if (locust__option_number(text, INT_MAX, &n))
        MUST(n >= 0 && n <= INT_MAX && text[strspn(text, "0123456789")] == '\0');
}

/* -- config files -- */

static bool is_text_of(const locust__settings *st, const char *p)
{
    return !p || is_in((locust__view){p, strlen(p)}, st->config_file.ptr, st->config_file.len);
}

static void check_config(const char *text)
{
    static locust__settings st; // static: it is used behind longjmp
    int code;
    memset(&st, 0, sizeof st);
    locust__buf_add(&st.config_file, text, strlen(text) + 1);
    st.config_file.len--;
    __lsan_disable(); // who ends the program need not free
    code = setjmp(way_out);
    if (!code)
        locust__config_file_read(&st, &st.config_file, "test.conf");
    __lsan_enable();
    MUST(code == 0 || code == LOCUST__EXIT_USAGE + 1);
    MUST(is_text_of(&st, st.options.host) && is_text_of(&st, st.options.csv) &&
         is_text_of(&st, st.options.proxy) && is_text_of(&st, st.config));
    MUST(st.options.users >= -1 && st.options.spawn_rate >= 0 && st.options.spawn_rate <= 1e9 &&
         st.options.run_time_s >= 0 && st.options.exit_code_on_error >= -1 &&
         st.options.exit_code_on_error <= 255 && st.options.max_handshakes >= 0);
    locust__cli_free(&st);
}

/* -- checks -- */

/* Each names a metric and a limit, and is one by itself. */
static void check_checks(const char *text)
{
    locust__checks all = {NULL, 0, 0}, one = {NULL, 0, 0};
    const char *wrong = locust__checks_read(&all, text);
    for (size_t i = 0; i < all.n - (wrong != NULL && all.n); i++) {
        const locust__check *c = &all.all[i];
        const locust__check *again;
        MUST(c->limit >= 0 && c->share >= 0 && c->share <= 1);
        MUST(c->name >= c->text && c->name <= c->text + strlen(c->text));
        MUST(locust__checks_read(&one, c->text) == NULL && one.n == 1);
        again = one.all;
        MUST(again->figure == c->figure && strcmp(again->name, c->name) == 0);
        MUST(!(again->limit < c->limit) && !(again->limit > c->limit));
        locust__checks_free(&one);
    }
    locust__checks_free(&all);
}

static void check_baseline(const char *text)
{
    locust__baseline b = {.n = 0};
    locust__view rows = locust__view_of(text), row;
    const char *p = NULL, *wrong = locust__json_is_valid(rows) ? NULL : "";
    while (!wrong && locust__json_element(rows, &p, &row))
        wrong = locust__baseline_take(&b, row);
    for (size_t i = 0; i < b.n; i++) {
        double low, high;
        if (!b.rows[i].hist.total)
            continue;
        locust__baseline_bounds(&b.rows[i].hist, 0.99, &low, &high);
        MUST(low >= 0 && low <= high);
    }
    locust__baseline_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const checks[])(const char *) = {check_connect_to, check_resolve, check_source,
        check_proxy, NULL, check_span, check_config, check_checks, check_baseline};
    unsigned what;
    char *text, *line_end;
    if (!n)
        return 0;
    what = (data[0] - '0') % 9u;
    text = locust__text_copy((const char *)data + 1, strnlen((const char *)data + 1, n - 1));
    line_end = strchr(text, '\n');
    if (checks[what]) {
        checks[what](text);
        if (what == 3)
            check_credentials(text);
    } else if (line_end) {
        *line_end = '\0';
        check_exceptions(text, line_end + 1);
    }
    free(text);
    return 0;
}
