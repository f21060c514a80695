/* ============================================================================================
 * >>mongo_operation  MongoDB: operations, their answers and cursors
 *
 * Purpose     what the calls of a test have in common: begin, build a command out of the test's
 *             JSON, send it, take the answer, fetch the batches of its cursor, end.
 * Invariants  a call has one row, with all its messages in it, unless it found no connection: that
 *             has the row of the connect. What the test gave wrong is told before anything is sent.
 *             The first thing that fails is the error of the call.
 * Names       locust__mongo_operation locust__mongo_operation_ locust__mongo_take_
 * Uses        >>stats >>stream >>user >>control >>protocol >>mongo_bson >>mongo_from_json
 *             >>mongo_url >>mongo_client >>mongo_login
 * Sources     MongoDB's specifications "Find, getMore and killCursors", "CRUD".
 * ============================================================================================ */

typedef struct locust__mongo_operation { // a call; on the user's stack
    locust__mongo *m;
    locust__operation row;
    char name[112]; // of the row
    const char *database;
    int64_t deadline_ns;
    int limit;      // documents; 0: none
    int batch_size; // of further batches; 0: as the server likes
    bool one_batch;
    int64_t cursor;    // that is open at the server; 0: none
    char *collection;  // of the cursor; on the heap
    const char *wrong; // it failed; NULL: it has not
} locust__mongo_operation;

/* What all calls are given. */
typedef struct locust__mongo_operation_as {
    const char *call, *verb; // "locust_mongo_find", "find"
    const char *collection, *more, *database, *name;
    double timeout_s;
} locust__mongo_operation_as;

/* -- beginning and ending -- */

/* What a connection string says; ends the test if it cannot be meant. NULL: no memory. */
static const locust__mongo_target *locust__mongo_operation_target(
    locust__mongo *m, const char *url, const char *user, const char *password) LOCUST__PARKS
{
    const locust__mongo_target *t =
        locust__mongo_target_of(locust__mongo_client_services(m), url ? url : "", user, password);
    if (t && t->wrong)
        locust__control_break(m->as.user, t->wrong);
    return t;
}

/* Finds the client, which must be called from its user. NULL: no memory. */
static locust__mongo *locust__mongo_operation_client(locust_user *u, const char *call)
{
    locust__user *user = locust__control_waiting(u, call);
    locust__mongo *m =
        locust__mongo_client_of(locust__protocol_of(user, &locust__mongo_client_kind));
    if (m) {
        locust__mongo_client_forget(m);
        m->error = NULL;
    }
    return m;
}

/* Ends a public call. */
static void locust__mongo_operation_leave(locust__mongo *m, const char *wrong) LOCUST__PARKS
{
    locust_error error;
    m->error = m->result.error = wrong;
    error = locust__protocol_leave(&m->as, LOCUST_OK);
    if (error) // no memory for bytes that nobody asked for
        locust__mongo_client_close(m);
}

/* Sees to a connection that can be used. False: there is none, which has its row. */
static bool locust__mongo_operation_connect(locust__mongo *m) LOCUST__PARKS
{
    locust_stream *s = locust__mongo_client_stream(m);
    if (m->ready && (!locust__stream_is_open(s) || s->in_len || !locust__stream_is_quiet(s)))
        locust__mongo_client_close(m);
    s->burst = 0;
    return m->ready || locust__mongo_open(m, NULL, m->target->timeout_s);
}

/* Begins a call. False: it is over already, as there is no memory or no connection. */
static bool locust__mongo_operation_begin(
    locust__mongo_operation *o, locust_user *u, const locust__mongo_operation_as *as) LOCUST__PARKS
{
    locust__mongo *m = locust__mongo_operation_client(u, as->call);
    const locust__mongo_target *t = m ? m->target : NULL;
    double timeout_s = as->timeout_s;
    *o = (locust__mongo_operation){.m = m};
    if (!m)
        return false;
    if (!t)
        t = m->target = locust__mongo_operation_target(m, u->host, NULL, NULL);
    locust__protocol_enter(&m->as);
    if (!t || !locust__mongo_operation_connect(m)) {
        locust__mongo_operation_leave(m, t ? m->error : locust__error_text(LOCUST_ERR_MEMORY));
        return false;
    }
    if (as->name)
        snprintf(o->name, sizeof o->name, "%s", as->name);
    else
        snprintf(o->name, sizeof o->name, "%s%s%s", as->verb, as->collection ? " " : "",
            as->collection ? as->collection : "");
    o->row = locust__operation_begin(m->as.user, "MONGODB", o->name);
    o->database = as->database ? as->database : t->database;
    timeout_s = timeout_s < 0 || timeout_s > 0 ? timeout_s : t->timeout_s > 0 ? t->timeout_s : 60;
    o->deadline_ns = timeout_s < 0
                         ? LOCUST__NEVER
                         : locust__time_after(o->row.start_ns, locust__time_ns(timeout_s));
    return true;
}

