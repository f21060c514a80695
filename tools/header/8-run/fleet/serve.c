/* ============================================================================================
 * >>fleet_serve  a worker and its master
 *
 * Purpose     keeps the connection to a master, for as long as the worker lives: messages,
 *             heartbeats and reports in their time, and what is to be done when the master is not
 *             there.
 * Invariants  a heartbeat comes each second from a coroutine of its own. While users run, no
 *             client_ready is sent under an id that a master may know: it would give this worker
 *             its share twice. A worker that the master has forgotten ends its users and begins
 *             anew under a new id.
 * Names       locust__serve_
 * Uses        >>co >>switch >>sync >>stats >>lookup >>life >>process >>env >>runner >>message
 *             >>fleet_msgpack >>fleet_envelope >>fleet_plus >>fleet_report >>fleet_pulse
 *             >>fleet_link >>fleet_job >>fleet_worker
 * Sources     Locust 2.12 to 2.47 (reference runs). Heartbeats each second, reports every three,
 *             client_ready every five; a worker has 61 tries for its first acknowledgement, and
 *             takes the master for gone after 60 seconds. A worker in Python then exits.
 *
 *   no connection        tries again for ever; users go on for 60 s, figures wait
 *   connected, but 25 s without a word of a master that answers heartbeats: connects again
 *   connected anew, and 5 s without a word, twice (once, if it refused before): it has restarted or
 *                        forgotten this worker
 *   a master that answers no heartbeats (2.12): one that refused connections for 5 s has restarted
 * ============================================================================================ */

enum {
    LOCUST__SERVE_TRIES = 61,
    LOCUST__SERVE_GONE_S = 60,   // without a word: users end
    LOCUST__SERVE_SILENT_S = 25, // on an old connection
    LOCUST__SERVE_WORD_S = 5,    // on a new one
};

/* The master has gone, or does not know this worker any more: ends its users, as soon as the test
 * is at it, and begins anew. */
static void locust__serve_forget(locust__worker *w, const char *why)
{
    locust_env *env = w->env;
    if (w->testing || w->spawn_due)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "%s: stopping the users of this worker", why);
    if (w->refused) // another master: what was counted for the old one is not for it
        locust__stats_reset(&env->stats, locust__os_now_ns());
    locust__job_free(&w->job);
    w->spawn_due = false;
    w->stop_due = w->testing;
    w->known = false;
    w->accepted = 0;
    w->silent = w->tries = 0;
    w->state = "ready";
    locust__link_rename(&w->link);
    locust__env_wake(env);
}

static void locust__serve_ack(locust__worker *w, locust__view data)
{
    locust__msgpack_item item;
    locust__view value;
    if (locust__msgpack_find(data, "index", &item, &value) && item.kind == LOCUST__MSGPACK_INT)
        w->env->fleet_index = item.whole >= 0 && item.whole < INT_MAX ? (int)item.whole : -1;
    w->plus = locust__msgpack_find(data, LOCUST__PLUS_KEY, &item, &value);
    w->known = w->was_known = true;
    w->shunned = false;
    w->lost_ns = 0;
    w->tries = 0;
    w->beat_ns = w->report_ns = locust__os_now_ns(); // the first of each at once
    locust__link_catch_up(&w->link);
}

/* Takes a `spawn` message. Each is answered by `spawning`, one that is out of date, too. */
static void locust__serve_spawn(locust__worker *w, locust__view data)
{
    locust_env *env = w->env;
    locust__job job;
    if (!w->known)
        return;
    if (!locust__job_read(&job, env, data)) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "the master's spawn message cannot be read: it has no effect");
        return;
    }
    locust__link_send(&w->link, "spawning");
    if (!(job.timestamp > w->accepted)) {
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "Discarded spawn message with older or equal timestamp than timestamp of previous "
            "spawn message");
        locust__job_free(&job);
        return;
    }
    locust__job_free(&w->job);
    w->job = job;
    w->accepted = job.timestamp;
    if (*job.unknown) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "the master asks for users of class %s, which this test has not: both need the same "
            "user classes",
            job.unknown);
        env->exit_code = LOCUST__EXIT_USAGE;
        locust__env_request_stop(env);
        return;
    }
    w->spawn_due = true;
    w->state = "spawning";
    locust__env_wake(env);
}

