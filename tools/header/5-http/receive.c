/* ============================================================================================
 * >>receive  reading messages from a stream
 *
 * Purpose     the heads of responses, interim ones too; bodies of any message: by length, by chunks
 *             with trailers, or to the end of the connection.
 * Invariants  the bytes may come in any pieces. No byte after the message is taken from the
 *             stream. Memory grows by what has come, not by what the peer has announced.
 * Cost        a head and a body that came in one piece are copied once.
 * Names       locust__receive_
 * Uses        >>co >>stream >>head >>response_head
 * Sources     RFC 9112 6.3 (body length), 7.1 (chunks); RFC 9110 15.2 (interim responses).
 * Limits      the heads of one response and its trailers LOCUST_MAX_HEADER bytes in all; a body
 *             LOCUST_MAX_BODY, unless a sink takes it; a chunk-size line 4096 bytes, extensions
 *             64 KB in all. Chunks end in CRLF, not in a bare LF. Trailers are checked and dropped.
 * ============================================================================================ */

/* The error of an end of the stream where a message must not end. */
static locust_error locust__receive_cut(locust_error error, locust_error cut)
{
    return error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_TLS_CUT ? cut : error;
}

/* The same inside a body: says that a part of an answer came. */
static locust_error locust__receive_body_cut(locust_error error)
{
    return error == LOCUST_ERR_RESET ? LOCUST_ERR_HTTP_BODY_RESET
                                     : locust__receive_cut(error, LOCUST_ERR_HTTP_BODY_CUT);
}

/* Takes a body that is not kept, piece by piece. */
typedef struct locust__receive_sink {
    locust_error (*take)(struct locust__receive_sink *sink, const char *bytes, size_t n);
} locust__receive_sink;

/* Why the first bytes of a response are not a head; LOCUST_OK: a byte more may tell. A TLS server
 * answers plain text with an alert record, whose first two bytes are its type and version (RFC 8446
 * 5.1). */
static locust_error locust__receive_no_head(const char *p, size_t n)
{
    if (n >= 2 && p[0] == 0x15 && p[1] == 3)
        return LOCUST_ERR_TLS_PORT;
    return n == 1 && p[0] == 0x15 ? LOCUST_OK : LOCUST_ERR_HTTP_VERSION;
}

/* When the last bytes came. */
static int64_t locust__receive_when(const locust_stream *s)
{
    return s->arrived_ns ? s->arrived_ns : s->net->loop->now_ns;
}

/* Waits for more bytes of a message that has begun, and notes how long they took. */
LOCUST__APART static locust_error locust__receive_rest(
    locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    int64_t before_ns = locust__receive_when(s), pause_ns;
    locust_error error = locust__stream_fill(s, deadline_ns);
    pause_ns = locust__receive_when(s) - before_ns;
    if (!error && pause_ns > s->pause_ns)
        s->pause_ns = pause_ns;
    return error;
}

/* Reads one head and appends it to `kept`. *budget: how many bytes of head may still come.
 * *first_ns, if 0, becomes the time when the first bytes came. */
static locust_error locust__receive_head(locust_stream *s, locust__response_head *h,
    locust__buf *kept, size_t *budget, int64_t *first_ns, int64_t deadline_ns) LOCUST__PARKS
{
    size_t scanned = 0, n = 0;
    locust_error error;
    for (;;) {
        size_t look = s->in_len < *budget ? s->in_len : *budget, room = kept->cap - kept->len;
        if (look && !*first_ns)
            *first_ns = s->arrived_ns ? s->arrived_ns : locust__os_now_ns();
        // At once, not when the head is complete: another protocol's server may wait for us.
        if (look && memcmp(s->in, "HTTP/1.", look < 7 ? look : 7) != 0) {
            error = locust__receive_no_head(s->in, look);
            if (error)
                return error;
        }
        // The usual case: the whole head is here, and fits into the memory of the last one.
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
        error = look ? locust__receive_rest(s, deadline_ns) : locust__stream_fill(s, deadline_ns);
        if (error)
            return locust__receive_cut(
                error, s->in_len ? LOCUST_ERR_HTTP_HEAD_CUT : LOCUST_ERR_HTTP_NO_RESPONSE);
    }
    locust__stream_take(s, n);
    *budget -= n;
    return LOCUST_OK;
}

