// How long an operation may take: waits for a permit are the generator's own, and move the deadline.
#include "blocks.h"
#define LOCUST__LAYERS 4
#include "../../tools/header/all.h"
#include "loop.h"

static void charges(void)
{
    locust__allowance a = {.deadline_ns = 1000 * S, .generator_ns = 5},
                      never = {.deadline_ns = LOCUST__NEVER};
    int64_t began = now() - 3 * S, took;
    locust__allowance_charge(&a, began);
    took = a.generator_ns - 5;
    CHECK(took >= 3 * S && took <= now() - began);
    CHECK_INT(a.deadline_ns, 1000 * S + took); // by as much as was charged
    locust__allowance_charge(&a, began);
    CHECK(a.generator_ns >= 5 + 6 * S); // they add up
    locust__allowance_charge(&never, began);
    CHECK_INT(never.deadline_ns, LOCUST__NEVER); // and never stays never
}

static locust__sem permits;
static locust__allowance waited;

static void takes(void *arg)
{
    locust_error want = *(const locust_error *)arg;
    CHECK_INT(locust__allowance_take(&waited, &loop, &permits), want);
    note(want ? 'c' : 't');
}

static void gives(void *arg)
{
    (void)arg;
    CHECK_INT(locust__co_sleep(&loop, now() + 20 * MS), LOCUST__WAKE_TIMEOUT);
    note('g');
    locust__sem_give(&loop, &permits);
}

/* Past its deadline too: the server has no part in this wait. */
static void waits_for_a_permit(void)
{
    static locust_error ok = LOCUST_OK;
    begin();
    forget();
    permits = (locust__sem){.free = 1};
    waited = (locust__allowance){.deadline_ns = now() + MS};
    start(takes, &ok); // there is one
    locust__loop_run(&loop);
    CHECK_STR(trace, "t");
    CHECK_INT(permits.free, 0);
    waited = (locust__allowance){.deadline_ns = now() + MS};
    start(takes, &ok);
    start(gives, NULL);
    locust__loop_run(&loop);
    CHECK_STR(trace, "tgt");
    CHECK(waited.generator_ns >= 19 * MS);
    end();
}

static void cancels(void *arg)
{
    locust__co_yield(&loop);
    locust__co_cancel(&loop, arg);
}

static void cancelled(void)
{
    static locust_error no = LOCUST_ERR_CANCELLED;
    begin();
    forget();
    permits = (locust__sem){.free = 0};
    waited = (locust__allowance){.deadline_ns = LOCUST__NEVER};
    start(cancels, start(takes, &no));
    locust__loop_run(&loop);
    CHECK_STR(trace, "c");
    CHECK(!permits.waiters.first && permits.free == 0);
    end();
}

TESTS({"charges", charges}, {"waits for a permit", waits_for_a_permit}, {"cancelled", cancelled}, )
