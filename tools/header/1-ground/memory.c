/* ============================================================================================
 * >>memory  allocation, growing, fetching ahead
 *
 * Purpose     what ISO C lacks beside malloc, realloc and free.
 * Names       locust__memory_ locust__cache_line
 * ============================================================================================ */

enum { LOCUST__CACHE_LINE = 64 }; // bytes of a cache line; at least it is so on most machines

/* Begins to fetch so many lines, to be written to; no address faults. The statement in assembly keeps
 * gcc 12 from taking a function that only prefetches for one that does nothing, and dropping its calls. */
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

/* An array of n items with room for one more: the same, a grown one, or NULL if memory ran out
 * (then the old one stays). */
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
