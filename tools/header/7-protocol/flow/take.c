/* ============================================================================================
 * >>flow_take  a streamed answer while it comes
 *
 * Purpose     takes the bytes of the answer apart into events, has a reader say what each is, and
 *             notes when it came; at its end, whether the stream is whole.
 * Invariants  a time is that of the read that completed the event: events of one read have one.
 *             Times do not go back, though the wall clock of the kernel's stamps may.
 * Cost        an allocation a stream, and a histogram of its own gaps, 1 KB for each doubling, as
 *             they count only if it came to its end. An event: one pass for its lines, one or two
 *             for its JSON.
 * Names       locust__flow_
 * Uses        >>stats >>record >>response_head >>receive >>sse >>client >>flow >>head_out
 *             >>request >>flow_tally
 * Limits      a generator that is late finds several events at once, of which the kernel tells the
 *             time of the last: the table has how many came by one read, the verdict the lateness.
 *             Behind the stream's last event the body is read to its end, up to the request's
 *             deadline, so that the connection can carry another request: what goes wrong there is
 *             no failure, but the row's time runs to there.
 * ============================================================================================ */

typedef struct locust__flow_now { // what a reader says of an event
    bool token, reasoning, end, error;
} locust__flow_now;

struct locust__flow_state;

typedef struct locust__flow_reader {
    /* Says what an event is; false: it is none of this protocol. */
    bool (*read)(
        struct locust__flow_state *f, const locust_sse_event *event, locust__flow_now *now);
    bool lines; // of JSON, whatever the answer says
    bool own;   // .on_mark reads; the end of the body may be that of the stream
} locust__flow_reader;

typedef struct locust__flow_state {
    locust__flow flow;         // first
    locust__receive_sink sink; // what >>body_out calls
    locust__client *c;
    locust__exchange *x;
    const locust__flow_reader *reader;
    locust__sse sse;
    locust__buf line;   // of a stream in lines: what has come of the next
    bool lines, opened; // of JSON, not server-sent events; the answer is a stream
    bool gives_up;      // the deadline is that of .give_up_s
    int64_t read_ns;    // when the bytes came that are taken
    int64_t first_ns, first_said_ns, second_ns, last_ns; // 0: none
    uint64_t events, chunks, reasoning, reads, most;
    uint64_t in_read;                                   // events with the time of the last
    int64_t event_ns;                                   // which is
    int64_t usage_output, usage_input, usage_reasoning; // -1: not told
    locust__hist gaps;
    double gap_sum_ns;
    int64_t gap_min_ns, gap_max_ns;
    bool ended, given_up, misused;
} locust__flow_state;

static locust__flow_state *locust__flow_state_of(locust__flow *flow)
{
    return (locust__flow_state *)(void *)flow;
}

/* When the bytes came that the stream was read for last. The kernel's stamps are of the wall clock,
 * and that may be set. */
static int64_t locust__flow_clock(const locust__flow_state *f)
{
    const locust_stream *s = &f->x->conn->stream;
    int64_t ns = locust__receive_when(s), now_ns = locust__os_now_ns();
    if (ns > now_ns)
        ns = now_ns;
    if (ns < f->x->start_ns)
        ns = f->x->start_ns;
    return ns < f->event_ns ? f->event_ns : ns;
}

static void locust__flow_token(locust__flow_state *f, bool reasoning)
{
    int64_t gap_ns = f->read_ns - f->last_ns;
    f->chunks++;
    f->reasoning += reasoning;
    if (!reasoning && !f->first_said_ns)
        f->first_said_ns = f->read_ns;
    if (!f->first_ns) {
        f->first_ns = f->read_ns;
    } else {
        if (!f->second_ns)
            f->second_ns = f->read_ns;
        locust__hist_record(&f->gaps, gap_ns);
        f->gap_sum_ns += (double)gap_ns;
        if (gap_ns > f->gap_max_ns)
            f->gap_max_ns = gap_ns;
        if (gap_ns < f->gap_min_ns)
            f->gap_min_ns = gap_ns;
    }
    f->last_ns = f->read_ns;
}

/* Counts an event, and how many came by one read. */
static void locust__flow_count_event(locust__flow_state *f)
{
    f->events++;
    if (f->read_ns != f->event_ns || !f->reads) {
        f->reads++;
        f->in_read = 0;
    }
    f->event_ns = f->read_ns;
    if (++f->in_read > f->most)
        f->most = f->in_read;
}

