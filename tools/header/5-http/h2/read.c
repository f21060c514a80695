/* ============================================================================================
 * >>h2_read  what comes on an HTTP/2 connection
 *
 * Purpose     reads frames, and does what they say: gives streams their heads and bodies, keeps
 *             windows and tables, acknowledges SETTINGS and PING.
 * Invariants  runs on the loop's stack when bytes come, whoever waits, so that nobody has to read
 *             for the others; calls no function of the test; parks never. A frame that breaks a
 *             rule of the connection ends it, one that breaks a rule of its stream the stream.
 *             Streams that nobody waits for any more are passed over, but their header blocks are
 *             decoded and their bytes counted.
 * Cost        one read for all that came; a wake for each answer, not for each frame.
 * Names       locust__h2_read locust__h2_read_ locust__h2_fields locust__h2_get_ locust__h2_reason
 * Uses        >>fd >>loop >>stream >>head >>response_head >>receive >>pool >>h2_hpack
 *             >>h2_frame >>h2_conn
 * Sources     RFC 9113 5 to 8; RFC 9110 15 (reason phrases).
 * Limits      a header block LOCUST_MAX_HEADER bytes, and so a list of fields; 10,000 frames of a
 *             connection in a row that answer nothing.
 * ============================================================================================ */

/* The reason phrase of a status, which HTTP/2 does not carry, so that failures have one sentence in
 * all versions. */
