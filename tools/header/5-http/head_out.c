/* ============================================================================================
 * >>head_out  the head of a request
 *
 * Purpose     the state of a request on its way, and its head: target, the kit's own fields,
 *             those of class, user and request, cookies, credentials.
 * Invariants  a message is framed as its body is, whatever fields the test gives. Of the others a
 *             field of the request stands in place of the user's of that name, the user's in place
 *             of the class's, any of them in place of the kit's. After a redirect to another origin
 *             no credentials of the first one are sent.
 * Cost        built in the loop's scratch buffer, without allocation.
 * Names       locust__head_out_ locust__exchange
 * Uses        >>co >>url >>head >>write >>cookie >>auth >>upload >>body_out >>proxy >>route
 *             >>trace >>pool >>base_url >>session >>client >>flow
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
    const char *credentials;     // user:password; NULL: none
    locust__buf url_auth;        // user:password of the request's own URL
    locust__digest *digest;      // the challenge that the Authorization field answers
    int challenges;              // how many came
    const char *name;            // row of the first URL, once a redirect has overwritten the URL
    bool dropped;                // a redirect turned the request into a GET without a body
    bool foreign;                // a redirect left the first origin
    bool elsewhere;              // and is at another host
    bool waits;                  // for "100 Continue", before it sends its body
    bool to_head;                // the last answer was one to a HEAD
    bool sized;                  // the test gave a Content-Length
    const locust__origin *first; // where redirects began; NULL: there was none
    bool started;                // start_ns is set
    bool begun;                  // it was sent the short way: its answer is awaited on conn
    bool answered;               // the block holds the head of an answer, and what came of its body
    locust_error put_error;      // why not all of this hop's request could be sent
    locust_error awaited;        // of `begun`: what its wait for an answer came to
    int64_t deadline_ns, start_ns;
    int64_t late_ns;           // of the time since start_ns, at most: the loop's lateness
    int64_t tail_ns;           // from the last byte of the last hop to when it was read
    int64_t sent_ns, first_ns; // of this hop: the first byte out, the first byte in
    int64_t waited_ns;         // of this hop: for a "100 Continue" that did not come
    locust__flow *flow;        // the events of a streamed answer; NULL: it is not streamed
    locust__upload upload;     // begins what locust__request_send does not clear
    locust__body_out body_out;
} locust__exchange;

/* Empties the block of the last response. */
static inline void locust__head_out_clear_block(locust__buf *block)
{
    if (block->cap > LOCUST__LOOP_SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big response must not cost memory for the user's whole life
    if (!block->ptr) // at once: a block that moves while it grows leaves holes in the heap
        locust__buf_reserve_tight(block, LOCUST__HEAD_OUT_BLOCK);
    block->len = 0;
}

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__head_out_begin_block(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    locust__head_out_clear_block(block);
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

/* Did the test give any field? Most do not. */
static inline bool locust__head_out_any(const locust__client *c, const locust__exchange *x)
{
    return x->req->headers || c->session->fields || c->cls->headers;
}

/* The test's value of a field: of the request, the user or the class; NULL: there is none. */
static const char *locust__head_out_given(
    const locust__client *c, const locust__exchange *x, const char *name)
{
    const char *value;
    if (!locust__head_out_any(c, x))
        return NULL;
    value = locust__pair_find(x->req->headers, name);
    if (!value && c->session->fields)
        value = locust__session_field_of(c->session, name);
    return value ? value : locust__pair_find(c->cls->headers, name);
}

typedef struct locust__head_out_at { // how far the test's fields were gone through
    const locust_pair *of_class, *of_request;
    const locust__session_field *of_user;
    const char *name, *value; // of the field that it is at
} locust__head_out_at;

static locust__head_out_at locust__head_out_begin(
    const locust__client *c, const locust__exchange *x)
{
    return (locust__head_out_at){c->cls->headers, x->req->headers, c->session->fields, NULL, NULL};
}

/* Goes to the next of the test's fields: those of the class and of the user that no nearer one
 * replaces, then those of the request. False: there is no other. */
static bool locust__head_out_next(
    const locust__client *c, const locust__exchange *x, locust__head_out_at *at)
{
    for (; at->of_class && at->of_class->name; at->of_class++)
        if (!locust__pair_find(x->req->headers, at->of_class->name) &&
            !locust__session_field_of(c->session, at->of_class->name)) {
            at->name = at->of_class->name;
            at->value = at->of_class++->value;
            return true;
        }
    for (; at->of_user; at->of_user = at->of_user->next)
        if (!locust__pair_find(x->req->headers, at->of_user->name)) {
            at->name = at->of_user->name;
            at->value = at->of_user->value;
            at->of_user = at->of_user->next;
            return true;
        }
    if (!at->of_request || !at->of_request->name)
        return false;
    at->name = at->of_request->name;
    at->value = at->of_request++->value;
    return true;
}

/* Has a field, which is a list, that element? */
static bool locust__head_out_lists(const char *value, const char *element)
{
    locust__view list = locust__view_of(value ? value : ""), one;
    while (locust__http_next(&list, &one))
        if (locust__view_is_nocase(one, element))
            return true;
    return false;
}

/* Did the test say so, in any field of that name? */
static bool locust__head_out_says(
    const locust__client *c, const locust__exchange *x, const char *name, const char *element)
{
    locust__head_out_at at = locust__head_out_begin(c, x);
    while (locust__head_out_next(c, x, &at))
        if (locust__view_is_nocase(locust__view_of(at.name), name) &&
            locust__head_out_lists(at.value, element))
            return true;
    return false;
}

/* Did the test say that the connection ends with this request? */
static bool locust__head_out_closes(const locust__client *c, const locust__exchange *x)
{
    return c->cls->no_keep_alive ||
           (locust__head_out_any(c, x) && locust__head_out_says(c, x, "connection", "close"));
}

/* The field Host by the test; NULL: the URL says it. As in curl it is not taken to another host. */
static const char *locust__head_out_host(const locust__client *c, const locust__exchange *x)
{
    return x->elsewhere ? NULL : locust__head_out_given(c, x, "host");
}

/* The site of the request's cookies. */
static locust__cookie_site locust__head_out_site(const locust__client *c, const locust__exchange *x)
{
    locust__cookie_site site = locust__cookie_site_of(x->origin, c->block.ptr + x->target_at);
    const char *field = locust__head_out_host(c, x);
    locust__view host = locust__cookie_host(field ? field : "");
    locust__buf *name = &c->services->auth;
    if (!host.len)
        return site;
    name->len = 0;
    name->failed = false;
    locust__buf_add(name, host.ptr, host.len);
    locust__buf_add(name, "", 1);
    if (!name->failed)
        site.host = name->ptr;
    return site;
}

/* Does the length that the test gave agree with the body as it is sent? */
static bool locust__head_out_agrees(const locust__exchange *x, const char *name, const char *value)
{
    locust__view v = locust__http_trim(locust__view_of(value ? value : ""));
    int64_t len = x->upload.open ? x->upload.len : (int64_t)x->body.len;
    return locust__view_is_nocase(locust__view_of(name), "content-length")
               ? len >= 0 && locust__number_of(v) == len
               : len < 0 && locust__view_is_nocase(v, "chunked");
}

/* Is that a field of the content, which stays behind with it after a redirect (RFC 9110 15.4; Fetch
 * 4.4, request-body-header names)? */
static bool locust__head_out_of_content(locust__view name)
{
    static const char *const names[] = {
        "transfer-encoding", "trailer", "expect", "digest", "repr-digest", "last-modified"};
    if (name.len > 8 && strncasecmp(name.ptr, "content-", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (locust__view_is_nocase(name, names[i]))
            return true;
    return false;
}

/* Writes the test's field if it is to be sent as it is. What frames the message is the kit's to
 * write. After a redirect the fields of a body that is not sent again stay behind, and so do
 * credentials for another origin (RFC 9110 15.4). False: it contradicts the body. */
static bool locust__head_out_field(const locust__client *c, locust__exchange *x, const char *name,
    const char *value, locust__writer *w)
{
    locust__view v = locust__view_of(name);
    if (x->dropped && locust__head_out_of_content(v))
        return true;
    switch (v.len) {
    case 4: // "host" is written first
        if (locust__view_is_nocase(v, "host"))
            return true;
        break;
    case 6:
        if ((x->foreign && locust__view_is_nocase(v, "cookie")) ||
            (locust__view_is_nocase(v, "expect") && locust__head_out_lists(value, "100-continue")))
            return true;
        break;
    case 10: // to one of the two it is an untruth
        if (c->cls->no_keep_alive && locust__view_is_nocase(v, "connection") &&
            locust__head_out_lists(value, "keep-alive"))
            return true;
        break;
    case 12: // a multipart body has a boundary, which the kit makes
        if (locust__view_is_nocase(v, "content-type") && x->upload.open && x->req->parts)
            return true;
        break;
    case 13:
    case 19:
        if (x->foreign && (locust__view_is_nocase(v, "authorization") ||
                              locust__view_is_nocase(v, "proxy-authorization")))
            return true;
        break;
    case 14:
    case 17:
        if (locust__view_is_nocase(v, "content-length"))
            x->sized = true;
        else if (!locust__view_is_nocase(v, "transfer-encoding"))
            break;
        return locust__head_out_agrees(x, name, value);
    default:
        break;
    }
    locust__writer_field(w, name, value);
    return true;
}

/* Writes the test's fields. */
static void locust__head_out_fields(const locust__client *c, locust__exchange *x, locust__writer *w)
{
    locust__head_out_at at = locust__head_out_begin(c, x);
    bool agrees = true;
    while (locust__head_out_next(c, x, &at))
        agrees &= locust__head_out_field(c, x, at.name, at.value, w);
    c->services->counts.reframed += !agrees;
}

/* Writes the Cookie field, unless the test wrote one. */
static void locust__head_out_cookies(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    locust__cookie_site site = locust__head_out_site(c, x);
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
    const char *given =
        type || x->upload.open ? locust__head_out_given(c, x, "content-type") : NULL;
    if (x->upload.open && x->req->parts) {
        locust__view as = locust__view_of(given ? given : "multipart/form-data");
        as.len = strcspn(as.ptr, ";"); // what is behind it is of another body
        if (!locust__http_is_value(as))
            w->error = LOCUST_ERR_HTTP_REQUEST;
        locust__writer_puts(w, "Content-Type: ");
        locust__writer_add(w, as);
        locust__writer_puts(w, "; boundary=");
        locust__writer_puts(w, x->upload.boundary);
        locust__writer_puts(w, "\r\n");
    } else if (type && !given) {
        locust__writer_field(w, "Content-Type", type);
    }
    if (x->upload.open && x->upload.len < 0)
        locust__writer_puts(w, "Transfer-Encoding: chunked\r\n");
    else if (x->upload.open)
        locust__writer_number(w, "Content-Length: ", (size_t)x->upload.len);
    else if (x->body.len || posts || x->sized)
        locust__writer_number(w, "Content-Length: ", x->body.len); // RFC 9110 8.6
    if (x->waits)
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
    bool any = locust__head_out_any(c, x);
    const char *host = any ? locust__head_out_host(c, x) : NULL;
    x->waits = (x->body.len || x->upload.open) &&
               (x->req->expect_continue || locust__head_out_says(c, x, "expect", "100-continue"));
    if (!locust__http_is_token(
            method)) // any other method could end the line, or say something else
        return LOCUST_ERR_HTTP_REQUEST;
    locust__writer_add(&w, method);
    locust__writer_puts(&w, " ");
    if (proxy) // absolute-form, RFC 9112 3.2.2
        locust__writer_puts(&w, x->origin->url);
    locust__writer_add(&w, (locust__view){c->block.ptr + x->target_at, x->target_len});
    locust__writer_puts(&w, " HTTP/1.1\r\n");
    if (host) {
        locust__writer_field(&w, "Host", host);
    } else {
        locust__writer_puts(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        locust__writer_puts(&w, "\r\n");
    }
    if (!any || !locust__head_out_given(c, x, "user-agent"))
        locust__writer_puts(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!any || !locust__head_out_given(c, x, "accept"))
        locust__writer_puts(&w, x->req->expect_json ? "Accept: application/json\r\n"
                                : x->req->on_event  ? "Accept: text/event-stream\r\n"
                                                    : "Accept: */*\r\n");
    if (LOCUST__WITH_ZLIB && !locust__head_out_given(c, x, "accept-encoding"))
        locust__writer_puts(&w, "Accept-Encoding: gzip, deflate\r\n");
    if (c->cls->no_keep_alive && !locust__head_out_says(c, x, "connection", "close"))
        locust__writer_puts(&w, "Connection: close\r\n");
    else if (c->route->ask_keep_alive && !locust__head_out_given(c, x, "connection"))
        locust__writer_puts(&w, "Connection: keep-alive\r\n");
    if (proxy && proxy->auth.len &&
        (x->foreign || !locust__head_out_given(c, x, "proxy-authorization")))
        locust__writer_field(&w, "Proxy-Authorization", proxy->auth.ptr);
    x->sized = false;
    if (any)
        locust__head_out_fields(c, x, &w);
    if (LOCUST__WITH_COOKIES && c->session->jar.first)
        locust__head_out_cookies(c, x, &w);
    if (LOCUST__WITH_EXPORT && c->services->tracer)
        locust__trace_write(c->services->tracer, c, c->response.user->id, x->first || x->challenges,
            !locust__head_out_given(c, x, "traceparent"), !locust__head_out_given(c, x, "baggage"),
            &w);
    locust__head_out_auth(c, x, &w);
    locust__head_out_framing(c, x, type, &w);
    locust__writer_puts(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}
