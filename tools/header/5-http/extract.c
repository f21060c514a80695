/* ============================================================================================
 * >>extract  values out of a response: patterns, text between
 *
 * Purpose     finds a text in a response, for the next request of the test.
 * Cost        a pattern is compiled once for a test; a search runs on the loop's stack.
 * Names       locust__extract_ locust__pattern_ locust__search_
 * ============================================================================================ */

/* Copies n bytes as a string. False: they do not fit, or a string cannot hold them. */
static bool locust__extract_copy(const char *from, size_t n, char *out, size_t size)
{
    if (n >= size || memchr(from, '\0', n))
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

/* Copies what stands between the first `left` and the first `right` after it. False: there is no
 * such text, or it does not fit. */
static bool locust__extract_between(
    const char *text, const char *left, const char *right, char *out, size_t size)
{
    const char *from = strstr(text, left), *to;
    if (!from)
        return false;
    from += strlen(left);
    to = strstr(from, right);
    return to && locust__extract_copy(from, (size_t)(to - from), out, size);
}

typedef struct locust__pattern { // a compiled regular expression
    struct locust__pattern *next;
    locust__regex *regex;
    char text[];
} locust__pattern;

/* The compiled form of a pattern, compiled at its first use. NULL: no memory, or `why` says what is
 * wrong with it. */
static locust__pattern *locust__pattern_of(
    locust__pattern **first, const char *text, char *why, size_t size)
{
    locust__pattern *pattern;
    size_t len = strlen(text);
    for (pattern = *first; pattern; pattern = pattern->next)
        if (strcmp(pattern->text, text) == 0)
            return pattern;
    pattern = LOCUST_MALLOC(sizeof *pattern + len + 1);
    if (!pattern)
        return NULL;
    memcpy(pattern->text, text, len + 1);
    pattern->regex = locust__regex_compile(text, why, size);
    if (!pattern->regex) {
        LOCUST_FREE(pattern);
        return NULL;
    }
    pattern->next = *first;
    *first = pattern;
    return pattern;
}

static void locust__pattern_free_all(locust__pattern *first)
{
    while (first) {
        locust__pattern *pattern = first;
        first = pattern->next;
        LOCUST_FREE(pattern->regex);
        LOCUST_FREE(pattern);
    }
}

/* A call on the loop's stack: to compile a pattern takes some KB of it, and so does strtod in some
 * libraries. */
typedef struct locust__search {
    locust__pattern **patterns; // of the test
    const char *text, *regex;
    size_t len; // of the text
    int group;
    locust__view match; // of the group, if found
    bool found;
    double number;   // by locust__search_number
    char wrong[160]; // why the pattern cannot be used; "": it can
} locust__search;

static void locust__search_pattern(void *arg)
{
    locust__search *search = arg;
    locust__pattern *pattern =
        locust__pattern_of(search->patterns, search->regex, search->wrong, sizeof search->wrong);
    search->found =
        pattern && locust__regex_search(pattern->regex, (locust__view){search->text, search->len},
                       search->group, &search->match);
}

static void locust__search_number(void *arg)
{
    locust__search *search = arg;
    locust__locale locale = locust__locale_enter();
    search->number = strtod(search->text, NULL);
    locust__locale_leave(locale);
}
