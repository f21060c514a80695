/* ============================================================================================
 * >>upload  bodies of requests, in pieces
 *
 * Purpose     gives the bytes of a body that is not in memory: from parts, from a file, from a
 *             function of the test.
 * Invariants  memory stays flat, however long a body is.
 * Cost        16 KB while an upload is under way.
 * Names       locust__upload_
 * Uses        >>co >>misuse >>context >>head
 * Sources     RFC 7578 and the HTML standard 4.10.21.8 (multipart/form-data); RFC 9112 7.1
 *             (chunks).
 * Limits      a file is read without waiting in the poller: a slow disk holds up the loop. Pipes
 *             and devices are refused: they could do so for ever, and a body may be sent twice.
 * ============================================================================================ */

enum { LOCUST__UPLOAD_BUFFER = 16384, LOCUST__UPLOAD_BOUNDARY = 32 };

static const int64_t LOCUST__UPLOAD_UNKNOWN = INT64_MAX; // how long a file is

typedef struct locust__upload {
    const locust_request *req;
    char boundary[LOCUST__UPLOAD_BOUNDARY];
    bool open;               // the body is streamed, not sent from memory
    int64_t len;             // -1: not known before the end
    int64_t left;            // of what was announced, with body_fn
    const locust_part *part; // the next one to begin; NULL: the last has ended
    int fd;                  // the file that is read; < 0: none
    int64_t file_left;       // LOCUST__UPLOAD_UNKNOWN: up to its end
    locust__view text;       // what goes before the next file
    locust__buf head;        // of a part, and its text
    char *piece;             // LOCUST__UPLOAD_BUFFER bytes
} locust__upload;

/* Appends a parameter of a part's head, quoted as browsers do it. */
LOCUST__COLD static void locust__upload_part_quote(
    locust__buf *out, const char *name, const char *text)
{
    locust__buf_printf(out, "; %s=\"", name);
    for (; *text; text++) {
        const char *code = *text == '"'    ? "%22"
                           : *text == '\r' ? "%0D"
                           : *text == '\n' ? "%0A"
                                           : NULL;
        if (code)
            locust__buf_puts(out, code);
        else
            locust__buf_add(out, text, 1);
    }
    locust__buf_add(out, "\"", 1);
}

/* Appends what goes before a part's content; for the end of the list, what closes the body. */
LOCUST__COLD static void locust__upload_part_head(
    locust__buf *out, const locust__upload *up, const locust_part *part)
{
    bool first = part == up->req->parts;
    const char *slash = part->path ? strrchr(part->path, '/') : NULL;
    const char *type = part->type ? part->type : part->path ? "application/octet-stream" : NULL;
    locust__buf_printf(
        out, "%s--%s%s\r\n", first ? "" : "\r\n", up->boundary, part->name ? "" : "--");
    if (!part->name)
        return;
    locust__buf_puts(out, "Content-Disposition: form-data");
    locust__upload_part_quote(out, "name", part->name);
    if (part->path)
        locust__upload_part_quote(out, "filename", slash ? slash + 1 : part->path);
    if (type)
        locust__buf_printf(out, "\r\nContent-Type: %s", type);
    locust__buf_puts(out, "\r\n\r\n");
}

static void locust__upload_close_file(locust__upload *up)
{
    if (up->fd >= 0)
        close(up->fd);
    up->fd = -1;
}

static void locust__upload_close(locust__upload *up)
{
    locust__upload_close_file(up);
    locust__buf_free(&up->head);
    LOCUST_FREE(up->piece);
    up->piece = NULL;
    up->open = false;
}

/* Has the file as many bytes as it says? Those of /proc and /sys say 0 or a page; they lie nowhere.
 */
static bool locust__upload_is_long(int fd, const struct stat *st)
{
    char bytes[512];
    int64_t n = 0;
    ssize_t got = 1;
    if (st->st_blocks || st->st_size > 65536)
        return true;
    while (got > 0 && n <= (int64_t)st->st_size) {
        got = pread(fd, bytes, sizeof bytes, (off_t)n);
        n += got > 0 ? got : 0;
    }
    return n == (int64_t)st->st_size;
}

