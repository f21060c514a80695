/* ============================================================================================
 * >>pg_client  what a client of PostgreSQL keeps; what it receives
 *
 * Purpose     the client of a user: its connection, its prepared statements, its last answer. Takes
 *             messages off the connection, waiting for them or not.
 * Invariants  a connection that ends while no call of its user runs is told by a failure of the row
 *             "POSTGRES disconnect". Prepared statements belong to one connection.
 * Cost        an idle client: 760 bytes of heap, its stream included, and its last answer.
 * Names       locust__pg locust__pg_client_ locust__pg_end locust__pg_next locust__pg_prepared_
 *             locust__pg_protocol locust__pg_tend
 * Uses        >>co >>stream >>services >>protocol >>pg_message >>pg_url >>pg_answer
 * ============================================================================================ */

typedef struct locust__pg_prepared { // a statement that the server keeps
    struct locust__pg_prepared *next;
    uint64_t hash;
    uint32_t number; // in its name
    int n_columns;
    bool has_rows;
    const char *columns; // their names, behind the text
    size_t len;
    char sql[];
} locust__pg_prepared;

typedef struct locust__pg {
    locust__protocol_client as; // first
    locust_pg_options options;  // its texts: `name` is a copy, and `url` that of `url`
    const locust__pg_url *url;  // NULL: not connected yet
    char *name;
    const char *error;             // of the last call; NULL: it went well
    bool up;                       // the login is done
    bool secure;                   // by TLS
    char transaction;              // as the server said last
    uint32_t run;                  // of the connection: in the names of its statements
    uint32_t n_made;               // statements prepared so far
    int n_prepared;                // that the connection has
    uint32_t pid, secret;          // to cancel a query by
    locust__pg_prepared *prepared; // the last that was used first
    locust__pg_prepared *unwanted; // which the server may forget
    size_t taken;                  // bytes of the message that is being looked at
    uint64_t skips;                // bytes of one that is too large, still to come
    locust__pg_answer answer;
} locust__pg;

static const char locust__pg_text_cut[] = "cancelled: the user is being stopped";

static locust__pg *locust__pg_client_of(locust__protocol_client *c)
{
    return (locust__pg *)(void *)c;
}

static locust_stream *locust__pg_client_stream(locust__pg *c)
{
    return &c->as.conn.stream;
}

static locust__services *locust__pg_client_services(const locust__pg *c)
{
    return c->as.user->all->services;
}

static size_t locust__pg_client_max(const locust__pg *c)
{
    return c->options.max_result ? c->options.max_result : (size_t)LOCUST_MAX_BODY;
}

/* -- prepared statements -- */

static void locust__pg_prepared_free_all(locust__pg_prepared **first)
{
    while (*first) {
        locust__pg_prepared *p = *first;
        *first = p->next;
        LOCUST_FREE(p);
    }
}

/* The statement of a text, which becomes the first of the list; NULL: there is none. */
static locust__pg_prepared *locust__pg_prepared_find(locust__pg *c, const char *sql)
{
    size_t len = strlen(sql);
    uint64_t hash = locust__text_hash(0, sql, len);
    for (locust__pg_prepared **at = &c->prepared; *at; at = &(*at)->next) {
        locust__pg_prepared *p = *at;
        if (p->hash != hash || p->len != len || memcmp(p->sql, sql, len) != 0)
            continue;
        *at = p->next;
        p->next = c->prepared;
        return c->prepared = p;
    }
    return NULL;
}

/* Moves a statement to those that the server may forget. */
static void locust__pg_prepared_drop(locust__pg *c, locust__pg_prepared *p)
{
    locust__pg_prepared **at = &c->prepared;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->next = c->unwanted;
    c->unwanted = p;
    c->n_prepared--;
}

/* Makes room for one more. */
static void locust__pg_prepared_spare(locust__pg *c)
{
    int most = c->options.max_prepared ? c->options.max_prepared : 100;
    while (c->n_prepared >= most) {
        locust__pg_prepared *last = c->prepared;
        while (last->next)
            last = last->next;
        locust__pg_prepared_drop(c, last);
    }
}

