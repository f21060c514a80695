/* ============================================================================================
 * >>memory  allocation, growing, fetching ahead
 *
 * Purpose     zeroed memory, arrays that grow, and prefetching, upon the macros LOCUST_MALLOC,
 *             LOCUST_REALLOC and LOCUST_FREE, which a test may replace.
 * Names       locust__memory_ locust__cache_line
 * ============================================================================================ */

enum { LOCUST__CACHE_LINE = 64 }; // bytes; so it is on most machines

/* Starts to fetch so many cache lines, for writing. Any address will do: a prefetch never faults.
 * The empty assembly is needed: gcc 12 takes a function that only prefetches for one without
 * effect, and drops the calls of it. */
static inline void locust__memory_prefetch(const void *p, size_t lines)
{
    __asm__ volatile("");
    for (size_t i = 0; i < lines; i++)
        __builtin_prefetch((const void *)((uintptr_t)p + i * LOCUST__CACHE_LINE), 1);
}

static void *locust__memory_zalloc(size_t n)
{
    void *p = LOCUST_MALLOC(n ? n : 1);
    if (p)
        memset(p, 0, n);
    return p;
}

/* Makes room for one more item in an array of n: returns the array, moved if it had to grow, or
 * NULL if memory ran out; then the old array is still there. */
static void *locust__memory_grow(void *array, size_t item_bytes, size_t n, size_t *cap)
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
