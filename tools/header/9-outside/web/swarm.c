/* ============================================================================================
 * >>web_swarm  what the form asks for
 *
 * Purpose     /swarm: reads its fields, and begins a test or changes the one that runs; /user.
 * Invariants  a form that is refused starts nothing. What may not change under users waits for the
 *             next test: the host, options, classes and the shape.
 * Names       locust__swarm_
 * Uses        >>json >>json_out >>fault >>task >>class >>env >>runner >>config_users >>ask
 *             >>own_option >>web_form >>web_data >>web_args >>web
 * Sources     Locust 2.47 (reference runs): fields, texts, and which come first; locust_count and
 *             hatch_rate as they were called before Locust 1.
 * ============================================================================================ */

typedef struct locust__swarm { // a form that is read
    bool counted, rated, timed;
    int users;
    double rate;
    double arrivals; // a second; 0: as it is
    double run_time_s;
    const char *wrong; // what is wrong with it; NULL: nothing so far
    char text[256];
} locust__swarm;

/* Adds a text as Python's repr() writes it. */
LOCUST__COLD static void locust__swarm_quote(char *out, size_t size, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    size_t n = 0;
    out[n++] = quote;
    for (; *text && n + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\\' || c == (unsigned char)quote)
            out[n++] = '\\';
        if (c == '\n' || c == '\r' || c == '\t')
            n += (size_t)snprintf(out + n, size - n, "\\%c",
                c == '\n'   ? 'n'
                : c == '\r' ? 'r'
                            : 't');
        else if (c < 0x20 || c == 0x7F)
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        else
            out[n++] = (char)c;
    }
    out[n++] = quote;
    out[n] = '\0';
}

LOCUST__COLD static void locust__swarm_invalid(
    locust__swarm *s, const char *field, const char *value, const char *takes)
{
    char quoted[160];
    locust__swarm_quote(quoted, sizeof quoted, value);
    snprintf(s->text, sizeof s->text, "Invalid %s value: %s (must be %s)", field, quoted, takes);
    s->wrong = s->text;
}

/* Skips the blanks and the sign in front of a number. True: it is below 0. */
LOCUST__COLD static bool locust__swarm_sign(const char **text)
{
    bool minus;
    *text += strspn(*text, " \t\r\n");
    minus = **text == '-';
    *text += minus || **text == '+';
    return minus;
}

/* int(text) of Python; more than INT_MAX is taken as -1. */
LOCUST__COLD static void locust__swarm_users(locust__swarm *s, const char *value)
{
    const char *p = value;
    bool minus = locust__swarm_sign(&p);
    int64_t n = locust__number_whole(&p);
    p += strspn(p, " \t\r\n");
    if (n < 0 || *p) {
        locust__swarm_invalid(s, "user_count", value, "an integer");
        return;
    }
    s->counted = true;
    s->users = (minus && n) || n > INT_MAX ? -1 : (int)n;
}

/* float(text) of Python; what is not finite is taken as -1. */
LOCUST__COLD static void locust__swarm_rate(locust__swarm *s, const char *value)
{
    static const char *const words[] = {"inf", "infinity", "nan"};
    const char *p = value;
    bool minus = locust__swarm_sign(&p), word = false;
    double rate = locust__number_decimal(&p);
    size_t n = strcspn(p, " \t\r\n");
    for (int i = 0; rate < 0 && i < 3; i++)
        if (n == strlen(words[i]) && strncasecmp(p, words[i], n) == 0) {
            word = true;
            p += n;
        }
    p += strspn(p, " \t\r\n");
    if ((rate < 0 && !word) || *p) {
        locust__swarm_invalid(s, "spawn_rate", value, "a number");
        return;
    }
    s->rated = true;
    s->rate = word || minus || !(rate < 1e300) ? -1 : rate;
}

/* The host without < and >, which no host has. */
LOCUST__COLD static void locust__swarm_host(locust__web *w, const char *value)
{
    char *copy = locust__text_copy(value, strlen(value)), *to = copy;
    if (!copy)
        return;
    for (; *value; value++)
        if (*value != '<' && *value != '>')
            *to++ = *value;
    *to = '\0';
    LOCUST_FREE(w->host);
    w->host = copy;
}

LOCUST__COLD static void locust__swarm_own(
    locust__web *w, locust__swarm *s, const char *name, const char *value)
{
    const locust_own_option *all = w->env->test->options;
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && all[i].name; i++) {
        char known[64], takes[200];
        const char *text = value;
        locust__args_option_name(&all[i], known, sizeof known);
        if (strcmp(known, name) != 0)
            continue;
        if (locust__own_option_type(&all[i]) == LOCUST_OWN_FLAG)
            text = strcmp(value, "true") == 0 ? "true" : "false";
        if (!locust__own_option_good(&all[i], text, takes, sizeof takes)) {
            snprintf(s->text, sizeof s->text, "%.60s takes %.160s", name, takes);
            s->wrong = s->text;
            return;
        }
        LOCUST_FREE(w->own[i]);
        w->own[i] = locust__text_copy(text, strlen(text));
    }
}

