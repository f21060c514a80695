/* ============================================================================================
 * >>milvus_client  Milvus over gRPC
 *
 * Purpose     the verbs of Milvus as gRPC calls of the user.
 * Invariants  a verb is one row, however many calls it takes; what the test gave wrong is told
 *             before anything is sent. An answer counts as good if gRPC's status and Milvus's are.
 * Cost        a user that has called: its last request and answer.
 * Names       locust__milvus locust__milvus_
 * Uses        >>co >>misuse >>stats >>user >>control >>protocol >>pb >>grpc_client
 *             >>milvus_message >>milvus_answer
 * Sources     Locust 2.47's MilvusUser for verbs and rows; what pymilvus 3.0 does.
 * ============================================================================================ */

typedef struct locust__milvus { // of a user
    locust__user_protocol as;   // first
    locust_milvus_result result;
    locust__milvus_kind kind; // of the last answer
    locust__buf out;          // a request
    locust__buf numbers;      // ids, and distances behind them
    locust__buf json;
    locust__grpc *g; // whose reply the answer is
} locust__milvus;

typedef struct locust__milvus_call { // one verb; on the user's stack
    locust__user *user;
    locust__milvus *m;
    locust__operation o;
    locust__milvus_message message;
    int64_t start_ns; // of the first of its calls; 0: none was
    int64_t ended_ns, late_ns;
    size_t length;
    double timeout_s;
    bool alone; // the answer is nothing but a status
} locust__milvus_call;

typedef struct locust__milvus_one { // one gRPC call
    locust__grpc_one grpc;          // first
    locust__milvus_call *c;
} locust__milvus_one;

static const char locust__milvus_protocol = 0; // its address tells clients of this kind

static void locust__milvus_close(locust__user_protocol *as)
{
    locust__milvus *m = (locust__milvus *)(void *)as;
    locust__buf_free(&m->out);
    locust__buf_free(&m->numbers);
    locust__buf_free(&m->json);
    LOCUST_FREE(m);
}

/* Begins a verb. */
static locust__milvus_call locust__milvus_begin(locust_user *u, const char *call,
    const char *collection, const char *row, double timeout_s) LOCUST__PARKS
{
    locust__milvus_call c;
    locust__user_protocol *p;
    memset(&c, 0, sizeof c);
    c.user = locust__control_waiting(u, call);
    c.timeout_s = timeout_s;
    if (!collection || !*collection)
        locust__misuse("%s needs the name of a collection", call);
    for (p = c.user->clients; p && p->kind != &locust__milvus_protocol;)
        p = p->next;
    c.m = (locust__milvus *)(void *)p;
    if (!c.m) {
        c.m = locust__memory_zalloc(sizeof *c.m);
        if (!c.m || !locust__grpc_of(c.user)) {
            LOCUST_FREE(c.m);
            locust__control_fail(c.user, "out of memory", call);
        }
        c.m->as = (locust__user_protocol){
            c.user->clients, &locust__milvus_protocol, locust__milvus_close};
        c.user->clients = &c.m->as;
    }
    c.m->g = locust__grpc_of(c.user);
    if (!c.m->g)
        locust__control_fail(c.user, "out of memory", call);
    c.m->result = (locust_milvus_result){.recall = -1};
    c.m->kind = LOCUST__MILVUS_OTHER;
    c.o = locust__operation_begin(c.user, "milvus", row);
    return c;
}

static locust__request_stats *locust__milvus_stats(const locust__milvus_call *c)
{
    return c->user->all->services->recorder.stats;
}

/* Begins a message in the user's room, of at least so many bytes. False: no
 * memory. */
static bool locust__milvus_room(locust__milvus_call *c, size_t bytes)
{
    locust__buf *out = &c->m->out;
    if (out->cap > LOCUST__LOOP_SCRATCH && bytes < LOCUST__LOOP_SCRATCH)
        locust__buf_free(out); // one big request must not cost memory for ever
    out->len = 0;
    out->failed = false;
    memset(&c->message, 0, sizeof c->message);
    if (!locust__buf_reserve(out, bytes)) {
        locust__milvus_blame(&c->message, "out of memory");
        return false;
    }
    c->message.w = (locust_pb_writer){out->ptr, 0, out->cap, false};
    return true;
}

