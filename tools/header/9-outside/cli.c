/* ============================================================================================
 * >>cli  the command line
 *
 * Purpose     reads arguments, environment variables and config files, in the order that lets the
 *             later place win; prints --help.
 * Names       locust__cli_
 * Uses        >>own_option >>options >>config_file
 * ============================================================================================ */

/* The option that an argument names, with the value that is part of it, if any. */
static const locust__known_option *locust__cli_option(
    const locust__settings *st, const char *arg, const char **value, char *where, size_t size)
{
    const locust__known_option *o = NULL;
    const char *equals = strchr(arg, '=');
    if (arg[1] == '-') {
        snprintf(where, size, "%.*s", equals ? (int)(equals - arg) : (int)strlen(arg), arg);
        *value = equals ? equals + 1 : NULL;
        return locust__option_find(st, locust__view_of(where + 2), where);
    }
    snprintf(where, size, "-%c", arg[1]);
    for (int k = 0; k < LOCUST__OPTIONS && !o; k++)
        if (locust__options_known[k].letter == arg[1])
            o = &locust__options_known[k];
    if (!o)
        locust__option_unknown(st, (locust__view){"", 0}, where);
    *value = arg[2] ? arg + 2 + (arg[2] == '=') : NULL; // -u10, -u=10
    return o;
}

/* True if an argument can be the value of the option before it: -5 can, --headless cannot. */
static bool locust__cli_is_value(const char *arg)
{
    return arg && (*arg != '-' || !arg[1] || locust__text_is_digit(arg[1]) || arg[1] == '.');
}

/* Does an option take any number of values, none too? */
static bool locust__cli_takes_words(const locust__known_option *o)
{
    return o->kind == LOCUST__OPTION_WORDS || o->kind == LOCUST__OPTION_MORE;
}

/* Sets an option that takes all values up to the next option, or the one that is part of its
 * argument. Returns how many arguments follow it. */
static int locust__cli_words(locust__settings *st, const locust__known_option *o, const char *value,
    const char *where, char **rest, bool skip)
{
    int n = 0;
    if (!skip)
        locust__option_begin(st, o);
    if (value && !skip)
        locust__option_add_value(st, o, value);
    for (; !value && locust__cli_is_value(rest[n]); n++)
        if (!skip)
            locust__option_add_value(st, o, rest[n]);
    if (!value && !n && !skip)
        locust__option_note(st, where, "has no effect: no value follows it");
    return n;
}

/* Sets the options of the command line. `config_only`: --config alone, which is needed before
 * the other places are read. */
static void locust__cli_args(locust__settings *st, int argc, char **argv, bool config_only)
{
    bool words_only = false;
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const locust__known_option *o;
        char where[128];
        if (words_only || *argv[i] != '-' || !argv[i][1]) {
            if (!config_only && st->n_classes < LOCUST_CLASSES_MAX)
                st->classes[st->n_classes++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            words_only = true;
            continue;
        }
        o = locust__cli_option(st, argv[i], &value, where, sizeof where);
        if (locust__cli_takes_words(o)) {
            i += locust__cli_words(st, o, value, where, argv + i + 1, config_only);
            continue;
        }
        if (!locust__option_takes_value(o) && value)
            locust__options_die("%s takes no value, not \"%s\"", where, value);
        if (locust__option_takes_value(o) && !value) {
            value = i + 1 < argc ? argv[++i] : NULL;
            if (!locust__cli_is_value(value))
                locust__options_die("%s needs a value", where);
        }
        if (!config_only || strcmp(o->name, "config") == 0)
            locust__option_set(st, o, value, where);
    }
}

/* LOCUST_USER_CLASSES: names separated by blanks or written as a list, used if the command line
 * names no class. */
static void locust__cli_env_classes(locust__settings *st)
{
    static const char between[] = " \t\r\n,[]\"'";
    const char *names = getenv("LOCUST_USER_CLASSES");
    char *end = NULL;
    if (st->n_classes || !names)
        return;
    locust__buf_add(&st->class_names, names, strlen(names) + 1);
    for (char *name = st->class_names.ptr ? strtok_r(st->class_names.ptr, between, &end) : NULL;
         name && st->n_classes < LOCUST_CLASSES_MAX; name = strtok_r(NULL, between, &end))
        st->classes[st->n_classes++] = name;
}

static void locust__cli_environment(locust__settings *st)
{
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
        char name[64];
        const char *variable = locust__option_variable(o, name, sizeof name);
        const char *value = variable ? getenv(variable) : NULL;
        if (value && (*value || locust__option_takes_value(o)))
            locust__option_set(st, o, value, variable);
    }
}

/* Options that mean nothing without another one. */
static void locust__cli_require(const locust__settings *st)
{
    if (st->options.csv_full_history && !st->options.csv)
        locust__options_die("--csv-full-history needs --csv PREFIX");
    if (st->options.abort_on_fail_s > 0 && !st->options.checks)
        locust__options_die("--abort-on-fail needs --check");
    if (st->options.baseline_margin > 0 && !st->options.baseline)
        locust__options_die("--baseline-margin needs --baseline FILE");
    if (st->options.autoquit_s && !st->options.autostart)
        locust__options_die("--autoquit needs --autostart");
    if (st->options.find_step_s > 0 && !st->options.find_max)
        locust__options_die("--find-step needs --find-max");
    if (st->options.request_log_sample > 0 && !st->options.request_log)
        locust__options_die("--request-log-sample needs --request-log FILE");
    if (st->options.trace_sample > 0 && !st->options.traceparent)
        locust__options_die("--trace-sample needs --traceparent");
    if (st->options.trace_sample > 1)
        locust__options_die("--trace-sample takes a share above 0, up to 1");
    if (st->options.request_log_sample > 1)
        locust__options_die("--request-log-sample takes a share above 0, up to 1");
}

