/* ============================================================================================
 * >>dns_line  sockets and connections that carry questions to a name server
 *
 * Purpose     sends questions and hands each answer to whoever asked, over UDP, TCP and TLS.
 * Invariants  a client has a slot on a line, and the low bits of its questions' ids are the number
 *             of the slot: an answer finds its question by one look. The high bits count, so that
 *             an answer that comes too late fits no later question.
 *             Of those that wait for answers one reads, for all; when it leaves, another does.
 *             A line lives as long as it has clients. Those with room for another client are in the
 *             keeper's list.
 * Cost        UDP: one send and one recv a question; when answers come in together, one look at
 *             the poller for all. A socket for each 64 clients: the answers to one question of each
 *             fit into its buffer, so that none is lost here.
 * Names       locust__dns_line locust__dns_line_ locust__dns_seat locust__dns_seat_
 *             locust__dns_wire locust__dns_wire_
 * Uses        >>co >>switch >>fd >>sync >>address >>net >>stream >>allowance >>connect
 *             >>resolve >>dns >>lookup >>tls_state >>url >>connect_to >>services >>pool
 *             >>class >>user >>protocol >>dns_message
 * Sources     RFC 1035 4.2, 7766 (TCP), 7858 (TLS).
 *
 *   users     u1   u2   u3 ...  u64        each has a seat: a slot, and room for an answer
 *               \   |    |     /
 *   line         [ 0 1 2 ... 63 ]          id = count << 6 | slot
 *                       |
 *                   one socket
 * ============================================================================================ */

typedef enum locust__dns_wire {
    LOCUST__DNS_WIRE_UDP,
    LOCUST__DNS_WIRE_TCP,
    LOCUST__DNS_WIRE_TLS,
    LOCUST__DNS_WIRE_HTTP // has no lines: >>dns_http
} locust__dns_wire;

enum {
    LOCUST__DNS_LINE_UDP = 64,       // clients of a socket
    LOCUST__DNS_LINE_MOST = 4096,    // of a connection: 16 ids are left for each
    LOCUST__DNS_LINE_LARGEST = 4096, // bytes of a datagram, unless a question allows more
    LOCUST__DNS_LINE_BURST = 256     // messages that one reads before others run
};

typedef struct locust__dns_line locust__dns_line;

typedef struct locust__dns_seat {     // of a client on a line
    locust__dns_line *line;           // NULL: on none
    locust__co *co;                   // who waits for the answer
    locust__buf *block;               // holds the question, and takes the answer behind it
    size_t len;                       // of the question
    size_t question_at, question_len; // in the block: from the id to where an answer repeats it
    int64_t arrived_ns;               // when the answer came; 0: the system did not say
    uint64_t ignored;                 // the line's, when the question was sent
    unsigned slot, id;
    struct locust__dns_seat *out_next; // in the line's list
    int64_t sent_ns;                   // when the question went out
    locust_error error;                // of the question that has ended
    bool waits;                        // for the answer to one
    bool listed;                       // in that list
    bool kept;                         // it went over a connection that was open before
} locust__dns_seat;

struct locust__dns_line {
    void *next, **link;       // lines, in the keeper's list; link NULL: not in it
    const locust__class *cls; // whose users share it
    locust__conn conn;
    locust__dns_wire wire;
    unsigned capacity, clients, waiting; // slots: a power of two; taken; that wait for an answer
    unsigned count;                      // of questions, for their ids
    int largest;                         // datagram that is expected
    uint64_t ignored;                    // messages that answer no question
    locust__dns_seat *reader;            // reads for all; NULL: nobody
    locust__dns_seat *out;               // questions that are to be sent, over UDP
    locust__dns_seat *sender;            // sends them for all; NULL: nobody
    bool batched;                        // the system takes several at once
    locust__sem turn;                    // to open the line, or to send
    locust__dns_seat *slots[];
};

static void locust__dns_line_unlink(locust__dns_line *line)
{
    if (!line->link)
        return;
    *line->link = line->next;
    if (line->next)
        ((locust__dns_line *)line->next)->link = line->link;
    line->link = NULL;
}

