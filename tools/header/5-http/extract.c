/* ============================================================================================
 * >>extract  values out of a response: patterns, text between
 *
 * Purpose     finds a text in a response, for the next request of the test.
 * Cost        a pattern is compiled once for a test; a search runs on the loop's stack.
 * Names       locust__extract_ locust__pattern_ locust__search_
 * Sources     POSIX regular expressions (regcomp), extended syntax.
 * ============================================================================================ */

/* Copies n bytes as a string. False: they do not fit. */
static bool locust__extract_copy(const char *from, size_t n, char *out, size_t size)
{
    if (n >= size)
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
    regex_t regex;
    void (*free_regex)(
        regex_t *); // regfree; through a pointer, a test without patterns links no regex
    char text[];
} locust__pattern;

/* The compiled form of a pattern, compiled at its first use. NULL: no memory, or `why` says what is
 * wrong with it. */
static locust__pattern *locust__pattern_of(
    locust__pattern **first, const char *text, char *why, size_t size)
{
    locust__pattern *pattern;
    size_t len = strlen(text);
    int rc;
    for (pattern = *first; pattern; pattern = pattern->next)
        if (strcmp(pattern->text, text) == 0)
            return pattern;
    pattern = LOCUST_MALLOC(sizeof *pattern + len + 1);
    if (!pattern)
        return NULL;
    memcpy(pattern->text, text, len + 1);
    rc = regcomp(&pattern->regex, text, REG_EXTENDED);
    if (rc != 0) {
        regerror(rc, &pattern->regex, why, size);
        LOCUST_FREE(pattern);
        return NULL;
    }
    pattern->free_regex = regfree;
    pattern->next = *first;
    *first = pattern;
    return pattern;
}

static void locust__pattern_free_all(locust__pattern *first)
{
    while (first) {
        locust__pattern *pattern = first;
        first = pattern->next;
        pattern->free_regex(&pattern->regex);
        LOCUST_FREE(pattern);
    }
}

/* A call on the loop's stack: regexec and strtod need much of it in some libraries. */
typedef struct locust__search {
    locust__pattern **patterns; // of the test
    const char *text, *regex;
    int group;
    regmatch_t match; // of the group, if found
    bool found;
    double number;   // by locust__search_number
    char wrong[128]; // why the pattern cannot be used; "": it can
} locust__search;

static void locust__search_pattern(void *arg)
{
    locust__search *search = arg;
    locust__pattern *pattern =
        locust__pattern_of(search->patterns, search->regex, search->wrong, sizeof search->wrong);
    regmatch_t matches[10];
    if (!pattern || search->group < 0 || search->group > 9)
        return;
    search->found = regexec(&pattern->regex, search->text, 10, matches, 0) == 0;
    search->match = matches[search->group];
    search->found = search->found && search->match.rm_so >= 0;
}

static void locust__search_number(void *arg)
{
    locust__search *search = arg;
    locust__locale locale = locust__locale_enter();
    search->number = strtod(search->text, NULL);
    locust__locale_leave(locale);
}
