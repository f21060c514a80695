/* ============================================================================================
 * >>head_known  heads of requests that were built before
 *
 * Purpose     a test sends the same few requests again and again: their heads are kept, and go out
 *             as they are while nothing that made them has changed.
 * Invariants  the key holds all that a head is made of: class, host, method, URL. A request with a
 *             header field, a body or credentials of any kind, or of a user with fields or cookies
 *             of its own, is not looked for. Texts are compared, not their addresses: a test may
 *             build its URLs in one buffer.
 * Cost        two comparisons of texts in place of building. A head is kept when its request comes
 *             for the second time in a row to its place, so URLs that never come again cost the
 *             copy of a URL.
 * Names       locust__head_known locust__head_known_
 * Uses        >>entry >>url >>base_url >>client >>head_out
 * ============================================================================================ */

enum {
    LOCUST__HEAD_KNOWN_HEADS = 16,
    LOCUST__HEAD_KNOWN_URL = 100,
    LOCUST__HEAD_KNOWN_BYTES = 448
};

typedef struct locust__head_known {
    const locust_user_class *cls;
    const locust__base_url *base;
    locust__origin *origin; // NULL: the head was not kept yet
    locust__entry *entry;   // the row of a request without a name; NULL: not known yet
    uint16_t target_at, target_len, url_len, head_len;
    uint32_t turn; // grows when another request takes the place
    char method[12], url[LOCUST__HEAD_KNOWN_URL];
    char bytes[LOCUST__HEAD_KNOWN_BYTES]; // absolute URL \0 head
} locust__head_known;

/* Does a request have nothing but a method, a URL, and what its answer is held against? One test
 * for all fields, as most requests are so. */
static inline bool locust__head_known_is_plain(const locust_request *req)
{
    uintptr_t other = (uintptr_t)req->headers | (uintptr_t)req->body | (uintptr_t)req->form |
                      (uintptr_t)req->json | (uintptr_t)req->params | (uintptr_t)req->form_fields |
                      (uintptr_t)req->parts | (uintptr_t)req->body_path | (uintptr_t)req->body_fn |
                      (uintptr_t)req->on_body | (uintptr_t)req->on_event | (uintptr_t)req->stream |
                      (uintptr_t)req->on_mark | (uintptr_t)req->bearer | (uintptr_t)req->auth |
                      req->body_len | (uintptr_t)req->expect_json;
    return !other;
}

/* Is the head of a plain request made of nothing but its method and URL? */
static bool locust__head_known_suits(
    const locust__client *c, const locust_request *req, const locust__base_url *base)
{
    return !c->session->fields && !c->session->jar.first && !c->cls->headers && !base->auth.len &&
           req->url && *req->url == '/' && c->services->heads_known;
}

/* The place of a request's head. Of another one there only `origin` and the texts matter, and are
 * changed: the place is this one's from now on. */
static locust__head_known *locust__head_known_of(
    const locust__client *c, const locust_request *req, const locust__base_url *base)
{
    uintptr_t at = (uintptr_t)req->url;
    const char *method = req->method ? req->method : "GET";
    locust__head_known *k =
        &c->services->heads_known[(at ^ at >> 4 ^ at >> 8) % LOCUST__HEAD_KNOWN_HEADS];
    size_t url_len, method_len;
    if (k->cls == c->cls && k->base == base && strcmp(k->url, req->url) == 0 &&
        strcmp(k->method, method) == 0)
        return k;
    url_len = strlen(req->url);
    method_len = strlen(method);
    if (url_len >= sizeof k->url || method_len >= sizeof k->method)
        return NULL;
    k->cls = c->cls;
    k->base = base;
    k->turn++;
    k->origin = NULL;
    k->entry = NULL;
    k->head_len = 0;
    memcpy(k->url, req->url, url_len + 1);
    memcpy(k->method, method, method_len + 1);
    return k;
}

/* Keeps a head that was just built, if its request came before. `head_len` says so. */
static void locust__head_known_keep(
    locust__head_known *k, const locust__client *c, const locust__exchange *x, locust__view head)
{
    if (!k->head_len) {
        k->head_len = 1;
    } else if (x->response_at + head.len <= sizeof k->bytes) {
        k->target_at = (uint16_t)x->target_at;
        k->target_len = (uint16_t)x->target_len;
        k->url_len = (uint16_t)x->response_at;
        k->head_len = (uint16_t)head.len;
        memcpy(k->bytes, c->block.ptr, x->response_at);
        memcpy(k->bytes + x->response_at, head.ptr, head.len);
        k->origin = x->origin;
    }
}