/* All users of all workers are there. */
static void locust__serve_spawned(locust__worker *w, locust__view data)
{
    locust__msgpack_item item;
    locust__view value;
    w->announces = true;
    if (!w->testing || !locust__msgpack_find(data, "user_count", &item, &value) ||
        item.kind != LOCUST__MSGPACK_INT)
        return;
    locust__worker_spawned(w, item.whole < INT_MAX ? (int)item.whole : INT_MAX);
}

static void locust__serve_quit(locust__worker *w)
{
    locust__log_print(&w->env->log, LOCUST__LOG_INFO, "locust.runners",
        "Got quit message from master, shutting down...");
    w->quit = true;
    if (w->stop_due || w->env->users.told) // users that have longer than that
        locust__life_stop_all(&w->env->users, true);
    locust__env_request_stop(w->env);
}

/* Hands a message of the test to its function. */
static void locust__serve_deliver(locust__worker *w, const locust__envelope *e)
{
    locust__buf json = {NULL, 0, 0, false};
    locust__view data = e->data;
    char *type = locust__text_copy(e->type.ptr, e->type.len);
    locust__envelope_add_json(&json, &data, false);
    locust__buf_add(&json, "", 1);
    if (type && !json.failed) {
        locust_message message = {type, json.ptr, "master"};
        locust__message_deliver(w->env, &message);
    }
    locust__buf_free(&json);
    LOCUST_FREE(type);
}

/* Takes a message. False: the master wants this connection to be made anew. */
static bool locust__serve_take(locust__worker *w, locust__view bytes)
{
    locust__envelope e;
    w->heard_ns = locust__os_now_ns();
    w->silent = 0;
    w->refused = false;
    if (!locust__envelope_read(bytes, &e)) {
        locust__log_print(&w->env->log, LOCUST__LOG_WARNING, "locust.runners",
            "a message of the master cannot be read: it has no effect");
    } else if (locust__view_is(e.type, "ack")) {
        locust__serve_ack(w, e.data);
    } else if (locust__view_is(e.type, "spawn")) {
        locust__serve_spawn(w, e.data);
    } else if (locust__view_is(e.type, "spawning_complete")) {
        locust__serve_spawned(w, e.data);
    } else if (locust__view_is(e.type, "heartbeat")) {
        w->replies = true;
        LOCUST__ENV_FIRE(w->env, on_heartbeat_received, .text = w->link.id,
            .real = (double)locust__os_wall_ns() / 1e9);
    } else if (locust__view_is(e.type, "stop")) {
        w->spawn_due = false;
        w->stop_due = true;
        locust__env_wake(w->env);
    } else if (locust__view_is(e.type, "quit")) {
        locust__serve_quit(w);
    } else if (locust__view_is(e.type, "reconnect")) {
        locust__log_print(&w->env->log, LOCUST__LOG_WARNING, "locust.runners",
            "Received reconnect message from master. Resetting RPC connection.");
        return false;
    } else if (locust__view_is(e.type, "update_user_class") ||
               locust__view_is(e.type, "locustfile")) {
        locust__log_print(&w->env->log, LOCUST__LOG_INFO, "locust.runners",
            "The master's %.*s has no effect: the test is this program", (int)e.type.len,
            e.type.ptr);
    } else {
        locust__serve_deliver(w, &e);
    }
    return true;
}

