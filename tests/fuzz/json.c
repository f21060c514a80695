// JSON: is it one value, what stands at a path, the text of a string. RFC 8259.
// Input: the path, a line end, the text.
#include "../../locust.h"
#include "../check.h"

/* -- a second reader, by recursion and by the grammar's own rules; NULL: the rule does not hold -- */

typedef struct input {
    const char *end;
    int depth;
} input;

static const char *blank(const char *p, const char *end)
{
    while (p < end && memchr(" \t\n\r", *p, 4))
        p++;
    return p;
}

static const char *digits(const char *p, const char *end)
{
    const char *from = p;
    while (p && p < end && *p >= '0' && *p <= '9')
        p++;
    return p > from ? p : NULL;
}

static const char *number(const char *p, const char *end)
{
    p += *p == '-';
    if (p < end && *p == '0')
        p++;
    else
        p = digits(p, end);
    if (p && p < end && *p == '.')
        p = digits(p + 1, end);
    if (p && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        p = digits(p, end);
    }
    return p;
}

static const char *string(const char *p, const char *end)
{
    if (p == end || *p++ != '"')
        return NULL;
    for (; p < end && *p != '"'; p++) {
        if ((unsigned char)*p < ' ')
            return NULL;
        if (*p != '\\')
            continue;
        if (++p == end || !memchr("\"\\/bfnrtu", *p, 9))
            return NULL;
        for (int hex = *p == 'u' ? 4 : 0; hex; hex--)
            if (++p == end || !isxdigit((unsigned char)*p))
                return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static const char *value(input *in, const char *p);

/* Behind a list or an object. */
static const char *container(input *in, const char *p)
{
    char close = *p == '{' ? '}' : ']';
    if (++in->depth > LOCUST__JSON_DEPTH)
        return NULL;
    p = blank(p + 1, in->end);
    for (bool first = true; p && p < in->end; first = false) {
        if (*p == close && first)
            break;
        if (close == '}') {
            p = string(p, in->end);
            p = p ? blank(p, in->end) : NULL;
            if (!p || p == in->end || *p != ':')
                return NULL;
            p = blank(p + 1, in->end);
        }
        p = p < in->end ? value(in, p) : NULL;
        p = p ? blank(p, in->end) : NULL;
        if (!p || p == in->end || *p == close)
            break;
        if (*p != ',')
            return NULL;
        p = blank(p + 1, in->end);
    }
    in->depth--;
    return p && p < in->end ? p + 1 : NULL;
}

static const char *value(input *in, const char *p)
{
    static const char *const words[] = {"true", "false", "null"};
    if (*p == '{' || *p == '[')
        return container(in, p);
    if (*p == '"')
        return string(p, in->end);
    for (int i = 0; i < 3; i++)
        if ((size_t)(in->end - p) >= strlen(words[i]) && memcmp(p, words[i], strlen(words[i])) == 0)
            return p + strlen(words[i]);
    return number(p, in->end);
}

static bool is_valid(locust__view v)
{
    input in = {v.ptr + v.len, 0};
    const char *p = blank(v.ptr, in.end);
    p = p < in.end ? value(&in, p) : NULL;
    return p && blank(p, in.end) == in.end;
}

/* Is the string, with its quotes, the name in a path? */
static bool is_key(locust__view string, const char *name, size_t n, bool pointer)
{
    char *key = malloc(string.len + 1), *want = malloc(n + 1), *to = want;
    bool good = locust__json_decode(string, key, string.len + 1);
    for (size_t i = 0; i < n; i++) {
        *to = name[i];
        if (pointer && *to == '~') {
            good = good && ++i < n && (name[i] == '0' || name[i] == '1');
            *to = i < n && name[i] == '1' ? '/' : '~';
        }
        to++;
    }
    *to = '\0';
    good = good && strcmp(key, want) == 0;
    free(key);
    free(want);
    return good;
}

/* The member or element of a valid value that a path names first; false: there is none. */
static bool step(locust__view *v, const char **path, bool pointer)
{
    input in = {v->ptr + v->len, 0};
    const char *p, *stop, *key = *path;
    locust__view found = {NULL, 0};
    bool list = pointer ? *v->ptr == '[' : *key == '[';
    size_t len;
    long long n = 0;
    key += pointer || list || *key == '.';
    len = strcspn(key, pointer ? "/" : list ? "]" : ".[");
    if (*v->ptr != (list ? '[' : '{') || (!pointer && (!len || (list && !key[len]))) ||
        (pointer && list && (!len || (*key == '0' && len > 1))))
        return false;
    for (size_t i = 0; list && i < len; i++) {
        if (!locust__text_is_digit(key[i]))
            return false;
        n = n < 1000000 ? n * 10 + (key[i] - '0') : n;
    }
    *path = key + len + (list && !pointer);
    for (p = blank(v->ptr + 1, in.end); *p != ']' && *p != '}'; p = blank(p + 1, in.end)) {
        bool here = list && n-- == 0;
        if (!list) {
            stop = string(p, in.end);
            here = is_key((locust__view){p, (size_t)(stop - p)}, key, len, pointer);
            p = blank(blank(stop, in.end) + 1, in.end);
        }
        stop = value(&in, p);
        if (here)
            found = (locust__view){p, (size_t)(stop - p)};
        p = blank(stop, in.end);
        if (*p != ',')
            break;
    }
    if (found.ptr)
        *v = found;
    return found.ptr;
}

static bool find(locust__view text, const char *path, locust__view *v)
{
    const char *end = text.ptr + text.len;
    input in = {end, 0};
    v->ptr = blank(text.ptr, end);
    v->len = (size_t)(value(&in, v->ptr) - v->ptr);
    for (bool pointer = *path == '/'; *path;)
        if (!step(v, &path, pointer))
            return false;
    return true;
}

/* -- strings -- */

/* Is it UTF-8, RFC 3629, without surrogates and overlong forms? */
static bool is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        int more = *p < 0x80   ? 0
                   : *p < 0xC2 ? -1
                   : *p < 0xE0 ? 1
                   : *p < 0xF0 ? 2
                   : *p < 0xF5 ? 3
                               : -1;
        if (more < 0 || (*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) ||
            (*p == 0xF0 && p[1] < 0x90) || (*p == 0xF4 && p[1] > 0x8F))
            return false;
        for (p++; more; more--, p++)
            if ((*p & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* A decoded text, written again and read again. */
static void check_round_trip(const char *text)
{
    locust__buf json = {NULL, 0, 0, false};
    size_t size = strlen(text) + 1;
    char *again = malloc(size);
    locust__buf_add(&json, "\"", 1);
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ')
            locust__buf_printf(&json, "\\u%04x", *p);
        else
            locust__buf_printf(&json, strchr("\"\\/", *p) ? "\\%c" : "%c", *p);
    }
    locust__buf_add(&json, "\"", 1);
    MUST(is_valid((locust__view){json.ptr, json.len}));
    MUST(locust__json_decode((locust__view){json.ptr, json.len}, again, size));
    MUST(strcmp(again, text) == 0);
    free(again);
    locust__buf_free(&json);
}

static void check_decode(locust__view v)
{
    size_t room = v.len + 1, n;
    char *out = malloc(room), *exact;
    bool plain = true;
    for (size_t i = 0; i < v.len; i++)
        plain = plain && (unsigned char)v.ptr[i] < 128;
    if (locust__json_decode(v, out, room)) {
        n = strlen(out);
        MUST(*v.ptr == '"' && n <= v.len - 2);
        exact = malloc(n + 1);
        MUST(locust__json_decode(v, exact, n + 1)); // or it holds a '\0'
        MUST(strcmp(exact, out) == 0);
        MUST(!locust__json_decode(v, exact, n));
        MUST(!locust__json_decode(v, exact, 0));
        MUST(!plain || is_utf8(out));
        check_round_trip(out);
        free(exact);
    }
    free(out);
}

/* -- all of it -- */

/* A number that a double holds exactly is the same as an integer, or has a fraction. */
static void check_whole(locust__view v)
{
    int64_t n = 0;
    bool is = locust__json_int(v, &n);
    char *text = locust__text_copy(v.ptr, v.len);
    double want = strtod(text, NULL);
    MUST(!is || locust__json_is_number(v));
    if (is && want > -9e15 && want < 9e15)
        MUST((double)n == want);
    if (!is && locust__json_is_number(v) && v.len < 16)
        MUST(want > 9e18 || want < -9e18 || want != (double)(int64_t)want || strpbrk(text, "eE"));
    free(text);
}

static void check_found(locust__view text, locust__view v)
{
    size_t n;
    MUST(v.len && v.ptr >= text.ptr && v.ptr + v.len <= text.ptr + text.len);
    MUST(!memchr(" \t\n\r", *v.ptr, 4));
    MUST(locust__json_is_number(v) == (number(v.ptr, v.ptr + v.len) == v.ptr + v.len));
    check_whole(v);
    if (locust__json_count(v, &n))
        MUST(is_valid(v) && (*v.ptr == '[' || *v.ptr == '{') && n <= v.len / 2);
    check_decode(v);
}

static void check_text(locust__view text, const char *path)
{
    bool valid = is_valid(text), found;
    locust__view v = {NULL, 0}, whole = {NULL, 0}, want;
    MUST(locust__json_is_valid(text) == valid);
    found = locust__json_find(text, path, &v);
    if (found)
        check_found(text, v);
    if (locust__json_find(text, "", &whole))
        check_found(text, whole);
    else
        MUST(!valid && !found);
    if (!valid)
        return;
    MUST(find(text, "", &want) && want.ptr == whole.ptr && want.len == whole.len);
    MUST(find(text, path, &want) == found);
    if (found) {
        MUST(want.ptr == v.ptr && want.len == v.len);
        MUST(locust__json_is_valid(v));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *line_end = n ? memchr(data, '\n', n) : NULL;
    size_t len = line_end ? (size_t)(line_end - data) : 0, at = line_end ? len + 1 : 0;
    char *path = locust__text_copy((const char *)data, strnlen((const char *)data, len));
    char *exact = malloc(n - at + 1); // NUL-terminated as a body is, or right at the end of memory
    memcpy(exact, data + at, n - at);
    exact[n - at] = '\0';
    check_text((locust__view){exact, n - at}, path);
    exact = realloc(exact, n - at + (n == at));
    check_text((locust__view){exact, n - at}, path);
    free(exact);
    free(path);
    return 0;
}