/* Must the message be written again? `bytes` is then more. */
static bool locust__milvus_again(const locust__milvus_call *c, size_t *bytes)
{
    *bytes = 2 * c->m->out.cap;
    return c->message.w.failed && !*c->message.wrong && *bytes < INT32_MAX;
}

/* Judges an answer, as >>grpc_client asks for once it is there. */
static const char *locust__milvus_judge(locust__grpc_one *grpc)
{
    locust__milvus_call *c = ((locust__milvus_one *)(void *)grpc)->c;
    const locust_grpc_reply *r = &grpc->g->reply;
    locust__milvus_status s;
    char reason[200], text[240];
    if (!locust__milvus_status_of((locust__view){r->body, r->body_len}, c->alone, &s))
        return "the answer is no message of Milvus";
    if (!s.code)
        return NULL;
    if (!s.reason.len)
        s.reason = locust__view_of("error");
    snprintf(reason, sizeof reason, "%.*s", (int)(s.reason.len < 199 ? s.reason.len : 199),
        s.reason.ptr);
    locust__text_plain(reason, strlen(reason));
    snprintf(text, sizeof text, "%s (%d)", reason, (int)s.code);
    c->m->result.code = (int)s.code;
    return locust__stats_text(locust__milvus_stats(c), text);
}

/* Makes one call with the message that was written. `more`: another follows in
 * the same row. Returns what failed; NULL: nothing. */
static const char *locust__milvus_ask(
    locust__milvus_call *c, const char *path, bool alone, bool more) LOCUST__PARKS
{
    const locust_grpc_request req = {
        .path = path, .message = &c->message.w, .timeout_s = c->timeout_s};
    locust__milvus_one one;
    locust__operation o = c->o;
    if (c->message.w.failed)
        locust__milvus_blame(&c->message, "invalid request: it is too large");
    if (*c->message.wrong)
        return locust__stats_text(locust__milvus_stats(c), c->message.wrong);
    memset(&one, 0, sizeof one);
    one.c = c;
    one.grpc = (locust__grpc_one){
        .g = c->m->g, .user = c->user, .req = &req, .judge = locust__milvus_judge, .more = more};
    c->alone = alone;
    c->m->result.code = 0;
    c->ended_ns = locust__grpc_run(&one.grpc, &o, &c->late_ns);
    if (!c->start_ns)
        c->start_ns = o.start_ns;
    c->length += (size_t)one.grpc.length;
    return c->m->g->reply.error;
}

/* Ends a verb: its row. */
static locust_milvus_result *locust__milvus_end(locust__milvus_call *c, const char *error)
{
    locust_milvus_result *r = &c->m->result;
    r->error = error;
    if (!c->start_ns) {
        locust__operation_end(&c->o, NULL, error, 0);
        return r;
    }
    c->o.start_ns = c->start_ns;
    r->elapsed_ms = c->ended_ns > c->start_ns ? (double)(c->ended_ns - c->start_ns) / 1e6 : 0;
    locust__operation_record(&c->o, error, c->length, c->ended_ns, c->late_ns);
    return r;
}

/* Keeps ids and distances of an answer. Returns why it cannot be; NULL: it can.
 */
static const char *locust__milvus_keep(
    locust__milvus_call *c, const locust__milvus_found *found, size_t n)
{
    locust__buf *out = &c->m->numbers;
    locust_milvus_result *r = &c->m->result;
    locust__milvus_column column;
    locust__milvus_values_at ids = locust__milvus_walk(found->ids, LOCUST_PB_INT),
                             scores = found->distances;
    bool keyed = found->ids.len > 0;
    locust_pb_field f;
    if (out->cap > LOCUST__LOOP_SCRATCH)
        locust__buf_free(out);
    out->len = 0;
    r->n = (int)n;
    if (!keyed && c->m->kind == LOCUST__MILVUS_QUERY && locust__milvus_keys(found, &column)) {
        ids = column.at;
        keyed = locust__milvus_height(&column) == n;
    }
    if (!n || !locust__buf_reserve(out, n * (sizeof(int64_t) + sizeof(float))))
        return n ? "out of memory" : NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t id = keyed && locust__milvus_step(&ids, &f) ? (int64_t)f.value : -1;
        memcpy(out->ptr + i * sizeof id, &id, sizeof id);
    }
    r->ids = keyed ? (const int64_t *)(const void *)out->ptr : NULL;
    if (c->m->kind != LOCUST__MILVUS_SEARCH)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        float d;
        if (!locust__milvus_step(&scores, &f))
            return "the answer has not as many scores as ids";
        d = (float)locust__pb_double(&f);
        memcpy(out->ptr + n * sizeof(int64_t) + i * sizeof d, &d, sizeof d);
    }
    r->distances = (const float *)(const void *)(out->ptr + n * sizeof(int64_t));
    return NULL;
}

