// What a master reads of a worker: reports, as MessagePack. A report is added whole or not at all, and the total is the
// sum of the rows.
// Input: the data of a `stats` message.
#define LOCUST__LAYERS 8
#include "../../tools/header/all.h"
#include "../check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static locust_env *env;
    locust__view bytes = {(const char *)data, n};
    uint64_t requests = 0, failures = 0, timed = 0, before;
    locust__merge m;
    size_t whole;
    bool good;
    if (locust__msgpack_measure(bytes, &whole) != LOCUST__MSGPACK_OK || whole != n)
        return 0;
    env = locust__memory_zalloc(sizeof *env);
    locust__stats_init(&env->stats);
    before = env->stats.total.requests;
    good = locust__merge_report(&m, env, bytes, true);
    MUST(good == !m.wrong);
    MUST(good ||
         (env->stats.total.requests == before && !env->stats.n_entries && !env->stats.n_failures));
    for (size_t i = 0; i < env->stats.n_entries; i++) {
        const locust__entry *e = env->stats.entries[i];
        requests += e->requests;
        failures += e->failures;
        timed += e->hist.total;
        MUST(e->failures <= e->requests && e->hist.total <= e->requests && e->total_ns < LOCUST__S);
        MUST(!e->hist.total || locust__entry_percentile_ns(e, 0.5) >= 0);
    }
    MUST(requests + env->stats.other.requests == env->stats.total.requests);
    MUST(failures + env->stats.other.failures == env->stats.total.failures);
    MUST(timed + env->stats.other.hist.total == env->stats.total.hist.total);
    locust__stats_free(&env->stats);
    LOCUST_FREE(env);
    return 0;
}
