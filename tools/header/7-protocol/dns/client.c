/* ============================================================================================
 * >>dns_client  a user's client of name servers
 *
 * Purpose     one question from end to end: where it goes, its tries, its answer, the verdict on
 *             it, its row.
 * Invariants  a question makes one row, however often it is asked. What an answer points at lies in
 *             the client's block, which the next question reuses:
 *
 *               | length | question with EDNS | answer |
 * Cost        an idle client has its last question and answer, and over UDP a 64th of a socket.
 * Names       locust__dns_client locust__dns_client_
 * Uses        >>co >>misuse >>stats >>allowance >>dns >>url >>services >>user >>retry
 *             >>protocol >>dns_type >>dns_message >>dns_text >>dns_line
 * Sources     RFC 1035, 6891, 7766 (truncation), 7873 (cookies), 8484 (HTTPS).
 * Limits      no zone transfers, no updates.
 * ============================================================================================ */

enum { LOCUST__DNS_CLIENT_TIMEOUT_S = 5, LOCUST__DNS_CLIENT_COOKIE = 8 };

typedef struct locust__dns_client {
    locust__protocol_client as; // first; its own connection is not used
    locust_dns_answer answer;
    locust__dns_sum sum;        // of the answer
    unsigned type;              // that was asked for
    locust__dns_seat seat, tcp; // tcp: for what was truncated
    locust__buf block;
    // Where questions go:
    locust__origin *origin; // NULL: it is not known yet
    char *url;              // of a server that is not the user's host; NULL: that
    locust__dns_wire wire;
    int sharing;
    bool get;
    unsigned char cookie[40]; // the client's, then the server's: RFC 7873 4
    size_t cookie_len;
} locust__dns_client;

static locust__dns_client *locust__dns_client_of(locust__protocol_client *c)
{
    return (locust__dns_client *)(void *)c;
}

/* Leaves the lines to a server. */
static void locust__dns_client_leave(locust__dns_client *c)
{
    void **lines = &locust__keeper_of_client(&c->as)->shared;
    locust__dns_seat_leave(&c->seat, lines);
    locust__dns_seat_leave(&c->tcp, lines);
    LOCUST_FREE(c->url);
    c->url = NULL;
    c->origin = NULL;
    c->cookie_len = 0;
}

static void locust__dns_client_end(locust__protocol_client *as)
{
    locust__dns_client *c = locust__dns_client_of(as);
    locust__dns_client_leave(c);
    locust__buf_free(&c->block);
}

static const locust__protocol_kind locust__dns_client_kind = {
    sizeof(locust__dns_client), locust__dns_client_end, NULL, NULL, false};

/* Takes the URL of a server apart: the client asks there from now on. NULL `url`: the user's
 * host. */