/* Puts a line into the list of those that have room, or takes it out. */
static void locust__dns_line_list(locust__dns_line *line, void **first)
{
    bool room = line->clients < line->capacity;
    if (room && !line->link) {
        line->next = *first;
        line->link = first;
        if (line->next)
            ((locust__dns_line *)line->next)->link = &line->next;
        *first = line;
    } else if (!room) {
        locust__dns_line_unlink(line);
    }
}

/* A line with room, made if there is none. NULL: no memory. */
static locust__dns_line *locust__dns_line_of(
    void **first, locust__user *user, locust__origin *origin, locust__dns_wire wire, int sharing)
{
    locust__dns_line *line = *first;
    unsigned capacity = wire == LOCUST__DNS_WIRE_UDP ? LOCUST__DNS_LINE_UDP : 1;
    unsigned want = sharing > LOCUST__DNS_LINE_MOST ? LOCUST__DNS_LINE_MOST : (unsigned)sharing;
    while (wire != LOCUST__DNS_WIRE_UDP && sharing > 0 && capacity < want)
        capacity *= 2;
    while (line && (line->cls != user->cls || line->conn.origin != origin || line->wire != wire ||
                       line->capacity != capacity))
        line = line->next;
    if (line)
        return line;
    line = locust__memory_zalloc(sizeof *line + capacity * sizeof(locust__dns_seat *));
    if (!line)
        return NULL;
    line->cls = user->cls;
    line->conn.origin = origin;
    line->wire = wire;
    line->capacity = capacity;
    line->count = (unsigned)locust__random(&user->all->services->loop->random);
    line->turn.free = 1;
    line->largest = LOCUST__DNS_LINE_LARGEST;
    locust__stream_init(&line->conn.stream, &user->all->services->net);
    return line;
}

/* Takes a slot. False: no memory. */
static bool locust__dns_seat_take(locust__dns_seat *seat, void **first, locust__user *user,
    locust__origin *origin, locust__dns_wire wire, int sharing)
{
    locust__dns_line *line = locust__dns_line_of(first, user, origin, wire, sharing);
    if (!line)
        return false;
    seat->slot = 0;
    while (line->slots[seat->slot])
        seat->slot++;
    line->slots[seat->slot] = seat;
    line->clients++;
    seat->line = line;
    locust__dns_line_list(line, first);
    return true;
}

/* Gives the slot back. The last to leave closes the line. */
static void locust__dns_seat_leave(locust__dns_seat *seat, void **first)
{
    locust__dns_line *line = seat->line;
    if (!line)
        return;
    line->slots[seat->slot] = NULL;
    line->clients--;
    seat->line = NULL;
    locust__dns_line_list(line, first);
    if (line->clients)
        return;
    locust__dns_line_unlink(line);
    locust__stream_close(&line->conn.stream);
    locust__tls_ticket_free(line->conn.ticket);
    LOCUST_FREE(line);
}

/* Ends the wait of a seat. */
static void locust__dns_seat_end(locust__dns_seat *seat, locust_error error)
{
    locust__dns_line *line = seat->line;
    seat->waits = false;
    seat->error = error;
    line->waiting--;
    if (seat->co != line->conn.stream.net->loop->current)
        locust__co_wake(line->conn.stream.net->loop, seat->co, LOCUST__WAKE_EVENT);
}

/* Ends all waits: the connection is lost, or nobody listens to datagrams. */
static void locust__dns_line_fail(locust__dns_line *line, locust_error error)
{
    if (line->wire != LOCUST__DNS_WIRE_UDP)
        locust__stream_close(&line->conn.stream);
    for (unsigned i = 0; i < line->capacity && line->waiting; i++)
        if (line->slots[i] && line->slots[i]->waits)
            locust__dns_seat_end(line->slots[i], error);
}

/* Is this message the answer that the seat waits for? A server that could not read the question may
 * leave it out. */
