/* ============================================================================================
 * >>options  options, environment variables, config files
 *
 * Purpose     Locust's options from Locust's places.
 * Invariants  the later place wins: ~/.locust.conf, ./locust.conf, the --config file, environment,
 *             command line. Whatever is wrong in any of them is one sentence and exit code 2.
 * Names       locust__option_ locust__options_ locust__settings_ locust__known_option
 * Sources     Locust 2.46 and 2.47 (reference runs): names, defaults, spans, exit codes, prefixes.
 * Limits      no pyproject.toml. Options of Locust that this version lacks are refused by name.
 * ============================================================================================ */

typedef struct locust__settings { // what the command line can say
    locust_options options;
    bool headless, list, show_task_ratio, version, help;
    char *config;
    const char *classes[LOCUST_CLASSES_MAX]; // the user classes asked for; none: all
    int n_classes;
    locust__buf files[4];             // texts that settings point into
    locust__buf lists[2];             // likewise, of --check and --find-max
    struct locust__known_option *own; // those that the test declares, n_own of them
    int n_own;
    locust_pair own_values[LOCUST_OWN_OPTIONS_MAX + 1];
} locust__settings;

enum locust__option_kind {
    LOCUST__OPTION_FLAG,
    LOCUST__OPTION_TEXT,
    LOCUST__OPTION_USERS,
    LOCUST__OPTION_RATE,
    LOCUST__OPTION_SPAN,
    LOCUST__OPTION_LEVEL,
    LOCUST__OPTION_CODE,
    LOCUST__OPTION_COUNT,
    LOCUST__OPTION_NUMBER,
    LOCUST__OPTION_LIST,     // given more than once it adds up
    LOCUST__OPTION_OWN,      // of the test, with a value
    LOCUST__OPTION_OWN_FLAG, // likewise, a switch
    LOCUST__OPTION_IGNORED,  // Locust's, without a meaning here
    LOCUST__OPTION_MISSING,  // Locust's, not in this version; takes a value
    LOCUST__OPTION_MISSING_FLAG,
};

typedef struct locust__known_option {
    const char *name;
    char letter;
    enum locust__option_kind kind;
    const char *env; // NULL: none
    size_t offset;   // in locust__settings
    const char *value, *help;
} locust__known_option;

