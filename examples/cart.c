/* A shopper with a memory: logs in once, remembers its token, and judges answers by their content.
 *
 *   cc -O2 -I.. cart.c -o cart
 *   ./cart --headless -u 100 -r 10 -t 1m -H http://127.0.0.1:8080
 *
 * Shows: instance data, a slot of each user that any function reaches, on_start and on_stop, default
 * and own headers, weighted and named requests, failing a response by its content. */
#include "locust.h"
#include <stdio.h>
#include <string.h>

struct shopper { /* u->data: zeroed before on_start */
    char token[48];
};

struct cart { /* reachable without passing the user along */
    int items;
};
LOCUST_LOCAL(struct cart, cart);

static void log_in(locust_user *u)
{
    struct shopper *me = u->data;
    locust_response *r = locust_post(u, "/login", .form = "user=ann&password=secret");
    const char *token = locust_header(r, "x-token");
    snprintf(me->token, sizeof me->token, "Bearer %s", token ? token : "none");
}

static void add_item(locust_user *u)
{
    const struct shopper *me = u->data;
    locust_response *r = locust_post(u, "/echo", .name = "/cart", .json = "{\"item\": 7}",
        .headers = LOCUST_HEADERS({ "Authorization", me->token }), .catch_response = true);
    if (!r->error && !strstr(r->body, "\"item\""))
        locust_failure(r, "the cart lost the item"); /* no verdict: the status decides */
    else
        cart()->items++;
}

static void browse(locust_user *u)
{
    locust_get(u, "/size/2000", .name = "/catalogue", .timeout_s = 5);
}

static void check_out(locust_user *u)
{
    if (u->id == 1)
        printf("user 1 leaves with %d items\n", cart()->items);
}

LOCUST_USER(Shopper,
    .wait_time = LOCUST_BETWEEN(0.1, 0.5),
    .data_size = sizeof(struct shopper),
    .headers = LOCUST_HEADERS({ "Accept-Language", "en" }),
    .on_start = log_in,
    .on_stop = check_out,
    .tasks = LOCUST_TASKS(LOCUST_TASK(browse, .weight = 3), LOCUST_TASK(add_item)));

LOCUST_MAIN(.users = { &Shopper })
