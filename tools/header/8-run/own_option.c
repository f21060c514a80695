/* ============================================================================================
 * >>own_option  options that a test declares
 *
 * Purpose     their types: what a value may be, what stands where none is given, and values as
 *             numbers.
 * Invariants  a value and a fallback are of their type once the environment is made, so that
 *             reading them cannot fail.
 * Names       locust__own_option_
 * Uses        >>fault
 * Sources     Locust 2.46: init_command_line_parser, argparse's type and choices.
 * ============================================================================================ */

/* What each type takes, and what stands for its value in --help. */
static const struct {
    const char *takes, *value;
} locust__own_option_types[] = {
    [LOCUST_OWN_TEXT] = {"a text", "TEXT"},
    [LOCUST_OWN_WHOLE] = {"a whole number", "N"},
    [LOCUST_OWN_NUMBER] = {"a number", "NUMBER"},
    [LOCUST_OWN_SPAN] = {"a time span such as 20, 20s, 3m, 2h, 1h20m or 3h30m10s", "SPAN"},
    [LOCUST_OWN_CHOICE] = {"one of ", "CHOICE"},
    [LOCUST_OWN_FLAG] = {"true or false", NULL},
};

/* The name without the dashes that it may be declared with. */
static const char *locust__own_option_name(const char *name)
{
    return name + (strncmp(name, "--", 2) == 0 ? 2 : 0);
}

static int locust__own_option_type(const locust_own_option *o)
{
    return o->type > LOCUST_OWN_TEXT && o->type <= LOCUST_OWN_FLAG ? o->type
           : o->value                                              ? LOCUST_OWN_TEXT
                                                                   : LOCUST_OWN_FLAG;
}

/* What stands for its value in --help; NULL: it is a switch. */
static const char *locust__own_option_value(const locust_own_option *o)
{
    int type = locust__own_option_type(o);
    return o->value && type != LOCUST_OWN_FLAG ? o->value : locust__own_option_types[type].value;
}

static bool locust__own_option_is_choice(const locust_own_option *o, const char *text)
{
    size_t n;
    for (const char *p = o->choices ? o->choices : ""; *p; p += n + (p[n] == ',')) {
        n = strcspn(p, ",");
        if (locust__view_is((locust__view){p, n}, text))
            return true;
    }
    return false;
}

/* Reads a number with a sign or none; `whole`: digits alone. */
static bool locust__own_option_signed(const char *text, bool whole, double *number, int64_t *n)
{
    bool minus = *text == '-';
    text += minus || *text == '+';
    *n = 0;
    if (whole) {
        *n = locust__number_whole(&text);
        *number = (double)*n;
    } else {
        *number = locust__number_decimal(&text);
    }
    if (*text || !(*number >= 0) || *n == INT64_MAX)
        return false;
    *number = minus ? -*number : *number;
    *n = minus ? -*n : *n;
    return true;
}

/* Takes a value apart. False: it is not of the option's type. A text may be anything. */
static bool locust__own_option_read(
    const locust_own_option *o, const char *text, double *number, int64_t *whole)
{
    bool on = false;
    *number = 0;
    *whole = 0;
    switch (locust__own_option_type(o)) {
    case LOCUST_OWN_WHOLE:
        return locust__own_option_signed(text, true, number, whole);
    case LOCUST_OWN_NUMBER:
        return locust__own_option_signed(text, false, number, whole);
    case LOCUST_OWN_SPAN:
        return locust__number_span(text, number);
    case LOCUST_OWN_CHOICE:
        return locust__own_option_is_choice(o, text);
    case LOCUST_OWN_FLAG:
        if (!locust__text_switch(text, &on))
            return false;
        *whole = on;
        return true;
    default:
        return true;
    }
}

/* Is it of the option's type? If not, says in `takes` what is. */
static bool locust__own_option_good(
    const locust_own_option *o, const char *text, char *takes, size_t size)
{
    double number;
    int64_t whole;
    snprintf(takes, size, "%s%s", locust__own_option_types[locust__own_option_type(o)].takes,
        locust__own_option_type(o) == LOCUST_OWN_CHOICE && o->choices ? o->choices : "");
    return locust__own_option_read(o, text, &number, &whole);
}

