/* ============================================================================================
 * >>qdrant_client  Qdrant over REST
 *
 * Purpose     the verbs of Qdrant as requests of the user's HTTP client.
 * Invariants  a verb is one request and one row. What the test gave wrong is told before anything
 *             is sent. An answer counts as good if its status is 200 and it says "ok".
 * Names       locust__qdrant locust__qdrant_
 * Uses        >>misuse >>stats >>json >>client >>request >>user >>retry >>life >>control
 *             >>protocol
 * Sources     Qdrant's public REST interface, 1.10 and later, which has points/query; Locust 2.47's
 *             QdrantUser for verbs and rows.
 * ============================================================================================ */

typedef struct locust__qdrant {
    locust__protocol_client as; // first; its connection is never open
    locust_qdrant_result result;
} locust__qdrant;

static void locust__qdrant_end(locust__protocol_client *c)
{
    (void)c;
}

static const locust__protocol_kind locust__qdrant_kind = {
    .bytes = sizeof(locust__qdrant), .end = locust__qdrant_end};

typedef struct locust__qdrant_call { // one verb; on the user's stack
    locust__user *user;
    locust__qdrant *q; // NULL: no memory
    locust__buf path;  // and query, below the host
    locust__buf body;
    const char *wrong; // what the test gave; NULL: it is good
    char text[128];    // holds it
} locust__qdrant_call;

static locust_qdrant_result locust__qdrant_none; // of a user without memory for a client

/* Begins a call: "/collections/NAME" and what is below that. */
static locust__qdrant_call locust__qdrant_begin(
    locust_user *u, const char *call, const char *collection, const char *below)
{
    locust__qdrant_call c;
    memset(&c, 0, sizeof c);
    c.user = locust__control_waiting(u, call);
    locust__control_client(c.user, call);
    if (!collection || !*collection || strpbrk(collection, "/?#"))
        locust__misuse("%s needs the name of a collection, without / ? #", call);
    c.q = (locust__qdrant *)(void *)locust__protocol_of(c.user, &locust__qdrant_kind);
    locust__buf_puts(&c.path, "/collections/");
    locust__buf_puts(&c.path, collection);
    locust__buf_puts(&c.path, below);
    locust__buf_add(&c.path, "", 1);
    return c;
}

/* Puts a comma behind a member. */
static void locust__qdrant_comma(locust__qdrant_call *c)
{
    if (c->body.len && c->body.ptr[c->body.len - 1] != '{')
        locust__buf_puts(&c->body, ", ");
}

/* Adds a member whose value is the test's JSON; NULL: leaves it out. `open`: what JSON begins with,
 * 0: anything. */
static void locust__qdrant_json(
    locust__qdrant_call *c, const char *name, const char *json, char open, const char *field)
{
    const char *at = json ? locust__json_blank(json, json + strlen(json)) : NULL;
    if (!json)
        return;
    if (!c->wrong && (!locust__json_is_valid(locust__view_of(json)) || (open && *at != open))) {
        snprintf(c->text, sizeof c->text, "invalid request: %s: no %s", field,
            open == '{'   ? "JSON object"
            : open == '[' ? "JSON array"
                          : "JSON");
        c->wrong = c->text;
    }
    locust__qdrant_comma(c);
    locust__buf_printf(&c->body, "\"%s\": ", name);
    locust__buf_puts(&c->body, json);
}

/* Adds the members of a JSON object. */
static void locust__qdrant_more(locust__qdrant_call *c, const char *json)
{
    size_t from = c->body.len, n;
    if (!json)
        return;
    locust__qdrant_json(c, "", json, '{', ".more");
    if (c->wrong || c->body.failed)
        return;
    n = strlen(json);
    while (json[n - 1] != '}') // blanks behind it
        n--;
    c->body.len = from;
    json = locust__json_blank(json, json + n) + 1;
    if (*locust__json_blank(json, json + strlen(json)) == '}')
        return;
    locust__qdrant_comma(c);
    locust__buf_puts(&c->body, json);
    while (c->body.ptr[c->body.len - 1] != '}')
        c->body.len--;
    c->body.len--;
}

/* Why the answer is no success; NULL: it is one. The statistics' copy. */
static const char *locust__qdrant_judge(const locust__qdrant_call *c, const locust_response *r)
{
    locust__view body = {r->body, r->body_len}, value;
    char said[200], text[256];
    locust__request_stats *stats = c->user->all->services->recorder.stats;
    if (r->error && !r->status)
        return r->error;
    if (r->status == 200 && !r->error && locust__json_find(body, "status", &value) &&
        locust__view_is(value, "\"ok\""))
        return NULL;
    if (r->status == 200)
        return r->error ? r->error : "the answer does not say that it is ok";
    if (!locust__json_find(body, "status.error", &value) ||
        !locust__json_decode(value, said, sizeof said))
        snprintf(said, sizeof said, "%.60s", r->reason);
    locust__text_plain(said, strlen(said));
    snprintf(text, sizeof text, "%s (%d)", said, r->status);
    return locust__stats_text(stats, text);
}