/* Hands an event to the test as well. False: it has enough, or broke a rule. */
static bool locust__flow_tell(locust__flow_state *f, const locust_sse_event *event)
{
    locust__sse to = {.fn = f->x->req->on_event, .arg = f->x->req->arg};
    if (!to.fn || locust__sse_give(&to, event))
        return true;
    f->misused = to.refused;
    f->given_up = !to.refused;
    return false;
}

/* Takes an event. False: that is the end, of what is read at least. */
static bool locust__flow_event(void *arg, const locust_sse_event *event)
{
    locust__flow_state *f = arg;
    locust__flow_now now = {.token = false};
    locust__flow_count_event(f);
    if (f->ended) // what some servers say behind the end
        return true;
    if (!f->reader->read(f, event, &now)) {
        if (!f->misused)
            f->flow.why = "an event of the stream is none of its protocol";
        return false;
    }
    if (now.error) {
        f->flow.why = "an error event came in the stream";
        return false;
    }
    if (now.token || now.reasoning)
        locust__flow_token(f, !now.token);
    f->ended = now.end;
    return locust__flow_tell(f, event);
}

/* Takes a line of JSON. */
static bool locust__flow_line(locust__flow_state *f)
{
    locust_sse_event event = {.type = "message", .id = "", .retry_ms = -1};
    locust__buf_add(&f->line, "", 1);
    event.data = f->line.ptr;
    f->line.len = 0;
    if (f->line.failed)
        return false;
    return !event.data[strspn(event.data, " \t\r")] || locust__flow_event(f, &event);
}

/* Takes bytes of a stream in lines, in any pieces. */
static locust_error locust__flow_take_lines(locust__flow_state *f, const char *bytes, size_t n)
{
    while (n) {
        const char *lf = memchr(bytes, '\n', n);
        size_t some = lf ? (size_t)(lf - bytes) : n;
        if (f->line.len + some > LOCUST_MAX_BODY)
            return LOCUST_ERR_HTTP_BODY_SIZE;
        locust__buf_add(&f->line, bytes, some);
        if (lf && !locust__flow_line(f))
            return f->line.failed ? LOCUST_ERR_MEMORY : LOCUST_ERR_CANCELLED;
        some += lf != NULL;
        bytes += some;
        n -= some;
    }
    return f->line.failed ? LOCUST_ERR_MEMORY : LOCUST_OK;
}

static locust_error locust__flow_take(locust__receive_sink *sink, const char *bytes, size_t n)
{
    locust__flow_state *f =
        (locust__flow_state *)(void *)((char *)sink - offsetof(locust__flow_state, sink));
    locust_error error;
    f->read_ns = locust__flow_clock(f);
    error = f->lines ? locust__flow_take_lines(f, bytes, n) : locust__sse_take(&f->sse, bytes, n);
    if (!error && f->c->block.failed)
        return LOCUST_ERR_MEMORY;
    if (error != LOCUST_ERR_CANCELLED)
        return error;
    if (f->misused)
        return LOCUST_ERR_HTTP_CALLBACK;
    f->x->body_out.sse.stopped = true; // it is no failure, or one that locust__flow_end names
    return error;
}

static locust_error locust__flow_begin(
    locust__client *c, locust__exchange *x, const struct locust_stream_kind *kind)
{
    const locust__flow_reader *reader = kind->reader;
    locust__flow_state *f;
    double give_up_s = x->req->give_up_s;
    if (reader->own != (x->req->on_mark != NULL))
        return LOCUST_ERR_HTTP_STREAMS;
    f = locust__memory_zalloc(sizeof *f);
    if (!f)
        return LOCUST_ERR_MEMORY;
    f->flow.kind = kind;
    f->sink.take = locust__flow_take;
    f->c = c;
    f->x = x;
    f->reader = reader;
    f->sse = (locust__sse){.fn = locust__flow_event, .arg = f, .retry_ms = -1, .ours = true};
    f->usage_output = f->usage_input = f->usage_reasoning = -1;
    f->gap_min_ns = LOCUST__NEVER;
    x->flow = &f->flow;
    if (give_up_s > 0) {
        int64_t at_ns = locust__time_after(c->services->loop->clock_ns, locust__time_ns(give_up_s));
        f->gives_up = at_ns < x->deadline_ns;
        if (f->gives_up)
            x->deadline_ns = at_ns;
    }
    return LOCUST_OK;
}