static const char *locust__h2_reason(int status)
{
    static const struct {
        short status;
        const char *text;
    } reasons[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"},
        {203, "Non-Authoritative Information"}, {204, "No Content"}, {205, "Reset Content"},
        {206, "Partial Content"}, {300, "Multiple Choices"}, {301, "Moved Permanently"},
        {302, "Found"}, {303, "See Other"}, {304, "Not Modified"}, {307, "Temporary Redirect"},
        {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
        {402, "Payment Required"}, {403, "Forbidden"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"},
        {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
        {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {421, "Misdirected Request"},
        {422, "Unprocessable Content"}, {425, "Too Early"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"}, {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "";
}

/* -- heads -- */

typedef struct locust__h2_fields { // of the block that is decoded
    locust__h2_stream *s;          // NULL: nobody waits for it
    locust__buf *to;               // NULL: they are only looked at
    locust_error error;
    bool trailers, regular; // regular: a field came that is no pseudo-header
} locust__h2_fields;

/* A name without capitals, and nothing that a name may not have: RFC 9113 8.2.1. */
static bool locust__h2_get_name(locust__view name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            return false;
    return locust__http_is_token(name);
}

/* Takes a pseudo-header field: the status, which comes first and once. */
static locust_error locust__h2_get_status(
    locust__h2_fields *f, locust__view name, locust__view value)
{
    locust__response_head *h = f->s->head;
    const char *reason;
    if (f->trailers || f->regular || h->status || !locust__view_is(name, ":status") ||
        value.len != 3 || value.ptr[0] < '1' || value.ptr[0] > '9' ||
        !locust__text_is_digit(value.ptr[1]) || !locust__text_is_digit(value.ptr[2]))
        return LOCUST_ERR_HTTP_FIELD;
    h->status = (value.ptr[0] - '0') * 100 + (value.ptr[1] - '0') * 10 + (value.ptr[2] - '0');
    reason = locust__h2_reason(h->status);
    h->reason_len = (uint32_t)strlen(reason) + 1;
    locust__buf_add_tight(f->to, reason, h->reason_len);
    return LOCUST_OK;
}

/* Takes a field that is not of the connection, RFC 9113 8.2.2. */
static locust_error locust__h2_get_regular(
    locust__h2_fields *f, locust__view name, locust__view value)
{
    locust__response_head *h = f->s->head;
    bool blank = value.len &&
                 (locust__http_blank(value.ptr[0]) || locust__http_blank(value.ptr[value.len - 1]));
    f->regular = true;
    if (!locust__h2_get_name(name) || !locust__http_is_value(value) || blank || !h->status)
        return LOCUST_ERR_HTTP_FIELD;
    switch (name.len) {
    case 7:
    case 10:
        if (!f->trailers && locust__view_is(name, "set-cookie"))
            h->cookies = true;
        else if (locust__view_is(name, "connection") || locust__view_is(name, "keep-alive") ||
                 locust__view_is(name, "upgrade"))
            return LOCUST_ERR_HTTP_FIELD;
        break;
    case 14:
        if (!f->trailers && locust__view_is(name, "content-length") &&
            !locust__http_length(&h->framing, value))
            return LOCUST_ERR_HTTP_LENGTH;
        break;
    case 16:
        if (!f->trailers && locust__view_is(name, "content-encoding"))
            h->coded = true;
        else if (locust__view_is(name, "proxy-connection"))
            return LOCUST_ERR_HTTP_FIELD;
        break;
    case 17:
        if (locust__view_is(name, "transfer-encoding"))
            return LOCUST_ERR_HTTP_FIELD;
        break;
    default:
        break;
    }
    if (f->to && locust__buf_reserve_tight(f->to, name.len + value.len + 3)) {
        char *at = f->to->ptr + f->to->len;
        memcpy(at, name.ptr, name.len);
        at[name.len] = '\0';
        if (value.len)
            memcpy(at + name.len + 1, value.ptr, value.len);
        at[name.len + 1 + value.len] = '\0';
        f->to->len += name.len + value.len + 2;
    }
    return LOCUST_OK;
}

static void locust__h2_get_field(void *arg, locust__view name, locust__view value)
{
    locust__h2_fields *f = arg;
    size_t size = name.len + value.len + LOCUST__HPACK_OVERHEAD;
    if (!f->s || f->error)
        return;
    if (size > f->s->budget) {
        f->error = LOCUST_ERR_HTTP_HEAD_SIZE;
        return;
    }
    f->s->budget -= size;
    f->error = name.len && name.ptr[0] == ':' ? locust__h2_get_status(f, name, value)
                                              : locust__h2_get_regular(f, name, value);
}

static locust__h2_stream *locust__h2_get_stream(const locust__h2 *h2, uint32_t id)
{
    locust__h2_stream *s = h2->first;
    while (s && s->id != id)
        s = s->next;
    return s;
}

/* The head or the trailers of a stream are complete. Returns what is wrong with them. */
static locust_error locust__h2_get_head(locust__h2_fields *f, bool end)
{
    locust__h2_stream *s = f->s;
    locust__response_head *h = s->head;
    if (f->error)
        return f->error;
    if (!h->status || (f->trailers && !end) || (!f->trailers && h->status < 200 && end))
        return LOCUST_ERR_HTTP_FIELD;
    if (f->to)
        locust__buf_add_tight(f->to, "", 1);
    if (f->to && f->to->failed)
        return LOCUST_ERR_MEMORY;
    if (h->status == 101)
        return LOCUST_ERR_HTTP_UPGRADE;
    if (f->trailers)
        return LOCUST_OK;
    if (h->status < 200) { // RFC 9110 15.2
        s->interim |= h->status == 100;
        h->status = 0;
        locust__h2_wake(s);
        return LOCUST_OK;
    }
    h->framing.minor = 1;
    s->answered = true;
    s->headed(s);
    return LOCUST_OK;
}

/* The server has said all that it has to say on a stream. */
static void locust__h2_get_end(locust__h2 *h2, locust__h2_stream *s)
{
    const locust__response_head *h = s->head;
    if (h->framing.sized && s->body != LOCUST__H2_BODY_DROP &&
        s->got != (uint64_t)h->framing.length) { // RFC 9113 8.1.1
        locust__h2_stream_reset(s, LOCUST__H2_CODE_PROTOCOL, LOCUST_ERR_HTTP_LENGTH);
        return;
    }
    s->ended = true;
    s->ended_ns = locust__receive_when(&h2->conn->stream);
    locust__h2_wake(s);
}

/* Decodes a whole header block. */
static void locust__h2_read_block(
    locust__h2 *h2, uint32_t id, const char *block, size_t n, bool end)
{
    locust__h2_fields f = {.s = locust__h2_get_stream(h2, id)};
    locust_error error;
    if (f.s && (f.s->ended || f.s->error))
        f.s = NULL;
    if (f.s) {
        f.trailers = f.s->answered;
        f.to = f.trailers ? f.s->trailers : f.s->kept;
        if (!f.trailers) {
            memset(f.s->head, 0, sizeof *f.s->head);
            f.s->kept->len = f.s->kept_at;
        }
        if (!f.s->first_ns)
            f.s->first_ns = locust__receive_when(&h2->conn->stream);
    }
    error = locust__hpack_decode(&h2->fields, block, n, &h2->sv->auth, locust__h2_get_field, &f);
    if (error) {
        locust__h2_say_goaway(h2, LOCUST__H2_CODE_COMPRESSION, error);
        return;
    }
    if (!f.s)
        return;
    h2->idle_frames = 0;
    error = locust__h2_get_head(&f, end);
    if (error)
        locust__h2_stream_reset(f.s, LOCUST__H2_CODE_PROTOCOL, error);
    else if (end)
        locust__h2_get_end(h2, f.s);
}

/* -- frames -- */

/* A stream that was never opened has no frames, RFC 9113 5.1; nor has one of the server's, as it
 * may open none. */
static bool locust__h2_read_is_idle(const locust__h2 *h2, uint32_t id)
{
    return id % 2 == 0 || id >= h2->next_id;
}

static uint32_t locust__h2_read_data(locust__h2 *h2, const locust__h2_frame *frame)
{
    locust__h2_stream *s = locust__h2_get_stream(h2, frame->stream);
    bool end = frame->flags & LOCUST__H2_FLAG_END_STREAM;
    locust__view data;
    if (!locust__h2_frame_content(frame, &data) || locust__h2_read_is_idle(h2, frame->stream))
        return LOCUST__H2_CODE_PROTOCOL;
    h2->credit -= frame->len;
    if (h2->credit < 0)
        return LOCUST__H2_CODE_FLOW_CONTROL;
    if (!s || s->ended || s->error) {
        locust__h2_window_eat(h2, frame->len);
        return LOCUST__H2_CODE_NO_ERROR;
    }
    s->credit -= frame->len;
    if (s->credit < 0) {
        locust__h2_stream_reset(s, LOCUST__H2_CODE_FLOW_CONTROL, LOCUST_ERR_HTTP2_FLOW);
        return LOCUST__H2_CODE_NO_ERROR;
    }
    if (!s->answered) { // RFC 9113 8.1
        locust__h2_stream_reset(s, LOCUST__H2_CODE_PROTOCOL, LOCUST_ERR_HTTP2_ORDER);
        return LOCUST__H2_CODE_NO_ERROR;
    }
    if (data.len || end)
        h2->idle_frames = 0;
    s->got += data.len;
    locust__h2_window_eat(h2, frame->len);
    if (s->body == LOCUST__H2_BODY_PASS) {
        locust__buf_add(&s->passed, data.ptr, data.len);
        s->eaten += frame->len - (int64_t)data.len; // the rest when the coroutine takes it
        locust__h2_wake(s);
    } else {
        if (s->body == LOCUST__H2_BODY_KEEP && s->got > LOCUST_MAX_BODY) {
            locust__h2_stream_reset(s, LOCUST__H2_CODE_CANCEL, LOCUST_ERR_HTTP_BODY_SIZE);
            return LOCUST__H2_CODE_NO_ERROR;
        }
        if (s->body == LOCUST__H2_BODY_KEEP && locust__buf_reserve_tight(s->kept, data.len + 1))
            locust__buf_add_tight(s->kept, data.ptr, data.len);
        if (!end)
            locust__h2_window_eat_of(s, frame->len);
    }
    if (s->passed.failed || s->kept->failed)
        locust__h2_stream_reset(s, LOCUST__H2_CODE_CANCEL, LOCUST_ERR_MEMORY);
    else if (end)
        locust__h2_get_end(h2, s);
    return LOCUST__H2_CODE_NO_ERROR;
}

static uint32_t locust__h2_read_headers(locust__h2 *h2, const locust__h2_frame *frame)
{
    locust__view part;
    if (!locust__h2_frame_content(frame, &part) || locust__h2_read_is_idle(h2, frame->stream))
        return LOCUST__H2_CODE_PROTOCOL;
    if (frame->flags & LOCUST__H2_FLAG_END_HEADERS) {
        locust__h2_read_block(
            h2, frame->stream, part.ptr, part.len, frame->flags & LOCUST__H2_FLAG_END_STREAM);
        return LOCUST__H2_CODE_NO_ERROR;
    }
    h2->block.len = 0;
    locust__buf_add(&h2->block, part.ptr, part.len);
    h2->block_stream = frame->stream;
    h2->block_flags = frame->flags;
    h2->block_frames = 0;
    return h2->block.failed ? LOCUST__H2_CODE_INTERNAL : LOCUST__H2_CODE_NO_ERROR;
}

static uint32_t locust__h2_read_continuation(locust__h2 *h2, const locust__h2_frame *frame)
{
    locust__buf block;
    if (frame->stream != h2->block_stream)
        return LOCUST__H2_CODE_PROTOCOL;
    if (h2->block.len + frame->len > LOCUST_MAX_HEADER ||
        h2->block_frames++ > LOCUST_MAX_HEADER / 64)
        return LOCUST__H2_CODE_CALM;
    locust__buf_add(&h2->block, (const char *)frame->payload, frame->len);
    if (h2->block.failed)
        return LOCUST__H2_CODE_INTERNAL;
    if (!(frame->flags & LOCUST__H2_FLAG_END_HEADERS))
        return LOCUST__H2_CODE_NO_ERROR;
    block = h2->block;
    h2->block = (locust__buf){NULL, 0, 0, false};
    h2->block_stream = 0;
    locust__h2_read_block(h2, frame->stream, block.ptr ? block.ptr : "", block.len,
        h2->block_flags & LOCUST__H2_FLAG_END_STREAM);
    locust__buf_free(&block);
    return LOCUST__H2_CODE_NO_ERROR;
}

/* Takes a setting, RFC 9113 6.5.2. Those that are not known do not matter. */
static uint32_t locust__h2_read_setting(locust__h2 *h2, unsigned id, uint32_t value)
{
    int64_t by;
    switch (id) {
    case 1: // HEADER_TABLE_SIZE
        locust__hpack_encoder_limit(&h2->encoder, value);
        break;
    case 2: // ENABLE_PUSH: a server says 0 or nothing
        return value ? LOCUST__H2_CODE_PROTOCOL : LOCUST__H2_CODE_NO_ERROR;
    case 3: // MAX_CONCURRENT_STREAMS
        h2->may = value;
        break;
    case 4: // INITIAL_WINDOW_SIZE: of the open streams, too (6.9.2)
        if (value > INT32_MAX)
            return LOCUST__H2_CODE_FLOW_CONTROL;
        by = (int64_t)value - h2->initial;
        h2->initial = value;
        for (locust__h2_stream *s = h2->first; s; s = s->next) {
            s->window += by;
            if (s->window > INT32_MAX)
                return LOCUST__H2_CODE_FLOW_CONTROL;
            if (!s->said_all)
                locust__h2_wake(s);
        }
        break;
    case 5: // MAX_FRAME_SIZE
        if (value < LOCUST__H2_FRAME_MAX || value > 16777215)
            return LOCUST__H2_CODE_PROTOCOL;
        break; // ours are no larger than the least
    case 6:    // MAX_HEADER_LIST_SIZE
        h2->list = value;
        break;
    default:
        break;
    }
    return LOCUST__H2_CODE_NO_ERROR;
}

static uint32_t locust__h2_read_settings(locust__h2 *h2, const locust__h2_frame *frame)
{
    uint32_t code = LOCUST__H2_CODE_NO_ERROR;
    if (frame->flags & LOCUST__H2_FLAG_ACK)
        return code;
    if (!h2->settled) // without a word of it there is no limit
        h2->may = UINT32_MAX;
    h2->settled = true;
    for (uint32_t at = 0; at < frame->len && !code; at += 6) {
        const unsigned char *p = frame->payload + at;
        code = locust__h2_read_setting(h2, (unsigned)p[0] << 8 | p[1], locust__h2_frame_u32(p + 2));
    }
    if (!code)
        locust__h2_frame_add(&h2->out, LOCUST__H2_FRAME_SETTINGS, LOCUST__H2_FLAG_ACK, 0, NULL, 0);
    if (locust__h2_limit(h2))
        locust__h2_wake_waiters(h2);
    return code;
}

static uint32_t locust__h2_read_window(locust__h2 *h2, const locust__h2_frame *frame)
{
    uint32_t by = locust__h2_frame_u32(frame->payload) & 0x7FFFFFFF;
    locust__h2_stream *s;
    if (!frame->stream) {
        if (!by)
            return LOCUST__H2_CODE_PROTOCOL;
        h2->window += by;
        if (h2->window > INT32_MAX)
            return LOCUST__H2_CODE_FLOW_CONTROL;
        for (s = h2->first; s; s = s->next)
            if (!s->said_all)
                locust__h2_wake(s);
        return LOCUST__H2_CODE_NO_ERROR;
    }
    if (locust__h2_read_is_idle(h2, frame->stream))
        return LOCUST__H2_CODE_PROTOCOL;
    s = locust__h2_get_stream(h2, frame->stream);
    if (!s || s->ended || s->error)
        return LOCUST__H2_CODE_NO_ERROR;
    s->window += by;
    if (!by || s->window > INT32_MAX)
        locust__h2_stream_reset(
            s, by ? LOCUST__H2_CODE_FLOW_CONTROL : LOCUST__H2_CODE_PROTOCOL, LOCUST_ERR_HTTP2_FLOW);
    else if (!s->said_all)
        locust__h2_wake(s);
    return LOCUST__H2_CODE_NO_ERROR;
}

static uint32_t locust__h2_read_reset(locust__h2 *h2, const locust__h2_frame *frame)
{
    uint32_t code = locust__h2_frame_u32(frame->payload);
    locust__h2_stream *s;
    if (locust__h2_read_is_idle(h2, frame->stream))
        return LOCUST__H2_CODE_PROTOCOL;
    s = locust__h2_get_stream(h2, frame->stream);
    if (!s)
        return LOCUST__H2_CODE_NO_ERROR;
    s->reset = true;
    if (s->ended || s->error) // of any code: that the rest of a request is not wanted
        return LOCUST__H2_CODE_NO_ERROR;
    h2->idle_frames = 0;
    s->again = code == LOCUST__H2_CODE_REFUSED; // RFC 9113 8.7
    locust__h2_stream_fail(s, code == LOCUST__H2_CODE_REFUSED    ? LOCUST_ERR_HTTP2_REFUSED
                              : code == LOCUST__H2_CODE_CALM     ? LOCUST_ERR_HTTP2_CALM
                              : code == LOCUST__H2_CODE_CANCEL   ? LOCUST_ERR_HTTP2_CANCELLED
                              : code == LOCUST__H2_CODE_PROTOCOL ? LOCUST_ERR_HTTP2_RESET_PROTOCOL
                              : code == LOCUST__H2_CODE_INTERNAL ? LOCUST_ERR_HTTP2_RESET_INTERNAL
                              : code == LOCUST__H2_CODE_HTTP_1   ? LOCUST_ERR_HTTP2_RESET_HTTP_1
                                                                 : LOCUST_ERR_HTTP2_RESET);
    return LOCUST__H2_CODE_NO_ERROR;
}

/* The server ends the connection: it answers the streams up to one, and has done nothing for those
 * above. Another such frame may say a lower one. */
static uint32_t locust__h2_read_goaway(locust__h2 *h2, const locust__h2_frame *frame)
{
    uint32_t last = locust__h2_frame_u32(frame->payload) & 0x7FFFFFFF;
    uint32_t code = locust__h2_frame_u32(frame->payload + 4);
    locust_error error =
        code == LOCUST__H2_CODE_CALM ? LOCUST_ERR_HTTP2_CALM : LOCUST_ERR_HTTP2_GOAWAY;
    h2->going = true;
    h2->said = code ? error : h2->said;
    h2->last = last < h2->last ? last : h2->last;
    for (locust__h2_stream *s = h2->first; s; s = s->next)
        if (s->id > h2->last && !s->ended && !s->error) {
            s->again = true;
            locust__h2_stream_fail(s, error);
        }
    locust__h2_wake_waiters(h2);
    return LOCUST__H2_CODE_NO_ERROR;
}

/* Does what a frame says. Returns the code of an error of the connection. */
static uint32_t locust__h2_read_frame(locust__h2 *h2, const locust__h2_frame *frame)
{
    uint32_t code = locust__h2_frame_judge(frame);
    if (code)
        return code;
    // RFC 9113 3.4: SETTINGS come first; 6.10: nothing between the frames of a header block.
    if ((!h2->settled && (frame->type != LOCUST__H2_FRAME_SETTINGS || frame->flags & 1)) ||
        (h2->block_stream != 0) != (frame->type == LOCUST__H2_FRAME_CONTINUATION))
        return LOCUST__H2_CODE_PROTOCOL;
    if (++h2->idle_frames > LOCUST__H2_FLOOD || h2->out.len > 4 * LOCUST__H2_OUT_MAX)
        return LOCUST__H2_CODE_CALM;
    switch (frame->type) {
    case LOCUST__H2_FRAME_DATA:
        return locust__h2_read_data(h2, frame);
    case LOCUST__H2_FRAME_HEADERS:
        return locust__h2_read_headers(h2, frame);
    case LOCUST__H2_FRAME_RST_STREAM:
        return locust__h2_read_reset(h2, frame);
    case LOCUST__H2_FRAME_SETTINGS:
        return locust__h2_read_settings(h2, frame);
    case LOCUST__H2_FRAME_PUSH_PROMISE: // we said that we take none
        return LOCUST__H2_CODE_PROTOCOL;
    case LOCUST__H2_FRAME_PING:
        if (!(frame->flags & LOCUST__H2_FLAG_ACK))
            locust__h2_frame_add(&h2->out, LOCUST__H2_FRAME_PING, LOCUST__H2_FLAG_ACK, 0,
                frame->payload, frame->len);
        break;
    case LOCUST__H2_FRAME_GOAWAY:
        return locust__h2_read_goaway(h2, frame);
    case LOCUST__H2_FRAME_WINDOW_UPDATE:
        return locust__h2_read_window(h2, frame);
    case LOCUST__H2_FRAME_CONTINUATION:
        return locust__h2_read_continuation(h2, frame);
    default: // PRIORITY, and types that are not known
        break;
    }
    return LOCUST__H2_CODE_NO_ERROR;
}

/* What an error of the connection is called. */
static locust_error locust__h2_read_error(uint32_t code)
{
    return code == LOCUST__H2_CODE_FRAME_SIZE     ? LOCUST_ERR_HTTP2_FRAME
           : code == LOCUST__H2_CODE_FLOW_CONTROL ? LOCUST_ERR_HTTP2_FLOW
           : code == LOCUST__H2_CODE_CALM         ? LOCUST_ERR_HTTP2_FLOOD
           : code == LOCUST__H2_CODE_INTERNAL     ? LOCUST_ERR_MEMORY
                                                  : LOCUST_ERR_HTTP2_ORDER;
}

/* Are the first bytes none of HTTP/2? */
static locust_error locust__h2_read_first(const locust_stream *s)
{
    size_t n = s->in_len < 5 ? s->in_len : 5;
    if (n >= 2 && s->in[0] == 0x15 && s->in[1] == 3)
        return LOCUST_ERR_TLS_PORT;
    return n && memcmp(s->in, "HTTP/", n) == 0 ? LOCUST_ERR_HTTP2_NONE : LOCUST_OK;
}

/* Does what all whole frames say that are there. */
static void locust__h2_read_frames(locust__h2 *h2)
{
    locust_stream *s = &h2->conn->stream;
    locust_error error = h2->settled ? LOCUST_OK : locust__h2_read_first(s);
    if (error) {
        if (s->in_len >= 5 || error != LOCUST_ERR_HTTP2_NONE)
            locust__h2_fail(h2, error);
        return;
    }
    while (!h2->dead) {
        locust__h2_frame frame;
        size_t n = locust__h2_frame_read(s->in, s->in_len, &frame);
        uint32_t code = LOCUST__H2_CODE_NO_ERROR;
        if (n)
            code = locust__h2_read_frame(h2, &frame);
        else if (s->in_len < LOCUST__H2_FRAME_HEAD)
            return;
        else if (frame.len > LOCUST__H2_FRAME_MAX) // before the rest has come
            code = h2->settled ? LOCUST__H2_CODE_FRAME_SIZE : LOCUST__H2_CODE_PROTOCOL;
        else
            return;
        if (code && !h2->dead)
            locust__h2_say_goaway(h2, code,
                h2->settled || s->in_len < LOCUST__H2_FRAME_HEAD ? locust__h2_read_error(code)
                                                                 : LOCUST_ERR_HTTP2_NONE);
        if (code)
            return;
        locust__stream_take(s, n);
    }
}

/* Reads what is there, up to a burst. The connection may be dead afterwards. */
static void locust__h2_read(locust__h2 *h2)
{
    locust_stream *s = &h2->conn->stream;
    locust_error error = LOCUST_OK;
    h2->reading = true;
    s->burst = 0;
    while (
        !error && !h2->dead && locust__stream_is_readable(s) && s->burst < LOCUST__STREAM_BURST) {
        size_t room, got = 0;
        char *at = locust__stream_room(s, &room);
        error = at ? locust__stream_recv(s, at, room, &got) : LOCUST_ERR_MEMORY;
        s->in_len += got;
        if (got)
            locust__h2_read_frames(h2);
        else if (!error)
            break;
    }
    if (error)
        locust__h2_fail(h2, error);
    h2->reading = false;
    if (h2->dead) {
        s->in_len = 0; // what lies there is nobody's
        return;
    }
    if (h2->out.len && !h2->unsent)
        locust__h2_flush(h2);
    else if (h2->out.len)
        locust__loop_at_end(h2->sv->loop, &h2->turn_end);
    if (!h2->dead && locust__stream_is_readable(s) && h2->first) // the rest after others have run
        locust__h2_wake(h2->first);
}

/* Bytes came: this is the descriptor's `unread`. It does not close what the poller holds; a
 * connection that is dead is closed by who looks at it next. */
static void locust__h2_read_unread(locust__fd *fd)
{
    locust__conn *conn = (locust__conn *)(void *)((char *)fd - offsetof(locust__conn, stream.fd));
    locust__h2 *h2 = locust__h2_of_conn(conn);
    if (!h2 || h2->dead)
        return;
    locust__h2_read(h2);
    locust__stream_settle(&conn->stream);
}
