/* ============================================================================================
 * >>pg_query  queries to PostgreSQL, and what a test calls
 *
 * Purpose     connects, sends queries, and makes rows of both.
 * Invariants  a query without parameters goes by the simple protocol, others by a prepared
 *             statement, which the connection keeps. It is prepared before it is run, not in the
 *             same write: servers are known that run the statement before it if that fails. A query
 *             that takes too long is cancelled; if the server says so soon, the connection stays.
 * Cost        a query that is prepared: one send, one recv, no allocation if its result is small.
 * Names       locust__pg_call_ locust__pg_connect locust__pg_grace_s locust__pg_query_
 *             locust__pg_up
 * Uses        >>co >>stream >>allowance >>services >>user >>retry >>control >>protocol
 *             >>pg_message >>pg_url >>pg_answer >>pg_client >>pg_open >>pg_login
 * Sources     PostgreSQL 15's manual, 55.2.2 (simple), 55.2.3 (extended), 55.2.6 (COPY).
 * ============================================================================================ */

enum { LOCUST__PG_GRACE_S = 2 }; // for a query to end that the server was asked to cancel

/* -- calls -- */

/* Begins a public call. NULL: there is no memory for a client. */
static locust__pg *locust__pg_call_begin(locust_user *u, const char *what)
{
    locust__user *user = locust__control_waiting(u, what);
    locust__pg *c = locust__pg_client_of(locust__protocol_of(user, &locust__pg_protocol));
    if (!c)
        return NULL;
    locust__protocol_enter(&c->as);
    locust__pg_client_stream(c)->burst = 0;
    c->error = NULL;
    return c;
}

/* Ends a public call. Returns whether it went well. */
static bool locust__pg_call_end(locust__pg *c)
{
    locust_stream *s = locust__pg_client_stream(c);
    locust_error error;
    if (locust__stream_is_open(s)) {
        locust__stream_take(s, c->taken);
        c->taken = 0;
    }
    error = locust__protocol_leave(&c->as, LOCUST_OK);
    if (error)
        locust__pg_client_lose(c, locust__error_text(error));
    return !c->error;
}

static int64_t locust__pg_call_deadline(const locust__pg *c, double timeout_s)
{
    double s = timeout_s != 0 ? timeout_s : c->options.timeout_s != 0 ? c->options.timeout_s : 60;
    return s < 0 ? LOCUST__NEVER
                 : locust__time_after(
                       locust__loop_clock(locust__pg_client_services(c)->loop), locust__time_ns(s));
}

/* Ends an operation: it failed, went well (why: NULL), or its user was cut. */
static void locust__pg_call_tell(
    locust__pg *c, const locust__operation *o, const char *why, size_t length)
{
    c->error = why;
    if (why == locust__pg_text_cut)
        locust__operation_cut(o);
    else
        locust__operation_end(o, locust__pg_client_stream(c), why, length);
}

/* -- connecting -- */

/* Ends the test, in words, if it wants TLS that it does not have. */
static void locust__pg_call_check_tls(locust__pg *c) LOCUST__PARKS
{
    locust__user *user = c->as.user;
    if (!LOCUST__WITH_TLS && c->url && !c->url->socket && c->url->ssl >= LOCUST__PG_SSL_REQUIRE) {
        c->as.busy = false;
        locust__control_break(user, locust__pg_needs_tls);
    }
    if (locust__pg_client_services(c)->tls.broken) {
        c->as.busy = false;
        locust__protocol_check_tls(user, false);
    }
}

/* Connects, and makes the row. Returns whether the server took the login. */
static bool locust__pg_connect(locust__pg *c, int64_t deadline_ns) LOCUST__PARKS
{
    const char *text = c->options.url ? c->options.url : c->as.user->as.host;
    locust__operation o =
        locust__operation_begin(c->as.user, "POSTGRES", c->name ? c->name : "connect");
    locust__services *sv = locust__pg_client_services(c);
    locust__allowance a = {deadline_ns, 0};
    const char *why;
    locust__pg_answer_begin(&c->answer, LOCUST__PG_PHASE_IDLE, 0); // the last one's words are old
    c->url = text ? locust__pg_url_of(sv, text) : NULL;
    locust__pg_call_check_tls(c);
    if (!text)
        why = locust__error_text(LOCUST_ERR_URL);
    else if (!c->url)
        why = locust__error_text(LOCUST_ERR_MEMORY);
    else
        why = c->url->fault;
    if (!why && c->url->timeout_s) {
        int64_t by_url_ns = locust__time_after(o.start_ns, c->url->timeout_s * LOCUST__S);
        a.deadline_ns = by_url_ns < a.deadline_ns ? by_url_ns : a.deadline_ns;
    }
    if (!why) {
        why = locust__pg_login_any(c, &a);
        locust__pg_call_check_tls(c);
    } else {
        locust__retry_note(c->as.user, LOCUST_ERR_URL);
    }
    o.start_ns += a.generator_ns;
    locust__pg_call_tell(c, &o, why, 0);
    if (why) {
        locust__pg_client_close(c);
        return false;
    }
    c->up = true;
    c->transaction = c->answer.as.transaction;
    c->run = (uint32_t)locust__random(&sv->loop->random);
    locust__pg_client_stream(c)->fd.unread = locust__keeper_unread;
    return true;
}

