/* ============================================================================================
 * >>options  the options and how each is set
 *
 * Purpose     one table of options; finds one by its name and sets it from text, wherever that
 *             comes from.
 * Invariants  the later place wins: ~/.locust.conf, ./locust.conf, the --config file, environment,
 *             command line. Anything wrong in one of them ends in one sentence and exit code 2.
 * Names       locust__option_ locust__options_ locust__settings_ locust__known_option
 *             locust__words
 * Uses        >>json >>stages >>own_option >>check_why
 * Sources     Locust 2.46 and 2.47 (reference runs): names, defaults, spans, exit codes, prefixes.
 * Limits      no pyproject.toml. Options of Locust that this version lacks are refused by name.
 * ============================================================================================ */

typedef struct locust__words { // an option that takes several values
    locust__buf text;          // the values, joined as locust_options has them
    int place;                 // where they come from: a later place replaces them
} locust__words;

typedef struct locust__settings { // what the command line can say
    locust_options options;
    bool headless, rebalancing, list, show_task_ratio, version, help;
    int processes; // 0: this one alone
    const char *secret_file;
    locust__buf secret;
    char *config;
    const char *classes[LOCUST_CLASSES_MAX]; // the user classes asked for; none: all
    int n_classes;
    locust__buf home_file, local_file, config_file; // settings point into these texts
    locust__buf class_names;           // text of LOCUST_USER_CLASSES, which `classes` points into
    locust__buf check_list, find_list; // of --check and --find-max, a line each
    locust__words tags, exclude_tags, config_users;
    int place;         // that is being read, counted from the weakest
    locust__buf notes; // what has no effect, a line each, for the log once there is one
    struct locust__known_option *own; // those that the test declares, n_own of them
    int n_own;
    locust_pair own_values[LOCUST_OWN_OPTIONS_MAX + 1];
} locust__settings;

enum locust__option_kind {
    LOCUST__OPTION_FLAG,
    LOCUST__OPTION_TEXT,
    LOCUST__OPTION_EMPTY, // a text that says something when it is empty
    LOCUST__OPTION_USERS,
    LOCUST__OPTION_RATE,
    LOCUST__OPTION_SPAN,
    LOCUST__OPTION_LEVEL,
    LOCUST__OPTION_CODE,
    LOCUST__OPTION_COUNT,
    LOCUST__OPTION_NUMBER,
    LOCUST__OPTION_PROCESSES,
    LOCUST__OPTION_SHARE,
    LOCUST__OPTION_CHECK, // checks; given more than once it adds up
    LOCUST__OPTION_STAGES,
    LOCUST__OPTION_WORDS,    // takes any number of values, as argparse's nargs="*"
    LOCUST__OPTION_MORE,     // the same, and given more than once it adds up
    LOCUST__OPTION_OWN,      // of the test, with a value
    LOCUST__OPTION_OWN_FLAG, // of the test, a switch
    LOCUST__OPTION_IGNORED,  // of Locust, without a meaning here
    LOCUST__OPTION_MISSING,  // of Locust, not in this version; takes a value
    LOCUST__OPTION_MISSING_FLAG,
};