static bool locust__dns_seat_expects(const locust__dns_seat *seat, const unsigned char *m, size_t n)
{
    const unsigned char *q = (const unsigned char *)seat->block->ptr + seat->question_at;
    bool answer = (m[2] & 0xF8) == 0x80, bare = !m[4] && !m[5] && (m[3] & LOCUST__DNS_CODE);
    if (((unsigned)m[0] << 8 | m[1]) != seat->id || !answer)
        return false;
    return bare || locust__dns_answers(m, n, q, seat->question_len);
}

/* Hands a message to whoever asked for it. */
static void locust__dns_line_take(locust__dns_line *line, const unsigned char *m, size_t n)
{
    unsigned slot = n < 2 ? 0 : ((unsigned)m[0] << 8 | m[1]) & (line->capacity - 1);
    locust__dns_seat *seat = line->slots[slot];
    if (n < LOCUST__DNS_MESSAGE_HEAD || !seat || !seat->waits ||
        !locust__dns_seat_expects(seat, m, n)) {
        line->ignored++;
        return;
    }
    line->conn.served++;
    seat->arrived_ns = line->conn.stream.arrived_ns;
    locust__buf_add_tight(seat->block, m, n);
    locust__dns_seat_end(seat, seat->block->failed ? LOCUST_ERR_MEMORY : LOCUST_OK);
}

/* Reads datagrams until there are no more: this is called on the loop's stack. Without a question
 * that waits, what else there is can only be nobody's: it is left for later, and a system call is
 * spared. (The poller tells of what comes from now on.) */
static void locust__dns_line_read_datagrams(void *arg)
{
    locust__dns_line *line = arg;
    locust_stream *s = &line->conn.stream;
    const locust__loop *loop = s->net->loop;
    for (int i = 0; i < LOCUST__DNS_LINE_BURST && s->fd.watch.readable;) {
        locust__os_packet packets[LOCUST__OS_PACKETS_IN];
        int n = line->waiting < LOCUST__OS_PACKETS_IN ? (int)line->waiting : LOCUST__OS_PACKETS_IN;
        int got, most = LOCUST__LOOP_SCRATCH / line->largest;
        n = n < most ? n : most;
        n = n < 1 ? 1 : n;
        for (int k = 0; k < n; k++) {
            packets[k].bytes = loop->scratch + (size_t)k * (size_t)line->largest;
            packets[k].n = n > 1 ? (size_t)line->largest : LOCUST__LOOP_SCRATCH;
        }
        got = locust__os_packets_recv(s->fd.watch.fd, packets, n);
        if (got < 0 && errno != EAGAIN && errno != EINTR) { // ICMP: nothing listens there
            locust__dns_line_fail(line, locust__net_error(errno));
            return;
        }
        if (got >= 0 ? got < n : errno == EAGAIN)
            s->fd.watch.readable = false;
        for (int k = 0; k < got && k < n; k++) {
            s->arrived_ns = packets[k].arrived_ns ? packets[k].arrived_ns - loop->epoch_ns : 0;
            locust__dns_line_take(line, (const unsigned char *)packets[k].bytes, packets[k].n);
        }
        i += got > 0 ? got : 1;
        if (!line->waiting)
            s->fd.watch.readable = false;
    }
}

/* Takes the whole messages that have come, each with its length in front. */
static void locust__dns_line_take_framed(locust__dns_line *line)
{
    locust_stream *s = &line->conn.stream;
    while (s->in_len >= 2) {
        const unsigned char *p = (const unsigned char *)s->in;
        size_t n = (size_t)p[0] << 8 | p[1];
        if (s->in_len - 2 < n)
            return;
        locust__dns_line_take(line, p + 2, n);
        locust__stream_take(s, n + 2);
    }
}

/* Reads a connection until there is no more. */
static void locust__dns_line_read_stream(locust__dns_line *line)
{
    locust_stream *s = &line->conn.stream;
    for (int i = 0; i < LOCUST__DNS_LINE_BURST && locust__stream_is_readable(s); i++) {
        size_t room, got = 0;
        char *at = locust__stream_room(s, &room);
        locust_error error = at ? locust__stream_recv(s, at, room, &got) : LOCUST_ERR_MEMORY;
        s->in_len += got;
        locust__dns_line_take_framed(line);
        if (error) {
            locust__dns_line_fail(line, error);
            return;
        }
    }
    s->burst = 0;
}

