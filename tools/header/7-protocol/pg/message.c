/* ============================================================================================
 * >>pg_message  messages of PostgreSQL's protocol 3.0
 *
 * Purpose     finds a message among received bytes, writes one, and makes a sentence of an error.
 *
 *     type  length  body          length: of itself and the body; the first messages of a client
 *     1     4       length - 4    have no type
 *
 * Names       locust__pg_frame locust__pg_message_max locust__pg_put_ locust__pg_report
 *             locust__pg_report_ locust__pg_sentence locust__pg_text_
 * Sources     PostgreSQL 15, chapter 55 of its manual; errors of other servers as they were seen.
 * Limits      in an error's sentence only what stands between '"' or is a number is left out;
 *             servers that write their messages in other languages may quote otherwise.
 * ============================================================================================ */

enum {
    LOCUST__PG_MESSAGE_MAX = 1 << 20, // bytes of a message that holds no data
    LOCUST__PG_SENTENCE = 240,        // bytes of a sentence, the SQLSTATE included
};

/* -- reading -- */

/* The length of the message at the front of some bytes, which may not all be there: *body is what
 * is. 0: its head is not there; -1: it cannot be. */
static int64_t locust__pg_frame(const char *in, size_t len, locust__view *body)
{
    locust__bytes_reader r = locust__bytes_reader_of(in, len);
    uint32_t n;
    locust__bytes_skip(&r, 1);
    n = locust__bytes_get_u32(&r);
    if (r.failed)
        return 0;
    if (n < 4 || n > INT32_MAX)
        return -1;
    *body = (locust__view){(const char *)r.at, r.left < n - 4 ? r.left : n - 4};
    return (int64_t)n + 1;
}

/* Takes a text that '\0' ends off the front. NULL, and `failed`: it does not end. */
static const char *locust__pg_text_take(locust__bytes_reader *r)
{
    const unsigned char *end = r->left ? memchr(r->at, 0, r->left) : NULL;
    const unsigned char *at = locust__bytes_take(r, end ? (size_t)(end - r->at) + 1 : r->left + 1);
    return (const char *)at;
}

/* Does the body consist of so many texts? */
static bool locust__pg_text_are(locust__view body, int n)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    while (n-- > 0)
        locust__pg_text_take(&r);
    return !r.failed && !r.left;
}

/* -- writing -- */

/* Begins a message of that type; 0: without one. Returns where, for locust__pg_put_end. */
static size_t locust__pg_put_begin(locust__bytes_writer *w, char type)
{
    size_t at;
    if (type)
        locust__bytes_put_u8(w, (unsigned char)type);
    at = w->buf->len;
    locust__bytes_put_u32(w, 0);
    return at;
}

/* Fills in a length that was left out. */
static void locust__pg_put_length(locust__bytes_writer *w, size_t at, size_t n)
{
    w->failed = w->failed || w->buf->failed || n > INT32_MAX;
    for (size_t i = 0; i < 4 && !w->failed; i++)
        w->buf->ptr[at + i] = (char)(n >> (24 - 8 * i));
}

/* Ends a message: fills in its length. */
static void locust__pg_put_end(locust__bytes_writer *w, size_t at)
{
    locust__pg_put_length(w, at, w->buf->len - at);
}

static void locust__pg_put_text(locust__bytes_writer *w, const char *text)
{
    locust__bytes_add(w, text, strlen(text) + 1);
}

/* A whole message of two texts at most; NULL: none. */
static void locust__pg_put_message(
    locust__bytes_writer *w, char type, const char *text, const char *more)
{
    size_t at = locust__pg_put_begin(w, type);
    if (text)
        locust__pg_put_text(w, text);
    if (more)
        locust__pg_put_text(w, more);
    locust__pg_put_end(w, at);
}

/* A writer into a buffer, from its beginning. */
static locust__bytes_writer locust__pg_put_to(locust__buf *out)
{
    out->len = 0;
    out->failed = false;
    return (locust__bytes_writer){.buf = out};
}

/* -- errors -- */

typedef struct locust__pg_report { // an ErrorResponse or a NoticeResponse: texts in its body
    const char *severity, *code, *message, *detail, *hint; // "": none
} locust__pg_report;

/* Reads the fields of an error, which may come in any order. False: it is malformed. */
static bool locust__pg_report_read(locust__view body, locust__pg_report *e)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    unsigned type;
    const char *severity = "", *plain = ""; // as the server's language has it; never translated
    *e = (locust__pg_report){"", "", "", "", ""};
    while ((type = locust__bytes_get_u8(&r)) != 0) {
        const char *text = locust__pg_text_take(&r);
        if (!text)
            break;
        switch (type) {
        case 'S':
            severity = text;
            break;
        case 'V':
            plain = text;
            break;
        case 'C':
            e->code = text;
            break;
        case 'M':
            e->message = text;
            break;
        case 'D':
            e->detail = text;
            break;
        case 'H':
            e->hint = text;
            break;
        default: // of no use in a test
            break;
        }
    }
    e->severity = *plain ? plain : severity;
    return !r.failed && !r.left;
}

/* Is the connection over with this error? */
static bool locust__pg_report_is_fatal(const locust__pg_report *e)
{
    return strcmp(e->severity, "FATAL") == 0 || strcmp(e->severity, "PANIC") == 0;
}

/* Does a word, from here on, consist of digits alone? */
static size_t locust__pg_text_number(const char *text)
{
    size_t n = 0;
    while (locust__text_is_digit(text[n]))
        n++;
    return n && !locust__text_is_alnum(text[n]) && text[n] != '_' ? n : 0;
}

/* Writes an error so that it is the same for all that have the same cause: its SQLSTATE, and the
 * first line of the message with "..." for what it quotes and for numbers. */
static void locust__pg_report_sentence(const locust__pg_report *e, char out[LOCUST__PG_SENTENCE])
{
    size_t n = 0;
    const char *p = e->message;
    bool begins = true; // a word
    if (*e->code)
        n = (size_t)snprintf(out, LOCUST__PG_SENTENCE, "%.5s: ", e->code);
    p += strspn(p, " \t\r\n");
    if (!*p)
        p = "the server refused, and does not say why";
    while (*p && *p != '\n' && *p != '\r' && n < LOCUST__PG_SENTENCE - 4) {
        const char *close = *p == '"' ? strchr(p + 1, '"') : NULL;
        size_t digits = begins ? locust__pg_text_number(p) : 0;
        begins = !locust__text_is_alnum(*p) && *p != '_';
        if (close || digits) {
            memcpy(out + n, "...", 3);
            n += 3;
            p = close ? close + 1 : p + digits;
        } else {
            out[n++] = *p++;
        }
    }
    out[n] = '\0';
    locust__text_plain(out, n);
}
