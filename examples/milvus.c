// milvus.c - users that write entities with vectors to Milvus over gRPC, and search for the nearest.
//   cc -O2 -I.. milvus.c -o milvus
//   ./milvus --headless --users 20 --spawn-rate 10 --run-time 1m --host http://127.0.0.1:19530
#include "locust.h"

enum { DIMENSION = 4 };

static void start(locust_user *u)
{
    /* Row "milvus create": with its index, and loaded; one that is there already is fine. */
    locust_milvus_create(u, "docs", .dimension = DIMENSION, .metric = "L2");
    locust_milvus_upsert(u, "docs", /* row "milvus upsert"; what is no field, as "user", may be there too */
        locust_text(u, "[{\"id\": %llu, \"vector\": [0.1, 0.2, 0.3, 0.%llu], \"user\": \"%llu\"}]", (unsigned long long)u->id,
            (unsigned long long)u->id % 10, (unsigned long long)u->id));
}

static void search(locust_user *u)
{
    /* Row "milvus search". .truth: the ids that a perfect search would find, best first, as an earlier run with
       an exact index gave them; r->recall is the share that was found. */
    static const int64_t nearest[] = {1};
    const float vector[DIMENSION] = {0.1F, 0.2F, 0.3F, 0.1F};
    locust_milvus_result *r = locust_milvus_search(u, "docs", vector, DIMENSION, .limit = 10, .output_fields = "id,user",
        .truth = nearest, .n_truth = 1);
    if (!r->error && r->recall < 0.9)
        locust_fail(u, "recall %.2f", r->recall);
}

static void query(locust_user *u)
{
    locust_milvus_query(u, "docs", "id in [1, 2, 3]", .output_fields = "id", .not_empty = true);
}

LOCUST_USER(Vectors, .host = "http://127.0.0.1:19530", .wait_time = LOCUST_BETWEEN(0.1, 0.5), .on_start = start,
    .tasks = LOCUST_TASKS(LOCUST_TASK(search, .weight = 9), LOCUST_TASK(query)));

LOCUST_MAIN(.users = {&Vectors})
