/* ============================================================================================
 * >>milvus_rows  collections of Milvus, and what is written to them
 *
 * Purpose     insert, upsert, delete and create; the fields of collections, which are asked for
 *             once.
 * Invariants  all users share what is known of a collection. It is asked for again before an insert
 *             if one failed since, at most once a second.
 * Cost        a collection that rows went into: its fields, once for all users.
 * Names       locust__milvus_
 * Uses        >>co >>switch >>stats >>json >>services >>life >>protocol >>pb >>milvus_message
 *             >>milvus_answer >>milvus_client
 * Sources     Milvus's public milvus.proto and schema.proto; what pymilvus 3.0 does.
 * ============================================================================================ */

enum { LOCUST__MILVUS_LOADED = 3, LOCUST__MILVUS_POLL_MS = 50 };

/* Reads a FieldSchema. False: no memory. */
static bool locust__milvus_read_field(
    locust__arena *arena, const locust_pb_field *from, locust__milvus_field *field)
{
    locust_pb_reader r = locust__pb_read(from->bytes, from->len), pair;
    locust_pb_field f, part;
    field->name = "";
    while (locust__pb_next(&r, &f)) {
        bool yes = f.value != 0, is_dim = false;
        if (f.number == 2)
            field->name = locust__arena_copy(arena, f.bytes, f.len);
        else if (f.number == 3)
            field->primary = yes;
        else if (f.number == 5)
            field->type = (int)f.value;
        else if (f.number == 8)
            field->auto_id = yes;
        else if (f.number == 10)
            field->element = (int)f.value;
        else if (f.number == 11 || (f.number == 15 && yes)) // a default value, or none
            field->nullable = true;
        else if (f.number == 16)
            field->computed = yes;
        if (f.number != 6)
            continue;
        pair = locust__pb_read(f.bytes, f.len);
        while (locust__pb_next(&pair, &part))
            if (part.number == 1)
                is_dim = locust__view_is((locust__view){part.bytes, part.len}, "dim");
            else if (part.number == 2 && is_dim)
                field->dimension = locust__number_of((locust__view){part.bytes, part.len});
    }
    return field->name != NULL;
}

/* Reads a CollectionSchema into what is known of a collection. False: no
 * memory. */
static bool locust__milvus_read_schema(
    locust__arena *arena, locust__milvus_schema *s, locust__view body)
{
    const char *copy = locust__arena_copy(arena, body.ptr, body.len);
    locust_pb_reader r = locust__pb_read(body.ptr, body.len);
    locust_pb_field f;
    locust__milvus_field *fields;
    size_t n = 0;
    while (locust__pb_next(&r, &f))
        n += f.number == 4;
    fields = locust__arena_zalloc(arena, (n + 1) * sizeof *fields);
    if (!copy || !fields)
        return false;
    s->bytes = (locust__view){copy, body.len};
    s->fields = fields;
    s->dynamic = false;
    s->n_fields = 0;
    r = locust__pb_read(copy, body.len);
    while (locust__pb_next(&r, &f)) {
        if (f.number == 5)
            s->dynamic = f.value != 0;
        // a server's own field for what is no field is not written as one
        if (f.number == 4 && !locust__milvus_read_field(arena, &f, &fields[s->n_fields++]))
            return false;
        if (f.number == 4 && strcmp(fields[s->n_fields - 1].name, "$meta") == 0)
            memset(&fields[--s->n_fields], 0, sizeof *fields);
    }
    return true;
}

/* What is known of a collection; made if it is not there. NULL: no memory. */
static locust__milvus_schema *locust__milvus_known(
    const locust__milvus_call *c, const locust_milvus_rows *rows)
{
    locust__services *sv = c->user->all->services;
    const void *origin = c->user->cls->base.origin;
    const char *database = rows->database ? rows->database : "";
    locust__milvus_schema *s = sv->milvus_schemas;
    while (s && (s->origin != origin || strcmp(s->collection, rows->collection) != 0 ||
                    strcmp(s->database, database) != 0))
        s = s->next;
    if (s)
        return s;
    s = locust__arena_zalloc(&sv->arena, sizeof *s);
    if (!s)
        return NULL;
    s->origin = origin;
    s->collection = locust__arena_copy(&sv->arena, rows->collection, strlen(rows->collection));
    s->database = locust__arena_copy(&sv->arena, database, strlen(database));
    if (!s->collection || !s->database)
        return NULL;
    s->next = sv->milvus_schemas;
    sv->milvus_schemas = s;
    return s;
}

/* Asks for the fields of a collection, unless they are known. Returns what
 * failed. */