/* Keeps a statement that was just prepared, with the columns of the answer. False: no memory. */
static bool locust__pg_prepared_add(locust__pg *c, const char *sql, uint32_t number)
{
    const locust__pg_answer *a = &c->answer;
    size_t len = strlen(sql);
    locust__pg_prepared *p = LOCUST_MALLOC(sizeof *p + len + 1 + a->names.len);
    if (!p)
        return false;
    *p = (locust__pg_prepared){.next = c->prepared,
        .hash = locust__text_hash(0, sql, len),
        .number = number,
        .n_columns = a->as.n_columns,
        .has_rows = a->described,
        .columns = p->sql + len + 1,
        .len = len};
    memcpy(p->sql, sql, len + 1);
    if (a->names.len)
        memcpy(p->sql + len + 1, a->names.ptr, a->names.len);
    c->prepared = p;
    c->n_prepared++;
    return true;
}

/* The name of a statement on the server. No two connections have the same: some servers keep them
 * for all. */
static void locust__pg_prepared_name(const locust__pg *c, uint32_t number, char out[32])
{
    snprintf(out, 32, "locust_%08lx_%lx", (unsigned long)c->run, (unsigned long)number);
}

/* -- the connection -- */

/* Closes it, without a word to the server. */
static void locust__pg_client_close(locust__pg *c)
{
    locust__protocol_close(&c->as);
    locust__pg_prepared_free_all(&c->prepared);
    locust__pg_prepared_free_all(&c->unwanted);
    c->n_prepared = 0;
    c->up = c->secure = false;
    c->transaction = '\0';
    c->taken = 0;
    c->skips = 0;
}

/* Says Terminate, as far as that goes without waiting. */
static void locust__pg_client_say_bye(locust__pg *c)
{
    static const char bye[5] = {'X', 0, 0, 0, 4};
    struct iovec iov = {(void *)(uintptr_t)bye, sizeof bye};
    size_t sent;
    if (c->up && locust__stream_is_open(locust__pg_client_stream(c)))
        locust__stream_send(locust__pg_client_stream(c), &iov, 1, &sent);
}

/* The connection has ended while no call runs. */
static void locust__pg_client_lose(locust__pg *c, const char *why)
{
    int64_t now_ns = locust__loop_clock(locust__pg_client_services(c)->loop);
    locust__operation o = {c->as.user, "POSTGRES", "disconnect", now_ns, NULL};
    locust__pg_client_close(c);
    locust__operation_record(&o, why, 0, now_ns, 0);
}

/* Sends what was written. */
static const char *locust__pg_client_send(
    locust__pg *c, const locust__bytes_writer *w, int64_t deadline_ns) LOCUST__PARKS
{
    locust__buf *out = w->buf;
    locust_error error = w->failed || out->failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
    if (!error)
        error = locust__stream_write(locust__pg_client_stream(c),
            (locust__view){out->ptr, out->len}, (locust__view){NULL, 0}, deadline_ns);
    if (out->cap > LOCUST_BUFFER_SIZE) // a query of megabytes: the next is not
        locust__buf_free(out);
    return error == LOCUST_ERR_CANCELLED ? locust__pg_text_cut
           : error                       ? locust__error_text(error)
                                         : NULL;
}

/* -- receiving -- */

/* Drops what has come of a message that is too large. True: all of it has. */
static bool locust__pg_client_skip(locust__pg *c)
{
    locust_stream *s = locust__pg_client_stream(c);
    size_t n = c->skips < s->in_len ? (size_t)c->skips : s->in_len;
    locust__stream_take(s, n);
    c->skips -= n;
    return !c->skips;
}

/* Looks for the next message among the bytes that have come. *type 0: it is not there yet. Its body
 * lasts until the next park, or look. Returns what is wrong with it. */
