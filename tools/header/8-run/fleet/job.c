/* ============================================================================================
 * >>fleet_job  what a master asks a worker for
 *
 * Purpose     reads a `spawn` message, and gives the test what it says of host, tags, stop timeout
 *             and the test's own options.
 * Invariants  a message that cannot be read changes nothing. Host, tags and own options change only
 *             while there are no users, which point at them.
 * Names       locust__job locust__job_
 * Uses        >>fault >>task >>class >>stages >>classes >>ask >>own_option >>fleet_msgpack
 *             >>fleet_envelope >>fleet_plus
 * Sources     Locust 2.12 to 2.47 (reference runs): the keys; a class that is not named keeps its
 *             users; a worker takes tags and the options that the test has added from the master,
 *             and its host if that is not empty.
 * ============================================================================================ */

typedef struct locust__job {
    double timestamp;                 // of the message, by the master's clock
    int counts[LOCUST_CLASSES_MAX];   // users of each class of the test; -1: as many as there are
    char *host, *tags, *exclude_tags; // NULL: none
    double stop_timeout_s;
    int workers;                       // that the master waits for
    char *own[LOCUST_OWN_OPTIONS_MAX]; // of the test's options; NULL: the master has no value
    char unknown[128];                 // a class that the test has not; "": none
    // Of a master of our own.
    bool plus;
    int part, parts; // of feeders
    double pace;     // of arrivals
    int iterations;  // -1: no limit
    double rate, patience_s, warm_up_s;
    char *stages; // of arrivals; NULL: none
    int max_in_flight, seed;
    bool poisson, reset_stats, phases;
} locust__job;

static void locust__job_free(locust__job *s)
{
    LOCUST_FREE(s->host);
    LOCUST_FREE(s->tags);
    LOCUST_FREE(s->exclude_tags);
    LOCUST_FREE(s->stages);
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX; i++)
        LOCUST_FREE(s->own[i]);
    memset(s, 0, sizeof *s);
}

static int locust__job_class(const locust_env *env, locust__view name)
{
    for (int i = 0; i < env->n_classes; i++)
        if (locust__view_is(name, env->classes[i].as->name))
            return i;
    return -1;
}

/* Reads user_classes_count. False: it is none. */
static bool locust__job_counts(locust__job *s, const locust_env *env, locust__view data)
{
    locust__msgpack_item head, name, count;
    locust__view counts;
    for (int i = 0; i < LOCUST_CLASSES_MAX; i++)
        s->counts[i] = -1;
    if (!locust__msgpack_find(data, "user_classes_count", &head, &counts) ||
        head.kind != LOCUST__MSGPACK_MAP)
        return false;
    locust__msgpack_next(&counts, &head);
    for (uint32_t i = 0; i < head.n; i++) {
        int at;
        locust__msgpack_next(&counts, &name);
        if (name.kind != LOCUST__MSGPACK_STR ||
            locust__msgpack_next(&counts, &count) != LOCUST__MSGPACK_OK ||
            count.kind != LOCUST__MSGPACK_INT || count.whole < 0 || count.whole > INT_MAX)
            return false;
        at = locust__job_class(env, name.bytes);
        if (at >= 0)
            s->counts[at] = (int)count.whole;
        else if (count.whole)
            snprintf(s->unknown, sizeof s->unknown, "%.*s",
                name.bytes.len < 100 ? (int)name.bytes.len : 100, name.bytes.ptr);
    }
    return true;
}

/* A text of a map. NULL: it has none. */
static char *locust__job_text(locust__view map, const char *key)
{
    locust__msgpack_item item;
    locust__view value;
    bool found = locust__msgpack_find(map, key, &item, &value);
    return found ? locust__envelope_text(&item) : NULL;
}

/* A list of texts, joined by commas. NULL: there is none, or it is empty. */
static char *locust__job_list(locust__view map, const char *key)
{
    locust__msgpack_item head, item;
    locust__view list;
    locust__buf text = {NULL, 0, 0, false};
    if (!locust__msgpack_find(map, key, &head, &list) || head.kind != LOCUST__MSGPACK_ARRAY)
        return NULL;
    locust__msgpack_next(&list, &head);
    for (uint32_t i = 0; i < head.n; i++) {
        if (locust__msgpack_next(&list, &item) != LOCUST__MSGPACK_OK ||
            item.kind != LOCUST__MSGPACK_STR)
            break;
        locust__buf_puts(&text, text.len ? "," : "");
        locust__buf_add(&text, item.bytes.ptr, item.bytes.len);
    }
    if (text.len)
        locust__buf_add(&text, "", 1);
    if (text.failed)
        locust__buf_free(&text);
    return text.ptr;
}

