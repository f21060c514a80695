/* ============================================================================================
 * >>co_pool  memory of coroutines
 *
 * Purpose     gives coroutines their blocks: a locust__co, with memory of its owner's behind it.
 * Invariants  a pool has blocks of one size, in slabs of up to 1024. They are given back to the
 *             system with the loop alone: timer entries that are out of date point at them.
 * Cost        a block is first written when it is first taken: until then it costs no memory.
 * Names       locust__co_pool_
 * Uses        >>co
 *
 *   | locust__co, two cache lines | memory of its owner | to the next cache line |
 * ============================================================================================ */

/* The pool of coroutines with so many bytes behind them, made if there is none. NULL: no memory. */
static locust__co_pool *locust__co_pool_of(locust__loop *loop, size_t bytes)
{
    locust__co_pool *pool;
    size_t behind = LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND ? 0 : bytes;
    for (pool = loop->co_pools; pool; pool = pool->next)
        if (pool->bytes == bytes)
            return pool;
    if (bytes > SIZE_MAX / 4096)
        return NULL;
    pool = locust__memory_zalloc(sizeof *pool);
    if (pool) {
        pool->bytes = bytes;
        pool->stride = (sizeof(locust__co) + behind + LOCUST__CACHE_LINE - 1) &
                       ~(size_t)(LOCUST__CACHE_LINE - 1);
        pool->next = loop->co_pools;
        loop->co_pools = pool;
    }
    return pool;
}

enum { LOCUST__CO_POOL_SLAB = 1 << 20 }; // bytes of a slab that holds several blocks

/* Adds a slab: 64 blocks first, then as many as there are, up to 1024; fewer if they are large.
 * NULL: no memory. */
static locust__co_slab *locust__co_pool_grow(locust__co_pool *pool)
{
    locust__co_slab *slab = locust__memory_zalloc(sizeof *slab);
    size_t count = pool->count < 64 ? 64 : pool->count > 1024 ? 1024 : pool->count;
    if (!slab)
        return NULL;
    while (count > 1 && count > LOCUST__CO_POOL_SLAB / pool->stride)
        count /= 2;
    slab->memory = LOCUST_MALLOC(count * pool->stride + LOCUST__CACHE_LINE);
    if (!slab->memory) {
        LOCUST_FREE(slab);
        return NULL;
    }
    slab->base = (char *)(((uintptr_t)slab->memory + LOCUST__CACHE_LINE - 1) &
                          ~(uintptr_t)(LOCUST__CACHE_LINE - 1));
    slab->count = (uint32_t)count;
    slab->next = pool->slabs;
    pool->count += count;
    pool->slabs = slab;
    return slab;
}

static locust__co *locust__co_pool_at(
    const locust__co_pool *pool, const locust__co_slab *slab, uint32_t i)
{
    return (locust__co *)(void *)(slab->base + i * pool->stride);
}

/* A coroutine: the one that was given back last, else one that was never used. NULL: no memory. */
static locust__co *locust__co_pool_next(locust__co_pool *pool)
{
    locust__co_slab *slab = pool->slabs;
    locust__co *co = pool->free;
    if (co) {
        pool->free = co->next;
        return co;
    }
    if (!slab || slab->used == slab->count)
        slab = locust__co_pool_grow(pool);
    if (!slab)
        return NULL;
    co = locust__co_pool_at(pool, slab, slab->used++);
    memset(co, 0, sizeof *co);
    co->armed_ns = LOCUST__NEVER;
    co->pool = pool;
    return co;
}

static void locust__co_pool_give(locust__co *co)
{
#if LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND
    LOCUST_FREE(co->block);
    co->block = NULL;
#endif
    co->next = co->pool->free;
    co->pool->free = co;
}

/* A coroutine whose owner's memory is zeroed. NULL: no memory. */
static locust__co *locust__co_pool_take(locust__co_pool *pool)
{
    locust__co *co = locust__co_pool_next(pool);
    if (!co)
        return NULL;
#if LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND
    co->block = pool->bytes ? locust__memory_zalloc(pool->bytes) : NULL;
    if (pool->bytes && !co->block) {
        locust__co_pool_give(co);
        return NULL;
    }
#else
    memset(locust__co_block(co), 0, pool->bytes);
#endif
    return co;
}

static void locust__co_pool_free(locust__co_pool *pool)
{
    while (pool->slabs) {
        locust__co_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        LOCUST_FREE(slab->memory);
        LOCUST_FREE(slab);
    }
    LOCUST_FREE(pool);
}