/* What each kind takes, for the sentence about a wrong value, and the limits of whole numbers. */
static const struct {
    const char *takes;
    int min, max;
    int zero;  // what stands for 0 in locust_options, where 0 means the default
    bool bare; // it is a switch: no value need follow
} locust__option_kinds[] = {
    [LOCUST__OPTION_FLAG] = {.takes = "true or false", .bare = true},
    [LOCUST__OPTION_USERS] = {.takes = "a whole number from 0", .max = INT_MAX, .zero = -1},
    [LOCUST__OPTION_RATE] = {.takes = "a number above 0"},
    [LOCUST__OPTION_SPAN] = {.takes = "a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s"},
    [LOCUST__OPTION_LEVEL] = {.takes = "DEBUG, INFO, WARNING, ERROR or CRITICAL"},
    [LOCUST__OPTION_CODE] = {.takes = "a whole number from 0 to 255", .max = 255, .zero = -1},
    [LOCUST__OPTION_COUNT] = {.takes = "a whole number from 1", .min = 1, .max = INT_MAX},
    [LOCUST__OPTION_NUMBER] = {.takes = "a whole number from 0", .max = INT_MAX},
    [LOCUST__OPTION_PROCESSES] = {.takes = "a whole number from 1, or -1"},
    [LOCUST__OPTION_SHARE] = {.takes = "equal or capacity"},
    [LOCUST__OPTION_WORDS] = {.bare = true},
    [LOCUST__OPTION_MORE] = {.bare = true},
    [LOCUST__OPTION_OWN_FLAG] = {.takes = "true or false", .bare = true},
    [LOCUST__OPTION_MISSING_FLAG] = {.bare = true},
};

typedef struct locust__known_option {
    const char *name;
    char letter;
    enum locust__option_kind kind;
    size_t offset; // in locust__settings
    const char *value, *help;
    const char *env; // of an option of the test: its variable; NULL: none
    const locust_own_option *own;
} locust__known_option;

