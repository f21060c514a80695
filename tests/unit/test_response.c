// What a test does with an answer.
// boards
#include "blocks.h"
#define LOCUST__LAYERS 5
#include "../../tools/header/all.h"
#include "client.h"

static void task_fields(locust_user *u)
{
    int64_t began = server_now_ms();
    locust_response *r = locust_get(u, "/x");
    double own_ms = (double)(server_now_ms() - began) + 2;
    const char *header, *body;
    CHECK_STR(r->error, NULL);
    CHECK_INT(r->code, LOCUST_OK);
    CHECK_INT(r->status, 201);
    CHECK_STR(r->reason, "Made It");
    CHECK_STR(r->body, "body");
    CHECK_INT(r->body_len, 4);
    CHECK_INT(r->body[r->body_len], 0);
    CHECK(r->user == u);
    CHECK(r->elapsed_ms > 0 && r->elapsed_ms <= own_ms);
    CHECK_STR(locust_header(r, "x-one"), "1");
    CHECK_STR(locust_header(r, "X-ONE"), "1");
    CHECK_STR(locust_header(r, "X-On"), NULL);
    CHECK_STR(locust_header(r, "X-One-"), NULL);
    CHECK_STR(locust_header(r, ""), NULL);
    CHECK_STR(locust_header(r, "empty"), "");
    CHECK_STR(locust_header(r, "1"), NULL); // a value is no name
    header = locust_header(r, "x-one");
    body = r->body;
    locust_sleep(u, 0.02); // lives until this user's next request
    CHECK_STR(header, "1");
    CHECK_STR(body, "body");
    CHECK_STR(r->reason, "Made It");
}

static void response_fields(void)
{
    static const step page[] = {READ,
        SEND("HTTP/1.1 201 Made It\r\nX-One: 1\r\nx-one: 2\r\nEmpty:\r\nContent-Length: "
             "4\r\n\r\nbody"),
        LOOP};
    run_on(page, page, task_fields);
    CHECK_INT(samples[0].length, 4);
    CHECK(samples[0].elapsed_ms > 0);
    CHECK_INT(result.bytes, 4);
}

/* -- misuse ends the program with the rule, and exit code 2 -- */

static void misuse_failure(locust_user *u)
{
    locust_failure(locust_get(u, "/"), "no");
}

static void misuse_success(locust_user *u)
{
    locust_success(locust_get(u, "/"));
}

static void misuse_old_response(locust_user *u)
{
    locust_response *r = locust_get(u, "/", .catch_response = true);
    locust_get(u, "/");
    locust_success(r);
}

static const struct misuse {
    const char *name;
    void (*task)(locust_user *u);
    const char *words[2]; // that the one sentence holds
} misuses[] = {
    {"locust_failure without catch_response", misuse_failure, {"locust_failure", "catch_response"}},
    {"locust_success without catch_response", misuse_success, {"locust_success", "catch_response"}},
    {"verdict on an old response", misuse_old_response, {"locust_success"}},
};

static void run_misuse(void *arg)
{
    const struct misuse *m = arg;
    run_with(m->task, (setting){.host = now.s->url});
    CHECK_INT(result.failures, 0);
}

static int lines_in(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void misuse(void)
{
    server s = server_start(1, answering);
    now.s = &s;
    for (size_t i = 0; i < sizeof misuses / sizeof *misuses; i++) {
        const struct misuse *m = &misuses[i];
        char *text;
        int status = check_fork(run_misuse, (void *)(uintptr_t)m, &text);
        CHECK_ROW(m->name);
        if (!CHECK(WIFEXITED(status)) || !CHECK_INT(WEXITSTATUS(status), 2) ||
            !CHECK_INT(lines_in(text), 1))
            fprintf(stderr, "it printed: %s\n", text);
        for (int k = 0; k < 2 && m->words[k]; k++)
            if (!CHECK(strstr(text, m->words[k]) != NULL))
                fprintf(stderr, "it printed: %s\n", text);
        CHECK(strncmp(text, "locust: ", 8) == 0);
        free(text);
    }
    server_stop(&s);
}

TESTS({"response fields", response_fields}, {"misuse", misuse}, )
