/* ============================================================================================
 * >>fleet_master  a test whose users are on workers
 *
 * Purpose     waits for workers, ramps users up and down over them, deals anew when one comes or
 *             goes, ends the test and collects what was counted.
 * Invariants  users are given in Locust's steps where a worker is stock: as many as the rate is
 *             whole, at least one, and the time they take at the rate before the next. No user is
 *             on two workers. At the end all that workers have counted is waited for, as long as
 *             they give signs of life.
 * Names       locust__master_
 * Uses        >>co >>switch >>fd >>sync >>stats >>net >>listen >>env >>usage >>warm_up >>ramp
 *             >>runner >>fleet_msgpack >>fleet_envelope >>fleet_report >>fleet_crew
 *             >>fleet_gate >>fleet_order >>fleet_hear >>fleet_share >>fleet_forks
 * Sources     Locust 2.12 to 2.47 (reference runs): log lines, order of events, `quit` without a
 *             `stop` before it.
 * ============================================================================================ */

enum {
    LOCUST__MASTER_GRACE_S = 60, // for the last reports, while workers give signs of life
    LOCUST__MASTER_FEW = 500,    // workers: fewer than this can be told ten times a second
};

/* The coroutine that accepts connections. */
static void locust__master_listen(void *arg)
{
    locust__crew *c = arg;
    locust_stream s;
    while (!locust__listen_accept(&c->net, &c->listener, &s))
        locust__gate_open_peer(c, &s, locust__hear_take);
    locust__fd_close(&c->env->loop, &c->listener);
}

static void locust__master_flush_now(void *arg)
{
    locust__gate_flush(arg);
}

static void locust__master_silence_now(void *arg)
{
    locust__hear_silence(arg);
    locust__share_look(arg);
}

static void locust__master_children_now(void *arg)
{
    locust__crew *c = arg;
    locust__forks_look(c->env->forks, c);
}

/* The coroutine of what is due in time. */
static void locust__master_clock(void *arg)
{
    locust__crew *c = arg;
    locust__loop *loop = &c->env->loop;
    for (int i = 1;; i++) {
        int64_t due_ns = locust__os_now_ns() + LOCUST__S / 10;
        if (locust__co_sleep(loop, due_ns) == LOCUST__WAKE_CANCELLED)
            return;
        if (locust__os_now_ns() - due_ns > LOCUST__S / 2)
            c->awake_ns = locust__os_now_ns();
        locust__co_call(loop, locust__master_flush_now, c);
        if (c->env->forks)
            locust__co_call(loop, locust__master_children_now, c);
        if (i % 10 == 0)
            locust__co_call(loop, locust__master_silence_now, c);
    }
}

/* Sends a message of the test to a worker, or to all. */
static bool locust__master_send(locust_env *env, const char *type, const char *json, const char *to)
{
    locust__crew *c = env->crew;
    bool good = true, any = false;
    for (int i = 0; i < c->n && good; i++) {
        locust__buf out = {NULL, 0, 0, false};
        if (!c->members[i]->peer || (to && strcmp(to, c->members[i]->id) != 0))
            continue;
        any = true;
        locust__envelope_begin(&out, type);
        good = locust__envelope_put_json(&out, json);
        if (good)
            locust__gate_send(c->members[i], &out);
        locust__buf_free(&out);
    }
    if (!good)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "locust_send_message(\"%s\"): the data is nested too deeply", type);
    if (to && !any)
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "locust_send_message(\"%s\"): there is no worker %s", type, to);
    return good && (any || !to);
}

/* Makes the master of a test and has it listen. False: a sentence has said why not. */
static bool locust__master_open(locust_env *env)
{
    int fd = env->forks ? env->forks->fd : -1;
    const locust_options *o = &env->options;
    locust__crew *c = env->crew = locust__memory_zalloc(sizeof *c);
    if (!c) {
        locust__say("out of memory");
        return false;
    }
    c->env = env;
    locust__net_init(&c->net, &env->loop, &env->log);
    c->net.no_arrivals = true;
    c->listener.watch.fd = -1;
    env->send_message = locust__master_send;
    env->stats.lag_s = 3;
    return locust__gate_open(
        c, o->master_bind_host, o->master_bind_port > 0 ? o->master_bind_port : 5557, fd);
}

