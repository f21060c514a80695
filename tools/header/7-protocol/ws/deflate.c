/* ============================================================================================
 * >>ws_deflate  permessage-deflate
 *
 * Purpose     what the two ends agreed on; messages compressed and decompressed.
 * Invariants  what is decompressed is bounded while it is made. Without zlib nothing is offered,
 *             and nothing is agreed on.
 * Cost        from the first compressed message on, 40 KB for each connection to decompress and 40
 *             KB to compress; nothing between two messages of an end that keeps no context.
 * Names       locust__ws_deflate locust__ws_deflate_
 * Uses        >>head
 * Sources     RFC 7692 7; zlib.h.
 * ============================================================================================ */

typedef struct locust__ws_deflate {
    bool on;                                // agreed on
    bool server_fresh, client_fresh;        // that end begins each message without a context
    unsigned char server_bits, client_bits; // of the windows
#if LOCUST__WITH_ZLIB
    z_stream *in, *out; // NULL: none yet
#endif
} locust__ws_deflate;

/* A browser's offer: no server refuses it, and one that wants smaller windows can say so. */
static const char locust__ws_deflate_offer[] = "permessage-deflate; client_max_window_bits";

/* Takes a parameter off an extension, after a ';'. */
static void locust__ws_deflate_param(locust__view *rest, locust__view *name, locust__view *value)
{
    const char *semicolon = memchr(rest->ptr, ';', rest->len), *equals;
    locust__view one = {rest->ptr, semicolon ? (size_t)(semicolon - rest->ptr) : rest->len};
    *rest = semicolon ? locust__view_skip(*rest, one.len + 1) : locust__view_skip(*rest, one.len);
    equals = memchr(one.ptr, '=', one.len);
    *name = *value = locust__http_trim(one);
    value->len = 0;
    if (!equals)
        return;
    *name = locust__http_trim((locust__view){one.ptr, (size_t)(equals - one.ptr)});
    *value = locust__http_trim(locust__view_skip(one, (size_t)(equals + 1 - one.ptr)));
    if (value->len > 1 && value->ptr[0] == '"' && value->ptr[value->len - 1] == '"')
        *value = (locust__view){value->ptr + 1, value->len - 2};
}

/* Takes one parameter of the answer. False: it is none, or comes twice. */
static bool locust__ws_deflate_agree(locust__ws_deflate *d, locust__view name, locust__view value)
{
    bool server = name.len > 6 && strncasecmp(name.ptr, "server", 6) == 0;
    bool *fresh = server ? &d->server_fresh : &d->client_fresh;
    unsigned char *bits = server ? &d->server_bits : &d->client_bits;
    int64_t n = locust__number_of(value);
    if (locust__view_is_nocase(name, "server_no_context_takeover") ||
        locust__view_is_nocase(name, "client_no_context_takeover")) {
        bool good = !*fresh && !value.len;
        *fresh = true;
        return good;
    }
    if ((!locust__view_is_nocase(name, "server_max_window_bits") &&
            !locust__view_is_nocase(name, "client_max_window_bits")) ||
        *bits || n < 8 || n > 15)
        return false;
    *bits = (unsigned char)n;
    return true;
}

/* Takes a field Sec-WebSocket-Extensions of the answer. False: it has what was not offered. */
static bool locust__ws_deflate_answer(locust__ws_deflate *d, const char *field, bool offered)
{
    locust__view list = locust__view_of(field), one, name, value;
    while (locust__http_next(&list, &one)) {
        if (!one.len)
            continue;
        locust__ws_deflate_param(&one, &name, &value);
        if (!offered || d->on || value.len || !locust__view_is_nocase(name, "permessage-deflate"))
            return false;
        d->on = true;
        while (one.len) {
            locust__ws_deflate_param(&one, &name, &value);
            if (!locust__ws_deflate_agree(d, name, value))
                return false;
        }
    }
    return true;
}

#if LOCUST__WITH_ZLIB
enum {
    LOCUST__WS_DEFLATE_WINDOW = 12, // bits, of ours at most: a server needs no more of us
    LOCUST__WS_DEFLATE_PIECE = 16384
};

/* Our window; 0: the server wants one that zlib does not make, and gets messages as they are. */
static int locust__ws_deflate_window(const locust__ws_deflate *d)
{
    int bits = d->client_bits ? d->client_bits : 15;
    return bits < 9 ? 0 : bits < LOCUST__WS_DEFLATE_WINDOW ? bits : LOCUST__WS_DEFLATE_WINDOW;
}

