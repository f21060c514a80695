/* ============================================================================================
 * >>ws_opening  the opening handshake of WebSocket
 *
 * Purpose     a request that turns a connection into a WebSocket, with all that requests of the
 *             user have: cookies, header fields, credentials, redirects, proxies, TLS.
 * Invariants  the connection is the client's own, and new for each hop. What the test says by hand
 *             of the fields of the handshake itself is left out.
 * Cost        some 3 KB of heap while it lasts.
 * Names       locust__ws_base locust__ws_no_host locust__ws_open locust__ws_opening
 *             locust__ws_opening_ locust__ws_url
 * Uses        >>co >>stats >>stream >>allowance >>url >>head >>response_head >>receive >>route
 *             >>base_url >>client >>head_out >>exchange >>request >>user >>control >>protocol
 *             >>ws_deflate >>ws
 * Sources     RFC 6455 4.1 (the client's handshake), 4.2.2 (the answer); RFC 7692 5; servers of the
 *             world: names and values of fields in any case, any reason, frames right behind.
 * ============================================================================================ */

typedef struct locust__ws_opening { // one on its way
    locust__client client;
    locust_user_class cls; // the user's, but it keeps connections
    locust__route route;
    locust__exchange x;
    locust_request req;
    char key[32], accept[32];
    locust_pair headers[];
} locust__ws_opening;

/* Writes the URL for a request: of the test's URL, which may be a path below the host, and of a
 * host with a scheme of WebSocket or HTTP. False: there is no host, or one of another protocol. */
static bool locust__ws_url(locust__buf *out, const char *host, const char *url)
{
    static const char *const schemes[4][2] = {{"ws://", "http://"}, {"wss://", "https://"},
        {"http://", "http://"}, {"https://", "https://"}};
    const char *base = url && locust__url_is_absolute(url) ? url : host,
               *path = base == url ? "" : url;
    for (int i = 0; base && i < 4; i++) {
        size_t n = strlen(schemes[i][0]);
        if (strncasecmp(base, schemes[i][0], n) != 0)
            continue;
        locust__buf_puts(out, schemes[i][1]);
        locust__buf_puts(out, base + n);
        while (path && *path && out->len && !out->failed && out->ptr[out->len - 1] == '/')
            out->len--;
        if (path && *path && *path != '/')
            locust__buf_puts(out, "/");
        locust__buf_puts(out, path ? path : "");
        locust__buf_add(out, "", 1);
        return true;
    }
    return false;
}

/* Ends the test: its URL is of another protocol, or there is none. */
static _Noreturn void locust__ws_no_host(locust__user *user, const char *url) LOCUST__PARKS
{
    char text[400];
    const char *host = user->as.host ? user->as.host : "", *why;
    int n =
        url && locust__url_is_absolute(url)
            ? snprintf(text, sizeof text,
                  "\"%.300s\" is not a URL for WebSocket: ws://, wss://, http:// or https://", url)
        : *host
            ? snprintf(text, sizeof text,
                  "host \"%.300s\" is not one for WebSocket: ws://, wss://, http:// or https://",
                  host)
            : snprintf(text, sizeof text,
                  "no host: give --host, LOCUST_HOST, .host in the user class, or an absolute URL "
                  "to locust_ws_connect()");
    why = locust__arena_copy(&user->all->services->arena, text, (size_t)n);
    locust__control_break(user, why ? why : "no host for WebSocket");
}

/* Writes the URL that a user connects to, as locust__ws_url does. Ends the test if there is none,
 * or it wants TLS that is not there. */
static void locust__ws_base(locust__user *user, const char *url, locust__buf *out) LOCUST__PARKS
{
    bool secure;
    if (!locust__ws_url(out, user->as.host, url))
        locust__ws_no_host(user, url);
    secure = out->ptr && strncmp(out->ptr, "https:", 6) == 0;
    if (secure && !LOCUST__WITH_TLS) {
        locust__buf_free(out);
        locust__protocol_check_tls(user, true);
    }
}

