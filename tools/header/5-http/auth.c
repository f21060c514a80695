/* ============================================================================================
 * >>auth  HTTP authentication: Basic, Digest
 *
 * Purpose     writes the value of an Authorization field, and reads the challenges that ask for
 *             one.
 * Cost        one allocation for each server that sends a Digest challenge; three hashes a request.
 * Names       locust__auth_ locust__digest_
 * Uses        >>head
 * Sources     RFC 9110 11 (challenges), RFC 7617 (Basic), RFC 7616 (Digest).
 * Limits      Digest with MD5 and SHA-256, their -sess forms, qop auth or none. No auth-int, no
 *             userhash: a challenge that offers nothing else is left to the test.
 * ============================================================================================ */

typedef struct locust__digest { // a server's challenge, for the requests that follow it
    struct locust__digest *next;
    const void *origin; // the server, by identity
    char realm[128], nonce[256], opaque[256];
    bool sha256, sess, named, qop; // algorithm, whether the server named it, qop=auth
    uint32_t uses;                 // how often the nonce was used
} locust__digest;

static void locust__digest_free_all(locust__digest **first)
{
    while (*first) {
        locust__digest *d = *first;
        *first = d->next;
        LOCUST_FREE(d);
    }
}

/* Appends the value of an Authorization field for Basic, and a '\0'. */
LOCUST__COLD static void locust__auth_basic(locust__buf *out, const char *credentials)
{
    locust__buf text = {NULL, 0, 0, false};
    locust__buf_printf(&text, "%s%s", credentials, strchr(credentials, ':') ? "" : ":");
    locust__buf_puts(out, "Basic ");
    locust__base64_encode(out, (locust__view){text.ptr, text.len});
    locust__buf_add(out, "", 1);
    out->failed |= text.failed;
    locust__buf_free(&text);
}

/* Skips the commas and blanks between the elements of a list. */
static locust__view locust__auth_skip_separators(locust__view v)
{
    while (v.len && (*v.ptr == ',' || locust__http_blank(*v.ptr)))
        v = locust__view_skip(v, 1);
    return v;
}

/* Copies the value at the front of `p` to `text`, as far as it fits. Returns what follows the
 * value. */
static locust__view locust__auth_value(locust__view p, char *text, size_t size)
{
    bool quoted = p.len && *p.ptr == '"';
    size_t n = 0, i = quoted;
    for (; i < p.len && (quoted ? p.ptr[i] != '"' : p.ptr[i] != ',' && p.ptr[i] != ' '); i++) {
        if (quoted && p.ptr[i] == '\\' && i + 1 < p.len) // quoted-pair, RFC 9110 5.6.4
            i++;
        if (n + 1 < size)
            text[n++] = p.ptr[i];
    }
    text[n] = '\0';
    return locust__view_skip(p, i + (quoted && i < p.len)); // behind the closing quote
}

/* Takes name=value off the front of a challenge's parameters. A value may be quoted. False: there
 * is no parameter; *in does not move. */
LOCUST__COLD static bool locust__auth_param(
    locust__view *in, locust__view *name, char *text, size_t size)
{
    locust__view p = locust__auth_skip_separators(*in);
    *name = (locust__view){p.ptr, locust__http_token_len(p)};
    p = locust__http_trim(locust__view_skip(p, name->len));
    if (!name->len || !p.len || *p.ptr != '=')
        return false;
    p = locust__http_trim(locust__view_skip(p, 1));
    *in = locust__auth_value(p, text, size);
    return true;
}

/* Skips the token68 that may follow a scheme in place of parameters, RFC 9110 11.2. */
static locust__view locust__auth_skip_token68(locust__view in)
{
    locust__view rest = locust__http_trim(in);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] &&
           (locust__text_is_alnum(rest.ptr[n]) || strchr("-._~+/", rest.ptr[n])))
        n++;
    while (n && n < rest.len && rest.ptr[n] == '=')
        n++;
    rest = locust__http_trim(locust__view_skip(rest, n));
    return n && (!rest.len || *rest.ptr == ',') ? rest : in;
}

static bool locust__auth_has_token(const char *list, const char *token)
{
    locust__view v = locust__view_of(list), element;
    while (locust__http_next(&v, &element))
        if (locust__view_is_nocase(element, token))
            return true;
    return false;
}

/* Takes the parameters of a Digest challenge off the front of *in. False: the challenge asks for
 * something that we lack. */