/* Waits for more bytes of a body. */
static locust_error locust__receive_more(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__receive_body_cut(locust__receive_rest(s, deadline_ns));
}

/* Hands n bytes of body to the sink. */
static locust_error locust__receive_pass_bytes(
    locust_stream *s, locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    while (n) {
        size_t some;
        locust_error error = s->in_len ? LOCUST_OK : locust__receive_more(s, deadline_ns);
        if (error)
            return error;
        some = s->in_len < n ? s->in_len : (size_t)n;
        error = sink->take(sink, s->in, some);
        if (error)
            return error;
        locust__stream_take(s, some);
        n -= some;
    }
    return LOCUST_OK;
}

/* Reads n bytes of body: appends them, or hands them to the sink if there is one. */
static locust_error locust__receive_bytes(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, uint64_t n, int64_t deadline_ns) LOCUST__PARKS
{
    if (sink)
        return locust__receive_pass_bytes(s, sink, n, deadline_ns);
    while (n) {
        size_t got, want;
        locust_error error;
        // Reads the last piece into a buffer with room for more. A short read shows that the socket
        // is drained, and bytes behind the body show before the stream carries another request.
        if (!s->in_len && n <= LOCUST__LOOP_SCRATCH) {
            error = locust__receive_more(s, deadline_ns);
            if (error)
                return error;
        }
        // Reserves for what can come now, not for n: a length is cheap to claim.
        want = s->in_len ? s->in_len : LOCUST__LOOP_SCRATCH;
        if (want > n)
            want = (size_t)n;
        if (!locust__buf_reserve_tight(body, want + 1))
            return LOCUST_ERR_MEMORY;
        error = locust__stream_read(s, body->ptr + body->len, want, &got, deadline_ns);
        if (error)
            return locust__receive_body_cut(error);
        body->len += got;
        n -= got;
    }
    return LOCUST_OK;
}

/* Waits until the unread bytes begin with a whole line, which must end in CRLF and be no longer
 * than `limit`. *n: its length with the CRLF; 0 if it is longer than the limit and its end has not
 * come. */
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
        error = locust__receive_more(s, deadline_ns);
        if (error)
            return error;
    }
}

/* chunk-size [ chunk-ext ], RFC 9112 7.1; extensions are skipped, as 7.1.1 says. */
static locust_error locust__receive_chunk_size(locust__view line, uint64_t *size)
{
    size_t i = 0;
    *size = 0;
    for (; i < line.len; i++) {
        int digit = locust__number_hex_digit(line.ptr[i]);
        if (digit < 0)
            break;
        if (*size >> 59)
            return LOCUST_ERR_HTTP_CHUNK;
        *size = *size << 4 | (unsigned)digit;
    }
    line = locust__view_skip(line, i);
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
           locust__http_is_value(locust__view_skip(line, n));
}

/* Reads the trailer fields, which it checks and drops, and the empty line that ends the message. */
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

/* Reads a chunked body and its trailers. */
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
        if (n > 18) { // longer than any size: bounds the sum of extensions, whatever the chunks are
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

/* Reads a body that ends with the connection. */
static locust_error locust__receive_to_close(locust_stream *s, locust__buf *body,
    locust__receive_sink *sink, int64_t deadline_ns) LOCUST__PARKS
{
    size_t start = body->len;
    for (;;) {
        locust_error error = s->in_len ? LOCUST_OK : locust__receive_rest(s, deadline_ns);
        if (error == LOCUST_ERR_CLOSED)
            return LOCUST_OK;
        if (error) // a reset may have lost bytes, and so may a TLS peer that does not say its end
            return error == LOCUST_ERR_RESET ? LOCUST_ERR_HTTP_BODY_RESET : error;
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

/* Reads the head of the final response into `kept` at `start`. Drops interim ones, RFC 9110 15.2.
 */
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
            return LOCUST_ERR_HTTP_UPGRADE; // we asked for no upgrade
    } while (h->status < 200);
    return LOCUST_OK;
}

/* Reads a body that ends in that way: appends it to `kept`, or hands it to the sink if there is
 * one. `length`: of LOCUST__BODY_SIZED. `budget`: bytes that trailers may have. */
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
