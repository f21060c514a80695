/* ============================================================================================
 * >>mongo_login  a MongoDB client connects and logs in
 *
 * Purpose     hello, by which the server says what it takes, and the login: SCRAM-SHA-256,
 *             SCRAM-SHA-1 or PLAIN.
 * Invariants  what the server says of its limits is kept within what a client may believe. A
 *             password goes out as it is by PLAIN alone, which must be asked for.
 * Cost        hello, and two or three messages of the login.
 * Names       locust__mongo_hello_ locust__mongo_login_ locust__mongo_open locust__mongo_open_
 * Uses        >>allowance >>services >>retry >>protocol >>scram >>mongo_bson >>mongo_url
 *             >>mongo_client
 * Sources     MongoDB's specifications "Handshake" and "Authentication".
 * Limits      no speculative authentication, which saves a round trip of the login; no X.509, AWS,
 *             OIDC or Kerberos.
 * ============================================================================================ */

static const char locust__mongo_login_needs_scram[] =
    "login failed: the server offers neither SCRAM-SHA-256 nor SCRAM-SHA-1";

/* -- hello -- */

static void locust__mongo_hello_client(locust__buf *out, const locust__mongo_target *t)
{
    size_t client, part;
    locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "client");
    client = locust__bson_begin(out);
    if (t->app_name) {
        locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "application");
        part = locust__bson_begin(out);
        locust__bson_put_text(out, "name", t->app_name);
        locust__bson_end(out, part);
    }
    locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "driver");
    part = locust__bson_begin(out);
    locust__bson_put_text(out, "name", "locust.h");
    locust__bson_put_text(out, "version", LOCUST_VERSION);
    locust__bson_end(out, part);
    locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "os");
    part = locust__bson_begin(out);
    locust__bson_put_text(out, "type", "Unix");
    locust__bson_end(out, part);
    locust__bson_end(out, client);
}

/* A limit of the server, between what every server takes and what a client believes. */
static int32_t locust__mongo_hello_limit(
    const unsigned char *answer, const char *name, int32_t usual, int32_t most)
{
    int64_t n = locust__bson_get_int(answer, name, usual);
    return n < 1 ? usual : n > most ? most : (int32_t)n;
}

/* Takes what the server says of itself. */
static const char *locust__mongo_hello_take(locust__mongo *m, const unsigned char *answer)
{
    bool primary = locust__bson_get_int(answer, "isWritablePrimary", 0) ||
                   locust__bson_get_int(answer, "ismaster", 0);
    if (locust__bson_get_int(answer, "maxWireVersion", 0) < 6)
        return "the server is older than MongoDB 3.6";
    m->max_document = locust__mongo_hello_limit(answer, "maxBsonObjectSize", 16777216, INT32_MAX);
    m->max_message = locust__mongo_hello_limit(answer, "maxMessageSizeBytes", 48000000, INT32_MAX);
    m->max_batch = locust__mongo_hello_limit(answer, "maxWriteBatchSize", 100000, 10000000);
    m->has_session = locust__bson_get_int(answer, "logicalSessionTimeoutMinutes", 0) > 0;
    m->follows = !primary && locust__bson_find(answer, "setName").type;
    locust__os_random(m->session, sizeof m->session);
    m->session[6] = (unsigned char)((m->session[6] & 0x0F) | 0x40); // RFC 9562 5.4
    m->session[8] = (unsigned char)((m->session[8] & 0x3F) | 0x80);
    return NULL;
}

/* Which digest the server takes for this user; NULL: none that is known. What says nothing is
 * older than SCRAM-SHA-256. */
static const locust__hash_kind *locust__mongo_hello_digest(
    const locust__mongo_target *t, const unsigned char *answer)
{
    const unsigned char *list =
        locust__bson_get_document(answer, "saslSupportedMechs", LOCUST__BSON_ARRAY);
    const locust__hash_kind *best = NULL;
    if (t->mechanism)
        return strcmp(t->mechanism, "SCRAM-SHA-1") == 0 ? &locust__hash_sha1 : &locust__hash_sha256;
    if (!list)
        return &locust__hash_sha1;
    for (locust__bson_element e = locust__bson_first(list); e.type; e = locust__bson_next(&e)) {
        const char *name = e.type == LOCUST__BSON_STRING ? (const char *)e.value + 4 : "";
        if (strcmp(name, "SCRAM-SHA-256") == 0)
            best = &locust__hash_sha256;
        else if (strcmp(name, "SCRAM-SHA-1") == 0 && !best)
            best = &locust__hash_sha1;
    }
    return best;
}

