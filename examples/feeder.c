/* Data from a file: each user logs in with an account that no other user has.
 *
 *   cc -O2 -I.. feeder.c -o feeder
 *   ./feeder --accounts accounts.csv --headless -u 5 -r 5 -t 1m -H http://127.0.0.1:8080
 *
 * On two machines: add --worker-count 2 --worker-index 0 (and 1): each takes its own half of the file.
 * Shows: a feeder, its columns by name, an option of the test's own, users who find nothing to do. */
#include "locust.h"
#include <stdio.h>

LOCUST_FEEDER(accounts, "accounts.csv", .order = LOCUST_FEED_UNIQUE);

struct customer {
    char name[64], password[64];
};

static void choose_file(locust_env *env) /* a feeder opens its file at the first use */
{
    accounts.path = locust_option(env, "accounts");
}

static void log_in(locust_user *u)
{
    struct customer *me = u->data;
    locust_feed_row row;
    if (!locust_feed(u, &accounts, &row)) {
        printf("user %llu: no account left\n", (unsigned long long)u->id);
        locust_stop_user(u);
    }
    if (!locust_field(&row, "user", me->name, sizeof me->name) ||
        !locust_field(&row, "password", me->password, sizeof me->password))
        locust_fail(u, "the file of accounts needs the columns user and password");
    locust_post(u, "/login",
        .form_fields = LOCUST_PARAMS({ "user", me->name }, { "password", me->password }));
}

static void front(locust_user *u) { locust_get(u, "/"); }

LOCUST_USER(Customer,
    .data_size = sizeof(struct customer),
    .wait_time = LOCUST_BETWEEN(0.5, 2),
    .on_start = log_in,
    .tasks = LOCUST_TASKS(LOCUST_TASK(front)));

LOCUST_MAIN(.users = { &Customer },
            .on_init = choose_file,
            .options = { { .name = "accounts", .value = "FILE", .fallback = "accounts.csv",
                           .help = "CSV file with the columns user and password (accounts.csv)" } })