/* Sees to it that there is a connection. False: there is none. */
static bool locust__pg_up(locust__pg *c, int64_t deadline_ns) LOCUST__PARKS
{
    char words[LOCUST__PG_SENTENCE];
    const char *why = c->up ? locust__pg_client_catch_up(c, words) : NULL;
    if (why)
        locust__pg_client_lose(c, why);
    return c->up || locust__pg_connect(c, deadline_ns);
}

/* Takes the options for this and later connects. False: no memory. */
static bool locust__pg_call_configure(locust__pg *c, const locust_pg_options *options)
{
    char *name = options->name ? locust__text_copy(options->name, strlen(options->name)) : NULL;
    const locust__pg_url *url =
        options->url ? locust__pg_url_of(locust__pg_client_services(c), options->url) : NULL;
    if ((options->name && !name) || (options->url && !url)) {
        LOCUST_FREE(name);
        return false;
    }
    LOCUST_FREE(c->name);
    c->name = name;
    c->options = *options;
    c->options.url = url ? url->text : NULL;
    return true;
}

LOCUST_API bool(locust_pg_connect)(locust_user *u, const locust_pg_options *options)
{
    locust__pg *c = locust__pg_call_begin(u, "locust_pg_connect");
    if (!c)
        return false;
    locust__pg_client_say_bye(c);
    locust__pg_client_close(c);
    if (locust__pg_call_configure(c, options))
        locust__pg_connect(c, locust__pg_call_deadline(c, 0));
    else
        c->error = locust__error_text(LOCUST_ERR_MEMORY);
    return locust__pg_call_end(c);
}

LOCUST_API void(locust_pg_disconnect)(locust_user *u)
{
    locust__pg *c = locust__pg_call_begin(u, "locust_pg_disconnect");
    if (!c)
        return;
    locust__pg_client_say_bye(c);
    locust__pg_client_close(c);
    locust__pg_call_end(c);
}

/* -- queries -- */

/* Refuses the data that a COPY waits for. It took the Sync behind it for data, too. */
static const char *locust__pg_query_refuse_copy(locust__pg *c, int64_t deadline_ns) LOCUST__PARKS
{
    locust__bytes_writer w = locust__pg_put_to(&locust__pg_client_services(c)->auth);
    c->answer.wants_copy = false;
    locust__pg_put_message(&w, 'f', "locust.h has no COPY FROM STDIN", NULL);
    if (c->answer.phase == LOCUST__PG_PHASE_EXTENDED)
        locust__pg_put_message(&w, 'S', NULL, NULL);
    return locust__pg_client_send(c, &w, deadline_ns);
}

/* Takes the answer up to its end. Returns why it does not come to that. */
static const char *locust__pg_query_take(locust__pg *c, int64_t deadline_ns) LOCUST__PARKS
{
    const char *why = NULL;
    while (!why && !c->answer.ready) {
        char type;
        locust__view body;
        why = locust__pg_next(c, &type, &body, deadline_ns);
        if (!why)
            why = locust__pg_answer_take(&c->answer, type, body);
        if (!why && c->answer.wants_copy)
            why = locust__pg_query_refuse_copy(c, deadline_ns);
    }
    return why;
}

/* Sends what was written, and takes the answer. */
static const char *locust__pg_query_exchange(
    locust__pg *c, const locust__bytes_writer *w, int64_t deadline_ns) LOCUST__PARKS
{
    const char *why = locust__pg_client_send(c, w, deadline_ns);
    return why ? why : locust__pg_query_take(c, deadline_ns);
}

/* Writes Parse. */
static void locust__pg_query_parse(locust__bytes_writer *w, const char *name, const char *sql)
{
    size_t at = locust__pg_put_begin(w, 'P');
    locust__pg_put_text(w, name);
    locust__pg_put_text(w, sql);
    locust__bytes_put_u16(w, 0); // types of parameters: as the server finds them
    locust__pg_put_end(w, at);
}