static const char *locust__pg_client_look(locust__pg *c, char *type, locust__view *body)
{
    locust_stream *s = locust__pg_client_stream(c);
    *type = '\0';
    locust__stream_take(s, c->taken);
    c->taken = 0;
    while (locust__pg_client_skip(c)) {
        int64_t n = locust__pg_frame(s->in, s->in_len, body);
        bool data = n > 0 && (*s->in == 'D' || *s->in == 'd');
        if (n < 0)
            return locust__pg_malformed;
        if (n == 0)
            return NULL;
        if ((size_t)n <= s->in_len) {
            *type = *s->in;
            c->taken = (size_t)n;
            c->answer.bytes += (size_t)n;
            return NULL;
        }
        if (!data && n > LOCUST__PG_MESSAGE_MAX)
            return locust__pg_too_long;
        if (!data || (*s->in == 'D' && (size_t)n <= locust__pg_client_max(c)))
            return NULL;
        if (c->answer.phase == LOCUST__PG_PHASE_IDLE)
            return locust__pg_malformed;
        c->answer.too_large |= *s->in == 'D';
        c->answer.bytes += (size_t)n;
        c->skips = (uint64_t)n;
    }
    return NULL;
}

/* Takes the next message, when it has come. Returns why none does. */
static const char *locust__pg_next(
    locust__pg *c, char *type, locust__view *body, int64_t deadline_ns) LOCUST__PARKS
{
    for (;;) {
        const char *fault = locust__pg_client_look(c, type, body);
        locust_error error;
        if (fault || *type)
            return fault;
        error = locust__stream_fill(locust__pg_client_stream(c), deadline_ns);
        if (error == LOCUST_ERR_CANCELLED)
            return locust__pg_text_cut;
        if (error)
            return locust__error_text(error);
    }
}

/* Takes a message that nobody asked for: the last answer stays as it is. Returns why the connection
 * has to end, in `words` if the server says so; NULL: it goes on. */
static const char *locust__pg_client_overhear(
    locust__pg *c, char type, locust__view body, char words[LOCUST__PG_SENTENCE])
{
    locust__pg_report e;
    if (type != 'E')
        return locust__pg_answer_take(&c->answer, type, body);
    if (!locust__pg_report_read(body, &e))
        return locust__pg_malformed;
    locust__pg_report_sentence(&e, words);
    return locust__pg_report_is_fatal(&e) ? words : NULL;
}

/* Takes what has come unasked; returns what locust__pg_client_overhear does. */
static const char *locust__pg_client_catch_up(locust__pg *c, char words[LOCUST__PG_SENTENCE])
{
    locust_stream *s = locust__pg_client_stream(c);
    size_t got;
    do {
        locust_error error = locust__protocol_read_ready(s, &got);
        char type = '\0';
        do {
            locust__view body;
            const char *fault =
                locust__stream_is_open(s) ? locust__pg_client_look(c, &type, &body) : NULL;
            if (!fault && type)
                fault = locust__pg_client_overhear(c, type, body, words);
            if (fault)
                return fault;
        } while (type);
        if (error)
            return locust__error_text(error);
    } while (got && s->burst < LOCUST__STREAM_BURST);
    return NULL;
}

/* The keeper's: bytes came while the user does something else. */
static void locust__pg_tend(locust__protocol_client *as)
{
    locust__pg *c = locust__pg_client_of(as);
    locust_stream *s = locust__pg_client_stream(c);
    char words[LOCUST__PG_SENTENCE];
    const char *why;
    s->burst = 0;
    locust__loop_clock(locust__pg_client_services(c)->loop);
    why = locust__pg_client_catch_up(c, words);
    if (!why && s->burst >= LOCUST__STREAM_BURST)
        locust__keeper_call(as); // others first
    if (!why && locust__stream_settle(s))
        why = locust__error_text(LOCUST_ERR_MEMORY);
    if (why)
        locust__pg_client_lose(c, why);
}

/* The user ends. */
static void locust__pg_end(locust__protocol_client *as)
{
    locust__pg *c = locust__pg_client_of(as);
    locust__pg_client_say_bye(c);
    locust__pg_client_close(c);
    locust__pg_answer_free(&c->answer);
    LOCUST_FREE(c->name);
}

static const locust__protocol_kind locust__pg_protocol = {
    .bytes = sizeof(locust__pg), .end = locust__pg_end, .tend = locust__pg_tend};
