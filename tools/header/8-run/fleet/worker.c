/* ============================================================================================
 * >>fleet_worker  the tests of a worker
 *
 * Purpose     does what a master asks for: brings the users of each class to their number, again
 *             and again, ends the test, reports.
 * Invariants  one job at a time, the latest of its kind: a `stop` makes a `spawn` before it void.
 *             What is reported as running runs. What was counted is reported once, as soon as there
 *             is a master that knows this worker.
 * Names       locust__worker locust__worker_
 * Uses        >>co >>switch >>stats >>pool >>class >>start >>env >>warm_up >>ramp >>step
 *             >>runner >>fleet_msgpack >>fleet_plus >>fleet_report >>fleet_link >>fleet_job
 * Sources     Locust 2.12 to 2.47 (reference runs): order of messages, times, log lines. All users
 *             of a message are started at once: the rate is the master's doing.
 *
 *   ready --spawn--> spawning --users are there--> running --spawn--> spawning ...
 *     ^                                               |
 *     +--ack of client_ready -- client_stopped <------+ stop
 * ============================================================================================ */

enum {
    LOCUST__WORKER_LOG = 65536,     // bytes of log lines that are kept for the master
    LOCUST__WORKER_EXCEPTIONS = 500 // that one report may send
};

typedef struct locust__worker {
    locust_env *env;
    locust__link link;
    locust__wait_group group; // the coroutine of the link
    const char *state;        // ready, spawning or running, as the master is told
    bool testing;             // from on_test_start to on_test_stop
    bool failed;              // the test's own set-up did: no users
    // What the master asks for.
    locust__job job;
    bool spawn_due, stop_due, quit;
    double accepted;  // timestamp of the latest spawn
    int stops;        // how often env was asked to stop before
    const char *host; // of this worker's own command line; NULL: none
    int workers;      // --worker-count; 0: the master says how many there are
    locust_pair own[LOCUST_OWN_OPTIONS_MAX + 1];
    // The master.
    bool known;     // it has acknowledged this worker
    bool was_known; // ... or has done so before
    bool replies;   // it answers heartbeats
    bool announces; // it says when all users of all workers are there
    bool plus;      // it is one of our own
    bool refused;   // connections were refused since the last one
    bool shunned;   // it takes connections, but does not want this worker
    bool gave_up;
    int tries;                                    // client_readys without an answer
    int silent;                                   // connections in a row on which it said nothing
    int64_t heard_ns;                             // when it said something
    int64_t opened_ns;                            // when the connection was made
    int64_t lost_ns;                              // since when there is no connection
    int64_t beat_ns, report_ns, ready_ns, log_ns; // when the next of each is due
    int64_t complete_ns; // when on_spawning_complete is due, if the master does not say it
    // This process.
    int64_t cpu_at_ns, cpu_ns;
    double cpu; // percent of a core
    locust__buf log_lines;
    bool log_grew;
} locust__worker;

/* Keeps the lines of the log, the latest ones. */
static void locust__worker_keep_line(void *arg, const char *line, size_t n)
{
    locust__worker *w = arg;
    locust__buf *b = &w->log_lines;
    if (b->len + n > LOCUST__WORKER_LOG) {
        const char *half = memchr(b->ptr + b->len / 2, '\n', b->len - b->len / 2);
        size_t gone = half ? (size_t)(half + 1 - b->ptr) : b->len;
        memmove(b->ptr, b->ptr + gone, b->len - gone);
        b->len -= gone;
    }
    locust__buf_add(b, line, n);
    w->log_grew = true;
}

/* Was it asked to end, by the master, a signal or the test? */
static bool locust__worker_is_over(const locust__worker *w)
{
    return w->quit || w->gave_up || w->env->stops != w->stops;
}

/* May messages about users be sent? A master dies of some that come from a worker that it does not
 * know. What is sent on a new connection is lost while the master still holds an old one of this
 * id: until it has said something. */
static bool locust__worker_may_tell(const locust__worker *w)
{
    return w->known && locust__link_is_open(&w->link) &&
           (!w->replies || w->heard_ns >= w->opened_ns);
}

/* May a report be sent, that is, is it likely to arrive? Else its figures go with the next one. */
static bool locust__worker_may_report(const locust__worker *w)
{
    return locust__worker_may_tell(w) && !w->link.out.len &&
           (!w->replies || locust__os_now_ns() - w->heard_ns < 4 * LOCUST__S);
}