/* Measures the CPU of this process, over five seconds at least. */
static void locust__serve_cpu(locust__worker *w, int64_t now_ns)
{
    int64_t took_ns = now_ns - w->cpu_at_ns, cpu_ns;
    if (took_ns < 5 * LOCUST__S)
        return;
    cpu_ns = locust__os_cpu_ns();
    w->cpu = 100 * (double)(cpu_ns - w->cpu_ns) / (double)took_ns;
    w->cpu_ns = cpu_ns;
    w->cpu_at_ns = now_ns;
}

static void locust__serve_beat(locust__worker *w, int64_t now_ns)
{
    locust__link *l = &w->link;
    locust__buf *out = locust__link_begin(l, "heartbeat");
    locust__buf frame = {NULL, 0, 0, false};
    locust__serve_cpu(w, now_ns);
    locust__msgpack_put_map(out, w->plus ? 4 : 3);
    if (w->plus) // bits, as >>fleet_hear reads them
        locust__report_key_uint(
            out, LOCUST__PLUS_KEY, w->testing && locust__runner_is_done(w->env) ? 1 : 0);
    locust__report_key_str(out, "state", w->state);
    locust__report_key_real(out, "current_cpu_usage", w->cpu);
    locust__report_key_uint(out, "current_memory_usage", locust__os_memory());
    w->beat_ns = now_ns + LOCUST__S;
    if (!locust__link_frame(l, &l->zmtp, &frame))
        return;
    if (locust__buf_reserve(&l->out, frame.len))
        locust__buf_add(&l->out, frame.ptr, frame.len);
    if (!l->zmtp.seals.secret) // its tag is good for once
        locust__pulse_set(l->stream.fd.watch.fd, frame.ptr, frame.len);
    locust__link_flush(l);
    locust__buf_free(&frame);
}

/* Sends the log, if it has grown. Only masters from 2.46 on know such a message, which also say
 * when users are there. */
static void locust__serve_log(locust__worker *w, int64_t now_ns)
{
    const locust__buf *b = &w->log_lines;
    uint32_t n = 0, skip;
    locust__buf *out;
    w->log_ns = now_ns + 10 * LOCUST__S;
    if (!w->announces || !w->log_grew || w->link.out.len)
        return;
    for (size_t i = 0; i < b->len; i++)
        n += b->ptr[i] == '\n';
    skip = n > 500 ? n - 500 : 0;
    out = locust__link_begin(&w->link, "logs");
    locust__msgpack_put_map(out, 2);
    locust__report_key_str(out, "worker_id", w->link.id);
    locust__msgpack_put_str(out, "logs");
    locust__msgpack_put_array(out, n - skip);
    for (locust__view rest = {b->ptr, b->len}; rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        locust__view line = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        rest = locust__view_skip(rest, line.len + (end != NULL));
        if (skip)
            skip--;
        else
            locust__msgpack_put_text(out, line);
    }
    locust__link_end(&w->link);
    w->log_grew = false;
}

/* Sends what is due. False: the connection is to be made anew. */
static bool locust__serve_send(locust__worker *w, int64_t now_ns)
{
    if (!w->known && !w->stop_due && !w->testing && now_ns >= w->ready_ns) {
        if (w->was_known && w->tries) // this id may be that of a connection which is dead
            return false;
        locust__worker_send_ready(w);
    }
    if (!w->was_known)
        return true;
    if (now_ns >= w->beat_ns)
        locust__serve_beat(w, now_ns);
    if (now_ns >= w->report_ns) {
        w->report_ns = now_ns + 3 * LOCUST__S;
        locust__worker_report(w, false);
    }
    if (now_ns >= w->log_ns)
        locust__serve_log(w, now_ns);
    locust__link_flush(&w->link);
    return true;
}

/* Looks whether the master still answers. False: the connection is to be made anew. */
static bool locust__serve_listen(locust__worker *w, int64_t now_ns)
{
    bool word = w->heard_ns >= w->opened_ns;
    int64_t from_ns = word ? w->heard_ns : w->opened_ns;
    int64_t span_s = word ? LOCUST__SERVE_SILENT_S : LOCUST__SERVE_WORD_S;
    if (!w->replies || !w->known || now_ns - from_ns < span_s * LOCUST__S)
        return true;
    if (!word)
        w->silent++;
    if (w->silent >= (w->refused ? 1 : 2))
        locust__serve_forget(w, "the master does not know this worker any more");
    return false;
}