static const char *locust__milvus_describe(locust__milvus_call *c, const locust_milvus_rows *rows,
    locust__milvus_schema **out) LOCUST__PARKS
{
    locust__services *sv = c->user->all->services;
    locust__milvus_schema *s = locust__milvus_known(c, rows);
    locust_pb_reader r;
    locust_pb_field f;
    const char *error = NULL;
    *out = s;
    if (!s)
        return "out of memory";
    if (s->fields &&
        (!s->stale || locust__loop_clock(sv->loop) < locust__time_after(s->asked_ns, LOCUST__S)))
        return NULL;
    if (locust__milvus_room(c, 1024 + strlen(rows->collection) + strlen(s->database))) {
        locust__milvus_text(&c->message.w, 2, s->database);
        locust__milvus_text(&c->message.w, 3, rows->collection);
    }
    error =
        locust__milvus_ask(c, "/milvus.proto.milvus.MilvusService/DescribeCollection", false, true);
    if (error)
        return error;
    c->start_ns = 0; // this is in no row
    c->length = 0;
    s->asked_ns = locust__loop_clock(sv->loop);
    s->stale = false;
    r = locust__pb_read(c->m->g->reply.body, c->m->g->reply.body_len);
    while (locust__pb_next(&r, &f))
        if (f.number == 2 && (f.len != s->bytes.len || memcmp(f.bytes, s->bytes.ptr, f.len) != 0) &&
            !locust__milvus_read_schema(&sv->arena, s, (locust__view){f.bytes, f.len}))
            error = "out of memory";
    c->o.start_ns = locust__loop_clock(sv->loop);
    return error ? error : s->fields ? NULL : "the server does not tell the collection's fields";
}

/* Takes the answer of a verb that writes: which of its counts is the verb's. */
static locust_milvus_result *locust__milvus_written(
    locust__milvus_call *c, const char *error, int count)
{
    const locust_grpc_reply *reply = &c->m->g->reply;
    locust__milvus_found found;
    size_t n;
    if (error)
        return locust__milvus_end(c, error);
    c->m->kind = LOCUST__MILVUS_MUTATION;
    locust__milvus_read(
        &found, (locust__view){reply->body, reply->body_len}, LOCUST__MILVUS_MUTATION);
    n = locust__milvus_count(locust__milvus_walk(found.ids, LOCUST_PB_INT));
    error = locust__milvus_keep(c, &found, n);
    c->m->result.n = found.n[count] > INT32_MAX ? INT32_MAX : (int)found.n[count];
    if (c->m->result.ids && (size_t)c->m->result.n > n)
        c->m->result.ids = NULL;
    if (!error && found.failed)
        error = "the server did not take all rows";
    return locust__milvus_end(c, error);
}

static locust_milvus_result *locust__milvus_put_rows(
    locust__milvus_call *c, const locust_milvus_rows *rows, bool upsert) LOCUST__PARKS
{
    size_t bytes = 4096 + 2 * strlen(rows->rows ? rows->rows : "");
    locust__milvus_schema *s;
    const char *error = locust__milvus_describe(c, rows, &s);
    if (error)
        return locust__milvus_end(c, error);
    do
        if (locust__milvus_room(c, bytes))
            locust__milvus_add_rows(&c->message, rows, s, upsert);
    while (locust__milvus_again(c, &bytes));
    error = locust__milvus_ask(c,
        upsert ? "/milvus.proto.milvus.MilvusService/Upsert"
               : "/milvus.proto.milvus.MilvusService/Insert",
        false, false);
    s->stale = error != NULL;
    return locust__milvus_written(c, error, upsert ? 2 : 0);
}

LOCUST_API locust_milvus_result *(
    locust_milvus_insert)(locust_user *u, const locust_milvus_rows *rows)
{
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_insert", rows->collection,
        rows->name ? rows->name : "insert", rows->timeout_s);
    return locust__milvus_put_rows(&c, rows, false);
}

LOCUST_API locust_milvus_result *(
    locust_milvus_upsert)(locust_user *u, const locust_milvus_rows *rows)
{
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_upsert", rows->collection,
        rows->name ? rows->name : "upsert", rows->timeout_s);
    return locust__milvus_put_rows(&c, rows, true);
}

LOCUST_API locust_milvus_result *(
    locust_milvus_delete)(locust_user *u, const locust_milvus_rows *rows)
{
    size_t bytes = 1024;
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_delete", rows->collection,
        rows->name ? rows->name : "delete", rows->timeout_s);
    do
        if (locust__milvus_room(&c, bytes)) {
            if (!rows->filter || !*rows->filter)
                locust__milvus_blame(&c.message, "invalid request: no filter");
            locust__milvus_text(&c.message.w, 2, rows->database);
            locust__milvus_text(&c.message.w, 3, rows->collection);
            locust__milvus_text(&c.message.w, 4, rows->partition);
            locust__milvus_text(&c.message.w, 5, rows->filter);
        }
    while (locust__milvus_again(&c, &bytes));
    return locust__milvus_written(
        &c, locust__milvus_ask(&c, "/milvus.proto.milvus.MilvusService/Delete", false, false), 1);
}

