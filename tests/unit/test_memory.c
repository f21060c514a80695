// Allocation: zeroed memory, arrays that grow, arenas, addresses that may be fetched ahead.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static void memory_is_zeroed(void)
{
    static const size_t sizes[] = {0, 1, 64, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *p = locust__memory_zalloc(sizes[i]);
        CHECK(p != NULL); // for 0 bytes too: NULL says that memory ran out
        for (size_t k = 0; k < sizes[i]; k++)
            CHECK_INT(p[k], 0);
        LOCUST_FREE(p);
    }
    blocks_fail_in = 0;
    CHECK(!locust__memory_zalloc(1));
    CHECK_INT(blocks_live, 0);
}

static void arrays_grow(void)
{
    int *array = NULL;
    size_t cap = 0;
    long made = blocks_made;
    for (int i = 0; i < 10000; i++) {
        array = locust__memory_grow(array, sizeof *array, (size_t)i, &cap);
        CHECK(array && cap > (size_t)i);
        array[i] = i * 3;
    }
    CHECK(blocks_made - made <= 14); // it doubles: 16 * 2^10 > 10000
    for (int i = 0; i < 10000; i++)
        CHECK_INT(array[i], i * 3);
    LOCUST_FREE(array);
    CHECK_INT(blocks_live, 0);
}

static void arrays_stay_without_memory(void)
{
    size_t cap = 0, full;
    char *array = locust__memory_grow(NULL, 1, 0, &cap), *same;
    full = cap;
    for (size_t i = 0; i < full; i++)
        array[i] = (char)i;
    blocks_fail_in = 0;
    same = locust__memory_grow(array, 1, full - 1, &cap); // there is room: nothing is asked for
    CHECK(same == array);
    CHECK_INT(blocks_fail_in, 0);
    CHECK(!locust__memory_grow(array, 1, full, &cap));
    CHECK_INT(cap, full);
    for (size_t i = 0; i < full; i++) // the old one stays
        CHECK_INT(array[i], (char)i);
    LOCUST_FREE(array);
    blocks_fail_in = 0;
    cap = 0;
    CHECK(!locust__memory_grow(NULL, 8, 0, &cap));
    CHECK_INT(cap, 0);
    CHECK_INT(blocks_live, 0);
}

/* Pieces stay where they are, whatever comes after them, and all end at once. */
static void arenas(void)
{
    locust__arena a = {NULL};
    char *pieces[200], *copy;
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = locust__arena_zalloc(&a, i);
        CHECK(pieces[i] && (uintptr_t)pieces[i] % sizeof(int64_t) == 0);
        for (size_t k = 0; k < i; k++)
            CHECK_INT(pieces[i][k], 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++)
            CHECK_INT((unsigned char)pieces[i][k], i);
    copy = locust__arena_copy(&a, "abcdef", 3);
    CHECK_STR(copy, "abc");
    CHECK_STR(locust__arena_copy(&a, NULL, 0), "");
    blocks_fail_in = 0;
    CHECK(!locust__arena_zalloc(&a, 8));
    blocks_fail_in = 0;
    CHECK(!locust__arena_copy(&a, "abc", 3));
    CHECK_STR(copy, "abc");
    locust__arena_free(&a);
    CHECK_INT(blocks_live, 0);
    locust__arena_free(&a);                     // it is empty
    CHECK(locust__arena_zalloc(&a, 1) != NULL); // and may be filled again
    locust__arena_free(&a);
    CHECK_INT(blocks_live, 0);
}

static void any_address_may_be_fetched(void)
{
    char *end = check_guarded("x", 1);
    locust__memory_prefetch(NULL, 3);
    locust__memory_prefetch(end, 100); // beyond it nothing can be read
    locust__memory_prefetch((const void *)(uintptr_t)(UINTPTR_MAX - 1), 2);
    CHECK_INT(*end, 'x');
    check_guarded_free(end, 1);
}

TESTS({"memory is zeroed", memory_is_zeroed}, {"arrays grow", arrays_grow},
    {"arrays stay without memory", arrays_stay_without_memory}, {"arenas", arenas},
    {"any address may be fetched", any_address_may_be_fetched}, )
