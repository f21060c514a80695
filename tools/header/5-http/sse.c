/* ============================================================================================
 * >>sse  server-sent events
 *
 * Purpose     from the bytes of a stream to events for the test.
 * Names       locust__sse_
 * Sources     HTML standard 9.2.
 * ============================================================================================ */

typedef struct locust__sse {
    locust_sse_fn fn;
    void *arg;
    locust__buf line, data, type, id;
    int retry_ms;
    bool begun, after_cr;
    bool stopped; // the test has enough
} locust__sse;

static void locust__sse_free(locust__sse *e)
{
    locust__buf_free(&e->line);
    locust__buf_free(&e->data);
    locust__buf_free(&e->type);
    locust__buf_free(&e->id);
}

static void locust__sse_set(locust__buf *b, locust__view text)
{
    b->len = 0;
    locust__buf_add(b, text.ptr, text.len);
    locust__buf_add(b, "", 1);
}

/* An empty line: what was gathered is an event, if it has data. */
static bool locust__sse_dispatch(locust__sse *e)
{
    locust_sse_event event = {.type = e->type.len > 1 ? e->type.ptr : "message",
        .data = e->data.ptr,
        .id = e->id.len ? e->id.ptr : "",
        .retry_ms = e->retry_ms};
    bool more = true;
    if (e->data.len) {
        e->data.ptr[e->data.len - 1] = '\0'; // in place of the last line's end
        more = e->fn(e->arg, &event);
    }
    e->data.len = e->type.len = 0;
    return more;
}

/* One line, HTML standard 9.2.6. */
static bool locust__sse_line(locust__sse *e, locust__view line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    locust__view name = {line.ptr, colon ? (size_t)(colon - line.ptr) : line.len};
    locust__view value = {"", 0};
    if (!line.len)
        return locust__sse_dispatch(e);
    if (colon) {
        value = (locust__view){colon + 1, line.len - name.len - 1};
        if (value.len && *value.ptr == ' ')
            value = (locust__view){value.ptr + 1, value.len - 1};
    }
    if (locust__view_is(name, "data")) {
        locust__buf_add(&e->data, value.ptr, value.len);
        locust__buf_add(&e->data, "\n", 1);
    } else if (locust__view_is(name, "event")) {
        locust__sse_set(&e->type, value);
    } else if (locust__view_is(name, "id") && (!value.len || !memchr(value.ptr, 0, value.len))) {
        locust__sse_set(&e->id, value);
    } else if (locust__view_is(name, "retry")) {
        int ms = 0;
        for (size_t i = 0; i < value.len; i++) {
            if (!locust__text_is_digit(value.ptr[i]) || ms > INT_MAX / 10 - 1)
                return true;
            ms = ms * 10 + (value.ptr[i] - '0');
        }
        e->retry_ms = value.len ? ms : e->retry_ms;
    }
    return true;
}

/* Takes bytes of the stream, in any pieces. Lines end in LF, CR or CRLF. */
static locust_error locust__sse_take(locust__sse *e, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        locust__view line;
        bool skip = e->after_cr && c == '\n';
        e->after_cr = c == '\r';
        if (skip)
            continue;
        if (c != '\n' && c != '\r') {
            locust__buf_add(&e->line, &c, 1);
            if (e->line.failed || e->data.failed || e->line.len + e->data.len > LOCUST_MAX_BODY)
                return e->line.failed || e->data.failed ? LOCUST_ERR_MEMORY
                                                        : LOCUST_ERR_HTTP_BODY_SIZE;
            continue;
        }
        line = (locust__view){e->line.ptr, e->line.len};
        if (!e->begun && line.len >= 3 && memcmp(line.ptr, "\xEF\xBB\xBF", 3) == 0)
            line = (locust__view){line.ptr + 3, line.len - 3};
        e->begun = true;
        e->line.len = 0;
        if (!locust__sse_line(e, line)) {
            e->stopped = true;
            return LOCUST_ERR_CANCELLED;
        }
    }
    return LOCUST_OK;
}