/* When something is due, or the connection is looked at, again. */
static int64_t locust__serve_next_ns(const locust__worker *w, int64_t now_ns)
{
    int64_t next_ns = now_ns + LOCUST__S;
    if (w->was_known && w->beat_ns < next_ns)
        next_ns = w->beat_ns;
    if (!w->known && w->ready_ns < next_ns)
        next_ns = w->ready_ns;
    if (w->link.out.len) // the socket was full
        next_ns = now_ns + LOCUST__S / 100;
    return next_ns > now_ns ? next_ns : now_ns;
}

/* Takes all messages that have arrived. False: the connection is to be made anew. */
static bool locust__serve_messages(locust__worker *w, locust_error *error)
{
    locust__view message;
    bool any = true, good = true;
    while (good && any && !*error) {
        *error = locust__link_next(&w->link, &message, &any);
        if (any && !*error)
            good = locust__serve_take(w, message);
    }
    locust__link_flush(&w->link);
    return good && !*error;
}

/* Serves a connection until it is lost. Returns why it was; LOCUST_OK: it is to be made anew. */
static locust_error locust__serve_connection(locust__worker *w) LOCUST__PARKS
{
    int64_t now_ns = locust__os_now_ns(), before_ns;
    locust_error error = LOCUST_OK;
    w->opened_ns = now_ns;
    w->ready_ns = 0;
    w->tries = w->was_known ? 0 : w->tries;
    while (locust__serve_messages(w, &error)) {
        before_ns = now_ns;
        now_ns = locust__os_now_ns();
        if (now_ns - before_ns > LOCUST__SERVE_GONE_S * LOCUST__S) { // this process stood still
            locust__serve_forget(w, "the master has had no heartbeat for too long");
            return LOCUST_OK;
        }
        if (!locust__serve_send(w, now_ns) || !locust__serve_listen(w, now_ns))
            return LOCUST_OK;
        if (w->tries > LOCUST__SERVE_TRIES && !w->was_known)
            return LOCUST_ERR_TIMEOUT;
        error = locust__link_receive(&w->link, locust__serve_next_ns(w, now_ns));
        if (error == LOCUST_ERR_TIMEOUT)
            error = LOCUST_OK;
    }
    return error;
}

/* Says once that the master is not there, and why. */
static void locust__serve_tell_lost(locust__worker *w, locust_error error, const char *why)
{
    if (!w->lost_ns)
        locust__log_print(&w->env->log, LOCUST__LOG_WARNING, "locust.runners",
            "cannot reach the master at %s:%d: %s: trying again", w->link.host, w->link.port,
            why ? why : locust__error_text(error));
}

/* Decides what is to become of the users while there is no connection. */
static void locust__serve_lost(locust__worker *w, locust_error error, const char *why)
{
    int64_t now_ns = locust__os_now_ns();
    if (locust__process_is_orphan()) {
        w->gave_up = true;
        locust__env_wake(w->env);
        return;
    }
    if (error)
        locust__serve_tell_lost(w, error, why);
    if (error && !w->lost_ns)
        w->lost_ns = now_ns;
    w->refused |= error == LOCUST_ERR_REFUSED;
    if (!w->was_known) {
        w->gave_up = now_ns - w->lost_ns > 5 * LOCUST__S * LOCUST__SERVE_TRIES ||
                     w->tries > LOCUST__SERVE_TRIES;
        if (w->gave_up)
            locust__env_wake(w->env);
        return;
    }
    if (!w->known || !error)
        return;
    if (now_ns - w->lost_ns > LOCUST__SERVE_GONE_S * LOCUST__S)
        locust__serve_forget(w, "the master is gone");
    else if (error == LOCUST_ERR_REFUSED && !w->replies &&
             now_ns - w->lost_ns > LOCUST__SERVE_WORD_S * LOCUST__S)
        locust__serve_forget(w, "the master has restarted");
}