/* Writes Describe or Close, of a statement ('S') or portal ('P'). */
static void locust__pg_query_about(locust__bytes_writer *w, char type, char what, const char *name)
{
    size_t at = locust__pg_put_begin(w, type);
    locust__bytes_put_u8(w, (unsigned char)what);
    locust__pg_put_text(w, name);
    locust__pg_put_end(w, at);
}

/* Writes Bind, all values in their text form. */
static void locust__pg_query_bind(
    locust__bytes_writer *w, const char *name, const locust_pg_params *params)
{
    size_t at = locust__pg_put_begin(w, 'B');
    locust__bytes_put_u8(w, 0); // the unnamed portal
    locust__pg_put_text(w, name);
    locust__bytes_put_u16(w, 0); // formats of parameters: text
    locust__bytes_put_u16(w, (unsigned)params->n);
    for (int i = 0; i < params->n; i++) {
        const char *value = params->values[i];
        size_t n = value ? strlen(value) : 0;
        w->failed = w->failed || n > INT32_MAX;
        locust__bytes_put_u32(w, value ? (uint32_t)n : UINT32_MAX);
        if (value)
            locust__bytes_add(w, value, n);
    }
    locust__bytes_put_u16(w, 0); // formats of columns: text
    locust__pg_put_end(w, at);
}

/* Writes Execute, for all rows, and Sync. */
static void locust__pg_query_execute(locust__bytes_writer *w)
{
    size_t at = locust__pg_put_begin(w, 'E');
    locust__bytes_put_u8(w, 0);
    locust__bytes_put_u32(w, 0);
    locust__pg_put_end(w, at);
    locust__pg_put_message(w, 'S', NULL, NULL);
}

/* Prepares a statement, and has the server forget those that are not wanted any more. *p NULL: the
 * server refuses it. */
static const char *locust__pg_query_prepare(
    locust__pg *c, const char *sql, locust__pg_prepared **p, int64_t deadline_ns) LOCUST__PARKS
{
    uint32_t number = ++c->n_made;
    char name[32];
    const char *why;
    locust__bytes_writer w;
    locust__pg_prepared_spare(c);
    w = locust__pg_put_to(&locust__pg_client_services(c)->auth);
    for (const locust__pg_prepared *old = c->unwanted; old; old = old->next) {
        locust__pg_prepared_name(c, old->number, name);
        locust__pg_query_about(&w, 'C', 'S', name);
    }
    locust__pg_prepared_free_all(&c->unwanted);
    locust__pg_prepared_name(c, number, name);
    locust__pg_query_parse(&w, name, sql);
    locust__pg_query_about(&w, 'D', 'S', name);
    locust__pg_put_message(&w, 'S', NULL, NULL);
    why = locust__pg_query_exchange(c, &w, deadline_ns);
    *p = NULL;
    if (why || c->answer.words.len)
        return why;
    if (!locust__pg_prepared_add(c, sql, number))
        return locust__error_text(LOCUST_ERR_MEMORY);
    *p = c->prepared;
    return NULL;
}

/* Is a statement of no use any more, as the server has forgotten it, or its result would have other
 * columns? */
static bool locust__pg_query_is_stale(const locust__pg_answer *a)
{
    return a->words.len &&
           (strcmp(a->as.sqlstate, "26000") == 0 || strcmp(a->as.sqlstate, "0A000") == 0);
}

/* Runs a query by the extended protocol. */
static const char *locust__pg_query_extended(
    locust__pg *c, const locust_pg_statement *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__pg_answer *a = &c->answer;
    locust__pg_prepared *p =
        c->options.max_prepared < 0 ? NULL : locust__pg_prepared_find(c, s->sql);
    locust__bytes_writer w;
    char name[32] = "";
    const char *why;
    locust__pg_answer_begin(a, LOCUST__PG_PHASE_EXTENDED, locust__pg_client_max(c));
    if (!p && c->options.max_prepared >= 0) {
        size_t bytes;
        why = locust__pg_query_prepare(c, s->sql, &p, deadline_ns);
        if (why || !p)
            return why;
        bytes = a->bytes;
        locust__pg_answer_begin(a, LOCUST__PG_PHASE_EXTENDED, locust__pg_client_max(c));
        a->bytes = bytes;
    }
    w = locust__pg_put_to(&locust__pg_client_services(c)->auth);
    if (p) {
        locust__pg_prepared_name(c, p->number, name);
        a->as.n_columns = p->n_columns;
        a->described = p->has_rows;
        a->columns = p->columns;
    } else {
        locust__pg_query_parse(&w, name, s->sql);
    }
    locust__pg_query_bind(&w, name, &s->params);
    if (!p)
        locust__pg_query_about(&w, 'D', 'P', name);
    locust__pg_query_execute(&w);
    return locust__pg_query_exchange(c, &w, deadline_ns);
}

