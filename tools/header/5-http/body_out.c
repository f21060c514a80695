/* ============================================================================================
 * >>body_out  where the body of a response goes
 *
 * Purpose     decodes a compressed body, one or several times, and puts it into the user's block or
 *             hands it to the test's functions.
 * Invariants  a body that is kept is bounded by LOCUST_MAX_BODY after decoding; so is all that the
 *             decoders of several codings give together, kept or not: each can make a thousandfold
 *             of what it gets, and nothing else ends a step of theirs.
 * Cost        44 KB for each coding while a body is decoded, most of it zlib's.
 * Names       locust__body_out_
 * Uses        >>co >>misuse >>context >>head >>receive >>sse
 * Sources     RFC 9110 8.4 (gzip, deflate).
 * ============================================================================================ */

enum {
    LOCUST__BODY_OUT_CODINGS = 4, // that a body may have, one upon the other
    LOCUST__BODY_OUT_UNZIPPED = 8192,
};

#if LOCUST__WITH_ZLIB
typedef struct locust__body_out_decoder { // of one coding
    z_stream zip;
    bool done, raw, begun; // the last member has ended; no header; the header is known
    char head[2];          // of what it gets, to see what it is
    size_t head_len;
    char out[LOCUST__BODY_OUT_UNZIPPED];
} locust__body_out_decoder;
#endif

