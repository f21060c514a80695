/* ============================================================================================
 * >>setup  making an environment
 *
 * Purpose     takes test and options apart; whatever is wrong is one sentence before the first
 *             user.
 * Invariants  locust__env_new either returns a whole environment or has given everything back.
 * Names       locust__setup_ locust__env_new locust__env_free
 * Uses        >>loop >>stats >>record >>source >>net >>resolve >>lookup >>tls >>tls_state
 *             >>tls_version >>extract >>proxy >>connect_to >>services >>fault >>task >>user
 *             >>start >>control >>feed >>stages >>dispatch >>env >>target >>stall >>blocked
 *             >>ramp >>classes >>listeners >>message >>own_option >>unused
 * ============================================================================================ */

/* Fills in the defaults of the options that are read more than once. */
static void locust__setup_defaults(locust_options *o)
{
    if (o->users == 0)
        o->users = 1;
    if (o->users < 0)
        o->users = 0;
    if (!(o->spawn_rate > 0))
        o->spawn_rate = 1;
    if (o->worker) { // the master has the say, and the figures
        o->run_time_s = o->abort_on_fail_s = 0;
        o->csv = o->checks = o->find_max = o->junit = o->summary = o->baseline = o->hgrm = NULL;
        o->json_file = NULL;
        o->json = false;
        o->otlp = o->influx = o->statsd = o->metrics_file = NULL;
        o->otel = false;
        o->target_pid = 0;
        o->target_cgroup = NULL;
    }
    o->exit_code_on_error = o->exit_code_on_error == 0  ? 1
                            : o->exit_code_on_error < 0 ? 0
                                                        : o->exit_code_on_error;
}

static bool locust__setup_log_level(const locust_options *o, int *level, locust__fault *fault)
{
    *level = o->loglevel ? locust__log_level(o->loglevel) : LOCUST__LOG_INFO;
    if (*level < 0)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "the log level must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL");
    if (o->quiet && *level < LOCUST__LOG_ERROR)
        *level = LOCUST__LOG_ERROR;
    return true;
}

static bool locust__setup_loop(locust_env *env, locust__fault *fault)
{
    int rc = locust__loop_open(&env->loop);
    if (rc >= 0)
        return true;
    if (rc == -ENOTSUP)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "this process runs under a locked hardware shadow stack, which coroutines cannot: "
            "start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off");
    if (LOCUST__WITH_EPOLL && (rc == -ENOSYS || rc == -EPERM))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "epoll is not to be had here: compile the test with -DLOCUST_POLL");
    return locust__fault_set(fault, LOCUST__EXIT_USAGE, "%s",
        rc == -EMFILE ? "too few file descriptors: raise ulimit -n" : strerror(-rc));
}

static bool locust__setup_log(locust_env *env, int level, locust__fault *fault)
{
    const char *path = env->options.logfile;
    int rc = locust__log_open(&env->log, level, path);
    return rc >= 0 || locust__fault_set(fault, LOCUST__EXIT_USAGE,
                          "cannot write the log file %s: %s", path, strerror(-rc));
}

/* Makes an environment that has what can fail to be opened, a loop and a log, and nothing else yet.
 * NULL: there is a fault. */
static locust_env *locust__setup_open(
    const locust_test *test, const locust_options *options, int level, locust__fault *fault)
{
    locust_env *env = locust__memory_zalloc(sizeof *env);
    if (!env) {
        locust__fault_memory(fault);
        return NULL;
    }
    env->test = test;
    env->options = *options;
    env->own_users = options->users != 0;
    env->own_rate = options->spawn_rate > 0;
    locust__setup_defaults(&env->options);
    if (!locust__setup_loop(env, fault))
        goto free_env;
    if (!locust__setup_log(env, level, fault))
        goto close_loop;
    return env;
close_loop:
    locust__loop_close(&env->loop);
free_env:
    LOCUST_FREE(env);
    return NULL;
}

