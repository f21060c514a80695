/* ============================================================================================
 * >>session  the session of a user
 *
 * Purpose     fields that it sends always, and its cookies as a test reads and sets them.
 * Names       locust__session_
 * Uses        >>url >>head >>cookie >>base_url >>client
 * ============================================================================================ */

static bool locust__session_set_field(locust__client *c, const char *name, const char *value)
{
    locust__session_field **at = &c->session->fields, *f;
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

/* The URL of a page of this user, as cookies see it; x->target_at and x->origin are set. The block is
 * not touched: `text` gets the target. */
static bool locust__session_page(locust__client *c, const locust__base_url *base, const char *url,
    locust__buf *text, locust__cookie_site *site)
{
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    const char *scheme = strstr(url, "://"), *path = url, *broken;
    if (scheme && (size_t)(scheme - url) < strcspn(url, "/?#")) {
        locust_error error = locust__base_url_parse(c->services, url, &own, &broken);
        locust__base_url_free(&own);
        if (error)
            return false;
        base = &own;
        path = "";
    }
    if (!base->origin)
        return false;
    if (*base->prefix != '/' && *path != '/')
        locust__buf_puts(text, "/");
    locust__url_add(text, locust__view_of(base->prefix));
    locust__url_add(text, locust__view_of(path));
    locust__buf_add(text, "", 1);
    if (text->failed)
        return false;
    *site = (locust__cookie_site){
        base->origin->host, {text->ptr, strcspn(text->ptr, "?")}, base->origin->secure};
    return true;
}

static bool locust__session_set_cookie(
    locust__client *c, const locust__base_url *base, const char *url, const char *cookie)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    bool taken = LOCUST__WITH_COOKIES && !c->cls->no_cookies &&
                 locust__session_page(c, base, url, &text, &site) &&
                 locust__jar_take(&c->session->jar, &site, locust__view_of(cookie),
                     locust__os_wall_ns() / LOCUST__S);
    locust__buf_free(&text);
    return taken;
}

static const char *locust__session_cookie(
    locust__client *c, const locust__base_url *base, const char *url, const char *name)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__cookie_site site;
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__jar_cookie *cookie = NULL;
    if (locust__session_page(c, base, url, &text, &site)) {
        cookie = locust__jar_match(c->session->jar.first, &site, now_s);
        while (cookie && strcmp(cookie->name, name) != 0)
            cookie = locust__jar_match(cookie->next, &site, now_s);
    }
    locust__buf_free(&text);
    return cookie ? cookie->value : NULL;
}
