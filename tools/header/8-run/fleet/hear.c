/* ============================================================================================
 * >>fleet_hear  what workers say to their master
 *
 * Purpose     takes the messages of workers; notices who is silent.
 * Invariants  nothing that a worker sends does harm beyond its own figures: what is broken is
 *             refused whole, with one line for each worker and run, and the run is partial. A
 *             report counts only if its worker has begun this run: what it says goes in order, so
 *             all that comes behind its `spawning` belongs to it.
 * Names       locust__hear_
 * Uses        >>stats >>env >>message >>fleet_msgpack >>fleet_envelope >>fleet_plus
 *             >>fleet_report >>fleet_merge >>fleet_crew >>fleet_gate
 * Sources     Locust 2.12 to 2.47 (reference runs): log lines, order of events. Workers of Debian's
 *             packages have an empty version, boomer says -1.
 * ============================================================================================ */

enum { LOCUST__HEAR_MANY = 500 }; // workers: of more, each third heartbeat is answered

#define LOCUST__HEAR_LOG(c, level, ...) \
    locust__log_print(&(c)->env->log, LOCUST__LOG_##level, "locust.runners", __VA_ARGS__)

/* A worker leaves the run, with whatever it has not reported. `why`: NULL: nothing is lost. */
static void locust__hear_lose(locust__crew *c, locust__member *m, const char *why)
{
    int users = locust__member_users(c, m);
    bool part = c->testing && m->told;
    if (why && part) {
        m->lost = c->partial = true;
        m->lost_ns = locust__os_now_ns();
        LOCUST__HEAR_LOG(c, WARNING,
            "Worker %s %s: its %d users go to the others; %llu requests that it had reported "
            "count, later ones are in no figure",
            m->id, why, users, (unsigned long long)m->requests);
    }
    locust__member_clear(c, m);
    locust__env_wake(c->env);
}

static void locust__hear_ack(locust__crew *c, locust__member *m)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__envelope_begin(&out, "ack");
    locust__msgpack_put_map(&out, 2);
    locust__report_key_uint(&out, "index", (uint64_t)m->index);
    locust__report_key_uint(&out, LOCUST__PLUS_KEY, LOCUST__PLUS_VERSION);
    locust__gate_send(m, &out);
    locust__buf_free(&out);
    (void)c;
}

/* A worker is there, for the first time or again. False: it may not be. */
static bool locust__hear_ready(locust__peer *p, const locust__envelope *e)
{
    locust__crew *c = p->crew;
    locust__view id = {p->zmtp.identity, p->zmtp.identity_len};
    locust__member *m = p->member ? p->member : locust__crew_add(c, id);
    bool again;
    if (!m)
        return false;
    again = m->peer == p && m->state == LOCUST__MEMBER_READY && !m->told;
    p->member = m;
    m->ours = p->zmtp.ours;
    m->peer = p;
    m->beat_ns = locust__os_now_ns();
    if (!again) {
        if (m->told && c->testing && !c->ending && m->state <= LOCUST__MEMBER_RUNNING)
            locust__hear_lose(c, m, "has begun anew");
        m->state = LOCUST__MEMBER_READY;
        locust__member_clear(c, m);
    }
    locust__hear_ack(c, m);
    LOCUST__ENV_FIRE(c->env, on_worker_connect, .text = m->id);
    if (!again)
        LOCUST__HEAR_LOG(c, INFO, "%s (index %d) reported as ready. %d workers connected.", m->id,
            m->index, locust__crew_living(c));
    locust__env_wake(c->env);
    (void)e;
    return true;
}

/* A heartbeat of a worker that is not known: this master has restarted. By `stop` a worker in
 * Python, too, ends its users and says client_ready. */
static void locust__hear_stranger(locust__peer *p)
{
    locust__member stranger;
    memset(&stranger, 0, sizeof stranger);
    stranger.id = p->zmtp.identity;
    stranger.peer = p;
    locust__gate_tell(&stranger, "stop");
}

