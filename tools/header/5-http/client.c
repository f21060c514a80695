/* ============================================================================================
 * >>client  a user's client: its response, verdict and record
 *
 * Purpose     the response that the test sees, the memory that it lies in, the verdict on the
 *             request, its record. A user has a client, and so has each coroutine that it starts.
 * Invariants  one request at a time for each client. What a response points at lies in the block,
 *             which the client's next request reuses.
 * Cost        a warm user's request allocates nothing: its head is built in the loop's scratch
 *             buffer, its response fits the block. An idle user keeps its last response and no
 *             buffer.
 * Names       locust__client_ locust__verdict_
 * Uses        >>co >>entry >>stats >>record >>head >>json >>route >>services >>session
 * Sources     Locust 2.46 for verdicts.
 *
 *   block  | URL \0 form fields | reason \0 | name \0 value \0 ... \0 | body \0 |
 * ============================================================================================ */

enum locust__verdict { LOCUST__VERDICT_NONE, LOCUST__VERDICT_SUCCESS, LOCUST__VERDICT_FAILURE };

typedef struct locust__client {
    locust_response response;
    locust__services *services;
    const locust_user_class *cls;
    const locust__route *route; // of the class
    locust__session *session;   // of the user
    locust__buf block;
    size_t fields_at; // in the block: the response's fields; 0: there is no response
    // Of the last request; `pending`: it waits for the test's verdict.
    bool pending;
    enum locust__verdict verdict;
    const char *verdict_text;
    const char *method, *name; // in the statistics' rows or in the block
    int64_t elapsed_ns, ended_ns;
    int64_t late_ns;     // of elapsed_ns, at most: the generator's lateness
    const char *failure; // why it failed by the usual rule or its expectations; NULL: it passed
    void *context;       // the request's own
    const char *broken;  // why the test cannot go on; NULL: it can
    const char *kind;    // of a request that a protocol sends: in rows, the method. NULL: its own
} locust__client;

static void locust__client_init(locust__client *c, locust__services *services, locust_user *user,
    const locust__route *route, locust__session *session)
{
    memset(c, 0, sizeof *c);
    c->services = services;
    c->response.user = user;
    c->cls = user->user_class;
    c->route = route;
    c->session = session;
}

/* The fields of the response, to be read by locust__http_next_copied. */
static const char *locust__client_fields(const locust__client *c)
{
    return c->fields_at ? c->block.ptr + c->fields_at : "";
}

/* The value of the first field with that name, in any case; NULL: there is none. */
static const char *locust__client_field(const locust__client *c, const char *name)
{
    const char *at = locust__client_fields(c), *field, *value;
    while (locust__http_next_copied(&at, &field, &value))
        if (locust__view_is_nocase(locust__view_of(field), name))
            return value;
    return NULL;
}

/* Counts an operation that the end of its user cut short: it is no sample, but unanswered. */
static void locust__client_cut(
    const locust__client *c, const char *method, const char *name, int64_t start_ns)
{
    int64_t now_ns = locust__loop_clock(c->services->loop);
    if (!c->session->failure)
        locust__recorder_cut(&c->services->recorder, method, name, now_ns - start_ns,
            locust__session_take_late(c->session), now_ns);
}

/* Why the request failed, if the test gives no verdict: no response, an expectation that was not
 * met, or a status from 400 on. NULL: it passed. The texts are the statistics' copies. */
LOCUST__APART static const char *locust__client_judge(
    const locust__client *c, const locust_request *req)
{
    const locust_response *r = &c->response;
    char text[128];
    if (r->error && (r->status < 400 || r->status == req->expect_status))
        return r->error;
    if (r->error) // an answer that was cut
        snprintf(text, sizeof text, "%d %s Error: %.40s, %s", r->status,
            r->status < 500 ? "Client" : "Server", r->reason, r->error);
    else if (req->expect_status && r->status != req->expect_status)
        snprintf(text, sizeof text, "status %d in place of %d", r->status, req->expect_status);
    else if (req->expect_body &&
             !locust__view_has((locust__view){r->body, r->body_len}, req->expect_body))
        snprintf(text, sizeof text, "no \"%.90s\" in the body", req->expect_body);
    else if (!req->expect_status && r->status >= 400) // in the words of Locust's HttpUser
        snprintf(text, sizeof text, "%d %s Error: %.80s", r->status,
            r->status < 500 ? "Client" : "Server", r->reason);
    else if (req->expect_json && !locust__json_is_valid((locust__view){r->body, r->body_len}))
        snprintf(text, sizeof text, "the body is not JSON");
    else
        return NULL;
    return locust__stats_text(c->services->recorder.stats, text);
}

/* Counts a sample that ended at now_ns. Of a step that is not counted, keeps the first failure. */
static void locust__client_count(
    const locust__client *c, const locust_sample *sample, int64_t elapsed_ns, int64_t now_ns)
{
    const locust__recorder *recorder = &c->services->recorder;
    const char **failure = c->session->failure;
    char text[512];
    if (!failure) {
        locust__recorder_record(recorder, sample, elapsed_ns, now_ns);
    } else if (sample->error && !*failure) {
        snprintf(text, sizeof text, "%s %s: %s", sample->method, sample->name, sample->error);
        *failure = locust__stats_text(recorder->stats, text);
    }
}

/* Tells the statistics about the finished request; *entry: see >>record. */
static void locust__client_record_in(locust__client *c, locust__entry **entry)
{
    const locust__recorder *recorder = &c->services->recorder;
    locust_response *r = &c->response;
    double late_ms = locust__session_end(c->session);
    locust_sample sample = {.method = c->method,
        .name = c->name,
        .url = r->url,
        .error = c->failure,
        .status = r->status,
        .elapsed_ms = r->elapsed_ms,
        .length = (size_t)r->length,
        .phases = &r->phases,
        .response = r,
        .context = c->context,
        .late_ms = late_ms,
        .user = r->user};
    if (c->verdict == LOCUST__VERDICT_SUCCESS)
        sample.error = NULL;
    else if (c->verdict == LOCUST__VERDICT_FAILURE)
        sample.error = c->verdict_text;
    if (c->session->failure) {
        locust__client_count(c, &sample, c->elapsed_ns, c->ended_ns);
        return;
    }
    locust__recorder_record_in(recorder, entry, &sample, c->elapsed_ns, c->ended_ns);
    if (c->late_ns)
        locust__recorder_late(recorder, c->elapsed_ns, c->late_ns, c->ended_ns);
}

static void locust__client_record(locust__client *c)
{
    locust__entry *entry = NULL;
    locust__client_record_in(c, &entry);
}

/* Ends the time for a verdict: the next request begins, or the task has ended. */
static void locust__client_settle(locust__client *c)
{
    bool pending = c->pending;
    c->pending = false;
    if (pending)
        locust__client_record(c);
}

static void locust__client_deinit(locust__client *c)
{
    locust__client_settle(c);
    locust__buf_free(&c->block);
}
