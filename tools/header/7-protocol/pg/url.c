/* ============================================================================================
 * >>pg_url  URLs of PostgreSQL
 *
 * Purpose     takes postgresql://user:password@host:port/database?parameters apart, as libpq does.
 * Invariants  a test has one locust__pg_url of each text, which lives until its end: connections
 *             point at it. One that is no good says why.
 * Names       locust__pg_binding locust__pg_binding_ locust__pg_parts locust__pg_ssl_
 *             locust__pg_url locust__pg_url_
 * Uses        >>url >>services
 * Sources     PostgreSQL 15's manual, 34.1.1.2 (URIs), 34.1.2 (parameters), 34.19.3 (sslmode).
 * Limits      one host. What libpq reads from files (.pgpass, pg_service.conf, root.crt in the home
 *             folder) is not read.
 * ============================================================================================ */

enum locust__pg_ssl { // in the order of strictness
    LOCUST__PG_SSL_DISABLE,
    LOCUST__PG_SSL_ALLOW,
    LOCUST__PG_SSL_PREFER,
    LOCUST__PG_SSL_REQUIRE,
    LOCUST__PG_SSL_VERIFY_CA,
    LOCUST__PG_SSL_VERIFY_FULL,
};
enum locust__pg_binding { // channel_binding
    LOCUST__PG_BINDING_PREFER,
    LOCUST__PG_BINDING_DISABLE,
    LOCUST__PG_BINDING_REQUIRE,
};

typedef struct locust__pg_url {
    struct locust__pg_url *next; // of the test
    uint64_t hash;
    const char *text;  // as the test has it
    const char *fault; // why no connection is made by it; NULL: it is good
    const char *host, *user, *password, *database, *options, *application, *encoding; // NULL: none
    const char *socket;     // the path of a unix socket; NULL: host and port
    locust__origin *origin; // host and port
    enum locust__pg_ssl ssl;
    enum locust__pg_binding binding;
    const char *ca_file, *cert_file, *key_file; // NULL: none
    bool system_roots;                          // whatever the class says
    int port;
    int timeout_s; // 0: none
} locust__pg_url;

typedef struct locust__pg_parts { // a URL that is taken apart
    locust__pg_url *url;
    char *at; // where the next decoded piece goes
} locust__pg_parts;

/* Decodes a piece of the URL into memory of the test; *fault if it cannot be. */
static const char *locust__pg_url_piece(locust__pg_parts *parts, locust__view piece)
{
    const char *start = parts->at;
    for (size_t i = 0; i < piece.len; i++) {
        char c = piece.ptr[i];
        if (c == '%') {
            int code = i + 2 < piece.len ? locust__number_hex(piece.ptr + i + 1, 2) : -1;
            if (code <= 0)
                parts->url->fault = "invalid URL: a '%' in it begins no character";
            c = (char)code;
            i += 2;
        }
        *parts->at++ = c;
    }
    *parts->at++ = '\0';
    return start;
}

/* A number of a parameter, up to `most`. */
static int locust__pg_url_number(locust__pg_url *url, const char *value, int most)
{
    int64_t n = locust__number_of(locust__view_of(value));
    if (n < 0 || n > most)
        url->fault = "invalid URL: port and connect_timeout take a whole number";
    return n < 0 || n > most ? 0 : (int)n;
}