/* Fields that the handshake writes itself. */
static bool locust__ws_opening_owns(const char *name)
{
    static const char *const names[] = {"connection", "upgrade", "sec-websocket-key",
        "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol", "origin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Makes a key, and the text that proves that the server understood it (4.2.2). */
static bool locust__ws_opening_keys(locust__ws_opening *o, locust__loop *loop)
{
    locust__buf text = {NULL, 0, 0, false};
    unsigned char digest[LOCUST__HASH_BYTES];
    uint64_t random[2];
    for (int i = 0; i < 2; i++)
        random[i] = locust__random(&loop->random);
    locust__base64_encode(&text, (locust__view){(const char *)random, 16});
    if (!text.failed)
        snprintf(o->key, sizeof o->key, "%.*s", (int)text.len, text.ptr);
    locust__buf_puts(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    if (!text.failed) {
        locust__hash_bytes(&locust__hash_sha1, text.ptr, text.len, digest);
        text.len = 0;
        locust__base64_encode(&text, (locust__view){(const char *)digest, 20});
        snprintf(o->accept, sizeof o->accept, "%.*s", (int)text.len, text.ptr);
    }
    locust__buf_free(&text);
    return !text.failed;
}

/* Prepares the request. NULL: no memory. */
static locust__ws_opening *locust__ws_opening_new(
    locust__user *user, const locust_ws_options *options, const char *url)
{
    size_t n = 0, at = 0;
    locust__ws_opening *o;
    while (options->headers && options->headers[n].name)
        n++;
    o = locust__memory_zalloc(sizeof *o + (n + 8) * sizeof *o->headers);
    if (!o || !locust__ws_opening_keys(o, user->all->services->loop)) {
        LOCUST_FREE(o);
        return NULL;
    }
    o->cls = *user->cls->as;
    o->cls.no_keep_alive = false;
    o->route = user->cls->route;
    o->route.direct = true; // a proxy has connected: the target is a path
    o->route.ask_keep_alive = false;
    o->route.http2 = NULL;
    locust__client_init(
        &o->client, user->all->services, &user->as, &o->route, user->client->session);
    o->client.cls = &o->cls;
    for (size_t i = 0; i < n; i++)
        if (!locust__ws_opening_owns(options->headers[i].name))
            o->headers[at++] = options->headers[i];
    o->headers[at++] = (locust_pair){"Connection", "Upgrade"};
    o->headers[at++] = (locust_pair){"Upgrade", "websocket"};
    o->headers[at++] = (locust_pair){"Sec-WebSocket-Version", "13"};
    o->headers[at++] = (locust_pair){"Sec-WebSocket-Key", o->key};
    if (options->subprotocols)
        o->headers[at++] = (locust_pair){"Sec-WebSocket-Protocol", options->subprotocols};
    if (options->compress && LOCUST__WITH_ZLIB)
        o->headers[at++] = (locust_pair){"Sec-WebSocket-Extensions", locust__ws_deflate_offer};
    if (options->origin)
        o->headers[at++] = (locust_pair){"Origin", options->origin};
    o->req = (locust_request){.url = url,
        .name = url, // a redirect makes no row
        .headers = o->headers,
        .auth = options->auth,
        .bearer = options->bearer};
    o->x.req = &o->req;
    o->x.method = "GET";
    return o;
}

static void locust__ws_opening_free(locust__ws_opening *o)
{
    locust__buf_free(&o->x.url_auth);
    locust__buf_free(&o->client.block);
    LOCUST_FREE(o);
}

/* Sends the request and reads the head of the answer. */
static locust_error locust__ws_opening_try(locust__ws *ws, locust__ws_opening *o,
    locust__response_head *h, locust__allowance *a) LOCUST__PARKS
{
    locust_stream *s = locust__ws_stream(ws);
    size_t budget = LOCUST_MAX_HEADER;
    locust__view head = {NULL, 0};
    locust_error error = locust__protocol_connect(ws->client, o->x.origin, true, false, NULL, a);
    if (!error)
        error = locust__head_out_build(&o->client, &o->x, &head);
    if (!error)
        error = locust__stream_write(s, head, (locust__view){NULL, 0}, a->deadline_ns);
    memset(h, 0, sizeof *h);
    while (!error && (h->status < 101 || (h->status > 101 && h->status < 200))) {
        o->client.block.len = o->x.response_at;
        error =
            locust__receive_head(s, h, &o->client.block, &budget, &o->x.first_ns, a->deadline_ns);
    }
    if (error)
        return error;
    o->client.fields_at = o->x.response_at + strlen(o->client.block.ptr + o->x.response_at) + 1;
    if (LOCUST__WITH_COOKIES && h->cookies && !o->cls.no_cookies)
        locust__exchange_take_cookies(&o->client, &o->x);
    return LOCUST_OK;
}

/* Follows a redirect, which may name a scheme of WebSocket. */
static locust_error locust__ws_opening_follow(locust__ws_opening *o, int status)
{
    const char *location = locust__client_field(&o->client, "location");
    locust__buf url = {NULL, 0, 0, false};
    locust_error error;
    if (!locust__ws_url(&url, NULL, location)) { // it is relative, or of no scheme that we know
        locust__buf_puts(&url, location);
        locust__buf_add(&url, "", 1);
    }
    error =
        url.failed ? LOCUST_ERR_MEMORY : locust__request_follow(&o->client, &o->x, status, url.ptr);
    locust__buf_free(&url);
    return error;
}

/* Takes the subprotocol that the server chose. NULL, or why not. */
static const char *locust__ws_opening_choose(
    locust__ws *ws, const locust_ws_options *options, const char *value)
{
    const char *offered = options->subprotocols ? options->subprotocols : "";
    locust__view list = locust__view_of(offered), one;
    if (ws->subprotocol)
        return "handshake with two subprotocols";
    while (locust__http_next(&list, &one))
        if (one.len && locust__view_is(one, value)) {
            ws->subprotocol = locust__text_copy(one.ptr, one.len);
            return ws->subprotocol ? NULL : locust__error_text(LOCUST_ERR_MEMORY);
        }
    return "handshake with a subprotocol that was not offered";
}

/* Looks at the fields of a 101. NULL, or what is wrong with them. */
static const char *locust__ws_opening_check(
    locust__ws *ws, const locust__ws_opening *o, const locust_ws_options *options)
{
    const char *at = locust__client_fields(&o->client), *name, *value, *wrong = NULL;
    bool upgrade = false, connection = false, offered = options->compress && LOCUST__WITH_ZLIB;
    int accepts = 0, good = 0;
    while (!wrong && locust__http_next_copied(&at, &name, &value)) {
        if (strcasecmp(name, "upgrade") == 0) {
            upgrade |= locust__head_out_lists(value, "websocket");
        } else if (strcasecmp(name, "connection") == 0) {
            connection |= locust__head_out_lists(value, "upgrade");
        } else if (strcasecmp(name, "sec-websocket-accept") == 0) {
            accepts++;
            good += strcmp(value, o->accept) == 0;
        } else if (strcasecmp(name, "sec-websocket-protocol") == 0) {
            wrong = locust__ws_opening_choose(ws, options, value);
        } else if (strcasecmp(name, "sec-websocket-extensions") == 0 &&
                   !locust__ws_deflate_answer(&ws->deflate, value, offered)) {
            wrong = "handshake with an extension that was not offered";
        }
    }
    return wrong                       ? wrong
           : !upgrade                  ? "handshake without Upgrade: websocket"
           : !connection               ? "handshake without Connection: Upgrade"
           : !accepts                  ? "handshake without Sec-WebSocket-Accept"
           : good != 1 || accepts != 1 ? "handshake with a wrong Sec-WebSocket-Accept"
                                       : NULL;
}

/* What an answer that is no 101 comes to: LOCUST_OK: another try. *wrong: it failed. */
static locust_error locust__ws_opening_answer(
    locust__ws *ws, locust__ws_opening *o, int status, int *hops, const char **wrong)
{
    char text[64];
    if (LOCUST__WITH_DIGEST && status == 401 && locust__exchange_challenged(&o->client, &o->x)) {
        o->client.block.len = o->x.response_at;
        return LOCUST_OK;
    }
    if (locust__exchange_redirects(&o->client, &o->x, status))
        return (*hops)++ == LOCUST__REQUEST_HOPS ? LOCUST_ERR_HTTP_REDIRECTS
                                                 : locust__ws_opening_follow(o, status);
    snprintf(text, sizeof text, "status %d in place of 101", status);
    *wrong = locust__stats_text(ws->client->user->all->services->recorder.stats, text);
    return LOCUST_OK;
}

static locust_error locust__ws_opening_run(locust__ws *ws, locust__ws_opening *o,
    const locust_ws_options *options, locust__allowance *a, const char **wrong) LOCUST__PARKS
{
    static locust__base_url none; // the URL is absolute
    locust__response_head h;
    int hops = 0;
    locust_error error = locust__head_out_target(&o->client, &o->x, &none);
    while (!error && !*wrong) {
        error = locust__ws_opening_try(ws, o, &h, a);
        if (error)
            return error;
        if (h.status == 101) {
            *wrong = locust__ws_opening_check(ws, o, options);
            return LOCUST_OK;
        }
        error = locust__ws_opening_answer(ws, o, h.status, &hops, wrong);
    }
    return error;
}

/* Opens a connection, for a WebSocket that is new (locust__ws_init). `url`: from locust__ws_url.
 * Returns NULL, or why there is none, which is in ws->dead too. *error, if a stream or a request
 * failed: its code. The generator's own waits go to *a. */
static const char *locust__ws_open(locust__ws *ws, const locust_ws_options *options,
    const char *url, locust__allowance *a, locust_error *error) LOCUST__PARKS
{
    locust__ws_opening *o = locust__ws_opening_new(ws->client->user, options, url);
    const char *wrong = NULL;
    *error = o ? locust__ws_opening_run(ws, o, options, a, &wrong) : LOCUST_ERR_MEMORY;
    if (o)
        locust__ws_opening_free(o);
    if (*error)
        wrong = locust__error_text(*error);
    if (wrong)
        locust__ws_lost(ws, wrong);
    ws->heard_ns = ws->client->user->all->services->loop->now_ns;
    if (options->ping_s > 0)
        ws->ping_ns = locust__time_ns(options->ping_s);
    if (options->max_message)
        ws->max_message = options->max_message;
    return wrong;
}
