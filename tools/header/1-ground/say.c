/* ============================================================================================
 * >>say  sentences on standard error, and the end of the program
 *
 * Purpose     what is said before anything else works, or instead of going on: a broken rule, a wrong
 *             set-up, a bug of our own. Never for what a server does.
 * Names       locust__say locust__say_va locust__die locust__assert_failed locust__exit_
 * ============================================================================================ */

/* What only our own bug can break. */
#define LOCUST_ASSERT(truth) ((truth) ? (void)0 : locust__assert_failed(#truth, __FILE__, __LINE__))

static void locust__assert_failed(const char *truth, const char *file, int line)
{
    dprintf(STDERR_FILENO, "locust: internal error: %s is false at %s:%d\n", truth, file, line);
    abort();
}

/* Says one sentence on standard error. Here and in >>cli without stdio's buffers, which are 1.5 KB of a
 * static program that does not use them otherwise. */
LOCUST__PRINTF(1, 0) static void locust__say_va(const char *format, va_list args)
{
    dprintf(STDERR_FILENO, "locust: ");
    vdprintf(STDERR_FILENO, format, args);
    dprintf(STDERR_FILENO, "\n");
}

LOCUST__PRINTF(1, 2) static void locust__say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
}

/* Ends the program after one sentence: for a broken rule or a broken set-up, never for what a
 * server does. */
LOCUST__PRINTF(2, 3) static _Noreturn void locust__die(int code, const char *format, ...)
{
    va_list args;
    fflush(NULL);
    va_start(args, format);
    locust__say_va(format, args);
    va_end(args);
    exit(code);
}

/* Exit codes of the command beside 0 and 1; 1 is for failures (--exit-code-on-error). */
enum {
    LOCUST__EXIT_USAGE = 2,     // a wrong option, as argparse and so Locust
    LOCUST__EXIT_CHECK = 3,     // a check does not hold
    LOCUST__EXIT_GENERATOR = 4, // --fail-on-generator-limit
};
