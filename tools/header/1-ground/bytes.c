/* ============================================================================================
 * >>bytes  reading and writing the bytes of a wire format
 *
 * Purpose     integers and runs of bytes, as messages of DNS and other binary protocols have them:
 *             read from a message that may end anywhere, written to a fixed array or to a growing
 *             buf.
 * Invariants  a reader never passes its end. What does not fit sets `failed`, which stays set: from
 *             then on a reader gives 0 and NULL and a writer writes nothing. So code reads or
 *             writes a whole structure first and looks at `failed` once.
 * Cost        a comparison for each integer.
 * Names       locust__bytes_
 * Limits      integers are big-endian, the byte order of most protocols.
 * ============================================================================================ */

typedef struct locust__bytes_reader {
    const unsigned char *at; // the next byte
    size_t left;             // bytes from there to the end
    bool failed;
} locust__bytes_reader;

static locust__bytes_reader locust__bytes_reader_of(const void *bytes, size_t n)
{
    return (locust__bytes_reader){bytes, n, false};
}

/* The next n bytes, where they lie. NULL: there are not as many. */
static const unsigned char *locust__bytes_take(locust__bytes_reader *r, size_t n)
{
    const unsigned char *at = r->at;
    r->failed = r->failed || n > r->left;
    if (r->failed)
        return NULL;
    r->at += n;
    r->left -= n;
    return at;
}

static void locust__bytes_skip(locust__bytes_reader *r, size_t n)
{
    locust__bytes_take(r, n);
}

static unsigned locust__bytes_get_u8(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 1);
    return p ? *p : 0;
}

static unsigned locust__bytes_get_u16(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 2);
    return p ? (unsigned)p[0] << 8 | p[1] : 0;
}

static uint32_t locust__bytes_get_u32(locust__bytes_reader *r)
{
    const unsigned char *p = locust__bytes_take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

typedef struct locust__bytes_writer {
    locust__buf *buf;     // appends here; NULL: to `fixed`
    unsigned char *fixed; // memory of `cap` bytes, of which `len` are written
    size_t len, cap;
    bool failed;
} locust__bytes_writer;

static locust__bytes_writer locust__bytes_writer_of(void *fixed, size_t cap)
{
    return (locust__bytes_writer){NULL, fixed, 0, cap, false};
}

/* The place of the next n bytes, which the caller fills in. NULL: no room, or no memory. */
static unsigned char *locust__bytes_room(locust__bytes_writer *w, size_t n)
{
    size_t *len = w->buf ? &w->buf->len : &w->len;
    unsigned char *at;
    if (!w->failed)
        w->failed = w->buf ? !locust__buf_reserve(w->buf, n) : n > w->cap - w->len;
    if (w->failed)
        return NULL;
    at = (w->buf ? (unsigned char *)w->buf->ptr : w->fixed) + *len;
    *len += n;
    return at;
}

static void locust__bytes_add(locust__bytes_writer *w, const void *bytes, size_t n)
{
    unsigned char *to = locust__bytes_room(w, n);
    if (to && n)
        memcpy(to, bytes, n);
}

static void locust__bytes_put_u8(locust__bytes_writer *w, unsigned v)
{
    unsigned char *to = locust__bytes_room(w, 1);
    if (to)
        *to = (unsigned char)v;
}

static void locust__bytes_put_u16(locust__bytes_writer *w, unsigned v)
{
    locust__bytes_put_u8(w, v >> 8);
    locust__bytes_put_u8(w, v);
}

LOCUST__UNUSED static void locust__bytes_put_u32(locust__bytes_writer *w, uint32_t v)
{
    locust__bytes_put_u16(w, v >> 16);
    locust__bytes_put_u16(w, v & 0xFFFF);
}
