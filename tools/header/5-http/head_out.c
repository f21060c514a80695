/* ============================================================================================
 * >>head_out  the head of a request
 *
 * Purpose     the state of a request on its way, and its head: target, the kit's own fields,
 *             those of class, user and request, cookies, credentials.
 * Invariants  a field of the request stands in place of the user's of that name, the user's in
 *             place of the class's, any of them in place of the kit's. After a redirect to
 *             another origin no credentials of the first one are sent.
 * Cost        built in the loop's scratch buffer, without allocation.
 * Names       locust__head_out_ locust__exchange
 * Uses        >>co >>url >>head >>write >>cookie >>auth >>upload >>body_out >>proxy >>route
 *             >>pool >>base_url >>session >>client
 * Sources     RFC 9110 8.6, 15.4; RFC 9112 3.2.2 (absolute-form).
 * ============================================================================================ */

enum {
    LOCUST__HEAD_OUT_BLOCK = 184
}; // bytes of a client's block at first: enough for most responses

typedef struct locust__exchange { // a request on its way; on the user's stack
    const locust_request *req;
    const char *method;
    locust__origin *origin;
    locust__conn *conn;
    size_t target_at, target_len; // in the block
    size_t fields_at;             // in the block: the encoded form fields, up to response_at
    size_t response_at;           // in the block: behind all that is sent from it
    locust__view body;
    const char *credentials; // user:password; NULL: none
    locust__buf url_auth;    // user:password of the request's own URL
    locust__digest *digest;  // the challenge that the Authorization field answers
    int challenges;          // how many came
    const char *name;        // row of the first URL, once a redirect has overwritten the URL
    bool dropped;            // a redirect turned the request into a GET without a body
    bool foreign;            // a redirect left the first origin
    bool started;            // start_ns is set
    bool answered;           // the block holds the head of an answer, and what came of its body
    locust_error put_error;  // why not all of this hop's request could be sent
    int64_t deadline_ns, start_ns;
    int64_t sent_ns, first_ns; // of this hop: the first byte out, the first byte in
    int64_t waited_ns;         // of this hop: for a "100 Continue" that did not come
    locust__upload upload;     // begins what locust__request_send does not clear
    locust__body_out body_out;
} locust__exchange;

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__head_out_begin_block(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    if (block->cap > LOCUST__LOOP_SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big response must not cost memory for the user's whole life
    if (!block->ptr) // at once: a block that moves while it grows leaves holes in the heap
        locust__buf_reserve_tight(block, LOCUST__HEAD_OUT_BLOCK);
    block->len = 0;
    x->origin = base->origin;
    x->target_at = base->text_len;
    locust__buf_add_tight(block, base->text, base->text_len);
    locust__url_add_target(block, base->prefix, path, params);
    x->target_len = block->len - x->target_at;
    locust__buf_add_tight(block, "", 1);
    x->fields_at = block->len;
    if (!x->dropped)
        locust__url_add_pairs(block, x->req->form_fields, "");
    x->response_at = block->len;
    return block->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

/* The credentials of a request: its own, or else those of its URL. */
static void locust__head_out_credentials(locust__exchange *x, locust__buf *of_url)
{
    if (x->req->auth && !x->foreign)
        x->credentials = x->req->auth;
    else
        x->credentials = of_url->len ? of_url->ptr : NULL;
}

/* A request has a path alone, and the host is of another protocol: the test cannot go on. */
static void locust__head_out_blame_host(locust__client *c, const char *host)
{
    char text[512];
    int n = snprintf(text, sizeof text,
        "host \"%.300s\" is not one for requests: they need http:// or https:// there, or in URLs "
        "of their own",
        host);
    c->broken = locust__arena_copy(&c->services->arena, text, (size_t)n);
    if (!c->broken)
        c->broken = "the host is not one for requests";
}

/* Finds the URL of a request. As in Locust, the host's own path goes before the request's. */
LOCUST__APART static locust_error locust__head_out_target(
    locust__client *c, locust__exchange *x, locust__base_url *base)
{
    const char *url = x->req->url ? x->req->url : "", *path = url;
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    if (locust__url_is_absolute(url)) {
        locust_error error = locust__base_url_parse(c->services, url, &own, &c->broken);
        x->url_auth = own.auth;
        if (error)
            return error;
        base = &own;
        path = "";
    }
    if (!base->origin && *base->text) { // the host is of another protocol
        locust__head_out_blame_host(c, base->text);
        return LOCUST_ERR_SCHEME;
    }
    if (!base->origin) {
        c->broken =
            "no host: give --host, LOCUST_HOST, .host in the user class, or absolute URLs in "
            "the requests";
        return LOCUST_ERR_URL;
    }
    locust__head_out_credentials(x, &base->auth);
    return locust__head_out_begin_block(c, x, base, path, x->req->params);
}

/* Sets the body that is sent from memory. Returns its type; NULL: no body, or the type is unknown.
 */
static const char *locust__head_out_body(const locust__client *c, locust__exchange *x)
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

/* The test's value of a field: of the request, the user or the class; NULL: there is none. */
static const char *locust__head_out_given(
    const locust__client *c, const locust__exchange *x, const char *name)
{
    const char *value;
    if (!x->req->headers && !c->session->fields && !c->cls->headers)
        return NULL; // most requests end here
    value = locust__pair_find(x->req->headers, name);
    if (!value && c->session->fields)
        value = locust__session_field_of(c->session, name);
    return value ? value : locust__pair_find(c->cls->headers, name);
}

/* Is that field of the test sent? After a redirect those of a body that is not sent again stay
 * behind, and so do credentials for another origin (RFC 9110 15.4). */
static bool locust__head_out_sends(const locust__exchange *x, const char *name)
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

/* Did the test say that the connection ends with this request? */
static bool locust__head_out_closes(const locust__client *c, const locust__exchange *x)
{
    const char *value = locust__head_out_given(c, x, "connection");
    locust__view list = {value, value ? strlen(value) : 0}, token;
    while (locust__http_next(&list, &token))
        if (locust__view_is_nocase(token, "close"))
            return true;
    return c->cls->no_keep_alive;
}

/* Writes the test's fields: those of the class and of the user that no nearer one replaces, then
 * those of the request. */
static void locust__head_out_fields(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    for (const locust_pair *f = c->cls->headers; f && f->name; f++)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name) &&
            !locust__session_field_of(c->session, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust__session_field *f = c->session->fields; f; f = f->next)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust_pair *f = x->req->headers; f && f->name; f++)
        if (locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
}

/* Writes the Cookie field, unless the test wrote one. */
static void locust__head_out_cookies(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    locust__cookie_site site = locust__cookie_site_of(x->origin, c->block.ptr + x->target_at);
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__jar_cookie *cookie = locust__jar_match(c->session->jar.first, &site, now_s);
    if (!cookie || (locust__head_out_given(c, x, "cookie") && !x->foreign))
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

/* The challenge that the origin sent this user; NULL: none. */
static locust__digest *locust__head_out_digest(
    const locust__client *c, const locust__origin *origin)
{
    locust__digest *d = c->session->digests;
    while (d && d->origin != origin)
        d = d->next;
    return d;
}

/* Writes the Authorization field, unless the test wrote one. */
static void locust__head_out_auth(locust__client *c, locust__exchange *x, locust__writer *w)
{
    const char *bearer = x->foreign ? NULL : x->req->bearer;
    locust__buf *auth = &c->services->auth;
    if ((!x->credentials && !bearer) ||
        (locust__head_out_given(c, x, "authorization") && !x->foreign))
        return;
    auth->len = 0;
    auth->failed = false;
    x->digest =
        LOCUST__WITH_DIGEST && x->credentials ? locust__head_out_digest(c, x->origin) : NULL;
    if (bearer)
        locust__buf_printf(auth, "Bearer %s", bearer);
    else if (LOCUST__WITH_DIGEST && x->digest)
        locust__auth_digest(auth, x->digest, x->credentials, x->method, c->block.ptr + x->target_at,
            locust__random(&c->services->loop->random));
    else
        locust__auth_basic(auth, x->credentials);
    if (auth->failed)
        w->error = LOCUST_ERR_MEMORY;
    else
        locust__writer_field(w, "Authorization", auth->ptr);
}

/* Writes the fields that say how long the body is, and of what type. */
static void locust__head_out_framing(
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
    if (type && !locust__head_out_given(c, x, "content-type"))
        locust__writer_field(w, "Content-Type", type);
    if (x->upload.open && x->upload.len < 0)
        locust__writer_puts(w, "Transfer-Encoding: chunked\r\n");
    else if (x->upload.open)
        locust__writer_number(w, "Content-Length: ", (size_t)x->upload.len);
    else if ((x->body.len || posts) &&
             (x->dropped || (!locust__head_out_given(c, x, "content-length") &&
                                !locust__head_out_given(c, x, "transfer-encoding"))))
        locust__writer_number(w, "Content-Length: ", x->body.len); // RFC 9110 8.6
    if (x->req->expect_continue && (x->body.len || x->upload.open))
        locust__writer_puts(w, "Expect: 100-continue\r\n");
}

/* Builds the head in the scratch buffer; it lasts until the next park. */
static locust_error locust__head_out_build(
    locust__client *c, locust__exchange *x, locust__view *head)
{
    char *scratch = c->services->loop->scratch;
    locust__writer w = {scratch, scratch + LOCUST__LOOP_SCRATCH, LOCUST_OK};
    const char *type = locust__head_out_body(c, x);
    const locust__proxy *proxy =
        x->origin->secure ? NULL : locust__route_proxy(c->route, &c->services->proxies, x->origin);
    locust__view method = locust__view_of(x->method);
    if (!locust__http_is_token(
            method)) // any other method could end the line, or say something else
        return LOCUST_ERR_HTTP_REQUEST;
    locust__writer_add(&w, method);
    locust__writer_puts(&w, " ");
    if (proxy) // absolute-form, RFC 9112 3.2.2
        locust__writer_puts(&w, x->origin->url);
    locust__writer_add(&w, (locust__view){c->block.ptr + x->target_at, x->target_len});
    locust__writer_puts(&w, " HTTP/1.1\r\n");
    if (!locust__head_out_given(c, x, "host")) {
        locust__writer_puts(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        locust__writer_puts(&w, "\r\n");
    }
    if (!locust__head_out_given(c, x, "user-agent"))
        locust__writer_puts(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!locust__head_out_given(c, x, "accept"))
        locust__writer_puts(&w, x->req->expect_json ? "Accept: application/json\r\n"
                                : x->req->on_event  ? "Accept: text/event-stream\r\n"
                                                    : "Accept: */*\r\n");
    if (LOCUST__WITH_ZLIB && !locust__head_out_given(c, x, "accept-encoding"))
        locust__writer_puts(&w, "Accept-Encoding: gzip, deflate\r\n");
    if ((c->cls->no_keep_alive || c->route->ask_keep_alive) &&
        !locust__head_out_given(c, x, "connection"))
        locust__writer_puts(
            &w, c->cls->no_keep_alive ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
    if (proxy && proxy->auth.len)
        locust__writer_field(&w, "Proxy-Authorization", proxy->auth.ptr);
    locust__head_out_fields(c, x, &w);
    if (LOCUST__WITH_COOKIES && c->session->jar.first)
        locust__head_out_cookies(c, x, &w);
    locust__head_out_auth(c, x, &w);
    locust__head_out_framing(c, x, type, &w);
    locust__writer_puts(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}