static void locust__master_close(locust_env *env)
{
    locust__crew *c = env->crew;
    if (!c)
        return;
    locust__fd_close(&env->loop, &c->listener);
    locust__crew_free(c);
    env->crew = NULL;
    env->send_message = NULL;
    env->users.alive = 0;
    for (int i = 0; i < env->n_classes; i++)
        env->classes[i].alive = 0;
}

/* Waits for as many workers as are expected. False: there were not enough in time, or the test is
 * asked to end. */
static bool locust__master_await(locust__crew *c) LOCUST__PARKS
{
    locust_env *env = c->env;
    const locust_options *o = &env->options;
    int want = o->expect_workers > 0 ? o->expect_workers : 1;
    int64_t said_ns = 0, end_ns = o->expect_workers_max_wait_s > 0
                                      ? locust__time_after(locust__os_now_ns(),
                                            locust__time_ns(o->expect_workers_max_wait_s))
                                      : LOCUST__NEVER;
    while (!env->stop_requested && locust__crew_living(c) < want) {
        int64_t now_ns = locust__os_now_ns();
        if (now_ns >= end_ns) {
            locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.main",
                "Gave up waiting for workers to connect");
            env->users.setup_error = "Gave up waiting for workers to connect";
            return false;
        }
        if (now_ns >= said_ns) {
            locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main",
                "Waiting for workers to be ready, %d of %d connected", locust__crew_living(c),
                want);
            said_ns = now_ns + LOCUST__S;
        }
        locust__env_pause(env, said_ns < end_ns ? said_ns : end_ns);
    }
    return !env->stop_requested;
}

/* Shares --iterations out among the workers that are there: to the last one exactly. */
static void locust__master_share_iterations(locust__crew *c)
{
    int64_t all = c->env->options.iterations, n = c->parts > 0 ? c->parts : 1;
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        m->iterations = all <= 0 ? -1 : m->part < 0 ? 0 : all / n + (m->part < all % n);
    }
}

/* How many users a step has: all of a second's, as Locust, or where all workers are ours and few a
 * tenth or less, so that users do not go in step for the whole test. */
static int locust__master_step_users(const locust__crew *c)
{
    double rate = c->env->ramp.aim.spawn_rate;
    int living = 0;
    for (int i = 0; i < c->n; i++) {
        living += locust__member_lives(c->members[i]);
        if (locust__member_lives(c->members[i]) && !c->members[i]->ours)
            living = LOCUST__MASTER_FEW;
    }
    if (living < LOCUST__MASTER_FEW)
        rate /= 10;
    return rate < 1 ? 1 : rate > INT_MAX ? INT_MAX : (int)rate;
}

/* Gives or takes away as many users as a step has. */
static void locust__master_step(locust__crew *c)
{
    locust_env *env = c->env;
    locust__ramp *ramp = &env->ramp;
    double rate = ramp->aim.spawn_rate;
    int missing = ramp->aim.users - c->n_users, most = missing < 0 ? -missing : missing;
    int step = locust__master_step_users(c);
    int n = most < step ? most : step;
    bool memory = true, all = !missing;
    enum locust__env_short why = LOCUST__ENV_SHORT_OF_NOTHING;
    ramp->batch_ns = locust__time_after(ramp->batch_ns, locust__time_ns(step / rate));
    for (; n && missing > 0 && !why; n--)
        if (!locust__crew_add_user(c, &memory))
            why = memory ? LOCUST__ENV_SHORT_OF_CLASSES : LOCUST__ENV_SHORT_OF_MEMORY;
    for (; n && missing < 0; n--)
        locust__crew_drop_user(c);
    ramp->placed = c->n_users;
    if (why) {
        ramp->why = why;
        ramp->asked = ramp->aim.users;
        ramp->got = ramp->placed;
    }
    if (locust__crew_deal(c))
        locust__order_all(c, all);
    if (ramp->placed != ramp->aim.users && !why)
        return;
    ramp->batch_ns = LOCUST__NEVER;
    c->complete_ns = locust__os_now_ns() + LOCUST__S;
}