/* Sends a command and takes the answer; NULL: it failed, and o->wrong says why. */
static const unsigned char *locust__mongo_operation_send(
    locust__mongo_operation *o, locust__buf *out) LOCUST__PARKS
{
    const unsigned char *answer = NULL;
    if (!o->wrong)
        o->wrong = locust__mongo_call(o->m, out, o->deadline_ns, &answer);
    if (!o->wrong)
        o->wrong = locust__mongo_read_ok(o->m, answer);
    return o->wrong ? NULL : answer;
}

/* Tells the server to forget a cursor whose documents are not wanted; nobody waits for that but the
 * user. */
static void locust__mongo_operation_kill(locust__mongo_operation *o) LOCUST__PARKS
{
    locust__mongo *m = o->m;
    locust__buf *out = locust__mongo_command_begin(m);
    const unsigned char *unused;
    size_t at;
    locust__bson_put_text(out, "killCursors", o->collection);
    locust__bson_put_name(out, LOCUST__BSON_ARRAY, "cursors");
    at = locust__bson_begin(out);
    locust__bson_put_long(out, "0", o->cursor);
    locust__bson_end(out, at);
    locust__mongo_command_end(m, out, o->database);
    locust__mongo_call(m, out, o->deadline_ns, &unused);
}

/* Ends a call: its row, and the cursor if it is still open. */
static locust_mongo_result *locust__mongo_operation_end(locust__mongo_operation *o) LOCUST__PARKS
{
    locust__mongo *m = o->m;
    locust_stream *s = locust__mongo_client_stream(m);
    size_t bytes = m->result.bytes;
    int64_t late_ns, ended_ns = locust__operation_ended(&o->row, o->wrong ? NULL : s, &late_ns);
    m->result.elapsed_ms = (double)(ended_ns - o->row.start_ns) / 1e6;
    if (o->wrong && m->as.user->co->cancelled)
        locust__operation_cut(&o->row);
    else
        locust__operation_record(&o->row, o->wrong, bytes, ended_ns, late_ns);
    if (o->cursor && m->ready)
        locust__mongo_operation_kill(o);
    LOCUST_FREE(o->collection);
    m->result.bytes = bytes;
    locust__mongo_operation_leave(m, o->wrong);
    return &m->result;
}

/* -- building -- */

/* Notes that something the test gave cannot be sent. */
static void locust__mongo_operation_refuse(
    locust__mongo_operation *o, const char *field, const char *why)
{
    char text[160];
    if (o->wrong)
        return;
    snprintf(text, sizeof text, "invalid request: %s: %s", field, why);
    o->wrong = locust__stats_text(locust__mongo_client_services(o->m)->recorder.stats, text);
}

/* Appends an element whose value is the test's JSON; NULL: leaves it out. `field`: what the test
 * calls it. */
static void locust__mongo_operation_json(locust__mongo_operation *o, locust__buf *out,
    const char *name, const char *json, const char *field, bool array)
{
    const char *why;
    if (!json)
        return;
    locust__bson_put_name(out, array ? LOCUST__BSON_ARRAY : LOCUST__BSON_DOCUMENT, name);
    why = locust__extjson_read(out, locust__view_of(json), array);
    if (why)
        locust__mongo_operation_refuse(o, field, why);
}

/* Appends the members of a JSON object as elements. */
static void locust__mongo_operation_more(
    locust__mongo_operation *o, locust__buf *out, const char *json)
{
    size_t at = out->len;
    const char *why = json ? locust__extjson_read(out, locust__view_of(json), false) : NULL;
    if (why)
        locust__mongo_operation_refuse(o, ".more", why);
    if (!json || why)
        return;
    memmove(out->ptr + at, out->ptr + at + 4, out->len - at - 5);
    out->len -= 5;
}

/* Begins a command of its name and what it is done to. */
static locust__buf *locust__mongo_operation_command(
    locust__mongo_operation *o, const char *verb, const char *collection)
{
    locust__buf *out = locust__mongo_command_begin(o->m);
    locust__bson_put_text(out, verb, collection ? collection : "");
    if (!collection)
        locust__mongo_operation_refuse(o, "the collection", "NULL");
    return out;
}

/* Ends a command. `reads`: it may go to a server that is no primary. */
static void locust__mongo_operation_finish(
    locust__mongo_operation *o, locust__buf *out, const char *more, bool reads)
{
    const locust__mongo *m = o->m;
    locust__view own = reads ? m->target->for_reads : m->target->for_writes;
    locust__mongo_operation_more(o, out, more);
    locust__buf_add(out, own.ptr, own.len);
    if (reads && m->follows && !own.len) {
        size_t at;
        locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "$readPreference");
        at = locust__bson_begin(out);
        locust__bson_put_text(out, "mode", "primaryPreferred");
        locust__bson_end(out, at);
    }
    locust__mongo_command_end(o->m, out, o->database);
}

/* -- taking answers -- */

