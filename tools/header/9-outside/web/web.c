/* ============================================================================================
 * >>web  the web interface: its state, its log, its address
 *
 * Purpose     what all answers of the web interface share; opens it before the run, so that a port
 *             in use costs none.
 * Invariants  one web interface for each run of a command. What a form asks for of the next test
 *             waits here until the present one is over.
 * Cost        500 lines of the log, some 60 KB; nothing while nobody asks.
 * Names       locust__web locust__web_
 * Uses        >>co >>fd >>address >>net >>httpd >>result >>history >>web_seen >>web_guard
 *             >>web_tls
 * Sources     Locust 2.47 (reference run): log lines, the 500 of them, exit code 2.
 * ============================================================================================ */

enum {
    LOCUST__WEB_LINES = 500,
    LOCUST__WEB_PORT = 8089,
    LOCUST__WEB_USERS = 65536, // bytes of changes to user classes that wait
    LOCUST__WEB_CACHED_MS = 500
};

typedef struct locust__web_cached { // an answer that several ask for at once
    locust__buf text;
    const char *state;
    double after;
    int users;
    int64_t at_ns; // 0: there is none
} locust__web_cached;

typedef struct locust__web {
    locust_env *env;
    locust__seen seen;
    locust__net net;
    locust__httpd serve;
    locust__web_tls *tls; // NULL: plain http
    locust__guard guard;
    locust__addr at;
    char base[256]; // what all paths begin with; "": nothing
    int guessing;   // requests that wait for the answer to a wrong password
    // What the form asks for of the next test.
    bool start_due;
    char *host;                        // NULL: as it is
    char *own[LOCUST_OWN_OPTIONS_MAX]; // of the test's options; NULL: as it is
    locust_pair *pairs;                // all values that are in force; of the environment's memory
    const locust_user_class *chosen[2][LOCUST_CLASSES_MAX + 1]; // turn by turn
    int chosen_now;                                             // of the two; -1: no choice
    bool no_shape;                                              // the form has chosen "Default"
    locust__buf users; // objects of JSON, each with a '\0' behind
    // The lines of the log, the oldest at `first`.
    char *lines[LOCUST__WEB_LINES];
    size_t first, n_lines;
    locust__queue stops; // those who wait for the end of the test
    locust__web_cached requests, state;
} locust__web;

/* Is told of each line of the log. */
LOCUST__COLD static void locust__web_keep_line(void *arg, const char *line, size_t n)
{
    locust__web *w = arg;
    char *copy = locust__text_copy(line, n && line[n - 1] == '\n' ? n - 1 : n);
    if (!copy)
        return;
    if (w->n_lines == LOCUST__WEB_LINES) {
        LOCUST_FREE(w->lines[w->first]);
        w->lines[w->first] = copy;
        w->first = (w->first + 1) % LOCUST__WEB_LINES;
    } else {
        w->lines[(w->first + w->n_lines++) % LOCUST__WEB_LINES] = copy;
    }
}

/* Reads --web-host and --web-port. NULL, or what is wrong. */
LOCUST__COLD static const char *locust__web_address(locust__web *w)
{
    const locust_options *o = &w->env->options;
    const char *host = !o->web_host || strcmp(o->web_host, "localhost") == 0 ? "127.0.0.1"
                       : strcmp(o->web_host, "*") == 0                       ? "0.0.0.0"
                                                                             : o->web_host;
    int port = !o->web_port ? LOCUST__WEB_PORT : o->web_port < 0 ? 0 : o->web_port;
    if (port > 65535)
        return "--web-port takes a port from 0 to 65535";
    return locust__addr_parse(&w->at, host, port)
               ? NULL
               : "--web-host takes an address of this machine, such as 127.0.0.1, ::1 or 10.0.0.7; "
                 "* for all of them; a name goes to --web-host-display-name";
}

/* Reads --web-base-path: a '/' in front, none behind. NULL, or what is wrong. */
LOCUST__COLD static const char *locust__web_base(locust__web *w)
{
    const char *path = w->env->options.web_base_path;
    size_t n = path ? strlen(path) : 0;
    while (n && path[n - 1] == '/')
        n--;
    if (n + 2 > sizeof w->base)
        return "--web-base-path is too long";
    for (size_t i = 0; i < n; i++)
        if (!locust__text_is_alnum(path[i]) && !strchr("-._~/", path[i]))
            return "--web-base-path takes a path of letters, digits and -._~/";
    if (n)
        snprintf(w->base, sizeof w->base, "%s%.*s", *path == '/' ? "" : "/", (int)n, path);
    return NULL;
}

/* NULL, or what is wrong with the options. */
LOCUST__COLD static const char *locust__web_options(locust__web *w)
{
    const locust_options *o = &w->env->options;
    const char *wrong = locust__web_address(w);
    if (!wrong)
        wrong = locust__web_base(w);
    if (!wrong && o->web_login && !strchr(o->web_login, ':'))
        wrong = "--web-login takes USER:PASSWORD";
    if (!wrong && !o->tls_cert != !o->tls_key)
        wrong = "--tls-cert and --tls-key, the certificate and its private key, go together";
    if (!wrong && o->tls_cert)
        w->tls = locust__web_tls_open(w->env, o->tls_cert, o->tls_key, &wrong);
    return wrong;
}

