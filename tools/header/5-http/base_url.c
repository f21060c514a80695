/* ============================================================================================
 * >>base_url  a user's host, taken apart once
 *
 * Purpose     the beginning of every URL of a class's requests: server, path in front, credentials.
 * Names       locust__base_url_
 * Uses        >>tls >>url >>head >>services
 * ============================================================================================ */

typedef struct locust__base_url { // a user's host, taken apart once
    locust__origin *origin;       // NULL: there is no host
    const char *prefix;           // path in front of that of every request; "": none
    const char *text;             // scheme://host[:port], for text_len bytes
    size_t text_len;
    locust__buf auth; // user:password of the URL, decoded; empty: none
} locust__base_url;

static void locust__base_url_free(locust__base_url *base)
{
    locust__buf_free(&base->auth);
}

/* Parses a host such as http://127.0.0.1:8080/prefix. *broken: why the program cannot use it at
 * all; NULL: it can. */
LOCUST__COLD static locust_error locust__base_url_parse(
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
    if (secure && !LOCUST__WITH_TLS) {
        *broken = locust__tls_needed;
        return LOCUST_ERR_URL;
    }
    base->origin = locust__origin_of(&services->origins, &services->arena, &url, secure);
    if (!base->origin)
        return LOCUST_ERR_MEMORY;
    base->text = text;
    base->text_len = (size_t)(url.rest.ptr - text);
    base->prefix = url.rest.len == 1 && *url.rest.ptr == '/' ? "" : url.rest.ptr;
    if (url.user_info.len) { // goes into a header field, not over the wire with the URL
        locust__url_decode(&base->auth, url.user_info);
        if (!locust__http_is_value((locust__view){base->auth.ptr, base->auth.len}))
            return LOCUST_ERR_URL; // RFC 7617 2: no control characters
        locust__buf_add(&base->auth, "", 1);
        base->text = base->origin->url;
        base->text_len = strlen(base->text);
    }
    return base->auth.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}
