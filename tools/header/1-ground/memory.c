/* ============================================================================================
 * >>memory  allocation, growing, arenas, fetching ahead
 *
 * Purpose     zeroed memory, arrays that grow, and prefetching, upon the macros LOCUST_MALLOC,
 *             LOCUST_REALLOC and LOCUST_FREE, which a test may replace.
 * Names       locust__memory_ locust__arena_ locust__cache_line
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

/* Memory that is allocated piece by piece and freed at once: what lives as long as a test. Each
 * piece is an allocation of its own, so that ASan and valgrind know its bounds. */
typedef struct locust__arena {
    union locust__arena_piece *last;
} locust__arena;

typedef union locust__arena_piece { // in front of each piece
    union locust__arena_piece *earlier;
    int64_t aligned; // as any type of the kit needs it
} locust__arena_piece;

/* n zeroed bytes. NULL: no memory. */
static void *locust__arena_zalloc(locust__arena *a, size_t n)
{
    locust__arena_piece *piece = locust__memory_zalloc(sizeof *piece + n);
    if (!piece)
        return NULL;
    piece->earlier = a->last;
    a->last = piece;
    return piece + 1;
}

/* A copy of n bytes with a '\0' behind. NULL: no memory. */
static char *locust__arena_copy(locust__arena *a, const char *text, size_t n)
{
    char *copy = locust__arena_zalloc(a, n + 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

static void locust__arena_free(locust__arena *a)
{
    while (a->last) {
        locust__arena_piece *piece = a->last;
        a->last = piece->earlier;
        LOCUST_FREE(piece);
    }
}