/* Notes where a document is. */
static void locust__mongo_take_document(locust__mongo_operation *o, const unsigned char *document)
{
    locust__mongo *m = o->m;
    void *grown = locust__memory_grow(
        m->documents, sizeof *m->documents, (size_t)m->result.n, &m->cap_documents);
    if (!grown) {
        o->wrong = locust__error_text(LOCUST_ERR_MEMORY);
        return;
    }
    m->documents = grown;
    m->documents[m->result.n++] = (uint32_t)(document - (const unsigned char *)m->in.ptr);
}

/* Takes the documents of a batch, up to the limit. */
static void locust__mongo_take_batch(locust__mongo_operation *o, const unsigned char *batch)
{
    locust__bson_element e = locust__bson_first(batch);
    for (; e.type && !o->wrong && (!o->limit || o->m->result.n < o->limit);
         e = locust__bson_next(&e)) {
        if (e.type != LOCUST__BSON_DOCUMENT)
            o->wrong = "malformed answer: a batch with something else than documents";
        else
            locust__mongo_take_document(o, e.value);
    }
    o->m->result.batches++;
}

/* Takes a cursor: where its further batches are, and the batch that came with it. */
static void locust__mongo_take_cursor(
    locust__mongo_operation *o, const unsigned char *cursor, const char *batch_name)
{
    const unsigned char *batch = locust__bson_get_document(cursor, batch_name, LOCUST__BSON_ARRAY);
    locust__bson_element id = locust__bson_find(cursor, "id");
    locust__view ns = locust__bson_get_text(cursor, "ns");
    const char *dot = ns.ptr ? strchr(ns.ptr, '.') : NULL;
    o->cursor = locust__bson_int(&id, 0);
    if (!batch || id.type == 0 || (o->cursor && !o->collection && !dot)) {
        o->cursor = 0;
        o->wrong = "malformed answer: a cursor without id, ns or batch";
        return;
    }
    if (o->cursor && !o->collection) {
        o->collection = locust__text_copy(dot + 1, strlen(dot + 1));
        if (!o->collection) {
            o->cursor = 0;
            o->wrong = locust__error_text(LOCUST_ERR_MEMORY);
        }
    }
    locust__mongo_take_batch(o, batch);
}

/* Fetches the batches of the open cursor until it ends, or the limit is reached. */
static void locust__mongo_take_rest(locust__mongo_operation *o) LOCUST__PARKS
{
    while (o->cursor && !o->wrong && !o->one_batch && (!o->limit || o->m->result.n < o->limit)) {
        locust__mongo *m = o->m;
        locust__buf *out = locust__mongo_command_begin(m);
        const unsigned char *answer, *cursor;
        int left = o->limit ? o->limit - m->result.n : 0;
        locust__bson_put_long(out, "getMore", o->cursor);
        locust__bson_put_text(out, "collection", o->collection);
        if (o->batch_size)
            locust__bson_put_int(
                out, "batchSize", left && left < o->batch_size ? left : o->batch_size);
        locust__mongo_command_end(m, out, o->database);
        answer = locust__mongo_operation_send(o, out);
        if (!answer) {
            o->cursor = 0; // the server has let go of it, or cannot be asked to
            break;
        }
        cursor = locust__bson_get_document(answer, "cursor", LOCUST__BSON_DOCUMENT);
        if (cursor)
            locust__mongo_take_cursor(o, cursor, "nextBatch");
        else
            o->wrong = "malformed answer: no cursor";
    }
}

/* Takes the first answer of a command that may have a cursor. */
static void locust__mongo_take_all(
    locust__mongo_operation *o, const unsigned char *answer, bool must) LOCUST__PARKS
{
    const unsigned char *cursor =
        answer ? locust__bson_get_document(answer, "cursor", LOCUST__BSON_DOCUMENT) : NULL;
    if (!answer)
        return;
    if (cursor) {
        locust__mongo_take_cursor(o, cursor, "firstBatch");
        locust__mongo_take_rest(o);
    } else if (must) {
        o->wrong = "malformed answer: no cursor";
    } else {
        locust__mongo_take_document(o, answer);
    }
}

/* Takes what an answer says of errors of single documents. True: there are none. */
static bool locust__mongo_take_write(locust__mongo_operation *o, const unsigned char *answer)
{
    const unsigned char *list =
        locust__bson_get_document(answer, "writeErrors", LOCUST__BSON_ARRAY);
    const unsigned char *concern =
        locust__bson_get_document(answer, "writeConcernError", LOCUST__BSON_DOCUMENT);
    locust__bson_element first = {0};
    const unsigned char *error;
    locust__view said;
    int code;
    if (list)
        first = locust__bson_first(list);
    error = first.type == LOCUST__BSON_DOCUMENT ? first.value : concern;
    if (!error)
        return true;
    code = (int)locust__bson_get_int(error, "code", 0);
    said = locust__bson_get_text(error, "errmsg");
    if (!o->wrong) {
        o->wrong = locust__mongo_say(o->m, code, said.ptr ? said : (locust__view){"", 0});
        o->m->result.code = code;
    }
    return false;
}