static const char *locust__pg_query_simple(
    locust__pg *c, const char *sql, int64_t deadline_ns) LOCUST__PARKS
{
    locust__bytes_writer w = locust__pg_put_to(&locust__pg_client_services(c)->auth);
    locust__pg_answer_begin(&c->answer, LOCUST__PG_PHASE_SIMPLE, locust__pg_client_max(c));
    locust__pg_put_message(&w, 'Q', sql, NULL);
    return locust__pg_query_exchange(c, &w, deadline_ns);
}

/* A query took too long: asks the server to cancel it, and waits a little for that. False: the
 * connection is of no use any more. */
static bool locust__pg_query_give_up(locust__pg *c) LOCUST__PARKS
{
    locust__services *sv = locust__pg_client_services(c);
    int64_t deadline_ns =
        locust__time_after(locust__loop_clock(sv->loop), LOCUST__PG_GRACE_S * LOCUST__S);
    if (!c->pid && !c->secret) // it gave no key
        return false;
    locust__pg_cancel(c, deadline_ns);
    return !c->as.user->co->cancelled && !locust__pg_query_take(c, deadline_ns);
}

/* Runs a query on a connection that is there, and makes its row. */
static void locust__pg_query_run(
    locust__pg *c, const locust_pg_statement *s, int64_t deadline_ns) LOCUST__PARKS
{
    locust__pg_answer *a = &c->answer;
    locust__operation o =
        locust__operation_begin(c->as.user, "POSTGRES", s->name ? s->name : s->sql);
    const char *why;
    bool keeps = true;
    if (s->params.n < 0 || s->params.n > 65535) {
        locust__pg_answer_begin(a, LOCUST__PG_PHASE_IDLE, 0);
        why = "invalid query: it has more than 65535 parameters";
    } else {
        why = s->params.n || s->prepare ? locust__pg_query_extended(c, s, deadline_ns)
                                        : locust__pg_query_simple(c, s->sql, deadline_ns);
        keeps = !why;
    }
    if (why && why != locust__pg_text_cut && a->fatal && a->words.len)
        why = a->words.ptr; // it says why it went
    locust__pg_answer_end(a, why);
    a->as.elapsed_ms =
        (double)(locust__loop_clock(locust__pg_client_services(c)->loop) - o.start_ns) / 1e6;
    locust__pg_call_tell(c, &o, a->as.error, a->bytes);
    if (!keeps && why == locust__error_text(LOCUST_ERR_TIMEOUT)) {
        size_t words = a->words.len;
        keeps = locust__pg_query_give_up(c);
        a->words.len = words; // what the server says of the cancelling is no news
        locust__pg_answer_end(a, why);
    }
    if (!keeps || a->fatal)
        locust__pg_client_close(c);
    else if (locust__pg_query_is_stale(a) && (s->params.n || s->prepare) && c->prepared &&
             strcmp(c->prepared->sql, s->sql) == 0)
        locust__pg_prepared_drop(c, c->prepared);
    c->transaction = c->up && a->as.transaction ? a->as.transaction : c->transaction;
    a->as.transaction = c->transaction;
}

LOCUST_API locust_pg_result *(locust_pg_query)(locust_user *u, const locust_pg_statement *statement)
{
    static locust__pg_answer none; // for want of memory: it has no rows
    locust__pg *c = locust__pg_call_begin(u, "locust_pg_query");
    int64_t deadline_ns;
    if (!c) {
        locust__pg_answer_begin(&none, LOCUST__PG_PHASE_IDLE, 0);
        none.as.error = locust__error_text(LOCUST_ERR_MEMORY);
        return &none.as;
    }
    deadline_ns = locust__pg_call_deadline(c, statement->timeout_s);
    if (locust__pg_up(c, deadline_ns))
        locust__pg_query_run(c, statement, deadline_ns);
    else
        locust__pg_answer_end(&c->answer, c->error);
    locust__pg_call_end(c);
    return &c->answer.as;
}

LOCUST_API const char *locust_pg_error(locust_user *u)
{
    const locust__user *user = locust__control_user(u, "locust_pg_error");
    locust__protocol_client *c = locust__protocol_find(user, &locust__pg_protocol);
    return c ? locust__pg_client_of(c)->error : locust__error_text(LOCUST_ERR_MEMORY);
}
