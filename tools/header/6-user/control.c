/* ============================================================================================
 * >>control  what a task says to its user
 *
 * Purpose     the public calls inside a user: requests, waits, stopping, failing, deferring,
 *             scheduling.
 * Invariants  each call first makes sure that it comes from the coroutine of its `u`: any other
 *             would park one coroutine and wake another. A call that parks and finds its user
 *             cancelled afterwards does not return: it leaves the task.
 * Names       locust__control_
 * Uses        >>co >>misuse >>stack >>switch >>stats >>cookie >>services >>pool >>session
 *             >>client >>short >>fault >>task >>user >>retry >>life
 * ============================================================================================ */

/* The user behind `u`, which must be the one that runs; anything else is refused with the rule that
 * was broken. `what`: the call, as the test's author knows it. */
static locust__user *locust__control_user(locust_user *u, const char *what)
{
    locust__user *user = (locust__user *)(void *)u;
    if (!u || !locust__loop_now || locust__loop_now->current != user->co)
        locust__misuse("%s was called outside its user: "
                       "call it from that user's own task, on_start or on_stop",
            what);
    return user;
}

/* The same for a call that waits. */
static locust__user *locust__control_waiting(locust_user *u, const char *what)
{
    locust__misuse_of_waiting(what);
    return locust__control_user(u, what);
}

/* The same for a call that leaves the task. */
static locust__user *locust__control_leaving(locust_user *u, const char *what)
{
    locust__misuse_of_leaving(what);
    return locust__control_user(u, what);
}

/* Ends the whole test, because it cannot go on as it is set up (an https URL without TLS, a data
 * file that is missing), and cuts this user. The first reason is the one that is reported. */
static _Noreturn void locust__control_break(locust__user *user, const char *why) LOCUST__PARKS
{
    locust__users *all = user->all;
    if (!all->setup_error)
        all->setup_error = why;
    user->root->stopping = true;
    all->request_stop(all->env);
    if (locust__callback_now && !locust__callback_now->leaves)
        locust__misuse("%s", why);
    locust__life_unwind(user);
}

/* Counts an exception, and says it once. Returns the statistics' copy of the text. */
static const char *locust__control_except(locust__services *sv, const char *text, const char *place)
{
    const char *message = locust__stats_text(sv->recorder.stats, text);
    if (locust__stats_except(sv->recorder.stats, message, place))
        locust__log_print(sv->log, LOCUST__LOG_ERROR, "locust.user.task", "%s (%s)", text, place);
    return message;
}

/* Fails the running task: counts the exception, says it once, and leaves the task. */
static _Noreturn void locust__control_fail(
    locust__user *user, const char *text, const char *place) LOCUST__PARKS
{
    locust__services *sv = user->all->services;
    const char **step = user->root->step ? &user->all->step.failure : NULL, *message;
    if (step) { // not counted
        char both[512];
        snprintf(both, sizeof both, "%s (%s)", text, place);
        *step = *step ? *step : locust__stats_text(sv->recorder.stats, both);
        locust__life_leave(user, LOCUST__OUTCOME_FAILED);
    }
    message = locust__control_except(sv, text, place);
    if (user->all->on_error)
        user->all->on_error(user->all->env, &user->as, message);
    locust__life_leave(user, LOCUST__OUTCOME_FAILED);
}

/* The client of a user or coroutine that calls `what`. Fails the task if there is no memory for
 * it. */
static locust__client *locust__control_client(locust__user *user, const char *what) LOCUST__PARKS
{
    locust__client *client = locust__user_client(user);
    if (!client)
        locust__control_fail(user, "out of memory", what);
    return client;
}

/* The same for what all coroutines of a user share. */
static locust__session *locust__control_session(locust_user *u, const char *what) LOCUST__PARKS
{
    return locust__control_client(locust__control_user(u, what), what)->session;
}

/* Is this an address in the frame of a function that has returned? Those lie from `low`, where the
 * stack ends, up to `frame`, that of the public call that was made. */
static bool locust__control_is_dead(const char *low, const char *frame, const void *p)
{
    return (const char *)p >= low && (const char *)p < frame;
}