/* The share of the truth's first ids that was found. */
static double locust__milvus_recall(const locust_milvus_result *r, const locust_milvus_find *find)
{
    int limit = find->limit > 0 ? find->limit : 10, hits = 0;
    int want = find->n_truth < limit ? find->n_truth : limit;
    if (!find->truth || want < 1)
        return -1;
    for (int i = 0; i < want; i++)
        for (int k = 0; r->ids && k < r->n; k++)
            if (r->ids[k] == find->truth[i]) {
                hits++;
                break;
            }
    return (double)hits / want;
}

/* Takes the answer of a verb that finds something. */
static locust_milvus_result *locust__milvus_take(locust__milvus_call *c, const char *error,
    const locust_milvus_find *find, locust__milvus_kind kind)
{
    const locust_grpc_reply *reply = &c->m->g->reply;
    locust__milvus_found found;
    if (find->truth && find->n_truth > 0)
        c->m->result.recall = 0;
    if (error)
        return locust__milvus_end(c, error);
    c->m->kind = kind;
    locust__milvus_read(&found, (locust__view){reply->body, reply->body_len}, kind);
    error = locust__milvus_keep(c, &found, locust__milvus_size(&found, kind));
    c->m->result.recall = locust__milvus_recall(&c->m->result, find);
    if (!error && find->not_empty && !c->m->result.n)
        error = "nothing was found";
    return locust__milvus_end(c, error);
}

/* -- searches -- */

/* Adds names with commas between, as texts of a field. */
static void locust__milvus_names(locust_pb_writer *w, int field, const char *names)
{
    while (names && *names) {
        size_t n = strcspn(names, ",");
        locust__view name = {names, n};
        while (name.len && *name.ptr == ' ')
            name = locust__view_skip(name, 1);
        while (name.len && name.ptr[name.len - 1] == ' ')
            name.len--;
        if (name.len)
            locust__pb_put_bytes(w, field, name.ptr, name.len);
        names += n + (names[n] == ',');
    }
}

/* Adds a level of consistency, and the timestamp that stands for it. */
static void locust__milvus_consistency(
    locust__milvus_message *m, const char *level, int at, int timestamp)
{
    static const char *const names[] = {"Strong", "", "Bounded", "Eventually"};
    static const int stamps[] = {0, 0, 2, 1};
    int i = 0;
    if (!level) {
        locust__pb_put_bool(&m->w, at + 1, true);
        return;
    }
    while (i < 4 && strcasecmp(level, names[i]) != 0)
        i++;
    if (i == 4 || !*level) {
        locust__milvus_blame(
            m, "invalid request: .consistency is none of Strong, Bounded, Eventually");
        return;
    }
    locust__pb_put_int(&m->w, timestamp, stamps[i]);
    locust__pb_put_int(&m->w, at, i);
}

/* Writes a SearchRequest. */
static void locust__milvus_search_message(locust__milvus_message *m, const locust_milvus_find *q)
{
    locust_pb_writer *w = &m->w;
    size_t group, holder, vector;
    if (!q->vector || q->dimension < 1)
        locust__milvus_blame(m, "invalid request: no vector");
    if (q->params && !locust__milvus_json(q->params, '{'))
        locust__milvus_blame(m, "invalid request: .params: no JSON object");
    if (*m->wrong)
        return;
    locust__milvus_text(w, 2, q->database);
    locust__milvus_text(w, 3, q->collection);
    locust__milvus_text(w, 4, q->partition);
    locust__milvus_text(w, 5, q->filter);
    group = locust__pb_begin(w, 6);
    holder = locust__pb_begin(w, 1);
    locust__milvus_text(w, 1, "$0");
    locust__pb_put_int(w, 2, LOCUST__MILVUS_VECTOR);
    vector = locust__pb_begin(w, 3);
    for (int i = 0; i < q->dimension; i++) {
        uint32_t bits;
        memcpy(&bits, &q->vector[i], sizeof bits);
        if (q->vector[i] - q->vector[i] != 0) // NaN and infinity
            locust__milvus_blame(m, "invalid request: the vector has something else than numbers");
        locust__pb_add_fixed(w, bits, 4);
    }
    locust__pb_end(w, vector);
    locust__pb_end(w, holder);
    locust__pb_end(w, group);
    locust__pb_put_int(w, 7, 1);
    locust__milvus_names(w, 8, q->output_fields);
    locust__milvus_pair_int(w, 9, "topk", q->limit > 0 ? q->limit : 10);
    locust__milvus_pair_int(w, 9, "round_decimal", -1);
    if (q->offset > 0)
        locust__milvus_pair_int(w, 9, "offset", q->offset);
    if (q->field)
        locust__milvus_pair(w, 9, locust__view_of("anns_field"), locust__view_of(q->field));
    locust__milvus_pair(
        w, 9, locust__view_of("params"), locust__view_of(q->params ? q->params : "{}"));
    locust__pb_put_int(w, 12, 1);
    locust__milvus_consistency(m, q->consistency, 14, 11);
}