/* Lets another one that waits read from now on. */
static void locust__dns_line_hand_over(locust__dns_line *line, unsigned from)
{
    locust_stream *s = &line->conn.stream;
    line->reader = NULL;
    if (!line->waiting || !locust__stream_is_open(s))
        return;
    for (unsigned i = 1; i <= line->capacity && !line->reader; i++) {
        locust__dns_seat *seat = line->slots[(from + i) & (line->capacity - 1)];
        if (seat && seat->waits)
            line->reader = seat;
    }
    if (!line->reader)
        return;
    if (locust__stream_is_readable(s))
        locust__co_wake(s->net->loop, line->reader->co, LOCUST__WAKE_EVENT);
    else
        s->fd.reader = line->reader->co;
}

/* As the one who reads: reads what there is. Parks only to let others run, when there is more than
 * one may read. */
static locust_error locust__dns_line_read(
    locust__dns_line *line, const locust__dns_seat *seat, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = &line->conn.stream;
    locust_error error;
    if (line->wire == LOCUST__DNS_WIRE_UDP)
        locust__co_call(s->net->loop, locust__dns_line_read_datagrams, line);
    else
        locust__dns_line_read_stream(line);
    if (!seat->waits || !locust__stream_is_open(s))
        return LOCUST_OK;
    error = locust__stream_settle(s);
    if (error) {
        locust__dns_line_fail(line, error);
        return LOCUST_OK; // each has its error
    }
    if (!locust__stream_is_readable(s))
        return LOCUST_OK;
    if (locust__co_yield(s->net->loop) == LOCUST__WAKE_CANCELLED)
        return LOCUST_ERR_CANCELLED;
    return s->net->loop->now_ns >= deadline_ns ? LOCUST_ERR_TIMEOUT : LOCUST_OK;
}

/* Opens a socket to the next address of the server. */
static locust_error locust__dns_line_open_udp(
    locust__dns_line *line, locust__user *user, const locust__allowance *a) LOCUST__PARKS
{
    locust__services *sv = user->all->services;
    locust__addr addrs[LOCUST__HOST_ADDRS] = {{.len = 0}};
    locust__host *host = NULL;
    int port;
    const char *name = locust__connect_to_of(&sv->connect_to, line->conn.origin, &port);
    locust_error error = locust__lookup_host(&sv->resolver, name, port, a->deadline_ns, &host);
    if (!error && locust__lookup_order(host, port, addrs))
        error = locust__connect_udp(&line->conn.stream, addrs);
    if (!error)
        line->batched = locust__os_packets_batched(line->conn.stream.fd.watch.fd);
    if (error == LOCUST_ERR_FILES)
        locust__net_advise(&sv->net, error);
    return error;
}

/* Opens a line that is closed, or that the server has closed or written to while nobody waited.
 * *kept: it was open. */
static locust_error locust__dns_line_open(
    locust__dns_line *line, locust__user *user, locust__allowance *a, bool *kept) LOCUST__PARKS
{
    locust_stream *s = &line->conn.stream;
    locust_error error;
    if (locust__stream_is_open(s) && line->wire != LOCUST__DNS_WIRE_UDP && !line->waiting &&
        (s->in_len || !locust__stream_is_quiet(s)))
        locust__stream_close(s);
    *kept = locust__stream_is_open(s) && line->wire != LOCUST__DNS_WIRE_UDP;
    if (locust__stream_is_open(s))
        return LOCUST_OK;
    if (line->wire == LOCUST__DNS_WIRE_UDP)
        return locust__dns_line_open_udp(line, user, a);
    locust__protocol_check_tls(user, line->wire == LOCUST__DNS_WIRE_TLS);
    error = locust__protocol_open(user, &line->conn, line->conn.origin, false, true, NULL, a);
    locust__protocol_check_tls(user, line->wire == LOCUST__DNS_WIRE_TLS);
    return error;
}

