// Regular expressions: a compiled pattern and its search, against backtracking through the same program.
// Input: the group's digit, the pattern, a line end, the text.
#include "../../locust.h"
#include "../check.h"

/* Tries one way after the other, as Perl does; a place in program and text that failed once is not
 * tried again. */
typedef struct matcher {
    const locust__regex *r;
    bool *failed; // by instruction and place
    size_t width;
    const char *from, *to;
} matcher;

static bool matches(matcher *m, int32_t at, const char *p)
{
    const locust__regex *r = m->r;
    const locust__regex_inst *inst = &r->code[at];
    bool *failed = &m->failed[(size_t)at * m->width + (size_t)(p - r->begin)];
    const char *next, *from = m->from, *to = m->to;
    if (*failed)
        return false;
    *failed = true;
    switch (inst->op) {
    case LOCUST__REGEX_MATCH:
        if (!r->group)
            m->to = p;
        return true;
    case LOCUST__REGEX_SPLIT:
        return matches(m, at + inst->x, p) || matches(m, at + inst->y, p);
    case LOCUST__REGEX_JUMP:
        return matches(m, at + inst->x, p);
    case LOCUST__REGEX_OPEN:
    case LOCUST__REGEX_CLOSE:
        if (inst->x == r->group)
            *(inst->op == LOCUST__REGEX_OPEN ? &m->from : &m->to) = p;
        if (matches(m, at + 1, p))
            return true;
        m->from = from;
        m->to = to;
        return false;
    case LOCUST__REGEX_CHAR:
    case LOCUST__REGEX_ANY:
    case LOCUST__REGEX_ALL:
    case LOCUST__REGEX_IN:
    case LOCUST__REGEX_NOT_IN:
        return p < r->end && locust__regex_takes(r, inst, locust__regex_read(p, r->end, &next)) &&
               matches(m, at + 1, next);
    default:
        return locust__regex_holds(r, inst->op, p) && matches(m, at + 1, p);
    }
}

static void check_search(locust__regex *r, locust__view text, int group)
{
    locust__view found, whole;
    bool got = locust__regex_search(r, text, group, &found), any = false;
    matcher m = {r, NULL, text.len + 1, NULL, NULL};
    if (got) {
        MUST(locust__regex_search(r, text, 0, &whole));
        MUST(whole.ptr >= text.ptr && whole.ptr + whole.len <= text.ptr + text.len);
        MUST(found.ptr >= whole.ptr && found.ptr + found.len <= whole.ptr + whole.len);
        MUST(locust__regex_search(r, text, group, &found));
    }
    if (!CHECK(r->n <= LOCUST__REGEX_PARSE_LENGTH) || (size_t)r->n * m.width > 20000)
        return;
    m.failed = calloc((size_t)r->n, m.width);
    r->group = group;
    for (const char *p = text.ptr, *next; !any; p = next) {
        m.from = group ? NULL : p;
        any = matches(&m, 0, p);
        if (p == r->end)
            break;
        locust__regex_read(p, r->end, &next);
    }
    free(m.failed);
    MUST(got == (any && m.to));
    if (got)
        MUST(found.ptr == m.from && found.ptr + found.len == m.to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *line = n > 1 ? memchr(data + 1, '\n', n - 1) : NULL;
    char why[160], *pattern, *text;
    size_t len;
    locust__regex *r;
    if (!line)
        return 0;
    pattern = locust__text_copy((const char *)data + 1, (size_t)(line - data) - 1);
    len = n - (size_t)(line - data) - 1;
    text = malloc(len + !len);
    memcpy(text, line + 1, len);
    r = locust__regex_compile(pattern, why, sizeof why);
    MUST(!r == !!*why);
    if (r)
        check_search(r, (locust__view){text, len}, *data % 11);
    LOCUST_FREE(r);
    free(pattern);
    free(text);
    return 0;
}
