/* ============================================================================================
 * >>user_value  random numbers, identifiers and texts for a test
 *
 * Purpose     locust_random, locust_random_int, locust_uuid, locust_text.
 * Names       locust__user_value_
 * Uses        >>user >>user_text >>control
 * Sources     RFC 9562 5.4.
 * ============================================================================================ */

/* Room for a text of the task that runs, which fails without memory. */
static char *locust__user_value_take(locust__user *user, size_t n, const char *what)
{
    char *text = locust__user_text_take(user, n);
    if (!text)
        locust__control_fail(user, "out of memory", what);
    return text;
}

LOCUST_API double locust_random(locust_user *u)
{
    return locust__random_unit(locust__user_random(locust__control_user(u, "locust_random")));
}

LOCUST_API int64_t locust_random_int(locust_user *u, int64_t min, int64_t max)
{
    uint64_t *state = locust__user_random(locust__control_user(u, "locust_random_int"));
    uint64_t n = (uint64_t)max - (uint64_t)min + 1, draw, limit;
    if (max <= min)
        return min;
    if (!n) // all numbers that there are
        return (int64_t)locust__random(state);
    limit = UINT64_MAX - UINT64_MAX % n; // what lies above would make the small ones likelier
    do
        draw = locust__random(state);
    while (draw >= limit);
    return (int64_t)((uint64_t)min + draw % n);
}

LOCUST_API const char *locust_text(locust_user *u, const char *format, ...)
{
    locust__user *user = locust__control_user(u, "locust_text");
    va_list args;
    char *text;
    int n;
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        locust__control_fail(user, "locust_text: printf cannot carry out the format", format);
    text = locust__user_value_take(user, (size_t)n + 1, "locust_text");
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

LOCUST_API const char *locust_uuid(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_uuid");
    uint64_t *state = locust__user_random(user);
    uint64_t a = locust__random(state), b = locust__random(state);
    char *text = locust__user_value_take(user, 37, "locust_uuid");
    a = (a & ~(uint64_t)0xF000) | 0x4000;               // version 4
    b = (b & ~((uint64_t)3 << 62)) | (uint64_t)1 << 63; // variant 10
    snprintf(text, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
        (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFFF), (unsigned)(b >> 48),
        (unsigned long long)(b & 0xFFFFFFFFFFFF));
    return text;
}

LOCUST_API void locust_clear_texts(locust_user *u)
{
    locust__user_text_free(locust__control_user(u, "locust_clear_texts"));
}