/* Opens the next file to be read, without waiting for who writes to a pipe. */
LOCUST__COLD static locust_error locust__upload_open_file(locust__upload *up, const char *path)
{
    struct stat st = {.st_mode = 0};
    locust_error error = LOCUST_OK;
    up->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (up->fd < 0)
        return errno == EMFILE || errno == ENFILE ? LOCUST_ERR_FILES
               : errno == ENXIO                   ? LOCUST_ERR_HTTP_BODY_PIPE // a socket
                                                  : LOCUST_ERR_HTTP_BODY_FILE;
    if (fstat(up->fd, &st) < 0 || !S_ISREG(st.st_mode))
        error = S_ISFIFO(st.st_mode) ? LOCUST_ERR_HTTP_BODY_PIPE : LOCUST_ERR_HTTP_BODY_FILE;
    else if (!locust__upload_is_long(up->fd, &st))
        up->file_left = LOCUST__UPLOAD_UNKNOWN;
    else
        up->file_left = (int64_t)st.st_size;
    if (error)
        locust__upload_close_file(up);
    return error;
}

/* Adds up the length of a multipart body, without reading its files; -1: one does not tell. */
static locust_error locust__upload_measure(locust__upload *up)
{
    const locust_part *part = up->req->parts;
    bool unknown = false;
    up->len = 0;
    for (;; part++) {
        int64_t size = 0;
        locust_error error = LOCUST_OK;
        up->head.len = 0;
        locust__upload_part_head(&up->head, up, part);
        if (up->head.failed)
            return LOCUST_ERR_MEMORY;
        if (part->name && part->type && !locust__http_is_value(locust__view_of(part->type)))
            return LOCUST_ERR_HTTP_REQUEST;
        if (part->name && part->path) {
            error = locust__upload_open_file(up, part->path);
            locust__upload_close_file(up);
            unknown |= !error && up->file_left == LOCUST__UPLOAD_UNKNOWN;
            size = error || unknown ? 0 : up->file_left;
        } else if (part->name) {
            size = (int64_t)strlen(part->text ? part->text : "");
        }
        if (error)
            return error;
        up->len += (int64_t)up->head.len + size;
        if (!part->name) {
            up->len = unknown ? -1 : up->len;
            return LOCUST_OK;
        }
    }
}

/* Is this request's body streamed, rather than sent from memory? */
static bool locust__upload_wanted(const locust_request *req)
{
    return req->parts || req->body_path || req->body_fn;
}

/* Begins a body: once for each time that the request is sent. */
static locust_error locust__upload_open(
    locust__upload *up, const locust_request *req, uint64_t random)
{
    locust_error error = LOCUST_OK;
    memset(up, 0, sizeof *up);
    up->fd = -1;
    up->req = req;
    up->part = req->parts;
    snprintf(up->boundary, sizeof up->boundary, "locust-%016llx", (unsigned long long)random);
    if (req->parts) {
        error = locust__upload_measure(up);
    } else if (req->body_path) {
        error = locust__upload_open_file(up, req->body_path);
        up->len = up->file_left == LOCUST__UPLOAD_UNKNOWN ? -1 : up->file_left;
    } else {
        up->len = req->body_len ? (int64_t)req->body_len : -1;
    }
    up->piece = error ? NULL : LOCUST_MALLOC(LOCUST__UPLOAD_BUFFER);
    if (!error && !up->piece)
        error = LOCUST_ERR_MEMORY;
    up->left = up->len;
    up->open = true;
    if (error)
        locust__upload_close(up);
    return error;
}

/* Reads up to n bytes of the part's file, and closes it at its end. */
static locust_error locust__upload_read_file(locust__upload *up, char *out, size_t n, size_t *got)
{
    size_t want = (int64_t)n < up->file_left ? n : (size_t)up->file_left;
    ssize_t rc = read(up->fd, out, want);
    bool unknown = up->file_left == LOCUST__UPLOAD_UNKNOWN;
    *got = rc > 0 ? (size_t)rc : 0;
    if (rc < 0 || (!rc && want && !unknown))
        return LOCUST_ERR_HTTP_BODY_FILE; // it is shorter than it was
    if (unknown)
        up->file_left = rc ? up->file_left : 0;
    else
        up->file_left -= rc;
    if (!up->file_left)
        locust__upload_close_file(up);
    return LOCUST_OK;
}