/* The value where none is given. */
static const char *locust__own_option_fallback(const locust_own_option *o)
{
    switch (locust__own_option_type(o)) {
    case LOCUST_OWN_WHOLE:
    case LOCUST_OWN_NUMBER:
    case LOCUST_OWN_SPAN:
        return o->fallback ? o->fallback : "0";
    case LOCUST_OWN_FLAG:
        return o->fallback ? o->fallback : "false";
    default:
        return o->fallback ? o->fallback : "";
    }
}

/* The option of that name; NULL: the test declares none. */
static const locust_own_option *locust__own_option_find(const locust_test *test, const char *name)
{
    name = locust__own_option_name(name);
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && test->options[i].name; i++)
        if (strcmp(locust__own_option_name(test->options[i].name), name) == 0)
            return &test->options[i];
    return NULL;
}

/* The value of an option as it was given; else its fallback. */
static const char *locust__own_option_text(const locust_env *env, const locust_own_option *o)
{
    const char *name = locust__own_option_name(o->name);
    for (const locust_pair *given = env->options.own; given && given->name; given++)
        if (strcmp(locust__own_option_name(given->name), name) == 0)
            return given->value;
    return locust__own_option_fallback(o);
}

/* Are all fallbacks and all values that were given of their types? */
static bool locust__own_option_check(const locust_env *env, locust__fault *fault)
{
    const locust_test *test = env->test;
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && test->options[i].name; i++) {
        const locust_own_option *o = &test->options[i];
        const char *name = locust__own_option_name(o->name),
                   *given = locust__own_option_text(env, o);
        char takes[256];
        if (o->fallback && !locust__own_option_good(o, o->fallback, takes, sizeof takes))
            return locust__fault_set(fault, LOCUST__EXIT_USAGE,
                "the test's option --%s takes %s, but its fallback is \"%s\"", name, takes,
                o->fallback);
        if (given != locust__own_option_fallback(o) &&
            !locust__own_option_good(o, given, takes, sizeof takes))
            return locust__fault_set(
                fault, LOCUST__EXIT_USAGE, "--%s takes %s, not \"%s\"", name, takes, given);
    }
    return true;
}

/* Reads an option for the public call `what`, which is for the types from `least` to `most`. */
static void locust__own_option_get(const locust_env *env, const char *name, const char *what,
    int least, int most, double *number, int64_t *whole)
{
    const locust_own_option *o = locust__own_option_find(env->test, name);
    int type = o ? locust__own_option_type(o) : 0;
    if (!o)
        locust__die(LOCUST__EXIT_USAGE, "%s: the test declares no option \"%s\"", what, name);
    if (type < least || type > most)
        locust__die(LOCUST__EXIT_USAGE, "%s: the test declares \"%s\" as %s%s", what, name,
            locust__own_option_types[type].takes,
            type == LOCUST_OWN_CHOICE && o->choices ? o->choices : "");
    locust__own_option_read(o, locust__own_option_text(env, o), number, whole);
}

LOCUST_API const char *locust_option(locust_env *env, const char *name)
{
    const locust_own_option *o = locust__own_option_find(env->test, name);
    return o ? locust__own_option_text(env, o) : NULL;
}

LOCUST_API double locust_option_number(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(
        env, name, "locust_option_number()", LOCUST_OWN_WHOLE, LOCUST_OWN_SPAN, &number, &whole);
    return number;
}

LOCUST_API int64_t locust_option_whole(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(
        env, name, "locust_option_whole()", LOCUST_OWN_WHOLE, LOCUST_OWN_WHOLE, &number, &whole);
    return whole;
}

LOCUST_API bool locust_option_flag(locust_env *env, const char *name)
{
    double number;
    int64_t whole;
    locust__own_option_get(
        env, name, "locust_option_flag()", LOCUST_OWN_FLAG, LOCUST_OWN_FLAG, &number, &whole);
    return whole != 0;
}