/* Where the points of an answer are: of a query and a scroll in `points`, of older ones the result
 * itself. */
static bool locust__qdrant_list(const locust_response *r, locust__view *list)
{
    locust__view body = {r->body, r->body_len};
    return locust__json_find(body, "result.points", list) ||
           (locust__json_find(body, "result", list) && list->len && *list->ptr == '[');
}

/* The share of the truth's first ids that was found, which is counted by *n. */
static double locust__qdrant_recall(
    const locust_response *r, const locust_qdrant_query *query, int *n)
{
    int limit = query->limit > 0 ? query->limit : 10, hits = 0;
    int want = query->n_truth < limit ? query->n_truth : limit;
    const char *p = NULL;
    locust__view list, point, id;
    int64_t value;
    *n = 0;
    if (!locust__qdrant_list(r, &list))
        return query->truth && want > 0 ? 0 : -1;
    for (; locust__json_element(list, &p, &point); ++*n)
        if (query->truth && locust__json_find(point, "id", &id) && locust__json_int(id, &value))
            for (int i = 0; i < want; i++)
                hits += query->truth[i] == value;
    return query->truth && want > 0 ? (double)hits / want : -1;
}

/* Sends the request, judges the answer and makes the row. `query` NULL: it finds no points.
 * `exists` is fine: a collection that is there already. */
static locust_qdrant_result *locust__qdrant_send(locust__qdrant_call *c, const char *method,
    const char *row, double timeout_s, const locust_qdrant_query *query, bool exists) LOCUST__PARKS
{
    locust__client *http = c->user->client;
    locust_qdrant_result *result = c->q ? &c->q->result : &locust__qdrant_none;
    locust_request req = {.method = method,
        .name = row,
        .timeout_s = timeout_s,
        .catch_response = true,
        .no_redirect = true};
    locust_error error = LOCUST_OK;
    const char *why = c->wrong;
    if (c->user->root->lost)
        locust__retry_park(c->user);
    if (c->user->co->cancelled) {
        locust__buf_free(&c->path);
        locust__buf_free(&c->body);
        locust__life_unwind(c->user);
    }
    *result = (locust_qdrant_result){.recall = -1, .response = &http->response};
    locust__buf_add(&c->body, "}", 1);
    if (!c->q || c->path.failed || c->body.failed)
        why = locust__error_text(LOCUST_ERR_MEMORY);
    if (why) { // nothing goes out
        locust__operation o = locust__operation_begin(c->user, "qdrant", row);
        why = locust__stats_text(c->user->all->services->recorder.stats, why);
        locust__buf_free(&c->path);
        locust__buf_free(&c->body);
        locust__operation_end(&o, NULL, why, 0);
        result->error = why;
        return result;
    }
    req.url = c->path.ptr;
    req.body = c->body.ptr;
    req.body_len = c->body.len;
    req.headers = LOCUST_HEADERS({"Content-Type", "application/json"});
    http->kind = "qdrant";
    error = locust__request_send(http, &req, &c->user->cls->base);
    http->kind = NULL;
    locust__buf_free(&c->path);
    locust__buf_free(&c->body);
    if (http->broken)
        locust__control_break(c->user, http->broken);
    if (error == LOCUST_ERR_CANCELLED)
        locust__life_unwind(c->user);
    locust__retry_note(c->user, http->response.code);
    why = locust__qdrant_judge(c, &http->response);
    if (why && exists && (strstr(why, "already exists") || http->response.status == 409))
        why = NULL;
    if (!why && query) {
        result->recall = locust__qdrant_recall(&http->response, query, &result->n);
        if (query->not_empty && !result->n)
            why = "nothing was found";
    }
    result->error = why;
    result->status = http->response.status;
    result->elapsed_ms = http->response.elapsed_ms;
    http->verdict = why ? LOCUST__VERDICT_FAILURE : LOCUST__VERDICT_SUCCESS;
    http->verdict_text = why;
    locust__client_settle(http);
    return result;
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_create)(locust_user *u, const locust_qdrant_collection *collection)
{
    locust__qdrant_call c =
        locust__qdrant_begin(u, "locust_qdrant_create", collection->collection, "");
    locust__buf_printf(
        &c.body, "{\"vectors\": {\"size\": %d, \"distance\": ", collection->dimension);
    locust__json_put(&c.body, collection->distance ? collection->distance : "Cosine");
    locust__buf_puts(&c.body, "}");
    locust__qdrant_more(&c, collection->more);
    return locust__qdrant_send(&c, "PUT", collection->name ? collection->name : "create",
        collection->timeout_s, NULL, true);
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_upsert)(locust_user *u, const locust_qdrant_points *points)
{
    locust__qdrant_call c = locust__qdrant_begin(u, "locust_qdrant_upsert", points->collection,
        points->no_wait ? "/points?wait=false" : "/points?wait=true");
    locust__buf_puts(&c.body, "{");
    locust__qdrant_json(&c, "points", points->points ? points->points : "", '[', "the points");
    return locust__qdrant_send(
        &c, "PUT", points->name ? points->name : "upsert", points->timeout_s, NULL, false);
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_delete)(locust_user *u, const locust_qdrant_points *points)
{
    locust__qdrant_call c = locust__qdrant_begin(u, "locust_qdrant_delete", points->collection,
        points->no_wait ? "/points/delete?wait=false" : "/points/delete?wait=true");
    locust__buf_puts(&c.body, "{");
    if (points->points || !points->filter)
        locust__qdrant_json(&c, "points", points->points ? points->points : "", '[', "the ids");
    else
        locust__qdrant_json(&c, "filter", points->filter, '{', ".filter");
    return locust__qdrant_send(
        &c, "POST", points->name ? points->name : "delete", points->timeout_s, NULL, false);
}

