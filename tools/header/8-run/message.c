/* ============================================================================================
 * >>message  messages of the test
 *
 * Purpose     the functions of the test that take messages, and what a process on its own does with
 *             those that it sends.
 * Names       locust__message_
 * Uses        >>misuse >>context >>json
 * Sources     Locust 2.46: LocalRunner.send_message calls the functions registered in its own
 *             process; a type that nobody has registered is a line in the log.
 * ============================================================================================ */

static void locust__message_call(
    locust_env *env, locust_message_fn fn, const locust_message *message)
{
    locust__callback c;
    locust__callback_begin(&c, &env->loop, "a function of .messages");
    c.fails = true;
    if (setjmp(c.back) == 0)
        fn(env, message);
    else
        locust__callback_left(&c);
    locust__callback_end(&c);
}

/* Hands a message to its function. */
static void locust__message_deliver(locust_env *env, const locust_message *message)
{
    for (int i = 0; i < env->n_handlers; i++)
        if (strcmp(env->handlers[i].type, message->type) == 0) {
            locust__message_call(env, env->handlers[i].fn, message);
            return;
        }
    locust__log_print(&env->log, LOCUST__LOG_WARNING, "locust.runners",
        "Unknown message type received: %s (from %s)", message->type, message->from);
}

static bool locust__message_register(locust_env *env, const char *type, locust_message_fn fn)
{
    int i = 0;
    while (i < env->n_handlers && strcmp(env->handlers[i].type, type) != 0)
        i++;
    if (i == LOCUST_MESSAGES_MAX)
        return false;
    env->handlers[i] = (locust_message_handler){type, fn};
    env->n_handlers += i == env->n_handlers;
    return true;
}

/* Takes over the functions that the test names. */
static void locust__message_init(locust_env *env)
{
    env->fleet_index = -1;
    for (int i = 0; i < LOCUST_MESSAGES_MAX && env->test->messages[i].type; i++)
        locust__message_register(env, env->test->messages[i].type, env->test->messages[i].fn);
}

LOCUST_API bool locust_register_message(locust_env *env, const char *type, locust_message_fn fn)
{
    return locust__message_register(env, type, fn);
}

LOCUST_API bool locust_send_message(
    locust_env *env, const char *type, const char *json, const char *to)
{
    locust_message message = {type, json ? json : "null", "local"};
    if (!locust__json_is_valid(locust__view_of(message.data))) {
        locust__log_print(&env->log, LOCUST__LOG_ERROR, "locust.runners",
            "locust_send_message(\"%s\"): the data is no JSON: %.100s", type, json);
        return false;
    }
    if (env->send_message)
        return env->send_message(env, type, message.data, to);
    locust__message_deliver(env, &message);
    return true;
}

LOCUST_API const char *locust_role(const locust_env *env)
{
    return env->options.worker ? "worker" : env->options.master ? "master" : "local";
}

LOCUST_API int locust_worker_index(const locust_env *env)
{
    return env->fleet_index;
}
