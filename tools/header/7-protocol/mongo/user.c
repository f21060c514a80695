/* ============================================================================================
 * >>mongo_user  MongoDB: what a test calls
 *
 * Purpose     connects, finds, inserts, updates, deletes, aggregates, and carries out any command.
 * Names       locust__mongo_inserting locust__mongo_insert_ locust__mongo_user_
 * Uses        >>tls_state >>json >>user >>control >>protocol >>mongo_bson >>mongo_to_json
 *             >>mongo_from_json >>mongo_url >>mongo_client >>mongo_login >>mongo_operation
 * Sources     MongoDB's specification "CRUD"; Locust 2.47's MongoDBUser for the type of rows.
 * ============================================================================================ */

static locust_mongo_result locust__mongo_user_none; // of a user without memory for a client

/* The result of a call that could not begin. */
static locust_mongo_result *locust__mongo_user_result(const locust__mongo_operation *o)
{
    if (o->m)
        return &o->m->result;
    locust__mongo_user_none = (locust_mongo_result){.error = locust__error_text(LOCUST_ERR_MEMORY)};
    return &locust__mongo_user_none;
}

LOCUST_API bool(locust_mongo_connect)(locust_user *u, const locust_mongo_options *options)
{
    locust__mongo *m = locust__mongo_operation_client(u, "locust_mongo_connect");
    const locust__mongo_target *t;
    if (!m)
        return false;
    t = locust__mongo_operation_target(
        m, options->url ? options->url : u->host, options->username, options->password);
    locust__protocol_enter(&m->as);
    m->error = locust__error_text(LOCUST_ERR_MEMORY);
    if (t) {
        if (t != m->target) { // what it says of TLS may be other than what the session was made by
            locust__tls_ticket_free(m->as.conn.ticket);
            m->as.conn.ticket = NULL;
        }
        m->target = t;
        locust__mongo_open(
            m, options->name, options->timeout_s != 0 ? options->timeout_s : t->timeout_s);
    }
    locust__mongo_operation_leave(m, m->error);
    return !m->error;
}

LOCUST_API locust_mongo_result *(locust_mongo_find)(locust_user *u, const locust_mongo_query *query)
{
    const locust__mongo_operation_as as = {"locust_mongo_find", "find", query->collection,
        query->more, query->database, query->name, query->timeout_s};
    locust__mongo_operation o;
    locust__buf *out;
    int limit = query->limit < 0 ? 0 : query->limit, batch = query->batch_size;
    if (!locust__mongo_operation_begin(&o, u, &as))
        return locust__mongo_user_result(&o);
    o.limit = limit;
    o.batch_size = batch < 0 ? 0 : batch;
    o.one_batch = query->one_batch;
    out = locust__mongo_operation_command(&o, "find", query->collection);
    locust__mongo_operation_json(
        &o, out, "filter", query->filter ? query->filter : "{}", "the filter", false);
    locust__mongo_operation_json(&o, out, "sort", query->sort, ".sort", false);
    locust__mongo_operation_json(&o, out, "projection", query->projection, ".projection", false);
    if (query->skip > 0)
        locust__bson_put_int(out, "skip", query->skip);
    if (limit)
        locust__bson_put_int(out, "limit", limit);
    if (batch > 0)
        locust__bson_put_int(out, "batchSize", batch);
    if (query->one_batch)
        locust__bson_put_bool(out, "singleBatch", true);
    locust__mongo_operation_finish(&o, out, query->more, true);
    locust__mongo_take_all(&o, locust__mongo_operation_send(&o, out), true);
    return locust__mongo_operation_end(&o);
}

