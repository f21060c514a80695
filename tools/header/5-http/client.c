/* ============================================================================================
 * >>client  a user's client: state, verdict, record
 *
 * Purpose     locust_send: connect when needed, send, read, judge, record.
 * Invariants  one request at a time for each user. What a response points at lies in its user's
 *             block, which is reused by the next request. A request that was cut short by the end
 *             of its user is not counted, as in Locust.
 * Cost        a warm user's request allocates nothing: its head is built in the loop's scratch
 *             buffer, its answer fits the block. An idle user keeps its last answer and no buffer.
 * Names       locust__client_ locust__verdict_ locust__session locust__session_field
 *             locust__session_deinit locust__session_late
 * Uses        >>stats >>record >>json >>cookie >>auth >>route >>pool >>services
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries), RFC 9110 15.4 (redirects), 10.1.1
 *             (Expect); Locust 2.46 for names and verdicts.
 * Limits      a body that comes from body_fn is sent once: no retry, no redirect, no second try with
 *             other credentials.
 *
 *   block  | URL \0 form fields | reason \0 | name \0 value \0 ... \0 | body \0 |
 * ============================================================================================ */

enum { LOCUST__CLIENT_REDIRECTS = 30 }; // hops followed, as in Locust
enum { LOCUST__CLIENT_BLOCK = 184 };    // bytes of a user's block at first

enum locust__verdict { LOCUST__VERDICT_NONE, LOCUST__VERDICT_SUCCESS, LOCUST__VERDICT_FAILURE };

typedef struct locust__session_field { // a header field that one user sends always
    struct locust__session_field *next;
    char *value; // behind the name
    char name[];
} locust__session_field;

typedef struct locust__session { // what the coroutines of one user share
    locust__conns *conns;        // own, or the class's
    locust__conns own;
    locust__conn conn; // the first of its own
    locust__jar jar;
    locust__digest *digests;
    locust__session_field *fields;
    const char *cert_file, *key_file; // in place of the class's
    double late_ms;                   // of the arrival whose first request is next; 0: of none
} locust__session;

/* How late the arrival was that a request belongs to, if it is the first of it. */
static double locust__session_late(locust__session *session)
{
    double ms = session->late_ms;
    session->late_ms = 0;
    return ms;
}

static void locust__session_deinit(locust__session *session)
{
    locust__conns_free(&session->own);
    locust__jar_clear(&session->jar);
    locust__digest_free_all(&session->digests);
    while (session->fields) {
        locust__session_field *f = session->fields;
        session->fields = f->next;
        LOCUST_FREE(f);
    }
}

typedef struct locust__client {
    locust_response response;
    locust__services *services;
    const locust_user_class *cls;
    const locust__route *route; // of the class
    locust__session *session;   // its user's
    locust__buf block;
    size_t fields_at; // in the block: the kept fields
    // The request that waits for the test's verdict, or was just finished.
    bool pending;
    enum locust__verdict verdict;
    const char *verdict_text;
    const char *method, *name; // in the statistics' rows or in the block
    int64_t elapsed_ns, ended_ns;
    const char *failure; // why it failed by the usual rule or its expectations; NULL: it passed
    void *context;       // the test's, of that request
    const char *broken;  // why the test cannot go on; NULL: it can
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

/* Why a request failed, if the caller gives no verdict: no answer, an expectation that was not met,
 * or a status from 400 on. NULL: it passed. The texts are the statistics' copies. */
LOCUST__APART static const char *locust__client_judge(
    const locust__client *c, const locust_request *req)
{
    const locust_response *r = &c->response;
    char text[128];
    if (r->error)
        return r->error;
    if (req->expect_status && r->status != req->expect_status)
        snprintf(text, sizeof text, "status %d in place of %d", r->status, req->expect_status);
    else if (req->expect_body && !strstr(r->body, req->expect_body))
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

/* Tells the statistics about the finished request. */
static void locust__client_record(locust__client *c)
{
    locust_response *r = &c->response;
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
        .late_ms = locust__session_late(c->session),
        .user = r->user};
    if (c->verdict == LOCUST__VERDICT_SUCCESS)
        sample.error = NULL;
    else if (c->verdict == LOCUST__VERDICT_FAILURE)
        sample.error = c->verdict_text;
    locust__recorder_record(&c->services->recorder, &sample, c->elapsed_ns, c->ended_ns);
}

/* The time for a verdict is over. */
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
