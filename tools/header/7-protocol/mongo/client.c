/* ============================================================================================
 * >>mongo_client  what a MongoDB client keeps; messages to and from the server
 *
 * Purpose     builds commands, sends them, and reads and checks their answers.
 * Invariants  one command is under way at a time. Of an answer nothing is looked at before its
 *             lengths are checked and its document is valid BSON. Who is told of an error of the
 *             connection finds it closed: an answer that comes too late must answer nothing else.
 *             Positions in `in` are offsets, as it moves when it grows.
 * Cost        an idle client: some 1100 bytes, and the answers of its last call.
 * Names       locust__mongo locust__mongo_client_ locust__mongo_command_ locust__mongo_read_
 *             locust__mongo_call locust__mongo_say locust__mongo_say_ locust__mongo_msg_
 * Uses        >>stats >>stream >>services >>protocol >>mongo_bson >>mongo_url
 * Sources     MongoDB's specifications "OP_MSG" and "Driver Sessions".
 *
 *   length, id, id of what it answers, 2013: 4 bytes each, little-endian
 *   flags, 4 bytes | 0 document | 1 length name\0 documents ... | CRC-32C, if the flags say so
 * ============================================================================================ */

enum {
    LOCUST__MONGO_MSG_HEAD = 16,
    LOCUST__MONGO_MSG_CODE = 2013,
    LOCUST__MONGO_MSG_COMPRESSED = 2012,
    LOCUST__MONGO_MSG_MORE = 2, // a flag
    LOCUST__MONGO_SAY_MAX = 300 // bytes of a sentence, at most
};

typedef struct locust__mongo {
    locust__protocol_client as; // first
    const locust__mongo_target *target;
    bool ready; // the server said hello, and took the login
    bool has_session;
    bool follows; // the server is no primary: reads say that they may go to it
    unsigned char session[16];
    int32_t max_document, max_message, max_batch; // what the server takes
    uint32_t last_id;
    const char *error;          // why the call failed that runs, or the last one
    locust_mongo_result result; // of the last call
    locust__buf in;             // its answers
    uint32_t *documents;        // where the documents are in `in`
    size_t cap_documents;
    char **texts; // of the documents, as JSON; NULL: nobody asked
} locust__mongo;

static locust__mongo *locust__mongo_client_of(locust__protocol_client *c)
{
    return (locust__mongo *)(void *)c;
}

static locust__services *locust__mongo_client_services(const locust__mongo *m)
{
    return m->as.user->all->services;
}

static locust_stream *locust__mongo_client_stream(locust__mongo *m)
{
    return &m->as.conn.stream;
}

/* Forgets the answers of the last call. */
static void locust__mongo_client_forget(locust__mongo *m)
{
    for (int i = 0; i < m->result.n && m->texts; i++)
        LOCUST_FREE(m->texts[i]);
    LOCUST_FREE(m->texts);
    m->texts = NULL;
    LOCUST_FREE(m->documents);
    m->documents = NULL;
    m->cap_documents = 0;
    locust__buf_free(&m->in);
    memset(&m->result, 0, sizeof m->result);
}

static void locust__mongo_client_close(locust__mongo *m)
{
    locust__protocol_close(&m->as);
    m->ready = m->has_session = false;
}

/* -- sentences -- */

/* What a server said of an error, as a sentence that groups: a number of five digits or more
 * becomes N, an identifier of 24 hexadecimal digits ID, and what behind "dup key:" names a value is
 * left out. */
static const char *locust__mongo_say(const locust__mongo *m, int code, locust__view said)
{
    char text[LOCUST__MONGO_SAY_MAX + 32];
    size_t n = 0;
    for (size_t i = 0; i < said.len && n < LOCUST__MONGO_SAY_MAX - 3;) {
        size_t digits = 0, hex = 0;
        if (said.len - i >= 9 && memcmp(said.ptr + i, " dup key:", 9) == 0)
            break;
        while (i + digits < said.len && locust__text_is_digit(said.ptr[i + digits]))
            digits++;
        while (i + hex < said.len && locust__number_hex_digit(said.ptr[i + hex]) >= 0)
            hex++;
        if (hex == 24 || digits >= 5) {
            memcpy(text + n, hex == 24 ? "ID" : "N", hex == 24 ? 2 : 1);
            n += hex == 24 ? 2 : 1;
            i += hex == 24 ? hex : digits;
        } else {
            size_t run = hex ? hex : 1; // a run is taken or left as a whole
            while (run-- && n < LOCUST__MONGO_SAY_MAX - 3)
                text[n++] = said.ptr[i++];
        }
    }
    locust__text_plain(text, n);
    snprintf(text + n, sizeof text - n, "%s (%d)", n ? "" : "an error without a sentence", code);
    return locust__stats_text(locust__mongo_client_services(m)->recorder.stats, text);
}

