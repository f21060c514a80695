/* ============================================================================================
 * >>classes  the user classes of a run
 *
 * Purpose     take over the test's classes and what options say about them: order, --config-users,
 *             arrivals, tasks by tags, proxy, TLS, host.
 * Invariants  the test's own structs are never written to: what --config-users changes is a copy.
 * Names       locust__classes_
 * Uses        >>tls >>proxy >>route >>base_url >>fault >>task >>class >>env >>config_users
 * Sources     Locust 2.46: classes in order of name.
 * ============================================================================================ */

/* Does class i have a name of its own? Options and reports go by it. As in Locust. */
static bool locust__classes_check_name(const locust_test *test, int i, locust__fault *fault)
{
    for (int k = 0; k < i; k++)
        if (test->users[k] == test->users[i])
            return locust__fault_set(fault, LOCUST__EXIT_USAGE,
                "user class %s is listed twice in .users", test->users[i]->name);
        else if (strcmp(test->users[k]->name, test->users[i]->name) == 0)
            return locust__fault_set(fault, LOCUST__EXIT_USAGE,
                "two user classes are named %s: give one another name", test->users[i]->name);
    return true;
}

/* Can the test's classes be run, before any option is looked at? */
static bool locust__classes_check(const locust_test *test, locust__fault *fault)
{
    bool any = false;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        if (!locust__class_check(test->users[i], fault) ||
            !locust__classes_check_name(test, i, fault))
            return false;
        any |= locust__class_gets_users(test->users[i]);
    }
    return any || locust__fault_set(fault, LOCUST__EXIT_USAGE,
                      "no user class with a weight: give the test .users = { &YourClass }");
}

/* Copies the test's list of classes, sorted by name. Equals keep their order. */
static bool locust__classes_list(locust_env *env, locust__fault *fault)
{
    const locust_user_class *const *users = env->test->users;
    const locust_user_class *sorted[LOCUST_CLASSES_MAX];
    int n = 0;
    for (; n < LOCUST_CLASSES_MAX && users[n]; n++) {
        int at = n;
        for (; at && strcmp(sorted[at - 1]->name, users[n]->name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = users[n];
    }
    env->classes = locust__memory_zalloc((size_t)n * sizeof *env->classes);
    if (!env->classes)
        return locust__fault_memory(fault);
    for (int i = 0; i < n; i++)
        locust__class_init(&env->classes[i], sorted[i]);
    env->n_classes = n;
    return true;
}

static bool locust__classes_configure(locust_env *env, locust__fault *fault)
{
    if (!env->options.config_users)
        return true;
    if (!locust__config_users_apply(env, env->options.config_users, fault))
        return false;
    for (int i = 0; i < env->n_classes; i++)
        if (locust__class_gets_users(env->classes[i].as))
            return true;
    return locust__fault_set(
        fault, LOCUST__EXIT_USAGE, "--config-users leaves no user class with a weight");
}

/* Takes a class out of the run. */
static void locust__classes_remove(locust_env *env, int at)
{
    LOCUST_FREE(env->classes[at].tasks);
    env->n_classes--;
    for (int i = at; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        *cls = env->classes[i + 1];
        if (cls->as != cls->declared)
            cls->as = &cls->changed; // it has moved
    }
}

/* Makes the plans of all classes. One that the tags leave without tasks gets no users; in Locust it
 * gets them, and each of them fails. */
static bool locust__classes_plan(locust_env *env, locust__fault *fault)
{
    const locust__tags *tags = &env->users.tags;
    bool any = false, only = env->n_classes == 1;
    for (int i = 0; i < env->n_classes;) {
        locust__class *cls = &env->classes[i];
        if (only ? !locust__class_plan(cls, tags, fault)
                 : !locust__class_plan_left(cls, tags, fault))
            return false;
        any |= cls->plan && locust__class_gets_users(cls->as);
        i += cls->plan != NULL;
        if (cls->plan)
            continue;
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "root",
            "%s had no tasks left after filtering: it gets no users", cls->as->name);
        locust__classes_remove(env, i);
    }
    return any || locust__fault_set(fault, LOCUST__EXIT_USAGE,
                      "no user class with a weight has tasks left by --tags and --exclude-tags");
}

/* Gives a class its queue of arrivals. `share`: of --rate or of --stages, for a class without a
 * rate of its own. */
static bool locust__classes_add_arrivals(
    locust_env *env, locust__class *cls, double share, locust__fault *fault)
{
    const locust_options *o = &env->options;
    locust__arrival_queue *queue = cls->arrivals = locust__memory_zalloc(sizeof *queue);
    if (!queue)
        return locust__fault_memory(fault);
    queue->env = env;
    queue->as = cls->as->arrivals;
    if (!(queue->as.rate > 0)) {
        queue->share = share;
        queue->as.poisson |= o->poisson;
        queue->as.max = o->max_in_flight;
        queue->as.patience_s = o->patience_s;
    }
    if (queue->as.max <= 0)
        queue->as.max = 10000;
    if (!(queue->as.patience_s > 0) && !(queue->as.patience_s < 0))
        queue->as.patience_s = 10;
    env->services.recorder.has_arrivals = true;
    return true;
}

/* Finds out which classes have arrivals: those with a rate of their own and, under --rate,
 * --find-max or --stages with "/s", the others by weight. */
static bool locust__classes_arrivals(locust_env *env, locust__fault *fault)
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
    shared = o->rate > 0 || (env->stages.n && env->stages.items->rate);
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        double weight = locust__class_weight(cls->as);
        if ((cls->as->arrivals.rate > 0 || (shared && weight > 0)) &&
            !locust__classes_add_arrivals(env, cls, weight / total, fault))
            return false;
    }
    return true;
}

