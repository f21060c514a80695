/* ============================================================================================
 * >>client  requests of a user
 *
 * Purpose     locust_send: connect when needed, send, read, judge, record.
 * Invariants  one request at a time for each user. What a response points at lies in its user's
 *             block, which is reused by the next request. A request that was cut short by the end
 *             of its user is not counted, as in Locust.
 * Cost        a warm user's request allocates nothing: its head is built in the loop's scratch
 *             buffer, its answer fits the block. An idle user keeps its last answer and no buffer.
 * Uses        >>net >>resolve >>url >>http >>pool >>cookie >>auth >>body >>stats
 * Sources     RFC 9110 9.2.2 and RFC 9112 9.3.1 (retries), RFC 9110 15.4 (redirects), 10.1.1
 *             (Expect); Locust 2.46 for names and verdicts.
 * Limits      a body that comes from body_fn is sent once: no retry, no redirect, no second try with
 *             other credentials.
 *
 *   block  | URL \0 form fields | reason \0 | name \0 value \0 ... \0 | body \0 |
 * ============================================================================================ */

typedef struct locust__services { // what the users of one test share
    locust__loop *loop;
    const locust__log *log;
    locust__net net;
    locust__resolver resolver;
    locust__tls tls;
    locust__roads roads;
    locust__origin *origins;
    locust__pattern *patterns; // that locust_match was given
    locust__recorder recorder;
    locust__buf auth;         // scratch: credentials and what is made of them
    locust_feeder *feeders;   // that are open
    size_t worker, n_workers; // this process among those that share the test
} locust__services;

typedef struct locust__base_url { // a user's host, taken apart once
    locust__origin *origin;       // NULL: there is no host
    const char *prefix;           // path that goes before every request's; "" mostly
    const char *text;             // up to the end of the authority
    size_t text_len;
    locust__buf auth; // user:password of the URL, decoded; empty: none
} locust__base_url;

enum { LOCUST__REDIRECTS = 30 }; // hops followed, as in Locust
enum { LOCUST__BLOCK = 184 };    // bytes of a user's block at first

enum locust__verdict { LOCUST__VERDICT_NONE, LOCUST__VERDICT_SUCCESS, LOCUST__VERDICT_FAILURE };

typedef struct locust__own_field { // a header field that one user sends always
    struct locust__own_field *next;
    char *value; // behind the name
    char name[];
} locust__own_field;