/* The first field of a request that a function has left behind which has returned; NULL: none. */
static const char *locust__control_dead_field(
    const char *low, const char *frame, const locust_request *req)
{
    return locust__control_is_dead(low, frame, req->headers)       ? ".headers"
           : locust__control_is_dead(low, frame, req->params)      ? ".params"
           : locust__control_is_dead(low, frame, req->form_fields) ? ".form_fields"
           : locust__control_is_dead(low, frame, req->parts)       ? ".parts"
           : locust__control_is_dead(low, frame, req->url)         ? ".url"
           : locust__control_is_dead(low, frame, req->name)        ? ".name"
           : locust__control_is_dead(low, frame, req->body)        ? ".body"
           : locust__control_is_dead(low, frame, req->json)        ? ".json"
           : locust__control_is_dead(low, frame, req->form)        ? ".form"
                                                                   : NULL;
}

LOCUST__APART LOCUST_API locust_response *(locust_send)(locust_user *u, const locust_request *req)
{
    static const char call[] = "a request (locust_send, locust_get, ...)";
    locust__user *user = locust__control_waiting(u, call);
    const char *dead = locust__control_dead_field(
        locust__stack_low(user->co->stack), __builtin_frame_address(0), req);
    locust__client *client;
    locust_error error;
    if (dead)
        locust__misuse(
            "%s has a %s of a function that has returned: LOCUST_HEADERS, LOCUST_PARAMS and "
            "local arrays live until the end of their block",
            call, dead);
    if (user->root->lost) {
        locust__retry_park(user);
        if (user->co->cancelled)
            locust__life_unwind(user);
    }
    client = locust__control_client(user, "a request");
    error = locust__short_send(client, req, &user->cls->base);
    if (client->broken)
        locust__control_break(user, client->broken);
    locust__retry_note(user, client->response.code);
    if (error == LOCUST_ERR_CANCELLED || user->co->cancelled)
        locust__life_unwind(user);
    return &client->response;
}

LOCUST_API bool locust_set_header(locust_user *u, const char *name, const char *value)
{
    return locust__session_set_field(locust__control_session(u, "locust_set_header"), name, value);
}

LOCUST_API const char *locust_cookie(locust_user *u, const char *url, const char *name)
{
    locust__user *user = locust__control_user(u, "locust_cookie");
    return locust__session_cookie(locust__control_session(u, "locust_cookie"), user->all->services,
        &user->cls->base, url, name);
}

LOCUST_API bool locust_set_cookie(locust_user *u, const char *url, const char *text)
{
    locust__user *user = locust__control_user(u, "locust_set_cookie");
    return LOCUST__WITH_COOKIES && !user->cls->as->no_cookies &&
           locust__session_set_cookie(locust__control_session(u, "locust_set_cookie"),
               user->all->services, &user->cls->base, url, text);
}

LOCUST_API void locust_clear_cookies(locust_user *u)
{
    locust__session *session =
        locust__user_session(locust__control_user(u, "locust_clear_cookies"));
    if (session)
        locust__jar_clear(&session->jar);
}

LOCUST_API void locust_set_cert(locust_user *u, const char *cert_file, const char *key_file)
{
    locust__session *session = locust__control_session(u, "locust_set_cert");
    session->cert_file = cert_file;
    session->key_file = key_file;
    session->conns = &session->own; // a connection of the class's pool has another identity
    locust__conns_close(session->conns);
}

LOCUST_API void locust_close_connections(locust_user *u)
{
    locust__session *session =
        locust__user_session(locust__control_user(u, "locust_close_connections"));
    if (session)
        locust__conns_close(session->conns);
}

LOCUST_API void(locust_sleep)(locust_user *u, double seconds)
{
    locust__user *user = locust__control_waiting(u, "locust_sleep");
    locust__loop *loop = user->all->services->loop;
    locust__co_sleep(loop, locust__time_after(locust__loop_clock(loop), locust__time_ns(seconds)));
    if (user->co->cancelled)
        locust__life_unwind(user);
}

LOCUST_API void locust_stop_test(locust_user *u)
{
    locust__user *user = locust__control_user(u, "locust_stop_test");
    user->all->request_stop(user->all->env);
    user->root->stopping = true;
}