static locust__tls_options locust__setup_tls(const locust_options *o)
{
    return (locust__tls_options){
        o->tls_min, o->tls_max, o->ciphers, o->no_tls_resume, o->max_handshakes};
}

/* Connects the parts of an environment. Nothing here can fail. */
static void locust__setup_services(locust_env *env)
{
    const locust_options *o = &env->options;
    locust__services *sv = &env->services;
    locust__tls_options tls = locust__setup_tls(o);
    locust__stats_init(&env->stats);
    env->loop.blocked = locust__blocked_count;
    env->loop.no_stack = locust__ramp_no_stack;
    env->loop.clock_set = locust__stall_clock_set;
    env->loop.told_arg = env;
    env->loop.prefetch_user = locust__start_prefetch;
    env->loop.where = locust__user_where;
    env->loop.misused = locust__control_misused;
    env->loop.misused_arg = &env->users;
    sv->loop = &env->loop;
    sv->log = &env->log;
    sv->recorder = (locust__recorder){.stats = &env->stats, .env = env, .phases = o->phases};
    locust__net_init(&sv->net, &env->loop, &env->log);
    sv->net.users = o->users;
    sv->net.no_arrivals = o->no_arrival_times;
    locust__resolver_init(&sv->resolver, &sv->net, &sv->arena);
    locust__tls_init(&sv->tls, &env->loop, &env->log, &sv->arena, &tls);
    env->users.services = sv;
    env->users.env = env;
    env->users.worker = o->worker_index > 0 ? (size_t)o->worker_index : 0;
    env->users.n_workers = o->worker_count > 0 ? (size_t)o->worker_count : 1;
    if (o->seed > 0) { // processes that share a test make different choices
        env->users.seed = (uint64_t)o->seed << 20 | env->users.worker;
        env->loop.random = env->users.seed;
    }
    env->users.tags = (locust__tags){o->tags, o->exclude_tags};
    env->users.request_stop = locust__env_request_stop;
    env->users.on_empty = locust__env_wake;
    locust__listeners_init(env);
    locust__message_init(env);
}

/* Reads the options about the network. */
static bool locust__setup_network(locust_env *env, locust__fault *fault)
{
    const locust_options *o = &env->options;
    locust__services *sv = &env->services;
    locust__tls_options tls = locust__setup_tls(o);
    const char *wrong = locust__tls_check(&tls);
    if (wrong)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE, "%s", wrong);
    if (o->key_file && !o->cert_file)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--key %s is the private key of a client certificate: name that by --cert",
            o->key_file);
    if (o->proxy_from_env)
        wrong = locust__proxy_env_read(&sv->proxies, &sv->arena);
    if (wrong)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "the proxy \"%s\" of the environment is not a URL such as "
            "http://user:password@127.0.0.1:3128",
            wrong);
    if (o->source && !locust__sources_read(&sv->net.sources, o->source))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--source takes addresses such as 127.0.0.2,10.0.0.5-10.0.0.9,127.0.1.0/28,::1, not "
            "\"%.200s\"",
            o->source);
    if (o->connect_to && !locust__connect_to_parse(&sv->connect_to, &sv->arena, o->connect_to))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--connect-to takes HOST1:PORT1:HOST2:PORT2, several separated by blanks, not "
            "\"%.200s\"",
            o->connect_to);
    if (o->resolve && !locust__lookup_pin(&sv->resolver, o->resolve))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--resolve takes HOST:PORT:ADDRESS[,ADDRESS], several separated by blanks, not "
            "\"%.200s\"",
            o->resolve);
    return true;
}

/* --stages as a load shape. */
LOCUST__COLD static bool locust__setup_stages_tick(locust_env *env, locust_tick *tick)
{
    return locust__stages_tick(&env->stages, locust__env_run_time(env), tick);
}

