/* ============================================================================================
 * >>setup  making an environment
 *
 * Purpose     takes test and options apart; whatever is wrong is one sentence before the first user.
 * Names       locust__setup_ locust__env_new locust__env_free
 * Uses        >>loop >>stats >>record >>source >>net >>resolve >>lookup >>tls >>tls_state
 *             >>tls_version >>extract >>proxy >>connect_to >>route >>services >>base_url
 *             >>task >>class >>start >>feed >>env >>usage >>stages >>runner >>config_users
 * ============================================================================================ */

/* NULL, or why the classes cannot be run; `text` has room for it. */
static const char *locust__setup_check(const locust_test *test, char *text, size_t size)
{
    int n = 0;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        const locust_user_class *as = test->users[i];
        const char *wrong = locust__class_check(as);
        if (wrong) {
            snprintf(text, size, "user class %s %s", as->name, wrong);
            return text;
        }
        n += as->fixed_count > 0 || locust__class_weight(as) > 0 || as->arrivals.rate > 0;
    }
    return n ? NULL : "no user class with a weight: give the test .users = { &YourClass }";
}

/* How the users of a class reach servers: the options go before the class. False: a wrong proxy. */
static bool locust__setup_route(locust__class *cls, locust__arena *arena, const locust_options *o)
{
    const locust_user_class *as = cls->as;
    locust__route *route = &cls->route;
    const char *proxy = o->proxy ? o->proxy : as->proxy;
    route->tls = (locust__tls_how){.ca_file = o->ca_file ? o->ca_file : as->ca_file,
        .cert_file = o->cert_file ? o->cert_file : as->cert_file,
        .key_file = o->cert_file ? o->key_file : as->key_file,
        .insecure = o->insecure || as->insecure,
        .http = true};
    route->unix_socket = o->unix_socket ? o->unix_socket : as->unix_socket;
    route->direct = proxy && !*proxy;
    cls->shared.limit = as->pool;
    return locust__proxy_parse(&route->proxy, arena, proxy ? proxy : "");
}

/* What the network options say, in their own words when one is wrong; NULL: all is well. */
static const char *locust__setup_network(locust_env *env, char *text, size_t size)
{
    const locust_options *o = &env->options;
    locust__services *sv = &env->services;
    locust__tls_options tls = {
        o->tls_min, o->tls_max, o->ciphers, o->no_tls_resume, o->max_handshakes};
    const char *wrong = locust__tls_check(&tls);
    locust__tls_init(&sv->tls, &env->loop, &env->log, &sv->arena, &tls);
    if (wrong)
        return wrong;
    if (o->proxy_from_env && (wrong = locust__proxy_env_read(&sv->proxies, &sv->arena)) != NULL) {
        snprintf(text, size,
            "the proxy \"%s\" of the environment is not a URL such as "
            "http://user:password@127.0.0.1:3128",
            wrong);
        return text;
    }
    if (o->source && !locust__sources_read(&sv->net.sources, o->source))
        return "--source takes addresses, such as 127.0.0.2,10.0.0.5-10.0.0.9,127.0.1.0/28,::1";
    if (o->connect_to && !locust__connect_to_parse(&sv->connect_to, &sv->arena, o->connect_to))
        return "--connect-to takes HOST1:PORT1:HOST2:PORT2, several separated by blanks";
    if (o->resolve && !locust__lookup_pin(&sv->resolver, o->resolve))
        return "--resolve takes HOST:PORT:ADDRESS[,ADDRESS], several separated by blanks";
    return NULL;
}

/* The test's own functions, as one listener among the others. */
static void locust__setup_listeners(locust_env *env)
{
    const locust_test *test = env->test;
#define LOCUST__SETUP_LISTENER(name, args) env->own.name = test->name;
    LOCUST_EVENTS_(LOCUST__SETUP_LISTENER)
#undef LOCUST__SETUP_LISTENER
    env->listeners[env->n_listeners++] = &env->own;
    for (int i = 0; i < LOCUST_LISTENERS_MAX && test->listeners[i]; i++)
        env->listeners[env->n_listeners++] = test->listeners[i];
}

static void locust__setup_on_request(locust_env *env, const locust_sample *sample)
{
    LOCUST__ENV_FIRE(env, on_request, env, sample);
}

static void locust__setup_on_user_error(locust_env *env, locust_user *u, const char *message)
{
    LOCUST__ENV_FIRE(env, on_user_error, env, u, message);
}

/* Requests go past without a call where nobody listens. */
static void locust__setup_watch_requests(locust_env *env)
{
    for (int i = 0; i < env->n_listeners; i++)
        if (env->listeners[i]->on_request)
            env->services.recorder.listener = locust__setup_on_request;
}

