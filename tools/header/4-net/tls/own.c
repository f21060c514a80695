/* ============================================================================================
 * >>tls_own  reading and writing records of our own
 *
 * Purpose     what a connection does without mbedTLS's context: reads and sends data, answers what
 *             >>tls_after noted, renews its keys in time, says why it ends.
 * Invariants  bytes count as sent when the whole record they are in has gone down; until then the
 *             sealed record is kept and the writer gives the same bytes again. Records go out in
 *             the order in which they were sealed, each once.
 * Cost        an idle connection has no buffer. A record is opened straight into its reader's
 *             memory if that has room.
 * Names       locust__tls_own_
 * Uses        >>stream >>tls_key >>tls_record >>tls_after >>tls_state >>tls_socket >>tls_error
 * Sources     RFC 8446 4.6.3, 5, 6.1; RFC 5246 7.2.
 * Limits      what a server asks for while the socket takes nothing is answered when the test next
 *             reads or writes.
 * ============================================================================================ */

enum { LOCUST__TLS_OWN_SILENT = 65536 };          // bytes without data that one call reads
#define LOCUST__TLS_OWN_RENEW ((uint64_t)1 << 24) // records that a key seals: RFC 8446 5.5

/* -- sending -- */

/* Sends what was sealed before. False: the socket takes no more, or failed. */
static bool locust__tls_own_flush(locust__tls_conn *c)
{
    while (c->out && !c->io) {
        struct iovec iov = {c->out->bytes + c->out->at, c->out->len};
        size_t sent = 0;
        c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
        if (!sent)
            return false;
        c->out->at += (uint32_t)sent;
        c->out->len -= (uint32_t)sent;
        if (!c->out->len) {
            c->credit = c->out->holds;
            LOCUST_FREE(c->out);
            c->out = NULL;
        }
    }
    return !c->io;
}

/* Seals the n bytes that lie in the stage, where a record has its data, and sends them. What the
 * socket does not take is kept. `holds`: as many of them are a writer's. */
static locust_error locust__tls_own_put(locust__tls_conn *c, int type, size_t n, size_t holds)
{
    unsigned char *stage = c->tls->stage;
    size_t len = locust__tls_record_seal(c->keys, type, stage, n), sent = 0;
    struct iovec iov = {stage, len};
    if (!len)
        return c->end = LOCUST_ERR_MEMORY;
    c->io = locust__layer_send(&c->layer, &iov, 1, &sent);
    if (c->io || sent == len)
        return c->io;
    c->out = LOCUST_MALLOC(sizeof *c->out + len - sent);
    if (!c->out)
        return c->end = LOCUST_ERR_MEMORY;
    *c->out = (locust__tls_out){0, (uint32_t)(len - sent), (uint32_t)holds};
    memcpy(c->out->bytes, stage + sent, len - sent);
    return LOCUST_OK;
}

/* Sends a few bytes of ours, if nothing is in the way. */
static void locust__tls_own_say(locust__tls_conn *c, int type, const void *bytes, size_t n)
{
    if (c->deaf || c->io || c->out)
        return;
    memcpy(c->tls->stage + locust__tls_record_front(c->keys->suite), bytes, n);
    locust__tls_own_put(c, type, n, 0);
}

/* New keys for what we send, of which the last record under the old ones tells. */
static void locust__tls_own_renew(locust__tls_conn *c)
{
    static const unsigned char message[] = {
        LOCUST__TLS_AFTER_KEYS, 0, 0, 1, 0}; // not asked of them
    locust__tls_own_say(c, LOCUST__TLS_RECORD_HANDSHAKE, message, sizeof message);
    if (!locust__tls_key_renew(c->keys, LOCUST__TLS_SIDE_OUT))
        c->end = LOCUST_ERR_MEMORY;
}

/* Answers what the server has asked for. */
static void locust__tls_own_answer(locust__tls_conn *c)
{
    static const unsigned char no_renegotiation[] = {1, 100}; // a warning
    bool of_age =
        c->keys->suite->hash && c->keys->seq[LOCUST__TLS_SIDE_OUT] >= LOCUST__TLS_OWN_RENEW;
    if (!c->after.keys_owed && !c->after.refusal_owed && !of_age && !c->out)
        return;
    if (c->deaf || c->io || !locust__tls_own_flush(c))
        return;
    if (c->after.keys_owed || of_age) {
        c->after.keys_owed = false;
        locust__tls_own_renew(c);
    } else if (c->after.refusal_owed) {
        c->after.refusal_owed = false;
        locust__tls_own_say(c, LOCUST__TLS_RECORD_ALERT, no_renegotiation, sizeof no_renegotiation);
    }
}

