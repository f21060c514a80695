// The verdict on a request: by its status, or by the test.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

#define STATUS(line)                                                       \
    {                                                                      \
        READ, SEND("HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"), LOOP \
    }

static void task_status(locust_user *u)
{
    locust_response *r = locust_get(u, "/", .no_redirect = true);
    CHECK_STR(r->error, NULL); // there is an answer, whatever it says
    CHECK_INT(n_samples, 1);
    samples[1].status = r->status;
    snprintf(samples[1].name, sizeof samples[1].name, "%s", r->reason);
}

static void statuses(void)
{
    static const step s200[] = STATUS("200 OK"), s204[] = STATUS("204 "),
                      s299[] = STATUS("299 Odd"), s301[] = STATUS("301 Moved Permanently"),
                      s304[] = STATUS("304 Not Modified"), s399[] = STATUS("399 Odd"),
                      s400[] = STATUS("400 Bad Request"), s404[] = STATUS("404 Not Found"),
                      s499[] = STATUS("499 Odd"), s500[] = STATUS("500 Internal Server Error"),
                      s503[] = STATUS("503 Service Unavailable");
    static const struct {
        const step *steps;
        int status;
        const char *reason, *error;
    } rows[] = {
        {s200, 200, "OK", ""},
        {s204, 204, "", ""},
        {s299, 299, "Odd", ""},
        {s301, 301, "Moved Permanently", ""},
        {s304, 304, "Not Modified", ""},
        {s399, 399, "Odd", ""},
        {s400, 400, "Bad Request", "400 Client Error: Bad Request"},
        {s404, 404, "Not Found", "404 Client Error: Not Found"},
        {s499, 499, "Odd", "499 Client Error: Odd"},
        {s500, 500, "Internal Server Error", "500 Server Error: Internal Server Error"},
        {s503, 503, "Service Unavailable", "503 Server Error: Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_ROW(rows[i].reason);
        run_on(rows[i].steps, rows[i].steps, task_status);
        CHECK_INT(samples[1].status, rows[i].status);
        CHECK_STR(samples[1].name, rows[i].reason);
        CHECK_INT(samples[0].status, rows[i].status);
        CHECK_STR(samples[0].error, rows[i].error);
        CHECK_INT(result.requests, 1);
        CHECK_INT(result.failures, *rows[i].error != 0);
    }
}

static void task_verdicts(locust_user *u)
{
    locust_response *r = locust_get(u, "/1", .catch_response = true); // 404: success by verdict
    CHECK_INT(r->status, 404);
    CHECK_INT(n_samples, 0);
    locust_success(r);
    CHECK_INT(n_samples, 0);                         // recorded once, at the next request
    r = locust_get(u, "/2", .catch_response = true); // the usual rule
    CHECK_INT(n_samples, 1);
    r = locust_get(u, "/3", .catch_response = true);
    locust_failure(r, "login refused with code %d", 7);
    r = locust_get(u, "/4", .catch_response = true); // the last verdict counts
    locust_failure(r, "no");
    locust_success(r);
    r = locust_get(u, "/5", .catch_response = true);
    locust_success(r);
    locust_failure(r, "yes");
    r = locust_get(u, "/6", .name = "six");
    CHECK_INT(n_samples, 6);
    r = locust_get(u, "/7", .catch_response = true); // recorded at the end of the task
    locust_failure(r, "at the end");
    CHECK_INT(n_samples, 6);
}

static void verdicts(void)
{
    static const char *const errors[] = {"", "404 Client Error: Not Found",
        "login refused with code 7", "", "yes", "404 Client Error: Not Found", "at the end"};
    static const step s404[] = STATUS("404 Not Found");
    run_on(s404, s404, task_verdicts);
    CHECK_INT(n_samples, 7);
    for (int i = 0; i < 7; i++) {
        char name[8] = {'/', (char)('1' + i), '\0'};
        CHECK_ROW(name);
        CHECK_STR(samples[i].error, errors[i]);
        CHECK_STR(samples[i].name, i == 5 ? "six" : name);
        CHECK_INT(samples[i].status, 404);
    }
    CHECK_INT(result.requests, 7);
    CHECK_INT(result.failures, 5);
    CHECK_INT(result.n_texts, 5); // by row and text
    CHECK_STR(result.texts[1].text, "login refused with code 7");
}

static void task_verdict_names(locust_user *u)
{
    char name[32], text[400];
    locust_response *r;
    snprintf(name, sizeof name, "borrowed");
    r = locust_get(u, "/1", .catch_response = true, .name = name);
    memset(name, 'x', sizeof name - 1); // "borrowed until the call returns"
    name[sizeof name - 1] = '\0';
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    locust_failure(r, "%s", text); // 255 bytes at most
    memset(text, 'z', sizeof text - 1);
    r = locust_get(u, "/2", .catch_response = true);
    locust_failure(r, "100%% of %s", "it");
    r = locust_get(u, "http://127.0.0.1:1/", .catch_response = true); // no answer at all
    CHECK_INT(r->status, 0);
    locust_success(r);
}

static void verdict_texts(void)
{
    run_on(answering, answering, task_verdict_names);
    CHECK_INT(n_samples, 3);
    CHECK_STR(samples[0].name, "borrowed");
    CHECK_INT(strlen(samples[0].error), 255);
    CHECK_INT(strspn(samples[0].error, "y"), 255);
    CHECK_STR(samples[1].error, "100% of it");
    CHECK_STR(samples[2].error, "");
    CHECK_INT(result.failures, 2);
}

TESTS({"statuses", statuses}, {"verdicts", verdicts}, {"verdict texts", verdict_texts}, )
