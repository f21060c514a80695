/* ============================================================================================
 * >>response  what a test does with a response
 *
 * Purpose     reads a header field, gives the verdict, takes values out of the body.
 * Names       locust__response_
 * Uses        >>misuse >>switch >>stats >>json >>extract >>client
 * ============================================================================================ */

LOCUST_API const char *locust_header(const locust_response *r, const char *name)
{
    return locust__client_field((const locust__client *)(const void *)r, name);
}

/* The client of a response that waits for its verdict; anything else is refused. */
static locust__client *locust__response_client(locust_response *r, const char *what)
{
    locust__client *c = (locust__client *)(void *)r;
    if (!c->pending)
        locust__misuse(
            "%s() needs a response that waits for its verdict: made with .catch_response = true, "
            "and no later request of that user",
            what);
    return c;
}

LOCUST_API void(locust_success)(locust_response *r)
{
    locust__response_client(r, "locust_success")->verdict = LOCUST__VERDICT_SUCCESS;
}

LOCUST_API void(locust_failure)(locust_response *r, const char *format, ...)
{
    locust__client *c = locust__response_client(r, "locust_failure");
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->verdict = LOCUST__VERDICT_FAILURE;
    c->verdict_text = locust__stats_text(c->services->recorder.stats, text);
}

/* The value at a path of a JSON body. */
static bool locust__response_json(const locust_response *r, const char *path, locust__view *value)
{
    return r->body_len && locust__json_find((locust__view){r->body, r->body_len}, path, value);
}

LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {.found = false};
    locust__view value;
    char text[64];
    if (!locust__response_json(r, path, &value) || !locust__json_is_number(value) ||
        !locust__extract_copy(value.ptr, value.len, text, sizeof text))
        return false;
    search.text = text;
    locust__co_call(c->services->loop, locust__search_number, &search);
    *out = search.number;
    return true;
}

LOCUST_API bool locust_json_int(const locust_response *r, const char *path, int64_t *out)
{
    locust__view value;
    return locust__response_json(r, path, &value) && locust__json_int(value, out);
}

LOCUST_API bool locust_json_length(const locust_response *r, const char *path, size_t *out)
{
    locust__view value;
    return locust__response_json(r, path, &value) && locust__json_count(value, out);
}

LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size)
{
    locust__view value;
    return locust__response_json(r, path, &value) &&
           (locust__json_is_number(value) ? locust__extract_copy(value.ptr, value.len, out, size)
                                          : locust__json_decode(value, out, size));
}

LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out)
{
    locust__view value;
    if (!locust__response_json(r, path, &value) ||
        !(locust__view_is(value, "true") || locust__view_is(value, "false")))
        return false;
    *out = locust__view_is(value, "true");
    return true;
}

LOCUST_API bool(locust_match)(
    const locust_response *r, const char *regex, int group, char *out, size_t size)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {.patterns = &c->services->patterns,
        .text = r->body,
        .len = r->body_len,
        .regex = regex,
        .group = group};
    search.wrong[0] = '\0';
    locust__co_call(c->services->loop, locust__search_pattern, &search);
    if (search.wrong[0])
        locust__misuse(
            "locust_match() cannot use the regular expression \"%.150s\": %s", regex, search.wrong);
    return search.found && locust__extract_copy(search.match.ptr, search.match.len, out, size);
}

LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size)
{
    return locust__extract_between(r->body, left, right, out, size);
}