/* All users are on their workers, or would be by now: has everybody told. */
static void locust__master_complete(locust__crew *c)
{
    locust_env *env = c->env;
    locust__buf out = {NULL, 0, 0, false};
    char text[1024] = "";
    size_t at = 0;
    for (int i = 0; i < env->n_classes && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\"%s\": %d", i ? ", " : "",
            env->classes[i].as->name, env->classes[i].alive);
    locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners", "%s: {%s%s} (%d total users)",
        env->users.alive == c->n_users
            ? "All users spawned"
            : "Spawning is complete and report waittime is expired, but not all reports received "
              "from workers",
        text, at < sizeof text ? "" : "...", env->users.alive);
    c->complete_ns = LOCUST__NEVER;
    locust__ramp_rest(env);
    LOCUST__ENV_FIRE(env, on_spawning_complete, .number = c->n_users);
    for (int i = 0; i < c->n; i++) {
        out.len = 0;
        locust__envelope_begin(&out, "spawning_complete");
        locust__msgpack_put_map(&out, 1);
        locust__report_key_uint(&out, "user_count", (uint64_t)c->n_users);
        if (locust__member_lives(c->members[i]))
            locust__gate_send(c->members[i], &out);
    }
    locust__buf_free(&out);
    if (env->options.reset_stats)
        locust__warm_up_reset_stats(env);
}

/* Have the users of all workers done all that they may? */
static bool locust__master_is_done(const locust__crew *c)
{
    bool any = false;
    if (!c->env->users.limited || c->complete_ns != LOCUST__NEVER ||
        c->env->ramp.batch_ns != LOCUST__NEVER)
        return false;
    for (int i = 0; i < c->n; i++) {
        const locust__member *m = c->members[i];
        if (locust__member_lives(m) && m->told && !m->done)
            return false;
        any |= locust__member_lives(m) && m->told;
    }
    return any;
}

/* Why the test is over; NULL: it goes on. */
static const char *locust__master_over(const locust__crew *c, int64_t now_ns)
{
    const locust_env *env = c->env;
    if (!locust__crew_living(c)) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "The last worker went missing or quit, stopping test.");
        return "No worker is left, shutting down";
    }
    if (now_ns >= env->end_ns)
        return env->end_ns == locust__runner_limit_ns(env)
                   ? "--run-time limit reached, shutting down"
                   : "All stages are over, shutting down";
    return locust__master_is_done(c) ? "All iterations are done, shutting down" : NULL;
}

/* Does what is due. */
static void locust__master_turn(locust__crew *c, int64_t now_ns)
{
    locust_env *env = c->env;
    double pace = env->pace / (c->parts > 0 ? c->parts : 1);
    bool paced = pace < c->pace || pace > c->pace;
    c->pace = pace;
    if (now_ns >= env->warm_ns)
        locust__warm_up_end(env);
    if (now_ns >= env->ramp.batch_ns)
        locust__master_step(c);
    else if ((c->anew || paced) && locust__crew_deal(c))
        locust__order_all(c, paced);
    if (c->complete_ns < LOCUST__NEVER &&
        (now_ns >= c->complete_ns || env->users.alive == c->n_users))
        locust__master_complete(c);
}

static int64_t locust__master_next_ns(const locust__crew *c, int64_t tick_ns)
{
    int64_t next_ns = locust__runner_next_ns(c->env, tick_ns);
    return c->complete_ns < next_ns ? c->complete_ns : next_ns;
}

/* Runs ramps until the test is over. */
static void locust__master_drive(locust__crew *c) LOCUST__PARKS
{
    locust_env *env = c->env;
    int64_t tick_ns = env->shape ? env->start_ns : LOCUST__NEVER;
    const char *why = NULL;
    locust_tick tick = {.users = env->options.users, .spawn_rate = env->options.spawn_rate};
    if (locust__runner_is_open(env))
        tick.users = 0; // nobody is spawned, but workers are to begin
    if (!env->shape) {
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "Sending spawn jobs of %d users at %.2f spawn rate to %d ready workers", tick.users,
            tick.spawn_rate, locust__crew_living(c));
        locust__ramp_aim(env, tick);
    }
    while (!env->stop_requested) {
        int64_t now_ns = locust__os_now_ns();
        why = locust__master_over(c, now_ns);
        if (!why && now_ns >= tick_ns) {
            tick = (locust_tick){.users = 0};
            if (!locust__runner_ask_shape(env, &tick))
                why = "Shape test stopping";
        }
        if (why)
            break;
        if (now_ns >= tick_ns) {
            locust__ramp_aim(env, tick);
            tick_ns += LOCUST__S;
        }
        locust__master_turn(c, now_ns);
        locust__env_pause(env, locust__master_next_ns(c, tick_ns));
    }
    if (why && !env->stop_requested)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.main", "%s", why);
}