/* Writes a QueryRequest. */
static void locust__milvus_query_message(locust__milvus_message *m, const locust_milvus_find *q)
{
    locust_pb_writer *w = &m->w;
    locust__milvus_text(w, 2, q->database);
    locust__milvus_text(w, 3, q->collection);
    locust__milvus_text(w, 4, q->filter ? q->filter : "");
    locust__milvus_names(w, 5, q->output_fields);
    locust__milvus_text(w, 6, q->partition);
    if (q->limit > 0)
        locust__milvus_pair_int(w, 9, "limit", q->limit);
    if (q->offset > 0)
        locust__milvus_pair_int(w, 9, "offset", q->offset);
    locust__milvus_consistency(m, q->consistency, 11, 8);
}

LOCUST_API locust_milvus_result *(
    locust_milvus_search)(locust_user *u, const locust_milvus_find *find)
{
    size_t bytes = 1024 + (size_t)(find->dimension > 0 ? find->dimension : 0) * 4;
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_search", find->collection,
        find->name ? find->name : "search", find->timeout_s);
    do
        if (locust__milvus_room(&c, bytes))
            locust__milvus_search_message(&c.message, find);
    while (locust__milvus_again(&c, &bytes));
    return locust__milvus_take(&c,
        locust__milvus_ask(&c, "/milvus.proto.milvus.MilvusService/Search", false, false), find,
        LOCUST__MILVUS_SEARCH);
}

LOCUST_API locust_milvus_result *(
    locust_milvus_query)(locust_user *u, const locust_milvus_find *find)
{
    size_t bytes = 1024;
    locust__milvus_call c = locust__milvus_begin(u, "locust_milvus_query", find->collection,
        find->name ? find->name : "query", find->timeout_s);
    do
        if (locust__milvus_room(&c, bytes))
            locust__milvus_query_message(&c.message, find);
    while (locust__milvus_again(&c, &bytes));
    return locust__milvus_take(&c,
        locust__milvus_ask(&c, "/milvus.proto.milvus.MilvusService/Query", false, false), find,
        LOCUST__MILVUS_QUERY);
}

LOCUST_API const char *locust_milvus_json(locust_milvus_result *r)
{
    locust__milvus *m = (locust__milvus *)(void *)((char *)r - offsetof(locust__milvus, result));
    const locust_grpc_reply *reply = &m->g->reply;
    locust__milvus_found found;
    locust__milvus_column *columns;
    locust__locale was;
    m->json.len = 0;
    m->json.failed = false;
    if (r->error || (m->kind != LOCUST__MILVUS_SEARCH && m->kind != LOCUST__MILVUS_QUERY))
        return "[]";
    columns = locust__memory_zalloc(LOCUST__MILVUS_MOST * sizeof *columns);
    if (!columns)
        return "[]";
    locust__milvus_read(&found, (locust__view){reply->body, reply->body_len}, m->kind);
    was = locust__locale_enter();
    locust__milvus_write(&m->json, &found, (size_t)r->n, m->kind == LOCUST__MILVUS_SEARCH, columns);
    locust__locale_leave(was);
    LOCUST_FREE(columns);
    locust__buf_add(&m->json, "", 1);
    return m->json.failed ? "[]" : m->json.ptr;
}