/* Makes the index of each vector. One that is there already is fine if the
 * collection was. */
static const char *locust__milvus_make_index(
    locust__milvus_call *c, const locust_milvus_collection *req, bool existed) LOCUST__PARKS
{
    locust__view fields = locust__view_of(""), one, value;
    const char *p = NULL, *error = NULL;
    char name[256] = "vector";
    bool only = !req->fields;
    if (!only)
        fields =
            locust__view_of(locust__json_blank(req->fields, req->fields + strlen(req->fields)));
    while (!error && (only || locust__json_element(fields, &p, &one))) {
        size_t bytes = 1024;
        if (!only && (!locust__milvus_member(one, "type", &value) ||
                         locust__milvus_type(value) != LOCUST__MILVUS_VECTOR ||
                         !locust__milvus_member(one, "name", &value) ||
                         !locust__json_decode(value, name, sizeof name)))
            continue;
        only = false;
        do
            if (locust__milvus_room(c, bytes))
                locust__milvus_index(&c->message, req, name);
        while (locust__milvus_again(c, &bytes));
        error = locust__milvus_ask(c, "/milvus.proto.milvus.MilvusService/CreateIndex", true, true);
        if (error && c->m->result.code && (existed || strstr(error, "already exist")))
            error = NULL;
        if (!req->fields)
            break;
    }
    return error;
}

/* Asks whether a collection is loaded until it is. */
static const char *locust__milvus_await(
    locust__milvus_call *c, const locust_milvus_collection *req) LOCUST__PARKS
{
    locust__loop *loop = c->user->all->services->loop;
    int64_t now_ns = locust__loop_clock(loop);
    int64_t end_ns =
        req->timeout_s < 0
            ? LOCUST__NEVER
            : locust__time_after(now_ns, locust__time_ns(req->timeout_s > 0 ? req->timeout_s : 60));
    for (;;) {
        locust_pb_reader r;
        locust_pb_field f;
        int64_t state = 0;
        const char *error;
        if (locust__milvus_room(c, 1024 + strlen(req->collection))) {
            locust__milvus_text(&c->message.w, 2, req->collection);
            locust__milvus_text(&c->message.w, 4, req->database);
        }
        error =
            locust__milvus_ask(c, "/milvus.proto.milvus.MilvusService/GetLoadState", false, false);
        if (error)
            return error;
        r = locust__pb_read(c->m->g->reply.body, c->m->g->reply.body_len);
        while (locust__pb_next(&r, &f))
            if (f.number == 2)
                state = (int64_t)f.value;
        if (state == LOCUST__MILVUS_LOADED)
            return NULL;
        now_ns = locust__loop_clock(loop);
        if (now_ns >= end_ns)
            return "the collection is not loaded in time";
        if (locust__co_sleep(
                loop, locust__time_after(now_ns, LOCUST__MILVUS_POLL_MS * LOCUST__MS)) ==
            LOCUST__WAKE_CANCELLED) {
            locust__operation_cut(&c->o);
            locust__life_unwind(c->user);
        }
    }
}

LOCUST_API locust_milvus_result *(
    locust_milvus_create)(locust_user *u, const locust_milvus_collection *req)
{
    size_t bytes = 1024;
    bool existed = false;
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_create", req->collection,
        req->name ? req->name : "create", req->timeout_s);
    const char *error;
    if (locust__milvus_room(&c, 64)) { // what is wrong of the index is told before, too
        if (req->params && !locust__milvus_json(req->params, '{'))
            locust__milvus_blame(&c.message, "invalid .params: no JSON object");
        if (*c.message.wrong)
            return locust__milvus_end(
                &c, locust__stats_text(locust__milvus_stats(&c), c.message.wrong));
    }
    do
        if (locust__milvus_room(&c, bytes))
            locust__milvus_new(&c.message, req);
    while (locust__milvus_again(&c, &bytes));
    error =
        locust__milvus_ask(&c, "/milvus.proto.milvus.MilvusService/CreateCollection", true, true);
    if (error && c.m->result.code &&
        (strstr(error, "already exist") || strstr(error, "duplicate collection"))) {
        existed = true;
        error = NULL;
    }
    if (!error)
        error = locust__milvus_make_index(&c, req, existed);
    if (!error) {
        if (locust__milvus_room(&c, 1024 + strlen(req->collection))) {
            locust__milvus_text(&c.message.w, 2, req->database);
            locust__milvus_text(&c.message.w, 3, req->collection);
        }
        error =
            locust__milvus_ask(&c, "/milvus.proto.milvus.MilvusService/LoadCollection", true, true);
    }
    if (!error)
        error = locust__milvus_await(&c, req);
    if (!error)
        c.m->result.code = 0;
    return locust__milvus_end(&c, error);
}
