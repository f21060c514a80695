// Memory of coroutines: aligned, apart from each other, zeroed, re-used; and where there is none.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

enum { COS = 3000 };
static locust__co *taken[COS];

static const struct {
    const char *name;
    size_t bytes;
} rows[] = {{"none", 0}, {"one", 1}, {"a line", 64}, {"an odd number", 777}, {"a page", 5000}};

/* Each is written from end to end, and has what was written into it at the end. */
static void blocks_lie_apart(void)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        locust__co_pool *pool;
        size_t n = rows[r].bytes;
        CHECK_ROW(rows[r].name);
        begin();
        pool = locust__co_pool_of(&loop, n);
        CHECK(pool && locust__co_pool_of(&loop, n) == pool);
        CHECK(locust__co_pool_of(&loop, n + 1) != pool);
        for (int i = 0; i < COS; i++) {
            const unsigned char *block;
            taken[i] = locust__co_pool_take(pool);
            if (!CHECK(taken[i] != NULL))
                return;
            CHECK_INT((uintptr_t)taken[i] % LOCUST__CACHE_LINE, 0);
            CHECK(taken[i]->armed_ns == LOCUST__NEVER && taken[i]->pool == pool);
            block = locust__co_block(taken[i]);
            for (size_t k = 0; k < n; k++)
                if (block[k])
                    CHECK_INT(block[k], 0);
            if (n)
                memset(locust__co_block(taken[i]), i, n);
        }
        for (int i = 0; i < COS; i++) {
            const unsigned char *block = locust__co_block(taken[i]);
            if (n)
                CHECK(block[0] == (unsigned char)i && block[n - 1] == (unsigned char)i);
            CHECK(taken[i]->pool == pool);
            locust__co_pool_give(taken[i]);
        }
        end();
    }
}

/* The one that was given back last comes first, zeroed, and no more memory is asked for. */
static void blocks_are_used_again(void)
{
    locust__co_pool *pool;
    long live;
    begin();
    pool = locust__co_pool_of(&loop, 100);
    for (int i = 0; i < 100; i++) {
        taken[i] = locust__co_pool_take(pool);
        memset(locust__co_block(taken[i]), 1, 100);
    }
    live = blocks_live;
    for (int i = 0; i < 100; i++)
        locust__co_pool_give(taken[i]);
    for (int i = 99; i >= 0; i--) {
        const char *block;
        CHECK(locust__co_pool_take(pool) == taken[i]);
        block = locust__co_block(taken[i]);
        for (int k = 0; k < 100; k++)
            CHECK_INT(block[k], 0);
    }
    CHECK_INT(blocks_live, live);
    for (int i = 0; i < 100; i++)
        locust__co_pool_give(taken[i]);
    end();
}

/* Timer entries find a coroutine by its time: an ended one keeps what it was armed for. */
static void a_block_keeps_its_timer(void)
{
    locust__co_pool *pool;
    locust__co *co;
    begin();
    pool = locust__co_pool_of(&loop, 8);
    co = locust__co_pool_take(pool);
    co->armed_ns = 12345;
    locust__co_pool_give(co);
    CHECK(locust__co_pool_take(pool) == co);
    CHECK_INT(co->armed_ns, 12345);
    locust__co_pool_give(co);
    end();
}

static void without_memory(void)
{
    locust__co_pool *pool;
    locust__co *co = NULL;
    begin();
    CHECK(!locust__co_pool_of(&loop, SIZE_MAX));
    CHECK(!locust__co_pool_of(&loop, SIZE_MAX - 64));
    blocks_fail_in = 0;
    CHECK(!locust__co_pool_of(&loop, 50));
    pool = locust__co_pool_of(&loop, 50);
    for (int fails = 0; !co && fails < 10; fails++) {
        blocks_fail_in = fails;
        co = locust__co_pool_take(pool);
        blocks_fail_in = -1;
        CHECK(!co == (fails < 2) || LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND);
    }
    if (CHECK(co != NULL))
        locust__co_pool_give(co);
    end();
}

TESTS({"blocks lie apart", blocks_lie_apart}, {"blocks are used again", blocks_are_used_again},
    {"a block keeps its timer", a_block_keeps_its_timer}, {"without memory", without_memory}, )
