/* ============================================================================================
 * >>sse  server-sent events
 *
 * Purpose     turns the bytes of an event stream into events for the test.
 * Invariants  the bytes may come in any pieces. A line and the data of one event are bounded by
 *             LOCUST_MAX_BODY together.
 * Names       locust__sse_
 * Uses        >>co >>misuse >>context
 * Sources     HTML standard 9.2 (server-sent events).
 * ============================================================================================ */

typedef struct locust__sse {
    locust_sse_fn fn;
    void *arg;
    locust__buf line, data, type, id; // the line so far; fields of the event so far
    int retry_ms;
    bool begun;    // the first line, which may have a byte order mark, is over
    bool after_cr; // an LF that comes next belongs to the CR before it
    bool stopped;  // the test has enough
    bool refused;  // the test's function broke a rule
    bool ours;     // fn is the kit's own
} locust__sse;

static void locust__sse_free(locust__sse *e)
{
    locust__buf_free(&e->line);
    locust__buf_free(&e->data);
    locust__buf_free(&e->type);
    locust__buf_free(&e->id);
}

/* Replaces a text by a copy with a '\0'. */
static void locust__sse_set(locust__buf *b, locust__view text)
{
    b->len = 0;
    locust__buf_add(b, text.ptr, text.len);
    locust__buf_add(b, "", 1);
}

/* Hands an event to the test. False: the test has enough, or broke a rule. */
static bool locust__sse_give(locust__sse *e, const locust_sse_event *event)
{
    locust__callback c;
    volatile bool more = false;
    if (e->ours)
        return e->fn(e->arg, event);
    e->refused = true;
    locust__callback_begin(&c, locust__loop_now, ".on_event");
    if (setjmp(c.back) == 0) {
        more = e->fn(e->arg, event);
        e->refused = false;
    } else {
        locust__callback_left(&c);
    }
    locust__callback_end(&c);
    return more;
}

/* At an empty line: hands the event to the test, if it has data. False: the test has enough. */
static bool locust__sse_dispatch(locust__sse *e)
{
    locust_sse_event event = {.type = e->type.len > 1 ? e->type.ptr : "message",
        .data = e->data.ptr,
        .id = e->id.len ? e->id.ptr : "",
        .retry_ms = e->retry_ms};
    bool more = true;
    if (e->data.len) {
        e->data.ptr[e->data.len - 1] = '\0'; // in place of the last '\n'
        more = locust__sse_give(e, &event);
    }
    e->data.len = e->type.len = 0;
    return more;
}

/* Takes one line, HTML standard 9.2.6. False: the test has enough. */
static bool locust__sse_line(locust__sse *e, locust__view line)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    locust__view name = {line.ptr, colon ? (size_t)(colon - line.ptr) : line.len};
    locust__view value = {"", 0};
    if (!line.len)
        return locust__sse_dispatch(e);
    if (colon) {
        value = locust__view_skip(line, name.len + 1);
        if (value.len && *value.ptr == ' ')
            value = locust__view_skip(value, 1);
    }
    if (locust__view_is(name, "data")) {
        locust__buf_add(&e->data, value.ptr, value.len);
        locust__buf_add(&e->data, "\n", 1);
    } else if (locust__view_is(name, "event")) {
        locust__sse_set(&e->type, value);
    } else if (locust__view_is(name, "id") && (!value.len || !memchr(value.ptr, 0, value.len))) {
        locust__sse_set(&e->id, value);
    } else if (locust__view_is(name, "retry")) {
        int64_t ms = locust__number_of(value);
        if (ms >= 0 && ms <= INT_MAX) // else the field is ignored
            e->retry_ms = (int)ms;
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
            if (e->line.failed || e->line.len + e->data.len > LOCUST_MAX_BODY)
                return e->line.failed ? LOCUST_ERR_MEMORY : LOCUST_ERR_HTTP_BODY_SIZE;
            continue;
        }
        line = (locust__view){e->line.ptr, e->line.len};
        if (!e->begun && line.len >= 3 && memcmp(line.ptr, "\xEF\xBB\xBF", 3) == 0)
            line = locust__view_skip(line, 3);
        e->begun = true;
        e->line.len = 0;
        if (!locust__sse_line(e, line)) {
            e->stopped = !e->refused;
            return e->refused ? LOCUST_ERR_HTTP_CALLBACK : LOCUST_ERR_CANCELLED;
        }
        if (e->data.failed || e->type.failed || e->id.failed) // before the event loses that
            return LOCUST_ERR_MEMORY;
    }
    return LOCUST_OK;
}