/* Adds what all that find points have in common. */
static void locust__qdrant_common(locust__qdrant_call *c, const locust_qdrant_query *query)
{
    locust__qdrant_comma(c);
    locust__buf_printf(&c->body, "\"limit\": %d, \"with_payload\": %s, \"with_vector\": %s",
        query->limit > 0 ? query->limit : 10, query->no_payload ? "false" : "true",
        query->with_vector ? "true" : "false");
    locust__qdrant_json(c, "filter", query->filter, '{', ".filter");
    locust__qdrant_json(c, "params", query->params, '{', ".params");
    locust__qdrant_more(c, query->more);
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_search)(locust_user *u, const locust_qdrant_query *query)
{
    locust__qdrant_call c =
        locust__qdrant_begin(u, "locust_qdrant_search", query->collection, "/points/query");
    locust__locale was = locust__locale_enter();
    locust__buf_puts(&c.body, "{\"query\": {\"nearest\": [");
    for (int i = 0; i < query->dimension && query->vector; i++) {
        float v = query->vector[i];
        if (v - v != 0) // NaN and infinity
            c.wrong = "invalid request: the vector has something else than numbers";
        locust__buf_printf(&c.body, "%s%.9g", i ? ", " : "", (double)v);
    }
    locust__buf_puts(&c.body, "]}");
    locust__locale_leave(was);
    if (!query->vector || query->dimension < 1)
        c.wrong = "invalid request: no vector";
    locust__qdrant_common(&c, query);
    return locust__qdrant_send(
        &c, "POST", query->name ? query->name : "search", query->timeout_s, query, false);
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_recommend)(locust_user *u, const locust_qdrant_query *query)
{
    locust__qdrant_call c =
        locust__qdrant_begin(u, "locust_qdrant_recommend", query->collection, "/points/query");
    locust__buf_puts(&c.body, "{\"query\": {\"recommend\": {");
    locust__qdrant_json(
        &c, "positive", query->positive ? query->positive : "", '[', "the positive examples");
    locust__qdrant_json(&c, "negative", query->negative, '[', ".negative");
    locust__buf_puts(&c.body, "}}");
    locust__qdrant_common(&c, query);
    return locust__qdrant_send(
        &c, "POST", query->name ? query->name : "recommend", query->timeout_s, query, false);
}

LOCUST_API locust_qdrant_result *(
    locust_qdrant_scroll)(locust_user *u, const locust_qdrant_query *query)
{
    locust__qdrant_call c =
        locust__qdrant_begin(u, "locust_qdrant_scroll", query->collection, "/points/scroll");
    locust__buf_puts(&c.body, "{");
    locust__qdrant_json(&c, "offset", query->offset, 0, ".offset");
    locust__qdrant_common(&c, query);
    return locust__qdrant_send(
        &c, "POST", query->name ? query->name : "scroll", query->timeout_s, query, false);
}

LOCUST_API int64_t locust_qdrant_id(const locust_qdrant_result *r, int i)
{
    const char *p = NULL;
    locust__view list, point, id;
    int64_t value = -1;
    if (i < 0 || i >= r->n || !locust__qdrant_list(r->response, &list))
        return -1;
    while (locust__json_element(list, &p, &point))
        if (!i-- && locust__json_find(point, "id", &id) && locust__json_int(id, &value))
            return value;
    return -1;
}
