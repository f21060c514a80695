/* ============================================================================================
 * >>fault  what is wrong with a test before it runs
 *
 * Purpose     one sentence for the person who wrote the test or typed the options, and the exit
 *             code that goes with it, from the place that finds the fault up to >>setup, which
 *             prints it.
 * Invariants  the first fault stays: later ones are often its consequences.
 * Names       locust__fault locust__fault_
 * ============================================================================================ */

typedef struct locust__fault {
    int code;       // the exit code; 0: nothing is wrong
    char text[512]; // the sentence, without a full stop
} locust__fault;

/* Records a fault. Returns false, so that a function that finds one can return this call. */
LOCUST__PRINTF(3, 4)
LOCUST__COLD static bool locust__fault_set(locust__fault *fault, int code, const char *format, ...)
{
    va_list args;
    if (fault->code)
        return false;
    fault->code = code;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return false;
}

static bool locust__fault_memory(locust__fault *fault)
{
    return locust__fault_set(fault, LOCUST__EXIT_USAGE, "out of memory");
}