/* All values of an option that takes several; NULL: none. */
static const char *locust__cli_joined(const locust__words *words)
{
    return words->text.len ? words->text.ptr : NULL;
}

/* Reads the secret of --secret, from its file, or LOCUST_SECRET: a command line is for all to
 * see. Blanks at its end do not belong to it. */
static void locust__cli_secret(locust__settings *st)
{
    const char *given = getenv("LOCUST_SECRET"), *path = st->secret_file;
    size_t n;
    if (!path && !(given && *given))
        return;
    if (path)
        st->secret = locust__os_read_file(path, 65536);
    else
        locust__buf_add(&st->secret, given, strlen(given) + 1);
    if (!st->secret.ptr || st->secret.failed)
        locust__options_die("--secret %s: %s", path ? path : "", strerror(errno));
    n = strlen(st->secret.ptr);
    while (n && strchr(" \t\r\n", st->secret.ptr[n - 1]))
        n--;
    st->secret.ptr[n] = '\0';
    if (n < 8)
        locust__options_die(
            "%s is too short for a secret: 8 characters at least", path ? path : "LOCUST_SECRET");
    st->options.secret = st->secret.ptr;
}

/* Reads everything from its places, the weakest first. */
static void locust__cli_read(locust__settings *st, int argc, char **argv)
{
    const char *home = getenv("HOME");
    char path[4096];
    locust__locale locale = locust__locale_enter();
    locust__cli_args(st, argc, argv, true);
    if (home && strlen(home) + 32 < sizeof path) {
        snprintf(path, sizeof path, "%s/.locust.conf", home);
        st->place++;
        locust__config_file_load(st, &st->home_file, path, false);
    }
    st->place++;
    locust__config_file_load(st, &st->local_file, "locust.conf", false);
    st->place++;
    if (st->config)
        locust__config_file_load(st, &st->config_file, st->config, true);
    st->place++;
    locust__cli_environment(st);
    st->place++;
    locust__cli_args(st, argc, argv, false);
    locust__cli_env_classes(st);
    locust__locale_leave(locale);
    st->options.tags = locust__cli_joined(&st->tags);
    st->options.exclude_tags = locust__cli_joined(&st->exclude_tags);
    st->options.config_users = locust__cli_joined(&st->config_users);
    locust__cli_secret(st);
    st->options.checks = st->check_list.ptr;
    st->options.find_max = st->find_list.ptr;
    locust__cli_require(st);
}

/* Logs what was found to have no effect. */
static void locust__cli_warn(const locust__settings *st, const locust__log *log)
{
    const locust__buf *notes = &st->notes;
    for (size_t at = 0, n; at < notes->len; at += n + 1) {
        const char *line = notes->ptr + at, *end = memchr(line, '\n', notes->len - at);
        n = end ? (size_t)(end - line) : notes->len - at;
        locust__log_print(log, LOCUST__LOG_WARNING, "locust.main", "%.*s", (int)n, line);
    }
}

static void locust__cli_free(locust__settings *st)
{
    locust__buf_free(&st->home_file);
    locust__buf_free(&st->local_file);
    locust__buf_free(&st->config_file);
    locust__buf_free(&st->class_names);
    locust__buf_free(&st->tags.text);
    locust__buf_free(&st->exclude_tags.text);
    locust__buf_free(&st->config_users.text);
    locust__buf_free(&st->notes);
    locust__buf_free(&st->secret);
    locust__buf_free(&st->check_list);
    locust__buf_free(&st->find_list);
    LOCUST_FREE(st->own);
}

/* Ends the line of an option of the test: its choices, and its fallback unless the help has it. */
static void locust__cli_help_own(const locust_own_option *o)
{
    const char *fallback = o && o->fallback ? o->fallback : "";
    if (o && locust__own_option_type(o) == LOCUST_OWN_CHOICE && o->choices)
        dprintf(STDOUT_FILENO, ": %s", o->choices);
    if (*fallback && !(o->help && strchr(o->help, '(')))
        dprintf(STDOUT_FILENO, " (%s)", fallback);
    dprintf(STDOUT_FILENO, "\n");
}

static void locust__cli_help(const locust__settings *st, const char *program)
{
    dprintf(STDOUT_FILENO, "usage: %s [options] [UserClass ...]\n\n", program);
    for (int i = 0; locust__option_at(st, i); i++) {
        const locust__known_option *o = locust__option_at(st, i);
        char names[64], variable[64];
        const char *env = locust__option_variable(o, variable, sizeof variable);
        if (i == LOCUST__OPTIONS)
            dprintf(STDOUT_FILENO, "\nOptions of this test:\n");
        if (!o->help)
            continue;
        snprintf(names, sizeof names, "%c%c%s --%s %s", o->letter ? '-' : ' ',
            o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? o->value : "");
        dprintf(STDOUT_FILENO, "  %-30s %s", names, o->help);
        locust__cli_help_own(o->own);
        if (env)
            dprintf(STDOUT_FILENO, "  %-30s also: %s\n", "", env);
    }
    dprintf(STDOUT_FILENO,
        "\nOptions also come from ~/.locust.conf, ./locust.conf and --config FILE "
        "(users = 100), then\n"
        "from the environment, then from here; the later place wins. UserClass: run these alone.\n"
        "Exit code: 0, 1 after failures (--exit-code-on-error), 2 if the test cannot begin\n"
        "(a wrong option, a file), 3 if a --check does not hold, 4 with\n"
        "--fail-on-generator-limit.\n");
}
