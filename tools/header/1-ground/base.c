/* ============================================================================================
 * >>base  memory, strings, random numbers, hashing
 *
 * Purpose     what several sections need and ISO C lacks.
 * Uses        >>config
 * ============================================================================================ */

/* What only our own bug can break. */
#define LOCUST_ASSERT(truth) \
    ((truth) ? (void)0 : locust__base_assert_failed(#truth, __FILE__, __LINE__))

static void locust__base_assert_failed(const char *truth, const char *file, int line)
{
    dprintf(STDERR_FILENO, "locust: internal error: %s is false at %s:%d\n", truth, file, line);
    abort();
}

/* Says one sentence on standard error. Here and in >>cli without stdio's buffers, which are 1.5 KB of a
 * static program that does not use them otherwise. */
LOCUST__PRINTF(1, 0) static void locust__base_vsay(const char *format, va_list args)
{
    dprintf(STDERR_FILENO, "locust: ");
    vdprintf(STDERR_FILENO, format, args);
    dprintf(STDERR_FILENO, "\n");
}

LOCUST__PRINTF(1, 2) static void locust__base_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    locust__base_vsay(format, args);
    va_end(args);
}

/* Ends the program after one sentence: for a broken rule or a broken set-up, never for what a
 * server does. */
LOCUST__PRINTF(2, 3) static _Noreturn void locust__base_die(int code, const char *format, ...)
{
    va_list args;
    fflush(NULL);
    va_start(args, format);
    locust__base_vsay(format, args);
    va_end(args);
    exit(code);
}

enum { LOCUST__EXIT_USAGE = 2 }; // as argparse, and so Locust

static const int64_t LOCUST__NEVER = INT64_MAX; // a deadline that does not come
static const int64_t LOCUST__MS = 1000000;
static const int64_t LOCUST__S = 1000000000;

/* Seconds of the public API to nanoseconds; saturates. */
static int64_t locust__base_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    if (seconds > 9e9)
        return LOCUST__NEVER;
    return (int64_t)(seconds * 1e9 + 0.5);
}

/* now + span without overflow. */
static int64_t locust__base_after(int64_t now_ns, int64_t span_ns)
{
    return span_ns > LOCUST__NEVER - now_ns ? LOCUST__NEVER : now_ns + span_ns;
}

enum { LOCUST__LINE = 64 }; // bytes of a cache line; at least it is so on most machines

/* Begins to fetch so many lines, to be written to; no address faults. The statement in assembly keeps
 * gcc 12 from taking a function that only prefetches for one that does nothing, and dropping its calls. */
static inline void locust__base_prefetch(const void *p, size_t lines)
{
    __asm__ volatile("");
    for (size_t i = 0; i < lines; i++)
        __builtin_prefetch((const void *)((uintptr_t)p + i * LOCUST__LINE), 1);
}

static void *locust__base_zalloc(size_t n)
{
    void *p = LOCUST_MALLOC(n ? n : 1);
    if (p)
        memset(p, 0, n);
    return p;
}

/* An array of n items with room for one more: the same, a grown one, or NULL if memory ran out
 * (then the old one stays). */
static void *locust__base_grow(void *array, size_t item_bytes, size_t n, size_t *cap)
{
    size_t more = *cap ? 2 * *cap : 16;
    void *grown;
    if (n < *cap)
        return array;
    grown = LOCUST_REALLOC(array, more * item_bytes);
    if (grown)
        *cap = more;
    return grown;
}