/* Says hello, by its old name to servers that do not know the new one. */
static const char *locust__mongo_hello(
    locust__mongo *m, const locust__hash_kind **digest, int64_t deadline_ns) LOCUST__PARKS
{
    static const char *const names[] = {"hello", "isMaster"};
    const locust__mongo_target *t = m->target;
    const unsigned char *answer;
    const char *why = NULL;
    for (int i = 0; i < 2; i++) {
        locust__buf *out = locust__mongo_command_begin(m);
        locust__bson_put_int(out, names[i], 1);
        if (t->user.ptr && !t->mechanism) {
            locust__bson_put_name(out, LOCUST__BSON_STRING, "saslSupportedMechs");
            locust__bson_put_u32(out, (uint32_t)(strlen(t->auth_source) + t->user.len) + 2);
            locust__buf_puts(out, t->auth_source);
            locust__buf_puts(out, ".");
            locust__buf_add(out, t->user.ptr, t->user.len);
            locust__buf_add(out, "", 1);
        }
        locust__mongo_hello_client(out, t);
        locust__mongo_command_end(m, out, "admin");
        why = locust__mongo_call(m, out, deadline_ns, &answer);
        if (why)
            return why;
        why = locust__mongo_read_ok(m, answer);
        if (!why || m->result.code != 59) // CommandNotFound
            break;
    }
    m->result.code = why ? m->result.code : 0;
    *digest = why ? NULL : locust__mongo_hello_digest(t, answer);
    return why ? why : locust__mongo_hello_take(m, answer);
}

/* -- login -- */

typedef struct locust__mongo_login { // one that is under way
    locust__mongo *m;
    locust__bson_element id; // of the conversation, int32 or int64
    locust__view payload;    // of the last answer, in m->in
    bool done;
} locust__mongo_login;

/* Sends a message of a login, the first by `mechanism`, and takes the answer. */
static const char *locust__mongo_login_send(locust__mongo_login *l, const char *mechanism,
    locust__view payload, int64_t deadline_ns) LOCUST__PARKS
{
    locust__mongo *m = l->m;
    locust__buf *out = locust__mongo_command_begin(m);
    const unsigned char *answer;
    const char *why;
    locust__bson_element e;
    size_t at;
    locust__bson_put_int(out, mechanism ? "saslStart" : "saslContinue", 1);
    if (mechanism) {
        locust__bson_put_text(out, "mechanism", mechanism);
    } else {
        locust__bson_put_name(out, (enum locust__bson_type)l->id.type, "conversationId");
        locust__buf_add(out, l->id.value, l->id.len);
    }
    locust__bson_put_binary(out, "payload", 0, payload);
    if (mechanism) {
        locust__bson_put_name(out, LOCUST__BSON_DOCUMENT, "options");
        at = locust__bson_begin(out);
        locust__bson_put_bool(out, "skipEmptyExchange", true);
        locust__bson_end(out, at);
    }
    locust__mongo_command_end(m, out, m->target->auth_source);
    m->in.len = 0; // of the answers before, nothing is in use any more
    why = locust__mongo_call(m, out, deadline_ns, &answer);
    if (!why)
        why = locust__mongo_read_ok(m, answer);
    if (why)
        return why;
    l->id = locust__bson_find(answer, "conversationId");
    if (l->id.type != LOCUST__BSON_INT32 && l->id.type != LOCUST__BSON_INT64)
        return "malformed answer: no number of the login's conversation";
    e = locust__bson_find(answer, "payload");
    if (e.type == LOCUST__BSON_STRING)
        l->payload = (locust__view){(const char *)e.value + 4, e.len - 5};
    else if (e.type == LOCUST__BSON_BINARY && e.value[4] == 0)
        l->payload = (locust__view){(const char *)e.value + 5, e.len - 5};
    else
        return "malformed answer: no payload in the login";
    l->done = locust__bson_get_int(answer, "done", 0) != 0;
    return NULL;
}

/* The password as SCRAM takes it: prepared, or by SCRAM-SHA-1 the MD5 of it and the user. */
static void locust__mongo_login_password(
    const locust__mongo_target *t, const locust__hash_kind *digest, locust__buf *out)
{
    locust__hash h;
    char hex[LOCUST__HASH_HEX];
    if (digest == &locust__hash_sha256) {
        locust__scram_prepare(out, t->password);
        return;
    }
    locust__hash_init(&h, &locust__hash_md5);
    locust__hash_add(&h, t->user.ptr, t->user.len);
    locust__hash_add(&h, ":mongo:", 7);
    locust__hash_add(&h, t->password.ptr, t->password.len);
    locust__hash_end(&h, hex);
    locust__buf_puts(out, hex);
}