/* Puts a seat into the list of those whose questions are to be sent. */
static void locust__dns_line_add(locust__dns_line *line, locust__dns_seat *seat)
{
    seat->out_next = line->out;
    line->out = seat;
    seat->listed = true;
}

static void locust__dns_line_unlist(locust__dns_line *line, locust__dns_seat *seat)
{
    locust__dns_seat **at = &line->out;
    while (*at && *at != seat)
        at = &(*at)->out_next;
    if (*at)
        *at = seat->out_next;
    seat->listed = false;
}

/* Ends the waits of those whose questions are on their way: they were refused. */
static void locust__dns_line_refuse(locust__dns_line *line)
{
    for (unsigned i = 0; i < line->capacity; i++)
        if (line->slots[i] && line->slots[i]->waits && !line->slots[i]->listed)
            locust__dns_seat_end(line->slots[i], LOCUST_ERR_REFUSED);
}

/* The packets of the questions that are to be sent, the longest first: those of one length stand
 * together, which is what makes a batch cheap. Returns how many. */
static int locust__dns_line_pack(
    locust__dns_line *line, locust__dns_seat **seats, locust__os_packet *packets)
{
    int64_t now_ns = locust__loop_clock(line->conn.stream.net->loop);
    int n = 0;
    for (locust__dns_seat *seat = line->out; seat; seat = seat->out_next) {
        int at = n++;
        for (; at > 0 && seats[at - 1]->len < seat->len; at--)
            seats[at] = seats[at - 1];
        seats[at] = seat;
        seat->sent_ns = now_ns;
    }
    for (int i = 0; i < n; i++) {
        packets[i].bytes = seats[i]->block->ptr + seats[i]->question_at;
        packets[i].n = seats[i]->len;
    }
    return n;
}

/* Sends the questions that are to be sent: this is called on the loop's stack. */
static void locust__dns_line_send_listed(void *arg)
{
    locust__dns_line *line = arg;
    locust__watch *watch = &line->conn.stream.fd.watch;
    locust__os_packet packets[LOCUST__DNS_LINE_UDP];
    locust__dns_seat *seats[LOCUST__DNS_LINE_UDP];
    int n = locust__dns_line_pack(line, seats, packets), sent = 0, failed = 0;
    for (int tries = 0; tries < 3 && sent < n; tries++) {
        sent += locust__os_packets_send(watch->fd, packets + sent, n - sent, line->batched);
        failed = sent < n ? errno : 0;
        if (failed == ECONNREFUSED) // a question before was: it is told of now
            locust__dns_line_refuse(line);
        else if (failed != EINTR)
            break;
    }
    for (int i = 0; i < n; i++)
        seats[i]->listed = false;
    line->out = NULL;
    if (failed == EAGAIN)
        watch->writable = false;
    for (int i = sent; i < n; i++)
        if (failed == EAGAIN)
            locust__dns_line_add(line, seats[i]);
        else
            locust__dns_seat_end(seats[i], locust__net_error(failed));
}

/* Sends what is to be sent over UDP, as the one who does so for all. If others are ready to run
 * they do so first, as they may ask something too. */
static locust_error locust__dns_line_send(
    locust__dns_line *line, locust__dns_seat *seat, int64_t deadline_ns) LOCUST__PARKS
{
    locust_stream *s = &line->conn.stream;
    locust__loop *loop = s->net->loop;
    locust_error error = LOCUST_OK;
    line->sender = seat;
    if (loop->ready.first && line->clients > 1)
        locust__co_yield(loop);
    while (!error && line->out) {
        if (s->fd.watch.writable)
            locust__co_call(loop, locust__dns_line_send_listed, line);
        if (line->out)
            error = locust__stream_woken(
                locust__fd_wait_write(loop, &s->fd, deadline_ns), LOCUST_ERR_TIMEOUT);
    }
    line->sender = NULL;
    if (line->out && line->out != seat)
        locust__co_wake(loop, line->out->co, LOCUST__WAKE_EVENT); // it goes on
    return seat->waits ? error : LOCUST_OK;
}