/* Reads the options that the test has added: Python knows --api-key as api_key. */
static void locust__job_own(locust__job *s, const locust_env *env, locust__view options)
{
    const locust_own_option *all = env->test->options;
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && all[i].name; i++) {
        char name[64], takes[256];
        snprintf(name, sizeof name, "%s", locust__own_option_name(all[i].name));
        for (char *p = name; *p; p++)
            *p = *p == '-' ? '_' : *p;
        s->own[i] = locust__job_text(options, name);
        if (!s->own[i] || locust__own_option_good(&all[i], s->own[i], takes, sizeof takes))
            continue;
        locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
            "--%s takes %s: \"%.100s\" of the master has no effect",
            locust__own_option_name(all[i].name), takes, s->own[i]);
        LOCUST_FREE(s->own[i]);
        s->own[i] = NULL;
    }
}

/* Reads a number from 0 to 1e9. */
static bool locust__job_number(locust__view *rest, double *out)
{
    locust__msgpack_item item;
    return locust__msgpack_next(rest, &item) == LOCUST__MSGPACK_OK &&
           locust__msgpack_number(&item, out) && *out >= 0 && *out <= 1e9;
}

/* The same, whole, from -1. */
static bool locust__job_whole(locust__view *rest, int *out)
{
    locust__msgpack_item item;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
        item.kind != LOCUST__MSGPACK_INT || item.whole < -1 || item.whole > INT_MAX)
        return false;
    *out = (int)item.whole;
    return true;
}

static bool locust__job_bool(locust__view *rest, bool *out)
{
    locust__msgpack_item item;
    if (locust__msgpack_next(rest, &item) != LOCUST__MSGPACK_OK ||
        item.kind != LOCUST__MSGPACK_BOOL)
        return false;
    *out = item.truth;
    return true;
}

/* Reads what a master of our own adds: see >>fleet_order. False: it is broken. */
static bool locust__job_plus(locust__job *s, locust__view rest)
{
    locust__msgpack_item item;
    if (!locust__plus_array(&rest, 13) || !locust__job_whole(&rest, &s->part) ||
        !locust__job_whole(&rest, &s->parts) || !locust__job_number(&rest, &s->pace) ||
        !locust__job_whole(&rest, &s->iterations) || !locust__job_number(&rest, &s->rate) ||
        locust__msgpack_next(&rest, &item) != LOCUST__MSGPACK_OK || s->part < 0 ||
        s->parts <= s->part)
        return false;
    s->stages = locust__envelope_text(&item);
    s->plus = locust__job_bool(&rest, &s->poisson) && locust__job_whole(&rest, &s->max_in_flight) &&
              locust__job_number(&rest, &s->patience_s) &&
              locust__job_number(&rest, &s->warm_up_s) &&
              locust__job_bool(&rest, &s->reset_stats) && locust__job_bool(&rest, &s->phases) &&
              locust__job_whole(&rest, &s->seed);
    return s->plus;
}

/* Reads the data of a `spawn` message. False: it is none; then nothing is to be freed. */
static bool locust__job_read(locust__job *s, const locust_env *env, locust__view data)
{
    locust__msgpack_item item;
    locust__view options;
    memset(s, 0, sizeof *s);
    if (!locust__msgpack_find(data, "timestamp", &item, &options) ||
        !locust__msgpack_number(&item, &s->timestamp) || !locust__job_counts(s, env, data))
        return false;
    s->host = locust__job_text(data, "host");
    if (locust__msgpack_find(data, "stop_timeout", &item, &options) &&
        !locust__msgpack_number(&item, &s->stop_timeout_s))
        s->stop_timeout_s = 0; // nil: none
    if (locust__msgpack_find(data, LOCUST__PLUS_KEY, &item, &options) &&
        !locust__job_plus(s, options)) {
        locust__job_free(s);
        return false;
    }
    if (!locust__msgpack_find(data, "parsed_options", &item, &options))
        return true;
    s->tags = locust__job_list(options, "tags");
    s->exclude_tags = locust__job_list(options, "exclude_tags");
    if (locust__msgpack_find(options, "expect_workers", &item, &data) &&
        item.kind == LOCUST__MSGPACK_INT && item.whole > 0 && item.whole < INT_MAX)
        s->workers = (int)item.whole;
    locust__job_own(s, env, options);
    return true;
}

