/* ============================================================================================
 * >>user_stream  streams of the test's own
 *
 * Purpose     locust_connect and what reads and writes there: tcp, tls, udp, unix.
 * Invariants  a stream belongs to the coroutine that opened it and is closed with it at the
 *             latest. After each public call what was received lies in a buffer of the stream's
 *             own: the loop's scratch buffer, which all share, is someone else's after the next
 *             park. A stream that failed stays in the test's hands until locust_close, and says
 *             why.
 * Names       locust__user_stream_
 * Uses        >>co >>misuse >>address >>stream >>allowance >>connect >>resolve >>lookup >>tls
 *             >>tls_handshake >>url >>services >>class >>user >>retry >>life >>control
 * ============================================================================================ */

enum { LOCUST__USER_STREAM_TIMEOUT_S = 60 }; // of each call, until locust_set_timeout

static locust__user_stream *locust__user_stream_of(const locust_stream *s)
{
    return (locust__user_stream *)(uintptr_t)s;
}

/* The deadline of a public call that begins now. */
static int64_t locust__user_stream_deadline(const locust_stream *s)
{
    return locust__time_after(locust__os_now_ns(), locust__user_stream_of(s)->timeout_ns);
}

static locust_error locust__user_stream_open_name(locust_stream *s, locust__services *sv,
    const locust__class *cls, const locust__url *url, const char *host) LOCUST__PARKS
{
    locust__allowance allowance = {locust__user_stream_deadline(s), 0};
    locust__tls_how how = cls->route.tls;
    locust_error error;
    int64_t known_ns;
    bool retry;
    if (locust__view_is(url->scheme, "udp")) {
        locust__addr addrs[LOCUST__HOST_ADDRS] = {{.len = 0}};
        locust__host *found;
        error = locust__lookup_host(&sv->resolver, host, url->port, allowance.deadline_ns, &found);
        if (!error && locust__lookup_order(found, url->port, addrs))
            error = locust__connect_udp(s, addrs);
        return error;
    }
    if (locust__view_is(url->scheme, "tcp"))
        return locust__lookup_dial(&sv->resolver, s, host, url->port, &allowance, &known_ns);
    how.http = LOCUST__TLS_ALPN_NONE;
    do {
        retry = false;
        error = locust__lookup_dial(&sv->resolver, s, host, url->port, &allowance, &known_ns);
        if (!error)
            error =
                locust__tls_connect(&sv->tls, s, host, url->port, &how, NULL, &allowance, &retry);
    } while (retry);
    return error;
}

/* Parses tcp://, tls:// or udp://host:port, or unix:/path, and connects. */
static locust_error locust__user_stream_open_url(locust_stream *s, locust__services *sv,
    const locust__class *cls, const char *text) LOCUST__PARKS
{
    static const char *const schemes[] = {"tcp", "tls", "udp"};
    locust__url url;
    char host[LOCUST__HOST_NAME];
    locust__allowance allowance = {locust__user_stream_deadline(s), 0};
    locust_error error;
    int i = 0;
    if (strncmp(text, "unix:", 5) == 0) {
        locust__addr addr;
        if (!locust__addr_unix(&addr, text + 5))
            return LOCUST_ERR_URL;
        return locust__connect_dial(s, &addr, 1, &allowance);
    }
    error = locust__url_parse(text, &url);
    if (error)
        return error;
    while (i < 3 && !locust__view_is(url.scheme, schemes[i]))
        i++;
    if (i == 3)
        return LOCUST_ERR_SCHEME;
    if (!url.port)
        return LOCUST_ERR_URL;
    memcpy(host, url.host.ptr, url.host.len);
    host[url.host.len] = '\0';
    return locust__user_stream_open_name(s, sv, cls, &url, host);
}

/* Ends a public call on a stream: moves received bytes out of the scratch buffer, keeps the error,
 * and leaves the task if the user was cancelled meanwhile. Returns whether all went well. */
static bool locust__user_stream_done(locust_stream *s, locust_error error)
{
    locust__loop *loop = s->net->loop;
    locust_error settled = locust__stream_settle(s);
    if (!error)
        error = settled;
    locust__user_stream_of(s)->error = error;
    if (loop->current && loop->current->cancelled && loop->current->local)
        locust__life_unwind(loop->current->arg);
    return !error;
}

