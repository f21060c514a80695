/* ============================================================================================
 * >>mongo_url  MongoDB's connection strings
 *
 * Purpose     takes a connection string apart: server, login, database, and the options that say
 *             something to a client of one connection.
 * Invariants  a string is taken apart once in a test. One that cannot be meant, or that asks for
 *             what is not done here, has a sentence, and ends the test.
 * Names       locust__mongo_target locust__mongo_target_
 * Uses        >>tls >>url >>services >>mongo_bson
 * Sources     MongoDB's specifications "Connection String" and "URI Options".
 * ============================================================================================ */

typedef struct locust__mongo_target { // what a connection string says; lives until the test's end
    struct locust__mongo_target *next;
    const char *text, *given_user,
        *given_password; // what it was made from; the last two may be NULL
    const char *wrong;   // why it cannot be used; NULL: it can
    locust__url url;
    locust__view user, password; // user.ptr NULL: no login
    const char *database, *auth_source, *mechanism,
        *app_name; // mechanism NULL: as the server likes
    bool secure;
    locust__tls_how tls;                // in place of the class's, where it says something
    double timeout_s;                   // 0: not given
    locust__view for_reads, for_writes; // elements of commands: readConcern, writeConcern and so on
    // While the string is taken apart.
    const char *w, *concern;
    int64_t w_timeout_ms; // 0: not given
    int journal;          // -1: not given
} locust__mongo_target;

typedef struct locust__mongo_target_option {
    locust__arena *arena;
    locust__mongo_target *target;
    const char *name, *value; // decoded
} locust__mongo_target_option;

/* Keeps a sentence of the arena's. */
static void locust__mongo_target_refuse(
    locust__mongo_target_option *o, const char *before, const char *what, const char *behind)
{
    char text[256];
    snprintf(text, sizeof text, "%s%.80s%s", before, what, behind);
    o->target->wrong = locust__arena_copy(o->arena, text, strlen(text));
    if (!o->target->wrong)
        o->target->wrong = locust__error_text(LOCUST_ERR_MEMORY);
}

/* The value of a switch: "true" or "false". */
static bool locust__mongo_target_switch(locust__mongo_target_option *o)
{
    bool on = strcmp(o->value, "true") == 0;
    if (!on && strcmp(o->value, "false") != 0)
        locust__mongo_target_refuse(
            o, "the MongoDB URL has an option ", o->name, " that is neither true nor false");
    return on;
}

/* The value of a number, 0 and up. */
static int64_t locust__mongo_target_number(locust__mongo_target_option *o)
{
    int64_t n = locust__number_of(locust__view_of(o->value));
    if (n < 0)
        locust__mongo_target_refuse(
            o, "the MongoDB URL has an option ", o->name, " that is no whole number");
    return n;
}