static bool locust__digest_parse(locust__digest *d, locust__view *in, bool *stale)
{
    locust__view name;
    char value[256];
    bool known = true, qop = false;
    bool cut = false; // a text does not fit: an answer to a part of it would be wrong
    memset(d, 0, sizeof *d);
    *stale = false;
    while (locust__auth_param(in, &name, value, sizeof value)) {
        if (locust__view_is_nocase(name, "realm")) {
            cut |= snprintf(d->realm, sizeof d->realm, "%s", value) >= (int)sizeof d->realm;
        } else if (locust__view_is_nocase(name, "nonce")) {
            cut |= strlen(value) == sizeof value - 1;
            memcpy(d->nonce, value, sizeof value);
        } else if (locust__view_is_nocase(name, "opaque")) {
            cut |= strlen(value) == sizeof value - 1;
            memcpy(d->opaque, value, sizeof value);
        } else if (locust__view_is_nocase(name, "stale")) {
            *stale = strcasecmp(value, "true") == 0;
        } else if (locust__view_is_nocase(name, "qop")) {
            qop = true;
            d->qop = locust__auth_has_token(value, "auth");
        } else if (locust__view_is_nocase(name, "algorithm")) {
            size_t len = strlen(value);
            d->named = true;
            d->sess = len > 5 && strcasecmp(value + len - 5, "-sess") == 0;
            if (d->sess)
                value[len - 5] = '\0';
            d->sha256 = strcasecmp(value, "SHA-256") == 0;
            known = d->sha256 || strcasecmp(value, "MD5") == 0;
        }
    }
    return known && !cut && *d->nonce && (d->qop || !qop);
}

/* Looks for Digest challenges in one WWW-Authenticate field, which may hold several of any kind. *d
 * becomes the strongest that we can answer. */
static bool locust__auth_find_digest(locust__view in, locust__digest *d, bool *stale)
{
    bool found = false;
    while (in.len) {
        locust__view scheme, name;
        locust__digest one;
        char value[256];
        bool old;
        in = locust__auth_skip_separators(in);
        scheme = (locust__view){in.ptr, locust__http_token_len(in)};
        if (!scheme.len)
            break;
        in = locust__auth_skip_token68(locust__view_skip(in, scheme.len));
        if (!locust__view_is_nocase(scheme, "digest")) {
            while (locust__auth_param(&in, &name, value, sizeof value))
                ;
            continue;
        }
        if (locust__digest_parse(&one, &in, &old) && (!found || (one.sha256 && !d->sha256))) {
            *d = one;
            *stale = old;
            found = true;
        }
    }
    return found;
}

/* Appends name="text". */
static void locust__auth_quote(locust__buf *out, const char *name, const char *text)
{
    locust__buf_printf(out, "%s=\"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            locust__buf_add(out, "\\", 1);
        locust__buf_add(out, text, 1);
    }
    locust__buf_add(out, "\"", 1);
}

/* Appends the value of an Authorization field that answers a challenge, RFC 7616 3.4, and a '\0'.
 */
LOCUST__APART LOCUST__COLD static void locust__auth_digest(locust__buf *out, locust__digest *d,
    const char *credentials, const char *method, const char *target, uint64_t random)
{
    const char *colon = strchr(credentials, ':'), *password = colon ? colon + 1 : "";
    char user[256], ha1[LOCUST__HASH_HEX], ha2[LOCUST__HASH_HEX], answer[LOCUST__HASH_HEX];
    char count[12], once[20];
    const locust__hash_kind *kind = d->sha256 ? &locust__hash_sha256 : &locust__hash_md5;
    locust__view nonce = locust__view_of(d->nonce);
    snprintf(user, sizeof user, "%.*s", (int)(colon ? colon - credentials : 255), credentials);
    snprintf(count, sizeof count, "%08lx", (unsigned long)++d->uses);
    snprintf(once, sizeof once, "%016llx", (unsigned long long)random);
    locust__hash_texts(kind,
        (locust__view[]){
            locust__view_of(user), locust__view_of(d->realm), locust__view_of(password)},
        3, ha1);
    if (d->sess)
        locust__hash_texts(
            kind, (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(once)}, 3, ha1);
    locust__hash_texts(
        kind, (locust__view[]){locust__view_of(method), locust__view_of(target)}, 2, ha2);
    if (d->qop)
        locust__hash_texts(kind,
            (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(count),
                locust__view_of(once), locust__view_of("auth"), locust__view_of(ha2)},
            6, answer);
    else
        locust__hash_texts(
            kind, (locust__view[]){locust__view_of(ha1), nonce, locust__view_of(ha2)}, 3, answer);
    locust__auth_quote(out, "Digest username", user);
    locust__auth_quote(out, ", realm", d->realm);
    locust__auth_quote(out, ", nonce", d->nonce);
    locust__auth_quote(out, ", uri", target);
    locust__auth_quote(out, ", response", answer);
    if (d->named)
        locust__buf_printf(
            out, ", algorithm=%s%s", d->sha256 ? "SHA-256" : "MD5", d->sess ? "-sess" : "");
    if (*d->opaque)
        locust__auth_quote(out, ", opaque", d->opaque);
    if (d->qop)
        locust__buf_printf(out, ", qop=auth, nc=%s", count);
    if (d->qop || d->sess)
        locust__auth_quote(out, ", cnonce", once);
    locust__buf_add(out, "", 1);
}