/* What drives the users: the test's shape, --stages, or --users. NULL, or what is wrong. */
static const char *locust__setup_shape(locust_env *env, const locust_options *given)
{
    const locust_options *o = &env->options;
    env->shape = env->test->shape;
    if (o->stages) {
        if (!locust__stages_parse(env, o->stages))
            return "--stages takes DURATION:USERS,... such as 1m:100,5m:1000,1m:0, or 1m:100/s,... "
                   "for arrivals a second";
        env->shape = env->stages->rate ? NULL : locust__stages_tick;
    }
    if (env->shape && (given->run_time_s > 0 || given->users || given->spawn_rate > 0))
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main",
            "--users, --spawn-rate and --run-time have no effect on a test with a load shape");
    return NULL;
}

static bool locust__setup_has_users(const locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++) {
        const locust_user_class *as = env->classes[i].as;
        if (as->fixed_count > 0 || locust__class_weight(as) > 0 || as->arrivals.rate > 0)
            return true;
    }
    return false;
}

/* Which classes have arrivals. False: no memory. */
static bool locust__setup_arrivals(locust_env *env)
{
    locust_options *o = &env->options;
    double total = 0;
    bool own = false, shared;
    for (int i = 0; i < env->n_classes; i++) {
        const locust_user_class *as = env->classes[i].as;
        own |= as->arrivals.rate > 0;
        total += as->arrivals.rate > 0 ? 0 : locust__class_weight(as);
    }
    if (o->find_max && !own && !(o->rate > 0))
        o->rate = LOCUST__ENV_FIND_FROM;
    shared = o->rate > 0 || (env->n_stages && env->stages->rate);
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        double weight = locust__class_weight(cls->as);
        locust__arrival_queue *queue;
        if (!(cls->as->arrivals.rate > 0) && !(shared && weight > 0))
            continue;
        queue = cls->arrivals = locust__memory_zalloc(sizeof *queue);
        if (!queue)
            return false;
        queue->env = env;
        queue->as = cls->as->arrivals;
        if (!(queue->as.rate > 0)) {
            queue->share = weight / total;
            queue->as.poisson |= o->poisson;
            queue->as.max = o->max_in_flight;
            queue->as.patience_s = o->patience_s;
        }
        queue->as.max = queue->as.max > 0 ? queue->as.max : 10000;
        if (!(queue->as.patience_s > 0) && !(queue->as.patience_s < 0))
            queue->as.patience_s = 10;
        env->services.recorder.has_arrivals = true;
    }
    return true;
}

/* Takes over classes and hosts. NULL, or what is wrong. */
static const char *locust__setup_classes(locust_env *env, char *text, size_t size)
{
    locust__planner planner = {.tags = &env->users.tags};
    for (int i = 0; i < LOCUST_CLASSES_MAX && env->test->users[i]; i++)
        env->n_classes++;
    env->classes = locust__memory_zalloc((size_t)env->n_classes * sizeof *env->classes);
    env->dispatched = locust__memory_zalloc((size_t)env->n_classes * sizeof *env->dispatched);
    env->fixed = locust__memory_zalloc((size_t)env->n_classes * sizeof *env->fixed);
    if (!env->classes || !env->dispatched || !env->fixed)
        return "out of memory";
    for (int i = 0; i < env->n_classes; i++) {
        int at = i;
        for (; at && strcmp(env->classes[at - 1].as->name, env->test->users[i]->name) > 0; at--)
            env->classes[at] = env->classes[at - 1];
        locust__class_init(&env->classes[at], env->test->users[i]);
    }
    if (env->services.worker >= env->services.n_workers)
        return "--worker-index counts from 0 and lies below --worker-count";
    if (env->options.config_users) {
        const char *wrong = locust__config_users_apply(env, env->options.config_users);
        if (wrong) {
            snprintf(text, size, "--config-users: %s", wrong);
            return text;
        }
        if (!locust__setup_has_users(env))
            return "--config-users leaves no user class with a weight";
    }
    if (!locust__setup_arrivals(env))
        return "out of memory";
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        const char *broken = NULL;
        locust_error error;
        if (locust__class_plan(cls, &planner)) {
            snprintf(text, size, "user class %s %s%s", cls->as->name,
                strncmp(planner.wrong, "set ", 4) == 0 ? "has a broken task set: " : "",
                planner.wrong);
            return text;
        }
        if (!locust__setup_route(cls, &env->services.arena, &env->options)) {
            snprintf(text, size,
                "the proxy of user class %s is not a URL such as "
                "http://user:password@127.0.0.1:3128",
                cls->as->name);
            return text;
        }
        cls->host = env->options.host ? env->options.host : cls->as->host;
        if (!cls->host)
            continue;
        error = locust__base_url_parse(&env->services, cls->host, &cls->base, &broken);
        if (broken)
            return broken;
        if (error == LOCUST_ERR_SCHEME || strncmp(cls->host, "unix:", 5) == 0) {
            cls->base.text = cls->host; // a protocol of the test's own: tcp://, unix:
        } else if (error) {
            snprintf(text, size,
                "host \"%s\" of user class %s is not a URL such as http://127.0.0.1:8080",
                cls->host, cls->as->name);
            return text;
        }
    }
    return NULL;
}

