/* ============================================================================================
 * >>config_users  --config-users
 *
 * Purpose     changes user classes by JSON.
 * Names       locust__config_users_
 * Uses        >>stats >>json >>fault >>class
 * Sources     Locust 2.46.
 * ============================================================================================ */

static bool locust__config_users_wrong(locust__fault *fault, const char *what)
{
    return locust__fault_set(fault, LOCUST__EXIT_USAGE, "--config-users: %s", what);
}

/* Keeps the tasks of a class that a JSON array names. */
static bool locust__config_users_tasks(locust__class *cls, locust__view array, locust__fault *fault)
{
    const locust_task *all = cls->declared->tasks;
    const char *at = NULL;
    char name[128];
    locust__view value;
    int n = 0, kept = 0;
    while (all[n].fn || all[n].set)
        n++;
    LOCUST_FREE(cls->tasks); // an earlier object may have named the same class
    cls->tasks = locust__memory_zalloc((size_t)(n + 1) * sizeof *cls->tasks);
    if (!cls->tasks)
        return locust__config_users_wrong(fault, "out of memory");
    while (locust__json_element(array, &at, &value)) {
        int k = 0;
        if (!locust__json_decode(value, name, sizeof name))
            return locust__config_users_wrong(
                fault, "\"tasks\" must be an array of names of tasks");
        while (k < n && strcmp(all[k].name, name) != 0)
            k++;
        if (k == n)
            return locust__config_users_wrong(fault, "\"tasks\" names one that the class has not");
        if (kept < n)
            cls->tasks[kept++] = all[k];
    }
    cls->changed.tasks = cls->tasks;
    return kept ||
           locust__config_users_wrong(fault, "\"tasks\" must be an array of names of tasks");
}

/* Sets "weight" or "fixed_count" of a class. */
static bool locust__config_users_number(
    locust__class *cls, locust__view key, locust__view value, locust__fault *fault)
{
    char text[65];
    const char *end = text;
    bool fixed = locust__view_is(key, "fixed_count");
    double number;
    snprintf(text, sizeof text, "%.*s", (int)(value.len < 64 ? value.len : 64), value.ptr);
    number = locust__number_decimal(&end); // stops at the quote of a string
    if (*end || !(number >= 0) || number > 1e9)
        return locust__config_users_wrong(
            fault, "\"weight\" and \"fixed_count\" must be numbers from 0");
    if (fixed && number > (int)number)
        return locust__config_users_wrong(fault, "\"fixed_count\" must be a whole number");
    if (fixed)
        cls->changed.fixed_count = (int)number;
    else
        cls->changed.weight = number > 0 ? number : -1; // 0 in a class means the default
    return true;
}

/* Sets one attribute of a class. */
static bool locust__config_users_set(
    locust_env *env, locust__class *cls, locust__view key, locust__view value, locust__fault *fault)
{
    char text[1024];
    if (locust__view_is(key, "user_class_name"))
        return true;
    if (locust__view_is(key, "host")) {
        if (!locust__json_decode(value, text, sizeof text))
            return locust__config_users_wrong(fault, "\"host\" must be a string");
        cls->changed.host = locust__stats_text(&env->stats, text);
        return true;
    }
    if (locust__view_is(key, "tasks"))
        return locust__config_users_tasks(cls, value, fault);
    if (locust__view_is(key, "weight") || locust__view_is(key, "fixed_count"))
        return locust__config_users_number(cls, key, value, fault);
    return locust__config_users_wrong(
        fault, "it knows user_class_name, host, weight, fixed_count and tasks");
}

/* Applies one object. */
static bool locust__config_users_object(locust_env *env, locust__view object, locust__fault *fault)
{
    char name[128];
    locust__class *cls = NULL;
    locust__view key, value;
    const char *at = NULL;
    if (!locust__json_find(object, "user_class_name", &value) ||
        !locust__json_decode(value, name, sizeof name))
        return locust__config_users_wrong(fault, "each object needs a \"user_class_name\"");
    for (int i = 0; i < env->n_classes; i++)
        if (strcmp(env->classes[i].declared->name, name) == 0)
            cls = &env->classes[i];
    if (!cls)
        return locust__config_users_wrong(fault,
            "\"user_class_name\" is not that of a user class: --list prints those there are");
    if (cls->as == cls->declared) { // the first change: the test's own struct is constant
        cls->changed = *cls->declared;
        cls->as = &cls->changed;
    }
    while (locust__json_member(object, &at, &key, &value))
        if (!locust__config_users_set(env, cls, key, value, fault))
            return false;
    return true;
}

/* Applies an object, or an array of objects. */
static bool locust__config_users_json(locust_env *env, locust__view text, locust__fault *fault)
{
    const char *at = NULL;
    locust__view value, object;
    if (!locust__json_is_valid(text) || !locust__json_find(text, "", &value))
        return locust__config_users_wrong(fault, "it is not JSON");
    if (!locust__json_element(value, &at, &object))
        return locust__config_users_object(env, value, fault);
    do
        if (!locust__config_users_object(env, object, fault))
            return false;
    while (locust__json_element(value, &at, &object));
    return true;
}

/* Applies the JSON of a file. */
static bool locust__config_users_file(locust_env *env, locust__view path, locust__fault *fault)
{
    char *name = locust__text_copy(path.ptr, path.len), what[256];
    locust__buf file = {NULL, 0, 0, false};
    bool good;
    if (!name)
        return locust__config_users_wrong(fault, "out of memory");
    file = locust__os_read_file(name, 1 << 20);
    LOCUST_FREE(name);
    if (!file.len) {
        snprintf(what, sizeof what, "\"%.*s\" is neither JSON nor a file that can be read",
            path.len < 160 ? (int)path.len : 160, path.ptr);
        return locust__config_users_wrong(fault, what);
    }
    good = locust__config_users_json(env, (locust__view){file.ptr, file.len}, fault);
    locust__buf_free(&file);
    return good;
}

/* Applies JSON and files, one after the other; the path of a file ends with its line. */
static bool locust__config_users_apply(locust_env *env, const char *given, locust__fault *fault)
{
    const char *all = given + strlen(given);
    locust__locale locale = locust__locale_enter(); // numbers have a point, not a comma
    bool good = true;
    for (const char *p = given + strspn(given, " \t\r\n"), *end; good && *p;
         p = end + strspn(end, " \t\r\n")) {
        if (*p == '{' || *p == '[') {
            end = locust__json_value_end(p, all);
            end = end ? end : all;
            good = locust__config_users_json(env, (locust__view){p, (size_t)(end - p)}, fault);
        } else {
            end = p + strcspn(p, "\n");
            good = locust__config_users_file(env, (locust__view){p, (size_t)(end - p)}, fault);
        }
    }
    locust__locale_leave(locale);
    return good;
}
