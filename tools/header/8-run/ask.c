/* ============================================================================================
 * >>ask  what somebody asks of a test while it runs, or before its next one
 *
 * Purpose     other numbers of users, other run times, another host: for a page or a terminal.
 * Invariants  numbers and run time change at once; hosts while there are no users, which point at
 *             them.
 * Names       locust__ask_
 * Uses        >>base_url >>fault >>class >>env >>classes
 * ============================================================================================ */

/* Makes *field the text, kept as long as the environment, unless it is that already. True: it
 * changed. */
LOCUST__COLD LOCUST__UNUSED static bool locust__ask_set(
    locust_env *env, const char **field, const char *text)
{
    if (!text == !*field && (!text || strcmp(text, *field) == 0))
        return false;
    *field = text ? locust__arena_copy(&env->services.arena, text, strlen(text)) : NULL;
    return true;
}

/* Gives all classes the host of the options. A host that will not do leaves them without: a line in
 * the log says so, after `whose` ("the master's "), and requests fail with their own sentence. */
LOCUST__COLD LOCUST__UNUSED static void locust__ask_rehost(locust_env *env, const char *whose)
{
    locust__fault fault = {.code = 0};
    for (int i = 0; i < env->n_classes; i++) {
        locust__class *cls = &env->classes[i];
        locust__base_url_free(&cls->base);
        cls->base = (locust__base_url){.prefix = "", .text = ""};
        if (!locust__classes_host(env, cls, &fault)) {
            locust__log_print(
                &env->log, LOCUST__LOG_ERROR, "locust.runners", "%s%s", whose, fault.text);
            return;
        }
    }
}

/* Asks the test that runs for another number of users, at another rate. */
LOCUST__UNUSED static void locust__ask_users(locust_env *env, locust_tick tick)
{
    env->asked = tick;
    env->asked_due = true;
    env->asked_ns = locust__os_now_ns();
    locust__env_wake(env);
}
