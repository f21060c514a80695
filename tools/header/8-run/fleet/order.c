/* ============================================================================================
 * >>fleet_order  what a master asks its workers for
 *
 * Purpose     writes and sends `spawn` messages: host, users of each class, options.
 * Invariants  the timestamps to one worker grow, whatever the clock does. All classes are listed,
 *             zeros included: a class that is not named would keep its users.
 * Names       locust__order_
 * Uses        >>own_option >>fleet_msgpack >>fleet_envelope >>fleet_plus >>fleet_report
 *             >>fleet_crew >>fleet_gate
 * Sources     Locust 2.12 to 2.47 (reference runs): the five keys, without which a worker in Python
 *             ends; names of options.
 * ============================================================================================ */

static void locust__order_text(locust__buf *out, const char *key, const char *text)
{
    locust__msgpack_put_str(out, key);
    if (text)
        locust__msgpack_put_str(out, text);
    else
        locust__msgpack_put_nil(out);
}

/* Texts with commas between, as a list; nil without any. */
static void locust__order_list(locust__buf *out, const char *key, const char *texts)
{
    uint32_t n = 1;
    locust__msgpack_put_str(out, key);
    if (!texts || !*texts) {
        locust__msgpack_put_nil(out);
        return;
    }
    for (const char *p = texts; *p; p++)
        n += *p == ',';
    locust__msgpack_put_array(out, n);
    for (const char *p = texts; n; n--, p += strcspn(p, ",") + 1)
        locust__msgpack_put_text(out, (locust__view){p, strcspn(p, ",")});
}

/* A value of an option that the test declares, as Python has one of its type. */
static void locust__order_own(locust__buf *out, const locust_env *env, const locust_own_option *o)
{
    const char *text = locust__own_option_text(env, o);
    double number = 0;
    int64_t whole = 0;
    char name[64];
    snprintf(name, sizeof name, "%s", locust__own_option_name(o->name));
    for (char *p = name; *p; p++)
        *p = *p == '-' ? '_' : *p;
    locust__msgpack_put_str(out, name);
    if (text && locust__own_option_type(o) != LOCUST_OWN_TEXT &&
        locust__own_option_type(o) != LOCUST_OWN_CHOICE)
        locust__own_option_read(o, text, &number, &whole);
    if (!text)
        locust__msgpack_put_nil(out);
    else if (locust__own_option_type(o) == LOCUST_OWN_FLAG)
        locust__msgpack_put_bool(out, strcmp(text, "true") == 0);
    else if (locust__own_option_type(o) == LOCUST_OWN_WHOLE)
        locust__msgpack_put_int(out, whole);
    else if (locust__own_option_type(o) == LOCUST_OWN_NUMBER)
        locust__msgpack_put_real(out, number);
    else
        locust__msgpack_put_str(out, text);
}

static void locust__order_options(locust__buf *out, const locust__crew *c)
{
    const locust_options *o = &c->env->options;
    const locust_own_option *own = c->env->test->options;
    uint32_t n = 0;
    while (n < LOCUST_OWN_OPTIONS_MAX && own[n].name)
        n++;
    locust__msgpack_put_str(out, "parsed_options");
    locust__msgpack_put_map(out, 9 + n);
    locust__report_key_uint(out, "num_users", (uint64_t)c->env->ramp.aim.users);
    locust__report_key_real(out, "spawn_rate", c->env->ramp.aim.spawn_rate);
    locust__msgpack_put_str(out, "run_time");
    if (o->run_time_s > 0)
        locust__msgpack_put_real(out, o->run_time_s);
    else
        locust__msgpack_put_nil(out);
    locust__order_text(out, "host", o->host);
    locust__order_list(out, "tags", o->tags);
    locust__order_list(out, "exclude_tags", o->exclude_tags);
    locust__report_key_uint(out, "expect_workers", (uint64_t)(c->parts > 0 ? c->parts : 1));
    locust__msgpack_put_str(out, "reset_stats");
    locust__msgpack_put_bool(out, o->reset_stats);
    locust__report_key_real(out, "stop_timeout", o->stop_timeout_s);
    for (uint32_t i = 0; i < n; i++)
        locust__order_own(out, c->env, &own[i]);
}

/* What a worker of our own is to know: [its part, of so many, pace of arrivals, iterations (-1: no
 * limit), --rate, --stages of arrivals or nil, --poisson, --max-in-flight, --patience, --warm-up,
 * --reset-stats, --phases, --seed]. */
static void locust__order_plus(locust__buf *out, locust__crew *c, locust__member *m)
{
    const locust_options *o = &c->env->options;
    int parts = c->parts > 0 ? c->parts : 1;
    bool rates = c->env->stages.n && c->env->stages.items->rate;
    locust__msgpack_put_str(out, LOCUST__PLUS_KEY);
    locust__msgpack_put_array(out, 13);
    locust__msgpack_put_int(out, locust__crew_part(c, m));
    locust__msgpack_put_int(out, parts);
    locust__msgpack_put_real(out, c->pace);
    locust__msgpack_put_int(out, m->iterations);
    locust__msgpack_put_real(out, o->rate);
    if (rates)
        locust__msgpack_put_str(out, o->stages);
    else
        locust__msgpack_put_nil(out);
    locust__msgpack_put_bool(out, o->poisson);
    locust__msgpack_put_int(out, o->max_in_flight > 0 ? o->max_in_flight / parts + 1 : 0);
    locust__msgpack_put_real(out, o->patience_s);
    locust__msgpack_put_real(out, o->warm_up_s);
    locust__msgpack_put_bool(out, o->reset_stats);
    locust__msgpack_put_bool(out, o->phases);
    locust__msgpack_put_int(out, o->seed > 0 ? o->seed : 0);
}

/* Asks a worker for the users that it is to have. */
static void locust__order_send(locust__crew *c, locust__member *m)
{
    const locust_env *env = c->env;
    locust__buf out = {NULL, 0, 0, false};
    double now_s = (double)locust__os_wall_ns() / 1e9;
    m->grew = false;
    if (!m->peer)
        return;
    m->sent_s = now_s > m->sent_s + 1e-5 ? now_s : m->sent_s + 1e-5; // a double has 2e-7 s there
    locust__envelope_begin(&out, "spawn");
    locust__msgpack_put_map(&out, 6);
    locust__report_key_real(&out, "timestamp", m->sent_s);
    locust__msgpack_put_str(&out, "user_classes_count");
    locust__msgpack_put_map(&out, (uint32_t)env->n_classes);
    for (int i = 0; i < env->n_classes; i++)
        locust__report_key_uint(&out, env->classes[i].as->name, (uint64_t)m->given[i]);
    locust__order_text(&out, "host", env->options.host);
    locust__report_key_real(&out, "stop_timeout", env->options.stop_timeout_s);
    locust__order_options(&out, c);
    locust__order_plus(&out, c, m);
    m->told |= locust__gate_send(m, &out);
    locust__buf_free(&out);
}

/* Asks those whose users have changed; `all`: everybody. */
static void locust__order_all(locust__crew *c, bool all)
{
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        if (locust__member_lives(m) && (all || m->grew || !m->told))
            locust__order_send(c, m);
    }
}
