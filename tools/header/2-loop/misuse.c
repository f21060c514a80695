/* ============================================================================================
 * >>misuse  calls that break a rule, functions that may not wait
 *
 * Purpose     ends what made a call that breaks a rule: the task that runs, or the function of the
 *             test that was called back. The run goes on, and its reports are written. Ends the
 *             program only where no test runs, so that nothing is lost.
 * Invariants  while locust__callback_now is set nothing parks: a listener, or a function in the
 *             middle of a request, may not wait, for the one who called it is not finished. So one
 *             such function runs at a time, or one inside another. Two globals:
 *             locust__callback_now, and locust__misuse_site, where the test's last public call
 *             stands.
 * Cost        a setjmp for each function that is called back; three stores for a public call.
 * Names       locust__callback locust__callback_ locust__misuse locust__misuse_
 * Uses        >>co
 * ============================================================================================ */

typedef struct locust__callback { // a function of the test that is called back, while it runs
    const char *what;             // "a listener of on_request": as a sentence names it
    bool leaves;                  // it may leave the task that runs, as by locust_stop_user
    bool fails;                   // it may call locust_fail
    struct locust__callback *outer;
    int depth; // how many are outside of it
    locust__loop *loop;
    void *scopes, *entered; // what the coroutine had entered before
    jmp_buf back;           // left for if the function breaks a rule
} locust__callback;

static locust__callback *locust__callback_now; // NULL: none runs

enum { LOCUST__MISUSE_SITES = 4 };

static struct { // where the test's last calls stand: several, for one may be another's argument
    const char *call;
    const char *file, *function;
    int line;
} locust__misuse_sites[LOCUST__MISUSE_SITES];
static unsigned locust__misuse_calls; // so far

LOCUST_API void locust_at(const char *call, const char *file, int line, const char *function)
{
    unsigned i = locust__misuse_calls++ % LOCUST__MISUSE_SITES;
    locust__misuse_sites[i].call = call;
    locust__misuse_sites[i].file = file;
    locust__misuse_sites[i].line = line;
    locust__misuse_sites[i].function = function;
}

/* Writes "test.c:12 in browse" for the call that a sentence begins with, if that place is known.
 * Returns the length. */
static size_t locust__misuse_place(const char *sentence, char *out, size_t size)
{
    for (unsigned n = 1; n <= LOCUST__MISUSE_SITES; n++) { // the latest first
        unsigned i = (locust__misuse_calls - n) % LOCUST__MISUSE_SITES;
        const char *call = locust__misuse_sites[i].call, *file = locust__misuse_sites[i].file,
                   *slash;
        if (!call || strncmp(sentence, call, strlen(call)) != 0)
            continue;
        slash = strrchr(file, '/');
        snprintf(out, size, "%s:%d in %s", slash ? slash + 1 : file, locust__misuse_sites[i].line,
            locust__misuse_sites[i].function);
        return strlen(out);
    }
    return 0;
}

/* Ends the function of the test that broke a rule. The sentence begins with the call. */
LOCUST__PRINTF(1, 2) static _Noreturn void locust__misuse(const char *format, ...)
{
    locust__callback *callback = locust__callback_now;
    locust__loop *loop = callback ? callback->loop : locust__loop_now;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (loop && loop->misused && (callback || (loop->current && loop->current->local))) {
        loop->misused(loop->misused_arg, text);
        if (callback)
            longjmp(callback->back, 1);
    }
    locust__die(LOCUST__EXIT_USAGE, "%s", text);
}

/* Begins a call of the test's own function. The caller then has setjmp(c->back) return 0 before it
 * calls, and locust__callback_end behind both ways. */
static void locust__callback_begin(locust__callback *c, locust__loop *loop, const char *what)
{
    const locust__co *co = loop ? loop->current : NULL;
    c->what = what;
    c->leaves = c->fails = false;
    c->outer = locust__callback_now;
    c->depth = c->outer ? c->outer->depth + 1 : 0;
    c->loop = loop;
    c->scopes = co ? co->stack->scopes : NULL;
    c->entered = co ? co->stack->entered : NULL;
    locust__callback_now = c;
}

static void locust__callback_end(const locust__callback *c)
{
    locust__callback_now = c->outer;
}

/* Refuses a call that waits, in a function that may not. */
static void locust__misuse_of_waiting(const char *call)
{
    if (locust__callback_now)
        locust__misuse(
            "%s was called in %s, which may not wait: call it in a user's task, on_start "
            "or on_stop, or in a coroutine that locust_spawn() starts",
            call, locust__callback_now->what);
}

/* Refuses a call that leaves the task, in a function that has to return. */
static void locust__misuse_of_leaving(const char *call)
{
    if (locust__callback_now && !locust__callback_now->leaves)
        locust__misuse(
            "%s was called in %s, which has to return", call, locust__callback_now->what);
}
