/* ============================================================================================
 * >>extract  values out of a response: patterns, text between
 *
 * Purpose     take a token from one answer to send it with the next request.
 * Cost        a pattern is compiled once for a test.
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

/* What stands between the first `left` and the `right` after it. */
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
        regex_t *); // regfree: tests without patterns are not to link the C library's
    char text[];
} locust__pattern;

/* The compiled form of a pattern, made when it is new. Ends the program if it is none. */
static locust__pattern *locust__pattern_of(locust__pattern **first, const char *text)
{
    locust__pattern *pattern;
    size_t len = strlen(text);
    char why[128];
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
        regerror(rc, &pattern->regex, why, sizeof why);
        LOCUST_FREE(pattern);
        locust__die(LOCUST__EXIT_USAGE,
            "locust_match() cannot use the regular expression \"%s\": %s", text, why);
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

typedef struct
    locust__search { // for the loop's stack: regexec and strtod are deep in some libraries
    locust__pattern **patterns;
    const char *text, *regex;
    int group;
    regmatch_t match;
    bool found;
    double number;
} locust__search;

static void locust__search_pattern(void *arg)
{
    locust__search *search = arg;
    locust__pattern *pattern = locust__pattern_of(search->patterns, search->regex);
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
