/* ============================================================================================
 * >>receive  reading a response from a stream
 *
 * Purpose     head, body by length, by chunks or to the end, trailers, interim answers.
 * Names       locust__receive_
 * Uses        >>co >>stream >>head >>response_head
 * Sources     RFC 9112 6.3, 7.1; RFC 9110 15.2.
 * ============================================================================================ */

/* An end of the stream inside something means that it was cut. */
static locust_error locust__receive_cut(locust_error error, locust_error cut)
{
    return error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT ? cut : error;
}

/* Where a body goes that is not simply kept. */
typedef struct locust__receive_sink {
    locust_error (*take)(struct locust__receive_sink *sink, const char *bytes, size_t n);
} locust__receive_sink;

/* What stands in place of a head. A server of TLS answers plain text with an alert record: its type
 * and version are the first two bytes (RFC 8446 5.1). */
static locust_error locust__receive_no_head(const char *p, size_t n)
{
    if (n >= 2 && p[0] == 0x15 && p[1] == 3)
        return LOCUST_ERR_TLS_PORT;
    return n == 1 && p[0] == 0x15 ? LOCUST_OK : LOCUST_ERR_HTTP_VERSION;
}

/* Reads one head. *budget: bytes of head that may still come; *first_ns, if 0: when the first bytes
 * came. */
static locust_error locust__receive_head(locust_stream *s, locust__response_head *h,
    locust__buf *kept, size_t *budget, int64_t *first_ns, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0, n = 0;
    locust_error error;
    for (;;) {
        size_t look = s->in_len < *budget ? s->in_len : *budget, room = kept->cap - kept->len;
        if (look && !*first_ns)
            *first_ns = s->arrived_ns ? s->arrived_ns : locust__os_now_ns();
        if (look && memcmp(s->in, "HTTP/1.", look < 7 ? look : 7) != 0) {
            error = locust__receive_no_head(s->in, look); // before more of it is waited for
            if (error)
                return error;
        }
        // Mostly all of it is here, and it fits where the last one was kept.
        if (!scanned && look && room &&
            locust__response_head_parse(s->in, look < room ? look : room, h, kept, &n) == LOCUST_OK)
            break;
        n = locust__http_head_end(s->in, look, &scanned);
        if (n) {
            error = locust__buf_reserve_tight(kept, n)
                        ? locust__response_head_parse(s->in, n, h, kept, &n)
                        : LOCUST_ERR_MEMORY;
            if (error)
                return error;
            break;
        }
        if (s->in_len >= *budget)
            return LOCUST_ERR_HTTP_HEAD_SIZE;
        error = locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__receive_cut(
                error, s->in_len ? LOCUST_ERR_HTTP_HEAD_CUT : LOCUST_ERR_HTTP_NO_RESPONSE);
    }
    locust__stream_take(s, n);
    *budget -= n;
    return LOCUST_OK;
}

/* Passes n more bytes of body on. */
static locust_error locust__receive_pass_bytes(
    locust_stream *s, locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    while (n) {
        size_t some;
        locust_error error = s->in_len ? LOCUST_OK : locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
        some = s->in_len < n ? s->in_len : (size_t)n;
        error = sink->take(sink, s->in, some);
        if (error)
            return error;
        locust__stream_take(s, some);
        n -= some;
    }
    return LOCUST_OK;
}

/* Appends n more bytes of body, or passes them on. */
static locust_error locust__receive_bytes(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    if (sink)
        return locust__receive_pass_bytes(s, sink, n, deadline_ns);
    while (n) {
        size_t got, want;
        locust_error error;
        // The last piece is read with room for more: so the end shows as a short read, and the
        // poller's flags and surplus bytes are known before the stream is kept.
        if (!s->in_len && n <= LOCUST__LOOP_SCRATCH) {
            error = locust__stream_fill(s, deadline_ns);
            if (error)
                return locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
        }
        // What is promised is not reserved before it comes: a length is cheap to claim.
        want = s->in_len ? s->in_len : LOCUST__LOOP_SCRATCH;
        if (want > n)
            want = (size_t)n;
        if (!locust__buf_reserve_tight(body, want + 1))
            return LOCUST_ERR_MEMORY;
        error = locust__stream_read(s, body->ptr + body->len, want, &got, deadline_ns);
        if (error)
            return locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
        body->len += got;
        n -= got;
    }
    return LOCUST_OK;
}

/* Makes a line that ends in CRLF available at the front of the unread bytes; *n counts the CRLF. */
static locust_error locust__receive_need_line(
    locust_stream *s, size_t limit, size_t *n, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0;
    *n = 0;
    for (;;) {
        const char *lf =
            s->in_len > scanned ? memchr(s->in + scanned, '\n', s->in_len - scanned) : NULL;
        locust_error error;
        if (lf) {
            *n = (size_t)(lf - s->in) + 1;
            return *n >= 2 && lf[-1] == '\r' && *n <= limit ? LOCUST_OK : LOCUST_ERR_HTTP_CHUNK;
        }
        scanned = s->in_len;
        if (scanned >= limit)
            return LOCUST_ERR_HTTP_CHUNK;
        error = locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
    }
}

