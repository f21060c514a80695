/* ============================================================================================
 * >>pg_login  logging in to PostgreSQL
 *
 * Purpose     what is said on a new connection, up to the server's ReadyForQuery.
 * Invariants  a server that asked for SCRAM has to prove that it knows the password, too, before it
 *             is believed that the login is done.
 * Names       locust__pg_auth_ locust__pg_login locust__pg_login_ locust__pg_no_postgres
 *             locust__pg_up
 * Uses        >>allowance >>tls >>retry >>scram >>pg_message >>pg_url >>pg_answer >>pg_client
 *             >>pg_open
 * Sources     PostgreSQL 15's manual, 55.2.1 (start-up), 55.3 (SASL), 34.19.3 (a second try with or
 *             without TLS); RFC 5802.
 * ============================================================================================ */

static const char locust__pg_no_postgres[] = "the server does not speak PostgreSQL";

typedef struct locust__pg_login_state { // of one
    locust__pg *c;
    locust__allowance *a;
    locust__tls_binding *binding;
    locust__scram scram;
    const char *header; // how its messages begin; NULL: SCRAM was not asked for
    bool odd_password;  // SASLprep might make another one of it
    bool proved;        // the server knows the password
    bool in;            // the server says that the login is done
    bool refused;       // the server refused it
} locust__pg_login_state;

static locust__bytes_writer locust__pg_login_writer(const locust__pg_login_state *l)
{
    return locust__pg_put_to(&locust__pg_client_services(l->c)->auth);
}

static const char *locust__pg_login_send(
    const locust__pg_login_state *l, const locust__bytes_writer *w) LOCUST__PARKS
{
    return locust__pg_client_send(l->c, w, l->a->deadline_ns);
}

/* Sends StartupMessage. */
static const char *locust__pg_login_greet(const locust__pg_login_state *l) LOCUST__PARKS
{
    const locust__pg_url *url = l->c->url;
    const char *const pairs[][2] = {{"user", url->user}, {"database", url->database},
        {"application_name", url->application}, {"client_encoding", url->encoding},
        {"options", url->options}};
    locust__bytes_writer w = locust__pg_login_writer(l);
    size_t at = locust__pg_put_begin(&w, '\0');
    locust__bytes_put_u32(&w, LOCUST__PG_CODE_STARTUP);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][1] && *pairs[i][1]) {
            locust__pg_put_text(&w, pairs[i][0]);
            locust__pg_put_text(&w, pairs[i][1]);
        }
    locust__bytes_put_u8(&w, 0);
    locust__pg_put_end(&w, at);
    return locust__pg_login_send(l, &w);
}

/* -- passwords -- */

/* "md5" and the digest of another digest and the salt. */
static void locust__pg_auth_md5(
    const locust__pg_url *url, locust__view salt, char out[3 + LOCUST__HASH_HEX])
{
    locust__hash h;
    char inner[LOCUST__HASH_HEX];
    locust__hash_init(&h, &locust__hash_md5);
    locust__hash_add(&h, url->password, strlen(url->password));
    locust__hash_add(&h, url->user, strlen(url->user));
    locust__hash_end(&h, inner);
    locust__hash_init(&h, &locust__hash_md5);
    locust__hash_add(&h, inner, strlen(inner));
    locust__hash_add(&h, salt.ptr, salt.len);
    snprintf(out, 4, "md5");
    locust__hash_end(&h, out + 3);
}

/* Chooses among the mechanisms that the server has, and sends the first message of SCRAM. The name
 * in it is empty: the server has it already. */
