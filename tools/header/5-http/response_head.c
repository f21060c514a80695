/* ============================================================================================
 * >>response_head  the head of a response
 *
 * Purpose     the status line, and what a status says of the body. Heads that came before: a server
 *             says the same again and again, but for the second, and what is the same byte for byte
 *             needs no parsing.
 * Cost        a head that is known: a comparison and a copy.
 * Names       locust__response_head_ locust__response_heads locust__response_heads_
 * Uses        >>head
 * Sources     RFC 9112 4 (status line), 6.3 (body length).
 *
 *   what is kept of a response's head:
 *
 *     reason \0  name \0 value \0  name \0 value \0  \0
 * ============================================================================================ */

typedef struct locust__response_head {
    locust__http_framing framing;
    int status;
    uint32_t reason_len; // with its '\0'
    bool cookies;        // there is a Set-Cookie
    bool coded;          // there is a Content-Encoding
} locust__response_head;

enum { LOCUST__RESPONSE_HEADS = 8, LOCUST__RESPONSE_HEADS_BYTES = 512 };

typedef struct locust__response_head_known {
    size_t len, kept_len; // 0: there is none here
    locust__response_head h;
    char bytes[LOCUST__RESPONSE_HEADS_BYTES]; // as it came
    char kept[LOCUST__RESPONSE_HEADS_BYTES];
} locust__response_head_known;

typedef struct locust__response_heads { // the latest, by the length of what they came with
    locust__response_head_known known[LOCUST__RESPONSE_HEADS];
} locust__response_heads;

/* status-line = HTTP-version SP 3DIGIT SP [reason]; the last SP may be missing. Copies the reason
 * and a '\0' to *to. */
static locust_error locust__response_head_status_line(
    const char **from, const char *end, locust__response_head *h, char **to)
{
    const char *p = *from, *reason = *to;
    size_t n = (size_t)(end - p);
    if (n < 7 || memcmp(p, "HTTP/1.", 7) != 0)
        return LOCUST_ERR_HTTP_VERSION;
    if (n < 13 || !locust__text_is_digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
        !locust__text_is_digit(p[10]) || !locust__text_is_digit(p[11]) ||
        (p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
        return LOCUST_ERR_HTTP_STATUS_LINE;
    h->framing.minor = p[7] - '0';
    h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    *from = p + 12;
    *to = locust__http_copy_line(from, end, *to);
    if (!*to)
        return LOCUST_ERR_HTTP_STATUS_LINE;
    *(*to)++ = '\0';
    h->reason_len = (uint32_t)(*to - reason);
    return LOCUST_OK;
}

/* Takes the field lines and the empty line behind them. */
static locust_error locust__response_head_fields(
    const char **from, const char *end, locust__response_head *h, char **to)
{
    const char *p = *from; // stays in a register: stores through *to could change *from
    char *at = *to;
    while (!locust__http_line_end(&p, end)) {
        locust__view name, value;
        locust_error error = locust__http_field_line(&p, end, &at, &name, &value);
        if (!error)
            error = locust__http_note_field(&h->framing, name, value);
        if (error)
            return error;
        if (name.len == 10 && locust__http_is_name(name, "set-cookie"))
            h->cookies = true;
        else if (name.len == 16 && locust__http_is_name(name, "content-encoding"))
            h->coded = true;
    }
    *at++ = '\0';
    *to = at;
    *from = p;
    return LOCUST_OK;
}

/* Parses a head with its empty line at the front of n bytes, and appends its texts to `kept`, which
 * has room for n. *used: the length of the head. An incomplete head is an error as well, and leaves
 * `kept` as it was. */
static locust_error locust__response_head_parse(
    const char *p, size_t n, locust__response_head *h, locust__buf *kept, size_t *used)
{
    const char *at = p, *end = p + n;
    char *to = kept->ptr + kept->len;
    locust_error error;
    memset(h, 0, sizeof *h);
    error = locust__response_head_status_line(&at, end, h, &to);
    if (!error)
        error = locust__response_head_fields(&at, end, h, &to);
    if (!error)
        error = locust__http_check_framing(&h->framing);
    if (error)
        return error;
    kept->len = (size_t)(to - kept->ptr);
    *used = (size_t)(at - p);
    return LOCUST_OK;
}

/* The same with a look at the heads that came before. */
static locust_error locust__response_head_recall(locust__response_heads *heads, const char *p,
    size_t n, locust__response_head *h, locust__buf *kept, size_t *used)
{
    locust__response_head_known *k = &heads->known[n % LOCUST__RESPONSE_HEADS];
    size_t at = kept->len;
    locust_error error;
    if (k->len && k->len <= n && memcmp(p, k->bytes, k->len) == 0) {
        memcpy(kept->ptr + at, k->kept, k->kept_len);
        kept->len += k->kept_len;
        *h = k->h;
        *used = k->len;
        return LOCUST_OK;
    }
    error = locust__response_head_parse(p, n, h, kept, used);
    if (!error && *used <= LOCUST__RESPONSE_HEADS_BYTES) {
        k->len = *used;
        k->kept_len = kept->len - at;
        k->h = *h;
        memcpy(k->bytes, p, k->len);
        memcpy(k->kept, kept->ptr + at, k->kept_len);
    }
    return error;
}

/* How the body ends, RFC 9112 6.3. `to_head`: the request was a HEAD. */
static enum locust__body locust__response_head_body(const locust__response_head *h, bool to_head)
{
    if (to_head || h->status < 200 || h->status == 204 || h->status == 304)
        return LOCUST__BODY_NONE;
    return h->framing.chunked ? LOCUST__BODY_CHUNKED
           : h->framing.sized ? LOCUST__BODY_SIZED
                              : LOCUST__BODY_CLOSE;
}