LOCUST_API locust_stream *(locust_connect)(locust_user *u, const char *url)
{
    locust__user *user = locust__control_waiting(u, "locust_connect");
    locust__user_stream *s;
    locust__retry_park(user);
    if (user->co->cancelled)
        locust__life_unwind(user);
    s = LOCUST_MALLOC(sizeof *s);
    if (!s)
        return NULL;
    locust__stream_init(&s->stream, &user->all->services->net);
    s->owner = user->co;
    s->next = user->streams;
    s->link = &user->streams;
    if (s->next)
        s->next->link = &s->next;
    user->streams = s;
    if (!LOCUST__WITH_TLS && url && strncmp(url, "tls:", 4) == 0)
        locust__control_break(user, locust__tls_needed);
    s->timeout_ns = LOCUST__USER_STREAM_TIMEOUT_S * LOCUST__S;
    s->error =
        locust__user_stream_open_url(&s->stream, user->all->services, user->cls, url ? url : "");
    locust__retry_note(user, s->error);
    if (user->co->cancelled)
        locust__life_unwind(user);
    return &s->stream;
}

/* Refuses the use of a stream by another coroutine than its own, or of none. */
static void locust__user_stream_check_owner(const locust_stream *s, const char *what)
{
    if (!s || !locust__loop_now || locust__loop_now->current != locust__user_stream_of(s)->owner)
        locust__misuse("%s was called %s: a stream belongs to the user that opened it", what,
            s ? "outside that user" : "without a stream");
}

/* Can the call `what` use the stream? One that never connected keeps its first error; one that was
 * open says that it is closed. */
static bool locust__user_stream_usable(locust_stream *s, const char *what)
{
    locust__user_stream *own = locust__user_stream_of(s);
    locust__misuse_of_waiting(what);
    locust__user_stream_check_owner(s, what);
    if (!locust__stream_is_open(s) && !own->error)
        own->error = LOCUST_ERR_CLOSED;
    return locust__stream_is_open(s);
}

LOCUST_API bool locust_write(locust_stream *s, const void *bytes, size_t n)
{
    if (!locust__user_stream_usable(s, "locust_write()"))
        return false;
    return locust__user_stream_done(
        s, locust__stream_write(s, (locust__view){bytes, n}, (locust__view){NULL, 0},
               locust__user_stream_deadline(s)));
}

LOCUST_API ptrdiff_t locust_read(locust_stream *s, void *out, size_t n)
{
    size_t got = 0;
    locust_error error;
    if (!locust__user_stream_usable(s, "locust_read()"))
        return -1;
    if (!n)
        return 0;
    error = locust__stream_read(s, out, n, &got, locust__user_stream_deadline(s));
    if (error == LOCUST_ERR_CLOSED)
        error = LOCUST_OK;
    return locust__user_stream_done(s, error) ? (ptrdiff_t)got : -1;
}

LOCUST_API bool locust_read_exact(locust_stream *s, void *out, size_t n)
{
    locust_error error = LOCUST_OK;
    int64_t deadline;
    if (!locust__user_stream_usable(s, "locust_read_exact()"))
        return false;
    deadline = locust__user_stream_deadline(s);
    for (size_t at = 0, got; at < n && !error; at += got)
        error = locust__stream_read(s, (char *)out + at, n - at, &got, deadline);
    return locust__user_stream_done(s, error);
}

LOCUST_API void locust_set_timeout(locust_stream *s, double seconds)
{
    locust__user_stream_check_owner(s, "locust_set_timeout()");
    locust__user_stream_of(s)->timeout_ns = seconds < 0 ? LOCUST__NEVER : locust__time_ns(seconds);
}

LOCUST_API ptrdiff_t locust_read_until(locust_stream *s, char end, char *out, size_t size)
{
    size_t scanned = 0, n = 0;
    int64_t deadline;
    locust_error error = LOCUST_OK;
    if (!locust__user_stream_usable(s, "locust_read_until()"))
        return -1;
    deadline = locust__user_stream_deadline(s);
    while (!error && !n) {
        const char *at =
            s->in_len > scanned ? memchr(s->in + scanned, end, s->in_len - scanned) : NULL;
        scanned = s->in_len;
        if (at)
            n = (size_t)(at - s->in) + 1;
        else if (scanned >= size)
            error = LOCUST_ERR_LINE_TOO_LONG;
        else
            error = locust__stream_fill(s, deadline);
    }
    if (!error && n >= size)
        error = LOCUST_ERR_LINE_TOO_LONG;
    if (!error) {
        memcpy(out, s->in, n);
        out[n] = '\0';
        locust__stream_take(s, n);
    }
    return locust__user_stream_done(s, error) ? (ptrdiff_t)n : -1;
}

LOCUST_API const char *locust_stream_error(const locust_stream *s)
{
    locust_error error = s ? locust__user_stream_of(s)->error : LOCUST_ERR_MEMORY;
    return error ? locust__error_text(error) : NULL;
}

LOCUST_API void locust_close(locust_stream *s)
{
    locust__user_stream *own = locust__user_stream_of(s);
    if (!s)
        return;
    locust__user_stream_check_owner(s, "locust_close()");
    *own->link = own->next;
    if (own->next)
        own->next->link = own->link;
    locust__stream_close(s);
    LOCUST_FREE(own);
}