static const char *locust__pg_auth_begin(locust__pg_login_state *l, locust__view list) LOCUST__PARKS
{
    const locust__pg *c = l->c;
    locust__bytes_reader r = locust__bytes_reader_of(list.ptr, list.len);
    bool plain = false, plus = false;
    bool binds = c->secure && l->binding->len && c->url->binding != LOCUST__PG_BINDING_DISABLE;
    const char *name;
    locust__bytes_writer w = locust__pg_login_writer(l);
    size_t at, len_at;
    if (l->header)
        return locust__pg_malformed;
    while ((name = locust__pg_text_take(&r)) != NULL && *name) {
        plain |= strcmp(name, "SCRAM-SHA-256") == 0;
        plus |= strcmp(name, "SCRAM-SHA-256-PLUS") == 0;
    }
    if (!name || r.left)
        return locust__pg_malformed;
    if (!plain && !(plus && binds))
        return "login failed: the server has no mechanism of SASL that this kit has";
    plus = plus && binds;
    if (!plus && c->url->binding == LOCUST__PG_BINDING_REQUIRE)
        return "login failed: there is no channel binding, which the URL requires";
    // "y": we could, and the server did not offer it. So it notices if somebody took its offer out.
    l->header = plus ? "p=tls-server-end-point,," : binds ? "y,," : "n,,";
    locust__scram_init(&l->scram, &locust__hash_sha256);
    at = locust__pg_put_begin(&w, 'p');
    locust__pg_put_text(&w, plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256");
    len_at = locust__pg_put_begin(&w, '\0');
    locust__scram_first(&l->scram, locust__view_of(l->header), (locust__view){"", 0}, w.buf);
    locust__pg_put_length(&w, len_at, w.buf->len - len_at - 4);
    locust__pg_put_end(&w, at);
    return locust__pg_login_send(l, &w);
}

/* Answers the server's first message of SCRAM. */
static const char *locust__pg_auth_go_on(
    locust__pg_login_state *l, locust__view message) LOCUST__PARKS
{
    const char *password = l->c->url->password, *why;
    locust__buf out = {NULL, 0, 0, false}, prepared = {NULL, 0, 0, false};
    locust__view binding = {NULL, 0};
    locust__bytes_writer w;
    size_t at;
    if (!l->header || l->proved)
        return locust__pg_malformed;
    if (*l->header == 'p')
        binding = (locust__view){(const char *)l->binding->bytes, l->binding->len};
    l->odd_password = !locust__scram_prepare(&prepared, locust__view_of(password));
    why = prepared.failed ? locust__error_text(LOCUST_ERR_MEMORY)
                          : locust__scram_final(&l->scram, locust__pg_client_services(l->c),
                                message, (locust__view){prepared.ptr, prepared.len},
                                locust__view_of(l->header), binding, l->a, &out);
    locust__buf_free(&prepared);
    if (l->c->as.user->co->cancelled)
        why = locust__pg_text_cut;
    if (!why) {
        w = locust__pg_login_writer(l);
        at = locust__pg_put_begin(&w, 'p');
        locust__bytes_add(&w, out.ptr, out.len);
        locust__pg_put_end(&w, at);
        why = locust__pg_login_send(l, &w);
    }
    locust__buf_free(&out);
    return why;
}

/* The server says that the login is done. */
static const char *locust__pg_auth_done(locust__pg_login_state *l)
{
    if (l->header && !l->proved)
        return "login failed: the server does not prove that it knows the password";
    if (l->c->url->binding == LOCUST__PG_BINDING_REQUIRE && (!l->header || *l->header != 'p'))
        return "login failed: there is no channel binding, which the URL requires";
    l->in = true;
    return NULL;
}

/* Answers an authentication request. */
static const char *locust__pg_auth(locust__pg_login_state *l, locust__view body) LOCUST__PARKS
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    uint32_t code = locust__bytes_get_u32(&r);
    locust__view rest = {(const char *)r.at, r.left};
    locust__bytes_writer w = locust__pg_login_writer(l);
    char digest[3 + LOCUST__HASH_HEX];
    bool sized = code == 5 ? rest.len == 4 : code >= 10 || !rest.len;
    const char *why;
    if (r.failed || l->in || (code <= 5 && !sized))
        return locust__pg_malformed;
    if (code && code <= 12 && !l->c->url->password)
        return "login failed: the server asks for a password, and the URL has none";
    switch (code) {
    case 0: // AuthenticationOk
        return locust__pg_auth_done(l);
    case 3: // AuthenticationCleartextPassword
        locust__pg_put_message(&w, 'p', l->c->url->password, NULL);
        return locust__pg_login_send(l, &w);
    case 5: // AuthenticationMD5Password
        locust__pg_auth_md5(l->c->url, rest, digest);
        locust__pg_put_message(&w, 'p', digest, NULL);
        return locust__pg_login_send(l, &w);
    case 10: // AuthenticationSASL
        return locust__pg_auth_begin(l, rest);
    case 11: // AuthenticationSASLContinue
        return locust__pg_auth_go_on(l, rest);
    case 12: // AuthenticationSASLFinal
        why = l->header && !l->proved ? locust__scram_check(&l->scram, rest) : locust__pg_malformed;
        l->proved = !why;
        return why;
    default:
        return "login failed: the server asks for one that this kit does not have, such as GSSAPI";
    }
}