LOCUST_API void(locust_interrupt)(locust_user *u, bool reschedule)
{
    locust__user *user = locust__control_leaving(u, "locust_interrupt");
    if (user != user->root)
        locust__misuse(
            "locust_interrupt() was called in a coroutine that a user has started: a task "
            "leaves its set itself");
    if (user->top == &user->base)
        locust__misuse("locust_interrupt() leaves a task set, and the tasks of a class itself are "
                       "none: to end the user call locust_stop_user()");
    locust__life_leave(
        user, reschedule ? LOCUST__OUTCOME_INTERRUPTED_NOW : LOCUST__OUTCOME_INTERRUPTED);
}

LOCUST_API void locust_stop_user(locust_user *u)
{
    locust__user *user = locust__control_leaving(u, "locust_stop_user");
    user->root->stopping = true;
    if (user != user->root)
        locust__co_cancel(user->all->services->loop, user->root->co);
    locust__life_unwind(user);
}

/* Takes a sentence about a call that breaks a rule: this is the loop's `misused`, see >>misuse. A
 * listener that breaks one before the first user ends the program: nothing was measured yet. */
LOCUST__COLD static void locust__control_misused(void *arg, const char *text) LOCUST__PARKS
{
    locust__users *all = arg;
    locust__services *sv = all->services;
    const locust__callback *callback = locust__callback_now;
    locust__user *user = sv->loop->current ? sv->loop->current->arg : NULL;
    char place[192] = "";
    size_t n = locust__misuse_place(text, place, sizeof place);
    if (callback && !all->next_id)
        locust__die(LOCUST__EXIT_USAGE, "%s", text);
    if (callback) {
        locust__control_except(sv, text, n ? place : callback->what);
        return;
    }
    LOCUST_ASSERT(user); // >>misuse ends the program where no user runs
    locust__user_place(user, n ? ", " : "", place + n, sizeof place - n);
    locust__control_fail(user, text, place);
}

LOCUST_API void locust_fail_at(
    locust_user *u, const char *file, int line, const char *function, const char *format, ...)
{
    locust__user *user;
    const char *slash = strrchr(file, '/');
    char text[256], place[128];
    va_list args;
    if (locust__callback_now && !locust__callback_now->fails)
        locust__misuse(
            "locust_fail was called in %s, which has to return", locust__callback_now->what);
    user = locust__control_user(u, "locust_fail");
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(place, sizeof place, "%s:%d in %s", slash ? slash + 1 : file, line, function);
    locust__control_fail(user, text, place);
}

LOCUST_API bool locust_defer(locust_user *u, void (*fn)(void *arg), void *arg)
{
    locust__user *user = locust__control_user(u, "locust_defer");
    locust__user_cleanup *c = LOCUST_MALLOC(sizeof *c);
    if (!c) {
        fn(arg);
        return false;
    }
    *c = (locust__user_cleanup){user->cleanups, fn, arg};
    user->cleanups = c;
    return true;
}

LOCUST_API bool locust_schedule(locust_user *u, locust_task_fn task, bool first)
{
    locust__user *user = locust__control_user(u, "locust_schedule")->root;
    locust__user_inserted *in = LOCUST_MALLOC(sizeof *in), **at = &user->inserted;
    if (!in)
        return false;
    while (!first && *at)
        at = &(*at)->next;
    *in = (locust__user_inserted){*at, task, user->top};
    *at = in;
    return true;
}

LOCUST_API bool(locust_set_tasks)(locust_user *u, const locust_task *tasks)
{
    locust__user *user = locust__control_user(u, "locust_set_tasks")->root;
    locust__fault fault = {.code = 0}; // not reported: the caller is told that there is one
    locust__planner p = {&user->all->tags, user->cls->as->name, &fault};
    locust__plan *plan;
    if (user->top != &user->base)
        locust__misuse("locust_set_tasks() was called inside a task set: call it from on_start or "
                       "from a task of the class itself");
    plan = locust__plan_new(&p, NULL, tasks, NULL, 0);
    if (!plan)
        return false;
    locust__plan_free(user->own_plan);
    user->own_plan = plan;
    locust__frame_init(&user->base, plan);
    return true;
}

LOCUST_API void locust_wait(locust_user *u)
{
    locust__user *user = locust__control_waiting(u, "locust_wait");
    locust__loop *loop = user->all->services->loop;
    if (locust__life_wait_ns(user)) {
        user->waiting = true;
        locust__co_sleep(loop, user->waited_ns);
        user->waiting = false;
    } else {
        locust__life_yield(user, loop->turn);
    }
    if (user->co->cancelled)
        locust__life_unwind(user);
}