typedef struct locust__session { // what the coroutines of one user share
    locust__conns *conns;        // own, or the class's
    locust__conns own;
    locust__conn conn; // the first of its own
    locust__jar jar;
    locust__digest *digests;
    locust__own_field *fields;
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
    locust__digests_free(&session->digests);
    while (session->fields) {
        locust__own_field *f = session->fields;
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

static void locust__base_url_free(locust__base_url *base)
{
    locust__buf_free(&base->auth);
}

static const char locust__needs_tls[] =
    "https needs TLS, and so does tls://: compile the test with -DLOCUST_TLS and link it with "
    "-lmbedtls "
    "-lmbedx509 -lmbedcrypto (Debian: apt-get install libmbedtls-dev)";

/* Parses a host such as http://127.0.0.1:8080/prefix. *broken: why such a host cannot be used. */
static locust_error locust__client_base(
    locust__services *services, const char *text, locust__base_url *base, const char **broken)
{
    locust__url url;
    locust_error error = locust__url_parse(text, &url);
    bool secure = !error && locust__view_is_nocase(url.scheme, "https");
    *broken = NULL;
    base->auth.len = 0;
    if (error)
        return error;
    if (!secure && !locust__view_is_nocase(url.scheme, "http"))
        return LOCUST_ERR_SCHEME;
    if (secure && !LOCUST__TLS) {
        *broken = locust__needs_tls;
        return LOCUST_ERR_URL;
    }
    base->origin = locust__origin_of(&services->origins, &url, secure);
    if (!base->origin)
        return LOCUST_ERR_MEMORY;
    base->text = text;
    base->text_len = (size_t)(url.rest.ptr - text);
    base->prefix = url.rest.len == 1 && *url.rest.ptr == '/' ? "" : url.rest.ptr;
    if (url.user_info.len) { // it goes into a header field, not over the wire with the URL
        locust__url_decode(&base->auth, url.user_info);
        if (!locust__http_is_value((locust__view){base->auth.ptr, base->auth.len}))
            return LOCUST_ERR_URL; // RFC 7617 2: no control characters
        locust__buf_add(&base->auth, "", 1);
        base->text = base->origin->url;
        base->text_len = strlen(base->text);
    }
    return base->auth.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

typedef struct locust__exchange { // one request on its way; on the user's stack
    const locust_request *req;
    const char *method;
    locust__origin *origin;
    locust__conn *conn;
    size_t target_at; // in the block
    size_t target_len;
    size_t fields_at;   // in the block: the encoded form fields, up to
    size_t response_at; // in the block: behind all that is sent from it
    locust__view body;
    const char *credentials; // user:password; NULL: none
    locust__buf url_auth;    // those of a URL
    locust__digest *digest;  // the challenge that was answered
    int challenges;          // that came
    const char *name;        // the first URL's row, once a redirect has overwritten the URL
    bool dropped;            // a redirect turned the request into a GET without a body
    bool foreign;            // a redirect left the first origin: credentials stay behind
    int64_t deadline_ns, start_ns;
    int64_t sent_ns, first_ns; // of this hop: the first byte out, the first byte in
    bool started;              // start_ns is set
    locust__upload upload;
    locust__drain drain;
} locust__exchange;

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__client_write(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    if (block->cap > LOCUST__SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big answer shall not stay for the user's whole life
    if (!block->ptr) // what most need: one that moved while it grows would leave a hole behind
        locust__buf_reserve_tight(block, LOCUST__BLOCK);
    block->len = 0;
    x->origin = base->origin;
    x->target_at = base->text_len;
    locust__buf_add_tight(block, base->text, base->text_len);
    if (*base->prefix != '/' && (*base->prefix || *path != '/'))
        locust__buf_add_tight(block, "/", 1); // a target begins with one
    locust__url_add(block, locust__view_of(base->prefix));
    locust__url_add(block, locust__view_of(path));
    if (params && !block->failed)
        locust__url_add_pairs(block, params,
            memchr(block->ptr + x->target_at, '?', block->len - x->target_at) ? "&" : "?");
    x->target_len = block->len - x->target_at;
    locust__buf_add_tight(block, "", 1);
    x->fields_at = block->len;
    if (!x->dropped)
        locust__url_add_pairs(block, x->req->form_fields, "");
    x->response_at = block->len;
    return block->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* The credentials that a request has: its own, or those of its URL. */
static void locust__client_credentials(locust__exchange *x, locust__buf *of_url)
{
    if (x->req->auth && !x->foreign)
        x->credentials = x->req->auth;
    else
        x->credentials = of_url->len ? of_url->ptr : NULL;
}

/* Finds the URL of a request. As in Locust, a host's own path goes before the request's. */
LOCUST__APART static locust_error locust__client_target(
    locust__client *c, locust__exchange *x, locust__base_url *base)
{
    const char *url = x->req->url ? x->req->url : "", *path = url;
    const char *scheme = *url == '/' ? NULL : strstr(url, "://"); // mostly a path
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    if (scheme && (size_t)(scheme - url) < strcspn(url, "/?#")) {
        locust_error error = locust__client_base(c->services, url, &own, &c->broken);
        x->url_auth = own.auth;
        if (error)
            return error;
        base = &own;
        path = "";
    }
    if (!base->origin && *base->text)
        return LOCUST_ERR_SCHEME; // the host is of another protocol
    if (!base->origin) {
        c->broken =
            "no host: give --host, LOCUST_HOST, .host in the user class, or absolute URLs in "
            "the requests";
        return LOCUST_ERR_URL;
    }
    locust__client_credentials(x, &base->auth);
    return locust__client_write(c, x, base, path, x->req->params);
}

/* Body and its type, of the ways to give one. */
static const char *locust__client_body(const locust__client *c, locust__exchange *x)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const locust_request *req = x->req;
    const char *text = req->form ? req->form : req->json;
    x->body = (locust__view){NULL, 0};
    if (x->dropped || x->upload.open)
        return NULL;
    if (req->form_fields)
        x->body = (locust__view){c->block.ptr + x->fields_at, x->response_at - x->fields_at};
    else if (text)
        x->body = locust__view_of(text);
    else if (req->body)
        x->body = (locust__view){req->body, req->body_len};
    return req->form_fields || req->form ? form : req->json ? "application/json" : NULL;
}

/* The user's own value of a field; NULL: it has none. */
static const char *locust__client_own(const locust__client *c, const char *name)
{
    const locust__own_field *f = c->session->fields;
    while (f && strcasecmp(f->name, name) != 0)
        f = f->next;
    return f ? f->value : NULL;
}

/* The caller's value of a field, of the request, the user or the class; NULL: there is none. */
static const char *locust__client_given(
    const locust__client *c, const locust__exchange *x, const char *name)
{
    const char *value;
    if (!x->req->headers && !c->session->fields && !c->cls->headers)
        return NULL; // mostly
    value = locust__http_find(x->req->headers, name);
    if (!value && c->session->fields)
        value = locust__client_own(c, name);
    return value ? value : locust__http_find(c->cls->headers, name);
}

/* After a redirect some of the caller's fields stay behind: those of a body that is not sent again,
 * and credentials that are meant for another origin (RFC 9110 15.4). */
static bool locust__client_sends(const locust__exchange *x, const char *name)
{
    static const char *const of_body[] = {"content-length", "content-type", "transfer-encoding"};
    static const char *const secret[] = {"authorization", "cookie", "proxy-authorization"};
    locust__view v = locust__view_of(name);
    for (int i = 0; (x->dropped || x->foreign) && i < 3; i++)
        if ((x->dropped && locust__view_is_nocase(v, of_body[i])) ||
            (x->foreign && locust__view_is_nocase(v, secret[i])))
            return false;
    return true;
}

/* Did the caller say that the connection ends with this request? */
static bool locust__client_closes(const locust__client *c, const locust__exchange *x)
{
    const char *value = locust__client_given(c, x, "connection");
    locust__view list = {value, value ? strlen(value) : 0}, token;
    while (locust__http_next(&list, &token))
        if (locust__view_is_nocase(token, "close"))
            return true;
    return c->cls->no_keep_alive;
}

/* The caller's fields: of the request, then those of the user and of the class that it has not. */
static void locust__client_head_given(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    for (const locust_pair *f = c->cls->headers; f && f->name; f++)
        if (!locust__http_find(x->req->headers, f->name) && locust__client_sends(x, f->name) &&
            !(c->session->fields && locust__client_own(c, f->name)))
            locust__writer_field(w, f->name, f->value);
    for (const locust__own_field *f = c->session->fields; f; f = f->next)
        if (!locust__http_find(x->req->headers, f->name) && locust__client_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust_pair *f = x->req->headers; f && f->name; f++)
        if (locust__client_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
}

static locust__site locust__client_site(const locust__client *c, const locust__exchange *x)
{
    const char *target = c->block.ptr + x->target_at;
    return (locust__site){x->origin->host, {target, strcspn(target, "?")}, x->origin->secure};
}

static void locust__client_head_cookies(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    locust__site site = locust__client_site(c, x);
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__cookie *cookie = locust__jar_match(c->session->jar.first, &site, now_s);
    if (!cookie || (locust__client_given(c, x, "cookie") && !x->foreign))
        return;
    locust__writer_puts(w, "Cookie: ");
    while (cookie) {
        locust__writer_puts(w, cookie->name);
        locust__writer_puts(w, "=");
        locust__writer_puts(w, cookie->value);
        cookie = locust__jar_match(cookie->next, &site, now_s);
        locust__writer_puts(w, cookie ? "; " : "\r\n");
    }
}

static locust__digest *locust__client_digest(const locust__client *c, const locust__origin *origin)
{
    locust__digest *d = c->session->digests;
    while (d && d->origin != origin)
        d = d->next;
    return d;
}

/* The Authorization field, unless the caller wrote one. */
static void locust__client_head_auth(locust__client *c, locust__exchange *x, locust__writer *w)
{
    const char *bearer = x->foreign ? NULL : x->req->bearer;
    locust__buf *auth = &c->services->auth;
    if ((!x->credentials && !bearer) ||
        (locust__client_given(c, x, "authorization") && !x->foreign))
        return;
    auth->len = 0;
    auth->failed = false;
    x->digest = LOCUST__DIGEST && x->credentials ? locust__client_digest(c, x->origin) : NULL;
    if (bearer)
        locust__buf_printf(auth, "Bearer %s", bearer);
    else if (LOCUST__DIGEST && x->digest)
        locust__auth_digest(auth, x->digest, x->credentials, x->method, c->block.ptr + x->target_at,
            locust__base_random(&c->services->loop->random));
    else
        locust__auth_basic(auth, x->credentials);
    if (auth->failed)
        w->error = LOCUST_ERR_MEMORY;
    else
        locust__writer_field(w, "Authorization", auth->ptr);
}

/* What says how long the body is, and of what type. */
static void locust__client_head_body(
    const locust__client *c, locust__exchange *x, const char *type, locust__writer *w)
{
    bool posts =
        *x->method == 'P' && (strcmp(x->method, "POST") == 0 || strcmp(x->method, "PUT") == 0 ||
                                 strcmp(x->method, "PATCH") == 0);
    char text[64];
    if (x->upload.open && x->req->parts) {
        snprintf(text, sizeof text, "multipart/form-data; boundary=%s", x->upload.boundary);
        type = text;
    }
    if (type && !locust__client_given(c, x, "content-type"))
        locust__writer_field(w, "Content-Type", type);
    if (x->upload.open && x->upload.len < 0)
        locust__writer_puts(w, "Transfer-Encoding: chunked\r\n");
    else if (x->upload.open)
        locust__writer_number(w, "Content-Length: ", (size_t)x->upload.len);
    else if ((x->body.len || posts) &&
             (x->dropped || (!locust__client_given(c, x, "content-length") &&
                                !locust__client_given(c, x, "transfer-encoding"))))
        locust__writer_number(w, "Content-Length: ", x->body.len); // RFC 9110 8.6
    if (x->req->expect_continue && (x->body.len || x->upload.open))
        locust__writer_puts(w, "Expect: 100-continue\r\n");
}

/* Builds the head in the scratch buffer; it lasts until the next park. */
static locust_error locust__client_head(locust__client *c, locust__exchange *x, locust__view *head)
{
    char *scratch = c->services->loop->scratch;
    locust__writer w = {scratch, scratch + LOCUST__SCRATCH, LOCUST_OK};
    const char *type = locust__client_body(c, x);
    const locust__proxy *proxy =
        x->origin->secure ? NULL : locust__route_proxy(c->route, &c->services->roads, x->origin);
    locust__view method = locust__view_of(x->method);
    if (!locust__http_is_token(method))
        return LOCUST_ERR_REQUEST;
    locust__writer_add(&w, method);
    LOCUST__WRITER_PUTS(&w, " ");
    if (proxy) // absolute-form, RFC 9112 3.2.2
        locust__writer_puts(&w, x->origin->url);
    locust__writer_add(&w, (locust__view){c->block.ptr + x->target_at, x->target_len});
    LOCUST__WRITER_PUTS(&w, " HTTP/1.1\r\n");
    if (!locust__client_given(c, x, "host")) {
        LOCUST__WRITER_PUTS(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        LOCUST__WRITER_PUTS(&w, "\r\n");
    }
    if (!locust__client_given(c, x, "user-agent"))
        LOCUST__WRITER_PUTS(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!locust__client_given(c, x, "accept"))
        locust__writer_puts(&w, x->req->expect_json ? "Accept: application/json\r\n"
                                : x->req->on_event  ? "Accept: text/event-stream\r\n"
                                                    : "Accept: */*\r\n");
    if (LOCUST__ZLIB && !locust__client_given(c, x, "accept-encoding"))
        LOCUST__WRITER_PUTS(&w, "Accept-Encoding: gzip, deflate\r\n");
    if (c->cls->no_keep_alive && !locust__client_given(c, x, "connection"))
        LOCUST__WRITER_PUTS(&w, "Connection: close\r\n");
    if (proxy && proxy->auth.len)
        locust__writer_field(&w, "Proxy-Authorization", proxy->auth.ptr);
    locust__client_head_given(c, x, &w);
    if (LOCUST__KEEP_COOKIES && c->session->jar.first)
        locust__client_head_cookies(c, x, &w);
    locust__client_head_auth(c, x, &w);
    locust__client_head_body(c, x, type, &w);
    LOCUST__WRITER_PUTS(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}
