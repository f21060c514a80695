/* ============================================================================================
 * >>dns_http  questions over HTTPS
 *
 * Purpose     sends a question as a request of the user's HTTP client (DoH), so that connections,
 *             TLS, proxies and certificates are those of requests.
 * Invariants  the request makes no row of its own: it is the question's.
 * Names       locust__dns_http_
 * Uses        >>stats >>dns >>client >>request >>user >>retry >>life >>control >>dns_message
 *             >>dns_client
 * Sources     RFC 8484, of which 4.1.1 gives the form of GET: base64url without '='.
 * Limits      what the client speaks: a server that knows HTTP/2 alone is told of in words.
 * ============================================================================================ */

/* Adds bytes as base64url without '=', RFC 4648 5. */
static void locust__dns_http_encode(locust__buf *out, locust__view bytes)
{
    size_t from = out->len;
    locust__base64_encode(out, bytes);
    while (out->len > from && out->ptr[out->len - 1] == '=')
        out->len--;
    for (size_t i = from; i < out->len; i++)
        out->ptr[i] = out->ptr[i] == '+' ? '-' : out->ptr[i] == '/' ? '_' : out->ptr[i];
}

/* The URL to ask, and for GET the question in it. A template of RFC 8484 may end in {?dns}. */
static void locust__dns_http_url(
    locust__buf *out, const locust__dns_client *c, const locust_dns_question *q, size_t len)
{
    const char *url = c->url ? c->url : c->as.user->as.host, *template = strstr(url, "{?dns}");
    (void)q;
    locust__buf_add(out, url, template ? (size_t)(template - url) : strlen(url));
    if (c->get) {
        locust__buf_puts(out, memchr(out->ptr, '?', out->len) ? "&dns=" : "?dns=");
        locust__dns_http_encode(out, (locust__view){c->block.ptr + 2, len});
    }
    locust__buf_add(out, "", 1);
}

/* Why the HTTP response has no answer in it; NULL: it has. */
static const char *locust__dns_http_judge(const locust__dns_client *c, size_t question_len)
{
    const locust__client *http = c->as.user->client;
    const locust_response *r = &http->response;
    const char *type = locust__client_field(http, "content-type");
    const unsigned char *m = (const unsigned char *)r->body;
    char text[160];
    // Servers that speak HTTP/2 alone end the connection, or send a frame of it.
    if (r->code == LOCUST_ERR_HTTP_NO_RESPONSE || r->code == LOCUST_ERR_HTTP_VERSION ||
        r->code == LOCUST_ERR_TLS_ALPN) {
        snprintf(text, sizeof text, "%s: the server may speak HTTP/2 alone", r->error);
        return locust__stats_text(http->services->recorder.stats, text);
    }
    if (r->error)
        return r->error;
    if (r->status != 200) {
        snprintf(text, sizeof text, "HTTP status %d in place of an answer", r->status);
        return locust__stats_text(http->services->recorder.stats, text);
    }
    if (!type || strncasecmp(type, "application/dns-message", 23) != 0)
        return "not application/dns-message";
    if (r->body_len < LOCUST__DNS_MESSAGE_HEAD)
        return "malformed answer";
    if (!(m[2] & 0x80) || m[0] != (unsigned char)c->block.ptr[2] ||
        m[1] != (unsigned char)c->block.ptr[3] ||
        (!(m[3] & LOCUST__DNS_CODE) && !locust__dns_answers(m, r->body_len,
                                           (const unsigned char *)c->block.ptr + 2, question_len)))
        return "an answer to another question";
    return NULL;
}

/* One question over HTTPS. The id is 0, so that caches find it: RFC 8484 4.1. Returns false if the
 * user is being stopped. */
static bool locust__dns_http_query(
    locust__dns_client *c, const locust_dns_question *q, const char *row) LOCUST__PARKS
{
    locust__user *user = c->as.user;
    locust__client *http = user->client;
    locust__buf url = {NULL, 0, 0, false};
    size_t end = 0, len = locust__dns_client_write(c, q, 0, &end);
    double timeout_s =
        q->timeout_s < 0 || q->timeout_s > 0 ? q->timeout_s : (double)LOCUST__DNS_CLIENT_TIMEOUT_S;
    locust_request req = {.method = c->get ? "GET" : "POST",
        .name = row,
        .body = c->get ? NULL : c->block.ptr + 2,
        .body_len = c->get ? 0 : len,
        .headers = LOCUST_HEADERS({"Accept", "application/dns-message"},
            {c->get ? NULL : "Content-Type", "application/dns-message"}),
        .timeout_s = timeout_s,
        .context = q->context,
        .catch_response = true};
    locust_error error;
    const char *why;
    if (user->root->lost) {
        locust__retry_park(user);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
    locust__dns_http_url(&url, c, q, len);
    c->answer.tries = 1;
    if (!len || url.failed) {
        locust__buf_free(&url);
        c->answer.error = locust__error_text(LOCUST_ERR_MEMORY);
        return true;
    }
    req.url = url.ptr;
    http->kind = "DNS";
    error = locust__request_send(http, &req, &user->cls->base);
    http->kind = NULL;
    locust__buf_free(&url);
    if (http->broken)
        locust__control_break(user, http->broken);
    if (error == LOCUST_ERR_CANCELLED)
        return false;
    locust__retry_note(user, http->response.code);
    why = locust__dns_http_judge(c, end);
    if (!why) {
        locust__buf_add_tight(&c->block, http->response.body, http->response.body_len);
        why = c->block.failed ? locust__error_text(LOCUST_ERR_MEMORY) : NULL;
    }
    if (!why) {
        locust__dns_client_place(c, len);
        why = locust__dns_client_judge(c, q);
    }
    c->answer.error = why;
    c->answer.elapsed_ms = http->response.elapsed_ms;
    http->verdict = why ? LOCUST__VERDICT_FAILURE : LOCUST__VERDICT_SUCCESS;
    http->verdict_text = why;
    locust__client_settle(http);
    return true;
}
