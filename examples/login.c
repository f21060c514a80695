/* Log in once for each user; all its later requests carry the token from the answer.
 *
 *   cc -O2 -I.. login.c -o login
 *   ./login --headless -u 100 -r 10 -t 1m -H http://127.0.0.1:8080
 *
 * Shows: a value out of a JSON answer, a header field of a user, a refusal that is no failure, a user
 * who cannot start. */
#include "locust.h"
#include <stdio.h>

static void log_in(locust_user *u)
{
    char account[96], token[200], field[220];
    snprintf(account, sizeof account, "{\"user\": \"user%llu\", \"password\": \"secret\"}",
             (unsigned long long)u->id);
    locust_response *r = locust_post(u, "/login", .json = account, .catch_response = true);
    if (!locust_json_string(r, "auth.token", token, sizeof token)) {
        locust_failure(r, "no token in the answer");
        locust_fail(u, "cannot log in"); /* in on_start: the end of this user; in a task: of that run */
    }
    snprintf(field, sizeof field, "Bearer %s", token);
    locust_set_header(u, "Authorization", field);
}

static void orders(locust_user *u)
{
    locust_response *r = locust_get(u, "/orders", .catch_response = true);
    if (r->status == 401) { /* the token has expired: that is as it should be */
        locust_success(r);
        log_in(u);
    }
}

static void log_out(locust_user *u)
{
    locust_post(u, "/logout");
}

LOCUST_USER(Customer,
    .wait_time = LOCUST_BETWEEN(0.5, 2),
    .on_start = log_in,
    .on_stop = log_out,
    .tasks = LOCUST_TASKS(LOCUST_TASK(orders)));

LOCUST_MAIN(.users = { &Customer })