/* Writes the question to a connection, whose length stands in front of it. Only then may an answer
 * to it be taken: that moves the block. */
static locust_error locust__dns_line_write(
    locust__dns_line *line, locust__dns_seat *seat, int64_t deadline_ns) LOCUST__PARKS
{
    locust__view out = {seat->block->ptr + seat->question_at - 2, seat->len + 2};
    locust_error error;
    seat->sent_ns = locust__loop_clock(line->conn.stream.net->loop);
    error = locust__stream_write(&line->conn.stream, (locust__view){NULL, 0}, out, deadline_ns);
    if (error) // half a question may be on it
        locust__dns_line_fail(line, locust__net_lacks(error) ? error : LOCUST_ERR_CLOSED);
    return error;
}

/* Sends the seat's question, on a line that is opened if it must be; over UDP the wait does, with
 * those of others. */
static locust_error locust__dns_seat_send(
    locust__dns_seat *seat, locust__user *user, locust__allowance *a) LOCUST__PARKS
{
    locust__dns_line *line = seat->line;
    locust__loop *loop = user->all->services->loop;
    bool udp = line->wire == LOCUST__DNS_WIRE_UDP;
    locust_error error = LOCUST_OK;
    seat->kept = false;
    if (!udp || !locust__stream_is_open(&line->conn.stream)) {
        error = locust__stream_woken(
            locust__sem_take(loop, &line->turn, a->deadline_ns), LOCUST_ERR_TIMEOUT);
        if (error)
            return error;
        error = locust__dns_line_open(line, user, a, &seat->kept);
        if (error)
            locust__stream_close(&line->conn.stream);
        else if (!udp)
            error = locust__dns_line_write(line, seat, a->deadline_ns);
        locust__sem_give(loop, &line->turn);
    }
    if (error)
        return error;
    seat->ignored = line->ignored;
    seat->arrived_ns = 0;
    seat->waits = true;
    line->waiting++;
    if (udp)
        locust__dns_line_add(line, seat);
    return LOCUST_OK;
}

/* Parks until the answer has come. The line reads for all that wait while one of them does. */
static locust_error locust__dns_seat_wait(locust__dns_seat *seat, int64_t deadline_ns) LOCUST__PARKS
{
    locust__dns_line *line = seat->line;
    locust_stream *s = &line->conn.stream;
    locust_error error = LOCUST_OK;
    while (seat->waits && !error) {
        if (line->out && !line->sender) {
            error = locust__dns_line_send(line, seat, deadline_ns);
            continue;
        }
        if (!line->reader)
            line->reader = seat;
        if (line->reader == seat) {
            s->fd.reader = NULL;
            if (locust__stream_is_readable(s)) {
                error = locust__dns_line_read(line, seat, deadline_ns);
                continue;
            }
            s->fd.reader = seat->co;
        }
        error = locust__stream_woken(
            locust__co_park(s->net->loop, deadline_ns, true), LOCUST_ERR_TIMEOUT);
    }
    if (seat->listed)
        locust__dns_line_unlist(line, seat);
    if (seat->waits) {
        seat->waits = false;
        seat->error = error;
        line->waiting--;
    }
    if (line->reader == seat) {
        s->fd.reader = NULL;
        if (s->in_len && locust__stream_settle(s))
            locust__dns_line_fail(line, LOCUST_ERR_MEMORY);
        locust__dns_line_hand_over(line, seat->slot);
    }
    return seat->error;
}

/* Opens the line if it is closed. */
static locust_error locust__dns_seat_open(
    locust__dns_seat *seat, locust__user *user, locust__allowance *a) LOCUST__PARKS
{
    locust__dns_line *line = seat->line;
    locust_stream *s = &line->conn.stream;
    locust_error error = locust__stream_woken(
        locust__sem_take(s->net->loop, &line->turn, a->deadline_ns), LOCUST_ERR_TIMEOUT);
    if (error)
        return error;
    error = locust__dns_line_open(line, user, a, &seat->kept);
    if (error)
        locust__stream_close(s);
    locust__sem_give(s->net->loop, &line->turn);
    return error;
}
