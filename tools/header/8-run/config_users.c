/* ============================================================================================
 * >>config_users  --config-users
 *
 * Purpose     changes user classes by JSON.
 * Names       locust__config_users_
 * Uses        >>stats >>json >>class
 * Sources     Locust 2.46.
 * ============================================================================================ */

/* Keeps the tasks of a class that a JSON array names. NULL, or what is wrong. */
static const char *locust__config_users_tasks(locust__class *cls, locust__view array)
{
    const locust_task *all = cls->declared->tasks;
    char path[32], name[128];
    locust__view value;
    int n = 0, kept = 0;
    while (all[n].fn || all[n].set)
        n++;
    LOCUST_FREE(cls->tasks); // of an object before
    cls->tasks = locust__memory_zalloc((size_t)(n + 1) * sizeof *cls->tasks);
    if (!cls->tasks)
        return "out of memory";
    for (int i = 0;
         snprintf(path, sizeof path, "[%d]", i) > 0 && locust__json_find(array, path, &value);
         i++) {
        int k = 0;
        if (!locust__json_decode(value, name, sizeof name))
            return "\"tasks\" must be an array of names of tasks";
        while (k < n && strcmp(all[k].name, name) != 0)
            k++;
        if (k == n)
            return "\"tasks\" names one that the class has not";
        if (kept < n)
            cls->tasks[kept++] = all[k];
    }
    cls->changed.tasks = cls->tasks;
    return kept ? NULL : "\"tasks\" must be an array of names of tasks";
}

/* Sets one attribute of a class. NULL, or what is wrong. */
static const char *locust__config_users_set(
    locust_env *env, locust__class *cls, locust__view key, locust__view value)
{
    char text[1024] = "";
    const char *end = text;
    double number;
    bool string = locust__json_decode(value, text, sizeof text);
    if (locust__view_is(key, "user_class_name"))
        return NULL;
    if (locust__view_is(key, "host")) {
        if (!string)
            return "\"host\" must be a string";
        cls->changed.host = locust__stats_text(&env->stats, text);
        return NULL;
    }
    if (locust__view_is(key, "tasks"))
        return locust__config_users_tasks(cls, value);
    if (!locust__view_is(key, "weight") && !locust__view_is(key, "fixed_count"))
        return "it knows user_class_name, host, weight, fixed_count and tasks";
    snprintf(text, sizeof text, "%.*s", (int)(value.len < 64 ? value.len : 64), value.ptr);
    number = locust__number_decimal(&end);
    if (string || *end || !(number >= 0) || number > 1e9)
        return "\"weight\" and \"fixed_count\" must be numbers from 0";
    if (locust__view_is(key, "fixed_count") && number > (int)number)
        return "\"fixed_count\" must be a whole number";
    if (locust__view_is(key, "weight"))
        cls->changed.weight = number > 0 ? number : -1; // 0 in a class means the default
    else
        cls->changed.fixed_count = (int)number;
    return NULL;
}

/* Applies one object. NULL, or what is wrong with it. */
static const char *locust__config_users_object(locust_env *env, locust__view object)
{
    char name[128];
    locust__class *cls = NULL;
    locust__view key, value;
    const char *p = NULL, *wrong = NULL;
    if (!locust__json_find(object, "user_class_name", &value) ||
        !locust__json_decode(value, name, sizeof name))
        return "each object needs a \"user_class_name\"";
    for (int i = 0; i < env->n_classes; i++)
        if (strcmp(env->classes[i].declared->name, name) == 0)
            cls = &env->classes[i];
    if (!cls)
        return "\"user_class_name\" is not that of a user class: --list prints those there are";
    if (cls->as == cls->declared) {
        cls->changed = *cls->declared;
        cls->as = &cls->changed;
    }
    while (!wrong && locust__json_member(object, &p, &key, &value))
        wrong = locust__config_users_set(env, cls, key, value);
    return wrong;
}

/* Applies an object or an array of them, or those of a file. NULL, or what is wrong. */
static const char *locust__config_users_apply(locust_env *env, const char *given)
{
    const char *start = given + strspn(given, " \t\r\n"), *wrong = NULL;
    locust__buf file = {NULL, 0, 0, false};
    locust__view text = locust__view_of(start), object;
    locust__locale locale;
    if (*start != '{' && *start != '[') {
        file = locust__os_read_file(given, 1 << 20);
        if (!file.len)
            return "it is neither JSON nor a file that can be read";
        text = (locust__view){file.ptr, file.len};
    }
    locale = locust__locale_enter();
    if (!locust__json_is_valid(text)) {
        wrong = "it is not JSON";
    } else if (!locust__json_find(text, "[0]", &object)) {
        wrong = locust__config_users_object(env, text);
    } else {
        char path[32];
        for (int i = 0; !wrong && snprintf(path, sizeof path, "[%d]", i) > 0 &&
                        locust__json_find(text, path, &object);
             i++)
            wrong = locust__config_users_object(env, object);
    }
    locust__locale_leave(locale);
    locust__buf_free(&file);
    return wrong;
}
