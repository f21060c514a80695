// Connections of users to origins: many users at once, each with its own connection and answers; permits
// of a shared pool.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

enum { MANY = 30, ROUNDS = 10 };

static void task_many(locust_user *u)
{
    char id[32], path[64];
    for (int i = 0; i < ROUNDS; i++) {
        locust_response *r;
        snprintf(id, sizeof id, "%d-%d", (int)u->id, i);
        snprintf(path, sizeof path, "/%s", id);
        r = locust_get(u, path, .name = "many", .headers = LOCUST_HEADERS({"X-Id", id}));
        CHECK_STR(r->error, NULL);
        CHECK_INT(r->reused, i > 0);
        locust_sleep(u, 0.001 * (double)(u->id % 3)); // others receive in between
        CHECK(r->user == u);
        CHECK(strncmp(r->body + 5, id, strlen(id)) == 0);
        snprintf(path, sizeof path, "X-Id: %s", id);
        CHECK(has_line(r, path));
    }
}

static void many_users(void)
{
    server s = server_start(1, reflecting);
    run_with(task_many, (setting){.host = s.url, .users = MANY});
    CHECK_INT(result.requests, MANY * ROUNDS);
    CHECK_INT(result.failures, 0);
    CHECK_INT(s.seen->accepted, MANY);
    CHECK_INT(s.seen->requests, MANY * ROUNDS);
    server_stop(&s);
}

/* A connection for which there is no memory does not keep its permit. */
static void permits(void)
{
    static locust__loop loop;
    locust__services sv = {.loop = &loop};
    locust__conns pool = {.limit = 1};
    locust__origin origin = {.port = 80};
    locust__allowance allowance = {LOCUST__NEVER, 0};
    locust__conn *conn = NULL;
    CHECK_INT(locust__loop_open(&loop), 0);
    CHECK_INT(locust__conns_wait(&pool, &sv, &origin, &allowance), LOCUST_OK);
    CHECK_INT(pool.permits->free.free, 0);
    blocks_fail_in = 0;
    CHECK_INT(locust__conns_take(&pool, &sv, &origin, &conn), LOCUST_ERR_MEMORY);
    CHECK_INT(pool.permits->free.free, 1);
    CHECK_INT(locust__conns_wait(&pool, &sv, &origin, &allowance), LOCUST_OK);
    CHECK_INT(locust__conns_take(&pool, &sv, &origin, &conn), LOCUST_OK);
    CHECK_INT(pool.permits->free.free, 0);
    locust__conns_give(&pool, &sv, conn);
    CHECK_INT(pool.permits->free.free, 1);
    locust__conns_free(&pool);
    locust__arena_free(&sv.arena);
    locust__loop_close(&loop);
}

TESTS({"many users", many_users}, {"permits of a shared pool", permits}, )