/* chunk-size [ chunk-ext ], RFC 9112 7.1; extensions are skipped, as 7.1.1 says. */
static locust_error locust__receive_chunk_size(locust__view line, uint64_t *size)
{
    size_t i = 0;
    *size = 0;
    for (; i < line.len; i++) {
        char c = locust__text_lower(line.ptr[i]);
        int digit = locust__text_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            break;
        if (*size >> 59)
            return LOCUST_ERR_HTTP_CHUNK;
        *size = *size << 4 | (unsigned)digit;
    }
    line = (locust__view){line.ptr + i, line.len - i};
    if (!i || !locust__http_is_value(line))
        return LOCUST_ERR_HTTP_CHUNK;
    line = locust__http_trim(line);
    return !line.len || *line.ptr == ';' ? LOCUST_OK : LOCUST_ERR_HTTP_CHUNK;
}

/* field-line = field-name ":" OWS field-value OWS, RFC 9112 5 */
static bool locust__receive_is_field(locust__view line)
{
    size_t n = locust__http_token_len(line);
    return n > 0 && n < line.len && line.ptr[n] == ':' &&
           locust__http_is_value((locust__view){line.ptr + n, line.len - n});
}

/* Trailer fields, which are checked and dropped, and the empty line that ends the message. */
static locust_error locust__receive_trailers(
    locust_stream *s, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        size_t n;
        locust_error error = locust__receive_need_line(s, budget, &n, deadline_ns);
        if (error)
            return error == LOCUST_ERR_HTTP_CHUNK && (!n || n > budget) ? LOCUST_ERR_HTTP_HEAD_SIZE
                                                                        : error;
        if (n > 2 && !locust__receive_is_field((locust__view){s->in, n - 2}))
            error = LOCUST_ERR_HTTP_FIELD;
        locust__stream_take(s, n);
        budget -= n;
        if (error || n == 2)
            return error;
    }
}

static locust_error locust__receive_chunks(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len, extensions = 65536;
    for (;;) {
        uint64_t size;
        size_t n;
        locust_error error = locust__receive_need_line(s, 4096, &n, deadline_ns);
        if (!error)
            error = locust__receive_chunk_size((locust__view){s->in, n - 2}, &size);
        if (error)
            return error;
        locust__stream_take(s, n);
        if (n > 18) { // more than a size: extensions may not add up either
            if (n > extensions)
                return LOCUST_ERR_HTTP_CHUNK;
            extensions -= n;
        }
        if (!size)
            return locust__receive_trailers(s, budget, deadline_ns);
        if (!sink && size > LOCUST_MAX_BODY - (body->len - start))
            return LOCUST_ERR_HTTP_BODY_SIZE;
        error = locust__receive_bytes(s, body, sink, size, deadline_ns);
        if (!error)
            error = locust__receive_need_line(s, 2, &n, deadline_ns);
        if (error)
            return error;
        locust__stream_take(s, 2);
    }
}

static locust_error locust__receive_to_close(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len;
    for (;;) {
        locust_error error = s->in_len ? LOCUST_OK : locust__stream_fill(s, deadline_ns);
        if (error)
            return error == LOCUST_ERR_CLOSED ? LOCUST_OK : error;
        if (!sink && body->len - start + s->in_len > LOCUST_MAX_BODY)
            return LOCUST_ERR_HTTP_BODY_SIZE;
        if (sink)
            error = sink->take(sink, s->in, s->in_len);
        else if (!locust__buf_reserve_tight(body, s->in_len + 1))
            error = LOCUST_ERR_MEMORY;
        else
            locust__buf_add_tight(body, s->in, s->in_len);
        if (error)
            return error;
        locust__stream_take(s, s->in_len);
    }
}

/* Reads the head of the final response into `kept` at `start`; interim ones are dropped, RFC 9110
 * 15.2. */
static locust_error locust__receive_final(locust_stream *s, locust__response_head *h,
    locust__buf *kept, size_t start, size_t *budget, int64_t *first_ns,
    int64_t deadline_ns) LOCUST__PARKS
{
    do {
        locust_error error;
        kept->len = start;
        error = locust__receive_head(s, h, kept, budget, first_ns, deadline_ns);
        if (error)
            return error;
        if (h->status == 101)
            return LOCUST_ERR_HTTP_UPGRADE; // none was asked for
    } while (h->status < 200);
    return LOCUST_OK;
}

/* Reads a body that ends in that way: to the end of `kept`, or into the sink. */
static locust_error locust__receive_body(locust_stream *s, enum locust__body kind, int64_t length,
    locust__buf *kept, locust__receive_sink *sink, size_t budget, int64_t deadline_ns) LOCUST__PARKS
{
    switch (kind) {
    case LOCUST__BODY_NONE:
        break;
    case LOCUST__BODY_SIZED:
        return !sink && length > LOCUST_MAX_BODY
                   ? LOCUST_ERR_HTTP_BODY_SIZE
                   : locust__receive_bytes(s, kept, sink, (uint64_t)length, deadline_ns);
    case LOCUST__BODY_CHUNKED:
        return locust__receive_chunks(s, kept, sink, budget, deadline_ns);
    case LOCUST__BODY_CLOSE:
        return locust__receive_to_close(s, kept, sink, deadline_ns);
    }
    return LOCUST_OK;
}
