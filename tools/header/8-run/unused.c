/* ============================================================================================
 * >>unused  options without effect
 *
 * Purpose     says of options that were given and change nothing in this test why they do not, a
 *             line for each reason.
 * Invariants  only what is certain before the run; what it shows at its end is for >>remarks.
 * Names       locust__unused_
 * Uses        >>proxy >>class >>process
 * ============================================================================================ */

typedef struct locust__unused_option {
    const char *name;
    bool given;
} locust__unused_option;

/* Writes the names of those that were given: "--a, --b and --c". Returns how many they are. */
static int locust__unused_list(
    const locust__unused_option *options, size_t n, char *out, size_t size)
{
    int given = 0, written = 0;
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        given += options[i].given;
    *out = '\0';
    for (size_t i = 0; i < n && len < size; i++)
        if (options[i].given) {
            const char *between = !written ? "" : written + 1 < given ? ", " : " and ";
            len += (size_t)snprintf(out + len, size - len, "%s%s", between, options[i].name);
            written++;
        }
    return given;
}

static void locust__unused_say(const locust_env *env, const char *names, int given, const char *why)
{
    if (given)
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.main", "%s %s no effect %s",
            names, given > 1 ? "have" : "has", why);
}

/* Warns of those that were given. */
static void locust__unused_warn(
    const locust_env *env, const locust__unused_option *options, size_t n, const char *why)
{
    char names[256];
    int given = locust__unused_list(options, n, names, sizeof names);
    locust__unused_say(env, names, given, why);
}

/* The options about TLS that were given, as a list of names. Returns how many they are. */
static int locust__unused_tls(const locust_options *o, char *out, size_t size)
{
    const locust__unused_option options[] = {{"--cacert", o->ca_file != NULL},
        {"--insecure", o->insecure}, {"--cert", o->cert_file != NULL},
        {"--key", o->key_file != NULL}, {"--tls-min", o->tls_min != NULL},
        {"--tls-max", o->tls_max != NULL}, {"--ciphers", o->ciphers != NULL},
        {"--no-tls-resume", o->no_tls_resume}, {"--max-handshakes", o->max_handshakes > 0}};
    return locust__unused_list(options, sizeof options / sizeof *options, out, size);
}

/* Options about how many users there are, and how many arrivals. */
static void locust__unused_load(const locust_env *env, const locust_options *given)
{
    bool open = !env->shape, shared = false;
    const locust__unused_option users[] = {{"--users", given->users != 0},
        {"--spawn-rate", given->spawn_rate > 0}, {"--run-time", given->run_time_s > 0}};
    const locust__unused_option ramp[] = {
        users[0], users[1], {"--reset-stats", given->reset_stats}};
    const locust__unused_option rate = {"--rate", given->rate > 0};
    const locust__unused_option arrivals[] = {{"--poisson", given->poisson},
        {"--max-in-flight", given->max_in_flight > 0}, {"--patience", given->patience_s > 0}};
    for (int i = 0; i < env->n_classes; i++) {
        const locust__arrival_queue *queue = env->classes[i].arrivals;
        open &= queue != NULL;
        shared |= queue && queue->share > 0;
    }
    if (env->shape)
        locust__unused_warn(env, users, 3, "on a test with a load shape");
    if (open)
        locust__unused_warn(env, ramp, 3, "on a test of arrivals, where no users are spawned");
    if (env->stages.n)
        locust__unused_warn(env, &rate, 1, "beside --stages");
    else if (!shared)
        locust__unused_warn(env, &rate, 1, "on a test whose classes all have .arrivals");
    if (!shared)
        locust__unused_warn(
            env, arrivals, 3, "without arrivals by --rate, --find-max or --stages with /s");
}

/* Options about the way to the server. */
static void locust__unused_network(const locust_env *env)
{
    const locust_options *o = &env->options;
    const locust__proxy_env *found = &env->services.proxies;
    const locust__unused_option by_socket[] = {{"--proxy", o->proxy && *o->proxy},
        {"--proxy-from-env", o->proxy_from_env}, {"--connect-to", o->connect_to != NULL}};
    const locust__unused_option from_env = {"--proxy-from-env", o->proxy_from_env};
    const locust__unused_option ca = {"--cacert", o->ca_file != NULL};
    char names[256];
    if (o->unix_socket)
        locust__unused_warn(env, by_socket, 3, "beside --unix-socket");
    else if (o->proxy)
        locust__unused_warn(env, &from_env, 1, "beside --proxy");
    else if (!found->http.host && !found->https.host)
        locust__unused_warn(
            env, &from_env, 1, "where neither http_proxy nor https_proxy nor all_proxy is set");
    if (LOCUST__WITH_TLS && o->insecure)
        locust__unused_warn(env, &ca, 1, "beside --insecure");
    if (!LOCUST__WITH_TLS)
        locust__unused_say(env, names, locust__unused_tls(o, names, sizeof names),
            "on a test that was compiled without LOCUST_TLS");
}

/* Options about what is the master's. */
static void locust__unused_worker(const locust_env *env, const locust_options *given)
{
    const locust__unused_option options[] = {{"--users", given->users != 0},
        {"--spawn-rate", given->spawn_rate > 0}, {"--run-time", given->run_time_s > 0},
        {"--csv", given->csv != NULL}, {"--check", given->checks != NULL},
        {"--find-max", given->find_max != NULL}, {"--junit", given->junit != NULL},
        {"--summary", given->summary != NULL}, {"--baseline", given->baseline != NULL},
        {"--hgrm", given->hgrm != NULL}};
    locust__unused_warn(env, options, sizeof options / sizeof *options,
        "on a worker: the master has the say, and the figures");
}

/* Options about workers, in a process that is no master. */
static void locust__unused_master(const locust_env *env, const locust_options *given)
{
    const locust__unused_option options[] = {
        {"--master-bind-host", given->master_bind_host != NULL},
        {"--master-bind-port", given->master_bind_port > 0},
        {"--expect-workers", given->expect_workers > 0},
        {"--expect-workers-max-wait", given->expect_workers_max_wait_s > 0},
        {"--fail-on-lost-workers", given->fail_on_lost_workers}};
    if (!given->master)
        locust__unused_warn(
            env, options, sizeof options / sizeof *options, "without --master or --processes");
}

/* `given`: the options before defaults were filled in. */
static void locust__unused_look(const locust_env *env, const locust_options *given)
{
    if (locust__process.forked) // one of several: the first one has said it
        return;
    locust__unused_master(env, given);
    if (given->worker) {
        locust__unused_worker(env, given);
        locust__unused_network(env);
        return;
    }
    locust__unused_load(env, given);
    locust__unused_network(env);
}