static void locust__mongo_target_mechanism(locust__mongo_target_option *o)
{
    static const char *const known[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"};
    for (int i = 0; i < 3; i++)
        if (strcmp(o->value, known[i]) == 0)
            o->target->mechanism = known[i];
    if (strcmp(o->value, "DEFAULT") != 0 && !o->target->mechanism)
        locust__mongo_target_refuse(o, "the authMechanism ", o->value,
            " is not known here: SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN are");
}

/* {w: 0} has no answer that could be timed. */
static void locust__mongo_target_w(locust__mongo_target_option *o)
{
    o->target->w = o->value;
    if (strcmp(o->value, "0") == 0)
        locust__mongo_target_refuse(o,
            "w=0 in the MongoDB URL asks for no answer, and there would be nothing to time", "",
            "");
}

static void locust__mongo_target_preference(locust__mongo_target_option *o)
{
    static const char *const modes[] = {
        "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"};
    locust__buf out = {NULL, 0, 0, false};
    size_t at;
    for (int i = 0; i < 5; i++)
        if (strcmp(o->value, modes[i]) == 0) {
            locust__bson_put_name(&out, LOCUST__BSON_DOCUMENT, "$readPreference");
            at = locust__bson_begin(&out);
            locust__bson_put_text(&out, "mode", modes[i]);
            locust__bson_end(&out, at);
        }
    if (!out.len)
        locust__mongo_target_refuse(o, "the readPreference ", o->value, " is not known to MongoDB");
    else
        o->target->for_reads =
            (locust__view){locust__arena_copy(o->arena, out.ptr, out.len), out.len};
    locust__buf_free(&out);
}

/* Options that say nothing to a client of one connection that neither monitors nor tries again. */
static bool locust__mongo_target_is_idle(const char *name)
{
    static const char *const idle[] = {"compressors", "connectTimeoutMS", "directConnection",
        "heartbeatFrequencyMS", "loadBalanced", "localThresholdMS", "maxConnecting",
        "maxIdleTimeMS", "maxPoolSize", "maxStalenessSeconds", "minPoolSize", "replicaSet",
        "retryReads", "retryWrites", "serverMonitoringMode", "serverSelectionTimeoutMS",
        "serverSelectionTryOnce", "waitQueueTimeoutMS", "zlibCompressionLevel",
        "uuidRepresentation", "tlsDisableOCSPEndpointCheck",
        "tlsDisableCertificateRevocationCheck"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (strcasecmp(name, idle[i]) == 0)
            return true;
    return false;
}

/* Takes one option. */
static void locust__mongo_target_take(locust__mongo_target_option *o)
{
    locust__mongo_target *t = o->target;
    const char *name = o->name;
    if (strcasecmp(name, "authSource") == 0)
        t->auth_source = o->value;
    else if (strcasecmp(name, "authMechanism") == 0)
        locust__mongo_target_mechanism(o);
    else if (strcasecmp(name, "tls") == 0 || strcasecmp(name, "ssl") == 0)
        t->secure = locust__mongo_target_switch(o);
    else if (strcasecmp(name, "tlsInsecure") == 0 ||
             strcasecmp(name, "tlsAllowInvalidCertificates") == 0)
        t->tls.insecure |= locust__mongo_target_switch(o);
    else if (strcasecmp(name, "tlsCAFile") == 0)
        t->tls.ca_file = o->value;
    else if (strcasecmp(name, "tlsCertificateKeyFile") == 0)
        t->tls.cert_file = o->value;
    else if (strcasecmp(name, "appName") == 0)
        t->app_name = o->value;
    else if (strcasecmp(name, "timeoutMS") == 0 || strcasecmp(name, "socketTimeoutMS") == 0)
        t->timeout_s = (double)locust__mongo_target_number(o) / 1000;
    else if (strcmp(name, "w") == 0)
        locust__mongo_target_w(o);
    else if (strcasecmp(name, "journal") == 0)
        t->journal = locust__mongo_target_switch(o);
    else if (strcasecmp(name, "wTimeoutMS") == 0)
        t->w_timeout_ms = locust__mongo_target_number(o);
    else if (strcasecmp(name, "readConcernLevel") == 0)
        t->concern = o->value;
    else if (strcasecmp(name, "readPreference") == 0)
        locust__mongo_target_preference(o);
    else if (!locust__mongo_target_is_idle(name))
        locust__mongo_target_refuse(
            o, "the MongoDB URL has an option that is not known here: ", name, "");
}

/* A text of the arena with its %XX decoded. NULL: no memory. */
static const char *locust__mongo_target_copy(locust__arena *arena, locust__view text)
{
    locust__buf out = {NULL, 0, 0, false};
    const char *copy;
    locust__url_decode(&out, text);
    locust__buf_add(&out, "", 1);
    copy = out.failed ? NULL : locust__arena_copy(arena, out.ptr, out.len);
    locust__buf_free(&out);
    return copy;
}

/* Takes what stands behind the '?'. */
static void locust__mongo_target_options(
    locust__arena *arena, locust__mongo_target *t, locust__view v)
{
    while (v.len && !t->wrong) {
        const char *end = memchr(v.ptr, '&', v.len);
        size_t n = end ? (size_t)(end - v.ptr) : v.len;
        const char *equals = memchr(v.ptr, '=', n);
        size_t name = equals ? (size_t)(equals - v.ptr) : n;
        locust__mongo_target_option o = {arena, t,
            locust__mongo_target_copy(arena, (locust__view){v.ptr, name}),
            locust__mongo_target_copy(arena,
                (locust__view){v.ptr + name + (equals != NULL), n - name - (equals != NULL)})};
        if (!o.name || !o.value)
            t->wrong = locust__error_text(LOCUST_ERR_MEMORY);
        else if (!equals || !*o.value)
            locust__mongo_target_refuse(
                &o, "the MongoDB URL has an option without a value: ", o.name, "");
        else
            locust__mongo_target_take(&o);
        v = locust__view_skip(v, n + (n < v.len));
    }
}

/* Writes the concerns as elements of commands. */
static void locust__mongo_target_concerns(locust__arena *arena, locust__mongo_target *t)
{
    locust__buf out = {NULL, 0, 0, false};
    size_t at;
    if (t->concern) {
        locust__buf_add(&out, t->for_reads.ptr, t->for_reads.len);
        locust__bson_put_name(&out, LOCUST__BSON_DOCUMENT, "readConcern");
        at = locust__bson_begin(&out);
        locust__bson_put_text(&out, "level", t->concern);
        locust__bson_end(&out, at);
        t->for_reads = (locust__view){locust__arena_copy(arena, out.ptr, out.len), out.len};
    }
    if (t->w || t->journal >= 0 || t->w_timeout_ms) {
        int64_t n = t->w ? locust__number_of(locust__view_of(t->w)) : -1;
        out.len = 0;
        locust__bson_put_name(&out, LOCUST__BSON_DOCUMENT, "writeConcern");
        at = locust__bson_begin(&out);
        if (n >= 0)
            locust__bson_put_int(&out, "w", (int32_t)n);
        else if (t->w)
            locust__bson_put_text(&out, "w", t->w);
        if (t->journal >= 0)
            locust__bson_put_bool(&out, "j", t->journal != 0);
        if (t->w_timeout_ms)
            locust__bson_put_int(&out, "wtimeout", (int32_t)t->w_timeout_ms);
        locust__bson_end(&out, at);
        t->for_writes = (locust__view){locust__arena_copy(arena, out.ptr, out.len), out.len};
    }
    if (out.failed || (t->for_reads.len && !t->for_reads.ptr) ||
        (t->for_writes.len && !t->for_writes.ptr))
        t->wrong = locust__error_text(LOCUST_ERR_MEMORY);
    locust__buf_free(&out);
}

/* Why the text in front of the options is no server; NULL: it is one. */
static const char *locust__mongo_target_server(locust__mongo_target *t)
{
    const char *hosts = strstr(t->text, "://");
    size_t n;
    if (strncasecmp(t->text, "mongodb+srv://", 14) == 0)
        return "mongodb+srv:// names servers by records of DNS, which are not looked up here: give "
               "mongodb://HOST:PORT of one of them, with ?tls=true";
    if (!hosts || strncasecmp(t->text, "mongodb://", 10) != 0)
        return "the host of a MongoDB user is mongodb://[USER:PASSWORD@]HOST[:PORT]/DATABASE";
    n = strcspn(hosts + 3, "/?");
    if (memchr(hosts + 3, ',', n))
        return "the MongoDB URL names several hosts, and a user talks to one server: name one (of "
               "a replica set, its primary)";
    if (locust__url_parse(t->text, &t->url))
        return "the MongoDB URL is malformed: in user names and passwords : / ? # [ ] @ and % are "
               "written as %3A and so on";
    if (memchr(t->url.host.ptr, '%', t->url.host.len))
        return "the MongoDB URL names a unix socket: give the class its path as .unix_socket, and "
               "the URL any host";
    return NULL;
}

/* Takes the login of the URL, or the one that was given. */
static void locust__mongo_target_login(locust__arena *arena, locust__mongo_target *t)
{
    const char *colon =
        t->url.user_info.len ? memchr(t->url.user_info.ptr, ':', t->url.user_info.len) : NULL;
    size_t n = colon ? (size_t)(colon - t->url.user_info.ptr) : t->url.user_info.len;
    const char *user = t->given_user, *password = t->given_password;
    if (!user && n)
        user = locust__mongo_target_copy(arena, (locust__view){t->url.user_info.ptr, n});
    if (!password && colon)
        password = locust__mongo_target_copy(arena, locust__view_skip(t->url.user_info, n + 1));
    if ((n && !user) || (colon && !password)) {
        t->wrong = locust__error_text(LOCUST_ERR_MEMORY);
    } else if (user && !password) {
        t->wrong = "the MongoDB URL has a user and no password: mongodb://USER:PASSWORD@HOST";
    } else if (user) {
        t->user = locust__view_of(user);
        t->password = locust__view_of(password);
    }
}

/* Takes the string apart. */
static void locust__mongo_target_parse(locust__arena *arena, locust__mongo_target *t)
{
    const char *question;
    locust__view path;
    t->journal = -1;
    t->wrong = locust__mongo_target_server(t);
    if (t->wrong)
        return;
    locust__mongo_target_login(arena, t);
    path = t->url.rest;
    question = path.len ? memchr(path.ptr, '?', path.len) : NULL;
    if (question) {
        size_t at = (size_t)(question - path.ptr);
        locust__mongo_target_options(arena, t, locust__view_skip(path, at + 1));
        path.len = at;
    }
    if (path.len > 1)
        t->database = locust__mongo_target_copy(arena, locust__view_skip(path, 1));
    if (!t->auth_source)
        t->auth_source = t->mechanism && strcmp(t->mechanism, "PLAIN") == 0 ? "$external"
                         : t->database                                      ? t->database
                                                                            : "admin";
    t->database = t->database ? t->database : "test";
    if (!t->wrong)
        locust__mongo_target_concerns(arena, t);
}

static bool locust__mongo_target_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What a connection string says, and a user name and password that go before its own. NULL: no
 * memory. */
static const locust__mongo_target *locust__mongo_target_of(
    locust__services *sv, const char *text, const char *user, const char *password)
{
    locust__mongo_target *t = sv->mongo_targets;
    while (t && (strcmp(t->text, text) != 0 || !locust__mongo_target_same(t->given_user, user) ||
                    !locust__mongo_target_same(t->given_password, password)))
        t = t->next;
    if (t)
        return t;
    t = locust__arena_zalloc(&sv->arena, sizeof *t);
    if (!t)
        return NULL;
    t->text = locust__arena_copy(&sv->arena, text, strlen(text));
    t->given_user = user ? locust__arena_copy(&sv->arena, user, strlen(user)) : NULL;
    t->given_password =
        password ? locust__arena_copy(&sv->arena, password, strlen(password)) : NULL;
    if (!t->text || (user && !t->given_user) || (password && !t->given_password))
        return NULL;
    t->next = sv->mongo_targets;
    sv->mongo_targets = t;
    locust__mongo_target_parse(&sv->arena, t);
    return t;
}