static void locust__hear_beat(locust__crew *c, locust__member *m, locust__view data)
{
    static const char *const states[] = {"ready", "spawning", "running"};
    locust__msgpack_item item;
    locust__view value;
    double cpu;
    m->beat_ns = locust__os_now_ns();
    if (locust__msgpack_find(data, "current_cpu_usage", &item, &value) &&
        locust__msgpack_number(&item, &cpu) && cpu >= 0 && cpu < 1e6)
        m->cpu = cpu;
    if (locust__msgpack_find(data, "current_memory_usage", &item, &value) &&
        item.kind == LOCUST__MSGPACK_INT && item.whole >= 0)
        m->memory = (uint64_t)item.whole;
    if (locust__msgpack_find(data, LOCUST__PLUS_KEY, &item, &value) &&
        item.kind == LOCUST__MSGPACK_INT) { // bits: 1 done
        m->done = item.whole & 1;
        if (m->done)
            locust__env_wake(c->env);
    }
    if (!locust__msgpack_find(data, "state", &item, &value) || item.kind != LOCUST__MSGPACK_STR)
        return;
    for (int i = 0; i < 3; i++) {
        if (!locust__view_is(item.bytes, states[i]) || m->state == LOCUST__MEMBER_STOPPED ||
            m->state == LOCUST__MEMBER_GONE)
            continue;
        if (m->state == LOCUST__MEMBER_MISSING) {
            LOCUST__HEAR_LOG(c, INFO, "Worker %s self-healed with heartbeat, setting state to %s.",
                m->id, states[i]);
            m->lost = false; // its figures come, late as they are
            locust__member_clear(c, m);
            locust__env_wake(c->env);
        }
        m->state = (enum locust__member_state)i;
    }
    if (c->n > LOCUST__HEAR_MANY && m->beats++ % 3) // workers bear 5 s of silence at least
        return;
    LOCUST__ENV_FIRE(
        c->env, on_heartbeat_sent, .text = m->id, .real = (double)locust__os_wall_ns() / 1e9);
    locust__gate_tell(m, "heartbeat");
}

static void locust__hear_users(locust__crew *c, locust__member *m, const locust__merge *r)
{
    if (!r->has_users || !locust__member_lives(m))
        return;
    locust__crew_count(c, m, -1);
    memcpy(m->users, r->users, (size_t)c->env->n_classes * sizeof *m->users);
    locust__crew_count(c, m, 1);
}

static void locust__hear_report(locust__crew *c, locust__member *m, locust__view data)
{
    locust__merge r;
    if (!locust__merge_report(&r, c->env, data, m->since)) {
        if (!m->refused++)
            LOCUST__HEAR_LOG(c, ERROR, "a report of worker %s is refused: %s", m->id, r.wrong);
        c->partial = c->partial || c->testing;
        return;
    }
    LOCUST__ENV_FIRE(c->env, on_worker_report, .text = m->id);
    if (!m->since)
        return;
    m->report_ns = locust__os_now_ns();
    m->requests += r.requests;
    m->failures += r.failures;
    if (r.plus) {
        locust__crew_count(c, m, -1);
        m->fed = r.fed;
        memcpy(m->arrivals, r.arrivals, (size_t)c->env->n_classes * sizeof *m->arrivals);
        locust__crew_count(c, m, 1);
        m->generator = r.generator;
    }
    locust__hear_users(c, m, &r);
}

static void locust__hear_spawned(locust__crew *c, locust__member *m, locust__view data)
{
    locust__msgpack_item item;
    locust__view users;
    locust__merge r;
    memset(&r, 0, sizeof r);
    if (locust__msgpack_find(data, "user_classes_count", &item, &users) &&
        locust__merge_users(&r, c->env, users)) {
        if (locust__member_lives(m))
            m->state = LOCUST__MEMBER_RUNNING;
        locust__hear_users(c, m, &r);
    }
    locust__env_wake(c->env);
}

static void locust__hear_exception(locust__crew *c, locust__member *m, locust__view data)
{
    locust__request_stats *st = &c->env->stats;
    locust__msgpack_item text, trace, times;
    locust__view value;
    char words[512], place[128];
    uint64_t n = 1;
    if (!m->since || !locust__msgpack_find(data, "msg", &text, &value) ||
        !locust__msgpack_find(data, "traceback", &trace, &value) ||
        text.kind != LOCUST__MSGPACK_STR || trace.kind != LOCUST__MSGPACK_STR)
        return;
    if (locust__msgpack_find(data, LOCUST__PLUS_KEY, &times, &value) &&
        times.kind == LOCUST__MSGPACK_ARRAY && times.n == 2) {
        locust__plus_array(&value, 2);
        locust__msgpack_next(&value, &trace);
        if (trace.kind != LOCUST__MSGPACK_STR || !locust__plus_uint(&value, &n) || n > INT_MAX)
            return;
    }
    snprintf(words, sizeof words, "%.*s", text.bytes.len < 511 ? (int)text.bytes.len : 511,
        text.bytes.ptr);
    snprintf(place, sizeof place, "%.*s", trace.bytes.len < 127 ? (int)trace.bytes.len : 127,
        trace.bytes.ptr);
    for (char *at = place; *at; at++) // a traceback of Python's has lines
        *at = *at == '\n' ? ' ' : *at;
    locust__stats_except_many(st, locust__stats_text(st, words), place, n);
}

