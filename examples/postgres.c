// postgres.c - clerks that read a list of items and write orders, each over one connection to PostgreSQL.
//   cc -O2 -I.. postgres.c -o postgres
//   ./postgres --headless --users 50 --spawn-rate 10 --run-time 1m --host postgresql://locust:secret@127.0.0.1/shop
// With -DLOCUST_TLS (and -lmbedtls -lmbedx509 -lmbedcrypto) the URL's ?sslmode=verify-full works, too.
// Tables: items (id int, name text, price numeric), orders (item int, note text).
// Shows: a query with parameters, which is prepared once for each connection; NULL; a transaction with its own
// verdict; what an error looks like.
#include "locust.h"
#include <stdlib.h>

static void report(locust_user *u)
{
    /* Row "POSTGRES cheap items"; .name left out: the text of the query. */
    locust_pg_result *r = locust_pg_query(u, "select id, name, price from items where price < $1 order by id",
                                          .params = LOCUST_PG_PARAMS("9.99"), .name = "cheap items");
    for (int row = 0; row < r->n_rows; row++) {
        const char *price = locust_pg_value(r, row, 2); /* text, as the server wrote it; NULL: SQL's null */
        if (!price || atof(price) >= 9.99)
            locust_fail(u, "an item that is not cheap");
    }
}

static void order(locust_user *u)
{
    locust_pg_query(u, "begin", .name = "order");
    locust_pg_result *r = locust_pg_query(u, "insert into orders (item, note) values ($1, $2)",
                                          .params = LOCUST_PG_PARAMS("7", NULL), .name = "order");
    if (r->error || r->affected != 1) /* "42P01: relation ... does not exist": counted already */
        locust_pg_query(u, "rollback", .name = "order");
    else
        locust_pg_query(u, "commit", .name = "order", .timeout_s = 5); /* cancelled after that time */
}

LOCUST_USER(Clerk,
    .host = "postgresql://locust:secret@127.0.0.1:5432/shop?sslmode=prefer",
    .wait_time = LOCUST_BETWEEN(0.1, 0.5),
    .tasks = LOCUST_TASKS(LOCUST_TASK(report, .weight = 5), LOCUST_TASK(order)));

LOCUST_MAIN(.users = { &Clerk })
