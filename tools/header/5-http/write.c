/* ============================================================================================
 * >>write  writing the head of a message
 *
 * Purpose     appends fields to a buffer of fixed size, and refuses those that could end their
 *             line.
 * Invariants  an error is remembered: write all of a head first, then look once.
 * Names       locust__writer_ locust__pair_
 * Uses        >>head
 * ============================================================================================ */

typedef struct locust__writer {
    char *ptr, *end; // what is free of the buffer
    locust_error error;
} locust__writer;

static inline void locust__writer_add(locust__writer *w, locust__view text)
{
    if ((size_t)(w->end - w->ptr) < text.len) {
        w->error = LOCUST_ERR_HTTP_REQUEST_SIZE;
        return;
    }
    memcpy(w->ptr, text.ptr, text.len);
    w->ptr += text.len;
}

/* Inline, so that a literal's length is a constant. */
static inline void locust__writer_puts(locust__writer *w, const char *text)
{
    locust__writer_add(w, locust__view_of(text));
}

/* One field. A byte in it that could end the line is an error. */
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

/* The value of the first pair with that name, in any case; NULL: there is none. */
static const char *locust__pair_find(const locust_pair *fields, const char *name)
{
    for (; fields && fields->name; fields++)
        if (locust__view_is_nocase(locust__view_of(fields->name), name))
            return fields->value ? fields->value : "";
    return NULL;
}