/* -- reading -- */

/* Ends the connection for what the server sent, and tells it so. */
static void locust__tls_own_fail(locust__tls_conn *c, int rc)
{
    unsigned char alert[] = {2, (unsigned char)rc};
    c->end = rc == LOCUST__TLS_RECORD_NO_MEMORY ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_RECORD;
    if (rc != LOCUST__TLS_RECORD_NO_MEMORY)
        locust__tls_own_say(c, LOCUST__TLS_RECORD_ALERT, alert, sizeof alert);
}

static int locust__tls_own_alert(locust__tls_conn *c, const locust__tls_record *r)
{
    int number, rc = locust__tls_after_alert(c->keys->suite, r->data, r->n, &number);
    if (rc || number == LOCUST__TLS_AFTER_IGNORED)
        return rc;
    c->alerted = number != LOCUST__TLS_AFTER_CLOSE;
    c->end = c->alerted ? locust__tls_alert_error(number, c->shown, true) : LOCUST_ERR_CLOSED;
    return rc;
}

/* Reads on until `want` bytes of a record are at hand. False: there are no more now, or never. */
static bool locust__tls_own_fill(locust__tls_conn *c, size_t want)
{
    size_t got;
    locust_error error = locust__tls_fill(c, want, &got);
    if (error == LOCUST_ERR_CLOSED) // without close_notify: it was cut
        c->end = LOCUST_ERR_TLS_CUT;
    else if (error)
        c->end = c->io = error;
    return !error && got;
}

/* Opens the record at hand, of `size` bytes: its data goes to `to`, if that has room, else it stays
 * in the window. Returns the bytes that went to `to`. */
static size_t locust__tls_own_open(
    locust__tls_conn *c, locust__tls_in *w, size_t size, char *to, size_t room)
{
    size_t text = size - locust__tls_record_front(c->keys->suite) - LOCUST__TLS_RECORD_TAG;
    locust__tls_record r = {0, NULL, 0};
    bool there = to && room >= text;
    int rc =
        locust__tls_record_open(c->keys, w->bytes + w->at, there ? (unsigned char *)to : NULL, &r);
    bool inside = !rc && locust__tls_after_is_open(&c->after); // a message that is not complete
    if (!rc && r.type == LOCUST__TLS_RECORD_HANDSHAKE)
        rc = locust__tls_after_handshake(&c->after, c->keys, r.data, r.n);
    else if (!rc && r.type == LOCUST__TLS_RECORD_ALERT && !inside)
        rc = locust__tls_own_alert(c, &r);
    else if (!rc && (r.type != LOCUST__TLS_RECORD_DATA || inside))
        rc = LOCUST__TLS_RECORD_UNEXPECTED;
    if (rc) {
        locust__tls_own_fail(c, rc);
    } else if (r.type == LOCUST__TLS_RECORD_DATA && !there) {
        w->data_at = (uint32_t)(r.data - w->bytes);
        w->data_len = (uint32_t)r.n;
    }
    w->at += (uint32_t)size;
    w->len -= (uint32_t)size;
    return !rc && there && r.type == LOCUST__TLS_RECORD_DATA ? r.n : 0;
}

/* Gives the reader what a record left in the window. */
static size_t locust__tls_own_give(locust__tls_in *w, char *to, size_t n)
{
    n = n < w->data_len ? n : w->data_len;
    memcpy(to, w->bytes + w->data_at, n);
    w->data_at += (uint32_t)n;
    w->data_len -= (uint32_t)n;
    return n;
}

/* Reads up to n bytes of data; 0 bytes: as far as the next data. What came before the end of the
 * connection is given first. */
