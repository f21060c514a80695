/* ============================================================================================
 * >>write  writing a request's head
 *
 * Purpose     fields into the scratch buffer, checked while they are copied.
 * Names       locust__writer_ locust__pair_find
 * Uses        >>head
 * ============================================================================================ */

typedef struct locust__writer { // into the scratch buffer
    char *ptr, *end;
    locust_error error;
} locust__writer;

static void locust__writer_add(locust__writer *w, locust__view text)
{
    if ((size_t)(w->end - w->ptr) < text.len) {
        w->error = LOCUST_ERR_HTTP_REQUEST_SIZE;
        return;
    }
    memcpy(w->ptr, text.ptr, text.len);
    w->ptr += text.len;
}

static void locust__writer_puts(locust__writer *w, const char *text)
{
    locust__writer_add(w, locust__view_of(text));
}

/* The same for a literal, whose length the compiler knows. */
#define LOCUST__WRITER_PUTS(w, literal) \
    locust__writer_add((w), (locust__view){"" literal, sizeof(literal) - 1})

/* One field; a name or value that could end the line is refused. */
static void locust__writer_field(locust__writer *w, const char *name, const char *value)
{
    locust__view v = locust__view_of(value ? value : "");
    if (!locust__http_is_token(locust__view_of(name)) || !locust__http_is_value(v)) {
        w->error = LOCUST_ERR_HTTP_REQUEST;
        return;
    }
    locust__writer_puts(w, name);
    locust__writer_puts(w, ": ");
    locust__writer_add(w, v);
    locust__writer_puts(w, "\r\n");
}

static void locust__writer_number(locust__writer *w, const char *name, uint64_t n)
{
    char digits[24];
    size_t i = sizeof digits;
    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    locust__writer_puts(w, name);
    locust__writer_add(w, (locust__view){digits + i, sizeof digits - i});
    locust__writer_puts(w, "\r\n");
}

/* The value of the field of that name among the caller's; NULL: it is not there. */
static const char *locust__pair_find(const locust_pair *fields, const char *name)
{
    for (; fields && fields->name; fields++)
        if (locust__view_is_nocase(locust__view_of(fields->name), name))
            return fields->value ? fields->value : "";
    return NULL;
}