/* Decides what drives the users: --stages, the test's load shape, or --users. */
static bool locust__setup_shape(locust_env *env, locust__fault *fault)
{
    const char *stages = env->options.stages;
    char why[256];
    env->shape = env->test->shape;
    if (stages) {
        if (!locust__stages_parse(&env->stages, stages))
            return locust__fault_set(fault, LOCUST__EXIT_USAGE, "--stages '%.200s': %s", stages,
                locust__stages_why(stages, why, sizeof why) ? why : "out of memory");
        env->shape = env->stages.items->rate ? NULL : locust__setup_stages_tick;
    }
    if (stages)
        env->options.rate = 0;
    env->own_shape = env->shape;
    return true;
}

static bool locust__setup_dispatch(locust_env *env, locust__fault *fault)
{
    return locust__dispatch_init(&env->dispatch, env->classes, env->n_classes) ||
           locust__fault_memory(fault);
}

static bool locust__setup_worker(const locust_env *env, locust__fault *fault)
{
    if (env->options.worker && !LOCUST__WITH_FLEET)
        return locust__fault_set(
            fault, LOCUST__EXIT_USAGE, "--worker: this test was compiled with LOCUST_NO_FLEET");
    if (env->options.master && !LOCUST__WITH_FLEET)
        return locust__fault_set(
            fault, LOCUST__EXIT_USAGE, "--master: this test was compiled with LOCUST_NO_FLEET");
    if (env->options.master && env->options.worker)
        return locust__fault_set(
            fault, LOCUST__EXIT_USAGE, "--master and --worker: a process is one of the two");
    if (env->options.master && env->options.find_max)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--find-max searches in one process: it goes without --master");
    if (env->options.master_port > 65535 || env->options.master_bind_port > 65535)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--master-port and --master-bind-port take a port from 1 to 65535, not %d",
            env->options.master_port > 65535 ? env->options.master_port
                                             : env->options.master_bind_port);
    return env->users.worker < env->users.n_workers ||
           locust__fault_set(fault, LOCUST__EXIT_USAGE,
               "--worker-index counts from 0 and lies below --worker-count");
}

/* Frees an environment: what locust__setup_open and what came after it have made, backwards. */
static void locust__env_free(locust_env *env)
{
    locust__dispatch_deinit(&env->dispatch);
    locust__classes_free(env);
    LOCUST_FREE(env->stages.items);
    locust__feed_close_all(env->users.feeders);
    locust__buf_free(&env->services.auth);
    locust__pattern_free_all(env->services.patterns);
    locust__tls_free(&env->services.tls);
    if (env->services.recorder.tallies)
        env->services.recorder.tallies->free(env->services.recorder.tallies);
    locust__arena_free(&env->services.arena);
    locust__stats_free(&env->stats);
    locust__log_close(&env->log);
    locust__loop_close(&env->loop);
    LOCUST_FREE(env);
}

/* Makes an environment. NULL: it could not be made; standard error says why, and *code is the exit
 * code for it. */
static locust_env *locust__env_new(
    const locust_test *test, const locust_options *options, int *code)
{
    locust__fault fault = {.code = 0};
    locust__locale locale = locust__locale_enter(); // for the numbers of a fault
    int level;
    locust_env *env = NULL;
    if (locust__classes_check(test, &fault) && locust__setup_log_level(options, &level, &fault))
        env = locust__setup_open(test, options, level, &fault);
    if (!env)
        goto fail;
    locust__setup_services(env);
    if (!locust__setup_network(env, &fault) || !locust__setup_shape(env, &fault) ||
        !locust__setup_worker(env, &fault) || !locust__target_check(&env->options, &fault) ||
        !locust__own_option_check(env, &fault) || !locust__classes_init(env, &fault) ||
        !locust__setup_dispatch(env, &fault))
        goto fail;
    locust__unused_look(env, options);
    locust__locale_leave(locale);
    LOCUST__ENV_FIRE(env, on_init, .number = 0);
    return env;
fail:
    locust__locale_leave(locale);
    locust__say("%s", fault.text);
    *code = fault.code;
    if (env)
        locust__env_free(env);
    return NULL;
}