#define LOCUST__OPTION_SETTING(field) offsetof(locust__settings, field)
// clang-format off
static const locust__known_option locust__options_known[] = {
    { "help", 'h', LOCUST__OPTION_FLAG, NULL, LOCUST__OPTION_SETTING(help), NULL, "this text" },
    { "version", 'V', LOCUST__OPTION_FLAG, NULL, LOCUST__OPTION_SETTING(version),
      NULL, "print the version" },
    { "host", 'H', LOCUST__OPTION_TEXT, "LOCUST_HOST", LOCUST__OPTION_SETTING(options.host),
      "URL", "base URL of all user classes, such as http://127.0.0.1:8080" },
    { "users", 'u', LOCUST__OPTION_USERS, "LOCUST_USERS", LOCUST__OPTION_SETTING(options.users),
      "N", "peak number of users (1)" },
    { "spawn-rate", 'r', LOCUST__OPTION_RATE, "LOCUST_SPAWN_RATE", LOCUST__OPTION_SETTING(options.spawn_rate),
      "PER_S", "users to start a second (1)" },
    { "run-time", 't', LOCUST__OPTION_SPAN, "LOCUST_RUN_TIME", LOCUST__OPTION_SETTING(options.run_time_s),
      "SPAN", "stop after that time: 20, 20s, 3m, 2h, 1h20m (no limit)" },
    { "stop-timeout", 's', LOCUST__OPTION_SPAN, "LOCUST_STOP_TIMEOUT", LOCUST__OPTION_SETTING(options.stop_timeout_s),
      "SPAN", "let running tasks finish for that long at the end (0)" },
    { "headless", 0, LOCUST__OPTION_FLAG, "LOCUST_HEADLESS", LOCUST__OPTION_SETTING(headless),
      NULL, "start at once, without a web interface" },
    { "only-summary", 0, LOCUST__OPTION_FLAG, "LOCUST_ONLY_SUMMARY", LOCUST__OPTION_SETTING(options.only_summary),
      NULL, "no table every two seconds, the final ones alone" },
    { "compact", 0, LOCUST__OPTION_FLAG, "LOCUST_COMPACT", LOCUST__OPTION_SETTING(options.compact),
      NULL, "short key=value lines on standard output in place of tables" },
    { "reset-stats", 0, LOCUST__OPTION_FLAG, "LOCUST_RESET_STATS", LOCUST__OPTION_SETTING(options.reset_stats),
      NULL, "forget the figures of the ramp-up" },
    { "csv", 0, LOCUST__OPTION_TEXT, "LOCUST_CSV", LOCUST__OPTION_SETTING(options.csv),
      "PREFIX", "write PREFIX_stats.csv, _stats_history, _failures, _exceptions" },
    { "csv-full-history", 0, LOCUST__OPTION_FLAG, "LOCUST_CSV_FULL_HISTORY", LOCUST__OPTION_SETTING(options.csv_full_history),
      NULL, "a history line for each row (with --csv)" },
    { "iterations", 'i', LOCUST__OPTION_COUNT, "LOCUST_ITERATIONS", LOCUST__OPTION_SETTING(options.iterations),
      "N", "end after that many task runs in all (no limit)" },
    { "stages", 0, LOCUST__OPTION_TEXT, "LOCUST_STAGES", LOCUST__OPTION_SETTING(options.stages),
      "LIST", "DURATION:USERS,... in place of --users: 1m:100,1m:0; or 1m:50/s" },
    { "rate", 0, LOCUST__OPTION_RATE, "LOCUST_RATE", LOCUST__OPTION_SETTING(options.rate),
      "PER_S", "open model: arrivals a second, whatever answers take" },
    { "poisson", 0, LOCUST__OPTION_FLAG, "LOCUST_POISSON", LOCUST__OPTION_SETTING(options.poisson),
      NULL, "arrivals with exponential gaps (even ones)" },
    { "max-in-flight", 0, LOCUST__OPTION_COUNT, "LOCUST_MAX_IN_FLIGHT", LOCUST__OPTION_SETTING(options.max_in_flight),
      "N", "arrivals in progress at once, of each class (10000)" },
    { "patience", 0, LOCUST__OPTION_SPAN, "LOCUST_PATIENCE", LOCUST__OPTION_SETTING(options.patience_s),
      "SPAN", "how long an arrival waits for a place, then it is shed (10)" },
    { "worker-count", 0, LOCUST__OPTION_COUNT, "LOCUST_WORKER_COUNT", LOCUST__OPTION_SETTING(options.worker_count),
      "N", "processes started by hand that share this test (1)" },
    { "worker-index", 0, LOCUST__OPTION_NUMBER, "LOCUST_WORKER_INDEX", LOCUST__OPTION_SETTING(options.worker_index),
      "I", "this one among them, from 0: feeders give each its own rows" },
    { "config-users", 0, LOCUST__OPTION_TEXT, "LOCUST_CONFIG_USERS", LOCUST__OPTION_SETTING(options.config_users),
      "JSON", "or a file: user_class_name and host, weight, fixed_count, tasks" },
    { "tags", 'T', LOCUST__OPTION_TEXT, "LOCUST_TAGS", LOCUST__OPTION_SETTING(options.tags),
      "LIST", "run tasks with one of these tags alone: pay,critical" },
    { "exclude-tags", 'E', LOCUST__OPTION_TEXT, "LOCUST_EXCLUDE_TAGS", LOCUST__OPTION_SETTING(options.exclude_tags),
      "LIST", "leave out tasks with one of these tags" },
    { "phases", 0, LOCUST__OPTION_FLAG, "LOCUST_PHASES", LOCUST__OPTION_SETTING(options.phases),
      NULL, "a table of where the time of each row's requests went" },
    { "cacert", 0, LOCUST__OPTION_TEXT, "LOCUST_CACERT", LOCUST__OPTION_SETTING(options.ca_file),
      "FILE", "certificates to trust, PEM (those of the system)" },
    { "insecure", 0, LOCUST__OPTION_FLAG, "LOCUST_INSECURE", LOCUST__OPTION_SETTING(options.insecure),
      NULL, "do not verify certificates" },
    { "cert", 0, LOCUST__OPTION_TEXT, "LOCUST_CERT", LOCUST__OPTION_SETTING(options.cert_file),
      "FILE", "client certificate, PEM" },
    { "key", 0, LOCUST__OPTION_TEXT, "LOCUST_KEY", LOCUST__OPTION_SETTING(options.key_file),
      "FILE", "its private key, PEM (in the file of --cert)" },
    { "tls-min", 0, LOCUST__OPTION_TEXT, "LOCUST_TLS_MIN", LOCUST__OPTION_SETTING(options.tls_min),
      "VERSION", "lowest TLS version, 1.2 or 1.3 (1.2)" },
    { "tls-max", 0, LOCUST__OPTION_TEXT, "LOCUST_TLS_MAX", LOCUST__OPTION_SETTING(options.tls_max),
      "VERSION", "highest TLS version (what the library has)" },
    { "ciphers", 0, LOCUST__OPTION_TEXT, "LOCUST_CIPHERS", LOCUST__OPTION_SETTING(options.ciphers),
      "LIST", "cipher suites by their IANA names, separated by ':'" },
    { "no-tls-resume", 0, LOCUST__OPTION_FLAG, "LOCUST_NO_TLS_RESUME", LOCUST__OPTION_SETTING(options.no_tls_resume),
      NULL, "make every TLS handshake a full one" },
    { "max-handshakes", 0, LOCUST__OPTION_COUNT, "LOCUST_MAX_HANDSHAKES", LOCUST__OPTION_SETTING(options.max_handshakes),
      "N", "TLS handshakes in progress at once (128)" },
    { "proxy", 0, LOCUST__OPTION_TEXT, "LOCUST_PROXY", LOCUST__OPTION_SETTING(options.proxy),
      "URL", "HTTP proxy for all, http://[user:password@]host:port" },
    { "proxy-from-env", 0, LOCUST__OPTION_FLAG, "LOCUST_PROXY_FROM_ENV", LOCUST__OPTION_SETTING(options.proxy_from_env),
      NULL, "use http_proxy, https_proxy, all_proxy and no_proxy" },
    { "unix-socket", 0, LOCUST__OPTION_TEXT, "LOCUST_UNIX_SOCKET", LOCUST__OPTION_SETTING(options.unix_socket),
      "PATH", "connect there, whatever the host" },
    { "source", 0, LOCUST__OPTION_TEXT, "LOCUST_SOURCE", LOCUST__OPTION_SETTING(options.source),
      "LIST", "local addresses in turn: 127.0.0.2,10.0.0.5-10.0.0.9" },
    { "connect-to", 0, LOCUST__OPTION_TEXT, "LOCUST_CONNECT_TO", LOCUST__OPTION_SETTING(options.connect_to),
      "LIST", "HOST:PORT:HOST:PORT, connect to the second instead" },
    { "resolve", 0, LOCUST__OPTION_TEXT, "LOCUST_RESOLVE", LOCUST__OPTION_SETTING(options.resolve),
      "LIST", "HOST:PORT:ADDRESS[,ADDRESS], in place of a name lookup" },
    { "no-arrival-times", 0, LOCUST__OPTION_FLAG, "LOCUST_NO_ARRIVAL_TIMES", LOCUST__OPTION_SETTING(options.no_arrival_times),
      NULL, "a response ends when it is read, not when the kernel had it" },
    { "check", 0, LOCUST__OPTION_LIST, "LOCUST_CHECK", LOCUST__OPTION_SETTING(options.checks),
      "CHECK", "what shall hold, or exit code 3: 'p99<250ms', 'fail_ratio<1% /cart'" },
    { "abort-on-fail", 0, LOCUST__OPTION_SPAN, "LOCUST_ABORT_ON_FAIL", LOCUST__OPTION_SETTING(options.abort_on_fail_s),
      "SPAN", "from then on a check that does not hold ends the test" },
    { "fail-on-generator-limit", 0, LOCUST__OPTION_FLAG, "LOCUST_FAIL_ON_GENERATOR_LIMIT",
      LOCUST__OPTION_SETTING(options.fail_on_generator_limit), NULL, "exit code 4 if the generator limited the load" },
    { "warm-up", 0, LOCUST__OPTION_SPAN, "LOCUST_WARM_UP", LOCUST__OPTION_SETTING(options.warm_up_s),
      "SPAN", "requests that began before that are not counted" },
    { "find-max", 0, LOCUST__OPTION_LIST, "LOCUST_FIND_MAX", LOCUST__OPTION_SETTING(options.find_max),
      "CHECK", "raise the rate of arrivals, from --rate or 10, until that breaks" },
    { "find-step", 0, LOCUST__OPTION_SPAN, "LOCUST_FIND_STEP", LOCUST__OPTION_SETTING(options.find_step_s),
      "SPAN", "how long each rate is tried (5)" },
    { "junit", 0, LOCUST__OPTION_TEXT, "LOCUST_JUNIT", LOCUST__OPTION_SETTING(options.junit),
      "FILE", "the checks as JUnit XML" },
    { "summary", 0, LOCUST__OPTION_TEXT, "LOCUST_SUMMARY", LOCUST__OPTION_SETTING(options.summary),
      "FILE", "all figures as JSON, with histograms" },
    { "baseline", 0, LOCUST__OPTION_TEXT, "LOCUST_BASELINE", LOCUST__OPTION_SETTING(options.baseline),
      "FILE", "the --summary of an earlier run to compare with" },
    { "baseline-margin", 0, LOCUST__OPTION_RATE, "LOCUST_BASELINE_MARGIN", LOCUST__OPTION_SETTING(options.baseline_margin),
      "PERCENT", "that are no difference (5)" },
    { "hgrm", 0, LOCUST__OPTION_TEXT, "LOCUST_HGRM", LOCUST__OPTION_SETTING(options.hgrm),
      "FILE", "percentiles in the format of HdrHistogram" },
    { "request-log", 0, LOCUST__OPTION_TEXT, "LOCUST_REQUEST_LOG", LOCUST__OPTION_SETTING(options.request_log),
      "FILE", "a line for each request, CSV" },
    { "request-log-sample", 0, LOCUST__OPTION_RATE, "LOCUST_REQUEST_LOG_SAMPLE",
      LOCUST__OPTION_SETTING(options.request_log_sample), "SHARE", "of the requests in it (1)" },
    { "exit-code-on-error", 0, LOCUST__OPTION_CODE, "LOCUST_EXIT_CODE_ON_ERROR", LOCUST__OPTION_SETTING(options.exit_code_on_error),
      "CODE", "exit code after a run with failures (1)" },
    { "loglevel", 'L', LOCUST__OPTION_LEVEL, "LOCUST_LOGLEVEL", LOCUST__OPTION_SETTING(options.loglevel),
      "LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)" },
    { "logfile", 0, LOCUST__OPTION_TEXT, "LOCUST_LOGFILE", LOCUST__OPTION_SETTING(options.logfile),
      "FILE", "log lines go there (standard error)" },
    { "list", 'l', LOCUST__OPTION_FLAG, NULL, LOCUST__OPTION_SETTING(list),
      NULL, "print the user classes" },
    { "show-task-ratio", 0, LOCUST__OPTION_FLAG, NULL, LOCUST__OPTION_SETTING(show_task_ratio),
      NULL, "print the share of each task" },
    { "config", 0, LOCUST__OPTION_TEXT, NULL, LOCUST__OPTION_SETTING(config),
      "FILE", "one more config file" },
    { "locustfile", 'f', LOCUST__OPTION_IGNORED, "LOCUST_LOCUSTFILE", 0,
      "FILE", "ignored: the test is this program" },
    { "skip-log-setup", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_SKIP_LOG_SETUP", 0, NULL, NULL },
    { "web-host", 0, LOCUST__OPTION_MISSING, "LOCUST_WEB_HOST", 0, NULL, NULL },
    { "web-port", 'P', LOCUST__OPTION_MISSING, "LOCUST_WEB_PORT", 0, NULL, NULL },
    { "web-base-path", 0, LOCUST__OPTION_MISSING, "LOCUST_WEB_BASE_PATH", 0, NULL, NULL },
    { "web-login", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_WEB_LOGIN", 0, NULL, NULL },
    { "tls-cert", 0, LOCUST__OPTION_MISSING, "LOCUST_TLS_CERT", 0, NULL, NULL },
    { "tls-key", 0, LOCUST__OPTION_MISSING, "LOCUST_TLS_KEY", 0, NULL, NULL },
    { "class-picker", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_USERCLASS_PICKER", 0, NULL, NULL },
    { "autostart", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_AUTOSTART", 0, NULL, NULL },
    { "autoquit", 0, LOCUST__OPTION_MISSING, "LOCUST_AUTOQUIT", 0, NULL, NULL },
    { "master", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_MODE_MASTER", 0, NULL, NULL },
    { "master-bind-host", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_BIND_HOST", 0, NULL, NULL },
    { "master-bind-port", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_BIND_PORT", 0, NULL, NULL },
    { "expect-workers", 0, LOCUST__OPTION_MISSING, "LOCUST_EXPECT_WORKERS", 0, NULL, NULL },
    { "expect-workers-max-wait", 0, LOCUST__OPTION_MISSING, "LOCUST_EXPECT_WORKERS_MAX_WAIT", 0,
      NULL, NULL },
    { "enable-rebalancing", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "worker", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_MODE_WORKER", 0, NULL, NULL },
    { "processes", 0, LOCUST__OPTION_MISSING, "LOCUST_PROCESSES", 0, NULL, NULL },
    { "master-host", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_NODE_HOST", 0, NULL, NULL },
    { "master-port", 0, LOCUST__OPTION_MISSING, "LOCUST_MASTER_NODE_PORT", 0, NULL, NULL },
    { "print-stats", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_PRINT_STATS", 0, NULL, NULL },
    { "html", 0, LOCUST__OPTION_MISSING, "LOCUST_HTML", 0, NULL, NULL },
    { "json", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "json-file", 0, LOCUST__OPTION_MISSING, NULL, 0, NULL, NULL },
    { "show-task-ratio-json", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "equal-weights", 0, LOCUST__OPTION_MISSING_FLAG, NULL, 0, NULL, NULL },
    { "profile", 0, LOCUST__OPTION_MISSING, NULL, 0, NULL, NULL },
    { "otel", 0, LOCUST__OPTION_MISSING_FLAG, "LOCUST_ENABLE_OPENTELEMETRY", 0, NULL, NULL },
};
// clang-format on

enum { LOCUST__OPTIONS = sizeof locust__options_known / sizeof *locust__options_known };

/* Ends the program over a wrong option: argparse's exit code, and so Locust's. */
#define locust__options_die(...) locust__die(LOCUST__EXIT_USAGE, __VA_ARGS__)

static bool locust__option_takes_value(const locust__known_option *o)
{
    return o->kind != LOCUST__OPTION_FLAG && o->kind != LOCUST__OPTION_MISSING_FLAG &&
           o->kind != LOCUST__OPTION_OWN_FLAG;
}

/* A whole number from 0 in decimal. */
static bool locust__option_number(const char *text, int64_t max, int64_t *out)
{
    *out = locust__number_whole(&text);
    return *out >= 0 && !*text && *out <= max;
}

static bool locust__option_switch(const char *text, bool *out)
{
    static const char *const words[] = {"true", "yes", "on", "1", "false", "no", "off", "0"};
    for (int i = 0; i < 8; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return true;
        }
    return false;
}

/* The known options, then those of the test; NULL: no more. */
static const locust__known_option *locust__option_at(const locust__settings *st, int i)
{
    return i < LOCUST__OPTIONS               ? &locust__options_known[i]
           : i - LOCUST__OPTIONS < st->n_own ? &st->own[i - LOCUST__OPTIONS]
                                             : NULL;
}

/* Takes over what the test declares. */
static void locust__settings_init(locust__settings *st, const locust_test *test)
{
    const locust_own_option *o = test->options;
    memset(st, 0, sizeof *st);
    st->own = locust__memory_zalloc(LOCUST_OWN_OPTIONS_MAX * sizeof *st->own);
    if (!st->own)
        locust__options_die("out of memory");
    for (; st->n_own < LOCUST_OWN_OPTIONS_MAX && o->name; o++) {
        for (int i = 0; locust__option_at(st, i); i++)
            if (strcmp(locust__option_at(st, i)->name, o->name) == 0)
                locust__options_die(
                    "the test declares an option --%s, which there is already", o->name);
        st->own[st->n_own++] = (locust__known_option){.name = o->name,
            .kind = o->value ? LOCUST__OPTION_OWN : LOCUST__OPTION_OWN_FLAG,
            .env = o->env,
            .value = o->value,
            .help = o->help ? o->help : "an option of this test"};
    }
}

static void locust__option_set_own(locust__settings *st, const char *name, const char *value)
{
    locust_pair *pair = st->own_values;
    while (pair->name && strcmp(pair->name, name) != 0)
        pair++;
    *pair = (locust_pair){name, value};
    st->options.own = st->own_values;
}

/* Adds to an option that may be given more than once. */
static void locust__option_add(
    locust__settings *st, const locust__known_option *o, const char *value)
{
    locust__buf *list = &st->lists[o->offset != LOCUST__OPTION_SETTING(options.checks)];
    if (!*value)
        return; // as if it were not given
    if (list->len)
        list->ptr[list->len - 1] = ';'; // where it ended
    locust__buf_add(list, value, strlen(value) + 1);
    if (list->failed)
        locust__options_die("out of memory");
    *(const char **)(void *)((char *)st + o->offset) = list->ptr;
}

/* Sets one option from its text. `where`: how the user named it, for messages. */
static void locust__option_set(
    locust__settings *st, const locust__known_option *o, const char *value, const char *where)
{
    void *field = (char *)st + o->offset;
    bool flag = true;
    const char *end = value;
    double number;
    int64_t whole;
    switch (o->kind) {
    case LOCUST__OPTION_FLAG:
        if (value && !locust__option_switch(value, &flag))
            locust__options_die("%s takes true or false, not \"%s\"", where, value);
        *(bool *)field = flag;
        break;
    case LOCUST__OPTION_TEXT:
        *(const char **)field = *value ? value : NULL; // empty: as if it were not given
        break;
    case LOCUST__OPTION_USERS:
        if (!locust__option_number(value, INT_MAX, &whole))
            locust__options_die("%s takes a whole number from 0, not \"%s\"", where, value);
        *(int *)field = whole ? (int)whole : -1; // 0 in the options means the default
        break;
    case LOCUST__OPTION_RATE:
        number = locust__number_decimal(&end);
        if (*end || !(number > 0) || number > 1e9)
            locust__options_die("%s takes a number above 0, not \"%s\"", where, value);
        *(double *)field = number;
        break;
    case LOCUST__OPTION_SPAN:
        if (!locust__number_span(value, (double *)field))
            locust__options_die(
                "%s takes a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s, not \"%s\"",
                where, value);
        break;
    case LOCUST__OPTION_LEVEL:
        if (locust__log_level(value) < 0)
            locust__options_die(
                "%s takes DEBUG, INFO, WARNING, ERROR or CRITICAL, not \"%s\"", where, value);
        *(const char **)field = value;
        break;
    case LOCUST__OPTION_CODE:
        if (!locust__option_number(value, 255, &whole))
            locust__options_die("%s takes a whole number from 0 to 255, not \"%s\"", where, value);
        *(int *)field = whole ? (int)whole : -1;
        break;
    case LOCUST__OPTION_COUNT:
        if (!locust__option_number(value, INT_MAX, &whole) || whole < 1)
            locust__options_die("%s takes a whole number from 1, not \"%s\"", where, value);
        *(int *)field = (int)whole;
        break;
    case LOCUST__OPTION_NUMBER:
        if (!locust__option_number(value, INT_MAX, &whole))
            locust__options_die("%s takes a whole number from 0, not \"%s\"", where, value);
        *(int *)field = (int)whole;
        break;
    case LOCUST__OPTION_LIST:
        if (!*value && *where == '-')
            locust__options_die("%s needs a value", where);
        locust__option_add(st, o, value);
        break;
    case LOCUST__OPTION_OWN_FLAG:
        if (value && !locust__option_switch(value, &flag))
            locust__options_die("%s takes true or false, not \"%s\"", where, value);
        locust__option_set_own(st, o->name, flag ? "true" : "false");
        break;
    case LOCUST__OPTION_OWN:
        locust__option_set_own(st, o->name, value);
        break;
    case LOCUST__OPTION_IGNORED:
        break;
    case LOCUST__OPTION_MISSING:
    case LOCUST__OPTION_MISSING_FLAG:
        if (!value || !locust__option_switch(value, &flag) || flag)
            locust__options_die(
                "%s is an option of Locust that this version of locust.h (%s) lacks", where,
                LOCUST_VERSION);
        break;
    }
}

/* Edits from one name to the other: a character more, less, another, or two swapped. */
static int locust__option_distance(locust__view a, locust__view b)
{
    enum { MAX = 40 };
    int d[MAX + 1][MAX + 1];
    if (a.len > MAX || b.len > MAX)
        return MAX;
    for (size_t i = 0; i <= a.len; i++)
        for (size_t j = 0; j <= b.len; j++) {
            int best = (int)(i + j), other;
            if (i && j) {
                other = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
                best = other < best ? other : best;
                other = (d[i - 1][j] < d[i][j - 1] ? d[i - 1][j] : d[i][j - 1]) + 1;
                best = other < best ? other : best;
            }
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1]) {
                other = d[i - 2][j - 2] + 1;
                best = other < best ? other : best;
            }
            d[i][j] = best;
        }
    return d[a.len][b.len];
}

static _Noreturn void locust__option_unknown(
    const locust__settings *st, locust__view name, const char *where)
{
    const char *nearest = NULL;
    int best = 3;
    for (int i = 0; locust__option_at(st, i); i++) {
        const char *known = locust__option_at(st, i)->name;
        int d = locust__option_distance(name, locust__view_of(known));
        if (d < best && (size_t)d * 2 < name.len) {
            best = d;
            nearest = known;
        }
    }
    if (nearest)
        locust__options_die(
            "unknown option %s: did you mean %s%s?", where, *where == '-' ? "--" : "", nearest);
    locust__options_die("unknown option %s: --help lists them", where);
}

/* The option of that name, or the only one that begins so. */
static const locust__known_option *locust__option_find(
    const locust__settings *st, locust__view name, const char *where)
{
    const locust__known_option *found = NULL;
    locust__buf names = {NULL, 0, 0, false};
    int n = 0;
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
        if (locust__view_is(name, o->name)) {
            found = o;
            n = 1;
            break;
        }
        if (name.len && strncmp(o->name, name.ptr, name.len) == 0) {
            found = o;
            locust__buf_printf(&names, "%s--%s", n++ ? ", " : "", o->name);
        }
    }
    if (n > 1)
        locust__options_die(
            "%s is short for several options: %.*s", where, (int)names.len, names.ptr);
    locust__buf_free(&names);
    if (!found)
        locust__option_unknown(st, name, where);
    return found;
}