/* Begins the next part: its head with its text, or its file. */
static locust_error locust__upload_next_part(locust__upload *up)
{
    const locust_part *part = up->part++;
    locust_error error;
    up->head.len = 0;
    locust__upload_part_head(&up->head, up, part);
    if (part->name && !part->path)
        locust__buf_puts(&up->head, part->text ? part->text : "");
    if (up->head.failed)
        return LOCUST_ERR_MEMORY;
    up->text = (locust__view){up->head.ptr, up->head.len};
    if (!part->name)
        up->part = NULL;
    if (!part->name || !part->path)
        return LOCUST_OK;
    error = locust__upload_open_file(up, part->path);
    if (!error && !up->file_left)
        locust__upload_close_file(up);
    return error;
}

/* Asks the test's own function for bytes. It gives up if it breaks a rule. */
LOCUST__COLD static ptrdiff_t locust__upload_ask(const locust_request *req, char *out, size_t n)
{
    locust__callback c;
    volatile ptrdiff_t given = -1;
    locust__callback_begin(&c, locust__loop_now, ".body_fn");
    if (setjmp(c.back) == 0)
        given = req->body_fn(req->arg, out, n);
    else
        locust__callback_left(&c);
    locust__callback_end(&c);
    return given;
}

/* Gives the next 1 to n bytes of the body; *got 0: the body has ended. */
static locust_error locust__upload_read(locust__upload *up, char *out, size_t n, size_t *got)
{
    ptrdiff_t given;
    locust_error error = LOCUST_OK;
    *got = 0;
    if (up->req->body_fn && !up->req->parts && !up->req->body_path) {
        if (up->len >= 0 && (int64_t)n > up->left)
            n = (size_t)up->left;
        given = n ? locust__upload_ask(up->req, out, n) : 0;
        if (given < 0 || (size_t)given > n || (!given && up->left > 0))
            return LOCUST_ERR_HTTP_BODY_FN;
        *got = (size_t)given;
        up->left -= up->len >= 0 ? given : 0;
        return LOCUST_OK;
    }
    while (!error && !*got) {
        while (!error && up->part && !up->text.len && up->fd < 0)
            error = locust__upload_next_part(up);
        if (!error && up->text.len) {
            *got = n < up->text.len ? n : up->text.len;
            memcpy(out, up->text.ptr, *got);
            up->text = locust__view_skip(up->text, *got);
        } else if (!error && up->fd >= 0 && up->file_left) {
            error = locust__upload_read_file(up, out, n, got); // nothing: it has ended here
        } else {
            break;
        }
    }
    return error;
}

/* Gives the next bytes as they go over the wire, chunked if the length is not known. *more false:
 * these are the last ones. */
static locust_error locust__upload_piece(locust__upload *up, locust__view *piece, bool *more)
{
    enum { HEAD = 10 }; // eight digits and a line end
    bool chunked = up->len < 0;
    char *at = up->piece + (chunked ? HEAD : 0), size[HEAD + 1];
    size_t got, room = LOCUST__UPLOAD_BUFFER - (chunked ? HEAD + 2 : 0);
    locust_error error = locust__upload_read(up, at, room, &got);
    int n;
    if (error)
        return error;
    if (!chunked && (up->req->parts || up->req->body_path)) {
        up->left -= (int64_t)got;
        if (up->left < 0 || (!got && up->left)) // a file has changed since it was measured
            return LOCUST_ERR_HTTP_BODY_FILE;
    }
    *more = got > 0;
    *piece = (locust__view){at, got};
    if (!chunked)
        return LOCUST_OK;
    if (!got) {
        *piece = (locust__view){"0\r\n\r\n", 5};
        return LOCUST_OK;
    }
    n = snprintf(size, sizeof size, "%zx\r\n", got);
    memcpy(at - n, size, (size_t)n);
    at[got] = '\r';
    at[got + 1] = '\n';
    *piece = (locust__view){at - n, (size_t)n + got + 2};
    return LOCUST_OK;
}
