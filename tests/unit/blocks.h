/* blocks.h - the memory that the parts take in a test: counted, watched, and refused when a test says.
 *
 * Include it before the parts. Who includes it frees nothing by free() that the parts gave.
 */
#ifndef BLOCKS_H
#define BLOCKS_H
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static long blocks_made, blocks_live;
static size_t blocks_largest;    // that was asked for since a test set it to 0
static int blocks_fail_in = -1;  // the one that fails, counted down; -1: none
static bool blocks_fail_on;      // all after it too
static size_t blocks_fail_least; // smaller ones neither fail nor count down

static inline bool blocks_fail(size_t n)
{
    blocks_made++;
    blocks_largest = n > blocks_largest ? n : blocks_largest;
    if (blocks_fail_in < 0 || n < blocks_fail_least)
        return false;
    if (blocks_fail_in > 0) {
        blocks_fail_in--;
        return false;
    }
    if (!blocks_fail_on)
        blocks_fail_in = -1;
    return true;
}

static inline void *blocks_malloc(size_t n)
{
    void *p = blocks_fail(n) ? NULL : malloc(n);
    blocks_live += p != NULL;
    return p;
}

static inline void *blocks_realloc(void *p, size_t n)
{
    void *grown = blocks_fail(n) ? NULL : realloc(p, n);
    blocks_live += !p && grown;
    return grown;
}

static inline void blocks_free(void *p)
{
    blocks_live -= p != NULL;
    free(p);
}

#define LOCUST_MALLOC(n)     blocks_malloc(n)
#define LOCUST_REALLOC(p, n) blocks_realloc((p), (n))
#define LOCUST_FREE(p)       blocks_free(p)
#endif