static bool locust__flow_type_is(const char *type, const char *want)
{
    return type && strncasecmp(type, want, strlen(want)) == 0;
}

/* An answer comes: is it a stream, and of which form? One that is JSON, and no lines of it, is the
 * answer in one piece: the server does not stream, and its body is kept as any other. */
static void locust__flow_open(locust__flow *flow, const locust__response_head *h)
{
    locust__flow_state *f = locust__flow_state_of(flow);
    const char *type = locust__client_field(f->c, "content-type");
    bool events = locust__flow_type_is(type, "text/event-stream");
    bool lines = locust__flow_type_is(type, "application/x-ndjson") ||
                 locust__flow_type_is(type, "application/ndjson") ||
                 locust__flow_type_is(type, "application/jsonl") ||
                 locust__flow_type_is(type, "application/x-jsonlines");
    f->lines = !events && (lines || f->reader->lines);
    f->opened = h->status >= 200 && h->status < 300 &&
                (f->lines || f->reader->own || !locust__flow_type_is(type, "application/json"));
    if (f->opened)
        f->x->body_out.told = &f->sink;
}

static int locust__flow_int(int64_t n)
{
    return n < INT_MAX ? (int)n : INT_MAX;
}

/* Tokens of the answer. */
static int64_t locust__flow_output(const locust__flow_state *f)
{
    return f->usage_output >= 0 ? f->usage_output : (int64_t)f->chunks;
}

/* From the start of the request to a time of the stream, 0: that there was none. */
static double locust__flow_since(const locust__flow_state *f, int64_t at_ns)
{
    return at_ns ? (double)(at_ns > f->x->start_ns ? at_ns - f->x->start_ns : 1) : 0;
}

/* Time per token, without the first. */
static double locust__flow_tpot_ns(const locust__flow_state *f)
{
    int64_t n = locust__flow_output(f) - 1;
    return n > 0 && f->chunks > 1 ? (double)(f->last_ns - f->first_ns) / (double)n : 0;
}

/* Tells the test. */
static void locust__flow_show(const locust__flow_state *f)
{
    int64_t reasoning = f->usage_reasoning >= 0 ? f->usage_reasoning : (int64_t)f->reasoning;
    double gaps = (double)f->gaps.total;
    f->c->response.stream =
        (locust_streamed){.ttft_ms = (float)(locust__flow_since(f, f->first_ns) / 1e6),
            .itl_ms = (float)(gaps > 0 ? f->gap_sum_ns / gaps / 1e6 : 0),
            .tpot_ms = (float)(locust__flow_tpot_ns(f) / 1e6),
            .e2e_ms = (float)(locust__flow_since(f, f->last_ns) / 1e6),
            .output_tokens = locust__flow_int(locust__flow_output(f)),
            .input_tokens = locust__flow_int(f->usage_input > 0 ? f->usage_input : 0),
            .reasoning_tokens = locust__flow_int(reasoning),
            .chunks = locust__flow_int((int64_t)f->chunks),
            .events = locust__flow_int((int64_t)f->events),
            .counted = f->usage_output >= 0,
            .ended = f->ended,
            .given_up = f->given_up};
}

/* What error the end of a request means to its stream. */
static locust_error locust__flow_judge(
    locust__flow_state *f, const locust__response_head *h, locust_error error)
{
    bool good = h->status >= 200 && h->status < 300;
    if (error == LOCUST_ERR_TIMEOUT && f->opened && f->gives_up && !f->ended) {
        f->given_up = true;
        return LOCUST_OK;
    }
    if (error)
        return f->ended && error != LOCUST_ERR_CANCELLED ? LOCUST_OK : error;
    if (f->given_up || (!f->flow.why && (f->ended || !good)))
        return LOCUST_OK;
    if (!f->flow.why)
        f->flow.why =
            f->opened ? "the stream ended without its last event" : "the answer is not a stream";
    return LOCUST_ERR_HTTP_STREAM;
}