static void locust__hear_quit(locust__crew *c, locust__member *m)
{
    bool part = c->testing && !c->ending && m->told && !m->done;
    if (m->state == LOCUST__MEMBER_GONE)
        return;
    m->state = LOCUST__MEMBER_GONE;
    if (!c->ending)
        LOCUST__HEAR_LOG(
            c, INFO, "Worker %s quit. %d workers ready.", m->id, locust__crew_living(c));
    if (part) { // its last report has come, so nothing of it is lost
        m->lost = c->partial = true;
        m->lost_ns = locust__os_now_ns();
    }
    locust__hear_lose(c, m, NULL);
}

/* Hands a message of the test to its function. */
static void locust__hear_deliver(locust__crew *c, locust__member *m, const locust__envelope *e)
{
    locust__buf json = {NULL, 0, 0, false};
    locust__view data = e->data;
    char *type = locust__text_copy(e->type.ptr, e->type.len);
    locust__envelope_add_json(&json, &data, false);
    locust__buf_add(&json, "", 1);
    if (type && !json.failed) {
        locust_message message = {type, json.ptr, m->id};
        locust__message_deliver(c->env, &message);
    }
    locust__buf_free(&json);
    LOCUST_FREE(type);
}

/* The locustfile that a worker started with `-f -` asks for: there is none. */
static void locust__hear_locustfile(locust__peer *p)
{
    locust__member stranger;
    locust__buf out = {NULL, 0, 0, false};
    memset(&stranger, 0, sizeof stranger);
    stranger.id = p->zmtp.identity;
    stranger.peer = p;
    locust__envelope_begin(&out, "locustfile");
    locust__msgpack_put_map(&out, 1);
    locust__report_key_str(&out, "error", "this master is a locust.h: it has no locustfile");
    locust__gate_send(&stranger, &out);
    locust__buf_free(&out);
}

/* Takes a message of a worker that is known. */
static void locust__hear_member(locust__crew *c, locust__member *m, const locust__envelope *e)
{
    if (locust__view_is(e->type, "heartbeat")) {
        locust__hear_beat(c, m, e->data);
    } else if (locust__view_is(e->type, "stats")) {
        locust__hear_report(c, m, e->data);
    } else if (locust__view_is(e->type, "spawning")) {
        m->since = m->since || (c->testing && m->told);
        if (locust__member_lives(m))
            m->state = LOCUST__MEMBER_SPAWNING;
    } else if (locust__view_is(e->type, "spawning_complete")) {
        locust__hear_spawned(c, m, e->data);
    } else if (locust__view_is(e->type, "exception")) {
        locust__hear_exception(c, m, e->data);
    } else if (locust__view_is(e->type, "client_stopped")) {
        LOCUST__HEAR_LOG(c, INFO, "%s (index %d) reported that it has stopped", m->id, m->index);
        if (m->state != LOCUST__MEMBER_GONE)
            m->state = LOCUST__MEMBER_STOPPED;
        locust__hear_lose(c, m, NULL);
    } else if (locust__view_is(e->type, "quit")) {
        locust__hear_quit(c, m);
    } else if (!locust__view_is(e->type, "logs")) {
        locust__hear_deliver(c, m, e);
    }
}