/* The coroutine of the connection. */
static void locust__serve_main(void *arg)
{
    locust__worker *w = arg;
    locust_env *env = w->env;
    for (;;) {
        const char *why = NULL;
        locust_error error = locust__link_open(&w->link, &why);
        int64_t pause_ns = LOCUST__S / 5;
        if (!error) {
            if (!w->shunned) {
                locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
                    "Connected to locust master: %s:%d", w->link.host, w->link.port);
                w->lost_ns = 0;
            }
            error = locust__serve_connection(w);
            why = w->link.zmtp.error;
            w->shunned |= why != NULL;
            locust__link_close(&w->link);
        }
        if (error == LOCUST_ERR_CANCELLED)
            return;
        locust__serve_lost(w, error, why);
        if (locust__co_sleep(&env->loop, locust__os_now_ns() + pause_ns) == LOCUST__WAKE_CANCELLED)
            return;
    }
}

/* Sends a message of the test. */
static bool locust__serve_send_message(
    locust_env *env, const char *type, const char *json, const char *to)
{
    locust__worker *w = env->fleet;
    (void)to; // there is one master
    if (!locust__envelope_put_json(locust__link_begin(&w->link, type), json)) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "locust_send_message(\"%s\"): the data is nested too deeply", type);
        return false;
    }
    if (locust__worker_may_tell(w) ? locust__link_end(&w->link) : locust__link_wait(&w->link))
        return true;
    locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
        "locust_send_message(\"%s\"): too many messages wait for the master", type);
    return false;
}

static void locust__serve_init(locust__worker *w, locust_env *env)
{
    w->env = env;
    w->state = "ready";
    w->stops = env->stops;
    w->host = env->options.host;
    w->workers = env->options.worker_count;
    w->complete_ns = LOCUST__NEVER;
    w->cpu_at_ns = locust__os_now_ns();
    w->cpu_ns = locust__os_cpu_ns();
    locust__link_init(&w->link, env);
    env->log.copy = locust__worker_keep_line;
    env->log.copy_arg = w;
    env->fleet = w;
    env->send_message = locust__serve_send_message;
    env->exit_code = 0;
    locust__pulse_open();
}

static void locust__serve_free(locust__worker *w)
{
    locust__pulse_close();
    w->env->log.copy = NULL;
    w->env->fleet = NULL;
    w->env->send_message = NULL;
    locust__link_free(&w->link);
    locust__job_free(&w->job);
    locust__buf_free(&w->log_lines);
    LOCUST_FREE(w);
}

/* Works for a master until that, a signal or the test ends it. Sets the exit code. Called in a
 * coroutine of its own. */
static void locust__serve_run(locust_env *env) LOCUST__PARKS
{
    locust__worker *w = locust__memory_zalloc(sizeof *w);
    locust__co *co;
    if (!w)
        return;
    locust__serve_init(w, env);
    co = locust__co_start(&env->loop, "the kit itself", 0, locust__serve_main, w, &w->group);
    if (co) {
        locust__worker_work(w);
        locust__worker_leave(w);
        locust__co_cancel(&env->loop, co);
    }
    locust__wait_group_join(&env->loop, &w->group, LOCUST__NEVER);
    locust__lookup_stop(&w->link.resolver);
    locust__lookup_stop(&env->services.resolver);
    if (!co)
        env->exit_code = LOCUST__EXIT_USAGE;
    else if (w->gave_up)
        env->exit_code = 255; // as Locust's -1
    else if (!w->was_known && !env->exit_code)
        env->exit_code = 1;
    if (w->gave_up)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "no master at %s:%d has acknowledged this worker", w->link.host, w->link.port);
    locust__serve_free(w);
}
