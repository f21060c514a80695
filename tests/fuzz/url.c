// URLs: taken apart, resolved against a page, escaped for the wire. RFC 3986, WHATWG URL 5.
// Input: '0' a URL, '1' a page and a reference to follow in two lines, '2' text to escape.
#include "../../locust.h"
#include "../check.h"

static bool same(locust__view a, locust__view b)
{
    return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_in(locust__view v, const char *text)
{
    return !v.len || (v.ptr >= text && v.ptr + v.len <= text + strlen(text));
}

/* May it stand in a Host field and in front of a target? */
static void check_host(locust__view host)
{
    MUST(host.len >= 1 && host.len <= 253);
    for (size_t i = 0; i < host.len; i++)
        MUST((unsigned char)host.ptr[i] > ' ' && (unsigned char)host.ptr[i] < 127 &&
             !strchr("/?#@[]\\\"<>", host.ptr[i]));
}

/* The text of an origin gives the same origin. */
static void check_origin(const locust__url *url, bool secure)
{
    locust__arena arena = {NULL};
    locust__origin *first = NULL, *origin = locust__origin_of(&first, &arena, url, secure);
    locust__url again;
    MUST(origin && origin == locust__origin_of(&first, &arena, url, secure));
    MUST(locust__view_is_nocase(url->host, origin->host));
    MUST(origin->port >= 1 && origin->port <= 65535);
    MUST(locust__url_parse(origin->url, &again) == LOCUST_OK);
    MUST(same(again.host, url->host) && !again.user_info.len && !again.rest.len);
    MUST((again.port ? again.port : secure ? 443 : 80) == origin->port);
    MUST(locust__origin_of(&first, &arena, &again, secure) == origin);
    MUST(strcmp(origin->authority, strstr(origin->url, "://") + 3) == 0);
    locust__arena_free(&arena);
}

static void check_parse(const char *text)
{
    locust__url url, again;
    locust__buf whole = {NULL, 0, 0, false};
    bool six;
    if (locust__url_parse(text, &url))
        return;
    MUST(is_in(url.scheme, text) && is_in(url.user_info, text) && is_in(url.host, text) &&
         is_in(url.rest, text));
    MUST(url.scheme.len && url.port >= 0 && url.port <= 65535);
    MUST(!url.rest.len || *url.rest.ptr == '/' || *url.rest.ptr == '?');
    MUST(!url.rest.len || !memchr(url.rest.ptr, '#', url.rest.len));
    check_host(url.host);
    check_origin(&url, false);
    check_origin(&url, true);
    six = memchr(url.host.ptr, ':', url.host.len) != NULL;
    locust__buf_printf(&whole, "%.*s://%.*s%s%s%.*s%s", (int)url.scheme.len, url.scheme.ptr,
        (int)url.user_info.len, url.user_info.len ? url.user_info.ptr : "",
        url.user_info.len ? "@" : "", six ? "[" : "", (int)url.host.len, url.host.ptr,
        six ? "]" : "");
    if (url.port)
        locust__buf_printf(&whole, ":%d", url.port);
    locust__buf_add(&whole, url.rest.ptr, url.rest.len);
    locust__buf_add(&whole, "", 1);
    MUST(locust__url_parse(whole.ptr, &again) == LOCUST_OK);
    MUST(same(again.scheme, url.scheme) && same(again.user_info, url.user_info) &&
         same(again.host, url.host) && same(again.rest, url.rest) && again.port == url.port);
    locust__buf_free(&whole);
}

/* -- references -- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* RFC 3986 5.2.4, step by step as it is written there. `in` is spoilt. */
static void remove_dots(char *in, char *out)
{
    *out = '\0';
    while (*in) {
        if (begins(in, "../") || begins(in, "./")) {
            in += begins(in, "./") ? 2 : 3;
        } else if (begins(in, "/./")) {
            in += 2;
        } else if (strcmp(in, "/.") == 0) {
            in[1] = '\0';
        } else if (begins(in, "/../") || strcmp(in, "/..") == 0) {
            char *slash = strrchr(out, '/');
            if (begins(in, "/../"))
                in += 3;
            else
                in[1] = '\0';
            *(slash ? slash : out) = '\0';
        } else if (strcmp(in, ".") == 0 || strcmp(in, "..") == 0) {
            *in = '\0';
        } else {
            size_t n = (*in == '/') + strcspn(in + (*in == '/'), "/");
            strncat(out, in, n);
            in += n;
        }
    }
}

/* RFC 3986 5.2.2 and 5.2.3, of a page that parses. The caller's to free. */
static char *resolve(const locust__url *page, const char *base, const char *reference)
{
    size_t room = strlen(base) + strlen(reference) + 8, n, query;
    char *out = calloc(1, room), *in = calloc(1, room), *path = calloc(1, room);
    size_t base_path = page->rest.len ? strcspn(page->rest.ptr, "?#") : 0;
    locust__url url;
    n = strcspn(reference, "#");
    if (reference[strcspn(reference, ":/?#")] == ':' || begins(reference, "//")) {
        if (begins(reference, "//"))
            strncat(out, base, page->scheme.len + 1);
        strncat(out, reference, n);
        if (locust__url_parse(out, &url) == LOCUST_OK) { // else it is of no use
            size_t at = (size_t)(url.rest.ptr - out);
            char *rest = strdup(out + at);
            query = strcspn(rest, "?");
            strncat(in, rest, query);
            remove_dots(in, path);
            out[at] = '\0';
            strcat(out, path);
            strcat(out, rest + query);
            free(rest);
        }
        free(in);
        free(path);
        return out;
    }
    strncat(out, base, (size_t)(page->rest.ptr - base));
    query = strcspn(reference, "?#");
    if (!query) {
        strncat(out, page->rest.ptr, base_path);
        if (*reference == '?')
            strncat(out, reference, n);
        else
            strncat(out, page->rest.ptr + base_path, page->rest.len - base_path);
    } else {
        if (*reference != '/') {
            strncat(in, page->rest.ptr, base_path);
            if (strrchr(in, '/'))
                strrchr(in, '/')[1] = '\0';
            else
                strcpy(in, "/");
        }
        strncat(in, reference, query);
        remove_dots(in, path);
        strcat(out, path);
        strncat(out, reference + query, n - query);
    }
    free(in);
    free(path);
    return out;
}

static void check_resolve(const char *base, const char *reference)
{
    locust__buf out = {NULL, 0, 0, false}, again = {NULL, 0, 0, false};
    locust__url page, url;
    locust_error error = locust__url_parse(base, &page);
    char *want;
    if (!error && strncasecmp(base, "http://", 7) != 0) // a page is one that was fetched
        return;
    MUST(locust__url_resolve(&out, base, reference) == error);
    if (error) {
        locust__buf_free(&out);
        return;
    }
    locust__buf_add(&out, "", 1);
    MUST(strlen(out.ptr) + 1 == out.len);
    want = resolve(&page, base, reference);
    if (!CHECK_STR(out.ptr, want))
        abort();
    MUST(!strchr(out.ptr, '#'));
    if (strcspn(reference, "?#") && locust__url_parse(out.ptr, &url) == LOCUST_OK) {
        // resolved, it stays what it is
        MUST(locust__url_resolve(&again, base, out.ptr) == LOCUST_OK);
        MUST(again.len + 1 == out.len && memcmp(again.ptr, out.ptr, again.len) == 0);
    }
    free(want);
    locust__buf_free(&out);
    locust__buf_free(&again);
}

/* -- escaping -- */

static void check_target(locust__view text)
{
    locust__buf once = {NULL, 0, 0, false}, twice = {NULL, 0, 0, false};
    size_t at = 0;
    locust__url_add(&once, text);
    for (size_t i = 0; i < text.len && text.ptr[i] != '#'; i++) {
        char hex[4];
        snprintf(hex, sizeof hex, "%%%02X", (unsigned char)text.ptr[i]);
        MUST(at < once.len);
        if (once.ptr[at] == text.ptr[i] && (*hex != text.ptr[i] || *hex == '%'))
            at++;
        else if (at + 3 <= once.len && memcmp(once.ptr + at, hex, 3) == 0)
            at += 3;
        else
            MUST(!"each byte stands for itself or is escaped");
    }
    MUST(at == once.len);
    for (size_t i = 0; i < once.len; i++)
        MUST((unsigned char)once.ptr[i] > ' ' && (unsigned char)once.ptr[i] < 127 &&
             !strchr("#\"<>\\^`{|}", once.ptr[i]));
    locust__url_add(&twice, (locust__view){once.ptr, once.len});
    MUST(same((locust__view){once.ptr, once.len}, (locust__view){twice.ptr, twice.len}));
    locust__buf_free(&once);
    locust__buf_free(&twice);
}

static void check_form(const char *name, const char *value)
{
    const locust_pair pairs[] = {{name, value}, {value, name}, {NULL, NULL}};
    locust__buf form = {NULL, 0, 0, false}, back = {NULL, 0, 0, false};
    size_t ands = 0, equals = 0;
    locust__url_add_pairs(&form, pairs, "?");
    for (size_t i = 0; i < form.len; i++) {
        ands += form.ptr[i] == '&';
        equals += form.ptr[i] == '=';
        MUST(isalnum((unsigned char)form.ptr[i]) || strchr("-._~+%=&", form.ptr[i]) || !i);
        if (form.ptr[i] == '+')
            form.ptr[i] = ' ';
    }
    MUST(form.ptr[0] == '?' && ands == 1 && equals == 2);
    locust__url_decode(&back, (locust__view){form.ptr + 1, form.len - 1});
    locust__buf_free(&form);
    locust__buf_printf(&form, "%s=%s&%s=%s", name, value, value, name);
    MUST(same((locust__view){form.ptr, form.len}, (locust__view){back.ptr, back.len}));
    locust__buf_free(&form);
    locust__buf_free(&back);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    unsigned what;
    char *first, *second;
    if (!n)
        return 0;
    what = *data++ % 3; // '0' is 0
    n--;
    if (what == 2) {
        char *exact = memcpy(malloc(n + !n), data, n);
        check_target((locust__view){exact, n});
        free(exact);
    }
    first = cut(&data, &n, '\n');
    second = cut(&data, &n, '\n');
    if (what == 0)
        check_parse(first);
    else if (what == 1)
        check_resolve(first, second);
    else
        check_form(first, second);
    free(first);
    free(second);
    return 0;
}