static locust_error locust__flow_end(
    locust__flow *flow, const locust__response_head *h, locust_error error)
{
    locust__flow_state *f = locust__flow_state_of(flow);
    bool whole = f->opened && !error && !f->given_up && !flow->why;
    if (whole && f->line.len && !f->ended)
        locust__flow_line(f); // the last one, without an end
    if (whole && f->reader->own && !flow->why)
        f->ended = true;
    error = locust__flow_judge(f, h, error);
    locust__flow_show(f);
    return error;
}

/* What a stream came to. */
static void locust__flow_sum_up(
    const locust__flow_state *f, locust_error error, locust__tally_stream *s)
{
    const locust__client *c = f->c;
    double late_ns = c->session->late_ms * 1e6, tpot_ns = locust__flow_tpot_ns(f);
    int64_t end_ns = c->ended_ns ? c->ended_ns : locust__os_now_ns();
    memset(s, 0, sizeof *s);
    s->end = error == LOCUST_ERR_CANCELLED        ? LOCUST__TALLY_CUT
             : error || c->response.status >= 400 ? LOCUST__TALLY_FAILED
             : f->given_up                        ? LOCUST__TALLY_GIVEN_UP
                                                  : LOCUST__TALLY_COMPLETE;
    s->begun = f->opened;
    s->late_ms = c->session->late_ms;
    s->took_ns = end_ns > f->x->start_ns ? end_ns - f->x->start_ns : 0;
    s->gaps = &f->gaps;
    s->gap_sum_ns = f->gap_sum_ns;
    s->gap_min_ns = f->gap_min_ns;
    s->gap_max_ns = f->gap_max_ns;
    s->output = (uint64_t)locust__flow_output(f);
    s->input = f->usage_input > 0 ? (uint64_t)f->usage_input : 0;
    s->reasoning = f->usage_reasoning >= 0 ? (uint64_t)f->usage_reasoning : f->reasoning;
    s->counted = f->usage_output >= 0;
    s->events = f->events;
    s->reads = f->reads;
    s->most = f->most;
    s->ns[LOCUST__TALLY_TTFT] = locust__flow_since(f, f->first_ns);
    s->ns[LOCUST__TALLY_TTFO] = locust__flow_since(f, f->first_said_ns);
    s->ns[LOCUST__TALLY_E2E] = locust__flow_since(f, f->last_ns);
    if (f->first_ns) {
        s->ns[LOCUST__TALLY_INTENDED_TTFT] = s->ns[LOCUST__TALLY_TTFT] + late_ns;
        s->ns[LOCUST__TALLY_INTENDED_E2E] = s->ns[LOCUST__TALLY_E2E] + late_ns;
    }
    if (f->second_ns)
        s->ns[LOCUST__TALLY_SECOND] = (double)(f->second_ns - f->first_ns);
    if (f->gaps.total)
        s->ns[LOCUST__TALLY_ITL] = f->gap_sum_ns / (double)f->gaps.total;
    s->ns[LOCUST__TALLY_TPOT] = tpot_ns;
    if (tpot_ns > 0)
        s->ns[LOCUST__TALLY_RATE] = 1e9 / tpot_ns * LOCUST__TALLY_RATE_NS;
    s->ns[LOCUST__TALLY_OUTPUT] = (double)s->output * LOCUST__TALLY_TOKEN_NS;
    s->ns[LOCUST__TALLY_INPUT] = (double)s->input * LOCUST__TALLY_TOKEN_NS;
}

static void locust__flow_count(locust__flow *flow, locust_error error)
{
    locust__flow_state *f = locust__flow_state_of(flow);
    locust__client *c = f->c;
    locust__exchange *x = f->x;
    locust__recorder *rec = &c->services->recorder;
    locust__tally_stream s;
    if (!c->broken && !c->session->failure && x->started && x->start_ns >= rec->since_ns) {
        bool cut = error == LOCUST_ERR_CANCELLED;
        locust__flow_sum_up(f, error, &s);
        locust__tallies_count(rec,
            locust__stats_find(rec->stats, locust__request_kind(c, x->req),
                cut ? locust__request_row(c, x, "") : c->name),
            &s);
    }
    locust__sse_free(&f->sse);
    locust__buf_free(&f->line);
    locust__hist_free(&f->gaps);
    x->flow = NULL;
    LOCUST_FREE(f);
}