static void locust__env_free(locust_env *env)
{
    for (int i = 0; i < env->n_classes && env->classes; i++) {
        locust__plan_free(env->classes[i].plan);
        LOCUST_FREE(env->classes[i].tasks);
        if (env->classes[i].arrivals)
            LOCUST_FREE(env->classes[i].arrivals->backlog);
        LOCUST_FREE(env->classes[i].arrivals);
        locust__base_url_free(&env->classes[i].base);
    }
    locust__tls_free(&env->services.tls);
    locust__loop_close(&env->loop);
    locust__stats_free(&env->stats);
    locust__arena_free(&env->services.arena);
    locust__pattern_free_all(env->services.patterns);
    locust__feed_close_all(env->services.feeders);
    locust__buf_free(&env->services.auth);
    locust__log_close(&env->log);
    LOCUST_FREE(env->classes);
    LOCUST_FREE(env->dispatched);
    LOCUST_FREE(env->fixed);
    LOCUST_FREE(env->stages);
    LOCUST_FREE(env);
}

static void locust__setup_defaults(locust_options *o)
{
    if (o->users == 0)
        o->users = 1;
    if (o->users < 0)
        o->users = 0;
    if (!(o->spawn_rate > 0))
        o->spawn_rate = 1;
    o->exit_code_on_error = o->exit_code_on_error == 0  ? 1
                            : o->exit_code_on_error < 0 ? 0
                                                        : o->exit_code_on_error;
}

/* Makes an environment, or says why not on standard error. *code: 2 for a wrong option, else 1. */
static locust_env *locust__env_new(
    const locust_test *test, const locust_options *options, int *code)
{
    char text[512];
    const char *wrong = locust__setup_check(test, text, sizeof text);
    int level = options->loglevel ? locust__log_level(options->loglevel) : LOCUST__LOG_INFO, rc;
    locust_env *env = NULL;
    *code = 1;
    if (!wrong && level < 0)
        wrong = "the log level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL", *code = 2;
    if (!wrong && !(env = locust__memory_zalloc(sizeof *env)))
        wrong = "out of memory";
    if (wrong)
        goto fail;
    env->test = test;
    env->options = *options;
    locust__setup_defaults(&env->options);
    rc = locust__loop_open(&env->loop);
    if (rc < 0) {
        wrong = rc == -ENOTSUP
                    ? "this process runs under a locked hardware shadow stack, which coroutines "
                      "cannot: start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off"
                : LOCUST__WITH_EPOLL && (rc == -ENOSYS || rc == -EPERM)
                    ? "epoll is not to be had here: compile the test with -DLOCUST_POLL"
                : rc == -EMFILE ? "too few file descriptors: raise ulimit -n"
                                : strerror(-rc);
        LOCUST_FREE(env);
        env = NULL;
        goto fail;
    }
    rc = locust__log_open(&env->log,
        options->quiet && level < LOCUST__LOG_ERROR ? LOCUST__LOG_ERROR : level, options->logfile);
    locust__stats_init(&env->stats);
    env->loop.blocked = locust__usage_on_blocked;
    env->loop.blocked_arg = env;
    env->loop.prefetch_user = locust__start_prefetch;
    env->services.loop = &env->loop;
    env->services.log = &env->log;
    env->services.recorder =
        (locust__recorder){.stats = &env->stats, .env = env, .phases = options->phases};
    locust__setup_listeners(env);
    locust__setup_watch_requests(env);
    locust__net_init(&env->services.net, &env->loop, &env->log);
    env->services.net.users = env->options.users;
    env->services.net.no_arrivals = env->options.no_arrival_times;
    locust__resolver_init(&env->services.resolver, &env->services.net, &env->services.arena);
    env->services.worker = options->worker_index > 0 ? (size_t)options->worker_index : 0;
    env->services.n_workers = options->worker_count > 0 ? (size_t)options->worker_count : 1;
    env->users.services = &env->services;
    env->users.env = env;
    env->users.request_stop = locust__env_request_stop;
    env->users.on_empty = locust__runner_on_empty;
    env->users.on_error = locust__setup_on_user_error;
    env->users.tags = (locust__tags){options->tags, options->exclude_tags};
    if (rc < 0) {
        snprintf(
            text, sizeof text, "cannot write the log file %s: %s", options->logfile, strerror(-rc));
        wrong = text;
        goto fail;
    }
    wrong = locust__setup_network(env, text, sizeof text);
    if (!wrong)
        wrong = locust__setup_shape(env, options);
    if (wrong) {
        *code = LOCUST__EXIT_USAGE;
        goto fail;
    }
    wrong = locust__setup_classes(env, text, sizeof text);
    if (wrong && strncmp(wrong, "--", 2) == 0)
        *code = LOCUST__EXIT_USAGE;
    if (wrong)
        goto fail;
    LOCUST__ENV_FIRE(env, on_init, env);
    return env;
fail:
    locust__say("%s", wrong);
    if (env)
        locust__env_free(env);
    return NULL;
}