LOCUST_API locust_mongo_result *(
    locust_mongo_aggregate)(locust_user *u, const locust_mongo_pipeline *pipeline)
{
    const locust__mongo_operation_as as = {"locust_mongo_aggregate", "aggregate",
        pipeline->collection, pipeline->more, pipeline->database, pipeline->name,
        pipeline->timeout_s};
    locust__mongo_operation o;
    locust__buf *out;
    size_t at;
    if (!locust__mongo_operation_begin(&o, u, &as))
        return locust__mongo_user_result(&o);
    o.batch_size = pipeline->batch_size < 0 ? 0 : pipeline->batch_size;
    o.one_batch = pipeline->one_batch;
    out = locust__mongo_operation_command(&o, "aggregate", pipeline->collection);
    locust__mongo_operation_json(
        &o, out, "pipeline", pipeline->stages ? pipeline->stages : "", "the pipeline", true);
    locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "cursor");
    at = locust__bson_begin(out);
    if (o.batch_size)
        locust__bson_put_int(out, "batchSize", o.batch_size);
    locust__bson_end(out, at);
    locust__mongo_operation_finish(&o, out, pipeline->more, true);
    locust__mongo_take_all(&o, locust__mongo_operation_send(&o, out), true);
    return locust__mongo_operation_end(&o);
}

/* -- writing -- */

typedef struct locust__mongo_inserting { // an insert, in as many messages as it takes
    locust__mongo_operation o;
    const locust_mongo_insertion *as;
    locust__buf documents; // an array of them
    locust__bson_element next;
} locust__mongo_inserting;

/* Appends a document, behind an "_id" of its own if it has none. That is 4 bytes of the time, 5 of
 * chance and a counter of 3. */
static void locust__mongo_insert_document(
    const locust__mongo *m, locust__buf *out, const unsigned char *document)
{
    static uint32_t counter;
    unsigned char id[12];
    uint32_t len = locust__bson_u32(document), seconds;
    if (locust__bson_find(document, "_id").type) {
        locust__buf_add(out, document, len);
        return;
    }
    seconds = (uint32_t)(locust__os_wall_ns() / LOCUST__S);
    counter++;
    memcpy(id + 4, m->session, 5);
    for (int i = 0; i < 4; i++)
        id[i] = (unsigned char)(seconds >> (24 - 8 * i));
    for (int i = 0; i < 3; i++)
        id[9 + i] = (unsigned char)(counter >> (16 - 8 * i));
    locust__bson_put_u32(out, len + 17);
    locust__bson_put_name(out, LOCUST__BSON_OBJECT_ID, "_id");
    locust__buf_add(out, id, 12);
    locust__buf_add(out, document + 4, len - 4);
}

/* Appends the section with as many documents as the server takes at once. */
static void locust__mongo_insert_section(locust__mongo_inserting *in, locust__buf *out)
{
    static const char name[] = "documents";
    const locust__mongo *m = in->o.m;
    size_t at;
    int32_t n = 0;
    locust__buf_add(out, "\1", 1);
    at = locust__bson_begin(out);
    locust__buf_add(out, name, sizeof name);
    for (; in->next.type && n < m->max_batch && !out->failed; n++) {
        size_t before = out->len;
        locust__mongo_insert_document(m, out, in->next.value);
        if (out->len - before > (size_t)m->max_document)
            in->o.wrong = "invalid request: a document is larger than the server takes";
        if (n && out->len > (size_t)m->max_message) { // it goes with the next message
            out->len = before;
            break;
        }
        in->next = locust__bson_next(&in->next);
    }
    locust__bson_measure(out, at);
}

/* Reads the documents; all must be objects. */
static void locust__mongo_insert_read(locust__mongo_inserting *in)
{
    const char *json = in->as->documents ? in->as->documents : "";
    locust__view text = locust__view_of(json);
    bool one = *locust__json_blank(text.ptr, text.ptr + text.len) == '{';
    const char *why;
    size_t at = 0;
    if (one) { // an array of one
        at = locust__bson_begin(&in->documents);
        locust__bson_put_name(&in->documents, LOCUST__BSON_DOCUMENT, "0");
    }
    why = locust__extjson_read(&in->documents, text, !one);
    if (one)
        locust__bson_end(&in->documents, at);
    if (!why && in->documents.failed)
        why = locust__error_text(LOCUST_ERR_MEMORY);
    if (!why) {
        in->next = locust__bson_first((const unsigned char *)in->documents.ptr);
        for (locust__bson_element e = in->next; e.type && !why; e = locust__bson_next(&e))
            why = e.type == LOCUST__BSON_DOCUMENT ? NULL : "no array of objects";
    }
    if (!why && !in->next.type)
        why = "empty";
    if (why)
        locust__mongo_operation_refuse(&in->o, "what is inserted", why);
}

