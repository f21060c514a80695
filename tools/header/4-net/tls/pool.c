/* ============================================================================================
 * >>tls_pool  small blocks that stay
 *
 * Purpose     gives what lives as long as a connection (its state, keys, session) from memory apart
 *             from mbedTLS's. A handshake allocates 40 KB and frees them: were such blocks among
 *             its own, no page of them would go back to the system.
 * Invariants  a block that is given back is cleared: it held keys.
 * Cost        a block is rounded up to 16 bytes; memory is kept until the end of the test.
 * Names       locust__tls_pool_
 * ============================================================================================ */

enum {
    LOCUST__TLS_POOL_UNIT = 16,
    LOCUST__TLS_POOL_UNITS = 64, // larger blocks are allocated one by one
    LOCUST__TLS_POOL_FIRST = 2048,
    LOCUST__TLS_POOL_MOST = 65536, // bytes to cut blocks from, at once
    // A sanitizer shall know the bounds of each block.
    LOCUST__TLS_POOL_IS_ON = !LOCUST__WITH_ASAN && !LOCUST__WITH_VALGRIND
};

typedef union locust__tls_pool_block { // that nobody has
    union locust__tls_pool_block *next;
    int64_t aligned;
} locust__tls_pool_block;

typedef struct locust__tls_pool {
    locust__arena *arena;
    char *rest; // to cut from
    size_t rest_len, grown;
    locust__tls_pool_block *free[LOCUST__TLS_POOL_UNITS + 1]; // by units
} locust__tls_pool;

static size_t locust__tls_pool_units(size_t n)
{
    return (n + LOCUST__TLS_POOL_UNIT - 1) / LOCUST__TLS_POOL_UNIT;
}

/* More memory to cut from, twice as much each time. What is left of the last counts for nothing. */
static bool locust__tls_pool_grow(locust__tls_pool *pool)
{
    size_t n = pool->grown ? pool->grown : LOCUST__TLS_POOL_FIRST;
    n = n < LOCUST__TLS_POOL_MOST ? n : LOCUST__TLS_POOL_MOST;
    pool->rest = locust__arena_zalloc(pool->arena, n);
    pool->rest_len = pool->rest ? n : 0;
    pool->grown += pool->rest_len;
    return pool->rest != NULL;
}

/* n zeroed bytes. NULL: no memory. */
static void *locust__tls_pool_take(locust__tls_pool *pool, size_t n)
{
    size_t units = locust__tls_pool_units(n), bytes = units * LOCUST__TLS_POOL_UNIT;
    locust__tls_pool_block *block;
    if (!LOCUST__TLS_POOL_IS_ON || units > LOCUST__TLS_POOL_UNITS)
        return locust__memory_zalloc(n);
    block = pool->free[units];
    if (block) {
        pool->free[units] = block->next;
        block->next = NULL;
        return block;
    }
    if (pool->rest_len < bytes && !locust__tls_pool_grow(pool))
        return NULL;
    pool->rest += bytes;
    pool->rest_len -= bytes;
    return pool->rest - bytes;
}

/* Takes back what had n bytes; NULL is none. */
static void locust__tls_pool_give(locust__tls_pool *pool, void *p, size_t n)
{
    size_t units = locust__tls_pool_units(n);
    locust__tls_pool_block *block = p;
    if (!p)
        return;
    mbedtls_platform_zeroize(p, n);
    if (!LOCUST__TLS_POOL_IS_ON || units > LOCUST__TLS_POOL_UNITS) {
        LOCUST_FREE(p);
        return;
    }
    block->next = pool->free[units];
    pool->free[units] = block;
}