/* Sends failed tasks of one kind: a message for each, as long as some are *left. */
static void locust__worker_report_exception(
    locust__worker *w, locust__stats_exception *e, uint64_t *left)
{
    while (e->times && *left && locust__link_is_open(&w->link)) {
        uint64_t n = w->plus ? e->times : 1; // that this message is about
        char trace[512];
        locust__buf *out = locust__link_begin(&w->link, "exception");
        snprintf(trace, sizeof trace, "%s: %s", e->place, e->text);
        locust__msgpack_put_map(out, w->plus ? 3 : 2);
        locust__report_key_str(out, "msg", e->text);
        locust__report_key_str(out, "traceback", trace);
        if (w->plus) {
            locust__msgpack_put_str(out, LOCUST__PLUS_KEY);
            locust__msgpack_put_array(out, 2);
            locust__msgpack_put_str(out, e->place);
            locust__msgpack_put_uint(out, n);
        }
        if (!locust__link_end(&w->link))
            return;
        e->times -= n;
        --*left;
    }
}

/* Sends the failed tasks. Those beyond a limit wait for the next report. */
static void locust__worker_report_exceptions(locust__worker *w)
{
    locust__request_stats *st = &w->env->stats;
    uint64_t left = LOCUST__WORKER_EXCEPTIONS;
    size_t kept = 0;
    for (size_t i = 0; i < st->n_exceptions; i++) {
        locust__stats_exception *e = &st->exceptions[i];
        locust__worker_report_exception(w, e, &left);
        if (e->times)
            st->exceptions[kept++] = *e;
    }
    st->n_exceptions = kept;
    locust__worker_report_exception(w, &st->other_exception, &left);
}

/* Reports what was counted since the last report, and forgets it. `last`: there will be no other
 * one, so it goes out if it can at all. */
static void locust__worker_report(locust__worker *w, bool last)
{
    locust_env *env = w->env;
    locust__buf *out;
    if (last ? !w->known || !locust__link_is_open(&w->link) : !locust__worker_may_report(w))
        return;
    LOCUST__ENV_FIRE(env, on_report_to_master, .text = w->link.id);
    locust__worker_report_exceptions(w);
    out = locust__link_begin(&w->link, "stats");
    locust__report_write(out, env, w->plus);
    if (locust__link_end(&w->link))
        locust__stats_reset_requests(&env->stats, locust__os_now_ns());
}

static void locust__worker_send_ready(locust__worker *w)
{
    locust__msgpack_put_int(locust__link_begin(&w->link, "client_ready"), -1); // of any version
    locust__link_end(&w->link);
    w->tries++;
    w->ready_ns = locust__os_now_ns() + 5 * LOCUST__S;
}

/* Has the listeners told that all users are there. */
static void locust__worker_spawned(locust__worker *w, int users)
{
    locust_env *env = w->env;
    w->complete_ns = LOCUST__NEVER;
    locust__ramp_rest(env);
    LOCUST__ENV_FIRE(env, on_spawning_complete, .number = users);
    if (env->options.reset_stats)
        locust__warm_up_reset_stats(env);
}

/* Says which part of the test's rows and arrivals are this worker's. */
static void locust__worker_share(locust__worker *w)
{
    locust_env *env = w->env;
    int workers = w->job.workers > 0 ? w->job.workers : 1, index = env->fleet_index;
    if (w->job.plus) {
        env->users.n_workers = (size_t)w->job.parts;
        env->users.worker = (size_t)w->job.part;
        env->pace = w->job.pace;
        return;
    }
    if (w->workers)
        return;
    if (index >= workers)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "this is worker %d of a master that expects %d: rows of feeders may be used twice",
            index + 1, workers);
    env->users.n_workers = (size_t)workers;
    env->users.worker = index > 0 ? (size_t)(index % workers) : 0;
    env->pace = 1.0 / workers;
}

/* Begins a test, up to on_test_start. */
static void locust__worker_begin(locust__worker *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    w->testing = true;
    locust__runner_init(env);
    locust__job_apply(&w->job, env, w->host, w->own);
    locust__worker_share(w);
    env->users.spawned = false;
    locust__stats_reset(&env->stats, locust__os_now_ns());
    w->failed = !locust__step_run(env, env->test->setup, "setup");
    env->start_ns = locust__os_now_ns();
    locust__warm_up_begin(env);
    if (!w->failed)
        locust__runner_begin(env);
    else if (env->users.setup_error)
        locust__stats_except(&env->stats, env->users.setup_error, "the setup of the test");
}

/* Ends the test, up to on_test_stop. */
static void locust__worker_end(locust__worker *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    if (!w->testing)
        return;
    if (env->users.setup_error && !w->failed) // for the master to show
        locust__stats_except(&env->stats, env->users.setup_error, "the set-up of the test");
    if (!w->failed) {
        locust__runner_end(env);
        locust__step_run(env, env->test->teardown, "teardown");
    }
    for (int i = 0; i < env->n_classes; i++)
        locust__conns_free(&env->classes[i].shared); // a step may have used them
    locust__ramp_init(&env->ramp);
    env->stop_requested = false;
    w->complete_ns = LOCUST__NEVER;
    w->testing = false;
}