/* One field. */
LOCUST__COLD static void locust__swarm_field(
    locust__web *w, locust__swarm *s, const char *name, const char *value)
{
    if (strcmp(name, "user_count") == 0 || strcmp(name, "locust_count") == 0) {
        locust__swarm_users(s, value);
    } else if (strcmp(name, "spawn_rate") == 0 || strcmp(name, "hatch_rate") == 0) {
        locust__swarm_rate(s, value);
    } else if (strcmp(name, "host") == 0) {
        locust__swarm_host(w, value);
    } else if (strcmp(name, "run_time") == 0) {
        if (!*value)
            return;
        s->timed = locust__number_span(value, &s->run_time_s);
        if (!s->timed)
            s->wrong = "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.";
    } else if (strcmp(name, "rate") == 0 && w->env->services.recorder.has_arrivals) {
        const char *p = value;
        s->arrivals = locust__number_decimal(&p);
        if (*p || !(s->arrivals > 0) || s->arrivals > 1e9)
            locust__swarm_invalid(s, "rate", value, "arrivals a second");
    } else if (strcmp(name, "profile") == 0) {
        LOCUST_FREE(w->seen.profile);
        w->seen.profile = *value ? locust__text_copy(value, strlen(value)) : NULL;
    } else {
        locust__swarm_own(w, s, name, value);
    }
}

/* The classes that the form names, of those there are; without names, all. With --class-picker. */
LOCUST__COLD static void locust__swarm_classes(locust__web *w, const locust__form *form)
{
    const locust_env *env = w->env;
    int to = w->chosen_now == 0 ? 1 : 0, n = 0;
    const char *at = NULL, *name, *value;
    if (!locust__form_value(form, "user_classes")) {
        if (!w->seen.testing)
            w->chosen_now = -1;
        return;
    }
    for (int i = 0; i < env->n_classes; i++)
        for (at = NULL; locust__form_next(form, &at, &name, &value);)
            if (strcmp(name, "user_classes") == 0 && strcmp(value, env->classes[i].as->name) == 0) {
                w->chosen[to][n++] = env->classes[i].declared;
                break;
            }
    w->chosen[to][n] = NULL;
    w->chosen_now = to;
}

/* Does the form choose the shape of the test, or no shape? False: one that there is not. */
LOCUST__COLD static bool locust__swarm_shape(locust__web *w, const locust__form *form)
{
    const char *shape = locust__form_value(form, "shape_class");
    w->no_shape = !shape || strcmp(shape, "Default") == 0;
    return w->no_shape || (w->env->own_shape && strcmp(shape, "shape") == 0);
}

/* The host that the next test will have. */
LOCUST__COLD static const char *locust__swarm_host_now(const locust__web *w)
{
    return w->host ? w->host : w->env->options.host;
}

/* Arrivals a second that options and classes ask for; 0: by stages, or none. */
LOCUST__COLD static double locust__swarm_arrivals(const locust_env *env)
{
    double rate = 0, shared = 0;
    for (int i = 0; !env->stages.n && i < env->n_classes; i++) {
        const locust__arrival_queue *queue = env->classes[i].arrivals;
        if (queue && queue->as.rate > 0)
            rate += queue->as.rate;
        else if (queue)
            shared += queue->share;
    }
    return rate + env->options.rate * shared;
}

/* Begins a test, or changes the one that runs. */
LOCUST__COLD static void locust__swarm_go(locust__web *w, const locust__swarm *s)
{
    locust_env *env = w->env;
    locust_tick tick;
    if (s->users >= 0)
        env->options.users = s->users;
    if (s->rate > 0)
        env->options.spawn_rate = s->rate;
    tick = (locust_tick){.users = env->options.users, .spawn_rate = env->options.spawn_rate};
    if (w->chosen_now >= 0)
        tick.classes = w->chosen[w->chosen_now];
    env->options.run_time_s = s->timed ? s->run_time_s : 0;
    env->own_users = env->own_rate = true;
    if (w->seen.testing && !env->stop_requested) {
        if (s->arrivals > 0 && locust__swarm_arrivals(env) > 0)
            env->pace = s->arrivals / locust__swarm_arrivals(env);
        locust__ask_users(env, tick);
        return;
    }
    env->asked = tick;
    w->start_due = true;
    locust__env_wake(env);
}

LOCUST__COLD static void locust__swarm_say(
    const locust__web *w, locust__json_out *j, const char *message, bool success)
{
    if (!success)
        locust__log_print(&w->env->log, LOCUST__LOG_ERROR, "locust.web", "%s", message);
    locust__data_text(j, "host", locust__swarm_host_now(w));
    locust__data_text(j, "message", message);
}

/* Those of the chosen classes. */
LOCUST__COLD static void locust__swarm_list(const locust__web *w, locust__json_out *j)
{
    const locust_env *env = w->env;
    const locust_user_class *const *chosen = w->chosen_now >= 0 ? w->chosen[w->chosen_now] : NULL;
    locust__json_out_name(j, "user_classes");
    locust__json_out_begin(j, '[');
    for (int i = 0; chosen ? chosen[i] != NULL : i < env->n_classes; i++)
        locust__json_out_text(j, chosen ? chosen[i]->name : env->classes[i].as->name);
    locust__json_out_end(j, ']');
}

