/* ============================================================================================
 * >>head_out  the head of a request
 *
 * Purpose     target, fields of the kit, of the class, of the user and of the request, cookies, credentials.
 * Cost        built in the loop's scratch buffer: nothing is allocated.
 * Names       locust__head_out_ locust__exchange
 * Uses        >>co >>url >>head >>write >>cookie >>auth >>upload >>body_out >>proxy >>route
 *             >>pool >>base_url >>client
 * Sources     RFC 9110 8.6, 15.4; RFC 9112 3.2.2 (absolute-form).
 * ============================================================================================ */

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
    locust__body_out body_out;
} locust__exchange;

/* Begins the block with all that is sent from it: the absolute URL and the encoded form fields. */
static locust_error locust__head_out_write(locust__client *c, locust__exchange *x,
    const locust__base_url *base, const char *path, const locust_pair *params)
{
    locust__buf *block = &c->block;
    if (block->cap > LOCUST__LOOP_SCRATCH && block->len < block->cap / 4)
        locust__buf_free(block); // one big answer shall not stay for the user's whole life
    if (!block->ptr) // what most need: one that moved while it grows would leave a hole behind
        locust__buf_reserve_tight(block, LOCUST__CLIENT_BLOCK);
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
static void locust__head_out_credentials(locust__exchange *x, locust__buf *of_url)
{
    if (x->req->auth && !x->foreign)
        x->credentials = x->req->auth;
    else
        x->credentials = of_url->len ? of_url->ptr : NULL;
}

/* Finds the URL of a request. As in Locust, a host's own path goes before the request's. */
LOCUST__APART static locust_error locust__head_out_target(
    locust__client *c, locust__exchange *x, locust__base_url *base)
{
    const char *url = x->req->url ? x->req->url : "", *path = url;
    const char *scheme = *url == '/' ? NULL : strstr(url, "://"); // mostly a path
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    if (scheme && (size_t)(scheme - url) < strcspn(url, "/?#")) {
        locust_error error = locust__base_url_parse(c->services, url, &own, &c->broken);
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
    locust__head_out_credentials(x, &base->auth);
    return locust__head_out_write(c, x, base, path, x->req->params);
}

/* Body and its type, of the ways to give one. */
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

/* The user's own value of a field; NULL: it has none. */
static const char *locust__head_out_session_field(const locust__client *c, const char *name)
{
    const locust__session_field *f = c->session->fields;
    while (f && strcasecmp(f->name, name) != 0)
        f = f->next;
    return f ? f->value : NULL;
}

/* The caller's value of a field, of the request, the user or the class; NULL: there is none. */
static const char *locust__head_out_given(
    const locust__client *c, const locust__exchange *x, const char *name)
{
    const char *value;
    if (!x->req->headers && !c->session->fields && !c->cls->headers)
        return NULL; // mostly
    value = locust__pair_find(x->req->headers, name);
    if (!value && c->session->fields)
        value = locust__head_out_session_field(c, name);
    return value ? value : locust__pair_find(c->cls->headers, name);
}

/* After a redirect some of the caller's fields stay behind: those of a body that is not sent again,
 * and credentials that are meant for another origin (RFC 9110 15.4). */
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

/* Did the caller say that the connection ends with this request? */
static bool locust__head_out_closes(const locust__client *c, const locust__exchange *x)
{
    const char *value = locust__head_out_given(c, x, "connection");
    locust__view list = {value, value ? strlen(value) : 0}, token;
    while (locust__http_next(&list, &token))
        if (locust__view_is_nocase(token, "close"))
            return true;
    return c->cls->no_keep_alive;
}

/* The caller's fields: of the request, then those of the user and of the class that it has not. */
static void locust__head_out_fields(
    const locust__client *c, const locust__exchange *x, locust__writer *w)
{
    for (const locust_pair *f = c->cls->headers; f && f->name; f++)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name) &&
            !(c->session->fields && locust__head_out_session_field(c, f->name)))
            locust__writer_field(w, f->name, f->value);
    for (const locust__session_field *f = c->session->fields; f; f = f->next)
        if (!locust__pair_find(x->req->headers, f->name) && locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
    for (const locust_pair *f = x->req->headers; f && f->name; f++)
        if (locust__head_out_sends(x, f->name))
            locust__writer_field(w, f->name, f->value);
}

static locust__cookie_site locust__head_out_site(const locust__client *c, const locust__exchange *x)
{
    const char *target = c->block.ptr + x->target_at;
    return (locust__cookie_site){
        x->origin->host, {target, strcspn(target, "?")}, x->origin->secure};
}

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

static locust__digest *locust__head_out_digest(
    const locust__client *c, const locust__origin *origin)
{
    locust__digest *d = c->session->digests;
    while (d && d->origin != origin)
        d = d->next;
    return d;
}

/* The Authorization field, unless the caller wrote one. */
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

/* What says how long the body is, and of what type. */
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
        x->origin->secure ? NULL : locust__route_proxy(c->route, &c->services->network, x->origin);
    locust__view method = locust__view_of(x->method);
    if (!locust__http_is_token(method))
        return LOCUST_ERR_HTTP_REQUEST;
    locust__writer_add(&w, method);
    LOCUST__WRITER_PUTS(&w, " ");
    if (proxy) // absolute-form, RFC 9112 3.2.2
        locust__writer_puts(&w, x->origin->url);
    locust__writer_add(&w, (locust__view){c->block.ptr + x->target_at, x->target_len});
    LOCUST__WRITER_PUTS(&w, " HTTP/1.1\r\n");
    if (!locust__head_out_given(c, x, "host")) {
        LOCUST__WRITER_PUTS(&w, "Host: "); // checked when the URL was parsed
        locust__writer_puts(&w, x->origin->authority);
        LOCUST__WRITER_PUTS(&w, "\r\n");
    }
    if (!locust__head_out_given(c, x, "user-agent"))
        LOCUST__WRITER_PUTS(&w, "User-Agent: locust.h/" LOCUST_VERSION "\r\n");
    if (!locust__head_out_given(c, x, "accept"))
        locust__writer_puts(&w, x->req->expect_json ? "Accept: application/json\r\n"
                                : x->req->on_event  ? "Accept: text/event-stream\r\n"
                                                    : "Accept: */*\r\n");
    if (LOCUST__WITH_ZLIB && !locust__head_out_given(c, x, "accept-encoding"))
        LOCUST__WRITER_PUTS(&w, "Accept-Encoding: gzip, deflate\r\n");
    if (c->cls->no_keep_alive && !locust__head_out_given(c, x, "connection"))
        LOCUST__WRITER_PUTS(&w, "Connection: close\r\n");
    if (proxy && proxy->auth.len)
        locust__writer_field(&w, "Proxy-Authorization", proxy->auth.ptr);
    locust__head_out_fields(c, x, &w);
    if (LOCUST__WITH_COOKIES && c->session->jar.first)
        locust__head_out_cookies(c, x, &w);
    locust__head_out_auth(c, x, &w);
    locust__head_out_framing(c, x, type, &w);
    LOCUST__WRITER_PUTS(&w, "\r\n");
    *head = (locust__view){scratch, (size_t)(w.ptr - scratch)};
    return w.error;
}