/* The position of a word in a list; -1: it is not there. */
static int locust__pg_url_word(const char *value, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

/* Takes a parameter that is one word of several. False: it is another parameter. */
static bool locust__pg_url_choice(locust__pg_url *url, const char *name, const char *value)
{
    static const char *const modes[] = {
        "disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
    static const char *const bindings[] = {"prefer", "disable", "require", NULL};
    int word;
    if (strcmp(name, "sslmode") == 0) {
        word = locust__pg_url_word(value, modes);
        url->ssl = word < 0 ? url->ssl : (enum locust__pg_ssl)word;
        if (word < 0)
            url->fault = "invalid URL: sslmode is disable, allow, prefer, require, verify-ca or "
                         "verify-full";
    } else if (strcmp(name, "channel_binding") == 0) {
        word = locust__pg_url_word(value, bindings);
        url->binding = word < 0 ? url->binding : (enum locust__pg_binding)word;
        if (word < 0)
            url->fault = "invalid URL: channel_binding is disable, prefer or require";
    } else {
        return false;
    }
    return true;
}

/* Takes a parameter. What has no meaning here, and does no harm if it is ignored, is. */
static void locust__pg_url_parameter(locust__pg_url *url, const char *name, const char *value)
{
    static const char *const ignored[] = {"fallback_application_name", "keepalives",
        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "sslcompression", "sslsni", "gssencmode", "target_session_attrs", NULL};
    const struct {
        const char *name, **to;
    } texts[] = {
        {"user", &url->user},
        {"password", &url->password},
        {"dbname", &url->database},
        {"host", &url->host},
        {"options", &url->options},
        {"application_name", &url->application},
        {"client_encoding", &url->encoding},
        {"sslrootcert", &url->ca_file},
        {"sslcert", &url->cert_file},
        {"sslkey", &url->key_file},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return;
        }
    if (strcmp(name, "port") == 0)
        url->port = locust__pg_url_number(url, value, 65535);
    else if (strcmp(name, "connect_timeout") == 0)
        url->timeout_s = locust__pg_url_number(url, value, 1000000);
    else if (!locust__pg_url_choice(url, name, value) && locust__pg_url_word(name, ignored) < 0)
        url->fault = "invalid URL: it has a parameter that this kit does not know";
}

/* Takes host[:port]. */
static void locust__pg_url_host(locust__pg_parts *parts, locust__view text)
{
    locust__pg_url *url = parts->url;
    const char *close = text.len && *text.ptr == '[' ? memchr(text.ptr, ']', text.len) : NULL;
    const char *from = close ? close : text.ptr;
    const char *colon = memchr(from, ':', text.len - (size_t)(from - text.ptr));
    locust__view host = {text.ptr, colon ? (size_t)(colon - text.ptr) : text.len};
    if (memchr(text.ptr, ',', text.len))
        url->fault = "invalid URL: this kit takes one host of PostgreSQL";
    if (close)
        host = (locust__view){text.ptr + 1, (size_t)(close - text.ptr) - 1};
    if (host.len)
        url->host = locust__pg_url_piece(parts, host);
    if (colon && colon + 1 < text.ptr + text.len)
        url->port = locust__pg_url_number(url,
            locust__pg_url_piece(parts, locust__view_skip(text, (size_t)(colon + 1 - text.ptr))),
            65535);
}

/* Takes what stands between "://" and the end. */
static void locust__pg_url_split(locust__pg_parts *parts, const char *p)
{
    locust__pg_url *url = parts->url;
    const char *end = p + strcspn(p, "/?"), *at = end;
    while (at > p && at[-1] != '@')
        at--;
    if (at > p) {
        const char *colon = memchr(p, ':', (size_t)(at - 1 - p));
        locust__view user = {p, (size_t)((colon ? colon : at - 1) - p)};
        if (user.len)
            url->user = locust__pg_url_piece(parts, user);
        if (colon)
            url->password =
                locust__pg_url_piece(parts, (locust__view){colon + 1, (size_t)(at - 2 - colon)});
        p = at;
    }
    locust__pg_url_host(parts, (locust__view){p, (size_t)(end - p)});
    p = end;
    if (*p == '/') {
        size_t n = strcspn(++p, "?");
        if (n)
            url->database = locust__pg_url_piece(parts, (locust__view){p, n});
        p += n;
    }
    while (*p) { // '?' or '&'
        size_t n = strcspn(++p, "&");
        const char *equals = memchr(p, '=', n), *name;
        if (!equals) {
            url->fault = n ? "invalid URL: a parameter in it has no '='" : url->fault;
            p += n;
            continue;
        }
        name = locust__pg_url_piece(parts, (locust__view){p, (size_t)(equals - p)});
        locust__pg_url_parameter(url, name,
            locust__pg_url_piece(parts, (locust__view){equals + 1, n - (size_t)(equals + 1 - p)}));
        p += n;
    }
}

/* What libpq takes where the URL names none. */
static void locust__pg_url_defaults(locust__services *sv, locust__pg_url *url)
{
    const char *user = getenv("PGUSER"), *password = getenv("PGPASSWORD");
    user = user && *user ? user : getenv("USER");
    if (!url->user && user && *user)
        url->user = locust__arena_copy(&sv->arena, user, strlen(user));
    if (!url->password && password && *password)
        url->password = locust__arena_copy(&sv->arena, password, strlen(password));
    if (!url->user)
        url->fault = "invalid URL: it names no user, nor does PGUSER";
    if (!url->database)
        url->database = url->user;
    if (!url->application)
        url->application = "locust.h";
    if (!url->encoding)
        url->encoding = "UTF8";
    if (!url->port)
        url->port = 5432;
    url->system_roots = url->ca_file && strcmp(url->ca_file, "system") == 0;
    if (url->system_roots)
        url->ca_file = NULL;
}

/* The host of a URL without one: the folder of a unix socket that is there, as libpq has it, whose
 * folder is one of these. */
static const char *locust__pg_url_here(int port)
{
    static const char *const folders[] = {"/var/run/postgresql", "/tmp"};
    char path[64];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/.s.PGSQL.%d", folders[i], port);
        if (access(path, F_OK) == 0)
            return folders[i];
    }
    return "localhost";
}

/* Where its server is: a unix socket in a folder, or an origin. False: no memory. */
static bool locust__pg_url_locate(locust__services *sv, locust__pg_url *url)
{
    const char *host = url->host && *url->host ? url->host : locust__pg_url_here(url->port);
    locust__url place = {.host = locust__view_of(host), .port = url->port};
    char *socket;
    size_t n = strlen(host) + 32;
    if (*host != '/') {
        if (place.host.len > 253)
            url->fault = locust__error_text(LOCUST_ERR_URL);
        else
            url->origin = locust__origin_of(&sv->origins, &sv->arena, &place, false);
        return url->origin || url->fault;
    }
    socket = locust__arena_zalloc(&sv->arena, n);
    if (!socket)
        return false;
    snprintf(socket, n, "%s/.s.PGSQL.%d", host, url->port);
    url->socket = socket;
    return true;
}

/* A URL taken apart, the first time that the test uses it. NULL: no memory. */
static const locust__pg_url *locust__pg_url_of(locust__services *sv, const char *text)
{
    size_t len = strlen(text);
    uint64_t hash = locust__text_hash(0, text, len);
    locust__pg_url *url = sv->pg_urls;
    size_t scheme = strncmp(text, "postgresql://", 13) == 0 ? 13
                    : strncmp(text, "postgres://", 11) == 0 ? 11
                                                            : 0;
    locust__pg_parts parts;
    char *copy;
    while (url && (url->hash != hash || strcmp(url->text, text) != 0))
        url = url->next;
    if (url)
        return url;
    url = locust__arena_zalloc(&sv->arena, sizeof *url + 2 * len + 16);
    if (!url)
        return NULL;
    copy = (char *)(url + 1);
    memcpy(copy, text, len + 1);
    parts = (locust__pg_parts){url, copy + len + 1};
    *url = (locust__pg_url){.hash = hash, .text = copy, .ssl = LOCUST__PG_SSL_PREFER};
    if (scheme)
        locust__pg_url_split(&parts, copy + scheme);
    else
        url->fault = locust__error_text(strstr(text, "://") ? LOCUST_ERR_SCHEME : LOCUST_ERR_URL);
    if (!url->fault)
        locust__pg_url_defaults(sv, url);
    if (!url->fault && !locust__pg_url_locate(sv, url))
        return NULL;
    url->next = sv->pg_urls;
    sv->pg_urls = url;
    return url;
}