/* The exchange of SCRAM. The conversation goes on until the server is done. */
static const char *locust__mongo_login_talk(locust__mongo_login *l, locust__scram *s,
    locust__view password, locust__buf *out, locust__allowance *a) LOCUST__PARKS
{
    static const locust__view header = {"n,,", 3};
    locust__services *sv = locust__mongo_client_services(l->m);
    bool sha1 = s->kind == &locust__hash_sha1;
    const char *why;
    locust__scram_first(s, header, l->m->target->user, out);
    why = out->failed ? locust__error_text(LOCUST_ERR_MEMORY)
                      : locust__mongo_login_send(l, sha1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256",
                            (locust__view){out->ptr, out->len}, a->deadline_ns);
    out->len = 0;
    if (!why)
        why = l->done ? "login failed: the server is done before the password was proved"
                      : locust__scram_final(
                            s, sv, l->payload, password, header, (locust__view){NULL, 0}, a, out);
    if (!why)
        why = locust__mongo_login_send(l, NULL, (locust__view){out->ptr, out->len}, a->deadline_ns);
    if (!why)
        why = locust__scram_check(s, l->payload);
    for (int i = 0; i < 4 && !why && !l->done; i++) // of servers that do not know skipEmptyExchange
        why = locust__mongo_login_send(l, NULL, (locust__view){"", 0}, a->deadline_ns);
    return why ? why : l->done ? NULL : "login failed: the server never ends it";
}

static const char *locust__mongo_login_scram(
    locust__mongo *m, const locust__hash_kind *digest, locust__allowance *a) LOCUST__PARKS
{
    locust__mongo_login l = {.m = m};
    locust__buf password = {NULL, 0, 0, false}, out = {NULL, 0, 0, false};
    locust__scram s;
    const char *why;
    locust__scram_init(&s, digest);
    s.least_rounds = 4096; // MongoDB's specification asks clients to insist on that
    locust__mongo_login_password(m->target, digest, &password);
    why = password.failed ? locust__error_text(LOCUST_ERR_MEMORY)
                          : locust__mongo_login_talk(
                                &l, &s, (locust__view){password.ptr, password.len}, &out, a);
    locust__scram_free(&s);
    locust__buf_free(&password);
    locust__buf_free(&out);
    return why;
}

/* The login by PLAIN, RFC 4616. */
static const char *locust__mongo_login_plain(locust__mongo *m, int64_t deadline_ns) LOCUST__PARKS
{
    locust__mongo_login l = {.m = m};
    locust__buf out = {NULL, 0, 0, false};
    const char *why;
    locust__buf_add(&out, "", 1);
    locust__buf_add(&out, m->target->user.ptr, m->target->user.len);
    locust__buf_add(&out, "", 1);
    locust__buf_add(&out, m->target->password.ptr, m->target->password.len);
    why = out.failed ? locust__error_text(LOCUST_ERR_MEMORY)
                     : locust__mongo_login_send(
                           &l, "PLAIN", (locust__view){out.ptr, out.len}, deadline_ns);
    locust__buf_free(&out);
    return why ? why : l.done ? NULL : "login failed: the server never ends it";
}

/* -- connecting -- */

/* Says hello and logs in over a connection that is open. */
static const char *locust__mongo_open_talk(locust__mongo *m, locust__allowance *a) LOCUST__PARKS
{
    const locust__hash_kind *digest = NULL;
    const locust__mongo_target *t = m->target;
    const char *why = locust__mongo_hello(m, &digest, a->deadline_ns);
    bool plain = t->mechanism && strcmp(t->mechanism, "PLAIN") == 0;
    bool session = m->has_session; // a login is in none
    if (why || !t->user.ptr)
        return why;
    m->has_session = false;
    why = plain     ? locust__mongo_login_plain(m, a->deadline_ns)
          : !digest ? locust__mongo_login_needs_scram
                    : locust__mongo_login_scram(m, digest, a);
    m->has_session = session;
    return why;
}

/* Opens the connection anew. Returns why that failed. */
static const char *locust__mongo_open_try(locust__mongo *m, locust__allowance *a) LOCUST__PARKS
{
    const locust__mongo_target *t = m->target;
    locust__protocol_to to = {.url = &t->url, .port = 27017, .secure = t->secure, .tls = &t->tls};
    locust_error error = locust__protocol_dial(&m->as, &to, a);
    locust__retry_note(m->as.user, error);
    return error ? locust__error_text(error) : locust__mongo_open_talk(m, a);
}

/* Connects, and makes the row. Returns whether the server took the client. */
static bool locust__mongo_open(locust__mongo *m, const char *name, double timeout_s) LOCUST__PARKS
{
    locust__operation o;
    locust__allowance a = {LOCUST__NEVER, 0};
    locust__mongo_client_close(m);
    o = locust__operation_begin(m->as.user, "MONGODB", name ? name : "connect");
    if (timeout_s >= 0)
        a.deadline_ns =
            locust__time_after(o.start_ns, locust__time_ns(timeout_s > 0 ? timeout_s : 60));
    m->error = locust__mongo_open_try(m, &a);
    o.start_ns += a.generator_ns;
    m->ready = !m->error;
    if (m->error)
        locust__mongo_client_close(m);
    if (m->error && m->as.user->co->cancelled)
        locust__operation_cut(&o);
    else
        locust__operation_end(&o, locust__mongo_client_stream(m), m->error, m->result.bytes);
    locust__buf_free(&m->in);
    m->result.bytes = 0;
    return m->ready;
}