/* Makes the plans of all classes anew. A class that the tags leave without tasks has no plan, and
 * gets no users. */
static void locust__job_plans(locust_env *env)
{
    locust__fault fault = {.code = 0};
    env->users.tags = (locust__tags){env->options.tags, env->options.exclude_tags};
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        locust__plan_free(cls->plan);
        cls->plan = NULL;
        if (!locust__class_plan_left(cls, &env->users.tags, &fault))
            locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners", "%s", fault.text);
        else if (!cls->plan)
            locust__log_print(&env->log, LOCUST__LOG_WARNING, "root",
                "%s had no tasks left after filtering: it gets no users", cls->as->name);
    }
}

/* Takes a class's queue of arrivals away. */
static void locust__job_no_arrivals(locust__class *cls)
{
    if (cls->arrivals)
        LOCUST_FREE(cls->arrivals->backlog);
    LOCUST_FREE(cls->arrivals);
    cls->arrivals = NULL;
}

/* Leaves arrivals to the classes that the master has, which share its rate by weight. */
static void locust__job_share_arrivals(const locust__job *s, locust_env *env)
{
    double total = 0;
    for (int i = 0; i < env->n_classes; i++) {
        if (s->counts[i] < 0)
            locust__job_no_arrivals(&env->classes[i]);
        else if (env->classes[i].arrivals && env->classes[i].arrivals->share > 0)
            total += locust__class_weight(env->classes[i].as);
    }
    for (int i = 0; i < env->n_classes; i++)
        if (env->classes[i].arrivals && env->classes[i].arrivals->share > 0)
            env->classes[i].arrivals->share = locust__class_weight(env->classes[i].as) / total;
}

/* Has users arrive as the master says, if it says anything. */
static void locust__job_arrivals(const locust__job *s, locust_env *env)
{
    locust_options *o = &env->options;
    locust__fault fault = {.code = 0};
    if (!(s->rate > 0) && !s->stages)
        return;
    for (int i = 0; i < env->n_classes; i++)
        locust__job_no_arrivals(&env->classes[i]);
    LOCUST_FREE(env->stages.items);
    memset(&env->stages, 0, sizeof env->stages);
    env->services.recorder.has_arrivals = false;
    o->rate = s->rate;
    o->poisson = s->poisson;
    o->max_in_flight = s->max_in_flight;
    o->patience_s = s->patience_s;
    if ((s->stages && !locust__stages_parse(&env->stages, s->stages)) ||
        !locust__classes_arrivals(env, &fault))
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "the master's arrivals cannot be had here: %s", *fault.text ? fault.text : s->stages);
}

/* Takes over what a master of our own says of the run. */
static void locust__job_run(const locust__job *s, locust_env *env)
{
    if (!s->plus)
        return;
    env->options.warm_up_s = s->warm_up_s;
    env->options.reset_stats = s->reset_stats;
    env->services.recorder.phases = env->options.phases = s->phases;
    env->users.iterations_left = s->iterations;
    env->users.limited |= s->iterations >= 0;
    if (s->seed > 0) // processes that share a test make different choices
        env->users.seed = env->loop.random = (uint64_t)s->seed << 20 | (unsigned)s->part;
    locust__job_arrivals(s, env);
    locust__job_share_arrivals(s, env);
}

/* Gives the test what the master says. host: this worker's own, where the master has none. There
 * are no users. */
static void locust__job_apply(
    const locust__job *s, locust_env *env, const char *host, locust_pair *own)
{
    bool tags;
    int n = 0;
    if (locust__ask_set(env, &env->options.host, s->host && *s->host ? s->host : host))
        locust__ask_rehost(env, "the master's ");
    tags = locust__ask_set(env, &env->options.tags, s->tags);
    tags |= locust__ask_set(env, &env->options.exclude_tags, s->exclude_tags);
    if (tags)
        locust__job_plans(env);
    for (int i = 0; i < LOCUST_OWN_OPTIONS_MAX && env->test->options[i].name; i++) {
        const char *name = locust__own_option_name(env->test->options[i].name);
        const char *value = locust__own_option_text(env, &env->test->options[i]);
        if (s->own[i])
            locust__ask_set(env, &value, s->own[i]);
        if (value)
            own[n++] = (locust_pair){name, value};
    }
    own[n] = (locust_pair){NULL, NULL};
    env->options.own = own;
    locust__job_run(s, env);
}