/* Answers a form. False: the form names a shape that the test has not, and nothing was written. */
LOCUST__COLD static bool locust__swarm_answer(
    locust__web *w, const locust__form *form, locust__json_out *j)
{
    locust_env *env = w->env;
    locust__swarm s = {.users = -1, .rate = -1};
    const char *at = NULL, *name, *value;
    bool picks = env->options.class_picker, shape, open = locust__runner_is_open(env);
    if (picks && !locust__swarm_shape(w, form))
        return false;
    if (picks)
        locust__swarm_classes(w, form);
    while (!s.wrong && locust__form_next(form, &at, &name, &value))
        locust__swarm_field(w, &s, name, value);
    shape = env->own_shape && !w->no_shape;
    if (!s.wrong && !shape && !open && (s.users < 0 || !(s.rate > 0)))
        s.wrong = "Missing or invalid user_count or spawn_rate from /swarm request";
    locust__json_out_begin(j, '{');
    if (s.wrong) {
        locust__swarm_say(w, j, s.wrong, false);
        locust__data_bool(j, "success", false);
        locust__json_out_end(j, '}');
        return true;
    }
    if (shape && w->seen.testing)
        locust__log_print(&env->log, LOCUST__LOG_INFO, "locust.runners",
            "There is an ongoing shape test running. Editing is disabled");
    else
        locust__swarm_go(w, &s);
    locust__swarm_say(
        w, j, shape ? "Swarming started using shape class 'shape'" : "Swarming started", true);
    if (s.timed && s.run_time_s > 0 && !shape)
        locust__data_int(j, "run_time", (int64_t)s.run_time_s);
    locust__data_bool(j, "success", true);
    if (picks && !shape)
        locust__swarm_list(w, j);
    locust__json_out_end(j, '}');
    return true;
}

/* Makes the plan of each class anew. A class that is left without tasks gets no users. */
LOCUST__COLD static void locust__swarm_plan(locust_env *env)
{
    locust__fault fault = {.code = 0};
    for (int i = 0; i < env->n_classes; i++) {
        locust__plan *before = env->classes[i].plan;
        if (locust__class_plan_left(&env->classes[i], &env->users.tags, &fault) &&
            env->classes[i].plan)
            locust__plan_free(before);
        else
            env->classes[i].plan = before;
    }
}

/* Applies what /user has said of classes. There are no users. */
LOCUST__COLD static void locust__swarm_apply_users(locust__web *w)
{
    locust_env *env = w->env;
    for (size_t at = 0; at < w->users.len; at += strlen(w->users.ptr + at) + 1) {
        locust__fault fault = {.code = 0};
        if (!locust__config_users_json(env, locust__view_of(w->users.ptr + at), &fault))
            locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.web", "%s", fault.text);
    }
    if (w->users.len) {
        locust__swarm_plan(env);
        locust__ask_rehost(env, "");
    }
    w->users.len = 0;
}

/* Takes an object about a class, of /user. NULL: good; or why not, perhaps in `text`. */
LOCUST__COLD static const char *locust__swarm_user(
    locust__web *w, locust__view body, char *text, size_t size)
{
    locust_env *env = w->env;
    locust__view value;
    char name[128];
    bool found = false;
    if (!locust__json_is_valid(body) || memchr(body.ptr, '\0', body.len) ||
        !locust__json_find(body, "user_class_name", &value) ||
        !locust__json_decode(value, name, sizeof name))
        return "Expecting an object of JSON with user_class_name";
    for (int i = 0; i < env->n_classes; i++)
        found |= strcmp(env->classes[i].declared->name, name) == 0;
    if (!found) {
        locust__swarm_quote(text, size, name);
        return text;
    }
    if (w->users.len + body.len >= LOCUST__WEB_USERS)
        return "too many changes wait for the end of this test";
    locust__buf_add(&w->users, body.ptr, body.len);
    locust__buf_add(&w->users, "", 1);
    if (!w->seen.testing) {
        locust__fault fault = {.code = 0};
        if (!locust__config_users_json(env, body, &fault)) {
            w->users.len = 0;
            snprintf(text, size, "%s", fault.text);
            return text;
        }
        locust__swarm_apply_users(w);
    }
    return NULL;
}

/* Gives the next test what was asked for. There are no users. */
LOCUST__COLD static void locust__swarm_apply(locust__web *w)
{
    locust_env *env = w->env;
    const locust_own_option *all = env->test->options;
    int n = 0;
    locust__swarm_apply_users(w);
    if (w->host && locust__ask_set(env, &env->options.host, *w->host ? w->host : NULL))
        locust__ask_rehost(env, "");
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && all[i].name; i++) {
        const char *value = locust__own_option_text(env, &all[i]);
        if (w->own[i])
            locust__ask_set(env, &value, w->own[i]);
        if (value)
            w->pairs[n++] = (locust_pair){locust__own_option_name(all[i].name), value};
    }
    w->pairs[n] = (locust_pair){NULL, NULL};
    env->options.own = w->pairs;
    env->shape = w->no_shape ? NULL : env->own_shape;
}
