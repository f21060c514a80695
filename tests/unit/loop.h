/* loop.h - a loop, coroutines in it, and a line of what happened. Include it behind the parts. */
#ifndef LOOP_H
#define LOOP_H
#include "../check.h"
#include "blocks.h"

static const int64_t US = 1000, MS = 1000000, S = 1000000000;

static locust__loop loop;

static inline int64_t now(void)
{
    return locust__os_now_ns();
}

static inline bool slow(void) // under an emulator, ASan or valgrind
{
    const char *text = getenv("TEST_SLOW");
    return text && atoi(text) > 1;
}

static void begin(void)
{
    blocks_fail_in = -1;
    CHECK_INT(blocks_live, 0);
    CHECK_INT(locust__loop_open(&loop), 0);
}

static inline void end(void)
{
    locust__loop_run(&loop);
    CHECK_INT(loop.running, 0);
    locust__loop_close(&loop);
    CHECK_INT(blocks_live, 0);
}

static inline locust__co *start(void (*fn)(void *arg), void *arg)
{
    locust__co *co = locust__co_start(&loop, "test", 0, fn, arg, NULL);
    CHECK(co != NULL);
    return co;
}

/* What happened, in order. */
static char trace[4096];
static size_t traced;

static inline void note(char what)
{
    if (traced < sizeof trace - 1) {
        trace[traced++] = what;
        trace[traced] = '\0';
    }
}

static inline void forget(void)
{
    traced = 0;
    trace[0] = '\0';
}
#endif