static locust_error locust__dns_client_aim(locust__dns_client *c, const char *url)
{
    static const struct {
        const char *scheme;
        int port;
        locust__dns_wire wire;
    } schemes[] = {{"udp", 53, LOCUST__DNS_WIRE_UDP}, {"tcp", 53, LOCUST__DNS_WIRE_TCP},
        {"tls", 853, LOCUST__DNS_WIRE_TLS}, {"https", 443, LOCUST__DNS_WIRE_HTTP},
        {"http", 80, LOCUST__DNS_WIRE_HTTP}};
    locust__services *sv = c->as.user->all->services;
    const char *text = url ? url : c->as.user->as.host;
    locust__url parts;
    locust_error error = text ? locust__url_parse(text, &parts) : LOCUST_ERR_URL;
    size_t i = 0;
    locust__dns_client_leave(c);
    if (error)
        return error;
    while (i < 5 && !locust__view_is_nocase(parts.scheme, schemes[i].scheme))
        i++;
    if (i == 5)
        return LOCUST_ERR_SCHEME;
    if (url) {
        c->url = locust__text_copy(url, strlen(url));
        if (!c->url)
            return LOCUST_ERR_MEMORY;
    }
    parts.port = parts.port ? parts.port : schemes[i].port;
    c->wire = schemes[i].wire;
    c->origin = locust__origin_of(
        &sv->origins, &sv->arena, &parts, strcmp(schemes[i].scheme, "https") == 0);
    return c->origin ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* The client of a user, at its first use too. NULL: no memory. */
static locust__dns_client *locust__dns_client_find(locust__user *user)
{
    return locust__dns_client_of(locust__protocol_of(user, &locust__dns_client_kind));
}

/* Writes the question into the block. Fails the task, with a sentence, if it cannot be asked.
 * Returns its length; 0: no memory. */
static size_t locust__dns_client_write(
    locust__dns_client *c, const locust_dns_question *q, unsigned id, size_t *end)
{
    locust__loop *loop = c->as.user->all->services->loop;
    locust__bytes_writer w = locust__bytes_writer_of(loop->scratch + 2, LOCUST__DNS_MAX);
    const char *wrong;
    if (q->cookie && !c->cookie_len) {
        c->cookie_len = LOCUST__DNS_CLIENT_COOKIE;
        for (size_t i = 0; i < c->cookie_len; i++)
            c->cookie[i] = (unsigned char)locust__random(&loop->random);
    }
    wrong = locust__dns_message_put(
        &w, id, (int)c->type, q, (locust__view){(const char *)c->cookie, c->cookie_len}, end);
    if (wrong)
        locust__misuse("the question \"%.200s\" of locust_dns_query %s", q->question, wrong);
    loop->scratch[0] = (char)(w.len >> 8);
    loop->scratch[1] = (char)w.len;
    c->block.len = 0;
    c->block.failed = w.failed;
    locust__buf_add_tight(&c->block, loop->scratch, w.len + 2);
    return c->block.failed ? 0 : w.len;
}

/* Is the message in the block cut, as it did not fit into a datagram? */
static bool locust__dns_client_truncated(const locust__dns_client *c, size_t question_len)
{
    size_t at = 2 + question_len;
    return locust__dns_is_truncated((const unsigned char *)c->block.ptr + at, c->block.len - at);
}

/* Comes to a line. False: no memory. */
static bool locust__dns_client_come(
    locust__dns_client *c, locust__dns_seat *seat, locust__dns_wire wire)
{
    locust__user *user = c->as.user;
    void **lines = &locust__keeper_of_client(&c->as)->shared;
    seat->co = user->co;
    seat->block = &c->block;
    return seat->line || locust__dns_seat_take(
                             seat, lines, user, c->origin, wire, wire == c->wire ? c->sharing : 1);
}

/* Opens the line to the server. */
static locust_error locust__dns_client_open(
    locust__dns_client *c, locust__allowance *a) LOCUST__PARKS
{
    if (!locust__dns_client_come(c, &c->seat, c->wire))
        return LOCUST_ERR_MEMORY;
    return locust__dns_seat_open(&c->seat, c->as.user, a);
}

/* Asks once on a line. */
static locust_error locust__dns_client_try(locust__dns_client *c, locust__dns_seat *seat,
    locust__dns_wire wire, const locust_dns_question *q, size_t *len,
    locust__allowance *a) LOCUST__PARKS
{
    size_t end = 0;
    locust_error error;
    locust__dns_line *line;
    int64_t asked_ns;
    if (!locust__dns_client_come(c, seat, wire))
        return LOCUST_ERR_MEMORY;
    line = seat->line;
    seat->id = (line->count++ * line->capacity | seat->slot) & 0xFFFF;
    seat->question_at = 2;
    *len = locust__dns_client_write(c, q, seat->id, &end);
    if (!*len)
        return LOCUST_ERR_MEMORY;
    seat->len = *len;
    seat->question_len = end;
    if (q->edns > line->largest)
        line->largest = q->edns;
    c->answer.tries++;
    asked_ns = c->as.user->all->services->loop->clock_ns;
    error = locust__dns_seat_send(seat, c->as.user, a);
    if (!error)
        error = locust__dns_seat_wait(seat, a->deadline_ns);
    if (wire == LOCUST__DNS_WIRE_UDP && seat->sent_ns > asked_ns) // it stood in line
        a->generator_ns += seat->sent_ns - asked_ns;
    c->answer.ignored += line->ignored - seat->ignored;
    return error;
}

/* Asks once, and once more on a new connection if a kept one was closed in place of an answer. */
static locust_error locust__dns_client_try_kept(locust__dns_client *c, locust__dns_seat *seat,
    locust__dns_wire wire, const locust_dns_question *q, size_t *len,
    locust__allowance *a) LOCUST__PARKS
{
    locust_error error = locust__dns_client_try(c, seat, wire, q, len, a);
    if (seat->line && seat->kept &&
        (error == LOCUST_ERR_CLOSED || error == LOCUST_ERR_RESET || error == LOCUST_ERR_PIPE))
        error = locust__dns_client_try(c, seat, wire, q, len, a);
    return error;
}

static void locust__dns_client_deadline(
    const locust__dns_client *c, double timeout_s, locust__allowance *a)
{
    double s = timeout_s > 0 ? timeout_s : (double)LOCUST__DNS_CLIENT_TIMEOUT_S;
    a->deadline_ns = timeout_s < 0
                         ? LOCUST__NEVER
                         : locust__time_after(locust__loop_clock(c->as.user->all->services->loop),
                               locust__time_ns(s));
}

/* Keeps the cookie that the server wants back. False: the answer has another cookie of the client
 * than the one that was sent. */
static bool locust__dns_client_take_cookie(
    locust__dns_client *c, const locust_dns_question *q, const unsigned char *m)
{
    size_t len = 0;
    const unsigned char *cookie =
        locust__dns_edns_find(m + c->sum.opt_at, c->sum.opt_len, LOCUST__DNS_EDNS_COOKIE, &len);
    if (!q->cookie || !cookie)
        return true;
    if (len < LOCUST__DNS_CLIENT_COOKIE ||
        memcmp(cookie, c->cookie, LOCUST__DNS_CLIENT_COOKIE) != 0)
        return false;
    if (len >= 16 && len <= sizeof c->cookie) {
        memcpy(c->cookie, cookie, len);
        c->cookie_len = len;
    }
    return true;
}

/* Asks, as often as the question says, until there is an answer. *len: of the question that was
 * answered; the answer stands behind it. */
static locust_error locust__dns_client_ask(locust__dns_client *c, const locust_dns_question *q,
    size_t *len, locust__allowance *a) LOCUST__PARKS
{
    bool udp = c->wire == LOCUST__DNS_WIRE_UDP;
    locust_error error;
    int left = udp ? q->retries : 0;
    do {
        locust__dns_client_deadline(c, q->timeout_s, a);
        error = locust__dns_client_try_kept(c, &c->seat, c->wire, q, len, a);
    } while (error == LOCUST_ERR_TIMEOUT && left-- > 0);
    if (error || !udp || q->no_tcp || !locust__dns_client_truncated(c, *len))
        return error;
    c->answer.over_tcp = true;
    locust__dns_client_deadline(c, q->timeout_s, a);
    return locust__dns_client_try_kept(c, &c->tcp, LOCUST__DNS_WIRE_TCP, q, len, a);
}

/* Is there a record of the type that was asked for which has this text? */
static bool locust__dns_client_has(const locust__dns_client *c, const char *want)
{
    const locust_dns_answer *a = &c->answer;
    locust__dns_walk w = locust__dns_walk_of(a->message, a->size);
    locust__buf text = {NULL, 0, 0, false};
    locust__dns_rr record;
    bool found = false;
    while (!found && locust__dns_walk_next(&w, &record) && record.section == LOCUST_DNS_ANSWER) {
        text.len = 0;
        found = (record.type == c->type || c->type == LOCUST__DNS_TYPE_ANY) &&
                locust__dns_data_read(a->message, &record, &text) &&
                locust__view_is((locust__view){text.ptr, text.len}, want);
    }
    locust__buf_free(&text);
    return found;
}

/* The sentence for an rcode that was not expected. */
static const char *locust__dns_client_blame(
    const locust__dns_client *c, const locust_dns_question *q)
{
    char got[16], want[16], text[128];
    const char *said;
    locust__dns_rcode_of(c->sum.rcode, &said);
    locust__dns_rcode_text(c->sum.rcode, got);
    locust__dns_rcode_text(q->expect_rcode, want);
    if (q->expect_rcode)
        snprintf(text, sizeof text, "%s in place of %s", got, want);
    else
        snprintf(text, sizeof text, "%s%s%s", got, said ? ": " : "", said ? said : "");
    return locust__stats_text(c->as.user->all->services->recorder.stats, text);
}

/* Reads the answer that has come, and judges it. NULL: it is as expected. */
static const char *locust__dns_client_judge(locust__dns_client *c, const locust_dns_question *q)
{
    locust_dns_answer *a = &c->answer;
    bool whole = locust__dns_sum_read(&c->sum, a->message, a->size, c->type);
    char text[128];
    if (!whole)
        return "malformed answer";
    a->rcode = c->sum.rcode;
    a->authoritative = c->sum.flags & 0x0400;
    a->truncated = c->sum.flags & LOCUST__DNS_TRUNCATED;
    a->recursion_available = c->sum.flags & 0x0080;
    a->authentic = c->sum.flags & 0x0020;
    a->answers = c->sum.counts[LOCUST_DNS_ANSWER];
    a->authorities = c->sum.counts[LOCUST_DNS_AUTHORITY];
    a->additionals = c->sum.counts[LOCUST_DNS_ADDITIONAL];
    if (!locust__dns_client_take_cookie(c, q, a->message))
        return "the answer has another client's cookie";
    if (a->truncated && (a->over_tcp || c->wire != LOCUST__DNS_WIRE_UDP))
        return "truncated, though not over UDP";
    if (q->expect_rcode != LOCUST_DNS_ANY_RCODE && a->rcode != q->expect_rcode)
        return locust__dns_client_blame(c, q);
    if (q->expect_rcode == LOCUST_DNS_NOERROR && !a->answers && !q->allow_empty)
        return a->truncated ? "truncated, without a record" : "NOERROR without a record";
    if (!q->expect_text || locust__dns_client_has(c, q->expect_text))
        return NULL;
    snprintf(text, sizeof text, "no record \"%.90s\" in the answer", q->expect_text);
    return locust__stats_text(c->as.user->all->services->recorder.stats, text);
}

/* The sentence for a question without an answer. */
static const char *locust__dns_client_failure(const locust__dns_client *c, locust_error error)
{
    char text[160];
    if (error == LOCUST_ERR_TIMEOUT && c->answer.ignored)
        return "timed out; what came had another id or question, or was late";
    if (!c->answer.over_tcp)
        return locust__error_text(error);
    snprintf(text, sizeof text, "truncated, then over TCP: %s", locust__error_text(error));
    return locust__stats_text(c->as.user->all->services->recorder.stats, text);
}

/* Begins an answer. */
static void locust__dns_client_begin(locust__dns_client *c)
{
    memset(&c->answer, 0, sizeof c->answer);
    memset(&c->sum, 0, sizeof c->sum);
    c->answer.rcode = -1;
    c->answer.user = &c->as.user->as;
}

/* The answer lies behind the question. */
static void locust__dns_client_place(locust__dns_client *c, size_t question_len)
{
    c->answer.message = (const unsigned char *)c->block.ptr + 2 + question_len;
    c->answer.size = c->block.len - 2 - question_len;
}

/* One question over UDP, TCP or TLS. */
static void locust__dns_client_query(
    locust__dns_client *c, const locust_dns_question *q, const char *row) LOCUST__PARKS
{
    locust__user *user = c->as.user;
    locust__operation o = locust__operation_begin(user, "DNS", row);
    locust__allowance a = {0, 0};
    locust_stream *own = &c->as.conn.stream; // never open: it carries the time of arrival
    int64_t late_ns, ended_ns;
    size_t len = 0;
    locust_error error = locust__dns_client_ask(c, q, &len, &a);
    locust_dns_answer *answer = &c->answer;
    o.context = q->context;
    if (error == LOCUST_ERR_CANCELLED) {
        locust__operation_cut(&o);
        return;
    }
    o.start_ns += a.generator_ns;
    own->arrived_ns = answer->over_tcp ? c->tcp.arrived_ns : c->seat.arrived_ns;
    ended_ns = locust__operation_ended(&o, error ? NULL : own, &late_ns);
    if (!error)
        locust__dns_client_place(c, len);
    answer->error = error ? locust__dns_client_failure(c, error) : locust__dns_client_judge(c, q);
    answer->elapsed_ms = ended_ns > o.start_ns ? (double)(ended_ns - o.start_ns) / 1e6 : 0;
    locust__retry_note(user, error);
    locust__operation_record(&o, answer->error, answer->size, ended_ns, late_ns);
}
