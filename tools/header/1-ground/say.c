/* ============================================================================================
 * >>say  sentences on standard error, and the end of the program
 *
 * Purpose     tells the person at the terminal about a broken rule, a wrong set-up or a bug of this
 *             header, before a log exists or instead of going on. Never about what a server does.
 * Names       locust__say locust__say_first
 *             locust__say_va locust__die locust__assert_failed locust__exit_
 * ============================================================================================ */

/* Gives back a terminal that was taken over, so that what is said last is seen; NULL: none was. It
 * is the process's, and called in signal handlers too. */
static void (*locust__say_first)(void);

/* States what only a bug of this header can break; stays on in every build. */
#define LOCUST_ASSERT(truth) ((truth) ? (void)0 : locust__assert_failed(#truth, __FILE__, __LINE__))

static void locust__assert_failed(const char *truth, const char *file, int line)
{
    if (locust__say_first)
        locust__say_first();
    dprintf(STDERR_FILENO, "locust: internal error: %s is false at %s:%d\n", truth, file, line);
    abort();
}

/* Says one sentence on standard error, as one line that does nothing to a terminal, whatever words
 * of arguments and files stand in it. dprintf() and not stderr: a static program that writes to no
 * stream is 1.5 KB smaller without stdio's buffers. */
LOCUST__PRINTF(1, 0) static void locust__say_va(const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    locust__text_plain(text, strlen(text));
    if (locust__say_first)
        locust__say_first();
    dprintf(STDERR_FILENO, "locust: %s\n", text);
}

LOCUST__PRINTF(1, 2) static void locust__say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
}

/* Says one sentence and ends the program, after what stdio still holds was written. */
LOCUST__PRINTF(2, 3) static _Noreturn void locust__die(int code, const char *format, ...)
{
    va_list args;
    fflush(NULL);
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
    exit(code);
}

/* Exit codes of the command beside 0 and 1, which is for failed requests (--exit-code-on-error). */
enum {
    LOCUST__EXIT_USAGE = 2, // it cannot begin, or a rule was broken; Locust's argparse exits so too
    LOCUST__EXIT_CHECK = 3, // a --check does not hold
    LOCUST__EXIT_GENERATOR = 4, // --fail-on-generator-limit: the generator was the limit
    LOCUST__EXIT_LOST = 5,      // --fail-on-lost-workers: figures are not those of all workers
};