/* Sends one message of documents. False: no further ones are to be sent. */
static bool locust__mongo_insert_some(locust__mongo_inserting *in) LOCUST__PARKS
{
    locust__mongo_operation *o = &in->o;
    const char *before = o->wrong;
    locust__buf *out = locust__mongo_operation_command(o, "insert", in->as->collection);
    const unsigned char *answer;
    bool good;
    if (in->as->unordered)
        locust__bson_put_bool(out, "ordered", false);
    locust__mongo_operation_finish(o, out, in->as->more, false);
    locust__mongo_insert_section(in, out);
    if (o->wrong != before)
        return false;
    o->wrong = NULL; // of a message before, whose documents were not all taken
    answer = locust__mongo_operation_send(o, out);
    good = answer && locust__mongo_take_write(o, answer);
    o->m->result.inserted += answer ? locust__bson_get_int(answer, "n", 0) : 0;
    o->wrong = before ? before : o->wrong;
    o->m->in.len = 0;
    return answer && (good || in->as->unordered);
}

LOCUST_API locust_mongo_result *(
    locust_mongo_insert)(locust_user *u, const locust_mongo_insertion *insertion)
{
    const locust__mongo_operation_as as = {"locust_mongo_insert", "insert", insertion->collection,
        insertion->more, insertion->database, insertion->name, insertion->timeout_s};
    locust__mongo_inserting in = {.as = insertion};
    if (!locust__mongo_operation_begin(&in.o, u, &as))
        return locust__mongo_user_result(&in.o);
    locust__mongo_insert_read(&in);
    if (!in.o.wrong)
        while (locust__mongo_insert_some(&in) && in.next.type)
            ;
    locust__buf_free(&in.documents);
    return locust__mongo_operation_end(&in.o);
}

/* Takes the answer to an update or a delete. */
static void locust__mongo_user_changed(
    locust__mongo_operation *o, const unsigned char *answer, bool update)
{
    locust_mongo_result *r = &o->m->result;
    const unsigned char *list;
    int64_t n;
    if (!answer)
        return;
    n = locust__bson_get_int(answer, "n", 0);
    list = locust__bson_get_document(answer, "upserted", LOCUST__BSON_ARRAY);
    if (list)
        for (locust__bson_element e = locust__bson_first(list); e.type; e = locust__bson_next(&e))
            r->upserted++;
    if (update) {
        r->matched = n - r->upserted;
        r->modified = locust__bson_get_int(answer, "nModified", 0);
    } else {
        r->deleted = n;
    }
    locust__mongo_take_write(o, answer);
}

/* An update or a delete. */
static locust_mongo_result *locust__mongo_user_change(
    locust_user *u, const locust_mongo_change *c, const char *call, bool update) LOCUST__PARKS
{
    const locust__mongo_operation_as as = {call, update ? "update" : "delete", c->collection,
        c->more, c->database, c->name, c->timeout_s};
    locust__mongo_operation o;
    locust__buf *out;
    size_t at, inner;
    if (!locust__mongo_operation_begin(&o, u, &as))
        return locust__mongo_user_result(&o);
    out = locust__mongo_operation_command(&o, as.verb, c->collection);
    locust__bson_put_name(out, LOCUST__BSON_ARRAY, update ? "updates" : "deletes");
    at = locust__bson_begin(out);
    locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "0");
    inner = locust__bson_begin(out);
    locust__mongo_operation_json(&o, out, "q", c->filter ? c->filter : "{}", "the filter", false);
    if (update) {
        const char *json = c->update ? c->update : "";
        bool stages = *locust__json_blank(json, json + strlen(json)) == '[';
        locust__mongo_operation_json(&o, out, "u", json, "the update", stages);
        locust__bson_put_bool(out, "multi", c->many);
        locust__bson_put_bool(out, "upsert", c->upsert);
    } else {
        locust__bson_put_int(out, "limit", !c->many);
    }
    locust__bson_end(out, inner);
    locust__bson_end(out, at);
    locust__mongo_operation_finish(&o, out, c->more, false);
    locust__mongo_user_changed(&o, locust__mongo_operation_send(&o, out), update);
    return locust__mongo_operation_end(&o);
}

