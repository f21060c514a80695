/* ============================================================================================
 * >>web_answer  what a route of the test's own answers
 *
 * Purpose     the public calls on a request and its answer.
 * Names       locust__web_answer_
 * Uses        >>head >>web_form
 * ============================================================================================ */

struct locust_web_answer {
    locust__buf text;
    char type[128];
    int status;
};

/* Is it a media type that may stand in a head? */
LOCUST__COLD static bool locust__web_answer_is_type(const char *type)
{
    return type && *type && strlen(type) < sizeof((locust_web_answer *)NULL)->type &&
           locust__http_is_value(locust__view_of(type));
}

LOCUST_API void locust_web_type(locust_web_answer *answer, const char *type)
{
    if (locust__web_answer_is_type(type))
        snprintf(answer->type, sizeof answer->type, "%s", type);
}

LOCUST_API void locust_web_status(locust_web_answer *answer, int status)
{
    answer->status = status >= 200 && status <= 599 ? status : 500;
}

LOCUST_API void locust_web_print(locust_web_answer *answer, const char *format, ...)
{
    va_list args, again;
    int n;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        answer->text.failed = true;
    if (n > 0 && locust__buf_reserve(&answer->text, (size_t)n + 1)) {
        vsnprintf(answer->text.ptr + answer->text.len, (size_t)n + 1, format, again);
        answer->text.len += (size_t)n;
    }
    va_end(again);
}

LOCUST_API void locust_web_write(locust_web_answer *answer, const void *bytes, size_t n)
{
    locust__buf_add(&answer->text, bytes, n);
}

static const char *locust__web_answer_field(const locust_web_request *request, const char *name)
{
    const char *at = request->fields, *have, *value;
    while (at && locust__http_next_copied(&at, &have, &value))
        if (strcasecmp(have, name) == 0)
            return value;
    return NULL;
}

LOCUST_API const char *locust_web_field(const locust_web_request *request, const char *name)
{
    return locust__web_answer_field(request, name);
}

LOCUST_API bool locust_web_param(
    const locust_web_request *request, const char *name, char *out, size_t size)
{
    locust__form form = {{NULL, 0, 0, false}, 0};
    const char *value;
    bool good = false;
    locust__form_read_pairs(&form, locust__view_of(request->query));
    locust__form_read(&form, locust__web_answer_field(request, "Content-Type"),
        (locust__view){request->body, request->body_len});
    value = locust__form_value(&form, name);
    if (value && strlen(value) < size) {
        memcpy(out, value, strlen(value) + 1);
        good = true;
    }
    locust__form_free(&form);
    return good;
}
