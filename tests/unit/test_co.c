// What the loop keeps of coroutines, without any that runs: queues, waking, how late the due were.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "loop.h"

enum { COS = 6 };
static locust__co some[COS];

static void lay_out(void)
{
    memset(some, 0, sizeof some);
    memset(&loop, 0, sizeof loop);
    for (int i = 0; i < COS; i++)
        some[i].state = LOCUST__STATE_PARKED;
}

/* The queue holds these, forwards and backwards: "021". */
static void holds(const locust__queue *q, const char *want)
{
    char forwards[COS + 1] = "", backwards[COS + 1] = "";
    size_t n = 0, len = strlen(want);
    for (const locust__co *co = q->first; co && n < COS; co = co->next) {
        CHECK(co->queue == q);
        forwards[n++] = (char)('0' + (co - some));
    }
    CHECK_STR(forwards, want);
    n = 0;
    for (const locust__co *co = q->last; co && n < COS; co = co->prev)
        backwards[n++] = (char)('0' + (co - some));
    CHECK_INT(n, len);
    for (size_t i = 0; i < len; i++)
        CHECK_INT(backwards[i], want[len - 1 - i]);
}

/* A row is a list of steps: a digit pushes that coroutine, '-' and a digit removes it. */
static const struct {
    const char *name, *steps, *want;
} rows[] = {
    {"nothing", "", ""},
    {"one", "3", "3"},
    {"in order", "0213", "0213"},
    {"the only one leaves", "0-0", ""},
    {"the first leaves", "012-0", "12"},
    {"the middle leaves", "012-1", "02"},
    {"the last leaves", "012-2", "01"},
    {"all leave, first to last", "012-0-1-2", ""},
    {"all leave, last to first", "012-2-1-0", ""},
    {"one leaves and comes back", "012-13-214", "0314"},
    {"the first goes to the end", "012-00", "120"},
    {"who is in no queue leaves none", "01-5-5", "01"},
    {"refilled", "01-0-123", "23"},
};

static void queues(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        locust__queue q = {NULL, NULL};
        CHECK_ROW(rows[i].name);
        lay_out();
        for (const char *p = rows[i].steps; *p; p++)
            if (*p == '-')
                locust__queue_remove(&some[*++p - '0']);
            else
                locust__queue_push(&q, &some[*p - '0']);
        holds(&q, rows[i].want);
        CHECK_INT(!q.first, !q.last);
    }
}

static void push_twice(void *arg)
{
    locust__queue q = {NULL, NULL};
    (void)arg;
    lay_out();
    locust__queue_push(&q, &some[0]);
    locust__queue_push(&q, &some[0]);
}

static void a_coroutine_is_in_one_queue(void)
{
    char *text;
    int status = check_fork(push_twice, NULL, &text);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(text, "internal error") != NULL);
    free(text);
}

/* Woken once, and by what came first. */
static void waking(void)
{
    locust__queue q = {NULL, NULL};
    CHECK_ROW(NULL);
    lay_out();
    for (int i = 0; i < 3; i++)
        locust__queue_push(&q, &some[i]);
    locust__co_wake(&loop, &some[1], LOCUST__WAKE_TIMEOUT);
    holds(&q, "02"); // it waits for nothing any more
    holds(&loop.ready, "1");
    CHECK_INT(some[1].state, LOCUST__STATE_READY);
    CHECK_INT(some[1].wake, LOCUST__WAKE_TIMEOUT);
    locust__co_wake(&loop, &some[1], LOCUST__WAKE_CANCELLED);
    CHECK_INT(some[1].wake, LOCUST__WAKE_TIMEOUT);
    locust__co_wake(&loop, &some[0], LOCUST__WAKE_EVENT);
    locust__co_wake(&loop, &some[4], LOCUST__WAKE_AGAIN); // parked, in no queue
    holds(&loop.ready, "104");
    holds(&q, "2");
}

static void who_is_not_parked_is_not_woken(void)
{
    static const enum locust__state states[] = {
        LOCUST__STATE_FREE, LOCUST__STATE_READY, LOCUST__STATE_RUNNING};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        lay_out();
        some[0].state = states[i];
        some[0].wake = LOCUST__WAKE_TIMEOUT;
        locust__co_wake(&loop, &some[0], LOCUST__WAKE_EVENT);
        CHECK(!loop.ready.first);
        CHECK_INT(some[0].state, states[i]);
        CHECK_INT(some[0].wake, LOCUST__WAKE_TIMEOUT);
    }
}

/* One hundred who were 1 to 100 ms late. A percentile is element floor(100 * share) of the sorted
 * times, which the histogram keeps to 1 part in 2^8. */
static void lateness(void)
{
    lay_out();
    CHECK_INT(locust__loop_lateness_ns(&loop, 0.5), 0);
    for (int ms = 100; ms >= 1; ms--)
        locust__loop_count_late(&loop, ms * MS);
    CHECK_INT(loop.latest_ns, 100 * MS);
    CHECK_NEAR((double)locust__loop_lateness_ns(&loop, 0.5), 51e6, 51e6 / 256);
    CHECK_NEAR((double)locust__loop_lateness_ns(&loop, 0.9), 91e6, 91e6 / 256);
    CHECK_INT(locust__loop_lateness_ns(&loop, 1), 100 * MS); // never more than the latest
    for (int i = 1; i <= 100; i++)
        CHECK(locust__loop_lateness_ns(&loop, i / 100.0) <= loop.latest_ns);
    locust__hist_free(&loop.late);
    CHECK_INT(blocks_live, 0);
}

static void the_clock(void)
{
    int64_t before = now(), read;
    lay_out();
    read = locust__loop_clock(&loop);
    CHECK(read >= before && read <= now());
    CHECK_INT(loop.clock_ns, read);
}

TESTS({"queues", queues}, {"a coroutine is in one queue", a_coroutine_is_in_one_queue},
    {"waking", waking}, {"who is not parked is not woken", who_is_not_parked_is_not_woken},
    {"lateness", lateness}, {"the clock", the_clock}, )
