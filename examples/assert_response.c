/* What counts as a failure: expectations, which are fields of a request, and verdicts, which are calls.
 *
 *   cc -O2 -I.. assert_response.c -o assert_response
 *   ./assert_response --headless -u 10 -r 10 -t 30s -H http://127.0.0.1:8080
 *
 * Shows: .expect_status, .expect_body, .expect_json; .catch_response with locust_failure and
 * locust_success. The texts group failures in the reports: keep ids and times out of them. */
#include "locust.h"
#include <string.h>

static void expect(locust_user *u)
{
    locust_get(u, "/api/item?id=7", .name = "/api/item", .expect_json = true, .expect_body = "\"id\"");
    locust_get(u, "/gone", .expect_status = 404); /* any other is a failure, 200 too */
}

static void login(locust_user *u)
{
    locust_response *r = locust_post(u, "/login", .form = "username=admin&password=admin",
                                     .catch_response = true);
    double code;
    if (!locust_json_number(r, "code", &code))
        locust_failure(r, "no numeric field \"code\" in the reply");
    else if (code != 0)
        locust_failure(r, "login refused with code %.0f", code);
    /* no verdict given: the usual rule (a reply with a status below 400 passes) applies */
}

static void search(locust_user *u)
{
    locust_response *r = locust_get(u, "/search?q=tea", .name = "/search", .catch_response = true);
    if (r->error)
        return; /* no answer at all: a failure with that sentence */
    if (r->status == 429)
        locust_success(r); /* asked to slow down: what we came to see */
    else if (strstr(r->body, "no results"))
        locust_failure(r, "tea was not found");
    else if (r->elapsed_ms > 500)
        locust_failure(r, "slower than 500 ms");
}

LOCUST_USER(Tester,
    .wait_time = LOCUST_CONSTANT(0.1),
    .tasks = LOCUST_TASKS(LOCUST_TASK(expect), LOCUST_TASK(login), LOCUST_TASK(search)));

LOCUST_MAIN(.users = { &Tester })