/* -- the login -- */

/* The server refuses. Its words are those of the answer. */
static const char *locust__pg_login_refused(locust__pg_login_state *l, locust__view body)
{
    locust__pg_answer *a = &l->c->answer;
    const char *fault = locust__pg_answer_error(a, body);
    if (fault)
        return fault;
    l->refused = true;
    if (l->odd_password && strncmp(a->words.ptr, "28P01", 5) == 0)
        return "28P01: the password is wrong, or has characters that this kit's SASLprep does not "
               "know";
    return a->words.ptr;
}

/* Takes a message of the server. Returns why the login failed. */
static const char *locust__pg_login_take(
    locust__pg_login_state *l, char type, locust__view body) LOCUST__PARKS
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    switch (type) {
    case 'R':
        return locust__pg_auth(l, body);
    case 'E':
        return locust__pg_login_refused(l, body);
    case 'K': // BackendKeyData
        l->c->pid = locust__bytes_get_u32(&r);
        l->c->secret = locust__bytes_get_u32(&r);
        return r.failed || r.left || !l->in ? locust__pg_malformed : NULL;
    case 'v': // NegotiateProtocolVersion: it has an older 3.x, which is the same to us
        return body.len < 8 ? locust__pg_malformed : NULL;
    case 'N':
    case 'S':
    case 'A':
        return locust__pg_answer_take(&l->c->answer, type, body);
    case 'Z':
        if (!l->in)
            return locust__pg_malformed;
        return locust__pg_answer_take(&l->c->answer, type, body);
    default:
        return l->in ? locust__pg_unexpected : locust__pg_no_postgres;
    }
}

/* Logs in on a connection that was just opened. *refused: the server's ErrorResponse says why. */
static const char *locust__pg_login(
    locust__pg *c, locust__pg_opening *o, locust__allowance *a, bool *refused) LOCUST__PARKS
{
    locust__pg_login_state l = {.c = c, .a = a, .binding = &o->binding};
    const char *why;
    bool first = true;
    locust__pg_answer_begin(&c->answer, LOCUST__PG_PHASE_SIMPLE, 0);
    why = locust__pg_login_greet(&l);
    while (!why && !c->answer.ready) {
        char type;
        locust__view body;
        why = locust__pg_next(c, &type, &body, a->deadline_ns);
        if (first && (why == locust__pg_malformed || why == locust__pg_too_long))
            why = locust__pg_no_postgres;
        first = false;
        if (!why)
            why = locust__pg_login_take(&l, type, body);
    }
    locust__scram_free(&l.scram);
    *refused = l.refused;
    return why;
}

/* Opens a connection and logs in. *again: it may go well the other way, with TLS or without. */
static const char *locust__pg_login_try(
    locust__pg *c, bool secure, locust__allowance *a, bool *again) LOCUST__PARKS
{
    locust__pg_opening o = {.secure = secure};
    bool refused = false;
    const char *why;
    locust__pg_client_close(c);
    why = locust__pg_open(c, &c->as.conn, &o, a);
    if (o.error != LOCUST_ERR_CANCELLED)
        locust__retry_note(c->as.user, o.tls_failed ? LOCUST_OK : o.error);
    c->secure = o.secure;
    if (!why)
        why = locust__pg_login(c, &o, a, &refused);
    *again = why != locust__pg_text_cut && (o.tls_failed || (refused && o.secure == secure));
    return why;
}

/* Connects and logs in, as sslmode says: by TLS or not, or first one and then the other. */
static const char *locust__pg_login_any(locust__pg *c, locust__allowance *a) LOCUST__PARKS
{
    enum locust__pg_ssl ssl = c->url->socket ? LOCUST__PG_SSL_DISABLE : c->url->ssl;
    bool both = ssl == LOCUST__PG_SSL_ALLOW || ssl == LOCUST__PG_SSL_PREFER;
    bool secure = ssl >= LOCUST__PG_SSL_PREFER, again = false;
    const char *why;
    if (!LOCUST__WITH_TLS && both)
        secure = both = false;
    why = locust__pg_login_try(c, secure, a, &again);
    if (why && both && again)
        why = locust__pg_login_try(c, !secure, a, &again);
    return why;
}