/* -- commands -- */

/* Begins a command in the scratch buffer; its fields are to follow. */
static locust__buf *locust__mongo_command_begin(locust__mongo *m)
{
    locust__buf *out = &locust__mongo_client_services(m)->auth;
    out->len = 0;
    out->failed = false;
    locust__buf_add(out,
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0"
        "\0",
        LOCUST__MONGO_MSG_HEAD + 5);
    locust__bson_begin(out);
    return out;
}

/* Ends the fields of a command: its database and its session. Sections of documents may follow. */
static void locust__mongo_command_end(locust__mongo *m, locust__buf *out, const char *database)
{
    size_t at;
    locust__bson_put_text(out, "$db", database);
    if (m->has_session) {
        locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "lsid");
        at = locust__bson_begin(out);
        locust__bson_put_binary(out, "id", 4, (locust__view){(const char *)m->session, 16});
        locust__bson_end(out, at);
    }
    locust__bson_end(out, LOCUST__MONGO_MSG_HEAD + 5);
}

/* Writes the head of the message. The message; ptr NULL: no memory. */
static locust__view locust__mongo_command_pack(locust__mongo *m, locust__buf *out, uint32_t flags)
{
    if (out->failed || out->len > INT32_MAX)
        return (locust__view){NULL, 0};
    locust__bson_store_u32(out->ptr, (uint32_t)out->len);
    locust__bson_store_u32(out->ptr + 4, ++m->last_id);
    locust__bson_store_u32(out->ptr + 12, LOCUST__MONGO_MSG_CODE);
    locust__bson_store_u32(out->ptr + 16, flags);
    return (locust__view){out->ptr, out->len};
}

/* -- answers -- */

/* Reads n bytes behind those that are in `in`. */
static locust_error locust__mongo_read_bytes(
    locust__mongo *m, size_t n, int64_t deadline_ns) LOCUST__PARKS
{
    bool further = m->in.len > 0; // a batch behind others: there may be many more
    if (!(further ? locust__buf_reserve(&m->in, n) : locust__buf_reserve_tight(&m->in, n)))
        return LOCUST_ERR_MEMORY;
    while (n) {
        size_t got = 0;
        locust_error error = locust__stream_read(
            locust__mongo_client_stream(m), m->in.ptr + m->in.len, n, &got, deadline_ns);
        if (error)
            return error;
        m->in.len += got;
        n -= got;
    }
    return LOCUST_OK;
}

/* Where in a message of n bytes, its head left off, the document is; 0: the message is malformed,
 * and *why says so. */
static size_t locust__mongo_read_frame(const unsigned char *p, size_t n, const char **why)
{
    uint32_t flags = n < 5 ? 0 : locust__bson_u32(p);
    size_t tail = flags & 1 ? 4 : 0; // a checksum, which servers seldom and clients never look at
    *why = n < 10 + tail                    ? "malformed message: it is too short"
           : flags & 0xFFFC                 ? "malformed message: it has flags that are not known"
           : flags & LOCUST__MONGO_MSG_MORE ? "malformed message: it says that more is to come"
           : p[4]                           ? "malformed message: it begins with documents"
           : locust__bson_u32(p + 5) > n - 5 - tail
               ? "malformed message: a document longer than the message"
           : locust__bson_u32(p + 5) < n - 5 - tail
               ? "malformed message: something behind the document"
           : !locust__bson_is_valid(p + 5, n - 5 - tail) ? "malformed message: it is no BSON"
                                                         : NULL;
    return *why ? 0 : 5;
}

/* Reads the head of a message. *n: the bytes behind it. *ours: it answers the last command. */
static const char *locust__mongo_read_head(
    locust__mongo *m, size_t *n, bool *ours, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = locust__mongo_client_stream(m);
    const unsigned char *p;
    uint32_t length, code;
    while (s->in_len < LOCUST__MONGO_MSG_HEAD) {
        locust_error error = locust__stream_fill(s, deadline_ns);
        if (error)
            return error == LOCUST_ERR_CANCELLED ? locust__error_text(error)
                   : error == LOCUST_ERR_CLOSED && s->in_len
                       ? "malformed message: the connection ends in its head"
                       : locust__error_text(error);
    }
    p = (const unsigned char *)s->in;
    length = locust__bson_u32(p);
    code = locust__bson_u32(p + 12);
    if (code != LOCUST__MONGO_MSG_CODE)
        return code == LOCUST__MONGO_MSG_COMPRESSED
                   ? "malformed message: it is compressed, which was not asked for"
                   : "malformed message: not of the kind OP_MSG: is this a MongoDB server, of 3.6 "
                     "or later?";
    if (length < LOCUST__MONGO_MSG_HEAD + 10)
        return "malformed message: it is too short";
    if (length > LOCUST_MAX_BODY || m->in.len + length > LOCUST_MAX_BODY)
        return "the answer is larger than LOCUST_MAX_BODY";
    *n = length - LOCUST__MONGO_MSG_HEAD;
    *ours = locust__bson_u32(p + 8) == m->last_id;
    locust__stream_take(s, LOCUST__MONGO_MSG_HEAD);
    return NULL;
}