/* Waits until `left` says that nobody is waited for any more, or for that long. */
static void locust__master_settle(
    locust__crew *c, int (*left)(const locust__crew *c), double seconds) LOCUST__PARKS
{
    int64_t end_ns = locust__time_after(locust__os_now_ns(), locust__time_ns(seconds));
    while (left(c) && locust__os_now_ns() < end_ns)
        if (locust__queue_wait(&c->env->loop, &c->env->stop_waiters, end_ns) ==
            LOCUST__WAKE_CANCELLED)
            return;
}

static int locust__master_testing(const locust__crew *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += locust__member_lives(c->members[i]) && c->members[i]->told;
    return n;
}

static int locust__master_leaving(const locust__crew *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += c->members[i]->said && c->members[i]->state != LOCUST__MEMBER_GONE &&
             c->members[i]->state != LOCUST__MEMBER_MISSING;
    return n;
}

/* Ends the test on all workers, up to on_test_stop. With a stop timeout tasks may end first. */
static void locust__master_end(locust__crew *c) LOCUST__PARKS
{
    locust_env *env = c->env;
    double timeout_s = env->options.stop_timeout_s;
    env->until = locust__usage_now(env);
    locust__stats_end(&env->stats, env->until.at_ns);
    if (env->warm_ns < LOCUST__NEVER)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "--warm-up was longer than the run: nothing was counted");
    env->stop_requested = true;
    LOCUST__ENV_FIRE(env, on_test_stopping, .number = 0);
    c->ending = true;
    if (timeout_s > 0 || c->again) {
        for (int i = 0; i < c->n; i++)
            if (locust__member_lives(c->members[i]) && c->members[i]->told)
                locust__gate_tell(c->members[i], "stop");
        locust__master_settle(c, locust__master_testing, timeout_s + LOCUST__MASTER_GRACE_S);
    }
    LOCUST__ENV_FIRE(env, on_test_stop, .number = 0);
}

/* Sends everybody home and waits for what they have still to say. */
static void locust__master_quit(locust__crew *c) LOCUST__PARKS
{
    double patience_s = c->env->options.stop_timeout_s + LOCUST__MASTER_GRACE_S;
    c->ending = true;
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        m->said = m->state != LOCUST__MEMBER_GONE && locust__gate_tell(m, "quit");
    }
    locust__master_settle(c, locust__master_leaving, patience_s);
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        if (m->said && m->since && m->state != LOCUST__MEMBER_GONE)
            locust__hear_lose(c, m, "did not say good-bye");
    }
}

/* From on_test_start to on_test_stop. */
static void locust__master_test(locust__crew *c) LOCUST__PARKS
{
    locust_env *env = c->env;
    env->start_ns = locust__os_now_ns();
    locust__warm_up_begin(env);
    locust__crew_begin(c);
    locust__master_share_iterations(c);
    c->complete_ns = LOCUST__NEVER;
    env->end_ns = locust__runner_end_ns(env);
    c->testing = true;
    LOCUST__ENV_FIRE(env, on_test_start, .number = 0);
    locust__master_drive(c);
    locust__master_end(c);
}

/* Listens. False: no memory. */
static bool locust__master_begin(locust_env *env)
{
    locust__crew *c = env->crew;
    bool good =
        locust__co_start(&env->loop, "the kit itself", 0, locust__master_listen, c, &c->group) &&
        locust__co_start(&env->loop, "the kit itself", 0, locust__master_clock, c, &c->group);
    if (!good)
        env->users.setup_error = "out of memory";
    return good;
}

/* Ends what locust__master_begin began, and the workers. */
static void locust__master_finish(locust_env *env) LOCUST__PARKS
{
    locust__crew *c = env->crew;
    env->stop_requested = true;
    locust__master_quit(c);
    c->testing = false;
    locust__wait_group_cancel(&env->loop, &c->group);
    locust__wait_group_join(&env->loop, &c->group, LOCUST__NEVER);
}

/* The whole life of a master. Called in a coroutine of its own. */
static void locust__master_run(locust_env *env) LOCUST__PARKS
{
    if (locust__master_begin(env) && locust__master_await(env->crew))
        locust__master_test(env->crew);
    else
        env->until = locust__usage_now(env);
    locust__master_finish(env);
}