/* Name, letter, kind, field of locust__settings, what stands for its value in --help, help. */
// clang-format off
#define LOCUST__OPTIONS_KNOWN(X) \
    X("help", 'h', FLAG, help, NULL, "this text") \
    X("version", 'V', FLAG, version, NULL, "print the version") \
    X("host", 'H', TEXT, options.host, "URL", \
        "base URL of all user classes, such as http://127.0.0.1:8080") \
    X("users", 'u', USERS, options.users, "N", "peak number of users (1)") \
    X("spawn-rate", 'r', RATE, options.spawn_rate, "PER_S", "users to start a second (1)") \
    X("run-time", 't', SPAN, options.run_time_s, "SPAN", \
        "stop after that time: 20, 20s, 3m, 2h, 1h20m (no limit)") \
    X("stop-timeout", 's', SPAN, options.stop_timeout_s, "SPAN", \
        "let running tasks finish for that long at the end (0)") \
    X("headless", 0, FLAG, headless, NULL, "start at once, without a web interface") \
    X("web-host", 0, TEXT, options.web_host, "ADDRESS", \
        "where the web interface is; * for all addresses (127.0.0.1)") \
    X("web-port", 'P', USERS, options.web_port, "PORT", "its port; 0 for a free one (8089)") \
    X("web-host-display-name", 0, TEXT, options.web_host_display_name, "NAME", \
        "a name that it goes by beside its address, or a URL") \
    X("web-base-path", 0, TEXT, options.web_base_path, "PATH", "what its paths begin with") \
    X("web-login", 0, TEXT, options.web_login, "USER:PASSWORD", "what it asks for") \
    X("tls-cert", 0, TEXT, options.tls_cert, "FILE", "serve it over https: certificate, PEM") \
    X("tls-key", 0, TEXT, options.tls_key, "FILE", "the private key of that") \
    X("class-picker", 0, FLAG, options.class_picker, NULL, \
        "its form asks which user classes run") \
    X("autostart", 0, FLAG, options.autostart, NULL, \
        "start at once, with the web interface") \
    X("autoquit", 0, USERS, options.autoquit_s, "SECONDS", \
        "end that long after the run (with --autostart)") \
    X("only-summary", 0, FLAG, options.only_summary, NULL, \
        "no table every two seconds, the final ones alone") \
    X("tui", 0, FLAG, options.tui, NULL, \
        "on a terminal: live figures and keys, in place of tables") \
    X("print-stats", 0, FLAG, options.print_stats, NULL, \
        "a table every two seconds, with --only-summary too") \
    X("compact", 0, FLAG, options.compact, NULL, \
        "short key=value lines on standard output in place of tables") \
    X("reset-stats", 0, FLAG, options.reset_stats, NULL, "forget the figures of the ramp-up") \
    X("csv", 0, TEXT, options.csv, "PREFIX", \
        "PREFIX_{stats,stats_history,failures,exceptions,generator}.csv") \
    X("csv-full-history", 0, FLAG, options.csv_full_history, NULL, \
        "a history line for each row (with --csv)") \
    X("iterations", 'i', COUNT, options.iterations, "N", \
        "end after that many task runs in all (no limit)") \
    X("stages", 0, STAGES, options.stages, "LIST", \
        "DURATION:USERS,... in place of --users: 1m:100,1m:0; or 1m:50/s") \
    X("rate", 0, RATE, options.rate, "PER_S", \
        "open model: arrivals a second, whatever answers take") \
    X("poisson", 0, FLAG, options.poisson, NULL, "arrivals with exponential gaps (even ones)") \
    X("max-in-flight", 0, COUNT, options.max_in_flight, "N", \
        "arrivals in progress at once, of each class (10000)") \
    X("patience", 0, SPAN, options.patience_s, "SPAN", \
        "how long an arrival waits for a place, then it is shed (10)") \
    X("seed", 0, COUNT, options.seed, "N", \
        "repeat the random choices of tasks, waits and locust_random") \
    X("worker", 0, FLAG, options.worker, NULL, "run users for a master, this one's or Locust's") \
    X("master-host", 0, TEXT, options.master_host, "HOST", "where it is (127.0.0.1)") \
    X("master-port", 0, COUNT, options.master_port, "PORT", "where it listens (5557)") \
    X("master", 0, FLAG, options.master, NULL, "have workers run the users, ours or Locust's") \
    X("master-bind-host", 0, TEXT, options.master_bind_host, "ADDRESS", \
        "where it listens (all of IPv4)") \
    X("master-bind-port", 0, COUNT, options.master_bind_port, "PORT", "(5557)") \
    X("expect-workers", 0, COUNT, options.expect_workers, "N", \
        "begin when so many workers are there (1)") \
    X("expect-workers-max-wait", 0, SPAN, options.expect_workers_max_wait_s, "SPAN", \
        "give up if they are not by then (no limit)") \
    X("enable-rebalancing", 0, FLAG, rebalancing, NULL, \
        "as always: the users of lost workers go to the others") \
    X("fail-on-lost-workers", 0, FLAG, options.fail_on_lost_workers, NULL, \
        "exit code 5 if what a worker counted is not in the figures") \
    X("share", 0, SHARE, options.share_by_capacity, "HOW", \
        "users among workers: equal, or by capacity, their CPU (equal)") \
    X("secret", 0, TEXT, secret_file, "FILE", \
        "a key that master and workers share: who lacks it is refused") \
    X("processes", 0, PROCESSES, processes, "N", \
        "share the test among so many processes, -1: one for each core") \
    X("worker-count", 0, COUNT, options.worker_count, "N", \
        "processes started by hand that share this test (1)") \
    X("worker-index", 0, NUMBER, options.worker_index, "I", \
        "this one among them, from 0: feeders give each its own rows") \
    X("config-users", 0, MORE, config_users, "JSON ...", \
        "or files: user_class_name and host, weight, fixed_count, tasks") \
    X("tags", 'T', WORDS, tags, "TAG ...", \
        "run tasks with one of these tags alone: pay critical") \
    X("exclude-tags", 'E', WORDS, exclude_tags, "TAG ...", \
        "leave out tasks with one of these tags") \
    X("phases", 0, FLAG, options.phases, NULL, \
        "a table of where the time of each row's requests went") \
    X("cacert", 0, TEXT, options.ca_file, "FILE", \
        "certificates to trust, PEM (those of the system)") \
    X("insecure", 0, FLAG, options.insecure, NULL, "do not verify certificates") \
    X("cert", 0, TEXT, options.cert_file, "FILE", "client certificate, PEM") \
    X("key", 0, TEXT, options.key_file, "FILE", "its private key, PEM (in the file of --cert)") \
    X("tls-min", 0, TEXT, options.tls_min, "VERSION", "lowest TLS version, 1.2 or 1.3 (1.2)") \
    X("tls-max", 0, TEXT, options.tls_max, "VERSION", \
        "highest TLS version (what the library has)") \
    X("ciphers", 0, TEXT, options.ciphers, "LIST", \
        "cipher suites by their IANA names, separated by ':'") \
    X("no-tls-resume", 0, FLAG, options.no_tls_resume, NULL, \
        "make every TLS handshake a full one") \
    X("max-handshakes", 0, COUNT, options.max_handshakes, "N", \
        "TLS handshakes in progress at once (128)") \
    X("proxy", 0, EMPTY, options.proxy, "URL", \
        "HTTP proxy for all, http://[user:password@]host:port") \
    X("proxy-from-env", 0, FLAG, options.proxy_from_env, NULL, \
        "use http_proxy, https_proxy, all_proxy and no_proxy") \
    X("ask-keep-alive", 0, FLAG, options.ask_keep_alive, NULL, \
        "send \"Connection: keep-alive\", which HTTP/1.0 servers want") \
    X("http2", 0, FLAG, options.http2, NULL, "speak HTTP/2, for all user classes") \
    X("unix-socket", 0, TEXT, options.unix_socket, "PATH", "connect there, whatever the host") \
    X("source", 0, TEXT, options.source, "LIST", \
        "local addresses in turn: 127.0.0.2,10.0.0.5-10.0.0.9") \
    X("connect-to", 0, TEXT, options.connect_to, "LIST", \
        "HOST:PORT:HOST:PORT, connect to the second instead") \
    X("resolve", 0, TEXT, options.resolve, "LIST", \
        "HOST:PORT:ADDRESS[,ADDRESS], in place of a name lookup") \
    X("no-arrival-times", 0, FLAG, options.no_arrival_times, NULL, \
        "a response ends when it is read, not when the kernel had it") \
    X("check", 0, CHECK, check_list, "CHECK", \
        "what shall hold, or exit code 3: 'p99<250ms', 'fail_ratio<1% /cart'") \
    X("abort-on-fail", 0, SPAN, options.abort_on_fail_s, "SPAN", \
        "from then on a check that does not hold ends the test") \
    X("fail-on-generator-limit", 0, FLAG, options.fail_on_generator_limit, NULL, \
        "exit code 4 if the generator limited the load") \
    X("warm-up", 0, SPAN, options.warm_up_s, "SPAN", \
        "requests that began before that are not counted") \
    X("find-max", 0, CHECK, find_list, "CHECK", \
        "raise the rate of arrivals, from --rate or 10, until that breaks") \
    X("find-step", 0, SPAN, options.find_step_s, "SPAN", "how long each rate is tried (5)") \
    X("html", 0, TEXT, options.html, "FILE", \
        "a report to look at, one file; {u} {r} {t} become numbers") \
    X("junit", 0, TEXT, options.junit, "FILE", "the checks as JUnit XML") \
    X("summary", 0, TEXT, options.summary, "FILE", "all figures as JSON, with histograms") \
    X("baseline", 0, TEXT, options.baseline, "FILE", \
        "the --summary of an earlier run to compare with") \
    X("baseline-margin", 0, RATE, options.baseline_margin, "PERCENT", \
        "that are no difference (5)") \
    X("hgrm", 0, TEXT, options.hgrm, "FILE", \
        "percentiles in the format of HdrHistogram, and FILE.hlog, its log") \
    X("json", 0, FLAG, options.json, NULL, "Locust's rows as JSON on standard output") \
    X("json-file", 0, TEXT, options.json_file, "NAME", \
        "the same in NAME.json, in place of the final tables") \
    X("request-log", 0, TEXT, options.request_log, "FILE", "a line for each request, CSV") \
    X("request-log-sample", 0, RATE, options.request_log_sample, "SHARE", \
        "of the requests in it (1)") \
    X("otlp", 0, TEXT, options.otlp, "URL", \
        "metrics for OpenTelemetry (OTLP/HTTP): http://127.0.0.1:4318") \
    X("otel", 0, FLAG, options.otel, NULL, "the same to OTEL_EXPORTER_OTLP_ENDPOINT") \
    X("traceparent", 0, FLAG, options.traceparent, NULL, \
        "send the W3C trace context, and spans of sampled requests by --otlp") \
    X("trace-sample", 0, RATE, options.trace_sample, "SHARE", \
        "of the requests that are sampled (0.01)") \
    X("influx", 0, TEXT, options.influx, "URL", \
        "lines for InfluxDB: http://127.0.0.1:8086/write?db=locust") \
    X("statsd", 0, TEXT, options.statsd, "HOST:PORT", "metrics for statsd, by UDP") \
    X("metrics-file", 0, TEXT, options.metrics_file, "FILE", \
        "metrics as Prometheus' text, rewritten as a whole") \
    X("export-every", 0, SPAN, options.export_every_s, "SPAN", \
        "how often those get the figures (5)") \
    X("target-pid", 0, COUNT, options.target_pid, "PID", \
        "the server here: its CPU for a request beside the generator's") \
    X("target-cgroup", 0, TEXT, options.target_cgroup, "PATH", \
        "the same by its cgroup (v2): system.slice/nginx.service") \
    X("exit-code-on-error", 0, CODE, options.exit_code_on_error, "CODE", \
        "exit code after a run with failures (1)") \
    X("loglevel", 'L', LEVEL, options.loglevel, "LEVEL", \
        "DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)") \
    X("logfile", 0, TEXT, options.logfile, "FILE", "log lines go there (standard error)") \
    X("list", 'l', FLAG, list, NULL, "print the user classes") \
    X("show-task-ratio", 0, FLAG, show_task_ratio, NULL, "print the share of each task") \
    X("config", 0, TEXT, config, "FILE", "one more config file") \
    X("locustfile", 'f', IGNORED, help, "FILE", "ignored: the test is this program")

