// mongodb.c - readers and a writer of a shop's documents in MongoDB.
//   cc -O2 -I.. mongodb.c -o mongodb
//   ./mongodb --headless --users 21 --spawn-rate 10 --run-time 1m --host mongodb://127.0.0.1:27017/shop
// Shows: finding documents and checking what came, inserting, an aggregation, a command of any kind with a name of
// its own. Documents are JSON; "$date" and so on is MongoDB's Extended JSON.
#include "locust.h"
#include <string.h>

static void find(locust_user *u)
{
    /* Row "MONGODB find items": all batches up to the limit. The result lives until this user's next call. */
    locust_mongo_result *r = locust_mongo_find(u, "items", "{\"price\": {\"$lt\": 10}}",
                                               .sort = "{\"_id\": 1}", .projection = "{\"name\": 1}", .limit = 20);
    for (int i = 0; i < r->n; i++)
        if (!strstr(locust_mongo_document(r, i), "\"name\""))
            locust_fail(u, "an item without a name");
}

static void count(locust_user *u)
{
    /* Row "MONGODB count items" */
    locust_mongo_command(u, "{\"count\": \"items\"}");
}

LOCUST_USER(Reader,
    .host = "mongodb://127.0.0.1:27017/shop", /* mongodb://user:password@host/shop?authSource=admin&tls=true */
    .weight = 20,
    .wait_time = LOCUST_BETWEEN(0.1, 0.5),
    .tasks = LOCUST_TASKS(LOCUST_TASK(find, .weight = 8), LOCUST_TASK(count)));

static void order(locust_user *u)
{
    /* Row "MONGODB insert orders". A document that the server refuses is a failure with its sentence and code. */
    locust_mongo_insert(u, "orders", locust_text(u,
        "[{\"item\": %d, \"at\": {\"$date\": \"2026-01-01T00:00:00Z\"}}, {\"item\": 8}]", (int)locust_random_int(u, 1, 99)));
}

static void ship(locust_user *u)
{
    /* Rows "MONGODB update orders" and "MONGODB per item" */
    locust_mongo_update(u, "orders", "{\"shipped\": null}", "{\"$set\": {\"shipped\": true}}");
    locust_mongo_aggregate(u, "orders", "[{\"$group\": {\"_id\": \"$item\", \"n\": {\"$sum\": 1}}}]", .name = "per item");
}

LOCUST_USER(Writer,
    .host = "mongodb://127.0.0.1:27017/shop",
    .fixed_count = 1,
    .wait_time = LOCUST_CONSTANT(0.2),
    .tasks = LOCUST_TASKS(LOCUST_TASK(order, .weight = 3), LOCUST_TASK(ship)));

LOCUST_MAIN(.users = { &Reader, &Writer })
