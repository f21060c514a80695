// qdrant.c - users that write points with vectors to Qdrant, and search for the nearest.
//   cc -O2 -I.. qdrant.c -o qdrant
//   ./qdrant --headless --users 20 --spawn-rate 10 --run-time 1m --host http://127.0.0.1:6333
// Shows: a collection that each user may ask for, points as JSON, a search with its recall, a recommendation.
#include "locust.h"

enum { DIMENSION = 4 };

static void start(locust_user *u)
{
    locust_qdrant_create(u, "docs", .dimension = DIMENSION, .distance = "Cosine"); /* row "qdrant create" */
    locust_qdrant_upsert(u, "docs", locust_text(u,
        "[{\"id\": %llu, \"vector\": [%g, 0.2, 0.3, 0.4], \"payload\": {\"user\": %llu}}]",
        (unsigned long long)u->id, locust_random(u), (unsigned long long)u->id));
}

static void search(locust_user *u)
{
    /* Row "qdrant search". .truth: the ids that a perfect search would find, best first, as an earlier run with
       .params = "{\"exact\": true}" has shown; r->recall is the share of them that came. */
    const int64_t nearest[] = { 3, 1, 4 };
    const float vector[DIMENSION] = { 0.5f, 0.2f, 0.3f, 0.4f };
    locust_qdrant_result *r = locust_qdrant_search(u, "docs", vector, DIMENSION, .limit = 10,
        .filter = "{\"must\": [{\"key\": \"user\", \"range\": {\"gte\": 1}}]}", .truth = nearest, .n_truth = 3);
    if (!r->error && r->n >= 10 && r->recall < 0.3)
        locust_fail(u, "not even one of the three nearest");
}

static void recommend(locust_user *u)
{
    locust_qdrant_recommend(u, "docs", "[1]", .limit = 3, .name = "like the first"); /* row "qdrant like the first" */
}

static void browse(locust_user *u)
{
    locust_qdrant_scroll(u, "docs", .limit = 5, .not_empty = true); /* nothing there is a failure */
}

LOCUST_USER(Vectors,
    .host = "http://127.0.0.1:6333",
    .headers = LOCUST_HEADERS({ "api-key", "secret" }), /* if the server wants one */
    .wait_time = LOCUST_CONSTANT_THROUGHPUT(5),
    .on_start = start,
    .tasks = LOCUST_TASKS(LOCUST_TASK(search, .weight = 9), LOCUST_TASK(recommend), LOCUST_TASK(browse)));

LOCUST_MAIN(.users = { &Vectors })
