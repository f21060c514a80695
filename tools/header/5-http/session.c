/* -- the session of a user -- */

static bool locust__client_set_field(locust__client *c, const char *name, const char *value)
{
    locust__own_field **at = &c->session->fields, *f;
    size_t name_len = strlen(name) + 1, value_len = value ? strlen(value) + 1 : 0;
    if (!locust__http_is_token(locust__view_of(name)) ||
        (value && !locust__http_is_value(locust__view_of(value))))
        return false;
    f = value ? locust__base_zalloc(sizeof *f + name_len + value_len) : NULL;
    if (value && !f)
        return false;
    while (*at && strcasecmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at) {
        locust__own_field *old = *at;
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
static bool locust__client_page(locust__client *c, const locust__base_url *base, const char *url,
    locust__buf *text, locust__site *site)
{
    locust__base_url own = {.auth = {NULL, 0, 0, false}};
    const char *scheme = strstr(url, "://"), *path = url, *broken;
    if (scheme && (size_t)(scheme - url) < strcspn(url, "/?#")) {
        locust_error error = locust__client_base(c->services, url, &own, &broken);
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
    *site = (locust__site){
        base->origin->host, {text->ptr, strcspn(text->ptr, "?")}, base->origin->secure};
    return true;
}

static bool locust__client_set_cookie(
    locust__client *c, const locust__base_url *base, const char *url, const char *cookie)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__site site;
    bool taken = LOCUST__KEEP_COOKIES && !c->cls->no_cookies &&
                 locust__client_page(c, base, url, &text, &site) &&
                 locust__jar_take(&c->session->jar, &site, locust__view_of(cookie),
                     locust__os_wall_ns() / LOCUST__S);
    locust__buf_free(&text);
    return taken;
}

static const char *locust__client_cookie(
    locust__client *c, const locust__base_url *base, const char *url, const char *name)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__site site;
    int64_t now_s = locust__os_wall_ns() / LOCUST__S;
    const locust__cookie *cookie = NULL;
    if (locust__client_page(c, base, url, &text, &site)) {
        cookie = locust__jar_match(c->session->jar.first, &site, now_s);
        while (cookie && strcmp(cookie->name, name) != 0)
            cookie = locust__jar_match(cookie->next, &site, now_s);
    }
    locust__buf_free(&text);
    return cookie ? cookie->value : NULL;
}

LOCUST_API const char *locust_header(const locust_response *r, const char *name)
{
    return locust__client_field((const locust__client *)(const void *)r, name);
}

static locust__client *locust__client_of(locust_response *r, const char *what)
{
    locust__client *c = (locust__client *)(void *)r;
    if (!c->pending)
        locust__base_die(LOCUST__EXIT_USAGE,
            "%s() needs a response that waits for its verdict: made with .catch_response = true, "
            "and no later request of that user",
            what);
    return c;
}

LOCUST_API void locust_success(locust_response *r)
{
    locust__client_of(r, "locust_success")->verdict = LOCUST__VERDICT_SUCCESS;
}

LOCUST_API void locust_failure(locust_response *r, const char *format, ...)
{
    locust__client *c = locust__client_of(r, "locust_failure");
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->verdict = LOCUST__VERDICT_FAILURE;
    c->verdict_text = locust__stats_text(c->services->recorder.stats, text);
}

static bool locust__client_json(const locust_response *r, const char *path, locust__view *value)
{
    return r->body_len && locust__json_find((locust__view){r->body, r->body_len}, path, value);
}

LOCUST_API bool locust_json_number(const locust_response *r, const char *path, double *out)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {.found = false};
    locust__view value;
    char text[64];
    if (!locust__client_json(r, path, &value) || !locust__json_is_number(value) ||
        !locust__extract_copy(value.ptr, value.len, text, sizeof text))
        return false;
    search.text = text;
    locust__loop_call(c->services->loop, locust__search_number, &search);
    *out = search.number;
    return true;
}

LOCUST_API bool locust_json_string(
    const locust_response *r, const char *path, char *out, size_t size)
{
    locust__view value;
    return locust__client_json(r, path, &value) && locust__json_decode(value, out, size);
}

LOCUST_API bool locust_json_bool(const locust_response *r, const char *path, bool *out)
{
    locust__view value;
    if (!locust__client_json(r, path, &value) ||
        !(locust__view_is(value, "true") || locust__view_is(value, "false")))
        return false;
    *out = locust__view_is(value, "true");
    return true;
}

LOCUST_API bool locust_match(
    const locust_response *r, const char *regex, int group, char *out, size_t size)
{
    const locust__client *c = (const locust__client *)(const void *)r;
    locust__search search = {
        .patterns = &c->services->patterns, .text = r->body, .regex = regex, .group = group};
    locust__loop_call(c->services->loop, locust__search_pattern, &search);
    return search.found && locust__extract_copy(r->body + search.match.rm_so,
                               (size_t)(search.match.rm_eo - search.match.rm_so), out, size);
}

LOCUST_API bool locust_find_between(
    const locust_response *r, const char *left, const char *right, char *out, size_t size)
{
    return locust__extract_between(r->body, left, right, out, size);
}