/* Gives a connection its worker. False: another connection has it, and is alive. */
static bool locust__hear_claim(locust__peer *p)
{
    locust__view id = {p->zmtp.identity, p->zmtp.identity_len};
    locust__member *m = locust__crew_find(p->crew, id);
    if (!m || p->member == m)
        return true;
    if (m->peer && m->peer != p &&
        locust__os_now_ns() - m->beat_ns < LOCUST__CREW_PATIENCE_S * LOCUST__S) {
        LOCUST__HEAR_LOG(p->crew, WARNING,
            "a second worker says that it is %s: its connection was closed", m->id);
        return false;
    }
    if (m->peer && m->peer != p) { // a connection that is dead: the same worker is back
        m->peer->member = NULL;
        locust__peer_drop(m->peer);
    }
    p->member = m;
    m->peer = p;
    return true;
}

/* A stock worker at a master with a secret: refused by a message whose type is a sentence, which it
 * writes to its log. Its connection stays, or it would come back each tenth of a second. */
static bool locust__hear_refuse(locust__peer *p, const locust__envelope *e)
{
    locust__member stranger;
    if (!locust__view_is(e->type, "client_ready"))
        return true;
    if (locust__os_now_ns() >= p->crew->quiet_ns)
        LOCUST__HEAR_LOG(p->crew, WARNING,
            "worker %s is refused: it does not know the --secret of this master", p->zmtp.identity);
    p->crew->quiet_ns = locust__os_now_ns() + 5 * LOCUST__S;
    memset(&stranger, 0, sizeof stranger);
    stranger.id = p->zmtp.identity;
    stranger.peer = p;
    p->zmtp.seals.secret = NULL; // that one message it is to read
    locust__gate_tell(&stranger, "this master wants a --secret, which a stock worker cannot have");
    p->zmtp.seals.secret = p->crew->env->options.secret;
    return true;
}

/* Takes a message. False: the connection is to be closed. */
static bool locust__hear_take(locust__peer *p, locust__view bytes)
{
    locust__view identity = {p->zmtp.identity, p->zmtp.identity_len};
    locust__envelope e;
    if (!identity.len || memchr(identity.ptr, '\0', identity.len) ||
        !locust__msgpack_is_utf8(identity)) {
        LOCUST__HEAR_LOG(p->crew, WARNING,
            "a worker without an identity has connected: its connection was closed");
        return false;
    }
    if (!locust__envelope_read(bytes, &e) || e.id.len != identity.len ||
        memcmp(e.id.ptr, identity.ptr, e.id.len) != 0) {
        LOCUST__HEAR_LOG(p->crew, WARNING,
            "a message of %s cannot be read: its connection was closed", identity.ptr);
        return false;
    }
    if (p->zmtp.seals.secret && !p->zmtp.ours)
        return locust__hear_refuse(p, &e);
    if (locust__view_is(e.type, "locustfile")) {
        locust__hear_locustfile(p);
        return true;
    }
    if (!p->member && !locust__hear_claim(p))
        return false;
    if (locust__view_is(e.type, "client_ready"))
        return locust__hear_ready(p, &e);
    if (p->member)
        locust__hear_member(p->crew, p->member, &e);
    else if (locust__view_is(e.type, "heartbeat"))
        locust__hear_stranger(p);
    return true;
}

/* How long a worker may be silent. Of a process of our own the system says whether it lives; one
 * that ends very many users has no time for heartbeats. */
static int64_t locust__hear_patience_ns(const locust__crew *c, const locust__member *m)
{
    int s = m->process >= 0        ? LOCUST__CREW_FORGET_S
            : c->ending && m->peer ? LOCUST__CREW_ENDING_S
                                   : LOCUST__CREW_PATIENCE_S;
    return s * LOCUST__S;
}

/* Looks who is silent. */
static void locust__hear_silence(locust__crew *c)
{
    int64_t now_ns = locust__os_now_ns();
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        int64_t from_ns = m->beat_ns > c->awake_ns ? m->beat_ns : c->awake_ns;
        int64_t silent_ns = now_ns - from_ns; // what came while we stood still is not read yet
        if (locust__member_lives(m) && silent_ns > locust__hear_patience_ns(c, m)) {
            LOCUST__HEAR_LOG(
                c, INFO, "Worker %s failed to send heartbeat, setting state to missing.", m->id);
            m->state = LOCUST__MEMBER_MISSING;
            locust__hear_lose(c, m, "is missing");
        }
        if (m->state == LOCUST__MEMBER_MISSING && m->peer &&
            silent_ns > (LOCUST__CREW_PATIENCE_S + LOCUST__CREW_FORGET_S) * LOCUST__S)
            locust__peer_drop(m->peer);
    }
}