typedef struct locust__body_out { // the sink of one response
    locust__receive_sink sink;    // first: what >>receive calls
    const locust_request *req;
    locust__receive_sink *told; // takes what is decoded, in place of the test's functions; or NULL
    locust__buf *kept;          // where a body goes that no function takes
    uint64_t total;             // bytes so far, decoded
    locust__sse sse;
    int codings;         // gzip or deflate, so many times
    bool coded, unknown; // there are any, all of them known; there is one that we lack
#if LOCUST__WITH_ZLIB
    locust__body_out_decoder *decoders; // of each coding, the innermost first; NULL: no byte yet
    int n_decoders;
    uint64_t made; // bytes by several codings
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
    if (d->told)
        return d->told->take(d->told, bytes, n);
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
static locust_error locust__body_out_decode(
    locust__body_out *d, int codings, const char *bytes, size_t n);

/* Decodes n bytes by the outermost of so many codings, and what they give by those within. */
static locust_error locust__body_out_inflate(
    locust__body_out *d, int codings, const char *bytes, size_t n)
{
    locust__body_out_decoder *z = &d->decoders[codings - 1];
    z->zip.next_in = (Bytef *)(uintptr_t)bytes;
    z->zip.avail_in = (uInt)n;
    z->zip.avail_out = 0;
    while (z->zip.avail_in || !z->zip.avail_out) {
        locust_error error;
        int rc;
        if (z->done && !z->zip.avail_in)
            return LOCUST_OK;
        // Bytes behind the end: another member of a gzip file (RFC 1952 2.2), or rubbish.
        if (z->done && (z->raw || inflateReset(&z->zip) != Z_OK))
            return LOCUST_ERR_HTTP_CODED;
        z->zip.next_out = (Bytef *)z->out;
        z->zip.avail_out = LOCUST__BODY_OUT_UNZIPPED;
        rc = inflate(&z->zip, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR)
            return LOCUST_ERR_MEMORY;
        if (rc == Z_BUF_ERROR) // needs more input
            return LOCUST_OK;
        z->done = rc == Z_STREAM_END;
        d->made += LOCUST__BODY_OUT_UNZIPPED - z->zip.avail_out;
        if (d->codings > 1 && d->made > LOCUST_MAX_BODY)
            return LOCUST_ERR_HTTP_BODY_SIZE;
        error = locust__body_out_decode(
            d, codings - 1, z->out, LOCUST__BODY_OUT_UNZIPPED - z->zip.avail_out);
        if (error)
            return error;
        if (rc != Z_OK && rc != Z_STREAM_END) // an error in the data, after good bytes
            return LOCUST_ERR_HTTP_CODED;
    }
    return LOCUST_OK;
}

/* Opens a decoder, once two bytes are there. "deflate" is zlib's format (RFC 9110 8.4.1.2), but
 * some servers send it without its header: the first two bytes tell (RFC 1950 2.2). */
static locust_error locust__body_out_begin(locust__body_out *d, int codings)
{
    locust__body_out_decoder *z = &d->decoders[codings - 1];
    unsigned first = (unsigned char)z->head[0], second = (unsigned char)z->head[1];
    bool gzip = first == 0x1F && second == 0x8B;
    bool zlib = (first & 15) == 8 && (first * 256 + second) % 31 == 0;
    z->raw = !gzip && !zlib;
    if (inflateInit2(&z->zip, z->raw ? -15 : 15 + 32) != Z_OK) // 32: gzip or zlib
        return LOCUST_ERR_MEMORY;
    z->begun = true;
    return locust__body_out_inflate(d, codings, z->head, 2);
}

/* Takes bytes that were coded so many times. The first two open the decoder. */
static locust_error locust__body_out_decode(
    locust__body_out *d, int codings, const char *bytes, size_t n)
{
    locust__body_out_decoder *z = codings ? &d->decoders[codings - 1] : NULL;
    locust_error error = LOCUST_OK;
    if (!z)
        return locust__body_out_give(d, bytes, n);
    // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): decoders begin zeroed
    while (!error && !z->begun && n) {
        z->head[z->head_len++] = *bytes++;
        n--;
        if (z->head_len == 2)
            error = locust__body_out_begin(d, codings);
    }
    return !error && n ? locust__body_out_inflate(d, codings, bytes, n) : error;
}

/* Takes bytes of a coded body as they came. */
static locust_error locust__body_out_unzip(locust__body_out *d, const char *bytes, size_t n)
{
    if (d->codings > LOCUST__BODY_OUT_CODINGS)
        return LOCUST_ERR_HTTP_CODED;
    if (!d->decoders)
        d->decoders = LOCUST_MALLOC((size_t)d->codings * sizeof *d->decoders);
    if (!d->decoders)
        return LOCUST_ERR_MEMORY;
    for (; d->n_decoders < d->codings; d->n_decoders++)
        memset(&d->decoders[d->n_decoders], 0, offsetof(locust__body_out_decoder, out));
    return locust__body_out_decode(d, d->codings, bytes, n);
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

/* Adds the codings of a Content-Encoding field, in the order in which they were applied. */
static void locust__body_out_add(locust__body_out *d, const char *field)
{
    locust__view list = locust__view_of(field), v;
    while (locust__http_next(&list, &v))
        if (locust__view_is_nocase(v, "gzip") || locust__view_is_nocase(v, "x-gzip") ||
            locust__view_is_nocase(v, "deflate"))
            d->codings++;
        else if (v.len && !locust__view_is_nocase(v, "identity"))
            d->unknown = true;
    d->coded = d->codings && !d->unknown;
}

/* Prepares for a body of this coding; NULL: none. A body is delivered as it came if one of its
 * codings is one that we lack. */
static void locust__body_out_open(
    locust__body_out *d, const locust_request *req, const char *coding, locust__buf *kept)
{
    memset(d, 0, sizeof *d);
    d->sink.take = locust__body_out_take;
    d->req = req;
    d->kept = kept;
    d->sse = (locust__sse){.fn = req->on_event, .arg = req->arg, .retry_ms = -1};
    locust__body_out_add(d, coding ? coding : "");
}

/* Does a compressed body lack its end? */
static bool locust__body_out_is_cut(const locust__body_out *d)
{
#if LOCUST__WITH_ZLIB
    for (int i = 0; i < d->n_decoders; i++) {
        const locust__body_out_decoder *z = &d->decoders[i];
        if (z->begun ? !z->done : z->head_len > 0)
            return true;
    }
#else
    (void)d;
#endif
    return false;
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
    for (int i = 0; i < d->n_decoders; i++)
        if (d->decoders[i].begun)
            inflateEnd(&d->decoders[i].zip);
    LOCUST_FREE(d->decoders);
#endif
    return error;
}