static void locust__ws_deflate_end_in(locust__ws_deflate *d)
{
    if (d->in)
        inflateEnd(d->in);
    LOCUST_FREE(d->in);
    d->in = NULL;
}

static void locust__ws_deflate_end_out(locust__ws_deflate *d)
{
    if (d->out)
        deflateEnd(d->out);
    LOCUST_FREE(d->out);
    d->out = NULL;
}

/* Goes on behind a block that its maker has marked as the last one (7.2.3.5), with the context. */
static bool locust__ws_deflate_go_on(z_stream *z)
{
    Bytef *window = LOCUST_MALLOC(32768);
    uInt n = 0;
    bool good = window && inflateGetDictionary(z, window, &n) == Z_OK && inflateReset(z) == Z_OK &&
                (!n || inflateSetDictionary(z, window, n) == Z_OK);
    LOCUST_FREE(window);
    return good;
}

static z_stream *locust__ws_deflate_begin_in(const locust__ws_deflate *d)
{
    z_stream *z = locust__memory_zalloc(sizeof *z);
    int bits = d->server_bits ? d->server_bits : 15;
    if (z && inflateInit2(z, bits < 9 ? -9 : -bits) == Z_OK)
        return z;
    LOCUST_FREE(z);
    return NULL;
}

/* Decompresses n bytes of a message behind `out`, which may hold `max` bytes. NULL, or why not. */
static const char *locust__ws_deflate_take(
    locust__ws_deflate *d, const char *bytes, size_t n, locust__buf *out, size_t max)
{
    z_stream *z = d->in ? d->in : (d->in = locust__ws_deflate_begin_in(d));
    bool more = true;
    if (!z)
        return locust__error_text(LOCUST_ERR_MEMORY);
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)n;
    while (more) {
        size_t room;
        int rc;
        if (!locust__buf_reserve(out, 512))
            return locust__error_text(LOCUST_ERR_MEMORY);
        room = out->cap - out->len;
        room = room < LOCUST__WS_DEFLATE_PIECE ? room : LOCUST__WS_DEFLATE_PIECE;
        z->next_out = (Bytef *)out->ptr + out->len;
        z->avail_out = (uInt)room;
        rc = inflate(z, Z_SYNC_FLUSH);
        out->len += room - z->avail_out;
        if (out->len > max)
            return "message larger than .max_message";
        if (rc == Z_MEM_ERROR || (rc == Z_STREAM_END && !locust__ws_deflate_go_on(z)))
            return locust__error_text(LOCUST_ERR_MEMORY);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return "malformed compressed message";
        more = rc != Z_BUF_ERROR && (z->avail_in || !z->avail_out);
    }
    return NULL;
}

/* Ends a message: adds the bytes that its maker has left out (7.2.2). */
static const char *locust__ws_deflate_finish(locust__ws_deflate *d, locust__buf *out, size_t max)
{
    const char *wrong = locust__ws_deflate_take(d, "\0\0\xFF\xFF", 4, out, max);
    if (d->server_fresh)
        locust__ws_deflate_end_in(d);
    return wrong;
}

/* Compresses the next n bytes of a message behind `out`. False: no memory. */
static bool locust__ws_deflate_put(
    locust__ws_deflate *d, const char *bytes, size_t n, bool last, locust__buf *out)
{
    size_t start = out->len;
    z_stream *z = d->out;
    if (!z) {
        z = locust__memory_zalloc(sizeof *z);
        if (!z || deflateInit2(z, Z_BEST_SPEED, Z_DEFLATED, -locust__ws_deflate_window(d), 5,
                      Z_DEFAULT_STRATEGY) != Z_OK) {
            LOCUST_FREE(z);
            return false;
        }
        d->out = z;
    }
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)n;
    do {
        if (!locust__buf_reserve(out, n / 2 + 64))
            return false;
        z->next_out = (Bytef *)out->ptr + out->len;
        z->avail_out = (uInt)(out->cap - out->len);
        deflate(z, Z_SYNC_FLUSH);
        out->len = out->cap - z->avail_out;
    } while (!z->avail_out);
    if (last && out->len - start >= 4) // 00 00 FF FF
        out->len -= 4;
    if (last && out->len == start) // a flush behind another one gives nothing
        locust__buf_add(out, "", 1);
    if (last && d->client_fresh)
        locust__ws_deflate_end_out(d);
    return !out->failed;
}
#endif

static void locust__ws_deflate_free(locust__ws_deflate *d)
{
#if LOCUST__WITH_ZLIB
    locust__ws_deflate_end_in(d);
    locust__ws_deflate_end_out(d);
#endif
    memset(d, 0, sizeof *d);
}