LOCUST_API locust_mongo_result *(
    locust_mongo_update)(locust_user *u, const locust_mongo_change *change)
{
    return locust__mongo_user_change(u, change, "locust_mongo_update", true);
}

LOCUST_API locust_mongo_result *(
    locust_mongo_delete)(locust_user *u, const locust_mongo_change *change)
{
    return locust__mongo_user_change(u, change, "locust_mongo_delete", false);
}

/* -- any command -- */

/* The name of a command's row: its own name, and what it is done to if that is a text. */
static void locust__mongo_user_command_name(locust__buf *command, char *out, size_t size)
{
    locust__bson_element e = locust__bson_first((const unsigned char *)command->ptr);
    snprintf(out, size, "%s%s%s", e.type ? e.name : "command",
        e.type == LOCUST__BSON_STRING ? " " : "",
        e.type == LOCUST__BSON_STRING ? (const char *)e.value + 4 : "");
}

/* Takes the answer to any command. */
static void locust__mongo_user_commanded(
    locust__mongo_operation *o, const unsigned char *answer) LOCUST__PARKS
{
    if (!answer)
        return;
    locust__mongo_take_write(o, answer);
    locust__mongo_take_all(o, answer, false);
}

LOCUST_API locust_mongo_result *(
    locust_mongo_command)(locust_user *u, const locust_mongo_request *request)
{
    locust__buf command = {NULL, 0, 0, false};
    const char *json = request->command ? request->command : "";
    const char *why = locust__extjson_read(&command, locust__view_of(json), false);
    locust__mongo_operation_as as = {"locust_mongo_command", "command", NULL, NULL,
        request->database, request->name, request->timeout_s};
    char name[96];
    locust__mongo_operation o;
    locust__buf *out;
    if (!why && !request->name) {
        locust__mongo_user_command_name(&command, name, sizeof name);
        as.verb = name;
    }
    locust__buf_free(&command); // what follows may end the test
    if (!locust__mongo_operation_begin(&o, u, &as))
        return locust__mongo_user_result(&o);
    o.one_batch = request->one_batch;
    out = locust__mongo_command_begin(o.m);
    if (why)
        locust__mongo_operation_refuse(&o, "the command", why);
    else
        locust__mongo_operation_more(&o, out, json);
    if (!why && out->len == LOCUST__MONGO_MSG_HEAD + 9)
        locust__mongo_operation_refuse(&o, "the command", "empty");
    locust__mongo_command_end(o.m, out, o.database);
    locust__mongo_user_commanded(&o, locust__mongo_operation_send(&o, out));
    return locust__mongo_operation_end(&o);
}

/* -- results -- */

LOCUST_API const char *locust_mongo_document(const locust_mongo_result *r, int i)
{
    locust__mongo *m;
    locust__buf out = {NULL, 0, 0, false};
    if (i < 0 || i >= r->n)
        return "";
    m = (locust__mongo *)(void *)((char *)(uintptr_t)r - offsetof(locust__mongo, result));
    if (!m->texts)
        m->texts = locust__memory_zalloc((size_t)r->n * sizeof *m->texts);
    if (!m->texts)
        return "";
    if (!m->texts[i]) {
        locust__extjson_put(&out, (const unsigned char *)m->in.ptr + m->documents[i]);
        locust__buf_add(&out, "", 1);
        if (out.failed)
            locust__buf_free(&out);
        m->texts[i] = out.ptr;
    }
    return m->texts[i] ? m->texts[i] : "";
}

LOCUST_API const char *locust_mongo_error(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_mongo_error");
    locust__protocol_client *c = locust__protocol_find(user, &locust__mongo_client_kind);
    return c ? locust__mongo_client_of(c)->error : NULL;
}