LOCUST__COLD static void locust__web_free(locust__web *w)
{
    if (!w)
        return;
    if (w->env->log.copy_arg == w)
        w->env->log.copy = NULL;
    locust__web_tls_free(w->tls);
    if (w->serve.net)
        locust__fd_close(&w->env->loop, &w->serve.listener);
    for (size_t i = 0; i < w->n_lines; i++)
        LOCUST_FREE(w->lines[i]);
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX; i++)
        LOCUST_FREE(w->own[i]);
    LOCUST_FREE(w->host);
    LOCUST_FREE(w->seen.profile);
    locust__buf_free(&w->users);
    locust__buf_free(&w->requests.text);
    locust__buf_free(&w->state.text);
    LOCUST_FREE(w);
}

/* Says where it is, and who may come. */
LOCUST__COLD static void locust__web_announce(const locust__web *w)
{
    const locust_options *o = &w->env->options;
    const char *scheme = o->tls_cert ? "https" : "http";
    char host[INET6_ADDRSTRLEN + 2] = "";
    bool six = w->at.as.any.sa_family == AF_INET6;
    int port = ntohs(six ? w->at.as.in6.sin6_port : w->at.as.in.sin_port);
    bool own = six ? IN6_IS_ADDR_LOOPBACK(&w->at.as.in6.sin6_addr)
                   : ntohl(w->at.as.in.sin_addr.s_addr) >> 24 == 127;
    const void *address = six ? (const void *)&w->at.as.in6.sin6_addr : &w->at.as.in.sin_addr;
    host[0] = '[';
    inet_ntop(w->at.as.any.sa_family, address, host + six, sizeof host - 1);
    if (six)
        strcat(host, "]");
    if (o->web_host_display_name)
        locust__log_print(&w->env->log, LOCUST__LOG_INFO, "locust.main",
            "Starting web interface at %s (port %d)", o->web_host_display_name, port);
    else
        locust__log_print(&w->env->log, LOCUST__LOG_INFO, "locust.main",
            "Starting web interface at %s://%s:%d%s", scheme, host, port, w->base);
    if (!own && !o->web_login)
        locust__log_print(&w->env->log, LOCUST__LOG_WARNING, "locust.main",
            "Whoever reaches %s can start tests from here: --web-login USER:PASSWORD asks for a "
            "password",
            host);
}

/* What >>httpd calls on a new connection of https. */
LOCUST__COLD static bool locust__web_secure(
    void *arg, locust_stream *s, int64_t deadline_ns) LOCUST__PARKS
{
    return locust__web_tls_shake(((locust__web *)arg)->tls, s, deadline_ns);
}

/* Opens the web interface. NULL: it cannot be, and a line on standard error says why. */
LOCUST__COLD static locust__web *locust__web_open(
    locust_env *env, locust__result *result, const locust__history *history)
{
    locust__web *w = locust__memory_zalloc(sizeof *w);
    locust_error error;
    const char *wrong;
    locust_pair *pairs =
        locust__arena_zalloc(&env->services.arena, (LOCUST_OWN_OPTIONS_MAX + 1) * sizeof *pairs);
    if (!w || !pairs) {
        LOCUST_FREE(w);
        locust__say("out of memory");
        return NULL;
    }
    w->env = env;
    w->pairs = pairs;
    w->chosen_now = -1;
    w->serve.listener.watch.fd = -1;
    locust__seen_init(&w->seen, env, result, history);
    locust__guard_init(&w->guard, env->options.web_host_display_name, env->options.web_login);
    locust__net_init(&w->net, &env->loop, &env->log);
    w->net.no_arrivals = true;
    wrong = locust__web_options(w);
    if (wrong) {
        locust__say("%s", wrong);
        locust__web_free(w);
        return NULL;
    }
    error = locust__httpd_open(&w->serve, &w->net, &w->at, w);
    if (error) {
        const char *host = env->options.web_host ? env->options.web_host : "127.0.0.1";
        int port = env->options.web_port ? env->options.web_port : LOCUST__WEB_PORT;
        if (error == LOCUST_ERR_PORTS)
            locust__say("cannot serve the web interface at %s:%d: that port is in use, or the "
                        "address is not this machine's: --web-port takes another port, "
                        "--headless runs without",
                host, port);
        else
            locust__say("cannot serve the web interface at %s:%d: %s", host, port,
                locust__error_text(error));
        locust__web_free(w);
        return NULL;
    }
    w->serve.secure = w->tls ? locust__web_secure : NULL;
    env->log.copy = locust__web_keep_line;
    env->log.copy_arg = w;
    return w;
}