/* Starts users of a class until there are as many as asked for. False: there is no memory. */
static bool locust__worker_start(locust__worker *w, int i, int64_t *slice_ns) LOCUST__PARKS
{
    locust_env *env = w->env;
    locust__class *cls = &env->classes[i];
    while (cls->alive < w->job.counts[i] && !locust__worker_is_over(w) && !w->stop_due &&
           env->users.iterations_left != 0) {
        if (!locust__start_user(&env->users, cls))
            return false;
        if (locust__os_now_ns() < *slice_ns)
            continue;
        locust__co_yield(&env->loop);
        *slice_ns = locust__os_now_ns() + LOCUST__MS;
    }
    return true;
}

/* Brings all classes to their numbers. Arrivals come by themselves. */
static void locust__worker_place(locust__worker *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    int64_t slice_ns = locust__os_now_ns() + LOCUST__MS;
    bool memory = true;
    env->options.stop_timeout_s = w->job.stop_timeout_s;
    if (w->job.plus)
        env->pace = w->job.pace;
    for (int i = 0; i < env->n_classes && !w->failed; i++) {
        locust__class *cls = &env->classes[i];
        if (w->job.counts[i] < 0 || !cls->plan || cls->arrivals)
            continue;
        memory &= locust__worker_start(w, i, &slice_ns);
        if (cls->alive > w->job.counts[i] && w->job.counts[i] >= 0)
            locust__ramp_take_down(env, cls, cls->alive - w->job.counts[i]);
    }
    if (!memory)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "out of memory after %d users: the test goes on with these", env->users.alive);
}

/* Does what a `spawn` message asks for, and says so. */
static void locust__worker_spawn(locust__worker *w) LOCUST__PARKS
{
    w->spawn_due = false;
    if (!w->testing)
        locust__worker_begin(w);
    locust__worker_place(w);
    if (w->spawn_due || w->stop_due || !w->testing)
        return; // the next one says it
    w->state = "running";
    if (locust__worker_may_tell(w)) {
        locust__buf *out = locust__link_begin(&w->link, "spawning_complete");
        locust__msgpack_put_map(out, 2);
        locust__report_users(out, w->env);
        locust__link_end(&w->link);
    }
    w->complete_ns = w->announces ? LOCUST__NEVER : locust__os_now_ns() + 5 * LOCUST__S / 2;
}

/* Ends the test, and is ready for the next one. */
static void locust__worker_stop(locust__worker *w) LOCUST__PARKS
{
    w->stop_due = false;
    locust__worker_end(w);
    if (locust__worker_is_over(w))
        return;
    locust__worker_report(w, false);
    if (locust__worker_may_tell(w))
        locust__link_send(&w->link, "client_stopped");
    w->known = false; // until it is acknowledged anew
    w->state = "ready";
    w->tries = 0;
    locust__worker_send_ready(w);
}

/* What is due when nobody asks for anything. */
static void locust__worker_idle(locust__worker *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    int64_t now_ns = locust__os_now_ns(), next_ns = w->complete_ns;
    if (now_ns >= w->complete_ns) {
        locust__worker_spawned(w, env->users.alive);
        return;
    }
    if (w->testing) {
        if (now_ns >= env->ramp.reap_ns)
            locust__ramp_reap(env, now_ns);
        if (now_ns >= env->warm_ns)
            locust__warm_up_end(env);
        next_ns = env->ramp.reap_ns < next_ns ? env->ramp.reap_ns : next_ns;
        next_ns = env->warm_ns < next_ns ? env->warm_ns : next_ns;
    }
    locust__env_pause(env, next_ns);
}

/* Works until it is asked to end. */
static void locust__worker_work(locust__worker *w) LOCUST__PARKS
{
    while (!locust__worker_is_over(w)) {
        if (w->stop_due)
            locust__worker_stop(w);
        else if (w->spawn_due)
            locust__worker_spawn(w);
        else
            locust__worker_idle(w);
    }
}

/* Says good-bye: what is not reported yet, and `quit`. A master waits for half a second after its
 * own `quit`. */
static void locust__worker_leave(locust__worker *w) LOCUST__PARKS
{
    locust_env *env = w->env;
    int64_t until_ns = locust__os_now_ns() + LOCUST__S;
    if (w->quit)
        env->options.stop_timeout_s = w->plus ? 0 : 0.2; // ours has sent `stop` before, if need be
    locust__worker_end(w);
    locust__worker_report(w, true);
    if (w->was_known)
        locust__link_send(&w->link, "quit");
    while (locust__link_is_open(&w->link) && w->link.out.len && locust__os_now_ns() < until_ns) {
        locust__co_sleep(&env->loop, locust__os_now_ns() + LOCUST__S / 200);
        locust__link_flush(&w->link);
    }
}