/* Reads the answer to the last command; *at: where its document is in `in`. Answers to other
 * commands are dropped: some servers send one that nobody asked for. */
static const char *locust__mongo_read(
    locust__mongo *m, size_t *at, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        size_t from = m->in.len, n = 0;
        bool ours = false;
        const char *why = locust__mongo_read_head(m, &n, &ours, deadline_ns);
        locust_error error;
        if (why)
            return why;
        error = locust__mongo_read_bytes(m, n, deadline_ns);
        if (error)
            return error == LOCUST_ERR_CLOSED ? "malformed message: the connection ends in it"
                                              : locust__error_text(error);
        if (!ours) {
            m->in.len = from;
            continue;
        }
        *at = locust__mongo_read_frame((const unsigned char *)m->in.ptr + from, n, &why);
        *at += from;
        m->result.bytes += LOCUST__MONGO_MSG_HEAD + n;
        return why;
    }
}

/* Sends a command that was ended, and reads its answer. Returns why there is none; the connection
 * is closed then. *document: the answer's, valid until the next one is read. */
static const char *locust__mongo_call(locust__mongo *m, locust__buf *out, int64_t deadline_ns,
    const unsigned char **document) LOCUST__PARKS
{
    locust__view message = locust__mongo_command_pack(m, out, 0);
    size_t at = 0;
    const char *why = NULL;
    locust_error error = LOCUST_ERR_MEMORY;
    *document = NULL;
    if (!message.ptr)
        return locust__error_text(error);
    error = locust__stream_write(
        locust__mongo_client_stream(m), message, (locust__view){NULL, 0}, deadline_ns);
    why = error ? locust__error_text(error) : locust__mongo_read(m, &at, deadline_ns);
    if (why)
        locust__mongo_client_close(m);
    else
        *document = (const unsigned char *)m->in.ptr + at;
    return why;
}

/* Why an answer is no success; NULL: it is one. */
static const char *locust__mongo_read_ok(locust__mongo *m, const unsigned char *answer)
{
    locust__bson_element ok = locust__bson_find(answer, "ok");
    locust__view said;
    if (!ok.type)
        return "malformed answer: it does not say whether it is ok";
    if (locust__bson_int(&ok, 0) == 1)
        return NULL;
    said = locust__bson_get_text(answer, "errmsg");
    if (!said.ptr)
        said = locust__bson_get_text(answer, "$err");
    m->result.code = (int)locust__bson_get_int(answer, "code", 0);
    return locust__mongo_say(m, m->result.code, said.ptr ? said : (locust__view){"", 0});
}

/* -- what the keeper calls -- */

/* Ends the session, as far as that goes without waiting: no answer is asked for. */
static void locust__mongo_client_end(locust__protocol_client *c)
{
    locust__mongo *m = locust__mongo_client_of(c);
    if (m->has_session && locust__stream_is_open(locust__mongo_client_stream(m))) {
        locust__buf *out = locust__mongo_command_begin(m);
        locust__view message;
        size_t at, inner, sent;
        m->has_session = false; // it is named, and not used
        locust__bson_put_name(out, LOCUST__BSON_ARRAY, "endSessions");
        at = locust__bson_begin(out);
        locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "0");
        inner = locust__bson_begin(out);
        locust__bson_put_binary(out, "id", 4, (locust__view){(const char *)m->session, 16});
        locust__bson_end(out, inner);
        locust__bson_end(out, at);
        locust__mongo_command_end(m, out, "admin");
        message = locust__mongo_command_pack(m, out, LOCUST__MONGO_MSG_MORE);
        if (message.ptr) {
            struct iovec iov = {(void *)(uintptr_t)message.ptr, message.len};
            locust__stream_send(locust__mongo_client_stream(m), &iov, 1, &sent);
        }
    }
    locust__mongo_client_forget(m);
}

/* Bytes came that answer nothing, or the end of the connection: the next call opens another. */
static void locust__mongo_client_tend(locust__protocol_client *c)
{
    locust__mongo *m = locust__mongo_client_of(c);
    if (!locust__stream_is_quiet(locust__mongo_client_stream(m)))
        locust__mongo_client_close(m);
}

static const locust__protocol_kind locust__mongo_client_kind = {.bytes = sizeof(locust__mongo),
    .end = locust__mongo_client_end,
    .tend = locust__mongo_client_tend};