/* Options of Locust that this version lacks; they are refused by name. */
#define LOCUST__OPTIONS_LACKING(X) \
    X("skip-log-setup", 0, MISSING_FLAG) \
    X("show-task-ratio-json", 0, MISSING_FLAG) X("equal-weights", 0, MISSING_FLAG) \
    X("profile", 0, MISSING)
// clang-format on

#define LOCUST__OPTIONS_ROW(name, letter, kind, field, value, help)                             \
    {name, letter, LOCUST__OPTION_##kind, offsetof(locust__settings, field), value, help, NULL, \
        NULL},
#define LOCUST__OPTIONS_LACKING_ROW(name, letter, kind) \
    {name, letter, LOCUST__OPTION_##kind, 0, NULL, NULL, NULL, NULL},
static const locust__known_option locust__options_known[] = {LOCUST__OPTIONS_KNOWN(
    LOCUST__OPTIONS_ROW) LOCUST__OPTIONS_LACKING(LOCUST__OPTIONS_LACKING_ROW)};
#undef LOCUST__OPTIONS_ROW
#undef LOCUST__OPTIONS_LACKING_ROW

enum { LOCUST__OPTIONS = sizeof locust__options_known / sizeof *locust__options_known };

/* Options whose environment variable is not LOCUST_ and their name; NULL: they have none. */
static const struct {
    const char *option, *variable;
} locust__option_variables[] = {
    // clang-format off
    {"secret", NULL}, {"help", NULL}, {"version", NULL}, {"list", NULL},
    {"show-task-ratio", NULL}, {"config", NULL},
    {"show-task-ratio-json", NULL}, {"enable-rebalancing", NULL}, {"json", NULL},
    {"json-file", NULL}, {"equal-weights", NULL}, {"profile", NULL},
    {"class-picker", "LOCUST_USERCLASS_PICKER"}, {"otel", "LOCUST_ENABLE_OPENTELEMETRY"},
    {"master", "LOCUST_MODE_MASTER"}, {"master-host", "LOCUST_MASTER_NODE_HOST"},
    {"worker", "LOCUST_MODE_WORKER"}, {"master-port", "LOCUST_MASTER_NODE_PORT"},
    // clang-format on
};

/* The environment variable of an option; NULL: none. */
static const char *locust__option_variable(const locust__known_option *o, char *out, size_t size)
{
    const size_t n = sizeof locust__option_variables / sizeof *locust__option_variables;
    if (o->kind == LOCUST__OPTION_OWN || o->kind == LOCUST__OPTION_OWN_FLAG)
        return o->env;
    for (size_t i = 0; i < n; i++)
        if (strcmp(locust__option_variables[i].option, o->name) == 0)
            return locust__option_variables[i].variable;
    snprintf(out, size, "LOCUST_%s", o->name);
    for (char *p = out; *p; p++)
        *p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    return out;
}

/* Ends the program over a wrong option: argparse's exit code, and so Locust's. */
#define locust__options_die(...) locust__die(LOCUST__EXIT_USAGE, __VA_ARGS__)

static bool locust__option_takes_value(const locust__known_option *o)
{
    return !locust__option_kinds[o->kind].bare;
}

/* Reads a whole number from 0 to `max`, in decimal. */
static bool locust__option_number(const char *text, int64_t max, int64_t *out)
{
    *out = locust__number_whole(&text);
    return *out >= 0 && !*text && *out <= max;
}

/* The known options, then those of the test; NULL: no more. */
static const locust__known_option *locust__option_at(const locust__settings *st, int i)
{
    return i < LOCUST__OPTIONS               ? &locust__options_known[i]
           : i - LOCUST__OPTIONS < st->n_own ? &st->own[i - LOCUST__OPTIONS]
                                             : NULL;
}

/* Begins with no option set, and with the options that the test declares. */
static void locust__settings_init(locust__settings *st, const locust_test *test)
{
    const locust_own_option *o = test->options;
    memset(st, 0, sizeof *st);
    st->own = locust__memory_zalloc(LOCUST_OWN_OPTIONS_MAX * sizeof *st->own);
    if (!st->own)
        locust__options_die("out of memory");
    for (; st->n_own < LOCUST_OWN_OPTIONS_MAX && o->name; o++) {
        const char *name = locust__own_option_name(o->name);
        int type = locust__own_option_type(o);
        for (int i = 0; locust__option_at(st, i); i++)
            if (strcmp(locust__option_at(st, i)->name, name) == 0)
                locust__options_die(
                    "the test declares an option --%s, which there is already", name);
        st->own[st->n_own++] = (locust__known_option){.name = name,
            .kind = type == LOCUST_OWN_FLAG ? LOCUST__OPTION_OWN_FLAG : LOCUST__OPTION_OWN,
            .env = o->env,
            .value = locust__own_option_value(o),
            .help = o->help ? o->help : "an option of this test",
            .own = o};
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

/* The end of an element of "[a, 'b', {"c": 1}]", and its text without quotes, perhaps in `out`. */
static const char *locust__option_element(const char *p, const char *end, locust__buf *out)
{
    const char *from = p, *close = NULL;
    int depth = 0;
    out->len = 0;
    if (*p == '"')
        close = locust__json_string_end(p, end);
    if (close && locust__buf_reserve(out, (size_t)(close - p)) &&
        locust__json_decode((locust__view){p, (size_t)(close - p)}, out->ptr, out->cap)) {
        out->len = strlen(out->ptr);
        return close;
    }
    close = *p == '\'' ? memchr(p + 1, '\'', (size_t)(end - p - 1)) : NULL;
    if (close) {
        locust__buf_add(out, p + 1, (size_t)(close - p - 1));
        return close + 1;
    }
    for (; p < end && (depth || *p != ','); p++) {
        const char *string = *p == '"' ? locust__json_string_end(p, end) : NULL;
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        if (string)
            p = string - 1;
    }
    for (close = p; close > from && strchr(" \t", close[-1]);)
        close--;
    locust__buf_add(out, from, (size_t)(close - from));
    return p;
}

/* Begins to set an option that takes several values: forgets those of a weaker place and, as
 * argparse does, those that the same place gave before. */
static void locust__option_begin(locust__settings *st, const locust__known_option *o)
{
    locust__words *words = (locust__words *)(void *)((char *)st + o->offset);
    if (words->place != st->place || o->kind == LOCUST__OPTION_WORDS)
        words->text.len = 0;
    words->place = st->place;
}

/* Adds a value to others, with `glue` between. One that is written as a list, as in config files,
 * is several. */
static void locust__option_add_words(locust__buf *text, char glue, const char *value)
{
    const char *p = value + strspn(value, " \t\r\n"), *end = value + strlen(value);
    locust__buf element = {NULL, 0, 0, false};
    bool list;
    while (end > p && strchr(" \t\r\n", end[-1]))
        end--;
    list = end - p >= 2 && *p == '[' && end[-1] == ']';
    for (p += list, end -= list; p < end; p += strspn(p, ", \t\r\n")) {
        if (list) {
            p = locust__option_element(p, end, &element);
        } else {
            locust__buf_add(&element, p, (size_t)(end - p));
            p = end;
        }
        if (element.len && text->len)
            text->ptr[text->len - 1] = glue; // where the one before ended
        if (element.len) {
            locust__buf_add(text, element.ptr, element.len);
            locust__buf_add(text, "", 1);
        }
    }
    if (text->failed || element.failed)
        locust__options_die("out of memory");
    locust__buf_free(&element);
}

/* Adds a value of an option that takes several. */
static void locust__option_add_value(
    locust__settings *st, const locust__known_option *o, const char *value)
{
    locust__words *words = (locust__words *)(void *)((char *)st + o->offset);
    locust__option_add_words(&words->text, o->kind == LOCUST__OPTION_MORE ? '\n' : ',', value);
}

/* Reads a whole number within the limits of its kind. */
static bool locust__option_whole(enum locust__option_kind kind, const char *text, int *out)
{
    int64_t whole;
    if (!locust__option_number(text, locust__option_kinds[kind].max, &whole) ||
        whole < locust__option_kinds[kind].min)
        return false;
    *out = whole ? (int)whole : locust__option_kinds[kind].zero;
    return true;
}

static bool locust__option_rate(const char *text, double *out)
{
    double number = locust__number_decimal(&text);
    if (*text || !(number > 0) || number > 1e9)
        return false;
    *out = number;
    return true;
}

/* Adds checks to those that were given before. */
static void locust__option_add_checks(locust__buf *list, const char *text, const char *where)
{
    locust__buf more = {NULL, 0, 0, false};
    char *wrong;
    locust__option_add_words(&more, '\n', text);
    if (!more.len && *where == '-')
        locust__options_die("%s needs a value", where);
    wrong = locust__checks_why(more.ptr, where);
    if (wrong)
        locust__options_die("%s", wrong);
    if (list->len && more.len)
        list->ptr[list->len - 1] = '\n'; // where it ended
    locust__buf_add(list, more.ptr, more.len);
    if (list->failed)
        locust__options_die("out of memory");
    locust__buf_free(&more);
}

/* Keeps a warning about an option. */
static void locust__option_note(locust__settings *st, const char *where, const char *what)
{
    locust__buf_printf(&st->notes, "%s %s\n", where, what);
}

/* An empty value in an argument is hardly meant; an empty variable is how a script gives none. */
static void locust__option_note_empty(locust__settings *st, const char *text, const char *where)
{
    if (!*text && *where == '-')
        locust__option_note(st, where, "has no effect: its value is empty");
}

/* Sets one option from its text. `where`: how the user named it, for messages. */
static void locust__option_set(
    locust__settings *st, const locust__known_option *o, const char *value, const char *where)
{
    void *field = (char *)st + o->offset;
    const char *text = value ? value : ""; // only a flag may have none
    bool good = true, flag = true;
    char takes[256];
    switch (o->kind) {
    case LOCUST__OPTION_FLAG:
        good = !value || locust__text_switch(value, &flag);
        *(bool *)field = flag;
        break;
    case LOCUST__OPTION_TEXT:
        locust__option_note_empty(st, text, where);
        *(const char **)field = *text ? text : NULL;
        break;
    case LOCUST__OPTION_EMPTY:
        *(const char **)field = *text || *where == '-' ? text : NULL;
        break;
    case LOCUST__OPTION_USERS:
    case LOCUST__OPTION_CODE:
    case LOCUST__OPTION_COUNT:
    case LOCUST__OPTION_NUMBER:
        good = locust__option_whole(o->kind, text, field);
        break;
    case LOCUST__OPTION_SHARE:
        *(bool *)field = strcmp(text, "capacity") == 0;
        good = *(bool *)field || strcmp(text, "equal") == 0;
        break;
    case LOCUST__OPTION_PROCESSES:
        good = strcmp(text, "-1") == 0 || locust__option_whole(LOCUST__OPTION_COUNT, text, field);
        if (strcmp(text, "-1") == 0)
            *(int *)field = -1;
        break;
    case LOCUST__OPTION_RATE:
        good = locust__option_rate(text, field);
        break;
    case LOCUST__OPTION_SPAN:
        good = locust__number_span(text, field);
        break;
    case LOCUST__OPTION_LEVEL:
        good = locust__log_level(text) >= 0;
        if (good)
            *(const char **)field = text;
        break;
    case LOCUST__OPTION_STAGES:
        locust__option_note_empty(st, text, where);
        if (*text && locust__stages_why(text, takes, sizeof takes))
            locust__options_die("%s '%.200s': %s", where, text, takes);
        *(const char **)field = *text ? text : NULL;
        break;
    case LOCUST__OPTION_CHECK:
        locust__option_add_checks(field, text, where);
        break;
    case LOCUST__OPTION_WORDS:
    case LOCUST__OPTION_MORE:
        locust__option_begin(st, o);
        locust__option_add_value(st, o, text);
        break;
    case LOCUST__OPTION_OWN_FLAG:
        good = !value || locust__text_switch(value, &flag);
        locust__option_set_own(st, o->name, flag ? "true" : "false");
        break;
    case LOCUST__OPTION_OWN:
        if (!locust__own_option_good(o->own, text, takes, sizeof takes))
            locust__options_die("%s takes %s, not \"%s\"", where, takes, text);
        locust__option_set_own(st, o->name, text);
        break;
    case LOCUST__OPTION_IGNORED:
        locust__option_note(st, where, "has no effect: the test is this program");
        break;
    case LOCUST__OPTION_MISSING:
    case LOCUST__OPTION_MISSING_FLAG:
        if (!value || !locust__text_switch(value, &flag) || flag)
            locust__options_die(
                "%s is an option of Locust that this version of locust.h (" LOCUST_VERSION
                ") lacks",
                where);
        break;
    }
    if (!good)
        locust__options_die(
            "%s takes %s, not \"%s\"", where, locust__option_kinds[o->kind].takes, text);
}

static _Noreturn void locust__option_unknown(
    const locust__settings *st, locust__view name, const char *where)
{
    const char *nearest = NULL;
    int best = 3;
    for (int i = 0; locust__option_at(st, i); i++) {
        const char *known = locust__option_at(st, i)->name;
        int d = locust__text_distance(name, locust__view_of(known));
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

/* The option of that name, or the only one whose name begins with it. Ends the program if there
 * is none, or more than one. */
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