/* What speaks HTTP/2: any class that names it brings it in, and so does LOCUST_HTTP2. NULL: this
 * test has none. */
static const locust_http_version *locust__classes_http2(const locust_env *env)
{
#if LOCUST__WITH_HTTP2
    (void)env;
    return LOCUST_HTTP_2;
#else
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].as->http_version)
            return env->classes[i].as->http_version;
    return NULL;
#endif
}

/* Takes the version of HTTP that a class speaks. */
static bool locust__classes_version(const locust_env *env, locust__class *cls, locust__fault *fault)
{
    const locust_http_version *version = cls->as->http_version;
    locust__route *route = &cls->route;
    if (env->options.http2 && !version)
        version = locust__classes_http2(env);
    if (env->options.http2 && !version)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--http2: this test was compiled without HTTP/2: give a user class .http_version = "
            "LOCUST_HTTP_2, or compile it with -DLOCUST_HTTP2");
    if (!version)
        return true;
    route->http2 = version->engine;
    route->http_auto = version->chosen_by_server && !env->options.http2;
    route->tls.http = route->http_auto ? LOCUST__TLS_ALPN_BOTH : LOCUST__TLS_ALPN_H2;
    route->tunnels = !route->http_auto;
    return true;
}

/* Says how the users of a class reach servers. Options go before the class's own fields. */
static bool locust__classes_route(
    locust__class *cls, locust__arena *arena, const locust_options *o, locust__fault *fault)
{
    const locust_user_class *as = cls->as;
    locust__route *route = &cls->route;
    const char *proxy = o->proxy ? o->proxy : as->proxy;
    route->tls = (locust__tls_how){.ca_file = o->ca_file ? o->ca_file : as->ca_file,
        .cert_file = o->cert_file ? o->cert_file : as->cert_file,
        .key_file = o->cert_file ? o->key_file : as->key_file, // the key goes with its certificate
        .insecure = o->insecure || as->insecure,
        .http = LOCUST__TLS_ALPN_HTTP_1};
    if (route->tls.key_file && !route->tls.cert_file)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "%s: .key_file is the private key of a client certificate: name that by .cert_file",
            as->name);
    route->unix_socket = o->unix_socket ? o->unix_socket : as->unix_socket;
    route->direct = proxy && !*proxy;
    route->ask_keep_alive = (o->ask_keep_alive || as->ask_keep_alive) && !as->no_keep_alive;
    cls->shared.limit = as->pool;
    if (locust__proxy_parse(&route->proxy, arena, proxy ? proxy : ""))
        return true;
    if (o->proxy)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "--proxy takes a URL such as http://user:password@127.0.0.1:3128, not \"%s\"", proxy);
    return locust__fault_set(fault, LOCUST__EXIT_USAGE,
        "the proxy of user class %s is not a URL such as http://user:password@127.0.0.1:3128",
        as->name);
}

/* A host that has a scheme which is hardly meant so: htp://, httpp://. Any other may be that of a
 * protocol of the test's own. */
static bool locust__classes_scheme(const char *host, locust__fault *fault)
{
    const char *end = strstr(host, "://");
    locust__view scheme = {host, end ? (size_t)(end - host) : 0};
    static const char *const known[] = {"http", "https"};
    if (!end || locust__view_is_nocase(scheme, known[0]) ||
        locust__view_is_nocase(scheme, known[1]))
        return true;
    for (int i = 0; i < 2; i++)
        if (locust__text_distance(scheme, locust__view_of(known[i])) == 1)
            return locust__fault_set(fault, LOCUST__EXIT_USAGE,
                "host \"%s\" has an unknown scheme: did you mean %s%s?", host, known[i], end);
    return true;
}

/* Takes the host of a class apart. No host is fine: its tasks may use absolute URLs alone. */
static bool locust__classes_host(locust_env *env, locust__class *cls, locust__fault *fault)
{
    const char *broken = NULL;
    locust_error error;
    cls->host = env->options.host ? env->options.host : cls->as->host;
    if (!cls->host)
        return true;
    if (!locust__classes_scheme(cls->host, fault))
        return false;
    error = locust__base_url_parse(&env->services, cls->host, &cls->base, &broken);
    if (broken)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE, "%s", broken);
    if (error == LOCUST_ERR_SCHEME || strncmp(cls->host, "unix:", 5) == 0 ||
        strncmp(cls->host, "postgres", 8) == 0) // whose URL may have no host
        cls->base.text = cls->host;             // a protocol of the test's own: tcp://, unix:
    else if (error)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "host \"%s\" of user class %s is not a URL such as http://127.0.0.1:8080", cls->host,
            cls->as->name);
    return true;
}

static bool locust__classes_init(locust_env *env, locust__fault *fault)
{
    if (!locust__classes_list(env, fault) || !locust__classes_configure(env, fault) ||
        !locust__classes_plan(env, fault) || !locust__classes_arrivals(env, fault))
        return false;
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        if (!locust__classes_route(cls, &env->services.arena, &env->options, fault) ||
            !locust__classes_version(env, cls, fault) || !locust__classes_host(env, cls, fault))
            return false;
    }
    return true;
}

static void locust__classes_free(locust_env *env)
{
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        locust__base_url_free(&cls->base);
        locust__plan_free(cls->plan);
        if (cls->arrivals)
            LOCUST_FREE(cls->arrivals->backlog);
        LOCUST_FREE(cls->arrivals);
        LOCUST_FREE(cls->tasks);
    }
    LOCUST_FREE(env->classes);
}
