/* ============================================================================================
 * >>session  the session of a user
 *
 * Purpose     what the requests of one user have in common: connections, cookies, header fields,
 *             answered challenges, a client certificate. The coroutines of a user share it.
 * Names       locust__session_
 * Uses        >>url >>head >>cookie >>auth >>services >>pool >>base_url
 * ============================================================================================ */

typedef struct locust__session_field { // a header field of all requests of a user
    struct locust__session_field *next;
    char *value; // behind the name
    char name[];
} locust__session_field;

typedef struct locust__session {
    locust__conns *conns; // its own, or those that the class's users share
    locust__conns own;
    locust__conn conn; // the first of its own
    locust__jar jar;
    locust__digest *digests;
    locust__session_field *fields;
    const char *host;                 // the field Host of the class; NULL: none
    const char *cert_file, *key_file; // in place of the class's; NULL: the class's
    const char **failure; // of a set-up step, which is not counted: its first failure; else NULL
    double late_ms;       // how late the user's arrival was, until a sample takes it; else 0
    int64_t began_ns;     // when the user's first operation began; 0: none has
    bool answered;        // one has ended, well or not
} locust__session;

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

/* An operation of the user begins. */
static void locust__session_begin(locust__session *session, int64_t now_ns)
{
    if (!session->began_ns)
        session->began_ns = now_ns;
}

/* Takes the lateness of an arrival away from the session: only the first sample of the arrival has
 * it. */
static double locust__session_take_late(locust__session *session)
{
    double ms = session->late_ms;
    session->late_ms = 0;
    return ms;
}

/* An operation of the user has ended. Returns how late its arrival was. */
static double locust__session_end(locust__session *session)
{
    session->answered = true;
    return locust__session_take_late(session);
}

/* The value of the user's own field; NULL: there is none. */
static const char *locust__session_field_of(const locust__session *session, const char *name)
{
    const locust__session_field *f = session->fields;
    while (f && strcasecmp(f->name, name) != 0)
        f = f->next;
    return f ? f->value : NULL;
}

/* Sets a field, or removes it if the value is NULL. False: it is not a field, or no memory. */
static bool locust__session_set_field(locust__session *session, const char *name, const char *value)
{
    locust__session_field **at = &session->fields, *f;
    size_t name_len = strlen(name) + 1, value_len = value ? strlen(value) + 1 : 0;
    if (!locust__http_is_token(locust__view_of(name)) ||
        (value && !locust__http_is_value(locust__view_of(value))))
        return false;
    f = value ? locust__memory_zalloc(sizeof *f + name_len + value_len) : NULL;
    if (value && !f)
        return false;
    while (*at && strcasecmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at) {
        locust__session_field *old = *at;
        *at = old->next;
        LOCUST_FREE(old);
    }
    if (!f)
        return true;
    memcpy(f->name, name, name_len);
    f->value = f->name + name_len;
    memcpy(f->value, value, value_len);
    f->next = *at;
    *at = f;
    return true;
}

/* What cookies go by: the host and path of a page. A URL below the user's host is a page there.
 * `text` holds the two. False: the URL is invalid. */
static bool locust__session_page(const locust__session *session, locust__services *services,
    const locust__base_url *base, const char *url, locust__buf *text, locust__cookie_site *site)
{
    const char *field = locust__session_field_of(session, "host");
    locust__view host = locust__cookie_host(field ? field : session->host ? session->host : "");
    size_t host_at;
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    const char *path = url, *broken;
    if (locust__url_is_absolute(url)) {
        locust_error error = locust__base_url_parse(services, url, &own, &broken);
        locust__base_url_free(&own);
        if (error)
            return false;
        base = &own; // its credentials alone are gone
        path = "";
    }
    if (!base->origin)
        return false;
    locust__url_add_target(text, base->prefix, path, NULL);
    locust__buf_add(text, "", 1);
    host_at = text->len;
    locust__buf_add(text, host.ptr, host.len);
    locust__buf_add(text, "", 1);
    if (text->failed)
        return false;
    *site = locust__cookie_site_of(base->origin, text->ptr);
    if (host.len)
        site->host = text->ptr + host_at;
    return true;
}

/* Takes the text of a Set-Cookie field as if that page had sent it. */
static bool locust__session_set_cookie(locust__session *session, locust__services *services,
    const locust__base_url *base, const char *url, const char *cookie)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    bool taken = locust__session_page(session, services, base, url, &text, &site) &&
                 locust__jar_take(&session->jar, &site, locust__view_of(cookie),
                     locust__os_wall_ns() / LOCUST__S);
    locust__buf_free(&text);
    return taken;
}

/* The value of the cookie that a request for that page would send; NULL: there is none. */
static const char *locust__session_cookie(locust__session *session, locust__services *services,
    const locust__base_url *base, const char *url, const char *name)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__jar_cookie *cookie = NULL;
    if (locust__session_page(session, services, base, url, &text, &site)) {
        cookie = locust__jar_match(session->jar.first, &site, now_s);
        while (cookie && strcmp(cookie->name, name) != 0)
            cookie = locust__jar_match(cookie->next, &site, now_s);
    }
    locust__buf_free(&text);
    return cookie ? cookie->value : NULL;
}