static size_t locust__tls_own_read(locust__tls_conn *c, char *to, size_t n)
{
    size_t done = 0, taken = 0;
    for (;;) {
        locust__tls_in *w = locust__tls_window(c);
        size_t size;
        int rc;
        if (w->data_len && done < n)
            done += locust__tls_own_give(w, to + done, n - done);
        if (w->data_len || (n && done == n) || c->end)
            break;
        size = locust__tls_record_size(w->bytes + w->at, w->len);
        rc = size ? locust__tls_record_check(c->keys->suite, w->bytes + w->at) : 0;
        if (rc) {
            locust__tls_own_fail(c, rc);
            break;
        }
        if (!size || w->len < size) {
            if (!locust__tls_own_fill(c, size ? size : LOCUST__TLS_RECORD_HEADER))
                break;
            continue;
        }
        if (!done && taken >= LOCUST__TLS_OWN_SILENT)
            break;
        done += locust__tls_own_open(c, w, size, n ? to + done : NULL, n - done);
        taken += size;
    }
    // A server that sends much and no data shall not keep the loop to itself.
    c->layer.stream->burst += taken > 2 * done ? taken - done : 0;
    return done;
}

/* Ends the work for this connection. It holds something if there is a whole record, or part of one
 * that was opened, or an end to tell. */
static void locust__tls_own_leave(locust__tls_conn *c)
{
    locust__tls_in *w = locust__tls_window(c);
    size_t size = locust__tls_record_size(w->bytes + w->at, w->len);
    locust__tls_keep(c, size ? size : LOCUST__TLS_RECORD_HEADER);
    c->layer.held = c->end || (c->in && (c->in->data_len || (size && c->in->len >= size)));
}

static locust_error locust__tls_own_recv(locust__tls_conn *c, char *to, size_t n, size_t *got)
{
    *got = locust__tls_own_read(c, to, n);
    locust__tls_own_answer(c);
    locust__tls_own_leave(c);
    return *got ? LOCUST_OK : c->end;
}

/* -- writing -- */

/* A server that says why it ends the connection, and ends it, makes writes fail; what it said can
 * still be read, behind session tickets too. Its alert is the error then. Data stays to be read. */
static locust_error locust__tls_own_last_words(locust__tls_conn *c)
{
    locust_error said = c->io;
    if (said != LOCUST_ERR_PIPE && said != LOCUST_ERR_RESET)
        return said;
    c->deaf = true;
    c->layer.stream->fd.watch.readable = true;
    c->io = LOCUST_OK;
    if (!c->end)
        locust__tls_own_read(c, NULL, 0);
    c->io = said;
    return c->alerted ? c->end : said;
}

/* Gathers the data of a record from up to two pieces. */
static size_t locust__tls_own_gather(locust__tls_conn *c, const struct iovec *iov, int n)
{
    unsigned char *to = c->tls->stage + locust__tls_record_front(c->keys->suite);
    size_t room = c->data_max, len = 0;
    for (int i = 0; i < n && len < room; i++) {
        size_t some = iov[i].iov_len < room - len ? iov[i].iov_len : room - len;
        memcpy(to + len, iov[i].iov_base, some);
        len += some;
    }
    return len;
}

/* Sends up to one record. */
static locust_error locust__tls_own_send(
    locust__tls_conn *c, const struct iovec *iov, int n, size_t *sent)
{
    locust_error error = c->end == LOCUST_ERR_CLOSED ? LOCUST_OK : c->end; // we may go on: 6.1
    *sent = 0;
    if (error || c->deaf)
        return error ? error : c->io;
    locust__tls_own_answer(c); // sends what waits, too
    if (!c->out && !c->io && !c->credit) {
        size_t len = locust__tls_own_gather(c, iov, n);
        if (locust__tls_own_put(c, LOCUST__TLS_RECORD_DATA, len, len) == LOCUST_OK && !c->out)
            c->credit = (uint32_t)len;
    }
    if (!c->out) {
        *sent = c->credit;
        c->credit = 0;
    }
    if (c->io)
        error = locust__tls_own_last_words(c);
    else if (c->end && c->end != LOCUST_ERR_CLOSED)
        error = c->end;
    locust__tls_own_leave(c);
    return *sent ? LOCUST_OK : error;
}

/* Says close_notify if the connection did not end by an error; it leaves at once or not at all. */
static void locust__tls_own_close(locust__tls_conn *c)
{
    static const unsigned char close_notify[] = {1, LOCUST__TLS_AFTER_CLOSE};
    if (!c->end || c->end == LOCUST_ERR_CLOSED)
        locust__tls_own_say(c, LOCUST__TLS_RECORD_ALERT, close_notify, sizeof close_notify);
}
