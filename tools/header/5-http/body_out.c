/* ============================================================================================
 * >>body_out  where the body of a response goes
 *
 * Purpose     decodes a compressed body, and puts it into the user's block or hands it to the
 *             test's functions.
 * Invariants  a body that is kept is bounded by LOCUST_MAX_BODY after decoding.
 * Cost        44 KB while a compressed body is decoded, most of it zlib's.
 * Names       locust__body_out_
 * Uses        >>co >>misuse >>context >>receive >>sse
 * Sources     RFC 9110 8.4.1 (gzip, deflate).
 * ============================================================================================ */

typedef struct locust__body_out { // the sink of one response
    locust__receive_sink sink;    // first: what >>receive calls
    const locust_request *req;
    locust__buf *kept; // where a body goes that no function takes
    uint64_t total;    // bytes so far, decoded
    locust__sse sse;
    bool coded; // gzip or deflate
#if LOCUST__WITH_ZLIB
    z_stream zip;
    char *out;             // LOCUST__BODY_OUT_UNZIPPED bytes; NULL: the decoder is not open
    bool done, raw, begun; // the last member has ended; no header; the header is known
    char head[2];          // of the body, to see what it is
    size_t head_len;
#endif
} locust__body_out;

/* Hands bytes to the test's own function. */
static locust_error locust__body_out_hand(locust__body_out *d, const char *bytes, size_t n)
{
    locust__callback c;
    locust__callback_begin(&c, locust__loop_now, ".on_body");
    if (setjmp(c.back) == 0) {
        d->sse.stopped = !d->req->on_body(d->req->arg, bytes, n);
    } else {
        locust__callback_left(&c);
        d->sse.refused = true;
    }
    locust__callback_end(&c);
    return d->sse.refused   ? LOCUST_ERR_HTTP_CALLBACK
           : d->sse.stopped ? LOCUST_ERR_CANCELLED
                            : LOCUST_OK;
}

/* Delivers decoded bytes. */
static locust_error locust__body_out_give(locust__body_out *d, const char *bytes, size_t n)
{
    d->total += n;
    if (!n) // the decoder needs more input
        return LOCUST_OK;
    if (d->req->on_event)
        return locust__sse_take(&d->sse, bytes, n);
    if (d->req->on_body)
        return locust__body_out_hand(d, bytes, n);
    if (d->total > LOCUST_MAX_BODY)
        return LOCUST_ERR_HTTP_BODY_SIZE;
    if (!locust__buf_reserve_tight(d->kept, n + 1))
        return LOCUST_ERR_MEMORY;
    locust__buf_add_tight(d->kept, bytes, n);
    return LOCUST_OK;
}

#if LOCUST__WITH_ZLIB
enum { LOCUST__BODY_OUT_UNZIPPED = 8192 };

/* Decodes n bytes and delivers what they give. */
static locust_error locust__body_out_inflate(locust__body_out *d, const char *bytes, size_t n)
{
    d->zip.next_in = (Bytef *)(uintptr_t)bytes;
    d->zip.avail_in = (uInt)n;
    d->zip.avail_out = 0;
    while (d->zip.avail_in || !d->zip.avail_out) {
        locust_error error;
        int rc;
        if (d->done && !d->zip.avail_in)
            return LOCUST_OK;
        // Bytes behind the end: another member of a gzip file (RFC 1952 2.2), or rubbish.
        if (d->done && (d->raw || inflateReset(&d->zip) != Z_OK))
            return LOCUST_ERR_HTTP_CODED;
        d->zip.next_out = (Bytef *)d->out;
        d->zip.avail_out = LOCUST__BODY_OUT_UNZIPPED;
        rc = inflate(&d->zip, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR)
            return LOCUST_ERR_MEMORY;
        if (rc == Z_BUF_ERROR) // needs more input
            return LOCUST_OK;
        d->done = rc == Z_STREAM_END;
        error = locust__body_out_give(d, d->out, LOCUST__BODY_OUT_UNZIPPED - d->zip.avail_out);
        if (error)
            return error;
        if (rc != Z_OK && rc != Z_STREAM_END) // an error in the data, after good bytes
            return LOCUST_ERR_HTTP_CODED;
    }
    return LOCUST_OK;
}

/* Opens the decoder, once two bytes are there. "deflate" is zlib's format (RFC 9110 8.4.1.2), but
 * some servers send it without its header: the first two bytes tell (RFC 1950 2.2). */
static locust_error locust__body_out_begin(locust__body_out *d)
{
    unsigned first = (unsigned char)d->head[0], second = (unsigned char)d->head[1];
    bool gzip = first == 0x1F && second == 0x8B;
    bool zlib = (first & 15) == 8 && (first * 256 + second) % 31 == 0;
    d->begun = true;
    d->raw = !gzip && !zlib;
    d->out = LOCUST_MALLOC(LOCUST__BODY_OUT_UNZIPPED);
    if (!d->out)
        return LOCUST_ERR_MEMORY;
    if (inflateInit2(&d->zip, d->raw ? -15 : 15 + 32) != Z_OK) { // 32: gzip or zlib
        LOCUST_FREE(d->out);
        d->out = NULL;
        return LOCUST_ERR_MEMORY;
    }
    return locust__body_out_inflate(d, d->head, 2);
}

/* Takes coded bytes: the first two open the decoder. */
static locust_error locust__body_out_unzip(locust__body_out *d, const char *bytes, size_t n)
{
    locust_error error = LOCUST_OK;
    while (!error && !d->begun && n) {
        d->head[d->head_len++] = *bytes++;
        n--;
        if (d->head_len == 2)
            error = locust__body_out_begin(d);
    }
    return !error && n ? locust__body_out_inflate(d, bytes, n) : error;
}
#endif

static locust_error locust__body_out_take(locust__receive_sink *sink, const char *bytes, size_t n)
{
    locust__body_out *d = (locust__body_out *)(void *)sink;
#if LOCUST__WITH_ZLIB
    if (d->coded)
        return locust__body_out_unzip(d, bytes, n);
#endif
    return locust__body_out_give(d, bytes, n);
}

/* Prepares for a body of this coding; NULL: none. A coding that we lack is delivered as it came. */
static void locust__body_out_open(
    locust__body_out *d, const locust_request *req, const char *coding, locust__buf *kept)
{
    locust__view v = locust__view_of(coding ? coding : "");
    memset(d, 0, sizeof *d);
    d->sink.take = locust__body_out_take;
    d->req = req;
    d->kept = kept;
    d->sse = (locust__sse){.fn = req->on_event, .arg = req->arg, .retry_ms = -1};
    d->coded = locust__view_is_nocase(v, "gzip") || locust__view_is_nocase(v, "x-gzip") ||
               locust__view_is_nocase(v, "deflate");
}

/* Does a compressed body lack its end? */
static bool locust__body_out_is_cut(const locust__body_out *d)
{
#if LOCUST__WITH_ZLIB
    return d->coded && !(d->begun ? d->done : d->head_len == 0);
#else
    (void)d;
    return false;
#endif
}

/* Ends a body, complete or not. Returns the error of the whole, given the one of reading it. */
static locust_error locust__body_out_close(locust__body_out *d, locust_error error)
{
    if (d->sse.stopped) // the test had enough, which is no failure
        error = LOCUST_OK;
    else if (!error && locust__body_out_is_cut(d))
        error = LOCUST_ERR_HTTP_CODED;
    locust__sse_free(&d->sse);
#if LOCUST__WITH_ZLIB
    if (d->out)
        inflateEnd(&d->zip);
    LOCUST_FREE(d->out);
#endif
    return error;
}
